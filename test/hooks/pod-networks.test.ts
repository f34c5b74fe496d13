import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { customize, finalize, sync } from '../../hooks/pod-networks.ts';
import type { KubernetesObject } from '../../lib/kubernetes/object.ts';
import type {
  AllocationSlice,
  ClusterCIDRSpec,
  PodNetwork,
  PodNetworkStatus,
} from '../../lib/kubernetes/types.ts';
import {
  allocation,
  answerFor,
  blocksByNode,
  claim,
  clusterCIDR,
  context,
  type Given,
  listed,
  NOW,
  network,
  type Parts,
  releasedIn,
  request,
  selecting,
  slice,
  slicesOf,
  stored,
} from '../pod-network/objects.ts';

const LABELS = { 't-0': 'node0' };
const S0 = { nodeSelector: selecting('t-0=node0') };
const DELETED = { deletionTimestamp: '2026-06-01T00:00:00Z' };
const answer = (parts: Parts, at = context) => sync(request(parts), at);
const blocks = (parts: Parts) => blocksByNode(answer(parts).children);
const status = (parts: Parts) => answer(parts).status as PodNetworkStatus;
const ready = (parts: Parts) => status(parts).conditions![0]!;

const DUAL = { ipv4: '10.10.0.0/16', ipv6: 'ace:cab:deca::/112', ...S0 };
const V4 = { ipv4: '10.10.0.0/16', ...S0 };
const withPodCIDRs = (...podCIDRs: string[]) => claim('node0', { nodeLabels: LABELS, podCIDRs });

const OCCUPY: [id: string, spec: Partial<ClusterCIDRSpec>, podCIDRs: string[], expected: string[]][] = [
  ['C1.1', V4, [], ['10.10.0.0/24']],
  ['C1.2', DUAL, [], ['10.10.0.0/24', 'ace:cab:deca::/120']],
  ['C1.3', V4, ['10.10.0.1/24'], ['10.10.0.0/24']],
  ['C1.4', DUAL, ['10.10.0.1/24', 'ace:cab:deca::1/120'], ['10.10.0.0/24', 'ace:cab:deca::/120']],
];
for (const [id, spec, podCIDRs, expected] of OCCUPY) {
  test(`${id} a node with podCIDRs [${podCIDRs}] holds ${expected}`, () => {
    const response = answer({ clusterCIDRs: [clusterCIDR('a', spec)], claims: [withPodCIDRs(...podCIDRs)] });
    assert.equal(blocksByNode(response.children), { node0: expected });
    for (const { entry } of listed(response.children)) assert.equal(entry.blocks, expected);
    assert.equal((response.status as PodNetworkStatus).nodes, { total: 1, allocated: 1, pending: 0 });
  });
}

const FOREIGN: [id: string, spec: Partial<ClusterCIDRSpec>, podCIDRs: string[], outside: string][] = [
  ['C3.2', V4, ['172.10.0.1/24'], ''],
  ['C3.3', DUAL, ['10.10.0.1/24', 'a00::/86'], ': a00::/86'],
  ['C3.4', DUAL, ['172.10.0.1/24', 'ace:cab:deca::1/120'], ': 172.10.0.0/24'],
  ['C3.5', DUAL, ['10.10.0.1/24', 'cdd::/86'], ': cdd::/86'],
  ['F8', V4, ['10.10.0.0/24', 'ace:cab:deca::/120'], ': ace:cab:deca::/120'],
];
for (const [id, spec, podCIDRs, outside] of FOREIGN) {
  test(`${id} podCIDRs [${podCIDRs}] lie in no ClusterCIDR: no allocation, yet nobody else gets them`, () => {
    const waiting = claim('waiting', { nodeLabels: LABELS });
    const response = answer({
      clusterCIDRs: [clusterCIDR('a', spec)],
      claims: [withPodCIDRs(...podCIDRs), waiting],
    });
    const { node0, waiting: given } = blocksByNode(response.children);
    assert.is(node0, undefined);
    assert.is(given?.[0], podCIDRs[0]!.startsWith('10.10.0.') ? '10.10.1.0/24' : '10.10.0.0/24');
    const { nodes, conditions } = response.status as PodNetworkStatus;
    assert.equal(nodes, { total: 2, allocated: 1, pending: 0 });
    const message = `1 node with foreign podCIDRs: node0 (outside every ClusterCIDR${outside})`;
    assert.is(conditions![0]!.message, message);
  });
}

const BITS6 = 'metaipam.io/per-node-host-bits-ipv6';
const KCM = { ipv4: '10.244.0.0/16', ipv6: 'fd00:244::/48' };
const sized = (bits: string) => clusterCIDR('a', KCM, { annotations: { [BITS6]: bits } });

test('with a size of its own IPv6 has blocks of /64 beside /24, and counts them', () => {
  const response = answer({ clusterCIDRs: [sized('64')], claims: [claim('node0'), claim('node1')] });
  assert.equal(blocksByNode(response.children), {
    node0: ['10.244.0.0/24', 'fd00:244::/64'],
    node1: ['10.244.1.0/24', 'fd00:244:0:1::/64'],
  });
  const { ipv4, ipv6 } = answerFor(response.children, 'uid-a')!;
  assert.equal(ipv4, { total: 256, used: 2, free: 254 });
  assert.equal(ipv6, { total: 65536, used: 2, free: 65534 });
});

test('a size that changes is for nodes to come, and what is no size stops its ClusterCIDR alone', () => {
  const parts = {
    claims: [claim('node0', { podCIDRs: ['10.244.0.0/24', 'fd00:244::/64'] }), claim('node1')],
    allocations: ['10.244.0.0/24', 'fd00:244::/64'].map((cidr) =>
      allocation('node0', cidr, { blocks: ['10.244.0.0/24', 'fd00:244::/64'] }),
    ),
  };
  assert.equal(blocks({ ...parts, clusterCIDRs: [sized('56')] }), {
    node0: ['10.244.0.0/24', 'fd00:244::/64'],
    node1: ['10.244.1.0/24', 'fd00:244:0:1::/72'],
  });
  const other = clusterCIDR('b', { ipv4: '10.9.0.0/16' });
  const response = answer({ ...parts, clusterCIDRs: [sized('/64'), other] });
  assert.equal(blocksByNode(response.children).node1, ['10.9.0.0/24']);
  assert.equal(answerFor(response.children, 'uid-a')?.reason, 'InvalidSpec');
  assert.match(
    answerFor(response.children, 'uid-a')?.message ?? '',
    /ipv6\]: Invalid value: "\/64": must be an integer/,
  );
});

const FOO = { nodeSelector: selecting('foo=bar') };
const CREATED: [name: string, spec: Partial<ClusterCIDRSpec>, expected: string[]][] = [
  ['ipv4-ccc', { ipv4: '10.2.0.0/16' }, ['10.2.0.0/24']],
  ['ipv4-ccc-label', { ipv4: '10.3.0.0/16', ...FOO }, ['10.3.0.0/24']],
  ['ipv4-ccc-overlap', { ipv4: '10.2.0.0/24', ...FOO }, ['10.2.0.0/24']],
  ['ipv6-ccc', { ipv6: 'fd00:1::/112' }, ['fd00:1::/120']],
  ['ipv6-ccc-label', { ipv6: 'fd00:2::/112', ...FOO }, ['fd00:2::/120']],
  ['ipv6-ccc-overlap', { ipv6: 'fd00:1:1::/112', ...FOO }, ['fd00:1:1::/120']],
  ['dual-ccc', { ipv4: '10.2.0.0/16', ipv6: 'fd00:1::/112' }, ['10.2.0.0/24', 'fd00:1::/120']],
  ['dual-ccc-label', { ipv4: '10.3.0.0/16', ipv6: 'fd00:2::/112', ...FOO }, ['10.3.0.0/24', 'fd00:2::/120']],
  [
    'dual-ccc-overlap',
    { ipv4: '10.2.0.0/16', ipv6: 'fd00:1:1::/112', ...FOO },
    ['10.2.0.0/24', 'fd00:1:1::/120'],
  ],
];
for (const [name, spec, expected] of CREATED) {
  test(`C5 ${name} serves a node`, () => {
    const claims = [claim('node0', { nodeLabels: { foo: 'bar' } })];
    assert.equal(blocks({ claims, clusterCIDRs: [clusterCIDR(name, spec)] }), { node0: expected });
  });
}

const BROKEN: [title: string, spec: Partial<ClusterCIDRSpec>][] = [
  ['no range', { perNodeHostBits: 0 }],
  ['ipv4 1000.2.0.0/16', { ipv4: '1000.2.0.0/16' }],
  ['ipv6 aaaaa:1:1::/112', { ipv6: 'aaaaa:1:1::/112' }],
  ['one range of two', { ipv4: '10.2.0.0/16', ipv6: 'aaaaa:1:1::/112' }],
];
for (const [title, spec] of BROKEN) {
  test(`C5 ${title}: gives nothing, is named, and leaves the others alone`, () => {
    const broken = clusterCIDR('broken', { ...spec, ...FOO });
    const claims = [claim('node0', { nodeLabels: { foo: 'bar' } })];
    const alone = ready({ claims, clusterCIDRs: [broken] });
    assert.is(alone.status, 'False');
    assert.is(alone.reason, 'NodesPending');
    assert.match(alone.message, /1 of 1 node without blocks: node0 \(no ClusterCIDR selects it\)/);
    assert.match(alone.message, /1 invalid ClusterCIDR: broken \(spec/);
    const both = { claims, clusterCIDRs: [broken, clusterCIDR('good', { ipv4: '10.9.0.0/16' })] };
    assert.equal(blocks(both), { node0: ['10.9.0.0/24'] });
    assert.is(ready(both).status, 'True');
    assert.match(ready(both).message, /^1 invalid ClusterCIDR: broken/);
  });
}

const dual = clusterCIDR('dual', { ipv4: '10.0.0.0/16', ipv6: 'fd00::/120' });

test('F1 a node that finds no block of one family gets none of the other', () => {
  const allocations = [allocation('other', 'fd00::/120', { from: 'dual' })];
  const claims = [claim('other'), claim('node0')];
  const parts = { clusterCIDRs: [dual], claims, allocations };
  assert.equal(blocks(parts), { other: ['fd00::/120'] });
  assert.is(ready(parts).message, '1 of 2 nodes without blocks: node0 (ClusterCIDR dual is full)');
});

test('F2 two catch-alls serve in the same order however they arrive', () => {
  const z = clusterCIDR('z', { ipv4: '10.0.0.0/16' }, { resourceVersion: '1' });
  const a = clusterCIDR('a', { ipv4: '10.1.0.0/24' }, { resourceVersion: '2' });
  const claims = [claim('n1'), claim('n2')];
  const expected = { n1: ['10.1.0.0/24'], n2: ['10.0.0.0/24'] };
  assert.equal(blocks({ claims, clusterCIDRs: [z, a] }), expected);
  assert.equal(blocks({ claims, clusterCIDRs: [a, z] }), expected);
});

test('F3 a terminating ClusterCIDR takes no new node and keeps those it has', () => {
  const clusterCIDRs = [clusterCIDR('a', { ipv4: '10.0.0.0/16' }, DELETED)];
  const allocations = [allocation('old', '10.0.0.0/24')];
  const claims = [claim('old'), claim('bound', { podCIDRs: ['10.0.7.0/24'] }), claim('new')];
  const parts = { clusterCIDRs, claims, allocations };
  assert.equal(blocks(parts), { old: ['10.0.0.0/24'], bound: ['10.0.7.0/24'] });
  const reason = 'ClusterCIDR a, which selects it, is being deleted: add another';
  assert.is(ready(parts).message, `1 of 3 nodes without blocks: new (${reason})`);
});

test('a reservation that is null makes a network of a file invalid, and no more', () => {
  const parent = network('default', { reservations: [null] as never });
  const parts = { parent, clusterCIDRs: [clusterCIDR('a', { ipv4: '10.0.0.0/16' })], claims: [claim('n')] };
  assert.match(ready(parts).message, /spec\.reservations\[0\]\.node: Invalid value: null/);
});

test('podCIDRs of which each lies in another ClusterCIDR are not said to lie in none', () => {
  const clusterCIDRs = [clusterCIDR('a', { ipv4: '10.0.0.0/16' }), clusterCIDR('b', { ipv6: 'fd00::/112' })];
  const claims = [claim('n', { podCIDRs: ['10.0.0.0/24', 'fd00::/120'] })];
  assert.is(
    ready({ clusterCIDRs, claims }).message,
    '1 node with foreign podCIDRs: n (of several ClusterCIDRs)',
  );
});

test('what is reserved is had of a ClusterCIDR that stays; why it is not is said', () => {
  const reserving = (spec: Partial<PodNetwork['spec']> = {}) =>
    network('default', { reservations: [{ node: 'n', blocks: ['10.0.0.0/24'] }], ...spec });
  const leaving = clusterCIDR('a', { ipv4: '10.0.0.0/22' }, DELETED);
  const claims = [claim('n')];
  const both = {
    parent: reserving(),
    clusterCIDRs: [leaving, clusterCIDR('b', { ipv4: '10.0.0.0/16' })],
    claims,
  };
  assert.equal(
    listed(answer(both).children).map(({ key, entry }) => [key, entry.clusterCIDR]),
    [['10.0.0.0/24', 'b']],
  );
  const why = (parts: Parts) => /n \((.*)\)$/.exec(ready({ claims, ...parts }).message)?.[1];
  assert.is(
    why({ parent: reserving(), clusterCIDRs: [leaving] }),
    'ClusterCIDR a of its reserved 10.0.0.0/24 is being deleted',
  );
  assert.is(
    why({
      parent: reserving({ serviceCIDRs: ['10.0.0.0/25'] }),
      clusterCIDRs: [clusterCIDR('b', { ipv4: '10.0.0.0/16' })],
    }),
    'its reserved 10.0.0.0/24 is among services 10.0.0.0/25: reserve another',
  );
});

test('F5 podCIDRs of a node that the ClusterCIDR does not select are not given out', () => {
  const claims = [claim('stranger', { podCIDRs: ['10.10.0.0/24'] }), claim('node0', { nodeLabels: LABELS })];
  const parts = { clusterCIDRs: [clusterCIDR('a', V4)], claims };
  assert.equal(blocks(parts), { stranger: ['10.10.0.0/24'], node0: ['10.10.1.0/24'] });
});

test('F6 a relabelled node keeps its block, and frees it when it is gone', () => {
  const clusterCIDRs = [clusterCIDR('a', V4)];
  const allocations = [allocation('moved', '10.10.0.0/24')];
  const witness = claim('witness', {}, { resourceVersion: '99' });
  for (const podCIDRs of [[], ['10.10.0.0/24']]) {
    const claims = [claim('moved', { nodeLabels: { 't-0': 'other' }, podCIDRs }), witness];
    assert.equal(blocks({ clusterCIDRs, claims, allocations }), { moved: ['10.10.0.0/24'] });
  }
  assert.equal(blocks({ clusterCIDRs, claims: [witness], allocations }), {});
  assert.equal(Object.keys(releasedIn(answer({ clusterCIDRs, claims: [witness], allocations }).children)), [
    '10.10.0.0/24',
  ]);
});

test('F9 of two terms either selects, an empty one selects nothing', () => {
  const [a] = selecting('zone=a').nodeSelectorTerms;
  const [b] = selecting('zone=b').nodeSelectorTerms;
  const clusterCIDRs = [
    clusterCIDR('either', { ipv4: '10.0.0.0/16', nodeSelector: { nodeSelectorTerms: [a!, b!] } }),
    clusterCIDR('none', { ipv4: '10.1.0.0/16', nodeSelector: { nodeSelectorTerms: [{}] } }),
  ];
  const claims = ['a', 'b', 'c'].map((zone) => claim(zone, { nodeLabels: { zone } }));
  assert.equal(blocks({ clusterCIDRs, claims }), { a: ['10.0.0.0/24'], b: ['10.0.1.0/24'] });
});

test('F10 a requirement for an absent label makes a selector more specific', () => {
  const [term] = selecting('zone=a').nodeSelectorTerms;
  const absent = { key: 'gpu', operator: 'DoesNotExist' as const };
  const matchExpressions = [...term!.matchExpressions!, absent];
  const clusterCIDRs = [
    clusterCIDR('less', { ipv4: '10.0.0.0/24', nodeSelector: selecting('zone=a') }),
    clusterCIDR('more', { ipv4: '10.1.0.0/16', nodeSelector: { nodeSelectorTerms: [{ matchExpressions }] } }),
  ];
  const claims = [claim('n', { nodeLabels: { zone: 'a' } })];
  assert.equal(blocks({ clusterCIDRs, claims }), { n: ['10.1.0.0/24'] });
});

test('F13 a node that waited is served by the sync that sees the new ClusterCIDR', () => {
  const claims = [claim('n')];
  const others = clusterCIDR('others', { ipv4: '10.9.0.0/16', nodeSelector: selecting('zone=a') });
  assert.equal(status({ claims, clusterCIDRs: [others] }).nodes, { total: 1, allocated: 0, pending: 1 });
  assert.equal(blocks({ claims, clusterCIDRs: [others, dual] }), { n: ['10.0.0.0/24', 'fd00::/120'] });
});

test('no node waits for a network without ClusterCIDRs, nor for a secondary one that is not for it', () => {
  const claims = [claim('n')];
  assert.equal(status({ claims }).nodes, { total: 1, allocated: 0, pending: 0 });
  assert.is(ready({ claims }).status, 'True');
  const others = clusterCIDR('others', { ipv4: '10.9.0.0/16', nodeSelector: selecting('zone=a') });
  const parts = { parent: network('storage'), claims, clusterCIDRs: [others] };
  assert.equal(status(parts).nodes, { total: 1, allocated: 0, pending: 0 });
  assert.is(ready(parts).status, 'True');
});

test('F14 a block stays its node’s whether or not its podCIDRs are known to be written', () => {
  const allocations = [allocation('slow', '10.0.0.0/24')];
  const clusterCIDRs = [clusterCIDR('a', { ipv4: '10.0.0.0/16' })];
  for (const podCIDRs of [[], ['10.0.0.0/24']]) {
    const claims = [claim('slow', { podCIDRs }), claim('other')];
    assert.equal(blocks({ clusterCIDRs, claims, allocations }), {
      slow: ['10.0.0.0/24'],
      other: ['10.0.1.0/24'],
    });
  }
});

test('F16 blocks of overlapping ClusterCIDRs of other sizes never overlap', () => {
  const clusterCIDRs = [
    clusterCIDR('small', { ipv4: '10.0.0.0/24', perNodeHostBits: 4, nodeSelector: selecting('size=small') }),
    clusterCIDR('large', { ipv4: '10.0.0.0/20' }),
  ];
  const claims = [claim('a', { nodeLabels: { size: 'small' } }), claim('b'), claim('c')];
  assert.equal(blocks({ clusterCIDRs, claims }), {
    a: ['10.0.0.0/28'],
    b: ['10.0.1.0/24'],
    c: ['10.0.2.0/24'],
  });
});

test('F17 a second generation of a ClusterCIDR is a ClusterCIDR like any other', () => {
  const clusterCIDRs = [clusterCIDR('a', { ipv4: '10.0.0.0/16' }, { generation: 2 })];
  assert.equal(blocks({ clusterCIDRs, claims: [claim('n')] }), { n: ['10.0.0.0/24'] });
});

const SINCE = '2026-06-01T12:00:00Z';

test('a slice is named by its piece and the length of its blocks; an entry says whose it is and where it is from', () => {
  const response = answer({ clusterCIDRs: [dual], claims: [claim('n')] });
  const entry = {
    uid: 'uid-n',
    name: 'n',
    clusterCIDR: 'dual',
    blocks: ['10.0.0.0/24', 'fd00::/120'],
    since: SINCE,
  };
  const object = (name: string, spec: object, labels = {}) => ({
    apiVersion: 'metaipam.io/v1alpha1',
    kind: 'AllocationSlice',
    metadata: { name, namespace: 'metaipam-system', labels: { 'metaipam.io/network': 'default', ...labels } },
    spec: {
      poolRef: { apiGroup: 'metaipam.io', kind: 'PodNetwork', name: 'default', uid: 'uid-default' },
      ...spec,
    },
  });
  const answers = {
    'uid-dual': {
      reason: 'PoolExhausted',
      message: 'no IPv6 block is free',
      nodes: 1,
      ipv4: { total: 256, used: 1, free: 255 },
      ipv6: { total: 1, used: 1, free: 0 },
    },
  };
  assert.equal(response.children, [
    object('default.10.0.0.0-19.24', {
      cidr: '10.0.0.0/19',
      blockLength: 24,
      entries: { '10.0.0.0/24': entry },
    }),
    object('default.answers-0.network', { answers }, { 'claim.metaipam.io/uid-dual': '' }),
    object('default.fd00-0-0-0-0-0-0-0-115.120', {
      cidr: 'fd00::/115',
      blockLength: 120,
      entries: { 'fd00::/120': entry },
    }),
    object('default.label-keys-0.network', { labelKeys: [] }, { 'metaipam.io/label-keys': '' }),
  ]);
  assert.is(response.resyncAfterSeconds, 10);
});

test('what exists is wanted exactly as it is', () => {
  const claims = [claim('n')];
  const first = answer({ clusterCIDRs: [dual], claims });
  const second = answer({ clusterCIDRs: [dual], claims, slices: stored(first.children) });
  assert.equal(second.children, first.children);
  assert.is(second.resyncAfterSeconds, 60);
  assert.equal((second.status as PodNetworkStatus).slices, [
    'default.10.0.0.0-19.24',
    'default.fd00-0-0-0-0-0-0-0-115.120',
  ]);
});

test('a network is ready when no node waits; its condition changes time only when it flips', () => {
  const since = { lastTransitionTime: '2026-01-01T00:00:00Z', reason: 'Any', message: '' };
  const parent = (status: 'True' | 'False') => ({
    ...network(),
    status: { conditions: [{ type: 'Ready', status, ...since }] },
  });
  const at = (status: 'True' | 'False', claims = [claim('n')]) =>
    ready({ parent: parent(status), clusterCIDRs: [dual], claims });
  assert.equal(at('True'), {
    type: 'Ready',
    status: 'True',
    reason: 'Ready',
    message: '',
    observedGeneration: 1,
    lastTransitionTime: '2026-01-01T00:00:00Z',
  });
  assert.is(at('False').lastTransitionTime, '2026-06-01T12:00:00Z');
  const full = at(
    'False',
    ['a', 'b', 'c', 'd', 'e'].map((name) => claim(name)),
  );
  assert.is(full.lastTransitionTime, '2026-01-01T00:00:00Z');
  assert.is(
    full.message,
    '4 of 5 nodes without blocks: b (ClusterCIDR dual is full), c (ClusterCIDR dual is full), ' +
      'd (ClusterCIDR dual is full) and 1 more',
  );
});

test('the oldest node is served first, by the time of its claim and then by name', () => {
  const claims = [
    claim('b', {}, { creationTimestamp: '2026-02-02T00:00:00Z' }),
    claim('a', {}, { creationTimestamp: '2026-02-02T00:00:00Z' }),
    claim('z', {}, { creationTimestamp: '2026-02-01T00:00:00Z' }),
  ];
  const clusterCIDRs = [clusterCIDR('a', { ipv4: '10.0.0.0/16' })];
  assert.equal(blocks({ clusterCIDRs, claims }), {
    z: ['10.0.0.0/24'],
    a: ['10.0.1.0/24'],
    b: ['10.0.2.0/24'],
  });
});

test('service CIDRs are not given out, and take nothing back', () => {
  const parent = network('default', { serviceCIDRs: ['10.0.0.0/23'] });
  const allocations = [allocation('old', '10.0.0.0/24')];
  const clusterCIDRs = [clusterCIDR('a', { ipv4: '10.0.0.0/16' })];
  assert.equal(blocks({ parent, clusterCIDRs, claims: [claim('new'), claim('old')], allocations }), {
    old: ['10.0.0.0/24'],
    new: ['10.0.2.0/24'],
  });
});

const OLDER = { blocks: ['10.0.0.0/24', 'fd00::/120'], from: 'wide' };
const YOUNGER = { blocks: ['10.0.1.0/24', 'fd00::100/120'], from: 'wide' };
const wide = clusterCIDR('wide', { ipv4: '10.0.0.0/16', ipv6: 'fd00::/64' });

const older = (cidr: string) => allocation('n', cidr, { ...OLDER, since: '2026-05-01T00:00:01Z' });
const younger = (cidr: string) => allocation('n', cidr, { ...YOUNGER, since: '2026-05-01T00:00:02Z' });

test('a decision that is there in part is completed, as old as it was', () => {
  const parts = { clusterCIDRs: [wide], claims: [claim('n')], allocations: [older('fd00::/120')] };
  const { children } = answer(parts);
  assert.equal(blocksByNode(children), { n: ['10.0.0.0/24', 'fd00::/120'] });
  for (const { entry } of listed(children)) {
    assert.equal([entry.blocks, entry.since], [OLDER.blocks, '2026-05-01T00:00:01Z']);
  }
});

test('of two decisions for a node the complete one stays, else the older, else the lower; the other is released', () => {
  const stays = (...allocations: Parts['allocations'] & {}) => {
    const { children } = answer({ clusterCIDRs: [wide], claims: [claim('n')], allocations });
    return [blocksByNode(children).n, Object.keys(releasedIn(children))];
  };
  const [first, second] = [OLDER.blocks.map(older), YOUNGER.blocks.map(younger)];
  assert.equal(stays(...second, ...first), [OLDER.blocks, YOUNGER.blocks]);
  assert.equal(stays(...second, first[1]!), [YOUNGER.blocks, ['fd00::/120']]);
  assert.equal(stays(second[1]!, first[1]!), [OLDER.blocks, ['fd00::100/120']]);
  const twin = YOUNGER.blocks.map((cidr) =>
    allocation('n', cidr, { ...YOUNGER, since: '2026-05-01T00:00:01Z' }),
  );
  assert.equal(stays(...twin, ...first), [OLDER.blocks, YOUNGER.blocks]);
});

test('a decision whose missing block became another’s makes way for the next one', () => {
  const other = allocation('other', '10.0.0.0/24', { from: 'wide', since: '2026-05-01T00:00:02Z' });
  const claims = [claim('n'), claim('other')];
  const parts = { clusterCIDRs: [wide], claims, allocations: [older('fd00::/120'), other] };
  const { children } = answer(parts);
  assert.equal(blocksByNode(children), { n: ['10.0.1.0/24', 'fd00::100/120'], other: ['10.0.0.0/24'] });
  assert.equal(Object.keys(releasedIn(children)), ['fd00::/120']);
});

test('of two nodes with overlapping blocks the older allocation stays, unless the younger is on its node', () => {
  const allocations = [
    allocation('young', '10.0.0.0/25', { from: 'wide', since: '2026-05-01T00:00:02Z' }),
    allocation('old', '10.0.0.0/24', { from: 'wide', since: '2026-05-01T00:00:01Z' }),
  ];
  const clusterCIDRs = [clusterCIDR('wide', { ipv4: '10.0.0.0/16' })];
  const parts = (podCIDRs: string[]) => ({
    clusterCIDRs,
    claims: [claim('young', { podCIDRs }), claim('old')],
    allocations,
  });
  assert.equal(blocks(parts([])), { old: ['10.0.0.0/24'], young: ['10.0.1.0/24'] });
  assert.equal(blocks(parts(['10.0.0.0/25'])), { old: ['10.0.1.0/24'], young: ['10.0.0.0/25'] });
  assert.equal(Object.keys(releasedIn(answer(parts(['10.0.0.0/25'])).children)), ['10.0.0.0/24']);
});

test('podCIDRs replace what was decided, when it was released and has gone', () => {
  const clusterCIDRs = [clusterCIDR('wide', { ipv4: '10.0.0.0/16' })];
  const claims = [claim('bound', { podCIDRs: ['10.0.5.0/24'] }), claim('other')];
  const taken = [allocation('other', '10.0.5.0/24'), allocation('bound', '10.0.1.0/24')];
  const first = answer({ clusterCIDRs, claims, allocations: taken });
  assert.equal(blocksByNode(first.children), { other: ['10.0.0.0/24'] });
  assert.equal(Object.keys(releasedIn(first.children)), ['10.0.1.0/24', '10.0.5.0/24']);
  const second = answer({ clusterCIDRs, claims, slices: stored(first.children) });
  assert.equal(blocksByNode(second.children), { other: ['10.0.0.0/24'] });
  assert.equal(releasedIn(second.children), {});
  const third = answer({ clusterCIDRs, claims, slices: stored(second.children) });
  assert.equal(blocksByNode(third.children), { bound: ['10.0.5.0/24'], other: ['10.0.0.0/24'] });
});

test('podCIDRs may be of any size, and their home is the best ClusterCIDR that holds them all', () => {
  const clusterCIDRs = [
    clusterCIDR('selecting', { ipv4: '10.0.0.0/16', nodeSelector: selecting('zone=a') }),
    clusterCIDR('catch-all', { ipv4: '10.0.0.0/8' }),
    clusterCIDR('other', { ipv4: '10.0.0.0/17', nodeSelector: selecting('zone=b') }),
  ];
  const home = (podCIDR: string, zone: string) => {
    const claims = [claim('n', { nodeLabels: { zone }, podCIDRs: [podCIDR] })];
    return listed(answer({ clusterCIDRs, claims }).children)[0]!.entry.clusterCIDR;
  };
  assert.is(home('10.0.0.0/20', 'a'), 'selecting');
  assert.is(home('10.0.0.0/29', 'a'), 'selecting');
  assert.is(home('10.7.0.0/24', 'a'), 'catch-all');
  assert.is(home('10.0.0.0/24', 'c'), 'catch-all');
});

test('of two nodes with the same podCIDRs the one with the allocation keeps it', () => {
  const clusterCIDRs = [clusterCIDR('a', { ipv4: '10.0.0.0/16' })];
  const claims = [
    claim('a-copy', { podCIDRs: ['10.0.0.0/24'] }),
    claim('original', { podCIDRs: ['10.0.0.0/24'] }),
  ];
  const parts = { clusterCIDRs, claims, allocations: [allocation('original', '10.0.0.0/24')] };
  assert.equal(blocks(parts), { original: ['10.0.0.0/24'] });
  assert.is(ready(parts).message, "1 node with foreign podCIDRs: a-copy (overlap another node's)");
});

test('a node that is not in view yet keeps its block, until its absence is certain', () => {
  const clusterCIDRs = [clusterCIDR('a', { ipv4: '10.0.0.0/16' })];
  const unseen = allocation('unseen', '10.0.0.0/24', { since: new Date(NOW - 5000).toISOString() });
  const behind = { clusterCIDRs, claims: [claim('other')], allocations: [unseen] };
  const response = answer(behind);
  assert.equal(blocksByNode(response.children), { unseen: ['10.0.0.0/24'], other: ['10.0.1.0/24'] });
  assert.is(answer({ ...behind, claims: [] }).resyncAfterSeconds, 25);

  const newer = claim('other', {}, { resourceVersion: '31' });
  assert.equal(blocks({ ...behind, claims: [newer] }), { other: ['10.0.1.0/24'] });
  const later = { ...context, now: NOW + 25_000 };
  assert.equal(blocksByNode(answer(behind, later).children), { other: ['10.0.1.0/24'] });
});

test('a block is marked released in one sync and goes in a later one, after the grace period', () => {
  const clusterCIDRs = [clusterCIDR('a', { ipv4: '10.0.0.0/16' })];
  const at = (released: string | undefined, seconds: number, grace?: number, claims = [claim('new')]) =>
    answer(
      {
        parent: network('default', grace === undefined ? {} : { reuseGracePeriodSeconds: grace }),
        clusterCIDRs,
        claims,
        allocations: [allocation('gone', '10.0.0.0/24', released === undefined ? {} : { released })],
      },
      { ...context, now: NOW + 1000 * seconds },
    );
  for (const grace of [undefined, 300]) {
    const first = at(undefined, 0, grace);
    assert.equal(releasedIn(first.children), { '10.0.0.0/24': SINCE });
    assert.equal(blocksByNode(first.children), { new: ['10.0.1.0/24'] });
  }
  assert.equal(releasedIn(at(SINCE, 0).children), {});
  assert.equal(blocksByNode(at(SINCE, 0).children), { new: ['10.0.1.0/24'] });
  assert.equal(releasedIn(at(SINCE, 200.5, 300).children), { '10.0.0.0/24': SINCE });
  assert.is(at(SINCE, 250.5, 300, []).resyncAfterSeconds, 50);
  assert.equal(releasedIn(at(SINCE, 300, 300).children), {});
  const ahead = at('2126-01-01T00:00:00Z', 0, 300, []);
  assert.equal(releasedIn(ahead.children), { '10.0.0.0/24': SINCE });
  assert.is(ahead.resyncAfterSeconds, 60);
});

test('what is released stays so, even if its node is back: that gets other blocks', () => {
  const parent = network('default', { reuseGracePeriodSeconds: 300 });
  const clusterCIDRs = [clusterCIDR('a', { ipv4: '10.0.0.0/16' })];
  const allocations = [allocation('n', '10.0.0.0/24', { released: SINCE })];
  const { children } = answer({ parent, clusterCIDRs, claims: [claim('n')], allocations });
  assert.equal(blocksByNode(children), { n: ['10.0.1.0/24'] });
  const bound = answer({
    parent,
    clusterCIDRs,
    claims: [claim('n', { podCIDRs: ['10.0.0.0/24'] }), claim('other')],
    allocations,
  });
  assert.equal(blocksByNode(bound.children), { other: ['10.0.1.0/24'] });
  assert.equal((bound.status as PodNetworkStatus).nodes, { total: 2, allocated: 2, pending: 0 });
});

test('a node recreated under its name is another node', () => {
  const clusterCIDRs = [clusterCIDR('a', { ipv4: '10.0.0.0/16' })];
  const allocations = [allocation('n', '10.0.0.0/24')];
  const { children } = answer({ clusterCIDRs, claims: [claim('n', { nodeUID: 'new' })], allocations });
  assert.equal(blocksByNode(children), { n: ['10.0.1.0/24'] });
});

test('an invalid PodNetwork keeps what it has and gives out nothing', () => {
  const parent = network('default', { serviceCIDRs: ['10.0.0.0'] });
  const clusterCIDRs = [clusterCIDR('a', { ipv4: '10.0.0.0/16' })];
  const parts = {
    parent,
    clusterCIDRs,
    claims: [claim('old'), claim('new'), claim('bound', { podCIDRs: ['10.0.9.0/24'] })],
    allocations: [allocation('old', '10.0.0.0/24'), allocation('gone', '10.0.1.0/24')],
  };
  assert.equal(blocks(parts), { old: ['10.0.0.0/24'], gone: ['10.0.1.0/24'] });
  assert.equal(status(parts).nodes, { total: 3, allocated: 2, pending: 1 });
  assert.is(ready(parts).reason, 'InvalidSpec');
  assert.is(ready(parts).message, 'spec.serviceCIDRs[0]: Invalid value: "10.0.0.0": must be a CIDR');
});

test('what cannot be read stops only itself', () => {
  const good = clusterCIDR('good', { ipv4: '10.0.0.0/16' });
  const hostile = {
    clusterCIDRs: [
      good,
      { ...good, metadata: { name: 'no-spec' }, spec: undefined },
      { ...good, metadata: { name: 'wrong' }, spec: { perNodeHostBits: {}, ipv4: [], nodeSelector: 7 } },
    ],
    claims: [
      claim('good'),
      { ...claim('no-spec'), spec: undefined },
      { ...claim('wrong'), spec: { nodeUID: 7, nodeLabels: [], podCIDRs: '10.0.0.0/24' } },
      claim('no-label', { nodeUID: 'not a label value', podCIDRs: ['10.0.5.0/24'] }),
      { ...claim('no-uid'), spec: { podCIDRs: ['10.0.0.0/24'] } },
      claim('odd', { podCIDRs: ['10.0.1.0/24', 'x', 7 as never] }),
      claim('no-labels', { nodeLabels: null as never, podCIDRs: null as never }),
    ],
    allocations: [allocation('no-labels', '10.0.2.0/24', { from: 'good' })],
    slices: [
      slice('default.odd', 'default', {}),
      slice('default.odder', 'default', { entries: { x: {} } } as never),
    ],
  } as unknown as Parts;
  const { children } = answer(hostile);
  assert.equal(blocksByNode(children), { good: ['10.0.3.0/24'], 'no-labels': ['10.0.2.0/24'] });
});

test('a null where a selector may have a list is none, and a null requirement is invalid', () => {
  const terms = (matchExpressions: unknown) =>
    ({ nodeSelectorTerms: [{ matchExpressions, matchFields: [NAMED] }] }) as never;
  const NAMED = { key: 'metadata.name', operator: 'In', values: ['n'] };
  const claims = [claim('n')];
  const given = (nodeSelector: never) =>
    ready({ claims, clusterCIDRs: [clusterCIDR('a', { ipv4: '10.0.0.0/16', nodeSelector })] });
  assert.is(given(terms(null)).message, '');
  assert.match(
    given(terms([null])).message,
    'matchExpressions[0]: Invalid value: null: must be a requirement',
  );
  assert.match(given({ nodeSelectorTerms: null } as never).message, 'needs at least one term');
});

const IPV6_FIRST = ['fd00::/120', '10.244.0.0/24'];
const both = clusterCIDR('both', { ipv4: '10.244.0.0/16', ipv6: 'fd00::/112' });

test('A node with IPv6 first keeps its order, and its ClusterCIDR counts it', () => {
  const claims = [claim('old', { podCIDRs: IPV6_FIRST }), claim('new')];
  const { children } = answer({ clusterCIDRs: [both], claims });
  assert.equal(blocksByNode(children), {
    old: ['10.244.0.0/24', 'fd00::/120'],
    new: ['10.244.1.0/24', 'fd00::100/120'],
  });
  for (const { entry } of listed(children)) {
    if (entry.name === 'old') assert.equal(entry.blocks, IPV6_FIRST);
  }
  const { nodes, ipv4 } = answerFor(children, 'uid-both')!;
  assert.equal([nodes, ipv4], [2, { total: 256, used: 2, free: 254 }]);
  const again = answer({ clusterCIDRs: [both], claims, slices: stored(children) });
  assert.equal(again.children, children);
});

test('the order in which a node has its blocks goes over that in which they were decided', () => {
  const claims = [claim('n', { podCIDRs: IPV6_FIRST })];
  const allocations = IPV6_FIRST.map((cidr) => allocation('n', cidr, { blocks: IPV6_FIRST.toReversed() }));
  const { children } = answer({ clusterCIDRs: [both], claims, allocations });
  assert.equal(
    listed(children).map(({ entry }) => [entry.blocks, entry.released]),
    IPV6_FIRST.map(() => [IPV6_FIRST, undefined]),
  );
});

test('podCIDRs that were written sloppily are those that Kubernetes reads', () => {
  const podCIDRs = ['010.0.0.0/24', '10.00.01.0/024', '::ffff:10.0.2.0/120', '10.0.3.77/24'];
  const claims = [...podCIDRs.map((cidr, index) => claim(`n${index}`, { podCIDRs: [cidr] })), claim('new')];
  assert.equal(blocks({ clusterCIDRs: [clusterCIDR('x', { ipv4: '10.0.0.0/21' })], claims }), {
    n0: ['10.0.0.0/24'],
    n1: ['10.0.1.0/24'],
    n2: ['10.0.2.0/24'],
    n3: ['10.0.3.0/24'],
    new: ['10.0.4.0/24'],
  });
});

test('a node waits until it is known which of the labels it has', () => {
  const clusterCIDRs = [
    clusterCIDR('cpu', { ipv4: '10.0.0.0/16' }),
    clusterCIDR('gpu', { ipv4: '10.1.0.0/16', nodeSelector: selecting('gpu=yes') }),
  ];
  const parts = {
    clusterCIDRs,
    claims: [claim('n', { labelKeys: { default: 'old' } }), claim('m')],
  };
  assert.equal(blocks(parts), { m: ['10.0.0.0/24'] });
  assert.is(ready(parts).message, '1 of 2 nodes without blocks: n (its labels are not known yet)');
});

test('the network publishes which labels it selects by, sorted and once', () => {
  const clusterCIDRs = ['zone=a,gpu=yes', 'zone=b'].map((text, index) =>
    clusterCIDR(`c${index}`, { ipv4: '10.0.0.0/16', nodeSelector: selecting(text) }),
  );
  const keys = (parts: Parts) =>
    (answer(parts).children as AllocationSlice[]).flatMap(({ spec }) =>
      spec.labelKeys ? [spec.labelKeys] : [],
    );
  assert.equal(keys({ clusterCIDRs }), [['gpu', 'zone']]);
  const many = Array.from({ length: 10 }, (_, index) =>
    clusterCIDR(`c${index}`, {
      ipv4: '10.0.0.0/16',
      nodeSelector: selecting(Array.from({ length: 30 }, (_, each) => `k${index}-${each}=x`).join()),
    }),
  );
  assert.equal(
    keys({ clusterCIDRs: many }).map(({ length }) => length),
    [256, 44],
  );
});

test('a ClusterCIDR hears what is used and free of it, and why it serves nobody', () => {
  const says = (ipv4: string, parts: Parts = {}, more: Partial<ClusterCIDRSpec> = {}) =>
    answerFor(answer({ clusterCIDRs: [clusterCIDR('x', { ipv4, ...more })], ...parts }).children, 'uid-x')!;
  assert.equal(says('10.0.0.0/22'), { reason: 'Ready', nodes: 0, ipv4: { total: 4, used: 0, free: 4 } });
  const services = network('default', { serviceCIDRs: ['10.0.0.0/23', '10.0.2.128/25'] });
  const full = says('10.0.0.0/22', { parent: services, claims: [claim('a'), claim('b')] });
  assert.equal(full, {
    reason: 'PoolExhausted',
    message: 'no IPv4 block is free: 3 of 4 are among services 10.0.0.0/23, 10.0.2.128/25',
    nodes: 1,
    ipv4: { total: 4, used: 1, free: 0 },
  });
  const foreign = says('10.0.0.0/23', { claims: [claim('n', { podCIDRs: ['10.0.0.128/25', 'fd00::/64'] })] });
  assert.equal([foreign.nodes, foreign.ipv4], [0, { total: 2, used: 1, free: 1 }]);
  assert.is(says('10.0.0.0/28').reason, 'InvalidSpec');
  assert.is(
    says('10.0.0.0/22', { parent: network('default', { serviceCIDRs: ['x'] }) }).reason,
    'NetworkNotReady',
  );
});

const LACKING: [
  what: string,
  network: Partial<PodNetwork['spec']>,
  spec: Partial<ClusterCIDRSpec>,
  reason: string,
][] = [
  [
    'all of it lies among services',
    { serviceCIDRs: ['10.0.0.0/8'] },
    { ipv4: '10.0.0.0/22' },
    'ClusterCIDR x has no free IPv4 block, all 4 are among services 10.0.0.0/8: ' +
      'add a ClusterCIDR outside of them, or mend serviceCIDRs',
  ],
  [
    'services leave no whole block',
    { serviceCIDRs: ['10.0.0.0/25', '10.0.1.7/32', '192.168.0.0/16'] },
    { ipv4: '10.0.0.0/23' },
    'ClusterCIDR x has no free IPv4 block, all 2 are among services 10.0.0.0/25, 10.0.1.7/32: ' +
      'add a ClusterCIDR outside of them, or mend serviceCIDRs',
  ],
  [
    'of one family',
    { serviceCIDRs: ['fd00::/64', '10.0.0.0/24'] },
    { ipv4: '10.0.0.0/16', ipv6: 'fd00::/112' },
    'ClusterCIDR x has no free IPv6 block, all 256 are among services fd00::/64: ' +
      'add a ClusterCIDR outside of them, or mend serviceCIDRs',
  ],
  [
    'services and reservations',
    { serviceCIDRs: ['10.0.0.0/24'], reservations: [{ node: 'other', blocks: ['10.0.1.0/24'] }] },
    { ipv4: '10.0.0.0/23' },
    'ClusterCIDR x has no free IPv4 block, 1 of 2 is among services 10.0.0.0/24, ' +
      '1 of 2 is kept for other nodes: add another ClusterCIDR',
  ],
];
for (const [what, spec, more, reason] of LACKING) {
  test(`a node hears why there is no block for it: ${what}`, () => {
    const parts = {
      parent: network('default', spec),
      clusterCIDRs: [clusterCIDR('x', more)],
      claims: [claim('n')],
    };
    const { children } = answer(parts);
    assert.equal(blocksByNode(children), {});
    assert.is(ready(parts).message, `1 of 1 node without blocks: n (${reason})`);
    const said = answerFor(children, 'uid-x')!;
    const [family, what] = [/IPv./.exec(reason)![0], /block, (.*):/.exec(reason)![1]];
    assert.is(said.message, `no ${family} block is free: ${what}`);
  });
}

test('of several ClusterCIDRs each says why it has no block', () => {
  const parts = {
    parent: network('default', { serviceCIDRs: ['10.9.0.0/16'] }),
    clusterCIDRs: ['10.0.0.0/24', '10.1.0.0/24', '10.9.0.0/23'].map((ipv4, index) =>
      clusterCIDR(`c${index}`, { ipv4 }),
    ),
    claims: ['a', 'b', 'c'].map((name) => claim(name)),
  };
  assert.is(
    ready(parts).message,
    '1 of 3 nodes without blocks: c (ClusterCIDRs c0, c1 are full; ClusterCIDR c2 has no free IPv4 block, ' +
      'all 2 are among services 10.9.0.0/16: add a ClusterCIDR outside of them, or mend serviceCIDRs)',
  );
});

test('blocks of other sizes that overlap count in every ClusterCIDR that they touch', () => {
  const clusterCIDRs = [
    clusterCIDR('small', { ipv4: '10.0.0.0/24', perNodeHostBits: 4, nodeSelector: selecting('size=small') }),
    clusterCIDR('large', { ipv4: '10.0.0.0/22' }),
  ];
  const { children } = answer({
    clusterCIDRs,
    claims: [claim('a', { nodeLabels: { size: 'small' } }), claim('b')],
  });
  assert.equal(answerFor(children, 'uid-small')!.ipv4, { total: 16, used: 1, free: 15 });
  assert.equal(answerFor(children, 'uid-large')!.ipv4, { total: 4, used: 2, free: 2 });
});

test('counts are exact up to the largest int64, and stay there', () => {
  const counts = (ipv6: string) => {
    const claims = [claim('n', { podCIDRs: ['fd00::/120'] })];
    const { children } = answer({ clusterCIDRs: [clusterCIDR('x', { ipv6 })], claims });
    return JSON.stringify(answerFor(children, 'uid-x')!.ipv6);
  };
  assert.is(counts('fd00::/59'), '{"total":2305843009213693952,"used":1,"free":2305843009213693951}');
  assert.is(counts('fd00::/8'), '{"total":9223372036854775807,"used":1,"free":9223372036854775807}');
});

test('nodes that are gone are not counted, though their blocks are held', () => {
  const parent = network('default', { reuseGracePeriodSeconds: 300 });
  const allocations = [allocation('gone', '10.0.0.0/24', { from: 'x' })];
  const { children } = answer({
    parent,
    clusterCIDRs: [clusterCIDR('x', { ipv4: '10.0.0.0/22' })],
    allocations,
  });
  const { nodes, ipv4 } = answerFor(children, 'uid-x')!;
  assert.equal([nodes, ipv4], [0, { total: 4, used: 1, free: 3 }]);
});

test('a node whose podCIDRs lie among the addresses of services is named', () => {
  const parts = {
    parent: network('default', { serviceCIDRs: ['10.0.0.0/23'] }),
    clusterCIDRs: [clusterCIDR('x', { ipv4: '10.0.0.0/22' })],
    claims: [claim('n1', { podCIDRs: ['10.0.0.0/24'] }), claim('n2')],
  };
  const said = (status?: object | null) =>
    (status as PodNetworkStatus).conditions!.find(({ type }) => type === 'AmongServices');
  const response = answer(parts);
  const { lastTransitionTime: _, ...condition } = said(response.status)!;
  assert.equal(condition, {
    type: 'AmongServices',
    status: 'True',
    reason: 'NodesAmongServices',
    message: '1 node with addresses of services: n1',
  });
  const mended = { ...network('default', { serviceCIDRs: ['10.96.0.0/12'] }), status: response.status };
  const later = answer({ ...parts, parent: mended as ReturnType<typeof network> });
  assert.is(said(later.status)?.reason, 'NodesApart');
  assert.is(said(answer({ ...parts, parent: network() }).status), undefined);
});

test('a network may be IPv6-first, for nodes to come', () => {
  const parts = {
    parent: network('default', { primaryIPFamily: 'IPv6' }),
    clusterCIDRs: [sized('64')],
    claims: [claim('node0', { podCIDRs: ['10.244.0.0/24', 'fd00:244::/64'] }), claim('node1')],
    allocations: ['10.244.0.0/24', 'fd00:244::/64'].map((cidr) =>
      allocation('node0', cidr, { blocks: ['10.244.0.0/24', 'fd00:244::/64'] }),
    ),
  };
  const { children } = answer(parts);
  const ordered = Object.fromEntries(listed(children).map(({ entry }) => [entry.name, entry.blocks]));
  assert.equal(ordered, {
    node0: ['10.244.0.0/24', 'fd00:244::/64'],
    node1: ['fd00:244:0:1::/64', '10.244.1.0/24'],
  });
  assert.is(differing(parts)?.message, '1 node with other families than new ones: node0 (has IPv4 first)');
});

/** What a network of these ClusterCIDRs says of nodes with these podCIDRs. */
const DIFFERENCES: [title: string, cidrs: Partial<ClusterCIDRSpec>[], podCIDRs: string[], said?: string][] = [
  ['before dual-stack', [KCM], ['10.244.0.0/24'], 'lacks IPv6'],
  ['before IPv4', [KCM], ['fd00:244::/64'], 'lacks IPv4'],
  ['back from dual-stack', [{ ipv4: '10.244.0.0/16' }], ['10.244.0.0/24', 'fd00::/64'], 'has IPv6 besides'],
  ['another family', [{ ipv6: 'fd00:244::/48' }], ['10.244.0.0/24'], 'lacks IPv6'],
  ['as new ones', [KCM], ['10.244.0.0/24', 'fd00:244::/120']],
  ['as those that its labels are for', [KCM, { ipv4: '10.9.0.0/16', ...S0 }], ['10.9.0.0/24']],
  ['that nothing selects', [{ ...KCM, ...S0, nodeSelector: selecting('a=b') }], ['10.244.0.0/24']],
  ['unreadable', [KCM], ['x']],
];
for (const [title, cidrs, podCIDRs, said] of DIFFERENCES) {
  test(`families of a node: ${title}`, () => {
    const clusterCIDRs = cidrs.map((spec, index) => clusterCIDR(`c${index}`, spec));
    const parts = { clusterCIDRs, claims: [withPodCIDRs(...podCIDRs)] };
    const message = said && `1 node with other families than new ones: node0 (${said})`;
    assert.is(differing(parts)?.message, message);
    const { conditions } = status(parts);
    const later = { ...parts, parent: { ...network(), status: { conditions: conditions! } }, claims: [] };
    assert.is(differing(later)?.reason, said && 'NodesAlike');
  });
}

test('a ClusterCIDR that is being deleted, as the one of before, is no measure of families', () => {
  const clusterCIDRs = [clusterCIDR('old', { ipv4: '10.244.0.0/16' }, DELETED), clusterCIDR('new', KCM)];
  assert.match(
    differing({ clusterCIDRs, claims: [withPodCIDRs('10.244.0.0/24')] })?.message ?? '',
    /lacks IPv6/,
  );
});

test('families in annotations count for the nodes of the network', () => {
  const shown = (name: string) =>
    claim(name, { nodeAnnotations: { 'kube-node.nordix.org/net1': '10.244.0.0/24' } });
  const parts = {
    parent: network('net1'),
    clusterCIDRs: [clusterCIDR('a', KCM)],
    claims: [shown('in'), shown('out')],
    allocations: [allocation('in', '10.244.0.0/24', { network: 'net1' })],
  };
  assert.is(differing(parts)?.message, '1 node with other families than new ones: in (lacks IPv6)');
});

const GRACE = network('default', { reuseGracePeriodSeconds: 600 });
const RELEASED = '2026-06-01T11:59:00Z';
const REGISTERED = claim('node3', { nodeUID: 'uid-again' });
const V4ALL = clusterCIDR('a', { ipv4: '10.0.0.0/16' });
/** The slices and the parent of the next sync. */
const next = (parts: Parts): Parts => ({ ...parts, allocations: [], slices: stored(answer(parts).children) });
const waitsFor = (children: ReturnType<typeof answer>['children']) =>
  answerFor(children, 'uid-again')?.blocks;

test('a node that registers again within the grace period gets its blocks back, before others and from nobody', () => {
  let parts: Parts = {
    parent: GRACE,
    clusterCIDRs: [V4ALL],
    claims: [claim('older'), REGISTERED],
    allocations: [allocation('node3', '10.0.3.0/24', { released: RELEASED })],
  };
  const first = answer(parts);
  assert.equal(waitsFor(first.children), ['10.0.3.0/24']);
  assert.equal(releasedIn(first.children), { '10.0.3.0/24': RELEASED });
  assert.match(
    (first.status as PodNetworkStatus).conditions![0]!.message,
    /node3 \(10\.0\.3\.0\/24, of the node before of its name, is on its way back\)/,
  );
  parts = next(parts);
  const second = answer(parts);
  assert.equal(waitsFor(second.children), ['10.0.3.0/24']);
  assert.equal(
    listed(second.children).map(({ key }) => key),
    ['10.0.0.0/24'],
  );
  // Nobody else gets it meanwhile.
  const many = Array.from({ length: 5 }, (_, index) => claim(`n${index}`));
  const between = { ...next(parts), claims: [claim('older'), ...many] };
  assert.not(Object.values(blocks(between)).flat().includes('10.0.3.0/24'));
  assert.equal(waitsFor(answer(between).children), ['10.0.3.0/24']);
  parts = next(parts);
  const third = answer(parts);
  assert.equal(blocksByNode(third.children), { older: ['10.0.0.0/24'], node3: ['10.0.3.0/24'] });
  assert.is(listed(third.children).find(({ key }) => key === '10.0.3.0/24')?.entry.uid, 'uid-again');
  assert.is(answerFor(answer(next(parts)).children, 'uid-again'), undefined);
});

test('both blocks come back, in their order', () => {
  const both = ['10.244.7.0/24', 'fd00:244:0:9::/64'];
  let parts: Parts = {
    parent: GRACE,
    clusterCIDRs: [sized('64')],
    claims: [REGISTERED],
    allocations: both.map((cidr) => allocation('node3', cidr, { blocks: both, released: RELEASED })),
  };
  parts = next(next(parts));
  assert.equal(
    listed(answer(parts).children).map(({ entry }) => entry.blocks),
    [both, both],
  );
});

const NOT_BACK: [title: string, parts: Parts][] = [
  ['without a grace period', { parent: network() }],
  [
    'when it is over',
    { allocations: [allocation('node3', '10.0.3.0/24', { released: '2026-05-01T00:00:00Z' })] },
  ],
  [
    'of a ClusterCIDR that would not serve it',
    { clusterCIDRs: [V4ALL, clusterCIDR('b', { ipv4: '10.9.0.0/24' })] },
  ],
  ['of another size', { allocations: [allocation('node3', '10.0.3.0/25', { released: RELEASED })] }],
  [
    'of one family, now that there are two',
    { clusterCIDRs: [clusterCIDR('a', { ipv4: '10.0.0.0/16', ipv6: 'fd00::/112' })] },
  ],
];
for (const [title, changes] of NOT_BACK) {
  test(`blocks do not come back: ${title}`, () => {
    const { children } = answer({
      parent: GRACE,
      clusterCIDRs: [V4ALL],
      claims: [REGISTERED],
      allocations: [allocation('node3', '10.0.3.0/24', { released: RELEASED })],
      ...changes,
    });
    assert.not(blocksByNode(children).node3?.includes('10.0.3.0/24'));
    assert.ok(blocksByNode(children).node3);
    assert.is(answerFor(children, 'uid-again'), undefined);
  });
}

test('a node waits while it is not known whether the one before of its name is gone', () => {
  const parts: Parts = {
    parent: GRACE,
    clusterCIDRs: [V4ALL],
    claims: [REGISTERED],
    allocations: [allocation('node3', '10.0.3.0/24', { since: '2026-06-01T11:59:50Z' })],
  };
  assert.equal(blocks(parts), { node3: ['10.0.3.0/24'] });
  assert.is(listed(answer(parts).children)[0]!.entry.uid, 'uid-node3');
  const later = { ...context, now: NOW + 60_000 };
  assert.equal(Object.keys(releasedIn(answer(parts, later).children)), ['10.0.3.0/24']);
});

test('reserved blocks are for their node, whatever selects it, and for nobody else', () => {
  const parent = network('default', {
    reservations: [
      { node: 'node3', blocks: ['10.0.0.0/24'] },
      { node: 'node3', blocks: ['10.0.9.0/24'] },
      { node: 'gone', blocks: ['10.0.1.0/25'] },
      { node: 'outside', blocks: ['10.9.0.0/24'] },
    ],
  });
  const clusterCIDRs = [
    clusterCIDR('a', { ipv4: '10.0.0.0/22', nodeSelector: selecting('a=b') }),
    clusterCIDR('b', { ipv4: '10.5.0.0/24' }),
  ];
  const of = (name: string) => claim(name, { nodeLabels: { a: 'b' } });
  const parts = { parent, clusterCIDRs, claims: [of('other'), claim('node3'), claim('outside')] };
  assert.equal(blocks(parts), { other: ['10.0.2.0/24'], node3: ['10.0.0.0/24'] });
  assert.match(ready(parts).message, /outside \(no ClusterCIDR has its reserved 10\.9\.0\.0\/24\)/);
  assert.equal(answerFor(answer(parts).children, 'uid-a')?.ipv4, { total: 4, used: 2, free: 1 });
});

test('a reserved block that another has is waited for, and a node that has others keeps them', () => {
  const parts: Parts = {
    parent: network('default', { reservations: [{ node: 'node0', blocks: ['10.0.0.0/24'] }] }),
    clusterCIDRs: [V4ALL],
    claims: [claim('other', { podCIDRs: ['10.0.0.0/24'] }), claim('node0')],
  };
  assert.match(ready(parts).message, /node0 \(its reserved 10\.0\.0\.0\/24 is in use\)/);
  const had = [allocation('node0', '10.0.5.0/24')];
  assert.equal(blocks({ ...parts, allocations: had }).node0, ['10.0.5.0/24']);
});

test('a reserved block comes back to its node within the grace period too', () => {
  let parts: Parts = {
    parent: network('default', {
      reuseGracePeriodSeconds: 600,
      reservations: [{ node: 'node3', blocks: ['10.0.3.0/24'] }],
    }),
    clusterCIDRs: [V4ALL],
    claims: [REGISTERED],
    allocations: [allocation('node3', '10.0.3.0/24', { released: RELEASED })],
  };
  parts = next(next(parts));
  assert.is(listed(answer(parts).children)[0]?.entry.uid, 'uid-again');
});

test('blocks of the node before do not come back where they are reserved for another by now', () => {
  const { children } = answer({
    parent: network('default', {
      reuseGracePeriodSeconds: 600,
      reservations: [{ node: 'other', blocks: ['10.0.3.0/24'] }],
    }),
    clusterCIDRs: [V4ALL],
    claims: [REGISTERED],
    allocations: [allocation('node3', '10.0.3.0/24', { released: RELEASED })],
  });
  assert.is(waitsFor(children), undefined);
  assert.equal(
    listed(children)
      .filter(({ entry }) => entry.uid === 'uid-again')
      .map(({ key }) => key),
    ['10.0.0.0/24'],
  );
});

test('a reserved block in the piece of a missing slice is waited for', () => {
  const parent = {
    ...network('default', { reservations: [{ node: 'new', blocks: ['10.0.3.0/24'] }] }),
    status: { slices: ['default.10.0.0.0-19.24'] },
  };
  const parts: Parts = { parent, clusterCIDRs: [A], claims: [claim('new')] };
  assert.equal(blocks(parts), {});
  assert.match(ready(parts).message, /new \(10\.0\.3\.0\/24 is in a slice that is missing or going away\)/);
});

/** Reserved for `new`, one of each family. */
const BOTH = ['10.0.3.0/24', 'fd00::100/120'];
const bothReserved = (...claims: ReturnType<typeof claim>[]): Parts => ({
  parent: network('default', { reservations: [{ node: 'new', blocks: BOTH }] }),
  clusterCIDRs: [wide],
  claims: [...claims, claim('new')],
});

test('reserved blocks of both families are given together, or waited for while one is not to be had', () => {
  assert.equal(blocks(bothReserved()), { new: BOTH });
  const inUse = bothReserved(claim('other', { podCIDRs: ['fd00::100/120'] }));
  assert.equal(blocks(inUse).new, undefined);
  assert.match(ready(inUse).message, /new \(its reserved 10\.0\.3\.0\/24, fd00::100\/120 is in use\)/);
  const { parent, ...parts } = bothReserved();
  const missing = { ...parts, parent: { ...parent!, status: { slices: ['default.10.0.0.0-19.24'] } } };
  assert.equal(blocks(missing), {});
  assert.match(
    ready(missing).message,
    /new \(10\.0\.3\.0\/24, fd00::100\/120 is in a slice that is missing or going away\)/,
  );
});

test('podCIDRs of which one is what another node has are accounted for by no ClusterCIDR', () => {
  const parts: Parts = {
    clusterCIDRs: [wide],
    claims: [
      claim('first', { podCIDRs: ['10.0.0.0/24', 'fd00::/120'] }),
      claim('second', { podCIDRs: ['10.0.1.0/24', 'fd00::/120'] }),
    ],
  };
  assert.equal(blocks(parts), { first: ['10.0.0.0/24', 'fd00::/120'] });
  assert.match(ready(parts).message, /second .*overlap another node's/);
});

function differing(parts: Parts) {
  return status(parts).conditions!.find(({ type }) => type === 'FamiliesDiffer');
}

const WATCHING = { ...context, config: { ...context.config, watchServiceCIDRs: true } };
const serviceCIDR = (name: string, ...cidrs: unknown[]) => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'ServiceCIDR',
  metadata: { name },
  spec: { cidrs },
});
const withServices = (parts: Parts, ...objects: ReturnType<typeof serviceCIDR>[]) => {
  const { related, ...others } = request(parts);
  const group = Object.fromEntries(objects.map((object) => [object.metadata.name, object]));
  return { ...others, related: { ...related, 'ServiceCIDR.networking.k8s.io/v1': group } };
};

test('ServiceCIDRs count beside the list, for the network of podCIDRs, where they are looked at', () => {
  const parts = {
    parent: network('default', { serviceCIDRs: ['10.0.0.0/24'] }),
    clusterCIDRs: [clusterCIDR('x', { ipv4: '10.0.0.0/21' })],
    claims: [claim('among', { podCIDRs: ['10.0.5.0/24'] }), claim('new')],
  };
  const services = [
    serviceCIDR('kubernetes', '10.0.1.0/24', 'fd00::/112', 7, 'x'),
    serviceCIDR('more', '10.0.5.0/25'),
  ];
  const { children, status: said } = sync(withServices(parts, ...services), WATCHING);
  assert.equal(blocksByNode(children), { among: ['10.0.5.0/24'], new: ['10.0.2.0/24'] });
  const condition = (said as PodNetworkStatus).conditions!.find(({ type }) => type === 'AmongServices');
  assert.is(condition?.message, '1 node with addresses of services: among');
  assert.equal(blocks(parts).new, ['10.0.1.0/24']);
});

test('ServiceCIDRs are asked for where they are looked at, and of default alone', () => {
  const rules = (name: string, at: typeof WATCHING) =>
    customize(
      { controller: {}, parent: network(name) } as Parameters<typeof customize>[0],
      at,
    ).relatedResources.filter(({ resource }) => resource === 'servicecidrs');
  assert.equal(rules('default', WATCHING), [
    { apiVersion: 'networking.k8s.io/v1', resource: 'servicecidrs' },
  ]);
  assert.equal(rules('default', context as typeof WATCHING), []);
  assert.equal(rules('net1', WATCHING), []);
});

const A = clusterCIDR('a', { ipv4: '10.0.0.0/16' });
const LISTED = ['default.10.0.0.0-19.24'];

test('nothing is given out of the piece of a slice that is missing, and the network says so', () => {
  const parent = { ...network(), status: { slices: LISTED } };
  const claims = [claim('bound', { podCIDRs: ['10.0.7.0/24'] }), claim('new')];
  const response = answer({ parent, clusterCIDRs: [A], claims });
  assert.equal(blocksByNode(response.children), { new: ['10.0.32.0/24'] });
  const { slices, conditions, nodes } = response.status as PodNetworkStatus;
  assert.equal(slices, LISTED);
  assert.equal(nodes, { total: 2, allocated: 2, pending: 0 });
  const missing = conditions!.find(({ type }) => type === 'SlicesMissing')!;
  assert.is(missing.status, 'True');
  assert.match(missing.message, LISTED[0]!);
  assert.equal(answerFor(response.children, 'uid-a')!.ipv4, { total: 256, used: 2, free: 223 });
  const [bound] = claims;
  assert.is(answer({ parent, clusterCIDRs: [A], claims: [bound!] }).resyncAfterSeconds, 30);
});

test('a slice that is there again lists what its nodes have', () => {
  const parent = { ...network(), status: { slices: LISTED } };
  const empty = slice(LISTED[0]!, 'default', { cidr: '10.0.0.0/19', blockLength: 24, entries: {} });
  const claims = [claim('bound', { podCIDRs: ['10.0.7.0/24'] }), claim('new')];
  assert.equal(blocks({ parent, clusterCIDRs: [A], claims, slices: [empty] }), {
    bound: ['10.0.7.0/24'],
    new: ['10.0.0.0/24'],
  });
});

test('a decision of which a part is in a missing slice waits for it', () => {
  const parent = { ...network(), status: { slices: LISTED } };
  const parts = { parent, clusterCIDRs: [wide], claims: [claim('n')], allocations: [older('fd00::/120')] };
  assert.equal(blocks(parts), { n: ['fd00::/120'] });
  assert.is(
    ready(parts).message,
    '1 of 1 node without blocks: n (10.0.0.0/24,fd00::/120 is in a slice that is missing or going away)',
  );
});

test('slices that are going away, or that an earlier network left, keep their pieces', () => {
  const claims = [claim('new')];
  const ending = [
    ...slicesOf([allocation('x', '10.0.9.0/24')], { deletionTimestamp: SINCE }),
    slice('default.10.0.32.0-19.24', 'default', {
      cidr: '10.0.32.0/19',
      blockLength: 24,
      entries: {},
      closed: true,
    }),
  ];
  const leftovers = [
    slice('default.10.0.64.0-19.24', 'default', { cidr: '10.0.64.0/19', blockLength: 24, entries: {} }),
  ];
  const { new: given } = blocks({ clusterCIDRs: [A], claims, slices: ending, leftovers });
  assert.equal(given, ['10.0.96.0/24']);
});

test('nobody looks again and again at a slice that is going away and stays', () => {
  const lists = [allocation('gone', '10.0.9.0/24')];
  const parent = network('default', { reuseGracePeriodSeconds: 5 });
  const behind = { parent, clusterCIDRs: [A], claims: [claim('new')] };
  const again = (meta: object) => answer({ ...behind, slices: slicesOf(lists, meta) }).resyncAfterSeconds;
  assert.is(again({}), 5);
  assert.is(again({ deletionTimestamp: SINCE }), 10, 'because it gives out something');
});

test('a slice that says that it is of another network stays as it says: the API server would refuse the change', () => {
  const poolRef = { apiGroup: 'metaipam.io', kind: 'PodNetwork', name: 'default', uid: 'uid-earlier' };
  const theirs = (name: string, spec: object) => {
    const own = slice(name, 'default', {});
    return { ...own, spec: { poolRef, ...spec } } as AllocationSlice;
  };
  const slices = [
    theirs('default.label-keys-0.network', { labelKeys: [] }),
    theirs('default.answers-0.network', { answers: { 'uid-A': { reason: 'Ready' } } }),
  ];
  const { children } = answer({ clusterCIDRs: [A], slices });
  assert.equal(
    (children as AllocationSlice[]).map(({ metadata, spec }) => `${metadata.name} ${spec.poolRef.uid}`),
    ['default.answers-0.network uid-earlier', 'default.label-keys-0.network uid-earlier'],
  );
});

test('a network with a closed slice looks again: no sync follows when its list no longer has it', () => {
  const spec = { cidr: '10.0.0.0/19', blockLength: 24, entries: {}, closed: true as const };
  const closed = slice('default.10.0.0.0-19.24', 'default', spec);
  const parent = { ...network(), status: { slices: ['default.10.0.0.0-19.24'] } };
  assert.is(answer({ parent, slices: [closed] }).resyncAfterSeconds, 1);
  assert.is(answer({ parent: network() }).resyncAfterSeconds, 60);
});

const storage = network('storage');
const KEY = 'kube-node.nordix.org/storage';
const STORAGE = { 'metaipam.io/node-annotation': KEY };
const bellsIn = (children: ReturnType<typeof answer>['children']) =>
  children.flatMap(({ metadata, spec }) =>
    (spec as AllocationSlice['spec']).entries === undefined
      ? []
      : Object.keys(metadata.labels ?? {}).filter((key) => key.startsWith('claim.metaipam.io/')),
  );
const shows = (name: string, value: string) => claim(name, { nodeAnnotations: { [KEY]: value } });

test('a network for annotations ignores podCIDRs and tells the nodes where to show its blocks', () => {
  const claims = [claim('n', { podCIDRs: ['10.0.7.0/24'] })];
  const { children } = answer({ parent: storage, clusterCIDRs: [A], claims });
  assert.equal(blocksByNode(children), { n: ['10.0.0.0/24'] });
  for (const { metadata } of children) assert.equal(metadata.annotations, STORAGE);
  const renamed = answer({
    parent: network('storage', { annotation: 'example.com/ranges' }),
    clusterCIDRs: [A],
    claims,
    slices: stored(children),
  });
  for (const { metadata } of renamed.children) {
    assert.equal(metadata.annotations, { 'metaipam.io/node-annotation': 'example.com/ranges' });
  }
});

test('what the network says of its blocks is on its slices, and a change rings for every node', () => {
  const parent = (fields: object) => network('storage', fields);
  const allocations = [allocation('n', '10.0.0.0/24', { network: 'storage' })];
  const claims = [shows('n', '{"ranges":["10.0.0.0/24"],"routes":[{"dst":"0.0.0.0/0"}]}')];
  const of = (fields: object) =>
    answer({ parent: parent(fields), clusterCIDRs: [A], claims, allocations }).children;
  const routed = of({ routes: [{ dst: '0.0.0.0/0' }] });
  assert.equal(bellsIn(routed), []);
  for (const { metadata } of routed) {
    const settings = '{"routes":[{"dst":"0.0.0.0/0"}]}';
    assert.equal(metadata.annotations, { ...STORAGE, 'metaipam.io/range-settings': settings });
  }
  for (const fields of [{}, { routes: [{ dst: '0.0.0.0/0', gw: '10.0.0.7' }] }, { gatewayIndex: 7 }]) {
    assert.equal(bellsIn(of(fields)), ['claim.metaipam.io/uid-n']);
  }
  const invalid = of({ routes: [{ dst: '0.0.0.0' }] });
  assert.equal(bellsIn(invalid), []);
});

const FULL_NODE = { additionalBlocks: [{ node: 'n', count: 1 }] };
const wanting = network('storage', FULL_NODE);
const listsOf = (children: ReturnType<typeof answer>['children']) =>
  Object.fromEntries(listed(children).map(({ key, entry }) => [key, entry.blocks]));

test('a node that has run out gets another block, beside its first and for good', () => {
  let parts: Parts = {
    parent: wanting,
    clusterCIDRs: [A],
    claims: [shows('n', '10.0.0.0/24'), claim('new')],
    allocations: [allocation('n', '10.0.0.0/24', { network: 'storage' })],
  };
  const both = ['10.0.0.0/24', '10.0.2.0/24'];
  const { children } = answer(parts);
  assert.equal(blocksByNode(children), { n: both, new: ['10.0.1.0/24'] }, 'new nodes come first');
  assert.equal(listsOf(children), {
    '10.0.0.0/24': both,
    '10.0.1.0/24': ['10.0.1.0/24'],
    '10.0.2.0/24': both,
  });
  assert.equal(bellsIn(children), [], 'what is not listed yet may become another’s');
  assert.equal(bellsIn(answer(next(parts)).children).sort(), [
    'claim.metaipam.io/uid-n',
    'claim.metaipam.io/uid-new',
  ]);
  parts = { ...next(parts), claims: [shows('n', both.join()), shows('new', '10.0.1.0/24')] };
  for (const parent of [
    wanting,
    storage,
    network('storage', { additionalBlocks: [{ node: 'new', count: 1 }] }),
  ]) {
    const later = answer({ ...parts, parent });
    assert.equal(blocksByNode(later.children).n, both);
    assert.equal(releasedIn(later.children), {});
  }
  assert.equal(releasedIn(answer({ ...parts, claims: [shows('new', '10.0.1.0/24')] }).children), {
    '10.0.0.0/24': '2026-06-01T12:00:00Z',
    '10.0.2.0/24': '2026-06-01T12:00:00Z',
  });
});

test('a node gets its additional blocks of both families, of any ClusterCIDR that has both', () => {
  const first = clusterCIDR('a', { ipv4: '10.0.0.0/24', ipv6: 'fd00::/120' });
  const others = [
    clusterCIDR('b', { ipv4: '10.1.0.0/24' }),
    clusterCIDR('c', { ipv4: '10.2.0.0/16', ipv6: 'fd02::/112' }),
  ];
  const given = ['10.0.0.0/24', 'fd00::/120'];
  const parts = {
    parent: network('storage', { primaryIPFamily: 'IPv6', additionalBlocks: [{ node: 'n', count: 2 }] }),
    clusterCIDRs: [first, ...others],
    claims: [shows('n', given.join())],
    allocations: given.map((cidr) => allocation('n', cidr, { network: 'storage', blocks: given })),
  };
  const { children } = answer(parts);
  const all = [...given, 'fd02::/120', '10.2.0.0/24', 'fd02::100/120', '10.2.1.0/24'];
  for (const { entry, key } of listed(children)) {
    assert.equal(entry.blocks, all);
    assert.is(entry.clusterCIDR, given.includes(key) ? 'a' : 'c');
  }
  assert.is(listed(children).length, 6);
});

test('a node counts for each ClusterCIDR that it has blocks of', () => {
  const parts = {
    parent: network('storage', { additionalBlocks: [{ node: 'n', count: 2 }] }),
    clusterCIDRs: [
      clusterCIDR('a', { ipv4: '10.0.0.0/24' }),
      clusterCIDR('b', { ipv4: '10.1.0.0/23' }),
      clusterCIDR('c', { ipv6: 'fd00::/120' }),
    ],
    claims: [shows('n', '10.0.0.0/24')],
    allocations: [allocation('n', '10.0.0.0/24', { network: 'storage' })],
  };
  const given = next(parts);
  const invalid = { ...given, parent: network('storage', { serviceCIDRs: ['x'] }) };
  for (const each of [parts, given, invalid]) {
    const { children } = answer(each);
    const nodes = ['a', 'b', 'c'].map((name) => answerFor(children, `uid-${name}`)?.nodes);
    assert.equal(nodes, [1, 1, 0]);
  }
});

test('a block that is listed again is of the ClusterCIDR that it is of, and nobody hears of it yet', () => {
  const [first, more] = ['10.0.0.0/24', '10.1.0.0/24'];
  const held = (key: string, clusterCIDR: string) =>
    allocation('n', key, {
      network: 'storage',
      blocks: [first!, more!],
      from: clusterCIDR,
      since: '2026-06-01T12:00:00Z',
    });
  for (const lost of [held(first!, 'a'), held(more!, 'b')]) {
    const parts = {
      parent: network('storage', { additionalBlocks: [{ node: 'n', count: 1 }] }),
      clusterCIDRs: [clusterCIDR('a', { ipv4: '10.0.0.0/24' }), clusterCIDR('b', { ipv4: '10.1.0.0/24' })],
      allocations: [held(first!, 'a'), held(more!, 'b')].filter(({ key }) => key !== lost.key),
    };
    // With the node in view, and before it is.
    for (const claims of [[claim('n')], []]) {
      const entries = listed(answer({ ...parts, claims }).children);
      assert.equal(
        entries.map(({ key, entry }) => [key, entry.clusterCIDR, entry.confirmed === true]),
        [
          [first, 'a', lost.key !== first],
          [more, 'b', lost.key !== more],
        ],
      );
    }
  }
});

test('where no block is free the network says who is short of one, and is ready', () => {
  const parts = {
    parent: wanting,
    clusterCIDRs: [clusterCIDR('a', { ipv4: '10.0.0.0/24' })],
    claims: [shows('n', '10.0.0.0/24')],
    allocations: [allocation('n', '10.0.0.0/24', { network: 'storage' })],
  };
  const { status, message } = ready(parts);
  assert.is(`${status} ${message}`, 'True 1 node without additional blocks: n (ClusterCIDR a is full)');
});

interface Excluding {
  readonly what: string;
  readonly network: Partial<PodNetwork['spec']>;
  readonly ipv4?: string;
  readonly annotations?: Record<string, string>;
  readonly given: string[];
  readonly free: number;
}
const WHOLE: Excluding[] = [
  { what: 'a whole block', network: { excludedAddresses: ['10.0.0.0/24'] }, given: ['10.0.1.0/24'], free: 2 },
  {
    what: 'all of a block that a pod could have',
    network: { excludedAddresses: ['10.0.0.2-10.0.0.254'] },
    given: ['10.0.1.0/24'],
    free: 2,
  },
  {
    what: 'all but one address',
    network: { excludedAddresses: ['10.0.0.3-10.0.0.255'] },
    given: ['10.0.0.0/24'],
    free: 3,
  },
  {
    what: 'what the places of each block leave over',
    network: {
      excludedAddresses: ['10.0.0.128/25', '10.0.2.0/24'],
      perNodeExclusions: [{ startIndex: 0, endIndex: 127 }],
    },
    given: ['10.0.1.0/24'],
    free: 1,
  },
  {
    what: 'every place of each block',
    network: { perNodeExclusions: [{ startIndex: 0, endIndex: -1 }] },
    given: [],
    free: 0,
  },
  { what: 'every block', network: { excludedAddresses: ['10.0.0.0/8'] }, given: [], free: 0 },
  {
    what: 'nothing, but the block has only what its subnet keeps and the gateway',
    network: {},
    ipv4: '10.0.0.0/28',
    annotations: { 'metaipam.io/per-node-block-size': '2' },
    given: ['10.0.0.2/31'],
    free: 6,
  },
];
for (const { what, network: spec, ipv4 = '10.0.0.0/22', annotations = {}, given, free } of WHOLE) {
  test(`a block without an address for pods is not given: excluded is ${what}`, () => {
    const labels = { 'metaipam.io/network': 'storage' };
    const perNodeHostBits = ipv4.endsWith('/28') ? 4 : 8;
    const parts = {
      parent: network('storage', spec),
      clusterCIDRs: [clusterCIDR('a', { ipv4, perNodeHostBits }, { labels, annotations })],
      claims: [claim('n')],
    };
    const { children } = answer(parts);
    assert.equal(blocksByNode(children), given.length === 0 ? {} : { n: given });
    const { reason, ipv4: counts } = answerFor(children, 'uid-a')!;
    assert.equal([reason, counts!.free], [free === 0 ? 'PoolExhausted' : 'Ready', free]);
    if (given.length > 0) return;
    assert.is(
      ready(parts).message,
      '1 of 1 node without blocks: n (ClusterCIDR a has no free IPv4 block, all 4 are without an address for pods: ' +
        'mend excludedAddresses or perNodeExclusions, or add another ClusterCIDR)',
    );
  });
}

test('a block without an address for pods is not given as one that is reserved, comes back, or is one more; who has it keeps it', () => {
  const labels = { 'metaipam.io/network': 'storage' };
  const parts = (spec: Partial<PodNetwork['spec']>, more: Parts = {}): Parts => ({
    parent: network('storage', { excludedAddresses: ['10.0.0.0/24'], ...spec }),
    clusterCIDRs: [clusterCIDR('a', { ipv4: '10.0.0.0/23' }, { labels })],
    claims: [claim('n')],
    ...more,
  });
  const reserved = parts({ reservations: [{ node: 'n', blocks: ['10.0.0.0/24'] }] });
  assert.equal(blocks(reserved), {});
  assert.is(
    ready(reserved).message,
    '1 of 1 node without blocks: n (its reserved 10.0.0.0/24 has no address for pods: mend excludedAddresses ' +
      'or perNodeExclusions)',
  );
  const had = (released?: string) => [
    allocation('n', '10.0.0.0/24', { network: 'storage', ...(released && { released }) }),
  ];
  const back = parts(
    { reuseGracePeriodSeconds: 600 },
    { claims: [claim('n', { nodeUID: 'uid-new' })], allocations: had('2026-06-01T11:59:00Z') },
  );
  assert.equal(blocks(back), { n: ['10.0.1.0/24'] });
  const more = parts(
    { additionalBlocks: [{ node: 'n', count: 1 }], excludedAddresses: ['10.0.1.0/24'] },
    { claims: [shows('n', '10.0.0.0/24')], allocations: had() },
  );
  assert.equal(blocks(more), { n: ['10.0.0.0/24'] });
  assert.match(
    ready(more).message,
    /without additional blocks: n \(ClusterCIDR a has no free IPv4 block, 1 of 2 is without/,
  );
  assert.equal(blocks(parts({}, { allocations: had() })), { n: ['10.0.0.0/24'] });
});

test('a huge range, all but the end of it excluded, costs no more than a small one', () => {
  const labels = { 'metaipam.io/network': 'storage' };
  const parts = {
    parent: network('storage', { excludedAddresses: ['fd00::-fd00:0:0:ffff:ffff:ffff:ffff:fff0'] }),
    clusterCIDRs: [clusterCIDR('a', { perNodeHostBits: 4, ipv6: 'fd00::/32' }, { labels })],
    claims: [claim('n')],
  };
  assert.equal(blocks(parts), { n: ['fd00::ffff:ffff:ffff:ffff:fff0/124'] });
});

test('a node of other families than all ClusterCIDRs that select it hears why it gets no more blocks', () => {
  const parts = {
    parent: wanting,
    clusterCIDRs: [clusterCIDR('a', { ipv4: '10.0.0.0/16', ipv6: 'fd00::/112' })],
    claims: [shows('n', '10.0.0.0/24')],
    allocations: [allocation('n', '10.0.0.0/24', { network: 'storage' })],
  };
  assert.is(
    ready(parts).message,
    '1 node without additional blocks: n (no ClusterCIDR that selects it is of IPv4 alone, as its blocks are)',
  );
});

test('of ClusterCIDRs that overlap the one whose block a node shows has it', () => {
  const sizes = { large: 8, small: 4 };
  const clusterCIDRs = Object.entries(sizes).map(([name, perNodeHostBits]) =>
    clusterCIDR(name, { ipv4: '10.0.0.0/24', perNodeHostBits }),
  );
  const lost = { parent: storage, clusterCIDRs, claims: [shows('n', '10.0.0.32/28')] };
  const bound = { clusterCIDRs, claims: [claim('n', { podCIDRs: ['10.0.0.32/28'] })] };
  for (const parts of [lost, bound])
    assert.equal(
      listed(answer(parts).children).map(({ key, entry }) => [key, entry.clusterCIDR]),
      [['10.0.0.32/28', 'small']],
    );
});

const MORE = ['10.0.0.0/24', '10.0.9.0/24'];
const grown = (key: string, lists: string[]) => allocation('n', key, { network: 'storage', blocks: lists });
const GROWTHS: [title: string, given: Given[], expected: string[]][] = [
  ['the first lists it, and it is not there yet', [grown('10.0.0.0/24', MORE)], MORE],
  [
    'the first does not list it yet',
    [grown('10.0.0.0/24', MORE.slice(0, 1)), grown('10.0.9.0/24', MORE)],
    MORE,
  ],
  ['the first is not there yet', [grown('10.0.9.0/24', MORE)], MORE],
  [
    'two syncs gave one each',
    [
      grown('10.0.0.0/24', MORE),
      grown('10.0.9.0/24', MORE),
      grown('10.0.8.0/24', ['10.0.0.0/24', '10.0.8.0/24']),
    ],
    ['10.0.0.0/24', '10.0.8.0/24', '10.0.9.0/24'],
  ],
  [
    'it is another’s',
    [
      grown('10.0.0.0/24', ['10.0.0.0/24', '10.0.3.0/24']),
      allocation('o', '10.0.3.0/24', { network: 'storage' }),
    ],
    ['10.0.0.0/24', '10.0.1.0/24'],
  ],
];
for (const [title, allocations, expected] of GROWTHS) {
  test(`a block besides, of which a cache shows a part: ${title}`, () => {
    const claims = [shows('n', '10.0.0.0/24'), shows('o', '10.0.3.0/24')];
    let parts: Parts = { parent: wanting, clusterCIDRs: [A], claims, allocations };
    for (let round = 0; round < 3; round++) parts = next(parts);
    const { children } = answer(parts);
    assert.equal(blocksByNode(children).n, expected);
    assert.equal(releasedIn(children), {});
    const lists = new Set(
      Object.entries(listsOf(children)).flatMap(([key, list]) =>
        expected.includes(key) ? [list?.join()] : [],
      ),
    );
    assert.is(lists.size, 1);
  });
}

test('all that a node shows is found again when its slices are lost, as far as it is to have so much', () => {
  const value = '10.0.0.0/24,10.0.9.0/24,10.0.8.0/24';
  const parts = { clusterCIDRs: [A], claims: [shows('n', value)] };
  assert.equal(blocks({ ...parts, parent: wanting }), { n: MORE });
  assert.equal(blocks({ ...parts, parent: storage }), { n: ['10.0.0.0/24'] });
});

test('a node that registers again has back what the one before got first', () => {
  let parts: Parts = {
    parent: network('storage', { reuseGracePeriodSeconds: 600 }),
    clusterCIDRs: [A],
    claims: [claim('n', { nodeUID: 'uid-again' })],
    allocations: MORE.map((cidr) => ({
      ...grown(cidr, MORE),
      entry: { ...grown(cidr, MORE).entry, released: RELEASED },
    })),
  };
  parts = next(next(parts));
  const own = listed(answer(parts).children).filter(({ entry }) => entry.uid === 'uid-again');
  assert.equal(
    own.map(({ key }) => key),
    ['10.0.0.0/24'],
  );
});

test('links of two addresses, of both families, with the node at the far end', () => {
  const pair = { [BITS6]: '1', 'metaipam.io/per-node-host-bits-ipv4': '1' };
  const metadata = { annotations: pair, labels: { 'metaipam.io/network': 'storage' } };
  const links = clusterCIDR('a', { perNodeHostBits: 4, ipv4: '10.9.0.0/28', ipv6: 'fd09::/124' }, metadata);
  const parts = { parent: storage, clusterCIDRs: [links], claims: ['n', 'o'].map((name) => claim(name)) };
  const response = answer(parts);
  assert.equal(blocksByNode(response.children), {
    n: ['10.9.0.0/31', 'fd09::/127'],
    o: ['10.9.0.2/31', 'fd09::2/127'],
  });
  assert.equal(answerFor(response.children, 'uid-a')?.ipv4, { total: 8, used: 2, free: 6 });
});

const flat = (size: string, spec: Partial<ClusterCIDRSpec> = { ipv4: '10.9.0.0/24' }) =>
  clusterCIDR(
    'a',
    { perNodeHostBits: 4, ...spec },
    {
      annotations: { 'metaipam.io/per-node-block-size': size },
      labels: { 'metaipam.io/network': 'storage' },
    },
  );

test('blocks of any number of addresses, of both families, from the start of the range', () => {
  const both = flat('50', { ipv4: '10.9.1.0/24', ipv6: 'fd09::/64' });
  const parts = { parent: storage, clusterCIDRs: [both], claims: ['n', 'o'].map((name) => claim(name)) };
  const response = answer(parts);
  assert.equal(blocksByNode(response.children), {
    n: ['10.9.1.0-10.9.1.49', 'fd09::-fd09::31'],
    o: ['10.9.1.50-10.9.1.99', 'fd09::32-fd09::63'],
  });
  assert.equal(answerFor(response.children, 'uid-a')?.ipv4, { total: 5, used: 2, free: 3 });
  assert.equal(
    response.children.map(({ metadata }) => metadata.name).filter((name) => name.includes('by')),
    ['storage.10.9.0.0-21.by50', 'storage.fd09-0-0-0-0-0-0-0-117.by50'],
  );
  assert.equal(answer(next(parts)).children, answer(next(next(parts))).children);
});

test('a range ends behind the piece that it starts in, and the next one starts after it', () => {
  const many = Array.from({ length: 43 }, (_, index) => claim(`n${String(index).padStart(2, '0')}`));
  const parts = { parent: storage, clusterCIDRs: [flat('50', { ipv4: '10.9.0.0/20' })], claims: many };
  const { n40, n41 } = blocks(parts);
  assert.equal([n40, n41], [['10.9.7.208-10.9.8.1'], ['10.9.8.2-10.9.8.51']]);
  const names = answer(parts).children.map(({ metadata }) => metadata.name);
  assert.ok(names.includes('storage.10.9.8.0-21.by50'));
  assert.equal(answerFor(answer(parts).children, 'uid-a')?.ipv4, { total: 81, used: 43, free: 38 });
  // Of a slice that is lost nothing is given, nor what reaches behind its piece.
  const lost = { ...storage, status: { slices: ['storage.10.9.0.0-21.by50'] } };
  assert.equal(blocks({ ...parts, parent: lost, claims: [claim('n')] }), { n: ['10.9.8.52-10.9.8.101'] });
});

test('what is too small for a block is given to nobody', () => {
  const claims = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => claim(name));
  const parts = { parent: storage, clusterCIDRs: [flat('50')], claims };
  const { f, e } = blocks(parts);
  assert.equal([e, f], [['10.9.0.200-10.9.0.249'], undefined]);
  assert.match(ready(parts).message, /f \(ClusterCIDR a is full\)/);
});

test('a size that changes leaves nodes what they have; new blocks lie on the new places that are free', () => {
  const allocations = ['10.9.0.0-10.9.0.49', '10.9.0.100-10.9.0.149'].map((text, index) =>
    allocation(`n${index}`, text, { network: 'storage' }),
  );
  const claims = [claim('n0'), claim('n1'), claim('new')];
  const parts = { parent: storage, claims, allocations };
  const had = { n0: ['10.9.0.0-10.9.0.49'], n1: ['10.9.0.100-10.9.0.149'] };
  assert.equal(blocks({ ...parts, clusterCIDRs: [flat('64')] }), { ...had, new: ['10.9.0.192/26'] });
  assert.equal(blocks({ ...parts, clusterCIDRs: [flat('20')] }), { ...had, new: ['10.9.0.60-10.9.0.79'] });
  const counts = answerFor(answer({ ...parts, clusterCIDRs: [flat('64')] }).children, 'uid-a')?.ipv4;
  assert.equal(counts, { total: 4, used: 4, free: 0 });
});

test('services, reserved ranges and ranges of others are given to nobody else', () => {
  const spec = {
    ...storage.spec,
    serviceCIDRs: ['10.9.0.48/28'],
    reservations: [{ node: 'kept', blocks: ['10.9.0.140-10.9.0.159'] }],
  };
  const parts = { parent: { ...storage, spec }, clusterCIDRs: [flat('50')] };
  const claims = ['kept', 'n', 'o'].map((name) => claim(name));
  assert.equal(blocks({ ...parts, claims }), {
    kept: ['10.9.0.140-10.9.0.159'],
    n: ['10.9.0.200-10.9.0.249'],
  });
});

test('ranges that a node shows are taken back when their slices are lost, where they are such as it would get', () => {
  const shown = (start: string, end: string) =>
    shows('n', `{"ranges":[{"subnet":"10.9.0.0/24","rangeStart":"${start}","rangeEnd":"${end}"}]}`);
  const parts = { parent: storage, clusterCIDRs: [flat('50')] };
  assert.equal(blocks({ ...parts, claims: [shown('10.9.0.100', '10.9.0.149')] }), {
    n: ['10.9.0.100-10.9.0.149'],
  });
  for (const [start, end] of [
    ['10.9.0.101', '10.9.0.150'],
    ['10.9.0.100', '10.9.0.199'],
  ] as const)
    assert.equal(blocks({ ...parts, claims: [shown(start, end)] }), { n: ['10.9.0.0-10.9.0.49'] });
});

test('the bell of a node rings until it shows its range, as a part of the range of its ClusterCIDR', () => {
  const parts = { parent: storage, clusterCIDRs: [flat('50')] };
  const allocations = [allocation('n', '10.9.0.50-10.9.0.99', { network: 'storage' })];
  const rings = (value: string, more: Parts = {}) =>
    bellsIn(answer({ ...parts, claims: [shows('n', value)], allocations, ...more }).children);
  const shown = (subnet: string) =>
    `{"ranges":[{"subnet":"${subnet}","rangeStart":"10.9.0.50","rangeEnd":"10.9.0.99"}]}`;
  assert.equal(rings(shown('10.9.0.0/25')), ['claim.metaipam.io/uid-n']);
  assert.equal(rings(shown('10.9.0.0/24')), []);
  assert.equal(rings(shown('10.9.0.0/24'), { clusterCIDRs: [flat('ten')] }), [], 'of an invalid one as well');
  const within = flat('50', { ipv4: '10.9.0.0/25' });
  const around = {
    ...flat('50', { ipv4: '10.8.0.0/15' }),
    metadata: { ...within.metadata, name: 'b', uid: 'uid-b' },
  };
  assert.equal(
    rings(shown('10.9.0.0/25'), { clusterCIDRs: [around, within] }),
    [],
    'of the smallest around it',
  );
});

test('blocks that a node shows as JSON are taken back when their slices are lost', () => {
  const value =
    '{"ranges":[{"subnet":"10.0.0.0/16","rangeStart":"10.0.3.0","rangeEnd":"10.0.3.255","gateway":"10.0.0.9"}]}';
  const parts = { parent: storage, clusterCIDRs: [A], claims: [shows('n', value)] };
  assert.equal(blocks(parts), { n: ['10.0.3.0/24'] });
});

test('the bell of a node rings until its claim shows its blocks; default has none', () => {
  const allocations = [allocation('n', '10.0.0.0/24', { network: 'storage' })];
  const rings = (claims: Parts['claims'] & {}) =>
    bellsIn(answer({ parent: storage, clusterCIDRs: [A], claims, allocations }).children);
  assert.equal(rings([claim('n')]), ['claim.metaipam.io/uid-n']);
  assert.equal(rings([shows('n', '10.0.9.0/24')]), ['claim.metaipam.io/uid-n']);
  assert.equal(rings([shows('n', '10.0.0.0/24')]), []);
  assert.equal(rings([shows('n', '10.0.0.0/24'), claim('new')]), [], 'not before its block is listed');
  assert.equal(bellsIn(answer({ clusterCIDRs: [A], claims: [claim('n')] }).children), []);
});

const confirmedIn = (children: ReturnType<typeof answer>['children']) =>
  listed(children).flatMap(({ key, entry }) => (entry.confirmed ? [key] : []));
const untold = (node: string, cidr: string, more: Parameters<typeof allocation>[2] = {}) =>
  allocation(node, cidr, { network: 'storage', confirmed: false, ...more });
const LATER = '2026-05-01T00:00:09Z';

test('a block is confirmed, and its node told, in the sync that finds it listed', () => {
  const parts = { parent: storage, clusterCIDRs: [A], claims: [claim('n')] };
  const first = answer(parts);
  assert.equal(confirmedIn(first.children), []);
  assert.equal(bellsIn(first.children), []);
  const second = answer(next(parts));
  assert.equal(confirmedIn(second.children), ['10.0.0.0/24']);
  assert.equal(bellsIn(second.children), ['claim.metaipam.io/uid-n']);
  assert.is(second.resyncAfterSeconds, 10, 'that may fail unseen as well');
  const third = answer(next(next(parts)));
  assert.equal(listed(third.children), listed(second.children));
  assert.is(third.resyncAfterSeconds, 60);
  const podCIDRs = next({ clusterCIDRs: [A], claims: [claim('n')] });
  assert.equal(confirmedIn(answer(podCIDRs).children), []);
});

test('what is in a slice that takes no changes is not confirmed, nor asked for again and again', () => {
  const [ending] = slicesOf([untold('n', '10.0.0.0/24')], DELETED);
  const response = answer({ parent: storage, clusterCIDRs: [A], claims: [claim('n')], slices: [ending!] });
  assert.equal(bellsIn(response.children), []);
  assert.is(response.resyncAfterSeconds, 60);
});

test('of blocks that overlap what is confirmed stays, be it younger; what is not gets others later', () => {
  const small = clusterCIDR('small', { ipv4: '10.0.0.0/24', perNodeHostBits: 4 });
  const parts = (...allocations: Given[]): Parts => ({
    parent: storage,
    clusterCIDRs: [A, small],
    claims: [claim('n'), claim('m')],
    allocations,
  });
  const of = (given: Parts) => {
    const { children } = answer(given);
    const { n, m } = blocksByNode(children);
    return { n, m, confirmed: confirmedIn(children), bells: bellsIn(children) };
  };
  const older = untold('n', '10.0.0.0/24');
  const younger = untold('m', '10.0.0.16/28', { since: LATER, from: 'small' });
  const told = { ...younger, entry: { ...younger.entry, confirmed: true as const } };
  const won = { n: undefined, m: ['10.0.0.16/28'], confirmed: ['10.0.0.16/28'] };
  assert.equal(of(parts(older, told)), { ...won, n: ['10.0.1.0/24'], bells: ['claim.metaipam.io/uid-m'] });
  const disputed = parts(older, younger);
  assert.equal(of(disputed), {
    n: ['10.0.0.0/24'],
    m: ['10.0.1.0/24'],
    confirmed: [],
    bells: [],
  });
  assert.equal(of(next(disputed)).confirmed, ['10.0.0.0/24', '10.0.1.0/24']);
});

test('of two decisions for a node the confirmed one stays, and none is confirmed beside another', () => {
  const parts = (...allocations: Given[]): Parts => ({
    parent: storage,
    clusterCIDRs: [A],
    claims: [claim('n')],
    allocations,
  });
  const older = untold('n', '10.0.0.0/24');
  const younger = allocation('n', '10.0.7.0/24', { network: 'storage', since: LATER });
  const { children } = answer(parts(older, younger));
  assert.equal(blocksByNode(children), { n: ['10.0.7.0/24'] });
  assert.equal(bellsIn(children), ['claim.metaipam.io/uid-n']);
  const disputed = parts(older, untold('n', '10.0.7.0/24', { since: LATER }));
  assert.equal(blocks(disputed), { n: ['10.0.0.0/24'] });
  assert.equal(confirmedIn(answer(disputed).children), []);
  assert.equal(confirmedIn(answer(next(disputed)).children), ['10.0.0.0/24']);
});

test('a block besides that is not confirmed gives way to what is, and the node gets another', () => {
  const all = ['10.0.0.0/24', '10.0.2.0/24'];
  const parts = {
    parent: wanting,
    clusterCIDRs: [A, clusterCIDR('small', { ipv4: '10.0.2.0/24', perNodeHostBits: 4 })],
    claims: [shows('n', all[0]!), claim('m')],
    allocations: [
      allocation('n', all[0]!, { network: 'storage', blocks: all }),
      untold('n', all[1]!, { blocks: all }),
      allocation('m', '10.0.2.16/28', { network: 'storage', since: LATER, from: 'small' }),
    ],
  };
  const { children } = answer(parts);
  assert.equal(blocksByNode(children), { n: [all[0]!, '10.0.1.0/24'], m: ['10.0.2.16/28'] });
  assert.equal(bellsIn(children), ['claim.metaipam.io/uid-m']);
});

test('a node that shows free blocks which nobody lists keeps them, before new nodes are served', () => {
  const claims = [claim('new'), shows('n', '10.0.0.0/24')];
  assert.equal(blocks({ parent: storage, clusterCIDRs: [A], claims }), {
    n: ['10.0.0.0/24'],
    new: ['10.0.1.0/24'],
  });
  const lost = { ...storage, status: { slices: ['storage.10.0.0.0-19.24'] } };
  const waits = { parent: lost, clusterCIDRs: [A], claims };
  assert.equal(blocks(waits), { new: ['10.0.32.0/24'] });
  assert.match(ready(waits).message, /1 of 2 nodes without blocks: n/);
});

test('a node that seemed gone and was not has its blocks again once their entries have gone', () => {
  const released = allocation('n', '10.0.0.0/24', { network: 'storage', released: SINCE });
  const claims = [shows('n', '10.0.0.0/24')];
  const waits = { parent: storage, clusterCIDRs: [A], claims, allocations: [released] };
  assert.equal(blocks(waits), {});
  assert.match(ready(waits).message, /1 of 1 node without blocks: n/);
  const parts = { parent: storage, clusterCIDRs: [A], claims };
  assert.equal(blocks(parts), { n: ['10.0.0.0/24'] });
});

test('what a node shows is not believed where another has it, or where it is not a block', () => {
  const allocations = [allocation('other', '10.0.0.0/24', { network: 'storage' })];
  for (const value of [
    '10.0.0.0/24',
    '10.0.0.0/16',
    '10.9.0.0/8',
    '11.0.0.0/24',
    '10.0.5.0/24,x',
    '10.0.5.0/24,fd00::/120,10.0.6.0/24',
    '010.0.5.0/24',
    '',
  ]) {
    const claims = [shows('n', value), shows('other', '10.0.0.0/24')];
    assert.equal(blocks({ parent: storage, clusterCIDRs: [A], claims, allocations }), {
      other: ['10.0.0.0/24'],
      n: ['10.0.1.0/24'],
    });
  }
});

const lastWord = (name: string) =>
  slice(`${name}.answers-0.network`, name, { answers: { [`uid-${name}`]: { reason: 'Deleting' } } });
const justNow = { ...context, now: Date.parse(DELETED.deletionTimestamp) + 1000 };

test('default cannot go while a node lives that has its blocks', () => {
  const parent = network('default', {}, DELETED);
  const allocations = [allocation('n', '10.0.0.0/24'), allocation('gone', '10.0.1.0/24')];
  const parts = { parent, clusterCIDRs: [A], allocations };
  const held = finalize(request({ ...parts, claims: [claim('n'), claim('new')] }), context);
  assert.equal(blocksByNode(held.children), { n: ['10.0.0.0/24'] });
  assert.is(held.finalized, false);
  const [condition] = (held.status as PodNetworkStatus).conditions!;
  assert.is(condition!.reason, 'Deleting');
  assert.is(condition!.message, '1 node with blocks of this network');
  assert.is(answerFor(held.children, 'uid-a')!.reason, 'NetworkNotReady');
  const free = finalize(request({ ...parts, claims: [claim('new')] }), context);
  assert.equal([free.finalized, blocksByNode(free.children)], [false, {}]);
  assert.is(free.resyncAfterSeconds, 60, 'the next sync is that of the write');
  assert.equal(Object.keys(releasedIn(free.children)), ['10.0.0.0/24', '10.0.1.0/24']);
  const { children } = free;
  const last = finalize(request({ ...parts, allocations: [], slices: stored(children) }), context);
  assert.equal([last.finalized, last.children], [true, []]);
});

test('default cannot go while a node has its blocks, though the garbage collector took all slices', () => {
  const parent = { ...network('default', {}, DELETED), status: { slices: LISTED } };
  const claims = [claim('bound', { podCIDRs: ['10.0.7.0/24'] })];
  const held = finalize(request({ parent, clusterCIDRs: [A], claims }), context);
  assert.is(held.finalized, false);
  assert.equal(blocksByNode(held.children), { bound: ['10.0.7.0/24'] });
  assert.is(answerFor(held.children, 'uid-a')!.nodes, 1);
  const foreign = [claim('bound', { podCIDRs: ['172.16.7.0/24'] })];
  assert.is(finalize(request({ parent, clusterCIDRs: [A], claims: foreign }), context).finalized, true);
});

test('a network goes once it has heard its last word, or would have seen what was made for it', () => {
  for (const name of ['default', 'storage']) {
    const parent = network(name, {}, DELETED);
    const first = finalize(request({ parent }), justNow);
    assert.equal([first.finalized, first.resyncAfterSeconds], [false, 29]);
    assert.equal(answerFor(first.children, `uid-${name}`), { reason: 'Deleting' });
    const others = slice(`${name}.answers-0.network`, name, { answers: { 'uid-a': { reason: 'Ready' } } });
    assert.is(finalize(request({ parent, slices: [others] }), justNow).finalized, false);
    const heard = finalize(request({ parent, slices: [lastWord(name)] }), justNow);
    assert.equal([heard.finalized, heard.children, heard.resyncAfterSeconds], [true, [], undefined]);
    assert.is(finalize(request({ parent }), { ...justNow, now: justNow.now + 29_000 }).finalized, true);
  }
});

test('another network withdraws its blocks first, and goes when no node shows them and that had time to arrive', () => {
  const parent = network('storage', {}, DELETED);
  const given = [allocation('n', '10.0.0.0/24', { network: 'storage' })];
  const first = finalize(request({ parent, claims: [claim('n')], allocations: given }), context);
  const mark = { ...STORAGE, 'metaipam.io/withdrawn-at': SINCE };
  assert.equal(blocksByNode(first.children), { n: ['10.0.0.0/24'] });
  const marksOf = ({ metadata: { annotations } }: Pick<KubernetesObject, 'metadata'>) => {
    const { 'metaipam.io/bells-after': _, ...marks } = annotations ?? {};
    return marks;
  };
  for (const child of first.children) assert.equal(marksOf(child), mark);
  assert.equal(bellsIn(first.children), ['claim.metaipam.io/uid-n']);
  assert.equal([first.finalized, first.resyncAfterSeconds], [false, 30]);

  const at = (seconds: number, node = claim('n')) =>
    finalize(request({ parent, claims: [node], slices: slicesOf(given, { annotations: mark }) }), {
      ...context,
      now: NOW + 1000 * seconds,
    });
  for (const child of at(29).children) assert.equal(marksOf(child), mark);
  const later = { ...mark, 'metaipam.io/withdrawn-at': '2026-06-01T12:00:09Z' };
  const keys = slice('storage.label-keys-0.network', 'storage', { labelKeys: [] }, { annotations: mark });
  const slices = [...slicesOf(given, { annotations: later }), keys];
  const { children } = finalize(request({ parent, claims: [claim('n')], slices }), context);
  for (const child of children) assert.equal(marksOf(child), mark, 'the first mark counts');
  assert.is(at(29).finalized, false);
  for (const node of [claim('n'), shows('n', '10.0.9.0/24')]) {
    const left = at(30, node);
    assert.equal([left.finalized, Object.keys(releasedIn(left.children))], [false, ['10.0.0.0/24']]);
    const last = finalize(request({ parent, claims: [node], slices: stored(left.children) }), justNow);
    assert.equal([last.finalized, last.children], [true, []]);
  }
  assert.equal(blocksByNode(at(30, shows('n', '10.0.0.0/24')).children), { n: ['10.0.0.0/24'] });
});

test('times that are to come were written by a clock that was ahead, and count as now', () => {
  const never = '9999-12-31T23:59:59Z';
  const parent = network('storage', {}, DELETED);
  const given = [allocation('n', '10.0.0.0/24', { network: 'storage' })];
  const slices = slicesOf(given, { annotations: { ...STORAGE, 'metaipam.io/withdrawn-at': never } });
  const [slice] = finalize(request({ parent, claims: [claim('n')], slices }), context).children;
  assert.is(slice!.metadata.annotations!['metaipam.io/withdrawn-at'], SINCE);

  const young = [allocation('gone', '10.0.0.0/24', { since: never })];
  const [kept] = answer({ clusterCIDRs: [A], claims: [], allocations: young }).children as AllocationSlice[];
  assert.is(kept!.spec.entries!['10.0.0.0/24']!.since, SINCE);
});

test('what nodes show is withdrawn too when the garbage collector took the slices', () => {
  const parent = { ...network('storage', {}, DELETED), status: { slices: ['storage.10.0.0.0-19.24'] } };
  const claims = [shows('n', '10.0.0.0/24'), claim('new')];
  const response = finalize(request({ parent, clusterCIDRs: [A], claims }), context);
  assert.is(response.finalized, false);
  assert.equal(blocksByNode(response.children), { n: ['10.0.0.0/24'] });
  assert.equal(bellsIn(response.children), ['claim.metaipam.io/uid-n']);
  assert.is(response.children[0]!.metadata.annotations!['metaipam.io/withdrawn-at'], SINCE);
});

test('a network that is being deleted does not complete what nobody was told of', () => {
  const parent = network('default', {}, DELETED);
  const parts = { parent, clusterCIDRs: [wide], claims: [claim('n')], allocations: [older('fd00::/120')] };
  const response = finalize(request(parts), context);
  assert.equal(Object.keys(releasedIn(response.children)), ['fd00::/120']);
  assert.equal(blocksByNode(response.children), {});
});

test('a network asks for all claims, for its ClusterCIDRs and for what an earlier one of its name left', () => {
  const claims = { apiVersion: 'metaipam.io/v1alpha1', resource: 'podcidrclaims' };
  const clusterCIDRs = { apiVersion: 'networking.x-k8s.io/v1', resource: 'clustercidrs' };
  const own = (name: string) => [
    claims,
    { ...clusterCIDRs, labelSelector: { matchLabels: { 'metaipam.io/network': name } } },
    {
      apiVersion: 'metaipam.io/v1alpha1',
      resource: 'allocationslices',
      namespace: 'metaipam-system',
      labelSelector: {
        matchLabels: { 'metaipam.io/network': name },
        matchExpressions: [{ key: 'controller-uid', operator: 'NotIn', values: [`uid-${name}`] }],
      },
    },
  ];
  assert.equal(customize({ parent: storage }, context).relatedResources, own('storage'));
  assert.equal(customize({ parent: network() }, context).relatedResources, [
    ...own('default'),
    {
      ...clusterCIDRs,
      labelSelector: { matchExpressions: [{ key: 'metaipam.io/network', operator: 'DoesNotExist' }] },
    },
  ]);
});

test.run();
