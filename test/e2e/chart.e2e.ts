/** The Helm chart on a real control plane: installed, upgraded and removed, with the server and Metacontroller as its accounts. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { dump, loadAll } from 'js-yaml';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { CHART } from '../../charts/build.ts';
import { find, HELM, helm, type Manifest, NO_HELM, template } from '../chart/helm.ts';
import { certificate } from '../server/certificate.ts';
import { ALLOCATION_RESOURCE, type Allocation, allocationsOf } from './allocations.ts';
import { ASSETS, ControlPlane, Ended, eventually, freePorts, type Program } from './control-plane.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const NAMESPACE = 'metaipam-system';
const POOLS = '/apis/ipam.cluster.x-k8s.io/v1alpha2/namespaces/default/inclusterippools';
const CLAIMS = '/apis/ipam.cluster.x-k8s.io/v1beta2/namespaces/default/ipaddressclaims';
const ADDRESSES = '/apis/ipam.cluster.x-k8s.io/v1beta2/namespaces/default/ipaddresses';
const CI = ['default', 'minimal', 'v1beta1', 'without-cluster-api', 'cni', 'combined', 'everything'];

/** Kinds of the Prometheus operator and of cert-manager, whose schemas are not ours to test. */
const FOREIGN: [group: string, version: string, kind: string][] = [
  ['monitoring.coreos.com', 'v1', 'ServiceMonitor'],
  ['monitoring.coreos.com', 'v1', 'PrometheusRule'],
  ['cert-manager.io', 'v1', 'Certificate'],
  ['cert-manager.io', 'v1', 'Issuer'],
];

const test = suite('chart');
let plane: ControlPlane;
let server: Program;
let metacontroller: Program;
let hooksPort = 0;
let webPort = 0;

const release = (verb: string, values: object = {}, ...args: string[]) => {
  const env = { KUBECONFIG: plane.kubeconfig, HOME: plane.dir, HELM_CACHE_HOME: join(plane.dir, 'helm') };
  const chart = verb === 'uninstall' ? [] : [CHART, '--values=-'];
  return helm([verb, 'metaipam', ...chart, `--namespace=${NAMESPACE}`, ...args], env, JSON.stringify(values));
};
const apply = (objects: readonly Manifest[], ...args: string[]) =>
  plane.kubectl(
    ['apply', '--server-side', '--force-conflicts', ...args, '-f', '-'],
    objects.map((object) => dump(object)).join('---\n'),
  );

/** A kubeconfig of the chart's ServiceAccount, which may do what the chart allows it. */
async function accountKubeconfig(): Promise<string> {
  const token = await plane.kubectl(['create', 'token', 'metaipam', `--namespace=${NAMESPACE}`]);
  const config = JSON.parse(readFileSync(plane.kubeconfig, 'utf8'));
  config.users[0].user = { token: token.trim() };
  const path = join(plane.dir, 'account.json');
  writeFileSync(path, JSON.stringify(config));
  return path;
}

/** The server as the container would run it, but on the ports of the test. */
async function startServer(name: string, ...args: string[]): Promise<void> {
  await server?.stop();
  const env = {
    IPAM_KUBECONFIG: await accountKubeconfig(),
    POD_NAME: name,
    POD_NAMESPACE: NAMESPACE,
    METAIPAM_CACHE_LAG: '3s',
  };
  const addresses = [
    `--hooks-bind-address=127.0.0.1:${hooksPort}`,
    `--webserver-bind-address=127.0.0.1:${webPort}`,
  ];
  const argv = [join(ROOT, 'lib', 'cli', 'metaipam.ts'), 'serve', ...addresses, ...args];
  server = plane.run(name, process.execPath, argv, env);
  await eventually('metaipam serve', async () => {
    if (!server.isRunning) throw new Ended(server);
    return (await fetch(`http://127.0.0.1:${webPort}/readyz`)).ok;
  });
}

const combined = () => ({ combined: { enabled: true }, hooks: { port: hooksPort } });

/** The one pod of server and Metacontroller, as the chart has it, with the account that there is now. */
async function startPod(name: string): Promise<void> {
  await metacontroller.stop();
  await startServer(name);
  const { containers } = find(template(combined()), 'Deployment').spec.template.spec;
  const { args } = containers.find(({ name }: Manifest) => name === 'metacontroller');
  const kubeconfig = `--kubeconfig=${await accountKubeconfig()}`;
  const onFreePorts = args.filter((argument: string) => !/address=/.test(argument));
  metacontroller = await plane.startMetacontroller(`metacontroller-${name}`, [...onFreePorts, kubeconfig]);
}

async function claim(name: string): Promise<void> {
  const poolRef = { apiGroup: 'ipam.cluster.x-k8s.io', kind: 'InClusterIPPool', name: 'pool' };
  const body = {
    apiVersion: 'ipam.cluster.x-k8s.io/v1beta2',
    kind: 'IPAddressClaim',
    metadata: { name },
    spec: { poolRef },
  };
  assert.is((await plane.api('POST', CLAIMS, body)).status, 201);
  await eventually(`the address of ${name}`, async () => {
    return (await plane.api('GET', `${ADDRESSES}/${name}`)).body.spec?.address !== undefined;
  });
}

async function letGo(name: string): Promise<void> {
  await plane.api('DELETE', `${CLAIMS}/${name}`);
  await eventually(
    `${name} to be gone`,
    async () => (await plane.api('GET', `${CLAIMS}/${name}`)).status === 404,
  );
}

/** What the account was not allowed to do, as logs tell. */
const forbidden = (program: Program) =>
  readFileSync(program.log, 'utf8')
    .split('\n')
    .filter((line) => /forbidden|Unauthorized/i.test(line))
    .slice(0, 3);

test.before(async () => {
  [hooksPort, webPort] = (await freePorts(2)) as [number, number];
  plane = await ControlPlane.start();
  const crds = [
    join(ASSETS, '..', 'metacontroller-crds.yaml'),
    join(import.meta.dirname, 'cluster-crd.yaml'),
  ];
  for (const path of crds) await plane.kubectl(['apply', '--server-side', '-f', path]);
  await plane.kubectl(['apply', '--server-side', '-k', join(ROOT, 'crds', 'cluster-api')]);
  await apply(FOREIGN.map(([group, version, kind]) => foreignCrd(group, version, kind)));
  await plane.kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s']);
  const enforce = { 'pod-security.kubernetes.io/enforce': 'restricted' };
  await apply([
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE, labels: enforce } },
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'addresses' } },
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'metaipam-cni' } },
  ]);
});
test.after(() => plane?.stop());

test('helm install brings all of it, the PodNetwork last, and says what to do next', async () => {
  const notes = release('install', {
    hooks: { url: `http://127.0.0.1:${hooksPort}` },
    defaultPodNetwork: { serviceCIDRs: ['10.96.0.0/12'] },
  });
  assert.match(notes, '--client-go-qps=200');
  assert.match(notes, `kubectl -n ${NAMESPACE} rollout status deployment/metaipam`);
  const { body } = await plane.api('GET', '/apis/metaipam.io/v1alpha1/podnetworks/default');
  assert.is(body.spec.target, 'node.spec.podCIDRs');
  const policies = await plane.kubectl(['get', 'mutatingadmissionpolicies', '--output=name']);
  assert.match(policies, 'metaipam-claim-routing');
  // The garbage collector learns of kinds at its start.
  await plane.startControllerManager();
});

for (const name of CI) {
  test(`the API server takes every object of ${name}, and the pods are fit for a restricted namespace`, async () => {
    const objects = template(name);
    const output = await apply(objects, '--dry-run=server', '--validate=strict');
    assert.is(output.trim().split('\n').length, objects.length);
    const { metadata, spec } = find(objects, 'Deployment').spec.template;
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { ...metadata, name, namespace: NAMESPACE },
      spec,
    };
    const admitted = apply([pod], '--dry-run=server', '--validate=strict').then(
      () => '',
      (error: Error) => error.message,
    );
    if (name === 'combined') assert.match(await admitted, /violates PodSecurity.*host namespaces/);
    else assert.is(await admitted, '');
  });
}

test('Metacontroller and the server, as the account of the chart, serve a claim and a node', async () => {
  await startServer('first');
  metacontroller = await plane.startMetacontroller('metacontroller-1');
  const pool = {
    apiVersion: 'ipam.cluster.x-k8s.io/v1alpha2',
    kind: 'InClusterIPPool',
    metadata: { name: 'pool' },
    spec: { addresses: ['10.0.0.10-10.0.0.19'], prefix: 24, gateway: '10.0.0.1' },
  };
  assert.is((await plane.api('POST', POOLS, pool)).status, 201);
  await claim('over-http');
  await apply([
    {
      apiVersion: 'networking.x-k8s.io/v1',
      kind: 'ClusterCIDR',
      metadata: { name: 'pods' },
      spec: { perNodeHostBits: 8, ipv4: '10.244.0.0/16' },
    },
    { apiVersion: 'v1', kind: 'Node', metadata: { name: 'worker' } },
  ]);
  await eventually('podCIDRs', async () => {
    const { body } = await plane.api('GET', '/api/v1/nodes/worker');
    return body.spec.podCIDRs?.[0] === '10.244.0.0/24';
  });
  assert.equal(forbidden(server), []);
});

test('the account may do no more than the binder and the janitor do', async () => {
  const as = `--as=system:serviceaccount:${NAMESPACE}:metaipam`;
  const may = (...args: string[]) =>
    plane.kubectl(['auth', 'can-i', as, ...args]).then(
      (answer) => answer.trim() === 'yes',
      () => false,
    );
  assert.ok(await may('create', 'events', '--namespace=default'));
  assert.ok(await may('patch', 'nodes'));
  assert.ok(await may('delete', ALLOCATION_RESOURCE));
  for (const [verb, resource] of [
    ['update', 'nodes'],
    ['get', 'secrets'],
    ['create', 'events'],
    ['list', 'leases'],
    ['create', 'ipaddresses.ipam.cluster.x-k8s.io'],
    ['delete', 'ipaddressclaims'],
    ['update', 'inclusterippools'],
  ]) {
    assert.not.ok(await may(verb!, resource!, `--namespace=${NAMESPACE}`), `${verb} ${resource}`);
  }
});

test('helm upgrade takes the PodNetwork over, and turns to HTTPS', async () => {
  const { certFile, keyFile } = certificate(plane.dir, 'hooks');
  const files = ['tls.crt', 'ca.crt'].map((key) => `--from-file=${key}=${certFile}`);
  const secret = ['create', 'secret', 'generic', 'certificate', `--namespace=${NAMESPACE}`];
  await plane.kubectl([...secret, ...files, `--from-file=tls.key=${keyFile}`]);
  const values = {
    hooks: { url: `https://127.0.0.1:${hooksPort}` },
    tls: { enabled: true, secretName: 'certificate' },
  };
  // Helm 3 changes nothing about an object in the upgrade that takes it over.
  release('upgrade', { ...values, defaultPodNetwork: { serviceCIDRs: ['10.96.0.0/12'] } });
  release('upgrade', { ...values, defaultPodNetwork: { serviceCIDRs: ['10.100.0.0/16'] } });
  const { body } = await plane.api('GET', '/apis/metaipam.io/v1alpha1/podnetworks/default');
  assert.equal(body.spec.serviceCIDRs, ['10.100.0.0/16']);
  await startServer('second', `--hooks-tls-cert-file=${certFile}`, `--hooks-tls-key-file=${keyFile}`);
  await claim('over-https');
  await letGo('over-http');
});

test('in one pod, Metacontroller does all of its work with what the chart allows it', async () => {
  release('upgrade', combined());
  await startPod('third');
  await claim('together');
  await letGo('over-https');
  await apply([{ apiVersion: 'v1', kind: 'Node', metadata: { name: 'another' } }]);
  await eventually('podCIDRs', async () => {
    const { body } = await plane.api('GET', '/api/v1/nodes/another');
    return body.spec.podCIDRs?.[0] === '10.244.1.0/24';
  });
  await plane.api('DELETE', '/api/v1/nodes/another');
  await eventually('the block to be free', async () => {
    const { body } = await plane.api('GET', '/apis/networking.x-k8s.io/v1/clustercidrs/pods');
    return body.status?.ipv4?.used === 1;
  });
  assert.equal(forbidden(metacontroller), []);
  assert.equal(forbidden(server), []);
});

test('metaipam doctor finds the server in its pod, and controllers, CRDs and permissions in order', async () => {
  const main = join(ROOT, 'lib', 'cli', 'metaipam.ts');
  // No pod of it runs here: exit code 2.
  const { stdout } = spawnSync(process.execPath, [main, 'doctor', '--output=json'], {
    encoding: 'utf8',
    env: { ...process.env, KUBECONFIG: plane.kubeconfig },
  });
  const { findings } = JSON.parse(stdout) as { findings: { check: string; verdict: string }[] };
  for (const check of ['crds', 'controllers', 'hook-service', 'permissions', 'lease', 'admission']) {
    const verdicts = findings.filter((finding) => finding.check === check).map(({ verdict }) => verdict);
    assert.equal(verdicts, ['ok'], check);
  }
});

test('helm uninstall leaves pools, claims, addresses and the PodNetwork; the next install goes on', async () => {
  const uid = async (path: string) => (await plane.api('GET', path)).body.metadata.uid;
  const paths = [`${POOLS}/pool`, `${ADDRESSES}/together`, '/apis/metaipam.io/v1alpha1/podnetworks/default'];
  const allocation = await allocationOf('together');
  const before = await Promise.all(paths.map(uid));
  release('uninstall');
  assert.is(
    (await plane.kubectl(['get', 'compositecontrollers,decoratorcontrollers', '-o=name'])).trim(),
    '',
  );
  assert.equal(await Promise.all(paths.map(uid)), before);
  assert.equal(await allocationOf('together'), allocation);
  release('install', combined());
  await startPod('fourth');
  await claim('afterwards');
  assert.equal(await Promise.all(paths.map(uid)), before);
  assert.equal(await allocationOf('together'), allocation);
});

test('what kubectl has installed is taken over, and goes on', async () => {
  const crds = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
  const path = `${crds}/inclusterippools.ipam.cluster.x-k8s.io`;
  const networks = '/apis/metaipam.io/v1alpha1/podnetworks/default';
  release('uninstall');
  const marks = ['helm.sh/resource-policy-', 'meta.helm.sh/release-name-', 'meta.helm.sh/release-namespace-'];
  for (const kind of ['crd', 'podnetwork']) {
    await plane.kubectl(['annotate', kind, '--all', ...marks]);
    await plane.kubectl(['label', kind, '--all', 'app.kubernetes.io/managed-by-']);
  }
  const kustomize = await plane.kubectl(['kustomize', join(ROOT, 'metacontroller')]);
  const url = 'http://metaipam-hooks.metaipam-system.svc';
  const manifest = kustomize.replaceAll(url, `http://127.0.0.1:${hooksPort}`);
  await plane.kubectl(['apply', '--server-side', '--force-conflicts', '-f', '-'], manifest);
  const uids = () =>
    Promise.all([path, networks].map(async (one) => (await plane.api('GET', one)).body.metadata.uid));
  const before = await uids();
  await plane.kubectl(['delete', 'deployment', 'metaipam', `--namespace=${NAMESPACE}`]);
  const values = { combined: { enabled: true }, hooks: { port: hooksPort } };
  assert.throws(() => release('install', values), /invalid ownership metadata/);
  const isOlder = helm(['version', '--short']).startsWith('v3.');
  release('install', values, '--take-ownership', ...(isOlder ? [] : ['--force-conflicts']));
  assert.equal(await uids(), before);
  const { metadata } = (await plane.api('GET', path)).body;
  assert.is(metadata.annotations['helm.sh/resource-policy'], 'keep');
  // Without its permissions it gave up its Lease, and ended.
  await metacontroller.stop();
  metacontroller = await plane.startMetacontroller('metacontroller-3');
  await claim('taken-over');
});

test('with the components of kustomize it makes what they make', async () => {
  const overlay = join(plane.dir, 'overlay');
  mkdirSync(overlay);
  const folder = relative(overlay, join(ROOT, 'metacontroller'));
  const rows = [
    ['cluster-api-v1beta1', 'v1beta1', '--cluster-api-version=v1beta1'],
    ['without-cluster-api', 'none', '--watch-clusters=false'],
  ] as const;
  const compared = (objects: Manifest[]) =>
    objects
      .filter(({ kind }) => /Controller$|^CustomResource/.test(kind))
      .map(({ kind, metadata, spec }) => ({ kind, name: metadata.name, spec }))
      .sort((a, b) => `${a.kind}/${a.name}`.localeCompare(`${b.kind}/${b.name}`));
  for (const [component, version, argument] of rows) {
    writeFileSync(
      join(overlay, 'kustomization.yaml'),
      dump({ resources: [folder], components: [`${folder}/ipam-claims`, `${folder}/${component}`] }),
    );
    const kustomize = loadAll(await plane.kubectl(['kustomize', overlay])) as Manifest[];
    const chart = template({ clusterApi: { version }, ipamClaims: { enabled: true } });
    assert.equal(compared(chart), compared(kustomize));
    for (const objects of [chart, kustomize])
      assert.ok(find(objects, 'Deployment').spec.template.spec.containers[0].args.includes(argument));
  }
});

async function allocationOf(name: string): Promise<Allocation> {
  const pool = { kind: 'InClusterIPPool', namespace: 'default', name: 'pool' };
  const found = (await allocationsOf(plane, pool)).find(({ claim }) => claim.name === name);
  assert.ok(found, `${name} has no allocation`);
  return found;
}

function foreignCrd(group: string, version: string, kind: string): Manifest {
  const plural = `${kind.toLowerCase()}s`;
  const schema = {
    openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
  };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { kind, plural },
      versions: [{ name: version, served: true, storage: true, schema }],
    },
  };
}

if (HELM === undefined) {
  console.log(NO_HELM);
  const skipped = suite('chart');
  skipped.skip('everything', () => {});
  skipped.run();
} else {
  test.run();
}
