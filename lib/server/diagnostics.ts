/** Metrics on an address of their own, for those who may read them. */
import Fastify, { type FastifyBaseLogger, type FastifyInstance } from 'fastify';
import { Gatekeeper, type Reviewer } from './access.ts';
import type { BindAddress } from './bind-address.ts';
import { logsTo } from './log.ts';
import { addMetrics, type Metrics } from './metrics.ts';
import { selfSigned } from './self-signed.ts';
import type { TlsVersion } from './tls.ts';

export interface DiagnosticsOptions {
  readonly address: BindAddress;
  /** Without one everybody may read, over HTTP. */
  readonly reviewer: Reviewer | undefined;
  readonly minVersion: TlsVersion;
}

/** A server that does not listen yet. With a reviewer it speaks HTTPS, with a certificate that it makes. */
export function createDiagnosticsServer(
  { reviewer, minVersion }: Omit<DiagnosticsOptions, 'address'>,
  metrics: Metrics,
  logger: FastifyBaseLogger,
): FastifyInstance {
  const https = reviewer && { ...selfSigned('localhost', Date.now()), minVersion };
  const app = Fastify({ ...logsTo(logger), forceCloseConnections: true, ...(https && { https }) });
  if (reviewer !== undefined) {
    const gatekeeper = new Gatekeeper(reviewer, () => performance.now());
    app.addHook('onRequest', async ({ headers, method, url, log }, reply) => {
      const path = new URL(url, 'https://localhost').pathname;
      const { status, message } = await gatekeeper.judge(headers.authorization, method, path);
      if (status === 200) return;
      if (status === 500) log.error(message);
      await reply.code(status).send(status === 500 ? 'the API server could not be asked\n' : `${message}\n`);
    });
  }
  addMetrics(app, metrics);
  return app;
}
