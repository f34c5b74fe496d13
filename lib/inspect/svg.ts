/** Pictures of address spaces for a browser, as text: no script, no style sheet, nothing that is loaded. */
import type { Overview } from './overview.ts';
import { type Cell, cellsOf, formatCell, LEGEND_STATES, type Space, STATE_NAMES } from './space.ts';

interface Picture {
  /** What the picture shows: `InClusterIPPool default/pool-a`. */
  readonly title: string;
  /** One line beside the title. */
  readonly note?: string;
  readonly space: Space;
}

/** A page may set other colours by class: `.ipam-used { fill: … }`. */
const COLOURS: Readonly<Record<Cell['state'], readonly [fill: string, opacity: string]>> = {
  used: ['#2e9e5b', '1'],
  partly: ['#2e9e5b', '0.5'],
  adopted: ['#3b82c4', '1'],
  taken: ['#8d6bc0', '1'],
  kept: ['#c9a227', '1'],
  outOfRange: ['#d9483b', '1'],
  gateway: ['currentColor', '0.6'],
  reserved: ['currentColor', '0.45'],
  excluded: ['currentColor', '0.3'],
  free: ['currentColor', '0.1'],
};

const ROW = 64;
const MOST_SINGLE = 16 * ROW;
const CELL = 10;
const WIDTH = ROW * CELL;
const LINE = 18;

/**
 * One SVG of pictures, one below the other, and a legend of the states that occur.
 *
 * Up to 1024 addresses (or blocks) have a cell each, larger spaces 64 cells of equal shares. Cells of one state
 * side by side are one rectangle, which says on hover what it is; the whole is one image to screen readers. Text and faint cells
 * have the colour of the text around (`currentColor`), so that it fits into light and dark pages.
 */
export function svgOf(pictures: readonly Picture[]): string {
  const parts: string[] = [];
  const seen = new Set<Cell['state']>();
  let y = 0;
  for (const { title, note, space } of pictures) {
    const { share, cells } = cellsOf(space, MOST_SINGLE, ROW);
    const each = share === 1n ? '' : `${share} ${space.unit === 1n ? 'addresses' : 'blocks'} a cell`;
    const notes = [note, each].filter(Boolean).join(', ');
    parts.push(text(0, y + 13, ellipsis(title, notes), ' font-weight="bold"'));
    if (notes !== '') parts.push(text(WIDTH, y + 13, notes, ' text-anchor="end" opacity="0.7"'));
    y += LINE + 2;
    const rows = Math.max(1, Math.ceil(cells.length / ROW));
    const drawn = Array.from({ length: rows }, (_, row) =>
      drawRow(cells.slice(row * ROW, (row + 1) * ROW), y + row * CELL),
    );
    parts.push(drawn.join(''));
    for (const { state } of cells) seen.add(state);
    y += rows * CELL + LINE;
  }
  const legend = drawLegend(seen, y);
  parts.push(legend.text);
  y = legend.bottom;
  const name = escapeXml(pictures.map(({ title }) => title).join(', '));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" width="${WIDTH}" height="${y}" role="img" aria-label="${name}" font-family="system-ui, sans-serif" font-size="12" fill="currentColor"><title>${name}</title>${parts.join('')}</svg>\n`;
}

/** Every pool, and every range of every ClusterCIDR. */
export function picturesOf({ pools, networks }: Overview): Picture[] {
  return [
    ...pools.map(({ title, space }) => ({ title, space })),
    ...networks.flatMap(({ clusterCIDRs }) =>
      clusterCIDRs.flatMap(({ clusterCIDR: { metadata }, ranges }) =>
        ranges.map(({ cidr, blocks, space }) => ({
          title: `ClusterCIDR ${metadata.name}`,
          note: `${cidr} in blocks of ${blocks}`,
          space,
        })),
      ),
    ),
  ];
}

/** The space as one row of at most 64 cells, however many there are, that fills what is around it. */
export function stripSvg(space: Space, label: string): string {
  const { cells } = cellsOf(space, ROW, ROW);
  return rowSvg(cells, Math.max(1, cells.length), label);
}

/**
 * A row of cells, as wide as what is around it, for pages that put titles and legend in words of their own.
 *
 * @param columns how many cells would fill it
 * @param label what the image is to screen readers
 * @param tipOf what is said of a cell on hover; cells of one state side by side of which it says nothing are one
 */
export function rowSvg(
  cells: readonly Cell[],
  columns: number,
  label: string,
  tipOf?: (cell: Cell) => string | undefined,
): string {
  // Gaps are of one width, however wide the cells are drawn.
  const gap = columns / ROW;
  const box = `0 0 ${columns * CELL - gap} ${CELL - 1}`;
  return `<svg viewBox="${box}" height="${CELL}" preserveAspectRatio="none" role="img" aria-label="${escapeXml(label)}" fill="currentColor">${drawRow(cells, 0, gap, tipOf)}</svg>`;
}

/** One cell of a state, for a legend. */
export function swatchSvg(state: Cell['state']): string {
  return `<svg viewBox="0 0 ${CELL} ${CELL}" width="${CELL}" height="${CELL}" aria-hidden="true" fill="currentColor">${rectangle(0, 0, CELL - 1, state)}</svg>`;
}

/** The title, cut to the room that the notes leave. */
function ellipsis(title: string, notes: string): string {
  const room = Math.floor((WIDTH - notes.length * 7) / 8);
  return title.length <= room ? title : `${title.slice(0, room - 1)}…`;
}

function drawRow(
  cells: readonly Cell[],
  y: number,
  gap = 1,
  tipOf?: (cell: Cell) => string | undefined,
): string {
  let drawn = '';
  for (let start = 0; start < cells.length; ) {
    const cell = cells[start]!;
    const { state, first } = cell;
    const tint = tintOf(cell);
    let end = start + 1;
    const own = tipOf?.(cell);
    const isLike = (other: Cell | undefined) =>
      other?.state === state && tintOf(other) === tint && tipOf?.(other) === undefined;
    while (own === undefined && isLike(cells[end])) end++;
    const tip = own ?? `${formatCell({ first, last: cells[end - 1]!.last })}: ${STATE_NAMES[state]}`;
    const title = `<title>${escapeXml(tip)}</title>`;
    drawn += rectangle(start * CELL, y, (end - start) * CELL - gap, state, title, tint);
    start = end;
  }
  return drawn;
}

/** The fuller, the darker, in steps of a fifth; what is full is as dark as a single used address. */
function tintOf({ state, filled }: Cell): string {
  if (state !== 'partly') return COLOURS[state][1];
  return String(Math.min(0.8, 0.2 + Math.floor(filled * 5) * 0.15).toFixed(2));
}

function drawLegend(seen: ReadonlySet<Cell['state']>, top: number): { text: string; bottom: number } {
  let [x, y, drawn] = [0, top, ''];
  for (const state of LEGEND_STATES) {
    if (!seen.has(state)) continue;
    const name = STATE_NAMES[state];
    const width = 24 + name.length * 7;
    if (x + width > WIDTH) [x, y] = [0, y + LINE];
    drawn += rectangle(x, y, CELL - 1, state) + text(x + 15, y + 10, name);
    x += width;
  }
  return { text: drawn, bottom: y + LINE };
}

function rectangle(
  x: number,
  y: number,
  width: number,
  state: Cell['state'],
  inner = '',
  opacity = COLOURS[state][1],
): string {
  const [fill] = COLOURS[state];
  const shape = `x="${x}" y="${y}" width="${width}" height="${CELL - 1}"`;
  return `<rect class="ipam-${state}" ${shape} fill="${fill}" fill-opacity="${opacity}">${inner}</rect>`;
}

function text(x: number, y: number, words: string, attributes = ''): string {
  return `<text x="${x}" y="${y}"${attributes}>${escapeXml(words)}</text>`;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text for an element or an attribute; what XML cannot hold is replaced. Names may come from anybody's file. */
export function escapeXml(words: string): string {
  return words
    .toWellFormed()
    .replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '\ufffd')
    .replace(/[&<>"']/g, (character) => ESCAPES[character]!);
}
