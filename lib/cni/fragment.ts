import { isObject } from '../json.ts';
import { type Bytes, encode } from './bytes.ts';

/**
 * Strings are kept as they are; bare keys gain quotes; commas before an end go. Each alternative looks at a character
 * once, even of a string that does not end.
 */
const TOKEN = /"(?:[^"\\]|\\[\s\S])*"?|\b([A-Za-z_][A-Za-z0-9_]*)\b(?=\s*:)|,(?=\s*(?:[}\]]|$))/g;

/**
 * The members of a JSON object, with or without its braces, as an object in JSON, each value as it is written:
 * `ranges: [[{"subnet": "10.0.0.0/24"}]], `. Keys may be bare and commas may trail; everything else is JSON.
 *
 * Throws SyntaxError.
 */
export function fragmentJson(text: string): Bytes {
  const strict = text
    .trim()
    .replace(TOKEN, (token, key?: string) => (key === undefined ? token.replace(/^,$/, '') : `"${key}"`));
  const json = strict.startsWith('{') ? strict : `{${strict}}`;
  if (!isObject(JSON.parse(json))) throw new SyntaxError('not the members of an object');
  return encode(json);
}
