import { globSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { loadAll } from 'js-yaml';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { controllers } from '../../hooks/index.ts';
import { CustomResources, readCustomResourceDefinitions } from '../../lib/kubernetes/schema.ts';
import { DEFAULT_CONFIG } from '../../lib/metacontroller/hook.ts';

interface Rule {
  apiVersion: string;
  resource: string;
  updateStrategy?: { method: string };
  labelSelector?: object;
  ignoreStatusChanges?: boolean;
}

interface Manifest {
  kind: string;
  apiVersion: string;
  metadata: { name: string; namespace?: string };
  spec: {
    parentResource?: Rule;
    resources?: Rule[];
    childResources?: Rule[];
    attachments?: Rule[];
    generateSelector?: boolean;
    hooks: Record<string, { version: string; webhook: { url: string; timeout: string } }>;
  };
}

const folder = join(import.meta.dirname, '../../metacontroller');
const FOREIGN = new Map([
  ['v1/nodes', 'Node'],
  ['k8s.cni.cncf.io/v1alpha1/ipamclaims', 'IPAMClaim'],
]);
const files = globSync('{.,ipam-claims}/*.yaml', { cwd: folder });
const manifests = files.flatMap((file) => loadAll(readFileSync(join(folder, file), 'utf8')) as Manifest[]);
const configs = manifests.filter(({ kind }) => /^(Composite|Decorator)Controller$/.test(kind));
const of = (name: string) => configs.find(({ metadata }) => metadata.name === name)!.spec;

test('there is one config for each controller, in the file of its name', () => {
  const names = configs.map(({ metadata }) => metadata.name).sort();
  assert.equal(names, Object.keys(controllers).sort());
  const stems = files.map((file) => basename(file, '.yaml'));
  for (const name of names) assert.ok(stems.includes(name), name);
});

test('a config calls the hooks that its controller has, and no others', () => {
  for (const { metadata, spec } of configs) {
    const { sync, customize, finalize } = controllers[metadata.name]!;
    const has = Object.entries({ sync, customize, finalize }).filter(([, hook]) => hook !== undefined);
    assert.equal(Object.keys(spec.hooks).sort(), has.map(([hook]) => hook).sort(), metadata.name);
    for (const [hook, { version, webhook }] of Object.entries(spec.hooks)) {
      const path = `/hooks/${metadata.name}/${hook}`;
      assert.is(webhook.url, `http://metaipam-hooks.metaipam-system.svc${path}`);
      assert.is(version, 'v2', path);
      assert.match(webhook.timeout, /^(10|60)s$/, path);
    }
  }
});

test('a controller gets the envelope, the parent and the children that its hooks expect', () => {
  const resources = new CustomResources(readCustomResourceDefinitions());
  const kindOf = ({ apiVersion, resource }: Rule) =>
    FOREIGN.get(`${apiVersion}/${resource}`) ?? resources.ofPlural(apiVersion, resource)!.kind;
  for (const { kind, metadata, spec } of configs) {
    const { parent } = controllers[metadata.name]!;
    assert.is(kind.toLowerCase(), `${parent.type}controller`, metadata.name);
    const parents = spec.resources ?? [spec.parentResource!];
    assert.equal(parents.map(kindOf), [parent.kind], metadata.name);
    const children = [...(spec.childResources ?? []), ...(spec.attachments ?? [])];
    const groups = children.map((rule) => `${kindOf(rule)}.${rule.apiVersion}`);
    assert.equal(parent.groups?.(DEFAULT_CONFIG).own ?? [], groups, metadata.name);
  }
});

test('hooks that carry a whole pool have a minute', () => {
  for (const name of ['pools', 'global-pools', 'prefix-pools', 'global-prefix-pools', 'pod-networks']) {
    assert.is(of(name).hooks.sync?.webhook.timeout, '60s', name);
    assert.is(of(name).hooks.finalize?.webhook.timeout, '60s', name);
    assert.is(of(name).generateSelector, true, name);
  }
});

test('children are updated in place, which is not the default; only what others look after never changes', () => {
  for (const { metadata, spec } of configs) {
    for (const { updateStrategy } of [...(spec.childResources ?? []), ...(spec.attachments ?? [])]) {
      assert.is(
        updateStrategy?.method,
        /claims$/.test(metadata.name) ? 'OnDelete' : 'InPlace',
        metadata.name,
      );
    }
  }
});

test('every resource is a kind of our CRDs, a Node or an IPAMClaim', () => {
  const resources = new CustomResources(readCustomResourceDefinitions());
  for (const { metadata, spec } of configs) {
    const parents = spec.resources ?? [spec.parentResource!];
    const rules = [...parents, ...(spec.childResources ?? []), ...(spec.attachments ?? [])];
    for (const { apiVersion, resource } of rules) {
      const known = FOREIGN.has(`${apiVersion}/${resource}`) || resources.ofPlural(apiVersion, resource);
      assert.ok(known, `${metadata.name}: ${apiVersion} ${resource}`);
    }
  }
});

test('the claims controller sees routed claims only, or it would put its finalizer on foreign ones', () => {
  assert.equal(of('claims').resources?.[0]?.labelSelector, {
    matchExpressions: [{ key: 'metaipam.io/pool', operator: 'Exists' }],
  });
  assert.is(of('claim-router').hooks.finalize, undefined);
});

test('status changes bring back the syncs that Metacontroller dropped on a conflict; the claims hook asks for them', () => {
  for (const name of ['claim-router', 'nodes', 'cluster-cidrs']) {
    assert.is(of(name).resources?.[0]?.ignoreStatusChanges, undefined, name);
  }
  assert.is(of('claims').resources?.[0]?.ignoreStatusChanges, true);
});

test('kustomization.yaml names every file and every resource has a file', () => {
  const [{ resources }] = loadAll(readFileSync(join(folder, 'kustomization.yaml'), 'utf8')) as [
    { resources: string[] },
  ];
  const expected = files.filter((file) => dirname(file) === '.' && file !== 'kustomization.yaml');
  assert.equal([...resources].sort(), [...expected, '../crds'].sort());
});

test.run();
