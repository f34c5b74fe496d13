/** What tenants may do by Kubernetes' own roles, once metaipam is installed, and what nobody but an operator may. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import show from '../../lib/cli/show.ts';
import type { KubernetesObject } from '../../lib/kubernetes/object.ts';
import { run } from '../cli/run.ts';
import { pathOfAllocations } from './allocations.ts';
import { type Answer, eventually } from './control-plane.ts';
import { type Installation, install } from './install.ts';

const TEAM = 'team-a';
const CAPI = 'ipam.cluster.x-k8s.io';
const ROLES = { viewer: 'view', editor: 'edit', owner: 'admin', planner: 'metaipam-pool-editor' } as const;
type User = keyof typeof ROLES;

const test = suite('tenants');
let installation: Installation;

const api = (method: string, path: string, body?: unknown, user?: string): Promise<Answer> =>
  installation.plane.api(method, path, body, undefined, user);

async function may(user: string, verb: string, resource: string, namespace = TEAM): Promise<boolean> {
  const [name, ...group] = resource.split('.');
  const resourceAttributes = { verb, resource: name, group: group.join('.'), namespace };
  const { body } = await api('POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SubjectAccessReview',
    spec: { user, resourceAttributes },
  });
  return body.status.allowed;
}

test.before(async () => {
  installation = await install();
  const metadata = { name: TEAM };
  await api('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata });
  for (const [user, name] of Object.entries(ROLES)) {
    await api('POST', `/apis/rbac.authorization.k8s.io/v1/namespaces/${TEAM}/rolebindings`, {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: user },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: user }],
    });
  }
  await eventually('the roles to be aggregated', async () => {
    const allowed = [
      may('viewer', 'list', `inclusterippools.${CAPI}`),
      may('owner', 'create', `ipaddressclaims.${CAPI}`),
    ];
    return (await Promise.all(allowed)).every(Boolean);
  });
});
test.after(() => installation?.stop());

const READ = ['get', 'list', 'watch'];
const WRITE = ['create', 'update', 'patch', 'delete', 'deletecollection'];
const TENANTS = ['viewer', 'editor', 'owner'] as const;

const rights: readonly [resource: string, verbs: readonly string[], who: readonly User[]][] = [
  [`inclusterippools.${CAPI}`, READ, [...TENANTS, 'planner']],
  [`inclusterippools.${CAPI}`, WRITE, ['planner']],
  [`inclusterippools/status.${CAPI}`, ['update', 'patch'], []],
  [`globalinclusterippools.${CAPI}`, READ, TENANTS],
  [`globalinclusterippools.${CAPI}`, WRITE, []],
  [`ipaddressclaims.${CAPI}`, READ, TENANTS],
  [`ipaddressclaims.${CAPI}`, WRITE, ['editor', 'owner']],
  [`ipaddressclaims/status.${CAPI}`, ['update', 'patch'], []],
  [`ipaddresses.${CAPI}`, READ, TENANTS],
  [`ipaddresses.${CAPI}`, WRITE, []],
  ['allocationslices.metaipam.io', READ, TENANTS],
  ['allocationslices.metaipam.io', WRITE, []],
  ['podnetworks.metaipam.io', WRITE, []],
  ['clustercidrs.networking.x-k8s.io', WRITE, []],
];
for (const [resource, verbs, who] of rights) {
  test(`${verbs.join(', ')} ${resource}: ${who.join(', ') || 'none of them'}`, async () => {
    for (const user of Object.keys(ROLES) as User[]) {
      for (const verb of verbs) {
        const title = `${user} ${verb} ${resource}`;
        assert.is(await may(user, verb, resource), who.includes(user), title);
        assert.not(await may(user, verb, resource, 'default'), `${title} elsewhere`);
      }
    }
  });
}

test('a claim of a tenant is served by a pool of the operator, and nothing else of it is his to write', async () => {
  const pools = `/apis/${CAPI}/v1alpha2/globalinclusterippools`;
  const claims = `/apis/${CAPI}/v1beta2/namespaces/${TEAM}/ipaddressclaims`;
  const addresses = `/apis/${CAPI}/v1beta2/namespaces/${TEAM}/ipaddresses`;
  const pool = {
    apiVersion: `${CAPI}/v1alpha2`,
    kind: 'GlobalInClusterIPPool',
    metadata: { name: 'lan' },
    spec: { addresses: ['10.9.0.10-10.9.0.20'], prefix: 24 },
  };
  assert.is((await api('POST', pools, pool, 'owner')).status, 403);
  assert.is((await api('POST', pools, pool)).status, 201);
  const poolRef = { apiGroup: CAPI, kind: pool.kind, name: 'lan' };
  const claim = {
    apiVersion: `${CAPI}/v1beta2`,
    kind: 'IPAddressClaim',
    metadata: { name: 'mine' },
    spec: { poolRef },
  };
  assert.is((await api('POST', claims, claim, 'viewer')).status, 403);
  assert.is((await api('POST', claims, claim, 'editor')).status, 201);
  await eventually(
    'its address',
    async () => (await api('GET', `${addresses}/mine`, undefined, 'viewer')).status === 200,
  );

  const address = (await api('GET', `${addresses}/mine`)).body;
  const forged = {
    ...address,
    metadata: { name: 'forged' },
    spec: { ...address.spec, address: '10.9.0.11' },
  };
  assert.is((await api('POST', addresses, forged, 'owner')).status, 403);
  assert.is((await api('DELETE', `${addresses}/mine`, undefined, 'owner')).status, 403);
  const slices = (await api('GET', pathOfAllocations())).body.items as KubernetesObject[];
  for (const { metadata } of slices) {
    const path = `/apis/metaipam.io/v1alpha1/namespaces/${metadata.namespace}/allocationslices/${metadata.name}`;
    for (const user of Object.keys(ROLES))
      assert.is((await api('DELETE', path, undefined, user)).status, 403);
  }
  assert.is((await api('DELETE', `${claims}/mine`, undefined, 'editor')).status, 200);
  await eventually('it to go', async () => (await api('GET', `${claims}/mine`)).status === 404);
});

test('show, for whom a namespace is enough, says so; no page for who may read nothing', async () => {
  const { plane } = installation;
  await plane.kubectl(['create', 'serviceaccount', 'reader', `--namespace=${TEAM}`]);
  const token = await plane.kubectl(['create', 'token', 'reader', `--namespace=${TEAM}`]);
  const config = JSON.parse(readFileSync(plane.kubeconfig, 'utf8'));
  config.users[0].user = { token: token.trim() };
  const kubeconfig = join(plane.dir, 'reader.json');
  writeFileSync(kubeconfig, JSON.stringify(config));
  const shown = (...argv: string[]) => run(show.run, ['--kubeconfig', kubeconfig, ...argv]);
  const served = await shown('--serve', '-n', TEAM);
  assert.equal([served.code, served.out], [1, '']);
  assert.match(
    served.err,
    /cannot watch inclusterippools: .* is forbidden: .* in the namespace "team-a"; nor .*allocationslices\n$/,
  );
  await plane.kubectl([
    ...['create', 'rolebinding', 'reader', `--namespace=${TEAM}`],
    ...['--clusterrole=view', `--serviceaccount=${TEAM}:reader`],
  ]);
  await eventually('its rights', async () => (await shown('-n', TEAM)).code === 0);
  for (const argv of [[], ['--serve'], ['--watch']]) {
    const { code, out, err } = await shown(...argv);
    assert.equal([code, out], [1, '']);
    assert.match(
      err,
      /is forbidden: .* at the cluster scope.*; with -n NAMESPACE the rights of that namespace are enough\n$/,
    );
  }
});

test.run();
