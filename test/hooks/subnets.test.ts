import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as pools from '../../hooks/pools.ts';
import { allocationsOf } from '../../lib/allocation/slice.ts';
import { addressOf } from '../../lib/claim/ip-address.ts';
import type {
  AllocationSlice,
  InClusterIPPool,
  InClusterIPPoolSpec,
  IPAddress,
  IPAddressClaim,
} from '../../lib/kubernetes/types.ts';
import { DEFAULT_CONFIG } from '../../lib/metacontroller/hook.ts';
import {
  ago,
  answers,
  applyChildren,
  claim,
  condition,
  contextAt,
  counts,
  ipPool,
  poolRequest,
  slicesOf,
} from './objects.ts';

const A = { addresses: ['10.0.0.2-10.0.0.3'], prefix: 29, gateway: '10.0.0.1' };
const B = { addresses: ['10.0.0.10-10.0.0.12'], prefix: 28, gateway: '10.0.0.9' };
const FAR = { addresses: ['10.7.0.10-10.7.0.12'], prefix: 24 };

const poolOf = (spec: InClusterIPPoolSpec): InClusterIPPool => ({ ...ipPool({}), spec });
const claimsOf = (pool: InClusterIPPool, count: number) =>
  Array.from({ length: count }, (_, index) =>
    claim(`c${index}`, pool, { creationTimestamp: ago(900 - index) }),
  );

/** What a sync writes, as the API server admits it. */
function sync(pool: InClusterIPPool, claims: IPAddressClaim[], slices: AllocationSlice[] = []) {
  const response = pools.sync(poolRequest(pool, slices, claims), contextAt());
  return { response, slices: applyChildren(pool, slices, response.children, 500) };
}

/** Address, prefix and gateway of the IPAddress that each claim gets of the slices. */
function bindings(slices: AllocationSlice[], claims: readonly IPAddressClaim[]): Record<string, string> {
  return Object.fromEntries(
    allocationsOf(slices).map((allocation) => {
      const owner = claims.find(({ metadata }) => metadata.uid === allocation.entry.uid)!;
      const { address, prefix, gateway } = (
        addressOf(owner, allocation, DEFAULT_CONFIG) as object as IPAddress
      ).spec;
      return [owner.metadata.name, `${address}/${prefix} ${gateway ?? '-'}`];
    }),
  );
}

test('in order: the second subnet is used when the first is full, each with its prefix and gateway', () => {
  const pool = poolOf({ subnets: [B, A, FAR] });
  const claims = claimsOf(pool, 9);
  const { response, slices } = sync(pool, claims);
  assert.equal(bindings(slices, claims), {
    c0: '10.0.0.10/28 10.0.0.9',
    c1: '10.0.0.11/28 10.0.0.9',
    c2: '10.0.0.12/28 10.0.0.9',
    c3: '10.0.0.2/29 10.0.0.1',
    c4: '10.0.0.3/29 10.0.0.1',
    c5: '10.7.0.10/24 -',
    c6: '10.7.0.11/24 -',
    c7: '10.7.0.12/24 -',
  });
  assert.is(answers(response).c8, 'PoolExhausted');
  assert.equal(counts(response), { total: 8, used: 8, free: 0, outOfRange: 0, pending: 1 });
});

test('a slice says its subnet once, and beside the entries that are in another', () => {
  const pool = poolOf({ subnets: [A, B] });
  const { slices } = sync(pool, claimsOf(pool, 3));
  const [slice] = slices;
  assert.equal([slice!.spec.prefix, slice!.spec.gateway], [29, '10.0.0.1']);
  assert.equal(
    Object.values(slice!.spec.entries!).map(({ subnet }) => subnet),
    [{ prefix: 28, gateway: '10.0.0.9' }, undefined, undefined],
  );
});

test('at random: any address of the first subnet before any of the next', () => {
  const pool = poolOf({ subnets: [B, A], strategy: 'Random' });
  const given = answers(sync(pool, claimsOf(pool, 5)).response);
  assert.equal(['c0', 'c1', 'c2'].map((name) => given[name]).sort(), ['10.0.0.10', '10.0.0.11', '10.0.0.12']);
  assert.equal(['c3', 'c4'].map((name) => given[name]).sort(), ['10.0.0.2', '10.0.0.3']);
});

test('requested and reserved addresses come with their own subnet too', () => {
  const reservations = [{ address: '10.0.0.11', claim: 'vip' }];
  const pool = poolOf({ subnets: [A, B], reservations });
  const asks = claim('asks', pool, { annotations: { 'metaipam.io/requested-address': '10.0.0.12' } });
  const claims = [asks, claim('vip', pool)];
  assert.equal(bindings(sync(pool, claims).slices, claims), {
    asks: '10.0.0.12/28 10.0.0.9',
    vip: '10.0.0.11/28 10.0.0.9',
  });
});

test('host routes: single addresses with a gateway that is in none of their subnets', () => {
  const routes = { addresses: ['10.0.0.5', '10.3.0.0', '192.0.2.7'], prefix: 32, gateway: '198.51.100.1' };
  const pool = poolOf({ subnets: [routes] });
  const claims = claimsOf(pool, 3);
  assert.equal(bindings(sync(pool, claims).slices, claims), {
    c0: '10.0.0.5/32 198.51.100.1',
    c1: '10.3.0.0/32 198.51.100.1',
    c2: '192.0.2.7/32 198.51.100.1',
  });
});

/** What two claims of A, one of B and one of FAR have, and what becomes of it when the pool is edited. */
const EDITS: Record<
  string,
  [spec: InClusterIPPoolSpec, outOfRange: number, changed: Record<string, string>, next: string]
> = {
  'a subnet more': [
    { subnets: [A, B, FAR, { addresses: ['10.9.0.9'], prefix: 32 }] },
    0,
    {},
    '10.0.0.11/28 10.0.0.9',
  ],
  'another order': [{ subnets: [FAR, B, A] }, 0, {}, '10.7.0.11/24 -'],
  'one less': [{ subnets: [B, FAR] }, 2, {}, '10.0.0.11/28 10.0.0.9'],
  'one less, another in front': [
    { subnets: [{ ...FAR, gateway: '10.7.0.1' }] },
    3,
    { c3: '10.7.0.10/24 10.7.0.1' },
    '10.7.0.11/24 10.7.0.1',
  ],
  'one smaller': [{ subnets: [{ ...A, addresses: ['10.0.0.3'] }, B, FAR] }, 1, {}, '10.0.0.11/28 10.0.0.9'],
  'another gateway': [
    { subnets: [{ ...A, gateway: '10.0.0.6' }, B, FAR] },
    0,
    { c0: '10.0.0.2/29 10.0.0.6', c1: '10.0.0.3/29 10.0.0.6' },
    '10.0.0.11/28 10.0.0.9',
  ],
  'the flat form, of one of them': [B, 3, {}, '10.0.0.11/28 10.0.0.9'],
  'what is no pool': [{ subnets: [{ addresses: ['10.0.0.2'], prefix: 99 }] }, 4, {}, 'PoolNotReady'],
};

for (const [what, [spec, outOfRange, changed, next]] of Object.entries(EDITS)) {
  test(`an edit takes no address, prefix or gateway from anybody: ${what}`, () => {
    const before = poolOf({ subnets: [A, B, FAR] });
    const claims = claimsOf(before, 3);
    const far = claim('c3', before, { annotations: { 'metaipam.io/requested-address': '10.7.0.10' } });
    const { slices } = sync(before, [...claims, far]);
    const had = bindings(slices, [...claims, far]);
    const after = poolOf(spec);
    const late = claim('late', after, { creationTimestamp: ago(5) });
    const synced = sync(after, [late], slices);
    const { late: given, ...kept } = bindings(synced.slices, [...claims, far, late]);
    assert.equal(kept, { ...had, ...changed });
    assert.is(given ?? answers(synced.response).late, next);
    assert.is(counts(synced.response).outOfRange, outOfRange);
    assert.is(condition(synced.response, 'OutOfRange')?.split('/')[0], outOfRange > 0 ? 'True' : 'False');
    // Once more: the same view, the same words.
    const again = pools.sync(poolRequest(after, synced.slices, [late]), contextAt());
    const specs = again.children.map(({ spec }) => spec);
    assert.equal(
      specs,
      synced.slices.map(({ spec }) => spec),
    );
  });
}

test('pieces of a shared address space are single addresses, each with its subnet', () => {
  const pool = poolOf({ subnets: [A, B] });
  const shared = {
    ...pool,
    metadata: { ...pool.metadata, annotations: { 'metaipam.io/address-space': 'lab' } },
  };
  const slices = slicesOf(shared, [claim('a', shared), '10.0.0.3'], [claim('b', shared), '10.0.0.12']);
  assert.equal(
    slices.map(({ spec }) => [spec.cidr, spec.prefix, spec.gateway, Object.values(spec.entries!)[0]!.subnet]),
    [
      ['10.0.0.12/32', 28, '10.0.0.9', undefined],
      ['10.0.0.3/32', 29, '10.0.0.1', undefined],
    ],
  );
});

test('a gateway that the pool has no more is given to nobody, though another than Metacontroller wrote it into the slice', () => {
  const claims = claimsOf(poolOf(A), 2);
  const { slices: before } = sync(poolOf(A), claims.slice(0, 1));
  const { gateway: _, ...bare } = A;
  const { slices: after } = sync(poolOf(bare), claims, before);
  const kept = after.map((slice) => ({ ...slice, spec: { ...slice.spec, gateway: A.gateway } }));
  assert.is(bindings(kept, claims).c1, '10.0.0.3/29 -');
  const { slices: later } = sync(poolOf(bare), claims, after);
  assert.equal(
    later.flatMap(({ spec }) => Object.values(spec.entries ?? {})).map(({ subnet }) => subnet),
    [undefined, undefined],
    'once the slice has lost it, nothing has to be said',
  );
});

test.run();
