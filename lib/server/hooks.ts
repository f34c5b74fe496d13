/** The hooks server: `POST /hooks/<controller>/<hook>`, as Metacontroller calls it. */
import { randomUUID } from 'node:crypto';
import Fastify, { type FastifyBaseLogger, type FastifyInstance } from 'fastify';
import type { KubernetesObject } from '../kubernetes/object.ts';
import type { HookConfig } from '../metacontroller/hook.ts';
import { ServerError, toServerError } from './errors.ts';
import { logsTo } from './log.ts';
import type { Metrics, Outcome } from './metrics.ts';
import { type Controllers, checkRequest, decodeBody, type HookName, hookPaths } from './request.ts';
import type { Credentials, TlsVersion } from './tls.ts';

interface HookServerOptions {
  readonly controllers: Controllers;
  readonly config: HookConfig;
  /** Bytes. A larger body is refused before it is read. */
  readonly bodyLimit: number;
  readonly metrics: Metrics;
  readonly logger: FastifyBaseLogger;
  /** Speaks HTTPS with these, else HTTP. */
  readonly credentials?: Credentials | undefined;
  /** The least version of TLS; 1.2 unless given. */
  readonly minVersion?: TlsVersion | undefined;
  /** Milliseconds since the epoch, as the hooks see it. */
  readonly now?: () => number;
}

/** A server that does not listen yet. */
export function createHookServer(options: HookServerOptions): FastifyInstance {
  const { controllers, config, bodyLimit, metrics, logger, credentials, now = Date.now } = options;
  const { minVersion = 'TLSv1.2' } = options;
  const app = Fastify({
    ...logsTo(logger),
    bodyLimit,
    genReqId: () => randomUUID(),
    forceCloseConnections: 'idle',
    // Longer than the 90 s after which Go's client drops an idle connection: it would not repeat a POST that
    // meets a connection just closed from this side.
    keepAliveTimeout: 120_000,
    ...(credentials && { https: { cert: credentials.cert, key: credentials.key, minVersion } }),
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => {
    done(null, body);
  });

  app.post<{ Params: { controller: string; hook: string }; Body: Buffer | undefined }>(
    '/hooks/:controller/:hook',
    async (request, reply) => {
      const { controller, hook } = findHook(controllers, request.params.controller, request.params.hook);
      const requestBytes = request.body?.length ?? 0;
      const started = performance.now();
      let outcome: Outcome = 'error';
      let answer = '';
      let parent: KubernetesObject | undefined;
      try {
        const body = decodeBody(request.body?.toString('utf8') ?? '');
        const checked = checkRequest(controllers[controller]!, hook, body);
        parent = checked.parent;
        const context = { now: now(), config };
        const response = await controllers[controller]![hook]!(checked.request, context);
        answer = JSON.stringify(response);
        outcome = 'success';
        if (hook !== 'customize') metrics.record(controller, checked.request, response, context);
      } catch (error) {
        if (toServerError(error, bodyLimit).statusCode < 500) outcome = 'invalid';
        throw error;
      } finally {
        const seconds = (performance.now() - started) / 1000;
        const responseBytes = Buffer.byteLength(answer);
        const call = { controller, hook, outcome, seconds, requestBytes, responseBytes };
        metrics.observe(call);
        const { namespace, name } = parent?.metadata ?? {};
        request.log.debug({ ...call, namespace, name }, 'hook called');
      }
      reply.header('content-type', 'application/json; charset=utf-8');
      return answer;
    },
  );

  // A connection whose call outlives the start of the shutdown would otherwise be kept alive, and delay the end.
  let closing = false;
  app.addHook('preClose', async () => {
    closing = true;
  });
  app.addHook('onSend', async (_request, reply) => {
    if (closing) reply.header('connection', 'close');
  });
  app.setNotFoundHandler((request) => {
    throw notFound(controllers, `nothing answers ${request.method} ${request.url}`);
  });
  app.setErrorHandler((thrown, request, reply) => {
    const error = toServerError(thrown, bodyLimit);
    if (error.statusCode >= 500) request.log.error({ err: thrown, url: request.url }, 'hook failed');
    else request.log.warn({ code: error.code, url: request.url, field: error.field }, error.message);
    reply.code(error.statusCode).send(error.toBody(request.id));
  });
  return app;
}

function findHook(
  controllers: Controllers,
  controller: string,
  hook: string,
): { controller: string; hook: HookName } {
  const known = hookPaths(controllers).includes(`${controller}/${hook}`);
  if (!known) throw notFound(controllers, `no hook ${controller}/${hook}`);
  return { controller, hook: hook as HookName };
}

function notFound(controllers: Controllers, what: string): ServerError {
  const known = hookPaths(controllers).map((path) => `/hooks/${path}`);
  return new ServerError('METAIPAM_ERR_NOT_FOUND', `${what}; POST to one of ${known.join(', ')}`);
}
