/** Where `show` and `check` get their objects from: a live cluster, or files. */
import type { KubernetesObject } from '../kubernetes/object.ts';
import { DEFAULT_CONFIG } from '../metacontroller/hook.ts';
import { HOOK_OPTIONS, namespaceName } from '../options/hook-options.ts';
import { defineOptions, type Values } from '../options/options.ts';
import type { PageSource } from '../page/source.ts';
import { PROGRAM } from '../program.ts';
import { ForbiddenError, InputError, type Io } from './command.ts';
import { connectAsUser, NO_CLUSTER, READ_OPTIONS, requestLog } from './connection.ts';
import { FLAGS_BESIDE_FILES } from './input.ts';
import { IPAM_CLAIMS, listLive } from './live-objects.ts';
import { printable } from './table.ts';

export const SOURCE_OPTIONS = defineOptions({
  filename: {
    type: 'list',
    short: 'f',
    placeholder: 'path...',
    help: 'Read files, folders or - (stdin) instead of a cluster, such as the output of kubectl get -o yaml. Repeatable.',
    excludes: NO_CLUSTER,
    instead: FLAGS_BESIDE_FILES,
  },
  namespace: {
    type: 'string',
    short: 'n',
    default: '',
    placeholder: 'namespace',
    help: 'Only namespaced pools and claims, and only those of this namespace; without it everything.',
    check: (name) => (name === '' ? undefined : namespaceName(name)),
  },
  'all-namespaces': {
    type: 'boolean',
    short: 'A',
    default: 'false',
    help: 'Everything, whatever -n says: what is done without -n as well.',
  },
  ...READ_OPTIONS,
  'install-namespace': HOOK_OPTIONS['install-namespace'],
});

/** Without its CRD there is no metaipam. */
const OWN_KIND = 'AllocationSlice';
const NOT_INSTALLED = `warning: metaipam is not installed in this cluster, which has no AllocationSlices: ${PROGRAM} doctor says what to do\n`;

export interface Source {
  /** Whose objects they are: a context of the kubeconfig, files. */
  readonly name: string;
  /** For the page, live until the signal aborts. Throws InputError. */
  readonly page: (signal: AbortSignal) => Promise<PageSource>;
  /** Throws InputError. */
  readonly read: () => Promise<readonly KubernetesObject[]>;
  /** What nobody but who asks for one by its name wants to know of; empty where they are among the objects already. */
  readonly readIPAMClaims: () => Promise<readonly KubernetesObject[]>;
  /** The owners of claims, and theirs, that are not among the objects. */
  readonly readOwners: (claims: readonly KubernetesObject[]) => Promise<readonly KubernetesObject[]>;
  /** All objects, again whenever one has changed. Files have none. Throws InputError. */
  readonly watch: (() => AsyncIterable<readonly KubernetesObject[]>) | undefined;
}

/** The objects that the options name. */
export async function openSource(
  { filename, ...values }: Values<typeof SOURCE_OPTIONS>,
  io: Io,
): Promise<Source> {
  const namespace = values['all-namespaces'] ? '' : values.namespace;
  const hookConfig = { ...DEFAULT_CONFIG, installNamespace: values['install-namespace'] };
  if (filename.length > 0) {
    const { readState } = await import('./input.ts');
    const read = async () => {
      const objects = await readState(filename, io);
      return namespace === '' ? objects : objects.filter(({ metadata }) => metadata.namespace === namespace);
    };
    return {
      name: within(filename.join(', '), namespace),
      read,
      page: async () => {
        const { fixedSource } = await import('../page/source.ts');
        return fixedSource(await read(), hookConfig);
      },
      readIPAMClaims: async () => [],
      readOwners: async () => [],
      watch: undefined,
    };
  }
  const config = await connectAsUser(values, io.env);
  let isInstalled = true;
  const sayOnce = (isMissing: boolean) => {
    if (isMissing && isInstalled) io.stderr.write(NOT_INSTALLED);
    isInstalled &&= !isMissing;
  };
  const log = requestLog(values, io);
  return {
    name: within(config.getCurrentContext(), namespace),
    page: async (signal) => {
      const [{ LiveSource }, { watchLive }] = await Promise.all([
        import('../page/source.ts'),
        import('./watch-live.ts'),
      ]);
      const source = new LiveSource(hookConfig);
      source.connect(await watchLive(config, namespace, source.changed, signal, log));
      return source;
    },
    read: async () => {
      const unserved: string[] = [];
      const objects = await listLive(config, namespace, [], {
        log,
        io,
        onLeftOut: ({ kind }) => unserved.push(kind),
      });
      sayOnce(unserved.includes(OWN_KIND));
      return objects;
    },
    readIPAMClaims: () => listLive(config, namespace, [], { log, only: [IPAM_CLAIMS] }),
    readOwners: async (claims) => {
      if (claims.length === 0) return [];
      const { readOwners } = await import('./owners.ts');
      return readOwners(config, claims, log);
    },
    watch: async function* () {
      const { liveChanges } = await import('./watch-live.ts');
      const looking = new AbortController();
      try {
        let [isFirst, isBlind] = [true, false];
        for await (const cluster of liveChanges(config, namespace, looking.signal, log)) {
          const [problem] = cluster.problems();
          const [unseen] = cluster.unseen();
          // Later ones may pass, and what was seen goes on to be shown.
          const Failure = cluster.forbidden().length > 0 ? ForbiddenError : InputError;
          if (isFirst && unseen !== undefined) throw new Failure(`cannot watch ${unseen}`);
          isFirst = false;
          if (isBlind !== (problem !== undefined)) {
            isBlind = !isBlind;
            io.stderr.write(
              isBlind ? `warning: not all is seen: ${printable(problem!)}\n` : 'all is seen again\n',
            );
          }
          sayOnce(cluster.lacks(OWN_KIND));
          yield cluster.objects();
        }
      } finally {
        looking.abort();
      }
    },
  };
}

/** What is left out has to be said where everything is expected. */
function within(name: string, namespace: string): string {
  return namespace === '' ? name : `${name}, namespace ${namespace}`;
}
