/** Texts that name a command of this program have its name from one place, which knows what the user types. */
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ROOT } from '../docs/pages.ts';

const test = suite('program name: ');

/** Its scripts are for a program of that name. */
const COMPLETION = 'lib/cli/completion.ts';
const COMMENT = /\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm;

test('no text names a command by itself', () => {
  const files = globSync('lib/**/*.ts', { cwd: ROOT });
  const commands = files.filter((file) => file.startsWith('lib/cli/')).map((file) => basename(file, '.ts'));
  const named = new RegExp(`metaipam (?:${commands.join('|')}|help|…)(?!\\w).*`, 'g');
  const found = files
    .filter((file) => file !== COMPLETION)
    .flatMap((file) => {
      const text = readFileSync(join(ROOT, file), 'utf8').replaceAll(COMMENT, '');
      return [...text.matchAll(named)].map(([place]) => `${file}: ${place}`);
    });
  assert.equal(found, []);
});

test.run();
