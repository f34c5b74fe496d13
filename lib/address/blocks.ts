import { type Address, FAMILY_BITS, type Family } from './address.ts';
import {
  covers,
  formatPrefix,
  formatRange,
  lengthOfSize,
  type Prefix,
  prefixOf,
  type Range,
  sizeOf,
} from './range.ts';
import { RangeSet } from './range-set.ts';

/** How many blocks of `size` addresses lie in a prefix, one after another from its start. What is left at its end is none. */
export function blockCount(pool: Prefix, size: bigint): bigint {
  return sizeOf(pool) / size;
}

/** Those of them that share an address with any of the ranges. */
export function growToBlocks(pool: Prefix, size: bigint, ranges: Iterable<Range>): RangeSet {
  const grown: Range[] = [];
  const { family, first: start } = pool;
  const last = start + blockCount(pool, size) * size - 1n;
  if (last < start) return RangeSet.EMPTY;
  for (const range of ranges) {
    if (range.family !== family || range.last < start || range.first > last) continue;
    const lowest = range.first < start ? 0n : (range.first - start) / size;
    const highest = ((range.last > last ? last : range.last) - start) / size;
    grown.push({ family, first: start + lowest * size, last: start + (highest + 1n) * size - 1n });
  }
  return RangeSet.of(grown);
}

/** How many of them share an address with any of the ranges. */
export function countBlocksIn(pool: Prefix, size: bigint, ranges: Iterable<Range>): bigint {
  return growToBlocks(pool, size, ranges).count / size;
}

/** Whether the range is one of them. */
export function isBlockIn(pool: Prefix, size: bigint, range: Range): boolean {
  return covers(pool, range) && sizeOf(range) === size && (range.first - pool.first) % size === 0n;
}

/** The blocks of `length` that share an address with the range, as one range. */
function grownTo(length: number, range: Range): Range {
  const { family, first, last } = range;
  if (length >= FAMILY_BITS[family]) return range;
  const size = blockSize(family, length);
  return { family, first: first - (first % size), last: last - (last % size) + size - 1n };
}

/** The same of a set. */
export function setGrownTo(length: number, set: RangeSet): RangeSet {
  const isWhole = set.ranges.every(({ family }) => length >= FAMILY_BITS[family]);
  return isWhole ? set : RangeSet.of(set.ranges.map((range) => grownTo(length, range)));
}

/** How many blocks of `length` a set has that is a union of such blocks. */
export function countBlocks({ ranges }: RangeSet, length: number): bigint {
  return ranges.reduce((sum, range) => sum + sizeOf(range) / blockSize(range.family, length), 0n);
}

/** Every block of `length` of a set that is a union of such blocks, lowest first. Lazy. */
export function* blocksIn({ ranges }: RangeSet, length: number): Generator<Prefix, undefined> {
  for (const { family, first, last } of ranges) {
    const size = blockSize(family, length);
    for (let at = first; at <= last; at += size) yield { family, first: at, last: at + size - 1n, length };
  }
}

/** The block of `length` with `n` blocks of the set below it; undefined if it has no more than `n`. */
export function nthBlock({ ranges }: RangeSet, length: number, n: bigint): Prefix | undefined {
  let left = n;
  for (const { family, first, last } of ranges) {
    const size = blockSize(family, length);
    const count = (last - first + 1n) / size;
    if (left < count) return prefixOf({ family, value: first + left * size }, length);
    left -= count;
  }
  return undefined;
}

/**
 * A range of whole blocks: `10.0.0.1-10.0.0.9`, or of blocks of more than one address `fd00::/62`, or
 * `fd00::/64 to fd00:0:0:2::/64`.
 */
export function formatSpan(range: Range, length: number): string {
  const { family, first, last } = range;
  if (length >= FAMILY_BITS[family]) return formatRange(range);
  const size = sizeOf(range);
  const whole = prefixOf({ family, value: first }, FAMILY_BITS[family] - size.toString(2).length + 1);
  if (whole.first === first && whole.last === last) return formatPrefix(whole);
  const [start, end] = [first, last].map((value) => formatPrefix(prefixOf({ family, value }, length)));
  return `${start} to ${end}`;
}

/** Blocks of `size` addresses for people: `/24`, or `50 addresses` where they are no CIDRs. */
export function formatBlockSize(family: Family, size: bigint): string {
  const length = lengthOfSize(family, size);
  return length === undefined ? `${size} addresses` : `/${length}`;
}

/** How many addresses a block has. */
export function blockSize(family: Family, length: number): bigint {
  return 1n << BigInt(Math.max(0, FAMILY_BITS[family] - length));
}

/**
 * The ranges in use while blocks are being given out one after another.
 *
 * Unlike a RangeSet it changes in place: each block given out is added before the next search. Neighbours are
 * held as one run, so a search steps over a million used blocks at once:
 *
 *     used     [====run====]      [=run=]
 *     search   ^ taken, so on to  ^ the first block after the run
 */
export class UsedRanges {
  readonly #runs: Record<Family, Range[]> = { 4: [], 6: [] };

  constructor(ranges: Iterable<Range> = []) {
    for (const range of RangeSet.of(ranges).ranges) this.#runs[range.family].push(range);
  }

  /** A copy that holds all of these as well. */
  with(others: UsedRanges, ranges: Iterable<Range> = []): UsedRanges {
    return new UsedRanges([...this.#all(), ...others.#all(), ...ranges]);
  }

  overlaps(range: Range): boolean {
    return this.#lastOverlapping(range) !== undefined;
  }

  add({ family, first, last }: Range): void {
    const runs = this.#runs[family];
    const end = indexAfter(runs, last + 1n);
    let start = end;
    while (start > 0 && runs[start - 1]!.last >= first - 1n) start--;
    if (start === end) {
      runs.splice(start, 0, { family, first, last });
      return;
    }
    const lowest = runs[start]!.first;
    const highest = runs[end - 1]!.last;
    const joined = { family, first: lowest < first ? lowest : first, last: highest > last ? highest : last };
    runs.splice(start, end - start, joined);
  }

  /**
   * The lowest of the blocks of `size` addresses that lie in `pool` one after another, at or above `from`, that no used
   * range touches.
   */
  firstFree(pool: Prefix, size: bigint, from: Address['value'] = pool.first): Range | undefined {
    const { family, first: start } = pool;
    const after = (value: bigint) => start + ((value - start + size - 1n) / size) * size;
    let first = after(from);
    for (;;) {
      const block = { family, first, last: first + size - 1n };
      if (!covers(pool, block)) return undefined;
      const run = this.#lastOverlapping(block);
      if (run === undefined) return block;
      first = after(run.last + 1n);
    }
  }

  #all(): Range[] {
    return [...this.#runs[4], ...this.#runs[6]];
  }

  #lastOverlapping({ family, first, last }: Range): Range | undefined {
    const runs = this.#runs[family];
    const run = runs[indexAfter(runs, last) - 1];
    return run !== undefined && run.last >= first ? run : undefined;
  }
}

/** Index of the first run that starts above `value`. */
function indexAfter(runs: readonly Range[], value: bigint): number {
  let low = 0;
  let high = runs.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (runs[middle]!.first <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}
