/** People make and edit nodes, ClusterCIDRs, ServiceCIDRs and PodNetworks. */
import type { Unstructured } from '../../lib/engine/object.ts';
import type { Random } from '../../lib/engine/random.ts';
import {
  BLOCK_SIZE_ANNOTATION,
  CLUSTER_CIDR_API_VERSION,
  DEFAULT_NETWORK,
  IPV4_HOST_BITS_ANNOTATION,
  IPV6_HOST_BITS_ANNOTATION,
  METAIPAM_API_VERSION,
  NETWORK_LABEL,
  SERVICE_CIDR_API_VERSION,
} from '../../lib/kubernetes/names.ts';
import { RANGE_FIELDS } from '../../lib/pod-network/node-ranges.ts';
import type { Layout } from '../layout.ts';
import { creationOf, patchOf, pickOne, type UserOp, type UserScene } from './user-op.ts';

const CLUSTER_CIDRS: Readonly<Record<string, object>> = {
  all: { ipv4: '10.244.0.0/26', perNodeHostBits: 4 },
  wide: { ipv4: '10.244.0.0/25', perNodeHostBits: 5 },
  zone: {
    ipv4: '10.244.0.32/27',
    ipv6: 'fd00:10::/123',
    perNodeHostBits: 4,
    nodeSelector: {
      nodeSelectorTerms: [{ matchExpressions: [{ key: 'zone', operator: 'In', values: ['a'] }] }],
    },
  },
};

const SECONDARY_CIDRS: Readonly<Record<string, object>> = {
  storage: { ipv4: '10.8.0.0/27', perNodeHostBits: 4 },
};

/** Where nodes have several blocks, of both. */
const ROOMY_SECONDARY_CIDRS = {
  storage: { ipv4: '10.8.0.0/26', perNodeHostBits: 4 },
  'storage-b': { ipv4: '10.8.0.64/27', perNodeHostBits: 4 },
};

/** Of the cluster's own and one that came later; nodes may be in them already. */
const SERVICE_CIDRS: Readonly<Record<string, readonly string[]>> = {
  kubernetes: ['10.244.0.0/28'],
  more: ['10.244.0.40/29', 'fd00:10::10/126'],
};

export function createNode(scene: UserScene): UserOp {
  return creationOf(nodeObject(scene, `n${scene.random.below(7)}`));
}

export function nodeObject({ random }: UserScene, name: string, podCIDRs?: readonly string[]): Unstructured {
  const labels: Record<string, string> = random.chance(0.5) ? { zone: random.pick(['a', 'b']) } : {};
  return { apiVersion: 'v1', kind: 'Node', metadata: { name, labels }, spec: podCIDRs ? { podCIDRs } : {} };
}

export function createClusterCIDR({ random, layout }: UserScene): UserOp {
  const { hasMoreBlocks, hasRanges, hasTwoRanges } = layout;
  const secondary = random.chance(hasMoreBlocks && hasTwoRanges ? 0.6 : 0.25);
  const { storage, 'storage-b': other } = ROOMY_SECONDARY_CIDRS;
  const ofMore = { storage, ...(hasTwoRanges && { 'storage-b': other }) };
  const kinds = !secondary ? CLUSTER_CIDRS : hasMoreBlocks || hasRanges ? ofMore : SECONDARY_CIDRS;
  const [name, spec] = random.pick(Object.entries(kinds));
  const labels = secondary ? { [NETWORK_LABEL]: 'storage' } : {};
  return creationOf({
    apiVersion: CLUSTER_CIDR_API_VERSION,
    kind: 'ClusterCIDR',
    metadata: { name, labels, annotations: withoutNulls(sizes(random, layout, secondary)) },
    spec,
  });
}

export function resizeClusterCIDR(scene: UserScene): UserOp | undefined {
  const clusterCIDR = pickOne(scene, 'ClusterCIDR');
  const secondary = clusterCIDR?.metadata.labels?.[NETWORK_LABEL] !== undefined;
  const annotations = sizes(scene.random, scene.layout, secondary);
  return clusterCIDR && patchOf(scene, clusterCIDR, 'resizes', { metadata: { annotations } });
}

/** Blocks of one family of another size, and such as are no CIDRs; now and then none that there could be. */
function sizes(
  random: Random,
  { hasSizes, hasRanges }: Layout,
  secondary: boolean,
): Record<string, string | null> {
  const bits = () => random.pick([null, '4', '5', '5', '6', 'six', '1']);
  const isParted = secondary && hasRanges;
  return {
    ...(hasSizes && {
      [IPV4_HOST_BITS_ANNOTATION]: isParted ? null : bits(),
      [IPV6_HOST_BITS_ANNOTATION]: random.pick([null, '5', '5']),
    }),
    ...(isParted && { [BLOCK_SIZE_ANNOTATION]: random.pick(['10', '10', '10', '3', '16', 'ten', null]) }),
  };
}

function withoutNulls(map: Readonly<Record<string, string | null>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(map).flatMap(([key, value]) => (value === null ? [] : [[key, value]])),
  );
}

export function createServiceCIDR({ random }: UserScene): UserOp {
  const [name, cidrs] = random.pick(Object.entries(SERVICE_CIDRS));
  return creationOf({
    apiVersion: SERVICE_CIDR_API_VERSION,
    kind: 'ServiceCIDR',
    metadata: { name },
    spec: { cidrs },
  });
}

export function createNetwork(scene: UserScene): UserOp {
  return creationOf(networkObject(scene, scene.random.pick([DEFAULT_NETWORK, 'storage'])));
}

/** What an edit leaves out goes. */
const EDITED_FIELDS = [
  'serviceCIDRs',
  'reservations',
  'reuseGracePeriodSeconds',
  'additionalBlocks',
  ...RANGE_FIELDS,
];

export function editNetwork(scene: UserScene): UserOp | undefined {
  const network = pickOne(scene, 'PodNetwork');
  if (network === undefined) return undefined;
  const { spec } = networkObject(scene, network.metadata.name);
  return patchOf(scene, network, 'edits', {
    spec: { ...Object.fromEntries(EDITED_FIELDS.map((field) => [field, null])), ...(spec as object) },
  });
}

export function networkObject({ random, layout }: UserScene, name: string): Unstructured {
  const target = name === DEFAULT_NETWORK ? 'node.spec.podCIDRs' : 'node.metadata.annotations';
  const spec = {
    target,
    ...(random.chance(0.3) && { serviceCIDRs: ['10.244.0.16/28'] }),
    ...(random.chance(0.3) && { reuseGracePeriodSeconds: random.pick([5, 45, 90]) }),
    ...(layout.hasNodeReservations && { reservations: nodeReservations(random, name, layout.hasRanges) }),
    ...(layout.hasSettings && name !== DEFAULT_NETWORK && rangeSettings(random)),
    ...(layout.hasMoreBlocks && name !== DEFAULT_NETWORK && { additionalBlocks: additionalBlocks(random) }),
    ...(layout.hasFamilyOrder && { primaryIPFamily: random.pick(['IPv4', 'IPv6']) }),
  };
  return { apiVersion: METAIPAM_API_VERSION, kind: 'PodNetwork', metadata: { name }, spec };
}

/** Some that nobody can have are among them. */
function nodeReservations(random: Random, network: string, hasRanges: boolean): object[] {
  const base = network === DEFAULT_NETWORK ? '10.244.0' : '10.8.0';
  return Array.from({ length: 1 + random.below(2) }, () => ({
    node: `n${random.below(7)}`,
    blocks: [
      hasRanges && network !== DEFAULT_NETWORK && random.chance(0.5)
        ? rangeAt(10 * random.below(6), random.pick([10, 10, 20]))
        : `${base}.${16 * random.below(4)}/28`,
      ...(random.chance(0.3) ? [`fd00:10::${16 * random.below(2)}/124`.replace('::16/', '::10/')] : []),
    ],
  }));
}

function rangeAt(start: number, size: number): string {
  return `10.8.0.${start}-10.8.0.${start + size - 1}`;
}

function additionalBlocks(random: Random): object[] {
  const nodes = new Set([`n${random.below(7)}`, `n${random.below(7)}`]);
  return [...nodes].map((node) => ({ node, count: 1 + random.below(2) }));
}

function rangeSettings(random: Random): object {
  return {
    ...(random.chance(0.5) && {
      subnets: [{ cidr: '10.8.0.0/24', gateway: random.pick(['10.8.0.9', '10.8.0.254']) }],
    }),
    ...(random.chance(0.5) && { routes: [{ dst: random.pick(['0.0.0.0/0', '::/0', '10.96.0.0/12']) }] }),
    ...(random.chance(0.3) && { gatewayIndex: random.pick([0, -1]) }),
    ...(random.chance(0.3) && { excludedAddresses: ['10.8.0.4-10.8.0.20'] }),
    ...(random.chance(0.3) && { perNodeExclusions: [{ startIndex: 1, endIndex: 3 }] }),
  };
}
