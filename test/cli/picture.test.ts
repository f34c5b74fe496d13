import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { paintFor, plain } from '../../lib/cli/paint.ts';
import { type Mark, picture } from '../../lib/cli/picture.ts';

const mark = (state: Mark['state'], first: number, last = first): Mark => ({
  state,
  first: BigInt(first),
  last: BigInt(last),
});
const draw = (count: bigint, ...marks: Mark[]) => picture(count, marks, (place) => `${place}`, plain);

test('up to 256 places have a character each, 64 a row, named by the first', () => {
  assert.equal(draw(5n, mark('withheld', 0), mark('used', 1, 2), mark('adopted', 4)), ['0  ░██·◆']);
  assert.equal(draw(1n), ['0  ·']);
  const rows = draw(130n, mark('used', 63, 64), mark('withheld', 129));
  assert.equal(rows, [`0    ${'·'.repeat(63)}█`, `64   █${'·'.repeat(63)}`, '128  ·░']);
  assert.is(draw(256n).length, 4);
});

test('more places share characters: partly used, full, withheld', () => {
  const marks = [
    mark('used', 0),
    mark('used', 10, 19),
    mark('withheld', 20, 29),
    mark('used', 30, 35),
    mark('withheld', 36, 39),
  ];
  assert.equal(draw(640n, ...marks, mark('adopted', 40, 49)), [`0  ▒█░█◆${'·'.repeat(59)}  (10 each)`]);
});

test('a last character that stands for less is full when its places are', () => {
  const [row] = draw(257n, mark('used', 255, 256));
  assert.is(row, `0  ${'·'.repeat(51)}█  (5 each)`);
});

test('a /64 is drawn at once', () => {
  const [row] = draw(2n ** 64n, mark('used', 0));
  assert.is(row, `0  ▒${'·'.repeat(63)}  (288230376151711744 each)`);
});

test('colour only on a terminal, and not with NO_COLOR', () => {
  const io = (isTTY: boolean, env: Record<string, string>) => ({ stdout: { isTTY, write() {} }, env });
  assert.is(paintFor(io(true, {}))('green', 'x'), '\u001b[32mx\u001b[0m');
  assert.is(paintFor(io(true, { NO_COLOR: '' }))('green', 'x'), '\u001b[32mx\u001b[0m');
  assert.is(paintFor(io(true, { NO_COLOR: '1' }))('green', 'x'), 'x');
  assert.is(paintFor(io(false, {}))('green', 'x'), 'x');
  const [row] = picture(3n, [mark('used', 0, 1)], String, paintFor(io(true, {})));
  assert.is(row, '0  \u001b[32m██\u001b[0m\u001b[90m·\u001b[0m');
});

test.run();
