import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  askAgainIn,
  holderIsGone,
  newestVersion,
  secondsHeld,
  secondsSince,
  secondsUntilAllIsSeen,
} from '../../lib/allocation/hold.ts';
import { DEFAULT_CONFIG, type HookContext } from '../../lib/metacontroller/hook.ts';

const NOW = Date.parse('2026-01-02T03:04:05Z');
const context: HookContext = { now: NOW, config: { ...DEFAULT_CONFIG, cacheLagSeconds: 30 } };

function ago(seconds: number): string {
  return new Date(NOW - seconds * 1000).toISOString();
}

function listed(resourceVersion: string, ageSeconds = 0) {
  return { resourceVersion, since: ago(ageSeconds) };
}

function object(resourceVersion: string) {
  return { apiVersion: 'v1', kind: 'Thing', metadata: { name: 'thing', resourceVersion } };
}

test('a holder in view that was written after the slice proves that the view is recent', () => {
  assert.ok(holderIsGone(listed('100'), '101', context));
  assert.ok(holderIsGone(listed('99'), '100', context), 'resourceVersions are numbers, not texts');
  assert.ok(holderIsGone(listed('9007199254740992'), '9007199254740993', context), 'of 64 bits');
});

test('an older one, or none, proves nothing about what was given out just now', () => {
  assert.not(holderIsGone(listed('100'), '99', context));
  assert.not(holderIsGone(listed('100'), '100', context));
  assert.not(holderIsGone(listed('1000'), '999', context));
  assert.not(holderIsGone(listed('100'), undefined, context));
});

test('no cache lags behind another for longer than cacheLagSeconds', () => {
  assert.not(holderIsGone(listed('100', 29), undefined, context));
  assert.ok(holderIsGone(listed('100', 30), undefined, context));
  assert.ok(holderIsGone(listed('100', 30), '99', context));
  assert.ok(holderIsGone({ resourceVersion: '100', since: undefined }, '99', context), 'of unknown age');
});

test('what takes long is asked again before, should the clock have been wrong', () => {
  assert.equal([1.5, 30, 300, 301, 1e12].map(askAgainIn), [2, 30, 300, 300, 300]);
});

test('the newest version is the highest number', () => {
  assert.is(newestVersion([object('99'), object('100'), object('98')]), '100');
  assert.is(newestVersion([]), undefined);
});

test('what an object that is being deleted does not see is not there once the caches cannot lag any more', () => {
  const deleted = (seconds: number) => {
    const { metadata, ...rest } = object('1');
    return { ...rest, metadata: { ...metadata, deletionTimestamp: ago(seconds) } };
  };
  assert.is(secondsUntilAllIsSeen(deleted(0), context), 30);
  assert.is(secondsUntilAllIsSeen(deleted(29.5), context), 0.5);
  assert.is(secondsUntilAllIsSeen(deleted(31), context), 0);
  assert.is(secondsUntilAllIsSeen(deleted(-10), context), 40);
});

test('what is released is held for the grace period, from now at the latest', () => {
  assert.is(secondsHeld(ago(0), 60, NOW), 60);
  assert.is(secondsHeld(ago(59), 60, NOW), 1);
  assert.is(secondsHeld(ago(61), 60, NOW), 0);
  assert.is(secondsHeld(ago(0), 0, NOW), 0);
  assert.is(secondsHeld(ago(-1_000_000), 60, NOW), 60);
  assert.is(secondsHeld('9999-12-31T23:59:59Z', 60, NOW), 60);
  assert.is(secondsHeld('once', 60, NOW), 0);
});

test('seconds since a time; an eternity since none', () => {
  assert.is(secondsSince('2026-01-02T03:04:00Z', NOW), 5);
  assert.is(secondsSince('2026-01-02T04:04:00+01:00', NOW), 5);
  assert.is(secondsSince('2026-01-02T03:04:06.5Z', NOW), -1.5);
  assert.is(secondsSince(undefined, NOW), Number.POSITIVE_INFINITY);
  assert.is(secondsSince('yesterday', NOW), Number.POSITIVE_INFINITY);
});

test.run();
