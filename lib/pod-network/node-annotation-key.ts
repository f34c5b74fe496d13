/** The key of the node annotation of a network, unless it names another. */
export function nodeAnnotationKey(network: string, annotation: string | undefined): string {
  return annotation ?? `kube-node.nordix.org/${network}`;
}
