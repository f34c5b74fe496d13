import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { customize, finalize, sync } from '../../hooks/pod-networks.ts';
import type { ClusterCIDRSpec, PodNetworkStatus } from '../../lib/kubernetes/types.ts';
import {
  allocation,
  blocksByNode,
  claim,
  clusterCIDR,
  context,
  NOW,
  network,
  request,
  selecting,
  stored,
} from '../pod-network/objects.ts';

const LABELS = { 't-0': 'node0' };
const S0 = { nodeSelector: selecting('t-0=node0') };
const DELETED = { deletionTimestamp: '2026-06-01T00:00:00Z' };
const answer = (parts: Parameters<typeof request>[0], at = context) => sync(request(parts), at);
const blocks = (parts: Parameters<typeof request>[0]) => blocksByNode(answer(parts).children);
const status = (parts: Parameters<typeof request>[0]) => answer(parts).status as PodNetworkStatus;
const ready = (parts: Parameters<typeof request>[0]) => status(parts).conditions![0]!;

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
    for (const { spec } of response.children) assert.equal((spec as { blocks: string[] }).blocks, expected);
    assert.equal((response.status as PodNetworkStatus).nodes, { total: 1, allocated: 1, pending: 0 });
  });
}

const FOREIGN: [id: string, spec: Partial<ClusterCIDRSpec>, podCIDRs: string[]][] = [
  ['C3.2', V4, ['172.10.0.1/24']],
  ['C3.3', DUAL, ['10.10.0.1/24', 'a00::/86']],
  ['C3.4', DUAL, ['172.10.0.1/24', 'ace:cab:deca::1/120']],
  ['C3.5', DUAL, ['10.10.0.1/24', 'cdd::/86']],
  ['F8', V4, ['10.10.0.0/24', 'ace:cab:deca::/120']],
];
for (const [id, spec, podCIDRs] of FOREIGN) {
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
    assert.is(conditions![0]!.message, '1 node with foreign podCIDRs: node0 (outside every ClusterCIDR)');
  });
}

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
  assert.match(ready(parts).message, /new \(no ClusterCIDR selects it\)/);
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

test('an allocation says whose it is and where it is from, and is named by its block', () => {
  const response = answer({ clusterCIDRs: [dual], claims: [claim('n')] });
  const common = {
    poolRef: { apiGroup: 'networking.x-k8s.io', kind: 'ClusterCIDR', name: 'dual', uid: 'uid-dual' },
    claimRef: { apiGroup: '', kind: 'Node', name: 'n', uid: 'uid-n' },
    blocks: ['10.0.0.0/24', 'fd00::/120'],
  };
  const labels = {
    'metaipam.io/claim-uid': 'uid-n',
    'metaipam.io/network': 'default',
    'metaipam.io/cluster-cidr': 'dual',
  };
  const object = (name: string, cidr: string) => ({
    apiVersion: 'metaipam.io/v1alpha1',
    kind: 'IPAllocation',
    metadata: { name, namespace: 'metaipam-system', labels },
    spec: { ...common, cidr },
  });
  assert.equal(response.children, [
    object('default.10.0.0.0-24', '10.0.0.0/24'),
    object('default.fd00-0-0-0-0-0-0-0-120', 'fd00::/120'),
  ]);
  assert.is(response.resyncAfterSeconds, 10);
});

test('what exists is wanted exactly as it is', () => {
  const claims = [claim('n')];
  const first = answer({ clusterCIDRs: [dual], claims });
  const second = answer({ clusterCIDRs: [dual], claims, allocations: stored(first.children) });
  assert.equal(second.children, first.children);
  assert.is(second.resyncAfterSeconds, undefined);
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

test('of two decisions for a node the older stays, and its missing allocation is made again', () => {
  const allocations = [
    allocation('n', '10.0.1.0/24', { ...YOUNGER, version: '99' }),
    allocation('n', 'fd00::100/120', { ...YOUNGER, version: '100' }),
    allocation('n', 'fd00::/120', { ...OLDER, version: '98' }),
  ];
  const { children } = answer({ clusterCIDRs: [wide], claims: [claim('n')], allocations });
  assert.equal(blocksByNode(children), { n: ['10.0.0.0/24', 'fd00::/120'] });
  for (const { spec } of children) assert.equal((spec as { blocks: string[] }).blocks, OLDER.blocks);
});

test('a decision whose missing block became another’s makes way for the next one', () => {
  const allocations = [
    allocation('n', 'fd00::/120', { ...OLDER, version: '98' }),
    allocation('other', '10.0.0.0/24', { blocks: ['10.0.0.0/24'], from: 'wide', version: '99' }),
    allocation('n', '10.0.1.0/24', { ...YOUNGER, version: '100' }),
    allocation('n', 'fd00::100/120', { ...YOUNGER, version: '101' }),
  ];
  const claims = [claim('n'), claim('other')];
  const parts = { clusterCIDRs: [wide], claims, allocations };
  assert.equal(blocks(parts), { n: ['10.0.1.0/24', 'fd00::100/120'], other: ['10.0.0.0/24'] });
  assert.equal(blocks({ ...parts, allocations: allocations.slice(0, 2) }), {
    n: ['10.0.1.0/24', 'fd00::100/120'],
    other: ['10.0.0.0/24'],
  });
});

test('of two nodes with overlapping blocks the older allocation stays, unless the younger is on its node', () => {
  const allocations = [
    allocation('young', '10.0.0.0/25', { from: 'wide', version: '99' }),
    allocation('old', '10.0.0.0/24', { from: 'wide', version: '98' }),
  ];
  const clusterCIDRs = [clusterCIDR('wide', { ipv4: '10.0.0.0/16' })];
  const parts = (podCIDRs: string[]) => ({
    clusterCIDRs,
    claims: [claim('young', { podCIDRs }), claim('old')],
    allocations,
  });
  assert.equal(blocks(parts([])), { old: ['10.0.0.0/24'], young: ['10.0.1.0/24'] });
  assert.equal(blocks(parts(['10.0.0.0/25'])), { old: ['10.0.1.0/24'], young: ['10.0.0.0/25'] });
});

test('podCIDRs replace what was decided, as soon as their names are free', () => {
  const clusterCIDRs = [clusterCIDR('wide', { ipv4: '10.0.0.0/16' })];
  const claims = [claim('bound', { podCIDRs: ['10.0.5.0/24'] }), claim('other')];
  const taken = [allocation('other', '10.0.5.0/24'), allocation('bound', '10.0.1.0/24')];
  const first = answer({ clusterCIDRs, claims, allocations: taken });
  assert.equal(blocksByNode(first.children), { other: ['10.0.0.0/24'] });
  const second = answer({ clusterCIDRs, claims, allocations: stored(first.children) });
  assert.equal(blocksByNode(second.children), { bound: ['10.0.5.0/24'], other: ['10.0.0.0/24'] });
});

test('podCIDRs may be of any size, and their home is the best ClusterCIDR that holds them all', () => {
  const clusterCIDRs = [
    clusterCIDR('selecting', { ipv4: '10.0.0.0/16', nodeSelector: selecting('zone=a') }),
    clusterCIDR('catch-all', { ipv4: '10.0.0.0/8' }),
    clusterCIDR('other', { ipv4: '10.0.0.0/17', nodeSelector: selecting('zone=b') }),
  ];
  const home = (podCIDR: string, zone: string) => {
    const claims = [claim('n', { nodeLabels: { zone }, podCIDRs: [podCIDR] })];
    const [child] = answer({ clusterCIDRs, claims }).children;
    return (child!.spec as { poolRef: { name: string } }).poolRef.name;
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

const YOUNG = new Date(NOW - 5000).toISOString();

test('a node that is not in view yet keeps its block, until its absence is certain', () => {
  const clusterCIDRs = [clusterCIDR('a', { ipv4: '10.0.0.0/16' })];
  const unseen = allocation('unseen', '10.0.0.0/24', { created: YOUNG, version: '90' });
  const behind = { clusterCIDRs, claims: [claim('other')], allocations: [unseen] };
  const response = answer(behind);
  assert.equal(blocksByNode(response.children), { unseen: ['10.0.0.0/24'], other: ['10.0.1.0/24'] });
  assert.is(answer({ ...behind, claims: [] }).resyncAfterSeconds, 25);

  const newer = claim('other', {}, { resourceVersion: '91' });
  assert.equal(blocks({ ...behind, claims: [newer] }), { other: ['10.0.1.0/24'] });
  const later = { ...context, now: NOW + 25_000 };
  assert.equal(blocksByNode(answer(behind, later).children), { other: ['10.0.1.0/24'] });
});

test('a released block rests for the grace period, then goes', () => {
  const parent = network('default', { reuseGracePeriodSeconds: 300 });
  const clusterCIDRs = [clusterCIDR('a', { ipv4: '10.0.0.0/16' })];
  const released = (annotations = {}) => ({
    parent,
    clusterCIDRs,
    claims: [claim('new')],
    allocations: [allocation('gone', '10.0.0.0/24', { annotations })],
  });
  const at = { 'metaipam.io/released-at': '2026-06-01T12:00:00Z' };
  const first = answer(released());
  assert.equal(first.children[0]!.metadata.annotations, at);
  assert.equal(blocksByNode(first.children), { gone: ['10.0.0.0/24'], new: ['10.0.1.0/24'] });

  const later = answer(released(at), { ...context, now: NOW + 200_500 });
  assert.equal(later.children[0]!.metadata.annotations, at);
  const quiet = { ...released(at), claims: [] };
  assert.is(answer(quiet, { ...context, now: NOW + 200_500 }).resyncAfterSeconds, 100);
  const end = answer(quiet, { ...context, now: NOW + 300_000 });
  assert.equal(end.children, []);
});

test('a released block whose node is back loses its mark', () => {
  const parent = network('default', { reuseGracePeriodSeconds: 300 });
  const annotations = { 'metaipam.io/released-at': '2026-06-01T12:00:00Z' };
  const allocations = [allocation('n', '10.0.0.0/24', { annotations })];
  const [child] = answer({ parent, claims: [claim('n')], allocations }).children;
  assert.is(child!.metadata.annotations, undefined);
});

test('a node recreated under its name is another node', () => {
  const clusterCIDRs = [clusterCIDR('a', { ipv4: '10.0.0.0/16' })];
  const allocations = [allocation('n', '10.0.0.0/24')];
  const { children } = answer({ clusterCIDRs, claims: [claim('n', { nodeUID: 'new' })], allocations });
  assert.equal(
    children.map(({ spec }) => (spec as { claimRef: object; cidr: string }).cidr),
    ['10.0.1.0/24'],
  );
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
  assert.equal(status(parts).nodes, { total: 3, allocated: 1, pending: 1 });
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
    allocations: [
      allocation('no-labels', '10.0.2.0/24', { from: 'good' }),
      { ...allocation('x', '10.0.3.0/24'), spec: {} },
    ],
  } as unknown as Parameters<typeof request>[0];
  const response = answer(hostile);
  const given = Object.fromEntries(
    response.children.map(({ metadata, spec }) => [metadata.name, (spec as never as { cidr?: string }).cidr]),
  );
  assert.equal(given, {
    'default.10.0.2.0-24': '10.0.2.0/24',
    'default.10.0.3.0-24': undefined,
    'default.10.0.4.0-24': '10.0.4.0/24',
  });
});

const storage = network('storage');
const STORAGE = { 'metaipam.io/node-annotation': 'kube-node.nordix.org/storage' };

test('a network for annotations ignores podCIDRs and tells the nodes where to show its blocks', () => {
  const clusterCIDRs = [clusterCIDR('a', { ipv4: '10.0.0.0/16' })];
  const claims = [claim('n', { podCIDRs: ['10.0.7.0/24'] })];
  const { children } = answer({ parent: storage, clusterCIDRs, claims });
  assert.equal(
    children.map(({ metadata }) => [metadata.name, metadata.annotations]),
    [['storage.10.0.0.0-24', STORAGE]],
  );
  const renamed = answer({
    parent: network('storage', { annotation: 'example.com/ranges' }),
    clusterCIDRs,
    claims,
    allocations: stored(children),
  });
  assert.equal(renamed.children[0]!.metadata.annotations, {
    'metaipam.io/node-annotation': 'example.com/ranges',
  });
});

test('default cannot go while a node lives that has its blocks', () => {
  const parent = network('default', {}, DELETED);
  const clusterCIDRs = [clusterCIDR('a', { ipv4: '10.0.0.0/16' })];
  const allocations = [allocation('n', '10.0.0.0/24'), allocation('gone', '10.0.1.0/24')];
  const held = finalize(
    request({ parent, clusterCIDRs, claims: [claim('n'), claim('new')], allocations }),
    context,
  );
  assert.equal(blocksByNode(held.children), { n: ['10.0.0.0/24'] });
  assert.is(held.finalized, false);
  const [condition] = (held.status as PodNetworkStatus).conditions!;
  assert.is(condition!.reason, 'Deleting');
  assert.is(condition!.message, '1 node with blocks of this network');
  const free = finalize(request({ parent, clusterCIDRs, claims: [claim('new')], allocations }), context);
  assert.equal(free.children, []);
  assert.is(free.finalized, true);
});

test('a network goes once it would have seen what was made for it', () => {
  for (const name of ['default', 'storage']) {
    const parent = network(name, {}, DELETED);
    const now = Date.parse(DELETED.deletionTimestamp) + 1000 * (context.config.cacheLagSeconds - 1);
    const early = finalize(request({ parent }), { ...context, now });
    assert.is(early.finalized, false);
    assert.is(early.resyncAfterSeconds, 1);
    assert.is(finalize(request({ parent }), { ...context, now: now + 1000 }).finalized, true);
  }
});

test('another network withdraws its blocks first, and goes when that had time to arrive', () => {
  const parent = network('storage', {}, DELETED);
  const options = { network: 'storage', annotations: STORAGE };
  const claims = [claim('n')];
  const allocations = [allocation('n', '10.0.0.0/24', options), allocation('gone', '10.0.1.0/24', options)];
  const first = finalize(request({ parent, claims, allocations }), context);
  const mark = { ...STORAGE, 'metaipam.io/withdrawn-at': '2026-06-01T12:00:00Z' };
  assert.equal(blocksByNode(first.children), { n: ['10.0.0.0/24'] });
  assert.equal(first.children[0]!.metadata.annotations, mark);
  assert.is(first.finalized, false);
  assert.is(first.resyncAfterSeconds, 30);

  const marked = [allocation('n', '10.0.0.0/24', { network: 'storage', annotations: mark })];
  const soon = finalize(request({ parent, claims, allocations: marked }), { ...context, now: NOW + 29_000 });
  assert.equal(soon.children[0]!.metadata.annotations, mark);
  const later = finalize(request({ parent, claims, allocations: marked }), { ...context, now: NOW + 30_000 });
  assert.equal(later.children, []);
  assert.is(later.finalized, true);
});

test('a network asks for all claims and for its ClusterCIDRs; those without a label are default’s', () => {
  const claims = { apiVersion: 'metaipam.io/v1alpha1', resource: 'podcidrclaims' };
  const clusterCIDRs = { apiVersion: 'networking.x-k8s.io/v1', resource: 'clustercidrs' };
  const matching = (name: string) => ({
    ...clusterCIDRs,
    labelSelector: { matchLabels: { 'metaipam.io/network': name } },
  });
  assert.equal(customize({ parent: storage }).relatedResources, [claims, matching('storage')]);
  assert.equal(customize({ parent: network() }).relatedResources, [
    claims,
    matching('default'),
    {
      ...clusterCIDRs,
      labelSelector: { matchExpressions: [{ key: 'metaipam.io/network', operator: 'DoesNotExist' }] },
    },
  ]);
});

test.run();
