/**
 * One process's cache of one resource type: it knows the world as of some position in the store's log, and
 * whoever holds it decides when it hears more.
 */
import { controllerOf, qualifiedName } from '../kubernetes/object.ts';
import { entryOf } from './entry-of.ts';
import { LazyIndex } from './lazy-index.ts';
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
  /** By what they find objects by. */
  readonly #indexes = new Map<string, LazyIndex>();
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
    return this.#find(
      'owner',
      ({ metadata }) => metadata.ownerReferences?.map((owner) => owner.uid) ?? [],
      uid,
    );
  }

  /** Objects without a controller. */
  orphans(): Iterable<Unstructured> {
    const orphan = 'orphan';
    return this.#find(orphan, (object) => (controllerOf(object) === undefined ? [orphan] : []), orphan);
  }

  /** Objects with the label `key: value`, of one namespace or of all. */
  withLabel(key: string, value: string, namespace?: string): Iterable<Unstructured> {
    const valuesOf = ({ metadata: { labels } }: Unstructured) =>
      labels?.[key] === undefined ? [] : [labels[key]];
    return this.#find(`label ${key}`, valuesOf, value, namespace);
  }

  /** Objects with the label `key`, whatever its value. */
  withLabelKey(key: string, namespace?: string): Iterable<Unstructured> {
    return this.#find('label', ({ metadata }) => Object.keys(metadata.labels ?? {}), key, namespace);
  }

  /** Objects without the label `key`. */
  withoutLabelKey(key: string, namespace?: string): Iterable<Unstructured> {
    const valuesOf = ({ metadata: { labels } }: Unstructured) => (labels?.[key] === undefined ? [key] : []);
    return this.#find(`no label ${key}`, valuesOf, key, namespace);
  }

  #find(
    what: string,
    valuesOf: (object: Unstructured) => readonly string[],
    value: string,
    namespace?: string,
  ): Iterable<Unstructured> {
    if (namespace === undefined) {
      const index = entryOf(this.#indexes, what, () => new LazyIndex(valuesOf));
      return index.find(value, this.#objects);
    }
    const placed = (home: string | undefined, each: string) => `${home}/${each}`;
    const index = entryOf(
      this.#indexes,
      `${what} by namespace`,
      () =>
        new LazyIndex((object) => valuesOf(object).map((each) => placed(object.metadata.namespace, each))),
    );
    return index.find(placed(namespace, value), this.#objects);
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
    if (event.type === 'DELETED') this.#forget(event.key, object, false);
    else this.#learn(event.key, object);
  }

  #learn(key: string, object: Unstructured): void {
    const old = this.#objects.get(key);
    this.#objects.set(key, object);
    if (old === undefined || !sharesPlaces(old.metadata, object.metadata)) {
      for (const index of this.#indexes.values()) {
        if (old !== undefined) index.remove(key, old);
        index.add(key, object);
      }
    }
    for (const handler of this.#handlers) {
      if (old === undefined) handler.add(object);
      else handler.update(old, object);
    }
  }

  #forget(key: string, last: Unstructured, missed: boolean): void {
    const old = this.#objects.get(key);
    if (old === undefined) return;
    this.#objects.delete(key);
    for (const index of this.#indexes.values()) index.remove(key, old);
    for (const handler of this.#handlers) handler.delete(last, missed);
  }
}

/** Whether nothing has changed that objects are found by. */
function sharesPlaces(old: Unstructured['metadata'], current: Unstructured['metadata']): boolean {
  return old.labels === current.labels && old.ownerReferences === current.ownerReferences;
}
