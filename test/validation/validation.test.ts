import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { KubernetesObject } from '../../lib/kubernetes/object.ts';
import { formatProblem } from '../../lib/kubernetes/problem.ts';
import { CustomResources, readCustomResourceDefinitions } from '../../lib/kubernetes/schema.ts';
import { validateObject, validateObjects } from '../../lib/validation/index.ts';
import { brokenRules } from '../../lib/validation/rules.ts';

const resources = new CustomResources(readCustomResourceDefinitions());
const CAPI = 'ipam.cluster.x-k8s.io/v1beta2';
const POOL_KINDS = ['InClusterIPPool', 'GlobalInClusterIPPool'];

function object(apiVersion: string, kind: string, spec: unknown, metadata: object = {}): KubernetesObject {
  return {
    apiVersion,
    kind,
    metadata: { name: 'thing', namespace: 'default', ...metadata },
    spec,
  } as KubernetesObject;
}

function problemsOf(candidate: KubernetesObject): string[] {
  return brokenRules(candidate).map(formatProblem);
}

// Pools

const GATEWAY = { prefix: 24, gateway: '10.0.0.1' };
const SUBNET = 'provided address belongs to a different subnet than others';
const ENTRY = 'provided address is not a valid IP, range, nor CIDR';
const MIXED_GATEWAY = 'provided gateway and addresses are of mixed IP families';
const MIXED = 'provided addresses are of mixed IP families';
const THREE = ['10.0.0.25', '10.0.0.26', '10.0.0.27'];

// Every problem of each spec, as `field: message`.
const C1: [string, object, string[]][] = [
  ['C1.1', { ...GATEWAY, addresses: [] }, ['spec.addresses: addresses is required']],
  [
    'C1.2',
    { prefix: 24, gateway: 'invalid', addresses: THREE },
    ['spec.gateway: ParseAddr("invalid"): unable to parse IP'],
  ],
  [
    'C1.3',
    { ...GATEWAY, addresses: ['10.0.0.25', '10.0.0.26', '10.0.1.27'] },
    [`spec.addresses[2]: ${SUBNET}`],
  ],
  ['C1.4', { ...GATEWAY, addresses: ['10.0.0.25', '10.0.0.26', 'garbage'] }, [`spec.addresses[2]: ${ENTRY}`]],
  ['C1.5', { ...GATEWAY, addresses: THREE, prefix: -1 }, ['spec.prefix: a valid prefix is required']],
  ['C1.6', { ...GATEWAY, addresses: THREE, prefix: 9999 }, ['spec.prefix: provided prefix is not valid']],
  ['C1.7', { ...GATEWAY, addresses: ['10.0.0.10-10.0.0.5'] }, [`spec.addresses[0]: ${ENTRY}`]],
  ['C1.8', { ...GATEWAY, addresses: ['10.0.0.10/33'] }, [`spec.addresses[0]: ${ENTRY}`]],
  ['C1.9', { ...GATEWAY, addresses: ['10.0.1.0', '10.0.0.10-10.0.0.20'] }, [`spec.addresses[0]: ${SUBNET}`]],
  ['C1.10', { ...GATEWAY, addresses: ['10.0.1.0', '10.0.2.10-10.0.2.20'] }, [`spec.addresses[1]: ${SUBNET}`]],
  [
    'C1.11',
    { ...GATEWAY, addresses: ['10.0.1.0', '10.0.0.20-10.0.1.20'] },
    [`spec.addresses[0]: ${SUBNET}`, `spec.addresses[1]: ${SUBNET}`],
  ],
  ['C1.12', { ...GATEWAY, addresses: ['10.0.1.0', '10.0.1.20-10.0.2.20'] }, [`spec.addresses[1]: ${SUBNET}`]],
  ['C1.13', { ...GATEWAY, addresses: ['10.0.1.0', '10.0.0.1/24'] }, [`spec.addresses[0]: ${SUBNET}`]],
  ['C1.14', { ...GATEWAY, addresses: ['10.0.1.0', '10.0.2.1/24'] }, [`spec.addresses[1]: ${SUBNET}`]],
  [
    'C1.15',
    { ...GATEWAY, addresses: ['10.0.1.0', '10.0.0.0/23'] },
    [`spec.addresses[0]: ${SUBNET}`, `spec.addresses[1]: ${SUBNET}`],
  ],
  [
    'C1.16',
    { ...GATEWAY, addresses: ['10.0.1.0', '10.0.1.0/23'] },
    [`spec.addresses[0]: ${SUBNET}`, `spec.addresses[1]: ${SUBNET}`],
  ],
  [
    'C1.17',
    { prefix: 24, gateway: 'fd00::1', addresses: ['10.0.1.0', '10.0.0.2-10.0.0.250'] },
    [`spec.gateway: ${MIXED_GATEWAY}`],
  ],
  [
    'C1.18',
    { ...GATEWAY, addresses: ['fd00::1', 'fd00::100-fd00::200'] },
    [`spec.gateway: ${MIXED_GATEWAY}`],
  ],
  [
    'C1.19',
    { ...GATEWAY, addresses: ['fd00::1', 'fd00::100-fd00::200', '10.0.1.0', '10.0.0.2-10.0.0.250'] },
    [`spec.addresses: ${MIXED}`, `spec.gateway: ${MIXED_GATEWAY}`],
  ],
  [
    'C1.20',
    {
      ...GATEWAY,
      addresses: ['10.0.1.0', '10.0.0.2-10.0.0.250'],
      excludedAddresses: ['fd00::1', '10.0.0.4'],
    },
    [`spec.excludedAddresses: ${MIXED}`],
  ],
  [
    'C1.21',
    { ...GATEWAY, addresses: ['10.0.1.0', '10.0.0.2-10.0.0.250'], excludedAddresses: ['fd00::1'] },
    ['spec.excludedAddresses: addresses and excluded addresses are of mixed IP families'],
  ],
  [
    'C1.22',
    { ...GATEWAY, addresses: ['10.0.0.10-10.0.0.20'], addressReuseGracePeriodSeconds: -1 },
    ['spec.addressReuseGracePeriodSeconds: addressReuseGracePeriodSeconds must not be negative'],
  ],
];
for (const [id, spec, expected] of C1) {
  for (const kind of POOL_KINDS) {
    test(`${id} ${kind} is refused`, () => {
      const problems = brokenRules(object('ipam.cluster.x-k8s.io/v1alpha2', kind, spec));
      assert.equal(
        problems.map(({ field, message }) => `${field}: ${message}`),
        expected,
      );
    });
  }
}

test('C1.2 a problem reads as the API server would write it', () => {
  const spec = { prefix: 24, gateway: 'invalid', addresses: THREE };
  assert.equal(problemsOf(object('ipam.cluster.x-k8s.io/v1alpha2', 'InClusterIPPool', spec)), [
    'spec.gateway: Invalid value: "invalid": ParseAddr("invalid"): unable to parse IP',
  ]);
});

const FE01 = ['fe01::2', 'fe01::3-fe01::5', 'fe01::1:1/126'];
const C2: [string, object][] = [
  ['C2.1', { addresses: THREE, gateway: '10.0.0.24', prefix: 28 }],
  ['C2.2', { addresses: THREE, prefix: 28 }],
  ['C2.3', { addresses: THREE, prefix: 28, excludedAddresses: ['10.0.0.23', '10.0.0.24'] }],
  ['C2.4', { addresses: FE01, gateway: 'fe01::1', prefix: 28 }],
  ['C2.5', { addresses: FE01, prefix: 28 }],
  [
    'C2.6',
    { addresses: FE01, prefix: 28, excludedAddresses: ['fe01::4', 'fe01::6-fe01::8', 'fe01::1:10/126'] },
  ],
  [
    'C2.7',
    {
      addresses: ['10.0.0.25', '10.0.0.26'],
      gateway: '10.0.0.24',
      prefix: 28,
      addressReuseGracePeriodSeconds: 60,
    },
  ],
  ['C2.8', { addresses: ['10.0.0.10-10.0.0.20'], gateway: '10.0.0.1', prefix: 0 }],
];
for (const [id, spec] of C2) {
  for (const kind of POOL_KINDS) {
    test(`${id} ${kind} is accepted`, () => {
      assert.equal(problemsOf(object('ipam.cluster.x-k8s.io/v1alpha2', kind, spec)), []);
    });
  }
}

test('a pool names its address space as a DNS name', () => {
  const pool = (space: string) =>
    object(
      'ipam.cluster.x-k8s.io/v1alpha2',
      'InClusterIPPool',
      { addresses: THREE, prefix: 24 },
      {
        annotations: { 'metaipam.io/address-space': space },
      },
    );
  assert.equal(problemsOf(pool('lab.example')), []);
  assert.equal(problemsOf(pool('My Lab')), [
    'metadata.annotations[metaipam.io/address-space]: Invalid value: "My Lab": must be a DNS name of at most 63 characters',
  ]);
});

// IPAddresses and their claims

const POOL_REF = { apiGroup: 'ipam.cluster.x-k8s.io', kind: 'InClusterIPPool', name: 'pool' };
const V4 = {
  claimRef: { name: 'claim' },
  poolRef: POOL_REF,
  address: '10.0.0.1',
  prefix: 24,
  gateway: '10.0.0.254',
};
const V6 = { ...V4, address: '42::1', prefix: 64, gateway: '42::ffff' };

const J: [string, object, field: string | undefined][] = [
  ['J1 v4', V4, undefined],
  ['J1 v6', V6, undefined],
  ['J2', { ...V4, prefix: -1 }, 'spec.prefix'],
  ['J3', { ...V4, prefix: 64 }, 'spec.prefix'],
  ['J4', { ...V6, prefix: 256 }, 'spec.prefix'],
  ['J5', { ...V4, address: '42' }, 'spec.address'],
  ['J6', { ...V4, gateway: '42' }, 'spec.gateway'],
];
for (const [id, spec, field] of J) {
  test(`${id} is ${field === undefined ? 'accepted' : 'refused'}`, () => {
    for (const apiVersion of [CAPI, 'ipam.cluster.x-k8s.io/v1beta1']) {
      const fields = validateObject(object(apiVersion, 'IPAddress', spec), resources).map(
        (each) => each.field,
      );
      assert.equal([...new Set(fields)], field === undefined ? [] : [field]);
    }
  });
}

test('J11 a claim is accepted, with a requested address if it is one', () => {
  const claim = (annotations: object) =>
    object(CAPI, 'IPAddressClaim', { poolRef: POOL_REF }, { annotations });
  assert.equal(problemsOf(claim({})), []);
  assert.equal(problemsOf(claim({ 'metaipam.io/requested-address': 'fd00::1' })), []);
  assert.equal(problemsOf(claim({ 'metaipam.io/requested-address': '10.1' })), [
    'metadata.annotations[metaipam.io/requested-address]: Invalid value: "10.1": must be an IP address',
  ]);
});

function together(...objects: KubernetesObject[]): string[] {
  const sourced = objects.map((each, index) => ({ source: `file#${index + 1}`, object: each }));
  return validateObjects(sourced, resources).map(
    ({ source, object: { kind }, problem }) => `${source} ${kind} ${formatProblem(problem)}`,
  );
}

test('J8 an IPAddress refers to the pool of its claim', () => {
  const claim = object(CAPI, 'IPAddressClaim', { poolRef: POOL_REF }, { name: 'claim' });
  const other = { ...V4, poolRef: { ...POOL_REF, name: 'other' } };
  assert.equal(together(claim, object(CAPI, 'IPAddress', V4)), []);
  assert.equal(together(object(CAPI, 'IPAddress', other), claim), [
    `file#1 IPAddress spec.poolRef: Invalid value: ${JSON.stringify(other.poolRef)}: must be that of IPAddressClaim default/claim`,
  ]);
});

test('J8 without its claim, or with one of another namespace, it may refer to any', () => {
  const other = object(CAPI, 'IPAddress', { ...V4, poolRef: { ...POOL_REF, name: 'other' } });
  assert.equal(together(other), []);
  const elsewhere = object(
    CAPI,
    'IPAddressClaim',
    { poolRef: POOL_REF },
    { name: 'claim', namespace: 'elsewhere' },
  );
  assert.equal(together(other, elsewhere), []);
});

test('times of the metadata are times, or absent', () => {
  const made = (creationTimestamp: unknown) =>
    together(object(CAPI, 'IPAddressClaim', { poolRef: POOL_REF }, { creationTimestamp }));
  for (const time of [null, '2026-01-31T15:04:05Z', '2026-01-31T15:04:05.5+02:00'])
    assert.equal(made(time), []);
  for (const text of ['yesterday', '2026-01-31', '2026-13-31T15:04:05Z']) {
    const refused = `metadata.creationTimestamp: Invalid value: "${text}": must be a time as in RFC 3339`;
    assert.match(made(text).join(), refused);
  }
});

test('objects without a namespace are in the same one', () => {
  const here = { name: 'claim', namespace: undefined };
  const claim = object(CAPI, 'IPAddressClaim', { poolRef: POOL_REF }, here);
  const other = { ...V4, poolRef: { ...POOL_REF, kind: 'GlobalInClusterIPPool' } };
  assert.is(together(claim, object(CAPI, 'IPAddress', other, here)).length, 1);
});

test('every object’s problems are told, each with its source', () => {
  const lines = together(
    object(CAPI, 'IPAddress', { ...V4, address: '42' }),
    object('v1', 'ConfigMap', undefined),
    object('ipam.cluster.x-k8s.io/v1alpha2', 'InClusterIPPool', { prefix: 24 }),
  );
  assert.equal(lines, [
    'file#1 IPAddress spec.address: Invalid value: "42": not a valid IP address',
    'file#3 InClusterIPPool spec.addresses: addresses is required',
  ]);
});

test('what an API server and a rule both refuse is told once, and what only a rule refuses as well', () => {
  const pool = object('ipam.cluster.x-k8s.io/v1alpha2', 'InClusterIPPool', {
    addresses: ['10.0.0.1', 5, 'nonsense'],
    prefix: -1,
  });
  assert.equal(together(pool), [
    'file#1 InClusterIPPool spec.addresses[1]: Invalid value: "integer": spec.addresses[1] in body must be of type string: "integer"',
    'file#1 InClusterIPPool spec.prefix: Invalid value: -1: spec.prefix in body should be greater than or equal to 0',
    'file#1 InClusterIPPool spec.addresses[2]: Invalid value: "nonsense": provided address is not a valid IP, range, nor CIDR',
  ]);
  const claim = object(CAPI, 'IPAddressClaim', { poolRef: POOL_REF }, { name: 'claim' });
  const { poolRef: _, ...withoutPool } = V4;
  assert.equal(together(claim, object(CAPI, 'IPAddress', withoutPool)), [
    'file#2 IPAddress spec.poolRef: Required value',
  ]);
});

test('a field that is null is absent, for the rules too', () => {
  const pool = { addresses: THREE, prefix: 24, gateway: null, excludedAddresses: null };
  const network = { target: 'node.spec.podCIDRs', annotation: null, serviceCIDRs: null };
  assert.equal(
    together(
      object('ipam.cluster.x-k8s.io/v1alpha2', 'InClusterIPPool', pool),
      object(CAPI, 'IPAddress', { ...V4, gateway: null }),
      object('metaipam.io/v1alpha1', 'PodNetwork', network, { name: 'default' }),
    ),
    [],
  );
});

// Pod networks

test('a ClusterCIDR is checked by the rules of its hook', () => {
  const spec = { perNodeHostBits: 2, ipv4: '10.0.0.0/8' };
  assert.equal(
    brokenRules(object('networking.x-k8s.io/v1', 'ClusterCIDR', spec)).map(({ field }) => field),
    ['spec.perNodeHostBits'],
  );
});

test('a PodNetwork’s name and target belong together, and its service CIDRs are CIDRs', () => {
  const network = (name: string, spec: object) =>
    brokenRules(object('metaipam.io/v1alpha1', 'PodNetwork', spec, { name })).map(({ field }) => field);
  assert.equal(network('default', { target: 'node.spec.podCIDRs', serviceCIDRs: ['10.96.0.0/12'] }), []);
  assert.equal(network('other', { target: 'node.spec.podCIDRs' }), ['spec.target']);
  assert.equal(network('other', { target: 'node.metadata.annotations', serviceCIDRs: ['10.96.0.0'] }), [
    'spec.serviceCIDRs[0]',
  ]);
});

// Any shape

test('other kinds, and kinds of these names in other groups, are not metaipam’s', () => {
  for (const apiVersion of ['v1', 'example.com/v1', 'cluster.x-k8s.io/v1beta2']) {
    for (const kind of [
      'InClusterIPPool',
      'IPAddress',
      'ClusterCIDR',
      'PodNetwork',
      'constructor',
      'toString',
    ]) {
      assert.equal(brokenRules(object(apiVersion, kind, undefined)), []);
    }
  }
});

test('an object without a spec is refused, not thrown at', () => {
  const kinds = [
    ['ipam.cluster.x-k8s.io/v1alpha2', 'InClusterIPPool'],
    [CAPI, 'IPAddress'],
    ['networking.x-k8s.io/v1', 'ClusterCIDR'],
    ['metaipam.io/v1alpha1', 'PodNetwork'],
  ] as const;
  for (const [apiVersion, kind] of kinds) {
    for (const spec of [undefined, null, {}, [], 'text', 7]) {
      const candidate = object(apiVersion, kind, spec);
      assert.ok(validateObject(candidate, resources).length > 0, `${kind} ${JSON.stringify(spec)}`);
      brokenRules(candidate);
      together(candidate, object(CAPI, 'IPAddressClaim', spec, { name: 'claim' }));
    }
  }
});

test.run();
