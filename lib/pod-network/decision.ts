import { type Prefix, parsePrefix } from '../address/range.ts';
import { compareResourceVersions, compareText } from '../kubernetes/object.ts';
import type { IPAllocation } from '../kubernetes/types.ts';

/** An allocation of a block, with its block read. */
export interface BlockAllocation {
  readonly allocation: IPAllocation;
  readonly block: Prefix;
  readonly nodeUID: string;
}

/** The allocation as one of a block; undefined if it is something else or cannot be read. */
export function readBlockAllocation(
  allocation: IPAllocation,
  parse: (text: string) => Prefix | undefined = parsePrefix,
): BlockAllocation | undefined {
  const { cidr, blocks, claimRef, poolRef } = allocation.spec ?? {};
  if (typeof cidr !== 'string' || !Array.isArray(blocks) || !blocks.includes(cidr)) return undefined;
  const block = parse(cidr);
  if (block === undefined || !claimRef?.uid || !poolRef?.name) return undefined;
  return { allocation, block, nodeUID: claimRef.uid };
}

/** The blocks that one sync chose together for a node, as far as their allocations are in view. */
export interface Decision {
  readonly nodeUID: string;
  /** All of them, IPv4 first. */
  readonly blocks: readonly string[];
  /** Never empty. */
  readonly held: readonly BlockAllocation[];
  /** Whether every block has its allocation. */
  readonly isComplete: boolean;
}

/**
 * The decisions that the allocations belong to, oldest first.
 *
 * A sync on a stale cache can decide twice for one node. The older decision counts, by its lowest
 * resourceVersion: allocations are created once and a watch delivers them in that order, so whoever sees two
 * has seen the older first.
 */
export function decisionsOf(allocations: Iterable<BlockAllocation>): Decision[] {
  const groups = new Map<string, BlockAllocation[]>();
  for (const each of [...allocations].sort(compareCreation)) {
    const key = `${each.nodeUID} ${each.allocation.spec.blocks!.join()}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [each]);
    else group.push(each);
  }
  return [...groups.values()].map((held) => {
    const { nodeUID, allocation } = held[0]!;
    const blocks = allocation.spec.blocks!;
    const present = new Set(held.map((each) => each.allocation.spec.cidr));
    return { nodeUID, blocks, held, isComplete: present.size === blocks.length };
  });
}

function compareCreation({ allocation: a }: BlockAllocation, { allocation: b }: BlockAllocation): number {
  return (
    compareResourceVersions(a.metadata.resourceVersion, b.metadata.resourceVersion) ||
    compareText(a.metadata.name, b.metadata.name)
  );
}
