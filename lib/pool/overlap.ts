/** Pools that may both give out the same address: they overlap, and do not share an address space. */

import { type Extent, type Overlap, overlapsAmong } from '../address/overlaps.ts';
import { formatRange, type Range } from '../address/range.ts';
import type { Condition } from '../kubernetes/conditions.ts';
import { MAY_OVERLAP_ANNOTATION } from '../kubernetes/names.ts';
import { titleOf } from '../kubernetes/object.ts';
import { listSome } from '../text.ts';
import { sharedAddressSpace } from './address-space.ts';
import { type Pool, readPool, sliceNamespace } from './pool.ts';

/** The condition of a pool that overlaps others. One that never did has none. */
export const OVERLAPPING = 'Overlapping';

/** What a pool has in common with another one. */
export interface PoolOverlap {
  readonly other: Pool;
  readonly ranges: readonly Range[];
}

/** So many of its overlaps are known of each pool; of more, not all. */
const MOST_OVERLAPS = 16;
const MOST_NAMED = 3;

/** Each two pools that overlap, once. One that is being deleted gives nothing more, and overlaps none. */
export function overlapsOfPools(pools: readonly Pool[], installNamespace: string): Overlap<Pool>[] {
  return overlapsAmong(
    pools.flatMap((pool) => extentsOf(pool, installNamespace)),
    MOST_OVERLAPS,
  );
}

/** The same by each of the pools that overlap. */
export function overlapsByPool(pools: readonly Pool[], installNamespace: string): Map<Pool, PoolOverlap[]> {
  const found = new Map<Pool, PoolOverlap[]>();
  const add = (pool: Pool, overlap: PoolOverlap) => {
    const others = found.get(pool);
    if (others === undefined) found.set(pool, [overlap]);
    else others.push(overlap);
  };
  for (const { first, second, ranges } of overlapsOfPools(pools, installNamespace)) {
    add(first, { other: second, ranges });
    add(second, { other: first, ranges });
  }
  return found;
}

/** Whether its user has said that the pool may overlap others, whatever the annotation's value. */
export function mayOverlap({ metadata }: Pool): boolean {
  return metadata.annotations?.[MAY_OVERLAP_ANNOTATION] !== undefined;
}

/** `overlaps InClusterIPPool b/lan in 10.0.0.0-10.0.0.9`, and why a space that both name does not help. */
export function describeOverlap(pool: Pool, { other, ranges }: PoolOverlap): string {
  const space = sharedAddressSpace(pool);
  const isNamesake = space !== undefined && space === sharedAddressSpace(other);
  const reach = isNamesake
    ? ` (both name the address space ${space}, but pools share one only within a namespace, or if they are cluster-scoped)`
    : '';
  return `overlaps ${titleOf(other)} in ${listSome(ranges.map(formatRange))}${reach}`;
}

/** What there is to say of a pool's overlaps; nothing where there never was any. */
export function overlapCondition(
  pool: Pool,
  overlaps: readonly PoolOverlap[] = [],
): Omit<Condition, 'lastTransitionTime'> | undefined {
  const type = OVERLAPPING;
  if (overlaps.length === 0) {
    const isKnown = pool.status?.conditions?.some((condition) => condition.type === type) ?? false;
    return isKnown ? { type, status: 'False', reason: 'NoOverlap', message: '' } : undefined;
  }
  if (mayOverlap(pool)) return { type, status: 'False', reason: 'MayOverlap', message: '' };
  const named = overlaps.slice(0, MOST_NAMED).map((overlap) => describeOverlap(pool, overlap));
  // How many more would be another message with each pool that comes, for every pool that is there.
  const more = overlaps.length > MOST_NAMED ? ' and more' : '';
  return { type, status: 'True', reason: 'OtherPools', message: `${named.join(', ')}${more}` };
}

function extentsOf(pool: Pool, installNamespace: string): Extent<Pool>[] {
  if (pool.metadata.deletionTimestamp !== undefined) return [];
  const space = sharedAddressSpace(pool);
  const group =
    space === undefined
      ? `pool ${titleOf(pool)}`
      : `space ${sliceNamespace(pool, installNamespace)}/${space}`;
  const { ranges } = readPool(pool);
  return (ranges?.allocatable.ranges ?? []).map((range) => ({ owner: pool, group, range }));
}
