/** The part of foreign kinds that metaipam reads. */
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

/** `cluster.x-k8s.io` Cluster. */
export interface Cluster {
  readonly apiVersion: string;
  readonly kind: 'Cluster';
  readonly metadata: ObjectMeta;
  readonly spec?: {
    readonly paused?: boolean;
  };
}
