/** The one file that ships does what the sources do, with nothing beside it. */
import { execFileSync, type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { load } from 'js-yaml';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { bundle } from '../../release/bundle.ts';
import { packPlugin } from '../../release/release.ts';
import { LOOPBACK, Running } from './running.ts';

const ROOT = join(import.meta.dirname, '../..');
const SOURCES = join(ROOT, 'lib/cli/metaipam.ts');
const REQUEST = readFileSync(join(ROOT, 'test/fixtures/pools/oldest-first.json'), 'utf8');
const NOW = '--now=2026-01-31T12:00:00Z';
const ENV = { PATH: process.env.PATH };

const test = suite('bundle', { folder: '' });
test.before(async (context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'metaipam-bundle-'));
  await bundle(context.folder);
});
test.after(({ folder }) => rmSync(folder, { recursive: true, force: true }));

function run(script: string, argv: readonly string[], input = ''): SpawnSyncReturns<string> {
  return spawnSync(process.execPath, [script, ...argv], { cwd: ROOT, env: ENV, input, encoding: 'utf8' });
}

const { request } = JSON.parse(REQUEST);
const COMMANDS: [code: number, argv: string[], input?: string][] = [
  [0, ['--help']],
  [0, ['version']],
  [0, ['simulate', '-f', 'examples']],
  [0, ['simulate', '-f', 'examples', '-o', 'json']],
  [0, ['validate', '-f', 'examples']],
  [
    1,
    ['validate', '-f', '-'],
    'apiVersion: metaipam.io/v1alpha1\nkind: PodNetwork\nmetadata: {name: a}\nspec: {x: 1}',
  ],
  [0, ['hook', 'pools/sync', NOW], JSON.stringify(request)],
  [1, ['hook', 'pools/sync'], '{'],
  [1, ['serve', '--hooks-bind-address=nowhere']],
  [1, ['nonsense']],
];
for (const [, name = ''] of run(SOURCES, ['--help']).stdout.matchAll(/^ {2}(\w+) /gm)) {
  if (name !== 'help') COMMANDS.push([0, [name, '--help']]);
}
for (const [code, argv, input] of COMMANDS) {
  test(`${argv.join(' ')}: as the sources`, ({ folder }) => {
    const { status, stdout, stderr } = run(join(folder, 'metaipam.mjs'), argv, input);
    const expected = run(SOURCES, argv, input);
    assert.is(stderr, expected.stderr);
    assert.is(stdout, expected.stdout);
    assert.is(status, expected.status);
    assert.is(status, code, stderr);
    assert.ok((stdout + stderr).length > 10);
  });
}

test('FORCE_COLOR wins over NO_COLOR, and Node.js does not say so', ({ folder }) => {
  const env = { ...ENV, FORCE_COLOR: '1', NO_COLOR: '1' };
  const argv = [join(folder, 'metaipam.mjs'), 'simulate', '-f', join(ROOT, 'examples/01-pool.yaml')];
  const { stdout, stderr } = spawnSync(process.execPath, argv, { env, encoding: 'utf8' });
  assert.is(stderr, '');
  assert.match(stdout, '\u001b[1mPools');
});

for (const format of ['json', 'text']) {
  test(`serve answers hooks and probes, logs ${format} and ends on SIGTERM`, async ({ folder }) => {
    const argv = ['serve', ...LOOPBACK, '--no-bind', `--log-format=${format}`, '--log-level=debug'];
    const serve = new Running(process.execPath, [join(folder, 'metaipam.mjs'), ...argv], ENV);
    try {
      await serve.logs('ready');
      assert.is(await serve.get('/readyz'), 200);
      assert.is(await serve.get('/metrics'), 200);
      const answer = await serve.post('pools/sync', JSON.stringify(request));
      const expected = run(SOURCES, ['hook', 'pools/sync'], JSON.stringify(request));
      assert.equal(
        ((await answer.json()) as { children: object[] }).children,
        JSON.parse(expected.stdout).children,
      );
      assert.is((await serve.post('pools/sync', '{')).status, 400);
      assert.is(await serve.stop(), 0, serve.output);
      assert.match(serve.output, 'stopped');
      assert.is(serve.output.startsWith('{'), format === 'json');
    } finally {
      serve.kill();
    }
  });
}

test('an older Node.js is told so', ({ folder }) => {
  const old = "Object.defineProperty(process, 'versions', { value: { node: '22.1.0' } })";
  const argv = ['--import', `data:text/javascript,${old}`, join(folder, 'metaipam.mjs'), 'version'];
  const { status, stdout, stderr } = spawnSync(process.execPath, argv, { env: ENV, encoding: 'utf8' });
  assert.is(status, 1);
  assert.is(stdout, '');
  assert.match(stderr, 'metaipam needs Node.js 24 or later');
});

test('the program is one file, and every package in it has its licence beside it', ({ folder }) => {
  assert.equal(readdirSync(folder).sort(), ['THIRD_PARTY_LICENSES.txt', 'metaipam.mjs']);
  const licenses = readFileSync(join(folder, 'THIRD_PARTY_LICENSES.txt'), 'utf8');
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  for (const [name, version] of Object.entries(dependencies)) {
    assert.match(`\n${licenses}`, `\n${name} ${version} (`);
  }
  assert.match(licenses, 'Permission is hereby granted');
  // These say it in the heads of their sources only.
  const [, protobuf] = /(?:^|\n)@bufbuild\/protobuf ([\s\S]*?)\n-{80}\n/.exec(licenses) ?? [];
  for (const text of ['Buf Technologies', 'Redistribution and use', 'TERMS AND CONDITIONS']) {
    assert.match(protobuf ?? '', text);
  }
});

test('the same sources make the same bytes', async ({ folder }) => {
  const again = join(folder, 'again');
  await bundle(again);
  for (const file of readdirSync(again)) {
    assert.ok(readFileSync(join(again, file)).equals(readFileSync(join(folder, file))), file);
  }
  rmSync(again, { recursive: true });
});

test('as a plugin of kubectl: an archive with its sum, whose program krew links to', ({ folder }) => {
  assert.equal(packPlugin(folder, '1.2.3'), []);
  const { spec } = load(readFileSync(join(folder, 'ipam.yaml'), 'utf8')) as {
    spec: { version: string; platforms: { sha256: string; bin: string; uri: string }[] };
  };
  assert.is(spec.version, 'v1.2.3');
  const archive = join(folder, 'kubectl-ipam-1.2.3.tar.gz');
  const sum = createHash('sha256').update(readFileSync(archive)).digest('hex');
  const home = mkdtempSync(join(folder, 'krew-'));
  execFileSync('tar', ['-xzf', archive, '-C', home]);
  assert.equal(readdirSync(home).sort(), ['LICENSE', 'THIRD_PARTY_LICENSES.txt', 'metaipam.mjs']);
  for (const { sha256, bin, uri } of spec.platforms) {
    assert.is(sha256, sum);
    assert.ok(uri.endsWith('/v1.2.3/kubectl-ipam-1.2.3.tar.gz'), uri);
    const link = join(home, 'kubectl-ipam');
    rmSync(link, { force: true });
    symlinkSync(join(home, bin), link);
    const said = (...argv: string[]) => {
      const env = { PATH: `${dirname(process.execPath)}:${process.env.PATH}` };
      const { stdout, stderr } = spawnSync(link, argv, { env, encoding: 'utf8' });
      return [stdout, stderr];
    };
    assert.equal(said('version'), [run(SOURCES, ['version']).stdout, '']);
    assert.match(said('help')[0]!, /^Usage: kubectl ipam <command>/);
    assert.match(said('show', '--help')[0]!, /^Usage: kubectl ipam show /);
    assert.match(said('show', '--hlp')[1]!, /^kubectl ipam show: .*\nSee kubectl ipam show --help\.$/m);
    assert.match(said('shwo')[1]!, /^kubectl ipam: unknown command shwo/);
    assert.match(said('release', '--help')[0]!, /^Frees what kubectl ipam check calls /m);
    assert.match(said('validate', '-f', 'http://127.0.0.1/')[1]!, / \| kubectl ipam … -f -$/m);
  }
});

test.run();
