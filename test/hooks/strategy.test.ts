import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as pools from '../../hooks/pools.ts';
import { parsePrefix } from '../../lib/address/range.ts';
import type { AllocationSlice } from '../../lib/kubernetes/types.ts';
import { readPool } from '../../lib/pool/pool.ts';
import {
  ago,
  answers,
  claim,
  contextAt,
  ipPool,
  type Pool,
  poolRequest,
  prefixPool,
  slicesOf,
} from './objects.ts';

const sync = (pool: Pool, names: readonly string[], slices: AllocationSlice[] = []) => {
  const claims = names.map((name, index) => claim(name, pool, { creationTimestamp: ago(1000 - index) }));
  return answers(pools.sync(poolRequest(pool, slices, claims), contextAt()));
};
const names = (count: number) => Array.from({ length: count }, (_, index) => `claim-${index}`);
const random = (addresses: string[], more: object = {}) => ipPool({ addresses, strategy: 'Random', ...more });

test('at random: spread, each once, and the same to the same claim', () => {
  const pool = random(['10.0.0.1-10.0.0.250']);
  const given = sync(pool, names(40));
  assert.is(new Set(Object.values(given)).size, 40);
  assert.ok(Object.values(given).some((address) => Number(address.split('.')[3]) > 200));
  assert.equal(sync(pool, names(40)), given);
  assert.equal(sync(pool, ['claim-0']), { 'claim-0': given['claim-0'] });
});

test('at random: down to the last that is free, past what is used, excluded, reserved or a gateway', () => {
  const pool = random(['10.0.0.1-10.0.0.3', '10.0.0.8-10.0.0.12'], {
    excludedAddresses: ['10.0.0.9'],
    gateway: '10.0.0.2',
    reservations: [{ address: '10.0.0.11', claim: 'vip' }],
  });
  const slices = slicesOf(pool, [claim('old', pool), '10.0.0.3']);
  const given = sync(pool, names(5), slices);
  const { old, ...fresh } = given;
  assert.is(old, '10.0.0.3');
  assert.equal(Object.values(fresh).sort(), [
    '10.0.0.1',
    '10.0.0.10',
    '10.0.0.12',
    '10.0.0.8',
    'PoolExhausted',
  ]);
  assert.is(given['claim-4'], 'PoolExhausted', 'the youngest');
});

test('at random: large pools, and prefixes', () => {
  const [address] = Object.values(sync(random(['fd00::/64'], { prefix: 64 }), ['a']));
  assert.match(address!, /^fd00::[0-9a-f]+:[0-9a-f]+:[0-9a-f]+/);
  const pool = prefixPool({ prefixes: ['fd00::/48'], excludedPrefixes: ['fd00::/64'], strategy: 'Random' });
  const given = Object.values(sync(pool, names(5)));
  assert.is(new Set(given).size, 5);
  for (const text of given) assert.is(parsePrefix(text)?.length, 64);
});

test('LowestFree is what a pool does that says nothing', () => {
  const lowest = { 'claim-0': '10.0.0.1', 'claim-1': '10.0.0.2' };
  assert.equal(sync(ipPool({ addresses: ['10.0.0.1-10.0.0.250'] }), names(2)), lowest);
  assert.equal(sync(random(['10.0.0.1-10.0.0.250'], { strategy: 'LowestFree' }), names(2)), lowest);
});

test('another strategy is refused', () => {
  const strategy = 'Best' as 'Random';
  for (const pool of [
    random(['10.0.0.1'], { strategy }),
    prefixPool({ prefixes: ['fd00::/64'], strategy }),
  ]) {
    const [problem, ...others] = readPool(pool).problems;
    assert.equal(
      [problem?.field, problem?.message, others],
      ['spec.strategy', 'strategy must be one of LowestFree, Random, LeastRecentlyUsed', []],
    );
  }
});

test.run();
