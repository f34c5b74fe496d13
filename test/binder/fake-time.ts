import type { Clock } from '../../lib/cluster/clock.ts';

interface Timer {
  readonly due: number;
  readonly fire: () => void;
}

/** Time that passes only when told to, in milliseconds. What a timer sets off is run before the next one. */
export class FakeTime {
  #now = 0;
  readonly #timers = new Set<Timer>();

  get now(): number {
    return this.#now;
  }

  /** How many sleep. */
  get sleepers(): number {
    return this.#timers.size;
  }

  /** Resolves after `milliseconds`, or early when the signal aborts. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (milliseconds <= 0 || signal?.aborted) return resolve();
      const timer: Timer = { due: Math.ceil(this.#now + milliseconds), fire: () => end() };
      const end = () => {
        this.#timers.delete(timer);
        signal?.removeEventListener('abort', end);
        resolve();
      };
      this.#timers.add(timer);
      signal?.addEventListener('abort', end);
    });
  }

  /** Lets `milliseconds` pass; `observe` is called whenever something may have happened. */
  async pass(milliseconds: number, observe: () => void = () => {}): Promise<void> {
    const end = this.#now + milliseconds;
    await settled();
    observe();
    for (;;) {
      const next = [...this.#timers].reduce<Timer | undefined>(
        (first, timer) => (first === undefined || timer.due < first.due ? timer : first),
        undefined,
      );
      if (next === undefined || next.due > end) break;
      this.#now = next.due;
      observe();
      next.fire();
      await settled();
      observe();
    }
    this.#now = end;
  }

  /**
   * The clock of one machine.
   *
   * @param skew how far its wall clock is ahead
   * @param rate how fast it runs
   */
  clock({ skew = 0, rate = 1 } = {}): Clock {
    return {
      now: () => EPOCH + skew + this.#now * rate,
      monotonic: () => this.#now * rate,
      sleep: (milliseconds, signal) => this.sleep(milliseconds / rate, signal),
    };
  }
}

export const EPOCH = Date.parse('2026-06-01T12:00:00Z');

/** Runs everything that can run without time passing. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
