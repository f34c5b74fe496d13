/** Objects that were deleted and do not go. */
import { secondsSince } from '../../allocation/hold.ts';
import type { Allocation } from '../../allocation/slice.ts';
import { isPaused, type KubernetesObject, titleOf } from '../../kubernetes/object.ts';
import { poolKind } from '../../kubernetes/pool-kinds.ts';
import type { HookContext } from '../../metacontroller/hook.ts';
import { PROGRAM } from '../../program.ts';
import { listSome, plural } from '../../text.ts';
import type { Inventory } from '../inventory.ts';
import { type Finding, holderKind, holderTitle, kubectl, namespacesOf } from './finding.ts';

/** Seconds after which a deletion counts as stuck. */
const STUCK_SECONDS = 600;

/** Metacontroller's finalizers begin like this. */
const OURS = /^metacontroller\.(io|k8s\.io)\//;
const REFERENCE = /^(ipam\.cluster\.x-k8s\.io\/|networking\.x-k8s\.io\/cluster-cidr-finalizer)/;

export function* stuckDeletions(inventory: Inventory, { now }: HookContext): Generator<Finding> {
  const { allocations: _, ...kinds } = inventory;
  for (const object of Object.values(kinds).flat() as KubernetesObject[]) {
    const { deletionTimestamp, finalizers = [] } = object.metadata;
    if (deletionTimestamp === undefined || finalizers.length === 0) continue;
    const seconds = secondsSince(deletionTimestamp, now);
    if (!(seconds >= STUCK_SECONDS)) continue;
    const { reason, fix, held = [] } = explain(object, inventory);
    yield {
      check: 'stuck-deletion',
      severity: 'warning',
      object: titleOf(object),
      namespaces: namespacesOf(object.metadata, ...held.map(({ entry }) => entry)),
      message: `is being deleted for ${duration(seconds)}, held by ${listSome(finalizers)}: ${reason}`,
      fix,
    };
  }
}

function explain(
  object: KubernetesObject,
  inventory: Inventory,
): { reason: string; fix: string; held?: readonly Allocation[] } {
  const { finalizers = [], uid, name } = object.metadata;
  if (isPaused(object))
    return { reason: 'it is paused', fix: `${kubectl('annotate', object)} cluster.x-k8s.io/paused-` };
  if (finalizers.some((finalizer) => REFERENCE.test(finalizer))) {
    return { reason: 'another controller put that on, and must have stopped', fix: `${PROGRAM} adopt` };
  }
  const held = inventory.allocations.filter(
    ({ slice, entry }) =>
      entry.released === undefined &&
      (slice.spec.poolRef.uid === uid || (object.kind === 'ClusterCIDR' && entry.clusterCIDR === name)),
  );
  if (held.length > 0) {
    const kind = holderKind(held[0]!);
    const { one, many } = kind === 'Node' ? { one: 'block', many: 'blocks' } : poolKind(object.kind).unit;
    const what = plural(held.length, one, many);
    return {
      reason: `${what} of it in use by ${listSome([...new Set(held.map(holderTitle))])}`,
      fix: `${kubectl('describe', object)}  # it goes with the last ${kind} that uses it`,
      held,
    };
  }
  if (!finalizers.some((finalizer) => OURS.test(finalizer))) {
    return {
      reason: "that is neither metaipam's nor Metacontroller's",
      fix: `${kubectl('describe', object)}  # ask whoever put it on`,
    };
  }
  return { reason: 'Metacontroller should have let it go', fix: `${PROGRAM} doctor` };
}

function duration(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  if (minutes < 120) return `${minutes} minutes`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} hours` : `${Math.floor(hours / 24)} days`;
}
