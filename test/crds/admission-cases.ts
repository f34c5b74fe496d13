/**
 * Objects, and what an API server with the CRDs says to them. The ids are those of the conformance tables.
 *
 * Whatever stands in for the API server's rules has to agree with this list, and `test/e2e/admission.e2e.ts` asks a
 * real one.
 */
import { parsePrefix } from '../../lib/address/range.ts';
import { sliceName } from '../../lib/allocation/names.ts';
import type { KubernetesObject } from '../../lib/kubernetes/object.ts';
import { CONVERSION_CASES } from '../pool/conversion-cases.ts';

export interface AdmissionCase {
  readonly id: string;
  /** The object to create; for an update, the object that is there. */
  readonly object: KubernetesObject;
  /** The spec after the update. */
  readonly newSpec?: object;
  /** Part of the message of the refusal. Without it the object is accepted. */
  readonly refused?: string;
}

type Refused = string | undefined;

const object = (apiVersion: string, kind: string, spec: object, name = 'a'): KubernetesObject =>
  ({ apiVersion, kind, metadata: { name }, spec }) as KubernetesObject;

const NOT_AN_ADDRESS = 'provided address is not a valid IP, range, nor CIDR';
const OTHER_SUBNET = 'provided address belongs to a different subnet than others';
const MIXED = 'provided addresses are of mixed IP families';
const MIXED_GATEWAY = 'provided gateway and addresses are of mixed IP families';
const MIXED_EXCLUDED = 'addresses and excluded addresses are of mixed IP families';

const ranges = (count: number, range: (a: number, b: number) => string) =>
  Array.from({ length: count }, (_, index) => range(index >> 8, index & 255));
const many4 = ranges(4096, (a, b) => `10.${a}.${b}.10-10.${a}.${b}.99`);
const many6 = ranges(4096, (a, b) => {
  const start = `fd00:1111:2222:3333:4444:${a + 4096}:${b + 4096}`;
  return `${start}:1111-${start}:9999`;
});

const few = ['10.0.0.25', '10.0.0.26', '10.0.0.27'];
const few6 = ['fe01::2', 'fe01::3-fe01::5', 'fe01::1:1/126'];

const FOR_ONE = 'exactly one of claim and claimPattern is required';
const EITHER = 'with subnets, each has its own addresses, prefix, gateway and excludedAddresses';
const SUBNET = { addresses: ['10.0.0.10-10.0.0.20', '10.0.0.7'], prefix: 24, gateway: '10.0.0.1' };
const subnetsOf = (all: readonly string[], prefix: number, gateway: string) =>
  Array.from({ length: 64 }, (_, index) => {
    const addresses = all.slice(64 * index, 64 * index + 64);
    return { addresses, prefix, gateway, excludedAddresses: addresses };
  });
const SUBNETS = subnetsOf(many4, 16, '10.0.0.1');
const SUBNETS_6 = subnetsOf(many6, 64, 'fd00::1');

const poolSpecs: readonly [id: string, spec: object, refused?: Refused][] = [
  ['no addresses', { prefix: 24 }, 'spec.addresses: Required value: addresses is required'],
  ['no prefix', { addresses: few }, 'spec.prefix: Required value: a valid prefix is required'],
  ['C1.1', { addresses: [], prefix: 24, gateway: '10.0.0.1' }, 'addresses is required'],
  ['C1.2', { addresses: few, prefix: 24, gateway: 'invalid' }, 'unable to parse IP'],
  ['C1.3', { addresses: ['10.0.0.25', '10.0.1.27'], prefix: 24 }, OTHER_SUBNET],
  ['C1.4', { addresses: ['10.0.0.25', 'garbage'], prefix: 24 }, NOT_AN_ADDRESS],
  ['C1.5', { addresses: few, prefix: -1 }, 'spec.prefix: Invalid value: -1'],
  ['C1.6', { addresses: few, prefix: 9999 }, 'spec.prefix: Invalid value: 9999'],
  ['C1.6, by family', { addresses: few, prefix: 33 }, 'provided prefix is not valid'],
  ['C1.8', { addresses: ['10.0.0.10/33'], prefix: 24 }, NOT_AN_ADDRESS],
  ['C1.9', { addresses: ['10.0.1.0', '10.0.0.10-10.0.0.20'], prefix: 24 }, OTHER_SUBNET],
  ['C1.10', { addresses: ['10.0.1.0', '10.0.2.10-10.0.2.20'], prefix: 24 }, OTHER_SUBNET],
  ['C1.11', { addresses: ['10.0.1.0', '10.0.0.20-10.0.1.20'], prefix: 24 }, OTHER_SUBNET],
  ['C1.12', { addresses: ['10.0.1.0', '10.0.1.20-10.0.2.20'], prefix: 24 }, OTHER_SUBNET],
  ['C1.13', { addresses: ['10.0.1.0', '10.0.0.1/24'], prefix: 24 }, OTHER_SUBNET],
  ['C1.14', { addresses: ['10.0.1.0', '10.0.2.1/24'], prefix: 24 }, OTHER_SUBNET],
  ['C1.15', { addresses: ['10.0.1.0', '10.0.0.0/23'], prefix: 24 }, OTHER_SUBNET],
  ['C1.16', { addresses: ['10.0.1.0', '10.0.1.0/23'], prefix: 24 }, OTHER_SUBNET],
  ['C1.17', { addresses: ['10.0.0.2-10.0.0.250'], prefix: 24, gateway: 'fd00::1' }, MIXED_GATEWAY],
  ['C1.18', { addresses: ['fd00::100-fd00::200'], prefix: 24, gateway: '10.0.0.1' }, MIXED_GATEWAY],
  ['C1.19', { addresses: ['fd00::1', '10.0.0.2-10.0.0.250'], prefix: 24 }, MIXED],
  [
    'C1.20',
    { addresses: ['10.0.0.2-10.0.0.250'], prefix: 24, excludedAddresses: ['fd00::1', '10.0.0.4'] },
    MIXED,
  ],
  [
    'C1.21',
    { addresses: ['10.0.0.2-10.0.0.250'], prefix: 24, excludedAddresses: ['fd00::1'] },
    MIXED_EXCLUDED,
  ],
  [
    'C1.22',
    { addresses: few, prefix: 24, addressReuseGracePeriodSeconds: -1 },
    'addressReuseGracePeriodSeconds',
  ],
  ['C2.1', { addresses: few, prefix: 28, gateway: '10.0.0.24' }],
  ['C2.2', { addresses: few, prefix: 28 }],
  ['C2.3', { addresses: few, prefix: 28, excludedAddresses: ['10.0.0.23', '10.0.0.24'] }],
  ['C2.4', { addresses: few6, prefix: 28, gateway: 'fe01::1' }],
  ['C2.5', { addresses: few6, prefix: 28 }],
  [
    'C2.6',
    { addresses: few6, prefix: 28, excludedAddresses: ['fe01::4', 'fe01::6-fe01::8', 'fe01::1:10/126'] },
  ],
  ['C2.7', { addresses: few, prefix: 28, gateway: '10.0.0.24', addressReuseGracePeriodSeconds: 60 }],
  ['C2.8', { addresses: ['10.0.0.10-10.0.0.20'], prefix: 0, gateway: '10.0.0.1' }],
  ['A2.3, digits', { addresses: ['192.168.1.2612'], prefix: 24 }, NOT_AN_ADDRESS],
  ['A2.3, open range', { addresses: ['192.168.1.2-192.168.1.4-'], prefix: 24 }, NOT_AN_ADDRESS],
  ['A2.3, three ends', { addresses: ['192.168.1.2-192.168.1.4-192.168.1.9'], prefix: 24 }, NOT_AN_ADDRESS],
  ['A2.3, range from a CIDR', { addresses: ['192.168.1.4/21-192.168.1.2'], prefix: 24 }, NOT_AN_ADDRESS],
  ['a zone', { addresses: ['fe80::1%eth0'], prefix: 64 }, NOT_AN_ADDRESS],
  ['a leading zero', { addresses: ['10.0.0.01'], prefix: 24 }, NOT_AN_ADDRESS],
  ['a space', { addresses: [' 10.0.0.1'], prefix: 24 }, NOT_AN_ADDRESS],
  ['a range of two families', { addresses: ['10.0.0.1-fe80::1'], prefix: 24 }, NOT_AN_ADDRESS],
  ['an empty gateway', { addresses: few, prefix: 24, gateway: '' }],
  ['prefixes of two digits', { addresses: ['10.0.0.1', '10.127.0.0/16'], prefix: 9 }],
  ['prefixes of three digits', { addresses: ['fd00::1', 'fd00::/112'], prefix: 100 }],
  ['a single IPv6 address', { addresses: ['fd00::1'], prefix: 128 }],
  ['the longest lists, IPv4', { addresses: many4, prefix: 8, gateway: '10.0.0.1', excludedAddresses: many4 }],
  ['the longest lists, IPv6', { addresses: many6, prefix: 64, gateway: 'fd00::1', excludedAddresses: many6 }],
  [
    'reservations',
    {
      addresses: few,
      prefix: 24,
      reservations: [
        { address: '10.0.0.25', claim: 'vip', note: 'x' },
        { address: 'fd00::1', claimPattern: 'web-*', namespace: 'a' },
      ],
    },
  ],
  [
    'a reservation of a CIDR',
    { addresses: few, prefix: 24, reservations: [{ address: '10.0.0.0/31', claim: 'vip' }] },
    'provided address is not a valid IP',
  ],
  [
    'a reservation for nobody',
    { addresses: few, prefix: 24, reservations: [{ address: '10.0.0.25' }] },
    FOR_ONE,
  ],
  [
    'a reservation for a name and a pattern',
    { addresses: few, prefix: 24, reservations: [{ address: '10.0.0.25', claim: 'a', claimPattern: 'b' }] },
    FOR_ONE,
  ],
  ['a quota of nothing', { addresses: few, prefix: 24, maxPerNamespace: 0 }],
  ['a quota below 0', { addresses: few, prefix: 24, maxPerNamespace: -1 }, 'maxPerNamespace'],
  ['a strategy', { addresses: few, prefix: 24, strategy: 'Random' }],
  ['another strategy', { addresses: few, prefix: 24, strategy: 'LeastRecentlyUsed' }],
  ['a strategy that nobody has', { addresses: few, prefix: 24, strategy: 'Best' }, 'spec.strategy'],
  ['two subnets', { subnets: [SUBNET, { ...SUBNET, addresses: ['10.0.1.0/24'], gateway: '10.0.1.1' }] }],
  [
    'host routes',
    { subnets: [{ addresses: ['10.0.0.7', '10.9.0.0/30'], prefix: 32, gateway: '192.0.2.1' }] },
  ],
  ['host routes, IPv6', { subnets: [{ addresses: ['fd00::7-fd00::9', 'fd01::1'], prefix: 128 }] }],
  ['the longest subnets, IPv4', { subnets: SUBNETS }],
  ['the longest subnets, IPv6', { subnets: SUBNETS_6 }],
  ['no subnets', { subnets: [] }, 'subnets must not be empty'],
  ['subnets and a prefix', { prefix: 24, subnets: [SUBNET] }, EITHER],
  ['subnets and addresses', { addresses: few, subnets: [SUBNET] }, EITHER],
  ['subnets and a gateway', { gateway: '10.0.0.1', subnets: [SUBNET] }, EITHER],
  ['subnets and a subnet of v1alpha1', { subnet: '10.0.0.0/24', subnets: [SUBNET] }, EITHER],
  ['too many subnets', { subnets: [...SUBNETS, SUBNET] }, 'must have at most 64 items'],
  ['a subnet without a prefix', { subnets: [{ addresses: few }] }, 'spec.subnets[0].prefix'],
  ['a subnet without addresses', { subnets: [{ addresses: [], prefix: 24 }] }, 'addresses is required'],
  ['a subnet of what is no address', { subnets: [{ addresses: ['x'], prefix: 24 }] }, NOT_AN_ADDRESS],
  [
    'a subnet that leaves its prefix',
    { subnets: [{ addresses: ['10.0.0.1', '10.0.1.1'], prefix: 24 }] },
    OTHER_SUBNET,
  ],
  [
    'a subnet with a prefix of IPv6',
    { subnets: [{ addresses: few, prefix: 64 }] },
    'provided prefix is not valid',
  ],
  ['a subnet with a gateway of IPv6', { subnets: [{ ...SUBNET, gateway: 'fd00::1' }] }, MIXED_GATEWAY],
  [
    'a subnet that excludes IPv6',
    { subnets: [{ ...SUBNET, excludedAddresses: ['fd00::1'] }] },
    MIXED_EXCLUDED,
  ],
  [
    'subnets of two families',
    { subnets: [SUBNET, { addresses: ['fd00::1'], prefix: 64 }] },
    'provided subnets are of mixed IP families',
  ],
  [
    'a list that is too long',
    { addresses: [...many4, '10.0.0.1'], prefix: 8 },
    'must have at most 4096 items',
  ],
];

const selecting = (allowedNamespaces: object) => ({ addresses: few, prefix: 24, allowedNamespaces });
const globalSpecs: readonly [id: string, spec: object, refused?: Refused][] = [
  [
    'namespaces by label and name',
    selecting({
      matchLabels: { 'kubernetes.io/metadata.name': 'team-a', 'example.com/tier': '' },
      matchExpressions: [
        { key: 'a', operator: 'In', values: ['b', ''] },
        { key: 'c', operator: 'DoesNotExist' },
      ],
    }),
  ],
  ['every namespace', selecting({})],
  ['a key that is none', selecting({ matchLabels: { 'a b': 'c' } }), 'the keys must be keys of labels'],
  ['a value that is none', selecting({ matchLabels: { a: 'b c' } }), 'spec.allowedNamespaces.matchLabels.a'],
  [
    'an operator of node selectors',
    selecting({ matchExpressions: [{ key: 'a', operator: 'Gt', values: ['1'] }] }),
    'spec.allowedNamespaces.matchExpressions[0].operator',
  ],
  [
    'no values',
    selecting({ matchExpressions: [{ key: 'a', operator: 'In' }] }),
    'operator In and NotIn need values',
  ],
  [
    'values for nothing',
    selecting({ matchExpressions: [{ key: 'a', operator: 'Exists', values: ['b'] }] }),
    'operator Exists and DoesNotExist take no values',
  ],
];

const pools = ['InClusterIPPool', 'GlobalInClusterIPPool'].flatMap((kind) =>
  [...poolSpecs, ...(kind.startsWith('Global') ? globalSpecs : [])].map(([id, spec, refused]) => ({
    id: `${id}, ${kind}`,
    object: object('ipam.cluster.x-k8s.io/v1alpha2', kind, spec),
    ...(refused && { refused }),
  })),
);

const A_CIDR = 'provided entry is not a valid CIDR';
const ALIGNED = 'CIDR must be network-aligned';
const TOO_LONG = 'CIDR prefix length must be <= allocationPrefixLength (64)';
const EXCLUDED = 'provided entry is not a valid IP, range, nor CIDR';
const prefixes = ['fd00::/62'];
const many = ranges(256, (_, b) => `fd00:1111:2222:${(b + 4096).toString(16)}::/64`);

const OTHER_LENGTH = 'spec.reservations: Invalid value';
const reserving = (...reservations: object[]) => ({ prefixes, reservations });
const reserved = ranges(1024, (a, b) => `fd00:1111:${a + 4096}:${b + 4096}::/64`).map((prefix) => ({
  prefix,
  namespace: 'n'.repeat(63),
  claimPattern: '*'.repeat(253),
}));

const prefixPoolSpecs: readonly [id: string, spec: object, refused?: Refused][] = [
  ['A1', { prefixes }],
  ['A2', { prefixes: ['fd00::/62', 'fd00::/63'] }],
  ['A7', { prefixes: ['fd00::/48'], allocationPrefixLength: 56 }],
  ['A9', { prefixes, excludedPrefixes: ['fd00::5-fd00:0:0:1::5'] }],
  ['A10', { prefixes, excludedPrefixes: ['fd00:0:0:1::9/60'] }],
  ['A11', { prefixes: ['fd00::/64'], excludedPrefixes: ['fd00::/64'] }],
  ['A12', { prefixes, gateway: 'fd00::1' }],
  ['A13', { prefixes: ['fd00::/48'], allocationPrefixLength: 128, gateway: 'fd00::1' }],
  ['A14', { prefixes: ['::/0'], allocationPrefixLength: 1 }],
  ['A18', { prefixes: ['FD00::/64'] }],
  ['A19', { prefixes: ['::ffff:10.0.0.0/104'], allocationPrefixLength: 120 }, A_CIDR],
  ['IPv4', { prefixes: ['10.8.0.0/16'], allocationPrefixLength: 24, gateway: '10.8.0.1' }],
  ['1.6 1', { prefixes: [] }, 'prefixes is required'],
  ['1.6 1, absent', {}, 'spec.prefixes'],
  ['1.6 2, 0', { prefixes, allocationPrefixLength: 0 }, 'spec.allocationPrefixLength'],
  ['1.6 2, 129', { prefixes, allocationPrefixLength: 129 }, 'spec.allocationPrefixLength'],
  ['1.6 3, an address', { prefixes: ['fd00::1'] }, A_CIDR],
  ['1.6 3, a zone', { prefixes: ['fe80::%eth0/64'] }, A_CIDR],
  ['1.6 3, blanks', { prefixes: ['fd00:: /64'] }, A_CIDR],
  ['1.6 3, /064', { prefixes: ['fd00::/064'] }, A_CIDR],
  ['1.6 4', { prefixes: ['10.0.0.0/16'] }, 'allocationPrefixLength must be at most 32 for IPv4 prefixes'],
  ['1.6 4, mixed', { prefixes: ['fd00::/62', '10.0.0.0/16'] }, 'provided prefixes are of mixed IP families'],
  ['1.6 5', { prefixes: ['fd00::1/62'] }, ALIGNED],
  ['1.6 6', { prefixes: ['fd00::/65'] }, TOO_LONG],
  ['1.6 5 and 6', { prefixes: ['fd00::1/65'] }, TOO_LONG],
  ['1.6 7', { prefixes, gateway: 'x' }, 'unable to parse IP'],
  ['1.6 7, empty', { prefixes, gateway: '' }],
  ['1.6 8', { prefixes, gateway: '10.0.0.1' }, 'provided gateway must be of the IP family of the prefixes'],
  ['1.6 9', { prefixes, excludedPrefixes: ['zz'] }, EXCLUDED],
  [
    '1.6 10',
    { prefixes, excludedPrefixes: ['10.0.0.0/8'] },
    'excluded prefixes must be of the IP family of the prefixes',
  ],
  [
    'a negative grace period',
    { prefixes, addressReuseGracePeriodSeconds: -1 },
    'addressReuseGracePeriodSeconds',
  ],
  [
    'reservations',
    reserving(
      { prefix: 'fd00::/64', claim: 'rack-1', note: 'announced by the routers' },
      { prefix: 'FD00:0:0:1::/64', claimPattern: 'edge-*', namespace: 'team-a' },
      { prefix: 'fd00:0:0:9::/64', claim: 'rack-2' },
    ),
  ],
  [
    'a reservation of IPv4',
    {
      prefixes: ['10.8.0.0/16'],
      allocationPrefixLength: 24,
      reservations: [{ prefix: '10.8.3.0/24', claim: 'a' }],
    },
  ],
  ['no reservations', reserving()],
  ['a reservation of nothing', reserving({ claim: 'a' }), 'spec.reservations[0].prefix: Required value'],
  ['a reservation of an address', reserving({ prefix: 'fd00::', claim: 'a' }), A_CIDR],
  ['a reservation with host bits', reserving({ prefix: 'fd00::1/64', claim: 'a' }), ALIGNED],
  ['a reservation of two prefixes', reserving({ prefix: 'fd00::/63', claim: 'a' }), OTHER_LENGTH],
  ['a reservation of half a prefix', reserving({ prefix: 'fd00::/65', claim: 'a' }), OTHER_LENGTH],
  ['a reservation for nobody', reserving({ prefix: 'fd00::/64' }), FOR_ONE],
  [
    'a reservation for a name and a pattern',
    reserving({ prefix: 'fd00::/64', claim: 'a', claimPattern: 'b' }),
    FOR_ONE,
  ],
  ['the longest reservations', reserving(...reserved)],
  [
    'too many reservations',
    reserving(...reserved, { prefix: 'fd00::/64', claim: 'a' }),
    'must have at most 1024 items',
  ],
  ['the longest lists', { prefixes: many, gateway: 'fd00::1', excludedPrefixes: many6 }],
  ['a list that is too long', { prefixes: [...many, 'fd00::/64'] }, 'must have at most 256 items'],
];
const IMMUTABLE = 'allocationPrefixLength is immutable';
const prefixPoolChanges: readonly [id: string, from: object, to: object, refused?: Refused][] = [
  ['1.6 update, nothing', { prefixes }, { prefixes }],
  ['1.6 update, the default said', { prefixes }, { prefixes, allocationPrefixLength: 64 }],
  ['1.6 update, a gateway', { prefixes }, { prefixes, gateway: 'fd00::1' }],
  ['1.6 update, grown', { prefixes }, { prefixes: ['fd00::/60'] }],
  ['1.6 update, L 65', { prefixes }, { prefixes, allocationPrefixLength: 65 }, IMMUTABLE],
  ['1.6 update, L 60', { prefixes }, { prefixes, allocationPrefixLength: 60 }, 'allocationPrefixLength'],
  [
    '1.6 update, L left out',
    { prefixes: ['fd00::/48'], allocationPrefixLength: 56 },
    { prefixes: ['fd00::/48'] },
    IMMUTABLE,
  ],
];
const prefixPools = ['InClusterPrefixPool', 'GlobalInClusterPrefixPool'].flatMap((kind) => [
  ...prefixPoolSpecs.map(([id, spec, refused]) => ({
    id: `${id}, ${kind}`,
    object: object('ipam.cluster.x-k8s.io/v1alpha2', kind, spec),
    ...(refused && { refused }),
  })),
  ...prefixPoolChanges.map(([id, spec, newSpec, refused]) => ({
    id: `${id}, ${kind}`,
    object: object('ipam.cluster.x-k8s.io/v1alpha2', kind, spec),
    newSpec,
    ...(refused && { refused }),
  })),
]);
const poolsOfV1alpha1 = ['InClusterIPPool', 'GlobalInClusterIPPool'].flatMap((kind) =>
  // Without those of which only the hooks see what is wrong.
  CONVERSION_CASES.filter(({ problem, refused }) => !problem || refused).map(({ id, given, refused }) => ({
    id: `${id} of v1alpha1, ${kind}`,
    object: object('ipam.cluster.x-k8s.io/v1alpha1', kind, given),
    ...(refused && { refused }),
  })),
);

const requirement = (key: string, operator: string, ...values: string[]) => ({
  nodeSelectorTerms: [{ matchExpressions: [{ key, operator, ...(values.length > 0 && { values }) }] }],
});
const field = (key: string, operator: string, ...values: string[]) => ({
  nodeSelectorTerms: [{ matchFields: [{ key, operator, values }] }],
});
const nodeSelector = requirement('foo', 'In', 'bar');
const range4 = { ipv4: '10.1.0.0/16', perNodeHostBits: 8 };
const dual = { ...range4, ipv6: 'fd00:1:1::/64' };

const clusterCIDRSpecs: readonly [id: string, spec: object, refused?: Refused][] = [
  ['E, IPv4', { ...range4, nodeSelector }],
  ['E, IPv4, most host bits', { ...range4, perNodeHostBits: 16 }],
  ['E, IPv4, fewest host bits', { ...range4, perNodeHostBits: 4 }],
  ['E, IPv6, most host bits', { ipv6: 'fd00:1:1::/64', perNodeHostBits: 64 }],
  ['E, IPv6, fewest host bits', { ipv6: 'fd00:1:1::/64', perNodeHostBits: 4 }],
  ['E, IPv6, a large range', { ipv6: 'fd00:1:1::/16', perNodeHostBits: 100 }],
  ['E, dual-stack', { ...dual, nodeSelector }],
  ['E, dual-stack, no selector', dual],
  ['host bits set', { ipv4: '10.0.5.7/16', perNodeHostBits: 8 }],
  ['one range empty', { ipv4: '', ipv6: 'fd00::/64', perNodeHostBits: 8 }],
  ['a term without requirements', { ...range4, nodeSelector: { nodeSelectorTerms: [{}] } }],
  ['Exists', { ...range4, nodeSelector: requirement('example.com/group', 'Exists') }],
  ['Gt', { ...range4, nodeSelector: requirement('cores', 'Gt', '8') }],
  ['a node by name', { ...range4, nodeSelector: field('metadata.name', 'In', 'node-1') }],
  ['E, no range', { perNodeHostBits: 8 }, 'A CIDR must be specified for ipv4 or ipv6.'],
  [
    'E, empty ranges',
    { ipv4: '', ipv6: '', perNodeHostBits: 8 },
    'A CIDR must be specified for ipv4 or ipv6.',
  ],
  [
    'E, bad key',
    { ...range4, nodeSelector: requirement('NoUppercaseOrSpecialCharsLike=Equals', 'Exists') },
    '.key',
  ],
  ['E, bad IPv4', { ipv4: 'test', perNodeHostBits: 8 }, 'IPv4 must be a valid IPv4 CIDR.'],
  [
    'E, IPv4, too many host bits',
    { ...range4, perNodeHostBits: 100 },
    'must not be more than the host bits of ipv4',
  ],
  ['E, IPv4, too few host bits', { ...range4, perNodeHostBits: 2 }, 'perNodeHostBits'],
  ['E, bad IPv6', { ipv6: 'testv6', perNodeHostBits: 8 }, 'IPv6 must be a valid IPv6 CIDR.'],
  ['E, IPv4 for ipv6', { ipv6: '10.2.0.0/16', perNodeHostBits: 8 }, 'IPv6 must be a valid IPv6 CIDR.'],
  ['E, IPv6 for ipv4', { ipv4: 'fd00::/120', perNodeHostBits: 8 }, 'IPv4 must be a valid IPv4 CIDR.'],
  [
    'E, IPv6, too many host bits',
    { ipv6: 'fd00::/120', perNodeHostBits: 12 },
    'must not be more than the host bits of ipv6',
  ],
  ['E, IPv6, too few host bits', { ipv6: 'fd00::/120', perNodeHostBits: 3 }, 'perNodeHostBits'],
  ['E, dual-stack, bad IPv6', { ...dual, ipv6: 'testv6' }, 'IPv6 must be a valid IPv6 CIDR.'],
  ['E, dual-stack, bad IPv4', { ...dual, ipv4: 'testv4' }, 'IPv4 must be a valid IPv4 CIDR.'],
  [
    'E, dual-stack, too many host bits',
    { ...dual, perNodeHostBits: 24 },
    'must not be more than the host bits of ipv4',
  ],
  ['E, no terms', { ...range4, nodeSelector: { nodeSelectorTerms: [] } }, 'should have at least 1 items'],
  [
    'E, Exists with values',
    { ...range4, nodeSelector: requirement('a', 'Exists', 'b') },
    'Exists and DoesNotExist take no values',
  ],
  ['E, In without values', { ...range4, nodeSelector: requirement('a', 'In') }, 'In and NotIn need values'],
  ['E, Gt with a word', { ...range4, nodeSelector: requirement('a', 'Gt', 'x') }, 'need exactly one integer'],
  [
    'E, Lt with two values',
    { ...range4, nodeSelector: requirement('a', 'Lt', '1', '2') },
    'need exactly one integer',
  ],
  [
    'E, unknown operator',
    { ...range4, nodeSelector: requirement('a', 'Is', '1') },
    'Unsupported value: "Is"',
  ],
  [
    'E, another field',
    { ...range4, nodeSelector: field('metadata.uid', 'In', 'x') },
    'Unsupported value: "metadata.uid"',
  ],
  [
    'E, two names',
    { ...range4, nodeSelector: field('metadata.name', 'In', 'a', 'b') },
    'must have at most 1 item',
  ],
];

const existing = object('networking.x-k8s.io/v1', 'ClusterCIDR', { ...dual, nodeSelector });
const clusterCIDRUpdates: readonly [id: string, newSpec: object, refused?: Refused][] = [
  ['E, unchanged', { ...dual, nodeSelector }],
  [
    'E, other host bits',
    { ...dual, nodeSelector, perNodeHostBits: 12 },
    'PerNodeHostBits cannot be changed.',
  ],
  ['E, other IPv4', { ...dual, nodeSelector, ipv4: '10.2.0.0/16' }, 'IPv4 cannot be changed.'],
  ['E, other IPv6', { ...dual, nodeSelector, ipv6: 'fd00:2::/64' }, 'IPv6 cannot be changed.'],
  [
    'E, other selector',
    { ...dual, nodeSelector: requirement('foo', 'In', 'bar2') },
    'NodeSelector cannot be changed.',
  ],
  ['F17, selector removed', dual, 'The spec of a ClusterCIDR cannot be changed.'],
  ['F17, IPv6 removed', { ...range4, nodeSelector }, 'The spec of a ClusterCIDR cannot be changed.'],
];

const clusterCIDRs: AdmissionCase[] = [
  ...clusterCIDRSpecs.map(([id, spec, refused]) => ({
    id: `${id}, ClusterCIDR`,
    object: object('networking.x-k8s.io/v1', 'ClusterCIDR', spec),
    ...(refused && { refused }),
  })),
  ...clusterCIDRUpdates.map(([id, newSpec, refused]) => ({
    id: `update ${id}, ClusterCIDR`,
    object: existing,
    newSpec,
    ...(refused && { refused }),
  })),
  {
    id: 'update F17, IPv6 added, ClusterCIDR',
    object: object('networking.x-k8s.io/v1', 'ClusterCIDR', range4),
    newSpec: dual,
    refused: 'The spec of a ClusterCIDR cannot be changed.',
  },
];

const SPEC_TARGET = 'node.spec.podCIDRs';
const ANNOTATION_TARGET = 'node.metadata.annotations';
const network = (name: string, spec: object) => object('metaipam.io/v1alpha1', 'PodNetwork', spec, name);
const ONLY_DEFAULT = 'the network named default, and no other, has the target node.spec.podCIDRs';

const podNetworks: AdmissionCase[] = [
  {
    id: 'the default network',
    object: network('default', {
      target: SPEC_TARGET,
      serviceCIDRs: ['10.96.0.0/12', 'fd00::/112'],
      reuseGracePeriodSeconds: 0,
    }),
  },
  { id: 'a secondary network', object: network('net1', { target: ANNOTATION_TARGET }) },
  {
    id: 'a secondary network with a key',
    object: network('net1', { target: ANNOTATION_TARGET, annotation: 'example.com/ranges' }),
  },
  {
    id: 'a secondary network for the spec',
    object: network('net1', { target: SPEC_TARGET }),
    refused: ONLY_DEFAULT,
  },
  {
    id: 'the default network for an annotation',
    object: network('default', { target: ANNOTATION_TARGET }),
    refused: ONLY_DEFAULT,
  },
  {
    id: 'IPv6 first',
    object: network('default', { target: SPEC_TARGET, primaryIPFamily: 'IPv6' }),
  },
  {
    id: 'a family that there is not',
    object: network('default', { target: SPEC_TARGET, primaryIPFamily: 'ipv6' }),
    refused: 'spec.primaryIPFamily',
  },
  {
    id: 'blocks that are reserved',
    object: network('default', {
      target: SPEC_TARGET,
      reservations: [{ node: 'n1', blocks: ['10.244.0.0/24', 'fd00::/64'] }],
    }),
  },
  {
    id: 'two reserved blocks of a family',
    object: network('default', {
      target: SPEC_TARGET,
      reservations: [{ node: 'n1', blocks: ['10.244.0.0/24', '10.244.1.0/24'] }],
    }),
    refused: 'must be of two families',
  },
  {
    id: 'a reserved address',
    object: network('default', {
      target: SPEC_TARGET,
      reservations: [{ node: 'n1', blocks: ['10.244.0.1'] }],
    }),
    refused: 'must be a CIDR',
  },
  {
    id: 'a reserved range',
    object: network('net1', {
      target: ANNOTATION_TARGET,
      reservations: [{ node: 'n1', blocks: ['192.168.0.50-192.168.0.99', 'fd00:7::32-fd00:7::63'] }],
    }),
  },
  {
    id: 'a reserved range of the default network',
    object: network('default', {
      target: SPEC_TARGET,
      reservations: [{ node: 'n1', blocks: ['10.244.0.50-10.244.0.99'] }],
    }),
    refused: 'reserved blocks of the target node.spec.podCIDRs are CIDRs',
  },
  {
    id: 'subnets, routes and exclusions',
    object: network('net1', {
      target: ANNOTATION_TARGET,
      subnets: [
        { cidr: '192.168.0.0/16', gateway: '192.168.255.254' },
        { cidr: 'fd00:7::/64' },
        { cidr: '10.9.0.0/31', gateway: '10.9.0.1' },
      ],
      gatewayIndex: -2,
      routes: [{ dst: '10.96.0.0/12', gw: '192.168.255.253' }, { dst: '::/0' }],
      excludedAddresses: ['192.168.7.1', '192.168.8.0/24', 'fd00:7::1-fd00:7::9'],
      perNodeExclusions: [
        { startIndex: 0, endIndex: 9 },
        { startIndex: 60, endIndex: -1 },
        { startIndex: -3, endIndex: -3 },
      ],
    }),
  },
  ...(
    [
      ['a subnet with host bits', { subnets: [{ cidr: '10.0.0.1/8' }] }, 'must not have host bits set'],
      ['a subnet that is none', { subnets: [{ cidr: '10.0.0.0' }] }, 'must be a CIDR'],
      [
        'a gateway elsewhere',
        { subnets: [{ cidr: '10.0.0.0/24', gateway: '10.0.1.1' }] },
        'must be in the subnet',
      ],
      [
        'a gateway of the other family',
        { subnets: [{ cidr: '10.0.0.0/24', gateway: 'fd00::1' }] },
        'must be in the subnet',
      ],
      [
        'a gateway that is none',
        { subnets: [{ cidr: '10.0.0.0/24', gateway: 'router' }] },
        'must be an IP address',
      ],
      ['a route to host bits', { routes: [{ dst: '10.0.0.1/8' }] }, 'must not have host bits set'],
      ['a route to an address', { routes: [{ dst: '10.0.0.1' }] }, 'must be a CIDR'],
      [
        'a next hop of the other family',
        { routes: [{ dst: '::/0', gw: '10.0.0.1' }] },
        'must be of the family of dst',
      ],
      [
        'an exclusion that is none',
        { excludedAddresses: ['10.0.0.1-fd00::1'] },
        'must be an IP address, a CIDR',
      ],
      [
        'places in reverse',
        { perNodeExclusions: [{ startIndex: -1, endIndex: -2 }] },
        'must not be before startIndex',
      ],
      [
        'additional blocks for a node twice',
        {
          additionalBlocks: [
            { node: 'n', count: 1 },
            { node: 'n', count: 2 },
          ],
        },
        'Duplicate value',
      ],
      ['too many additional blocks', { additionalBlocks: [{ node: 'n', count: 4 }] }, 'additionalBlocks'],
      ['a place that is a text', { gatewayIndex: '1' }, 'spec.gatewayIndex'],
    ] as const
  ).map(([id, fields, refused]) => ({
    id,
    object: network('net1', { target: ANNOTATION_TARGET, ...fields }),
    refused,
  })),
  ...[
    ['subnets', []],
    ['gatewayIndex', 1],
    ['routes', []],
    ['excludedAddresses', []],
    ['perNodeExclusions', []],
    ['additionalBlocks', []],
  ].map(([field, value]) => ({
    id: `${field} without an annotation target`,
    object: network('default', { target: SPEC_TARGET, [field as string]: value }),
    refused: `${field} belongs to the target node.metadata.annotations`,
  })),
  {
    id: 'a key without an annotation target',
    object: network('default', { target: SPEC_TARGET, annotation: 'example.com/ranges' }),
    refused: 'annotation belongs to the target node.metadata.annotations',
  },
  {
    id: 'a bad key',
    object: network('net1', { target: ANNOTATION_TARGET, annotation: 'a b' }),
    refused: 'spec.annotation',
  },
  {
    id: 'a bad service range',
    object: network('default', { target: SPEC_TARGET, serviceCIDRs: ['10.0.0.0'] }),
    refused: 'spec.serviceCIDRs[0]: Invalid value: "10.0.0.0": must be a CIDR',
  },
  {
    id: 'a negative grace period',
    object: network('default', { target: SPEC_TARGET, reuseGracePeriodSeconds: -1 }),
    refused: 'spec.reuseGracePeriodSeconds',
  },
  {
    id: 'a name that is no label value',
    object: network('n'.repeat(64), { target: ANNOTATION_TARGET }),
    refused: 'metadata.name',
  },
  {
    id: 'update another target',
    object: network('net1', { target: ANNOTATION_TARGET }),
    newSpec: { target: SPEC_TARGET },
    refused: 'target cannot be changed',
  },
  {
    id: 'update the same key',
    object: network('net1', { target: ANNOTATION_TARGET, annotation: 'example.com/ranges' }),
    newSpec: { target: ANNOTATION_TARGET, annotation: 'example.com/ranges', reuseGracePeriodSeconds: 60 },
  },
  {
    id: 'update another key',
    object: network('net1', { target: ANNOTATION_TARGET, annotation: 'example.com/ranges' }),
    newSpec: { target: ANNOTATION_TARGET, annotation: 'example.com/others' },
    refused: 'annotation cannot be changed',
  },
  {
    id: 'update the key removed',
    object: network('net1', { target: ANNOTATION_TARGET, annotation: 'example.com/ranges' }),
    newSpec: { target: ANNOTATION_TARGET },
    refused: 'annotation cannot be added or removed',
  },
  {
    id: 'update a key added',
    object: network('net1', { target: ANNOTATION_TARGET }),
    newSpec: { target: ANNOTATION_TARGET, annotation: 'example.com/ranges' },
    refused: 'annotation cannot be added or removed',
  },
];

const podCIDRClaims: AdmissionCase[] = [
  ['10.1.0.0/24', 'fd00:1::/64'],
  ['fd00:1::/64', '10.1.0.0/24'],
].map((podCIDRs) => ({
  id: `${podCIDRs.join()}, PodCIDRClaim`,
  object: object('metaipam.io/v1alpha1', 'PodCIDRClaim', { nodeUID: 'u', podCIDRs }),
}));
podCIDRClaims.push(
  {
    id: 'update what a Node has',
    object: object('metaipam.io/v1alpha1', 'PodCIDRClaim', { nodeUID: 'u' }),
    newSpec: { nodeUID: 'u', nodeLabels: { zone: 'a' } },
  },
  {
    id: 'update for another Node',
    object: object('metaipam.io/v1alpha1', 'PodCIDRClaim', { nodeUID: 'u' }),
    newSpec: { nodeUID: 'v' },
    refused: 'nodeUID cannot be changed',
  },
);

const poolRef = { apiGroup: 'ipam.cluster.x-k8s.io', kind: 'InClusterIPPool', name: 'p', uid: 'u' };
const prefixPool = { ...poolRef, kind: 'InClusterPrefixPool' };
/** With the name of its piece; others that of a slice of answers. */
const network1 = { apiGroup: 'metaipam.io', kind: 'PodNetwork', name: 'p', uid: 'u' };
const slice = (
  { cidr, blockLength, blockSize, ...spec }: { cidr?: string; blockLength?: number; blockSize?: number },
  name?: string,
) => {
  const space = { name: 'p', marker: blockLength === undefined ? '' : 'prefix' } as const;
  const shape = {
    ...(blockLength !== undefined && { blockLength }),
    ...(blockSize !== undefined && { blockSize }),
  };
  const piece = cidr === undefined ? undefined : parsePrefix(cidr);
  return object(
    'metaipam.io/v1alpha1',
    'AllocationSlice',
    {
      poolRef: blockSize !== undefined ? network1 : blockLength === undefined ? poolRef : prefixPool,
      ...(cidr !== undefined && { cidr }),
      ...shape,
      ...spec,
    },
    name ?? (piece === undefined ? 'p.answers-0' : sliceName(space, piece, shape)),
  );
};
const mine = { uid: 'a', namespace: 'n', name: 'c' };
const released = { ...mine, released: '2026-01-02T00:00:00Z' };
const told = { ...mine, confirmed: true };
const piece = { cidr: '10.0.0.0/27', prefix: 24, gateway: '10.0.0.1' };
const holding = (key: string, entry: object = mine) => ({ ...piece, entries: { [key]: entry } });
const blocks = { cidr: '10.0.0.0/19', blockLength: 24 };
const parted = { cidr: '10.0.0.0/21', blockSize: 50 };

const held = (...keys: string[]) => Object.fromEntries(keys.map((key) => [key, mine]));
const rangeFrom = (start: number, size: number) =>
  [start, start + size - 1].map((at) => `10.0.${at >> 8}.${at & 255}`).join('-');
const LONG = 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:';

const NOT_AN_ADDRESS_OF_IT = 'the keys must be addresses inside cidr, in their canonical form';
const NOT_A_BLOCK_OF_IT =
  'the keys must be blocks of the length blockLength inside cidr, in their canonical form';
const NOT_A_RANGE_OF_IT =
  'the keys must be ranges first-last that start inside cidr, in their canonical form';
const NOT_OF_ITS_SIZE =
  'the keys must be ranges of blockSize addresses, of IPv6 in one /96, that have none in common';
const HELD = 'only what was released can go';

const sliceSpecs: readonly [id: string, spec: object, refused?: Refused][] = [
  ['an address', holding('10.0.0.7')],
  ['an adopted address', holding('10.0.0.7', { ...mine, adopted: true })],
  ['an IPv6 address', { cidr: 'fd00::/123', prefix: 64, entries: { 'fd00::7': mine } }],
  ['nothing yet', { ...piece, entries: {} }],
  ['a closed piece', { ...piece, entries: {}, closed: true }],
  ['an address elsewhere', holding('10.0.0.64'), NOT_AN_ADDRESS_OF_IT],
  ['a name for an address', holding('a'), NOT_AN_ADDRESS_OF_IT],
  ['not canonical', { cidr: 'fd00::/123', entries: { 'fd00::0:7': mine } }, NOT_AN_ADDRESS_OF_IT],
  ['a block for an address', holding('10.0.0.0/32'), NOT_AN_ADDRESS_OF_IT],
  ['a block', { ...blocks, entries: { '10.0.1.0/24': { ...mine, blocks: ['10.0.1.0/24'] } } }],
  ['a /64', { cidr: 'fd00::/59', blockLength: 64, entries: { 'fd00:0:0:1::/64': mine } }],
  ['a block of another length', { ...blocks, entries: { '10.0.1.0/25': mine } }, NOT_A_BLOCK_OF_IT],
  ['a block with host bits', { ...blocks, entries: { '10.0.1.1/24': mine } }, NOT_A_BLOCK_OF_IT],
  ['a block elsewhere', { ...blocks, entries: { '10.1.1.0/24': mine } }, NOT_A_BLOCK_OF_IT],
  ['an address for a block', { ...blocks, entries: { '10.0.1.0': mine } }, NOT_A_BLOCK_OF_IT],
  [
    'a range',
    { ...parted, entries: { '10.0.0.50-10.0.0.99': { ...mine, blocks: ['10.0.0.50-10.0.0.99'] } } },
  ],
  ['a range that ends elsewhere', { ...parted, entries: { '10.0.7.208-10.0.8.1': mine } }],
  ['an IPv6 range', { cidr: 'fd00::/117', blockSize: 50, entries: { 'fd00::32-fd00::63': mine } }],
  [
    'a range that starts elsewhere',
    { ...parted, entries: { '10.0.8.0-10.0.8.49': mine } },
    NOT_A_RANGE_OF_IT,
  ],
  ['ranges beside each other', { ...parted, entries: held('10.0.0.49-10.0.0.98', '10.0.0.99-10.0.0.148') }],
  [
    'ranges that overlap, of another ClusterCIDR',
    { ...parted, entries: held('10.0.0.50-10.0.0.99', '10.0.0.98-10.0.0.147') },
    NOT_OF_ITS_SIZE,
  ],
  [
    'ranges that overlap, beside others',
    { ...parted, entries: held('10.0.0.0-10.0.0.49', '10.0.5.0-10.0.5.49', '10.0.4.207-10.0.5.0') },
    NOT_OF_ITS_SIZE,
  ],
  ['a shorter range', { ...parted, entries: held('10.0.0.50-10.0.0.98') }, NOT_OF_ITS_SIZE],
  ['a longer range', { ...parted, entries: held('10.0.0.50-10.0.0.100') }, NOT_OF_ITS_SIZE],
  ['a range from its end', { ...parted, entries: held('10.0.0.99-10.0.0.50') }, NOT_OF_ITS_SIZE],
  [
    'IPv6 ranges',
    {
      cidr: 'fd00:0:0:1::/113',
      blockSize: 1000,
      entries: held('fd00:0:0:1::-fd00:0:0:1::3e7', 'fd00:0:0:1::3e8-fd00:0:0:1::7cf'),
    },
  ],
  [
    'a shorter IPv6 range',
    { cidr: 'fd00::/117', blockSize: 50, entries: held('fd00::32-fd00::62') },
    NOT_OF_ITS_SIZE,
  ],
  [
    'IPv6 ranges that overlap',
    { cidr: 'fd00::/117', blockSize: 50, entries: held('fd00::32-fd00::63', 'fd00::63-fd00::94') },
    NOT_OF_ITS_SIZE,
  ],
  [
    'an IPv6 range that ends far away',
    { cidr: 'fd00::/117', blockSize: 50, entries: held('fd00::32-fd01::63') },
    NOT_OF_ITS_SIZE,
  ],
  [
    'as many ranges as start in a piece',
    {
      ...{ cidr: '10.0.0.0/21', blockSize: 33 },
      entries: held(...Array.from({ length: 63 }, (_, i) => rangeFrom(33 * i, 33))),
    },
  ],
  [
    'as many IPv6 ranges, where addresses are longest',
    {
      ...{ cidr: `${LONG}8000/117`, blockSize: 33 },
      entries: held(
        ...Array.from({ length: 63 }, (_, i) =>
          [33 * i, 33 * i + 32].map((at) => `${LONG}${(0x8000 + at).toString(16)}`).join('-'),
        ),
      ),
    },
  ],
  ['the largest ranges', { cidr: '10.0.0.0/11', blockSize: 65_536, entries: held('10.0.0.1-10.1.0.0') }],
  ['larger ranges', { cidr: '10.0.0.0/10', blockSize: 65_537, entries: {} }, 'spec.blockSize'],
  ['ranges in the piece of another size', { ...parted, cidr: '10.0.0.0/22', entries: {} }, 'spec.cidr'],
  ['half a range', { ...parted, entries: { '10.0.0.50': mine } }, NOT_A_RANGE_OF_IT],
  ['a CIDR for a range', { ...parted, entries: { '10.0.0.0/26': mine } }, NOT_A_RANGE_OF_IT],
  ['a range of two families', { ...parted, entries: { '10.0.0.50-fd00::1': mine } }, NOT_A_RANGE_OF_IT],
  [
    'a range that is not canonical',
    { cidr: 'fd00::/117', blockSize: 50, entries: { 'fd00::32-fd00::0:63': mine } },
    NOT_A_RANGE_OF_IT,
  ],
  ['a range for an address', holding('10.0.0.7-10.0.0.9'), NOT_AN_ADDRESS_OF_IT],
  ['a range for a CIDR', { ...blocks, entries: { '10.0.1.0-10.0.1.255': mine } }, NOT_A_BLOCK_OF_IT],
  ['blocks of two shapes', { ...parted, blockLength: 26, entries: {} }, 'a blockLength or, of a PodNetwork'],
  ['ranges of one address', { ...parted, blockSize: 1, entries: {} }, 'spec.blockSize'],
  ['a uid that is no label value', holding('10.0.0.7', { ...mine, uid: 'a b' }), 'uid'],
  ['nobody', holding('10.0.0.7', { name: 'c' }), 'uid'],
  [
    'a piece with host bits',
    { ...piece, cidr: '10.0.0.1/27', entries: {} },
    'must be a CIDR in its canonical form',
  ],
  ['a gateway that is none', { ...piece, gateway: 'a', entries: {} }, 'must be an IP address'],
  ['an answer', { answers: { a: { reason: 'PoolExhausted', message: 'no address is free' } } }],
  ['neither', {}, 'a slice has'],
  ['an answer in an address space', { answers: {}, addressSpace: 'lab' }, 'only a slice with a cidr'],
  ['blocks of answers', { answers: {}, poolRef: prefixPool, blockLength: 24 }, 'only a slice with a cidr'],
  ['both', { ...holding('10.0.0.7'), answers: {} }, 'a slice has'],
  ['a larger piece', { cidr: '10.0.0.0/26', entries: {} }, 'a slice of addresses keeps 32 of them'],
  [
    'a piece of too few blocks',
    { ...blocks, cidr: '10.0.0.0/20', entries: {} },
    'a slice of blocks 32 blocks',
  ],
  [
    'an address as a block',
    { cidr: '10.0.0.0/27', blockLength: 32, entries: {} },
    'a slice of blocks 32 blocks',
  ],
  ['blocks of a pool of addresses', { ...blocks, poolRef, entries: {} }, 'pools of addresses have no blocks'],
  [
    'prefixes of a shared space',
    { cidr: '10.0.0.0/27', poolRef: prefixPool, addressSpace: 'lab', entries: {} },
    'no others share an address space',
  ],
  ['closed, but not empty', { ...holding('10.0.0.7'), closed: true }, 'a closed slice is empty'],
];

const sliceUpdates: readonly [id: string, before: object, after: object, refused?: Refused][] = [
  ['another address', holding('10.0.0.7'), { ...piece, entries: { '10.0.0.7': mine, '10.0.0.8': mine } }],
  [
    'a stolen address',
    holding('10.0.0.7'),
    holding('10.0.0.7', { ...mine, uid: 'b' }),
    'what is in use cannot become another',
  ],
  [
    'a released address stolen',
    holding('10.0.0.7', released),
    holding('10.0.0.7', { ...released, uid: 'b' }),
    'what is in use cannot become another',
  ],
  ['a dropped address', holding('10.0.0.7'), { ...piece, entries: {} }, HELD],
  ['an address moved', holding('10.0.0.7'), holding('10.0.0.8'), HELD],
  ['all entries dropped', holding('10.0.0.7'), { answers: {} }, HELD],
  ['release', holding('10.0.0.7'), holding('10.0.0.7', released)],
  ['a released address dropped', holding('10.0.0.7', released), { ...piece, entries: {} }],
  ['a release taken back', holding('10.0.0.7', released), holding('10.0.0.7'), 'what is released stays so'],
  [
    'a release made later',
    holding('10.0.0.7', released),
    holding('10.0.0.7', { ...released, released: '2027-01-01T00:00:00Z' }),
    'what is released stays so',
  ],
  [
    'a release made earlier',
    holding('10.0.0.7', released),
    holding('10.0.0.7', { ...released, released: '2026-01-01T00:00:00Z' }),
  ],
  ['confirm', holding('10.0.0.7'), holding('10.0.0.7', told)],
  ['release what is confirmed', holding('10.0.0.7', told), holding('10.0.0.7', { ...told, ...released })],
  [
    'released by who has not heard that it is confirmed',
    holding('10.0.0.7', told),
    holding('10.0.0.7', released),
    'what is confirmed stays so',
  ],
  [
    'confirmed by who has not heard that it is released',
    holding('10.0.0.7', released),
    holding('10.0.0.7', told),
    'what is released stays so',
  ],
  [
    'another piece',
    { ...piece, entries: {} },
    { ...piece, cidr: '10.0.0.64/27', entries: {} },
    'cidr cannot be changed',
  ],
  ['another gateway', holding('10.0.0.7'), { ...holding('10.0.0.7'), gateway: '10.0.0.2' }],
  [
    'another pool',
    holding('10.0.0.7'),
    { ...holding('10.0.0.7'), poolRef: { ...poolRef, uid: 'v' } },
    'poolRef cannot be changed',
  ],
  [
    'another length',
    { ...blocks, entries: {} },
    { ...blocks, blockLength: 25, entries: {} },
    'blockLength cannot be changed',
  ],
  [
    'an address space',
    { ...piece, entries: {} },
    { ...piece, entries: {}, addressSpace: 'p' },
    'cannot be added',
  ],
  [
    'another size',
    { ...parted, entries: {} },
    { ...parted, blockSize: 51, entries: {} },
    'blockSize cannot be changed',
  ],
  [
    'a size removed',
    { ...parted, entries: {} },
    { cidr: parted.cidr, entries: {} },
    'blockLength and blockSize',
  ],
  [
    'a dropped range',
    { ...parted, entries: { '10.0.0.50-10.0.0.99': mine } },
    { ...parted, entries: {} },
    HELD,
  ],
  ['close', { ...piece, entries: {} }, { ...piece, entries: {}, closed: true }],
  [
    'closed and used',
    { ...piece, entries: {}, closed: true },
    { ...holding('10.0.0.7'), closed: true },
    'a closed slice is empty',
  ],
  [
    'reopen',
    { ...piece, entries: {}, closed: true },
    { ...piece, entries: {} },
    'a closed slice stays closed',
  ],
];

const OTHER_NAME = 'must have the name of its piece';
const lab = { cidr: '10.0.0.7/32', addressSpace: 'lab', entries: { '10.0.0.7': mine } };
const parted50 = { ...parted, entries: held('10.0.0.50-10.0.0.99') };
const ofLong = { poolRef: { ...poolRef, name: 'p'.repeat(181) } };

const sliceNames: readonly [name: string, spec: object, refused?: Refused][] = [
  ['p.10.0.0.0-27', holding('10.0.0.7')],
  ['p.twin', holding('10.0.0.7'), OTHER_NAME],
  ['q.10.0.0.0-27', holding('10.0.0.7'), OTHER_NAME],
  ['p.10.0.0.0-27.twin', holding('10.0.0.7'), OTHER_NAME],
  ['p.10.0.0.32-27', holding('10.0.0.7'), OTHER_NAME],
  ['p.10.0.0.0-27.global', holding('10.0.0.7'), OTHER_NAME],
  ['p.answers-0', holding('10.0.0.7'), OTHER_NAME],
  ['p.10.0.0.0-27', { answers: {} }, 'must not have the name of a piece'],
  ['p.answers-12.global', { answers: {} }],
  ['p.label-keys-0.network', { labelKeys: [] }],
  ['p.fd00-0-0-0-0-0-0-0-123', { cidr: 'fd00::/123', entries: { 'fd00::7': mine } }],
  ['p.fd00-0-0-1-0-0-7-20-123', { cidr: 'fd00::1:0:0:7:20/123', entries: {} }],
  ['p.0-0-0-0-0-0-0-0-123', { cidr: '::/123', entries: {} }],
  ['p.fd00-00-0-0-0-0-0-0-123', { cidr: 'fd00::/123', entries: { 'fd00::7': mine } }, OTHER_NAME],
  ['p.10.0.0.0-19.24.prefix', { ...blocks, entries: {} }],
  ['p.10.0.0.0-19.24', { ...blocks, entries: {} }, OTHER_NAME],
  ['p.10.0.0.0-19.24', { ...blocks, poolRef: { ...poolRef, kind: 'PodNetwork' }, entries: {} }],
  ['lab.10.0.0.7-32.shared', lab],
  ['lab.10.0.0.7-32', lab, OTHER_NAME],
  ['twin.10.0.0.7-32.shared', lab, OTHER_NAME],
  [`${'p'.repeat(160)}-0123456789abcdef.10.0.0.0-27.long`, { ...holding('10.0.0.7'), ...ofLong }],
  ['p.10.0.0.0-21.by50', parted50],
  ['p.10.0.0.0-21', parted50, OTHER_NAME],
  ['p.10.0.0.0-21.50', parted50, OTHER_NAME],
  ['p.10.0.0.0-21.by51', parted50, OTHER_NAME],
  ['p.10.0.0.0-21.by050', parted50, OTHER_NAME],
  ['q.10.0.0.0-21.by50', parted50, OTHER_NAME],
  ['p.10.0.8.0-21.by50', parted50, OTHER_NAME],
  ['p.by50', parted50, OTHER_NAME],
  ['p.10.0.0.0-21.by50.long', parted50, OTHER_NAME],
  ['by7.by50.10.0.0.0-21.by50', { ...parted50, poolRef: { ...network1, name: 'by7.by50' } }],
  [
    `${'p'.repeat(160)}-0123456789abcdef.10.0.0.0-21.by50.long`,
    { ...parted50, poolRef: { ...network1, name: 'p'.repeat(182) } },
  ],
  [
    `${'p'.repeat(160)}-0123456789abcdef.10.0.0.0-21.by51.long`,
    { ...parted50, poolRef: { ...network1, name: 'p'.repeat(182) } },
    OTHER_NAME,
  ],
  [`${'p'.repeat(181)}.10.0.0.0-27`, { ...holding('10.0.0.7'), ...ofLong }, OTHER_NAME],
];

const slices: AdmissionCase[] = [
  ...sliceNames.map(([name, spec, refused]) => ({
    id: `${name}, AllocationSlice of ${JSON.stringify(spec)}`,
    object: slice(spec, name),
    ...(refused && { refused }),
  })),
  ...sliceSpecs.map(([id, spec, refused]) => ({
    id: `${id}, AllocationSlice`,
    object: slice(spec),
    ...(refused && { refused }),
  })),
  ...sliceUpdates.map(([id, before, after, refused]) => ({
    id: `update: ${id}, AllocationSlice`,
    object: slice(before),
    newSpec: (slice(after) as object as { spec: object }).spec,
    ...(refused && { refused }),
  })),
];

const { uid: _, ...ref } = poolRef;
const base4 = {
  claimRef: { name: 'c' },
  poolRef: ref,
  address: '10.0.0.1',
  prefix: 24,
  gateway: '10.0.0.254',
};
const base6 = { ...base4, address: '42::1', prefix: 64, gateway: '42::ffff' };
const clusterAPI: AdmissionCase[] = ['v1beta2', 'v1beta1'].flatMap((version) => {
  const ipAddress = (spec: object) => object(`ipam.cluster.x-k8s.io/${version}`, 'IPAddress', spec);
  const claim = object(`ipam.cluster.x-k8s.io/${version}`, 'IPAddressClaim', { poolRef: ref });
  return [
    { id: 'J1, IPv4', object: ipAddress(base4) },
    { id: 'J1, IPv6', object: ipAddress(base6) },
    { id: 'J2', object: ipAddress({ ...base4, prefix: -1 }), refused: 'spec.prefix' },
    { id: 'J3', object: ipAddress({ ...base4, prefix: 64 }), refused: 'spec.prefix' },
    { id: 'J4', object: ipAddress({ ...base6, prefix: 256 }), refused: 'spec.prefix' },
    { id: 'J5', object: ipAddress({ ...base4, address: '42' }), refused: 'spec.address' },
    { id: 'J6', object: ipAddress({ ...base4, gateway: '42' }), refused: 'spec.gateway' },
    { id: 'J9', object: ipAddress(base4), newSpec: base4 },
    {
      id: 'J10',
      object: ipAddress(base4),
      newSpec: { ...base4, address: '10.0.0.2' },
      refused: 'IPAddress spec is immutable',
    },
    { id: 'J11', object: claim },
    { id: 'J12, same', object: claim, newSpec: { poolRef: ref } },
    {
      id: 'J12, other pool',
      object: claim,
      newSpec: { poolRef: { ...ref, name: 'q' } },
      refused: 'IPAddressClaim spec is immutable',
    },
  ].map((each) => ({ ...each, id: `${each.id}, ${version}` }));
});

export const admissionCases: readonly AdmissionCase[] = [
  ...pools,
  ...prefixPools,
  ...poolsOfV1alpha1,
  ...clusterCIDRs,
  ...podNetworks,
  ...podCIDRClaims,
  ...slices,
  ...clusterAPI,
];
