import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { SimulatedCluster } from '../../lib/engine/cluster.ts';
import { FAIR, type Schedule, sideBySide } from '../../lib/engine/schedule.ts';
import { bake, CRDS, composite, object } from './kit.ts';

/** The first steps under a schedule for five bakeries with a loaf each: key, and whether of a hook or the API. */
function stepsOf(schedule: Schedule, workers: number): string {
  const seen: string[] = [];
  const cluster = new SimulatedCluster({
    crds: CRDS,
    controllers: [composite()],
    hooks: { bakeries: { sync: bake } },
    schedule,
    workers,
    observe: ({ key, step }) => seen.push(`${key.slice(-1)}${step.kind === 'hook' ? 'h' : 'a'}`),
  });
  for (const name of ['a', 'b', 'c', 'd', 'e']) cluster.apply(object('Bakery', name, { loaves: 1 }));
  assert.ok(cluster.settle().settled);
  assert.is(cluster.objects('Loaf').length, 5);
  return seen.slice(0, 12).join(' ');
}

test('FAIR: one sync at a time, first come first', () => {
  assert.is(stepsOf(FAIR, 3), 'ah aa aa aa bh ba ba ba ch ca ca ca');
});

test('side by side: the workers of a controller take their steps in turn', () => {
  assert.is(stepsOf(sideBySide(), 3), 'ah bh ch aa ba ca aa ba ca aa ba ca');
});

test.run();
