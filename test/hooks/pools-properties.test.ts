import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as pools from '../../hooks/pools.ts';
import { formatAddress, parseAddress } from '../../lib/address/address.ts';
import { secondsHeld } from '../../lib/allocation/hold.ts';
import { type Allocation, allocationsOf } from '../../lib/allocation/slice.ts';
import { compareAge, type KubernetesObject, type ObjectMeta } from '../../lib/kubernetes/object.ts';
import type { AllocationSlice, IPAddress, IPAddressClaim } from '../../lib/kubernetes/types.ts';
import type {
  CompositeRequest,
  CompositeResponse,
  ObjectMap,
  Objects,
} from '../../lib/metacontroller/hook.ts';
import { readPool } from '../../lib/pool/pool.ts';
import {
  ago,
  answersByUid,
  applyChildren,
  bells,
  boundClaim,
  claim,
  contextAt,
  counts,
  ipAddress,
  ipPool,
  leaving,
  listed,
  NOW,
  type Pool,
  poolRequest,
  released,
  slicesOf,
} from './objects.ts';

// A pool of a few addresses, so that everything collides with everything.

interface Scene {
  pool: Pool;
  claims: IPAddressClaim[];
  slices: AllocationSlice[];
  foreign: IPAddress[];
  neighbours: AllocationSlice[];
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
      age: fc.integer({ min: 55, max: 65 }),
      kind: fc.constantFrom(
        ...['plain', 'plain', 'plain', 'bound', 'unknown', 'wishes', 'paused', 'ending', 'leaving'],
      ),
      address,
    });
  const holding = fc.record({
    address,
    holder: fc.constantFrom(...NAMES, ...UNSEEN),
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
        slices: slicesOf(
          pool,
          ...held.map(
            ({ address, holder, isReleased }) =>
              [claim(holder, pool), address, isReleased ? { released: ago(10) } : {}] as const,
          ),
        ),
        foreign: foreign.map(({ address, name }, index) =>
          ipAddress(pool, name, address, { name: `${name}-${index}`, creationTimestamp: ago(index) }),
        ),
        neighbours: slicesOf(
          neighbour,
          ...theirs
            .filter(({ address }) => hasSpace && !own.has(address))
            .map(({ address }) => [claim('theirs', neighbour), address] as const),
        ),
      };
    });
});

interface ClaimSeed {
  name: string;
  age: number;
  kind: string;
  address: string;
}

function claimFrom(pool: Pool, { name, age, kind, address }: ClaimSeed): IPAddressClaim {
  const meta: Partial<ObjectMeta> = { creationTimestamp: ago(age) };
  switch (kind) {
    case 'bound':
      return boundClaim(claim(name, pool, meta), address);
    case 'unknown':
      return boundClaim(claim(name, pool, meta));
    case 'wishes':
      return claim(name, pool, { ...meta, annotations: { 'metaipam.io/requested-address': address } });
    case 'paused':
      return claim(name, pool, { ...meta, annotations: PAUSED });
    case 'ending':
      return claim(name, pool, { ...meta, deletionTimestamp: ago(0) });
    case 'leaving':
      return leaving(claim(name, pool, meta));
    default:
      return claim(name, pool, meta);
  }
}

function requestOf({ pool, claims, slices, foreign, neighbours }: Scene): CompositeRequest<Pool> {
  return poolRequest(pool, slices, [...claims, ...foreign, ...neighbours]);
}

function sync(scene: Scene, seconds = 0): CompositeResponse {
  return pools.sync(requestOf(scene), contextAt(seconds));
}

/** What the response gives that was not given before. */
function addedBy(response: CompositeResponse, { slices }: Scene): Allocation[] {
  const known = new Set(allocationsOf(slices).map(({ key }) => key));
  return listed(response).filter(({ key }) => !known.has(key));
}

/** Claims that wait for an address: those that live, are not paused, and have none. */
function waitingOf({ claims, slices }: Scene): IPAddressClaim[] {
  const served = new Set(
    allocationsOf(slices)
      .filter(({ entry }) => entry.released === undefined)
      .map(({ entry }) => entry.uid),
  );
  return claims.filter(
    ({ metadata }) =>
      metadata.deletionTimestamp === undefined &&
      metadata.annotations?.['cluster.x-k8s.io/paused'] === undefined &&
      !served.has(metadata.uid ?? ''),
  );
}

/** uids of claims that say they had what goes now, and are not answered otherwise: they come next. */
function comingNext(response: CompositeResponse, scene: Scene): Set<string> {
  const left = listed(response);
  const kept = new Set(left.map(({ key }) => key));
  const told = new Set([
    ...left.map(({ entry }) => entry.uid),
    ...answersByUid(response).map(([uid]) => uid),
  ]);
  const going = new Set(allocationsOf(scene.slices).flatMap(({ key }) => (kept.has(key) ? [] : key)));
  const coming = waitingOf(scene).filter(({ metadata: { uid = '', annotations } }) => {
    return !told.has(uid) && going.has(annotations?.['metaipam.io/address'] ?? '');
  });
  return new Set(coming.map(({ metadata: { uid = '' } }) => uid));
}

function check(name: string, predicate: (scene: Scene) => void, numRuns = 1000): void {
  test(name, () => fc.assert(fc.property(SCENE, predicate), { numRuns }));
}

check('no two children have one name, and no address is listed twice', (scene) => {
  const response = sync(scene);
  const keys = listed(response).map(({ key }) => key);
  assert.is(new Set(response.children.map(({ metadata }) => metadata.name)).size, response.children.length);
  assert.is(new Set(keys).size, keys.length);
});

check(
  'nothing is given that a slice in view lists, its own or a neighbour’s, or that an IPAddress has',
  (scene) => {
    const taken = new Set([
      ...allocationsOf([...scene.slices, ...scene.neighbours]).map(({ key }) => key),
      ...scene.foreign.map(({ spec }) => spec.address),
    ]);
    for (const { key, entry } of addedBy(sync(scene), scene)) {
      assert.not(taken.has(key) && !entry.adopted, key);
    }
  },
);

check('every claim that waits is answered once, and no other', (scene) => {
  const response = sync(scene);
  const answered = [
    ...addedBy(response, scene).map(({ entry }) => entry.uid),
    ...answersByUid(response).map(([uid]) => uid),
  ];
  assert.is(new Set(answered).size, answered.length, 'at most once');
  const told = new Set(answered).union(comingNext(response, scene));
  const still = scene.pool.metadata.annotations?.['cluster.x-k8s.io/paused'] !== undefined;
  const isBad = readPool(scene.pool).ranges === undefined;
  const adopting = new Set(scene.foreign.map(({ spec }) => spec.claimRef.name));
  for (const { metadata } of waitingOf(scene)) {
    // What such a claim has is not listed before the pool goes on; it is in use all the same.
    if ((still || isBad) && adopting.has(metadata.name)) continue;
    assert.ok(told.has(metadata.uid ?? ''), `${metadata.name} has an answer`);
  }
  const inView = new Set(scene.claims.map(({ metadata }) => metadata.uid));
  for (const uid of answered) assert.ok(inView.has(uid));
});

check('who has to hear of something listens: each claim in view that is listed or answered', (scene) => {
  const response = sync(scene);
  const uids = new Set([
    ...listed(response).map(({ entry }) => entry.uid),
    ...answersByUid(response).map(([uid]) => uid),
  ]);
  const rung = new Set(bells(response));
  for (const { metadata } of scene.claims) {
    assert.is(rung.has(metadata.uid ?? ''), uids.has(metadata.uid ?? ''), metadata.name);
  }
});

check('new addresses are the lowest free ones, to the oldest claims first', (scene) => {
  const response = sync(scene);
  const { ranges } = readPool(scene.pool);
  const adopting = new Set(scene.foreign.map(({ spec }) => spec.claimRef.name));
  const plain = waitingOf(scene)
    .filter(({ metadata, status }) => !metadata.annotations && !status && !adopting.has(metadata.name))
    .sort(compareAge)
    .map(({ metadata }) => metadata.uid ?? '');
  const refused = new Map(answersByUid(response));
  if (plain.every((uid) => refused.get(uid)?.reason === 'PoolNotReady')) return;
  const added = addedBy(response, scene);
  const given = new Map(added.map(({ key, entry }) => [entry.uid, key]));
  // Those too came before: what they got is not free, or is the lowest left after the older ones.
  const bound = scene.claims.flatMap(({ metadata, status }) => (status ? (metadata.uid ?? '') : []));
  const others = new Set([...plain, ...bound]);
  const taken = new Set([
    ...allocationsOf([...scene.slices, ...scene.neighbours]).map(({ key }) => key),
    ...scene.foreign.map(({ spec }) => spec.address),
    ...added.filter(({ entry }) => !others.has(entry.uid)).map(({ key }) => key),
    ...scene.claims.flatMap(({ metadata }) => metadata.annotations?.['metaipam.io/address'] ?? []),
  ]);
  const free = [...ranges!.allocatable].map(formatAddress).filter((address) => !taken.has(address));
  const mine = plain.map((uid) => given.get(uid));
  const got = mine.filter((address) => address !== undefined);
  assert.equal(mine.slice(0, got.length), got, 'no younger one before an older one');
  assert.equal(
    got,
    got.toSorted((a, b) => (parseAddress(a)!.value < parseAddress(b)!.value ? -1 : 1)),
  );
  const highest = parseAddress(got.at(-1) ?? '')?.value ?? -1n;
  const all = new Set(added.map(({ key }) => key));
  for (const address of free) {
    if (parseAddress(address)!.value < highest) assert.ok(all.has(address), `${address} was left out`);
  }
  for (const uid of plain.slice(got.length)) assert.is(refused.get(uid)?.reason, 'PoolExhausted');
  if (got.length < plain.length)
    for (const address of free) assert.ok(all.has(address), `${address} is free`);
});

check('nothing outside the pool is given, but to who has it', (scene) => {
  const { ranges } = readPool(scene.pool);
  for (const { key, entry } of addedBy(sync(scene), scene)) {
    if (!entry.adopted) assert.ok(ranges?.allocatable.has(parseAddress(key)!), key);
  }
});

check('an entry is never dropped, changed or released without the word of its claim', (scene) => {
  const after = new Map(listed(sync(scene)).map(({ key, entry }) => [key, entry]));
  const claims = new Map(scene.claims.map((each) => [each.metadata.uid, each]));
  const unreleased = allocationsOf(scene.slices).filter(({ entry }) => entry.released === undefined);
  for (const { key, entry } of unreleased) {
    const now = after.get(key);
    const { released, ...rest } = now ?? { uid: '' };
    assert.equal(rest, entry, key);
    if (released === undefined) continue;
    const { metadata } = claims.get(entry.uid)!;
    const has = metadata.annotations?.['metaipam.io/address'];
    const hasAnother = unreleased.some((other) => other.entry.uid === entry.uid && other.key === has);
    assert.ok(metadata.labels?.['metaipam.io/settled'] === 'leaving' || (has !== key && hasAnother), key);
  }
});

check('what is released goes when its time is over, and not before', (scene) => {
  const { ranges } = readPool(scene.pool);
  const isStill = scene.pool.metadata.annotations?.['cluster.x-k8s.io/paused'] !== undefined;
  const grace = isStill ? undefined : ranges?.reuseGracePeriodSeconds;
  for (const seconds of [0, 49, 50]) {
    const after = new Map(listed(sync(scene, seconds)).map(({ key, entry }) => [key, entry]));
    for (const { key, entry } of allocationsOf(scene.slices)) {
      if (entry.released === undefined) continue;
      if (grace !== undefined && 10 + seconds >= grace) assert.is(after.get(key), undefined);
      else assert.equal(after.get(key), entry);
    }
  }
});

check('a pool that is paused or invalid gives nothing and lets nothing become free', (scene) => {
  const { annotations } = scene.pool.metadata;
  if (!annotations?.['cluster.x-k8s.io/paused'] && readPool(scene.pool).ranges !== undefined) return;
  const keys = (allocations: Allocation[]) => allocations.map(({ key }) => key).sort();
  assert.equal(keys(listed(sync(scene))), keys(allocationsOf(scene.slices)));
});

check('the counts are those of the objects', (scene) => {
  const response = sync(scene);
  const { ranges } = readPool(scene.pool);
  const all = new Set([...(ranges?.allocatable ?? [])].map(formatAddress));
  const ours = new Set([
    ...[...allocationsOf(scene.slices), ...addedBy(response, scene)].map(({ key }) => key),
    ...scene.foreign.map(({ spec }) => spec.address),
  ]);
  const theirs = new Set(allocationsOf(scene.neighbours).map(({ key }) => key));
  const own = ours.difference(theirs);
  const waiting = answersByUid(response).filter(
    ([, { reason }]) => reason !== 'NothingHeld' && reason !== 'Paused',
  );
  const isStill = scene.pool.metadata.annotations?.['cluster.x-k8s.io/paused'] !== undefined;
  const grace = isStill ? undefined : ranges?.reuseGracePeriodSeconds;
  const kept = Object.entries(released(response)).flatMap(([key, since]) =>
    grace === undefined || secondsHeld(since, grace, NOW) > 0 ? [key] : [],
  );
  const others = theirs.union(new Set(scene.foreign.map(({ spec }) => spec.address)));
  const held = new Set(kept).difference(others).size;
  assert.equal(counts(response), {
    total: all.size,
    used: own.size,
    free: all.difference(ours.union(theirs)).size,
    outOfRange: own.difference(all).size,
    ...(held > 0 && { released: held }),
    pending: waiting.length + comingNext(response, scene).size,
  });
});

check(
  'the pool comes to rest, and the API server takes all that it writes on the way',
  (scene) => {
    let { pool, slices } = scene;
    let previous = '';
    for (let round = 1; round <= 9; round++) {
      const response = sync({ ...scene, pool, slices });
      const text = JSON.stringify(response);
      if (text === previous) return;
      previous = text;
      slices = applyChildren(pool, slices, response.children, 1000 * round);
      pool = { ...pool, status: response.status } as Pool;
    }
    assert.unreachable('still changing after nine syncs');
  },
  300,
);

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
