/** JSON as values of CEL and back, typed by a structural schema as the API server does it (UnstructuredToVal). */
import { type CelInput, type CelValue, celList, celMap, isCelList, isCelMap, isCelUint } from '@bufbuild/cel';
import { fromJson } from '@bufbuild/protobuf';
import { TimestampSchema } from '@bufbuild/protobuf/wkt';
import { exactInteger } from '../../json.ts';
import type { Schema } from '../schema.ts';
import { withoutOrder } from './equality.ts';

/** Of values without a schema. */
const ANY: Schema = {};

/**
 * `value` as CEL sees it. A null field is absent. Fields that the schema does not know are not visible, and names
 * that are no identifiers are escaped; without a schema everything is as it is, and whole numbers are integers.
 */
export function celInput(value: unknown, schema: Schema = ANY): CelInput {
  if (typeof value !== 'object' || value === null) return scalar(value, schema);
  if (JSON.isRawJSON(value)) return schema.type === 'number' ? Number(value.rawJSON) : BigInt(value.rawJSON);
  return Array.isArray(value) ? list(value, schema) : map(value, schema);
}

function scalar(value: unknown, { type, format }: Schema): CelInput {
  if (typeof value === 'number') return type !== 'number' && Number.isInteger(value) ? BigInt(value) : value;
  if (typeof value !== 'string') return value as boolean | null;
  switch (format) {
    case 'date':
      return timestamp(`${value}T00:00:00Z`) ?? value;
    case 'date-time':
      return timestamp(value) ?? value;
    case 'byte':
      return new Uint8Array(Buffer.from(value, 'base64'));
    default:
      return value;
  }
}

/** Undefined when `text` is no time, which the schema's format has said then. */
function timestamp(text: string) {
  try {
    return fromJson(TimestampSchema, text.toUpperCase());
  } catch {
    return undefined;
  }
}

function list(
  items: readonly unknown[],
  { items: schema, 'x-kubernetes-list-type': type }: Schema,
): CelInput {
  const result = celList(items.map((item) => celInput(item, schema)));
  return type === 'set' || type === 'map' ? withoutOrder(result) : result;
}

function map(value: object, schema: Schema): CelInput {
  return celMap(new Fields(value as Readonly<Record<string, unknown>>, schema));
}

/** What rules see of an object. A field is converted when it is asked for, and most are not. */
class Fields implements ReadonlyMap<string, CelInput> {
  readonly #object: Readonly<Record<string, unknown>>;
  readonly #known: KnownFields;

  constructor(object: Readonly<Record<string, unknown>>, schema: Schema) {
    this.#object = object;
    this.#known = knownFields(schema);
  }

  get size(): number {
    return [...this.keys()].length;
  }

  get(name: string): CelInput | undefined {
    const key = this.#known.keyOf(name);
    const schema = key === undefined ? undefined : this.#known.schemaOf(key);
    if (key === undefined || schema === undefined || !Object.hasOwn(this.#object, key)) return undefined;
    const field = this.#object[key] ?? undefined;
    return field === undefined ? undefined : celInput(field, schema);
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  *keys(): MapIterator<string> {
    for (const key of Object.keys(this.#object)) {
      const name = this.#known.nameOf(key);
      if (name !== undefined && this.has(name)) yield name;
    }
  }

  *entries(): MapIterator<[string, CelInput]> {
    for (const name of this.keys()) yield [name, this.get(name)!];
  }

  *values(): MapIterator<CelInput> {
    for (const [, value] of this.entries()) yield value;
  }

  [Symbol.iterator](): MapIterator<[string, CelInput]> {
    return this.entries();
  }

  forEach(visit: (value: CelInput, name: string, map: ReadonlyMap<string, CelInput>) => void): void {
    for (const [name, value] of this) visit(value, name, this);
  }
}

/** The names by which rules know the fields of an object, and what a field holds; undefined if it is not visible. */
interface KnownFields {
  readonly keyOf: (name: string) => string | undefined;
  readonly nameOf: (key: string) => string | undefined;
  readonly schemaOf: (key: string) => Schema | undefined;
}

const known = new WeakMap<Schema, KnownFields>();

function knownFields(schema: Schema): KnownFields {
  const found = known.get(schema) ?? readFields(schema);
  known.set(schema, found);
  return found;
}

function readFields({ type, properties, additionalProperties }: Schema): KnownFields {
  if (type === undefined || properties === undefined) {
    const item = type === undefined ? ANY : additionalProperties;
    return { keyOf: (name) => name, nameOf: (key) => key, schemaOf: () => item };
  }
  const visible = Object.entries(properties).filter(([, property]) => isVisible(property));
  const schemas = new Map(visible);
  const names = new Map(visible.map(([key]) => [key, escapeName(key)]));
  const keys = new Map([...names].map(([key, name]) => [name, key]));
  return {
    keyOf: (name) => keys.get(name),
    nameOf: (key) => names.get(key),
    schemaOf: (key) => schemas.get(key),
  };
}

/** Data without a type is preserved, and no rule can see it. */
function isVisible({ type, 'x-kubernetes-int-or-string': intOrString }: Schema): boolean {
  return type !== undefined || intOrString === true;
}

const RESERVED = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
);
const ESCAPES: Readonly<Record<string, string>> = {
  __: '__underscores__',
  '.': '__dot__',
  '-': '__dash__',
  '/': '__slash__',
};

/** The identifier by which rules know a field; undefined if there is none (k8s.io/apiserver/pkg/cel/escaping.go). */
export function escapeName(name: string): string | undefined {
  if (RESERVED.has(name)) return `__${name}__`;
  if (!/^[A-Za-z_./-][\w./-]*$/.test(name)) return undefined;
  return name.replace(/__|[-./]/g, (part) => ESCAPES[part]!);
}

/** A value of CEL as JSON: lists, maps with texts as keys, and scalars. Throws TypeError for others. */
export function jsonOf(value: CelValue): unknown {
  if (isCelUint(value)) return exactInteger(value.value);
  if (typeof value === 'bigint') return exactInteger(value);
  if (isCelList(value)) return [...value].map(jsonOf);
  if (isCelMap(value))
    return Object.fromEntries([...value].map(([key, item]) => [String(key), jsonOf(item)]));
  if (typeof value !== 'object' || value === null) return value;
  throw new TypeError('not a value that JSON has');
}
