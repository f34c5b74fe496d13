import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { RangeSet } from '../../lib/address/range-set.ts';
import { paintFor, plain } from '../../lib/cli/paint.ts';
import { picture } from '../../lib/cli/picture.ts';
import { columns } from '../../lib/cli/table.ts';
import { cutSpace, type SegmentState } from '../../lib/inspect/space.ts';

type Mark = readonly [state: SegmentState, first: number, last?: number];

/** A space of IPv6 addresses from :: on. */
const space = (count: bigint, ...marks: Mark[]) => {
  const set = (first: bigint, last: bigint) => RangeSet.of([{ family: 6, first, last }]);
  return cutSpace(
    set(0n, count - 1n),
    marks.map(([state, first, last = first]) => [state, set(BigInt(first), BigInt(last))]),
  );
};
const draw = (count: bigint, ...marks: Mark[]) => columns(picture(space(count, ...marks), plain));

test('up to 256 addresses have a character each, 64 a row, named by the first', () => {
  assert.equal(draw(5n, ['reserved', 0], ['used', 1, 2], ['adopted', 4]), ['::  ░██·◆']);
  assert.equal(draw(4n, ['gateway', 0], ['excluded', 1], ['taken', 2], ['outOfRange', 3]), ['::  ░×▓!']);
  assert.equal(draw(1n), ['::  ·']);
  const rows = draw(130n, ['used', 63, 64], ['excluded', 129]);
  assert.equal(rows, [`::    ${'·'.repeat(63)}█`, `::40  █${'·'.repeat(63)}`, '::80  ·×']);
  assert.is(draw(256n).length, 4);
});

test('more addresses share characters: partly used, full, withheld, out of range', () => {
  const marks: Mark[] = [
    ['used', 0],
    ['used', 10, 19],
    ['excluded', 20, 29],
    ['used', 30, 35],
    ['reserved', 36, 39],
    ['adopted', 40, 49],
    ['outOfRange', 55],
  ];
  assert.equal(draw(640n, ...marks), [`::  ▒█×█◆!${'·'.repeat(58)}  (10 each)`]);
});

test('one row only, where a line is all there is', () => {
  assert.equal(picture(space(256n, ['used', 0, 3]), plain, 1), [['::', `█${'·'.repeat(63)}`, '(4 each)']]);
});

test('a last character that stands for less is full when its addresses are', () => {
  const [row] = draw(257n, ['used', 255, 256]);
  assert.is(row, `::  ${'·'.repeat(51)}█  (5 each)`);
});

test('a /64 is drawn at once; nothing is drawn as nothing', () => {
  const [row] = draw(2n ** 64n, ['used', 0]);
  assert.is(row, `::  ▒${'·'.repeat(63)}  (288230376151711744 each)`);
  assert.equal(picture({ unit: 1n, segments: [] }, plain), []);
});

test('colour only on a terminal, and not with NO_COLOR', () => {
  const io = (isTTY: boolean, env: Record<string, string>) => ({ stdout: { isTTY, write() {} }, env });
  assert.is(paintFor(io(true, {}))('green', 'x'), '\u001b[32mx\u001b[0m');
  assert.is(paintFor(io(true, { NO_COLOR: '' }))('green', 'x'), '\u001b[32mx\u001b[0m');
  assert.is(paintFor(io(true, { NO_COLOR: '1' }))('green', 'x'), 'x');
  assert.is(paintFor(io(false, {}))('green', 'x'), 'x');
  const [row] = picture(space(3n, ['used', 0, 1]), paintFor(io(true, {})));
  assert.is(row![1], '\u001b[32m██\u001b[0m\u001b[90m·\u001b[0m');
});

test.run();
