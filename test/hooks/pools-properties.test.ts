import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as pools from '../../hooks/pools.ts';
import { formatAddress, parseAddress } from '../../lib/address/address.ts';
import { compareAge, type KubernetesObject, type ObjectMeta } from '../../lib/kubernetes/object.ts';
import type { IPAddress, IPAddressClaim, IPAllocation } from '../../lib/kubernetes/types.ts';
import type {
  CompositeRequest,
  CompositeResponse,
  ObjectMap,
  Objects,
} from '../../lib/metacontroller/hook.ts';
import { readPool } from '../../lib/pool/spec.ts';
import {
  ago,
  allocation,
  applyChildren,
  boundClaim,
  claim,
  contextAt,
  counts,
  ipAddress,
  ipPool,
  type Pool,
  poolRequest,
} from './objects.ts';

// A pool of a few addresses, so that everything collides with everything.

interface Scene {
  pool: Pool;
  claims: IPAddressClaim[];
  allocations: IPAllocation[];
  foreign: IPAddress[];
  neighbours: IPAllocation[];
}

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
const UNSEEN = ['u', 'v'];
const PAUSED = { 'cluster.x-k8s.io/paused': '' };
const SPACE = { 'metaipam.io/address-space': 'lab' };

const isIPv6 = fc.boolean();
const LAST = fc.integer({ min: 0, max: 17 });

function addressAt(six: boolean, last: number): string {
  return formatAddress({ family: six ? 6 : 4, value: (six ? 0xfd00n << 112n : 0x0a000000n) + BigInt(last) });
}

const SCENE: fc.Arbitrary<Scene> = isIPv6.chain((six) => {
  const address = LAST.map((last) => addressAt(six, last));
  const range = fc
    .tuple(LAST, LAST)
    .map(([a, b]) => `${addressAt(six, Math.min(a, b))}-${addressAt(six, Math.max(a, b))}`);
  const poolOf = fc
    .record({
      addresses: fc.array(fc.oneof(address, range), { minLength: 1, maxLength: 3 }),
      excludedAddresses: fc.array(address, { maxLength: 2 }),
      gateway: fc.option(address, { nil: undefined }),
      allocateReservedIPAddresses: fc.boolean(),
      addressReuseGracePeriodSeconds: fc.constantFrom(0, 0, 60),
      isBad: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
      annotations: fc.constantFrom({}, {}, {}, {}, SPACE, SPACE, PAUSED, { ...SPACE, ...PAUSED }),
    })
    .map(({ isBad, annotations, gateway, addresses, ...spec }) =>
      ipPool(
        {
          ...spec,
          ...(gateway && { gateway }),
          addresses: isBad ? [...addresses, 'bad'] : addresses,
          prefix: six ? 123 : 27,
        },
        { annotations },
      ),
    );
  const claimOf = (name: string) =>
    fc.record({
      name: fc.constant(name),
      age: fc.integer({ min: 0, max: 5 }),
      resourceVersion: fc.integer({ min: 90, max: 110 }),
      kind: fc.constantFrom('plain', 'plain', 'plain', 'bound', 'unknown', 'wishes', 'paused', 'leaving'),
      address,
    });
  const holding = fc.record({
    address,
    holder: fc.constantFrom(...NAMES, ...UNSEEN),
    resourceVersion: fc.integer({ min: 90, max: 110 }),
    age: fc.constantFrom(1, 100),
    isReleased: fc.boolean(),
  });
  const distinct = { selector: (entry: { address: string }) => entry.address };
  return fc
    .record({
      pool: poolOf,
      claims: fc.tuple(...NAMES.map(claimOf)).chain((all) => fc.subarray(all)),
      held: fc.uniqueArray(holding, { ...distinct, maxLength: 6 }),
      foreign: fc.array(fc.record({ address, name: fc.constantFrom(...NAMES, 'nobody') }), { maxLength: 2 }),
      theirs: fc.uniqueArray(fc.record({ address }), { ...distinct, maxLength: 2 }),
    })
    .map(({ pool, claims, held, foreign, theirs }) => {
      const hasSpace = pool.metadata.annotations?.['metaipam.io/address-space'] !== undefined;
      const own = new Set(held.map(({ address }) => address));
      const neighbour = ipPool({}, { ...pool.metadata, name: 'neighbour', uid: 'neighbour' });
      return {
        pool,
        claims: claims.map((entry) => claimFrom(pool, entry)),
        allocations: held.map(({ address, holder, resourceVersion, age, isReleased }) =>
          allocation(pool, claim(holder, pool), address, {
            resourceVersion: `${resourceVersion}`,
            creationTimestamp: ago(age),
            ...(isReleased && { annotations: { 'metaipam.io/released-at': ago(10) } }),
          }),
        ),
        foreign: foreign.map(({ address, name }, index) =>
          ipAddress(pool, name, address, { name: `${name}-${index}`, creationTimestamp: ago(index) }),
        ),
        neighbours: theirs
          .filter(({ address }) => hasSpace && !own.has(address))
          .map(({ address }) => allocation(neighbour, claim('theirs', neighbour), address)),
      };
    });
});

interface ClaimSeed {
  name: string;
  age: number;
  resourceVersion: number;
  kind: string;
  address: string;
}

function claimFrom(pool: Pool, { name, age, resourceVersion, kind, address }: ClaimSeed): IPAddressClaim {
  const meta: Partial<ObjectMeta> = { creationTimestamp: ago(age), resourceVersion: `${resourceVersion}` };
  switch (kind) {
    case 'bound':
      return boundClaim(claim(name, pool, meta), address);
    case 'unknown':
      return boundClaim(claim(name, pool, meta));
    case 'wishes':
      return claim(name, pool, { ...meta, annotations: { 'metaipam.io/requested-address': address } });
    case 'paused':
      return claim(name, pool, { ...meta, annotations: PAUSED });
    case 'leaving':
      return claim(name, pool, { ...meta, deletionTimestamp: ago(0) });
    default:
      return claim(name, pool, meta);
  }
}

function requestOf({ pool, claims, allocations, foreign, neighbours }: Scene): CompositeRequest<Pool> {
  return poolRequest(pool, allocations, [...claims, ...foreign, ...neighbours]);
}

function sync(scene: Scene, seconds = 0): CompositeResponse {
  return pools.sync(requestOf(scene), contextAt(seconds));
}

type Spec = IPAllocation['spec'];

/** The children that are not in view yet. */
function addedBy({ children }: CompositeResponse, { allocations }: Scene): Spec[] {
  const known = new Set(allocations.map(({ metadata }) => metadata.name));
  return children.filter(({ metadata }) => !known.has(metadata.name)).map(({ spec }) => spec as Spec);
}

function check(name: string, predicate: (scene: Scene) => void, numRuns = 1000): void {
  test(name, () => fc.assert(fc.property(SCENE, predicate), { numRuns }));
}

check('no two children have one name, nor one address', (scene) => {
  const { children } = sync(scene);
  const addresses = children.flatMap(({ spec }) => (spec as Spec).address ?? []);
  assert.is(new Set(children.map(({ metadata }) => metadata.name)).size, children.length);
  assert.is(new Set(addresses).size, addresses.length);
});

check('no new child has the address of an allocation in view, its own or a neighbour’s', (scene) => {
  const taken = new Set([...scene.allocations, ...scene.neighbours].map(({ spec }) => spec.address));
  for (const { address } of addedBy(sync(scene), scene)) {
    assert.not(address !== undefined && taken.has(address), address);
  }
});

check('every claim that waits is answered once, and no other', (scene) => {
  const response = sync(scene);
  const answered = addedBy(response, scene).map(({ claimRef }) => claimRef.name);
  assert.is(new Set(answered).size, answered.length, 'at most once');
  const kept = new Set(response.children.map(({ spec }) => (spec as Spec).claimRef.uid));
  for (const { metadata, status } of scene.claims) {
    const isPaused = metadata.annotations?.['cluster.x-k8s.io/paused'] !== undefined;
    const isUnknown = status !== undefined && metadata.annotations?.['metaipam.io/address'] === undefined;
    if (isPaused || isUnknown || metadata.deletionTimestamp !== undefined) continue;
    assert.ok(kept.has(metadata.uid ?? ''), `${metadata.name} has an answer`);
  }
  const inView = new Set(scene.claims.map(({ metadata }) => metadata.name));
  for (const name of answered) assert.ok(inView.has(name));
});

check('new addresses are the lowest free ones, to the oldest claims first', (scene) => {
  const response = sync(scene);
  const { ranges } = readPool(scene.pool.spec);
  const adopting = new Set(scene.foreign.map(({ spec }) => spec.claimRef.name));
  const plain = scene.claims
    .filter(({ metadata, status }) => !metadata.annotations && !status && !adopting.has(metadata.name))
    .sort(compareAge);
  const added = new Map(addedBy(response, scene).map((spec) => [spec.claimRef.uid, spec]));
  const given = plain.flatMap(({ metadata }) => {
    const spec = added.get(metadata.uid ?? '');
    return spec === undefined ? [] : [spec];
  });
  const plainUids = new Set(given.map(({ claimRef }) => claimRef.uid));
  const taken = new Set([
    ...[...scene.allocations, ...scene.neighbours, ...scene.foreign].map(({ spec }) => spec.address),
    ...[...added.values()]
      .filter(({ claimRef }) => !plainUids.has(claimRef.uid))
      .map(({ address }) => address),
  ]);
  if (given.every(({ refusal }) => refusal?.reason === 'PoolNotReady')) return;
  const free = [...ranges!.allocatable].map(formatAddress).filter((address) => !taken.has(address));
  for (const [index, { address, refusal }] of given.entries()) {
    assert.is(address, free[index]);
    if (address === undefined) assert.is(refusal?.reason, 'PoolExhausted');
  }
});

check('nothing outside the pool is given, but to who has it', (scene) => {
  const { ranges } = readPool(scene.pool.spec);
  const bound = new Map(
    scene.claims.map(({ metadata, status }) => [
      metadata.uid,
      status && metadata.annotations?.['metaipam.io/address'],
    ]),
  );
  for (const { address, adopted, claimRef } of addedBy(sync(scene), scene)) {
    if (address === undefined || adopted || bound.get(claimRef.uid) === address) continue;
    assert.ok(ranges?.allocatable.has(parseAddress(address)!), address);
  }
});

check('the allocation of a claim in view stays, unless it has another', (scene) => {
  const response = sync(scene);
  const kept = new Set(response.children.map(({ metadata }) => metadata.name));
  const served = new Set(
    response.children.flatMap(({ metadata, spec }) =>
      scene.allocations.some((old) => old.metadata.name === metadata.name) ? (spec as Spec).claimRef.uid : [],
    ),
  );
  const inView = new Set(scene.claims.map(({ metadata }) => metadata.uid));
  for (const { metadata, spec } of scene.allocations) {
    if (!inView.has(spec.claimRef.uid) || kept.has(metadata.name)) continue;
    assert.ok(served.has(spec.claimRef.uid), `${metadata.name} is not the last of its claim`);
  }
});

check('a pool that is paused or invalid changes nothing', (scene) => {
  const { annotations } = scene.pool.metadata;
  if (!annotations?.['cluster.x-k8s.io/paused'] && readPool(scene.pool.spec).ranges !== undefined) return;
  const { children } = sync(scene);
  const before = scene.allocations.map(({ metadata, spec }) => [metadata.name, spec, metadata.annotations]);
  const after = children
    .filter(({ spec }) => (spec as Spec).address !== undefined)
    .map(({ metadata, spec }) => [metadata.name, spec, metadata.annotations]);
  const byName = (a: unknown[], b: unknown[]) => (String(a[0]) < String(b[0]) ? -1 : 1);
  assert.equal(after.sort(byName), before.sort(byName));
});

check('the counts are those of the objects', (scene) => {
  const response = sync(scene);
  const { ranges } = readPool(scene.pool.spec);
  const all = new Set([...(ranges?.allocatable ?? [])].map(formatAddress));
  const added = addedBy(response, scene);
  const ours = new Set(
    [...scene.allocations, ...scene.foreign]
      .map(({ spec }) => spec.address)
      .concat(added.map((spec) => spec.address)),
  );
  ours.delete(undefined);
  const theirs = new Set(scene.neighbours.map(({ spec }) => spec.address));
  const own = ours.difference(theirs);
  assert.equal(counts(response), {
    total: all.size,
    used: own.size,
    free: all.difference(ours.union(theirs)).size,
    outOfRange: own.difference(all).size,
    pending: response.children.filter(({ spec }) => (spec as Spec).refusal !== undefined).length,
  });
});

check('the pool comes to rest, and no spec of an allocation ever changes', (scene) => {
  let { pool, allocations } = scene;
  let previous = '';
  for (let round = 1; round <= 7; round++) {
    const response = sync({ ...scene, pool, allocations });
    const text = JSON.stringify(response);
    if (text === previous) return;
    previous = text;
    allocations = applyChildren(allocations, response.children, 1000 * round);
    pool = { ...pool, status: response.status } as Pool;
  }
  assert.unreachable('still changing after seven syncs');
});

test('the answer is the same bytes for any order of the objects', () => {
  fc.assert(
    fc.property(SCENE, fc.infiniteStream(fc.nat()), (scene, numbers) => {
      const request = requestOf(scene);
      const shuffle = <T>(map: Record<string, T>): Record<string, T> =>
        Object.fromEntries(
          Object.entries(map)
            .map((entry) => ({ entry, key: numbers.next().value as number }))
            .sort((a, b) => a.key - b.key)
            .map(({ entry }) => entry),
        );
      const shuffleAll = (objects: ObjectMap): ObjectMap =>
        shuffle(
          Object.fromEntries(
            Object.entries(objects).map(([kind, map]) => [kind, shuffle<KubernetesObject>(map)]),
          ),
        );
      const shuffled = {
        ...request,
        children: shuffleAll(request.children),
        related: shuffleAll(request.related),
      };
      assert.is(
        JSON.stringify(pools.sync(shuffled, contextAt())),
        JSON.stringify(pools.sync(request, contextAt())),
      );
    }),
    { numRuns: 500 },
  );
});

check('the request is only read', (scene) => {
  const request = requestOf(structuredClone(scene));
  const before = JSON.stringify(request);
  const context = contextAt();
  pools.sync(deepFreeze(request), deepFreeze(context));
  pools.finalize(request, context);
  pools.customize({ parent: request.parent }, context);
  assert.is(JSON.stringify(request), before);
});

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const inner of Object.values(value)) deepFreeze(inner as Objects);
    Object.freeze(value);
  }
  return value;
}

test.run();
