/** Fields that Cluster API's in-cluster provider does not have. */
import * as assert from 'uvu/assert';
import type { InClusterIPPool, IPAddress } from '../../lib/kubernetes/types.ts';
import { eventually } from './control-plane.ts';
import { scenarios } from './scenarios.ts';

const KIND = 'InClusterIPPool';

const { scenario, run } = scenarios('fields of pools: ', { serveArgs: ['--cache-lag=3s'] });

scenario('reservations: kept, given, told of, and nobody loses anything', async (box) => {
  await box.pool({
    addresses: ['10.0.0.1-10.0.0.5'],
    reservations: [
      { address: '10.0.0.1', claim: 'vip', note: 'known to the firewall' },
      { address: '10.0.0.4', claimPattern: 'node-*' },
    ],
  });
  await box.counts(KIND, { total: 5, used: 0, free: 3 });
  assert.equal(await box.serve(['other']), ['10.0.0.2']);
  await box.claim('thief', { annotations: { 'metaipam.io/requested-address': '10.0.0.1' } });
  assert.match(await box.waiting('thief', 'AllocationFailed'), 'is reserved for IPAddressClaim vip');
  assert.equal(await box.serve(['node-a', 'node-b', 'vip']), ['10.0.0.4', '10.0.0.3', '10.0.0.1']);
  await box.patch(KIND, 'pool', { spec: { reservations: [{ address: '10.0.0.2', claim: 'late' }] } });
  await eventually('the conflict to be told', async () => {
    const pool = (await box.get(KIND, 'pool')) as object | undefined as InClusterIPPool | undefined;
    const told = pool?.status?.conditions?.find(({ type }) => type === 'ReservationConflict');
    return told?.status === 'True' && told.message.includes('10.0.0.2, reserved for IPAddressClaim late');
  });
  await box.claim('late');
  assert.match(await box.waiting('late', 'AllocationFailed'), 'is in use by IPAddressClaim');
  await box.settlesOn(['other', 'node-a', 'node-b', 'vip']);
  await box.release('other');
  assert.is((await box.bound('late')).spec.address, '10.0.0.2');
});

scenario(
  'subnets: in order, each with its own prefix and gateway, which an edit takes from nobody',
  async (box) => {
    const near = { addresses: ['10.0.0.2-10.0.0.3'], prefix: 29, gateway: '10.0.0.1' };
    const next = { addresses: ['10.0.0.10-10.0.0.11'], prefix: 28, gateway: '10.0.0.9' };
    const routes = { addresses: ['10.0.0.20', '10.9.0.7'], prefix: 32, gateway: '192.0.2.1' };
    const subnetOf = ({ spec: { address, prefix, gateway } }: IPAddress) => [address, prefix, gateway];
    await box.pool({ subnets: [near, next] });
    assert.equal(await box.serve(['a', 'b', 'c']), ['10.0.0.2', '10.0.0.3', '10.0.0.10']);
    await box.patch(KIND, 'pool', { spec: { subnets: [routes, next, near] } });
    assert.equal(await box.serve(['d', 'e', 'f']), ['10.0.0.20', '10.9.0.7', '10.0.0.11']);
    const had = [
      ['10.0.0.2', 29, '10.0.0.1'],
      ['10.0.0.3', 29, '10.0.0.1'],
      ['10.0.0.10', 28, '10.0.0.9'],
      ['10.0.0.20', 32, '192.0.2.1'],
      ['10.9.0.7', 32, '192.0.2.1'],
      ['10.0.0.11', 28, '10.0.0.9'],
    ];
    const claims = ['a', 'b', 'c', 'd', 'e', 'f'];
    const subnets = async () => Promise.all(claims.map(async (claim) => subnetOf(await box.bound(claim))));
    assert.equal(await subnets(), had);
    await box.counts(KIND, { total: 6, used: 6, free: 0, outOfRange: 0 });
    await box.patch(KIND, 'pool', { spec: { subnets: [next] } });
    await box.counts(KIND, { total: 2, used: 6, free: 0, outOfRange: 4 });
    await box.settlesOn(claims);
    // What nobody lists any more is made again with the prefix and gateway that it had.
    const { uid } = (await box.bound('d')).metadata;
    await box.delete('IPAddress', 'd');
    await eventually('the IPAddress to be made again', async () => {
      const address = await box.get('IPAddress', 'd');
      return address !== undefined && address.metadata.uid !== uid;
    });
    assert.equal(await subnets(), had);
  },
);

scenario('a quota: who exceeds it waits, and a lower one takes nothing', async (box) => {
  const kind = 'GlobalInClusterIPPool';
  const other = await box.sibling();
  await box.pool({ addresses: ['10.0.0.1-10.0.0.9'], maxPerNamespace: 2 }, kind);
  await box.serve(['one', 'two'], { kind });
  await box.claim('three', { kind });
  assert.match(await box.waiting('three', 'QuotaExceeded'), 'has 2 addresses of GlobalInClusterIPPool');
  await other.claim('one', { kind, pool: box.poolName(kind) });
  assert.is((await other.bound('one')).spec.address, '10.0.0.3');
  await box.patch(kind, box.poolName(kind), { spec: { maxPerNamespace: 1 } });
  await box.settlesOn(['one', 'two']);
  await box.release('one');
  await box.waiting('three', 'QuotaExceeded');
  await box.release('two');
  await box.bound('three');
});

scenario('allowed namespaces: by label, by name, and who has an address keeps it', async (box) => {
  const kind = 'GlobalInClusterIPPool';
  const pool = box.poolName(kind);
  const other = await box.sibling();
  const named = { matchLabels: { 'kubernetes.io/metadata.name': box.namespace } };
  await box.pool({ addresses: ['10.0.0.1-10.0.0.9'], allowedNamespaces: named }, kind);
  await box.serve(['one'], { kind });
  await other.claim('two', { kind, pool });
  assert.match(await other.waiting('two', 'NamespaceNotAllowed'), `${other.namespace} is none of them`);
  await box.patch('Namespace', other.namespace, { metadata: { labels: { tier: 'gold' } } });
  await box.patch(kind, pool, {
    spec: { allowedNamespaces: { matchLabels: { tier: 'gold', 'kubernetes.io/metadata.name': null } } },
  });
  assert.is((await other.bound('two')).spec.address, '10.0.0.2');
  await box.settlesOn(['one']);
  await box.claim('three', { kind });
  await box.waiting('three', 'NamespaceNotAllowed');
  // Nobody edits the pool: the label alone decides.
  await box.patch('Namespace', box.namespace, { metadata: { labels: { tier: 'gold' } } });
  assert.is((await box.bound('three')).spec.address, '10.0.0.3');
  await box.patch('Namespace', other.namespace, { metadata: { labels: { tier: null } } });
  await other.settlesOn(['two']);
});

scenario('at random: each its own, and everybody is served', async (box) => {
  await box.pool({ addresses: ['10.0.0.1-10.0.0.6'], strategy: 'Random' });
  const claims = ['a', 'b', 'c', 'd', 'e', 'f'];
  const given = await box.serve(claims);
  assert.is(new Set(given).size, claims.length);
  await box.settlesOn(claims);
});

scenario('least recently used: what was given up rests until nothing else is free', async (box) => {
  await box.pool({ addresses: ['10.0.0.1-10.0.0.4'], strategy: 'LeastRecentlyUsed' });
  assert.equal(await box.serve(['a', 'b']), ['10.0.0.1', '10.0.0.2']);
  await box.settlesOn(['a', 'b']);
  for (const name of ['a', 'b']) await box.release(name);
  assert.equal(await box.serve(['c']), ['10.0.0.3']);
  assert.equal(await box.serve(['d']), ['10.0.0.4']);
  assert.equal(await box.serve(['e']), ['10.0.0.1'], 'which was given up first');
  assert.equal(await box.serve(['f']), ['10.0.0.2']);
  await box.claim('g');
  await box.waiting('g', 'PoolExhausted');
  await box.settlesOn(['c', 'd', 'e', 'f']);
});

run();
