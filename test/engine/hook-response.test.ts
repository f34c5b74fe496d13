import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readComposite, readCustomize, readDecorator } from '../../lib/engine/hook-response.ts';
import { HookCall, SyncError } from '../../lib/engine/task.ts';
import { desired } from './kit.ts';

const CALL = new HookCall('c', 'sync', {});
const answer = (body: unknown, status = 200) => ({ status, body: JSON.stringify(body) });

function problem(read: () => unknown): SyncError {
  try {
    read();
  } catch (error) {
    assert.instance(error, SyncError);
    return error as SyncError;
  }
  assert.unreachable('no error');
  throw new Error();
}

test('unknown fields are errors', () => {
  for (const read of [readComposite, readDecorator, readCustomize]) {
    assert.match(problem(() => read(CALL, answer({ oops: 1 }))).message, 'unknown field "oops"');
  }
  assert.match(problem(() => readComposite(CALL, answer({ attachments: [] }))).message, 'unknown field');
  assert.match(problem(() => readDecorator(CALL, answer({ children: [] }))).message, 'unknown field');
});

test('fields of the wrong shape are errors', () => {
  for (const body of [
    { status: 'done' },
    { children: {} },
    { children: [{ kind: 'Loaf' }] },
    { resyncAfterSeconds: '5' },
    { finalized: 1 },
  ]) {
    assert.match(
      problem(() => readComposite(CALL, answer(body))).message,
      'has the wrong shape',
      JSON.stringify(body),
    );
  }
  assert.match(problem(() => readDecorator(CALL, answer({ labels: { a: 1 } }))).message, '"labels"');
  assert.match(problem(() => readComposite(CALL, answer([]))).message, 'not an object');
  assert.match(problem(() => readComposite(CALL, { status: 200, body: '{' })).message, "can't unmarshal");
});

test('nulls and absent fields are fine', () => {
  const body = {
    status: null,
    attachments: null,
    labels: { gone: null },
    annotations: null,
    finalized: false,
  };
  assert.equal(readDecorator(CALL, answer(body)), body);
  assert.equal(readComposite(CALL, answer({ children: [desired('Loaf', 'l')] })).children.length, 1);
  assert.equal(readCustomize(CALL, answer({})), {});
});

test('any status but 200 is an error, 429 says when to come back', () => {
  assert.match(problem(() => readComposite(CALL, answer({}, 500))).message, 'unsupported status code: 500');
  assert.match(problem(() => readComposite(CALL, answer({}, 201))).message, 'unsupported status code: 201');
  assert.match(problem(() => readComposite(CALL, { status: 'timeout' })).message, 'deadline exceeded');
  assert.is(problem(() => readComposite(CALL, answer({}, 500))).retryAfterSeconds, undefined);
  const busy = { status: 429, body: '', retryAfterSeconds: 7 };
  assert.is(problem(() => readComposite(CALL, busy)).retryAfterSeconds, 7);
});

test.run();
