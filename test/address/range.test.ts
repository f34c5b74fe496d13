import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { FAMILY_BITS } from '../../lib/address/address.ts';
import {
  covers,
  formatPrefix,
  formatRange,
  overlaps,
  parsePrefix,
  parseRange,
  prefixOf,
  sizeOf,
} from '../../lib/address/range.ts';

const PARSES = {
  'A3 an address': ['192.168.1.2', 'fe80::1'],
  'A3 a range': ['192.168.1.2-192.168.1.4', 'fe80::1-fe80::3'],
  'A3 a CIDR': ['192.168.1.2/24', 'fe80::1/64'],
  'a range of one': ['10.0.0.1-10.0.0.1'],
  everything: ['0.0.0.0/0', '::/0'],
};
for (const [what, texts] of Object.entries(PARSES)) {
  test(`${what} parses`, () => {
    for (const text of texts) assert.ok(parseRange(text), text);
  });
}

const REFUSED = {
  'A3 too many octets': ['192.168.1.2.4'],
  'A3 a descending range': ['192.168.1.4-192.168.1.1', 'fe80::3-fe80::1'],
  'A3 a prefix beyond the family': ['192.168.1.2/33', 'fe80::1/129'],
  'A3 no hexadecimal': ['fe80::zzzz'],
  'A2.3 a dash too many': ['192.168.1.2-192.168.1.4-', '192.168.1.2-192.168.1.4-192.168.1.9'],
  'A2.3 a descending pair': ['192.168.1.4-192.168.1.2'],
  'A2.3 a CIDR as an end': ['192.168.1.4/21-192.168.1.2', '192.168.1.4/-192.168.1.2', '10.0.0.1-10.0.0.4/24'],
  'A2.3 an octet of four digits': ['192.168.1.2612'],
  'a range over both families': ['10.0.0.1-fe80::1', '::1-10.0.0.1'],
  'an end that is missing': ['-', '-10.0.0.1', '10.0.0.1-', '/24', '10.0.0.0/'],
  'a prefix length that is no plain number': [
    '10.0.0.0/+8',
    '10.0.0.0/08',
    '10.0.0.0/-1',
    '10.0.0.0/8.0',
    '10.0.0.0/1e1',
    '10.0.0.0/0x8',
    '10.0.0.0/255.0.0.0',
    '10.0.0.0/8/8',
    '10.0.0.0/ 8',
  ],
  'white space': ['10.0.0.1 - 10.0.0.2', ' 10.0.0.0/8', '10.0.0.0/8 ', ''],
  'a zone': ['fe80::1%eth0/64', 'fe80::1%a-fe80::2'],
};
for (const [what, texts] of Object.entries(REFUSED)) {
  test(`${what} does not`, () => {
    for (const text of texts) assert.is(parseRange(text), undefined, text);
  });
}

test('only a CIDR is a prefix', () => {
  assert.is(parsePrefix('10.0.0.1'), undefined);
  assert.is(parsePrefix('10.0.0.0-10.0.0.255'), undefined);
});

test('A5.6 host bits are masked away', () => {
  assert.is(formatPrefix(parsePrefix('192.168.2.1/31')!), '192.168.2.0/31');
  assert.is(formatPrefix(parsePrefix('fe80::1/20')!), 'fe80::/20');
  assert.is(formatPrefix(parsePrefix('255.255.255.255/0')!), '0.0.0.0/0');
});

test('a range is written as short as it may be', () => {
  assert.is(formatRange(parseRange('10.0.0.1')!), '10.0.0.1');
  assert.is(formatRange(parseRange('10.0.0.0/30')!), '10.0.0.0-10.0.0.3');
  assert.is(formatRange(parseRange('FD00::-FD00::F')!), 'fd00::-fd00::f');
});

test('A5 sizes', () => {
  assert.is(sizeOf(parseRange('192.168.1.1')!), 1n);
  assert.is(sizeOf(parseRange('fe80::1/126')!), 4n);
  assert.is(sizeOf(parseRange('fe80::1/65')!), 2n ** 63n);
  assert.is(sizeOf(parseRange('::/0')!), 2n ** 128n);
});

test('ranges of different families have nothing in common', () => {
  const four = parseRange('0.0.0.0/0')!;
  const six = parseRange('::/0')!;
  assert.not(overlaps(four, six));
  assert.not(covers(six, four));
});

test('two ranges overlap and cover each other as their addresses do', () => {
  const ends = fc.tuple(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 9 }));
  const range = ends.map(([a, b]) => ({
    family: 4 as const,
    first: BigInt(Math.min(a, b)),
    last: BigInt(Math.max(a, b)),
  }));
  const members = ({ first, last }: { first: bigint; last: bigint }) =>
    Array.from({ length: 10 }, (_, n) => BigInt(n)).filter((n) => first <= n && n <= last);
  fc.assert(
    fc.property(range, range, (a, b) => {
      const [inA, inB] = [members(a), members(b)];
      assert.is(
        overlaps(a, b),
        inA.some((n) => inB.includes(n)),
      );
      assert.is(
        covers(a, b),
        inB.every((n) => inA.includes(n)),
      );
    }),
    { numRuns: 1000 },
  );
});

const FAMILY = fc.constantFrom(4 as const, 6 as const);
const BLOCK = FAMILY.chain((family) =>
  fc
    .tuple(
      fc.bigInt(0n, 2n ** BigInt(FAMILY_BITS[family]) - 1n),
      fc.integer({ min: 0, max: FAMILY_BITS[family] }),
    )
    .map(([value, length]) => ({ address: { family, value }, block: prefixOf({ family, value }, length) })),
);

test('the block of an address holds it, has its size and starts at a multiple of it', () => {
  fc.assert(
    fc.property(BLOCK, ({ address, block }) => {
      const size = 2n ** BigInt(FAMILY_BITS[block.family] - block.length);
      assert.is(sizeOf(block), size);
      assert.is(block.first % size, 0n);
      assert.ok(block.first <= address.value && address.value <= block.last);
    }),
  );
});

test('prefixes and ranges that are written are read back', () => {
  fc.assert(
    fc.property(BLOCK, ({ block }) => {
      assert.equal(parsePrefix(formatPrefix(block)), block);
      const { family, first, last } = block;
      assert.equal(parseRange(formatRange(block)), { family, first, last });
    }),
  );
});

test.run();
