import { type Prefix, parsePrefix } from '../address/range.ts';
import { newestVersion } from '../allocation/release.ts';
import { isLabelValue } from '../kubernetes/label-value.ts';
import { CLUSTER_CIDR_API_VERSION, DEFAULT_NETWORK, METAIPAM_API_VERSION } from '../kubernetes/names.ts';
import { compareAge } from '../kubernetes/object.ts';
import { formatProblem, type Problem } from '../kubernetes/problem.ts';
import type { ClusterCIDR, IPAllocation, PodCIDRClaim, PodNetwork } from '../kubernetes/types.ts';
import { type CompositeRequest, objectsOf } from '../metacontroller/hook.ts';
import { readBlockPool } from './block-pool.ts';
import { readBlockAllocation } from './decision.ts';
import type { NetworkView } from './plan.ts';
import { comparePools } from './priority.ts';
import { validatePodNetwork } from './validate.ts';

/** All that a hook of a PodNetwork gets to see, read. */
export interface NetworkReading extends NetworkView {
  /** What is wrong with the PodNetwork itself. */
  readonly problems: readonly Problem[];
  readonly clusterCIDRs: number;
  readonly invalidClusterCIDRs: readonly { name: string; message: string }[];
  /** Children that are no block's, or that cannot be read. */
  readonly unreadable: readonly IPAllocation[];
}

export function readNetwork(request: CompositeRequest<PodNetwork>): NetworkReading {
  const { parent } = request;
  const { name } = parent.metadata;
  const claims = objectsOf<PodCIDRClaim>(request, 'related', `PodCIDRClaim.${METAIPAM_API_VERSION}`).sort(
    compareAge,
  );
  const parse = prefixParser();
  const { nodes, stray } = readClaims(claims, name === DEFAULT_NETWORK, parse);
  const clusterCIDRs = objectsOf<ClusterCIDR>(request, 'related', `ClusterCIDR.${CLUSTER_CIDR_API_VERSION}`);
  const readings = clusterCIDRs.map((object) => ({ name: object.metadata.name, ...readBlockPool(object) }));
  const owned = objectsOf<IPAllocation>(request, 'children', `IPAllocation.${METAIPAM_API_VERSION}`);
  const allocations = owned.map((object) => ({ object, read: readBlockAllocation(object, parse) }));
  const unreadable = allocations.flatMap(({ object, read }) => (read === undefined ? object : []));
  const newestClaimVersion = newestVersion(claims);
  const problems = validatePodNetwork(name, parent.spec);
  const serviceCIDRs = texts(parent.spec?.serviceCIDRs).map(parse);
  return {
    problems,
    nodes,
    awaitsEveryNode: name === DEFAULT_NETWORK && clusterCIDRs.length > 0,
    pools: readings.flatMap(({ pool }) => pool ?? []).sort(comparePools),
    clusterCIDRs: clusterCIDRs.length,
    invalidClusterCIDRs: readings
      .filter(({ pool }) => pool === undefined)
      .map((reading) => ({ name: reading.name, message: reading.problems.map(formatProblem).join('; ') })),
    allocations: allocations.flatMap(({ read }) => read ?? []),
    unreadable,
    occupied: unreadable
      .map(({ metadata }) => blockOf(name, metadata.name))
      .filter((block) => block !== undefined),
    reserved: [...serviceCIDRs.filter((range) => range !== undefined), ...stray],
    reuseGracePeriodSeconds: parent.spec?.reuseGracePeriodSeconds ?? 0,
    ...(newestClaimVersion !== undefined && { newestClaimVersion }),
  };
}

type Parser = (text: string) => Prefix | undefined;

/**
 * The nodes, in the order of their claims, with the podCIDRs that concern the network. podCIDRs of claims that
 * name no node, or one that an older claim names, are still somebody's: they are `stray`.
 */
function readClaims(claims: readonly PodCIDRClaim[], usesPodCIDRs: boolean, parse: Parser) {
  const nodes = new Map<string, NetworkView['nodes'][number]>();
  const stray: Prefix[] = [];
  for (const { metadata, spec } of claims) {
    const uid = spec?.nodeUID;
    const podCIDRs = usesPodCIDRs ? texts(spec?.podCIDRs) : [];
    const blocks = podCIDRs.map(parse).filter((block) => block !== undefined);
    if (typeof uid !== 'string' || !uid || !isLabelValue(uid) || nodes.has(uid)) stray.push(...blocks);
    else nodes.set(uid, { uid, name: metadata.name, labels: spec.nodeLabels ?? {}, podCIDRs, blocks });
  }
  return { nodes: [...nodes.values()], stray };
}

/** The block that an allocation of the network is named after. */
function blockOf(network: string, name: string): Prefix | undefined {
  const encoded = name.slice(network.length + 1);
  const dash = encoded.lastIndexOf('-');
  return parsePrefix(`${encoded.slice(0, dash).replaceAll('-', ':')}/${encoded.slice(dash + 1)}`);
}

function texts(list: unknown): string[] {
  return Array.isArray(list) ? list.filter((text) => typeof text === 'string') : [];
}

/** A node's podCIDRs are mostly its allocations' too, so each text is read once. */
function prefixParser(): Parser {
  const known = new Map<string, Prefix | undefined>();
  return (text) => {
    if (!known.has(text)) known.set(text, parsePrefix(text));
    return known.get(text);
  };
}
