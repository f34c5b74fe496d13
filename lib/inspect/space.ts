import { type Address, FAMILY_BITS, type Family, formatAddress } from '../address/address.ts';
import { formatRange, intersection, overlaps, type Range, sizeOf } from '../address/range.ts';
import { compareRanges, type RangeSet } from '../address/range-set.ts';

/**
 * What becomes of addresses:
 *
 * - `free` to give out, `used` by a claim or node, `adopted`: used, and was before metaipam came;
 * - `taken` by another pool of the address space, another ClusterCIDR or podCIDRs that no ClusterCIDR explains; or by
 *   nobody knows whom, as its slice is missing or is not the pool's;
 * - `kept` for the claims that the pool reserves it for, which do not have it;
 * - `gateway`, `reserved` by the subnet or for Services, `excluded` by the user: never given out;
 * - `outOfRange`: used, although the pool does not, or no longer, give them out.
 */
export const SEGMENT_STATES = [
  'free',
  'used',
  'adopted',
  'taken',
  'kept',
  'gateway',
  'reserved',
  'excluded',
  'outOfRange',
] as const;

export type SegmentState = (typeof SEGMENT_STATES)[number];

/** Consecutive addresses with one thing to say of them. */
export interface Segment extends Range {
  readonly state: SegmentState;
}

/** All addresses that a pool or range is about, as segments in ascending order that do not overlap. */
export interface Space {
  /** How many addresses are given out at once, and counted as one: 1, or those of a block. */
  readonly unit: bigint;
  readonly segments: readonly Segment[];
}

/** How many addresses (or blocks) there are of each state. */
export type Counts = Readonly<Record<SegmentState, bigint>>;

/**
 * Cuts `whole` into segments. Where layers overlap the first one shows; what no layer covers is free.
 *
 *     whole    [----------------------------]
 *     layers        [used---]          [used]
 *               [reserved]
 *     gives    [.][r][used---][-free--][used]      `.` free, `r` reserved
 */
export function cutSpace(
  whole: RangeSet,
  layers: readonly (readonly [SegmentState, RangeSet])[],
  unit = 1n,
): Space {
  const segments: Segment[] = [];
  let rest = whole;
  for (const [state, set] of layers) {
    const left = rest.difference(set);
    for (const range of rest.difference(left).ranges) segments.push({ ...range, state });
    rest = left;
  }
  for (const range of rest.ranges) segments.push({ ...range, state: 'free' });
  return { unit, segments: segments.sort(compareRanges) };
}

export function countStates({ unit, segments }: Space): Counts {
  const counts = Object.fromEntries(SEGMENT_STATES.map((state) => [state, 0n]));
  for (const segment of segments) counts[segment.state]! += sizeOf(segment) / unit;
  return counts as Counts;
}

/** The longest run of free addresses, of several the first; undefined if none is free. */
export function largestFree(space: Space): Range | undefined {
  const [first, ...others] = rangesOf(space, 'free');
  return first && others.reduce((best, range) => (sizeOf(range) > sizeOf(best) ? range : best), first);
}

/**
 * The share of the free addresses that lie outside the largest free run, from 0 (all in one piece, or none free)
 * to just below 1, to four digits.
 *
 * It matters to whoever needs addresses side by side: a block of a larger size, or a range to hand over.
 */
export function fragmentation(space: Space): number {
  const largest = largestFree(space);
  if (largest === undefined) return 0;
  const free = countStates(space).free * space.unit;
  return Number(((free - sizeOf(largest)) * 10_000n) / free) / 10_000;
}

/** The addresses of one state, in ascending order. */
export function rangesOf({ segments }: Space, state: SegmentState): Range[] {
  return segments.filter((segment) => segment.state === state);
}

/** The prefix length of what is given out at once. */
export function blockLengthOf({ unit }: Space, family: Family): number {
  return FAMILY_BITS[family] - unit.toString(2).length + 1;
}

/** A cell of a picture: equal shares of a space, and the one thing that is said of each. */
export interface Cell {
  readonly first: Address;
  readonly last: Address;
  /** `partly`: some are used and some are free. */
  readonly state: SegmentState | 'partly';
  /** How much is used of what is used or free, from 0 to 1. */
  readonly filled: number;
}

export interface Cells {
  /** How many addresses (or blocks) a cell stands for; the last one for the rest. */
  readonly share: bigint;
  readonly cells: readonly Cell[];
}

interface OpenCell {
  readonly first: Address;
  last: Address;
  readonly counts: Partial<Record<SegmentState, bigint>>;
}

/** A cell an address (or block) while there are no more than `most`, else `row` cells of equal shares. */
export function cellsOf({ unit, segments }: Space, most: number, row: number): Cells {
  const count = segments.reduce((sum, segment) => sum + sizeOf(segment) / unit, 0n);
  const share = count <= BigInt(most) ? 1n : (count + BigInt(row) - 1n) / BigInt(row);
  const open: OpenCell[] = [];
  let place = 0n;
  for (const { family, first, last, state } of segments) {
    for (let at = first; at <= last; ) {
      const index = Number(place / share);
      open[index] ??= { first: { family, value: at }, last: { family, value: at }, counts: {} };
      const room = BigInt(index + 1) * share - place;
      const left = (last - at + 1n) / unit;
      const taken = room < left ? room : left;
      const cell = open[index];
      cell.counts[state] = (cell.counts[state] ?? 0n) + taken;
      at += taken * unit;
      place += taken;
      cell.last = { family, value: at - 1n };
    }
  }
  return {
    share,
    cells: open.map(({ first, last, counts }) => ({
      first,
      last,
      state: stateOf(counts),
      filled: filledOf(counts),
    })),
  };
}

/** An address out of range shows however many others there are; what is never given out, only alone. */
function stateOf(counts: OpenCell['counts']): Cell['state'] {
  const { free = 0n, used = 0n, adopted = 0n, outOfRange = 0n, ...withheld } = counts;
  if (outOfRange > 0n) return 'outOfRange';
  if (used + adopted > 0n) return free > 0n ? 'partly' : used === 0n ? 'adopted' : 'used';
  if (free > 0n) return 'free';
  const entries = Object.entries(withheld) as [SegmentState, bigint][];
  return entries.reduce((most, each) => (each[1] > most[1] ? each : most))[0];
}

function filledOf({ free = 0n, used = 0n, adopted = 0n, outOfRange = 0n }: OpenCell['counts']): number {
  const all = used + adopted + outOfRange;
  return all === 0n ? 0 : Number((all * 1000n) / (all + free)) / 1000;
}

/** What a state is called in pictures, legends and tables, in the order of the legend. */
export const STATE_NAMES: Readonly<Record<Cell['state'], string>> = {
  used: 'used',
  partly: 'partly used',
  adopted: 'adopted',
  taken: 'taken by another',
  kept: 'kept for a claim',
  outOfRange: 'out of range',
  gateway: 'gateway',
  reserved: 'reserved',
  excluded: 'excluded',
  free: 'free',
};

export const LEGEND_STATES = Object.keys(STATE_NAMES) as Cell['state'][];

/** The part of a space that lies in a range. */
export function clipSpace({ unit, segments }: Space, range: Range): Space {
  return {
    unit,
    segments: segments
      .filter((segment) => overlaps(segment, range))
      .map((segment) => ({ ...segment, ...intersection(segment, range) })),
  };
}

/** `10.0.0.1`, or `10.0.0.1-10.0.0.9`. */
export function formatCell({ first, last }: Pick<Cell, 'first' | 'last'>): string {
  if (first.family !== last.family) return `${formatAddress(first)}-${formatAddress(last)}`;
  return formatRange({ family: first.family, first: first.value, last: last.value });
}
