import type { Allocation } from '../allocation/slice.ts';
import { ownership } from '../claim/ip-address.ts';
import { CLUSTER_CIDR_API_VERSION, RELEASE_ADDRESS_FINALIZER } from '../kubernetes/names.ts';
import { type KubernetesObject, type OwnerReference, qualifiedName, titleOf } from '../kubernetes/object.ts';
import type { IPAddress, IPAddressClaim } from '../kubernetes/types.ts';
import { blockText } from '../pool/block.ts';
import { poolTitleOf } from '../pool/reference.ts';
import type { Inventory } from './inventory.ts';

/** Finalizers of the two reference controllers. Nobody removes them once those controllers are gone. */
const FOREIGN_FINALIZERS: readonly string[] = [
  'ipam.cluster.x-k8s.io/ProtectPool',
  'ipam.cluster.x-k8s.io/ProtectAddress',
  RELEASE_ADDRESS_FINALIZER,
  'networking.x-k8s.io/cluster-cidr-finalizer',
];

/** The objects that another controller may have left, and what our pools know of them. */
type Given = Pick<Inventory, 'pools' | 'claims' | 'addresses' | 'allocations' | 'clusterCIDRs'>;

/** One object to patch, and what that does, in words. */
export interface Adoption {
  readonly object: KubernetesObject;
  /** JSON merge patch (RFC 7386) with the resourceVersion it was made for. */
  readonly patch: { readonly metadata: object };
  /** Whether it is then deleted, because its claim is going and nobody else will. */
  readonly isDeleted?: true;
  readonly effects: readonly string[];
}

interface AdoptionPlan {
  readonly adoptions: readonly Adoption[];
  /** IPAddresses that their pool has not listed for their claim yet, and must before they are adopted. */
  readonly waiting: readonly IPAddress[];
}

/**
 * What makes objects that another controller left behind metaipam's own: its finalizers removed, and each
 * IPAddress of a living claim owned, labelled and marked as metaipam would have made it. Specs never change.
 *
 * An IPAddress is only labelled once it is listed: a pool does not look at those that carry its label, and would
 * give the address to somebody else.
 */
export function planAdoption({ pools, claims, addresses, allocations, clusterCIDRs }: Given): AdoptionPlan {
  const knownPools = new Set(pools.map(titleOf));
  const claimsByName = new Map(claims.map((claim) => [qualifiedName(claim.metadata), claim]));
  const listed = new Map(
    allocations
      .filter(({ entry }) => entry.released === undefined)
      .map((allocation) => [`${allocation.entry.uid} ${allocation.key}`, allocation]),
  );
  const waiting: IPAddress[] = [];
  const adoptions: Adoption[] = [];
  const add = (object: KubernetesObject, changes?: Changes) => {
    const adoption = adoptionOf(object, changes);
    if (adoption !== undefined) adoptions.push(adoption);
  };

  for (const pool of pools) add(pool);
  for (const address of addresses) {
    const claim = claimsByName.get(qualifiedName(address.metadata));
    const pool = poolTitleOf(address);
    const isServed = claim !== undefined && knownPools.has(pool) && poolTitleOf(claim) === pool;
    const allocation = isServed ? listed.get(`${claim.metadata.uid} ${blockText(address)}`) : undefined;
    const isGoing = claim?.metadata.deletionTimestamp !== undefined;
    if (isGoing && claim.metadata.finalizers?.includes(RELEASE_ADDRESS_FINALIZER)) {
      add(address, { metadata: {}, isDeleted: true, effects: ['deleted, as its claim is'] });
    } else if (isServed && allocation !== undefined) {
      add(address, takeOver(address, claim, allocation));
    } else add(address);
    if (isServed && allocation === undefined && !isGoing) waiting.push(address);
  }
  // After their addresses, of which nobody takes care once they are gone.
  for (const claim of claims) add(claim);
  for (const clusterCIDR of clusterCIDRs) add({ ...clusterCIDR, apiVersion: CLUSTER_CIDR_API_VERSION });
  return { adoptions, waiting };
}

/** IPAddresses of our pools whose claim does not exist: they stay as they are and keep their address in use. */
export function orphans({ claims, addresses }: Given): IPAddress[] {
  const known = new Set(claims.map(({ metadata }) => qualifiedName(metadata)));
  return addresses.filter(
    ({ metadata, spec }) => !known.has(qualifiedName({ ...metadata, name: spec.claimRef.name })),
  );
}

interface Changes {
  readonly metadata: object;
  readonly isDeleted?: true;
  readonly effects: readonly string[];
}

/** The removal of others' finalizers, and `changes`; nothing when there is nothing to do. */
function adoptionOf(object: KubernetesObject, changes?: Changes): Adoption | undefined {
  const { finalizers = [], resourceVersion } = object.metadata;
  const kept = finalizers.filter((finalizer) => !FOREIGN_FINALIZERS.includes(finalizer));
  const removed = finalizers.filter((finalizer) => !kept.includes(finalizer));
  const effects = [
    ...removed.map((finalizer) => `freed of finalizer ${finalizer}`),
    ...(changes?.effects ?? []),
  ];
  if (effects.length === 0) return undefined;
  const freed = removed.length > 0 && { finalizers: kept };
  return {
    object,
    patch: { metadata: { resourceVersion, ...freed, ...changes?.metadata } },
    ...(changes?.isDeleted && { isDeleted: true }),
    effects,
  };
}

function takeOver(address: IPAddress, claim: IPAddressClaim, { slice }: Allocation): Changes {
  const { metadata } = address;
  const { poolRef } = slice.spec;
  const owned = ownership(address, claim, slice);
  const { labels, annotations, ownerReferences } = owned;
  const differs = (given: Readonly<Record<string, string>> = {}, wanted: Readonly<Record<string, string>>) =>
    Object.entries(wanted).some(([key, value]) => given[key] !== value);
  const effects: string[] = [];
  if (!sameOwners(metadata.ownerReferences ?? [], ownerReferences)) {
    effects.push(`owned by ${claim.kind} ${claim.metadata.name} and ${poolRef.kind} ${poolRef.name}`);
  }
  if (differs(metadata.labels, labels)) effects.push('labelled with its pool');
  if (differs(metadata.annotations, annotations)) effects.push("marked as the claims controller's");
  return { metadata: owned, effects };
}

function sameOwners(a: readonly OwnerReference[], b: readonly OwnerReference[]): boolean {
  const text = (owners: readonly OwnerReference[]) =>
    owners
      .map(({ uid, controller = false }) => `${uid} ${controller}`)
      .sort()
      .join();
  return text(a) === text(b);
}
