/** What nodes give their pods of secondary networks, as the CNI plugin kube-node reads their annotations. */
import { formatAddress } from '../address/address.ts';
import { type Prefix, parseRange, type Range } from '../address/range.ts';
import type { RangeSet } from '../address/range-set.ts';
import { CniError } from '../cni/cni-error.ts';
import { nodeFacts } from '../cni/node-facts.ts';
import { type CNIRoute, nodeRanges, type PodSubnet } from '../cni/ranges.ts';
import type { Node } from '../kubernetes/core-types.ts';
import { DEFAULT_NETWORK } from '../kubernetes/names.ts';
import type { PodNetwork } from '../kubernetes/types.ts';
import { nodeAnnotationKey } from '../pod-network/node-annotation-key.ts';
import { gatewayOf, podAddresses } from '../pod-network/pod-addresses.ts';

/** What pods get of one block. */
export interface PodRange {
  readonly block: Range;
  /** The subnet that the block is, or is a part of. */
  readonly subnet: Prefix;
  /** Those of the block that pods can have. */
  readonly addresses: RangeSet;
  readonly gateway: string | undefined;
}

export interface PodRanges {
  readonly ranges: readonly PodRange[];
  readonly routes: readonly CNIRoute[];
}

/** Undefined for podCIDRs, while the node has no annotation of the network, and where the plugin would refuse it. */
export function podRangesOf(node: Node, network: PodNetwork): PodRanges | undefined {
  const { metadata, spec } = network;
  const facts = nodeFacts(node);
  if (metadata.name === DEFAULT_NETWORK || facts === undefined) return undefined;
  try {
    const { subnets, routes } = nodeRanges(facts, nodeAnnotationKey(metadata.name, spec?.annotation));
    return { ranges: subnets.map(podRange), routes };
  } catch (error) {
    if (error instanceof CniError) return undefined;
    throw error;
  }
}

function podRange(whole: PodSubnet): PodRange {
  const { prefix, rangeStart, rangeEnd } = whole;
  const isPart = rangeStart !== undefined && rangeEnd !== undefined;
  const gateway = gatewayOf(whole);
  return {
    block: (isPart && parseRange(`${rangeStart}-${rangeEnd}`)) || prefix,
    subnet: prefix,
    addresses: podAddresses(whole),
    gateway: gateway && formatAddress(gateway),
  };
}
