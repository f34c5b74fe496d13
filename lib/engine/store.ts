/**
 * The API server and its etcd, in memory: optimistic concurrency, uids, generations, finalizers, the status
 * subresource, and a log of events that every watcher reads at its own pace.
 *
 * Stored objects are immutable and shared: a write replaces the object.
 */
import type { AdmissionPolicies } from '../kubernetes/admission-policies.ts';
import { NAMESPACE_NAME_LABEL } from '../kubernetes/names.ts';
import { formatTime } from '../kubernetes/time.ts';
import { type ApiRequest, type ApiResult, apiError } from './api.ts';
import { mergePatch } from './merge-patch.ts';
import { deepEqual, isDeleting, type JsonMap, type Unstructured, withMetadata, without } from './object.ts';
import { admitNode, checkMetadata, withoutEmptyMetadata } from './object-rules.ts';
import { admissionRequest, applyConfiguration, deletionRequest } from './policy-admission.ts';
import { uuid } from './random.ts';
import { denied, invalid } from './refusal.ts';
import type { Resources, ResourceType } from './resources.ts';
import { serverSideApply } from './server-side-apply.ts';

export interface StoreEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  /** The object's `namespace/name`, or its name: one text for everybody. */
  readonly key: string;
  /** In the storage version. A deletion carries the last state, at the deletion's own resourceVersion. */
  readonly object: Unstructured;
}

/** What the schemas of custom resources, and policies, do to a write. */
export interface Admission {
  /** The object with defaults filled in and unknown fields dropped. */
  readonly prepare?: (object: Unstructured) => Unstructured;
  /**
   * Sentences, one per broken rule of the schema. The object, and `old` before an update, are in the version of
   * the request.
   */
  readonly validate?: (object: Unstructured, old?: Unstructured) => readonly string[];
  /** The object as another served version shows it; by default only its apiVersion changes. */
  readonly convert?: (object: Unstructured, apiVersion: string) => Unstructured;
  readonly policies?: AdmissionPolicies;
}

interface StoreOptions {
  readonly resources: Resources;
  readonly seed: number;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly admission?: Admission | undefined;
}

/** What of a request its write depends on. */
interface WriteRequest {
  readonly apiVersion: string;
  readonly namespace?: string | undefined;
  readonly subresource?: 'status' | undefined;
  readonly dryRun?: boolean | undefined;
}

interface Table {
  readonly objects: Map<string, Unstructured>;
  readonly log: StoreEvent[];
}

const SYSTEM_METADATA = [
  'uid',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
];

export class Store {
  readonly resources: Resources;
  readonly #options: StoreOptions;
  readonly #tables = new Map<ResourceType, Table>();
  /** What each field manager applied last, by uid. */
  readonly #applied = new Map<string, Readonly<Record<string, Unstructured>>>();
  readonly #converted = new WeakMap<Unstructured, Map<string, Unstructured>>();
  #latest = { at: Number.NaN, text: '' };
  #resourceVersion = 0;
  #uids = 0;

  constructor(options: StoreOptions) {
    this.#options = options;
    this.resources = options.resources;
    for (const type of options.resources.all) this.#tables.set(type, { objects: new Map(), log: [] });
  }

  execute(request: ApiRequest): ApiResult {
    const type = this.resources.find(request.apiVersion, request.resource);
    if (type === undefined) {
      return apiError('NotFound', `the server could not find the requested resource ${request.resource}`);
    }
    if (type.namespaced && !request.namespace) {
      return apiError('BadRequest', `namespace is required for ${request.resource}`);
    }
    const key = keyOf(type, request);
    const old = this.#table(type).objects.get(key);
    const result = this.#dispatch(type, request, key, old);
    return result.object === undefined
      ? result
      : { object: this.inVersion(result.object, request.apiVersion) };
  }

  /**
   * Takes over an object of another cluster as it is: uid, times, finalizers and status. Only its resourceVersion
   * is new, so objects are restored in the order of theirs. `applied`: what a field manager applied to it last.
   */
  restore(object: Unstructured, fieldManager: string, applied: Unstructured): void {
    const type = this.resources.of(object);
    const stored = withMetadata(this.#stored(type, object), { managedFields: undefined });
    this.#put(type, keyOf(type, object.metadata), stored, 'ADDED');
    this.#applied.set(object.metadata.uid as string, { [fieldManager]: this.#stored(type, applied) });
  }

  /** Every object of a type, in the storage version, in the order of creation. */
  list(type: ResourceType): IterableIterator<Unstructured> {
    return this.#table(type).objects.values();
  }

  /** Every event of a type, oldest first. A watcher's position is an index into it. */
  log(type: ResourceType): readonly StoreEvent[] {
    return this.#table(type).log;
  }

  /** Drops what the first events of a type have brought, to save memory: nobody can hear of it any more. */
  forget(type: ResourceType, before: number): void {
    const { log } = this.#table(type);
    for (let i = before - 1; i >= 0 && log[i] !== undefined; i--) log[i] = undefined as never;
  }

  /** The objects of a type as they were after its first `position` events, by `namespace/name`. */
  snapshot(type: ResourceType, position: number): ReadonlyMap<string, Unstructured> {
    const { objects, log } = this.#table(type);
    if (position >= log.length) return new Map(objects);
    const result = new Map<string, Unstructured>();
    for (const { type: change, key, object } of log.slice(0, position)) {
      if (change === 'DELETED') result.delete(key);
      else result.set(key, object);
    }
    return result;
  }

  /** `object` as a client of `apiVersion` sees it: the same one every time. */
  inVersion(object: Unstructured, apiVersion: string): Unstructured {
    if (object.apiVersion === apiVersion) return object;
    const versions = this.#converted.get(object) ?? new Map<string, Unstructured>();
    const converted = versions.get(apiVersion) ?? this.#convert(object, apiVersion);
    this.#converted.set(object, versions.set(apiVersion, converted));
    return converted;
  }

  #dispatch(type: ResourceType, request: ApiRequest, key: string, old: Unstructured | undefined): ApiResult {
    if (request.verb === 'create') {
      return old === undefined
        ? this.#create(type, key, request.object, request)
        : apiError('AlreadyExists', `${type.resource} "${request.name}" already exists`);
    }
    if (request.verb === 'apply') return this.#apply(type, key, request, old);
    if (old === undefined) return apiError('NotFound', `${type.resource} "${request.name}" not found`);
    switch (request.verb) {
      case 'get':
        return { object: old };
      case 'update':
        return this.#update(type, key, old, this.#stored(type, request.object), request);
      case 'patch': {
        const patched = mergePatch(old, request.patch) as Unstructured;
        return this.#update(type, key, old, patched, request);
      }
      case 'delete':
        return this.#delete(type, key, old, request);
    }
  }

  #create(
    type: ResourceType,
    key: string,
    given: Unstructured,
    { apiVersion, namespace, dryRun = false }: WriteRequest,
  ): ApiResult {
    const home = namespace === undefined ? undefined : this.#namespace(namespace);
    if (type.namespaced && home !== undefined && isDeleting(home)) {
      return apiError('Forbidden', `namespace ${namespace} is being terminated`);
    }
    let object = this.#stored(type, given);
    if (type.statusSubresource && type.custom) object = without(object, 'status');
    if (type.kind === 'Namespace' && !type.custom) {
      object = { ...object, spec: { finalizers: ['kubernetes'] }, status: { phase: 'Active' } };
    }
    object = withMetadata(object, {
      namespace: type.namespaced ? namespace : undefined,
      uid: uuid(this.#options.seed, this.#uids++),
      resourceVersion: undefined,
      generation: type.custom ? 1 : undefined,
      creationTimestamp: this.#timestamp(),
      deletionTimestamp: undefined,
      deletionGracePeriodSeconds: undefined,
      managedFields: undefined,
    });
    return this.#admit(type, object, undefined, { apiVersion }, (admitted) =>
      dryRun ? admitted : this.#put(type, key, admitted, 'ADDED'),
    );
  }

  #update(
    type: ResourceType,
    key: string,
    old: Unstructured,
    given: Unstructured,
    { apiVersion, subresource, dryRun = false }: WriteRequest,
  ): ApiResult {
    const { uid, resourceVersion } = given.metadata;
    if (uid !== undefined && uid !== old.metadata.uid) {
      return apiError(
        'Conflict',
        `${type.resource} "${old.metadata.name}": the UID in the precondition does not match`,
      );
    }
    if (resourceVersion === undefined && type.custom) {
      return apiError(
        'Invalid',
        'metadata.resourceVersion: Invalid value: 0x0: must be specified for an update',
      );
    }
    if (resourceVersion !== undefined && resourceVersion !== old.metadata.resourceVersion) {
      return apiError('Conflict', `${type.resource} "${old.metadata.name}": the object has been modified`);
    }
    const merged = mergeUpdate(type, old, given, subresource);
    return this.#admit(type, merged, old, { apiVersion, subresource }, (admitted) => {
      if (deepEqual(admitted, old)) return old;
      const generation = old.metadata.generation;
      const next =
        generation !== undefined && !sameSpec(type, admitted, old)
          ? withMetadata(admitted, { generation: generation + 1 })
          : admitted;
      if (dryRun) return next;
      return isDeleting(next) && !isHeld(next)
        ? this.#remove(type, key, next)
        : this.#put(type, key, next, 'MODIFIED');
    });
  }

  #apply(
    type: ResourceType,
    key: string,
    request: ApiRequest & { verb: 'apply' },
    old: Unstructured | undefined,
  ): ApiResult {
    const { fieldManager, object, dryRun = false } = request;
    const applied = without(this.#stored(type, object), 'status');
    if (old === undefined && applied.metadata.uid !== undefined) {
      return apiError(
        'Conflict',
        `${type.resource} "${request.name}": uid mismatch: there is no such object`,
      );
    }
    const previous = old && this.#applied.get(old.metadata.uid as string)?.[fieldManager];
    const result =
      old === undefined
        ? this.#create(type, key, applied, request)
        : this.#update(type, key, old, serverSideApply(old, previous, applied, type.atomicMaps), request);
    const uid = result.object?.metadata.uid;
    if (uid !== undefined && !dryRun) {
      this.#applied.set(uid, { ...this.#applied.get(uid), [fieldManager]: applied });
    }
    return result;
  }

  #delete(
    type: ResourceType,
    key: string,
    old: Unstructured,
    request: ApiRequest & { verb: 'delete' },
  ): ApiResult {
    const { uid, resourceVersion, propagationPolicy, user } = request;
    if (uid !== undefined && uid !== old.metadata.uid) {
      return apiError(
        'Conflict',
        `${type.resource} "${request.name}": the UID in the precondition does not match`,
      );
    }
    if (resourceVersion !== undefined && resourceVersion !== old.metadata.resourceVersion) {
      return apiError('Conflict', `${type.resource} "${request.name}": the resourceVersion does not match`);
    }
    const denial = this.#options.admission?.policies?.deny(deletionRequest(type, old, user), this.#ofKind);
    if (denial !== undefined) return denied(type, old, denial);
    const finalizers = old.metadata.finalizers ?? [];
    const collected =
      propagationPolicy === 'Foreground'
        ? FOREGROUND_DELETION
        : propagationPolicy === 'Orphan'
          ? ORPHAN_DEPENDENTS
          : undefined;
    const held =
      collected === undefined || finalizers.includes(collected)
        ? old
        : withMetadata(old, { finalizers: [...finalizers, collected] });
    if (!isHeld(held)) return { object: this.#remove(type, key, old) };
    if (isDeleting(old)) return { object: old };
    const { generation } = old.metadata;
    const marked = withMetadata(held, {
      deletionTimestamp: this.#timestamp(),
      deletionGracePeriodSeconds: 0,
      generation: generation === undefined ? undefined : generation + 1,
    });
    return { object: this.#put(type, key, marked, 'MODIFIED') };
  }

  #admit(
    type: ResourceType,
    given: Unstructured,
    old: Unstructured | undefined,
    { apiVersion, subresource }: WriteRequest,
    write: (admitted: Unstructured) => Unstructured,
  ): ApiResult {
    const { prepare, validate, policies } = this.#options.admission ?? {};
    const request = policies && admissionRequest(type, given, old, subresource);
    const mutated = request ? policies.mutate(request, applyConfiguration) : { object: given };
    if (mutated.denial !== undefined) return denied(type, given, mutated.denial);
    const { object } = mutated;
    let admitted = withoutEmptyMetadata(object);
    const problems = checkMetadata(admitted, old);
    if (type.custom) {
      if (prepare !== undefined) admitted = prepare(admitted);
      if (validate !== undefined) {
        const asAsked = (one: Unstructured) => this.inVersion(one, apiVersion);
        problems.push(...validate(asAsked(admitted), old && asAsked(old)));
      }
    } else if (type.kind === 'Node') {
      const node = admitNode(admitted, old);
      admitted = node.object;
      problems.push(...node.problems);
    } else if (type.kind === 'Namespace') {
      // Whoever makes it, and whatever it says.
      const labels = { ...admitted.metadata.labels, [NAMESPACE_NAME_LABEL]: admitted.metadata.name };
      admitted = withMetadata(admitted, { labels });
    }
    if (problems.length > 0) return invalid(type, object, problems);
    const denial = request && policies.deny({ ...request, object: admitted }, this.#ofKind);
    return denial === undefined ? { object: write(admitted) } : denied(type, admitted, denial);
  }

  /** The objects of a kind; none where there is no such kind. */
  readonly #ofKind = ({
    apiVersion,
    kind,
  }: Pick<Unstructured, 'apiVersion' | 'kind'>): Iterable<Unstructured> => {
    const type = this.resources.findKind(apiVersion, kind);
    return type === undefined ? [] : this.list(type);
  };

  #put(type: ResourceType, key: string, object: Unstructured, change: 'ADDED' | 'MODIFIED'): Unstructured {
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: this.#nextVersion() } };
    const { objects, log } = this.#table(type);
    objects.set(key, stored);
    log.push({ type: change, key, object: stored });
    return stored;
  }

  #remove(type: ResourceType, key: string, object: Unstructured): Unstructured {
    const last = withMetadata(object, { resourceVersion: this.#nextVersion() });
    const { objects, log } = this.#table(type);
    objects.delete(key);
    log.push({ type: 'DELETED', key, object: last });
    this.#applied.delete(object.metadata.uid as string);
    return last;
  }

  /** The same text for all that happens at a time. */
  #timestamp(): string {
    const now = this.#options.now();
    if (this.#latest.at !== now) this.#latest = { at: now, text: formatTime(now) };
    return this.#latest.text;
  }

  /** Counts every event of every type. */
  get version(): number {
    return this.#resourceVersion;
  }

  #nextVersion(): string {
    return String(++this.#resourceVersion);
  }

  #table(type: ResourceType): Table {
    return this.#tables.get(type) as Table;
  }

  #namespace(name: string): Unstructured | undefined {
    return this.#table(this.resources.get('v1', 'namespaces')).objects.get(name);
  }

  /** `object` in the storage version. */
  #stored(type: ResourceType, object: Unstructured): Unstructured {
    const storage = type.apiVersions[0] as string;
    return object.apiVersion === storage ? object : this.#convert(object, storage);
  }

  #convert(object: Unstructured, apiVersion: string): Unstructured {
    return this.#options.admission?.convert?.(object, apiVersion) ?? { ...object, apiVersion };
  }
}

/** Finalizers of the garbage collector: of an object whose dependents go first, and of one whose dependents stay. */
export const FOREGROUND_DELETION = 'foregroundDeletion';
export const ORPHAN_DEPENDENTS = 'orphan';

function keyOf(
  type: ResourceType,
  { namespace, name }: { namespace?: string | undefined; name: string },
): string {
  return type.namespaced ? `${namespace}/${name}` : name;
}

/** Whether something must still happen before the object may go. */
function isHeld(object: Unstructured): boolean {
  const namespaceFinalizers =
    object.kind === 'Namespace' ? (object.spec as { finalizers?: string[] }).finalizers : [];
  return (object.metadata.finalizers?.length ?? 0) + (namespaceFinalizers?.length ?? 0) > 0;
}

function mergeUpdate(
  type: ResourceType,
  old: Unstructured,
  given: Unstructured,
  subresource: 'status' | undefined,
): Unstructured {
  const withStatus = (object: Unstructured, status: unknown) =>
    status === undefined ? without(object, 'status') : { ...object, status };
  if (subresource === 'status' && type.custom) return withStatus(old, given.status);
  const system: Record<string, unknown> = {
    resourceVersion: old.metadata.resourceVersion,
    managedFields: undefined,
  };
  for (const field of SYSTEM_METADATA) system[field] = (old.metadata as object as JsonMap)[field];
  const update = withMetadata(given, {
    ...system,
    name: old.metadata.name,
    namespace: old.metadata.namespace,
  });
  // The status of a built-in kind may change its metadata too, but not its spec.
  if (subresource === 'status') return { ...old, metadata: update.metadata, status: given.status };
  return type.statusSubresource ? withStatus(update, old.status) : update;
}

function sameSpec({ statusSubresource }: ResourceType, a: Unstructured, b: Unstructured): boolean {
  for (const field in { ...a, ...b }) {
    const isSpec = field !== 'metadata' && !(statusSubresource && field === 'status');
    if (isSpec && !deepEqual(a[field], b[field])) return false;
  }
  return true;
}
