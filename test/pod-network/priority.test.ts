import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type BlockPool, readBlockPool } from '../../lib/pod-network/block-pool.ts';
import { candidateFinder, comparePools } from '../../lib/pod-network/priority.ts';
import { clusterCIDR, selecting } from './objects.ts';

function pool(
  name: string,
  spec: Parameters<typeof clusterCIDR>[1],
  annotations: Record<string, string> = {},
): BlockPool {
  const reading = readBlockPool(clusterCIDR(name, spec, { annotations }));
  if (reading.pool === undefined) throw new Error(JSON.stringify(reading.problems));
  return reading.pool;
}

const of = (name: string, ipv4: string, selector: string, perNodeHostBits = 8) =>
  pool(name, { ipv4, perNodeHostBits, nodeSelector: selecting(selector) });

/** The order for a node that every one of the pools selects. */
function order(labels: string, ...pools: BlockPool[]): string[] {
  const node = {
    name: 'node',
    labels: Object.fromEntries(labels.split(',').map((pair) => pair.split('='))),
  };
  return candidateFinder(pools.toSorted(comparePools))(node).map(({ name }) => name);
}

const ALL = 'foo=bar,abc=bar,xyz=bar,name=n';
const p1 = of('p1', '192.168.0.0/16', 'foo=bar');
const p2 = of('p2', '10.1.0.0/24', 'foo=bar,name=n');
const p3 = of('p3', '172.16.0.0/16', 'foo=bar,name=n');
const p4 = of('p4', '10.1.1.0/26', 'abc=bar,name=n', 6);
const p5 = of('p5', '10.1.2.0/26', 'foo=bar,name=n', 6);
const p6 = of('p6', '10.1.3.0/26', 'abc=bar,name=n', 6);

const FIRST: [rule: string, pools: BlockPool[], first: string][] = [
  ['alone', [p1], 'p1'],
  ['P0 more requirements', [p1, p2], 'p2'],
  ['P1 fewer blocks', [p1, p2, p3], 'p2'],
  ['P2 smaller blocks', [p1, p2, p4], 'p4'],
  ['P3 selector text', [p1, p2, p4, p5], 'p4'],
  ['P4 lower range', [p1, p2, p4, p5, p6], 'p4'],
];
for (const [rule, pools, first] of FIRST) {
  test(`B1 ${rule}`, () => {
    assert.is(order(ALL, ...pools)[0], first);
    assert.is(order(ALL, ...pools.toReversed())[0], first);
  });
}

type Side = [ipv4: string, selector: string, hostBits: number];
const BEATS: [i: Side, j: Side, result: boolean][] = [
  [['192.168.0.0/16', 'foo=bar,name=n', 8], ['10.1.0.0/24', 'name=n', 8], true],
  [['192.168.0.0/16', 'name=n', 8], ['10.1.0.0/24', 'foo=bar,name=n', 8], false],
  [['10.1.0.0/24', 'foo=bar,name=n', 8], ['172.16.0.0/16', 'foo=bar,xyz=bar', 8], true],
  [['10.1.0.0/16', 'foo=bar,name=n', 8], ['172.16.0.0/24', 'foo=bar,xyz=bar', 8], false],
  [['10.1.0.0/26', 'foo=bar,name=n', 6], ['10.1.1.0/24', 'abc=bar,name=n', 8], true],
  [['10.1.0.0/24', 'foo=bar,name=n', 8], ['10.1.1.0/26', 'abc=bar,name=n', 6], false],
  [['10.1.1.0/26', 'abc=bar,name=n', 6], ['10.1.2.0/26', 'foo=bar,name=n', 6], true],
  [['10.1.1.0/26', 'xyz=bar,name=n', 6], ['10.1.2.0/26', 'foo=bar,name=n', 6], false],
  [['10.1.1.0/26', 'abc=bar,name=n', 6], ['10.1.3.0/26', 'abc=bar,name=n', 6], true],
  [['10.1.1.0/26', 'xyz=bar,name=n', 6], ['10.0.3.0/26', 'abc=bar,name=n', 6], false],
];
for (const [index, [i, j, result]] of BEATS.entries()) {
  test(`B2.${index + 1} ${i[0]} ${result ? 'beats' : 'gives way to'} ${j[0]}`, () => {
    // The name would decide the other way.
    const [iName, jName] = result ? ['z', 'a'] : ['a', 'z'];
    const first = order(ALL, of(iName, ...i), of(jName, ...j))[0];
    assert.is(first, result ? iName : jName);
  });
}

test('P1 counts the family that has fewer blocks', () => {
  const nodeSelector = selecting('foo=bar');
  const single = pool('a', { ipv4: '10.0.0.0/23', nodeSelector });
  const dual = pool('z', { ipv4: '10.2.0.0/16', ipv6: 'fd00::/120', nodeSelector });
  assert.equal(order(ALL, single, dual), ['z', 'a']);
});

test('F2 catch-alls come last, in an order of their own', () => {
  const z = pool('z', { ipv4: '10.0.0.0/16' });
  const a = pool('a', { ipv4: '10.1.0.0/24' });
  const small = pool('s', { ipv4: '10.2.0.0/28', perNodeHostBits: 4 });
  for (const pools of [
    [z, a, p1, small],
    [small, a, z, p1],
  ]) {
    assert.equal(order(ALL, ...pools), ['p1', 's', 'a', 'z']);
    assert.equal(order('none=none', ...pools), ['s', 'a', 'z']);
  }
});

test('F11 IPv4 and IPv6 blocks of as many addresses are of the same size', () => {
  const nodeSelector = selecting('foo=bar');
  const four = pool('z', { ipv4: '10.0.0.0/24', nodeSelector });
  const six = pool('a', { ipv6: 'fd00::/120', nodeSelector });
  assert.equal(order(ALL, six, four), ['z', 'a']);
});

test('P2 compares IPv4 first where families differ in size, and reads of one family what it has', () => {
  const [key4, key6] = ['metaipam.io/per-node-host-bits-ipv4', 'metaipam.io/per-node-host-bits-ipv6'];
  const sized = (name: string, ipv4: string, bits4: string, bits6: string) =>
    pool(name, { ipv4, ipv6: 'fd00::/96', perNodeHostBits: 4 }, { [key4]: bits4, [key6]: bits6 });
  // Eight blocks each: of IPv6 that have 16 as well.
  const small = sized('z', '10.0.0.0/25', '4', '28');
  const wide = sized('y', '10.0.0.0/25', '4', '29');
  const large = sized('x', '10.0.0.0/24', '5', '28');
  assert.equal(order('none=none', large, wide, small), ['z', 'y', 'x']);
  const six = pool('six', { ipv6: 'fd00::/64', perNodeHostBits: 8 }, { [key4]: '4', [key6]: '60' });
  assert.equal(six.sizes, { 4: 1n << 60n, 6: 1n << 60n });
});

test('F12 ranges compare as numbers', () => {
  const nine = of('z', '9.0.0.0/24', 'foo=bar');
  const ten = of('a', '10.0.0.0/24', 'foo=bar');
  assert.equal(order(ALL, ten, nine), ['z', 'a']);
});

test('of equals, the name decides', () => {
  assert.equal(order(ALL, of('b', '10.0.0.0/24', 'foo=bar'), of('a', '10.0.0.0/24', 'foo=bar')), ['a', 'b']);
});

test('nodes that look alike to the selectors share an answer, others do not', () => {
  const nodeSelector = {
    nodeSelectorTerms: [
      { matchFields: [{ key: 'metadata.name' as const, operator: 'In' as const, values: ['chosen'] }] },
      { matchExpressions: [{ key: 'a', operator: 'In' as const, values: ['1'] }] },
      { matchExpressions: [{ key: 'b', operator: 'Exists' as const }] },
    ],
  };
  const find = candidateFinder([pool('p', { ipv4: '10.0.0.0/24', nodeSelector })]);
  const count = (name: string, labels: Record<string, string> = {}) => find({ name, labels }).length;
  assert.is(count('other', { a: '1' }), 1);
  assert.is(count('other', { a: '2' }), 0);
  assert.is(count('other', { c: '1' }), 0);
  assert.is(count('other', { b: '1' }), 1);
  assert.is(count('other', { a: '2', b: '' }), 1);
  assert.is(count('chosen'), 1);
  assert.is(count('other'), 0);
});

test('a pool that does not select the node is no candidate', () => {
  assert.equal(order('foo=other,name=n', p1, p2), []);
});

test('nodes that differ in nothing but their names are told apart where a selector reads them', () => {
  const byName = pool('by-name', {
    ipv4: '10.1.0.0/16',
    nodeSelector: {
      nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['a'] }] }],
    },
  });
  for (const pools of [[byName], [byName, p1]]) {
    const find = candidateFinder(pools);
    const found = ['a', 'b', 'a'].map((name) => find({ name, labels: {} }).map((each) => each.name));
    assert.equal(found, [['by-name'], [], ['by-name']]);
  }
});

test('a term without requirements makes nobody a candidate', () => {
  const none = pool('none', { ipv4: '10.1.0.0/16', nodeSelector: { nodeSelectorTerms: [{}] } });
  assert.equal(order(ALL, none, p1), ['p1']);
});

test.run();
