import { spawn, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import type { Ended, Host } from '../../lib/cni/host.ts';

/** This machine, as Node.js sees it. */
export function nodeHost(): Host {
  return {
    env: process.env as Record<string, string>,
    args: process.argv.slice(2),
    folder: dirname(realpathSync(process.argv[1]!)),
    now: Date.now,
    readInput: () => readFileSync(0, 'utf8'),
    write: (text) => writeFileSync(1, text),
    writeError: (text) => writeFileSync(2, text),
    readFile,
    replaceFile,
    appendFile: appendFileSync,
    isFile: (path) => statSync(path, { throwIfNoEntry: false })?.isFile() ?? false,
    listFolder(path) {
      try {
        return readdirSync(path);
      } catch {
        return [];
      }
    },
    run,
    sleep: (milliseconds) => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds),
    start(path, input) {
      const child = spawn(path, { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
      child.on('error', () => {});
      child.stdin.end(input);
      child.unref();
    },
  };
}

export function readFile(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** Replaces a file in one step, and makes its folder. Throws if it cannot. */
export function replaceFile(path: string, content: string | Uint8Array, mode = 0o600): void {
  mkdirSync(dirname(path), { recursive: true });
  const draft = `${path}.${process.pid}`;
  rmSync(draft, { force: true });
  try {
    // Whoever else can write to the folder cannot make this a link to another file.
    writeFileSync(draft, content, { mode, flag: 'wx', flush: true });
    chmodSync(draft, mode);
    renameSync(draft, path);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
}

function run(path: string, env: Readonly<Record<string, string>>, input: string): Ended {
  const { status, stdout, error } = spawnSync(path, {
    env,
    input,
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const { code } = (error ?? {}) as NodeJS.ErrnoException;
  // EPIPE: it ran, but did not read its input.
  const problem = code && code !== 'EPIPE' && { problem: error!.message, isBusy: code === 'ETXTBSY' };
  return { status: status ?? -1, output: stdout ?? '', ...problem };
}
