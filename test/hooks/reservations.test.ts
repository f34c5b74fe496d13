import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as pools from '../../hooks/pools.ts';
import type { KubernetesObject } from '../../lib/kubernetes/object.ts';
import type { AllocationSlice, InClusterIPPoolSpec } from '../../lib/kubernetes/types.ts';
import { readPool } from '../../lib/pool/pool.ts';
import {
  ago,
  answers,
  boundClaim,
  claim,
  condition,
  contextAt,
  counts,
  globalPool,
  globalPrefixPool,
  ipAddress,
  ipPool,
  type Pool,
  poolRequest,
  prefixPool,
  refusalOf,
  slicesOf,
} from './objects.ts';

const sync = (pool: Pool, related: KubernetesObject[] = [], slices: AllocationSlice[] = []) =>
  pools.sync(poolRequest(pool, slices, related), contextAt());
const poolWith = (
  reservations: InClusterIPPoolSpec['reservations'],
  more: Partial<InClusterIPPoolSpec> = {},
) => ipPool({ addresses: ['10.0.0.1-10.0.0.4'], ...(reservations && { reservations }), ...more });
const ASKS = (address: string) => ({ annotations: { 'metaipam.io/requested-address': address } });
const SAYS = (address: string) => ({ annotations: { 'metaipam.io/address': address } });

const VIP = [{ address: '10.0.0.1', claim: 'vip' }];
const NODES = [
  { address: '10.0.0.2', claimPattern: 'node-*' },
  { address: '10.0.0.3', claimPattern: 'node-*' },
];

type Claims = Record<string, object>;
/** Claims by name, the oldest first, and what each gets. */
const CASES: [title: string, pool: Pool, claims: Claims, expected: Record<string, string>][] = [
  ['kept from others', poolWith(VIP), { a: {}, vip: {} }, { a: '10.0.0.2', vip: '10.0.0.1' }],
  [
    'kept while its claim is not there',
    poolWith(VIP, { addresses: ['10.0.0.1-10.0.0.2'] }),
    { a: {}, b: {} },
    { a: '10.0.0.2', b: 'PoolExhausted' },
  ],
  ['not for who asks for it', poolWith(VIP), { a: ASKS('10.0.0.1') }, { a: 'AllocationFailed' }],
  ['for its claim that asks for it', poolWith(VIP), { vip: ASKS('10.0.0.1') }, { vip: '10.0.0.1' }],
  ['its claim may ask for another', poolWith(VIP), { vip: ASKS('10.0.0.3') }, { vip: '10.0.0.3' }],
  ['not for who only says that he had it', poolWith(VIP), { a: SAYS('10.0.0.1') }, { a: '10.0.0.2' }],
  ['for its claim that says so', poolWith(VIP), { vip: SAYS('10.0.0.1') }, { vip: '10.0.0.1' }],
  [
    'a pattern: the oldest get what is reserved, the next the lowest',
    poolWith(NODES),
    { 'node-a': {}, 'node-b': {}, 'node-c': {}, x: {} },
    { 'node-a': '10.0.0.2', 'node-b': '10.0.0.3', 'node-c': '10.0.0.1', x: '10.0.0.4' },
  ],
  [
    'a name before a pattern',
    poolWith([...NODES, { address: '10.0.0.4', claim: 'node-z' }]),
    { 'node-z': {}, 'node-a': {} },
    { 'node-a': '10.0.0.2', 'node-z': '10.0.0.4' },
  ],
  [
    'one that the pool does not give',
    poolWith([{ address: '10.0.0.9', claim: 'vip' }]),
    { vip: {}, a: {} },
    { a: '10.0.0.1', vip: 'AllocationFailed' },
  ],
];
for (const [title, pool, claims, expected] of CASES) {
  test(title, () => {
    const objects = Object.entries(claims).map(([name, meta], index) =>
      claim(name, pool, { creationTimestamp: ago(1000 - index), ...meta }),
    );
    assert.equal(answers(sync(pool, objects)), expected);
  });
}

test('who had it gets it again, and of two for one claim that gets the first that is free', () => {
  const pool = poolWith([...VIP, { address: '10.0.0.3', claim: 'vip' }]);
  const former = boundClaim(claim('a', pool), '10.0.0.1');
  assert.equal(answers(sync(pool, [former, claim('vip', pool)])), { a: '10.0.0.1', vip: '10.0.0.3' });
});

test('of a global pool, by namespace', () => {
  const reservations = [
    { address: '10.0.0.1', claim: 'vip', namespace: 'a' },
    { address: '10.0.0.2', claimPattern: 'vip*' },
  ];
  const pool = globalPool({ addresses: ['10.0.0.1-10.0.0.4'], reservations });
  const claims = ['b', 'a', 'c'].map((namespace, index) =>
    claim('vip', pool, { namespace, uid: namespace, creationTimestamp: ago(1000 - index) }),
  );
  const [slice] = sync(pool, claims).children as AllocationSlice[];
  const given = Object.entries(slice!.spec.entries!).map(([key, { uid }]) => `${uid} ${key}`);
  assert.equal(given, ['a 10.0.0.1', 'b 10.0.0.2', 'c 10.0.0.3']);
});

test('refusals say why', () => {
  const pool = poolWith(VIP);
  const other = claim('a', pool);
  const held = slicesOf(pool, [other, '10.0.0.1']);
  const message = (meta: object, name: string, slices: AllocationSlice[] = []) =>
    refusalOf(sync(pool, [claim(name, pool, meta)], slices), name);
  assert.is(
    message(ASKS('10.0.0.1'), 'b'),
    'the requested address 10.0.0.1 is reserved for IPAddressClaim vip',
  );
  assert.is(
    message({}, 'vip', held),
    '10.0.0.1, which is reserved for it, is in use by IPAddressClaim default/a',
  );
  const outside = poolWith([{ address: '10.0.0.9', claim: 'vip' }]);
  assert.is(
    refusalOf(sync(outside, [claim('vip', outside)]), 'vip'),
    '10.0.0.9, which is reserved for it, is not one that InClusterIPPool default/pool gives out',
  );
});

test('counts: what is kept is not free, and a pool of which the rest is used is exhausted', () => {
  const pool = poolWith(VIP, { addresses: ['10.0.0.1-10.0.0.2'] });
  assert.equal(counts(sync(pool)), { total: 2, used: 0, free: 1, outOfRange: 0, pending: 0 });
  const full = sync(pool, [claim('a', pool)]);
  assert.equal(counts(full), { total: 2, used: 1, free: 0, outOfRange: 0, pending: 0 });
  assert.match(JSON.stringify(full.status), '"every address is in use or reserved"');
  const all = sync(pool, [claim('a', pool), claim('vip', pool)]);
  assert.equal(counts(all), { total: 2, used: 2, free: 0, outOfRange: 0, pending: 0 });
  assert.match(JSON.stringify(all.status), '"every address is in use"');
});

const CONFLICTS: [
  title: string,
  pool: Pool,
  expected: string | undefined,
  ...given: [string, string, object?][],
][] = [
  ['nobody has it', poolWith(VIP), undefined],
  ['its claim has it', poolWith(VIP), undefined, ['vip', '10.0.0.1']],
  ['one of its claims has it', poolWith(NODES), undefined, ['node-7', '10.0.0.3']],
  ['another had it, which is gone', poolWith(VIP), undefined, ['a', '10.0.0.1', { released: ago(5) }]],
  [
    'another has it',
    poolWith(VIP),
    '10.0.0.1, reserved for IPAddressClaim vip, is held by IPAddressClaim default/a',
    ['a', '10.0.0.1'],
  ],
  [
    'its claim has another',
    poolWith(VIP),
    '10.0.0.1, reserved for IPAddressClaim vip, waits for IPAddressClaim default/vip, which has 10.0.0.3',
    ['vip', '10.0.0.3'],
  ],
  [
    'it is reserved twice',
    poolWith([...VIP, { address: '10.0.0.1', claimPattern: 'b*' }]),
    '10.0.0.1, reserved for IPAddressClaims b*, is reserved for IPAddressClaim vip before',
  ],
  [
    'the pool does not give it',
    poolWith([{ address: 'fd00::1', claim: 'vip' }]),
    'fd00::1, reserved for IPAddressClaim vip, is not one that the pool gives out',
  ],
  [
    'it was given before the pool was made smaller',
    poolWith([{ address: '10.0.0.9', claim: 'vip' }]),
    undefined,
    ['vip', '10.0.0.9'],
  ],
];
for (const [title, pool, expected, ...given] of CONFLICTS) {
  test(`conflict: ${title}`, () => {
    const period = { ...pool, spec: { ...pool.spec, addressReuseGracePeriodSeconds: 60 } } as Pool;
    const slices = slicesOf(
      period,
      ...given.map(([name, address, more]) => [claim(name, period), address, more] as never),
    );
    const response = sync(period, [], slices);
    const state = condition(response, 'ReservationConflict');
    assert.is(state, expected === undefined ? 'False/NoConflict' : 'True/ReservationsUnmet');
    if (expected !== undefined) assert.match(JSON.stringify(response.status), expected);
    const kept = given.flatMap(([name, , more]) => (more === undefined ? [name] : []));
    assert.equal(Object.keys(answers(response)), kept, 'nobody loses anything');
  });
}

test('an address from elsewhere that is reserved for another is taken over, and told of', () => {
  const pool = poolWith(VIP);
  const response = sync(pool, [claim('a', pool), ipAddress(pool, 'a', '10.0.0.1')]);
  assert.equal(answers(response), { a: '10.0.0.1' });
  assert.is(condition(response, 'ReservationConflict'), 'True/ReservationsUnmet');
});

test('the condition is only of pools with reservations, and ends with them', () => {
  const pool = poolWith([{ address: '10.0.0.9', claim: 'vip' }]);
  assert.is(condition(sync(poolWith(undefined)), 'ReservationConflict'), undefined);
  const { status } = sync(pool);
  const without = { ...poolWith(undefined), status } as Pool;
  assert.is(condition(sync(without), 'ReservationConflict'), 'False/NoConflict');
});

test('prefixes are kept too: by name, by pattern, whatever the strategy', () => {
  for (const make of [prefixPool, globalPrefixPool])
    for (const strategy of ['LowestFree', 'Random', 'LeastRecentlyUsed'] as const) {
      const pool = make({
        prefixes: ['fd00::/62'],
        strategy,
        reservations: [
          { prefix: 'fd00::/64', claim: 'rack-1' },
          { prefix: 'FD00:0:0:2::/64', claimPattern: 'edge-*' },
          { prefix: 'fd00:0:0:9::/64', claim: 'nowhere' },
        ],
      });
      const names = ['other-1', 'other-2', 'other-3', 'edge-a', 'rack-1', 'nowhere'];
      const claims = names.map((name, index) => claim(name, pool, { creationTimestamp: ago(100 - index) }));
      const response = pools.sync(poolRequest(pool, [], claims), contextAt());
      const { 'other-1': one, 'other-2': two, ...rest } = answers(response);
      assert.equal([one, two].sort(), ['fd00:0:0:1::/64', 'fd00:0:0:3::/64']);
      assert.equal(rest, {
        'other-3': 'PoolExhausted',
        'edge-a': 'fd00:0:0:2::/64',
        'rack-1': 'fd00::/64',
        nowhere: 'AllocationFailed',
      });
      assert.is(condition(response, 'ReservationConflict'), 'True/ReservationsUnmet');
    }
});

test('a reserved prefix has to be one that the pool could give', () => {
  const messages = (reservation: object) =>
    readPool(
      prefixPool({ prefixes: ['fd00::/62'], reservations: [reservation as { prefix: string }] }),
    ).problems.map(({ field, message }) => `${field}: ${message}`);
  const field = 'spec.reservations[0].prefix';
  assert.equal(messages({ prefix: 'fd00::/64', claim: 'a' }), []);
  assert.equal(messages({ prefix: 'fd00::/63', claim: 'a' }), [
    `${field}: must be a prefix of length 64, as all of the pool are`,
  ]);
  assert.equal(messages({ prefix: 'fd00::1/64', claim: 'a' }), [`${field}: CIDR must be network-aligned`]);
  assert.equal(messages({ prefix: 'fd00::', claim: 'a' }), [`${field}: provided entry is not a valid CIDR`]);
  assert.equal(messages({ address: 'fd00::', claim: 'a' }), [`${field}: provided entry is not a valid CIDR`]);
  assert.equal(messages({ prefix: 'fd00::/64' }), [
    'spec.reservations[0]: exactly one of claim and claimPattern is required',
  ]);
});

test.run();
