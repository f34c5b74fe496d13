import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { RateLimiter } from '../../lib/binder/rate-limiter.ts';
import { FakeTime } from './fake-time.ts';

/** When each of `count` callers, who all come at once, passes. */
async function passes(time: FakeTime, limiter: RateLimiter, count: number, signal: AbortSignal) {
  const start = time.now;
  const times: number[] = [];
  for (let n = 0; n < count; n++) limiter.take(signal).then(() => times.push(time.now - start));
  await time.pass(10_000);
  return times;
}

const endless = new AbortController().signal;

test('a burst of one second’s worth, then evenly spaced', async () => {
  const time = new FakeTime();
  const limiter = new RateLimiter(5, time.clock());
  const times = await passes(time, limiter, 9, endless);
  assert.equal(times, [0, 0, 0, 0, 0, 200, 400, 600, 800]);
});

test('a rest saves up no more than one burst', async () => {
  const time = new FakeTime();
  const limiter = new RateLimiter(2, time.clock());
  await passes(time, limiter, 1, endless);
  await time.pass(60_000);
  assert.equal(await passes(time, limiter, 4, endless), [0, 0, 500, 1000]);
});

test('whoever waits passes when the signal aborts', async () => {
  const time = new FakeTime();
  const limiter = new RateLimiter(1, time.clock());
  const stop = new AbortController();
  time.sleep(250).then(() => stop.abort());
  assert.equal(await passes(time, limiter, 3, stop.signal), [0, 250, 250]);
});

test.run();
