import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { paintFor, plain } from '../../lib/cli/paint.ts';
import { legend } from '../../lib/cli/picture.ts';
import { pictureWidth, showProgress, terminalWidth, writeText } from '../../lib/cli/terminal.ts';

const written = (text: string, env: Record<string, string>) => {
  let out = '';
  writeText({ stdout: { write: (part) => (out += part) }, env }, text);
  return out;
};

test('ASCII where the locale names another character set, and only there', () => {
  const ascii: Record<string, string>[] = [
    { LANG: 'C' },
    { LANG: 'de_DE.ISO-8859-1' },
    { LC_ALL: 'POSIX', LANG: 'en_US.UTF-8' },
  ];
  for (const env of ascii) assert.is(written('█▒ ✓ a → b…', env), '#% v a -> b...', JSON.stringify(env));
  const utf8: Record<string, string>[] = [
    {},
    { LANG: '' },
    { LANG: 'C.UTF-8' },
    { LC_CTYPE: 'en_US.utf8', LANG: 'C' },
  ];
  for (const env of utf8) assert.is(written('█▒ ✓', env), '█▒ ✓', JSON.stringify(env));
});

test('each sign of a picture has an ASCII sign of its own', () => {
  const signs = written(legend(), { LANG: 'C' })
    .split('  ')
    .map((part) => part[0]);
  assert.is(new Set(signs).size, signs.length);
  assert.ok(signs.every((sign) => sign! < '\x7f'));
});

test('colours: on a terminal, unless the user or the terminal says no; FORCE_COLOR wins', () => {
  const isColoured = (isTTY: boolean, env: Record<string, string>) =>
    paintFor({ stdout: { isTTY, write: () => {} }, env }) !== plain;
  const cases: [isTTY: boolean, env: Record<string, string>, coloured: boolean][] = [
    [true, {}, true],
    [false, {}, false],
    [true, { NO_COLOR: '1' }, false],
    [true, { NO_COLOR: '' }, true],
    [true, { TERM: 'dumb' }, false],
    [false, { FORCE_COLOR: '1' }, true],
    [false, { FORCE_COLOR: '' }, true],
    [false, { FORCE_COLOR: '3', NO_COLOR: '1' }, true],
    [true, { FORCE_COLOR: '0' }, false],
    [true, { FORCE_COLOR: 'false' }, false],
  ];
  for (const [isTTY, env, coloured] of cases)
    assert.is(isColoured(isTTY, env), coloured, JSON.stringify([isTTY, env]));
});

test('pictures are as wide as fits', () => {
  const width = (columns?: number) =>
    pictureWidth(terminalWidth({ stdout: { write: () => {}, ...(columns !== undefined && { columns }) } }));
  const cases: [columns: number | undefined, width: number][] = [
    [undefined, 64],
    // A terminal that nobody told its size.
    [0, 64],
    [200, 64],
    [96, 64],
    [95, 32],
    [64, 32],
    [63, 16],
    [20, 16],
  ];
  for (const [columns, expected] of cases) assert.is(width(columns), expected, String(columns));
  assert.is(pictureWidth(96, 33), 32);
});

test('the legend has lines that fit', () => {
  assert.not.match(legend(), '\n');
  assert.is(legend(legend().length), legend());
  for (const columns of [120, 100, 64, 40, 30]) {
    const lines = legend(columns).split('\n');
    assert.ok(lines.length > 1 && lines.every(({ length }) => length <= columns && length > 0));
    assert.is(lines.join('  '), legend());
  }
});

/** What is written while the clock, in milliseconds, goes on by `step` at each tick. */
function progress(isTTY: boolean, step: number, ticks: number): string {
  let [out, now] = ['', 0];
  const { now: real } = performance;
  performance.now = () => now;
  try {
    const stderr = { isTTY, columns: 20, write: (text: string) => (out += text) };
    const { tick, done } = showProgress({ stderr }, (count) => `work: ${count} steps of some kind`);
    for (let index = 0; index < ticks; index++) {
      now += step;
      tick();
    }
    done();
  } finally {
    performance.now = real;
  }
  return out;
}

test('work of more than two seconds shows how far it is, on a terminal, and leaves nothing behind', () => {
  assert.is(progress(true, 1, 1900), '');
  assert.is(progress(false, 10, 10_000), '');
  const lines = progress(true, 1, 4000).split('\r').slice(1);
  assert.is(lines[0], 'work: 2048 steps of');
  assert.ok(lines.length > 5 && lines.length < 15, String(lines.length));
  assert.ok(lines.every((line) => line.length < 20));
  assert.equal(lines.slice(-2), [' '.repeat(19), '']);
});

test('who waits for others sees it without a step', () => {
  const { setTimeout: real } = globalThis;
  let [out, due] = ['', undefined as (() => void) | undefined];
  globalThis.setTimeout = ((work: () => void) => {
    due = work;
  }) as typeof setTimeout;
  try {
    const stderr = { isTTY: true, columns: 40, write: (text: string) => (out += text) };
    const { done } = showProgress({ stderr }, (count) => `${count} objects`, true);
    due?.();
    done();
  } finally {
    globalThis.setTimeout = real;
  }
  assert.is(out, `\r0 objects\r${' '.repeat(9)}\r`);
});

test.run();
