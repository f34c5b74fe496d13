import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { customize, finalize, sync } from '../../hooks/cluster-cidrs.ts';
import type { ClusterCIDR, ClusterCIDRStatus, IPAllocation } from '../../lib/kubernetes/types.ts';
import type { DecoratorRequest } from '../../lib/metacontroller/hook.ts';
import { allocation, clusterCIDR, context, deepFreeze, keyed } from '../pod-network/objects.ts';

function request(
  object: ClusterCIDR,
  allocations: readonly IPAllocation[] = [],
): DecoratorRequest<ClusterCIDR> {
  return deepFreeze({
    object,
    attachments: {},
    related: { 'IPAllocation.metaipam.io/v1alpha1': keyed(allocations) },
  });
}

const status = (object: ClusterCIDR, allocations?: readonly IPAllocation[]) =>
  sync(request(object, allocations), context).status as ClusterCIDRStatus;
const ready = (object: ClusterCIDR, allocations?: readonly IPAllocation[]) =>
  status(object, allocations).conditions![0]!;

const dual = clusterCIDR('a', { ipv4: '10.0.0.0/20', ipv6: 'fd00::/112' });
const deleted = clusterCIDR('a', { ipv4: '10.0.0.0/20' }, { deletionTimestamp: '2026-06-01T00:00:00Z' });

test('the status counts blocks of each family, and nodes', () => {
  const blocks = ['10.0.3.0/24', 'fd00::300/120'];
  const allocations = [
    ...blocks.map((cidr) => allocation('n1', cidr, { blocks })),
    allocation('n2', '10.0.0.0/24'),
  ];
  assert.equal(sync(request(dual, allocations), context), {
    attachments: [],
    status: {
      ipv4: { total: 16, used: 2, free: 14 },
      ipv6: { total: 256, used: 1, free: 255 },
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
  });
});

test('podCIDRs of other sizes use every block that they touch, once', () => {
  const allocations = [
    allocation('larger', '10.0.4.0/22'),
    allocation('smaller', '10.0.8.128/26'),
    allocation('same', '10.0.8.192/26'),
  ];
  assert.equal(status(dual, allocations).ipv4, { total: 16, used: 5, free: 11 });
});

test('a range of one family has no counts of the other', () => {
  assert.equal(Object.keys(status(deleted)), ['ipv4', 'nodes', 'conditions', 'observedGeneration']);
  const six = clusterCIDR('a', { ipv6: 'fd00::/112', ipv4: '' });
  assert.equal(Object.keys(status(six)), ['ipv6', 'nodes', 'conditions', 'observedGeneration']);
});

test('counts are exact up to the largest int64, and stay there', () => {
  const counts = (ipv6: string) => {
    const object = clusterCIDR('a', { ipv6, perNodeHostBits: 8 });
    return JSON.stringify(status(object, [allocation('n', 'fd00::/120')]).ipv6);
  };
  assert.is(counts('fd00::/59'), '{"total":2305843009213693952,"used":1,"free":2305843009213693951}');
  assert.is(counts('fd00::/8'), '{"total":9223372036854775807,"used":1,"free":9223372036854775807}');
});

test('a ClusterCIDR without a free block in one of its ranges is not ready', () => {
  const small = clusterCIDR('a', { ipv4: '10.0.0.0/20', ipv6: 'fd00::/120' });
  assert.is(ready(small).reason, 'Ready');
  const full = ready(small, [allocation('n', 'fd00::/120')]);
  assert.is(full.status, 'False');
  assert.is(full.reason, 'PoolExhausted');
});

test('an invalid ClusterCIDR says why, and still counts its nodes', () => {
  const broken = clusterCIDR('a', { ipv4: '10.0.0.0/28', perNodeHostBits: 8 });
  const { nodes, conditions, ipv4 } = status(broken, [allocation('n', '10.0.0.0/24')]);
  assert.is(nodes, 1);
  assert.is(ipv4, undefined);
  assert.is(conditions![0]!.reason, 'InvalidSpec');
  assert.is(
    conditions![0]!.message,
    'spec.perNodeHostBits: Invalid value: 8: must not be more than the 4 host bits of ipv4',
  );
  assert.is(ready({ ...broken, spec: undefined } as never).reason, 'InvalidSpec');
});

test('the condition keeps its time until its status flips', () => {
  const [condition] = status(dual).conditions!;
  const before = { ...condition!, lastTransitionTime: '2026-01-01T00:00:00Z' };
  const at = (is: 'True' | 'False') => ({ ...dual, status: { conditions: [{ ...before, status: is }] } });
  assert.is(ready(at('True')).lastTransitionTime, '2026-01-01T00:00:00Z');
  assert.is(ready(at('False')).lastTransitionTime, '2026-06-01T12:00:00Z');
});

test('C5 SyncClusterCIDRDelete: without nodes it may go', () => {
  const response = finalize(request(deleted), context);
  assert.is(response.finalized, true);
  assert.equal(response.attachments, []);
});

test('it may go once it would have seen what was made of it', () => {
  const { metadata } = deleted;
  const now = Date.parse(metadata.deletionTimestamp!) + 1000 * (context.config.cacheLagSeconds - 1);
  const early = finalize(request(deleted), { ...context, now });
  assert.is(early.finalized, false);
  assert.is(early.resyncAfterSeconds, 1);
  assert.is(finalize(request(deleted), { ...context, now: now + 1000 }).finalized, true);
});

test('C5 DeleteWithNodesAssociated: it stays, and says how many nodes hold it', () => {
  const allocations = [allocation('n1', '10.0.0.0/24'), allocation('n2', '10.0.1.0/24')];
  const held = finalize(request(deleted, allocations), context);
  assert.is(held.finalized, false);
  const [condition] = (held.status as ClusterCIDRStatus).conditions!;
  assert.is(condition!.reason, 'Deleting');
  assert.is(condition!.message, '2 nodes with blocks of this ClusterCIDR');
});

test('F4 it is held by what the API server holds: a restart forgets nothing', () => {
  const labelled = { ...deleted, spec: { ...deleted.spec, nodeSelector: { nodeSelectorTerms: [{}] } } };
  assert.is(finalize(request(labelled, [allocation('n', '10.0.0.0/24')]), context).finalized, false);
});

test('F15 it goes with the sync that sees the last allocation gone', () => {
  const one = [allocation('n', '10.0.0.0/24')];
  assert.is(finalize(request(deleted, one), context).finalized, false);
  assert.is(finalize(request(deleted, []), context).finalized, true);
});

test('allocations that name another ClusterCIDR do not count; those of an earlier uid do', () => {
  const other = allocation('n', '10.0.0.0/24', { from: 'b' });
  assert.is(status(dual, [other]).nodes, 0);
  const restored = clusterCIDR('a', { ipv4: '10.0.0.0/20' }, { uid: 'restored' });
  assert.is(status(restored, [allocation('n', '10.0.0.0/24')]).nodes, 1);
});

test('a ClusterCIDR asks for its allocations by label, and a long name is shortened there', () => {
  const rule = (name: string) => customize({ parent: clusterCIDR(name, {}) }, context).relatedResources[0]!;
  assert.equal(rule('a'), {
    apiVersion: 'metaipam.io/v1alpha1',
    resource: 'ipallocations',
    namespace: 'metaipam-system',
    labelSelector: { matchLabels: { 'metaipam.io/cluster-cidr': 'a' } },
  });
  const value = rule('x'.repeat(100)).labelSelector!.matchLabels!['metaipam.io/cluster-cidr']!;
  assert.match(value, /^x{46}_[0-9a-f]{16}$/);
});

test.run();
