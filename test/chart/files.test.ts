import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { load } from 'js-yaml';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { CHART, copies, readme } from '../../charts/build.ts';
import { readValues } from '../../charts/values-table.ts';

const read = (path: string) => readFileSync(join(CHART, path), 'utf8');
const STALE = 'stale: run `npm run build:chart`';

test('the copies in the chart are what crds/ and metacontroller/ hold', () => {
  const expected = copies();
  const found = globSync('files/**/*.yaml', { cwd: CHART });
  assert.equal(found.sort(), [...expected.keys()].sort(), STALE);
  for (const [path, text] of expected) assert.is(read(path), text, `${path} is ${STALE}`);
  const count = (folder: string) => found.filter((path) => path.startsWith(`files/${folder}/`)).length;
  assert.is(count('controllers'), 11);
  assert.is(count('crds'), 10);
  assert.is(count('admission'), 3);
});

test('the table of values in README.md is that of values.yaml', () => {
  assert.is(read('README.md'), readme(), `README.md is ${STALE}`);
});

test('chart, image and package have one version, as have their manifests', () => {
  const { version, appVersion } = load(read('Chart.yaml')) as { version: string; appVersion: string };
  const { version: packaged } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  assert.is(version, packaged);
  assert.is(appVersion, packaged);
});

type Schema = { type?: unknown; properties?: Record<string, Schema>; additionalProperties?: unknown };

test('the schema knows the values, every one and no other', () => {
  const known: string[] = [];
  const walk = (schema: Schema, path: string) => {
    assert.is(schema.additionalProperties, false, `${path || 'the root'} must refuse unknown keys`);
    for (const [key, below] of Object.entries(schema.properties!)) {
      const here = path === '' ? key : `${path}.${key}`;
      if (below.properties && !documented.has(here)) walk(below, here);
      else known.push(here);
    }
  };
  const documented = new Set(readValues(read('values.yaml')).map(({ path }) => path));
  walk(JSON.parse(read('values.schema.json')), '');
  assert.equal(known.filter((path) => path !== 'global').sort(), [...documented].sort());
});

test('a value without a comment is refused, and so is one whose comment is of another kind', () => {
  const table = (yaml: string) => readValues(yaml).map(({ path, meaning }) => [path, meaning]);
  assert.equal(table('# -- A.\na: 1\nb:\n  # -- C,\n  # more of it.\n  c:\n    d: 1\n'), [
    ['a', 'A.'],
    ['b.c', 'C, more of it.'],
  ]);
  assert.throws(() => readValues('# -- A.\na: 1\nb: 2\n'), /^b: no comment/);
  assert.throws(() => readValues('b:\n  # C.\n  c: []\n'), /^b.c: no comment/);
  assert.throws(() => readValues('# -- A.\n\na: 1\n'), /^a: no comment/);
  assert.throws(() => readValues('a:\n  - b: 1\n'), /^a: no comment/);
});

test.run();
