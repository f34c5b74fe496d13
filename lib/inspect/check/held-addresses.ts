/** Who holds which address: claims, IPAddresses and IPAllocations that do not agree. */
import { canonicalAddress } from '../../address/address.ts';
import { secondsSince } from '../../allocation/release.ts';
import {
  ADDRESS_ANNOTATION,
  CAPI_IPAM_GROUP,
  NETWORK_LABEL,
  POOL_LABEL,
  RELEASED_AT_ANNOTATION,
} from '../../kubernetes/names.ts';
import { compareAge, isPaused, type KubernetesObject, qualifiedName } from '../../kubernetes/object.ts';
import type { IPAddress, IPAddressClaim, IPAllocation } from '../../kubernetes/types.ts';
import type { HookContext } from '../../metacontroller/hook.ts';
import { sharedAddressSpace } from '../../pool/address-space.ts';
import { poolLabel } from '../../pool/label.ts';
import type { Pool } from '../../pool/pool-hooks.ts';
import { refersToOurPool } from '../adoption.ts';
import type { Inventory } from '../inventory.ts';
import { poolKeyOf } from '../overview.ts';
import { type Finding, kubectl, PATIENCE_SECONDS, quote, titleOf } from './finding.ts';

/** All that the checks of addresses look up. */
export interface AddressBook {
  readonly poolByUid: ReadonlyMap<string, Pool>;
  readonly poolByKey: ReadonlyMap<string, Pool>;
  readonly claimByUid: ReadonlyMap<string, IPAddressClaim>;
  /** By namespace and name. */
  readonly claimByName: ReadonlyMap<string, IPAddressClaim>;
  /** Of addresses, by the uid of their claim. */
  readonly allocationsOf: ReadonlyMap<string, readonly IPAllocation[]>;
}

export function readAddressBook({ pools, claims, allocations }: Inventory): AddressBook {
  const ours = claims.filter(refersToOurPool);
  return {
    poolByUid: new Map(pools.map((pool) => [pool.metadata.uid ?? '', pool])),
    poolByKey: new Map(pools.map((pool) => [titleOf(pool), pool])),
    claimByUid: new Map(ours.map((claim) => [claim.metadata.uid ?? '', claim])),
    claimByName: new Map(ours.map((claim) => [qualifiedName(claim.metadata), claim])),
    allocationsOf: Map.groupBy(
      allocations.filter(({ spec }) => spec.address !== undefined),
      ({ spec }) => spec.claimRef.uid,
    ),
  };
}

interface Holder {
  /** `namespace/name` of the claim. */
  readonly claim: string;
  readonly object: KubernetesObject;
}

/** Addresses that two claims hold, by whatever objects: the one thing that must never be. */
export function* duplicateAddresses(inventory: Inventory, book: AddressBook): Generator<Finding> {
  const holders = new Map<string, Holder[]>();
  const add = (space: string, text: unknown, claim: string, object: KubernetesObject) => {
    const address = typeof text === 'string' ? canonicalAddress(text) : undefined;
    if (address === undefined) return;
    const key = JSON.stringify([space, address]);
    const list = holders.get(key);
    if (list === undefined) holders.set(key, [{ claim, object }]);
    else if (list.every((holder) => holder.claim !== claim)) list.push({ claim, object });
  };
  for (const allocation of inventory.allocations) {
    const { poolRef, claimRef, address } = allocation.spec;
    const pool = book.poolByUid.get(poolRef.uid);
    add(pool === undefined ? poolRef.uid : spaceOf(pool), address, qualifiedName(claimRef), allocation);
  }
  for (const address of inventory.addresses.filter(refersToOurPool)) {
    const { metadata, spec } = address;
    const claim = qualifiedName({ ...metadata, name: spec.claimRef.name });
    add(spaceOfKey(poolKeyOf(address), book), spec.address, claim, address);
  }
  for (const claim of inventory.claims.filter(refersToOurPool)) {
    if (claim.status?.addressRef === undefined) continue;
    const text = claim.metadata.annotations?.[ADDRESS_ANNOTATION];
    add(spaceOfKey(poolKeyOf(claim), book), text, qualifiedName(claim.metadata), claim);
  }
  for (const [key, list] of holders) {
    if (list.length < 2) continue;
    const [space, address] = JSON.parse(key) as [string, string];
    // The allocation decides; of several the older one.
    const [, ...losers] = list.sort(
      (a, b) => rank(a.object) - rank(b.object) || compareAge(a.object, b.object),
    );
    for (const loser of losers) {
      const claim = book.claimByName.get(loser.claim);
      const others = list
        .filter((holder) => holder !== loser)
        .map(({ object, claim }) => `${claim} (${titleOf(object)})`);
      yield {
        check: 'duplicate-address',
        severity: 'error',
        object: titleOf(loser.object),
        message: `${address} of ${space} is also held by ${others.join(' and ')}`,
        fix:
          claim === undefined
            ? kubectl('delete', loser.object)
            : `${kubectl('delete', claim)}  # and whatever uses its address: its owner makes it again, with another`,
      };
    }
  }
}

function rank({ kind }: KubernetesObject): number {
  return kind === 'IPAllocation' ? 0 : 1;
}

/** Where an address may be held once. */
function spaceOf(pool: Pool): string {
  const shared = sharedAddressSpace(pool);
  return shared === undefined
    ? titleOf(pool)
    : `address space ${qualifiedName({ ...pool.metadata, name: shared })}`;
}

function spaceOfKey(key: string, { poolByKey }: AddressBook): string {
  const pool = poolByKey.get(key);
  return pool === undefined ? key : spaceOf(pool);
}

/** IPAddresses that have no claim, or whose claim's allocation says something else or is not there. */
export function* boundAddresses(
  { addresses }: Inventory,
  book: AddressBook,
  { now }: HookContext,
): Generator<Finding> {
  for (const address of addresses.filter(refersToOurPool)) {
    const { metadata, spec } = address;
    const object = titleOf(address);
    const claimName = qualifiedName({ ...metadata, name: spec.claimRef.name });
    const claim = book.claimByName.get(claimName);
    if (secondsSince(metadata.creationTimestamp, now) < PATIENCE_SECONDS) continue;
    if (claim === undefined) {
      yield {
        check: 'orphaned-address',
        severity: 'warning',
        object,
        message: `IPAddressClaim ${claimName} does not exist: ${spec.address} stays in use for nobody`,
        fix: `${kubectl('delete', address)}  # if nothing uses ${printableAddress(address)} any more`,
      };
      continue;
    }
    const pool = book.poolByKey.get(poolKeyOf(address));
    if (pool === undefined || claim.metadata.deletionTimestamp !== undefined) continue;
    const allocations = book.allocationsOf.get(claim.metadata.uid ?? '') ?? [];
    const text = canonicalAddress(String(spec.address));
    if (allocations.some((allocation) => allocation.spec.address === text)) continue;
    const [other] = allocations;
    if (other !== undefined) {
      yield {
        check: 'address-mismatch',
        severity: 'error',
        object,
        message: `says ${spec.address}, but ${titleOf(other)} gives its claim ${other.spec.address}`,
        fix: `${kubectl('delete', other)}  # the pool then allocates ${printableAddress(address)}, which is in use`,
      };
    } else if (!isPaused(pool)) {
      yield {
        check: 'unallocated-address',
        severity: 'warning',
        object,
        message: `${titleOf(pool)} has no allocation of ${spec.address} for claim ${claimName}`,
        fix: 'metaipam adopt  # or metaipam doctor, if metaipam made it',
      };
    }
  }
}

/** The address for a remark in a command: only if it is one. */
function printableAddress({ spec }: IPAddress): string {
  return canonicalAddress(String(spec.address)) ?? 'its address';
}

/** Labels by which pools find their claims and addresses. */
export function* poolLabels({ claims, addresses }: Inventory): Generator<Finding> {
  for (const object of [...claims, ...addresses].filter(refersToOurPool)) {
    const { kind, name } = object.spec.poolRef;
    const label = object.metadata.labels?.[POOL_LABEL];
    const wanted = poolLabel(kind, name);
    if (label === undefined || label === wanted) continue;
    yield {
      check: 'wrong-pool-label',
      severity: 'error',
      object: titleOf(object),
      message: `its label ${POOL_LABEL} is ${JSON.stringify(label)}, so that ${kind} ${name} does not see it`,
      fix: `${kubectl('label', object)} --overwrite ${quote(`${POOL_LABEL}=${wanted}`)}`,
    };
  }
}

/** Allocations that should have gone with their claim, node or pool. */
export function* leakedAllocations(
  inventory: Inventory,
  book: AddressBook,
  { now, config }: HookContext,
): Generator<Finding> {
  const nodes = new Set(inventory.nodes.map(({ metadata }) => metadata.uid));
  const clusterCIDRs = new Set(inventory.clusterCIDRs.map(({ metadata }) => metadata.name));
  const networks = new Map(inventory.networks.map(({ metadata, spec }) => [metadata.name, spec]));
  for (const allocation of inventory.allocations) {
    const { metadata, spec } = allocation;
    if (metadata.deletionTimestamp !== undefined) continue;
    const { poolRef, claimRef } = spec;
    const isBlock = claimRef.kind === 'Node';
    const pool = book.poolByUid.get(poolRef.uid);
    const isPoolGone = isBlock ? !clusterCIDRs.has(poolRef.name) : pool === undefined;
    const isClaimGone = isBlock ? !nodes.has(claimRef.uid) : !book.claimByUid.has(claimRef.uid);
    if (!isPoolGone && !isClaimGone) continue;
    const network = isBlock ? networks.get(metadata.labels?.[NETWORK_LABEL] ?? '') : undefined;
    const grace =
      (isBlock ? network?.reuseGracePeriodSeconds : pool?.spec.addressReuseGracePeriodSeconds) ?? 0;
    const releasedAt = metadata.annotations?.[RELEASED_AT_ANNOTATION];
    const waited = secondsSince(releasedAt ?? metadata.creationTimestamp, now);
    if (waited < PATIENCE_SECONDS + config.cacheLagSeconds + (releasedAt === undefined ? 0 : grace)) continue;
    const what = spec.address ?? spec.cidr;
    const effect = what === undefined ? 'it says why nobody waits' : `${what} cannot be given to anybody`;
    const gone = isClaimGone
      ? `${claimRef.kind} ${qualifiedName(claimRef)}`
      : `${poolRef.kind} ${poolRef.name}`;
    yield {
      check: 'leaked-allocation',
      severity: what === undefined ? 'warning' : 'error',
      object: titleOf(allocation),
      message:
        pool !== undefined && isPaused(pool)
          ? `${gone} is gone, and ${titleOf(pool)} is paused: ${effect}`
          : `${gone} is gone: ${effect}`,
      fix: `${kubectl('delete', allocation)}  # metaipam doctor says whether Metacontroller works`,
    };
  }
}

/** Claims whose pool does not exist. */
export function* missingPools({ claims }: Inventory, { poolByKey }: AddressBook): Generator<Finding> {
  const waiting = claims.filter(
    (claim) =>
      refersToOurPool(claim) &&
      !poolByKey.has(poolKeyOf(claim)) &&
      claim.metadata.deletionTimestamp === undefined,
  );
  for (const claim of waiting) {
    const { kind, name } = claim.spec.poolRef;
    const described = kubectl('get', { apiVersion: CAPI_IPAM_GROUP, kind, metadata: { name } });
    yield {
      check: 'missing-pool',
      severity: 'error',
      object: titleOf(claim),
      message: `${poolKeyOf(claim)} does not exist`,
      fix: `${described.replace(` ${quote(name)}`, ' -A')}  # create the pool, or the claim for another one: its spec cannot be changed`,
    };
  }
}
