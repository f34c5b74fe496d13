import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Condition, setCondition } from '../../lib/kubernetes/conditions.ts';

const EARLIER = '2026-01-01T00:00:00Z';
const NOW = Date.parse('2026-01-02T03:04:05.678Z');
const ready: Condition = {
  type: 'Ready',
  status: 'True',
  reason: 'Ready',
  message: '',
  lastTransitionTime: EARLIER,
};
const other: Condition = { ...ready, type: 'Other' };

test('a first condition starts now, in whole seconds', () => {
  const { lastTransitionTime: _, ...next } = ready;
  assert.equal(setCondition(undefined, next, NOW), [
    { ...ready, lastTransitionTime: '2026-01-02T03:04:05Z' },
  ]);
});

test('a new reason under the same status keeps the time', () => {
  const next = { type: 'Ready', status: 'True', reason: 'Other', message: 'why' } as const;
  assert.equal(setCondition([ready], next, NOW), [{ ...next, lastTransitionTime: EARLIER }]);
});

test('a flipped status starts now and leaves the other conditions in their place', () => {
  const next = {
    type: 'Ready',
    status: 'False',
    reason: 'Bad',
    message: 'why',
    observedGeneration: 2,
  } as const;
  const previous = Object.freeze([Object.freeze(ready), Object.freeze(other)]);
  assert.equal(setCondition(previous, next, NOW), [
    { ...next, lastTransitionTime: '2026-01-02T03:04:05Z' },
    other,
  ]);
});

test('a new condition stands after the others and takes no time from them', () => {
  const { lastTransitionTime: _, ...next } = ready;
  assert.equal(setCondition([other], next, NOW), [
    other,
    { ...ready, lastTransitionTime: '2026-01-02T03:04:05Z' },
  ]);
});

test('a message is cut to 1024 characters, never through one', () => {
  const next = { type: 'Ready', status: 'False', reason: 'Bad', message: `a${'🦊'.repeat(1000)}` } as const;
  const [{ message } = ready] = setCondition([], next, NOW);
  assert.is(message.length, 1024);
  assert.ok(message.isWellFormed());
  assert.ok(message.startsWith('a🦊') && message.endsWith('…'));
});

test.run();
