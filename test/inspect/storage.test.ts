import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { definitionChange, poolChange, unreadablePool } from '../../lib/inspect/storage.ts';
import type { InstalledDefinition } from '../../lib/kubernetes/installed-definition.ts';
import { readCustomResourceDefinitions } from '../../lib/kubernetes/schema.ts';
import type { Pool } from '../../lib/pool/pool.ts';

const released = readCustomResourceDefinitions().find(({ spec }) => spec.names.kind === 'InClusterIPPool')!;
const { versions } = released.spec;

function installed(spec: object, storedVersions: string[]): InstalledDefinition {
  const metadata = { ...released.metadata, resourceVersion: '7' };
  return { ...released, metadata, spec: { ...released.spec, ...spec }, status: { storedVersions } } as never;
}

const WEBHOOK = { conversion: { strategy: 'Webhook', webhook: {} } };
const ONE_VERSION = { versions: versions.filter(({ name }) => name === 'v1alpha2') };

const DEFINITIONS: [what: string, spec: object, stored: string[], effects?: string[]][] = [
  ['as released', {}, ['v1alpha2']],
  ['as released, once v1alpha1', {}, ['v1alpha1', 'v1alpha2']],
  ['without v1alpha1, which nobody needs', ONE_VERSION, ['v1alpha2']],
  ['that would prune', ONE_VERSION, ['v1alpha1', 'v1alpha2'], ['given the versions of this release']],
  [
    'with a webhook',
    WEBHOOK,
    ['v1alpha2'],
    ['freed of its conversion webhook', 'given the versions of this release'],
  ],
];
for (const [what, spec, stored, effects] of DEFINITIONS) {
  test(`a CRD ${what}`, () => {
    const change = definitionChange(installed(spec, stored), released);
    assert.equal(change?.effects, effects);
    if (change === undefined) return;
    const isConverted = 'conversion' in spec;
    assert.equal(change.patch, {
      metadata: { resourceVersion: '7' },
      spec: { versions, ...(isConverted && { conversion: { strategy: 'None', webhook: null } }) },
    });
  });
}

const pool = (spec: object, annotations = {}): Pool =>
  ({ kind: 'InClusterIPPool', metadata: { name: 'p', resourceVersion: '3', annotations }, spec }) as never;

test('a pool of several subnets is left as it is', () => {
  const { patch, effects } = poolChange(pool({ subnets: [{ addresses: ['10.0.0.5'], prefix: 24 }] }));
  assert.equal([patch, effects], [{ metadata: { resourceVersion: '3' } }, []]);
});

test('a pool of v1alpha1 is written in the fields of v1alpha2', () => {
  assert.equal(poolChange(pool({ addresses: ['10.0.0.5'], subnet: '10.0.0.0/24', gateway: '10.0.0.1' })), {
    patch: {
      metadata: { resourceVersion: '3' },
      spec: {
        addresses: ['10.0.0.5', '10.0.0.1-10.0.0.254'],
        prefix: 24,
        subnet: null,
        start: null,
        end: null,
      },
    },
    effects: ['given addresses: [10.0.0.5, 10.0.0.1-10.0.0.254], prefix: 24'],
  });
});

test('a pool without prefix gets the 0 that it is served with', () => {
  assert.equal(poolChange(pool({ addresses: ['10.0.0.5'] })).effects, [
    'given addresses: [10.0.0.5], prefix: 0',
  ]);
});

test('a pool of v1alpha2 stays, but for the copy of its other form', () => {
  const spec = { addresses: ['10.0.0.5'], prefix: 24 };
  assert.equal(poolChange(pool(spec)), { patch: { metadata: { resourceVersion: '3' } }, effects: [] });
  const copy = { 'cluster.x-k8s.io/conversion-data': '{}' };
  assert.equal(poolChange(pool(spec, copy)), {
    patch: {
      metadata: { resourceVersion: '3', annotations: { 'cluster.x-k8s.io/conversion-data': null } },
    },
    effects: ['freed of the copy of its v1alpha1 form'],
  });
});

test('what cannot be read stays as it is', () => {
  const odd = pool({ subnet: 'nonsense' });
  assert.equal(poolChange(odd).effects, []);
  assert.match(unreadablePool(odd) ?? '', `no '/'`);
  assert.is(unreadablePool(pool({ addresses: ['nonsense'], prefix: 24 })), undefined);
});

test.run();
