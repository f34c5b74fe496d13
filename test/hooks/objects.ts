/** Objects as the API server would hand them out, with no more fields than a test names. */
import { type Allocation, allocationsOf, desiredSlices, parseKey } from '../../lib/allocation/slice.ts';
import { crdAdmission } from '../../lib/engine/crd-admission.ts';
import type { Unstructured } from '../../lib/engine/object.ts';
import { checkMetadata } from '../../lib/engine/object-rules.ts';
import type { KubernetesObject, ObjectMeta } from '../../lib/kubernetes/object.ts';
import { qualifiedName } from '../../lib/kubernetes/object.ts';
import { readCustomResourceDefinitions } from '../../lib/kubernetes/schema.ts';
import type {
  AllocationSlice,
  Condition,
  GlobalInClusterIPPool,
  GlobalInClusterPrefixPool,
  InClusterIPPool,
  InClusterIPPoolSpec,
  InClusterPrefixPool,
  InClusterPrefixPoolSpec,
  IPAddress,
  IPAddressClaim,
  SliceAnswer,
  SliceEntry,
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
import { type Pool, sliceHead } from '../../lib/pool/pool.ts';

export const NOW = Date.parse('2026-01-02T03:04:05Z');
export const CAPI = 'ipam.cluster.x-k8s.io/v1beta2';
export const SLICES = 'AllocationSlice.metaipam.io/v1alpha1';
export const IP_POOL = 'InClusterIPPool';
export const GLOBAL_POOL = 'GlobalInClusterIPPool';
export const PREFIX_POOL = 'InClusterPrefixPool';
export const GLOBAL_PREFIX_POOL = 'GlobalInClusterPrefixPool';
export type { Pool };

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

export function prefixPool(spec: Partial<InClusterPrefixPoolSpec>, meta: Meta = {}): InClusterPrefixPool {
  return { ...ipPool({}, meta), kind: PREFIX_POOL, spec: { prefixes: [], ...spec } };
}

export function globalPrefixPool(
  spec: Partial<InClusterPrefixPoolSpec>,
  meta: Meta = {},
): GlobalInClusterPrefixPool {
  return { ...globalPool({}, meta), kind: GLOBAL_PREFIX_POOL, spec: { prefixes: [], ...spec } };
}

/** A claim of `pool`, open and 1000 seconds old unless `meta` says otherwise; its uid is `uid-<name>`. */
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
      labels: labelsOf(pool),
      ...meta,
    },
    spec: { poolRef: { apiGroup: 'ipam.cluster.x-k8s.io', kind: pool.kind, name: pool.metadata.name } },
  };
}

/** What a claim of `pool` is found by; `settled` is `open`, `leaving` or a pool's uid. */
export function labelsOf(pool: Pool, settled = 'open'): Record<string, string> {
  return {
    'metaipam.io/pool': poolLabel(pool.kind, pool.metadata.name),
    'metaipam.io/settled': settled,
  };
}

/** The claim, which is being deleted and has no IPAddress any more. */
export function leaving(claim: IPAddressClaim): IPAddressClaim {
  const { metadata } = claim;
  const labels = { ...metadata.labels, 'metaipam.io/settled': 'leaving' };
  return { ...claim, metadata: { ...metadata, labels, deletionTimestamp: ago(5) } };
}

/** The claim, bound to an address as the claims hook records it. */
export function boundClaim(unbound: IPAddressClaim, address?: string): IPAddressClaim {
  const { metadata } = unbound;
  const record = { 'metaipam.io/address': address ?? '', 'metaipam.io/address-of': metadata.uid ?? '' };
  const annotations = { ...metadata.annotations, ...(address && record) };
  const status = { addressRef: { name: metadata.name } };
  return { ...unbound, metadata: { ...metadata, annotations }, status };
}

/** Who has which address, and what else its entry says. */
export type Given = readonly [holder: IPAddressClaim, address: string, more?: Partial<SliceEntry>];

/** The slices of `pool` that list these addresses or prefixes, as they are stored. */
export function slicesOf(pool: Pool, ...given: Given[]): AllocationSlice[] {
  const added = given.map(([{ metadata }, text, more]) => {
    const { uid = '', namespace, name } = metadata;
    const entry = { uid, ...(namespace !== undefined && { namespace }), name, ...more };
    return { block: parseKey(text)!, entry };
  });
  const plan = { kept: [], added, bells: new Set<string>(), answers: new Map(), listed: new Set<string>() };
  const head = sliceHead(pool, DEFAULT_CONFIG.installNamespace);
  return desiredSlices(head, [], plan).map((child, index) => stored(pool, child, 200 + index));
}

/** What the API server makes of a child of `pool` that is created. */
function stored(pool: Pool, { metadata, ...child }: DesiredObject, version: number): AllocationSlice {
  const labels = { ...metadata.labels, 'controller-uid': pool.metadata.uid ?? '' };
  const server = { uid: `uid-${metadata.name}`, resourceVersion: String(version), creationTimestamp: ago(0) };
  return { ...child, metadata: { ...metadata, ...server, labels } } as AllocationSlice;
}

/** An IPAddress that another provider or another cluster left: no labels, no owner. Of a pool of prefixes `text` is a CIDR. */
export function ipAddress(pool: Pool, claimName: string, text: string, meta: Meta = {}): IPAddress {
  const [address = '', length] = text.split('/');
  const prefix = 'prefix' in pool.spec ? pool.spec.prefix : Number(length);
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
      prefix,
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
  SLICES,
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
    children: { [SLICES]: {}, ...objectMap(...children) },
    related: { ...groups(CAPI), ...objectMap(...related) },
  };
}

/** What a pool asks for, with nothing in it. */
export function groups(capi: string): ObjectMap {
  return { [`IPAddressClaim.${capi}`]: {}, [`IPAddress.${capi}`]: {}, [SLICES]: {} };
}

/** What the slices of a response list. */
export function listed({ children }: CompositeResponse): Allocation[] {
  return allocationsOf(children as AllocationSlice[]);
}

/** Address, or reason of refusal, by the name of the claim; nothing that is released. */
export function answers(response: CompositeResponse): Record<string, string> {
  const byClaim: Record<string, string> = {};
  for (const [uid, { reason }] of answersByUid(response)) byClaim[uid.replace('uid-', '')] = reason;
  for (const { key, entry } of listed(response)) {
    if (entry.released === undefined) byClaim[entry.name] = key;
  }
  return byClaim;
}

/** Since when each address is released. */
export function released(response: CompositeResponse): Record<string, string> {
  return Object.fromEntries(
    listed(response).flatMap(({ key, entry }) => (entry.released ? [[key, entry.released]] : [])),
  );
}

/** The uids of those who listen for what a slice says. */
export function bells({ children }: CompositeResponse): string[] {
  const keys = children.flatMap(({ metadata }) => Object.keys(metadata.labels ?? {}));
  return keys.flatMap((key) => (key.startsWith('claim.metaipam.io/') ? key.slice(18) : [])).sort();
}

export function answersByUid({ children }: CompositeResponse): [uid: string, answer: SliceAnswer][] {
  return (children as AllocationSlice[]).flatMap(({ spec }) => Object.entries(spec.answers ?? {}));
}

/** The message of a claim's refusal. */
export function refusalOf(response: CompositeResponse, claimName: string): string | undefined {
  return answersByUid(response).find(([uid]) => uid === `uid-${claimName}`)?.[1].message;
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

const admission = crdAdmission(readCustomResourceDefinitions());

/**
 * What Metacontroller and the API server make of a pool's children: created, updated and deleted by name. Throws
 * what the API server would refuse, and if a slice is deleted that is not closed.
 */
export function applyChildren(
  pool: Pool,
  observed: readonly AllocationSlice[],
  desired: readonly DesiredObject[],
  firstVersion: number,
): AllocationSlice[] {
  const before = new Map(observed.map((object) => [object.metadata.name, object]));
  const after = desired.map((child, index) => {
    const known = before.get(child.metadata.name);
    const object = stored(pool, child, firstVersion + index);
    const { uid, resourceVersion, creationTimestamp } = known?.metadata ?? object.metadata;
    const isSame = JSON.stringify(known?.spec) === JSON.stringify(object.spec);
    const server = { uid, creationTimestamp, ...(isSame && { resourceVersion }) };
    const next = { ...object, metadata: { ...object.metadata, ...server } } as AllocationSlice;
    const admitted = admission.prepare!(next as object as Unstructured);
    const old = known as object | undefined as Unstructured | undefined;
    const problems = [...admission.validate!(admitted, old), ...checkMetadata(admitted, old)];
    if (problems.length > 0) throw new Error(`${child.metadata.name}: ${problems.join('; ')}`);
    before.delete(child.metadata.name);
    return next;
  });
  for (const { metadata, spec } of before.values()) {
    if (spec.entries !== undefined && spec.closed !== true) throw new Error(`${metadata.name} is deleted`);
  }
  return after;
}
