/**
 * IPAMClaims, made as kubevirt's ipam-extensions makes them, on a control plane that has the component before it has
 * their CRD.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import show from '../../lib/cli/show.ts';
import type { IPAMClaim } from '../../lib/kubernetes/core-types.ts';
import type { KubernetesObject } from '../../lib/kubernetes/object.ts';
import { run } from '../cli/run.ts';
import { eventually } from './control-plane.ts';
import { type Installation, install, list, quiet } from './install.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const HOOKS = 'http://metaipam-hooks.metaipam-system.svc/hooks/';
/** Of kubevirt: it takes it off when the machine and its last pod are gone. */
const FINALIZER = 'kubevirt.io/persistent-ipam';

const POOLS = `
apiVersion: ipam.cluster.x-k8s.io/v1alpha2
kind: GlobalInClusterIPPool
metadata: {name: blue, labels: {metaipam.io/network: blue}}
spec: {addresses: [192.168.200.0/24], prefix: 24, gateway: 192.168.200.1}
---
apiVersion: ipam.cluster.x-k8s.io/v1alpha2
kind: InClusterIPPool
metadata: {name: blue-v6, namespace: default, labels: {metaipam.io/network: blue}}
spec: {addresses: ["fd00:200::/64"], prefix: 64}
`;
const PLAIN = `
apiVersion: ipam.cluster.x-k8s.io/v1beta2
kind: IPAddressClaim
metadata: {name: machine, namespace: default}
spec: {poolRef: {apiGroup: ipam.cluster.x-k8s.io, kind: GlobalInClusterIPPool, name: blue}}
`;

const test = suite<{ installation: Installation }>('IPAM claims: ');
test.before(async (context) => {
  context.installation = await install({ serveArgs: ['--no-bind'], isAlone: true });
});
test.after(({ installation }) => installation?.stop());

/** A ConfigMap stands for the machine. */
async function machine({ plane }: Installation, name: string, network = 'blue'): Promise<void> {
  const owner = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default' } };
  const { body } = await plane.api('POST', '/api/v1/namespaces/default/configmaps', owner);
  const claim = {
    apiVersion: 'k8s.cni.cncf.io/v1alpha1',
    kind: 'IPAMClaim',
    metadata: {
      name: `${name}.${network}`,
      namespace: 'default',
      labels: { 'kubevirt.io/vm': name },
      finalizers: [FINALIZER],
      ownerReferences: [
        {
          apiVersion: 'v1',
          kind: 'ConfigMap',
          name,
          uid: body.metadata.uid,
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    spec: { network, interface: '' },
  };
  const { status } = await plane.api('POST', pathOf(), claim);
  assert.is(status, 201);
}

const pathOf = (name = '') =>
  `/apis/k8s.cni.cncf.io/v1alpha1/namespaces/default/ipamclaims${name && `/${name}`}`;
const read = async ({ plane }: Installation, name: string): Promise<IPAMClaim> =>
  (await plane.api('GET', pathOf(name))).body;
/** What the claim has, once it says that this is all. */
async function given(installation: Installation, name: string) {
  await eventually(`addresses of ${name}`, async () => {
    const { status } = await read(installation, name);
    return status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
  });
  const { status, metadata } = await read(installation, name);
  return { ips: status?.ips, gateways: metadata.annotations?.['metaipam.io/gateways'] };
}

test('without their CRD the controllers wait, and everything else goes on', async ({ installation }) => {
  const { plane } = installation;
  const url = await plane.kubectl([
    'get',
    'decoratorcontroller',
    'claims',
    '-o',
    'jsonpath={.spec.hooks.sync.webhook.url}',
  ]);
  for (const name of ['ipam-claim-router', 'ipam-claims']) {
    const text = readFileSync(join(ROOT, 'metacontroller/ipam-claims', `${name}.yaml`), 'utf8');
    const local = text.replaceAll(HOOKS, url.replace(/claims\/sync$/, ''));
    await plane.kubectl(['apply', '-f', '-'], local);
  }
  await plane.kubectl(['apply', '-f', '-'], `${POOLS}---${PLAIN}`);
  const addressed = async () => (await list(plane, 'ipaddresses.ipam.cluster.x-k8s.io')).length === 1;
  await eventually('the address of a plain claim', addressed);
  await quiet(installation);
  assert.ok(installation.metacontrollers.every(({ isRunning }) => isRunning));
});

test('claims are served once the CRD is there: both families, before their pods', async ({
  installation,
}) => {
  const { plane } = installation;
  await plane.kubectl(['apply', '-f', join(import.meta.dirname, 'ipam-claim-crd.yaml')]);
  await plane.kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s']);
  await machine(installation, 'vm-a');
  assert.equal(await given(installation, 'vm-a.blue'), {
    ips: ['192.168.200.3/24', 'fd00:200::1/64'],
    gateways: '192.168.200.1',
  });
  await machine(installation, 'vm-b');
  assert.equal((await given(installation, 'vm-b.blue')).ips, ['192.168.200.4/24', 'fd00:200::2/64']);
});

test("a claim of a network that is another IPAM's is not touched", async ({ installation }) => {
  await machine(installation, 'vm-c', 'green');
  await quiet(installation);
  const { metadata, status } = await read(installation, 'vm-c.green');
  assert.equal([status, metadata.annotations, metadata.finalizers], [undefined, undefined, [FINALIZER]]);
  assert.equal(metadata.labels, { 'kubevirt.io/vm': 'vm-c' });
});

test('who has the address: the claim, and whose that is', async ({ installation }) => {
  const { code, out } = await run(show.run, [
    `--kubeconfig=${installation.plane.kubeconfig}`,
    '192.168.200.3',
    '-o',
    'json',
  ]);
  assert.is(code, 0);
  const [{ holdings }] = JSON.parse(out).addresses;
  assert.is(holdings[0].holder, 'IPAddressClaim default/vm-a.blue-ipv4');
  assert.equal(holdings[0].owners, ['IPAMClaim default/vm-a.blue', 'ConfigMap default/vm-a']);
});

test('the address stays while the claim ends, and is free when it has ended', async ({ installation }) => {
  const { plane } = installation;
  await plane.kubectl(['delete', 'configmap', 'vm-a', '--namespace=default']);
  await eventually('the claim to be deleted', async () => {
    const { metadata } = await read(installation, 'vm-a.blue');
    return metadata.deletionTimestamp !== undefined;
  });
  await quiet(installation);
  assert.equal((await read(installation, 'vm-a.blue')).status?.ips, ['192.168.200.3/24', 'fd00:200::1/64']);
  assert.is((await list<KubernetesObject>(plane, 'ipaddresses.ipam.cluster.x-k8s.io')).length, 5);

  await plane.api(
    'PATCH',
    pathOf('vm-a.blue'),
    { metadata: { finalizers: null } },
    'application/merge-patch+json',
  );
  await eventually('the addresses to be free', async () => {
    return (await list(plane, 'ipaddresses.ipam.cluster.x-k8s.io')).length === 3;
  });
  await machine(installation, 'vm-d');
  assert.equal((await given(installation, 'vm-d.blue')).ips, ['192.168.200.3/24', 'fd00:200::1/64']);
});

test.run();
