import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { compositeRequest, type TestServer, testServer } from './fixture.ts';

const status = { ipAddresses: { total: JSON.rawJSON('9223372036854775807'), used: 3, free: 4, pending: 1 } };
const subnets = [
  { addresses: ['10.0.0.2-10.0.0.3'], prefix: 24 },
  { addresses: ['10.0.1.0/24'], prefix: 24, gateway: '10.0.1.1' },
];
const nodes = { nodes: { total: 5, allocated: 4, pending: 1 } };
const controllers = {
  pools: {
    sync: () => ({ status, children: [] }),
    finalize: ({ parent }: { parent: { metadata: { name: string } } }) => ({
      status,
      children: [],
      finalized: parent.metadata.name === 'gone',
    }),
  },
  'global-pools': { sync: () => ({ status, children: [] }) },
  'pod-networks': { sync: () => ({ status: nodes, children: [] }) },
};

const test = suite('probes and metrics', {} as { server: TestServer });
test.before.each(async (context) => {
  context.server = await testServer(controllers);
});
test.after.each(async ({ server }) => {
  await server.close(1000);
});

test('live and ready once started; unready with the reasons', async ({ server }) => {
  assert.equal(await summary(server, '/healthz'), [200, 'ok\n']);
  assert.equal(await summary(server, '/readyz'), [200, 'ok\n']);
  server.readiness.add('the binder has not listed nodes');
  server.readiness.add('shutting down');
  assert.equal(await summary(server, '/readyz'), [
    503,
    'not ready: the binder has not listed nodes, shutting down\n',
  ]);
  assert.equal(await summary(server, '/healthz'), [200, 'ok\n']);
  server.readiness.remove('shutting down');
  assert.is((await server.get('/readyz')).status, 503);
  server.readiness.remove('the binder has not listed nodes');
  assert.is((await server.get('/readyz')).status, 200);
  assert.is((await server.get('/nothing')).status, 404);
});

test('metrics count calls by outcome, and bytes', async ({ server }) => {
  const body = JSON.stringify(compositeRequest('InClusterIPPool'));
  const { text } = await server.post('/hooks/pools/sync', body);
  await server.post('/hooks/pools/sync', body);
  await server.post('/hooks/pools/sync', '{}');
  const metrics = await server.get('/metrics');
  assert.match(metrics.type, 'text/plain');
  const labels = 'controller="pools",hook="sync"';
  has(metrics.text, `metaipam_hook_duration_seconds_count{${labels},outcome="success"} 2`);
  has(metrics.text, `metaipam_hook_duration_seconds_count{${labels},outcome="invalid"} 1`);
  has(metrics.text, `metaipam_hook_request_bytes_sum{${labels}} ${body.length * 2 + 2}`);
  has(metrics.text, `metaipam_hook_response_bytes_sum{${labels}} ${text.length * 2}`);
  has(metrics.text, 'process_cpu_seconds_total');
});

test('every metric of ours says what its labels can be', async ({ server }) => {
  const { text } = await server.get('/metrics');
  const help = text.split('\n').filter((line) => line.startsWith('# HELP metaipam_'));
  assert.is(help.length, 15);
  for (const line of help) assert.match(line, 'Labels: ');
});

test('pools and pod networks show the counts of their status', async ({ server }) => {
  await server.post('/hooks/pools/sync', compositeRequest('InClusterIPPool', 'p', 'ns'));
  await server.post('/hooks/global-pools/sync', compositeRequest('GlobalInClusterIPPool', 'p'));
  await server.post('/hooks/pod-networks/sync', compositeRequest('PodNetwork', 'default'));
  const { text } = await server.get('/metrics');
  has(text, 'metaipam_pool_addresses{kind="InClusterIPPool",namespace="ns",name="p"} 9223372036854776000');
  has(text, 'metaipam_pool_addresses_used{kind="InClusterIPPool",namespace="ns",name="p"} 3');
  has(text, 'metaipam_pool_addresses_free{kind="GlobalInClusterIPPool",namespace="",name="p"} 4');
  has(text, 'metaipam_pool_claims_pending{kind="GlobalInClusterIPPool",namespace="",name="p"} 1');
  has(text, 'metaipam_pod_network_nodes{name="default"} 5');
  has(text, 'metaipam_pod_network_nodes_allocated{name="default"} 4');
  has(text, 'metaipam_pod_network_nodes_pending{name="default"} 1');
});

test('of a pool with several subnets each has its counts, for as long as it is one of the pool', async ({
  server,
}) => {
  const series = async () =>
    (await server.get('/metrics')).text
      .split('\n')
      .filter((line) => line.startsWith('metaipam_pool_subnet_'));
  const sync = (spec: object, hook = 'sync') => {
    const metadata = { name: 'gone', namespace: 'ns', uid: 'u' };
    const parent = { apiVersion: 'ipam.cluster.x-k8s.io/v1alpha2', kind: 'InClusterIPPool', metadata, spec };
    const slice = {
      apiVersion: 'metaipam.io/v1alpha1',
      kind: 'AllocationSlice',
      metadata: { name: 'gone.10.0.0.0-27', namespace: 'ns', uid: 's' },
      spec: {
        poolRef: { apiGroup: 'ipam.cluster.x-k8s.io', kind: 'InClusterIPPool', name: 'gone', uid: 'u' },
        cidr: '10.0.0.0/27',
        entries: { '10.0.0.3': { uid: 'c', namespace: 'ns', name: 'c' } },
      },
    };
    const children = { 'AllocationSlice.metaipam.io/v1alpha1': { 'ns/gone.10.0.0.0-27': slice } };
    const related = {
      'IPAddressClaim.ipam.cluster.x-k8s.io/v1beta2': {},
      'IPAddress.ipam.cluster.x-k8s.io/v1beta2': {},
      'AllocationSlice.metaipam.io/v1alpha1': {},
    };
    return server.post(`/hooks/pools/${hook}`, {
      parent,
      children,
      related,
      finalizing: hook === 'finalize',
    });
  };
  await server.post('/hooks/pools/sync', compositeRequest('InClusterIPPool', 'p', 'ns'));
  assert.equal(await series(), []);
  await sync({ subnets });
  const pool = 'kind="InClusterIPPool",namespace="ns",name="gone"';
  assert.equal(await series(), [
    `metaipam_pool_subnet_addresses{${pool},subnet="10.0.0.0/24"} 2`,
    `metaipam_pool_subnet_addresses{${pool},subnet="10.0.1.0/24"} 253`,
    `metaipam_pool_subnet_addresses_used{${pool},subnet="10.0.0.0/24"} 1`,
    `metaipam_pool_subnet_addresses_used{${pool},subnet="10.0.1.0/24"} 0`,
    `metaipam_pool_subnet_addresses_free{${pool},subnet="10.0.0.0/24"} 1`,
    `metaipam_pool_subnet_addresses_free{${pool},subnet="10.0.1.0/24"} 253`,
  ]);
  await sync({ subnets: [subnets[0], { ...subnets[1], addresses: ['10.2.0.7'] }] });
  assert.equal(
    (await series()).map((line) => /subnet="(.*)"/.exec(line)?.[1]),
    ['10.0.0.0/24', '10.2.0.0/24', '10.0.0.0/24', '10.2.0.0/24', '10.0.0.0/24', '10.2.0.0/24'],
  );
  for (const other of [{ subnets: subnets.slice(1) }, { ...subnets[0] }, { subnets: [subnets[0], {}] }]) {
    await sync({ subnets });
    await sync(other);
    assert.equal(await series(), []);
  }
  await sync({ subnets });
  await sync({ subnets }, 'finalize');
  assert.equal(await series(), []);
});

test('when a count was written down tells which of several processes to believe', async ({ server }) => {
  const before = Date.now();
  await server.post('/hooks/pools/sync', compositeRequest('InClusterIPPool', 'p', 'ns'));
  await server.post('/hooks/pod-networks/sync', compositeRequest('PodNetwork', 'default'));
  const { text } = await server.get('/metrics');
  for (const series of [
    'metaipam_pool_last_sync_timestamp_seconds{kind="InClusterIPPool",namespace="ns",name="p"}',
    'metaipam_pod_network_last_sync_timestamp_seconds{name="default"}',
  ]) {
    const seconds = Number(text.split(`${series} `)[1]?.split('\n')[0]);
    assert.ok(seconds * 1000 >= before && seconds * 1000 <= Date.now(), `${series} ${seconds}`);
  }
});

test('the series of a pool go when it is finalized, not before', async ({ server }) => {
  const series = async () =>
    (await server.get('/metrics')).text.match(/^metaipam_pool_.*name="(\w+)"/gm)?.length ?? 0;
  for (const name of ['gone', 'held']) {
    await server.post('/hooks/pools/sync', compositeRequest('InClusterIPPool', name, 'ns'));
  }
  assert.is(await series(), 10);
  await server.post('/hooks/pools/finalize', compositeRequest('InClusterIPPool', 'held', 'ns'));
  assert.is(await series(), 10);
  await server.post('/hooks/pools/finalize', compositeRequest('InClusterIPPool', 'gone', 'ns'));
  assert.is(await series(), 5);
});

function has(text: string, line: string): void {
  assert.ok(
    text.split('\n').some((candidate) => candidate.startsWith(line)),
    `no ${line}`,
  );
}

async function summary(server: TestServer, path: string): Promise<[number, string]> {
  const { status, text } = await server.get(path);
  return [status, text];
}

test.run();
