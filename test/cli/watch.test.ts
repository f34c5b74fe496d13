/** What goes on showing a cluster, while its API server goes and comes back. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import show from '../../lib/cli/show.ts';
import { pool } from '../inspect/objects.ts';
import { FakeApiServer } from './fake-api-server.ts';
import { standIn } from './stand-in.ts';

const MAIN = join(import.meta.dirname, '../../lib/cli/metaipam.ts');
/** Longer than it takes to try again. */
const A_WHILE_MS = 3000;

function kubeconfigOf(server: FakeApiServer): { readonly folder: string; readonly kubeconfig: string } {
  const folder = mkdtempSync(join(tmpdir(), 'metaipam-watch-'));
  const kubeconfig = join(folder, 'config');
  const config = {
    clusters: [{ name: 'c', cluster: { server: server.url } }],
    contexts: [{ name: 'c', context: { cluster: 'c' } }],
    'current-context': 'c',
  };
  writeFileSync(kubeconfig, JSON.stringify(config));
  return { folder, kubeconfig };
}

test('show --watch stays while the API server is away, says so, and that it is back', async () => {
  const server = new FakeApiServer();
  server.nodes.push({ metadata: { name: 'a', uid: 'a' } });
  await server.start();
  const { folder, kubeconfig } = kubeconfigOf(server);
  const child = spawn(process.execPath, [MAIN, 'show', '-w', '--kubeconfig', kubeconfig]);
  let [out, err] = ['', ''];
  child.stdout.on('data', (text) => (out += text));
  child.stderr.on('data', (text) => (err += text));
  const until = async (isSo: () => boolean) => {
    for (const end = performance.now() + 15_000; !isSo(); await delay(50)) {
      assert.ok(performance.now() < end && child.exitCode === null, `exit ${child.exitCode}\n${out}${err}`);
    }
  };
  try {
    await until(() => out !== '');
    await server.stop();
    await until(() => err !== '');
    assert.match(err, /^warning: not all is seen: [\w, ]+: .*\n$/);
    await delay(A_WHILE_MS);
    assert.not.match(err, 'again');
    await server.start();
    await until(() => err.endsWith('all is seen again\n'));
    child.kill('SIGINT');
    const [, signal] = await once(child, 'exit');
    assert.is(signal, 'SIGINT');
    assert.is(err.split('\n').length, 3);
  } finally {
    child.kill('SIGKILL');
    await server.stop();
    rmSync(folder, { recursive: true });
  }
});

test('a terminal is cleared before each view, unless it is dumb', async () => {
  const server = new FakeApiServer();
  server.nodes.push({ metadata: { name: 'a', uid: 'a' } });
  await server.start();
  const { folder, kubeconfig } = kubeconfigOf(server);
  const firstView = async (env: Record<string, string>) => {
    let seen = '';
    const write = (text: string) => {
      seen = text;
      throw new Error('enough');
    };
    const io = { stdin: process.stdin, stdout: { isTTY: true, write }, stderr: { write: () => {} }, env };
    await show
      .run(['-w', '--kubeconfig', kubeconfig], io)
      .catch(({ message }) => assert.is(message, 'enough'));
    return seen;
  };
  try {
    assert.ok((await firstView({ NO_COLOR: '1' })).startsWith('\u001b[H\u001b[2J'));
    assert.not.match(await firstView({ TERM: 'dumb' }), '\u001b');
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true });
  }
});

test('who may list and not watch is told so, and sees what changes by listing again', async () => {
  let lists = 0;
  const { kubeconfig, close } = await standIn(({ url = '' }, response) => {
    const { pathname, searchParams } = new URL(url, 'http://x');
    const isWatch = searchParams.has('watch');
    response.writeHead(isWatch ? 403 : 200, { 'content-type': 'application/json' });
    const isPools = pathname.endsWith('/inclusterippools');
    if (isPools && !isWatch) lists++;
    const spec = { addresses: [`10.0.0.0/${30 - lists}`], prefix: 16 };
    const items = isPools
      ? [{ ...pool('machines', spec), metadata: { name: 'machines', namespace: 'default' } }]
      : [];
    const isGroup = pathname === '/apis/ipam.cluster.x-k8s.io';
    const kind = isGroup ? { kind: 'APIGroup', versions: [] } : { kind: 'List', items };
    response.end(JSON.stringify({ ...kind, apiVersion: 'v1', metadata: { resourceVersion: '1' } }));
  });
  const child = spawn(process.execPath, [MAIN, 'show', '-w', '--kubeconfig', kubeconfig]);
  let [out, err] = ['', ''];
  child.stdout.on('data', (text) => (out += text));
  child.stderr.on('data', (text) => (err += text));
  try {
    for (const end = performance.now() + 25_000; out.split('POOL').length < 3; await delay(50))
      assert.ok(performance.now() < end && child.exitCode === null, `exit ${child.exitCode}\n${out}${err}`);
    assert.match(out, /default\/machines +7 .*default\/machines +15 /s);
    assert.match(
      err,
      /^warning: not all is seen: inclusterippools, [^:]*, nodes: to watch is answered with 403 Forbidden; listed every 10 s instead\n$/,
    );
  } finally {
    child.kill('SIGKILL');
    close();
  }
});

test.run();
