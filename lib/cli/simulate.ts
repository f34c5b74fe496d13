import { setFlagsFromString } from 'node:v8';
import type { SimulatedCluster } from '../engine/cluster.ts';
import { isReadableMeta } from '../inspect/inventory.ts';
import { compareText, type KubernetesObject } from '../kubernetes/object.ts';
import { DEFAULT_CONFIG } from '../metacontroller/hook.ts';
import { defineOptions, type Parsed } from '../options/options.ts';
import { bindOption } from './bind-option.ts';
import { type Command, defineCommand, type Io } from './command.ts';
import { loadControllers } from './controllers.ts';
import { isError, refusal } from './diagnostic.ts';
import { leftOut, MANIFEST_OPTIONS, manifestPaths, readInput, writeDiagnostics } from './input.ts';
import { hang } from './table.ts';
import { loadRules } from './validate.ts';

/**
 * V8 would let the heap grow fourfold before it looks for what can go, and what is young take 128 MB. Held at what it has
 * come to when all is loaded, this takes a fifth less memory, and no time.
 */
const HEAP = '--heap-growing-percent=100 --semi-space-growth-factor=1';

const OPTIONS = defineOptions({
  ...MANIFEST_OPTIONS,
  output: {
    type: 'enum',
    values: ['table', 'json', 'yaml'],
    short: 'o',
    default: 'table',
    help: 'table is an account for people; json and yaml are one List of every object.',
  },
  page: {
    type: 'boolean',
    default: 'false',
    help: 'Serve the result as a page on this machine, until interrupted.',
    excludes: {
      output: 'the address of the page stands where it would be read',
      'fail-on-waiting': 'the page ends when it is interrupted',
    },
  },
  listen: {
    type: 'string',
    default: '127.0.0.1:0',
    placeholder: 'address',
    help: 'Where --page is served; port 0 takes any free one.',
    needs: { page: 'nothing else listens' },
  },
  'fail-on-waiting': {
    type: 'boolean',
    default: 'false',
    help: 'Exit with 4 when a claim or a node waits in the end.',
  },
});

/** What files say, applied to a cluster of its own. */
interface Applied {
  readonly cluster: SimulatedCluster;
  /** What of the files was left out, for people. */
  readonly leftOut: string;
}

async function simulate(
  load: typeof loadControllers,
  { values, positionals }: Parsed<typeof OPTIONS>,
  io: Io,
): Promise<number> {
  const paths = manifestPaths(values.filename, positionals);
  const bind = bindOption('listen', values.listen);
  const [
    { formatYaml },
    { paintFor },
    { renderReport, reportOf, summaryOf },
    { showProgress, terminalWidth, writeText },
    { describeUnrest },
  ] = await Promise.all([
    import('./yaml.ts'),
    import('./paint.ts'),
    import('./report.ts'),
    import('./terminal.ts'),
    import('./world.ts'),
  ]);
  const progress = showProgress(io, (steps) => `simulating: ${steps.toLocaleString('en')} steps so far`);
  const applied = await applyFiles(load, paths, values.namespace, progress.tick, io);
  if (applied === undefined) return 1;
  const { cluster } = applied;
  const settlement = cluster.settle();
  progress.done();
  const result = sorted(cluster);
  const context = { now: cluster.now, config: DEFAULT_CONFIG };
  const report = reportOf(result, context);
  const summary = summaryOf(report);
  const list = { apiVersion: 'v1', kind: 'List', items: result };
  if (values.output === 'json') io.stdout.write(`${JSON.stringify(list, null, 2)}\n`);
  else if (values.output === 'yaml') io.stdout.write(formatYaml(list));
  else {
    const width = terminalWidth(io);
    writeText(io, renderReport(report, paintFor(io), width));
    const line = `${summary.text}${applied.leftOut}`.trim();
    if (line !== '') writeText(io, `\n${hang('', line, width, 2).join('\n')}\n`);
  }
  const unrest = describeUnrest(settlement);
  for (const line of unrest) io.stderr.write(`${line}\n`);
  if (values.page) {
    const [{ servePage }, { fixedSource }] = await Promise.all([
      import('./local-page.ts'),
      import('../page/source.ts'),
    ]);
    const source = fixedSource(result, context.config, () => context.now);
    return servePage(source, paths.join(', '), bind, io);
  }
  if (unrest.length > 0) return 3;
  return values['fail-on-waiting'] && summary.waiting > 0 ? 4 : 0;
}

/** Undefined where something is wrong with them, which is then said. What was read is not kept: it may be large. */
async function applyFiles(
  load: typeof loadControllers,
  paths: readonly string[],
  namespace: string | undefined,
  observe: () => void,
  io: Io,
): Promise<Applied | undefined> {
  const [controllers, { applyAll, createWorld, hasIPAMClaims, makeNamespaces }, diagnose] = await Promise.all(
    [load(), import('./world.ts'), loadRules(io)],
  );
  setFlagsFromString(HEAP);
  const { objects, ours, foreign, problems, skipped } = await readInput(paths, io, namespace);
  const found = [...problems, ...diagnose(objects)];
  const bad = new Set(found.filter(isError).map(({ object }) => object));
  const good = ours.filter(({ object }) => !bad.has(object));
  // The state of a cluster: claims know their addresses by uids.
  const isThere = ({ metadata }: KubernetesObject) => metadata.uid !== undefined && isReadableMeta(metadata);
  const cluster = createWorld(
    controllers,
    { observe, hasIPAMClaims: hasIPAMClaims(ours.map(({ object }) => object)) },
    good.map(({ object }) => object).filter(isThere),
  );
  makeNamespaces(
    cluster,
    ours.map(({ object }) => object),
  );
  const refused = applyAll(
    cluster,
    good.filter(({ object }) => !isThere(object)),
  ).map((each) => refusal(each, each.message));
  writeDiagnostics([...found, ...refused], io);
  if ([...found, ...refused].some(isError)) return undefined;
  return { cluster, leftOut: leftOut(foreign, skipped) };
}

/** By kind, namespace and name. */
function sorted(cluster: SimulatedCluster): KubernetesObject[] {
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
    usage: '-f PATH... [-n NAMESPACE] [-o table|json|yaml] [--page]',
    description: `
Runs the hooks as Metacontroller would, against an API server in memory, until nothing changes any more. No
cluster is needed and none is touched. The default PodNetwork is there from the start.

Exit codes: 0 the cluster came to rest, 1 a manifest is invalid, 3 the cluster does not settle, 4 with
--fail-on-waiting: a claim or a node waits.`,
    options: OPTIONS,
    main: (parsed, io) => simulate(load, parsed, io),
  });
}

export default simulateCommand(loadControllers);
