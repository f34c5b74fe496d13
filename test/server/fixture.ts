/** A server on free loopback ports with hooks made for the test. */
import type { FastifyBaseLogger } from 'fastify';
import { controllers as real } from '../../hooks/index.ts';
import { type Controller, DEFAULT_CONFIG } from '../../lib/metacontroller/hook.ts';
import { createLogger } from '../../lib/server/log.ts';
import type { PageOptions } from '../../lib/server/page.ts';
import { type Server, startServer, type TlsOptions } from '../../lib/server/server.ts';

const LOOPBACK = { host: '127.0.0.1', port: 0 };

export interface TestServer extends Server {
  readonly log: Record<string, unknown>[];
  readonly logger: FastifyBaseLogger;
  post(path: string, body: string | object, contentType?: string): Promise<Answer>;
  get(path: string): Promise<Answer>;
}

export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly type: string;
  // biome-ignore lint/suspicious/noExplicitAny: an answer under test may be anything
  readonly json: any;
  readonly headers: Headers;
}

/** @param hooks of controllers that there are, by name */
export async function testServer(
  hooks: Readonly<Record<string, Omit<Controller, 'parent'>>>,
  bodyLimit = 2 ** 20,
  hooksTls?: TlsOptions,
  page?: PageOptions,
): Promise<TestServer> {
  const log: Record<string, unknown>[] = [];
  const logger = createLogger(
    { level: 'debug', format: 'json' },
    { write: (line: string) => log.push(JSON.parse(line)) },
  );
  const controllers = Object.fromEntries(
    Object.entries(hooks).map(([name, own]) => [name, { ...own, parent: real[name]!.parent }]),
  );
  const server = await startServer({
    controllers,
    config: DEFAULT_CONFIG,
    bodyLimit,
    logger,
    hooksAddress: LOOPBACK,
    hooksTls,
    webserver: { address: LOOPBACK, option: 'webserver-bind-address' },
    page,
  });
  const call = async (url: string, init: RequestInit): Promise<Answer> => {
    const response = await fetch(url, init);
    const text = await response.text();
    const type = response.headers.get('content-type') ?? '';
    return {
      status: response.status,
      text,
      type,
      headers: response.headers,
      json: type.includes('json') ? JSON.parse(text) : undefined,
    };
  };
  return {
    ...server,
    log,
    logger,
    post: (path, body, contentType = 'application/json') =>
      call(`http://${server.hooksAddress}${path}`, {
        method: 'POST',
        headers: { 'content-type': contentType },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
    get: (path) => call(`http://${server.webserverAddress}${path}`, {}),
  };
}

/** The smallest sync request of a composite controller. */
export function compositeRequest(kind: string, name = 'a', namespace?: string): object {
  const metadata = namespace === undefined ? { name } : { name, namespace };
  return {
    parent: { apiVersion: 'example.io/v1', kind, metadata },
    children: {},
    related: {},
    finalizing: false,
  };
}
