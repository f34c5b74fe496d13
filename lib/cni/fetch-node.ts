import type { HttpResponse } from './http.ts';
import { type Connection, findConnection } from './kubeconfig.ts';
import { isObject, type JsonObject } from './network-config.ts';
import { type NodeFacts, nodeFacts, writeFacts } from './node-facts.ts';

/** What the fetcher reads from stdin. */
export interface FetchRequest {
  /** Milliseconds that all of it may take. */
  readonly deadline: number;
  /** The node; without it the own one is looked for. */
  readonly name?: string;
  readonly kubeconfig?: string;
  /** The file to write the facts to. */
  readonly file?: string;
}

/** What it answers on stdout. */
export type FetchAnswer = { readonly node: NodeFacts } | { readonly problem: string };

export interface FetchHost {
  readonly env: Readonly<Record<string, string | undefined>>;
  now(): number;
  readFile(path: string): string | undefined;
  replaceFile(path: string, text: string): void;
  /** GETs a path of the API server. Rejects with an Error that says why there is no answer. */
  get(connection: Connection, path: string, milliseconds: number): Promise<HttpResponse>;
}

/** How many nodes a page of a list holds. */
const PAGE = 200;

/** Asks the API server for a node, and writes what it says to the file. Never rejects. */
export async function fetchNode(host: FetchHost, request: FetchRequest): Promise<FetchAnswer> {
  try {
    const connection = findConnection(host, request.kubeconfig);
    const endsAt = host.now() + request.deadline;
    const get = async (path: string) => {
      const { status, body } = await host.get(connection, path, endsAt - host.now());
      return readAnswer(status, body);
    };
    const object = request.name ? await getNode(get, request.name) : await findOwnNode(host, get);
    const node = nodeFacts(object);
    if (node === undefined) return { problem: 'Node not found' };
    if (request.file) remember(host, request.file, node);
    return { node };
  } catch (error) {
    return { problem: (error as Error).message };
  }
}

/** A node that cannot be remembered can still be used. */
function remember(host: FetchHost, file: string, node: NodeFacts): void {
  try {
    host.replaceFile(file, writeFacts(node, host.now()));
  } catch {}
}

type Get = (path: string) => Promise<Answer>;
type Answer = { readonly object: JsonObject } | { readonly status: number; readonly message: string };

async function getNode(get: Get, name: string): Promise<JsonObject | undefined> {
  const answer = await get(`/api/v1/nodes/${encodeURIComponent(name)}`);
  if ('object' in answer) return answer.object;
  if (answer.status === 404) return undefined;
  throw new Error(answer.message);
}

/**
 * The node with this machine's id, else the one with its host name.
 *
 * The node of the host name is asked for first: it nearly always is the one with the machine's id too, and every
 * kubelet may read it, while only few may list all nodes.
 */
async function findOwnNode({ readFile }: FetchHost, get: Get): Promise<JsonObject | undefined> {
  const ids = (readFile('/etc/machine-id') ?? '').split('\n').filter((line) => line !== '');
  const hostname = (readFile('/proc/sys/kernel/hostname') ?? '').trim().toLowerCase();
  const isOwn = (node: unknown) => ids.includes(machineID(node));
  const byName = hostname ? await get(`/api/v1/nodes/${encodeURIComponent(hostname)}`) : undefined;
  const named = byName && 'object' in byName ? byName.object : undefined;
  if (named !== undefined && isOwn(named)) return named;
  let page = `/api/v1/nodes?limit=${PAGE}`;
  while (ids.length > 0) {
    const answer = await get(page);
    if ('message' in answer) {
      if (named !== undefined || answer.status === 403) break;
      throw new Error(answer.message);
    }
    const { items, metadata } = answer.object;
    const own = Array.isArray(items) ? items.find(isOwn) : undefined;
    if (own !== undefined) return own;
    const next = isObject(metadata) ? metadata.continue : undefined;
    if (typeof next !== 'string' || next === '') break;
    page = `/api/v1/nodes?limit=${PAGE}&continue=${encodeURIComponent(next)}`;
  }
  if (named === undefined && byName && 'message' in byName && byName.status !== 404)
    throw new Error(byName.message);
  return named;
}

function machineID(node: unknown): string {
  const status = isObject(node) ? node.status : undefined;
  const info = isObject(status) ? status.nodeInfo : undefined;
  return isObject(info) ? String(info.machineID ?? '') : '';
}

/** Throws if the answer is none of an API server's. */
function readAnswer(status: number, body: string): Answer {
  let object: unknown;
  try {
    object = JSON.parse(body);
  } catch {}
  if (status === 200 && isObject(object)) return { object };
  if (status === 200) throw new Error('the API server answers no JSON object');
  const message = isObject(object) && typeof object.message === 'string' ? object.message : '';
  return { status, message: `the API server answers ${status}${message && `: ${message}`}` };
}
