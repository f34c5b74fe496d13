import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as globalPools from '../../hooks/global-pools.ts';
import * as pools from '../../hooks/pools.ts';
import type { KubernetesObject } from '../../lib/kubernetes/object.ts';
import type {
  InClusterIPPoolSpec,
  IPAddress,
  IPAddressClaim,
  IPAllocation,
} from '../../lib/kubernetes/types.ts';
import type { CompositeResponse } from '../../lib/metacontroller/hook.ts';
import {
  ALLOCATIONS,
  ago,
  allocation,
  answers,
  applyChildren,
  boundClaim,
  claim,
  condition,
  contextAt,
  counts,
  globalPool,
  groups,
  ipAddress,
  ipPool,
  objectMap,
  type Pool,
  poolRequest,
  refusalOf,
} from './objects.ts';

const KINDS = { InClusterIPPool: ipPool, GlobalInClusterIPPool: globalPool } as const;
const PAUSED = { 'cluster.x-k8s.io/paused': '' };

function eachKind(name: string, check: (make: (spec: Partial<InClusterIPPoolSpec>) => Pool) => void): void {
  for (const [kind, make] of Object.entries(KINDS)) test(`${name} (${kind})`, () => check(make));
}

function sync(pool: Pool, related: KubernetesObject[] = [], allocations: IPAllocation[] = [], seconds = 0) {
  const hooks = pool.kind === 'InClusterIPPool' ? pools : globalPools;
  return hooks.sync(poolRequest(pool, allocations, related), contextAt(seconds));
}

function finalize(
  pool: Pool,
  related: KubernetesObject[] = [],
  allocations: IPAllocation[] = [],
  seconds = 0,
) {
  const hooks = pool.kind === 'InClusterIPPool' ? pools : globalPools;
  return hooks.finalize(poolRequest(pool, allocations, related), contextAt(seconds));
}

/** Syncs until nothing changes, as Metacontroller does. */
function settle(pool: Pool, related: KubernetesObject[] = [], allocations: IPAllocation[] = [], seconds = 0) {
  let observed = allocations;
  let response: CompositeResponse | undefined;
  for (let round = 1; round <= 5; round++) {
    const next = sync(pool, related, observed, seconds);
    if (JSON.stringify(next) === JSON.stringify(response)) return { response: next, allocations: observed };
    observed = applyChildren(observed, next.children, 1000 * round);
    response = next;
  }
  throw new Error('the pool does not come to rest');
}

function claimsOf(pool: Pool, count: number): IPAddressClaim[] {
  return Array.from({ length: count }, (_, n) => claim(`claim-${n}`, pool));
}

// Counts

const G1: [string, number, string, string | undefined, number, number, number, number][] = [
  ['G1.1', 24, '10.0.0.10-10.0.0.20', undefined, 1, 11, 1, 10],
  ['G1.2', 24, '10.0.0.10-10.0.0.20', undefined, 2, 11, 2, 9],
  ['G1.3', 24, '10.0.0.10-10.0.0.20', '10.0.0.10', 1, 10, 1, 9],
  ['G1.4', 24, '10.0.0.10-10.0.0.20', '10.0.0.10', 2, 10, 2, 8],
  ['G1.5', 24, '10.0.0.10-10.0.0.20', '10.0.0.1', 1, 11, 1, 10],
  ['G1.6', 24, '10.0.0.0-10.0.0.1', '10.0.0.2', 1, 1, 1, 0],
  ['G1.7', 24, '10.0.0.254-10.0.0.255', '10.0.0.1', 1, 1, 1, 0],
  ['G1.8', 120, 'fe80::ffff', 'fe80::a', 1, 1, 1, 0],
];
for (const [id, prefix, addresses, gateway, claims, total, used, free] of G1) {
  eachKind(`${id} ${claims} of ${total} in use`, (make) => {
    const pool = make({ addresses: [addresses], prefix, ...(gateway && { gateway }) });
    assert.equal(counts(sync(pool)), { total, used: 0, free: total, outOfRange: 0, pending: 0 });
    const { response } = settle(pool, claimsOf(pool, claims));
    assert.equal(counts(response), { total, used, free, outOfRange: 0, pending: 0 });
  });
}

const G2: [string, string[], number, string[], number, string][] = [
  ['G2.1', ['10.0.0.10-10.0.0.20'], 5, ['10.0.0.13-10.0.0.20'], 3, '10.0.0.10-10.0.0.12'],
  ['G2.2', ['10.0.0.0-10.0.0.255'], 4, ['10.0.0.1-10.0.0.255'], 1, '10.0.0.0'],
  ['G2.3', ['10.0.0.0-10.0.0.255'], 5, ['10.0.0.0', '10.0.0.2-10.0.0.255'], 1, '10.0.0.0'],
  ['G2.4', ['10.0.0.251-10.0.0.255'], 5, ['10.0.0.251-10.0.0.254'], 1, '10.0.0.255'],
];
for (const [id, initial, claims, shrunken, outOfRange, told] of G2) {
  eachKind(`${id} ${outOfRange} out of range after shrinking, all of them kept`, (make) => {
    const gateway = '10.0.0.1';
    const before = make({ addresses: initial, gateway, allocateReservedIPAddresses: true });
    const { allocations } = settle(before, claimsOf(before, claims));
    const after = make({ addresses: shrunken, gateway });
    const { response, allocations: kept } = settle(after, claimsOf(after, claims), allocations);
    assert.equal(kept, allocations);
    const { used, free, total, ...others } = counts(response);
    assert.equal(others, { outOfRange, pending: 0 });
    assert.is(used, claims);
    assert.is(free, (total as number) - (claims - outOfRange));
    assert.is(condition(response, 'OutOfRange'), 'True/AddressesOutsidePool');
    assert.match(JSON.stringify(response.status), `pool: ${told}"`);
  });
}

test('C3.2 shrinking under an address in use shows it', () => {
  const before = ipPool({ addresses: ['10.0.0.10-10.0.0.20'], gateway: '10.0.0.1' });
  const { allocations } = settle(before, claimsOf(before, 1));
  const after = ipPool({ addresses: ['10.0.0.15-10.0.0.20'], gateway: '10.0.0.1' });
  const { response } = settle(after, claimsOf(after, 1), allocations);
  assert.equal(counts(response), { total: 6, used: 1, free: 6, outOfRange: 1, pending: 0 });
});

const A1: [string, Partial<InClusterIPPoolSpec>, number][] = [
  ['A1.1', { addresses: ['192.168.0.3-192.168.0.10'], prefix: 0 }, 8],
  ['A1.3', { addresses: ['192.168.0.0', '192.168.0.3-192.168.0.4', '192.168.0.6/31'] }, 4],
  ['A1.6', { addresses: ['192.168.0.0/24'], allocateReservedIPAddresses: true }, 255],
  ['A1.8', { addresses: ['192.168.0.0/24'], excludedAddresses: ['192.168.0.128/25'] }, 126],
  ['A1.9', { addresses: ['192.168.0.0/24'], excludedAddresses: ['192.168.0.2-192.168.0.20'] }, 234],
];
for (const [id, spec, total] of A1) {
  test(`${id} total ${total}`, () => {
    assert.is(counts(sync(ipPool({ gateway: '192.168.0.1', ...spec }))).total, total);
  });
}

test('A5.7 A5.8 counts beyond int64 are capped there and written exactly', () => {
  for (const addresses of [['fe80::1/20'], ['fe80::1/65'], ['::/0']]) {
    const pool = ipPool({ addresses, prefix: 0 });
    const text = JSON.stringify(sync(pool, [claim('a', pool)]).status);
    assert.match(text, '"total":9223372036854775807,"used":1,"free":9223372036854775807,');
  }
});

test('counts beyond 2^53 are exact', () => {
  const pool = ipPool({ addresses: ['fd00::/72'], prefix: 64, gateway: 'fd01::1' });
  const text = JSON.stringify(sync(pool, [claim('a', pool)]).status);
  assert.match(text, '"total":72057594037927935,"used":1,"free":72057594037927934,');
});

test('a /64 is served from its second address on', () => {
  const pool = ipPool({ addresses: ['fd00::/64'], prefix: 64 });
  assert.equal(answers(sync(pool, claimsOf(pool, 2))), { 'claim-0': 'fd00::1', 'claim-1': 'fd00::2' });
});

// Which address

test('H2 the whole allocation', () => {
  const pool = ipPool({ addresses: ['10.0.0.1-10.0.0.254'], gateway: '10.0.0.2' });
  const { children, resyncAfterSeconds } = sync(pool, [claim('test', pool)]);
  assert.equal(children, [
    {
      apiVersion: 'metaipam.io/v1alpha1',
      kind: 'IPAllocation',
      metadata: {
        name: 'pool.10.0.0.1',
        namespace: 'default',
        labels: { 'metaipam.io/claim-uid': 'uid-test', 'metaipam.io/pool': 'InClusterIPPool.pool' },
      },
      spec: {
        poolRef: {
          apiGroup: 'ipam.cluster.x-k8s.io',
          kind: 'InClusterIPPool',
          name: 'pool',
          uid: 'pool-uid',
        },
        claimRef: {
          apiGroup: 'ipam.cluster.x-k8s.io',
          kind: 'IPAddressClaim',
          namespace: 'default',
          name: 'test',
          uid: 'uid-test',
        },
        address: '10.0.0.1',
        prefix: 24,
        gateway: '10.0.0.2',
      },
    },
  ]);
  assert.ok(resyncAfterSeconds! > 0, 'looks again in case nothing was created');
});

eachKind('H3 H9 another pool’s claim is not answered', (make) => {
  const pool = make({ addresses: ['10.0.0.0/24'] });
  const other = { ...pool, metadata: { ...pool.metadata, name: 'other' } };
  assert.equal(answers(sync(pool, [claim('a', other)])), {});
});

eachKind('H4 network, broadcast and gateway are not given; the second claim waits', (make) => {
  const addresses = ['10.0.1.0', '10.0.1.1', '10.0.1.2', '10.0.1.255'];
  const pool = make({ addresses, gateway: '10.0.1.1' });
  const response = sync(pool, [claim('test', pool), claim('test2', pool)]);
  assert.equal(answers(response), { test: '10.0.1.2', test2: 'PoolExhausted' });
  assert.equal(counts(response), { total: 1, used: 1, free: 0, outOfRange: 0, pending: 1 });
  assert.is(condition(response, 'Exhausted'), 'True/NoFreeAddress');
});

eachKind('H5 excluded addresses are skipped', (make) => {
  const excludedAddresses = ['10.1.1.2-10.1.1.5', '10.1.1.7'];
  const pool = make({ addresses: ['10.1.1.0/24'], gateway: '10.1.1.1', excludedAddresses });
  const claims: IPAddressClaim[] = [];
  let allocations: IPAllocation[] = [];
  for (const name of ['c', 'b', 'a']) {
    claims.push(claim(name, pool));
    ({ allocations } = settle(pool, claims, allocations));
  }
  assert.equal(allocations.map(({ spec }) => [spec.claimRef.name, spec.address]).sort(), [
    ['a', '10.1.1.9'],
    ['b', '10.1.1.8'],
    ['c', '10.1.1.6'],
  ]);
});

test('H6 the lowest address, not the first listed', () => {
  const pool = ipPool({ addresses: ['10.0.1.3', '10.0.1.2'], gateway: '10.0.1.1' });
  assert.equal(answers(sync(pool, [claim('test', pool)])), { test: '10.0.1.2' });
});

test('H7 without a gateway the allocation has none', () => {
  const pool = ipPool({ addresses: ['10.0.0.1-10.0.0.254'] });
  const { spec } = sync(pool, [claim('test', pool)]).children[0]!;
  assert.is((spec as IPAllocation['spec']).address, '10.0.0.1');
  assert.not('gateway' in spec!);
});

test('H8 H21 a global pool serves claims of one name in two namespaces', () => {
  const pool = globalPool({ addresses: ['10.0.0.2-10.0.0.254'], gateway: '10.0.0.1' });
  const claims = ['ns1', 'ns2'].map((namespace) =>
    claim('test', pool, { namespace, uid: `uid-${namespace}` }),
  );
  const { children } = sync(pool, claims);
  assert.equal(
    children.map(({ metadata, spec }) => {
      const { claimRef, poolRef } = spec as IPAllocation['spec'];
      return [metadata.namespace, metadata.name, claimRef.namespace, poolRef.kind];
    }),
    [
      ['metaipam-system', 'pool.10.0.0.2.global', 'ns1', 'GlobalInClusterIPPool'],
      ['metaipam-system', 'pool.10.0.0.3.global', 'ns2', 'GlobalInClusterIPPool'],
    ],
  );
});

eachKind('H10 addresses that are apart', (make) => {
  const pool = make({ addresses: ['10.0.0.50', '10.0.0.128'], gateway: '10.0.0.1' });
  const response = sync(pool, [claim('test-1', pool), claim('test-2', pool)]);
  assert.equal(answers(response), { 'test-1': '10.0.0.50', 'test-2': '10.0.0.128' });
});

test('H11 H12 pools of one name in two namespaces and of two kinds know nothing of each other', () => {
  const spec = { addresses: ['10.0.0.50'] };
  const here = ipPool(spec);
  const there = ipPool(spec, { namespace: 'elsewhere' });
  const all = globalPool(spec, { uid: 'global-uid' });
  const claims = [here, there, all].map((pool) => claim(`of-${pool.kind}`, pool));
  const names = [here, there, all].flatMap((pool) =>
    sync(pool, claims).children.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`),
  );
  assert.equal(names, [
    'default/pool.10.0.0.50',
    'elsewhere/pool.10.0.0.50',
    'metaipam-system/pool.10.0.0.50.global',
  ]);
});

test('claims are served in the order of their age, those of one second by name', () => {
  const pool = ipPool({ addresses: ['10.0.0.1-10.0.0.3'] });
  const claims = [
    claim('a', pool, { creationTimestamp: ago(1) }),
    claim('c', pool, { creationTimestamp: ago(9) }),
    claim('b', pool, { creationTimestamp: ago(9) }),
    claim('d', pool, { creationTimestamp: ago(0) }),
  ];
  assert.equal(answers(sync(pool, claims)), {
    b: '10.0.0.1',
    c: '10.0.0.2',
    a: '10.0.0.3',
    d: 'PoolExhausted',
  });
});

test('addresses within the list that are given back are given out again, lowest first', () => {
  const pool = ipPool({ addresses: ['10.0.0.1-10.0.0.9'] });
  const stays = claim('stays', pool);
  const fresh = claim('fresh', pool);
  const kept = allocation(pool, stays, '10.0.0.2');
  assert.equal(answers(sync(pool, [stays, fresh], [kept])), { stays: '10.0.0.2', fresh: '10.0.0.1' });
});

test('mixed families are refused as a whole', () => {
  const pool = ipPool({ addresses: ['10.0.0.1', 'fd00::1'] });
  const response = sync(pool, [claim('a', pool)]);
  assert.equal(answers(response), { a: 'PoolNotReady' });
  assert.match(refusalOf(response, 'a')!, 'provided addresses are of mixed IP families');
});

// Requested addresses

function requesting(pool: Pool, name: string, address: string, age = 1000): IPAddressClaim {
  const annotations = { 'metaipam.io/requested-address': address };
  return claim(name, pool, { annotations, creationTimestamp: ago(age) });
}

test('a requested address that is free is given', () => {
  const pool = ipPool({ addresses: ['10.0.0.1-10.0.0.9'] });
  assert.equal(answers(sync(pool, [requesting(pool, 'a', '10.0.0.7')])), { a: '10.0.0.7' });
});

test('a requested address in another spelling is the same address', () => {
  const pool = ipPool({ addresses: ['fd00::/64'], prefix: 64 });
  assert.equal(answers(sync(pool, [requesting(pool, 'a', 'FD00:0:0::0007')])), { a: 'fd00::7' });
});

test('requests come before the others, however young', () => {
  const pool = ipPool({ addresses: ['10.0.0.1-10.0.0.9'] });
  const claims = [claim('old', pool), requesting(pool, 'young', '10.0.0.1', 1)];
  assert.equal(answers(sync(pool, claims)), { young: '10.0.0.1', old: '10.0.0.2' });
});

test('of two claims that request one address the older gets it', () => {
  const pool = ipPool({ addresses: ['10.0.0.1-10.0.0.9'] });
  const response = sync(pool, [requesting(pool, 'a', '10.0.0.7', 1), requesting(pool, 'b', '10.0.0.7', 2)]);
  assert.equal(answers(response), { a: 'AllocationFailed', b: '10.0.0.7' });
  assert.match(refusalOf(response, 'a')!, 'in use by IPAddressClaim default/b');
});

const UNMET: [string, string, RegExp][] = [
  ['taken', '10.0.0.5', /10\.0\.0\.5 is in use by IPAddressClaim default\/holder/],
  ['outside the pool', '10.0.1.7', /10\.0\.1\.7 is not one that InClusterIPPool default\/pool gives out/],
  ['excluded', '10.0.0.8', /not one that/],
  ['the gateway', '10.0.0.1', /not one that/],
  ['reserved', '10.0.0.0', /not one that/],
  ['of the other family', 'fd00::1', /not one that/],
  ['no address', '10.0.0.07', /"10\.0\.0\.07" is not an IP address/],
  ['empty', '', /"" is not an IP address/],
];
for (const [what, address, message] of UNMET) {
  test(`a requested address that is ${what} is refused, and no other given`, () => {
    const pool = ipPool({ addresses: ['10.0.0.0/28'], gateway: '10.0.0.1', excludedAddresses: ['10.0.0.8'] });
    const holder = claim('holder', pool);
    const claims = [holder, requesting(pool, 'a', address)];
    const { response } = settle(pool, claims, [allocation(pool, holder, '10.0.0.5')]);
    assert.equal(answers(response), { holder: '10.0.0.5', a: 'AllocationFailed' });
    assert.match(refusalOf(response, 'a')!, message);
    assert.is(counts(response).pending, 1);
    assert.is(condition(response, 'Ready'), 'True/PoolReady');
  });
}

test('a requested address is given once its holder is gone', () => {
  const pool = ipPool({ addresses: ['10.0.0.1-10.0.0.9'] });
  const holder = claim('holder', pool);
  const request = requesting(pool, 'a', '10.0.0.5');
  const { allocations } = settle(pool, [holder, request], [allocation(pool, holder, '10.0.0.5')]);
  const { response } = settle(pool, [request], allocations);
  assert.equal(answers(response), { a: '10.0.0.5' });
});

// Refusals

test('a refusal has no address, says why, and does not change while nothing changes', () => {
  const pool = ipPool({ addresses: ['10.0.0.1'], gateway: '10.0.0.1' });
  const { children, status } = sync(pool, [claim('a', pool)]);
  assert.is(children.length, 1);
  const [{ metadata, spec }] = children as [IPAllocation];
  assert.match(metadata.name, /^refused-uid-a-[0-9a-f]{8}$/);
  assert.equal(spec.refusal, {
    reason: 'PoolExhausted',
    message: 'InClusterIPPool default/pool has no free address',
  });
  assert.is(spec.address, undefined);
  assert.equal(counts({ children, status: status! }).pending, 1);
  assert.equal(sync(pool, [claim('a', pool)], children as unknown as IPAllocation[]).children, children);
});

test('another reason is another object', () => {
  const full = ipPool({ addresses: ['10.0.0.1'], gateway: '10.0.0.1' });
  const bad = ipPool({ addresses: ['10.0.0.x'] });
  const name = (pool: Pool) => sync(pool, [claim('a', pool)]).children[0]?.metadata.name;
  assert.is.not(name(full), name(bad));
});

test('a refusal goes when its claim is served or gone', () => {
  const full = ipPool({ addresses: ['10.0.0.1'], gateway: '10.0.0.1' });
  const { allocations } = settle(full, [claim('a', full)]);
  assert.is(allocations.length, 1);
  assert.equal(settle(full, [], allocations).allocations, []);
  const larger = ipPool({ addresses: ['10.0.0.1', '10.0.0.2'], gateway: '10.0.0.1' });
  assert.equal(answers(settle(larger, [claim('a', larger)], allocations).response), { a: '10.0.0.2' });
});

test('a terminating claim without an address is not answered', () => {
  const pool = ipPool({ addresses: ['10.0.0.1'] });
  assert.equal(sync(pool, [claim('a', pool, { deletionTimestamp: ago(0) })]).children, []);
});

test('a paused claim is not answered; one that has an address keeps it', () => {
  const pool = ipPool({ addresses: ['10.0.0.1-10.0.0.2'] });
  const served = claim('served', pool, { annotations: PAUSED });
  const waiting = claim('waiting', pool, { annotations: PAUSED });
  const response = sync(pool, [served, waiting], [allocation(pool, served, '10.0.0.2')]);
  assert.equal(answers(response), { served: '10.0.0.2' });
  assert.is(counts(response).pending, 0);
});

test('what a paused claim has is nobody else’s, though its allocation was deleted', () => {
  const pool = ipPool({ addresses: ['10.0.0.1-10.0.0.2'] });
  const paused = claim('paused', pool, { annotations: PAUSED });
  assert.equal(answers(sync(pool, [boundClaim(paused, '10.0.0.1'), claim('a', pool)])), { a: '10.0.0.2' });
  assert.equal(answers(sync(pool, [boundClaim(paused), claim('a', pool)])), { a: 'PoolNotReady' });
});

test('a claim that is being deleted and whose address is not known holds the pool up', () => {
  const pool = ipPool({ addresses: ['10.0.0.1'] });
  const leaving = claim('leaving', pool, { deletionTimestamp: ago(0) });
  assert.equal(answers(sync(pool, [boundClaim(leaving), claim('a', pool)])), { a: 'PoolNotReady' });
});

// Release

eachKind(
  'H15 H16 H17 H18 a full pool’s only address goes to the waiting claim when its holder is gone',
  (make) => {
    const pool = make({ addresses: ['10.0.0.1'], gateway: '10.0.0.2' });
    const existing = claim('existing', pool, { creationTimestamp: ago(20) });
    const { allocations: first } = settle(pool, [existing]);
    const waiting = claim('new', pool, { creationTimestamp: ago(15), resourceVersion: '5000' });
    const { response: full, allocations } = settle(pool, [existing, waiting], first);
    assert.equal(answers(full), { existing: '10.0.0.1', new: 'PoolExhausted' });
    const { response } = settle(pool, [waiting], allocations);
    assert.equal(answers(response), { new: '10.0.0.1' });
  },
);

test('an address is not given out again before the object of its name is deleted', () => {
  const pool = ipPool({ addresses: ['10.0.0.1-10.0.0.2'] });
  const gone = allocation(pool, claim('gone', pool), '10.0.0.1');
  const response = sync(pool, [claim('next', pool)], [gone]);
  assert.equal(answers(response), { next: '10.0.0.2' });
  assert.is(counts(response).used, 2);
});

test('an allocation stays while its claim is terminating', () => {
  const pool = ipPool({ addresses: ['10.0.0.1'] });
  const leaving = claim('leaving', pool, { deletionTimestamp: ago(5) });
  assert.equal(answers(sync(pool, [leaving], [allocation(pool, leaving, '10.0.0.1')])), {
    leaving: '10.0.0.1',
  });
});

test('a claim of the same name and another uid is another claim', () => {
  const pool = ipPool({ addresses: ['10.0.0.1-10.0.0.2'] });
  const former = allocation(pool, claim('a', pool, { uid: 'former' }), '10.0.0.1');
  const response = sync(pool, [claim('a', pool, { resourceVersion: '300' })], [former]);
  assert.equal(
    response.children.map(({ metadata }) => metadata.name),
    ['pool.10.0.0.2'],
  );
});

test('a claim that was not seen yet is not taken for gone', () => {
  const pool = ipPool({ addresses: ['10.0.0.1-10.0.0.9'] });
  const unseen = claim('unseen', pool, { creationTimestamp: ago(10) });
  const older = claim('older', pool, { resourceVersion: '199' });
  const young = allocation(pool, unseen, '10.0.0.1', { resourceVersion: '200' });
  const response = sync(pool, [older], [young]);
  assert.equal(answers(response), { unseen: '10.0.0.1', older: '10.0.0.2' });
  assert.is(response.resyncAfterSeconds, 10, 'what was added is looked at again');
  assert.is(sync(pool, [], [young]).resyncAfterSeconds, 20, 'and the claim when the lag is over');
});

test('a claim is gone when a later one is in view, or after the cache lag', () => {
  const pool = ipPool({ addresses: ['10.0.0.1-10.0.0.9'] });
  const former = claim('former', pool, { creationTimestamp: ago(10) });
  const left = allocation(pool, former, '10.0.0.1', { resourceVersion: '200' });
  const witness = claim('witness', pool, { resourceVersion: '201', annotations: PAUSED });
  assert.equal(sync(pool, [witness], [left]).children, []);
  assert.is(sync(pool, [], [left], 19).children.length, 1);
  assert.equal(sync(pool, [], [left], 20).children, []);
});

test('another pool’s claim is no witness', () => {
  const pool = ipPool({ addresses: ['10.0.0.1-10.0.0.9'] });
  const other = ipPool({}, { name: 'other' });
  const young = allocation(pool, claim('unseen', pool, { creationTimestamp: ago(1) }), '10.0.0.1');
  const response = sync(pool, [claim('b', other, { resourceVersion: '999' })], [young]);
  assert.is(response.children.length, 1);
});

// Reuse grace period

const GRACE = { addresses: ['10.0.0.10'], gateway: '10.0.0.1', addressReuseGracePeriodSeconds: 60 };

test('H33 the address, not the claim, waits for the grace period', () => {
  const pool = ipPool(GRACE);
  const former = allocation(pool, claim('former', pool), '10.0.0.10');
  const waiting = claim('waiting', pool, { resourceVersion: '300' });
  const { response, allocations } = settle(pool, [waiting], [former]);
  assert.equal(answers(response), { former: '10.0.0.10', waiting: 'PoolExhausted' });
  assert.is(response.resyncAfterSeconds, 60);
  const held = allocations.find(({ spec }) => spec.address !== undefined)!;
  assert.equal(held.metadata.annotations, { 'metaipam.io/released-at': '2026-01-02T03:04:05.000Z' });

  assert.equal(answers(settle(pool, [waiting], allocations, 59).response).waiting, 'PoolExhausted');
  assert.is(settle(pool, [waiting], allocations, 59).response.resyncAfterSeconds, 1);
  assert.equal(answers(settle(pool, [waiting], allocations, 60).response), { waiting: '10.0.0.10' });
});

test('the mark of a release is not taken for a reason to doubt it', () => {
  const pool = ipPool(GRACE);
  const former = claim('former', pool, { creationTimestamp: ago(5) });
  const witness = claim('witness', pool, { resourceVersion: '300', annotations: PAUSED });
  const { allocations } = settle(pool, [witness], [allocation(pool, former, '10.0.0.10')]);
  const marked = allocations.map((object) => ({
    ...object,
    metadata: { ...object.metadata, resourceVersion: '400' },
  }));
  const { children } = sync(pool, [witness], marked, 3);
  assert.equal(children[0]?.metadata.annotations, { 'metaipam.io/released-at': '2026-01-02T03:04:05.000Z' });
});

test('the grace period is the one that the pool has now', () => {
  const former = allocation(ipPool(GRACE), claim('former'), '10.0.0.10', {
    annotations: { 'metaipam.io/released-at': ago(30) },
  });
  assert.is(sync(ipPool({ ...GRACE, addressReuseGracePeriodSeconds: 31 }), [], [former]).children.length, 1);
  assert.is(sync(ipPool({ ...GRACE, addressReuseGracePeriodSeconds: 30 }), [], [former]).children.length, 0);
  assert.is(sync(ipPool({ ...GRACE, addressReuseGracePeriodSeconds: 0 }), [], [former]).children.length, 0);
});

test('a claim that is back in view keeps its address and loses the mark', () => {
  const pool = ipPool(GRACE);
  const back = claim('back', pool);
  const marked = allocation(pool, back, '10.0.0.10', { annotations: { 'metaipam.io/released-at': ago(90) } });
  const [child] = sync(pool, [back], [marked]).children;
  assert.is(child?.metadata.annotations, undefined);
  assert.is(child?.metadata.name, marked.metadata.name);
});

test('an unreadable mark releases', () => {
  const pool = ipPool(GRACE);
  const marked = allocation(pool, claim('former', pool), '10.0.0.10', {
    annotations: { 'metaipam.io/released-at': 'once' },
  });
  assert.equal(sync(pool, [], [marked]).children, []);
});

// Paused and invalid pools

eachKind('H13 a paused pool gives nothing, and says so; then it does', (make) => {
  const pool = make({ addresses: ['10.0.0.1-10.0.0.9'] });
  const paused = { ...pool, metadata: { ...pool.metadata, annotations: PAUSED } };
  const { response, allocations } = settle(paused, [claim('a', paused)]);
  assert.equal(answers(response), { a: 'PoolNotReady' });
  assert.match(refusalOf(response, 'a')!, /pool is paused$/);
  assert.is(condition(response, 'Ready'), 'False/Paused');
  assert.equal(answers(settle(pool, [claim('a', pool)], allocations).response), { a: '10.0.0.1' });
});

test('H14 a paused pool keeps the address of a claim that is gone', () => {
  const pool = ipPool({ addresses: ['10.0.0.1'] });
  const paused = { ...pool, metadata: { ...pool.metadata, annotations: PAUSED } };
  const former = allocation(pool, claim('former', pool), '10.0.0.1');
  const { allocations } = settle(paused, [], [former]);
  assert.equal(allocations, [former]);
  assert.equal(settle(pool, [], allocations).allocations, []);
});

test('a paused pool leaves the mark of a release', () => {
  const pool = ipPool(GRACE, { annotations: PAUSED });
  const annotations = { 'metaipam.io/released-at': ago(10) };
  const marked = allocation(pool, claim('former', pool), '10.0.0.10', { annotations });
  assert.equal(sync(pool, [], [marked]).children[0]?.metadata.annotations, annotations);
});

test('a paused pool adopts nothing', () => {
  const pool = ipPool({ addresses: ['10.0.0.1-10.0.0.9'] }, { annotations: PAUSED });
  const response = sync(pool, [claim('a', pool), ipAddress(pool, 'a', '10.0.0.5')]);
  assert.equal(answers(response), { a: 'PoolNotReady' });
});

eachKind('an invalid pool keeps what it has, gives nothing and says why', (make) => {
  const good = make({ addresses: ['10.0.0.1-10.0.0.9'] });
  const holder = claim('holder', good);
  const former = claim('former', good);
  const bad = make({ addresses: ['10.0.0.1-10.0.0.9', '10.0.0.300'] });
  const kept = [allocation(good, holder, '10.0.0.5'), allocation(good, former, '10.0.0.6')];
  const { response } = settle(bad, [holder, claim('a', bad)], kept);
  assert.equal(answers(response), { holder: '10.0.0.5', former: '10.0.0.6', a: 'PoolNotReady' });
  assert.is(condition(response, 'Ready'), 'False/InvalidSpec');
  assert.match(refusalOf(response, 'a')!, 'provided address is not a valid IP, range, nor CIDR');
  assert.equal(counts(response), { total: 0, used: 2, free: 0, outOfRange: 2, pending: 1 });
});

test('an invalid pool does not cut a grace period short', () => {
  const bad = ipPool({ ...GRACE, addresses: ['x'] });
  const annotations = { 'metaipam.io/released-at': ago(10) };
  const marked = allocation(bad, claim('former', bad), '10.0.0.10', { annotations });
  assert.equal(sync(bad, [], [marked]).children[0]?.metadata.annotations, annotations);
});

test('what a user writes at length does not make a message that the API refuses', () => {
  const addresses = Array.from({ length: 4000 }, (_, n) => `not an address ${n}`);
  const bad = ipPool({ addresses });
  const response = sync(bad, [claim('a', bad)]);
  assert.ok(refusalOf(response, 'a')!.length <= 1024);
  assert.ok(JSON.stringify(response.status).length < 4000);

  const pool = ipPool({ addresses: ['10.0.0.1'] });
  const wish = sync(pool, [requesting(pool, 'a', '🦊'.repeat(2000))]);
  const message = refusalOf(wish, 'a')!;
  assert.ok(message.length <= 1024 && message.isWellFormed());
});

// Deletion

const LAG = 30;

eachKind('G3 C3.1 a pool that is being deleted stays while a claim holds an address', (make) => {
  const pool = make({ addresses: ['10.0.1.1-10.0.1.254'], gateway: '10.0.1.2' });
  const holder = boundClaim(claim('a', pool), '10.0.1.1');
  const held = allocation(pool, holder, '10.0.1.1');
  const waiting = finalize(pool, [holder], [held]);
  assert.is(waiting.finalized, false);
  assert.equal(answers(waiting), { a: '10.0.1.1' });
  assert.is(condition(waiting, 'Ready'), 'False/Deleting');
  const done = finalize(pool, [], [held]);
  assert.is(done.finalized, true);
  assert.equal(done.children, []);
});

test('a pool that is being deleted refuses new claims, and goes without them', () => {
  const pool = ipPool({ addresses: ['10.0.0.1-10.0.0.9'] });
  const holder = claim('holder', pool);
  const response = finalize(pool, [holder, claim('late', pool)], [allocation(pool, holder, '10.0.0.1')]);
  assert.equal(answers(response), { holder: '10.0.0.1', late: 'PoolNotReady' });
  assert.match(refusalOf(response, 'late')!, /is being deleted$/);
  assert.equal(finalize(pool, [claim('late', pool)]), {
    ...finalize(pool, [claim('late', pool)]),
    children: [],
    finalized: true,
  });
});

eachKind('a pool that is being deleted goes once it would have seen what was made for it', (make) => {
  const { metadata, ...rest } = make({ addresses: ['10.0.0.1'] });
  const pool = { ...rest, metadata: { ...metadata, deletionTimestamp: ago(0) } } as Pool;
  const early = finalize(pool, [], [], LAG - 1);
  assert.is(early.finalized, false);
  assert.is(early.resyncAfterSeconds, 1);
  assert.is(finalize(pool, [], [], LAG).finalized, true);
});

test('a pool that is being deleted keeps the address of a claim that may not be in view yet', () => {
  const pool = ipPool({ addresses: ['10.0.0.1'] });
  const fresh = allocation(pool, claim('unseen', pool), '10.0.0.1', { creationTimestamp: ago(0) });
  assert.equal(answers(finalize(pool, [], [fresh], LAG - 1)), { unseen: '10.0.0.1' });
  assert.equal(answers(finalize(pool, [], [fresh], LAG)), {});
});

test('H34 a pool that is being deleted has no grace period', () => {
  const pool = ipPool({ addresses: ['10.0.0.50'], gateway: '10.0.0.1', addressReuseGracePeriodSeconds: 300 });
  const held = allocation(pool, claim('former', pool), '10.0.0.50');
  assert.is(finalize(pool, [], [held]).finalized, true);
  const marked = allocation(pool, claim('former', pool), '10.0.0.50', {
    annotations: { 'metaipam.io/released-at': ago(1) },
  });
  assert.is(finalize(pool, [], [marked]).finalized, true);
});

test('a paused pool that is being deleted stays as it is', () => {
  const pool = ipPool({ addresses: ['10.0.0.50'] }, { annotations: PAUSED });
  const response = finalize(pool, [], [allocation(pool, claim('former', pool), '10.0.0.50')]);
  assert.is(response.finalized, false);
  assert.is(response.children.length, 1);
});

test('a pool that is being deleted reserves again what a bound claim has lost', () => {
  const pool = ipPool({ addresses: ['10.0.0.1-10.0.0.9'] });
  const response = finalize(pool, [boundClaim(claim('a', pool), '10.0.0.5')]);
  assert.equal(answers(response), { a: '10.0.0.5' });
  assert.is(response.finalized, false);
  assert.is(finalize(pool, [boundClaim(claim('a', pool))]).finalized, false, 'even if nobody knows which');
});

// Addresses that were there before

test('H19 H20 the address of an IPAddress that is named like a new claim is that claim’s', () => {
  const pool = ipPool({ addresses: ['10.0.0.1-10.0.0.254'], gateway: '10.0.0.2' });
  const owner = { apiVersion: 'alpha-dummy', kind: 'dummy-kind', name: 'dummy-name', uid: 'abc-dummy-123' };
  const found = ipAddress(pool, 'test', '10.0.0.7', { ownerReferences: [owner] });
  const older = claim('older', pool, { creationTimestamp: ago(5000) });
  const { response } = settle(pool, [claim('test', pool), older, found]);
  assert.equal(answers(response), { test: '10.0.0.7', older: '10.0.0.1' });
  const adopted = response.children.map(({ spec }) => (spec as IPAllocation['spec']).adopted);
  assert.equal(adopted, [undefined, true]);
  assert.equal(counts(response), { total: 253, used: 2, free: 251, outOfRange: 0, pending: 0 });
});

test('an IPAddress without a claim reserves its address', () => {
  const pool = ipPool({ addresses: ['10.0.0.1-10.0.0.2'] });
  const response = sync(pool, [ipAddress(pool, 'nobody', '10.0.0.1'), claim('a', pool), claim('b', pool)]);
  assert.equal(answers(response), { a: '10.0.0.2', b: 'PoolExhausted' });
  assert.equal(counts(response), { total: 2, used: 2, free: 0, outOfRange: 0, pending: 1 });
});

test('a moved cluster: the IPAddresses carry another pool’s uid, and every claim gets its own back', () => {
  const pool = ipPool({ addresses: ['10.0.0.1-10.0.0.9'] });
  const labels = {
    'metaipam.io/pool': 'InClusterIPPool.pool',
    'metaipam.io/pool-uid': 'uid-before-the-move',
  };
  const found = [
    ipAddress(pool, 'a', '10.0.0.9', { labels }),
    ipAddress(pool, 'b', '10.0.0.1', { labels }),
    ipAddress(pool, 'c', '10.0.0.4', { labels }),
  ];
  const claims = [...claimsOf(pool, 2), claim('a', pool), claim('b', pool), claim('c', pool)];
  assert.equal(answers(sync(pool, [...found, ...claims])), {
    a: '10.0.0.9',
    b: '10.0.0.1',
    c: '10.0.0.4',
    'claim-0': '10.0.0.2',
    'claim-1': '10.0.0.3',
  });
});

test('an adopted address may lie outside the pool', () => {
  const pool = ipPool({ addresses: ['10.0.0.1-10.0.0.9'] });
  const response = sync(pool, [claim('a', pool), ipAddress(pool, 'a', '10.9.9.9')]);
  assert.equal(answers(response), { a: '10.9.9.9' });
  assert.equal(counts(response), { total: 9, used: 1, free: 9, outOfRange: 1, pending: 0 });
});

test('an adopted address keeps its prefix, and its gateway or that it has none', () => {
  const pool = ipPool({ addresses: ['10.0.0.1-10.0.0.9'], gateway: '10.0.0.1' });
  const address = ipAddress(pool, 'a', '10.0.0.2');
  const { prefix, gateway, ...spec } = { gateway: undefined, ...address.spec };
  for (const network of [{ prefix: 16 }, { prefix: 25, gateway: '10.0.0.126' }]) {
    const [child] = sync(pool, [
      claim('a', pool),
      { ...address, spec: { ...spec, ...network } } as IPAddress,
    ]).children;
    const given = child!.spec as IPAllocation['spec'];
    assert.equal([given.prefix, given.gateway], [network.prefix, network.gateway]);
  }
});

test('an IPAddress that comes into view after the claim was served is adopted, unless the claim is bound', () => {
  const pool = ipPool({ addresses: ['10.0.0.1-10.0.0.9'] });
  const restored = claim('a', pool);
  const address = ipAddress(pool, 'a', '10.0.0.7');
  const given = allocation(pool, restored, '10.0.0.1');
  const both = sync(pool, [restored, address], [given]);
  assert.equal(both.children.map(({ spec }) => (spec as IPAllocation['spec']).address).sort(), [
    '10.0.0.1',
    '10.0.0.7',
  ]);
  const adopted = allocation(pool, restored, '10.0.0.7');
  assert.equal(answers(sync(pool, [restored, address], [given, adopted])), { a: '10.0.0.7' });
  assert.equal(answers(sync(pool, [boundClaim(restored, '10.0.0.1'), address], [given])), { a: '10.0.0.1' });
  const renamed = ipAddress(pool, 'a', '10.0.0.7', { name: 'another' });
  assert.equal(answers(sync(pool, [restored, renamed], [given])), { a: '10.0.0.1' });
});

test('of two IPAddresses for one claim the older counts, and both addresses are in use', () => {
  const pool = ipPool({ addresses: ['10.0.0.1-10.0.0.3'] });
  const younger = ipAddress(pool, 'a', '10.0.0.1', { name: 'a-younger', creationTimestamp: ago(1) });
  const older = ipAddress(pool, 'a', '10.0.0.2', { name: 'b-older', creationTimestamp: ago(9) });
  const response = sync(pool, [claim('a', pool), claim('b', pool), younger, older]);
  assert.equal(answers(response), { a: '10.0.0.2', b: '10.0.0.3' });
});

test('two IPAddresses of two claims with one address: the older claim gets it, the other is told', () => {
  const pool = ipPool({ addresses: ['10.0.0.1-10.0.0.3'] });
  const related = [
    claim('a', pool),
    claim('b', pool),
    ipAddress(pool, 'a', '10.0.0.2'),
    ipAddress(pool, 'b', '10.0.0.2'),
  ];
  const { response } = settle(pool, related);
  assert.equal(answers(response), { a: '10.0.0.2', b: 'AllocationFailed' });
  assert.is(refusalOf(response, 'b'), 'its address 10.0.0.2 is held by IPAddressClaim default/a');
});

test('another pool’s IPAddress is none of this one’s business, nor is one that does not parse', () => {
  const pool = ipPool({ addresses: ['10.0.0.1-10.0.0.3'] });
  const related = [
    claim('a', pool),
    ipAddress(ipPool({}, { name: 'other' }), 'x', '10.0.0.1'),
    ipAddress(globalPool({}), 'y', '10.0.0.1'),
    ipAddress(pool, 'z', 'ten dot one'),
  ];
  assert.equal(answers(sync(pool, related)), { a: '10.0.0.1' });
});

// Claims that are bound

test('a bound claim whose allocation was deleted gets the same address again, before anybody else', () => {
  const pool = ipPool({ addresses: ['10.0.0.1-10.0.0.9'] });
  const bound = boundClaim(claim('bound', pool, { creationTimestamp: ago(1) }), '10.0.0.1');
  const response = sync(pool, [bound, claim('older', pool), requesting(pool, 'wants', '10.0.0.1')]);
  assert.equal(answers(response), { bound: '10.0.0.1', older: '10.0.0.2', wants: 'AllocationFailed' });
});

test('a bound claim of which nobody knows the address stops the pool', () => {
  const pool = ipPool({ addresses: ['10.0.0.1-10.0.0.9'] });
  const holder = claim('holder', pool);
  const related = [holder, boundClaim(claim('bound', pool)), claim('a', pool)];
  const response = sync(pool, related, [allocation(pool, holder, '10.0.0.2')]);
  assert.equal(answers(response), { holder: '10.0.0.2', a: 'PoolNotReady' });
  assert.is(condition(response, 'Ready'), 'False/AddressUnknown');
  assert.match(
    refusalOf(response, 'a')!,
    'IPAddressClaim default/bound has an address that is not known yet',
  );
});

test('an annotation that is no address counts as unknown', () => {
  const pool = ipPool({ addresses: ['10.0.0.1-10.0.0.9'] });
  const response = sync(pool, [boundClaim(claim('bound', pool), 'nonsense'), claim('a', pool)]);
  assert.is(condition(response, 'Ready'), 'False/AddressUnknown');
});

test('the annotation of a claim that is not bound means nothing', () => {
  const pool = ipPool({ addresses: ['10.0.0.1-10.0.0.9'] });
  const copied = claim('copied', pool, { annotations: { 'metaipam.io/address': '10.0.0.5' } });
  assert.equal(answers(sync(pool, [copied])), { copied: '10.0.0.1' });
});

test('a bound claim whose address somebody else has is told so', () => {
  const pool = ipPool({ addresses: ['10.0.0.1-10.0.0.9'] });
  const holder = claim('holder', pool);
  const response = sync(
    pool,
    [holder, boundClaim(claim('bound', pool), '10.0.0.5')],
    [allocation(pool, holder, '10.0.0.5')],
  );
  assert.equal(answers(response), { holder: '10.0.0.5', bound: 'AllocationFailed' });
});

test('of two allocations for a claim the one created first stays', () => {
  const pool = ipPool({ addresses: ['10.0.0.1-10.0.0.9'] });
  const twice = claim('twice', pool);
  const second = allocation(pool, twice, '10.0.0.1', { resourceVersion: '1000' });
  const first = allocation(pool, twice, '10.0.0.2', { resourceVersion: '999' });
  assert.equal(answers(sync(pool, [twice], [second, first])), { twice: '10.0.0.2' });
});

test('of two allocations for a bound claim the one it is bound to stays', () => {
  const pool = ipPool({ addresses: ['10.0.0.1-10.0.0.9'] });
  const twice = boundClaim(claim('twice', pool), '10.0.0.1');
  const second = allocation(pool, twice, '10.0.0.1', { resourceVersion: '1000' });
  const first = allocation(pool, twice, '10.0.0.2', { resourceVersion: '999' });
  assert.equal(answers(sync(pool, [twice], [second, first])), { twice: '10.0.0.1' });
});

test('a claim keeps the allocation it has until the one it names exists', () => {
  const pool = ipPool({ addresses: ['10.0.0.1-10.0.0.9'] });
  const bound = boundClaim(claim('bound', pool), '10.0.0.7');
  const other = allocation(pool, bound, '10.0.0.2');
  const { children } = sync(pool, [bound], [other]);
  assert.equal(
    children.map(({ metadata }) => metadata.name),
    ['pool.10.0.0.2', 'pool.10.0.0.7'],
  );
  assert.equal(answers(settle(pool, [bound], [other]).response), { bound: '10.0.0.7' });
});

// Address spaces

const LAB = { annotations: { 'metaipam.io/address-space': 'lab' } };

test('pools of one address space exclude each other', () => {
  const spec = { addresses: ['10.0.0.1-10.0.0.9'] };
  const [a, b] = [ipPool(spec, { ...LAB, uid: 'a' }), ipPool(spec, { ...LAB, name: 'other', uid: 'b' })];
  const { response, allocations } = settle(a, [claim('of-a', a)]);
  assert.equal(response.children[0]?.metadata, {
    name: 'lab.10.0.0.1.shared',
    namespace: 'default',
    labels: {
      'metaipam.io/claim-uid': 'uid-of-a',
      'metaipam.io/pool': 'InClusterIPPool.pool',
      'metaipam.io/address-space': 'lab',
    },
  });
  const theirs = sync(b, [claim('of-b', b), requesting(b, 'wants', '10.0.0.1'), ...allocations]);
  assert.equal(answers(theirs), { 'of-b': '10.0.0.2', wants: 'AllocationFailed' });
  assert.equal(counts(theirs), { total: 9, used: 1, free: 7, outOfRange: 0, pending: 1 });
});

test('what a neighbour had before a move is not given out, before it is allocated anew', () => {
  const spec = { addresses: ['10.0.0.1-10.0.0.9'] };
  const [a, b] = [ipPool(spec, { ...LAB, uid: 'a' }), ipPool(spec, { ...LAB, name: 'other', uid: 'b' })];
  const labels = { 'metaipam.io/pool-uid': 'dead', 'metaipam.io/address-space': 'lab' };
  const moved = ipAddress(b, 'of-b', '10.0.0.1', { labels });
  const response = sync(a, [claim('of-a', a), moved]);
  assert.equal(answers(response), { 'of-a': '10.0.0.2' });
  assert.equal(counts(response), { total: 9, used: 1, free: 7, outOfRange: 0, pending: 0 });
  assert.equal(answers(sync(ipPool(spec), [claim('of-a'), moved])), { 'of-a': '10.0.0.1' });
});

test('what an earlier pool of the name left is given to nobody, and whoever needs it is told to delete it', () => {
  const spec = { addresses: ['10.0.0.1-10.0.0.9'] };
  const [pool, earlier] = [ipPool(spec), ipPool(spec, { uid: 'earlier' })];
  const { allocations } = settle(earlier, [claim('a', earlier)]);
  const related = [claim('new', pool), requesting(pool, 'wants', '10.0.0.1'), ...allocations];
  const response = sync(pool, related);
  assert.equal(answers(response), { new: '10.0.0.2', wants: 'AllocationFailed' });
  assert.equal(counts(response), { total: 9, used: 2, free: 7, outOfRange: 0, pending: 1 });
  const moved = ipAddress(pool, 'a', '10.0.0.1', { labels: { 'metaipam.io/pool-uid': 'earlier' } });
  const restored = claim('a', pool, { uid: 'uid-of-the-restored' });
  assert.is(
    refusalOf(sync(pool, [restored, moved, ...allocations]), 'a'),
    'its address 10.0.0.1 is held by IPAllocation default/pool.10.0.0.1, which an earlier pool of this name left: delete it',
  );
  assert.equal(answers(sync(pool, [restored, moved])), { a: '10.0.0.1' });
});

test('another space is another space', () => {
  const spec = { addresses: ['10.0.0.1-10.0.0.9'] };
  const lab = ipPool(spec, LAB);
  const dmz = ipPool(spec, { annotations: { 'metaipam.io/address-space': 'dmz' }, uid: 'dmz' });
  const theirs = allocation(lab, claim('x', lab), '10.0.0.1');
  assert.equal(answers(sync(dmz, [claim('a', dmz), theirs])), { a: '10.0.0.1' });
  assert.equal(answers(sync(ipPool(spec), [claim('a'), theirs])), { a: '10.0.0.1' });
});

test('a kept allocation keeps the label of its space', () => {
  const pool = ipPool({ addresses: ['10.0.0.1-10.0.0.9'] }, LAB);
  const holder = claim('holder', pool);
  const [child] = sync(pool, [holder], [allocation(pool, holder, '10.0.0.1')]).children;
  assert.is(child?.metadata.labels?.['metaipam.io/address-space'], 'lab');
});

for (const space of ['', 'Lab', 'a_b', '-a', 'a..b', 'a.-b', 'a'.repeat(64)]) {
  test(`an address space cannot be named ${JSON.stringify(space)}`, () => {
    const pool = ipPool(
      { addresses: ['10.0.0.1-10.0.0.9'] },
      { annotations: { 'metaipam.io/address-space': space } },
    );
    const response = sync(pool, [claim('a', pool), boundClaim(claim('b', pool), '10.0.0.5')]);
    assert.is(condition(response, 'Ready'), 'False/InvalidSpec');
    assert.equal(answers(response), { a: 'PoolNotReady', b: 'PoolNotReady' });
  });
}

// Related objects

test('a pool asks for its claims, for addresses it did not make and for what its neighbours have', () => {
  const { relatedResources } = pools.customize({ parent: ipPool({}) }, contextAt());
  assert.equal(
    relatedResources.map(({ resource, namespace }) => `${namespace}/${resource}`),
    [
      'default/ipaddressclaims',
      'default/ipaddressclaims',
      'default/ipaddresses',
      'default/ipaddresses',
      'default/ipaddresses',
      'default/ipallocations',
      'default/ipallocations',
    ],
  );
  assert.equal(relatedResources[0]?.labelSelector, {
    matchLabels: { 'metaipam.io/pool': 'InClusterIPPool.pool' },
  });
  assert.equal(relatedResources[1]?.labelSelector, {
    matchExpressions: [{ key: 'metaipam.io/pool', operator: 'DoesNotExist' }],
  });
  assert.equal(relatedResources[2]?.labelSelector?.matchExpressions, [
    { key: 'metaipam.io/pool-uid', operator: 'NotIn', values: ['pool-uid'] },
  ]);
});

test('a global pool asks for claims of every namespace, and for allocations where the install is', () => {
  const { relatedResources } = globalPools.customize(
    { parent: globalPool({}) },
    contextAt(0, { installNamespace: 'ipam', clusterApiVersion: 'v1beta1' }),
  );
  assert.equal(
    relatedResources.map(
      ({ apiVersion, resource, namespace }) => `${apiVersion} ${namespace ?? '*'}/${resource}`,
    ),
    [
      'ipam.cluster.x-k8s.io/v1beta1 */ipaddressclaims',
      'ipam.cluster.x-k8s.io/v1beta1 */ipaddressclaims',
      'ipam.cluster.x-k8s.io/v1beta1 */ipaddresses',
      'ipam.cluster.x-k8s.io/v1beta1 */ipaddresses',
      'ipam.cluster.x-k8s.io/v1beta1 */ipaddresses',
      'metaipam.io/v1alpha1 ipam/ipallocations',
      'metaipam.io/v1alpha1 ipam/ipallocations',
    ],
  );
});

test('v1beta1 claims and addresses are read as v1beta1', () => {
  const pool = ipPool({ addresses: ['10.0.0.1-10.0.0.9'] });
  const old = <T extends KubernetesObject>(object: T) => ({
    ...object,
    apiVersion: 'ipam.cluster.x-k8s.io/v1beta1',
  });
  const seen = objectMap(old(claim('a', pool)), old(ipAddress(pool, 'a', '10.0.0.4')));
  const related = { ...groups('ipam.cluster.x-k8s.io/v1beta1'), ...seen };
  const response = pools.sync(
    { parent: pool, children: { [ALLOCATIONS]: {} }, related },
    contextAt(0, { clusterApiVersion: 'v1beta1' }),
  );
  assert.equal(answers(response), { a: '10.0.0.4' });
});

// Conditions

test('conditions keep their time while their status stays', () => {
  const pool = ipPool({ addresses: ['10.0.0.1'] });
  const { status } = sync(pool);
  const later = sync({ ...pool, status } as Pool, [], [], 100);
  assert.equal(later.status, status);
  const full = sync({ ...pool, status } as Pool, [claim('a', pool)], [], 100).status as typeof pool.status;
  assert.equal(
    full?.conditions?.map(({ type, status, lastTransitionTime }) => [type, status, lastTransitionTime]),
    [
      ['Ready', 'True', '2026-01-02T03:04:05Z'],
      ['Exhausted', 'True', '2026-01-02T03:05:45Z'],
      ['OutOfRange', 'False', '2026-01-02T03:04:05Z'],
    ],
  );
});

test.run();
