/** How full a pool is, as rows of characters. */
import { formatAddress } from '../address/address.ts';
import { type Cell, cellsOf, type Space } from '../overview/space.ts';
import type { Paint } from './paint.ts';

type CellState = Cell['state'];

const CELLS: Readonly<
  Record<CellState, readonly [character: string, colour: 'green' | 'yellow' | 'cyan' | 'red' | 'grey']>
> = {
  used: ['█', 'green'],
  partly: ['▒', 'yellow'],
  adopted: ['◆', 'cyan'],
  outOfRange: ['!', 'red'],
  taken: ['▓', 'grey'],
  gateway: ['░', 'grey'],
  reserved: ['░', 'grey'],
  excluded: ['×', 'grey'],
  free: ['·', 'grey'],
};

export const LEGEND =
  "█ used  ▒ partly  ◆ adopted  ! out of range  ▓ another pool's  ░ reserved, gateway  × excluded  · free";

const ROW = 64;
const MOST_SINGLE = 4 * ROW;

/**
 * A character an address (or block), 64 a row, while there are at most 256 of them; else one row whose characters
 * stand for equal shares. With `rows: 1` always one row. Each row is named by its first address.
 */
export function picture(space: Space, paint: Paint, { rows: most = 4 }: { rows?: 1 | 4 } = {}): string[] {
  const { share, cells } = cellsOf(space, most === 1 ? ROW : MOST_SINGLE, ROW);
  const rows: { name: string; states: CellState[] }[] = [];
  for (let start = 0; start < cells.length; start += ROW) {
    const row = cells.slice(start, start + ROW);
    rows.push({ name: formatAddress(row[0]!.first), states: row.map(({ state }) => state) });
  }
  const width = Math.max(...rows.map(({ name }) => name.length));
  const note = share === 1n ? '' : `  (${share} each)`;
  return rows.map(({ name, states }) => `${name.padEnd(width)}  ${draw(states, paint)}${note}`);
}

/** Neighbours of one colour share its escape codes. */
function draw(states: readonly CellState[], paint: Paint): string {
  let text = '';
  for (let start = 0; start < states.length; ) {
    const state = states[start]!;
    let end = start;
    while (states[end] === state) end++;
    const [character, colour] = CELLS[state];
    text += paint(colour, character.repeat(end - start));
    start = end;
  }
  return text;
}
