/** Which PodNetwork a ClusterCIDR is of. */
import { DEFAULT_NETWORK, NETWORK_LABEL } from '../kubernetes/names.ts';
import type { ObjectMeta } from '../kubernetes/object.ts';

/** The label value of the network that a ClusterCIDR is of: one without the label is of `default`. */
export function networkLabelOf({ metadata }: { readonly metadata: Pick<ObjectMeta, 'labels'> }): string {
  return metadata.labels?.[NETWORK_LABEL] ?? DEFAULT_NETWORK;
}
