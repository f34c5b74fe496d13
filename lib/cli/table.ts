/** Text in columns. */
import { stripVTControlCharacters } from 'node:util';

/** Rows with their cells aligned; the last cell of a row may be of any length. `right`: columns of numbers. */
export function columns(rows: readonly (readonly string[])[], right: readonly number[] = []): string[] {
  const visible = (text: string) => stripVTControlCharacters(text).length;
  const widths: number[] = [];
  for (const row of rows) {
    for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, visible(cell));
  }
  return rows.map((row) =>
    row
      .map((cell, index) => {
        const space = ' '.repeat(widths[index]! - visible(cell));
        return right.includes(index) ? space + cell : cell + space;
      })
      .join('  ')
      .trimEnd(),
  );
}

/** `text` with what could move a terminal's cursor or colour it replaced: names and messages may be anybody's. */
export function printable(text: string): string {
  return text.toWellFormed().replace(/[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/gu, '\ufffd');
}
