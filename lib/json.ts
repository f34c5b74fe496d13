/**
 * JSON with exact integers.
 *
 * Counts of IPv6 addresses reach 2^63 - 1, which a double cannot hold: `JSON.parse` would round it up and the
 * API server would refuse it as an overflow. Such integers travel as `RawJson`.
 */

declare global {
  interface JSON {
    rawJSON(text: string): RawJson;
    isRawJSON(value: unknown): value is RawJson;
  }
}

/** An integer outside the safe range, as its text. `JSON.stringify` writes the text as it is. */
export interface RawJson {
  readonly rawJSON: string;
}

export type JsonObject = { readonly [key: string]: unknown };

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `value` as JSON can hold it exactly: a number, or raw text beyond 2^53. */
export function exactInteger(value: bigint): number | RawJson {
  return value <= BigInt(Number.MAX_SAFE_INTEGER) && value >= -BigInt(Number.MAX_SAFE_INTEGER)
    ? Number(value)
    : JSON.rawJSON(String(value));
}

const LONG_INTEGER = /[0-9]{16}/;

/** `JSON.parse` that keeps integers outside the safe range exact. Throws SyntaxError like `JSON.parse`. */
export function parseJson(text: string): unknown {
  if (!LONG_INTEGER.test(text)) return JSON.parse(text);
  return JSON.parse(text, function keepExact(this: unknown, _key, value, context?: { source?: string }) {
    const source = context?.source;
    return typeof value === 'number' && !Number.isSafeInteger(value) && /^-?[0-9]+$/.test(source ?? '')
      ? JSON.rawJSON(source as string)
      : value;
  });
}

/** Equality of JSON values; a field that is `undefined` is absent. */
export function deepEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
    return a.every((item, index) => deepEqual(item, b[index]));
  }
  const left = a as Readonly<Record<string, unknown>>;
  const right = b as Readonly<Record<string, unknown>>;
  for (const key in left) if (!deepEqual(left[key], right[key])) return false;
  for (const key in right) if (right[key] !== undefined && left[key] === undefined) return false;
  return true;
}

/**
 * `value` as JSON would carry it: nothing in it is `undefined`. Parts that need no change are shared with `value`. Throws
 * TypeError for what JSON has no text for.
 */
export function asJson(value: unknown): unknown {
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  if (typeof value !== 'object') throw new TypeError(`JSON has no ${String(value)}`);
  if (value === null || JSON.isRawJSON(value)) return value;
  if (Array.isArray(value)) {
    let items: unknown[] | undefined;
    for (let i = 0; i < value.length; i++) {
      const carried = value[i] === undefined ? null : asJson(value[i]);
      if (carried !== value[i]) items ??= value.slice(0, i);
      items?.push(carried);
    }
    return items ?? value;
  }
  if ('toJSON' in value) return asJson((value.toJSON as () => unknown)());
  const object = value as Readonly<Record<string, unknown>>;
  let copy: Record<string, unknown> | undefined;
  for (const key in object) {
    const field = object[key];
    const carried = field === undefined ? undefined : asJson(field);
    if (carried !== undefined && carried === field && copy === undefined) continue;
    copy ??= fieldsBefore(object, key);
    if (carried !== undefined) copy[key] = carried;
  }
  return copy ?? value;
}

function fieldsBefore(object: Readonly<Record<string, unknown>>, end: string): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (const key in object) {
    if (key === end) break;
    fields[key] = object[key];
  }
  return fields;
}

/** `value` as plain rules can judge it: a null field counts as absent, and long integers are doubles. */
export function plainJson(value: unknown): unknown {
  return isPlain(value) ? value : toPlain(value);
}

/** Whether nothing is to be done, as for most objects. */
function isPlain(value: unknown): boolean {
  if (typeof value !== 'object') return true;
  if (value === null || JSON.isRawJSON(value)) return false;
  if (Array.isArray(value)) return value.every(isPlain);
  for (const key in value) {
    const field = (value as Record<string, unknown>)[key];
    if (key === '__proto__' || field === null || field === undefined || !isPlain(field)) return false;
  }
  return true;
}

function toPlain(value: unknown): unknown {
  // Rounded down, so that 2^63 - 1 does not become 2^63.
  if (JSON.isRawJSON(value)) return Number((BigInt(value.rawJSON) >> 11n) << 11n);
  if (Array.isArray(value)) return value.map(toPlain);
  if (typeof value !== 'object' || value === null) return value;
  const object: Record<string, unknown> = Object.create(null); // __proto__ is a field like others.
  for (const [key, field] of Object.entries(value)) {
    if (field !== null && field !== undefined) object[key] = toPlain(field);
  }
  return object;
}
