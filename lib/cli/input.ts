/** The objects that a user names with -f, for every command that takes files. */
import { CAPI_IPAM_GROUP, SERVICE_CIDR_API_VERSION } from '../kubernetes/names.ts';
import { groupOf, type KubernetesObject } from '../kubernetes/object.ts';
import { RESOURCES, SERVICE_CIDR_RESOURCE } from '../kubernetes/resources.ts';
import { namespaceName } from '../options/hook-options.ts';
import { defineOptions, UsageError } from '../options/options.ts';
import { PROGRAM } from '../program.ts';
import { listSome, plural } from '../text.ts';
import { InputError, type Io } from './command.ts';
import { at, type Diagnostic, formatDiagnostic, isError } from './diagnostic.ts';
import { CLUSTERS, NAMESPACE_RESOURCE } from './live-objects.ts';
import type { LoadedObject, Manifests } from './manifests.ts';
import { printable } from './table.ts';
import { showProgress, textFor } from './terminal.ts';

const RENDER = `write kubectl kustomize FOLDER | ${PROGRAM} … -f -`;
const WHOLE = 'folders are read with the folders in them';
/** What kubectl has beside -f. */
export const FLAGS_BESIDE_FILES = {
  '-k': RENDER,
  '--kustomize': RENDER,
  '-R': WHOLE,
  '--recursive': WHOLE,
};
const NO_CLUSTER = 'files are all that is looked at';
const FLAGS_OF_CLUSTERS = Object.fromEntries(
  ['--kubeconfig', '--context', '-v', '--dry-run'].map((flag) => [flag, NO_CLUSTER]),
);

export const MANIFEST_OPTIONS = defineOptions({
  filename: {
    type: 'list',
    short: 'f',
    placeholder: 'path...',
    help: 'Files, or folders of .yaml, .yml and .json files; - reads stdin. Repeatable; several paths may follow.',
    instead: { ...FLAGS_BESIDE_FILES, ...FLAGS_OF_CLUSTERS },
  },
  namespace: {
    type: 'string',
    short: 'n',
    placeholder: 'namespace',
    help: 'Where objects go that name no namespace, default without it; one that names another is refused, as by kubectl.',
    check: namespaceName,
  },
});

/** The paths of `-f`. Throws UsageError when there is none, or when a path stands elsewhere. */
export function manifestPaths(
  filenames: readonly string[],
  positionals: readonly string[],
): readonly string[] {
  if (positionals.length > 0) throw new UsageError(`unexpected ${positionals.join(' ')}; paths follow -f`);
  if (filenames.length === 0) throw new UsageError('-f PATH is required');
  return filenames;
}

interface Input extends Manifests {
  /** The objects that metaipam reads. The others are left out, and counted. */
  readonly ours: readonly LoadedObject[];
  readonly foreign: number;
}

/**
 * What files hold, each object of a namespaced kind in a namespace. Nothing at all is a problem too, and nothing that
 * metaipam reads a warning among the problems.
 *
 * @param namespace of those that name none; to name another one is a problem
 */
export async function readInput(paths: readonly string[], io: Io, namespace?: string): Promise<Input> {
  const { loadManifests } = await import('./manifests.ts');
  const progress = showProgress(io, (count) => `reading: ${count.toLocaleString('en')} objects so far`);
  const manifests = await loadManifests(paths, io.stdin, progress.tick).finally(progress.done);
  const { objects, documents, skipped } = manifests;
  const problems = [...manifests.problems];
  if (problems.length === 0 && documents === skipped && paths.length > 0) {
    const file = paths.map((path) => (path === '-' ? '<stdin>' : path)).join(', ');
    const message =
      skipped === 0 ? 'there is no object in it' : 'there is nothing but files of kustomize or Helm in it';
    problems.push({ rule: 'empty', severity: 'error', file, message });
  }
  const kinds = await kindsRead();
  const placed = objects.map((loaded) => {
    const { object } = loaded;
    const { metadata } = object;
    if (!kinds.isNamespaced(object)) return loaded;
    if (!metadata.namespace)
      return {
        ...loaded,
        object: { ...object, metadata: { ...metadata, namespace: namespace ?? 'default' } },
      };
    if (namespace !== undefined && metadata.namespace !== namespace)
      problems.push(otherNamespace(loaded, namespace));
    return loaded;
  });
  const ours = placed.filter(({ object }) => kinds.has(object));
  const foreign = placed.length - ours.length;
  const isNothing = ours.length === 0 && foreign > 0 && problems.length === 0;
  if (isNothing && !objects.some(({ object }) => kinds.isNear(object))) problems.push(nothingOfOurs(objects));
  return { ...manifests, problems, objects: placed, ours, foreign };
}

function nothingOfOurs(objects: readonly LoadedObject[]): Diagnostic {
  const files = new Set(objects.map(({ file }) => file));
  const kinds = new Set(objects.map(({ object }) => object.kind));
  return {
    rule: 'foreign',
    severity: 'warning',
    file: listSome([...files]),
    message: `nothing in it is of a kind that metaipam reads: ${plural(objects.length, 'object')} of other kinds left out, ${listSome([...kinds])}`,
  };
}

function otherNamespace(loaded: LoadedObject, namespace: string): Diagnostic {
  const value = loaded.object.metadata.namespace!;
  return at(loaded, {
    rule: 'other-namespace',
    severity: 'error',
    field: 'metadata.namespace',
    value,
    message: `is not the namespace of -n, ${namespace}`,
    fix: `write -n ${value}, or leave it out`,
  });
}

/** Kubernetes' and Cluster API's own, in the versions in which they are read. */
const READ_BESIDE = [...RESOURCES, SERVICE_CIDR_RESOURCE, NAMESPACE_RESOURCE, CLUSTERS];

/** Which objects are of kinds that metaipam reads, which of those are namespaced, and which may be meant for such. */
export async function kindsRead() {
  const { knownResources } = await import('./diagnose.ts');
  const { all } = knownResources();
  const isNamespaced = new Map([
    ...READ_BESIDE.flatMap(({ kind, apiVersions, namespaced }) =>
      apiVersions.map((apiVersion) => [`${kind} ${apiVersion}`, namespaced] as const),
    ),
    // Of these another version is an error, and no other kind.
    ...all.map(({ kind, apiVersion, namespaced }) => [`${kind} ${groupOf(apiVersion)}`, namespaced] as const),
  ]);
  const scopeOf = ({ kind, apiVersion }: KubernetesObject) =>
    isNamespaced.get(`${kind} ${groupOf(apiVersion)}`) ?? isNamespaced.get(`${kind} ${apiVersion}`);
  return {
    has: (object: KubernetesObject) => scopeOf(object) !== undefined,
    isNamespaced: (object: KubernetesObject) => scopeOf(object) === true,
    isNear: ({ kind, apiVersion }: KubernetesObject) =>
      all.some((each) => each.kind === kind || groupOf(each.apiVersion) === groupOf(apiVersion)),
  };
}

/** Writes a line of stderr for each. */
export function writeDiagnostics(diagnostics: readonly Diagnostic[], io: Pick<Io, 'stderr' | 'env'>): void {
  for (const diagnostic of diagnostics)
    io.stderr.write(`${textFor(io, printable(formatDiagnostic(diagnostic)))}\n`);
}

/** For kubectl the name alone is that of Kubernetes' own kind, since 1.33. */
const NOT_OF_CLAIMS = `warning: these IPAddresses are of Services: kubectl get ipaddresses.${CAPI_IPAM_GROUP} has those of claims\n`;

/**
 * The objects of files that are taken for the state of a cluster. Throws InputError that names every file that cannot
 * be read, and every object that is there twice or that no cluster serves.
 */
export async function readState(paths: readonly string[], io: Io): Promise<KubernetesObject[]> {
  const { diagnoseState } = await import('./diagnose.ts');
  const { objects, problems } = await readInput(paths, io);
  const refused = [...problems, ...diagnoseState(objects)].filter(isError);
  if (refused.length > 0)
    throw new InputError(refused.map((each) => printable(formatDiagnostic(each))).join('\n'));
  writeDiagnostics(problems, io);
  const groups = new Set(
    objects.flatMap(({ object: { kind, apiVersion } }) =>
      kind === 'IPAddress' ? [groupOf(apiVersion)] : [],
    ),
  );
  if (groups.has(groupOf(SERVICE_CIDR_API_VERSION)) && !groups.has(CAPI_IPAM_GROUP))
    io.stderr.write(NOT_OF_CLAIMS);
  return objects.map(({ object }) => object);
}

/** ` (2 objects of other kinds and 1 file of kustomize or Helm left out)`, or nothing. */
export function leftOut(foreign: number, skipped: number): string {
  const parts = [
    ...(foreign > 0 ? [`${plural(foreign, 'object')} of other kinds`] : []),
    ...(skipped > 0 ? [`${plural(skipped, 'file')} of kustomize or Helm`] : []),
  ];
  return parts.length === 0 ? '' : ` (${parts.join(' and ')} left out)`;
}
