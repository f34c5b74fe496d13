import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { isLabelValue, labelValue } from '../../lib/kubernetes/label-value.ts';

test('a name of 63 characters stays', () => {
  const name = `${'a'.repeat(60)}.io`;
  assert.is(labelValue(name), name);
});

test('a name of 64 characters keeps its start and ends in a hash', () => {
  const name = 'a'.repeat(64);
  assert.match(labelValue(name), /^a{46}_[0-9a-f]{16}$/);
  assert.is.not(labelValue(name), labelValue(`${name}a`));
});

test('what no label may have becomes -, and goes from the beginning', () => {
  assert.match(labelValue('a b/c'), /^a-b-c_[0-9a-f]{16}$/);
  assert.match(labelValue('/.a/b'), /^a-b_[0-9a-f]{16}$/);
});

test('any text becomes a legal value, and different texts different values', () => {
  const text = fc.oneof(fc.string(), fc.stringMatching(/^[a-z0-9.-]{1,253}$/));
  fc.assert(
    fc.property(text, text, (a, b) => {
      assert.ok(isLabelValue(labelValue(a)));
      assert.is(labelValue(a) === labelValue(b), a === b);
    }),
  );
});

test('the rule for label values', () => {
  const legal = ['', 'a', 'A.b_c-1', 'x'.repeat(63)];
  const illegal = ['-a', 'a.', '_', 'a b', 'é', 'x'.repeat(64), 'a\n'];
  assert.equal(legal.filter(isLabelValue), legal);
  assert.equal(illegal.filter(isLabelValue), []);
});

test.run();
