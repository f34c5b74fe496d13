/** How customize hooks ask for AllocationSlices. */
import { METAIPAM_API_VERSION } from '../kubernetes/names.ts';
import type { LabelSelector, RelatedResourceRule } from './hook.ts';

/** All slices of a namespace, to be narrowed down by names or labels. */
export function sliceRule(namespace: string): RelatedResourceRule {
  return { apiVersion: METAIPAM_API_VERSION, resource: 'allocationslices', namespace };
}

/** Those that have the label `key`, whatever its value. */
export function slicesWith(namespace: string, key: string): RelatedResourceRule {
  return slicesBy(namespace, { matchExpressions: [{ key, operator: 'Exists' }] });
}

export function slicesBy(namespace: string, labelSelector: LabelSelector): RelatedResourceRule {
  return { ...sliceRule(namespace), labelSelector };
}
