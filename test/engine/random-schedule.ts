/** A world in which anything may happen in any order, decided by one seed. */
import { apiError, isWrite } from '../../lib/engine/api.ts';
import type { Process } from '../../lib/engine/process.ts';
import { Random } from '../../lib/engine/random.ts';
import type { Fault, Move, Moves, Schedule } from '../../lib/engine/schedule.ts';
import type { Step } from '../../lib/engine/task.ts';

/** Probabilities, 0 unless given. */
export interface Mishaps {
  /** Per step: the process dies before or after it. */
  readonly crash?: number;
  /** Per step: it takes effect, but its answer is lost. */
  readonly lost?: number;
  /** Per write: the API server refuses it as overloaded. */
  readonly refused?: number;
  /** Per hook call: no answer but 500, 429 or a timeout. */
  readonly hookFailure?: number;
  /** Per delivery: the watch breaks, and a list of some age takes its place. */
  readonly relist?: number;
  /** Per delivery: the event comes twice. */
  readonly repeat?: number;
  /** Per choice: a delivery is held back, by plural of its resource; `*` for all others. */
  readonly lag?: Readonly<Record<string, number>>;
  /** Per choice: time passes although there is something to do. */
  readonly wait?: number;
}

export class RandomSchedule implements Schedule {
  readonly #random: Random;
  #mishaps: Mishaps;

  constructor(seed: number, mishaps: Mishaps = {}) {
    this.#random = new Random(seed);
    this.#mishaps = mishaps;
  }

  /** From now on nothing goes wrong; the order stays random. */
  calm(): void {
    this.#mishaps = {};
  }

  choose(moves: Moves): Move | undefined {
    const random = this.#random;
    const { lag = {}, wait = 0, relist = 0, repeat = 0 } = this.#mishaps;
    const all = [...moves];
    const eager = all.filter((move) => {
      if (move.kind === 'wait') return random.chance(wait);
      return move.kind !== 'deliver' || !random.chance(lag[move.informer.type.resource] ?? lag['*'] ?? 0);
    });
    if (all.length === 0) return undefined;
    // Waiting for a safety timer must not stand in for what could be done now.
    const patient = all.filter((move) => move.kind !== 'wait');
    const move = random.pick(eager.length > 0 ? eager : patient.length > 0 ? patient : all);
    if (move.kind === 'start') return { ...move, key: random.pick([...move.reconciler.queue.keys()]) };
    if (move.kind === 'deliver') {
      const { informer } = move;
      if (random.chance(relist)) informer.relist(informer.position + 1 + random.below(informer.pending));
      else if (random.chance(repeat)) informer.repeat();
    }
    return move;
  }

  fault(step: Step, _process: Process): Fault | undefined {
    const random = this.#random;
    const { crash = 0, lost = 0, refused = 0, hookFailure = 0 } = this.#mishaps;
    if (random.chance(crash)) return { kind: 'crash', when: random.pick(['before', 'after'] as const) };
    if (random.chance(lost)) return { kind: 'lost' };
    if (step.kind === 'api') {
      if (!isWrite(step.request) || !random.chance(refused)) return undefined;
      return { kind: 'refused', error: apiError('TooManyRequests', 'too many requests').error };
    }
    if (!random.chance(hookFailure)) return undefined;
    const results = [
      { status: 500, body: 'out of order' },
      { status: 429, body: '', retryAfterSeconds: 1 + random.below(5) },
      { status: 'timeout' },
    ] as const;
    return { kind: 'hook', result: random.pick(results) };
  }

  order<T>(items: readonly T[]): readonly T[] {
    return this.#random.shuffle(items);
  }
}
