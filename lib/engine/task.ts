/**
 * Work as a machine of steps: a task yields each request it makes and is resumed with the answer, so that a
 * scheduler may run other tasks, fail the request or drop the task between any two.
 */
import { type ApiRequest, type ApiResult, apiError } from './api.ts';
import type { Unstructured } from './object.ts';

export class HookCall {
  readonly controller: string;
  readonly hook: 'sync' | 'customize' | 'finalize';
  /** As JSON that is shared with others: it is not to be changed. */
  readonly request: object;

  constructor(controller: string, hook: HookCall['hook'], request: object) {
    this.controller = controller;
    this.hook = hook;
    this.request = request;
  }

  /** The request as JSON text. */
  get body(): string {
    return JSON.stringify(this.request);
  }
}

/** What came back over HTTP, or nothing in time. */
export type HookResult =
  | { readonly status: 200; readonly response: unknown; readonly body?: never }
  | { readonly status: number; readonly body: string; readonly retryAfterSeconds?: number }
  | { readonly status: 'timeout'; readonly body?: never };

export type Step =
  | { readonly kind: 'api'; readonly request: ApiRequest }
  | { readonly kind: 'hook'; readonly call: HookCall };

export type StepResult = ApiResult | HookResult;

export type Task<T> = Generator<Step, T, StepResult>;

export function* api(request: ApiRequest): Task<ApiResult> {
  return (yield { kind: 'api', request }) as ApiResult;
}

export function* hook(call: HookCall): Task<HookResult> {
  return (yield { kind: 'hook', call }) as HookResult;
}

/** Ends a sync in failure: it is tried again, later each time. */
export class SyncError extends Error {
  override readonly name = 'SyncError';
  /** When to try again, where the hook said so (429 with Retry-After). */
  readonly retryAfterSeconds: number | undefined;

  constructor(message: string, retryAfterSeconds?: number) {
    super(message);
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** The object of a result. Throws SyncError on an error that the caller has no use for. */
export function objectOf(result: ApiResult, doing: string): Unstructured {
  if (result.error !== undefined) throw new SyncError(`can't ${doing}: ${result.error.message}`);
  return result.object;
}

/**
 * Reads the live object, changes it and writes it back, up to four times while others write in between
 * (`retry.DefaultBackoff`). An object of another uid under the name counts as not found. `change` returns
 * undefined when there is nothing to do.
 */
export function* atomicUpdate(
  target: { apiVersion: string; resource: string; namespace?: string | undefined; name: string },
  uid: string | undefined,
  change: (live: Unstructured) => Unstructured | undefined,
  subresource?: 'status',
): Task<ApiResult> {
  let result: ApiResult;
  let attempts = 4;
  do {
    const live = yield* api({ verb: 'get', ...target });
    if (live.object === undefined) return live;
    if (live.object.metadata.uid !== uid) {
      return apiError('NotFound', `${target.resource} "${target.name}" not found`);
    }
    const object = change(live.object);
    if (object === undefined) return live;
    result = yield* api({ verb: 'update', ...target, object, ...(subresource && { subresource }) });
  } while (result.error?.reason === 'Conflict' && --attempts > 0);
  return result;
}
