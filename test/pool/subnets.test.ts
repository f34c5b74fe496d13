import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { formatRange, parseRange } from '../../lib/address/range.ts';
import { RangeSet } from '../../lib/address/range-set.ts';
import { formatProblem } from '../../lib/kubernetes/problem.ts';
import { type PoolSpec, readAddressPool, type SubnetSpec } from '../../lib/pool/spec.ts';

const A = { addresses: ['10.0.0.0/29'], prefix: 29, gateway: '10.0.0.1' };
const B = { addresses: ['10.0.1.4-10.0.1.9'], prefix: 24, gateway: '10.0.1.1' };

function given(...subnets: SubnetSpec[]): string[] {
  return givenBy({ subnets });
}

function givenBy(spec: PoolSpec): string[] {
  const { ranges, problems } = readAddressPool(spec);
  assert.equal(problems, []);
  return ranges!.allocatable.ranges.map(formatRange);
}

test('what each subnet gives: without its gateway and its first and last address', () => {
  assert.equal(given(A, B), ['10.0.0.2-10.0.0.6', '10.0.1.4-10.0.1.9']);
  assert.equal(givenBy({ subnets: [A, B], allocateReservedIPAddresses: true }), [
    '10.0.0.0',
    '10.0.0.2-10.0.0.7',
    '10.0.1.4-10.0.1.9',
  ]);
});

test('what one subnet excludes, or has as its gateway, no other gives', () => {
  const within = { addresses: ['10.0.0.16-10.0.0.20'], prefix: 24, gateway: '10.0.0.3' };
  const excluded = ['10.0.0.5', '10.0.0.18'];
  assert.equal(given(A, { ...within, excludedAddresses: excluded }), [
    '10.0.0.2',
    '10.0.0.4',
    '10.0.0.6',
    '10.0.0.16-10.0.0.17',
    '10.0.0.19-10.0.0.20',
  ]);
});

test('an address that two list is of the first, whose prefix and gateway it has', () => {
  const whole = { addresses: ['10.0.0.0/28'], prefix: 28, gateway: '10.0.0.9' };
  const { ranges } = readAddressPool({ subnets: [A, whole] });
  const texts = ranges!.subnets.map(({ listed, prefix, gateway }) => [
    listed.ranges.map(formatRange).join(),
    prefix,
    gateway,
  ]);
  assert.equal(texts, [
    ['10.0.0.0-10.0.0.7', 29, '10.0.0.1'],
    ['10.0.0.8-10.0.0.15', 28, '10.0.0.9'],
  ]);
});

test('host routes: single addresses from anywhere, with a gateway outside; none is reserved', () => {
  const routes = { addresses: ['10.0.0.7', '10.9.0.0/31', '192.0.2.9'], prefix: 32, gateway: '198.51.100.1' };
  assert.equal(given(routes), ['10.0.0.7', '10.9.0.0-10.9.0.1', '192.0.2.9']);
  assert.equal(given({ addresses: ['fd00::', 'fd01::5'], prefix: 128, gateway: 'fe80::1' }), [
    'fd00::',
    'fd01::5',
  ]);
});

const REFUSED: readonly [spec: object, ...problems: string[]][] = [
  [{ subnets: [] }, 'spec.subnets: Invalid value: []: subnets must not be empty'],
  [{ subnets: {} }, 'spec.subnets: Invalid value: {}: must be a list'],
  [
    { subnets: [null] },
    'spec.subnets[0].addresses: addresses is required',
    'spec.subnets[0].prefix: a valid prefix is required',
  ],
  [{ subnets: [A, { addresses: ['10.0.1.1'] }] }, 'spec.subnets[1].prefix: a valid prefix is required'],
  [
    { subnets: [{ ...A, prefix: 33 }] },
    'spec.subnets[0].prefix: Invalid value: 33: provided prefix is not valid',
  ],
  [
    { subnets: [A, { ...B, addresses: ['10.0.1.4', '10.0.2.4'] }] },
    'spec.subnets[1].addresses[1]: Invalid value: "10.0.2.4": provided address belongs to a different subnet than others',
  ],
  [
    { subnets: [A, { ...B, gateway: 'x' }] },
    'spec.subnets[1].gateway: Invalid value: "x": ParseAddr("x"): unable to parse IP',
  ],
  [
    { subnets: [A, { ...B, addresses: ['x'] }] },
    'spec.subnets[1].addresses[0]: Invalid value: "x": provided address is not a valid IP, range, nor CIDR',
  ],
  [
    { subnets: [A, { addresses: ['fd00::1'], prefix: 64 }] },
    'spec.subnets: provided subnets are of mixed IP families',
  ],
  [
    { subnets: [{ ...A, gateway: 'fd00::1', excludedAddresses: ['fd00::2'] }] },
    'spec.subnets[0].gateway: Invalid value: "fd00::1": provided gateway and addresses are of mixed IP families',
    'spec.subnets[0].excludedAddresses: Invalid value: ["fd00::2"]: addresses and excluded addresses are of mixed IP families',
  ],
];

for (const [spec, ...problems] of REFUSED) {
  test(`refused: ${JSON.stringify(spec)}`, () => {
    const read = readAddressPool(spec as PoolSpec);
    assert.equal(read.problems.map(formatProblem), problems);
    assert.is(read.ranges, undefined);
  });
}

for (const field of ['addresses', 'excludedAddresses', 'prefix', 'gateway', 'subnet', 'start', 'end']) {
  test(`refused: subnets beside ${field} of the pool`, () => {
    const value =
      field === 'prefix'
        ? 24
        : field === 'subnet'
          ? '10.0.0.0/24'
          : field.endsWith('s')
            ? ['10.0.0.1']
            : '10.0.0.1';
    const [problem] = readAddressPool({ subnets: [A], [field]: value }).problems;
    assert.match(formatProblem(problem!), 'leave them out of the pool');
  });
}

/** Subnets of 16 addresses that overlap, in any order. */
const subnet = fc
  .record({ net: fc.nat(3), first: fc.nat(15), size: fc.nat(8), excluded: fc.nat(63), gateway: fc.nat(63) })
  .map(({ net, first, size, excluded, gateway }): SubnetSpec => {
    const at = 16 * net + first;
    return {
      addresses: [`10.0.0.${at}-10.0.0.${Math.min(at + size, 16 * net + 15)}`],
      prefix: 28,
      excludedAddresses: [`10.0.0.${excluded}`],
      gateway: `10.0.0.${gateway}`,
    };
  });

test('a pool of several gives what pools of each give, but for what another keeps back', () => {
  fc.assert(
    fc.property(fc.array(subnet, { minLength: 1, maxLength: 5 }), (subnets) => {
      const { ranges } = readAddressPool({ subnets });
      const each = subnets.map((spec) => readAddressPool(spec).ranges!);
      const kept = RangeSet.of(
        subnets.flatMap(({ excludedAddresses = [], gateway = '' }) =>
          [...excludedAddresses, gateway].map((text) => parseRange(text)!),
        ),
      );
      const edges = RangeSet.of(
        each.flatMap(
          ({ listed, excluded, gateways, allocatable }) =>
            listed.difference(excluded.union(gateways)).difference(allocatable).ranges,
        ),
      );
      const all = each.reduce((sum, { listed }) => sum.union(listed), RangeSet.EMPTY);
      assert.equal(ranges!.listed, all);
      assert.equal(ranges!.allocatable, all.difference(kept.union(edges)));
      assert.is(
        ranges!.subnets.reduce((sum, { listed }) => sum + listed.count, 0n),
        all.count,
      );
    }),
  );
});

test.run();
