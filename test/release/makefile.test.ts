/** The targets that contributors expect, and what they say where their tools are not. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { shippedVersion } from '../../lib/shipped.ts';

const ROOT = join(import.meta.dirname, '../..');
const TARGETS = [
  'build',
  'image-build',
  'release',
  'run',
  'setup-test-env',
  'teardown-test-env',
  'test',
  'test-e2e',
];

function make(args: readonly string[], path = process.env.PATH) {
  const { status, stdout, stderr } = spawnSync('make', ['--no-print-directory', ...args], {
    cwd: ROOT,
    encoding: 'utf8',
    env: { PATH: path },
  });
  return { status, stdout, stderr };
}

if (make(['--version']).status !== 0) {
  console.log('# SKIPPED: the Makefile: there is no make');
  test('the Makefile is skipped', () => assert.ok(true));
} else {
  test('make alone shows every target', () => {
    const { status, stdout } = make([]);
    assert.is(status, 0);
    const shown = [...stdout.matchAll(/^ {2}(\S+) +\S/gm)].map(([, target]) => target);
    for (const target of TARGETS) assert.ok(shown.includes(target), target);
    const targets = readFileSync(join(ROOT, 'Makefile'), 'utf8').match(/(?<=^\.PHONY: )\S+/gm);
    assert.equal(shown, targets);
  });

  test('images are tagged with the version of package.json', () => {
    const { stdout } = make(['--dry-run', 'image-build']);
    assert.match(
      stdout,
      `docker build -t ghcr.io/metaipam/metaipam:${shippedVersion()} --build-arg VERSION=`,
    );
  });

  test('what is missing is named', () => {
    const folder = mkdtempSync(join(tmpdir(), 'metaipam-make-'));
    try {
      for (const tool of ['make', 'sh', 'sed', 'awk']) {
        const found = spawnSync('sh', ['-c', `command -v ${tool}`], { encoding: 'utf8' }).stdout.trim();
        symlinkSync(found, join(folder, tool));
      }
      const missing = make(['setup-test-env'], folder);
      assert.is(missing.status, 2);
      assert.match(
        missing.stderr,
        'make setup-test-env needs what is not on the path: docker kind kubectl\n',
      );
      writeFileSync(join(folder, 'docker'), '#!/bin/sh\nexit 1\n');
      chmodSync(join(folder, 'docker'), 0o755);
      const silent = make(['image-build'], folder);
      assert.is(silent.status, 2);
      assert.match(silent.stderr, 'docker is there, but does not answer');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}
test.run();
