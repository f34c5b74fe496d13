/** Rules of schemas, evaluated level by level, on creation and on update. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { SchemaRules } from '../../../lib/kubernetes/cel/rules.ts';
import { formatProblem } from '../../../lib/kubernetes/problem.ts';
import type { Schema, ValidationRule } from '../../../lib/kubernetes/schema.ts';

const text: Schema = { type: 'string' };
const rule = (rule: string, more: Partial<ValidationRule> = {}): ValidationRule => ({ rule, ...more });
const ruled = (schema: Schema, ...rules: ValidationRule[]): Schema => ({
  ...schema,
  'x-kubernetes-validations': rules,
});
const objectOf = (properties: Record<string, Schema>): Schema => ({ type: 'object', properties });

/** What `spec` breaks, when it takes the place of `old`. */
const judge = (schema: Schema, spec: unknown, old?: unknown, metadata: object = { name: 'n' }) =>
  new SchemaRules(objectOf({ spec: schema }))
    .problems({ metadata, spec }, old === undefined ? undefined : { metadata, spec: old })
    .map(formatProblem);

test('a rule is told with its message, its path and the value if this is no list and no map', () => {
  const schema = ruled(
    objectOf({ a: ruled({ type: 'integer' }, rule('self < 3', { message: ' must be small\n' })) }),
    rule("!has(self.b) || self.b == 'x'", { fieldPath: '.b' }),
    rule('self.a != 2', { messageExpression: "'not ' + string(self.a)", message: 'unused' }),
    rule('self.a != 1', { messageExpression: 'self.q', message: 'used' }),
  );
  const whole = { ...schema, properties: { ...schema.properties, b: text } };
  assert.equal(judge(whole, { a: 3 }), ['spec.a: Invalid value: 3: must be small']);
  assert.equal(judge(whole, { a: 0, b: 'y' }), [
    "spec.b: Invalid value: failed rule: !has(self.b) || self.b == 'x'",
  ]);
  assert.equal(judge(whole, { a: 2 }), ['spec: Invalid value: not 2']);
  assert.equal(judge(whole, { a: 1 }), ['spec: Invalid value: used']);
});

test('a reason is told in its own words', () => {
  const broken = (reason: ValidationRule['reason']) =>
    judge(ruled(text, rule('false', { message: 'm', ...(reason && { reason }) })), 'x');
  assert.equal(broken('FieldValueInvalid'), ['spec: Invalid value: "x": m']);
  assert.equal(broken('FieldValueForbidden'), ['spec: Forbidden: m']);
  assert.equal(broken('FieldValueRequired'), ['spec: Required value: m']);
  assert.equal(broken('FieldValueDuplicate'), ['spec: Duplicate value: "x"']);
});

test('a rule that cannot be evaluated is broken, one that cannot be compiled an error', () => {
  const [problem] = judge(ruled(objectOf({ a: text }), rule("self.a == 'x'", { message: 'm' })), {});
  assert.match(problem ?? '', /^spec: Invalid value: "object": .* evaluating rule: m$/);
  assert.throws(() => judge(ruled(text, rule('self ==')), 'x'), /cannot evaluate the rule self ==/);
});

test('at the root kind and names can be seen, and nothing else of the metadata', () => {
  const root = (expression: string) =>
    new SchemaRules(ruled(objectOf({}), rule(expression))).problems({
      kind: 'K',
      metadata: { name: 'n', uid: 'u' },
    });
  assert.equal(root("self.kind == 'K' && self.metadata.name == 'n'"), []);
  assert.is(root('has(self.metadata.uid)').length, 1);
  assert.is(root("self.metadata.name == 'm'")[0]?.field, '');
});

test('a value that is null or absent is not judged, a field the schema does not know not seen', () => {
  const schema = objectOf({ a: ruled(text, rule('false')) });
  assert.equal(judge(schema, { a: null }), []);
  assert.equal(judge(schema, {}), []);
  assert.is(judge(ruled(objectOf({ a: text }), rule('has(self.b)')), { b: 'x' }).length, 1);
  assert.equal(
    judge(ruled(objectOf({ namespace: text }), rule('has(self.__namespace__)')), { namespace: 'x' }),
    [],
  );
});

test('values have the types of the schema', () => {
  const typed = (schema: Schema, expression: string, value: unknown) =>
    judge(ruled(schema, rule(expression)), value);
  assert.equal(typed({ type: 'number' }, 'self + 0.5 == 1.5', 1), []);
  assert.equal(
    typed({ type: 'integer' }, 'self == 9223372036854775807', JSON.rawJSON('9223372036854775807')),
    [],
  );
  assert.equal(
    typed(
      { type: 'string', format: 'date-time' },
      "self < timestamp('2026-01-01T00:00:00Z')",
      '2025-12-31T23:59:59.9Z',
    ),
    [],
  );
  assert.equal(typed({ type: 'string', format: 'byte' }, "self == b'a'", 'YQ=='), []);
  assert.equal(
    typed({ 'x-kubernetes-int-or-string': true }, "type(self) == int ? self == 1 : self == 'a'", 1),
    [],
  );
});

// Updates

const grows = rule('self >= oldSelf', { message: 'must not shrink' });
const small = rule('self < 3', { message: 'must be small' });

test('a rule that mentions oldSelf runs on updates, where there was a value', () => {
  const schema = objectOf({ a: ruled({ type: 'integer' }, grows) });
  assert.equal(judge(schema, { a: 1 }), []);
  assert.equal(judge(schema, { a: 1 }, {}), []);
  assert.equal(judge(schema, { a: 2 }, { a: 1 }), []);
  assert.equal(judge(schema, { a: 1 }, { a: 2 }), ['spec.a: Invalid value: 1: must not shrink']);
  const never = objectOf({ a: ruled({ type: 'integer' }, rule('self > oldSelf')) });
  assert.is(judge(never, { a: 1 }, { a: 1 }).length, 1, 'unchanged values too');
});

test('with optionalOldSelf it runs always', () => {
  const once = rule('oldSelf.hasValue() || self < 3', { optionalOldSelf: true });
  const field = rule("oldSelf.?a.orValue(self.a) == self.a && (has(oldSelf.a) || self.a != 'x')", {
    optionalOldSelf: true,
  });
  assert.is(judge(objectOf({ a: ruled({ type: 'integer' }, once) }), { a: 3 }).length, 1);
  assert.is(judge(objectOf({ a: ruled({ type: 'integer' }, once) }), { a: 3 }, {}).length, 1);
  assert.equal(judge(objectOf({ a: ruled({ type: 'integer' }, once) }), { a: 3 }, { a: 9 }), []);
  const schema = ruled(objectOf({ a: text }), field);
  assert.equal(judge(schema, { a: 'y' }), []);
  assert.is(judge(schema, { a: 'x' }).length, 1);
  assert.equal(judge(schema, { a: 'x' }, { a: 'x' }), []);
  assert.is(judge(schema, { a: 'y' }, { a: 'x' }).length, 1);
});

test('what an update leaves as it is may go on to break rules', () => {
  const schema = objectOf({ a: ruled({ type: 'integer' }, small), b: text });
  assert.is(judge(schema, { a: 3 }).length, 1);
  assert.equal(judge(schema, { a: 3, b: 'new' }, { a: 3 }), []);
  assert.is(judge(schema, { a: 4 }, { a: 3 }).length, 1);
  const around = ruled(objectOf({ a: { type: 'integer' }, b: text }), rule('self.a < 3'));
  assert.equal(judge(around, { a: 3 }, { a: 3 }), []);
  assert.is(judge(around, { a: 3, b: 'new' }, { a: 3 }).length, 1, 'the rule is about all of it');
});

test('items of a list are as they were if the list is, or by their keys', () => {
  const item = objectOf({ key: text, a: ruled({ type: 'integer' }, small, grows) });
  const atomic: Schema = { type: 'array', items: item };
  const keyed: Schema = { ...atomic, 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['key'] };
  const bad = { key: 'x', a: 3 };
  const good = { key: 'y', a: 0 };
  assert.equal(judge(atomic, [good, bad]), ['spec[1].a: Invalid value: 3: must be small']);
  assert.equal(judge(atomic, [bad], [bad]), []);
  assert.is(judge(atomic, [bad, good], [bad]).length, 1);
  assert.equal(judge(atomic, [{ ...bad, a: 2 }], [bad]), [], 'no item is taken for another');
  assert.equal(judge(keyed, [good, bad], [bad]), []);
  assert.equal(judge(keyed, [{ ...bad, a: 2 }], [bad]), ['spec[0].a: Invalid value: 2: must not shrink']);
});

test('lists that are sets or maps are equal in any order, others are not', () => {
  const fixed = (type: Schema['x-kubernetes-list-type']): Schema =>
    ruled(
      { type: 'array', items: text, ...(type && { 'x-kubernetes-list-type': type }) },
      rule('self == oldSelf'),
    );
  assert.equal(judge(fixed('set'), ['a', 'b'], ['b', 'a']), []);
  assert.is(judge(fixed('set'), ['a', 'b'], ['a', 'c']).length, 1);
  assert.is(judge(fixed('atomic'), ['a', 'b'], ['b', 'a']).length, 1);
  const around = ruled(
    objectOf({ set: { type: 'array', items: text, 'x-kubernetes-list-type': 'set' } }),
    rule('self != oldSelf'),
  );
  assert.is(judge(around, { set: ['a', 'b'] }, { set: ['b', 'a'] }).length, 1);
});

test.run();
