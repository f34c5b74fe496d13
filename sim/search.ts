/** Plays many worlds: in this thread, or a part of them in each of several. */
import { Worker } from 'node:worker_threads';
import { controllers } from '../hooks/index.ts';
import type { LayoutOptions } from './layout.ts';
import type { Trouble } from './op.ts';
import { play } from './play.ts';

export interface Search {
  /** The seed of the first world. */
  readonly from: number;
  /** How many seeds there are between two of this part: as many as there are parts. */
  readonly stride: number;
  /** No seed is as high as this. */
  readonly end: number;
  /** No world is begun after so long. */
  readonly milliseconds: number;
  /** Of chaos in each world. */
  readonly steps: number;
  readonly options: LayoutOptions;
}

export interface FailedWorld {
  readonly seed: number;
  readonly rule: string;
  readonly message: string;
}

interface Tally {
  readonly worlds: number;
  readonly steps: number;
  readonly syncs: number;
  readonly calls: number;
  readonly troubles: ReadonlyMap<Trouble, number>;
  readonly failures: readonly FailedWorld[];
}

/** Plays a part of the worlds; `tell` hears of each failure at once. */
export function searchPart(search: Search, tell: (failure: FailedWorld) => void): Tally {
  const { from, stride, end, milliseconds, options } = search;
  const began = performance.now();
  const troubles = new Map<Trouble, number>();
  const failures: FailedWorld[] = [];
  let [worlds, steps, syncs, calls] = [0, 0, 0, 0];
  for (let seed = from; seed < end && performance.now() - began < milliseconds; seed += stride) {
    const { ops, violation, world } = play(seed, search.steps, { hooks: controllers }, options);
    worlds++;
    steps += ops.length;
    syncs += world.syncs;
    calls += world.audit.calls;
    add(troubles, world.troubles);
    if (violation === undefined) continue;
    failures.push({ seed, ...violation });
    tell({ seed, ...violation });
  }
  return { worlds, steps, syncs, calls, troubles, failures };
}

/** Plays the worlds of `search` in so many threads, each of them every `jobs`-th. */
export async function searchInThreads(
  search: Search,
  jobs: number,
  tell: (failure: FailedWorld) => void,
): Promise<Tally> {
  const parts = Array.from({ length: jobs }, (_, i) => ({ ...search, from: search.from + i, stride: jobs }));
  const tallies = await Promise.all(parts.map((part) => searchInThread(part, tell)));
  return tallies.reduce(sum);
}

function searchInThread(part: Search, tell: (failure: FailedWorld) => void): Promise<Tally> {
  return new Promise((resolve, reject) => {
    const thread = new Worker(new URL('./search-thread.ts', import.meta.url), { workerData: part });
    thread.on('message', (message: { failure: FailedWorld } | { tally: Tally }) => {
      if ('failure' in message) tell(message.failure);
      else resolve(message.tally);
    });
    thread.on('error', reject);
    thread.on('exit', () => reject(new Error('a thread of the search ended early')));
  });
}

function sum(a: Tally, b: Tally): Tally {
  const troubles = new Map(a.troubles);
  add(troubles, b.troubles);
  return {
    worlds: a.worlds + b.worlds,
    steps: a.steps + b.steps,
    syncs: a.syncs + b.syncs,
    calls: a.calls + b.calls,
    troubles,
    failures: [...a.failures, ...b.failures],
  };
}

function add(to: Map<Trouble, number>, more: ReadonlyMap<Trouble, number>): void {
  for (const [trouble, count] of more) to.set(trouble, (to.get(trouble) ?? 0) + count);
}
