/** Objects of a cluster, as short as tests can say them. */

import type { KubernetesObject } from '../../lib/kubernetes/object.ts';
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
    { name, namespace: 'default', labels: { 'metaipam.io/pool': poolLabel(kind, poolName) }, ...metadata },
    { spec: { poolRef: { apiGroup: CAPI, kind, name: poolName } }, ...(status && { status }) },
  );
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

/** The allocation of an address to a claim, by the names of both. */
export function allocation(
  poolName: string,
  text: string,
  claimName: string,
  spec: object = {},
  metadata: Meta = {},
): KubernetesObject {
  const claimUid = `uid-of-IPAddressClaim-${claimName}`;
  return object(
    'metaipam.io/v1alpha1',
    'IPAllocation',
    {
      name: `${poolName}.${text.replaceAll(':', '-')}`,
      namespace: 'default',
      labels: { 'metaipam.io/claim-uid': claimUid },
      ...metadata,
    },
    {
      spec: {
        poolRef: {
          apiGroup: CAPI,
          kind: 'InClusterIPPool',
          name: poolName,
          uid: `uid-of-InClusterIPPool-${poolName}`,
        },
        claimRef: {
          apiGroup: CAPI,
          kind: 'IPAddressClaim',
          namespace: 'default',
          name: claimName,
          uid: claimUid,
        },
        address: text,
        prefix: 24,
        ...spec,
      },
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

export function node(name: string, podCIDRs: readonly string[] = [], metadata: Meta = {}): KubernetesObject {
  return object(
    'v1',
    'Node',
    { name, ...metadata },
    { spec: podCIDRs.length > 0 ? { podCIDR: podCIDRs[0], podCIDRs } : {} },
  );
}

/** The allocation of a block to a node, by the names of both. */
export function block(
  cidr: string,
  clusterCIDRName: string,
  nodeName: string,
  spec: object = {},
  network = 'default',
): KubernetesObject {
  const claimUid = `uid-of-Node-${nodeName}`;
  return object(
    'metaipam.io/v1alpha1',
    'IPAllocation',
    {
      name: `${network}.${cidr.replaceAll(/[:/]/g, '-')}`,
      namespace: 'metaipam-system',
      labels: {
        'metaipam.io/claim-uid': claimUid,
        'metaipam.io/network': network,
        'metaipam.io/cluster-cidr': clusterCIDRName,
      },
    },
    {
      spec: {
        poolRef: {
          apiGroup: 'networking.x-k8s.io',
          kind: 'ClusterCIDR',
          name: clusterCIDRName,
          uid: `uid-of-ClusterCIDR-${clusterCIDRName}`,
        },
        claimRef: { apiGroup: '', kind: 'Node', name: nodeName, uid: claimUid },
        cidr,
        blocks: [cidr],
        ...spec,
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
