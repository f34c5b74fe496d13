import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { controllers } from '../../hooks/index.ts';
import * as prefixPools from '../../hooks/prefix-pools.ts';
import { formatPrefix, overlaps, parsePrefix, prefixOf } from '../../lib/address/range.ts';
import { createEmptyWorld } from '../../lib/cli/world.ts';
import type { SimulatedCluster } from '../../lib/engine/cluster.ts';
import type { Unstructured } from '../../lib/engine/object.ts';
import type { KubernetesObject } from '../../lib/kubernetes/object.ts';
import type { AllocationSlice, InClusterPrefixPoolSpec, IPAddress } from '../../lib/kubernetes/types.ts';
import {
  ago,
  answers,
  applyChildren,
  CAPI,
  claim,
  condition,
  contextAt,
  counts,
  globalPrefixPool,
  ipAddress,
  leaving,
  listed,
  poolRequest,
  prefixPool,
  refusalOf,
  slicesOf,
} from './objects.ts';

type Spec = Partial<InClusterPrefixPoolSpec>;

function sync(
  pool: ReturnType<typeof prefixPool>,
  related: KubernetesObject[],
  slices: AllocationSlice[] = [],
) {
  return prefixPools.sync(poolRequest(pool, slices, related), contextAt());
}

const SMALL: Spec = { prefixes: ['fd00::/62'] };
const at = (requested: string) => ({ annotations: { 'metaipam.io/requested-address': requested } });

// What a claim gets

const IN_USE: [address: string, next: string | undefined, isInPool: boolean, free: number][] = [
  ['fd00::/64', 'fd00:0:0:1::/64', true, 3],
  ['fd00::1/64', 'fd00:0:0:1::/64', true, 3],
  ['fd00::/63', 'fd00:0:0:2::/64', false, 2],
  ['fd00::/128', 'fd00:0:0:1::/64', false, 3],
  ['fd00::/61', undefined, false, 0],
  ['fd01::/64', 'fd00::/64', false, 4],
];
for (const [text, next, isInPool, free] of IN_USE) {
  const pool = prefixPool(SMALL);
  const theirs = ipAddress(pool, 'theirs', text);

  test(`1.4 beside an IPAddress ${text} the next is ${next}`, () => {
    assert.equal(counts(sync(pool, [theirs])), {
      total: 4,
      used: 1,
      free,
      outOfRange: isInPool ? 0 : 1,
      pending: 0,
    });
    const response = sync(pool, [theirs, claim('a', pool)]);
    assert.is(answers(response).a, next ?? 'PoolExhausted');
    if (next === undefined) {
      assert.is(refusalOf(response, 'a'), 'InClusterPrefixPool default/pool has no free prefix');
    }
  });

  test(`1.4 the claim of an IPAddress ${text} keeps it`, () => {
    const response = sync(pool, [theirs, claim('theirs', pool)]);
    const [{ entry, key } = {}] = listed(response);
    assert.is(key, text.replace('::1/', '::/').replace(/\/128$/, ''));
    assert.is(entry?.adopted, true);
    assert.is(entry?.since, ago(0));
    assert.is(condition(response, 'OutOfRange'), isInPool ? 'False/AllInPool' : 'True/PrefixesOutsidePool');
    applyChildren(pool, [], response.children, 1);
  });
}

for (const [what, more, next, free] of [
  ['without a prefix', { prefix: undefined }, 'fd00:0:0:1::/64', 2],
  ['with an address that is none', { address: 'zz' }, 'fd00::/64', 3],
] as const) {
  test(`1.4 an IPAddress ${what} is told of, and stops nothing`, () => {
    const pool = prefixPool(SMALL);
    const { spec, ...rest } = ipAddress(pool, 'theirs', 'fd00::/64');
    const bad = { ...rest, spec: { ...spec, ...more } } as IPAddress;
    const response = sync(pool, [bad, claim('a', pool), claim('theirs', pool)]);
    assert.equal(answers(response), { a: next, theirs: 'AllocationFailed' });
    assert.is(refusalOf(response, 'theirs'), 'IPAddress default/theirs, which refers to it, says no prefix');
    assert.equal(counts(response), { total: 4, used: 2, free, outOfRange: 1, pending: 1 });
    assert.match(JSON.stringify(response.status), 'IPAddresses that say no prefix: default/theirs');
  });
}

const FIRST: [id: string, spec: Spec, given: string[]][] = [
  ['A1', SMALL, ['fd00::/64', 'fd00:0:0:1::/64', 'fd00:0:0:2::/64', 'fd00:0:0:3::/64', 'PoolExhausted']],
  ['A7', { prefixes: ['fd00::/48'], allocationPrefixLength: 56 }, ['fd00::/56', 'fd00:0:0:100::/56']],
  ['A8', { ...SMALL, excludedPrefixes: ['fd00:0:0:1::5'] }, ['fd00::/64', 'fd00:0:0:2::/64']],
  ['A10', { ...SMALL, excludedPrefixes: ['fd00:0:0:1::9/60'] }, ['PoolExhausted']],
  [
    'A13',
    { prefixes: ['fd00::/48'], allocationPrefixLength: 128, gateway: 'fd00::1' },
    ['fd00::', 'fd00::1'],
  ],
  ['A14', { prefixes: ['::/0'], allocationPrefixLength: 1 }, ['::/1', '8000::/1', 'PoolExhausted']],
  ['A20', { prefixes: ['fd00:0:0:1::/64', 'fd10::/48'] }, ['fd00:0:0:1::/64', 'fd10::/64']],
  ['IPv4', { prefixes: ['10.8.0.0/16'], allocationPrefixLength: 24 }, ['10.8.0.0/24', '10.8.1.0/24']],
];
for (const [id, spec, given] of FIRST) {
  test(`${id} claims get ${given}`, () => {
    const pool = prefixPool(spec);
    const response = sync(
      pool,
      given.map((_, index) => claim(`claim-${index}`, pool, { creationTimestamp: ago(100 - index) })),
    );
    assert.equal(Object.values(answers(response)).toSorted(), given.toSorted());
    assert.is(answers(response)['claim-0'], given[0]);
    applyChildren(pool, [], response.children, 1);
  });
}

test('A15 A17 counts beyond int64 are capped there and written exactly', () => {
  for (const [prefixes, allocationPrefixLength] of [
    [['::/0'], 128],
    [['8000::/1'], 64],
  ] as const) {
    const pool = prefixPool({ prefixes, allocationPrefixLength });
    const text = JSON.stringify(sync(pool, [claim('a', pool)]).status);
    assert.match(text, '"total":9223372036854775807,"used":1,"free":9223372036854775807,');
  }
});

test('A16 counts up to int64 are exact', () => {
  const pool = prefixPool({ prefixes: ['8000::/1'], allocationPrefixLength: 63 });
  const text = JSON.stringify(sync(pool, [claim('a', pool)]).status);
  assert.match(text, '"total":4611686018427387904,"used":1,"free":4611686018427387903,');
});

test('a slice keeps 64 prefixes, and its name is none that another kind or length of pool uses', () => {
  const names = [
    prefixPool(SMALL),
    globalPrefixPool(SMALL),
    prefixPool({ ...SMALL, allocationPrefixLength: 128 }),
  ].map((pool) => sync(pool as never, [claim('a', pool)]).children[0]?.metadata.name);
  assert.equal(names, [
    'pool.fd00-0-0-0-0-0-0-0-59.64.prefix',
    'pool.fd00-0-0-0-0-0-0-0-59.64.global-prefix',
    'pool.fd00-0-0-0-0-0-0-0-123.prefix',
  ]);
});

const REQUESTED: [text: string, given: string][] = [
  ['fd00:0:0:2::/64', 'fd00:0:0:2::/64'],
  ['fd00:0:0:2::', 'fd00:0:0:2::/64'],
  ['FD00:0:0:2::/64', 'fd00:0:0:2::/64'],
  ['fd00:0:0:2::5', 'AllocationFailed'],
  ['fd00:0:0:2::/63', 'AllocationFailed'],
  ['fd00:0:0:9::/64', 'AllocationFailed'],
  ['fd00::/64', 'AllocationFailed'],
  ['10.0.0.1', 'AllocationFailed'],
  ['nonsense', 'AllocationFailed'],
];
for (const [text, given] of REQUESTED) {
  test(`a claim that asks for ${text}: ${given}`, () => {
    const pool = prefixPool(SMALL);
    const slices = slicesOf(pool, [claim('first', pool), 'fd00::/64']);
    const response = sync(pool, [claim('a', pool, at(text))], slices);
    assert.is(answers(response).a, given);
  });
}

test('the grace period holds a prefix back', () => {
  const pool = prefixPool({ prefixes: ['fd00::/64'], addressReuseGracePeriodSeconds: 60 });
  const [first, second] = [claim('first', pool), claim('second', pool)];
  const slices = slicesOf(pool, [first, 'fd00::/64', { released: ago(59) }]);
  const waiting = sync(pool, [second], slices);
  assert.is(answers(waiting).second, 'PoolExhausted');
  assert.is(waiting.resyncAfterSeconds, 1);
  const over = slicesOf(pool, [first, 'fd00::/64', { released: ago(60) }]);
  const free = sync(pool, [], over);
  assert.equal(listed(free), []);
});

test('L5 a full pool says so', () => {
  const pool = prefixPool({ prefixes: ['fd07::/64'] });
  const response = sync(pool, [
    claim('a', pool, { creationTimestamp: ago(9) }),
    claim('b', pool, { creationTimestamp: ago(8) }),
  ]);
  assert.equal(answers(response), { a: 'fd07::/64', b: 'PoolExhausted' });
  assert.equal(counts(response), { total: 1, used: 1, free: 0, outOfRange: 0, pending: 1 });
  assert.is(condition(response, 'Exhausted'), 'True/NoFreePrefix');
  assert.is(condition(response, 'Ready'), 'True/PoolReady');
});

for (const [id, spec, told] of [
  ['L6', { prefixes: ['fd01:0:0:1::/64'] }, 'fd01::/64'],
  ['L7', { prefixes: ['fd01::/62'], excludedPrefixes: ['fd01::/64'] }, 'fd01::/64'],
  ['an excluded address', { prefixes: ['fd01::/62'], excludedPrefixes: ['fd01::77'] }, 'fd01::/64'],
] as const) {
  test(`${id} what a pool does not give any more is out of range, and kept`, () => {
    const pool = prefixPool(spec);
    const slices = slicesOf(pool, [claim('a', pool), 'fd01::/64']);
    const response = sync(pool, [], slices);
    assert.is(counts(response).outOfRange, 1);
    assert.is(counts(response).used, 1);
    assert.match(JSON.stringify(response.status), `no longer part of the pool: ${told}"`);
    assert.is(listed(response).length, 1);
  });
}

test('an address space is for pools of addresses', () => {
  const pool = prefixPool(SMALL, { annotations: { 'metaipam.io/address-space': 'lab' } });
  const response = sync(pool, [claim('a', pool)]);
  assert.is(condition(response, 'Ready'), 'False/InvalidSpec');
  assert.is(answers(response).a, 'PoolNotReady');
  assert.match(
    refusalOf(response, 'a')!,
    'has an annotation metaipam.io/address-space, which is for pools of addresses',
  );
});

test('a claim that was given a prefix gets it again', () => {
  const pool = prefixPool(SMALL);
  const had = claim('a', pool, { annotations: { 'metaipam.io/address': 'fd00:0:0:3::/64' } });
  assert.is(answers(sync(pool, [had])).a, 'fd00:0:0:3::/64');
});

test('L4 what a claim leaves is free at once', () => {
  const pool = prefixPool(SMALL);
  const gone = leaving(claim('a', pool));
  const response = sync(pool, [gone], slicesOf(pool, [gone, 'fd00::/64']));
  assert.is(listed(response)[0]?.entry.released, ago(0));
});

/** Prefixes of fd00::/60, which has room for 16 of 64 bits, and of what is next to it. */
const PLACE = fc
  .tuple(fc.integer({ min: 0, max: 17 }), fc.constantFrom(62, 63, 64, 64, 64, 66, 128))
  .map(([index, length]) =>
    prefixOf({ family: 6, value: (0xfd00n << 112n) + (BigInt(index) << 64n) }, length),
  );

test('whatever is in use, of whatever length: nothing that is given overlaps it, and the lowest goes first', () => {
  const pool = prefixPool({ prefixes: ['fd00::/60'] });
  fc.assert(
    fc.property(
      fc.uniqueArray(PLACE, { maxLength: 5, selector: formatPrefix }),
      fc.nat(18),
      (places, count) => {
        const foreign = places.map((place, index) =>
          ipAddress(pool, `foreign-${index}`, formatPrefix(place)),
        );
        const claims = Array.from({ length: count }, (_, index) =>
          claim(`claim-${index}`, pool, { creationTimestamp: ago(500 - index) }),
        );
        const response = sync(pool, [...foreign, ...claims]);
        const free = Array.from(
          { length: 16 },
          (_, index) => parsePrefix(`fd00:0:0:${index.toString(16)}::/64`)!,
        )
          .filter((block) => !places.some((place) => overlaps(place, block)))
          .map(formatPrefix);
        const given = answers(response);
        assert.equal(
          claims.map(({ metadata }) => given[metadata.name]),
          claims.map((_, index) => free[index] ?? 'PoolExhausted'),
        );
        const { total, used, free: left } = counts(response);
        const served = Math.min(count, free.length);
        assert.equal([total, used, left], [16, places.length + served, free.length - served]);
      },
    ),
  );
});

// Whole lives, with every controller

function world(): SimulatedCluster {
  return createEmptyWorld(controllers, { now: contextAt().now });
}

function apply(cluster: SimulatedCluster, ...objects: KubernetesObject[]): void {
  for (const { apiVersion, kind, metadata, ...rest } of objects) {
    const { uid: _, resourceVersion: __, creationTimestamp: ___, labels: ____, ...given } = metadata;
    const { error } = cluster.apply({ apiVersion, kind, metadata: given, ...rest } as Unstructured);
    assert.is(error, undefined, error?.message);
  }
  settle(cluster);
}

function settle(cluster: SimulatedCluster): void {
  const { settled, failures } = cluster.settle();
  assert.ok(settled);
  assert.equal(failures, []);
}

/** `address/prefix gateway` by the name of the claim. */
function given(cluster: SimulatedCluster): Record<string, string> {
  const addresses = cluster.objects('IPAddress') as object[] as IPAddress[];
  return Object.fromEntries(
    addresses.map(({ metadata, spec: { address, prefix, gateway } }) => [
      `${metadata.namespace}/${metadata.name}`,
      [`${address}/${prefix}`, gateway].filter(Boolean).join(' '),
    ]),
  );
}

const remove = (cluster: SimulatedCluster, object: KubernetesObject) => {
  const { apiVersion, kind, metadata } = object;
  const { name, namespace } = metadata;
  cluster.delete({ apiVersion, kind, name, ...(namespace !== undefined && { namespace }) });
  settle(cluster);
};

test('L1 two claims, and the gateway as it is written', () => {
  const cluster = world();
  const pool = prefixPool({ ...SMALL, gateway: 'fd10::1' });
  apply(cluster, pool, claim('a', pool), claim('b', pool));
  assert.equal(given(cluster), {
    'default/a': 'fd00::/64 fd10::1',
    'default/b': 'fd00:0:0:1::/64 fd10::1',
  });
  const address = cluster.get({ apiVersion: CAPI, kind: 'IPAddress', namespace: 'default', name: 'a' })!;
  const owners = address.metadata.ownerReferences!.map(({ kind, controller, blockOwnerDeletion }) => [
    kind,
    controller,
    blockOwnerDeletion,
  ]);
  assert.equal(owners.toSorted(), [
    ['IPAddressClaim', true, true],
    ['InClusterPrefixPool', false, true],
  ]);
});

test('L2 a paused pool gives nothing, until it is not', () => {
  const cluster = world();
  const pool = prefixPool(
    { prefixes: ['fd04::/62'] },
    { annotations: { 'cluster.x-k8s.io/paused': 'false' } },
  );
  apply(cluster, pool, claim('a', pool));
  assert.equal(given(cluster), {});
  const { annotations: _, ...metadata } = pool.metadata;
  apply(cluster, { ...pool, metadata });
  assert.equal(given(cluster), { 'default/a': 'fd04::/64' });
});

test('L3 a global pool serves every namespace', () => {
  const cluster = world();
  const pool = globalPrefixPool({ prefixes: ['fd01::/63'] });
  apply(cluster, pool, claim('a', pool, { namespace: 'one' }), claim('a', pool, { namespace: 'two' }));
  assert.equal(Object.keys(given(cluster)), ['one/a', 'two/a']);
  assert.equal(Object.values(given(cluster)).toSorted(), ['fd01:0:0:1::/64', 'fd01::/64']);
});

test('L4 L5 a claim that waits gets the prefix that another gives up', () => {
  const cluster = world();
  const pool = prefixPool({ prefixes: ['fd07::/64'] });
  apply(cluster, pool, claim('a', pool));
  apply(cluster, claim('b', pool));
  assert.equal(given(cluster), { 'default/a': 'fd07::/64' });
  remove(cluster, claim('a', pool));
  assert.equal(given(cluster), { 'default/b': 'fd07::/64' });
});

for (const make of [prefixPool, globalPrefixPool]) {
  test(`L8 L9 a pool that is deleted stays until its claims are gone (${make({}).kind})`, () => {
    const cluster = world();
    const { metadata, ...rest } = make(SMALL);
    const annotations = { 'ipam.cluster.x-k8s.io/skip-validate-delete-webhook': '' };
    const pool = { ...rest, metadata: { ...metadata, annotations } } as ReturnType<typeof make>;
    apply(cluster, pool, claim('a', pool));
    remove(cluster, pool);
    assert.is(cluster.objects(pool.kind).length, 1);
    remove(cluster, claim('a', pool));
    for (const kind of [pool.kind, 'IPAddressClaim', 'IPAddress', 'AllocationSlice']) {
      assert.equal(cluster.objects(kind), [], kind);
    }
  });
}

test('L9 a claim whose pool does not exist goes at once', () => {
  const cluster = world();
  const pool = prefixPool(SMALL);
  apply(cluster, claim('a', pool));
  remove(cluster, claim('a', pool));
  assert.equal(cluster.objects('IPAddressClaim'), []);
});

test('L10 a claim is served when its pool is made', () => {
  const cluster = world();
  const pool = prefixPool(SMALL);
  apply(cluster, claim('a', pool));
  assert.equal(given(cluster), {});
  apply(cluster, pool);
  assert.equal(given(cluster), { 'default/a': 'fd00::/64' });
});

test('a prefix pool and a pool of addresses of one name do not meet', () => {
  const cluster = world();
  const pool = prefixPool({ prefixes: ['fd00::/126'], allocationPrefixLength: 128 });
  const other = {
    ...pool,
    kind: 'InClusterIPPool' as const,
    spec: { addresses: ['fd00::/126'], prefix: 64 },
  };
  apply(cluster, pool, other, claim('a', pool), claim('b', other));
  assert.equal(given(cluster), { 'default/a': 'fd00::/128', 'default/b': 'fd00::1/64' });
});

test('the length of what a pool gives cannot be changed', () => {
  const cluster = world();
  const pool = prefixPool(SMALL);
  apply(cluster, pool);
  const changed = { ...pool, spec: { ...pool.spec, allocationPrefixLength: 80 } };
  const { error } = cluster.apply(changed as object as Unstructured);
  assert.match(error?.message ?? '', 'allocationPrefixLength is immutable');
});

test.run();
