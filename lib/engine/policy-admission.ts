/** Writes as admission policies see them, and what mutating ones apply. */
import type { AdmissionRequest } from '../kubernetes/admission-policies.ts';
import type { Unstructured } from './object.ts';
import type { ResourceType } from './resources.ts';
import { serverSideApply } from './server-side-apply.ts';

/** A write in the storage version, whatever version it came in. */
export function admissionRequest(
  type: ResourceType,
  object: Unstructured,
  oldObject: Unstructured | undefined,
  subresource: 'status' | undefined,
): AdmissionRequest & { readonly object: Unstructured } {
  return {
    operation: oldObject === undefined ? 'CREATE' : 'UPDATE',
    resource: resourceOf(type),
    subResource: subresource ?? '',
    object,
    oldObject,
  };
}

/** A deletion, likewise. */
export function deletionRequest(
  type: ResourceType,
  oldObject: Unstructured,
  user: string | undefined,
): AdmissionRequest {
  return { operation: 'DELETE', resource: resourceOf(type), subResource: '', oldObject, user };
}

function resourceOf({ group, resource, apiVersions }: ResourceType): AdmissionRequest['resource'] {
  const version = (apiVersions[0] as string).slice(group === '' ? 0 : group.length + 1);
  return { group, version, resource };
}

/** `object` with an ApplyConfiguration merged into it. */
export function applyConfiguration(object: Unstructured, configuration: object): Unstructured {
  return serverSideApply(object, undefined, configuration as Unstructured);
}
