/** An exported name means one thing: whoever reads it in one file need not ask which of two it is. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ROOT } from '../docs/pages.ts';

const test = suite('exported names: ');

/** The protocol of a hook: each controller exports its own. And what a bundle has instead of `lib/shipped.ts`. */
const STAND_INS = new Set(['parent', 'customize', 'sync', 'finalize', 'shippedFiles', 'shippedVersion']);
const EXPORT = /^export (?:async |abstract )?(?:function\*?|const|class|interface|type) (?<name>\w+)/gm;

test('each is of one file', () => {
  const homes = new Map<string, string[]>();
  for (const file of globSync('{bench,cni,crds,hooks,lib,release,sim}/**/*.ts', { cwd: ROOT })) {
    for (const { groups } of readFileSync(join(ROOT, file), 'utf8').matchAll(EXPORT)) {
      const { name = '' } = groups!;
      homes.set(name, [...(homes.get(name) ?? []), file]);
    }
  }
  assert.ok(homes.size > 500);
  const shared = [...homes].filter(([name, files]) => files.length > 1 && !STAND_INS.has(name));
  assert.equal(Object.fromEntries(shared), {});
});

test.run();
