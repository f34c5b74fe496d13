import { hostname } from 'node:os';
import type { FastifyBaseLogger } from 'fastify';
import type { ElectionOptions, RunningBinder } from '../binder/run-binder.ts';
import type { ClusterClient } from '../cluster/cluster-client.ts';
import type { connect } from '../cluster/connection.ts';
import { binderOptions, connectionOptions, electionOptions } from '../options/binder-options.ts';
import { hookConfig } from '../options/hook-options.ts';
import type { Parsed, Values } from '../options/options.ts';
import { SERVE_OPTIONS } from '../options/serve-options.ts';
import { PROGRAM } from '../program.ts';
import type { Reviewer } from '../server/access.ts';
import type { Server } from '../server/server.ts';
import type { TlsFiles } from '../server/tls.ts';
import { bindOption } from './bind-option.ts';
import { type Command, defineCommand, InputError, type Io } from './command.ts';
import { loadControllers } from './controllers.ts';

/** What `-v` stands for, least first. */
const VERBOSITY = [
  [8, 'trace'],
  [5, 'debug'],
] as const;

type Connection = ReturnType<typeof connect>;
type ServeValues = Values<typeof SERVE_OPTIONS>;

async function serve(
  load: typeof loadControllers,
  { values, positionals }: Parsed<typeof SERVE_OPTIONS>,
  io: Io,
): Promise<number> {
  const [controllers, { ListenError }, { createLogger }, { startServer }, { TlsError }] = await Promise.all([
    load(),
    import('../server/bind-address.ts'),
    import('../server/log.ts'),
    import('../server/server.ts'),
    import('../server/tls.ts'),
  ]);
  type AddressOption =
    | 'hooks-bind-address'
    | 'webserver-bind-address'
    | 'health-probe-address'
    | 'diagnostics-address';
  const address = (option: AddressOption) => bindOption(option, values[option]);
  const webserver = values['health-probe-address'] === '' ? 'webserver-bind-address' : 'health-probe-address';
  for (const argument of positionals) {
    // Ignored, as node-ipam-controller does, so that its command lines keep working.
    io.stderr.write(
      `${PROGRAM} serve: warning: ignored argument ${argument}; a flag's value is written --flag=value\n`,
    );
  }
  const election = electionOptions(values, values['install-namespace'], io.env);
  const connection = values['no-bind'] && !values.page ? undefined : await connectBinder(values);
  const config = hookConfig(values);
  const page = values.page ? new (await import('../page/source.ts')).LiveSource(config) : undefined;
  const minVersion = values['tls-min-version'] === 'VersionTLS13' ? 'TLSv1.3' : 'TLSv1.2';
  const [first, second] = endingSignals();
  const logger = createLogger({ level: logLevel(values), format: values['log-format'] }, io.stdout);
  const server = await startServer({
    controllers,
    config,
    bodyLimit: values['body-limit'],
    logger,
    hooksAddress: address('hooks-bind-address'),
    hooksTls: tlsFiles(values),
    webserver: { address: address(webserver), option: webserver },
    diagnostics: hasDiagnostics(values)
      ? { address: address('diagnostics-address'), reviewer: await reviewer(values), minVersion }
      : undefined,
    minVersion,
    page: page && { source: page, of: io.env.POD_NAME || hostname() },
  }).catch((error) => {
    throw error instanceof ListenError || error instanceof TlsError ? new InputError(error.message) : error;
  });

  const client = connection && (await clientOf(connection, values, logger));
  const looking = new AbortController();
  if (client && page) {
    const { LiveCluster } = await import('../cluster/live-cluster.ts');
    page.connect(new LiveCluster(client, config, page.changed, looking.signal));
  }
  const binder =
    client && !values['no-bind'] ? await startBinder(client, values, election, server, logger) : undefined;

  logger.info({ signal: await first }, 'shutting down');
  second.then((signal) => {
    logger.error({ signal }, 'second signal, running hooks are cut off');
    process.exit(1);
  });
  looking.abort();
  const [clean] = await Promise.all([server.close(values['shutdown-grace-period']), binder?.stop()]);
  if (!clean) {
    logger.error('the grace period is over, running hooks are cut off');
    process.exit(1);
  }
  logger.info('stopped');
  return 0;
}

/** The more talkative of `--log-level` and `-v`. */
function logLevel({ 'log-level': level, v }: ServeValues): typeof level {
  const verbose = VERBOSITY.find(([least]) => v >= least)?.[1];
  return level === 'trace' ? level : (verbose ?? level);
}

/** Undefined without both files. */
function tlsFiles(values: ServeValues): TlsFiles | undefined {
  const certFile = values['hooks-tls-cert-file'];
  const keyFile = values['hooks-tls-key-file'];
  return certFile === '' ? undefined : { certFile, keyFile };
}

/** Throws InputError when the cluster that the options name cannot be reached that way. */
async function connectBinder(values: ServeValues): Promise<Connection> {
  const { connect } = await import('../cluster/connection.ts');
  const options = connectionOptions(values);
  const connection = connect(options);
  if ('problem' in connection && (options.kubeconfig || options.apiserver))
    throw new InputError(connection.problem);
  return connection;
}

function hasDiagnostics(values: ServeValues): boolean {
  return values['diagnostics-address'] !== '';
}

/** Whom to ask who may read metrics; undefined if everybody may. Throws InputError when nobody can be asked. */
async function reviewer(values: ServeValues): Promise<Reviewer | undefined> {
  if (values['insecure-diagnostics']) return undefined;
  const [{ connect }, { apiReviewer }] = await Promise.all([
    import('../cluster/connection.ts'),
    import('../server/reviews.ts'),
  ]);
  const connection = connect(connectionOptions(values));
  if ('config' in connection) return apiReviewer(connection.config);
  throw new InputError(
    `--diagnostics-address: ${connection.problem}, so that nobody can be asked who may read metrics; --insecure-diagnostics serves them to all`,
  );
}

/** The client of a cluster, if there is one; hooks are served with or without. */
async function clientOf(
  connection: Connection,
  values: ServeValues,
  logger: FastifyBaseLogger,
): Promise<ClusterClient | undefined> {
  if ('problem' in connection) {
    const without = [...(values['no-bind'] ? [] : ['binding no nodes']), ...(values.page ? ['no page'] : [])];
    logger.warn(
      `${without.join(', ')}: ${connection.problem}. --kubeconfig names a cluster, --no-bind says none is meant`,
    );
    return undefined;
  }
  const { SharingClient } = await import('../cluster/sharing-client.ts');
  return new SharingClient(connection.config);
}

async function startBinder(
  client: ClusterClient,
  values: ServeValues,
  election: ElectionOptions | undefined,
  { metrics, readiness }: Server,
  logger: FastifyBaseLogger,
): Promise<RunningBinder> {
  const { runBinder } = await import('../binder/run-binder.ts');
  const options = binderOptions(values, values['install-namespace']);
  const binder = runBinder(client, options, hookConfig(values), election, metrics.registry, logger);
  readiness.addCheck(binder.unready);
  return binder;
}

/** The first SIGTERM or SIGINT from now on, and the second. */
function endingSignals(): [first: Promise<NodeJS.Signals>, second: Promise<NodeJS.Signals>] {
  const first = Promise.withResolvers<NodeJS.Signals>();
  const second = Promise.withResolvers<NodeJS.Signals>();
  const waiting = [first, second];
  const receive = (signal: NodeJS.Signals) => waiting.shift()?.resolve(signal);
  process.on('SIGTERM', receive);
  process.on('SIGINT', receive);
  return [first.promise, second.promise];
}

/** `serve`, with the hooks of `load`. */
export function serveCommand(load: typeof loadControllers): Command {
  return defineCommand({
    name: 'serve',
    summary: 'Answer Metacontroller: hooks, probes and metrics',
    usage: '[options]',
    description: `
Serves POST /hooks/<controller>/<hook> for Metacontroller, and /healthz, /readyz and /metrics on a port of their
own. A flag wins over its environment variable, which wins over the default.

With --page, / on that port shows pools and pod networks, who has what of them and who waits, as it changes; and
/api/show the same as JSON, like ${PROGRAM} show. Every replica shows everything.

Exit codes: 0 after SIGTERM or SIGINT when running hooks have finished, 1 on any error.`,
    options: SERVE_OPTIONS,
    main: (parsed, io) => serve(load, parsed, io),
  });
}

export default serveCommand(loadControllers);
