import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createLocalPage } from '../../lib/cli/local-page.ts';
import show from '../../lib/cli/show.ts';
import simulate from '../../lib/cli/simulate.ts';
import { DEFAULT_CONFIG } from '../../lib/metacontroller/hook.ts';
import { fixedSource } from '../../lib/page/source.ts';
import { pool } from '../inspect/objects.ts';
import { run } from './run.ts';

const SOURCE = fixedSource([pool('machines', { addresses: ['10.0.0.0/24'], prefix: 24 })], DEFAULT_CONFIG);

test('a page from elsewhere that calls this machine by another name reads nothing', async () => {
  const app = createLocalPage(SOURCE, 'files', '127.0.0.1');
  const get = (host: string) => app.inject({ url: '/', headers: { host } });
  for (const host of ['127.0.0.1:8081', 'localhost:1', 'localhost', '[::1]:8081'])
    assert.is((await get(host)).statusCode, 200, host);
  for (const host of ['evil.example', 'evil.example:8081', '127.0.0.1.evil.example']) {
    const { statusCode, payload } = await get(host);
    assert.is(statusCode, 403, host);
    assert.not.match(payload, 'machines');
  }
});

test('who listens on another address knows its names', async () => {
  const app = createLocalPage(SOURCE, 'files', undefined);
  assert.is((await app.inject({ url: '/', headers: { host: 'desk.example:8081' } })).statusCode, 200);
});

test('files do not change: nothing tells of changes', async () => {
  const app = createLocalPage(SOURCE, 'files', '127.0.0.1');
  assert.is((await app.inject({ url: '/events', headers: { host: 'localhost' } })).statusCode, 404);
  assert.not.match((await app.inject({ url: '/', headers: { host: 'localhost' } })).payload, 'id="live"');
});

test('a place that is none; questions beside the page', async () => {
  const empty = '{apiVersion: v1, kind: List, items: []}';
  const nowhere = await run(show.run, ['--serve', '--listen=nowhere', '-f', '-'], { stdin: empty });
  assert.equal([nowhere.code, nowhere.out], [1, '']);
  assert.match(nowhere.err, '--listen: "nowhere" must be an address');
  const { err } = await run(show.run, ['--serve', 'a', '-f', '-'], { stdin: empty });
  assert.match(err, '--serve shows everything');
  const manifest = '{apiVersion: v1, kind: Node, metadata: {name: m}}';
  const simulated = await run(simulate.run, ['--page', '--listen=nowhere', '-f', '-'], { stdin: manifest });
  assert.equal([simulated.code, simulated.out], [1, '']);
});

test('a page of one namespace says so', async () => {
  const { parseOptions } = await import('../../lib/options/options.ts');
  const { openSource, SOURCE_OPTIONS } = await import('../../lib/cli/object-source.ts');
  const io = { stdin: process.stdin, stdout: process.stdout, stderr: process.stderr, env: {} };
  const nameOf = async (line: string) =>
    (await openSource(parseOptions(SOURCE_OPTIONS, line.split(' '), {}).values, io)).name;
  assert.is(await nameOf('-f a.yaml b.yaml'), 'a.yaml, b.yaml');
  assert.is(await nameOf('-f a.yaml -n team-a'), 'a.yaml, namespace team-a');
  assert.is(await nameOf('-f a.yaml -n team-a -A'), 'a.yaml');
});

test.run();
