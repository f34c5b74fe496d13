import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { apiError } from '../../lib/engine/api.ts';
import { type ClusterOptions, SimulatedCluster } from '../../lib/engine/cluster.ts';
import { FAIR, type Fault, type Move, type Schedule } from '../../lib/engine/schedule.ts';
import type { Step } from '../../lib/engine/task.ts';
import {
  bake,
  CRDS,
  composite,
  decorator,
  desired,
  HOOKS,
  type HookRequest,
  names,
  object,
  recorder,
  ref,
  V1,
} from './kit.ts';
import { RandomSchedule } from './random-schedule.ts';

const CONTROLLERS = [
  composite({ hooks: { sync: HOOKS.sync, finalize: HOOKS.finalize } }),
  decorator({ hooks: { sync: HOOKS.sync, finalize: HOOKS.finalize } }),
];

const BAKERY_HOOKS = {
  bakeries: {
    sync: bake,
    finalize: (request: HookRequest) => ({
      children: [],
      finalized: Object.keys(request.children[`Loaf.${V1}`]!).length === 0,
    }),
  },
  notes: {
    sync: (request: HookRequest) => ({
      labels: { noted: 'yes' },
      status: { noted: true },
      attachments: [desired('Note', `note-${request.object.metadata.name}`)],
    }),
    finalize: (request: HookRequest) => ({
      attachments: [],
      finalized: Object.keys(request.attachments[`Note.${V1}`]!).length === 0,
    }),
  },
};

function world(options: Partial<ClusterOptions> = {}) {
  return new SimulatedCluster({ crds: CRDS, controllers: CONTROLLERS, hooks: BAKERY_HOOKS, ...options });
}

/** FAIR, but `fault` is done to the `n`-th step that `matches`, counted from 0. */
function once(fault: Fault, matches: (step: Step) => boolean, n = 0): Schedule & { done: () => boolean } {
  let seen = 0;
  return {
    ...FAIR,
    fault: (step) => (matches(step) && seen++ === n ? fault : undefined),
    done: () => seen > n,
  };
}

const isWriteTo = (resource: string) => (step: Step) =>
  step.kind === 'api' && step.request.verb !== 'get' && step.request.resource === resource;

const EVERYTHING = ['b', 'b-0', 'b-1', 'note-b-0', 'note-b-1'];

test('a crash before or after any step is made good by the next process', () => {
  let crashes = 0;
  for (const when of ['before', 'after'] as const) {
    for (let n = 0; ; n++) {
      const schedule = once({ kind: 'crash', when }, () => true, n);
      const cluster = world({ schedule });
      cluster.apply(object('Bakery', 'b', { loaves: 2 }));
      assert.ok(cluster.settle().settled);
      assert.equal(names(cluster.objects()).sort(), EVERYTHING, `crash ${when} step ${n}`);
      assert.equal(cluster.get(ref('Bakery', 'b'))?.status, { baked: 2, observedGeneration: 1 });
      cluster.delete(ref('Bakery', 'b'));
      assert.ok(cluster.settle().settled);
      assert.equal(names(cluster.objects()), [], `crash ${when} step ${n}`);
      if (!schedule.done()) break;
      crashes++;
    }
  }
  assert.ok(crashes > 80, `${crashes} crashes`);
});

test('a crash before a write leaves it undone, a crash after it done', () => {
  for (const [when, made] of [
    ['before', []],
    ['after', ['b-0']],
  ] as const) {
    let crashed = false;
    const schedule: Schedule = {
      choose: (moves) => (crashed ? undefined : FAIR.choose(moves)),
      fault(step) {
        crashed = isWriteTo('loaves')(step);
        return crashed ? { kind: 'crash', when } : undefined;
      },
    };
    const cluster = world({ schedule });
    cluster.apply(object('Bakery', 'b', { loaves: 2 }));
    cluster.settle();
    assert.ok(crashed);
    assert.equal(names(cluster.objects('Loaf')), made);
  }
});

test('a write whose answer was lost is retried, and the second attempt finds it done', () => {
  const schedule = once({ kind: 'lost' }, isWriteTo('loaves'));
  const cluster = world({ schedule });
  cluster.apply(object('Bakery', 'b', { loaves: 2 }));
  assert.equal(cluster.settle().failures, []);
  assert.ok(schedule.done());
  assert.equal(names(cluster.objects()).sort(), EVERYTHING);
});

test('a refused write is retried', () => {
  const refused = { kind: 'refused', error: apiError('InternalError', 'etcd has no leader').error } as const;
  const schedule = once(refused, isWriteTo('loaves'));
  const record = recorder();
  const cluster = world({ schedule, observe: record.observe });
  cluster.apply(object('Bakery', 'b', { loaves: 2 }));
  assert.equal(cluster.settle().failures, []);
  assert.equal(names(cluster.objects()).sort(), EVERYTHING);
  assert.is(record.actions('bakeries').filter((action) => action === 'create loaves').length, 3);
});

test('a hook that answers 429 is asked again after the seconds it named', () => {
  const busy = { kind: 'hook', result: { status: 429, body: '', retryAfterSeconds: 17 } } as const;
  const record = recorder();
  const cluster = world({
    schedule: once(busy, ({ kind }) => kind === 'hook'),
    controllers: [composite()],
    observe: record.observe,
  });
  cluster.apply(object('Bakery', 'b'));
  cluster.settle();
  const [first, second] = record.steps.filter(({ step }) => step.kind === 'hook');
  assert.is(second!.at - first!.at, 17_000);
});

test('a hook that throws or times out is asked again', () => {
  for (const result of [{ status: 500, body: 'x' }, { status: 'timeout' }] as const) {
    const cluster = world({ schedule: once({ kind: 'hook', result }, ({ kind }) => kind === 'hook') });
    cluster.apply(object('Bakery', 'b', { loaves: 2 }));
    assert.equal(cluster.settle().failures, []);
    assert.equal(names(cluster.objects()).sort(), EVERYTHING);
  }
  const cluster = world({
    hooks: { ...BAKERY_HOOKS, bakeries: { sync: () => assert.unreachable('thrown') } },
  });
  cluster.apply(object('Bakery', 'b'));
  assert.match(cluster.settle().failures[0]?.message ?? '', /unsupported status code: 500 body: .*thrown/);
});

test('a process whose cache lags acts on what it knows, and its conflicting write is refused', () => {
  const deaf: Schedule = {
    choose(moves) {
      const heard = [...moves].filter(
        (move) =>
          move.kind !== 'deliver' || move.informer.type.resource !== 'loaves' || !move.informer.synced,
      );
      const first = (kind: Move['kind']) => heard.find((move) => move.kind === kind) as never;
      return FAIR.choose(Object.assign(heard, { first }));
    },
  };
  const record = recorder();
  const cluster = world({ schedule: deaf, controllers: [CONTROLLERS[0]!], observe: record.observe });
  cluster.apply(object('Bakery', 'b', { loaves: 1 }));
  cluster.settle();
  assert.equal(cluster.get(ref('Bakery', 'b'))?.status, { baked: 0, observedGeneration: 1 });
  const creations = record.steps.filter(({ step }) => isWriteTo('loaves')(step));
  const reasons = creations.map(({ result }) => ('error' in result ? result.error?.reason : 'done'));
  assert.equal(reasons, ['done', 'AlreadyExists']);
});

const MISHAPS = {
  crash: 0.01,
  lost: 0.02,
  refused: 0.05,
  hookFailure: 0.05,
  relist: 0.05,
  repeat: 0.05,
  wait: 0.05,
  lag: { loaves: 0.9, '*': 0.3 },
};

/** What became of a world in trouble with two Metacontrollers: its story, and its end after all is calm. */
function story(seed: number) {
  const schedule = new RandomSchedule(seed, MISHAPS);
  const record = recorder();
  const cluster = world({ schedule, seed, metacontrollers: 2, observe: record.observe });
  cluster.apply(object('Bakery', 'a', { loaves: 3 }));
  cluster.apply(object('Bakery', 'b', { loaves: 3 }));
  for (let i = 0; i < 300; i++) cluster.step();
  cluster.apply(object('Bakery', 'b', { loaves: 2, flour: 'oat' }));
  cluster.delete(ref('Bakery', 'a'));
  for (let i = 0; i < 300; i++) cluster.step();
  schedule.calm();
  const settlement = cluster.settle({ horizonSeconds: 3600 });
  return {
    cluster,
    settlement,
    steps: record.steps.map(({ process, key, step, result }) => ({ process, key, step, result })),
  };
}

test('whatever goes wrong, all is well once it is calm', () => {
  for (let seed = 0; seed < 60; seed++) {
    const { cluster, settlement } = story(seed);
    assert.ok(settlement.settled, `seed ${seed}`);
    assert.equal(settlement.failures, [], `seed ${seed}`);
    assert.equal(names(cluster.objects()).sort(), EVERYTHING, `seed ${seed}`);
    assert.equal(
      cluster.get(ref('Bakery', 'b'))?.status,
      { baked: 2, observedGeneration: 2 },
      `seed ${seed}`,
    );
    assert.equal(cluster.get(ref('Loaf', 'b-0'))?.spec, { flour: 'oat' }, `seed ${seed}`);
  }
});

test('a seed tells the same story every time, and another seed another', () => {
  assert.equal(story(1).steps, story(1).steps);
  assert.not.equal(story(1).steps, story(2).steps);
});

test.run();
