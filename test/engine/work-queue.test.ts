import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { WorkQueue } from '../../lib/engine/work-queue.ts';

function world() {
  const clock = { now: 0 };
  let tickets = 0;
  return {
    clock,
    queue: new WorkQueue(
      () => clock.now,
      () => tickets++,
    ),
  };
}

/** When the queue's timers go off, until it has none. */
function timers(clock: { now: number }, queue: WorkQueue): number[] {
  const times: number[] = [];
  while (queue.nextTimer < Number.POSITIVE_INFINITY) {
    clock.now = queue.nextTimer;
    times.push(clock.now);
    queue.fireTimers();
  }
  return times;
}

test('keys come first in, first out, and wait once', () => {
  const { queue } = world();
  for (const key of ['a', 'b', 'a', 'c']) queue.add(key);
  assert.equal([queue.take(), queue.take(), queue.take(), queue.take()], ['a', 'b', 'c', undefined]);
});

test('a key being worked on comes back after it is done, once', () => {
  const { queue } = world();
  queue.add('a');
  queue.take();
  queue.add('a');
  queue.add('a');
  assert.is(queue.length, 0);
  queue.done('a');
  assert.equal([queue.take(), queue.take()], ['a', undefined]);
});

test('a chosen key is taken out of order, with its ticket', () => {
  const { queue } = world();
  queue.add('a');
  queue.add('b');
  assert.is(queue.firstTicket(), 0);
  assert.is(queue.take('b'), 'b');
  assert.is(queue.take('x'), undefined);
  assert.equal([...queue.keys()], ['a']);
  queue.take();
  assert.is(queue.firstTicket(), Number.POSITIVE_INFINITY);
});

test('of several timers of a key the earliest counts', () => {
  const { clock, queue } = world();
  queue.addAfter('a', 100);
  queue.addAfter('a', 50);
  queue.addAfter('a', 200);
  queue.addAfter('b', 70);
  queue.addAfter('c', 0);
  assert.equal([...queue.keys()], ['c']);
  assert.equal(timers(clock, queue), [50, 70]);
  assert.equal([...queue.keys()], ['c', 'a', 'b']);
});

test('retries wait longer each time, to a limit, until forgotten', () => {
  const { clock, queue } = world();
  const delays = Array.from({ length: 20 }, () => {
    const before = clock.now;
    queue.addRateLimited('a');
    timers(clock, queue);
    queue.take();
    queue.done('a');
    return clock.now - before;
  });
  assert.equal(delays.slice(0, 4), [5, 10, 20, 40]);
  assert.equal(delays.slice(-2), [1_000_000, 1_000_000]);
  queue.forget('a');
  queue.addRateLimited('a');
  assert.is(queue.nextTimer, clock.now + 5);
});

test('a timer that is forgotten adds nothing; the others stay', () => {
  const { clock, queue } = world();
  queue.addAfter('a', 50);
  queue.addAfter('b', 70);
  queue.forgetTimer('a');
  timers(clock, queue);
  assert.equal([...queue.keys()], ['b']);
  queue.addAfter('c', 10);
  queue.forgetTimer('c');
  assert.is(queue.nextTimer, Number.POSITIVE_INFINITY);
});

test('many keys that come while others wait, and some that are taken out of order, keep their order', () => {
  const { queue } = world();
  const taken: string[] = [];
  for (let i = 0; i < 20_000; i++) {
    queue.add(`a${i}`);
    queue.add(`b${i}`);
    if (i % 7 === 0) queue.take(`b${i}`);
    taken.push(queue.take()!);
  }
  for (let key = queue.take(); key !== undefined; key = queue.take()) taken.push(key);
  const expected = Array.from({ length: 20_000 }, (_, i) =>
    i % 7 === 0 ? [`a${i}`] : [`a${i}`, `b${i}`],
  ).flat();
  assert.equal(taken.join(), expected.join());
});

test.run();
