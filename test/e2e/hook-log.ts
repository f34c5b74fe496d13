/** The calls of hooks that a server has logged. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

const logs = new Map<string, HookLog>();

/** Reads on where it was before, so that many can ask. */
export class HookLog {
  readonly #path: string;
  #read = 0;
  #rest = '';
  /** Times of the last calls by namespace, or by name of what has none, on the clock of `performance.now`. */
  readonly #lastCalls = new Map<string, number>();

  private constructor(path: string) {
    this.#path = path;
  }

  /** @param path of a log of level debug */
  static of(path: string): HookLog {
    let log = logs.get(path);
    if (log === undefined) {
      log = new HookLog(path);
      logs.set(path, log);
    }
    return log;
  }

  /**
   * When a hook was last called for a parent of this namespace, or of this name without one, on the clock of
   * `performance.now`, which nobody sets; infinity if never.
   */
  lastOf(namespace: string): number {
    this.#readOn();
    return this.#lastCalls.get(namespace) ?? Number.POSITIVE_INFINITY;
  }

  /** When a hook was last called for any parent without a namespace; infinity if never. */
  lastOfClusterScoped(): number {
    return this.lastOf('');
  }

  #readOn(): void {
    const file = openSync(this.#path, 'r');
    try {
      const bytes = Buffer.alloc(fstatSync(file).size - this.#read);
      this.#read += readSync(file, bytes, 0, bytes.length, this.#read);
      const lines = (this.#rest + bytes.toString('latin1')).split('\n');
      this.#rest = lines.pop()!;
      for (const line of lines) if (line.includes('"msg":"hook called"')) this.#note(line);
    } finally {
      closeSync(file);
    }
  }

  #note(line: string): void {
    const { time, namespace, name } = JSON.parse(line) as {
      time: number | string;
      namespace?: string;
      name: string;
    };
    const at = performance.now() - (Date.now() - new Date(time).getTime());
    this.#lastCalls.set(namespace ?? name, at);
    if (namespace === undefined) this.#lastCalls.set('', at);
  }
}
