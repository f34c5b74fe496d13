import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { main } from '../../lib/cli/metaipam.ts';
import { run } from './run.ts';

const ROOT = join(import.meta.dirname, '../..');
const MAIN = join(ROOT, 'lib/cli/metaipam.ts');
const COMMANDS = ['serve', 'simulate', 'validate', 'hook'];

test('help lists every command', async () => {
  for (const argv of [['help'], ['--help'], ['-h']]) {
    const { code, out, err } = await run(main, argv);
    assert.is(code, 0);
    assert.is(err, '');
    for (const name of [...COMMANDS, 'help', 'version'])
      assert.match(out, new RegExp(`^  ${name} +\\S`, 'm'));
  }
});

test('no command: the same text on stderr, exit 1', async () => {
  const { code, out, err } = await run(main, []);
  assert.is(code, 1);
  assert.is(out, '');
  assert.match(err, 'Usage: metaipam <command>');
});

test('every command explains itself', async () => {
  for (const name of COMMANDS) {
    const { code, out, err } = await run(main, [name, '--help']);
    assert.is(code, 0);
    assert.is(err, '');
    assert.match(out, `Usage: metaipam ${name} `);
    assert.match(out, 'Exit codes: 0 ');
    assert.equal(await run(main, ['help', name]), { code, out, err });
    for (const line of out.split('\n')) assert.ok(line.length <= 115, `too wide: ${line}`);
  }
});

test('version', async () => {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  for (const argv of [['version'], ['--version']]) {
    assert.equal(await run(main, argv), { code: 0, out: `metaipam ${version}\n`, err: '' });
  }
});

test('an unknown command suggests the nearest, exit 1', async () => {
  const { code, err } = await run(main, ['simulat']);
  assert.is(code, 1);
  assert.match(err, 'unknown command simulat (did you mean simulate?)');
  assert.match((await run(main, ['constructor'])).err, 'unknown command constructor\nKnown: serve, simulate');
});

test('as a process: exit codes and streams', () => {
  const help = spawnSync(process.execPath, [MAIN, 'serve', '--help'], { encoding: 'utf8' });
  assert.is(help.status, 0);
  assert.is(help.stderr, '');
  const wrong = spawnSync(process.execPath, [MAIN, 'nonsense'], { encoding: 'utf8' });
  assert.is(wrong.status, 1);
  assert.is(wrong.stdout, '');
  assert.ok(readdirSync(join(ROOT, 'examples')).length > 0);
  assert.match(
    execFileSync(MAIN, ['version'], { encoding: 'utf8', env: { PATH: join(process.execPath, '..') } }),
    'metaipam ',
  );
});

test.run();
