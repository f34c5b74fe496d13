/** `npm run release` makes everything for which there are tools. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const ROOT = join(import.meta.dirname, '../..');

/** Why a part may be left out: for a tool, a library or a file that has to be brought. */
const BROUGHT =
  / is not on the path$|: Error: There is no libquickjs\.a\.|: no \S+; \$METACONTROLLER_CRDS names /;

test('a release has all its files, but for those of tools that are not there', () => {
  const folder = mkdtempSync(join(tmpdir(), 'metaipam-release-'));
  try {
    const script = join(ROOT, 'release/release.ts');
    const { status, stderr } = spawnSync(process.execPath, [script, `--folder=${folder}`], {
      encoding: 'utf8',
    });
    assert.is(status, 0, stderr);
    const missing = stderr.trim().split('\n').filter(Boolean);
    for (const line of missing) {
      assert.match(line, /^NOT IN THE RELEASE: /);
      assert.match(line, BROUGHT);
    }
    const files = readdirSync(folder).map((name) => name.replace(/\d+\.\d+\.\d+/, 'VERSION'));
    for (const name of [
      'SHA256SUMS',
      'crds.yaml',
      'ipam-components.yaml',
      'ipam.yaml',
      'kubectl-ipam-VERSION.tar.gz',
      'metadata.yaml',
      'metaipam.mjs',
      'metaipam.yaml',
    ])
      assert.ok(files.includes(name), `${name} in ${files}`);
    assert.is(files.length + missing.length, 13, `${files} and ${missing}`);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.run();
