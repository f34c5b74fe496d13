/** fetch-node as a process, with servers that it must not trust, or that do not behave. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer as createTcpServer, type Server } from 'node:net';
import { join } from 'node:path';
import { createServer, type TLSSocket } from 'node:tls';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { FetchAnswer } from '../../lib/cni/fetch-node.ts';
import { apiServer, certificate, OPENSSL, programs, run, scratch, withTools } from './kit.ts';

const NODE = { name: 'a', podCIDRs: ['10.1.0.0/24'] };
const OLD_TLS = {
  minVersion: 'TLSv1',
  maxVersion: 'TLSv1.1',
  ciphers: 'DEFAULT:@SECLEVEL=0',
} as const;

await withTools('fetch-node over TLS', [OPENSSL], register);
test.run();

async function register(): Promise<void> {
  const { folder, isNative } = await programs();
  const kinds = isNative ? [folder, join(folder, 'node')] : [folder];

  async function ask(
    kind: string,
    cluster: object,
    deadline = 10_000,
    user: object = { token: 'first' },
  ): Promise<FetchAnswer> {
    const file = join(scratch(), 'kubeconfig');
    const config = {
      'current-context': 'c',
      contexts: [{ name: 'c', context: { cluster: 'k', user: 'u' } }],
      clusters: [{ name: 'k', cluster }],
      users: [{ name: 'u', user }],
    };
    writeFileSync(file, JSON.stringify(config));
    const stdin = JSON.stringify({ deadline, name: 'a', kubeconfig: file });
    const { out } = await run(join(kind, 'fetch-node'), { stdin });
    return JSON.parse(out);
  }

  for (const [what, names, more, wanted] of [
    ['the address of the server', 'IP:127.0.0.1', {}, 'trusted'],
    ['another address, and the right one as its subject', 'IP:127.0.0.2', {}, 'refused'],
    ['the name that tls-server-name says', 'DNS:internal', { 'tls-server-name': 'internal' }, 'trusted'],
    ['another name than that', 'DNS:external', { 'tls-server-name': 'internal' }, 'refused'],
    ['a wildcard', 'DNS:*.example.com', { 'tls-server-name': 'api.example.com' }, 'trusted'],
    ['a wildcard of another level', 'DNS:*.com', { 'tls-server-name': 'api.example.com' }, 'refused'],
    ['another address, if it is not to be verified', 'IP:127.0.0.2', { insecure: true }, 'trusted'],
  ] as const) {
    test(`A certificate with ${what} is ${wanted}`, async () => {
      const named: string[] = [];
      const api = await apiServer(scratch(), [NODE], {
        names,
        SNICallback(name, answer) {
          named.push(name);
          answer(null);
        },
      });
      try {
        for (const kind of kinds) {
          const { insecure, ...cluster } = { insecure: undefined, ...more };
          const trust = insecure
            ? { 'insecure-skip-tls-verify': true }
            : { 'certificate-authority': api.caFile };
          const answer = await ask(kind, { server: api.url, ...trust, ...cluster });
          if (wanted === 'trusted') assert.equal(answer, { node: { ...NODE, annotations: {} } });
          else refused(answer, /mismatch|altnames/);
        }
        const names = 'tls-server-name' in more ? kinds.map(() => more['tls-server-name']) : [];
        assert.equal(named, names, 'the name that is asked for by SNI');
      } finally {
        api.close();
      }
    });
  }

  test('A server that knows TLS 1.1 at best is refused', async () => {
    const api = await apiServer(scratch(), [NODE], OLD_TLS);
    try {
      for (const kind of kinds) {
        const answer = await ask(kind, { server: api.url, 'certificate-authority': api.caFile });
        refused(answer, /version|protocol/i);
      }
    } finally {
      api.close();
    }
  });

  const HEAD = 'HTTP/1.0 200 OK\r\n\r\n';
  for (const [what, talk, wanted] of [
    ['drips', drip, 'does not answer in time'],
    ['says nothing', () => {}, 'does not answer in time'],
    ['does not end', flood, 'the answer is too large'],
    ['breaks off within its answer', (to) => to.end(`${HEAD}{"kind": "No`), 'no JSON object'],
    ['speaks another protocol', (to) => to.end('SSH-2.0\r\n\r\n'), /no HTTP|Parse Error/],
  ] as [string, (to: TLSSocket) => void, string | RegExp][]) {
    test(`A server that ${what} is given up`, async () => {
      const { key, cert } = certificate(scratch(), 'IP:127.0.0.1');
      const options = { key: readFileSync(key), cert: readFileSync(cert) };
      await withServer(createServer(options, talk), async (server) => {
        for (const kind of kinds) {
          const deadline = typeof wanted === 'string' && wanted.includes('time') ? 500 : 10_000;
          const answer = await ask(kind, { server, 'certificate-authority': cert }, deadline);
          refused(answer, wanted);
        }
      });
    });
  }

  test('A server that accepts and does not speak TLS is given up', async () => {
    const { cert } = certificate(scratch(), 'IP:127.0.0.1');
    await withServer(createTcpServer(), async (server) => {
      for (const kind of kinds) {
        const answer = await ask(kind, { server, 'certificate-authority': cert }, 500);
        refused(answer, 'does not answer in time');
      }
    });
  });

  test('A key with a password, and what is no certificate: nobody is asked, and it is said', async () => {
    const api = await apiServer(scratch(), [NODE]);
    const { caFile: cert, keyFile: key, url: server } = api;
    const locked = join(scratch(), 'key.pem');
    execFileSync('openssl', ['pkey', '-in', key, '-aes256', '-passout', 'pass:x', '-out', locked]);
    const broken = join(scratch(), 'broken.pem');
    writeFileSync(broken, readFileSync(cert, 'utf8').replace(/[A-Z]{3}/g, 'AAA'));
    const user = { 'client-certificate': cert, 'client-key': locked };
    try {
      for (const kind of kinds) {
        const withLocked = await ask(kind, { server, 'certificate-authority': cert }, 10_000, user);
        refused(withLocked, /cipher|decrypt|password|passphrase|interrupted/i);
        const withBroken = await ask(kind, { server, 'certificate-authority': broken });
        refused(withBroken, /PEM|ASN|asn1|certificate/i);
      }
    } finally {
      api.close();
    }
  });
}

function refused(answer: FetchAnswer, wanted: string | RegExp): void {
  const problem = 'problem' in answer ? answer.problem : JSON.stringify(answer);
  assert.ok(typeof wanted === 'string' ? problem.includes(wanted) : wanted.test(problem), problem);
}

async function withServer(server: Server, body: (url: string) => Promise<void>): Promise<void> {
  const sockets = new Set<{ destroy(): void }>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
  });
  server.on('secureConnection', (socket) => socket.on('error', () => {}));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await body(`https://127.0.0.1:${(server.address() as { port: number }).port}`);
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
}

/** A byte now and then, of an answer that never comes to its end. */
function drip(to: TLSSocket): void {
  to.write('HTTP/1.0 200 OK\r\n\r\n{"kind": "');
  const timer = setInterval(() => to.write('a'), 20);
  to.on('close', () => clearInterval(timer));
}

function flood(to: TLSSocket): void {
  to.write('HTTP/1.0 200 OK\r\n\r\n');
  const block = Buffer.alloc(1 << 20, ' ');
  const more = () => {
    while (!to.destroyed && to.write(block));
  };
  to.on('drain', more);
  more();
}
