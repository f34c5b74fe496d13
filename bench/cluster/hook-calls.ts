/** How often hooks were called, and with how much, from the `/metrics` of `metaipam serve`. */
import { samplesOf } from '../../test/e2e/prometheus.ts';

export interface HookCalls {
  readonly calls: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
}

const SERIES = {
  calls: 'metaipam_hook_request_bytes_count',
  requestBytes: 'metaipam_hook_request_bytes_sum',
  responseBytes: 'metaipam_hook_response_bytes_sum',
} as const;

/** By `controller/hook`. */
export function hookCalls(metrics: string): Record<string, HookCalls> {
  const hooks: Record<string, HookCalls> = {};
  for (const [part, series] of Object.entries(SERIES)) {
    for (const { labels, value } of samplesOf(metrics, series)) {
      const hook = `${labels.controller}/${labels.hook}`;
      hooks[hook] = { ...(hooks[hook] ?? NO_CALLS), [part]: value };
    }
  }
  return hooks;
}

/** What came between two readings, of the hooks that were called. */
export function callsBetween(
  before: Readonly<Record<string, HookCalls>>,
  after: Readonly<Record<string, HookCalls>>,
): Record<string, HookCalls> {
  return Object.fromEntries(
    Object.entries(after)
      .map(([hook, now]): [string, HookCalls] => {
        const { calls, requestBytes, responseBytes } = before[hook] ?? NO_CALLS;
        const since = {
          calls: now.calls - calls,
          requestBytes: now.requestBytes - requestBytes,
          responseBytes: now.responseBytes - responseBytes,
        };
        return [hook, since];
      })
      .filter(([, { calls }]) => calls > 0)
      .sort(([, a], [, b]) => b.requestBytes - a.requestBytes),
  );
}

const NO_CALLS: HookCalls = { calls: 0, requestBytes: 0, responseBytes: 0 };
