import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { columns, fittedTable, hang } from '../../lib/cli/table.ts';

const HEADER = ['NAME', 'USED', 'LOST', 'STATE'];
const ROWS = [
  ['a-pool', '7', '-', 'Ready'],
  ['another-pool', '250', '0%', 'Exhausted: every address that there was is in use'],
];
const fitted = (width: number, rows = ROWS) => fittedTable(HEADER, rows, [1], width);

test('a table that has room is as it is without a terminal', () => {
  const lines = columns([HEADER, ...ROWS], [1]);
  assert.equal(lines, [
    'NAME          USED  LOST  STATE',
    'a-pool           7  -     Ready',
    'another-pool   250  0%    Exhausted: every address that there was is in use',
  ]);
  for (const width of [75, 200, Number.POSITIVE_INFINITY]) assert.equal(fitted(width), lines);
});

test('in a terminal that is too narrow it goes without columns that say nothing, and breaks sentences', () => {
  assert.equal(fitted(69), [
    'NAME          USED  STATE',
    'a-pool           7  Ready',
    'another-pool   250  Exhausted: every address that there was is in use',
  ]);
  assert.equal(fitted(60), [
    'NAME          USED  STATE',
    'a-pool           7  Ready',
    'another-pool   250  Exhausted: every address that there was',
    '                    is in use',
  ]);
  assert.equal(
    fitted(69, [['a', '7', '2', 'x'.repeat(80)], ...ROWS])[0],
    'NAME          USED  LOST  STATE',
    'what one row says stays',
  );
});

test('what has no room even so goes on in the next line', () => {
  assert.equal(fitted(40), [
    'NAME          USED',
    '  STATE',
    'a-pool           7',
    '  Ready',
    'another-pool   250',
    '  Exhausted: every address that there',
    '  was is in use',
  ]);
  assert.equal(columns([['x'.repeat(30), 'y'.repeat(30)], ['z']], [], 40), [
    'x'.repeat(30),
    `  ${'y'.repeat(30)}`,
    'z',
  ]);
});

test('colours take no room', () => {
  const red = (text: string) => `\u001b[31m${text}\u001b[0m`;
  const message = 'a sentence of some length that goes on and on';
  assert.equal(hang(red('error  '), red(message), 45), [
    `${red('error  ')}\u001b[31ma sentence of some length that goes on`,
    '       and on\u001b[0m',
  ]);
  assert.equal(hang(red('error  '), red(message), 52), [red('error  ') + red(message)]);
});

test.run();
