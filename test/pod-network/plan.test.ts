/** Which blocks a node gets, below the rules for what a ClusterCIDR may say. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { formatBlock, type Prefix, parsePrefix } from '../../lib/address/range.ts';
import { allocationsOf } from '../../lib/allocation/slice.ts';
import type { BlockPool } from '../../lib/pod-network/block-pool.ts';
import { NodeRanges } from '../../lib/pod-network/node-ranges.ts';
import { type NetworkView, type NodeView, planNetwork } from '../../lib/pod-network/plan.ts';
import { comparePools } from '../../lib/pod-network/priority.ts';
import { compileNodeSelector } from '../../lib/pod-network/selector.ts';
import { allocation, context, selecting, slicesOf } from './objects.ts';

const prefix = (text: string) => parsePrefix(text) as Prefix;

function pool(name: string, ranges: string[], hostBits: number, selector?: string): BlockPool {
  return {
    name,
    uid: `uid-${name}`,
    isTerminating: false,
    ...(selector && { selector: compileNodeSelector(selecting(selector)) }),
    sizes: { 4: 1n << BigInt(hostBits), 6: 1n << BigInt(hostBits) },
    ranges: ranges.map(prefix),
  };
}

function node(name: string, podCIDRs: string[] = [], labels = LABELS): NodeView {
  return { name, uid: `uid-${name}`, labels, knowsLabels: true, podCIDRs, blocks: podCIDRs.map(prefix) };
}

function view(parts: Partial<NetworkView>): NetworkView {
  const { pools = [], ...others } = parts;
  return {
    nodes: [],
    allocations: [],
    stray: [],
    isDefault: true,
    primaryFamily: 4,
    ranges: new NodeRanges(),
    awaitsEveryNode: true,
    blocked: [],
    services: [],
    reservations: new Map(),
    additionalBlocks: new Map(),
    returning: new Map(),
    reuseGracePeriodSeconds: 0,
    ...others,
    pools: pools.toSorted(comparePools),
  };
}

/** Each block held by a node of its own, and those nodes. */
function occupied(...blocks: string[]) {
  return {
    others: blocks.map((_, index) => node(`other-${index}`)),
    allocations: allocationsOf(slicesOf(blocks.map((cidr, index) => allocation(`other-${index}`, cidr)))),
  };
}

const blocksOf = (name: string, parts: Partial<NetworkView>) =>
  planNetwork(view(parts), context)
    .added.filter(({ entry }) => entry.name === name)
    .map(({ block }) => formatBlock(block));

const LABELS: Record<string, string> = { 't-0': 'node0', 't-1': 'label1', 't-2': 'label2' };
const S0 = 't-0=node0';
const S01 = 't-0=node0,t-1=label1';
const S02 = 't-0=node0,t-2=label2';
const SERVICES = [prefix('127.123.234.0/26')];
const A4 = ['127.123.234.0/16', 'abc:def:deca::/112'];
const B4 = ['10.0.0.0/16', 'ace:cab:deca::/112'];

interface Case {
  title: string;
  pools: BlockPool[];
  services?: Prefix[];
  used?: string[];
  blocks: string[];
  from: string;
}
const CASES: Case[] = [
  {
    title: 'C2.1 the first block',
    pools: [pool('a', ['127.123.234.0/24'], 2, S0)],
    blocks: ['127.123.234.0/30'],
    from: 'a',
  },
  {
    title: 'C2.2 the first block after the services',
    pools: [pool('a', ['127.123.234.0/24'], 2, S0)],
    services: SERVICES,
    blocks: ['127.123.234.64/30'],
    from: 'a',
  },
  {
    title: 'C2.3 the lowest gap',
    pools: [pool('a', ['127.123.234.0/24'], 2, S0)],
    services: SERVICES,
    used: ['127.123.234.64/30', '127.123.234.68/30', '127.123.234.72/30', '127.123.234.80/30'],
    blocks: ['127.123.234.76/30'],
    from: 'a',
  },
  {
    title: 'C2.4 P0 more labels',
    pools: [
      pool('a', ['10.0.0.0/8', 'ace:cab:deca::/112'], 8, S0),
      pool('b', ['127.123.234.0/8', 'abc:def:deca::/112'], 8, S01),
    ],
    services: SERVICES,
    blocks: ['127.0.0.0/24', 'abc:def:deca::/120'],
    from: 'b',
  },
  {
    title: 'C2.5 what an overlapping ClusterCIDR gave out is used',
    pools: [
      pool('a', ['10.0.0.0/8', 'ace:cab:deca::/112'], 8, S0),
      pool('b', ['10.0.0.0/16', 'ace:cab:deca::/112'], 8, S01),
    ],
    services: SERVICES,
    used: ['10.0.0.0/24', '10.0.1.0/24', '10.0.2.0/24', '10.0.4.0/24', 'ace:cab:deca::/120'],
    blocks: ['10.0.3.0/24', 'ace:cab:deca::100/120'],
    from: 'b',
  },
  {
    title: 'C2.6 P1 fewer blocks',
    pools: [
      pool('a', ['127.123.234.0/8', 'abc:def:deca::/112'], 8, S01),
      pool('b', ['10.0.0.0/24', 'ace:cab:deca::/120'], 8, S02),
    ],
    services: SERVICES,
    blocks: ['10.0.0.0/24', 'ace:cab:deca::/120'],
    from: 'b',
  },
  {
    title: 'C2.7 P1 fewer blocks of either family',
    pools: [
      pool('a', ['127.123.234.0/23'], 8, S01),
      pool('b', ['10.0.0.0/16', 'ace:cab:deca::/120'], 8, S02),
    ],
    services: SERVICES,
    blocks: ['10.0.0.0/24', 'ace:cab:deca::/120'],
    from: 'b',
  },
  {
    title: 'C2.8 P2 smaller blocks',
    pools: [
      pool('a', ['127.123.234.0/24', 'abc:def:deca::/120'], 8, S01),
      pool('b', ['10.0.0.0/32', 'ace:cab:deca::/128'], 0, S02),
    ],
    services: SERVICES,
    blocks: ['10.0.0.0/32', 'ace:cab:deca::/128'],
    from: 'b',
  },
  {
    title: 'C2.9 P3 the selector that sorts first',
    pools: [pool('z', A4, 8, S01), pool('b', B4, 8, S02)],
    services: SERVICES,
    blocks: ['127.123.0.0/24', 'abc:def:deca::/120'],
    from: 'z',
  },
  {
    title: 'C2.10 P4 the lower range',
    pools: [pool('a', A4, 8, S01), pool('z', B4, 8, S01)],
    services: SERVICES,
    blocks: ['10.0.0.0/24', 'ace:cab:deca::/120'],
    from: 'z',
  },
];
for (const { title, pools, services = [], used = [], blocks, from } of CASES) {
  test(title, () => {
    const { others, allocations } = occupied(...used);
    const plan = planNetwork(
      view({ pools, services, nodes: [...others, node('node0')], allocations }),
      context,
    );
    assert.equal(
      plan.added.map(({ block, entry }) => [formatBlock(block), entry.clusterCIDR, entry.name, entry.blocks]),
      blocks.map((cidr) => [cidr, from, 'node0', blocks]),
    );
    assert.is(plan.kept.length, used.length);
  });
}

test('C2.11 the gap between the podCIDRs of other nodes', () => {
  const labels = { 't-0': 'nodepool1' };
  const nodes = [
    node('node0', ['10.10.0.0/24'], labels),
    node('node1', ['10.10.2.0/24'], labels),
    node('node2', [], labels),
  ];
  const pools = [pool('a', ['10.10.0.0/22'], 8, 't-0=nodepool1')];
  assert.equal(blocksOf('node2', { nodes, pools }), ['10.10.1.0/24']);
});

const FOUR = ['127.123.234.0/30', '127.123.234.4/30', '127.123.234.8/30', '127.123.234.12/30'];

test('C3.1 no block when all four are taken', () => {
  const { others, allocations } = occupied(...FOUR);
  const pools = [pool('a', ['127.123.234.0/28'], 2, S0)];
  const plan = planNetwork(view({ pools, nodes: [...others, node('node0')], allocations }), context);
  assert.equal(plan.added, []);
  assert.equal(plan.waiting, [{ name: 'node0', reason: 'ClusterCIDR a is full' }]);
});

test('C4.1 a released block goes to the node that waits, once its entry is out of view', () => {
  const pools = [pool('a', ['127.123.234.0/28'], 2, S0)];
  const nodes = [node('other-0'), node('other-2'), node('other-3'), node('node0')];
  const allocations = occupied(...FOUR).allocations;
  const releasing = planNetwork(view({ pools, nodes, allocations }), context);
  assert.equal(
    releasing.kept.filter(({ entry }) => entry.released).map(({ key }) => key),
    ['127.123.234.4/30'],
  );
  assert.equal(releasing.added, []);
  const dropping = planNetwork(view({ pools, nodes, allocations: releasing.kept }), context);
  assert.is(dropping.kept.length, 3);
  assert.equal(dropping.added, []);
  assert.equal(blocksOf('node0', { pools, nodes, allocations: dropping.kept }), ['127.123.234.4/30']);
});

test('C4.2 a block that was released is given again', () => {
  const { others, allocations } = occupied(...FOUR.slice(1));
  const pools = [pool('a', ['127.123.234.0/28'], 2, S0)];
  for (const name of ['first', 'second']) {
    const nodes = [...others, node(name)];
    assert.equal(blocksOf(name, { pools, nodes, allocations }), ['127.123.234.0/30']);
  }
});

test('nodes are served in the order given, each from its own best pool', () => {
  const pools = [pool('a', ['10.0.0.0/27'], 4), pool('b', ['10.1.0.0/27'], 4, S0)];
  const other = { 't-0': 'none' };
  const nodes = [node('n1', [], other), node('n2'), node('n3'), node('n4'), node('n5', [], other)];
  const plan = planNetwork(view({ pools, nodes }), context);
  assert.equal(
    plan.added.map(({ block, entry }) => [entry.name, formatBlock(block)]),
    [
      ['n1', '10.0.0.0/28'],
      ['n2', '10.1.0.0/28'],
      ['n3', '10.1.0.16/28'],
      ['n4', '10.0.0.16/28'],
    ],
  );
  assert.equal(plan.waiting, [{ name: 'n5', reason: 'ClusterCIDR a is full' }]);
});

test.run();
