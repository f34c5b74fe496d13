/**
 * The node agent as its DaemonSet runs it, on a real API server: its rights, in a root folder that holds Node.js and
 * its bundle alone, without capabilities. From there kube-node takes the ranges that the hooks gave the Node. And pods
 * in network namespaces, with what secondary networks say of the blocks of their nodes.
 */
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { loadAll } from 'js-yaml';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { buildAgent, buildNative, PLUGINS } from '../../cni/build.ts';
import {
  addresses,
  canMakeNamespaces,
  cniEnv,
  HOST_LOCAL,
  problem,
  run,
  scratch,
  withTools,
} from '../cni/kit.ts';
import { MACHINE_TOOLS, removeMachines } from '../cni/machine.ts';
import { registerSecondaryNetworks } from '../cni/secondary-networks.ts';
import { eventually, freePorts, type Program } from './control-plane.ts';
import { applyIPAMClaimCRD, type Installation, install } from './install.ts';
import { accepted } from './node-sandbox.ts';

const MANIFEST = join(import.meta.dirname, '../../cni/daemonset.yaml');
const CLAIM_RIGHTS = join(import.meta.dirname, '../../cni/ipam-claims.yaml');
const AGENT = 'metaipam-cni';
const NODE = 'worker';
const ANNOTATION = 'kube-node.nordix.org/storage';
const LAN = 'kube-node.nordix.org/lan';

const NETWORKS = `
apiVersion: networking.x-k8s.io/v1
kind: ClusterCIDR
metadata: {name: main}
spec: {perNodeHostBits: 8, ipv4: 10.244.0.0/16}
---
apiVersion: metaipam.io/v1alpha1
kind: PodNetwork
metadata: {name: storage}
spec: {target: node.metadata.annotations}
---
apiVersion: networking.x-k8s.io/v1
kind: ClusterCIDR
metadata: {name: storage, labels: {metaipam.io/network: storage}}
spec: {perNodeHostBits: 6, ipv4: 192.168.0.0/16}
---
apiVersion: metaipam.io/v1alpha1
kind: PodNetwork
metadata: {name: lan}
spec:
  target: node.metadata.annotations
  reservations: [{node: router, blocks: [10.77.0.0-10.77.0.49, 'fd77::-fd77::31']}]
  excludedAddresses: [10.77.0.50-10.77.0.97]
---
apiVersion: networking.x-k8s.io/v1
kind: ClusterCIDR
metadata:
  name: lan
  labels: {metaipam.io/network: lan}
  annotations: {metaipam.io/per-node-block-size: "50"}
spec: {perNodeHostBits: 4, ipv4: 10.77.0.0/24, ipv6: 'fd77::/64'}
`;

const test = suite('cni');
let installation: Installation;
let token: string;
test.before(async () => {
  installation = await install({ serveArgs: ['--cache-lag=2s'], isAlone: true });
  const { plane } = installation;
  await applyIPAMClaimCRD(plane);
  await plane.kubectl(['apply', '--server-side', '--validate=strict', '-f', MANIFEST]);
  await plane.kubectl(['apply', '--server-side', '-f', '-'], NETWORKS);
  const path = `/api/v1/namespaces/${AGENT}/serviceaccounts/${AGENT}/token`;
  const request = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} };
  token = accepted(await plane.api('POST', path, request)).status.token;
});
test.after(() => {
  removeMachines();
  return installation?.stop();
});

test('The manifest is what the API server keeps: nothing is unknown to it, or dropped', async () => {
  const text = await installation.plane.kubectl(['diff', '-f', MANIFEST]);
  assert.is(text, '');
});

async function may(...what: string[]): Promise<boolean> {
  const user = `--as=system:serviceaccount:${AGENT}:${AGENT}`;
  const answer = await installation.plane
    .kubectl(['auth', 'can-i', user, ...what])
    .catch((error: Error) => error.message);
  return answer.includes('yes');
}
const READ = ['get', 'list', 'watch'];
const WRITE = ['create', 'update', 'patch', 'delete'];

test('The agent may read Nodes, and do nothing else', async () => {
  for (const verb of READ) assert.ok(await may(verb, 'nodes'), verb);
  for (const verb of WRITE) assert.not(await may(verb, 'nodes'), verb);
  for (const kind of ['pods', 'ipamclaims', 'secrets', 'configmaps'])
    assert.not(await may('get', kind), kind);
});

test('Where it keeps IPAMClaims it may read them and pods besides, and do nothing else', async () => {
  const { plane } = installation;
  await plane.kubectl(['apply', '--server-side', '--validate=strict', '-f', CLAIM_RIGHTS]);
  assert.is(await plane.kubectl(['diff', '-f', CLAIM_RIGHTS]), '');
  await eventually('the rights to be known', () => may('list', 'pods'));
  for (const kind of ['pods', 'ipamclaims']) {
    for (const verb of READ) assert.ok(await may(verb, kind, '--all-namespaces'), `${verb} ${kind}`);
    for (const verb of WRITE) assert.not(await may(verb, kind), `${verb} ${kind}`);
  }
  for (const [kind, subresource] of [
    ['pods', 'exec'],
    ['pods', 'log'],
    ['ipamclaims', 'status'],
    ['secrets', ''],
  ] as const) {
    for (const verb of ['get', 'create', 'patch']) {
      assert.not(await may(verb, kind, `--subresource=${subresource}`), `${verb} ${kind}/${subresource}`);
    }
  }
});

const obstacles = [
  ...(process.getuid?.() === 0 ? [] : ['right to change the root folder']),
  ...['/usr/sbin/chroot', '/usr/bin/setpriv', HOST_LOCAL[0]].filter((path) => !existsSync(path)),
];
const native = scratch();
try {
  await buildNative(native);
} catch (error) {
  obstacles.push(`native programs: ${(error as Error).message}`);
}
if (obstacles.length > 0) {
  console.log(`# SKIPPED: the agent in an empty root folder: there is no ${obstacles.join(', no ')}`);
} else {
  test('In an empty root folder the agent installs the programs, and pods get the ranges of the Node', async () => {
    const root = scratch();
    const { plane } = installation;
    const { server } = JSON.parse(readFileSync(plane.kubeconfig, 'utf8')).clusters[0].cluster;
    const [probes] = await freePorts(1);
    await buildAgent(join(root, 'app/cni-agent.mjs'));
    for (const name of [...PLUGINS, 'fetch-node']) put(root, `/app/programs/${name}`, join(native, name));
    put(root, process.execPath);
    const libraries = execFileSync('ldd', [process.execPath], { encoding: 'utf8' });
    for (const [path] of libraries.matchAll(/\/\S+(?= \()/g)) put(root, path);
    for (const folder of ['host/cni-bin', 'host/cache']) mkdirSync(join(root, folder), { recursive: true });
    const account = join(root, 'var/run/secrets/kubernetes.io/serviceaccount');
    mkdirSync(account, { recursive: true });
    writeFileSync(join(account, 'token'), token);
    copyFileSync(join(plane.dir, 'pki/apiserver.crt'), join(account, 'ca.crt'));

    // biome-ignore lint/suspicious/noExplicitAny: manifests of several kinds
    const objects = loadAll(readFileSync(MANIFEST, 'utf8')) as any[];
    const [container] = objects.find(({ kind }) => kind === 'DaemonSet').spec.template.spec.containers;
    const env = {
      ...Object.fromEntries(
        container.env.map(({ name, value }: { name: string; value?: string }) => [name, value ?? NODE]),
      ),
      KUBERNETES_SERVICE_HOST: new URL(server).hostname,
      KUBERNETES_SERVICE_PORT: new URL(server).port,
      PROGRAMS: '/app/programs',
      PORT: String(probes),
      HOST_KUBECONFIG: '/host/cache/kubeconfig',
      IPAM_CLAIMS: 'true',
    };
    const agent: Program = plane.run('cni-agent', '/usr/bin/setpriv', [
      ...['--no-new-privs', '--inh-caps=-all', '--bounding-set=-all,+sys_chroot'],
      ...['/usr/bin/env', '-i', ...Object.entries(env).map((pair) => pair.join('='))],
      ...['/usr/sbin/chroot', root, process.execPath, '/app/cni-agent.mjs'],
    ]);
    const isReady = async () => (await fetch(`http://127.0.0.1:${probes}/readyz`)).ok;
    await eventually('the agent to be healthy', async () => {
      if (!agent.isRunning) throw new Error(agent.tail());
      return (await fetch(`http://127.0.0.1:${probes}/healthz`)).ok;
    });
    assert.not(await isReady(), 'there is no Node yet');
    accepted(await plane.api('POST', '/api/v1/nodes', { kind: 'Node', metadata: { name: NODE } }));
    await eventually('the agent to be ready', isReady);
    const bin = join(root, 'host/cni-bin');
    assert.equal(readdirSync(bin).sort(), ['fetch-node', ...PLUGINS].sort());

    const call = (command: string, ipam: object, extra: Record<string, string> = {}) =>
      run(join(bin, 'kube-node'), {
        env: cniEnv(command, 'c1', { METAIPAM_CNI_CACHE: join(root, 'host/cache'), ...extra }),
        stdin: JSON.stringify({
          ...{ cniVersion: '1.0.0', name: 'net' },
          ipam: { type: 'kube-node', dataDir: join(root, 'data'), ...ipam },
        }),
      });
    const cache = () => JSON.parse(readFileSync(join(root, 'host/cache/node.json'), 'utf8'));
    await eventually(
      'the ranges',
      async () => cache().podCIDRs.length > 0 && [ANNOTATION, LAN].every((key) => key in cache().annotations),
    );
    const [main] = addresses(await call('ADD', {})).ips;
    assert.match(main?.address ?? '', /^10\.244\.\d+\.2\/24$/);
    assert.is((await call('DEL', {})).status, 0);
    const [storage] = addresses(await call('ADD', { annotation: ANNOTATION })).ips;
    assert.match(storage?.address ?? '', /^192\.168\.\d+\.\d+\/26$/);

    // A pod that names a claim, which has addresses once it is there, and is on this node.
    const networks = [{ name: 'blue', interface: 'lan', 'ipam-claim-reference': 'vm' }];
    const pod = {
      metadata: {
        name: 'launcher',
        annotations: { 'k8s.v1.cni.cncf.io/networks': JSON.stringify(networks) },
      },
      spec: {
        ...{ nodeName: NODE, automountServiceAccountToken: false },
        containers: [{ name: 'compute', image: 'launcher' }],
      },
    };
    // The controller of service accounts does not run here.
    const podsAccount = { metadata: { name: 'default' } };
    accepted(await plane.api('POST', '/api/v1/namespaces/default/serviceaccounts', podsAccount));
    const { uid } = accepted(await plane.api('POST', '/api/v1/namespaces/default/pods', pod)).metadata;
    const blue = (extra: Record<string, string> = {}) =>
      run(join(bin, 'kube-node'), {
        env: cniEnv('ADD', 'c2', {
          METAIPAM_CNI_CACHE: join(root, 'host/cache'),
          CNI_IFNAME: 'lan',
          CNI_ARGS: `IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=launcher;K8S_POD_UID=${uid}`,
          ...extra,
        }),
        stdin: JSON.stringify({
          ...{ cniVersion: '1.0.0', name: 'blue', allowPersistentIPs: true },
          ipam: {
            type: 'kube-node',
            dataDir: join(root, 'data'),
            kubeconfig: join(root, 'host/cache/kubeconfig'),
          },
        }),
      });
    assert.match(problem(await blue()).details, 'IPAMClaim default/vm: the API server answers 404');
    const ipamClaims = '/apis/k8s.cni.cncf.io/v1alpha1/namespaces/default/ipamclaims';
    const claim = {
      apiVersion: 'k8s.cni.cncf.io/v1alpha1',
      kind: 'IPAMClaim',
      metadata: { name: 'vm', labels: { 'metaipam.io/network': 'blue' } },
      spec: { network: 'blue', interface: 'lan' },
    };
    accepted(await plane.api('POST', ipamClaims, claim));
    const claims = () => JSON.parse(readFileSync(join(root, 'host/cache/claims.json'), 'utf8')).claims;
    await eventually('the agent to see the claim', async () => 'default/vm' in claims());
    assert.match(problem(await blue()).details, /^IPAMClaim default\/vm has no address yet$/);
    const given = { status: { ips: ['10.9.0.7/16'] } };
    accepted(await plane.api('PATCH', `${ipamClaims}/vm/status`, given, 'application/merge-patch+json'));
    await eventually('the agent to see its address', async () => claims()['default/vm'].ips.length === 1);
    assert.is(addresses(await blue()).ips[0]?.address, '10.9.0.7/16');
    // The rights are enough for a host that asks for itself.
    assert.is((await blue({ CNI_COMMAND: 'DEL' })).status, 0);
    const asked = await blue({ METAIPAM_CNI_CACHE: join(root, 'elsewhere') });
    assert.is(addresses(asked).ips[0]?.address, '10.9.0.7/16');
    // Of fifty addresses from 10.77.0.50 on, which are a part of a subnet that nodes share, two are left for pods.
    const lan = (pod: string) => call('ADD', { annotation: LAN }, { CNI_CONTAINERID: pod });
    const [first, second] = [addresses(await lan('l1')).ips, addresses(await lan('l2')).ips];
    assert.equal(
      first?.map(({ address }) => address),
      ['10.77.0.98/24', 'fd77::32/64'],
    );
    assert.is(first?.[0]?.gateway, '10.77.0.1');
    assert.equal(
      second?.map(({ address }) => address),
      ['10.77.0.99/24', 'fd77::33/64'],
    );
    assert.match(problem(await lan('l3')).msg, /no IP addresses available/);

    // What a host without an agent does, with the credentials that the agent keeps for it.
    const kubeconfig = join(root, 'host/cache/kubeconfig');
    assert.is(statSync(kubeconfig).mode & 0o777, 0o600);
    const asking = { NODE_NAME: NODE, METAIPAM_CNI_CACHE: join(root, 'elsewhere') };
    assert.is((await call('DEL', {}, asking)).status, 0);
    assert.equal(addresses(await call('ADD', { kubeconfig }, asking)).ips[0]?.address.split('.')[0], '10');
    const unknown = { ...asking, NODE_NAME: 'unknown' };
    assert.match(problem(await call('ADD', { kubeconfig }, unknown)).details, 'Node not found');
    await agent.stop();
  });
}
await withTools(
  'pods of secondary networks',
  MACHINE_TOOLS,
  () => {
    const networks = '/apis/metaipam.io/v1alpha1/podnetworks';
    const get = async (path: string) => accepted(await installation.plane.api('GET', path));
    return registerSecondaryNetworks(test, {
      apply: async (yaml) => {
        await installation.plane.kubectl(['apply', '--server-side', '--validate=strict', '-f', '-'], yaml);
      },
      node: (name) => get(`/api/v1/nodes/${name}`),
      change: async (name, spec) => {
        const type = 'application/merge-patch+json';
        accepted(await installation.plane.api('PATCH', `${networks}/${name}`, { spec }, type));
        await eventually(`PodNetwork ${name} to be looked at`, async () => {
          const { metadata, status } = await get(`${networks}/${name}`);
          const ready = status.conditions.find((each: { type: string }) => each.type === 'Ready');
          return ready.observedGeneration === metadata.generation;
        });
      },
      until: eventually,
    });
  },
  () => (canMakeNamespaces() ? [] : ['root, or right to make network namespaces']),
);
test.run();

function put(root: string, path: string, from = path): void {
  const target = join(root, path);
  mkdirSync(dirname(target), { recursive: true });
  copyFileSync(from, target);
}
