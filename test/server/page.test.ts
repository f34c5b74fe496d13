import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadControllers } from '../../lib/cli/controllers.ts';
import { DEFAULT_CONFIG } from '../../lib/metacontroller/hook.ts';
import type { Controllers } from '../../lib/server/request.ts';
import { SeenParents } from '../../lib/server/seen.ts';
import { claim, claims, NOW, poolRequest, syncedPool } from '../page/requests.ts';
import { type TestServer, testServer } from './fixture.ts';

const REPLICA = { replica: 'metaipam-0' };
const controllers = await loadControllers();

const test = suite('page', { servers: [] as TestServer[] });
test.after.each(async ({ servers }) => {
  for (const server of servers.splice(0)) await server.close(1000);
});

async function start(
  context: { servers: TestServer[] },
  page?: typeof REPLICA,
  hooks: Controllers = controllers,
) {
  const server = await testServer(hooks, 2 ** 24, undefined, page);
  context.servers.push(server);
  return server;
}

test('off unless asked for', async (context) => {
  const server = await start(context);
  assert.is((await server.get('/')).status, 404);
  assert.is((await server.get('/api/pools')).status, 404);
  assert.is((await server.get('/nothing')).text, 'not found: try /healthz, /readyz or /metrics\n');
});

test('shows what a hook was asked and answered', async (context) => {
  const server = await start(context, REPLICA);
  assert.match((await server.get('/')).text, 'No pool has been synced');
  await server.post('/hooks/pools/sync', poolRequest({}, claims(9)));
  const { status, type, text } = await server.get('/');
  assert.is(status, 200);
  assert.is(type, 'text/html; charset=utf-8');
  assert.match(text, 'as seen by metaipam-0');
  assert.match(text, 'InClusterIPPool ns/a has no free address');
  const pool = await server.get('/?pool=InClusterIPPool/ns/a');
  assert.match(pool.text, '<title>ns/a · metaipam</title>');
  assert.match(pool.text, 'used <b>5</b>');
  const json = (await server.get('/api/pools?q=ns/a')).json;
  assert.is(json.count, 1);
  assert.equal(json.pools[0].addresses, { total: 5, used: 5, free: 0, outOfRange: 0 });
  assert.equal(json.pools[0].waiting[0].claims.length, 4);
});

test('nothing is loaded, run, framed or kept by a browser', async (context) => {
  const server = await start(context, REPLICA);
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
  assert.match(
    (await server.get('/api/pools')).headers.get('content-security-policy')!,
    "default-src 'none'",
  );
});

test('what was not seen, or is gone, is not found', async (context) => {
  const server = await start(context, REPLICA);
  for (const path of ['/?pool=InClusterIPPool/ns/a', '/?network=x', '/?pool=__proto__']) {
    assert.is((await server.get(path)).status, 404, path);
  }
  const request = poolRequest() as { parent: { metadata: object } };
  await server.post('/hooks/pools/sync', request);
  assert.is((await server.get('/?pool=InClusterIPPool/ns/a')).status, 200);
  await server.post('/hooks/pools/finalize', { ...request, finalizing: true });
  assert.is((await server.get('/?pool=InClusterIPPool/ns/a')).status, 404);
});

test('claims of a pool that was never seen wait for it, until they are served or go', async (context) => {
  const server = await start(context, REPLICA);
  const request = {
    object: claim('lost'),
    attachments: { 'IPAddress.ipam.cluster.x-k8s.io/v1beta2': {} },
    related: {
      'AllocationSlice.metaipam.io/v1alpha1': {},
      'IPAddress.ipam.cluster.x-k8s.io/v1beta2': {},
    },
    finalizing: false,
  };
  await server.post('/hooks/claims/sync', request);
  assert.match((await server.get('/')).text, 'ns/a<small>not seen: does it exist?</small>');
  await server.post('/hooks/pools/sync', poolRequest());
  assert.not.match((await server.get('/')).text, 'does it exist?');
  const going = { ...claim('lost').metadata, deletionTimestamp: '2026-01-01T00:00:00Z' };
  await server.post('/hooks/claims/finalize', { ...request, object: { ...claim('lost'), metadata: going } });
});

test('what the page cannot read is answered and logged all the same', async (context) => {
  const answer = { status: {}, children: [{ nothing: 'of ours' }] };
  const server = await start(context, REPLICA, { pools: { ...controllers.pools!, sync: () => answer } });
  const { status, json } = await server.post('/hooks/pools/sync', poolRequest());
  assert.is(status, 200);
  assert.equal(json, answer);
  assert.is((await server.get('/')).status, 200);
  assert.ok(server.log.some(({ msg, level }) => msg === 'the page misses a sync' && level === 'warn'));
});

test('a pool that is silent for two hours is gone', () => {
  let now = NOW;
  const seen = new SeenParents(DEFAULT_CONFIG, () => now);
  const { request, response } = syncedPool();
  seen.record('pools', 'sync', request, response);
  now += 2 * 3600_000;
  assert.is(seen.pools().length, 1);
  now += 1;
  assert.is(seen.pool('InClusterIPPool/ns/a'), undefined);
  assert.is(seen.pools().length, 0);
});

test('ten thousand pools are kept, those seen last', () => {
  const seen = new SeenParents(DEFAULT_CONFIG, () => NOW);
  const { request, response } = syncedPool();
  for (let index = 0; index <= 10_000; index++) {
    const parent = { ...(request.parent as object), metadata: { name: `p${index}`, namespace: 'ns' } };
    seen.record('pools', 'sync', { ...request, parent }, response);
  }
  assert.is(seen.pools().length, 10_000);
  assert.is(seen.pool('InClusterIPPool/ns/p0'), undefined);
});

test('drawing has a budget, and a dear picture is kept for a while', () => {
  let elapsed = 0;
  // Every look at the clock takes 5 ms, so that a picture costs as much.
  const seen = new SeenParents(
    DEFAULT_CONFIG,
    () => NOW,
    () => (elapsed += 5),
  );
  const see = (count: number) => {
    const { request, response } = syncedPool({ claims: claims(count) });
    seen.record('pools', 'sync', request, response);
    return seen.pool('InClusterIPPool/ns/a')!;
  };
  const draw = (budget: number) =>
    seen.painter(budget, { now: NOW, config: DEFAULT_CONFIG }).pool(seen.pool('InClusterIPPool/ns/a')!)?.used;
  see(1);
  assert.is(draw(0), undefined);
  assert.is(draw(1000), 1n);
  see(2);
  assert.is(draw(1000), 1n);
  elapsed += 250;
  assert.is(draw(0), 1n);
  assert.is(draw(1000), 2n);
});

test.run();
