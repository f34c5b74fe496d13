import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { formatPrefix, parsePrefix } from '../../lib/address/range.ts';
import {
  isLongMissing,
  listedSlices,
  lostPieces,
  lostSlices,
  slicesMissing,
} from '../../lib/allocation/lost.ts';
import type { AllocationSlice, SliceEntry } from '../../lib/kubernetes/types.ts';
import { DEFAULT_CONFIG } from '../../lib/metacontroller/hook.ts';

function slice(name: string, keys: readonly string[], closed?: true): AllocationSlice {
  const entries: Record<string, SliceEntry> = {};
  for (const key of keys) entries[key] = { uid: 'uid', name: 'claim' };
  return {
    apiVersion: 'metaipam.io/v1alpha1',
    kind: 'AllocationSlice',
    metadata: { name, namespace: 'default' },
    spec: {
      poolRef: { apiGroup: 'g', kind: 'Pool', name: 'pool', uid: 'uid' },
      cidr: '10.0.0.0/27',
      entries,
      ...(closed && { closed }),
    },
  };
}

test('a slice is lost if the status lists it and it is not in view', () => {
  const [a, b] = ['pool.10.0.0.0-26', 'pool.10.0.0.64-26'];
  assert.equal(lostSlices([a, b], [slice(b, [])]), [a]);
  assert.equal(lostSlices(undefined, [slice(b, [])]), []);
  assert.equal(lostSlices(['pool.answers-0', 'anything', ''], []), [], 'such names keep no piece');
});

test('the status lists what holds something, and what is lost', () => {
  const slices = [
    slice('z', ['10.0.0.1']),
    slice('empty', []),
    slice('closed', [], true),
    slice('b', ['10.0.0.2']),
  ];
  assert.equal(listedSlices(slices, ['gone']), ['b', 'gone', 'z']);
  assert.equal(listedSlices([], []), []);
});

test('a lost slice keeps its piece; one of answers keeps none', () => {
  const pieces = lostPieces(['pool.10.0.0.64-27', 'default.10.244.0.0-19.24', 'pool.answers-0', 'nonsense']);
  assert.equal(pieces, [parsePrefix('10.0.0.64/27'), parsePrefix('10.244.0.0/19')]);
  assert.is(formatPrefix(parsePrefix('10.0.0.64/27')!), '10.0.0.64/27');
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
