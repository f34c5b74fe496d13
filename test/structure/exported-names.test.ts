/** An exported name means one thing, and is exported for somebody. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ROOT } from '../docs/pages.ts';

const test = suite('exported names: ');

/** The protocol of a hook: each controller exports its own. And what a bundle has instead of `lib/shipped.ts`. */
const STAND_INS = new Set(['parent', 'customize', 'sync', 'finalize', 'shippedFiles', 'shippedVersion']);
/** What `npm run generate` makes of the CRDs. */
const GENERATED = 'lib/kubernetes/types.ts';
const EXPORT = /^export (?:async |abstract )?(?:function\*?|const|class|interface|type) (?<name>\w+)/gm;

/** Of the program and its tools, by path. */
const sources = read('{bench,cni,crds,hooks,lib,release,sim}/**/*.ts');
const exported = [...sources].flatMap(([file, text]) =>
  [...text.matchAll(EXPORT)].map(({ groups }) => ({ file, name: groups!.name! })),
);

test('each is of one file', () => {
  assert.ok(exported.length > 500);
  const homes = new Map<string, string[]>();
  for (const { file, name } of exported) homes.set(name, [...(homes.get(name) ?? []), file]);
  const shared = [...homes].filter(([name, files]) => files.length > 1 && !STAND_INS.has(name));
  assert.equal(Object.fromEntries(shared), {});
});

test('each is used in another file', () => {
  const users = new Map<string, Set<string>>();
  for (const [file, text] of [...sources, ...read('{bin/*.js,test/**/*.ts}')]) {
    for (const word of new Set(text.match(/\w+/g))) {
      const files = users.get(word) ?? new Set();
      users.set(word, files.add(file));
    }
  }
  const unused = exported
    .filter(({ file, name }) => file !== GENERATED && !STAND_INS.has(name))
    .filter(({ name }) => users.get(name)!.size < 2);
  assert.equal(unused, []);
});

function read(pattern: string): ReadonlyMap<string, string> {
  const files = globSync(pattern, { cwd: ROOT });
  return new Map(files.map((file) => [file, readFileSync(join(ROOT, file), 'utf8')]));
}

test.run();
