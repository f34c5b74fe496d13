/** What has to be true of pools and their claims once the world is at rest. */
import {
  ADDRESS_ANNOTATION,
  CLAIM_UID_LABEL,
  POOL_UID_LABEL,
  REQUESTED_ADDRESS_ANNOTATION,
} from '../lib/kubernetes/names.ts';
import { controllerOf, isPaused, qualifiedName, titleOf } from '../lib/kubernetes/object.ts';
import type { AllocationSlice, IPAddress, IPAddressClaim } from '../lib/kubernetes/types.ts';
import type { Pool } from '../lib/pool/pool.ts';
import type { PoolSpec } from '../lib/pool/spec.ts';
import type { Violation } from './invariants.ts';
import {
  addressesByName,
  allows,
  allPools,
  canonicalBlock,
  claimHolding,
  givenBy,
  gives,
  type Held,
  heldIn,
  holdingOf,
  isOfPool,
  isRemembered,
  labelledSpace,
  mayGet,
  poolKey,
  spaceOf,
  storedObjects,
  textsOverlap,
  wantedBy,
  withoutExceptions,
} from './model.ts';
import type { World } from './world.ts';

/** The first thing that is not as it has to be. */
export function checkCalmPools(world: World): Violation | undefined {
  const view = viewOf(world);
  for (const rule of RULES) for (const violation of rule(view)) return violation;
  return undefined;
}

type Rule = (view: PoolsView) => Generator<Violation>;

const RULES: readonly Rule[] = [
  entriesHaveHolders,
  slicesHavePools,
  addressesHaveClaims,
  lostSlicesAreBack,
  deletedPoolsGo,
  deletedClaimsGo,
  servedClaimsAreRight,
  waitingClaimsHaveReasons,
];

interface PoolsView {
  readonly world: World;
  readonly claims: readonly IPAddressClaim[];
  readonly claimsByUID: ReadonlyMap<string | undefined, IPAddressClaim>;
  readonly addresses: ReadonlyMap<string, IPAddress>;
  readonly pools: ReadonlyMap<string, Pool>;
  readonly slices: readonly AllocationSlice[];
  readonly allocations: readonly Held[];
  /** Those that are more than a memory. */
  readonly inUse: readonly Held[];
  /** Whether nobody may serve the claim now: it is paused, or its Cluster is, or is not there. */
  isHeldUp(claim: IPAddressClaim): boolean;
}

function viewOf(world: World): PoolsView {
  const { cluster, layout } = world;
  const claims = storedObjects<IPAddressClaim>(cluster, 'IPAddressClaim');
  const allocations = heldIn(cluster).filter(({ isBlock }) => !isBlock);
  const pools = new Map(allPools(cluster).map((pool) => [titleOf(pool), pool]));
  const clusters = new Map(cluster.objects('Cluster').map((each) => [qualifiedName(each.metadata), each]));
  return {
    world,
    claims,
    claimsByUID: new Map(claims.map((claim) => [claim.metadata.uid, claim])),
    addresses: addressesByName(cluster),
    pools,
    slices: storedObjects<AllocationSlice>(cluster, 'AllocationSlice'),
    allocations,
    inUse: allocations.filter((held) => {
      const pool = pools.get(poolKey(held.poolRef, held.slice.metadata.namespace));
      return pool?.metadata.uid !== held.poolRef.uid || !isRemembered(held, pool);
    }),
    isHeldUp(claim) {
      if (isPaused(claim)) return true;
      const { clusterName } = claim.spec;
      if (!layout.hasClusters || !clusterName) return false;
      const owner = clusters.get(`${claim.metadata.namespace}/${clusterName}`);
      return owner === undefined || (owner.spec as { paused?: boolean }).paused === true;
    },
  };
}

function* entriesHaveHolders(view: PoolsView): Generator<Violation> {
  const { addresses, allocations, claimsByUID, inUse, isHeldUp, pools } = view;
  const rule = 'nothing is left over';
  for (const { slice, key, entry, poolRef } of inUse) {
    const claim = claimsByUID.get(entry.uid);
    const pool = pools.get(poolKey(poolRef, slice.metadata.namespace));
    const title = `${key} in ${slice.metadata.name} of ${entry.name}`;
    if (pool?.metadata.uid !== poolRef.uid) {
      yield { rule, message: `${title} has no pool` };
      continue;
    }
    if (isFrozen(pool) || isOrphan(pool, slice)) continue;
    if (claim === undefined) {
      yield { rule, message: title };
      continue;
    }
    const held = claimHolding(claim, addresses);
    // Given by who had not heard that the pool goes, and could not see what --cascade=orphan had taken from it.
    const isSpare =
      slice.metadata.creationTimestamp! >= (pool.metadata.deletionTimestamp ?? '~') &&
      allocations.some((other) => other.entry.uid === entry.uid && isOrphan(pool, other.slice));
    if (held !== undefined && held !== key && !isHeldUp(claim) && !isSpare)
      yield { rule, message: `${title}, which has ${held}` };
  }
}

function* slicesHavePools({ claimsByUID, pools, slices }: PoolsView): Generator<Violation> {
  const rule = 'nothing is left over';
  for (const slice of slices) {
    const { metadata, spec } = slice;
    if (spec.poolRef.kind === 'PodNetwork') continue;
    const pool = pools.get(poolKey(spec.poolRef, metadata.namespace));
    if (pool === undefined) yield { rule, message: `${metadata.name} has no pool` };
    else if (!isOrphan(pool, slice)) {
      const uids = Object.keys(spec.answers ?? {});
      const isForNobody = uids.some((uid) => !claimsByUID.has(uid) && uid !== pool.metadata.uid);
      if (isForNobody) yield { rule, message: `an answer in ${metadata.name}` };
    }
  }
}

function* addressesHaveClaims({ addresses, claimsByUID, pools }: PoolsView): Generator<Violation> {
  const poolUIDs = new Set([...pools.values()].map(({ metadata }) => metadata.uid));
  for (const address of addresses.values()) {
    const { [CLAIM_UID_LABEL]: claim, [POOL_UID_LABEL]: pool } = address.metadata.labels ?? {};
    // What came from another cluster bears uids of there until a pool takes it over.
    const madeFor = controllerOf(address)?.uid ?? (poolUIDs.has(pool) ? claim : undefined);
    if (madeFor !== undefined && !claimsByUID.has(madeFor))
      yield { rule: 'nothing is left over', message: titleOf(address) };
  }
}

function* lostSlicesAreBack({ pools }: PoolsView): Generator<Violation> {
  for (const pool of pools.values()) {
    const isMissing = pool.status?.conditions?.some(
      ({ type, status }) => type === 'SlicesMissing' && status === 'True',
    );
    if (isMissing && !isLeaving(pool))
      yield { rule: 'what was lost is made again', message: `slices of ${titleOf(pool)}` };
  }
}

function* deletedPoolsGo(view: PoolsView): Generator<Violation> {
  const { addresses, allocations, claims, isHeldUp, pools } = view;
  const hasAny = (claim: IPAddressClaim) =>
    claimHolding(claim, addresses) !== undefined ||
    // What it says it has, until somebody ends its pause.
    (claim.status?.addressRef !== undefined && isHeldUp(claim));
  for (const pool of pools.values()) {
    if (!isLeaving(pool)) continue;
    const isUsed =
      claims.some((claim) => poolOf(claim, pools) === pool && hasAny(claim)) ||
      allocations.some(({ poolRef }) => poolRef.uid === pool.metadata.uid);
    if (!isUsed) yield { rule: 'what is deleted goes', message: titleOf(pool) };
  }
}

function* deletedClaimsGo(view: PoolsView): Generator<Violation> {
  for (const { claim, pool } of claimsInPlay(view)) {
    // A paused pool takes nothing back, until it is deleted itself.
    const isKept = pool !== undefined && isPaused(pool) && !isLeaving(pool);
    if (isLeaving(claim) && !isKept) yield { rule: 'what is deleted goes', message: titleOf(claim) };
  }
}

function* servedClaimsAreRight(view: PoolsView): Generator<Violation> {
  const { addresses, allocations, world } = view;
  for (const { claim, pool } of claimsInPlay(view)) {
    if (isLeaving(claim) || claim.status?.addressRef === undefined) continue;
    const title = titleOf(claim);
    const ready = readyOf(claim);
    const address = addresses.get(qualifiedName(claim.metadata));
    if (address === undefined) {
      if (pool !== undefined && !isFrozen(pool) && !isLeaving(pool))
        yield {
          rule: 'what was lost is made again',
          message: `${title}: ${ready?.reason} ${ready?.message}`,
        };
      continue;
    }
    const isKept = pool !== undefined && isFrozen(pool);
    // What a late request has overwritten is put right at the half-hourly look.
    if (ready?.status !== 'True' && !isKept && !world.overwritten.has(claim.metadata.uid!))
      yield { rule: 'conditions tell the truth', message: `${title}: ${ready?.message}` };
    const told = claim.metadata.annotations?.[ADDRESS_ANNOTATION];
    // What moved before its claim was told waits for its pool.
    const isUntold = isKept && world.moves > 0 && told === undefined;
    if (!isUntold && holdingOf(address) !== told)
      yield { rule: 'conditions tell the truth', message: `${title}: ${told}` };
    if (pool === undefined || isKept) continue;
    const isBacked = allocations.some(
      ({ key, entry }) =>
        entry.uid === claim.metadata.uid && entry.released === undefined && key === holdingOf(address),
    );
    if (!isBacked && !isLeaving(pool))
      yield { rule: 'every address is allocated', message: `${title} ${address.spec.address}` };
    // Its claim might go unseen, as when everything moves on: then it is found by this.
    const { [CLAIM_UID_LABEL]: madeFor = claim.metadata.uid } = address.metadata.labels ?? {};
    if (isBacked && madeFor !== claim.metadata.uid && !isLeaving(address))
      yield { rule: 'what has moved is at home', message: title };
  }
}

function* waitingClaimsHaveReasons(view: PoolsView): Generator<Violation> {
  const { allocations, world } = view;
  const used = usedBySpace(view);
  for (const { claim, pool } of claimsInPlay(view)) {
    if (isLeaving(claim) || claim.status?.addressRef !== undefined) continue;
    const title = titleOf(claim);
    const ready = readyOf(claim);
    if (ready === undefined || ready.status === 'True') {
      yield { rule: 'every claim gets an answer', message: `${title}: ${JSON.stringify(claim.status)}` };
      continue;
    }
    if (pool === undefined || isFrozen(pool) || isLeaving(pool)) continue;
    const { namespace } = claim.metadata;
    const home = world.cluster.objects('Namespace').find(({ metadata }) => metadata.name === namespace);
    const had = allocations.filter(
      ({ poolRef, entry }) =>
        poolRef.uid === pool.metadata.uid && entry.released === undefined && entry.namespace === namespace,
    );
    const isForeign = home !== undefined && !allows(pool.spec as PoolSpec, home.metadata.labels);
    const isOverQuota = had.length >= (pool.spec.maxPerNamespace ?? Number.POSITIVE_INFINITY);
    if (isForeign || isOverQuota) {
      const reason = isForeign ? 'NamespaceNotAllowed' : 'QuotaExceeded';
      if (ready.reason !== reason)
        yield { rule: 'conditions tell the truth', message: `${title}: ${ready.reason}, not ${reason}` };
      continue;
    }
    const taken = [...(used.get(spaceOf(pool)) ?? [])];
    const free = candidatesOf(claim, pool).filter(
      (text) => !taken.some((other) => textsOverlap(other, text)),
    );
    if (free.length > 0)
      yield {
        rule: 'every claim that can be is served',
        message: `${title}: ${free.join(', ')} free, but ${ready.reason}: ${ready.message}`,
      };
  }
}

/** Those that somebody may serve, with their pools. */
function claimsInPlay({ addresses, claims, isHeldUp, pools }: PoolsView) {
  return claims
    .filter((claim) => !isHeldUp(claim) && !isBlocked(claim, addresses))
    .map((claim) => ({ claim, pool: poolOf(claim, pools) }));
}

/** What in each address space is not to be had, whoever keeps it. */
function usedBySpace({ addresses, claims, inUse, pools }: PoolsView): ReadonlyMap<string, Set<string>> {
  const used = new Map<string, Set<string>>();
  const use = (space: string | undefined, address: string | undefined) => {
    if (space === undefined || address === undefined) return;
    used.set(space, (used.get(space) ?? new Set()).add(address));
  };
  const spaceOfAny = (pool: Pool | undefined) => pool && spaceOf(pool);
  for (const { slice, key, poolRef } of inUse)
    use(spaceOfAny(pools.get(poolKey(poolRef, slice.metadata.namespace))), key);
  for (const claim of claims) use(spaceOfAny(poolOf(claim, pools)), claimHolding(claim, addresses));
  // Of a pool that is gone its neighbours still know the space.
  for (const address of addresses.values())
    use(spaceOfAny(poolOf(address, pools)) ?? labelledSpace(address), holdingOf(address));
  return used;
}

/** What the claim might get of its pool if nobody had any of it. */
function candidatesOf(claim: IPAddressClaim, pool: Pool): string[] {
  const requested = claim.metadata.annotations?.[REQUESTED_ADDRESS_ANNOTATION];
  if (requested === undefined) return wantedBy(pool.spec as never, claim.metadata);
  const text = requestedText(pool, requested);
  return gives(pool.spec as never, text) && mayGet(pool.spec as never, text, claim.metadata) ? [text] : [];
}

/** As slices write it: of a pool of prefixes the first address will do. */
function requestedText({ spec }: Pool, requested: string): string {
  const isBase = 'prefixes' in spec && !requested.includes('/');
  return canonicalBlock(isBase ? `${requested}/${spec.allocationPrefixLength}` : requested)!;
}

function poolOf({ metadata, spec }: IPAddress | IPAddressClaim, pools: PoolsView['pools']): Pool | undefined {
  return pools.get(poolKey(spec.poolRef, metadata.namespace));
}

function readyOf({ status }: IPAddressClaim) {
  return status?.conditions?.find(({ type }) => type === 'Ready');
}

function isLeaving({ metadata }: Pool | IPAddressClaim | IPAddress): boolean {
  return metadata.deletionTimestamp !== undefined;
}

/** Whether it neither gives nor takes back. */
function isFrozen(pool: Pool): boolean {
  return isPaused(pool) || givenBy(withoutExceptions(pool.spec)).length === 0;
}

/** What --cascade=orphan has taken from a pool that goes is nobody's to change before it is gone. */
function isOrphan(pool: Pool, slice: AllocationSlice): boolean {
  return isLeaving(pool) && controllerOf(slice) === undefined;
}

/** Whether another pool's IPAddress, which nobody owns, has the claim's name. */
export function isBlocked(claim: IPAddressClaim, addresses: ReadonlyMap<string, IPAddress>): boolean {
  const address = addresses.get(qualifiedName(claim.metadata));
  return address !== undefined && controllerOf(address) === undefined && !isOfPool(address, claim);
}
