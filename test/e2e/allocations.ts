/** Where the tests look at allocations. */
import type { KubernetesObject } from '../../lib/kubernetes/object.ts';
import type { IPAllocation } from '../../lib/kubernetes/types.ts';

export const ALLOCATION_KIND = 'IPAllocation';

/** The URL path of all allocations, or of a namespace's. */
export function pathOfAllocations(namespace?: string): string {
  const home = namespace === undefined ? '' : `/namespaces/${namespace}`;
  return `/apis/metaipam.io/v1alpha1${home}/ipallocations`;
}

/** The kind of pool that the allocation is of. */
export function poolKindOf(allocation: KubernetesObject): string {
  return (allocation as IPAllocation).spec.poolRef.kind;
}

/** Enough of an allocation to delete or to patch it. */
export function allocationNamed(name: string, namespace: string): KubernetesObject {
  return { apiVersion: 'metaipam.io/v1alpha1', kind: ALLOCATION_KIND, metadata: { name, namespace } };
}
