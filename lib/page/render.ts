/** The page, as text: a list of pools and networks, one pool, one network, an answer. Nothing that is loaded. */

import { formatRange } from '../address/range.ts';
import { keyOf } from '../allocation/slice.ts';
import {
  type Answer,
  ask,
  type Holder,
  isEmpty,
  outsideText,
  parseQuestion,
  partAsked,
} from '../inspect/ask.ts';
import { type Place, placesIn, placesOfClusterCIDR, placesOfPool } from '../inspect/holding.ts';
import type { ClusterCIDROverview, NetworkOverview } from '../inspect/network-overview.ts';
import { type NetworkTerm, networkTerms } from '../inspect/network-terms.ts';
import type { PoolOverview } from '../inspect/overview.ts';
import { countPending, type State, type Waiting } from '../inspect/state.ts';
import type { Survey } from '../inspect/survey.ts';
import { stripSvg } from '../inspect/svg.ts';
import type { SubnetUsage, Usage } from '../inspect/usage.ts';
import { qualifiedName, titleOf } from '../kubernetes/object.ts';
import { poolKind } from '../kubernetes/pool-kinds.ts';
import { OVERLAPPING } from '../pool/overlap.ts';
import { isPrefixPool, type Pool } from '../pool/pool.ts';
import { beneficiaryOf } from '../pool/reservation.ts';
import { withoutSubnet } from '../pool/v1alpha1.ts';
import { listSome, plural } from '../text.ts';
import { adviseRange } from '../validation/advice.ts';
import { formatCount, formatShare } from './format.ts';
import { holderTable, holdingTable } from './holders.ts';
import { type Html, html, trusted } from './html.ts';
import { mapOf } from './map.ts';
import { document, fact, heading, mark, paged, table, type Visit } from './parts.ts';
import { formatQuery, isLike, passes, poolPath, questionAbout } from './query.ts';
import { groupWaiting, waitingRow, waitingTables } from './waiting.ts';

const POOLS_A_PAGE = 50;
const NETWORKS = 20;
const CLUSTER_CIDRS = 50;
const GROUPS = 12;
const NAMES_IN_LIST = 6;
const NAMES_ALONE = 200;
const NODES_A_PAGE = 100;
const FOUND = 30;
const OVERLAPS = 8;
const RESERVATIONS = 100;
const TERMS = 24;

interface Rendered {
  /** Of HTTP. */
  readonly status: number;
  readonly text: string;
}

/** What the visitor asks for, of all that there is; undefined while that is being read. */
export function render(visit: Visit, survey: Survey | undefined): Rendered {
  const { pool: path, network: name, text } = visit.query;
  if (survey === undefined) {
    const wait = html`<h1 class="skip">metaipam</h1><p class="empty">The cluster is being read: this takes a moment.</p>`;
    return { status: 503, text: document(visit, 'metaipam', wait) };
  }
  const { pools, networks } = survey.overview;
  if (path !== undefined) {
    const found = pools.find(({ pool }) => poolPath(pool) === path);
    return found === undefined ? missing(visit, `pool ${path}`) : ok(poolPage(visit, found, survey));
  }
  if (name !== undefined) {
    const found = networks.find((network) => network.name === name);
    return found === undefined ? missing(visit, `PodNetwork ${name}`) : ok(networkPage(visit, found, survey));
  }
  const answer = text === '' ? undefined : ask(parseQuestion(text), survey);
  return ok(listPage(visit, survey, answer));
}

function ok(text: string): Rendered {
  return { status: 200, text };
}

function missing(visit: Visit, what: string): Rendered {
  const main = html`<h1>Not there</h1>
    <p class="empty">There is no ${what}.<br><a href="${formatQuery({})}">All pools and networks</a></p>`;
  return { status: 404, text: document(visit, 'Not there', main) };
}

/** The answer, if something is asked; then everything that is there, filtered. */
function listPage(visit: Visit, survey: Survey, answer: Answer | undefined): string {
  const { query } = visit;
  const { pools, networks } = survey.overview;
  const asked = answer && partAsked([answer], survey.overview);
  const found = pools.filter(
    (overview) =>
      passes(overview, query.filter) &&
      (isLike(overview, query.text) || asked?.pools.includes(overview) === true),
  );
  const isAnswered = answer !== undefined && (!isEmpty(answer) || answer.question.is === 'range');
  const text = query.text.toLowerCase();
  const shownNetworks = networks.flatMap((network) => {
    const named = asked?.networks.find(({ name }) => name === network.name);
    // Filters are those of pools.
    return (query.filter === 'all' ? partLike(text, network) : undefined) ?? named ?? [];
  });
  const advice = adviseRange(query.text);
  const misspelt = advice && html`<p class="empty">For an address, ${advice}.</p>`;
  const similar = text === '' ? undefined : similarSection(text, survey);
  const isUnknown = text !== '' && similar === undefined && found.length + shownNetworks.length === 0;
  const unknown = isUnknown
    ? html`<p class="empty">No pool, network, ClusterCIDR, claim or node has “${query.text}” in its name.</p>`
    : undefined;
  const nothing =
    pools.length + networks.length + survey.inventory.claims.length === 0
      ? html`<p class="empty">There are no pools, networks or claims.</p>`
      : undefined;
  const poolList = poolSection(visit, found);
  const networkList = networkSection(shownNetworks, networks.length);
  const list = html`${facts(survey)}${waitingSection(visit, found, survey)}${poolList}${networkList}`;
  const body = isAnswered
    ? html`${answerSection(visit, answer, survey)}${found.length > 0 || answer.pools.length > 0 ? poolList : undefined}${networkList}`
    : html`${similar}${misspelt ?? unknown}${nothing ?? list}`;
  return document(
    visit,
    query.text === '' ? 'metaipam' : query.text,
    html`<h1 class="skip">Pools and pod networks</h1>${body}`,
  );
}

/** The network, or those of its ClusterCIDRs, that have the text in their name. */
function partLike(text: string, network: NetworkOverview): NetworkOverview | undefined {
  const has = (name: string) => name.toLowerCase().includes(text);
  if (has(network.name)) return network;
  const clusterCIDRs = network.clusterCIDRs.filter(({ clusterCIDR }) => has(clusterCIDR.metadata.name));
  return clusterCIDRs.length > 0 ? { ...network, clusterCIDRs } : undefined;
}

function answerSection(
  { query }: Visit,
  { question, holdings, overlaps, subjects }: Answer,
  survey: Survey,
): Html {
  const ranges = paged(holdings, NODES_A_PAGE, query);
  const ofRange =
    question.is === 'range'
      ? holdings.length === 0
        ? html`<p class="empty">${outsideText(question, survey)}</p>`
        : html`<section>${holdingTable(ranges.shown, html`Who has ${question.text}${ranges.part}`, true)}${ranges.links}</section>`
      : undefined;
  const { shown, links } = paged(subjects, FOUND, query);
  const twice = overlaps.slice(0, OVERLAPS).map((text) => html`<p>${mark(OVERLAPPING)}<br>${text}</p>`);
  const more =
    overlaps.length > OVERLAPS
      ? html`<p class="quiet">and ${plural(overlaps.length - OVERLAPS, 'more overlap')}</p>`
      : undefined;
  return html`${ofRange}${twice}${more}${shown.map((subject) => subjectSection(subject, survey))}${links}`;
}

function subjectSection({ title, holdings, waiting }: Holder, { titles }: Survey): Html {
  const [kind = '', name = ''] = title.split(' ');
  const gone = titles().has(title) ? undefined : html` <small>is gone</small>`;
  const why =
    waiting === undefined
      ? holdings.length > 0
        ? undefined
        : html`<p class="quiet">has nothing and asks for nothing</p>`
      : html`<p>${mark(waiting.reason)}<br>${waiting.message}</p>`;
  const has = holdings.length === 0 ? undefined : holdingTable(holdings, html`What ${name} has`, true);
  return html`<section class="subject"><div class="head"><h2>${name}</h2><span class="quiet">${kind}</span>${gone}</div>${why}${has}</section>`;
}

/** Claims and nodes whose names are like the text. */
function similarSection(text: string, { inventory }: Survey): Html | undefined {
  const names = [
    ...inventory.claims.map(titleOf),
    ...inventory.nodes.map(({ metadata }) => `Node ${metadata.name}`),
  ].filter((title) =>
    title
      .slice(title.indexOf(' ') + 1)
      .toLowerCase()
      .includes(text),
  );
  if (names.length === 0) return undefined;
  const links = names
    .slice(0, FOUND)
    .map((title) => html`<li><a href="${formatQuery({ text: questionAbout(title) })}">${title}</a></li>`);
  const more =
    names.length > FOUND
      ? html`<li class="quiet">and ${formatCount(names.length - FOUND)} more</li>`
      : undefined;
  return html`<section><h2>Claims and nodes</h2><ul class="found">${links}${more}</ul></section>`;
}

function facts({ overview: { pools, waitingForNoPool } }: Survey): Html {
  const sum = (of: (overview: PoolOverview) => bigint) =>
    pools.reduce((total, overview) => total + of(overview), 0n);
  const waiting = sum((overview) => BigInt(overview.waiting.length)) + BigInt(waitingForNoPool.length);
  const ready = sum(({ state }) => (state.isReady ? 1n : 0n));
  const full = sum(({ isExhausted }) => (isExhausted ? 1n : 0n));
  return html`<dl class="facts">
${fact('Pools', html`${formatCount(pools.length)} <small>${formatCount(ready)} ready</small>`)}
${fact('Full pools', formatCount(full), full > 0n ? 'warn' : '')}
${fact('Addresses in use', formatCount(sum(({ used }) => used)))}
${fact('Claims that wait', formatCount(waiting), waiting > 0n ? 'warn' : '')}
</dl>`;
}

/** The groups of all pools together, those with most claims first. */
function waitingSection(visit: Visit, pools: readonly PoolOverview[], survey: Survey): Html | undefined {
  const wanted = visit.query.text.toLowerCase();
  const ofPools = pools.flatMap(({ pool, waiting }) => {
    const name = html`<a href="${formatQuery({ pool: poolPath(pool) })}">${qualifiedName(pool.metadata)}</a>`;
    return groupWaiting(waiting).map((group) => ({ name, group }));
  });
  const none = html`none<small>there is no such pool</small>`;
  const ofNone = groupWaiting(
    survey.overview.waitingForNoPool.filter(({ name }) => name.includes(wanted)),
  ).map((group) => ({ name: none, group }));
  const groups = [...ofPools, ...ofNone].sort((a, b) => b.group.names.length - a.group.names.length);
  if (groups.length === 0) return undefined;
  const count = groups.reduce((sum, { group }) => sum + group.names.length, 0);
  const rows = groups
    .slice(0, GROUPS)
    .map(({ name, group }) => waitingRow(group, 'claim', NAMES_IN_LIST, name));
  const more =
    groups.length > GROUPS
      ? html`<p class="quiet">and ${plural(groups.length - GROUPS, 'more reason')}: see the pools</p>`
      : undefined;
  return html`<section>${table(
    html`Claims that wait<small>${formatCount(count)}</small>`,
    [['Pool'], ['Reason'], ['Claims']],
    rows,
  )}${more}</section>`;
}

function poolSection(visit: Visit, found: readonly PoolOverview[]): Html {
  const { query } = visit;
  if (found.length === 0) {
    const words = query.filter === 'all' ? 'No pool has this in its name.' : 'No pool is like that.';
    return html`<section><h2>Pools</h2><p class="empty">${words}</p></section>`;
  }
  const { shown, part, links } = paged(found, POOLS_A_PAGE, query);
  return html`<section>${table(
    html`Pools${part}`,
    [['Pool'], ['State'], ['Use'], ['Free', 'number'], ['Waiting', 'number']],
    shown.map(poolRow),
  )}${links}</section>`;
}

function poolRow({ pool, state, waiting, space, used, total, free }: PoolOverview): Html {
  const { name, namespace } = pool.metadata;
  const label = `Use of ${name}: ${formatCount(used)} of ${formatCount(total)}`;
  const strip = space.segments.length === 0 ? undefined : trusted(stripSvg(space, label));
  return html`<tr role="row">
<td role="cell" class="name"><a href="${formatQuery({ pool: poolPath(pool) })}">${name}</a><small>${namespace ?? 'all namespaces'}</small></td>
<td role="cell" class="state">${mark(state.reason)}</td>
<td role="cell" class="use">${strip}<small>${formatCount(used)} of ${formatCount(total)}, ${formatShare(used, total)}</small></td>
<td role="cell" class="number${free === 0n ? ' warn' : ''}" data-label="Free">${formatCount(free)}</td>
${waitingCell(waiting)}</tr>`;
}

function waitingCell(waiting: readonly Waiting[]): Html {
  const count = countPending(waiting);
  return html`<td role="cell" class="number ${count > 0 ? 'warn' : 'none'}" data-label="Waiting">${count === 0 ? '–' : formatCount(count)}</td>`;
}

function networkSection(networks: readonly NetworkOverview[], known: number): Html | undefined {
  if (networks.length === 0) return undefined;
  const rows = networks.slice(0, NETWORKS).map(networkRow);
  const part = known > rows.length ? html`<small>${rows.length} of ${known}</small>` : undefined;
  return html`<section>${table(
    html`Pod networks${part}`,
    [['Network'], ['State'], ['ClusterCIDRs'], ['Nodes served', 'number'], ['Waiting', 'number']],
    rows,
  )}</section>`;
}

function networkRow({ name, state, clusterCIDRs, nodes, allocated, waiting }: NetworkOverview): Html {
  const strips = clusterCIDRs.slice(0, 4).flatMap(({ clusterCIDR, ranges }) =>
    ranges.map((range) => {
      const cidr = clusterCIDR.metadata.name;
      const use = `${formatCount(range.used)} of ${formatCount(range.total)}`;
      return html`${trusted(stripSvg(range.space, `Blocks of ${cidr}: ${use}`))}<small>${cidr} ${range.cidr}: ${use} blocks</small>`;
    }),
  );
  const more = clusterCIDRs.length > 4 ? html`<small>and ${clusterCIDRs.length - 4} more</small>` : undefined;
  return html`<tr role="row">
<td role="cell" class="name"><a href="${formatQuery({ network: name })}">${name}</a><small>PodNetwork</small></td>
<td role="cell" class="state">${mark(state.reason)}</td>
<td role="cell" class="use">${strips}${more}${clusterCIDRs.length === 0 ? html`<small>none</small>` : undefined}</td>
<td role="cell" class="number" data-label="Nodes served">${formatCount(allocated)} of ${formatCount(nodes)}</td>
${waitingCell(waiting)}</tr>`;
}

/** One pool: its map, who has what of it, and the names of those that wait, up to some hundred. */
function poolPage(visit: Visit, overview: PoolOverview, survey: Survey): string {
  const { query } = visit;
  const { pool, state, waiting, space } = overview;
  const { one, many } = poolKind(pool.kind).unit;
  const title = qualifiedName(pool.metadata);
  const places = placesOfPool(survey, overview);
  const map = mapOf(space, { title: capital(many), unit: [one, many], query, places });
  const main = html`
    ${heading(pool.kind, title, state)}
    ${usageFacts(overview, countPending(waiting))}
    ${map}
    ${overview.subnets.length > 0 ? subnetTable(overview.subnets) : specOf(pool)}
    ${reservationTable(overview)}
    ${waitingTables(waiting, 'claim', NAMES_ALONE)}
    ${holderTable(query.at === undefined ? taken(places) : placesIn(places, query.at), 'Who has what', query)}`;
  return document(visit, title, main);
}

function subnetTable(subnets: readonly SubnetUsage[]): Html {
  const rows = subnets.map(
    ({ listed, prefix, gateway, used, total, free }) => html`<tr role="row">
<td role="cell" class="address">${listSome(listed.ranges.map(formatRange), 24)}</td>
<td role="cell" class="number" data-label="Prefix">/${prefix}</td>
<td role="cell" class="address" data-label="Gateway">${gateway ?? '–'}</td>
<td role="cell" class="number" data-label="In use">${formatCount(used)} of ${formatCount(total)}</td>
<td role="cell" class="number${free === 0n ? ' warn' : ''}" data-label="Free">${formatCount(free)}</td></tr>`,
  );
  return html`<section>${table(
    html`Subnets<small>used in this order</small>`,
    [['Addresses'], ['Prefix', 'number'], ['Gateway'], ['In use', 'number'], ['Free', 'number']],
    rows,
  )}</section>`;
}

/** What is kept for whom, who has it, and what keeps it from those. */
function reservationTable({ pool, reservations }: PoolOverview): Html | undefined {
  if (reservations.length === 0) return undefined;
  const rows = reservations.slice(0, RESERVATIONS).map(
    ({ reservation, holder, conflict }) => html`<tr role="row">
<td role="cell" class="address">${keyOf(reservation.block)}</td>
<td role="cell" class="who" data-label="For">${beneficiaryOf(reservation)}${reservation.note ? html`<small>${reservation.note}</small>` : undefined}</td>
<td role="cell" class="why${conflict === undefined ? '' : ' warn'}" data-label="Held by">${conflict ?? holder ?? '–'}</td></tr>`,
  );
  const part =
    reservations.length > RESERVATIONS
      ? html`<small>the first ${RESERVATIONS} of ${formatCount(reservations.length)}</small>`
      : undefined;
  return html`<section>${table(html`Reservations${part}`, [[capital(poolKind(pool.kind).unit.one)], ['For'], ['Held by']], rows)}</section>`;
}

function specOf(pool: Pool): Html {
  const addresses = isPrefixPool(pool) ? undefined : withoutSubnet(pool.spec).spec;
  const [listed, excluded, length] = isPrefixPool(pool)
    ? [pool.spec.prefixes, pool.spec.excludedPrefixes, pool.spec.allocationPrefixLength]
    : [addresses?.addresses, addresses?.excludedAddresses, addresses?.prefix];
  const { gateway } = pool.spec;
  return html`<dl class="spec">
      <dt>${capital(poolKind(pool.kind).unit.many)}</dt><dd>${listSome(listed ?? [], 24)}</dd>
      ${excluded?.length ? html`<dt>Excluded</dt><dd>${listSome(excluded, 24)}</dd>` : undefined}
      <dt>${isPrefixPool(pool) ? 'Each claim gets' : 'Prefix'}</dt><dd>/${length}</dd>
      ${gateway ? html`<dt>Gateway</dt><dd>${gateway}</dd>` : undefined}
    </dl>`;
}

function capital(word: string): string {
  return word[0]!.toUpperCase() + word.slice(1);
}

function taken(places: readonly Place[]): Place[] {
  return places.filter(({ holder }) => holder !== undefined);
}

function usageFacts({ total, used, free, outOfRange, fragmentation }: Usage, waiting: number): Html {
  return html`<dl class="facts">
${fact('In use', html`${formatCount(used)} <small>of ${formatCount(total)}, ${formatShare(used, total)}</small>`)}
${fact('Free', formatCount(free), free === 0n ? 'warn' : '')}
${outOfRange > 0n ? fact('Out of range', formatCount(outOfRange), 'warn') : undefined}
${free === 0n ? undefined : fact('Fragmented', `${Math.round(fragmentation * 100)}%`)}
${fact('Claims that wait', formatCount(waiting), waiting > 0 ? 'warn' : '')}
</dl>`;
}

/** One pod network with its nodes and the maps of its ClusterCIDRs. */
function networkPage(visit: Visit, overview: NetworkOverview, survey: Survey): string {
  const { name, network, state, nodes, allocated, waiting, clusterCIDRs } = overview;
  const pending = countPending(waiting);
  const main = html`
    ${heading('PodNetwork', name, state)}
    <dl class="facts">
      ${fact('Nodes', formatCount(nodes))}
      ${fact('Served', formatCount(allocated))}
      ${fact('Nodes that wait', formatCount(pending), pending > 0 ? 'warn' : '')}
    </dl>
    ${termTable(networkTerms(network))}
    ${waitingTables(waiting, 'node', NAMES_ALONE)}
    <section><h2>ClusterCIDRs</h2>${
      clusterCIDRs.length === 0 ? html`<p class="quiet">There is none for this network.</p>` : undefined
    }</section>
    ${clusterCIDRs.slice(0, CLUSTER_CIDRS).map((each) => clusterCIDRMaps(visit, overview, each, survey))}
    ${clusterCIDRs.length > CLUSTER_CIDRS ? html`<p class="quiet">and ${clusterCIDRs.length - CLUSTER_CIDRS} more</p>` : undefined}
    ${nodeTable(visit, overview, survey)}`;
  return document(visit, name, main);
}

function termTable(terms: readonly NetworkTerm[]): Html | undefined {
  if (terms.length === 0) return undefined;
  const rows = [...Map.groupBy(terms, ({ field }) => field)].map(
    ([field, all]) => html`<tr role="row"><td role="cell">${field}</td>
<td role="cell" class="address">${listSome(
      all.map(({ text }) => text),
      TERMS,
    )}</td></tr>`,
  );
  return html`<section>${table(html`What its pods get`, [['Field'], ['Value']], rows)}</section>`;
}

function clusterCIDRMaps(
  { query }: Visit,
  network: NetworkOverview,
  overview: ClusterCIDROverview,
  survey: Survey,
): Html {
  const { clusterCIDR, state, nodes, ranges } = overview;
  const { name } = clusterCIDR.metadata;
  if (ranges.length === 0) return brokenFigure(name, state);
  const places = placesOfClusterCIDR(survey, network, overview);
  return html`${ranges.map((range) =>
    mapOf(range.space, {
      title: name,
      note: `${range.cidr} in blocks of ${range.blocks}: ${formatCount(range.used)} of ${formatCount(range.total)} on ${plural(nodes, 'node')}`,
      extra: html`${mark(state.reason)}${state.message === '' ? undefined : html`<small>${state.message}</small>`}`,
      unit: ['block', 'blocks'],
      query,
      places,
    }),
  )}`;
}

function brokenFigure(name: string, { reason, message }: State): Html {
  return html`<figure class="picture"><figcaption><b>${name}</b>${mark(reason)}</figcaption><p class="quiet">${message}</p></figure>`;
}

/** Each node with its blocks. */
function nodeTable({ query }: Visit, network: NetworkOverview, survey: Survey): Html | undefined {
  const places = network.clusterCIDRs.flatMap((each) => taken(placesOfClusterCIDR(survey, network, each)));
  const nodes = [...Map.groupBy(places, ({ holder }) => holder!)].sort(([a], [b]) => (a < b ? -1 : 1));
  if (nodes.length === 0) return undefined;
  const { shown, part, links } = paged(nodes, NODES_A_PAGE, query);
  const rows = shown.map(([title, own]) => {
    const holdings = own.map(({ describe }) => describe());
    const notes = [...new Set(holdings.map(({ pool, note }) => `${pool}: ${note}`))];
    return html`<tr role="row"><td role="cell" class="who"><a href="${formatQuery({ text: questionAbout(title) })}">${title.slice(title.indexOf(' ') + 1)}</a></td>
<td role="cell" class="address">${holdings.map(({ addresses }) => addresses).join(', ')}</td>
<td role="cell" class="why"><small>${notes.join('; ')}</small></td></tr>`;
  });
  return html`<section id="nodes">${table(html`Nodes with blocks${part}`, [['Node'], ['Blocks'], ['Since, and of which']], rows)}${links}</section>`;
}
