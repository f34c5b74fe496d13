import {
  expressionsOf,
  fieldsOf,
  labelOf,
  meetsTerm,
  type SelectableNode,
  type SelectorTerm,
} from './selector.ts';

/**
 * Finds the terms that hold for a node without trying those that cannot.
 *
 * Each term waits at one of its requirements that only a label, or the name, of a node can meet: `In` at each of
 * its values, `Exists`, `Gt` and `Lt` at the key. Of several it is the one where the fewest terms wait, so that
 * `kubernetes.io/os In [linux]` does not gather them all. Terms that an absent label can meet, requirement by
 * requirement, are tried for every node.
 */
export class TermIndex<T> {
  readonly #waiting = new Map<string, Waiting<T>>();
  readonly #always: { readonly term: SelectorTerm; readonly owner: T }[] = [];

  add(term: SelectorTerm, owner: T): void {
    const [first, ...others] = placesOf(term);
    if (first === undefined) {
      this.#always.push({ term, owner });
      return;
    }
    let best = first;
    for (const place of others) {
      const difference = this.#crowdAt(place) - this.#crowdAt(best) || place.length - best.length;
      if (difference < 0) best = place;
    }
    for (const name of best) {
      const next = this.#waiting.get(name);
      this.#waiting.set(name, { term, owner, next, count: 1 + (next?.count ?? 0) });
    }
  }

  /**
   * Calls `found` for each term that holds, perhaps more than once.
   *
   * @param keys of the node's labels those that terms speak of
   */
  find(node: SelectableNode, keys: readonly string[], found: (owner: T, term: SelectorTerm) => void): void {
    for (const { term, owner } of this.#always) if (meetsTerm(term, node)) found(owner, term);
    const names = keys.flatMap((key) => [key, labelName(key, labelOf(node, key) ?? '')]);
    for (const name of [fieldName(node.name), ...names]) {
      for (let each = this.#waiting.get(name); each !== undefined; each = each.next) {
        if (meetsTerm(each.term, node)) found(each.owner, each.term);
      }
    }
  }

  /** The most terms that wait at one name of the place. */
  #crowdAt(place: Place): number {
    return place.reduce((most, name) => Math.max(most, this.#waiting.get(name)?.count ?? 0), 0);
  }
}

/** A list, for most names have one term: an array would be twice the size. */
interface Waiting<T> {
  readonly term: SelectorTerm;
  readonly owner: T;
  readonly next: Waiting<T> | undefined;
  readonly count: number;
}

/** The names under which a node that meets a requirement looks for it. */
type Place = readonly string[];

function placesOf(term: SelectorTerm): Place[] {
  const places: Place[] = [];
  for (const { key, operator, values } of expressionsOf(term)) {
    if (operator === 'In') places.push((values ?? []).map((value) => labelName(key, value)));
    else if (operator !== 'NotIn' && operator !== 'DoesNotExist') places.push([key]);
  }
  for (const { operator, values } of fieldsOf(term)) {
    if (operator === 'In') places.push((values ?? []).map(fieldName));
  }
  return places;
}

/** Neither keys of labels nor names of nodes have `=` in them. */
function labelName(key: string, value: string): string {
  return `${key}=${value}`;
}

function fieldName(name: string): string {
  return labelName('', name);
}
