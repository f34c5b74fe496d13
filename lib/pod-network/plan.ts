import type { Family } from '../address/address.ts';
import { isBlockIn, UsedRanges } from '../address/blocks.ts';
import {
  asBlock,
  type Block,
  covers,
  formatBlock,
  formatPrefix,
  overlaps,
  type Prefix,
  parseBlock,
  type Range,
} from '../address/range.ts';
import { holderIsGone, secondsHeld, secondsSince } from '../allocation/hold.ts';
import { type Allocation, isEnding } from '../allocation/slice.ts';
import { WITHDRAWN_AT_ANNOTATION } from '../kubernetes/names.ts';
import { compareText } from '../kubernetes/object.ts';
import { formatTime } from '../kubernetes/time.ts';
import type { SliceEntry } from '../kubernetes/types.ts';
import type { HookContext } from '../metacontroller/hook.ts';
import { listSome } from '../text.ts';
import type { BlockPool } from './block-pool.ts';
import { type Decision, decisionsOf, firstBlocks, isConfirmed, textOf } from './decision.ts';
import { type NodeRanges, shownBlocks, showsBlocks } from './node-ranges.ts';
import { byPrimary } from './primary-family.ts';
import { candidateFinder } from './priority.ts';
import type { SelectableNode } from './selector.ts';
import { withheldFrom } from './withheld.ts';

/** A node that lives, as its PodCIDRClaim tells. */
export interface NodeView extends SelectableNode {
  readonly uid: string;
  /** Whether it is known of every label that the network selects by what the node has. */
  readonly knowsLabels: boolean;
  /** The podCIDRs that the network has to respect; empty if the node has none yet, or in another target. */
  readonly podCIDRs: readonly string[];
  /** The podCIDRs that can be read, in their order. */
  readonly blocks: readonly Block[];
  /** What the annotation of a secondary network on the node says. */
  readonly shown?: string;
}

export interface NetworkView {
  /** Oldest first. */
  readonly nodes: readonly NodeView[];
  /** podCIDRs of nobody who is known. */
  readonly stray: readonly Range[];
  /** Whose block of the two a new node has first. */
  readonly primaryFamily: Family;
  /** What the annotations of a secondary network's nodes say of their blocks. */
  readonly ranges: NodeRanges;
  /** Whether it is the network of `node.spec.podCIDRs`. */
  readonly isDefault: boolean;
  /**
   * Whether a node that no ClusterCIDR selects waits for one that does. Every node needs podCIDRs, but not every
   * node is meant to be in a secondary network.
   */
  readonly awaitsEveryNode: boolean;
  /** In the order of `comparePools`. */
  readonly pools: readonly BlockPool[];
  readonly allocations: readonly Allocation[];
  /** Pieces that this sync cannot write to, or does not know enough of. */
  readonly blocked: readonly Range[];
  /** Ranges of services: never given out. */
  readonly services: readonly Prefix[];
  /** By the name of a node, the blocks that are kept for it. */
  readonly reservations: ReadonlyMap<string, readonly Block[]>;
  /** By the name of a node, how many blocks of each family it is to have besides its first. */
  readonly additionalBlocks: ReadonlyMap<string, number>;
  /** By the uid of a node, the blocks of the one before of its name, which wait for it. */
  readonly returning: ReadonlyMap<string, Returning>;
  readonly reuseGracePeriodSeconds: number;
  /** The highest resourceVersion among the PodCIDRClaims. */
  readonly newestClaimVersion?: string;
}

/** Blocks whose node has registered again, while their grace period lasts. */
export interface Returning {
  /** As texts, in the order in which the node gets them. */
  readonly blocks: readonly string[];
  /** Since when they are not in use, RFC 3339. */
  readonly released: string;
}

export interface Plan {
  /** What stays, as it is or released. */
  readonly kept: readonly Allocation[];
  readonly added: readonly Addition[];
  /** By the uid of a node, the blocks that wait for it. */
  readonly returning: ReadonlyMap<string, Returning>;
  /** Whether anything is added or confirmed. */
  readonly isGiving: boolean;
  /** uids of the nodes that may show what a secondary network gave them, and do not yet. */
  readonly bells: ReadonlySet<string>;
  /** The names of the ClusterCIDRs that the blocks of a node are from, by the uid of each node that has any and is not gone. */
  readonly homes: ReadonlyMap<string, ReadonlySet<string>>;
  /** How many nodes have all their blocks. */
  readonly allocated: number;
  /** The nodes without blocks, oldest first. */
  readonly waiting: readonly NodeRemark[];
  /** Nodes that are to have more blocks, and do not get them. */
  readonly short: readonly NodeRemark[];
  /** Nodes whose podCIDRs, which nobody can change, no ClusterCIDR accounts for. */
  readonly unaccounted: readonly NodeRemark[];
  /** Seconds until time alone changes the plan; infinite if it does not. */
  readonly changesInSeconds: number;
}

type Addition = Pick<Allocation, 'block' | 'entry'>;

export interface NodeRemark {
  readonly name: string;
  readonly reason: string;
}

/**
 * Decides for all nodes of a network at once.
 *
 * 1. podCIDRs that nodes have are facts: their entries follow them, and nobody else gets them.
 * 2. Of what was decided before, what counts more goes first (`decisionsOf`): a decision stays unless its node has
 *    blocks already, it overlaps a fact, a decision that stays or, where it is not confirmed itself, what is; or a block
 *    of it that has no entry yet has become another's. Its missing entries are made again.
 * 3. Blocks of nodes that are gone, and of decisions that do not stay, are released, and go after the grace period.
 * 4. A node that shows blocks of a secondary network which nobody lists, and which are free, keeps them: their slice
 *    was lost.
 * 5. Nodes without blocks, oldest first, get what is reserved for them; or what the node before of their name had, while
 *    that is kept from everybody else (`#takeBack`); or the lowest free ones of the best ClusterCIDR that has any.
 * 6. Nodes that are to have more blocks get further ones in the same way. They list them after their first.
 * 7. In a secondary network a block is confirmed, and its node told, in a sync that finds it listed and nothing that it
 *    is at odds with. Of two that are at odds, whoever finds the second listed finds the first one too, and waits until
 *    that is released: so the first was confirmed by then, and stays, or never will be.
 *
 * What goes here counts as used for this once: a key cannot change hands in one write.
 *
 * @param isClosing whether the network is being deleted, and gives out nothing more
 */
export function planNetwork(view: NetworkView, context: HookContext, isClosing = false): Plan {
  return new Planner(view, context, isClosing).plan();
}

/** The plan of a network whose spec is invalid: it gives out nothing and takes nothing back. */
export function planStandstill(view: NetworkView): Plan {
  const homeOf = homeFinder(view.pools);
  const homes = homesIn(view.allocations);
  for (const node of view.nodes) {
    const home = homes.has(node.uid) || node.blocks.length === 0 ? undefined : homeOf(node, node.blocks);
    if (home !== undefined) homes.set(node.uid, new Set([home.name]));
  }
  return {
    kept: view.allocations,
    added: [],
    returning: view.returning,
    isGiving: false,
    bells: new Set(),
    homes,
    allocated: view.nodes.filter(({ uid }) => homes.has(uid)).length,
    waiting: view.nodes
      .filter(({ uid, podCIDRs }) => !homes.has(uid) && podCIDRs.length === 0)
      .map(({ name }) => ({ name, reason: 'the network is invalid' })),
    short: [],
    unaccounted: [],
    changesInSeconds: Number.POSITIVE_INFINITY,
  };
}

class Planner {
  readonly #view: NetworkView;
  readonly #context: HookContext;
  readonly #isClosing: boolean;
  /** Now, as entries have it. */
  readonly #time: string;
  readonly #nodes: ReadonlyMap<string, NodeView>;
  readonly #homeOf: ReturnType<typeof homeFinder>;
  /** The same of those that give to nodes. */
  readonly #giverOf: ReturnType<typeof homeFinder>;
  readonly #givers: readonly BlockPool[];
  /** The ClusterCIDRs that gave to such a node until they were deleted. */
  readonly #leavingFor: ReturnType<typeof candidateFinder>;
  /** The blocks of every entry in view, whatever becomes of it. */
  readonly #existing: UsedRanges;
  readonly #blocked: UsedRanges;
  /** The facts, and each decision that stays. */
  readonly #taken: UsedRanges;
  /** What nodes may have heard of. */
  readonly #confirmed = new UsedRanges();

  /** By the uid of its node, what was released and is still listed. */
  readonly #released = new Map<string, Set<string>>();
  /** By the name of its node, what is not in use any more, or maybe so, within the grace period. */
  readonly #before = new Map<string, Allocation[]>();
  readonly #returning = new Map<string, Returning>();
  readonly #kept: Allocation[] = [];
  readonly #added: Addition[] = [];
  readonly #bells = new Set<string>();
  /** Why ClusterCIDRs have no block for a node; undefined of one that is full. */
  readonly #shortfalls = new Map<BlockPool, string | undefined>();
  readonly #homes = new Map<string, string>();
  readonly #waiting: NodeRemark[] = [];
  readonly #short: NodeRemark[] = [];
  /** By the uid of its node, the blocks of each decision that stays and is complete. */
  readonly #complete = new Map<string, readonly string[]>();
  readonly #unaccounted: NodeRemark[] = [];
  /** What is released here and is not listed so yet, and the uids of its nodes. */
  readonly #disputed = new UsedRanges();
  readonly #disputing = new Set<string>();
  #isConfirming = false;
  /** uids of the nodes that get nothing here: they have blocks, or theirs are not to be had now. */
  readonly #settled = new Set<string>();
  readonly #served = new Set<string>();
  #changesInSeconds = Number.POSITIVE_INFINITY;

  constructor(view: NetworkView, context: HookContext, isClosing: boolean) {
    this.#view = view;
    this.#context = context;
    this.#isClosing = isClosing;
    this.#time = formatTime(context.now);
    this.#nodes = new Map(view.nodes.map((node) => [node.uid, node]));
    this.#homeOf = homeFinder(view.pools);
    this.#givers = view.pools.filter(({ isTerminating }) => !isTerminating);
    this.#giverOf = homeFinder(this.#givers);
    this.#leavingFor = candidateFinder(view.pools.filter(({ isTerminating }) => isTerminating));
    this.#existing = new UsedRanges(view.allocations.map(({ block }) => block));
    this.#blocked = new UsedRanges(view.blocked);
    this.#taken = new UsedRanges(view.nodes.flatMap(({ blocks }) => blocks));
  }

  plan(): Plan {
    const { bound, open } = this.#sortAllocations();
    this.#followPodCIDRs(bound);
    for (const decision of decisionsOf(open)) {
      if (!this.#keepDecision(decision)) for (const each of decision.held) this.#release(each);
    }
    for (const node of this.#view.nodes) this.#takeWhatIsShown(node);
    if (!this.#isClosing) {
      this.#serveNewNodes();
      if (!this.#view.isDefault) this.#confirm();
    }
    return {
      kept: this.#kept,
      added: this.#added,
      returning: this.#returning,
      isGiving: this.#added.length > 0 || this.#isConfirming,
      bells: this.#bells,
      homes: this.#allHomes(),
      allocated: this.#view.nodes.filter(({ uid }) => this.#served.has(uid)).length,
      waiting: this.#waiting,
      short: this.#short,
      unaccounted: this.#unaccounted,
      changesInSeconds: this.#changesInSeconds,
    };
  }

  /** A node can have additional blocks of another ClusterCIDR than its first. */
  #allHomes(): Map<string, ReadonlySet<string>> {
    const listed = homesIn([...this.#kept, ...this.#added]);
    return new Map([...this.#homes].map(([uid, home]) => [uid, new Set([home, ...(listed.get(uid) ?? [])])]));
  }

  /** Those in use, by what is known of their nodes: with podCIDRs of its own, or anything else. */
  #sortAllocations() {
    const bound = new Map<string, Allocation[]>();
    const open: Allocation[] = [];
    const { newestClaimVersion } = this.#view;
    const { now, config } = this.#context;
    for (const allocation of this.#view.allocations) {
      const each = { ...allocation, entry: this.#dated(allocation.entry) };
      const { entry, slice } = each;
      const node = this.#nodes.get(entry.uid);
      if (entry.released !== undefined) {
        this.#hold(each, entry.released);
        this.#released.set(entry.uid, (this.#released.get(entry.uid) ?? new Set()).add(textOf(each)));
        continue;
      }
      if (node === undefined) {
        const { resourceVersion } = slice.metadata;
        if (holderIsGone({ resourceVersion, since: entry.since }, newestClaimVersion, this.#context)) {
          this.#release(each);
          continue;
        }
        this.#changesIn(config.cacheLagSeconds - secondsSince(entry.since, now));
        this.#remember(each);
      }
      if (isConfirmed(each)) this.#confirmed.add(each.block);
      if (node === undefined || node.podCIDRs.length === 0) open.push(each);
      else bound.set(entry.uid, [...(bound.get(entry.uid) ?? []), each]);
    }
    return { bound, open };
  }

  /** With a time that is not to come: by a clock that was ahead, its holder would count as young for as long. */
  #dated(entry: SliceEntry): SliceEntry {
    const { now, config } = this.#context;
    return secondsSince(entry.since, now) < -config.cacheLagSeconds ? { ...entry, since: this.#time } : entry;
  }

  #followPodCIDRs(allocations: ReadonlyMap<string, readonly Allocation[]>): void {
    const nodes = this.#view.nodes.filter(({ podCIDRs }) => podCIDRs.length > 0);
    const cidrs = new Map(nodes.map(({ uid, blocks }) => [uid, blocks.map(formatBlock)]));
    const matching = nodes.flatMap(({ uid }) =>
      (allocations.get(uid) ?? []).filter((each) => cidrs.get(uid)!.includes(textOf(each))),
    );
    const holders = decisionsOf(matching).map(({ nodeUID }) => this.#nodes.get(nodeUID)!);
    const accounted = new UsedRanges();
    for (const node of new Set([...holders, ...nodes])) {
      this.#followNode(node, cidrs.get(node.uid)!, allocations.get(node.uid) ?? [], accounted);
    }
  }

  /** @param cidrs its podCIDRs that can be read, canonical */
  #followNode(
    node: NodeView,
    cidrs: readonly string[],
    held: readonly Allocation[],
    accounted: UsedRanges,
  ): void {
    const { podCIDRs, blocks, uid, name } = node;
    this.#settled.add(uid);
    if (blocks.length < podCIDRs.length) {
      for (const each of held) this.#keep(each);
      this.#unaccounted.push({ name, reason: 'unreadable' });
      return;
    }
    const own = new Map(held.map((each) => [textOf(each), each]));
    const doubled = blocks.some((block) => accounted.overlaps(block));
    const known = doubled ? undefined : cidrs.find((cidr) => own.has(cidr));
    const home =
      (known === undefined ? undefined : own.get(known)!.entry.clusterCIDR) ??
      this.#homeOf(node, blocks)?.name;
    const isAccounted = !doubled && home !== undefined;
    for (const each of held) if (!isAccounted || !cidrs.includes(textOf(each))) this.#release(each);
    if (!isAccounted) {
      const outside = blocks.filter((block) => this.#homeOf(node, [block]) === undefined);
      const reason = doubled
        ? "overlap another node's"
        : outside.length === 0
          ? 'of several ClusterCIDRs'
          : outside.length === blocks.length
            ? 'outside every ClusterCIDR'
            : `outside every ClusterCIDR: ${outside.map(formatBlock).join(', ')}`;
      this.#unaccounted.push({ name, reason });
      return;
    }
    for (const [index, block] of blocks.entries()) {
      const each = own.get(cidrs[index]!);
      accounted.add(block);
      if (each !== undefined) this.#keep({ ...each, entry: { ...each.entry, blocks: cidrs } });
      else if (!this.#existing.overlaps(block) && !this.#blocked.overlaps(block)) {
        this.#add(node, home, block, cidrs);
      }
    }
    this.#homes.set(uid, home);
    this.#served.add(uid);
  }

  /** Returns whether the decision stays: all of what the node got first, with what it got besides and can have. */
  #keepDecision(decision: Decision): boolean {
    const { nodeUID, held } = decision;
    if (this.#settled.has(nodeUID)) return false;
    const present = new Map(held.map((each) => [textOf(each), each]));
    const first = firstBlocks(decision.blocks);
    const isTaken = (block: Range, own: Allocation | undefined) => {
      if (own === undefined && this.#existing.overlaps(block)) return true;
      const isOthers = own !== undefined && !isConfirmed(own) && this.#confirmed.overlaps(block);
      return isOthers || this.#taken.overlaps(block);
    };
    if (this.#isClosing && this.#hasLeft(decision)) return false;
    const blocks: string[] = [];
    const missing: Block[] = [];
    let isBlocked = false;
    for (const [index, cidr] of decision.blocks.entries()) {
      const own = present.get(cidr);
      const block = own?.block ?? parseBlock(cidr);
      if (block === undefined || isTaken(block, own)) {
        if (index < first.length) return false;
        continue;
      }
      blocks.push(cidr);
      if (own !== undefined) continue;
      if (this.#blocked.overlaps(block)) isBlocked = true;
      else missing.push(block);
    }
    const hasMore = decision.blocks.length > first.length;
    for (const each of held) {
      if (!blocks.includes(textOf(each))) this.#release(each);
      else this.#keep(hasMore ? { ...each, entry: { ...each.entry, blocks } } : each);
    }
    const { confirmed: _confirmed, ...entry } = held[0]!.entry;
    for (const block of missing) {
      // Those that it got besides can be another ClusterCIDR's.
      const areFirst = [formatBlock(block), textOf(held[0]!)].every((text) => first.includes(text));
      const home = areFirst ? undefined : this.#homeOf(this.#nodes.get(nodeUID), [block]);
      this.#addEntry(block, {
        ...entry,
        ...(hasMore && { blocks }),
        ...(home && { clusterCIDR: home.name }),
      });
    }
    this.#settle(nodeUID, entry.clusterCIDR ?? '', blocks, isBlocked);
    if (missing.length === 0 && !isBlocked) this.#complete.set(nodeUID, blocks);
    return true;
  }

  /**
   * Whether a node has nothing any more of a network that is being deleted: a part of a decision, which nobody was
   * told of; or blocks that were withdrawn, which it does not show, and was told of long enough ago.
   */
  #hasLeft({ nodeUID, blocks, held, isComplete }: Decision): boolean {
    if (showsBlocks(this.#nodes.get(nodeUID)?.shown, blocks)) return false;
    if (!isComplete) return true;
    const { now, config } = this.#context;
    return held.every(({ slice }) => {
      const since = slice.metadata.annotations?.[WITHDRAWN_AT_ANNOTATION];
      const left =
        since === undefined ? config.cacheLagSeconds : config.cacheLagSeconds - secondsSince(since, now);
      if (left > 0 && !this.#view.isDefault) this.#changesIn(left);
      return left <= 0 && !this.#view.isDefault;
    });
  }

  /**
   * A secondary network's blocks that are on a node although nobody lists them. Where they were released because the
   * node seemed to be gone, it waits until their entries are.
   */
  #takeWhatIsShown(node: NodeView): void {
    const { uid, shown } = node;
    if (shown === undefined || this.#settled.has(uid)) return;
    const blocks = shownBlocks(shown) ?? [];
    const count = new Set(blocks.map(({ family }) => family)).size;
    const first = blocks.slice(0, count);
    if (count === 0 || new Set(first.map(({ family }) => family)).size < count) return;
    const isReleased = (block: Block) => this.#released.get(uid)?.has(formatBlock(block)) ?? false;
    // Whoever may write to the node is believed as to which block it has, not as to how much.
    const isIn = (home: BlockPool | undefined, block: Block) => home && isGivenBy(home, block);
    const isTaken = (block: Block, others: readonly Block[]) =>
      this.#taken.overlaps(block) ||
      (this.#existing.overlaps(block) && !isReleased(block)) ||
      others.some((other) => overlaps(other, block));
    const home = this.#homeOf(node, first);
    if (home === undefined || !first.every((block) => isIn(home, block))) return;
    if (first.some((block, index) => isTaken(block, first.slice(0, index)))) return;
    const most = count * (1 + (this.#view.additionalBlocks.get(node.name) ?? 0));
    const all = [...first];
    for (const block of blocks.slice(count, most)) {
      if (isIn(this.#homeOf(node, [block]), block) && !isTaken(block, all)) all.push(block);
    }
    const isBlocked = all.some((block) => this.#blocked.overlaps(block) || isReleased(block));
    const cidrs = all.map(formatBlock);
    if (!isBlocked) {
      for (const [index, block] of all.entries()) {
        this.#add(node, (index < count ? home : this.#homeOf(node, [block])!).name, block, cidrs);
      }
    }
    this.#settle(uid, home.name, cidrs, isBlocked);
  }

  /** @param blocks what the node is to show */
  #settle(uid: string, home: string, blocks: readonly string[], isBlocked: boolean): void {
    const node = this.#nodes.get(uid);
    this.#settled.add(uid);
    this.#homes.set(uid, home);
    this.#ring(uid, blocks);
    if (!isBlocked) this.#served.add(uid);
    else if (node !== undefined) {
      this.#waiting.push({
        name: node.name,
        reason: `${blocks.join()} is in a slice that is missing or going away`,
      });
    }
  }

  /** Until the node shows its blocks, and what its network says of them. */
  #ring(uid: string, blocks: readonly string[]): void {
    if (this.#view.isDefault) return;
    const { shown } = this.#nodes.get(uid) ?? {};
    if (this.#isClosing || shown !== this.#view.ranges.annotation(blocks)) this.#bells.add(uid);
  }

  /** What is in view and undisputed; nodes hear of it once that is all that they are to show. */
  #confirm(): void {
    const isHeldUp = ({ slice, block, entry }: Allocation) =>
      isEnding(slice) || this.#disputing.has(entry.uid) || this.#disputed.overlaps(block);
    for (const { entry } of this.#added) this.#bells.delete(entry.uid);
    for (const [index, each] of this.#kept.entries()) {
      if (each.entry.released !== undefined || isConfirmed(each)) continue;
      if (isHeldUp(each)) this.#bells.delete(each.entry.uid);
      else {
        this.#kept[index] = { ...each, entry: { ...each.entry, confirmed: true } };
        this.#isConfirming = true;
      }
    }
  }

  #release(allocation: Allocation): void {
    this.#disputed.add(allocation.block);
    this.#disputing.add(allocation.entry.uid);
    const released = { ...allocation, entry: { ...allocation.entry, released: this.#time } };
    this.#kept.push(released);
    this.#remember(released);
    // Without a grace period the next sync is that of the write. A slice that is going away is not written any more.
    if (this.#gracePeriod > 0 && !isEnding(allocation.slice)) this.#changesIn(this.#gracePeriod);
  }

  /** Keeps what is released for the grace period. */
  #hold(allocation: Allocation, since: string): void {
    const { now } = this.#context;
    const left = secondsHeld(since, this.#gracePeriod, now);
    if (left <= 0) return;
    // Time cannot be trusted to have been right when it was written, only not to be ahead of now.
    const released = Date.parse(since) > now ? this.#time : since;
    const held = { ...allocation, entry: { ...allocation.entry, released } };
    this.#kept.push(held);
    this.#remember(held);
    this.#changesIn(left);
  }

  #remember(allocation: Allocation): void {
    const { uid, name } = allocation.entry;
    if (this.#gracePeriod <= 0 || this.#nodes.has(uid)) return;
    const known = this.#before.get(name);
    if (known === undefined) this.#before.set(name, [allocation]);
    else known.push(allocation);
  }

  get #gracePeriod(): number {
    return this.#isClosing ? 0 : this.#view.reuseGracePeriodSeconds;
  }

  #serveNewNodes(): void {
    const { nodes, services, stray, blocked, awaitsEveryNode, primaryFamily, ranges } = this.#view;
    const order = byPrimary(primaryFamily);
    const { reservations } = this.#view;
    this.#keepReturning();
    const promised = [...reservations.values(), ...this.#promised()].flat();
    const search = new BlockSearch(
      this.#taken.with(this.#existing, [...services, ...stray, ...blocked, ...promised]),
      ranges,
    );
    const candidatesFor = candidateFinder(this.#givers);
    for (const node of nodes) {
      if (this.#settled.has(node.uid)) continue;
      const reserved = reservations.get(node.name);
      if (reserved !== undefined) {
        this.#serve(node, reserved.toSorted(order), 'reserved');
        continue;
      }
      if (!node.knowsLabels) {
        this.#waiting.push({ name: node.name, reason: 'its labels are not known yet' });
        continue;
      }
      const candidates = candidatesFor(node);
      const found = search.find(candidates);
      const before = this.#blocksOfBefore(node, found?.pool, candidates);
      if (before !== undefined && this.#serve(node, before, 'former')) continue;
      if (found === undefined) {
        if (candidates.length > 0 || awaitsEveryNode) {
          this.#waiting.push({ name: node.name, reason: this.#reasonToWait(node, candidates, search) });
        }
        continue;
      }
      search.take(found);
      const cidrs = found.blocks.toSorted(order).map(formatBlock);
      for (const block of found.blocks) this.#add(node, found.pool.name, block, cidrs);
      this.#settle(node.uid, found.pool.name, cidrs, false);
    }
    for (const node of nodes) this.#giveMore(node, candidatesFor, search, order);
  }

  /** Whoever has no block at all comes first, so a node that is served in this sync gets more in the next. */
  #giveMore(
    node: NodeView,
    candidatesFor: ReturnType<typeof candidateFinder>,
    search: BlockSearch,
    order: ReturnType<typeof byPrimary>,
  ): void {
    const { uid, name, knowsLabels } = node;
    const wanted = this.#view.additionalBlocks.get(name);
    const blocks = this.#complete.get(uid);
    if (wanted === undefined || blocks === undefined || !knowsLabels) return;
    const first = firstBlocks(blocks).flatMap((cidr) => parseBlock(cidr) ?? []);
    const most = first.length * (1 + wanted);
    if (blocks.length >= most) return;
    const selecting = candidatesFor(node);
    const candidates = selecting.filter(
      ({ ranges }) =>
        ranges.length === first.length &&
        ranges.every(({ family }) => first.some((block) => block.family === family)),
    );
    const more: Found[] = [];
    while (blocks.length + more.length * first.length < most) {
      const found = search.find(candidates);
      if (found === undefined) {
        const families = first.map(({ family }) => `IPv${family}`).join(' and ');
        const reason =
          candidates.length === 0 && selecting.length > 0
            ? `no ClusterCIDR that selects it is of ${families}${first.length === 1 ? ' alone' : ''}, as its blocks are`
            : this.#reasonToWait(node, candidates, search);
        this.#short.push({ name, reason });
        break;
      }
      search.take(found);
      more.push(found);
    }
    if (more.length === 0) return;
    const cidrs = [...blocks, ...more.flatMap((found) => found.blocks.toSorted(order).map(formatBlock))];
    for (const [index, each] of this.#kept.entries()) {
      if (each.entry.uid === uid && each.entry.released === undefined)
        this.#kept[index] = { ...each, entry: { ...each.entry, blocks: cidrs } };
    }
    for (const { pool, blocks } of more) {
      for (const block of blocks) this.#add(node, pool.name, block, cidrs);
    }
    this.#ring(uid, cidrs);
  }

  /**
   * What waits for nodes is kept from others until it is on one, or the grace period is over: also for a node that is
   * gone again.
   */
  #keepReturning(): void {
    for (const [uid, returning] of this.#view.returning) {
      const left = secondsHeld(returning.released, this.#gracePeriod, this.#context.now);
      const isBack = returning.blocks.every((cidr) => {
        const block = parseBlock(cidr);
        return block === undefined || this.#taken.overlaps(block);
      });
      if (left <= 0 || isBack) continue;
      this.#returning.set(uid, returning);
      this.#changesIn(left);
    }
  }

  #promised(): Block[][] {
    return [...this.#returning.values()].map(({ blocks }) =>
      blocks.flatMap((cidr) => parseBlock(cidr) ?? []),
    );
  }

  /**
   * The blocks that the node before of this name had, if they are such as the node gets now.
   *
   * @param next the ClusterCIDR that would serve it
   */
  #blocksOfBefore(
    node: NodeView,
    next: BlockPool | undefined,
    candidates: readonly BlockPool[],
  ): readonly Block[] | undefined {
    const [former] = (this.#before.get(node.name) ?? [])
      .map(({ entry }) => entry)
      .sort((a, b) => compareText(b.since ?? '', a.since ?? ''));
    const cidrs = this.#returning.get(node.uid)?.blocks ?? former?.blocks;
    const blocks = cidrs && firstBlocks(cidrs).map((cidr) => parseBlock(cidr));
    if (blocks === undefined || !blocks.every((block) => block !== undefined)) return undefined;
    const home = candidates.find((pool) =>
      pool.ranges.every((range) => blocks.some((block) => isBlockOf(pool, range, block))),
    );
    const isNext = home !== undefined && (next === undefined || next === home);
    return isNext && home.ranges.length === blocks.length ? blocks : undefined;
  }

  /**
   * Gives these blocks, and no others, to a node; returns whether it gets them, now or next.
   *
   * Those that the node before of its name had go back to it within their grace period. An entry never changes hands, so
   * that takes three writes: that they wait for it, which keeps them from others; then their entries go; then there are
   * new ones.
   */
  #serve(node: NodeView, blocks: readonly Block[], what: 'reserved' | 'former'): boolean {
    const { uid, name } = node;
    const cidrs = blocks.map(formatBlock);
    const wait = (reason: string) => this.#waiting.push({ name, reason });
    const { services, stray, reservations } = this.#view;
    const home = this.#giverOf(node, blocks);
    if (home === undefined) {
      const leaving = this.#homeOf(node, blocks);
      if (what === 'reserved')
        wait(
          leaving === undefined
            ? `no ClusterCIDR has its reserved ${cidrs.join(', ')}`
            : `ClusterCIDR ${leaving.name} of its reserved ${cidrs.join(', ')} is being deleted`,
        );
      return false;
    }
    if (!blocks.every((block) => this.#view.ranges.hasAddresses(block))) {
      if (what === 'reserved')
        wait(
          `its reserved ${cidrs.join(', ')} has no address for pods: mend excludedAddresses or perNodeExclusions`,
        );
      return false;
    }
    const among =
      what === 'reserved' && services.find((each) => blocks.some((block) => overlaps(each, block)));
    if (among) {
      wait(`its reserved ${cidrs.join(', ')} is among services ${formatPrefix(among)}: reserve another`);
      return false;
    }
    if (blocks.some((block) => this.#blocked.overlaps(block))) {
      wait(`${cidrs.join(', ')} is in a slice that is missing or going away`);
      return true;
    }
    const waiting = [...this.#returning]
      .filter(([other]) => other !== uid)
      .flatMap(([, each]) => each.blocks);
    const reserved = [...reservations].filter(([node]) => node !== name).flatMap(([, each]) => each);
    const barred = new UsedRanges([
      ...services,
      ...stray,
      ...waiting.flatMap((cidr) => parseBlock(cidr) ?? []),
      // Of two reservations that overlap the first to be served counts.
      ...(what === 'former' ? reserved : []),
    ]);
    const before = (this.#before.get(name) ?? []).filter(({ block }) =>
      blocks.some((each) => overlaps(each, block)),
    );
    const isReleased = before.every(({ entry }) => entry.released !== undefined);
    const isOthers = blocks.some(
      (block) =>
        barred.overlaps(block) ||
        (isReleased && this.#taken.overlaps(block)) ||
        (before.length === 0 && this.#existing.overlaps(block)),
    );
    if (isOthers) {
      if (what === 'reserved') wait(`its reserved ${cidrs.join(', ')} is in use`);
      return false;
    }
    if (before.length === 0) {
      for (const block of blocks) this.#add(node, home.name, block, cidrs);
      this.#settle(uid, home.name, cidrs, false);
      return true;
    }
    this.#takeBack(node, cidrs, before);
    wait(`${cidrs.join(', ')}, of the node before of its name, is on its way back`);
    return true;
  }

  #takeBack({ uid }: NodeView, blocks: readonly string[], before: readonly Allocation[]): void {
    const times = before.flatMap(({ entry }) => entry.released ?? []).sort();
    const waits = this.#view.returning.get(uid);
    if (times.length < before.length) return;
    this.#returning.set(uid, { blocks, released: waits?.released ?? times.at(-1)! });
    if (waits?.blocks.join() !== blocks.join()) return;
    for (const each of before) {
      const isStored = each.slice.spec.entries?.[each.key]?.released !== undefined;
      if (isStored) this.#kept.splice(this.#kept.indexOf(each), 1);
    }
  }

  #reasonToWait(node: NodeView, candidates: readonly BlockPool[], search: BlockSearch): string {
    if (candidates.length === 0) {
      const [leaving] = this.#leavingFor(node);
      if (leaving === undefined) return 'no ClusterCIDR selects it';
      return `ClusterCIDR ${leaving.name}, which selects it, is being deleted: add another`;
    }
    const reasons = new Map(candidates.map((pool) => [pool, this.#shortfall(pool, search)]));
    const full = candidates.filter((pool) => reasons.get(pool) === undefined).map(({ name }) => name);
    const others = [...reasons.values()].filter((reason) => reason !== undefined);
    return [
      ...(full.length === 1 ? [`ClusterCIDR ${full[0]} is full`] : []),
      ...(full.length > 1 ? [`ClusterCIDRs ${listSome(full)} are full`] : []),
      ...others.slice(0, 2),
      ...(others.length > 2 ? [`and ${others.length - 2} more`] : []),
    ].join('; ');
  }

  /** Undefined where nothing but nodes keeps the blocks. */
  #shortfall(pool: BlockPool, search: BlockSearch): string | undefined {
    if (this.#shortfalls.has(pool)) return this.#shortfalls.get(pool);
    const { reservations, ...view } = this.#view;
    const isHad = (block: Block) => this.#taken.overlaps(block) || this.#existing.overlaps(block);
    const reserved = [...reservations.values(), ...this.#promised()].flat().filter((block) => !isHad(block));
    const [first] = search.fullRanges(pool).flatMap((range) => {
      const withheld = withheldFrom(range, pool.sizes[range.family], { ...view, reserved });
      if (withheld === undefined) return [];
      const { what, fix } = withheld;
      return `ClusterCIDR ${pool.name} has no free IPv${range.family} block, ${what}: ${fix}`;
    });
    this.#shortfalls.set(pool, first);
    return first;
  }

  #keep(allocation: Allocation): void {
    this.#kept.push(allocation);
    this.#taken.add(allocation.block);
  }

  #add({ name, uid }: NodeView, clusterCIDR: string, block: Block, blocks: readonly string[]): void {
    this.#addEntry(block, { uid, name, clusterCIDR, blocks, since: this.#time });
  }

  #addEntry(block: Block, entry: SliceEntry): void {
    this.#added.push({ block, entry });
    this.#taken.add(block);
  }

  #changesIn(seconds: number): void {
    this.#changesInSeconds = Math.min(this.#changesInSeconds, seconds);
  }
}

/** What the entries say of that, by the uid of their node. */
function homesIn(entries: Iterable<Addition>): Map<string, Set<string>> {
  const homes = new Map<string, Set<string>>();
  for (const { entry } of entries) {
    if (entry.released !== undefined) continue;
    homes.set(entry.uid, (homes.get(entry.uid) ?? new Set()).add(entry.clusterCIDR ?? ''));
  }
  return homes;
}

/**
 * Finds the ClusterCIDR that blocks of a node belong to: the best for the node, if it is in view, that holds them all.
 * Of several that overlap one that could have given them goes first.
 */
function homeFinder(pools: readonly BlockPool[]) {
  const candidatesFor = candidateFinder(pools);
  return (node: SelectableNode | undefined, blocks: readonly Block[]): BlockPool | undefined => {
    const isHome = ({ ranges }: BlockPool) =>
      blocks.every((block) => ranges.some((range) => covers(range, block)));
    const isGiver = (pool: BlockPool) => blocks.every((block) => isGivenBy(pool, block));
    const candidates = node === undefined ? [] : candidatesFor(node);
    const homeAmong = (some: readonly BlockPool[]) => some.find(isGiver) ?? some.find(isHome);
    return homeAmong(candidates) ?? homeAmong(pools);
  };
}

interface Found {
  readonly pool: BlockPool;
  readonly blocks: readonly Block[];
}

/** Takes blocks that have addresses for pods, lowest first, and never looks twice at what was in use before. */
class BlockSearch {
  readonly #used: UsedRanges;
  readonly #nodeRanges: NodeRanges;
  /** Where the next search in each range of a pool starts: undefined where it is full. Absent before the first. */
  readonly #starts = new Map<BlockPool, readonly (bigint | undefined)[]>();
  readonly #unusable = new Map<Prefix, readonly Range[]>();

  constructor(used: UsedRanges, nodeRanges: NodeRanges) {
    this.#used = used;
    this.#nodeRanges = nodeRanges;
  }

  /** The blocks for one node, from the first of the pools that has one in each of its ranges. */
  find(pools: readonly BlockPool[]): Found | undefined {
    for (const pool of pools) {
      const starts = this.#starts.get(pool);
      if (starts?.includes(undefined)) continue;
      const blocks = pool.ranges.map((range, index) =>
        this.#firstFree(range, pool.sizes[range.family], starts?.[index] ?? range.first),
      );
      this.#starts.set(
        pool,
        blocks.map((block) => block?.first),
      );
      if (blocks.every((block) => block !== undefined)) return { pool, blocks };
    }
    return undefined;
  }

  /** Those of a pool, once looked at, that have no block for a node. */
  fullRanges(pool: BlockPool): Prefix[] {
    const starts = this.#starts.get(pool);
    return pool.ranges.filter((_, index) => starts !== undefined && starts[index] === undefined);
  }

  #firstFree(range: Prefix, size: bigint, from: bigint): Block | undefined {
    const unusable = this.#unusable.get(range) ?? this.#nodeRanges.unusable(range, size).ranges;
    this.#unusable.set(range, unusable);
    for (let start = from; ; ) {
      const block = this.#used.firstFree(range, size, start);
      if (block === undefined) return undefined;
      const run = unusable.find((each) => overlaps(each, block));
      if (run === undefined) return asBlock(block);
      start = run.last + 1n;
    }
  }

  take({ blocks }: Found): void {
    for (const block of blocks) this.#used.add(block);
  }
}

function isGivenBy(pool: BlockPool, block: Block): boolean {
  return pool.ranges.some((range) => isBlockOf(pool, range, block));
}

function isBlockOf({ sizes }: BlockPool, range: Prefix, block: Block): boolean {
  return isBlockIn(range, sizes[range.family], block);
}
