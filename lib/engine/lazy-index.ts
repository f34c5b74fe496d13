import type { Unstructured } from './object.ts';
import { TextSets } from './text-sets.ts';

/** Objects by what `valuesOf` finds in them. It costs nothing until somebody asks. */
export class LazyIndex {
  readonly #valuesOf: (object: Unstructured) => Iterable<string>;
  /** The objects' keys by value. */
  #keys: TextSets | undefined;

  constructor(valuesOf: (object: Unstructured) => Iterable<string>) {
    this.#valuesOf = valuesOf;
  }

  /** @param all every object, by its key, which the index is made of at the first call */
  find(value: string, all: ReadonlyMap<string, Unstructured>): Unstructured[] {
    if (this.#keys === undefined) {
      this.#keys = new TextSets();
      for (const [key, object] of all) this.add(key, object);
    }
    const found: Unstructured[] = [];
    for (const key of this.#keys.get(value)) found.push(all.get(key)!);
    return found;
  }

  add(key: string, object: Unstructured): void {
    if (this.#keys === undefined) return;
    for (const value of this.#valuesOf(object)) this.#keys.add(value, key);
  }

  remove(key: string, object: Unstructured): void {
    if (this.#keys === undefined) return;
    for (const value of this.#valuesOf(object)) this.#keys.delete(value, key);
  }
}
