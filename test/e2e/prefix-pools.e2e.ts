/** The life of claims of prefix pools: the cases L of Cluster API's in-cluster provider, and what it cannot do. */
import * as assert from 'uvu/assert';
import type { IPAddress } from '../../lib/kubernetes/types.ts';
import { loseAllocations, STALE_APPLY } from './allocations.ts';
import { eventually } from './control-plane.ts';
import type { InstallOptions } from './install.ts';
import { PAUSED, type PrefixPoolKind, type Sandbox } from './sandbox.ts';
import { scenarios } from './scenarios.ts';

const KIND = 'InClusterPrefixPool';
const KINDS: readonly PrefixPoolKind[] = [KIND, 'GlobalInClusterPrefixPool'];

for (const applyStrategy of ['dynamic-apply', 'server-side-apply'] as const) prefixPools(applyStrategy);

function prefixPools(applyStrategy: NonNullable<InstallOptions['applyStrategy']>): void {
  const { scenario, run } = scenarios(`prefix pools, ${applyStrategy}: `, {
    applyStrategy,
    serveArgs: ['--cache-lag=3s'],
  });

  scenario('L1 two claims, and the gateway as it is written', async (box) => {
    await box.prefixPool({ prefixes: ['fd00::/62'], gateway: 'fd10::1' });
    assert.equal(await serve(box, ['one', 'two']), ['fd00::/64', 'fd00:0:0:1::/64']);
    const { metadata, spec } = (await box.get('IPAddress', 'one'))!;
    assert.is(spec.gateway, 'fd10::1');
    const owners = metadata.ownerReferences!.map(({ kind, name, controller }) => [kind, name, controller]);
    assert.equal(owners.toSorted(), [
      ['IPAddressClaim', 'one', true],
      [KIND, 'pool', false],
    ]);
    await box.counts(KIND, { total: 4, used: 2, free: 2, outOfRange: 0, pending: 0 });
  });

  scenario('L2 a paused pool gives nothing', async (box) => {
    await box.prefixPool({ prefixes: ['fd04::/62'] }, KIND, { annotations: { [PAUSED]: 'true' } });
    await box.claim('test', { kind: KIND });
    await box.waiting('test', 'PoolNotReady');
    await box.annotate(KIND, 'pool', { [PAUSED]: null });
    assert.is(prefixOf(await box.bound('test')), 'fd04::/64');
  });

  scenario('L3 a global pool serves two namespaces', async (box) => {
    const other = await box.sibling();
    const kind = 'GlobalInClusterPrefixPool';
    await box.prefixPool({ prefixes: ['10.128.0.0/16'], allocationPrefixLength: 24 }, kind);
    assert.equal(await serve(box, ['test'], kind), ['10.128.0.0/24']);
    await other.claim('test', { kind, pool: box.poolName(kind) });
    assert.is(prefixOf(await other.bound('test')), '10.128.1.0/24');
  });

  scenario('L4 L5 who waits gets what another gives up', async (box) => {
    await box.prefixPool({ prefixes: ['fd07::/64'] });
    assert.equal(await serve(box, ['first']), ['fd07::/64']);
    await box.claim('second', { kind: KIND });
    assert.match(await box.waiting('second', 'PoolExhausted'), 'no free prefix');
    await box.counts(KIND, { total: 1, used: 1, free: 0, pending: 1 });
    await box.release('first');
    assert.is(prefixOf(await box.bound('second')), 'fd07::/64');
  });

  scenario('L6 L7 what the pool does not give any more is kept, and told of', async (box) => {
    await box.prefixPool({ prefixes: ['fd01::/62'] });
    await serve(box, ['test']);
    await box.patch(KIND, 'pool', { spec: { prefixes: ['fd01:0:0:1::/64'] } });
    await box.counts(KIND, { total: 1, used: 1, free: 1, outOfRange: 1 });
    await box.patch(KIND, 'pool', { spec: { prefixes: ['fd01::/62'], excludedPrefixes: ['fd01::7'] } });
    await box.counts(KIND, { total: 3, used: 1, free: 3, outOfRange: 1 });
    await box.settlesOn(['test']);
  });

  for (const kind of KINDS) {
    scenario(`L8 L9 ${kind}: a pool stays until its last claim is gone`, async (box) => {
      await box.prefixPool({ prefixes: ['fd08::/62'] }, kind);
      await serve(box, ['test'], kind);
      await box.delete(kind, box.poolName(kind));
      await box.settlesOn(['test']);
      assert.is((await box.get(kind, box.poolName(kind)))?.metadata.finalizers?.length, 1);
      await box.release('test');
      await box.gone(kind, box.poolName(kind));
      await eventually('no allocation', async () => (await box.allocations(kind)).length === 0);
    });
  }

  scenario('L10 a claim is served when its pool is made', async (box) => {
    await box.claim('test', { kind: KIND });
    await box.quiet();
    await box.prefixPool({ prefixes: ['fd0a::/62'] });
    assert.is(prefixOf(await box.bound('test')), 'fd0a::/64');
  });

  scenario('a requested prefix, and a grace period', async (box) => {
    const requested = 'metaipam.io/requested-address';
    await box.prefixPool({ prefixes: ['fd0b::/62'], addressReuseGracePeriodSeconds: 600 });
    await box.claim('test', { kind: KIND, annotations: { [requested]: 'fd0b:0:0:3::/64' } });
    assert.is(prefixOf(await box.bound('test')), 'fd0b:0:0:3::/64');
    await box.claim('base', { kind: KIND, annotations: { [requested]: 'fd0b::' } });
    assert.is(prefixOf(await box.bound('base')), 'fd0b::/64');
    await box.release('base');
    assert.equal(await serve(box, ['next']), ['fd0b:0:0:1::/64']);
    await box.claim('same', { kind: KIND, annotations: { [requested]: 'fd0b::/64' } });
    assert.match(await box.waiting('same', 'AllocationFailed'), 'is in use by');
    await box.counts(KIND, { total: 4, used: 3, free: 1 });
  });

  for (const kind of KINDS) {
    scenario(`reservations of ${kind}: kept, given, told of, and nobody loses anything`, async (box) => {
      const reservations = [
        { prefix: 'fd0f::/64', claim: 'rack', namespace: box.namespace },
        { prefix: 'fd0f:0:0:2::/64', claimPattern: 'edge-*' },
      ];
      await box.prefixPool({ prefixes: ['fd0f::/62'], reservations }, kind);
      await box.counts(kind, { total: 4, used: 0, free: 2 });
      assert.equal(await serve(box, ['other'], kind), ['fd0f:0:0:1::/64']);
      await box.claim('thief', { kind, annotations: { 'metaipam.io/requested-address': 'fd0f::' } });
      const whose = `fd0f:: is reserved for IPAddressClaim ${box.namespace}/rack`;
      assert.match(await box.waiting('thief', 'AllocationFailed'), whose);
      const given = ['fd0f:0:0:2::/64', 'fd0f:0:0:3::/64', 'fd0f::/64'];
      assert.equal(await serve(box, ['edge-a', 'edge-b', 'rack'], kind), given);
      await box.patch(kind, box.poolName(kind), {
        spec: { reservations: [{ prefix: 'fd0f:0:0:1::/64', claim: 'late' }] },
      });
      await eventually('the conflict to be told', async () => {
        const { status } = (await box.get(kind, box.poolName(kind)))!;
        const told = status?.conditions?.find(({ type }) => type === 'ReservationConflict');
        const what = 'fd0f:0:0:1::/64, reserved for IPAddressClaim late';
        return told?.status === 'True' && told.message.includes(what);
      });
      await box.claim('late', { kind });
      assert.match(await box.waiting('late', 'AllocationFailed'), 'is in use by IPAddressClaim');
      await box.settlesOn(['other', 'edge-a', 'edge-b', 'rack']);
      await box.release('other');
      assert.is(prefixOf(await box.bound('late')), 'fd0f:0:0:1::/64');
    });
  }

  scenario('what another provider gave is taken over, whatever its length', async (box) => {
    const poolRef = { apiGroup: 'ipam.cluster.x-k8s.io', kind: KIND, name: 'pool' };
    const given = { one: ['fd0c::', 63], two: ['fd0c:0:0:2::', 64], three: ['fd0c:0:0:3::', 128] } as const;
    for (const [name, [address, prefix]] of Object.entries(given)) {
      await box.create('IPAddress', { name }, { claimRef: { name }, poolRef, address, prefix });
      await box.claim(name, { kind: KIND });
    }
    await box.prefixPool({ prefixes: ['fd0c::/61'] });
    for (const [name, [address, prefix]] of Object.entries(given)) {
      assert.is(prefixOf(await box.bound(name)), `${address}/${prefix}`);
    }
    assert.equal(await serve(box, ['new']), ['fd0c:0:0:4::/64']);
    await box.counts(KIND, { total: 8, used: 4, free: 3, outOfRange: 2 });
    await eventually('the claims to be the controllers of their IPAddresses', async () => {
      const addresses = await box.list('IPAddress');
      return addresses.every(({ metadata }) =>
        metadata.ownerReferences?.some(({ controller }) => controller),
      );
    });
    for (const name of ['one', 'three']) await box.release(name);
    await box.counts(KIND, { total: 8, used: 2, free: 6, outOfRange: 0 });
    await box.settlesOn(['new', 'two']);
  });

  scenario('a slice that somebody deletes is made again', async (box) => {
    await box.prefixPool({ prefixes: ['fd0d::/62'] });
    const before = await serve(box, ['one', 'two']);
    await box.quiet();
    await loseAllocations(box.plane, box.poolOf(KIND));
    await eventually('the slice to come back', async () => (await box.allocations(KIND)).length === 2);
    assert.equal((await box.allocations(KIND)).map(({ address }) => address).toSorted(), before.toSorted());
    assert.equal(await serve(box, ['three']), ['fd0d:0:0:2::/64']);
  });

  scenario('pools of one name do not meet', async (box) => {
    await box.prefixPool({ prefixes: ['fd0e::/126'], allocationPrefixLength: 128 });
    await box.pool({ addresses: ['fd0e::/126'], prefix: 64 });
    assert.equal(await serve(box, ['prefix']), ['fd0e::/128']);
    assert.equal(await box.serve(['address']), ['fd0e::1']);
  });

  run(applyStrategy === 'server-side-apply' ? STALE_APPLY : undefined);
}

/** Makes claims one after another; their prefixes. */
async function serve(
  box: Sandbox,
  claims: readonly string[],
  kind: PrefixPoolKind = KIND,
): Promise<string[]> {
  const prefixes: string[] = [];
  for (const name of claims) {
    await box.claim(name, { kind });
    prefixes.push(prefixOf(await box.bound(name)));
  }
  return prefixes;
}

function prefixOf({ spec }: IPAddress): string {
  return `${spec.address}/${spec.prefix}`;
}
