/** How many blocks of a ClusterCIDR are used and free: what status, metrics and pages say. */
import type { Family } from '../address/address.ts';
import { blockCount, countBlocksIn, growToBlocks } from '../address/blocks.ts';
import { type Prefix, parseBlock, type Range } from '../address/range.ts';
import { RangeSet } from '../address/range-set.ts';
import type { BlockPool } from './block-pool.ts';
import type { NetworkReading } from './network-view.ts';
import type { Plan } from './plan.ts';
import { withheldFrom } from './withheld.ts';

/**
 * Blocks of one family. What is neither used nor free is not to be had: a range of services, a slice that is missing, or
 * without an address for pods.
 */
export interface BlockUsage {
  readonly family: Family;
  readonly total: bigint;
  /** Those of which a node has any address, or had until now. */
  readonly used: bigint;
  /** Those that a node could still get. */
  readonly free: bigint;
  /** Where none is free, how many are withheld, and by what. */
  readonly withheld?: string;
}

/** Of ranges whose network does not exist. */
export function unusedBlocks(pool: BlockPool): BlockUsage[] {
  return pool.ranges.map((range) => {
    const total = blockCount(range, pool.sizes[range.family]);
    return { family: range.family, total, used: 0n, free: total };
  });
}

/** By the name of each ClusterCIDR of the network that can be read, in the order of its ranges. */
export function networkUsage(reading: NetworkReading, plan: Plan): Map<string, BlockUsage[]> {
  const { ranges, services, blocked } = reading;
  const given = RangeSet.of([
    ...reading.allocations.map(({ block }): Range => block),
    ...plan.added.map(({ block }) => block),
    ...reading.nodes.flatMap(({ blocks }) => blocks),
    ...reading.stray,
  ]);
  const waiting = [...plan.returning.values()].flatMap(({ blocks }) =>
    blocks.flatMap((text) => parseBlock(text) ?? []),
  );
  const reserved = [...[...reading.reservations.values()].flat(), ...waiting];
  const taken = given.union(RangeSet.of([...services, ...blocked, ...reserved]));
  const withholding = {
    services,
    ranges,
    reserved: reserved.filter((block) => !given.overlaps(block)),
    blocked,
  };
  const usageOf = (range: Prefix, size: bigint): BlockUsage => {
    const total = blockCount(range, size);
    const grown = growToBlocks(range, size, taken.ranges).union(ranges.unusable(range, size));
    const free = total - grown.count / size;
    const withheld = free === 0n ? withheldFrom(range, size, withholding)?.what : undefined;
    return {
      family: range.family,
      total,
      used: countBlocksIn(range, size, given.ranges),
      free,
      ...(withheld !== undefined && { withheld }),
    };
  };
  return new Map(
    reading.pools.map((pool) => [
      pool.name,
      pool.ranges.map((range) => usageOf(range, pool.sizes[range.family])),
    ]),
  );
}

/** How many nodes have blocks of each ClusterCIDR, by its name; those that are gone are not counted. */
export function nodesByClusterCIDR({ homes }: Plan): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of [...homes.values()].flatMap((names) => [...names]))
    counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}
