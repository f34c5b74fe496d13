/** What every page is made of: its frame, headings, facts, tables, marks. */
import type { State } from '../inspect/state.ts';
import { formatCount } from './format.ts';
import { type Html, html, trusted } from './html.ts';
import { FILTERS, formatQuery, type Query } from './query.ts';
import { SCRIPT } from './script.ts';
import { STYLE } from './style.ts';

/** What is the same for all of a page. */
export interface Visit {
  readonly query: Query;
  /** For the Content-Security-Policy: only what bears it is used. */
  readonly nonce: string;
  /** Whose objects are shown: `this cluster`, `examples`. */
  readonly of: string;
  /** What cannot be seen, and why. */
  readonly problems: readonly string[];
  /** Whether the server tells of changes. */
  readonly isLive: boolean;
}

export function document({ nonce, of, query, problems, isLive }: Visit, title: string, main: Html): string {
  const asked = query.pool ?? (query.network === undefined ? query.text : `podnetwork/${query.network}`);
  const api = html`<a id="json" href="api/show${formatQuery({ text: asked })}">JSON</a>`;
  const live = isLive
    ? html`<button id="live" type="button" aria-pressed="true" hidden>Live</button>`
    : undefined;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title === 'metaipam' ? title : `${title} · metaipam`}</title>
<link rel="icon" href="data:image/svg+xml,${encodeURIComponent(ICON)}">
<style nonce="${nonce}">${trusted(STYLE)}</style>
</head>
<body>
<a class="skip" href="#content">Skip to the content</a>
<header class="top">
<a class="brand" href="${formatQuery({})}">${trusted(MARK)}metaipam</a>
<span class="quiet">${of}</span>
<span class="live">${api}${live}</span>
</header>
<p id="notice" class="bad" role="status"></p>
${searchForm(query)}
<main id="content" tabindex="-1">${problems.map((text) => html`<p class="bad">Not all is seen: ${text}</p>`)}${main}</main>
<script nonce="${nonce}" type="module">${trusted(SCRIPT)}</script>
</body>
</html>
`.text;
}

const SQUARES = [
  [0, 0, 1],
  [7, 0, 1],
  [14, 0, 0.35],
  [0, 7, 1],
  [7, 7, 0.35],
  [14, 7, 1],
  [0, 14, 0.35],
  [7, 14, 1],
  [14, 14, 1],
]
  .map(
    ([x, y, opacity]) => `<rect x="${x}" y="${y}" width="6" height="6" rx="1.2" fill-opacity="${opacity}"/>`,
  )
  .join('');
const MARK = `<svg viewBox="0 0 20 20" aria-hidden="true" class="ipam-used">${SQUARES}</svg>`;
const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 20 20" fill="#2f9e62">${SQUARES}</svg>`;

const ASKED = 'Address, range, claim, node, pool or network';
/** As much of it as a phone has room for. */
const PLACEHOLDER = 'Address, claim, node, pool';

function searchForm({ text, filter, pool, network }: Query): Html {
  const isList = pool === undefined && network === undefined;
  const options = Object.entries(FILTERS).map(
    ([value, label]) =>
      html`<option value="${value === 'all' ? '' : value}"${value === filter ? html` selected` : undefined}>${label}</option>`,
  );
  return html`<form role="search">
<input type="search" name="q" value="${text}" placeholder="${PLACEHOLDER}" aria-label="${ASKED}" autocomplete="off" spellcheck="false">
<select name="show" aria-label="Which pools"${isList ? undefined : html` hidden`}>${options}</select>
<button>Search</button>
</form>`;
}

export function fact(name: string, value: string | Html, look = ''): Html {
  return html`<div><dt>${name}</dt><dd class="${look}">${value}</dd></div>`;
}

export function heading(kind: string, title: string, state: State): Html {
  return html`<p class="crumb"><a href="${formatQuery({})}">Pools and networks</a></p>
<div class="head"><h1>${title}</h1><span class="quiet">${kind}</span>${mark(state.reason)}</div>
${state.message === '' ? undefined : html`<p>${state.message}</p>`}`;
}

const MARKS = {
  good: '<path d="M0 5.2 1.5 3.6 3.5 5.6 7.6 1.2 9.1 2.7 3.5 8.6z"/>',
  warn: '<path d="M4.5 0 9 9H0z"/>',
  bad: '<path d="M0 0h9v9H0z"/>',
  rest: '<path d="M1 0h2.5v9H1zM5.5 0H8v9H5.5z"/>',
} as const;

const LOOKS: Readonly<Record<string, keyof typeof MARKS>> = {
  Ready: 'good',
  InvalidSpec: 'bad',
  NotFound: 'bad',
  NetworkNotFound: 'bad',
  Paused: 'rest',
  Deleting: 'rest',
  NotSynced: 'rest',
};

/** A reason with a sign of its own beside the colour. `PoolExhausted` is written as `Pool exhausted`, `PodCIDRsPending` as `Pod CIDRs pending`. */
export function mark(reason: string, look = LOOKS[reason] ?? 'warn'): Html {
  const words = reason
    .replaceAll(/(?<=[a-z])(?=[A-Z])/g, ' ')
    .replaceAll(/(?<= )[A-Z](?=[a-z])/g, (letter) => letter.toLowerCase());
  return html`<span class="mark ${look}"><svg viewBox="0 0 9 9" aria-hidden="true">${trusted(MARKS[look])}</svg>${words}</span>`;
}

export function table(
  caption: Html,
  columns: readonly (readonly [name: string, look?: string])[],
  rows: readonly Html[],
): Html {
  const heads = columns.map(
    ([name, look = '']) => html`<th role="columnheader" scope="col" class="${look}">${name}</th>`,
  );
  return html`<table role="table"><caption>${caption}</caption><thead role="rowgroup"><tr role="row">${heads}</tr></thead><tbody role="rowgroup">${rows}</tbody></table>`;
}

interface Paged<T> {
  readonly shown: readonly T[];
  /** `1–100 of 65,534`; undefined if all are shown. */
  readonly part: Html | undefined;
  /** To the other pages. */
  readonly links: Html | undefined;
}

/** One page of the items. */
export function paged<T>(items: readonly T[], most: number, query: Query): Paged<T> {
  const pages = Math.max(1, Math.ceil(items.length / most));
  const page = Math.min(query.page, pages);
  const first = (page - 1) * most;
  const shown = items.slice(first, first + most);
  if (pages === 1) return { shown, part: undefined, links: undefined };
  const link = (to: number, words: string) =>
    to < 1 || to > pages ? undefined : html`<a href="${formatQuery({ ...query, page: to })}">${words}</a>`;
  return {
    shown,
    part: html`<small>${formatCount(first + 1)}–${formatCount(first + shown.length)} of ${formatCount(items.length)}</small>`,
    links: html`<nav class="pages" aria-label="Pages">${link(1, '« First')}${link(page - 1, '← Previous')}<span class="quiet">page ${formatCount(page)} of ${formatCount(pages)}</span>${link(page + 1, 'Next →')}${link(pages, 'Last »')}</nav>`,
  };
}
