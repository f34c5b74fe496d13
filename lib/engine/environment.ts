import type { Informer } from './informer.ts';
import type { Resources } from './resources.ts';
import type { HookCall, HookResult, Task } from './task.ts';
import type { WorkQueue } from './work-queue.ts';

/** What a process offers the controllers in it. Everything else goes through the steps of their tasks. */
export interface ControllerEnvironment {
  readonly resources: Resources;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** The process's cache of a resource type: one for all its controllers, started by the first who asks. */
  readonly informer: (apiVersion: string, resource: string) => Informer;
  readonly newQueue: () => WorkQueue;
  /** A hook called from an event handler, where no task can be interrupted. */
  readonly callHook: (call: HookCall) => HookResult;
  /** Some order of `items`: Go's maps have none. */
  readonly order: <T>(items: readonly T[]) => readonly T[];
}

/** Anything that reconciles keys of a work queue: a Metacontroller controller, the garbage collector, a binder. */
export interface Reconciler {
  readonly name: string;
  readonly queue: WorkQueue;
  /** Whether the caches it needs have their first list; no key is worked on before. */
  readonly ready: boolean;
  /** Brings one key up to date. Throws SyncError to be tried again. */
  sync(key: string): Task<void>;
  /** Milliseconds between two resyncs of everything; absent, never. */
  readonly resyncPeriod?: number;
  /** Queues everything. */
  resync?(): void;
}

export type StartReconciler = (environment: ControllerEnvironment) => Reconciler;
