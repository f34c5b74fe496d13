/** The overview of a cluster for people: tables, who waits and why, pictures. */
import { formatRange } from '../address/range.ts';
import { keyOf } from '../allocation/slice.ts';
import { type Answer, outsideText } from '../inspect/ask.ts';
import { type Holding, placesOf } from '../inspect/holding.ts';
import { networkTerms } from '../inspect/network-terms.ts';
import type { Overview } from '../inspect/overview.ts';
import { largestFree } from '../inspect/space.ts';
import { countPending, type State } from '../inspect/state.ts';
import type { Survey } from '../inspect/survey.ts';
import type { Usage } from '../inspect/usage.ts';
import { beneficiaryOf } from '../pool/reservation.ts';
import { PROGRAM } from '../program.ts';
import { listSome, plural } from '../text.ts';
import type { Paint } from './paint.ts';
import { columns, fittedTable, hang, printable } from './table.ts';
import { pictureWidth } from './terminal.ts';

/** Sections that say who has what: of ranges, claims, nodes, named pools and ClusterCIDRs. */
export async function holderLines(
  answers: readonly Answer[],
  survey: Survey,
  { isWide, width = Number.POSITIVE_INFINITY }: Pick<Detail, 'isWide' | 'width'>,
  paint: Paint,
): Promise<string[]> {
  const networks = answers.flatMap((answer) => answer.networks);
  const named = {
    pools: answers.flatMap(({ pools }) => pools),
    // Often a ClusterCIDR has the name of its network.
    networks: [
      ...networks,
      ...answers
        .flatMap(({ clusterCIDRs }) => clusterCIDRs)
        .filter(({ network }) => !networks.includes(network))
        .map(({ network, clusterCIDR }) => ({ ...network, clusterCIDRs: [clusterCIDR] })),
    ],
  };
  const holdings = [
    ...answers.flatMap((answer) => answer.holdings),
    ...placesOf(named, survey)
      .filter(({ holder }) => holder !== undefined)
      .map(({ describe }) => describe()),
    ...answers.flatMap(({ subjects }) => subjects.flatMap((subject) => subject.holdings)),
  ];
  const rows = distinct(holdings).map(
    ({ addresses, pool, holder, owners = [], ipAddress, since, until, note }) => [
      addresses,
      printable(pool),
      holder === undefined ? '-' : paint('green', printable(holder)),
      ...(isWide
        ? [owners.join(', '), ipAddress ?? '', since ?? '', until ?? ''].map((cell) => printable(cell || '-'))
        : []),
      printable(note),
    ],
  );
  const idle = answers.flatMap(({ subjects }) =>
    subjects.flatMap(({ title, holdings: { length }, waiting }) => {
      if (waiting === undefined)
        return length > 0 ? [] : [`${printable(title)} has nothing and asks for nothing`];
      const why = paint('yellow', printable(`${waiting.reason}: ${waiting.message}`));
      return [`${printable(title)} waits: ${why}`];
    }),
  );
  const outside = answers.flatMap(({ question, holdings: { length } }) =>
    question.is === 'range' && length === 0 ? [outsideText(question, survey)] : [],
  );
  const more = isWide ? ['OWNERS', 'IPADDRESS', 'SINCE', 'HELD UNTIL'] : [];
  const header = ['ADDRESS', 'POOL', 'WHO', ...more, 'WHY'].map((title) => paint('bold', title));
  const overlaps = [...new Set(answers.flatMap((answer) => answer.overlaps))];
  const rest = overlaps.length - MOST_OVERLAPS;
  const twice = [
    ...overlaps.slice(0, MOST_OVERLAPS).map((line) => paint('yellow', printable(line))),
    ...(rest > 0 ? [`and ${plural(rest, 'more overlap')}: ${PROGRAM} check has all`] : []),
  ];
  const sentences = [...idle, ...outside, ...twice].flatMap((line) => hang('', line, width, 2));
  const lines = [...(rows.length === 0 ? [] : fittedTable(header, rows, [], width)), ...sentences];
  return lines.length === 0 ? [] : [`${lines.join('\n')}\n`];
}

/** Overlaps that are shown of a range. */
const MOST_OVERLAPS = 8;

/** Once each: a node and its network, or a claim and its pool, may both be asked for. */
function distinct(holdings: readonly Holding[]): Holding[] {
  const keyOf = ({ addresses, pool, holder = '' }: Holding) => JSON.stringify([addresses, pool, holder]);
  const byKey = new Map(holdings.map((holding) => [keyOf(holding), holding]));
  return [...byKey.values()];
}

interface Detail {
  readonly isWide: boolean;
  readonly isDetailed: boolean;
  /** Of the terminal; without it, whatever is needed. */
  readonly width?: number;
  /** The only one that is shown, if not empty. */
  readonly namespace?: string;
}

/** Tables of pools, pod networks and ClusterCIDRs, who waits and why, and pictures. */
export async function renderOverview(overview: Overview, detail: Detail, paint: Paint): Promise<string> {
  const { isWide, width = Number.POSITIVE_INFINITY } = detail;
  const table = (header: string[], rows: string[][], right: number[]): string[] => {
    const titles = header.map((title) => paint('bold', title));
    return rows.length === 0 ? [] : fittedTable(titles, rows, right, width);
  };
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
      waits(countPending(pool.waiting)),
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
      waits(countPending(waiting)),
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
          range.blocks,
          ...usage(range).filter((_, index) => index !== 3),
          ...extra(range),
          state(is),
        ]);
      }),
    ),
    [4, 5, 6, 7],
  );
  const detailed = detail.isDetailed ? overview : { pools: [], networks: [] };
  const subnets = table(
    ['SUBNET', 'POOL', 'PREFIX', 'GATEWAY', ...usageHeader.slice(0, 3)],
    detailed.pools.flatMap((pool) =>
      pool.subnets.map((subnet) => [
        listSome(subnet.listed.ranges.map(formatRange)),
        printable(pool.title),
        `/${subnet.prefix}`,
        printable(subnet.gateway ?? '-'),
        ...usage(subnet).slice(0, 3),
      ]),
    ),
    [2, 4, 5, 6],
  );
  const reserved = table(
    ['RESERVED', 'POOL', 'FOR', 'HELD BY', 'NOTE'],
    detailed.pools.flatMap(({ title, reservations }) =>
      reservations.map(({ reservation, holder, conflict }) => [
        keyOf(reservation.block),
        printable(title),
        printable(beneficiaryOf(reservation)),
        conflict === undefined ? printable(holder ?? '-') : paint('red', printable(conflict)),
        printable(reservation.note ?? ''),
      ]),
    ),
    [],
  );
  const terms = table(
    ['POD NETWORK', 'FIELD', 'VALUE'],
    detailed.networks.flatMap(({ name, network }) =>
      networkTerms(network).map(({ field, text }) => [printable(name), field, printable(text)]),
    ),
    [],
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
    subnets,
    reserved,
    terms,
    waiting,
    await drawPictures(overview, detail, paint),
  ].filter((lines) => lines.length > 0);
  if (sections.length === 0) {
    const { namespace = '' } = detail;
    return namespace === ''
      ? 'No pools, pod networks, ClusterCIDRs or claims that wait.\n'
      : `No pools and no claims that wait in namespace ${printable(namespace)}.\n`;
  }
  return sections.map((lines) => `${lines.join('\n')}\n`).join('\n');
}

async function drawPictures(
  overview: Overview,
  { isDetailed, width: available = Number.POSITIVE_INFINITY }: Detail,
  paint: Paint,
): Promise<string[]> {
  const [{ picturesOf }, { legend, picture }] = await Promise.all([
    import('../inspect/svg.ts'),
    import('./picture.ts'),
  ]);
  const pictures = picturesOf(overview).filter(({ space }) => space.segments.length > 0);
  if (pictures.length === 0) return [];
  const beside = BESIDE + longest(pictures.map(({ title }) => title));
  const isBeside = !isDetailed && beside + 32 <= available;
  const width = pictureWidth(available, isBeside ? beside : undefined);
  const lines = isBeside
    ? columns(pictures.map(({ title, space }) => [printable(title), ...picture(space, paint, 1, width)[0]!]))
    : pictures.flatMap(({ title, note, space }) => [
        ...hang('', paint('bold', printable([title, note].filter(Boolean).join('  '))), available, 2),
        ...columns(picture(space, paint, isDetailed ? 4 : 1, width), [], available - 2).map(
          (row) => `  ${row}`,
        ),
      ]);
  return [...lines, '', legend(available)];
}

/** Beside a picture and its title: an address, how much a character stands for, and gaps. */
const BESIDE = 32;

function longest(texts: readonly string[]): number {
  return Math.max(...texts.map(({ length }) => length));
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
  const range = largestFree(space);
  return range === undefined ? '-' : formatRange(range);
}
