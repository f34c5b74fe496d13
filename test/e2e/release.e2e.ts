/** The files of a release, applied as their users do. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadAll } from 'js-yaml';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { shippedVersion } from '../../lib/shipped.ts';
import { bundle } from '../../release/bundle.ts';
import { writeManifests, writeWholeComponents } from '../../release/release.ts';
import { ALLOCATION_RESOURCE, allocationsOf } from './allocations.ts';
import { ControlPlane, eventually, freePorts } from './control-plane.ts';
import { established, prepare, smoke, startServer, tryPod } from './smoke.ts';

const ROOT = join(import.meta.dirname, '../..');
const LATER = `
apiVersion: ipam.cluster.x-k8s.io/v1beta2
kind: IPAddressClaim
metadata: {name: later, namespace: default}
spec: {poolRef: {apiGroup: ipam.cluster.x-k8s.io, kind: GlobalInClusterIPPool, name: shared}}
`;

const test = suite('release', { folder: '', plane: undefined as ControlPlane | undefined });
test.before(async (context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'metaipam-release-'));
  writeManifests(context.folder, shippedVersion());
  assert.equal(writeWholeComponents(context.folder, shippedVersion()), []);
  context.plane = await ControlPlane.start();
  await prepare(context.plane, ['crds/cluster-api']);
});
test.after(async ({ folder, plane }) => {
  await plane?.stop();
  rmSync(folder, { recursive: true, force: true });
});

interface Workload {
  readonly kind: string;
  readonly spec: { readonly template: { readonly spec: object } };
}

test('crds.yaml and metaipam.yaml install what the bundle then serves', async ({ folder, plane }) => {
  await plane!.kubectl(['apply', '--server-side', '-f', join(ROOT, 'test/e2e/cluster-crd.yaml')]);
  await plane!.kubectl(['apply', '--server-side', '-f', join(folder, 'crds.yaml')]);
  await established(plane!);
  await plane!.kubectl(['apply', '--server-side', '-f', join(folder, 'metaipam.yaml')]);
  await plane!.startControllerManager();

  const text = readFileSync(join(folder, 'metaipam.yaml'), 'utf8');
  const [hooksPort, webPort] = await freePorts(2);
  const local = text.replaceAll(
    'http://metaipam-hooks.metaipam-system.svc/',
    `http://127.0.0.1:${hooksPort}/`,
  );
  await plane!.kubectl(['apply', '--server-side', '-f', '-'], local);
  await bundle(folder);
  const hooks = `--hooks-bind-address=127.0.0.1:${hooksPort}`;
  const server = await startServer(plane!, join(folder, 'metaipam.mjs'), [hooks], webPort!);
  const metacontroller = await plane!.startMetacontroller('metacontroller');
  await smoke(plane!);

  // What clusterctl does to upgrade: all but the namespace and the CRDs goes and comes back.
  const kept = () =>
    plane!.kubectl([
      'get',
      ...[
        'ipaddresses.ipam.cluster.x-k8s.io/balancer',
        'globalinclusterippools/shared',
        'clustercidrs/everyone',
      ],
      ...['podcidrclaims/worker', 'nodes/worker', 'podnetworks/default'],
      ...[
        '-n',
        'default',
        '-o',
        'jsonpath={range .items[*]}{.kind} {.metadata.uid} {.metadata.deletionTimestamp}{"\\n"}{end}',
      ],
    ]);
  const allocations = async () => [
    ...(await allocationsOf(plane!, { kind: 'GlobalInClusterIPPool', name: 'shared' })),
    ...(await allocationsOf(plane!, { kind: 'PodNetwork', name: 'default' })),
  ];
  const before = await kept();
  const allocated = await allocations();
  assert.is(allocated.length, 2);
  await plane!.kubectl(['delete', 'compositecontrollers,decoratorcontrollers', '--all']);
  await plane!.kubectl(['apply', '--server-side', '-f', '-'], local);
  const address = 'ipaddresses.ipam.cluster.x-k8s.io/later -n default -o jsonpath={.spec.address}';
  await plane!.kubectl(['apply', '--server-side', '-f', '-'], LATER);
  await eventually('an address after the upgrade', async () =>
    (await plane!.kubectl(['get', ...address.split(' ')])).startsWith('fd00::'),
  );
  assert.is(await kept(), before);
  const after = (await allocations()).map(({ identity }) => identity);
  for (const { identity } of allocated) assert.ok(after.includes(identity), 'an allocation was lost');

  await metacontroller.stop();
  await server.stop();
  assert.match(server.tail(), '"msg":"stopped"');
});

for (const file of ['metaipam.yaml', 'ipam-components.yaml', 'ipam-components-with-metacontroller.yaml']) {
  test(`the pods of the Deployment in ${file} meet the standard "restricted"`, async ({ folder, plane }) => {
    const objects = loadAll(readFileSync(join(folder, file), 'utf8')) as Workload[];
    const { template } = objects.find(({ kind }) => kind === 'Deployment')!.spec;
    assert.is(await tryPod(plane!, 'restricted', template), 'admitted');
    const asRoot = { ...template, spec: { ...template.spec, securityContext: {} } };
    assert.match(await tryPod(plane!, 'restricted', asRoot), 'violates PodSecurity');
  });
}

test('ipam-components.yaml installs as clusterctl changes it', async ({ folder, plane }) => {
  // clusterctl gives a namespace to every kind that it does not know, and the API server drops it again.
  const known = ['Namespace', 'ClusterRole', 'ClusterRoleBinding', 'CustomResourceDefinition'];
  const text = readFileSync(join(folder, 'ipam-components.yaml'), 'utf8');
  const objects = loadAll(text.replaceAll(/\$\{METAIPAM_NAMESPACE:=[^}]+\}/g, 'elsewhere')) as {
    kind: string;
    metadata: { name: string; namespace?: string };
  }[];
  for (const { kind, metadata } of objects) if (!known.includes(kind)) metadata.namespace = 'elsewhere';
  for (const object of objects) {
    await plane!.kubectl(['apply', '--server-side', '-f', '-'], JSON.stringify(object));
  }
  const deployment = await plane!.kubectl([
    'get',
    'deployment',
    '-n',
    'elsewhere',
    '-o',
    'jsonpath={..name}',
  ]);
  assert.match(deployment, /\bmanager\b/);
  const urls = await plane!.kubectl([
    'get',
    'compositecontrollers,decoratorcontrollers',
    '-o',
    'jsonpath={.items[*].spec.hooks.sync.webhook.url}',
  ]);
  assert.is(urls.match(/http:\/\/metaipam-hooks\.elsewhere\.svc\/hooks\//g)?.length, 9);
  const may = (...what: string[]) =>
    plane!.kubectl(['auth', 'can-i', ...what, '--as=system:serviceaccount:elsewhere:metaipam']);
  assert.match(await may('create', 'events', '-n', 'default'), 'yes');
  assert.match(await may('patch', 'nodes'), 'yes');
  assert.match(await may('list', `${ALLOCATION_RESOURCE}.metaipam.io`, '-n', 'elsewhere'), 'yes');
});

test('the objects of the release are those of kubectl kustomize', async ({ folder, plane }) => {
  const rendered = loadAll(await plane!.kubectl(['kustomize', join(ROOT, 'metacontroller')]));
  const files = ['crds.yaml', 'metaipam.yaml'].map((file) => readFileSync(join(folder, file), 'utf8'));
  const released = files.flatMap((text) => loadAll(text));
  const sorted = (objects: unknown[]) => objects.map((object) => sortedJson(object)).sort();
  assert.equal(sorted(released), sorted(rendered));
});

test.run();

function sortedJson(value: unknown): string {
  return JSON.stringify(value, (_, part) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
