import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DEFAULT_CONFIG } from '../../lib/metacontroller/hook.ts';
import { seeClaim } from '../../lib/page/seen-claim.ts';
import { groupWaiting, seePool, usageOf } from '../../lib/page/seen-pool.ts';
import { claim, claims, syncedPool } from './requests.ts';

const see = (...given: Parameters<typeof syncedPool>) => {
  const { request, response } = syncedPool(...given);
  return seePool(request, response, DEFAULT_CONFIG);
};

test('a pool with room: addresses in use, nobody waits', () => {
  const seen = see({ claims: claims(2) });
  assert.is(seen.used, '10.0.0.2 10.0.0.3');
  assert.equal(seen.counts, { total: 5n, used: 2n, free: 3n, outOfRange: 0n });
  assert.equal(seen.waiting, []);
  const { space, ...usage } = usageOf(seen);
  assert.is(usage.used, 2n);
  assert.is(usage.total, 5n);
  assert.equal(
    space.segments.map(({ state, first, last }) => [state, last - first + 1n]),
    [
      ['reserved', 1n],
      ['gateway', 1n],
      ['used', 2n],
      ['free', 3n],
      ['reserved', 1n],
    ],
  );
});

test('an exhausted pool: who waits, by reason', () => {
  const seen = see({ claims: claims(9) });
  assert.is(seen.state.reason, 'PoolExhausted');
  assert.is(seen.waitingCount, 4);
  assert.equal(seen.waiting, [
    {
      reason: 'PoolExhausted',
      message: 'InClusterIPPool ns/a has no free address',
      count: 4,
      names: 'ns/c00005\nns/c00006\nns/c00007\nns/c00008',
    },
  ]);
});

test("a claim's own condition says more than its pool", () => {
  const conditions = [
    {
      type: 'Ready',
      status: 'False',
      reason: 'Paused',
      message: 'the claim is paused',
      lastTransitionTime: '',
    },
  ];
  const { waiting } = see({ claims: [claim('c', { status: { conditions } })] });
  assert.equal(waiting, [{ reason: 'Paused', message: 'the claim is paused', count: 1, names: 'ns/c' }]);
});

test('claims that are served, going, or of another pool do not wait', () => {
  const { waitingCount } = see({
    addresses: ['10.0.0.1'],
    claims: [
      claim('bound', { status: { addressRef: { name: 'bound' } } }),
      claim('of-another', {}, 'b'),
      {
        ...claim('going'),
        metadata: { ...claim('going').metadata, deletionTimestamp: '2026-01-01T00:00:00Z' },
      },
    ],
  });
  assert.is(waitingCount, 0);
});

test('an invalid and a paused pool say so', () => {
  assert.is(see({ addresses: ['nonsense'] }).state.reason, 'InvalidSpec');
  assert.is(see({ annotations: { 'cluster.x-k8s.io/paused': '' } }).state.reason, 'Paused');
});

test('counts beyond 2^53 keep every digit', () => {
  const { counts } = see({ addresses: ['fd00::/64'], prefix: 64, gateway: 'fd00::1' });
  assert.is(counts.total, 2n ** 63n - 1n);
});

test('65,000 addresses are kept in less than two megabytes', () => {
  const { request, response } = syncedPool({
    addresses: ['10.0.0.0/16'],
    prefix: 16,
    claims: claims(65_000),
  });
  const seen = seePool(request, response, DEFAULT_CONFIG);
  assert.is(usageOf(seen).used, 65_000n);
  assert.ok(JSON.stringify(seen.used).length < 1_000_000);
  assert.ok(Buffer.byteLength(JSON.stringify({ ...seen, counts: undefined })) < 2_000_000);
});

test('many reasons: a hundred are kept apart', () => {
  const waiting = Array.from({ length: 500 }, (_, index) => ({
    name: `c${index}`,
    reason: 'AllocationFailed',
    message: `no ${Math.floor(index / 2)}`,
  }));
  const groups = groupWaiting(waiting);
  assert.is(groups.length, 101);
  assert.is(
    groups.reduce((sum, { count }) => sum + count, 0),
    500,
  );
  assert.is(groups.at(-1)!.reason, 'Other');
});

test('a claim is kept while it waits', () => {
  const request = { object: claim('c'), attachments: {}, related: {} };
  assert.equal(seeClaim(request, { attachments: [] }), {
    name: 'ns/c',
    reason: 'Unanswered',
    message: 'its pool has not answered yet',
    pool: 'InClusterIPPool/ns/a',
  });
  assert.is(seeClaim(request, { attachments: [], status: { addressRef: { name: 'c' } } }), undefined);
  const foreign = claim('c', { spec: { poolRef: { apiGroup: 'other', kind: 'Pool', name: 'a' } } });
  assert.is(seeClaim({ ...request, object: foreign }, { attachments: [] }), undefined);
});

test.run();
