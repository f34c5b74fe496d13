/** Reads what metaipam depends on from a live cluster, and nothing else; it never writes. */
import type { KubeConfig } from '@kubernetes/client-node';
import type { RequestLog } from '../cluster/connection.ts';
import { CLUSTER_GROUP, IPAM_CLAIM_API_VERSION } from '../kubernetes/names.ts';
import type { KubernetesObject } from '../kubernetes/object.ts';
import {
  pathOf,
  RESOURCES,
  type Resource,
  resource,
  SERVICE_CIDR_RESOURCE,
} from '../kubernetes/resources.ts';
import { norOthers } from '../text.ts';
import { ApiError, ApiReader } from './api-reader.ts';
import { ForbiddenError, InputError, type Io } from './command.ts';
import { showProgress } from './terminal.ts';

/** For the help text of commands that read a cluster. */
export const LIVE_RIGHTS = `Live clusters are only read. That takes list on inclusterippools, globalinclusterippools,
inclusterprefixpools, globalinclusterprefixpools, ipaddressclaims and ipaddresses (ipam.cluster.x-k8s.io), allocationslices, podnetworks and podcidrclaims (metaipam.io), clustercidrs
(networking.x-k8s.io) and nodes; of servicecidrs (networking.k8s.io) too, if they count; for plan also on namespaces, where a pool selects them or a file has one. Kinds that the cluster does not have are left out.`;

/** For what waits for its Cluster. */
export const CLUSTERS = resource(
  'Cluster',
  'clusters',
  true,
  `${CLUSTER_GROUP}/v1beta2`,
  `${CLUSTER_GROUP}/v1beta1`,
);

/** For those that outlive pods. */
export const IPAM_CLAIMS = resource('IPAMClaim', 'ipamclaims', true, IPAM_CLAIM_API_VERSION);

/** For pools that serve only some. */
export const NAMESPACE_RESOURCE = resource('Namespace', 'namespaces', false, 'v1');

const POLICIES = 'admissionregistration.k8s.io/v1';
/** By which the deletion of what is in use is refused. */
export const DELETE_POLICIES: readonly Resource[] = [
  resource('ValidatingAdmissionPolicy', 'validatingadmissionpolicies', false, POLICIES),
  resource('ValidatingAdmissionPolicyBinding', 'validatingadmissionpolicybindings', false, POLICIES),
];

/** Left out where they may not be read. */
const OPTIONAL: readonly Resource[] = [SERVICE_CIDR_RESOURCE, IPAM_CLAIMS, ...DELETE_POLICIES];

/**
 * Every object of every kind that metaipam reads; of one namespace, and then only of namespaced kinds, if that
 * is given. Throws InputError with the API server's words.
 */
export async function listLive(
  config: KubeConfig,
  namespace: string,
  more: readonly Resource[] = [],
  {
    log,
    io,
    onLeftOut = () => {},
    only = [...RESOURCES, SERVICE_CIDR_RESOURCE],
  }: {
    readonly log?: RequestLog | undefined;
    /** Shows how far it is. */
    readonly io?: Pick<Io, 'stderr'>;
    /** Hears of a kind that the cluster does not have, or does not show. */
    readonly onLeftOut?: (resource: Resource, why: LeftOut) => void;
    readonly only?: readonly Resource[];
  } = {},
): Promise<KubernetesObject[]> {
  const wanted = [...only, ...more].filter(({ namespaced }) => namespace === '' || namespaced);
  const api = new ApiReader(config, log);
  const describe = (count: number) => `listing: ${count.toLocaleString('en')} objects so far`;
  const progress = io && showProgress(io, describe, true);
  const answers = await Promise.allSettled(
    wanted.map((each) => listResource(api, each, namespace, progress?.tick)),
  ).finally(progress?.done);
  throwFailure(answers, wanted);
  const lists = answers.map((answer) => (answer as PromiseFulfilledResult<Listed>).value);
  if (lists.every((list) => typeof list === 'string')) {
    await api.requireApiServer().catch((error) => {
      throw error instanceof ApiError
        ? new InputError(`cannot look at the cluster: ${error.message}`)
        : error;
    });
  }
  return lists.flatMap((list, index) => {
    if (typeof list !== 'string') return list;
    onLeftOut(wanted[index]!, list);
    return [];
  });
}

/** Why there is no list of a kind: no version is served, or it need not be read and may not. */
type LeftOut = 'unserved' | 'forbidden';

type Listed = KubernetesObject[] | LeftOut;

/** What may not be read is said all at once: a failure that is none of rights comes first. */
function throwFailure(answers: readonly PromiseSettledResult<Listed>[], wanted: readonly Resource[]): void {
  const failures = answers.flatMap((answer, index) =>
    answer.status === 'rejected' ? [{ error: answer.reason as unknown, plural: wanted[index]!.plural }] : [],
  );
  const [first, ...others] = failures;
  if (first === undefined) return;
  const other = failures.find(({ error }) => !(error instanceof ForbiddenError));
  if (other !== undefined) throw other.error;
  throw new ForbiddenError((first.error as Error).message + norOthers(others.map(({ plural }) => plural)));
}

async function listResource(
  api: ApiReader,
  resource: Resource,
  namespace: string,
  onObject?: () => void,
): Promise<Listed> {
  const pick = (object: KubernetesObject) => {
    onObject?.();
    return slim(object);
  };
  for (const apiVersion of resource.apiVersions) {
    try {
      return await api.list(pathOf(resource, apiVersion, namespace), pick);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.status === 403 && OPTIONAL.includes(resource)) return 'forbidden';
      const Failure = error.status === 403 ? ForbiddenError : InputError;
      if (error.status !== 404) throw new Failure(`cannot list ${resource.plural}: ${error.message}`);
    }
  }
  return 'unserved';
}

/** Without what takes the most memory and says nothing here. Of a slice, how it is written depends on who has. */
function slim(object: KubernetesObject): KubernetesObject {
  if (object.kind === 'AllocationSlice') return object;
  const { managedFields: _, ...metadata } = object.metadata as KubernetesObject['metadata'] & {
    managedFields?: unknown;
  };
  if (object.kind !== 'Node') return { ...object, metadata };
  const { status: __, ...node } = object as KubernetesObject & { status?: unknown };
  return { ...node, metadata };
}
