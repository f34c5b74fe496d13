import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { validateClusterCIDR, validatePodNetwork } from '../../lib/pod-network/validate.ts';
import { selecting } from './objects.ts';

const nodeSelector = selecting('foo=bar');
const terms = (...nodeSelectorTerms: unknown[]) => ({
  ipv4: '10.1.0.0/16',
  perNodeHostBits: 8,
  nodeSelector: { nodeSelectorTerms },
});
const expression = (requirement: object) => terms({ matchExpressions: [requirement] });
const field = (requirement: object) => terms({ matchFields: [requirement] });

const VALID: [title: string, spec: object][] = [
  ['IPv4, 8 host bits', { ipv4: '10.1.0.0/16', perNodeHostBits: 8, nodeSelector }],
  ['IPv4, as many host bits as there are', { ipv4: '10.1.0.0/16', perNodeHostBits: 16, nodeSelector }],
  ['IPv4, the fewest host bits', { ipv4: '10.1.0.0/16', perNodeHostBits: 4, nodeSelector }],
  ['IPv6, 8 host bits', { ipv6: 'fd00:1:1::/64', perNodeHostBits: 8, nodeSelector }],
  ['IPv6, as many host bits as there are', { ipv6: 'fd00:1:1::/64', perNodeHostBits: 64, nodeSelector }],
  ['IPv6, the fewest host bits', { ipv6: 'fd00:1:1::/64', perNodeHostBits: 4, nodeSelector }],
  ['IPv6, 100 host bits', { ipv6: 'fd00:1:1::/16', perNodeHostBits: 100, nodeSelector }],
  ['both families', { ipv4: '10.1.0.0/16', ipv6: 'fd00:1:1::/64', perNodeHostBits: 8, nodeSelector }],
  ['no selector', { ipv4: '10.1.0.0/16', ipv6: 'fd00:1:1::/64', perNodeHostBits: 8 }],
  ['an empty IPv6 range', { ipv4: '10.1.0.0/16', ipv6: '', perNodeHostBits: 8 }],
  ['host bits in the range', { ipv4: '10.0.5.7/16', perNodeHostBits: 8 }],
  ['a term without requirements', terms({})],
  ['Gt', expression({ key: 'cores', operator: 'Gt', values: ['-8'] })],
  ['Exists', expression({ key: 'example.com/zone', operator: 'Exists' })],
  ['matchFields', field({ key: 'metadata.name', operator: 'NotIn', values: ['node-1.example.com'] })],
];
for (const [title, spec] of VALID) {
  test(`E valid: ${title}`, () => assert.equal(validateClusterCIDR(spec), []));
}

const INVALID: [title: string, spec: unknown, fields: string[]][] = [
  ['no CIDR', { perNodeHostBits: 8, nodeSelector }, ['spec']],
  [
    'a selector key that is no label key',
    expression({ key: 'NoUppercaseOrSpecialCharsLike=Equals', operator: 'Exists' }),
    ['spec.nodeSelector.nodeSelectorTerms[0].matchExpressions[0].key'],
  ],
  ['IPv4 "test"', { ipv4: 'test', perNodeHostBits: 8 }, ['spec.ipv4']],
  ['IPv4 /16 with 100 host bits', { ipv4: '10.1.0.0/16', perNodeHostBits: 100 }, ['spec.perNodeHostBits']],
  ['IPv4 /16 with 2 host bits', { ipv4: '10.1.0.0/16', perNodeHostBits: 2 }, ['spec.perNodeHostBits']],
  ['IPv6 "testv6"', { ipv6: 'testv6', perNodeHostBits: 8 }, ['spec.ipv6']],
  ['an IPv4 CIDR as ipv6', { ipv6: '10.2.0.0/16', perNodeHostBits: 8 }, ['spec.ipv6']],
  ['IPv6 /120 with 12 host bits', { ipv6: 'fd00::/120', perNodeHostBits: 12 }, ['spec.perNodeHostBits']],
  ['IPv6 /120 with 3 host bits', { ipv6: 'fd00::/120', perNodeHostBits: 3 }, ['spec.perNodeHostBits']],
  ['two families, IPv6 "testv6"', { ipv4: '10.1.0.0/16', ipv6: 'testv6', perNodeHostBits: 8 }, ['spec.ipv6']],
  [
    'two families, IPv4 "testv4"',
    { ipv4: 'testv4', ipv6: 'fd00:1:1::/64', perNodeHostBits: 8 },
    ['spec.ipv4'],
  ],
  [
    'two families, too many host bits for one',
    { ipv4: '10.1.0.0/16', ipv6: 'fd00:1:1::/64', perNodeHostBits: 24 },
    ['spec.perNodeHostBits'],
  ],
  ['an IPv4-mapped CIDR', { ipv6: '::ffff:10.0.0.0/112', perNodeHostBits: 8 }, ['spec.ipv6']],
  ['leading zeros', { ipv4: '010.0.0.0/16', perNodeHostBits: 8 }, ['spec.ipv4']],
  ['an IPv6 CIDR as ipv4', { ipv4: 'fd00::/120', perNodeHostBits: 8 }, ['spec.ipv4']],
  ['no term', terms(), ['spec.nodeSelector.nodeSelectorTerms']],
  [
    'In without values',
    expression({ key: 'a', operator: 'In' }),
    ['spec.nodeSelector.nodeSelectorTerms[0].matchExpressions[0].values'],
  ],
  [
    'NotIn without values',
    expression({ key: 'a', operator: 'NotIn', values: [] }),
    ['spec.nodeSelector.nodeSelectorTerms[0].matchExpressions[0].values'],
  ],
  [
    'Exists with values',
    expression({ key: 'a', operator: 'Exists', values: ['x'] }),
    ['spec.nodeSelector.nodeSelectorTerms[0].matchExpressions[0].values'],
  ],
  [
    'DoesNotExist with values',
    expression({ key: 'a', operator: 'DoesNotExist', values: ['x'] }),
    ['spec.nodeSelector.nodeSelectorTerms[0].matchExpressions[0].values'],
  ],
  [
    'Gt with two values',
    expression({ key: 'a', operator: 'Gt', values: ['1', '2'] }),
    ['spec.nodeSelector.nodeSelectorTerms[0].matchExpressions[0].values'],
  ],
  [
    'Lt without an integer',
    expression({ key: 'a', operator: 'Lt', values: ['1.5'] }),
    ['spec.nodeSelector.nodeSelectorTerms[0].matchExpressions[0].values'],
  ],
  [
    'an operator that does not exist',
    expression({ key: 'a', operator: 'Like', values: ['x'] }),
    ['spec.nodeSelector.nodeSelectorTerms[0].matchExpressions[0].operator'],
  ],
  [
    'another field than metadata.name',
    field({ key: 'metadata.uid', operator: 'In', values: ['x'] }),
    ['spec.nodeSelector.nodeSelectorTerms[0].matchFields[0].key'],
  ],
  [
    'another operator for fields',
    field({ key: 'metadata.name', operator: 'Exists', values: ['x'] }),
    ['spec.nodeSelector.nodeSelectorTerms[0].matchFields[0].operator'],
  ],
  [
    'two names',
    field({ key: 'metadata.name', operator: 'In', values: ['x', 'y'] }),
    ['spec.nodeSelector.nodeSelectorTerms[0].matchFields[0].values'],
  ],
  [
    'a name that no node may have',
    field({ key: 'metadata.name', operator: 'In', values: ['Not_A_Name'] }),
    ['spec.nodeSelector.nodeSelectorTerms[0].matchFields[0].values[0]'],
  ],
  ['no spec', undefined, ['spec']],
  ['a spec that is a list', [], ['spec']],
  ['an empty spec', {}, ['spec', 'spec.perNodeHostBits']],
  ['a number as range', { ipv4: 10, perNodeHostBits: 8 }, ['spec.ipv4']],
  ['half a host bit', { ipv4: '10.0.0.0/8', perNodeHostBits: 8.5 }, ['spec.perNodeHostBits']],
  ['host bits as text', { ipv4: '10.0.0.0/8', perNodeHostBits: '8' }, ['spec.perNodeHostBits']],
  [
    'a selector that is text',
    { ipv4: '10.1.0.0/16', perNodeHostBits: 8, nodeSelector: 'foo=bar' },
    ['spec.nodeSelector.nodeSelectorTerms'],
  ],
  ['a term that is null', terms(null), ['spec.nodeSelector.nodeSelectorTerms[0]']],
  [
    'requirements that are no list',
    terms({ matchExpressions: { key: 'a' } }),
    ['spec.nodeSelector.nodeSelectorTerms[0].matchExpressions'],
  ],
  [
    'a requirement that is text',
    terms({ matchExpressions: ['a in (b)'] }),
    ['spec.nodeSelector.nodeSelectorTerms[0].matchExpressions[0]'],
  ],
  [
    'values that are numbers',
    expression({ key: 'a', operator: 'In', values: [1] }),
    ['spec.nodeSelector.nodeSelectorTerms[0].matchExpressions[0].values'],
  ],
];
for (const [title, spec, fields] of INVALID) {
  test(`E invalid: ${title}`, () => {
    assert.equal(
      validateClusterCIDR(spec).map((problem) => problem.field),
      fields,
    );
  });
}

const BITS4 = 'metaipam.io/per-node-host-bits-ipv4';
const BITS6 = 'metaipam.io/per-node-host-bits-ipv6';
const DUAL = { ipv4: '10.1.0.0/16', ipv6: 'fd00::/48', perNodeHostBits: 8 };
const SIZES: [title: string, spec: object, annotations: object, messages: string[]][] = [
  ['the defaults of kube-controller-manager', DUAL, { [BITS6]: '64' }, []],
  ['the most of each family', DUAL, { [BITS4]: '16', [BITS6]: '80' }, []],
  ['of a family without range', { ipv4: '10.1.0.0/16', perNodeHostBits: 8 }, { [BITS6]: '64' }, []],
  [
    'more than IPv4 has',
    DUAL,
    { [BITS4]: '17' },
    [`${BITS4}: must be an integer of 4 to 16, the host bits of ipv4`],
  ],
  [
    'more than IPv6 has',
    DUAL,
    { [BITS6]: '81' },
    [`${BITS6}: must be an integer of 4 to 80, the host bits of ipv6`],
  ],
  ['too few', DUAL, { [BITS6]: '3' }, [`${BITS6}: must be an integer of 4 to 80, the host bits of ipv6`]],
  [
    'a prefix length',
    DUAL,
    { [BITS6]: '/64' },
    [`${BITS6}: must be an integer of 4 to 80, the host bits of ipv6`],
  ],
  ['a number', DUAL, { [BITS6]: 64 }, [`${BITS6}: must be an integer of 4 to 80, the host bits of ipv6`]],
  ['nothing', DUAL, { [BITS4]: '' }, [`${BITS4}: must be an integer of 4 to 16, the host bits of ipv4`]],
];
for (const [title, spec, annotations, messages] of SIZES) {
  test(`the size of one family: ${title}`, () => {
    const problems = validateClusterCIDR(spec, { annotations: annotations as Record<string, string> });
    assert.equal(
      problems.map(({ field, message }) => `${field.slice('metadata.annotations['.length, -1)}: ${message}`),
      messages,
    );
  });
}

const SIZE = 'metaipam.io/per-node-block-size';
const TO_256 = `${SIZE}: must be an integer of 1 to 256`;
const FLAT = { ipv4: '10.1.0.0/24', perNodeHostBits: 4 };
const NUMBERS: [title: string, spec: object, annotations: object, messages: string[], network?: string][] = [
  ['any number', FLAT, { [SIZE]: '50' }, []],
  ['one address', FLAT, { [SIZE]: '1' }, []],
  ['all', FLAT, { [SIZE]: '256' }, []],
  ['more than there are', FLAT, { [SIZE]: '257' }, [TO_256]],
  ['of the smaller range', { ...FLAT, ipv6: 'fd00::/64' }, { [SIZE]: '257' }, [TO_256]],
  ['of one family alone', { ...FLAT, ipv6: 'fd00::/64' }, { [SIZE]: '257', [BITS4]: '4' }, []],
  [
    'more than any node needs',
    { ipv6: 'fd00::/64', perNodeHostBits: 4 },
    { [SIZE]: '65537' },
    [`${SIZE}: must be an integer of 1 to 65536`],
  ],
  ['none', FLAT, { [SIZE]: '0' }, [TO_256]],
  ['a fraction', FLAT, { [SIZE]: '1.5' }, [TO_256]],
  ['a number that is no text', FLAT, { [SIZE]: 50 }, [TO_256]],
  ['nothing', FLAT, { [SIZE]: '' }, [TO_256]],
  [
    'of podCIDRs',
    FLAT,
    { [SIZE]: '50' },
    [`${SIZE}: belongs to secondary networks: podCIDRs are CIDRs`],
    'default',
  ],
];
for (const [title, spec, annotations, messages, network = 'lan'] of NUMBERS) {
  test(`the size in addresses: ${title}`, () => {
    const problems = validateClusterCIDR(spec, {
      annotations: annotations as Record<string, string>,
      labels: { 'metaipam.io/network': network },
    });
    assert.equal(
      problems.map(({ field, message }) => `${field.slice('metadata.annotations['.length, -1)}: ${message}`),
      messages,
    );
  });
}

test('a link between two is a block of a secondary network, and of no other', () => {
  const messages = (bits: string, network?: string) =>
    validateClusterCIDR(DUAL, {
      annotations: { [BITS4]: bits },
      ...(network !== undefined && { labels: { 'metaipam.io/network': network } }),
    }).map(({ message }) => message);
  assert.equal(messages('1', 'fabric'), []);
  assert.equal(messages('0', 'fabric'), ['must be an integer of 1 to 16, the host bits of ipv4']);
  for (const network of [undefined, 'default']) {
    assert.equal(messages('1', network), ['must be an integer of 4 to 16, the host bits of ipv4']);
  }
});

const annotated = { target: 'node.metadata.annotations' };
const NETWORKS: [title: string, name: string, spec: unknown, fields: string[]][] = [
  ['default', 'default', { target: 'node.spec.podCIDRs', serviceCIDRs: ['10.96.0.0/12'] }, []],
  ['another', 'storage', { ...annotated, annotation: 'example.com/key', reuseGracePeriodSeconds: 0 }, []],
  ['IPv6 first', 'default', { target: 'node.spec.podCIDRs', primaryIPFamily: 'IPv6' }, []],
  ['a family of both', 'storage', { ...annotated, primaryIPFamily: 'dual' }, ['spec.primaryIPFamily']],
  [
    'a reservation',
    'storage',
    { ...annotated, reservations: [{ node: 'n1', blocks: ['10.0.0.0/24', 'fd00::/64'] }] },
    [],
  ],
  ['reservations that are none', 'storage', { ...annotated, reservations: {} }, ['spec.reservations']],
  [
    'a reservation for none',
    'storage',
    { ...annotated, reservations: [{ blocks: ['10.0.0.0/24'] }] },
    ['spec.reservations[0].node'],
  ],
  [
    'a reservation of nothing',
    'storage',
    { ...annotated, reservations: [null, { node: 'n1' }] },
    ['spec.reservations[0].node', 'spec.reservations[1].blocks'],
  ],
  [
    'reserved ranges',
    'storage',
    { ...annotated, reservations: [{ node: 'n1', blocks: ['10.0.0.1-10.1.0.0', 'fd00::32-fd00::63'] }] },
    [],
  ],
  [
    'a reserved range that is too large',
    'storage',
    { ...annotated, reservations: [{ node: 'n1', blocks: ['10.0.0.1-10.1.0.1'] }] },
    ['spec.reservations[0].blocks[0]'],
  ],
  [
    'a reserved range of two parts of IPv6',
    'storage',
    { ...annotated, reservations: [{ node: 'n1', blocks: ['fd00::ffff:ffff-fd00::1:0:1'] }] },
    ['spec.reservations[0].blocks[0]'],
  ],
  [
    'a reserved address',
    'storage',
    { ...annotated, reservations: [{ node: 'n1', blocks: ['fd00::/64', '10.0.0.1'] }] },
    ['spec.reservations[0].blocks[1]'],
  ],
  [
    'two blocks of a family',
    'storage',
    { ...annotated, reservations: [{ node: 'n1', blocks: ['10.0.0.0/24', '10.0.1.0/24'] }] },
    ['spec.reservations[0].blocks'],
  ],
  [
    'subnets, routes and exclusions',
    'storage',
    {
      ...annotated,
      subnets: [{ cidr: '192.168.0.0/16', gateway: '192.168.255.254' }, { cidr: 'fd00:7::/64' }],
      gatewayIndex: -2,
      routes: [{ dst: '10.96.0.0/12', gw: '192.168.255.253' }, { dst: '::/0' }],
      excludedAddresses: ['192.168.7.1', '192.168.8.0/24', 'fd00:7::1-fd00:7::9'],
      perNodeExclusions: [
        { startIndex: 0, endIndex: 9 },
        { startIndex: 60, endIndex: -1 },
      ],
    },
    [],
  ],
  ['subnets that are none', 'storage', { ...annotated, subnets: {} }, ['spec.subnets']],
  [
    'a subnet with host bits, and none',
    'storage',
    { ...annotated, subnets: [{ cidr: '10.0.0.1/8' }, null] },
    ['spec.subnets[0].cidr', 'spec.subnets[1].cidr'],
  ],
  [
    'gateways elsewhere',
    'storage',
    {
      ...annotated,
      subnets: [
        { cidr: '10.0.0.0/24', gateway: '10.0.1.1' },
        { cidr: '::/64', gateway: 7 },
      ],
    },
    ['spec.subnets[0].gateway', 'spec.subnets[1].gateway'],
  ],
  [
    'routes that are none',
    'storage',
    { ...annotated, routes: ['0.0.0.0/0', { dst: '10.0.0.0/8', gw: 'fd00::1' }] },
    ['spec.routes[0].dst', 'spec.routes[1].gw'],
  ],
  [
    'exclusions that are none',
    'storage',
    { ...annotated, excludedAddresses: ['10.0.0.9-10.0.0.1', 7] },
    ['spec.excludedAddresses[0]', 'spec.excludedAddresses[1]'],
  ],
  [
    'places that are none',
    'storage',
    { ...annotated, perNodeExclusions: [{ startIndex: 3, endIndex: 2 }, { startIndex: 0.5 }] },
    [
      'spec.perNodeExclusions[0].endIndex',
      'spec.perNodeExclusions[1].startIndex',
      'spec.perNodeExclusions[1].endIndex',
    ],
  ],
  [
    'additional blocks',
    'storage',
    {
      ...annotated,
      additionalBlocks: [
        { node: 'n1', count: 1 },
        { node: 'n2', count: 3 },
      ],
    },
    [],
  ],
  [
    'additional blocks that are none',
    'storage',
    { ...annotated, additionalBlocks: 1 },
    ['spec.additionalBlocks'],
  ],
  [
    'additional blocks for nobody, for one twice, and too many',
    'storage',
    {
      ...annotated,
      additionalBlocks: [null, { node: 'a', count: 4 }, { node: 'a', count: 1 }, { node: 'b', count: 0.5 }],
    },
    [0, 1, 2, 3].map((index) => `spec.additionalBlocks[${index}].${index % 2 ? 'count' : 'node'}`),
  ],
  [
    'additional blocks beside spec.podCIDRs',
    'default',
    { target: 'node.spec.podCIDRs', additionalBlocks: [] },
    ['spec.additionalBlocks'],
  ],
  ['a place that is a text', 'storage', { ...annotated, gatewayIndex: '1' }, ['spec.gatewayIndex']],
  [
    'ranges of nodes beside spec.podCIDRs',
    'default',
    { target: 'node.spec.podCIDRs', subnets: [], routes: [], gatewayIndex: 1 },
    ['spec.subnets', 'spec.gatewayIndex', 'spec.routes'],
  ],
  ['no spec', 'default', undefined, ['spec']],
  ['no target', 'default', {}, ['spec.target']],
  ['default in an annotation', 'default', annotated, ['spec.target']],
  ['another in spec.podCIDRs', 'storage', { target: 'node.spec.podCIDRs' }, ['spec.target']],
  ['an annotation with a space', 'storage', { ...annotated, annotation: 'a b' }, ['spec.annotation']],
  [
    'an annotation beside spec.podCIDRs',
    'default',
    { target: 'node.spec.podCIDRs', annotation: 'example.com/key' },
    ['spec.annotation'],
  ],
  ['serviceCIDRs as text', 'storage', { ...annotated, serviceCIDRs: '10.0.0.0/8' }, ['spec.serviceCIDRs']],
  [
    'a service CIDR without length',
    'storage',
    { ...annotated, serviceCIDRs: ['10.0.0.0/8', '10.0.0.0'] },
    ['spec.serviceCIDRs[1]'],
  ],
  [
    'a negative grace period',
    'storage',
    { ...annotated, reuseGracePeriodSeconds: -1 },
    ['spec.reuseGracePeriodSeconds'],
  ],
];
for (const [title, name, spec, fields] of NETWORKS) {
  test(`PodNetwork: ${title}`, () => {
    assert.equal(
      validatePodNetwork(name, spec).map((problem) => problem.field),
      fields,
    );
  });
}

test.run();
