import { blockCount } from '../address/blocks.ts';
import { compareRanges } from '../address/range-set.ts';
import { compareText } from '../kubernetes/object.ts';
import type { BlockPool } from './block-pool.ts';
import { labelOf, lengthOf, type SelectableNode } from './selector.ts';
import { TermIndex } from './term-index.ts';

/**
 * Finds the pools that may serve a node, best first (KEP-2593, "Node Selection"):
 *
 * 0. the selector with more matching requirements; catch-alls come after all others,
 * 1. fewer blocks in all, by the family that has fewer,
 * 2. smaller blocks, of IPv4 before IPv6 where their sizes differ,
 * 3. the selector's text,
 * 4. the lower range, IPv4 before IPv6,
 * 5. the name.
 *
 * Nodes that look alike to all selectors share one answer, as long as there is room for it.
 *
 * @param pools in the order of `comparePools`
 */
export function candidateFinder(pools: readonly BlockPool[]): (node: SelectableNode) => readonly BlockPool[] {
  // Many a plan asks for no node at all.
  let finder: CandidateFinder | undefined;
  return (node) => {
    finder ??= new CandidateFinder(pools);
    return finder.find(node);
  };
}

/** How many pools all answers together may list before they are forgotten: 8 MB. */
const MOST_REMEMBERED = 1_000_000;

class CandidateFinder {
  readonly #pools: readonly BlockPool[];
  readonly #catchAlls: readonly BlockPool[];
  /** The terms of each selector, by the place of its pool. */
  readonly #terms = new TermIndex<number>();
  readonly #labelKeys = new Set<string>();
  readonly #readsName: boolean;
  readonly #known = new Map<string, readonly BlockPool[]>();
  #remembered = 0;

  constructor(pools: readonly BlockPool[]) {
    this.#pools = pools;
    this.#catchAlls = pools.filter(({ selector }) => selector === undefined);
    this.#readsName = pools.some(({ selector }) => selector?.readsName);
    for (const [place, { selector }] of pools.entries()) {
      for (const term of selector?.terms ?? []) this.#terms.add(term, place);
      for (const key of selector?.labelKeys ?? []) this.#labelKeys.add(key);
    }
  }

  find(node: SelectableNode): readonly BlockPool[] {
    const keys = Object.keys(node.labels).filter((key) => this.#labelKeys.has(key));
    const looks = JSON.stringify([
      this.#readsName && node.name,
      keys.map((key) => [key, labelOf(node, key)]),
    ]);
    const known = this.#known.get(looks);
    if (known !== undefined) return known;
    const candidates = this.#candidatesFor(node, keys);
    this.#remembered += candidates.length;
    if (this.#remembered > MOST_REMEMBERED) {
      this.#known.clear();
      this.#remembered = candidates.length;
    }
    this.#known.set(looks, candidates);
    return candidates;
  }

  #candidatesFor(node: SelectableNode, keys: readonly string[]): readonly BlockPool[] {
    const matches = new Map<number, number>();
    this.#terms.find(node, keys, (place, term) =>
      matches.set(place, Math.max(matches.get(place) ?? 0, lengthOf(term))),
    );
    if (matches.size === 0) return this.#catchAlls;
    const best = [...matches].sort(([a, lengthA], [b, lengthB]) => lengthB - lengthA || a - b);
    return [...best.map(([place]) => this.#pools[place]!), ...this.#catchAlls];
  }
}

/** Rules 1 to 5, which are the same for every node. */
export function comparePools(a: BlockPool, b: BlockPool): number {
  return (
    Number(capacity(a) - capacity(b)) ||
    Number(a.sizes[4] - b.sizes[4]) ||
    Number(a.sizes[6] - b.sizes[6]) ||
    compareText(a.selector?.text ?? '', b.selector?.text ?? '') ||
    compareRanges(a.ranges[0]!, b.ranges[0]!) ||
    compareText(a.name, b.name)
  );
}

/** How many nodes the pool serves. */
function capacity({ ranges, sizes }: BlockPool): bigint {
  const counts = ranges.map((range) => blockCount(range, sizes[range.family]));
  return counts.reduce((least, count) => (count < least ? count : least));
}
