import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Extent, overlapsAmong } from '../../lib/address/overlaps.ts';
import { formatRange } from '../../lib/address/range.ts';

const anyRange = fc
  .tuple(fc.constantFrom(4 as const, 6 as const), fc.nat(20), fc.nat(8))
  .map(([family, first, more]) => ({ family, first: BigInt(first), last: BigInt(first + more) }));
const anyExtents = fc.array(fc.record({ owner: fc.constantFrom('a', 'b', 'c', 'd'), range: anyRange }), {
  maxLength: 12,
});
const GROUPS: Readonly<Record<string, string>> = { a: '1', b: '1', c: '2', d: '3' };

test('what two owners of different groups have in common, once a pair', () => {
  fc.assert(
    fc.property(anyExtents, (given) => {
      const extents = given.map((each): Extent<string> => ({ ...each, group: GROUPS[each.owner]! }));
      const expected = new Map<string, string[]>();
      for (const [i, a] of extents.entries()) {
        for (const b of extents.slice(0, i)) {
          const first = a.range.first > b.range.first ? a.range.first : b.range.first;
          const last = a.range.last < b.range.last ? a.range.last : b.range.last;
          if (a.group === b.group || a.range.family !== b.range.family || first > last) continue;
          const pair = [a.owner, b.owner].sort().join();
          const text = formatRange({ family: a.range.family, first, last });
          expected.set(pair, [...(expected.get(pair) ?? []), text].sort());
        }
      }
      const found = overlapsAmong(extents).map(
        ({ first, second, ranges }) =>
          [[first, second].sort().join(), ranges.map(formatRange).sort()] as const,
      );
      assert.equal(new Map(found), expected);
      assert.is(found.length, expected.size);
    }),
  );
});

test('where not all are wanted, each owner has as many as are, or all', () => {
  const owners = Array.from({ length: 12 }, (_, index) => `owner-${index}`);
  const range = { family: 4 as const, first: 0n, last: 9n };
  const extents = [...owners, ...owners].map((owner): Extent<string> => ({ owner, group: owner, range }));
  for (const most of [0, 1, 3, 11, 12]) {
    const found = overlapsAmong(extents, most);
    for (const owner of owners) {
      const count = found.filter(({ first, second }) => first === owner || second === owner).length;
      assert.ok(count >= Math.min(most, owners.length - 1), `${owner} has ${count} of ${most}`);
    }
    assert.ok(found.length <= most * owners.length, `${found.length} for ${most}`);
    for (const { ranges } of found) assert.ok(ranges.length === 4, 'all that two have in common');
  }
});

test.run();
