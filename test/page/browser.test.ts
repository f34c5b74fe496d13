/** The page in a browser, fed by what the examples make Metacontroller send. */
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { TestServer } from '../server/fixture.ts';
import { type Browser, CHROMIUM, hasChromium, startChromium } from './chromium.ts';
import { examples, playedServer } from './played.ts';
import { claims, poolRequest } from './requests.ts';

/** A folder for screenshots, if somebody wants to look at them. */
const SCREENSHOTS = process.env.METAIPAM_SCREENSHOTS;
const WIDTHS = [360, 1400];
const SCHEMES = ['light', 'dark'] as const;
const PAGES = {
  list: '',
  pool: '?pool=InClusterIPPool/default/storage',
  network: '?network=default',
  missing: '?pool=InClusterIPPool/default/none',
};

interface Context {
  server: TestServer;
  browser: Browser;
  page: Page;
  /** What went wrong in the page, and what it asked others for. */
  trouble: string[];
  open(path?: string): Promise<void>;
}

const test = suite('page in a browser', {} as Context);

test.before(async (context) => {
  context.server = await playedServer(await examples());
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
    if (!url.startsWith(`${origin}/`) && !url.startsWith('data:')) trouble.push(url);
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
  readonly documentElement: { readonly scrollWidth: number; readonly clientWidth: number };
  readonly body: never;
  readonly activeElement: { readonly className: string; readonly id: string; readonly textContent: string };
};
declare function getComputedStyle(element: never): { readonly backgroundColor: string };

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
  await page.setViewportSize({ width: 360, height: 740 });
  await open();
  assert.ok(await page.getByText('default/tiny-2', { exact: true }).isVisible());
  assert.is(await page.getByRole('table').count(), 3);
  assert.is(await page.getByRole('columnheader', { name: 'Free' }).count(), 1);
});

test('from the list to a pool and back', async ({ page, open, trouble }) => {
  await open();
  await page.getByRole('link', { name: 'storage', exact: true }).click();
  await page.getByRole('heading', { name: 'default/storage' }).waitFor();
  assert.is(
    await page.getByRole('img', { name: 'How the addresses of default/storage are used' }).count(),
    1,
  );
  assert.match(await page.locator('.legend').innerText(), /used\s+2/);
  await page.getByRole('link', { name: 'Pools and networks' }).click();
  await page.getByRole('link', { name: 'default', exact: true }).click();
  await page.getByText('10.246.0.0/24 in blocks of /25: 2 of 2 on 2 nodes').waitFor();
  assert.equal(trouble, []);
});

test('filters while one types, and the URL says what is shown', async ({ page, open }) => {
  await open();
  await page.getByRole('searchbox').fill('TINY');
  await page.getByRole('link', { name: 'storage', exact: true }).waitFor({ state: 'detached' });
  assert.is(await page.getByRole('link', { name: 'tiny', exact: true }).count(), 1);
  assert.match(page.url(), /\/\?q=TINY$/);
  await page.getByRole('searchbox').fill('');
  await page.getByRole('link', { name: 'storage', exact: true }).waitFor();
  await page.getByRole('combobox').selectOption('Full');
  await page.getByRole('link', { name: 'storage', exact: true }).waitFor({ state: 'detached' });
  await page.reload();
  assert.is(await page.getByRole('combobox').inputValue(), 'full');
  assert.is(await page.getByRole('link', { name: 'storage', exact: true }).count(), 0);
  await page.getByRole('searchbox').fill('nothing like it');
  await page.getByText('No pool is like that.').waitFor();
});

test('without scripts: the same, by a button', async ({ server }) => {
  const { context, close } = await startChromium({ javaScriptEnabled: false });
  try {
    const page = await context.newPage();
    await page.goto(`http://${server.webserverAddress}/`);
    assert.not(await page.locator('#live').isVisible());
    await page.getByRole('searchbox').fill('tiny');
    await page.getByRole('button', { name: 'Filter' }).click();
    await page.waitForURL('**/?q=tiny&show=');
    assert.is(await page.getByRole('link', { name: 'storage', exact: true }).count(), 0);
    assert.is(await page.getByRole('link', { name: 'tiny', exact: true }).count(), 1);
  } finally {
    await close();
  }
});

test('shows what has changed, without losing the place', async ({ page, open, server, trouble }) => {
  await open();
  const live = page.getByRole('button', { name: 'Live' });
  await live.click();
  assert.is(await live.getAttribute('aria-pressed'), 'false');
  await server.post('/hooks/pools/sync', poolRequest({ name: 'arrived' }, claims(3)));
  await page.getByRole('link', { name: 'storage', exact: true }).focus();
  await live.evaluate((button) => (button as unknown as { click(): void }).click());
  await page.getByRole('link', { name: 'arrived', exact: true }).waitFor();
  assert.is(await page.evaluate(() => document.activeElement.textContent), 'storage');
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

test('hostile names stay text', async ({ page, open, server, trouble }) => {
  const name = `"><img src=x onerror=alert(1)><script>alert(2)</script>`;
  await server.post('/hooks/pools/sync', poolRequest({ name, namespace: `'${name}` }, []));
  await open(`?q=${encodeURIComponent(name)}`);
  assert.ok(await page.getByText(name).first().isVisible());
  await page
    .getByRole('link', { name: name.slice(0, 12) })
    .first()
    .click();
  await page.getByRole('heading', { name: name.slice(0, 12) }).waitFor();
  assert.is(await page.locator('img').count(), 0);
  assert.equal(trouble, []);
});

test('thousands of pools and claims: still a page', async ({ page, open, server, trouble }) => {
  await server.post('/hooks/pools/sync', poolRequest({}, claims(20_000)));
  for (let index = 0; index < 200; index++) {
    await server.post('/hooks/pools/sync', poolRequest({ name: `many-${index}` }, []));
  }
  await open('?q=many');
  assert.is(await page.getByText('1–50 of 200').count(), 1);
  await page.getByRole('link', { name: 'Next →' }).click();
  await page.getByText('page 2 of 4').waitFor();
  await open('?q=c19999');
  assert.match(await page.getByRole('main').innerText(), /ns\/c19999, .* and 19,989 more/);
  assert.equal(trouble, []);
});

test('says when the server has gone', async ({ page }) => {
  const own = await playedServer([]);
  await page.goto(`http://${own.webserverAddress}/`);
  await own.close(1000);
  const live = page.getByRole('button', { name: 'Live' });
  await live.click();
  await live.click();
  await page.getByText('No answer from the server: what is shown is older.').waitFor();
});

if (hasChromium()) test.run();
else {
  const skipped = suite('page in a browser');
  console.log(`# SKIPPED: there is no ${CHROMIUM}; on Debian: apt-get install chromium`);
  skipped.skip('page in a browser', () => {});
  skipped.run();
}
