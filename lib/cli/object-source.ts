/** Where `show` and `check` get their objects from: a live cluster, or files. */
import type { KubernetesObject } from '../kubernetes/object.ts';
import { HOOK_OPTIONS } from '../options/hook-options.ts';
import { defineOptions, type Values } from '../options/options.ts';
import type { Io } from './command.ts';
import { connectAsUser, READ_OPTIONS, requestLog } from './connection.ts';
import { listLive } from './live-objects.ts';

export const SOURCE_OPTIONS = defineOptions({
  filename: {
    type: 'list',
    short: 'f',
    placeholder: 'path...',
    help: 'Read files, folders or - (stdin) instead of a cluster, such as the output of kubectl get -o yaml. Repeatable.',
  },
  namespace: {
    type: 'string',
    short: 'n',
    default: '',
    placeholder: 'namespace',
    help: 'Only namespaced pools and claims, and only those of this namespace; without it everything.',
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

/** The objects that the options name. Throws InputError. */
export async function readObjects(
  { filename, ...values }: Values<typeof SOURCE_OPTIONS>,
  io: Io,
): Promise<KubernetesObject[]> {
  const namespace = values['all-namespaces'] ? '' : values.namespace;
  if (filename.length === 0) {
    const { showProgress } = await import('./terminal.ts');
    const progress = showProgress(io, (count) => `listing: ${count.toLocaleString('en')} objects so far`);
    const config = await connectAsUser(values, io.env);
    const reading = { log: requestLog(values, io), onObject: progress.tick };
    return listLive(config, namespace, [], reading).finally(progress.done);
  }
  const { readState } = await import('./input.ts');
  const objects = await readState(filename, io);
  return namespace === '' ? objects : objects.filter(({ metadata }) => metadata.namespace === namespace);
}
