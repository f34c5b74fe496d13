import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { load, loadAll } from 'js-yaml';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseManifests } from '../../lib/cli/manifests.ts';
import type { KubernetesObject } from '../../lib/kubernetes/object.ts';
import { CustomResources, readCustomResourceDefinitions } from '../../lib/kubernetes/schema.ts';
import { shippedVersion } from '../../lib/shipped.ts';
import { validateObjects } from '../../lib/validation/index.ts';
import { componentsYaml, readKustomization } from '../../release/manifests.ts';
import { checksums, writeManifests, writeWholeComponents } from '../../release/release.ts';

const ROOT = join(import.meta.dirname, '../..');
const VARIABLE = '$' + '{METAIPAM_NAMESPACE:=metaipam-system}';
const VERSION = '12.34.5';
const resources = new CustomResources(readCustomResourceDefinitions());

const test = suite('release manifests', { folder: '' });
test.before((context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'metaipam-release-'));
  writeManifests(context.folder, VERSION);
});
test.after(({ folder }) => rmSync(folder, { recursive: true, force: true }));

/** The objects of a file, with the variable's default as clusterctl fills it in. */
function objects(folder: string, file: string): KubernetesObject[] {
  const text = readFileSync(join(folder, file), 'utf8').replaceAll(VARIABLE, 'metaipam-system');
  const manifests = parseManifests(text, file);
  assert.equal(manifests.problems, []);
  assert.equal(validateObjects(manifests.objects, resources), []);
  return manifests.objects.map(({ object }) => object);
}

const id = ({ kind, metadata }: KubernetesObject) => `${kind} ${metadata.namespace ?? ''}/${metadata.name}`;
// biome-ignore lint/suspicious/noExplicitAny: objects of several kinds
const find = (all: readonly KubernetesObject[], kind: string): any => all.find((each) => each.kind === kind);

test('crds.yaml and metaipam.yaml are what the kustomization has, with the image of the version', ({
  folder,
}) => {
  const crds = objects(folder, 'crds.yaml');
  assert.equal([...new Set(crds.map(({ kind }) => kind))], ['CustomResourceDefinition']);
  const rest = objects(folder, 'metaipam.yaml');
  assert.not(find(rest, 'CustomResourceDefinition'));
  const install = readKustomization(join(ROOT, 'metacontroller'));
  const sorted = (all: KubernetesObject[]) => all.toSorted((a, b) => (id(a) < id(b) ? -1 : 1));
  const expected = structuredClone(install);
  find(expected, 'Deployment').spec.template.spec.containers[0].image =
    `ghcr.io/metaipam/metaipam:${VERSION}`;
  assert.equal(sorted([...crds, ...rest]), sorted(expected));
});

test('ipam-components.yaml: one Namespace, and everything that has a namespace is in it', ({ folder }) => {
  const all = objects(folder, 'ipam-components.yaml');
  assert.is(all.filter(({ kind }) => kind === 'Namespace').length, 1);
  assert.is(find(all, 'Namespace').metadata.name, 'metaipam-system');
  const namespaces = all.flatMap(({ metadata }) => metadata.namespace ?? []);
  assert.equal([...new Set(namespaces)], ['metaipam-system']);
});

test('ipam-components.yaml: the right to write Events is one for every namespace', ({ folder }) => {
  const events = objects(folder, 'ipam-components.yaml').filter(
    ({ metadata }) => metadata.name === 'metaipam-events',
  );
  assert.equal(events.map(id), ['ClusterRole /metaipam-events', 'ClusterRoleBinding /metaipam-events']);
  assert.equal(find(events, 'ClusterRoleBinding').roleRef, {
    apiGroup: 'rbac.authorization.k8s.io',
    kind: 'ClusterRole',
    name: 'metaipam-events',
  });
  assert.equal(find(events, 'ClusterRole').rules, [
    { apiGroups: [''], resources: ['events'], verbs: ['create'] },
  ]);
});

test('ipam-components.yaml: the container is called manager, and everything has the label', ({ folder }) => {
  const all = objects(folder, 'ipam-components.yaml');
  const [container, ...others] = find(all, 'Deployment').spec.template.spec.containers;
  assert.equal(others, []);
  assert.is(container.name, 'manager');
  assert.is(container.image, `ghcr.io/metaipam/metaipam:${VERSION}`);
  for (const object of all) {
    assert.is(object.metadata.labels?.['cluster.x-k8s.io/provider'], 'ipam-metaipam', id(object));
  }
});

test('ipam-components.yaml: clusterctl would delete a PodNetwork with every upgrade', ({ folder }) => {
  const kinds = objects(folder, 'ipam-components.yaml').map(({ kind }) => kind);
  assert.not(kinds.includes('PodNetwork'));
  assert.is(objects(folder, 'default-pod-network.yaml')[0]?.kind, 'PodNetwork');
});

test('ipam-components.yaml: the namespace is the one variable, in the URLs too', ({ folder }) => {
  const text = readFileSync(join(folder, 'ipam-components.yaml'), 'utf8');
  const without = text.replaceAll(VARIABLE, '');
  assert.not.match(without, /\$\{|\$\$|metaipam-system/);
  const urls = text.match(/(?<=url: ).*/g)!;
  assert.ok(urls.length > 10);
  for (const url of urls) assert.ok(url.startsWith(`http://metaipam-hooks.${VARIABLE}.svc/hooks/`), url);
});

test('ipam-components.yaml: what clusterctl would move away from its namespace is refused', () => {
  const object = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'a', namespace: 'kube-public' },
  };
  assert.throws(
    () => componentsYaml([object], VERSION),
    /^ConfigMap kube-public\/a: clusterctl would move it/,
  );
});

test('ipam-components.yaml: the server may keep allocations out of a move, and does', ({ folder }) => {
  const all = objects(folder, 'ipam-components.yaml');
  const [{ args }] = find(all, 'Deployment').spec.template.spec.containers;
  assert.equal(args, ['serve', '--keep-from-move', '--diagnostics-address=:8443']);
  const role = all.find(({ metadata }) => metadata.name === 'metaipam-keep-from-move');
  const [{ resourceNames }] = (role as unknown as { rules: [{ resourceNames: string[] }] }).rules;
  const ours = resources.all.filter(({ apiVersion }) => apiVersion.startsWith('metaipam.io/'));
  const staying = ours
    .filter(({ kind }) => kind !== 'PodNetwork')
    .map(({ plural }) => `${plural}.metaipam.io`);
  const [ofMetacontroller, others] = [true, false].map((is) =>
    resourceNames.filter((name) => name.endsWith('.metacontroller.k8s.io') === is),
  );
  assert.equal(others!.toSorted(), staying.sort());
  assert.is(ofMetacontroller!.length, 3);
});

/** The components with Metacontroller, whose CRDs are one of no meaning. */
function wholeComponents(folder: string): KubernetesObject[] {
  const file = join(folder, 'metacontroller.yaml');
  const crd =
    'apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: a.example.com}\n';
  writeFileSync(file, crd);
  const { METACONTROLLER_CRDS: before } = process.env;
  process.env.METACONTROLLER_CRDS = file;
  try {
    assert.equal(writeWholeComponents(folder, VERSION), []);
    process.env.METACONTROLLER_CRDS = join(folder, 'nowhere.yaml');
    assert.match(writeWholeComponents(folder, VERSION)[0] ?? '', 'nowhere.yaml');
    return objects(folder, 'ipam-components-with-metacontroller.yaml');
  } finally {
    rmSync(file);
    rmSync(join(folder, 'ipam-components-with-metacontroller.yaml'), { force: true });
    if (before === undefined) delete process.env.METACONTROLLER_CRDS;
    else process.env.METACONTROLLER_CRDS = before;
  }
}

test('the components with Metacontroller: its CRDs, its rights, and its container behind the manager', ({
  folder,
}) => {
  const all = wholeComponents(folder);
  const { containers, serviceAccountName } = find(all, 'Deployment').spec.template.spec;
  assert.equal(
    containers.map(({ name }: { name: string }) => name),
    ['manager', 'metacontroller'],
  );
  assert.is(serviceAccountName, 'metaipam');
  const crds = all.filter(({ kind }) => kind === 'CustomResourceDefinition');
  assert.equal(all.slice(0, crds.length), crds);
  const [whole, without] = [all, objects(folder, 'ipam-components.yaml')].map(
    (each) => new Set(each.map(id)),
  );
  assert.equal([...whole!.difference(without!)].sort(), [
    'ClusterRole /metaipam-metacontroller',
    'ClusterRoleBinding /metaipam-metacontroller',
    'CustomResourceDefinition /a.example.com',
    'Role metaipam-system/metaipam-metacontroller',
    'RoleBinding metaipam-system/metaipam-metacontroller',
  ]);
  assert.equal([...without!.difference(whole!)], ['Service metaipam-system/metaipam-hooks']);
});

test('the components with Metacontroller: hooks on loopback, in whatever namespace, and probes of the pod', ({
  folder,
}) => {
  const all = wholeComponents(folder);
  const text = JSON.stringify(all);
  assert.not.match(text, /\$\{|\.svc\//);
  const urls = text.match(/(?<="url":")[^"]*/g)!;
  assert.ok(urls.length > 10);
  for (const url of urls) assert.ok(url.startsWith('http://127.0.0.1:8080/hooks/'), url);
  const controllers = (each: readonly KubernetesObject[]) =>
    JSON.stringify(each.filter(({ kind }) => kind.endsWith('Controller')));
  const called = controllers(objects(folder, 'ipam-components.yaml'));
  assert.is(controllers(all), called.replaceAll('metaipam-hooks.metaipam-system.svc', '127.0.0.1:8080'));
  const [manager, metacontroller] = find(all, 'Deployment').spec.template.spec.containers;
  assert.equal(manager.args, [
    'serve',
    '--hooks-bind-address=127.0.0.1:8080',
    '--keep-from-move',
    '--diagnostics-address=:8443',
  ]);
  assert.ok(metacontroller.args.includes('--health-probe-bind-address=:8082'));
  // The host of a probe is as the kubelet sees it.
  assert.equal(metacontroller.livenessProbe, { httpGet: { port: 8082, path: '/healthz' } });
  assert.equal(metacontroller.readinessProbe, { httpGet: { port: 8082, path: '/readyz' } });
});

test('metadata.yaml names the series of this version, with a contract that its CRDs keep', ({ folder }) => {
  const metadata = load(readFileSync(join(folder, 'metadata.yaml'), 'utf8')) as {
    apiVersion: string;
    kind: string;
    releaseSeries: { major: number; minor: number; contract: string }[];
  };
  assert.is(`${metadata.apiVersion} ${metadata.kind}`, 'clusterctl.cluster.x-k8s.io/v1alpha3 Metadata');
  const [major, minor] = shippedVersion().split('.').map(Number);
  const series = metadata.releaseSeries.filter((each) => each.major === major && each.minor === minor);
  assert.is(series.length, 1);
  const { contract } = series[0]!;
  assert.ok(resources.ofKind(`ipam.cluster.x-k8s.io/${contract}`, 'IPAddressClaim'));
  const router = find(objects(folder, 'metaipam.yaml'), 'DecoratorController');
  assert.is(router.spec.resources[0].apiVersion, `ipam.cluster.x-k8s.io/${contract}`);
});

test('the checked-in Deployment has the version of package.json', () => {
  const [deployment] = loadAll(readFileSync(join(ROOT, 'metacontroller/deployment.yaml'), 'utf8')) as [
    { spec: { template: { spec: { containers: { image: string }[] } } } },
  ];
  assert.is(
    deployment.spec.template.spec.containers[0]!.image,
    `ghcr.io/metaipam/metaipam:${shippedVersion()}`,
  );
});

test('the same input makes the same bytes, and sha256sum agrees with SHA256SUMS', ({ folder }) => {
  const again = mkdtempSync(join(tmpdir(), 'metaipam-release-'));
  try {
    writeManifests(again, VERSION);
    assert.is(checksums(again), checksums(folder));
    assert.is(checksums(folder).split('\n').length - 1, readdirSync(folder).length);
    writeFileSync(join(again, 'SHA256SUMS'), checksums(again));
    execFileSync('sha256sum', ['--check', '--strict', 'SHA256SUMS'], { cwd: again, stdio: 'pipe' });
  } finally {
    rmSync(again, { recursive: true });
  }
});

test('a kustomization that does more than list files is refused', ({ folder }) => {
  const other = join(folder, 'other');
  mkdirSync(other);
  writeFileSync(join(other, 'kustomization.yaml'), 'resources: []\nnamePrefix: a-\n');
  assert.throws(() => readKustomization(other), /kustomization.yaml: namePrefix: only resources are read/);
  writeFileSync(join(other, 'kustomization.yaml'), 'resources: [a.yaml]\n');
  writeFileSync(join(other, 'a.yaml'), 'kind: Namespace\n');
  assert.throws(() => readKustomization(other), /a.yaml:1: apiVersion: is required/);
  rmSync(other, { recursive: true });
});

test.run();
