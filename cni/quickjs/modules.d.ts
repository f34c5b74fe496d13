/** The part that is used here of the modules `std` and `os` of QuickJS, whose names Node.js has too. */
declare module 'qjs:std' {
  interface File {
    puts(text: string): void;
    flush(): void;
    close(): number;
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
  export { err, fdopen, open, out };
}

declare module 'qjs:os' {
  interface Stat {
    readonly mode: number;
  }
  interface ExecOptions {
    readonly block: boolean;
    readonly usePath: boolean;
    readonly env?: Readonly<Record<string, string>>;
    readonly stdin?: number;
    readonly stdout?: number;
    readonly stderr?: number;
  }
  export const O_RDWR: number;
  export const S_IFMT: number;
  export const S_IFREG: number;
  export const SIGPIPE: number;
  export function close(fd: number): number;
  export function exec(args: readonly string[], options: ExecOptions): number;
  export function getpid(): number;
  export function mkdir(path: string, mode: number): number;
  export function open(path: string, flags: number, mode?: number): number;
  export function pipe(): [number, number] | null;
  export function readdir(path: string): [string[], number];
  export function readlink(path: string): [string, number];
  export function remove(path: string): number;
  export function rename(from: string, to: string): number;
  export function signal(signal: number, handler: null | undefined): void;
  export function stat(path: string): [Stat | null, number];
  export function waitpid(pid: number, options: number): [number, number];
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
