import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type ApiResult, apiError } from '../../lib/engine/api.ts';
import { atomicUpdate } from '../../lib/engine/task.ts';
import { object, V1 } from './kit.ts';

const TARGET = { apiVersion: V1, resource: 'loaves', namespace: 'default', name: 'l' };
const LIVE = { object: object('Loaf', 'l', {}, { uid: 'u' }) };

/** Answers the steps of an atomic update one by one; returns the verbs asked for and the outcome. */
function drive(answers: ApiResult[], uid = 'u') {
  const task = atomicUpdate(TARGET, uid, (live) => ({ ...live, spec: { changed: true } }));
  const verbs: string[] = [];
  let next = task.next();
  for (const answer of answers) {
    if (next.done) break;
    verbs.push(next.value.kind === 'api' ? next.value.request.verb : 'hook');
    next = task.next(answer);
  }
  return { verbs, outcome: next.done ? next.value : undefined };
}

test('reads, changes and writes', () => {
  const { verbs, outcome } = drive([LIVE, LIVE]);
  assert.equal([verbs, outcome], [['get', 'update'], LIVE]);
});

test('reads again after a conflict, four times in all', () => {
  const conflict = apiError('Conflict', 'late');
  const { verbs, outcome } = drive(Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? LIVE : conflict)));
  assert.equal([verbs.length, outcome?.error?.reason], [8, 'Conflict']);
});

test('an object of another uid is not found', () => {
  const { verbs, outcome } = drive([LIVE], 'older');
  assert.equal([verbs, outcome?.error?.reason], [['get'], 'NotFound']);
});

test.run();
