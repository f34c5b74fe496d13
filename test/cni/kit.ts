/** What the tests of the CNI programs share: the programs, an API server that serves Nodes, scratch folders. */

import { execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { buildForNode, buildNative, PLUGINS } from '../../cni/build.ts';
import { FETCHER } from '../../lib/cni/own-node.ts';

/** The plugins to test with. `CNI_PLUGINS` names a folder with others, say those of a newer release. */
export const HOST_LOCAL_FOLDER = process.env.CNI_PLUGINS ?? '/usr/lib/cni';

type Tool = readonly [path: string, use: string];
export const HOST_LOCAL: Tool = [`${HOST_LOCAL_FOLDER}/host-local`, 'containernetworking-plugins'];
export const OPENSSL: Tool = ['openssl', 'a certificate'];

export interface Node {
  readonly name: string;
  readonly podCIDRs?: readonly string[] | null;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly machineID?: string;
}

const folders: string[] = [];
process.on('exit', () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** A folder that goes with the process. */
export function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), 'metaipam-cni-'));
  folders.push(folder);
  return folder;
}

/**
 * Registers tests that need these tools and are not kept from running by any of `obstacles`. Where they cannot run,
 * it says so loudly.
 */
export async function withTools(
  what: string,
  tools: readonly Tool[],
  register: () => void | Promise<void>,
  obstacles: () => readonly string[] = () => [],
): Promise<void> {
  const missing = tools.filter(([path]) => !isThere(path)).map(([path, use]) => `${path} (${use})`);
  const reasons = missing.length > 0 ? missing : obstacles();
  if (reasons.length === 0) return register();
  console.log(`# SKIPPED: ${what}: there is no ${reasons.join(', no ')}`);
  test(`${what} is skipped: tools are missing`, () => assert.ok(reasons.length > 0));
}

export function root(): readonly string[] {
  return process.getuid?.() === 0 ? [] : ['root'];
}

export function canMakeNamespaces(): boolean {
  const name = `metaipam-${process.pid}-try`;
  try {
    ip('netns', 'add', name);
    ip('netns', 'del', name);
    return true;
  } catch {
    return false;
  }
}

export function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: 'pipe' });
}

function isThere(program: string): boolean {
  if (program.startsWith('/')) return existsSync(program);
  return (process.env.PATH ?? '').split(':').some((folder) => existsSync(join(folder, program)));
}

/**
 * The folder of the programs, compiled if QuickJS is there, and whether they are. `CNI_PROGRAMS` names a folder with
 * others, say with sanitizers.
 */
export async function programs(): Promise<{ folder: string; isNative: boolean }> {
  const folder = scratch();
  const forNode = join(folder, 'node');
  await buildForNode(forNode);
  for (const name of readdirSync(forNode)) useThisNode(join(forNode, name));
  try {
    if (process.env.CNI_PROGRAMS) copyPrograms(process.env.CNI_PROGRAMS, folder);
    else await buildNative(folder);
  } catch (error) {
    console.log(
      `# SKIPPED: the native programs, the bundles are tested instead: ${(error as Error).message}`,
    );
    return { folder: forNode, isNative: false };
  }
  return { folder, isNative: true };
}

function copyPrograms(from: string, to: string): void {
  for (const name of [...PLUGINS, FETCHER]) copyFileSync(join(from, name), join(to, name));
}

/** Tests give programs no PATH to find a `node` in. */
function useThisNode(path: string): void {
  const text = readFileSync(path, 'utf8');
  writeFileSync(path, text.replace(/^#!.*node\n/, `#!${process.execPath}\n`));
}

export interface Ended {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

/** Runs a program with this environment and nothing else. */
export function run(
  path: string,
  {
    env = {},
    stdin = '',
    args = [],
  }: { env?: Record<string, string>; stdin?: string | Buffer; args?: readonly string[] },
): Promise<Ended> {
  const child = spawn(path, args, { env });
  let [out, err] = ['', ''];
  child.stdout.on('data', (data) => {
    out += data;
  });
  child.stderr.on('data', (data) => {
    err += data;
  });
  child.stdin.on('error', () => {});
  child.stdin.end(stdin);
  const { promise, resolve, reject } = Promise.withResolvers<Ended>();
  child.on('error', reject);
  child.on('close', (status, signal) => resolve({ status, signal, out, err }));
  return promise;
}

export type Mood = 'well' | 'slow' | 'forbids' | 'forbids lists' | 'nonsense' | 'breaks off';

/** An object as far as lists go. */
export interface Listed {
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly [key: string]: unknown };
  readonly [key: string]: unknown;
}

export interface ApiServer {
  nodes: readonly Node[];
  /** Other objects, by their paths. */
  objects: Readonly<Record<string, object>>;
  /** Lists of others that can be watched, by their paths; `change` changes them. */
  readonly lists: Readonly<Record<string, WatchedList>>;
  mood: Mood;
  /** The token that requests must bear. */
  token: string;
  /** Paths that were asked for, first first. */
  readonly requests: string[];
  /** Whole URLs of the same. */
  readonly urls: URL[];
  readonly url: string;
  readonly caFile: string;
  readonly keyFile: string;
  /** Tells everyone who watches. */
  tell(type: 'ADDED' | 'MODIFIED' | 'DELETED', node: Node): void;
  /** Tears off every connection. */
  breakOff(): void;
  /** Writes a kubeconfig with the present token. */
  kubeconfig(path: string, user?: object): string;
  close(): void;
}

/** A list with versions, of which what happened since one can be told as long as it is not compacted. */
export class WatchedList {
  version = 1;
  compacted = 0;
  /** Nothing is told to those who watch; who begins to watch is told all. */
  isSilent = false;
  readonly #objects = new Map<string, object>();
  readonly #events: { readonly version: number; readonly line: string }[] = [];
  readonly #watchers = new Set<ServerResponse>();

  change(type: 'ADDED' | 'MODIFIED' | 'DELETED', { metadata, ...rest }: Listed): void {
    const version = ++this.version;
    const object = { metadata: { ...metadata, resourceVersion: String(version) }, ...rest };
    const key = `${metadata.namespace}/${metadata.name}`;
    if (type === 'DELETED') this.#objects.delete(key);
    else this.#objects.set(key, object);
    const line = watchEvent(type, object);
    this.#events.push({ version, line });
    if (this.isSilent) return;
    for (const watcher of this.#watchers) watcher.write(line);
  }

  /** Tells nothing but the version. */
  bookmark(): void {
    const line = watchEvent('BOOKMARK', { metadata: { resourceVersion: String(this.version) } });
    for (const watcher of this.#watchers) watcher.write(line);
  }

  /** As after `timeoutSeconds`. */
  endWatches(): void {
    for (const watcher of this.#watchers) watcher.end();
  }

  get(namespace: string, name: string): object | undefined {
    return this.#objects.get(`${namespace}/${name}`);
  }

  answer({ searchParams }: URL, response: ServerResponse): void {
    const from = Number(searchParams.get('resourceVersion') ?? 0);
    if (!searchParams.get('watch')) {
      const all = [...this.#objects.values()];
      const start = Number(searchParams.get('continue') ?? 0);
      const end = start + Number(searchParams.get('limit') ?? all.length);
      const metadata = {
        resourceVersion: String(this.version),
        ...(end < all.length && { continue: String(end) }),
      };
      // As an API server has it of metadata alone.
      const items = all.length === 0 ? null : all.slice(start, end);
      response.end(JSON.stringify({ metadata, items }));
      return;
    }
    response.flushHeaders();
    if (from < this.compacted) {
      response.end(watchEvent('ERROR', { kind: 'Status', code: 410, message: 'too old resource version' }));
      return;
    }
    for (const { line } of this.#events.filter(({ version }) => version > from)) response.write(line);
    this.#watchers.add(response);
    response.on('close', () => this.#watchers.delete(response));
  }
}

/** The paths of a certificate for these names that is its own authority, made by openssl, and of its key. */
export function certificate(folder: string, names: string): { key: string; cert: string } {
  mkdirSync(folder, { recursive: true });
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
      ...['-days', '2', '-subj', '/CN=127.0.0.1', '-addext', `subjectAltName=${names}`],
      ...['-keyout', key, '-out', cert],
    ],
    { stdio: 'ignore' },
  );
  return { key, cert };
}

/** An API server on loopback that serves Nodes over TLS, with a certificate that openssl makes. */
export async function apiServer(
  folder: string,
  nodes: readonly Node[],
  {
    names = 'IP:127.0.0.1',
    lists = {},
    ...options
  }: ServerOptions & { names?: string; lists?: ApiServer['lists'] } = {},
): Promise<ApiServer> {
  const { key, cert } = certificate(folder, names);
  const watchers = new Set<ServerResponse>();
  /** By its token, or by a certificate that the server's own authority has signed. */
  const isKnown = ({ headers, socket }: IncomingMessage) =>
    headers.authorization === `Bearer ${api.token}` || (socket as TLSSocket).authorized;
  const server: Server = createServer(
    {
      key: readFileSync(key),
      cert: readFileSync(cert),
      ca: readFileSync(cert),
      requestCert: true,
      rejectUnauthorized: false,
      ...options,
    },
    (request, response) => {
      const url = new URL(request.url ?? '/', 'https://api');
      api.requests.push(url.pathname);
      api.urls.push(url);
      const answer = (status: number, body: unknown) => {
        response.writeHead(status, { 'content-type': 'application/json' });
        response.end(typeof body === 'string' ? body : JSON.stringify(body));
      };
      const refuse = (code: number, message: string) =>
        answer(code, { kind: 'Status', status: 'Failure', code, message });
      if (api.mood === 'slow') return;
      if (api.mood === 'nonsense') return answer(200, '<html>welcome to the captive portal</html>');
      if (api.mood === 'breaks off') return void request.socket.destroy();
      if (!isKnown(request)) return refuse(401, 'Unauthorized');
      const name = /^\/api\/v1\/nodes\/([^/]+)$/.exec(url.pathname)?.[1];
      if (api.mood === 'forbids' || (api.mood === 'forbids lists' && name === undefined)) {
        return refuse(403, 'nodes is forbidden');
      }
      const [, group, namespace = '', plural, ownName = ''] =
        /^(.*)\/namespaces\/([^/]+)\/([^/]+)\/([^/]+)$/.exec(url.pathname) ?? [];
      const listed = api.lists[`${group}/${plural}`]?.get(namespace, ownName);
      const other = listed ?? api.objects[decodeURIComponent(url.pathname)];
      if (other !== undefined) return answer(200, other);
      const list = api.lists[url.pathname];
      if (list !== undefined) {
        response.writeHead(200, { 'content-type': 'application/json' });
        return list.answer(url, response);
      }
      if (!url.pathname.startsWith('/api/v1/nodes')) return refuse(404, 'not found');
      const objects = api.nodes.map(nodeObject);
      if (url.searchParams.get('watch')) {
        // As one without etcd's progress notifications: kube-apiserver 1.36 has it so by default.
        if (url.searchParams.get('resourceVersion') === '0' && url.searchParams.get('allowWatchBookmarks')) {
          return answer(200, { type: 'ERROR', object: { kind: 'Status', code: 500 } });
        }
        response.writeHead(200, { 'content-type': 'application/json' });
        response.flushHeaders();
        const selector = url.searchParams.get('fieldSelector');
        for (const object of objects) {
          if (selector === `metadata.name=${object.metadata.name}`)
            response.write(watchEvent('ADDED', object));
        }
        watchers.add(response);
        response.on('close', () => watchers.delete(response));
        return;
      }
      if (name === undefined) return answer(200, { kind: 'NodeList', metadata: {}, items: objects });
      const found = objects.find(({ metadata }) => metadata.name === decodeURIComponent(name));
      return found === undefined ? refuse(404, `nodes "${name}" not found`) : answer(200, found);
    },
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const api: ApiServer = {
    nodes,
    objects: {},
    lists,
    mood: 'well',
    token: 'first',
    requests: [],
    urls: [],
    url: `https://127.0.0.1:${port}`,
    caFile: cert,
    keyFile: key,
    tell(type, node) {
      for (const watcher of watchers) watcher.write(watchEvent(type, nodeObject(node)));
    },
    breakOff() {
      server.closeAllConnections();
    },
    kubeconfig(path, user = { token: api.token }) {
      writeFileSync(path, kubeconfig(api.url, cert, user));
      return path;
    },
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
  return api;
}

/** YAML, by way of its subset JSON but for the first line. */
export function kubeconfig(server: string, ca: string, user: object): string {
  const config = {
    kind: 'Config',
    'current-context': 'c',
    contexts: [{ name: 'c', context: { cluster: 'k', user: 'u' } }],
    clusters: [{ name: 'k', cluster: { server, 'certificate-authority': ca } }],
    users: [{ name: 'u', user }],
  };
  return `apiVersion: v1\n${Object.entries(config)
    .map(([key, value]) => `${key}: ${JSON.stringify(value)}\n`)
    .join('')}`;
}

function watchEvent(type: string, object: object): string {
  return `${JSON.stringify({ type, object })}\n`;
}

function nodeObject({ name, podCIDRs, annotations, machineID }: Node) {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, ...(annotations && { annotations }) },
    spec: { ...(podCIDRs && { podCIDR: podCIDRs[0], podCIDRs }) },
    status: { nodeInfo: { machineID: machineID ?? '' } },
  };
}

/** Every file below a folder, by its path in it. */
export function filesBelow(folder: string): Record<string, string> {
  const files: Record<string, string> = {};
  if (!existsSync(folder)) return files;
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()) {
    const path = join(folder, name);
    if (statSync(path).isFile()) files[name] = readFileSync(path, 'utf8');
  }
  return files;
}

/** The environment of a call as a container runtime makes it. */
export function cniEnv(
  command: string,
  container: string,
  more: Record<string, string> = {},
): Record<string, string> {
  return {
    CNI_COMMAND: command,
    CNI_CONTAINERID: container,
    CNI_NETNS: '/run/netns/none',
    CNI_IFNAME: 'eth0',
    CNI_PATH: HOST_LOCAL_FOLDER,
    ...more,
  };
}

/** What a test of a program has for itself. */
export interface World {
  readonly api: ApiServer;
  readonly work: string;
  /** The folder of host-local. */
  readonly data: string;
  /** The folder of the facts. */
  readonly cache: string;
}

export function inWorld(name: string, nodes: readonly Node[], body: (world: World) => Promise<void>): void {
  test(name, async () => {
    const work = scratch();
    const api = await apiServer(join(work, 'api'), nodes);
    try {
      await body({ api, work, data: join(work, 'data'), cache: join(work, 'cache') });
    } finally {
      api.close();
    }
  });
}

/** Writes a program. */
export function script(path: string, text: string): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `#!/bin/sh\n${text}`);
  chmodSync(path, 0o755);
  return path;
}

export interface Result {
  readonly cniVersion: string;
  readonly ips: readonly { readonly address: string; readonly gateway: string; readonly version?: string }[];
  readonly routes?: unknown;
}

/** The result of an ADD that succeeded. */
export function addresses({ status, out, err }: Ended): Result {
  assert.is(status, 0, `stdout ${out}, stderr ${err}`);
  return JSON.parse(out);
}

/** A call that succeeded without a word. */
export function succeeded({ status, out, err }: Ended): void {
  assert.equal({ status, out, err }, { status: 0, out: '', err: '' });
}

/** The error of a call that failed: one line of JSON on stdout, and nothing else anywhere. */
export function problem({ status, out, err }: Ended): { code: number; msg: string; details: string } {
  assert.is(status, 1, `stdout ${out}, stderr ${err}`);
  assert.is(err, '');
  assert.match(out, /^\{.*\}\n$/);
  const { cniVersion, code, msg, details = '' } = JSON.parse(out);
  assert.type(cniVersion, 'string');
  return { code, msg, details };
}

/** `container interface` of every address that host-local holds. */
export function held(data: string): string[] {
  return Object.entries(filesBelow(data))
    .filter(([name]) => !/lock|last_reserved_ip/.test(name))
    .map(([, holder]) => holder.replace('\r\n', ' '))
    .sort();
}

/** The id of this machine, if it has one. */
export function machineID(): string {
  return existsSync('/etc/machine-id') ? readFileSync('/etc/machine-id', 'utf8').trim() : '';
}

/** Waits as long as it takes; a run that never gets there is ended from outside. */
export async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isTrue())) await setTimeout(10);
}
