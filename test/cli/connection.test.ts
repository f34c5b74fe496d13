/** What is said where there is no way to a cluster. */
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
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
  ['refuses', [401, '{"kind":"Status","message":"Unauthorized"}'], 'http', 'Unauthorized'],
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

test('who may not ask for the version asks an API server', async () => {
  const server = createServer((request, response) =>
    response.writeHead(request.url === '/version' ? 403 : 404).end('{"kind":"Status","message":"no"}'),
  );
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const file = write({ ...SOUND, clusters: [{ name: 'c', cluster: { server: url } }] });
  const { code, err } = await run(main, ['show', '--kubeconfig', file]);
  server.close();
  assert.is(code, 0);
  assert.match(err, 'metaipam is not installed in this cluster');
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

test('-v 6 logs every request', async () => {
  const file = write(SOUND);
  for (const argv of [['-v', '6'], ['-v6'], ['--v=8']]) {
    const { err } = await run(main, ['doctor', '--kubeconfig', file, ...argv]);
    assert.match(err, /^GET https:\/\/127\.0\.0\.1:1\/version .*ECONNREFUSED.* in \d+ ms\n/);
  }
  assert.not.match((await run(main, ['doctor', '--kubeconfig', file, '-v', '5'])).err, 'GET');
});

test.run();
