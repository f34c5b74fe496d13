/** How much of a pool or of a range of blocks is used. */
import { blockSize, setGrownTo } from '../address/blocks.ts';
import type { RangeSet } from '../address/range-set.ts';
import { type Pool, readPool } from '../pool/pool.ts';
import type { SubnetRanges } from '../pool/ranges.ts';
import { type Counts, clipSpace, countStates, cutSpace, fragmentation, type Space } from './space.ts';

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

interface InUse {
  /** Of the blocks, unless the pool can be read. */
  readonly blockLength: number;
  /** Taken from the pool, adopted ones among them. */
  readonly used: RangeSet;
  readonly adopted: RangeSet;
  /** What else is not free. */
  readonly taken: RangeSet;
}

/** How a pool is used when these are; a part of a block counts as the block. */
export function usageOfPool(pool: Pool, inUse: InUse): Usage {
  const { ranges } = readPool(pool);
  const [any] = ranges?.listed.ranges ?? [];
  if (ranges === undefined || any === undefined) {
    const [first] = inUse.used.ranges;
    const unit = first === undefined ? 1n : blockSize(first.family, inUse.blockLength);
    return usageOf(cutSpace(inUse.used, [['outOfRange', inUse.used]], unit));
  }
  const { allocatable, listed, excluded, gateways, reservations, blockLength } = ranges;
  const grown = (set: RangeSet) => setGrownTo(blockLength, set);
  const used = grown(inUse.used);
  const space = cutSpace(
    listed.union(used),
    [
      ['outOfRange', used.difference(allocatable)],
      ['adopted', grown(inUse.adopted)],
      ['used', used],
      ['gateway', gateways],
      ['excluded', grown(excluded)],
      ['reserved', listed.difference(allocatable)],
      ['taken', grown(inUse.taken)],
      ['kept', reservations.blocks],
    ],
    blockSize(any.family, blockLength),
  );
  return usageOf(space);
}

/** One of several subnets of a pool. */
export interface SubnetUsage extends SubnetRanges, Usage {}

/** How each subnet of a pool that lists several is used. */
export function usageOfSubnets(pool: Pool, { unit, segments }: Space): SubnetUsage[] {
  const { subnets } = readPool(pool).ranges ?? {};
  if (subnets === undefined || !('subnets' in pool.spec)) return [];
  return subnets.map((subnet) => {
    const own = subnet.listed.ranges.flatMap((range) => clipSpace({ unit, segments }, range).segments);
    return { ...subnet, ...usageOf({ unit, segments: own }) };
  });
}

/** The counts of a pool, by its picture. */
function usageOf(space: Space): Usage {
  const counts = countStates(space);
  const { free, used, adopted, taken, kept, outOfRange } = counts;
  return {
    total: free + used + adopted + taken + kept,
    used: used + adopted + outOfRange,
    free,
    outOfRange,
    counts,
    fragmentation: fragmentation(space),
    space,
  };
}
