/** What the API server asks of every object's metadata, whatever its kind (`ValidateObjectMeta`). */
import { isLabelValue } from '../kubernetes/label-value.ts';
import { isQualifiedName, isSubdomain } from '../kubernetes/qualified-name.ts';
import { deepEqual, isDeleting, type Unstructured, withMetadata } from './object.ts';

/** Sentences, one per broken rule; `old` is the object before an update. */
export function checkMetadata(object: Unstructured, old?: Unstructured): string[] {
  if (object.metadata === old?.metadata) return [];
  const { name, labels, annotations, finalizers = [], ownerReferences = [] } = object.metadata;
  // What was let in before need not be looked at again.
  const newLabels = labels === undefined || labels === old?.metadata.labels ? {} : labels;
  const newAnnotations =
    annotations === undefined || annotations === old?.metadata.annotations ? {} : annotations;
  const problems: string[] = [];
  if (typeof name !== 'string') problems.push('metadata.name: Required value: name is required');
  else if (old === undefined && !isSubdomain(name)) {
    problems.push(
      `metadata.name: Invalid value: ${JSON.stringify(name)}: must be a lowercase RFC 1123 subdomain`,
    );
  }
  for (const key in newLabels) {
    const value = newLabels[key];
    if (!isQualifiedName(key)) problems.push(`metadata.labels: Invalid value: ${JSON.stringify(key)}`);
    if (typeof value !== 'string' || !isLabelValue(value)) {
      problems.push(`metadata.labels: Invalid value: ${JSON.stringify(value)} of ${key}`);
    }
  }
  for (const key in newAnnotations) {
    if (!isQualifiedName(key)) problems.push(`metadata.annotations: Invalid value: ${JSON.stringify(key)}`);
    if (typeof newAnnotations[key] !== 'string')
      problems.push(`metadata.annotations: ${key} is not a string`);
  }
  for (const [index, owner] of ownerReferences.entries()) {
    for (const field of ['apiVersion', 'kind', 'name', 'uid'] as const) {
      if (!owner[field]) problems.push(`metadata.ownerReferences[${index}].${field}: Required value`);
    }
  }
  if (ownerReferences.filter((owner) => owner.controller === true).length > 1) {
    problems.push('metadata.ownerReferences: only one reference can have controller set to true');
  }
  for (const finalizer of finalizers) {
    if (!isQualifiedName(finalizer)) problems.push(`metadata.finalizers: Invalid value: ${finalizer}`);
    if (old !== undefined && isDeleting(old) && !old.metadata.finalizers?.includes(finalizer)) {
      problems.push(
        'metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted',
      );
    }
  }
  return problems;
}

/** Lists and maps of the metadata that the API server leaves out when they are empty. */
const COLLECTIONS = ['labels', 'annotations', 'finalizers', 'ownerReferences'] as const;

/** `object` as the API server keeps it: nothing empty in its metadata. */
export function withoutEmptyMetadata(object: Unstructured): Unstructured {
  const empty = COLLECTIONS.filter((field) => {
    const value = object.metadata[field];
    for (const _ in value) return false;
    return value !== undefined;
  });
  if (empty.length === 0) return object;
  return withMetadata(object, Object.fromEntries(empty.map((field) => [field, undefined])));
}

/**
 * A Node as the API server stores it: `podCIDR` is `podCIDRs[0]`. Returns sentences where the write is refused: pod
 * CIDRs are set once (`ValidateNodeUpdate`), and are one of a family or one of each, in any order (`ValidateNode`).
 */
export function admitNode(
  node: Unstructured,
  old?: Unstructured,
): { object: Unstructured; problems: string[] } {
  const spec = (node.spec ?? {}) as { podCIDR?: string; podCIDRs?: readonly (string | null)[] };
  const given = spec.podCIDRs?.length ? spec.podCIDRs : spec.podCIDR ? [spec.podCIDR] : [];
  const podCIDRs = given.map((cidr) => cidr ?? '');
  const before = (old?.spec as { podCIDRs?: readonly string[] } | undefined)?.podCIDRs ?? [];
  const problems: string[] = [];
  const families = new Set(podCIDRs.map((cidr) => cidr.includes(':')));
  if (podCIDRs.length > families.size) {
    const value = JSON.stringify(podCIDRs);
    problems.push(
      `spec.podCIDRs: Invalid value: ${value}: may specify no more than one CIDR for each IP family`,
    );
  }
  if (before.length > 0 && !deepEqual(before, podCIDRs)) {
    problems.push('spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid');
  }
  if (podCIDRs.length === 0) return { object: node, problems };
  return { object: { ...node, spec: { ...spec, podCIDR: podCIDRs[0], podCIDRs } }, problems };
}
