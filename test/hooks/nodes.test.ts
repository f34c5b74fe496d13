import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { customize, sync } from '../../hooks/nodes.ts';
import type { Node } from '../../lib/kubernetes/core-types.ts';
import type { IPAllocation } from '../../lib/kubernetes/types.ts';
import type { DecoratorRequest } from '../../lib/metacontroller/hook.ts';
import { allocation, claim, context, deepFreeze, keyed } from '../pod-network/objects.ts';

function node(spec: Node['spec'] = {}, metadata: Partial<Node['metadata']> = {}): Node {
  return { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n', uid: 'uid-n', ...metadata }, spec };
}

function request(
  object: Node,
  allocations: readonly IPAllocation[] = [],
  claims = [claim('n')],
): DecoratorRequest<Node> {
  return deepFreeze({
    object,
    attachments: { 'PodCIDRClaim.metaipam.io/v1alpha1': keyed(claims) },
    related: { 'IPAllocation.metaipam.io/v1alpha1': keyed(allocations) },
  });
}

const STORAGE = 'kube-node.nordix.org/storage';
const BLOCKS = ['10.1.0.0/24', 'fd01::/120'];
const given = (cidr: string, blocks = BLOCKS, { key = STORAGE, version = '30', withdrawn = false } = {}) =>
  allocation('n', cidr, {
    blocks,
    version,
    network: 'storage',
    annotations: {
      'metaipam.io/node-annotation': key,
      ...(withdrawn && { 'metaipam.io/withdrawn-at': '2026-06-01T12:00:00Z' }),
    },
  });
const annotations = (allocations: readonly IPAllocation[], present: Record<string, string> = {}) =>
  sync(request(node({}, { annotations: present }), allocations)).annotations;

test('a node has a PodCIDRClaim with its uid, labels and podCIDRs', () => {
  const labels = { zone: 'a', 'kubernetes.io/os': 'linux' };
  const podCIDRs = ['10.244.3.0/24', 'fd00:0:0:3::/64'];
  assert.equal(sync(request(node({ podCIDR: '10.244.3.0/24', podCIDRs }, { labels }))), {
    attachments: [
      {
        apiVersion: 'metaipam.io/v1alpha1',
        kind: 'PodCIDRClaim',
        metadata: { name: 'n' },
        spec: { nodeUID: 'uid-n', nodeLabels: labels, podCIDRs: ['10.244.3.0/24', 'fd00:0:0:3::/64'] },
      },
    ],
  });
});

const POD_CIDRS: [title: string, spec: Node['spec'], expected: string[]][] = [
  ['none', {}, []],
  ['none, as null', { podCIDRs: null as never }, []],
  ['only podCIDR', { podCIDR: '10.0.0.0/24' }, ['10.0.0.0/24']],
  [
    'with host bits',
    { podCIDRs: ['10.10.0.1/24', 'ace:cab:deca::1/120'] },
    ['10.10.0.0/24', 'ace:cab:deca::/120'],
  ],
  ['not canonical', { podCIDRs: ['FD00:0:0::0/64'] }, ['fd00::/64']],
  ['unreadable', { podCIDRs: ['010.0.0.0/24'] }, ['010.0.0.0/24']],
];
for (const [title, spec, expected] of POD_CIDRS) {
  test(`podCIDRs ${title}`, () => {
    const [attachment] = sync(request(node(spec))).attachments;
    assert.equal((attachment!.spec as { podCIDRs: string[] }).podCIDRs, expected);
  });
}

test('F7 a terminating node keeps its claim and its annotations', () => {
  const metadata = { deletionTimestamp: '2026-06-01T00:00:00Z', finalizers: ['karpenter.sh/termination'] };
  const podCIDRs = ['10.0.0.0/24'];
  const allocations = BLOCKS.map((cidr) => given(cidr));
  assert.equal(
    sync(request(node({ podCIDRs }, metadata), allocations)),
    sync(request(node({ podCIDRs }), allocations)),
  );
});

test('until the claim is in view, the node looks again: the claim of an earlier node may stand in the way', () => {
  assert.is(sync(request(node(), [], [])).resyncAfterSeconds, 10);
  assert.is(sync(request(node())).resyncAfterSeconds, undefined);
});

test('the blocks of a network are shown once all of them have their allocations, IPv4 first', () => {
  assert.is(annotations([]), undefined);
  assert.is(annotations([given('fd01::/120')]), undefined);
  assert.equal(annotations([given('fd01::/120'), given('10.1.0.0/24')]), {
    [STORAGE]: '10.1.0.0/24,fd01::/120',
  });
});

test('every network has its own key', () => {
  const other = given('10.2.0.0/24', ['10.2.0.0/24'], { key: 'example.com/ranges' });
  assert.equal(annotations([...BLOCKS.map((cidr) => given(cidr)), other]), {
    'example.com/ranges': '10.2.0.0/24',
    [STORAGE]: '10.1.0.0/24,fd01::/120',
  });
});

test('blocks of the default network are not shown', () => {
  assert.is(annotations([allocation('n', '10.0.0.0/24')]), undefined);
});

test('of two decisions the older is shown, and waited for when it is not complete', () => {
  const younger = ['10.1.1.0/24', 'fd01::100/120'];
  const second = younger.map((cidr, index) => given(cidr, younger, { version: `10${index}` }));
  const first = [
    given('10.1.0.0/24', BLOCKS, { version: '98' }),
    given('fd01::/120', BLOCKS, { version: '99' }),
  ];
  assert.equal(annotations([...second, ...first]), { [STORAGE]: '10.1.0.0/24,fd01::/120' });
  assert.is(annotations([...second, first[1]!]), undefined);
  assert.equal(annotations(second), { [STORAGE]: '10.1.1.0/24,fd01::100/120' });
});

test('an annotation stays when its allocations are out of view, and follows a new decision', () => {
  const present = { [STORAGE]: '10.1.0.0/24,fd01::/120', 'example.com/mine': 'x' };
  assert.is(annotations([], present), undefined);
  const next = ['10.1.1.0/24'];
  assert.equal(annotations([given('10.1.1.0/24', next)], present), { [STORAGE]: '10.1.1.0/24' });
});

test('an annotation goes when its network withdraws its blocks, unless somebody changed it', () => {
  const value = BLOCKS.join();
  const withdrawn = BLOCKS.map((cidr) => given(cidr, BLOCKS, { withdrawn: true }));
  const halfWay = [withdrawn[0]!, given('fd01::/120')];
  for (const allocations of [withdrawn, halfWay, [withdrawn[1]!]]) {
    assert.equal(annotations(allocations, { [STORAGE]: value }), { [STORAGE]: null });
    assert.is(annotations(allocations, { [STORAGE]: '10.9.0.0/24' }), undefined);
    assert.is(annotations(allocations), undefined);
  }
});

test('allocations of another node, or that cannot be read, are not shown', () => {
  const other = given('10.1.0.0/24', ['10.1.0.0/24']);
  const foreign = { ...other, spec: { ...other.spec, claimRef: { ...other.spec.claimRef, uid: 'other' } } };
  const broken = { ...other, spec: { ...other.spec, cidr: 'x', blocks: ['x'] } };
  assert.is(annotations([foreign]), undefined);
  assert.is(annotations([broken]), undefined);
  assert.is(annotations([{ ...other, spec: {} } as never]), undefined);
});

test('the answer does not depend on the order of labels or allocations', () => {
  const allocations = BLOCKS.map((cidr) => given(cidr));
  const entries = [
    ['a', '1'],
    ['b', '2'],
    ['c', '3'],
  ] as const;
  const shuffled = fc.shuffledSubarray([...entries], { minLength: 3 });
  const ask = (labels: Record<string, string>, list: readonly IPAllocation[]) =>
    JSON.stringify(sync(request(node({}, { labels }), list)));
  const expected = ask(Object.fromEntries(entries), allocations);
  fc.assert(
    fc.property(shuffled, fc.shuffledSubarray(allocations, { minLength: 2 }), (labels, list) => {
      assert.is(ask(Object.fromEntries(labels), list), expected);
    }),
  );
});

test('a node asks for its blocks of all networks but default', () => {
  assert.equal(customize({ parent: node() }, context).relatedResources, [
    {
      apiVersion: 'metaipam.io/v1alpha1',
      resource: 'ipallocations',
      namespace: 'metaipam-system',
      labelSelector: {
        matchLabels: { 'metaipam.io/claim-uid': 'uid-n' },
        matchExpressions: [{ key: 'metaipam.io/network', operator: 'NotIn', values: ['default'] }],
      },
    },
  ]);
});

test.run();
