/** Sets of texts by text. Most have one, which then costs no set. */
export class TextSets {
  readonly #sets = new Map<string, string | Set<string>>();

  /** In the order in which they came. */
  get(key: string): Iterable<string> {
    const texts = this.#sets.get(key) ?? [];
    return typeof texts === 'string' ? [texts] : texts;
  }

  keys(): Iterable<string> {
    return this.#sets.keys();
  }

  add(key: string, text: string): void {
    const texts = this.#sets.get(key);
    if (texts === undefined) this.#sets.set(key, text);
    else if (typeof texts !== 'string') texts.add(text);
    else if (texts !== text) this.#sets.set(key, new Set([texts, text]));
  }

  delete(key: string, text: string): void {
    const texts = this.#sets.get(key);
    if (texts === text || (texts instanceof Set && texts.delete(text) && texts.size === 0)) {
      this.#sets.delete(key);
    }
  }
}
