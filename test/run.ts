/**
 * Runs every `*.test.ts` below this folder: all that needs no cluster.
 * Arguments filter the files by substring: `npm run unit -- range-set`.
 */
import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { scriptArguments } from '../lib/script.ts';
import { runTests } from './run-tests.ts';

const USAGE = `npm run unit -- [text...]

Runs the tests that need no cluster, those files alone whose names contain one of the texts:

  npm run unit -- cli/show address
`;

const { positionals } = scriptArguments(USAGE, { allowPositionals: true });
await runTests(globSync('test/**/*.test.ts').sort(), positionals, {
  parallel: Math.max(2, availableParallelism()),
});
