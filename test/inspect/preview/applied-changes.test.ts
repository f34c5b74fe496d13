import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { changedFields, lastApplied } from '../../../lib/inspect/preview/applied-changes.ts';
import type { KubernetesObject } from '../../../lib/kubernetes/object.ts';
import { node, pool } from '../objects.ts';

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

test('the fields that differ, by their path, with both values', () => {
  const before = pool(
    'p',
    { addresses: ['10.0.0.1'], prefix: 24, gateway: '10.0.0.9' },
    { labels: { a: '1' } },
  );
  const after = pool(
    'p',
    { addresses: ['10.0.0.1', '10.0.0.2'], prefix: 24 },
    {
      labels: { a: '1', 'b/c': '2' },
      annotations: { [LAST_APPLIED]: '{}' },
      generation: 2,
      resourceVersion: '9',
    },
    { conditions: [] },
  );
  assert.equal(changedFields(before, after), [
    'metadata.labels[b/c]: unset becomes "2"',
    'spec.addresses: ["10.0.0.1"] becomes ["10.0.0.1","10.0.0.2"]',
    'spec.gateway: "10.0.0.9" becomes unset',
  ]);
  assert.equal(changedFields(before, before), []);
});

test('nested fields and long integers', () => {
  const before = pool('p', { a: { b: 1, c: 2 }, n: JSON.rawJSON('9223372036854775807') });
  const after = pool('p', { a: { b: 1, c: 3 }, n: JSON.rawJSON('9223372036854775806') });
  assert.equal(changedFields(before, after), [
    'spec.a.c: 2 becomes 3',
    'spec.n: 9223372036854775807 becomes 9223372036854775806',
  ]);
});

test('what was applied last: the note of kubectl, else the spec, unless others write to it too', () => {
  const spec = { addresses: ['10.0.0.1'], prefix: 24 };
  const identity = {
    apiVersion: 'ipam.cluster.x-k8s.io/v1alpha2',
    kind: 'InClusterIPPool',
    metadata: { name: 'p', namespace: 'default' },
  };
  const noted = (note: string) =>
    lastApplied(pool('p', spec, { labels: { by: 'others' }, annotations: { [LAST_APPLIED]: note } }));
  assert.equal(noted('{"metadata":{"labels":{"a":"1"},"name":"x"},"spec":{"prefix":8}}'), {
    ...identity,
    metadata: { ...identity.metadata, labels: { a: '1' } },
    spec: { prefix: 8 },
  } as object as KubernetesObject);
  for (const note of ['', 'nonsense', '7', 'null', '{}', '{"metadata":7}']) {
    assert.equal(noted(note), { ...identity, spec } as object as KubernetesObject, note);
  }
  assert.equal(lastApplied(node('n', ['10.0.0.0/24'])), {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'n' },
  });
  for (const kind of ['Namespace', 'Cluster']) {
    const ofMany = { apiVersion: 'v1', kind, metadata: { name: 'n' } };
    assert.equal(lastApplied({ ...ofMany, spec: { by: 'others' } } as KubernetesObject), ofMany);
  }
});

test.run();
