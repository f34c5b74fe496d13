/** The page, as text: a list of pools and networks, one pool, one network. No clock, nothing that is loaded. */

import type { ClusterCIDROverview } from '../inspect/network-overview.ts';
import { type Cell, SEGMENT_STATES, STATE_NAMES } from '../inspect/space.ts';
import type { State } from '../inspect/state.ts';
import { cellsSvg, shareOf, stripSvg, swatchSvg } from '../inspect/svg.ts';
import type { Usage } from '../inspect/usage.ts';
import { type KubernetesObject, qualifiedName } from '../kubernetes/object.ts';
import { poolKind } from '../pool/kinds.ts';
import { isPrefixPool, type Pool } from '../pool/pool.ts';
import type { PoolSpec } from '../pool/spec.ts';
import { withoutSubnet } from '../pool/v1alpha1.ts';
import { listSome, plural } from '../text.ts';
import { formatAge, formatCount, formatShare } from './format.ts';
import { type Html, html, trusted } from './html.ts';
import { FILTERS, formatQuery, matches, poolPath, type Query, someNames } from './query.ts';
import { SCRIPT } from './script.ts';
import type { NetworkPicture, SeenNetwork } from './seen-network.ts';
import type { PoolPicture, SeenPool, WaitingGroup } from './seen-pool.ts';
import { STYLE } from './style.ts';

/** What is the same for all of a page. */
export interface Visit {
  readonly query: Query;
  /** For the Content-Security-Policy: only what bears it is used. */
  readonly nonce: string;
  /** Who has seen what is shown. */
  readonly replica: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

export interface Entry<T> {
  readonly seen: T;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** Claims that name a pool which was not seen: it may not exist. */
export interface WaitingForNoPool {
  /** `InClusterIPPool/default/pool-a`. */
  readonly pool: string;
  readonly groups: readonly WaitingGroup[];
}

/** Each is undefined while drawing it would take too long. */
export interface Pictures {
  readonly strip: (entry: Entry<SeenPool>) => string | undefined;
  readonly pool: (entry: Entry<SeenPool>) => PoolPicture | undefined;
  readonly network: (entry: Entry<SeenNetwork>) => NetworkPicture | undefined;
}

const POOLS_A_PAGE = 50;
const NETWORKS = 20;
const CLUSTER_CIDRS = 50;
const GROUPS = 12;
const NAMES_IN_LIST = 6;
const NAMES_ALONE = 200;
/** Milliseconds after which Metacontroller has synced every object again, though maybe with another replica. */
const OLD = 35 * 60_000;

/** The list of everything that was seen, filtered, one page of it. */
export function renderList(
  visit: Visit,
  pools: readonly Entry<SeenPool>[],
  networks: readonly Entry<SeenNetwork>[],
  lost: readonly WaitingForNoPool[],
  pictures: Pictures,
): string {
  const { query } = visit;
  const found = pools.filter(({ seen }) => matches(seen, query));
  const pages = Math.max(1, Math.ceil(found.length / POOLS_A_PAGE));
  const page = Math.min(query.page, pages);
  const shown = found.slice((page - 1) * POOLS_A_PAGE, page * POOLS_A_PAGE);
  const shownNetworks = networks.filter(({ seen }) =>
    seen.network.metadata.name.toLowerCase().includes(query.text),
  );
  const body =
    pools.length + networks.length + lost.length === 0
      ? html`<p class="empty">No pool has been synced with this server yet.<br>
          They appear when Metacontroller calls its hooks: within half an hour after a start, or as soon as something changes.</p>`
      : html`${facts(pools, lost)}${waitingSection(visit, found, lost)}${poolSection(visit, shown, found.length, page, pages, pictures)}${networkSection(visit, shownNetworks, networks.length, pictures)}`;
  return document(
    visit,
    'metaipam',
    html`<h1 class="skip">Pools and pod networks</h1>${body}`,
    searchForm(query),
  );
}

/** One pool with its whole picture, and the names of all that wait, up to some hundred. */
export function renderPool(visit: Visit, entry: Entry<SeenPool>, picture: PoolPicture | undefined): string {
  const { seen, at } = entry;
  const { pool, state, counts } = seen;
  const { one, many } = poolKind(pool.kind).unit;
  const title = qualifiedName(pool.metadata);
  const drawn =
    picture === undefined
      ? html`<p class="empty">The picture is being drawn: it is there in a moment.</p>`
      : figure(picture, `How the ${many} of ${title} are used`, picture.span, one, many);
  const main = html`
    ${heading(pool, title, state, visit.now - at)}
    ${usageFacts(counts, seen.waitingCount, 'Claims that wait', picture)}
    ${drawn}
    ${specOf(pool)}
    ${waitingTable(visit, seen.waiting, 'claim', NAMES_ALONE)}`;
  return document(visit, title, main);
}

function addressesOf({ addresses, excludedAddresses, prefix = 0 }: PoolSpec) {
  return ['Addresses', addresses, excludedAddresses, prefix] as const;
}

function specOf(pool: Pool): Html {
  const [title, listed, excluded, length] = isPrefixPool(pool)
    ? ([
        'Prefixes',
        pool.spec.prefixes,
        pool.spec.excludedPrefixes,
        pool.spec.allocationPrefixLength,
      ] as const)
    : addressesOf(withoutSubnet(pool.spec).spec);
  const { gateway } = pool.spec;
  return html`<dl class="spec">
      <dt>${title}</dt><dd>${listSome(listed ?? [], 24)}</dd>
      ${excluded?.length ? html`<dt>Excluded</dt><dd>${listSome(excluded, 24)}</dd>` : undefined}
      <dt>${isPrefixPool(pool) ? 'Each claim gets' : 'Prefix'}</dt><dd>/${length}</dd>
      ${gateway ? html`<dt>Gateway</dt><dd>${gateway}</dd>` : undefined}
    </dl>`;
}

/** One pod network with the pictures of its ClusterCIDRs. */
export function renderNetwork(
  visit: Visit,
  { seen, at }: Entry<SeenNetwork>,
  picture: NetworkPicture | undefined,
): string {
  const { network } = seen;
  const { name } = network.metadata;
  if (picture === undefined) {
    const wait = html`<p class="empty">The pictures are being drawn: they are there in a moment.</p>`;
    const state = { reason: 'NotSynced', message: '' };
    return document(visit, name, html`${heading(network, name, state, visit.now - at)}${wait}`);
  }
  const { overview, waiting } = picture;
  const { clusterCIDRs } = overview;
  const waitingCount = waiting.reduce((sum, { count }) => sum + count, 0);
  const main = html`
    ${heading(network, name, overview.state, visit.now - at)}
    <dl class="facts">
      ${fact('Nodes', formatCount(BigInt(overview.nodes)))}
      ${fact('With blocks', formatCount(BigInt(overview.allocated)))}
      ${fact('Nodes that wait', formatCount(BigInt(waitingCount)), waitingCount > 0 ? 'warn' : '')}
    </dl>
    ${waitingTable(visit, waiting, 'node', NAMES_ALONE)}
    <section><h2>ClusterCIDRs</h2>${
      clusterCIDRs.length === 0 ? html`<p class="quiet">There is none for this network.</p>` : undefined
    }</section>
    ${clusterCIDRs.slice(0, CLUSTER_CIDRS).map((each) => clusterCIDRFigures(each))}
    ${clusterCIDRs.length > CLUSTER_CIDRS ? html`<p class="quiet">and ${clusterCIDRs.length - CLUSTER_CIDRS} more</p>` : undefined}`;
  return document(visit, name, main);
}

/** What is asked for is not there, or not any more. */
export function renderMissing(visit: Visit, what: string): string {
  const main = html`<h1>Not seen</h1>
    <p class="empty">This server has not been asked about ${what}, or it is gone.<br><a href="${formatQuery({})}">All pools and networks</a></p>`;
  return document(visit, 'Not seen', main);
}

function document({ nonce, replica, query }: Visit, title: string, main: Html, form?: Html): string {
  const isList = query.pool === undefined && query.network === undefined;
  const api = isList ? html`<a href="api/pools${formatQuery(query)}">JSON</a>` : undefined;
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
<span class="quiet">as seen by ${replica}</span>
<span class="live">${api}<button id="live" type="button" aria-pressed="true" hidden>Live</button></span>
</header>
<p id="notice" class="bad" role="status"></p>
${form}
<main id="content" tabindex="-1">${main}</main>
<footer><p>Shown is what Metacontroller has told this server in its calls, at the time that stands beside it. Where
several replicas run, each of them is told of some changes only, and another one may know something newer;
<code>metaipam show</code> asks the cluster itself.</p></footer>
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

function searchForm({ text, filter }: Query): Html {
  const options = Object.entries(FILTERS).map(
    ([value, label]) =>
      html`<option value="${value === 'all' ? '' : value}"${value === filter ? html` selected` : undefined}>${label}</option>`,
  );
  return html`<form role="search">
<input type="search" name="q" value="${text}" placeholder="Name of a pool, network or waiting claim" aria-label="Name of a pool, network or waiting claim" autocomplete="off" spellcheck="false">
<select name="show" aria-label="Which pools">${options}</select>
<button>Filter</button>
</form>`;
}

function facts(pools: readonly Entry<SeenPool>[], lost: readonly WaitingForNoPool[]): Html {
  const sum = (of: (seen: SeenPool) => bigint) => pools.reduce((total, { seen }) => total + of(seen), 0n);
  const lostCount = lost.flatMap(({ groups }) => groups).reduce((total, { count }) => total + count, 0);
  const waiting = sum(({ waitingCount }) => BigInt(waitingCount)) + BigInt(lostCount);
  const ready = sum(({ state }) => (state.isReady ? 1n : 0n));
  const full = sum(({ counts: { free, total } }) => (free === 0n && total > 0n ? 1n : 0n));
  return html`<dl class="facts">
${fact('Pools', html`${formatCount(BigInt(pools.length))} <small>${formatCount(ready)} ready</small>`)}
${fact('Full pools', formatCount(full), full > 0n ? 'warn' : '')}
${fact('Addresses in use', formatCount(sum(({ counts }) => counts.used)))}
${fact('Claims that wait', formatCount(waiting), waiting > 0n ? 'warn' : '')}
</dl>`;
}

function fact(name: string, value: string | Html, look = ''): Html {
  return html`<div><dt>${name}</dt><dd class="${look}">${value}</dd></div>`;
}

function usageFacts(
  { total, used, free, outOfRange }: SeenPool['counts'],
  waiting: number,
  waitingName: string,
  usage: Pick<Usage, 'fragmentation'> | undefined,
): Html {
  return html`<dl class="facts">
${fact('In use', html`${formatCount(used)} <small>of ${formatCount(total)}, ${formatShare(used, total)}</small>`)}
${fact('Free', formatCount(free), free === 0n ? 'warn' : '')}
${outOfRange > 0n ? fact('Out of range', formatCount(outOfRange), 'warn') : undefined}
${usage === undefined || free === 0n ? undefined : fact('Fragmentation', `${Math.round(usage.fragmentation * 100)}%`)}
${fact(waitingName, formatCount(BigInt(waiting)), waiting > 0 ? 'warn' : '')}
</dl>`;
}

function heading({ kind }: KubernetesObject, title: string, state: State, age: number): Html {
  return html`<p class="crumb"><a href="${formatQuery({})}">Pools and networks</a></p>
<div class="head"><h1>${title}</h1><span class="quiet">${kind}</span>${mark(state.reason)}<span class="quiet">seen ${formatAge(age)}</span></div>
${state.message === '' ? undefined : html`<p>${state.message}</p>`}`;
}

/** The groups of all pools together, those with most claims first. */
function waitingSection(
  visit: Visit,
  pools: readonly Entry<SeenPool>[],
  lost: readonly WaitingForNoPool[],
): Html | undefined {
  const { text } = visit.query;
  const ofPools = pools.flatMap(({ seen }) => {
    const name = qualifiedName(seen.pool.metadata);
    const pool = html`<a href="${formatQuery({ pool: poolPath(seen) })}">${name}</a>`;
    return seen.waiting.map((group) => ({ pool, group }));
  });
  const ofNone = lost.flatMap(({ pool, groups }) => {
    const name = html`${pool.slice(pool.indexOf('/') + 1)}<small>not seen: does it exist?</small>`;
    const isMeant = (group: WaitingGroup) => pool.toLowerCase().includes(text) || group.names.includes(text);
    return groups.filter(isMeant).map((group) => ({ pool: name, group }));
  });
  const groups = [...ofPools, ...ofNone];
  if (groups.length === 0) return undefined;
  groups.sort((a, b) => b.group.count - a.group.count);
  const count = groups.reduce((sum, { group }) => sum + group.count, 0);
  const rows = groups
    .slice(0, GROUPS)
    .map(({ pool, group }) => waitingRow(visit, group, NAMES_IN_LIST, pool));
  const more =
    groups.length > GROUPS
      ? html`<p class="quiet">and ${plural(groups.length - GROUPS, 'more reason')}: see the pools</p>`
      : undefined;
  return html`<section>${table(
    html`Claims that wait<small>${formatCount(BigInt(count))}</small>`,
    [['Pool'], ['Reason'], ['Claims']],
    rows,
  )}${more}</section>`;
}

function waitingTable(
  visit: Visit,
  groups: readonly WaitingGroup[],
  noun: string,
  most: number,
): Html | undefined {
  if (groups.length === 0) return undefined;
  const count = groups.reduce((sum, group) => sum + group.count, 0);
  const title = noun === 'claim' ? 'Claims that wait' : 'Nodes that wait';
  const rows = groups.map((group) => waitingRow(visit, group, Math.ceil(most / groups.length)));
  return html`<section>${table(
    html`${title}<small>${formatCount(BigInt(count))}</small>`,
    [['Reason'], [noun === 'claim' ? 'Claims' : 'Nodes']],
    rows,
  )}</section>`;
}

function waitingRow({ query }: Visit, group: WaitingGroup, most: number, pool?: Html): Html {
  const names = someNames(group.names, query.text, most);
  const more =
    group.count > names.length ? ` and ${formatCount(BigInt(group.count - names.length))} more` : '';
  return html`<tr role="row">${pool === undefined ? undefined : html`<td role="cell" class="name">${pool}</td>`}
<td role="cell">${mark(group.reason)}<small>${group.message}</small></td>
<td role="cell" class="names">${names.join(', ')}${more}</td></tr>`;
}

function poolSection(
  visit: Visit,
  shown: readonly Entry<SeenPool>[],
  count: number,
  page: number,
  pages: number,
  pictures: Pictures,
): Html {
  const { query } = visit;
  if (shown.length === 0) {
    const words = query.filter === 'all' ? 'No pool has this in its name.' : 'No pool is like that.';
    return html`<section><h2>Pools</h2><p class="empty">${words}</p></section>`;
  }
  const first = (page - 1) * POOLS_A_PAGE;
  const part =
    pages > 1
      ? html`<small>${first + 1}–${first + shown.length} of ${formatCount(BigInt(count))}</small>`
      : undefined;
  const rows = shown.map((entry) => poolRow(visit, entry, pictures.strip(entry)));
  const link = (to: number, words: string) =>
    to < 1 || to > pages ? undefined : html`<a href="${formatQuery({ ...query, page: to })}">${words}</a>`;
  const links =
    pages > 1
      ? html`<nav class="pages" aria-label="Pages">${link(page - 1, '← Previous')}<span class="quiet">page ${page} of ${pages}</span>${link(page + 1, 'Next →')}</nav>`
      : undefined;
  return html`<section>${table(
    html`Pools${part}`,
    [['Pool'], ['State'], ['Use'], ['Free', 'number'], ['Waiting', 'number'], ['Seen', 'number']],
    rows,
  )}${links}</section>`;
}

function poolRow(visit: Visit, entry: Entry<SeenPool>, drawn: string | undefined): Html {
  const { seen } = entry;
  const { pool, state, counts, waitingCount } = seen;
  const { name, namespace } = pool.metadata;
  return html`<tr role="row">
<td role="cell" class="name"><a href="${formatQuery({ pool: poolPath(seen) })}">${name}</a><small>${namespace ?? 'all namespaces'}</small></td>
<td role="cell" class="state">${mark(state.reason)}</td>
<td role="cell" class="use">${drawn === undefined ? bar(counts, `Use of ${name}`) : trusted(drawn)}<small>${formatCount(counts.used)} of ${formatCount(counts.total)}, ${formatShare(counts.used, counts.total)}</small></td>
<td role="cell" class="number${counts.free === 0n ? ' warn' : ''}" data-label="Free">${formatCount(counts.free)}</td>
<td role="cell" class="number ${waitingCount > 0 ? 'warn' : 'none'}" data-label="Waiting">${waitingCount === 0 ? '–' : formatCount(BigInt(waitingCount))}</td>
${seenCell(visit, entry.at)}</tr>`;
}

function seenCell({ now }: Visit, at: number): Html {
  const isOld = now - at > OLD;
  return html`<td role="cell" class="number quiet" data-label="Seen">${formatAge(now - at)}${isOld ? html`<small>may be older</small>` : undefined}</td>`;
}

function networkSection(
  visit: Visit,
  networks: readonly Entry<SeenNetwork>[],
  known: number,
  pictures: Pictures,
): Html | undefined {
  if (networks.length === 0 || visit.query.filter !== 'all') return undefined;
  const rows = networks.slice(0, NETWORKS).map((entry) => networkRow(visit, entry, pictures.network(entry)));
  const part = known > rows.length ? html`<small>${rows.length} of ${known}</small>` : undefined;
  return html`<section>${table(
    html`Pod networks${part}`,
    [
      ['Network'],
      ['State'],
      ['ClusterCIDRs'],
      ['Nodes', 'number'],
      ['Waiting', 'number'],
      ['Seen', 'number'],
    ],
    rows,
  )}</section>`;
}

function networkRow(
  visit: Visit,
  { seen, at }: Entry<SeenNetwork>,
  picture: NetworkPicture | undefined,
): Html {
  const { name } = seen.network.metadata;
  const { clusterCIDRs = [], nodes = seen.nodes, allocated, state } = picture?.overview ?? {};
  const waiting = picture?.waiting.reduce((sum, { count }) => sum + count, 0) ?? 0;
  const strips = clusterCIDRs
    .slice(0, 4)
    .flatMap(({ clusterCIDR, ranges }) =>
      ranges.map(
        (range) =>
          html`${trusted(stripSvg(range.space, `Blocks of ${clusterCIDR.metadata.name}: ${formatCount(range.used)} of ${formatCount(range.total)}`))}<small>${clusterCIDR.metadata.name} ${range.cidr}: ${formatCount(range.used)} of ${formatCount(range.total)} blocks</small>`,
      ),
    );
  const more = clusterCIDRs.length > 4 ? html`<small>and ${clusterCIDRs.length - 4} more</small>` : undefined;
  return html`<tr role="row">
<td role="cell" class="name"><a href="${formatQuery({ network: name })}">${name}</a><small>PodNetwork</small></td>
<td role="cell" class="state">${mark(state?.reason ?? 'NotSynced')}</td>
<td role="cell" class="use">${strips}${more}${clusterCIDRs.length === 0 ? html`<small>none</small>` : undefined}</td>
<td role="cell" class="number" data-label="Nodes">${allocated === undefined ? nodes : `${allocated} of ${nodes}`}</td>
<td role="cell" class="number ${waiting > 0 ? 'warn' : 'none'}" data-label="Waiting">${waiting === 0 ? '–' : formatCount(BigInt(waiting))}</td>
${seenCell(visit, at)}</tr>`;
}

function clusterCIDRFigures({ clusterCIDR, state, nodes, ranges }: ClusterCIDROverview): Html {
  const { name } = clusterCIDR.metadata;
  if (ranges.length === 0) {
    return html`<figure class="picture"><figcaption><b>${name}</b>${mark(state.reason)}</figcaption><p class="quiet">${state.message}</p></figure>`;
  }
  return html`${ranges.map((range) => {
    const note = `${range.cidr} in blocks of /${range.blockLength}: ${formatCount(range.used)} of ${formatCount(range.total)} on ${plural(nodes, 'node')}`;
    const { space, counts } = range;
    const drawn = { cells: cellsSvg(space, `${name}: ${note}`), share: shareOf(space), counts };
    return figure(drawn, name, note, 'block', 'blocks', mark(state.reason));
  })}`;
}

/** As much of a picture as the counts tell. */
function bar({ used, total }: SeenPool['counts'], label: string): Html {
  const width = total === 0n ? 0n : (used * 640n) / total;
  return html`<svg viewBox="0 0 640 10" preserveAspectRatio="none" role="img" aria-label="${label}: ${formatCount(used)} of ${formatCount(total)}" fill="currentColor"><rect width="640" height="10" fill-opacity="0.1"/><rect class="ipam-used" width="${width}" height="10"/></svg>`;
}

function figure(
  { cells, counts, share }: Pick<PoolPicture, 'cells' | 'counts' | 'share'>,
  title: string,
  note: string,
  unit: string,
  units: string,
  extra?: Html,
): Html {
  const legend = LEGEND.filter((state) => counts[state] > 0n).map((state) =>
    legendItem(state, counts[state]),
  );
  const each = share === 1n ? `a cell is one ${unit}` : `a cell is ${formatCount(share)} ${units}`;
  return html`<figure class="picture"><figcaption><span><b>${title}</b> ${extra}</span><span class="quiet">${note}, ${each}</span></figcaption>
${trusted(cells)}<ul class="legend">${share > 1n && counts.free > 0n ? legendItem('partly', undefined) : undefined}${legend}</ul></figure>`;
}

const LEGEND = SEGMENT_STATES.toSorted((a, b) => Number(a === 'free') - Number(b === 'free'));

function legendItem(state: Cell['state'], count: bigint | undefined): Html {
  return html`<li>${trusted(swatchSvg(state))}<span>${STATE_NAMES[state]}${count === undefined ? undefined : html` <b>${formatCount(count)}</b>`}</span></li>`;
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

/** A reason with a sign of its own beside the colour. `PoolExhausted` is written as `Pool exhausted`. */
function mark(reason: string, look = LOOKS[reason] ?? 'warn'): Html {
  const words = reason.replaceAll(/(?<=[a-z])[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return html`<span class="mark ${look}"><svg viewBox="0 0 9 9" aria-hidden="true">${trusted(MARKS[look])}</svg>${words}</span>`;
}

function table(
  caption: Html,
  columns: readonly (readonly [name: string, look?: string])[],
  rows: readonly Html[],
): Html {
  const heads = columns.map(
    ([name, look = '']) => html`<th role="columnheader" scope="col" class="${look}">${name}</th>`,
  );
  return html`<table role="table"><caption>${caption}</caption><thead role="rowgroup"><tr role="row">${heads}</tr></thead><tbody role="rowgroup">${rows}</tbody></table>`;
}
