/** One resource of an API server, as a watch tells it. */
import type { ClientRequest } from 'node:http';
import { type Agent, request } from 'node:https';
import { setTimeout as delay } from 'node:timers/promises';
import type { Unstructured } from '../../lib/engine/object.ts';
import { parseJson } from '../../lib/json.ts';
import { qualifiedName } from '../../lib/kubernetes/object.ts';
import type { Access } from './control-plane.ts';

type Listener = (object: Unstructured) => void;

interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: Unstructured;
}

export class Watch {
  /** What is known, by namespace and name; a moment behind the API server. */
  readonly objects = new Map<string, Unstructured>();
  /** When all that was there at the start is known. */
  readonly listed: Promise<void>;
  readonly #access: Access;
  readonly #path: string;
  readonly #agent: Agent;
  readonly #listeners = new Set<Listener>();
  #request: ClientRequest | undefined;
  #isStopped = false;

  /** @param path of a list, `/apis/<group>/<version>/<resource>` */
  constructor(access: Access, path: string, agent: Agent) {
    this.#access = access;
    this.#path = path;
    this.#agent = agent;
    this.listed = new Promise((resolve) => void this.#run(resolve));
  }

  /** The next event of an object that `isRelevant`. Ask before you look, so that nothing is missed in between. */
  next(isRelevant: (object: Unstructured) => boolean, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const listener = (object: Unstructured) => {
        if (!isRelevant(object)) return;
        this.#listeners.delete(listener);
        resolve();
      };
      signal.addEventListener('abort', () => this.#listeners.delete(listener), { once: true });
      this.#listeners.add(listener);
    });
  }

  stop(): void {
    this.#isStopped = true;
    this.#request?.destroy();
  }

  async #run(listed: () => void): Promise<void> {
    while (!this.#isStopped) {
      try {
        const list = parseJson(await this.#get('')) as Unstructured & { kind: string; items: Unstructured[] };
        const kind = list.kind.replace(/List$/, '');
        const named = list.items.map((item) => ({ ...item, apiVersion: list.apiVersion, kind }));
        this.objects.clear();
        for (const object of named) this.#set(object);
        listed();
        await this.#get(`?watch=true&resourceVersion=${list.metadata.resourceVersion}`, (line) =>
          this.#heard(parseJson(line) as WatchEvent),
        );
      } catch {
        // The API server ends watches, and is asked anew.
      }
      if (!this.#isStopped) await delay(100);
    }
  }

  #heard({ type, object }: WatchEvent): void {
    if (type === 'ERROR') this.#request?.destroy();
    if (type === 'DELETED') {
      this.objects.delete(qualifiedName(object.metadata));
      this.#tell(object);
    }
    if (type === 'ADDED' || type === 'MODIFIED') this.#set(object);
  }

  #set(object: Unstructured): void {
    this.objects.set(qualifiedName(object.metadata), object);
    this.#tell(object);
  }

  #tell(object: Unstructured): void {
    for (const listener of [...this.#listeners]) listener(object);
  }

  /** The body of the answer; with `onLine` its lines as they come. */
  #get(query: string, onLine?: (line: string) => void): Promise<string> {
    const { apiPort: port, token } = this.#access;
    const headers = { authorization: `Bearer ${token}` };
    const path = `${this.#path}${query}`;
    return new Promise((resolve, reject) => {
      const options = { agent: this.#agent, host: '127.0.0.1', port, path, headers };
      this.#request = request(options, (response) => {
        if (response.statusCode !== 200) reject(new Error(`${path}: ${response.statusCode}`));
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (data) => {
          text += data;
          if (onLine === undefined || response.statusCode !== 200) return;
          const lines = text.split('\n');
          text = lines.pop()!;
          for (const line of lines) onLine(line);
        });
        response.on('end', () => resolve(text));
        response.on('error', reject);
      });
      this.#request.on('error', reject);
      this.#request.end();
    });
  }
}
