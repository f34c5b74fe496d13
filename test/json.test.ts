import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { asJson, exactInteger, parseJson } from '../lib/json.ts';

const leaf = fc.oneof(
  fc.string(),
  fc.boolean(),
  fc.constant(null),
  fc.constant(undefined),
  fc.integer(),
  fc.bigInt({ min: 2n ** 53n, max: 2n ** 63n - 1n }).map(exactInteger),
);
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    leaf,
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(
      fc.string({ minLength: 1 }).filter((key) => key !== '__proto__' && key !== 'toJSON'),
      tie('value'),
      {
        maxKeys: 4,
        noNullPrototype: true,
      },
    ),
  ),
}));

test('a value as JSON is what its text is read as', () => {
  fc.assert(
    fc.property(fc.record({ value }, { noNullPrototype: true }), (given) => {
      assert.equal(asJson(given), parseJson(JSON.stringify(given)));
    }),
  );
});

test('what needs no change is shared, and nothing that is given is changed', () => {
  const kept = { a: [1, { b: 'c' }] };
  assert.is(asJson(kept), kept);
  const given = { kept, gone: undefined };
  const carried = asJson(given) as typeof given;
  assert.equal(Object.keys(carried), ['kept']);
  assert.is(carried.kept, kept);
  assert.ok('gone' in given);
});

test('what JSON has no text for is refused; a Date has one', () => {
  for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, 1n, () => 1, Symbol('s')])
    assert.throws(() => asJson({ bad: [bad] }), TypeError);
  assert.equal(asJson({ at: new Date(0) }), { at: '1970-01-01T00:00:00.000Z' });
});

test.run();
