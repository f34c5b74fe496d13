import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { allocationsOf } from '../../lib/allocation/slice.ts';
import { type Adoption, orphans, planAdoption } from '../../lib/inspect/adoption.ts';
import type { Inventory } from '../../lib/inspect/inventory.ts';
import type { KubernetesObject } from '../../lib/kubernetes/object.ts';

const IPAM = 'ipam.cluster.x-k8s.io';
const FOREIGN = {
  claim: `${IPAM}/ReleaseAddress`,
  address: `${IPAM}/ProtectAddress`,
  pool: `${IPAM}/ProtectPool`,
};
const OWN = 'metacontroller.io/decoratorcontroller-claims';

const poolRef = { apiGroup: IPAM, kind: 'InClusterIPPool', name: 'pool' };

function object(kind: string, name: string, metadata: object = {}, spec: object = {}) {
  const version = kind.startsWith('IPAddress') ? 'v1beta2' : 'v1alpha2';
  return {
    apiVersion: `${IPAM}/${version}`,
    kind,
    metadata: { name, namespace: 'default', uid: `${kind}-${name}`, resourceVersion: '7', ...metadata },
    spec,
  };
}

const pool = (metadata: object = {}) => object('InClusterIPPool', 'pool', metadata);
const claim = (name: string, metadata: object = {}) => object('IPAddressClaim', name, metadata, { poolRef });
const address = (name: string, metadata: object = {}, ip = '10.0.0.1') =>
  object('IPAddress', name, metadata, { claimRef: { name }, poolRef, address: ip, prefix: 24 });
/** What the slice of the pool lists. */
const allocation = (name: string, ip = '10.0.0.1', kind = 'InClusterIPPool') => {
  const spec = {
    poolRef: { ...poolRef, kind, uid: `${kind}-pool` },
    entries: { [ip]: { uid: `IPAddressClaim-${name}`, name } },
  };
  return allocationsOf([{ metadata: { name: 'pool.10.0.0.0-27' }, spec } as never])[0]!;
};
const deletionTimestamp = '2026-01-01T00:00:00Z';

/** Partial objects will do: a plan reads metadata and references. */
function inventory(parts: { [Part in keyof Inventory]?: readonly object[] }): Inventory {
  const none = { pools: [], claims: [], addresses: [], allocations: [], clusterCIDRs: [] };
  return { ...none, ...parts } as object as Inventory;
}

const plan = (parts: Parameters<typeof inventory>[0]) => planAdoption(inventory(parts));
const titles = (adoptions: readonly Adoption[]) =>
  adoptions.map(({ object: { kind, metadata } }) => `${kind} ${metadata.name}`);
/** The object as the patch leaves it, in which all of the metadata is given whole. */
const patched = ({ object: { metadata, ...rest }, patch }: Adoption): KubernetesObject => {
  const { labels, annotations, ...others } = patch.metadata as KubernetesObject['metadata'];
  return {
    ...rest,
    metadata: {
      ...metadata,
      ...others,
      labels: { ...metadata.labels, ...labels },
      annotations: { ...metadata.annotations, ...annotations },
    },
  };
};

test('finalizers of the reference controllers go, others stay', () => {
  const clusterCIDR = {
    ...object('ClusterCIDR', 'cidr', { finalizers: ['networking.x-k8s.io/cluster-cidr-finalizer'] }),
    apiVersion: 'networking.x-k8s.io/v1',
  };
  const { adoptions, waiting } = plan({
    pools: [pool({ finalizers: ['example.com/mine', FOREIGN.pool] })],
    claims: [claim('a', { finalizers: [FOREIGN.claim, OWN] }), claim('b', { finalizers: [OWN] })],
    addresses: [address('orphan', { finalizers: [FOREIGN.address] })],
    clusterCIDRs: [clusterCIDR],
  });
  assert.equal(waiting, []);
  assert.equal(
    adoptions.map(({ object: { kind, metadata }, patch }) => [kind, metadata.name, patch]),
    [
      ['InClusterIPPool', 'pool', { metadata: { resourceVersion: '7', finalizers: ['example.com/mine'] } }],
      ['IPAddress', 'orphan', { metadata: { resourceVersion: '7', finalizers: [] } }],
      ['IPAddressClaim', 'a', { metadata: { resourceVersion: '7', finalizers: [OWN] } }],
      ['ClusterCIDR', 'cidr', { metadata: { resourceVersion: '7', finalizers: [] } }],
    ],
  );
  assert.equal(adoptions[0]?.effects, [`freed of finalizer ${FOREIGN.pool}`]);
});

test('H19 an address that is listed gets owners, labels and mark', () => {
  const parts = { pools: [pool()], claims: [claim('a')], allocations: [allocation('a')] };
  const { adoptions } = plan({ ...parts, addresses: [address('a', { labels: { mine: 'yes' } })] });
  assert.equal(titles(adoptions), ['IPAddress a']);
  const result = patched(adoptions[0]!);
  const owner = { namespace: undefined, blockOwnerDeletion: true };
  assert.equal(
    result.metadata.ownerReferences?.map((reference) => ({ ...owner, ...reference })),
    [
      {
        apiVersion: `${IPAM}/v1beta2`,
        kind: 'IPAddressClaim',
        name: 'a',
        uid: 'IPAddressClaim-a',
        controller: true,
      },
      {
        apiVersion: `${IPAM}/v1alpha2`,
        kind: 'InClusterIPPool',
        name: 'pool',
        uid: 'InClusterIPPool-pool',
        controller: false,
      },
    ].map((reference) => ({ ...owner, ...reference })),
  );
  assert.equal(result.metadata.labels, {
    mine: 'yes',
    'metaipam.io/pool': 'InClusterIPPool.pool',
    'metaipam.io/pool-uid': 'InClusterIPPool-pool',
    'metaipam.io/claim-uid': 'IPAddressClaim-a',
  });
  assert.equal(result.metadata.annotations, { 'metacontroller.k8s.io/decorator-controller': 'claims' });

  assert.equal(plan({ ...parts, addresses: [result] }).adoptions, []);
});

test('H20 other owners stay; a claim or pool of another uid, as after a restore, does not', () => {
  const dummy = { apiVersion: 'v1', kind: 'Dummy', name: 'dummy', uid: 'dummy' };
  const restored = {
    apiVersion: `${IPAM}/v1beta2`,
    kind: 'IPAddressClaim',
    name: 'a',
    uid: 'old',
    controller: true,
  };
  const { adoptions } = plan({
    pools: [pool()],
    claims: [claim('a')],
    allocations: [allocation('a')],
    addresses: [address('a', { ownerReferences: [restored, dummy] })],
  });
  const uids = patched(adoptions[0]!).metadata.ownerReferences?.map(({ uid }) => uid);
  assert.equal(uids, ['dummy', 'IPAddressClaim-a', 'InClusterIPPool-pool']);
});

test('an address that is not listed for its claim waits, and keeps what makes its pool look at it', () => {
  const parts = { pools: [pool()], claims: [claim('a'), claim('b')] };
  for (const allocations of [[], [allocation('b')], [allocation('a', '10.0.0.2')]]) {
    const addresses = [address('a', { finalizers: [FOREIGN.address] })];
    const { adoptions, waiting } = plan({ ...parts, addresses, allocations });
    assert.equal(
      waiting.map(({ metadata }) => metadata.name),
      ['a'],
    );
    assert.equal(
      adoptions.map(({ patch }) => patch),
      [{ metadata: { resourceVersion: '7', finalizers: [] } }],
    );
  }
});

test('an address written in another way is the one that is listed', () => {
  const { adoptions, waiting } = plan({
    pools: [pool()],
    claims: [claim('a')],
    allocations: [allocation('a', 'fd00::1')],
    addresses: [address('a', {}, 'FD00:0::1')],
  });
  assert.equal(waiting, []);
  assert.equal(titles(adoptions), ['IPAddress a']);
});

test('a global pool owns addresses of every namespace, one of a namespace only its own', () => {
  const { namespace, ...metadata } = pool().metadata;
  const ref = { ...poolRef, kind: 'GlobalInClusterIPPool' };
  const globalPool = { ...pool(), kind: 'GlobalInClusterIPPool', metadata };
  const of = (made: ReturnType<typeof address>) => ({ ...made, spec: { ...made.spec, poolRef: ref } });
  const parts = {
    claims: [of(claim('a'))],
    allocations: [allocation('a', '10.0.0.1', 'GlobalInClusterIPPool')],
    addresses: [of(address('a'))],
  };
  assert.equal(titles(plan({ ...parts, pools: [globalPool] }).adoptions), ['IPAddress a']);
  assert.equal(plan({ ...parts, pools: [pool()] }).adoptions, []);

  const elsewhere = pool({ namespace: 'elsewhere' });
  const namespaced = { claims: [claim('a')], allocations: [allocation('a')], addresses: [address('a')] };
  assert.equal(plan({ ...namespaced, pools: [elsewhere] }), { adoptions: [], waiting: [] });
});

test('the address of a claim that is going goes first', () => {
  const going = { finalizers: [FOREIGN.claim], deletionTimestamp };
  const { adoptions, waiting } = plan({
    pools: [pool()],
    claims: [claim('a', going)],
    addresses: [address('a', { finalizers: [FOREIGN.address] })],
  });
  assert.equal(waiting, []);
  assert.equal(titles(adoptions), ['IPAddress a', 'IPAddressClaim a']);
  assert.equal(
    adoptions.map(({ isDeleted = false }) => isDeleted),
    [true, false],
  );
});

test('an address without its claim is an orphan', () => {
  const addresses = [address('a'), address('b'), address('c', { namespace: 'other' })];
  const claims = [claim('a'), claim('c')];
  assert.equal(
    orphans(inventory({ addresses, claims })).map(({ metadata }) => metadata.name),
    ['b', 'c'],
  );
});

test('a claim with the name of its pool: both are owners', () => {
  const { adoptions } = plan({
    pools: [pool()],
    claims: [claim('pool')],
    allocations: [allocation('pool')],
    addresses: [address('pool')],
  });
  const owners = patched(adoptions[0]!).metadata.ownerReferences;
  assert.equal(
    owners?.map(({ kind }) => kind),
    ['IPAddressClaim', 'InClusterIPPool'],
  );
});

test.run();
