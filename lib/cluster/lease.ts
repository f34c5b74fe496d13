/**
 * Leader election on a coordination.k8s.io/v1 Lease, by the rules of client-go's `leaderelection`.
 *
 * A candidate trusts its own clock only: another's lease has expired when it has not changed for the lease
 * duration since this process first saw it like that. So clocks may differ between machines, though not run at
 * very different speeds. The leader must renew within the renew deadline, which is shorter than the lease
 * duration: it stops before anybody else may start.
 */
import type { Clock } from './clock.ts';

export interface LeaseRecord {
  /** Empty when released. */
  holderIdentity?: string;
  leaseDurationSeconds?: number;
  acquireTime?: Date;
  renewTime?: Date;
  leaseTransitions?: number;
}

export interface ObservedLease {
  readonly record: LeaseRecord;
  readonly resourceVersion: string;
}

/**
 * The Lease object. Updates carry the resourceVersion that was read and fail when it is not the newest. A
 * request ends when its signal aborts.
 */
export interface LeaseStore {
  /** Undefined if the Lease does not exist. */
  read(signal: AbortSignal): Promise<ObservedLease | undefined>;
  create(record: LeaseRecord, signal: AbortSignal): Promise<ObservedLease>;
  update(record: LeaseRecord, resourceVersion: string, signal: AbortSignal): Promise<ObservedLease>;
}

export interface LeaseOptions {
  readonly identity: string;
  /** Milliseconds, all three; each must be shorter than the one before. */
  readonly leaseDuration: number;
  readonly renewDeadline: number;
  readonly retryPeriod: number;
}

/** Why the options cannot work, or undefined. The rules are client-go's. */
export function leaseOptionsProblem({
  leaseDuration,
  renewDeadline,
  retryPeriod,
}: LeaseOptions): string | undefined {
  if (leaseDuration < 1000) return 'leader-elect-lease-duration must be at least 1s';
  if (retryPeriod <= 0) return 'leader-elect-retry-period must be longer than zero';
  if (leaseDuration <= renewDeadline) {
    return 'leader-elect-lease-duration must be longer than leader-elect-renew-deadline';
  }
  if (renewDeadline <= JITTER * retryPeriod) {
    return `leader-elect-renew-deadline must be longer than ${JITTER} times leader-elect-retry-period`;
  }
  return undefined;
}

const JITTER = 1.2;
const RELEASE_TIMEOUT = 2_000;

/** The time during which this process leads. */
export interface Term {
  /** Aborts when the term ends. */
  readonly signal: AbortSignal;
  /** Whether the lease is held at this moment, by the clock, and so also right after a process was suspended. */
  holds(): boolean;
}

export class LeaderElection {
  readonly #store: LeaseStore;
  readonly #options: LeaseOptions;
  readonly #clock: Clock;
  readonly #report: (error: unknown) => void;
  #observed: ObservedLease | undefined;
  #observedAt = 0;
  #renewedAt = 0;

  constructor(store: LeaseStore, options: LeaseOptions, clock: Clock, report: (error: unknown) => void) {
    this.#store = store;
    this.#options = options;
    this.#clock = clock;
    this.#report = report;
  }

  /** Who holds the lease, as last seen. */
  get holder(): string | undefined {
    return this.#observed?.record.holderIdentity || undefined;
  }

  /**
   * Waits for the lease, then runs `lead` while it is held. Its signal aborts when the lease is lost or when
   * `signal` aborts; nothing may be written after that. The lease is released once `lead` has returned, also
   * when it returns or fails by itself; its error is the caller's.
   */
  async run(lead: (term: Term) => Promise<void>, signal: AbortSignal): Promise<'lost' | 'stopped'> {
    while (!signal.aborted && !(await this.#tryOnce(signal))) {
      await this.#clock.sleep(this.#options.retryPeriod * (1 + Math.random() * (JITTER - 1)), signal);
    }
    if (signal.aborted) {
      await this.#release();
      return 'stopped';
    }
    const ended = new AbortController();
    const returned = new AbortController();
    const led = lead({ signal: ended.signal, holds: () => !ended.signal.aborted && this.#left() > 0 });
    const stop = () => returned.abort();
    led.then(stop, stop);
    const outcome = await this.#renewUntil(AbortSignal.any([signal, returned.signal]));
    ended.abort();
    try {
      await led;
    } finally {
      if (outcome === 'stopped') await this.#release();
    }
    return outcome;
  }

  async #renewUntil(signal: AbortSignal): Promise<'lost' | 'stopped'> {
    for (;;) {
      await this.#clock.sleep(Math.min(this.#options.retryPeriod, this.#left()), signal);
      if (signal.aborted) return 'stopped';
      if (this.#left() <= 0) return 'lost';
      await this.#within(this.#left(), (late) => this.#tryOnce(AbortSignal.any([signal, late])));
      if (this.holder !== undefined && this.holder !== this.#options.identity) return 'lost';
    }
  }

  /** Gives `attempt` so many milliseconds, after which its signal aborts. */
  async #within<T>(milliseconds: number, attempt: (late: AbortSignal) => Promise<T>): Promise<T> {
    const over = new AbortController();
    this.#clock.sleep(milliseconds, over.signal).then(() => over.abort());
    return attempt(over.signal).finally(() => over.abort());
  }

  /** Milliseconds until the lease must have been renewed. */
  #left(): number {
    return this.#options.renewDeadline - (this.#clock.monotonic() - this.#renewedAt);
  }

  /** Takes or renews the lease. False if another holds it or the attempt failed. */
  async #tryOnce(signal: AbortSignal): Promise<boolean> {
    const { identity, leaseDuration } = this.#options;
    const startedAt = this.#clock.monotonic();
    try {
      const current = await this.#store.read(signal);
      const now = new Date(this.#clock.now());
      const record: LeaseRecord = {
        holderIdentity: identity,
        leaseDurationSeconds: Math.ceil(leaseDuration / 1000),
        acquireTime: now,
        renewTime: now,
        leaseTransitions: 0,
      };
      if (current === undefined) {
        this.#observe(await this.#store.create(record, signal));
        this.#renewedAt = startedAt;
        return true;
      }
      if (current.resourceVersion !== this.#observed?.resourceVersion) this.#observe(current);
      const { holderIdentity, acquireTime = now, leaseTransitions = 0 } = current.record;
      const isMine = holderIdentity === identity;
      const age = this.#clock.monotonic() - this.#observedAt;
      if (holderIdentity && !isMine && age < this.#holderDuration(current.record)) return false;
      record.acquireTime = isMine ? acquireTime : now;
      record.leaseTransitions = isMine ? leaseTransitions : leaseTransitions + 1;
      this.#observe(await this.#store.update(record, current.resourceVersion, signal));
      this.#renewedAt = startedAt;
      return true;
    } catch (error) {
      if (!signal.aborted) this.#report(error);
      return false;
    }
  }

  /** The holder stops by its own duration, which may be longer than ours. */
  #holderDuration({ leaseDurationSeconds = 0 }: LeaseRecord): number {
    return Math.max(this.#options.leaseDuration, leaseDurationSeconds * 1000);
  }

  async #release(): Promise<void> {
    if (this.#observed?.record.holderIdentity !== this.#options.identity) return;
    const { record, resourceVersion } = this.#observed;
    const released: LeaseRecord = { ...record, holderIdentity: '', leaseDurationSeconds: 1 };
    try {
      await this.#within(RELEASE_TIMEOUT, (late) => this.#store.update(released, resourceVersion, late));
    } catch (error) {
      this.#report(error);
    }
  }

  #observe(lease: ObservedLease): void {
    this.#observed = lease;
    this.#observedAt = this.#clock.monotonic();
  }
}
