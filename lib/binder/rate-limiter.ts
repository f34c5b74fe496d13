import { setTimeout as delay } from 'node:timers/promises';

/** Lets `perSecond` callers pass each second, evenly spaced once a burst of one second's worth is used up. */
export class RateLimiter {
  readonly #spacing: number;
  readonly #burst: number;
  /** When the next pass is due, on the monotonic clock. */
  #next = 0;

  constructor(perSecond: number) {
    this.#spacing = 1000 / perSecond;
    this.#burst = 1000;
  }

  /** Resolves when the caller may pass, or at once when the signal aborts. */
  async take(signal: AbortSignal): Promise<void> {
    const now = performance.now();
    this.#next = Math.max(this.#next, now - this.#burst) + this.#spacing;
    const wait = this.#next - now;
    if (wait > 0) await delay(wait, undefined, { signal }).catch(() => {});
  }
}
