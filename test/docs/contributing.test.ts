/** The exercise of CONTRIBUTING.md begins with a fixture that holds, but for what the reader is to add. */
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { controllers } from '../../hooks/index.ts';
import { DEFAULT_CONFIG } from '../../lib/metacontroller/hook.ts';
import { ROOT, readPages } from './pages.ts';

const { blocks, prose } = readPages().find(({ path }) => path === 'CONTRIBUTING.md')!;
const fixture = JSON.parse(blocks.find(({ language }) => language === 'json')!.text);

test('all that the exercise changes is the annotation', () => {
  const { annotations, ...response } = fixture.response;
  assert.equal(Object.keys(annotations), ['example.com/pool']);
  const request = { attachments: {}, related: {}, ...fixture.request };
  assert.equal(
    controllers['claim-router']!.sync(request as never, { now: 0, config: DEFAULT_CONFIG }),
    response,
  );
});

test('the fixtures that do not hold any more are named', () => {
  const broken = globSync('test/fixtures/claim-router/*.json', { cwd: ROOT })
    .filter((path) => JSON.parse(readFileSync(join(ROOT, path), 'utf8')).response.labels !== undefined)
    .map((path) => `\`${basename(path)}\``)
    .sort();
  assert.match(prose, `${broken.join(' and ')} beside it`);
});

test.run();
