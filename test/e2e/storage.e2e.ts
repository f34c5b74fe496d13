/**
 * Pools that Cluster API's in-cluster provider stored as v1alpha1, when it is at 0 replicas and its conversion webhook
 * with it: nobody can read them, `doctor` says so, and `adopt` makes them readable, whatever it is interrupted by.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dump, load } from 'js-yaml';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import adopt from '../../lib/cli/adopt.ts';
import doctor from '../../lib/cli/doctor.ts';
import type { IPAddress } from '../../lib/kubernetes/types.ts';
import { type Run, run } from '../cli/run.ts';
import { eventually } from './control-plane.ts';
import { type Installation, install, list } from './install.ts';
import { succeeded } from './sandbox.ts';

const GROUP = 'ipam.cluster.x-k8s.io';
const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const MERGE = 'application/merge-patch+json';
const POOLS = '/namespaces/default/inclusterippools';
const GLOBAL_POOLS = '/globalinclusterippools';

const test = suite('storage');
let installation: Installation;
const api = async (method: string, path: string, body?: object, type?: string) =>
  succeeded(await installation.plane.api(method, path, body, type));
const definition = (plural: string) => `${CRDS}/${plural}.${GROUP}`;
const pool = async (name: string, version = 'v1alpha2') =>
  (await api('GET', `/apis/${GROUP}/${version}${POOLS}/${name}`)).spec;

const STRINGS = { type: 'array', items: { type: 'string' } };
const OBJECT = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };

/** The spec of the provider's CRD, as far as conversion goes. */
function oldVersions(storage: string): object[] {
  const common = { addresses: STRINGS, prefix: { type: 'integer' }, gateway: { type: 'string' } };
  const range = Object.fromEntries(['subnet', 'start', 'end'].map((name) => [name, { type: 'string' }]));
  const versions = { v1alpha1: { ...common, ...range }, v1alpha2: { ...common, excludedAddresses: STRINGS } };
  return Object.entries(versions).map(([name, properties]) => ({
    name,
    served: true,
    storage: name === storage,
    subresources: { status: {} },
    schema: {
      openAPIV3Schema: {
        type: 'object',
        properties: { spec: { type: 'object', properties }, status: OBJECT },
      },
    },
  }));
}

const WEBHOOK = {
  strategy: 'Webhook',
  webhook: {
    conversionReviewVersions: ['v1'],
    clientConfig: {
      service: { namespace: 'default', name: 'capi-ipam-in-cluster-webhook-service', path: '/convert' },
    },
  },
};

const OLD_POOLS: Readonly<Record<string, object>> = {
  subnet: { subnet: '10.0.0.0/24', gateway: '10.0.0.1' },
  range: { start: '10.1.0.10', end: '10.1.0.20' },
  both: { addresses: ['10.2.0.6'], subnet: '10.2.0.0/29' },
  plain: { addresses: ['10.3.0.1-10.3.0.9'], prefix: 24 },
  descending: { start: '10.4.0.9', end: '10.4.0.1', prefix: 24 },
};

/** What the fields of v1alpha2 say in the end. */
const CONVERTED: Readonly<Record<string, object>> = {
  subnet: { addresses: ['10.0.0.1-10.0.0.254'], prefix: 24, gateway: '10.0.0.1' },
  range: { addresses: ['10.1.0.10-10.1.0.20'], prefix: 0 },
  both: { addresses: ['10.2.0.6', '10.2.0.1-10.2.0.6'], prefix: 29 },
  plain: OLD_POOLS.plain!,
  descending: OLD_POOLS.descending!,
  newer: { addresses: ['10.5.0.1'], prefix: 24, excludedAddresses: ['10.5.0.7'] },
};

test.before(async () => {
  installation = await install({ isAlone: true, metacontrollers: 0, serveArgs: ['--cache-lag=2s'] });
  const { plane } = installation;
  // The provider began with v1alpha1, later stored v1alpha2, and then it was stopped.
  for (const plural of ['inclusterippools', 'globalinclusterippools']) {
    const change = { spec: { versions: oldVersions('v1alpha1'), conversion: { strategy: 'None' } } };
    await api('PATCH', definition(plural), change, MERGE);
    await eventually(`${plural} of the provider`, () => prunesSubnets(plural));
  }
  const create = (path: string, kind: string, name: string, spec: object, version: string, more = {}) =>
    eventually(`${kind} ${name}`, async () => {
      const apiVersion = `${GROUP}/${version}`;
      const metadata = { name, finalizers: ['ipam.cluster.x-k8s.io/ProtectPool'], ...more };
      const object = { apiVersion, kind, metadata, spec };
      const query = 'fieldValidation=Strict';
      const { status } = await plane.api('POST', `/apis/${apiVersion}${path}?${query}`, object);
      return status === 201;
    });
  for (const [name, spec] of Object.entries(OLD_POOLS)) {
    await create(POOLS, 'InClusterIPPool', name, spec, 'v1alpha1');
  }
  await create(GLOBAL_POOLS, 'GlobalInClusterIPPool', 'six', { subnet: 'fd00::/64' }, 'v1alpha1');
  for (const plural of ['inclusterippools', 'globalinclusterippools']) {
    const change = { spec: { versions: oldVersions('v1alpha2'), conversion: WEBHOOK } };
    await api('PATCH', definition(plural), change, MERGE);
  }
  const annotations = { 'cluster.x-k8s.io/conversion-data': '{}' };
  await create(POOLS, 'InClusterIPPool', 'newer', CONVERTED.newer!, 'v1alpha2', { annotations });
  const labels = { 'cluster.x-k8s.io/provider': 'ipam-in-cluster' };
  await api('POST', '/apis/apps/v1/namespaces/default/deployments', {
    metadata: { name: 'caip-in-cluster-controller-manager', labels },
    spec: {
      replicas: 0,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'manager', image: 'example.com/a' }] } },
    },
  });
});
test.after(() => installation?.stop());

const runAdopt = (...argv: string[]): Promise<Run> =>
  run(adopt.run, [`--kubeconfig=${installation.plane.kubeconfig}`, ...argv]);

test('the trap: nobody can read a pool, and the CRDs of this release change nothing about it', async () => {
  const { plane } = installation;
  const isUnreadable = async () => {
    const { status, body } = await plane.api('GET', `/apis/${GROUP}/v1alpha2${POOLS}`);
    assert.is(status, 500);
    assert.match(body.message, 'conversion webhook');
    return true;
  };
  await eventually('the trap', isUnreadable);
  await plane.kubectl(['apply', '--server-side', '--force-conflicts', '-k', 'crds']);
  await eventually('the trap to stay', isUnreadable);
  const { code, out } = await run(doctor.run, [`--kubeconfig=${plane.kubeconfig}`]);
  assert.is(code, 2);
  assert.match(
    out,
    `CRD inclusterippools.${GROUP} has a conversion webhook of Service default/capi-ipam-in-cluster-webhook-service, which does not exist: what is stored as v1alpha1 cannot be read`,
  );
  assert.match(out, 'metaipam adopt --storage, see docs/taking-over.md');
});

test('--dry-run says what comes first, and does nothing', async () => {
  const before = await api('GET', definition('inclusterippools'));
  const { code, out, err } = await runAdopt('--storage', '--dry-run');
  assert.is(err, '');
  assert.match(
    out,
    `CustomResourceDefinition inclusterippools.${GROUP}: would be freed of its conversion webhook, given the versions of this release\n`,
  );
  assert.match(out, 'pools cannot be read before that');
  assert.is(code, 0);
  assert.equal(await api('GET', definition('inclusterippools')), before);
});

test('interrupted before the end, nothing is lost and nothing is promised', async () => {
  const { code, err } = await run(adopt.run, [`--kubeconfig=${await limitedUser()}`, '--storage']);
  assert.match(err, `CustomResourceDefinition globalinclusterippools.${GROUP}: `);
  assert.match(err, 'cannot patch resource "customresourcedefinitions/status"');
  assert.is(code, 1);
  const { status, spec } = await api('GET', definition('globalinclusterippools'));
  assert.ok(status.storedVersions.includes('v1alpha1'));
  assert.is(spec.conversion.strategy, 'None');
  assert.equal((await api('GET', `/apis/${GROUP}/v1alpha2${GLOBAL_POOLS}/six`)).spec, {
    addresses: ['fd00::1-fd00::ffff:ffff:ffff:fffe'],
    prefix: 64,
  });
});

test('run again, it does what is left', async () => {
  const { code, out, err } = await runAdopt('--storage');
  assert.is(
    err,
    'metaipam adopt: InClusterIPPool default/descending: left as it is: spec.end: Invalid value: "10.4.0.9-10.4.0.1": provided address is not a valid IP, range, nor CIDR\n',
  );
  assert.match(out, 'InClusterIPPool default/subnet: given addresses: [10.0.0.1-10.0.0.254], prefix: 24\n');
  assert.match(out, 'InClusterIPPool default/plain: stored as v1alpha2\n');
  assert.match(out, 'InClusterIPPool default/newer: freed of the copy of its v1alpha1 form\n');
  assert.match(
    out,
    `CustomResourceDefinition inclusterippools.${GROUP}: nothing stored as v1alpha1 any more\n`,
  );
  assert.is(code, 0);
  for (const [name, spec] of Object.entries(CONVERTED)) {
    assert.equal(await pool(name), spec, name);
    assert.equal(await pool(name, 'v1alpha1'), spec, name);
  }
  for (const plural of ['inclusterippools', 'globalinclusterippools']) {
    assert.equal((await api('GET', definition(plural))).status.storedVersions, ['v1alpha2']);
  }
  assert.equal(await runAdopt('--storage').then(({ out }) => out), '0 objects adopted\n');
});

test('a CRD that does not know v1alpha1 at all is accepted, and reads every pool', async () => {
  const { plane } = installation;
  const crds = ['inclusterippools', 'globalinclusterippools'].map((plural) => {
    const file = join(import.meta.dirname, '..', '..', 'crds', `${plural}.yaml`);
    const crd = load(readFileSync(file, 'utf8')) as { spec: { versions: { name: string }[] } };
    crd.spec.versions = crd.spec.versions.filter(({ name }) => name !== 'v1alpha1');
    return crd;
  });
  const apply = (text: string) =>
    plane.kubectl(['apply', '--server-side', '--force-conflicts', '-f', '-'], text);
  await apply(crds.map((crd) => dump(crd, { noRefs: true })).join('---\n'));
  await eventually('v1alpha1 to go', async () => {
    return (await plane.api('GET', `/apis/${GROUP}/v1alpha1${POOLS}`)).status === 404;
  });
  assert.is((await api('GET', `/apis/${GROUP}/v1alpha2${POOLS}`)).items.length, 6);
  await plane.kubectl(['apply', '--server-side', '--force-conflicts', '-k', 'crds']);
});

test('metaipam serves the pools, and pools that are written in v1alpha1', async () => {
  const { plane } = installation;
  await plane.kubectl(
    ['apply', '-f', '-'],
    dump({
      apiVersion: `${GROUP}/v1alpha1`,
      kind: 'InClusterIPPool',
      metadata: { name: 'manifest', namespace: 'default' },
      spec: { subnet: '10.9.0.0/30' },
    }),
  );
  const single = { apiVersion: `${GROUP}/v1alpha1`, kind: 'InClusterIPPool', metadata: { name: 'single' } };
  await api('POST', `/apis/${GROUP}/v1alpha1${POOLS}`, { ...single, spec: { addresses: ['10.8.0.7'] } });
  await installation.startMetacontroller();
  const { code, err } = await runAdopt();
  assert.match(err, 'InClusterIPPool default/descending: left as it is');
  assert.is(code, 0);
  const claims: [name: string, address: string][] = [
    ['subnet', '10.0.0.2/24'],
    ['range', '10.1.0.10/0'],
    ['both', '10.2.0.1/29'],
    ['manifest', '10.9.0.1/30'],
    ['single', '10.8.0.7/0'],
  ];
  for (const [name] of claims) {
    const poolRef = { apiGroup: GROUP, kind: 'InClusterIPPool', name };
    const claim = { kind: 'IPAddressClaim', metadata: { name }, spec: { poolRef } };
    const apiVersion = `${GROUP}/v1beta2`;
    await api('POST', `/apis/${apiVersion}/namespaces/default/ipaddressclaims`, { apiVersion, ...claim });
  }
  await eventually('addresses', async () => {
    const addresses = await list<IPAddress>(plane, `ipaddresses.${GROUP}`);
    return addresses.length === claims.length;
  });
  for (const { metadata, spec } of await list<IPAddress>(plane, `ipaddresses.${GROUP}`)) {
    assert.equal(
      [metadata.name, `${spec.address}/${spec.prefix}`],
      claims.find(([name]) => name === metadata.name),
    );
  }
  const { conditions } = (await api('GET', `/apis/${GROUP}/v1alpha2${POOLS}/descending`)).status;
  const ready = conditions.find(({ type }: { type: string }) => type === 'Ready');
  assert.is(ready.reason, 'InvalidSpec');
  assert.match(ready.message, 'spec.end');
});

/** Whether v1alpha2 has the fields of the provider only. */
async function prunesSubnets(plural: string): Promise<boolean> {
  const scope = plural.startsWith('global') ? '' : '/namespaces/default';
  const apiVersion = `${GROUP}/v1alpha2`;
  const kind = plural.startsWith('global') ? 'GlobalInClusterIPPool' : 'InClusterIPPool';
  const object = { apiVersion, kind, metadata: { name: 'probe' }, spec: { subnet: '10.0.0.0/24' } };
  const query = 'dryRun=All&fieldValidation=Strict';
  const path = `/apis/${apiVersion}${scope}/${plural}?${query}`;
  return (await installation.plane.api('POST', path, object)).status === 400;
}

/** The kubeconfig of somebody who may do all but say what is stored. */
async function limitedUser(): Promise<string> {
  const { plane } = installation;
  const rules = [
    { apiGroups: ['ipam.cluster.x-k8s.io'], resources: ['*'], verbs: ['*'] },
    { apiGroups: ['apiextensions.k8s.io'], resources: ['customresourcedefinitions'], verbs: ['*'] },
    { apiGroups: ['apps', 'admissionregistration.k8s.io'], resources: ['*'], verbs: ['list'] },
  ];
  const rbac = '/apis/rbac.authorization.k8s.io/v1';
  await api('POST', '/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'limited' } });
  await api('POST', `${rbac}/clusterroles`, { metadata: { name: 'limited' }, rules });
  await api('POST', `${rbac}/clusterrolebindings`, {
    metadata: { name: 'limited' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'limited' },
    subjects: [{ kind: 'ServiceAccount', namespace: 'default', name: 'limited' }],
  });
  const token = (await plane.kubectl(['create', 'token', 'limited'])).trim();
  const config = JSON.parse(await plane.kubectl(['config', 'view', '--raw', '--output=json']));
  config.users[0].user = { token };
  const file = join(plane.dir, 'limited');
  writeFileSync(file, JSON.stringify(config));
  return file;
}

test.run();
