/**
 * The rules in CEL of a structural schema (`x-kubernetes-validations`), evaluated as the API server does
 * (k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel/validation.go). There are no budgets of cost, no check of
 * types before an expression is evaluated, and no rules within `allOf` or of embedded resources' metadata.
 */
import { type CelError, type CelValue, isCelError } from '@bufbuild/cel';
import { deepEqual, isObject } from '../../json.ts';
import type { Problem } from '../problem.ts';
import type { Schema, ValidationRule } from '../schema.ts';
import { optionalOf } from './optional.ts';
import { compile, evaluatedMessage, type Program, type Variables } from './program.ts';
import { celInput } from './value.ts';

interface Rule {
  readonly rule: ValidationRule;
  readonly program: Program;
  readonly message: Program | undefined;
  readonly isTransition: boolean;
}

/** A part of a schema that has rules, itself or further down. */
interface Node {
  readonly schema: Schema;
  readonly rules: readonly Rule[];
  readonly items: Node | undefined;
  readonly additionalProperties: Node | undefined;
  readonly properties: readonly (readonly [name: string, node: Node])[];
  /** Whether there are rules that compare with the value before. */
  readonly hasTransitions: boolean;
}

const OLD_SELF = 'oldSelf';
/** The rule that needs no look at a value that is as it was. */
const IMMUTABLE = 'self == oldSelf';

export class SchemaRules {
  readonly #root: Node | undefined;

  /** Throws Error, with the rule, for a rule that cannot be compiled. */
  constructor(schema: Schema) {
    this.#root = nodeOf(withObjectMeta(schema));
  }

  /**
   * The rules that `object` breaks. `old` is the object before an update: what an update leaves as it is may go
   * on to break rules, but for those that mention `oldSelf`.
   */
  problems(object: object, old?: object): Problem[] {
    const problems: Problem[] = [];
    if (this.#root !== undefined) judge(this.#root, object, old, false, '', problems);
    return problems;
  }
}

function nodeOf(schema: Schema): Node | undefined {
  const rules = (schema['x-kubernetes-validations'] ?? []).map(compileRule);
  const items = schema.items && nodeOf(schema.items);
  const additionalProperties = schema.additionalProperties && nodeOf(schema.additionalProperties);
  const properties = Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
    const node = nodeOf(property);
    return node === undefined ? [] : [[name, node] as const];
  });
  const below = [items, additionalProperties, ...properties.map(([, node]) => node)].filter(
    (node) => node !== undefined,
  );
  if (rules.length === 0 && below.length === 0) return undefined;
  const hasTransitions =
    rules.some(({ isTransition }) => isTransition) || below.some((node) => node.hasTransitions);
  return { schema, rules, items, additionalProperties, properties, hasTransitions };
}

/** At its root, an object's kind and names can be seen whatever the schema says. */
function withObjectMeta(schema: Schema): Schema {
  const text: Schema = { type: 'string' };
  const metadata: Schema = { type: 'object', properties: { name: text, generateName: text } };
  return { ...schema, properties: { ...schema.properties, apiVersion: text, kind: text, metadata } };
}

function compileRule(rule: ValidationRule): Rule {
  const optionals = rule.optionalOldSelf ? [OLD_SELF] : [];
  try {
    const program = compile(rule.rule, optionals);
    const message =
      rule.messageExpression === undefined ? undefined : compile(rule.messageExpression, optionals);
    return { rule, program, message, isTransition: program.names.has(OLD_SELF) };
  } catch (error) {
    throw new Error(`cannot evaluate the rule ${rule.rule}: ${(error as Error).message}`);
  }
}

/**
 * Adds to `problems` what is wrong with `value`. `old` is the value that it takes the place of, if there is one that can
 * be told; `isKept` is whether something around it is as it was.
 */
function judge(
  node: Node,
  value: unknown,
  old: unknown,
  isKept: boolean,
  field: string,
  problems: Problem[],
): void {
  if (value === undefined || value === null) return;
  const before = old ?? undefined;
  const kept = isKept || (before !== undefined && deepEqual(value, before));
  if (kept && !node.hasTransitions) return;
  // One object for both, so that it need not be compared.
  const self = kept && before !== undefined ? before : value;
  judgeRules(node, self, before, kept, field, problems);
  if (Array.isArray(self)) {
    if (node.items === undefined) return;
    const earlier = byKeys(node.schema, before);
    for (const [index, item] of self.entries()) {
      judge(node.items, item, earlier(item), kept, `${field}[${index}]`, problems);
    }
  } else if (typeof self === 'object') {
    const earlier = isObject(before) ? before : {};
    if (node.additionalProperties !== undefined) {
      for (const [key, item] of Object.entries(self as object)) {
        judge(node.additionalProperties, item, own(earlier, key), kept, `${field}[${key}]`, problems);
      }
    }
    for (const [name, property] of node.properties) {
      judge(property, own(self as object, name), own(earlier, name), kept, join(field, name), problems);
    }
  }
}

function judgeRules(
  node: Node,
  value: unknown,
  old: unknown,
  kept: boolean,
  field: string,
  problems: Problem[],
): void {
  const rules = node.rules.filter(({ rule, isTransition }) => {
    if (kept && rule.rule === IMMUTABLE) return false;
    return isTransition ? old !== undefined || rule.optionalOldSelf === true : !kept;
  });
  if (rules.length === 0) return;
  const self = celInput(value, node.schema);
  const oldSelf = old === undefined ? undefined : old === value ? self : celInput(old, node.schema);
  for (const rule of rules) {
    const variables: Variables = rule.rule.optionalOldSelf
      ? { self, oldSelf: optionalOf(oldSelf as CelValue | undefined) }
      : { self, ...(oldSelf !== undefined && { oldSelf }) };
    const result = rule.program.evaluate(variables);
    if (result === true) continue;
    problems.push(
      isCelError(result)
        ? failure(rule.rule, result, node.schema, field)
        : violation(rule, variables, node.schema, value, field),
    );
  }
}

/** In the API server's words, which name the type in the place of the value. */
function failure(
  { rule, message }: ValidationRule,
  error: CelError,
  { type }: Schema,
  field: string,
): Problem {
  const cause = error.message
    .replace(/^field not found: /, 'no such key: ')
    .replace(/^index (\S+) out of bounds .*/, 'index out of bounds: $1');
  return { field, value: type, message: `${cause} evaluating rule: ${(message ?? rule).trim()}` };
}

function violation(
  { rule, message }: Rule,
  variables: Variables,
  { type }: Schema,
  value: unknown,
  field: string,
): Problem {
  const detail = evaluatedMessage(message, variables) ?? (rule.message ?? `failed rule: ${rule.rule}`).trim();
  const at = rule.fieldPath === undefined ? field : join(field, rule.fieldPath.replace(/^\./, ''));
  const isScalar = type !== 'object' && type !== 'array';
  switch (rule.reason) {
    case 'FieldValueForbidden':
      return { field: at, message: `Forbidden: ${detail}` };
    case 'FieldValueRequired':
      return { field: at, message: `Required value: ${detail}` };
    case 'FieldValueDuplicate': // The API server does not say its message.
      return { field: at, message: `Duplicate value${isScalar ? `: ${JSON.stringify(value)}` : ''}` };
    default:
      return isScalar
        ? { field: at, value, message: detail }
        : { field: at, message: `Invalid value: ${detail}` };
  }
}

/** Finds the old item of a list that is a map by some of its items' fields; those of other lists have none. */
function byKeys(schema: Schema, old: unknown): (item: unknown) => unknown {
  const keys = schema['x-kubernetes-list-map-keys'];
  if (schema['x-kubernetes-list-type'] !== 'map' || keys === undefined || !Array.isArray(old)) {
    return () => undefined;
  }
  const keyOf = (item: unknown) =>
    JSON.stringify(keys.map((key) => (isObject(item) ? own(item, key) : null)));
  const items = new Map(old.map((item) => [keyOf(item), item]));
  return (item) => items.get(keyOf(item));
}

function join(field: string, name: string): string {
  return field === '' ? name : `${field}.${name}`;
}

function own(object: object, key: string): unknown {
  return Object.hasOwn(object, key) ? (object as Record<string, unknown>)[key] : undefined;
}
