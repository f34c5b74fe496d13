/** The part of foreign kinds that metaipam reads. */
import type { Condition } from './conditions.ts';
import type { ObjectMeta } from './object.ts';

/** `v1` Node. */
export interface Node {
  readonly apiVersion: string;
  readonly kind: 'Node';
  readonly metadata: ObjectMeta;
  readonly spec?: {
    /** The first of `podCIDRs`. */
    readonly podCIDR?: string;
    /** At most one of each IP family. Once set, it never changes. */
    readonly podCIDRs?: readonly string[];
  };
  readonly status?: object;
}

/** `networking.k8s.io/v1` ServiceCIDR. */
export interface ServiceCIDR {
  readonly apiVersion: string;
  readonly kind: 'ServiceCIDR';
  readonly metadata: ObjectMeta;
  readonly spec?: {
    /** One, or one of each IP family. */
    readonly cidrs?: readonly string[];
  };
}

/** `cluster.x-k8s.io` Cluster. */
export interface Cluster {
  readonly apiVersion: string;
  readonly kind: 'Cluster';
  readonly metadata: ObjectMeta;
  readonly spec?: {
    readonly paused?: boolean;
  };
}

/** `k8s.cni.cncf.io` IPAMClaim: the addresses of one interface, for as long as the claim lives. */
export interface IPAMClaim {
  readonly apiVersion: string;
  readonly kind: 'IPAMClaim';
  readonly metadata: ObjectMeta;
  readonly spec?: {
    /** The `name` of a CNI configuration. */
    readonly network?: string;
    readonly interface?: string;
  };
  readonly status?: {
    /** With the prefix length of their subnet: `192.168.0.10/24`. */
    readonly ips?: readonly string[];
    readonly conditions?: readonly Condition[];
    readonly [other: string]: unknown;
  };
}
