import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { allocation } from '../pod-network/objects.ts';
import { FakeApiServer } from './fake-api-server.ts';

const MAIN = join(import.meta.dirname, '../../lib/cli/metaipam.ts');
const LOOPBACK = ['--hooks-bind-address=127.0.0.1:0', '--webserver-bind-address=127.0.0.1:0'];
const NETWORK = {
  apiVersion: 'metaipam.io/v1alpha1',
  kind: 'PodNetwork',
  metadata: { name: 'default', uid: 'u' },
  spec: { target: 'node.spec.podCIDRs' },
};
const NIMBLE = [
  '--leader-elect-lease-duration=1s',
  '--leader-elect-renew-deadline=500ms',
  '--leader-elect-retry-period=100ms',
];

/** `metaipam serve`, as nothing but its output and its ports. */
class Serve {
  readonly #child: ChildProcess;
  readonly code: Promise<number | null>;
  out = '';
  err = '';

  constructor(argv: string[]) {
    const { IPAM_KUBECONFIG: _, ...env } = process.env;
    this.#child = spawn(process.execPath, [MAIN, 'serve', ...LOOPBACK, ...argv], { env });
    this.#child.stdout!.on('data', (data) => (this.out += data));
    this.#child.stderr!.on('data', (data) => (this.err += data));
    this.code = new Promise((resolve) => this.#child.on('close', resolve));
  }

  async logs(text: string): Promise<void> {
    await until(() => {
      if (this.#child.exitCode !== null) throw new Error(`ended without ${text}: ${this.out}${this.err}`);
      return this.out.includes(text);
    });
  }

  /** Fails unless it is ready and answers a hook. */
  async serves(readiness = 200): Promise<void> {
    const ready = await fetch(`${this.#url('webserver-bind-address')}/readyz`);
    assert.is(ready.status, readiness, await ready.text());
    const answer = await fetch(`${this.#url('hooks-bind-address')}/hooks/pod-networks/customize`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ parent: NETWORK }),
    });
    assert.is(answer.status, 200, await answer.text());
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    assert.is(await this.code, 0);
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  #url(option: string): string {
    return new RegExp(`listening on (\\S+) \\(--${option}\\)`).exec(this.out)![1]!;
  }
}

async function until(check: () => boolean): Promise<void> {
  for (let tries = 0; !check(); tries++) {
    if (tries > 3_000) throw new Error(`in vain: ${check}`);
    await delay(10);
  }
}

const test = suite('serve and its binder', {
  folder: '',
  api: new FakeApiServer(),
  running: [] as Serve[],
});
test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'binder-'));
  context.api = new FakeApiServer();
  context.running = [];
});
test.after.each(async ({ folder, api, running }) => {
  for (const serve of running) serve.kill();
  await api.stop();
  rmSync(folder, { recursive: true });
});

function start(context: { running: Serve[] }, argv: string[]): Serve {
  const serve = new Serve(argv);
  context.running.push(serve);
  return serve;
}

function kubeconfig(folder: string, server: string): string {
  const path = join(folder, 'kubeconfig');
  const config = {
    clusters: [{ name: 'c', cluster: { server } }],
    users: [{ name: 'u', user: {} }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  };
  writeFileSync(path, JSON.stringify(config));
  return path;
}

/** A node and the allocation of its block. */
function addNode(api: FakeApiServer, name: string, cidr: string): void {
  api.nodes.push({ metadata: { name, uid: `uid-${name}` } });
  api.allocations.push(allocation(name, cidr));
}

const unusable: [what: string, text: string | undefined, reason: string][] = [
  ['does not exist', undefined, 'no such file'],
  ['is no YAML', 'a: b: c', 'cannot read the kubeconfig'],
  ['is empty', '', 'kubeconfig'],
  ['names no server', '{"clusters": []}', 'names no server for its context'],
];
for (const [what, text, reason] of unusable) {
  test(`a kubeconfig that ${what}: one line says so, and nothing is served`, async (context) => {
    const path = join(context.folder, 'kubeconfig');
    if (text !== undefined) writeFileSync(path, text);
    const serve = start(context, [`--kubeconfig=${path}`]);
    assert.is(await serve.code, 1);
    assert.is(serve.out, '');
    assert.match(serve.err, /^metaipam serve: [^\n]+\n$/);
    assert.match(serve.err, reason);
    assert.match(serve.err, path);
  });
}

test('no cluster in reach: one line says so, hooks are served, ready', async (context) => {
  const serve = start(context, []);
  await serve.logs('binding no nodes: this process runs in no pod and has no kubeconfig');
  await serve.serves();
  await serve.stop();
});

test('an --apiserver that is no URL is named', async (context) => {
  const serve = start(context, ['--apiserver=nonsense']);
  assert.is(await serve.code, 1);
  assert.is(serve.err, 'metaipam serve: "nonsense" is no URL of an API server\n');
});

test('--no-bind asks the API server for nothing, and warns of nothing', async (context) => {
  await context.api.start();
  addNode(context.api, 'n', '10.0.0.0/24');
  const serve = start(context, [
    '--no-bind',
    '--enable-leader-election=false',
    `--apiserver=${context.api.url}`,
  ]);
  await serve.logs('"msg":"ready"');
  await serve.serves();
  await delay(1_000);
  assert.is(context.api.requests, 0);
  assert.not.match(serve.out, 'binding');
  await serve.stop();
});

test('--apiserver wins over the kubeconfig’s server', async (context) => {
  await context.api.start();
  addNode(context.api, 'n', '10.0.0.0/24');
  const path = kubeconfig(context.folder, 'http://127.0.0.1:1');
  const serve = start(context, [...NIMBLE, `--kubeconfig=${path}`, `--apiserver=${context.api.url}`]);
  await until(() => context.api.patches.has('n'));
  await serve.stop();
});

for (const election of [true, false]) {
  test(`an API server that is gone for a while: ${election ? '' : 'no '}election`, async (context) => {
    const { api } = context;
    await api.start();
    await api.stop();
    addNode(api, 'a', '10.0.0.0/24');
    const path = kubeconfig(context.folder, api.url);
    const serve = start(context, [...NIMBLE, `--kubeconfig=${path}`, `--enable-leader-election=${election}`]);
    await serve.logs(election ? 'leader election' : 'watch failed');
    // Who leads is ready once its caches are filled; hooks are served all the same.
    await serve.serves(election ? 200 : 503);

    await api.start();
    await until(() => api.patches.has('a'));
    assert.equal(api.patches.get('a')?.spec.podCIDRs, ['10.0.0.0/24']);
    await serve.serves();

    await api.stop();
    if (election) await serve.logs('lost the lease');
    await serve.serves();
    addNode(api, 'b', '10.0.1.0/24');
    await api.start();
    await until(() => api.patches.has('b'));
    assert.equal(api.patches.get('b')?.spec.podCIDRs, ['10.0.1.0/24']);
    await serve.stop();
  });
}

test.run();
