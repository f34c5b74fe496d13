import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { blocksIn, countBlocks } from '../../lib/address/blocks.ts';
import { covers, formatPrefix, formatRange, overlaps, prefixOf } from '../../lib/address/range.ts';
import { RangeSet } from '../../lib/address/range-set.ts';
import { type PrefixPoolSpec, readPrefixPool } from '../../lib/pool/prefix-spec.ts';

const CAP = 2n ** 63n;

const A: [id: string, spec: PrefixPoolSpec, total: bigint, first: string[]][] = [
  ['A1', { prefixes: ['fd00::/62'] }, 4n, ['fd00::/64']],
  ['A2', { prefixes: ['fd00::/62', 'fd00::/63'] }, 4n, ['fd00::/64']],
  ['A3', { prefixes: ['fd00:0:0:2::/63', 'fd00::/63'] }, 4n, ['fd00::/64']],
  [
    'A4',
    { prefixes: ['fd00::/63', 'fd00::/62', 'fd00:0:0:8::/62'] },
    8n,
    ['fd00::/64', 'fd00:0:0:1::/64', 'fd00:0:0:2::/64', 'fd00:0:0:3::/64', 'fd00:0:0:8::/64'],
  ],
  ['A5', { prefixes: ['fd10::/48', 'fd00::/64'] }, 65537n, ['fd00::/64', 'fd10::/64']],
  ['A6', { prefixes: ['fd00::/64', 'fd00::/64'] }, 1n, ['fd00::/64']],
  ['A7', { prefixes: ['fd00::/48'], allocationPrefixLength: 56 }, 256n, ['fd00::/56', 'fd00:0:0:100::/56']],
  [
    'A8',
    { prefixes: ['fd00::/62'], excludedPrefixes: ['fd00:0:0:1::5'] },
    3n,
    ['fd00::/64', 'fd00:0:0:2::/64'],
  ],
  ['A9', { prefixes: ['fd00::/62'], excludedPrefixes: ['fd00::5-fd00:0:0:1::5'] }, 2n, ['fd00:0:0:2::/64']],
  ['A10', { prefixes: ['fd00::/62'], excludedPrefixes: ['fd00:0:0:1::9/60'] }, 0n, []],
  ['A11', { prefixes: ['fd00::/64'], excludedPrefixes: ['fd00::/64'] }, 0n, []],
  ['A12', { prefixes: ['fd00::/62'], gateway: 'fd00::1' }, 4n, ['fd00::/64']],
  [
    'A13',
    { prefixes: ['fd00::/48'], allocationPrefixLength: 128, gateway: 'fd00::1' },
    2n ** 80n,
    ['fd00::/128', 'fd00::1/128'],
  ],
  ['A14', { prefixes: ['::/0'], allocationPrefixLength: 1 }, 2n, ['::/1', '8000::/1']],
  ['A15', { prefixes: ['::/0'], allocationPrefixLength: 128 }, 2n ** 128n, ['::/128']],
  ['A16', { prefixes: ['8000::/1'], allocationPrefixLength: 63 }, 2n ** 62n, ['8000::/63']],
  ['A17', { prefixes: ['8000::/1'] }, CAP, ['8000::/64']],
  ['A18', { prefixes: ['FD00::/64'] }, 1n, ['fd00::/64']],
  ['A18 zeros', { prefixes: ['fd00:0000::/64'] }, 1n, ['fd00::/64']],
  [
    'A19',
    { prefixes: ['::ffff:10.0.0.0/104'], allocationPrefixLength: 120 },
    65536n,
    ['::ffff:10.0.0.0/120'],
  ],
  ['A20', { prefixes: ['fd00:0:0:1::/64', 'fd10::/48'] }, 65537n, ['fd00:0:0:1::/64', 'fd10::/64']],
  ['a length of 0 is none', { prefixes: ['fd00::/62'], allocationPrefixLength: 0 }, 4n, ['fd00::/64']],
  [
    'IPv4',
    { prefixes: ['10.8.0.0/16'], allocationPrefixLength: 24, excludedPrefixes: ['10.8.0.7'] },
    255n,
    ['10.8.1.0/24', '10.8.2.0/24'],
  ],
  ['IPv4 addresses', { prefixes: ['10.8.0.0/30'], allocationPrefixLength: 32 }, 4n, ['10.8.0.0/32']],
];
for (const [id, spec, total, first] of A) {
  test(`${id} ${spec.prefixes}: ${total}`, () => {
    const { ranges, problems } = readPrefixPool(spec);
    assert.equal(problems, []);
    const length = spec.allocationPrefixLength || 64;
    assert.is(ranges!.subnets[0]?.prefix, length);
    assert.is(countBlocks(ranges!.allocatable, length), total);
    const given = blocksIn(ranges!.allocatable, length);
    assert.equal(
      first.map(() => formatPrefix(given.next().value!)),
      first,
    );
  });
}

const P = 'spec.prefixes';
const X = 'spec.excludedPrefixes[0]';
const L = 'spec.allocationPrefixLength';
const REFUSED: [id: string, spec: object, ...problems: [field: string, message: string][]][] = [
  ['1', {}, [P, 'prefixes is required']],
  ['1 empty', { prefixes: [], allocationPrefixLength: 999 }, [P, 'prefixes is required']],
  ['1 null', { prefixes: null }, [P, 'prefixes is required']],
  [
    '2',
    { prefixes: ['nonsense'], allocationPrefixLength: 129 },
    [L, 'allocationPrefixLength must be between 1 and 128'],
  ],
  [
    '2 below',
    { prefixes: ['fd00::/64'], allocationPrefixLength: -1 },
    [L, 'allocationPrefixLength must be between 1 and 128'],
  ],
  ...['fd00::1', 'fe80::%eth0/64', 'fd00:: /64', 'fd00::/064', 'zz', 7].map(
    (entry): [string, object, [string, string]] => [
      `3 ${entry}`,
      { prefixes: [entry] },
      [`${P}[0]`, 'provided entry is not a valid CIDR'],
    ],
  ),
  ['3 no list', { prefixes: 'fd00::/62' }, [P, 'must be a list']],
  [
    '4 IPv4 with the length of IPv6',
    { prefixes: ['10.0.0.0/16'] },
    [L, 'allocationPrefixLength must be at most 32 for IPv4 prefixes'],
  ],
  [
    '4 mixed',
    { prefixes: ['fd00::/62', '10.0.0.0/16'], allocationPrefixLength: 64 },
    [P, 'provided prefixes are of mixed IP families'],
  ],
  ['5', { prefixes: ['fd00::1/62'] }, [`${P}[0]`, 'CIDR must be network-aligned']],
  [
    '6',
    { prefixes: ['fd00::/62', 'fd00::/65'] },
    [`${P}[1]`, 'CIDR prefix length must be <= allocationPrefixLength (64)'],
  ],
  [
    '5 and 6',
    { prefixes: ['fd00::1/65'] },
    [`${P}[0]`, 'CIDR must be network-aligned'],
    [`${P}[0]`, 'CIDR prefix length must be <= allocationPrefixLength (64)'],
  ],
  ['7', { prefixes: ['fd00::/62'], gateway: 'x' }, ['spec.gateway', 'ParseAddr("x"): unable to parse IP']],
  ['8', { prefixes: ['fd00::/62'], gateway: '10.0.0.1' }, ['spec.gateway', 'provided gateway must be IPv6']],
  [
    '8 the other way',
    { prefixes: ['10.0.0.0/16'], allocationPrefixLength: 24, gateway: 'fd00::1' },
    ['spec.gateway', 'provided gateway must be IPv4'],
  ],
  [
    '9',
    { prefixes: ['fd00::/62'], excludedPrefixes: ['zz'] },
    [X, 'provided entry is not a valid IP, range, nor CIDR'],
  ],
  [
    '10',
    { prefixes: ['fd00::/62'], excludedPrefixes: ['10.0.0.0/8'] },
    [X, 'only IPv6 excluded prefixes are supported'],
  ],
  [
    '10 the other way',
    { prefixes: ['10.0.0.0/16'], allocationPrefixLength: 24, excludedPrefixes: ['fd00::/64'] },
    [X, 'only IPv4 excluded prefixes are supported'],
  ],
  [
    'a negative grace period',
    { prefixes: ['fd00::/62'], addressReuseGracePeriodSeconds: -1 },
    ['spec.addressReuseGracePeriodSeconds', 'addressReuseGracePeriodSeconds must not be negative'],
  ],
];
for (const [id, spec, ...expected] of REFUSED) {
  test(`1.6 ${id}: ${expected.map(([, message]) => message)}`, () => {
    const { ranges, problems } = readPrefixPool(spec as PrefixPoolSpec);
    assert.is(ranges, undefined);
    assert.equal(
      problems.map(({ field, message }) => [field, message]),
      expected,
    );
  });
}

/** A prefix of fd00::/56, of which 64 bits are for the prefixes that are given. */
const part = (longest: number) =>
  fc
    .tuple(fc.bigInt(0n, 2n ** 72n - 1n), fc.integer({ min: 56, max: longest }))
    .map(([bits, length]) => prefixOf({ family: 6, value: (0xfd00n << 112n) + bits }, length));

test('what is given is what a walk over every block finds', () => {
  fc.assert(
    fc.property(
      fc.array(part(62), { minLength: 1, maxLength: 4 }),
      fc.array(fc.tuple(part(128), part(128)), { maxLength: 4 }),
      fc.integer({ min: 62, max: 66 }),
      (prefixes, ends, length) => {
        const excluded = ends.map(([a, b]) => ({
          family: 6 as const,
          first: a.first < b.first ? a.first : b.first,
          last: a.first < b.first ? b.last : a.last,
        }));
        const { ranges } = readPrefixPool({
          prefixes: prefixes.map(formatPrefix),
          allocationPrefixLength: length,
          excludedPrefixes: excluded.map(formatRange),
        });
        const whole = prefixOf({ family: 6, value: 0xfd00n << 112n }, 56);
        const expected = [...blocksIn(RangeSet.of([whole]), length)].filter(
          (block) =>
            prefixes.some((prefix) => covers(prefix, block)) &&
            !excluded.some((range) => overlaps(range, block)),
        );
        assert.equal([...blocksIn(ranges!.allocatable, length)], expected);
        assert.is(countBlocks(ranges!.allocatable, length), BigInt(expected.length));
      },
    ),
  );
});

test('nothing that a file may hold throws', () => {
  for (const prefixes of [undefined, null, 3, 'x', {}, [null], [[]], [{}]]) {
    for (const more of [{}, { excludedPrefixes: {} }, { gateway: 3 }, { allocationPrefixLength: 'a' }]) {
      const { ranges } = readPrefixPool({ prefixes, ...more } as unknown as PrefixPoolSpec);
      assert.is(ranges, undefined);
    }
  }
});

test.run();
