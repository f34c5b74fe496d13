import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Measurement } from '../../bench/cluster/measure.ts';
import { type BenchOptions, parseBenchOptions } from '../../bench/cluster/options.ts';
import { benchTitle, formatCells, formatMeasurements, rowsOf } from '../../bench/cluster/report.ts';

const optionsOf = (line: string) => parseBenchOptions(line.split(' '), {}) as BenchOptions;

const own: Measurement = {
  system: 'metaipam',
  seconds: 3,
  quietSeconds: 6,
  requests: {
    sum: 3,
    byRequest: new Map([
      ['POST ipaddresses', 1],
      ['PUT pools', 0.004],
      ['POST events', 1],
    ]),
  },
  controllers: {
    metaipam: { cpuSeconds: 1, peakBytes: 2e8 },
    metacontroller: { cpuSeconds: 2, peakBytes: 5e7 },
  },
  controlPlane: { etcd: { cpuSeconds: 0.5, peakBytes: 1e8 } },
  hooks: { 'claims/sync': { calls: 20, requestBytes: 12_345, responseBytes: 2000 } },
  oneMoreMilliseconds: [90, 70, 500],
};
const reference: Measurement = {
  system: 'reference',
  seconds: 6,
  quietSeconds: 6,
  requests: { sum: 4, byRequest: new Map([['PATCH ipaddresses', 4]]) },
  controllers: { reference: { cpuSeconds: 2, peakBytes: 5e7 } },
  controlPlane: { etcd: { cpuSeconds: 0.25, peakBytes: 1e8 } },
  hooks: {},
  oneMoreMilliseconds: [35],
};

test('a row has the values of both, or none where one has none', () => {
  const rows = new Map(
    rowsOf(optionsOf('claims 10'), [own, reference]).map(([name, ...values]) => [name, values]),
  );
  const expected: [name: string, values: (number | undefined)[]][] = [
    ['wall clock until served, s', [3, 6]],
    ['one more, ms', [90, 35]],
    ['requests a claim', [3, 4]],
    ['  POST ipaddresses', [1, undefined]],
    ['  PATCH ipaddresses', [undefined, 4]],
    ['  (POST events)', [1, undefined]],
    ['CPU of the controllers, s', [3, 2]],
    ['CPU of the control plane, s', [0.5, 0.25]],
    ['  metaipam, peak MB', [200, undefined]],
    ['  etcd, CPU s', [0.5, 0.25]],
  ];
  for (const [name, values] of expected) assert.equal(rows.get(name), values, name);
  assert.not(rows.has('  PUT pools'), 'one in 250');
});

test('ratios are of the first to the second, where both are there', () => {
  assert.equal(formatCells([3, 6]), ['3.00', '6.00', '0.50']);
  assert.equal(formatCells([1234.5, 100]), ['1235', '100', '12.35']);
  assert.equal(formatCells([3, undefined]), ['3.00', '', '']);
  assert.equal(formatCells([undefined, 3]), ['', '3.00', '']);
  assert.equal(formatCells([3, 0]), ['3.00', '0.00', '']);
  assert.equal(formatCells([3]), ['3.00']);
});

test('the table', () => {
  const lines = formatMeasurements(optionsOf('nodes 10'), [own, reference]).split('\n');
  assert.match(lines[2]!, /^ +metaipam {2}reference {2}ratio$/);
  assert.ok(lines.some((line) => /^requests a node +3\.00 +4\.00 +0\.75$/.test(line)));
  assert.match(formatMeasurements(optionsOf('ipam-claims 10'), [own]), /\nrequests a claim /);
  assert.ok(lines.some((line) => /^claims\/sync +20 +2\.00 +12 +2$/.test(line)));
});

const TITLES: [line: string, title: string][] = [
  ['nodes 5', '5 nodes at once, admission policies on, dynamic-apply'],
  ['claims 5', '5 claims at once of an InClusterIPPool, admission policies on, dynamic-apply'],
  [
    'claims 5 --namespaces 2 --with-cluster --without-policies',
    '5 claims at once of a GlobalInClusterIPPool from 2 namespaces, with a Cluster, admission policies off, dynamic-apply',
  ],
  [
    'claims 5 --namespaces 2 --pool namespaced --apply server-side',
    '5 claims at once of 2 InClusterIPPools, admission policies on, server-side-apply',
  ],
];
for (const [line, title] of TITLES) test(title, () => assert.is(benchTitle(optionsOf(line)), title));

test.run();
