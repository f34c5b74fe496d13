/** Pools and claims in a simulated cluster where anything may happen in any order. Each run follows from its seed. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { controllers } from '../../hooks/index.ts';
import { allocationsOf } from '../../lib/allocation/slice.ts';
import { parseManifests } from '../../lib/cli/manifests.ts';
import { SimulatedCluster } from '../../lib/engine/cluster.ts';
import type { ControllerConfig } from '../../lib/engine/controller-config.ts';
import { crdAdmission } from '../../lib/engine/crd-admission.ts';
import { JanitorReconciler } from '../../lib/engine/janitor.ts';
import type { Unstructured } from '../../lib/engine/object.ts';
import { Random } from '../../lib/engine/random.ts';
import { readCustomResourceDefinitions } from '../../lib/kubernetes/schema.ts';
import type { AllocationSlice, IPAddress, IPAddressClaim } from '../../lib/kubernetes/types.ts';
import { DEFAULT_CONFIG } from '../../lib/metacontroller/hook.ts';
import { type Mishaps, RandomSchedule } from '../engine/random-schedule.ts';
import { CAPI, claim, ipPool } from './objects.ts';

const NAMES = ['pools', 'claim-router', 'claims'];
const SIZE = 4;
const CONFIG = { ...DEFAULT_CONFIG, watchClusters: false };
const POOL = ipPool({ addresses: [`10.0.0.1-10.0.0.${SIZE}`] });
const root = join(import.meta.dirname, '../../metacontroller');
const crds = readCustomResourceDefinitions();
const configs = NAMES.flatMap(
  (name) => parseManifests(readFileSync(join(root, `${name}.yaml`), 'utf8'), name).objects,
);

type Act = 'create' | 'delete' | 'delete address';

class World {
  readonly cluster: SimulatedCluster;
  readonly schedule: RandomSchedule;
  readonly #random: Random;
  readonly #addresses = new Map<string, string>();
  readonly log: string[] = [];

  constructor(seed: number, mishaps: Mishaps, metacontrollers: number) {
    this.#random = new Random(seed + 1);
    this.schedule = new RandomSchedule(seed, mishaps);
    this.cluster = new SimulatedCluster({
      crds,
      controllers: configs.map(({ object }) => object) as object[] as ControllerConfig[],
      hooks: controllers,
      admission: crdAdmission(crds),
      schedule: this.schedule,
      seed,
      metacontrollers,
      config: CONFIG,
      reconcilers: { janitor: (environment) => new JanitorReconciler(environment, CONFIG, 'dynamic-apply') },
    });
    this.#apply(POOL);
  }

  get claims(): IPAddressClaim[] {
    return this.cluster.objects('IPAddressClaim') as unknown as IPAddressClaim[];
  }

  get addresses(): IPAddress[] {
    return this.cluster.objects('IPAddress') as unknown as IPAddress[];
  }

  /** The addresses that somebody has. */
  get given(): string[] {
    const slices = this.cluster.objects('AllocationSlice') as unknown as AllocationSlice[];
    const used = allocationsOf(slices).filter(({ entry }) => entry.released === undefined);
    return used.map(({ key }) => key).sort();
  }

  act(acts: readonly Act[]): void {
    const act = this.#random.pick(acts);
    const name = `claim-${this.#random.below(SIZE + 2)}`;
    this.log.push(`${act} ${name}`);
    if (act === 'create') this.#apply(claim(name, POOL, { labels: {} }));
    else {
      const kind = act === 'delete' ? 'IPAddressClaim' : 'IPAddress';
      this.cluster.delete({ apiVersion: CAPI, kind, name });
    }
  }

  /** Lets a few things happen. */
  proceed(): void {
    for (let left = this.#random.below(60); left > 0; left--) {
      if (!this.cluster.step(this.cluster.now + 60_000)) return;
      this.checkSafety();
    }
  }

  /** No two claims have one address, and no claim ever has another than its first. */
  checkSafety(): void {
    const uids = new Set(this.claims.map(({ metadata }) => metadata.uid));
    const holders = new Map<string, string>();
    for (const { metadata, spec } of this.addresses) {
      const owner = metadata.ownerReferences?.find(({ controller }) => controller)?.uid;
      if (owner === undefined || !uids.has(owner) || metadata.deletionTimestamp !== undefined) continue;
      const history = `${metadata.name} ${spec.address}: ${this.log.join(', ')}`;
      assert.not(holders.has(spec.address), `${holders.get(spec.address)} and ${history}`);
      assert.is(this.#addresses.get(owner) ?? spec.address, spec.address, history);
      holders.set(spec.address, metadata.name);
      this.#addresses.set(owner, spec.address);
    }
  }

  #apply(object: object): void {
    const { error } = this.cluster.apply(object as Unstructured);
    assert.is(error, undefined, error?.message);
  }
}

function play(seed: number, acts: readonly Act[], mishaps: Mishaps = {}, metacontrollers = 1): World {
  const world = new World(seed, mishaps, metacontrollers);
  for (let round = 0; round < 30; round++) {
    world.act(acts);
    world.proceed();
  }
  return world;
}

// 25 deletes a claim whose IPAddress no sync has seen yet.
const SEEDS = Array.from({ length: 12 }, (_, n) => n + 17);

for (const acts of [
  ['create', 'create', 'delete'],
  ['create', 'create', 'delete', 'delete address'],
] as const) {
  test(`whatever the order, every claim that can be is served, and nothing is left over: ${acts.join(', ')}`, () => {
    for (const seed of SEEDS) {
      const world = play(seed, acts);
      const { settled, failures } = world.cluster.settle({ horizonSeconds: 300 });
      assert.ok(settled, `seed ${seed} settles`);
      assert.equal(failures, [], `seed ${seed}`);
      world.checkSafety();
      const bound = world.claims.filter(({ status }) => status?.addressRef !== undefined);
      const history = `seed ${seed}: ${world.log.join(', ')}`;
      assert.is(bound.length, Math.min(SIZE, world.claims.length), history);
      assert.is(world.addresses.length, bound.length, history);
      assert.equal(world.given, world.addresses.map(({ spec }) => spec.address).sort(), history);
    }
  });
}

const MISHAPS: [string, Mishaps, number][] = [
  ['caches lag', { lag: { '*': 0.3, ipaddressclaims: 0.8 }, wait: 0.02 }, 1],
  [
    'processes crash, answers are lost, writes refused, watches broken',
    { crash: 0.02, lost: 0.02, refused: 0.05, hookFailure: 0.05, relist: 0.02, repeat: 0.05 },
    1,
  ],
  ['two Metacontrollers run', { lag: { '*': 0.2 } }, 2],
];
for (const [what, mishaps, metacontrollers] of MISHAPS) {
  test(`no two claims ever have one address, though ${what}`, () => {
    for (const seed of SEEDS) {
      const world = play(seed, ['create', 'create', 'delete'], mishaps, metacontrollers);
      world.schedule.calm();
      world.cluster.settle({ horizonSeconds: 300 });
      world.checkSafety();
      assert.ok(world.addresses.length > 0, `seed ${seed}: something was given out`);
    }
  });
}

test.run();
