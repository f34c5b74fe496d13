import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { sync } from '../../hooks/claim-router.ts';
import type { IPAddressClaim } from '../../lib/kubernetes/types.ts';
import { claim, globalPool, ipPool } from './objects.ts';

function routed(object: IPAddressClaim) {
  return sync({ object, attachments: {}, related: {} });
}

function referring(poolRef: object): IPAddressClaim {
  return { ...claim('a', ipPool({}), { labels: {} }), spec: { poolRef } } as IPAddressClaim;
}

test('a claim of a pool of ours gets the label of its pool', () => {
  assert.equal(routed(claim('a', ipPool({}), { labels: {} })), {
    labels: { 'metaipam.io/pool': 'InClusterIPPool.pool' },
    attachments: [],
  });
  assert.equal(routed(claim('a', globalPool({}), { labels: {} })).labels, {
    'metaipam.io/pool': 'GlobalInClusterIPPool.pool',
  });
});

test('a label that says something else is put right', () => {
  const { labels } = routed(
    claim('a', ipPool({}), { labels: { 'metaipam.io/pool': 'InClusterIPPool.other' } }),
  );
  assert.equal(labels, { 'metaipam.io/pool': 'InClusterIPPool.pool' });
});

test('H1 F2 F3 F4 other claims are not touched', () => {
  const group = 'ipam.cluster.x-k8s.io';
  for (const poolRef of [
    { apiGroup: group, kind: 'UnknownIPPool', name: 'pool' },
    { apiGroup: group, kind: 'InClusterPrefixPool', name: 'pool' },
    { kind: 'InClusterIPPool', name: 'pool' },
    { apiGroup: 'cluster.x-k8s.io', kind: 'InClusterIPPool', name: 'pool' },
  ]) {
    assert.equal(routed(referring(poolRef)), { attachments: [] });
  }
});

test.run();
