/** The commands of the documentation that need a cluster, as they stand, and what the pages say comes of them. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Node } from '../../lib/kubernetes/core-types.ts';
import type { KubernetesObject } from '../../lib/kubernetes/object.ts';
import { filesOf, type Page, ROOT, readPages } from '../docs/pages.ts';
import { ASSETS, eventually } from './control-plane.ts';
import { type Installation, install, list, quiet } from './install.ts';
import { type Kinds, pathOf, Sandbox } from './sandbox.ts';

const test = suite<{ installation: Installation }>('documentation: ');
const pages = readPages();
const folder = mkdtempSync(join(tmpdir(), 'metaipam-docs-'));

/** Every 30 s Kubernetes' garbage collector looks for kinds; what it did not know it tries again within as long. */
const COLLECTOR_KNOWS_KINDS_SECONDS = 90;

/** Enough of Cluster API's Machine to own a claim. */
const MACHINES = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'machines.cluster.x-k8s.io' },
  spec: {
    group: 'cluster.x-k8s.io',
    scope: 'Namespaced',
    names: { kind: 'Machine', plural: 'machines' },
    versions: [
      { name: 'v1beta2', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } },
    ],
  },
};

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

const ENDPOINT = 'prod-endpoint';
const endpointOf = async (box: Sandbox) => (await box.get('IPAddress', ENDPOINT))?.spec.address;

test("a control plane's endpoint: claimed before its cluster, and in what the cluster is made from", async ({
  installation,
}) => {
  const path = 'docs/control-plane-endpoint.md';
  const box = await Sandbox.create(installation, 'default');
  for (const heading of ['Claim it', 'Give it to the cluster']) await runBlocks(installation, path, heading);
  const cluster = (await box.get('Cluster', 'prod'))!;
  assert.equal(cluster.spec?.controlPlaneEndpoint, { host: '10.6.0.250', port: 6443 });
  await runBlocks(installation, path, "Make it the cluster's");
  const owners = (await box.get('IPAddressClaim', ENDPOINT))!.metadata.ownerReferences!;
  assert.equal(
    owners.map(({ kind, uid }) => [kind, uid]),
    [['Cluster', cluster.metadata.uid]],
  );
});

test("a control plane's endpoint: kept when the IPAddress, its place in the pool or a machine goes", async ({
  installation,
}) => {
  const { plane } = installation;
  const box = await Sandbox.create(installation, 'default');
  await box.delete('IPAddress', ENDPOINT);
  await box.patch('InClusterIPPool', 'endpoints', { spec: { addresses: ['10.6.0.251-10.6.0.254'] } });
  await eventually('the address to come back', async () => (await endpointOf(box)) === '10.6.0.250');

  await plane.kubectl(['apply', '-f', '-'], JSON.stringify(MACHINES));
  await plane.kubectl(['wait', '--for=condition=Established', 'crd/machines.cluster.x-k8s.io']);
  const [apiVersion, kind, name] = ['cluster.x-k8s.io/v1beta2', 'Machine', 'prod-0'];
  const machines = `/apis/${apiVersion}/namespaces/default/machines`;
  const machine = await plane.api('POST', machines, {
    apiVersion,
    kind,
    metadata: {
      name,
      ownerReferences: (await box.get('IPAddressClaim', ENDPOINT))!.metadata.ownerReferences,
    },
  });
  const { uid } = machine.body.metadata;
  await box.claim(name, { pool: 'endpoints', ownerReferences: [{ apiVersion, kind, name, uid }] });
  assert.is((await box.bound(name)).spec.address, '10.6.0.251');
  await plane.api('DELETE', `${machines}/${name}`);
  await box.gone('IPAddressClaim', name, COLLECTOR_KNOWS_KINDS_SECONDS);
  await box.quiet();
  assert.is((await box.bound(ENDPOINT)).spec.address, '10.6.0.250');
});

test("a control plane's endpoint: the same where its cluster has moved to, whoever else asks for it", async ({
  installation,
}) => {
  const box = await Sandbox.create(installation, 'default');
  // What moves as it was, from before anybody edited the pool.
  await box.patch('InClusterIPPool', 'endpoints', { spec: { addresses: ['10.6.0.250-10.6.0.254'] } });
  await box.patch('Cluster', 'prod', { spec: { paused: true } });
  await move(box, [
    ['Cluster', 'prod'],
    ['InClusterIPPool', 'endpoints'],
    ['IPAddressClaim', ENDPOINT],
    ['IPAddress', ENDPOINT],
  ]);
  const requested = { 'metaipam.io/requested-address': '10.6.0.250' };
  await box.claim('rival', { pool: 'endpoints', annotations: requested });
  assert.match(await box.waiting('rival', 'AllocationFailed'), '10.6.0.250 is in use by');
  await box.patch('Cluster', 'prod', { spec: { paused: false } });
  assert.is((await box.bound(ENDPOINT)).spec.address, '10.6.0.250');
  await box.quiet();
  await box.waiting('rival', 'AllocationFailed');
  await box.release('rival');
});

test("a control plane's endpoint: its cluster's until that is gone, and then free", async ({
  installation,
}) => {
  const { plane } = installation;
  const box = await Sandbox.create(installation, 'default');
  // Cluster API's, for as long as there are machines.
  await box.patch('Cluster', 'prod', { metadata: { finalizers: ['cluster.cluster.x-k8s.io'] } });
  await box.delete('Cluster', 'prod');
  await box.quiet();
  assert.is((await box.bound(ENDPOINT)).spec.address, '10.6.0.250');
  await box.patch('Cluster', 'prod', { metadata: { finalizers: null } });
  await box.gone('IPAddressClaim', ENDPOINT);
  assert.is(await endpointOf(box), undefined);
  await box.claim('next', { pool: 'endpoints' });
  assert.is((await box.bound('next')).spec.address, '10.6.0.250');
  await box.release('next');
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

test('from kube-controller-manager: an upgrade keeps what the steps have set', async ({ installation }) => {
  const path = 'docs/from-kube-controller-manager.md';
  const file = filesOf(page(path)).find(({ name }) => name === 'pod-cidrs.yaml')!;
  const [network = ''] = file.text.split('---\n');
  writeFileSync(join(folder, file.name), network);
  const { plane } = installation;
  await plane.kubectl([
    'patch',
    'podnetwork',
    'default',
    '--type=merge',
    '-p={"spec":{"serviceCIDRs":null}}',
  ]);
  await runBlocks(installation, path, 'The steps');
  await plane.kubectl(['apply', '-f', join(ROOT, 'metacontroller/default-pod-network.yaml')]);
  const spec = await plane.kubectl(['get', 'podnetwork', 'default', '-o=jsonpath={.spec.serviceCIDRs}']);
  assert.is(spec, '["10.96.0.0/12"]');
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

/**
 * As `clusterctl move` does, but to where they were: the objects go, dependents first, without a word of finalizers, and
 * are made again, without their status, with owners that have the new uids.
 */
async function move(box: Sandbox, objects: readonly (readonly [keyof Kinds, string])[]): Promise<void> {
  const saved: KubernetesObject[] = [];
  for (const [kind, name] of objects) saved.push((await box.get(kind, name))!);
  for (const [kind, name] of objects.toReversed()) {
    await box.annotate(kind, name, { 'clusterctl.cluster.x-k8s.io/delete-for-move': '' });
    await box.delete(kind, name);
    if (await box.get(kind, name)) await box.patch(kind, name, { metadata: { finalizers: null } });
    await box.gone(kind, name);
  }
  const uids = new Map<string, string>();
  for (const { kind, metadata, ...rest } of saved) {
    const { name, labels, annotations, finalizers, ownerReferences = [] } = metadata;
    const owners = ownerReferences.map((owner) => ({ ...owner, uid: uids.get(owner.uid)! }));
    const { spec } = rest as { spec?: object };
    const kept = { name, labels, annotations, finalizers, ownerReferences: owners };
    const made = await box.create(kind as keyof Kinds, kept, spec);
    uids.set(metadata.uid!, made.metadata.uid!);
  }
}

test.run();
