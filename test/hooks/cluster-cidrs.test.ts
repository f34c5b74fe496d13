import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { customize, finalize, sync } from '../../hooks/cluster-cidrs.ts';
import type {
  AllocationSlice,
  ClusterCIDR,
  ClusterCIDRStatus,
  SliceAnswer,
} from '../../lib/kubernetes/types.ts';
import type { DecoratorRequest } from '../../lib/metacontroller/hook.ts';
import {
  allocation,
  clusterCIDR,
  context,
  deepFreeze,
  keyed,
  network,
  slice,
  slicesOf,
} from '../pod-network/objects.ts';

function request(
  object: ClusterCIDR,
  slices: readonly AllocationSlice[] = [],
  networks = [network()],
): DecoratorRequest<ClusterCIDR> {
  return deepFreeze({
    object,
    attachments: {},
    related: {
      'AllocationSlice.metaipam.io/v1alpha1': keyed(slices),
      'PodNetwork.metaipam.io/v1alpha1': keyed(networks),
    },
  });
}

const answers = (answer: SliceAnswer, uid = 'uid-a') =>
  slice('default.answers-0.network', 'default', { answers: { [uid]: answer } });
const presence = (name = 'default') => slice(`${name}.label-keys-0.network`, name, { labelKeys: [] });
const status = (object: ClusterCIDR, ...slices: AllocationSlice[]) =>
  sync(request(object, slices), context).status as ClusterCIDRStatus;
const ready = (object: ClusterCIDR, ...slices: AllocationSlice[]) =>
  status(object, ...slices).conditions![0]!;

const dual = clusterCIDR('a', { ipv4: '10.0.0.0/20', ipv6: 'fd00::/112' });
const DELETED = { deletionTimestamp: '2026-06-01T11:59:59Z' };
const deleted = clusterCIDR('a', { ipv4: '10.0.0.0/20' }, DELETED);
const COUNTS = {
  nodes: 2,
  ipv4: { total: 16, used: 2, free: 14 },
  ipv6: { total: 256, used: 1, free: 255 },
};

test('the status is what the network says', () => {
  assert.equal(sync(request(dual, [answers({ reason: 'Ready', ...COUNTS })]), context), {
    attachments: [],
    status: {
      ipv4: COUNTS.ipv4,
      ipv6: COUNTS.ipv6,
      nodes: 2,
      conditions: [
        {
          type: 'Ready',
          status: 'True',
          reason: 'Ready',
          message: '',
          observedGeneration: 1,
          lastTransitionTime: '2026-06-01T12:00:00Z',
        },
      ],
      observedGeneration: 1,
    },
    resyncAfterSeconds: 300,
  });
});

test('what the network cannot give is not ready, for the network’s reason', () => {
  const full = ready(dual, answers({ reason: 'PoolExhausted', message: 'no IPv6 block is free', ...COUNTS }));
  assert.equal([full.status, full.reason, full.message], ['False', 'PoolExhausted', 'no IPv6 block is free']);
});

test('a ClusterCIDR without a network says so', () => {
  const lonely = ready(dual);
  assert.equal([lonely.status, lonely.reason], ['False', 'NetworkNotFound']);
  assert.is(lonely.message, 'there is no PodNetwork default');
  const labelled = clusterCIDR('a', {}, { labels: { 'metaipam.io/network': 'storage' } });
  assert.is(ready(labelled, presence()).message, 'there is no PodNetwork storage');
  const soon = ready(labelled, presence('storage'));
  assert.equal([soon.status, soon.reason], ['Unknown', 'Pending']);
});

test('what was said to another of the name does not count', () => {
  assert.is(ready(dual, answers({ reason: 'Ready', ...COUNTS }, 'uid-before')).reason, 'NetworkNotFound');
});

test('the condition keeps its time until its status flips', () => {
  const said = answers({ reason: 'Ready', nodes: 0 });
  const [condition] = status(dual, said).conditions!;
  const before = { ...condition!, lastTransitionTime: '2026-01-01T00:00:00Z' };
  const at = (is: 'True' | 'False') => ({ ...dual, status: { conditions: [{ ...before, status: is }] } });
  assert.is(ready(at('True'), said).lastTransitionTime, '2026-01-01T00:00:00Z');
  assert.is(ready(at('False'), said).lastTransitionTime, '2026-06-01T12:00:00Z');
});

const goodbye = (nodes = 0) => answers({ reason: 'Deleting', nodes });
const ends = (slices: AllocationSlice[], networks = [network()], now = context.now) =>
  finalize(request(deleted, slices, networks), { ...context, now });

test('C5 SyncClusterCIDRDelete: without nodes it may go, as soon as the network has seen that it leaves', () => {
  const response = ends([goodbye()]);
  assert.is(response.finalized, true);
  assert.equal(response.attachments, []);
  assert.is(ends([answers({ reason: 'Ready', nodes: 0 })]).finalized, false);
  for (const now of [context.now, context.now + 3_600_000]) {
    const unheard = ends([presence()], [network()], now);
    assert.equal([unheard.finalized, unheard.resyncAfterSeconds], [false, 300]);
  }
});

test('without a network it may go once it would have seen what was made of it', () => {
  const early = ends([], []);
  assert.equal([early.finalized, early.resyncAfterSeconds], [false, 29]);
  const last = ends([], [], context.now + 29_000);
  assert.equal([last.finalized, last.resyncAfterSeconds], [true, undefined]);
});

test('C5 DeleteWithNodesAssociated: it stays, and says how many nodes hold it', () => {
  const message = '2 nodes with blocks of this ClusterCIDR';
  const held = ends([answers({ reason: 'Deleting', message, nodes: 2 })]);
  assert.is(held.finalized, false);
  const [condition] = (held.status as ClusterCIDRStatus).conditions!;
  assert.equal([condition!.reason, condition!.message], ['Deleting', message]);
});

test('F4 it is held by what the API server holds: a restart, or a network that is gone, forgets nothing', () => {
  const left = slicesOf([allocation('n', '10.0.0.0/24')]);
  assert.is(ends([goodbye(), ...left]).finalized, false);
  for (const now of [context.now, context.now + 3_600_000]) {
    const held = ends(left, [], now);
    assert.equal([held.finalized, held.resyncAfterSeconds], [false, 300]);
  }
});

test('F15 it goes with the sync that sees the last block released', () => {
  const released = slicesOf([allocation('n', '10.0.0.0/24', { released: '2026-06-01T12:00:00Z' })]);
  assert.is(ends([goodbye(), ...released]).finalized, true);
});

test('blocks of another ClusterCIDR do not hold it', () => {
  assert.is(ends([goodbye(), ...slicesOf([allocation('n', '10.0.0.0/24', { from: 'b' })])]).finalized, true);
});

test('a ClusterCIDR asks for what is said to it, and when it leaves for all that may hold it', () => {
  const slices = {
    apiVersion: 'metaipam.io/v1alpha1',
    resource: 'allocationslices',
    namespace: 'metaipam-system',
  };
  const slicesWith = (key: string) => ({
    ...slices,
    labelSelector: { matchExpressions: [{ key, operator: 'Exists' }] },
  });
  const always = (name: string) => [
    slicesWith('claim.metaipam.io/uid-a'),
    { ...slices, names: [`${name}.label-keys-0.network`] },
  ];
  assert.equal(customize({ parent: dual }, context).relatedResources, always('default'));
  const storage = clusterCIDR('a', {}, { ...DELETED, labels: { 'metaipam.io/network': 'storage' } });
  assert.equal(customize({ parent: storage }, context).relatedResources, [
    ...always('storage'),
    slicesWith('metaipam.io/network'),
    { apiVersion: 'metaipam.io/v1alpha1', resource: 'podnetworks', names: ['storage'] },
  ]);
});

test.run();
