/** What has to be true of nodes and their networks once the world is at rest. */
import { covers, type Range } from '../lib/address/range.ts';
import type { Node, ServiceCIDR } from '../lib/kubernetes/core-types.ts';
import { DEFAULT_NETWORK } from '../lib/kubernetes/names.ts';
import type { ClusterCIDR, PodCIDRClaim, PodNetwork } from '../lib/kubernetes/types.ts';
import { networkLabelOf } from '../lib/pod-network/network-label.ts';
import type { Violation } from './invariants.ts';
import {
  blockSizeOf,
  blocksOf,
  blocksShownIn,
  type Held,
  heldIn,
  overlap,
  rangesShownIn,
  storedObjects,
} from './model.ts';
import type { World } from './world.ts';

/** The first thing that is not as it has to be. */
export function checkCalmNodes(world: World): Violation | undefined {
  const view = viewOf(world);
  for (const rule of RULES) for (const violation of rule(view)) return violation;
  return undefined;
}

type Rule = (view: NodesView) => Generator<Violation>;

const RULES: readonly Rule[] = [
  blocksHaveHolders,
  claimsHaveNodes,
  whatIsDeletedGoes,
  countsTellTheTruth,
  nodesShowTheirBlocks,
  nodesHearSettings,
  nodesAreServed,
];

interface NodesView {
  readonly world: World;
  readonly nodes: readonly Node[];
  readonly networks: readonly PodNetwork[];
  readonly clusterCIDRs: readonly ClusterCIDR[];
  readonly allocations: readonly Held[];
  /** Each node in each network that stays. */
  readonly memberships: readonly Membership[];
}

interface Membership {
  readonly node: Node;
  readonly network: PodNetwork;
  readonly isDefault: boolean;
  /** What the network lists for the node. */
  readonly held: readonly Held[];
  /** podCIDRs or annotation, as they are on the node. */
  readonly value: string | undefined;
  /** The blocks in it. */
  readonly shown: readonly string[];
}

function viewOf(world: World): NodesView {
  const { cluster } = world;
  const nodes = storedObjects<Node>(cluster, 'Node');
  const networks = storedObjects<PodNetwork>(cluster, 'PodNetwork');
  const allocations = heldIn(cluster).filter(({ isBlock }) => isBlock);
  const staying = networks.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  return {
    world,
    nodes,
    networks,
    clusterCIDRs: storedObjects<ClusterCIDR>(cluster, 'ClusterCIDR'),
    allocations,
    memberships: staying.flatMap((network) => nodes.map((node) => membership(node, network, allocations))),
  };
}

function membership(node: Node, network: PodNetwork, allocations: readonly Held[]): Membership {
  const { name } = network.metadata;
  const isDefault = name === DEFAULT_NETWORK;
  const value = isDefault
    ? (node.spec?.podCIDRs ?? []).join()
    : node.metadata.annotations?.[`kube-node.nordix.org/${name}`];
  return {
    node,
    network,
    isDefault,
    held: allocations.filter(
      ({ entry, poolRef }) => poolRef.name === name && entry.uid === node.metadata.uid,
    ),
    value,
    shown: value === undefined ? [] : isDefault ? value.split(',') : blocksShownIn(value),
  };
}

function* blocksHaveHolders({ allocations, networks, nodes }: NodesView): Generator<Violation> {
  const rule = 'nothing is left over';
  const uids = new Set(nodes.map(({ metadata }) => metadata.uid));
  for (const { id, entry, poolRef } of allocations) {
    if (!uids.has(entry.uid)) yield { rule, message: id };
    if (!networks.some(({ metadata }) => metadata.uid === poolRef.uid))
      yield { rule, message: `${id} has no network` };
  }
}

function* claimsHaveNodes({ nodes, world }: NodesView): Generator<Violation> {
  const uids = new Set(nodes.map(({ metadata }) => metadata.uid));
  for (const { metadata, spec } of storedObjects<PodCIDRClaim>(world.cluster, 'PodCIDRClaim')) {
    if (!uids.has(spec.nodeUID))
      yield { rule: 'nothing is left over', message: `PodCIDRClaim ${metadata.name}` };
  }
}

function* whatIsDeletedGoes({ allocations, clusterCIDRs, networks }: NodesView): Generator<Violation> {
  for (const { metadata } of [...networks, ...clusterCIDRs]) {
    const isUsed = allocations.some(
      ({ entry, poolRef }) => poolRef.name === metadata.name || entry.clusterCIDR === metadata.name,
    );
    if (metadata.deletionTimestamp !== undefined && !isUsed)
      yield { rule: 'what is deleted goes', message: metadata.name };
  }
}

function* countsTellTheTruth({ allocations, clusterCIDRs, networks }: NodesView): Generator<Violation> {
  for (const { metadata, status } of clusterCIDRs) {
    const network = networks.find(({ metadata: { name } }) => name === networkLabelOf({ metadata }));
    if (network === undefined || network.metadata.deletionTimestamp !== undefined) continue;
    const held = allocations.filter(
      ({ entry, poolRef }) =>
        poolRef.uid === network.metadata.uid &&
        entry.released === undefined &&
        entry.clusterCIDR === metadata.name,
    );
    const count = new Set(held.map(({ entry }) => entry.uid)).size;
    if (status?.nodes !== count)
      yield {
        rule: 'counts tell the truth',
        message: `ClusterCIDR ${metadata.name}: ${status?.nodes} nodes, not ${count}`,
      };
  }
}

function* nodesShowTheirBlocks({ memberships }: NodesView): Generator<Violation> {
  for (const { node, isDefault, held, value, shown } of memberships) {
    const given = isDefault ? held.map(({ key }) => key) : (held[0]?.entry.blocks ?? []);
    if (given.length > 0 && given.toSorted().join() !== shown.toSorted().join())
      yield {
        rule: 'every node gets its blocks',
        message: `${node.metadata.name}: ${value}, not ${given}`,
      };
  }
}

function* nodesHearSettings({ memberships }: NodesView): Generator<Violation> {
  for (const { node, network, isDefault, held, value, shown } of memberships) {
    if (isDefault || value === undefined || held.length === 0) continue;
    if (!saysSettings(network.spec, value, shown))
      yield {
        rule: 'every node hears what its network says of its blocks',
        message: `${node.metadata.name}: ${value}`,
      };
  }
}

function* nodesAreServed(view: NodesView): Generator<Violation> {
  const taken = new Map(view.networks.map((network) => [network, takenIn(network, view)]));
  for (const { node, network, held, value } of view.memberships) {
    const { name } = node.metadata;
    const { additionalBlocks, reservations } = network.spec;
    const wanted = additionalBlocks?.find((each) => each.node === name)?.count ?? 0;
    const isShort = held.length > 0 && held.length < 1 + wanted;
    const isReserved = reservations?.some((each) => each.node === name);
    if (!isShort && (held.length > 0 || value || isReserved)) continue;
    for (const clusterCIDR of view.clusterCIDRs) {
      if (serves(clusterCIDR, network, node) && hasRoom(clusterCIDR, network, taken.get(network)!))
        yield {
          rule: 'every node that can be is served',
          message: `${name} from ${clusterCIDR.metadata.name}`,
        };
    }
  }
}

function serves({ metadata, spec }: ClusterCIDR, network: PodNetwork, node: Node): boolean {
  return (
    networkLabelOf({ metadata }) === network.metadata.name &&
    metadata.deletionTimestamp === undefined &&
    (spec.nodeSelector === undefined || node.metadata.labels?.zone === 'a')
  );
}

function hasRoom(clusterCIDR: ClusterCIDR, network: PodNetwork, taken: readonly Range[]): boolean {
  const { ipv4, ipv6 } = clusterCIDR.spec;
  const ranges = blocksOf([ipv4, ipv6].filter((text) => text !== undefined));
  return ranges.every((range) => {
    const size = blockSizeOf(clusterCIDR, range.family);
    if (size === undefined) return false;
    for (let first = range.first; first + size - 1n <= range.last; first += size) {
      const block = { family: range.family, first, last: first + size - 1n };
      const isFree = !taken.some((other) => overlap(other, block));
      if (isFree && hasAddresses(block, range, network.spec)) return true;
    }
    return false;
  });
}

/**
 * Whether a pod could have any address of the block, tried one by one.
 *
 * @param range that of the ClusterCIDR, the subnet of blocks that are none themselves
 */
function hasAddresses(block: Range, range: Range, spec: PodNetwork['spec']): boolean {
  const { subnets = [], gatewayIndex, excludedAddresses = [], perNodeExclusions = [] } = spec;
  const size = block.last - block.first + 1n;
  if (spec.target !== 'node.metadata.annotations' || size > 256n) return true;
  const place = (index: number) => BigInt(index) + (index < 0 ? size : 0n);
  const isCIDR = (size & (size - 1n)) === 0n && block.first % size === 0n;
  const given = subnets.find(({ cidr }) => blocksOf([cidr]).some((whole) => covers(whole, block)));
  const [subnet = isCIDR ? block : range] = given === undefined ? [] : blocksOf([given.cidr]);
  const isLink = subnet.last - subnet.first < 2n;
  const ofBlock = given === undefined && subnet === block && gatewayIndex !== undefined;
  const [gateway] = blocksOf(given?.gateway === undefined ? [] : [given.gateway]);
  const reserved = [
    ...(gateway
      ? [gateway.first]
      : ofBlock
        ? [block.first + place(gatewayIndex)]
        : isLink
          ? []
          : [subnet.first + 1n]),
    ...(isLink ? [] : [subnet.first]),
    ...(isLink || block.family === 6 ? [] : [subnet.last]),
  ];
  const excluded = blocksOf(excludedAddresses);
  return Array.from({ length: Number(size) }, (_, index) => BigInt(index)).some((index) => {
    const value = block.first + index;
    const address = { family: block.family, first: value, last: value };
    return !(
      reserved.includes(value) ||
      excluded.some((each) => overlap(each, address)) ||
      perNodeExclusions.some((each) => place(each.startIndex) <= index && index <= place(each.endIndex))
    );
  });
}

/** What the network cannot give. */
function takenIn({ metadata, spec }: PodNetwork, { allocations, nodes, world }: NodesView): Range[] {
  const { name } = metadata;
  const { cluster, layout } = world;
  const isDefault = name === DEFAULT_NETWORK;
  const watchesServices = isDefault && layout.serviceCIDRs === 'watched';
  return [
    ...(isDefault ? nodes.flatMap((node) => blocksOf(node.spec?.podCIDRs)) : []),
    ...blocksOf(spec.serviceCIDRs),
    ...(watchesServices
      ? storedObjects<ServiceCIDR>(cluster, 'ServiceCIDR').flatMap((each) => blocksOf(each.spec?.cidrs))
      : []),
    ...blocksOf(spec.reservations?.flatMap(({ blocks }) => blocks)),
    ...blocksOf(allocations.filter(({ poolRef }) => poolRef.name === name).map(({ key }) => key)),
  ];
}

/** Whether an annotation has the routes and the gateways of its network. */
function saysSettings(
  { subnets = [], routes = [] }: PodNetwork['spec'],
  value: string,
  shown: readonly string[],
): boolean {
  const said = value.startsWith('{') ? rangesShownIn(value) : { ranges: value.split(','), routes: [] };
  const isIPv6 = (text: string) => text.includes(':');
  const wanted = routes
    .map(({ dst }) => dst)
    .filter((dst) => shown.some((cidr) => isIPv6(cidr) === isIPv6(dst)));
  return (
    (said.routes ?? []).map(({ dst }) => dst).join() === wanted.join() &&
    said.ranges.every((range) => {
      const [own] = blocksOf([typeof range === 'string' ? range : range.subnet]);
      const subnet = subnets.find(({ cidr }) => blocksOf([cidr]).some((whole) => overlap(whole, own!)));
      return subnet === undefined || (typeof range !== 'string' && range.gateway === subnet.gateway);
    })
  );
}
