/** The custom resources. Generated from crds/ by `npm run generate`: change the CRDs, not this file. */
import type { RawJson } from '../json.ts';
import type { Condition } from './conditions.ts';
import type { ObjectMeta } from './object.ts';

export type { Condition };

/**
 * An AllocationSlice lists who has what of one aligned piece of a pool or pod network: 32 addresses,
 * or 32 blocks of one size, or those blocks of one size that start there. Each address has one key in
 * one object, so that nothing can be given twice. A slice without a piece lists answers instead: what
 * a pool has to say to claims, or a network of its ClusterCIDRs; or the labels by which a network
 * selects nodes. metaipam writes them, and nothing that is in use can be taken off one.
 */
export interface AllocationSlice {
  /** The group and version of this object's schema. */
  readonly apiVersion: string;
  readonly kind: 'AllocationSlice';
  readonly metadata: ObjectMeta;
  /** A piece of an address space and who has what of it. */
  readonly spec: AllocationSliceSpec;
}

export interface AllocationSliceSpec {
  /** Who gives out the piece. */
  readonly poolRef: PoolReference;
  /** The piece. */
  readonly cidr?: string;
  /** The address space that its pool shares with others. It is in the name of the slice. */
  readonly addressSpace?: string;
  /** The prefix length of the blocks. Absent in a slice of addresses. */
  readonly blockLength?: number;
  /**
   * How many addresses each block has, where they are no CIDRs. The slice keeps those that start in its
   * piece; the last may end behind it.
   */
  readonly blockSize?: number;
  /** The prefix length of the subnet that its addresses are in, for those who get them. */
  readonly prefix?: number;
  /** The gateway of that subnet. */
  readonly gateway?: string;
  /** Set on an empty slice that is about to be deleted. Nothing can be added to it any more. */
  readonly closed?: true;
  /** Who has each address or block, under its canonical text: an address, a CIDR, or a range first-last. */
  readonly entries?: {
    /** Who has an address or block. */
    readonly [k: string]: SliceEntry;
  };
  /**
   * What the pool has to say to a claim that gets no address, or a network of a ClusterCIDR or to a
   * Node, by the uid of the claim, ClusterCIDR or Node.
   */
  readonly answers?: {
    /** An answer. */
    readonly [k: string]: SliceAnswer;
  };
  /**
   * The keys of the node labels that the ClusterCIDRs of a network select by. A PodCIDRClaim repeats
   * these labels of its Node, and no others.
   */
  readonly labelKeys?: readonly string[];
}

export interface PoolReference {
  /** The group of the pool or PodNetwork. */
  readonly apiGroup: string;
  /** The kind of the pool, or PodNetwork. */
  readonly kind: string;
  /** Its name. */
  readonly name: string;
  /** Its uid. */
  readonly uid: string;
}

export interface SliceEntry {
  /** The uid of the IPAddressClaim or Node that has it. */
  readonly uid: string;
  /** Its namespace. */
  readonly namespace?: string;
  /** Its name. */
  readonly name: string;
  /** The subnet that the address is in, where that is not what the slice says. */
  readonly subnet?: {
    /** Its prefix length. */
    readonly prefix: number;
    /** Its gateway. */
    readonly gateway?: string;
  };
  /** Whether the IPAddress was there before: given by another provider, restored, or moved here. */
  readonly adopted?: true;
  /** Since when it is not in use any more. It is given to nobody else before the grace period is over. */
  readonly released?: string;
  /** The ClusterCIDR that the block was cut from. */
  readonly clusterCIDR?: string;
  /** All the blocks that the Node was given together, and after them those that it got besides. */
  readonly blocks?: readonly string[];
  /** When the block was given. */
  readonly since?: string;
  /**
   * Whether the Node may show the block: its network has seen that it is listed, and nothing that is at
   * odds with it. Absent in the network of spec.podCIDRs.
   */
  readonly confirmed?: true;
}

export interface SliceAnswer {
  /**
   * As one word for programs. To a claim: no address is free (PoolExhausted), its namespace has all that
   * it may (QuotaExceeded) or is none that the pool serves (NamespaceNotAllowed), the pool is invalid,
   * paused or going away (PoolNotReady), this claim asks for what it cannot have (AllocationFailed), or
   * nothing is kept for it (NothingHeld). To a node: blocks wait for it (Returning).
   */
  readonly reason: string;
  /** The same as a sentence for people. */
  readonly message?: string;
  /** To a Node that has registered again: the blocks of the one before of its name, which it gets next. */
  readonly blocks?: readonly string[];
  /** Since when these are not in use. Nobody else gets them before the grace period is over. */
  readonly released?: string;
  /** How many nodes have blocks of the ClusterCIDR. */
  readonly nodes?: number;
  /** Counts of its IPv4 blocks. */
  readonly ipv4?: BlockCounts;
  /** Counts of its IPv6 blocks. */
  readonly ipv6?: BlockCounts;
}

export interface BlockCounts {
  /** How many blocks the range has. */
  readonly total: number | RawJson;
  /** How many of them nodes have, or had until now. */
  readonly used: number | RawJson;
  /** How many are left to give out. What the network may not give counts neither as used nor as free. */
  readonly free: number | RawJson;
}

/**
 * An IPAddressClaim asks a pool for an IP address. The answer is an IPAddress of the same name, or a
 * Ready condition that says why there is none.
 */
export interface IPAddressClaim {
  /** The group and version of this object's schema. */
  readonly apiVersion: string;
  readonly kind: 'IPAddressClaim';
  readonly metadata: ObjectMeta;
  /** What is asked for. It cannot be changed. */
  readonly spec: IPAddressClaimSpec;
  /** The answer. */
  readonly status?: IPAddressClaimStatus;
}

export interface IPAddressClaimSpec {
  /** The Cluster that the claim belongs to. The claim waits while that Cluster is paused or missing. */
  readonly clusterName?: string;
  /** The pool to take an address from. */
  readonly poolRef: IPPoolReference;
}

export interface IPPoolReference {
  /** The API group of the pool. */
  readonly apiGroup: string;
  /** The kind of the pool. */
  readonly kind: string;
  /** The name of the pool. A namespaced pool is in the namespace of the claim. */
  readonly name: string;
}

export interface IPAddressClaimStatus {
  /** The address that the claim got, in the same namespace. */
  readonly addressRef?: IPAddressReference;
  /** The state of the claim, with the condition `Ready`. */
  readonly conditions?: readonly Condition[];
  /** What v1beta1 had and later versions will not. */
  readonly deprecated?: {
    /** The fields of v1beta1. */
    readonly v1beta1?: {
      /** The state of the claim, as conditions of v1beta1. */
      readonly conditions?: readonly DeprecatedCondition[];
    };
  };
}

export interface IPAddressReference {
  /** The name of the IPAddress. */
  readonly name: string;
}

/** A condition of Cluster API v1beta1. */
export interface DeprecatedCondition {
  /** The aspect, for example `Ready`. */
  readonly type: string;
  /** Whether it holds. */
  readonly status: string;
  /** How bad it is that it does not hold. */
  readonly severity?: string;
  /** When `status` last changed. */
  readonly lastTransitionTime: string;
  /** Why, as one CamelCase word for programs. */
  readonly reason?: string;
  /** Why, as a sentence for people. */
  readonly message?: string;
}

/** An IPAddress is an address that an IPAM provider gave to the IPAddressClaim of the same name. */
export interface IPAddress {
  /** The group and version of this object's schema. */
  readonly apiVersion: string;
  readonly kind: 'IPAddress';
  readonly metadata: ObjectMeta;
  /** The address and where it comes from. It cannot be changed. */
  readonly spec: IPAddressSpec;
}

export interface IPAddressSpec {
  /** The IP address. */
  readonly address: string;
  /** The claim that the address is for, in the same namespace. */
  readonly claimRef: IPAddressClaimReference;
  /** The gateway of the address's subnet. */
  readonly gateway?: string;
  /** The pool that the address is from. */
  readonly poolRef: IPPoolReference;
  /** The prefix length of the address's subnet; from a pool of prefixes, that of the prefix. */
  readonly prefix: number;
}

export interface IPAddressClaimReference {
  /** The name of the IPAddressClaim. */
  readonly name: string;
}

/**
 * A ClusterCIDR is a range of pod addresses, cut into blocks of one size for the nodes that it
 * selects. When several select a node, the one with more matching requirements is used, then the one
 * with fewer blocks, then the one with smaller blocks. The label `metaipam.io/network` names the
 * PodNetwork it belongs to; without it that is `default`.
 */
export interface ClusterCIDR {
  /** The group and version of this object's schema. */
  readonly apiVersion: string;
  readonly kind: 'ClusterCIDR';
  readonly metadata: ObjectMeta;
  /** The ranges, the size of their blocks and who gets them. It cannot be changed. */
  readonly spec: ClusterCIDRSpec;
  /** What the ranges have given out, as their controller last saw it. */
  readonly status?: ClusterCIDRStatus;
}

export interface ClusterCIDRSpec {
  /**
   * Which nodes get blocks: those that match at least one of the terms. Without it, every node that no
   * other ClusterCIDR of the network selects, or whose blocks are all taken.
   */
  readonly nodeSelector?: NodeSelector;
  /**
   * The size of a node's block: 8 gives each node 256 addresses of each family, a /24 and a /120. At
   * least 4, and no more than each range has. The annotations `metaipam.io/per-node-host-bits-ipv4` and
   * `metaipam.io/per-node-host-bits-ipv6` say it of one family alone: 64 for IPv6 gives a /64; in a
   * secondary network 1 gives links of two addresses. There `metaipam.io/per-node-block-size` says it in
   * addresses, for blocks that are no CIDRs.
   */
  readonly perNodeHostBits: number;
  /** The IPv4 range, as a CIDR. A node gets a block of each range that is given, or none. */
  readonly ipv4?: string;
  /** The IPv6 range, as a CIDR. A node gets a block of each range that is given, or none. */
  readonly ipv6?: string;
}

export interface NodeSelector {
  /** The alternatives. A term without requirements matches no node. */
  readonly nodeSelectorTerms: readonly NodeSelectorTerm[];
}

/** Requirements that a node meets all of. */
export interface NodeSelectorTerm {
  /** Requirements on the labels of the node. */
  readonly matchExpressions?: readonly NodeSelectorRequirement[];
  /** Requirements on fields of the node. */
  readonly matchFields?: readonly NodeFieldRequirement[];
}

/** A requirement on one label. */
export interface NodeSelectorRequirement {
  /** The key of the label. */
  readonly key: string;
  /**
   * How the label's value and `values` relate. NotIn and DoesNotExist hold for a node without the label
   * as well; Gt and Lt compare integers.
   */
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist' | 'Gt' | 'Lt';
  /**
   * The values that In, NotIn, Gt and Lt compare with: one for Gt and Lt, none for Exists and
   * DoesNotExist.
   */
  readonly values?: readonly string[];
}

/** A requirement on the node's name. */
export interface NodeFieldRequirement {
  /** The path of the field. */
  readonly key: 'metadata.name';
  /** Whether the node has this name, or any other. */
  readonly operator: 'In' | 'NotIn';
  /** The one name to compare with. */
  readonly values: readonly string[];
}

export interface ClusterCIDRStatus {
  /** Counts of IPv4 blocks. */
  readonly ipv4?: BlockCounts;
  /** Counts of IPv6 blocks. A count above 9223372036854775807 is shown as 9223372036854775807. */
  readonly ipv6?: BlockCounts;
  /** How many nodes have blocks of these ranges. Nodes that are gone are not counted. */
  readonly nodes?: number;
  /** The state of the ranges. `Ready` is False when they are used up, in error or going away. */
  readonly conditions?: readonly Condition[];
  /** The metadata.generation that this status was computed from. */
  readonly observedGeneration?: number;
}

/**
 * A GlobalInClusterIPPool is a set of IP addresses, of one subnet or of several, for the
 * IPAddressClaims of every namespace.
 */
export interface GlobalInClusterIPPool {
  /** The group and version of this object's schema. */
  readonly apiVersion: string;
  readonly kind: 'GlobalInClusterIPPool';
  readonly metadata: ObjectMeta;
  /** The addresses of the pool, and how they are given out. */
  readonly spec: GlobalInClusterIPPoolSpec;
  /** What the pool has given out, as its controller last saw it. */
  readonly status?: InClusterIPPoolStatus;
}

export interface GlobalInClusterIPPoolSpec {
  /**
   * The addresses of the pool: single addresses (10.0.0.7), CIDRs (10.0.0.0/24) and inclusive ranges
   * (10.0.0.10-10.0.0.20), in any order. All are of one IP family and lie in one subnet of the length
   * that `prefix` says. Claims are served from the numerically lowest free address upwards, unless
   * `strategy` says otherwise.
   */
  readonly addresses?: readonly string[];
  /**
   * The prefix length of the subnet. It is handed to every claim with its address, and says which
   * addresses of the subnet are reserved.
   */
  readonly prefix?: number;
  /**
   * The gateway of the subnet. It is handed to every claim with its address and is never given out
   * itself. It need not lie in the subnet.
   */
  readonly gateway?: string;
  /**
   * Give out the first address of the subnet (the network address in IPv4, the subnet-router anycast
   * address in IPv6) and the last address of an IPv4 subnet (the broadcast address) as well. Subnets of
   * one or two addresses have no reserved ones.
   */
  readonly allocateReservedIPAddresses?: boolean;
  /**
   * Addresses that are never given out: single addresses, CIDRs and inclusive ranges of the same IP
   * family as `addresses`.
   */
  readonly excludedAddresses?: readonly string[];
  /**
   * Several subnets, each with its prefix and gateway, in place of `addresses`, `excludedAddresses`,
   * `prefix` and `gateway`. Claims are served from the first that has a free address. All are of one IP
   * family. An address that several list is of the first of them. A claim keeps its address, and what
   * that came with, whatever becomes of its subnet.
   */
  readonly subnets?: readonly PoolSubnet[];
  /**
   * Addresses that are kept for certain claims: nobody else gets them. Claims made by an infrastructure
   * provider have names that are known before. Of several reservations of one address the first counts.
   * A claim that has another address keeps it.
   */
  readonly reservations?: readonly Reservation[];
  /**
   * Selects by their labels the namespaces whose claims the pool serves; all of them, without it.
   * Kubernetes gives each namespace its name as the label `kubernetes.io/metadata.name`. Claims of
   * others wait with the reason NamespaceNotAllowed. Who has an address keeps it.
   */
  readonly allowedNamespaces?: NamespaceSelector;
  /**
   * How many addresses the claims of one namespace may have of the pool. Further claims wait with the
   * reason QuotaExceeded. Who has more when it is set keeps them. Without it there is no such limit.
   */
  readonly maxPerNamespace?: number;
  /**
   * Which of the free addresses a claim gets: the lowest; one at random, so that an address that was
   * given up is seldom the next to be given and its number says nothing; or the one that was given up
   * first, and before that one that was never given, so that what was given up rests for as long as
   * there is another. LeastRecentlyUsed remembers 1000 addresses of a pool, and in a shared address
   * space none. LowestFree unless set.
   */
  readonly strategy?: 'LowestFree' | 'Random' | 'LeastRecentlyUsed';
  /**
   * How many seconds an address stays out of use after its claim is gone, so that neighbours' ARP or NDP
   * entries and slow machines let go of it. Without it an address is free at once.
   */
  readonly addressReuseGracePeriodSeconds?: number;
  /**
   * Deprecated, from v1alpha1: adds the addresses of this CIDR from its second to its last but one, or
   * from `start` and to `end`, to `addresses`. `prefix` is its length unless set. Of a CIDR with one or
   * two addresses all are added.
   */
  readonly subnet?: string;
  /**
   * Deprecated, from v1alpha1: the first address of `subnet` to add. With `end` and without `subnet`,
   * the first of a range to add.
   */
  readonly start?: string;
  /**
   * Deprecated, from v1alpha1: the last address of `subnet` to add. With `start` and without `subnet`,
   * the last of a range to add.
   */
  readonly end?: string;
}

/** A Subnet is addresses of a pool that have a prefix and a gateway in common. */
export interface PoolSubnet {
  /**
   * The addresses of the subnet, as in a pool without `subnets`. With a `prefix` of 32 (IPv4) or 128
   * (IPv6) they are host routes, and need not lie side by side.
   */
  readonly addresses: readonly string[];
  /**
   * The prefix length of the subnet. It is handed to every claim with its address, and says which
   * addresses of the subnet are reserved.
   */
  readonly prefix: number;
  /**
   * The gateway of the subnet. It is handed to every claim with its address, and the pool gives it to
   * nobody. It need not lie in the subnet.
   */
  readonly gateway?: string;
  /**
   * Addresses that are never given out: single addresses, CIDRs and inclusive ranges of the same IP
   * family as `addresses`.
   */
  readonly excludedAddresses?: readonly string[];
}

/** A Reservation keeps an address for a claim, or for whichever claim comes first of several. */
export interface Reservation {
  /** An address of the pool. */
  readonly address: string;
  /**
   * The namespace of the claim, for pools that serve several. Without it the address is for claims of
   * that name in every namespace.
   */
  readonly namespace?: string;
  /** The name of the claim that gets the address. While somebody else has it, the claim gets none. */
  readonly claim?: string;
  /**
   * A pattern of names of claims, in which `*` stands for any characters: `web-*-eth0`. Claims that find
   * all such addresses in use are served like others.
   */
  readonly claimPattern?: string;
  /** Whatever there is to say of it, for people. */
  readonly note?: string;
}

export interface NamespaceSelector {
  /** Labels that the namespace has, with these values. */
  readonly matchLabels?: {
    readonly [k: string]: string;
  };
  /** Requirements on the labels of the namespace, all of which it meets. */
  readonly matchExpressions?: readonly NamespaceSelectorRequirement[];
}

/** A requirement on one label. */
export interface NamespaceSelectorRequirement {
  /** The key of the label. */
  readonly key: string;
  /** How the label's value and `values` relate. NotIn and DoesNotExist hold without the label as well. */
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
  /** The values that In and NotIn compare with; none for Exists and DoesNotExist. */
  readonly values?: readonly string[];
}

export interface InClusterIPPoolStatus {
  /** Counts of addresses. A count above 9223372036854775807 is shown as 9223372036854775807. */
  readonly ipAddresses?: IPAddressCounts;
  /**
   * The AllocationSlices that hold what the pool has given out. While one of them is missing, nothing is
   * given out of its piece.
   */
  readonly slices?: readonly string[];
  /**
   * The state of the pool: `Ready`, False with one of the reasons InvalidSpec, Paused, Deleting and
   * AddressUnknown; `Exhausted`, `OutOfRange`, and of pools with reservations `ReservationConflict`;
   * `SlicesMissing` and `SlicesMisnamed`; `Overlapping`, if other pools may give out the same addresses.
   */
  readonly conditions?: readonly Condition[];
  /** The metadata.generation that this status was computed from. */
  readonly observedGeneration?: number;
}

export interface IPAddressCounts {
  /**
   * How many addresses the pool can give out: `addresses` without the excluded and reserved ones and the
   * gateway.
   */
  readonly total: number | RawJson;
  /**
   * How many addresses are taken: by a claim, by an IPAddress from elsewhere, or by the reuse grace
   * period.
   */
  readonly used: number | RawJson;
  /** How many addresses are left to give out. Never negative. */
  readonly free: number | RawJson;
  /**
   * How many taken addresses the pool would no longer give out, because its spec changed. Their claims
   * keep them.
   */
  readonly outOfRange: number | RawJson;
  /**
   * How many of the taken addresses nobody has any more: they wait for the grace period to end. Absent
   * if none does.
   */
  readonly released?: number | RawJson;
  /** How many claims wait for an address. */
  readonly pending?: number;
}

/**
 * A GlobalInClusterPrefixPool gives each IPAddressClaim, of whatever namespace, a whole prefix: a /64
 * for a node, say.
 */
export interface GlobalInClusterPrefixPool {
  /** The group and version of this object's schema. */
  readonly apiVersion: string;
  readonly kind: 'GlobalInClusterPrefixPool';
  readonly metadata: ObjectMeta;
  /** The prefixes of the pool, and how they are given out. */
  readonly spec: GlobalInClusterPrefixPoolSpec;
  /** What the pool has given out, as its controller last saw it. */
  readonly status?: InClusterIPPoolStatus;
}

export interface GlobalInClusterPrefixPoolSpec {
  /**
   * The prefixes of the pool, as CIDRs of one IP family without host bits: `fd00:1::/48`, `10.8.0.0/16`.
   * They may overlap and come in any order. Claims are served from the numerically lowest free prefix
   * upwards, unless `strategy` says otherwise.
   */
  readonly prefixes: readonly string[];
  /**
   * The length of the prefix that each claim gets. It cannot be changed. Pools of IPv4 prefixes need one
   * of at most 32.
   */
  readonly allocationPrefixLength?: number;
  /**
   * Handed to every claim with its prefix. It need not lie in the pool, and reserves nothing there: what
   * is not to be given out belongs in `excludedPrefixes`.
   */
  readonly gateway?: string;
  /**
   * What is never given out: CIDRs, single addresses and inclusive ranges of the same IP family as
   * `prefixes`. A prefix of which any address is excluded is given to nobody.
   */
  readonly excludedPrefixes?: readonly string[];
  /**
   * Selects by their labels the namespaces whose claims the pool serves; all of them, without it.
   * Kubernetes gives each namespace its name as the label `kubernetes.io/metadata.name`. Claims of
   * others wait with the reason NamespaceNotAllowed. Who has a prefix keeps it.
   */
  readonly allowedNamespaces?: NamespaceSelector;
  /**
   * Prefixes that are kept for certain claims: nobody else gets them. Claims made by an infrastructure
   * provider have names that are known before. Of several reservations of one prefix the first counts. A
   * claim that has another prefix keeps it.
   */
  readonly reservations?: readonly PrefixReservation[];
  /**
   * How many prefixes the claims of one namespace may have of the pool. Further claims wait with the
   * reason QuotaExceeded. Who has more when it is set keeps them. Without it there is no such limit.
   */
  readonly maxPerNamespace?: number;
  /**
   * Which of the free prefixes a claim gets: the lowest; one at random, so that one that was given up is
   * seldom the next to be given; or the one that was given up first, and before that one that was never
   * given. LeastRecentlyUsed remembers 1000 prefixes of a pool. LowestFree unless set.
   */
  readonly strategy?: 'LowestFree' | 'Random' | 'LeastRecentlyUsed';
  /**
   * How many seconds a prefix stays out of use after its claim is gone, so that routes to it and slow
   * machines let go of it. Without it a prefix is free at once.
   */
  readonly addressReuseGracePeriodSeconds?: number;
}

/** A reservation keeps a prefix for a claim, or for whichever claim comes first of several. */
export interface PrefixReservation {
  /** A prefix of the pool, of the length of `allocationPrefixLength`. */
  readonly prefix: string;
  /**
   * The namespace of the claim, for pools that serve several. Without it the prefix is for claims of
   * that name in every namespace.
   */
  readonly namespace?: string;
  /** The name of the claim that gets the prefix. While somebody else has it, the claim gets none. */
  readonly claim?: string;
  /**
   * A pattern of names of claims, in which `*` stands for any characters: `web-*-eth0`. Claims that find
   * all such prefixes in use are served like others.
   */
  readonly claimPattern?: string;
  /** Whatever there is to say of it, for people. */
  readonly note?: string;
}

/**
 * An InClusterIPPool is a set of IP addresses, of one subnet or of several, for the IPAddressClaims of
 * its own namespace.
 */
export interface InClusterIPPool {
  /** The group and version of this object's schema. */
  readonly apiVersion: string;
  readonly kind: 'InClusterIPPool';
  readonly metadata: ObjectMeta;
  /** The addresses of the pool, and how they are given out. */
  readonly spec: InClusterIPPoolSpec;
  /** What the pool has given out, as its controller last saw it. */
  readonly status?: InClusterIPPoolStatus;
}

export interface InClusterIPPoolSpec {
  /**
   * The addresses of the pool: single addresses (10.0.0.7), CIDRs (10.0.0.0/24) and inclusive ranges
   * (10.0.0.10-10.0.0.20), in any order. All are of one IP family and lie in one subnet of the length
   * that `prefix` says. Claims are served from the numerically lowest free address upwards, unless
   * `strategy` says otherwise.
   */
  readonly addresses?: readonly string[];
  /**
   * The prefix length of the subnet. It is handed to every claim with its address, and says which
   * addresses of the subnet are reserved.
   */
  readonly prefix?: number;
  /**
   * The gateway of the subnet. It is handed to every claim with its address and is never given out
   * itself. It need not lie in the subnet.
   */
  readonly gateway?: string;
  /**
   * Give out the first address of the subnet (the network address in IPv4, the subnet-router anycast
   * address in IPv6) and the last address of an IPv4 subnet (the broadcast address) as well. Subnets of
   * one or two addresses have no reserved ones.
   */
  readonly allocateReservedIPAddresses?: boolean;
  /**
   * Addresses that are never given out: single addresses, CIDRs and inclusive ranges of the same IP
   * family as `addresses`.
   */
  readonly excludedAddresses?: readonly string[];
  /**
   * Several subnets, each with its prefix and gateway, in place of `addresses`, `excludedAddresses`,
   * `prefix` and `gateway`. Claims are served from the first that has a free address. All are of one IP
   * family. An address that several list is of the first of them. A claim keeps its address, and what
   * that came with, whatever becomes of its subnet.
   */
  readonly subnets?: readonly PoolSubnet[];
  /**
   * Addresses that are kept for certain claims: nobody else gets them. Claims made by an infrastructure
   * provider have names that are known before. Of several reservations of one address the first counts.
   * A claim that has another address keeps it.
   */
  readonly reservations?: readonly Reservation[];
  /**
   * How many addresses the claims of one namespace may have of the pool. Further claims wait with the
   * reason QuotaExceeded. Who has more when it is set keeps them. Without it there is no such limit.
   */
  readonly maxPerNamespace?: number;
  /**
   * Which of the free addresses a claim gets: the lowest; one at random, so that an address that was
   * given up is seldom the next to be given and its number says nothing; or the one that was given up
   * first, and before that one that was never given, so that what was given up rests for as long as
   * there is another. LeastRecentlyUsed remembers 1000 addresses of a pool, and in a shared address
   * space none. LowestFree unless set.
   */
  readonly strategy?: 'LowestFree' | 'Random' | 'LeastRecentlyUsed';
  /**
   * How many seconds an address stays out of use after its claim is gone, so that neighbours' ARP or NDP
   * entries and slow machines let go of it. Without it an address is free at once.
   */
  readonly addressReuseGracePeriodSeconds?: number;
  /**
   * Deprecated, from v1alpha1: adds the addresses of this CIDR from its second to its last but one, or
   * from `start` and to `end`, to `addresses`. `prefix` is its length unless set. Of a CIDR with one or
   * two addresses all are added.
   */
  readonly subnet?: string;
  /**
   * Deprecated, from v1alpha1: the first address of `subnet` to add. With `end` and without `subnet`,
   * the first of a range to add.
   */
  readonly start?: string;
  /**
   * Deprecated, from v1alpha1: the last address of `subnet` to add. With `start` and without `subnet`,
   * the last of a range to add.
   */
  readonly end?: string;
}

/**
 * An InClusterPrefixPool gives each IPAddressClaim of its own namespace a whole prefix: a /64 for a
 * node, say.
 */
export interface InClusterPrefixPool {
  /** The group and version of this object's schema. */
  readonly apiVersion: string;
  readonly kind: 'InClusterPrefixPool';
  readonly metadata: ObjectMeta;
  /** The prefixes of the pool, and how they are given out. */
  readonly spec: InClusterPrefixPoolSpec;
  /** What the pool has given out, as its controller last saw it. */
  readonly status?: InClusterIPPoolStatus;
}

export interface InClusterPrefixPoolSpec {
  /**
   * The prefixes of the pool, as CIDRs of one IP family without host bits: `fd00:1::/48`, `10.8.0.0/16`.
   * They may overlap and come in any order. Claims are served from the numerically lowest free prefix
   * upwards, unless `strategy` says otherwise.
   */
  readonly prefixes: readonly string[];
  /**
   * The length of the prefix that each claim gets. It cannot be changed. Pools of IPv4 prefixes need one
   * of at most 32.
   */
  readonly allocationPrefixLength?: number;
  /**
   * Handed to every claim with its prefix. It need not lie in the pool, and reserves nothing there: what
   * is not to be given out belongs in `excludedPrefixes`.
   */
  readonly gateway?: string;
  /**
   * What is never given out: CIDRs, single addresses and inclusive ranges of the same IP family as
   * `prefixes`. A prefix of which any address is excluded is given to nobody.
   */
  readonly excludedPrefixes?: readonly string[];
  /**
   * Prefixes that are kept for certain claims: nobody else gets them. Claims made by an infrastructure
   * provider have names that are known before. Of several reservations of one prefix the first counts. A
   * claim that has another prefix keeps it.
   */
  readonly reservations?: readonly PrefixReservation[];
  /**
   * How many prefixes the claims of one namespace may have of the pool. Further claims wait with the
   * reason QuotaExceeded. Who has more when it is set keeps them. Without it there is no such limit.
   */
  readonly maxPerNamespace?: number;
  /**
   * Which of the free prefixes a claim gets: the lowest; one at random, so that one that was given up is
   * seldom the next to be given; or the one that was given up first, and before that one that was never
   * given. LeastRecentlyUsed remembers 1000 prefixes of a pool. LowestFree unless set.
   */
  readonly strategy?: 'LowestFree' | 'Random' | 'LeastRecentlyUsed';
  /**
   * How many seconds a prefix stays out of use after its claim is gone, so that routes to it and slow
   * machines let go of it. Without it a prefix is free at once.
   */
  readonly addressReuseGracePeriodSeconds?: number;
}

/**
 * A PodCIDRClaim asks every PodNetwork for blocks for the Node of the same name. It repeats the little
 * of the Node that decides which, so that a heartbeat of a Node does not wake the pod networks.
 * metaipam writes one for each Node.
 */
export interface PodCIDRClaim {
  /** The group and version of this object's schema. */
  readonly apiVersion: string;
  readonly kind: 'PodCIDRClaim';
  readonly metadata: ObjectMeta;
  /** What the pod networks need to know of the Node. */
  readonly spec: PodCIDRClaimSpec;
}

export interface PodCIDRClaimSpec {
  /** The uid of the Node. */
  readonly nodeUID: string;
  /** The labels of the Node that some ClusterCIDR selects by. */
  readonly nodeLabels?: {
    readonly [k: string]: string;
  };
  /**
   * From which label keys `nodeLabels` was made: a digest of those that each PodNetwork selects by, by
   * its name. A Node gets blocks of a network once it is that of now.
   */
  readonly labelKeys?: {
    readonly [k: string]: string;
  };
  /** The annotations of the Node in which secondary networks show its blocks, as it has them. */
  readonly nodeAnnotations?: {
    readonly [k: string]: string;
  };
  /** The podCIDRs that the Node has already, whoever set them, in their order and canonical. */
  readonly podCIDRs?: readonly string[];
}

/**
 * A PodNetwork hands blocks of its ClusterCIDRs to nodes, for the pods that run there. The
 * ClusterCIDRs of a network carry the label `metaipam.io/network` with its name; those without the
 * label belong to the network `default`, which fills `node.spec.podCIDRs`.
 */
export interface PodNetwork {
  /** The group and version of this object's schema. */
  readonly apiVersion: string;
  readonly kind: 'PodNetwork';
  readonly metadata: ObjectMeta;
  /** Where the blocks go, and which are never handed out. */
  readonly spec: PodNetworkSpec;
  /** What the network has handed out, as its controller last saw it. */
  readonly status?: PodNetworkStatus;
}

export interface PodNetworkSpec {
  /**
   * Where the blocks of a node are written: into its `spec.podCIDRs`, for the pods' main interface, or
   * into an annotation, for a secondary network whose CNI plugin reads it. It cannot be changed.
   */
  readonly target: 'node.spec.podCIDRs' | 'node.metadata.annotations';
  /**
   * The key of the node annotation. Without it, the key is `kube-node.nordix.org/` and the name of the
   * network. It cannot be changed, added or removed: nodes would keep the old key. Of networks with one
   * key nodes show the oldest.
   */
  readonly annotation?: string;
  /**
   * Whose block a node of two families has first in `spec.podCIDRs`, and so in `spec.podCIDR`, or in its
   * annotation. IPv4 unless set. A change is for nodes to come.
   */
  readonly primaryIPFamily?: 'IPv4' | 'IPv6';
  /**
   * The cluster's ranges of Service addresses. No block that overlaps one of them is handed out. The
   * network `default` can learn them from the cluster's ServiceCIDR objects as well.
   */
  readonly serviceCIDRs?: readonly string[];
  /** Blocks that are kept for certain nodes: nobody else gets them. A node that has others keeps those. */
  readonly reservations?: readonly NodeReservation[];
  /**
   * The subnets that the network spans, of which each node has a part: the addresses of a block get the
   * prefix length and the gateway of the first that has the whole block. A CIDR in none of them is a
   * subnet of its own; a range is of the range of its ClusterCIDR.
   */
  readonly subnets?: readonly NetworkSubnet[];
  /**
   * Which address of a block that is a subnet of its own is the gateway: 0 is the first, -1 the last. No
   * pod gets it. Without it that is the address after the first; blocks of one or two addresses have
   * none.
   */
  readonly gatewayIndex?: number;
  /**
   * What pods reach by the network, after the routes of its configuration, which wins where both have a
   * destination. Pods get those of the families that their node has blocks of.
   */
  readonly routes?: readonly Route[];
  /**
   * Addresses that no pod gets: single addresses, CIDRs and inclusive ranges. A block of which they
   * leave no address for pods, with the gateway and perNodeExclusions, is not given out; a node that has
   * it keeps it.
   */
  readonly excludedAddresses?: readonly string[];
  /** Addresses of each block that no pod gets, by their places in it: 0 is the first, -1 the last. */
  readonly perNodeExclusions?: readonly IndexRange[];
  /**
   * Nodes that need more blocks than one, since their pods have every address of it. What a node got it
   * keeps while it lives, whatever becomes of this list. There is none for `default`: podCIDRs of a node
   * cannot be changed.
   */
  readonly additionalBlocks?: readonly AdditionalBlocks[];
  /**
   * How many seconds a block stays out of use after its node is gone. Without it a block is free at
   * once. A node that registers again under the same name within this time gets its blocks back, if it
   * would get blocks of the same ClusterCIDR.
   */
  readonly reuseGracePeriodSeconds?: number;
}

/** A NodeReservation keeps blocks for a node. */
export interface NodeReservation {
  /**
   * The name of the node that gets the blocks. While somebody else has one of them, it gets none. Of
   * several reservations for one node the first counts.
   */
  readonly node: string;
  /**
   * The blocks, as CIDRs, in a secondary network also as ranges first-last: one, or one of each family.
   * They lie in the ranges of one ClusterCIDR of the network, whichever nodes it selects, and are of any
   * size.
   */
  readonly blocks: readonly string[];
}

/** A NetworkSubnet is a subnet that nodes share. */
export interface NetworkSubnet {
  /** The whole subnet. */
  readonly cidr: string;
  /** Its gateway. No pod gets it. Without it that is the address after the first of the subnet. */
  readonly gateway?: string;
}

/** A Route leads pods to a destination. */
export interface Route {
  /** The destination, as a CIDR. */
  readonly dst: string;
  /** The next hop. Without it that is the gateway of the pod's address. */
  readonly gw?: string;
}

/** An IndexRange is addresses of a block, by their places in it. */
export interface IndexRange {
  /** The place of the first. */
  readonly startIndex: number;
  /** The place of the last. */
  readonly endIndex: number;
}

/** An AdditionalBlocks says how many blocks a node gets besides its first. */
export interface AdditionalBlocks {
  /** The name of the node. */
  readonly node: string;
  /**
   * How many, or how many of each family, of whichever ClusterCIDRs of the network that select the node
   * have one free.
   */
  readonly count: number;
}

export interface PodNetworkStatus {
  /** Counts of nodes. */
  readonly nodes?: NodeCounts;
  /** How many ClusterCIDRs the network has. */
  readonly clusterCIDRs?: number;
  /**
   * The AllocationSlices that hold what the network has given out. While one of them is missing, nothing
   * is given out of its piece.
   */
  readonly slices?: readonly string[];
  /** The state of the network. `Ready` is False while a node waits for blocks. */
  readonly conditions?: readonly Condition[];
  /** The metadata.generation that this status was computed from. */
  readonly observedGeneration?: number;
}

export interface NodeCounts {
  /** How many nodes there are. */
  readonly total: number;
  /** How many nodes have blocks of this network. */
  readonly allocated: number;
  /** How many nodes wait for blocks of this network. */
  readonly pending: number;
}
