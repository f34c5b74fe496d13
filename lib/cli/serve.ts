import { constants } from 'node:buffer';
import { hostname } from 'node:os';
import type { FastifyBaseLogger } from 'fastify';
import type { ClusterClient } from '../binder/cluster-client.ts';
import type { connect } from '../binder/connection.ts';
import type { ElectionOptions, RunningBinder } from '../binder/run-binder.ts';
import {
  BINDER_OPTIONS,
  binderOptions,
  connectionOptions,
  electionOptions,
} from '../options/binder-options.ts';
import { HOOK_OPTIONS, hookConfig, notNegative } from '../options/hook-options.ts';
import { MANAGER_OPTIONS } from '../options/manager-options.ts';
import { defineOptions, type Parsed, UsageError } from '../options/options.ts';
import type { Reviewer } from '../server/access.ts';
import type { BindAddress } from '../server/bind-address.ts';
import type { Server } from '../server/server.ts';
import type { TlsFiles } from '../server/tls.ts';
import { type Command, defineCommand, InputError, type Io } from './command.ts';
import { loadControllers } from './controllers.ts';

/** What `-v` stands for, least first. */
const VERBOSITY = [
  [8, 'trace'],
  [5, 'debug'],
] as const;

export const SERVE_OPTIONS = defineOptions({
  'hooks-bind-address': {
    type: 'string',
    env: 'METAIPAM_HOOKS_BIND_ADDR',
    default: ':8080',
    placeholder: 'address',
    help: 'Where Metacontroller calls the hooks: host:port, :port or [ipv6]:port; port 0 takes any free one.',
  },
  'hooks-tls-cert-file': {
    type: 'string',
    env: 'METAIPAM_HOOKS_TLS_CERT_FILE',
    default: '',
    placeholder: 'file',
    help: 'Serve the hooks over HTTPS with this certificate, in PEM, its chain behind it. Read again when it changes.',
  },
  'hooks-tls-key-file': {
    type: 'string',
    env: 'METAIPAM_HOOKS_TLS_KEY_FILE',
    default: '',
    placeholder: 'file',
    help: 'The private key of --hooks-tls-cert-file, in PEM.',
  },
  'webserver-bind-address': {
    type: 'string',
    aliases: ['health-addr', 'health-probe-bind-address'],
    env: 'IPAM_WEBSERVER_BIND_ADDR',
    default: ':8081',
    placeholder: 'address',
    help: 'Where /healthz, /readyz, /metrics and, with --page, the page are served.',
  },
  'health-probe-address': {
    type: 'string',
    env: 'IPAM_HEALTH_PROBE_ADDR',
    default: '',
    placeholder: 'address',
    help: 'Wins over --webserver-bind-address if it is not empty.',
    deprecated: 'use --webserver-bind-address',
  },
  'diagnostics-address': {
    type: 'string',
    env: 'METAIPAM_DIAGNOSTICS_ADDR',
    default: '',
    placeholder: 'address',
    help: 'Serve /metrics here instead, over HTTPS with a certificate of its own, to those who by the API server may get the path /metrics: :8443, as managers of Cluster API have it. Empty or 0 leaves metrics on the web server, for all.',
  },
  'insecure-diagnostics': {
    type: 'boolean',
    default: 'false',
    help: 'Serve --diagnostics-address over HTTP and to everybody.',
  },
  'tls-min-version': {
    type: 'enum',
    values: ['VersionTLS12', 'VersionTLS13'],
    default: 'VersionTLS12',
    help: 'The least version of TLS that hooks and metrics speak.',
  },
  page: {
    type: 'boolean',
    env: 'METAIPAM_PAGE',
    default: 'false',
    help: 'Serve a page of pools and pod networks on / of the web server: who has what, how full they are, who waits and why. It watches the cluster. Whoever reaches the port can read it.',
  },
  'body-limit': {
    type: 'size',
    env: 'METAIPAM_BODY_LIMIT',
    default: '500MiB',
    help: 'The largest hook request to accept. One request carries all claims and allocations of a pool, about 5 kB a pair.',
    check: (bytes: number) =>
      bytes >= 1 && bytes <= constants.MAX_STRING_LENGTH
        ? undefined
        : `between 1 and ${constants.MAX_STRING_LENGTH} bytes`,
  },
  ...HOOK_OPTIONS,
  ...BINDER_OPTIONS,
  'log-level': {
    type: 'enum',
    values: ['trace', 'debug', 'info', 'warn', 'error', 'fatal'],
    env: 'METAIPAM_LOG_LEVEL',
    default: 'info',
    help: 'The least severe entries to log. debug has one line per hook call.',
  },
  v: {
    type: 'integer',
    short: 'v',
    default: '0',
    placeholder: 'level',
    help: 'How much to log, as Kubernetes programs have it: 5 is --log-level=debug, 8 is trace. The more of both counts.',
  },
  'log-format': {
    type: 'enum',
    values: ['json', 'text'],
    aliases: ['logging-format'],
    env: 'METAIPAM_LOG_FORMAT',
    default: 'json',
    help: 'How log entries are written to stdout.',
  },
  'shutdown-grace-period': {
    type: 'duration',
    env: 'METAIPAM_SHUTDOWN_GRACE_PERIOD',
    default: '25s',
    help: 'How long running hooks may take to finish after SIGTERM or SIGINT. A second signal ends the process at once.',
    check: notNegative,
  },
  ...MANAGER_OPTIONS,
});

type Connection = ReturnType<typeof connect>;

async function serve(
  load: typeof loadControllers,
  { values, positionals }: Parsed<typeof SERVE_OPTIONS>,
  io: Io,
): Promise<number> {
  const [controllers, { ListenError, parseBindAddress }, { createLogger }, { startServer }, { TlsError }] =
    await Promise.all([
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
  const address = (option: AddressOption) => {
    const parsed: BindAddress | undefined = parseBindAddress(values[option]);
    if (parsed !== undefined) return parsed;
    const text = JSON.stringify(values[option]);
    throw new UsageError(
      `--${option}: ${text} must be an address such as :8081, 127.0.0.1:8081 or [::1]:8081`,
    );
  };
  const webserver = values['health-probe-address'] === '' ? 'webserver-bind-address' : 'health-probe-address';
  for (const argument of positionals) {
    // Ignored, as node-ipam-controller does, so that its command lines keep working.
    io.stderr.write(
      `metaipam serve: warning: ignored argument ${argument}; a flag's value is written --flag=value\n`,
    );
  }
  const election = electionOptions(values, values['install-namespace'], io.env);
  const connection = values['no-bind'] && !values.page ? undefined : await connectBinder(values);
  const config = hookConfig(values);
  const page = values.page ? new (await import('../page/source.ts')).LiveSource(config) : undefined;
  const minVersion = values['tls-min-version'] === 'VersionTLS13' ? 'TLSv1.3' : 'TLSv1.2';
  const signals = nextSignals();
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
    const { LiveCluster } = await import('../binder/live-cluster.ts');
    page.connect(new LiveCluster(client, config, page.changed, looking.signal));
  }
  const binder =
    client && !values['no-bind'] ? await startBinder(client, values, election, server, logger) : undefined;

  logger.info({ signal: await signals() }, 'shutting down');
  signals().then((signal) => {
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
function logLevel({ 'log-level': level, v }: Parsed<typeof SERVE_OPTIONS>['values']): typeof level {
  const verbose = VERBOSITY.find(([least]) => v >= least)?.[1];
  return level === 'trace' ? level : (verbose ?? level);
}

/** Undefined without both files. Throws UsageError when there is one of them. */
function tlsFiles(values: Parsed<typeof SERVE_OPTIONS>['values']): TlsFiles | undefined {
  const certFile = values['hooks-tls-cert-file'];
  const keyFile = values['hooks-tls-key-file'];
  if (certFile === '' && keyFile === '') return undefined;
  if (keyFile === '')
    throw new UsageError('--hooks-tls-cert-file needs --hooks-tls-key-file: the key of the certificate');
  if (certFile === '')
    throw new UsageError('--hooks-tls-key-file needs --hooks-tls-cert-file: the certificate of the key');
  return { certFile, keyFile };
}

/** Throws InputError when the cluster that the options name cannot be reached that way. */
async function connectBinder(values: Parsed<typeof SERVE_OPTIONS>['values']): Promise<Connection> {
  const { connect } = await import('../binder/connection.ts');
  const options = connectionOptions(values);
  const connection = connect(options);
  if ('problem' in connection && (options.kubeconfig || options.apiserver))
    throw new InputError(connection.problem);
  return connection;
}

function hasDiagnostics(values: Parsed<typeof SERVE_OPTIONS>['values']): boolean {
  return !['', '0'].includes(values['diagnostics-address']);
}

/** Whom to ask who may read metrics; undefined if everybody may. Throws InputError when nobody can be asked. */
async function reviewer(values: Parsed<typeof SERVE_OPTIONS>['values']): Promise<Reviewer | undefined> {
  if (values['insecure-diagnostics']) return undefined;
  const [{ connect }, { apiReviewer }] = await Promise.all([
    import('../binder/connection.ts'),
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
  values: Parsed<typeof SERVE_OPTIONS>['values'],
  logger: FastifyBaseLogger,
): Promise<ClusterClient | undefined> {
  if ('problem' in connection) {
    const without = [...(values['no-bind'] ? [] : ['binding no nodes']), ...(values.page ? ['no page'] : [])];
    logger.warn(
      `${without.join(', ')}: ${connection.problem}. --kubeconfig names a cluster, --no-bind says none is meant`,
    );
    return undefined;
  }
  const { SharingClient } = await import('../binder/sharing-client.ts');
  return new SharingClient(connection.config);
}

async function startBinder(
  client: ClusterClient,
  values: Parsed<typeof SERVE_OPTIONS>['values'],
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

/** A function that waits for the next SIGTERM or SIGINT; one that came before it was called counts. */
function nextSignals(): () => Promise<NodeJS.Signals> {
  const arrived: NodeJS.Signals[] = [];
  let waiting: ((signal: NodeJS.Signals) => void) | undefined;
  const receive = (signal: NodeJS.Signals) => {
    if (waiting === undefined) arrived.push(signal);
    else waiting(signal);
    waiting = undefined;
  };
  process.on('SIGTERM', receive);
  process.on('SIGINT', receive);
  return () =>
    new Promise((resolve) => {
      const signal = arrived.shift();
      if (signal === undefined) waiting = resolve;
      else resolve(signal);
    });
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
/api/show the same as JSON, like metaipam show. Every replica shows everything.

Exit codes: 0 after SIGTERM or SIGINT when running hooks have finished, 1 on any error.`,
    options: SERVE_OPTIONS,
    main: (parsed, io) => serve(load, parsed, io),
  });
}

export default serveCommand(loadControllers);
