/**
 * A text whose characters are bytes, 0 to 255. What is passed on to another program is kept so, because not everything
 * that comes from outside is UTF-8.
 */
export type Bytes = string;

const REPLACEMENT = '\ufffd';

const BEYOND_ASCII = /[\x80-\xff]+/g;
/** Of those, a character of UTF-8, or a byte that belongs to none. */
const CHARACTER =
  /[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}|[\x80-\xff]/g;

/** The text in UTF-8; a byte that belongs to no character becomes U+FFFD. */
export function decode(bytes: Bytes): string {
  return bytes.replace(BEYOND_ASCII, (run) => run.replace(CHARACTER, decodeCharacter));
}

function decodeCharacter(bytes: Bytes): string {
  if (bytes.length === 1) return REPLACEMENT;
  return decodeURIComponent(bytes.replace(/[\x80-\xff]/g, (byte) => `%${byte.charCodeAt(0).toString(16)}`));
}

/** The bytes of a text in UTF-8; half a surrogate pair becomes U+FFFD. */
export function encode(text: string): Bytes {
  return text.replace(/[^\0-\x7f]/gu, (character) =>
    encodeURIComponent(/\p{Surrogate}/u.test(character) ? REPLACEMENT : character).replace(
      /%(..)/g,
      (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)),
    ),
  );
}

/** JSON, in UTF-8. */
export function toJson(value: unknown): Bytes {
  return encode(JSON.stringify(value));
}
