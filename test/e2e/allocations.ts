/** Where the tests look at allocations, and lay hands on them: whatever is known of their shape is known here. */
import { RELEASED_AT_ANNOTATION } from '../../lib/kubernetes/names.ts';
import type { KubernetesObject } from '../../lib/kubernetes/object.ts';
import type { IPAllocation } from '../../lib/kubernetes/types.ts';
import type { ControlPlane } from './control-plane.ts';

/** An address or a block, and who has it; without either, why a claim has none. */
export interface Allocation {
  readonly address?: string;
  readonly block?: string;
  readonly claim: { readonly name: string; readonly uid: string };
  /** The IPAddress was there before. */
  readonly isAdopted: boolean;
  /** Times of RFC 3339. */
  readonly since: string;
  readonly releasedAt?: string;
  /** Another one when it was lost and came back. */
  readonly identity: string;
}

/** A pool of a namespace, a global one, or a ClusterCIDR. */
export interface Pool {
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
}

export const ALLOCATION_KIND = 'IPAllocation';
export const ALLOCATION_RESOURCE = 'ipallocations';
const API_VERSION = 'metaipam.io/v1alpha1';
/** Holds those of global pools and of pod networks. */
const INSTALL_NAMESPACE = 'metaipam-system';

/** The URL path of all allocations, or of a namespace's. */
export function pathOfAllocations(namespace?: string): string {
  const home = namespace === undefined ? '' : `/namespaces/${namespace}`;
  return `/apis/${API_VERSION}${home}/${ALLOCATION_RESOURCE}`;
}

/** What a pool has given out, what it remembers, and whom it refuses. */
export async function allocationsOf(plane: ControlPlane, pool: Pool): Promise<Allocation[]> {
  return (await listOf(plane, pool)).map(allocation);
}

/** What pod networks have given out, as `<network> <block>`, sorted. */
export async function allocatedBlocks(plane: ControlPlane): Promise<string[]> {
  const all = await list(plane, INSTALL_NAMESPACE);
  return all
    .filter(({ spec }) => spec.cidr !== undefined)
    .map(({ metadata, spec }) => `${metadata.labels?.['metaipam.io/network']} ${spec.cidr}`)
    .sort();
}

/** Loses what is written down of an address that the pool gave out, or of all, as somebody may by hand. */
export async function loseAllocations(plane: ControlPlane, pool: Pool, address?: string): Promise<void> {
  const lost = (await listOf(plane, pool)).filter(
    ({ spec }) => address === undefined || spec.address === address,
  );
  await Promise.all(lost.map((object) => remove(plane, object)));
}

/** Loses what is written down of a block. */
export async function loseBlock(plane: ControlPlane, block: string): Promise<void> {
  const lost = (await list(plane, INSTALL_NAMESPACE)).filter(({ spec }) => spec.cidr === block);
  await Promise.all(lost.map((object) => remove(plane, object)));
}

/** An allocation of a block that no pod network has decided. */
export async function forgeBlock(plane: ControlPlane, block: string, node: KubernetesObject): Promise<void> {
  const forged: Omit<IPAllocation, 'status'> = {
    apiVersion: API_VERSION,
    kind: ALLOCATION_KIND,
    metadata: {
      name: `default.${block.replace('/', '-')}`,
      namespace: INSTALL_NAMESPACE,
      labels: { 'metaipam.io/network': 'default' },
    },
    spec: {
      poolRef: { apiGroup: 'networking.x-k8s.io', kind: 'ClusterCIDR', name: 'a', uid: 'none' },
      claimRef: { apiGroup: '', kind: 'Node', name: node.metadata.name, uid: node.metadata.uid! },
      cidr: block,
      blocks: [block],
    },
  };
  await plane.api('POST', pathOfAllocations(INSTALL_NAMESPACE), forged);
}

/** As YAML, an allocation of an address of InClusterIPPool default/machines to a claim that does not exist; its title. */
export function leakedAllocation(address: string): { manifest: string; title: string } {
  const manifest = `---
apiVersion: ${API_VERSION}
kind: ${ALLOCATION_KIND}
metadata: {name: machines.${address}, namespace: default}
spec:
  poolRef: {apiGroup: ipam.cluster.x-k8s.io, kind: InClusterIPPool, name: machines, uid: nobody}
  claimRef: {apiGroup: ipam.cluster.x-k8s.io, kind: IPAddressClaim, namespace: default, name: nobody, uid: nobody}
  address: ${address}
  prefix: 24
`;
  return { manifest, title: `${ALLOCATION_KIND} default/machines.${address}` };
}

/** Errors of Metacontroller that are none under server-side apply: a stale cache shows as an attempt to change an allocation. */
export const STALE_APPLY = /the spec of an IPAllocation cannot be changed/;

/** The kind of pool that the object is of. */
export function poolKindOf(object: KubernetesObject): string {
  return (object as IPAllocation).spec.poolRef.kind;
}

/** Enough of an object to delete or to patch it. */
export function allocationNamed(name: string, namespace: string): KubernetesObject {
  return { apiVersion: API_VERSION, kind: ALLOCATION_KIND, metadata: { name, namespace } };
}

async function listOf(plane: ControlPlane, { kind, namespace, name }: Pool): Promise<IPAllocation[]> {
  const all = await list(plane, namespace ?? INSTALL_NAMESPACE);
  return all.filter(({ spec: { poolRef } }) => poolRef.kind === kind && poolRef.name === name);
}

async function remove(plane: ControlPlane, { metadata: { namespace, name } }: IPAllocation): Promise<void> {
  await plane.api('DELETE', `${pathOfAllocations(namespace)}/${name}`);
}

async function list(plane: ControlPlane, namespace: string): Promise<IPAllocation[]> {
  return (await plane.api('GET', pathOfAllocations(namespace))).body.items;
}

function allocation({ metadata, spec }: IPAllocation): Allocation {
  const releasedAt = metadata.annotations?.[RELEASED_AT_ANNOTATION];
  return {
    ...(spec.address !== undefined && { address: spec.address }),
    ...(spec.cidr !== undefined && { block: spec.cidr }),
    claim: { name: spec.claimRef.name, uid: spec.claimRef.uid },
    isAdopted: spec.adopted === true,
    since: metadata.creationTimestamp!,
    ...(releasedAt !== undefined && { releasedAt }),
    identity: metadata.uid!,
  };
}
