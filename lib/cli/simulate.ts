import type { Cluster } from '../engine/cluster.ts';
import { compareText, type KubernetesObject } from '../kubernetes/object.ts';
import { DEFAULT_CONFIG } from '../metacontroller/hook.ts';
import { defineOptions, type Parsed } from '../options/options.ts';
import { type Command, defineCommand, type Io } from './command.ts';
import { loadControllers } from './controllers.ts';
import { loadRules, MANIFEST_OPTIONS, manifestPaths, problemLine } from './validate.ts';

const OPTIONS = defineOptions({
  ...MANIFEST_OPTIONS,
  output: {
    type: 'enum',
    values: ['table', 'json', 'yaml'],
    short: 'o',
    default: 'table',
    help: 'table is an account for people; json and yaml are one List of every object.',
  },
});

async function simulate(
  load: typeof loadControllers,
  { values, positionals }: Parsed<typeof OPTIONS>,
  io: Io,
): Promise<number> {
  const paths = manifestPaths(values.filename, positionals);
  const [
    controllers,
    { formatYaml, loadManifests },
    { paintFor },
    { renderReport },
    { applyAll, createWorld, describeUnrest },
    validateObjects,
  ] = await Promise.all([
    load(),
    import('./manifests.ts'),
    import('./paint.ts'),
    import('./report.ts'),
    import('./world.ts'),
    loadRules(),
  ]);
  const { objects, problems } = await loadManifests(paths, io.stdin);
  const invalid = validateObjects(objects);
  const bad = new Set(invalid.map(({ object }) => object));
  const cluster = createWorld(controllers);
  const unfit = applyAll(
    cluster,
    objects.filter(({ object }) => !bad.has(object)),
  );
  const refused = [...problems, ...invalid.map(problemLine), ...unfit];
  if (refused.length > 0) {
    for (const line of refused) io.stderr.write(`${line}\n`);
    return 1;
  }
  const settlement = cluster.settle();
  const result = sorted(cluster);
  const list = { apiVersion: 'v1', kind: 'List', items: result };
  if (values.output === 'json') io.stdout.write(`${JSON.stringify(list, null, 2)}\n`);
  else if (values.output === 'yaml') io.stdout.write(formatYaml(list));
  else {
    const context = { now: cluster.now, config: DEFAULT_CONFIG };
    io.stdout.write(renderReport(result, context, paintFor(io)));
  }
  const unrest = describeUnrest(settlement);
  for (const line of unrest) io.stderr.write(`${line}\n`);
  return unrest.length > 0 ? 3 : 0;
}

/** By kind, namespace and name. */
function sorted(cluster: Cluster): KubernetesObject[] {
  return cluster.objects().sort((a, b) => {
    const [one, other] = [a.metadata, b.metadata];
    return (
      compareText(a.kind, b.kind) ||
      compareText(one.namespace ?? '', other.namespace ?? '') ||
      compareText(one.name, other.name)
    );
  });
}

/** `simulate`, with the hooks of `load`. */
export function simulateCommand(load: typeof loadControllers): Command {
  return defineCommand({
    name: 'simulate',
    summary: 'Apply manifests to a simulated cluster and show what becomes of them',
    usage: '-f PATH... [-o table|json|yaml]',
    description: `
Runs the hooks as Metacontroller would, against an API server in memory, until nothing changes any more. No
cluster is needed and none is touched. Objects of namespaced kinds go to the namespace default unless they name
one; the default PodNetwork is there from the start.

Exit codes: 0 the cluster came to rest, 1 a manifest is invalid, 3 the cluster does not settle.`,
    options: OPTIONS,
    main: (parsed, io) => simulate(load, parsed, io),
  });
}

export default simulateCommand(loadControllers);
