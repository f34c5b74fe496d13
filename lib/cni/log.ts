import type { Host } from './host.ts';

type Level = 'info' | 'debug';
type Log = (level: Level, message: string, fields: object) => void;

const STDOUT = '/proc/self/fd/1';
const STDERR = '/proc/self/fd/2';

/**
 * Writes lines to a file, which is opened for each, so that it may be moved away when it is large. Not to what is
 * stdout by any name, which is the plugin's answer, nor to what could keep the plugin waiting, as a pipe does.
 */
export function lineLog(host: Host, file: string | undefined): (line: string) => void {
  if (!file || file === 'stdout') return () => {};
  return (line) => {
    try {
      const identity = host.identityOf(file);
      if (identity !== undefined && identity === host.identityOf(STDOUT)) return;
      if (identity !== undefined && identity === host.identityOf(STDERR)) host.writeError(`${line}\n`);
      else if (identity === undefined || host.isFile(file)) host.appendFile(file, `${line}\n`);
    } catch {
      // A pod does not go without its address for want of a log.
    }
  };
}

/**
 * A log of JSON lines; none without a file.
 *
 * @param level `info`, `debug`, `trace`, or a number, of which those above 0 mean debug
 */
export function fileLog(host: Host, file: string | undefined, level: string | undefined): Log {
  const write = lineLog(host, file);
  const isVerbose = level === 'debug' || level === 'trace' || Number(level) > 0;
  return (of, msg, fields) => {
    if (of === 'debug' && !isVerbose) return;
    write(JSON.stringify({ level: of, ts: new Date(host.now()).toISOString(), msg, ...fields }));
  };
}
