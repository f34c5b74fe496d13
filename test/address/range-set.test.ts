import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Address, type Family, formatAddress, parseAddress } from '../../lib/address/address.ts';
import { formatRange, parseRange, type Range, rangeOf } from '../../lib/address/range.ts';
import { compareRanges, RangeSet } from '../../lib/address/range-set.ts';

function setOf(...texts: string[]): RangeSet {
  return RangeSet.of(texts.map((text) => parseRange(text)!));
}

function address(text: string): Address {
  return parseAddress(text)!;
}

function textOf(set: RangeSet): string {
  return set.ranges.map(formatRange).join(' ');
}

test('A2.1 addresses, ranges and CIDRs of IPv4', () => {
  const set = setOf('192.168.1.25', '192.168.1.26-192.168.1.28', '192.168.2.16/30');
  const inside = ['1.25', '1.26', '1.27', '1.28', '2.16', '2.17', '2.18', '2.19'];
  for (const end of inside) assert.ok(set.has(address(`192.168.${end}`)), end);
  for (const end of ['1.24', '1.29', '2.15', '2.20']) assert.not(set.has(address(`192.168.${end}`)), end);
});

test('A2.2 addresses, ranges and CIDRs of IPv6', () => {
  const set = setOf('fe80::10/127', 'fe80::13-fe80::14', 'fe80::16');
  for (const end of ['10', '11', '13', '14', '16']) assert.ok(set.has(address(`fe80::${end}`)), end);
  for (const end of ['9', 'f', '12', '15', '17']) assert.not(set.has(address(`fe80::${end}`)), end);
});

const COUNTS: [string, string[], bigint][] = [
  ['A5.1 nothing', [], 0n],
  ['A5.2 one address', ['192.168.1.1'], 1n],
  ['A5.3 two addresses', ['192.168.1.1', '192.168.1.2'], 2n],
  ['A5.4 two ranges', ['192.168.1.1-192.168.1.10', '192.168.1.20-192.168.1.25'], 16n],
  ['A5.5 two ranges that overlap', ['192.168.1.1-192.168.1.10', '192.168.1.5-192.168.1.15'], 15n],
  ['A5.6 CIDRs with host bits', ['192.168.1.1/24', '192.168.2.1/31'], 258n],
  ['A5.7 more than int64 (the status caps it)', ['fe80::1/20'], 2n ** 108n],
  ['A5.8 one more than int64 holds', ['fe80::1/65'], 2n ** 63n],
  ['A5.9 an IPv6 CIDR', ['fe80::1/126'], 4n],
  ['every address there is', ['0.0.0.0/0', '::/0'], 2n ** 32n + 2n ** 128n],
];
for (const [what, texts, count] of COUNTS) {
  test(`${what}: ${count}`, () => assert.is(setOf(...texts).count, count));
}

const A4: [string, string[], string[], string | undefined][] = [
  ['A4.1', ['10.0.0.10-10.0.0.20'], [], '10.0.0.10'],
  ['A4.2', ['10.0.0.10-10.0.0.20'], ['10.0.0.10-10.0.0.11'], '10.0.0.12'],
  ['A4.3', ['10.0.0.10-10.0.0.20'], ['10.0.0.10-10.0.0.19'], '10.0.0.20'],
  ['A4.4', ['10.0.0.10-10.0.0.20'], ['10.0.0.10-10.0.0.20'], undefined],
  ['A4.5', ['10.0.1.10'], [], '10.0.1.10'],
  ['A4.6', ['10.0.1.10'], ['10.0.1.10'], undefined],
  ['A4.7', ['10.0.0.10-10.0.0.15', '10.0.0.20'], ['10.0.0.10-10.0.0.15'], '10.0.0.20'],
  ['A4.8', ['10.0.0.10-10.0.0.15', '10.0.0.20'], ['10.0.0.10-10.0.0.15', '10.0.0.20'], undefined],
];
for (const [id, pool, inUse, wanted] of A4) {
  test(`${id} the lowest free address is ${wanted ?? 'none'}`, () => {
    const free = setOf(...pool).difference(setOf(...inUse));
    assert.is(free.nth(0n) && formatAddress(free.nth(0n)!), wanted);
  });
}

test('ranges that touch are one, also where one lies within another', () => {
  assert.is(textOf(setOf('10.0.0.20-10.0.0.29', '10.0.0.10-10.0.0.19')), '10.0.0.10-10.0.0.29');
  assert.is(textOf(setOf('10.0.0.0/24', '10.0.0.7', '10.0.1.0/24')), '10.0.0.0-10.0.1.255');
});

test('the ends of both families do not touch', () => {
  const set = setOf('255.255.255.255', '::');
  assert.is(set.ranges.length, 2);
  assert.is(textOf(set), '255.255.255.255 ::');
});

test('the edges of the space', () => {
  const all = setOf('::/0');
  const edges = setOf('::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff');
  assert.is(all.difference(edges).count, 2n ** 128n - 2n);
  assert.is(textOf(all.difference(all.difference(edges))), textOf(edges));
  assert.is(all.firstFrom({ family: 6, value: 2n ** 128n - 1n })?.value, 2n ** 128n - 1n);
});

test('a walk over ::/0 is lazy', () => {
  const first = [...setOf('::/0').difference(setOf('::/120'))[Symbol.iterator]().take(2)];
  assert.equal(first.map(formatAddress), ['::100', '::101']);
});

// The model: the set of the addresses' texts, in a universe small enough to ask about every one.

const UNIVERSE: Address[] = ([4, 6] as const).flatMap((family) =>
  Array.from({ length: 12 }, (_, n) => ({ family, value: BigInt(n) })),
);

function model(set: Iterable<Range>): Set<string> {
  const ranges = [...set];
  const members = UNIVERSE.filter(({ family, value }) =>
    ranges.some((range) => range.family === family && range.first <= value && value <= range.last),
  );
  return new Set(members.map(keyOf));
}

function keyOf({ family, value }: Address): string {
  return `${family}/${value}`;
}

function assertCanonical({ ranges }: RangeSet): void {
  for (const [index, range] of ranges.entries()) {
    assert.ok(range.first <= range.last, 'a range ascends');
    const next = ranges[index + 1];
    if (next === undefined) continue;
    assert.ok(compareRanges(range, next) < 0, 'ranges ascend');
    assert.ok(range.family !== next.family || range.last + 1n < next.first, 'ranges are apart');
  }
}

function assertIs(set: RangeSet, expected: ReadonlySet<string>): void {
  assertCanonical(set);
  assert.equal(
    [...set].map(keyOf),
    UNIVERSE.map(keyOf).filter((key) => expected.has(key)),
  );
  assert.is(set.count, BigInt(expected.size));
  assert.is(set.isEmpty, expected.size === 0);
}

const RANGE: fc.Arbitrary<Range> = fc
  .tuple(fc.constantFrom<Family>(4, 6), fc.bigInt(0n, 11n), fc.bigInt(0n, 11n))
  .map(([family, a, b]) => ({ family, first: a < b ? a : b, last: a < b ? b : a }));
const RANGES = fc.array(RANGE, { maxLength: 8 });

test('a set holds what its ranges hold', () => {
  fc.assert(
    fc.property(RANGES, (ranges) => assertIs(RangeSet.of(ranges), model(ranges))),
    { numRuns: 500 },
  );
});

test('union, difference and intersection are those of the model', () => {
  fc.assert(
    fc.property(RANGES, RANGES, (a, b) => {
      const [inA, inB] = [model(a), model(b)];
      const [setA, setB] = [RangeSet.of(a), RangeSet.of(b)];
      assertIs(setA.union(setB), inA.union(inB));
      assertIs(setA.difference(setB), inA.difference(inB));
      assertIs(setA.intersection(setB), inA.intersection(inB));
    }),
    { numRuns: 1000 },
  );
});

test('has, covers, overlaps, firstFrom and nth are those of the model', () => {
  fc.assert(
    fc.property(RANGES, RANGE, (ranges, probe) => {
      const set = RangeSet.of(ranges);
      const members = model(ranges);
      const probed = model([probe]);
      assert.is(set.covers(probe), probed.isSubsetOf(members));
      assert.is(set.overlaps(probe), !probed.isDisjointFrom(members));
      const ascending = UNIVERSE.filter((point) => members.has(keyOf(point)));
      for (const [index, point] of UNIVERSE.entries()) {
        assert.is(set.has(point), members.has(keyOf(point)));
        const from = UNIVERSE.slice(index).find((later) => members.has(keyOf(later)));
        assert.equal(set.firstFrom(point), from);
        assert.equal(set.nth(BigInt(index)), ascending[index]);
      }
      assert.is(set.nth(-1n), undefined);
    }),
    { numRuns: 500 },
  );
});

test('every pair of subsets of eight addresses', () => {
  const subsets = Array.from({ length: 256 }, (_, bits) =>
    RangeSet.of(bitsOf(bits).map((bit) => rangeOf({ family: bit < 4 ? 4 : 6, value: BigInt(bit) }))),
  );
  const texts = subsets.map(textOf);
  assert.is(new Set(texts).size, 256);
  for (let a = 0; a < 256; a++) {
    for (let b = 0; b < 256; b++) {
      const [x, y] = [subsets[a]!, subsets[b]!];
      if (textOf(x.union(y)) !== texts[a | b]) assert.unreachable(`${texts[a]} union ${texts[b]}`);
      if (textOf(x.difference(y)) !== texts[a & ~b]) assert.unreachable(`${texts[a]} less ${texts[b]}`);
      if (textOf(x.intersection(y)) !== texts[a & b]) assert.unreachable(`${texts[a]} and ${texts[b]}`);
    }
  }
});

function bitsOf(bits: number): number[] {
  return [0, 1, 2, 3, 4, 5, 6, 7].filter((bit) => (bits >> bit) & 1);
}

// Sparse: ends anywhere in either family, so that values beyond 2^64 are compared, added and halved too.

const SPARSE: fc.Arbitrary<Range> = fc.constantFrom<Family>(4, 6).chain((family) => {
  const value = fc.bigInt(0n, family === 4 ? 2n ** 32n - 1n : 2n ** 128n - 1n);
  return fc.tuple(value, value).map(([a, b]) => ({ family, first: a < b ? a : b, last: a < b ? b : a }));
});
const SPARSE_SET = fc.array(SPARSE, { maxLength: 12 }).map((ranges) => RangeSet.of(ranges));

test('the laws of sets, over all of both families', () => {
  fc.assert(
    fc.property(SPARSE_SET, SPARSE_SET, SPARSE_SET, (a, b, c) => {
      const same = (x: RangeSet, y: RangeSet) => assert.is(textOf(x), textOf(y));
      for (const set of [a, b, a.union(b), a.difference(b), a.intersection(b)]) assertCanonical(set);
      same(a.union(b), b.union(a));
      same(a.intersection(b), b.intersection(a));
      same(a.union(b).union(c), a.union(b.union(c)));
      same(a.intersection(b.union(c)), a.intersection(b).union(a.intersection(c)));
      same(a.difference(b.union(c)), a.difference(b).difference(c));
      same(a.difference(b).union(a.intersection(b)), a);
      same(a.union(a), a);
      same(a.difference(a), RangeSet.EMPTY);
      assert.is(a.union(b).count, a.count + b.count - a.intersection(b).count);
    }),
  );
});

test('nth and firstFrom agree, over all of both families', () => {
  fc.assert(
    fc.property(SPARSE_SET, fc.bigInt(0n, 2n ** 128n), (set, n) => {
      if (set.isEmpty) return;
      const point = set.nth(n % set.count)!;
      assert.ok(set.has(point));
      assert.equal(set.firstFrom(point), point);
      const below = set.difference(RangeSet.of([{ family: 6, first: 0n, last: 2n ** 128n - 1n }]));
      const rank = point.family === 4 ? 0n : below.count;
      const lower = RangeSet.of([{ family: point.family, first: 0n, last: point.value }]);
      assert.is(rank + set.intersection(lower).count, (n % set.count) + 1n);
    }),
  );
});

test.run();
