import { setTimeout } from 'node:timers/promises';
import { isObject, type JsonObject } from '../../lib/json.ts';
import { getObject } from '../node/https.ts';
import { type List, mediaType, presentConnection, Refusal, watchList } from './watch-list.ts';

/** Objects of a page, and milliseconds that it may take. */
const PAGE = 500;
const PAGE_DEADLINE = 60_000;
/** In a quiet world it is only by ending a watch that some API servers say that there is nothing to tell. */
const WATCH_SECONDS = 75;
/** Milliseconds before the next try, at first and at last: every node of a cluster may try. */
const FIRST_DELAY = 1_000;
const LONGEST_DELAY = 60_000;
/** Milliseconds after which what goes wrong has gone well before. */
const WENT_WELL = 10_000;

interface Options<T> {
  readonly list: List;
  /** Whether a list that any API server knows will do, however old. */
  readonly mayBeOld?: boolean;
  /** What is kept of an object; undefined for nothing. */
  readonly read: (object: JsonObject) => T | undefined;
  /** The list as it is now, by `namespace/name`: at each change, and when it is certain that there was none. */
  readonly onState: (objects: ReadonlyMap<string, T>) => void;
  readonly onProblem: (error: Error) => void;
  readonly signal: AbortSignal;
}

/**
 * Keeps a list as the API server has it, until `signal` ends it. Where the server will not tell what came after, it is
 * listed again; after a connection that was torn off, or an error of `onState`, the watch goes on where it was.
 */
export async function reflect<T>(options: Options<T>): Promise<void> {
  const { list, read, onState, onProblem, signal } = options;
  let objects = new Map<string, T>();
  let version: string | undefined;
  for (let delay = FIRST_DELAY; !signal.aborted; ) {
    const startedAt = performance.now();
    const lasted = () => performance.now() - startedAt;
    try {
      if (version === undefined) {
        ({ objects, version } = await readList(options));
        onState(objects);
      }
      for await (const { type, object } of watchList(list, version, WATCH_SECONDS, signal)) {
        const { name, resourceVersion } = metadataOf(object);
        const facts = type === 'ADDED' || type === 'MODIFIED' ? read(object) : undefined;
        if (facts !== undefined) objects.set(name, facts);
        else if (type !== 'BOOKMARK') objects.delete(name);
        version = resourceVersion;
        onState(objects);
      }
      if (lasted() < FIRST_DELAY) throw new Error(`a watch of ${list.path} ended at once`);
      onState(objects);
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Refusal) version = undefined;
      onProblem(error as Error);
      if (lasted() > WENT_WELL) delay = FIRST_DELAY;
      await setTimeout(delay * (0.5 + Math.random()), undefined, { signal }).catch(() => {});
      delay = Math.min(2 * delay, LONGEST_DELAY);
    }
  }
}

async function readList<T>({ list, mayBeOld, read, signal }: Options<T>) {
  const objects = new Map<string, T>();
  const type = mediaType(list, 'PartialObjectMetadataList');
  for (let from = mayBeOld ? 'resourceVersion=0' : ''; ; ) {
    const path = `${list.path}?${list.selectors}&limit=${PAGE}&${from}`;
    const limit = AbortSignal.any([signal, AbortSignal.timeout(PAGE_DEADLINE)]);
    const answer = await getObject(presentConnection(), path, limit, type);
    if ('message' in answer) throw new Refusal(`${list.path}: ${answer.message}`);
    const { items, metadata } = answer.object;
    // Of metadata alone an empty list is null.
    if (!Array.isArray(items ?? []) || !isObject(metadata)) throw new Refusal(`${list.path}: no list`);
    for (const object of ((items ?? []) as unknown[]).filter(isObject)) {
      const facts = read(object);
      if (facts !== undefined) objects.set(metadataOf(object).name, facts);
    }
    if (!metadata.continue) return { objects, version: String(metadata.resourceVersion) };
    from = `continue=${encodeURIComponent(String(metadata.continue))}`;
  }
}

function metadataOf({ metadata }: JsonObject): { name: string; resourceVersion: string } {
  const { namespace, name, resourceVersion } = isObject(metadata) ? metadata : ({} as JsonObject);
  return { name: `${namespace}/${name}`, resourceVersion: String(resourceVersion) };
}
