import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { claimIsGone, newestVersion, secondsSince } from '../../lib/allocation/release.ts';
import { DEFAULT_CONFIG, type HookContext } from '../../lib/metacontroller/hook.ts';

const NOW = Date.parse('2026-01-02T03:04:05Z');
const context: HookContext = { now: NOW, config: { ...DEFAULT_CONFIG, cacheLagSeconds: 30 } };

function object(resourceVersion: string, ageSeconds = 0) {
  const creationTimestamp = new Date(NOW - ageSeconds * 1000).toISOString();
  return { apiVersion: 'v1', kind: 'Thing', metadata: { name: 'thing', resourceVersion, creationTimestamp } };
}

test('a claim in view that was written after the allocation proves that the view is recent', () => {
  assert.ok(claimIsGone(object('100'), '101', context));
  assert.ok(claimIsGone(object('99'), '100', context), 'resourceVersions are numbers, not texts');
  assert.ok(claimIsGone(object('9007199254740992'), '9007199254740993', context), 'of 64 bits');
});

test('an older one, or none, proves nothing about a young allocation', () => {
  assert.not(claimIsGone(object('100'), '99', context));
  assert.not(claimIsGone(object('100'), '100', context));
  assert.not(claimIsGone(object('1000'), '999', context));
  assert.not(claimIsGone(object('100'), undefined, context));
});

test('no cache lags behind another for longer than cacheLagSeconds', () => {
  assert.not(claimIsGone(object('100', 29), undefined, context));
  assert.ok(claimIsGone(object('100', 30), undefined, context));
  assert.ok(claimIsGone(object('100', 30), '99', context));
});

test('the newest version is the highest number', () => {
  assert.is(newestVersion([object('99'), object('100'), object('98')]), '100');
  assert.is(newestVersion([]), undefined);
});

test('seconds since a time; an eternity since none', () => {
  assert.is(secondsSince('2026-01-02T03:04:00Z', NOW), 5);
  assert.is(secondsSince('2026-01-02T04:04:00+01:00', NOW), 5);
  assert.is(secondsSince('2026-01-02T03:04:06.5Z', NOW), -1.5);
  assert.is(secondsSince(undefined, NOW), Number.POSITIVE_INFINITY);
  assert.is(secondsSince('yesterday', NOW), Number.POSITIVE_INFINITY);
});

test.run();
