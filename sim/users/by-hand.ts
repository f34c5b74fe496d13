/** People lay hands on what controllers have made. */
import type { Unstructured } from '../../lib/engine/object.ts';
import type { Node } from '../../lib/kubernetes/core-types.ts';
import {
  BELL_PREFIX,
  CLAIM_UID_LABEL,
  DECORATOR_ANNOTATION,
  POOL_LABEL,
  POOL_UID_LABEL,
} from '../../lib/kubernetes/names.ts';
import type { IPAddressClaim, PoolReference } from '../../lib/kubernetes/types.ts';
import { heldIn, isTwin, TWIN_PREFIX } from '../model.ts';
import {
  creationOf,
  deleteAs,
  deleteOne,
  deletionOf,
  patchOf,
  patchOne,
  pickOne,
  type UserOp,
  type UserScene,
} from './user-op.ts';

const OWNERS = ['IPAddressClaim', 'InClusterIPPool', 'GlobalInClusterIPPool', 'PodNetwork', 'ClusterCIDR'];

const PREFIX_POOLS = ['InClusterPrefixPool', 'GlobalInClusterPrefixPool'];

/** As `kubectl delete --cascade=foreground` or `--cascade=orphan`. */
export function deleteInMode(scene: UserScene): UserOp | undefined {
  const { random, layout } = scene;
  const object = pickOne(scene, random.pick(layout.hasPrefixes ? [...OWNERS, ...PREFIX_POOLS] : OWNERS));
  return object && deleteAs(scene, object, random.pick(['Foreground', 'Foreground', 'Orphan'] as const));
}

/** What people do when something will not go. */
export function takeFinalizerOff(scene: UserScene): UserOp | undefined {
  const object = pickOne(scene, 'IPAddressClaim');
  if (object?.metadata.deletionTimestamp === undefined) return undefined;
  return patchOf(scene, object, 'frees', { metadata: { finalizers: null } });
}

export function deleteSlice(scene: UserScene): UserOp | undefined {
  const slice = settledSlice(scene);
  return slice && ifSettled(scene, deletionOf(scene, slice));
}

export function touchSlice(scene: UserScene): UserOp | undefined {
  const slice = pickOne(scene, 'AllocationSlice');
  const annotations = { note: String(scene.random.below(9)) };
  return slice && patchOf(scene, slice, 'annotates', { metadata: { annotations } });
}

/**
 * A second slice of a piece, under another name, that gives something in use to somebody else: one who has nothing yet,
 * if there is any.
 */
export function makeTwin(scene: UserScene): UserOp | undefined {
  const { world, random } = scene;
  const held = heldIn(world.cluster).filter(({ entry }) => entry.released === undefined);
  if (held.length === 0) return undefined;
  const { slice, key, entry, poolRef, isBlock } = random.pick(held);
  const others = world.cluster
    .objects(isBlock ? 'Node' : 'IPAddressClaim')
    .filter((other) => other.metadata.uid !== entry.uid && (isBlock || isOfPool(other, poolRef)));
  const idle = others.filter(({ spec, status }) =>
    isBlock ? !(spec as Node['spec'])?.podCIDRs : !(status as IPAddressClaim['status'])?.addressRef,
  );
  if (others.length === 0) return undefined;
  const { metadata } = random.pick(idle.length > 0 ? idle : others);
  const { namespace, name, uid = '' } = metadata;
  const { labels = {}, ownerReferences = [] } = slice.metadata;
  const kept = Object.entries(labels).filter(([label]) => !label.startsWith(BELL_PREFIX));
  const op = creationOf({
    ...(slice as object as Unstructured),
    metadata: {
      name: `${TWIN_PREFIX}${random.below(3)}.${slice.metadata.name}`,
      ...(slice.metadata.namespace && { namespace: slice.metadata.namespace }),
      labels: { ...Object.fromEntries(kept), [`${BELL_PREFIX}${uid}`]: '' },
      ...(random.chance(0.5) && { ownerReferences }),
    },
    spec: { ...slice.spec, entries: { [key]: { ...entry, uid, ...(namespace && { namespace }), name } } },
  });
  return { ...op, isUnruled: true };
}

function isOfPool({ spec }: Unstructured, { kind, name }: PoolReference): boolean {
  const { poolRef } = spec as IPAddressClaim['spec'];
  return poolRef.kind === kind && poolRef.name === name;
}

/** Somebody has read what pools and networks say of them. */
export function deleteTwins(scene: UserScene): UserOp[] {
  const { cluster } = scene.world;
  return cluster
    .objects('AllocationSlice')
    .filter((slice) => isTwin(slice))
    .map((slice) => deletionOf(scene, slice));
}

function settledSlice({ world, random, layout }: UserScene): Unstructured | undefined {
  const slices = world.cluster.objects('AllocationSlice').filter(
    ({ metadata }) =>
      layout.beyond ||
      world.isSettled({
        verb: 'delete',
        resource: 'allocationslices',
        namespace: metadata.namespace,
        name: metadata.name,
      }),
  );
  return slices.length === 0 ? undefined : random.pick(slices);
}

export function deleteSettledAddress(scene: UserScene): UserOp | undefined {
  const op = deleteOne(scene, 'IPAddress');
  return op && ifSettled(scene, op);
}

/** As one is that another provider has made: its claim controls it, and Metacontroller does not know it. */
export function unmarkAddress(scene: UserScene): UserOp | undefined {
  const labels = { [POOL_LABEL]: null, [POOL_UID_LABEL]: null, [CLAIM_UID_LABEL]: null };
  return patchOne(scene, 'IPAddress', 'unmarks', {
    metadata: { annotations: { [DECORATOR_ANNOTATION]: null }, ...(scene.random.chance(0.5) && { labels }) },
  });
}

export function unmarkPodCIDRClaim(scene: UserScene): UserOp | undefined {
  const owners = scene.random.chance(0.5) && { ownerReferences: null };
  return patchOne(scene, 'PodCIDRClaim', 'unmarks', {
    metadata: { annotations: { [DECORATOR_ANNOTATION]: null }, ...owners },
  });
}

export function orphanNode(scene: UserScene): UserOp | undefined {
  const node = pickOne(scene, 'Node');
  return node && deleteAs(scene, node, 'Orphan');
}

function ifSettled({ layout }: UserScene, op: UserOp): UserOp {
  return { ...op, ifSettled: !layout.beyond };
}
