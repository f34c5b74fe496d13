/** Objects as the API server holds them, of any kind, and the few things done to all of them. */
import type { KubernetesObject } from '../kubernetes/object.ts';

export { deepEqual } from '../json.ts';

/** An object of a kind the engine knows nothing about. Never mutated: a write makes a new one. */
export interface Unstructured extends KubernetesObject {
  readonly [field: string]: unknown;
}

export type JsonMap = Readonly<Record<string, unknown>>;

/** Whether `value` is a JSON object. Integers kept as raw text are not. */
export function isMap(value: unknown): value is JsonMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !('rawJSON' in value);
}

/** JSON with sorted keys, as Go writes maps. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(withSortedKeys(value));
}

function withSortedKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withSortedKeys);
  if (!isMap(value)) return value;
  const sorted: Record<string, unknown> = {};
  for (const key of Object.keys(value).sort()) sorted[key] = withSortedKeys(value[key]);
  return sorted;
}

/** `object` with some metadata replaced; `undefined` removes a field. */
export function withMetadata<T extends KubernetesObject>(object: T, changes: JsonMap): T {
  const all: JsonMap = { ...object.metadata, ...changes };
  return { ...object, metadata: hasUndefined(changes) ? withoutUndefined(all) : all } as T;
}

function hasUndefined(map: JsonMap): boolean {
  for (const key in map) if (map[key] === undefined) return true;
  return false;
}

/** A new map, as one that something is deleted from is slow ever after. */
function withoutUndefined(map: JsonMap): JsonMap {
  const result: Record<string, unknown> = {};
  for (const key in map) if (map[key] !== undefined) result[key] = map[key];
  return result;
}

/** `map` without `key`. */
export function without<T extends object>(map: T, key: string): T {
  if (!(key in map)) return map;
  const { [key as keyof T]: _, ...rest } = map;
  return rest as T;
}

export function hasFinalizer(object: KubernetesObject, name: string): boolean {
  return object.metadata.finalizers?.includes(name) ?? false;
}

export function isDeleting(object: KubernetesObject): boolean {
  return object.metadata.deletionTimestamp !== undefined;
}
