import { compareRanges } from '../address/range-set.ts';
import { compareText } from '../kubernetes/object.ts';
import { type BlockPool, blockLength } from './block-pool.ts';
import type { SelectableNode } from './selector.ts';

/**
 * The pools that may serve the node, best first (KEP-2593, "Node Selection"):
 *
 * 0. the selector with more matching requirements; catch-alls come after all others,
 * 1. fewer blocks in all, by the family that has fewer,
 * 2. smaller blocks,
 * 3. the selector's text,
 * 4. the lower range, IPv4 before IPv6,
 * 5. the name.
 *
 * @param pools in the order of `comparePools`
 */
export function candidatesFor(node: SelectableNode, pools: readonly BlockPool[]): BlockPool[] {
  const selecting: { pool: BlockPool; matches: number }[] = [];
  const catchAlls: BlockPool[] = [];
  for (const pool of pools) {
    if (pool.selector === undefined) catchAlls.push(pool);
    else {
      const matches = pool.selector.matchCount(node);
      if (matches > 0) selecting.push({ pool, matches });
    }
  }
  selecting.sort((a, b) => b.matches - a.matches);
  return [...selecting.map(({ pool }) => pool), ...catchAlls];
}

/** Rules 1 to 5, which are the same for every node. */
export function comparePools(a: BlockPool, b: BlockPool): number {
  return (
    capacityBits(a) - capacityBits(b) ||
    a.hostBits - b.hostBits ||
    compareText(a.selector?.text ?? '', b.selector?.text ?? '') ||
    compareRanges(a.ranges[0]!, b.ranges[0]!) ||
    compareText(a.name, b.name)
  );
}

/** The pool serves 2 to the power of this many nodes. */
function capacityBits(pool: BlockPool): number {
  return Math.min(...pool.ranges.map((range) => blockLength(pool, range) - range.length));
}
