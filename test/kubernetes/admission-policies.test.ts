import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { AdmissionPolicies, type AdmissionRequest } from '../../lib/kubernetes/admission-policies.ts';
import type { KubernetesObject } from '../../lib/kubernetes/object.ts';
import { policies as shipped } from '../engine/judge.ts';
import { policyCases } from '../metacontroller/policy-cases.ts';

const PLURALS: Readonly<Record<string, string>> = {
  InClusterIPPool: 'inclusterippools',
  GlobalInClusterIPPool: 'globalinclusterippools',
  InClusterPrefixPool: 'inclusterprefixpools',
  GlobalInClusterPrefixPool: 'globalinclusterprefixpools',
  IPAddressClaim: 'ipaddressclaims',
  ClusterCIDR: 'clustercidrs',
};

function requestOf(
  object: KubernetesObject,
  oldObject?: KubernetesObject,
): AdmissionRequest & { readonly object: KubernetesObject } {
  const [group = '', version = ''] = object.apiVersion.split('/');
  const resource = { group, version, resource: PLURALS[object.kind] ?? 'things' };
  return { operation: oldObject ? 'UPDATE' : 'CREATE', resource, subResource: '', object, oldObject };
}

const shippedPolicies = new AdmissionPolicies(shipped);
for (const { id, before, isDeleting, after, refused, added } of policyCases) {
  test(id, () => {
    const metadata = { ...after.metadata, ...(isDeleting && { deletionTimestamp: '2026-01-01T00:00:00Z' }) };
    const request = requestOf({ ...after, metadata }, before);
    const configurations: object[] = [];
    shippedPolicies.mutate(request, (object, configuration) => {
      configurations.push(configuration);
      return object;
    });
    const denial = shippedPolicies.deny(request);
    if (refused !== undefined) return assert.match(denial?.message ?? '', refused);
    assert.is(denial, undefined);
    assert.is(configurations.length, added !== undefined && 'finalizers' in added ? 1 : 0);
  });
}

const thing = {
  apiVersion: 'example.com/v1',
  kind: 'Thing',
  metadata: { name: 'a' },
  spec: { n: 1, x: { y: 0.5 } },
} as KubernetesObject;
const RULES = {
  resourceRules: [
    { apiGroups: ['example.com'], apiVersions: ['v1'], resources: ['things'], operations: ['*'] },
  ],
};

/** A bound policy with `spec`. */
function policy(spec: object, kind = 'ValidatingAdmissionPolicy', binding: object = {}): AdmissionPolicies {
  const metadata = { name: 'p' };
  const apiVersion = 'admissionregistration.k8s.io/v1';
  const bound = { policyName: 'p', ...binding };
  const objects: object[] = [
    { apiVersion, kind, metadata, spec: { matchConstraints: RULES, ...spec } },
    { apiVersion, kind: `${kind}Binding`, metadata: { name: 'b' }, spec: bound },
  ];
  return new AdmissionPolicies(objects as KubernetesObject[]);
}

const denied = (spec: object, request: Partial<AdmissionRequest> = {}) =>
  policy(spec).deny({ ...requestOf(thing), ...request })?.message;
const PREFIX = "ValidatingAdmissionPolicy 'p' with binding 'b' denied request: ";

test('expressions see the object, the one before, the request and the variables', () => {
  const holds = (expression: string, request: Partial<AdmissionRequest> = {}) =>
    assert.is(denied({ validations: [{ expression }] }, request), undefined, expression);
  holds('object.spec.n + 1 == 2 && object.spec.x.y < 1.0');
  holds('oldObject == null && request.operation == "CREATE"');
  holds('oldObject.spec.n == 1', { operation: 'UPDATE', oldObject: thing });
  holds('request.resource.resource == "things" && request.name == "a" && request.namespace == ""');
  const variables = [
    { name: 'n', expression: 'object.spec.n' },
    { name: 'wrong', expression: 'object.spec.q' },
    { name: 'next', expression: 'variables.n + 1' },
  ];
  assert.is(denied({ variables, validations: [{ expression: 'variables.next == 2' }] }), undefined);
  assert.match(
    denied({ variables, validations: [{ expression: 'variables.wrong == 2' }] }) ?? '',
    'resulted in error',
  );
});

test('a denial has the evaluated message, the fixed one, or the expression', () => {
  const message = (more: object) => denied({ validations: [{ expression: ' false ', ...more }] });
  assert.is(
    message({ messageExpression: "'n is ' + string(object.spec.n)", message: 'm' }),
    `${PREFIX}n is 1`,
  );
  assert.is(message({ messageExpression: 'object.q', message: ' m ' }), `${PREFIX}m`);
  assert.is(message({ messageExpression: "'a\\nb'", message: 'm' }), `${PREFIX}m`);
  assert.is(message({}), `${PREFIX}failed expression: false`);
  const { reason } = policy({ validations: [{ expression: 'false', reason: 'Forbidden' }] }).deny(
    requestOf(thing),
  )!;
  assert.is(reason, 'Forbidden');
});

test('an error counts as the policy says', () => {
  const validations = [{ expression: 'object.q' }, { expression: 'object.spec.n < 1', message: 'm' }];
  assert.match(denied({ validations }) ?? '', `${PREFIX}expression 'object.q' resulted in error: `);
  assert.is(denied({ validations, failurePolicy: 'Ignore' }), `${PREFIX}m`);
});

test('a policy is for what its rules and conditions match', () => {
  const validations = [{ expression: 'false', message: 'm' }];
  const no = {
    validations: [{ expression: 'false' }],
    matchConditions: [{ name: 'n', expression: 'object.spec.n > 1' }],
  };
  assert.is(denied(no), undefined);
  const error = { name: 'e', expression: 'object.q' };
  assert.is(denied({ ...no, matchConditions: [error, ...no.matchConditions] }), undefined);
  assert.match(denied({ validations, matchConditions: [error] }) ?? '', PREFIX);
  assert.is(denied({ validations, matchConditions: [error], failurePolicy: 'Ignore' }), undefined);
  const { resource } = requestOf(thing);
  assert.is(denied({ validations }, { resource: { ...resource, group: 'other' } }), undefined);
  assert.is(denied({ validations }, { resource: { ...resource, version: 'v2' } }), undefined);
  assert.is(denied({ validations }, { resource: { ...resource, resource: 'others' } }), undefined);
  assert.is(denied({ validations }, { subResource: 'status' }), undefined);
});

test('requests that differ in what only a message, or a rule, looks at are told apart', () => {
  const spec = {
    validations: [{ expression: 'object.spec.n > 1', messageExpression: 'object.metadata.name' }],
  };
  const one = policy(spec);
  const named = (name: string) => requestOf({ ...thing, metadata: { name } });
  for (const name of ['a', 'b', 'a']) assert.is(one.deny(named(name))?.message, `${PREFIX}${name}`);
  for (const subResource of ['', 'status', '']) {
    const denial = one.deny({ ...named('a'), subResource });
    assert.is(denial?.message, subResource === '' ? `${PREFIX}a` : undefined, subResource);
  }
});

test('a policy without a binding that denies does nothing', () => {
  const spec = { validations: [{ expression: 'false' }] };
  const warns = policy(spec, undefined, { validationActions: ['Warn'] });
  assert.is(warns.deny(requestOf(thing)), undefined);
  const other = policy(spec, undefined, { policyName: 'other' });
  assert.is(other.deny(requestOf(thing)), undefined);
});

const BY_ALL = { paramRef: { selector: {}, parameterNotFoundAction: 'Allow' } };

test('a policy with parameters is judged by each in the namespace, and by none where there is none', () => {
  const param = (name: string, namespace?: string) =>
    ({ ...thing, metadata: { name, ...(namespace && { namespace }) } }) as KubernetesObject;
  const spec = {
    paramKind: { apiVersion: 'example.com/v1', kind: 'Thing' },
    matchConditions: [{ name: 'c', expression: 'params.metadata.name != "exempt"' }],
    validations: [{ expression: 'params.metadata.name != "no"', messageExpression: 'params.metadata.name' }],
  };
  const judged = policy(spec, undefined, BY_ALL);
  const request = requestOf({ ...thing, metadata: { name: 'a', namespace: 'here' } } as KubernetesObject);
  const deny = (...parameters: KubernetesObject[]) =>
    judged.deny(request, ({ apiVersion, kind }) =>
      apiVersion === 'example.com/v1' && kind === 'Thing' ? parameters : [],
    )?.message;
  assert.is(judged.deny(request), undefined);
  assert.is(deny(param('yes', 'here'), param('exempt'), param('no', 'there')), undefined);
  assert.is(deny(param('yes', 'here'), param('no', 'here')), `${PREFIX}no`);
  assert.is(deny(param('no')), `${PREFIX}no`);
});

test('a slice of addresses is of the address space of its pool, or of none', () => {
  const pool = (kind: string, name: string, space?: string) =>
    ({
      apiVersion: 'ipam.cluster.x-k8s.io/v1alpha2',
      kind,
      metadata: { name, ...(space && { annotations: { 'metaipam.io/address-space': space } }) },
    }) as KubernetesObject;
  const pools = [
    pool('InClusterIPPool', 'p'),
    pool('InClusterIPPool', 'q', 'lab'),
    pool('GlobalInClusterIPPool', 'p', 'lab'),
  ];
  const refusal = (kind: string, name: string, addressSpace?: string) => {
    const slice = {
      apiVersion: 'metaipam.io/v1alpha1',
      kind: 'AllocationSlice',
      metadata: { name: 'any' },
      spec: { poolRef: { kind, name }, ...(addressSpace && { addressSpace }) },
    } as KubernetesObject;
    const request = requestOf(slice);
    const resource = { ...request.resource, resource: 'allocationslices' };
    return shippedPolicies.deny({ ...request, resource }, (of) =>
      pools.filter(({ kind }) => kind === of.kind),
    )?.message;
  };
  assert.is(refusal('InClusterIPPool', 'p'), undefined);
  assert.is(refusal('InClusterIPPool', 'q', 'lab'), undefined);
  assert.is(refusal('GlobalInClusterIPPool', 'p', 'lab'), undefined);
  assert.is(refusal('InClusterIPPool', 'gone', 'lab'), undefined);
  assert.match(
    refusal('InClusterIPPool', 'p', 'lab') ?? '',
    '"lab": InClusterIPPool p is not of this address space',
  );
  assert.match(refusal('InClusterIPPool', 'q', 'twin') ?? '', 'InClusterIPPool q is not of this');
  assert.match(refusal('GlobalInClusterIPPool', 'p', 'twin') ?? '', 'GlobalInClusterIPPool p is not of this');
});

test('what is not supported is said', () => {
  assert.throws(() => policy({ paramKind: {} }), /ValidatingAdmissionPolicy p: paramRef not supported/);
  const named = { paramRef: { name: 'a', parameterNotFoundAction: 'Allow' } };
  assert.throws(() => policy({ paramKind: {} }, undefined, named), /paramRef not supported/);
  assert.throws(() => policy({ paramKind: {} }, 'MutatingAdmissionPolicy', BY_ALL), /paramRef not supported/);
  assert.throws(() => policy({}, undefined, { matchResources: {} }), /matchResources not supported/);
  const mutations = [{ patchType: 'JSONPatch', jsonPatch: { expression: '[]' } }];
  assert.throws(() => policy({ mutations }, 'MutatingAdmissionPolicy'), /JSONPatch not supported/);
});

test('a mutation that fails refuses the request, or is left out', () => {
  const mutations = [
    { patchType: 'ApplyConfiguration', applyConfiguration: { expression: 'Object{spec: object.q}' } },
  ];
  const mutate = (spec: object) =>
    policy({ mutations, ...spec }, 'MutatingAdmissionPolicy').mutate(requestOf(thing), () => thing);
  assert.match(
    mutate({}).denial?.message ?? '',
    "MutatingAdmissionPolicy 'p' with binding 'b' denied request: ",
  );
  assert.equal(mutate({ failurePolicy: 'Ignore' }), { object: thing });
});

test.run();
