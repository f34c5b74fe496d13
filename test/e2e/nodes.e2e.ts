/**
 * Nodes, ClusterCIDRs and the binder on a real control plane, one scenario after another: there is only one
 * node.spec.podCIDRs.
 *
 * What the API server rules out is not here: blocks of fewer than 16 addresses, so C2.1 to C2.3, C2.8, C3.1 and C4
 * have 4 host bits where the original has 2 or 0; podCIDRs of nodes with bits set beyond their prefix, so that C1 and
 * C3 have none; a selector without terms (F9) and a changed spec (F17), which are
 * tested to be refused. C5's default-cluster-cidr does not exist: the PodNetwork `default` comes with the install and
 * has no range. F14, a patch that is lost on the way, is in the tests of the binder.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Node } from '../../lib/kubernetes/core-types.ts';
import type { ClusterCIDR, PodNetwork } from '../../lib/kubernetes/types.ts';
import { forgeBlock, loseBlock } from './allocations.ts';
import { eventually } from './control-plane.ts';
import { type Installation, install, quiet } from './install.ts';
import { NodeSandbox } from './node-sandbox.ts';

const LABELS = { 'testLabel-0': 'node0', 'testLabel-1': 'label1', 'testLabel-2': 'label2' };
const S0 = 'testLabel-0=node0';
const S01 = `${S0},testLabel-1=label1`;
const S02 = `${S0},testLabel-2=label2`;
const SERVICES = '127.123.234.0/26';

const test = suite('nodes');
let installation: Installation;
let box: NodeSandbox;
test.before(async () => {
  // Nothing here lags by seconds, and each scenario waits until what is gone counts as gone.
  installation = await install({ serveArgs: ['--cache-lag=1s', '--watch-service-cidrs'] });
  box = new NodeSandbox(installation);
});
test.after(() => installation?.stop());
test.after.each(async () => {
  try {
    await box.assertDisjoint();
    await box.clear();
  } catch (error) {
    // uvu ends the suite at what goes wrong after a test, and says nothing of it.
    console.error(error);
    throw error;
  }
});

type Ranges = { ipv4?: string; ipv6?: string; perNodeHostBits?: number; sel: string };

const success: {
  title: string;
  pools: Record<string, Ranges>;
  services?: string[];
  occupied?: string[][];
  gets: string;
}[] = [
  {
    title: 'C2.1 the first block',
    pools: { a: { ipv4: '127.123.234.0/24', perNodeHostBits: 4, sel: S0 } },
    gets: '127.123.234.0/28',
  },
  {
    title: 'C2.2 the first block after the services',
    pools: { a: { ipv4: '127.123.234.0/24', perNodeHostBits: 4, sel: S0 } },
    services: [SERVICES],
    gets: '127.123.234.64/28',
  },
  {
    title: 'C2.3 the lowest gap',
    pools: { a: { ipv4: '127.123.234.0/24', perNodeHostBits: 4, sel: S0 } },
    services: [SERVICES],
    occupied: [['127.123.234.64/28'], ['127.123.234.80/28'], ['127.123.234.96/28'], ['127.123.234.128/28']],
    gets: '127.123.234.112/28',
  },
  {
    title: 'C2.4 P0 more labels',
    pools: {
      a: { ipv4: '10.0.0.0/8', ipv6: 'ace:cab:deca::/112', sel: S0 },
      b: { ipv4: '127.123.234.0/8', ipv6: 'abc:def:deca::/112', sel: S01 },
    },
    services: [SERVICES],
    gets: '127.0.0.0/24,abc:def:deca::/120',
  },
  {
    title: 'C2.5 what an overlapping ClusterCIDR gave out is used',
    pools: {
      a: { ipv4: '10.0.0.0/8', ipv6: 'ace:cab:deca::/112', sel: S0 },
      b: { ipv4: '10.0.0.0/16', ipv6: 'ace:cab:deca::/112', sel: S01 },
    },
    services: [SERVICES],
    occupied: [['10.0.0.0/24', 'ace:cab:deca::/120'], ['10.0.1.0/24'], ['10.0.2.0/24'], ['10.0.4.0/24']],
    gets: '10.0.3.0/24,ace:cab:deca::100/120',
  },
  {
    title: 'C2.6 P1 fewer blocks',
    pools: {
      a: { ipv4: '127.123.234.0/8', ipv6: 'abc:def:deca::/112', sel: S01 },
      b: { ipv4: '10.0.0.0/24', ipv6: 'ace:cab:deca::/120', sel: S02 },
    },
    services: [SERVICES],
    gets: '10.0.0.0/24,ace:cab:deca::/120',
  },
  {
    title: 'C2.7 P1 fewer blocks of either family',
    pools: {
      a: { ipv4: '127.123.234.0/23', sel: S01 },
      b: { ipv4: '10.0.0.0/16', ipv6: 'ace:cab:deca::/120', sel: S02 },
    },
    services: [SERVICES],
    gets: '10.0.0.0/24,ace:cab:deca::/120',
  },
  {
    title: 'C2.8 P2 smaller blocks',
    pools: {
      a: { ipv4: '127.123.234.0/24', ipv6: 'abc:def:deca::/120', sel: S01 },
      b: { ipv4: '10.0.0.0/28', ipv6: 'ace:cab:deca::/124', perNodeHostBits: 4, sel: S02 },
    },
    services: [SERVICES],
    gets: '10.0.0.0/28,ace:cab:deca::/124',
  },
  {
    title: 'C2.9 P3 the selector that sorts first',
    pools: {
      a: { ipv4: '127.123.234.0/16', ipv6: 'abc:def:deca::/112', sel: S01 },
      b: { ipv4: '10.0.0.0/16', ipv6: 'ace:cab:deca::/112', sel: S02 },
    },
    services: [SERVICES],
    gets: '127.123.0.0/24,abc:def:deca::/120',
  },
  {
    title: 'C2.10 P4 the lower range',
    pools: {
      a: { ipv4: '127.123.234.0/16', ipv6: 'abc:def:deca::/112', sel: S01 },
      b: { ipv4: '10.0.0.0/16', ipv6: 'ace:cab:deca::/112', sel: S01 },
    },
    services: [SERVICES],
    gets: '10.0.0.0/24,ace:cab:deca::/120',
  },
];
for (const { title, pools, services = [], occupied = [], gets } of success) {
  test(title, async () => {
    await box.serviceCIDRs(services);
    for (const [index, podCIDRs] of occupied.entries()) {
      await box.node(`old${index}`, { labels: { 'testLabel-0': 'node0' }, podCIDRs });
    }
    if (occupied.length > 0) await box.remarks('old0', 'outside every ClusterCIDR');
    // The node comes last, so that it sees all of the ClusterCIDRs.
    await Promise.all(Object.entries(pools).map(([name, spec]) => box.clusterCIDR(name, spec)));
    for (const name of Object.keys(pools)) await box.counts(name, {});
    await clusterCIDRsInView(Object.keys(pools).length);
    assert.is(await box.serve('node0', LABELS), gets);
  });
}

async function clusterCIDRsInView(count: number): Promise<void> {
  await eventually(`${count} ClusterCIDRs in view`, async () => {
    const network = await box.get<{ status?: { clusterCIDRs?: number } }>('podnetworks', 'default');
    return network?.status?.clusterCIDRs === count;
  });
}

test('C2.11 the gap between the podCIDRs of other nodes', async () => {
  const labels = { 'testLabel-0': 'nodepool1' };
  await box.node('node0', { labels, podCIDRs: ['10.10.0.0/24'] });
  await box.node('node1', { labels, podCIDRs: ['10.10.2.0/24'] });
  await box.clusterCIDR('a', { ipv4: '10.10.0.0/22', sel: 'testLabel-0=nodepool1' });
  await box.counts('a', { ipv4: { total: 4, used: 2, free: 2 } });
  assert.is(await box.serve('node2', labels), '10.10.1.0/24');
});

const V4 = { ipv4: '10.10.0.0/16', sel: S0 };
const DUAL = { ...V4, ipv6: 'ace:cab:deca::/112' };
for (const [title, pool, podCIDRs] of [
  ['C1.1', V4, undefined],
  ['C1.2', DUAL, undefined],
  ['C1.3', V4, ['10.10.0.0/24']],
  ['C1.4', DUAL, ['10.10.0.0/24', 'ace:cab:deca::/120']],
] as const) {
  test(`${title} ${podCIDRs ?? 'no'} podCIDRs before the start`, async () => {
    await box.node('node0', { labels: LABELS, ...(podCIDRs && { podCIDRs }) });
    await box.clusterCIDR('a', pool);
    await box.counts('a', { ipv4: { total: 256, used: 1, free: 255 }, nodes: 1 });
    const blocks = pool === DUAL ? ['10.10.0.0/24', 'ace:cab:deca::/120'] : ['10.10.0.0/24'];
    assert.equal(await box.bound('node0'), podCIDRs ?? blocks);
    assert.match(await box.serve('node1', LABELS), '10.10.1.0/24');
  });
}

for (const [title, pool, podCIDRs] of [
  ['C3.2', V4, ['172.10.0.0/24']],
  ['C3.3', DUAL, ['10.10.0.0/24', 'a00::/86']],
  ['C3.4', DUAL, ['172.10.0.0/24', 'ace:cab:deca::/120']],
  ['C3.5', DUAL, ['10.10.0.0/24', 'cdd::/86']],
  ['F8', V4, ['10.10.0.0/24', 'ace:cab:deca::/120']],
] as const) {
  test(`${title} ${podCIDRs} belong to no ClusterCIDR: said, left as they are, and nobody else's`, async () => {
    await box.clusterCIDR('a', pool);
    await box.node('node0', { labels: LABELS, podCIDRs });
    await box.remarks('node0', 'outside every ClusterCIDR');
    const served = await box.serve('node1', LABELS);
    assert.match(served, podCIDRs[0].startsWith('10.10.0.') ? '10.10.1.0/24' : '10.10.0.0/24');
    assert.equal(await box.bound('node0'), podCIDRs);
  });
}

test('C3.1 C4.1 A7 F1 exhaustion: condition and event say so, nothing leaks, a freed block is given out', async () => {
  await box.clusterCIDR('a', { ipv4: '127.123.234.0/24', ipv6: 'fd00::/122', perNodeHostBits: 4, sel: S0 });
  await Promise.all(['n0', 'n1', 'n2', 'n3'].map((name) => box.serve(name, LABELS)));
  await box.waits('node0', 'ClusterCIDR a is full', LABELS);
  await eventually(
    'event CIDRNotAvailable',
    async () => (await box.events('node0')).some(({ reason }) => reason === 'CIDRNotAvailable'),
    60,
  );
  const [event, ...others] = await box.events('node0');
  assert.is(event?.message, 'Node node0 status is now: CIDRNotAvailable');
  assert.equal(others, []);
  await box.counts('a', {
    ipv4: { total: 16, used: 4, free: 12 },
    ipv6: { total: 4, used: 4, free: 0 },
    nodes: 4,
  });
  const ready = (await box.get<ClusterCIDR>('clustercidrs', 'a'))?.status?.conditions?.[0];
  assert.equal([ready?.status, ready?.reason], ['False', 'PoolExhausted']);
  const [, freed] = await box.bound('n1');
  await box.delete('nodes', 'n1');
  // Of IPv4 there are others: its slice may be seen later than the one of IPv6.
  assert.is((await box.bound('node0'))[1], freed);
});

test('C4.2 a block that was given back is the next one given out', async () => {
  await box.clusterCIDR('a', { ipv4: '127.123.234.0/26', perNodeHostBits: 4, sel: S0 });
  for (const [index, block] of ['127.123.234.16/28', '127.123.234.32/28', '127.123.234.48/28'].entries()) {
    await box.node(`old${index}`, { labels: LABELS, podCIDRs: [block] });
  }
  await box.counts('a', { ipv4: { total: 4, used: 3, free: 1 } });
  assert.is(await box.serve('node0', LABELS), '127.123.234.0/28');
  await box.delete('nodes', 'node0');
  assert.is(await box.serve('node1', LABELS), '127.123.234.0/28');
});

const creatable: [name: string, ipv4: string | undefined, ipv6: string | undefined, sel?: string][] = [
  ['ipv4-ccc', '10.2.0.0/16', undefined],
  ['ipv4-ccc-label', '10.3.0.0/16', undefined, 'foo=bar'],
  ['ipv4-ccc-overlap', '10.2.0.0/24', undefined, 'foo=bar'],
  ['ipv6-ccc', undefined, 'fd00:1::/112'],
  ['ipv6-ccc-label', undefined, 'fd00:2::/112', 'foo=bar'],
  ['ipv6-ccc-overlap', undefined, 'fd00:1:1::/112', 'foo=bar'],
  ['dual-ccc', '10.2.0.0/16', 'fd00:1::/112'],
  ['dual-ccc-label', '10.3.0.0/16', 'fd00:2::/112', 'foo=bar'],
  ['dual-ccc-overlap', '10.2.0.0/16', 'fd00:1:1::/112', 'foo=bar'],
];
test('C5 create: ready, the spec as it was, one finalizer', async () => {
  const specs = new Map<string, object>();
  for (const [name, ipv4, ipv6, sel] of creatable) {
    const { body } = await box.applyClusterCIDR(name, {
      ...(ipv4 && { ipv4 }),
      ...(ipv6 && { ipv6 }),
      ...(sel && { sel }),
    });
    specs.set(name, body.spec);
  }
  for (const [name, ipv4, ipv6] of creatable) {
    const total = name === 'ipv4-ccc-overlap' ? 1 : 256;
    const counts = { total, used: 0, free: total };
    await box.counts(name, { ...(ipv4 && { ipv4: counts }), ...(ipv6 && { ipv6: counts }), nodes: 0 });
    const { metadata, spec, status } = (await box.get<ClusterCIDR>('clustercidrs', name))!;
    assert.equal(metadata.finalizers, ['metacontroller.io/decoratorcontroller-cluster-cidrs']);
    assert.equal(spec, specs.get(name) as ClusterCIDR['spec']);
    assert.is(status?.conditions?.[0]?.status, 'True');
  }
});

for (const [what, spec] of [
  ['no range', { perNodeHostBits: 8 }],
  ['two empty ranges', { perNodeHostBits: 8, ipv4: '', ipv6: '' }],
  ['an IPv4 range that is none', { perNodeHostBits: 8, ipv4: '1000.2.0.0/16' }],
  ['an IPv6 range that is none', { perNodeHostBits: 8, ipv6: 'aaaaa:1:1::/112' }],
  ['one good range, one that is none', { perNodeHostBits: 8, ipv4: '10.2.0.0/16', ipv6: 'aaaaa:1:1::/112' }],
  [
    'F9 a selector without terms',
    { perNodeHostBits: 8, ipv4: '10.2.0.0/16', nodeSelector: { nodeSelectorTerms: [] } },
  ],
] as const) {
  test(`C5 create is refused: ${what}`, async () => {
    assert.is((await box.rawClusterCIDR('a', spec)).status, 422);
  });
}

test('C5 delete: at once without nodes', async () => {
  await box.clusterCIDR('a', { ipv4: '10.1.0.0/16', sel: 'foo=bar' });
  await box.counts('a', { nodes: 0 });
  await box.delete('clustercidrs', 'a');
  await box.gone('clustercidrs', 'a', 10);
});

test('C5 F3 F4 F15 delete with nodes: no new node, a restart forgets nothing, gone soon after the last node', async () => {
  await box.clusterCIDR('a', { ipv4: '10.1.0.0/16' });
  assert.is(await box.serve('node0'), '10.1.0.0/24');
  await box.counts('a', { nodes: 1 });
  await box.delete('clustercidrs', 'a');
  await eventually('condition Deleting', async () => {
    const { status } = (await box.get<ClusterCIDR>('clustercidrs', 'a'))!;
    return status?.conditions?.[0]?.reason === 'Deleting';
  });
  await box.waits('node1', 'ClusterCIDR a, which selects it, is being deleted');
  const metacontroller = installation.metacontrollers.at(-1)!;
  await Promise.all([metacontroller.stop(), installation.server.stop()]);
  await installation.startServer();
  await installation.startMetacontroller();
  await box.waits('node2', 'ClusterCIDR a, which selects it, is being deleted');
  await quiet(installation, 2);
  const { metadata, status } = (await box.get<ClusterCIDR>('clustercidrs', 'a'))!;
  assert.is(metadata.finalizers?.length, 1);
  assert.match(status?.conditions?.[0]?.message ?? '', '1 node with blocks of this ClusterCIDR');
  await box.delete('nodes', 'node0');
  await box.gone('clustercidrs', 'a', 10);
  await box.clusterCIDR('b', { ipv4: '10.1.0.0/16' });
  await box.bound('node1');
  await box.bound('node2');
});

test('F2 two catch-alls serve in the same order before and after a restart', async () => {
  await box.clusterCIDR('z', { ipv4: '10.0.0.0/16' });
  await box.clusterCIDR('a', { ipv4: '10.1.0.0/23' });
  await clusterCIDRsInView(2);
  assert.is(await box.serve('n0'), '10.1.0.0/24');
  await installation.server.stop();
  await installation.startServer();
  assert.is(await box.serve('n1'), '10.1.1.0/24');
  assert.is(await box.serve('n2'), '10.0.0.0/24');
});

test('F5 podCIDRs of a node that the ClusterCIDR does not select are not given out', async () => {
  await box.node('stranger', { podCIDRs: ['10.10.0.0/24'] });
  await box.clusterCIDR('a', V4);
  await box.counts('a', { ipv4: { total: 256, used: 1, free: 255 } });
  assert.is(await box.serve('node0', LABELS), '10.10.1.0/24');
});

test('F6 a relabelled node keeps its block, and frees it when it is gone', async () => {
  await box.clusterCIDR('a', V4);
  assert.is(await box.serve('node0', LABELS), '10.10.0.0/24');
  await box.patch('nodes', 'node0', { metadata: { labels: { 'testLabel-0': 'other' } } });
  assert.is(await box.serve('node1', LABELS), '10.10.1.0/24');
  await box.delete('nodes', 'node0');
  await box.counts('a', { ipv4: { total: 256, used: 1, free: 255 } });
  assert.is(await box.serve('node2', LABELS), '10.10.0.0/24');
});

test('F7 a terminating node keeps its block until it is gone', async () => {
  await box.clusterCIDR('a', V4);
  await box.node('node0', { labels: LABELS, finalizers: ['example.com/test'] });
  assert.equal(await box.bound('node0'), ['10.10.0.0/24']);
  await box.delete('nodes', 'node0');
  assert.is(await box.serve('node1', LABELS), '10.10.1.0/24');
  await quiet(installation, 2);
  await box.counts('a', { ipv4: { total: 256, used: 2, free: 254 } });
  await box.patch('nodes', 'node0', { metadata: { finalizers: null } });
  await box.counts('a', { ipv4: { total: 256, used: 1, free: 255 } });
  assert.is(await box.serve('node2', LABELS), '10.10.0.0/24');
});

test('F9 of two terms either selects, an empty one selects nothing', async () => {
  const term = (key: string) => ({ matchExpressions: [{ key, operator: 'Exists' }] });
  await box.rawClusterCIDR('either', {
    perNodeHostBits: 8,
    ipv4: '10.10.0.0/16',
    nodeSelector: { nodeSelectorTerms: [term('x'), term('y')] },
  });
  await box.rawClusterCIDR('nobody', {
    perNodeHostBits: 8,
    ipv4: '10.11.0.0/16',
    nodeSelector: { nodeSelectorTerms: [{}] },
  });
  await clusterCIDRsInView(2);
  assert.is(await box.serve('n0', { x: '' }), '10.10.0.0/24');
  assert.is(await box.serve('n1', { y: '' }), '10.10.1.0/24');
  await box.waits('n2', 'no ClusterCIDR selects it', { z: '' });
});

test('F10 a requirement for an absent label makes a selector more specific', async () => {
  const matchExpressions = [{ key: 'foo', operator: 'In', values: ['bar'] }];
  await box.rawClusterCIDR('one', {
    perNodeHostBits: 8,
    ipv4: '10.10.0.0/24',
    nodeSelector: { nodeSelectorTerms: [{ matchExpressions }] },
  });
  await box.rawClusterCIDR('two', {
    perNodeHostBits: 8,
    ipv4: '10.11.0.0/16',
    nodeSelector: {
      nodeSelectorTerms: [
        { matchExpressions: [...matchExpressions, { key: 'none', operator: 'DoesNotExist' }] },
      ],
    },
  });
  await clusterCIDRsInView(2);
  assert.is(await box.serve('n0', { foo: 'bar' }), '10.11.0.0/24');
});

test('F11 IPv4 and IPv6 blocks of as many addresses are of the same size', async () => {
  await box.clusterCIDR('v6', { ipv6: 'fd00::/120' });
  await box.clusterCIDR('v4', { ipv4: '10.0.0.0/24' });
  await clusterCIDRsInView(2);
  assert.is(await box.serve('n0'), '10.0.0.0/24');
  assert.is(await box.serve('n1'), 'fd00::/120');
});

test('F12 ranges compare as numbers', async () => {
  await box.clusterCIDR('ten', { ipv4: '10.0.0.0/24' });
  await box.clusterCIDR('nine', { ipv4: '9.0.0.0/24' });
  await clusterCIDRsInView(2);
  assert.is(await box.serve('n0'), '9.0.0.0/24');
});

test('F13 a node that waits is served as soon as there is a ClusterCIDR', async () => {
  await box.clusterCIDR('others', { ipv4: '10.9.0.0/16', sel: S0 });
  await box.waits('n0', 'no ClusterCIDR selects it');
  await quiet(installation, 2);
  const startedAt = performance.now();
  await box.clusterCIDR('a', { ipv4: '10.0.0.0/16' });
  await box.bound('n0');
  console.log(`# F13: served ${((performance.now() - startedAt) / 1000).toFixed(1)} s after the ClusterCIDR`);
});

test('F16 blocks of overlapping ClusterCIDRs of other sizes never overlap', async () => {
  for (const bits of [6, 7, 8, 10]) {
    await box.clusterCIDR(`b${bits}`, { ipv4: '10.244.0.0/16', perNodeHostBits: bits, sel: `bits=${bits}` });
  }
  const nodes = Array.from({ length: 40 }, (_, index) => `n${index}`);
  await Promise.all(nodes.map((name, index) => box.serve(name, { bits: `${[6, 7, 8, 10][index % 4]}` })));
  await box.assertDisjoint();
});

test('F17 the spec of a ClusterCIDR cannot be changed, not even by adding to it', async () => {
  await box.clusterCIDR('a', { ipv4: '10.0.0.0/16' });
  for (const spec of [{ ipv6: 'fd00::/112' }, { ipv4: null, ipv6: 'fd00::/112' }, { perNodeHostBits: 9 }]) {
    assert.is((await box.api('PATCH', 'clustercidrs', 'a', { spec })).status, 422);
  }
});

/** While `run` lasts, the network `default` has these fields too. */
async function withNetwork(spec: Record<string, unknown>, run: () => Promise<void>): Promise<void> {
  await box.patch('podnetworks', 'default', { spec });
  try {
    await run();
  } finally {
    const none = Object.fromEntries(Object.keys(spec).map((field) => [field, null]));
    await box.patch('podnetworks', 'default', { spec: none });
  }
}

test('the sizes of kube-controller-manager, IPv4 first and IPv6 first', async () => {
  await box.clusterCIDR('a', { ipv4: '10.0.0.0/16', ipv6: 'fd00:10::/48' });
  await box.patch('clustercidrs', 'a', {
    metadata: { annotations: { 'metaipam.io/per-node-host-bits-ipv6': '64' } },
  });
  await box.counts('a', {
    ipv4: { total: 256, used: 0, free: 256 },
    ipv6: { total: 65536, used: 0, free: 65536 },
  });
  assert.is(await box.serve('n0'), '10.0.0.0/24,fd00:10::/64');
  await withNetwork({ primaryIPFamily: 'IPv6' }, async () => {
    assert.is(await box.serve('n1'), 'fd00:10:0:1::/64,10.0.1.0/24');
    const { spec } = (await box.get<Node>('nodes', 'n1'))!;
    assert.is(spec?.podCIDR, 'fd00:10:0:1::/64');
    await eventually('n0 to be named', async () => {
      const network = await box.get<PodNetwork>('podnetworks', 'default');
      const said = network?.status?.conditions?.find(({ type }) => type === 'FamiliesDiffer');
      return said?.message.endsWith('n0 (has IPv4 first)') ?? false;
    });
  });
});

test('a node that registers again within the grace period has its blocks back', async () => {
  await withNetwork({ reuseGracePeriodSeconds: 600 }, async () => {
    await box.clusterCIDR('a', { ipv4: '10.0.0.0/16', ipv6: 'fd00:10::/112' });
    await box.serve('n0');
    const had = await box.serve('n1');
    await box.delete('nodes', 'n0');
    await box.delete('nodes', 'n1');
    assert.is(await box.serve('n2'), '10.0.2.0/24,fd00:10::200/120');
    assert.is(await box.serve('n1'), had);
  });
});

test('a reserved block is for its node', async () => {
  await withNetwork({ reservations: [{ node: 'n1', blocks: ['10.0.0.0/24'] }] }, async () => {
    await box.clusterCIDR('a', { ipv4: '10.0.0.0/16' });
    assert.is(await box.serve('n0'), '10.0.1.0/24');
    assert.is(await box.serve('n1'), '10.0.0.0/24');
  });
});

test('no node gets addresses of the ServiceCIDR of the API server', async () => {
  await box.clusterCIDR('a', { ipv4: '10.96.0.0/22' });
  assert.is(await box.serve('n0'), '10.96.1.0/24');
  await box.counts('a', { ipv4: { total: 4, used: 1, free: 2 } });
});

test('a secondary network’s annotation comes, follows its subnets and routes, and goes with it; podCIDRs stay', async () => {
  await box.clusterCIDR('a', { ipv4: '10.0.0.0/16' });
  assert.is(await box.serve('n0'), '10.0.0.0/24');
  const network = {
    apiVersion: 'metaipam.io/v1alpha1',
    kind: 'PodNetwork',
    metadata: { name: 'net1' },
    spec: { target: 'node.metadata.annotations' },
  };
  await box.api('POST', 'podnetworks', undefined, network);
  await box.clusterCIDR(
    'net1',
    { ipv4: '172.20.0.0/16', ipv6: 'fd00:172::/112' },
    { 'metaipam.io/network': 'net1' },
  );
  const annotation = async () =>
    (await box.get<Node>('nodes', 'n0'))?.metadata.annotations?.['kube-node.nordix.org/net1'];
  await eventually('the annotation', async () => (await annotation()) === '172.20.0.0/24,fd00:172::/120');
  await box.patch('podnetworks', 'net1', {
    spec: {
      subnets: [{ cidr: '172.20.0.0/16', gateway: '172.20.255.254' }],
      routes: [{ dst: '10.96.0.0/12' }],
      perNodeExclusions: [{ startIndex: 0, endIndex: 9 }],
    },
  });
  const [rangeStart, rangeEnd] = ['172.20.0.0', '172.20.0.255'];
  const shared = { subnet: '172.20.0.0/16', rangeStart, rangeEnd, gateway: '172.20.255.254' };
  const ranges = [
    { ...shared, exclude: ['172.20.0.0-172.20.0.9'] },
    { subnet: 'fd00:172::/120', exclude: ['fd00:172::-fd00:172::9'] },
  ];
  const value = JSON.stringify({ ranges, routes: [{ dst: '10.96.0.0/12' }] });
  await eventually('what the network says besides', async () => (await annotation()) === value);
  await box.patch('podnetworks', 'net1', {
    spec: {
      subnets: null,
      routes: null,
      perNodeExclusions: null,
      additionalBlocks: [{ node: 'n0', count: 1 }],
    },
  });
  const grown = '172.20.0.0/24,fd00:172::/120,172.20.1.0/24,fd00:172::100/120';
  await eventually('a second block of each family', async () => (await annotation()) === grown);
  await box.patch('podnetworks', 'net1', { spec: { additionalBlocks: null } });
  await box.clusterCIDR(
    'links',
    { perNodeHostBits: 4, ipv4: '172.30.0.0/28', sel: 'link=yes' },
    { 'metaipam.io/network': 'net1' },
  );
  await box.patch('clustercidrs', 'links', {
    metadata: { annotations: { 'metaipam.io/per-node-host-bits-ipv4': '1' } },
  });
  await box.counts('links', { ipv4: { total: 8, used: 0, free: 8 } });
  assert.is(await annotation(), grown, 'what a node has it keeps');
  await box.delete('podnetworks', 'net1');
  await box.gone('podnetworks', 'net1', 60);
  await eventually('no annotation', async () => (await annotation()) === undefined);
  assert.equal(await box.bound('n0'), ['10.0.0.0/24']);
  // What is garbage may take the collector a moment.
  await eventually('the blocks of net1 to go', async () => {
    return (await box.allocations()).join() === 'default 10.0.0.0/24';
  });
});

test('a PodCIDRClaim or an allocation deleted by hand changes no node, and comes back', async () => {
  await box.clusterCIDR('a', { ipv4: '10.0.0.0/16' });
  assert.is(await box.serve('n0'), '10.0.0.0/24');
  assert.is(await box.serve('n1'), '10.0.1.0/24');
  await quiet(installation, 1);
  await box.delete('podcidrclaims', 'n0');
  await loseBlock(installation.plane, '10.0.1.0/24');
  // Nothing is given out of what was lost before it is back, which it may be by then.
  const block = await box.serve('n2');
  assert.ok(['10.0.2.0/24', '10.0.32.0/24'].includes(block), block);
  await eventually('all of it back', async () => {
    const claims = await box.list('podcidrclaims');
    return claims.length === 3 && (await box.allocations()).length === 3;
  });
  await quiet(installation, 2);
  assert.equal(await box.allocations(), ['default 10.0.0.0/24', 'default 10.0.1.0/24', `default ${block}`]);
  assert.equal(await box.bound('n0'), ['10.0.0.0/24']);
  assert.equal(await box.bound('n1'), ['10.0.1.0/24']);
});

test('a block that overlaps another node’s podCIDRs is not written, and an event says why', async () => {
  await box.node('old', { podCIDRs: ['10.99.0.0/16'] });
  const node = await box.node('n0');
  await forgeBlock(installation.plane, '10.99.3.0/24', node);
  await eventually('event CIDRAssignmentFailed', async () => (await box.events('n0')).length > 0);
  const [event] = await box.events('n0');
  assert.equal(
    [event?.reason, event?.message],
    [
      'CIDRAssignmentFailed',
      'Not assigning 10.99.3.0/24: 10.99.3.0/24 overlaps the podCIDRs of another node',
    ],
  );
  assert.is((await box.get<Node>('nodes', 'n0'))?.spec?.podCIDRs, undefined);
  await loseBlock(installation.plane, '10.99.3.0/24');
});

test.run();
