import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { FAMILY_BITS } from '../../lib/address/address.ts';
import {
  blockCount,
  blockSize,
  blocksIn,
  countBlocksIn,
  isBlockIn,
  nthBlock,
  UsedRanges,
} from '../../lib/address/blocks.ts';
import {
  asBlock,
  type Block,
  covers,
  formatBlock,
  overlaps,
  type Prefix,
  parsePrefix,
  prefixOf,
  type Range,
  rangeOf,
} from '../../lib/address/range.ts';
import { RangeSet } from '../../lib/address/range-set.ts';

const prefix = (text: string): Prefix => {
  const parsed = parsePrefix(text);
  if (parsed === undefined) throw new Error(`${text} is no CIDR`);
  return parsed;
};
const sizeOf = ({ family }: Prefix, length: number) => blockSize(family, length);
const bitsOf = (hostBits: number) => 1n << BigInt(hostBits);

/** Takes the lowest free block, as long as there is one, at most `limit` times. */
function takeAll(pool: Prefix, size: bigint, used: UsedRanges, limit = 1000): Block[] {
  const taken: Block[] = [];
  while (taken.length < limit) {
    const block = used.firstFree(pool, size);
    if (block === undefined) break;
    used.add(block);
    taken.push(asBlock(block));
  }
  return taken;
}

for (const [text, hostBits] of [
  ['127.123.234.0/28', 4],
  ['beef:1234::/112', 16],
] as const) {
  test(`A1 ${text} holds one block of ${hostBits} host bits, again after its release`, () => {
    const pool = prefix(text);
    for (let round = 0; round < 2; round++) {
      assert.equal(takeAll(pool, bitsOf(hostBits), new UsedRanges()).map(formatBlock), [text]);
    }
  });
}

const INDEXED: [pool: string, hostBits: number, index: bigint, block: string][] = [
  ['127.123.3.0/16', 8, 0n, '127.123.0.0/24'],
  ['127.123.0.0/16', 8, 15n, '127.123.15.0/24'],
  ['192.168.5.219/28', 0, 5n, '192.168.5.213/32'],
  ['2001:0db8:1234:3::/48', 64, 0n, '2001:db8:1234::/64'],
  ['2001:0db8:1234::/48', 64, 15n, '2001:db8:1234:f::/64'],
  ['2001:0db8:85a3::8a2e:0370:7334/50', 65, 6425n, '2001:db8:85a3:3232::/63'],
  ['2001:0db8::/32', 80, 0n, '2001:db8::/48'],
  ['2001:0db8::/32', 80, 15n, '2001:db8:f::/48'],
  ['2001:0db8:85a3::8a2e:0370:7334/32', 80, 6425n, '2001:db8:1919::/48'],
  ['2001:0db8:1234:ff00::/56', 56, 0n, '2001:db8:1234:ff00::/72'],
  ['2001:0db8:1234:ff00::/56', 56, 15n, '2001:db8:1234:ff00:f00::/72'],
  ['2001:0db8:1234:ff00::0370:7334/56', 56, 6425n, '2001:db8:1234:ff19:1900::/72'],
  ['2001:0db8:1234:0:1234::/80', 32, 0n, '2001:db8:1234:0:1234::/96'],
  ['2001:0db8:1234:0:1234::/80', 32, 15n, '2001:db8:1234:0:1234:f::/96'],
  ['2001:0db8:1234:ff00::0370:7334/80', 32, 6425n, '2001:db8:1234:ff00:0:1919::/96'],
];
for (const [text, hostBits, index, block] of INDEXED) {
  test(`A2 with ${index} blocks of ${hostBits} host bits used, ${text} gives ${block}`, () => {
    const pool = prefix(text);
    const { family, first } = pool;
    const last = first + index * (1n << BigInt(hostBits)) - 1n;
    const used = new UsedRanges(index === 0n ? [] : [{ family, first, last }]);
    assert.is(formatBlock(asBlock(used.firstFree(pool, bitsOf(hostBits))!)), block);
  });
}

for (const text of ['127.123.234.0/16', 'beef:1234::/112']) {
  test(`A3 ${text} gives its 256 blocks, and the same in the same order after a release of all`, () => {
    const pool = prefix(text);
    const size = bitsOf(8);
    const first = takeAll(pool, size, new UsedRanges());
    assert.is(first.length, 256);
    assert.equal(takeAll(pool, size, new UsedRanges()), first);
  });

  test(`A4 ${text} gives the lower half in order when the upper is in use`, () => {
    const pool = prefix(text);
    const size = bitsOf(8);
    const all = takeAll(pool, size, new UsedRanges());
    const used = new UsedRanges(all.slice(128));
    used.add(all[128]!);
    assert.equal(takeAll(pool, size, used), all.slice(0, 128));
  });
}

test('A5 a larger range uses every block in it, and each block counts once', () => {
  const pool = prefix('10.42.0.0/16');
  const count = (...ranges: string[]) => Number(countBlocksIn(pool, bitsOf(8), ranges.map(prefix)));
  assert.is(count('10.42.5.0/24'), 1);
  assert.is(count('10.42.5.0/24', '10.42.9.0/24'), 2);
  assert.is(count('10.42.5.0/24', '10.42.9.0/24', '10.42.8.0/22'), 5);
  assert.is(count('10.42.5.0/24', '10.42.9.0/24', '10.42.8.0/22', '10.42.9.0/24'), 5);
  const left = ['10.42.8.0/24', '10.42.10.0/23'];
  assert.is(count('10.42.5.0/24', ...left), 4);
  assert.is(count(...left), 3);
  assert.is(takeAll(pool, bitsOf(8), new UsedRanges(left.map(prefix))).length, 253);
});

const PLACED: [pool: string, hostBits: number, subnet: string, index: bigint | undefined][] = [
  ['127.0.0.0/8', 16, '127.0.0.0/16', 0n],
  ['127.0.0.0/8', 16, '127.123.0.0/16', 123n],
  ['127.0.0.0/8', 16, '127.168.0.0/16', 168n],
  ['127.0.0.0/8', 16, '127.224.0.0/16', 224n],
  ['be00::/8', 112, 'be00::/16', 0n],
  ['be00::/8', 112, 'beef::/16', 0xefn],
  ['be00::/8', 112, 'be68::/16', 0x68n],
  ['be00::/8', 112, 'be24::/16', 0x24n],
  ['192.168.0.0/16', 8, '192.168.12.0/24', 12n],
  ['192.168.0.0/16', 8, '192.168.151.0/24', 151n],
  ['beef::/16', 104, 'beef:1200::/24', 0x12n],
  ['beef::/16', 104, 'beef:9700::/24', 0x97n],
  ['192.168.0.0/16', 8, '127.168.224.0/24', undefined],
  ['beef::/16', 104, '2001:db00::/24', undefined],
];
for (const [poolText, hostBits, subnetText, index] of PLACED) {
  test(`A6 ${subnetText} is ${index === undefined ? 'outside' : `block ${index} of`} ${poolText}`, () => {
    const pool = prefix(poolText);
    const subnet = prefix(subnetText);
    const size = bitsOf(hostBits);
    assert.is(countBlocksIn(pool, size, [subnet]), index === undefined ? 0n : 1n);
    if (index === undefined) return;
    const upTo = { ...subnet, first: pool.first };
    assert.is(countBlocksIn(pool, size, [upTo]), index + 1n);
  });
}

test('A7 a pool of 2^24 blocks gives its first two', () => {
  const pool = prefix('127.0.0.0/8');
  assert.is(blockCount(pool, 1n), 2n ** 24n);
  assert.equal(takeAll(pool, 1n, new UsedRanges(), 2).map(formatBlock), ['127.0.0.0/32', '127.0.0.1/32']);
});

test('A7 IPv6 ranges have no limit of 16 bits', () => {
  const pool = prefix('beef:1234::/32');
  assert.is(blockCount(pool, sizeOf(pool, 49)), 2n ** 17n);
  assert.equal(takeAll(pool, sizeOf(pool, 49), new UsedRanges(), 2).map(formatBlock), [
    'beef:1234::/49',
    'beef:1234:0:8000::/49',
  ]);
});

test('A7 host bits in the pool are masked away', () => {
  const pool = prefix('2001:beef:1234:369b::/60');
  assert.equal(takeAll(pool, sizeOf(pool, 64), new UsedRanges(), 2).map(formatBlock), [
    '2001:beef:1234:3690::/64',
    '2001:beef:1234:3691::/64',
  ]);
});

test('A11 the number of blocks', () => {
  assert.is(blockCount(prefix('10.0.0.0/16'), 256n), 256n);
  assert.is(blockCount(prefix('2001:db8::/48'), 1n << 64n), 65536n);
  assert.is(blockCount(prefix('::/0'), 16n), 2n ** 124n);
  assert.is(blockCount(prefix('10.0.0.0/24'), 65536n), 0n);
  assert.is(blockCount(prefix('10.0.0.0/24'), 50n), 5n);
  assert.is(blockCount(prefix('fd00::/64'), 50n), 368934881474191032n);
});

for (const [poolText, length] of [
  ['10.0.0.0/16', 24],
  ['2001:db8::/48', 64],
] as const) {
  test(`A12 a block of ${poolText} is used once it is given out, the next is not, nor itself after its release`, () => {
    const pool = prefix(poolText);
    const used = new UsedRanges();
    const size = sizeOf(pool, length);
    const [block] = takeAll(pool, size, used, 1);
    assert.ok(used.overlaps(block!));
    assert.not(used.overlaps(used.firstFree(pool, size)!));
    assert.not(new UsedRanges().overlaps(block!));
  });
}

const OVERLAPS: [used: string | undefined, query: string, expected: boolean][] = [
  ['10.0.5.0/24', '10.0.5.0/24', true],
  ['10.0.5.0/24', '10.0.0.0/16', true],
  ['10.0.5.0/24', '10.0.5.128/25', true],
  ['10.0.5.0/24', '10.0.6.0/24', false],
  ['10.0.5.0/24', '10.0.4.0/22', true],
  ['2001:db8:0:1::/64', '2001:db8:0:1::/64', true],
  ['2001:db8:0:1::/64', '2001:db8:0:2::/64', false],
  ['2001:db8:0:1::/64', '2001:db8::/48', true],
  [undefined, '10.0.5.0/24', false],
  [undefined, '10.0.4.0/22', false],
];
for (const [used, query, expected] of OVERLAPS) {
  test(`A13 with ${used ?? 'nothing'} used, ${query} is ${expected ? 'taken' : 'free'}`, () => {
    const ranges = new UsedRanges(used === undefined ? [] : [prefix(used)]);
    assert.is(ranges.overlaps(prefix(query)), expected);
  });
}

test('the /64s of a /32 are skipped at once', () => {
  const pool = prefix('2001:db8::/32');
  const used = new UsedRanges([prefix('2001:db8::/33')]);
  assert.is(formatBlock(asBlock(used.firstFree(pool, sizeOf(pool, 64))!)), '2001:db8:8000::/64');
});

test('a copy holds more, and what it was copied from does not', () => {
  const used = new UsedRanges([prefix('10.0.0.0/24')]);
  const copy = used.with(new UsedRanges([prefix('10.0.1.0/24')]), [prefix('fd00::/64')]);
  for (const range of ['10.0.0.0/24', '10.0.1.0/24', 'fd00::/64']) assert.ok(copy.overlaps(prefix(range)));
  assert.ok(used.with(new UsedRanges()).overlaps(prefix('10.0.0.0/24')));
  copy.add(prefix('10.0.2.0/24'));
  for (const range of ['10.0.1.0/24', '10.0.2.0/24', 'fd00::/64']) assert.not(used.overlaps(prefix(range)));
});

test('a search may start anywhere', () => {
  const pool = prefix('10.0.0.0/16');
  const used = new UsedRanges([prefix('10.0.2.128/25')]);
  assert.is(formatBlock(asBlock(used.firstFree(pool, 256n, pool.first + 257n)!)), '10.0.3.0/24');
  assert.is(used.firstFree(pool, 256n, pool.last), undefined);
});

/** Blocks at most 8 bits below 10.0.0.0/24, or 2001:db8::/120. */
const block = fc
  .record({
    family: fc.constantFrom<4 | 6>(4, 6),
    offset: fc.integer({ min: 0, max: 255 }),
    bits: fc.integer({ min: 0, max: 8 }),
  })
  .map(({ family, offset, bits }) => {
    const base = family === 4 ? 0x0a000000n : 0x20010db8n << 96n;
    return prefixOf({ family, value: base + BigInt(offset) }, FAMILY_BITS[family] - bits);
  });

test('the first free block is the lowest that overlaps nothing, whatever was used in whichever order', () => {
  const pools = [prefix('10.0.0.0/24'), prefix('2001:db8::/120')];
  const anySize = fc.bigInt({ min: 1n, max: 300n });
  fc.assert(
    fc.property(fc.array(block), fc.array(block), anySize, (given, added, size) => {
      const used = new UsedRanges(given);
      for (const range of added) used.add(range);
      for (const pool of pools) {
        const free: Range[] = [];
        for (let first = pool.first; first + size - 1n <= pool.last; first += size) {
          const candidate = { family: pool.family, first, last: first + size - 1n };
          const taken = [...given, ...added].some((range) => overlaps(range, candidate));
          assert.is(used.overlaps(candidate), taken);
          assert.ok(isBlockIn(pool, size, candidate));
          if (size > 1n)
            assert.not(isBlockIn(pool, size, { ...candidate, first: first + 1n, last: first + size }));
          if (!taken) free.push(candidate);
        }
        assert.equal(used.firstFree(pool, size), free[0]);
        const count = blockCount(pool, size) - countBlocksIn(pool, size, [...given, ...added]);
        assert.is(count, BigInt(free.length));
        assert.ok(free.every((candidate) => covers(pool, candidate)));
      }
    }),
    { numRuns: 300 },
  );
});

test('ranges that are no blocks, within the pool and beyond, count where they touch one', () => {
  const pool = prefix('10.0.0.16/28');
  const base = prefix('10.0.0.0/32').first;
  const short = fc.record({ offset: fc.nat(47), more: fc.nat(4) }).map(({ offset, more }): Range => {
    const first = base + BigInt(offset);
    return { family: 4, first, last: first + BigInt(more) };
  });
  fc.assert(
    fc.property(fc.array(short), fc.array(short), (given, added) => {
      const used = new UsedRanges(given);
      for (const range of added) used.add(range);
      const all = [...given, ...added];
      const isUsed = (range: Range) => all.some((other) => overlaps(other, range));
      for (let value = base; value < base + 52n; value++) {
        const one = rangeOf({ family: 4, value });
        assert.is(used.overlaps(one), isUsed(one));
      }
      const blocks = takeAll(pool, 4n, new UsedRanges());
      assert.is(countBlocksIn(pool, 4n, all), BigInt(blocks.filter(isUsed).length));
      assert.is(
        countBlocksIn(
          pool,
          4n,
          all.map((range) => ({ ...range, family: 6 })),
        ),
        0n,
      );
    }),
    { numRuns: 500 },
  );
});

test('the nth block of a set is the nth of all', () => {
  const set = RangeSet.of(['10.0.0.0/30', '10.0.0.16/28'].map(prefix));
  for (const length of [30, 31, 32]) {
    const all = [...blocksIn(set, length)];
    assert.equal(
      all.map((_, index) => nthBlock(set, length, BigInt(index))),
      all,
    );
    assert.is(nthBlock(set, length, BigInt(all.length)), undefined);
  }
});

test.run();
