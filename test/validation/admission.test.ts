/** Whether `validate` and an API server with the CRDs judge new objects alike. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { KubernetesObject } from '../../lib/kubernetes/object.ts';
import { formatProblem } from '../../lib/kubernetes/problem.ts';
import { CustomResources, readCustomResourceDefinitions } from '../../lib/kubernetes/schema.ts';
import { validateObject } from '../../lib/validation/index.ts';
import { admissionCases } from '../crds/admission-cases.ts';

const resources = new CustomResources(readCustomResourceDefinitions());
const problemsOf = (object: KubernetesObject) => validateObject(object, resources).map(formatProblem);

for (const { id, object, newSpec, refused } of admissionCases) {
  // The object of an update was created before.
  const isRefused = newSpec === undefined && refused !== undefined;
  test(`${id} is ${isRefused ? 'refused' : 'accepted'}`, () => {
    const problems = problemsOf(object);
    assert.is(problems.length > 0, isRefused, problems.join('\n'));
  });
}

const pool = (spec: object, annotations = {}) => ({
  apiVersion: 'ipam.cluster.x-k8s.io/v1alpha2',
  kind: 'InClusterIPPool',
  metadata: { name: 'a', annotations },
  spec: { addresses: ['10.0.0.0/24'], prefix: 24, ...spec },
});
const claim = (annotations: object) => ({
  apiVersion: 'ipam.cluster.x-k8s.io/v1beta2',
  kind: 'IPAddressClaim',
  metadata: { name: 'a', annotations },
  spec: { poolRef: { apiGroup: 'ipam.cluster.x-k8s.io', kind: 'InClusterIPPool', name: 'a' } },
});

// CEL cannot compare addresses, and the rules of a CRD do not see annotations.
const stricter: readonly [id: string, object: object, field: string][] = [
  ['C1.7', pool({ addresses: ['10.0.0.10-10.0.0.5'] }), 'spec.addresses[0]'],
  ['C1.7, excluded', pool({ excludedAddresses: ['10.0.0.10-10.0.0.5'] }), 'spec.excludedAddresses[0]'],
  ['an address space', pool({}, { 'metaipam.io/address-space': 'A b' }), 'metadata.annotations'],
  ['a requested address', claim({ 'metaipam.io/requested-address': '10.1' }), 'metadata.annotations'],
];
for (const [id, object, field] of stricter) {
  test(`${id} is refused, though an API server accepts it`, () => {
    const problems = problemsOf(object as KubernetesObject);
    assert.is(problems.length, 1);
    assert.ok(problems[0]?.startsWith(field), problems[0]);
  });
}

test('an IPv4-mapped IPv6 address is refused, as an API server does', () => {
  assert.equal(problemsOf(pool({ addresses: ['::ffff:10.0.0.1'], prefix: 128 }) as KubernetesObject), [
    'spec.addresses[0]: Invalid value: "::ffff:10.0.0.1": provided address is not a valid IP, range, nor CIDR',
  ]);
});

test.run();
