import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { customize, sync as syncNode } from '../../hooks/nodes.ts';
import type { Node } from '../../lib/kubernetes/core-types.ts';
import type { AllocationSlice, PodCIDRClaim, PodCIDRClaimSpec } from '../../lib/kubernetes/types.ts';
import type { DecoratorRequest } from '../../lib/metacontroller/hook.ts';
import { labelKeysDigest } from '../../lib/pod-network/network-slices.ts';
import {
  allocation,
  claim,
  context,
  deepFreeze,
  type Given,
  keyed,
  slice,
  slicesOf,
} from '../pod-network/objects.ts';

function node(spec: Node['spec'] = {}, metadata: Partial<Node['metadata']> = {}): Node {
  return { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n', uid: 'uid-n', ...metadata }, spec };
}

function request(
  object: Node,
  slices: readonly AllocationSlice[] = [],
  claims: readonly PodCIDRClaim[] = [claim('n')],
): DecoratorRequest<Node> {
  return deepFreeze({
    object,
    attachments: { 'PodCIDRClaim.metaipam.io/v1alpha1': keyed(claims) },
    related: { 'AllocationSlice.metaipam.io/v1alpha1': keyed(slices) },
  });
}

const STORAGE = 'kube-node.nordix.org/storage';
const BLOCKS = ['10.1.0.0/24', 'fd01::/120'];
const given = (
  cidr: string,
  blocks = BLOCKS,
  more: { since?: string; released?: string; confirmed?: boolean } = {},
) => allocation('n', cidr, { blocks, network: 'storage', ...more });
const shown = (allocations: readonly Given[], { key = STORAGE, withdrawn = false, settings = '' } = {}) =>
  slicesOf(allocations, {
    annotations: {
      'metaipam.io/node-annotation': key,
      ...(settings && { 'metaipam.io/range-settings': settings }),
      ...(withdrawn && { 'metaipam.io/withdrawn-at': '2026-06-01T12:00:00Z' }),
    },
  });
const annotations = (slices: readonly AllocationSlice[], present: Record<string, string> = {}) =>
  sync(request(node({}, { annotations: present }), slices)).annotations;
const sync = (asked: DecoratorRequest<Node>) => syncNode(asked, context);
const specOf = (asked: DecoratorRequest<Node>) => sync(asked).attachments[0]!.spec as PodCIDRClaimSpec;
const asks = (network: string, labelKeys: string[], annotation?: string) =>
  slice(
    `${network}.label-keys-0.network`,
    network,
    { labelKeys },
    annotation === undefined ? {} : { annotations: { 'metaipam.io/node-annotation': annotation } },
  );

test('of networks with one annotation a node shows the one that was first, whichever ring', () => {
  const present = ['2026-01-01', '2026-01-02'].map((day, index) =>
    slice(
      `${index}.label-keys-0.network`,
      ['zebra', 'ant'][index]!,
      { labelKeys: [] },
      { creationTimestamp: `${day}T00:00:00Z`, annotations: { 'metaipam.io/node-annotation': STORAGE } },
    ),
  );
  const of = (network: string, cidr: string) =>
    slicesOf([allocation('n', cidr, { network })], {
      annotations: { 'metaipam.io/node-annotation': STORAGE },
    });
  const [zebra, ant] = [of('zebra', '10.1.0.0/24'), of('ant', '10.0.0.0/24')];
  assert.equal(annotations([...present, ...zebra, ...ant]), { [STORAGE]: '10.1.0.0/24' });
  assert.is(annotations([...present, ...ant], { [STORAGE]: '10.1.0.0/24' }), undefined);
  assert.equal(annotations([present[1]!, ...ant], { [STORAGE]: '10.1.0.0/24' }), {
    [STORAGE]: '10.0.0.0/24',
  });
});

test('a node has a PodCIDRClaim with its uid, podCIDRs and the labels that some network asks for', () => {
  const labels = { zone: 'a', 'kubernetes.io/os': 'linux', other: 'x' };
  const podCIDRs = ['10.244.3.0/24', 'fd00:0:0:3::/64'];
  const slices = [asks('default', ['zone', 'gpu']), asks('storage', ['kubernetes.io/os', 'zone'])];
  assert.equal(sync(request(node({ podCIDR: '10.244.3.0/24', podCIDRs }, { labels }), slices)), {
    attachments: [
      {
        apiVersion: 'metaipam.io/v1alpha1',
        kind: 'PodCIDRClaim',
        metadata: { name: 'n' },
        spec: {
          nodeUID: 'uid-n',
          nodeLabels: { 'kubernetes.io/os': 'linux', zone: 'a' },
          labelKeys: {
            default: labelKeysDigest(['gpu', 'zone']),
            storage: labelKeysDigest(['kubernetes.io/os', 'zone']),
          },
          podCIDRs: ['10.244.3.0/24', 'fd00:0:0:3::/64'],
        },
      },
    ],
  });
});

test('a node of 10 000 labels has a small claim; names of the language’s own objects are no labels', () => {
  const labels = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`label-${index}`, 'x']));
  const spec = specOf(request(node({}, { labels }), [asks('default', ['constructor', 'label-7'])]));
  assert.equal(spec.nodeLabels, { 'label-7': 'x' });
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
  ['IPv6 first', { podCIDRs: ['fd00::/64', '10.0.0.0/24'] }, ['fd00::/64', '10.0.0.0/24']],
  ['with leading zeros', { podCIDRs: ['010.00.000.0/024'] }, ['10.0.0.0/24']],
  ['IPv4-mapped', { podCIDRs: ['::ffff:10.0.2.0/120'] }, ['10.0.2.0/24']],
  ['unreadable', { podCIDRs: ['10.0.0.256/24'] }, ['10.0.0.256/24']],
];
for (const [title, spec, expected] of POD_CIDRS) {
  test(`podCIDRs ${title}`, () => {
    assert.equal(specOf(request(node(spec))).podCIDRs, expected);
  });
}

test('F7 a terminating node keeps its claim and its annotations', () => {
  const metadata = { deletionTimestamp: '2026-06-01T00:00:00Z', finalizers: ['karpenter.sh/termination'] };
  const podCIDRs = ['10.0.0.0/24'];
  const slices = shown(BLOCKS.map((cidr) => given(cidr)));
  assert.equal(
    sync(request(node({ podCIDRs }, metadata), slices)),
    sync(request(node({ podCIDRs }), slices)),
  );
});

test('until the claim is in view, the node looks again: the claim of an earlier node may stand in the way', () => {
  assert.is(sync(request(node(), [], [])).resyncAfterSeconds, 10);
});

test('a node without podCIDRs looks again: it may not have been told by which labels networks select', () => {
  assert.is(sync(request(node())).resyncAfterSeconds, 600);
  assert.is(sync(request(node({ podCIDRs: ['10.0.0.0/24'] }))).resyncAfterSeconds, undefined);
});

test('a PodCIDRClaim of another Node goes, and is made again once it has gone', () => {
  const own = claim('n');
  const other = { ...own, spec: { ...own.spec, nodeUID: 'uid-of-then' } };
  const { attachments, resyncAfterSeconds } = sync(request(node(), [], [other]));
  assert.equal([attachments, resyncAfterSeconds], [[], 10]);
  assert.is(sync(request(node(), [], [own])).attachments.length, 1);
});

test('the blocks of a network are shown once all of them have their entries, in their order', () => {
  assert.is(annotations([]), undefined);
  assert.is(annotations(shown([given('fd01::/120')])), undefined);
  assert.equal(annotations(shown([given('fd01::/120'), given('10.1.0.0/24')])), {
    [STORAGE]: '10.1.0.0/24,fd01::/120',
  });
  const reversed = BLOCKS.toReversed();
  assert.equal(annotations(shown(BLOCKS.map((cidr) => given(cidr, reversed)))), {
    [STORAGE]: 'fd01::/120,10.1.0.0/24',
  });
});

test('every network has its own key', () => {
  const other = shown([allocation('n', '10.2.0.0/24', { network: 'other' })], { key: 'example.com/ranges' });
  assert.equal(annotations([...shown(BLOCKS.map((cidr) => given(cidr))), ...other]), {
    'example.com/ranges': '10.2.0.0/24',
    [STORAGE]: '10.1.0.0/24,fd01::/120',
  });
});

test('blocks of the default network are not shown', () => {
  assert.is(annotations(slicesOf([allocation('n', '10.0.0.0/24')])), undefined);
});

test('of two decisions the complete one is shown, else neither; of two complete ones the older', () => {
  const second = ['10.1.1.0/24', 'fd01::100/120'];
  const later = second.map((cidr) => given(cidr, second, { since: '2026-05-01T00:00:09Z' }));
  const first = BLOCKS.map((cidr) => given(cidr));
  assert.equal(annotations(shown([...later, ...first])), { [STORAGE]: BLOCKS.join() });
  assert.equal(annotations(shown([...later, first[1]!])), { [STORAGE]: second.join() });
  assert.is(annotations(shown([later[0]!, first[1]!])), undefined);
});

test('blocks are shown once all of them are confirmed, and others of the node do not count then', () => {
  const second = ['10.1.1.0/24', 'fd01::100/120'];
  const younger = second.map((cidr) => given(cidr, second, { since: '2026-05-01T00:00:09Z' }));
  const untold = (cidr: string) => given(cidr, BLOCKS, { confirmed: false });
  assert.is(annotations(shown(BLOCKS.map(untold))), undefined);
  assert.is(annotations(shown([given(BLOCKS[0]!), untold(BLOCKS[1]!)])), undefined);
  assert.equal(annotations(shown([...BLOCKS.map(untold), ...younger])), { [STORAGE]: second.join() });
  const all = [...BLOCKS, '10.1.9.0/24', 'fd01::900/120'];
  const growing = all.map((cidr, index) => given(cidr, all, { confirmed: index < 3 }));
  assert.is(annotations(shown(growing), { [STORAGE]: BLOCKS.join() }), undefined);
  const withdrawn = shown(BLOCKS.map(untold), { withdrawn: true });
  assert.equal(annotations(withdrawn, { [STORAGE]: BLOCKS.join() }), { [STORAGE]: null });
});

test('what is released is not shown', () => {
  const released = '2026-06-01T12:00:00Z';
  assert.is(annotations(shown(BLOCKS.map((cidr) => given(cidr, BLOCKS, { released })))), undefined);
});

test('an annotation stays when its slices are out of view, and follows a new decision', () => {
  const present = { [STORAGE]: BLOCKS.join(), 'example.com/mine': 'x' };
  assert.is(annotations([], present), undefined);
  assert.equal(annotations(shown([given('10.1.1.0/24', ['10.1.1.0/24'])]), present), {
    [STORAGE]: '10.1.1.0/24',
  });
});

test('an annotation goes when its network withdraws its blocks, unless somebody changed it', () => {
  const value = BLOCKS.join();
  const withdrawn = shown(
    BLOCKS.map((cidr) => given(cidr)),
    { withdrawn: true },
  );
  const halfWay = [withdrawn[0]!, ...shown([given('fd01::/120')])];
  for (const slices of [withdrawn, halfWay, [withdrawn[1]!]]) {
    assert.equal(annotations(slices, { [STORAGE]: value }), { [STORAGE]: null });
    assert.is(annotations(slices, { [STORAGE]: '10.9.0.0/24' }), undefined);
    assert.is(annotations(slices), undefined);
    assert.is(sync(request(node(), slices)).annotations, undefined);
  }
});

const ROUTED = { settings: '{"routes":[{"dst":"0.0.0.0/0"}]}' };
const WITH_ROUTE = '{"ranges":["10.1.0.0/24","fd01::/120"],"routes":[{"dst":"0.0.0.0/0"}]}';

test('what a network says of its blocks besides is in the annotation', () => {
  const slices = shown(
    BLOCKS.map((cidr) => given(cidr)),
    ROUTED,
  );
  assert.equal(annotations(slices, { [STORAGE]: BLOCKS.join() }), { [STORAGE]: WITH_ROUTE });
});

test('blocks are withdrawn whatever was said of them besides', () => {
  const withdrawn = shown(
    BLOCKS.map((cidr) => given(cidr)),
    { withdrawn: true },
  );
  assert.equal(annotations(withdrawn, { [STORAGE]: WITH_ROUTE }), { [STORAGE]: null });
});

test('with settings that somebody has broken an annotation stays as it is', () => {
  const broken = shown(
    BLOCKS.map((cidr) => given(cidr)),
    { settings: '{"routes":7}' },
  );
  assert.is(annotations(broken, { [STORAGE]: WITH_ROUTE }), undefined);
});

test('an annotation grows by what the node gets besides, once that is there', () => {
  const all = ['10.1.0.0/24', 'fd01::/120', '10.1.9.0/24', 'fd01::900/120'];
  const partly = all.map((cidr, index) => given(cidr, index < 2 ? BLOCKS : all));
  assert.equal(annotations(shown(partly)), { [STORAGE]: all.join() });
  assert.is(annotations(shown(all.slice(0, 3).map((cidr) => given(cidr, all)))), undefined);
  const withdrawn = shown(
    all.map((cidr) => given(cidr, all)),
    { withdrawn: true },
  );
  for (const value of [all, BLOCKS]) {
    assert.equal(annotations(withdrawn, { [STORAGE]: value.join() }), { [STORAGE]: null });
  }
  assert.is(annotations(withdrawn, { [STORAGE]: [...all].reverse().join() }), undefined);
});

test('the claim shows the annotations of networks as the node will have them', () => {
  const value = BLOCKS.join();
  const slices = shown(BLOCKS.map((cidr) => given(cidr)));
  const withdrawn = shown(
    BLOCKS.map((cidr) => given(cidr)),
    { withdrawn: true },
  );
  const has = (text: string) => node({}, { annotations: { [STORAGE]: text, 'example.com/mine': 'x' } });
  const remembers = claim('n', { nodeAnnotations: { [STORAGE]: 'old' } });
  const showsNow = (object: Node, list: readonly AllocationSlice[], own = claim('n')) =>
    specOf(request(object, list, [own])).nodeAnnotations;
  assert.equal(showsNow(node(), slices), { [STORAGE]: value });
  assert.is(showsNow(has(value), withdrawn), undefined);
  assert.equal(showsNow(has('10.9.0.0/24'), [asks('storage', [], STORAGE)]), { [STORAGE]: '10.9.0.0/24' });
  assert.equal(showsNow(has('10.9.0.0/24'), [], remembers), { [STORAGE]: '10.9.0.0/24' });
  assert.is(showsNow(node(), [], remembers), undefined);
  assert.is(showsNow(has('10.9.0.0/24'), []), undefined);
});

test('the entries of another node are not shown', () => {
  const other = allocation('m', '10.1.0.0/24', { network: 'storage' });
  assert.is(annotations(shown([other])), undefined);
  assert.equal(annotations(shown([other, given('10.1.1.0/24', ['10.1.1.0/24'])])), {
    [STORAGE]: '10.1.1.0/24',
  });
});

test('the answer does not depend on the order of labels or slices', () => {
  const other = shown([allocation('n', '10.2.0.0/24', { network: 'other' })], { key: 'example.com/ranges' });
  const slices = [
    ...[...shown(BLOCKS.map((cidr) => given(cidr))), ...other],
    ...[asks('storage', ['d', 'a'], STORAGE), asks('default', ['b', 'a', 'c'], 'example.com/ranges')],
  ];
  const entries = [
    ['a', '1'],
    ['b', '2'],
    ['c', '3'],
  ] as const;
  const shuffled = fc.shuffledSubarray([...entries], { minLength: 3 });
  const ask = (labels: Record<string, string>, list: readonly AllocationSlice[]) =>
    JSON.stringify(sync(request(node({}, { labels }), list)));
  const expected = ask(Object.fromEntries(entries), slices);
  fc.assert(
    fc.property(shuffled, fc.shuffledSubarray(slices, { minLength: slices.length }), (labels, list) => {
      assert.is(ask(Object.fromEntries(labels), list), expected);
    }),
  );
});

test('a node asks for the slices with its bell, and for the labels to tell', () => {
  const slicesWith = (key: string) => ({
    apiVersion: 'metaipam.io/v1alpha1',
    resource: 'allocationslices',
    namespace: 'metaipam-system',
    labelSelector: { matchExpressions: [{ key, operator: 'Exists' }] },
  });
  assert.equal(customize({ parent: node() }, context).relatedResources, [
    slicesWith('claim.metaipam.io/uid-n'),
    slicesWith('metaipam.io/label-keys'),
  ]);
});

test.run();
