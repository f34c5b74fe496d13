/**
 * Server-side apply with force, as far as controllers that own whole objects can tell.
 *
 * Field ownership is kept as the configuration each manager applied last. Maps merge but for those that the CRD calls
 * atomic; lists are atomic but for the two of the metadata that are not: owner references (a map by uid) and finalizers
 * (a set).
 */
import type { OwnerReference } from '../kubernetes/object.ts';
import { deepEqual, isMap, type JsonMap, type Unstructured, without } from './object.ts';

/**
 * `live` after `applied`: fields of `previous` that are no longer applied go, unless someone changed them.
 *
 * @param atomicMaps paths, as `spec.entries`
 */
export function serverSideApply(
  live: Unstructured,
  previous: Unstructured | undefined,
  applied: Unstructured,
  atomicMaps: ReadonlySet<string> = new Set(),
): Unstructured {
  const split = (object: Unstructured | undefined) => {
    const { ownerReferences, finalizers, ...metadata } = object?.metadata ?? {};
    return {
      fields: object === undefined ? {} : { ...object, metadata },
      ownerReferences: (ownerReferences ?? []) as readonly OwnerReference[],
      finalizers: (finalizers ?? []) as readonly string[],
    };
  };
  const [from, before, to] = [split(live), split(previous), split(applied)];
  const merged = mergeFields(from.fields, before.fields, to.fields, atomicMaps) as Unstructured;
  const ownerReferences = mergeList(
    from,
    before,
    to,
    'ownerReferences',
    (owner: OwnerReference) => owner.uid,
  );
  const finalizers = mergeList(from, before, to, 'finalizers', (finalizer: string) => finalizer);
  const metadata = {
    ...merged.metadata,
    ...(ownerReferences.length > 0 && { ownerReferences }),
    ...(finalizers.length > 0 && { finalizers }),
  };
  return { ...merged, metadata };
}

function mergeFields(
  live: JsonMap,
  previous: JsonMap,
  applied: JsonMap,
  atomicMaps: ReadonlySet<string>,
  path = '',
): JsonMap {
  const granular = (key: string, value: unknown): JsonMap | undefined =>
    isMap(value) && !atomicMaps.has(path + key) ? value : undefined;
  const merge = (key: string, now: JsonMap = {}, before: JsonMap = {}, to: JsonMap = {}) =>
    mergeFields(now, before, to, atomicMaps, `${path}${key}.`);
  let result: JsonMap = { ...live };
  for (const [key, before] of Object.entries(previous)) {
    if (applied[key] !== undefined) continue;
    const now = granular(key, live[key]);
    const was = granular(key, before);
    if (now !== undefined && was !== undefined) {
      const left = merge(key, now, was);
      // An item of a map goes with the last of its fields.
      result = Object.keys(left).length === 0 ? without(result, key) : { ...result, [key]: left };
    } else if (deepEqual(live[key], before)) result = without(result, key);
  }
  for (const [key, value] of Object.entries(applied)) {
    if (value === undefined) continue;
    const to = granular(key, value);
    const merged =
      to === undefined ? value : merge(key, granular(key, live[key]), granular(key, previous[key]), to);
    result = { ...result, [key]: merged };
  }
  return result;
}

function mergeList<K extends string, T>(
  live: Readonly<Record<K, readonly T[]>>,
  previous: Readonly<Record<K, readonly T[]>>,
  applied: Readonly<Record<K, readonly T[]>>,
  field: K,
  keyOf: (item: T) => string,
): T[] {
  const result = new Map(live[field].map((item) => [keyOf(item), item]));
  for (const item of previous[field]) result.delete(keyOf(item));
  for (const item of applied[field]) result.set(keyOf(item), item);
  return [...result.values()];
}
