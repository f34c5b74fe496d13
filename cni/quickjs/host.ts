import * as os from 'qjs:os';
import * as std from 'qjs:std';
import type { Ended, Host } from '../../lib/cni/host.ts';

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
    readInput: () => std.in.readAsString(),
    write(text) {
      std.out.puts(text);
      std.out.flush();
    },
    writeError(text) {
      std.err.puts(text);
    },
    readFile,
    replaceFile,
    appendFile: (path, text) => writeFile(path, text, 'a'),
    isFile(path) {
      const [found] = os.stat(path);
      return found !== null && (found.mode & os.S_IFMT) === os.S_IFREG;
    },
    listFolder: (path) => os.readdir(path)[0].filter((name) => name !== '.' && name !== '..'),
    run,
    start,
  };
}

/** Not by `std.loadFile`, which takes the files of /proc for empty. */
function readFile(path: string): string | undefined {
  const file = std.open(path, 'r');
  const text = file?.readAsString();
  file?.close();
  return text;
}

function replaceFile(path: string, text: string): void {
  makeFolder(path.slice(0, path.lastIndexOf('/')));
  const draft = `${path}.${os.getpid()}`;
  writeFile(draft, text, 'w');
  if (os.rename(draft, path) !== 0) {
    os.remove(draft);
    throw new Error(`cannot replace ${path}`);
  }
}

function writeFile(path: string, text: string, flags: string): void {
  const error = { errno: 0 };
  const file = std.open(path, flags, error);
  if (file === null) throw new Error(`${path}: ${std.strerror(error.errno)}`);
  file.puts(text);
  if (file.close() !== 0) throw new Error(`cannot write ${path}`);
}

function makeFolder(path: string): void {
  if (path === '' || os.stat(path)[0] !== null) return;
  makeFolder(path.slice(0, path.lastIndexOf('/')));
  os.mkdir(path, 0o755);
}

function run(path: string, env: Readonly<Record<string, string>>, input: string): Ended {
  const [inputEnd, inputStart] = pipe();
  const [outputEnd, outputStart] = pipe();
  const pid = os.exec([path], { block: false, usePath: false, env, stdin: inputEnd, stdout: outputStart });
  os.close(inputEnd);
  os.close(outputStart);
  give(inputStart, input);
  const file = std.fdopen(outputEnd, 'r');
  const output = file.readAsString();
  file.close();
  return { status: exitStatus(os.waitpid(pid, 0)[1]), output };
}

function start(path: string, input: string): void {
  const [inputEnd, inputStart] = pipe();
  const nowhere = os.open('/dev/null', os.O_RDWR);
  os.exec([path], { block: false, usePath: false, stdin: inputEnd, stdout: nowhere, stderr: nowhere });
  os.close(inputEnd);
  os.close(nowhere);
  give(inputStart, input);
}

function give(fd: number, text: string): void {
  const file = std.fdopen(fd, 'w');
  file.puts(text);
  file.close();
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
