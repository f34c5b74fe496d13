/** Groups of objects in requests, as Metacontroller names them: by kind and version. */

import {
  CLUSTER_CIDR_API_VERSION,
  METAIPAM_API_VERSION,
  POOL_API_VERSION,
  SERVICE_CIDR_API_VERSION,
} from '../kubernetes/names.ts';
import { ipamApiVersion } from './api-version.ts';
import type { HookConfig, ParentType } from './hook.ts';

export const SLICES = `AllocationSlice.${METAIPAM_API_VERSION}`;
export const POD_CIDR_CLAIMS = `PodCIDRClaim.${METAIPAM_API_VERSION}`;
export const POD_NETWORKS = `PodNetwork.${METAIPAM_API_VERSION}`;
export const CLUSTER_CIDRS = `ClusterCIDR.${CLUSTER_CIDR_API_VERSION}`;
export const ADDRESS_POOLS = ['InClusterIPPool', 'GlobalInClusterIPPool'].map(
  (kind) => `${kind}.${POOL_API_VERSION}`,
);
export const SERVICE_CIDRS = `ServiceCIDR.${SERVICE_CIDR_API_VERSION}`;
export const NAMESPACES = 'Namespace.v1';

export function claimGroup(config: HookConfig): string {
  return `IPAddressClaim.${ipamApiVersion(config)}`;
}

export function addressGroup(config: HookConfig): string {
  return `IPAddress.${ipamApiVersion(config)}`;
}

/** `request` with an empty group wherever its author left one out: for requests that people write. */
export function withEmptyGroups<R extends object>(parent: ParentType, request: R, config: HookConfig): R {
  const { own, related } = parent.groups?.(config) ?? {};
  const given: Partial<Record<string, object>> = request;
  const complete = (part: string, groups: readonly string[] = []) =>
    groups.length > 0 && {
      [part]: { ...Object.fromEntries(groups.map((group) => [group, {}])), ...given[part] },
    };
  return {
    ...request,
    ...complete(parent.type === 'composite' ? 'children' : 'attachments', own),
    ...complete('related', related),
  };
}
