/**
 * IPAMClaims, made as kubevirt's ipam-extensions makes them, on a control plane that has the component before it has
 * their CRD; and their pods, on two nodes that are network namespaces, each with what its agent keeps.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { keepClaims } from '../../cni/agent/keep-claims.ts';
import { buildNative } from '../../cni/build.ts';
import show from '../../lib/cli/show.ts';
import simulate from '../../lib/cli/simulate.ts';
import type { KnownClaims } from '../../lib/cni/known-claims.ts';
import type { IPAMClaim } from '../../lib/kubernetes/core-types.ts';
import type { KubernetesObject } from '../../lib/kubernetes/object.ts';
import { run } from '../cli/run.ts';
import {
  addresses,
  canMakeNamespaces,
  cniEnv,
  HOST_LOCAL,
  HOST_LOCAL_FOLDER,
  ip,
  run as runProgram,
  scratch,
  succeeded,
} from '../cni/kit.ts';
import { eventually } from './control-plane.ts';
import {
  applyIPAMClaimControllers,
  applyIPAMClaimCRD,
  type Installation,
  install,
  list,
  quiet,
} from './install.ts';

const ROOT = join(import.meta.dirname, '..', '..');
/** What the machines call their network, and KubeVirt the interface of their pods. */
const LAN = 'lan';
const INTERFACE = `pod${createHash('sha256').update(LAN).digest('hex').slice(0, 11)}`;
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

/** Enough of a machine to own a claim. */
const MACHINE_CRD = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: virtualmachines.kubevirt.io}
spec:
  group: kubevirt.io
  scope: Namespaced
  names: {kind: VirtualMachine, listKind: VirtualMachineList, plural: virtualmachines, singular: virtualmachine}
  versions:
    - name: v1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
`;

const test = suite<{ installation: Installation }>('IPAM claims: ');
test.before(async (context) => {
  context.installation = await install({ serveArgs: ['--no-bind'], isAlone: true });
});
test.after(({ installation }) => installation?.stop());

const MACHINES = '/apis/kubevirt.io/v1/namespaces/default/virtualmachines';

/** A machine with an interface in a network, and what KubeVirt's extension makes for that when it starts. */
async function machine({ plane }: Installation, name: string, network = 'blue'): Promise<void> {
  const owner = { apiVersion: 'kubevirt.io/v1', kind: 'VirtualMachine', metadata: { name } };
  const { status: made, body } = await plane.api('POST', MACHINES, owner);
  assert.is(made, 201, JSON.stringify(body));
  const claim = {
    apiVersion: 'k8s.cni.cncf.io/v1alpha1',
    kind: 'IPAMClaim',
    metadata: {
      name: claimOf(name),
      namespace: 'default',
      labels: { 'kubevirt.io/vm': name },
      finalizers: [FINALIZER],
      ownerReferences: [
        {
          apiVersion: owner.apiVersion,
          kind: owner.kind,
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

/** By the machine's own name for its network, which is not the network's. */
const claimOf = (machine: string) => `${machine}.${LAN}`;

const pathOf = (name = '') =>
  `/apis/k8s.cni.cncf.io/v1alpha1/namespaces/default/ipamclaims${name && `/${name}`}`;
const read = async ({ plane }: Installation, name: string): Promise<IPAMClaim> =>
  (await plane.api('GET', pathOf(name))).body;
/** So many IPAddresses: those of others have been freed. */
async function areLeft({ plane }: Installation, count: number): Promise<void> {
  await eventually(`${count} addresses to be left`, async () => {
    return (await list(plane, 'ipaddresses.ipam.cluster.x-k8s.io')).length === count;
  });
}

/** When the last pod of a deleted machine has ended, KubeVirt's extension lets go of the claim. */
async function endMachine(installation: Installation, name: string): Promise<void> {
  await deleteMachine(installation, name);
  await eventually(`${claimOf(name)} to be let go`, () => takeFinalizer(installation, name));
}

async function deleteMachine({ plane }: Installation, name: string): Promise<void> {
  assert.is((await plane.api('DELETE', `${MACHINES}/${name}`)).status, 200);
}

/** Whether it could: it is an update of what was read. */
async function takeFinalizer({ plane }: Installation, name: string): Promise<boolean> {
  const { body } = await plane.api('GET', pathOf(claimOf(name)));
  const { finalizers: _, ...metadata } = body.metadata;
  return (await plane.api('PUT', pathOf(claimOf(name)), { ...body, metadata })).status === 200;
}

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
  await applyIPAMClaimControllers(plane);
  await plane.kubectl(['apply', '-f', '-'], `${POOLS}---${PLAIN}---${MACHINE_CRD}`);
  const addressed = async () => (await list(plane, 'ipaddresses.ipam.cluster.x-k8s.io')).length === 1;
  await eventually('the address of a plain claim', addressed);
  await quiet(installation);
  assert.ok(installation.metacontrollers.every(({ isRunning }) => isRunning));
});

test('claims are served once the CRD is there: both families, before their pods', async ({
  installation,
}) => {
  const { plane } = installation;
  await applyIPAMClaimCRD(plane);
  await machine(installation, 'vm-a');
  assert.equal(await given(installation, claimOf('vm-a')), {
    ips: ['192.168.200.3/24', 'fd00:200::1/64'],
    gateways: '192.168.200.1',
  });
  await machine(installation, 'vm-b');
  assert.equal((await given(installation, claimOf('vm-b'))).ips, ['192.168.200.4/24', 'fd00:200::2/64']);
});

test("a claim of a network that is another IPAM's is not touched", async ({ installation }) => {
  await machine(installation, 'vm-c', 'green');
  await quiet(installation);
  const { metadata, status } = await read(installation, claimOf('vm-c'));
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
  assert.is(holdings[0].holder, 'IPAddressClaim default/vm-a.lan-ipv4');
  assert.equal(holdings[0].owners, ['IPAMClaim default/vm-a.lan', 'VirtualMachine default/vm-a']);
});

const bridge = `${HOST_LOCAL_FOLDER}/bridge`;
const native = scratch();
const obstacles = [HOST_LOCAL[0], bridge, '/usr/bin/nsenter'].filter((path) => !existsSync(path));
if (!canMakeNamespaces()) obstacles.push('right to make network namespaces');
try {
  await buildNative(native);
} catch (error) {
  obstacles.push(`native programs: ${(error as Error).message}`);
}
if (obstacles.length > 0) console.log(`# SKIPPED: pods of claims: there is no ${obstacles.join(', no ')}`);
else {
  test('the pods of a machine have its addresses on two nodes at once, and after it has moved; nobody is asked', async ({
    installation,
  }) => {
    const { plane } = installation;
    const nodes = ['one', 'two'].map((name) => new WorkerNode(installation, name));
    const [one, two] = nodes as [WorkerNode, WorkerNode];
    // Its controller does not run here.
    const account = { metadata: { name: 'default' } };
    await plane.api('POST', '/api/v1/namespaces/default/serviceaccounts', account);
    try {
      await one.pod('launcher-b1', 'vm-b');
      await one.sees(claimOf('vm-b'), ['192.168.200.4/24', 'fd00:200::2/64']);
      const source = addresses(await one.call('ADD', 'launcher-b1'));
      assert.equal(
        source.ips.map(({ address, gateway }) => [address, gateway]),
        [
          ['192.168.200.4/24', '192.168.200.1'],
          ['fd00:200::2/64', undefined],
        ],
      );
      // The machine moves: for a while there are two.
      await two.pod('launcher-b2', 'vm-b');
      await two.sees(claimOf('vm-b'), ['192.168.200.4/24', 'fd00:200::2/64']);
      assert.equal(addresses(await two.call('ADD', 'launcher-b2')).ips, source.ips);
      await one.end('launcher-b1');
      await eventually('the first node to forget', async () => Object.keys(one.known()!.claims).length === 0);
      assert.equal((await given(installation, claimOf('vm-b'))).ips, ['192.168.200.4/24', 'fd00:200::2/64']);
      assert.equal(await two.addressesIn('launcher-b2'), ['192.168.200.4/24', 'fd00:200::2/64']);

      // Stopped, and started again where it was first: meanwhile a machine is made, and gets others.
      await two.end('launcher-b2');
      await eventually('the second node to forget', async () => Object.keys(two.known()!.pods).length === 0);
      await quiet(installation);
      await machine(installation, 'vm-s');
      assert.equal((await given(installation, claimOf('vm-s'))).ips, ['192.168.200.5/24', 'fd00:200::3/64']);
      await one.pod('launcher-b3', 'vm-b');
      await one.sees(claimOf('vm-b'), ['192.168.200.4/24', 'fd00:200::2/64']);
      assert.equal(addresses(await one.call('ADD', 'launcher-b3')).ips, source.ips);
      await endMachine(installation, 'vm-s');
      await areLeft(installation, 5);

      // Of a claim without addresses the pod waits, until there are.
      await two.pod('launcher-w', 'vm-w');
      const early = await two.call('ADD', 'launcher-w');
      assert.is(JSON.parse(early.out).code, 11);
      // As a runtime does, which begins anew.
      succeeded(await two.call('DEL', 'launcher-w'));
      await machine(installation, 'vm-w');
      const { ips } = await given(installation, claimOf('vm-w'));
      await two.sees(claimOf('vm-w'), ips!);
      assert.equal(
        addresses(await two.call('ADD', 'launcher-w')).ips.map(({ address }) => address),
        ips,
      );
      succeeded(await two.call('DEL', 'launcher-w'));

      // The claim is made anew, and somebody else has its address by then.
      await endMachine(installation, 'vm-w');
      await eventually(
        'the claim to go',
        async () => (await plane.api('GET', pathOf(claimOf('vm-w')))).status === 404,
      );
      await eventually(
        'the node to forget it',
        async () => !(`default/${claimOf('vm-w')}` in two.known()!.claims),
      );
      await areLeft(installation, 5);
      await machine(installation, 'vm-x');
      assert.equal((await given(installation, claimOf('vm-x'))).ips, ips);
      await machine(installation, 'vm-w');
      const anew = (await given(installation, claimOf('vm-w'))).ips!;
      assert.is.not(anew[0], ips![0]);
      await two.sees(claimOf('vm-w'), anew);
      assert.equal(
        addresses(await two.call('ADD', 'launcher-w')).ips.map(({ address }) => address),
        anew,
      );
      await two.end('launcher-w');
      await one.end('launcher-b3');
      assert.equal([...one.problems, ...two.problems], []);
    } finally {
      for (const node of nodes) await node.stop();
    }
    for (const name of ['vm-w', 'vm-x']) {
      await endMachine(installation, name);
    }
    await areLeft(installation, 5);
  });
}

test('the address stays while the claim ends, and is free when it has ended', async ({ installation }) => {
  const { plane } = installation;
  await deleteMachine(installation, 'vm-a');
  await eventually('the claim to be deleted', async () => {
    const { metadata } = await read(installation, claimOf('vm-a'));
    return metadata.deletionTimestamp !== undefined;
  });
  await quiet(installation);
  assert.equal((await read(installation, claimOf('vm-a'))).status?.ips, [
    '192.168.200.3/24',
    'fd00:200::1/64',
  ]);
  assert.is((await list<KubernetesObject>(plane, 'ipaddresses.ipam.cluster.x-k8s.io')).length, 5);

  await eventually('the claim to be let go', () => takeFinalizer(installation, 'vm-a'));
  await areLeft(installation, 3);
  await machine(installation, 'vm-d');
  assert.equal((await given(installation, claimOf('vm-d'))).ips, ['192.168.200.3/24', 'fd00:200::1/64']);
});

test('the example comes out as metaipam simulate says', async ({ installation }) => {
  const file = join(ROOT, 'examples/22-virtual-machines.yaml');
  const { out } = await run(simulate.run, ['-f', file, '-o', 'json']);
  const { items } = JSON.parse(out) as { items: IPAMClaim[] };
  const simulated = items.filter(({ kind }) => kind === 'IPAMClaim');
  await installation.plane.kubectl(['apply', '-f', file]);
  const served = simulated.filter(({ status }) => status !== undefined);
  assert.is(served.length, 2);
  for (const { metadata, status } of served) {
    assert.equal((await given(installation, metadata.name)).ips, status?.ips, metadata.name);
  }
  await quiet(installation);
  for (const { metadata } of simulated.filter(({ status }) => status === undefined)) {
    assert.is((await read(installation, metadata.name)).status, undefined, metadata.name);
  }
});

/** A network namespace with a bridge, and an agent that keeps the claims of its pods. There are no credentials on it. */
class WorkerNode {
  readonly problems: object[] = [];
  readonly #installation: Installation;
  readonly #name: string;
  readonly #work = scratch();
  readonly #namespaces: string[] = [];
  readonly #netns: string;
  readonly #end = new AbortController();
  readonly #keeping: Promise<void>;

  constructor(installation: Installation, name: string) {
    this.#installation = installation;
    this.#name = name;
    this.#netns = this.#namespace('node');
    process.env.KUBECONFIG = installation.plane.kubeconfig;
    this.#keeping = keepClaims({
      node: name,
      file: join(this.#work, 'claims.json'),
      signal: this.#end.signal,
      log: (msg, fields) => this.problems.push({ msg, ...fields }),
    });
  }

  #namespace(name: string): string {
    const full = `metaipam-${process.pid}-${this.#name}-${name}`;
    ip('netns', 'add', full);
    this.#namespaces.push(full);
    return `/run/netns/${full}`;
  }

  #netnsOf(pod: string): string {
    return `/run/netns/metaipam-${process.pid}-${this.#name}-${pod}`;
  }

  /** A pod of a machine that the scheduler has placed here, with the annotation as KubeVirt's extension leaves it. */
  async pod(name: string, machine: string): Promise<void> {
    this.#namespace(name);
    const network = { name: 'blue', namespace: 'default', interface: INTERFACE };
    const networks = JSON.stringify([{ ...network, 'ipam-claim-reference': claimOf(machine) }]);
    const { status, body } = await this.#installation.plane.api('POST', '/api/v1/namespaces/default/pods', {
      metadata: {
        name,
        labels: { 'kubevirt.io': 'virt-launcher', 'vm.kubevirt.io/name': machine },
        annotations: { 'kubevirt.io/domain': machine, 'k8s.v1.cni.cncf.io/networks': networks },
      },
      spec: {
        nodeName: this.#name,
        automountServiceAccountToken: false,
        containers: [{ name: 'compute', image: 'launcher' }],
      },
    });
    assert.is(status, 201, JSON.stringify(body));
  }

  async end(pod: string): Promise<void> {
    succeeded(await this.call('DEL', pod));
    await this.#installation.plane.kubectl(['delete', 'pod', pod, '--force', '--grace-period=0']);
  }

  known(): KnownClaims | undefined {
    const file = join(this.#work, 'claims.json');
    return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
  }

  async sees(claim: string, ips: readonly string[]): Promise<void> {
    const text = JSON.stringify(ips);
    await eventually(`the agent to see ${claim}`, async () => {
      return JSON.stringify(this.known()?.claims[`default/${claim}`]?.ips) === text;
    });
  }

  call(command: string, pod: string) {
    return runProgram('/usr/bin/nsenter', {
      args: [`--net=${this.#netns}`, bridge],
      env: {
        PATH: process.env.PATH ?? '',
        ...cniEnv(command, pod, {
          ...{
            CNI_NETNS: this.#netnsOf(pod),
            CNI_IFNAME: INTERFACE,
            CNI_PATH: `${native}:${HOST_LOCAL_FOLDER}`,
          },
          CNI_ARGS: `IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=${pod}`,
          METAIPAM_CNI_CACHE: this.#work,
        }),
      },
      stdin: JSON.stringify({
        ...{ cniVersion: '1.0.0', name: 'blue', type: 'bridge', bridge: 'blue0', allowPersistentIPs: true },
        ipam: { type: 'kube-node', dataDir: join(this.#work, 'addresses') },
      }),
    });
  }

  async addressesIn(pod: string): Promise<string[]> {
    const args = [`--net=${this.#netnsOf(pod)}`, 'ip', '-j', 'addr', 'show', INTERFACE];
    const { out } = await runProgram('/usr/bin/nsenter', { args, env: { PATH: process.env.PATH ?? '' } });
    const [{ addr_info: all }] = JSON.parse(out);
    return all
      .filter(({ scope }: { scope: string }) => scope === 'global')
      .map(({ local, prefixlen }: { local: string; prefixlen: number }) => `${local}/${prefixlen}`);
  }

  async stop(): Promise<void> {
    this.#end.abort();
    await this.#keeping;
    for (const name of this.#namespaces) ip('netns', 'del', name);
  }
}

test.run();
