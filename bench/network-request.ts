/** Sync requests of the PodNetwork `default` of a large cluster. */
import { sync } from '../hooks/pod-networks.ts';
import { allocationsOf } from '../lib/allocation/slice.ts';
import { CLUSTER_CIDR_API_VERSION, METAIPAM_API_VERSION } from '../lib/kubernetes/names.ts';
import type { AllocationSlice, ClusterCIDR, PodCIDRClaim, PodNetwork } from '../lib/kubernetes/types.ts';
import { type CompositeRequest, DEFAULT_CONFIG } from '../lib/metacontroller/hook.ts';
import { readBlockPool } from '../lib/pod-network/block-pool.ts';
import { labelKeysDigest } from '../lib/pod-network/network-slices.ts';
import { labelKeysOf } from '../lib/pod-network/network-view.ts';
import { applied, group, kubectlApplied, LATER, suffix, uuidOf } from './stored.ts';

type Request = CompositeRequest<PodNetwork>;

interface BenchNode {
  readonly n: number;
  readonly rack: number;
  readonly podCIDRs: readonly string[];
}

/** Nodes without podCIDRs, all in one sync; the ClusterCIDRs are dual-stack, one for each rack of nodes. */
export function allNewNodes(nodes: number, clusterCIDRs: number): Request {
  const racks = Array.from({ length: clusterCIDRs }, (_, rack) => rack);
  const pools = racks.map((rack) => rackCIDR(rack, clusterCIDRs > 50 ? 16 : 14));
  return request(pools, newNodes(nodes, clusterCIDRs), []);
}

/** New nodes, with a ClusterCIDR for each that selects it by its host name. */
export function byHostName(nodes: number): Request {
  const clusterCIDRs = Array.from({ length: nodes }, (_, n) => {
    const term = {
      matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [nodeName(n)] }],
    };
    return selectingClusterCIDR(n, `10.${n >> 8}.${n & 255}.0/24`, [term]);
  });
  return request(clusterCIDRs, newNodes(nodes, 1), []);
}

/** New nodes, and ClusterCIDRs of many terms, each of which is about a label that no other is about. */
export function distinctTerms(nodes: number, clusterCIDRs: number, terms: number): Request {
  const pools = Array.from({ length: clusterCIDRs }, (_, n) => {
    const own = Array.from({ length: terms - 1 }, (_, term) => ({
      matchExpressions: [{ key: `example.com/group-${n}-${term}`, operator: 'Exists' }],
    }));
    const rack = { matchExpressions: [{ key: 'example.com/rack', operator: 'In', values: [`rack-${n}`] }] };
    return selectingClusterCIDR(n, `10.${n >> 2}.${(n & 3) << 6}.0/18`, [...own, rack]);
  });
  return request(pools, newNodes(nodes, clusterCIDRs), []);
}

/** Every node has its blocks, as allocations and as podCIDRs. */
export function allAllocated(nodes: number, clusterCIDRs: number): Request {
  const before = allNewNodes(nodes, clusterCIDRs);
  const { parent, related } = before;
  const { children, status } = sync(before, { now: LATER, config: DEFAULT_CONFIG });
  const slices = children.map((child, index) =>
    applied<AllocationSlice>(child, parent, nodes + index, {
      labels: { 'controller-uid': parent.metadata.uid ?? '' },
    }),
  );
  const blocks = new Map(allocationsOf(slices).map(({ entry }) => [entry.name, entry.blocks ?? []]));
  const benchNodes = newNodes(nodes, clusterCIDRs).map((node) => ({
    ...node,
    podCIDRs: blocks.get(nodeName(node.n)) ?? [],
  }));
  const pools = Object.values(related[`ClusterCIDR.${CLUSTER_CIDR_API_VERSION}`] ?? {}) as ClusterCIDR[];
  return request(pools, benchNodes, slices, status as PodNetwork['status']);
}

function newNodes(count: number, racks: number): BenchNode[] {
  return Array.from({ length: count }, (_, n) => ({ n, rack: n % racks, podCIDRs: [] }));
}

function request(
  clusterCIDRs: readonly ClusterCIDR[],
  nodes: readonly BenchNode[],
  slices: readonly AllocationSlice[],
  status: PodNetwork['status'] = undefined,
): Request {
  const manifest = {
    apiVersion: METAIPAM_API_VERSION,
    kind: 'PodNetwork',
    metadata: { name: 'default' },
    spec: { serviceCIDRs: ['10.255.0.0/16', 'fd00:ff::/108'], target: 'node.spec.podCIDRs' },
  };
  const keys = labelKeysOf(clusterCIDRs.flatMap((each) => readBlockPool(each).pool ?? []));
  const digest = labelKeysDigest(keys);
  const claims = nodes.map((node) => podCIDRClaim(node, new Set(keys), digest));
  return {
    parent: { ...kubectlApplied<PodNetwork>(manifest), ...(status && { status }) },
    children: { [`AllocationSlice.${METAIPAM_API_VERSION}`]: group(slices) },
    related: {
      [`ClusterCIDR.${CLUSTER_CIDR_API_VERSION}`]: group(clusterCIDRs),
      [`PodCIDRClaim.${METAIPAM_API_VERSION}`]: group(claims),
      [`AllocationSlice.${METAIPAM_API_VERSION}`]: {},
    },
    finalizing: false,
  };
}

/** The first is for all nodes, the others for a rack each: a /14 has room for 1 024 of them, a /16 for 256. */
function rackCIDR(rack: number, length: 14 | 16): ClusterCIDR {
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
  return clusterCIDR(rack === 0 ? 'all' : `rack-${rack}`, {
    ipv4: `10.${rack << (16 - length)}.0.0/${length}`,
    ipv6: `fd00:${rack}::/${96 + length}`,
    ...(rack > 0 && { nodeSelector }),
    perNodeHostBits: 8,
  });
}

function selectingClusterCIDR(n: number, ipv4: string, nodeSelectorTerms: readonly object[]): ClusterCIDR {
  return clusterCIDR(`pool-${n}`, { ipv4, nodeSelector: { nodeSelectorTerms }, perNodeHostBits: 8 });
}

function clusterCIDR(name: string, spec: object): ClusterCIDR {
  const metadata = { name };
  return kubectlApplied({ apiVersion: CLUSTER_CIDR_API_VERSION, kind: 'ClusterCIDR', metadata, spec });
}

function nodeName(n: number): string {
  return `worker-${suffix(`node ${n}`)}`;
}

/** What the nodes hook keeps for a node. */
function podCIDRClaim(
  { n, rack, podCIDRs }: BenchNode,
  keys: ReadonlySet<string>,
  digest: string,
): PodCIDRClaim {
  const name = nodeName(n);
  const node = { apiVersion: 'v1', kind: 'Node', metadata: { name, uid: uuidOf(`Node ${name}`) } };
  const labels = {
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
  const nodeLabels = Object.fromEntries(Object.entries(labels).filter(([key]) => keys.has(key)));
  const desired = {
    apiVersion: METAIPAM_API_VERSION,
    kind: 'PodCIDRClaim',
    metadata: { name },
    spec: { labelKeys: { default: digest }, nodeLabels, nodeUID: node.metadata.uid, podCIDRs },
  };
  return applied<PodCIDRClaim>(desired, node, n, {
    annotations: { 'metacontroller.k8s.io/decorator-controller': 'nodes' },
  });
}
