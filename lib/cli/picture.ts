/** How full a pool is, as rows of characters. */
import type { Paint } from './paint.ts';

export type CellState = 'free' | 'used' | 'partly' | 'adopted' | 'withheld';

/** Numbered places (addresses or blocks) `first` to `last` that are not free. */
export interface Mark {
  readonly first: bigint;
  readonly last: bigint;
  readonly state: 'used' | 'adopted' | 'withheld';
}

const CELLS: Readonly<
  Record<CellState, readonly [character: string, colour: 'green' | 'yellow' | 'cyan' | 'grey']>
> = {
  used: ['█', 'green'],
  partly: ['▒', 'yellow'],
  adopted: ['◆', 'cyan'],
  withheld: ['░', 'grey'],
  free: ['·', 'grey'],
};

export const LEGEND =
  '█ used   ▒ partly used   ◆ adopted: in use before metaipam   ░ reserved, excluded or taken by another   · free';

const ROW = 64;
const MOST_SINGLE = 4 * ROW;

/**
 * Places 0 to `count` - 1: a character each, 64 a row, while there are at most 256 of them; else one row whose
 * characters stand for equal shares. `label` names a row by its first place.
 */
export function picture(
  count: bigint,
  marks: readonly Mark[],
  label: (place: bigint) => string,
  paint: Paint,
): string[] {
  const share = count <= MOST_SINGLE ? 1n : (count + BigInt(ROW) - 1n) / BigInt(ROW);
  const cells = Array.from({ length: Number((count + share - 1n) / share) }, (_, index) => ({
    size: Math.min(Number(share), Number(count - BigInt(index) * share)),
    used: 0,
    adopted: 0,
    withheld: 0,
  }));
  for (const { first, last, state } of marks) {
    for (let index = first / share; index <= last / share && index < cells.length; index++) {
      const [from, to] = [index * share, (index + 1n) * share - 1n];
      const overlap = (last < to ? last : to) - (first > from ? first : from) + 1n;
      cells[Number(index)]![state] += Number(overlap);
    }
  }
  const states = cells.map(({ size, used, adopted, withheld }): CellState => {
    if (withheld >= size) return 'withheld';
    if (used + adopted === 0) return 'free';
    if (used + adopted + withheld < size) return 'partly';
    return used === 0 ? 'adopted' : 'used';
  });
  const rows: { name: string; states: CellState[] }[] = [];
  for (let start = 0; start < states.length; start += ROW) {
    rows.push({ name: label(BigInt(start) * share), states: states.slice(start, start + ROW) });
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
