/** What the scripts of a clone say of arguments that are wrong: a line, and no stack. */
import { spawnSync } from 'node:child_process';
import { dirname } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const ROOT = dirname(import.meta.dirname);
const UNKNOWN = "Unknown option '--nope'\n";

for (const [command, said] of [
  ['test/run.ts scripts nosuch --nope', 'no test file has a name with nosuch or --nope\n'],
  ['test/e2e/run.ts --nope', UNKNOWN],
  ['test/mutation/run.ts --nope', UNKNOWN],
  ['test/mutation/run.ts', 'what is to be changed? npm run mutation -- lib/address\n'],
  ['test/mutation/run.ts lib/nosuch', 'no test file has a name with nosuch\n'],
  ['bench/run.ts --nope', UNKNOWN],
  [
    'bench/cluster/run.ts --nope',
    'bench:cluster: unknown flag --nope\nSee npm run bench:cluster -- --help.\n',
  ],
  ['release/release.ts --nope', UNKNOWN],
  ['sim/main.ts --nope', `sim: ${UNKNOWN}`],
] as const) {
  test(command, () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, command.split(' '), {
      cwd: ROOT,
      encoding: 'utf8',
    });
    assert.equal({ status, stdout, stderr }, { status: 1, stdout: '', stderr: said });
  });
}

test.run();
