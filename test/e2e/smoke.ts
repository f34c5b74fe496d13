/** A pool, a claim, a ClusterCIDR and a node, on any installation. */
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { ASSETS, type ControlPlane, Ended, eventually, type Program } from './control-plane.ts';

const ROOT = join(import.meta.dirname, '../..');
const OBJECTS = `
apiVersion: ipam.cluster.x-k8s.io/v1alpha2
kind: InClusterIPPool
metadata: {name: machines, namespace: default}
spec: {addresses: [10.0.0.10-10.0.0.20], prefix: 24, gateway: 10.0.0.1}
---
apiVersion: ipam.cluster.x-k8s.io/v1alpha2
kind: GlobalInClusterIPPool
metadata: {name: shared}
spec: {addresses: ["fd00::10-fd00::20"], prefix: 64}
---
apiVersion: ipam.cluster.x-k8s.io/v1beta2
kind: IPAddressClaim
metadata: {name: machine, namespace: default}
spec: {poolRef: {apiGroup: ipam.cluster.x-k8s.io, kind: InClusterIPPool, name: machines}}
---
apiVersion: ipam.cluster.x-k8s.io/v1beta2
kind: IPAddressClaim
metadata: {name: balancer, namespace: default}
spec: {poolRef: {apiGroup: ipam.cluster.x-k8s.io, kind: GlobalInClusterIPPool, name: shared}}
---
apiVersion: networking.x-k8s.io/v1
kind: ClusterCIDR
metadata: {name: everyone}
spec: {perNodeHostBits: 8, ipv4: 10.244.0.0/16}
---
apiVersion: v1
kind: Node
metadata: {name: worker}
`;

/** Applies the CRDs that metaipam needs and does not own, and starts what collects garbage. */
export async function prepare(plane: ControlPlane, folders: readonly string[] = []): Promise<void> {
  await plane.kubectl(['apply', '--server-side', '-f', join(ASSETS, '..', 'metacontroller-crds.yaml')]);
  for (const folder of folders) await plane.kubectl(['apply', '--server-side', '-k', join(ROOT, folder)]);
  await established(plane);
}

export async function established(plane: ControlPlane): Promise<void> {
  await plane.kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s']);
}

/** Runs `metaipam serve` with ports of its own and waits until it is ready. */
export async function startServer(
  plane: ControlPlane,
  script: string,
  args: readonly string[],
  port: number,
): Promise<Program> {
  const web = `--webserver-bind-address=127.0.0.1:${port}`;
  const env = { IPAM_KUBECONFIG: plane.kubeconfig, POD_NAME: 'e2e', POD_NAMESPACE: 'metaipam-system' };
  const server = plane.run('metaipam', process.execPath, [script, 'serve', web, ...args], env);
  await eventually('metaipam serve', async () => {
    if (!server.isRunning) throw new Ended(server);
    return (await fetch(`http://127.0.0.1:${port}/readyz`)).ok;
  });
  return server;
}

/** Every claim is answered, a node gets its CIDR, and an address goes with its claim. */
export async function smoke(plane: ControlPlane): Promise<void> {
  await plane.kubectl(['apply', '--server-side', '-f', '-'], OBJECTS);
  const get = (what: string) => plane.kubectl(['get', ...what.split(' ')]);
  const addresses = 'ipaddresses.ipam.cluster.x-k8s.io -n default -o jsonpath={.items[*].spec.address}';
  await eventually('two addresses', async () => (await get(addresses)).split(' ').length === 2);
  assert.equal((await get(addresses)).split(' ').sort(), ['10.0.0.10', 'fd00::10']);
  const cidrs = 'node worker -o jsonpath={.spec.podCIDRs[*]}';
  await eventually('the podCIDRs of the node', async () => (await get(cidrs)) !== '');
  assert.is(await get(cidrs), '10.244.0.0/24');
  await plane.kubectl(['delete', 'ipaddressclaim', 'machine', '-n', 'default', '--timeout=30s']);
  await eventually('one address', async () => (await get(addresses)) === 'fd00::10');
}

/** What the API server says of a pod of the template, in a namespace that enforces a Pod Security Standard. */
export async function tryPod(plane: ControlPlane, standard: string, template: object): Promise<string> {
  const name = `enforces-${standard}`;
  const labels = { 'pod-security.kubernetes.io/enforce': standard };
  await plane.api('POST', '/api/v1/namespaces', { metadata: { name, labels } });
  const pod = { ...structuredClone(template), metadata: { name: 'try' } };
  const { status, body } = await plane.api('POST', `/api/v1/namespaces/${name}/pods?dryRun=All`, pod);
  return status === 201 ? 'admitted' : body.message;
}
