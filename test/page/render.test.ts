import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseRange } from '../../lib/address/range.ts';
import { surveyOf } from '../../lib/inspect/survey.ts';
import type { KubernetesObject } from '../../lib/kubernetes/object.ts';
import { formatCount, formatShare } from '../../lib/page/format.ts';
import { html, trusted } from '../../lib/page/html.ts';
import type { Visit } from '../../lib/page/parts.ts';
import { formatQuery, parseQuery, type Query } from '../../lib/page/query.ts';
import { render } from '../../lib/page/render.ts';
import {
  address,
  allocation,
  block,
  CONTEXT,
  claim,
  clusterCIDR,
  globalPool,
  node,
  podNetwork,
  pool,
  served,
} from '../inspect/objects.ts';
import { manyServed } from './many.ts';

const ASKS_NOTHING = parseQuery('');

function visit(query: Partial<Query> = {}): Visit {
  return { query: { ...ASKS_NOTHING, ...query }, nonce: 'n0nce', of: 'test', problems: [], isLive: true };
}

function page(objects: readonly KubernetesObject[], query: Partial<Query> = {}): string {
  return render(visit(query), surveyOf(objects, CONTEXT)).text;
}

const HOSTILE = `<img src=x onerror="alert('1')">&`;
const waits = (reason: string, message: string) => ({
  conditions: [{ type: 'Ready', status: 'False', reason, message, lastTransitionTime: '' }],
});
const full = (name: string, ...claims: string[]) => [
  pool(name, { addresses: ['10.0.0.2'], prefix: 24 }),
  allocation(name, '10.0.0.2', `${name}-has`),
  claim(`${name}-has`, name, {}, served(`${name}-has`)),
  address(`${name}-has`, name, '10.0.0.2'),
  ...claims.map((each) => claim(each, name, {}, waits('PoolExhausted', `${name} is full`))),
];

test('whatever is put into a template is escaped', () => {
  assert.is(
    html`<a title="${HOSTILE}">${'\u0000\ud800'}</a>`.text,
    `<a title="&lt;img src=x onerror=&quot;alert(&#39;1&#39;)&quot;&gt;&amp;">\ufffd\ufffd</a>`,
  );
  assert.is(
    html`<p>${undefined}${0}${2n ** 64n}${[html`<b>${'<'}</b>`]}${trusted('<i>')}</p>`.text,
    '<p>018446744073709551616<b>&lt;</b><i></p>',
  );
});

/** The cells of a table, row by row, as a reader has them. */
function cells(text: string, caption: string): string[][] {
  const table = text.slice(text.indexOf(`<caption>${caption}`));
  const body = table.slice(table.indexOf('<tbody'), table.indexOf('</tbody>'));
  return body
    .split('<tr')
    .slice(1)
    .map((row) =>
      [...row.matchAll(/<td[^>]*>(.*?)<\/td>/gs)].map(([, cell = '']) => cell.replaceAll(/<[^>]+>/g, ' ')),
    );
}

test('reservations: for whom, who has them, what is in the way; the first hundred of many', () => {
  const reservations = [
    { address: '10.0.0.2', claim: 'a' },
    { address: '10.0.0.3', claimPattern: 'node-*', note: `for ${HOSTILE}` },
    { address: '10.1.0.1', claim: 'far' },
  ];
  const spec = { addresses: ['10.0.0.1-10.0.0.9'], prefix: 24 };
  const query = { pool: 'InClusterIPPool/default/p' };
  const text = page([pool('p', { ...spec, reservations }), allocation('p', '10.0.0.2', 'a')], query);
  assert.not.match(text, HOSTILE);
  assert.equal(
    cells(text, 'Reservations').map(([address, whom, by]) => [
      address,
      whom?.split(' ').slice(0, 2).join(' '),
      by,
    ]),
    [
      ['10.0.0.2', 'IPAddressClaim a', 'IPAddressClaim default/a'],
      ['10.0.0.3', 'IPAddressClaims node-*', '–'],
      ['10.1.0.1', 'IPAddressClaim far', 'is not one that the pool gives out'],
    ],
  );
  const many = Array.from({ length: 120 }, (_, n) => ({ address: `10.0.1.${n}`, claim: `c${n}` }));
  const long = page([pool('p', { ...spec, reservations: many })], query);
  assert.is(cells(long, 'Reservations').length, 100);
  assert.match(long, 'Reservations<small>the first 100 of 120</small>');
  assert.not.match(page([pool('p', spec)], query), 'Reservations');
});

test('subnets: in the order in which they are used', () => {
  const subnets = [
    { addresses: ['10.7.0.1-10.7.0.2'], prefix: 29 },
    { addresses: ['10.0.0.1-10.0.0.4', '10.0.0.6'], prefix: 24, gateway: '10.0.0.254' },
  ];
  const text = page([pool('p', { subnets }), allocation('p', '10.0.0.2', 'a')], {
    pool: 'InClusterIPPool/default/p',
  });
  assert.equal(cells(text, 'Subnets'), [
    ['10.7.0.1-10.7.0.2', '/29', '–', '0 of 2', '2'],
    ['10.0.0.1-10.0.0.4, 10.0.0.6', '/24', '10.0.0.254', '1 of 5', '4'],
  ]);
});

test('hostile names are text everywhere', () => {
  const objects = [
    pool(HOSTILE, { addresses: ['10.0.0.2'], prefix: 24 }, {}, waits(HOSTILE, HOSTILE)),
    claim(HOSTILE, HOSTILE, {}, waits(HOSTILE, HOSTILE)),
    claim(HOSTILE, 'none', { namespace: HOSTILE }, waits(HOSTILE, HOSTILE)),
    allocation(HOSTILE, '10.0.0.2', HOSTILE),
    podNetwork(HOSTILE),
    clusterCIDR(HOSTILE, { perNodeHostBits: 8, ipv4: '10.1.0.0/22' }, HOSTILE),
    node(HOSTILE),
    block('10.1.0.0/24', HOSTILE, HOSTILE, {}, HOSTILE),
  ];
  for (const query of [
    {},
    { text: HOSTILE },
    { text: '10.0.0.2' },
    { pool: `InClusterIPPool/default/${HOSTILE}` },
    { network: HOSTILE },
    { pool: HOSTILE },
  ]) {
    const text = page(objects, query);
    assert.not.match(text, '<img');
    assert.match(text, '&lt;img');
  }
});

test('nothing has a style, a handler or a source of its own', () => {
  const text = page(full('a', 'b'));
  const markup = text.replace(/<(style|script)[^>]*>.*?<\/\1>/gs, '<$1>');
  assert.not.match(markup, /\s(style|src|on\w+)=/);
  assert.not.match(markup, /https?:\/\/(?!www\.w3\.org)/);
  assert.is(text.match(/nonce="n0nce"/g)?.length, 2);
});

test('the list: state, counts, who waits and why', () => {
  const text = page([...full('tiny', 'late'), claim('lost', 'nowhere')]);
  assert.match(text, 'tiny is full');
  assert.match(text, '<a href="?q=claim%2Fdefault%2Flate">default/late</a>');
  assert.match(text, 'Pool exhausted');
  assert.match(text, '1 of 1, 100%');
  assert.match(text, 'aria-label="Use of tiny: 1 of 1"');
  assert.match(text, 'none<small>there is no such pool</small>');
});

test('nothing there; not read yet; not all to be seen; not there', () => {
  assert.match(page([]), 'There are no pools, networks or claims.');
  const { status, text } = render(visit(), undefined);
  assert.is(status, 503);
  assert.match(text, 'The cluster is being read');
  const partial = render({ ...visit(), problems: ['nodes: forbidden <b>'] }, surveyOf([], CONTEXT)).text;
  assert.match(partial, 'Not all is seen: nodes: forbidden &lt;b&gt;');
  assert.is(render(visit({ pool: 'InClusterIPPool/a/b' }), surveyOf([], CONTEXT)).status, 404);
  assert.is(render(visit({ network: '__proto__' }), surveyOf([], CONTEXT)).status, 404);
});

test('an address: who has it, or why nobody', () => {
  const objects = full('tiny');
  assert.match(page(objects, { text: '10.0.0.2' }), /IPAddressClaim default\/tiny-has<\/a>/);
  assert.match(page(objects, { text: '10.9.9.9' }), '10.9.9.9 is in no pool and in no ClusterCIDR');
  const mapped = page(objects, { text: '::ffff:10.9.9.9' });
  assert.match(mapped, '::ffff:10.9.9.9 is in no pool and in no ClusterCIDR; write 10.9.9.9: IPv4 as it is');
  assert.match(page(objects, { text: '010.0.0.2' }), 'For an address, write 10.0.0.2: without leading zeros');
  assert.match(page(objects, { text: '10.0.0.0/33' }), 'For an address, a prefix length is at most 32.');
});

test('a claim and a node: what they have, or why they wait', () => {
  const objects = [
    ...full('tiny', 'late'),
    podNetwork(),
    clusterCIDR('workers', { perNodeHostBits: 8, ipv4: '10.244.0.0/16' }),
    node('n', ['10.244.1.0/24']),
    block('10.244.1.0/24', 'workers', 'n'),
  ];
  assert.match(page(objects, { text: 'default/tiny-has' }), /What default\/tiny-has has[\s\S]*>10\.0\.0\.2</);
  assert.match(page(objects, { text: 'claim/late' }), /Pool exhausted<\/span><br>tiny is full/);
  assert.match(page(objects, { text: 'node/n' }), /10\.244\.1\.0\/24[\s\S]*ClusterCIDR workers/);
  assert.match(page(objects, { text: 'lat' }), '<a href="?q=ipaddressclaim%2Fdefault%2Flate">');
});

test('what is not there is said to be neither pool, network, ClusterCIDR, claim nor node', () => {
  const objects = [...full('tiny'), node('worker')];
  const said = 'in its name.</p>';
  for (const text of ['zzz', 'node/nobody'])
    assert.match(
      page(objects, { text }),
      `<p class="empty">No pool, network, ClusterCIDR, claim or node has “${text}” ${said}`,
    );
  for (const text of ['tin', 'work', '10.0.0.300'])
    assert.not.match(page(objects, { text }), `claim or node has “`);
});

const NETWORKED = [
  ...full('tiny'),
  podNetwork(),
  podNetwork('net1'),
  clusterCIDR('workers', { perNodeHostBits: 8, ipv4: '10.244.0.0/16' }),
  clusterCIDR('gateways', { perNodeHostBits: 8, ipv4: '10.245.0.0/16' }, 'net1'),
];
const NAMED: [text: string, names: string[]][] = [
  ['pool/tiny', ['tiny']],
  ['icpool/tiny', ['tiny']],
  ['podnetwork/net1', ['net1', 'gateways']],
  ['networks/net1', ['net1', 'gateways']],
  ['workers', ['default', 'workers']],
  ['clustercidr/workers', ['default', 'workers']],
  ['WORK', ['default', 'workers']],
  ['gateways', ['net1', 'gateways']],
];
for (const [text, expected] of NAMED) {
  test(`asked for ${text}: it is shown, and nothing else`, () => {
    const shown = page(NETWORKED, { text });
    const names = [
      ...shown.matchAll(/class="name"><a[^>]*>([^<]*)</g),
      ...shown.matchAll(/Blocks of (\w+)/g),
    ].map(([, name]) => name);
    assert.equal(names, expected);
  });
}

test('an answer that the filter keeps back says so; networks have no filter', () => {
  const tiny = pool('tiny', { addresses: ['10.0.0.2'], prefix: 24 });
  assert.match(page([tiny], { text: 'tiny', filter: 'full' }), 'No pool is like that.');
  assert.match(page(NETWORKED, { text: 'workers', filter: 'full' }), 'Blocks of workers');
});

test('an owner of many claims, a range of many holders: all of them, on pages', () => {
  const ownerReferences = [{ apiVersion: 'v1', kind: 'Machine', name: 'web', uid: 'u' }];
  const claims = Array.from({ length: 31 }, (_, index) => claim(`c${index}`, 'p', { ownerReferences }));
  const has = (text: string) => [...text.matchAll(/class="subject"/g)].length;
  const first = page(claims, { text: 'web' });
  assert.is(has(first), 30);
  assert.match(first, '<a href="?q=web&amp;page=2">Next →</a>');
  assert.is(has(page(claims, { text: 'web', page: 2 })), 1);
  const range = page(manyServed(150), { text: '10.1.0.0/16', page: 2 });
  assert.match(range, 'Who has 10.1.0.0/16<small>101–153 of 153</small>');
  assert.match(range, '>IPAddressClaim default/m-150<');
});

test('a pool of thousands: a map of sixteen parts, a hundred rows of the table', () => {
  const objects = manyServed(3000);
  const path = { pool: 'InClusterIPPool/default/many' };
  const text = page(objects, path);
  assert.is(text.match(/<a href="\?pool=[^"]*&amp;at=/g)!.length, 16);
  assert.match(text, 'aria-label="10.1.0.0-10.1.15.255: 3,000 of 4,095 in use"');
  assert.match(text, 'a cell is 64 addresses');
  assert.match(text, '1–100 of 3,000');
  assert.match(text, '10.1.0.100');
  assert.not.match(text, 'default/m-101<');
  assert.match(page(objects, { ...path, page: 2 }), 'default/m-101<');
  assert.match(page(objects, { ...path, page: 99 }), 'page 30 of 30');
});

test('a part of it: smaller cells, what is free of it too, and the way back', () => {
  const objects = manyServed(3000);
  const at = parseRange('10.1.11.0-10.1.11.255')!;
  const text = page(objects, { pool: 'InClusterIPPool/default/many', at });
  assert.match(text, 'a cell is one address');
  assert.match(text, '<title>10.1.11.1: IPAddressClaim default/m-2817</title>');
  const next = page(objects, { pool: 'InClusterIPPool/default/many', at, page: 2 });
  assert.match(next, '10.1.11.185-10.1.11.255');
  assert.match(text, 'at=10.1.0.0-10.1.15.255">Zoom out</a>');
});

test('counts are exact, however large', () => {
  const text = page([globalPool('six', { addresses: ['fd00::/64'], prefix: 64 })]);
  assert.match(text, '18,446,744,073,709,551,615');
});

test('a network: its nodes with their blocks, and those that wait', () => {
  const text = page(
    [
      podNetwork(),
      clusterCIDR('workers', { perNodeHostBits: 8, ipv4: '10.244.0.0/24' }),
      node('n', ['10.244.0.0/24']),
      node('late'),
      block('10.244.0.0/24', 'workers', 'n'),
    ],
    { network: 'default' },
  );
  assert.match(text, 'Nodes with blocks');
  assert.match(text, /<a href="\?q=node%2Fn">n<\/a>[\s\S]*10\.244\.0\.0\/24[\s\S]*given since 2026-01-01/);
  assert.match(text, /Nodes that wait<small>1<\/small>[\s\S]*<a href="\?q=node%2Flate">late/);
});

test('a secondary network: what its pods get besides addresses', () => {
  const routes = Array.from({ length: 40 }, (_, index) => ({ dst: `10.${index}.0.0/16`, gw: '10.99.0.1' }));
  const network = podNetwork('lan', { gatewayIndex: 1, routes });
  const text = page([network], { network: 'lan' });
  assert.match(text, /gatewayIndex<\/td>\s*<td role="cell" class="address">1</);
  assert.match(text, '10.0.0.0/16 by 10.99.0.1');
  assert.match(text, 'and 16 more');
  assert.not.match(page([podNetwork('lan')], { network: 'lan' }), 'What its pods get');
});

test('thousands of pools: fifty on a page, with links to the others', () => {
  const pools = Array.from({ length: 3000 }, (_, index) =>
    pool(`pool-${String(index).padStart(4, '0')}`, { addresses: ['10.0.0.2'], prefix: 24 }),
  );
  const text = page(pools, { page: 2 });
  assert.is(text.match(/<td role="cell" class="name"><a /g)!.length, 50);
  assert.match(text, '51–100 of 3,000');
  assert.match(text, 'page 2 of 60');
  assert.match(text, 'href="?page=3"');
  assert.ok(text.length < 120_000, `${text.length}`);
  assert.match(
    page(pools, { text: 'pool-2999' }),
    'class="name"><a href="?pool=InClusterIPPool%2Fdefault%2Fpool-2999"',
  );
});

test('thousands of claims that wait: some, and how many more', () => {
  const names = Array.from({ length: 5000 }, (_, index) => `c${index}`);
  const objects = full('tiny', ...names);
  const [list, alone] = [page(objects), page(objects, { pool: 'InClusterIPPool/default/tiny' })];
  assert.match(list, 'and 4,994 more');
  assert.match(alone, 'and 4,800 more');
  assert.ok(list.length + alone.length < 80_000);
});

test('a spec of thousands of ranges', () => {
  const holes = Array.from({ length: 2000 }, (_, index) => `10.0.${index >> 7}.${(index & 127) * 2}`);
  const text = page([pool('holes', { addresses: holes, prefix: 16 })], {
    pool: 'InClusterIPPool/default/holes',
  });
  assert.match(text, '10.0.0.46 and 1976 more');
  assert.ok(text.length < 300_000, `${text.length}`);
});

const queries: [search: string, expected: Partial<Query>][] = [
  ['', {}],
  ['?q=+Rack-B+&show=waiting&page=3', { text: 'Rack-B', filter: 'waiting', page: 3 }],
  ['?show=constructor&page=-1', {}],
  ['?page=1e99', {}],
  ['?page=NaN', {}],
  ['?pool=InClusterIPPool%2Fns%2Fa', { pool: 'InClusterIPPool/ns/a' }],
  ['?network=default&at=10.0.0.0-10.0.0.9', { network: 'default', at: parseRange('10.0.0.0-10.0.0.9') }],
  ['?at=nonsense', {}],
];
for (const [search, expected] of queries) {
  test(`query ${search}`, () => {
    const query = { ...ASKS_NOTHING, ...expected };
    assert.equal(parseQuery(search), query);
    assert.equal(parseQuery(formatQuery(query)), query);
  });
}

test('an address of pools that overlap, and a ClusterCIDR that gives nothing, say so', () => {
  const going = clusterCIDR('c', { perNodeHostBits: 8, ipv4: '10.244.0.0/16' });
  const objects = [
    pool('a', { addresses: ['10.0.0.0/24'], prefix: 24 }),
    pool('b', { addresses: ['10.0.0.8/29'], prefix: 24 }),
    podNetwork(),
    { ...going, metadata: { ...going.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } },
  ];
  const overlap = 'InClusterIPPool default/b overlaps InClusterIPPool default/a in 10.0.0.8-10.0.0.15';
  assert.match(page(objects, { text: '10.0.0.9' }), overlap);
  assert.not.match(page(objects, { text: '10.0.0.7' }), overlap);
  const why = 'Deleting: 0 nodes with blocks of this ClusterCIDR';
  assert.match(page(objects, { text: '10.244.0.7' }), `free, but its ClusterCIDR gives out nothing: ${why}`);
  assert.match(
    page(objects, { network: 'default' }),
    '<small>0 nodes with blocks of this ClusterCIDR</small>',
  );
});

test('filters', () => {
  const objects = [
    pool('ready', { addresses: ['10.0.0.2'], prefix: 24 }),
    ...full('full'),
    ...full('waits', 'z'),
    pool('broken', { addresses: ['nonsense'], prefix: 24 }),
  ];
  const shown = (query: Partial<Query>) =>
    [...page(objects, query).matchAll(/class="name"><a href="\?pool=[^"]*">(\w+)<\/a>/g)].map(
      ([, name]) => name,
    );
  assert.equal(shown({}), ['broken', 'full', 'ready', 'waits']);
  assert.equal(shown({ filter: 'waiting' }), ['waits']);
  assert.equal(shown({ filter: 'full' }), ['full', 'waits']);
  assert.equal(shown({ filter: 'trouble' }), ['broken']);
  assert.equal(shown({ text: 'inclusterippool' }).length, 4);
});

test('counts and shares', () => {
  assert.is(formatCount(0n), '0');
  assert.is(formatCount(65_534n), '65,534');
  assert.is(formatCount(2n ** 64n), '18,446,744,073,709,551,616');
  assert.equal(
    [formatShare(0n, 0n), formatShare(1n, 1000n), formatShare(999n, 1000n), formatShare(5n, 5n)],
    ['0%', '<1%', '99%', '100%'],
  );
});

test.run();
