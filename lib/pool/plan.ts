import { type Address, formatAddress, parseAddress } from '../address/address.ts';
import { formatRange, rangeOf } from '../address/range.ts';
import { RangeSet } from '../address/range-set.ts';
import { claimIsGone, newestVersion, secondsSince } from '../allocation/release.ts';
import {
  ADDRESS_ANNOTATION,
  RELEASED_AT_ANNOTATION,
  REQUESTED_ADDRESS_ANNOTATION,
} from '../kubernetes/names.ts';
import { compareAge, compareResourceVersions, isPaused, qualifiedName } from '../kubernetes/object.ts';
import type { IPAddress, IPAddressClaim, IPAllocation } from '../kubernetes/types.ts';
import type { HookContext } from '../metacontroller/hook.ts';
import { shorten } from '../text.ts';
import { AddressesInUse } from './in-use.ts';
import type { PoolRanges } from './spec.ts';

/** What a pool sees. Allocations are its own; the rest is what its related rules select. */
export interface PoolView {
  /** For messages: `InClusterIPPool default/pool-a`. */
  readonly title: string;
  /** Undefined while the spec is invalid. */
  readonly ranges: PoolRanges | undefined;
  readonly claims: readonly IPAddressClaim[];
  readonly allocations: readonly IPAllocation[];
  /** IPAddresses that refer to the pool and that it has no allocation of its own for, as far as labels tell. */
  readonly foreign: readonly IPAddress[];
  /** Allocations that other pools made in the same address space. */
  readonly neighbours: readonly IPAllocation[];
  /** Allocations of an earlier pool of the same name: of one that was deleted, restored or moved here. */
  readonly leftovers: readonly IPAllocation[];
  /** IPAddresses of other pools in the same address space. */
  readonly neighbourAddresses: readonly IPAddress[];
}

/** Why a pool gives out nothing new. */
export interface Standstill {
  readonly reason: 'InvalidSpec' | 'Paused' | 'Deleting' | 'AddressUnknown';
  readonly message: string;
}

export interface Plan {
  /** Allocations to keep as they are; `releasedAt` while the reuse grace period holds them. */
  readonly kept: { readonly allocation: IPAllocation; readonly releasedAt?: string }[];
  readonly added: Addition[];
  readonly refused: { readonly claim: IPAddressClaim; readonly refusal: Refusal }[];
  readonly standstill: Standstill | undefined;
  readonly counts: PoolCounts;
  /** The addresses in use that the pool's spec does not cover. */
  readonly outOfRange: RangeSet;
  /** Seconds until time alone changes this plan. */
  readonly expiresInSeconds: number | undefined;
}

export interface Addition {
  readonly claim: IPAddressClaim;
  readonly address: Address;
  /** The IPAddress that was there before, and that stays as it is. */
  readonly adopted: IPAddress | undefined;
}

export interface Refusal {
  /** Reasons of Cluster API's IPAM contract for a claim's Ready condition. */
  readonly reason: 'PoolExhausted' | 'PoolNotReady' | 'AllocationFailed';
  readonly message: string;
}

export interface PoolCounts {
  readonly total: bigint;
  readonly used: bigint;
  readonly free: bigint;
  readonly outOfRange: bigint;
  readonly pending: number;
}

type Add = (claim: IPAddressClaim, address: Address, adopted?: IPAddress) => void;
type Refuse = (claim: IPAddressClaim, reason: Refusal['reason'], message: string) => void;

/**
 * Decides, for one pool and all its claims at once, which allocations stay, go and come.
 *
 * An allocation stays while its claim lives; of several for one claim the one the claim is bound to stays, else
 * the oldest. Then addresses that are in use already are reserved for their claims, then claims that ask for
 * an address get it, then the others get the lowest free ones, oldest claim first.
 */
export function planPool(view: PoolView, standstill: Standstill | undefined, context: HookContext): Plan {
  const { ranges } = view;
  const heldBy = holdings(view.foreign);
  const settled = settleAllocations(view, heldBy, standstill, context);
  const inUse = new AddressesInUse();
  // Also those that go now: until the object is deleted its name is taken, and its spec cannot be changed.
  for (const allocation of view.allocations) inUse.addText(allocation.spec.address, allocation);
  for (const allocation of view.leftovers) inUse.addLeftover(allocation);
  for (const allocation of view.neighbours) inUse.addText(allocation.spec.address, allocation);

  const added: Plan['added'] = [];
  const refused: Plan['refused'] = [];
  const add: Add = (claim, address, adopted) => {
    inUse.add(address, claim);
    added.push({ claim, address, adopted });
  };
  const refuse: Refuse = (claim, reason, message) =>
    refused.push({ claim, refusal: { reason, message: shorten(message) } });

  const waiting: IPAddressClaim[] = [];
  let unknown: IPAddressClaim | undefined;
  for (const claim of unservedClaims(view.claims, settled.served)) {
    const held = heldBy(claim);
    if (held === undefined && claim.status?.addressRef !== undefined) {
      unknown ??= claim;
    } else if (isPaused(claim)) {
      // Left alone, but what it has is not given to another.
      if (held !== undefined) inUse.add(held.address, claim);
    } else if (held !== undefined && ranges !== undefined && !isFrozen(standstill)) {
      const { address, adopted } = held;
      const holder = inUse.holderOf(address);
      if (holder === undefined) add(claim, address, adopted);
      else refuse(claim, 'AllocationFailed', `its address ${formatAddress(address)} is held by ${holder}`);
    } else if (claim.metadata.deletionTimestamp === undefined) {
      waiting.push(claim);
    }
  }
  for (const address of [...view.foreign, ...view.neighbourAddresses])
    inUse.addText(address.spec.address, address);

  const stop = standstill ?? (unknown && unknownAddress(unknown));
  if (stop !== undefined) {
    for (const claim of waiting) refuse(claim, 'PoolNotReady', `${view.title} ${stop.message}`);
  } else if (ranges !== undefined) {
    serve(waiting, view.title, ranges, inUse, add, refuse);
  }

  const allocatable = ranges?.allocatable ?? RangeSet.EMPTY;
  const used = inUse.toSet();
  const own = used.difference(addressesOf([...view.neighbours, ...view.neighbourAddresses]));
  const outOfRange = own.difference(allocatable);
  const counts = {
    total: allocatable.count,
    used: own.count,
    free: allocatable.difference(used).count,
    outOfRange: outOfRange.count,
    pending: refused.length,
  };
  const { kept, expiresInSeconds } = settled;
  return { kept, added, refused, standstill: stop, counts, outOfRange, expiresInSeconds };
}

/** Whether the pool's allocations stay exactly as they are. */
function isFrozen(standstill: Standstill | undefined): boolean {
  return standstill?.reason === 'Paused' || standstill?.reason === 'InvalidSpec';
}

/** Claims without an allocation that counts, oldest first. */
function unservedClaims(claims: readonly IPAddressClaim[], served: ReadonlySet<string>): IPAddressClaim[] {
  return claims.filter((claim) => !served.has(claim.metadata.uid ?? '')).sort(compareAge);
}

/** An address that a claim has, whatever the pool has allocated; `adopted` is the IPAddress that says so. */
interface Holding {
  readonly address: Address;
  readonly adopted?: IPAddress;
}

/** Finds what a claim has: the address that it says it is bound to, else that of its oldest foreign IPAddress. */
function holdings(foreign: readonly IPAddress[]): (claim: IPAddressClaim) => Holding | undefined {
  const byClaim = new Map<string, Holding>();
  for (const adopted of [...foreign].sort(compareAge)) {
    const { metadata, spec } = adopted;
    const address = parseAddress(spec.address);
    const claim = qualifiedName({ ...metadata, name: spec.claimRef.name });
    if (address !== undefined && !byClaim.has(claim)) byClaim.set(claim, { address, adopted });
  }
  return (claim) => {
    const found = byClaim.get(qualifiedName(claim.metadata));
    const address = boundAddress(claim);
    if (address === undefined || found?.address.value === address.value) return found;
    return { address };
  };
}

interface Settled {
  readonly kept: Plan['kept'];
  /** Uids of the claims that have an allocation. */
  readonly served: ReadonlySet<string>;
  readonly expiresInSeconds: number | undefined;
}

/** Which of the pool's allocations stay. */
function settleAllocations(
  view: PoolView,
  heldBy: ReturnType<typeof holdings>,
  standstill: Standstill | undefined,
  context: HookContext,
): Settled {
  const claims = new Map(view.claims.map((claim) => [claim.metadata.uid, claim]));
  const newestClaim = newestVersion(view.claims);
  const isDeleting = standstill?.reason === 'Deleting';
  const gracePeriod = isDeleting ? 0 : (view.ranges?.reuseGracePeriodSeconds ?? 0);
  const byClaim = new Map<string, IPAllocation[]>();
  const kept: Plan['kept'] = [];
  const served = new Set<string>();
  let expiresInSeconds: number | undefined;
  const keep = (allocation: IPAllocation, releasedAt?: string) => {
    kept.push(releasedAt === undefined ? { allocation } : { allocation, releasedAt });
  };
  const keepFor = (seconds: number) => {
    expiresInSeconds = Math.min(expiresInSeconds ?? Number.POSITIVE_INFINITY, seconds);
  };

  for (const allocation of view.allocations) {
    if (allocation.spec.address === undefined) continue;
    const { uid } = allocation.spec.claimRef;
    const others = byClaim.get(uid);
    if (others === undefined) byClaim.set(uid, [allocation]);
    else others.push(allocation);
  }

  for (const [uid, allocations] of byClaim) {
    const claim = claims.get(uid);
    if (isFrozen(standstill)) {
      for (const allocation of allocations) keep(allocation, releasedAt(allocation));
      served.add(uid);
    } else if (claim !== undefined) {
      const allocation = allocationOf(claim, heldBy(claim), allocations);
      if (allocation !== undefined) {
        keep(allocation);
        served.add(uid);
      } else {
        // The address that the claim has comes first; until its allocation exists nothing is given up for it.
        for (const other of allocations) keep(other);
      }
    } else {
      for (const allocation of allocations) {
        const hold = holdAfterClaim(allocation, newestClaim, gracePeriod, context);
        if (hold === undefined) continue;
        keep(allocation, hold.releasedAt);
        keepFor(hold.seconds);
      }
    }
  }
  return { kept, served, expiresInSeconds };
}

/**
 * The allocation that counts: of the address that the claim has, else the one made first.
 *
 * An IPAddress of another name is too late here: the claim may be about to take what is allocated. One of the
 * claim's own name keeps it from that.
 */
function allocationOf(
  { metadata }: IPAddressClaim,
  held: Holding | undefined,
  allocations: IPAllocation[],
): IPAllocation | undefined {
  const isTooLate = held?.adopted !== undefined && held.adopted.metadata.name !== metadata.name;
  if (held !== undefined && !isTooLate) {
    const text = formatAddress(held.address);
    return allocations.find(({ spec }) => spec.address === text);
  }
  return oldest(allocations);
}

/** Allocations are never updated while their claim lives, so resourceVersions give the order of creation. */
export function oldest(allocations: readonly IPAllocation[]): IPAllocation | undefined {
  let first = allocations[0];
  for (const allocation of allocations) {
    if (compareResourceVersions(allocation.metadata.resourceVersion, first?.metadata.resourceVersion) < 0) {
      first = allocation;
    }
  }
  return first;
}

/** For how long the allocation of a claim that is not in view stays; undefined if it goes now. */
function holdAfterClaim(
  allocation: IPAllocation,
  newestClaim: string | undefined,
  gracePeriod: number,
  context: HookContext,
): { seconds: number; releasedAt?: string } | undefined {
  const { now, config } = context;
  const markedAt = releasedAt(allocation);
  if (markedAt === undefined && !claimIsGone(allocation, newestClaim, context)) {
    return { seconds: config.cacheLagSeconds - secondsSince(allocation.metadata.creationTimestamp, now) };
  }
  const since = markedAt ?? new Date(now).toISOString();
  const seconds = gracePeriod - secondsSince(since, now);
  return seconds > 0 ? { seconds, releasedAt: since } : undefined;
}

function releasedAt({ metadata }: IPAllocation): string | undefined {
  return metadata.annotations?.[RELEASED_AT_ANNOTATION];
}

/** Gives each waiting claim an address, or the reason why it gets none. */
function serve(
  waiting: readonly IPAddressClaim[],
  title: string,
  { allocatable }: PoolRanges,
  inUse: AddressesInUse,
  add: Add,
  refuse: Refuse,
): void {
  const unspecific: IPAddressClaim[] = [];
  for (const claim of waiting) {
    const text = claim.metadata.annotations?.[REQUESTED_ADDRESS_ANNOTATION];
    if (text === undefined) {
      unspecific.push(claim);
      continue;
    }
    const address = parseAddress(text);
    const holder = address && inUse.holderOf(address);
    if (address === undefined) {
      refuse(claim, 'AllocationFailed', `the requested address ${JSON.stringify(text)} is not an IP address`);
    } else if (!allocatable.has(address)) {
      refuse(claim, 'AllocationFailed', `the requested address ${text} is not one that ${title} gives out`);
    } else if (holder !== undefined) {
      refuse(claim, 'AllocationFailed', `the requested address ${text} is in use by ${holder}`);
    } else {
      add(claim, address);
    }
  }
  if (unspecific.length === 0) return;
  const free = allocatable.difference(inUse.toSet())[Symbol.iterator]();
  for (const claim of unspecific) {
    const next = free.next();
    if (next.done) refuse(claim, 'PoolExhausted', `${title} has no free address`);
    else add(claim, next.value);
  }
}

/** The address that the claim says it holds. */
function boundAddress({ metadata, status }: IPAddressClaim): Address | undefined {
  const text = metadata.annotations?.[ADDRESS_ANNOTATION];
  return text === undefined || status?.addressRef === undefined ? undefined : parseAddress(text);
}

function unknownAddress(claim: IPAddressClaim): Standstill {
  return {
    reason: 'AddressUnknown',
    message: `IPAddressClaim ${qualifiedName(claim.metadata)} has an address that is not known yet`,
  };
}

function addressesOf(holders: readonly (IPAllocation | IPAddress)[]): RangeSet {
  const addresses = holders.map(({ spec }) => parseAddress(spec.address ?? ''));
  return RangeSet.of(addresses.filter((address) => address !== undefined).map(rangeOf));
}

/** The first few ranges of a set, for a message. */
export function summarize(set: RangeSet, most = 3): string {
  const shown = set.ranges.slice(0, most).map(formatRange);
  const more = set.ranges.length - shown.length;
  return more > 0 ? `${shown.join(', ')} and ${more} more` : shown.join(', ');
}
