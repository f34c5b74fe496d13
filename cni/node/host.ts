import { spawn, spawnSync } from 'node:child_process';
import {
  appendFileSync,
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

export function replaceFile(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  const draft = `${path}.${process.pid}`;
  try {
    writeFileSync(draft, text);
    renameSync(draft, path);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
}

function run(path: string, env: Readonly<Record<string, string>>, input: string): Ended {
  const { status, stdout } = spawnSync(path, {
    env,
    input,
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  return { status: status ?? -1, output: stdout ?? '' };
}
