/** Who has what, as a table. */
import { parseRange } from '../address/range.ts';
import type { Holding, Place } from '../inspect/holding.ts';
import { STATE_NAMES } from '../inspect/space.ts';
import { type Html, html } from './html.ts';
import { paged, table } from './parts.ts';
import { formatQuery, type Query, questionAbout } from './query.ts';

const A_PAGE = 100;

/** A page of the places. */
export function holderTable(places: readonly Place[], caption: string, query: Query): Html | undefined {
  if (places.length === 0) return undefined;
  const { shown, part, links } = paged(places, A_PAGE, query);
  return html`<section id="holders">${holdingTable(
    shown.map(({ describe }) => describe()),
    html`${caption}${part}`,
    false,
  )}${links}</section>`;
}

/** @param withPools whether they are of several pools */
export function holdingTable(holdings: readonly Holding[], caption: Html, withPools: boolean): Html {
  const rows = holdings.map((holding) => {
    const { addresses, pool, holder, state } = holding;
    const range = parseRange(addresses);
    const isOne = range !== undefined && range.first === range.last;
    const address = isOne ? html`<a href="${formatQuery({ text: addresses })}">${addresses}</a>` : addresses;
    const who =
      holder === undefined
        ? html`<span class="quiet">${state === 'held' ? 'held back' : STATE_NAMES[state]}</span>`
        : html`<a href="${formatQuery({ text: questionAbout(holder) })}">${holder}</a>`;
    return html`<tr role="row"><td role="cell" class="address">${address}</td>
${withPools ? html`<td role="cell" class="pool">${pool}</td>` : undefined}<td role="cell" class="who">${who}</td>
<td role="cell" class="why">${holder === undefined && state !== 'held' ? undefined : html`<small>${holding.note}</small>`}</td></tr>`;
  });
  const pool = withPools ? [['Pool'] as const] : [];
  return table(caption, [['Address'], ...pool, ['Who'], ['Since, and whose']], rows);
}
