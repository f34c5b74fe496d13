/** Who tries to get what is not his, by the table of docs/correctness.md: what is refused, and what becomes of the rest. */
import * as assert from 'uvu/assert';
import type { AllocationSlice } from '../../lib/kubernetes/types.ts';
import { pathOfAllocations, STALE_APPLY } from './allocations.ts';
import { type Answer, eventually } from './control-plane.ts';
import { type Kinds, pathOf, type Sandbox, succeeded } from './sandbox.ts';
import { scenarios } from './scenarios.ts';

const CAPI = 'ipam.cluster.x-k8s.io';
const RBAC = '/apis/rbac.authorization.k8s.io/v1';
const ADDRESSES = ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4'];
const MERGE = 'application/merge-patch+json';
const NOBODY = { uid: 'nobody', name: 'nobody' };

for (const applyStrategy of ['dynamic-apply', 'server-side-apply'] as const) {
  const { scenario, run } = scenarios(`attacks, ${applyStrategy}: `, {
    applyStrategy,
    serveArgs: ['--cache-lag=3s'],
  });

  scenario('forged by a tenant, labels and annotations are put right and win nothing', async (box) => {
    const tenant = await bind(box, 'edit');
    const pool = await box.pool({ addresses: ADDRESSES });
    assert.equal(await box.serve(['victim', 'own']), ADDRESSES.slice(0, 2));
    const forge = (name: string, metadata: object) =>
      write(box, 'PATCH', 'IPAddressClaim', name, { metadata }, tenant);
    const victims = { 'metaipam.io/address': '10.0.0.1' };
    for (const settled of [pool.metadata.uid, 'leaving', 'ending', 'open', null]) {
      const labels = { 'metaipam.io/settled': settled };
      assert.is(await forge('own', { labels, annotations: victims }), 200);
    }
    const claim = (await box.get('IPAddressClaim', 'own'))!;
    const metadata = {
      name: 'forged',
      annotations: victims,
      labels: { 'metaipam.io/settled': pool.metadata.uid! },
    };
    const { apiVersion, kind, spec } = claim;
    assert.is(
      await write(box, 'POST', 'IPAddressClaim', undefined, { apiVersion, kind, metadata, spec }, tenant),
      201,
    );
    assert.is((await box.bound('forged')).spec.address, '10.0.0.3');
    await eventually('the annotation of then', async () => {
      const { annotations = {}, labels = {} } = (await box.get('IPAddressClaim', 'own'))!.metadata;
      return (
        annotations['metaipam.io/address'] === '10.0.0.2' &&
        labels['metaipam.io/settled'] === pool.metadata.uid
      );
    });
    assert.is((await box.bound('victim')).spec.address, '10.0.0.1');
    assert.is((await box.bound('own')).spec.address, '10.0.0.2');
  });

  scenario('writes of who may only make claims are refused', async (box) => {
    await box.pool({ addresses: ADDRESSES });
    assert.equal(await box.serve(['victim']), ['10.0.0.1']);
    const address = (await box.get('IPAddress', 'victim'))!;
    const slice = await sliceOf(box);
    const slicePath = `${pathOfAllocations(box.namespace)}/${slice.metadata.name}`;
    for (const user of [await bind(box, 'edit'), await bindProvider(box)]) {
      const made = { ...address, metadata: { name: 'made' }, spec: { ...address.spec, address: '10.0.0.2' } };
      assert.is(await write(box, 'POST', 'IPAddress', undefined, made, user), 403);
      // An owner of his own would take it along.
      const owned = { metadata: { ownerReferences: [], labels: {} } };
      assert.is(await write(box, 'PATCH', 'IPAddress', 'victim', owned, user), 403);
      assert.is(await write(box, 'DELETE', 'IPAddress', 'victim', undefined, user), 403);
      const copy = { ...slice, metadata: { name: 'pool.10.0.0.32-27' } };
      const released = { spec: { entries: { '10.0.0.1': { released: '2026-01-01T00:00:00Z' } } } };
      for (const [method, path, body] of [
        ['POST', pathOfAllocations(box.namespace), copy],
        ['PATCH', slicePath, released],
        ['DELETE', slicePath, undefined],
      ] as const)
        assert.is((await request(box, method, path, body, user)).status, 403, `${user} ${method} ${path}`);
      assert.is(await write(box, 'DELETE', 'InClusterIPPool', 'pool', undefined, user), 403);
      const status = { status: { addressRef: { name: 'made' } } };
      const path = `${pathOf('IPAddressClaim', box.namespace, 'victim')}/status`;
      assert.is((await request(box, 'PATCH', path, status, user)).status, 403);
    }
    assert.equal((await box.get('IPAddress', 'victim'))!.metadata, address.metadata);
  });

  scenario('hands that an operator lays on a slice take no address from who has it', async (box) => {
    await box.pool({ addresses: ADDRESSES });
    assert.equal(await box.serve(['victim', 'thief']), ADDRESSES.slice(0, 2));
    const { metadata, spec } = await sliceOf(box);
    const path = `${pathOfAllocations(box.namespace)}/${metadata.name}`;
    const edit = async (entries: object) => (await request(box, 'PATCH', path, { spec: { entries } })).status;
    const { '10.0.0.2': thief } = spec.entries!;
    assert.is(await edit({ '10.0.0.1': thief }), 422, 'an entry never changes hands');
    assert.is(await edit({ '10.0.0.1': null }), 422, 'only what was released can go');
    assert.is(await edit({ '10.0.0.99': NOBODY }), 422, 'outside of the piece');
    const other = { spec: { address: '10.0.0.9' } };
    assert.is(await write(box, 'PATCH', 'IPAddress', 'victim', other), 422);
    assert.equal(
      (await box.allocations()).map(({ claim, address }) => `${claim.name} ${address}`),
      ['victim 10.0.0.1', 'thief 10.0.0.2'],
    );
  });

  scenario('a slice of another name for a piece that has one cannot be made, whoever tries', async (box) => {
    await box.pool({ addresses: ADDRESSES });
    assert.equal(await box.serve(['victim']), ['10.0.0.1']);
    await box.claim('thief', { annotations: { 'cluster.x-k8s.io/paused': '' } });
    const { uid = '', namespace = '' } = (await box.get('IPAddressClaim', 'thief'))!.metadata;
    const slice = await sliceOf(box);
    const { labels } = (
      await request(box, 'GET', `${pathOfAllocations(box.namespace)}/${slice.metadata.name}`)
    ).body.metadata;
    const entries = { '10.0.0.1': { uid, namespace, name: 'thief' } };
    for (const [name, spec] of [
      ['pool.twin', {}],
      ['twin.10.0.0.0-27', {}],
      ['pool.10.0.0.0-26', { cidr: '10.0.0.0/26' }],
      ['pool.10.0.0.1-32', { cidr: '10.0.0.1/32' }],
      ['pool.10.0.0.0-27.32', { blockLength: 32, entries: { '10.0.0.1/32': entries['10.0.0.1'] } }],
      ['pool.10.0.0.0-27.global', {}],
      ['pool.answers-9', {}],
    ] as const) {
      const twin = {
        ...slice,
        metadata: { name, labels: { ...labels, [`claim.metaipam.io/${uid}`]: '' } },
        spec: { ...slice.spec, entries, ...spec },
      };
      assert.is((await request(box, 'POST', pathOfAllocations(box.namespace), twin)).status, 422, name);
    }
    const unpaused = { metadata: { annotations: { 'cluster.x-k8s.io/paused': null } } };
    await write(box, 'PATCH', 'IPAddressClaim', 'thief', unpaused);
    assert.is((await box.bound('thief')).spec.address, '10.0.0.2');
  });

  scenario('nor a slice of an address space that its pool is not of', async (box) => {
    const lab = { annotations: { 'metaipam.io/address-space': 'lab' } };
    const twinOf = (slice: AllocationSlice, address: string) => ({
      ...slice,
      metadata: { name: `twin.${address}-32.shared`, labels: { 'metaipam.io/address-space': 'twin' } },
      spec: {
        poolRef: slice.spec.poolRef,
        cidr: `${address}/32`,
        addressSpace: 'twin',
        entries: { [address]: { ...NOBODY, namespace: box.namespace } },
      },
    });
    for (const extra of [{}, lab]) {
      await box.pool({ addresses: ADDRESSES }, 'InClusterIPPool', extra);
      assert.equal(await box.serve(['victim']), ['10.0.0.1']);
      const slice = await sliceOf(box);
      const { status, body } = await request(
        box,
        'POST',
        pathOfAllocations(box.namespace),
        twinOf(slice, '10.0.0.1'),
      );
      assert.is(status, 422);
      assert.match(
        body.message,
        /spec\.addressSpace: .*"twin": InClusterIPPool pool is not of this address space/,
      );
      await box.delete('IPAddressClaim', 'victim');
      await box.gone('IPAddressClaim', 'victim');
      await box.delete('InClusterIPPool', 'pool');
      await box.gone('InClusterIPPool', 'pool');
    }
  });

  scenario('nobody, whom somebody has given an address by hand, does not keep it', async (box) => {
    await box.pool({ addresses: ADDRESSES });
    assert.equal(await box.serve(['a']), ['10.0.0.1']);
    const { metadata } = await sliceOf(box);
    const path = `${pathOfAllocations(box.namespace)}/${metadata.name}`;
    const entries = {
      '10.0.0.2': { ...NOBODY, namespace: box.namespace },
      '10.0.0.3': { ...NOBODY, uid: 'homeless' },
    };
    assert.is((await request(box, 'PATCH', path, { spec: { entries } })).status, 200);
    await eventually('them to go', async () => {
      assert.equal(
        (await box.allocations()).map(({ claim }) => claim.name),
        ['a'],
      );
      return true;
    });
    await box.counts('InClusterIPPool', { used: 1, free: 3 });
    assert.equal(await box.serve(['b', 'c', 'd']), ADDRESSES.slice(1));
  });

  scenario('made by hand, an IPAddress of ours whose claim is not there goes', async (box) => {
    await box.pool({ addresses: ADDRESSES });
    assert.equal(await box.serve(['a']), ['10.0.0.1']);
    const { metadata, spec } = (await box.get('IPAddress', 'a'))!;
    const labels = { ...metadata.labels, 'metaipam.io/claim-uid': 'nobody' };
    await box.create(
      'IPAddress',
      { name: 'made', labels },
      {
        ...spec,
        ...{ address: '10.0.0.2', claimRef: { name: 'made' } },
      },
    );
    await box.gone('IPAddress', 'made');
    assert.equal(await box.serve(['b']), ['10.0.0.2']);
  });

  // The shared control plane has no policy that refuses it: its sentences are tried in admission.e2e.ts.
  scenario('past its policy, a pool in use that is deleted gives nothing away', async (box) => {
    await box.pool({ addresses: ADDRESSES });
    assert.equal(await box.serve(['a']), ['10.0.0.1']);
    await box.delete('InClusterIPPool', 'pool');
    await box.claim('late');
    await box.waiting('late', 'PoolNotReady');
    assert.is((await box.bound('a')).spec.address, '10.0.0.1');
    assert.ok((await box.get('InClusterIPPool', 'pool'))!.metadata.deletionTimestamp);
    await box.delete('IPAddressClaim', 'a');
    await box.gone('InClusterIPPool', 'pool');
  });

  run(applyStrategy === 'server-side-apply' ? STALE_APPLY : undefined);
}

/** A user of the namespace with one of Kubernetes' own roles; his name. */
async function bind(box: Sandbox, role: string): Promise<string> {
  const user = `${role}-of-${box.namespace}`;
  await binding(box, user, role);
  await eventually('the role to be aggregated', async () => {
    const path = `${pathOf('IPAddressClaim', box.namespace)}?dryRun=All`;
    const poolRef = { apiGroup: CAPI, kind: 'InClusterIPPool', name: 'any' };
    const apiVersion = `${CAPI}/v1beta2`;
    const metadata = { name: 'any' };
    const claim = { apiVersion, kind: 'IPAddressClaim', metadata, spec: { poolRef } };
    return (await request(box, 'POST', path, claim, user)).status === 201;
  });
  return user;
}

/** What an infrastructure provider may: claims, and reading what they get. */
async function bindProvider(box: Sandbox): Promise<string> {
  const user = `provider-of-${box.namespace}`;
  const metadata = { name: user };
  const rules = [
    { apiGroups: [CAPI], resources: ['ipaddressclaims'], verbs: ['*'] },
    { apiGroups: [CAPI], resources: ['ipaddresses'], verbs: ['get', 'list', 'watch'] },
  ];
  const role = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata, rules };
  await makeOnce(box, `${RBAC}/clusterroles`, role);
  await binding(box, user, user);
  return user;
}

async function binding(box: Sandbox, user: string, role: string): Promise<void> {
  const apiGroup = 'rbac.authorization.k8s.io';
  const body = {
    apiVersion: `${apiGroup}/v1`,
    kind: 'RoleBinding',
    metadata: { name: user },
    roleRef: { apiGroup, kind: 'ClusterRole', name: role },
    subjects: [{ apiGroup, kind: 'User', name: user }],
  };
  await makeOnce(box, `${RBAC}/namespaces/${box.namespace}/rolebindings`, body);
}

/** An earlier user of the control plane may have left it. */
async function makeOnce(box: Sandbox, path: string, object: object): Promise<void> {
  const answer = await request(box, 'POST', path, object);
  if (answer.status !== 409) succeeded(answer);
}

function request(
  { plane }: Sandbox,
  method: string,
  path: string,
  body?: unknown,
  user?: string,
): Promise<Answer> {
  return plane.api(method, path, body, method === 'PATCH' ? MERGE : undefined, user);
}

async function write(
  box: Sandbox,
  method: string,
  kind: keyof Kinds,
  name: string | undefined,
  body?: unknown,
  user?: string,
): Promise<number> {
  return (await request(box, method, pathOf(kind, box.namespace, name), body, user)).status;
}

/** The one that lists what the pool has given. */
async function sliceOf(box: Sandbox): Promise<AllocationSlice> {
  const { items } = succeeded(await request(box, 'GET', pathOfAllocations(box.namespace)));
  const found = (items as AllocationSlice[]).find(({ spec }) => spec.entries !== undefined)!;
  const { name } = found.metadata;
  return { ...found, apiVersion: 'metaipam.io/v1alpha1', kind: 'AllocationSlice', metadata: { name } };
}
