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
  type Stats,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import type { Bytes } from '../../lib/cni/bytes.ts';
import type { Ended, Host } from '../../lib/cni/host.ts';

/** This machine, as Node.js sees it. */
export function nodeHost(): Host {
  return {
    env: process.env as Record<string, string>,
    args: process.argv.slice(2),
    folder: dirname(realpathSync(process.argv[1]!)),
    now: Date.now,
    readInput: () => readFileSync(0, 'latin1'),
    write: (bytes) => writeFileSync(1, bytes, 'latin1'),
    writeError: (text) => writeFileSync(2, text),
    readFile,
    replaceFile,
    appendFile: appendFileSync,
    isFile: (path) => statOf(path)?.isFile() ?? false,
    identityOf(path) {
      const found = statOf(path);
      return found && `${found.dev} ${found.ino}`;
    },
    removeFile,
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
      child.stdin.end(input, 'latin1');
      child.unref();
    },
  };
}

export function readFile(path: string): string | undefined {
  try {
    return statOf(path)?.isFile() ? readFileSync(path, 'utf8') : undefined;
  } catch {
    return undefined;
  }
}

export function removeFile(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {}
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path);
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

function run(path: string, changes: Readonly<Record<string, string>>, input: Bytes): Ended {
  const { status, stdout, error } = spawnSync(path, {
    env: { ...process.env, ...changes },
    input: Buffer.from(input, 'latin1'),
    encoding: 'latin1',
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const { code } = (error ?? {}) as NodeJS.ErrnoException;
  // EPIPE: it ran, but did not read its input.
  const problem = code && code !== 'EPIPE' && { problem: error!.message, isBusy: code === 'ETXTBSY' };
  return { status: status ?? -1, output: stdout ?? '', ...problem };
}
