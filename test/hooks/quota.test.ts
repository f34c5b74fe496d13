import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as pools from '../../hooks/pools.ts';
import type { KubernetesObject } from '../../lib/kubernetes/object.ts';
import type { AllocationSlice } from '../../lib/kubernetes/types.ts';
import { readPool } from '../../lib/pool/pool.ts';
import {
  ago,
  answers,
  boundClaim,
  claim,
  contextAt,
  counts,
  globalPool,
  globalPrefixPool,
  ipAddress,
  leaving,
  type Pool,
  poolRequest,
  refusalOf,
  slicesOf,
} from './objects.ts';

const sync = (pool: Pool, related: KubernetesObject[] = [], slices: AllocationSlice[] = []) =>
  pools.sync(poolRequest(pool, slices, related), contextAt());
const poolOf = (maxPerNamespace: number, more: object = {}) =>
  globalPool({ addresses: ['10.0.0.1-10.0.0.9'], maxPerNamespace, ...more });
/** `a-0`: the claim 0 of namespace a; the first are the oldest. */
const claimsOf = (pool: Pool, names: readonly string[], meta: object = {}) =>
  names.map((name, index) =>
    claim(name, pool, { namespace: name[0]!, creationTimestamp: ago(1000 - index), ...meta }),
  );
const ASKS = { annotations: { 'metaipam.io/requested-address': '10.0.0.7' } };

test('the oldest of each namespace are served', () => {
  const pool = poolOf(2);
  const response = sync(pool, claimsOf(pool, ['a-0', 'a-1', 'a-2', 'b-0', 'a-3']));
  assert.equal(answers(response), {
    'a-0': '10.0.0.1',
    'a-1': '10.0.0.2',
    'a-2': 'QuotaExceeded',
    'b-0': '10.0.0.3',
    'a-3': 'QuotaExceeded',
  });
  assert.is(
    refusalOf(response, 'a-2'),
    'namespace a has 2 addresses of GlobalInClusterIPPool pool, of at most 2',
  );
  assert.equal(counts(response), { total: 9, used: 3, free: 6, outOfRange: 0, pending: 2 });
});

test('what is asked for or reserved counts as well', () => {
  const pool = poolOf(1, { reservations: [{ address: '10.0.0.5', claim: 'a-1' }] });
  const [asks] = claimsOf(pool, ['a-0'], ASKS);
  assert.equal(
    answers(sync(pool, [asks!, claim('a-1', pool, { namespace: 'a', creationTimestamp: ago(2000) })])),
    {
      'a-0': 'QuotaExceeded',
      'a-1': '10.0.0.5',
    },
  );
});

test('who has more keeps it, and gets no more before it has less', () => {
  const pool = poolOf(1);
  const had = claimsOf(pool, ['a-0', 'a-1']);
  const next = claim('a-2', pool, { namespace: 'a' });
  const slices = slicesOf(pool, [had[0]!, '10.0.0.1'], [had[1]!, '10.0.0.2']);
  const kept = { 'a-0': '10.0.0.1', 'a-1': '10.0.0.2' };
  assert.equal(answers(sync(pool, [next], slices)), { ...kept, 'a-2': 'QuotaExceeded' });
  const one = sync(pool, [next, leaving(had[0]!)], slices);
  assert.is(answers(one)['a-2'], 'QuotaExceeded');
  const both = sync(pool, [next, ...had.map(leaving)], slices);
  assert.equal(answers(both), { 'a-2': '10.0.0.3' });
});

test('who had an address gets it again, and one from elsewhere is taken over', () => {
  const pool = poolOf(0);
  const [former] = claimsOf(pool, ['a-0']).map((each) => boundClaim(each, '10.0.0.4'));
  const [moved, fresh] = claimsOf(pool, ['b-0', 'b-1']);
  const foreign = ipAddress(pool, 'b-0', '10.0.0.6', { namespace: 'b' });
  assert.equal(answers(sync(pool, [former!, moved!, fresh!, foreign])), {
    'a-0': '10.0.0.4',
    'b-0': '10.0.0.6',
    'b-1': 'QuotaExceeded',
  });
});

test('who says that he had an address, and has no status that says so, gets no more than others', () => {
  const pool = poolOf(1);
  const saying = (text: string, more: object = {}) => ({
    annotations: { 'metaipam.io/address': text, ...more },
  });
  const claims = ['4', '5', '6'].flatMap((last, index) =>
    claimsOf(pool, [`a-${index}`], saying(`10.0.0.${last}`)),
  );
  assert.equal(answers(sync(pool, claims)), {
    'a-0': '10.0.0.4',
    'a-1': 'QuotaExceeded',
    'a-2': 'QuotaExceeded',
  });
  const paused = { 'cluster.x-k8s.io/paused': '' };
  const held = ['4', '5', '6'].flatMap((last, index) =>
    claimsOf(pool, [`a-${index}`], saying(`10.0.0.${last}`, paused)),
  );
  assert.equal(counts(sync(pool, held)), { total: 9, used: 1, free: 8, outOfRange: 0, pending: 0 });
  const [had] = claimsOf(pool, ['a-3'], saying('10.0.0.7', paused)).map((each) =>
    boundClaim(each, '10.0.0.7'),
  );
  assert.is(counts(sync(pool, [...held, had!])).used, 2, 'what it had is kept whatever the quota');
});

test('of prefixes alike', () => {
  const pool = globalPrefixPool({ prefixes: ['fd00::/62'], maxPerNamespace: 1 });
  const response = sync(pool, claimsOf(pool, ['a-0', 'a-1', 'b-0']));
  assert.equal(answers(response), { 'a-0': 'fd00::/64', 'a-1': 'QuotaExceeded', 'b-0': 'fd00:0:0:1::/64' });
  assert.match(refusalOf(response, 'a-1')!, 'namespace a has 1 prefix of GlobalInClusterPrefixPool pool');
});

for (const bad of [-1, 0.5, '2', Number.NaN]) {
  test(`${JSON.stringify(bad)} is no quota`, () => {
    for (const pool of [
      poolOf(bad as number),
      globalPrefixPool({ prefixes: ['fd00::/62'], maxPerNamespace: bad as number }),
    ])
      assert.equal(
        readPool(pool).problems.map(({ field }) => field),
        ['spec.maxPerNamespace'],
      );
  });
}

test.run();
