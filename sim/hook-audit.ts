/** Watches every hook call: the same request has the same answer, in any order of its keys, and is left alone. */
import type { HookRegistry, Hooks } from '../lib/engine/hook-server.ts';
import { parseJson } from '../lib/json.ts';
import type { HookContext } from '../lib/metacontroller/hook.ts';

type HookFunction = Hooks['sync'];

/** A `time.Duration` of Go is nanoseconds in 63 bits. */
const LONGEST_RESYNC_SECONDS = 2 ** 63 / 1e9;

export class HookAudit {
  readonly hooks: HookRegistry;
  calls = 0;
  /** The first thing that was wrong. */
  problem: string | undefined;
  readonly #contextOf: (context: HookContext) => HookContext;
  readonly #every: number;

  /**
   * @param contextOf what a replica makes of the true time
   * @param every how many calls there are to one that is made twice
   */
  constructor(hooks: HookRegistry, contextOf: (context: HookContext) => HookContext, every = 8) {
    this.#contextOf = contextOf;
    this.#every = every;
    this.hooks = Object.fromEntries(
      Object.entries(hooks).map(([name, { sync, customize, finalize }]) => [
        name,
        {
          sync: this.#audited(`${name}/sync`, sync),
          customize: customize && this.#audited(`${name}/customize`, customize),
          finalize: finalize && this.#audited(`${name}/finalize`, finalize),
        },
      ]),
    );
  }

  /** Of some calls the request is sent twice, the second time with its keys in reverse order. */
  #audited(name: string, run: HookFunction): HookFunction {
    return (request: never, given: HookContext) => {
      const context = this.#contextOf(given);
      if (this.calls++ % this.#every !== 0) return run(request, context);
      const before = JSON.stringify(request);
      const other = reversed(parseJson(before)) as never;
      const answer = run(request, context);
      const text = JSON.stringify(answer);
      const { resyncAfterSeconds = 0 } = answer as { resyncAfterSeconds?: number };
      if (!(resyncAfterSeconds >= 0 && resyncAfterSeconds < LONGEST_RESYNC_SECONDS))
        this.problem ??= `${name} wants to be called in ${resyncAfterSeconds} s`;
      if (JSON.stringify(request) !== before) this.problem ??= `${name} changed its request`;
      const again = JSON.stringify(run(other, context));
      if (text !== again) this.problem ??= `${name} gave two answers to one request:\n${text}\n${again}`;
      return answer;
    };
  }
}

/** `value` with the keys of the maps of objects in reverse order; lists keep theirs, which means something. */
function reversed(value: unknown, depth = 0): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || depth > 2) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, item]) => [key, reversed(item, depth + 1)]),
  );
}
