import { KubeConfig, Watch } from '@kubernetes/client-node';
import { eventually } from '../../test/e2e/control-plane.ts';

/** What of an object shows that it is served. */
export interface ServedObject {
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec?: { readonly podCIDRs?: readonly string[] };
  readonly status?: { readonly addressRef?: { readonly name?: string }; readonly ips?: readonly string[] };
}

/** When each object of a collection was first seen served, by one watch: who waits costs the API server nothing. */
export class Served {
  readonly #at = new Map<string, number>();
  readonly #stopped = new AbortController();

  constructor(kubeconfig: string, path: string, isServed: (object: ServedObject) => boolean) {
    const config = new KubeConfig();
    config.loadFromFile(kubeconfig);
    const watch = new Watch(config);
    const see = (_: string, object: ServedObject) => {
      const key = [object.metadata.namespace, object.metadata.name].filter(Boolean).join('/');
      if (!this.#at.has(key) && isServed(object)) this.#at.set(key, performance.now());
    };
    // A watch from no version on begins with all that is there.
    const run = async () => {
      if (this.#stopped.signal.aborted) return;
      const request = await watch.watch(path, {}, see, () => setTimeout(run, 50));
      this.#stopped.signal.addEventListener('abort', () => request.abort());
    };
    void run();
  }

  get count(): number {
    return this.#at.size;
  }

  /**
   * Resolves to the time, as of `performance.now()`, at which the last of them was served.
   *
   * @param check throws Ended when there is no use in waiting
   */
  async all(keys: readonly string[], timeoutMilliseconds: number, check: () => void): Promise<number> {
    const waiting = new Set(keys);
    await eventually(
      `${keys.length} served`,
      async () => {
        check();
        for (const key of waiting) if (this.#at.has(key)) waiting.delete(key);
        if (waiting.size === 0) return true;
        throw new Error(`${waiting.size} wait, ${[...waiting][0]} for one`);
      },
      timeoutMilliseconds / 1000,
      50,
    );
    return keys.reduce((last, key) => Math.max(last, this.#at.get(key)!), 0);
  }

  stop(): void {
    this.#stopped.abort();
  }
}
