import { createServer } from 'node:net';
import Fastify from 'fastify';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ListenError, listen, parseBindAddress } from '../../lib/server/bind-address.ts';

test('addresses are host:port, :port or [ipv6]:port', () => {
  const cases: [string, object | undefined][] = [
    [':8081', { host: undefined, port: 8081 }],
    ['127.0.0.1:0', { host: '127.0.0.1', port: 0 }],
    ['[::1]:8081', { host: '::1', port: 8081 }],
    ['localhost:65535', { host: 'localhost', port: 65535 }],
    ['8081', undefined],
    ['', undefined],
    [':', undefined],
    ['::1:8081', undefined],
    [':65536', undefined],
    [':-1', undefined],
    ['host name:1', undefined],
    ['http://host:1', undefined],
  ];
  for (const [text, expected] of cases) assert.equal(parseBindAddress(text), expected, text);
});

test('port 0 gives the real port, on either family', async () => {
  for (const [text, shown] of [
    ['127.0.0.1:0', /^127\.0\.0\.1:[1-9]\d+$/],
    ['[::1]:0', /^\[::1\]:[1-9]\d+$/],
    [':0', /^(\[::\]|0\.0\.0\.0):[1-9]\d+$/],
  ] as const) {
    const app = Fastify();
    assert.match(await listen(app, parseBindAddress(text)!, 'option'), shown);
    await app.close();
  }
});

test('a port in use names address and option', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => other.once('listening', resolve));
  const { port } = other.address() as { port: number };
  const app = Fastify();
  try {
    await listen(app, { host: '127.0.0.1', port }, 'hooks-bind-address');
    assert.unreachable();
  } catch (error) {
    assert.instance(error, ListenError);
    const expected = `cannot listen on 127.0.0.1:${port} (--hooks-bind-address): the port is already in use`;
    assert.is((error as Error).message, expected);
  }
  await app.close();
  other.close();
});

test.run();
