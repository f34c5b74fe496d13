/** Thinks up what happens next: anything that can, as often as the layout says. */
import { apiError, isWrite } from '../lib/engine/api.ts';
import { Random } from '../lib/engine/random.ts';
import type { Fault, Move } from '../lib/engine/schedule.ts';
import type { Step } from '../lib/engine/task.ts';
import type { Op } from './op.ts';
import { makeTwin } from './users/by-hand.ts';
import { userAction } from './users.ts';
import { COLLECTOR, cacheName, opOf, type World } from './world.ts';

/** Requests more often than news: what is heard at once, and what is worked on, are many, but not of one use. */
const KINDS = ['deliver', 'deliver', 'step', 'step', 'step', 'start'] as const;
const WAITS = [100, 1000, 5000, 20_000, 60_000, 600_000];

export class Chaos {
  readonly #world: World;
  readonly random: Random;
  /** Of its own, so that worlds without it are as they were. */
  readonly #silence: Random;

  constructor(world: World) {
    this.#world = world;
    this.random = new Random(world.layout.seed + 1);
    this.#silence = new Random(world.layout.seed ^ 0x51e7);
  }

  next(): Op {
    const { random } = this;
    const { layout, cluster } = this.#world;
    const { chances } = layout;
    if (random.chance(this.#patience())) {
      const op = userAction({ world: this.#world, random, layout });
      if (op !== undefined) return op;
    }
    if (random.chance(chances.crash)) return { op: 'crash', process: random.pick(cluster.processes).name };
    if (random.chance(chances.clock)) {
      const most = layout.assumptions.skew * 1000;
      return { op: 'clock', milliseconds: random.below(2 * most + 1) - most };
    }
    if (cluster.late.size > 0 && random.chance(chances.land))
      return opOf({ kind: 'land', late: random.pick([...cluster.late]) }, cluster.now);
    if (chances.move > 0 && this.#world.moves < 2 && random.chance(chances.move)) return this.#move();
    if (chances.twin > 0 && random.chance(chances.twin)) {
      const op = makeTwin({ world: this.#world, random, layout });
      if (op !== undefined) return op;
    }
    if (random.chance(chances.wait)) return this.#wait();
    const moves = [...cluster.moves()].filter((move) => this.#isReady(move));
    const kind = random.pick(KINDS);
    const ofKind = moves.filter((move) => move.kind === kind);
    const choices = ofKind.length > 0 ? ofKind : moves;
    return choices.length === 0 ? this.#wait() : this.#opOf(random.pick(choices));
  }

  /** The chance that somebody does something now. */
  #patience(): number {
    const { layout, cluster } = this.#world;
    if (!layout.isPatient) return layout.chances.user;
    for (const _ of cluster.moves(this.#world.now)) return 0;
    return 0.5;
  }

  #isReady(move: Move): boolean {
    const { layout } = this.#world;
    switch (move.kind) {
      case 'deliver':
        if (move.process.name === COLLECTOR && this.random.chance(0.7)) return false;
        return !this.random.chance(layout.slowness(move.process.name, move.informer.type.resource));
      case 'step':
        return !this.random.chance(layout.slowness(move.worker.process.name, 'requests') / 2);
      case 'start':
        return !this.random.chance(layout.slowness(move.process.name, 'syncs') / 2);
      case 'wait':
      case 'land':
        return false;
    }
  }

  #opOf(move: Move): Op {
    const { random } = this;
    const { chances } = this.#world.layout;
    switch (move.kind) {
      case 'deliver': {
        const { process, informer } = move;
        const isMetacontroller = process.name.startsWith('metacontroller');
        const isUnanswered = isMetacontroller && this.#silence.chance(chances.silence);
        const to = {
          process: process.name,
          cache: cacheName(informer),
          ...(isUnanswered && { isUnanswered }),
        };
        if (isMetacontroller && random.chance(chances.relist)) {
          const length = this.#world.cluster.store.log(informer.type).length;
          const fresh = informer.synced ? informer.pending : length + 1;
          return { op: 'relist', ...to, behind: random.below(fresh) };
        }
        if (informer.synced && random.chance(chances.repeat)) return { op: 'repeat', ...to };
        const isAll = move.process.name === COLLECTOR || random.chance(0.5);
        return { op: 'hear', ...to, count: isAll ? informer.pending : 1 };
      }
      case 'start': {
        const { process, reconciler } = move;
        const key = random.pick([...reconciler.queue.keys()]);
        return { op: 'start', process: process.name, reconciler: reconciler.name, key };
      }
      case 'step': {
        const { process, reconciler, key, step } = move.worker;
        const fault = this.#faultOf(step);
        return {
          op: 'step',
          process: process.name,
          reconciler: reconciler.name,
          key,
          ...(fault && { fault }),
        };
      }
      case 'wait':
      case 'land':
        return this.#wait();
    }
  }

  #faultOf(step: Step): Fault | undefined {
    const { random } = this;
    const { crash, lost, refused, hook, late, replica } = this.#world.layout.chances;
    if (random.chance(crash)) return { kind: 'crash', when: random.pick(['before', 'after'] as const) };
    if (random.chance(lost)) return { kind: 'lost' };
    if (late > 0 && step.kind === 'api' && isWrite(step.request) && random.chance(late))
      return { kind: 'late', crash: random.chance(0.5) };
    if (replica > 0 && step.kind === 'hook' && random.chance(replica)) return { kind: 'replica' };
    if (step.kind === 'api') {
      if (!isWrite(step.request) || !random.chance(refused)) return undefined;
      const error = random.pick([
        apiError('TooManyRequests', 'too many requests'),
        apiError('InternalError', 'etcdserver: leader changed'),
      ]).error;
      return { kind: 'refused', error };
    }
    if (!random.chance(hook)) return undefined;
    const results = [
      { status: 500, body: 'out of order' },
      { status: 429, body: '', retryAfterSeconds: 1 + random.below(5) },
      { status: 'timeout' },
    ] as const;
    return { kind: 'hook', result: random.pick(results) };
  }

  #move(): Op {
    const { random } = this;
    const paused = random.chance(0.5);
    // Pools that share an address space see each other's addresses, not what their claims say they have.
    const isShared = this.#world.layout.pools.includes(1);
    const [status, allocations] = [random.chance(0.3) && !isShared, random.chance(0.3)];
    return { op: 'move', how: { paused, owners: paused && random.chance(0.5), status, allocations } };
  }

  /** Lets time go by, but nothing come later than the assumptions allow. */
  #wait(): Op {
    const { random } = this;
    const { now, cluster } = this.#world;
    const { at, op } = this.#world.overdue();
    if (op !== undefined && at <= now) return op;
    const timers = cluster.processes.map((process) => process.nextTimer()).filter((time) => time > now);
    const next = random.chance(0.5) ? Math.min(...timers) - now : random.pick(WAITS);
    const milliseconds = Math.min(Number.isFinite(next) ? next : random.pick(WAITS), 600_000, at - now);
    return { op: 'wait', milliseconds };
  }
}
