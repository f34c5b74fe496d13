/** How full pools and pod networks are, and who waits for them: from the objects of a cluster, nothing else. */
import { FAMILY_BITS } from '../address/address.ts';
import { formatPrefix, type Prefix, parsePrefix, parseRange, type Range } from '../address/range.ts';
import { RangeSet } from '../address/range-set.ts';
import { SLICES_MISSING } from '../allocation/lost.ts';
import type { Allocation } from '../allocation/slice.ts';
import type { Node } from '../kubernetes/core-types.ts';
import { labelValue } from '../kubernetes/label-value.ts';
import {
  CLUSTER_CIDR_API_VERSION,
  DEFAULT_NETWORK,
  METAIPAM_API_VERSION,
  NETWORK_LABEL,
} from '../kubernetes/names.ts';
import { isPaused, type KubernetesObject, type ObjectMeta, qualifiedName } from '../kubernetes/object.ts';
import { formatProblem } from '../kubernetes/problem.ts';
import type {
  AllocationSlice,
  ClusterCIDR,
  Condition,
  IPAddressClaim,
  PodCIDRClaim,
  PodNetwork,
  SliceAnswer,
} from '../kubernetes/types.ts';
import type { HookContext, Objects } from '../metacontroller/hook.ts';
import { blockLength, readBlockPool } from '../pod-network/block-pool.ts';
import { readNetwork } from '../pod-network/network-view.ts';
import { planNetwork } from '../pod-network/plan.ts';
import { type Pool, poolTitle } from '../pool/pool.ts';
import { isOurs } from '../pool/reference.ts';
import { readPool } from '../pool/spec.ts';
import { poolConditions } from '../pool/status.ts';
import { brokenRules } from '../validation/rules.ts';
import { type Inventory, readInventory } from './inventory.ts';
import { accountsOf, type PoolAccount, poolTitleOf } from './pool-account.ts';
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

/** The state of a pool, network or ClusterCIDR. */
export interface ObjectState extends State {
  /** What its condition Ready says: a pool is ready too when it is full. */
  readonly isReady: boolean;
}

/** A claim or a node that has not got what it asks for. */
export interface Waiting extends State {
  /** `namespace/name` of the IPAddressClaim, name of the Node. */
  readonly name: string;
}

export interface Usage {
  /** What can be given out: free, used within range and taken. Without the reserved, excluded and gateway. */
  readonly total: bigint;
  /** Taken by claims or nodes, adopted and out of range ones among them. These counts are those of a pool's status. */
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
  readonly state: ObjectState;
  readonly waiting: readonly Waiting[];
}

export interface NetworkOverview {
  readonly name: string;
  /** Undefined if ClusterCIDRs name a network that does not exist. */
  readonly network: PodNetwork | undefined;
  readonly state: ObjectState;
  readonly nodes: number;
  /** How many of them have blocks of this network. */
  readonly allocated: number;
  readonly waiting: readonly Waiting[];
  /** By name. */
  readonly clusterCIDRs: readonly ClusterCIDROverview[];
}

export interface ClusterCIDROverview {
  readonly clusterCIDR: ClusterCIDR;
  readonly state: ObjectState;
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
  const waiting = Map.groupBy(
    inventory.claims.filter((claim) => isOurs(claim) && isWaiting(claim)),
    poolTitleOf,
  );
  const pools = accountsOf(inventory, context).map((account) =>
    poolOverview(account, waiting.get(poolTitle(account.pool)) ?? []),
  );
  for (const { title } of pools) waiting.delete(title);
  return {
    pools,
    networks: networkNames(inventory).map((name) => networkOverview(name, inventory, context)),
    waitingForNoPool: [...waiting.values()].flat().map((claim) => describeWaiting(claim)),
  };
}

/** Whether a claim has no address, or not all that comes with it. */
export function isWaiting(claim: IPAddressClaim): boolean {
  if (claim.metadata.deletionTimestamp !== undefined) return false;
  const status = readyOf(claim)?.status;
  return claim.status?.addressRef === undefined || (status !== undefined && status !== 'True');
}

/** @param answers of its pool, by the uids of claims */
export function describeWaiting(
  claim: IPAddressClaim,
  answers: ReadonlyMap<string | undefined, SliceAnswer> = new Map(),
): Waiting {
  const name = qualifiedName(claim.metadata);
  const ready = readyOf(claim);
  const said = ready !== undefined && ready.status !== 'True' ? ready : answers.get(claim.metadata.uid);
  const { reason = 'Unanswered', message = 'its pool has not answered yet' } = said ?? {};
  return { name, reason, message };
}

type WithConditions = KubernetesObject & { readonly status?: { readonly conditions?: readonly Condition[] } };

function readyOf({ status }: WithConditions): Condition | undefined {
  const { conditions } = status ?? {};
  return Array.isArray(conditions) ? conditions.find((condition) => condition?.type === 'Ready') : undefined;
}

/** What the object says of its state; `fallback` when it says that all is well. */
function stateOf(object: WithConditions, fallback: ObjectState): ObjectState {
  const ready = readyOf(object);
  if (object.metadata.deletionTimestamp !== undefined) {
    return notReady({ reason: 'Deleting', message: ready?.message ?? '' });
  }
  const problems = brokenRules(object);
  if (problems.length > 0) {
    return notReady({ reason: 'InvalidSpec', message: problems.map(formatProblem).join('; ') });
  }
  if (isPaused(object)) return notReady({ reason: 'Paused', message: '' });
  return ready?.status === 'True' ? fallback : notReady(ready);
}

const READY: ObjectState = { reason: 'Ready', message: '', isReady: true };

/** What the conditions of a pool come to, those of its status or those that its hook would write now. */
export function poolState(conditions: readonly Omit<Condition, 'lastTransitionTime'>[]): ObjectState {
  const find = (type: string, status: string) =>
    conditions.find((condition) => condition?.type === type && condition.status === status);
  const ready = find('Ready', 'True');
  if (ready === undefined) return notReady(find('Ready', 'False'));
  const lost = find(SLICES_MISSING, 'True');
  if (lost !== undefined) return { reason: SLICES_MISSING, message: lost.message, isReady: true };
  const exhausted = find('Exhausted', 'True');
  if (exhausted === undefined) return READY;
  return { reason: 'PoolExhausted', message: exhausted.message, isReady: true };
}

function notReady(ready: Partial<State> | undefined): ObjectState {
  if (ready === undefined) {
    return { reason: 'NotSynced', message: 'no controller has looked at it yet', isReady: false };
  }
  return { reason: ready.reason ?? 'NotReady', message: ready.message ?? '', isReady: false };
}

function poolOverview({ pool, view, plan }: PoolAccount, claims: readonly IPAddressClaim[]): PoolOverview {
  const isSynced = readyOf(pool) !== undefined;
  const listed = [...plan.slices.kept, ...plan.slices.added];
  const adopted = listed.filter(({ entry }) => entry.adopted === true).map(({ block }) => block);
  return {
    pool,
    title: poolTitle(pool),
    state: poolState(isSynced ? poolConditions(view, plan) : []),
    waiting: claims.map((claim) => describeWaiting(claim, plan.slices.answers)),
    ...usageOfPool(pool, { used: plan.used, adopted: RangeSet.of(adopted), taken: plan.taken }),
  };
}

/** Addresses that are in use. */
export interface AddressesInUse {
  /** Taken from the pool, adopted ones among them. */
  readonly used: RangeSet;
  readonly adopted: RangeSet;
  /** What else is not free. */
  readonly taken: RangeSet;
}

/** How a pool is used when these addresses are. */
export function usageOfPool({ spec }: Pool, { used, adopted, taken }: AddressesInUse): Usage {
  const { ranges } = readPool(spec);
  const listed = ranges === undefined ? RangeSet.EMPTY : setOf(spec.addresses, parseRange);
  const allocatable = ranges?.allocatable ?? RangeSet.EMPTY;
  const space = cutSpace(listed.union(used), [
    ['outOfRange', used.difference(allocatable)],
    ['adopted', adopted],
    ['used', used],
    ['gateway', setOf([spec.gateway], parseRange)],
    ['excluded', setOf(ranges === undefined ? [] : (spec.excludedAddresses ?? []), parseRange)],
    ['reserved', listed.difference(allocatable)],
    ['taken', taken],
  ]);
  return usageOf(space);
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

/** The label value of the network that a slice is of. */
export function networkOf({ metadata, spec }: AllocationSlice): string | undefined {
  return spec.poolRef.kind === 'PodNetwork' ? metadata.labels?.[NETWORK_LABEL] : undefined;
}

/** Decides nothing: a network that would serve a node at its next sync is said not to have done so yet. */
function networkOverview(name: string, inventory: Inventory, context: HookContext): NetworkOverview {
  const label = labelValue(name);
  const network = inventory.networks.find(({ metadata }) => metadata.name === name);
  const clusterCIDRs = inventory.clusterCIDRs.filter(({ metadata }) => networkLabelOf(metadata) === label);
  const blocks = inventory.allocations.filter(({ slice }) => networkOf(slice) === label);
  const nodes = nodesOf(inventory);
  const holders = new Set(
    blocks.filter(({ entry }) => entry.released === undefined).map(({ entry }) => entry.uid),
  );
  const isServed = ({ spec }: PodCIDRClaim) =>
    name === DEFAULT_NETWORK ? (spec.podCIDRs ?? []).length > 0 : holders.has(spec.nodeUID);
  const waiting =
    network === undefined
      ? []
      : waitingNodes(
          network,
          clusterCIDRs,
          inventory.slices.filter((slice) => networkOf(slice) === label),
          nodes.filter((node) => !isServed(node)),
          nodes,
          context,
        );
  return {
    name,
    network,
    state:
      network === undefined
        ? notReady({ reason: 'NotFound', message: `there is no PodNetwork ${name}` })
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
  slices: readonly AllocationSlice[],
  unserved: readonly PodCIDRClaim[],
  nodes: readonly PodCIDRClaim[],
  context: HookContext,
): Waiting[] {
  if (unserved.length === 0) return [];
  const reading = readNetwork({
    parent: network,
    children: { [`AllocationSlice.${METAIPAM_API_VERSION}`]: byName(slices) },
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
  blocks: readonly Allocation[],
  beside: Beside,
): ClusterCIDROverview {
  const { pool } = readBlockPool(clusterCIDR);
  const isOwn = ({ entry }: Allocation) => entry.clusterCIDR === clusterCIDR.metadata.name;
  const own = blocks.filter(isOwn);
  const others = blocks.filter((each) => !isOwn(each));
  const ranges = (pool?.ranges ?? []).map((range): BlockRangeOverview => {
    const length = blockLength(pool!, range);
    const unit = 1n << BigInt(FAMILY_BITS[range.family] - length);
    const grown = (some: Iterable<Range>) => growToBlocks(some, range, unit);
    const space = cutSpace(
      RangeSet.of([range]),
      [
        ['adopted', grown(own.filter(({ entry }) => entry.adopted).map(({ block }) => block))],
        ['used', grown(own.map(({ block }) => block))],
        ['taken', grown([...others.map(({ block }) => block), ...beside.podCIDRs.ranges])],
        ['reserved', grown(beside.services.ranges)],
      ],
      unit,
    );
    return { range, cidr: formatPrefix(range), blockLength: length, ...usageOf(space) };
  });
  const isFull = ranges.some(({ free }) => free === 0n);
  const full: ObjectState = { reason: 'PoolExhausted', message: 'no block is free', isReady: false };
  return {
    clusterCIDR,
    state: stateOf(clusterCIDR, isFull ? full : READY),
    nodes: new Set(own.filter(({ entry }) => entry.released === undefined).map(({ entry }) => entry.uid)).size,
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
