import { columns } from '../../lib/cli/table.ts';
import { plural } from '../../lib/text.ts';
import { isEvent } from '../../test/e2e/requests.ts';
import { circumstances, median } from '../statistics.ts';
import type { HookCalls } from './hook-calls.ts';
import type { Measurement } from './measure.ts';
import type { BenchOptions } from './options.ts';
import type { ProcessUsage } from './usage.ts';

/** A table for people: metaipam, and beside it, where it was measured too, the reference. */
export function formatMeasurements(options: BenchOptions, measurements: readonly Measurement[]): string {
  const header = [
    '',
    ...measurements.map(({ system }) => system),
    ...(measurements.length > 1 ? ['ratio'] : []),
  ];
  const rows = rowsOf(options, measurements).map(([name, ...values]) => [name, ...formatCells(values)]);
  const numbers = header.keys().drop(1).toArray();
  const hooks = measurements.flatMap(({ hooks }) => hookRows(hooks, options.count));
  const hookHeader = ['hook', 'calls', `a ${oneOf(options)}`, 'request kB', 'response kB'];
  return `${[
    benchTitle(options),
    '',
    ...columns([header, ...rows], numbers),
    ...(hooks.length === 0 ? [] : ['', ...columns([hookHeader, ...hooks], [1, 2, 3, 4])]),
  ].join('\n')}

Requests: what the API server has answered; lists, watches, leases, a user's own and those in parentheses are not in the sum.
One more: the median of ${measurements[0]!.oneMoreMilliseconds.length}, each when the controllers rested. MB: 10^6 bytes.
On ${circumstances()}.
`;
}

export function benchTitle(options: BenchOptions): string {
  const { subject, count, withCluster, apply, policies } = options;
  return [
    `${count} ${subject} at once${subject === 'claims' ? ` of ${poolsOf(options)}` : ''}`,
    ...(withCluster ? ['with a Cluster'] : []),
    `admission policies ${policies ? 'on' : 'off'}`,
    apply,
  ].join(', ');
}

function poolsOf({ namespaces, pool }: BenchOptions): string {
  if (pool === 'global') return `a GlobalInClusterIPPool from ${plural(namespaces, 'namespace')}`;
  return namespaces === 1 ? 'an InClusterIPPool' : `${namespaces} InClusterIPPools`;
}

function oneOf({ subject }: BenchOptions): string {
  return subject === 'nodes' ? 'node' : 'claim';
}

type Value = number | undefined;
/** What it is, and its value for each system: undefined where there is none. */
export type Row = readonly [name: string, ...values: Value[]];

export function rowsOf(options: BenchOptions, measurements: readonly Measurement[]): Row[] {
  const each = (name: string, value: (measurement: Measurement) => Value): Row => [
    name,
    ...measurements.map(value),
  ];
  return [
    each('wall clock until served, s', ({ seconds }) => seconds),
    each('until all is quiet, s', ({ quietSeconds }) => quietSeconds),
    each('one more, ms', ({ oneMoreMilliseconds }) => median(oneMoreMilliseconds)),
    each(`requests a ${oneOf(options)}`, ({ requests }) => requests.sum),
    ...keysOf(measurements, ({ requests }) => Object.fromEntries(requests.byRequest))
      .filter((request) =>
        measurements.some(({ requests }) => (requests.byRequest.get(request) ?? 0) >= 0.005),
      )
      .map((request) =>
        each(isEvent(request) ? `  (${request})` : `  ${request}`, ({ requests }) =>
          requests.byRequest.get(request),
        ),
      ),
    each('CPU of the controllers, s', ({ controllers }) => cpuOf(controllers)),
    each('CPU of the control plane, s', ({ controlPlane }) => cpuOf(controlPlane)),
    ...PARTS.flatMap((part) =>
      keysOf(measurements, (measurement) => measurement[part]).flatMap((program) => [
        each(`  ${program}, CPU s`, (measurement) => measurement[part][program]?.cpuSeconds),
        each(`  ${program}, peak MB`, (measurement) => megabytes(measurement[part][program]?.peakBytes)),
      ]),
    ),
  ];
}

const PARTS = ['controllers', 'controlPlane'] as const;

function keysOf(
  measurements: readonly Measurement[],
  record: (measurement: Measurement) => Readonly<Record<string, unknown>>,
): string[] {
  return [...new Set(measurements.flatMap((measurement) => Object.keys(record(measurement))))];
}

/** The values as text; where there are two, how many times the second the first is. */
export function formatCells(values: readonly Value[]): string[] {
  const [own, other] = values;
  const ratio = own === undefined || !other ? '' : (own / other).toFixed(2);
  return [...values.map(textOf), ...(values.length > 1 ? [ratio] : [])];
}

function textOf(value: Value): string {
  if (value === undefined) return '';
  return value < 100 ? value.toFixed(2) : String(Math.round(value));
}

function hookRows(hooks: Readonly<Record<string, HookCalls>>, count: number): string[][] {
  return Object.entries(hooks).map(([hook, { calls, requestBytes, responseBytes }]) => [
    hook,
    String(calls),
    (calls / count).toFixed(2),
    (requestBytes / 1000).toFixed(0),
    (responseBytes / 1000).toFixed(0),
  ]);
}

function cpuOf(programs: Readonly<Record<string, ProcessUsage>>): number {
  return Object.values(programs).reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0);
}

function megabytes(bytes: Value): Value {
  return bytes === undefined ? undefined : bytes / 1e6;
}
