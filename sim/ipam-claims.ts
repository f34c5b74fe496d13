/** What has to hold of IPAMClaims, and of the pods that go by them. */
import { isDeleting, type Unstructured } from '../lib/engine/object.ts';
import type { StoreEvent } from '../lib/engine/store.ts';
import type { IPAMClaim } from '../lib/kubernetes/core-types.ts';
import { NETWORK_LABEL } from '../lib/kubernetes/names.ts';
import { controllerOf, type KubernetesObject, qualifiedName } from '../lib/kubernetes/object.ts';
import type { IPAddress, IPAddressClaim } from '../lib/kubernetes/types.ts';
import type { Violation } from './invariants.ts';
import {
  addressesByName,
  allPools,
  claimHolding,
  givenBy,
  heldIn,
  holdingOf,
  labelledSpace,
  poolKey,
  storedObjects,
} from './model.ts';
import type { Actor, World } from './world.ts';

/** The network of pods that the pools of a world serve. */
export const NETWORK = 'blue';

/** Of which IPAMClaim a pod has its addresses. */
export const CLAIM_ANNOTATION = 'ipam-claim-reference';

interface Lease {
  readonly pod: string;
  /** Of the IPAMClaim, its uid. */
  readonly claim: string;
  readonly ips: readonly string[];
}

export class IPAMClaimInvariants {
  readonly #world: World;
  /** What each IPAMClaim showed last, by uid. */
  readonly #shown = new Map<string, string>();
  /** IPAddressClaims, by uid, whose deletion has begun. */
  readonly #leaving = new Set<string>();
  /** Of the IPAMClaim of each IPAddressClaim, its uid, by uid. */
  readonly #claimOf = new Map<string, string>();
  /** What the pools have given each IPAMClaim, by uid, `10.0.0.3/29`, and in which space. */
  readonly #given = new Map<string, Map<string, string>>();
  /** The first addresses that each IPAMClaim had from pools, by uid. */
  readonly #first = new Map<string, string>();
  /** IPAMClaims, by uid, from whom people took an IPAddressClaim, or all that tells of what one of these has. */
  readonly #robbed = new Set<string>();
  /** IPAMClaims, by uid, that were deleted in the foreground: what they own goes first, whatever keeps them. */
  readonly #foreground = new Set<string>();
  /** By the uid of the pod. */
  readonly #leases = new Map<string, Lease>();

  constructor(world: World) {
    this.#world = world;
  }

  /** In a new cluster nothing is known. */
  move(): void {
    this.#leaving.clear();
    this.#shown.clear();
    this.#foreground.clear();
    for (const memory of [this.#claimOf, this.#given, this.#first, this.#robbed, this.#leases])
      memory.clear();
  }

  see({ type, object }: StoreEvent, { isUser }: Actor): Violation | undefined {
    const { uid = '' } = object.metadata;
    const owner = controllerOf(object);
    switch (object.kind) {
      case 'IPAddressClaim': {
        if (owner?.kind !== 'IPAMClaim') return undefined;
        this.#claimOf.set(uid, owner.uid);
        // Applied on the server's side, it may become another's whose name is the same.
        for (const address of storedObjects<IPAddress>(this.#world.cluster, 'IPAddress'))
          if (controllerOf(address)?.uid === uid) this.#give(owner.uid, address);
        if (type !== 'DELETED' && !isDeleting(object)) return undefined;
        if (this.#leaving.has(uid)) return undefined;
        this.#leaving.add(uid);
        if (isUser) this.#robbed.add(owner.uid);
        return this.#isHolding(owner.uid)
          ? { rule: 'an address is freed with its IPAMClaim', message: qualifiedName(object.metadata) }
          : undefined;
      }
      case 'AllocationSlice':
        if (type === 'DELETED') this.#noteUntold();
        return undefined;
      case 'IPAddress': {
        if (type === 'DELETED') this.#noteUntold();
        const claim = this.#claimOf.get(owner?.uid ?? '');
        if (claim === undefined || type === 'DELETED') return undefined;
        this.#give(claim, object as object as IPAddress);
        return undefined;
      }
      case 'IPAMClaim': {
        const [before, now] = [this.#shown.get(uid), ipsOf(object).join()];
        this.#shown.set(uid, now);
        if (isForeground(object)) this.#foreground.add(uid);
        const wrong = ipsOf(object).find((ip) => !this.#isGiven(uid, ip));
        return wrong === undefined || isUser || before === now
          ? undefined
          : { rule: 'an IPAMClaim shows what pools gave it', message: `${titleOf(object)}: ${wrong}` };
      }
      case 'Pod':
        if (type === 'DELETED') this.#leases.delete(uid);
        else this.#start(object);
    }
    return undefined;
  }

  /** With --cascade=foreground people take a pool's slices, and by hand the IPAddress: nobody knows the address then. */
  #noteUntold(): void {
    const { cluster } = this.#world;
    const addresses = addressesByName(cluster);
    const held = new Set(heldIn(cluster).map(({ entry }) => entry.uid));
    const staying = new Set(
      allPools(cluster)
        .filter((pool) => !isDeleting(pool as never))
        .map(({ kind, metadata: { name, namespace } }) => poolKey({ kind, name }, namespace)),
    );
    for (const { metadata, spec } of storedObjects<IPAddressClaim>(cluster, 'IPAddressClaim')) {
      const claim = this.#claimOf.get(metadata.uid!);
      const isTold = held.has(metadata.uid!) || addresses.has(qualifiedName(metadata));
      if (!this.#shown.get(claim ?? '') || isTold || staying.has(poolKey(spec.poolRef, metadata.namespace)))
        continue;
      this.#robbed.add(claim!);
    }
  }

  /** A pod has the addresses that its IPAMClaim shows when it starts. */
  #start({ metadata }: Unstructured): void {
    const name = metadata.annotations?.[CLAIM_ANNOTATION];
    const claim = this.#claims().find(
      (each) => each.metadata.name === name && each.metadata.namespace === metadata.namespace,
    );
    const { uid = '' } = metadata;
    if (claim === undefined || this.#leases.has(uid)) return;
    const ips = ipsOf(claim).map(addressIn);
    if (!ipsOf(claim).every((ip) => this.#isGiven(claim.metadata.uid!, ip)) || ips.length === 0) return;
    this.#leases.set(uid, { pod: qualifiedName(metadata), claim: claim.metadata.uid!, ips });
  }

  check(): Violation | undefined {
    const holders = new Map<string, string>();
    const claims = new Map<string, IPAMClaim>();
    for (const claim of this.#claims()) {
      const { uid = '' } = claim.metadata;
      claims.set(uid, claim);
      const ips = ipsOf(claim);
      const had = this.#first.get(uid);
      if (!ips.every((ip) => this.#isGiven(uid, ip))) continue;
      const addresses = ips.map(addressIn);
      const now = addresses.join();
      if (had === undefined && now !== '') this.#first.set(uid, now);
      if (this.#robbed.has(uid)) {
        this.#first.delete(uid);
        if (!isReady(claim)) continue;
      } else if (had !== undefined && had !== now) {
        const message = `${titleOf(claim)} had ${had} and has ${now}`;
        return { rule: 'an IPAMClaim keeps its addresses', message };
      }
      // What it has goes before it does.
      if (this.#foreground.has(uid)) continue;
      for (const ip of ips) {
        // Pools that do not share a space may overlap.
        const place = `${this.#given.get(uid)!.get(ip)} ${addressIn(ip)}`;
        const other = holders.get(place);
        if (other !== undefined) {
          const message = `${other} and ${titleOf(claim)} have ${addressIn(ip)}`;
          return { rule: 'one address, one IPAMClaim', message };
        }
        holders.set(place, titleOf(claim));
      }
    }
    for (const { pod, claim: uid, ips } of this.#leases.values()) {
      const claim = claims.get(uid);
      if (claim === undefined || this.#robbed.has(uid)) continue;
      const now = ipsOf(claim).map(addressIn);
      if (now.join() === ips.join()) continue;
      const message = `${pod} has ${ips}, and ${titleOf(claim)} ${now}`;
      return { rule: 'the pods of an IPAMClaim have its addresses', message };
    }
    return undefined;
  }

  #claims(): IPAMClaim[] {
    return storedObjects<IPAMClaim>(this.#world.cluster, 'IPAMClaim');
  }

  /** Whether an IPAMClaim is there, has all that is its own, and nobody means to take that first. */
  #isHolding(uid: string): boolean {
    const claim = this.#claims().find(({ metadata }) => metadata.uid === uid);
    return claim !== undefined && !this.#robbed.has(uid) && !this.#foreground.has(uid);
  }

  #give(claim: string, object: IPAddress): void {
    const { metadata, spec } = object;
    const given = this.#given.get(claim) ?? new Map<string, string>();
    const space = labelledSpace(object) ?? poolKey(spec.poolRef, metadata.namespace);
    this.#given.set(claim, given.set(`${spec.address}/${spec.prefix}`, space));
  }

  #isGiven(uid: string, ip: string): boolean {
    return this.#given.get(uid)?.has(ip) === true;
  }
}

/** What has to be true of IPAMClaims once the world has come to rest. */
export function checkIPAMClaims({ cluster }: World): Violation | undefined {
  const addresses = addressesByName(cluster);
  const addressClaims = storedObjects<IPAddressClaim>(cluster, 'IPAddressClaim');
  const claims = storedObjects<IPAMClaim>(cluster, 'IPAMClaim');
  const uids = new Set(claims.map(({ metadata }) => metadata.uid));
  for (const each of addressClaims) {
    const owner = controllerOf(each);
    const isLost = owner?.kind === 'IPAMClaim' && !uids.has(owner.uid) && !isDeleting(each as never);
    if (isLost)
      return { rule: 'nothing is left over', message: `IPAddressClaim ${qualifiedName(each.metadata)}` };
  }
  for (const claim of claims) {
    const { metadata, status } = claim;
    if (isDeleting(claim as never)) continue;
    const isServed = metadata.labels?.[NETWORK_LABEL] !== undefined;
    if (!isServed) {
      const isTouched = Object.keys(metadata.annotations ?? {}).some((key) => key === 'metaipam.io/pools');
      if (isTouched || status !== undefined)
        return { rule: 'the IPAMClaims of others are theirs', message: titleOf(claim) };
      const pool = allPools(cluster).find(
        (each) =>
          each.metadata.labels?.[NETWORK_LABEL] === claim.spec?.network &&
          (each.metadata.namespace ?? metadata.namespace) === metadata.namespace &&
          !isDeleting(each as never) &&
          givenBy(each.spec).length > 0,
      );
      if (pool !== undefined)
        return {
          rule: 'every IPAMClaim that can be is served',
          message: `${titleOf(claim)} by ${pool.metadata.name}`,
        };
      continue;
    }
    if (claim.spec?.network !== NETWORK)
      return { rule: 'the IPAMClaims of others are theirs', message: titleOf(claim) };
    const own = addressClaims.filter((each) => controllerOf(each)?.uid === metadata.uid);
    const missing = namesOf(claim).filter((name) => !own.some((each) => each.metadata.name === name));
    const isInTheWay = ({ metadata: { name, namespace } }: IPAddressClaim) =>
      missing.includes(name) && namespace === metadata.namespace;
    if (missing.length > 0 && !addressClaims.some(isInTheWay))
      return { rule: 'every IPAMClaim that can be is served', message: `${titleOf(claim)}: no ${missing}` };
    const held = own.flatMap((each) => {
      if (isDeleting(each as never)) return [];
      const address = addresses.get(qualifiedName(each.metadata));
      const isHeld =
        isReady(each) &&
        address !== undefined &&
        controllerOf(address)?.uid === each.metadata.uid &&
        claimHolding(each, addresses) === holdingOf(address);
      return isHeld ? [`${address.spec.address}/${address.spec.prefix}`] : [];
    });
    const isWhole = missing.length === 0 && held.length === own.length;
    const shown = ipsOf(claim);
    const isTrue = isWhole
      ? isReady(claim) && held.toSorted().join() === shown.toSorted().join()
      : !isReady(claim) || own.every((each) => isReady(each) && !isDeleting(each as never));
    const reason = status?.conditions?.find(({ type }) => type === 'Ready')?.reason;
    const isOver =
      (reason === 'AddressClaimMissing' && missing.length === 0) ||
      (reason === 'AddressClaimDeleting' && !own.some((each) => isDeleting(each as never)));
    // Of an IPAddressClaim that says nothing, nor does its IPAMClaim.
    const isSilent = own.some((each) => each.status?.conditions === undefined);
    if (!isTrue || isOver || (status === undefined && !isSilent))
      return {
        rule: 'conditions tell the truth',
        message: `${titleOf(claim)} shows ${shown}, ${JSON.stringify(status?.conditions)}, and has ${held}`,
      };
  }
  return undefined;
}

/** Of the IPAddressClaims that an IPAMClaim is to have. */
function namesOf({ metadata }: IPAMClaim): string[] {
  return (metadata.annotations?.['metaipam.io/pools'] ?? '')
    .split(',')
    .map((text) => `${metadata.name}-${text.split('=')[0]}`);
}

/** `IPAMClaim:namespace:name` of those that wait for the name of an IPAddressClaim. */
export function waitingIPAMClaims({ cluster }: World): string[] {
  const addressClaims = storedObjects<IPAddressClaim>(cluster, 'IPAddressClaim');
  return storedObjects<IPAMClaim>(cluster, 'IPAMClaim').flatMap((claim) => {
    const { uid, namespace, name } = claim.metadata;
    const isWaiting = addressClaims.some(
      (each) =>
        each.metadata.namespace === namespace &&
        namesOf(claim).includes(each.metadata.name) &&
        controllerOf(each)?.uid !== uid,
    );
    return isWaiting ? [`IPAMClaim:${namespace}:${name}`] : [];
  });
}

function isForeground({ metadata }: Pick<KubernetesObject, 'metadata'>): boolean {
  return metadata.finalizers?.includes('foregroundDeletion') === true;
}

function ipsOf(object: KubernetesObject): readonly string[] {
  return (object as object as IPAMClaim).status?.ips ?? [];
}

function addressIn(ip: string): string {
  return ip.split('/')[0]!;
}

function isReady({ status }: Pick<IPAMClaim | IPAddressClaim, 'status'>): boolean {
  return status?.conditions?.some(({ type, status: state }) => type === 'Ready' && state === 'True') === true;
}

function titleOf({ kind, metadata }: KubernetesObject): string {
  return `${kind} ${qualifiedName(metadata)} (${metadata.uid?.slice(0, 8)})`;
}
