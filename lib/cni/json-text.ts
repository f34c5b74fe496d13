/**
 * JSON objects as texts, of which members are replaced while all else stays as it is written: numbers that no double
 * holds, spaces, and bytes that are no UTF-8. Every text here has to be one that `JSON.parse` takes for an object.
 */
import { type Bytes, decode, toJson } from './bytes.ts';

interface Member {
  readonly key: string;
  /** From the quote of the key to the end of the value. */
  readonly text: Bytes;
  readonly value: Bytes;
}

/** The members in their order; a key may come twice. */
export function membersOf(json: Bytes): readonly Member[] {
  const members: Member[] = [];
  let at = json.indexOf('{') + 1;
  for (;;) {
    const start = skip(NOT_QUOTE, json, at);
    if (json[start] !== '"') return members;
    const keyEnd = endOfString(json, start);
    const valueStart = skip(COLON, json, keyEnd);
    at = endOfValue(json, valueStart);
    members.push({
      key: JSON.parse(decode(json.slice(start, keyEnd))),
      text: json.slice(start, at),
      value: json.slice(valueStart, at),
    });
  }
}

/** Whether Go's decoder takes one key for the other: it does not look at the case. */
export function isSameKey(a: string, b: string): boolean {
  return a === b || a.toUpperCase().toLowerCase() === b.toUpperCase().toLowerCase();
}

/** The object with one member of the key, in any case, where the first of them was, or else at the end. */
export function withMember(json: Bytes, key: string, value: Bytes): Bytes {
  const members = membersOf(json);
  const first = members.findIndex((member) => isSameKey(member.key, key));
  const others = members.filter((member) => !isSameKey(member.key, key)).map(({ text }) => text);
  others.splice(first < 0 ? others.length : first, 0, `${toJson(members[first]?.key ?? key)}:${value}`);
  return toObject(others);
}

/** An object of members as `membersOf` has their texts. */
export function toObject(members: readonly Bytes[]): Bytes {
  return `{${members.join(',')}}`;
}

const NOT_QUOTE = /[\s,]*/y;
const COLON = /\s*:\s*/y;
const STRUCTURE = /["{}[\]]/g;
const AFTER_SCALAR = /[\s,}\]]/g;

function skip(pattern: RegExp, json: Bytes, at: number): number {
  pattern.lastIndex = at;
  pattern.test(json);
  return pattern.lastIndex;
}

/** Where a string ends that begins at `at`: after its quote. */
function endOfString(json: Bytes, at: number): number {
  for (let end = at; ; ) {
    end = json.indexOf('"', end + 1);
    let backslashes = 0;
    while (json[end - 1 - backslashes] === '\\') backslashes++;
    if (backslashes % 2 === 0) return end + 1;
  }
}

function endOfValue(json: Bytes, at: number): number {
  if (json[at] === '"') return endOfString(json, at);
  if (json[at] !== '{' && json[at] !== '[') return skip(AFTER_SCALAR, json, at) - 1;
  let depth = 0;
  for (let next = at; ; ) {
    STRUCTURE.lastIndex = next;
    const { index } = STRUCTURE.exec(json)!;
    if (json[index] === '"') {
      next = endOfString(json, index);
      continue;
    }
    depth += json[index] === '{' || json[index] === '[' ? 1 : -1;
    next = index + 1;
    if (depth === 0) return next;
  }
}
