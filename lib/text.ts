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

/** At most 1024 characters: a status has room for a sentence, not for whatever a user wrote. */
export function shorten(message: string): string {
  if (message.length <= LONGEST_MESSAGE) return message;
  return `${message.slice(0, LONGEST_MESSAGE - 1).toWellFormed()}…`;
}
