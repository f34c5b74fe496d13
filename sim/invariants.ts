/** What has to hold after every step, whatever has gone wrong: predicates over the store and its last changes. */
import { canonicalAddress } from '../lib/address/address.ts';
import type { Unstructured } from '../lib/engine/object.ts';
import { deepEqual, isDeleting } from '../lib/engine/object.ts';
import type { ResourceType } from '../lib/engine/resources.ts';
import type { WatchEvent } from '../lib/engine/store.ts';
import type { Node } from '../lib/kubernetes/core-types.ts';
import { DEFAULT_NETWORK, NETWORK_LABEL } from '../lib/kubernetes/names.ts';
import { type ObjectMeta, qualifiedName } from '../lib/kubernetes/object.ts';
import type {
  ClusterCIDR,
  IPAddress,
  IPAddressClaim,
  IPAllocation,
  PodCIDRClaim,
  PodNetwork,
} from '../lib/kubernetes/types.ts';
import {
  addressesByName,
  addressOf,
  blocksOf,
  gives,
  keyOfPool,
  objectsOf,
  overlap,
  type Pool,
  poolKey,
  poolsOf,
  spaceOf,
} from './model.ts';
import type { Actor, World } from './world.ts';

export interface Violation {
  /** The invariant, for shrinking: a shorter trace has to break the same one. */
  readonly rule: string;
  readonly message: string;
}

/** The states of an object that somebody may have gone by. */
interface Version<T> {
  readonly object: T;
  readonly since: number;
  until: number;
}

export class Invariants {
  readonly #world: World;
  readonly #positions = new Map<ResourceType, number>();
  /** The first address of each claim, by uid. */
  readonly #addresses = new Map<string, string>();
  /** Claims, by uid, whose allocation or address somebody has deleted by hand. */
  readonly #tampered = new Set<string>();
  /** When each claim or node was gone, by uid. */
  readonly #goneAt = new Map<string, number>();
  readonly #versions = new Map<string, Version<Unstructured>[]>();
  /** deletionTimestamps, by uid. */
  readonly #leavingSince = new Map<string, string>();
  /** Addresses, by claim uid, that a claim may have again although the pool does not give them out any more. */
  readonly #once = new Set<string>();
  /** Node uid and CIDR of every block that was ever in an annotation of its node. */
  readonly #annotated = new Set<string>();
  #moves = 0;

  constructor(world: World) {
    this.#world = world;
  }

  /** What the last op broke. */
  check(actor: Actor): Violation | undefined {
    if (this.#world.audit.problem !== undefined) {
      return { rule: 'pure hooks', message: this.#world.audit.problem };
    }
    if (this.#moves !== this.#world.moves) this.#move();
    const changed = new Set<string>();
    const events: WatchEvent[] = [];
    for (const type of this.#world.cluster.resources.all) {
      const log = this.#world.cluster.store.log(type);
      for (let i = this.#positions.get(type) ?? 0; i < log.length; i++) {
        events.push(log[i]!);
        changed.add(type.kind);
      }
      this.#positions.set(type, log.length);
    }
    if (events.length === 0) return undefined;
    for (const event of events) {
      const violation = this.#checkEvent(event, actor);
      if (violation !== undefined) return violation;
    }
    if (changed.has('IPAddressClaim') || changed.has('IPAddress')) {
      const violation = this.#checkAddresses();
      if (violation !== undefined) return violation;
    }
    return changed.has('Node') ? this.#checkNodes() : undefined;
  }

  /** In a new cluster every claim has to keep the address that came along with it; nothing else is known. */
  #move(): void {
    const { cluster, moves } = this.#world;
    this.#moves = moves;
    const memories = [this.#positions, this.#addresses, this.#goneAt, this.#versions, this.#leavingSince];
    for (const memory of [...memories, this.#tampered, this.#once, this.#annotated]) memory.clear();
    const addresses = addressesByName(cluster);
    for (const { metadata, spec } of objectsOf<IPAddressClaim>(cluster, 'IPAddressClaim')) {
      const held = addresses.get(qualifiedName(metadata))?.spec;
      if (held?.poolRef.kind !== spec.poolRef.kind || held.poolRef.name !== spec.poolRef.name) continue;
      this.#addresses.set(metadata.uid!, canonicalAddress(held.address)!);
    }
  }

  #checkEvent(event: WatchEvent, actor: Actor): Violation | undefined {
    const { object, type } = event;
    const { now } = this.#world;
    const { kind, metadata } = object;
    const id = `${kind} ${qualifiedName(metadata)}`;
    const versions = this.#versions.get(id) ?? [];
    this.#versions.set(id, versions);
    const before = versions.at(-1)?.object;
    const last = versions.at(-1);
    if (last !== undefined) last.until = Math.min(last.until, now);
    const { deletionTimestamp } = metadata;
    if (deletionTimestamp !== undefined) this.#leavingSince.set(metadata.uid!, deletionTimestamp);
    if (type === 'DELETED') {
      this.#goneAt.set(metadata.uid!, now);
      if (before?.metadata.finalizers !== undefined && this.#isInUse(metadata)) {
        return { rule: 'a pool outlives its allocations', message: id };
      }
    } else {
      versions.push({ object, since: now, until: Number.POSITIVE_INFINITY });
    }
    if (kind === 'IPAddress' && type === 'MODIFIED' && !deepEqual(before?.spec, object.spec)) {
      return { rule: 'an IPAddress never changes', message: id };
    }
    if (kind === 'IPAddress' && type === 'DELETED' && actor.isUser) {
      const owner = metadata.ownerReferences?.find(({ controller }) => controller)?.uid;
      if (owner !== undefined) this.#tampered.add(owner);
      // Nobody has taken it over: its claim has no address any more.
      else this.#forget((object as object as IPAddress).spec.claimRef.name, metadata.namespace);
    }
    if (kind === 'PodCIDRClaim' && type === 'DELETED' && actor.isUser) {
      this.#tampered.add((object.spec as { nodeUID: string }).nodeUID);
    }
    if (kind === 'Node' && type === 'MODIFIED') {
      const [old, current] = [before, object].map((node) => (node as Node | undefined)?.spec?.podCIDRs ?? []);
      const isBound = old!.length === 0 && current!.length > 0;
      if (isBound && !this.#wasDecided(metadata.uid!, current!)) {
        return { rule: 'a node gets all its blocks at once', message: `${id}: ${current}` };
      }
      if (old!.length > 0 && !deepEqual(old, current)) return { rule: 'podCIDRs never change', message: id };
    }
    if (kind === 'IPAllocation') {
      const allocation = object as object as IPAllocation;
      if (type === 'ADDED') return this.#checkGiven(allocation, actor);
      if (type === 'DELETED') return this.#checkDropped(allocation, actor);
      if (!deepEqual(before?.spec, object.spec)) return { rule: 'an allocation never changes', message: id };
    }
    return undefined;
  }

  /** Whether a live claim or node has an allocation that the pool or ClusterCIDR made before its deletion. */
  #isInUse({ uid, deletionTimestamp = '' }: ObjectMeta): boolean {
    const { cluster } = this.#world;
    const holders = ['IPAddressClaim', 'Node'].flatMap((kind) => cluster.objects(kind));
    const living = new Set(holders.map(({ metadata }) => metadata.uid));
    return objectsOf<IPAllocation>(cluster, 'IPAllocation').some(
      ({ metadata, spec }) =>
        spec.poolRef.uid === uid &&
        spec.refusal === undefined &&
        living.has(spec.claimRef.uid) &&
        metadata.creationTimestamp! <= deletionTimestamp,
    );
  }

  /** Whether there were allocations for the node that name just these blocks. */
  #wasDecided(uid: string, blocks: readonly string[]): boolean {
    return [...this.#versions]
      .filter(([id]) => id.startsWith('IPAllocation '))
      .flatMap(([, versions]) => versions as object[] as Version<IPAllocation>[])
      .some(({ object: { spec } }) => spec.claimRef.uid === uid && spec.blocks?.join() === blocks.join());
  }

  #forget(name: string, namespace: string | undefined): void {
    for (const { metadata } of objectsOf<IPAddressClaim>(this.#world.cluster, 'IPAddressClaim')) {
      if (metadata.name === name && metadata.namespace === namespace) this.#addresses.delete(metadata.uid!);
    }
  }

  /** No two live claims with one address in an address space, and each keeps its own. */
  #checkAddresses(): Violation | undefined {
    const { cluster } = this.#world;
    const addresses = addressesByName(cluster);
    const spaces = new Map<string, string>();
    for (const pool of poolsOf(cluster)) spaces.set(keyOfPool(pool), spaceOf(pool));
    const holders = new Map<string, string>();
    for (const claim of objectsOf<IPAddressClaim>(cluster, 'IPAddressClaim')) {
      const address = addressOf(claim, addresses);
      if (address === undefined) continue;
      const { uid = '', namespace } = claim.metadata;
      const title = `IPAddressClaim ${qualifiedName(claim.metadata)} (${uid.slice(0, 8)})`;
      const first = this.#addresses.get(uid) ?? address;
      this.#addresses.set(uid, first);
      if (first !== address) {
        return { rule: 'a claim keeps its address', message: `${title} had ${first} and has ${address}` };
      }
      const pool = poolKey(claim.spec.poolRef, namespace);
      const place = `${spaces.get(pool) ?? pool} ${address}`;
      const other = holders.get(place);
      if (other !== undefined) {
        return { rule: 'one address, one claim', message: `${other} and ${title} both have ${address}` };
      }
      holders.set(place, title);
    }
    return undefined;
  }

  #checkNodes(): Violation | undefined {
    const nodes = objectsOf<Node>(this.#world.cluster, 'Node');
    const claimed = nodes.map((node) => ({
      name: node.metadata.name,
      blocks: blocksOf(node.spec?.podCIDRs),
    }));
    const annotated = nodes.flatMap(({ metadata }) =>
      Object.entries(metadata.annotations ?? {})
        .filter(([key]) => key.startsWith('kube-node.nordix.org/'))
        .map(([, value]) => ({ name: metadata.name, blocks: blocksOf(value.split(',')) })),
    );
    for (const { metadata } of nodes) {
      const values = Object.values(metadata.annotations ?? {}).flatMap((value) => value.split(','));
      for (const cidr of values) this.#annotated.add(`${metadata.uid} ${cidr}`);
    }
    for (const list of [claimed, annotated]) {
      for (const [i, a] of list.entries()) {
        for (const b of list.slice(i + 1)) {
          const clash = a.blocks.some((block) => b.blocks.some((other) => overlap(block, other)));
          if (clash) return { rule: 'no two nodes overlap', message: `nodes ${a.name} and ${b.name}` };
        }
      }
    }
    return undefined;
  }

  /** What is newly given is the pool's to give. */
  #checkGiven({ metadata, spec }: IPAllocation, { isUser, since }: Actor): Violation | undefined {
    if (isUser) return undefined;
    const horizon = since - this.#world.layout.assumptions.lag * 1000 - 1000;
    const { claimRef, poolRef } = spec;
    if (spec.address !== undefined) {
      const again = `${claimRef.uid} ${spec.address}`;
      if (spec.adopted || this.#once.has(again) || this.#addresses.get(claimRef.uid) === spec.address)
        return undefined;
      this.#once.add(again);
      const pools = this.#recent<Pool>(poolKey(poolRef, metadata.namespace), horizon);
      if (pools.some((pool) => gives(pool.spec as never, spec.address!))) return undefined;
      return { rule: 'only addresses of the pool', message: `${metadata.name} is none of ${poolRef.name}'s` };
    }
    if (spec.cidr === undefined) return undefined;
    const [block] = blocksOf([spec.cidr]);
    const nodes = this.#recent<Node>(`Node ${claimRef.name}`, 0);
    if (nodes.some((node) => node.spec?.podCIDRs?.includes(spec.cidr!))) return undefined;
    if (this.#once.has(`${claimRef.uid} ${spec.cidr}`)) return undefined;
    for (const cidr of spec.blocks ?? []) this.#once.add(`${claimRef.uid} ${cidr}`);
    const ranges = this.#recent<ClusterCIDR>(`ClusterCIDR ${poolRef.name}`, horizon).flatMap(
      ({ spec: range }) => blocksOf([range.ipv4, range.ipv6].filter((text) => text !== undefined)),
    );
    const isInside = ranges.some(
      (range) => range.family === block!.family && range.first <= block!.first && block!.last <= range.last,
    );
    if (!isInside) return { rule: 'only blocks of the ClusterCIDR', message: metadata.name };
    const network = metadata.labels?.[NETWORK_LABEL] ?? '';
    const networks = this.#recent<PodNetwork>(`PodNetwork ${network}`, horizon);
    const isService = ({ spec: { serviceCIDRs } }: PodNetwork) =>
      blocksOf(serviceCIDRs).some((range) => overlap(range, block!));
    if (networks.length > 0 && networks.every(isService)) {
      return { rule: 'no addresses of services', message: metadata.name };
    }
    return undefined;
  }

  /** The versions of an object that were current at some time since `horizon`. */
  #recent<T>(id: string, horizon: number): T[] {
    return (this.#versions.get(id) ?? [])
      .filter(({ until }) => until >= horizon)
      .map(({ object }) => object as object as T);
  }

  /** An allocation stays while its claim lives, and as long after that as the grace period says. */
  #checkDropped(allocation: IPAllocation, { isUser }: Actor): Violation | undefined {
    const { metadata, spec } = allocation;
    if (spec.refusal !== undefined) return undefined;
    const { claimRef, poolRef } = spec;
    if (isUser) {
      this.#tampered.add(claimRef.uid);
      return undefined;
    }
    const isSpare = objectsOf<IPAllocation>(this.#world.cluster, 'IPAllocation').some(
      (other) => other.spec.claimRef.uid === claimRef.uid && other.spec.refusal === undefined,
    );
    const isGone = this.#goneAt.has(claimRef.uid);
    if (isGone && isSpare) return undefined;
    return spec.address === undefined
      ? this.#checkDroppedBlock(allocation)
      : this.#checkDroppedAddress(allocation, poolKey(poolRef, metadata.namespace));
  }

  #checkDroppedAddress({ metadata, spec }: IPAllocation, poolId: string): Violation | undefined {
    const { cluster, now } = this.#world;
    const { uid } = spec.claimRef;
    const claim = objectsOf<IPAddressClaim>(cluster, 'IPAddressClaim').find(
      (each) => each.metadata.uid === uid,
    );
    if (claim !== undefined) {
      const held = addressOf(claim, addressesByName(cluster));
      const others = objectsOf<IPAllocation>(cluster, 'IPAllocation').filter(
        (other) => other.spec.claimRef.uid === uid && other.spec.address !== undefined,
      );
      const isSpare = held === undefined ? others.length > 0 : held !== spec.address;
      // Made for a pool that was already leaving, and that did not know of the claim.
      const isLate = metadata.creationTimestamp! >= (this.#leavingSince.get(spec.poolRef.uid) ?? '9');
      if (isSpare || isLate || this.#tampered.has(uid)) return undefined;
      return {
        rule: 'a live claim keeps its allocation',
        message: `${metadata.name} of ${claim.metadata.name} is dropped`,
      };
    }
    // Its other allocation was deleted by hand: this one was the spare when the pool last looked.
    if (this.#tampered.has(uid)) return undefined;
    return this.#checkGrace(
      metadata.name,
      this.#goneAt.get(uid),
      (this.#versions.get(poolId) ?? []).map(({ object, until }) => ({
        until,
        seconds: isDeleting(object)
          ? 0
          : ((object as object as Pool).spec.addressReuseGracePeriodSeconds ?? 0),
      })),
      now,
    );
  }

  #checkDroppedBlock({ metadata, spec }: IPAllocation): Violation | undefined {
    const { cluster, now } = this.#world;
    const { uid } = spec.claimRef;
    const node = objectsOf<Node>(cluster, 'Node').find((each) => each.metadata.uid === uid);
    const network = metadata.labels?.[NETWORK_LABEL] ?? '';
    if (node !== undefined) {
      const isBound = node.spec?.podCIDRs?.includes(spec.cidr!) && network === DEFAULT_NETWORK;
      if (!isBound || this.#tampered.has(uid) || !this.#isKnown(spec.cidr!, uid)) return undefined;
      return {
        rule: 'a live node keeps its allocation',
        message: `${metadata.name} of ${node.metadata.name} is dropped`,
      };
    }
    const isBound =
      network === DEFAULT_NETWORK
        ? this.#isKnown(spec.cidr!, uid)
        : this.#annotated.has(`${uid} ${spec.cidr}`);
    if (this.#tampered.has(uid) || !isBound) return undefined;
    return this.#checkGrace(
      metadata.name,
      this.#goneAt.get(uid),
      (this.#versions.get(`PodNetwork ${network}`) ?? []).map(({ object, until }) => ({
        until,
        seconds: isDeleting(object)
          ? 0
          : ((object as object as PodNetwork).spec.reuseGracePeriodSeconds ?? 0),
      })),
      now,
    );
  }

  /**
   * Whether a node's PodCIDRClaim has told of the block for so long that everybody has heard. Until then two
   * decisions may still be in dispute, and the binder sees to it that only one of them gets onto nodes.
   */
  #isKnown(cidr: string, uid: string): boolean {
    const { now, layout } = this.#world;
    const { lag, latency } = layout.assumptions;
    return [...this.#versions]
      .filter(([id]) => id.startsWith('PodCIDRClaim '))
      .flatMap(([, versions]) => versions as object[] as Version<PodCIDRClaim>[])
      .some(
        ({ object: { spec }, since }) =>
          spec.nodeUID === uid && spec.podCIDRs?.includes(cidr) && since <= now - (lag + latency) * 1000,
      );
  }

  /** The shortest period that was in force since then has to be over; clocks may be off by the usual. */
  #checkGrace(
    name: string,
    goneAt: number | undefined,
    periods: readonly { until: number; seconds: number }[],
    now: number,
  ): Violation | undefined {
    if (goneAt === undefined) return undefined;
    const { lag, latency, skew } = this.#world.layout.assumptions;
    const inForce = periods.filter(({ until }) => until >= goneAt - (lag + 2 * latency) * 1000);
    const shortest = Math.min(...inForce.map(({ seconds }) => seconds));
    const held = (now - goneAt) / 1000 + 2 * skew + 1;
    if (inForce.length === 0 || held >= shortest) return undefined;
    return {
      rule: 'grace periods are kept',
      message: `${name} was held for ${(now - goneAt) / 1000} s of ${shortest} s`,
    };
  }
}
