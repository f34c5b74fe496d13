/** What ajv says of an object, in the API server's words. */
import type { ErrorObject } from 'ajv';
import type { Problem } from './problem.ts';

type Words = Readonly<Record<string, (params: ErrorObject['params'], data: never) => string>>;

/** By ajv's keyword or format. */
const WORDS: Words = {
  required: () => 'Required value',
  additionalProperties: () => 'unknown field',
  duplicate: ({ key }) => `Duplicate value: ${key}`,
  enum: ({ allowedValues }, data) =>
    `Unsupported value: ${JSON.stringify(data)}: supported values: "${allowedValues.join('", "')}"`,
  maxLength: ({ limit }) => `Too long: may not be more than ${limit} bytes`,
  maxItems: ({ limit }, items: []) =>
    `Too many: ${items.length}: must have at most ${limit} ${limit === 1 ? 'item' : 'items'}`,
  int32: () => 'Checked value must be of type integer with format int32',
  int64: () => 'Checked value must be of type integer with format int64',
};

/** Those that stand after the value and `<field> in body`. */
const WORDS_ON_VALUE: Words = {
  type: ({ type }, data) => `must be of type ${type}: "${data}"`,
  'date-time': (_, data) => `must be of type date-time: "${data}"`,
  pattern: ({ pattern }) => `should match '${pattern}'`,
  minimum: ({ limit }) => `should be greater than or equal to ${limit}`,
  maximum: ({ limit }) => `should be less than or equal to ${limit}`,
  minLength: ({ limit }) => `should be at least ${limit} chars long`,
  minItems: ({ limit }) => `should have at least ${limit} items`,
  minProperties: ({ limit }) => `should have at least ${limit} properties`,
};

const BLOCKING = new Set(['required', 'enum', 'maxLength', 'maxItems', 'maxProperties', 'type']);

/** Whether the API server evaluates no rule in CEL while this is wrong (`hasBlockingErr`). */
export function isBlocking({ keyword }: ErrorObject): boolean {
  return BLOCKING.has(keyword);
}

export function problemOf({ instancePath, keyword, params, data }: ErrorObject): Problem {
  const field = fieldOf(instancePath, params.missingProperty ?? params.additionalProperty ?? []);
  const rule = params.format ?? keyword;
  const words = WORDS[rule];
  if (words !== undefined) {
    const said = ['enum', 'maxLength'].includes(rule) ? data : params.key && JSON.parse(params.key);
    return { field, ...(said !== undefined && { value: said }), message: words(params, data as never) };
  }
  const value = shown(rule, data);
  return { field, value, message: `${field} in body ${WORDS_ON_VALUE[rule]!(params, value as never)}` };
}

/** A JSON pointer, and the name of a child, as a path: `spec.addresses[2]`. */
function fieldOf(pointer: string, child: string | []): string {
  const [, ...parts] = pointer.split('/');
  return parts
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .concat(child)
    .map((part) => (/^\d+$/.test(part) ? `[${part}]` : `.${part}`))
    .join('')
    .replace(/^\./, '');
}

function shown(rule: string, data: unknown): unknown {
  if (rule === 'type') return typeOf(data);
  return rule === 'minItems' || rule === 'minProperties' ? Object.keys(data as object).length : data;
}

/** The name of a JSON value's type, as the API server says it. */
function typeOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return Number.isInteger(value) ? 'integer' : typeof value;
}
