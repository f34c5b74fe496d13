/** Where the tests look at allocations, and lay hands on them: whatever is known of their shape is known here. */

import { parsePrefix } from '../../lib/address/range.ts';
import { sliceName } from '../../lib/allocation/names.ts';
import { keyOf, pieceOf } from '../../lib/allocation/slice.ts';
import { NETWORK_LABEL } from '../../lib/kubernetes/names.ts';
import type { KubernetesObject } from '../../lib/kubernetes/object.ts';
import type { AllocationSlice, SliceEntry } from '../../lib/kubernetes/types.ts';
import type { ControlPlane } from './control-plane.ts';

/** An address or a block, and who has it. */
export interface Allocation {
  /** An address, or the CIDR of a block. */
  readonly address: string;
  readonly claim: { readonly name: string; readonly uid: string };
  /** The IPAddress was there before. */
  readonly isAdopted: boolean;
  /** A time of RFC 3339. */
  readonly releasedAt?: string;
  /** Another one when it was lost and came back. */
  readonly identity: string;
}

/** A pool of a namespace, a global one, or a PodNetwork. */
export interface Pool {
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
}

export const ALLOCATION_KIND = 'AllocationSlice';
export const ALLOCATION_RESOURCE = 'allocationslices';
const API_VERSION = 'metaipam.io/v1alpha1';
/** Holds those of global pools and of pod networks. */
const INSTALL_NAMESPACE = 'metaipam-system';

/** The URL path of all allocations, or of a namespace's. */
export function pathOfAllocations(namespace?: string): string {
  const home = namespace === undefined ? '' : `/namespaces/${namespace}`;
  return `/apis/${API_VERSION}${home}/${ALLOCATION_RESOURCE}`;
}

/** What a pool has given out, and what it remembers. */
export async function allocationsOf(plane: ControlPlane, pool: Pool): Promise<Allocation[]> {
  return (await listOf(plane, pool)).flatMap((slice) =>
    entriesOf(slice).map(([address, { uid, name, adopted, released }]) => ({
      address,
      claim: { name, uid },
      isAdopted: adopted === true,
      ...(released !== undefined && { releasedAt: released }),
      identity: slice.metadata.uid!,
    })),
  );
}

/** Whether nothing is written down any more of a pool, or of an earlier one of its name. */
export async function keepsNothing(plane: ControlPlane, pool: Pool): Promise<boolean> {
  return (await listOf(plane, pool)).length === 0;
}

/** What pod networks have given out, as `<network> <block>`, sorted. */
export async function allocatedBlocks(plane: ControlPlane): Promise<string[]> {
  const all = await list(plane, INSTALL_NAMESPACE);
  return all
    .filter(({ spec }) => spec.poolRef.kind === 'PodNetwork')
    .flatMap((slice) => entriesOf(slice).map(([block]) => `${slice.spec.poolRef.name} ${block}`))
    .sort();
}

/** Whether nothing of what pod networks have kept is about to go: until it has, nothing next to it is given out. */
export async function isSettled(plane: ControlPlane): Promise<boolean> {
  const all = await list(plane, INSTALL_NAMESPACE);
  return all.every(({ metadata, spec }) => !spec.closed && metadata.deletionTimestamp === undefined);
}

/**
 * Loses what is written down of an address that the pool gave out, and of those next to it, or of all, as somebody
 * may by hand.
 */
export async function loseAllocations(plane: ControlPlane, pool: Pool, address?: string): Promise<void> {
  const lost = (await listOf(plane, pool)).filter(
    ({ spec }) => address === undefined || spec.entries?.[address] !== undefined,
  );
  await Promise.all(lost.map((slice) => remove(plane, slice)));
}

/** Loses what is written down of a block, and of those next to it. */
export async function loseBlock(plane: ControlPlane, block: string): Promise<void> {
  const lost = (await list(plane, INSTALL_NAMESPACE)).filter(
    ({ spec }) => spec.entries?.[block] !== undefined,
  );
  await Promise.all(lost.map((slice) => remove(plane, slice)));
}

/** An allocation of a block that the network `default` has not decided, and of which it keeps nothing next to it. */
export async function forgeBlock(plane: ControlPlane, block: string, node: KubernetesObject): Promise<void> {
  const prefix = parsePrefix(block)!;
  const space = { name: 'default', marker: '' } as const;
  const piece = pieceOf(space, prefix);
  const forged: AllocationSlice = {
    apiVersion: API_VERSION,
    kind: ALLOCATION_KIND,
    metadata: {
      name: sliceName(space, piece, { blockLength: prefix.length }),
      namespace: INSTALL_NAMESPACE,
      labels: { [NETWORK_LABEL]: 'default' },
    },
    spec: {
      poolRef: { apiGroup: 'metaipam.io', kind: 'PodNetwork', name: 'default', uid: 'none' },
      cidr: keyOf(piece),
      blockLength: prefix.length,
      entries: {
        [block]: { uid: node.metadata.uid!, name: node.metadata.name, clusterCIDR: 'a', blocks: [block] },
      },
    },
  };
  const { status, body } = await plane.api('POST', pathOfAllocations(INSTALL_NAMESPACE), forged);
  if (status !== 201) throw new Error(`${status}: ${body.message}`);
}

/** As YAML, an allocation to a claim that does not exist, of an earlier InClusterIPPool default/machines; its path. */
export function leakedAllocation(): { manifest: string; path: string } {
  const name = 'machines.10.9.0.0-27';
  const manifest = `---
apiVersion: ${API_VERSION}
kind: ${ALLOCATION_KIND}
metadata: {name: ${name}, namespace: default}
spec:
  poolRef: {apiGroup: ipam.cluster.x-k8s.io, kind: InClusterIPPool, name: machines, uid: nobody}
  cidr: 10.9.0.0/27
  entries: {10.9.0.9: {namespace: default, name: nobody, uid: nobody}}
`;
  return { manifest, path: `${pathOfAllocations('default')}/${name}` };
}

/**
 * Errors of Metacontroller that are none under server-side apply: what a stale cache would take from who has it, the
 * API server refuses.
 */
export const STALE_APPLY = /AllocationSlice.*(only what was released can go|what is in use cannot become)/;

/** The kind of pool that the object is of. */
export function poolKindOf(object: KubernetesObject): string {
  return (object as AllocationSlice).spec.poolRef.kind;
}

/** Whether the object lists the label keys of a network, which no node or block is needed for. */
export function isLabelKeysOf(object: KubernetesObject, network: string | undefined): boolean {
  if (object.kind !== ALLOCATION_KIND) return false;
  const { poolRef, labelKeys } = (object as AllocationSlice).spec;
  return labelKeys !== undefined && poolRef.uid === network;
}

/** Enough of an object to delete or to patch it. */
export function allocationNamed(name: string, namespace: string): KubernetesObject {
  return { apiVersion: API_VERSION, kind: ALLOCATION_KIND, metadata: { name, namespace } };
}

async function listOf(plane: ControlPlane, { kind, namespace, name }: Pool): Promise<AllocationSlice[]> {
  const all = await list(plane, namespace ?? INSTALL_NAMESPACE);
  return all.filter(({ spec: { poolRef } }) => poolRef.kind === kind && poolRef.name === name);
}

async function remove(
  plane: ControlPlane,
  { metadata: { namespace, name } }: AllocationSlice,
): Promise<void> {
  await plane.api('DELETE', `${pathOfAllocations(namespace)}/${name}`);
}

async function list(plane: ControlPlane, namespace: string): Promise<AllocationSlice[]> {
  return (await plane.api('GET', pathOfAllocations(namespace))).body.items;
}

function entriesOf({ spec }: AllocationSlice): [string, SliceEntry][] {
  return Object.entries(spec.entries ?? {});
}
