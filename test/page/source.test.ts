import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DEFAULT_CONFIG } from '../../lib/metacontroller/hook.ts';
import { LiveSource } from '../../lib/page/source.ts';
import { pool } from '../inspect/objects.ts';

/** A cluster that a test can change, and a clock on which each look at it takes `cost` milliseconds. */
function world(cost: number) {
  const state = { synced: true, names: ['a'], elapsed: 0, looks: 0 };
  const source = new LiveSource(
    DEFAULT_CONFIG,
    () => 0,
    () => state.elapsed,
  );
  source.connect({
    get synced() {
      return state.synced;
    },
    problems: () => [],
    objects: () => {
      state.looks++;
      state.elapsed += cost;
      return state.names.map((name) => pool(name, {}));
    },
  });
  const names = () => source.survey()?.overview.pools.map(({ pool: { metadata } }) => metadata.name);
  return { state, source, names };
}

test('nothing before everything is there', () => {
  const { state, names } = world(1);
  state.synced = false;
  assert.is(names(), undefined);
  state.synced = true;
  assert.equal(names(), ['a']);
});

test('what has not changed is not looked at again, but for what time alone changes', () => {
  const { state, names } = world(1);
  names();
  state.elapsed += 9_000;
  names();
  assert.is(state.looks, 1);
  state.elapsed += 2_000;
  names();
  assert.is(state.looks, 2);
});

test('a dear look is taken a tenth of the time at most', () => {
  const { state, source, names } = world(300);
  names();
  state.names.push('b');
  source.changed();
  state.elapsed += 2_900;
  assert.equal(names(), ['a']);
  state.elapsed += 200;
  assert.equal(names(), ['a', 'b']);
});

test('what has changed is looked at no later than what has not, however dear a look is', () => {
  const { state, source, names } = world(3_000);
  names();
  state.names.push('b');
  source.changed();
  state.elapsed += 9_900;
  assert.equal(names(), ['a']);
  state.elapsed += 200;
  assert.equal(names(), ['a', 'b']);
});

test('who listens hears of changes until he stops', () => {
  const { source } = world(1);
  const end = new AbortController();
  let heard = 0;
  source.subscribe(() => heard++, end.signal);
  source.changed();
  end.abort();
  source.changed();
  assert.is(heard, 1);
});

test.run();
