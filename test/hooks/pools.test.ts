import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as globalPools from '../../hooks/global-pools.ts';
import * as pools from '../../hooks/pools.ts';
import type { KubernetesObject } from '../../lib/kubernetes/object.ts';
import type {
  AllocationSlice,
  InClusterIPPoolSpec,
  IPAddress,
  IPAddressClaim,
} from '../../lib/kubernetes/types.ts';
import type { CompositeResponse } from '../../lib/metacontroller/hook.ts';
import {
  ago,
  answers,
  answersByUid,
  applyChildren,
  bells,
  boundClaim,
  claim,
  condition,
  contextAt,
  counts,
  globalPool,
  groups,
  ipAddress,
  ipPool,
  labelsOf,
  leaving,
  listed,
  objectMap,
  type Pool,
  poolRequest,
  refusalOf,
  released,
  SLICES,
  slicesOf,
} from './objects.ts';

const KINDS = { InClusterIPPool: ipPool, GlobalInClusterIPPool: globalPool } as const;
const PAUSED = { 'cluster.x-k8s.io/paused': '' };

function eachKind(name: string, check: (make: (spec: Partial<InClusterIPPoolSpec>) => Pool) => void): void {
  for (const [kind, make] of Object.entries(KINDS)) test(`${name} (${kind})`, () => check(make));
}

function sync(pool: Pool, related: KubernetesObject[] = [], slices: AllocationSlice[] = [], seconds = 0) {
  const hooks = pool.kind === 'InClusterIPPool' ? pools : globalPools;
  return hooks.sync(poolRequest(pool, slices, related), contextAt(seconds));
}

function finalize(pool: Pool, related: KubernetesObject[] = [], slices: AllocationSlice[] = [], seconds = 0) {
  const hooks = pool.kind === 'InClusterIPPool' ? pools : globalPools;
  return hooks.finalize(poolRequest(pool, slices, related), contextAt(seconds));
}

/** Syncs until nothing changes, as Metacontroller does. */
function settle(pool: Pool, related: KubernetesObject[] = [], slices: AllocationSlice[] = [], seconds = 0) {
  let observed = slices;
  let parent = pool;
  let response: CompositeResponse | undefined;
  for (let round = 1; round <= 7; round++) {
    const next = sync(parent, related, observed, seconds);
    if (JSON.stringify(next) === JSON.stringify(response)) return { response: next, slices: observed };
    observed = applyChildren(pool, observed, next.children, 1000 * round);
    parent = { ...pool, status: next.status } as Pool;
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
    const { slices } = settle(before, claimsOf(before, claims));
    const after = make({ addresses: shrunken, gateway });
    const { response, slices: kept } = settle(after, claimsOf(after, claims), slices);
    assert.equal(kept, slices);
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
  const { slices } = settle(before, claimsOf(before, 1));
  const after = ipPool({ addresses: ['10.0.0.15-10.0.0.20'], gateway: '10.0.0.1' });
  const { response } = settle(after, claimsOf(after, 1), slices);
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

test('H2 the whole slice', () => {
  const pool = ipPool({ addresses: ['10.0.0.1-10.0.0.254'], gateway: '10.0.0.2' });
  const { children, resyncAfterSeconds } = sync(pool, [claim('test', pool)]);
  assert.equal(children, [
    {
      apiVersion: 'metaipam.io/v1alpha1',
      kind: 'AllocationSlice',
      metadata: {
        name: 'pool.10.0.0.0-27',
        namespace: 'default',
        labels: { 'metaipam.io/pool': 'InClusterIPPool.pool', 'claim.metaipam.io/uid-test': '' },
      },
      spec: {
        poolRef: {
          apiGroup: 'ipam.cluster.x-k8s.io',
          kind: 'InClusterIPPool',
          name: 'pool',
          uid: 'pool-uid',
        },
        cidr: '10.0.0.0/27',
        prefix: 24,
        gateway: '10.0.0.2',
        entries: { '10.0.0.1': { uid: 'uid-test', namespace: 'default', name: 'test' } },
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
  let slices: AllocationSlice[] = [];
  for (const name of ['c', 'b', 'a']) {
    claims.push(claim(name, pool));
    ({ slices } = settle(pool, claims, slices));
  }
  assert.equal(answers(sync(pool, claims, slices)), { a: '10.1.1.9', b: '10.1.1.8', c: '10.1.1.6' });
});

test('H6 the lowest address, not the first listed', () => {
  const pool = ipPool({ addresses: ['10.0.1.3', '10.0.1.2'], gateway: '10.0.1.1' });
  assert.equal(answers(sync(pool, [claim('test', pool)])), { test: '10.0.1.2' });
});

test('H7 without a gateway the slice has none', () => {
  const pool = ipPool({ addresses: ['10.0.0.1-10.0.0.254'] });
  const response = sync(pool, [claim('test', pool)]);
  assert.equal(answers(response), { test: '10.0.0.1' });
  assert.not('gateway' in response.children[0]!.spec!);
});

test('H8 H21 a global pool serves claims of one name in two namespaces', () => {
  const pool = globalPool({ addresses: ['10.0.0.2-10.0.0.254'], gateway: '10.0.0.1' });
  const claims = ['ns1', 'ns2'].map((namespace) =>
    claim('test', pool, { namespace, uid: `uid-${namespace}` }),
  );
  const [slice, ...others] = sync(pool, claims).children as AllocationSlice[];
  assert.is(
    `${slice?.metadata.namespace}/${slice?.metadata.name}`,
    'metaipam-system/pool.10.0.0.0-27.global',
  );
  assert.is(slice?.spec.poolRef.kind, 'GlobalInClusterIPPool');
  assert.equal(slice?.spec.entries, {
    '10.0.0.2': { uid: 'uid-ns1', namespace: 'ns1', name: 'test' },
    '10.0.0.3': { uid: 'uid-ns2', namespace: 'ns2', name: 'test' },
  });
  assert.equal(others, []);
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
    'default/pool.10.0.0.32-27',
    'elsewhere/pool.10.0.0.32-27',
    'metaipam-system/pool.10.0.0.32-27.global',
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

test('of claims that come at once, no namespace has all of its own served before those of another', () => {
  const pool = globalPool({ addresses: ['10.0.0.1-10.0.0.3'] });
  const claims = ['z', 'a'].flatMap((namespace) =>
    ['web-1', 'web-0'].map((name) => claim(name, pool, { namespace, uid: `${namespace}-${name}` })),
  );
  const { children } = sync(pool, claims);
  const entries = Object.entries((children[0] as AllocationSlice).spec.entries ?? {});
  assert.equal(
    entries.map(([address, { namespace, name }]) => `${address} ${namespace}/${name}`),
    ['10.0.0.1 a/web-0', '10.0.0.2 z/web-0', '10.0.0.3 a/web-1'],
  );
});

test('addresses within the list that are given back are given out again, lowest first', () => {
  const pool = ipPool({ addresses: ['10.0.0.1-10.0.0.9'] });
  const stays = claim('stays', pool);
  const fresh = claim('fresh', pool);
  const kept = slicesOf(pool, [stays, '10.0.0.2']);
  assert.equal(answers(sync(pool, [stays, fresh], kept)), { stays: '10.0.0.2', fresh: '10.0.0.1' });
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
    const { response } = settle(pool, claims, slicesOf(pool, [holder, '10.0.0.5']));
    assert.equal(answers(response), { holder: '10.0.0.5', a: 'AllocationFailed' });
    assert.match(refusalOf(response, 'a')!, message);
    assert.is(counts(response).pending, 1);
    assert.is(condition(response, 'Ready'), 'True/PoolReady');
  });
}

test('a requested address is given once its holder has left it', () => {
  const pool = ipPool({ addresses: ['10.0.0.1-10.0.0.9'] });
  const holder = claim('holder', pool);
  const request = requesting(pool, 'a', '10.0.0.5');
  const { response: before, slices } = settle(pool, [holder, request], slicesOf(pool, [holder, '10.0.0.5']));
  assert.is(answers(before).a, 'AllocationFailed');
  const { response } = settle(pool, [leaving(holder), request], slices);
  assert.is(answers(response).a, '10.0.0.5');
});

// Refusals

test('a refusal says why, rings, and does not change while nothing changes', () => {
  const pool = ipPool({ addresses: ['10.0.0.1'], gateway: '10.0.0.1' });
  const { response, slices } = settle(pool, [claim('a', pool)]);
  assert.equal(response.children, [
    {
      apiVersion: 'metaipam.io/v1alpha1',
      kind: 'AllocationSlice',
      metadata: {
        name: 'pool.answers-0',
        namespace: 'default',
        labels: { 'metaipam.io/pool': 'InClusterIPPool.pool', 'claim.metaipam.io/uid-a': '' },
      },
      spec: {
        poolRef: {
          apiGroup: 'ipam.cluster.x-k8s.io',
          kind: 'InClusterIPPool',
          name: 'pool',
          uid: 'pool-uid',
        },
        answers: {
          'uid-a': { reason: 'PoolExhausted', message: 'InClusterIPPool default/pool has no free address' },
        },
      },
    },
  ]);
  assert.is(counts(response).pending, 1);
  assert.is(slices[0]?.metadata.resourceVersion, '1000', 'written once');
});

test('another reason stands in the same slice', () => {
  const full = ipPool({ addresses: ['10.0.0.1'], gateway: '10.0.0.1' });
  const bad = ipPool({ addresses: ['10.0.0.x'] });
  const { slices } = settle(full, [claim('a', full)]);
  const { response } = settle(bad, [claim('a', bad)], slices);
  assert.equal(answers(response), { a: 'PoolNotReady' });
  assert.equal(
    response.children.map(({ metadata }) => metadata.name),
    slices.map(({ metadata }) => metadata.name),
  );
});

test('a refusal goes when its claim is served or not in view any more', () => {
  const full = ipPool({ addresses: ['10.0.0.1'], gateway: '10.0.0.1' });
  const { slices } = settle(full, [claim('a', full)]);
  assert.is(slices.length, 1);
  assert.equal(settle(full, [], slices).slices, []);
  const larger = ipPool({ addresses: ['10.0.0.1', '10.0.0.2'], gateway: '10.0.0.1' });
  assert.equal(answers(settle(larger, [claim('a', larger)], slices).response), { a: '10.0.0.2' });
});

test('a claim that is being deleted gets nothing; once it leaves it is told that nothing is kept for it', () => {
  const pool = ipPool({ addresses: ['10.0.0.1'] });
  assert.equal(sync(pool, [claim('a', pool, { deletionTimestamp: ago(0) })]).children, []);
  const response = sync(pool, [leaving(claim('a', pool))]);
  assert.equal(answers(response), { a: 'NothingHeld' });
  assert.is(counts(response).pending, 0, 'it does not wait for an address');
});

test('a paused claim is not answered; one that has an address keeps it', () => {
  const pool = ipPool({ addresses: ['10.0.0.1-10.0.0.2'] });
  const served = claim('served', pool, { annotations: PAUSED });
  const waiting = claim('waiting', pool, { annotations: PAUSED });
  const response = sync(pool, [served, waiting], slicesOf(pool, [served, '10.0.0.2']));
  assert.equal(answers(response), { served: '10.0.0.2' });
  assert.is(counts(response).pending, 0);
});

test('what a paused claim had is nobody else’s, though its slice was deleted', () => {
  const pool = ipPool({ addresses: ['10.0.0.1-10.0.0.2'] });
  const paused = claim('paused', pool, { annotations: PAUSED });
  assert.equal(answers(sync(pool, [boundClaim(paused, '10.0.0.1'), claim('a', pool)])), { a: '10.0.0.2' });
});

// Claims that may have come from elsewhere with an address

for (const [what, meta] of [
  ['', {}],
  [' and is paused', { annotations: PAUSED }],
  [' and is being deleted', { deletionTimestamp: ago(0) }],
] as const) {
  test(`a claim that names an IPAddress which nobody knows${what} holds the pool up for a minute, not for ever`, () => {
    const pool = ipPool({ addresses: ['10.0.0.1-10.0.0.9'] });
    const holder = claim('holder', pool);
    const bound = boundClaim(claim('bound', pool, { creationTimestamp: ago(5), ...meta }));
    const related = [holder, bound, claim('a', pool)];
    const slices = slicesOf(pool, [holder, '10.0.0.2']);
    const response = sync(pool, related, slices);
    assert.is(answers(response).holder, '10.0.0.2');
    assert.is(answers(response).a, 'PoolNotReady');
    assert.is(condition(response, 'Ready'), 'False/AddressUnknown');
    assert.is(
      refusalOf(response, 'a'),
      'InClusterIPPool default/pool waits for IPAddress bound of IPAddressClaim default/bound, which has not arrived yet',
    );
    assert.is(response.resyncAfterSeconds, 55);
    assert.is(answers(sync(pool, related, slices, 54)).a, 'PoolNotReady');
    const later = sync(pool, related, slices, 55);
    assert.is(answers(later).a, '10.0.0.1');
    assert.is(condition(later, 'Ready'), 'True/PoolReady');
  });
}

test('an old claim that names an IPAddress which nobody knows gets an address as others do', () => {
  const pool = ipPool({ addresses: ['10.0.0.1-10.0.0.9'] });
  assert.equal(answers(sync(pool, [boundClaim(claim('bound', pool))])), { bound: '10.0.0.1' });
});

// Release

eachKind(
  'H15 H16 H17 H18 a full pool’s only address goes to the waiting claim when its holder has left it',
  (make) => {
    const pool = make({ addresses: ['10.0.0.1'], gateway: '10.0.0.2' });
    const existing = claim('existing', pool, { creationTimestamp: ago(20) });
    const { slices: first } = settle(pool, [existing]);
    const waiting = claim('new', pool, { creationTimestamp: ago(15) });
    const { response: full, slices } = settle(pool, [existing, waiting], first);
    assert.equal(answers(full), { existing: '10.0.0.1', new: 'PoolExhausted' });
    const { response, slices: next } = settle(pool, [leaving(existing), waiting], slices);
    assert.equal(answers(response), { existing: 'NothingHeld', new: '10.0.0.1' });
    assert.equal(answers(settle(pool, [waiting], next).response), { new: '10.0.0.1' });
  },
);

test('an address is free as soon as its claim has left it, however young', () => {
  const pool = ipPool({ addresses: ['10.0.0.1'] });
  const young = claim('young', pool, { creationTimestamp: ago(1) });
  const { slices } = settle(pool, [young]);
  const { response } = settle(pool, [leaving(young), claim('next', pool)], slices);
  assert.is(answers(response).next, '10.0.0.1');
});

test('an entry cannot change hands: it is marked, goes, and only then comes for another', () => {
  const pool = ipPool({ addresses: ['10.0.0.1-10.0.0.2'] });
  const gone = claim('gone', pool);
  const related = [leaving(gone), claim('next', pool)];
  const marks = sync(pool, related, slicesOf(pool, [gone, '10.0.0.1']));
  assert.equal(released(marks), { '10.0.0.1': '2026-01-02T03:04:05Z' });
  assert.equal(answers(marks), { next: '10.0.0.2' });

  const marked = slicesOf(pool, [gone, '10.0.0.1', { released: ago(0) }]);
  const drops = sync(pool, related, marked);
  assert.equal(released(drops), {});
  assert.equal(answers(drops), { next: '10.0.0.2' });
  assert.is(counts(drops).used, 2);
});

test('an entry stays while its claim is being deleted, until that says that it leaves', () => {
  const pool = ipPool({ addresses: ['10.0.0.1'] });
  const ending = claim('ending', pool, { deletionTimestamp: ago(5) });
  const slices = slicesOf(pool, [ending, '10.0.0.1']);
  assert.equal(answers(sync(pool, [ending], slices)), { ending: '10.0.0.1' });
  const response = sync(pool, [leaving(ending)], slices);
  assert.equal(released(response), { '10.0.0.1': '2026-01-02T03:04:05Z' });
  assert.equal(bells(response), ['uid-ending'], 'it hears of that');
});

test('a claim that says that it leaves but lives keeps its address', () => {
  const pool = ipPool({ addresses: ['10.0.0.1'] });
  const odd = claim('odd', pool, { labels: labelsOf(pool, 'leaving') });
  assert.equal(answers(sync(pool, [odd], slicesOf(pool, [odd, '10.0.0.1']))), { odd: '10.0.0.1' });
});

test('what is released stays listed until its claim has heard of it', () => {
  const pool = ipPool({ addresses: ['10.0.0.1'] });
  const finalizers = ['metacontroller.io/decoratorcontroller-claims'];
  const listens = leaving(claim('a', pool, { finalizers }));
  const slices = slicesOf(pool, [listens, '10.0.0.1', { released: ago(500) }]);
  assert.is(listed(sync(pool, [listens], slices)).length, 1);
  assert.is(listed(sync(pool, [], slices)).length, 0);
});

test('a claim that is settled holds up nothing that it gave back, also while its pool is being deleted', () => {
  const pool = deleted(ipPool({ addresses: ['10.0.0.1-10.0.0.2'] }));
  const finalizers = ['metacontroller.io/decoratorcontroller-claims'];
  const labels = { ...claim('a', pool).metadata.labels, 'metaipam.io/settled': pool.metadata.uid ?? '' };
  const settled = claim('a', pool, { finalizers, labels });
  const slices = slicesOf(pool, [settled, '10.0.0.1'], [settled, '10.0.0.2', { released: ago(5) }]);
  const keys = listed(finalize(pool, [settled], slices)).map(({ key }) => key);
  assert.equal(keys, ['10.0.0.1']);
});

test('a claim of the same name and another uid is another claim', () => {
  const pool = ipPool({ addresses: ['10.0.0.1-10.0.0.2'] });
  const former = slicesOf(pool, [claim('a', pool, { uid: 'former' }), '10.0.0.1']);
  const response = sync(pool, [claim('a', pool)], former);
  assert.equal(
    listed(response).map(({ key, entry }) => [key, entry.uid, entry.released]),
    [
      ['10.0.0.1', 'former', undefined],
      ['10.0.0.2', 'uid-a', undefined],
    ],
  );
});

test('a claim that is not in view is not taken for gone, whatever the time and whoever else is in view', () => {
  const pool = ipPool({ addresses: ['10.0.0.1-10.0.0.9'] });
  const unseen = slicesOf(pool, [claim('unseen', pool), '10.0.0.1']);
  const later = claim('later', pool, { resourceVersion: '999999' });
  for (const seconds of [0, 1_000_000]) {
    assert.equal(answers(sync(pool, [later], unseen, seconds)), { unseen: '10.0.0.1', later: '10.0.0.2' });
    assert.equal(bells(sync(pool, [later], unseen, seconds)), ['uid-later']);
  }
});

// Reuse grace period

const GRACE = { addresses: ['10.0.0.10'], gateway: '10.0.0.1', addressReuseGracePeriodSeconds: 60 };

test('H33 the address, not the claim, waits for the grace period', () => {
  const pool = ipPool(GRACE);
  const former = claim('former', pool);
  const waiting = claim('waiting', pool);
  const related = [leaving(former), waiting];
  const { response, slices } = settle(pool, related, slicesOf(pool, [former, '10.0.0.10']));
  assert.equal(answers(response), { waiting: 'PoolExhausted' });
  assert.is(response.resyncAfterSeconds, 60);
  assert.equal(released(response), { '10.0.0.10': '2026-01-02T03:04:05Z' });

  assert.equal(answers(settle(pool, [waiting], slices, 59).response), { waiting: 'PoolExhausted' });
  assert.is(settle(pool, [waiting], slices, 59).response.resyncAfterSeconds, 1);
  assert.equal(answers(settle(pool, [waiting], slices, 60).response), { waiting: '10.0.0.10' });
});

test('what waits for the grace period to end is used and released; without one it is used until it goes', () => {
  for (const [addressReuseGracePeriodSeconds, count] of [
    [60, 1],
    [0, undefined],
  ] as const) {
    const pool = ipPool({ ...GRACE, addresses: ['10.0.0.10-10.0.0.12'], addressReuseGracePeriodSeconds });
    const [one, other] = [claim('one', pool), claim('other', pool)];
    const slices = slicesOf(pool, [one, '10.0.0.10'], [other, '10.0.0.11']);
    assert.is(counts(sync(pool, [other], slices)).released, undefined);
    const { used, released } = counts(sync(pool, [leaving(one), other], slices));
    assert.equal([used, released], [2, count]);
  }
  const kept = slicesOf(ipPool(GRACE), [claim('former'), '10.0.0.10', { released: ago(30) }]);
  assert.is(counts(sync(ipPool(GRACE), [], kept)).released, 1);
  assert.is(counts(sync(ipPool(GRACE), [], kept, 60)).released, undefined);
  assert.is(counts(sync(ipPool(GRACE, { annotations: PAUSED }), [], kept, 60)).released, 1);
});

test('the time of a release does not change', () => {
  const pool = ipPool(GRACE);
  const former = claim('former', pool);
  const slices = slicesOf(pool, [former, '10.0.0.10', { released: ago(5) }]);
  for (const related of [[], [leaving(former)], [former]]) {
    assert.equal(released(sync(pool, related, slices)), { '10.0.0.10': ago(5) });
  }
});

test('the grace period is the one that the pool has now', () => {
  const former = slicesOf(ipPool(GRACE), [claim('former'), '10.0.0.10', { released: ago(30) }]);
  const left = (addressReuseGracePeriodSeconds: number) =>
    listed(sync(ipPool({ ...GRACE, addressReuseGracePeriodSeconds }), [], former)).length;
  assert.equal([31, 30, 0].map(left), [1, 0, 0]);
});

test('what is released stays so, though its claim is back in view: that gets another address', () => {
  const pool = ipPool({ ...GRACE, addresses: ['10.0.0.10-10.0.0.11'] });
  const back = claim('back', pool);
  const slices = slicesOf(pool, [back, '10.0.0.10', { released: ago(10) }]);
  const response = sync(pool, [back], slices);
  assert.equal(answers(response), { back: '10.0.0.11' });
  assert.equal(released(response), { '10.0.0.10': ago(10) });
});

test('an unreadable time releases', () => {
  const pool = ipPool(GRACE);
  const slices = slicesOf(pool, [claim('former', pool), '10.0.0.10', { released: 'once' }]);
  assert.equal(listed(sync(pool, [], slices)), []);
});

for (const ahead of ['2026-01-02T04:04:05Z', '2999-01-01T00:00:00Z', '9999-12-31T23:59:59Z']) {
  test(`a time of release that is still to come, ${ahead}, counts as now`, () => {
    const pool = ipPool(GRACE);
    const slices = slicesOf(pool, [claim('former', pool), '10.0.0.10', { released: ahead }]);
    const { response, slices: next } = settle(pool, [], slices);
    assert.equal(released(response), { '10.0.0.10': '2026-01-02T03:04:05Z' });
    assert.is(response.resyncAfterSeconds, 60);
    assert.equal(listed(sync(pool, [], next, 60)), []);
  });
}

test('to look again is asked for in whole seconds that a clock of 32 bits holds', () => {
  const longest = 2 ** 31 - 1;
  for (const grace of [1, 60, longest]) {
    const pool = ipPool({ ...GRACE, addressReuseGracePeriodSeconds: grace });
    for (const time of ['1970-01-01T00:00:00Z', ago(0), ago(0.5), '9999-12-31T23:59:59Z']) {
      const slices = slicesOf(pool, [claim('former', pool), '10.0.0.10', { released: time }]);
      const { resyncAfterSeconds: seconds = 1 } = sync(pool, [], slices);
      assert.ok(
        Number.isInteger(seconds) && seconds >= 1 && seconds <= longest,
        `${grace} ${time} ${seconds}`,
      );
    }
  }
});

// Paused and invalid pools

eachKind('H13 a paused pool gives nothing, and says so; then it does', (make) => {
  const pool = make({ addresses: ['10.0.0.1-10.0.0.9'] });
  const paused = { ...pool, metadata: { ...pool.metadata, annotations: PAUSED } };
  const { response, slices } = settle(paused, [claim('a', paused)]);
  assert.equal(answers(response), { a: 'PoolNotReady' });
  assert.match(refusalOf(response, 'a')!, /pool is paused$/);
  assert.is(condition(response, 'Ready'), 'False/Paused');
  assert.equal(answers(settle(pool, [claim('a', pool)], slices).response), { a: '10.0.0.1' });
});

test('H14 a paused pool takes nothing back: a claim that leaves waits until it is unpaused', () => {
  const pool = ipPool({ addresses: ['10.0.0.1'] });
  const paused = { ...pool, metadata: { ...pool.metadata, annotations: PAUSED } };
  const former = claim('former', pool);
  const { response, slices } = settle(paused, [leaving(former)], slicesOf(pool, [former, '10.0.0.1']));
  assert.equal(released(response), {});
  assert.equal(answersByUid(response), [['uid-former', { reason: 'Paused' }]]);
  assert.equal([counts(response).used, counts(response).pending], [1, 0]);
  assert.equal(released(sync(pool, [leaving(former)], slices)), { '10.0.0.1': ago(0) });
  const later = settle(pool, [leaving(former)], slices);
  assert.equal(answers(settle(pool, [claim('next', pool)], later.slices).response), { next: '10.0.0.1' });
});

test('a paused pool leaves the time of a release', () => {
  const pool = ipPool(GRACE, { annotations: PAUSED });
  const slices = slicesOf(pool, [claim('former', pool), '10.0.0.10', { released: ago(10) }]);
  assert.equal(released(sync(pool, [], slices)), { '10.0.0.10': ago(10) });
});

test('a paused pool adopts nothing, and gives it to nobody either', () => {
  const pool = ipPool({ addresses: ['10.0.0.1-10.0.0.9'] }, { annotations: PAUSED });
  const response = sync(pool, [claim('a', pool), ipAddress(pool, 'a', '10.0.0.5')]);
  assert.equal(answers(response), {});
  assert.is(counts(response).used, 1);
});

eachKind('an invalid pool keeps what it has, gives nothing and says why', (make) => {
  const good = make({ addresses: ['10.0.0.1-10.0.0.9'] });
  const holder = claim('holder', good);
  const former = claim('former', good);
  const bad = make({ addresses: ['10.0.0.1-10.0.0.9', '10.0.0.300'] });
  const kept = slicesOf(good, [holder, '10.0.0.5'], [former, '10.0.0.6']);
  const { response } = settle(bad, [holder, claim('a', bad)], kept);
  assert.equal(answers(response), { holder: '10.0.0.5', former: '10.0.0.6', a: 'PoolNotReady' });
  assert.is(condition(response, 'Ready'), 'False/InvalidSpec');
  assert.match(refusalOf(response, 'a')!, 'provided address is not a valid IP, range, nor CIDR');
  assert.equal(counts(response), { total: 0, used: 2, free: 0, outOfRange: 2, pending: 1 });
});

test('an invalid pool marks what is left, but does not cut a grace period short', () => {
  const bad = ipPool({ ...GRACE, addresses: ['x'] });
  const former = claim('former', bad);
  const slices = slicesOf(bad, [former, '10.0.0.10', { released: ago(1000) }], [former, '10.0.0.11']);
  assert.equal(released(settle(bad, [leaving(former)], slices).response), {
    '10.0.0.10': ago(1000),
    '10.0.0.11': ago(0),
  });
});

for (const wrong of [{ gateway: 'nonsense' }, { gateway: 'fd00::1' }, { prefix: 300 }, { prefix: 1.5 }]) {
  test(`a pool that became invalid by ${JSON.stringify(wrong)} leaves its slices what they say`, () => {
    const good = ipPool({ addresses: ['10.0.0.1-10.0.0.9'], gateway: '10.0.0.254' });
    const bad = ipPool({ ...good.spec, ...wrong });
    const former = claim('former', good);
    const before = slicesOf(good, [former, '10.0.0.1']);
    const { response, slices } = settle(bad, [leaving(former)], before);
    assert.is(condition(response, 'Ready'), 'False/InvalidSpec');
    assert.equal(Object.keys(released(response)), ['10.0.0.1'], 'the API server takes the mark');
    assert.equal([slices[0]?.spec.prefix, slices[0]?.spec.gateway], [24, '10.0.0.254']);
  });
}

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

function deleted(pool: Pool, seconds = 0): Pool {
  return { ...pool, metadata: { ...pool.metadata, deletionTimestamp: ago(seconds) } } as Pool;
}

/** The slices once Metacontroller has done what the finalize hook asked for. */
function afterFinalize(pool: Pool, related: KubernetesObject[], slices: AllocationSlice[]) {
  return applyChildren(pool, slices, finalize(pool, related, slices).children, 5000);
}

eachKind('G3 C3.1 a pool that is being deleted stays while a claim holds an address', (make) => {
  const pool = deleted(make({ addresses: ['10.0.1.1-10.0.1.254'], gateway: '10.0.1.2' }));
  const holder = boundClaim(claim('a', pool), '10.0.1.1');
  const slices = slicesOf(pool, [holder, '10.0.1.1']);
  const waiting = finalize(pool, [holder], slices, 1000);
  assert.is(waiting.finalized, false);
  assert.is(answers(waiting).a, '10.0.1.1');
  assert.is(condition(waiting, 'Ready'), 'False/Deleting');
  assert.is(
    finalize(pool, [], slices, 1000).finalized,
    false,
    'the claim may be settled, and so out of view',
  );
  const left = afterFinalize(pool, [leaving(holder)], slices);
  const done = finalize(pool, [leaving(holder)], left);
  assert.is(done.finalized, false, 'the claim names its IPAddress');
  const over = finalize(
    pool,
    [],
    [...left, { ...left[0]!, spec: { ...left[0]!.spec, closed: true, entries: {} } }],
  );
  assert.equal([over.finalized, over.children], [true, []]);
  assert.is(over.resyncAfterSeconds, undefined, 'a slice that is about to go is not waited for');
});

eachKind('an unused pool goes as soon as it hears its own last word', (make) => {
  const pool = deleted(make({ addresses: ['10.0.0.1'], addressReuseGracePeriodSeconds: 600 }));
  const first = finalize(pool);
  assert.is(first.finalized, false, 'what it wrote before may not be in view');
  assert.equal(answers(first), { 'pool-uid': 'Deleting' });
  const slices = slicesOf(pool, [claim('a', pool), '10.0.0.1', { released: ago(1) }]);
  const unheard = finalize(pool, [], slices);
  assert.equal([unheard.finalized, listed(unheard)], [false, []], 'nobody waits for the grace period');
  const second = finalize(pool, [], applyChildren(pool, [], first.children, 5000));
  assert.is(second.finalized, true);
  assert.equal(second.children, []);
  assert.is(second.resyncAfterSeconds, undefined, 'another finalizer may keep it for long');
});

test('a pool that says its last word does not go before what it gave out just now is released', () => {
  const pool = deleted(ipPool({ addresses: ['10.0.0.1'] }));
  const late = claim('late', pool);
  const slices = [...slicesOf(pool, [late, '10.0.0.1']), ...afterFinalize(pool, [], [])];
  assert.is(finalize(pool, [], slices).finalized, false);
});

test('a pool that is being deleted refuses new claims, and goes without them', () => {
  const pool = deleted(ipPool({ addresses: ['10.0.0.1-10.0.0.9'] }));
  const holder = claim('holder', pool);
  const late = claim('late', pool);
  const response = finalize(pool, [holder, late], slicesOf(pool, [holder, '10.0.0.1']));
  assert.equal(answers(response), { 'pool-uid': 'Deleting', holder: '10.0.0.1', late: 'PoolNotReady' });
  assert.match(refusalOf(response, 'late')!, /is being deleted$/);
  assert.is(finalize(pool, [late], afterFinalize(pool, [late], [])).finalized, true);
});

eachKind('a pool whose children nobody manages any more goes once it would have seen them', (make) => {
  const pool = deleted(make({ addresses: ['10.0.0.1'] }));
  const early = finalize(pool, [], [], LAG - 1);
  assert.is(early.finalized, false);
  assert.is(early.resyncAfterSeconds, 1);
  assert.is(finalize(pool, [], [], LAG).finalized, true);
});

test('a pool that is being deleted stays while an IPAddress of it is there', () => {
  const pool = deleted(ipPool({ addresses: ['10.0.0.1'] }));
  const labels = { 'metaipam.io/pool': 'InClusterIPPool.pool', 'metaipam.io/pool-uid': 'pool-uid' };
  const address = ipAddress(pool, 'a', '10.0.0.1', { labels });
  assert.is(finalize(pool, [address], [], 1000).finalized, false);
});

test('a pool that is being deleted keeps the address of a claim that is not in view', () => {
  const pool = deleted(ipPool({ addresses: ['10.0.0.1'] }));
  const slices = slicesOf(pool, [claim('unseen', pool), '10.0.0.1']);
  const response = finalize(pool, [], slices, 1_000_000);
  assert.is(answers(response).unseen, '10.0.0.1');
  assert.is(response.finalized, false);
});

test('H34 a pool that is being deleted has no grace period', () => {
  const pool = deleted(
    ipPool({ addresses: ['10.0.0.50'], gateway: '10.0.0.1', addressReuseGracePeriodSeconds: 300 }),
  );
  const former = claim('former', pool);
  const slices = afterFinalize(pool, [leaving(former)], slicesOf(pool, [former, '10.0.0.50']));
  assert.is(finalize(pool, [], slices).finalized, true);
});

test('a paused pool that is being deleted goes', () => {
  const pool = deleted(ipPool({ addresses: ['10.0.0.50'] }, { annotations: PAUSED }));
  const former = claim('former', pool);
  const slices = slicesOf(pool, [former, '10.0.0.50']);
  assert.is(finalize(pool, [former], slices).finalized, false);
  assert.is(finalize(pool, [], afterFinalize(pool, [leaving(former)], slices)).finalized, true);
});

test('a pool that is being deleted stays while a claim names an IPAddress, whatever became of its slices', () => {
  const pool = deleted(ipPool({ addresses: ['10.0.0.1-10.0.0.9'] }));
  for (const bound of [boundClaim(claim('a', pool), '10.0.0.5'), boundClaim(claim('a', pool))]) {
    assert.is(finalize(pool, [bound], [], 1000).finalized, false);
  }
});

// Addresses that were there before

test('H19 H20 the address of an IPAddress that is named like a new claim is that claim’s', () => {
  const pool = ipPool({ addresses: ['10.0.0.1-10.0.0.254'], gateway: '10.0.0.2' });
  const owner = { apiVersion: 'alpha-dummy', kind: 'dummy-kind', name: 'dummy-name', uid: 'abc-dummy-123' };
  const found = ipAddress(pool, 'test', '10.0.0.7', { ownerReferences: [owner] });
  const older = claim('older', pool, { creationTimestamp: ago(5000) });
  const { response } = settle(pool, [claim('test', pool), older, found]);
  assert.equal(answers(response), { test: '10.0.0.7', older: '10.0.0.1' });
  assert.equal(
    listed(response).map(({ entry }) => [entry.adopted, entry.since]),
    [
      [undefined, undefined],
      [true, ago(0)],
    ],
  );
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

test('an adopted address that no subnet of the pool has keeps its own, as far as that can be read', () => {
  const pool = ipPool({ addresses: ['10.0.0.1-10.0.0.9'], prefix: 24, gateway: '10.0.0.254' });
  for (const [address, more, subnet] of [
    ['10.9.9.9', { prefix: 16, gateway: '10.9.0.1' }, { prefix: 16, gateway: '10.9.0.1' }],
    ['10.9.9.9', { prefix: 16 }, { prefix: 16 }],
    ['10.9.9.9', { prefix: 33, gateway: '10.9.0.1' }, undefined],
    ['10.9.9.9', { prefix: 16, gateway: 'nowhere' }, { prefix: 16 }],
    ['10.0.0.9', { prefix: 16, gateway: '10.0.0.254' }, undefined],
  ] as const) {
    const found = ipAddress(pool, 'a', address) as IPAddress;
    const { prefix: _, gateway: __, ...spec } = found.spec;
    const response = sync(pool, [claim('a', pool), { ...found, spec: { ...spec, ...more } } as IPAddress]);
    assert.equal(listed(response)[0]?.entry.subnet, subnet);
  }
});

test('an IPAddress that comes into view after its claim was served is adopted: the claim then says which it has', () => {
  const pool = ipPool({ addresses: ['10.0.0.1-10.0.0.9'] });
  const restored = claim('a', pool);
  const address = ipAddress(pool, 'a', '10.0.0.7');
  const { response, slices } = settle(pool, [restored, address], slicesOf(pool, [restored, '10.0.0.1']));
  assert.equal(
    listed(response).map(({ key, entry }) => [key, entry.adopted, entry.released]),
    [
      ['10.0.0.1', undefined, undefined],
      ['10.0.0.7', true, undefined],
    ],
  );
  const bound = boundClaim(restored, '10.0.0.7');
  assert.equal(answers(settle(pool, [bound, address], slices).response), { a: '10.0.0.7' });
  const renamed = ipAddress(pool, 'a', '10.0.0.7', { name: 'another' });
  const own = slicesOf(pool, [restored, '10.0.0.1']);
  assert.equal(answers(sync(pool, [restored, renamed], own)), { a: '10.0.0.1' });
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

// The address that a claim says it had

test('a claim gets the address again that it says it had, before anybody else', () => {
  const pool = ipPool({ addresses: ['10.0.0.1-10.0.0.9'] });
  const bound = boundClaim(claim('bound', pool, { creationTimestamp: ago(1) }), '10.0.0.1');
  const response = sync(pool, [bound, claim('older', pool), requesting(pool, 'wants', '10.0.0.1')]);
  assert.equal(answers(response), { bound: '10.0.0.1', older: '10.0.0.2', wants: 'AllocationFailed' });
});

for (const [what, address] of [
  ['the gateway', '10.0.0.1'],
  ['an excluded address', '10.0.0.8'],
  ['a reserved address', '10.0.0.0'],
  ['an address outside the pool', '8.8.8.8'],
  ['an address of the other family', 'fd00::1'],
  ['an address in use', '10.0.0.5'],
  ['an address of another provider', '10.0.0.6'],
  ['an address that is released, not free yet', '10.0.0.7'],
  ['no address', 'nonsense'],
] as const) {
  for (const bind of [boundClaim, annotated]) {
    test(`a claim that says it had ${what} gets the lowest free one (${bind.name})`, () => {
      const pool = ipPool({
        addresses: ['10.0.0.0/28'],
        gateway: '10.0.0.1',
        excludedAddresses: ['10.0.0.8'],
        addressReuseGracePeriodSeconds: 60,
      });
      const holder = claim('holder', pool);
      const former = claim('former', pool);
      const slices = slicesOf(pool, [holder, '10.0.0.5'], [former, '10.0.0.7', { released: ago(1) }]);
      const liar = bind(claim('liar', pool), address);
      const response = sync(pool, [holder, liar, ipAddress(pool, 'theirs', '10.0.0.6')], slices);
      assert.equal(answers(response), { holder: '10.0.0.5', liar: '10.0.0.2' });
    });
  }
}

function annotated(plain: IPAddressClaim, address: string): IPAddressClaim {
  return { ...plain, metadata: { ...plain.metadata, annotations: { 'metaipam.io/address': address } } };
}

for (const had of [boundClaim, annotated]) {
  test(`a claim that says it had what goes now comes next (${had.name})`, () => {
    const pool = ipPool({ addresses: ['10.0.0.1-10.0.0.9'] });
    const claims = [had(claim('again', pool), '10.0.0.5'), claim('other', pool)];
    const slices = slicesOf(pool, [claim('gone', pool), '10.0.0.5', { released: ago(1) }]);
    const response = sync(pool, claims, slices);
    assert.equal(answers(response), { other: '10.0.0.1' });
    assert.equal([counts(response).pending, response.resyncAfterSeconds], [1, 1]);
    assert.is(answers(settle(pool, claims, slices).response).again, '10.0.0.5');
  });
}

test('of two claims that say that they had one address the older gets it', () => {
  const pool = ipPool({ addresses: ['10.0.0.1-10.0.0.9'] });
  const older = annotated(claim('z-older', pool, { creationTimestamp: ago(9) }), '10.0.0.5');
  const younger = annotated(claim('younger', pool, { creationTimestamp: ago(1) }), '10.0.0.5');
  assert.equal(answers(sync(pool, [younger, older])), { 'z-older': '10.0.0.5', younger: '10.0.0.1' });
});

test('a claim that was given two addresses has both until it says which, and hears of them', () => {
  const pool = ipPool({ addresses: ['10.0.0.1-10.0.0.9'] });
  const twice = claim('twice', pool);
  const slices = slicesOf(pool, [twice, '10.0.0.1'], [twice, '10.0.0.2']);
  // What it is to get in the place of an earlier claim it has not got yet.
  const again = annotated(twice, '10.0.0.2');
  for (const related of [[twice], [boundClaim(twice, '10.0.0.9')], [again], []]) {
    const response = sync(pool, related, slices);
    assert.equal(released(response), {});
    assert.is(listed(response).length, 2);
    assert.equal(bells(response), ['uid-twice'], 'even out of view: it may be settled with one of them');
  }
  const response = sync(pool, [boundClaim(twice, '10.0.0.2')], slices);
  assert.equal(answers(response), { twice: '10.0.0.2' });
  assert.equal(Object.keys(released(response)), ['10.0.0.1']);
});

test('a claim keeps what it was given, whichever it says it had', () => {
  const pool = ipPool({ addresses: ['10.0.0.1-10.0.0.9'] });
  const bound = boundClaim(claim('bound', pool), '10.0.0.7');
  assert.equal(answers(settle(pool, [bound], slicesOf(pool, [bound, '10.0.0.2'])).response), {
    bound: '10.0.0.2',
  });
});

// Lost slices

const TWO_PIECES = { addresses: ['10.0.0.60-10.0.0.67'] };

test('nothing is given out of the piece of a slice that is missing, and the pool says so', () => {
  const whole = ipPool(TWO_PIECES);
  const { response: before, slices } = settle(whole, claimsOf(whole, 5));
  assert.equal(condition(before, 'SlicesMissing'), 'False/AllInView');
  const pool = { ...whole, status: before.status } as Pool;
  const rest = slices.filter(({ metadata }) => metadata.name !== 'pool.10.0.0.32-27');
  const response = sync(pool, [claim('new', pool), requesting(pool, 'wants', '10.0.0.61')], rest);
  assert.equal(answers(response), { 'claim-4': '10.0.0.64', new: '10.0.0.65', wants: 'AllocationFailed' });
  assert.is(
    refusalOf(response, 'wants'),
    'the requested address 10.0.0.61 is in use by AllocationSlice pool.10.0.0.32-27, which is missing',
  );
  assert.is(condition(response, 'SlicesMissing'), 'True/SlicesLost');
  assert.equal((response.status as Pool['status'])?.slices, ['pool.10.0.0.32-27', 'pool.10.0.0.64-27']);
  assert.is(counts(response).free, 2);
  const again = { ...pool, status: response.status } as Pool;
  assert.equal(sync(again, [], rest, 1_000_000).status, {
    ...response.status,
    ipAddresses: { total: 8, used: 1, free: 3, outOfRange: 0, pending: 0 },
  });
});

test('a claim that had an address in a missing slice waits for that', () => {
  const pool = { ...ipPool(TWO_PIECES), status: { slices: ['pool.10.0.0.32-27'] } };
  const response = sync(pool, [boundClaim(claim('a', pool), '10.0.0.60'), claim('b', pool)]);
  assert.equal(answers(response), { a: 'PoolNotReady', b: '10.0.0.64' });
  assert.is(
    refusalOf(response, 'a'),
    'its address is kept by AllocationSlice pool.10.0.0.32-27, which is missing',
  );
});

test('once the slice is there again the pool goes on', () => {
  const pool = { ...ipPool(TWO_PIECES), status: { slices: ['pool.10.0.0.32-27'] } };
  const response = sync(pool, [claim('b', pool)], slicesOf(pool, [claim('a', pool), '10.0.0.60']));
  assert.equal(answers(response), { a: '10.0.0.60', b: '10.0.0.61' });
  assert.is(condition(response, 'SlicesMissing'), 'False/AllInView');
});

test('a claim made by a clock that was far ahead holds nobody up', () => {
  const pool = ipPool({ addresses: ['10.0.0.1-10.0.0.9'] });
  const bound = boundClaim(claim('bound', pool, { creationTimestamp: '9999-12-31T23:59:59Z' }));
  const response = sync(pool, [bound, claim('a', pool)], []);
  assert.is(condition(response, 'Ready'), 'True/PoolReady');
  assert.ok(answers(response).a?.startsWith('10.0.0.'));
});

// Slices that are not needed any more

test('a slice that is empty is closed, leaves the list, and only then goes; two stay', () => {
  const pool = ipPool({ addresses: ['10.0.0.0-10.0.0.255'] });
  const holders = [0, 64, 128, 192].map((n) => claim(`claim-${n}`, pool));
  const given = holders.map((holder, n) => [holder, `10.0.0.${64 * n + 1}`] as const);
  const first = slicesOf(pool, ...given);
  const { slices: closed } = settle(pool, holders.map(leaving), first);
  assert.equal(
    closed.filter(({ spec }) => spec.entries).map(({ metadata }) => metadata.name),
    ['pool.10.0.0.0-27', 'pool.10.0.0.128-27'],
  );

  const empty = first.map(({ spec, ...slice }) => ({ ...slice, spec: { ...spec, entries: {} } }));
  const names = empty.map(({ metadata }) => metadata.name);
  const listing = { ...pool, status: { slices: names } };
  const closing = sync(listing, [], empty);
  const isClosed = ({ children }: CompositeResponse) =>
    (children as AllocationSlice[]).map(({ spec }) => spec.closed === true);
  assert.equal(isClosed(closing), [false, false, true, true]);
  const last = applyChildren(pool, empty, closing.children, 5000);
  assert.equal(isClosed(sync(listing, [], last)), [false, false, true, true], 'still on the list');
  assert.ok(sync(listing, [], last).resyncAfterSeconds! > 0, 'no sync follows a change of the list');
  assert.equal((sync(listing, [], last).status as Pool['status'])?.slices, []);
  assert.equal(isClosed(sync({ ...pool, status: { slices: [] } }, [], last)), [false, false]);
});

test('nothing is given out of a closed slice, or one that is being deleted', () => {
  const pool = ipPool(TWO_PIECES);
  const [slice] = slicesOf(pool, [claim('x', pool), '10.0.0.60']) as [AllocationSlice];
  const closed = { ...slice, spec: { ...slice.spec, entries: {}, closed: true as const } };
  const ending = { ...slice, metadata: { ...slice.metadata, deletionTimestamp: ago(1) } };
  const listing = { ...pool, status: { slices: [slice.metadata.name] } };
  assert.equal(answers(sync(listing, [claim('a', pool)], [closed])), { a: '10.0.0.64' });
  assert.equal(answers(sync(listing, [claim('a', pool)], [ending])), { a: '10.0.0.64', x: '10.0.0.60' });
});

test('nobody looks again and again at a slice that is being deleted and stays', () => {
  const pool = ipPool({ addresses: ['10.0.0.1-10.0.0.9'], addressReuseGracePeriodSeconds: 60 });
  const gone = leaving(claim('x', pool));
  const [slice] = slicesOf(pool, [gone, '10.0.0.1']) as [AllocationSlice];
  const ending = { ...slice, metadata: { ...slice.metadata, deletionTimestamp: ago(1) } };
  assert.is(sync(pool, [gone], [slice]).resyncAfterSeconds, 60);
  assert.is(sync(pool, [gone], [ending]).resyncAfterSeconds, 300);
});

// Address spaces

const LAB = { annotations: { 'metaipam.io/address-space': 'lab' } };

test('pools of one address space exclude each other', () => {
  const spec = { addresses: ['10.0.0.1-10.0.0.9'] };
  const [a, b] = [ipPool(spec, { ...LAB, uid: 'a' }), ipPool(spec, { ...LAB, name: 'other', uid: 'b' })];
  const { response, slices } = settle(a, [claim('of-a', a)]);
  assert.equal(response.children[0]?.metadata, {
    name: 'lab.10.0.0.1-32.shared',
    namespace: 'default',
    labels: {
      'metaipam.io/pool': 'InClusterIPPool.pool',
      'metaipam.io/address-space': 'lab',
      'claim.metaipam.io/uid-of-a': '',
    },
  });
  const theirs = sync(b, [claim('of-b', b), requesting(b, 'wants', '10.0.0.1'), ...slices]);
  assert.equal(answers(theirs), { 'of-b': '10.0.0.2', wants: 'AllocationFailed' });
  assert.equal(counts(theirs), { total: 9, used: 1, free: 7, outOfRange: 0, pending: 1 });
});

test('each address of a shared space has a slice of its own, and answers are each pool’s own', () => {
  const spec = { addresses: ['10.0.0.1-10.0.0.2'] };
  const names = (pool: Pool) => sync(pool, claimsOf(pool, 3)).children.map(({ metadata }) => metadata.name);
  assert.equal(names(ipPool(spec, LAB)), [
    'lab.10.0.0.1-32.shared',
    'lab.10.0.0.2-32.shared',
    'pool.answers-0',
  ]);
  assert.equal(names(globalPool(spec, LAB)).at(-1), 'pool.answers-0.global');
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

test('a space reaches no further than slices: not from a namespace to cluster-scoped pools, nor back', () => {
  const spec = { addresses: ['10.0.0.1-10.0.0.9'] };
  const [team, all] = [ipPool(spec, { ...LAB, uid: 'a' }), globalPool(spec, { ...LAB, uid: 'b' })];
  const labels = (uid: string) => ({ 'metaipam.io/pool-uid': uid, 'metaipam.io/address-space': 'lab' });
  const ofTeam = ipAddress(team, 'x', '10.0.0.1', { labels: labels('a') });
  const ofAll = ipAddress(all, 'y', '10.0.0.1', { labels: labels('b') });
  assert.equal(answers(sync(all, [claim('c', all), ofTeam])), { c: '10.0.0.1' });
  assert.equal(answers(sync(team, [claim('c', team), ofAll])), { c: '10.0.0.1' });
  const other = globalPool(spec, { ...LAB, name: 'other', uid: 'c' });
  assert.equal(answers(sync(other, [claim('c', other), ofAll, ofTeam])), { c: '10.0.0.2' });
  // The slices of this one lie beside those of cluster-scoped pools.
  const beside = ipAddress(team, 'z', '10.0.0.2', { labels: labels('a'), namespace: 'metaipam-system' });
  assert.equal(answers(sync(other, [claim('c', other), ofAll, beside])), { c: '10.0.0.3' });
});

test('nothing is given out of what an earlier pool of the name left, and whoever needs it is told to delete it', () => {
  const [pool, earlier] = [ipPool(TWO_PIECES), ipPool(TWO_PIECES, { uid: 'earlier' })];
  const left = slicesOf(earlier, [claim('a', earlier), '10.0.0.60']);
  const related = [claim('new', pool), requesting(pool, 'wants', '10.0.0.61'), ...left];
  const response = sync(pool, related);
  assert.equal(answers(response), { new: '10.0.0.64', wants: 'AllocationFailed' });
  assert.equal(counts(response), { total: 8, used: 1, free: 3, outOfRange: 0, pending: 1 });
  const moved = ipAddress(pool, 'a', '10.0.0.60', { labels: { 'metaipam.io/pool-uid': 'earlier' } });
  const restored = claim('a', pool, { uid: 'uid-of-the-restored' });
  assert.is(
    refusalOf(sync(pool, [restored, moved, ...left]), 'of-the-restored'),
    'its address 10.0.0.60 is held by AllocationSlice pool.10.0.0.32-27, which an earlier pool of this name left: delete it',
  );
  assert.equal(answers(sync(pool, [restored, moved])), { a: '10.0.0.60' });
});

test('another space is another space', () => {
  const spec = { addresses: ['10.0.0.1-10.0.0.9'] };
  const lab = ipPool(spec, { ...LAB, name: 'other', uid: 'lab' });
  const dmz = ipPool(spec, { annotations: { 'metaipam.io/address-space': 'dmz' }, uid: 'dmz' });
  const theirs = slicesOf(lab, [claim('x', lab), '10.0.0.1']);
  assert.is(theirs[0]?.metadata.labels?.['metaipam.io/address-space'], 'lab');
  assert.equal(answers(sync(dmz, [claim('a', dmz), ...theirs])), { a: '10.0.0.1' });
  assert.equal(answers(sync(ipPool(spec), [claim('a'), ...theirs])), { a: '10.0.0.1' });
});

test('a kept slice keeps the label of its space', () => {
  const pool = ipPool({ addresses: ['10.0.0.1-10.0.0.9'] }, LAB);
  const holder = claim('holder', pool);
  const [child] = sync(pool, [holder], slicesOf(pool, [holder, '10.0.0.1'])).children;
  assert.is(child?.metadata.labels?.['metaipam.io/address-space'], 'lab');
});

test('the name of an address space may be as long as the value of a label', () => {
  const annotations = { 'metaipam.io/address-space': 'a'.repeat(63) };
  const pool = ipPool({ addresses: ['10.0.0.1'] }, { annotations });
  assert.equal(answers(sync(pool, [claim('a', pool)])), { a: '10.0.0.1' });
});

test('a pool of nothing has no address, and nobody can tell what one has that is invalid', () => {
  const exhausted = (spec: object) => condition(sync(ipPool(spec), []), 'Exhausted');
  assert.is(exhausted({ addresses: ['10.0.0.1'], excludedAddresses: ['10.0.0.1'] }), 'True/NoAddress');
  assert.is(exhausted({ addresses: ['x'] }), 'Unknown/InvalidSpec');
});

test('a slice that the pool made and does not own any more is missing, one of an earlier pool is not', () => {
  const pool = ipPool({ addresses: ['10.0.0.1-10.0.0.9'] });
  const [made] = slicesOf(pool, [claim('held', pool), '10.0.0.1']);
  const parent = { ...pool, status: { slices: [made!.metadata.name] } } as typeof pool;
  const poolRef = { ...made!.spec.poolRef, uid: 'earlier' };
  const missing = (slice: AllocationSlice) => condition(sync(parent, [slice]), 'SlicesMissing');
  assert.is(missing(made!)?.split('/')[0], 'True');
  assert.is(missing({ ...made!, spec: { ...made!.spec, poolRef } })?.split('/')[0], 'False');
});

test('a claim of another group that has a pool of this kind and name is none of this one’s', () => {
  const pool = ipPool({ addresses: ['10.0.0.1'] });
  const { spec, ...rest } = claim('a', pool);
  const other = { ...rest, spec: { ...spec, poolRef: { ...spec.poolRef, apiGroup: 'example.com' } } };
  assert.equal(answers(sync(pool, [other])), {});
});

for (const space of ['', 'Lab', 'a_b', '-a', 'a..b', 'a.-b', 'a'.repeat(64)]) {
  test(`an address space cannot be named ${JSON.stringify(space)}`, () => {
    const pool = ipPool(
      { addresses: ['10.0.0.1-10.0.0.9'] },
      { annotations: { 'metaipam.io/address-space': space } },
    );
    const { response } = settle(pool, [claim('a', pool), boundClaim(claim('b', pool), '10.0.0.5')]);
    assert.is(condition(response, 'Ready'), 'False/InvalidSpec');
    assert.equal(answers(response), { a: 'PoolNotReady', b: 'PoolNotReady' });
    const former = claim('former', pool);
    const slices = slicesOf(ipPool({}), [former, '10.0.0.1']);
    const later = settle(
      pool,
      [leaving(former), claim('moved', pool), ipAddress(pool, 'moved', '10.0.0.3')],
      slices,
    );
    assert.equal(
      answers(later.response),
      { former: 'NothingHeld' },
      'what was given is taken back, what came along is not listed',
    );
  });
}

// Related objects

const SPACE = { key: 'metaipam.io/address-space', operator: 'Exists' };
const notMine = (key: string) => ({ key, operator: 'NotIn', values: ['pool-uid'] });
const MINE = { 'metaipam.io/pool': 'InClusterIPPool.pool' };

test('a pool asks for its open claims, for addresses and slices it did not make, and for what its neighbours have', () => {
  const { relatedResources } = pools.customize({ parent: ipPool({}) }, contextAt());
  assert.equal(
    relatedResources.map(({ resource, namespace, labelSelector }) => [
      `${namespace}/${resource}`,
      labelSelector,
    ]),
    [
      [
        'default/ipaddressclaims',
        {
          matchLabels: MINE,
          matchExpressions: [
            { key: 'metaipam.io/settled', operator: 'Exists' },
            notMine('metaipam.io/settled'),
          ],
        },
      ],
      ['default/ipaddresses', { matchLabels: MINE, matchExpressions: [notMine('metaipam.io/pool-uid')] }],
      ['default/ipaddresses', { matchExpressions: [{ key: 'metaipam.io/pool', operator: 'DoesNotExist' }] }],
      ['default/ipaddresses', { matchExpressions: [SPACE, notMine('metaipam.io/pool-uid')] }],
      ['default/allocationslices', { matchLabels: MINE, matchExpressions: [notMine('controller-uid')] }],
      ['default/allocationslices', { matchExpressions: [SPACE, notMine('controller-uid')] }],
    ],
  );
});

test('a pool that is being deleted asks for all of its own, settled or not', () => {
  const { relatedResources } = pools.customize({ parent: deleted(ipPool({})) }, contextAt());
  const own = relatedResources.filter(({ labelSelector }) => labelSelector?.matchLabels !== undefined);
  assert.equal(
    own.map(({ resource, labelSelector }) => [resource, labelSelector]),
    ['ipaddressclaims', 'ipaddresses', 'allocationslices'].map((resource) => [
      resource,
      { matchLabels: MINE },
    ]),
  );
});

test('a global pool asks for claims of every namespace, and for slices where the install is', () => {
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
      'ipam.cluster.x-k8s.io/v1beta1 */ipaddresses',
      'ipam.cluster.x-k8s.io/v1beta1 */ipaddresses',
      'ipam.cluster.x-k8s.io/v1beta1 */ipaddresses',
      'metaipam.io/v1alpha1 ipam/allocationslices',
      'metaipam.io/v1alpha1 ipam/allocationslices',
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
    { parent: pool, children: { [SLICES]: {} }, related },
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
      ['SlicesMissing', 'False', '2026-01-02T03:04:05Z'],
    ],
  );
});

test('an open claim that is not watched is given nothing', () => {
  const pool = ipPool({ addresses: ['10.0.0.1-10.0.0.9'] });
  const request = poolRequest(pool, [], [claim('a', pool)]);
  const given = (config: object) => listed(pools.sync(request, contextAt(0, config)));
  assert.not.equal(given({ watchNamespace: 'default' }), given({ watchNamespace: 'elsewhere' }));
  assert.equal(given({ watchFilter: 'x' }), given({ watchNamespace: 'elsewhere' }));
  assert.equal(given({ watchNamespace: 'default' }), given({}));
});

test.run();
