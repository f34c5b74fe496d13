/** A process with its caches, queues and work in flight: all of it is lost when it crashes. */
import { entryOf } from './entry-of.ts';
import type { ControllerEnvironment, Reconciler } from './environment.ts';
import { Informer } from './informer.ts';
import type { Store } from './store.ts';
import type { HookCall, HookResult, Step, StepResult, Task } from './task.ts';
import { SyncError } from './task.ts';
import { WorkQueue } from './work-queue.ts';

export interface ProcessDefinition {
  readonly name: string;
  /** Called at every start. */
  readonly start: (environment: ControllerEnvironment) => readonly Reconciler[];
  /** Keys each reconciler works on at a time. */
  readonly workers: number;
}

/** One key being worked on, waiting for `step` to be executed. */
export interface Worker {
  readonly process: Process;
  readonly reconciler: Reconciler;
  readonly key: string;
  readonly step: Step;
  readonly task: Task<void>;
}

/** What a process needs of the world. */
interface ProcessHost {
  readonly store: Store;
  readonly now: () => number;
  readonly ticket: () => number;
  readonly order: <T>(items: readonly T[]) => readonly T[];
  readonly callHook: (process: Process, call: HookCall) => HookResult;
  readonly restarted: (process: Process) => void;
  readonly ended: (
    process: Process,
    reconciler: Reconciler,
    key: string,
    error: SyncError | undefined,
  ) => void;
}

export class Process {
  readonly name: string;
  readonly #definition: ProcessDefinition;
  readonly #host: ProcessHost;
  readonly #workers: Worker[] = [];
  readonly #resyncs = new Map<Reconciler, number>();
  #nextResync = Number.POSITIVE_INFINITY;
  /** By apiVersion and resource. */
  #informersOf = new Map<string, Informer>();
  #informers: Informer[] = [];
  /** The store's version when its caches were last found to have heard everything. */
  #upToDateAt = -1;
  #reconcilers: readonly Reconciler[] = [];

  constructor(definition: ProcessDefinition, host: ProcessHost) {
    this.name = definition.name;
    this.#definition = definition;
    this.#host = host;
    this.restart();
  }

  /** Starts over with empty caches and queues; work in flight ends where it is. */
  restart(): void {
    const { now, ticket, order, callHook, restarted, store } = this.#host;
    restarted(this);
    this.#workers.length = 0;
    this.#resyncs.clear();
    this.#informersOf = new Map();
    this.#informers = [];
    this.#reconcilers = this.#definition.start({
      resources: store.resources,
      now,
      order,
      informer: (apiVersion, resource) => this.#informer(apiVersion, resource),
      newQueue: () => new WorkQueue(now, ticket),
      callHook: (call) => callHook(this, call),
    });
    for (const reconciler of this.#reconcilers) {
      if (reconciler.resyncPeriod !== undefined)
        this.#resyncs.set(reconciler, now() + reconciler.resyncPeriod);
    }
    this.#nextResync = Math.min(...this.#resyncs.values());
  }

  get informers(): readonly Informer[] {
    return this.#informers;
  }

  /** Whether its caches have heard everything. */
  get isUpToDate(): boolean {
    const { version } = this.#host.store;
    if (this.#upToDateAt === version) return true;
    if (this.#informers.some(({ pending }) => pending > 0)) return false;
    this.#upToDateAt = version;
    return true;
  }

  get reconcilers(): readonly Reconciler[] {
    return this.#reconcilers;
  }

  get workers(): readonly Worker[] {
    return this.#workers;
  }

  /** Whether a key waits for the reconciler and a worker is free. */
  canStart(reconciler: Reconciler): boolean {
    if (reconciler.queue.length === 0 || !reconciler.ready) return false;
    let busy = 0;
    for (const worker of this.#workers) if (worker.reconciler === reconciler) busy++;
    return busy < this.#definition.workers;
  }

  /** Begins to work on a key, by default the one that waits longest, up to its first step. */
  start(reconciler: Reconciler, key?: string): void {
    const taken = reconciler.queue.take(key);
    if (taken !== undefined) this.#advance(reconciler, taken, reconciler.sync(taken), undefined);
  }

  /** Gives a worker the answer to its step and runs it up to the next. */
  resume(worker: Worker, result: StepResult): void {
    const place = this.#workers.indexOf(worker);
    if (place < 0) return;
    this.#workers.splice(place, 1);
    this.#advance(worker.reconciler, worker.key, worker.task, result);
  }

  /** When the next timer of the process goes off; Infinity without one. */
  nextTimer(): number {
    let next = this.#nextResync;
    for (const { queue } of this.#reconcilers) next = Math.min(next, queue.nextTimer);
    return next;
  }

  fireTimers(): void {
    const now = this.#host.now();
    for (const reconciler of this.#reconcilers) {
      reconciler.queue.fireTimers();
      const at = this.#resyncs.get(reconciler) ?? Number.POSITIVE_INFINITY;
      if (at > now) continue;
      reconciler.resync?.();
      this.#resyncs.set(reconciler, now + (reconciler.resyncPeriod ?? Number.POSITIVE_INFINITY));
    }
    this.#nextResync = Math.min(...this.#resyncs.values());
  }

  #informer(apiVersion: string, resource: string): Informer {
    const { store } = this.#host;
    return entryOf(this.#informersOf, `${apiVersion} ${resource}`, () => {
      const informer = new Informer(store, store.resources.get(apiVersion, resource), apiVersion);
      this.#informers.push(informer);
      this.#upToDateAt = -1;
      return informer;
    });
  }

  #advance(reconciler: Reconciler, key: string, task: Task<void>, result: StepResult | undefined): void {
    const { queue } = reconciler;
    let failure: SyncError | undefined;
    try {
      const next = task.next(result as StepResult);
      if (!next.done) {
        this.#workers.push({ process: this, reconciler, key, step: next.value, task });
        return;
      }
      queue.forget(key);
    } catch (error) {
      if (!(error instanceof SyncError)) throw error;
      failure = error;
      if (error.retryAfterSeconds === undefined) queue.addRateLimited(key);
      else queue.addAfter(key, error.retryAfterSeconds * 1000);
    }
    queue.done(key);
    this.#host.ended(this, reconciler, key, failure);
  }
}
