/** What goes, what stays, and what comes back: by order of deletion, by hand, with parts down, and after a restore. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ObjectMeta, OwnerReference } from '../../lib/kubernetes/object.ts';
import { type Allocation, loseAllocations } from './allocations.ts';
import { eventually } from './control-plane.ts';
import { type Installation, type InstallOptions, install, quiet } from './install.ts';
import { type Kinds, type PoolKind, pathOf, Sandbox, succeeded } from './sandbox.ts';
import { scenarios } from './scenarios.ts';

type ApplyStrategy = NonNullable<InstallOptions['applyStrategy']>;

const POOL_KINDS = ['InClusterIPPool', 'GlobalInClusterIPPool'] as const;
const APPLY_STRATEGIES = ['dynamic-apply', 'server-side-apply'] as const;

for (const applyStrategy of APPLY_STRATEGIES) deletions(applyStrategy);
for (const applyStrategy of APPLY_STRATEGIES) outages(applyStrategy);

function deletions(applyStrategy: ApplyStrategy): void {
  const { scenario, run } = scenarios(`deletion, ${applyStrategy}: `, {
    applyStrategy,
    serveArgs: ['--cache-lag=3s'],
  });

  for (const kind of POOL_KINDS) {
    scenario(
      `pool-first ${kind}: claims outlive their pool's deletion, and new ones get nothing`,
      async (box) => {
        await box.pool({ addresses: ['10.0.0.0/24'] }, kind);
        await box.serve(['a', 'b', 'c'], { kind });
        await box.delete(kind, box.poolName(kind));
        await box.claim('late', { kind });
        assert.match(await box.waiting('late', 'PoolNotReady'), 'is being deleted');
        await box.release('a');
        await box.settlesOn(['b', 'c']);
        assert.equal(held(await box.allocations(kind)), { b: '10.0.0.2', c: '10.0.0.3' });
        await Promise.all([box.release('b'), box.release('c')]);
        await box.gone(kind, box.poolName(kind));
        await box.release('late');
        await box.settlesOn([]);
        await eventually('no allocation', async () => (await box.allocations(kind)).length === 0);
      },
    );

    scenario(`namespace ${kind}: deleted with everything in it`, async (box) => {
      await box.pool({ addresses: ['10.0.0.0/24'] }, kind);
      const other = await box.sibling();
      const pool = box.poolName(kind);
      if (kind === 'InClusterIPPool') await other.pool({ addresses: ['10.0.0.0/24'] });
      await other.serve(['a', 'b', 'c'], { kind, pool });
      await other.claim('of-no-pool', { pool: 'none' });
      await box.serve(['kept'], { kind });
      await other.delete('Namespace', other.namespace);
      await other.gone('Namespace', other.namespace, 90);
      await box.quiet();
      const allocations = await box.allocations(kind);
      assert.equal(Object.keys(held(allocations)), ['kept']);
    });

    scenario(
      `hand ${kind}: an allocation, an address, or both deleted by hand come back as they were`,
      async (box) => {
        await box.pool({ addresses: ['10.0.0.1-10.0.0.2'] }, kind);
        await box.serve(['a', 'b'], { kind });
        await box.claim('hungry', { kind });
        await box.waiting('hungry', 'PoolExhausted');
        const all: Held['what'][][] = [['allocation'], ['address'], ['allocation', 'address']];
        for (const both of all) {
          const before = await everything(box, kind);
          const doomed = before.filter(({ what, claim }) => claim === 'a' && both.includes(what));
          await Promise.all(
            doomed.map(({ what }) =>
              what === 'allocation'
                ? loseAllocations(box.plane, box.poolOf(kind), '10.0.0.1')
                : box.delete('IPAddress', 'a'),
            ),
          );
          await eventually(`${both.join(' and ')} to come back`, async () => {
            const now = await everything(box, kind);
            const addressesOf = (name: string) =>
              now.filter(({ claim }) => claim === name).map(({ address }) => address);
            assert.ok(addressesOf('a').every((address) => address === '10.0.0.1'));
            assert.ok(addressesOf('hungry').every((address) => address === undefined));
            const identities = now.map(({ identity }) => identity);
            return (
              now.length === before.length && doomed.every(({ identity }) => !identities.includes(identity))
            );
          });
          await box.quiet();
          const now = await everything(box, kind);
          assert.equal(now.map(essence), before.map(essence));
          await box.waiting('hungry', 'PoolExhausted');
        }
        await box.release('b');
        assert.is((await box.bound('hungry')).spec.address, '10.0.0.2');
      },
    );
  }

  // The namespace controller takes IPAddresses away before their claims, which want them back.
  run(/because it is being terminated/);
}

/** One installation, whose parts go down and come up again. */
function outages(applyStrategy: ApplyStrategy): void {
  const test = suite<{ installation: Installation }>(`outages, ${applyStrategy}: `);
  test.before(async (context) => {
    const serveArgs = ['--log-level=debug', '--cache-lag=3s'];
    context.installation = await install({ applyStrategy, serveArgs });
  });
  test.after(({ installation }) => installation?.stop());

  test('hooks killed while claims and pool are deleted', async ({ installation }) => {
    const box = await Sandbox.create(installation, 'hooks-down');
    await box.pool({ addresses: ['10.0.0.1-10.0.0.3'] });
    await box.serve(['a', 'b', 'c']);
    installation.server.signal('SIGKILL');
    await installation.server.exited;
    await box.delete('IPAddressClaim', 'a');
    await box.delete('IPAddressClaim', 'b');
    await box.delete('InClusterIPPool', 'pool');
    await loseAllocations(box.plane, box.poolOf('InClusterIPPool'), '10.0.0.3');
    await eventually('a sync to fail', async () =>
      (await box.list('Event')).some(
        ({ reason, involvedObject }) => reason === 'SyncError' && involvedObject.name === 'a',
      ),
    );
    assert.is((await box.list('IPAddressClaim')).length, 3);
    assert.is((await box.list('IPAddress')).length, 3);
    await installation.startServer();
    await Promise.all([box.gone('IPAddressClaim', 'a'), box.gone('IPAddressClaim', 'b')]);
    // A pool that is being deleted gives out nothing: what was lost need not come back.
    await box.settlesOn(['c']);
    assert.is((await box.get('IPAddress', 'c'))?.spec.address, '10.0.0.3');
    await box.release('c');
    await box.gone('InClusterIPPool', 'pool');
    await eventually('no allocation', async () => (await box.allocations()).length === 0);
  });

  test('claims deleted while Metacontroller is down', async ({ installation }) => {
    const box = await Sandbox.create(installation, 'metacontroller-down');
    await box.pool({ addresses: ['10.0.0.1-10.0.0.3'] });
    await box.serve(['a', 'stripped', 'c']);
    await box.claim('next');
    await box.waiting('next', 'PoolExhausted');
    await installation.metacontrollers.at(-1)!.stop();
    await box.delete('IPAddressClaim', 'a');
    await stripAndDelete(box, (await box.get('IPAddressClaim', 'stripped'))!);
    await installation.startMetacontroller();
    await box.gone('IPAddressClaim', 'a');
    const { address } = (await box.bound('next')).spec;
    assert.ok(['10.0.0.1', '10.0.0.2'].includes(address), address);
    await box.counts('InClusterIPPool', { used: 2, free: 1, pending: 0 });
    await box.quiet();
    // The garbage collector leaves an IPAddress that has another owner: the pool, if it was seen long enough.
    const left = (await box.list('IPAddress')).map(({ metadata }) => metadata.name);
    assert.equal(left.filter((name) => name !== 'stripped').sort(), ['c', 'next']);
  });

  const orders = [
    ['InClusterIPPool', 'GlobalInClusterIPPool', 'IPAddress', 'IPAddressClaim'],
    ['IPAddressClaim', 'InClusterIPPool', 'GlobalInClusterIPPool', 'IPAddress'],
  ] as const;
  for (const [index, order] of orders.entries()) {
    test(`restored in the order ${order.join(', ')}, without owners: every claim keeps its address`, async ({
      installation,
    }) => {
      const box = await Sandbox.create(installation, `restore-${index}`);
      const { before } = await restored(box, order);
      await assertKept(box, before);
      await Promise.all(Object.keys(before).map((claim) => box.release(claim)));
      await box.settlesOn(['next']);
    });
  }

  test('moved, with owners: every claim keeps its address', async ({ installation }) => {
    const box = await Sandbox.create(installation, 'moved');
    const { before } = await restored(box, orders[1], { withOwners: true });
    await assertKept(box, before);
    await Promise.all(Object.keys(before).map((claim) => box.release(claim)));
    await box.settlesOn(['next']);
    await box.release('next');
    for (const kind of POOL_KINDS) await box.counts(kind, { used: 0 });
  });

  test('all is quiet at the end', async ({ installation }) => {
    await quiet(installation, 5, 90);
  });
  test.run();
}

/** Pools with gaps in what they gave out, exported, deleted and made again while Metacontroller is down. */
async function restored(
  box: Sandbox,
  order: readonly (PoolKind | 'IPAddress' | 'IPAddressClaim')[],
  { withOwners = false } = {},
): Promise<{ before: Record<string, string> }> {
  const { installation } = box;
  const before: Record<string, string> = {};
  for (const kind of POOL_KINDS) {
    const prefix = kind === 'InClusterIPPool' ? 'local' : 'global';
    const names = [1, 2, 3, 4, 5].map((number) => `${prefix}-${number}`);
    await box.pool({ addresses: ['10.0.0.1-10.0.0.20'], gateway: '10.0.0.20' }, kind);
    await box.serve(names, { kind });
    for (const index of [0, 2]) await box.release(names[index]!);
    for (const index of [1, 3, 4]) before[names[index]!] = `10.0.0.${index + 1}`;
  }
  await box.quiet();
  await installation.metacontrollers.at(-1)!.stop();

  const saved = await Promise.all(order.map(async (kind) => ({ kind, objects: await exported(box, kind) })));
  for (const { objects } of saved) for (const object of objects) await stripAndDelete(box, object);
  for (const kind of POOL_KINDS) await loseAllocations(box.plane, box.poolOf(kind));
  for (const { kind } of saved) {
    await eventually(`no ${kind}`, async () => (await exported(box, kind)).length === 0);
  }

  const uids = new Map<string, string>();
  for (const { objects } of saved) {
    for (const { kind, metadata, spec } of objects) {
      const { name, labels, annotations, ownerReferences = [] } = metadata;
      const owners = ownerReferences.map((owner: OwnerReference) => ({ ...owner, uid: uids.get(owner.uid) }));
      const kept = { name, labels, annotations, ...(withOwners && { ownerReferences: owners }) };
      const created = await box.create(kind as keyof Kinds, kept, spec);
      uids.set(metadata.uid!, created.metadata.uid!);
    }
  }
  await box.claim('next');
  await installation.startMetacontroller();
  return { before };
}

async function assertKept(box: Sandbox, before: Record<string, string>): Promise<void> {
  for (const [claim, address] of Object.entries(before)) {
    assert.is((await box.bound(claim)).spec.address, address, `the address of ${claim}`);
  }
  assert.is((await box.bound('next')).spec.address, '10.0.0.1');
  await box.quiet();
  const all = [...(await box.allocations()), ...(await box.allocations('GlobalInClusterIPPool'))];
  assert.equal(held(all), { ...before, next: '10.0.0.1' });
  assert.is(all.length, 7);
  await box.counts('InClusterIPPool', { used: 4, free: 15, outOfRange: 0, pending: 0 });
  await box.counts('GlobalInClusterIPPool', { used: 3, free: 16, outOfRange: 0, pending: 0 });
}

type Exported = { kind: string; metadata: ObjectMeta; spec: object };

async function exported(box: Sandbox, kind: keyof Kinds): Promise<Exported[]> {
  const objects = (await box.list(kind)) as unknown as Exported[];
  return kind === 'GlobalInClusterIPPool'
    ? objects.filter(({ metadata }) => metadata.name === box.namespace)
    : objects;
}

async function stripAndDelete(box: Sandbox, object: { kind: string; metadata: ObjectMeta }): Promise<void> {
  const { kind, metadata } = object;
  const path = pathOf(kind as keyof Kinds, metadata.namespace, metadata.name);
  const patch = { metadata: { finalizers: null } };
  await box.plane.api('PATCH', path, patch, 'application/merge-patch+json');
  await deleteObject(box, object);
}

/** An allocation or an IPAddress. */
interface Held {
  readonly what: 'allocation' | 'address';
  readonly claim: string;
  readonly address?: string | undefined;
  readonly identity: string;
  /** What it says beside that, whenever it was made. */
  readonly rest: object;
}

/** The allocations of the pool and the IPAddresses of the namespace. */
async function everything(box: Sandbox, kind: PoolKind): Promise<Held[]> {
  const allocations = (await box.allocations(kind)).map(
    ({ claim, address, identity, isAdopted }): Held => ({
      ...{ what: 'allocation', claim: claim.name, address, identity },
      rest: { uid: claim.uid, isAdopted },
    }),
  );
  const addresses = (await box.list('IPAddress')).map(({ metadata, spec }): Held => {
    const { labels, ownerReferences = [] } = metadata;
    // The pool becomes the second owner of an IPAddress in its own time.
    const owner = ownerReferences.find(({ controller }) => controller);
    return {
      ...{ what: 'address', claim: spec.claimRef.name, address: spec.address, identity: metadata.uid! },
      rest: { name: metadata.name, labels, owner, spec },
    };
  });
  return [...allocations, ...addresses].sort((a, b) => sortKey(a).localeCompare(sortKey(b)));
}

function sortKey({ what, claim, address }: Held): string {
  return `${what} ${claim} ${address}`;
}

/** What does not change when it is lost and comes back. */
function essence({ identity, ...rest }: Held): object {
  return rest;
}

/** Addresses by the name of their claim. */
function held(allocations: readonly Allocation[]): Record<string, string> {
  const entries = allocations.map(({ claim, address }) => [claim.name, address ?? '']);
  return Object.fromEntries(entries.filter(([, address]) => address !== ''));
}

async function deleteObject(box: Sandbox, object: { kind: string; metadata: ObjectMeta }): Promise<void> {
  const { namespace, name } = object.metadata;
  const answer = await box.plane.api('DELETE', pathOf(object.kind as keyof Kinds, namespace, name));
  if (answer.status !== 404) succeeded(answer);
}
