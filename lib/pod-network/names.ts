/**
 * On an allocation, by the pod-networks hook: the key of the node annotation that shows its block, so that the
 * nodes hook need not see PodNetworks, whose status changes with every allocation.
 */
export const NODE_ANNOTATION_ANNOTATION = 'metaipam.io/node-annotation';
/** On an allocation of a PodNetwork that is being deleted: since when its block should leave its node. */
export const WITHDRAWN_AT_ANNOTATION = 'metaipam.io/withdrawn-at';

/** The key of the node annotation of a network, unless it names another. */
export function nodeAnnotationKey(network: string, annotation: string | undefined): string {
  return annotation ?? `kube-node.nordix.org/${network}`;
}
