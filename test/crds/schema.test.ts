import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { exactInteger } from '../../lib/json.ts';
import { formatProblem } from '../../lib/kubernetes/problem.ts';
import { CustomResources, readCustomResourceDefinitions } from '../../lib/kubernetes/schema.ts';
import { admissionCases } from './admission-cases.ts';
import { RULED_KIND, ruleCases } from './rule-cases.ts';

const resources = new CustomResources([...readCustomResourceDefinitions(), RULED_KIND]);

function problems(kind: string, object: object, version = 'ipam.cluster.x-k8s.io/v1alpha2'): string[] {
  const resource = resources.ofKind(version, kind)!;
  const complete = {
    apiVersion: version,
    kind,
    metadata: { name: 'a', labels: { any: 'thing' } },
    ...object,
  };
  return resource.judge(complete).structure.map(formatProblem);
}

const pool = (spec: unknown) => problems('InClusterIPPool', { spec });
const valid = { addresses: ['10.0.0.1'], prefix: 24 };
const status = (ipAddresses: object, conditions: object[] = []) =>
  problems('InClusterIPPool', { spec: valid, status: { ipAddresses, conditions } });
const counts = { total: 1, used: 0, free: 1, outOfRange: 0 };
const condition = {
  type: 'Ready',
  status: 'True',
  reason: 'Ready',
  message: '',
  lastTransitionTime: '2026-01-01T00:00:00Z',
};

test('valid objects have no problems', () => {
  assert.equal(pool(valid), []);
  assert.equal(pool({ ...valid, gateway: null, excludedAddresses: [] }), []);
  assert.equal(status(counts, [condition, { ...condition, type: 'Other' }]), []);
});

// The texts are those of kube-apiserver 1.36.
const cases: [string, unknown, string[]][] = [
  ['absent', undefined, ['spec: Required value']],
  ['null', null, ['spec: Required value']],
  ['empty', {}, []],
  ['an array', [], ['spec: Invalid value: "array": spec in body must be of type object: "array"']],
  [
    'other types',
    { addresses: 'x', prefix: '24' },
    [
      'spec.addresses: Invalid value: "string": spec.addresses in body must be of type array: "string"',
      'spec.prefix: Invalid value: "string": spec.prefix in body must be of type integer: "string"',
    ],
  ],
  [
    'a fraction',
    { ...valid, prefix: 1.5 },
    ['spec.prefix: Invalid value: "number": spec.prefix in body must be of type integer: "number"'],
  ],
  [
    'types of items',
    { ...valid, addresses: [1, null] },
    [
      'spec.addresses[0]: Invalid value: "integer": spec.addresses[0] in body must be of type string: "integer"',
      'spec.addresses[1]: Invalid value: "null": spec.addresses[1] in body must be of type string: "null"',
    ],
  ],
  [
    'bounds',
    { ...valid, prefix: -1, addressReuseGracePeriodSeconds: -1 },
    [
      'spec.prefix: Invalid value: -1: spec.prefix in body should be greater than or equal to 0',
      'spec.addressReuseGracePeriodSeconds: Invalid value: -1: spec.addressReuseGracePeriodSeconds in body should be greater than or equal to 0',
    ],
  ],
  [
    'upper bound',
    { ...valid, prefix: 129 },
    ['spec.prefix: Invalid value: 129: spec.prefix in body should be less than or equal to 128'],
  ],
  [
    'long text',
    { ...valid, gateway: 'x'.repeat(46) },
    ['spec.gateway: Too long: may not be more than 45 bytes'],
  ],
  [
    'many items',
    { ...valid, addresses: Array(4097).fill('10.0.0.1') },
    ['spec.addresses: Too many: 4097: must have at most 4096 items'],
  ],
  [
    'int32',
    { ...valid, addressReuseGracePeriodSeconds: 2 ** 31 },
    ['spec.addressReuseGracePeriodSeconds: Checked value must be of type integer with format int32'],
  ],
  ['unknown fields', { ...valid, foo: 1, bar: {} }, ['spec.foo: unknown field', 'spec.bar: unknown field']],
];
for (const [name, spec, expected] of cases) {
  test(`spec with ${name}`, () => assert.equal(pool(spec), expected));
}

test('unknown fields are reported at the root, in items, and not in metadata', () => {
  assert.equal(problems('InClusterIPPool', { spec: valid, data: 1 }), ['data: unknown field']);
  assert.equal(status(counts, [{ ...condition, x: 1 }]), ['status.conditions[0].x: unknown field']);
});

test('counts are exact from -2^63 to 2^63 - 1 and no further', () => {
  const total = (value: bigint) => status({ ...counts, total: exactInteger(value) });
  for (const value of [2n ** 63n - 1n, -(2n ** 63n)]) assert.equal(total(value), []);
  for (const value of [2n ** 63n, -(2n ** 63n) - 1n]) {
    assert.equal(total(value), [
      'status.ipAddresses.total: Checked value must be of type integer with format int64',
    ]);
  }
});

test('an integer of any length is one, and has to respect the other bounds', () => {
  assert.equal(pool({ ...valid, prefix: exactInteger(2n ** 54n) }), [
    'spec.prefix: Invalid value: 18014398509481984: spec.prefix in body should be less than or equal to 128',
  ]);
  assert.equal(pool({ ...valid, gateway: exactInteger(2n ** 54n) }), [
    'spec.gateway: Invalid value: "integer": spec.gateway in body must be of type string: "integer"',
  ]);
});

test('a null counts as absent, also in a map', () => {
  const claim = { spec: { nodeUID: 'u', nodeLabels: { a: null }, podCIDRs: null } };
  assert.equal(problems('PodCIDRClaim', claim, 'metaipam.io/v1alpha1'), []);
  const spec = { poolRef: { apiGroup: 'a', kind: 'B', name: 'c' } };
  const status = { conditions: null };
  assert.equal(problems('IPAddressClaim', { spec, status }, 'ipam.cluster.x-k8s.io/v1beta2'), [
    'status: Invalid value: 0: status in body should have at least 1 properties',
  ]);
});

test('a value of the wrong type is also none of the supported values', () => {
  assert.equal(status(counts, [{ ...condition, status: 5 }]), [
    'status.conditions[0].status: Invalid value: "integer": status.conditions[0].status in body must be of type string: "integer"',
    'status.conditions[0].status: Unsupported value: 5: supported values: "True", "False", "Unknown"',
  ]);
});

test('conditions are a map by type', () => {
  assert.equal(status(counts, [condition, { ...condition, status: 'False' }]), [
    'status.conditions[1]: Duplicate value: {"type":"Ready"}',
  ]);
  assert.equal(
    status(counts, [{ ...condition, status: 'Yes', reason: '', lastTransitionTime: 'yesterday' }]),
    [
      'status.conditions[0].status: Unsupported value: "Yes": supported values: "True", "False", "Unknown"',
      'status.conditions[0].lastTransitionTime: Invalid value: "yesterday": status.conditions[0].lastTransitionTime in body must be of type date-time: "yesterday"',
      'status.conditions[0].reason: Invalid value: "": status.conditions[0].reason in body should be at least 1 chars long',
      'status.conditions[0].reason: Invalid value: "": status.conditions[0].reason in body should match \'^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$\'',
    ],
  );
});

test('metadata is checked as far as a CRD restricts it', () => {
  const network = (name: string) =>
    problems(
      'PodNetwork',
      { metadata: { name }, spec: { target: 'node.spec.podCIDRs' } },
      'metaipam.io/v1alpha1',
    );
  assert.equal(network('n'.repeat(63)), []);
  assert.equal(network('n'.repeat(64)), ['metadata.name: Too long: may not be more than 63 bytes']);
});

test('values of maps have a schema, their keys have not', () => {
  const claim = (nodeLabels: object) =>
    problems('PodCIDRClaim', { spec: { nodeUID: 'u', nodeLabels } }, 'metaipam.io/v1alpha1');
  assert.equal(claim({ 'a/b': 'c' }), []);
  assert.equal(claim({ 'a/b': 1 }), [
    'spec.nodeLabels.a/b: Invalid value: "integer": spec.nodeLabels.a/b in body must be of type string: "integer"',
  ]);
});

test('Cluster API: an empty status is valid in v1beta1 and invalid in v1beta2', () => {
  const spec = { poolRef: { apiGroup: 'a', kind: 'B', name: 'c' } };
  const claim = (version: string) =>
    problems('IPAddressClaim', { spec, status: {} }, `ipam.cluster.x-k8s.io/${version}`);
  assert.equal(claim('v1beta1'), []);
  assert.equal(claim('v1beta2'), [
    'status: Invalid value: 0: status in body should have at least 1 properties',
  ]);
});

test('defaults fill absent fields of objects that are there, and change nothing else', () => {
  const claims = resources.ofKind('ipam.cluster.x-k8s.io/v1beta1', 'IPAddressClaim')!;
  const claim = { spec: { poolRef: { kind: 'B', name: 'c' } }, status: { addressRef: {} } };
  assert.equal(claims.withDefaults(claim), { ...claim, status: { addressRef: { name: '' } } });
  assert.equal(claim.status, { addressRef: {} });
  assert.equal(claims.withDefaults({ status: {} }), { status: {} });
  const spec = { poolRef: { kind: 'B', name: 'c' } };
  assert.equal(claims.withDefaults({ spec, status: { addressRef: { name: null } } }).status, {
    addressRef: { name: '' },
  });
  const large = { status: { ipAddresses: { total: exactInteger(2n ** 63n - 1n) } } };
  const pools = resources.ofKind('ipam.cluster.x-k8s.io/v1alpha2', 'InClusterIPPool')!;
  assert.is(JSON.stringify(pools.withDefaults(large)), JSON.stringify(large));
});

test('kinds are found by apiVersion and kind or plural, with scope and status', () => {
  const found = resources.ofPlural('ipam.cluster.x-k8s.io/v1alpha2', 'globalinclusterippools')!;
  assert.is(found, resources.ofKind('ipam.cluster.x-k8s.io/v1alpha2', 'GlobalInClusterIPPool'));
  assert.equal([found.namespaced, found.statusSubresource, found.storage], [false, true, true]);
  const address = resources.ofKind('ipam.cluster.x-k8s.io/v1beta1', 'IPAddress')!;
  assert.equal([address.namespaced, address.statusSubresource, address.storage], [true, false, false]);
  assert.is(resources.ofKind('ipam.cluster.x-k8s.io/v1alpha1', 'IPAddress'), undefined);
});

for (const { id, object, newSpec, refused } of [...admissionCases, ...ruleCases]) {
  test(`${id} is ${refused === undefined ? 'accepted' : 'refused'}, as by an API server`, () => {
    const resource = resources.ofKind(object.apiVersion, object.kind)!;
    const updated = newSpec === undefined ? object : { ...object, spec: newSpec };
    const old = newSpec === undefined ? undefined : object;
    if (old !== undefined) assert.equal(resource.validate(old).map(formatProblem), []);
    const texts = resource.validate(updated, old).map(formatProblem);
    if (refused === undefined) assert.equal(texts, []);
    else
      assert.ok(
        texts.some((text) => text.includes(refused)),
        texts.join('\n'),
      );
  });
}

test.run();
