import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { isQualifiedName, isSubdomain } from '../../lib/kubernetes/qualified-name.ts';

test('keys of labels and annotations', () => {
  const legal = ['a', 'A.b_c-1', 'example.com/zone', 'a/b', 'x'.repeat(63), `${'a.'.repeat(126)}a/b`];
  const illegal = ['', '/', 'a/', '/a', 'a/b/c', 'Example.com/a', 'a b', '-a', 'a-', 'x'.repeat(64), 'a\n'];
  assert.equal(legal.filter(isQualifiedName), legal);
  assert.equal(illegal.filter(isQualifiedName), []);
  assert.not(isQualifiedName(`${'a'.repeat(254)}/b`));
});

test('names of objects', () => {
  const legal = ['a', 'node-1.example.com', '0', 'a'.repeat(253)];
  const illegal = ['', 'A', 'a_b', '.a', 'a.', 'a..b', '-a', 'a-.b', 'a'.repeat(254)];
  assert.equal(legal.filter(isSubdomain), legal);
  assert.equal(illegal.filter(isSubdomain), []);
});

test.run();
