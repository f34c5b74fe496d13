/** The kinds on which metaipam's addresses depend, as an API server has them. */
import {
  CAPI_IPAM_GROUP,
  CLUSTER_CIDR_API_VERSION,
  METAIPAM_API_VERSION,
  POOL_API_VERSION,
  SERVICE_CIDR_API_VERSION,
} from './names.ts';
import { POOL_KINDS } from './pool-kinds.ts';

export interface Resource {
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
  /** The first that is served counts. */
  readonly apiVersions: readonly string[];
}

const CAPI = [`${CAPI_IPAM_GROUP}/v1beta2`, `${CAPI_IPAM_GROUP}/v1beta1`];

export const RESOURCES: readonly Resource[] = [
  ...Object.entries(POOL_KINDS).map(([kind, { resource: plural, isGlobal }]) =>
    resource(kind, plural, !isGlobal, POOL_API_VERSION),
  ),
  resource('IPAddressClaim', 'ipaddressclaims', true, ...CAPI),
  resource('IPAddress', 'ipaddresses', true, ...CAPI),
  resource('AllocationSlice', 'allocationslices', true, METAIPAM_API_VERSION),
  resource('PodNetwork', 'podnetworks', false, METAIPAM_API_VERSION),
  resource('PodCIDRClaim', 'podcidrclaims', false, METAIPAM_API_VERSION),
  resource('ClusterCIDR', 'clustercidrs', false, CLUSTER_CIDR_API_VERSION),
  resource('Node', 'nodes', false, 'v1'),
];

/** Not every API server has these, and not everybody may read them. */
export const SERVICE_CIDR_RESOURCE = resource('ServiceCIDR', 'servicecidrs', false, SERVICE_CIDR_API_VERSION);

export function resource(
  kind: string,
  plural: string,
  namespaced: boolean,
  ...apiVersions: string[]
): Resource {
  return { kind, plural, namespaced, apiVersions };
}

/** The one that a cluster speaks with this version of Cluster API's kinds: `v1beta2`. */
export function apiVersionOf({ apiVersions }: Resource, clusterApiVersion: string): string {
  return apiVersions.find((each) => each.endsWith(`/${clusterApiVersion}`)) ?? apiVersions[0]!;
}

/** `/apis/<group>/<version>[/namespaces/<namespace>]/<plural>`, `/api/v1/nodes`. */
export function pathOf({ plural }: Resource, apiVersion: string, namespace = ''): string {
  const root = apiVersion.includes('/') ? 'apis' : 'api';
  const scope = namespace === '' ? '' : `namespaces/${encodeURIComponent(namespace)}/`;
  return `/${root}/${apiVersion}/${scope}${plural}`;
}
