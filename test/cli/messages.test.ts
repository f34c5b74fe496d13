/** What `validate` says of a file, to the letter: where, what, and what to write instead. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { main } from '../../lib/cli/metaipam.ts';
import { run } from './run.ts';

const pool = (spec: string, metadata = '{name: p}') =>
  `apiVersion: ipam.cluster.x-k8s.io/v1alpha2\nkind: InClusterIPPool\nmetadata: ${metadata}\nspec: ${spec}\n`;
const addresses = (...list: string[]) => pool(`{addresses: [${list.join(', ')}], prefix: 24}`);
const clusterCIDR = (spec: string, apiVersion = 'networking.x-k8s.io/v1') =>
  `apiVersion: ${apiVersion}\nkind: ClusterCIDR\nmetadata: {name: c}\nspec: ${spec}\n`;
const claim = (poolRef: string, metadata = '{name: a}', version = 'v1beta2') =>
  `apiVersion: ipam.cluster.x-k8s.io/${version}\nkind: IPAddressClaim\nmetadata: ${metadata}\nspec:\n  poolRef: ${poolRef}\n`;
const node = (podCIDRs: string) =>
  `apiVersion: v1\nkind: Node\nmetadata: {name: m}\nspec: {podCIDRs: ${podCIDRs}}\n`;
const OURS = 'apiGroup: ipam.cluster.x-k8s.io';

const POOL = 'InClusterIPPool default/p';
const notRange = (value: string) =>
  `:4: ${POOL}: spec.addresses[0]: Invalid value: "${value}": provided address is not a valid IP, range, nor CIDR`;
const subnet = (index: number, value: string) =>
  `:4: ${POOL}: spec.addresses[${index}]: Invalid value: "${value}": provided address belongs to a different subnet than others`;
const SUBDOMAIN =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";
const NAME_PART =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
const LABEL_VALUE =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
const OF_HELM = 'is of a template: render it first, as helm template does';
const OF_SHELL = 'is of a template: render it first, as envsubst or clusterctl generate does';
const unmerged = (mark: string) => `a merge has left its marks, ${mark}; choose a side, and take them away`;
/** 531 bytes that stand for 9^10 values. */
const BOMB = Array.from({ length: 10 }, (_, level) => {
  const name = (index: number) => String.fromCharCode(97 + index);
  const item = level === 0 ? 'x' : `*${name(level - 1)}`;
  return `${name(level)}: &${name(level)} [${Array(9).fill(item).join(', ')}]\n`;
}).join('');

const kindOf = (kind: string, spec: string) => pool(spec).replace('InClusterIPPool', kind);
/** What people write for a number. */
const WRITTEN_NUMBERS: [text: string, title: string, field: string, advice: string][] = [
  ...(
    [
      ['/24', 'write 24'],
      ['24 bits', 'write 24'],
      ['255.255.255.0', 'write 24'],
      ['10.0.0.0/24', 'write 24'],
      ['"024"', 'write 24, without quotes'],
      ['/240', 'write a number, without quotes'],
      ['big', 'write a number, without quotes'],
    ] as const
  ).map(([text, advice]): [string, string, string, string] => [
    pool(`{addresses: [10.0.0.1], prefix: ${text}}`),
    POOL,
    'spec.prefix',
    advice,
  ]),
  [
    pool('{subnets: [{addresses: [10.0.0.1], prefix: 24}, {addresses: [10.0.1.1], prefix: /25}]}'),
    POOL,
    'spec.subnets[1].prefix',
    'write 25',
  ],
  [
    kindOf('InClusterPrefixPool', '{prefixes: [10.0.0.0/16], allocationPrefixLength: /24}'),
    'InClusterPrefixPool default/p',
    'spec.allocationPrefixLength',
    'write 24',
  ],
  [
    pool('{addresses: [10.0.0.1], prefix: 24, addressReuseGracePeriodSeconds: 5m}'),
    POOL,
    'spec.addressReuseGracePeriodSeconds',
    'write 300',
  ],
  [
    kindOf('GlobalInClusterIPPool', '{addresses: [10.0.0.1], prefix: 24, maxPerNamespace: "10"}'),
    'GlobalInClusterIPPool p',
    'spec.maxPerNamespace',
    'write 10, without quotes',
  ],
  [
    clusterCIDR('{ipv4: 10.0.0.0/16, perNodeHostBits: "8"}'),
    'ClusterCIDR c',
    'spec.perNodeHostBits',
    'write 8, without quotes',
  ],
  [
    clusterCIDR('{ipv4: 10.0.0.0/16, perNodeHostBits: /24}'),
    'ClusterCIDR c',
    'spec.perNodeHostBits',
    'write 8: the bits behind the prefix of a block, which are so many in a /24 of IPv4',
  ],
  [
    clusterCIDR('{ipv4: 10.0.0.0/16, ipv6: "fd00::/48", perNodeHostBits: /120}'),
    'ClusterCIDR c',
    'spec.perNodeHostBits',
    'write 8: the bits behind the prefix of a block, which are so many in a /120 of IPv6',
  ],
];

const REFUSED: [text: string, ...messages: string[]][] = [
  // Addresses
  [
    addresses('10.0.0.9-10.0.0.5'),
    `${notRange('10.0.0.9-10.0.0.5')}; write 10.0.0.5-10.0.0.9: the lower address first`,
  ],
  [
    addresses('"fd00::9-fd00::5"'),
    `${notRange('fd00::9-fd00::5')}; write fd00::5-fd00::9: the lower address first`,
  ],
  [
    addresses('10.0.0.10-20'),
    `${notRange('10.0.0.10-20')}; write 10.0.0.10-10.0.0.20: the last address in full`,
  ],
  [
    addresses('10.0.0.20-10'),
    `${notRange('10.0.0.20-10')}; write 10.0.0.10-10.0.0.20: the last address in full, the lower address first`,
  ],
  [
    addresses('10.0.0.01'),
    `${notRange('10.0.0.01')}; write 10.0.0.1: without leading zeros, which some programs read as octal`,
  ],
  [
    addresses('10.0.0.1 - 10.0.0.9'),
    `${notRange('10.0.0.1 - 10.0.0.9')}; write 10.0.0.1-10.0.0.9: without spaces`,
  ],
  [
    addresses('10.0.0.0/255.255.255.0'),
    `${notRange('10.0.0.0/255.255.255.0')}; write 10.0.0.0/24: a prefix length for a netmask`,
  ],
  [addresses('"10.0.0.*"'), `${notRange('10.0.0.*')}; write 10.0.0.0/24: a CIDR for a wildcard`],
  [
    addresses('10.0.0.1/24-10.0.0.9/24'),
    `${notRange('10.0.0.1/24-10.0.0.9/24')}; write 10.0.0.1-10.0.0.9: addresses without prefix length in a range`,
  ],
  [
    addresses('10.0.0.1..10.0.0.9'),
    `${notRange('10.0.0.1..10.0.0.9')}; write 10.0.0.1-10.0.0.9: one dash between first and last`,
  ],
  [addresses('10.0.0.300'), `${notRange('10.0.0.300')}; 300 is more than 255`],
  [addresses('10.0.0.0/33'), `${notRange('10.0.0.0/33')}; a prefix length is at most 32`],
  [
    addresses('"10.0.0.1-fd00::1"'),
    `${notRange('10.0.0.1-fd00::1')}; both ends of a range are of one family`,
  ],
  [addresses('"10.0.0.1, 10.0.0.2"'), `${notRange('10.0.0.1, 10.0.0.2')}; write each as an item of its own`],
  [addresses('router.example'), `${notRange('router.example')}; names are not looked up`],
  [addresses('""'), notRange('')],
  [addresses('"[fd00::5]:443"'), `${notRange('[fd00::5]:443')}; write fd00::5: without brackets and port`],
  [addresses('"10.0.0.5:443"'), `${notRange('10.0.0.5:443')}; write 10.0.0.5: without the port`],
  [addresses('"fe80::1%eth0"'), `${notRange('fe80::1%eth0')}; write fe80::1: without the interface`],
  [addresses('"::ffff:10.0.0.5"'), `${notRange('::ffff:10.0.0.5')}; write 10.0.0.5: IPv4 as it is`],
  [
    addresses('"::FFFF:10.0.0.5-::FFFF:10.0.0.9"'),
    `${notRange('::FFFF:10.0.0.5-::FFFF:10.0.0.9')}; write 10.0.0.5-10.0.0.9: IPv4 as it is`,
  ],
  [addresses('10.0.0.l0'), `${notRange('10.0.0.l0')}; write 10.0.0.10: digits for letters`],
  [addresses('10.0.1/24'), `${notRange('10.0.1/24')}; write 10.0.1.0/24: all four numbers of the address`],
  [addresses('10.0.0'), `${notRange('10.0.0')}; an IPv4 address has four decimal numbers, none above 255`],
  [
    addresses('0xa.0.0.5'),
    `${notRange('0xa.0.0.5')}; an IPv4 address has four decimal numbers, none above 255`,
  ],
  [addresses('10.0.0.5-'), `${notRange('10.0.0.5-')}; the last address of the range is missing`],
  [addresses('10.0.0.0/'), `${notRange('10.0.0.0/')}; the prefix length is missing`],
  [addresses('"fd00::g"'), `${notRange('fd00::g')}; g is no hexadecimal digit`],
  [
    addresses('"fd00:::1"'),
    `${notRange('fd00:::1')}; an IPv6 address has eight groups of hexadecimal digits, of which one run of zeros may be ::`,
  ],
  [
    pool('{addresses: [10.0.0.1], prefix: 33}'),
    `:4: ${POOL}: spec.prefix: Invalid value: 33: provided prefix is not valid; a prefix length of IPv4 is at most 32`,
  ],
  [
    addresses('10.0.0.0/16'),
    `${subnet(0, '10.0.0.0/16')}; it is larger than a /24: prefix is the length of the subnet around all addresses, so write prefix: 16, or less of the range`,
  ],
  [
    addresses('10.0.0.5', '10.0.1.5'),
    `${subnet(1, '10.0.1.5')}; with prefix 24 all must lie in one /24: write prefix: 23, if 10.0.0.0/23 is one subnet, or list each subnet in spec.subnets`,
  ],
  [
    pool('{subnets: [{addresses: [10.0.0.1], prefix: 24}, {addresses: [10.0.0.5, 10.0.1.5], prefix: 24}]}'),
    `:4: ${POOL}: spec.subnets[1].addresses[1]: Invalid value: "10.0.1.5": provided address belongs to a different subnet than others; with prefix 24 all must lie in one /24: write prefix: 23, if 10.0.0.0/23 is one subnet, or list each subnet in spec.subnets`,
  ],
  [
    pool('{subnets: [{addresses: ["10.0.0.1 - 10.0.0.9"], prefix: 24}]}'),
    `:4: ${POOL}: spec.subnets[0].addresses[0]: Invalid value: "10.0.0.1 - 10.0.0.9": provided address is not a valid IP, range, nor CIDR; write 10.0.0.1-10.0.0.9: without spaces`,
  ],
  [
    pool('{prefix: 24, subnets: [{addresses: [10.0.0.1], prefix: 24}]}'),
    `:4: ${POOL}: spec.subnets: Invalid value: [{"addresses":["10.0.0.1"],"prefix":24}]: with subnets, each has its own addresses, prefix, gateway and excludedAddresses: leave them out of the pool`,
  ],
  [
    pool('{addresses: [10.0.0.1], prefix: 24, gateway: 10.0.0.254/24}'),
    `:4: ${POOL}: spec.gateway: Invalid value: "10.0.0.254/24": ParseAddr("10.0.0.254/24"): unable to parse IP; write 10.0.0.254: the prefix length is spec.prefix`,
  ],
  [
    pool('{addresses: [10.0.0.1], prefix: 24, reservations: [{address: 10.0.0.1/32, claim: a}]}'),
    `:4: ${POOL}: spec.reservations[0].address: Invalid value: "10.0.0.1/32": provided address is not a valid IP; write 10.0.0.1: without prefix length`,
  ],
  // CIDRs
  ...(
    [
      ['10.244.0.0', 'the prefix length is missing'],
      ['10.96.0.0-10.97.255.255', 'write 10.96.0.0/15: a CIDR for a range'],
      ['10.96.0.0-10.96.1.3', 'no CIDR is just that: the smallest around it is 10.96.0.0/23'],
    ] as const
  ).map(([text, advice]): [string, string] => [
    `apiVersion: metaipam.io/v1alpha1\nkind: PodNetwork\nmetadata: {name: default}\nspec: {target: node.spec.podCIDRs, serviceCIDRs: [${text}]}\n`,
    `:4: PodNetwork default: spec.serviceCIDRs[0]: Invalid value: "${text}": must be a CIDR; ${advice}`,
  ]),
  [
    node('[10.0.0.0]'),
    ':4: Node m: spec.podCIDRs[0]: Invalid value: "10.0.0.0": must be a CIDR; the prefix length is missing',
  ],
  [
    clusterCIDR('{perNodeHostBits: 8, ipv4: 10.0.0.0/255.255.0.0}'),
    ':4: ClusterCIDR c: spec.ipv4: Too long: may not be more than 18 bytes; write 10.0.0.0/16: a prefix length for a netmask',
  ],
  // Fields
  [
    pool('\n  prefix: 24\n  addresses:\n    - 10.0.0.1\n  prefix: 25'),
    ':8: the key prefix is given twice in one mapping',
  ],
  [
    pool('{addresses: [10.0.0.1], prefix: 24, addreses: []}'),
    `:4: ${POOL}: spec.addreses: unknown field; use addresses`,
  ],
  [
    pool('{addresses: [10.0.0.1], prefix: "24"}'),
    `:4: ${POOL}: spec.prefix: Invalid value: "string": spec.prefix in body must be of type integer: "string"; write 24, without quotes`,
  ],
  ...WRITTEN_NUMBERS.map(([object, title, field, advice]): [manifest: string, ...lines: string[]] => [
    object,
    `:4: ${title}: ${field}: Invalid value: "string": ${field} in body must be of type integer: "string"; ${advice}`,
  ]),
  [
    pool('{addresses: [10.0.0.1], prefix: 24.5}'),
    `:4: ${POOL}: spec.prefix: Invalid value: "number": spec.prefix in body must be of type integer: "number"; write a whole number`,
  ],
  [
    pool('{addresses: 10.0.0.1, prefix: 24}'),
    `:4: ${POOL}: spec.addresses: Invalid value: "string": spec.addresses in body must be of type array: "string"; write a list: each item in a line of its own, behind a dash`,
  ],
  [
    pool('{addresses: [~, {a: b}, 7], prefix: 24, allocateReservedIPAddresses: "yes"}'),
    `:4: ${POOL}: spec.addresses[0]: Invalid value: "null": spec.addresses[0] in body must be of type string: "null"; write a value, or leave it out`,
    `:4: ${POOL}: spec.addresses[1]: Invalid value: "object": spec.addresses[1] in body must be of type string: "object"; write a text`,
    `:4: ${POOL}: spec.addresses[2]: Invalid value: "integer": spec.addresses[2] in body must be of type string: "integer"; put it in quotes`,
    `:4: ${POOL}: spec.allocateReservedIPAddresses: Invalid value: "string": spec.allocateReservedIPAddresses in body must be of type boolean: "string"; write true or false, without quotes`,
  ],
  [
    pool('{addresses: [10.0.0.1], prefix: 24, maxPerNamespace: 2147483648}'),
    `:4: ${POOL}: spec.maxPerNamespace: Checked value must be of type integer with format int32; write 2147483647 or less`,
  ],
  [
    pool('{addresses: [10.0.0.1\nstatus: {}'),
    ':5: deficient indentation; is a bracket or quote above left open?',
  ],
  // As it is pasted
  [
    addresses('10.0.0.1\u200b-10.0.0.9'),
    `${notRange('10.0.0.1\u200b-10.0.0.9')}; write 10.0.0.1-10.0.0.9: without signs that do not show`,
  ],
  [
    addresses('10.0.0.1\u00a0\u2212\u00a010.0.0.9'),
    `${notRange('10.0.0.1\u00a0\u2212\u00a010.0.0.9')}; write 10.0.0.1-10.0.0.9: without spaces, one dash between first and last`,
  ],
  [addresses('\u201c10.0.0.1\u201d'), `${notRange('\u201c10.0.0.1\u201d')}; write 10.0.0.1: without quotes`],
  [
    pool('{addresses: [10.0.0.1], prefix: "ENC[AES256_GCM,type:int]"}', '{name: "ENC[AES256_GCM,type:str]"}'),
    `:4: InClusterIPPool default/ENC[AES256_GCM,type:str]: spec.prefix: Invalid value: "string": spec.prefix in body must be of type integer: "string"; it is encrypted, by sops: decrypt it first`,
    `:3: InClusterIPPool default/ENC[AES256_GCM,type:str]: metadata.name: Invalid value: "ENC[AES256_GCM,type:str]": ${SUBDOMAIN}; it is encrypted, by sops: decrypt it first`,
  ],
  [
    addresses('"ENC[AES256_GCM]"'),
    `${notRange('ENC[AES256_GCM]')}; it is encrypted, by sops: decrypt it first`,
  ],
  [
    pool('\n\u00a0\u00a0prefix: 24').replace('spec: ', 'spec:'),
    `:4: ${POOL}: spec: Required value`,
    `:5: ${POOL}: \u00a0\u00a0prefix: unknown field; it begins with spaces that are no plain ones: write plain ones`,
  ],
  [
    pool('\n  prefix: 64\n  gateway: fd00::1\n  addresses:\n    - fd00::\n    - "fd00::2"'),
    `:8: ${POOL}: spec.addresses[0]: Invalid value: "object": spec.addresses[0] in body must be of type string: "object"; put it in quotes, if it ends in a colon: that makes a key of it`,
  ],
  // References
  [
    claim(`{${OURS}, kind: InClusterIPPool, name: team-a/web}`),
    `:5: IPAddressClaim default/a: spec.poolRef.name: Invalid value: "team-a/web": spec.poolRef.name in body should match '^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$'; write web: a pool is one of the claim's namespace, or of all`,
  ],
  [
    claim('{apiVersion: ipam.cluster.x-k8s.io/v1alpha2, kind: InClusterIPPool, name: web}'),
    ':5: IPAddressClaim default/a: spec.poolRef.apiGroup: Required value',
    ':5: IPAddressClaim default/a: spec.poolRef.apiVersion: unknown field; use apiGroup, without the version',
  ],
  // Metadata
  [
    pool('{addresses: [10.0.0.1], prefix: 24}', '{name: My_Pool}'),
    `:3: InClusterIPPool default/My_Pool: metadata.name: Invalid value: "My_Pool": ${SUBDOMAIN}; my-pool would do`,
  ],
  [
    pool(
      '{addresses: [10.0.0.1], prefix: 24}',
      '\n  name: p\n  labels:\n    "a b": x\n    c: x y\n    d: 1\n  annotations:\n    cluster.x-k8s.io/paused: true',
    ),
    `:6: ${POOL}: metadata.labels[a b]: Invalid value: "a b": ${NAME_PART}`,
    `:7: ${POOL}: metadata.labels[c]: Invalid value: "x y": ${LABEL_VALUE}`,
    `:8: ${POOL}: metadata.labels[d]: Invalid value: 1: must be a string; put it in quotes`,
    `:10: ${POOL}: metadata.annotations[cluster.x-k8s.io/paused]: Invalid value: true: must be a string; put it in quotes`,
  ],
  [
    pool('{addresses: [10.0.0.1], prefix: 24}', '{name: p, lables: {a: b}, annotations: [a]}'),
    `:3: ${POOL}: metadata.lables: unknown field (did you mean labels?)`,
    `:3: ${POOL}: metadata.annotations: Invalid value: ["a"]: must be a mapping`,
  ],
  [
    claim(
      `{${OURS}, kind: InClusterIPPool, name: p}`,
      '{name: a, annotations: {metaipam.io/requested-address: 10.0.0.010}}',
    ),
    ':3: IPAddressClaim default/a: metadata.annotations[metaipam.io/requested-address]: Invalid value: "10.0.0.010": must be an IP address; write 10.0.0.10: without leading zeros, which some programs read as octal',
  ],
  [
    'apiVersion: v1\nkind: Node\nmetadata: {name: UPPER}\n',
    `:3: Node UPPER: metadata.name: Invalid value: "UPPER": ${SUBDOMAIN}; upper would do`,
  ],
  [
    node('[10.0.0.0/24, nonsense, 10.0.1.0/24]'),
    ':4: Node m: spec.podCIDRs[1]: Invalid value: "nonsense": must be a CIDR; names are not looked up',
  ],
  [
    node('[10.0.0.0/24, 010.0.1.0/24]'),
    ':4: Node m: spec.podCIDRs: Invalid value: ["10.0.0.0/24","010.0.1.0/24"]: may specify no more than one CIDR for each IP family',
  ],
  [
    pool(
      '{addresses: [10.0.0.1], prefix: 24}',
      '{name: p, ownerReferences: [{apiVersion: v1, kind: A, name: a, uid: 1}, {apiVersion: v1, kind: A, name: b}]}',
    ),
    `:3: ${POOL}: metadata.ownerReferences[0].uid: Invalid value: 1: must be a string; put it in quotes`,
    `:3: ${POOL}: metadata.ownerReferences[1].uid: Required value`,
  ],
  [
    pool('{addresses: [10.0.0.1], prefix: 24}', '{name: p, finalizers: [example.com/a, "a b"]}'),
    `:3: ${POOL}: metadata.finalizers[1]: Invalid value: "a b": ${NAME_PART}`,
  ],
  [
    pool(
      '{addresses: [10.0.0.1], prefix: 24}',
      '{name: p, ownerReferences: [{apiVersion: v1, kind: A, name: a, uid: a, controller: true}, {apiVersion: v1, kind: A, name: b, uid: b, controller: true}]}',
    ),
    `:3: ${POOL}: metadata.ownerReferences: only one may be the controller`,
  ],
  [
    pool('{addresses: [10.0.0.1], prefix: 24, addressReuseGracePeriodSeconds: .inf}'),
    ':4: no API server takes .nan and .inf: write a number',
  ],
  // Versions and kinds
  [
    pool('{addresses: [10.0.0.1], prefix: 24}').replace('v1alpha2', 'v1alpha3'),
    `:1: ${POOL}: apiVersion: Invalid value: "ipam.cluster.x-k8s.io/v1alpha3": has no InClusterIPPool: use ipam.cluster.x-k8s.io/v1alpha2 or ipam.cluster.x-k8s.io/v1alpha1`,
  ],
  [
    claim(`{${OURS}, kind: InClusterIPPool, name: p}`, '{name: a}', 'v1alpha1'),
    ':1: IPAddressClaim default/a: apiVersion: Invalid value: "ipam.cluster.x-k8s.io/v1alpha1": has no IPAddressClaim: use ipam.cluster.x-k8s.io/v1beta2 or ipam.cluster.x-k8s.io/v1beta1',
  ],
  [
    clusterCIDR('{perNodeHostBits: 8, ipv4: 10.0.0.0/16}', 'networking.k8s.io/v1alpha1'),
    ':1: ClusterCIDR c: apiVersion: Invalid value: "networking.k8s.io/v1alpha1": has no ClusterCIDR: use networking.x-k8s.io/v1',
  ],
  [
    clusterCIDR('{perNodeHostBits: 8, ipv4: 10.0.0.0/16}', 'v1'),
    ':1: ClusterCIDR c: apiVersion: Invalid value: "v1": has no ClusterCIDR: use networking.x-k8s.io/v1',
  ],
  [
    addresses('10.0.0.1').replace('kind: InCluster', 'kind: Incluster'),
    ':2: InclusterIPPool p: kind: Invalid value: "InclusterIPPool": ipam.cluster.x-k8s.io/v1alpha2 has none: use InClusterIPPool',
  ],
  // Documents
  [
    `${addresses('10.0.0.1')}---\n${addresses('10.0.0.2')}`,
    `:6: document 2: ${POOL}: is given twice, first in <stdin>:1; leave one of them`,
  ],
  [
    `${addresses('10.0.0.1')}---\n${pool('{addresses: [10.0.0.2], prefix: 24}', '{name: p, namespace: default}')}`,
    `:6: document 2: ${POOL}: is given twice, first in <stdin>:1; leave one of them`,
  ],
  [BOMB, ':6: the aliases up to *e stand for more than 100000 values: write them out'],
  [`a: ${'['.repeat(200)}`, ':1: nests deeper than 100 levels'],
  ['a: &a\n  b: *a\n', ':2: the alias *a refers to what contains it'],
  [
    '- a\n- b\n',
    ':1: document: must be an object, found ["a","b"]; write objects one after another, as jq -c .[] does',
  ],
  [
    'apiVersion: v1\nkind: Node\nmetadata: {name: 7}\n',
    ':3: metadata.name: Invalid value: 7: must be a string; put it in quotes',
  ],
  ['a:\n\tb: 1\n', ':2: tab characters must not be used in indentation; write spaces'],
  // Templates, and what a merge has left
  ['kind: InClusterIPPool\nname: {{ .Values.name }}\n', `:2: {{ .Values.name }} ${OF_HELM}`],
  ['# {{ x }}\na: "{{ y }}"\nb: {{ .Values.b }}\n', `:3: {{ .Values.b }} ${OF_HELM}`],
  [`{{- if .Values.on }}\n${addresses('10.0.0.1')}{{- end }}\n`, `:1: {{- if .Values.on }} ${OF_HELM}`],
  [`${addresses('10.0.0.1')}{% if x %}\na: b\n`, `:5: {% if x %} ${OF_HELM}`],
  [addresses(`\${FIRST}-\${LAST}`), `:4: \${FIRST} ${OF_SHELL}`],
  [
    pool(
      `\n  prefix: \${PREFIX:=24}\n  addresses: \${RANGES}\n  \${MORE}: 1`,
      '{name: "{{ .Values.name }}"}',
    ),
    `:7: InClusterIPPool default/{{ .Values.name }}: spec.\${MORE}: unknown field; \${MORE} ${OF_SHELL}`,
    `:6: InClusterIPPool default/{{ .Values.name }}: spec.addresses: Invalid value: "string": spec.addresses in body must be of type array: "string"; \${RANGES} ${OF_SHELL}`,
    `:5: InClusterIPPool default/{{ .Values.name }}: spec.prefix: Invalid value: "string": spec.prefix in body must be of type integer: "string"; \${PREFIX:=24} ${OF_SHELL}`,
    `:3: InClusterIPPool default/{{ .Values.name }}: metadata.name: Invalid value: "{{ .Values.name }}": ${SUBDOMAIN}; {{ .Values.name }} ${OF_HELM}`,
  ],
  [
    pool('{addresses: [$FIRST], prefix: 24}', `{name: a-$CLUSTER, namespace: "\${NAMESPACE}"}`),
    `:3: InClusterIPPool \${NAMESPACE}/a-$CLUSTER: metadata.name: Invalid value: "a-$CLUSTER": ${SUBDOMAIN}; $CLUSTER ${OF_SHELL}`,
    `:3: InClusterIPPool \${NAMESPACE}/a-$CLUSTER: metadata.namespace: Invalid value: "\${NAMESPACE}": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character; \${NAMESPACE} ${OF_SHELL}`,
    `:4: InClusterIPPool \${NAMESPACE}/a-$CLUSTER: spec.addresses[0]: Invalid value: "$FIRST": provided address is not a valid IP, range, nor CIDR; $FIRST ${OF_SHELL}`,
  ],
  [`\${POOLS}\n`, `:1: document: must be an object, found "\${POOLS}"; \${POOLS} ${OF_SHELL}`],
  [
    `${addresses('10.0.0.1')}<<<<<<< HEAD\na: 1\n=======\na: 2\n>>>>>>> b\n`,
    `:5: ${unmerged('<<<<<<< HEAD')}`,
  ],
  [
    `<<<<<<< HEAD\n---\n${addresses('10.0.0.1')}=======\n---\n${addresses('10.0.0.2')}>>>>>>> b\n`,
    `:1: document 1: ${unmerged('<<<<<<< HEAD')}`,
    `:7: document 2: ${unmerged('=======')}`,
    `:13: document 3: ${unmerged('>>>>>>> b')}`,
  ],
  [
    'apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n',
    ':1: is a kustomization, which metaipam does not build; give its folder, or kubectl kustomize FOLDER | metaipam … -f -',
  ],
  ['', ': there is no object in it'],
  ['# nothing\n---\n', ': there is no object in it'],
];
for (const [text, ...messages] of REFUSED) {
  test(`refused: ${messages[0]}`, async () => {
    const { code, out, err } = await run(main, ['validate', '-f', '-'], { stdin: text });
    const lines = err.trimEnd().split('\n');
    assert.equal(
      lines.slice(0, -1),
      messages.map((message) => `<stdin>${message}`),
    );
    assert.match(lines.at(-1)!, `${messages.length} problem`);
    assert.equal([code, out], [1, '']);
  });
}

const KNOWN =
  'known are metaipam.io/network in metadata.labels, metaipam.io/address-space in metadata.annotations, metaipam.io/may-overlap in metadata.annotations';
const warned = (field: string, text: string) => `${POOL}: ${field}: ${text}`;
const octal = (field: string, text: string, means: number, meant: number) =>
  `${field}: ${text} is octal, and means ${means}; write ${meant} or ${means}`;
const DOUBTED: [text: string, ...messages: string[]][] = [
  [pool('{addresses: [10.0.0.1], prefix: 024}'), `${POOL}: ${octal('spec.prefix', '024', 20, 24)}`],
  [
    pool('\n  addresses:\n  - 10.0.0.1\n  prefix: 0_30 # bits\n  addressReuseGracePeriodSeconds: 0600'),
    `${POOL}: ${octal('spec.prefix', '0_30', 24, 30)}`,
    `${POOL}: ${octal('spec.addressReuseGracePeriodSeconds', '0600', 384, 600)}`,
  ],
  [
    `apiVersion: v1\nkind: List\nitems:\n- ${pool('{subnets: [{addresses: [10.0.0.1], prefix: 24}, {addresses: [10.0.1.1],prefix: 030}]}').replaceAll('\n', '\n  ')}`,
    `${POOL}: ${octal('spec.subnets[1].prefix', '030', 24, 30)}`,
  ],
  [
    clusterCIDR('{perNodeHostBits: 010, ipv4: 10.0.0.0/16}'),
    `ClusterCIDR c: ${octal('spec.perNodeHostBits', '010', 8, 10)}`,
  ],
  [
    addresses('10.0.0.5/24'),
    warned('spec.addresses[0]', '"10.0.0.5/24" stands for all of 10.0.0.0/24; write 10.0.0.0/24'),
  ],
  [
    pool('{addresses: [10.0.0.5], prefix: 24, gateway: 10.0.1.1}'),
    warned(
      'spec.gateway',
      '"10.0.1.1" is not in 10.0.0.0/24, the subnet of the addresses; machines reach no gateway outside of their subnet',
    ),
  ],
  [
    pool('{subnets: [{addresses: [10.0.0.1], prefix: 24}, {addresses: [10.0.0.1-10.0.0.2], prefix: 25}]}'),
    warned(
      'spec.subnets[1].addresses',
      '["10.0.0.1-10.0.0.2"] 10.0.0.1 is of a subnet before, which lists it too; list each address once',
    ),
  ],
  [
    pool(
      '{subnets: [{addresses: [10.0.0.1], prefix: 24}, {addresses: [10.9.0.1], prefix: 24, gateway: 10.0.0.9}]}',
    ),
    warned(
      'spec.subnets[1].gateway',
      '"10.0.0.9" is not in 10.9.0.0/24, the subnet of the addresses; machines reach no gateway outside of their subnet',
    ),
  ],
  [
    pool('{addresses: [10.0.0.1], prefix: 24, gateway: 10.0.0.1}'),
    warned(
      'spec.addresses',
      '["10.0.0.1"] leaves nothing to give out: all is excluded, the gateway, or reserved by the subnet',
    ),
  ],
  [
    pool('{addresses: [10.0.0.1], prefix: 24, excludedAddresses: [10.0.0.9]}'),
    warned('spec.excludedAddresses[0]', '"10.0.0.9" excludes nothing: no address of the pool lies there'),
  ],
  [
    pool(
      '{addresses: [10.0.0.1], prefix: 24, reservations: [{address: 10.0.0.1, claim: a}, {address: 10.0.0.1, claim: b}]}',
    ),
    warned(
      'spec.reservations[1].address',
      '"10.0.0.1" is reserved for IPAddressClaim a before, which counts',
    ),
  ],
  [
    pool('{addresses: [10.0.0.1], prefix: 24, reservations: [{address: 10.0.0.9, claim: a}]}'),
    warned('spec.reservations[0].address', '"10.0.0.9" is not one that the pool gives out'),
  ],
  [
    pool('{addresses: [10.0.0.1], prefix: 24, reservations: [{address: 10.0.0.1, claim: a, namespace: b}]}'),
    warned('spec.reservations[0].namespace', '"b" has no claims that the pool serves: those of default are'),
  ],
  [
    pool(
      '{prefixes: [10.0.0.0/16], allocationPrefixLength: 24, reservations: [{prefix: 10.1.0.0/24, claim: a}]}',
    ).replace('InClusterIPPool', 'InClusterPrefixPool'),
    'InClusterPrefixPool default/p: spec.reservations[0].prefix: "10.1.0.0/24" is not one that the pool gives out',
  ],
  [
    pool('{addresses: [10.0.0.1], prefix: 24}', '{name: p, annotations: {metaipam.io/adress-space: lan}}'),
    warned(
      'metadata.annotations[metaipam.io/adress-space]',
      'means nothing to metaipam; use metaipam.io/address-space',
    ),
  ],
  [
    pool(
      '{addresses: [10.0.0.1], prefix: 24}',
      '{name: p, annotations: {cluster.x-k8s.io/pause: "", cluster.x-k8s.io/managed-by: x}}',
    ),
    warned(
      'metadata.annotations[cluster.x-k8s.io/pause]',
      'means nothing to metaipam; use cluster.x-k8s.io/paused',
    ),
  ],
  [
    pool('{addresses: [10.0.0.1], prefix: 24}', '{name: p, annotations: {metaipam.io/colour: red}}'),
    warned('metadata.annotations[metaipam.io/colour]', `means nothing to metaipam; ${KNOWN}`),
  ],
  [
    clusterCIDR('{perNodeHostBits: 8, ipv4: 10.0.0.0/16}').replace(
      '{name: c}',
      '{name: c, labels: {metaipam.io/pod-network: lan}, annotations: {metaipam.io/network: lan}}',
    ),
    'ClusterCIDR c: metadata.labels[metaipam.io/pod-network]: means nothing to metaipam; known are metaipam.io/network in metadata.labels, metaipam.io/per-node-host-bits-ipv4 in metadata.annotations, metaipam.io/per-node-host-bits-ipv6 in metadata.annotations, metaipam.io/per-node-block-size in metadata.annotations',
    'ClusterCIDR c: metadata.annotations[metaipam.io/network]: means nothing as an annotation; write it in metadata.labels',
  ],
  [
    pool('{addresses: [10.0.0.1], prefix: 24}', '{name: p, labels: {cluster.x-k8s.io/paused: ""}}'),
    warned(
      'metadata.labels[cluster.x-k8s.io/paused]',
      'means nothing as a label; write it in metadata.annotations',
    ),
  ],
  [
    'apiVersion: metaipam.io/v1alpha1\nkind: PodNetwork\nmetadata: {name: m, labels: {metaipam.io/network: m}}\nspec: {target: node.metadata.annotations}\n',
    'PodNetwork m: metadata.labels[metaipam.io/network]: means nothing on kind PodNetwork; leave it out',
  ],
  [
    pool(
      '{addresses: [10.0.0.1], prefix: 24}',
      '{name: p, annotations: {metaipam.io/requested-address: 10.0.0.1}}',
    ),
    warned(
      'metadata.annotations[metaipam.io/requested-address]',
      `means nothing on kind InClusterIPPool; ${KNOWN}`,
    ),
  ],
  [
    `apiVersion: k8s.cni.cncf.io/v1alpha1
kind: IPAMClaim
metadata:
  name: a
  namespace: default
  annotations: {metaipam.io/requested-adress: 10.0.0.1, metaipam.io/address-space: lan, metaipam.io/requested-address: 10.0.0.1}
spec: {network: lan, interface: net1}
`,
    'IPAMClaim default/a: metadata.annotations[metaipam.io/requested-adress]: means nothing to metaipam; use metaipam.io/requested-address',
    'IPAMClaim default/a: metadata.annotations[metaipam.io/address-space]: means nothing on kind IPAMClaim; known are metaipam.io/requested-address in metadata.annotations',
  ],
  [
    pool('{addresses: [10.0.0.1], prefix: 24}', '{name: p, labels: {metaipam.io/address-space: lan}}'),
    warned(
      'metadata.labels[metaipam.io/address-space]',
      'means nothing as a label; write it in metadata.annotations',
    ),
  ],
  [
    pool('{subnet: 10.0.0.0/24, end: 10.0.0.20}').replace('v1alpha2', 'v1alpha1'),
    warned(
      'apiVersion',
      '"ipam.cluster.x-k8s.io/v1alpha1" is deprecated; use ipam.cluster.x-k8s.io/v1alpha2',
    ),
    warned(
      'spec.subnet',
      '"10.0.0.0/24" is deprecated: v1alpha1 had it; write addresses: [10.0.0.1-10.0.0.20] and prefix: 24',
    ),
  ],
  [
    pool('{addresses: [10.0.0.5]}').replace('v1alpha2', 'v1alpha1'),
    warned(
      'apiVersion',
      '"ipam.cluster.x-k8s.io/v1alpha1" is deprecated; use ipam.cluster.x-k8s.io/v1alpha2',
    ),
    warned(
      'spec.prefix',
      'is missing, and machines get addresses with prefix 0; write the length of the subnet, such as prefix: 24',
    ),
  ],
  [
    clusterCIDR('{perNodeHostBits: 8, ipv4: 10.0.5.0/16}'),
    'ClusterCIDR c: spec.ipv4: "10.0.5.0/16" stands for all of 10.0.0.0/16; write 10.0.0.0/16',
  ],
  [
    claim(`{${OURS}, kind: InClusterIpPool, name: p}`),
    'IPAddressClaim default/a: spec.poolRef.kind: "InClusterIpPool" is no kind of pool that metaipam serves: the claim gets no answer from it; use InClusterIPPool, unless another provider serves it',
  ],
  [
    claim('{apiGroup: cluster.x-k8s.io, kind: InClusterIPPool, name: p}'),
    'IPAddressClaim default/a: spec.poolRef.apiGroup: "cluster.x-k8s.io" has no InClusterIPPool that metaipam serves: the claim gets no answer; use ipam.cluster.x-k8s.io',
  ],
  [
    addresses('10.0.0.1').replace('ipam.cluster.x-k8s.io/v1alpha2', 'example.org/v1'),
    'InClusterIPPool p: apiVersion: "example.org/v1" is no group whose InClusterIPPool metaipam looks after; use ipam.cluster.x-k8s.io/v1alpha2 if it is meant for metaipam',
  ],
  [
    clusterCIDR('{perNodeHostBits: 8, ipv4: 10.0.0.0/16}').replace('{name: c}', '{name: c, namespace: x}'),
    'ClusterCIDR x/c: metadata.namespace: "x" is ignored: a ClusterCIDR has no namespace; leave it out',
  ],
  [
    `${addresses('10.0.0.1-10.0.0.9')}---\n${pool('{addresses: [10.0.0.5], prefix: 24}', '{name: q}')}`,
    'document 2: InClusterIPPool default/q: spec: overlaps InClusterIPPool default/p in 10.0.0.5: fine for networks that are apart, else one address is given out twice',
  ],
];
for (const [text, ...messages] of DOUBTED) {
  test(`a warning: ${messages[0]}`, async () => {
    const { code, out, err } = await run(main, ['validate', '-f', '-'], { stdin: text });
    const lines = err
      .trimEnd()
      .split('\n')
      .map((line) => line.replace(/^<stdin>:\d+: warning: /, ''));
    assert.equal(lines, messages);
    assert.match(out, ' valid');
    assert.is(code, 0);
    assert.is((await run(main, ['validate', '-f', '-', '--strict'], { stdin: text })).code, 1);
  });
}

test('of a number where a text has to be, how it is written', async () => {
  const stdin = clusterCIDR('{perNodeHostBits: 8, ipv4: 10.0.0.0/16}').replace(
    '{name: c}',
    '{name: c, labels: {rack: 010}, annotations: {metaipam.io/per-node-host-bits-ipv4: 010}}',
  );
  const { code, err } = await run(main, ['validate', '-f', '-'], { stdin });
  assert.is(code, 1);
  const field = 'metadata.annotations[metaipam.io/per-node-host-bits-ipv4]';
  assert.match(err, `ClusterCIDR c: ${field}: Invalid value: 8: must be a string; put it in quotes\n`);
  for (const each of [field, 'metadata.labels[rack]'])
    assert.match(err, `warning: ClusterCIDR c: ${each}: 010 is octal, and means 8; write "010"\n`);
});

test('of a number that is refused, how it was read is said too', async () => {
  const stdin = pool('{addresses: [10.0.0.1], prefix: &bits 0300}');
  const { code, err } = await run(main, ['validate', '-f', '-'], { stdin });
  assert.is(code, 1);
  assert.equal(err.split('\n'), [
    `<stdin>:4: ${POOL}: spec.prefix: Invalid value: 192: spec.prefix in body should be less than or equal to 128`,
    `<stdin>:4: warning: ${POOL}: ${octal('spec.prefix', '0300', 192, 300)}`,
    '1 problem and 1 warning in 1 object',
    '',
  ]);
});

const QUIET: [what: string, text: string][] = [
  ...['0x18', '1_8', '24 # not 024', '+24'].map((text): [string, string] => [
    `a number that is no octal one: ${text}`,
    pool(`\n  addresses: [10.0.0.1]\n  prefix: ${text}`, '{name: p, labels: {a: "024"}}'),
  ]),
  [
    'octal, and the same in decimal',
    pool('{addresses: [10.0.0.1], prefix: 24, addressReuseGracePeriodSeconds: 007}'),
  ],
  ['octal in what others have', 'apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\nspec: {mode: 0644}\n'],
  [
    'labels that metaipam gives',
    'apiVersion: ipam.cluster.x-k8s.io/v1beta2\nkind: IPAddress\nmetadata: {name: a, labels: {metaipam.io/address-space: lan, metaipam.io/pool: InClusterIPPool.p}}\nspec: {address: 10.0.0.1, prefix: 24, claimRef: {name: a}, poolRef: {apiGroup: ipam.cluster.x-k8s.io, kind: InClusterIPPool, name: p}}\n',
  ],
  [
    'Kubernetes has IPAddresses of its own',
    'apiVersion: networking.k8s.io/v1\nkind: IPAddress\nmetadata: {name: 10.0.0.1}\n',
  ],
  [
    'other providers have pools in the same group',
    'apiVersion: ipam.cluster.x-k8s.io/v1alpha1\nkind: InfobloxIPPool\nmetadata: {name: a}\n',
  ],
  ['other providers have claims', claim('{apiGroup: ipam.metal3.io, kind: IPPool, name: p}')],
  [
    'a null field is absent',
    clusterCIDR('{perNodeHostBits: 8, ipv4: 10.0.0.0/16, ipv6: null, nodeSelector: null}'),
  ],
  ['an alias or two', `x: &l [10.0.0.1, 10.0.0.2]\n---\n${addresses('10.0.0.1')}`.replace(/^x.*\n---\n/, '')],
];
for (const [what, text] of QUIET) {
  test(`no warning: ${what}`, async () => {
    const { code, err } = await run(main, ['validate', '-f', '-', '--strict'], { stdin: text });
    assert.equal([code, err], [0, '']);
  });
}

test('release says what to write instead of an address that is none', async () => {
  for (const [text, advice] of [
    ['010.0.0.1', ': write 10.0.0.1: without leading zeros, which some programs read as octal'],
    ['::ffff:10.0.0.1', ': write 10.0.0.1: IPv4 as it is'],
    ['machine-1', ''],
  ] as const) {
    const { code, err } = await run(main, ['release', text]);
    assert.is(code, 1);
    assert.match(err, `metaipam release: ${text} must be an address or a range${advice}\n`);
  }
});

test.run();
