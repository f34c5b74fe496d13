import { FAMILY_BITS } from '../address/address.ts';
import { type Prefix, parsePrefix } from '../address/range.ts';
import type { Problem } from '../kubernetes/problem.ts';
import type { ClusterCIDR } from '../kubernetes/types.ts';
import { type HostBits, hostBitsOf } from './host-bits.ts';
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
  readonly hostBits: HostBits;
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
  const bits = hostBitsOf(perNodeHostBits, metadata);
  const pool: BlockPool = {
    name: metadata.name,
    uid: metadata.uid ?? '',
    isTerminating: metadata.deletionTimestamp !== undefined,
    ...(nodeSelector && { selector: compileNodeSelector(nodeSelector) }),
    hostBits: { 4: ipv4 ? bits[4] : bits[6], 6: ipv6 ? bits[6] : bits[4] },
    ranges: [ipv4, ipv6].filter(Boolean).map((text) => parsePrefix(text as string) as Prefix),
  };
  return { pool, problems: [] };
}

/** Prefix length of the blocks cut from `range`. */
export function blockLength({ hostBits }: BlockPool, { family }: Prefix): number {
  return FAMILY_BITS[family] - hostBits[family];
}
