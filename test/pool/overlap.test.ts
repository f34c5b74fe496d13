import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { crdAdmission } from '../../lib/engine/crd-admission.ts';
import { mergePatch } from '../../lib/engine/merge-patch.ts';
import type { Unstructured } from '../../lib/engine/object.ts';
import { overlapDeeds } from '../../lib/janitor/overlap-deeds.ts';
import { titleOf } from '../../lib/kubernetes/object.ts';
import { readCustomResourceDefinitions } from '../../lib/kubernetes/schema.ts';
import { overlapCondition, overlapsByPool } from '../../lib/pool/overlap.ts';
import { contextAt, globalPool, ipPool, type Pool } from '../hooks/objects.ts';

const INSTALL = 'metaipam-system';
const SPEC = { addresses: ['10.4.0.20-10.4.0.29'] };
const LAN = { 'metaipam.io/address-space': 'lan' };
const MEANT = { 'metaipam.io/may-overlap': '' };

const inTeam = (namespace: string, annotations: object = {}, more: object = {}) =>
  ipPool(SPEC, { name: 'p', namespace, annotations: { ...annotations }, uid: namespace, ...more });
const ofAll = (annotations: object = {}) =>
  globalPool(SPEC, { name: 'g', annotations: { ...annotations }, uid: 'g' });
const NAMESAKES = 'both name the address space lan, but pools share one only within a namespace';

/** What is said of each pool. */
function said(...pools: Pool[]): Record<string, string> {
  const overlaps = overlapsByPool(pools, INSTALL);
  return Object.fromEntries(
    pools.flatMap((pool) => {
      const condition = overlapCondition(pool, overlaps.get(pool));
      return condition === undefined ? [] : [[titleOf(pool), condition.message || condition.reason]];
    }),
  );
}

const apart: readonly [title: string, ...pools: Pool[]][] = [
  ['pools of one space in one namespace', inTeam('a', LAN), inTeam('a', LAN, { name: 'q' })],
  [
    'cluster-scoped pools of one space',
    ofAll(LAN),
    { ...ofAll(LAN), metadata: { ...ofAll(LAN).metadata, name: 'h' } },
  ],
  [
    'a pool of the install’s namespace, whose slices lie beside those of cluster-scoped ones',
    ofAll(LAN),
    inTeam(INSTALL, LAN),
  ],
  ['other addresses', inTeam('a'), ipPool({ addresses: ['10.4.0.30'] }, { name: 'q' })],
  [
    'one that excludes what the other has',
    inTeam('a'),
    ipPool({ ...SPEC, excludedAddresses: SPEC.addresses }, { name: 'q' }),
  ],
  ['one that is invalid', inTeam('a'), ipPool({ addresses: ['10.4.0.20', 'x'] }, { name: 'q' })],
  ['one that is being deleted', inTeam('a'), inTeam('b', {}, { deletionTimestamp: '2026-01-01T00:00:00Z' })],
];
for (const [title, ...pools] of apart) test(`no overlap: ${title}`, () => assert.equal(said(...pools), {}));

test('both say so, and why a space that both name does not help', () => {
  assert.equal(said(inTeam('a'), inTeam('b')), {
    'InClusterIPPool a/p': 'overlaps InClusterIPPool b/p in 10.4.0.20-10.4.0.29',
    'InClusterIPPool b/p': 'overlaps InClusterIPPool a/p in 10.4.0.20-10.4.0.29',
  });
  const namesakes = [inTeam('a', LAN), inTeam('b', LAN), ofAll(LAN)];
  const messages = Object.values(said(...namesakes));
  assert.is(messages.length, 3);
  for (const message of messages) assert.match(message, NAMESAKES);
  assert.not.match(Object.values(said(inTeam('a', LAN), inTeam('b'))).join(), NAMESAKES);
});

test('pools of one namespace that name no space overlap as any others', () => {
  assert.equal(Object.keys(said(inTeam('a'), inTeam('a', {}, { name: 'q' }), inTeam('c', LAN))), [
    'InClusterIPPool a/p',
    'InClusterIPPool a/q',
    'InClusterIPPool c/p',
  ]);
});

test('three are named, and nothing more is said', () => {
  for (const message of Object.values(said(...['a', 'b', 'c', 'd'].map((team) => inTeam(team)))))
    assert.match(message, /^(overlaps [^,]*(, |$)){3}$/);
});

test('of many only some are named, and one more is no news for them', () => {
  const pools = Array.from({ length: 500 }, (_, index) => inTeam(`team-${index}`));
  const messages = said(...pools);
  assert.is(Object.keys(messages).length, pools.length);
  for (const message of Object.values(messages)) assert.match(message, /^(overlaps .*?){3} and more$/);
  assert.equal({ ...said(...pools, inTeam('late')), ...messages }, said(...pools, inTeam('late')));
});

test('one that may overlap says no more than that, the other all the same', () => {
  assert.equal(said(inTeam('a', MEANT), inTeam('b')), {
    'InClusterIPPool a/p': 'MayOverlap',
    'InClusterIPPool b/p': 'overlaps InClusterIPPool a/p in 10.4.0.20-10.4.0.29',
  });
});

const admission = crdAdmission(readCustomResourceDefinitions());
const READY = {
  type: 'Ready',
  status: 'True',
  reason: 'PoolReady',
  message: '',
  lastTransitionTime: '2026-01-01T00:00:00Z',
};

/** Does what the janitor would, once. */
function tidied(pools: readonly Pool[], seconds = 0): Pool[] {
  const deeds = [...overlapDeeds(pools, contextAt(seconds))];
  return pools.map((pool) => {
    const deed = deeds.find(({ why }) => why.startsWith(titleOf(pool)));
    if (deed?.act.verb !== 'patch') return pool;
    assert.is(deed.act.patch.metadata.resourceVersion, '7');
    const next = mergePatch(pool as object as Unstructured, deed.act.patch) as Unstructured;
    assert.equal(admission.validate!(next, pool as object as Unstructured), []);
    return next as object as Pool;
  });
}
const withStatus = (pool: Pool): Pool => ({
  ...pool,
  metadata: { ...pool.metadata, resourceVersion: '7' },
  status: { conditions: [READY as never] },
});
const overlapping = ({ status }: Pool) => status?.conditions?.find(({ type }) => type === 'Overlapping');

test('the janitor says it once, leaves the rest, and takes it back when it is over', () => {
  const pools = [inTeam('a'), inTeam('b')].map(withStatus);
  const told = tidied(pools);
  for (const pool of told) {
    assert.equal(pool.status!.conditions![0], READY);
    assert.is(overlapping(pool)?.status, 'True');
  }
  assert.equal(tidied(told, 60), told);
  const [mended, other] = tidied(
    [{ ...told[0]!, spec: { prefix: 24, addresses: ['10.4.0.30'] } } as Pool, told[1]!],
    90,
  );
  for (const pool of [mended!, other!]) {
    const { status, reason, lastTransitionTime } = overlapping(pool)!;
    assert.equal([status, reason, lastTransitionTime], ['False', 'NoOverlap', '2026-01-02T03:05:35Z']);
  }
  assert.equal(tidied([mended!, other!], 120), [mended!, other!]);
});

test('pools that overlap none cost nothing, and one that no hook has looked at is left alone', () => {
  assert.equal(
    [...overlapDeeds([inTeam('a', LAN), inTeam('a', LAN, { name: 'q' })].map(withStatus), contextAt())],
    [],
  );
  assert.equal([...overlapDeeds([inTeam('a'), inTeam('b')], contextAt())], []);
});

test.run();
