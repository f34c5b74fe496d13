import { type Address, FAMILY_BITS, type Family } from './address.ts';
import { covers, type Prefix, type Range } from './range.ts';
import { RangeSet } from './range-set.ts';

/** How many blocks of `length` a prefix holds; 0 if they are larger than it. */
export function blockCount(pool: Prefix, length: number): bigint {
  return length < pool.length ? 0n : 1n << BigInt(length - pool.length);
}

/** How many blocks of `length` in `pool` share an address with any of the ranges. */
export function countBlocksIn(pool: Prefix, length: number, ranges: Iterable<Range>): bigint {
  const size = blockSize(pool.family, length);
  const grown: Range[] = [];
  for (const { family, first, last } of ranges) {
    if (family !== pool.family || last < pool.first || first > pool.last) continue;
    const lowest = first < pool.first ? pool.first : first;
    const highest = last > pool.last ? pool.last : last;
    grown.push({ family, first: lowest - (lowest % size), last: highest - (highest % size) + size - 1n });
  }
  return RangeSet.of(grown).count / size;
}

function blockSize(family: Family, length: number): bigint {
  return 1n << BigInt(FAMILY_BITS[family] - length);
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

  /** The lowest block of `length` in `pool`, at or above `from`, that no used range touches. */
  firstFree(pool: Prefix, length: number, from: Address['value'] = pool.first): Prefix | undefined {
    const { family } = pool;
    const size = blockSize(family, length);
    let first = ((from + size - 1n) / size) * size;
    for (;;) {
      const block = { family, first, last: first + size - 1n, length };
      if (!covers(pool, block)) return undefined;
      const run = this.#lastOverlapping(block);
      if (run === undefined) return block;
      first = (run.last / size + 1n) * size;
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
