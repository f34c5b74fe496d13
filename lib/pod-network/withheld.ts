/** What keeps blocks of a ClusterCIDR from nodes, besides nodes that have them. */
import { blockCount, growToBlocks } from '../address/blocks.ts';
import { formatPrefix, overlaps, type Prefix, type Range } from '../address/range.ts';
import { RangeSet } from '../address/range-set.ts';
import { listSome } from '../text.ts';
import type { NodeRanges } from './node-ranges.ts';

/** What nodes do not get, or not everybody; each with blocks that are given already, and with what the others have. */
interface Withholding {
  readonly services: readonly Prefix[];
  /** Which blocks have addresses for pods. */
  readonly ranges: NodeRanges;
  /** Kept for nodes that do not have them yet. */
  readonly reserved: readonly Range[];
  /** Pieces of slices that are missing or going away. */
  readonly blocked: readonly Range[];
}

/**
 * Says how many blocks of the range are withheld, and by what: `all 4 are among services 10.0.0.0/22`; then what helps.
 * Undefined if there are none.
 */
export function withheldFrom(
  range: Prefix,
  size: bigint,
  { services, ranges, reserved, blocked }: Withholding,
): { readonly what: string; readonly fix: string } | undefined {
  const total = blockCount(range, size);
  const near = services.filter((each) => overlaps(each, range));
  const grown = (some: readonly Range[]) => growToBlocks(range, size, some);
  const another = 'add another ClusterCIDR';
  const kinds: readonly [what: string, blocks: RangeSet, fixOfAll: string][] = [
    [
      `among services ${listSome(near.map(formatPrefix))}`,
      grown(near),
      'add a ClusterCIDR outside of them, or mend serviceCIDRs',
    ],
    [
      'without an address for pods',
      ranges.unusable(range, size),
      'mend excludedAddresses or perNodeExclusions, or add another ClusterCIDR',
    ],
    ['kept for other nodes', grown(reserved), another],
    ['in a slice that is missing or going away', grown(blocked), another],
  ];
  const parts: string[] = [];
  let fix = another;
  let known = RangeSet.EMPTY;
  for (const [what, blocks, fixOfAll] of kinds) {
    const count = blocks.difference(known).count / size;
    known = known.union(blocks);
    if (count === 0n) continue;
    const are = count === 1n ? 'is' : 'are';
    parts.push(count === total ? `all ${total} ${are} ${what}` : `${count} of ${total} ${are} ${what}`);
    if (count === total) fix = fixOfAll;
  }
  return parts.length === 0 ? undefined : { what: parts.join(', '), fix };
}
