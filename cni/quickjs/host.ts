import * as os from 'qjs:os';
import { spawn } from 'qjs:process';
import * as std from 'qjs:std';
import type { Bytes } from '../../lib/cni/bytes.ts';
import { type Ended, type Host, LARGEST_INPUT } from '../../lib/cni/host.ts';

/** Text file busy. */
const ETXTBSY = 26;
const STDERR = 2;
/** Bytes that are read at once: as many arguments as a call may have, or fewer. */
const CHUNK = 32_768;

/** This machine, as a program compiled by QuickJS sees it. */
export function quickjsHost(): Host {
  // A program that does not read what it is given must not end this one.
  os.signal(os.SIGPIPE, undefined);
  const [program] = os.readlink('/proc/self/exe');
  return {
    env: std.getenviron(),
    args: scriptArgs.slice(1),
    folder: program.slice(0, program.lastIndexOf('/')),
    now: Date.now,
    readInput: () => readAll(std.in, LARGEST_INPUT + 1),
    write(bytes) {
      put(std.out, bytes);
      std.out.flush();
      if (std.out.error()) throw new Error('stdout: cannot be written');
    },
    writeError(text) {
      std.err.puts(text);
    },
    readFile,
    replaceFile,
    appendFile(path, text) {
      const error = { errno: 0 };
      writeAll(path, std.open(path, 'a', error), text, error.errno);
    },
    isFile,
    identityOf(path) {
      const [found] = os.stat(path);
      return found === null ? undefined : `${found.dev} ${found.ino}`;
    },
    removeFile: (path) => void os.remove(path),
    listFolder: (path) => os.readdir(path)[0].filter((name) => name !== '.' && name !== '..'),
    run,
    sleep: os.sleep,
    start,
  };
}

/** Not by `std.loadFile`, which takes the files of /proc for empty. */
function readFile(path: string): string | undefined {
  const file = isFile(path) ? std.open(path, 'r') : null;
  const text = file?.readAsString();
  file?.close();
  return text;
}

function isFile(path: string): boolean {
  const [found] = os.stat(path);
  return found !== null && (found.mode & os.S_IFMT) === os.S_IFREG;
}

function replaceFile(path: string, text: string): void {
  makeFolder(path.slice(0, path.lastIndexOf('/')));
  const draft = `${path}.${os.getpid()}`;
  os.remove(draft);
  // Whoever else can write to the folder cannot make this a link to another file.
  const fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600);
  try {
    writeAll(draft, fd < 0 ? null : std.fdopen(fd, 'w'), text, -fd);
    if (os.rename(draft, path) !== 0) throw new Error(`${path}: cannot be replaced`);
  } catch (error) {
    os.remove(draft);
    throw error;
  }
}

function writeAll(path: string, file: std.File | null, text: string, errno: number): void {
  if (file === null) throw new Error(`${path}: ${std.strerror(errno)}`);
  file.puts(text);
  if (file.close() !== 0) throw new Error(`${path}: cannot be written`);
}

function makeFolder(path: string): void {
  if (path === '' || os.stat(path)[0] !== null) return;
  makeFolder(path.slice(0, path.lastIndexOf('/')));
  os.mkdir(path, 0o755);
}

function run(path: string, changes: Readonly<Record<string, string>>, input: Bytes): Ended {
  const [inputEnd, inputStart] = pipe();
  const [outputEnd, outputStart] = pipe();
  const pid = spawn(path, environment(changes), inputEnd, outputStart, STDERR);
  os.close(inputEnd);
  os.close(outputStart);
  if (pid < 0) {
    os.close(inputStart);
    os.close(outputEnd);
    return { status: -1, output: '', problem: std.strerror(-pid), isBusy: -pid === ETXTBSY };
  }
  give(inputStart, input);
  const file = std.fdopen(outputEnd, 'r');
  const output = readAll(file);
  file.close();
  return { status: exitStatus(os.waitpid(pid, 0)[1]), output };
}

function start(path: string, input: Bytes): void {
  const [inputEnd, inputStart] = pipe();
  const nowhere = os.open('/dev/null', os.O_RDWR);
  spawn(path, '', inputEnd, nowhere, nowhere);
  os.close(inputEnd);
  os.close(nowhere);
  give(inputStart, input);
}

function environment(changes: Readonly<Record<string, string>>): string {
  return Object.entries(changes)
    .map(([name, value]) => `${name}=${value}\0`)
    .join('');
}

function give(fd: number, bytes: Bytes): void {
  const file = std.fdopen(fd, 'w');
  put(file, bytes);
  file.close();
}

function put(file: std.File, bytes: Bytes): void {
  if (/[\x80-\xff]/.test(bytes)) {
    const { buffer } = Uint8Array.from(bytes, (byte) => byte.charCodeAt(0));
    file.write(buffer, 0, buffer.byteLength);
  } else file.puts(bytes);
}

function readAll(file: std.File, limit = Number.POSITIVE_INFINITY): Bytes {
  const buffer = new ArrayBuffer(CHUNK);
  let bytes = '';
  while (bytes.length < limit) {
    const count = file.read(buffer, 0, CHUNK);
    if (count <= 0) break;
    bytes += String.fromCharCode.apply(null, new Uint8Array(buffer, 0, count) as unknown as number[]);
  }
  return bytes;
}

function pipe(): [number, number] {
  const ends = os.pipe();
  if (ends === null) throw new Error('no pipe left');
  return ends;
}

/** Of a status as waitpid has it: the exit status, or minus the signal. */
function exitStatus(status: number): number {
  return (status & 0x7f) === 0 ? (status >> 8) & 0xff : -(status & 0x7f);
}
