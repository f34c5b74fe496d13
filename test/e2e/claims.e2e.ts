/**
 * The cases of Cluster API's in-cluster provider, G (pool status) and H (claims), under either way in which
 * Metacontroller applies objects.
 */
import * as assert from 'uvu/assert';
import type { OwnerReference } from '../../lib/kubernetes/object.ts';
import type {
  GlobalInClusterIPPool,
  InClusterIPPool,
  IPAddress,
  IPAddressClaim,
} from '../../lib/kubernetes/types.ts';
import { eventually } from './control-plane.ts';
import type { InstallOptions } from './install.ts';
import { listOf, PAUSED, type PoolKind, type Sandbox } from './sandbox.ts';
import { scenarios } from './scenarios.ts';

const POOL_KINDS = ['InClusterIPPool', 'GlobalInClusterIPPool'] as const;
const CLUSTER_NAME = 'cluster.x-k8s.io/cluster-name';
const CLUSTER = 'test-cluster';
const WIDE = { addresses: ['10.0.0.1-10.0.0.254'], gateway: '10.0.0.2' };

for (const applyStrategy of ['dynamic-apply', 'server-side-apply'] as const) claims(applyStrategy);

function claims(applyStrategy: NonNullable<InstallOptions['applyStrategy']>): void {
  const { scenario, run } = scenarios(`claims, ${applyStrategy}: `, {
    applyStrategy,
    serveArgs: ['--cache-lag=3s'],
  });

  for (const kind of POOL_KINDS) {
    const rows = [
      ['G1.1', 24, '10.0.0.10-10.0.0.20', undefined, 1, [11, 1, 10]],
      ['G1.2', 24, '10.0.0.10-10.0.0.20', undefined, 2, [11, 2, 9]],
      ['G1.3', 24, '10.0.0.10-10.0.0.20', '10.0.0.10', 1, [10, 1, 9]],
      ['G1.4', 24, '10.0.0.10-10.0.0.20', '10.0.0.10', 2, [10, 2, 8]],
      ['G1.5', 24, '10.0.0.10-10.0.0.20', '10.0.0.1', 1, [11, 1, 10]],
      ['G1.6', 24, '10.0.0.0-10.0.0.1', '10.0.0.2', 1, [1, 1, 0]],
      ['G1.7', 24, '10.0.0.254-10.0.0.255', '10.0.0.1', 1, [1, 1, 0]],
      ['G1.8', 120, 'fe80::ffff', 'fe80::a', 1, [1, 1, 0]],
    ] as const;
    for (const [id, prefix, addresses, gateway, claimCount, [total, used, free]] of rows) {
      scenario(`${id} ${kind}: counts of ${addresses}, gateway ${gateway}`, async (box) => {
        await box.pool({ addresses: [addresses], prefix, ...(gateway && { gateway }) }, kind);
        await box.counts(kind, { total, used: 0, free: total, outOfRange: 0, pending: 0 });
        await box.serve(names(claimCount), { kind });
        await box.counts(kind, { total, used, free, outOfRange: 0, pending: 0 });
      });
    }

    const shrinks = [
      ['G2.1', '10.0.0.10-10.0.0.20', 5, ['10.0.0.13-10.0.0.20'], 3],
      ['G2.2', '10.0.0.0-10.0.0.255', 4, ['10.0.0.1-10.0.0.255'], 1],
      ['G2.3', '10.0.0.0-10.0.0.255', 5, ['10.0.0.0', '10.0.0.2-10.0.0.255'], 1],
      ['G2.4', '10.0.0.251-10.0.0.255', 5, ['10.0.0.251-10.0.0.254'], 1],
    ] as const;
    for (const [id, before, claimCount, addresses, outOfRange] of shrinks) {
      scenario(`${id} ${kind}: ${outOfRange} out of range when ${before} shrinks`, async (box) => {
        const gateway = '10.0.0.1';
        await box.pool({ addresses: [before], gateway, allocateReservedIPAddresses: true }, kind);
        const held = await box.serve(names(claimCount), { kind });
        await box.patch(kind, box.poolName(kind), {
          spec: { addresses, allocateReservedIPAddresses: false },
        });
        await box.counts(kind, { outOfRange, used: claimCount });
        await box.quiet();
        const addressesNow = (await box.list('IPAddress')).map(({ spec }) => spec.address);
        assert.equal(addressesNow.sort(), held.sort());
      });
    }

    scenario(`G3 ${kind}: a pool stays until its last claim is gone`, async (box) => {
      await box.pool({ addresses: ['10.0.1.1-10.0.1.254'], gateway: '10.0.1.2' }, kind);
      await box.claim('test', { kind });
      await box.bound('test');
      await box.delete(kind, box.poolName(kind));
      await eventually('the pool to be deleted', async () => {
        return readyReason((await box.get(kind, box.poolName(kind)))!) === 'Deleting';
      });
      await box.settlesOn(['test']);
      const pool = (await box.get(kind, box.poolName(kind)))!;
      assert.equal(pool.metadata.finalizers?.length, 1);
      await box.release('test');
      await box.gone(kind, box.poolName(kind));
      await eventually('no allocation', async () => (await box.allocations(kind)).length === 0);
    });
  }

  scenario('H1 a claim of another provider is left alone', async (box) => {
    await box.pool(WIDE);
    await box.claim('test', { kind: 'UnknownIPPool' });
    await box.settlesOn([], 3);
    const { metadata, status } = (await box.get('IPAddressClaim', 'test'))!;
    assert.equal([metadata.finalizers, metadata.labels, status], [undefined, undefined, undefined]);
  });

  scenario('H2 a claim of a cluster', async (box) => {
    await box.create('Cluster', { name: CLUSTER }, {});
    await box.pool(WIDE);
    const claim = await box.claim('test', { labels: { [CLUSTER_NAME]: CLUSTER } });
    const address = await box.bound('test');
    await assertFull(box, claim, 'InClusterIPPool', { address: '10.0.0.1', gateway: '10.0.0.2' });
    assert.is(address.metadata.labels?.[CLUSTER_NAME], CLUSTER);
  });

  scenario('H3 a claim of a pool that does not exist', async (box) => {
    await box.pool(WIDE);
    await box.claim('test', { pool: 'another' });
    await box.settlesOn([]);
    const message = await box.waiting('test', 'PoolNotReady');
    assert.match(message, 'InClusterIPPool h3/another');
    await box.settlesOn([]);
  });

  scenario('H4 neither network, gateway nor broadcast address is given out', async (box) => {
    await box.pool({
      addresses: ['10.0.1.0', '10.0.1.1', '10.0.1.2', '10.0.1.255'],
      gateway: '10.0.1.1',
    });
    const claim = await box.claim('test');
    await box.bound('test');
    await assertFull(box, claim, 'InClusterIPPool', { address: '10.0.1.2', gateway: '10.0.1.1' });
    await box.claim('test2');
    assert.match(await box.waiting('test2', 'PoolExhausted'), 'no free address');
    await box.settlesOn(['test']);
  });

  scenario('H5 excluded addresses are passed over', async (box) => {
    const excludedAddresses = ['10.1.1.2-10.1.1.5', '10.1.1.7'];
    await box.pool({ addresses: ['10.1.1.0/24'], gateway: '10.1.1.1', excludedAddresses });
    assert.equal(await box.serve(names(3)), ['10.1.1.6', '10.1.1.8', '10.1.1.9']);
  });

  scenario('H6 the numerically lowest address comes first', async (box) => {
    await box.pool({ addresses: ['10.0.1.3', '10.0.1.2'], gateway: '10.0.1.1' });
    assert.equal(await box.serve(['test']), ['10.0.1.2']);
  });

  scenario('H7 a pool without a gateway', async (box) => {
    await box.pool({ addresses: WIDE.addresses });
    const claim = await box.claim('test');
    const { spec } = await box.bound('test');
    assert.not('gateway' in spec);
    await assertFull(box, claim, 'InClusterIPPool', { address: '10.0.0.1' });
  });

  for (const [id, name] of [
    ['H8', 'of other names'],
    ['H21', 'of one name'],
  ] as const) {
    scenario(`${id} a global pool serves claims ${name} in two namespaces`, async (box) => {
      const kind = 'GlobalInClusterIPPool';
      await box.pool({ addresses: ['10.0.0.2-10.0.0.254'], gateway: '10.0.0.1' }, kind);
      const other = await box.sibling();
      const one = await box.claim('test', { kind });
      await box.bound('test');
      const two = await other.claim(id === 'H8' ? 'other' : 'test', { kind, pool: box.namespace });
      await other.bound(two.metadata.name);
      await assertFull(box, one, kind, { address: '10.0.0.2', gateway: '10.0.0.1' });
      await assertFull(box, two, kind, { address: '10.0.0.3', gateway: '10.0.0.1' });
    });
  }

  scenario('H9 a claim of a global pool that does not exist', async (box) => {
    await box.pool(WIDE, 'GlobalInClusterIPPool');
    await box.claim('test', { kind: 'GlobalInClusterIPPool', pool: 'h9-another' });
    await box.settlesOn([]);
    assert.match(await box.waiting('test', 'PoolNotReady'), 'GlobalInClusterIPPool h9-another');
    await box.settlesOn([]);
  });

  scenario('H10 a pool of single addresses', async (box) => {
    await box.pool({ addresses: ['10.0.0.50', '10.0.0.128'], gateway: '10.0.0.1' });
    assert.equal(await box.serve(names(2)), ['10.0.0.50', '10.0.0.128']);
  });

  scenario('H11 pools of one name in two namespaces are two pools', async (box) => {
    const other = await box.sibling();
    for (const each of [box, other]) {
      await each.pool({ addresses: ['10.0.0.50'] });
      assert.equal(await each.serve(['test']), ['10.0.0.50']);
    }
  });

  scenario('H12 a pool and a global pool of one name are two pools', async (box) => {
    const pool = box.poolName('GlobalInClusterIPPool');
    const spec = { addresses: ['10.0.0.50'], prefix: 24 };
    for (const kind of POOL_KINDS) {
      await box.create(kind, { name: pool }, spec);
      assert.equal(await box.serve([`of-${kind.toLowerCase()}`], { kind, pool }), ['10.0.0.50']);
    }
  });

  scenario('H13 a paused pool gives out nothing', async (box) => {
    await box.pool(WIDE, 'InClusterIPPool', { annotations: { [PAUSED]: '' } });
    await box.claim('test');
    assert.match(await box.waiting('test', 'PoolNotReady'), 'paused');
    await box.settlesOn([]);
    await box.annotate('InClusterIPPool', 'pool', { [PAUSED]: null });
    assert.is((await box.bound('test')).spec.address, '10.0.0.1');
  });

  scenario(
    'H14 a paused pool takes nothing back: a claim that is deleted stays until it is unpaused',
    async (box) => {
      await box.pool({ addresses: ['10.0.0.50'] });
      await box.serve(['test']);
      await box.annotate('InClusterIPPool', 'pool', { [PAUSED]: '' });
      await eventually('the pool to be paused', async () => {
        const pool = (await box.get('InClusterIPPool', 'pool'))!;
        return readyReason(pool) === 'Paused';
      });
      await box.delete('IPAddressClaim', 'test');
      await box.claim('next');
      await box.waiting('next', 'PoolNotReady');
      await box.settlesOn([], 6);
      assert.ok(await box.get('IPAddressClaim', 'test'));
      await box.annotate('InClusterIPPool', 'pool', { [PAUSED]: null });
      assert.is((await box.bound('next')).spec.address, '10.0.0.50');
      await box.gone('IPAddressClaim', 'test');
    },
  );

  for (const [ids, kind] of [
    ['H15 H16', 'InClusterIPPool'],
    ['H17 H18', 'GlobalInClusterIPPool'],
  ] as const) {
    scenario(`${ids} ${kind}: a claim waits until an address is released`, async (box) => {
      await box.pool({ addresses: ['10.0.0.1'], gateway: '10.0.0.2' }, kind);
      await box.claim('existing', { kind });
      await box.bound('existing');
      const claim = await box.claim('new', { kind });
      await box.waiting('new', 'PoolExhausted');
      await box.settlesOn(['existing'], 4);
      await box.counts(kind, { total: 1, used: 1, free: 0, pending: 1 });
      await box.release('existing');
      await box.bound('new');
      await assertFull(box, claim, kind, { address: '10.0.0.1', gateway: '10.0.0.2' });
      await box.counts(kind, { total: 1, used: 1, free: 0, pending: 0 });
      assert.is((await box.allocations(kind)).length, 1);
    });
  }

  scenario('H19 a claim takes the IPAddress that was there before, which gets its owners', async (box) => {
    const before = await preCreated(box);
    const claim = await box.claim('test');
    await assertAdopted(box, before);
    await owned(box, claim, await ownerReferences(box, claim, 'InClusterIPPool'));
    assert.equal(await box.serve(['other']), ['10.0.0.3']);
  });

  scenario('H20 so with an IPAddress that has another owner', async (box) => {
    const dummy = { apiVersion: 'alpha-dummy', kind: 'dummy-kind', name: 'dummy-name', uid: 'abc-dummy' };
    const before = await preCreated(box, { ownerReferences: [dummy] });
    const claim = await box.claim('test');
    await assertAdopted(box, before);
    await owned(box, claim, [dummy, ...(await ownerReferences(box, claim, 'InClusterIPPool'))]);
  });

  scenario('H19 an IPAddress that was there before goes with its claim', async (box) => {
    await preCreated(box);
    await box.claim('test');
    await box.bound('test');
    await box.release('test');
    await box.settlesOn([]);
    await box.counts('InClusterIPPool', { used: 0 });
    assert.equal(await box.serve(['other']), ['10.0.0.1']);
  });

  scenario(
    'H20 an IPAddress of another pool is in the way: the claim says so, and is served when it goes',
    async (box) => {
      await box.pool(WIDE);
      const poolRef = { apiGroup: 'ipam.cluster.x-k8s.io', kind: 'InClusterIPPool', name: 'another' };
      const spec = { claimRef: { name: 'test' }, poolRef, address: '10.9.0.1', prefix: 24 };
      await box.create('IPAddress', { name: 'test' }, spec);
      await box.claim('test');
      assert.match(
        await box.waiting('test', 'AddressMissing', 110),
        /^10\.0\.0\.1 is allocated; waits for IPAddress .*\/test, unless there is one that is not this claim's/,
      );
      assert.equal((await box.get('IPAddress', 'test'))!.spec, spec);
      await box.delete('IPAddress', 'test');
      assert.is((await box.bound('test', 90)).spec.address, '10.0.0.1');
    },
  );

  scenario('H22 the claim first, then its cluster, paused by annotation', async (box) => {
    await box.pool(WIDE);
    await box.claim('test', { clusterName: CLUSTER });
    await box.waiting('test', 'ClusterNotFound');
    await box.create('Cluster', { name: CLUSTER, annotations: { [PAUSED]: '' } }, { paused: false });
    await box.waiting('test', 'Paused');
    await box.settlesOn([]);
  });

  scenario('H23 the claim first, then its cluster, paused by its spec', async (box) => {
    await box.pool(WIDE);
    await box.claim('test', { clusterName: CLUSTER });
    await box.waiting('test', 'ClusterNotFound');
    await box.create('Cluster', { name: CLUSTER }, { paused: true });
    await box.waiting('test', 'Paused');
    await box.settlesOn([]);
  });

  for (const [id, annotations] of [
    ['H24', {}],
    ['H25', { [PAUSED]: '' }],
  ] as const) {
    scenario(`${id} a paused cluster stays paused when something else about it changes`, async (box) => {
      await box.pool(WIDE);
      await box.create('Cluster', { name: CLUSTER, annotations }, { paused: true });
      await box.claim('test', { clusterName: CLUSTER });
      await box.waiting('test', 'Paused');
      await box.annotate('Cluster', CLUSTER, { unrelated: 'yes' });
      await box.settlesOn([]);
    });
  }

  scenario('H26 a cluster, named by label, is unpaused in its spec', async (box) => {
    await box.pool(WIDE);
    await box.create('Cluster', { name: CLUSTER }, { paused: true });
    await box.claim('test', { labels: { [CLUSTER_NAME]: CLUSTER } });
    await box.waiting('test', 'Paused');
    await box.settlesOn([]);
    await box.patch('Cluster', CLUSTER, { spec: { paused: false } });
    assert.is((await box.bound('test')).spec.address, '10.0.0.1');
  });

  scenario('H27 a cluster loses its paused annotation', async (box) => {
    await box.pool(WIDE);
    await box.create('Cluster', { name: CLUSTER, annotations: { [PAUSED]: '' } }, {});
    await box.claim('test', { clusterName: CLUSTER });
    await box.waiting('test', 'Paused');
    await box.settlesOn([]);
    await box.annotate('Cluster', CLUSTER, { [PAUSED]: null });
    assert.is((await box.bound('test')).spec.address, '10.0.0.1');
  });

  scenario('H28 a claim, with a finalizer of its own, of a cluster that does not exist', async (box) => {
    await box.pool(WIDE);
    const finalizers = ['ipam.cluster.x-k8s.io/ReleaseAddress'];
    await box.claim('test', { clusterName: CLUSTER, finalizers });
    await box.waiting('test', 'ClusterNotFound');
    await box.settlesOn([]);
  });

  scenario('H29 a claim goes though its cluster went before', async (box) => {
    await box.pool(WIDE);
    await box.create('Cluster', { name: CLUSTER }, {});
    await box.claim('test', { clusterName: CLUSTER });
    await box.bound('test');
    await box.delete('Cluster', CLUSTER);
    await box.gone('Cluster', CLUSTER);
    await box.settlesOn(['test']);
    await box.release('test');
    await box.settlesOn([]);
  });

  scenario('H30 a claim linked by label, then its cluster, paused', async (box) => {
    await box.pool(WIDE);
    await box.claim('test', { labels: { [CLUSTER_NAME]: CLUSTER } });
    await box.waiting('test', 'ClusterNotFound');
    await box.create('Cluster', { name: CLUSTER, annotations: { [PAUSED]: '' } }, {});
    await box.waiting('test', 'Paused');
    await box.settlesOn([]);
  });

  scenario('H31 a claim linked by label to a cluster that does not exist', async (box) => {
    await box.pool(WIDE);
    await box.claim('test', { labels: { [CLUSTER_NAME]: 'unfindable' } });
    assert.match(await box.waiting('test', 'ClusterNotFound'), 'h31/unfindable');
    await box.settlesOn([]);
  });

  scenario('H32 a paused claim is served when it is unpaused', async (box) => {
    await box.pool(WIDE);
    const claim = await box.claim('test', { annotations: { [PAUSED]: '' } });
    await box.waiting('test', 'Paused');
    await box.settlesOn([]);
    await box.annotate('IPAddressClaim', 'test', { [PAUSED]: null });
    await box.bound('test');
    await assertFull(box, claim, 'InClusterIPPool', { address: '10.0.0.1', gateway: '10.0.0.2' });
  });

  scenario('H33 an address is not given out again within the reuse grace period', async (box) => {
    await box.pool({ addresses: ['10.0.0.10'], gateway: '10.0.0.1', addressReuseGracePeriodSeconds: 5 });
    await box.serve(['test']);
    await box.claim('next');
    await box.waiting('next', 'PoolExhausted');
    await box.release('test');
    await box.gone('IPAddress', 'test');
    let releasedAt = '';
    await eventually('the allocation to be marked', async () => {
      const held = (await box.allocations()).find(({ claim }) => claim.name === 'test')!;
      releasedAt = held.releasedAt ?? '';
      return releasedAt !== '';
    });
    assert.equal(await box.list('IPAddress'), []);
    const { metadata } = await box.bound('next');
    const waited = Date.parse(metadata.creationTimestamp!) - Date.parse(releasedAt);
    // Such a time may have whole seconds.
    assert.ok(waited > 4000, `given out again after ${waited} ms`);
  });

  scenario('H34 the reuse grace period holds up no deletion', async (box) => {
    await box.pool({ addresses: ['10.0.0.50'], addressReuseGracePeriodSeconds: 300 });
    await box.serve(['test']);
    await box.delete('InClusterIPPool', 'pool');
    await box.release('test');
    await box.gone('InClusterIPPool', 'pool');
  });

  scenario('H35 an adopted IPAddress that somebody deletes comes back as it was', async (box) => {
    const before = await preCreated(box);
    await box.claim('test');
    await box.bound('test');
    await box.quiet();
    await box.delete('IPAddress', 'test');
    await eventually('another IPAddress', async () => {
      const uid = (await box.get('IPAddress', 'test'))?.metadata.uid;
      return uid !== undefined && uid !== before.metadata.uid;
    });
    assert.equal((await box.get('IPAddress', 'test'))!.spec, before.spec);
    assert.equal(
      (await box.allocations()).map(({ address }) => address),
      ['10.0.0.1'],
    );
  });

  scenario('H35 an IPAddress that somebody deletes comes back as it was', async (box) => {
    await box.pool(WIDE);
    const claim = await box.claim('test');
    const before = await box.bound('test');
    await box.delete('IPAddress', 'test');
    await eventually('another IPAddress', async () => {
      const uid = (await box.get('IPAddress', 'test'))?.metadata.uid;
      return uid !== undefined && uid !== before.metadata.uid;
    });
    await assertFull(box, claim, 'InClusterIPPool', { address: '10.0.0.1', gateway: '10.0.0.2' });
    assert.is((await box.allocations()).length, 1);
  });

  run();
}

function names(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `test-${index + 1}`);
}

function readyReason({ status }: InClusterIPPool | GlobalInClusterIPPool): string | undefined {
  return status?.conditions?.find(({ type }) => type === 'Ready')?.reason;
}

/** An IPAddress for the claim `test`, made by somebody else: the second of the pool, whose gateway is .2. */
async function preCreated(box: Sandbox, metadata: object = {}): Promise<IPAddress> {
  await box.pool(WIDE);
  return box.create(
    'IPAddress',
    { name: 'test', ...metadata },
    {
      claimRef: { name: 'test' },
      poolRef: { apiGroup: 'ipam.cluster.x-k8s.io', kind: 'InClusterIPPool', name: 'pool' },
      address: '10.0.0.1',
      prefix: 24,
      gateway: '10.0.0.2',
    },
  );
}

async function assertAdopted(box: Sandbox, before: IPAddress): Promise<void> {
  const address = await box.bound('test');
  assert.is(address.metadata.uid, before.metadata.uid);
  assert.equal(address.spec, before.spec);
  await box.quiet();
  const allocations = await box.allocations();
  assert.equal(
    allocations.map(({ address, isAdopted }) => [address, isAdopted]),
    [['10.0.0.1', true]],
  );
}

/** Asserts that the claim's IPAddress is the one that Cluster API's contract describes, and is backed by one allocation. */
async function assertFull(
  box: Sandbox,
  claim: IPAddressClaim,
  kind: PoolKind,
  expected: { address: string; gateway?: string },
): Promise<void> {
  const { name } = claim.metadata;
  const address = await owned(box, claim, await ownerReferences(box, claim, kind));
  assert.equal(address.spec, {
    claimRef: { name },
    poolRef: { apiGroup: 'ipam.cluster.x-k8s.io', kind, name: box.poolName(kind) },
    prefix: 24,
    ...expected,
  });
  const allocated = (await box.allocations(kind)).filter((one) => one.address === expected.address);
  assert.equal(
    allocated.map(({ claim }) => claim.uid),
    [claim.metadata.uid],
  );
}

/** Waits for the claim's IPAddress to have these owners, in whatever order: one that was there before gets them late. */
async function owned(
  box: Sandbox,
  { metadata: { namespace, name } }: IPAddressClaim,
  owners: readonly OwnerReference[],
): Promise<IPAddress> {
  let address: IPAddress | undefined;
  const isOwned = async () => {
    address = (await listOf(box.plane, 'IPAddress', namespace)).find(
      ({ metadata }) => metadata.name === name,
    );
    return (address?.metadata.ownerReferences ?? []).length === owners.length;
  };
  await eventually('owners', isOwned).catch(() => {});
  assert.equal(inOrder(address?.metadata.ownerReferences ?? []), inOrder(owners));
  return address!;
}

function inOrder(owners: readonly OwnerReference[]): OwnerReference[] {
  return owners.toSorted((a, b) => a.kind.localeCompare(b.kind));
}

async function ownerReferences(
  box: Sandbox,
  { metadata }: IPAddressClaim,
  kind: PoolKind,
): Promise<OwnerReference[]> {
  const pool = (await box.get(kind, box.poolName(kind)))!;
  return [
    {
      apiVersion: 'ipam.cluster.x-k8s.io/v1beta2',
      kind: 'IPAddressClaim',
      name: metadata.name,
      uid: metadata.uid ?? '',
      controller: true,
      blockOwnerDeletion: true,
    },
    {
      apiVersion: 'ipam.cluster.x-k8s.io/v1alpha2',
      kind,
      name: pool.metadata.name,
      uid: pool.metadata.uid ?? '',
      controller: false,
      blockOwnerDeletion: true,
    },
  ];
}
