/** From the bytes of a hook request to an envelope whose shape the hooks may rely on. */
import { isObject, type JsonObject } from '../json.ts';
import type { KubernetesObject } from '../kubernetes/object.ts';
import type { Controller } from '../metacontroller/hook.ts';
import { ServerError } from './errors.ts';

export const HOOKS = ['sync', 'customize', 'finalize'] as const;

export type HookName = (typeof HOOKS)[number];

/** Hooks by controller, the name in the URL. */
export type Controllers = Readonly<Record<string, Controller>>;

/** `<controller>/<hook>` for every hook there is. */
export function hookPaths(controllers: Controllers): string[] {
  return Object.entries(controllers).flatMap(([controller, hooks]) =>
    HOOKS.filter((hook) => hooks[hook] !== undefined).map((hook) => `${controller}/${hook}`),
  );
}

interface CheckedRequest {
  /** For the hook of this controller, whatever its type. */
  readonly request: never;
  readonly parent: KubernetesObject;
}

/** Parses a body; a ServerError says at which line and column it stops being JSON. */
export function decodeBody(text: string): unknown {
  if (text.trim() === '') throw new ServerError('METAIPAM_ERR_INVALID_JSON', 'the request body is empty');
  try {
    // Counts beyond 2^53 in a pool's status lose their last digits here. No hook reads them.
    return JSON.parse(text);
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    const position = errorPosition(text, cause.message);
    const before = text.slice(0, position);
    const line = before.split('\n').length;
    const column = position - before.lastIndexOf('\n');
    // V8 ends its message with the place or a snippet of the text, now said in one way.
    const reason = cause.message.replace(/ in JSON at position .*$|, (?:\.\.\.)?".*$/s, '');
    const message = `invalid JSON at position ${position} (line ${line}, column ${column}): ${reason}`;
    throw new ServerError('METAIPAM_ERR_INVALID_JSON', message, { cause });
  }
}

/** How many characters V8 quotes on each side of the place. */
const CONTEXT = 10;

/**
 * The offset at which `text` stops being JSON.
 *
 * V8 tells it only for some errors, and for the others quotes the surroundings. Where the quotation occurs more
 * than once, a binary search finds the shortest prefix that is wrong in itself and not just unfinished.
 */
function errorPosition(text: string, message: string): number {
  const stated = /at position ([0-9]+)/.exec(message);
  if (stated !== null) return Number(stated[1]);
  if (message.includes('end of JSON input')) return text.length;
  const quoted = /\.\.\."(.*)"(?:\.\.\.)? is not valid JSON$/s.exec(message)?.[1];
  let good = quoted === undefined ? 0 : text.indexOf(quoted) + CONTEXT;
  let bad = quoted === undefined ? text.length : text.lastIndexOf(quoted) + CONTEXT + 1;
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    if (isUnfinished(text.slice(0, middle))) good = middle;
    else bad = middle;
  }
  return bad - 1;
}

function isUnfinished(prefix: string): boolean {
  try {
    JSON.parse(prefix);
    return true;
  } catch (error) {
    const { message } = error as SyntaxError;
    if (/end of JSON input|Unterminated string|Bad Unicode escape|Bad escaped/.test(message)) return true;
    return /at position ([0-9]+)/.exec(message)?.[1] === String(prefix.length);
  }
}

/**
 * Checks that `body` is a request of this controller's hook: the parent is of the right kind and has a name,
 * and every group of objects is an object of objects with metadata. Throws a ServerError that names the field.
 */
export function checkRequest({ parent }: Controller, hook: HookName, body: unknown): CheckedRequest {
  if (!isObject(body)) throw invalid('', 'an object', body);
  const composite = parent.type === 'composite' || hook === 'customize';
  const checked = checkParent(body, composite ? 'parent' : 'object', parent.kind);
  if (hook !== 'customize') {
    checkGroups(body, parent.type === 'composite' ? 'children' : 'attachments');
    checkGroups(body, 'related');
  }
  return { request: body as never, parent: checked };
}

function checkParent(body: JsonObject, field: string, kind: string): KubernetesObject {
  const parent = body[field];
  if (!isObject(parent)) throw invalid(field, 'an object', parent);
  if (parent.kind !== kind) throw invalid(`${field}.kind`, `"${kind}"`, parent.kind);
  if (typeof parent.apiVersion !== 'string')
    throw invalid(`${field}.apiVersion`, 'a string', parent.apiVersion);
  const { metadata } = parent;
  if (!isObject(metadata)) throw invalid(`${field}.metadata`, 'an object', metadata);
  if (typeof metadata.name !== 'string') throw invalid(`${field}.metadata.name`, 'a string', metadata.name);
  return parent as unknown as KubernetesObject;
}

function checkGroups(body: JsonObject, field: string): void {
  const groups = body[field];
  if (!isObject(groups)) throw invalid(field, 'an object', groups);
  for (const [group, objects] of Object.entries(groups)) {
    if (!isObject(objects)) throw invalid(`${field}["${group}"]`, 'an object', objects);
    for (const key in objects) {
      const object = objects[key];
      const path = `${field}["${group}"]["${key}"]`;
      if (!isObject(object)) throw invalid(path, 'an object', object);
      if (!isObject(object.metadata)) throw invalid(`${path}.metadata`, 'an object', object.metadata);
    }
  }
}

function invalid(field: string, expected: string, value: unknown): ServerError {
  const kind = Array.isArray(value) ? 'an array' : isObject(value) ? 'an object' : undefined;
  const found = value === undefined ? 'nothing' : (kind ?? JSON.stringify(value));
  const message = `${field === '' ? 'the request' : field} must be ${expected}, found ${found}`;
  return new ServerError('METAIPAM_ERR_INVALID_REQUEST', message, field === '' ? {} : { field });
}
