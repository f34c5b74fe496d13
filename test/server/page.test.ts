import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadControllers } from '../../lib/cli/controllers.ts';
import { allocation, claim, clusterCIDR, NOW, pool } from '../inspect/objects.ts';
import { TestSource } from '../page/world.ts';
import { type TestServer, testServer } from './fixture.ts';

const controllers = await loadControllers();
const OBJECTS = [
  pool('a', { addresses: ['10.0.0.0/29'], prefix: 29, gateway: '10.0.0.1' }),
  claim('c', 'a'),
  allocation('a', '10.0.0.2', 'c'),
  clusterCIDR('workers', { perNodeHostBits: 8, ipv4: '10.244.0.0/16' }),
  clusterCIDR('others', { perNodeHostBits: 8, ipv4: '10.245.0.0/16' }),
];

const test = suite('page', { servers: [] as TestServer[] });
test.after.each(async ({ servers }) => {
  for (const server of servers.splice(0)) await server.close(1000);
});

async function start(context: { servers: TestServer[] }, source?: TestSource) {
  const page = source && { source, of: 'metaipam-0' };
  const server = await testServer(controllers, 2 ** 24, undefined, page);
  context.servers.push(server);
  return server;
}

test('off unless asked for', async (context) => {
  const server = await start(context);
  for (const path of ['/', '/api/show', '/events']) assert.is((await server.get(path)).status, 404, path);
  assert.is((await server.get('/nothing')).text, 'not found: try /healthz, /readyz or /metrics\n');
});

test('shows what there is, as text and as JSON', async (context) => {
  const server = await start(context, new TestSource(OBJECTS, NOW));
  const { status, type, text } = await server.get('/');
  assert.is(status, 200);
  assert.is(type, 'text/html; charset=utf-8');
  assert.match(text, 'metaipam-0');
  const one = await server.get('/?pool=InClusterIPPool/default/a');
  assert.match(one.text, '<title>default/a · metaipam</title>');
  assert.match(one.text, 'used <b>1</b>');
  const { json } = await server.get('/api/show');
  assert.equal([json.pools[0].total, json.pools[0].used, json.pools[0].free], [5, 1, 4]);
  assert.equal(json.holdings[0].holder, 'IPAddressClaim default/c');
  const asked = (await server.get('/api/show?q=10.0.0.1')).json;
  assert.equal(asked.addresses[0].holdings[0].note, 'gateway');
  const [{ name, clusterCIDRs }] = (await server.get('/api/show?q=workers')).json.networks;
  assert.equal([name, clusterCIDRs.map((each: { name: string }) => each.name)], ['default', ['workers']]);
});

test('before the cluster has been read there is no page yet', async (context) => {
  const source = new TestSource(OBJECTS, NOW);
  source.synced = false;
  const server = await start(context, source);
  assert.is((await server.get('/')).status, 503);
  assert.is((await server.get('/api/show')).status, 503);
  source.synced = true;
  assert.is((await server.get('/')).status, 200);
});

test('nothing is loaded, run, framed or kept by a browser', async (context) => {
  const server = await start(context, new TestSource(OBJECTS, NOW));
  const [first, second] = [await server.get('/'), await server.get('/')];
  const policy = first.headers.get('content-security-policy')!;
  const nonce = /script-src 'nonce-([^']+)'/.exec(policy)![1]!;
  assert.match(first.text, `<script nonce="${nonce}"`);
  assert.not.match(second.text, nonce);
  assert.match(policy, "default-src 'none'");
  assert.match(policy, "frame-ancestors 'none'");
  assert.not.match(policy, 'unsafe');
  assert.is(first.headers.get('x-content-type-options'), 'nosniff');
  assert.is(first.headers.get('x-frame-options'), 'DENY');
  assert.is(first.headers.get('referrer-policy'), 'no-referrer');
  assert.is(first.headers.get('cache-control'), 'no-store');
  assert.match((await server.get('/api/show')).headers.get('content-security-policy')!, "default-src 'none'");
});

test('what is not there is not found', async (context) => {
  const server = await start(context, new TestSource(OBJECTS, NOW));
  for (const path of ['/?pool=InClusterIPPool/ns/b', '/?network=x', '/?pool=__proto__'])
    assert.is((await server.get(path)).status, 404, path);
});

test('changes are told as they come, gathered, until the server ends', async (context) => {
  const source = new TestSource(OBJECTS, NOW);
  const server = await start(context, source);
  const response = await fetch(`http://${server.webserverAddress}/events`);
  assert.is(response.headers.get('content-type'), 'text/event-stream; charset=utf-8');
  let heard = '';
  const ended = (async () => {
    for await (const part of response.body!) heard += Buffer.from(part).toString();
  })();
  while (!heard.includes('retry')) await new Promise((resolve) => setTimeout(resolve, 10));
  for (let index = 0; index < 100; index++) source.change(claim(`n-${index}`, 'a'));
  while (!heard.includes('data: changed')) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.match((await server.get('/')).text, 'default/n-0');
  await server.close(1000);
  await ended;
  assert.is(heard.match(/data: changed/g)!.length, 1);
});

test('a change that a browser has just not loaded is told when it begins to listen', async (context) => {
  const source = new TestSource(OBJECTS, NOW);
  const server = await start(context, source);
  await server.get('/');
  source.change(claim('late', 'a'));
  assert.not.match((await server.get('/')).text, 'default/late', 'what was looked at just now');
  const response = await fetch(`http://${server.webserverAddress}/events`, {
    signal: AbortSignal.timeout(5_000),
  });
  let heard = '';
  for await (const part of response.body!) {
    heard += Buffer.from(part).toString();
    if (heard.includes('data: changed')) break;
  }
  assert.match((await server.get('/')).text, 'default/late');
});

test.run();
