/** CustomResourceDefinitions: which kinds there are, what their objects look like, and the rules that these keep. */
import { Ajv, type ErrorObject, type SchemaValidateFunction } from 'ajv';
import { loadAll } from 'js-yaml';
import { plainJson } from '../json.ts';
import { shippedFiles } from '../shipped.ts';
import { SchemaRules } from './cel/rules.ts';
import type { Problem } from './problem.ts';
import { isBlocking, problemOf } from './schema-problem.ts';
import { RFC_3339 } from './time.ts';

export interface CustomResourceDefinition {
  readonly kind: 'CustomResourceDefinition';
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly group: string;
    readonly scope: 'Namespaced' | 'Cluster';
    readonly names: { readonly kind: string; readonly plural: string };
    readonly versions: readonly CustomResourceVersion[];
  };
}

export interface CustomResourceVersion {
  readonly name: string;
  readonly served: boolean;
  readonly storage: boolean;
  readonly schema: { readonly openAPIV3Schema: Schema };
  readonly subresources?: { readonly status?: object };
}

/** The keywords of a structural schema (Kubernetes' subset of OpenAPI 3.0) that are read here. */
export interface Schema {
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean';
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly format?: string;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema;
  readonly required?: readonly string[];
  readonly 'x-kubernetes-int-or-string'?: boolean;
  readonly 'x-kubernetes-list-type'?: 'atomic' | 'set' | 'map';
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean;
  readonly 'x-kubernetes-validations'?: readonly ValidationRule[];
}

/** A rule in CEL about the value that a schema describes. */
export interface ValidationRule {
  readonly rule: string;
  readonly message?: string;
  readonly messageExpression?: string;
  /** A path below the value: `.prefix`. */
  readonly fieldPath?: string;
  readonly reason?:
    | 'FieldValueInvalid'
    | 'FieldValueForbidden'
    | 'FieldValueRequired'
    | 'FieldValueDuplicate';
  readonly optionalOldSelf?: boolean;
}

let shipped: readonly CustomResourceDefinition[] | undefined;

/** metaipam's own CustomResourceDefinitions, and those of Cluster API that its hooks use, by file name: read once. */
export function readCustomResourceDefinitions(): readonly CustomResourceDefinition[] {
  shipped ??= shippedFiles('crds')
    .flatMap(({ text }) => loadAll(text) as { kind?: string }[])
    .filter((document) => document?.kind === 'CustomResourceDefinition') as CustomResourceDefinition[];
  return shipped;
}

/** The served versions of some CRDs, as discovery finds them. */
export class CustomResources {
  readonly all: readonly CustomResource[];
  /** By apiVersion, then by kind. */
  readonly #byKind: ReadonlyMap<string, ReadonlyMap<string, CustomResource>>;

  constructor(definitions: readonly CustomResourceDefinition[]) {
    this.all = definitions.flatMap((definition) =>
      definition.spec.versions
        .filter((version) => version.served)
        .map((version) => new CustomResource(definition, version)),
    );
    this.#byKind = new Map(
      [...Map.groupBy(this.all, ({ apiVersion }) => apiVersion)].map(([apiVersion, resources]) => [
        apiVersion,
        new Map(resources.map((resource) => [resource.kind, resource])),
      ]),
    );
  }

  ofKind(apiVersion: string, kind: string): CustomResource | undefined {
    return this.#byKind.get(apiVersion)?.get(kind);
  }

  /** `plural` is the resource's name in a URL: `allocationslices`. */
  ofPlural(apiVersion: string, plural: string): CustomResource | undefined {
    return this.all.find((resource) => resource.apiVersion === apiVersion && resource.plural === plural);
  }
}

/** What the API server adds to problems that keep it from evaluating rules. */
const RULES_NOT_CHECKED: Problem = {
  field: '',
  value: null,
  message:
    'some validation rules were not checked because the object was invalid; correct the existing errors to complete validation',
};

/** One version of a custom resource. */
export class CustomResource {
  readonly apiVersion: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
  readonly storage: boolean;
  readonly statusSubresource: boolean;
  readonly schema: Schema;

  constructor({ spec }: CustomResourceDefinition, version: CustomResourceVersion) {
    this.apiVersion = `${spec.group}/${version.name}`;
    this.kind = spec.names.kind;
    this.plural = spec.names.plural;
    this.namespaced = spec.scope === 'Namespaced';
    this.storage = version.storage;
    this.statusSubresource = version.subresources?.status !== undefined;
    this.schema = version.schema.openAPIV3Schema;
  }

  /** Whether a field has another type than its own: no API server can have returned that. */
  isMalformed(object: object): boolean {
    return this.#structuralErrors(object).some(({ keyword }) => keyword === 'type');
  }

  /** What the API server would hold against `object` with `fieldValidation=Strict`, in its words. See `judge`. */
  validate(object: object, old?: object): Problem[] {
    const { structure, rules } = this.judge(object, old);
    return [...structure, ...rules];
  }

  /**
   * What is wrong with the structure of `object`; and by the rules in CEL, where that lets the API server judge them, with
   * defaults in the place of absent fields. `old` is the object before an update.
   */
  judge(object: object, old?: object): { readonly structure: Problem[]; readonly rules: Problem[] } {
    const errors = this.#structuralErrors(object);
    const rules = errors.some(isBlocking)
      ? [RULES_NOT_CHECKED]
      : rulesOf(this.schema).problems(this.withDefaults(object), old && this.withDefaults(old));
    return { structure: errors.map(problemOf), rules };
  }

  /** `object` with the schema's defaults in the place of absent fields. */
  withDefaults<T extends object>(object: T): T {
    return withDefaults(this.schema, object) as T;
  }

  #structuralErrors(object: object): readonly ErrorObject[] {
    const check = checkOf(this.schema);
    return check(plainJson(object)) ? [] : check.errors!;
  }
}

/** Compiled once, at the first object. */
const rulesOf = ofSchema((schema) => new SchemaRules(schema));
const checkOf = ofSchema((schema) => ajv.compile(jsonSchema(schema)));

function ofSchema<T>(make: (schema: Schema) => T): (schema: Schema) => T {
  const made = new WeakMap<Schema, T>();
  return (schema) => {
    let value = made.get(schema);
    if (value === undefined) {
      value = make(schema);
      made.set(schema, value);
    }
    return value;
  };
}

/** Of several items with the same keys, all but the first are wrong. */
const haveDistinctKeys: SchemaValidateFunction = (mapKeys: string[], items: object[], _, at) => {
  const keys = items.length < 2 ? [] : items.map((item) => JSON.stringify(item, mapKeys));
  haveDistinctKeys.errors = keys.flatMap((key, index) => {
    const error = { keyword: 'duplicate', instancePath: `${at?.instancePath}/${index}`, params: { key } };
    return keys.indexOf(key) < index ? [error] : [];
  });
  return haveDistinctKeys.errors.length === 0;
};

const integerOf = (bits: number) => ({
  type: 'number' as const,
  validate: (value: number) => value >= -(2 ** (bits - 1)) && value < 2 ** (bits - 1),
});

const ajv = new Ajv({
  allErrors: true,
  verbose: true,
  validateSchema: false, // The API server has done that.
  code: { optimize: false }, // Most programs validate too little to win back the time.
  strict: false, // Structural schemas have keywords that JSON Schema does not know.
  formats: {
    int32: integerOf(32),
    int64: integerOf(64),
    'date-time': RFC_3339,
  },
}).addKeyword({ keyword: 'x-kubernetes-list-map-keys', type: 'array', validate: haveDistinctKeys });

/** The JSON Schema that refuses what a structural schema refuses or prunes. */
function jsonSchema(schema: Schema): object {
  const closed = JSON.parse(JSON.stringify(schema), (_, part) =>
    part.type === 'object' && !part['x-kubernetes-preserve-unknown-fields']
      ? { additionalProperties: false, ...part }
      : part,
  );
  // The rest of metadata has the API server's own schema.
  const { metadata = {} } = schema.properties ?? {};
  return { ...closed, properties: { apiVersion: {}, kind: {}, ...closed.properties, metadata } };
}

function withDefaults(schema: Schema, value: unknown): unknown {
  const { items } = schema;
  if (items !== undefined && Array.isArray(value)) {
    if (!hasDefaults(items)) return value;
    const list = value.map((item) => withDefaults(items, item));
    return list.every((item, index) => item === value[index]) ? value : list;
  }
  if (typeof value !== 'object' || value === null) return value;
  const object = value as Record<string, unknown>;
  let changed: Record<string, unknown> | undefined;
  for (const [key, property] of defaultedProperties(schema)) {
    const given = object[key] ?? property.default;
    if (given === undefined) continue;
    const full = withDefaults(property, given);
    if (full === object[key]) continue;
    changed ??= { ...object };
    changed[key] = full;
  }
  return changed ?? value;
}

/** The properties that have a default, themselves or further down. */
const defaultedProperties = ofSchema((schema) =>
  Object.entries(schema.properties ?? {}).filter(([, property]) => hasDefaults(property)),
);

function hasDefaults(schema: Schema): boolean {
  if (schema.default !== undefined || defaultedProperties(schema).length > 0) return true;
  return schema.items !== undefined && hasDefaults(schema.items);
}
