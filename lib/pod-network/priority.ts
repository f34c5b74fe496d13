import { compareRanges } from '../address/range-set.ts';
import { compareText } from '../kubernetes/object.ts';
import { type BlockPool, blockLength } from './block-pool.ts';
import { labelOf, type SelectableNode } from './selector.ts';

/**
 * Finds the pools that may serve a node, best first (KEP-2593, "Node Selection"):
 *
 * 0. the selector with more matching requirements; catch-alls come after all others,
 * 1. fewer blocks in all, by the family that has fewer,
 * 2. smaller blocks,
 * 3. the selector's text,
 * 4. the lower range, IPv4 before IPv6,
 * 5. the name.
 *
 * Nodes that look alike to all selectors share one answer.
 *
 * @param pools in the order of `comparePools`
 */
export function candidateFinder(pools: readonly BlockPool[]): (node: SelectableNode) => readonly BlockPool[] {
  const selectors = pools.flatMap(({ selector }) => selector ?? []);
  const keys = [...new Set(selectors.flatMap(({ labelKeys }) => labelKeys))];
  const readsName = selectors.some((selector) => selector.readsName);
  const known = new Map<string, readonly BlockPool[]>();
  return (node) => {
    const looks = JSON.stringify([readsName && node.name, ...keys.map((key) => labelOf(node, key))]);
    const candidates = known.get(looks) ?? candidatesFor(node, pools);
    known.set(looks, candidates);
    return candidates;
  };
}

function candidatesFor(node: SelectableNode, pools: readonly BlockPool[]): BlockPool[] {
  const catchAlls = pools.filter(({ selector }) => selector === undefined);
  const selecting = pools
    .map((pool) => ({ pool, matches: pool.selector?.matchCount(node) ?? 0 }))
    .filter(({ matches }) => matches > 0)
    .sort((a, b) => b.matches - a.matches);
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
