/**
 * Runs every `*.e2e.ts` of this folder, each on a control plane of its own. One of them keeps two cores busy.
 * Arguments filter the files by substring: `npm run test:e2e -- claims`.
 */
import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { runTests } from '../run-tests.ts';
import { ASSETS, missingPrograms } from './control-plane.ts';

const missing = missingPrograms();
if (missing.length > 0) {
  console.log(`SKIPPED: the end-to-end tests. Not in ${ASSETS}: ${missing.join(', ')}`);
  console.log('README.md, "Test against a real cluster", says how to get them.');
} else {
  await runTests(
    globSync('test/e2e/**/*.e2e.ts').sort(),
    process.argv.slice(2),
    Math.ceil(availableParallelism() / 2),
    // Ten real processes a file, on whatever machine CI has: each failure is shown, three are one.
    process.env.CI ? 3 : 1,
  );
}
