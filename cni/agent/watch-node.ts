import { findConnection } from '../../lib/cni/kubeconfig.ts';
import { isObject } from '../../lib/cni/network-config.ts';
import { type NodeFacts, nodeFacts } from '../../lib/cni/node-facts.ts';
import { readFile } from '../node/host.ts';
import { get } from '../node/https.ts';

/** Seconds after which the server ends a watch: a connection that has died unseen is noticed no later. */
const WATCH_SECONDS = 240;
const GRACE_SECONDS = 30;

interface Options {
  readonly name: string;
  /** Path; without it the pod's own credentials, or those of the environment. */
  readonly kubeconfig?: string;
  readonly signal: AbortSignal;
  /** Each state of the Node, the present one first; undefined once it is deleted. */
  readonly onNode: (node: NodeFacts | undefined) => void;
}

/**
 * Watches one Node until the server ends the watch. Credentials are read for each watch, so a rotated token is found.
 *
 * Rejects with an Error if the server cannot be asked, or will not tell.
 */
export async function watchNode({ name, kubeconfig, signal, onNode }: Options): Promise<void> {
  const connection = findConnection({ env: process.env, readFile }, kubeconfig);
  const selector = encodeURIComponent(`metadata.name=${name}`);
  // Version 0: the present state first, as any API server knows it, without waiting for the latest.
  const from = `watch=true&resourceVersion=0&timeoutSeconds=${WATCH_SECONDS}`;
  const path = `/api/v1/nodes?fieldSelector=${selector}&${from}`;
  const limit = AbortSignal.timeout((WATCH_SECONDS + GRACE_SECONDS) * 1000);
  const response = await get(connection, path, AbortSignal.any([signal, limit]));
  if (response.statusCode !== 200) {
    response.resume();
    throw new Error(`${connection.server} answers ${response.statusCode}`);
  }
  response.setEncoding('utf8');
  for await (const line of linesOf(response)) {
    const event: unknown = JSON.parse(line);
    if (!isObject(event) || event.type === 'ERROR')
      throw new Error(`${connection.server}: ${line.slice(0, 200)}`);
    const node = nodeFacts(event.object);
    if (node?.name === name) onNode(event.type === 'DELETED' ? undefined : node);
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
