/** What an apply did to one object. */
import { isObject, type JsonObject } from '../../json.ts';
import { KUBECTL_APPLIED_ANNOTATION } from '../../kubernetes/names.ts';
import type { KubernetesObject } from '../../kubernetes/object.ts';

/**
 * The fields in which two versions of an object differ, as a user would name them, with both values as JSON:
 * `spec.addresses: ["10.0.0.0/24"] becomes ["10.0.0.0/25"]`. Only spec, labels and annotations count.
 */
export function changedFields(before: KubernetesObject, after: KubernetesObject): string[] {
  return [...differences(userFields(before), userFields(after), '')];
}

function userFields(object: KubernetesObject): unknown {
  const { labels = {}, annotations = {} } = object.metadata;
  const { [KUBECTL_APPLIED_ANNOTATION]: _, ...others } = annotations;
  return { metadata: { labels, annotations: others }, spec: (object as { spec?: unknown }).spec };
}

function* differences(before: unknown, after: unknown, path: string): Generator<string> {
  if (JSON.stringify(before) === JSON.stringify(after)) return;
  if (!isMapping(before) || !isMapping(after)) {
    const text = (value: unknown) => (value === undefined ? 'unset' : JSON.stringify(value));
    yield `${path}: ${text(before)} becomes ${text(after)}`;
    return;
  }
  for (const key of [...new Set([...Object.keys(before), ...Object.keys(after)])].sort()) {
    const name = /^[A-Za-z0-9]+$/.test(key) ? `${path === '' ? '' : `${path}.`}${key}` : `${path}[${key}]`;
    yield* differences(before[key], after[key], name);
  }
}

function isMapping(value: unknown): value is JsonObject {
  return isObject(value) && !JSON.isRawJSON(value);
}

/** Kinds into whose spec others write as well. */
const OF_MANY = new Set(['Node', 'Namespace', 'Cluster']);

/**
 * What `kubectl apply` has to remember of an object to take away what the next version leaves out: what it noted
 * down. Without a note, the whole spec of what only users write.
 */
export function lastApplied(object: KubernetesObject): KubernetesObject {
  const { apiVersion, kind, metadata } = object;
  const { name, namespace } = metadata;
  const identity = { apiVersion, kind, metadata: { name, ...(namespace !== undefined && { namespace }) } };
  try {
    const note = JSON.parse(metadata.annotations?.[KUBECTL_APPLIED_ANNOTATION] ?? '');
    if (isMapping(note) && isMapping(note.metadata)) {
      const { labels, annotations } = note.metadata;
      return {
        ...identity,
        metadata: {
          ...identity.metadata,
          ...(isMapping(labels) && { labels }),
          ...(isMapping(annotations) && { annotations }),
        },
        ...(isMapping(note.spec) && { spec: note.spec }),
      } as KubernetesObject;
    }
  } catch {
    // Somebody else's note, or none.
  }
  const { spec } = object as { spec?: unknown };
  return OF_MANY.has(kind) || spec === undefined ? identity : ({ ...identity, spec } as KubernetesObject);
}
