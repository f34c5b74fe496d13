import type { KubeConfig } from '@kubernetes/client-node';
import type { RequestLog } from '../cluster/connection.ts';
import type { Effect } from '../inspect/preview/preview.ts';
import { groupOf, isNamespace, type KubernetesObject } from '../kubernetes/object.ts';
import type { Resource } from '../kubernetes/resources.ts';
import { DEFAULT_CONFIG } from '../metacontroller/hook.ts';
import { HOOK_OPTIONS } from '../options/hook-options.ts';
import { defineOptions, outputOption, type Parsed, UsageError } from '../options/options.ts';
import { selectsNamespaces } from '../pool/allowed-namespaces.ts';
import { PROGRAM } from '../program.ts';
import { listSome, plural } from '../text.ts';
import { ApiError, ApiReader } from './api-reader.ts';
import { defineCommand, type Io } from './command.ts';
import { connectAsUser, NO_CLUSTER, READ_OPTIONS, requestLog } from './connection.ts';
import { loadControllers } from './controllers.ts';
import { at, type Diagnostic, formatDiagnostic, isError } from './diagnostic.ts';
import { leftOut, MANIFEST_OPTIONS, readInput, readState, writeDiagnostics } from './input.ts';
import {
  CLUSTERS,
  DELETE_POLICIES,
  IPAM_CLAIMS,
  LIVE_RIGHTS,
  listLive,
  NAMESPACE_RESOURCE,
} from './live-objects.ts';
import type { LoadedObject, Manifests } from './manifests.ts';
import type { Paint } from './paint.ts';
import type { ObjectChange } from './predict.ts';
import { hang, printable } from './table.ts';
import { loadRules } from './validate.ts';
import { DELETE_PROTECTION } from './world.ts';

const OPTIONS = defineOptions({
  ...MANIFEST_OPTIONS,
  delete: {
    type: 'list',
    placeholder: 'path...',
    help: 'Files with objects that would be deleted, as by kubectl delete -f. Repeatable.',
  },
  current: {
    type: 'list',
    placeholder: 'path...',
    help: 'Take files for the state of now instead of a live cluster, such as the output of kubectl get -o yaml.',
    excludes: NO_CLUSTER,
  },
  ...READ_OPTIONS,
  'install-namespace': HOOK_OPTIONS['install-namespace'],
  output: outputOption(['text', 'json'], 'json has what happens to each object and every effect.'),
});

async function plan({ values, positionals }: Parsed<typeof OPTIONS>, io: Io): Promise<number> {
  if (positionals.length > 0) throw new UsageError(`unexpected ${positionals.join(' ')}; paths follow -f`);
  if (values.filename.length === 0 && values.delete.length === 0) {
    throw new UsageError('-f PATH or --delete PATH is required');
  }
  const [hooks, diagnose, { predict }, { paintFor }, { showProgress, terminalWidth, writeText }] =
    await Promise.all([
      loadControllers(),
      loadRules(io),
      import('./predict.ts'),
      import('./paint.ts'),
      import('./terminal.ts'),
    ]);
  const given = await readInput(values.filename, io, values.namespace);
  const deleted = await readInput(values.delete, io, values.namespace);
  const live =
    values.current.length > 0
      ? undefined
      : ([await connectAsUser(values, io.env), { io, log: requestLog(values, io) }] as const);
  const objectsOf = (input: Manifests) => input.objects.map(({ object }) => object);
  const unserved: Resource[] = [];
  const current =
    live === undefined
      ? await readState(values.current, io)
      : await listCluster([...objectsOf(given), ...objectsOf(deleted)], unserved, ...live);
  const hasDeleteProtection =
    live !== undefined && deleted.objects.length > 0 ? await isProtected(...live) : undefined;
  const found = [
    ...given.problems,
    ...deleted.problems,
    ...diagnose(given.objects),
    ...withoutKind(given.objects, unserved),
    ...(live === undefined ? [] : await withoutNamespace(given.objects, current, ...live)),
  ];
  const bad = new Set(found.filter(isError).map(({ object }) => object));
  const config = {
    ...DEFAULT_CONFIG,
    installNamespace: values['install-namespace'],
    watchClusters: [...current, ...given.objects.map(({ object }) => object)].some(namesClusters),
  };
  const progress = showProgress(io, (steps) => `predicting: ${steps.toLocaleString('en')} steps so far`);
  const { changes, effects, refused, restless, unrest, unknown } = predict(
    hooks,
    current,
    given.ours.filter(({ object }) => !bad.has(object)),
    deleted.ours.filter(({ object }) => !bad.has(object)),
    { now: Date.now(), config, hasDeleteProtection },
    progress.tick,
  );
  progress.done();
  const diagnostics = [...found, ...refused];
  const problems = diagnostics.filter(isError);
  const objects = changes.filter(({ action }) => action !== 'none');
  if (values.output === 'json') {
    io.stdout.write(
      `${JSON.stringify({ objects, effects, refused: problems.map(formatDiagnostic) }, null, 2)}\n`,
    );
  } else {
    const rest = leftOut(given.foreign + deleted.foreign + unknown, given.skipped + deleted.skipped);
    writeText(io, render(objects, effects, problems.length, rest, terminalWidth(io), paintFor(io)));
  }
  if (restless.length > 0) {
    const warning = 'the cluster does not come to rest as it is, so that effects may be missing';
    io.stderr.write(`${PROGRAM} plan: warning: ${warning}: ${listSome(restless, 1)}\n`);
  }
  writeDiagnostics(diagnostics, io);
  for (const line of unrest) io.stderr.write(`${line}\n`);
  if (problems.length > 0 || unrest.length > 0) return 1;
  return objects.length + effects.length > 0 ? 2 : 0;
}

/** Objects of kinds that the cluster does not have, unless their CustomResourceDefinitions are given, too. */
function withoutKind(given: readonly LoadedObject[], unserved: readonly Resource[]): Diagnostic[] {
  const definitions = new Set(
    given
      .filter(({ object }) => object.kind === 'CustomResourceDefinition')
      .map(({ object }) => object.metadata.name),
  );
  const missing = new Set(
    unserved.flatMap(({ kind, plural, apiVersions }) => {
      const groups = apiVersions.map(groupOf).filter((group) => !definitions.has(`${plural}.${group}`));
      return groups.map((group) => `${kind}.${group}`);
    }),
  );
  return given
    .filter(({ object: { kind, apiVersion } }) => missing.has(`${kind}.${groupOf(apiVersion)}`))
    .map((each) =>
      at(each, {
        rule: 'refused',
        severity: 'error',
        message: 'the cluster does not have this kind',
        fix: 'install its CustomResourceDefinition first',
      }),
    );
}

/** Objects of Namespaces that neither are there nor given: the API server refuses them. */
async function withoutNamespace(
  given: readonly LoadedObject[],
  current: readonly KubernetesObject[],
  config: KubeConfig,
  { log }: { readonly log: RequestLog | undefined },
): Promise<Diagnostic[]> {
  const all = [...current, ...given.map(({ object }) => object)];
  const known = new Set([
    'default',
    ...all.filter(isNamespace).map(({ metadata: { name } }) => name),
    ...current.map(({ metadata: { namespace } }) => namespace),
  ]);
  const unknown = given.filter(
    ({ object: { metadata } }) => metadata.namespace !== undefined && !known.has(metadata.namespace),
  );
  if (unknown.length === 0) return [];
  const api = new ApiReader(config, log);
  const names = new Set(unknown.map(({ object }) => object.metadata.namespace!));
  const missing = await Promise.all(
    [...names].map(async (name) => {
      // Who may not look is told by the API server in time.
      const isMissing = await api.get(`/api/v1/namespaces/${encodeURIComponent(name)}`).then(
        () => false,
        (error) => error instanceof ApiError && error.status === 404,
      );
      return isMissing ? [name] : [];
    }),
  );
  return unknown.flatMap((each) => {
    const namespace = each.object.metadata.namespace!;
    if (!missing.flat().includes(namespace)) return [];
    const fix = `kubectl create namespace ${namespace}, or give a file with it`;
    const message = 'there is no such Namespace in the cluster';
    return at(each, {
      rule: 'refused',
      severity: 'error',
      field: 'metadata.namespace',
      value: namespace,
      message,
      fix,
    });
  });
}

/**
 * All that decides; Namespaces only where a pool asks for their labels, or one is given. Adds to `unserved` what the
 * cluster does not have.
 */
async function listCluster(
  given: readonly KubernetesObject[],
  unserved: Resource[],
  config: KubeConfig,
  options: { readonly io: Io; readonly log: RequestLog | undefined },
) {
  const objects = await listLive(config, '', [CLUSTERS, IPAM_CLAIMS], {
    ...options,
    onLeftOut: (resource, why) => why === 'unserved' && unserved.push(resource),
  });
  if (!given.some(isNamespace) && ![...objects, ...given].some(selectsNamespaces)) return objects;
  return [...objects, ...(await listLive(config, '', [], { ...options, only: [NAMESPACE_RESOURCE] }))];
}

/** Whether the cluster refuses to delete what is in use; undefined where that may not be asked. */
async function isProtected(
  config: KubeConfig,
  options: { readonly io: Io; readonly log: RequestLog | undefined },
): Promise<boolean | undefined> {
  let isKnown = true;
  const onLeftOut = () => {
    isKnown = false;
  };
  const found = await listLive(config, '', [], { ...options, only: DELETE_POLICIES, onLeftOut });
  if (!isKnown) return undefined;
  const named = found.filter(({ metadata: { name } }) => name === DELETE_PROTECTION) as (KubernetesObject & {
    spec?: { validationActions?: readonly string[] };
  })[];
  const refuses = named.some(({ spec }) => spec?.validationActions?.includes('Deny'));
  return refuses && named.length === DELETE_POLICIES.length;
}

/** Whether claims wait for Clusters here. */
function namesClusters(object: KubernetesObject): boolean {
  if (object.kind === 'Cluster') return object.apiVersion.startsWith('cluster.x-k8s.io/');
  const { status } = object as { status?: { conditions?: readonly { reason?: string }[] } };
  return (
    object.kind === 'IPAddressClaim' && JSON.stringify(status?.conditions ?? '').includes('"ClusterNotFound"')
  );
}

const ACTIONS = { create: ['+', 'green'], change: ['~', 'yellow'], delete: ['-', 'red'] } as const;
const EFFECTS = { good: ['✓', 'green'], bad: ['!', 'red'], neutral: ['·', 'grey'] } as const;
/** Effects of one sort that are shown. */
const MOST_ALIKE = 10;

function render(
  changes: readonly ObjectChange[],
  effects: readonly Effect[],
  refused: number,
  rest: string,
  width: number,
  paint: Paint,
): string {
  const lines: string[] = [];
  for (const { action, object, fields, heldBy } of changes) {
    const [sign, colour] = ACTIONS[action as keyof typeof ACTIONS];
    const stays = heldBy === undefined ? '' : `  stays until it is let go of by ${heldBy.join(', ')}`;
    lines.push(...hang('', paint(colour, `${sign} ${printable(object + stays)}`), width, 4));
    for (const field of fields) lines.push(...hang('    ', printable(field), width, 6));
  }
  if (lines.length > 0 && effects.length > 0) lines.push('');
  for (const group of Map.groupBy(effects, ({ effect, kind }) => `${effect} ${kind}`).values()) {
    const [sign, colour] = EFFECTS[group[0]!.kind];
    for (const { object, message } of group.slice(0, MOST_ALIKE)) {
      const text = `${paint('bold', printable(object))}: ${printable(message)}`;
      lines.push(...hang(`${paint(colour, sign)} `, text, width));
    }
    const more = group.length - MOST_ALIKE;
    if (more > 0) lines.push(`  and ${more} more like these: -o json has all`);
  }
  if (lines.length === 0 && refused > 0) {
    return `${paint('red', 'refused')}  ${plural(refused, 'problem')}; nothing else would change${rest}\n`;
  }
  if (lines.length === 0) return `${paint('green', 'ok')}  nothing would change${rest}\n`;
  const count = (wanted: ObjectChange['action']) => changes.filter(({ action }) => action === wanted).length;
  const bad = effects.filter(({ kind }) => kind === 'bad').length;
  const summary = [
    `${count('create')} to create, ${count('change')} to change, ${count('delete')} to delete`,
    `${plural(effects.length, 'effect')}${effects.length > 0 ? `, ${bad} of them bad` : ''}`,
    ...(refused > 0 ? [plural(refused, 'problem')] : []),
  ].join('; ');
  return `${lines.join('\n')}\n\n${summary}${rest}\n`;
}

export default defineCommand({
  name: 'plan',
  summary: 'Show what applying manifests would do to a cluster, before it does',
  usage: '-f PATH... [-n NAMESPACE] [--delete PATH...] [--current PATH...] [-o text|json]',
  description: `
Takes the state of a live cluster (or of files), runs metaipam's hooks on it in memory as Metacontroller would, once
as it is and once with the manifests applied, and says what differs: which objects change, which claims and nodes
get or lose what, what falls out of range, which pools run out, and where new nodes would get their blocks. What
would be pending anyway is no effect. Objects of kinds that metaipam does not know are left out.

${LIVE_RIGHTS}
plan also lists clusters (cluster.x-k8s.io), and ipamclaims (k8s.cni.cncf.io) if it may, and gets namespaces to see that they are there; for --delete also
validatingadmissionpolicies and validatingadmissionpolicybindings (admissionregistration.k8s.io), without which it takes
what is in use to be protected as by the install.

Exit codes: 0 nothing would change, 2 something would, 1 an object is refused, or any other error.`,
  options: OPTIONS,
  main: plan,
});
