/** What somebody asks of the API server: requests, and the words for a trace. */
import type { ApiRequest } from '../../lib/engine/api.ts';
import type { Unstructured } from '../../lib/engine/object.ts';
import type { Random } from '../../lib/engine/random.ts';
import { PAUSED_ANNOTATION } from '../../lib/kubernetes/names.ts';
import { titleOf } from '../../lib/kubernetes/object.ts';
import type { Layout } from '../layout.ts';
import type { Op } from '../op.ts';
import type { World } from '../world.ts';

export type UserOp = Op & { op: 'user' };

export interface UserScene {
  readonly world: World;
  readonly random: Random;
  readonly layout: Layout;
}

const RESOURCES: Readonly<Record<string, string>> = {
  InClusterIPPool: 'inclusterippools',
  GlobalInClusterIPPool: 'globalinclusterippools',
  InClusterPrefixPool: 'inclusterprefixpools',
  GlobalInClusterPrefixPool: 'globalinclusterprefixpools',
  IPAddressClaim: 'ipaddressclaims',
  IPAddress: 'ipaddresses',
  AllocationSlice: 'allocationslices',
  ClusterCIDR: 'clustercidrs',
  ServiceCIDR: 'servicecidrs',
  PodNetwork: 'podnetworks',
  Cluster: 'clusters',
  Node: 'nodes',
  IPAMClaim: 'ipamclaims',
  Pod: 'pods',
  Namespace: 'namespaces',
};

export function creationOf(object: Unstructured, remark = ''): UserOp {
  const { apiVersion, kind, metadata } = object;
  const { name, namespace } = metadata;
  const detail = remark || (kind.endsWith('Claim') ? '' : ` ${JSON.stringify(object.spec)}`);
  const to = { apiVersion, resource: RESOURCES[kind]!, name, namespace };
  return userOp(`creates ${titleOf(object)}${detail}`, { verb: 'create', ...to, object });
}

export function patchOf({ world }: UserScene, object: Unstructured, verb: string, change: object): UserOp {
  const says = `${verb} ${titleOf(object)} ${JSON.stringify(change)}`;
  return userOp(says, { verb: 'patch', ...targetOf(world, object), patch: change });
}

export function deletionOf({ world }: UserScene, object: Unstructured): UserOp {
  return userOp(`deletes ${titleOf(object)}`, { verb: 'delete', ...targetOf(world, object) });
}

export function deleteAs(
  { world }: UserScene,
  object: Unstructured,
  propagationPolicy: 'Foreground' | 'Orphan',
): UserOp {
  return userOp(`deletes ${titleOf(object)}, ${propagationPolicy}`, {
    verb: 'delete',
    ...targetOf(world, object),
    propagationPolicy,
  });
}

export function pickOne({ world, random }: UserScene, kind: string): Unstructured | undefined {
  const objects = world.cluster.objects(kind);
  return objects.length === 0 ? undefined : random.pick(objects);
}

export function patchOne(scene: UserScene, kind: string, verb: string, change: object): UserOp | undefined {
  const object = pickOne(scene, kind);
  return object && patchOf(scene, object, verb, change);
}

export function deleteOne(scene: UserScene, kind: string): UserOp | undefined {
  const object = pickOne(scene, kind);
  return object && deletionOf(scene, object);
}

export function pauseOne(scene: UserScene, kind: string): UserOp | undefined {
  return patchOne(scene, kind, 'pauses', { metadata: { annotations: { [PAUSED_ANNOTATION]: 'true' } } });
}

export function unpauseOne(scene: UserScene, kind: string): UserOp | undefined {
  return patchOne(scene, kind, 'unpauses', { metadata: { annotations: { [PAUSED_ANNOTATION]: null } } });
}

function targetOf({ cluster }: World, { apiVersion, kind, metadata }: Unstructured) {
  const { resource } = cluster.resources.of({ apiVersion, kind });
  return { apiVersion, resource, name: metadata.name, namespace: metadata.namespace };
}

function userOp(says: string, request: ApiRequest): UserOp {
  return { op: 'user', says, request };
}
