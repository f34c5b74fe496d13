/**
 * One process's cache of one resource type: it knows the world as of some position in the store's log, and
 * whoever holds it decides when it hears more.
 */
import { controllerOf, qualifiedName } from '../kubernetes/object.ts';
import type { Unstructured } from './object.ts';
import type { ResourceType } from './resources.ts';
import type { Store, StoreEvent } from './store.ts';

interface EventHandler {
  add(object: Unstructured): void;
  /** After a relist also for objects that did not change. */
  update(old: Unstructured, current: Unstructured): void;
  /** `missed`: found gone by a relist; `object` is then the last state the cache had. */
  delete(object: Unstructured, missed: boolean): void;
}

export class Informer {
  readonly type: ResourceType;
  readonly apiVersion: string;
  readonly #store: Store;
  readonly #log: readonly StoreEvent[];
  readonly #objects = new Map<string, Unstructured>();
  readonly #byOwner: Index = new Map();
  readonly #orphans = new Map<string, Unstructured>();
  /** By label key, for the keys that were asked for, then by value. */
  readonly #byLabel = new Map<string, Index>();
  /** By label key, for all keys, once one was asked for. */
  #byLabelKey: Index | undefined;
  readonly #handlers: EventHandler[] = [];
  #position = -1;

  constructor(store: Store, type: ResourceType, apiVersion: string) {
    this.#store = store;
    this.#log = store.log(type);
    this.type = type;
    this.apiVersion = apiVersion;
  }

  /** Whether the first list has arrived. */
  get synced(): boolean {
    return this.#position >= 0;
  }

  /** How many deliveries it is behind: the first list counts as one. */
  get pending(): number {
    return this.synced ? this.#log.length - this.#position : 1;
  }

  /** How far it has heard: an index into the store's log of the type; -1 before the first list. */
  get position(): number {
    return this.#position;
  }

  addHandler(handler: EventHandler): void {
    this.#handlers.push(handler);
  }

  get(namespace: string | undefined, name: string): Unstructured | undefined {
    return this.#objects.get(qualifiedName({ name, namespace: namespace ?? '' }));
  }

  list(): IterableIterator<Unstructured> {
    return this.#objects.values();
  }

  /** Objects that name `uid` among their owners, as controller or not. */
  ownedBy(uid: string): Iterable<Unstructured> {
    return this.#byOwner.get(uid)?.values() ?? [];
  }

  /** Objects without a controller. */
  orphans(): Iterable<Unstructured> {
    return this.#orphans.values();
  }

  /** Objects with the label `key: value`. */
  withLabel(key: string, value: string): Iterable<Unstructured> {
    let values = this.#byLabel.get(key);
    if (values === undefined) {
      values = new Map();
      this.#byLabel.set(key, values);
      for (const [name, object] of this.#objects) insert(values, object.metadata.labels?.[key], name, object);
    }
    return values.get(value)?.values() ?? [];
  }

  /** Objects with the label `key`, whatever its value. */
  withLabelKey(key: string): Iterable<Unstructured> {
    if (this.#byLabelKey === undefined) {
      this.#byLabelKey = new Map();
      for (const [name, object] of this.#objects) insertKeys(this.#byLabelKey, name, object);
    }
    return this.#byLabelKey.get(key)?.values() ?? [];
  }

  /** Hears the next `count` events, or its first list. */
  deliver(count = 1): void {
    if (!this.synced) this.relist(this.#log.length);
    for (const end = Math.min(this.#log.length, this.#position + count); this.#position < end; ) {
      this.#hear(this.#position++);
    }
  }

  /** Hears its last event once more. */
  repeat(): void {
    if (this.#position > 0) this.#hear(this.#position - 1);
  }

  /**
   * Lists anew, seeing the world as of `position` in the log: what happened in between is coalesced. A cache
   * that has heard more than `position` does not go back, as a reflector asks for nothing older than it has.
   */
  relist(position: number): void {
    this.#position = Math.max(position, this.#position);
    const snapshot = this.#store.snapshot(this.type, this.#position);
    for (const [key, object] of this.#objects) {
      if (!snapshot.has(key)) this.#forget(key, object, true);
    }
    for (const [key, object] of snapshot) this.#learn(key, this.#store.inVersion(object, this.apiVersion));
  }

  #hear(position: number): void {
    const event = this.#log[position];
    if (event === undefined) return;
    const object = this.#store.inVersion(event.object, this.apiVersion);
    const key = qualifiedName(object.metadata);
    if (event.type === 'DELETED') this.#forget(key, object, false);
    else this.#learn(key, object);
  }

  #learn(key: string, object: Unstructured): void {
    const old = this.#objects.get(key);
    if (old !== undefined) this.#unindex(key, old);
    this.#objects.set(key, object);
    for (const { uid } of object.metadata.ownerReferences ?? []) insert(this.#byOwner, uid, key, object);
    for (const [label, values] of this.#byLabel) insert(values, object.metadata.labels?.[label], key, object);
    if (this.#byLabelKey !== undefined) insertKeys(this.#byLabelKey, key, object);
    if (controllerOf(object) === undefined) this.#orphans.set(key, object);
    for (const handler of this.#handlers) {
      if (old === undefined) handler.add(object);
      else handler.update(old, object);
    }
  }

  #forget(key: string, last: Unstructured, missed: boolean): void {
    const old = this.#objects.get(key);
    if (old === undefined) return;
    this.#unindex(key, old);
    this.#objects.delete(key);
    for (const handler of this.#handlers) handler.delete(last, missed);
  }

  #unindex(key: string, object: Unstructured): void {
    this.#orphans.delete(key);
    for (const { uid } of object.metadata.ownerReferences ?? []) remove(this.#byOwner, uid, key);
    for (const [label, values] of this.#byLabel) remove(values, object.metadata.labels?.[label], key);
    if (this.#byLabelKey === undefined) return;
    for (const label of Object.keys(object.metadata.labels ?? {})) remove(this.#byLabelKey, label, key);
  }
}

type Index = Map<string, Map<string, Unstructured>>;

function insert(index: Index, value: string | undefined, key: string, object: Unstructured): void {
  if (value === undefined) return;
  const entries = index.get(value);
  if (entries === undefined) index.set(value, new Map([[key, object]]));
  else entries.set(key, object);
}

function insertKeys(index: Index, key: string, object: Unstructured): void {
  for (const label of Object.keys(object.metadata.labels ?? {})) insert(index, label, key, object);
}

function remove(index: Index, value: string | undefined, key: string): void {
  if (value === undefined) return;
  const entries = index.get(value);
  entries?.delete(key);
  if (entries?.size === 0) index.delete(value);
}
