import type { Bytes } from './bytes.ts';

/** What the CNI programs ask of the machine. `cni/quickjs/` and `cni/node/` answer it. */
export interface Host {
  readonly env: Readonly<Record<string, string>>;
  /** Arguments, without the program. */
  readonly args: readonly string[];
  /** The folder that the program lies in: its fellows lie there too. */
  readonly folder: string;
  /** Milliseconds since 1970. */
  now(): number;
  /** What is on stdin; of more than `LARGEST_INPUT`, so much that it can be seen. */
  readInput(): Bytes;
  /** To stdout. Throws if it cannot. */
  write(bytes: Bytes): void;
  writeError(text: string): void;
  /** The text of a file, or undefined if there is none that can be read; what may have no end, as a pipe, is none. */
  readFile(path: string): string | undefined;
  /**
   * Replaces a file, for nobody else to read, and makes its folder: readers see the old text or the new one. Throws
   * if it cannot.
   */
  replaceFile(path: string, text: string): void;
  /** Throws if it cannot. */
  appendFile(path: string, text: string): void;
  /** Whether there is a file that holds something, unlike pipes and devices. */
  isFile(path: string): boolean;
  /** The same for all paths of one file or device, whether it is open or has a name; undefined if there is none. */
  identityOf(path: string): string | undefined;
  /** Removes a file, if it is there and that is possible. */
  removeFile(path: string): void;
  /** The names in a folder; none if there is no such folder. */
  listFolder(path: string): readonly string[];
  /**
   * Runs a program to its end, with the environment of this one but for `changes`; what it says on stderr passes
   * through.
   */
  run(path: string, changes: Readonly<Record<string, string>>, input: Bytes): Ended;
  sleep(milliseconds: number): void;
  /** Starts a program that outlives this one, with the environment of this one. */
  start(path: string, input: Bytes): void;
}

export interface Ended {
  /** Exit status; negative if it could not be run or a signal ended it. */
  readonly status: number;
  readonly output: Bytes;
  /** Why it could not be run. */
  readonly problem?: string;
  /** It could not be run because someone is writing it. */
  readonly isBusy?: boolean;
}

/** Bytes. A configuration has a few thousand, and the results of the plugins before. */
export const LARGEST_INPUT = 8 << 20;
