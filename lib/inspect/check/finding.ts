/** What is wrong in a cluster, and how to mend it. */
import { type KubernetesObject, qualifiedName } from '../../kubernetes/object.ts';

/** Every check by its name, which is stable, with what it finds. */
export const CHECKS = {
  'duplicate-address': 'one address of an address space held by two claims',
  'duplicate-cidr': 'nodes whose podCIDRs or blocks overlap',
  'address-mismatch': 'a claim bound to another address than its allocation says',
  'unallocated-address': 'an IPAddress that its pool has not allocated',
  'wrong-pool-label': 'a claim or IPAddress whose label names another pool than its spec',
  'leaked-allocation': 'an allocation whose claim, node or pool is gone',
  'orphaned-address': 'an IPAddress without its claim',
  'orphaned-pod-cidr-claim': 'a PodCIDRClaim without its node',
  'missing-pool': 'a claim whose pool does not exist, a ClusterCIDR whose network does not',
  'invalid-object': 'a spec that metaipam cannot use',
  'out-of-range': 'addresses in use that their pool does not give out',
  'overlapping-pools': 'pools or networks that may both give out the same address',
  'stuck-deletion': 'objects that are being deleted for ten minutes and are not gone',
} as const;

export type CheckName = keyof typeof CHECKS;

export interface Finding {
  readonly check: CheckName;
  /** `error`: somebody has, or may soon have, a wrong address or none. */
  readonly severity: 'error' | 'warning';
  /** `IPAllocation default/pool-a.10.0.0.7`. */
  readonly object: string;
  /** One line. */
  readonly message: string;
  /** A command, with a remark after `#` where it needs one. */
  readonly fix: string;
}

/** Seconds in which metaipam mends by itself what it can, even in a burst. */
export const PATIENCE_SECONDS = 120;

export function titleOf({ kind, metadata }: KubernetesObject): string {
  return `${kind} ${qualifiedName(metadata)}`;
}

/** `kubectl <verb> <resource> -n <namespace> <name>`, as a shell takes it whatever the name. */
export function kubectl(verb: string, { kind, metadata }: KubernetesObject): string {
  // Kubernetes has IPAddresses of its own.
  const resource = kind === 'IPAddress' ? 'ipaddresses.ipam.cluster.x-k8s.io' : kind.toLowerCase();
  const namespace = metadata.namespace == null ? '' : ` -n ${quote(String(metadata.namespace))}`;
  return `kubectl ${verb} ${resource}${namespace} ${quote(metadata.name)}`;
}

/** One word of a shell. */
export function quote(word: string): string {
  return /^[A-Za-z0-9][A-Za-z0-9._/:=-]*$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
