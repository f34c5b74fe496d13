import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { IPAddressClaim } from '../../lib/kubernetes/types.ts';
import { DEFAULT_CONFIG } from '../../lib/metacontroller/hook.ts';
import { isOurs, isWatched } from '../../lib/pool/reference.ts';

function claim(poolRef: unknown): IPAddressClaim {
  return {
    apiVersion: 'ipam.cluster.x-k8s.io/v1beta2',
    kind: 'IPAddressClaim',
    metadata: { name: 'claim', namespace: 'default' },
    spec: { poolRef },
  } as IPAddressClaim;
}

const GROUP = 'ipam.cluster.x-k8s.io';
const CASES: [string, unknown, boolean][] = [
  ['F1 our group and kind', { apiGroup: GROUP, kind: 'InClusterIPPool', name: 'p' }, true],
  ['F1 the global kind', { apiGroup: GROUP, kind: 'GlobalInClusterIPPool', name: 'p' }, true],
  ['F2 another kind', { apiGroup: GROUP, kind: 'OutOfClusterIPPool', name: 'p' }, false],
  ['F1 a prefix pool', { apiGroup: GROUP, kind: 'InClusterPrefixPool', name: 'p' }, true],
  ['F1 a global prefix pool', { apiGroup: GROUP, kind: 'GlobalInClusterPrefixPool', name: 'p' }, true],
  ['F2 a kind that every object has', { apiGroup: GROUP, kind: 'toString', name: 'p' }, false],
  ['F3 no group', { kind: 'InClusterIPPool', name: 'p' }, false],
  ['F4 another group', { apiGroup: 'cluster.x-k8s.io', kind: 'InClusterIPPool', name: 'p' }, false],
  ['no reference', undefined, false],
];
for (const [what, poolRef, ours] of CASES) {
  test(`${what}: ${ours ? 'ours' : 'not ours'}`, () => assert.is(isOurs(claim(poolRef)), ours));
}

test('a claim without a spec is not ours', () => {
  const { spec: _, ...rest } = claim(undefined);
  assert.not(isOurs(rest as IPAddressClaim));
});

test('watched are the claims of the namespace and with the label that the flags name', () => {
  const watched = (labels: Record<string, string> | undefined, config: object) => {
    const metadata = { name: 'claim', namespace: 'a', ...(labels && { labels }) };
    return isWatched({ metadata }, { ...DEFAULT_CONFIG, ...config });
  };
  const label = { 'cluster.x-k8s.io/watch-filter': 'x' };
  assert.ok(watched(undefined, {}));
  assert.ok(watched(label, {}));
  assert.ok(watched(undefined, { watchNamespace: 'a' }));
  assert.not(watched(label, { watchNamespace: 'b', watchFilter: 'x' }));
  assert.ok(watched(label, { watchFilter: 'x' }));
  assert.not(watched(label, { watchFilter: 'y' }));
  assert.not(watched({}, { watchFilter: 'x' }));
  assert.not(watched(undefined, { watchFilter: 'x' }));
});

test.run();
