/** Makes the children of a parent what its hook wants (`pkg/controller/common/manage_children.go`). */
import { controllerReference, qualifiedName } from '../kubernetes/object.ts';
import { target } from './api.ts';
import {
  applyUpdate,
  LAST_APPLIED_ANNOTATION,
  SYSTEM_FIELDS,
  withLastApplied,
  withoutLastApplied,
} from './dynamic-apply.ts';
import type { ControllerEnvironment } from './environment.ts';
import { canonicalJson, deepEqual, isDeleting, type Unstructured, withMetadata, without } from './object.ts';
import type { ObjectGroups } from './object-groups.ts';
import type { ResourceType } from './resources.ts';
import { api, objectOf, SyncError, type Task } from './task.ts';

export type ApplyStrategy = 'dynamic-apply' | 'server-side-apply';

const FIELD_MANAGER = 'metacontroller';

/** What server-side apply sent last and got back, so that nothing is sent twice. One per process. */
export type LastUpdates = Map<
  string,
  {
    text: string;
    generation: number | undefined;
    resourceVersion: string | undefined;
    uid: string | undefined;
  }
>;

export interface ChildManager {
  readonly environment: ControllerEnvironment;
  readonly strategy: ApplyStrategy;
  readonly lastUpdates: LastUpdates;
  /** `OnDelete`, `InPlace` or `Recreate`, by kind and group. */
  readonly updateMethods: ReadonlyMap<ResourceType, string>;
}

/** Deletes what is not desired, then creates and updates. One failure does not stop the others. */
export function* manageChildren(
  manager: ChildManager,
  parent: Unstructured,
  observed: ObjectGroups,
  desired: ObjectGroups,
): Task<void> {
  const { environment } = manager;
  const problems: string[] = [];
  for (const { apiVersion, kind, objects } of observed.sorted()) {
    for (const [key, child] of environment.order([...objects])) {
      if (isDeleting(child) || desired.find(apiVersion, kind, key) !== undefined) continue;
      yield* attempt(deleteChild(manager, child), problems);
    }
  }
  for (const { apiVersion, kind, objects } of desired.sorted()) {
    const type = environment.resources.findKind(apiVersion, kind);
    if (type === undefined) {
      problems.push(`discovery: can't find kind ${kind} in apiVersion ${apiVersion}`);
      continue;
    }
    const apply = manager.strategy === 'dynamic-apply' ? dynamicApply : serverSideApply;
    for (const [key, child] of environment.order([...objects])) {
      const found = observed.find(apiVersion, kind, key);
      yield* attempt(apply(manager, type, parent, found, child), problems);
    }
  }
  if (problems.length > 0) throw new SyncError(`can't reconcile children: ${problems.join('; ')}`);
}

function* attempt(task: Task<void>, problems: string[]): Task<void> {
  try {
    yield* task;
  } catch (error) {
    if (!(error instanceof SyncError)) throw error;
    problems.push(error.message);
  }
}

function* deleteChild({ environment, lastUpdates }: ChildManager, child: Unstructured): Task<void> {
  const { resource } = environment.resources.of(child);
  const result = yield* api({
    verb: 'delete',
    ...target(child.apiVersion, resource, child.metadata),
    uid: child.metadata.uid,
    propagationPolicy: 'Background',
  });
  if (result.error?.reason === 'NotFound') return;
  objectOf(result, `delete ${child.kind} ${qualifiedName(child.metadata)}`);
  lastUpdates.delete(cacheKey(child));
}

function* dynamicApply(
  manager: ChildManager,
  type: ResourceType,
  parent: Unstructured,
  observed: Unstructured | undefined,
  desired: Unstructured,
): Task<void> {
  const method = manager.updateMethods.get(type);
  if (observed !== undefined && (isDeleting(observed) || (method !== 'InPlace' && method !== 'Recreate'))) {
    return;
  }
  const to = target(desired.apiVersion, type.resource, desired.metadata);
  const doing = `apply ${desired.kind} ${qualifiedName(desired.metadata)}`;
  if (observed === undefined) {
    const object = claimed(withLastApplied(desired, desired), parent);
    const result = yield* api({ verb: 'create', ...to, object });
    if (result.error?.reason !== 'AlreadyExists') objectOf(result, doing);
    return;
  }
  const object = applyUpdate(observed, desired);
  if (deepEqual(object, observed)) return;
  if (method === 'Recreate') yield* deleteChild(manager, observed);
  if (method !== 'InPlace') return;
  const result = yield* api({ verb: 'update', ...to, object });
  const reason = result.error?.reason;
  if (reason !== 'NotFound' && reason !== 'Conflict') objectOf(result, doing);
}

function* serverSideApply(
  manager: ChildManager,
  type: ResourceType,
  parent: Unstructured,
  observed: Unstructured | undefined,
  desired: Unstructured,
): Task<void> {
  if (observed !== undefined && isDeleting(observed)) return;
  const { lastUpdates } = manager;
  const object = comparable(claimed(desired, parent));
  const to = target(object.apiVersion, type.resource, object.metadata);
  const doing = `apply ${object.kind} ${qualifiedName(object.metadata)}`;
  const text = canonicalJson(object);
  const remember = ({ metadata: { generation, resourceVersion, uid } }: Unstructured) =>
    lastUpdates.set(cacheKey(object), { text, generation, resourceVersion, uid });
  if (observed !== undefined) {
    const last = lastUpdates.get(cacheKey(object));
    const { uid, generation, resourceVersion } = observed.metadata;
    if (last?.uid === uid && last?.text === text && last.generation === generation) {
      if (generation !== undefined || last.resourceVersion === resourceVersion) return;
    }
    const method = manager.updateMethods.get(type);
    if (method === 'Recreate') {
      const dryRun = yield* api({ verb: 'apply', ...to, object, fieldManager: FIELD_MANAGER, dryRun: true });
      const reason = dryRun.error?.reason;
      if (reason === 'BadRequest' || reason === 'Forbidden') {
        remember(observed);
        return;
      }
      const patched = objectOf(dryRun, `${doing} (dry run)`);
      if (patched.metadata.generation !== generation || patched.metadata.uid !== uid) {
        throw new SyncError(`can't ${doing}: generation or UID changed during dry run`);
      }
      if (deepEqual(comparable(patched), comparable(observed))) {
        remember(observed);
        return;
      }
      yield* deleteChild(manager, observed);
      return;
    }
    if (method !== 'InPlace') {
      remember(observed);
      return;
    }
    if (observed.metadata.annotations?.[LAST_APPLIED_ANNOTATION] !== undefined) {
      const patch = { metadata: { annotations: { [LAST_APPLIED_ANNOTATION]: null } } };
      const removed = yield* api({ verb: 'patch', ...to, patch });
      if (removed.error?.reason === 'NotFound') return;
      objectOf(removed, doing);
    }
  }
  const result = yield* api({ verb: 'apply', ...to, object, fieldManager: FIELD_MANAGER });
  if (result.error?.reason === 'Conflict') return;
  remember(objectOf(result, doing));
}

/** `child` with `parent` as its controller, beside the owners it has. */
function claimed(child: Unstructured, parent: Unstructured): Unstructured {
  const owners = child.metadata.ownerReferences ?? [];
  if (owners.some((owner) => owner.uid === parent.metadata.uid)) return child;
  return withMetadata(child, { ownerReferences: owners.concat(controllerReference(parent)) });
}

/** Without what only the API server writes. */
function comparable(object: Unstructured): Unstructured {
  const unset = Object.fromEntries(SYSTEM_FIELDS.map((field) => [field, undefined]));
  return without(withoutLastApplied(withMetadata(object, unset)), 'status');
}

function cacheKey({ apiVersion, kind, metadata }: Unstructured): string {
  return `${apiVersion} ${kind} ${qualifiedName(metadata)}`;
}
