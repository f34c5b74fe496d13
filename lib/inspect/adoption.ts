import { canonicalAddress } from '../address/address.ts';
import {
  CAPI_IPAM_GROUP,
  CLUSTER_CIDR_API_VERSION,
  POOL_API_VERSION,
  POOL_LABEL,
  POOL_UID_LABEL,
} from '../kubernetes/names.ts';
import {
  type KubernetesObject,
  type ObjectMeta,
  type OwnerReference,
  qualifiedName,
} from '../kubernetes/object.ts';
import type {
  ClusterCIDR,
  GlobalInClusterIPPool,
  InClusterIPPool,
  IPAddress,
  IPAddressClaim,
  IPAllocation,
} from '../kubernetes/types.ts';
import { poolLabel } from '../pool/label.ts';

/** On a claim: whoever removes it deletes the claim's IPAddress first. */
const RELEASE_ADDRESS = 'ipam.cluster.x-k8s.io/ReleaseAddress';

/** Finalizers of the two reference controllers. Nobody removes them once those controllers are gone. */
const FOREIGN_FINALIZERS: readonly string[] = [
  'ipam.cluster.x-k8s.io/ProtectPool',
  'ipam.cluster.x-k8s.io/ProtectAddress',
  RELEASE_ADDRESS,
  'networking.x-k8s.io/cluster-cidr-finalizer',
];

/** Metacontroller knows an attachment by this and by its owner. */
const DECORATOR_ANNOTATION = 'metacontroller.k8s.io/decorator-controller';

export interface Inventory {
  readonly pools: readonly (InClusterIPPool | GlobalInClusterIPPool)[];
  readonly claims: readonly IPAddressClaim[];
  readonly addresses: readonly IPAddress[];
  readonly allocations: readonly IPAllocation[];
  readonly clusterCIDRs: readonly ClusterCIDR[];
}

/** One object to patch, and what that does, in words. */
export interface Adoption {
  readonly object: KubernetesObject;
  /** JSON merge patch (RFC 7386) with the resourceVersion it was made for. */
  readonly patch: { readonly metadata: object };
  /** Whether it is then deleted, because its claim is going and nobody else will. */
  readonly isDeleted?: true;
  readonly effects: readonly string[];
}

export interface AdoptionPlan {
  readonly adoptions: readonly Adoption[];
  /** IPAddresses that their pool has not allocated to their claim yet, and must before they are adopted. */
  readonly waiting: readonly IPAddress[];
}

/**
 * What makes objects that another controller left behind metaipam's own: its finalizers removed, and each
 * IPAddress of a living claim owned, labelled and marked as metaipam would have made it. Specs never change.
 *
 * An IPAddress is only labelled once it is allocated: a pool does not look at those that carry its label, and
 * would give the address to somebody else.
 */
export function planAdoption({
  pools,
  claims,
  addresses,
  allocations,
  clusterCIDRs,
}: Inventory): AdoptionPlan {
  const poolsByTitle = new Map(pools.map((pool) => [poolTitle(pool.kind, pool.metadata), pool]));
  const claimsByName = new Map(claims.map((claim) => [qualifiedName(claim.metadata), claim]));
  const allocated = new Set(
    allocations.map(({ spec: { claimRef, address } }) => `${claimRef.uid} ${address}`),
  );
  const waiting: IPAddress[] = [];
  const adoptions: Adoption[] = [];
  const add = (object: KubernetesObject, changes?: Changes) => {
    const adoption = adoptionOf(object, changes);
    if (adoption !== undefined) adoptions.push(adoption);
  };

  for (const pool of pools) add(pool);
  for (const address of addresses) {
    const { metadata, spec } = address;
    const { kind, name } = spec.poolRef;
    const claim = claimsByName.get(qualifiedName(metadata));
    const pool =
      poolsByTitle.get(poolTitle(kind, { ...metadata, name })) ?? poolsByTitle.get(poolTitle(kind, { name }));
    const isAllocated =
      claim !== undefined && allocated.has(`${claim.metadata.uid} ${canonicalAddress(spec.address)}`);
    const isGoing = claim?.metadata.deletionTimestamp !== undefined;
    if (isGoing && claim.metadata.finalizers?.includes(RELEASE_ADDRESS)) {
      add(address, { metadata: {}, isDeleted: true, effects: ['deleted, as its claim is'] });
    } else if (pool !== undefined && isAllocated) add(address, ownership(address, claim, pool));
    else add(address);
    const isServed = claim !== undefined && pool !== undefined && claim.spec.poolRef.name === name;
    if (isServed && !isAllocated && !isGoing) waiting.push(address);
  }
  // After their addresses, of which nobody takes care once they are gone.
  for (const claim of claims) add(claim);
  for (const clusterCIDR of clusterCIDRs) add({ ...clusterCIDR, apiVersion: CLUSTER_CIDR_API_VERSION });
  return { adoptions, waiting };
}

/** IPAddresses of our pools whose claim does not exist: they stay as they are and keep their address in use. */
export function orphans({ claims, addresses }: Inventory): IPAddress[] {
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

function poolTitle(kind: string, metadata: ObjectMeta): string {
  return `${kind} ${qualifiedName(metadata)}`;
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

function ownership(
  { metadata }: IPAddress,
  claim: IPAddressClaim,
  pool: Inventory['pools'][number],
): Changes {
  const owners = [ownerReference(claim, claim.apiVersion, true)];
  // Metacontroller merges owner references by name, and would mix up two of one name.
  if (pool.metadata.name !== claim.metadata.name) owners.push(ownerReference(pool, POOL_API_VERSION, false));
  const others = (metadata.ownerReferences ?? []).filter(
    (reference) =>
      ![claim, pool].some(
        ({ kind, metadata: { name } }) => kind === reference.kind && name === reference.name,
      ),
  );
  const ownerReferences = [...others, ...owners];
  const labels = {
    [POOL_LABEL]: poolLabel(pool.kind, pool.metadata.name),
    [POOL_UID_LABEL]: pool.metadata.uid ?? '',
  };
  const effects: string[] = [];
  if (!sameOwners(metadata.ownerReferences ?? [], ownerReferences)) {
    effects.push(`owned by ${owners.map(({ kind, name }) => `${kind} ${name}`).join(' and ')}`);
  }
  if (Object.entries(labels).some(([key, value]) => metadata.labels?.[key] !== value)) {
    effects.push('labelled with its pool');
  }
  if (metadata.annotations?.[DECORATOR_ANNOTATION] !== 'claims') {
    effects.push("marked as the claims controller's");
  }
  return {
    metadata: { ownerReferences, labels, annotations: { [DECORATOR_ANNOTATION]: 'claims' } },
    effects,
  };
}

function ownerReference(
  { kind, metadata }: KubernetesObject,
  apiVersion: string,
  controller: boolean,
): OwnerReference {
  return {
    apiVersion,
    kind,
    name: metadata.name,
    uid: metadata.uid ?? '',
    controller,
    blockOwnerDeletion: true,
  };
}

function sameOwners(a: readonly OwnerReference[], b: readonly OwnerReference[]): boolean {
  const text = (owners: readonly OwnerReference[]) =>
    owners
      .map(({ uid, controller = false }) => `${uid} ${controller}`)
      .sort()
      .join();
  return text(a) === text(b);
}

/** Whether a claim or an address refers to one of our pools. */
export function refersToOurPool({ spec }: IPAddressClaim | IPAddress): boolean {
  const { apiGroup, kind } = spec.poolRef;
  return apiGroup === CAPI_IPAM_GROUP && ['InClusterIPPool', 'GlobalInClusterIPPool'].includes(kind);
}
