import { CAPI_IPAM_GROUP, CLUSTER_GROUP } from '../kubernetes/names.ts';
import type { HookConfig } from './hook.ts';

/** Of IPAddressClaim and IPAddress. */
export function ipamApiVersion({ clusterApiVersion }: HookConfig): string {
  return `${CAPI_IPAM_GROUP}/${clusterApiVersion}`;
}

/** Of Cluster. */
export function clusterApiVersion(config: HookConfig): string {
  return `${CLUSTER_GROUP}/${config.clusterApiVersion}`;
}
