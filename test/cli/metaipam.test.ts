import { execFileSync, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { COMMANDS as LOADED, main } from '../../lib/cli/metaipam.ts';
import { run } from './run.ts';

const ROOT = join(import.meta.dirname, '../..');
const MAIN = join(ROOT, 'lib/cli/metaipam.ts');
const COMMANDS = [
  'serve',
  'simulate',
  'validate',
  'hook',
  'import',
  'adopt',
  'doctor',
  'show',
  'check',
  'release',
  'plan',
  'completion',
  'version',
];

test('help lists every command', async () => {
  for (const argv of [['help'], ['--help'], ['-h']]) {
    const { code, out, err } = await run(main, argv);
    assert.is(code, 0);
    assert.is(err, '');
    for (const name of [...COMMANDS, 'help']) assert.match(out, new RegExp(`^  ${name} +\\S`, 'm'));
  }
});

test('help of a command, in either order', async () => {
  const { out } = await run(main, ['show', '--help']);
  for (const argv of [
    ['help', 'show'],
    ['--help', 'show'],
    ['-h', 'show', '-o', 'json'],
  ])
    assert.is((await run(main, argv)).out, out, argv.join(' '));
  for (const argv of [
    ['help', 'help'],
    ['--help', '--help'],
    ['-h', '-o'],
  ])
    assert.match((await run(main, argv)).out, 'Usage: metaipam <command>');
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

test('it is called what its user types: npx finds it in node_modules', () => {
  const folder = mkdtempSync(join(tmpdir(), 'metaipam-npx-'));
  const bin = join(folder, 'node_modules/.bin');
  mkdirSync(bin, { recursive: true });
  symlinkSync(MAIN, join(bin, 'metaipam'));
  const { stderr } = spawnSync(process.execPath, [join(bin, 'metaipam'), 'shwo'], { encoding: 'utf8' });
  rmSync(folder, { recursive: true });
  assert.match(stderr, /^npx metaipam: unknown command shwo/);
});

test('version', async () => {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  for (const argv of [['version'], ['--version']]) {
    assert.equal(await run(main, argv), { code: 0, out: `metaipam ${version}\n`, err: '' });
  }
  const { out } = await run(main, ['version', '-ojson']);
  assert.equal(JSON.parse(out), { version });
  for (const wrong of ['--foo', 'show']) assert.is((await run(main, ['version', wrong])).code, 1);
});

test('flags before the command: it is said where they go', async () => {
  const { code, err } = await run(main, ['-n', 'default', 'show']);
  assert.is(code, 1);
  assert.is(err, 'metaipam: -n: flags follow the command, as in metaipam show -n default\n');
});

test('an unknown command suggests the nearest, exit 1', async () => {
  const { code, err } = await run(main, ['simulat']);
  assert.is(code, 1);
  assert.match(err, 'unknown command simulat (did you mean simulate?)');
  assert.match((await run(main, ['\u001b[31m'])).err, 'unknown command \ufffd[31m\n');
  assert.match((await run(main, ['constructor'])).err, 'unknown command constructor\nKnown: serve, simulate');
});

const POOL = `apiVersion: ipam.cluster.x-k8s.io/v1alpha2
kind: InClusterIPPool
metadata: {name: p}
spec: {addresses: [10.0.0.0/24], prefix: 24}
`;
const processes: [argv: string[], input: string, code: number, out: string, err: string][] = [
  [['serve', '--help'], '', 0, 'Usage: metaipam serve', ''],
  [['nonsense'], '', 1, '', 'unknown command nonsense'],
  [['validate', '-f', '-'], POOL, 0, '1 object valid', ''],
  [['validate', '-f', 'missing.yaml'], '', 1, '', 'missing.yaml: no such file or folder'],
  [['simulate', '-f', '-'], POOL, 0, 'InClusterIPPool default/p', ''],
  [
    ['simulate', '-f', '-'],
    POOL.replace('prefix: 24', 'prefix: x'),
    1,
    '',
    '<stdin>:4: InClusterIPPool default/p: ',
  ],
  [['simulate', '-f', 'examples'], '', 0, 'Nodes', ''],
  [['hook', 'pools/sync'], '{', 1, '', 'invalid JSON at position 1'],
];
for (const [argv, input, code, out, err] of processes) {
  test(`as a process: exit ${code} from ${argv.join(' ')}`, () => {
    const result = spawnSync(process.execPath, [MAIN, ...argv], { cwd: ROOT, input, encoding: 'utf8' });
    assert.is(result.status, code);
    assert.ok(out === '' ? result.stdout === '' : result.stdout.includes(out), result.stdout);
    assert.ok(err === '' ? result.stderr === '' : result.stderr.includes(err), result.stderr);
  });
}

test('the file runs by itself, with node on the path', () => {
  const env = { PATH: dirname(process.execPath) };
  assert.match(execFileSync(MAIN, ['version'], { encoding: 'utf8', env }), 'metaipam ');
});

test('an older Node.js says what to do', () => {
  const launcher = join(ROOT, 'bin/metaipam.js');
  const old = `data:text/javascript,Object.defineProperty(process,'versions',{value:{node:'20.1.0'}})`;
  const clone = mkdtempSync(join(tmpdir(), 'metaipam-clone-'));
  mkdirSync(join(clone, 'bin'));
  writeFileSync(join(clone, 'package.json'), '{"type": "module"}');
  for (const name of ['metaipam.js', 'node-version.js'])
    copyFileSync(join(ROOT, 'bin', name), join(clone, 'bin', name));
  const says = (file: string) => {
    const argv = ['--import', old, file, 'version'];
    const { status, stdout, stderr } = spawnSync(process.execPath, argv, { encoding: 'utf8' });
    assert.equal([status, stdout], [1, '']);
    return stderr;
  };
  const bare = says(join(clone, 'bin/metaipam.js'));
  rmSync(clone, { recursive: true });
  assert.match(bare, /^metaipam needs Node\.js 24 or later, .*\n.*"npm rebuild node"/);
  assert.match(
    says(launcher),
    /^metaipam needs Node\.js 24 or later, .*\n.*"npx metaipam" .* in its folder\.\n$/,
  );
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: object };
  const env = { PATH: dirname(process.execPath), NODE_OPTIONS: `--import=${old}` };
  const own = Object.entries<string>({ ...scripts }).filter(([, script]) => /^node .*\.ts/.test(script));
  assert.ok(own.length > 10);
  for (const [name, script] of own) {
    const { status, stderr } = spawnSync('/bin/sh', ['-c', script], { cwd: ROOT, encoding: 'utf8', env });
    assert.is(status, 1, name);
    assert.match(stderr, /^metaipam needs Node\.js 24 or later, and .*\n.* in its folder\.\n$/, name);
  }
  assert.match(
    execFileSync(launcher, ['version'], { encoding: 'utf8', env: { PATH: dirname(process.execPath) } }),
    'metaipam ',
  );
});

test('a reader that stops early is no error', () => {
  const command = `"${process.execPath}" "${MAIN}" simulate -f examples -o json | head -c 1`;
  const { stdout, stderr } = spawnSync('sh', ['-c', command], { cwd: ROOT, encoding: 'utf8' });
  assert.is(stdout, '{');
  assert.is(stderr, '');
});

test('FORCE_COLOR wins over NO_COLOR, and Node.js does not say so', () => {
  const env = { ...process.env, FORCE_COLOR: '1', NO_COLOR: '1' };
  const argv = [join(ROOT, 'bin/metaipam.js'), 'simulate', '-f', join(ROOT, 'examples/01-pool.yaml')];
  const { stdout, stderr } = spawnSync(process.execPath, argv, { env, encoding: 'utf8' });
  assert.is(stderr, '');
  assert.match(stdout, '\u001b[1mPools');
});

test('--help of every command fits the terminal, but for what is to be copied and names of flags', async () => {
  for (const [name, load] of Object.entries(LOADED)) {
    const command = (await load()).default;
    for (const columns of [60, 80, 100]) {
      const { out } = await run(command.run, ['--help'], { isTTY: true, columns });
      const wide = out
        .split('\n')
        .filter((line) => line.length > columns && !/^ {2}(metaipam|kubectl|--)/.test(line));
      assert.equal(wide, [], name);
    }
  }
});

test.run();
