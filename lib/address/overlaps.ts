/** Who has addresses in common. */
import type { Range } from './range.ts';
import { compareRanges } from './range-set.ts';

export interface Extent<T> {
  readonly owner: T;
  /** Owners of one group may have addresses in common. */
  readonly group: string;
  readonly range: Range;
}

export interface Overlap<T> {
  readonly first: T;
  readonly second: T;
  /** What both have. */
  readonly ranges: readonly Range[];
}

/**
 * Each two owners of different groups that overlap, once, in the order in which one meets another.
 *
 * @param most of an owner's overlaps: those that neither of two owners needs any more are left out. A thousand that all
 *   overlap would come to half a million.
 */
export function overlapsAmong<T>(
  extents: readonly Extent<T>[],
  most = Number.POSITIVE_INFINITY,
): Overlap<T>[] {
  const found: { first: T; second: T; ranges: Range[] }[] = [];
  const known = new Map<T, Map<T, Range[]>>();
  const counts = new Map<T, number>();
  const countOf = (owner: T) => counts.get(owner) ?? 0;
  let open: Extent<T>[] = [];
  for (const extent of [...extents].sort((a, b) => compareRanges(a.range, b.range))) {
    const { owner, group, range } = extent;
    open = open.filter((each) => each.range.family === range.family && each.range.last >= range.first);
    for (const each of open) {
      if (each.group === group) continue;
      const isEnough = countOf(owner) >= most && countOf(each.owner) >= most;
      const last = each.range.last < range.last ? each.range.last : range.last;
      const shared = { family: range.family, first: range.first, last };
      const ranges = known.get(each.owner)?.get(owner) ?? known.get(owner)?.get(each.owner);
      if (ranges !== undefined) ranges.push(shared);
      else if (!isEnough) {
        for (const one of [owner, each.owner]) counts.set(one, countOf(one) + 1);
        const pair = { first: each.owner, second: owner, ranges: [shared] };
        known.set(each.owner, (known.get(each.owner) ?? new Map()).set(owner, pair.ranges));
        found.push(pair);
      }
    }
    open.push(extent);
  }
  return found;
}
