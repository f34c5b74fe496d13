/** kube-controller-manager's allocator of podCIDRs, and what continues it. */
import { FAMILY_BITS, type Family } from '../address/address.ts';
import { formatPrefix, type Prefix } from '../address/range.ts';
import { compareRanges } from '../address/range-set.ts';
import { CLUSTER_CIDR_API_VERSION, DEFAULT_NETWORK, METAIPAM_API_VERSION } from '../kubernetes/names.ts';
import type { ClusterCIDR, PodNetwork } from '../kubernetes/types.ts';
import { HOST_BITS_ANNOTATIONS } from './block-size.ts';
import { parsePodCIDR } from './pod-cidr.ts';
import { LEAST_HOST_BITS } from './validate.ts';

/** Its flags, as they are given; a mask size of 0 is as good as none. */
interface AllocatorFlags {
  readonly clusterCIDR: string;
  readonly serviceClusterIPRange?: string | undefined;
  readonly nodeCIDRMaskSize?: number | undefined;
  readonly nodeCIDRMaskSizeIPv4?: number | undefined;
  readonly nodeCIDRMaskSizeIPv6?: number | undefined;
}

/** Flags with which kube-controller-manager does not start, or that a ClusterCIDR cannot say. */
export class FlagProblem extends Error {
  override readonly name = 'FlagProblem';
  /** What should have been a CIDR, if that is it. */
  readonly cidr: string | undefined;

  constructor(message: string, cidr?: string) {
    super(message);
    this.cidr = cidr;
  }
}

const DEFAULT_MASKS: Readonly<Record<Family, number>> = { 4: 24, 6: 64 };
/** Of IPv6 it gives out 65536 blocks at most. */
const MOST_IPV6_BITS = 16;

/**
 * The PodNetwork and the ClusterCIDR with which nodes keep what they have and get what they would have got. In this
 * order: no block may be given before the ranges of services are known.
 *
 * Defaults and refusals are those of `setNodeCIDRMaskSizes`, `NewNodeIpamController` and `NewCIDRSet` of Kubernetes 1.36.
 *
 * Throws FlagProblem.
 */
export function continueAllocator(flags: AllocatorFlags): [PodNetwork, ClusterCIDR] {
  const ranges = readRanges('--cluster-cidr', flags.clusterCIDR);
  const services = readRanges('--service-cluster-ip-range', flags.serviceClusterIPRange ?? '');
  if (ranges.length === 0)
    throw new FlagProblem(
      '--cluster-cidr is required, as kube-controller-manager has it: --cluster-cidr=10.244.0.0/16',
    );
  const masks = nodeMasks(ranges, flags);
  const bits = ranges.map((range, index) => hostBits(range, masks[index]!));
  const fewest = Math.min(...bits);
  const annotations = Object.fromEntries(
    ranges.flatMap(({ family }, index) =>
      bits[index] === fewest ? [] : [[HOST_BITS_ANNOTATIONS[family], String(bits[index])]],
    ),
  );
  const isIPv6First = ranges.length > 1 && ranges[0]!.family === 6;
  return [
    {
      apiVersion: METAIPAM_API_VERSION,
      kind: 'PodNetwork',
      metadata: { name: DEFAULT_NETWORK },
      spec: {
        target: 'node.spec.podCIDRs',
        ...(isIPv6First && { primaryIPFamily: 'IPv6' }),
        ...(services.length > 0 && { serviceCIDRs: services.map(formatPrefix) }),
      },
    },
    {
      apiVersion: CLUSTER_CIDR_API_VERSION,
      kind: 'ClusterCIDR',
      metadata: {
        name: 'from-kube-controller-manager',
        ...(Object.keys(annotations).length > 0 && { annotations }),
      },
      spec: {
        perNodeHostBits: fewest,
        ...Object.fromEntries(
          ranges.toSorted(compareRanges).map((range) => [`ipv${range.family}`, formatPrefix(range)]),
        ),
      },
    },
  ];
}

/** One range, or one of each family; none if there is no text. */
function readRanges(flag: string, text: string): Prefix[] {
  const trimmed = text.trim();
  if (trimmed === '') return [];
  const ranges = trimmed.split(',').map((each) => {
    const range = parsePodCIDR(each);
    if (range === undefined) throw new FlagProblem(`${flag}: ${JSON.stringify(each)} must be a CIDR`, each);
    return range;
  });
  if (new Set(ranges.map(({ family }) => family)).size < ranges.length)
    throw new FlagProblem(`${flag}: ${JSON.stringify(trimmed)} must be one CIDR, or one of each family`);
  return ranges;
}

/** The prefix length of a node's block of each range. */
function nodeMasks(ranges: readonly Prefix[], flags: AllocatorFlags): number[] {
  const both = flags.nodeCIDRMaskSize || undefined;
  const own = { 4: flags.nodeCIDRMaskSizeIPv4 || undefined, 6: flags.nodeCIDRMaskSizeIPv6 || undefined };
  const [one] = ranges;
  if (both !== undefined) {
    if (ranges.length > 1) {
      throw new FlagProblem(
        '--node-cidr-mask-size is not for two families: use --node-cidr-mask-size-ipv4 and --node-cidr-mask-size-ipv6',
      );
    }
    if (own[4] !== undefined || own[6] !== undefined) {
      throw new FlagProblem(
        '--node-cidr-mask-size is not set beside those of a family: leave it out, or them',
      );
    }
    return [both];
  }
  const other = one!.family === 4 ? 6 : 4;
  if (ranges.length === 1 && own[other] !== undefined) {
    throw new FlagProblem(
      `--node-cidr-mask-size-ipv${other} is not for a cluster of IPv${one!.family} alone: leave it out`,
    );
  }
  return ranges.map(({ family }) => own[family] ?? DEFAULT_MASKS[family]);
}

function hostBits(range: Prefix, mask: number): number {
  const { family, length } = range;
  const most = FAMILY_BITS[family];
  const title = `--cluster-cidr ${formatPrefix(range)}, blocks of /${mask}`;
  if (mask > most || mask < length)
    throw new FlagProblem(`${title}: a node has a part of the range, /${length} to /${most}`);
  if (family === 6 && mask - length > MOST_IPV6_BITS) {
    throw new FlagProblem(`${title}: kube-controller-manager takes a /${mask - MOST_IPV6_BITS} at most`);
  }
  if (most - mask < LEAST_HOST_BITS) {
    throw new FlagProblem(
      `${title}: a ClusterCIDR gives blocks of ${2 ** LEAST_HOST_BITS} addresses at least`,
    );
  }
  return most - mask;
}
