/** CPU time and memory of processes, as Linux counts them. */
import { readFileSync } from 'node:fs';

export interface ProcessUsage {
  /** In user and system mode, of all threads, since the process started. */
  readonly cpuSeconds: number;
  /** Most resident memory so far. */
  readonly peakBytes: number;
}

/** USER_HZ, which is 100 on every architecture that Node.js runs on. */
const TICKS_A_SECOND = 100;

/** @throws when there is no such process, or no /proc */
export function usageOf(pid: number): ProcessUsage {
  return parseUsage(readFileSync(`/proc/${pid}/stat`, 'utf8'), readFileSync(`/proc/${pid}/status`, 'utf8'));
}

/** From `/proc/<pid>/stat` and `status`: proc(5), `utime`, `stime` and `VmHWM`. */
export function parseUsage(stat: string, status: string): ProcessUsage {
  // The second field is the program's name, which may have spaces and parentheses in it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [utime, stime] = [Number(fields[11]), Number(fields[12])];
  const kibibytes = Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0);
  return { cpuSeconds: (utime + stime) / TICKS_A_SECOND, peakBytes: kibibytes * 1024 };
}
