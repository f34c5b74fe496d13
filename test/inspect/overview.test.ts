import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { sync } from '../../hooks/pools.ts';
import { parseRange, sizeOf } from '../../lib/address/range.ts';
import { overviewOf } from '../../lib/inspect/overview.ts';
import { formatCell, SEGMENT_STATES, type Space } from '../../lib/inspect/space.ts';
import type { KubernetesObject } from '../../lib/kubernetes/object.ts';
import type { InClusterIPPool } from '../../lib/kubernetes/types.ts';
import {
  address,
  allocation,
  block,
  CONTEXT,
  claim,
  clusterCIDR,
  globalPool,
  merged,
  node,
  podCIDRClaim,
  podNetwork,
  pool,
  READY,
  served,
} from './objects.ts';

const overview = (...objects: KubernetesObject[]) => overviewOf(merged(objects), CONTEXT);
const onlyPool = (...objects: KubernetesObject[]) => overview(...objects).pools[0]!;

function describe({ segments }: Space): string[] {
  return segments.map(
    ({ family, first, last, state }) =>
      `${formatCell({ first: { family, value: first }, last: { family, value: last } })} ${state}`,
  );
}

test('a pool: every address of it has one state, in order', () => {
  const spec = {
    addresses: ['10.0.0.0-10.0.0.9'],
    prefix: 24,
    gateway: '10.0.0.1',
    excludedAddresses: ['10.0.0.8-10.0.0.20'],
  };
  const shown = onlyPool(
    pool('p', spec),
    allocation('p', '10.0.0.2', 'a'),
    allocation('p', '10.0.0.4', 'b', { adopted: true }),
    allocation('p', '10.0.0.8', 'now excluded'),
    allocation('p', '10.0.0.200', 'now outside'),
    allocation('other', '10.0.0.5', 'of another pool'),
    address('by-hand', 'p', '10.0.0.6'),
  );
  assert.equal(describe(shown.space), [
    '10.0.0.0 reserved',
    '10.0.0.1 gateway',
    '10.0.0.2 used',
    '10.0.0.3 free',
    '10.0.0.4 adopted',
    '10.0.0.5 free',
    '10.0.0.6 used',
    '10.0.0.7 free',
    '10.0.0.8 outOfRange',
    '10.0.0.9 excluded',
    '10.0.0.200 outOfRange',
  ]);
  const { title, total, used, free, outOfRange, fragmentation, state } = shown;
  assert.equal(
    { title, total, used, free, outOfRange, fragmentation, state },
    {
      title: 'InClusterIPPool default/p',
      total: 6n,
      used: 5n,
      free: 3n,
      outOfRange: 2n,
      fragmentation: 0.6666,
      state: { reason: 'Ready', message: '', isReady: true },
    },
  );
});

test('pools of one address space see what the others hold; of other spaces and namespaces they do not', () => {
  const annotations = { 'metaipam.io/address-space': 'lab' };
  const labels = { 'metaipam.io/address-space': 'lab' };
  const spec = { addresses: ['10.0.0.1-10.0.0.4'], prefix: 24 };
  const { pools } = overview(
    pool('a', spec, { annotations }),
    pool('b', spec, { annotations }),
    pool('c', spec),
    pool('d', spec, { annotations, namespace: 'elsewhere' }),
    allocation('b', '10.0.0.2', 'x', {}, { labels }),
  );
  assert.equal(
    pools.map(({ title, counts: { used, taken, free }, total }) => [
      title.slice(16),
      used,
      taken,
      free,
      total,
    ]),
    [
      ['default/a', 0n, 1n, 3n, 4n],
      ['default/b', 1n, 0n, 3n, 4n],
      ['default/c', 0n, 0n, 4n, 4n],
      ['elsewhere/d', 0n, 0n, 4n, 4n],
    ],
  );
});

test('the state of a pool', () => {
  const good = { addresses: ['10.0.0.1'], prefix: 24 };
  const reason = (...objects: KubernetesObject[]) => onlyPool(...objects).state.reason;
  assert.is(reason(pool('p', good)), 'Ready');
  assert.is(reason(pool('p', good), allocation('p', '10.0.0.1', 'a')), 'PoolExhausted');
  assert.is(reason(pool('p', good, { annotations: { 'cluster.x-k8s.io/paused': '' } })), 'Paused');
  assert.is(reason(pool('p', good, { deletionTimestamp: '2026-01-01T00:00:00Z' })), 'Deleting');
  assert.is(reason(pool('p', good, {}, {})), 'NotSynced');
  const bare = pool('p', good, {}, {});
  for (const spec of [undefined, null, 'text', []]) {
    assert.equal(onlyPool({ ...bare, ...{ spec } }).state, {
      reason: 'NotSynced',
      message:
        'no controller has looked at it yet; InvalidSpec: is invalid: spec.addresses: addresses is required',
      isReady: false,
    });
  }
  const invalid = onlyPool(pool('p', { ...good, prefix: 33 }), allocation('p', '10.0.0.1', 'a'));
  assert.equal(invalid.state, {
    reason: 'InvalidSpec',
    message: 'is invalid: spec.prefix: Invalid value: 33: provided prefix is not valid',
    isReady: false,
  });
  assert.equal([invalid.total, invalid.used, invalid.free, invalid.outOfRange], [0n, 1n, 0n, 1n]);
  const full = onlyPool(pool('p', good), allocation('p', '10.0.0.1', 'a')).state;
  assert.equal(full, { reason: 'PoolExhausted', message: 'every address is in use', isReady: true });
  const gateway = onlyPool(pool('p', { ...good, gateway: '10.0.0.1' })).state;
  assert.equal(gateway, {
    reason: 'PoolExhausted',
    message: 'the pool has no address to give out',
    isReady: true,
  });
  const arriving = claim(
    'c',
    'p',
    { creationTimestamp: '2026-01-02T00:00:00Z' },
    { addressRef: { name: 'c' } },
  );
  assert.equal(onlyPool(pool('p', good), arriving).state, {
    reason: 'AddressUnknown',
    message: 'waits for IPAddress c of IPAddressClaim default/c, which has not arrived yet',
    isReady: false,
  });
  const lost = onlyPool(pool('p', good, {}, { ...READY, slices: ['p.10.0.0.0-27'] }));
  assert.equal([lost.state.reason, lost.state.isReady], ['SlicesMissing', true]);
  assert.equal([lost.total, lost.used, lost.free, lost.counts.taken], [1n, 0n, 0n, 1n]);
});

test('the counts are those that the hook writes', () => {
  const annotations = { 'metaipam.io/address-space': 'lab' };
  const labels = { 'metaipam.io/address-space': 'lab' };
  const shared = (name: string, text: string, claimName: string) =>
    allocation(name, text, claimName, {}, { labels });
  const given = pool(
    'p',
    { addresses: ['10.0.0.1-10.0.0.20'], prefix: 24, gateway: '10.0.0.2' },
    { annotations },
    { ...READY, slices: ['lab.10.0.0.3-32.shared', 'lab.10.0.0.9-32.shared'] },
  ) as InClusterIPPool;
  const slices = [
    shared('p', '10.0.0.3', 'a'),
    shared('p', '10.0.0.200', 'b'),
    shared('p', '10.0.0.4', 'released'),
  ];
  const others = [shared('q', '10.0.0.5', 'x'), shared('q', '10.0.1.5', 'y')];
  const waiting = [claim('w1', 'p'), claim('w2', 'p')];
  const foreign = [address('w1', 'p', '10.0.0.7'), address('orphan', 'p', '10.0.0.8')];
  const shown = overview(
    given,
    pool('q', { addresses: ['10.0.0.5'], prefix: 24 }, { annotations }),
    ...slices,
    ...others,
    ...waiting,
    ...foreign,
  );
  const named = (objects: readonly KubernetesObject[]) =>
    Object.fromEntries(objects.map((each) => [`default/${each.metadata.name}`, each]));
  const request = {
    parent: given,
    children: { 'AllocationSlice.metaipam.io/v1alpha1': named(slices) },
    related: {
      'AllocationSlice.metaipam.io/v1alpha1': named(others),
      'IPAddressClaim.ipam.cluster.x-k8s.io/v1beta2': named(waiting),
      'IPAddress.ipam.cluster.x-k8s.io/v1beta2': named(foreign),
    },
    finalizing: false,
  };
  const { status } = sync(request as never, CONTEXT) as { status: InClusterIPPool['status'] };
  const { total, used, free, outOfRange } = shown.pools.find(({ pool }) => pool.metadata.name === 'p')!;
  const { pending, ...counts } = status!.ipAddresses!;
  assert.equal(counts, { total: 19, used: 6, free: 12, outOfRange: 1 });
  assert.equal({ total, used, free, outOfRange }, { total: 19n, used: 6n, free: 12n, outOfRange: 1n });
});

test('claims that wait, and why', () => {
  const condition = (reason: string, message: string) => ({
    conditions: [{ type: 'Ready', status: 'False', reason, message }],
  });
  const { pools, waitingForNoPool } = overview(
    pool('p', { addresses: ['10.0.0.1'], prefix: 24 }),
    claim('served', 'p', {}, served('served')),
    allocation('p', '10.0.0.1', 'served'),
    claim('new', 'p', { labels: { 'metaipam.io/pool': 'InClusterIPPool.p' } }),
    claim('refused', 'p'),
    claim('told', 'p', {}, condition('Paused', 'the claim is paused')),
    claim(
      'lost-its-address',
      'p',
      {},
      { addressRef: { name: 'x' }, ...condition('AddressMissing', 'made again') },
    ),
    claim('going', 'p', { deletionTimestamp: '2026-01-01T00:00:00Z' }),
    claim('elsewhere', 'p', { namespace: 'elsewhere' }, condition('PoolNotReady', 'does it exist?')),
  );
  assert.equal(pools[0]!.waiting, [
    { name: 'default/lost-its-address', reason: 'AddressMissing', message: 'made again' },
    { name: 'default/new', reason: 'Unanswered', message: 'its pool has not answered yet' },
    {
      name: 'default/refused',
      reason: 'PoolExhausted',
      message: 'InClusterIPPool default/p has no free address',
    },
    { name: 'default/told', reason: 'Paused', message: 'the claim is paused' },
  ]);
  assert.equal(waitingForNoPool, [
    { name: 'elsewhere/elsewhere', reason: 'PoolNotReady', message: 'does it exist?' },
  ]);
});

test('a ClusterCIDR: its own blocks, those of others and of nodes nobody accounts for, Services', () => {
  const { networks } = overview(
    podNetwork('default', { serviceCIDRs: ['10.0.0.0/25'] }),
    clusterCIDR('cc', { perNodeHostBits: 6, ipv4: '10.0.0.0/23', ipv6: 'fd00::/122' }),
    block('10.0.0.128/26', 'cc', 'a', { blocks: ['10.0.0.128/26', 'fd00::/122'] }),
    block('10.0.0.192/26', 'cc', 'b', { adopted: true }),
    block('10.0.1.0/27', 'smaller', 'c'),
    block('10.0.1.64/26', 'cc', 'd', {}, 'another network'),
    block('fd00::/122', 'cc', 'a', { blocks: ['10.0.0.128/26', 'fd00::/122'] }),
    node('a', ['10.0.0.128/26', 'fd00::/122']),
    node('b', ['10.0.0.192/26']),
    node('by-hand', ['10.0.1.192/28']),
  );
  const [{ clusterCIDRs, name }] = networks as [(typeof networks)[number]];
  assert.is(name, 'default');
  const { ranges, nodes, state } = clusterCIDRs[0]!;
  assert.is(nodes, 3);
  assert.is(state.reason, 'PoolExhausted');
  assert.equal(describe(ranges[0]!.space), [
    '10.0.0.0-10.0.0.127 reserved',
    '10.0.0.128-10.0.0.191 used',
    '10.0.0.192-10.0.0.255 adopted',
    '10.0.1.0-10.0.1.63 taken',
    '10.0.1.64-10.0.1.191 free',
    '10.0.1.192-10.0.1.255 used',
  ]);
  assert.equal([ranges[0]!.total, ranges[0]!.used, ranges[0]!.free], [8n, 4n, 2n]);
  assert.equal([ranges[1]!.total, ranges[1]!.used, ranges[1]!.free], [1n, 1n, 0n]);
});

test('networks: nodes with blocks, nodes that wait and why', () => {
  const selector = { nodeSelectorTerms: [{ matchExpressions: [{ key: 'gpu', operator: 'Exists' }] }] };
  const { networks } = overview(
    podNetwork(),
    podNetwork('storage'),
    clusterCIDR('tiny', { perNodeHostBits: 8, ipv4: '10.0.0.0/24' }),
    clusterCIDR('gpus', { perNodeHostBits: 8, ipv4: '10.1.0.0/24', nodeSelector: selector }, 'storage'),
    clusterCIDR('lost', { perNodeHostBits: 8, ipv4: '10.2.0.0/24' }, 'nowhere'),
    node('a', ['10.0.0.0/24']),
    block('10.0.0.0/24', 'tiny', 'a'),
    node('b', [], { labels: { gpu: '' } }),
    podCIDRClaim('b'),
  );
  assert.equal(
    networks.map(({ name, state, nodes, allocated, waiting, clusterCIDRs }) => [
      name,
      state.reason,
      nodes,
      allocated,
      waiting.map((each) => `${each.name}: ${each.message}`),
      clusterCIDRs.map(({ clusterCIDR }) => clusterCIDR.metadata.name),
    ]),
    [
      ['default', 'NodesPending', 2, 1, ['b: ClusterCIDR tiny is full'], ['tiny']],
      ['nowhere', 'NotFound', 2, 0, [], ['lost']],
      ['storage', 'Ready', 2, 1, ['b: its blocks are chosen and not on the node yet'], ['gpus']],
    ],
  );
});

test('PodCIDRClaims stand in for Nodes that nobody lists', () => {
  const { networks } = overview(
    podNetwork(),
    clusterCIDR('cc', { perNodeHostBits: 8, ipv4: '10.0.0.0/24' }),
    podCIDRClaim('a', ['10.0.0.0/24']),
    podCIDRClaim('b'),
  );
  assert.equal([networks[0]!.nodes, networks[0]!.allocated, networks[0]!.waiting.length], [2, 1, 1]);
});

test('a /64 and a whole ::/0 are counted and cut at once', () => {
  const shown = onlyPool(
    pool('p', { addresses: ['fd00::/64'], prefix: 64, gateway: 'fd00::1' }),
    allocation('p', 'fd00::ffff', 'a'),
  );
  assert.is(shown.total, 2n ** 64n - 2n);
  assert.is(shown.free, 2n ** 64n - 3n);
  assert.is(shown.fragmentation, 0);
  const all = onlyPool(pool('p', { addresses: ['::/0'], prefix: 0, allocateReservedIPAddresses: true }));
  assert.is(all.free, 2n ** 128n);
});

test('the last of two versions of an object counts; other kinds of the same name are none of ours', () => {
  const spec = { addresses: ['10.0.0.1'], prefix: 24 };
  const kubernetes = { ...address('10.0.0.1', 'p', '10.0.0.1'), apiVersion: 'networking.k8s.io/v1' };
  const { pools } = overview(pool('p', spec), pool('p', { ...spec, addresses: ['10.0.0.0/24'] }), kubernetes);
  assert.is(pools.length, 1);
  assert.is(pools[0]!.used, 0n);
  assert.is(pools[0]!.total, 254n);
});

test('broken objects count as nothing and break nothing', () => {
  const broken = [
    null,
    undefined,
    7,
    'text',
    [],
    {},
    { poolRef: null, claimRef: {} },
    { addresses: 5, prefix: {} },
  ];
  const kinds = [
    pool('x', {}),
    globalPool('x', {}),
    claim('x', 'x'),
    address('x', 'x', ''),
    allocation('x', '10.0.0.1', 'x'),
    podNetwork(),
    clusterCIDR('x', {}),
    podCIDRClaim('x'),
    node('x'),
  ];
  const objects = kinds.flatMap((object, i) =>
    broken.flatMap((value, j) => [
      { ...object, metadata: { ...object.metadata, name: `s${i}${j}` }, spec: value },
      { ...object, metadata: { ...object.metadata, name: `t${i}${j}` }, status: value },
      { ...object, metadata: { ...object.metadata, name: `c${i}${j}` }, status: { conditions: value } },
    ]),
  ) as KubernetesObject[];
  const { pools } = overview(...objects);
  assert.ok(pools.every(({ total, state }) => total === 0n && state.reason !== 'Ready'));
});

const entry = fc
  .tuple(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 0, max: 30 }))
  .map(([first, more]) => `10.0.0.${first}-10.0.0.${Math.min(255, first + more)}`);
const octet = fc.integer({ min: 0, max: 255 });

test('counts agree with a model that looks at each address', () => {
  fc.assert(
    fc.property(
      fc.array(entry, { minLength: 1, maxLength: 4 }),
      fc.array(entry, { maxLength: 3 }),
      fc.option(octet),
      fc.boolean(),
      fc.uniqueArray(octet, { maxLength: 40 }),
      fc.uniqueArray(octet, { maxLength: 40 }),
      (addresses, excludedAddresses, gateway, allocateReservedIPAddresses, held, bound) => {
        const spec = {
          addresses,
          excludedAddresses,
          prefix: 24,
          allocateReservedIPAddresses,
          ...(gateway !== null && { gateway: `10.0.0.${gateway}` }),
        };
        const shown = onlyPool(
          pool('p', spec),
          ...held.map((n) => allocation('p', `10.0.0.${n}`, `c${n}`)),
          ...bound.map((n) => address(`a${n}`, 'p', `10.0.0.${n}`)),
        );
        const isIn = (texts: string[], n: number) =>
          texts.some((text) => {
            const [first, last] = text.split('-').map((end) => Number(end.split('.')[3]));
            return first! <= n && n <= last!;
          });
        let [listed, total, used, free, outOfRange, longest, run] = [0, 0, 0, 0, 0, 0, 0];
        for (let n = 0; n < 256; n++) {
          const isListed = isIn(addresses, n);
          const isReserved = !allocateReservedIPAddresses && (n === 0 || n === 255);
          const gives = isListed && !isIn(excludedAddresses, n) && n !== gateway && !isReserved;
          const has = held.includes(n) || bound.includes(n);
          if (isListed || has) listed++;
          if (gives) total++;
          if (has) used++;
          if (has && !gives) outOfRange++;
          run = gives && !has ? run + 1 : 0;
          if (gives && !has) free++;
          longest = Math.max(longest, run);
        }
        assert.equal([shown.total, shown.used, shown.free, shown.outOfRange].map(Number), [
          total,
          used,
          free,
          outOfRange,
        ]);
        const sum = SEGMENT_STATES.reduce((all, state) => all + shown.counts[state], 0n);
        assert.is(Number(sum), listed);
        assert.is(
          shown.space.segments.reduce((all, each) => all + sizeOf(each), 0n),
          sum,
        );
        for (const [index, { first }] of shown.space.segments.entries()) {
          if (index > 0) assert.ok(first > shown.space.segments[index - 1]!.last);
        }
        assert.is(
          shown.fragmentation,
          free === 0 ? 0 : Math.floor(((free - longest) * 10_000) / free) / 10_000,
        );
        assert.ok(addresses.every((text) => parseRange(text)));
      },
    ),
    { numRuns: 300 },
  );
});

test.run();
