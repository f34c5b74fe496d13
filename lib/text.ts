/** Parts of messages for people. */

const LONGEST_MESSAGE = 1024;

/** The first few of the items. */
export function listSome(items: readonly string[], most = 3): string {
  const shown = items.slice(0, most).join(', ');
  return items.length > most ? `${shown} and ${items.length - most} more` : shown;
}

/** `1 node`, `2 nodes`. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** Lines of at most `width` characters, but for words that are longer. `length`: of a text as it is seen. */
export function wrap(text: string, width: number, length = (text: string) => text.length): string[] {
  const lines: string[] = [''];
  for (const word of text.split(' ')) {
    const line = lines.at(-1)!;
    if (line !== '' && length(line) + 1 + length(word) > width) lines.push(word);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines;
}

/** At most 1024 characters: a status has room for a sentence, not for whatever a user wrote. */
export function shorten(message: string): string {
  if (message.length <= LONGEST_MESSAGE) return message;
  return `${message.slice(0, LONGEST_MESSAGE - 1).toWellFormed()}…`;
}

/** The most letters that a word may be off. */
const MOST_MISTAKES = 2;
/** Of that many letters one may be a mistake, and so many are enough to begin a word with. */
const LETTERS_OF_ONE = 3;

/**
 * The candidate that a word was most likely meant to be, in whatever case, or the beginning of; undefined when none is
 * near. Folders, namespaces or kinds that are right say nothing of the name behind them.
 */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  const given = word.toLowerCase();
  const [best] = [...candidates]
    .flatMap((candidate) => {
      const other = candidate.toLowerCase();
      const start = given.lastIndexOf('/') + 1;
      const [name, meant] = other.startsWith(given.slice(0, start))
        ? [given.slice(start), other.slice(start)]
        : [given, other];
      const distance = editDistance(name, meant);
      const limit = Math.min(MOST_MISTAKES, Math.floor(name.length / LETTERS_OF_ONE));
      const isNear = distance <= limit || (name.length >= LETTERS_OF_ONE && meant.startsWith(name));
      return isNear ? [{ candidate, distance }] : [];
    })
    .sort((a, b) => a.distance - b.distance);
  return best?.candidate;
}

/** ` (did you mean X?)`, or nothing when no candidate is near. */
export function suggestion(word: string, candidates: Iterable<string>): string {
  const candidate = nearest(word, candidates);
  return candidate === undefined ? '' : ` (did you mean ${candidate}?)`;
}

/** How many letters to add, take away, replace or swap with their neighbour make one text of the other. */
export function editDistance(a: string, b: string): number {
  let [before, row]: number[][] = [[], Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = row![j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swap = isSwap ? before![j - 2]! + 1 : Number.POSITIVE_INFINITY;
      next.push(Math.min(substitution, swap, row![j]! + 1, next[j - 1]! + 1));
    }
    [before, row] = [row, next];
  }
  return row![b.length]!;
}

/** The end of a sentence about one resource that is true of these as well. */
export function norOthers(plurals: readonly string[]): string {
  return plurals.length === 0 ? '' : `; nor ${plurals.join(', ')}`;
}
