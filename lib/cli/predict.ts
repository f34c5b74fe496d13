/** What applying and deleting objects would do to a cluster, tried out on a copy of it in memory. */

import type { ObjectRef, SimulatedCluster } from '../engine/cluster.ts';
import type { HookRegistry } from '../engine/hook-server.ts';
import type { Unstructured } from '../engine/object.ts';
import { isReadableMeta } from '../inspect/inventory.ts';
import { changedFields } from '../inspect/preview/applied-changes.ts';
import { type Effect, effectsOf } from '../inspect/preview/preview.ts';
import { isNamespace, type KubernetesObject, titleOf } from '../kubernetes/object.ts';
import type { HookContext } from '../metacontroller/hook.ts';
import { InputError } from './command.ts';
import { at, type Diagnostic, refusal } from './diagnostic.ts';
import type { LoadedObject } from './manifests.ts';
import { createEmptyWorld, describeUnrest, hasIPAMClaims, makeNamespaces, restoreAll } from './world.ts';

/** What becomes of one object that is applied or deleted. */
export interface ObjectChange {
  readonly action: 'create' | 'change' | 'delete' | 'none';
  /** `InClusterIPPool default/pool-a`. */
  readonly object: string;
  /** See `changedFields`. */
  readonly fields: readonly string[];
  /** Of a deletion: the finalizers that keep the object for now. */
  readonly heldBy?: readonly string[];
}

interface Prediction {
  readonly changes: readonly ObjectChange[];
  readonly effects: readonly Effect[];
  /** Objects that would be refused, and why. */
  readonly refused: readonly Diagnostic[];
  /** Why the cluster does not come to rest as it is: what depends on that cannot be predicted. */
  readonly restless: readonly string[];
  /** Why it would not come to rest after the change, beyond that. */
  readonly unrest: readonly string[];
  /** How many objects are of kinds of which metaipam does not know what is there. */
  readonly unknown: number;
}

/** Unlike that of other simulated clusters, whose output may be the state to start from: uids must differ. */
const SEED = 2593;

/**
 * Lets two copies of the cluster come to rest, one with the changes and one without: what is pending anyway, and
 * what time alone brings, is no effect of the change.
 *
 * Throws InputError when `current` cannot be a cluster.
 *
 * @param hasDeleteProtection see `createEmptyWorld`
 * @param observe is called at every step
 */
export function predict(
  hooks: HookRegistry,
  current: readonly KubernetesObject[],
  applied: readonly LoadedObject[],
  deleted: readonly LoadedObject[],
  { hasDeleteProtection, ...context }: HookContext & { readonly hasDeleteProtection?: boolean | undefined },
  observe?: () => void,
): Prediction {
  const all = [...current, ...applied.map(({ object }) => object)];
  const options = { hasIPAMClaims: hasIPAMClaims(all), hasDeleteProtection, ...(observe && { observe }) };
  const undisturbed = copyOf(current, hooks, context, options);
  const world = copyOf(current, hooks, context, options);
  const homes = namespacesInUse(
    current,
    [...applied, ...deleted].map(({ object }) => object),
  );
  for (const each of [undisturbed, world]) {
    for (const namespace of homes) each.apply(namespace as Unstructured);
    makeNamespaces(each, all);
  }
  undisturbed.settle();
  world.settle();

  const isKnown = ({ object: { apiVersion, kind } }: LoadedObject) =>
    kind !== 'ConfigMap' && world.resources.findKind(apiVersion, kind) !== undefined;
  const known = applied.filter(isKnown);
  const there = new Map(current.map((object) => [titleOf(object), object.metadata]));
  const outdated = known.flatMap((each) => refusalOfOutdated(each, there.get(titleOf(each.object))) ?? []);
  const isOutdated = new Set(outdated.map(({ object }) => object));
  const { changes, refused } = applyAll(
    world,
    known.filter(({ object }) => !isOutdated.has(object)),
  );
  refused.unshift(...outdated);
  const going: LoadedObject[] = [];
  for (const each of deleted) {
    if (!isKnown(each) || world.get(refTo(each.object)) === undefined) continue;
    const { error } = world.delete(refTo(each.object));
    if (error === undefined) going.push(each);
    else refused.push(refusal(each, error.message));
  }

  const restless = describeUnrest(undisturbed.settle());
  const unrest = describeUnrest(world.settle()).filter((line) => !restless.includes(line));
  return {
    changes: [...changes, ...going.map(({ object }) => describeDeletion(world, object))],
    effects: effectsOf(undisturbed.objects(), world.objects(), { ...context, now: world.now }),
    refused,
    restless,
    unrest,
    unknown: [...applied, ...deleted].filter((each) => !isKnown(each)).length,
  };
}

/** Namespaces of which the state has objects, and so has them, whether it lists Namespaces or not. */
function namespacesInUse(
  current: readonly KubernetesObject[],
  given: readonly KubernetesObject[],
): KubernetesObject[] {
  const listed = new Set(current.filter(isNamespace).map(({ metadata: { name } }) => name));
  const used = new Set(current.map(({ metadata: { namespace } }) => namespace));
  return given.filter(
    (object) => isNamespace(object) && used.has(object.metadata.name) && !listed.has(object.metadata.name),
  );
}

/** A simulated cluster with the objects of a real one. Those without a uid never were in one, and are applied. */
function copyOf(
  objects: readonly KubernetesObject[],
  hooks: HookRegistry,
  { now, config }: HookContext,
  options: Parameters<typeof createEmptyWorld>[1],
): SimulatedCluster {
  const world = createEmptyWorld(hooks, { ...options, now, config, seed: SEED });
  const known = objects.filter(({ apiVersion, kind }) => world.resources.findKind(apiVersion, kind));
  for (const object of known)
    if (!isReadableMeta(object.metadata)) throw new InputError(`${titleOf(object)}: metadata cannot be read`);
  const isThere = ({ metadata }: KubernetesObject) => metadata.uid !== undefined;
  restoreAll(world, known.filter(isThere));
  for (const object of known.filter((each) => !isThere(each))) {
    const { error } = world.apply(object as Unstructured);
    if (error !== undefined) throw new InputError(`${titleOf(object)}: ${error.message}`);
  }
  return world;
}

/** Applies in order, like one `kubectl apply`. */
function applyAll(
  world: SimulatedCluster,
  objects: readonly LoadedObject[],
): { changes: ObjectChange[]; refused: Diagnostic[] } {
  const changes: ObjectChange[] = [];
  const refused: Diagnostic[] = [];
  for (const loaded of objects) {
    const { object } = loaded;
    const before = world.get(refTo(object));
    const { object: after, error } = world.apply(object as Unstructured);
    if (error !== undefined) {
      refused.push(refusal(loaded, error.message));
      continue;
    }
    const fields = before === undefined ? [] : changedFields(before, after);
    const action = before === undefined ? 'create' : fields.length > 0 ? 'change' : 'none';
    changes.push({ action, object: titleOf(after), fields });
  }
  return { changes, refused };
}

/** Of what was taken from a cluster, and has another uid or version there now. */
function refusalOfOutdated(
  loaded: LoadedObject,
  there: KubernetesObject['metadata'] | undefined,
): Diagnostic | undefined {
  for (const [key, message] of OUTDATED) {
    const value = loaded.object.metadata[key];
    if (value === undefined || there?.[key] === undefined || value === there[key]) continue;
    const field = `metadata.${key}`;
    return at(loaded, { rule: 'refused', severity: 'error', field, value, message, fix: 'leave it out' });
  }
  return undefined;
}

const OUTDATED = [
  ['uid', 'is not that of the object in the cluster'],
  ['resourceVersion', 'is of another version than the object in the cluster'],
] as const;

function describeDeletion(world: SimulatedCluster, object: KubernetesObject): ObjectChange {
  const { namespace = 'default', name } = object.metadata;
  const isNamespaced = world.resources.of(object as Unstructured).namespaced;
  const heldBy = world.get(refTo(object))?.metadata.finalizers;
  return {
    action: 'delete',
    object: titleOf({ ...object, metadata: isNamespaced ? { namespace, name } : { name } }),
    fields: [],
    ...(heldBy !== undefined && { heldBy }),
  };
}

function refTo({ apiVersion, kind, metadata: { namespace, name } }: KubernetesObject): ObjectRef {
  return { apiVersion, kind, ...(namespace !== undefined && { namespace }), name };
}
