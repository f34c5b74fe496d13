/** Programs of this repository whose output nobody reads any more. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { text as readAll } from 'node:stream/consumers';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const ROOT = join(import.meta.dirname, '../..');

/** Which of its streams a program finds closed, and which one would have its stack trace or more. */
const CLOSED = { stdout: 'stderr', stderr: 'stdout' } as const;

const programs: [closed: keyof typeof CLOSED, argv: string[]][] = [
  ['stdout', ['bin/metaipam.js', 'help']],
  ['stdout', ['bin/metaipam.js', 'simulate', '-f', 'examples', '-o', 'json']],
  ['stdout', ['bin/metaipam.js', 'validate', '-f', 'examples']],
  ['stdout', ['bin/metaipam.js', 'completion', 'bash']],
  ['stderr', ['bin/metaipam.js', 'validate', '-f', 'no-such-file']],
  ['stderr', ['bin/metaipam.js', 'no-such-command']],
  ['stdout', ['sim/main.ts', '--worlds', '2', '--from', '1', '--steps', '5', '--jobs', '2']],
  ['stdout', ['bench/run.ts', '--list']],
  ['stdout', ['bench/cluster/run.ts', '--help']],
  ['stdout', ['test/run.ts', 'structure/program-name']],
];
for (const [closed, argv] of programs) {
  test(`${argv.join(' ')} ends without a word when its ${closed} is closed`, async () => {
    const child = spawn(process.execPath, argv, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
    child[closed].destroy();
    const [said] = await Promise.all([readAll(child[CLOSED[closed]]), once(child, 'exit')]);
    assert.is(said, '');
    assert.is(child.exitCode, 141);
  });
}

test('output that cannot be written is said in one line', () => {
  const full = openSync('/dev/full', 'w');
  const argv = ['bin/metaipam.js', 'simulate', '-f', 'examples', '-o', 'json'];
  const { status, stderr } = spawnSync(process.execPath, argv, {
    cwd: ROOT,
    stdio: ['ignore', full, 'pipe'],
    encoding: 'utf8',
  });
  closeSync(full);
  assert.equal([status, stderr], [1, 'cannot write: ENOSPC: no space left on device, write\n']);
});

test.run();
