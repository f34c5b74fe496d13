/** How full pools and pod networks are, and who waits for them: from the objects of a cluster, nothing else. */
import { FAMILY_BITS, parseAddress } from '../address/address.ts';
import { formatPrefix, type Prefix, parsePrefix, parseRange, type Range, rangeOf } from '../address/range.ts';
import { RangeSet } from '../address/range-set.ts';
import type { Node } from '../kubernetes/core-types.ts';
import { labelValue } from '../kubernetes/label-value.ts';
import {
  ADDRESS_SPACE_LABEL,
  CLUSTER_CIDR_API_VERSION,
  DEFAULT_NETWORK,
  METAIPAM_API_VERSION,
  NETWORK_LABEL,
} from '../kubernetes/names.ts';
import { isPaused, type KubernetesObject, type ObjectMeta, qualifiedName } from '../kubernetes/object.ts';
import { formatProblem } from '../kubernetes/problem.ts';
import type {
  ClusterCIDR,
  Condition,
  IPAddress,
  IPAddressClaim,
  IPAllocation,
  PodCIDRClaim,
  PodNetwork,
} from '../kubernetes/types.ts';
import type { HookContext, Objects } from '../metacontroller/hook.ts';
import { blockLength, readBlockPool } from '../pod-network/block-pool.ts';
import { type BlockAllocation, readBlockAllocation } from '../pod-network/decision.ts';
import { readNetwork } from '../pod-network/network-view.ts';
import { planNetwork } from '../pod-network/plan.ts';
import { sharedAddressSpace } from '../pool/address-space.ts';
import type { Pool } from '../pool/pool-hooks.ts';
import { readPool } from '../pool/spec.ts';
import { brokenRules } from '../validation/rules.ts';
import { refersToOurPool } from './adoption.ts';
import { type Inventory, readInventory } from './inventory.ts';
import { type Counts, countStates, cutSpace, fragmentation, type Space, setOf } from './space.ts';

export interface Overview {
  /** Global ones first, then by namespace and name. */
  readonly pools: readonly PoolOverview[];
  /** By name: every PodNetwork, and what a ClusterCIDR names as its network although there is none. */
  readonly networks: readonly NetworkOverview[];
  /** Claims whose pool does not exist. */
  readonly waitingForNoPool: readonly Waiting[];
}

/** Why something is as it is, in the form of a condition. */
export interface State {
  /** `Ready`, or one CamelCase word for what is the matter. */
  readonly reason: string;
  /** Empty when there is nothing to add. */
  readonly message: string;
}

/** A claim or a node that has not got what it asks for. */
export interface Waiting extends State {
  /** `namespace/name` of the IPAddressClaim, name of the Node. */
  readonly name: string;
}

export interface Usage {
  /** What can be given out: free, used within range and taken. Without the reserved, excluded and gateway. */
  readonly total: bigint;
  /** Taken by claims or nodes, adopted and out of range ones among them: as in a pool's status. */
  readonly used: bigint;
  readonly free: bigint;
  readonly outOfRange: bigint;
  /** The same by state, which adds up to the whole space. */
  readonly counts: Counts;
  /** See `fragmentation`. */
  readonly fragmentation: number;
  readonly space: Space;
}

export interface PoolOverview extends Usage {
  readonly pool: Pool;
  /** `InClusterIPPool default/pool-a`. */
  readonly title: string;
  readonly state: State;
  readonly waiting: readonly Waiting[];
}

export interface NetworkOverview {
  readonly name: string;
  /** Undefined if ClusterCIDRs name a network that does not exist. */
  readonly network: PodNetwork | undefined;
  readonly state: State;
  readonly nodes: number;
  /** How many of them have blocks of this network. */
  readonly allocated: number;
  readonly waiting: readonly Waiting[];
  /** By name. */
  readonly clusterCIDRs: readonly ClusterCIDROverview[];
}

export interface ClusterCIDROverview {
  readonly clusterCIDR: ClusterCIDR;
  readonly state: State;
  /** How many nodes have blocks of it. */
  readonly nodes: number;
  /** One a family; none while the spec is invalid. Counts are of blocks. */
  readonly ranges: readonly BlockRangeOverview[];
}

export interface BlockRangeOverview extends Usage {
  readonly range: Prefix;
  /** `10.244.0.0/16`. */
  readonly cidr: string;
  /** Prefix length of its blocks. */
  readonly blockLength: number;
}

/**
 * The overview of the objects, of which some may be missing or broken: what cannot be read counts as nothing.
 *
 * `context.now` decides only whether the blocks of nodes that are gone are still held.
 */
export function overviewOf(objects: Iterable<KubernetesObject>, context: HookContext): Overview {
  const inventory = readInventory(objects);
  const waitingByPool = Map.groupBy(
    inventory.claims.filter((claim) => refersToOurPool(claim) && isWaiting(claim)),
    poolKeyOf,
  );
  const refusals = Map.groupBy(
    inventory.allocations.filter(({ spec }) => spec.refusal !== undefined),
    ({ spec }) => spec.claimRef.uid,
  );
  const waitingClaims = (key: string) =>
    (waitingByPool.get(key) ?? []).map((claim) => describeWaiting(claim, refusals));
  const known = new Set(inventory.pools.map(poolKey));
  const lost = [...waitingByPool.keys()].filter((key) => !known.has(key));
  const holders = holdersByPool(inventory);
  return {
    pools: inventory.pools.map((pool) => {
      const usage = poolUsage(pool, holders, inventory, context);
      return {
        pool,
        title: `${pool.kind} ${qualifiedName(pool.metadata)}`,
        state: poolState(pool, usage),
        waiting: waitingClaims(poolKey(pool)),
        ...usage,
      };
    }),
    networks: networkNames(inventory).map((name) => networkOverview(name, inventory, context)),
    waitingForNoPool: lost.flatMap(waitingClaims),
  };
}

function poolKey({ kind, metadata }: Pool): string {
  return `${kind} ${qualifiedName(metadata)}`;
}

/** The key of the pool that a claim or an address refers to. */
export function poolKeyOf({ metadata, spec }: IPAddressClaim | IPAddress): string {
  const { kind, name } = spec.poolRef;
  return `${kind} ${kind === 'GlobalInClusterIPPool' ? name : qualifiedName({ ...metadata, name })}`;
}

/** Whether a claim has no address, or not all that comes with it. */
export function isWaiting(claim: IPAddressClaim): boolean {
  if (claim.metadata.deletionTimestamp !== undefined) return false;
  const status = readyOf(claim)?.status;
  return claim.status?.addressRef === undefined || (status !== undefined && status !== 'True');
}

/** @param refusals of pools, by the uid of their claim */
export function describeWaiting(
  claim: IPAddressClaim,
  refusals: ReadonlyMap<string, readonly IPAllocation[]>,
): Waiting {
  const name = qualifiedName(claim.metadata);
  const ready = readyOf(claim);
  const said =
    ready !== undefined && ready.status !== 'True'
      ? ready
      : refusals.get(claim.metadata.uid ?? '')?.[0]?.spec.refusal;
  const { reason = 'Unanswered', message = 'its pool has not answered yet' } = said ?? {};
  return { name, reason, message };
}

type WithConditions = KubernetesObject & { readonly status?: { readonly conditions?: readonly Condition[] } };

function readyOf({ status }: WithConditions): Condition | undefined {
  const { conditions } = status ?? {};
  return Array.isArray(conditions) ? conditions.find((condition) => condition?.type === 'Ready') : undefined;
}

/** What the object itself says of its state; `fallback` when it says that all is well. */
function stateOf(object: WithConditions, fallback: State): State {
  if (object.metadata.deletionTimestamp !== undefined) {
    return { reason: 'Deleting', message: readyOf(object)?.message ?? '' };
  }
  const problems = brokenRules(object);
  if (problems.length > 0) return { reason: 'InvalidSpec', message: problems.map(formatProblem).join('; ') };
  if (isPaused(object)) return { reason: 'Paused', message: '' };
  const ready = readyOf(object);
  if (ready === undefined) return { reason: 'NotSynced', message: 'no controller has looked at it yet' };
  if (ready.status !== 'True') return { reason: ready.reason ?? 'NotReady', message: ready.message ?? '' };
  return fallback;
}

const READY: State = { reason: 'Ready', message: '' };

/** What a pool says of itself, and whether it is full. */
export function poolState(pool: Pool, { free, total }: Pick<Usage, 'free' | 'total'>): State {
  const isExhausted = free === 0n && total > 0n;
  return stateOf(pool, isExhausted ? { reason: 'PoolExhausted', message: 'every address is in use' } : READY);
}

interface Holders {
  /** By the uid of their pool. */
  readonly allocations: ReadonlyMap<string, readonly IPAllocation[]>;
  /** Texts of the addresses of IPAddresses, by the key of their pool. */
  readonly addresses: ReadonlyMap<string, readonly string[]>;
}

function holdersByPool({ allocations, addresses }: Inventory): Holders {
  const byPool = Map.groupBy(addresses.filter(refersToOurPool), poolKeyOf);
  return {
    allocations: Map.groupBy(allocations, ({ spec }) => spec.poolRef.uid),
    addresses: new Map([...byPool].map(([key, list]) => [key, list.map(({ spec }) => spec.address)])),
  };
}

function poolUsage(pool: Pool, holders: Holders, inventory: Inventory, context: HookContext): Usage {
  const allocations = holders.allocations.get(pool.metadata.uid ?? '') ?? [];
  const addressesOf = (some: readonly IPAllocation[]) => some.map(({ spec }) => spec.address);
  return usageOfPool(pool, {
    own: [...addressesOf(allocations), ...(holders.addresses.get(poolKey(pool)) ?? [])],
    adopted: addressesOf(allocations.filter(({ spec }) => spec.adopted)),
    neighbours: addressesOf(neighboursOf(pool, inventory, context)),
  });
}

/** Texts of addresses that are in use; what is none is left out. */
export interface AddressesInUse {
  /** Of the pool, those that were there before among them. */
  readonly own: Iterable<unknown>;
  readonly adopted: Iterable<unknown>;
  /** Of other pools in the address space that the pool shares. */
  readonly neighbours: Iterable<unknown>;
}

/** How a pool is used when these addresses are. */
export function usageOfPool({ spec }: Pool, inUse: AddressesInUse): Usage {
  const own = setOf(inUse.own, parseOne);
  const { ranges } = readPool(spec);
  const listed = ranges === undefined ? RangeSet.EMPTY : setOf(spec.addresses, parseRange);
  const allocatable = ranges?.allocatable ?? RangeSet.EMPTY;
  const space = cutSpace(listed.union(own), [
    ['outOfRange', own.difference(allocatable)],
    ['adopted', setOf(inUse.adopted, parseOne)],
    ['used', own],
    ['gateway', setOf([spec.gateway], parseOne)],
    ['excluded', setOf(ranges === undefined ? [] : (spec.excludedAddresses ?? []), parseRange)],
    ['reserved', listed.difference(allocatable)],
    ['taken', setOf(inUse.neighbours, parseOne)],
  ]);
  return usageOf(space);
}

function parseOne(text: string): Range | undefined {
  const address = parseAddress(text);
  return address && rangeOf(address);
}

/** The allocations of other pools in the address space that the pool shares, if it does. */
function neighboursOf(pool: Pool, { allocations }: Inventory, { config }: HookContext): IPAllocation[] {
  const space = sharedAddressSpace(pool);
  if (space === undefined) return [];
  const home = pool.metadata.namespace ?? config.installNamespace;
  return allocations.filter(
    ({ metadata, spec }) =>
      metadata.labels?.[ADDRESS_SPACE_LABEL] === space &&
      metadata.namespace === home &&
      spec.poolRef.uid !== pool.metadata.uid,
  );
}

function usageOf(space: Space): Usage {
  const counts = countStates(space);
  const { free, used, adopted, taken, outOfRange } = counts;
  return {
    total: free + used + adopted + taken,
    used: used + adopted + outOfRange,
    free,
    outOfRange,
    counts,
    fragmentation: fragmentation(space),
    space,
  };
}

/** A ClusterCIDR's label is a network's name, hashed where that is too long for a label. */
function networkNames({ networks, clusterCIDRs }: Inventory): string[] {
  const names = new Map(networks.map(({ metadata: { name } }) => [labelValue(name), name]));
  for (const { metadata } of clusterCIDRs) {
    const label = networkLabelOf(metadata);
    if (!names.has(label)) names.set(label, label);
  }
  return [...names.values()].sort();
}

function networkLabelOf({ labels }: ObjectMeta): string {
  return labels?.[NETWORK_LABEL] ?? DEFAULT_NETWORK;
}

/** Decides nothing: a network that would serve a node at its next sync is said not to have done so yet. */
function networkOverview(name: string, inventory: Inventory, context: HookContext): NetworkOverview {
  const label = labelValue(name);
  const network = inventory.networks.find(({ metadata }) => metadata.name === name);
  const clusterCIDRs = inventory.clusterCIDRs.filter(({ metadata }) => networkLabelOf(metadata) === label);
  const allocations = inventory.allocations.filter(
    ({ metadata }) => metadata.labels?.[NETWORK_LABEL] === label,
  );
  const nodes = nodesOf(inventory);
  const blocks = allocations
    .map((allocation) => readBlockAllocation(allocation))
    .filter((each) => each !== undefined);
  const holders = new Set(blocks.map(({ nodeUID }) => nodeUID));
  const isServed = ({ spec }: PodCIDRClaim) =>
    name === DEFAULT_NETWORK ? (spec.podCIDRs ?? []).length > 0 : holders.has(spec.nodeUID);
  const waiting =
    network === undefined
      ? []
      : waitingNodes(
          network,
          clusterCIDRs,
          allocations,
          nodes.filter((node) => !isServed(node)),
          nodes,
          context,
        );
  return {
    name,
    network,
    state:
      network === undefined
        ? { reason: 'NotFound', message: `there is no PodNetwork ${name}` }
        : stateOf(network, READY),
    nodes: nodes.length,
    allocated: nodes.filter(isServed).length,
    waiting,
    clusterCIDRs: clusterCIDRs.map((clusterCIDR) =>
      clusterCIDROverview(clusterCIDR, blocks, occupiedBeside(network, nodes, name)),
    ),
  };
}

/** The Nodes as the claims that the nodes hook makes of them; its claims themselves where no Node is given. */
function nodesOf({ nodes, podCIDRClaims }: Inventory): readonly PodCIDRClaim[] {
  if (nodes.length === 0) return podCIDRClaims;
  return nodes.map(({ metadata, spec }) => ({
    apiVersion: METAIPAM_API_VERSION,
    kind: 'PodCIDRClaim',
    metadata: {
      name: metadata.name,
      ...(metadata.creationTimestamp && { creationTimestamp: metadata.creationTimestamp }),
    },
    spec: {
      nodeUID: metadata.uid ?? '',
      nodeLabels: metadata.labels ?? {},
      podCIDRs: podCIDRsOf({ spec } as Node),
    },
  }));
}

/** The podCIDRs of a node, as far as they are texts. */
export function podCIDRsOf({ spec }: Pick<Node, 'spec'>): readonly string[] {
  const given: unknown = spec?.podCIDRs ?? (spec?.podCIDR ? [spec.podCIDR] : []);
  return Array.isArray(given) ? given.filter((text) => typeof text === 'string') : [];
}

function waitingNodes(
  network: PodNetwork,
  clusterCIDRs: readonly ClusterCIDR[],
  allocations: readonly IPAllocation[],
  unserved: readonly PodCIDRClaim[],
  nodes: readonly PodCIDRClaim[],
  context: HookContext,
): Waiting[] {
  if (unserved.length === 0) return [];
  const reading = readNetwork({
    parent: network,
    children: { [`IPAllocation.${METAIPAM_API_VERSION}`]: byName(allocations) },
    related: {
      [`PodCIDRClaim.${METAIPAM_API_VERSION}`]: byName(nodes),
      [`ClusterCIDR.${CLUSTER_CIDR_API_VERSION}`]: byName(clusterCIDRs),
    },
  });
  const because = (reason: string, message: string) =>
    unserved.map(({ metadata }) => ({ name: metadata.name, reason, message }));
  if (reading.problems.length > 0) {
    return because('NetworkNotReady', `PodNetwork ${network.metadata.name} is invalid`);
  }
  if (network.metadata.deletionTimestamp !== undefined) {
    return because('NetworkNotReady', `PodNetwork ${network.metadata.name} is being deleted`);
  }
  const plan = planNetwork(reading, context);
  const reasons = new Map(plan.waiting.map(({ name, reason }) => [name, reason]));
  const chosen = new Set(
    [...plan.kept.map(({ allocation }) => allocation), ...plan.added].map(({ spec }) => spec.claimRef.name),
  );
  return unserved.flatMap(({ metadata: { name } }) => {
    const message = reasons.get(name);
    if (message !== undefined) return [{ name, reason: 'PodCIDRsPending', message }];
    // No ClusterCIDR of a secondary network selects it: it is not meant to be in there.
    if (!chosen.has(name)) return [];
    return [{ name, reason: 'PodCIDRsPending', message: 'its blocks are chosen and not on the node yet' }];
  });
}

function byName<T extends KubernetesObject>(objects: readonly T[]): Objects<T> {
  return Object.fromEntries(objects.map((object) => [qualifiedName(object.metadata), object]));
}

interface Beside {
  readonly services: RangeSet;
  /** What nodes have, whether or not there is an allocation of it. */
  readonly podCIDRs: RangeSet;
}

function occupiedBeside(
  network: PodNetwork | undefined,
  nodes: readonly PodCIDRClaim[],
  name: string,
): Beside {
  const services: unknown = network?.spec.serviceCIDRs;
  return {
    services: setOf(Array.isArray(services) ? services : [], parsePrefix),
    podCIDRs:
      name === DEFAULT_NETWORK
        ? setOf(
            nodes.flatMap(({ spec }) => spec.podCIDRs ?? []),
            parsePrefix,
          )
        : RangeSet.EMPTY,
  };
}

function clusterCIDROverview(
  clusterCIDR: ClusterCIDR,
  blocks: readonly BlockAllocation[],
  beside: Beside,
): ClusterCIDROverview {
  const { pool } = readBlockPool(clusterCIDR);
  const isOwn = ({ allocation }: BlockAllocation) =>
    allocation.spec.poolRef.name === clusterCIDR.metadata.name;
  const own = blocks.filter(isOwn);
  const others = blocks.filter((each) => !isOwn(each));
  const ranges = (pool?.ranges ?? []).map((range): BlockRangeOverview => {
    const length = blockLength(pool!, range);
    const unit = 1n << BigInt(FAMILY_BITS[range.family] - length);
    const grown = (some: Iterable<Range>) => growToBlocks(some, range, unit);
    const space = cutSpace(
      RangeSet.of([range]),
      [
        ['adopted', grown(own.filter(({ allocation }) => allocation.spec.adopted).map(({ block }) => block))],
        ['used', grown(own.map(({ block }) => block))],
        ['taken', grown([...others.map(({ block }) => block), ...beside.podCIDRs.ranges])],
        ['reserved', grown(beside.services.ranges)],
      ],
      unit,
    );
    return { range, cidr: formatPrefix(range), blockLength: length, ...usageOf(space) };
  });
  const isFull = ranges.some(({ free }) => free === 0n);
  return {
    clusterCIDR,
    state: stateOf(clusterCIDR, isFull ? { reason: 'PoolExhausted', message: 'no block is free' } : READY),
    nodes: new Set(own.map(({ nodeUID }) => nodeUID)).size,
    ranges,
  };
}

/** Every block of `unit` addresses in `pool` that shares an address with a range. */
function growToBlocks(ranges: Iterable<Range>, pool: Prefix, unit: bigint): RangeSet {
  const grown: Range[] = [];
  for (const { family, first, last } of ranges) {
    if (family !== pool.family || last < pool.first || first > pool.last) continue;
    const lowest = first < pool.first ? pool.first : first;
    const highest = last > pool.last ? pool.last : last;
    grown.push({ family, first: lowest - (lowest % unit), last: highest - (highest % unit) + unit - 1n });
  }
  return RangeSet.of(grown);
}
