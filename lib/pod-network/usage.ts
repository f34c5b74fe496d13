/** How many blocks of a ClusterCIDR are used and free: what status, metrics and pages say. */
import type { Family } from '../address/address.ts';
import { blockCount, countBlocksIn } from '../address/blocks.ts';
import { parseBlock, type Range } from '../address/range.ts';
import { RangeSet } from '../address/range-set.ts';
import type { BlockPool } from './block-pool.ts';
import type { NetworkReading } from './network-view.ts';
import type { Plan } from './plan.ts';

/** Blocks of one family. What is neither used nor free is not to be had: a range of services, or a slice that is missing. */
export interface BlockUsage {
  readonly family: Family;
  readonly total: bigint;
  /** Those of which a node has any address, or had until now. */
  readonly used: bigint;
  /** Those that a node could still get. */
  readonly free: bigint;
}

/**
 * @param given what nodes have, or had until now
 * @param barred what cannot be given, whoever has it
 */
export function blockUsage(pool: BlockPool, given: RangeSet, barred: RangeSet): BlockUsage[] {
  const taken = given.union(barred);
  return pool.ranges.map((range) => {
    const size = pool.sizes[range.family];
    const total = blockCount(range, size);
    return {
      family: range.family,
      total,
      used: countBlocksIn(range, size, given.ranges),
      free: total - countBlocksIn(range, size, taken.ranges),
    };
  });
}

/** By the name of each ClusterCIDR of the network that can be read, in the order of its ranges. */
export function networkUsage(reading: NetworkReading, plan: Plan): Map<string, BlockUsage[]> {
  const given = RangeSet.of([
    ...reading.allocations.map(({ block }): Range => block),
    ...plan.added.map(({ block }) => block),
    ...reading.nodes.flatMap(({ blocks }) => blocks),
    ...reading.stray,
  ]);
  const reserved = [...reading.reservations.values()].flat();
  const waiting = [...plan.returning.values()].flatMap(({ blocks }) =>
    blocks.flatMap((text) => parseBlock(text) ?? []),
  );
  const barred = RangeSet.of([...reading.services, ...reading.blocked, ...reserved, ...waiting]);
  return new Map(reading.pools.map((pool) => [pool.name, blockUsage(pool, given, barred)]));
}

/** How many nodes have blocks of each ClusterCIDR, by its name; those that are gone are not counted. */
export function nodesByClusterCIDR({ homes }: Plan): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of [...homes.values()].flatMap((names) => [...names]))
    counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}
