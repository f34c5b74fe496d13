/** `metaipam doctor` on a real API server: a sound install, then one thing wrong after another. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import doctor from '../../lib/cli/doctor.ts';
import type { Diagnosis } from '../../lib/doctor/finding.ts';
import { type Run, run } from '../cli/run.ts';
import { eventually, freePorts } from './control-plane.ts';
import { type Installation, install } from './install.ts';
import { succeeded } from './sandbox.ts';

const SYSTEM = '/api/v1/namespaces/metaipam-system';
const DEPLOYMENTS = '/apis/apps/v1/namespaces/metaipam-system/deployments';
const CONTROLLERS = '/apis/metacontroller.k8s.io/v1alpha1';
const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const ROLE = '/apis/rbac.authorization.k8s.io/v1/clusterroles/metaipam-binder';
const SERVICE = 'http://metaipam-hooks.metaipam-system.svc/hooks/';
const MERGE = 'application/merge-patch+json';

const test = suite('doctor');
let installation: Installation;

const api = async (method: string, path: string, body?: object, type?: string) =>
  succeeded(await installation.plane.api(method, path, body, type));
const patch = (path: string, change: object) => api('PATCH', path, change, MERGE);

function runDoctor(...argv: string[]): Promise<Run> {
  return run(doctor.run, [`--kubeconfig=${installation.plane.kubeconfig}`, ...argv]);
}

/** What is not in order, and the exit code. */
async function complaints(): Promise<{ code: number; lines: string[] }> {
  const { code, out, err } = await runDoctor('-o', 'json');
  assert.is(err, '');
  const { findings } = JSON.parse(out) as { findings: Diagnosis[] };
  const lines = findings
    .filter(({ verdict }) => verdict !== 'ok')
    .map(({ check, verdict, message, fix }) => {
      if (verdict !== 'unknown') assert.ok(fix, message);
      return `${verdict} ${check}: ${message}`;
    });
  return { code, lines };
}

const READ = ['get', 'list', 'watch'];
const TAKEN_AWAY: [verbs: string[], resource: string][] = [
  [['patch'], 'nodes'],
  [READ, 'clustercidrs.networking.x-k8s.io'],
  [READ, 'ipaddressclaims.ipam.cluster.x-k8s.io'],
  [READ, 'inclusterippools.ipam.cluster.x-k8s.io'],
  [READ, 'globalinclusterippools.ipam.cluster.x-k8s.io'],
  [READ, 'inclusterprefixpools.ipam.cluster.x-k8s.io'],
  [READ, 'globalinclusterprefixpools.ipam.cluster.x-k8s.io'],
  [['patch'], 'inclusterippools/status.ipam.cluster.x-k8s.io'],
  [['patch'], 'globalinclusterippools/status.ipam.cluster.x-k8s.io'],
  [['patch'], 'inclusterprefixpools/status.ipam.cluster.x-k8s.io'],
  [['patch'], 'globalinclusterprefixpools/status.ipam.cluster.x-k8s.io'],
  [[...READ, 'update', 'delete'], 'ipaddresses.ipam.cluster.x-k8s.io'],
  [READ, 'podnetworks.metaipam.io'],
  [[...READ, 'create', 'update', 'patch', 'delete'], 'allocationslices.metaipam.io'],
  [['list', 'watch', 'update', 'delete'], 'podcidrclaims.metaipam.io'],
  [['update'], 'nodes/finalizers'],
  [['update'], 'ipaddressclaims/finalizers.ipam.cluster.x-k8s.io'],
  [['update'], 'inclusterippools/finalizers.ipam.cluster.x-k8s.io'],
  [['update'], 'globalinclusterippools/finalizers.ipam.cluster.x-k8s.io'],
  [['update'], 'inclusterprefixpools/finalizers.ipam.cluster.x-k8s.io'],
  [['update'], 'globalinclusterprefixpools/finalizers.ipam.cluster.x-k8s.io'],
];

test.before(async () => {
  installation = await install({ metacontrollers: 0, isAlone: true });
});
test.after(() => installation?.stop());

test('an install without its Deployments: what is missing, and how to mend it', async () => {
  const { code, lines } = await complaints();
  assert.is(code, 2);
  assert.equal(lines, [
    'error metacontroller: no Deployment, StatefulSet or DaemonSet runs an image called metacontroller',
    'error server: no Deployment, StatefulSet or DaemonSet serves the hooks',
  ]);
});

test('a sound install: nothing to say, exit 0', async () => {
  await makeSound();
  const { code, out, err } = await runDoctor();
  assert.is(err, '');
  assert.not.match(out, /^(warning|error|unknown)/m);
  assert.match(out, /\d+ CRDs as of this release/);
  assert.match(out, /\d+ controllers as of this release/);
  assert.match(out, 'Lease metaipam-system/node-ipam-controller is held by e2e-0');
  assert.match(out, /ServiceAccount metaipam-system\/metaipam has its \d+ permissions/);
  assert.match(out, /\n0 problems, 0 warnings, 0 unknown, \d+ in order\n$/);
  assert.is(code, 0);
});

test('another schema, a CRD that is gone', async () => {
  const pools = `${CRDS}/inclusterippools.ipam.cluster.x-k8s.io`;
  const { spec } = await api('GET', pools);
  spec.versions[0].schema.openAPIV3Schema.properties.spec.properties.prefix.maximum = 127;
  await patch(pools, { spec });
  const claims = `${CRDS}/ipaddresses.ipam.cluster.x-k8s.io`;
  const before = await api('GET', claims);
  await api('DELETE', claims);
  await eventually('the CRD to go', async () => (await installation.plane.api('GET', claims)).status === 404);
  const { code, lines } = await complaints();
  assert.equal(lines, [
    'error crds: the schema of CRD inclusterippools.ipam.cluster.x-k8s.io v1alpha2 is not of this release: ' +
      'schema.openAPIV3Schema.properties.spec.properties.prefix.maximum',
    'error crds: CRD ipaddresses.ipam.cluster.x-k8s.io is missing',
  ]);
  assert.is(code, 2);
  const { metadata, spec: kept } = before;
  await api('POST', CRDS, {
    ...before,
    metadata: { name: metadata.name, annotations: metadata.annotations },
    spec: kept,
  });
  await installation.plane.kubectl(['apply', '--server-side', '--force-conflicts', '-k', 'crds']);
  await installation.plane.kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s']);
});

test('controllers that are gone, changed, or speak another version than the server', async () => {
  await api('DELETE', `${CONTROLLERS}/decoratorcontrollers/nodes`);
  await patch(`${CONTROLLERS}/compositecontrollers/pools`, {
    spec: { generateSelector: false, resyncPeriodSeconds: 5 },
  });
  const claims = await api('GET', `${CONTROLLERS}/decoratorcontrollers/claims`);
  claims.spec.attachments[0].apiVersion = 'ipam.cluster.x-k8s.io/v1beta1';
  await patch(`${CONTROLLERS}/decoratorcontrollers/claims`, { spec: claims.spec });
  const { lines } = await complaints();
  assert.equal(lines, [
    'error controllers: DecoratorController claims speaks v1beta1 of Cluster API, and the server v1beta2',
    'error controllers: DecoratorController nodes is missing',
    'error controllers: CompositeController pools is not of this release: spec.generateSelector, resyncPeriodSeconds',
  ]);
  await patch(`${CONTROLLERS}/compositecontrollers/pools`, { spec: { resyncPeriodSeconds: null } });
  await applyControllers();
  assert.equal(await complaints(), { code: 0, lines: [] });
});

test('rights taken away, a Lease that is stale, a Service without endpoints, another allocator', async () => {
  await installation.server.stop();
  await patch('/apis/coordination.k8s.io/v1/namespaces/metaipam-system/leases/node-ipam-controller', {
    spec: { holderIdentity: 'gone', renewTime: '2026-01-01T00:00:00.000000Z' },
  });
  await patch(ROLE, { rules: [{ apiGroups: [''], resources: ['nodes'], verbs: ['get', 'list', 'watch'] }] });
  await patch('/apis/discovery.k8s.io/v1/namespaces/metaipam-system/endpointslices/metaipam-hooks-1', {
    endpoints: [{ addresses: ['10.0.0.1'], conditions: { ready: false } }],
  });
  await api('POST', '/apis/apps/v1/namespaces/default/deployments', workload('node-ipam-controller', {}));
  const { code, lines } = await complaints();
  assert.is(code, 2);
  const [service, lease, ...rest] = lines;
  assert.is(
    service,
    'error hook-service: Service metaipam-system/metaipam-hooks has no endpoint that is ready',
  );
  assert.match(lease!, /^error lease: Lease .*, held by gone, was last renewed \d+ s ago$/);
  assert.equal(rest, [
    ...TAKEN_AWAY.flatMap(([verbs, resource]) =>
      verbs.map(
        (verb) =>
          `error permissions: ServiceAccount metaipam-system/metaipam of Deployment metaipam-system/metaipam may not ${verb} ${resource}`,
      ),
    ),
    'error other-allocators: Deployment default/node-ipam-controller runs and allocates for the same pools or nodes',
  ]);
});

test('who may read little is told what is unknown', async () => {
  await installation.plane.kubectl(['create', 'serviceaccount', 'nobody']);
  const token = (await installation.plane.kubectl(['create', 'token', 'nobody'])).trim();
  const config = JSON.parse(await installation.plane.kubectl(['config', 'view', '--raw', '--output=json']));
  config.users[0].user = { token };
  const kubeconfig = join(installation.plane.dir, 'nobody');
  writeFileSync(kubeconfig, JSON.stringify(config));
  const { code, out, err } = await run(doctor.run, [`--kubeconfig=${kubeconfig}`]);
  assert.is(err, '');
  assert.is(code, 0);
  assert.match(out, /^ok +Kubernetes v1\./m);
  assert.match(
    out,
    /^unknown +cannot read CRDs: .* is forbidden: User "system:serviceaccount:default:nobody"/m,
  );
  assert.match(out, /^unknown +cannot read IPAddressClaims: /m);
  assert.not.match(out, /^error/m);
});

test('a cluster that cannot be reached: one line, exit 1', async () => {
  const [port] = await freePorts(1);
  const config = JSON.parse(await installation.plane.kubectl(['config', 'view', '--raw', '--output=json']));
  config.clusters[0].cluster.server = `https://127.0.0.1:${port}`;
  const kubeconfig = join(installation.plane.dir, 'nowhere');
  writeFileSync(kubeconfig, JSON.stringify(config));
  const { code, out, err } = await run(doctor.run, [`--kubeconfig=${kubeconfig}`]);
  assert.is(out, '');
  assert.match(err, /^metaipam doctor: cannot ask the API server: https:\/\/\S+: connect ECONNREFUSED .*\n$/);
  assert.is(code, 1);
});

/** Adds what runs outside of this cluster as if it ran inside: no kubelet is there to tell the difference. */
async function makeSound(): Promise<void> {
  await applyControllers();
  await api('POST', DEPLOYMENTS, workload('metaipam', { app: 'x' }));
  const metacontroller = {
    image: 'ghcr.io/metacontroller/metacontroller:v4.17.0',
    args: ['--client-go-qps=200', '--client-go-burst=400', '--workers', '20', '--cache-flush-interval=10h'],
  };
  await api('POST', DEPLOYMENTS, workload('metacontroller', {}, metacontroller));
  for (const name of ['metaipam', 'metacontroller']) {
    await patch(`${DEPLOYMENTS}/${name}/status`, { status: { replicas: 1, readyReplicas: 1 } });
  }
  await api('POST', '/apis/discovery.k8s.io/v1/namespaces/metaipam-system/endpointslices', {
    metadata: { name: 'metaipam-hooks-1', labels: { 'kubernetes.io/service-name': 'metaipam-hooks' } },
    addressType: 'IPv4',
    endpoints: [{ addresses: ['10.0.0.1'], conditions: { ready: true } }],
    ports: [{ name: 'hooks', port: 8080 }],
  });
  await eventually('the Lease', async () => {
    const path = '/apis/coordination.k8s.io/v1/namespaces/metaipam-system/leases/node-ipam-controller';
    return (await api('GET', path)).spec.holderIdentity === 'e2e-0';
  });
  assert.ok((await api('GET', `${SYSTEM}/services/metaipam-hooks`)).spec.selector);
}

/** The controllers as a user installs them: their hooks are where the Service is. */
async function applyControllers(): Promise<void> {
  const rendered = await installation.plane.kubectl(['kustomize', 'metacontroller']);
  const controllers = rendered
    .split(/^---$/m)
    .filter((text) => /^kind: (Composite|Decorator)Controller$/m.test(text));
  assert.ok(controllers.every((text) => text.includes(SERVICE)));
  const options = ['apply', '--server-side', '--force-conflicts', '-f', '-'];
  await installation.plane.kubectl(options, controllers.join('---\n'));
}

function workload(name: string, labels: object, container: object = {}): object {
  const template = { 'app.kubernetes.io/name': name, ...labels };
  return {
    metadata: { name, labels: { 'app.kubernetes.io/name': name } },
    spec: {
      replicas: 1,
      selector: { matchLabels: template },
      template: {
        metadata: { labels: template },
        spec: {
          serviceAccountName: name,
          containers: [{ name, image: `ghcr.io/metaipam/${name}:0.1.0`, args: ['serve'], ...container }],
        },
      },
    },
  };
}

test.run();
