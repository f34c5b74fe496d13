import { isObject, type JsonObject } from '../json.ts';
import type { HttpResponse } from './http.ts';
import { type Connection, findConnection } from './kubeconfig.ts';
import { type NodeFacts, nodeFacts, questionFile, writeFacts } from './node-facts.ts';

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
  removeFile(path: string): void;
  /** GETs a path of the API server. Rejects with an Error that says why there is no answer. */
  get(connection: Connection, path: string, milliseconds: number): Promise<HttpResponse>;
}

/** How many nodes a page of a list holds. */
const PAGE = 200;
/** How many nodes an error names. */
const MOST_NAMES = 3;

/** Milliseconds that an answer may take for nobody to be the wiser. */
const SOON = 500;

/**
 * Asks the API server for a node, and writes what it says to the file. Never rejects.
 *
 * The question is answered if the server knows the node, or if it is soon said why not: asking again costs nothing then.
 */
export async function fetchNode(host: FetchHost, request: FetchRequest): Promise<FetchAnswer> {
  const startedAt = host.now();
  const answer = await ask(host, request);
  const isAnswered = 'node' in answer || host.now() - startedAt < SOON;
  if (request.file && isAnswered) host.removeFile(questionFile(request.file));
  return answer;
}

async function ask(host: FetchHost, request: FetchRequest): Promise<FetchAnswer> {
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

type Get = (path: string) => Promise<ApiAnswer>;
export type ApiAnswer =
  | { readonly object: JsonObject }
  | { readonly status: number; readonly message: string };

async function getNode(get: Get, name: string): Promise<JsonObject | undefined> {
  const answer = await get(`/api/v1/nodes/${encodeURIComponent(name)}`);
  if ('object' in answer) return answer.object;
  if (answer.status === 404) return undefined;
  throw new Error(answer.message);
}

/**
 * The node with this machine's id, else the one with its host name. Machines that were cloned have one id: then it is
 * the one whose kubelet saw this boot of the kernel.
 *
 * The node of the host name is asked for first: it nearly always is the one with the machine's id too, and every
 * kubelet may read it, while only few may list all nodes. Throws an Error if it cannot be told which node it is.
 */
async function findOwnNode({ readFile }: FetchHost, get: Get): Promise<JsonObject | undefined> {
  const ids = (readFile('/etc/machine-id') ?? '').split('\n').filter((line) => line !== '');
  const bootID = (readFile('/proc/sys/kernel/random/boot_id') ?? '').trim();
  const hostname = (readFile('/proc/sys/kernel/hostname') ?? '').trim().toLowerCase();
  const hasOwnID = (node: JsonObject) => ids.includes(nodeInfo(node, 'machineID'));
  /** It was another machine that it was last heard of, or this one before it was started anew. */
  const isOfOtherBoot = (node: JsonObject) =>
    bootID !== '' && !['', bootID].includes(nodeInfo(node, 'bootID'));

  const byName = hostname ? await get(`/api/v1/nodes/${encodeURIComponent(hostname)}`) : undefined;
  const named = byName && 'object' in byName ? byName.object : undefined;
  if (named !== undefined && hasOwnID(named) && !isOfOtherBoot(named)) return named;
  const alike = ids.length === 0 ? [] : await listNodes(get, hasOwnID, named !== undefined);
  const ofThisBoot = alike.filter((node) => !isOfOtherBoot(node));
  const own = ofThisBoot.length > 0 ? ofThisBoot : alike;
  if (own.length > 1) throw new Error(`${namesOf(own)} have the id of this machine: set NODE_NAME`);
  if (own[0] !== undefined) {
    if (!isOfOtherBoot(own[0]) || nameOf(own[0]) === hostname) return own[0];
    throw new Error(
      `${namesOf(own)} has the id of this machine, but another boot of it: wait, or set NODE_NAME`,
    );
  }
  if (named !== undefined) {
    const isForeign = ids.length > 0 && nodeInfo(named, 'machineID') !== '' && !hasOwnID(named);
    if (!isForeign || !isOfOtherBoot(named)) return named;
    throw new Error(`${namesOf([named])} has the name of this machine, but not its id: set NODE_NAME`);
  }
  if (byName && 'message' in byName && byName.status !== 404) throw new Error(byName.message);
  return undefined;
}

/** Those of all nodes that are `wanted`; none where they may not be listed, or cannot be and there is `another` way. */
async function listNodes(
  get: Get,
  wanted: (node: JsonObject) => boolean,
  another: boolean,
): Promise<readonly JsonObject[]> {
  const nodes: JsonObject[] = [];
  for (let next = ''; ; ) {
    const answer = await get(`/api/v1/nodes?limit=${PAGE}${next && `&continue=${encodeURIComponent(next)}`}`);
    if ('message' in answer) {
      if (another || answer.status === 403) return [];
      throw new Error(answer.message);
    }
    const { items, metadata } = answer.object;
    if (Array.isArray(items)) nodes.push(...items.filter(isObject).filter(wanted));
    const token = isObject(metadata) ? metadata.continue : undefined;
    if (typeof token !== 'string' || token === '') return nodes;
    next = token;
  }
}

function nodeInfo({ status }: JsonObject, field: 'machineID' | 'bootID'): string {
  const info = isObject(status) ? status.nodeInfo : undefined;
  return isObject(info) ? String(info[field] ?? '') : '';
}

function nameOf({ metadata }: JsonObject): string {
  return isObject(metadata) ? String(metadata.name) : '';
}

function namesOf(nodes: readonly JsonObject[]): string {
  const names = nodes.slice(0, MOST_NAMES).map(nameOf).join(', ');
  const more = nodes.length > MOST_NAMES ? ` and ${nodes.length - MOST_NAMES} more` : '';
  return `${nodes.length === 1 ? 'node' : 'nodes'} ${names}${more}`;
}

/** Throws if the answer is none of an API server's. */
export function readAnswer(status: number, body: string): ApiAnswer {
  let object: unknown;
  try {
    object = JSON.parse(body);
  } catch {}
  if (status === 200 && isObject(object)) return { object };
  if (status === 200) throw new Error('the API server answers no JSON object');
  const message = isObject(object) && typeof object.message === 'string' ? object.message : '';
  return { status, message: `the API server answers ${status}${message && `: ${message}`}` };
}
