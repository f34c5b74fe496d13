/**
 * Runs every `*.test.ts` below this folder: all that needs no cluster.
 * Arguments filter the files by substring: `npm run unit -- range-set`.
 */
import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { runTests } from './run-tests.ts';

await runTests(globSync('test/**/*.test.ts').sort(), process.argv.slice(2), {
  parallel: Math.max(2, availableParallelism()),
});
