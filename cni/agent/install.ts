import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { replaceFile } from '../node/host.ts';

/**
 * Copies the programs of a folder into another, each in one step: a runtime that starts one meanwhile gets the old
 * program or the new one. Answers the names of those that were not there yet, or were others.
 */
export function installPrograms(from: string, to: string): string[] {
  mkdirSync(to, { recursive: true });
  const names = readdirSync(from).filter((name) => (statSync(join(from, name)).mode & 0o111) !== 0);
  const programs = names.filter((name) => statSync(join(from, name)).isFile());
  return programs.filter((name) => installFile(join(to, name), readFileSync(join(from, name)), 0o755));
}

/** Replaces a file in one step, unless it is as it should be. Answers whether it did. */
export function installFile(path: string, content: Uint8Array, mode: number): boolean {
  if (isAsItShouldBe(path, content, mode)) return false;
  replaceFile(path, content, mode);
  return true;
}

function isAsItShouldBe(path: string, content: Uint8Array, mode: number): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found?.isFile() || (found.mode & 0o777) !== mode) return false;
  return readFileSync(path).equals(content);
}
