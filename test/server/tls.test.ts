import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Credentials, readCredentials, TlsError, watchCredentials } from '../../lib/server/tls.ts';
import { certificate } from './certificate.ts';
import { compositeRequest, type TestServer, testServer } from './fixture.ts';

const controllers = { pools: { sync: () => ({ children: [] }) } };

const test = suite('TLS of the hooks', { folder: '', server: undefined as TestServer | undefined });
// The watch alone keeps no process alive.
const alive = setInterval(() => {}, 1000);
test.after(() => clearInterval(alive));
test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'tls-'));
});
test.after.each(async ({ folder, server }) => {
  await server?.close(1000);
  rmSync(folder, { recursive: true });
});

/** What `/hooks/pools/sync` answers to a client that trusts `ca` alone, and the serial number of the certificate. */
function call(server: TestServer, ca: string): Promise<{ status: number | undefined; serial: string }> {
  return new Promise((resolve, reject) => {
    const url = `https://${server.hooksAddress}/hooks/pools/sync`;
    const headers = { 'content-type': 'application/json' };
    const outgoing = request(url, { method: 'POST', headers, ca, agent: false }, (response) => {
      const serial = (
        response.socket as unknown as { getPeerCertificate(): { serialNumber: string } }
      ).getPeerCertificate().serialNumber;
      response.resume().on('end', () => resolve({ status: response.statusCode, serial }));
    });
    outgoing.on('error', reject);
    outgoing.end(JSON.stringify(compositeRequest('InClusterIPPool')));
  });
}

test('hooks are served over HTTPS, to those who trust the certificate; probes stay as they are', async (context) => {
  const files = certificate(context.folder, 'first');
  const server = await testServer(controllers, 2 ** 20, files);
  context.server = server;
  assert.is((await call(server, readCredentials(files).cert)).status, 200);
  const other = readCredentials(certificate(context.folder, 'other')).cert;
  const refused = await call(server, other).catch(({ code }) => code);
  assert.is(refused, 'DEPTH_ZERO_SELF_SIGNED_CERT');
  const plain = await fetch(`http://${server.hooksAddress}/hooks/pools/sync`, { method: 'POST' }).catch(
    () => undefined,
  );
  assert.not.ok(plain?.ok);
  assert.is((await server.get('/readyz')).status, 200);
});

test('a certificate that is replaced as the kubelet does it is read again', async ({ folder }) => {
  // ..data is a link to a folder, and changes in one step.
  const mount = (name: string) => {
    const { certFile, keyFile } = certificate(folder, name);
    mkdirSync(join(folder, `..${name}`));
    renameSync(certFile, join(folder, `..${name}`, 'tls.crt'));
    renameSync(keyFile, join(folder, `..${name}`, 'tls.key'));
    symlinkSync(`..${name}`, join(folder, '..next'));
    renameSync(join(folder, '..next'), join(folder, '..data'));
  };
  mount('first');
  const files = { certFile: join(folder, 'tls.crt'), keyFile: join(folder, 'tls.key') };
  symlinkSync('..data/tls.crt', files.certFile);
  symlinkSync('..data/tls.key', files.keyFile);
  const before = readCredentials(files);
  let stop = () => {};
  const after = new Promise<Credentials>((resolve, reject) => {
    stop = watchCredentials(files, before, resolve, reject, 20);
  });
  mount('second');
  assert.not.equal((await after).cert, before.cert);
  stop();
});

test('half a replacement is reported, and put right by the other half', async ({ folder }) => {
  const files = certificate(folder, 'first');
  const next = certificate(folder, 'second');
  const current = readCredentials(files);
  const seen: unknown[] = [];
  let stop = () => {};
  const put = new Promise<void>((resolve) => {
    const changed = ({ cert }: Credentials) => {
      seen.push(cert);
      resolve();
    };
    const failed = (error: TlsError) => {
      seen.push(error.message);
      renameSync(next.keyFile, files.keyFile);
    };
    stop = watchCredentials(files, current, changed, failed, 20);
  });
  const { cert } = readCredentials(next);
  renameSync(next.certFile, files.certFile);
  await put;
  stop();
  assert.match(String(seen[0]), `${files.keyFile} is not the key of the certificate ${files.certFile}`);
  assert.is(seen.at(-1), cert);
});

test('a server takes a new certificate without a restart', async (context) => {
  const files = certificate(context.folder, 'first');
  const next = certificate(context.folder, 'second');
  const server = await testServer(controllers, 2 ** 20, { ...files, milliseconds: 20 });
  context.server = server;
  const { serial } = await call(server, readCredentials(files).cert);
  const { cert } = readCredentials(next);
  renameSync(next.certFile, files.certFile);
  renameSync(next.keyFile, files.keyFile);
  let now = await call(server, cert).catch(() => undefined);
  while (now === undefined) now = await call(server, cert).catch(() => undefined);
  assert.is.not(now.serial, serial);
  assert.ok(server.log.some(({ msg }) => msg === 'the certificate of the hooks has been read again'));
});

test('what is wrong with the files names the option, the file and the fix', ({ folder }) => {
  const { certFile, keyFile } = certificate(folder, 'good');
  const other = certificate(folder, 'other');
  const empty = join(folder, 'empty');
  writeFileSync(empty, '');
  const locked = join(folder, 'locked.key');
  execFileSync('openssl', ['genrsa', '-aes128', '-passout', 'pass:secret', '-out', locked], {
    stdio: 'ignore',
  });
  const rows: [certFile: string, keyFile: string, message: string][] = [
    [
      join(folder, 'none'),
      keyFile,
      `--hooks-tls-cert-file: cannot read ${folder}/none: there is no such file`,
    ],
    [certFile, folder, `--hooks-tls-key-file: cannot read ${folder}: that is a folder`],
    [empty, keyFile, `--hooks-tls-cert-file: ${empty} does not hold a certificate in PEM`],
    [certFile, certFile, `--hooks-tls-key-file: ${certFile} does not hold a private key`],
    [certFile, locked, `--hooks-tls-key-file: ${locked} does not hold a private key without a passphrase`],
    [certFile, other.keyFile, `${other.keyFile} is not the key of the certificate ${certFile}`],
  ];
  for (const [cert, key, message] of rows) {
    assert.throws(
      () => readCredentials({ certFile: cert, keyFile: key }),
      (error: Error) => error instanceof TlsError && error.message.includes(message),
      message,
    );
  }
});

test('a file that may not be read says so', ({ folder }) => {
  const { certFile, keyFile } = certificate(folder, 'good');
  chmodSync(keyFile, 0);
  // root reads everything.
  if (process.getuid?.() === 0) return;
  assert.throws(() => readCredentials({ certFile, keyFile }), /this process may not read it/);
});

test.run();
