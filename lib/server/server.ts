/** The servers of a process, from listening to the end of the last hook. */
import { Server as HttpsServer } from 'node:https';
import { setTimeout } from 'node:timers/promises';
import type { FastifyBaseLogger } from 'fastify';
import type { HookConfig } from '../metacontroller/hook.ts';
import { type BindAddress, listen } from './bind-address.ts';
import { createDiagnosticsServer, type DiagnosticsOptions } from './diagnostics.ts';
import { createHookServer } from './hooks.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import type { PageOptions } from './page.ts';
import { createProbeServer, Readiness } from './probes.ts';
import type { Controllers } from './request.ts';
import {
  type Credentials,
  readCredentials,
  type TlsFiles,
  type TlsVersion,
  watchCredentials,
} from './tls.ts';

export interface TlsOptions extends TlsFiles {
  /** Between two looks at the files; 10 seconds unless given. */
  readonly milliseconds?: number;
}

export interface ServerOptions {
  readonly controllers: Controllers;
  readonly config: HookConfig;
  readonly bodyLimit: number;
  readonly logger: FastifyBaseLogger;
  readonly hooksAddress: BindAddress;
  /** Serves the hooks over HTTPS; files that change are read again. */
  readonly hooksTls?: TlsOptions | undefined;
  readonly webserver: { readonly address: BindAddress; readonly option: string };
  /** Where metrics are, if not on the web server. */
  readonly diagnostics?: DiagnosticsOptions | undefined;
  /** The least version of TLS for the hooks; 1.2 unless given. */
  readonly minVersion?: TlsVersion | undefined;
  readonly page?: PageOptions | undefined;
}

export interface Server {
  /** Where hooks and probes really listen: `127.0.0.1:40123`. */
  readonly hooksAddress: string;
  readonly webserverAddress: string;
  readonly diagnosticsAddress: string | undefined;
  readonly readiness: Readiness;
  readonly metrics: Metrics;
  /**
   * Turns unready, takes no new calls and waits for running ones, at most `graceMilliseconds`.
   * Resolves to false if calls were cut off.
   */
  close(graceMilliseconds: number): Promise<boolean>;
}

const STARTING = 'the hooks server is starting';

/** Listens on all addresses. Throws ListenError or TlsError; nothing listens then. */
export async function startServer(options: ServerOptions): Promise<Server> {
  const { controllers, config, bodyLimit, logger, hooksTls, minVersion, diagnostics } = options;
  const credentials = hooksTls && readCredentials(hooksTls);
  const readiness = new Readiness(STARTING);
  const metrics = createMetrics();
  const hooks = createHookServer({
    ...{ controllers, config, bodyLimit, metrics, logger, credentials, minVersion },
  });
  const probes = createProbeServer({
    ...{ readiness, metrics: diagnostics ? undefined : metrics, logger, page: options.page },
  });
  const guarded = diagnostics && createDiagnosticsServer(diagnostics, metrics, logger);
  let webserverAddress: string;
  let hooksAddress: string;
  let diagnosticsAddress: string | undefined;
  try {
    webserverAddress = await listen(probes, options.webserver.address, options.webserver.option);
    if (guarded && diagnostics) {
      diagnosticsAddress = await listen(guarded, diagnostics.address, 'diagnostics-address');
    }
    hooksAddress = await listen(hooks, options.hooksAddress, 'hooks-bind-address');
  } catch (error) {
    await Promise.all([probes.close(), hooks.close(), guarded?.close()]);
    throw error;
  }
  const unwatch = hooksTls && credentials && keepCredentials(hooks.server, hooksTls, credentials, logger);
  if (credentials) logger.info({ expires: credentials.expires }, 'serving hooks over HTTPS');
  readiness.remove(STARTING);
  logger.info({ controllers: Object.keys(controllers) }, 'ready');

  async function close(graceMilliseconds: number): Promise<boolean> {
    readiness.add('shutting down');
    unwatch?.();
    const finished = hooks.close().then(() => true);
    const expired = setTimeout(graceMilliseconds, false, { ref: false });
    const clean = await Promise.race([finished, expired]);
    hooks.server.closeAllConnections();
    await Promise.all([probes.close(), guarded?.close()]);
    return clean;
  }
  return { hooksAddress, webserverAddress, diagnosticsAddress, readiness, metrics, close };
}

/** Gives a server its new certificate when the files change: connections that are open keep the old one. */
function keepCredentials(
  server: unknown,
  files: TlsOptions,
  current: Credentials,
  logger: FastifyBaseLogger,
): () => void {
  if (!(server instanceof HttpsServer)) throw new Error('a server without HTTPS has no certificate');
  const changed = ({ cert, key, expires }: Credentials) => {
    server.setSecureContext({ cert, key });
    logger.info({ expires }, 'the certificate of the hooks has been read again');
  };
  const failed = (error: Error) => logger.error(`the former certificate stays in use: ${error.message}`);
  return watchCredentials(files, current, changed, failed, files.milliseconds);
}
