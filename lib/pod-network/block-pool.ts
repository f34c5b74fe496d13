import { type Prefix, parsePrefix } from '../address/range.ts';
import { compareRanges } from '../address/range-set.ts';
import type { Problem } from '../kubernetes/problem.ts';
import type { ClusterCIDR } from '../kubernetes/types.ts';
import { type BlockSizes, blockSizesOf, isShared } from './block-size.ts';
import { parsePodCIDR } from './pod-cidr.ts';
import { type CompiledSelector, compileNodeSelector } from './selector.ts';
import { validateClusterCIDR } from './validate.ts';

/** A ClusterCIDR as the decision sees it: ranges to cut blocks from, and for whom. */
export interface BlockPool {
  readonly name: string;
  readonly uid: string;
  /** It gives nothing to another node. */
  readonly isTerminating: boolean;
  /** Absent in a catch-all. */
  readonly selector?: CompiledSelector;
  /** Those of a family that it has no range of are the other's. */
  readonly sizes: BlockSizes;
  /** One a family, IPv4 first: a node gets a block of each, or none. */
  readonly ranges: readonly Prefix[];
}

/** A usable ClusterCIDR, or what is wrong with it. */
type BlockPoolReading =
  | { readonly pool: BlockPool; readonly problems: readonly [] }
  | { readonly pool?: undefined; readonly problems: readonly Problem[] };

export function readBlockPool({ metadata, spec }: ClusterCIDR): BlockPoolReading {
  const problems = validateClusterCIDR(spec, metadata);
  if (problems.length > 0) return { problems };
  const { nodeSelector, perNodeHostBits, ipv4, ipv6 } = spec;
  const sizes = blockSizesOf(perNodeHostBits, metadata);
  const ranges = [ipv4, ipv6].filter(Boolean).map((text) => parsePrefix(text as string) as Prefix);
  const pool: BlockPool = {
    name: metadata.name,
    uid: metadata.uid ?? '',
    isTerminating: metadata.deletionTimestamp !== undefined,
    ...(nodeSelector && { selector: compileNodeSelector(nodeSelector) }),
    sizes: { 4: ipv4 ? sizes[4] : sizes[6], 6: ipv6 ? sizes[6] : sizes[4] },
    ranges,
  };
  return { pool, problems: [] };
}

/**
 * The subnets that ClusterCIDRs let nodes share, smallest first. One that is invalid gives out nothing; for those who
 * have blocks of it its subnet stays what it is.
 */
export function sharedSubnets(clusterCIDRs: readonly ClusterCIDR[]): Prefix[] {
  return clusterCIDRs
    .flatMap(({ metadata, spec }) =>
      ([4, 6] as const).flatMap((family) => {
        const text: unknown = spec?.[`ipv${family}`];
        const range = typeof text === 'string' && parsePodCIDR(text);
        return range && range.family === family && isShared(family, metadata) ? range : [];
      }),
    )
    .sort((a, b) => b.length - a.length || compareRanges(a, b));
}
