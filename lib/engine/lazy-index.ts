import type { Unstructured } from './object.ts';

/** Objects by what `valuesOf` finds in them. It costs nothing until somebody asks. */
export class LazyIndex {
  readonly #valuesOf: (object: Unstructured) => Iterable<string>;
  /** By value, then by the object's key. */
  #entries: Map<string, Map<string, Unstructured>> | undefined;

  constructor(valuesOf: (object: Unstructured) => Iterable<string>) {
    this.#valuesOf = valuesOf;
  }

  /** @param all every object, by its key, which the index is made of at the first call */
  find(value: string, all: ReadonlyMap<string, Unstructured>): Iterable<Unstructured> {
    if (this.#entries === undefined) {
      this.#entries = new Map();
      for (const [key, object] of all) this.add(key, object);
    }
    return this.#entries.get(value)?.values() ?? [];
  }

  add(key: string, object: Unstructured): void {
    if (this.#entries === undefined) return;
    for (const value of this.#valuesOf(object)) {
      const entries = this.#entries.get(value);
      if (entries === undefined) this.#entries.set(value, new Map([[key, object]]));
      else entries.set(key, object);
    }
  }

  remove(key: string, object: Unstructured): void {
    if (this.#entries === undefined) return;
    for (const value of this.#valuesOf(object)) {
      const entries = this.#entries.get(value);
      entries?.delete(key);
      if (entries?.size === 0) this.#entries.delete(value);
    }
  }
}
