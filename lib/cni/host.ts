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
  readInput(): string;
  write(text: string): void;
  writeError(text: string): void;
  /** The text of a file, or undefined if it cannot be read. */
  readFile(path: string): string | undefined;
  /**
   * Replaces a file, for nobody else to read, and makes its folder: readers see the old text or the new one. Throws
   * if it cannot.
   */
  replaceFile(path: string, text: string): void;
  /** Throws if it cannot. */
  appendFile(path: string, text: string): void;
  isFile(path: string): boolean;
  /** The names in a folder; none if there is no such folder. */
  listFolder(path: string): readonly string[];
  /** Runs a program with this environment to its end; what it says on stderr passes through. */
  run(path: string, env: Readonly<Record<string, string>>, input: string): Ended;
  sleep(milliseconds: number): void;
  /** Starts a program that outlives this one, with the environment of this one. */
  start(path: string, input: string): void;
}

export interface Ended {
  /** Exit status; negative if it could not be run or a signal ended it. */
  readonly status: number;
  readonly output: string;
  /** Why it could not be run. */
  readonly problem?: string;
  /** It could not be run because someone is writing it. */
  readonly isBusy?: boolean;
}

/** Bytes. A configuration has a few thousand, and the results of the plugins before. */
export const LARGEST_INPUT = 8 << 20;
