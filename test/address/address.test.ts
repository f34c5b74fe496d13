import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { addressGroups, canonicalAddress, formatAddress, parseAddress } from '../../lib/address/address.ts';

test('IPv4 is four decimal octets', () => {
  assert.equal(parseAddress('0.0.0.0'), { family: 4, value: 0n });
  assert.equal(parseAddress('192.168.1.2'), { family: 4, value: 0xc0a80102n });
  assert.equal(parseAddress('255.255.255.255'), { family: 4, value: 0xffffffffn });
});

test('IPv6 is eight groups, some of them left out, the last two perhaps dotted', () => {
  assert.equal(parseAddress('::'), { family: 6, value: 0n });
  assert.equal(parseAddress('fd01::7'), { family: 6, value: (0xfd01n << 112n) | 7n });
  assert.equal(parseAddress('1:2:3:4:5:6:7:8'), { family: 6, value: 0x00010002000300040005000600070008n });
  assert.equal(parseAddress('1:2:3:4:5:6:7::'), { family: 6, value: 0x00010002000300040005000600070000n });
  assert.equal(parseAddress('ABCD::'), { family: 6, value: 0xabcdn << 112n });
  assert.equal(parseAddress('::1.2.3.4'), { family: 6, value: 0x01020304n });
  assert.equal(parseAddress('64:ff9b::192.0.2.33'), {
    family: 6,
    value: (0x0064ff9bn << 96n) | 0xc0000221n,
  });
  assert.equal(parseAddress('::12.34.56.78'), { family: 6, value: 0x0c22384en });
  assert.equal(parseAddress('1:2:3:4:5:6:1.2.3.4'), {
    family: 6,
    value: 0x00010002000300040005000601020304n,
  });
});

test('an IPv4-mapped address is IPv6', () => {
  assert.equal(parseAddress('::ffff:10.0.0.1'), { family: 6, value: 0xffff0a000001n });
  assert.equal(parseAddress('::ffff:a00:1'), { family: 6, value: 0xffff0a000001n });
});

const REFUSED: Record<string, string[]> = {
  'empty or blank': ['', ' ', '\t', '\n'],
  'white space around or inside': [
    ' 10.0.0.1',
    '10.0.0.1 ',
    '10.0.0.1\n',
    '10. 0.0.1',
    ' ::1',
    '::1\n',
    ':: 1',
    'a\n::1.2.3.4',
  ],
  'short IPv4': ['1', '42', '10.1', '10.0.1', '10.0.0.'],
  'long IPv4': ['192.168.1.2.4', '1.2.3.4.'],
  'octal and leading zeros': ['010.0.0.1', '10.00.0.1', '10.0.0.01', '192.168.1.2612'],
  'hexadecimal IPv4': ['0x0a.0.0.1', '0x0a000001', 'a.b.c.d'],
  'IPv4 out of bounds': ['256.0.0.1', '10.0.0.256', '-1.0.0.0', '1e2.0.0.1', '+1.0.0.0'],
  zones: ['fe80::1%eth0', 'fe80::1%', '10.0.0.1%eth0', '::ffff:1.2.3.4%1'],
  'malformed IPv6': [
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7:8::',
    '::1:2:3:4:5:6:7:8',
    ':1:2:3:4:5:6:7:8',
    '1:2:3:4:5:6:7:8:',
    '12345::',
    '00001::',
    'fe80::zzzz',
    '[::1]',
    '::-1',
    '::0x1',
  ],
  'malformed dotted tail': [
    '::1.2.3',
    '::1.2.3.4.5',
    '::1.2.3.256',
    '::ffff:01.2.3.4',
    '::ffff:1.2.3.04',
    '::ffff:0x1.2.3.4',
    '::1.2.3.4:5',
    '1.2.3.4::',
    '1:2:3:4:5:6:7:1.2.3.4',
    '1.2.3.4:5:6:7:8:9:a:b',
  ],
  'other things': ['localhost', '10.0.0.1/24', '10.0.0.1-10.0.0.2', '::/0', '１.2.3.4', '::１'],
};
for (const [what, texts] of Object.entries(REFUSED)) {
  test(`refused: ${what}`, () => {
    assert.equal(
      texts.filter((text) => parseAddress(text) !== undefined),
      [],
    );
  });
}

// RFC 5952, section and rule, text given, text wanted.
const RFC_5952 = [
  ['4.1 leading zeros go', '2001:0db8::0001', '2001:db8::1'],
  ['4.1 a group of zeros is one zero', '2001:db8:0000:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
  ['4.2.1 shortened as much as possible', '2001:db8:0:0:0:0:2:1', '2001:db8::2:1'],
  ['4.2.1 to the end', '2001:db8:0:0:0:0:0:0', '2001:db8::'],
  ['4.2.1 all of it', '0:0:0:0:0:0:0:0', '::'],
  ['4.2.1 the loopback address', '0:0:0:0:0:0:0:1', '::1'],
  ['4.2.2 one group is not shortened', '2001:db8::1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
  ['4.2.3 the longest run', '2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
  ['4.2.3 the first of two runs', '2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
  ['4.3 lower case', '2001:DB8::ABCD', '2001:db8::abcd'],
  ['5 an IPv4-mapped address is dotted', '::FFFF:C000:0201', '::ffff:192.0.2.1'],
  ['5 of no other prefix is it known', '::192.0.2.1', '::c000:201'],
  ['5 nor of a longer one', '1::ffff:192.0.2.1', '1::ffff:c000:201'],
] as const;
for (const [rule, given, wanted] of RFC_5952) {
  test(`RFC 5952 ${rule}`, () => assert.is(canonicalAddress(given), wanted));
}

test('what is no address has no canonical text', () => assert.is(canonicalAddress('10.0.0'), undefined));

const GROUP = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff }));
const ADDRESS = fc.oneof(
  fc.bigInt(0n, 2n ** 32n - 1n).map((value) => ({ family: 4 as const, value })),
  fc.array(GROUP, { minLength: 8, maxLength: 8 }).map((groups) => ({
    family: 6 as const,
    value: groups.reduce((value, group) => (value << 16n) | BigInt(group), 0n),
  })),
);

test('what is written is read back', () => {
  fc.assert(
    fc.property(ADDRESS, (address) => assert.equal(parseAddress(formatAddress(address)), address)),
    { numRuns: 1000 },
  );
});

test('the URL parser of the platform writes the same IPv6', () => {
  fc.assert(
    fc.property(ADDRESS, (address) => {
      if (address.family === 4 || address.value >> 32n === 0xffffn) return;
      const long = addressGroups(address.value)
        .map((group) => group.toString(16).padStart(4, '0'))
        .join(':');
      assert.is(`[${formatAddress(address)}]`, new URL(`http://[${long}]`).hostname);
      assert.equal(parseAddress(long), address);
    }),
    { numRuns: 1000 },
  );
});

test('no text makes the parser throw, and what it accepts has one canonical text', () => {
  const noise = fc.oneof(fc.string(), fc.stringMatching(/^[0-9a-f:.%/ x-]{0,45}$/));
  fc.assert(
    fc.property(noise, (text) => {
      const canonical = canonicalAddress(text);
      if (canonical !== undefined) assert.is(canonicalAddress(canonical), canonical);
    }),
    { numRuns: 2000 },
  );
});

test.run();
