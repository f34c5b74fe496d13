/** The commands of the documentation that need a cluster, as they stand, and what the pages say comes of them. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Node } from '../../lib/kubernetes/core-types.ts';
import type { IPAddress } from '../../lib/kubernetes/types.ts';
import { filesOf, type Page, ROOT, readPages } from '../docs/pages.ts';
import { ASSETS, eventually } from './control-plane.ts';
import { type Installation, install, list, quiet } from './install.ts';
import { pathOf, Sandbox } from './sandbox.ts';

const test = suite<{ installation: Installation }>('documentation: ');
const pages = readPages();
const folder = mkdtempSync(join(tmpdir(), 'metaipam-docs-'));

test.before(async (context) => {
  for (const entry of readdirSync(ROOT)) symlinkSync(join(ROOT, entry), join(folder, entry));
  for (const path of ['docs/first-pool.md', 'docs/control-plane-endpoint.md']) {
    for (const { name, text } of filesOf(page(path))) writeFileSync(join(folder, name), text);
  }
  const serveArgs = ['--log-level=debug', '--cache-lag=3s'];
  context.installation = await install({ serveArgs, isAlone: true });
  // What other tests do without. The Deployment has no pods here, where no node runs any.
  for (const file of ['deployment.yaml', 'delete-protection.yaml']) {
    await context.installation.plane.kubectl(['apply', '-f', join(ROOT, 'metacontroller', file)]);
  }
});

test.after(async ({ installation }) => {
  rmSync(folder, { recursive: true });
  await installation?.stop();
});

test('the first pool: addresses for machines', async ({ installation }) => {
  const output = await runBlocks(installation, 'docs/first-pool.md', 'Addresses for machines');
  assert.match(output, /inclusterippool\S*\/machines +90 +1 +89 +True/);
  assert.match(output, /ipaddress\S*\/machine-1 +10\.0\.0\.10 +machines/);
});

test('the first pool: pod CIDRs for nodes', async ({ installation }) => {
  await installation.plane.kubectl(['apply', '-f', join(folder, 'two-nodes.yaml')]);
  await runBlocks(installation, 'docs/first-pool.md', 'Pod CIDRs for nodes');
  await eventually('podCIDRs', async () => {
    const nodes = await list<Node>(installation.plane, 'nodes');
    const podCIDRs = nodes.map(({ metadata, spec }) => `${metadata.name} ${spec?.podCIDRs}`);
    return podCIDRs.join() === 'worker-1 10.244.0.0/24,fd00:10:244::/120,worker-2 10.245.0.0/23';
  });
});

test('the first pool: addresses for pods', async ({ installation }) => {
  await runBlocks(installation, 'docs/first-pool.md', 'Addresses for pods');
  await eventually('the annotations', async () => {
    const output = await runBlocks(installation, 'docs/first-pool.md', 'Addresses for pods');
    return /worker-1 +192\.168\.0\.0\/26\nworker-2 +192\.168\.0\.64\/26\n/.test(output);
  });
});

test("a control plane's endpoint: claimed, given to its cluster, kept, and free when that is gone", async ({
  installation,
}) => {
  const { plane } = installation;
  const path = 'docs/control-plane-endpoint.md';
  const endpoint = async () => {
    const addresses = await list<IPAddress>(plane, 'ipaddresses.ipam.cluster.x-k8s.io');
    return addresses.find(({ metadata }) => metadata.name === 'prod-endpoint')?.spec.address;
  };
  for (const heading of ['Claim it', 'Give it to the cluster']) await runBlocks(installation, path, heading);
  const cluster = await plane.kubectl(['get', 'clusters.cluster.x-k8s.io/prod', '-o', 'json']);
  assert.equal(JSON.parse(cluster).spec.controlPlaneEndpoint, { host: '10.6.0.250', port: 6443 });
  await runBlocks(installation, path, "Make it the cluster's");

  await plane.kubectl(['delete', 'ipaddresses.ipam.cluster.x-k8s.io/prod-endpoint']);
  const shrunk = '{"spec": {"addresses": ["10.6.0.251-10.6.0.254"]}}';
  await plane.kubectl(['patch', 'inclusterippool/endpoints', '--type=merge', '-p', shrunk]);
  await eventually('the address to come back', async () => (await endpoint()) === '10.6.0.250');
  const owned = await plane.kubectl([
    'get',
    'ipaddressclaims.ipam.cluster.x-k8s.io/prod-endpoint',
    '-o',
    'json',
  ]);
  assert.is(JSON.parse(owned).metadata.ownerReferences[0].uid, JSON.parse(cluster).metadata.uid);

  await plane.kubectl(['delete', 'clusters.cluster.x-k8s.io/prod']);
  await eventually('the address to go with its cluster', async () => (await endpoint()) === undefined);
  await eventually('the pool to be empty', async () => {
    const pool = await plane.kubectl(['get', 'inclusterippool/endpoints', '-o', 'json']);
    return JSON.parse(pool).status.ipAddresses.used === 0;
  });
  await plane.kubectl(['delete', 'inclusterippool/endpoints', '--timeout=30s']);
});

test('operations: pausing, and labels for clusterctl', async ({ installation }) => {
  const { plane } = installation;
  await runBlocks(installation, 'docs/operations.md', 'Pausing');
  await runBlocks(installation, 'docs/operations.md', 'clusterctl move');
  const labelled = await plane.kubectl(['get', 'crd', '-l', 'clusterctl.cluster.x-k8s.io', '-o', 'name']);
  const names = labelled
    .trim()
    .split('\n')
    .map((name) => name.replace(/^.*\//, '').replace(/\..*$/, ''));
  assert.equal(names.sort(), [
    'globalinclusterippools',
    'globalinclusterprefixpools',
    'inclusterippools',
    'inclusterprefixpools',
    'ipaddressclaims',
    'ipaddresses',
  ]);
});

test('operations: claims that clusterctl moves have the address that they had', async ({ installation }) => {
  const box = await Sandbox.create(installation, 'moved');
  await box.pool({ addresses: ['10.0.0.1-10.0.0.9'] });
  await box.create('Cluster', { name: 'cluster' }, { paused: true });
  const { metadata, spec } = await box.claim('a', { clusterName: 'cluster' });
  assert.match(await box.waiting('a', 'Paused'), 'is paused');
  const owner = {
    apiVersion: 'ipam.cluster.x-k8s.io/v1beta2',
    kind: 'IPAddressClaim',
    name: 'a',
    uid: metadata.uid,
  };
  await box.create(
    'IPAddress',
    {
      name: 'a',
      labels: { 'metaipam.io/pool': 'InClusterIPPool.pool', 'metaipam.io/pool-uid': 'of-another-cluster' },
      annotations: { 'metacontroller.k8s.io/decorator-controller': 'claims' },
      ownerReferences: [{ ...owner, controller: true, blockOwnerDeletion: true }],
    },
    { claimRef: { name: 'a' }, poolRef: spec.poolRef, address: '10.0.0.7', prefix: 24 },
  );
  await box.quiet();
  const path = pathOf('Cluster', box.namespace, 'cluster');
  await box.plane.api('PATCH', path, { spec: { paused: false } }, 'application/merge-patch+json');
  assert.is((await box.bound('a')).spec.address, '10.0.0.7');
  await box.quiet();
  const allocations = (await box.allocations()).map(({ address }) => address);
  assert.equal(allocations, ['10.0.0.7']);
  await box.release('a');
});

test('uninstall: pools, claims and podCIDRs stay, and nothing hangs', async ({ installation }) => {
  if (spawnSync('jq', ['--version']).error)
    return console.log('# SKIPPED: uninstall, because there is no jq');
  const { plane } = installation;
  await plane.kubectl(['apply', '-f', join(folder, 'claim.yaml')]);
  const wait = ['--for=condition=Ready', 'ipaddressclaims.ipam.cluster.x-k8s.io/machine-1', '--timeout=60s'];
  await plane.kubectl(['wait', ...wait]);
  await quiet(installation);
  await runBlocks(installation, 'docs/install.md', 'Uninstall');
  assert.is((await list(plane, 'ipaddresses.ipam.cluster.x-k8s.io')).length, 1);
  assert.is((await list<Node>(plane, 'nodes'))[0]?.spec?.podCIDRs?.[0], '10.244.0.0/24');
  assert.match(await plane.kubectl(['get', 'crd', '-o', 'name']), 'inclusterippools');
  assert.not.match(await plane.kubectl(['get', 'crd', '-o', 'name']), 'metaipam.io');
  for (const object of [
    'inclusterippool/machines',
    'clustercidr/everyone',
    'ipaddressclaims.ipam.cluster.x-k8s.io/machine-1',
  ])
    await plane.kubectl(['delete', object, '--timeout=20s']);
});

function page(path: string): Page {
  return pages.find((one) => one.path === path)!;
}

/** Runs the blocks of shell below a heading that are kubectl alone, and gives what they print. */
async function runBlocks({ plane }: Installation, path: string, heading: string): Promise<string> {
  const blocks = page(path).blocks.filter(
    (block) => block.heading === heading && block.language === 'sh' && /^(kubectl|for) /.test(block.text),
  );
  assert.ok(blocks.length > 0, `${path} has no shell below ${heading}`);
  let output = '';
  for (const { place, text } of blocks) {
    const env = {
      ...process.env,
      KUBECONFIG: plane.kubeconfig,
      HOME: plane.dir,
      PATH: `${ASSETS}${delimiter}${process.env.PATH}`,
    };
    const child = spawn('sh', ['-ec', text], { cwd: folder, env });
    let printed = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (printed += data));
    const code = await new Promise((resolve) => child.on('close', resolve));
    assert.is(code, 0, `${place}: exit ${code}\n${printed}`);
    output += printed;
  }
  return output;
}

test.run();
