/** Writes of objects, and what an API server with the policies of metacontroller/admission says to them. */
import type { KubernetesObject } from '../../lib/kubernetes/object.ts';

export interface PolicyCase {
  readonly id: string;
  /** The object as it was before the policies came; without it, the object is created. */
  readonly before?: KubernetesObject;
  /** Whether the object was deleted before the update, which its finalizers hold off. */
  readonly isDeleting?: boolean;
  readonly after: KubernetesObject;
  /** Part of the message of the refusal. Without it the write is accepted. */
  readonly refused?: string;
  /** The metadata that a mutating policy adds. */
  readonly added?: object;
}

const CAPI = 'ipam.cluster.x-k8s.io';
const finalizers = ['example.com/held'];

const pool = (metadata: object = {}, kind = 'InClusterIPPool') =>
  ({
    apiVersion: `${CAPI}/v1alpha2`,
    kind,
    metadata: { name: 'a', ...metadata },
    spec: { addresses: ['10.0.0.0/24'], prefix: 24 },
  }) as KubernetesObject;
const space = (name: string) => ({ annotations: { 'metaipam.io/address-space': name } });

const POOL_REF = { apiGroup: CAPI, kind: 'InClusterIPPool', name: 'p' };
const claim = (metadata: object = {}, poolRef: object = POOL_REF, version = 'v1beta2') =>
  ({
    apiVersion: `${CAPI}/${version}`,
    kind: 'IPAddressClaim',
    metadata: { name: 'a', ...metadata },
    spec: { poolRef },
  }) as KubernetesObject;
const requested = (text: string) => ({ annotations: { 'metaipam.io/requested-address': text } });
const labelled = (value: string) => ({ labels: { 'metaipam.io/pool': value } });

const prefixPool = (metadata: object = {}) =>
  ({ ...pool(metadata, 'InClusterPrefixPool'), spec: { prefixes: ['fd00::/62'] } }) as KubernetesObject;
const PREFIX_POOL_REF = { ...POOL_REF, kind: 'InClusterPrefixPool' };

const clusterCIDR = (labels: object, more: object = {}) =>
  ({
    apiVersion: 'networking.x-k8s.io/v1',
    kind: 'ClusterCIDR',
    metadata: { name: 'a', labels, ...more },
    spec: { ipv4: '10.1.0.0/16', perNodeHostBits: 8 },
  }) as KubernetesObject;
const network = (name: string) => ({ 'metaipam.io/network': name });

const NOT_A_SPACE =
  'metadata.annotations[metaipam.io/address-space]: Invalid value: "A b": must be a DNS name';
const NOT_AN_ADDRESS =
  'metadata.annotations[metaipam.io/requested-address]: Invalid value: "10.1": must be an IP address';
const OTHER_LABEL = 'metadata.labels[metaipam.io/pool]: Invalid value: "other": must be "InClusterIPPool.p"';
const OTHER_NETWORK = 'the network of a ClusterCIDR cannot be changed';
const ROUTED = {
  labels: { 'metaipam.io/pool': 'InClusterIPPool.p', 'metaipam.io/settled': 'open' },
  finalizers: ['metacontroller.io/decoratorcontroller-claims'],
};

export const policyCases: readonly PolicyCase[] = [
  { id: 'a pool', after: pool() },
  { id: 'a pool with a space', after: pool(space('lab.example')) },
  { id: 'a pool with no space', after: pool(space('A b')), refused: NOT_A_SPACE },
  {
    id: 'a global pool with no space',
    after: pool(space('A b'), 'GlobalInClusterIPPool'),
    refused: NOT_A_SPACE,
  },
  { id: 'a pool gets no space', before: pool(), after: pool(space('A b')), refused: NOT_A_SPACE },
  {
    id: 'an old pool with no space',
    before: pool(space('A b')),
    after: pool({ ...space('A b'), labels: { a: 'b' } }),
  },
  { id: 'an old pool with no space is mended', before: pool(space('A b')), after: pool(space('a.b')) },
  {
    id: 'an old pool with no space gets another one that is none',
    before: pool(space('a b')),
    after: pool(space('A b')),
    refused: NOT_A_SPACE,
  },
  {
    id: 'an old pool with no space is let go',
    before: pool({ ...space('A b'), finalizers }),
    isDeleting: true,
    after: pool(space('A b')),
  },
  {
    id: 'a pool that is going may be called anything',
    before: pool({ finalizers }),
    isDeleting: true,
    after: pool({ ...space('A b'), finalizers }),
  },

  { id: 'a prefix pool', after: prefixPool() },
  {
    id: 'a prefix pool with a space',
    after: prefixPool(space('lab')),
    refused: 'is for pools of addresses: a pool of prefixes shares its address space with no other',
  },

  {
    id: 'a pool that clusterctl has moved away, before it is deleted',
    before: pool(space('a.b')),
    after: pool({ annotations: { 'clusterctl.cluster.x-k8s.io/delete-for-move': '' } }),
  },

  { id: 'a claim', after: claim(), added: ROUTED },
  {
    id: 'a claim of a prefix pool',
    after: claim(requested('fd00::/64'), PREFIX_POOL_REF),
    added: {
      ...ROUTED,
      labels: { 'metaipam.io/pool': 'InClusterPrefixPool.p', 'metaipam.io/settled': 'open' },
    },
  },
  {
    id: 'a claim of a global prefix pool asks for an address',
    after: claim(requested('fd00::'), { ...POOL_REF, kind: 'GlobalInClusterPrefixPool' }),
    added: {
      ...ROUTED,
      labels: { 'metaipam.io/pool': 'GlobalInClusterPrefixPool.p', 'metaipam.io/settled': 'open' },
    },
  },
  {
    id: 'a claim of a prefix pool asks for nonsense',
    after: claim(requested('fd00::/200'), PREFIX_POOL_REF),
    refused: 'Invalid value: "fd00::/200": must be a CIDR',
  },
  {
    id: 'a claim of a pool of addresses asks for a CIDR',
    after: claim(requested('10.0.0.0/24')),
    refused: 'must be an IP address',
  },
  {
    id: 'a claim of a cluster',
    after: claim({ labels: { 'cluster.x-k8s.io/cluster-name': 'c' } }),
    added: {
      ...ROUTED,
      labels: { 'cluster.x-k8s.io/cluster-name': 'c', 'metaipam.io/pool': 'InClusterIPPool.p' },
    },
  },
  { id: 'a claim of v1beta1', after: claim({}, POOL_REF, 'v1beta1'), added: ROUTED },
  {
    id: 'a claim with a label, a finalizer and more',
    after: claim({ ...labelled('InClusterIPPool.p'), ...requested('10.0.0.1'), finalizers }),
    added: { ...ROUTED, finalizers: [...finalizers, ...ROUTED.finalizers] },
  },
  {
    id: 'a claim of another provider',
    after: claim({ ...labelled('other'), ...requested('10.1') }, { ...POOL_REF, kind: 'Pool' }),
    added: labelled('other'),
  },
  {
    id: 'a claim of another group with pools of the same kind',
    after: claim({ ...labelled('other'), ...requested('10.1') }, { ...POOL_REF, apiGroup: 'example.com' }),
    added: labelled('other'),
  },
  {
    id: 'a claim that names no group',
    after: claim(requested('10.1'), { kind: 'InClusterIPPool', name: 'p' }, 'v1beta1'),
    added: {},
  },
  {
    id: 'a claim of a pool with a long name',
    after: claim(labelled('hash'), { ...POOL_REF, name: 'p'.repeat(60) }),
    added: labelled('hash'),
  },
  { id: 'a claim that requests no address', after: claim(requested('10.1')), refused: NOT_AN_ADDRESS },
  {
    id: 'a claim that comes to request none',
    before: claim(),
    after: claim(requested('10.1')),
    refused: NOT_AN_ADDRESS,
  },
  {
    id: 'an old claim that requests none',
    before: claim(requested('10.1')),
    after: claim({ ...requested('10.1'), labels: { a: 'b' } }),
  },
  {
    id: 'an old claim that requests none is let go',
    before: claim({ ...requested('10.1'), finalizers }),
    isDeleting: true,
    after: claim(requested('10.1')),
  },
  {
    id: 'an old claim that requests none is let go, and changed',
    before: claim({ ...requested('10.1'), finalizers }),
    isDeleting: true,
    after: claim({ ...labelled('other'), ...requested('10.2') }),
  },
  {
    id: 'a claim labelled for another pool',
    before: claim(),
    after: claim(labelled('other')),
    refused: OTHER_LABEL,
  },
  {
    id: 'an old claim labelled for another pool',
    before: claim(labelled('other')),
    after: claim({ ...labelled('other'), finalizers }),
  },
  {
    id: 'an old claim labelled for another pool is mended',
    before: claim(labelled('other')),
    after: claim(labelled('InClusterIPPool.p')),
  },

  { id: 'a ClusterCIDR', after: clusterCIDR(network('net1')) },
  {
    id: 'a ClusterCIDR stays',
    before: clusterCIDR(network('net1')),
    after: clusterCIDR({ ...network('net1'), a: 'b' }),
  },
  {
    id: 'a ClusterCIDR moves to another network',
    before: clusterCIDR(network('net1')),
    after: clusterCIDR(network('net2')),
    refused: OTHER_NETWORK,
  },
  {
    id: 'a ClusterCIDR leaves the default network',
    before: clusterCIDR({}),
    after: clusterCIDR(network('net2')),
    refused: OTHER_NETWORK,
  },
  { id: 'a ClusterCIDR says its network', before: clusterCIDR({}), after: clusterCIDR(network('default')) },
  {
    id: 'a ClusterCIDR that is going leaves its network',
    before: clusterCIDR(network('net1'), { finalizers }),
    isDeleting: true,
    after: clusterCIDR(network('net2'), { finalizers }),
  },
  {
    id: 'a ClusterCIDR is let go',
    before: clusterCIDR(network('net1'), { finalizers }),
    isDeleting: true,
    after: clusterCIDR(network('net1')),
  },
].map((each, index) => {
  const name = `case-${index}`;
  const named = (object: KubernetesObject) => ({ ...object, metadata: { ...object.metadata, name } });
  const { before, after } = each as PolicyCase;
  return { ...each, after: named(after), ...(before && { before: named(before) }) };
});
