/** Text in columns. */
import { stripVTControlCharacters } from 'node:util';
import { wrap } from '../text.ts';

const GAP = '  ';
/** What a column of sentences needs at least to be read. */
const SENTENCE = 32;
/** What cells have that say nothing. */
const NOTHING = ['-', '0%'];

/**
 * Rows with their cells aligned; the last cell of a row may be of any length.
 *
 * @param right columns of numbers
 * @param width of the terminal: columns that it has no room for go on in the next line, and sentences at their end
 */
export function columns(
  rows: readonly (readonly string[])[],
  right: readonly number[] = [],
  width = Number.POSITIVE_INFINITY,
): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, visible(cell));
  }
  const last = widths.length - 1;
  const lines: number[][] = [];
  let used = 0;
  for (const [index, needed] of widths.entries()) {
    const least = index === last ? Math.min(needed, SENTENCE) : needed;
    if (lines.length > 0 && used + GAP.length + least <= width) {
      used += GAP.length + needed;
      lines.at(-1)!.push(index);
    } else {
      used = needed + (lines.length > 0 ? GAP.length : 0);
      lines.push([index]);
    }
  }
  return rows.flatMap((row) =>
    lines.flatMap((indexes, line) => {
      const cells = indexes
        .filter((index) => index < row.length)
        .map((index) => {
          const space = ' '.repeat(widths[index]! - visible(row[index]!));
          return right.includes(index) ? space + row[index] : row[index] + space;
        });
      if (cells.length === 0) return [];
      const head = [...(line > 0 ? [''] : []), ...cells.slice(0, -1), ''].join(GAP);
      return hang(head, cells.at(-1)!.trimEnd(), width).map((text) => text.trimEnd());
    }),
  );
}

/** A table without the columns in which no row says anything, where it is wider than the terminal. */
export function fittedTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  right: readonly number[],
  width: number,
): string[] {
  const all = [header, ...rows];
  const lines = columns(all, right);
  if (rows.length === 0 || lines.every((line) => visible(line) <= width)) return lines;
  const said = [...header.keys()].filter((index) => rows.some((row) => !NOTHING.includes(row[index]!)));
  return columns(
    all.map((row) => said.map((index) => row[index]!)),
    right.map((index) => said.indexOf(index)),
    width,
  );
}

/** `head` and what follows it, in lines no wider than the terminal where words allow; others than the first are indented. */
export function hang(head: string, text: string, width: number, indent = visible(head)): string[] {
  if (visible(head + text) <= width) return [head + text];
  const lines = wrap(text, Math.max(width - Math.max(visible(head), indent), SENTENCE), visible);
  return lines.map((line, index) => (index === 0 ? head : ' '.repeat(indent)) + line.trimEnd());
}

function visible(text: string): number {
  return stripVTControlCharacters(text).length;
}

/** `text` with what could move a terminal's cursor or colour it replaced: names and messages may be anybody's. */
export function printable(text: string): string {
  return text.toWellFormed().replace(/[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/gu, '\ufffd');
}
