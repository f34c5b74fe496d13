import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Condition, setCondition, setV1Beta1Condition } from '../../lib/kubernetes/conditions.ts';

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

test('a time that is to come was written by a clock that was ahead', () => {
  const ahead = { ...ready, lastTransitionTime: '9999-12-31T23:59:59Z' };
  const { lastTransitionTime: _, ...next } = ready;
  assert.is(setCondition([ahead], next, NOW)[0]?.lastTransitionTime, '2026-01-02T03:04:05Z');
  assert.is(setV1Beta1Condition([ahead], next, NOW)[0]?.lastTransitionTime, '2026-01-02T03:04:05Z');
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

const v1beta1 = (status: string, reason: string, more: object = {}) =>
  ({ type: 'Ready', status, reason, ...more, lastTransitionTime: '2026-01-02T03:04:05Z' }) as const;
for (const [status, expected] of [
  ['True', v1beta1('True', 'Why')],
  ['False', v1beta1('False', 'Why', { severity: 'Warning' })],
  ['Unknown', v1beta1('False', 'Why', { severity: 'Warning' })],
] as const) {
  test(`${status} as a condition of v1beta1, which has no empty message`, () => {
    const next = { type: 'Ready', status, reason: 'Why', message: '' };
    assert.equal(setV1Beta1Condition([], next, NOW), [expected]);
    const said = { ...next, message: 'said' };
    assert.equal(setV1Beta1Condition([other], said, NOW), [other, { ...expected, message: 'said' }]);
  });
}

test('a new reason is a transition of a condition of v1beta1, a new message is none', () => {
  const before = { ...ready, status: 'False' as const, reason: 'Waiting', message: 'one' };
  const next = { type: 'Ready', status: 'False', reason: 'Waiting', message: 'two' } as const;
  assert.is(setV1Beta1Condition([before], next, NOW)[0]?.lastTransitionTime, EARLIER);
  const lost = { ...next, status: 'Unknown', reason: 'Lost' } as const;
  assert.is(setV1Beta1Condition([before], lost, NOW)[0]?.lastTransitionTime, '2026-01-02T03:04:05Z');
});

test.run();
