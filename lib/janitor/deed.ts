/** What the janitor does, and what has to be so right before it does it. */

import { claimUids } from '../claim/ip-address.ts';
import { METACONTROLLER } from '../kubernetes/names.ts';
import type { KubernetesObject, ObjectPath } from '../kubernetes/object.ts';
import type { AllocationSlice, IPAddress } from '../kubernetes/types.ts';

/** A fact that decides, to be looked up on the API server: caches may be old. */
export type Check =
  /** No object of this uid is there any more. That stays so for ever. */
  | { readonly is: 'gone'; readonly path: ObjectPath; readonly uid: string }
  /** The object is as it was when the deed was decided. */
  | { readonly is: 'unchanged'; readonly path: ObjectPath; readonly resourceVersion: string }
  | { readonly is: 'absent'; readonly path: ObjectPath }
  /** The object of this uid is there, and not being deleted. */
  | { readonly is: 'alive'; readonly path: ObjectPath; readonly uid: string }
  /** There is no IPAddress of this name that was made for the claim of this uid. */
  | { readonly is: 'without address'; readonly path: ObjectPath; readonly claim: string }
  /** The slice does not give the address to this uid, or not any more. */
  | { readonly is: 'not given'; readonly path: ObjectPath; readonly key: string; readonly uid: string };

export interface Deed {
  /** For the log: `IPAddress default/a: its claim is gone`. */
  readonly why: string;
  readonly checks: readonly Check[];
  readonly act: Act;
}

/** Each holds only for the object as it was: by its resourceVersion, or because there is none yet. */
export type Act = { readonly path: ObjectPath } & (
  | { readonly verb: 'delete'; readonly uid: string; readonly resourceVersion: string }
  | { readonly verb: 'update'; readonly object: KubernetesObject; readonly isSlice?: boolean }
  | { readonly verb: 'create'; readonly object: KubernetesObject }
  /** A JSON merge patch, as of a resourceVersion: a count may be more than a number here can hold. */
  | {
      readonly verb: 'patch';
      readonly patch: { readonly metadata: { readonly resourceVersion: string }; readonly status: object };
    }
);

/** Whether Metacontroller applies the object on the server's side. */
export function isApplied({ metadata }: KubernetesObject): boolean {
  return (
    metadata.managedFields?.some(
      ({ manager, operation }) => manager === METACONTROLLER && operation === 'Apply',
    ) ?? false
  );
}

/**
 * The object as it is applied on the server's side. Its uid and resourceVersion stay: the write holds only for that, and
 * makes nothing anew.
 */
export function appliedObject({
  apiVersion,
  kind,
  metadata,
  ...content
}: KubernetesObject): KubernetesObject {
  const { name, namespace, uid, resourceVersion, labels, ownerReferences } = metadata;
  return {
    apiVersion,
    kind,
    metadata: {
      name,
      ...(namespace !== undefined && { namespace }),
      ...(uid !== undefined && { uid }),
      ...(resourceVersion !== undefined && { resourceVersion }),
      ...(labels && { labels }),
      ...(ownerReferences && { ownerReferences }),
    },
    ...content,
  };
}

/** Whether a check holds for what is found at its path, undefined where nothing is. */
export function checkHolds(check: Check, found: KubernetesObject | undefined): boolean {
  switch (check.is) {
    case 'gone':
      return found?.metadata.uid !== check.uid;
    case 'unchanged':
      return found?.metadata.resourceVersion === check.resourceVersion;
    case 'absent':
      return found === undefined;
    case 'alive':
      return found?.metadata.uid === check.uid && found.metadata.deletionTimestamp === undefined;
    case 'without address':
      return found === undefined || !isMadeFor(found, check.claim);
    case 'not given': {
      const entry = (found as AllocationSlice | undefined)?.spec.entries?.[check.key];
      return entry?.uid !== check.uid || entry.released !== undefined;
    }
  }
}

/** Whether an IPAddress was made for the claim of this uid, or is its. */
function isMadeFor(address: KubernetesObject, claim: string): boolean {
  return claimUids(address as IPAddress).includes(claim);
}
