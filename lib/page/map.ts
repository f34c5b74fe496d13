/** An address space as a map: rows that lead into their part of it, down to single addresses. */

import { formatAddress } from '../address/address.ts';
import type { Range } from '../address/range.ts';
import { formatRange, overlaps } from '../address/range.ts';
import type { Place } from '../inspect/holding.ts';
import {
  type Cell,
  type Counts,
  cellsOf,
  clipSpace,
  countStates,
  formatCell,
  LEGEND_STATES,
  type Space,
  STATE_NAMES,
} from '../inspect/space.ts';
import { rowSvg, swatchSvg } from '../inspect/svg.ts';
import { formatCount } from './format.ts';
import { type Html, html, trusted } from './html.ts';
import { formatQuery, type Query } from './query.ts';

const ROW = 64;
const ROWS = 16;

interface MapOptions {
  readonly title: string;
  /** What stands beside the title. */
  readonly note?: string;
  readonly extra?: Html;
  /** What is counted: `address`, `block`. */
  readonly unit: readonly [one: string, many: string];
  readonly query: Query;
  readonly places: readonly Place[];
}

/** The part of the space that the query names, or all of it. */
export function mapOf(whole: Space, { title, note, extra, unit, query, places }: MapOptions): Html {
  const isPart = query.at !== undefined && whole.segments.some((segment) => overlaps(segment, query.at!));
  const space = isPart ? clipSpace(whole, query.at!) : whole;
  const { share, cells } = cellsOf(space, ROW * ROWS, ROW * ROWS);
  const counts = countStates(space);
  const holders = share === 1n ? holdersOf(places, space) : undefined;
  const tipOf = holders && ((cell: Cell) => tip(cell, holders));
  const rows: Html[] = [];
  for (let start = 0; start < cells.length; start += ROW) {
    rows.push(
      mapRow(cells.slice(start, start + ROW), Math.min(ROW, cells.length), share, space, query, tipOf),
    );
  }
  const each = share === 1n ? `a cell is one ${unit[0]}` : `a cell is ${formatCount(share)} ${unit[1]}`;
  const [first, last] = [cells.at(0)?.first, cells.at(-1)?.last];
  const span = first === undefined || last === undefined ? 'no addresses' : formatCell({ first, last });
  const back = isPart
    ? html`<a href="${formatQuery({ ...query, at: outer(query.at!, whole), page: 1 })}">Zoom out</a> `
    : undefined;
  return html`<figure class="picture"><figcaption><span><b>${title}</b> ${extra}</span><span class="quiet">${back}${note === undefined ? undefined : html`${note}, `}${isPart || note === undefined ? `${span}, ` : undefined}${each}</span></figcaption>
<div class="map">${rows}</div>${legend(counts, share)}</figure>`;
}

function mapRow(
  cells: readonly Cell[],
  columns: number,
  share: bigint,
  space: Space,
  query: Query,
  tipOf: ((cell: Cell) => string | undefined) | undefined,
): Html {
  const { first } = cells[0]!;
  const { last } = cells.at(-1)!;
  const { free, used, adopted, taken, kept, outOfRange } = countsBetween(cells, space);
  const inUse = used + adopted + outOfRange;
  const label = `${formatCell({ first, last })}: ${formatCount(inUse)} of ${formatCount(free + used + adopted + taken + kept)} in use`;
  const drawn = trusted(rowSvg(cells, columns, label, tipOf));
  const start = html`<span>${formatAddress(first)}</span>`;
  if (share === 1n || first.family !== last.family) return html`<div>${start}${drawn}</div>`;
  const at: Range = { family: first.family, first: first.value, last: last.value };
  return html`<a href="${formatQuery({ ...query, at, page: 1 })}">${start}${drawn}</a>`;
}

/** A row may end in another range of the pool, or of another family, than that in which it began. */
function countsBetween(cells: readonly Cell[], { unit, segments }: Space): Counts {
  const ranges = cells.map(({ first, last }) => ({
    family: first.family,
    first: first.value,
    last: last.value,
  }));
  const [head, tail] = [ranges[0]!, ranges.at(-1)!];
  const isOne = head.family === tail.family;
  return countStates(
    isOne
      ? clipSpace({ unit, segments }, { family: head.family, first: head.first, last: tail.last })
      : { unit, segments },
  );
}

/** Sixteen times as much, as far as there is so much. */
function outer(at: Range, { segments }: Space): Range | undefined {
  const size = (at.last - at.first + 1n) * BigInt(ROWS);
  const own = segments.filter(({ family }) => family === at.family);
  const [lowest, highest] = [own[0]?.first, own.at(-1)?.last];
  if (lowest === undefined || highest === undefined || size >= highest - lowest + 1n) return undefined;
  const first = lowest + ((at.first - lowest) / size) * size;
  const last = first + size - 1n > highest ? highest : first + size - 1n;
  return { family: at.family, first, last };
}

/** Who has what of a space whose every address can be seen, by the text of its range. */
function holdersOf(places: readonly Place[], { segments }: Space): Map<string, string> {
  const [first, last] = [segments.at(0), segments.at(-1)];
  if (first === undefined || last === undefined) return new Map();
  const isNear = ({ family, first: at }: Range) =>
    family !== first.family || family !== last.family || (at >= first.first && at <= last.last);
  const seen = places.filter(({ holder, range }) => holder !== undefined && isNear(range));
  return new Map(seen.map(({ range, holder }) => [formatRange(range), holder!]));
}

function tip(cell: Cell, holders: ReadonlyMap<string, string>): string | undefined {
  const text = formatCell(cell);
  const holder = holders.get(text);
  return holder === undefined ? undefined : `${text}: ${holder}`;
}

function legend(counts: Counts, share: bigint): Html {
  const items = LEGEND_STATES.filter((state) =>
    state === 'partly' ? share > 1n && counts.free > 0n : counts[state] > 0n,
  );
  return html`<ul class="legend">${items.map(
    (state) =>
      html`<li>${trusted(swatchSvg(state))}<span>${STATE_NAMES[state]}${state === 'partly' ? undefined : html` <b>${formatCount(counts[state])}</b>`}</span></li>`,
  )}</ul>`;
}
