/** How much of a pool or of a range of blocks is used. */
import { parseRange } from '../address/range.ts';
import { RangeSet } from '../address/range-set.ts';
import type { Pool } from '../pool/pool.ts';
import { readPool } from '../pool/spec.ts';
import { type Counts, countStates, cutSpace, fragmentation, type Space, setOf } from './space.ts';

export interface Usage {
  /** These four are those of a status: what can be given out, what is taken of it by whomever, and what is left. */
  readonly total: bigint;
  readonly used: bigint;
  readonly free: bigint;
  readonly outOfRange: bigint;
  /** By state, which adds up to the whole space. */
  readonly counts: Counts;
  /** See `fragmentation`. */
  readonly fragmentation: number;
  readonly space: Space;
}

/** Addresses that are in use. */
export interface AddressesInUse {
  /** Taken from the pool, adopted ones among them. */
  readonly used: RangeSet;
  readonly adopted: RangeSet;
  /** What else is not free. */
  readonly taken: RangeSet;
}

/** How a pool is used when these addresses are. */
export function usageOfPool({ spec }: Pool, { used, adopted, taken }: AddressesInUse): Usage {
  const { ranges } = readPool(spec);
  const listed = ranges === undefined ? RangeSet.EMPTY : setOf(spec.addresses, parseRange);
  const allocatable = ranges?.allocatable ?? RangeSet.EMPTY;
  const space = cutSpace(listed.union(used), [
    ['outOfRange', used.difference(allocatable)],
    ['adopted', adopted],
    ['used', used],
    ['gateway', setOf([spec.gateway], parseRange)],
    ['excluded', setOf(ranges === undefined ? [] : (spec.excludedAddresses ?? []), parseRange)],
    ['reserved', listed.difference(allocatable)],
    ['taken', taken],
  ]);
  return usageOf(space);
}

/** The counts of a pool, by its picture. */
function usageOf(space: Space): Usage {
  const counts = countStates(space);
  const { free, used, adopted, taken, outOfRange } = counts;
  return {
    total: free + used + adopted + taken,
    used: used + adopted + outOfRange,
    free,
    outOfRange,
    counts,
    fragmentation: fragmentation(space),
    space,
  };
}
