/**
 * Stryker changes the code, in one place at a time, and runs the test files that come by there, until one fails. Changes
 * that no test notices are shown: `npm run mutation -- lib/address lib/kubernetes/conditions.ts:20-30`. `--tests` names
 * other test files than those of the same folder or name, as for `npm run unit`.
 *
 * Stryker is no dependency: it would more than double what `npm ci` brings, for a tool that is used by hand.
 */
import { spawnSync } from 'node:child_process';
import { globSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { endWith, scriptArguments } from '../../lib/script.ts';

const STRYKER = ['@stryker-mutator/core@10.0.0', '@stryker-mutator/tap-runner@10.0.0'];
/** Milliseconds beyond what the tests take unchanged, after which a change is taken for an endless loop. */
const PATIENCE_MS = 10_000;

const USAGE = `npm run mutation -- [--tests text]... path...

Changes the code of files and folders, in one place at a time, and shows the changes that no test notices:

  npm run mutation -- lib/address lib/kubernetes/conditions.ts:20-30

  --tests text  Test files whose names contain it, instead of those named like what is changed. Repeatable.
`;

const { values, positionals } = scriptArguments(USAGE, {
  options: { tests: { type: 'string', multiple: true } },
  allowPositionals: true,
});
if (positionals.length === 0) endWith('what is to be changed? npm run mutation -- lib/address');
const filters = values.tests ?? positionals.map(testsOf);
const testFiles = globSync('test/**/*.test.ts').filter((file) => filters.some((part) => file.includes(part)));
if (testFiles.length === 0) endWith(`no test file has a name with ${filters.join(' or ')}`);

const folder = mkdtempSync(join(tmpdir(), 'metaipam-mutation-'));
try {
  const config = join(folder, 'stryker.json');
  writeFileSync(
    config,
    JSON.stringify({
      mutate: positionals.map((path) => (isFolder(path) ? join(path, '**/*.ts') : path)),
      testRunner: 'tap',
      tap: { testFiles, nodeArgs: ['--import', './test/mutation/tap.ts'] },
      concurrency: Math.max(1, Math.floor(availableParallelism() / 2)),
      timeoutMS: PATIENCE_MS,
      tempDirName: join(folder, 'sandboxes'),
      // Node.js needs no tsconfig.json, and Stryker would look for a compiler to rewrite it.
      ignorePatterns: ['dist', 'tsconfig.json'],
      reporters: ['clear-text', 'progress-append-only'],
      clearTextReporter: { logTests: false },
    }),
  );
  const packages = STRYKER.map((name) => `--package=${name}`);
  const { status } = spawnSync('npm', ['exec', '--yes', ...packages, '--', 'stryker', 'run', config], {
    stdio: 'inherit',
    // Every change is in the same files, behind a switch: they need to be compiled once.
    env: { ...process.env, NODE_COMPILE_CACHE: join(folder, 'compiled') },
  });
  process.exitCode = status ?? 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** Tests have the folders and names of what they test. */
function testsOf(path: string): string {
  const name = path.replace(/^lib\//, '').replace(/(\/|\.ts(:[\d-]+)?)$/, '');
  return isFolder(path) ? `${name}/` : name;
}
