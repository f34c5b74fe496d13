/** Calls hook functions as the HTTP server does: JSON in, JSON out. */
import { asJson } from '../json.ts';
import type { HookContext } from '../metacontroller/hook.ts';
import type { HookCall, HookResult } from './task.ts';

type HookFunction = (request: never, context: HookContext) => unknown;

/** One controller's hooks, whatever the kind of their parent. */
export interface Hooks {
  readonly sync: HookFunction;
  readonly customize?: HookFunction | undefined;
  readonly finalize?: HookFunction | undefined;
}

/** By the name of the controller. */
export type HookRegistry = Readonly<Record<string, Hooks>>;

export function callHook(
  hooks: ReadonlyMap<string, Hooks>,
  { controller, hook, request }: HookCall,
  context: HookContext,
): HookResult {
  const run = hooks.get(controller)?.[hook];
  if (run === undefined) return { status: 404, body: `no hook ${controller}/${hook}` };
  try {
    return { status: 200, response: asJson(run(request as never, context)) };
  } catch (error) {
    return { status: 500, body: String((error as Error).stack ?? error) };
  }
}
