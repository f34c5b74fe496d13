import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { httpGet, readHttpResponse } from '../../lib/cni/http.ts';
import { findConnection, readKubeconfig } from '../../lib/cni/kubeconfig.ts';

const TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount/token';
const CA = '/var/run/secrets/kubernetes.io/serviceaccount/ca.crt';

const KUBECONFIG = `
apiVersion: v1
kind: Config
current-context: here
contexts:
- {name: there, context: {cluster: none, user: none}}
- {name: here, context: {cluster: c, user: u}}
clusters:
- name: c
  cluster:
    server: https://api.example.com:6443/prefix/
    certificate-authority-data: LS0tLS1CRUdJTg==
    tls-server-name: internal
users:
- name: u
  user:
    client-certificate: pki/cert.pem
    client-key: /abs/key.pem
    tokenFile: token
    token: ignored
`;

const FILES: Record<string, string> = {
  '/etc/k/pki/cert.pem': 'cert',
  '/abs/key.pem': 'key',
  '/etc/k/token': 'fresh\n',
};
const readFile = (path: string) => FILES[path];

test('The current context, data before paths, paths beside the file, tokenFile before token', () => {
  assert.equal(readKubeconfig(KUBECONFIG, '/etc/k/config', { readFile }), {
    server: 'https://api.example.com:6443/prefix/',
    ca: '-----BEGIN',
    serverName: 'internal',
    token: 'fresh',
    certificate: 'cert',
    key: 'key',
  });
});

for (const [text, message] of [
  ['a: [', '/f: '],
  ['- 1', 'no kubeconfig'],
  ['current-context: x', 'no context "x"'],
  [KUBECONFIG.replace('server:', 'sever:'), 'no server'],
  [KUBECONFIG.replace('name: u', 'name: x'), 'no user "u"'],
  [KUBECONFIG.replace('token: ignored', 'exec: {command: aws}'), 'exec are not supported'],
  [KUBECONFIG.replace('/abs/key.pem', 'gone'), 'cannot read /gone'],
] as const) {
  test(`A kubeconfig that is refused: ${message}`, () => {
    const files = { ...FILES, '/pki/cert.pem': 'cert', '/token': 't' } as Record<string, string>;
    const read = (path: string) => files[path];
    assert.throws(
      () => readKubeconfig(text, '/f', { readFile: read }),
      (error: Error) => error.message.includes(message),
    );
  });
}

test("A pod's own credentials come first, and an IPv6 service address is put in brackets", () => {
  const files: Record<string, string> = { [TOKEN]: 'pod\n', [CA]: 'ca', '/k': KUBECONFIG };
  const env = { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '443' };
  const found = findConnection({ env, readFile: (path) => files[path] }, '/k');
  assert.equal(found, { server: 'https://[fd00::1]:443', token: 'pod', ca: 'ca' });
});

test('The first kubeconfig that exists; without any, all are named', () => {
  const simple =
    'current-context: c\ncontexts: [{name: c, context: {cluster: c}}]\nclusters: [{name: c, cluster: {server: "https://a"}}]';
  const files: Record<string, string> = { '/b': simple, '/home/.kube/config': simple };
  const read = (path: string) => files[path];
  assert.is(findConnection({ env: { KUBECONFIG: '/a:/b' }, readFile: read }, '').server, 'https://a');
  assert.is(findConnection({ env: { HOME: '/home' }, readFile: read }, undefined).server, 'https://a');
  assert.throws(() => findConnection({ env: { KUBECONFIG: '/x:/y' }, readFile: read }, ''), /\/x, \/y/);
});

test('A request: host, port, prefix and token, each where it belongs', () => {
  const { host, port, text } = httpGet(
    { server: 'https://[fd00::1]:6443/p/', token: 't' },
    '/api/v1/nodes/a',
  );
  assert.equal({ host, port }, { host: 'fd00::1', port: '6443' });
  assert.ok(text.startsWith('GET /p/api/v1/nodes/a HTTP/1.0\r\nHost: [fd00::1]:6443\r\n'));
  assert.ok(text.endsWith('Authorization: Bearer t\r\n\r\n'));
  assert.is(httpGet({ server: 'https://api' }, '/').port, '443');
});

test('What is no https URL or no token is refused, and no header can be slipped in', () => {
  for (const server of [
    'http://api',
    'https://',
    'https://a b',
    'https://user@api',
    'api:6443',
    'https://a\r\nX: y',
  ]) {
    assert.throws(() => httpGet({ server }, '/'), /no URL/, server);
  }
  assert.throws(() => httpGet({ server: 'https://api', token: 'a\r\nX: y' }, '/'), /token/);
});

test('An answer is taken apart at its first empty line', () => {
  assert.equal(readHttpResponse('HTTP/1.1 200 OK\r\nA: b\r\n\r\n{}\r\n\r\n'), {
    status: 200,
    body: '{}\r\n\r\n',
  });
  assert.throws(() => readHttpResponse('SSH-2.0'), /no HTTP/);
  assert.throws(() => readHttpResponse('HTTP/1.1 200 OK\r\nA: b'), /no HTTP/);
});

test.run();
