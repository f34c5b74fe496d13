/** Metrics for those who may read them. */
import { X509Certificate } from 'node:crypto';
import { request } from 'node:https';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DEFAULT_CONFIG } from '../../lib/metacontroller/hook.ts';
import { Gatekeeper, type Reviewer, type User } from '../../lib/server/access.ts';
import { createLogger } from '../../lib/server/log.ts';
import { selfSigned } from '../../lib/server/self-signed.ts';
import { type Server, startServer } from '../../lib/server/server.ts';

const LOOPBACK = { host: '127.0.0.1', port: 0 };

/** An API server that knows `reader`, who may, and `stranger`, who may not; it counts what it is asked. */
class Asked implements Reviewer {
  count = 0;
  isDown = false;

  async whoIs(token: string): Promise<User | undefined> {
    this.#ask();
    return ['reader', 'stranger'].includes(token) ? { username: token, groups: ['all'] } : undefined;
  }

  async may({ username }: User, verb: string, path: string): Promise<boolean> {
    this.#ask();
    return username === 'reader' && verb === 'get' && path === '/metrics';
  }

  #ask(): void {
    this.count++;
    if (this.isDown) throw new Error('no answer');
  }
}

const VERDICTS: [header: string | undefined, status: number, message: string][] = [
  [undefined, 401, 'Unauthorized'],
  ['', 401, 'Unauthorized'],
  ['Basic cmVhZGVyOg==', 401, 'Unauthorized'],
  ['Bearer', 401, 'Unauthorized'],
  ['Bearer nobody', 401, 'Unauthorized'],
  ['Bearer reader reader', 401, 'Unauthorized'],
  ['Bearer stranger', 403, 'Authorization denied for user stranger'],
  ['Bearer reader', 200, ''],
  ['bearer reader', 200, ''],
];
for (const [header, status, message] of VERDICTS) {
  test(`${header}: ${status}`, async () => {
    const gatekeeper = new Gatekeeper(new Asked(), () => 0);
    assert.equal(await gatekeeper.judge(header, 'GET', '/metrics'), { status, message });
  });
}

test('another path and another verb are other rights', async () => {
  const gatekeeper = new Gatekeeper(new Asked(), () => 0);
  assert.is((await gatekeeper.judge('Bearer reader', 'GET', '/metrics')).status, 200);
  assert.is((await gatekeeper.judge('Bearer reader', 'GET', '/other')).status, 403);
  assert.is((await gatekeeper.judge('Bearer reader', 'POST', '/metrics')).status, 403);
});

test('answers are kept: who somebody is for a minute, a yes for five, a no for half a minute', async () => {
  const asked = new Asked();
  let now = 0;
  const gatekeeper = new Gatekeeper(asked, () => now);
  const questions = async (token: string, at: number) => {
    now = at;
    const before = asked.count;
    await gatekeeper.judge(`Bearer ${token}`, 'GET', '/metrics');
    return asked.count - before;
  };
  assert.is(await questions('reader', 0), 2);
  assert.is(await questions('reader', 59_999), 0);
  assert.is(await questions('reader', 60_000), 1);
  assert.is(await questions('reader', 300_000), 2);
  assert.is(await questions('stranger', 300_000), 2);
  assert.is(await questions('stranger', 329_999), 0);
  assert.is(await questions('stranger', 330_000), 1);
  assert.is(await questions('nobody', 330_000), 1);
  assert.is(await questions('nobody', 330_000), 1);
});

test('an API server that does not answer lets nobody in, and is asked again', async () => {
  const asked = new Asked();
  asked.isDown = true;
  const gatekeeper = new Gatekeeper(asked, () => 0);
  assert.is((await gatekeeper.judge('Bearer reader', 'GET', '/metrics')).status, 500);
  asked.isDown = false;
  assert.is((await gatekeeper.judge('Bearer reader', 'GET', '/metrics')).status, 200);
});

test('a certificate of its own: for its name, by its key, for ten years', () => {
  const now = Date.UTC(2045, 1, 3, 4, 5, 6);
  const { cert, key, expires } = selfSigned('localhost', now);
  const certificate = new X509Certificate(cert);
  assert.is(certificate.subject, 'CN=localhost');
  assert.is(certificate.subjectAltName, 'DNS:localhost');
  assert.is(certificate.checkHost('localhost'), 'localhost');
  assert.ok(certificate.verify(certificate.publicKey));
  assert.match(key, 'BEGIN PRIVATE KEY');
  assert.is(Date.parse(certificate.validFrom), now);
  assert.is(Date.parse(certificate.validTo), Date.UTC(2055, 1, 3, 4, 5, 6));
  assert.is(expires.getTime(), Date.UTC(2055, 1, 3, 4, 5, 6));
  assert.not.equal(selfSigned('localhost', now).cert, cert);
});

async function serverWith(reviewer: Reviewer | undefined, minVersion: 'TLSv1.2' | 'TLSv1.3' = 'TLSv1.2') {
  return startServer({
    controllers: {},
    config: DEFAULT_CONFIG,
    bodyLimit: 1024,
    logger: createLogger({ level: 'fatal', format: 'json' }, { write: () => true }),
    hooksAddress: LOOPBACK,
    webserver: { address: LOOPBACK, option: 'webserver-bind-address' },
    diagnostics: { address: LOOPBACK, reviewer, minVersion },
  });
}

function get({ diagnosticsAddress }: Server, path: string, token?: string, maxVersion?: 'TLSv1.2') {
  return new Promise<{ status: number | undefined; text: string }>((resolve, reject) => {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const options = { headers, rejectUnauthorized: false, agent: false as const, maxVersion };
    request(`https://${diagnosticsAddress}${path}`, options, (response) => {
      let text = '';
      response.on('data', (data) => (text += data));
      response.on('end', () => resolve({ status: response.statusCode, text }));
    })
      .on('error', reject)
      .end();
  });
}

test('metrics are there, over HTTPS, for who may read them, and not on the web server', async () => {
  const server = await serverWith(new Asked());
  try {
    assert.equal(await get(server, '/metrics'), { status: 401, text: 'Unauthorized\n' });
    assert.is((await get(server, '/metrics', 'stranger')).status, 403);
    assert.is((await get(server, '/metrics?a=b', 'stranger')).status, 403);
    const { status, text } = await get(server, '/metrics?a=b', 'reader');
    assert.is(status, 200);
    assert.match(text, 'process_cpu_seconds_total');
    assert.is((await get(server, '/nothing', 'reader')).status, 403);
    assert.is((await fetch(`http://${server.webserverAddress}/metrics`)).status, 404);
    assert.is((await fetch(`http://${server.webserverAddress}/healthz`)).status, 200);
  } finally {
    await server.close(1000);
  }
});

test('the least version of TLS', async () => {
  const server = await serverWith(new Asked(), 'TLSv1.3');
  try {
    assert.is((await get(server, '/metrics', 'reader')).status, 200);
    const older = get(server, '/metrics', 'reader', 'TLSv1.2');
    assert.match(await older.then(String, ({ message }) => message), 'alert protocol version');
  } finally {
    await server.close(1000);
  }
});

test('without anybody to ask, everybody may read, over HTTP', async () => {
  const server = await serverWith(undefined);
  try {
    assert.is((await fetch(`http://${server.diagnosticsAddress}/metrics`)).status, 200);
  } finally {
    await server.close(1000);
  }
});

test.run();
