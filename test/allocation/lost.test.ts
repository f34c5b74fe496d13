import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { formatPrefix, formatRange, parsePrefix } from '../../lib/address/range.ts';
import {
  isLongMissing,
  listedSlices,
  lostPieces,
  lostSlices,
  slicesMissing,
} from '../../lib/allocation/lost.ts';
import { pieceOfName } from '../../lib/allocation/names.ts';
import type { AllocationSlice, SliceEntry } from '../../lib/kubernetes/types.ts';
import { DEFAULT_CONFIG } from '../../lib/metacontroller/hook.ts';

/** Its piece is that of its name, if it has one. */
function slice(name: string, keys: readonly string[], closed?: true): AllocationSlice {
  const entries: Record<string, SliceEntry> = {};
  for (const key of keys) entries[key] = { uid: 'uid', name: 'claim' };
  return {
    apiVersion: 'metaipam.io/v1alpha1',
    kind: 'AllocationSlice',
    metadata: { name, namespace: 'default' },
    spec: {
      poolRef: { apiGroup: 'g', kind: 'InClusterIPPool', name: 'pool', uid: 'uid' },
      cidr: formatPrefix(pieceOfName(name)?.piece ?? parsePrefix('10.0.0.0/27')!),
      entries,
      ...(closed && { closed }),
    },
  };
}

test('a slice is lost if the status lists it and it is not in view', () => {
  const [a, b] = ['pool.10.0.0.0-27', 'pool.10.0.0.32-27'];
  const lost = (listed: readonly string[] | undefined, slices: readonly AllocationSlice[]) =>
    lostSlices(
      {
        apiVersion: 'g/v1',
        kind: 'InClusterIPPool',
        metadata: { name: 'pool' },
        ...(listed && { status: { slices: listed } }),
      },
      slices,
    );
  assert.equal(lost([a, b], [slice(b, [])]), [a]);
  assert.equal(lost(undefined, [slice(b, [])]), []);
  assert.equal(lost(['pool.answers-0', 'anything', ''], []), [], 'such names keep no piece');
  assert.equal(
    lost(['pool.10.0.0.0-26', 'other.10.0.0.0-27', 'pool.10.0.0.0-27.global'], []),
    [],
    'nor do these of its own',
  );
  assert.equal(
    lost(['lab.10.0.0.7-32.shared'], []),
    ['lab.10.0.0.7-32.shared'],
    'whatever space it is in now',
  );
});

test('the status lists what holds something, and what is lost', () => {
  const [a, b, c, d] = ['pool.10.0.0.0-27', 'pool.10.0.0.32-27', 'pool.10.0.0.64-27', 'pool.10.0.0.96-27'];
  const slices = [
    slice(d, ['10.0.0.97']),
    slice(c, []),
    slice(b, [], true),
    slice(a, ['10.0.0.2']),
    slice('pool.twin', ['10.0.0.2']),
  ];
  assert.equal(listedSlices(slices, ['gone']), ['gone', a, d]);
  assert.equal(listedSlices([], []), []);
});

test('a lost slice keeps its piece, and what a block that starts there may reach; one of answers keeps none', () => {
  const pieces = lostPieces([
    'pool.10.0.0.64-27',
    'default.10.244.0.0-19.24',
    'lan.10.0.0.0-21.by50',
    'pool.answers-0',
    'nonsense',
  ]);
  assert.equal(pieces.map(formatRange), [
    '10.0.0.64-10.0.0.95',
    '10.244.0.0-10.244.31.255',
    '10.0.0.0-10.0.8.48',
  ]);
});

test('the condition names the first of the lost', () => {
  assert.equal(slicesMissing([]), {
    type: 'SlicesMissing',
    status: 'False',
    reason: 'AllInView',
    message: '',
  });
  const many = Array.from({ length: 500 }, (_, n) => `pool.10.0.${n}.0-27`);
  const { status, reason, message } = slicesMissing(many);
  assert.equal([status, reason], ['True', 'SlicesLost']);
  assert.match(message, 'pool.10.0.0.0-27');
  assert.ok(message.length < 1000);
});

test('slices are missing for long once the caches cannot lag behind that any more', () => {
  const lastTransitionTime = '2026-01-02T03:04:05Z';
  const at = (seconds: number) => ({
    now: Date.parse(lastTransitionTime) + seconds * 1000,
    config: { ...DEFAULT_CONFIG, cacheLagSeconds: 30 },
  });
  const missing = { ...slicesMissing(['a']), lastTransitionTime };
  const ready = { type: 'Ready', status: 'True', reason: 'Ready', message: '', lastTransitionTime } as const;
  assert.not(isLongMissing([ready], at(999)));
  assert.ok(isLongMissing([{ ...ready, status: 'False' }, missing], at(30)));
  assert.not(isLongMissing([missing], at(29)));
  assert.ok(isLongMissing([missing], at(30)));
  assert.not(isLongMissing([{ ...slicesMissing([]), lastTransitionTime }], at(999)));
  assert.not(isLongMissing([], at(999)));
  assert.not(isLongMissing(undefined, at(999)));
});

test.run();
