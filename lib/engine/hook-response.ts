/** Reads what a hook answered as strictly as Metacontroller does (hook version v2): unknown fields are errors. */
import { parseJson } from '../json.ts';
import type { CompositeResponse, CustomizeResponse, DecoratorResponse } from '../metacontroller/hook.ts';
import { isMap, type JsonMap } from './object.ts';
import { type HookCall, type HookResult, SyncError } from './task.ts';

type Check = (value: unknown) => boolean;
type Shape = Readonly<Record<string, Check>>;

const isText: Check = (value) => typeof value === 'string';
const isNumber: Check = (value) => typeof value === 'number';
const isBoolean: Check = (value) => typeof value === 'boolean';
const orNull =
  (check: Check): Check =>
  (value) =>
    value === null || check(value);
const listOf = (check: Check): Check => orNull((value) => Array.isArray(value) && value.every(check));
const mapOf = (check: Check): Check => orNull((value) => isMap(value) && Object.values(value).every(check));
const shapeOf =
  (shape: Shape): Check =>
  (value) =>
    isMap(value) && firstProblem(value, shape) === undefined;
const isObject: Check = (value) =>
  isMap(value) && isText(value.apiVersion) && isText(value.kind) && isMap(value.metadata);

const OUTCOME: Shape = {
  status: orNull(isMap),
  resyncAfterSeconds: orNull(isNumber),
  finalized: orNull(isBoolean),
};

const SELECTOR = shapeOf({
  matchLabels: mapOf(isText),
  matchExpressions: listOf(shapeOf({ key: isText, operator: isText, values: listOf(isText) })),
});

const RULE = shapeOf({
  apiVersion: isText,
  resource: isText,
  namespace: orNull(isText),
  names: listOf(isText),
  labelSelector: orNull(SELECTOR),
  namespaceSelector: orNull(SELECTOR),
});

const COMPOSITE: Shape = { ...OUTCOME, children: listOf(isObject) };
const DECORATOR: Shape = {
  ...OUTCOME,
  labels: mapOf(orNull(isText)),
  annotations: mapOf(orNull(isText)),
  attachments: listOf(isObject),
};
const CUSTOMIZE: Shape = { relatedResources: listOf(RULE) };

export function readComposite(call: HookCall, result: HookResult): CompositeResponse {
  return read(call, result, COMPOSITE) as object as CompositeResponse;
}

export function readDecorator(call: HookCall, result: HookResult): DecoratorResponse {
  return read(call, result, DECORATOR) as object as DecoratorResponse;
}

export function readCustomize(call: HookCall, result: HookResult): CustomizeResponse {
  return read(call, result, CUSTOMIZE) as object as CustomizeResponse;
}

/** Throws SyncError for any answer but a 200 with exactly the fields of `shape`. */
function read({ controller, hook }: HookCall, result: HookResult, shape: Shape): JsonMap {
  const fail = (problem: string) => new SyncError(`${hook} hook of ${controller} failed: ${problem}`);
  if (result.status === 'timeout') throw fail('http error: context deadline exceeded');
  if (result.status === 429) {
    const seconds = result.retryAfterSeconds ?? 0;
    throw new SyncError(`Too many request, it will be resync after: ${seconds}`, seconds);
  }
  if (result.status !== 200) throw fail(`unsupported status code: ${result.status} body: ${result.body}`);
  let response: unknown;
  try {
    response = result.body === undefined ? result.response : parseJson(result.body);
  } catch (error) {
    throw fail(`can't unmarshal response: ${(error as Error).message}`);
  }
  if (!isMap(response)) throw fail("can't unmarshal response: not an object");
  const problem = firstProblem(response, shape);
  if (problem !== undefined) throw fail(problem);
  return response;
}

function firstProblem(value: JsonMap, shape: Shape): string | undefined {
  for (const field in value) {
    const check = shape[field];
    if (check === undefined) return `unknown field ${JSON.stringify(field)}`;
    if (!check(value[field])) return `field ${JSON.stringify(field)} has the wrong shape`;
  }
  return undefined;
}
