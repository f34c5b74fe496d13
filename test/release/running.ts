/** A process of `metaipam serve`, as nothing but its log and its ports. */
import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';

export const LOOPBACK = ['--hooks-bind-address=127.0.0.1:0', '--webserver-bind-address=127.0.0.1:0'];

export class Running {
  readonly #child: ChildProcess;
  readonly code: Promise<number | null>;
  output = '';

  constructor(command: string, args: readonly string[], env: NodeJS.ProcessEnv) {
    this.#child = spawn(command, args, { env });
    for (const stream of [this.#child.stdout!, this.#child.stderr!]) {
      stream.on('data', (data) => (this.output += data));
    }
    this.code = new Promise((resolve) => this.#child.on('close', resolve));
  }

  /** The number of the process. */
  get pid(): number {
    return this.#child.pid!;
  }

  /** Resolves when its log holds `text`, rejects when it ends without. */
  async logs(text: string): Promise<void> {
    while (!this.output.includes(text)) {
      if (this.#child.exitCode !== null || this.#child.signalCode !== null) {
        throw new Error(`ended without ${text}: ${this.output}`);
      }
      await delay(10);
    }
  }

  /** The answer of `hook`, such as `pools/sync`. */
  post(hook: string, body: string): Promise<Response> {
    const headers = { 'content-type': 'application/json' };
    return fetch(`${this.#url('hooks-bind-address')}/hooks/${hook}`, { method: 'POST', headers, body });
  }

  /** The status of `/readyz` and the like. */
  async get(path: string): Promise<number> {
    return (await fetch(`${this.#url('webserver-bind-address')}${path}`)).status;
  }

  /** Sends SIGTERM and resolves to the exit code. */
  stop(): Promise<number | null> {
    this.#child.kill('SIGTERM');
    return this.code;
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  #url(option: string): string {
    return new RegExp(`listening on ([^ "]+) \\(--${option}\\)`).exec(this.output)![1]!;
  }
}
