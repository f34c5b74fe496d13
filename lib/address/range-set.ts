import type { Address } from './address.ts';
import { overlaps, type Range, sizeOf } from './range.ts';

/**
 * An immutable set of addresses of either family.
 *
 * Held as ranges in ascending order, IPv4 before IPv6, that neither overlap nor touch:
 *
 *     given    [10 ---- 20]      [25 - 27]
 *                    [15 ---- 22][23-24]        [40]
 *     held     [10 ------------------- 27]      [40]
 *
 * Building costs one sort; `union` and `difference` cost one walk over both sets; look-ups are binary searches.
 */
export class RangeSet {
  static readonly EMPTY = new RangeSet([]);

  /** Ascending, apart from each other. */
  readonly ranges: readonly Range[];

  private constructor(ranges: readonly Range[]) {
    this.ranges = ranges;
  }

  /** The set of all addresses of the given ranges, which may overlap and come in any order. */
  static of(ranges: Iterable<Range>): RangeSet {
    return new RangeSet(merge([...ranges].sort(compareRanges)));
  }

  get isEmpty(): boolean {
    return this.ranges.length === 0;
  }

  /** How many addresses the set holds. */
  get count(): bigint {
    let count = 0n;
    for (const range of this.ranges) count += sizeOf(range);
    return count;
  }

  has({ family, value }: Address): boolean {
    return this.covers({ family, first: value, last: value });
  }

  /** Whether every address of `range` is in the set. */
  covers(range: Range): boolean {
    const candidate = this.ranges[this.#indexOfLastAt(range)];
    return candidate !== undefined && candidate.family === range.family && range.last <= candidate.last;
  }

  /** Whether any address of `range` is in the set. */
  overlaps(range: Range): boolean {
    const index = this.#indexOfLastAt(range);
    const before = this.ranges[index];
    const after = this.ranges[index + 1];
    return (
      (before !== undefined && overlaps(before, range)) || (after !== undefined && overlaps(after, range))
    );
  }

  union(other: RangeSet): RangeSet {
    if (other.isEmpty) return this;
    if (this.isEmpty) return other;
    return new RangeSet(merge(mergeSorted(this.ranges, other.ranges)));
  }

  /** The addresses of this set that are not in `other`. */
  difference(other: RangeSet): RangeSet {
    if (this.isEmpty || other.isEmpty) return this;
    const kept: Range[] = [];
    let index = 0;
    for (const range of this.ranges) {
      const { family, last } = range;
      let first = range.first;
      while (index < other.ranges.length && entirelyBefore(other.ranges[index]!, range)) index++;
      // A removed range may reach into the next of ours, so `index` stays on it.
      for (let at = index; at < other.ranges.length && overlaps(other.ranges[at]!, range); at++) {
        const removed = other.ranges[at]!;
        if (removed.first > first) kept.push({ family, first, last: removed.first - 1n });
        first = removed.last + 1n;
      }
      if (first <= last) kept.push({ family, first, last });
    }
    return new RangeSet(kept);
  }

  /** The addresses that are in both sets. */
  intersection(other: RangeSet): RangeSet {
    return this.difference(this.difference(other));
  }

  /** The lowest address of the set that is `point` or above it (IPv4 stands below IPv6). */
  firstFrom(point: Address): Address | undefined {
    const start = { family: point.family, first: point.value, last: point.value };
    if (this.covers(start)) return point;
    const next = this.ranges[this.#indexOfLastAt(start) + 1];
    return next && { family: next.family, value: next.first };
  }

  /** The address with `n` addresses of the set below it; `nth(0n)` is the lowest. */
  nth(n: bigint): Address | undefined {
    let left = n;
    if (left < 0n) return undefined;
    for (const range of this.ranges) {
      const size = sizeOf(range);
      if (left < size) return { family: range.family, value: range.first + left };
      left -= size;
    }
    return undefined;
  }

  /** Every address, lowest first. Lazy: a /64 costs nothing until it is walked. */
  *[Symbol.iterator](): Generator<Address, undefined> {
    for (const { family, first, last } of this.ranges) {
      for (let value = first; value <= last; value++) yield { family, value };
    }
  }

  /** Index of the last range that starts at or below the start of `range`; -1 if there is none. */
  #indexOfLastAt(range: Range): number {
    let low = 0;
    let high = this.ranges.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareRanges(this.ranges[middle]!, range) <= 0) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}

/** By start: IPv4 first, then ascending. */
export function compareRanges(a: Range, b: Range): number {
  return a.family - b.family || (a.first < b.first ? -1 : a.first > b.first ? 1 : 0);
}

function entirelyBefore(a: Range, b: Range): boolean {
  return a.family < b.family || (a.family === b.family && a.last < b.first);
}

/** Joins ranges that overlap or touch; `sorted` ascends by start. */
function merge(sorted: Iterable<Range>): Range[] {
  const merged: Range[] = [];
  let current: Range | undefined;
  for (const range of sorted) {
    if (current !== undefined && current.family === range.family && range.first <= current.last + 1n) {
      if (range.last > current.last) current = { ...current, last: range.last };
      continue;
    }
    if (current !== undefined) merged.push(current);
    current = { family: range.family, first: range.first, last: range.last };
  }
  if (current !== undefined) merged.push(current);
  return merged;
}

function* mergeSorted(a: readonly Range[], b: readonly Range[]): Generator<Range> {
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    yield compareRanges(a[i]!, b[j]!) <= 0 ? a[i++]! : b[j++]!;
  }
  while (i < a.length) yield a[i++]!;
  while (j < b.length) yield b[j++]!;
}
