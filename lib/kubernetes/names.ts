/** Groups, versions, labels and annotations: each name that metaipam puts on or reads from an object. */

export const CAPI_IPAM_GROUP = 'ipam.cluster.x-k8s.io';
export const POOL_API_VERSION = `${CAPI_IPAM_GROUP}/v1alpha2`;
export const CLUSTER_GROUP = 'cluster.x-k8s.io';
export const METAIPAM_GROUP = 'metaipam.io';
export const METAIPAM_API_VERSION = `${METAIPAM_GROUP}/v1alpha1`;
export const CLUSTER_CIDR_API_VERSION = 'networking.x-k8s.io/v1';
export const IPAM_CLAIM_API_VERSION = 'k8s.cni.cncf.io/v1alpha1';
/** Kubernetes' own: the ranges of Services, from 1.33 on. */
export const SERVICE_CIDR_API_VERSION = 'networking.k8s.io/v1';

/** On a claim and on its address: kind and name of the pool. */
export const POOL_LABEL = 'metaipam.io/pool';
/** On an address: uid of the pool that gave it, so that addresses restored into another cluster stand out. */
export const POOL_UID_LABEL = 'metaipam.io/pool-uid';
/** On an address: uid of the claim that it was made for, which outlives its owner reference. */
export const CLAIM_UID_LABEL = 'metaipam.io/claim-uid';
/** On the slices of a pool that names an address space, and on its addresses: the space. */
export const ADDRESS_SPACE_LABEL = 'metaipam.io/address-space';
/**
 * On a claim: `open` once its pool may serve it, the uid of the pool that serves it when it has its IPAddress, and
 * `leaving` when it is being deleted and its IPAddress is gone. A pool looks at the claims that are not settled with it.
 */
export const SETTLED_LABEL = 'metaipam.io/settled';
export const OPEN = 'open';
export const LEAVING = 'leaving';
/** It leaves, but there is an IPAddress of it that it does not control: the janitor takes that away. */
export const ENDING = 'ending';
/** Metacontroller's, on what a DecoratorController has attached: the name of that. */
export const DECORATOR_ANNOTATION = 'metacontroller.k8s.io/decorator-controller';
/** kubectl's, on what somebody has applied: all of that. */
export const KUBECTL_APPLIED_ANNOTATION = 'kubectl.kubernetes.io/last-applied-configuration';
/** The DecoratorControllers of claims and of Nodes: their names mark what they made. */
export const CLAIMS_CONTROLLER = 'claims';
export const NODES_CONTROLLER = 'nodes';
/** Metacontroller's, on a claim whose end the claims hook has to see. */
export const CLAIMS_FINALIZER = `metacontroller.io/decoratorcontroller-${CLAIMS_CONTROLLER}`;
/** Cluster API's in-cluster provider, on a claim that it serves: whoever removes it deletes the claim's IPAddress first. */
export const RELEASE_ADDRESS_FINALIZER = 'ipam.cluster.x-k8s.io/ReleaseAddress';
/** Starts the label of a slice by which a claim, node or ClusterCIDR finds it; its uid follows. */
export const BELL_PREFIX = 'claim.metaipam.io/';
/** On a slice: its version that lacked one of the bells, where nothing else had changed. */
export const BELLS_AFTER_ANNOTATION = 'metaipam.io/bells-after';
/**
 * On a ClusterCIDR (absent means `default`) and on the slices of a pod network; on a pool, by its user: the network
 * whose IPAMClaims it serves; on an IPAMClaim: that it is served here.
 */
export const NETWORK_LABEL = 'metaipam.io/network';
/** On the slices of a pod network that list the keys of node labels: every node looks at them. */
export const LABEL_KEYS_LABEL = 'metaipam.io/label-keys';
/** Metacontroller's, on what it makes for a composite parent: the parent's uid. */
export const CONTROLLER_UID_LABEL = 'controller-uid';

/**
 * On a pool, by its user: pools of one namespace, or cluster-scoped ones, that name the same space never give out the
 * same address.
 */
export const ADDRESS_SPACE_ANNOTATION = 'metaipam.io/address-space';
/** On a pool, by its user: that it overlaps others is meant. Any value. */
export const MAY_OVERLAP_ANNOTATION = 'metaipam.io/may-overlap';
/** On a claim, by its user: the address it asks for. */
export const REQUESTED_ADDRESS_ANNOTATION = 'metaipam.io/requested-address';
/** On a claim, by the claims hook: the address of its IPAddress. Of several that it was given it keeps this one. */
export const ADDRESS_ANNOTATION = 'metaipam.io/address';
/** Beside it: the uid of the claim, which is another one once both have come to another cluster. */
export const ADDRESS_OF_ANNOTATION = 'metaipam.io/address-of';
/** On an IPAMClaim, by the router: the pools that serve it, `ipv4=InClusterIPPool/vms,ipv6=GlobalInClusterIPPool/vms-v6`. */
export const POOLS_ANNOTATION = 'metaipam.io/pools';
/** On an IPAMClaim: the gateways of its addresses, with commas between them. */
export const GATEWAYS_ANNOTATION = 'metaipam.io/gateways';
/**
 * On a slice of a secondary network, by the pod-networks hook: the key of the node annotation that shows its blocks,
 * so that the nodes hook need not see PodNetworks, whose status changes with every allocation.
 */
export const NODE_ANNOTATION_ANNOTATION = 'metaipam.io/node-annotation';
/** Beside it: what that annotation says of the blocks besides, as JSON. */
export const RANGE_SETTINGS_ANNOTATION = 'metaipam.io/range-settings';
/**
 * On a ClusterCIDR, by its user: the size of a node's block of one family, where it is not `perNodeHostBits`, which is
 * for both and, as KEP-2593 has it, for good.
 */
export const IPV4_HOST_BITS_ANNOTATION = 'metaipam.io/per-node-host-bits-ipv4';
export const IPV6_HOST_BITS_ANNOTATION = 'metaipam.io/per-node-host-bits-ipv6';
/** The same in addresses, of both families: any number, in a secondary network. */
export const BLOCK_SIZE_ANNOTATION = 'metaipam.io/per-node-block-size';
/** On a slice of a PodNetwork that is being deleted: since when its blocks should leave their nodes. */
export const WITHDRAWN_AT_ANNOTATION = 'metaipam.io/withdrawn-at';

/** Cluster API: whoever sees this on an object, or on its cluster, leaves it alone. Any value. */
export const PAUSED_ANNOTATION = 'cluster.x-k8s.io/paused';
/** Cluster API: the provider that an object is a component of. */
export const PROVIDER_LABEL = 'cluster.x-k8s.io/provider';
/** clusterctl's name for metaipam, of type IPAMProvider, in labels and folders. */
export const PROVIDER = 'ipam-metaipam';
/** On a CRD: clusterctl puts it on all that it installs, at every upgrade anew, and moves objects of such kinds. */
export const CLUSTERCTL_LABEL = 'clusterctl.cluster.x-k8s.io';
/** Cluster API: which of several controllers is to look after an object. */
export const WATCH_FILTER_LABEL = 'cluster.x-k8s.io/watch-filter';
/** Cluster API: the cluster an object belongs to. */
export const CLUSTER_NAME_LABEL = 'cluster.x-k8s.io/cluster-name';

/** The network whose blocks become `node.spec.podCIDRs`. */
export const DEFAULT_NETWORK = 'default';
/** Kubernetes sets it on every Namespace: its name. */
export const NAMESPACE_NAME_LABEL = 'kubernetes.io/metadata.name';

/**
 * The field manager of Metacontroller. Where it applies on the server's side, what another manager has written on a
 * slice would stay for ever: so the janitor writes slices in its name.
 */
export const METACONTROLLER = 'metacontroller';
