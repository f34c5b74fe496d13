/** Deletions that Metacontroller does not hear of, or hears of in another order than its own: in every mode of kubectl. */
import * as assert from 'uvu/assert';
import type { OwnerReference } from '../../lib/kubernetes/object.ts';
import { eventually } from './control-plane.ts';
import { type Kinds, type PoolKind, pathOf, type Sandbox, succeeded } from './sandbox.ts';
import { scenarios } from './scenarios.ts';

const POOL_KINDS = ['InClusterIPPool', 'GlobalInClusterIPPool'] as const;
const POLICIES = ['Background', 'Foreground', 'Orphan'] as const;

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

/** What the pool keeps, and for whom. */
async function addressesOf(box: Sandbox, kind?: PoolKind): Promise<string[]> {
  return (await box.allocations(kind)).map(({ claim, address }) => `${claim.name} ${address}`);
}
