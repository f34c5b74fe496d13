/** How much of the blocks of pod networks is used, and which nodes wait for some. */
import { formatBlockSize, growToBlocks } from '../address/blocks.ts';
import { formatPrefix, type Prefix, type Range } from '../address/range.ts';
import { RangeSet } from '../address/range-set.ts';
import { labelValue } from '../kubernetes/label-value.ts';
import { METAIPAM_API_VERSION, NETWORK_LABEL } from '../kubernetes/names.ts';
import { compareText } from '../kubernetes/object.ts';
import type {
  AllocationSlice,
  ClusterCIDR,
  PodCIDRClaim,
  PodNetwork,
  SliceAnswer,
} from '../kubernetes/types.ts';
import type { HookContext } from '../metacontroller/hook.ts';
import { type BlockPool, readBlockPool } from '../pod-network/block-pool.ts';
import { clusterCIDRAnswers, READY } from '../pod-network/cluster-cidr-answer.ts';
import { familyRemarks } from '../pod-network/families.ts';
import { networkLabelOf } from '../pod-network/network-label.ts';
import { labelKeysDigest } from '../pod-network/network-slices.ts';
import { decideNetwork, type NetworkStandstill, networkStatus } from '../pod-network/network-status.ts';
import { labelKeysOf, type NetworkReading, readNetwork } from '../pod-network/network-view.ts';
import type { NodeRemark, Plan } from '../pod-network/plan.ts';
import { podCIDRsOf } from '../pod-network/pod-cidr.ts';
import { type BlockUsage, networkUsage, nodesByClusterCIDR, unusedBlocks } from '../pod-network/usage.ts';
import type { Inventory } from './inventory.ts';
import { countStates, cutSpace, fragmentation } from './space.ts';
import { type ObjectState, stateOf, type Waiting } from './state.ts';
import type { Usage } from './usage.ts';

export interface NetworkOverview {
  readonly name: string;
  /** Undefined if ClusterCIDRs name a network that does not exist. */
  readonly network: PodNetwork | undefined;
  readonly state: ObjectState;
  readonly nodes: number;
  /** How many of them have blocks of this network, or get them at its next sync. */
  readonly allocated: number;
  /** Those that do not, and those whose blocks have not arrived at the node. */
  readonly waiting: readonly Waiting[];
  /** Those whose families are not what a new node in their place would get. */
  readonly differing: readonly NodeRemark[];
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

interface BlockRangeOverview extends Usage {
  readonly range: Prefix;
  /** `10.244.0.0/16`. */
  readonly cidr: string;
  /** What its blocks are: `/24`, or `50 addresses`. */
  readonly blocks: string;
  /** How many addresses each has. */
  readonly blockSize: bigint;
}

/** By name: every PodNetwork, and what a ClusterCIDR names as its network although there is none. */
export function networkOverviews(inventory: Inventory, context: HookContext): NetworkOverview[] {
  const byLabel = Map.groupBy(inventory.clusterCIDRs, networkLabelOf);
  const names = new Map(inventory.networks.map(({ metadata: { name } }) => [labelValue(name), name]));
  const known = new Map(inventory.networks.map((network) => [network.metadata.name, network]));
  // A ClusterCIDR's label is a network's name, hashed where that is too long for a label.
  for (const label of byLabel.keys()) if (!names.has(label)) names.set(label, label);
  return [...names]
    .map(([label, name]) => {
      const network = known.get(name);
      const clusterCIDRs = byLabel.get(label) ?? [];
      return network === undefined
        ? withoutNetwork(name, clusterCIDRs, inventory)
        : networkOverview(accountOf(network, clusterCIDRs, inventory, context), context);
    })
    .sort((a, b) => compareText(a.name, b.name));
}

/** The label value of the network that a slice is of; undefined if it is a pool's. */
export function networkOf({ metadata, spec }: AllocationSlice): string | undefined {
  return spec.poolRef.kind === 'PodNetwork' ? metadata.labels?.[NETWORK_LABEL] : undefined;
}

/** What a network makes of the objects of a whole cluster. It is its hook's plan. */
interface NetworkAccount {
  readonly network: PodNetwork;
  readonly reading: NetworkReading;
  readonly plan: Plan;
  readonly standstill: NetworkStandstill | undefined;
}

function accountOf(
  network: PodNetwork,
  clusterCIDRs: readonly ClusterCIDR[],
  inventory: Inventory,
  context: HookContext,
): NetworkAccount {
  const { name, uid, deletionTimestamp } = network.metadata;
  const slices = inventory.slices.filter(
    (slice) =>
      networkOf(slice) === labelValue(name) && slice.metadata.namespace === context.config.installNamespace,
  );
  const isMine = ({ spec }: AllocationSlice) => spec.poolRef.uid === uid;
  const reading = readNetwork({
    network,
    claims: claimsOfNodes(network.metadata.name, inventory, clusterCIDRs),
    clusterCIDRs,
    serviceCIDRs: inventory.serviceCIDRs,
    slices: slices.filter(isMine),
    leftovers: slices.filter((slice) => !isMine(slice)),
  });
  return { network, reading, ...decideNetwork(reading, context, deletionTimestamp !== undefined) };
}

/** The Nodes as the claims that the nodes hook makes of them; its claims themselves where no Node is given. */
function claimsOfNodes(
  network: string,
  { nodes, podCIDRClaims }: Inventory,
  clusterCIDRs: readonly ClusterCIDR[],
): readonly PodCIDRClaim[] {
  if (nodes.length === 0) return podCIDRClaims;
  const keys = labelKeysOf(clusterCIDRs.flatMap((each) => readBlockPool(each).pool ?? []));
  const labelKeys = { [network]: labelKeysDigest(keys) };
  return nodes.map((node) => {
    const { name, uid = name, labels = {}, annotations, creationTimestamp, resourceVersion } = node.metadata;
    return {
      apiVersion: METAIPAM_API_VERSION,
      kind: 'PodCIDRClaim',
      metadata: {
        name,
        ...(creationTimestamp && { creationTimestamp }),
        ...(resourceVersion && { resourceVersion }),
      },
      spec: {
        nodeUID: uid,
        nodeLabels: labels,
        labelKeys,
        ...(annotations && { nodeAnnotations: annotations }),
        podCIDRs: podCIDRsOf(node),
      },
    };
  });
}

function networkOverview(account: NetworkAccount, { now }: HookContext): NetworkOverview {
  const { network, reading, plan, standstill } = account;
  const { conditions } = networkStatus(reading, plan, standstill, now);
  const answers = clusterCIDRAnswers(reading, plan, standstill);
  const usages = networkUsage(reading, plan);
  const counts = nodesByClusterCIDR(plan);
  return {
    name: network.metadata.name,
    network,
    state: stateOf(network, conditions),
    nodes: reading.nodes.length,
    allocated: plan.allocated,
    waiting: waitingNodes(account),
    differing: familyRemarks(reading, plan),
    clusterCIDRs: reading.objects.clusterCIDRs.map((clusterCIDR) => {
      const { name, uid = '' } = clusterCIDR.metadata;
      const nodes = counts.get(name) ?? 0;
      const { pool } = readBlockPool(clusterCIDR);
      const state = stateOfAnswer(clusterCIDR, answers.get(uid));
      const ranges = pool ? rangesOf(pool, usages.get(name) ?? [], reading, plan) : [];
      return { clusterCIDR, state, nodes, ranges };
    }),
  };
}

/** ClusterCIDRs that nobody gives anything of. */
function withoutNetwork(
  name: string,
  clusterCIDRs: readonly ClusterCIDR[],
  { nodes }: Inventory,
): NetworkOverview {
  const message = `there is no PodNetwork ${name}`;
  return {
    name,
    network: undefined,
    state: { reason: 'NotFound', message, isReady: false },
    nodes: nodes.length,
    allocated: 0,
    waiting: [],
    differing: [],
    clusterCIDRs: clusterCIDRs.map((clusterCIDR) => {
      const { pool } = readBlockPool(clusterCIDR);
      const blocks = pool ? unusedBlocks(pool) : [];
      const state = { reason: 'NetworkNotFound', message, isReady: false };
      return { clusterCIDR, state, nodes: 0, ranges: pool ? rangesOf(pool, blocks) : [] };
    }),
  };
}

/** What the network says of the ClusterCIDR, once its status says anything. */
function stateOfAnswer(clusterCIDR: ClusterCIDR, answer: SliceAnswer | undefined): ObjectState {
  if (answer === undefined) return stateOf(clusterCIDR);
  const { reason, message = '' } = answer;
  const ready = reason === READY ? ('True' as const) : ('False' as const);
  return stateOf(clusterCIDR, [{ type: 'Ready', status: ready, reason, message }]);
}

function waitingNodes({ network, reading, plan, standstill }: NetworkAccount): Waiting[] {
  const refused = new Map(plan.waiting.map((remark) => [remark.name, remark.reason]));
  const isServed = ({ uid, podCIDRs, shown }: NetworkReading['nodes'][number]) =>
    reading.isDefault ? podCIDRs.length > 0 : shown !== undefined || !plan.homes.has(uid);
  return reading.nodes.flatMap((node): Waiting[] => {
    const why = refused.get(node.name);
    const { name } = node;
    const held = why === undefined ? ({ isHeldUp: true } as const) : {};
    if (standstill !== undefined && (why !== undefined || !isServed(node))) {
      const said = standstill.reason === 'Deleting' ? 'is being deleted' : 'is invalid';
      const message = `PodNetwork ${network.metadata.name} ${said}`;
      return [{ name, reason: 'NetworkNotReady', message, ...held }];
    }
    const reason = 'PodCIDRsPending';
    if (why !== undefined) return [{ name, reason, message: why }];
    if (isServed(node) || !plan.homes.has(node.uid)) return [];
    return [{ name, reason, message: 'its blocks are chosen and not on the node yet', ...held }];
  });
}

function rangesOf(
  pool: BlockPool,
  blocks: readonly BlockUsage[],
  reading?: NetworkReading,
  plan?: Plan,
): BlockRangeOverview[] {
  const listed = [...(plan?.kept ?? []), ...(plan?.added ?? [])];
  const own = listed.filter(({ entry }) => entry.clusterCIDR === pool.name);
  const blocksOf = (some: readonly { readonly block: Range }[] = []) => some.map(({ block }) => block);
  const taken = [
    ...blocksOf(reading?.allocations),
    ...blocksOf(listed),
    ...(reading?.nodes ?? []).flatMap(({ blocks }) => blocks),
    ...(reading?.stray ?? []),
    ...(reading?.blocked ?? []),
  ];
  return pool.ranges.map((range, index) => {
    const size = pool.sizes[range.family];
    const grown = (some: Iterable<Range>) => growToBlocks(range, size, some);
    const space = cutSpace(
      grown([range]),
      [
        ['adopted', grown(blocksOf(own.filter(({ entry }) => entry.adopted)))],
        ['used', grown(blocksOf(own))],
        ['taken', grown(taken)],
        ['excluded', reading?.ranges.unusable(range, size) ?? RangeSet.EMPTY],
        ['reserved', grown(reading?.services ?? [])],
      ],
      size,
    );
    const { total = 0n, used = 0n, free = 0n } = blocks[index] ?? {};
    return {
      range,
      cidr: formatPrefix(range),
      blocks: formatBlockSize(range.family, size),
      blockSize: size,
      total,
      used,
      free,
      outOfRange: 0n,
      counts: countStates(space),
      fragmentation: fragmentation(space),
      space,
    };
  });
}
