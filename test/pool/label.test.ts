import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { isLabelValue } from '../../lib/kubernetes/label-value.ts';
import { poolLabel } from '../../lib/pool/label.ts';

test('a pool and a global pool of one name have different labels', () => {
  assert.is(poolLabel('InClusterIPPool', 'edge'), 'InClusterIPPool.edge');
  assert.is(poolLabel('GlobalInClusterIPPool', 'edge'), 'GlobalInClusterIPPool.edge');
});

test('a name that a label has no room for is hashed', () => {
  const [a, b] = [
    poolLabel('InClusterIPPool', 'a'.repeat(253)),
    poolLabel('InClusterIPPool', `${'a'.repeat(252)}b`),
  ];
  assert.ok(isLabelValue(a) && isLabelValue(b));
  assert.is.not(a, b);
});

test.run();
