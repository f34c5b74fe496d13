/** What has to hold after every step, whatever has gone wrong: predicates over the store and its last changes. */

import type { Range } from '../lib/address/range.ts';
import type { Unstructured } from '../lib/engine/object.ts';
import { deepEqual, isDeleting } from '../lib/engine/object.ts';
import type { ResourceType } from '../lib/engine/resources.ts';
import type { StoreEvent } from '../lib/engine/store.ts';
import type { Cluster, Node, ServiceCIDR } from '../lib/kubernetes/core-types.ts';
import {
  ADDRESS_ANNOTATION,
  CLAIM_UID_LABEL,
  DEFAULT_NETWORK,
  ENDING,
  LEAVING,
  OPEN,
  REQUESTED_ADDRESS_ANNOTATION,
  SETTLED_LABEL,
} from '../lib/kubernetes/names.ts';
import {
  controllerOf,
  isPaused,
  type KubernetesObject,
  qualifiedName,
  titleOf,
} from '../lib/kubernetes/object.ts';
import type {
  AllocationSlice,
  ClusterCIDR,
  IPAddress,
  IPAddressClaim,
  PodCIDRClaim,
  PodNetwork,
} from '../lib/kubernetes/types.ts';
import type { Pool } from '../lib/pool/pool.ts';
import type { PoolSpec } from '../lib/pool/spec.ts';
import { IPAMClaimInvariants } from './ipam-claims.ts';
import {
  addressesByName,
  allows,
  allPools,
  blocksOf,
  blocksShownIn,
  claimHolding,
  entriesOf,
  gives,
  type Held,
  heldIn,
  holdingOf,
  isRemembered,
  mayGet,
  overlap,
  poolKey,
  spaceOf,
  storedObjects,
  subnetWith,
  textsOverlap,
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
  /** Claims, by uid, that came into this cluster without their IPAddress: they only say what they had. */
  readonly #onTheirWord = new Set<string>();
  /** When each claim or node was gone, by uid. */
  readonly #goneAt = new Map<string, number>();
  /** How many events there were: what came before what, where time does not tell. */
  #events = 0;
  /** When each entry was made, and at which event, and when it was released, by its id and uid. */
  readonly #givenAt = new Map<string, { readonly event: number; readonly at: number }>();
  readonly #releasedAt = new Map<string, number>();
  readonly #versions = new Map<string, Version<Unstructured>[]>();
  /** At which event the deletion of each object began, by uid. */
  readonly #leavingSince = new Map<string, number>();
  /**
   * Claims, by uid, that have given their address back, at their end. Who has not heard of that may make them an
   * IPAddress of another one, which goes with them.
   */
  readonly #left = new Set<string>();
  /** Addresses, by claim uid, that a claim may have again although the pool does not give them out any more. */
  readonly #once = new Set<string>();
  /** Claims, by uid, whose Cluster was once there and not paused. */
  readonly #admitted = new Set<string>();
  /** Blocks that went back to the node of their name. */
  readonly #returned: { name: string; block: Range; network: string; goneAt: number }[] = [];
  #moves = 0;
  readonly #ipamClaims: IPAMClaimInvariants;

  constructor(world: World) {
    this.#world = world;
    this.#ipamClaims = new IPAMClaimInvariants(world);
  }

  /** What the last op broke. */
  check(actor: Actor): Violation | undefined {
    if (this.#world.audit.problem !== undefined) {
      return { rule: 'pure hooks', message: this.#world.audit.problem };
    }
    if (this.#moves !== this.#world.moves) this.#move();
    const changed = new Set<string>();
    const events: StoreEvent[] = [];
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
      const violation = this.#checkEvent(event, actor) ?? this.#ipamClaims.see(event, actor);
      if (violation !== undefined) return violation;
    }
    if (changed.has('IPAddressClaim') || changed.has('IPAddress')) {
      const violation = this.#checkAddresses();
      if (violation !== undefined) return violation;
    }
    if (changed.has('IPAMClaim') || changed.has('Pod')) {
      const violation = this.#ipamClaims.check();
      if (violation !== undefined) return violation;
    }
    return changed.has('Node') ? this.#checkNodes() : undefined;
  }

  /** In a new cluster every claim has to keep the address that came along with it; nothing else is known. */
  #move(): void {
    const { cluster, moves } = this.#world;
    this.#moves = moves;
    const times = [this.#goneAt, this.#givenAt, this.#releasedAt, this.#leavingSince];
    const memories = [...times, this.#positions, this.#addresses, this.#versions];
    for (const memory of [
      ...memories,
      this.#tampered,
      this.#onTheirWord,
      this.#left,
      this.#once,
      this.#admitted,
    ])
      memory.clear();
    this.#ipamClaims.move();
    const addresses = addressesByName(cluster);
    for (const { metadata, spec } of storedObjects<IPAddressClaim>(cluster, 'IPAddressClaim')) {
      // It was open where it came from, and its pool may be faster than its hook.
      if (metadata.labels?.[SETTLED_LABEL] === OPEN) this.#admitted.add(metadata.uid!);
      const held = addresses.get(qualifiedName(metadata))?.spec;
      if (held?.poolRef.kind !== spec.poolRef.kind || held.poolRef.name !== spec.poolRef.name) continue;
      this.#addresses.set(metadata.uid!, holdingOf(addresses.get(qualifiedName(metadata))!)!);
    }
  }

  #checkEvent(event: StoreEvent, actor: Actor): Violation | undefined {
    const { object, type } = event;
    const { now } = this.#world;
    this.#events++;
    const { kind, metadata } = object;
    const id = titleOf(object);
    const versions = this.#versions.get(id) ?? [];
    this.#versions.set(id, versions);
    const before = versions.at(-1)?.object;
    const last = versions.at(-1);
    if (last !== undefined) last.until = Math.min(last.until, now);
    if (isDeleting(object) && !this.#leavingSince.has(metadata.uid!))
      this.#leavingSince.set(metadata.uid!, this.#events);
    if (isDeleting(object) && metadata.labels?.[SETTLED_LABEL] === LEAVING) this.#left.add(metadata.uid!);
    if (type === 'DELETED') {
      this.#goneAt.set(metadata.uid!, now);
      if (isHeldByUs(before) && this.#isInUse(object)) {
        return { rule: 'a pool outlives its allocations', message: id };
      }
    } else {
      versions.push({ object, since: now, until: Number.POSITIVE_INFINITY });
    }
    if (kind === 'IPAddress' && type === 'MODIFIED' && !deepEqual(before?.spec, object.spec)) {
      return { rule: 'an IPAddress never changes', message: id };
    }
    if (kind === 'IPAddress' && type === 'ADDED' && !actor.isUser) {
      const violation = this.#checkSubnet(object as object as IPAddress);
      if (violation !== undefined) return violation;
    }
    if (kind === 'IPAddress' && type === 'DELETED' && actor.isUser) {
      const owner = metadata.ownerReferences?.find(({ controller }) => controller)?.uid;
      if (owner !== undefined) this.#tampered.add(owner);
      // Nobody has taken it over: its claim has no address any more.
      else this.#forget((object as object as IPAddress).spec.claimRef.name, metadata.namespace);
    }
    if (kind === 'IPAddressClaim' && type === 'MODIFIED' && actor.isUser && isHiddenBy(before, object)) {
      this.#tampered.add(metadata.uid!);
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
    if (kind === 'AllocationSlice') {
      const old = (type === 'ADDED' ? undefined : before) as object | undefined as
        | AllocationSlice
        | undefined;
      return this.#checkSlice(old, object as object as AllocationSlice, type === 'DELETED', actor);
    }
    return undefined;
  }

  /** Prefix and gateway come from one subnet, which has the address in some version of the pool. */
  #checkSubnet({ metadata, spec }: IPAddress): Violation | undefined {
    const { address, poolRef } = spec;
    if (poolRef.kind.endsWith('PrefixPool')) return undefined;
    // Nobody keeps what an adopted one came with: made again, it says what its pool says.
    const earlier = this.#versions.get(`IPAddress ${qualifiedName(metadata)}`) ?? [];
    if (earlier.some(({ object }) => object.metadata.labels?.[CLAIM_UID_LABEL] === undefined))
      return undefined;
    const pools = this.#recent<{ readonly spec: PoolSpec }>(poolKey(poolRef, metadata.namespace), 0);
    const subnets = pools.flatMap((pool) => subnetWith(pool.spec, address) ?? []);
    const isTrue = subnets.some(
      ({ prefix, gateway }) =>
        prefix === spec.prefix && (gateway || undefined) === (spec.gateway || undefined),
    );
    if (isTrue || subnets.length === 0) return undefined;
    const message = `${qualifiedName(metadata)}: ${address}/${spec.prefix}, gateway ${spec.gateway}`;
    return { rule: 'an address comes with its own subnet', message };
  }

  /** What an API server with the rules of our CRD makes sure of, and what the rules cannot tell. */
  #checkSlice(
    before: AllocationSlice | undefined,
    after: AllocationSlice,
    isDeleted: boolean,
    actor: Actor,
  ): Violation | undefined {
    const old = new Map(entriesOf(before).map((held) => [held.key, held]));
    const current = new Map(isDeleted ? [] : entriesOf(after).map((held) => [held.key, held]));
    // A pool that is gone gives nothing of it to another, nor does one that goes: with --cascade=foreground the garbage
    // collector takes its slices first.
    const isOrphan = isDeleted && !this.#isServing(after.spec.poolRef.uid);
    const isOpen = after.spec.entries !== undefined && after.spec.closed !== true;
    if (isDeleted && isOpen && !isOrphan && !actor.isUser) {
      return { rule: 'a slice is closed before it goes', message: qualifiedName(after.metadata) };
    }
    for (const held of current.values()) {
      const known = old.get(held.key);
      if (known === undefined) {
        const violation = this.#checkGiven(held, actor);
        if (violation !== undefined) return violation;
      } else if (known.entry.uid !== held.entry.uid) {
        return { rule: 'an entry never changes hands', message: held.id };
      } else if (known.entry.released === undefined && held.entry.released !== undefined) {
        const violation = this.#checkReleased(held, actor);
        if (violation !== undefined) return violation;
      }
    }
    for (const held of old.values()) {
      if (current.has(held.key)) continue;
      if (actor.isUser) this.#tampered.add(held.entry.uid);
      else if (isOrphan) continue;
      else if (held.entry.released === undefined) {
        return { rule: 'only what was released goes', message: held.id };
      } else {
        const violation = this.#checkDropped(held) ?? this.#checkOrder(held);
        if (violation !== undefined) return violation;
      }
    }
    return undefined;
  }

  #isServing(uid: string): boolean {
    const owner = this.#world.cluster.objects().find(({ metadata }) => metadata.uid === uid);
    return owner !== undefined && !isDeleting(owner);
  }

  /** Whether a live claim or node has something that the pool or network gave it before its deletion. */
  #isInUse(owner: Unstructured): boolean {
    const { kind, metadata } = owner;
    const { uid = '', name } = metadata;
    const { cluster, layout } = this.#world;
    // Of two Metacontrollers at once, one may cut a block after the other has said that there will be none.
    if (kind === 'ClusterCIDR' && layout.metacontrollers > 1) return false;
    const holders = ['IPAddressClaim', 'Node'].flatMap((kind) => cluster.objects(kind));
    const living = new Map(holders.map((holder) => [holder.metadata.uid, holder]));
    const since = this.#leavingSince.get(uid) ?? 0;
    // A block of a secondary network is in use while its node shows it.
    const isShown = ({ isBlock, key, entry, poolRef }: Held) =>
      !isBlock ||
      poolRef.name === DEFAULT_NETWORK ||
      Object.values(living.get(entry.uid)?.metadata.annotations ?? {}).some((value) =>
        value.split(',').includes(key),
      );
    return heldIn(cluster).some(
      (held) =>
        !isOrphaned(held, owner) &&
        (held.poolRef.uid === uid || (kind === 'ClusterCIDR' && held.entry.clusterCIDR === name)) &&
        held.entry.released === undefined &&
        living.has(held.entry.uid) &&
        isShown(held) &&
        !this.#tampered.has(held.entry.uid) &&
        (this.#givenAt.get(`${held.id} ${held.entry.uid}`)?.event ?? 0) <= since,
    );
  }

  /** Whether there were entries for the node that name just these blocks. */
  #wasDecided(uid: string, blocks: readonly string[]): boolean {
    return [...this.#versions]
      .filter(([id]) => id.startsWith('AllocationSlice '))
      .flatMap(([, versions]) => versions as object[] as Version<AllocationSlice>[])
      .flatMap(({ object }) => entriesOf(object))
      .some(({ entry }) => entry.uid === uid && entry.blocks?.join() === blocks.join());
  }

  #forget(name: string, namespace: string | undefined): void {
    for (const { metadata } of storedObjects<IPAddressClaim>(this.#world.cluster, 'IPAddressClaim')) {
      if (metadata.name === name && metadata.namespace === namespace) this.#addresses.delete(metadata.uid!);
    }
  }

  /** Whether a claim was made with the annotation of an address, and still has that. */
  #isAsMade({ metadata }: IPAddressClaim): boolean {
    const made = this.#versions
      .get(`IPAddressClaim ${qualifiedName(metadata)}`)
      ?.find(({ object }) => object.metadata.uid === metadata.uid)?.object;
    const before = made?.metadata.annotations?.[ADDRESS_ANNOTATION];
    return before !== undefined && before === metadata.annotations?.[ADDRESS_ANNOTATION];
  }

  /** No two live claims with an address in common in an address space, and each keeps its own. */
  #checkAddresses(): Violation | undefined {
    const { cluster } = this.#world;
    const addresses = addressesByName(cluster);
    const pools = new Map(allPools(cluster).map((pool) => [titleOf(pool), pool]));
    const holders = new Map<string, { address: string; title: string }[]>();
    for (const claim of storedObjects<IPAddressClaim>(cluster, 'IPAddressClaim')) {
      const address = claimHolding(claim, addresses);
      if (address === undefined) continue;
      const { uid = '', namespace } = claim.metadata;
      const title = `IPAddressClaim ${qualifiedName(claim.metadata)} (${uid.slice(0, 8)})`;
      const pool = pools.get(poolKey(claim.spec.poolRef, namespace));
      const isThere = addresses.has(qualifiedName(claim.metadata));
      // People have taken away all that tells of it: the IPAddress, and with --cascade=foreground the pool's slices.
      const isTold = isThere || heldIn(cluster).some(({ entry }) => entry.uid === uid);
      if (!isTold && this.#tampered.has(uid) && pool?.metadata.deletionTimestamp !== undefined) continue;
      // Until it has written down what it has, an IPAMClaim's says what that had before.
      if (!isThere && this.#tampered.has(uid) && this.#isAsMade(claim)) continue;
      if (!isThere && !this.#addresses.has(uid)) this.#onTheirWord.add(uid);
      const had = this.#addresses.get(uid) ?? address;
      // People have deleted its IPAddress or its slice before it could write down what it had, or its pool gives that no more.
      const isForgotten =
        (this.#tampered.has(uid) && claim.metadata.annotations?.[ADDRESS_ANNOTATION] === undefined) ||
        ((this.#tampered.has(uid) || this.#onTheirWord.has(uid)) && !(pool && gives(pool.spec, had)));
      const first = isForgotten ? address : had;
      this.#addresses.set(uid, first);
      // The janitor has taken it away, as the claim asked at its end; who has not heard of that makes another, which goes too.
      const isEnding = isDeletingClaim(claim) && claim.metadata.labels?.[SETTLED_LABEL] === ENDING;
      if (first !== address && !this.#left.has(uid) && !isEnding) {
        return { rule: 'a claim keeps its address', message: `${title} had ${first} and has ${address}` };
      }
      const space = pool === undefined ? poolKey(claim.spec.poolRef, namespace) : spaceOf(pool);
      const others = holders.get(space) ?? [];
      const other = others.find((each) => textsOverlap(each.address, address));
      if (other !== undefined) {
        const message = `${other.title} has ${other.address}, and ${title} ${address}`;
        return { rule: 'one address, one claim', message };
      }
      holders.set(space, [...others, { address, title }]);
    }
    return undefined;
  }

  #checkNodes(): Violation | undefined {
    const nodes = storedObjects<Node>(this.#world.cluster, 'Node');
    const claimed = nodes.map((node) => ({
      name: node.metadata.name,
      blocks: blocksOf(node.spec?.podCIDRs),
    }));
    const annotated = nodes.map((node) => ({ name: node.metadata.name, blocks: blocksOf(shownBy(node)) }));
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
  #checkGiven(
    { id, slice, key, entry, poolRef, isBlock }: Held,
    { isUser, since }: Actor,
  ): Violation | undefined {
    this.#givenAt.set(`${id} ${entry.uid}`, { event: this.#events, at: this.#world.now });
    if (isUser) return undefined;
    const horizon = since - this.#world.layout.assumptions.lag * 1000 - 1000;
    const { metadata } = slice;
    const again = `${entry.uid} ${key}`;
    if (!isBlock) {
      if (entry.adopted || this.#once.has(again) || this.#addresses.get(entry.uid) === key) return undefined;
      this.#once.add(again);
      if (this.#isHeldUp(entry, horizon)) {
        return { rule: 'a claim that is held up takes nothing', message: `${entry.name} gets ${key}` };
      }
      const pools = this.#recent<Pool>(poolKey(poolRef, metadata.namespace), horizon);
      const namespaces = this.#recent<KubernetesObject>(`Namespace ${entry.namespace}`, horizon);
      const isServed = pools.some(({ spec }) =>
        namespaces.some(({ metadata: { labels } }) => allows(spec as PoolSpec, labels)),
      );
      if (namespaces.length > 0 && !isServed && !this.#wasGiven(entry)) {
        return { rule: 'only namespaces that the pool serves', message: `${entry.name} gets ${key}` };
      }
      const giving = pools.filter((pool) => gives(pool.spec as never, key));
      if (giving.some((pool) => mayGet(pool.spec as never, key, entry))) return undefined;
      return giving.length > 0
        ? { rule: 'what is reserved is kept', message: `${entry.name} gets ${key}` }
        : { rule: 'only addresses of the pool', message: `${key} is none of ${poolRef.name}'s` };
    }
    const [block] = blocksOf([key]);
    const nodes = this.#recent<Node>(`Node ${entry.name}`, 0);
    if (nodes.some((node) => node.spec?.podCIDRs?.includes(key))) return undefined;
    if (this.#once.has(again)) return undefined;
    for (const cidr of entry.blocks ?? []) this.#once.add(`${entry.uid} ${cidr}`);
    const ranges = this.#recent<ClusterCIDR>(`ClusterCIDR ${entry.clusterCIDR}`, horizon).flatMap(
      ({ spec: range }) => blocksOf([range.ipv4, range.ipv6].filter((text) => text !== undefined)),
    );
    const isInside = ranges.some(
      (range) => range.family === block!.family && range.first <= block!.first && block!.last <= range.last,
    );
    if (!isInside) return { rule: 'only blocks of the ClusterCIDR', message: id };
    const networks = this.#recent<PodNetwork>(`PodNetwork ${poolRef.name}`, horizon);
    for (const { name, block: dropped, network, goneAt } of this.#returned) {
      if (network !== poolRef.name || name === entry.name || !overlap(dropped, block!)) continue;
      const periods = this.#gracePeriods(`PodNetwork ${network}`, true);
      const violation = this.#checkGrace(`${id} of ${name}`, goneAt, periods, this.#world.now);
      if (violation !== undefined) return violation;
    }
    const isService = ({ spec: { serviceCIDRs } }: PodNetwork) =>
      blocksOf(serviceCIDRs).some((range) => overlap(range, block!));
    const isOfCluster = poolRef.name === DEFAULT_NETWORK && this.#hasServicesIn(block!, horizon);
    if (isOfCluster || (networks.length > 0 && networks.every(isService))) {
      return { rule: 'no addresses of services', message: id };
    }
    return undefined;
  }

  /** Whether the claim has ever said in its status that it has an IPAddress. */
  #wasGiven({ uid, namespace, name }: Held['entry']): boolean {
    const title = qualifiedName({ name, ...(namespace !== undefined && { namespace }) });
    return this.#recent<IPAddressClaim>(`IPAddressClaim ${title}`, 0).some(
      ({ metadata, status }) => metadata.uid === uid && status?.addressRef !== undefined,
    );
  }

  /** Whether all along the Cluster that a claim names was paused, or not there. */
  #isHeldUp({ uid, namespace, name }: Held['entry'], horizon: number): boolean {
    if (!this.#world.layout.hasClusters) return false;
    const title = qualifiedName({ name, ...(namespace !== undefined && { namespace }) });
    const claim = this.#versions.get(`IPAddressClaim ${title}`)?.at(-1)?.object as object as
      | IPAddressClaim
      | undefined;
    if (claim?.metadata.uid !== uid || !claim.spec.clusterName || this.#admitted.has(uid)) return false;
    const clusters = this.#recent<Cluster>(
      `Cluster ${namespace}/${claim.spec.clusterName}`,
      horizon - 60_000,
    );
    if (clusters.every(({ spec }) => spec?.paused === true))
      return !this.#isToBeSynced(`IPAddressClaim:${namespace}:${name}`);
    this.#admitted.add(uid);
    return false;
  }

  /** Whether a Metacontroller has a claim in hand, or still to take or to try again: nothing says how long keys wait. */
  #isToBeSynced(claim: string): boolean {
    return this.#world.cluster.processes.some(({ reconcilers, workers }) => {
      const claims = reconcilers.find(({ name }) => name === 'claims');
      if (claims === undefined) return false;
      const inHand = workers.filter(({ reconciler }) => reconciler === claims).map(({ key }) => key);
      const all = [...inHand, ...claims.queue.keys(), ...claims.queue.failedKeys()];
      return all.some((key) => key.endsWith(`:${claim}`));
    });
  }

  /** Whether a ServiceCIDR, of which the hooks were told, has had addresses of the block ever since `horizon`. */
  #hasServicesIn(block: Range, horizon: number): boolean {
    if (this.#world.layout.serviceCIDRs !== 'watched') return false;
    return [...this.#versions]
      .filter(([id]) => id.startsWith('ServiceCIDR '))
      .flatMap(([, versions]) => versions as object[] as Version<ServiceCIDR>[])
      .filter(({ since, until }) => since < horizon && until > this.#world.now)
      .some(({ object }) => blocksOf(object.spec?.cidrs).some((range) => overlap(range, block)));
  }

  /** The versions of an object that were current at some time since `horizon`. */
  #recent<T>(id: string, horizon: number): T[] {
    return (this.#versions.get(id) ?? [])
      .filter(({ until }) => until >= horizon)
      .map(({ object }) => object as object as T);
  }

  /** What a claim or node has stays its own while it has it. */
  #checkReleased(held: Held, { isUser }: Actor): Violation | undefined {
    const { id, key, entry, isBlock, poolRef } = held;
    const { cluster, now } = this.#world;
    this.#releasedAt.set(`${id} ${entry.uid}`, now);
    if (isUser) {
      this.#tampered.add(entry.uid);
      return undefined;
    }
    if (this.#tampered.has(entry.uid)) return undefined;
    if (isBlock) {
      const node = storedObjects<Node>(cluster, 'Node').find(({ metadata }) => metadata.uid === entry.uid);
      const isBound = poolRef.name === DEFAULT_NETWORK && node?.spec?.podCIDRs?.includes(key);
      const isShown =
        poolRef.name !== DEFAULT_NETWORK && this.#isServing(poolRef.uid) && shownBy(node).includes(key);
      if (!isShown && !(isBound && this.#isKnown(key, entry.uid))) return undefined;
      return { rule: 'a live node keeps its allocation', message: `${id} of ${entry.name} is released` };
    }
    const claim = storedObjects<IPAddressClaim>(cluster, 'IPAddressClaim').find(
      ({ metadata }) => metadata.uid === entry.uid,
    );
    if (claim === undefined) return undefined;
    const addresses = addressesByName(cluster);
    const address = addresses.get(qualifiedName(claim.metadata));
    // Two Metacontrollers at work at once do not know of each other's IPAddresses: see docs/correctness.md. And who has
    // not heard that a claim gave its address back may make it an IPAddress once more. It goes with the claim.
    const hasLeft = this.#left.has(entry.uid) || this.#world.layout.metacontrollers > 1;
    const isBlind = isDeletingClaim(claim) && hasLeft;
    const isThere =
      !isBlind &&
      address !== undefined &&
      holdingOf(address) === key &&
      (address.metadata.labels?.[CLAIM_UID_LABEL] ?? entry.uid) === entry.uid;
    const isHeld = isThere || (!isDeletingClaim(claim) && claimHolding(claim, addresses) === key);
    return isHeld
      ? { rule: 'a live claim keeps its allocation', message: `${id} of ${claim.metadata.name} is released` }
      : undefined;
  }

  /** What was released is held for the grace period, but for a node of the same name. */
  #checkDropped({ id, key, entry, poolRef, isBlock, slice }: Held): Violation | undefined {
    const { uid } = entry;
    if (this.#tampered.has(uid) || this.#mayBeUnheardOf(`${id} ${uid}`)) return undefined;
    // Of several decisions for a node, and addresses for a claim, nobody ever used the spare ones.
    const goneAt = this.#goneAt.get(uid);
    if (goneAt === undefined) return undefined;
    const owner = isBlock ? `PodNetwork ${poolRef.name}` : poolKey(poolRef, slice.metadata.namespace);
    const releasedAt = Math.min(this.#releasedAt.get(`${id} ${uid}`) ?? goneAt, goneAt);
    const { lag, latency } = this.#world.layout.assumptions;
    const horizon = this.#world.now - (lag + latency) * 1000;
    const isBack = this.#recent<Node>(`Node ${entry.name}`, horizon).some(
      ({ metadata }) => metadata.uid !== uid,
    );
    if (isBlock && isBack) {
      const [block] = blocksOf([key]);
      this.#returned.push({ name: entry.name, block: block!, network: poolRef.name, goneAt: releasedAt });
      return undefined;
    }
    return this.#checkGrace(id, releasedAt, this.#gracePeriods(owner, isBlock), this.#world.now);
  }

  /**
   * A pool that remembers lets go of what was given up first, and so gives that before the others: nothing else goes
   * that is still the pool's to give, unless somebody wants just that.
   */
  #checkOrder({ id, key, entry, poolRef, slice, isBlock }: Held): Violation | undefined {
    const { cluster, now, moves, layout } = this.#world;
    const { lag, latency, skew } = layout.assumptions;
    if (isBlock || moves > 0 || layout.hasSubnets || this.#tampered.has(entry.uid)) return undefined;
    const margin = (lag + 2 * latency + 2 * skew + 1) * 1000;
    const horizon = now - margin;
    const pools = this.#recent<Pool>(poolKey(poolRef, slice.metadata.namespace), horizon);
    const isWanted = (text: string) =>
      [...this.#versions.keys()]
        .filter((name) => name.startsWith('IPAddress'))
        .flatMap((name) => this.#recent<KubernetesObject & { spec: { address?: string } }>(name, horizon))
        .flatMap(({ metadata: { annotations }, spec }) => [
          spec.address,
          annotations?.[ADDRESS_ANNOTATION],
          annotations?.[REQUESTED_ADDRESS_ANNOTATION],
        ])
        .some((other) => other !== undefined && (other === text || textsOverlap(other, text)));
    const isFree = (held: Held) =>
      !isWanted(held.key) &&
      pools.every(
        (pool) =>
          isRemembered(held, pool) &&
          !isPaused(pool) &&
          mayGet(pool.spec as PoolSpec, held.key, { name: '' }) &&
          Date.parse(held.entry.released!) + (pool.spec.addressReuseGracePeriodSeconds ?? 0) * 1000 < horizon,
      );
    const isOld = ({ slice: { metadata }, key: other }: Held) =>
      this.#recent<AllocationSlice>(`AllocationSlice ${qualifiedName(metadata)}`, horizon).every(
        (version) => version.spec.entries?.[other]?.released !== undefined && !isDeleting(version),
      );
    const before = Date.parse(entry.released!) - margin;
    const older = heldIn(cluster).find(
      (held) =>
        held.poolRef.uid === poolRef.uid &&
        held.entry.released !== undefined &&
        Date.parse(held.entry.released) < before &&
        (this.#goneAt.get(held.entry.uid) ?? now) < horizon &&
        isOld(held) &&
        isFree(held),
    );
    if (older === undefined || !isFree({ id, key, entry, poolRef, slice, isBlock })) return undefined;
    const message = `${id} of ${entry.released}, and not ${older.key} of ${older.entry.released}`;
    return { rule: 'what was given up first goes first', message };
  }

  /** Those that a pool or network has had. */
  #gracePeriods(owner: string, isNetwork: boolean): { until: number; seconds: number }[] {
    return (this.#versions.get(owner) ?? []).map(({ object, until }) => {
      const spec = object.spec as {
        addressReuseGracePeriodSeconds?: number;
        reuseGracePeriodSeconds?: number;
      };
      const seconds = (isNetwork ? spec.reuseGracePeriodSeconds : spec.addressReuseGracePeriodSeconds) ?? 0;
      return { until, seconds: isDeleting(object) ? 0 : seconds };
    });
  }

  /** Whether what is applied on the server's side may come from a cache that has not heard of the entry yet. */
  #mayBeUnheardOf(entry: string): boolean {
    const { now, layout } = this.#world;
    const { lag, latency } = layout.assumptions;
    const givenAt = this.#givenAt.get(entry)?.at ?? Number.NEGATIVE_INFINITY;
    return layout.strategy === 'server-side-apply' && now - givenAt <= (lag + latency) * 1000;
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
    // The mark is as old as the sync that made it.
    const held = (now - goneAt) / 1000 + latency + 2 * skew + 1;
    if (inForce.length === 0 || held >= shortest) return undefined;
    return {
      rule: 'grace periods are kept',
      message: `${name} was held for ${(now - goneAt) / 1000} s of ${shortest} s`,
    };
  }
}

/** Whether a finalizer of Metacontroller's, and not the garbage collector's alone, kept it from going. */
function isHeldByUs(object: KubernetesObject | undefined): boolean {
  return (
    object?.metadata.finalizers?.some((finalizer) => finalizer.startsWith('metacontroller.io/')) ?? false
  );
}

/** Whether the pool of a claim that it has not served yet cannot see it any more. */
function isHiddenBy(before: Unstructured | undefined, { metadata, status }: Unstructured): boolean {
  const isServed = (status as IPAddressClaim['status'])?.addressRef !== undefined;
  return (
    !isServed &&
    before?.metadata.labels?.[SETTLED_LABEL] !== undefined &&
    metadata.labels?.[SETTLED_LABEL] === undefined
  );
}

/** The blocks of secondary networks that a node shows. */
function shownBy(node: Node | undefined): string[] {
  return Object.entries(node?.metadata.annotations ?? {})
    .filter(([key]) => key.startsWith('kube-node.nordix.org/'))
    .flatMap(([, value]) => blocksShownIn(value));
}

/** Whether --cascade=orphan has taken the slice from its pool or network. It stays, and nobody else gets what is in it. */
function isOrphaned({ slice }: Held, { kind }: Unstructured): boolean {
  return kind !== 'ClusterCIDR' && controllerOf(slice) === undefined;
}

function isDeletingClaim({ metadata }: IPAddressClaim): boolean {
  return metadata.deletionTimestamp !== undefined;
}
