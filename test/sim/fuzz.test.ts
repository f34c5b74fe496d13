/** Hooks and requests that nobody would think of. `npm run sim -- fuzz` does more of it. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { controllers } from '../../hooks/index.ts';
import type { HookRegistry } from '../../lib/engine/hook-server.ts';
import type { CompositeResponse, HookContext } from '../../lib/metacontroller/hook.ts';
import { type FuzzFinding, fuzz, readScenes, troubleWith } from '../../sim/fuzz.ts';

const scenes = readScenes();
const REQUESTS = 400;
/** A faulty hook has to be found in so many. */
const SEARCHED = 2000;

test('every fixture comes to rest as it is', () => {
  for (const scene of scenes)
    assert.is(troubleWith(scene, scene.objects, controllers), undefined, scene.name);
});

test('and changed at random', () => {
  for (let seed = 1; seed <= REQUESTS; seed++) {
    const trouble = fuzz(scenes, seed, controllers);
    if (trouble !== undefined) assert.unreachable(`seed ${seed}: ${JSON.stringify(trouble)}`);
  }
});

const { pools } = controllers;
const sync = pools!.sync as (request: never, context: HookContext) => CompositeResponse;
let calls = 0;
const FAULTS: Record<string, [rule: FuzzFinding['rule'], sync: typeof sync]> = {
  'throws on what it does not know': [
    'answers',
    (request: { related: object }, ...rest) => {
      if (JSON.stringify(request).includes('constructor')) throw new Error('no');
      return sync(request as never, ...rest);
    },
  ],
  'answers with a field of its own': ['answers', (...all) => ({ ...sync(...all), note: 'mine' })],
  'asks for what the API server refuses': [
    'answers',
    (...all) => ({ ...sync(...all), status: { conditions: 'none' } }),
  ],
  'counts its calls': ['pure', (...all) => ({ ...sync(...all), resyncAfterSeconds: ++calls })],
  'never is content': ['settles', (...all) => ({ ...sync(...all), resyncAfterSeconds: 1 })],
};

for (const [fault, [rule, faulty]] of Object.entries(FAULTS)) {
  test(`a hook is found that ${fault}`, () => {
    const hooks = { ...controllers, pools: { ...pools, sync: faulty } } as HookRegistry;
    const own = scenes.filter(({ controller }) => controller === 'pools');
    const seeds = Array.from({ length: SEARCHED }, (_, seed) => seed);
    assert.ok(
      seeds.some((seed) => fuzz(own, seed, hooks)?.rule === rule),
      `none of ${SEARCHED} breaks "${rule}"`,
    );
  });
}

test.run();
