import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { PictureCache } from '../../lib/server/picture-cache.ts';

interface Seen {
  readonly version: number;
}

/** A cache whose pictures cost `cost` milliseconds each, and what was drawn for it. */
function cacheOf(most: number, cost: number) {
  const state = { now: 0, drawn: [] as number[] };
  const cache = new PictureCache<Seen, string>(most, () => state.now);
  const get = (key: string, seen: Seen, deadline = Number.POSITIVE_INFINITY) =>
    cache.get(key, seen, deadline, ({ version }) => {
      state.now += cost;
      state.drawn.push(version);
      return `v${version}`;
    });
  return { get, state };
}

test('what has not changed is drawn once', () => {
  const { get, state } = cacheOf(2, 3);
  const seen = { version: 1 };
  assert.equal([get('a', seen), get('a', seen)], ['v1', 'v1']);
  state.now += 3_600_000;
  assert.is(get('a', seen), 'v1');
  assert.equal(state.drawn, [1]);
});

test('what has changed is drawn again, fifty times its cost later', () => {
  const { get, state } = cacheOf(2, 3);
  get('a', { version: 1 });
  state.now += 149;
  assert.is(get('a', { version: 2 }), 'v1');
  state.now += 1;
  assert.is(get('a', { version: 2 }), 'v2');
});

test('after the deadline there is what was drawn before, or nothing', () => {
  const { get, state } = cacheOf(2, 0);
  state.now = 10;
  assert.is(get('a', { version: 1 }, 10), undefined);
  assert.is(get('a', { version: 1 }, 11), 'v1');
  assert.is(get('a', { version: 2 }, 10), 'v1');
});

test('those that were looked at last are kept', () => {
  const { get, state } = cacheOf(2, 0);
  const [a, b, c] = [{ version: 1 }, { version: 2 }, { version: 3 }];
  for (const [key, seen] of [
    ['a', a],
    ['b', b],
    ['a', a],
    ['c', c],
    ['a', a],
    ['b', b],
  ] as const)
    get(key, seen);
  assert.equal(state.drawn, [1, 2, 3, 2]);
});

test.run();
