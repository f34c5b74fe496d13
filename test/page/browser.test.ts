/** The page in a browser, of what the examples come to, and of 65 534 addresses. */
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { claim, pool } from '../inspect/objects.ts';
import { type TestServer, testServer } from '../server/fixture.ts';
import { type Browser, CHROMIUM, hasChromium, startChromium } from './chromium.ts';
import { manyServed } from './many.ts';
import { playedExamples, TestSource } from './world.ts';

/** A folder for screenshots, if somebody wants to look at them. */
const SCREENSHOTS = process.env.METAIPAM_SCREENSHOTS;
const WIDTHS = [390, 1400];
const SCHEMES = ['light', 'dark'] as const;
const PAGES = {
  list: '',
  pool: '?pool=InClusterIPPool/default/storage',
  network: '?network=default',
  address: '?q=10.0.0.0/29',
  claim: '?q=default/tiny-2',
  missing: '?pool=InClusterIPPool/default/none',
};

interface Context {
  server: TestServer;
  source: TestSource;
  browser: Browser;
  page: Page;
  /** What went wrong in the page, and what it asked others for. */
  trouble: string[];
  open(path?: string): Promise<void>;
}

const test = suite('page in a browser', {} as Context);

function serverOf(source: TestSource): Promise<TestServer> {
  return testServer({}, 2 ** 20, undefined, { source, of: 'examples' });
}

test.before(async (context) => {
  const { objects, now } = await playedExamples();
  context.source = new TestSource(objects, now);
  context.server = await serverOf(context.source);
  context.browser = await startChromium();
});
test.after(async ({ server, browser }) => {
  await browser?.close();
  await server?.close(1000);
});
test.before.each(async (context) => {
  const origin = `http://${context.server.webserverAddress}`;
  const trouble: string[] = [];
  const page = await context.browser.context.newPage();
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) trouble.push(message.text());
  });
  page.on('pageerror', (error) => trouble.push(String(error)));
  page.on('dialog', (dialog) => {
    trouble.push(dialog.message());
    void dialog.dismiss();
  });
  page.on('request', (request) => {
    const url = request.url();
    if (!url.startsWith('http://127.0.0.1:') && !url.startsWith('data:')) trouble.push(url);
  });
  context.page = page;
  context.trouble = trouble;
  context.open = async (path = '') => {
    await page.goto(`${origin}/${path}`);
  };
});
test.after.each(async ({ page }) => {
  await page?.close();
});

/** What `evaluate` runs is the browser's. */
declare const document: {
  createElement(name: 'canvas'): {
    getContext(kind: '2d'): { font: string; measureText(text: string): { readonly width: number } };
  };
  querySelectorAll(selectors: string): Iterable<{
    readonly outerHTML: string;
    readonly clientWidth: number;
    readonly scrollWidth: number;
    getBoundingClientRect(): { readonly left: number; readonly right: number };
  }>;
  readonly documentElement: { readonly scrollWidth: number; readonly clientWidth: number };
  readonly body: never;
  readonly activeElement: { readonly className: string; readonly id: string; readonly textContent: string };
};
declare function getComputedStyle(element: unknown): {
  readonly backgroundColor: string;
  readonly fontSize: string;
  readonly fontFamily: string;
  readonly paddingLeft: string;
  readonly paddingRight: string;
};

/** Whether all of a placeholder can be read. */
function showsItsPlaceholder(input: { readonly clientWidth: number; readonly placeholder: string }): boolean {
  const { fontSize, fontFamily, paddingLeft, paddingRight } = getComputedStyle(input);
  const context = document.createElement('canvas').getContext('2d');
  context.font = `${fontSize} ${fontFamily}`;
  const room = input.clientWidth - Number.parseFloat(paddingLeft) - Number.parseFloat(paddingRight);
  return context.measureText(input.placeholder).width <= room;
}

/** What of the page stands outside of the window or of its own box, and cannot be read there. */
function cutOff(): string[] {
  const { clientWidth: width } = document.documentElement;
  const elements = document.querySelectorAll('main *:not(.skip, svg, svg *, thead, thead *, select, option)');
  return [...elements].flatMap((element) => {
    const { left, right } = element.getBoundingClientRect();
    const isOut = left < 0 || right > width;
    // Of what lights up under the pointer, and is wider by that.
    const ledge = 4;
    const { clientWidth, scrollWidth } = element;
    return isOut || (clientWidth > 0 && scrollWidth > clientWidth + ledge)
      ? [element.outerHTML.slice(0, 100)]
      : [];
  });
}

for (const scheme of SCHEMES) {
  for (const width of WIDTHS) {
    test(`${width} pixels wide, ${scheme}: fits, and nothing is wrong`, async ({ page, open, trouble }) => {
      await page.emulateMedia({ colorScheme: scheme });
      await page.setViewportSize({ width, height: 900 });
      for (const [name, path] of Object.entries(PAGES)) {
        await open(path);
        const sizes = await page.evaluate(() => {
          const { scrollWidth, clientWidth } = document.documentElement;
          return [scrollWidth, clientWidth];
        });
        assert.equal(sizes, [width, width], name);
        assert.equal(await page.evaluate(cutOff), [], name);
        assert.ok(await page.getByRole('searchbox').evaluate(showsItsPlaceholder as never), name);
        const colour = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
        const [red] = /\d+/.exec(colour)!;
        assert.is(Number(red) < 128, scheme === 'dark', colour);
        if (SCREENSHOTS !== undefined) {
          const file = join(SCREENSHOTS, `${name}-${scheme}-${width}.png`);
          await page.screenshot({ path: file, fullPage: true });
        }
      }
      // The browser itself reports a page that is not found.
      assert.equal(
        trouble.filter((line) => !line.includes('404')),
        [],
      );
    });
  }
}

test('what is long can be read on a phone: numbers of IPv6, names', async ({ page }) => {
  const long = [60, 60, 60, 40].map((length) => 'x'.repeat(length)).join('.');
  const { objects } = await playedExamples();
  const odd = [
    pool('huge', { addresses: ['2000::/3'], prefix: 3 }),
    pool(long, { addresses: ['10.99.0.0/24'], prefix: 24 }),
    claim(long, 'not-there'),
    claim('waits', long),
    { apiVersion: 'v1', kind: 'Node', metadata: { name: long } },
  ];
  const server = await serverOf(new TestSource([...objects, ...odd], Date.now()));
  try {
    await page.setViewportSize({ width: 390, height: 900 });
    const pages = ['', '?pool=InClusterIPPool/default/huge', `?pool=InClusterIPPool/default/${long}`];
    for (const path of [
      ...pages,
      '?network=default',
      `?q=${long}`,
      '?q=2000::/4',
      '?q=x',
      `?q=${long}${long}`,
    ]) {
      await page.goto(`http://${server.webserverAddress}/${path}`);
      assert.equal(await page.evaluate(cutOff), [], path);
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.is(width, 390, path);
    }
  } finally {
    await server.close(1000);
  }
});

test('pools, networks, and why claims wait, are there to read', async ({ page, open }) => {
  await open();
  for (const words of [
    'InClusterIPPool default/tiny has no free address',
    'default/tiny-2',
    'the claim is paused',
  ]) {
    assert.ok(await page.getByText(words, { exact: true }).first().isVisible(), words);
  }
  const tables = await page.getByRole('table').all();
  const names = await Promise.all(tables.map((table) => table.locator('caption').textContent()));
  assert.equal(
    names.map((name) => name!.replace(/\d+$/, '')),
    ['Claims that wait', 'Pools', 'Pod networks'],
  );
  const pool = page
    .getByRole('row')
    .filter({ has: page.getByRole('link', { name: 'storage', exact: true }) });
  assert.match(await pool.innerText(), /Ready[\s\S]*2 of 329, <1%[\s\S]*327/);
  assert.is(await pool.getByRole('img', { name: 'Use of storage: 2 of 329' }).count(), 1);
});

test('on a phone too, and a table is still one', async ({ page, open }) => {
  await page.setViewportSize({ width: 390, height: 740 });
  await open();
  assert.ok(await page.getByText('default/tiny-2', { exact: true }).isVisible());
  assert.is(await page.getByRole('table').count(), 3);
  assert.is(await page.getByRole('columnheader', { name: 'Free' }).count(), 1);
});

test('from the list to a pool, to who has an address, and back', async ({ page, open, trouble }) => {
  await open();
  await page.getByRole('link', { name: 'storage', exact: true }).click();
  await page.getByRole('heading', { name: 'default/storage' }).waitFor();
  assert.match(await page.locator('.legend').innerText(), /used\s+2/);
  const row = page.getByRole('table', { name: 'Who has what' }).getByRole('row').nth(1);
  const holder = await row.getByRole('link').nth(1).innerText();
  assert.match(holder, /^IPAddressClaim default\//);
  await row.getByRole('link').nth(1).click();
  await page.getByRole('table', { name: /^What default\/.* has$/ }).waitFor();
  await page.getByRole('link', { name: 'InClusterIPPool default/storage', exact: true }).click();
  await page.getByRole('heading', { name: 'default/storage' }).waitFor();
  await page.getByRole('link', { name: 'metaipam', exact: true }).click();
  await page.getByRole('link', { name: 'default', exact: true }).click();
  await page.getByText('10.246.0.0/24 in blocks of /25: 2 of 2 on 2 nodes').waitFor();
  assert.is(await page.getByRole('table', { name: 'Nodes with blocks' }).count(), 1);
  assert.equal(trouble, []);
});

test('answers and filters while one types, and the URL says what is shown', async ({ page, open }) => {
  await open();
  const search = page.getByRole('searchbox', { name: 'Address, range, claim, node, pool or network' });
  await search.fill('TINY');
  await page.getByRole('link', { name: 'storage', exact: true }).waitFor({ state: 'detached' });
  assert.is(await page.getByRole('link', { name: 'tiny', exact: true }).count(), 1);
  assert.match(page.url(), /\/\?q=TINY$/);
  await search.fill('claim/default/tiny-2');
  await page.getByRole('heading', { name: 'default/tiny-2' }).waitFor();
  assert.match(await page.getByRole('main').innerText(), /Pool exhausted/);
  await search.fill('203.0.113.1');
  await page.getByText('203.0.113.1 is in no pool and in no ClusterCIDR').waitFor();
  await search.fill('');
  await page.getByRole('link', { name: 'storage', exact: true }).waitFor();
  await page.getByRole('combobox').selectOption('Full');
  await page.getByRole('link', { name: 'storage', exact: true }).waitFor({ state: 'detached' });
  await page.reload();
  assert.is(await page.getByRole('combobox').inputValue(), 'full');
  assert.is(await page.getByRole('link', { name: 'storage', exact: true }).count(), 0);
});

test('who types on the page of a pool comes back to it; what is shown has its JSON and the filter', async ({
  page,
  open,
  trouble,
}) => {
  const machines = '?pool=InClusterIPPool%2Fdefault%2Fmachines';
  await open(machines);
  const [filter, json] = [page.getByRole('combobox'), page.getByRole('link', { name: 'JSON' })];
  assert.not(await filter.isVisible());
  for (const text of ['10.0.0', '10.0.0.2']) {
    await page.getByRole('searchbox').fill(text);
    await page.waitForURL(`**/?q=${text}`);
  }
  await page.getByRole('table', { name: 'Who has 10.0.0.2' }).waitFor();
  assert.ok(await filter.isVisible());
  assert.is(await json.getAttribute('href'), 'api/show?q=10.0.0.2');
  await page.goBack();
  await page.getByRole('heading', { name: 'default/machines' }).waitFor();
  assert.is(await page.getByRole('searchbox').inputValue(), '');
  assert.not(await filter.isVisible());
  await page.goForward();
  await page.getByRole('table', { name: 'Who has 10.0.0.2' }).waitFor();
  assert.is(await page.getByRole('searchbox').inputValue(), '10.0.0.2');
  await open(machines);
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.getByRole('searchbox').fill('tiny');
  await page.waitForURL('**/?q=tiny');
  await page.goBack();
  await page.getByRole('heading', { name: 'default/machines' }).waitFor();
  assert.equal(trouble, []);
});

test('without scripts: the same, by a button', async ({ server }) => {
  const { context, close } = await startChromium({ javaScriptEnabled: false });
  try {
    const page = await context.newPage();
    await page.goto(`http://${server.webserverAddress}/`);
    assert.not(await page.locator('#live').isVisible());
    await page.getByRole('searchbox').fill('tiny');
    await page.getByRole('button', { name: 'Search' }).click();
    await page.waitForURL('**/?q=tiny&show=');
    assert.is(await page.getByRole('link', { name: 'storage', exact: true }).count(), 0);
    assert.is(await page.getByRole('link', { name: 'tiny', exact: true }).count(), 1);
  } finally {
    await close();
  }
});

test('shows what has changed by itself, without losing the place; not while it is paused', async (context) => {
  const { page, open, source, trouble } = context;
  await open();
  await page.getByRole('link', { name: 'storage', exact: true }).focus();
  source.change(pool('arrived', { addresses: ['10.9.0.0/29'], prefix: 29 }));
  await page.getByRole('link', { name: 'arrived', exact: true }).waitFor();
  assert.is(await page.evaluate(() => document.activeElement.textContent), 'storage');
  const live = page.getByRole('button', { name: 'Live' });
  await live.click();
  assert.is(await live.getAttribute('aria-pressed'), 'false');
  const told = page.waitForEvent('request', { timeout: 2500 }).then(
    () => true,
    () => false,
  );
  source.change(pool('later', { addresses: ['10.9.1.0/29'], prefix: 29 }));
  assert.not(await told);
  await live.click();
  await page.getByRole('link', { name: 'later', exact: true }).waitFor();
  assert.equal(trouble, []);
});

test('by keyboard: first past the head, then along the pools', async ({ page, open }) => {
  await open();
  await page.keyboard.press('Tab');
  assert.is(await page.evaluate(() => document.activeElement.textContent), 'Skip to the content');
  await page.keyboard.press('Enter');
  assert.is(await page.evaluate(() => document.activeElement.id), 'content');
  await page.keyboard.press('Tab');
  const first = await page.getByRole('main').getByRole('link').first().textContent();
  assert.is(await page.evaluate(() => document.activeElement.textContent), first);
});

test('hostile names stay text', async ({ page, open, source, trouble }) => {
  const name = `"><img src=x onerror=alert(1)><script>alert(2)</script>`;
  source.change(
    pool(name, { addresses: ['10.9.2.0/29'], prefix: 29 }, { namespace: `'${name}` }),
    claim(name, name, { namespace: `'${name}` }),
  );
  await open(`?q=${encodeURIComponent(name)}`);
  assert.ok(await page.getByText(name).first().isVisible());
  await open(`?pool=${encodeURIComponent(`InClusterIPPool/'${name}/${name}`)}`);
  await page.getByRole('heading', { name: name.slice(0, 12) }).waitFor();
  assert.is(await page.locator('img').count(), 0);
  assert.equal(trouble, []);
});

test('65 534 addresses: a map that leads to each of them, by keyboard too', async ({ page, trouble }) => {
  const server = await serverOf(new TestSource(manyServed(65_534), Date.UTC(2026, 0, 2)));
  try {
    await page.goto(`http://${server.webserverAddress}/?pool=InClusterIPPool/default/many`);
    await page.getByText('1–100 of 65,534').waitFor();
    const rows = page.locator('.map').getByRole('link');
    assert.is(await rows.count(), 16);
    await page.getByRole('link', { name: '10.1.16.0-10.1.31.255: 4,096 of 4,096 in use' }).focus();
    await page.keyboard.press('Enter');
    await page.getByText('10.1.16.0-10.1.31.255, a cell is 4 addresses').waitFor();
    await page.getByRole('link', { name: '10.1.17.0-10.1.17.255: 256 of 256 in use' }).click();
    await page.getByText('10.1.17.0-10.1.17.255, a cell is one address').waitFor();
    assert.is(await page.getByText('IPAddressClaim default/m-4352', { exact: true }).count(), 1);
    await page.getByRole('link', { name: 'Zoom out' }).click();
    await page.getByText('10.1.16.0-10.1.31.255, a cell is 4 addresses').waitFor();
    await page.goto(`http://${server.webserverAddress}/?pool=InClusterIPPool/default/many`);
    await page.getByRole('link', { name: 'Last »' }).click();
    await page.getByText('65,501–65,534 of 65,534').waitFor();
    assert.equal(trouble, []);
  } finally {
    await server.close(1000);
  }
});

test('says when the server has gone', async ({ page }) => {
  const own = await serverOf(new TestSource([], 0));
  await page.goto(`http://${own.webserverAddress}/`);
  await page.getByRole('button', { name: 'Live' }).waitFor();
  await own.close(1000);
  await page.getByText('No answer from the server: what is shown is older.').waitFor();
});

if (hasChromium()) test.run();
else {
  const skipped = suite('page in a browser');
  console.log(`# SKIPPED: there is no ${CHROMIUM}; on Debian: apt-get install chromium`);
  skipped.skip('page in a browser', () => {});
  skipped.run();
}
