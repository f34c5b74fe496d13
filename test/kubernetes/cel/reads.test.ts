import { isCelError } from '@bufbuild/cel';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { compile } from '../../../lib/kubernetes/cel/program.ts';
import { distinct, textAt } from '../../../lib/kubernetes/cel/reads.ts';
import { celInput, jsonOf } from '../../../lib/kubernetes/cel/value.ts';
import { policies } from '../../engine/judge.ts';

function pathsOf(expression: string): string[] {
  return compile(expression).paths.map((path) => path.map(String).join('.'));
}

test('an expression looks at the fields that it names, however it names them', () => {
  assert.equal(pathsOf('object.spec.a == 1 && has(object.spec.b)'), ['object.spec.a', 'object.spec.b']);
  assert.equal(pathsOf("object.?metadata.labels['x/y'].orValue('')"), ['object.metadata.labels.x/y']);
  assert.equal(pathsOf("object.metadata.?labels[?'x'].hasValue()"), ['object.metadata.labels.x']);
  assert.equal(pathsOf('object.spec.`a-b` in [oldObject.c]'), ['object.spec.a-b', 'oldObject.c']);
  assert.equal(pathsOf('oldObject == null'), ['oldObject.Symbol(null)']);
  assert.equal(pathsOf("request.operation == 'CREATE' && variables.x"), ['request.operation']);
});

test('it looks at the whole of what it does not name a part of', () => {
  assert.equal(pathsOf('object.spec.all(key, object.spec[key] > 0)'), ['object.spec', 'object.spec']);
  assert.equal(pathsOf('object.spec.list[0].a'), ['object.spec.list']);
  assert.equal(pathsOf('object == oldObject'), ['object', 'oldObject']);
  assert.equal(pathsOf('(object.a ? object.b : object.c).d'), ['object.a', 'object.b', 'object.c']);
});

test('of several expressions each path counts once, and none below another', () => {
  const paths = ['object.a.b', 'object.a', 'object.a.b', 'object.ab'].flatMap((text) => compile(text).paths);
  assert.equal(distinct(paths), [
    ['object', 'a'],
    ['object', 'ab'],
  ]);
});

test('what an expression can tell apart has different texts', () => {
  const { paths } = compile('has(object.a.b)');
  const texts = [
    {},
    { a: {} },
    { a: 1 },
    { a: [] },
    { a: JSON.rawJSON('9007199254740993') },
    { a: { b: 1 } },
    { a: { b: 2 } },
  ].map((object) => textAt(paths, { object }));
  assert.is(new Set(texts).size, texts.length, texts.join(' '));
  assert.is(textAt(paths, { object: { a: { c: 1 } } }), textAt(paths, { object: { a: {}, d: 2 } }));
});

const LEAF = fc.constantFrom(null, 0, 1, 40, '', 'a', 'leaving', '10.0.0.1', true, [], ['a'], {}, { a: 1 });
const NAMES = fc.constantFrom('a', 'b', 'spec', 'metadata', 'labels', 'metaipam.io/pool', 'poolRef', 'kind');
const VALUE = fc.letrec((tie) => ({
  value: fc.oneof({ maxDepth: 4 }, LEAF, fc.dictionary(NAMES, tie('value'), { maxKeys: 5 })),
})).value;

function textsIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, part]) =>
    /xpression$/.test(key) && typeof part === 'string' ? [part] : textsIn(part),
  );
}

test('an expression comes to the same wherever its paths have the same text', () => {
  const expressions = [
    ...policies.flatMap(textsIn),
    'has(object.a.b)',
    'object.a == null || oldObject != null',
    "object.?spec.?poolRef.kind.orValue('b') == 'a'",
    "object.metadata.labels['a'] == 'a'",
    'object.a.all(key, has(object.spec) || key == object.b)',
  ];
  let same = 0;
  const result = (expression: string, [object, oldObject]: unknown[]) => {
    const value = compile(expression).evaluate({ object: celInput(object), oldObject: celInput(oldObject) });
    return isCelError(value) ? value.message : JSON.stringify(jsonOf(value));
  };
  fc.assert(
    fc.property(fc.constantFrom(...expressions), VALUE, VALUE, VALUE, (expression, a, b, c) => {
      const { paths } = compile(expression);
      for (const other of [
        [b, a],
        [a, c],
        [b, c],
      ]) {
        const text = (given: unknown[]) => textAt(paths, { object: given[0], oldObject: given[1] });
        if (text([a, b]) !== text(other)) continue;
        same++;
        assert.is(result(expression, [a, b]), result(expression, other), expression);
      }
    }),
    { numRuns: 3_000 },
  );
  assert.ok(same > 500, `${same} of the same text`);
});

test.run();
