import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { subnetCounts } from '../../lib/inspect/subnet-counts.ts';
import type { CompositeRequest } from '../../lib/metacontroller/hook.ts';
import type { Pool } from '../../lib/pool/pool.ts';
import { ago, claim, contextAt, globalPrefixPool, ipPool, poolRequest, slicesOf } from '../hooks/objects.ts';

const NEAR = { addresses: ['10.0.0.10-10.0.0.12'], prefix: 28 };
const NEXT = { addresses: ['10.0.0.17-10.0.0.20'], prefix: 28, gateway: '10.0.0.20' };
const ROUTES = { addresses: ['10.9.0.7', '10.0.0.12', '10.8.0.0/31'], prefix: 32 };

const poolOf = (spec: object) => ({ ...ipPool({}), spec }) as Pool;
function countsOf(pool: Pool, ...given: Parameters<typeof slicesOf>[1][]): string[] {
  const waiting = claim('waiting', pool);
  const request = poolRequest(pool, slicesOf(pool, ...given), [waiting]) as CompositeRequest<Pool>;
  return subnetCounts(request, contextAt()).map(
    ({ cidr, total, used, free }) => `${cidr} ${total} ${used} ${free}`,
  );
}

test('what a subnet has, and what of it is used, with what this sync gives', () => {
  const pool = poolOf({ subnets: [NEXT, NEAR] });
  assert.equal(countsOf(pool, [claim('a', pool), '10.0.0.18'], [claim('b', pool), '10.0.0.11']), [
    '10.0.0.16/28 3 2 1',
    '10.0.0.0/28 3 1 2',
  ]);
});

test('what is excluded, reserved or held for a while is not free; what is remembered is', () => {
  const subnets = [{ ...NEAR, excludedAddresses: ['10.0.0.10'] }, NEXT];
  const kept = { subnets, reservations: [{ address: '10.0.0.12', claim: 'vip' }] };
  const held = { subnets, addressReuseGracePeriodSeconds: 600 };
  const past = { subnets, strategy: 'LeastRecentlyUsed' };
  const old = { released: ago(60) };
  const after = (spec: object) => countsOf(poolOf(spec), [claim('a'), '10.0.0.17', old]);
  assert.equal(countsOf(poolOf(kept)), ['10.0.0.0/28 2 1 0', '10.0.0.16/28 3 0 3']);
  assert.equal(after(held), ['10.0.0.0/28 2 1 1', '10.0.0.16/28 3 1 2']);
  assert.equal(after(past), ['10.0.0.0/28 2 1 1', '10.0.0.16/28 3 0 3']);
});

test('what is in use and not given any more is used; what no subnet lists is of none', () => {
  const pool = poolOf({ subnets: [{ ...NEAR, excludedAddresses: ['10.0.0.10'] }, NEXT] });
  assert.equal(countsOf(pool, [claim('a', pool), '10.0.0.10'], [claim('b', pool), '10.7.0.1']), [
    '10.0.0.0/28 2 2 1',
    '10.0.0.16/28 3 0 3',
  ]);
});

test('subnets of one CIDR count as one, host routes by the first, and one that lists nothing of its own not', () => {
  const rest = { addresses: ['10.0.0.13'], prefix: 28, gateway: '10.0.0.1' };
  assert.equal(countsOf(poolOf({ subnets: [NEAR, ROUTES, rest, NEAR] })), [
    '10.0.0.0/28 4 1 3',
    '10.8.0.0/32 3 0 3',
  ]);
});

test('a pool of one subnet, of prefixes or of what cannot be read has none', () => {
  assert.equal(countsOf(poolOf({ subnets: [NEAR] })), []);
  assert.equal(countsOf(poolOf(NEAR)), []);
  assert.equal(countsOf(poolOf({ subnets: [NEAR, { ...NEXT, gateway: 'x' }] })), []);
  assert.equal(countsOf(poolOf({ subnets: 'ab' })), []);
  assert.equal(countsOf(globalPrefixPool({ prefixes: ['fd00::/62'] })), []);
});

test.run();
