import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const MAIN = join(import.meta.dirname, '../../lib/cli/metaipam.ts');
const SLOW = join(import.meta.dirname, 'serve-process.ts');
const LOOPBACK = ['--hooks-bind-address=127.0.0.1:0', '--webserver-bind-address=127.0.0.1:0'];
const REQUEST = JSON.stringify({
  parent: {
    apiVersion: 'ipam.cluster.x-k8s.io/v1alpha2',
    kind: 'InClusterIPPool',
    metadata: { name: 'p', namespace: 'ns', uid: 'u', creationTimestamp: '2026-01-01T00:00:00Z' },
    spec: { addresses: ['10.0.0.0/24'], prefix: 24 },
  },
  children: {},
  related: {},
  finalizing: false,
});

/** A running process and its log. */
class Serve {
  readonly child: ChildProcess;
  readonly code: Promise<number | null>;
  out = '';
  err = '';

  constructor(script: string, argv: string[], env: Record<string, string> = {}) {
    this.child = spawn(process.execPath, [script, ...argv], {
      env: { ...process.env, METAIPAM_NO_BIND: 'true', ...env },
    });
    this.child.stdout!.on('data', (data) => {
      this.out += data;
    });
    this.child.stderr!.on('data', (data) => {
      this.err += data;
    });
    this.code = new Promise((resolve) => this.child.on('close', resolve));
  }

  /** Waits until the log holds `text`; fails if the process ends before that. */
  async logs(text: string): Promise<void> {
    let ended = false;
    this.code.then(() => {
      ended = true;
    });
    while (!this.out.includes(text)) {
      if (ended) throw new Error(`ended without ${text}: ${this.out}${this.err}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  url(option: string): string {
    return new RegExp(`listening on (\\S+) \\(--${option}\\)`).exec(this.out)![1]!;
  }

  post(hook = 'sync'): Promise<Response> {
    return fetch(`${this.url('hooks-bind-address')}/hooks/pools/${hook}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: REQUEST,
    });
  }
}

const test = suite('serve', { folder: '', running: [] as Serve[], blocker: undefined as Server | undefined });
test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'serve-'));
  context.running = [];
});
test.after.each(async ({ folder, running, blocker }) => {
  for (const { child } of running) child.kill('SIGKILL');
  blocker?.close();
  rmSync(folder, { recursive: true });
});

function start(
  context: { running: Serve[] },
  script: string,
  argv: string[],
  env?: Record<string, string>,
): Serve {
  const serve = new Serve(script, argv, env);
  context.running.push(serve);
  return serve;
}

test('serves the real hooks, prints its ports, ends with 0 on SIGTERM', async (context) => {
  const serve = start(context, MAIN, ['serve', ...LOOPBACK]);
  await serve.logs('"msg":"ready"');
  const answer = await serve.post('customize');
  assert.is(answer.status, 200);
  const { relatedResources } = (await answer.json()) as { relatedResources: { resource: string }[] };
  assert.ok(relatedResources.some(({ resource }) => resource === 'ipaddressclaims'));
  const metrics = await (await fetch(`${serve.url('webserver-bind-address')}/metrics`)).text();
  assert.match(
    metrics,
    'metaipam_hook_duration_seconds_count{controller="pools",hook="customize",outcome="success"} 1',
  );
  serve.child.kill('SIGTERM');
  assert.is(await serve.code, 0);
  assert.match(serve.out, '"msg":"stopped"');
  assert.is(serve.err, '');
});

test('--page: on the port of the probes, under the name of the pod, and empty without a cluster', async (context) => {
  const serve = start(context, MAIN, ['serve', ...LOOPBACK, '--page'], { POD_NAME: 'metaipam-7' });
  await serve.logs('"msg":"ready"');
  const page = await (await fetch(serve.url('webserver-bind-address'))).text();
  assert.match(page, /metaipam-7[\s\S]*The cluster is being read/);
  assert.is((await fetch(serve.url('hooks-bind-address'))).status, 404);
  serve.child.kill('SIGTERM');
  assert.is(await serve.code, 0);
});

test('the environment configures it; the deprecated probe address wins and warns', async (context) => {
  const serve = start(context, MAIN, ['serve'], {
    METAIPAM_HOOKS_BIND_ADDR: '[::1]:0',
    IPAM_WEBSERVER_BIND_ADDR: 'nonsense',
    IPAM_HEALTH_PROBE_ADDR: '127.0.0.1:0',
    METAIPAM_LOG_FORMAT: 'text',
  });
  await serve.logs('ready');
  assert.match(serve.url('hooks-bind-address'), /^http:\/\/\[::1\]:\d+$/);
  assert.is((await fetch(`${serve.url('health-probe-address')}/readyz`)).status, 200);
  assert.match(serve.out, /^\S+ INFO {2}ready controllers=/m);
  assert.match(serve.err, 'IPAM_HEALTH_PROBE_ADDR is deprecated: use --webserver-bind-address');
  serve.child.kill('SIGINT');
  assert.is(await serve.code, 0);
});

test('on SIGTERM it turns unready, takes no new call, and the running hook finishes', async (context) => {
  const gate = join(context.folder, 'gate');
  const serve = start(context, SLOW, [gate, ...LOOPBACK]);
  await serve.logs('"msg":"ready"');
  const running = serve.post();
  running.catch(() => 'reported where it is awaited');
  await serve.logs('hook entered');
  serve.child.kill('SIGTERM');
  await serve.logs('"msg":"shutting down"');
  const readiness = await fetch(`${serve.url('webserver-bind-address')}/readyz`);
  assert.is(readiness.status, 503);
  assert.is(await readiness.text(), 'not ready: shutting down\n');
  assert.is((await fetch(`${serve.url('webserver-bind-address')}/healthz`)).status, 200);
  const refused = await serve.post().catch(() => undefined);
  assert.ok(refused === undefined || refused.status === 503);
  writeFileSync(gate, '');
  const answer = await running;
  assert.is(answer.status, 200);
  assert.equal(await answer.json(), { children: [] });
  assert.is(await serve.code, 0);
});

test('the grace period bounds the wait: the hook is cut off, exit 1', async (context) => {
  const serve = start(context, SLOW, [
    join(context.folder, 'gate'),
    ...LOOPBACK,
    '--shutdown-grace-period=100ms',
  ]);
  await serve.logs('"msg":"ready"');
  const running = serve.post().catch(() => 'cut off');
  await serve.logs('hook entered');
  serve.child.kill('SIGTERM');
  assert.is(await serve.code, 1);
  assert.is(await running, 'cut off');
  assert.match(serve.out, 'the grace period is over');
});

test('a second signal ends the process at once, exit 1', async (context) => {
  const serve = start(context, SLOW, [join(context.folder, 'gate'), ...LOOPBACK]);
  await serve.logs('"msg":"ready"');
  const running = serve.post().catch(() => 'cut off');
  await serve.logs('hook entered');
  serve.child.kill('SIGTERM');
  await serve.logs('"msg":"shutting down"');
  serve.child.kill('SIGINT');
  assert.is(await serve.code, 1);
  assert.is(await running, 'cut off');
  assert.not.match(serve.out, 'the grace period is over');
});

test('a port in use names address and option, exit 1', async (context) => {
  const blocker = createServer().listen(0, '127.0.0.1');
  context.blocker = blocker;
  await new Promise((resolve) => blocker.once('listening', resolve));
  const { port } = blocker.address() as { port: number };
  const serve = start(context, MAIN, ['serve', LOOPBACK[0]!, `--webserver-bind-address=127.0.0.1:${port}`]);
  assert.is(await serve.code, 1);
  const expected = `metaipam serve: cannot listen on 127.0.0.1:${port} (--webserver-bind-address): the port is already in use\n`;
  assert.is(serve.err, expected);
});

const mistakes: [argv: string[], env: Record<string, string>, message: string][] = [
  [['--hooks-bind-adress=:1'], {}, 'unknown flag --hooks-bind-adress (did you mean --hooks-bind-address?)'],
  [['--hooks-bind-address=8080'], {}, '--hooks-bind-address: "8080" must be an address such as :8081'],
  [['--body-limit=lots'], {}, '--body-limit: "lots" must be a size such as'],
  [['--body-limit=2GiB'], {}, '--body-limit: "2GiB" must be between 1 and 536870888 bytes'],
  [['--install-namespace=Not_A_Name'], {}, 'must be the name of a namespace'],
  [[], { METAIPAM_CACHE_LAG: '' }, 'METAIPAM_CACHE_LAG: "" must be a duration'],
  [['--hooks-tls-cert-file=tls.crt'], {}, '--hooks-tls-cert-file needs --hooks-tls-key-file'],
  [[], { METAIPAM_HOOKS_TLS_KEY_FILE: 'tls.key' }, 'METAIPAM_HOOKS_TLS_KEY_FILE needs --hooks-tls-cert-file'],
  [
    ['--hooks-tls-cert-file=none.crt', '--hooks-tls-key-file=none.key'],
    {},
    '--hooks-tls-cert-file: cannot read none.crt: there is no such file; is the Secret mounted there?',
  ],
  [['--cluster-api-version=v1'], {}, '--cluster-api-version: "v1" must be one of v1beta2, v1beta1'],
];
for (const [argv, env, message] of mistakes) {
  test(`exit 1: ${argv.join(' ')} ${Object.keys(env)}`, async (context) => {
    const serve = start(context, MAIN, ['serve', ...argv], env);
    assert.is(await serve.code, 1);
    assert.match(serve.err, message);
    assert.is(serve.out, '');
  });
}

test('a positional argument is ignored with a warning, as flags take =value', async (context) => {
  const serve = start(context, MAIN, ['serve', ...LOOPBACK, '--watch-clusters', 'false']);
  await serve.logs('"msg":"ready"');
  assert.match(serve.err, 'ignored argument false');
  serve.child.kill('SIGTERM');
  assert.is(await serve.code, 0);
});

test.run();
