/**
 * Metacontroller's client-side apply (`pkg/dynamic/apply`): a three-way merge of what is there, what was applied
 * last (kept in an annotation) and what is wanted.
 */
import {
  canonicalJson,
  deepEqual,
  isMap,
  type JsonMap,
  type Unstructured,
  withMetadata,
  without,
} from './object.ts';

export const LAST_APPLIED_ANNOTATION = 'metacontroller.k8s.io/last-applied-configuration';

/** Fields of the metadata that only the API server writes. */
export const SYSTEM_FIELDS = [
  'selfLink',
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'managedFields',
] as const;

/** In the order in which they are guessed. */
const MERGE_KEYS = ['containerPort', 'port', 'mountPath', 'name', 'uid', 'ip', 'path'];

/** `object` with a note of what is applied with it. */
export function withLastApplied(object: Unstructured, applied: Unstructured): Unstructured {
  const annotations = { ...object.metadata.annotations, [LAST_APPLIED_ANNOTATION]: canonicalJson(applied) };
  return withMetadata(object, { annotations });
}

/** `object` without the note. */
export function withoutLastApplied(object: Unstructured): Unstructured {
  const { annotations } = object.metadata;
  if (annotations?.[LAST_APPLIED_ANNOTATION] === undefined) return object;
  return withMetadata(object, { annotations: without(annotations, LAST_APPLIED_ANNOTATION) });
}

/**
 * `observed` as it should be for `desired`: fields applied before and not wanted any more are removed, the
 * system's metadata and the status stay as they are. The same object where nothing is to be done.
 */
export function applyUpdate(observed: Unstructured, desired: Unstructured): Unstructured {
  const note = observed.metadata.annotations?.[LAST_APPLIED_ANNOTATION];
  const lastApplied = note ? JSON.parse(note) : {};
  const update = withoutLastApplied(desired);
  if (deepEqual(lastApplied, update) && includes(observed, update)) return observed;
  const merged = mergeMaps(observed, lastApplied, update) as Unstructured;
  const system: Record<string, unknown> = {};
  for (const field of SYSTEM_FIELDS) system[field] = (observed.metadata as object as JsonMap)[field];
  const reverted = withMetadata(merged, system);
  const status = observed.status;
  return withLastApplied(
    status === undefined ? without(reverted, 'status') : { ...reverted, status },
    update,
  );
}

/** Whether `desired`, which was applied last, would change nothing. */
function includes(observed: unknown, desired: unknown): boolean {
  if (!isMap(observed) || !isMap(desired)) return deepEqual(observed, merge(observed, desired, desired));
  return Object.keys(desired).every((key) => includes(observed[key], desired[key]));
}

function merge(observed: unknown, lastApplied: unknown, desired: unknown): unknown {
  if (isMap(observed)) {
    return mergeMaps(observed, isMap(lastApplied) ? lastApplied : {}, isMap(desired) ? desired : {});
  }
  if (Array.isArray(observed)) {
    return mergeLists(
      observed,
      Array.isArray(lastApplied) ? lastApplied : [],
      Array.isArray(desired) ? desired : [],
    );
  }
  return desired;
}

function mergeMaps(observed: JsonMap, lastApplied: JsonMap, desired: JsonMap): JsonMap {
  const result: Record<string, unknown> = { ...observed };
  for (const key of Object.keys(lastApplied)) if (!(key in desired)) delete result[key];
  for (const [key, value] of Object.entries(desired))
    result[key] = merge(result[key], lastApplied[key], value);
  return result;
}

function mergeLists(observed: unknown[], lastApplied: unknown[], desired: unknown[]): unknown[] {
  const mergeKey = guessMergeKey([...observed, ...lastApplied, ...desired]);
  if (mergeKey === undefined) return desired;
  const keyOf = (item: unknown) => String((item as JsonMap)[mergeKey]);
  const byKey = (list: unknown[]) => Object.fromEntries(list.map((item) => [keyOf(item), item]));
  const merged = mergeMaps(byKey(observed), byKey(lastApplied), byKey(desired));
  const order = [...observed.map(keyOf), ...new Set(desired.map(keyOf))];
  const added = new Set(observed.map(keyOf).filter((key) => key in merged));
  return order
    .filter((key, index) => (index < observed.length ? key in merged : !added.has(key)))
    .map((key) => merged[key]);
}

/** The field that looks like the key of a list of maps: the first known one that every item has. */
function guessMergeKey(items: unknown[]): string | undefined {
  if (!items.every(isMap)) return undefined;
  return MERGE_KEYS.find((key) => items.length > 0 && items.every((item) => isMap(item) && key in item));
}
