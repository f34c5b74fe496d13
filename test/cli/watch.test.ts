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
import { FakeApiServer } from './fake-api-server.ts';

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
    assert.match(err, /^warning: not all is seen: \w+: .*\n$/);
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

test.run();
