/** The maps of objects in Metacontroller's requests: by kind, then by `namespace/name` (hook version v2). */
import { compareText, groupOf, qualifiedName } from '../kubernetes/object.ts';
import { entryOf } from './entry-of.ts';
import type { Unstructured } from './object.ts';

interface ObjectGroup {
  readonly apiVersion: string;
  readonly kind: string;
  readonly objects: Map<string, Unstructured>;
}

export class ObjectGroups {
  readonly #groups = new Map<string, ObjectGroup>();
  /** Objects of a kind come one after the other. */
  #latest: ObjectGroup | undefined;

  static of(objects: Iterable<Unstructured>): ObjectGroups {
    const groups = new ObjectGroups();
    for (const object of objects) groups.insert(object);
    return groups;
  }

  /** The group of a kind, there from now on even without objects. */
  group(apiVersion: string, kind: string): ObjectGroup {
    if (this.#latest?.kind !== kind || this.#latest.apiVersion !== apiVersion) {
      this.#latest = entryOf(this.#groups, `${kind}.${apiVersion}`, () => ({
        apiVersion,
        kind,
        objects: new Map<string, Unstructured>(),
      }));
    }
    return this.#latest;
  }

  insert(object: Unstructured): void {
    this.group(object.apiVersion, object.kind).objects.set(qualifiedName(object.metadata), object);
  }

  find(apiVersion: string, kind: string, key: string): Unstructured | undefined {
    return this.#groups.get(`${kind}.${apiVersion}`)?.objects.get(key);
  }

  /** Groups by API group, version and kind. */
  sorted(): ObjectGroup[] {
    const groups = [...this.#groups.values()];
    if (groups.length < 2) return groups;
    return groups.sort(
      (a, b) =>
        compareText(groupOf(a.apiVersion), groupOf(b.apiVersion)) ||
        compareText(a.apiVersion, b.apiVersion) ||
        compareText(a.kind, b.kind),
    );
  }

  /** For JSON, with sorted keys as Go writes maps. */
  sortedMaps(): Record<string, Record<string, Unstructured>> {
    return sortedRecord(this.#groups, ({ objects }) => sortedRecord(objects, (object) => object));
  }
}

function sortedRecord<T, R>(map: ReadonlyMap<string, T>, read: (item: T) => R): Record<string, R> {
  // With a prototype, V8 makes a shape for every name that there is.
  const record: Record<string, R> = Object.create(null);
  const keys = map.size < 2 ? map.keys() : [...map.keys()].sort();
  for (const key of keys) record[key] = read(map.get(key)!);
  return record;
}
