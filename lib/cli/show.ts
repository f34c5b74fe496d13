import { writeFile } from 'node:fs/promises';
import { formatPrefix, formatRange, parseRange, type Range } from '../address/range.ts';
import type { NetworkOverview } from '../inspect/network-overview.ts';
import type { Overview, PoolOverview } from '../inspect/overview.ts';
import type { State, Waiting } from '../inspect/state.ts';
import type { Usage } from '../inspect/usage.ts';
import { exactInteger } from '../json.ts';
import { DEFAULT_CONFIG } from '../metacontroller/hook.ts';
import { defineOptions, type Parsed, UsageError } from '../options/options.ts';
import { listSome, plural } from '../text.ts';
import { type Command, defineCommand, InputError, type Io } from './command.ts';
import { LIVE_RIGHTS } from './live-objects.ts';
import { readObjects, SOURCE_OPTIONS } from './object-source.ts';
import type { Paint } from './paint.ts';

const OPTIONS = defineOptions({
  ...SOURCE_OPTIONS,
  output: {
    type: 'enum',
    values: ['table', 'wide', 'json', 'yaml'],
    short: 'o',
    default: 'table',
    help: 'wide has more columns, larger pictures and every claim that waits; json and yaml have every segment.',
  },
  svg: {
    type: 'string',
    default: '',
    placeholder: 'file',
    help: 'Write the pictures to this SVG file as well.',
  },
});

/** What an argument may call a kind, in lower case. */
const KIND_NAMES: Readonly<Record<string, string>> = {
  inclusterippool: 'InClusterIPPool',
  inclusterippools: 'InClusterIPPool',
  icpool: 'InClusterIPPool',
  globalinclusterippool: 'GlobalInClusterIPPool',
  globalinclusterippools: 'GlobalInClusterIPPool',
  gicpool: 'GlobalInClusterIPPool',
  inclusterprefixpool: 'InClusterPrefixPool',
  inclusterprefixpools: 'InClusterPrefixPool',
  icprefix: 'InClusterPrefixPool',
  globalinclusterprefixpool: 'GlobalInClusterPrefixPool',
  globalinclusterprefixpools: 'GlobalInClusterPrefixPool',
  gicprefix: 'GlobalInClusterPrefixPool',
  clustercidr: 'ClusterCIDR',
  clustercidrs: 'ClusterCIDR',
  ccidr: 'ClusterCIDR',
  podnetwork: 'PodNetwork',
  podnetworks: 'PodNetwork',
  podnet: 'PodNetwork',
};

async function show({ values, positionals }: Parsed<typeof OPTIONS>, io: Io): Promise<number> {
  const ranges = positionals.flatMap((text) => parseRange(text) ?? []);
  if (ranges.length > 0) {
    if (ranges.length < positionals.length)
      throw new UsageError('name addresses, or pools and networks, not both');
    return showHolders(ranges, values, io);
  }
  const wanted = positionals.map(readName);
  const [{ overviewOf }, { paintFor }] = await Promise.all([
    import('../inspect/overview.ts'),
    import('./paint.ts'),
  ]);
  const objects = await readObjects(values, io);
  const config = { ...DEFAULT_CONFIG, installNamespace: values['install-namespace'] };
  const overview = select(overviewOf(objects, { now: Date.now(), config }), wanted);
  if (values.svg !== '') {
    const { picturesOf, svgOf } = await import('../inspect/svg.ts');
    await writeFile(values.svg, svgOf(picturesOf(overview))).catch(({ message }: Error) => {
      throw new InputError(`--svg: ${message}`);
    });
  }
  if (values.output === 'json') {
    io.stdout.write(`${JSON.stringify(plainOverview(overview), null, 2)}\n`);
  } else if (values.output === 'yaml') {
    const { formatYaml } = await import('./yaml.ts');
    io.stdout.write(formatYaml(plainOverview(overview)));
  } else {
    const isWide = values.output === 'wide';
    const { writeText } = await import('./terminal.ts');
    writeText(
      io,
      await renderOverview(overview, { isWide, isDetailed: wanted.length > 0 || isWide }, paintFor(io)),
    );
  }
  return 0;
}

/** Who has each of the ranges, or why nobody has it. */
async function showHolders(
  ranges: readonly Range[],
  values: Parsed<typeof OPTIONS>['values'],
  io: Io,
): Promise<number> {
  const [{ whoHas }, { paintFor }, { columns, printable }] = await Promise.all([
    import('../inspect/who-has.ts'),
    import('./paint.ts'),
    import('./table.ts'),
  ]);
  const objects = await readObjects(values, io);
  const config = { ...DEFAULT_CONFIG, installNamespace: values['install-namespace'] };
  const context = { now: Date.now(), config };
  const found = ranges.map((range) => ({
    asked: formatRange(range),
    holdings: whoHas(range, objects, context),
  }));
  if (values.output === 'json') io.stdout.write(`${JSON.stringify({ addresses: found }, null, 2)}\n`);
  else if (values.output === 'yaml') {
    const { formatYaml } = await import('./yaml.ts');
    io.stdout.write(formatYaml({ addresses: found }));
  } else {
    const paint = paintFor(io);
    const outside = found.filter(({ holdings }) => holdings.length === 0);
    const rows = found.flatMap(({ holdings }) =>
      holdings.map(({ addresses, pool, holder, note }) => [
        addresses,
        printable(pool),
        holder === undefined ? '-' : paint('green', printable(holder)),
        printable(note),
      ]),
    );
    const header = ['ADDRESS', 'POOL', 'WHO', 'WHY'].map((title) => paint('bold', title));
    const lines = [
      ...(rows.length === 0 ? [] : columns([header, ...rows])),
      ...outside.map(({ asked }) => `${asked} is in no pool and in no ClusterCIDR`),
    ];
    io.stdout.write(lines.map((line) => `${line}\n`).join(''));
  }
  return 0;
}

interface Name {
  readonly text: string;
  /** Any kind if undefined. */
  readonly kind: string | undefined;
  readonly name: string;
}

function readName(text: string): Name {
  const slash = text.indexOf('/');
  if (slash < 0) return { text, kind: undefined, name: text };
  const kind = KIND_NAMES[text.slice(0, slash).toLowerCase()];
  if (kind === undefined) {
    const kinds = [...new Set(Object.values(KIND_NAMES))].join(', ');
    throw new UsageError(`${text}: the kind before the slash must be one of ${kinds}; -n names a namespace`);
  }
  return { text, kind, name: text.slice(slash + 1) };
}

/** The part of the overview that is asked for; all of it if nothing is named. */
function select(overview: Overview, wanted: readonly Name[]): Overview {
  if (wanted.length === 0) return overview;
  const found = new Set<Name>();
  const isWanted = (kind: string, name: string) => {
    const names = wanted.filter((each) => each.name === name && (each.kind ?? kind) === kind);
    for (const each of names) found.add(each);
    return names.length > 0;
  };
  const pools = overview.pools.filter(({ pool }) => isWanted(pool.kind, pool.metadata.name));
  const networks = overview.networks.flatMap((network): NetworkOverview[] => {
    const clusterCIDRs = network.clusterCIDRs.filter(({ clusterCIDR }) =>
      isWanted('ClusterCIDR', clusterCIDR.metadata.name),
    );
    if (isWanted('PodNetwork', network.name)) return [network];
    return clusterCIDRs.length > 0 ? [{ ...network, clusterCIDRs }] : [];
  });
  const missing = wanted.filter((each) => !found.has(each));
  if (missing.length > 0) {
    throw new InputError(`there is no pool or network ${missing.map(({ text }) => text).join(', ')}`);
  }
  return { pools, networks, waitingForNoPool: [] };
}

interface Detail {
  readonly isWide: boolean;
  readonly isDetailed: boolean;
}

/** Tables of pools, pod networks and ClusterCIDRs, who waits and why, and pictures. */
export async function renderOverview(overview: Overview, detail: Detail, paint: Paint): Promise<string> {
  const { columns, printable } = await import('./table.ts');
  const { isWide } = detail;
  const table = (header: string[], rows: string[][], right: number[]): string[] =>
    rows.length === 0 ? [] : columns([header.map((title) => paint('bold', title)), ...rows], right);
  const usage = (of: Usage) => [
    compact(of.total),
    compact(of.used),
    compact(of.free),
    dash(of.outOfRange),
    percent(of.fragmentation),
  ];
  const extra = ({ counts, space }: Usage) =>
    isWide
      ? [
          dash(counts.adopted),
          dash(counts.taken),
          dash(counts.reserved + counts.excluded + counts.gateway),
          largest(space),
        ]
      : [];
  const usageHeader = ['TOTAL', 'USED', 'FREE', 'OUT OF RANGE', 'FRAGMENTED'];
  const moreHeader = isWide ? ['ADOPTED', 'TAKEN', 'WITHHELD', 'LARGEST FREE'] : [];
  const state = ({ reason, message }: State) => {
    const text = printable(reason === 'Ready' || message === '' ? reason : `${reason}: ${message}`);
    return paint(reason === 'Ready' ? 'green' : 'red', text);
  };
  const waits = (count: number) => (count === 0 ? '-' : paint('yellow', String(count)));

  const pools = table(
    ['POOL', ...usageHeader, 'WAITING', ...moreHeader, 'STATE'],
    overview.pools.map((pool) => [
      printable(pool.title),
      ...usage(pool),
      waits(pool.waiting.length),
      ...extra(pool),
      state(pool.state),
    ]),
    [1, 2, 3, 4, 5, 6],
  );
  const networks = table(
    ['POD NETWORK', 'NODES', 'SERVED', 'WAITING', 'STATE'],
    overview.networks.map(({ name, nodes, allocated, waiting, state: is }) => [
      printable(name),
      `${nodes}`,
      `${allocated}`,
      waits(waiting.length),
      state(is),
    ]),
    [1, 2, 3],
  );
  const clusterCIDRs = table(
    [
      'CLUSTERCIDR',
      'NETWORK',
      'RANGE',
      'BLOCKS',
      ...usageHeader.filter((title) => title !== 'OUT OF RANGE'),
      ...moreHeader,
      'STATE',
    ],
    overview.networks.flatMap(({ name, clusterCIDRs }) =>
      clusterCIDRs.flatMap(({ clusterCIDR, ranges, state: is }) => {
        const head = [printable(clusterCIDR.metadata.name), printable(name)];
        if (ranges.length === 0) {
          return [[...head, ...Array.from({ length: 6 + moreHeader.length }, () => '-'), state(is)]];
        }
        return ranges.map((range) => [
          ...head,
          range.cidr,
          `/${range.blockLength}`,
          ...usage(range).filter((_, index) => index !== 3),
          ...extra(range),
          state(is),
        ]);
      }),
    ),
    [4, 5, 6, 7],
  );
  const waiting = table(
    ['WAITING', 'WHY'],
    describeWaiting(overview, isWide).map(([who = '', why = '']) => [
      printable(who),
      paint('yellow', printable(why)),
    ]),
    [],
  );
  const sections = [
    pools,
    networks,
    clusterCIDRs,
    waiting,
    await drawPictures(overview, detail, paint, printable),
  ].filter((lines) => lines.length > 0);
  if (sections.length === 0) return 'No pools, pod networks, ClusterCIDRs or claims that wait.\n';
  return sections.map((lines) => `${lines.join('\n')}\n`).join('\n');
}

async function drawPictures(
  overview: Overview,
  { isDetailed }: Detail,
  paint: Paint,
  printable: (text: string) => string,
): Promise<string[]> {
  const [{ picturesOf }, { LEGEND, picture }, { columns }] = await Promise.all([
    import('../inspect/svg.ts'),
    import('./picture.ts'),
    import('./table.ts'),
  ]);
  const pictures = picturesOf(overview).filter(({ space }) => space.segments.length > 0);
  if (pictures.length === 0) return [];
  const lines = isDetailed
    ? pictures.flatMap(({ title, note, space }) => [
        paint('bold', printable([title, note].filter(Boolean).join('  '))),
        ...columns(picture(space, paint)).map((row) => `  ${row}`),
      ])
    : columns(pictures.map(({ title, space }) => [printable(title), ...picture(space, paint, 1)[0]!]));
  return [...lines, '', LEGEND];
}

/** A row for all that wait for the same reason, or one each. */
function describeWaiting({ pools, networks, waitingForNoPool }: Overview, isWide: boolean): string[][] {
  const claims = [...pools.flatMap(({ waiting }) => waiting), ...waitingForNoPool];
  const all = [
    ...claims.map((each) => ({ ...each, kind: 'IPAddressClaim' })),
    ...networks.flatMap(({ waiting }) => waiting.map((each) => ({ ...each, kind: 'Node' }))),
  ];
  const groups = Map.groupBy(all, ({ kind, name, reason, message }) =>
    JSON.stringify([kind, reason, message, isWide && name]),
  );
  return [...groups.values()].map((group) => {
    const { kind, reason, message } = group[0]!;
    const names = listSome(group.map(({ name }) => name));
    return [
      group.length === 1 ? `${kind} ${names}` : `${plural(group.length, kind)}: ${names}`,
      `${reason}: ${message}`,
    ];
  });
}

/** Exact up to a billion, then powers of ten: `1.8e19`. */
function compact(count: bigint): string {
  return count < 1_000_000_000n ? String(count) : Number(count).toExponential(1).replace('+', '');
}

function dash(count: bigint): string {
  return count === 0n ? '-' : compact(count);
}

function percent(share: number): string {
  return `${Math.round(share * 100)}%`;
}

function largest(space: Usage['space']): string {
  const free = space.segments.filter(({ state }) => state === 'free');
  if (free.length === 0) return '-';
  return formatRange(free.reduce((a, b) => (b.last - b.first > a.last - a.first ? b : a)));
}

/** For programs: addresses as text, integers exact, every segment. */
function plainOverview({ pools, networks, waitingForNoPool }: Overview): object {
  return {
    pools: pools.map(plainPool),
    networks: networks.map(({ name, state, nodes, allocated, waiting, clusterCIDRs }) => ({
      name,
      state,
      nodes,
      allocated,
      waiting,
      clusterCIDRs: clusterCIDRs.map(({ clusterCIDR, state, nodes, ranges }) => ({
        name: clusterCIDR.metadata.name,
        state,
        nodes,
        ranges: ranges.map(({ range, blockLength, ...usage }) => ({
          cidr: formatPrefix(range),
          blockLength,
          ...plainUsage(usage),
        })),
      })),
    })),
    waitingForNoPool,
  };
}

function plainPool({ pool, state, waiting, ...usage }: PoolOverview): object {
  const { kind, metadata } = pool;
  return {
    kind,
    ...(metadata.namespace !== undefined && { namespace: metadata.namespace }),
    name: metadata.name,
    state,
    ...plainUsage(usage),
    waiting: waiting.map((each: Waiting) => ({ ...each })),
  };
}

function plainUsage({ total, used, free, outOfRange, counts, fragmentation, space }: Usage): object {
  return {
    total: exactInteger(total),
    used: exactInteger(used),
    free: exactInteger(free),
    outOfRange: exactInteger(outOfRange),
    adopted: exactInteger(counts.adopted),
    taken: exactInteger(counts.taken),
    withheld: exactInteger(counts.reserved + counts.excluded + counts.gateway),
    fragmentation,
    segments: space.segments.map((segment) => ({ addresses: formatRange(segment), state: segment.state })),
  };
}

const command: Command = defineCommand({
  name: 'show',
  summary: 'Show how full pools and pod networks are, who waits for them, and who has an address',
  usage: '[name | kind/name ... | address | range ...] [-n NAMESPACE] [-f PATH...] [-o table|wide|json|yaml]',
  description: `
Tables of the pools, pod networks and ClusterCIDRs of a cluster (or of files), the claims and nodes that wait and
why, and pictures of the address spaces. Named ones are drawn larger. FRAGMENTED is the share of the free addresses
(or blocks) that lie outside the largest free run. TOTAL is what can be given out; USED includes what is OUT OF
RANGE: in use, although the pool no longer gives it out. Of addresses and ranges (10.0.0.7, 10.0.0.0/28) it says who
has them and since when, or why nobody has: reserved, excluded, held back for a grace period, free.

${LIVE_RIGHTS}
With -n it takes only the namespaced ones, in that namespace.

Exit codes: 0 shown, 1 on any error.`,
  options: OPTIONS,
  main: show,
});

export default command;
