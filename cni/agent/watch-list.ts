import { type Connection, findConnection } from '../../lib/cni/kubeconfig.ts';
import { isObject, type JsonObject } from '../../lib/json.ts';
import { readFile } from '../node/host.ts';
import { get } from '../node/https.ts';

/** What a watch may last beyond the time that the server is told: a connection that has died unseen is noticed then. */
const GRACE_SECONDS = 30;

/** A list of the API server, or a part of it. */
export interface List {
  readonly path: string;
  /** Selectors, URL-encoded. */
  readonly selectors: string;
  /** Of the objects nothing but their metadata. */
  readonly isMetadataOnly?: boolean;
}

export interface WatchEvent {
  readonly type: string;
  readonly object: JsonObject;
}

/** The server was asked, and will not tell. */
export class Refusal extends Error {}

/** With the credentials of the moment: a rotated token is found by whoever asks next. */
export function presentConnection(): Connection {
  return findConnection({ env: process.env, readFile }, undefined);
}

/** The media type that this is asked for in. */
export function mediaType(
  { isMetadataOnly }: List,
  kind: 'PartialObjectMetadata' | 'PartialObjectMetadataList',
) {
  return isMetadataOnly ? `application/json;as=${kind};g=meta.k8s.io;v=v1` : 'application/json';
}

/**
 * What the server tells of a list from a version of it on, until it ends the watch after so many seconds.
 *
 * Throws a Refusal if it will not tell, and any other Error if it cannot be asked or the connection is torn off.
 */
export async function* watchList(
  list: List,
  resourceVersion: string,
  seconds: number,
  signal: AbortSignal,
): AsyncGenerator<WatchEvent> {
  const { path, selectors } = list;
  const connection = presentConnection();
  // From version 0 on, bookmarks are a promise that some API servers cannot give.
  const bookmarks = resourceVersion === '0' ? '' : '&allowWatchBookmarks=true';
  const from = `watch=true&resourceVersion=${resourceVersion}${bookmarks}&timeoutSeconds=${seconds}`;
  const limit = AbortSignal.timeout((seconds + GRACE_SECONDS) * 1000);
  const all = AbortSignal.any([signal, limit]);
  const type = mediaType(list, 'PartialObjectMetadata');
  const response = await get(connection, `${path}?${selectors}&${from}`, all, type);
  if (response.statusCode !== 200) {
    response.resume();
    throw new Refusal(`${connection.server} answers ${response.statusCode} to a watch of ${path}`);
  }
  response.setEncoding('utf8');
  for await (const line of linesOf(response)) {
    const event: unknown = JSON.parse(line);
    if (!isObject(event) || event.type === 'ERROR' || !isObject(event.object)) {
      throw new Refusal(`${connection.server}: ${line.slice(0, 200)}`);
    }
    yield { type: String(event.type), object: event.object };
  }
}

/** Unlike those of `node:readline`, they end with an error when the stream is torn off. */
async function* linesOf(stream: AsyncIterable<unknown>): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of stream) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop()!;
    yield* lines;
  }
}
