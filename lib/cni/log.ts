import type { Host } from './host.ts';

export type Level = 'info' | 'debug';
export type Log = (level: Level, message: string, fields: object) => void;

/**
 * A log of JSON lines in `file`, which is opened for each line, so that it may be moved away when it is large; none without a file, or with `stdout`, which is the plugin's answer.
 *
 * @param level `info`, `debug`, `trace`, or a number, of which those above 0 mean debug
 */
export function fileLog(host: Host, file: string | undefined, level: string | undefined): Log {
  if (!file || file === 'stdout') return () => {};
  const isVerbose = level === 'debug' || level === 'trace' || Number(level) > 0;
  return (of, msg, fields) => {
    if (of === 'debug' && !isVerbose) return;
    const line = JSON.stringify({ level: of, ts: new Date(host.now()).toISOString(), msg, ...fields });
    try {
      host.appendFile(file, `${line}\n`);
    } catch {
      // A pod does not go without its address for want of a log.
    }
  };
}
