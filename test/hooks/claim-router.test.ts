import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { sync } from '../../hooks/claim-router.ts';
import type { IPAddressClaim } from '../../lib/kubernetes/types.ts';
import type { HookConfig } from '../../lib/metacontroller/hook.ts';
import { ago, claim, contextAt, globalPool, ipPool } from './objects.ts';

const OPEN = { 'metaipam.io/settled': 'open' };

function routed(object: IPAddressClaim, config: Partial<HookConfig> = {}) {
  return sync({ object, attachments: {}, related: {} }, contextAt(0, config));
}

function referring(poolRef: object): IPAddressClaim {
  return { ...claim('a', ipPool({}), { labels: {} }), spec: { poolRef } } as IPAddressClaim;
}

test('a claim of a pool of ours gets the label of its pool, which may serve it', () => {
  assert.equal(routed(claim('a', ipPool({}), { labels: {} })), {
    labels: { 'metaipam.io/pool': 'InClusterIPPool.pool', ...OPEN },
    attachments: [],
  });
  assert.equal(routed(claim('a', globalPool({}), { labels: {} })).labels, {
    'metaipam.io/pool': 'GlobalInClusterIPPool.pool',
    ...OPEN,
  });
});

test('a claim that names a cluster is not opened to its pool before its hook has seen that', () => {
  const pool = { 'metaipam.io/pool': 'InClusterIPPool.pool' };
  const labelled = claim('a', ipPool({}), { labels: { 'cluster.x-k8s.io/cluster-name': 'prod' } });
  const plain = claim('a', ipPool({}), { labels: {} });
  const named = { ...plain, spec: { ...plain.spec, clusterName: 'prod' } };
  for (const object of [labelled, named]) {
    assert.equal(routed(object).labels, pool);
    assert.equal(routed(object, { watchClusters: false }).labels, { ...pool, ...OPEN });
  }
});

test('what a claim says of itself stays, and one that is being deleted is not opened', () => {
  const pool = { 'metaipam.io/pool': 'InClusterIPPool.pool' };
  for (const settled of ['open', 'leaving', 'pool-uid']) {
    assert.equal(routed(claim('a', ipPool({}), { labels: { 'metaipam.io/settled': settled } })).labels, pool);
  }
  assert.equal(routed(claim('a', ipPool({}), { labels: {}, deletionTimestamp: ago(1) })).labels, pool);
});

test('claims of another namespace or watch-filter are not touched', () => {
  const filter = (value: string) => ({ labels: { 'cluster.x-k8s.io/watch-filter': value } });
  const mine = claim('a', ipPool({}), filter('mine'));
  const others = claim('a', ipPool({}), filter('others'));
  const plain = claim('a', ipPool({}), { labels: {} });
  const nothing = { attachments: [] };
  assert.equal(routed(others, { watchFilter: 'mine' }), nothing);
  assert.equal(routed(plain, { watchFilter: 'mine' }), nothing);
  assert.equal(routed(plain, { watchNamespace: 'elsewhere' }), nothing);
  assert.equal(routed(mine, { watchFilter: 'mine', watchNamespace: 'default' }), routed(mine));
  assert.ok(routed(others).labels);
});

test('a label that says something else is put right', () => {
  const { labels } = routed(
    claim('a', ipPool({}), { labels: { 'metaipam.io/pool': 'InClusterIPPool.other' } }),
  );
  assert.equal(labels, { 'metaipam.io/pool': 'InClusterIPPool.pool', ...OPEN });
});

test('H1 F2 F3 F4 other claims are not touched', () => {
  const group = 'ipam.cluster.x-k8s.io';
  for (const poolRef of [
    { apiGroup: group, kind: 'UnknownIPPool', name: 'pool' },
    { kind: 'InClusterIPPool', name: 'pool' },
    { apiGroup: 'cluster.x-k8s.io', kind: 'InClusterIPPool', name: 'pool' },
  ]) {
    assert.equal(routed(referring(poolRef)), { attachments: [] });
  }
});

test.run();
