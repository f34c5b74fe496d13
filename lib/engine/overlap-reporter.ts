/** The part of the janitor that says of pools that they overlap, as a process of the cluster. */
import { overlapDeeds } from '../janitor/overlap-deeds.ts';
import { POOL_API_VERSION } from '../kubernetes/names.ts';
import { POOL_KINDS } from '../kubernetes/pool-kinds.ts';
import type { HookConfig } from '../metacontroller/hook.ts';
import type { Pool } from '../pool/pool.ts';
import type { ControllerEnvironment, Reconciler } from './environment.ts';
import type { Informer } from './informer.ts';
import { performDeeds } from './janitor.ts';
import type { Task } from './task.ts';
import type { WorkQueue } from './work-queue.ts';

const ALL_POOLS = 'pools';

export class OverlapReporter implements Reconciler {
  readonly name = 'overlaps';
  readonly queue: WorkQueue;
  readonly #environment: ControllerEnvironment;
  readonly #config: HookConfig;
  readonly #pools: readonly Informer[];

  constructor(environment: ControllerEnvironment, config: HookConfig) {
    this.#environment = environment;
    this.#config = config;
    this.queue = environment.newQueue();
    this.#pools = Object.values(POOL_KINDS).map(({ resource }) =>
      environment.informer(POOL_API_VERSION, resource),
    );
    const wake = () => this.queue.add(ALL_POOLS);
    for (const informer of this.#pools) informer.addHandler({ add: wake, update: wake, delete: wake });
  }

  get ready(): boolean {
    return this.#pools.every(({ synced }) => synced);
  }

  *sync(): Task<void> {
    const pools = this.#pools.flatMap((cache) => [...cache.list()]) as object[] as Pool[];
    const context = { now: this.#environment.now(), config: this.#config };
    yield* performDeeds(overlapDeeds(pools, context), 'dynamic-apply');
  }
}
