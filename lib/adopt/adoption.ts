import {
  CAPI_IPAM_GROUP,
  CLUSTER_CIDR_API_VERSION,
  POOL_API_VERSION,
  POOL_LABEL,
  POOL_UID_LABEL,
} from '../kubernetes/names.ts';
import { type KubernetesObject, type OwnerReference, qualifiedName } from '../kubernetes/object.ts';
import type {
  ClusterCIDR,
  GlobalInClusterIPPool,
  InClusterIPPool,
  IPAddress,
  IPAddressClaim,
} from '../kubernetes/types.ts';
import { poolLabel } from '../pool/pool-label.ts';

/** Finalizers of the two reference controllers. Nobody removes them once those controllers are gone. */
const FOREIGN_FINALIZERS: readonly string[] = [
  'ipam.cluster.x-k8s.io/ProtectPool',
  'ipam.cluster.x-k8s.io/ProtectAddress',
  'ipam.cluster.x-k8s.io/ReleaseAddress',
  'networking.x-k8s.io/cluster-cidr-finalizer',
];

/** Metacontroller knows an attachment by this and by its owner. */
const DECORATOR_ANNOTATION = 'metacontroller.k8s.io/decorator-controller';

export interface Inventory {
  readonly pools: readonly (InClusterIPPool | GlobalInClusterIPPool)[];
  readonly claims: readonly IPAddressClaim[];
  readonly addresses: readonly IPAddress[];
  readonly clusterCIDRs: readonly ClusterCIDR[];
}

/** One object to patch, and what that does, in words. */
export interface Adoption {
  readonly object: KubernetesObject;
  /** JSON merge patch (RFC 7386) with the resourceVersion it was made for. */
  readonly patch: { readonly metadata: object };
  readonly effects: readonly string[];
}

/**
 * What makes objects that another controller left behind metaipam's own: its finalizers removed, and each
 * IPAddress of a living claim owned, labelled and marked as metaipam would have made it. Specs never change.
 */
export function planAdoption({ pools, claims, addresses, clusterCIDRs }: Inventory): Adoption[] {
  const plans = [
    ...pools.map((pool) => releaseFrom(pool)),
    ...claims.map((claim) => releaseFrom(claim)),
    ...addresses.map((address) => adoptAddress(address, pools, claims)),
    ...clusterCIDRs.map((clusterCIDR) =>
      releaseFrom({ ...clusterCIDR, apiVersion: CLUSTER_CIDR_API_VERSION }),
    ),
  ];
  return plans.filter((plan) => plan !== undefined);
}

/** IPAddresses of our pools whose claim does not exist: they stay as they are and keep their address in use. */
export function orphans({ claims, addresses }: Inventory): IPAddress[] {
  const known = new Set(claims.map(({ metadata }) => qualifiedName(metadata)));
  return addresses.filter(
    ({ metadata, spec }) => !known.has(qualifiedName({ ...metadata, name: spec.claimRef.name })),
  );
}

function releaseFrom(object: KubernetesObject): Adoption | undefined {
  const { finalizers = [], resourceVersion } = object.metadata;
  const kept = finalizers.filter((finalizer) => !FOREIGN_FINALIZERS.includes(finalizer));
  if (kept.length === finalizers.length) return undefined;
  const removed = finalizers.filter((finalizer) => !kept.includes(finalizer));
  return {
    object,
    patch: { metadata: { resourceVersion, finalizers: kept } },
    effects: removed.map((finalizer) => `finalizer ${finalizer} removed`),
  };
}

function adoptAddress(
  address: IPAddress,
  pools: Inventory['pools'],
  claims: Inventory['claims'],
): Adoption | undefined {
  const { metadata, spec } = address;
  const release = releaseFrom(address);
  const claim = claims.find(
    (other) => other.metadata.namespace === metadata.namespace && other.metadata.name === metadata.name,
  );
  const pool = pools.find(
    (other) =>
      other.kind === spec.poolRef.kind &&
      other.metadata.name === spec.poolRef.name &&
      (other.metadata.namespace === undefined || other.metadata.namespace === metadata.namespace),
  );
  if (claim === undefined || pool === undefined || claim.metadata.name !== spec.claimRef.name) return release;

  const owners = [ownerReference(claim, claim.apiVersion, true)];
  // Metacontroller merges owner references by name, and would mix up two of one name.
  if (pool.metadata.name !== claim.metadata.name) owners.push(ownerReference(pool, POOL_API_VERSION, false));
  const others = (metadata.ownerReferences ?? []).filter(
    (reference) =>
      ![claim, pool].some(
        ({ kind, metadata: { name } }) => kind === reference.kind && name === reference.name,
      ),
  );
  const labels = {
    [POOL_LABEL]: poolLabel(pool.kind, pool.metadata.name),
    [POOL_UID_LABEL]: pool.metadata.uid ?? '',
  };
  const effects = [...(release?.effects ?? [])];
  const ownerReferences = [...others, ...owners];
  if (!sameOwners(metadata.ownerReferences ?? [], ownerReferences)) {
    effects.push(`owned by ${owners.map(({ kind, name }) => `${kind} ${name}`).join(' and ')}`);
  }
  if (Object.entries(labels).some(([key, value]) => metadata.labels?.[key] !== value)) {
    effects.push('labelled with its pool');
  }
  if (metadata.annotations?.[DECORATOR_ANNOTATION] !== 'claims')
    effects.push("marked as the claims controller's");
  if (effects.length === 0) return undefined;
  const kept = (metadata.finalizers ?? []).filter((finalizer) => !FOREIGN_FINALIZERS.includes(finalizer));
  return {
    object: address,
    patch: {
      metadata: {
        resourceVersion: metadata.resourceVersion,
        finalizers: kept,
        ownerReferences,
        labels,
        annotations: { [DECORATOR_ANNOTATION]: 'claims' },
      },
    },
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
