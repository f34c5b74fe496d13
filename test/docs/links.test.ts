import { existsSync, readFileSync, statSync } from 'node:fs';
import { join, normalize } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parsePage, ROOT, readPages } from './pages.ts';

const pages = readPages();

test('there are pages, and links in them', () => {
  assert.ok(pages.length > 8);
  assert.ok(pages.flatMap(({ links }) => links).length > 50);
});

for (const { path, links, anchors } of pages) {
  test(`${path}: every link within the repository leads somewhere`, () => {
    for (const link of links) {
      if (/^[a-z]+:/.test(link)) continue;
      const [file = '', anchor] = link.split('#');
      const target = file === '' ? path : normalize(join(path, '..', file));
      assert.ok(existsSync(join(ROOT, target)), `${link}: there is no ${target}`);
      assert.is(
        file.endsWith('/'),
        statSync(join(ROOT, target)).isDirectory() && file !== '',
        `${link}: folders, and only folders, end with /`,
      );
      if (anchor === undefined) continue;
      const known =
        file === '' ? anchors : parsePage(target, readFileSync(join(ROOT, target), 'utf8')).anchors;
      assert.ok(known.has(anchor), `${link}: ${target} has no #${anchor}`);
    }
  });

  test(`${path}: links to other sites are https`, () => {
    assert.equal(
      links.filter((link) => /^[a-z]+:/.test(link) && !link.startsWith('https://')),
      [],
    );
  });
}

test('the index leads to every page of docs/', () => {
  const index = pages.find(({ path }) => path === 'docs/README.md')!;
  const listed = new Set(index.links.map((link) => normalize(join('docs', link))));
  const missing = pages.filter(
    ({ path }) => path.startsWith('docs/') && path !== index.path && !listed.has(path),
  );
  assert.equal(
    missing.map(({ path }) => path),
    [],
  );
});

test('anchors are those of GitHub', () => {
  const { anchors } = parsePage(
    'page.md',
    '# A `b` & c\n## Same\n## Same\n## See [x](y)\n```\n# none\n```\n',
  );
  assert.equal([...anchors], ['a-b--c', 'same', 'same-1', 'see-x']);
});

test.run();
