/** What the scripts of a clone say of arguments that are wrong: a line, and no stack. */
import { spawnSync } from 'node:child_process';
import { dirname } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const ROOT = dirname(import.meta.dirname);
const UNKNOWN = "Unknown option '--nope'\n";

for (const [command, said] of [
  ['test/run.ts scripts nosuch none', 'no test file has a name with nosuch or none\n'],
  ['test/run.ts --nope', UNKNOWN],
  ['test/e2e/run.ts --nope', UNKNOWN],
  ['test/image/run.ts --nope', UNKNOWN],
  ['bench/cni.ts --nope', UNKNOWN],
  ['bench/cni.ts many', 'many is no number of rounds\n'],
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

for (const [script, name] of [
  ['test/run.ts', 'unit'],
  ['test/e2e/run.ts', 'test:e2e'],
  ['test/image/run.ts', 'test:image'],
  ['test/mutation/run.ts', 'mutation'],
  ['bench/run.ts', 'bench'],
  ['bench/cni.ts', 'bench:cni'],
  ['bench/cluster/run.ts', 'bench:cluster'],
  ['release/release.ts', 'release'],
  ['release/bundle.ts', 'build'],
  ['cni/build.ts', 'build:cni'],
  ['charts/build.ts', 'build:chart'],
  ['sim/main.ts', 'sim'],
] as const) {
  test(`${script} has help`, () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [script, '--help'], {
      cwd: ROOT,
      encoding: 'utf8',
    });
    assert.equal({ status, stderr }, { status: 0, stderr: '' });
    assert.match(stdout, new RegExp(`^Usage: npm run ${name}\\s`));
  });
}

test.run();
