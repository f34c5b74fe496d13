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

/** @param title as in `Holding` */
function poolLink(title: string): Html | string {
  const [kind = '', name = ''] = title.split(' ');
  if (!kind.endsWith('Pool')) return title;
  return html`<a href="${formatQuery({ pool: `${kind}/${name}` })}">${title}</a>`;
}

/** A text whose times are not broken at their dashes. */
function withTimes(text: string): Html {
  const parts = text.split(/(\d{4}-\d\d-\d\dT[\d:]+Z)/);
  return html`${parts.map((part, index) => (index % 2 === 0 ? html`${part}` : html`<time>${part}</time>`))}`;
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
${withPools ? html`<td role="cell" class="pool">${poolLink(pool)}</td>` : undefined}<td role="cell" class="who">${who}</td>
<td role="cell" class="why">${state !== 'held' && holding.note === STATE_NAMES[state] ? undefined : html`<small>${withTimes(holding.note)}</small>`}</td></tr>`;
  });
  const pool = withPools ? [['Pool'] as const] : [];
  return table(caption, [['Address'], ...pool, ['Who'], ['Since, and whose']], rows);
}
