import type { Clock } from '../cluster/clock.ts';

/** Lets `perSecond` callers pass each second, evenly spaced once a burst of one second's worth is used up. */
export class RateLimiter {
  readonly #spacing: number;
  readonly #clock: Clock;
  /** When the next pass is due, on the monotonic clock. */
  #next = Number.NEGATIVE_INFINITY;

  constructor(perSecond: number, clock: Clock) {
    this.#spacing = 1000 / perSecond;
    this.#clock = clock;
  }

  /** Resolves when the caller may pass, or at once when the signal aborts. */
  async take(signal: AbortSignal): Promise<void> {
    const now = this.#clock.monotonic();
    this.#next = Math.max(this.#next, now - BURST) + this.#spacing;
    const wait = this.#next - now;
    if (wait > 0) await this.#clock.sleep(wait, signal);
  }
}

/** Milliseconds of passes that may be saved up. */
const BURST = 1000;
