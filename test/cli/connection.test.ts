/** What is said where there is no way to a cluster. */
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { connectAsUser } from '../../lib/cli/connection.ts';
import { main } from '../../lib/cli/metaipam.ts';
import { run } from './run.ts';

const dir = mkdtempSync(join(tmpdir(), 'metaipam-connection-'));
test.after(() => rmSync(dir, { recursive: true }));

const SOUND = {
  clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:1' } }],
  users: [{ name: 'u', user: {} }],
  contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
  'current-context': 'x',
};
let files = 0;
function write(content: unknown): string {
  const path = join(dir, `config-${++files}`);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

const FAULTS: [what: string, content: unknown, context: string, message: string][] = [
  ['is empty', '', '', 'cannot read the kubeconfig FILE: '],
  ['is a text', 'hello', '', 'cannot read the kubeconfig FILE: it has no clusters and no contexts'],
  ['is a list', '- a', '', 'cannot read the kubeconfig FILE: it has no clusters and no contexts'],
  ['is no YAML', 'a: [', '', 'cannot read the kubeconfig FILE: '],
  [
    'has no context',
    { ...SOUND, contexts: [] },
    '',
    'the kubeconfig FILE has no context x, which is its current one',
  ],
  [
    'has no current context',
    { ...SOUND, 'current-context': '' },
    '',
    'the kubeconfig FILE has no current context: --context takes x',
  ],
  [
    'lacks the current context',
    { ...SOUND, 'current-context': 'y' },
    '',
    'the kubeconfig FILE has no context y, which is its current one: --context takes x',
  ],
  ['lacks the context of --context', SOUND, 'y', '--context: there is no y, but x'],
  [
    'lacks the cluster',
    { ...SOUND, clusters: [] },
    '',
    'context x of the kubeconfig FILE is for cluster c, which is not in it',
  ],
  [
    'lacks the user',
    { ...SOUND, users: [] },
    '',
    'context x of the kubeconfig FILE is for user u, who is not in it',
  ],
  [
    'names no server',
    { ...SOUND, clusters: [{ name: 'c', cluster: { server: 'here' } }] },
    '',
    'cluster c of the kubeconfig FILE has "here" for the URL of its server',
  ],
];
for (const [what, content, context, message] of FAULTS) {
  test(`a kubeconfig that ${what}: one line`, async () => {
    const file = write(content);
    for (const command of ['show', 'check', 'doctor', 'adopt']) {
      const { code, out, err } = await run(main, [command, '--kubeconfig', file, `--context=${context}`]);
      assert.equal([code, out], [1, '']);
      assert.ok(err.startsWith(`metaipam ${command}: ${message.replace('FILE', file)}`), err);
      assert.is(err.split('\n').length, 2);
    }
  });
}

test('no kubeconfig at all: what to do', async () => {
  const { code, err } = await run(main, ['show'], { env: { HOME: dir } });
  assert.is(code, 1);
  assert.is(
    err,
    `metaipam show: there is no kubeconfig to reach a cluster with: give --kubeconfig FILE, set $KUBECONFIG, or make ${join(dir, '.kube', 'config')}\n`,
  );
  const missing = join(dir, 'missing');
  const named = await run(main, ['show'], { env: { HOME: dir, KUBECONFIG: missing } });
  assert.is(named.err, `metaipam show: $KUBECONFIG names ${missing}, which does not exist\n`);
});

test('files are found and merged as kubectl does it: the first of a name counts', async () => {
  const none = { kubeconfig: '', context: '' };
  const other = {
    clusters: [
      { name: 'c', cluster: { server: 'https://127.0.0.1:2' } },
      { name: 'd', cluster: { server: 'https://127.0.0.1:3' } },
    ],
    users: [{ name: 'u', user: {} }],
    contexts: [{ name: 'y', context: { cluster: 'd', user: 'u' } }],
    'current-context': 'y',
  };
  const KUBECONFIG = [write(SOUND), join(dir, 'missing'), write(other)].join(':');
  const server = async (context: string, env: Record<string, string>) =>
    (await connectAsUser({ ...none, context }, env)).getCurrentCluster()?.server;
  assert.is(await server('', { KUBECONFIG }), 'https://127.0.0.1:1');
  assert.is(await server('y', { KUBECONFIG }), 'https://127.0.0.1:3');
  mkdirSync(join(dir, '.kube'));
  writeFileSync(join(dir, '.kube', 'config'), JSON.stringify(other));
  assert.is(await server('', { HOME: dir }), 'https://127.0.0.1:3');
});

test('credentials that cannot be used are no crash', async () => {
  const user = { name: 'u', user: { 'client-certificate': '/nonexistent', 'client-key': '/nonexistent' } };
  const file = write({ ...SOUND, users: [user] });
  const { code, err } = await run(main, ['show', '--kubeconfig', file]);
  assert.is(code, 1);
  assert.match(
    err,
    /^metaipam show: cannot list \w+: the credentials of the kubeconfig cannot be used: ENOENT/,
  );
  assert.is(err.split('\n').length, 2);
});

test('a kubeconfig that is a folder', async () => {
  const { err } = await run(main, ['show', '--kubeconfig', dir]);
  assert.is(err, `metaipam show: cannot read the kubeconfig ${dir}: it is a folder\n`);
});

const hello = Buffer.from('hello').toString('base64');
const NO_API_SERVER = 'is it an API server? If not, --kubeconfig or --context names one';
const SERVERS: [what: string, answer: [status: number, body: string], scheme: string, message: string][] = [
  [
    'refuses',
    [401, '{"kind":"Status","message":"Unauthorized"}'],
    'http',
    'Unauthorized: the credentials of the kubeconfig are not known there, or have expired',
  ],
  ['is a web site', [200, '<html>'], 'http', `URL answered 200 and no JSON: ${NO_API_SERVER}`],
  ['is a proxy without a server', [503, 'down'], 'http', `URL answered 503 and no JSON: ${NO_API_SERVER}`],
  ['is a proxy that has JSON', [502, '{"message":"down"}'], 'http', 'URL answered 502: down'],
  ['speaks no TLS', [200, ''], 'https', 'URL does not speak TLS: should it be http://HOST?'],
];
for (const [what, [status, body], scheme, message] of SERVERS) {
  test(`a server that ${what} is named`, async () => {
    const server = createServer((_, response) => response.writeHead(status).end(body));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const url = `${scheme}://${host}`;
    const file = write({ ...SOUND, clusters: [{ name: 'c', cluster: { server: url } }] });
    const { code, err } = await run(main, ['doctor', '--kubeconfig', file]);
    server.close();
    const text = message.replace('URL', url).replace('HOST', host);
    assert.equal([code, err], [1, `metaipam doctor: cannot ask the API server: ${text}\n`]);
  });
}

for (const body of ['<html>', '{"message":"Not Found"}', '{"kind":"Status","message":"no"}']) {
  test(`a server that has nothing (${body}) is no cluster without metaipam`, async () => {
    const server = createServer((_, response) => response.writeHead(404).end(body));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/clusters/a`;
    const file = write({ ...SOUND, clusters: [{ name: 'c', cluster: { server: `${url}/` } }] });
    const pool = join(import.meta.dirname, '../../examples/01-pool.yaml');
    const commands = [
      'show',
      'show -n a',
      'show 10.0.0.1',
      'show --watch',
      'check',
      'doctor',
      `plan -f ${pool}`,
    ];
    for (const command of commands) {
      const { code, out, err } = await run(main, [...command.split(' '), '--kubeconfig', file]);
      assert.equal([code, out], [1, ''], command);
      assert.match(err, /^metaipam \w+: cannot (ask the API server|look at the cluster): /);
      assert.ok(err.endsWith(` ${url} answered 404: ${NO_API_SERVER}\n`), err);
    }
    server.close();
  });
}

/** The kubeconfig for a server, which listens from now on. */
async function kubeconfigOf(server: Server): Promise<string> {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return write({ ...SOUND, clusters: [{ name: 'c', cluster: { server: url } }] });
}

test('who may not ask for the version asks an API server', async () => {
  const server = createServer((request, response) =>
    response.writeHead(request.url === '/version' ? 403 : 404).end('{"kind":"Status","message":"no"}'),
  );
  const file = await kubeconfigOf(server);
  const { code, err } = await run(main, ['show', '--kubeconfig', file]);
  server.close();
  assert.is(code, 0);
  assert.match(err, 'metaipam is not installed in this cluster');
});

test('doctor says once what it may not read, however much that leaves open', async () => {
  const server = createServer((request, response) =>
    request.url === '/version'
      ? response.end('{"gitVersion":"v1.36.0"}')
      : response.writeHead(403).end('{"kind":"Status","message":"no"}'),
  );
  const file = await kubeconfigOf(server);
  const { code, out } = await run(main, ['doctor', '--kubeconfig', file]);
  server.close();
  assert.is(code, 0);
  const said = out.split('\n').filter((line) => line.startsWith('unknown'));
  assert.equal(said, [...new Set(said)]);
  assert.match(out, `${said.length} unknown, 1 in order`);
});

test('certificates that are no PEM are not taken for a network that is down', async () => {
  const user = { name: 'u', user: { 'client-certificate-data': hello, 'client-key-data': hello } };
  const file = write({ ...SOUND, users: [user] });
  const { err } = await run(main, ['doctor', '--kubeconfig', file]);
  assert.match(
    err,
    'the credentials of the kubeconfig cannot be used: its certificates or keys are no PEM: ',
  );
  assert.is(err.split('\n').length, 2);
});

/** A server that shows its lists to a token alone, and says who asked. */
async function withServer(
  token: string,
  use: (url: string, asked: string[]) => Promise<void>,
): Promise<void> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url!);
    const isKnown = request.headers.authorization === `Bearer ${token}`;
    const list = { kind: 'List', apiVersion: 'v1', items: [] };
    const refusal = { kind: 'Status', message: 'Unauthorized' };
    response.writeHead(isKnown ? 200 : 401).end(JSON.stringify(isKnown ? list : refusal));
  });
  // As a proxy it leads to itself.
  server.on('connect', ({ url = '' }, socket) => {
    asked.push(url);
    socket.write('HTTP/1.1 200 OK\r\n\r\n');
    server.emit('connection', socket);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  try {
    await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked);
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

const withUser = (server: string, user: object) =>
  write({ ...SOUND, clusters: [{ name: 'c', cluster: { server } }], users: [{ name: 'u', user }] });
const API = 'client.authentication.k8s.io/v1';
const exec = (script: string, more = {}) => ({
  exec: { apiVersion: API, command: 'sh', args: ['-c', script], interactiveMode: 'Never', ...more },
});
const credential = (status: object) => JSON.stringify({ apiVersion: API, kind: 'ExecCredential', status });

test('a plugin is run once for all requests, beside its kubeconfig, and hears who asks', async () => {
  await withServer('t-1', async (url) => {
    const heard = join(dir, 'heard');
    const plugin = join(dir, 'plugin.sh');
    writeFileSync(
      plugin,
      `#!/bin/sh\necho "$KUBERNETES_EXEC_INFO" >> ${heard}\nsleep 0.2\necho '${credential({ token: 't-1' })}'\n`,
      { mode: 0o755 },
    );
    const file = withUser(url, exec('', { command: './plugin.sh', provideClusterInfo: true }));
    const { code, err } = await run(main, ['show', '--kubeconfig', file]);
    assert.equal([code, err], [0, '']);
    const spec = { interactive: false, cluster: { server: url, 'insecure-skip-tls-verify': true } };
    assert.equal(
      readFileSync(heard, 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
      [{ apiVersion: API, kind: 'ExecCredential', spec }],
    );
  });
});

test('a plugin is asked again when what it said has expired', async () => {
  const asked = join(dir, 'asked');
  const said = credential({ token: 't', expirationTimestamp: '2001-01-01T00:00:00Z' });
  const file = withUser('http://127.0.0.1:1', exec(`echo >> ${asked}; echo '${said}'`));
  const config = await connectAsUser({ kubeconfig: file, context: '' }, {});
  await config.applyToHTTPSOptions({});
  assert.is(readFileSync(asked, 'utf8'), '\n\n');
});

const UNUSABLE: [what: string, user: object, message: string][] = [
  [
    'is not installed',
    exec('', { command: 'metaipam-no-such', installHint: 'get it somewhere\n' }),
    'there is no program metaipam-no-such; get it somewhere',
  ],
  ['fails', exec('exit 3'), 'sh has ended with 3'],
  ['says nothing', exec(''), 'what sh writes is no ExecCredential'],
  ['says no JSON', exec('echo hello'), 'what sh writes is no ExecCredential'],
  ['has to ask', exec('', { interactiveMode: 'Always' }), 'sh wants to ask, and stdin is no terminal'],
];
for (const [what, user, message] of UNUSABLE) {
  test(`a plugin that ${what}`, async () => {
    const { code, err } = await run(main, ['show', '--kubeconfig', withUser('http://127.0.0.1:1', user)]);
    const all = `metaipam show: the credentials of the kubeconfig cannot be used: ${message}\n`;
    assert.equal([code, err], [1, all]);
  });
}

test('a token file counts, from the folder of the kubeconfig, and before a token', async () => {
  writeFileSync(join(dir, 'token'), 't-2\n');
  await withServer('t-2', async (url) => {
    for (const user of [{ tokenFile: 'token' }, { tokenFile: join(dir, 'token'), token: 'old' }]) {
      const { code, err } = await run(main, ['show', '--kubeconfig', withUser(url, user)]);
      assert.equal([code, err], [0, '']);
    }
  });
});

const UNSUPPORTED: [user: object, message: string][] = [
  ...['as-groups', 'as-uid', 'as-user-extra'].map((key): [object, string] => [
    { token: 't', as: 'bob', [key]: ['x'] },
    `user u of the kubeconfig has ${key}, which is not supported: name another user`,
  ]),
  [
    { 'auth-provider': { name: 'gcp' } },
    'user u of the kubeconfig FILE has auth-provider gcp, which Kubernetes has no more: a plugin (exec) takes its place',
  ],
];
for (const [user, message] of UNSUPPORTED) {
  test(`nobody is taken for another: ${message}`, async () => {
    const file = withUser('http://127.0.0.1:1', user);
    const { code, err } = await run(main, ['show', '--kubeconfig', file]);
    assert.equal([code, err], [1, `metaipam show: ${message.replace('FILE', file)}\n`]);
  });
}

test('the certificates of a cluster count without a user, too', async () => {
  const cluster = { server: 'https://127.0.0.1:1', 'certificate-authority-data': hello };
  const file = write({
    ...SOUND,
    clusters: [{ name: 'c', cluster }],
    contexts: [{ name: 'x', context: { cluster: 'c' } }],
  });
  const options: { ca?: unknown } = {};
  await (await connectAsUser({ kubeconfig: file, context: '' }, {})).applyToHTTPSOptions(options);
  assert.is(String(options.ca), 'hello');
});

test('the proxy of the environment is used, and named when it does not answer', async () => {
  await withServer('t-3', async (proxy, asked) => {
    const file = withUser('http://metaipam.invalid:6443', { token: 't-3' });
    const argv = ['show', '--kubeconfig', file];
    const { code, err } = await run(main, argv, { env: { HTTP_PROXY: proxy } });
    assert.equal([code, err], [0, '']);
    assert.ok(asked.includes('metaipam.invalid:6443'), asked.join());
  });
  const file = withUser('https://metaipam.invalid:6443', {});
  const { err } = await run(main, ['doctor', '--kubeconfig', file], {
    env: { HTTPS_PROXY: 'http://me:secret@127.0.0.1:1' },
  });
  assert.match(err, 'https://metaipam.invalid:6443 by the proxy 127.0.0.1:1: connect ECONNREFUSED');
});

test('-v 6 logs every request', async () => {
  const file = write(SOUND);
  for (const argv of [['-v', '6'], ['-v6'], ['--v=8']]) {
    const { err } = await run(main, ['doctor', '--kubeconfig', file, ...argv]);
    assert.match(err, /^GET https:\/\/127\.0\.0\.1:1\/version .*ECONNREFUSED.* in \d+ ms\n/);
  }
  assert.not.match((await run(main, ['doctor', '--kubeconfig', file, '-v', '5'])).err, 'GET');
});

test.run();
