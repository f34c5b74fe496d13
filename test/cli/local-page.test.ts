import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import check from '../../lib/cli/check.ts';
import { createLocalPage } from '../../lib/cli/local-page.ts';
import show from '../../lib/cli/show.ts';
import simulate from '../../lib/cli/simulate.ts';
import { DEFAULT_CONFIG } from '../../lib/metacontroller/hook.ts';
import { fixedSource } from '../../lib/page/source.ts';
import { pool } from '../inspect/objects.ts';
import { run } from './run.ts';
import { standIn } from './stand-in.ts';

const MAIN = join(import.meta.dirname, '../../lib/cli/metaipam.ts');

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

/** What an API server answers to somebody who may read some resources, of one namespace or of all. */
async function withRights(
  mayRead: (path: string, isWatch: boolean) => boolean,
  ask: (kubeconfig: string) => Promise<void>,
) {
  const { kubeconfig, close } = await standIn(({ url = '' }, response) => {
    const { pathname, searchParams } = new URL(url, 'http://x');
    const resource = pathname.split('/').at(-1);
    const isGroup = pathname === '/apis/ipam.cluster.x-k8s.io';
    const isAllowed = isGroup || pathname === '/version' || mayRead(pathname, searchParams.has('watch'));
    response.writeHead(isAllowed ? 200 : 403, { 'content-type': 'application/json' });
    if (!isAllowed) response.end(JSON.stringify({ kind: 'Status', message: `${resource} is forbidden: no` }));
    else if (searchParams.has('watch')) response.flushHeaders();
    else
      response.end(
        JSON.stringify({
          ...(isGroup ? { kind: 'APIGroup', versions: [] } : { kind: 'List', items: [] }),
          apiVersion: 'v1',
          metadata: { resourceVersion: '1' },
        }),
      );
  });
  await ask(kubeconfig).finally(close);
}

const MORE = '; with -n NAMESPACE the rights of that namespace are enough\n';

test('who may read nothing gets no page, and hears of -n where a namespace may help', async () => {
  await withRights(
    () => false,
    async (kubeconfig) => {
      const shown = (...argv: string[]) => run(show.run, ['--kubeconfig', kubeconfig, ...argv]);
      const all = await shown('--serve');
      assert.equal([all.code, all.out], [1, '']);
      assert.match(
        all.err,
        'metaipam show: cannot watch inclusterippools: inclusterippools is forbidden: no; nor globalinclusterippools, ',
      );
      assert.ok(all.err.endsWith(`, clustercidrs, nodes${MORE}`), all.err);
      const one = await shown('--serve', '-n', 'team');
      assert.equal([one.code, one.out], [1, '']);
      assert.match(one.err, /forbidden: no; nor [^;]*, allocationslices\n$/);
      assert.match((await shown('--watch')).err, MORE);
      const listed = await shown();
      assert.match(listed.err, 'cannot list inclusterippools: inclusterippools is forbidden: no; nor global');
      assert.ok(listed.err.endsWith(`, podcidrclaims, clustercidrs, nodes${MORE}`), listed.err);
      assert.match((await shown('-n', 'team')).err, /is forbidden: no; nor [^;]*, allocationslices\n$/);
      assert.match((await shown('-n', 'team', '-A')).err, MORE);
      assert.not.match((await run(check.run, ['--kubeconfig', kubeconfig])).err, '-n');
    },
  );
  await withRights(
    (path) => path.includes('/namespaces/team/'),
    async (kubeconfig) => {
      const shown = await run(show.run, ['--kubeconfig', kubeconfig, '-n', 'team']);
      assert.equal([shown.code, shown.err], [0, '']);
    },
  );
});

const PARTLY: [who: string, mayRead: (path: string, isWatch: boolean) => boolean, said: string][] = [
  ['read some of it', (path) => path.endsWith('/ipaddressclaims'), 'is forbidden: no; nor '],
  [
    'list and not watch',
    (_, isWatch) => !isWatch,
    ', nodes: to watch is answered with 403 Forbidden; listed every 10 s instead',
  ],
];
for (const [who, mayRead, said] of PARTLY) {
  test(`who may ${who} gets a page that says what is missing`, async () => {
    await withRights(mayRead, async (kubeconfig) => {
      const child = spawn(process.execPath, [MAIN, 'show', '--serve', '--kubeconfig', kubeconfig]);
      try {
        const [line] = await once(child.stdout, 'data');
        const [url] = /^http:\S+/.exec(String(line)) ?? [];
        const isSaid = async () => (await (await fetch(url!)).text()).includes(said);
        while (!(await isSaid())) await delay(100);
      } finally {
        child.kill('SIGKILL');
      }
    });
  });
}

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
