/** Objects as an API server stores them and Metacontroller sends them: with all that nobody reads. */
import { hash } from 'node:crypto';
import { LAST_APPLIED_ANNOTATION } from '../lib/engine/dynamic-apply.ts';
import { KUBECTL_APPLIED_ANNOTATION } from '../lib/kubernetes/names.ts';
import {
  compareText,
  controllerReference,
  type KubernetesObject,
  qualifiedName,
} from '../lib/kubernetes/object.ts';
import { formatTime } from '../lib/kubernetes/time.ts';
import type { DesiredObject, Objects } from '../lib/metacontroller/hook.ts';

type Json = Readonly<Record<string, unknown>>;

const START = Date.parse('2026-01-05T08:00:00Z');
/** Objects that one burst creates in a second. */
const PER_SECOND = 20;

export const LATER = START + 86_400_000;

/** When the n-th object of a burst was created. */
export function createdAt(n: number): string {
  return formatTime(START + Math.floor(n / PER_SECOND) * 1000);
}

/** A UUID that belongs to `text`. */
export function uuidOf(text: string): string {
  return hash('sha256', text).replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*$/, '$1-$2-4$3-a$4-$5');
}

/** The end of a name that Kubernetes generates: names sort differently from ages. */
export function suffix(text: string): string {
  return hash('sha256', text).slice(0, 8);
}

/** Who wrote which part of an object. */
export interface Write {
  readonly manager: string;
  readonly fields: Json;
  readonly subresource?: 'status';
}

/** `metadata.managedFields` after these writes. */
export function managedFields(apiVersion: string, time: string, writes: readonly Write[]): object[] {
  return writes.map(({ manager, fields, subresource }) => ({
    apiVersion,
    fieldsType: 'FieldsV1',
    fieldsV1: Object.fromEntries(Object.entries(fields).map(([key, value]) => [`f:${key}`, fieldSet(value)])),
    manager,
    operation: 'Update',
    ...(subresource && { subresource }),
    time,
  }));
}

function fieldSet(value: unknown): Json {
  if (typeof value !== 'object' || value === null) return {};
  const entries = Array.isArray(value)
    ? value.flatMap((item) => listEntry(item))
    : Object.entries(value).map(([key, field]): [string, Json] => [`f:${key}`, fieldSet(field)]);
  return entries.length === 0 ? {} : { '.': {}, ...Object.fromEntries(entries) };
}

/** Owner references and conditions are merged by key, finalizers by value; other lists are atomic. */
function listEntry(item: unknown): [string, Json][] {
  if (typeof item === 'string') return item.includes('.io/') ? [[`v:${JSON.stringify(item)}`, {}]] : [];
  const { uid, type } = item as { uid?: string; type?: string };
  if (uid !== undefined) return [[`k:${JSON.stringify({ uid })}`, {}]];
  return type === undefined ? [] : [[`k:${JSON.stringify({ type })}`, fieldSet(item)]];
}

/** Labels and annotations that Metacontroller adds to what the hook asked for. */
interface Additions {
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** What Metacontroller makes of an object that a hook desired for `owner`, the n-th object in all. */
export function applied<T extends KubernetesObject>(
  { apiVersion, kind, metadata, spec }: DesiredObject,
  owner: KubernetesObject,
  n: number,
  additions: Additions,
): T {
  const labels = { ...additions.labels, ...metadata.labels };
  const annotations = { ...additions.annotations, ...metadata.annotations };
  const { name, namespace } = metadata;
  const identity = { name, ...(namespace !== undefined && { namespace }) };
  const asked = {
    apiVersion,
    kind,
    metadata: {
      ...(Object.keys(annotations).length > 0 && { annotations }),
      ...(Object.keys(labels).length > 0 && { labels }),
      ...identity,
    },
    spec,
  };
  const written = {
    annotations: {
      ...annotations,
      [LAST_APPLIED_ANNOTATION]: JSON.stringify(asked),
    },
    ...(Object.keys(labels).length > 0 && { labels }),
    ownerReferences: [controllerReference(owner)],
  };
  const fields = { metadata: written, spec };
  const object = {
    apiVersion,
    kind,
    metadata: {
      ...written,
      creationTimestamp: createdAt(n),
      generation: 1,
      managedFields: managedFields(apiVersion, createdAt(n), [{ manager: 'metacontroller', fields }]),
      ...identity,
      resourceVersion: resourceVersion(n),
      uid: uuidOf(`${kind} ${name}`),
    },
    spec,
  };
  return object as unknown as T;
}

export function resourceVersion(n: number): string {
  return String(1_000_000 + n);
}

/** What `kubectl apply` makes of a manifest. */
export function kubectlApplied<T extends KubernetesObject>(manifest: KubernetesObject & { spec: object }): T {
  const { apiVersion, kind, metadata, spec } = manifest;
  const annotations = {
    [KUBECTL_APPLIED_ANNOTATION]: `${JSON.stringify(manifest)}\n`,
  };
  const fields = { metadata: { annotations }, spec };
  const object = {
    apiVersion,
    kind,
    metadata: {
      annotations,
      creationTimestamp: createdAt(0),
      generation: 1,
      managedFields: managedFields(apiVersion, createdAt(0), [
        { manager: 'kubectl-client-side-apply', fields },
      ]),
      ...metadata,
      resourceVersion: resourceVersion(0),
      uid: uuidOf(`${kind} ${metadata.name}`),
    },
    spec,
  };
  return object as unknown as T;
}

/** A group of a request: by name, in the order in which Go writes the keys of a map. */
export function group<T extends KubernetesObject>(objects: readonly T[]): Objects<T> {
  const entries = objects.map((object): [string, T] => [qualifiedName(object.metadata), object]);
  return Object.fromEntries(entries.sort(([a], [b]) => compareText(a, b)));
}
