/** How commands that people run reach a cluster. */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { KubeConfig } from '@kubernetes/client-node';
import type { RequestLog, SharedConnections } from '../cluster/connection.ts';
import { isObject } from '../json.ts';
import { defineOptions, type Environment, type Values } from '../options/options.ts';
import { InputError, type Io } from './command.ts';

const ALL_NAMESPACES = 'it is for all namespaces';
const BY_CONTEXT = '--kubeconfig and --context say which cluster, and who asks';
/** What kubectl has beside these, but for commands that have them. */
const FLAGS_OF_KUBECTL = {
  ...Object.fromEntries(
    ['-n', '--namespace', '-A', '--all-namespaces'].map((flag) => [flag, ALL_NAMESPACES]),
  ),
  ...Object.fromEntries(
    ['-s', '--server', '--cluster', '--user', '--token', '--as', '--as-group'].map((flag) => [
      flag,
      BY_CONTEXT,
    ]),
  ),
};

const CONNECTION_OPTIONS = defineOptions({
  kubeconfig: {
    type: 'string',
    env: 'IPAM_KUBECONFIG',
    default: '',
    placeholder: 'file',
    help: 'How to reach the API server; without it $KUBECONFIG, ~/.kube/config or as a pod does, like kubectl.',
    instead: FLAGS_OF_KUBECTL,
  },
  context: {
    type: 'string',
    default: '',
    placeholder: 'name',
    help: 'The context of the kubeconfig to use, instead of its current one.',
  },
});

/** What options exclude that name files for a cluster. */
export const NO_CLUSTER = {
  kubeconfig: 'files are read instead of a cluster',
  context: 'files are read instead of a cluster',
};

/** For commands that only read a cluster. */
export const READ_OPTIONS = defineOptions({
  ...CONNECTION_OPTIONS,
  v: {
    type: 'integer',
    short: 'v',
    default: '0',
    placeholder: 'level',
    help: 'From 6 on, each request of the API server is a line on stderr with its answer and time, as in kubectl.',
  },
});

const TRIED = ['client', 'server'];

/** For commands that change a cluster. */
export const WRITE_OPTIONS = defineOptions({
  ...READ_OPTIONS,
  'dry-run': {
    type: 'boolean',
    default: 'false',
    help: 'Only say what would be done.',
    advise: (text) => (TRIED.includes(text) ? 'write --dry-run' : undefined),
  },
});

const LOG_LEVEL = 6;

/** What logs requests, if the user asked for that. */
export function requestLog(
  { v }: Values<Pick<typeof READ_OPTIONS, 'v'>>,
  { stderr }: Io,
): RequestLog | undefined {
  return v < LOG_LEVEL ? undefined : (line) => stderr.write(`${line}\n`);
}

/** The connection that kubectl would use. Throws InputError that says what is missing or wrong, and where. */
export async function connectAsUser(
  { kubeconfig, context }: Values<typeof CONNECTION_OPTIONS>,
  env: Environment = process.env,
): Promise<SharedConnections> {
  const [{ SharedConnections }, { proxyFor }, { BAD_CREDENTIALS }] = await Promise.all([
    import('../cluster/connection.ts'),
    import('../cluster/proxy.ts'),
    import('./api-reader.ts'),
  ]);
  const files = kubeconfig === '' ? defaultFiles(env) : [kubeconfig];
  const config = new SharedConnections();
  if (files === undefined) config.loadFromCluster();
  else {
    const [first, ...more] = await Promise.all(files.map(readKubeconfig));
    // As in kubectl, of several of a name the first counts.
    const firsts = <T extends { name: string }>(items: readonly T[]) =>
      items.filter(({ name }, index) => items.findIndex((item) => item.name === name) === index);
    const all = [first!, ...more];
    config.loadFromOptions({
      clusters: firsts(all.flatMap(({ clusters }) => clusters)),
      users: firsts(all.flatMap(({ users }) => users)),
      contexts: firsts(all.flatMap(({ contexts }) => contexts)),
      currentContext: all.map(({ currentContext }) => currentContext).find(Boolean),
    });
  }
  if (context !== '') config.setCurrentContext(context);
  const problem = contextProblem(config, context, files?.join(', ') ?? 'of this pod') ?? config.unsaid();
  if (problem !== undefined) throw new InputError(problem);
  config.allowPlainHttp();
  config.clusters = config.clusters.map((cluster) => {
    const proxyUrl =
      cluster.proxyUrl ?? (URL.canParse(cluster.server) ? proxyFor(cluster.server, env) : undefined);
    return proxyUrl === undefined ? cluster : { ...cluster, proxyUrl };
  });
  await config.logIn().catch(({ message }: Error) => {
    throw new InputError(`${BAD_CREDENTIALS}: ${message}`);
  });
  return config;
}

/** Where every pod finds its own. */
const SERVICE_ACCOUNT_TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount/token';

/** Undefined in a pod, which needs none. */
function defaultFiles({ KUBECONFIG = '', HOME }: Environment): string[] | undefined {
  const named = KUBECONFIG.split(delimiter).filter(Boolean);
  const home = join(HOME || homedir(), '.kube', 'config');
  const candidates = named.length > 0 ? named : [home];
  const files = candidates.filter((file) => existsSync(file));
  if (files.length > 0) return files;
  if (named.length > 0) throw new InputError(`$KUBECONFIG names ${named.join(', ')}, which does not exist`);
  if (existsSync(SERVICE_ACCOUNT_TOKEN)) return undefined;
  throw new InputError(
    `there is no kubeconfig to reach a cluster with: give --kubeconfig FILE, set $KUBECONFIG, or make ${home}`,
  );
}

async function readKubeconfig(file: string): Promise<KubeConfig> {
  const { SharedConnections, unreadable } = await import('../cluster/connection.ts');
  const config = new SharedConnections();
  try {
    config.loadFromFile(file);
    if (Array.isArray(config.clusters) && config.clusters.length + config.contexts.length > 0) return config;
  } catch (error) {
    throw new InputError(unreadable(file, error));
  }
  throw new InputError(`cannot read the kubeconfig ${file}: it has no clusters and no contexts`);
}

/** What is missing for the context, down to the server's URL. */
function contextProblem(config: KubeConfig, wanted: string, files: string): string | undefined {
  const known = config.getContexts().map(({ name }) => name);
  const choice = known.length === 0 ? '' : `: --context takes ${known.join(', ')}`;
  const current = config.getCurrentContext();
  const context = current ? config.getContextObject(current) : null;
  const kubeconfig = `the kubeconfig ${files}`;
  if (wanted !== '' && context === null) {
    return `--context: there is no ${wanted}, but ${known.join(', ') || 'none'}`;
  }
  if (!current) return `${kubeconfig} has no current context${choice}`;
  if (context === null) return `${kubeconfig} has no context ${current}, which is its current one${choice}`;
  const cluster = config.getCluster(context.cluster);
  if (cluster === null) {
    return `context ${current} of ${kubeconfig} is for cluster ${context.cluster}, which is not in it`;
  }
  if (context.user && config.getUser(context.user) === null) {
    return `context ${current} of ${kubeconfig} is for user ${context.user}, who is not in it`;
  }
  const { authProvider } = config.getUser(context.user) ?? {};
  if (authProvider && !isObject(authProvider.config))
    return `user ${context.user} of ${kubeconfig} has auth-provider ${authProvider.name}, which Kubernetes has no more: a plugin (exec) takes its place`;
  if (URL.canParse(cluster.server)) return undefined;
  return `cluster ${cluster.name} of ${kubeconfig} has ${JSON.stringify(cluster.server ?? '')} for the URL of its server`;
}
