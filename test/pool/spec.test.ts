import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseAddress } from '../../lib/address/address.ts';
import { parseRange, type Range } from '../../lib/address/range.ts';
import { formatProblem } from '../../lib/kubernetes/problem.ts';
import type { PoolRanges } from '../../lib/pool/ranges.ts';
import { type PoolSpec, poolRanges, readAddressPool } from '../../lib/pool/spec.ts';

function ranges(texts: readonly string[] = []): Range[] {
  return texts.map((text) => parseRange(text)!);
}

function read(spec: PoolSpec): PoolRanges {
  const { ranges, problems } = readAddressPool(spec);
  assert.equal(problems, []);
  return ranges!;
}

/** The ranges of a pool whose list leaves its subnet, which `readPool` refuses. */
function convert(spec: PoolSpec): PoolRanges {
  const [addresses, excluded] = [ranges(spec.addresses), ranges(spec.excludedAddresses)];
  const gateway = parseAddress(spec.gateway!);
  return poolRanges(spec, [{ field: 'spec', spec, addresses, excluded, gateway, prefix: spec.prefix! }]);
}

interface Case {
  id: string;
  spec: PoolSpec;
  present: string[];
  absent?: string[];
  count: bigint;
  leavesSubnet?: true;
}

/** What starts with `.` or `::` is an end within the network. */
function within(network: string, texts: string): string[] {
  return texts.split(' ').map((text) => text.replaceAll(/(^|-)(?=\.|::)/g, `$1${network}`));
}

const v4 = (texts: string) => within('192.168.0', texts);
const v6 = (texts: string) => within('fd01', texts);

const A1: Case[] = [
  {
    id: 'A1.1 a prefix of 0',
    spec: { gateway: '192.168.0.1', prefix: 0, addresses: v4('.3-.10') },
    present: v4('.3 .5 .6 .7 .10'),
    absent: v4('.2 .11'),
    count: 8n,
  },
  {
    id: 'A1.2 addresses, a range and a CIDR',
    spec: { gateway: '192.168.0.1', prefix: 24, addresses: v4('.2 .3-.4 .6/31') },
    present: v4('.2 .3 .4 .6 .7'),
    absent: v4('.5 .8'),
    count: 5n,
  },
  {
    id: 'A1.3 the network address',
    spec: { gateway: '192.168.0.1', prefix: 24, addresses: v4('.0 .3-.4 .6/31') },
    present: v4('.3 .4 .6 .7'),
    absent: v4('.0'),
    count: 4n,
  },
  {
    id: 'A1.4 the broadcast address, of the whole subnet only',
    spec: {
      gateway: '192.168.0.1',
      prefix: 16,
      addresses: ['192.168.1.0', '192.168.0.255', ...v4('.3-.4 .6/31'), '192.168.255.255'],
    },
    present: ['192.168.1.0', '192.168.0.255', ...v4('.3 .4 .6 .7')],
    absent: ['192.168.255.255'],
    count: 6n,
  },
  {
    id: 'A1.5 the gateway',
    spec: { gateway: '192.168.0.1', prefix: 24, addresses: v4('.1 .3-.4 .6/31') },
    present: v4('.3 .4 .6 .7'),
    absent: v4('.1'),
    count: 4n,
  },
  {
    id: 'A1.6 reserved addresses on demand, the gateway never',
    spec: {
      gateway: '192.168.0.1',
      prefix: 24,
      addresses: v4('.0 .1 .3-.4 .6/31 .255'),
      allocateReservedIPAddresses: true,
    },
    present: v4('.0 .3 .4 .6 .7 .255'),
    absent: v4('.1'),
    count: 6n,
  },
  {
    id: 'A1.7 excluded addresses',
    spec: { gateway: '192.168.0.1', prefix: 24, addresses: v4('.0-.10'), excludedAddresses: v4('.5 .6 .7') },
    present: v4('.2 .3 .4 .8 .9 .10'),
    absent: v4('.0 .1 .5 .6 .7 .11'),
    count: 6n,
  },
  {
    id: 'A1.8 an excluded CIDR',
    spec: { gateway: '192.168.0.1', prefix: 24, addresses: v4('.0/24'), excludedAddresses: v4('.128/25') },
    present: v4('.2-.127'),
    absent: v4('.0-.1 .128-.255'),
    count: 126n,
  },
  {
    id: 'A1.9 an excluded range',
    spec: { gateway: '192.168.0.1', prefix: 24, addresses: v4('.0/24'), excludedAddresses: v4('.2-.20') },
    present: v4('.21-.254'),
    absent: v4('.2-.20 .255'),
    count: 234n,
  },
  {
    id: 'A1.10 IPv6',
    spec: { gateway: 'fd01::1', prefix: 120, addresses: v6('::2 ::3-::4 ::6/127') },
    present: v6('::2 ::3 ::4 ::6 ::7'),
    absent: v6('::1 ::5 ::8'),
    count: 5n,
  },
  {
    id: 'A1.11 the anycast address',
    spec: { gateway: 'fd01::1', prefix: 120, addresses: v6('::0 ::3-::4 ::6/127') },
    present: v6('::3 ::4 ::6 ::7'),
    absent: v6('::0'),
    count: 4n,
  },
  {
    id: 'A1.12 IPv6 has no broadcast address',
    spec: {
      gateway: 'fd01::1',
      prefix: 112,
      addresses: v6('::ffff ::1:0 ::3-::4 ::6/127 ::ffff:ffff'),
    },
    present: v6('::ffff ::1:0 ::3 ::4 ::6 ::7 ::ffff:ffff'),
    count: 7n,
    leavesSubnet: true,
  },
  {
    id: 'A1.13 the gateway of IPv6',
    spec: { gateway: 'fd01::1', prefix: 120, addresses: v6('::1 ::3-::4 ::6/127') },
    present: v6('::3 ::4 ::6 ::7'),
    absent: v6('::1'),
    count: 4n,
  },
  {
    id: 'A1.14 reserved addresses of IPv6 on demand',
    spec: {
      gateway: 'fd01::1',
      prefix: 120,
      addresses: v6('::0 ::1 ::3-::4 ::6/127 ::ffff:ffff'),
      allocateReservedIPAddresses: true,
    },
    present: v6('::0 ::3 ::4 ::6 ::7 ::ffff:ffff'),
    absent: v6('::1'),
    count: 6n,
    leavesSubnet: true,
  },
];
for (const { id, spec, present, absent = [], count, leavesSubnet } of A1) {
  test(`${id}: ${count} addresses`, () => {
    const { allocatable } = leavesSubnet ? convert(spec) : read(spec);
    for (const text of present) assert.ok(allocatable.covers(parseRange(text)!), `${text} is in`);
    for (const text of absent) assert.not(allocatable.overlaps(parseRange(text)!), `${text} is out`);
    assert.is(allocatable.count, count);
  });
}

test('a list that leaves its subnet is refused for the two cases that do so', () => {
  const leaving = A1.filter(({ leavesSubnet }) => leavesSubnet);
  for (const { spec } of leaving) {
    const messages = readAddressPool(spec).problems.map(({ message }) => message);
    assert.ok(messages.length > 0);
    for (const message of messages) {
      assert.is(message, 'provided address belongs to a different subnet than others');
    }
  }
});

// Subnets of one and two addresses have no network and no broadcast address (RFC 3021, RFC 6164).
const SMALL: [string, number, bigint][] = [
  ['10.0.0.0/30', 30, 2n],
  ['10.0.0.0/31', 31, 2n],
  ['10.0.0.7/32', 32, 1n],
  ['fd00::/126', 126, 3n],
  ['fd00::/127', 127, 2n],
  ['fd00::7/128', 128, 1n],
];
for (const [cidr, prefix, count] of SMALL) {
  test(`${cidr} has ${count} usable addresses`, () => {
    assert.is(read({ addresses: [cidr], prefix }).allocatable.count, count);
  });
}

test('reserved are the ends of the subnet of the lowest address, excluded or not', () => {
  const spec = {
    addresses: ['10.0.0.10-10.0.0.255', '10.0.0.0'],
    prefix: 24,
    excludedAddresses: ['10.0.0.0/28'],
  };
  const { allocatable } = read(spec);
  assert.ok(allocatable.has(parseAddress('10.0.0.16')!));
  assert.not(allocatable.has(parseAddress('10.0.0.255')!));
});

test('a gateway outside the subnet takes nothing away', () => {
  assert.is(
    read({ addresses: ['10.0.0.1-10.0.0.9'], prefix: 24, gateway: '10.9.9.9' }).allocatable.count,
    9n,
  );
});

test('an empty gateway is none; any other is kept as it was written', () => {
  assert.is(read({ addresses: ['10.0.0.1'], prefix: 24, gateway: '' }).subnets[0]?.gateway, undefined);
  const [subnet] = read({ addresses: ['fd00::1'], prefix: 64, gateway: 'FD00:0::9' }).subnets;
  assert.is(subnet?.gateway, 'FD00:0::9');
});

test('all of IPv6 is read without being walked', () => {
  const { allocatable } = read({ addresses: ['::/0'], prefix: 0, gateway: '::1' });
  assert.is(allocatable.count, 2n ** 128n - 2n);
  assert.is(allocatable.ranges.length, 1);
});

test('every problem is told, with the place and the value', () => {
  const spec = {
    addresses: ['10.0.0.1', 'x', 'fd00::1'],
    prefix: -1,
    gateway: 'y',
    excludedAddresses: ['10.0.0.300'],
    addressReuseGracePeriodSeconds: -1,
  };
  assert.equal(
    readAddressPool(spec).problems.map(({ field, value }) => [field, value]),
    [
      ['spec.addresses[1]', 'x'],
      ['spec.addresses', spec.addresses],
      ['spec.excludedAddresses[0]', '10.0.0.300'],
      ['spec.gateway', 'y'],
      ['spec.prefix', -1],
      ['spec.addressReuseGracePeriodSeconds', -1],
    ],
  );
});

const MIXED = 'provided addresses are of mixed IP families';
const REFUSED: [what: string, spec: object, ...problems: string[]][] = [
  ['an empty list', { addresses: [], prefix: 24 }, 'spec.addresses: addresses is required'],
  [
    'no list',
    { addresses: '10.0.0.1', prefix: 24 },
    'spec.addresses: Invalid value: "10.0.0.1": must be a list',
  ],
  [
    'host routes that are not one of several subnets',
    { addresses: ['10.0.0.1', '10.0.0.2'], prefix: 32 },
    'spec.addresses[1]: Invalid value: "10.0.0.2": provided address belongs to a different subnet than others',
  ],
  [
    'excluded addresses of both families, which are not those of the addresses besides',
    { addresses: ['10.0.0.1'], prefix: 24, excludedAddresses: ['fd00::1', '10.0.0.2'] },
    `spec.excludedAddresses: Invalid value: ["fd00::1","10.0.0.2"]: ${MIXED}`,
  ],
  [
    'addresses of both families, from which none that are excluded differ besides',
    { addresses: ['10.0.0.1', 'fd00::1'], prefix: 24, excludedAddresses: ['fd00::1'] },
    `spec.addresses: Invalid value: ["10.0.0.1","fd00::1"]: ${MIXED}`,
  ],
];
for (const [what, spec, ...problems] of REFUSED) {
  test(`refused: ${what}`, () => {
    const read = readAddressPool(spec as PoolSpec);
    assert.equal(read.problems.map(formatProblem), problems);
    assert.is(read.ranges, undefined);
  });
}

test('a spec of any shape is read or refused, never thrown at', () => {
  const odd: unknown[] = [
    undefined,
    {},
    { addresses: 'all of them' },
    { addresses: '10.0.0.1', prefix: 24 },
    { addresses: null, prefix: 24 },
    { addresses: {}, prefix: 24 },
    { addresses: [null, 7, {}], prefix: '24' },
    { addresses: ['10.0.0.1'], prefix: 24.5 },
    { addresses: ['10.0.0.1'], prefix: null, gateway: null, excludedAddresses: null },
    { addresses: ['10.0.0.1'], prefix: 24, gateway: 7 },
    { addresses: ['10.0.0.1'], prefix: 24, excludedAddresses: 'none' },
    { addresses: ['10.0.0.1'], prefix: 24, addressReuseGracePeriodSeconds: 'long' },
  ];
  for (const spec of odd) {
    const { ranges, problems } = readAddressPool(spec as PoolSpec);
    assert.is(ranges === undefined, problems.length > 0);
  }
});

test.run();
