/** The objects that metaipam's addresses depend on, by kind. */
import { type Allocation, allocationsOf } from '../allocation/slice.ts';
import { isObject, type JsonObject, plainJson } from '../json.ts';
import type { Node, ServiceCIDR } from '../kubernetes/core-types.ts';
import {
  CAPI_IPAM_GROUP,
  CLUSTER_CIDR_API_VERSION,
  METAIPAM_GROUP,
  SERVICE_CIDR_API_VERSION,
} from '../kubernetes/names.ts';
import { compareText, groupOf, type KubernetesObject, qualifiedName } from '../kubernetes/object.ts';
import { POOL_KINDS } from '../kubernetes/pool-kinds.ts';
import type {
  AllocationSlice,
  ClusterCIDR,
  IPAddress,
  IPAddressClaim,
  PodCIDRClaim,
  PodNetwork,
  SliceEntry,
} from '../kubernetes/types.ts';
import type { Pool } from '../pool/pool.ts';

/** Each list of objects by kind, namespace and name. */
export interface Inventory {
  readonly pools: readonly Pool[];
  readonly claims: readonly IPAddressClaim[];
  readonly addresses: readonly IPAddress[];
  readonly slices: readonly AllocationSlice[];
  readonly networks: readonly PodNetwork[];
  readonly clusterCIDRs: readonly ClusterCIDR[];
  readonly podCIDRClaims: readonly PodCIDRClaim[];
  readonly nodes: readonly Node[];
  readonly serviceCIDRs: readonly ServiceCIDR[];
  /** All that the slices list. */
  readonly allocations: readonly Allocation[];
}

/** What an object must have inside its spec to be read at all, by `kind.group`; any version. */
const KINDS: Readonly<Record<string, readonly string[]>> = {
  ...Object.fromEntries(Object.keys(POOL_KINDS).map((kind) => [`${kind}.${CAPI_IPAM_GROUP}`, []])),
  [`IPAddressClaim.${CAPI_IPAM_GROUP}`]: ['poolRef'],
  [`IPAddress.${CAPI_IPAM_GROUP}`]: ['poolRef', 'claimRef'],
  [`AllocationSlice.${METAIPAM_GROUP}`]: ['poolRef'],
  [`PodNetwork.${METAIPAM_GROUP}`]: [],
  [`PodCIDRClaim.${METAIPAM_GROUP}`]: [],
  [`ClusterCIDR.${groupOf(CLUSTER_CIDR_API_VERSION)}`]: [],
  'Node.': [],
  [`ServiceCIDR.${groupOf(SERVICE_CIDR_API_VERSION)}`]: [],
};

/**
 * Sorts objects, which may come from anywhere: other kinds are left out, and so are objects that lack the
 * references without which they mean nothing, or whose metadata cannot be read. Of an object that is given twice the last counts.
 */
export function readInventory(objects: Iterable<KubernetesObject>): Inventory {
  const byKind = distinct(objects);
  const ofKind = <T>(...kinds: string[]) =>
    kinds.flatMap((kind) => byName(byKind.get(kind) ?? new Map())) as object[] as T[];
  const slices = ofKind<AllocationSlice>('AllocationSlice').map(readableSlice);
  return {
    pools: ofKind<Pool>(...Object.keys(POOL_KINDS).sort()).map(withReadableStatus),
    claims: ofKind('IPAddressClaim'),
    addresses: ofKind<IPAddress>('IPAddress').filter(({ spec }) => typeof spec.address === 'string'),
    slices,
    networks: ofKind<PodNetwork>('PodNetwork').map(withReadableStatus),
    clusterCIDRs: ofKind('ClusterCIDR'),
    podCIDRClaims: ofKind('PodCIDRClaim'),
    nodes: ofKind<Node>('Node').map(readableNode),
    serviceCIDRs: ofKind('ServiceCIDR'),
    allocations: allocationsOf(slices),
  };
}

/** The Node with its podCIDRs alone, as far as they are texts. */
function readableNode({ spec, ...node }: Node): Node {
  const { podCIDR, podCIDRs }: JsonObject = isObject(spec) ? spec : {};
  return {
    ...node,
    spec: {
      ...(typeof podCIDR === 'string' && { podCIDR }),
      ...(Array.isArray(podCIDRs) && { podCIDRs: podCIDRs.filter((text) => typeof text === 'string') }),
    },
  };
}

/** The object with a status whose lists are lists. */
function withReadableStatus<T extends Pool | PodNetwork>(object: T): T {
  const { slices, conditions, ...status }: JsonObject = isObject(object.status) ? object.status : {};
  return {
    ...object,
    status: {
      ...status,
      ...(Array.isArray(slices) && { slices: slices.filter((name) => typeof name === 'string') }),
      ...(Array.isArray(conditions) && { conditions: conditions.filter(isObject) }),
    },
  };
}

/** The slice with those of its entries and answers that can be read. */
function readableSlice(slice: AllocationSlice): AllocationSlice {
  const { cidr, entries, answers, ...spec } = slice.spec;
  const only = <T>(map: unknown, isValid: (value: JsonObject) => boolean) =>
    isObject(map) && {
      ...(Object.fromEntries(
        Object.entries(map).filter(([, value]) => isObject(value) && isValid(value)),
      ) as Record<string, T>),
    };
  const isEntry = ({ uid, name, namespace, released }: JsonObject) =>
    isText(uid) && isText(name) && [namespace, released].every((text) => text === undefined || isText(text));
  const listed = only<SliceEntry>(entries, isEntry);
  const said = only<NonNullable<typeof answers>[string]>(answers, ({ reason }) => isText(reason));
  return {
    ...slice,
    spec: {
      ...spec,
      ...(typeof cidr === 'string' && { cidr }),
      ...(listed && { entries: listed }),
      ...(said && { answers: said }),
    },
  };
}

/** Those that can be read, by kind, then by `namespace/name`. */
function distinct(objects: Iterable<KubernetesObject>): Map<string, Map<string, KubernetesObject>> {
  const byKind = new Map<string, Map<string, KubernetesObject>>();
  for (const given of objects) {
    const { apiVersion, kind } = given;
    const key = `${kind}.${groupOf(apiVersion)}`;
    if (!Object.hasOwn(KINDS, key)) continue;
    const metadata = withUid(kind, withoutNulls(given.metadata));
    const object =
      metadata === given.metadata ? withPlainFields(given) : { ...withPlainFields(given), metadata };
    const known = byKind.get(kind) ?? new Map<string, KubernetesObject>();
    byKind.set(kind, known);
    const name = qualifiedName(metadata);
    if (isReadable(object, KINDS[key]!)) known.set(name, object);
    else known.delete(name);
  }
  return byKind;
}

/**
 * The object with numbers that can be compared and written, however many digits somebody gave them. Without a spec it
 * has an empty one, and says what is missing there, unless it means nothing without.
 */
function withPlainFields(object: KubernetesObject): KubernetesObject {
  const { spec, status } = object as { readonly spec?: unknown; readonly status?: unknown };
  const isBare = !isObject(spec) && KINDS[`${object.kind}.${groupOf(object.apiVersion)}`]!.length === 0;
  const fields = { spec: isBare ? {} : plainJson(spec), status: plainJson(status) };
  return fields.spec === spec && fields.status === status ? object : { ...object, ...fields };
}

function byName(objects: ReadonlyMap<string, KubernetesObject>): KubernetesObject[] {
  return [...objects].sort(([a], [b]) => compareText(a, b)).map(([, object]) => object);
}

/** What never was in a cluster has no uid, by which everything is matched. */
function withUid(kind: string, metadata: KubernetesObject['metadata']): KubernetesObject['metadata'] {
  const { uid, namespace, name } = metadata;
  return uid === undefined
    ? { ...metadata, uid: [kind, namespace, name].filter(Boolean).join('.') }
    : metadata;
}

/** A null field counts as absent. */
function withoutNulls<T extends object>(fields: T): T {
  if (!Object.values(fields).includes(null)) return fields;
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null)) as T;
}

/** @param needed what must be inside its spec */
function isReadable(object: KubernetesObject, needed: readonly string[]): boolean {
  if (!isReadableMeta(object.metadata)) return false;
  const { spec } = object as { spec?: unknown };
  return isObject(spec) && needed.every((field) => isObject(spec[field]));
}

const isText = (value: unknown) => typeof value === 'string';
const isTexts = (value: unknown) => isObject(value) && Object.values(value).every(isText);

/** The types that an API server gives the fields of metadata. */
const META_TYPES = Object.entries<(value: unknown) => boolean>({
  namespace: isText,
  uid: isText,
  resourceVersion: isText,
  creationTimestamp: isText,
  deletionTimestamp: isText,
  labels: isTexts,
  annotations: isTexts,
  finalizers: (value) => Array.isArray(value) && value.every(isText),
  ownerReferences: (value) => Array.isArray(value) && value.every(isObject),
});

/** Whether metadata has them, as far as it has the fields; a file may get them wrong. */
export function isReadableMeta(metadata: object): boolean {
  const fields = metadata as JsonObject;
  return META_TYPES.every(([field, isRight]) => fields[field] === undefined || isRight(fields[field]));
}
