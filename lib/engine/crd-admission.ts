/**
 * Admission by the schemas of CRDs: defaults, structure, and immutability where a CEL rule says just that.
 * Other CEL rules are the API server's alone.
 */
import { type CustomResourceDefinition, CustomResources, type Schema } from '../kubernetes/schema.ts';
import { deepEqual, isMap, type Unstructured } from './object.ts';
import type { Admission } from './store.ts';

interface Rules {
  readonly 'x-kubernetes-validations'?: readonly { readonly rule: string }[];
}

/** Throws nothing: objects of kinds that no CRD defines pass as they are. */
export function crdAdmission(definitions: readonly CustomResourceDefinition[]): Admission {
  const kinds = new CustomResources(definitions);
  const find = ({ apiVersion, kind }: Unstructured) => kinds.ofKind(apiVersion, kind);
  return {
    prepare: (object) => find(object)?.withDefaults(object) ?? object,
    validate(object, old) {
      const resource = find(object);
      if (resource === undefined) return [];
      const problems = resource.validate(object).map(({ field, message }) => `${field}: ${message}`);
      if (old !== undefined) problems.push(...changes(resource.schema, object, old, ''));
      return problems;
    },
  };
}

/** Every immutable field that differs. A rule on a field that is new or gone is not evaluated. */
function* changes(schema: Schema & Rules, value: unknown, old: unknown, field: string): Generator<string> {
  if (value === undefined || old === undefined) return;
  const immutable = schema['x-kubernetes-validations']?.some(({ rule }) => rule.trim() === 'self == oldSelf');
  if (immutable && !deepEqual(value, old)) yield `${field}: Invalid value: the field is immutable`;
  if (!isMap(value) || !isMap(old)) return;
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    yield* changes(property, value[name], old[name], field === '' ? name : `${field}.${name}`);
  }
}
