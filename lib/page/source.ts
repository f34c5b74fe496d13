/** Where the page gets what it shows. */
import type { LiveCluster } from '../cluster/live-cluster.ts';
import { type Survey, surveyOf } from '../inspect/survey.ts';
import type { KubernetesObject } from '../kubernetes/object.ts';
import type { HookConfig } from '../metacontroller/hook.ts';

export interface PageSource {
  /** Everything, as of a moment ago; undefined before it is there. */
  survey(): Survey | undefined;
  /** What cannot be seen, and why. */
  problems(): readonly string[];
  /** Calls `listener` when something has changed, until the signal aborts. Without it nothing ever changes. */
  readonly subscribe?: (listener: () => void, signal: AbortSignal) => void;
}

/** Objects that never change, such as those of files. */
export function fixedSource(
  objects: readonly KubernetesObject[],
  config: HookConfig,
  now: () => number = Date.now,
): PageSource {
  let survey: Survey | undefined;
  return {
    survey: () => {
      survey ??= surveyOf(objects, { now: now(), config });
      return survey;
    },
    problems: () => [],
  };
}

/** Milliseconds for which a survey is good enough, whatever has changed. */
const FRESH_MS = 500;
/** Taking surveys takes at most one part in so many of this thread, which answers hooks as well. */
const SHARE = 10;
/** Time alone changes things, too: what is held for a grace period. */
const STALE_MS = 10_000;

/** A cluster that changes: looked at anew when somebody asks, as often as that is cheap. */
export class LiveSource implements PageSource {
  readonly #listeners = new Set<() => void>();
  readonly #config: HookConfig;
  readonly #now: () => number;
  readonly #elapsed: () => number;
  #cluster: Pick<LiveCluster, 'objects' | 'problems' | 'synced'> | undefined;
  #last: { readonly survey: Survey; readonly at: number; readonly cost: number } | undefined;
  #isChanged = true;

  constructor(
    config: HookConfig,
    now: () => number = Date.now,
    elapsed: () => number = () => performance.now(),
  ) {
    this.#config = config;
    this.#now = now;
    this.#elapsed = elapsed;
  }

  /** Whose changes are to be told by `changed`. */
  connect(cluster: Pick<LiveCluster, 'objects' | 'problems' | 'synced'>): void {
    this.#cluster = cluster;
  }

  readonly changed = (): void => {
    this.#isChanged = true;
    for (const listener of this.#listeners) listener();
  };

  survey(): Survey | undefined {
    if (this.#cluster?.synced !== true) return this.#last?.survey;
    const start = this.#elapsed();
    const { at = Number.NEGATIVE_INFINITY, cost = 0, survey } = this.#last ?? {};
    const age = start - at;
    const goodFor = this.#isChanged ? Math.min(STALE_MS, Math.max(FRESH_MS, SHARE * cost)) : STALE_MS;
    const isGood = age < goodFor;
    if (survey !== undefined && isGood) return survey;
    this.#isChanged = false;
    const next = surveyOf(this.#cluster.objects(), { now: this.#now(), config: this.#config });
    const end = this.#elapsed();
    this.#last = { survey: next, at: end, cost: end - start };
    return next;
  }

  problems(): readonly string[] {
    return this.#cluster?.problems() ?? [];
  }

  subscribe(listener: () => void, signal: AbortSignal): void {
    this.#listeners.add(listener);
    signal.addEventListener('abort', () => this.#listeners.delete(listener), { once: true });
  }
}
