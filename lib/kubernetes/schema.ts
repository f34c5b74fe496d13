/**
 * The structural part of CustomResourceDefinitions: which kinds there are, and what their objects look like.
 *
 * Rules in CEL (`x-kubernetes-validations`) are the API server's alone.
 */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadAll } from 'js-yaml';
import type { RawJson } from '../json.ts';
import type { Problem } from '../validation/problem.ts';

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
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly items?: Schema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema;
  readonly required?: readonly string[];
  readonly minProperties?: number;
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean;
}

declare global {
  interface JSON {
    isRawJSON(value: unknown): value is RawJson;
  }
}

/** metaipam's own CRDs, and those of Cluster API that its hooks use. */
export const BUNDLED_CRDS = join(import.meta.dirname, '../../crds');

/** Every CustomResourceDefinition in the YAML files below `folder`, by file name. */
export function readCustomResourceDefinitions(folder = BUNDLED_CRDS): CustomResourceDefinition[] {
  return globSync('**/*.yaml', { cwd: folder })
    .sort()
    .flatMap((file) => loadAll(readFileSync(join(folder, file), 'utf8')) as { kind?: string }[])
    .filter((document) => document?.kind === 'CustomResourceDefinition') as CustomResourceDefinition[];
}

/** The served versions of some CRDs, as discovery finds them. */
export class CustomResources {
  readonly all: readonly CustomResource[];

  constructor(definitions: readonly CustomResourceDefinition[]) {
    this.all = definitions.flatMap((definition) =>
      definition.spec.versions
        .filter((version) => version.served)
        .map((version) => new CustomResource(definition, version)),
    );
  }

  ofKind(apiVersion: string, kind: string): CustomResource | undefined {
    return this.all.find((resource) => resource.apiVersion === apiVersion && resource.kind === kind);
  }

  /** `plural` is the resource's name in a URL: `ipallocations`. */
  ofPlural(apiVersion: string, plural: string): CustomResource | undefined {
    return this.all.find((resource) => resource.apiVersion === apiVersion && resource.plural === plural);
  }
}

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

  /** What the API server would hold against `object` with `fieldValidation=Strict`, in its words. */
  validate(object: object): Problem[] {
    return [...problemsOf(this.schema, object, '')];
  }

  /** `object` with the schema's defaults in the place of absent fields. */
  withDefaults<T extends object>(object: T): T {
    return withDefaults(this.schema, object) as T;
  }
}

function* problemsOf(schema: Schema, value: unknown, field: string): Generator<Problem> {
  const type = typeOf(value);
  if (schema.type !== type && !(schema.type === 'number' && type === 'integer')) {
    yield invalid(field, type, `must be of type ${schema.type}: "${type}"`);
    return;
  }
  if (schema.enum !== undefined && !schema.enum.includes(value)) {
    const supported = schema.enum.map((other) => JSON.stringify(other)).join(', ');
    yield { field, message: `Unsupported value: ${JSON.stringify(value)}: supported values: ${supported}` };
  }
  if (type === 'object') yield* problemsOfObject(schema, value as Record<string, unknown>, field);
  else if (type === 'array') yield* problemsOfArray(schema, value as unknown[], field);
  else if (type === 'string') yield* problemsOfString(schema, value as string, field);
  else if (type !== 'boolean') yield* problemsOfNumber(schema, value as number | RawJson, field);
}

function* problemsOfObject(
  schema: Schema,
  object: Record<string, unknown>,
  field: string,
): Generator<Problem> {
  const path = (key: string) => (field === '' ? key : `${field}.${key}`);
  // A null counts as an absent field.
  const fields = Object.entries(object).filter(([, value]) => value !== null && value !== undefined);
  for (const key of schema.required ?? []) {
    if (object[key] === null || object[key] === undefined)
      yield { field: path(key), message: 'Required value' };
  }
  for (const [key, value] of fields) {
    const known = schema.properties?.[key] ?? schema.additionalProperties;
    if (known !== undefined) yield* problemsOf(known, value, path(key));
    // Every object has a metadata of its own schema, which CRDs do not repeat.
    else if (field !== 'metadata' && schema['x-kubernetes-preserve-unknown-fields'] !== true) {
      yield { field: path(key), message: 'unknown field' };
    }
  }
  if (fields.length < (schema.minProperties ?? 0)) {
    yield invalid(field, fields.length, `should have at least ${schema.minProperties} properties`);
  }
}

function* problemsOfArray(schema: Schema, array: readonly unknown[], field: string): Generator<Problem> {
  const { minItems = 0, maxItems = Number.POSITIVE_INFINITY, items } = schema;
  if (array.length < minItems) yield invalid(field, array.length, `should have at least ${minItems} items`);
  if (array.length > maxItems) {
    const most = maxItems === 1 ? '1 item' : `${maxItems} items`;
    yield { field, message: `Too many: ${array.length}: must have at most ${most}` };
  }
  const mapKeys = schema['x-kubernetes-list-map-keys'];
  const seen = new Set<string>();
  for (const [index, item] of array.entries()) {
    if (items !== undefined) yield* problemsOf(items, item, `${field}[${index}]`);
    if (mapKeys === undefined || typeOf(item) !== 'object') continue;
    const identity = JSON.stringify(item, [...mapKeys]);
    if (seen.has(identity)) yield { field: `${field}[${index}]`, message: `Duplicate value: ${identity}` };
    seen.add(identity);
  }
}

const RFC_3339 = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/;

function* problemsOfString(schema: Schema, text: string, field: string): Generator<Problem> {
  const { minLength = 0, maxLength = Number.POSITIVE_INFINITY, pattern, format } = schema;
  if (text.length < minLength) yield invalid(field, text, `should be at least ${minLength} chars long`);
  if (text.length > maxLength) yield { field, message: `Too long: may not be more than ${maxLength} bytes` };
  if (pattern !== undefined && !new RegExp(pattern).test(text)) {
    yield invalid(field, text, `should match '${pattern}'`);
  }
  if (format === 'date-time' && !RFC_3339.test(text)) {
    yield invalid(field, text, `must be of type date-time: "${text}"`);
  }
}

const INTEGER_BITS: Readonly<Record<string, number>> = { int32: 32, int64: 64 };

function* problemsOfNumber(schema: Schema, number: number | RawJson, field: string): Generator<Problem> {
  const { minimum, maximum, format } = schema;
  const value = Number(JSON.isRawJSON(number) ? number.rawJSON : number);
  if (minimum !== undefined && value < minimum) {
    yield invalid(field, number, `should be greater than or equal to ${minimum}`);
  }
  if (maximum !== undefined && value > maximum) {
    yield invalid(field, number, `should be less than or equal to ${maximum}`);
  }
  const bits = INTEGER_BITS[format ?? ''];
  if (bits === undefined) return;
  const integer = BigInt(JSON.isRawJSON(number) ? number.rawJSON : number);
  if (BigInt.asIntN(bits, integer) !== integer) {
    yield { field, message: `Checked value must be of type integer with format ${format}` };
  }
}

function invalid(field: string, value: unknown, what: string): Problem {
  return { field, value, message: `${field} in body ${what}` };
}

/** The name of a JSON value's type, as the API server says it. */
function typeOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (JSON.isRawJSON(value) || Number.isInteger(value)) return 'integer';
  return typeof value;
}

function withDefaults(schema: Schema, value: unknown): unknown {
  if (schema.items !== undefined && Array.isArray(value)) {
    const { items } = schema;
    return value.map((item) => withDefaults(items, item));
  }
  if (schema.properties === undefined || typeOf(value) !== 'object') return value;
  const object = { ...(value as Record<string, unknown>) };
  for (const [key, property] of Object.entries(schema.properties)) {
    if (object[key] !== undefined) object[key] = withDefaults(property, object[key]);
    else if (property.default !== undefined) object[key] = property.default;
  }
  return object;
}
