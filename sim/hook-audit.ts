/** Watches every hook call: the same request has the same answer, in any order of its keys, and is left alone. */
import type { HookRegistry, Hooks } from '../lib/engine/hook-server.ts';
import { parseJson } from '../lib/json.ts';
import type { HookContext } from '../lib/metacontroller/hook.ts';

type HookFunction = Hooks['sync'];

export class HookAudit {
  readonly hooks: HookRegistry;
  calls = 0;
  /** The first thing that was wrong. */
  problem: string | undefined;
  readonly #contextOf: (context: HookContext) => HookContext;

  /** @param contextOf what a replica makes of the true time */
  constructor(hooks: HookRegistry, contextOf: (context: HookContext) => HookContext) {
    this.#contextOf = contextOf;
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

  /** Every eighth call is made twice, the second time with a request whose keys come in reverse order. */
  #audited(name: string, run: HookFunction): HookFunction {
    return (request: never, given: HookContext) => {
      const context = this.#contextOf(given);
      if (this.calls++ % 8 !== 0) return run(request, context);
      const before = JSON.stringify(request);
      const other = reversed(parseJson(before)) as never;
      const answer = run(request, context);
      const text = JSON.stringify(answer);
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
