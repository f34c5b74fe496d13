/** Sync requests of the PodNetwork `default` of a large cluster. */
import { sync } from '../hooks/pod-networks.ts';
import { CLUSTER_CIDR_API_VERSION, METAIPAM_API_VERSION } from '../lib/kubernetes/names.ts';
import type { ClusterCIDR, IPAllocation, PodCIDRClaim, PodNetwork } from '../lib/kubernetes/types.ts';
import { type CompositeRequest, DEFAULT_CONFIG } from '../lib/metacontroller/hook.ts';
import { applied, group, kubectlApplied, LATER, suffix, uuid } from './stored.ts';

type Request = CompositeRequest<PodNetwork>;

/** Nodes without podCIDRs, all in one sync; the ClusterCIDRs are dual-stack, one for each rack of nodes. */
export function allNew(nodes: number, clusterCIDRs: number): Request {
  const racks = Array.from({ length: clusterCIDRs }, (_, rack) => rack);
  const claims = Array.from({ length: nodes }, (_, n) => podCIDRClaim(n, n % clusterCIDRs, []));
  return request(
    racks.map((rack) => clusterCIDR(rack, clusterCIDRs > 50 ? 16 : 14)),
    claims,
    [],
  );
}

/** New nodes, with a ClusterCIDR for each that selects it by its host name. */
export function byHostName(nodes: number): Request {
  const claims = Array.from({ length: nodes }, (_, n) => podCIDRClaim(n, 0, []));
  const clusterCIDRs = Array.from({ length: nodes }, (_, n) => {
    const term = {
      matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [nodeName(n)] }],
    };
    return selectingClusterCIDR(n, `10.${n >> 8}.${n & 255}.0/24`, [term]);
  });
  return request(clusterCIDRs, claims, []);
}

/** New nodes, and ClusterCIDRs of many terms, each of which is about a label that no other is about. */
export function distinctTerms(nodes: number, clusterCIDRs: number, terms: number): Request {
  const claims = Array.from({ length: nodes }, (_, n) => podCIDRClaim(n, n % clusterCIDRs, []));
  const pools = Array.from({ length: clusterCIDRs }, (_, n) => {
    const own = Array.from({ length: terms - 1 }, (_, term) => ({
      matchExpressions: [{ key: `example.com/group-${n}-${term}`, operator: 'Exists' }],
    }));
    const rack = { matchExpressions: [{ key: 'example.com/rack', operator: 'In', values: [`rack-${n}`] }] };
    return selectingClusterCIDR(n, `10.${n >> 2}.${(n & 3) << 6}.0/18`, [...own, rack]);
  });
  return request(pools, claims, []);
}

/** Every node has its blocks, as allocations and as podCIDRs. */
export function allAllocated(nodes: number, clusterCIDRs: number): Request {
  const before = allNew(nodes, clusterCIDRs);
  const { parent, related } = before;
  const { children, status } = sync(before, { now: LATER, config: DEFAULT_CONFIG });
  const allocations = children.map((child, index) =>
    applied<IPAllocation>(child, parent, nodes + index, {
      labels: { 'controller-uid': parent.metadata.uid ?? '' },
    }),
  );
  const blocks = new Map(allocations.map(({ spec }) => [spec.claimRef.name, spec.blocks ?? []]));
  const claims = Array.from({ length: nodes }, (_, n) =>
    podCIDRClaim(n, n % clusterCIDRs, blocks.get(nodeName(n)) ?? []),
  );
  const pools = Object.values(related[`ClusterCIDR.${CLUSTER_CIDR_API_VERSION}`] ?? {}) as ClusterCIDR[];
  return request(pools, claims, allocations, status as PodNetwork['status']);
}

function request(
  clusterCIDRs: readonly ClusterCIDR[],
  claims: readonly PodCIDRClaim[],
  allocations: readonly IPAllocation[],
  status: PodNetwork['status'] = undefined,
): Request {
  const manifest = {
    apiVersion: METAIPAM_API_VERSION,
    kind: 'PodNetwork',
    metadata: { name: 'default' },
    spec: { serviceCIDRs: ['10.255.0.0/16', 'fd00:ff::/108'], target: 'node.spec.podCIDRs' },
  };
  return {
    parent: { ...kubectlApplied<PodNetwork>(manifest), ...(status && { status }) },
    children: { [`IPAllocation.${METAIPAM_API_VERSION}`]: group(allocations) },
    related: {
      [`ClusterCIDR.${CLUSTER_CIDR_API_VERSION}`]: group(clusterCIDRs),
      [`PodCIDRClaim.${METAIPAM_API_VERSION}`]: group(claims),
    },
    finalizing: false,
  };
}

/** The first is for all nodes, the others for a rack each: a /14 has room for 1 024 of them, a /16 for 256. */
function clusterCIDR(rack: number, length: 14 | 16): ClusterCIDR {
  const nodeSelector = {
    nodeSelectorTerms: [
      {
        matchExpressions: [
          { key: 'example.com/rack', operator: 'In', values: [`rack-${rack}`] },
          { key: 'kubernetes.io/os', operator: 'In', values: ['linux'] },
        ],
      },
    ],
  };
  return kubectlApplied<ClusterCIDR>({
    apiVersion: CLUSTER_CIDR_API_VERSION,
    kind: 'ClusterCIDR',
    metadata: { name: rack === 0 ? 'all' : `rack-${rack}` },
    spec: {
      ipv4: `10.${rack << (16 - length)}.0.0/${length}`,
      ipv6: `fd00:${rack}::/${96 + length}`,
      ...(rack > 0 && { nodeSelector }),
      perNodeHostBits: 8,
    },
  });
}

function selectingClusterCIDR(n: number, ipv4: string, nodeSelectorTerms: readonly object[]): ClusterCIDR {
  return kubectlApplied<ClusterCIDR>({
    apiVersion: CLUSTER_CIDR_API_VERSION,
    kind: 'ClusterCIDR',
    metadata: { name: `pool-${n}` },
    spec: { ipv4, nodeSelector: { nodeSelectorTerms }, perNodeHostBits: 8 },
  });
}

function nodeName(n: number): string {
  return `worker-${suffix(`node ${n}`)}`;
}

/** What the nodes hook keeps for a node. */
function podCIDRClaim(n: number, rack: number, podCIDRs: readonly string[]): PodCIDRClaim {
  const name = nodeName(n);
  const node = { apiVersion: 'v1', kind: 'Node', metadata: { name, uid: uuid(`Node ${name}`) } };
  const nodeLabels = {
    'beta.kubernetes.io/arch': 'amd64',
    'beta.kubernetes.io/os': 'linux',
    'example.com/rack': `rack-${rack}`,
    'kubernetes.io/arch': 'amd64',
    'kubernetes.io/hostname': name,
    'kubernetes.io/os': 'linux',
    'node.kubernetes.io/instance-type': 'm5.large',
    'topology.kubernetes.io/region': 'eu-west-1',
    'topology.kubernetes.io/zone': `eu-west-1${'abc'[n % 3]}`,
  };
  const desired = {
    apiVersion: METAIPAM_API_VERSION,
    kind: 'PodCIDRClaim',
    metadata: { name },
    spec: { nodeLabels, nodeUID: node.metadata.uid, podCIDRs },
  };
  return applied<PodCIDRClaim>(desired, node, n, {
    annotations: { 'metacontroller.k8s.io/decorator-controller': 'nodes' },
  });
}
