/** Reads what metaipam depends on from a live cluster, and nothing else; it never writes. */
import type { KubeConfig } from '@kubernetes/client-node';
import {
  CAPI_IPAM_GROUP,
  CLUSTER_CIDR_API_VERSION,
  CLUSTER_GROUP,
  METAIPAM_API_VERSION,
  POOL_API_VERSION,
} from '../kubernetes/names.ts';
import type { KubernetesObject } from '../kubernetes/object.ts';
import { POOL_KINDS } from '../pool/kinds.ts';
import { ApiError, ApiReader, type RequestLog } from './api-reader.ts';
import { InputError } from './command.ts';

/** For the help text of commands that read a cluster. */
export const LIVE_RIGHTS = `Live clusters are only read. That takes list on inclusterippools, globalinclusterippools,
inclusterprefixpools, globalinclusterprefixpools, ipaddressclaims and ipaddresses (ipam.cluster.x-k8s.io), allocationslices, podnetworks and podcidrclaims (metaipam.io), clustercidrs
(networking.x-k8s.io) and nodes. Kinds that the cluster does not have are left out.`;

interface Resource {
  readonly plural: string;
  readonly namespaced: boolean;
  /** The first that is served is listed. */
  readonly apiVersions: readonly string[];
}

const RESOURCES: readonly Resource[] = [
  ...Object.values(POOL_KINDS).map((kind) => resource(kind.resource, !kind.isGlobal, POOL_API_VERSION)),
  resource('ipaddressclaims', true, `${CAPI_IPAM_GROUP}/v1beta2`, `${CAPI_IPAM_GROUP}/v1beta1`),
  resource('ipaddresses', true, `${CAPI_IPAM_GROUP}/v1beta2`, `${CAPI_IPAM_GROUP}/v1beta1`),
  resource('allocationslices', true, METAIPAM_API_VERSION),
  resource('podnetworks', false, METAIPAM_API_VERSION),
  resource('podcidrclaims', false, METAIPAM_API_VERSION),
  resource('clustercidrs', false, CLUSTER_CIDR_API_VERSION),
  resource('nodes', false, 'v1'),
];

/** For what waits for its Cluster. */
export const CLUSTERS = resource('clusters', true, `${CLUSTER_GROUP}/v1beta2`, `${CLUSTER_GROUP}/v1beta1`);

function resource(plural: string, namespaced: boolean, ...apiVersions: string[]): Resource {
  return { plural, namespaced, apiVersions };
}

/**
 * Every object of every kind that metaipam reads; of one namespace, and then only of namespaced kinds, if that
 * is given. Throws InputError with the API server's words.
 */
export async function listLive(
  config: KubeConfig,
  namespace: string,
  more: readonly Resource[] = [],
  { log, onObject }: { readonly log?: RequestLog | undefined; readonly onObject?: () => void } = {},
): Promise<KubernetesObject[]> {
  const wanted = [...RESOURCES, ...more].filter(({ namespaced }) => namespace === '' || namespaced);
  const api = new ApiReader(config, log);
  const lists = await Promise.all(wanted.map((each) => listResource(api, each, namespace, onObject)));
  return lists.flat();
}

async function listResource(
  api: ApiReader,
  { plural, apiVersions }: Resource,
  namespace: string,
  onObject?: () => void,
): Promise<KubernetesObject[]> {
  const pick = (object: KubernetesObject) => {
    onObject?.();
    return slim(object);
  };
  for (const apiVersion of apiVersions) {
    const root = apiVersion.includes('/') ? 'apis' : 'api';
    const scope = namespace === '' ? '' : `namespaces/${encodeURIComponent(namespace)}/`;
    try {
      return await api.list(`/${root}/${apiVersion}/${scope}${plural}`, pick);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.status !== 404) throw new InputError(`cannot list ${plural}: ${error.message}`);
    }
  }
  return [];
}

/** Without what takes the most memory and says nothing here. */
function slim(object: KubernetesObject): KubernetesObject {
  const { managedFields: _, ...metadata } = object.metadata as KubernetesObject['metadata'] & {
    managedFields?: unknown;
  };
  if (object.kind !== 'Node') return { ...object, metadata };
  const { status: __, ...node } = object as KubernetesObject & { status?: unknown };
  return { ...node, metadata };
}
