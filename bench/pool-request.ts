/** Sync requests of a pool with many claims. */
import {
  ADDRESS_ANNOTATION,
  CAPI_IPAM_GROUP,
  CLUSTER_NAME_LABEL,
  METAIPAM_API_VERSION,
  POOL_API_VERSION,
  POOL_LABEL,
} from '../lib/kubernetes/names.ts';
import type { IPAddressClaim, IPAllocation } from '../lib/kubernetes/types.ts';
import { type CompositeRequest, DEFAULT_CONFIG } from '../lib/metacontroller/hook.ts';
import { poolLabel } from '../lib/pool/label.ts';
import { type Pool, sync } from '../lib/pool/pool-hooks.ts';
import {
  applied,
  createdAt,
  group,
  kubectlApplied,
  LATER,
  managedFields,
  resourceVersion,
  suffix,
  uuid,
  type Write,
} from './stored.ts';

const CAPI_IPAM = `${CAPI_IPAM_GROUP}/v1beta2`;
const NAMESPACE = 'machines';
const CLUSTER = 'production';

type Request = CompositeRequest<Pool>;

const IPV4 = { addresses: ['10.8.0.0-10.9.255.255'], gateway: '10.8.0.1', prefix: 15 };
const IPV6 = { addresses: ['fd00:8::/64'], gateway: 'fd00:8::1', prefix: 64 };

/** Claims that have no address yet, all in one sync. */
export function allNew(count: number, spec = IPV4): Request {
  return request(spec, numbers(0, count).map(unboundClaim), []);
}

/** One new claim beside claims that have their addresses. */
export function allButOneAllocated(count: number, spec = IPV4): Request {
  const { parent, children, related } = served(allNew(count - 1, spec));
  return request(
    parent.spec,
    [...claimsOf(related), unboundClaim(count - 1)],
    allocationsOf(children),
    parent.status,
  );
}

/** Every second claim is gone and its address free again; as many new ones wait. */
export function halfReplaced(count: number): Request {
  const { parent, children, related } = served(allNew(count));
  const claims = claimsOf(related).filter((_, index) => index % 2 === 0);
  const living = new Set(claims.map(({ metadata }) => metadata.uid));
  const allocations = allocationsOf(children).filter(({ spec }) => living.has(spec.claimRef.uid));
  return request(
    parent.spec,
    [...claims, ...numbers(count, count + count / 2).map(unboundClaim)],
    allocations,
    parent.status,
  );
}

/** One new claim in an IPv6 pool, whose counts are beyond what a double holds. */
export function ipv6AllButOneAllocated(count: number): Request {
  return allButOneAllocated(count, IPV6);
}

function request(
  spec: Pool['spec'],
  claims: readonly IPAddressClaim[],
  allocations: readonly IPAllocation[],
  status: Pool['status'] = undefined,
): Request {
  const manifest = {
    apiVersion: POOL_API_VERSION,
    kind: 'InClusterIPPool',
    metadata: { name: 'machines', namespace: NAMESPACE },
    spec,
  };
  return {
    parent: { ...kubectlApplied<Pool>(manifest), ...(status && { status }) },
    children: { [`IPAllocation.${METAIPAM_API_VERSION}`]: group(allocations) },
    related: {
      [`IPAddress.${CAPI_IPAM}`]: {},
      [`IPAddressClaim.${CAPI_IPAM}`]: group(claims),
      [`IPAllocation.${METAIPAM_API_VERSION}`]: {},
    },
    finalizing: false,
  };
}

/** The request after all that was asked for was made: every claim is bound to its allocation. */
function served(before: Request): Request {
  const { parent } = before;
  const { children, status } = sync(before, { now: LATER, config: DEFAULT_CONFIG });
  const claims = claimsOf(before.related);
  const allocations = children.map((child, index) =>
    applied<IPAllocation>(child, parent, 2 * claims.length + index, {
      labels: { 'controller-uid': parent.metadata.uid ?? '' },
    }),
  );
  const addresses = new Map(allocations.map(({ spec }) => [spec.claimRef.uid, spec.address]));
  const bound = claims.map((claim) => boundClaim(claim, addresses.get(claim.metadata.uid ?? '') ?? ''));
  return request(parent.spec, bound, allocations, status as Pool['status']);
}

function claimsOf(related: Request['related']): IPAddressClaim[] {
  return Object.values(related[`IPAddressClaim.${CAPI_IPAM}`] ?? {}) as IPAddressClaim[];
}

function allocationsOf(children: Request['children']): IPAllocation[] {
  return Object.values(children[`IPAllocation.${METAIPAM_API_VERSION}`] ?? {}) as IPAllocation[];
}

/** A claim of a machine, as the router and the first sync of the claims hook left it. */
function unboundClaim(n: number): IPAddressClaim {
  const machine = `${CLUSTER}-md-0-${suffix(`machine ${n}`)}`;
  const name = `${machine}-0-0`;
  const metadata = {
    creationTimestamp: createdAt(n),
    finalizers: ['metacontroller.io/decoratorcontroller-claims'],
    generation: 1,
    labels: {
      [CLUSTER_NAME_LABEL]: CLUSTER,
      [POOL_LABEL]: poolLabel('InClusterIPPool', 'machines'),
    },
    name,
    namespace: NAMESPACE,
    ownerReferences: [
      {
        apiVersion: 'infrastructure.cluster.x-k8s.io/v1beta1',
        controller: true,
        kind: 'VSphereVM',
        name: machine,
        uid: uuid(`VSphereVM ${machine}`),
      },
    ],
    resourceVersion: resourceVersion(n),
    uid: uuid(`IPAddressClaim ${name}`),
  };
  const spec = {
    clusterName: CLUSTER,
    poolRef: { apiGroup: CAPI_IPAM_GROUP, kind: 'InClusterIPPool', name: 'machines' },
  };
  return written({ apiVersion: CAPI_IPAM, kind: 'IPAddressClaim', metadata, spec }, []);
}

function boundClaim(claim: IPAddressClaim, address: string): IPAddressClaim {
  const { name, creationTimestamp = '' } = claim.metadata;
  const condition = {
    lastTransitionTime: creationTimestamp,
    message: '',
    reason: 'AddressAllocated',
    status: 'True',
    type: 'Ready',
  } as const;
  const annotations = { [ADDRESS_ANNOTATION]: address };
  const status = { addressRef: { name }, conditions: [condition] };
  const metadata = { annotations, ...claim.metadata };
  return written({ ...claim, metadata, status }, [
    { manager: 'metacontroller', fields: { status }, subresource: 'status' },
  ]);
}

function written(claim: IPAddressClaim, more: readonly Write[]): IPAddressClaim {
  const { annotations, creationTimestamp = '', finalizers, labels = {}, ownerReferences } = claim.metadata;
  const writes: Write[] = [
    {
      manager: 'manager',
      fields: {
        metadata: { labels: { [CLUSTER_NAME_LABEL]: labels[CLUSTER_NAME_LABEL] }, ownerReferences },
        spec: claim.spec,
      },
    },
    {
      manager: 'metacontroller',
      fields: {
        metadata: {
          ...(annotations && { annotations }),
          finalizers,
          labels: { [POOL_LABEL]: labels[POOL_LABEL] },
        },
      },
    },
    ...more,
  ];
  const metadata = { ...claim.metadata, managedFields: managedFields(CAPI_IPAM, creationTimestamp, writes) };
  return { ...claim, metadata };
}

function numbers(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}
