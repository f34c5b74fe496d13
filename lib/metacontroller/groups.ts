import { ipamApiVersion } from '../claim/api-version.ts';
import { CLUSTER_CIDR_API_VERSION, METAIPAM_API_VERSION } from '../kubernetes/names.ts';
import type { HookConfig } from './hook.ts';

type Part = 'children' | 'attachments' | 'related';

const SLICES = `AllocationSlice.${METAIPAM_API_VERSION}`;
const POD_CIDR_CLAIMS = `PodCIDRClaim.${METAIPAM_API_VERSION}`;
const POD_NETWORKS = `PodNetwork.${METAIPAM_API_VERSION}`;
const CLUSTER_CIDRS = `ClusterCIDR.${CLUSTER_CIDR_API_VERSION}`;

/** The groups of objects that Metacontroller sends each controller's sync and finalize hooks, even if empty. */
function groupsOf(controller: string, config: HookConfig): Partial<Record<Part, readonly string[]>> {
  const claims = `IPAddressClaim.${ipamApiVersion(config)}`;
  const addresses = `IPAddress.${ipamApiVersion(config)}`;
  switch (controller) {
    case 'pools':
    case 'global-pools':
      return { children: [SLICES], related: [claims, addresses, SLICES] };
    case 'claims':
      return { attachments: [addresses], related: [SLICES, addresses] };
    case 'nodes':
      return { attachments: [POD_CIDR_CLAIMS], related: [SLICES] };
    case 'pod-networks':
      return { children: [SLICES], related: [POD_CIDR_CLAIMS, CLUSTER_CIDRS, SLICES] };
    case 'cluster-cidrs':
      return { related: [SLICES, POD_NETWORKS] };
    default:
      return {};
  }
}

/** `request` with an empty group wherever its author left one out: for requests that people write. */
export function withEmptyGroups<R extends object>(controller: string, request: R, config: HookConfig): R {
  const given: Partial<Record<Part, object>> = request;
  const parts = Object.entries(groupsOf(controller, config)).map(([part, groups]) => {
    const empty = Object.fromEntries(groups.map((group) => [group, {}]));
    return [part, { ...empty, ...given[part as Part] }];
  });
  return { ...request, ...Object.fromEntries(parts) };
}
