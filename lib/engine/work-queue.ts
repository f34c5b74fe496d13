/**
 * client-go's rate-limiting work queue in virtual time: a key waits once, is never worked on twice at a time, and
 * comes back after an exponentially growing delay when its sync failed.
 */
const FIRST_RETRY_MS = 5;
const LAST_RETRY_MS = 1_000_000;
/** So many keys that do not wait any more are kept. */
const MOST_DONE = 5_000;

export class WorkQueue {
  readonly #now: () => number;
  readonly #ticket: () => number;
  /** Keys that wait, with the ticket each drew. */
  readonly #ready = new Map<string, number>();
  /** Every key that came, in order, since the queue was empty; those before `#head` do not wait any more. */
  #line: { readonly key: string; readonly ticket: number }[] = [];
  #head = 0;
  readonly #working = new Set<string>();
  readonly #again = new Set<string>();
  readonly #timers = new Map<string, number>();
  readonly #failures = new Map<string, number>();
  #nextTimer = Number.POSITIVE_INFINITY;

  /** `ticket` numbers arrivals over all queues of a cluster. */
  constructor(now: () => number, ticket: () => number) {
    this.#now = now;
    this.#ticket = ticket;
  }

  add(key: string): void {
    if (this.#working.has(key)) this.#again.add(key);
    else if (!this.#ready.has(key)) {
      const ticket = this.#ticket();
      this.#ready.set(key, ticket);
      this.#line.push({ key, ticket });
    }
  }

  /** A key waits for its earliest timer only. */
  addAfter(key: string, milliseconds: number): void {
    if (milliseconds <= 0) {
      this.add(key);
      return;
    }
    const at = Math.min(this.#now() + milliseconds, this.#timers.get(key) ?? Number.POSITIVE_INFINITY);
    this.#timers.set(key, at);
    this.#nextTimer = Math.min(this.#nextTimer, at);
  }

  /** The key is not added when its time comes. */
  forgetTimer(key: string): void {
    this.#timers.delete(key);
    if (this.#timers.size === 0) this.#nextTimer = Number.POSITIVE_INFINITY;
  }

  addRateLimited(key: string): void {
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    this.addAfter(key, Math.min(FIRST_RETRY_MS * 2 ** failures, LAST_RETRY_MS));
  }

  /** The next `addRateLimited` of the key starts over. */
  forget(key: string): void {
    this.#failures.delete(key);
  }

  get length(): number {
    return this.#ready.size;
  }

  keys(): IterableIterator<string> {
    return this.#ready.keys();
  }

  /** Those whose last sync failed. */
  failedKeys(): IterableIterator<string> {
    return this.#failures.keys();
  }

  /** The ticket of the key that waits longest. */
  firstTicket(): number {
    return this.#first()?.ticket ?? Number.POSITIVE_INFINITY;
  }

  /** Takes a waiting key, by default the one that waits longest, to work on it until `done`. */
  take(key: string | undefined = this.#first()?.key): string | undefined {
    if (key === undefined || !this.#ready.delete(key)) return undefined;
    this.#working.add(key);
    return key;
  }

  #first(): { readonly key: string; readonly ticket: number } | undefined {
    for (; this.#head < this.#line.length; this.#head++) {
      const first = this.#line[this.#head]!;
      if (this.#ready.get(first.key) !== first.ticket) continue;
      if (this.#head >= MOST_DONE) this.#head -= this.#line.splice(0, this.#head).length;
      return first;
    }
    if (this.#head > 0) {
      this.#line = [];
      this.#head = 0;
    }
    return undefined;
  }

  done(key: string): void {
    this.#working.delete(key);
    if (this.#again.delete(key)) this.add(key);
  }

  /** When the next timer goes off; Infinity without one. */
  get nextTimer(): number {
    return this.#nextTimer;
  }

  /** Adds the keys whose time has come. */
  fireTimers(): void {
    const now = this.#now();
    if (now < this.#nextTimer) return;
    this.#nextTimer = Number.POSITIVE_INFINITY;
    for (const [key, at] of this.#timers) {
      if (at > now) {
        this.#nextTimer = Math.min(this.#nextTimer, at);
      } else {
        this.#timers.delete(key);
        this.add(key);
      }
    }
  }
}
