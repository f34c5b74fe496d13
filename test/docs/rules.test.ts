import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { RULES } from '../../lib/cli/diagnostic.ts';
import { ROOT } from './pages.ts';

test('docs/install.md has every rule of validate, with what it finds', () => {
  const text = readFileSync(join(ROOT, 'docs/install.md'), 'utf8');
  const shown = [...text.matchAll(/^\| `([a-z-]+)` \| (?:error|warning) \| (.*) \|$/gm)];
  assert.equal(Object.fromEntries(shown.map(([, rule, finds]) => [rule, finds])), RULES);
});

test.run();
