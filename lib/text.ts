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

/** The candidate that a word was most likely meant to be, in whatever case; undefined when none has much of it. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  const given = word.toLowerCase();
  const [best] = [...candidates]
    .map((candidate) => ({ candidate, ...unlikeness(given, candidate.toLowerCase()) }))
    .filter(({ distance, length }) => distance < given.length && distance <= Math.max(2, length / 3))
    .sort((a, b) => a.distance - b.distance);
  return best?.candidate;
}

/** How far two words are apart, and how long the first is without what both begin with. */
function unlikeness(word: string, other: string): { readonly distance: number; readonly length: number } {
  let same = 0;
  while (same < word.length && word[same] === other[same]) same++;
  return { distance: editDistance(word.slice(same), other.slice(same)), length: word.length - same };
}

/** ` (did you mean X?)`, or nothing when no candidate is near. */
export function suggestion(word: string, candidates: Iterable<string>): string {
  const candidate = nearest(word, candidates);
  return candidate === undefined ? '' : ` (did you mean ${candidate}?)`;
}

/** Levenshtein distance. */
export function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substitution, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
