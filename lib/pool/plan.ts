import { type Address, parseAddress } from '../address/address.ts';
import { formatRange, type Prefix, rangeOf } from '../address/range.ts';
import { RangeSet } from '../address/range-set.ts';
import { secondsHeld, secondsSince } from '../allocation/hold.ts';
import { pieceOfName } from '../allocation/names.ts';
import {
  type Allocation,
  allocationsOf,
  isEnding,
  pieceOfSlice,
  type SlicePlan,
} from '../allocation/slice.ts';
import {
  ADDRESS_ANNOTATION,
  CLAIMS_FINALIZER,
  LEAVING,
  REQUESTED_ADDRESS_ANNOTATION,
  SETTLED_LABEL,
} from '../kubernetes/names.ts';
import { compareAge, isPaused, type KubernetesObject, qualifiedName } from '../kubernetes/object.ts';
import { formatTime } from '../kubernetes/time.ts';
import type { IPAddress, IPAddressClaim, SliceAnswer, SliceEntry } from '../kubernetes/types.ts';
import type { HookContext } from '../metacontroller/hook.ts';
import { shorten } from '../text.ts';
import { AddressesInUse } from './in-use.ts';
import { type Pool, poolTitle } from './pool.ts';
import type { PoolRanges } from './spec.ts';
import type { PoolView } from './view.ts';

/** Why a pool gives out nothing new. */
export interface Standstill {
  readonly reason: 'InvalidSpec' | 'Paused' | 'Deleting' | 'AddressUnknown';
  readonly message: string;
}

export interface PoolPlan {
  readonly slices: SlicePlan;
  readonly standstill: Standstill | undefined;
  readonly counts: PoolCounts;
  /** The addresses taken from the pool: `counts.used`. */
  readonly used: RangeSet;
  /** Those of `used` that the pool's spec does not cover. */
  readonly outOfRange: RangeSet;
  /** Beside `used`, what is not free: neighbours have it, or nobody can tell who has what of it. */
  readonly taken: RangeSet;
  /** Seconds until time alone changes this plan; infinite if it does not. */
  readonly changesInSeconds: number;
}

export interface PoolCounts {
  /** Addresses that the pool may give out. */
  readonly total: bigint;
  /** Addresses taken from it, by whomever, whether or not the spec covers them. */
  readonly used: bigint;
  readonly free: bigint;
  /** Those of `used` that the spec does not cover. */
  readonly outOfRange: bigint;
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
 *    it again, those that ask for one get that, the others the lowest free ones.
 *
 * What goes now counts as used for this once: an entry cannot change hands in one write.
 *
 * @param ranges undefined while the spec is invalid
 */
export function planPool(
  view: PoolView,
  ranges: PoolRanges | undefined,
  standstill: Standstill | undefined,
  context: HookContext,
): PoolPlan {
  return new Planner(view, ranges, standstill, context).plan();
}

class Planner {
  readonly #view: PoolView;
  readonly #ranges: PoolRanges | undefined;
  #standstill: Standstill | undefined;
  readonly #now: number;
  readonly #title: string;

  readonly #inUse = new AddressesInUse();
  readonly #kept: Allocation[] = [];
  readonly #added: { block: Prefix; entry: SliceEntry }[] = [];
  readonly #bells: Set<string>;
  readonly #answers = new Map<string, SliceAnswer>();
  #changesInSeconds = Number.POSITIVE_INFINITY;

  constructor(
    view: PoolView,
    ranges: PoolRanges | undefined,
    standstill: Standstill | undefined,
    { now }: HookContext,
  ) {
    this.#view = view;
    this.#ranges = ranges;
    this.#standstill = standstill;
    this.#now = now;
    this.#title = poolTitle(view.pool);
    this.#bells = new Set(view.claims.map(uidOf));
  }

  plan(): PoolPlan {
    const { claims, slices, foreign, neighbours, neighbourAddresses } = this.#view;
    const allocations = allocationsOf(slices);
    for (const { block, entry } of allocations) this.#inUse.add(addressAt(block), holderOf(entry));
    this.#block();
    for (const { block, entry } of allocationsOf(neighbours)) {
      this.#inUse.add(addressAt(block), holderOf(entry));
    }

    const held = this.#keep(allocations);
    const listed = new Set(allocations.map(({ entry }) => entry.uid));
    const arrivals = arrivalsOf(foreign);
    const waiting: IPAddressClaim[] = [];
    for (const claim of [...claims].sort(compareAge)) {
      if (isLeaving(claim)) {
        if (!listed.has(uidOf(claim))) this.#answers.set(uidOf(claim), { reason: 'NothingHeld' });
      } else if (!this.#takeOver(claim, arrivals, held) && !held.has(uidOf(claim))) waiting.push(claim);
    }
    for (const each of [...foreign, ...neighbourAddresses]) {
      this.#inUse.addText(each.spec.address, titleOf(each));
    }
    this.#standstill ??= this.#arriving(waiting);
    this.#serve(waiting);
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
      changesInSeconds: this.#changesInSeconds,
    };
  }

  /** Pieces that this sync cannot write to, or does not know enough of. */
  #block(): void {
    const { slices, lost, neighbours, leftovers } = this.#view;
    const block = (piece: Prefix | undefined, name: string, why: string) => {
      if (piece !== undefined) this.#inUse.block(piece, `AllocationSlice ${name}, which ${why}`);
    };
    for (const slice of leftovers) {
      block(pieceOfSlice(slice), slice.metadata.name, 'an earlier pool of this name left: delete it');
    }
    for (const slice of slices.filter(isEnding)) {
      block(pieceOfSlice(slice), slice.metadata.name, 'is being deleted');
    }
    for (const slice of neighbours) {
      block(pieceOfSlice(slice), slice.metadata.name, 'another pool of the address space keeps');
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
      const isLeft = claim !== undefined && isGivenUp(claim, each, held.get(entry.uid) ?? []);
      if (entry.released !== undefined) this.#hold(each, entry.released, claim);
      else if (isLeft) this.#hold(each, formatTime(this.#now), claim);
      else this.#kept.push(each);
    }
    for (const [uid, several] of held) if (several.length > 1) this.#bells.add(uid);
    return held;
  }

  /** Keeps what is released, or about to be, for the grace period, and until its claim has heard of it. */
  #hold(allocation: Allocation, since: string, claim: IPAddressClaim | undefined): void {
    const isNew = allocation.entry.released === undefined;
    const isHeard = claim === undefined || !isListening(claim, this.#view.pool);
    const left =
      this.#gracePeriod === undefined ? undefined : secondsHeld(since, this.#gracePeriod, this.#now);
    if (left !== undefined && left > 0) this.#changesIn(left);
    // Time cannot be trusted to have been right when it was written, only not to be ahead of now.
    const released = Date.parse(since) > this.#now ? formatTime(this.#now) : since;
    if (isNew || !isHeard || left === undefined || left > 0) {
      this.#kept.push({ ...allocation, entry: { ...allocation.entry, released } });
    }
  }

  /** Undefined while nobody can tell how long it is, or nothing is to become free. */
  get #gracePeriod(): number | undefined {
    if (this.#standstill?.reason === 'Deleting') return 0;
    return this.#standstill?.reason === 'Paused' ? undefined : this.#ranges?.reuseGracePeriodSeconds;
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
    const { address, object } = arrival;
    if (own?.some(({ block }) => block.family === address.family && block.first === address.value))
      return true;
    // The claim is about to take what it was given, unless one of its own name keeps it from that.
    if (own !== undefined && object.metadata.name !== claim.metadata.name) return true;
    if (isPaused(claim) || this.#isStill) {
      this.#inUse.add(address, titleOf(claim));
      return true;
    }
    const holder = this.#inUse.holderOf(address);
    if (holder === undefined) this.#add(claim, address, { adopted: true });
    else this.#refuse(claim, 'AllocationFailed', `its address ${object.spec.address} is held by ${holder}`);
    return true;
  }

  /** Whether nothing new is to be listed, not even what is in use. */
  get #isStill(): boolean {
    return this.#ranges === undefined || this.#standstill?.reason === 'Paused';
  }

  /** A claim that came here with the name of its IPAddress, while nobody knows which address that is. */
  #arriving(waiting: readonly IPAddressClaim[]): Standstill | undefined {
    const claim = waiting.find(
      ({ metadata, status }) =>
        status?.addressRef !== undefined &&
        metadata.annotations?.[ADDRESS_ANNOTATION] === undefined &&
        secondsSince(metadata.creationTimestamp, this.#now) < ARRIVING_SECONDS,
    );
    if (claim === undefined) return undefined;
    this.#changesIn(ARRIVING_SECONDS - secondsSince(claim.metadata.creationTimestamp, this.#now));
    const message = `waits for IPAddress ${claim.status?.addressRef?.name} of ${titleOf(claim)}, which has not arrived yet`;
    return { reason: 'AddressUnknown', message };
  }

  /** Gives each waiting claim an address, or the reason why it gets none. */
  #serve(waiting: readonly IPAddressClaim[]): void {
    const living = waiting.filter((claim) => claim.metadata.deletionTimestamp === undefined);
    const former = new Map(living.map((claim) => [claim, this.#formerAddress(claim)]));
    // What a paused claim had is not given to another, but it is left alone.
    for (const claim of living.filter(isPaused)) {
      const address = former.get(claim);
      if (address !== undefined) this.#inUse.add(address, titleOf(claim));
    }
    const served = living.filter((claim) => !isPaused(claim));
    const stop = this.#standstill;
    if (stop !== undefined) {
      for (const claim of served) this.#refuse(claim, 'PoolNotReady', `${this.#title} ${stop.message}`);
      return;
    }
    const others: IPAddressClaim[] = [];
    for (const claim of served) {
      const address = former.get(claim);
      const holder = address && this.#inUse.holderOf(address);
      if (address === undefined) others.push(claim);
      else if (holder === undefined) this.#add(claim, address);
      else if (this.#isLost(address)) {
        this.#refuse(claim, 'PoolNotReady', `its address is kept by ${holder}`);
      } else others.push(claim);
    }
    this.#serveUnserved(others);
  }

  #serveUnserved(claims: readonly IPAddressClaim[]): void {
    const { allocatable } = this.#ranges!;
    const unspecific: IPAddressClaim[] = [];
    for (const claim of claims) {
      const text = claim.metadata.annotations?.[REQUESTED_ADDRESS_ANNOTATION];
      const address = text === undefined ? undefined : parseAddress(text);
      const holder = address && this.#inUse.holderOf(address);
      const refuse = (why: string) => this.#refuse(claim, 'AllocationFailed', `the requested address ${why}`);
      if (text === undefined) unspecific.push(claim);
      else if (address === undefined) refuse(`${JSON.stringify(text)} is not an IP address`);
      else if (!allocatable.has(address)) refuse(`${text} is not one that ${this.#title} gives out`);
      else if (holder !== undefined) refuse(`${text} is in use by ${holder}`);
      else this.#add(claim, address);
    }
    if (unspecific.length === 0) return;
    const free = allocatable.difference(this.#inUse.withBlocked())[Symbol.iterator]();
    for (const claim of unspecific) {
      const next = free.next();
      if (next.done) this.#refuse(claim, 'PoolExhausted', `${this.#title} has no free address`);
      else this.#add(claim, next.value);
    }
  }

  /** The address that the claim says it had, if the pool may give it. */
  #formerAddress({ metadata }: IPAddressClaim): Address | undefined {
    const text = metadata.annotations?.[ADDRESS_ANNOTATION];
    const address = text === undefined ? undefined : parseAddress(text);
    return address !== undefined && this.#ranges?.allocatable.has(address) ? address : undefined;
  }

  #isLost({ family, value }: Address): boolean {
    return this.#view.lost.some((name) => {
      const piece = pieceOfName(name)?.piece;
      return piece?.family === family && piece.first <= value && value <= piece.last;
    });
  }

  #add(claim: IPAddressClaim, address: Address, more: Partial<SliceEntry> = {}): void {
    const { uid = '', namespace, name } = claim.metadata;
    this.#inUse.add(address, titleOf(claim));
    const block = { ...rangeOf(address), length: address.family === 4 ? 32 : 128 };
    this.#added.push({ block, entry: { uid, ...(namespace && { namespace }), name, ...more } });
  }

  #refuse(claim: IPAddressClaim, reason: string, message: string): void {
    this.#answers.set(uidOf(claim), { reason, message: shorten(message) });
  }

  #changesIn(seconds: number): void {
    this.#changesInSeconds = Math.min(this.#changesInSeconds, seconds);
  }

  #count(): Pick<PoolPlan, 'counts' | 'used' | 'outOfRange' | 'taken'> {
    const { neighbours, neighbourAddresses } = this.#view;
    const allocatable = this.#ranges?.allocatable ?? RangeSet.EMPTY;
    const others = [
      ...allocationsOf(neighbours).map(({ block }) => block),
      ...neighbourAddresses.flatMap(({ spec }) => parseAddress(spec.address) ?? []).map(rangeOf),
    ];
    const used = this.#inUse.toSet().difference(RangeSet.of(others));
    const outOfRange = used.difference(allocatable);
    const occupied = this.#inUse.withBlocked();
    const pending = [...this.#answers.values()].filter(({ reason }) => reason !== 'NothingHeld').length;
    return {
      counts: {
        total: allocatable.count,
        used: used.count,
        free: allocatable.difference(occupied).count,
        outOfRange: outOfRange.count,
        pending,
      },
      used,
      outOfRange,
      taken: occupied.difference(used),
    };
  }
}

/** Whether an allocation is not the claim's any more: it leaves, or says that it has another. */
function isGivenUp(claim: IPAddressClaim, { key }: Allocation, held: readonly Allocation[]): boolean {
  if (isLeaving(claim)) return true;
  if (held.length < 2) return false;
  const has = claim.metadata.annotations?.[ADDRESS_ANNOTATION];
  return key !== has && held.some((other) => other.key === has);
}

function isLeaving({ metadata }: IPAddressClaim): boolean {
  return metadata.deletionTimestamp !== undefined && metadata.labels?.[SETTLED_LABEL] === LEAVING;
}

/** Whether the claims hook still waits for what becomes of the claim's address. A settled one has all that it keeps. */
function isListening({ metadata }: IPAddressClaim, pool: Pool): boolean {
  const isSettled = metadata.labels?.[SETTLED_LABEL] === pool.metadata.uid;
  return !isSettled && (metadata.finalizers?.includes(CLAIMS_FINALIZER) ?? false);
}

/** An address that a claim has from elsewhere, by the oldest IPAddress that says so. */
interface Arrival {
  readonly address: Address;
  readonly object: IPAddress;
}

/** By `namespace/name` of the claim. */
function arrivalsOf(foreign: readonly IPAddress[]): Map<string, Arrival> {
  const arrivals = new Map<string, Arrival>();
  for (const object of [...foreign].sort(compareAge)) {
    const address = parseAddress(object.spec.address);
    const claim = qualifiedName({ ...object.metadata, name: object.spec.claimRef.name });
    if (address !== undefined && !arrivals.has(claim)) arrivals.set(claim, { address, object });
  }
  return arrivals;
}

function addressAt({ family, first }: Prefix): Address {
  return { family, value: first };
}

/** The claim that has an entry, for the end of a message. */
export function holderOf({ namespace, name }: SliceEntry): string {
  return `IPAddressClaim ${qualifiedName({ name, ...(namespace !== undefined && { namespace }) })}`;
}

function titleOf({ kind, metadata }: KubernetesObject): string {
  return `${kind} ${qualifiedName(metadata)}`;
}

function uidOf({ metadata }: KubernetesObject): string {
  return metadata.uid ?? '';
}

/** The first few ranges of a set, for a message. */
export function summarize(set: RangeSet, most = 3): string {
  const shown = set.ranges.slice(0, most).map(formatRange);
  const more = set.ranges.length - shown.length;
  return more > 0 ? `${shown.join(', ')} and ${more} more` : shown.join(', ');
}
