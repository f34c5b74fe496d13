/** Deletions that Metacontroller does not hear of, or hears of in another order than its own: in every mode of kubectl. */
import * as assert from 'uvu/assert';
import type { OwnerReference } from '../../lib/kubernetes/object.ts';
import { eventually } from './control-plane.ts';
import { type Kinds, type PoolKind, pathOf, type Sandbox, succeeded } from './sandbox.ts';
import { scenarios } from './scenarios.ts';

const POOL_KINDS = ['InClusterIPPool', 'GlobalInClusterIPPool'] as const;
const POLICIES = ['Background', 'Foreground', 'Orphan'] as const;

/** Two pools that have something in common, and what takes it from the second one. */
const OVERLAPS = [
  [
    'addresses',
    [
      { kind: 'InClusterIPPool', spec: { addresses: ['192.0.2.1-192.0.2.9'], prefix: 24 } },
      { kind: 'GlobalInClusterIPPool', spec: { addresses: ['192.0.2.0/24'], prefix: 24 } },
    ],
    { addresses: ['192.0.2.128/25'] },
  ],
  [
    'prefixes',
    [
      { kind: 'InClusterPrefixPool', spec: { prefixes: ['fd00:20::/60'] } },
      { kind: 'GlobalInClusterPrefixPool', spec: { prefixes: ['fd00:20::/56'], excludedPrefixes: [] } },
    ],
    { excludedPrefixes: ['fd00:20::/60'] },
  ],
] as const;

for (const applyStrategy of ['dynamic-apply', 'server-side-apply'] as const) {
  const { scenario, run } = scenarios(`janitor, ${applyStrategy}: `, {
    applyStrategy,
    serveArgs: ['--cache-lag=3s'],
  });

  scenario('stripped of its finalizer, a claim goes without a word: its address is freed', async (box) => {
    await full(box);
    await remove(box, 'IPAddressClaim', 'a', 'Background');
    await box.patch('IPAddressClaim', 'a', { metadata: { finalizers: null } }).catch(() => {});
    await passedOn(box);
  });

  for (const [what, kinds, apart] of OVERLAPS) {
    scenario(`overlap-${what}: both pools say so, as long as it is so and not meant`, async (box) => {
      const [one, other] = kinds;
      await box.create(one.kind, { name: box.poolName(one.kind) }, one.spec);
      await box.create(other.kind, { name: box.poolName(other.kind) }, other.spec);
      await overlaps(box, one.kind, 'True', 'OtherPools', `${other.kind} ${box.poolName(other.kind)}`);
      await overlaps(box, other.kind, 'True', 'OtherPools', `${one.kind} ${box.namespace}/pool`);
      // Its own hook, which knows nothing of that, writes the status.
      await box.serve(['a'], { kind: one.kind });
      await box.counts(one.kind, { used: 1 });
      await box.quiet();
      await overlaps(box, one.kind, 'True', 'OtherPools');
      await box.annotate(one.kind, box.poolName(one.kind), { 'metaipam.io/may-overlap': '' });
      await overlaps(box, one.kind, 'False', 'MayOverlap');
      await overlaps(box, other.kind, 'True', 'OtherPools');
      await box.patch(other.kind, box.poolName(other.kind), { spec: apart });
      for (const { kind } of kinds) await overlaps(box, kind, 'False', 'NoOverlap');
      await box.release('a');
      for (const { kind } of kinds) await box.delete(kind, box.poolName(kind));
      for (const { kind } of kinds) await box.gone(kind, box.poolName(kind));
    });
  }

  for (const policy of POLICIES) {
    scenario(
      `claim-${policy}: the claim goes, its IPAddress with it, and its address is freed`,
      async (box) => {
        await full(box);
        await remove(box, 'IPAddressClaim', 'a', policy);
        await passedOn(box);
        await box.gone('IPAddressClaim', 'a');
      },
    );

    scenario(`owner-${policy}: the claim of a machine goes with it, or stays as it is`, async (box) => {
      await full(box, 'InClusterIPPool', 'machine');
      await remove(box, 'Cluster', 'machine', policy);
      await box.gone('Cluster', 'machine');
      if (policy === 'Orphan') {
        await box.quiet();
        assert.equal(await addressesOf(box), ['a 10.0.0.1']);
        assert.is((await box.bound('a')).spec.address, '10.0.0.1');
        await box.delete('IPAddressClaim', 'a');
      }
      await passedOn(box);
      await box.gone('IPAddressClaim', 'a');
    });

    for (const kind of POOL_KINDS) {
      scenario(`${kind}-${policy}: nothing is given out, and another may have its name`, async (box) => {
        const pool = box.poolName(kind);
        await full(box, kind);
        await remove(box, kind, pool, policy);
        await box.claim('late', { kind });
        await box.waiting('late', 'PoolNotReady');
        assert.is((await box.bound('a')).spec.address, '10.0.0.1');
        await box.delete('IPAddressClaim', 'a');
        for (const name of ['late', 'next']) await box.delete('IPAddressClaim', name);
        for (const name of ['a', 'late', 'next']) await box.gone('IPAddressClaim', name, 60);
        await box.gone(kind, pool, 60);
        await box.pool({ addresses: ['10.0.0.1'] }, kind);
        assert.equal(await box.serve(['again'], { kind }), ['10.0.0.1']);
        await box.settlesOn(['again']);
        assert.equal(await addressesOf(box, kind), ['again 10.0.0.1']);
        await box.release('again');
        await box.counts(kind, { used: 0, free: 1 });
      });
    }
  }

  run();
}

/** A pool whose one address `a` has, which `owner` owns if there is one, and `next` waits for. */
async function full(box: Sandbox, kind: PoolKind = 'InClusterIPPool', owner?: string): Promise<void> {
  await box.pool({ addresses: ['10.0.0.1'] }, kind);
  const ownerReferences = owner === undefined ? [] : [await ownerNamed(box, owner)];
  await box.claim('a', { kind, ownerReferences });
  assert.is((await box.bound('a')).spec.address, '10.0.0.1');
  await box.claim('next', { kind });
  await box.waiting('next', 'PoolExhausted');
}

/** What a Machine is to its claim, of the only kind of Cluster API that there is. */
async function ownerNamed(box: Sandbox, name: string): Promise<OwnerReference> {
  const { apiVersion, kind, metadata } = await box.create('Cluster', { name }, {});
  return { apiVersion, kind, name, uid: metadata.uid!, controller: true, blockOwnerDeletion: true };
}

async function remove(box: Sandbox, kind: keyof Kinds, name: string, policy: string): Promise<void> {
  const namespace = kind === 'GlobalInClusterIPPool' ? undefined : box.namespace;
  succeeded(await box.plane.api('DELETE', `${pathOf(kind, namespace, name)}?propagationPolicy=${policy}`));
}

/** Waits until `next` has the address, which never two IPAddresses have at a time. */
async function passedOn(box: Sandbox): Promise<void> {
  let most = 0;
  await eventually(
    'next to be served',
    async () => {
      const addresses = await box.list('IPAddress');
      most = Math.max(most, addresses.length);
      return addresses[0]?.metadata.name === 'next';
    },
    60,
  );
  assert.is(most, 1, 'given out while in use');
  assert.is((await box.bound('next')).spec.address, '10.0.0.1');
  await box.settlesOn(['next']);
  assert.equal(await addressesOf(box), ['next 10.0.0.1']);
}

/** Waits for what the pool says of its overlaps. */
async function overlaps(
  box: Sandbox,
  kind: PoolKind,
  status: string,
  reason: string,
  part = '',
): Promise<void> {
  await eventually(`${kind} of ${box.namespace} Overlapping=${status}, ${reason}`, async () => {
    const { conditions = [] } = (await box.get(kind, box.poolName(kind)))?.status ?? {};
    const said = conditions.find(({ type }) => type === 'Overlapping');
    if (said?.status === status && said.reason === reason && said.message.includes(part)) return true;
    throw new Error(JSON.stringify(said));
  });
}

/** What the pool keeps, and for whom. */
async function addressesOf(box: Sandbox, kind?: PoolKind): Promise<string[]> {
  return (await box.allocations(kind)).map(({ claim, address }) => `${claim.name} ${address}`);
}
