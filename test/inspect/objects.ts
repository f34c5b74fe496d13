/** Objects of a cluster, as short as tests can say them. */

import { parseAddress } from '../../lib/address/address.ts';
import { formatPrefix, parsePrefix, prefixOf } from '../../lib/address/range.ts';
import { sliceName } from '../../lib/allocation/names.ts';
import { pieceOf, sliceNameOf } from '../../lib/allocation/slice.ts';
import type { KubernetesObject } from '../../lib/kubernetes/object.ts';
import type { AllocationSlice } from '../../lib/kubernetes/types.ts';
import { DEFAULT_CONFIG, type HookContext } from '../../lib/metacontroller/hook.ts';
import { poolLabel } from '../../lib/pool/label.ts';

export const NOW = Date.UTC(2026, 0, 2);
export const CONTEXT: HookContext = { now: NOW, config: DEFAULT_CONFIG };
export const READY = { conditions: [{ type: 'Ready', status: 'True', reason: 'PoolReady', message: '' }] };

const CAPI = 'ipam.cluster.x-k8s.io';

type Meta = Partial<KubernetesObject['metadata']>;

function object(
  apiVersion: string,
  kind: string,
  metadata: Meta & { name: string },
  rest: object,
): KubernetesObject {
  const uid = `uid-of-${kind}-${metadata.name}`;
  return {
    apiVersion,
    kind,
    metadata: { uid, creationTimestamp: '2026-01-01T00:00:00Z', ...metadata },
    ...rest,
  };
}

/** A namespaced pool in `default` that its controller found ready. */
export function pool(
  name: string,
  spec: object,
  metadata: Meta = {},
  status: object = READY,
): KubernetesObject {
  return object(
    `${CAPI}/v1alpha2`,
    'InClusterIPPool',
    { name, namespace: 'default', ...metadata },
    { spec, status },
  );
}

export function globalPool(name: string, spec: object, metadata: Meta = {}): KubernetesObject {
  return object(`${CAPI}/v1alpha2`, 'GlobalInClusterIPPool', { name, ...metadata }, { spec, status: READY });
}

/** Waits, unless `status` says otherwise. */
export function claim(
  name: string,
  poolName: string,
  metadata: Meta = {},
  status?: object,
): KubernetesObject {
  const kind = 'InClusterIPPool';
  return object(
    `${CAPI}/v1beta2`,
    'IPAddressClaim',
    { name, namespace: 'default', labels: labelsOfClaim(poolName), ...metadata },
    { spec: { poolRef: { apiGroup: CAPI, kind, name: poolName } }, ...(status && { status }) },
  );
}

/** Of a claim that its pool may serve. */
export function labelsOfClaim(poolName: string, settled = 'open'): Record<string, string> {
  return { 'metaipam.io/pool': poolLabel('InClusterIPPool', poolName), 'metaipam.io/settled': settled };
}

/** What makes a claim a served one. */
export function served(name: string): object {
  return {
    addressRef: { name },
    conditions: [{ type: 'Ready', status: 'True', reason: 'AddressAllocated', message: '' }],
  };
}

/** The address of a claim of the same name. */
export function address(name: string, poolName: string, text: string, metadata: Meta = {}): KubernetesObject {
  const poolRef = { apiGroup: CAPI, kind: 'InClusterIPPool', name: poolName };
  return object(
    `${CAPI}/v1beta2`,
    'IPAddress',
    { name, namespace: 'default', ...metadata },
    { spec: { poolRef, claimRef: { name }, address: text, prefix: 24 } },
  );
}

/**
 * A slice of an address that lists it for a claim, by the names of both; alone in it, as in a shared address space, so
 * that tests can add them up.
 */
export function allocation(
  poolName: string,
  text: string,
  claimName: string,
  entry: object = {},
  metadata: Meta = {},
): KubernetesObject {
  const address = parseAddress(text)!;
  const piece = prefixOf(address, address.family === 4 ? 32 : 128);
  const addressSpace = metadata.labels?.['metaipam.io/address-space'] ?? poolName;
  return slice(
    poolName,
    {
      cidr: formatPrefix(piece),
      addressSpace,
      prefix: 24,
      entries: {
        [text]: {
          uid: `uid-of-IPAddressClaim-${claimName}`,
          namespace: 'default',
          name: claimName,
          ...entry,
        },
      },
    },
    { name: sliceName({ name: addressSpace, marker: 'shared' }, piece), ...metadata },
  );
}

/** A slice of a namespaced pool. */
export function slice(poolName: string, spec: object, metadata: Meta & { name: string }): KubernetesObject {
  const kind = 'InClusterIPPool';
  const { labels, ...others } = metadata;
  return object(
    'metaipam.io/v1alpha1',
    'AllocationSlice',
    { namespace: 'default', labels: { 'metaipam.io/pool': poolLabel(kind, poolName), ...labels }, ...others },
    {
      spec: { poolRef: { apiGroup: CAPI, kind, name: poolName, uid: `uid-of-${kind}-${poolName}` }, ...spec },
    },
  );
}

export function podNetwork(name = 'default', spec: object = {}): KubernetesObject {
  const target = name === 'default' ? 'node.spec.podCIDRs' : 'node.metadata.annotations';
  return object('metaipam.io/v1alpha1', 'PodNetwork', { name }, { spec: { target, ...spec }, status: READY });
}

export function clusterCIDR(name: string, spec: object, network?: string): KubernetesObject {
  const labels = network === undefined ? {} : { labels: { 'metaipam.io/network': network } };
  return object('networking.x-k8s.io/v1', 'ClusterCIDR', { name, ...labels }, { spec, status: READY });
}

export function serviceCIDR(name: string, ...cidrs: string[]): KubernetesObject {
  return object('networking.k8s.io/v1', 'ServiceCIDR', { name }, { spec: { cidrs } });
}

export function node(name: string, podCIDRs: readonly string[] = [], metadata: Meta = {}): KubernetesObject {
  return object(
    'v1',
    'Node',
    { name, ...metadata },
    { spec: podCIDRs.length > 0 ? { podCIDR: podCIDRs[0], podCIDRs } : {} },
  );
}

/** Slices of blocks that have one name are one, with the entries of all. */
export function merged(objects: readonly KubernetesObject[]): KubernetesObject[] {
  const slices = new Map<string, AllocationSlice>();
  const others = objects.filter((each) => {
    const slice = each as AllocationSlice;
    if (slice.spec?.blockLength === undefined) return true;
    const { name } = slice.metadata;
    const entries = { ...slices.get(name)?.spec.entries, ...slice.spec.entries };
    slices.set(name, { ...slice, spec: { ...slice.spec, entries } });
    return false;
  });
  return [...others, ...slices.values()];
}

/** A slice of a block that lists it for a node, by the names of both. */
export function block(
  cidr: string,
  clusterCIDRName: string,
  nodeName: string,
  entry: object = {},
  network = 'default',
): KubernetesObject {
  const given = parsePrefix(cidr)!;
  const space = { name: network, marker: '' } as const;
  return object(
    'metaipam.io/v1alpha1',
    'AllocationSlice',
    {
      name: sliceNameOf(space, given),
      namespace: 'metaipam-system',
      labels: { 'metaipam.io/network': network },
    },
    {
      spec: {
        poolRef: {
          apiGroup: 'metaipam.io',
          kind: 'PodNetwork',
          name: network,
          uid: `uid-of-PodNetwork-${network}`,
        },
        cidr: formatPrefix(pieceOf(space, given)),
        blockLength: given.length,
        entries: {
          [cidr]: {
            uid: `uid-of-Node-${nodeName}`,
            name: nodeName,
            clusterCIDR: clusterCIDRName,
            blocks: [cidr],
            since: '2026-01-01T00:00:00Z',
            ...entry,
          },
        },
      },
    },
  );
}

/** The slim copy of a node. */
export function podCIDRClaim(
  name: string,
  podCIDRs: readonly string[] = [],
  metadata: Meta = {},
): KubernetesObject {
  return object(
    'metaipam.io/v1alpha1',
    'PodCIDRClaim',
    { name, ...metadata },
    { spec: { nodeUID: `uid-of-Node-${name}`, podCIDRs } },
  );
}
