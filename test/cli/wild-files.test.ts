/** Files that nobody would write, through every command that reads some: an error that names what is wrong, or a result. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { main } from '../../lib/cli/metaipam.ts';
import { Random } from '../../lib/engine/random.ts';
import { readScenes } from '../../sim/fuzz.ts';
import { run } from './run.ts';

const FILES = 60;
const EMPTY = join(mkdtempSync(join(tmpdir(), 'wild-')), 'empty.json');
const COMMANDS = [
  ['validate', '-f', '-'],
  ['simulate', '-f', '-'],
  ['show', '-f', '-'],
  ['check', '-f', '-'],
  ['hook', 'pools/sync', '-f', '-'],
  ['hook', 'nodes/sync', '-f', '-'],
];
const OBJECT = 'apiVersion: v1\nkind: Node\nmetadata: {name: m';
const TEXTS = [
  ...['', '~', '12', '"text"', '[null, 1, {}]', '1e999999', '{"a": 1e999}', '---\n---', '\t- a'],
  ...[
    '&a {kind: *a}',
    'a: &a [*a]',
    '<<: [1]',
    '? {a: 1}\n: b',
    'a: !!js/function x',
    'a: !!binary aGk=',
    '%YAML 9\n---\na',
  ],
  ...['['.repeat(20_000), '{a: '.repeat(20_000), '[[', `${'['.repeat(5_000)}${']'.repeat(5_000)}`],
  ...['null', '{a: 1}', '[null, 1, {}]'].map((items) => `apiVersion: v1\nkind: List\nitems: ${items}`),
  'apiVersion: v1\nkind: List\nitems:\n- &a {apiVersion: v1, kind: List, items: [*a]}',
  'apiVersion: 1\nkind: 2\nmetadata: 3',
  `${OBJECT}, namespace: {a: 1}}`,
  `${OBJECT}, labels: [a]}`,
  `${OBJECT}, labels: {a: [b]}}`,
  `${OBJECT}, uid: {a: 1}, ownerReferences: {a: 1}}`,
  `${OBJECT}, ownerReferences: [1], finalizers: [{}]}`,
  `${OBJECT}, deletionTimestamp: {}}`,
  `${OBJECT}}\nspec: [1]`,
  `${OBJECT}}\nspec: {podCIDR: 5, podCIDRs: {a: b}}`,
  `${OBJECT}}\nspec: {podCIDRs: [5, null]}`,
  `${OBJECT}}\nspec: {podCIDRs: [null]}`,
  `${OBJECT}, labels: {a: ${'9'.repeat(26)}}}\nspec: {podCIDRs: [${'9'.repeat(26)}]}`,
];
const VALUES = [
  ...[null, true, 0, -1, 1.5, 1e308, 2 ** 63, '', 'x', '10.0.0.1', '\u0000', '🦊'.repeat(300)],
  ...[
    [],
    {},
    [null],
    [[[]]],
    { a: null },
    { '': '' },
    JSON.parse('{"__proto__": {"a": 1}, "toString": null}'),
    JSON.rawJSON('9'.repeat(26)),
  ],
];

for (const [index, text] of TEXTS.entries()) {
  test(`text ${index}, ${JSON.stringify(text.slice(0, 60))}`, () => goesThrough(text));
}

test.before(() => writeFileSync(EMPTY, '{"apiVersion": "v1", "kind": "List", "items": []}'));
test.after(() => rmSync(dirname(EMPTY), { recursive: true }));

const scenes = readScenes();
test(`${FILES} files with anything in the place of something`, async () => {
  for (let seed = 1; seed <= FILES; seed++) {
    const random = new Random(seed);
    const items: unknown[] = [...random.pick(scenes).objects];
    for (let left = 1 + random.below(3); left > 0; left--) {
      const at = random.below(items.length);
      items[at] = spoilt(items[at], random);
    }
    await goesThrough(JSON.stringify({ apiVersion: 'v1', kind: 'List', items }), `seed ${seed}`);
  }
});

async function goesThrough(text: string, title = text.slice(0, 200)): Promise<void> {
  for (const argv of [...COMMANDS, ['plan', '-f', '-', '--current', EMPTY]]) {
    const { code, out, err } = await run(main, argv, { stdin: text });
    assert.ok(code >= 0 && code <= 4, `${argv[0]} of ${title}: ${code}`);
    const odd = /\[object Object\]|TypeError|RangeError|\n\s+at /.exec(out + err);
    assert.is(odd, null, `${argv[0]} of ${title}: ${out}${err}`);
  }
}

/** `value` with something else somewhere in it. */
function spoilt(value: unknown, random: Random, depth = 0): unknown {
  if (typeof value !== 'object' || value === null || random.chance(depth === 0 ? 0.02 : 0.15)) {
    return random.pick(VALUES);
  }
  const keys = Object.keys(value);
  const key = random.pick(keys);
  if (key === undefined) return random.pick(VALUES);
  const entries = Object.entries(value).map(([name, item]) => [
    name,
    name === key ? spoilt(item, random, depth + 1) : item,
  ]);
  return Array.isArray(value) ? entries.map(([, item]) => item) : Object.fromEntries(entries);
}

test.run();
