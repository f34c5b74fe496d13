import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseBenchOptions } from '../../bench/cluster/options.ts';
import { UsageError } from '../../lib/options/options.ts';

const parse = (line: string, env = {}) => parseBenchOptions(line.split(' ').filter(Boolean), env);

test('without options: policies on, one namespace with a pool, dynamic apply', () => {
  assert.equal(parse('claims'), {
    subject: 'claims',
    count: 1000,
    namespaces: 1,
    pool: 'namespaced',
    withCluster: false,
    apply: 'dynamic-apply',
    policies: true,
    timeoutMilliseconds: 1_800_000,
    output: 'text',
  });
});

const CASES: [line: string, expected: object][] = [
  ['nodes', { subject: 'nodes', count: 200 }],
  ['nodes 7', { count: 7 }],
  ['ipam-claims', { subject: 'ipam-claims', count: 1000 }],
  ['ipam-claims --apply server-side 12', { count: 12, apply: 'server-side-apply' }],
  ['claims --namespaces 3', { namespaces: 3, pool: 'global' }],
  ['claims --namespaces=1', { namespaces: 1, pool: 'namespaced' }],
  ['claims --namespaces 3 --pool namespaced', { namespaces: 3, pool: 'namespaced' }],
  ['claims --pool global', { namespaces: 1, pool: 'global' }],
  ['--with-cluster claims 5', { count: 5, withCluster: true }],
  ['claims --apply server-side', { apply: 'server-side-apply' }],
  ['claims --without-policies', { policies: false }],
  ['claims --timeout 90s -o json', { timeoutMilliseconds: 90_000, output: 'json' }],
  ['claims --reference-in-cluster /a', { reference: undefined }],
  ['claims --beside --reference-in-cluster /a --reference-node-ipam /b', { reference: '/a' }],
  ['nodes --beside --reference-in-cluster /a --reference-node-ipam /b', { reference: '/b' }],
];
for (const [line, expected] of CASES) {
  test(line, () => {
    const options: Record<string, unknown> = { ...(parse(line) as object) };
    for (const [name, value] of Object.entries(expected)) assert.equal(options[name], value, name);
  });
}

test('the references come from the environment too', () => {
  const env = { REFERENCE_IN_CLUSTER: '/a', REFERENCE_NODE_IPAM: '/b' };
  const referenceOf = (line: string) => (parse(line, env) as { reference?: string }).reference;
  assert.is(referenceOf('claims --beside'), '/a');
  assert.is(referenceOf('nodes --beside'), '/b');
  assert.is(referenceOf('nodes'), undefined);
});

test('--help', () => assert.is(parse('nodes --help'), 'help'));

const WRONG: [line: string, message: string][] = [
  ['', 'what: claims, nodes or ipam-claims?'],
  ['pods', 'what: claims, nodes or ipam-claims?'],
  ['claims 0', '0: the number of claims must be from 1 to 65000'],
  ['nodes 65001', '65001: the number of nodes must be from 1 to 65000'],
  ['claims 1e3', '1e3: the number of claims must be from 1 to 65000'],
  ['claims 1 2', '2: one number is enough'],
  ['claims --namespaces 0', '--namespaces: "0" must be at least 1'],
  ['claims --namespaces 257', '--namespaces: 257 must be at most 256'],
  ['claims --timeout 9s', '--timeout: "9s" must be at least 10s'],
  ['nodes --namespaces 2', '--namespaces: nodes have none'],
  ['nodes --pool global', '--pool: nodes have none'],
  ['nodes --with-cluster', '--with-cluster: nodes have none'],
  ['claims --beside', "--beside: set REFERENCE_IN_CLUSTER to the reference's binary"],
  ['nodes --beside', "--beside: set REFERENCE_NODE_IPAM to the reference's binary"],
  ['ipam-claims --namespaces 2', '--namespaces: ipam-claims have none'],
  ['ipam-claims --beside', '--beside: no other controller does the same'],
  ['claims --besides', 'unknown flag --besides (did you mean --beside?)'],
];
for (const [line, message] of WRONG) {
  test(`refused: ${line}`, () => {
    assert.throws(
      () => parse(line),
      (error: Error) => error instanceof UsageError && error.message === message,
    );
  });
}

test.run();
