/** The part that is used here of the modules `std` and `os` of QuickJS, whose names Node.js has too. */
declare module 'qjs:std' {
  interface File {
    puts(text: string): void;
    flush(): void;
    close(): number;
    /** Whether anything has gone wrong so far. */
    error(): boolean;
    /** At most `length` bytes; answers how many, and 0 at the end. */
    read(buffer: ArrayBuffer, position: number, length: number): number;
    write(buffer: ArrayBuffer, position: number, length: number): number;
    readAsString(): string;
  }
  const err: File;
  const out: File;
  function open(path: string, flags: string, error?: { errno: number }): File | null;
  function fdopen(fd: number, flags: string): File;
  const stdin: File;

  export { stdin as in };
  export function getenviron(): Record<string, string>;
  export function strerror(errno: number): string;
  export function exit(status: number): never;
  export type { File };
  export { err, fdopen, open, out };
}

declare module 'qjs:os' {
  interface Stat {
    readonly mode: number;
    readonly dev: number;
    readonly ino: number;
  }
  export const O_CREAT: number;
  export const O_EXCL: number;
  export const O_RDWR: number;
  export const O_WRONLY: number;
  export const S_IFMT: number;
  export const S_IFREG: number;
  export const SIGPIPE: number;
  export function close(fd: number): number;
  export function getpid(): number;
  export function mkdir(path: string, mode: number): number;
  export function open(path: string, flags: number, mode?: number): number;
  export function pipe(): [number, number] | null;
  export function readdir(path: string): [string[], number];
  export function readlink(path: string): [string, number];
  export function remove(path: string): number;
  export function rename(from: string, to: string): number;
  export function sleep(milliseconds: number): void;
  export function signal(signal: number, handler: null | undefined): void;
  export function stat(path: string): [Stat | null, number];
  export function waitpid(pid: number, options: number): [number, number];
}

/** `process.c`. */
declare module 'qjs:process' {
  /**
   * Starts a program that has three descriptors and no other. Answers its process id, or minus the errno.
   *
   * @param changes of the environment: `NAME=value`, each ended by a NUL
   */
  export function spawn(path: string, changes: string, stdin: number, stdout: number, stderr: number): number;
}

/** `tls.c`. */
declare module 'qjs:tls' {
  /**
   * Sends `request` and answers all that comes back until the server closes. Throws an Error.
   *
   * @param name what the server's certificate has to name
   * @param ca PEM; empty for the authorities of the system
   * @param certificate PEM; empty for none
   */
  export function exchange(
    host: string,
    port: string,
    name: string,
    ca: string,
    certificate: string,
    key: string,
    request: string,
    isInsecure: boolean,
    milliseconds: number,
  ): string;
}

declare const scriptArgs: readonly string[];
