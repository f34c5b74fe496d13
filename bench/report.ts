import { columns } from '../lib/cli/table.ts';
import type { SyncResult } from './measured.ts';
import { grouped, HTTP_AIM } from './scenarios.ts';
import { circumstances } from './statistics.ts';

export interface Result {
  readonly name: string;
  readonly aimMilliseconds?: number;
  readonly requestBytes: number;
  readonly sync: SyncResult;
  readonly http: { readonly milliseconds: number; readonly peakBytes: number };
}

/** What stands above each column, in two lines. */
const HEADER = [
  ['', ''],
  ['request /', 'response MB'],
  ['parse +', 'stringify'],
  ['sync', 'ms'],
  ['x parse +', 'stringify'],
  ['aim', 'ms'],
  ['HTTP', 'ms'],
  ['x parse +', 'stringify'],
  ['aim', ''],
  ['naive', 'ms'],
  ['x sync', ''],
  ['heap', 'MB'],
  ['peak', 'MB'],
  ['peak', 'HTTP MB'],
] as const;

/** A table for people. */
export function formatReport(results: readonly Result[]): string {
  const rows = results.map((result) => {
    const { sync, http, aimMilliseconds, requestBytes } = result;
    const json = jsonMilliseconds(sync);
    return [
      result.name,
      `${megabytes(requestBytes)} / ${megabytes(sync.responseBytes)}`,
      milliseconds(json),
      milliseconds(sync.syncMilliseconds),
      times(sync.syncMilliseconds / json),
      aimMilliseconds === undefined ? '' : `< ${aimMilliseconds} ${verdict(meetsSyncAim(result))}`,
      milliseconds(http.milliseconds),
      times(http.milliseconds / json),
      `<= ${HTTP_AIM} ${verdict(meetsHttpAim(result))}`,
      ...naiveColumns(sync),
      megabytes(sync.heapBytes),
      megabytes(sync.peakBytes),
      megabytes(http.peakBytes),
    ];
  });
  const aims = results.flatMap((result) => [meetsSyncAim(result), meetsHttpAim(result)]);
  const set = aims.filter((met) => met !== undefined);
  const header = [0, 1].map((line) => HEADER.map((titles) => titles[line]!));
  const right = HEADER.keys().drop(1).toArray();
  return `${columns([...header, ...rows], right).join('\n')}

Medians, on ${circumstances()}.
x: times as long. heap: request and response as objects. peak: most resident memory of the whole process.
naive: one claim at a time. Where it came to n of m claims before its time was up, x is the least it can be.
${set.filter(Boolean).length} of ${set.length} aims met.
`;
}

function jsonMilliseconds({ parseMilliseconds, stringifyMilliseconds }: SyncResult): number {
  return parseMilliseconds + stringifyMilliseconds;
}

function meetsSyncAim({ sync, aimMilliseconds }: Result): boolean | undefined {
  return aimMilliseconds === undefined ? undefined : sync.syncMilliseconds < aimMilliseconds;
}

function meetsHttpAim({ sync, http }: Result): boolean {
  return http.milliseconds <= HTTP_AIM * jsonMilliseconds(sync);
}

function verdict(met: boolean | undefined): string {
  return met ? 'pass' : 'MISS';
}

function naiveColumns({ naive, syncMilliseconds }: SyncResult): [string, string] {
  if (naive === undefined) return ['', ''];
  const factor = naive.milliseconds / syncMilliseconds;
  return naive.isComplete
    ? [milliseconds(naive.milliseconds), times(factor)]
    : [`${milliseconds(naive.milliseconds)} (${grouped(naive.grants)})`, `> ${times(factor)}`];
}

function times(factor: number): string {
  return factor < 10 ? factor.toFixed(2) : grouped(Math.round(factor));
}

function milliseconds(value: number): string {
  return value < 100 ? value.toFixed(1) : grouped(Math.round(value));
}

function megabytes(bytes: number): string {
  const value = bytes / 1e6;
  return value < 10 ? value.toFixed(1) : String(Math.round(value));
}
