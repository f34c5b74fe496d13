/** Just enough of an API server for the binder: lists, watches that stay silent, one Lease, patches of nodes. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Given, slicesOf } from '../pod-network/objects.ts';

export class FakeApiServer {
  readonly nodes: { metadata: { name: string; uid: string } }[] = [];
  readonly allocations: Given[] = [];
  /** Bodies of the patches, by the name of the node. */
  readonly patches = new Map<string, { spec: { podCIDRs: string[] } }>();
  requests = 0;
  #lease: { metadata: object; spec: object } | undefined;
  #leaseVersion = 0;
  #server: Server | undefined;
  #port = 0;

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** On the port that it had before, if any. */
  async start(): Promise<void> {
    const server = createServer((request, response) => this.#answer(request, response));
    await new Promise<void>((resolve) => server.listen(this.#port, '127.0.0.1', resolve));
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  async stop(): Promise<void> {
    this.#server?.closeAllConnections();
    await new Promise((resolve) => this.#server?.close(resolve) ?? resolve(undefined));
    this.#server = undefined;
  }

  /** A watch from before the last change has to list again. */
  #contents(): string {
    return `${1 + this.nodes.length + this.allocations.length}`;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.requests++;
    const { pathname, searchParams } = new URL(request.url!, this.url);
    let text = '';
    for await (const chunk of request) text += chunk;
    const body = text === '' ? undefined : JSON.parse(text);
    const send = (status: number, object: object) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(object));
    };
    const resource = pathname.split('/').at(-1);
    if (pathname === '/apis/ipam.cluster.x-k8s.io') send(200, { kind: 'APIGroup', versions: [] });
    else if (searchParams.has('watch')) {
      if (searchParams.get('resourceVersion') !== this.#contents()) send(410, { kind: 'Status', code: 410 });
      else response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders();
    } else if (pathname.includes('/leases')) {
      if (request.method !== 'GET') {
        const resourceVersion = `${++this.#leaseVersion}`;
        this.#lease = { ...body, metadata: { ...body.metadata, resourceVersion } };
      }
      if (this.#lease === undefined) send(404, { kind: 'Status', code: 404 });
      else send(request.method === 'POST' ? 201 : 200, this.#lease);
    } else if (request.method === 'PATCH') {
      this.patches.set(resource!, body);
      send(200, body);
    } else if (request.method === 'POST') {
      send(201, body);
    } else {
      // Two blocks may be in one slice, which is another version with each.
      const slices = slicesOf(this.allocations, { resourceVersion: this.#contents() });
      const items = { nodes: this.nodes, allocationslices: slices }[resource!] ?? [];
      send(200, { kind: 'List', metadata: { resourceVersion: this.#contents() }, items });
    }
  }
}
