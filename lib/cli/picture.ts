/** How full a pool is, as rows of characters. */
import { formatAddress } from '../address/address.ts';
import { type Cell, cellsOf, LEGEND_STATES, type Space, STATE_NAMES } from '../inspect/space.ts';
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
  kept: ['▢', 'yellow'],
  gateway: ['░', 'grey'],
  reserved: ['░', 'grey'],
  excluded: ['×', 'grey'],
  free: ['·', 'grey'],
};

const ROW = 64;

/** Each character with the names of what it stands for. */
const SIGNS = [...Map.groupBy(LEGEND_STATES, (state) => CELLS[state][0])].map(
  ([character, states]) => `${character} ${states.map((state) => STATE_NAMES[state]).join(', ')}`,
);

/** The legend of pictures, in lines that a terminal of this width has room for. */
export function legend(width = Number.POSITIVE_INFINITY): string {
  const lines: string[] = [];
  for (const sign of SIGNS) {
    const line = `${lines.at(-1) ?? ''}  ${sign}`.trimStart();
    if (lines.length > 0 && line.length <= width) lines[lines.length - 1] = line;
    else lines.push(sign);
  }
  return lines.join('\n');
}

/** The first address of a row, its characters, and what one of them stands for unless that is one address. */
type Row = readonly [name: string, cells: string, note: string];

/**
 * A character an address (or block), `width` a row, while there are at most `rows` rows of them; else one row whose
 * characters stand for equal shares.
 */
export function picture(space: Space, paint: Paint, rows: 1 | 4 = 4, width = ROW): Row[] {
  const { share, cells } = cellsOf(space, rows === 1 ? width : rows * ROW, width);
  const note = share === 1n ? '' : `(${share} each)`;
  const drawn: Row[] = [];
  for (let start = 0; start < cells.length; start += width) {
    const row = cells.slice(start, start + width);
    const states = row.map(({ state }) => state);
    drawn.push([formatAddress(row[0]!.first), draw(states, paint), note]);
  }
  return drawn;
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
