/** In which order a pool gives what is free: its strategy. */
import { createHash } from 'node:crypto';
import { blocksIn, countBlocks, nthBlock } from '../address/blocks.ts';
import type { Block } from '../address/range.ts';
import type { RangeSet } from '../address/range-set.ts';
import type { Allocation } from '../allocation/slice.ts';
import type { IPAddressClaim } from '../kubernetes/types.ts';
import type { PoolRanges } from './ranges.ts';

/**
 * Gives a block a call, and undefined once there are no more: subnet by subnet, and within each as the strategy has it.
 *
 * @param set what is free, whole blocks of the pool's length
 * @param past what is free and was given before: in each subnet it comes last, in this order
 */
export function freeBlocks(
  set: RangeSet,
  past: readonly Allocation[],
  { blockLength, strategy, subnets }: PoolRanges,
): (claim: IPAddressClaim) => Block | undefined {
  const isOne = subnets.length === 1;
  const takes = subnets.flatMap(({ listed }) => {
    const part = isOne ? set : set.intersection(listed);
    const later = past.map(({ block }) => block).filter((block) => isOne || listed.covers(block));
    const take = strategy === 'Random' ? atRandom(part, blockLength) : taking(blocksIn(part, blockLength));
    return later.length === 0 ? [take] : [take, taking(later.values())];
  });
  return (claim) => {
    for (;;) {
      const block = takes[0]?.(claim);
      if (block !== undefined || takes.shift() === undefined) return block;
    }
  };
}

function taking(blocks: Iterator<Block, undefined>): () => Block | undefined {
  return () => blocks.next().value;
}

function atRandom(set: RangeSet, blockLength: number): (claim: IPAddressClaim) => Block | undefined {
  const count = countBlocks(set, blockLength);
  const given = new Set<bigint>();
  return (claim) => {
    if (BigInt(given.size) >= count) return undefined;
    let index = seedOf(claim) % count;
    while (given.has(index)) index = (index + 1n) % count;
    given.add(index);
    return nthBlock(set, blockLength, index);
  };
}

/** The same for a claim each time, so that a plan is made of nothing but what it sees. */
function seedOf(claim: IPAddressClaim): bigint {
  return createHash('sha256')
    .update(claim.metadata.uid ?? '')
    .digest()
    .readBigUInt64BE();
}
