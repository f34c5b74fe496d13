/** Deletions of what is in use and of what is not, and what an API server with delete protection says to them. */
import type { KubernetesObject } from '../../lib/kubernetes/object.ts';

export interface DeletionCase {
  readonly id: string;
  /** The object that is there, with its status. */
  readonly object: KubernetesObject;
  /** Whether it is being deleted already, which its finalizers hold off. */
  readonly isDeleting?: boolean;
  /** Who asks; somebody unless given. */
  readonly user?: string;
  /** Part of the message of the refusal. Without it the deletion is accepted. */
  readonly refused?: string;
}

const POOL = 'Pool has IPAddresses allocated. Cannot delete Pool until all IPAddresses have been removed.';
const BLOCKS = 'has blocks allocated. Cannot delete';
const finalizers = ['example.com/held'];

const pool = (status?: object, metadata: object = {}, kind = 'InClusterIPPool') =>
  ({
    apiVersion: 'ipam.cluster.x-k8s.io/v1alpha2',
    kind,
    metadata: { name: 'a', ...metadata },
    spec: { addresses: ['10.0.0.0/24'], prefix: 24 },
    ...(status && { status: { ipAddresses: { total: 253, free: 200, outOfRange: 0, ...status } } }),
  }) as KubernetesObject;
const annotated = (key: string, value: string) => pool({ used: 1 }, { annotations: { [key]: value } });

const clusterCIDR = (status?: object, metadata: object = {}) =>
  ({
    apiVersion: 'networking.x-k8s.io/v1',
    kind: 'ClusterCIDR',
    metadata: { name: 'a', ...metadata },
    spec: { ipv4: '10.1.0.0/16', perNodeHostBits: 8 },
    ...(status && { status }),
  }) as KubernetesObject;
const network = (allocated: number, metadata: object = {}) =>
  ({
    apiVersion: 'metaipam.io/v1alpha1',
    kind: 'PodNetwork',
    metadata: { name: 'a', ...metadata },
    spec: { target: 'node.metadata.annotations' },
    status: { nodes: { total: 3, allocated, pending: 0 } },
  }) as KubernetesObject;

const CONTROLLER = 'system:serviceaccount:kube-system:';
const SKIP = 'ipam.cluster.x-k8s.io/skip-validate-delete-webhook';

export const deletionCases: readonly DeletionCase[] = [
  { id: 'a pool without a status', object: pool() },
  { id: 'a pool of which nothing is used', object: pool({ used: 0 }) },
  { id: 'a pool in use', object: pool({ used: 1 }), refused: POOL },
  { id: 'a global pool in use', object: pool({ used: 1 }, {}, 'GlobalInClusterIPPool'), refused: POOL },
  {
    id: 'a pool whose addresses in use are all out of range',
    object: pool({ used: 2, outOfRange: 2 }),
    refused: POOL,
  },
  { id: 'a pool of which all wait for the end of the grace period', object: pool({ used: 2, released: 2 }) },
  { id: 'a pool of which some wait for it', object: pool({ used: 2, released: 1 }), refused: POOL },
  { id: 'row 13, a pool in use with the annotation', object: annotated(SKIP, '') },
  { id: 'row 13, whatever its value', object: annotated(SKIP, 'false') },
  {
    id: 'row 14, a pool that clusterctl moves',
    object: annotated('clusterctl.cluster.x-k8s.io/delete-for-move', ''),
  },
  { id: 'a pool with another annotation', object: annotated('example.com/skip', ''), refused: POOL },
  { id: 'a pool that is going', object: pool({ used: 1 }, { finalizers }), isDeleting: true },
  {
    id: 'a pool of a namespace that goes',
    object: pool({ used: 1 }),
    user: `${CONTROLLER}namespace-controller`,
  },
  {
    id: 'a pool of an owner that goes',
    object: pool({ used: 1 }),
    user: `${CONTROLLER}generic-garbage-collector`,
  },

  { id: 'a ClusterCIDR without a status', object: clusterCIDR() },
  { id: 'a ClusterCIDR without nodes', object: clusterCIDR({ nodes: 0 }) },
  {
    id: 'a ClusterCIDR with nodes',
    object: clusterCIDR({ nodes: 1 }),
    refused: `ClusterCIDR ${BLOCKS} ClusterCIDR`,
  },
  {
    id: 'a ClusterCIDR with the annotation',
    object: clusterCIDR({ nodes: 1 }, { annotations: { [SKIP]: '' } }),
  },
  { id: 'a ClusterCIDR that is going', object: clusterCIDR({ nodes: 1 }, { finalizers }), isDeleting: true },

  { id: 'a PodNetwork without nodes', object: network(0) },
  { id: 'a PodNetwork with nodes', object: network(1), refused: `PodNetwork ${BLOCKS} PodNetwork` },
  { id: 'a PodNetwork with the annotation', object: network(1, { annotations: { [SKIP]: '' } }) },
].map((each, index) => {
  const metadata = { ...each.object.metadata, name: `deletion-${index}` };
  return { ...each, object: { ...each.object, metadata } };
});
