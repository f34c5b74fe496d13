/** What people write by hand, or a tenant into his claims, gives nobody what is another's. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { controllers } from '../../hooks/index.ts';
import { createWorld } from '../../lib/cli/world.ts';
import type { SimulatedCluster } from '../../lib/engine/cluster.ts';
import type { Unstructured } from '../../lib/engine/object.ts';
import type { InClusterIPPool, IPAddress, IPAddressClaim } from '../../lib/kubernetes/types.ts';
import { CAPI, claim, ipPool } from './objects.ts';

const ONE = ipPool({ addresses: ['10.0.0.2'] });
const PAUSED = { 'cluster.x-k8s.io/paused': '' };

/** A pool of which `a` has an address. */
function bound(
  pool = ONE,
  labels: Record<string, string> = {},
  clusters: readonly object[] = [],
): SimulatedCluster {
  const cluster = createWorld(controllers);
  const objects = [...clusters, pool, claim('a', pool, { labels })] as Unstructured[];
  for (const object of objects) assert.is(cluster.apply(object).error, undefined);
  cluster.settle();
  assert.equal(addresses(cluster), ['a 10.0.0.2']);
  return cluster;
}

function addresses(cluster: SimulatedCluster): string[] {
  const all = cluster.objects('IPAddress') as object[] as IPAddress[];
  return all.map(({ metadata, spec }) => `${metadata.name} ${spec.address}`);
}

function patch(cluster: SimulatedCluster, resource: string, name: string, metadata: object): void {
  const apiVersion = resource === 'allocationslices' ? 'metaipam.io/v1alpha1' : CAPI;
  const to = { apiVersion, resource, namespace: 'default', name };
  const { error } = cluster.request({ verb: 'patch', ...to, patch: { metadata } });
  assert.is(error, undefined, error?.message);
  cluster.settle();
}

const poolOf = (cluster: SimulatedCluster) =>
  cluster.objects('InClusterIPPool')[0] as object as InClusterIPPool & { metadata: { uid: string } };
const settled = (cluster: SimulatedCluster, label: string) =>
  patch(cluster, 'ipaddressclaims', 'a', { labels: { 'metaipam.io/settled': label } });

/** Another claim of the same pool; whether it waits. */
function waits(cluster: SimulatedCluster, name = 'next'): boolean {
  const { labels: _, ...meta } = claim(name, ONE).metadata;
  cluster.apply({ ...claim(name, ONE), metadata: meta } as object as Unstructured);
  cluster.settle();
  const { status } = cluster.get({
    apiVersion: CAPI,
    kind: 'IPAddressClaim',
    name,
  }) as object as IPAddressClaim;
  return status?.addressRef === undefined;
}

test('a claim that is paused at its end keeps its address, whatever its labels say', () => {
  const cluster = bound();
  patch(cluster, 'ipaddressclaims', 'a', { annotations: PAUSED });
  cluster.delete({ apiVersion: CAPI, kind: 'IPAddressClaim', name: 'a' });
  cluster.settle();
  for (const label of ['leaving', poolOf(cluster).metadata.uid, 'leaving', 'open', 'x']) {
    settled(cluster, label);
    assert.ok(waits(cluster), label);
    assert.equal(addresses(cluster), ['a 10.0.0.2'], label);
  }
  patch(cluster, 'ipaddressclaims', 'a', { annotations: { 'cluster.x-k8s.io/paused': null } });
  assert.equal(addresses(cluster), []);
});

test('one whose Cluster is paused loses its IPAddress when it says that it leaves', () => {
  const apiVersion = 'cluster.x-k8s.io/v1beta2';
  const metadata = { name: 'c', namespace: 'default' };
  const owner = { apiVersion, kind: 'Cluster', metadata, spec: { paused: false } };
  const cluster = bound(ONE, { 'cluster.x-k8s.io/cluster-name': 'c' }, [owner]);
  cluster.apply({ ...owner, spec: { paused: true } } as Unstructured);
  cluster.delete({ apiVersion: CAPI, kind: 'IPAddressClaim', name: 'a' });
  cluster.settle();
  assert.ok(waits(cluster));
  assert.equal(addresses(cluster), ['a 10.0.0.2']);
  settled(cluster, 'leaving');
  assert.not.ok(addresses(cluster).includes('a 10.0.0.2'));
});

test('labels on a living claim are put right, and take nothing away', () => {
  const cluster = bound();
  for (const label of ['leaving', 'ending', 'open', 'x', '']) {
    settled(cluster, label);
    assert.ok(waits(cluster), label);
    assert.equal(addresses(cluster), ['a 10.0.0.2'], label);
  }
});

test('a slice that is taken from its pool is said to be missing, and nothing is given out of it', () => {
  const pool = ipPool({ addresses: ['10.0.0.2-10.0.0.31'] });
  const cluster = bound(pool);
  const name = 'pool.10.0.0.0-27';
  patch(cluster, 'allocationslices', name, { labels: { 'controller-uid': null } });
  const missing = () =>
    poolOf(cluster).status?.conditions?.find(({ type }) => type === 'SlicesMissing')?.status;
  assert.is(missing(), 'True');
  assert.ok(waits(cluster));
  cluster.delete({ apiVersion: 'metaipam.io/v1alpha1', kind: 'AllocationSlice', name });
  cluster.settle();
  assert.is(missing(), 'True', 'before the janitor has made it again');
  assert.ok(waits(cluster));
  assert.equal(addresses(cluster), ['a 10.0.0.2']);
});

test.run();
