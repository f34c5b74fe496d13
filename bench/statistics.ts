/** What every measurement is told with. */
import { cpus, loadavg } from 'node:os';

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** `4 x Intel(R) Xeon(R) CPU @ 2.20GHz`. */
export function processors(): string {
  const all = cpus();
  return `${all.length} x ${all[0]?.model ?? 'an unknown processor'}`;
}

/** What a time depends on besides what is measured. */
export function circumstances(): string {
  return `${processors()}, Node.js ${process.version}; ${loadavg()[0]!.toFixed(1)} processes ran or waited in the last minute, these among them`;
}
