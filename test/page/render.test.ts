import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DEFAULT_CONFIG } from '../../lib/metacontroller/hook.ts';
import { formatAge, formatCount, formatShare } from '../../lib/page/format.ts';
import { html, trusted } from '../../lib/page/html.ts';
import { formatQuery, parseQuery, poolPath, type Query, someNames } from '../../lib/page/query.ts';
import {
  type Entry,
  renderList,
  renderMissing,
  renderPool,
  type Visit,
  type WaitingForNoPool,
} from '../../lib/page/render.ts';
import { drawStrip, picturePool, type SeenPool, seePool } from '../../lib/page/seen-pool.ts';
import { claim, claims, NOW, type PoolGiven, syncedPool } from './requests.ts';

const ASKS_NOTHING = parseQuery('');

function visit(query: Partial<Query> = {}): Visit {
  return { query: { ...ASKS_NOTHING, ...query }, nonce: 'n0nce', replica: 'metaipam-0', now: NOW };
}

function entry(given: PoolGiven, age = 0): Entry<SeenPool> {
  const { request, response } = syncedPool(given);
  return { seen: seePool(request, response, DEFAULT_CONFIG), at: NOW - age };
}

const NO_PICTURES = { strip: () => undefined, pool: () => undefined, network: () => undefined };

function list(
  pools: readonly Entry<SeenPool>[],
  query: Partial<Query> = {},
  lost: readonly WaitingForNoPool[] = [],
): string {
  const pictures = { ...NO_PICTURES, strip: ({ seen }: Entry<SeenPool>) => drawStrip(seen) };
  return renderList(visit(query), pools, [], lost, pictures);
}

const HOSTILE = `<img src=x onerror="alert('1')">&`;

test('whatever is put into a template is escaped', () => {
  assert.is(
    html`<a title="${HOSTILE}">${'\u0000\ud800'}</a>`.text,
    `<a title="&lt;img src=x onerror=&quot;alert(&#39;1&#39;)&quot;&gt;&amp;">��</a>`,
  );
  assert.is(
    html`<p>${undefined}${0}${2n ** 64n}${[html`<b>${'<'}</b>`]}${trusted('<i>')}</p>`.text,
    '<p>018446744073709551616<b>&lt;</b><i></p>',
  );
});

test('hostile names are text everywhere', () => {
  const claimed = {
    ...claim(HOSTILE),
    status: {
      conditions: [
        { type: 'Ready', status: 'False', reason: HOSTILE, message: HOSTILE, lastTransitionTime: '' },
      ],
    },
  };
  const hostile = entry({ name: HOSTILE, namespace: HOSTILE, claims: [] });
  const seen = {
    ...hostile.seen,
    state: { reason: HOSTILE, message: HOSTILE, isReady: false },
    waitingCount: 1,
    waiting: [{ reason: HOSTILE, message: HOSTILE, count: 1, names: claimed.metadata.name }],
  };
  const lost = [{ pool: `InClusterIPPool/${HOSTILE}`, groups: seen.waiting }];
  const pages = [
    list([{ seen, at: NOW }], { text: HOSTILE }, lost),
    renderPool(visit({ pool: HOSTILE }), { seen, at: NOW }, picturePool(seen)),
    renderMissing(visit(), HOSTILE),
  ];
  for (const page of pages) {
    assert.not.match(page, '<img');
    assert.match(page, '&lt;img');
  }
});

test('nothing has a style, a handler or a source of its own', () => {
  const page = list([entry({ claims: claims(9) })]);
  const markup = page.replace(/<(style|script)[^>]*>.*?<\/\1>/gs, '<$1>');
  assert.not.match(markup, /\s(style|src|on\w+)=/);
  assert.not.match(markup, /https?:\/\/(?!www\.w3\.org)/);
  assert.is(page.match(/nonce="n0nce"/g)?.length, 2);
});

test('the list: state, counts, who waits and why', () => {
  const page = list([
    entry({ name: 'full', claims: claims(9).map((each) => ({ ...each, spec: claim('', {}, 'full').spec })) }),
    entry({ name: 'empty' }, 65_000),
  ]);
  assert.match(page, 'InClusterIPPool ns/full has no free address');
  assert.match(page, 'ns/c00005, ns/c00006, ns/c00007, ns/c00008');
  assert.match(page, 'Pool exhausted');
  assert.match(page, '5 of 5, 100%');
  assert.match(page, '65 s ago');
  assert.match(page, '<caption>Pools</caption>');
  assert.match(page, 'aria-label="Use of full: 5 of 5"');
});

test('nothing seen yet: says when there will be', () => {
  assert.match(list([]), 'No pool has been synced with this server yet');
});

test('claims of a pool that was not seen', () => {
  const groups = [
    { reason: 'Unanswered', message: 'its pool has not answered yet', count: 1, names: 'ns/c' },
  ];
  const lost = [{ pool: 'InClusterIPPool/ns/missing', groups }];
  assert.match(list([], {}, lost), 'ns/missing<small>not seen: does it exist?</small>');
  assert.not.match(list([], { text: 'other' }, lost), 'ns/missing');
});

test('what was seen long ago may be older than the truth', () => {
  assert.match(list([entry({}, 36 * 60_000)]), '36 min ago<small>may be older</small>');
  assert.not.match(list([entry({}, 34 * 60_000)]), 'may be older');
});

test('without a picture the counts are drawn', () => {
  const page = renderList(visit(), [entry({ claims: claims(2) })], [], [], NO_PICTURES);
  assert.match(page, '<rect class="ipam-used" width="256" height="10"/>');
  assert.match(renderPool(visit(), entry({}), undefined), 'The picture is being drawn');
});

test('thousands of pools: fifty on a page, with links to the others', () => {
  const one = entry({ claims: claims(9) });
  const named = (name: string): Entry<SeenPool> => ({
    ...one,
    seen: { ...one.seen, pool: { ...one.seen.pool, metadata: { ...one.seen.pool.metadata, name } } },
  });
  const pools = Array.from({ length: 3000 }, (_, index) => named(`pool-${index}`));
  const page = list(pools, { page: 2 });
  assert.is(page.match(/<td role="cell" class="name"><a /g)!.length, 50 + 12);
  assert.match(page, '51–100 of 3,000');
  assert.match(page, 'page 2 of 60');
  assert.match(page, 'href="?page=3"');
  assert.ok(page.length < 120_000, `${page.length}`);
  assert.match(list(pools, { page: 99 }), 'page 60 of 60');
  assert.match(
    list(pools, { text: 'pool-2999' }),
    'class="name"><a href="?pool=InClusterIPPool%2Fns%2Fpool-2999"',
  );
});

test('tens of thousands of claims that wait: some, and how many more', () => {
  const { seen } = entry({ claims: claims(65_000) });
  const [page, alone] = [
    list([{ seen, at: NOW }]),
    renderPool(visit(), { seen, at: NOW }, picturePool(seen)),
  ];
  assert.match(page, 'and 64,989 more');
  assert.match(alone, 'and 64,795 more');
  assert.ok(page.length + alone.length < 60_000);
  assert.match(list([{ seen, at: NOW }], { text: 'c64321' }), 'ns/c64321, ns/c00005');
});

test('a spec of thousands of ranges, a picture of nothing but holes', () => {
  const holes = Array.from({ length: 2000 }, (_, index) => `10.0.${index >> 7}.${(index & 127) * 2}`);
  const { seen } = entry({ addresses: holes });
  const page = renderPool(visit(), { seen, at: NOW }, picturePool(seen));
  assert.match(page, '10.0.0.46 and 1976 more');
  assert.ok(page.length < 300_000, `${page.length}`);
});

const queries: [search: string, expected: Partial<Query>][] = [
  ['', {}],
  ['?q=+Rack-B+&show=waiting&page=3', { text: 'rack-b', filter: 'waiting', page: 3 }],
  ['?show=constructor&page=-1', {}],
  ['?page=1e99', {}],
  ['?page=NaN', {}],
  ['?pool=InClusterIPPool%2Fns%2Fa', { pool: 'InClusterIPPool/ns/a' }],
  ['?network=default', { network: 'default' }],
];
for (const [search, expected] of queries) {
  test(`query ${search}`, () => {
    const query = { ...ASKS_NOTHING, ...expected };
    assert.equal(parseQuery(search), query);
    assert.equal(parseQuery(formatQuery(query)), query);
  });
}

test('filters', () => {
  const pools = [
    entry({ name: 'ready' }),
    entry({ name: 'full', addresses: ['10.0.0.2'], claims: [claim('x', {}, 'full')] }),
    entry({
      name: 'waits',
      addresses: ['10.0.0.2'],
      claims: [claim('y', {}, 'waits'), claim('z', {}, 'waits')],
    }),
    entry({ name: 'broken', addresses: ['nonsense'] }),
  ];
  const shown = (query: Partial<Query>) =>
    pools
      .filter(({ seen }) => list([{ seen, at: NOW }], query).includes('class="state"'))
      .map(({ seen }) => poolPath(seen).split('/').at(-1));
  assert.equal(shown({}), ['ready', 'full', 'waits', 'broken']);
  assert.equal(shown({ filter: 'waiting' }), ['waits']);
  assert.equal(shown({ filter: 'full' }), ['full', 'waits']);
  assert.equal(shown({ filter: 'trouble' }), ['broken']);
  assert.equal(shown({ text: 'ns/z' }), ['waits']);
  assert.equal(shown({ text: 'inclusterippool' }).length, 4);
});

test('names that were looked for come first, each once', () => {
  assert.equal(someNames('a\nb\nc\nbb', 'b', 3), ['b', 'bb', 'a']);
});

test('counts, shares and ages', () => {
  assert.is(formatCount(0n), '0');
  assert.is(formatCount(65_534n), '65,534');
  assert.is(formatCount(999_999_999_999n), '999,999,999,999');
  assert.is(formatCount(2n ** 64n), '1.8 × 10¹⁹');
  assert.equal(
    [formatShare(0n, 0n), formatShare(1n, 1000n), formatShare(999n, 1000n), formatShare(5n, 5n)],
    ['0%', '<1%', '99%', '100%'],
  );
  assert.equal([-5, 1999, 2000, 119_999, 120_000, 7_200_000].map(formatAge), [
    'now',
    'now',
    '2 s ago',
    '119 s ago',
    '2 min ago',
    '2 h ago',
  ]);
});

test.run();
