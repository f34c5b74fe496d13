/** What is wrong in a cluster, and how to mend it. */
import type { Allocation } from '../../allocation/slice.ts';
import { type KubernetesObject, type ObjectMeta, qualifiedName, titleOf } from '../../kubernetes/object.ts';
import { formatTime } from '../../kubernetes/time.ts';

/** Every check by its name, which is stable, with what it finds. */
export const CHECKS = {
  'duplicate-address': 'one address of an address space held by two claims',
  'duplicate-cidr': 'nodes whose podCIDRs or blocks overlap',
  'address-mismatch': 'an IPAddress that says something else than its pool keeps for its claim',
  'unallocated-address': 'an IPAddress that no AllocationSlice lists',
  'two-addresses': 'a claim for which its pool keeps several addresses',
  'stuck-claim': 'a claim that has got an address and makes no use of it, or is not admitted',
  'lost-slice': 'an AllocationSlice that a pool or network has listed and that does not exist',
  'leftover-slice': 'an AllocationSlice of a pool or network that does not exist',
  'misnamed-slice': 'an AllocationSlice whose name is not that of its piece',
  'wrong-pool-label': 'a claim or IPAddress whose label names another pool than its spec',
  'leaked-allocation': 'an address or block that is kept for a claim or node that is gone',
  'service-range': 'a node that has addresses of services',
  'unusable-block': 'blocks of nodes that pods cannot use as their network says',
  'shared-annotation': 'networks that nodes would show in one annotation',
  'node-families': 'a node whose IP families are not those of new nodes',
  'orphaned-address': 'an IPAddress without its claim',
  'orphaned-pod-cidr-claim': 'a PodCIDRClaim without its node',
  'missing-pool': 'a claim whose pool does not exist, a ClusterCIDR whose network does not',
  'invalid-object': 'a spec that metaipam cannot use',
  'out-of-range': 'addresses in use that their pool does not give out',
  'reservation-conflict': 'a reservation that does not hold',
  'other-subnet': 'addresses in use with another prefix or gateway than their pool gives',
  'overlapping-pools': 'pools or networks that may both give out the same address',
  'stuck-deletion': 'objects that are being deleted for ten minutes and are not gone',
} as const;

export type CheckName = keyof typeof CHECKS;

export interface Finding {
  readonly check: CheckName;
  /** `error`: somebody has, or may soon have, a wrong address or none. */
  readonly severity: 'error' | 'warning';
  /** `IPAddressClaim default/web-0`. */
  readonly object: string;
  /** Of the objects that it is about, whether its texts name them or not. */
  readonly namespaces: readonly string[];
  /** One line. */
  readonly message: string;
  /** A command, with a remark after `#` where it needs one. */
  readonly fix: string;
}

/** Each once, of what has one. */
export function namespacesOf(...places: readonly Pick<ObjectMeta, 'namespace'>[]): string[] {
  return [...new Set(places.flatMap(({ namespace }) => namespace || []))];
}

/** Seconds in which metaipam mends by itself what it can, even in a burst. */
export const PATIENCE_SECONDS = 120;

/** `AllocationSlice default/pool-a.10.0.0.0-27 (10.0.0.7)`. */
export function entryTitle({ slice, key }: Allocation): string {
  return `${titleOf(slice)} (${key})`;
}

/** Who has an entry: `IPAddressClaim default/web-0`, `Node worker-1`. */
export function holderTitle(allocation: Allocation): string {
  return `${holderKind(allocation)} ${holderName(allocation)}`;
}

export function holderKind({ slice }: Allocation): 'Node' | 'IPAddressClaim' {
  return slice.spec.poolRef.kind === 'PodNetwork' ? 'Node' : 'IPAddressClaim';
}

/** `namespace/name`, or the name of a Node. */
export function holderName({ entry: { namespace, name } }: Allocation): string {
  return qualifiedName({ name, ...(namespace !== undefined && { namespace }) });
}

/** Gives an entry up, which is all that the API server lets anybody do to one. */
export function releaseCommand({ slice, key }: Allocation, now: number): string {
  const patch = { spec: { entries: { [key]: { released: formatTime(now) } } } };
  return `${kubectl('patch', slice)} --type=merge -p ${quote(JSON.stringify(patch))}`;
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
