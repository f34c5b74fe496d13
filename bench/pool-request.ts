/** Sync requests of a pool with many claims. Those that have their addresses are settled, and so not sent. */
import { sync } from '../hooks/pools.ts';
import { allocationsOf } from '../lib/allocation/slice.ts';
import {
  CAPI_IPAM_GROUP,
  CLUSTER_NAME_LABEL,
  METAIPAM_API_VERSION,
  OPEN,
  POOL_API_VERSION,
  POOL_LABEL,
  SETTLED_LABEL,
} from '../lib/kubernetes/names.ts';
import type { AllocationSlice, IPAddressClaim } from '../lib/kubernetes/types.ts';
import { type CompositeRequest, DEFAULT_CONFIG, type DesiredObject } from '../lib/metacontroller/hook.ts';
import { poolLabel } from '../lib/pool/label.ts';
import type { Pool } from '../lib/pool/pool.ts';
import {
  applied,
  createdAt,
  group,
  kubectlApplied,
  LATER,
  managedFields,
  resourceVersion,
  suffix,
  uuidOf,
} from './stored.ts';

const CAPI_IPAM = `${CAPI_IPAM_GROUP}/v1beta2`;
const NAMESPACE = 'machines';
const CLUSTER = 'production';
const SLICES = `AllocationSlice.${METAIPAM_API_VERSION}`;

type Request = CompositeRequest<Pool>;
type Spec = Pool['spec'];

const IPV4 = { addresses: ['10.8.0.0-10.9.255.255'], gateway: '10.8.0.1', prefix: 15 };
/** Each claim gets a /64. */
export const PREFIX_POOL = { prefixes: ['fd00:8::/40'], allocationPrefixLength: 64, gateway: 'fe80::1' };
/** The addresses of the first, in subnets, which are counted besides. */
export const SUBNETS_POOL = {
  subnets: [
    { addresses: ['10.8.0.0-10.8.255.255'], gateway: '10.8.0.1', prefix: 16 },
    { addresses: ['10.9.0.0-10.9.255.255'], gateway: '10.9.0.1', prefix: 16 },
  ],
};
/** Its counts are beyond what a double holds. */
export const IPV6_POOL = { addresses: ['fd00:8::/64'], gateway: 'fd00:8::1', prefix: 64 };

/** Claims that have no address yet, all in one sync. */
export function allNewClaims(count: number, spec: Spec = IPV4): Request {
  const claims = numbers(0, count).map((n) => unboundClaim(n, kindOf(spec)));
  return request(spec, claims, []);
}

/** One new claim beside claims that have their addresses. */
export function allButOneAllocated(count: number, spec: Spec = IPV4): Request {
  const { parent, children } = served(allNewClaims(count - 1, spec));
  return request(parent.spec, [unboundClaim(count - 1, parent.kind)], slicesOf(children), parent.status);
}

/** Every second claim is gone and its address free again; as many new ones wait. */
export function halfReplaced(count: number): Request {
  const { parent, children } = served(allNewClaims(count));
  const slices = slicesOf(children).map((slice) => {
    const entries = allocationsOf([slice]).filter((_, index) => index % 2 === 0);
    const kept = Object.fromEntries(entries.map(({ key, entry }) => [key, entry]));
    return { ...slice, spec: { ...slice.spec, entries: kept } };
  });
  const waiting = numbers(count, count + count / 2).map((n) => unboundClaim(n, parent.kind));
  return request(parent.spec, waiting, slices, parent.status);
}

function kindOf(spec: Spec): Pool['kind'] {
  return 'prefixes' in spec ? 'InClusterPrefixPool' : 'InClusterIPPool';
}

function request(
  spec: Spec,
  claims: readonly IPAddressClaim[],
  slices: readonly AllocationSlice[],
  status: Pool['status'] = undefined,
): Request {
  const manifest = {
    apiVersion: POOL_API_VERSION,
    kind: kindOf(spec),
    metadata: { name: 'machines', namespace: NAMESPACE },
    spec,
  };
  return {
    parent: { ...kubectlApplied<Pool>(manifest), ...(status && { status }) },
    children: { [SLICES]: group(slices) },
    related: {
      [`IPAddress.${CAPI_IPAM}`]: {},
      [`IPAddressClaim.${CAPI_IPAM}`]: group(claims),
      [SLICES]: {},
    },
    finalizing: false,
  };
}

/** The request after all that was asked for was made and every claim is settled. */
function served(before: Request): Request {
  const context = { now: LATER, config: DEFAULT_CONFIG };
  const { parent } = before;
  const given = applyAll(sync(before, context).children, parent);
  const { children, status } = sync(request(parent.spec, [], given), context);
  return request(parent.spec, [], applyAll(children, parent), status as Pool['status']);
}

function applyAll(children: readonly DesiredObject[], parent: Pool): AllocationSlice[] {
  const labels = { 'controller-uid': parent.metadata.uid ?? '' };
  return children.map((child, index) => applied<AllocationSlice>(child, parent, index, { labels }));
}

function slicesOf(children: Request['children']): AllocationSlice[] {
  return Object.values(children[SLICES] ?? {}) as AllocationSlice[];
}

/** A claim of a machine, as the router left it and the claims hook once its Cluster was there. */
function unboundClaim(n: number, kind: string): IPAddressClaim {
  const machine = `${CLUSTER}-md-0-${suffix(`machine ${n}`)}`;
  const name = `${machine}-0-0`;
  const metadata = {
    creationTimestamp: createdAt(n),
    finalizers: ['metacontroller.io/decoratorcontroller-claims'],
    generation: 1,
    labels: {
      [CLUSTER_NAME_LABEL]: CLUSTER,
      [POOL_LABEL]: poolLabel(kind, 'machines'),
      [SETTLED_LABEL]: OPEN,
    },
    name,
    namespace: NAMESPACE,
    ownerReferences: [
      {
        apiVersion: 'infrastructure.cluster.x-k8s.io/v1beta1',
        controller: true,
        kind: 'VSphereVM',
        name: machine,
        uid: uuidOf(`VSphereVM ${machine}`),
      },
    ],
    resourceVersion: resourceVersion(n),
    uid: uuidOf(`IPAddressClaim ${name}`),
  };
  const spec = {
    clusterName: CLUSTER,
    poolRef: { apiGroup: CAPI_IPAM_GROUP, kind, name: 'machines' },
  };
  return written({ apiVersion: CAPI_IPAM, kind: 'IPAddressClaim', metadata, spec });
}

function written(claim: IPAddressClaim): IPAddressClaim {
  const { creationTimestamp = '', finalizers, labels = {}, ownerReferences } = claim.metadata;
  const { [CLUSTER_NAME_LABEL]: cluster, ...ours } = labels;
  const fields = managedFields(CAPI_IPAM, creationTimestamp, [
    {
      manager: 'manager',
      fields: { metadata: { labels: { [CLUSTER_NAME_LABEL]: cluster }, ownerReferences }, spec: claim.spec },
    },
    { manager: 'metacontroller', fields: { metadata: { finalizers, labels: ours } } },
  ]);
  return { ...claim, metadata: { ...claim.metadata, managedFields: fields } };
}

function numbers(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}
