import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { formatProblem } from '../../lib/kubernetes/problem.ts';
import { CustomResources, readCustomResourceDefinitions } from '../../lib/kubernetes/schema.ts';
import { type PoolSpec, readAddressPool } from '../../lib/pool/spec.ts';
import { withoutSubnet } from '../../lib/pool/v1alpha1.ts';
import { CONVERSION_CASES } from './conversion-cases.ts';

const resources = new CustomResources(readCustomResourceDefinitions());

/** What an API server says to a pool. */
function refusals(version: string, kind: string, spec: object): string {
  const apiVersion = `ipam.cluster.x-k8s.io/${version}`;
  const pool = { apiVersion, kind, metadata: { name: 'a' }, spec };
  return resources.ofKind(apiVersion, kind)!.validate(pool).map(formatProblem).join('\n');
}

for (const { id, given, total, addresses, prefix, problem = '' } of CONVERSION_CASES) {
  test(`${id}: ${JSON.stringify(given)}`, () => {
    const { ranges, problems } = readAddressPool(given);
    assert.is(ranges?.allocatable.count, total);
    assert.is(ranges?.subnets[0]?.prefix, total === undefined ? undefined : (prefix ?? 0));
    assert.match(problems.map(formatProblem).join('\n'), problem);
    assert.is(problems.length === 0, problem === '');
    if (addresses === undefined) return;
    const { subnet, start, end, ...rest } = given;
    const { spec } = withoutSubnet(given);
    assert.equal(spec, { ...rest, addresses, ...(prefix !== undefined && { prefix }) });
    assert.equal(readAddressPool(spec).ranges, ranges);
  });
}

test('v1alpha2 needs a prefix where nothing else tells one, v1alpha1 does not', () => {
  const spec = { addresses: ['10.0.0.5'] };
  const told = 'spec.prefix: Required value: a valid prefix is required';
  assert.is(refusals('v1alpha2', 'InClusterIPPool', spec), told);
  assert.is(refusals('v1alpha1', 'InClusterIPPool', spec), '');
  assert.is(refusals('v1alpha2', 'InClusterIPPool', { subnet: '10.0.0.0/24' }), '');
});

test('what else a pool has applies to a subnet as well', () => {
  const { ranges } = readAddressPool({
    subnet: '10.0.0.0/24',
    excludedAddresses: ['10.0.0.1-10.0.0.99'],
    addressReuseGracePeriodSeconds: 60,
  });
  assert.is(ranges?.allocatable.count, 155n);
  assert.is(ranges?.reuseGracePeriodSeconds, 60);
});

test('problems of what a subnet adds are told of the subnet', () => {
  const told = (spec: PoolSpec) => readAddressPool(spec).problems.map(({ field }) => field);
  assert.equal(told({ addresses: ['10.0.9.5'], subnet: '10.0.0.0/24' }), ['spec.addresses[0]']);
  assert.equal(told({ addresses: ['10.0.0.5'], subnet: '10.0.9.0/24' }), ['spec.subnet']);
  assert.equal(told({ subnet: '10.0.0.0/24', end: '9.0.0.1' }), ['spec.end']);
  assert.equal(told({ subnet: '10.0.0.0/24', end: 'x' }), ['spec.end']);
  assert.equal(told({ subnet: '10.0.0.0/24', start: '10.0.9.9' }), ['spec.start']);
  assert.equal(told({ subnet: '10.0.0.0/24', start: '', end: '' }), []);
});

test('fields of any type are read or refused, never thrown at', () => {
  for (const odd of [7, {}, [], true]) {
    for (const field of ['subnet', 'start', 'end']) {
      const spec = { addresses: ['10.0.0.1'], prefix: 24, [field]: odd } as PoolSpec;
      assert.equal(
        readAddressPool(spec).problems.map((problem) => problem.message),
        ['must be a string'],
      );
    }
  }
  assert.equal(
    readAddressPool({ addresses: null, subnet: null, start: '10.0.0.1', end: '10.0.0.2' } as object).problems
      .length,
    0,
  );
});

test.run();
