/** Objects as the API server would hand them out, with no more fields than a test names. */
import { type Address, canonicalAddress, parseAddress } from '../../lib/address/address.ts';
import { allocationName } from '../../lib/allocation/names.ts';
import type { KubernetesObject, ObjectMeta } from '../../lib/kubernetes/object.ts';
import { qualifiedName } from '../../lib/kubernetes/object.ts';
import type {
  Condition,
  GlobalInClusterIPPool,
  InClusterIPPool,
  InClusterIPPoolSpec,
  IPAddress,
  IPAddressClaim,
  IPAllocation,
} from '../../lib/kubernetes/types.ts';
import {
  type CompositeRequest,
  type CompositeResponse,
  DEFAULT_CONFIG,
  type DesiredObject,
  type HookConfig,
  type HookContext,
  type ObjectMap,
} from '../../lib/metacontroller/hook.ts';
import { poolLabel } from '../../lib/pool/label.ts';

export const NOW = Date.parse('2026-01-02T03:04:05Z');
export const CAPI = 'ipam.cluster.x-k8s.io/v1beta2';
export const ALLOCATIONS = 'IPAllocation.metaipam.io/v1alpha1';
export const IP_POOL = 'InClusterIPPool';
export const GLOBAL_POOL = 'GlobalInClusterIPPool';
export type Pool = InClusterIPPool | GlobalInClusterIPPool;

export function contextAt(secondsLater = 0, config: Partial<HookConfig> = {}): HookContext {
  return { now: NOW + secondsLater * 1000, config: { ...DEFAULT_CONFIG, ...config } };
}

/** RFC 3339, that many seconds before `NOW`. */
export function ago(seconds: number): string {
  return new Date(NOW - seconds * 1000).toISOString().replace('.000Z', 'Z');
}

type Meta = Partial<ObjectMeta>;

export function ipPool(spec: Partial<InClusterIPPoolSpec>, meta: Meta = {}): InClusterIPPool {
  return {
    apiVersion: 'ipam.cluster.x-k8s.io/v1alpha2',
    kind: IP_POOL,
    metadata: { name: 'pool', namespace: 'default', uid: 'pool-uid', generation: 1, ...meta },
    spec: { addresses: [], prefix: 24, ...spec },
  };
}

export function globalPool(spec: Partial<InClusterIPPoolSpec>, meta: Meta = {}): GlobalInClusterIPPool {
  const { namespace: _, ...metadata } = ipPool(spec).metadata;
  return { ...ipPool(spec), kind: GLOBAL_POOL, metadata: { ...metadata, ...meta } };
}

/** A claim of `pool`, 1000 seconds old unless `meta` says otherwise; its uid is `uid-<name>`. */
export function claim(name: string, pool: Pool = ipPool({}), meta: Meta = {}): IPAddressClaim {
  return {
    apiVersion: CAPI,
    kind: 'IPAddressClaim',
    metadata: {
      name,
      namespace: pool.metadata.namespace ?? 'default',
      uid: `uid-${name}`,
      resourceVersion: '100',
      creationTimestamp: ago(1000),
      labels: { 'metaipam.io/pool': poolLabel(pool.kind, pool.metadata.name) },
      ...meta,
    },
    spec: { poolRef: { apiGroup: 'ipam.cluster.x-k8s.io', kind: pool.kind, name: pool.metadata.name } },
  };
}

/** The claim, bound to an address as the claims hook records it. */
export function boundClaim(unbound: IPAddressClaim, address?: string): IPAddressClaim {
  const { metadata } = unbound;
  const annotations = { ...metadata.annotations, ...(address && { 'metaipam.io/address': address }) };
  const status = { addressRef: { name: metadata.name } };
  return { ...unbound, metadata: { ...metadata, annotations }, status };
}

/** An allocation of `pool` for a claim, as old as the claim. */
export function allocation(
  pool: Pool,
  { metadata }: IPAddressClaim,
  address: string,
  meta: Meta = {},
): IPAllocation {
  const { kind, metadata: poolMeta, spec } = pool;
  const space = poolMeta.annotations?.['metaipam.io/address-space'];
  const marker = space !== undefined ? 'shared' : kind === GLOBAL_POOL ? 'global' : '';
  return {
    apiVersion: 'metaipam.io/v1alpha1',
    kind: 'IPAllocation',
    metadata: {
      name: allocationName({ name: space ?? poolMeta.name, marker }, parseAddress(address) as Address),
      namespace: poolMeta.namespace ?? DEFAULT_CONFIG.installNamespace,
      uid: `allocation-${address}`,
      resourceVersion: '200',
      creationTimestamp: metadata.creationTimestamp ?? ago(1000),
      labels: {
        'controller-uid': poolMeta.uid ?? '',
        'metaipam.io/claim-uid': metadata.uid ?? '',
        ...(space !== undefined && { 'metaipam.io/address-space': space }),
      },
      ...meta,
    },
    spec: {
      poolRef: { apiGroup: 'ipam.cluster.x-k8s.io', kind, name: poolMeta.name, uid: poolMeta.uid ?? '' },
      claimRef: {
        apiGroup: 'ipam.cluster.x-k8s.io',
        kind: 'IPAddressClaim',
        ...(metadata.namespace !== undefined && { namespace: metadata.namespace }),
        name: metadata.name,
        uid: metadata.uid ?? '',
      },
      address: canonicalAddress(address) ?? address,
      prefix: spec.prefix,
      ...(spec.gateway && { gateway: spec.gateway }),
    },
  };
}

/** An IPAddress that another provider or another cluster left: no labels, no owner. */
export function ipAddress(pool: Pool, claimName: string, address: string, meta: Meta = {}): IPAddress {
  return {
    apiVersion: CAPI,
    kind: 'IPAddress',
    metadata: {
      name: claimName,
      namespace: pool.metadata.namespace ?? 'default',
      uid: `address-${claimName}`,
      creationTimestamp: ago(2000),
      ...meta,
    },
    spec: {
      claimRef: { name: claimName },
      poolRef: { apiGroup: 'ipam.cluster.x-k8s.io', kind: pool.kind, name: pool.metadata.name },
      address,
      prefix: pool.spec.prefix,
      ...(pool.spec.gateway && { gateway: pool.spec.gateway }),
    },
  };
}

/** What a request holds even if it is empty; more than it is asked for does no harm. */
const GROUPS = [
  ...['v1beta1', 'v1beta2'].flatMap((version) => [
    `IPAddressClaim.ipam.cluster.x-k8s.io/${version}`,
    `IPAddress.ipam.cluster.x-k8s.io/${version}`,
  ]),
  'IPAllocation.metaipam.io/v1alpha1',
  'PodCIDRClaim.metaipam.io/v1alpha1',
  'ClusterCIDR.networking.x-k8s.io/v1',
];

/** Objects as a request carries them. */
export function objectMap(...objects: KubernetesObject[]): ObjectMap {
  const map: ObjectMap = Object.fromEntries(GROUPS.map((group) => [group, {}]));
  for (const object of objects) {
    const ofKind = `${object.kind}.${object.apiVersion}`;
    map[ofKind] ??= {};
    map[ofKind][qualifiedName(object.metadata)] = object;
  }
  return map;
}

export function poolRequest(
  parent: Pool,
  children: readonly KubernetesObject[] = [],
  related: readonly KubernetesObject[] = [],
): CompositeRequest<Pool> {
  return {
    parent,
    children: { [ALLOCATIONS]: {}, ...objectMap(...children) },
    related: { ...groups(CAPI), ...objectMap(...related) },
  };
}

/** What a pool asks for, with nothing in it. */
export function groups(capi: string): ObjectMap {
  return { [`IPAddressClaim.${capi}`]: {}, [`IPAddress.${capi}`]: {}, [ALLOCATIONS]: {} };
}

type Spec = IPAllocation['spec'];

/** Address, or reason of refusal, by the name of the claim. */
export function answers({ children }: CompositeResponse): Record<string, string> {
  const byClaim: Record<string, string> = {};
  for (const { spec } of children) {
    const { claimRef, address, refusal } = spec as Spec;
    byClaim[claimRef.name] = address ?? refusal?.reason ?? '';
  }
  return byClaim;
}

/** The message of a claim's refusal. */
export function refusalOf({ children }: CompositeResponse, claimName: string): string | undefined {
  return children
    .map(({ spec }) => spec as Spec)
    .find(({ claimRef, refusal }) => claimRef.name === claimName && refusal !== undefined)?.refusal?.message;
}

export function counts(response: CompositeResponse): Record<string, unknown> {
  return (response.status as { ipAddresses: Record<string, unknown> }).ipAddresses;
}

/** `status/reason` of a condition. */
export function condition({ status }: { status?: object | null }, type: string): string | undefined {
  const { conditions = [] } = status as { conditions?: Condition[] };
  const found = conditions.find((other) => other.type === type);
  return found && `${found.status}/${found.reason}`;
}

/**
 * What Metacontroller makes of a pool's children: it creates and deletes by name and updates what it finds
 * under a name. The API server refuses an update of an allocation's spec.
 */
export function applyChildren(
  observed: readonly IPAllocation[],
  desired: readonly DesiredObject[],
  firstVersion: number,
): IPAllocation[] {
  const before = new Map(observed.map((object) => [qualifiedName(object.metadata), object]));
  return desired.map((child, index) => {
    const known = before.get(qualifiedName(child.metadata));
    if (known === undefined) {
      const server = { uid: `uid-${child.metadata.name}`, resourceVersion: String(firstVersion + index) };
      return {
        ...child,
        metadata: { ...child.metadata, ...server, creationTimestamp: ago(0) },
      } as IPAllocation;
    }
    if (JSON.stringify(known.spec) !== JSON.stringify(child.spec)) {
      throw new Error(`${child.metadata.name}: spec is immutable`);
    }
    const { annotations, ...metadata } = known.metadata;
    const kept = child.metadata.annotations;
    return { ...known, metadata: { ...metadata, ...(kept && { annotations: kept }) } };
  });
}
