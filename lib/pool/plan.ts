import { parseAddress } from '../address/address.ts';
import { countBlocks, formatSpan, setGrownTo } from '../address/blocks.ts';
import { type Block, overlaps, type Range, rangeOf } from '../address/range.ts';
import { compareRanges, RangeSet } from '../address/range-set.ts';
import { secondsHeld, secondsSince } from '../allocation/hold.ts';
import { lostPieces } from '../allocation/lost.ts';
import { withheldByMisnamed } from '../allocation/misnamed.ts';
import { pieceOfName } from '../allocation/names.ts';
import {
  type Allocation,
  allocationsOf,
  extentOfSlice,
  isEnding,
  isMisnamed,
  keyOf,
  parseKey,
  type SlicePlan,
} from '../allocation/slice.ts';
import {
  ADDRESS_ANNOTATION,
  CLAIMS_FINALIZER,
  LEAVING,
  REQUESTED_ADDRESS_ANNOTATION,
  SETTLED_LABEL,
} from '../kubernetes/names.ts';
import { compareAge, isPaused, type KubernetesObject, qualifiedName, titleOf } from '../kubernetes/object.ts';
import { PREFIX, poolKind, type Unit } from '../kubernetes/pool-kinds.ts';
import { formatTime } from '../kubernetes/time.ts';
import type { IPAddress, IPAddressClaim, SliceAnswer, SliceEntry } from '../kubernetes/types.ts';
import type { HookContext } from '../metacontroller/hook.ts';
import { plural, shorten } from '../text.ts';
import { recordedAddress } from './address-record.ts';
import { isInBadAddressSpace } from './address-space.ts';
import { NAMESPACE_NOT_ALLOWED } from './allowed-namespaces.ts';
import { type Arrival, arrivalsOf } from './arrivals.ts';
import { blockOf, requestedBlock, subnetOfAddress } from './block.ts';
import { freeBlocks } from './free-blocks.ts';
import { isRemembering, MOST_REMEMBERED } from './history.ts';
import { BlocksInUse } from './in-use.ts';
import type { Pool } from './pool.ts';
import type { PoolRanges } from './ranges.ts';
import { beneficiaryOf, isFor, type ReservationState, type ReservedBlock } from './reservation.ts';
import type { PoolView } from './view.ts';

/** Why a pool gives out nothing new. */
export interface PoolStandstill {
  readonly reason: 'InvalidSpec' | 'Paused' | 'Deleting' | 'AddressUnknown';
  readonly message: string;
}

export interface PoolPlan {
  readonly slices: SlicePlan;
  readonly standstill: PoolStandstill | undefined;
  readonly counts: PoolCounts;
  /** What is taken from the pool: `counts.used`. */
  readonly used: RangeSet;
  /** Of `used` what the pool does not give, or not in blocks of its length. */
  readonly outOfRange: RangeSet;
  /** The length of its blocks; of a pool that cannot be read, of the smallest that are in use. */
  readonly blockLength: number;
  /** Beside `used`, what is not free: neighbours have it, or nobody can tell who has what of it. */
  readonly taken: RangeSet;
  readonly reservations: readonly ReservationState[];
  /** Keys of entries of what nobody has and what is free again: they say when it was given up. */
  readonly past: ReadonlySet<string>;
  /** Namespaces that have more of the pool than they may, and how much: they keep it. */
  readonly overQuota: ReadonlyMap<string, number>;
  /** IPAddresses of the pool that say nothing that can be read. They count as out of range. */
  readonly unreadable: readonly IPAddress[];
  /** Seconds until time alone changes this plan; infinite if it does not. */
  readonly changesInSeconds: number;
}

/** Of blocks of the pool's length; an address is one. */
interface PoolCounts {
  /** Those that the pool may give out. */
  readonly total: bigint;
  /** Those taken from it, by whomever, whether or not the spec covers them, and of whatever length. */
  readonly used: bigint;
  readonly free: bigint;
  /** Those of `used` that the pool would not give. */
  readonly outOfRange: bigint;
  /** Those of `used` that nobody has any more, which the grace period keeps. */
  readonly released: bigint;
  /** Claims that wait. */
  readonly pending: number;
}

/** How young a claim is that names an IPAddress which may still be on its way here, in seconds. */
const ARRIVING_SECONDS = 60;

/**
 * Decides for the whole pool at once.
 *
 * 1. What is listed stays until its claim is seen to leave, then for the grace period. That a claim is not in view
 *    says nothing.
 * 2. Of several addresses of one claim the one stays that the claim says it has, once it does.
 * 3. Claims without an address, oldest first: those that have one from elsewhere keep it, those that had one get
 *    it again, those that ask for one get that, those for which one is reserved get that, the others the lowest free
 *    ones that are not reserved.
 *
 * A pool whose strategy is Random gives any free one in place of the lowest, the same to the same claim. One whose
 * strategy is LeastRecentlyUsed keeps the entries of what is free for as long as there is something free without one,
 * gives that, and then lets go of the entries that were released first. Of several subnets a pool gives what is free in
 * the first before it gives anything of the next.
 *
 * An address stands for a block of whatever length the pool gives.
 *
 * What goes now counts as used for this once: an entry cannot change hands in one write.
 *
 * @param ranges undefined while the spec is invalid
 */
export function planPool(
  view: PoolView,
  ranges: PoolRanges | undefined,
  standstill: PoolStandstill | undefined,
  context: HookContext,
): PoolPlan {
  return new Planner(view, ranges, standstill, context).plan();
}

class Planner {
  readonly #view: PoolView;
  readonly #ranges: PoolRanges | undefined;
  #standstill: PoolStandstill | undefined;
  readonly #now: number;
  readonly #title: string;

  readonly #unit: Unit;
  readonly #inUse = new BlocksInUse();
  readonly #kept: Allocation[] = [];
  /** What is free and has an entry yet, by its key, oldest first. */
  #past: ReadonlyMap<string, Allocation> = new Map();
  /** The keys of entries that go now. */
  readonly #going = new Set<string>();
  readonly #added: { block: Block; entry: SliceEntry }[] = [];
  readonly #bells: Set<string>;
  readonly #answers = new Map<string, SliceAnswer>();
  /** How much the claims of each namespace have. */
  readonly #had = new Map<string, number>();
  readonly #unreadable: IPAddress[] = [];
  #pending = 0;
  readonly #released: Block[] = [];
  #changesInSeconds = Number.POSITIVE_INFINITY;

  constructor(
    view: PoolView,
    ranges: PoolRanges | undefined,
    standstill: PoolStandstill | undefined,
    { now }: HookContext,
  ) {
    this.#view = view;
    this.#ranges = ranges;
    this.#standstill = standstill;
    this.#now = now;
    this.#title = titleOf(view.pool);
    this.#unit = poolKind(view.pool.kind).unit;
    this.#bells = new Set(view.claims.map(uidOf));
  }

  plan(): PoolPlan {
    const { claims, slices, foreign, neighbours, neighbourAddresses } = this.#view;
    const { past, allocations } = this.#parted(allocationsOf(slices));
    this.#past = past;
    for (const { block, entry } of allocations) this.#inUse.add(block, holderOf(entry));
    this.#block();
    for (const { block, entry } of allocationsOf(neighbours)) this.#inUse.addForeign(block, holderOf(entry));

    const held = this.#keep(allocations);
    const listed = new Set(allocations.map(({ entry }) => entry.uid));
    const arrivals = arrivalsOf(foreign);
    const waiting: IPAddressClaim[] = [];
    for (const claim of [...claims].sort(compareAge)) {
      if (isLeaving(claim)) {
        const reason = this.#isPaused && held.has(uidOf(claim)) ? 'Paused' : 'NothingHeld';
        if (reason === 'Paused' || !listed.has(uidOf(claim))) this.#answers.set(uidOf(claim), { reason });
      } else if (!this.#takeOver(claim, arrivals, held) && !held.has(uidOf(claim))) waiting.push(claim);
    }
    for (const each of foreign) {
      const block = blockOf(each);
      if (block === undefined) this.#withhold(each);
      else this.#inUse.add(block, titleOf(each));
    }
    for (const each of neighbourAddresses) {
      const block = blockOf(each);
      if (block !== undefined) this.#inUse.addForeign(block, titleOf(each));
    }
    this.#standstill ??= this.#arriving(waiting);
    this.#serve(waiting);
    this.#kept.push(...this.#remembered());
    return {
      slices: {
        kept: this.#kept,
        added: this.#added,
        bells: this.#bells,
        answers: this.#answers,
        listed: new Set(this.#view.pool.status?.slices),
      },
      standstill: this.#standstill,
      ...this.#count(),
      reservations: this.#reservations(),
      past: new Set(this.#past.keys()),
      overQuota: new Map([...this.#had].filter(([, count]) => count > this.#quota)),
      unreadable: this.#unreadable,
      changesInSeconds: this.#changesInSeconds,
    };
  }

  /** Tells what is held by somebody, or for the grace period, from what is free and only remembered. */
  #parted(all: readonly Allocation[]): {
    past: ReadonlyMap<string, Allocation>;
    allocations: readonly Allocation[];
  } {
    const ranges = this.#ranges;
    if (ranges === undefined || !isRemembering(this.#view.pool)) return { past: new Map(), allocations: all };
    const claims = new Map(this.#view.claims.map((claim) => [uidOf(claim), claim]));
    const past: Allocation[] = [];
    const allocations: Allocation[] = [];
    for (const each of all) {
      const { block, entry } = each;
      const claim = claims.get(entry.uid);
      const isPast =
        entry.released !== undefined &&
        !isEnding(each.slice) &&
        secondsHeld(entry.released, ranges.reuseGracePeriodSeconds, this.#now) === 0 &&
        this.#isHeard(claim) &&
        this.#gives(block) &&
        ranges.reservations.of(block) === undefined;
      if (isPast) past.push({ ...each, entry: { ...entry, released: this.#clamped(entry.released) } });
      else allocations.push(each);
    }
    return { past: new Map(past.sort(byRelease).map((each) => [each.key, each])), allocations };
  }

  /** What stays in mind: not of what is in use again, nor more than there is room for, nor all that is free. */
  #remembered(): Allocation[] {
    const past = [...this.#past.values()];
    const ranges = this.#ranges;
    if (ranges === undefined || past.length === 0 || this.#isPaused) return past;
    const free = past.filter(({ block }) => this.#inUse.holderOf(block) === undefined);
    const taken = past.filter(({ block }) => this.#inUse.holderOf(block) !== undefined);
    const fresh = this.#fresh(ranges);
    // One goes before it is wanted, so that who comes alone need not wait: but not beside others, of which it is the youngest.
    const spare = ranges.subnets
      .filter(
        ({ listed }) =>
          !listed.ranges.some((range) => fresh.overlaps(range)) &&
          !taken.some(({ block }) => listed.covers(block)),
      )
      .map(({ listed }) => free.find(({ block }) => listed.covers(block)));
    return free.slice(-MOST_REMEMBERED).filter((each) => !spare.includes(each));
  }

  /** Pieces that this sync cannot write to, or does not know enough of. */
  #block(): void {
    const { slices, lost, neighbours, leftovers, misnamed } = this.#view;
    const block = (piece: Range | undefined, name: string, why: string) => {
      if (piece !== undefined) this.#inUse.block(piece, `AllocationSlice ${name}, which ${why}`);
    };
    for (const slice of leftovers) {
      block(extentOfSlice(slice), slice.metadata.name, 'an earlier pool of this name left: delete it');
    }
    for (const slice of slices.filter((each) => isEnding(each) && !isMisnamed(each))) {
      block(extentOfSlice(slice), slice.metadata.name, 'is being deleted');
    }
    for (const { block: listed, by } of withheldByMisnamed(misnamed)) {
      block(listed, by, 'does not have the name of its piece: delete it');
    }
    for (const slice of neighbours) {
      block(extentOfSlice(slice), slice.metadata.name, 'another pool of the address space keeps');
    }
    for (const name of lost) block(pieceOfName(name)?.piece, name, 'is missing');
  }

  /** Keeps what is to stay. Returns the allocations that are in use, by the uid of their claim. */
  #keep(allocations: readonly Allocation[]): Map<string, Allocation[]> {
    const claims = new Map(this.#view.claims.map((claim) => [uidOf(claim), claim]));
    const held = Map.groupBy(
      allocations.filter(({ entry }) => entry.released === undefined),
      ({ entry }) => entry.uid,
    );
    for (const each of allocations) {
      const { entry } = each;
      const claim = claims.get(entry.uid);
      const isLeft =
        claim !== undefined && !this.#isPaused && isGivenUp(claim, each, held.get(entry.uid) ?? []);
      if (entry.released !== undefined) this.#hold(each, entry.released, claim);
      else if (isLeft) this.#hold(each, formatTime(this.#now), claim);
      else {
        this.#kept.push(each);
        this.#counted(entry);
      }
    }
    for (const [uid, several] of held) if (several.length > 1) this.#bells.add(uid);
    return held;
  }

  /** Keeps what is released, or about to be, for the grace period, and until its claim has heard of it. */
  #hold(allocation: Allocation, since: string, claim: IPAddressClaim | undefined): void {
    const isNew = allocation.entry.released === undefined;
    const left =
      this.#gracePeriod === undefined ? undefined : secondsHeld(since, this.#gracePeriod, this.#now);
    const isStored = !isNew || !isEnding(allocation.slice);
    if (left !== undefined && left > 0 && isStored) this.#changesIn(left);
    if (left === undefined || left > 0) this.#released.push(allocation.block);
    const released = this.#clamped(since);
    if (isNew || !this.#isHeard(claim) || left === undefined || left > 0) {
      this.#kept.push({ ...allocation, entry: { ...allocation.entry, released } });
    } else this.#going.add(allocation.key);
  }

  /** Whether nobody waits to see in the slice that the claim gave something up. */
  #isHeard(claim: IPAddressClaim | undefined): boolean {
    return claim === undefined || !isListening(claim, this.#view.pool);
  }

  /** Time cannot be trusted to have been right when it was written, only not to be ahead of now. */
  #clamped(released: string): string {
    return Date.parse(released) > this.#now ? formatTime(this.#now) : released;
  }

  /** Undefined while nobody can tell how long it is, or nothing is to become free. */
  get #gracePeriod(): number | undefined {
    if (this.#standstill?.reason === 'Deleting') return 0;
    return this.#isPaused ? undefined : this.#ranges?.reuseGracePeriodSeconds;
  }

  /** Whether nothing is given out or taken back. */
  get #isPaused(): boolean {
    return this.#standstill?.reason === 'Paused';
  }

  /** Whether the claim has an address from elsewhere, which it then keeps. */
  #takeOver(
    claim: IPAddressClaim,
    arrivals: ReadonlyMap<string, Arrival>,
    held: ReadonlyMap<string, readonly Allocation[]>,
  ): boolean {
    const arrival = arrivals.size === 0 ? undefined : arrivals.get(qualifiedName(claim.metadata));
    const own = held.get(uidOf(claim));
    if (arrival === undefined || claim.metadata.deletionTimestamp !== undefined) return false;
    const { block, object } = arrival;
    if (block === undefined) {
      if (own !== undefined) return false;
      const what = `IPAddress ${qualifiedName(object.metadata)}, which refers to it`;
      if (!isPaused(claim)) this.#refuse(claim, 'AllocationFailed', `${what}, says no ${this.#unit.one}`);
      return true;
    }
    if (own?.some((each) => isSame(each.block, block))) return true;
    // The claim is about to take what it was given, unless one of its own name keeps it from that.
    if (own !== undefined && object.metadata.name !== claim.metadata.name) return true;
    if (isPaused(claim) || this.#isStill) {
      this.#inUse.add(block, titleOf(claim));
      return true;
    }
    const holder = this.#inUse.holderOf(block);
    const subnet = subnetOfAddress(object);
    if (holder === undefined)
      this.#add(claim, block, { adopted: true, since: formatTime(this.#now), ...(subnet && { subnet }) });
    else
      this.#refuse(claim, 'AllocationFailed', `its ${this.#unit.one} ${keyOf(block)} is held by ${holder}`);
    return true;
  }

  /** Whether nothing new is to be listed, not even what is in use. */
  get #isStill(): boolean {
    return this.#ranges === undefined || this.#isPaused || isInBadAddressSpace(this.#view.pool);
  }

  /** Nobody knows what an IPAddress stands for that says no prefix, but its address is in use. */
  #withhold(address: IPAddress): void {
    this.#unreadable.push(address);
    const parsed = parseAddress(address.spec.address);
    if (parsed !== undefined) this.#inUse.block(rangeOf(parsed), titleOf(address));
  }

  /** A claim that came here with the name of its IPAddress, while nobody knows which address that is. */
  #arriving(waiting: readonly IPAddressClaim[]): PoolStandstill | undefined {
    const claim = waiting.find(
      ({ metadata, status }) =>
        status?.addressRef !== undefined &&
        metadata.annotations?.[ADDRESS_ANNOTATION] === undefined &&
        // A clock that was far ahead says nothing of its age.
        Math.abs(secondsSince(metadata.creationTimestamp, this.#now)) < ARRIVING_SECONDS,
    );
    if (claim === undefined) return undefined;
    this.#changesIn(ARRIVING_SECONDS - secondsSince(claim.metadata.creationTimestamp, this.#now));
    const message = `waits for IPAddress ${claim.status?.addressRef?.name} of ${titleOf(claim)}, which has not arrived yet`;
    return { reason: 'AddressUnknown', message };
  }

  /** Gives each waiting claim an address, or the reason why it gets none. */
  #serve(waiting: readonly IPAddressClaim[]): void {
    const living = waiting.filter((claim) => claim.metadata.deletionTimestamp === undefined);
    const former = new Map(living.map((claim) => [claim, this.#formerBlock(claim)]));
    // What a paused claim had is not given to another, but it is left alone.
    for (const claim of living.filter(isPaused)) {
      const block = former.get(claim);
      if (block === undefined || !(hadAddress(claim) || this.#hasRoom(claim))) continue;
      this.#inUse.add(block, titleOf(claim));
      this.#counted(claim.metadata);
    }
    const served = living.filter((claim) => !isPaused(claim));
    const stop = this.#standstill;
    if (stop !== undefined) {
      for (const claim of served) this.#refuse(claim, 'PoolNotReady', `${this.#title} ${stop.message}`);
      return;
    }
    const others: IPAddressClaim[] = [];
    for (const claim of served) {
      const block = former.get(claim);
      const holder = block && this.#inUse.holderOf(block);
      if (block === undefined) others.push(claim);
      else if (holder === undefined) {
        if (hadAddress(claim) || !(this.#isBarred(claim) || this.#exceedsQuota(claim)))
          this.#add(claim, block);
      } else if (this.#isLost(block)) {
        this.#refuse(claim, 'PoolNotReady', `its ${this.#unit.one} is kept by ${holder}`);
      } else if (this.#going.has(keyOf(block))) this.#comesNext();
      else others.push(claim);
    }
    this.#serveUnserved(others, this.#ranges!);
  }

  #serveUnserved(claims: readonly IPAddressClaim[], ranges: PoolRanges): void {
    const { one } = this.#unit;
    const unspecific: IPAddressClaim[] = [];
    for (const claim of claims) {
      if (this.#isBarred(claim) || this.#exceedsQuota(claim)) continue;
      const text = claim.metadata.annotations?.[REQUESTED_ADDRESS_ANNOTATION];
      const block = text === undefined ? undefined : requestedBlock(text, this.#unit, ranges.blockLength);
      const holder = block && this.#inUse.holderOf(block);
      const refuse = (why: string) => this.#refuse(claim, 'AllocationFailed', `the requested ${one} ${why}`);
      const reservation = block && ranges.reservations.of(block);
      if (text === undefined) {
        if (!this.#serveReserved(claim, ranges)) unspecific.push(claim);
      } else if (block === undefined)
        refuse(`${JSON.stringify(text)} is not ${this.#unit === PREFIX ? 'a CIDR' : 'an IP address'}`);
      else if (!this.#gives(block)) refuse(`${text} is not one that ${this.#title} gives out`);
      else if (holder !== undefined) refuse(`${text} is in use by ${holder}`);
      else if (reservation !== undefined && !isFor(reservation, claim.metadata))
        refuse(`${text} is reserved for ${beneficiaryOf(reservation)}`);
      else this.#add(claim, block);
    }
    if (unspecific.length === 0) return;
    const free = freeBlocks(this.#fresh(ranges), [...this.#past.values()], ranges);
    for (const claim of unspecific) {
      if (this.#exceedsQuota(claim)) continue;
      const block = free(claim);
      if (block === undefined) this.#refuse(claim, 'PoolExhausted', `${this.#title} has no free ${one}`);
      else this.#add(claim, block);
    }
  }

  #isAllowed({ metadata: { namespace = '' } }: IPAddressClaim): boolean {
    return this.#view.allowed?.has(namespace) ?? true;
  }

  /** Whether the pool does not serve the claim's namespace. Who has something of it keeps that. */
  #isBarred(claim: IPAddressClaim): boolean {
    if (this.#isAllowed(claim)) return false;
    const why = `${this.#title} serves only namespaces that its allowedNamespaces select`;
    this.#refuse(claim, NAMESPACE_NOT_ALLOWED, `${why}, and ${claim.metadata.namespace} is none of them`);
    return true;
  }

  get #quota(): number {
    return this.#ranges?.maxPerNamespace ?? Number.POSITIVE_INFINITY;
  }

  #counted({ namespace = '' }: { readonly namespace?: string }): void {
    this.#had.set(namespace, (this.#had.get(namespace) ?? 0) + 1);
  }

  #hasRoom({ metadata: { namespace = '' } }: IPAddressClaim): boolean {
    return (this.#had.get(namespace) ?? 0) < this.#quota;
  }

  /** Whether the claim's namespace has all that it may have. Who had an address gets it again whatever the quota. */
  #exceedsQuota(claim: IPAddressClaim): boolean {
    if (this.#hasRoom(claim)) return false;
    const { namespace = '' } = claim.metadata;
    const had = this.#had.get(namespace) ?? 0;
    const { one, many } = this.#unit;
    const what = `${plural(had, one, many)} of ${this.#title}, of at most ${this.#quota}`;
    this.#refuse(claim, 'QuotaExceeded', `namespace ${namespace} has ${what}`);
    return true;
  }

  /** Whether something is reserved for the claim. One that reservations name gets what they say or nothing. */
  #serveReserved(claim: IPAddressClaim, { reservations }: PoolRanges): boolean {
    const reserved = reservations.for(claim.metadata);
    const isFree = (block: Block) => this.#gives(block) && this.#inUse.holderOf(block) === undefined;
    const free = reserved.find(({ block }) => isFree(block));
    if (free !== undefined) {
      this.#add(claim, free.block);
      return true;
    }
    const [own] = reserved;
    if (own?.claim === undefined) return false;
    const why = this.#gives(own.block)
      ? `is in use by ${this.#inUse.holderOf(own.block)}`
      : `is not one that ${this.#title} gives out`;
    this.#refuse(claim, 'AllocationFailed', `${keyOf(own.block)}, which is reserved for it, ${why}`);
    return true;
  }

  /** What is left for claims for which nothing is reserved. */
  #free({ allocatable, blockLength, reservations }: PoolRanges): RangeSet {
    return allocatable.difference(setGrownTo(blockLength, this.#inUse.toSet().union(reservations.blocks)));
  }

  /** The same without an entry: what was never given, or so long ago that the pool does not know it any more. */
  #fresh(ranges: PoolRanges): RangeSet {
    const free = this.#free(ranges);
    return this.#past.size === 0
      ? free
      : free.difference(RangeSet.of([...this.#past.values()].map(({ block }) => block)));
  }

  #gives(block: Block): boolean {
    const ranges = this.#ranges;
    return ranges !== undefined && block.length === ranges.blockLength && ranges.allocatable.covers(block);
  }

  /**
   * The address that the claim says it had, if the pool may give it. Whoever makes a claim can say so: what is reserved
   * for others is only for one whose status says that it had an address.
   */
  #formerBlock(claim: IPAddressClaim): Block | undefined {
    const text = claim.metadata.annotations?.[ADDRESS_ANNOTATION];
    const block = text === undefined ? undefined : parseKey(text);
    if (block === undefined || !this.#gives(block)) return undefined;
    const reservation = this.#ranges?.reservations.of(block);
    const isTheirs = reservation !== undefined && !isFor(reservation, claim.metadata);
    return isTheirs && !hadAddress(claim) ? undefined : block;
  }

  #isLost(block: Block): boolean {
    return lostPieces(this.#view.lost).some((piece) => overlaps(piece, block));
  }

  #add(claim: IPAddressClaim, block: Block, more: Partial<SliceEntry> = {}): void {
    const { uid = '', namespace, name } = claim.metadata;
    this.#inUse.add(block, titleOf(claim));
    this.#counted(claim.metadata);
    if (this.#past.has(keyOf(block))) this.#comesNext();
    else this.#added.push({ block, entry: { uid, ...(namespace && { namespace }), name, ...more } });
  }

  /** An entry cannot change hands in one write: the one that there is goes now, and the claim comes next. */
  #comesNext(): void {
    this.#pending++;
    this.#changesIn(0);
  }

  #refuse(claim: IPAddressClaim, reason: string, message: string): void {
    this.#pending++;
    this.#answers.set(uidOf(claim), { reason, message: shorten(message) });
  }

  #changesIn(seconds: number): void {
    this.#changesInSeconds = Math.min(this.#changesInSeconds, seconds);
  }

  #reservations(): ReservationState[] {
    const reservations = this.#ranges?.reservations;
    if (reservations === undefined || reservations.list.length === 0) return [];
    const entries = [
      ...this.#kept.map(({ key, entry }) => ({ key, entry })),
      ...this.#added.map(({ block, entry }) => ({ key: keyOf(block), entry })),
    ].filter(({ entry }) => entry.released === undefined);
    const byKey = new Map(entries.map(({ key, entry }) => [key, entry]));
    const byName = Map.groupBy(entries, ({ entry }) => entry.name);
    const listed = new Set(allocationsOf(this.#view.slices).map(({ key }) => key));
    const conflictOf = (reservation: ReservedBlock): string | undefined => {
      const { block, claim } = reservation;
      const key = keyOf(block);
      const first = reservations.of(block)!;
      if (first !== reservation) return `is reserved for ${beneficiaryOf(first)} before`;
      const holder = this.#inUse.holderOf(block);
      const entry = byKey.get(key);
      if (entry !== undefined && isFor(reservation, entry)) return undefined;
      if (entry !== undefined) return `is held by ${holder}`;
      if (!this.#gives(block)) return 'is not one that the pool gives out';
      // What is released is soon free.
      if (holder !== undefined) return listed.has(key) ? undefined : `is held by ${holder}`;
      const other = claim && byName.get(claim)?.find((each) => isFor(reservation, each.entry));
      return other ? `waits for ${holderOf(other.entry)}, which has ${other.key}` : undefined;
    };
    return reservations.list.map((reservation) => {
      const entry = byKey.get(keyOf(reservation.block));
      const conflict = conflictOf(reservation);
      return {
        reservation,
        ...(entry !== undefined && { holder: holderOf(entry) }),
        ...(conflict !== undefined && { conflict }),
      };
    });
  }

  #count(): Pick<PoolPlan, 'counts' | 'used' | 'outOfRange' | 'blockLength' | 'taken'> {
    const ranges = this.#ranges;
    const { own } = this.#inUse;
    const regular = RangeSet.of(own.filter(({ length }) => length === ranges?.blockLength));
    const odd = own.filter(({ length }) => length !== ranges?.blockLength);
    const used = regular.union(RangeSet.of(odd));
    const outside = regular.difference(ranges?.allocatable ?? RangeSet.EMPTY);
    const foreign = RangeSet.of(this.#view.foreign.flatMap((each) => blockOf(each) ?? []));
    const released = this.#released.filter((block) => !foreign.overlaps(block));
    const count = (set: RangeSet) => (ranges === undefined ? 0n : countBlocks(set, ranges.blockLength));
    return {
      counts: {
        total: ranges === undefined ? 0n : count(ranges.allocatable),
        used: BigInt(own.length + this.#unreadable.length),
        free: ranges === undefined ? 0n : count(this.#free(ranges)),
        outOfRange: count(outside) + BigInt(odd.length + this.#unreadable.length),
        released: BigInt(released.length),
        pending: this.#pending,
      },
      used,
      outOfRange: outside.union(RangeSet.of(odd)),
      blockLength: ranges?.blockLength ?? own.reduce((most, { length }) => Math.max(most, length), 0),
      taken: this.#inUse.toSet().difference(used),
    };
  }
}

/** Whether an allocation is not the claim's any more: it leaves, or says that it has another. */
function isGivenUp(claim: IPAddressClaim, { key }: Allocation, held: readonly Allocation[]): boolean {
  if (isLeaving(claim)) return true;
  if (held.length < 2) return false;
  const has = recordedAddress(claim);
  return key !== has && held.some((other) => other.key === has);
}

/** Whether the claim had an address, by its status, which those who make claims cannot write. */
function hadAddress({ status }: IPAddressClaim): boolean {
  return status?.addressRef !== undefined;
}

/** A paused one keeps its IPAddress, so that whoever labels it does not make it leave. */
function isLeaving(claim: IPAddressClaim): boolean {
  const { deletionTimestamp, labels } = claim.metadata;
  return deletionTimestamp !== undefined && labels?.[SETTLED_LABEL] === LEAVING && !isPaused(claim);
}

/** Whether the claims hook still waits for what becomes of the claim's address. A settled one has all that it keeps. */
function isListening({ metadata }: IPAddressClaim, pool: Pool): boolean {
  const isSettled = metadata.labels?.[SETTLED_LABEL] === pool.metadata.uid;
  return !isSettled && (metadata.finalizers?.includes(CLAIMS_FINALIZER) ?? false);
}

/** Oldest first, and of one time as addresses go. A time that cannot be read is old. */
function byRelease(a: Allocation, b: Allocation): number {
  const [one, other] = [a, b].map(({ entry: { released = '' } }) => Date.parse(released) || 0) as [
    number,
    number,
  ];
  return one - other || compareRanges(a.block, b.block);
}

function isSame(a: Block, b: Block): boolean {
  return a.family === b.family && a.first === b.first && a.length === b.length;
}

/** The claim that has an entry, for the end of a message. */
export function holderOf({ namespace, name }: SliceEntry): string {
  return `IPAddressClaim ${qualifiedName({ name, ...(namespace !== undefined && { namespace }) })}`;
}

function uidOf({ metadata }: KubernetesObject): string {
  return metadata.uid ?? '';
}

/** The first few ranges of a set of blocks of `length`, for a message. */
export function summarize(set: RangeSet, length: number, most = 3): string {
  const shown = set.ranges.slice(0, most).map((range) => formatSpan(range, length));
  const more = set.ranges.length - shown.length;
  return more > 0 ? `${shown.join(', ')} and ${more} more` : shown.join(', ');
}
