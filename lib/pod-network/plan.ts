import { UsedRanges } from '../address/blocks.ts';
import { covers, formatPrefix, type Prefix, parsePrefix, type Range } from '../address/range.ts';
import { claimIsGone, secondsSince } from '../allocation/release.ts';
import { CLUSTER_CIDR_API_VERSION, RELEASED_AT_ANNOTATION } from '../kubernetes/names.ts';
import { formatTime } from '../kubernetes/time.ts';
import type { IPAllocation, IPAllocationSpec, PoolReference } from '../kubernetes/types.ts';
import type { HookContext } from '../metacontroller/hook.ts';
import { listSome } from '../text.ts';
import { type BlockPool, blockLength } from './block-pool.ts';
import { type BlockAllocation, type Decision, decisionsOf } from './decision.ts';
import { candidateFinder } from './priority.ts';
import type { SelectableNode } from './selector.ts';

const CLUSTER_CIDR_GROUP = CLUSTER_CIDR_API_VERSION.split('/')[0]!;

/** A node that lives, as its PodCIDRClaim tells. */
export interface NodeView extends SelectableNode {
  readonly uid: string;
  /** The podCIDRs that the network has to respect; empty if the node has none yet, or in another target. */
  readonly podCIDRs: readonly string[];
  /** The podCIDRs that can be read. */
  readonly blocks: readonly Prefix[];
}

export interface NetworkView {
  /** Oldest first. */
  readonly nodes: readonly NodeView[];
  /**
   * Whether a node that no ClusterCIDR selects waits for one that does. Every node needs podCIDRs, but not every
   * node is meant to be in a secondary network.
   */
  readonly awaitsEveryNode: boolean;
  /** In the order of `comparePools`. */
  readonly pools: readonly BlockPool[];
  readonly allocations: readonly BlockAllocation[];
  /** Blocks whose allocations say nothing that can be read, other than by their name. */
  readonly occupied: readonly Range[];
  /** Never given out: the ranges of services, and what else is in use. */
  readonly reserved: readonly Range[];
  readonly reuseGracePeriodSeconds: number;
  /** The highest resourceVersion among the PodCIDRClaims. */
  readonly newestClaimVersion?: string;
}

export interface Plan {
  /** What stays. `releasedAt` is set while a block waits for its grace period to end. */
  readonly kept: readonly { allocation: IPAllocation; releasedAt?: string }[];
  readonly added: readonly Addition[];
  /** How many nodes have all their blocks. */
  readonly allocated: number;
  /** The nodes without blocks, oldest first. */
  readonly waiting: readonly NodeRemark[];
  /** Nodes whose podCIDRs, which nobody can change, no ClusterCIDR accounts for. */
  readonly unaccounted: readonly NodeRemark[];
  /** When time alone changes the plan. */
  readonly changesInSeconds?: number;
}

export interface Addition {
  readonly block: Prefix;
  readonly spec: IPAllocationSpec;
}

export interface NodeRemark {
  readonly name: string;
  readonly reason: string;
}

/**
 * Decides for all nodes of a network at once.
 *
 * 1. podCIDRs that nodes have are facts: their allocations follow them, and nobody else gets them.
 * 2. Of what was decided before, the older goes first: a decision stays unless it overlaps a fact or an older
 *    one, or a block of it that has no allocation yet has become another's. Its missing allocations are made
 *    again.
 * 3. Blocks of nodes that are gone are dropped, or held until their grace period ends.
 * 4. Nodes without blocks, oldest first, get the lowest free ones of the best ClusterCIDR that has any.
 *
 * What is dropped here counts as used for this once: its name is free only when its object is gone.
 */
export function planNetwork(view: NetworkView, context: HookContext): Plan {
  return new Planner(view, context).plan();
}

class Planner {
  readonly #view: NetworkView;
  readonly #context: HookContext;
  readonly #nodes: ReadonlyMap<string, NodeView>;
  readonly #candidatesFor: ReturnType<typeof candidateFinder>;
  /** The blocks of every allocation in view, whatever becomes of it. */
  readonly #existing: UsedRanges;
  /** The facts, and each decision that stays. */
  readonly #taken: UsedRanges;

  readonly #kept: Plan['kept'][number][] = [];
  readonly #added: Addition[] = [];
  readonly #served = new Set<string>();
  readonly #unaccounted: NodeRemark[] = [];
  #changesInSeconds = Number.POSITIVE_INFINITY;

  constructor(view: NetworkView, context: HookContext) {
    this.#view = view;
    this.#context = context;
    this.#nodes = new Map(view.nodes.map((node) => [node.uid, node]));
    this.#candidatesFor = candidateFinder(view.pools);
    this.#existing = new UsedRanges([...view.allocations.map(({ block }) => block), ...view.occupied]);
    this.#taken = new UsedRanges(view.nodes.flatMap(({ blocks }) => blocks));
  }

  plan(): Plan {
    const { gone, bound, open } = this.#sortAllocations();
    this.#followPodCIDRs(bound);
    for (const decision of decisionsOf(open)) this.#keepDecision(decision);
    for (const each of decisionsOf(gone).flatMap(({ held }) => held)) this.#release(each);
    const waiting = this.#serveNewNodes();
    return {
      kept: this.#kept,
      added: this.#added,
      allocated: this.#view.nodes.filter(({ uid }) => this.#served.has(uid)).length,
      waiting,
      unaccounted: this.#unaccounted,
      ...(Number.isFinite(this.#changesInSeconds) && {
        changesInSeconds: Math.max(1, Math.ceil(this.#changesInSeconds)),
      }),
    };
  }

  /** By what is known of their nodes: gone, with podCIDRs of its own, or anything else. */
  #sortAllocations() {
    const gone: BlockAllocation[] = [];
    const bound = new Map<string, BlockAllocation[]>();
    const open: BlockAllocation[] = [];
    const { newestClaimVersion } = this.#view;
    const { now, config } = this.#context;
    for (const each of this.#view.allocations) {
      const node = this.#nodes.get(each.nodeUID);
      if (node === undefined) {
        if (claimIsGone(each.allocation, newestClaimVersion, this.#context)) {
          gone.push(each);
          continue;
        }
        this.#changesIn(
          config.cacheLagSeconds - secondsSince(each.allocation.metadata.creationTimestamp, now),
        );
      }
      if (node === undefined || node.podCIDRs.length === 0) open.push(each);
      else bound.set(each.nodeUID, [...(bound.get(each.nodeUID) ?? []), each]);
    }
    return { gone, bound, open };
  }

  #followPodCIDRs(allocations: ReadonlyMap<string, readonly BlockAllocation[]>): void {
    const nodes = this.#view.nodes.filter(({ podCIDRs }) => podCIDRs.length > 0);
    const matching = nodes.flatMap(({ uid, podCIDRs }) =>
      (allocations.get(uid) ?? []).filter(({ allocation }) => podCIDRs.includes(allocation.spec.cidr!)),
    );
    const holders = decisionsOf(matching).map(({ nodeUID }) => this.#nodes.get(nodeUID)!);
    const accounted = new UsedRanges();
    for (const node of new Set([...holders, ...nodes])) {
      this.#followNode(node, allocations.get(node.uid) ?? [], accounted);
    }
  }

  #followNode(node: NodeView, held: readonly BlockAllocation[], accounted: UsedRanges): void {
    const leaveUnaccounted = (reason: string) => this.#unaccounted.push({ name: node.name, reason });
    const { podCIDRs, blocks } = node;
    if (blocks.length < podCIDRs.length) {
      for (const { allocation, block } of held) {
        this.#kept.push({ allocation });
        this.#taken.add(block);
      }
      leaveUnaccounted('unreadable');
      return;
    }
    if (blocks.some((block) => accounted.overlaps(block))) {
      leaveUnaccounted("overlap another node's");
      return;
    }
    const own = new Map(held.map(({ allocation }) => [allocation.spec.cidr, allocation]));
    const cidrs = blocks.map((block, index) =>
      own.has(podCIDRs[index]) ? podCIDRs[index]! : formatPrefix(block),
    );
    const known = cidrs.find((cidr) => own.has(cidr));
    const poolRef = known === undefined ? this.#homeOf(node) : own.get(known)!.spec.poolRef;
    if (poolRef === undefined) {
      leaveUnaccounted('outside every ClusterCIDR');
      return;
    }
    for (const [index, block] of blocks.entries()) {
      accounted.add(block);
      const allocation = own.get(cidrs[index]);
      if (allocation !== undefined) this.#kept.push({ allocation });
      else if (!this.#existing.overlaps(block)) this.#add(node, poolRef, block, cidrs[index]!, cidrs);
    }
    this.#served.add(node.uid);
  }

  /** The ClusterCIDR that the podCIDRs of a node belong to: the best for the node that holds them all. */
  #homeOf(node: NodeView): PoolReference | undefined {
    const { pools } = this.#view;
    const isHome = ({ ranges }: BlockPool) =>
      node.blocks.every((block) => ranges.some((range) => covers(range, block)));
    const home = this.#candidatesFor(node).find(isHome) ?? pools.find(isHome);
    return home && poolReference(home);
  }

  #keepDecision({ nodeUID, blocks, held }: Decision): void {
    if (this.#served.has(nodeUID)) return;
    if (held.some(({ block }) => this.#taken.overlaps(block))) return;
    const present = new Set(held.map(({ allocation }) => allocation.spec.cidr));
    const missing: { block: Prefix; cidr: string }[] = [];
    for (const cidr of blocks) {
      if (present.has(cidr)) continue;
      const block = parsePrefix(cidr);
      if (block === undefined || this.#taken.overlaps(block) || this.#existing.overlaps(block)) return;
      missing.push({ block, cidr });
    }
    for (const { allocation, block } of held) {
      this.#kept.push({ allocation });
      this.#taken.add(block);
    }
    const { spec } = held[0]!.allocation;
    for (const { block, cidr } of missing) {
      this.#added.push({ block, spec: { ...spec, cidr } });
      this.#taken.add(block);
    }
    this.#served.add(nodeUID);
  }

  #release({ allocation, block }: BlockAllocation): void {
    if (this.#taken.overlaps(block)) return;
    const { now } = this.#context;
    const releasedAt = allocation.metadata.annotations?.[RELEASED_AT_ANNOTATION] ?? formatTime(now);
    const left = this.#view.reuseGracePeriodSeconds - secondsSince(releasedAt, now);
    if (!(left > 0)) return;
    this.#kept.push({ allocation, releasedAt });
    this.#taken.add(block);
    this.#changesIn(left);
  }

  #serveNewNodes(): NodeRemark[] {
    const { nodes, pools, reserved, awaitsEveryNode } = this.#view;
    const search = new BlockSearch(this.#taken.with(this.#existing, reserved));
    const candidatesFor = candidateFinder(pools.filter(({ isTerminating }) => !isTerminating));
    const waiting: NodeRemark[] = [];
    for (const node of nodes) {
      if (node.podCIDRs.length > 0 || this.#served.has(node.uid)) continue;
      const candidates = candidatesFor(node);
      const found = search.takeFromFirst(candidates);
      if (found === undefined) {
        if (candidates.length > 0 || awaitsEveryNode) {
          waiting.push({ name: node.name, reason: reasonToWait(candidates) });
        }
        continue;
      }
      const texts = found.blocks.map(formatPrefix);
      for (const [index, block] of found.blocks.entries()) {
        this.#add(node, poolReference(found.pool), block, texts[index]!, texts);
      }
      this.#served.add(node.uid);
    }
    return waiting;
  }

  #add(
    { name, uid }: NodeView,
    poolRef: PoolReference,
    block: Prefix,
    cidr: string,
    blocks: readonly string[],
  ) {
    const claimRef = { apiGroup: '', kind: 'Node', name, uid } as const;
    this.#added.push({ block, spec: { poolRef, claimRef, cidr, blocks } });
  }

  #changesIn(seconds: number): void {
    this.#changesInSeconds = Math.min(this.#changesInSeconds, seconds);
  }
}

/** Takes blocks, lowest first, and never looks twice at what was in use before. */
class BlockSearch {
  readonly #used: UsedRanges;
  /** Where the next search in each range of a pool starts; absent before the first, empty when it is full. */
  readonly #starts = new Map<BlockPool, readonly bigint[]>();

  constructor(used: UsedRanges) {
    this.#used = used;
  }

  /** The blocks for one node, from the first of the pools that has one in each of its ranges. */
  takeFromFirst(pools: readonly BlockPool[]): { pool: BlockPool; blocks: Prefix[] } | undefined {
    for (const pool of pools) {
      const starts = this.#starts.get(pool) ?? pool.ranges.map(({ first }) => first);
      if (starts.length === 0) continue;
      const blocks: Prefix[] = [];
      for (const [index, range] of pool.ranges.entries()) {
        const block = this.#used.firstFree(range, blockLength(pool, range), starts[index]);
        if (block !== undefined) blocks.push(block);
      }
      if (blocks.length < pool.ranges.length) {
        this.#starts.set(pool, []);
        continue;
      }
      this.#starts.set(
        pool,
        blocks.map(({ first }) => first),
      );
      for (const block of blocks) this.#used.add(block);
      return { pool, blocks };
    }
    return undefined;
  }
}

function reasonToWait(candidates: readonly BlockPool[]): string {
  if (candidates.length === 0) return 'no ClusterCIDR selects it';
  const names = listSome(candidates.map(({ name }) => name));
  return candidates.length === 1 ? `ClusterCIDR ${names} is full` : `ClusterCIDRs ${names} are full`;
}

function poolReference({ name, uid }: BlockPool): PoolReference {
  return { apiGroup: CLUSTER_CIDR_GROUP, kind: 'ClusterCIDR', name, uid };
}
