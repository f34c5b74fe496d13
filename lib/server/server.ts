/** Both servers of a process, from listening to the end of the last hook. */
import { setTimeout } from 'node:timers/promises';
import type { FastifyBaseLogger } from 'fastify';
import type { HookConfig } from '../metacontroller/hook.ts';
import { type BindAddress, listen } from './bind-address.ts';
import { createHookServer } from './hooks.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import { createProbeServer, Readiness } from './probes.ts';
import type { Controllers } from './request.ts';

export interface ServerOptions {
  readonly controllers: Controllers;
  readonly config: HookConfig;
  readonly bodyLimit: number;
  readonly logger: FastifyBaseLogger;
  readonly hooksAddress: BindAddress;
  readonly webserver: { readonly address: BindAddress; readonly option: string };
}

export interface Server {
  /** Where hooks and probes really listen: `127.0.0.1:40123`. */
  readonly hooksAddress: string;
  readonly webserverAddress: string;
  readonly readiness: Readiness;
  readonly metrics: Metrics;
  /**
   * Turns unready, takes no new calls and waits for running ones, at most `graceMilliseconds`.
   * Resolves to false if calls were cut off.
   */
  close(graceMilliseconds: number): Promise<boolean>;
}

const STARTING = 'the hooks server is starting';

/** Listens on both addresses. Throws ListenError; nothing listens then. */
export async function startServer(options: ServerOptions): Promise<Server> {
  const { controllers, config, bodyLimit, logger } = options;
  const readiness = new Readiness(STARTING);
  const metrics = createMetrics();
  const hooks = createHookServer({ controllers, config, bodyLimit, metrics, logger });
  const probes = createProbeServer({ readiness, metrics, logger });
  let webserverAddress: string;
  let hooksAddress: string;
  try {
    webserverAddress = await listen(probes, options.webserver.address, options.webserver.option);
    hooksAddress = await listen(hooks, options.hooksAddress, 'hooks-bind-address');
  } catch (error) {
    await Promise.all([probes.close(), hooks.close()]);
    throw error;
  }
  readiness.remove(STARTING);
  logger.info({ controllers: Object.keys(controllers) }, 'ready');

  async function close(graceMilliseconds: number): Promise<boolean> {
    readiness.add('shutting down');
    const finished = hooks.close().then(() => true);
    const expired = setTimeout(graceMilliseconds, false, { ref: false });
    const clean = await Promise.race([finished, expired]);
    hooks.server.closeAllConnections();
    await probes.close();
    return clean;
  }
  return { hooksAddress, webserverAddress, readiness, metrics, close };
}
