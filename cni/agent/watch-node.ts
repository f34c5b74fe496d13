import { type NodeFacts, nodeFacts } from '../../lib/cni/node-facts.ts';
import { watchList } from './watch-list.ts';

/** After them credentials are read anew. */
const WATCH_SECONDS = 240;

interface Options {
  readonly name: string;
  readonly signal: AbortSignal;
  /** Each state of the Node, the present one first; undefined once it is deleted. */
  readonly onNode: (node: NodeFacts | undefined) => void;
}

/** Watches one Node until the server ends the watch. Rejects with an Error if it cannot be asked, or will not tell. */
export async function watchNode({ name, signal, onNode }: Options): Promise<void> {
  const selectors = `fieldSelector=${encodeURIComponent(`metadata.name=${name}`)}`;
  const list = { path: '/api/v1/nodes', selectors };
  // Version 0: the present state first, as any API server knows it, without waiting for the latest.
  for await (const { type, object } of watchList(list, '0', WATCH_SECONDS, signal)) {
    const node = nodeFacts(object);
    if (node?.name === name) onNode(type === 'DELETED' ? undefined : node);
  }
}
