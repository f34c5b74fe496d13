/** Deletions that Metacontroller does not hear of, or hears of in another order than its own. */
import * as assert from 'uvu/assert';
import { eventually } from './control-plane.ts';
import { type Kinds, pathOf, type Sandbox, succeeded } from './sandbox.ts';
import { scenarios } from './scenarios.ts';

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

  for (const policy of ['Foreground', 'Orphan'] as const) {
    scenario(
      `claim-${policy}: the claim goes, its IPAddress with it, and its address is freed`,
      async (box) => {
        await full(box);
        await remove(box, 'IPAddressClaim', 'a', policy);
        await passedOn(box);
        await box.gone('IPAddressClaim', 'a');
      },
    );

    scenario(`pool-${policy}: nothing is given out, and another pool may have its name`, async (box) => {
      await full(box);
      await remove(box, 'InClusterIPPool', 'pool', policy);
      await box.claim('late');
      await box.waiting('late', 'PoolNotReady');
      await box.delete('IPAddressClaim', 'a');
      for (const name of ['late', 'next']) await box.delete('IPAddressClaim', name);
      for (const name of ['a', 'late', 'next']) await box.gone('IPAddressClaim', name, 60);
      await box.gone('InClusterIPPool', 'pool', 60);
      await box.pool({ addresses: ['10.0.0.1'] });
      assert.equal(await box.serve(['again']), ['10.0.0.1']);
      await box.settlesOn(['again']);
      assert.equal(await addressesOf(box), ['again 10.0.0.1']);
      await box.release('again');
      await box.counts('InClusterIPPool', { used: 0, free: 1 });
    });
  }

  run();
}

/** A pool whose one address `a` has and `next` waits for. */
async function full(box: Sandbox): Promise<void> {
  await box.pool({ addresses: ['10.0.0.1'] });
  await box.serve(['a']);
  await box.claim('next');
  await box.waiting('next', 'PoolExhausted');
}

async function remove(box: Sandbox, kind: keyof Kinds, name: string, policy: string): Promise<void> {
  const path = `${pathOf(kind, box.namespace, name)}?propagationPolicy=${policy}`;
  succeeded(await box.plane.api('DELETE', path));
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
async function addressesOf(box: Sandbox): Promise<string[]> {
  return (await box.allocations()).map(({ claim, address }) => `${claim.name} ${address}`);
}
