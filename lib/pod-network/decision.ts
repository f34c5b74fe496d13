import { formatBlock } from '../address/range.ts';
import { compareRanges } from '../address/range-set.ts';
import type { Allocation } from '../allocation/slice.ts';
import { compareText } from '../kubernetes/object.ts';

/**
 * The blocks that one sync chose together for a node, with those that it got later besides, as far as their entries are
 * in view.
 */
export interface Decision {
  readonly nodeUID: string;
  /** All of them as texts, in the order in which the node has or gets them. */
  readonly blocks: readonly string[];
  /** Never empty; lowest first, IPv4 before IPv6. */
  readonly held: readonly Allocation[];
  /** Whether every block has its entry. */
  readonly isComplete: boolean;
  /** Whether every block has its entry, and is confirmed: only then may a node show the blocks of a secondary network. */
  readonly isConfirmed: boolean;
}

/**
 * The decisions that allocations belong to, in the order in which they count: those of which anything is confirmed
 * first, then complete ones, then the older, then the lower.
 *
 * A sync on a stale cache can decide twice for one node. Blocks of different size are in different slices, which are
 * written one after another, so that either decision may be there in part only. A complete one may already be on its
 * way to the node of `default`, and one that is confirmed to that of a secondary network.
 *
 * @param allocations those that are not released
 */
export function decisionsOf(allocations: Iterable<Allocation>): Decision[] {
  const ordered = [...allocations].sort((a, b) => compareRanges(a.block, b.block));
  const groups = Map.groupBy(ordered, (each) => `${each.entry.uid} ${firstBlocks(blocksWith(each)).join()}`);
  return [...groups.values()]
    .map((held) => {
      const blocks = allBlocks(held);
      const present = new Set(held.map(textOf));
      const isComplete = blocks.every((text) => present.has(text));
      return {
        nodeUID: held[0]!.entry.uid,
        blocks,
        held,
        isComplete,
        isConfirmed: isComplete && held.every(isConfirmed),
      };
    })
    .sort(
      (a, b) =>
        Number(b.held.some(isConfirmed)) - Number(a.held.some(isConfirmed)) ||
        Number(b.isComplete) - Number(a.isComplete) ||
        compareText(sinceOf(a), sinceOf(b)) ||
        compareRanges(a.held[0]!.block, b.held[0]!.block),
    );
}

/** Of the blocks of a node, in their order, those that it got first: one of each family. */
export function firstBlocks(blocks: readonly string[]): readonly string[] {
  return blocks.slice(0, new Set(blocks.map((text) => text.includes(':'))).size);
}

/** What the entries list, the longest list first: one that was not written since its node got more lists fewer. */
function allBlocks(held: readonly Allocation[]): readonly string[] {
  const [one, ...others] = new Set(held.map((each) => blocksWith(each).join()));
  if (others.length === 0) return blocksWith(held[0]!);
  const lists = [one!, ...others].map((list) => list.split(','));
  lists.sort((a, b) => b.length - a.length || compareText(a.join(), b.join()));
  return [...new Set(lists.flat())];
}

/** The blocks that were given together, and before; an entry that does not list its own is alone. */
function blocksWith(allocation: Allocation): readonly string[] {
  const text = textOf(allocation);
  const { blocks } = allocation.entry;
  return blocks?.includes(text) ? blocks : [text];
}

/** The block as nodes show it: its key, but for a CIDR of one address. */
export function textOf({ key, block }: Allocation): string {
  return /[-/]/.test(key) ? key : formatBlock(block);
}

/** Whether the node may have heard of the block. */
export function isConfirmed({ entry }: Pick<Allocation, 'entry'>): boolean {
  return entry.confirmed === true;
}

function sinceOf({ held }: Decision): string {
  return held.map(({ entry }) => entry.since ?? '').sort()[0]!;
}
