/** The web server beside the hooks: liveness, readiness, metrics and, if wanted, the page. */
import Fastify, { type FastifyBaseLogger, type FastifyInstance } from 'fastify';
import { logsTo } from './log.ts';
import { addMetrics, type Metrics } from './metrics.ts';
import { addPage, type PageOptions } from './page.ts';

/** Why the process should get no work now. Ready when there is no reason. */
export class Readiness {
  readonly #reasons: Set<string>;
  readonly #checks: (() => string | undefined)[] = [];

  constructor(...reasons: string[]) {
    this.#reasons = new Set(reasons);
  }

  get reasons(): string[] {
    const found = this.#checks.map((check) => check()).filter((reason) => reason !== undefined);
    return [...this.#reasons, ...found];
  }

  /** Asks `check` whenever it matters: it answers with a reason, or with nothing. */
  addCheck(check: () => string | undefined): void {
    this.#checks.push(check);
  }

  add(reason: string): void {
    this.#reasons.add(reason);
  }

  remove(reason: string): void {
    this.#reasons.delete(reason);
  }
}

interface ProbeServerOptions {
  readonly readiness: Readiness;
  /** Served at `/metrics`; undefined where they are elsewhere. */
  readonly metrics: Metrics | undefined;
  readonly logger: FastifyBaseLogger;
  readonly page?: PageOptions | undefined;
}

/** A server that does not listen yet. `/healthz` answers as long as the process does. */
export function createProbeServer({ readiness, metrics, logger, page }: ProbeServerOptions): FastifyInstance {
  const app = Fastify({ ...logsTo(logger), forceCloseConnections: true });
  app.get('/healthz', async () => 'ok\n');
  app.get('/readyz', async (_request, reply) => {
    const { reasons } = readiness;
    if (reasons.length === 0) return 'ok\n';
    reply.code(503);
    return `not ready: ${reasons.join(', ')}\n`;
  });
  if (metrics !== undefined) addMetrics(app, metrics);
  if (page !== undefined) addPage(app, page);
  app.setNotFoundHandler((_request, reply) => {
    const paths = [...(page ? ['/'] : []), '/healthz', ...(metrics ? ['/readyz', '/metrics'] : ['/readyz'])];
    reply.code(404).send(`not found: try ${paths.slice(0, -1).join(', ')} or ${paths.at(-1)}\n`);
  });
  return app;
}
