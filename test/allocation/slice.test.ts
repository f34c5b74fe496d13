import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { FAMILY_BITS, type Family } from '../../lib/address/address.ts';
import {
  asBlock,
  type Block,
  covers,
  formatPrefix,
  type Prefix,
  parsePrefix,
  prefixOf,
} from '../../lib/address/range.ts';
import { RangeSet } from '../../lib/address/range-set.ts';
import { type AddressSpace, answersName, pieceOfName } from '../../lib/allocation/names.ts';
import {
  type Allocation,
  allocationsOf,
  bellOf,
  desiredSlices,
  extentOfSlice,
  isEnding,
  isMisnamed,
  keyOf,
  mayBeNamed,
  pieceOf,
  type SliceHead,
  type SlicePlan,
  sliceNameOf,
} from '../../lib/allocation/slice.ts';
import { crdAdmission } from '../../lib/engine/crd-admission.ts';
import type { Unstructured } from '../../lib/engine/object.ts';
import { readCustomResourceDefinitions } from '../../lib/kubernetes/schema.ts';
import type { AllocationSlice, SliceAnswer, SliceEntry } from '../../lib/kubernetes/types.ts';
import type { DesiredObject } from '../../lib/metacontroller/hook.ts';

const admission = crdAdmission(readCustomResourceDefinitions());

function headOf(space: AddressSpace, kind = 'InClusterIPPool'): SliceHead {
  const own = { name: 'pool', marker: space.marker === 'prefix' ? 'prefix' : '' } as const;
  const poolRef = {
    apiGroup: 'ipam.cluster.x-k8s.io',
    kind,
    name: 'pool',
    uid: 'pool-uid',
  };
  return {
    namespace: 'default',
    space,
    own,
    poolRef,
    labels: { 'metaipam.io/pool': `${kind}.pool` },
  };
}

const OWN = headOf({ name: 'pool', marker: '' });
const SHARED = headOf({ name: 'lab', marker: 'shared' });
const PREFIXES = headOf({ name: 'pool', marker: 'prefix' }, 'InClusterPrefixPool');
const NETWORK = headOf({ name: 'pool', marker: '' }, 'PodNetwork');
const NOTHING: SlicePlan = {
  kept: [],
  added: [],
  bells: new Set(),
  answers: new Map(),
  listed: new Set(),
};

function plan(more: Partial<SlicePlan>): SlicePlan {
  return { ...NOTHING, ...more };
}

/** What the API server makes of them. Throws what it would refuse. */
function stored(
  children: readonly DesiredObject[],
  before: readonly AllocationSlice[] = [],
): AllocationSlice[] {
  const known = new Map(before.map((slice) => [slice.metadata.name, slice]));
  return children.map((child) => {
    const old = known.get(child.metadata.name) as object | undefined;
    assert.equal(admission.validate!(child as Unstructured, old as Unstructured | undefined), []);
    return child as AllocationSlice;
  });
}

function entry(n: number): SliceEntry {
  return { uid: `uid-${n}`, name: `claim-${n}` };
}

function listing({ slice, key, entry: each }: Allocation): string {
  return `${slice.metadata.name} ${key} ${JSON.stringify(each)}`;
}

/** The n-th block of `length` from a start that is in the middle of a piece. */
function blockAt(family: Family, length: number, n: number): Prefix {
  const bits = BigInt(FAMILY_BITS[family] - length);
  const start = length < 8 ? 0n : (family === 4 ? 10n << 24n : 0xfd00n << 112n) >> bits;
  const count = 1n << BigInt(length);
  return prefixOf({ family, value: ((start + 40n + BigInt(n)) % count) << bits }, length);
}

/** The n-th of blocks of `size` addresses, one after another, the first of which starts in the middle of a piece. */
function rangeAt(family: Family, size: number, n: number): Block {
  const first = (family === 4 ? 10n << 24n : 0xfd00n << 112n) + BigInt(size) * (40n + BigInt(n));
  return asBlock({ family, first, last: first + BigInt(size) - 1n });
}

interface Scene {
  head: SliceHead;
  slices: AllocationSlice[];
  kept: Allocation[];
  added: { block: Block; entry: SliceEntry }[];
  bells: Set<string>;
}

/** Blocks of one size and family, dense enough to fill pieces; some are there, of which some go, others come. */
const SCENE: fc.Arbitrary<Scene> = fc
  .record({
    family: fc.constantFrom(4 as const, 6 as const),
    /** 0 for addresses. */
    shorter: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 128 })),
    /** Of blocks that need not be CIDRs. */
    size: fc.option(fc.integer({ min: 3, max: 3000 }), { nil: undefined, freq: 2 }),
    isShared: fc.boolean(),
    before: fc.uniqueArray(fc.integer({ min: 0, max: 150 }), { maxLength: 80 }),
    after: fc.uniqueArray(fc.integer({ min: 0, max: 150 }), { maxLength: 80 }),
    bells: fc.array(fc.integer({ min: 0, max: 150 }).map((n) => `uid-${n}`)),
  })
  .map(({ family, shorter, size, isShared, before, after, bells }) => {
    const length = FAMILY_BITS[family] - (shorter % (FAMILY_BITS[family] + 1));
    const head =
      size !== undefined ? NETWORK : length < FAMILY_BITS[family] ? PREFIXES : isShared ? SHARED : OWN;
    const blocks = (numbers: number[]) => [
      ...new Map(
        numbers.map((n) => {
          const block = size === undefined ? blockAt(family, length, n) : rangeAt(family, size, n);
          return [keyOf(block), { block, entry: entry(n) }] as const;
        }),
      ).values(),
    ];
    const slices = stored(desiredSlices(head, [], plan({ added: blocks(before) })));
    const wanted = new Map(blocks(after).map((each) => [keyOf(each.block), each]));
    const kept = allocationsOf(slices).filter(({ key }) => wanted.has(key));
    for (const { key } of kept) wanted.delete(key);
    // What goes now is not given now.
    for (const { key } of allocationsOf(slices)) wanted.delete(key);
    return { head, slices, kept, added: [...wanted.values()], bells: new Set(bells) };
  });

function check(name: string, predicate: (scene: Scene) => void): void {
  test(name, () => fc.assert(fc.property(SCENE, predicate), { numRuns: 300 }));
}

check('what the plan keeps and adds is listed, as it is, and nothing else', ({ head, slices, ...rest }) => {
  const after = allocationsOf(desiredSlices(head, slices, plan(rest)) as AllocationSlice[]);
  const expected = [
    ...rest.kept.map(({ key, entry: each }) => `${key} ${JSON.stringify(each)}`),
    ...rest.added.map(({ block, entry: each }) => `${keyOf(block)} ${JSON.stringify(each)}`),
  ];
  assert.equal(after.map(({ key, entry: each }) => `${key} ${JSON.stringify(each)}`).sort(), expected.sort());
});

check('what is kept stays where it is', ({ head, slices, kept, added, bells }) => {
  const after = desiredSlices(head, slices, plan({ kept, added, bells })) as AllocationSlice[];
  const places = new Set(allocationsOf(after).map(listing));
  for (const each of kept) assert.ok(places.has(listing(each)), listing(each));
});

check(
  'a slice lists 32 blocks at most, or 64 that are no CIDRs, all of its piece, under canonical keys',
  ({ head, slices, ...rest }) => {
    const released = allocationsOf(slices).map(({ slice }) => slice);
    assert.ok(
      released.every(
        ({ spec }) => Object.keys(spec.entries ?? {}).length <= (spec.blockSize === undefined ? 32 : 64),
      ),
    );
    for (const slice of desiredSlices(
      head,
      [],
      plan({ added: [...rest.added, ...rest.kept] }),
    ) as AllocationSlice[]) {
      assert.equal(admission.validate!(slice as object as Unstructured, undefined), []);
      const extent = extentOfSlice(slice)!;
      const piece = parsePrefix(slice.spec.cidr!)!;
      for (const { block, key } of allocationsOf([slice])) {
        assert.ok(covers(extent, block));
        assert.is(keyOf(block), key);
        assert.equal(pieceOf(head.space, block), piece);
      }
      const { blockLength, blockSize } = slice.spec;
      assert.equal(pieceOfName(slice.metadata.name), {
        piece,
        ...(blockLength !== undefined && { blockLength }),
        ...(blockSize !== undefined && { blockSize }),
      });
      if (head === SHARED) assert.ok(Object.keys(slice.spec.entries!).length <= 1, 'the name is the lock');
    }
  },
);

check('asked again with what it answered, it answers the same', ({ head, slices, kept, added, bells }) => {
  const listed = new Set(slices.map(({ metadata }) => metadata.name));
  const first = desiredSlices(head, slices, plan({ kept, added, bells, listed })) as AllocationSlice[];
  const again = plan({ kept: allocationsOf(first), bells, listed });
  assert.equal(desiredSlices(head, first, again), first);
});

test('a bell that is added to a slice where nothing else changes comes with the version that lacked it', () => {
  const added = [{ block: blockAt(4, 32, 1), entry: entry(1) }];
  const sliceOf = (plan: SlicePlan, before?: AllocationSlice) =>
    desiredSlices(OWN, before === undefined ? [] : [before], plan)[0] as AllocationSlice;
  const at = (slice: AllocationSlice, resourceVersion: string): AllocationSlice => ({
    ...slice,
    metadata: { ...slice.metadata, resourceVersion },
  });
  const bells = new Set([entry(1).uid]);
  const first = sliceOf(plan({ added, bells }));
  assert.is(first.metadata.annotations, undefined);
  const silent = sliceOf(plan({ kept: allocationsOf([first]) }), at(first, '1'));
  assert.is(silent.metadata.annotations, undefined);
  const kept = allocationsOf([silent]);
  const again = sliceOf(plan({ kept, bells }), at(silent, '2'));
  assert.equal(again.metadata.annotations, { 'metaipam.io/bells-after': '2' });
  assert.equal(sliceOf(plan({ kept, bells }), at(again, '3')), again);
  assert.equal(sliceOf(plan({ kept }), at(again, '3')), silent);
  const more = { block: blockAt(4, 32, 2), entry: entry(2) };
  const both = plan({ kept, added: [more], bells: new Set([entry(1).uid, entry(2).uid]) });
  assert.is(sliceOf(both, at(silent, '2')).metadata.annotations, undefined);
});

check('the order of the slices and of the plan does not matter', ({ head, slices, kept, added, bells }) => {
  const one = desiredSlices(head, slices, plan({ kept, added, bells }));
  const other = desiredSlices(
    head,
    slices,
    plan({ kept: kept.toReversed(), added: added.toReversed(), bells }),
  );
  assert.equal(
    other.map(({ spec }) => JSON.stringify(spec)),
    one.map(({ spec }) => JSON.stringify(spec)),
  );
});

check(
  'those who listen find the slices that list them, and no others',
  ({ head, slices, kept, added, bells }) => {
    for (const slice of desiredSlices(head, slices, plan({ kept, added, bells })) as AllocationSlice[]) {
      const uids = new Set(Object.values(slice.spec.entries ?? {}).map(({ uid }) => uid));
      for (const uid of [...bells, ...uids]) {
        assert.is(slice.metadata.labels?.[bellOf(uid)] === '', bells.has(uid) && uids.has(uid), uid);
      }
    }
  },
);

check(
  'empty slices are closed, stay while the status lists them, and are never left out before',
  ({ head, slices }) => {
    const spare = head === SHARED ? 0 : 2;
    const names = new Set(slices.map(({ metadata }) => metadata.name));
    // As they are once all their entries were released and went.
    const empty = slices.map((slice) => ({ ...slice, spec: { ...slice.spec, entries: {} } }));
    const closing = stored(desiredSlices(head, empty, plan({ listed: names })), empty);
    assert.is(closing.length, slices.length);
    assert.is(closing.filter(isEnding).length, Math.max(0, slices.length - spare));
    assert.equal(desiredSlices(head, closing, plan({ listed: names })), closing, 'while they are listed');
    const left = desiredSlices(head, closing, NOTHING);
    assert.equal(
      left.map(({ metadata }) => metadata.name),
      closing.filter((slice) => !isEnding(slice)).map(({ metadata }) => metadata.name),
    );
  },
);

test('a slice that is being deleted stays as it is, with what it lists', () => {
  const [slice] = stored(
    desiredSlices(OWN, [], plan({ added: [{ block: parsePrefix('10.0.0.1/32')!, entry: entry(1) }] })),
  );
  const ending = { ...slice!, metadata: { ...slice!.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } };
  assert.equal(desiredSlices(OWN, [ending], NOTHING)[0]?.spec, slice!.spec);
});

const ALL = RangeSet.of([parsePrefix('10.0.0.0/24')!]);

test('what slices say of their subnet is what the pool says now; whose they are never changes', () => {
  const added = [{ block: parsePrefix('10.0.0.1/32')!, entry: entry(1) }];
  const slices = stored(
    desiredSlices(
      { ...OWN, subnets: [{ listed: ALL, prefix: 24, gateway: '10.0.0.254' }] },
      [],
      plan({ added }),
    ),
  );
  const later = {
    ...OWN,
    subnets: [{ listed: ALL, prefix: 25 }],
    poolRef: { ...OWN.poolRef, uid: 'another' },
  };
  const [slice] = stored(desiredSlices(later, slices, plan({ kept: allocationsOf(slices) })), slices);
  assert.equal([slice?.spec.prefix, slice?.spec.gateway], [25, undefined]);
  assert.is(slice?.spec.poolRef.uid, 'pool-uid');
  const [kept] = stored(desiredSlices(OWN, slices, plan({ kept: allocationsOf(slices) })), slices);
  assert.equal([kept?.spec.prefix, kept?.spec.gateway], [24, '10.0.0.254'], 'while nobody can tell');
});

const SLICE = desiredSlices(
  OWN,
  [],
  plan({ added: [{ block: parsePrefix('10.0.0.1/32')!, entry: entry(1) }] }),
)[0] as AllocationSlice;

test('what slices list is read in the order of its keys’ text; entries without a uid are nobody’s', () => {
  const odd = { 'no address': entry(2), '10.0.0.2': { uid: '', name: 'x' }, '10.0.0.3': null as never };
  const entries = { '10.0.0.9': entry(9), ...SLICE.spec.entries, ...odd, '10.0.0.10': entry(10) };
  assert.equal(
    allocationsOf([{ ...SLICE, spec: { ...SLICE.spec, entries } }]).map(({ key }) => key),
    ['10.0.0.1', '10.0.0.10', '10.0.0.9'],
  );
});

test('a slice of answers, or one that says nothing, keeps no piece and lists nothing', () => {
  const answers = desiredSlices(OWN, [], plan({ answers: answersTo([1], 'a') }));
  const { spec, ...empty } = SLICE;
  for (const slice of [...answers, empty] as AllocationSlice[]) {
    assert.is(extentOfSlice(slice), undefined);
    assert.equal(allocationsOf([slice]), []);
  }
});

test('every slice bears the labels and annotations of its head', () => {
  const head = { ...OWN, annotations: { 'metaipam.io/node-annotation': 'key' } };
  const added = [{ block: parsePrefix('10.0.0.1/32')!, entry: entry(1) }];
  const slices = desiredSlices(
    head,
    [],
    plan({ added, answers: answersTo([2], 'a'), bells: new Set(['uid-1']) }),
  );
  assert.equal(
    slices.map(({ metadata: { labels, annotations } }) => [labels, annotations]),
    ['uid-1', 'uid-2'].map((uid) => [{ ...head.labels, [bellOf(uid)]: '' }, head.annotations]),
  );
});

test('a block as long as the space is keyed as a block, an address as an address', () => {
  assert.is(keyOf(parsePrefix('0.0.0.0/0')!), '0.0.0.0/0');
  assert.is(keyOf(parsePrefix('10.244.3.0/24')!), '10.244.3.0/24');
  assert.is(keyOf(parsePrefix('10.0.0.7/32')!), '10.0.0.7');
  assert.is(keyOf(parsePrefix('fd00::7/128')!), 'fd00::7');
  assert.is(formatPrefix(pieceOf(OWN.space, parsePrefix('0.0.0.0/3')!)), '0.0.0.0/0');
});

// Names

const KINDS = [
  ['InClusterIPPool', ''],
  ['GlobalInClusterIPPool', 'global'],
  ['InClusterPrefixPool', 'prefix'],
  ['GlobalInClusterPrefixPool', 'global-prefix'],
  ['PodNetwork', ''],
] as const;

/** Slices as they may be: of every kind, of addresses or blocks, in a space of their own or a shared one. */
const NAMED: fc.Arbitrary<AllocationSlice> = fc
  .record({
    kind: fc.constantFrom(...KINDS),
    pool: fc.constantFrom(
      'pool',
      'a.b',
      'pool.10.0.0.0-27',
      'x'.repeat(180),
      'x'.repeat(181),
      `${'y-'.repeat(120)}z`,
    ),
    shared: fc.option(fc.constantFrom('lab', 'a.b')),
    family: fc.constantFrom(4 as const, 6 as const),
    value: fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }),
    zeros: fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }),
    shorter: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 128 })),
  })
  .map(({ kind: [kind, marker], pool, shared, family, value, zeros, shorter }) => {
    const isOfAddresses = kind.endsWith('IPPool');
    const bits = FAMILY_BITS[family];
    const length = isOfAddresses ? bits : bits - (shorter % (bits + 1));
    const block = prefixOf({ family, value: (value & zeros) % (1n << BigInt(bits)) }, length);
    const isShared = shared !== null && isOfAddresses;
    const space: AddressSpace = isShared ? { name: shared, marker: 'shared' } : { name: pool, marker };
    const poolRef = { ...OWN.poolRef, kind, name: pool };
    const [slice] = desiredSlices(
      { ...OWN, space, poolRef },
      [],
      plan({ added: [{ block, entry: entry(1) }] }),
    );
    return slice as AllocationSlice;
  })
  // The API server reads no IPv4-mapped address.
  .filter(({ spec }) => !spec.cidr!.startsWith('::ffff:'));

const refusals = (slice: AllocationSlice) => admission.validate!(slice as object as Unstructured, undefined);

test('what a pool or network names is named by its piece, for the hooks and for the API server', () => {
  fc.assert(
    fc.property(NAMED, (slice) => {
      assert.equal(refusals(slice), []);
      assert.not(isMisnamed(slice));
      assert.is(allocationsOf([slice]).length, 1);
      assert.ok(mayBeNamed(slice.metadata.name, slice.spec.poolRef));
    }),
  );
});

const NAME_CHANGES: readonly ((name: string) => string)[] = [
  (name) => `${name}.twin`,
  (name) => `twin.${name}`,
  (name) => `x${name}`,
  (name) => name.replace(/-(\d+)(\.|$)/, '-0$1$2'),
  (name) => name.replace(/\.([^.]*-)/, '.0$1'),
  (name) => name.replace('.', '-'),
  (name) => `${name}.long`,
];

test('of another name, it counts for nobody, and the API server does not take it', () => {
  fc.assert(
    fc.property(NAMED, fc.constantFrom(...NAME_CHANGES), (slice, change) => {
      const name = change(slice.metadata.name);
      if (name === slice.metadata.name) return;
      const twin = { ...slice, metadata: { ...slice.metadata, name } };
      assert.ok(isMisnamed(twin), name);
      assert.equal(allocationsOf([twin]), []);
      const isHashed = name.endsWith('.long') && slice.metadata.name.endsWith('.long');
      if (!isHashed) assert.ok(refusals(twin).length > 0, name);
    }),
  );
});

test('neither is a slice whose name is right for a piece that it could not keep', () => {
  const misnamed = (name: string, kind: string, spec: Partial<AllocationSlice['spec']>) => {
    const slice = { ...SLICE, metadata: { ...SLICE.metadata, name } };
    const poolRef = { ...OWN.poolRef, kind };
    const twin = { ...slice, spec: { poolRef, entries: {}, ...spec } } as AllocationSlice;
    assert.ok(isMisnamed(twin), name);
    assert.ok(refusals(twin).length > 0, name);
    assert.not(mayBeNamed(name, poolRef), name);
  };
  misnamed('pool.10.0.0.0-26', 'InClusterIPPool', { cidr: '10.0.0.0/26' });
  misnamed('pool.10.0.0.7-32', 'InClusterIPPool', { cidr: '10.0.0.7/32' });
  misnamed('pool.10.0.0.0-27.32.prefix', 'InClusterPrefixPool', { cidr: '10.0.0.0/27', blockLength: 32 });
  misnamed('pool.10.0.0.0-26.31', 'InClusterIPPool', { cidr: '10.0.0.0/26', blockLength: 31 });
  misnamed('pool.10.0.0.0-18.24.prefix', 'InClusterPrefixPool', { cidr: '10.0.0.0/18', blockLength: 24 });
  misnamed('pool.0.0.0.0-0.4', 'InClusterPrefixPool', { cidr: '0.0.0.0/0', blockLength: 4 });
  misnamed('lab.10.0.0.0-27.shared', 'InClusterIPPool', { cidr: '10.0.0.0/27', addressSpace: 'lab' });
  misnamed('lab.10.0.0.7-32.shared', 'PodNetwork', { cidr: '10.0.0.7/32', addressSpace: 'lab' });
});

test('nor one whose cidr or space is another than its name says', () => {
  const named = (name: string, spec: Partial<AllocationSlice['spec']>) =>
    ({
      ...SLICE,
      metadata: { ...SLICE.metadata, name },
      spec: { ...SLICE.spec, ...spec },
    }) as AllocationSlice;
  const entries = { '10.0.0.33': entry(1) };
  for (const slice of [
    named('pool.10.0.0.0-27', { cidr: '10.0.0.32/27', entries }),
    named('pool.10.0.0.0-27', { cidr: '10.0.0.0/26', entries }),
    named('other.10.0.0.0-27', {}),
    named('pool.10.0.0.0-27.global', {}),
    named('lab.10.0.0.1-32.shared', { cidr: '10.0.0.1/32' }),
    named('lab.10.0.0.1-32.shared', { cidr: '10.0.0.1/32', addressSpace: 'other' }),
    named('pool.answers-0', {}),
  ]) {
    assert.ok(isMisnamed(slice), slice.metadata.name);
    assert.ok(refusals(slice).length > 0, slice.metadata.name);
  }
  assert.ok(isMisnamed(named('pool.10.0.0.0-27', { cidr: 'no CIDR' })));
  assert.ok(
    refusals({ ...SLICE, spec: { poolRef: OWN.poolRef, answers: {} } }).length > 0,
    'answers under its name',
  );
});

test('a hash that is another’s names no piece of a pool with a long name', () => {
  const poolRef = { ...OWN.poolRef, name: 'x'.repeat(181) };
  const block = parsePrefix('10.0.0.1/32')!;
  const name = sliceNameOf({ name: poolRef.name, marker: '' }, block);
  const slice = { ...SLICE, metadata: { ...SLICE.metadata, name }, spec: { ...SLICE.spec, poolRef } };
  assert.not(isMisnamed(slice));
  const twin = {
    ...slice,
    metadata: { ...slice.metadata, name: name.replace(/-[0-9a-f]{16}\./, '-0123456789abcdef.') },
  };
  assert.ok(isMisnamed(twin));
});

test('a misnamed slice among its pool’s stays as it is, whatever the plan makes of its piece', () => {
  const twin = { ...SLICE, metadata: { ...SLICE.metadata, name: 'pool.twin' } };
  const slices = [SLICE, twin];
  const desired = desiredSlices(OWN, slices, plan({ kept: allocationsOf(slices) })) as AllocationSlice[];
  assert.equal(desired, [SLICE, twin]);
  const without = desiredSlices(OWN, slices, NOTHING) as AllocationSlice[];
  assert.equal(
    without.map(({ metadata, spec }) => [metadata.name, Object.keys(spec.entries!)]),
    [
      ['pool.10.0.0.0-27', []],
      ['pool.twin', ['10.0.0.1']],
    ],
  );
});

test('a slice stays in the address space that it was made in', () => {
  const added = [{ block: parsePrefix('10.0.0.1/32')!, entry: entry(1) }];
  const [shared] = stored(desiredSlices(SHARED, [], plan({ added })));
  assert.equal([shared?.metadata.name, shared?.spec.addressSpace], ['lab.10.0.0.1-32.shared', 'lab']);
  const moved = stored(desiredSlices(OWN, [shared!], plan({ kept: allocationsOf([shared!]) })), [shared!]);
  assert.equal(moved[0]?.spec, shared?.spec);
  const entered = stored(desiredSlices(SHARED, [SLICE], plan({ kept: allocationsOf([SLICE]) })), [SLICE]);
  assert.is(entered[0]?.spec.addressSpace, undefined);
});

// Answers

const UIDS = fc.uniqueArray(fc.integer({ min: 0, max: 300 }), { maxLength: 200 });

function answersTo(numbers: readonly number[], reason: string): Map<string, SliceAnswer> {
  return new Map(numbers.map((n) => [`uid-${n}`, { reason }]));
}

function placesOf(slices: readonly AllocationSlice[]): Map<string, string> {
  return new Map(
    slices.flatMap(({ metadata, spec }) =>
      Object.keys(spec.answers ?? {}).map((uid) => [uid, metadata.name] as const),
    ),
  );
}

test('answers stay in their slice, each is there once, 64 a slice, and none is empty', () => {
  fc.assert(
    fc.property(fc.array(UIDS, { minLength: 1, maxLength: 4 }), (rounds) => {
      let slices: AllocationSlice[] = [];
      for (const [round, numbers] of rounds.entries()) {
        const before = placesOf(slices);
        const answers = answersTo(numbers, 'ab'[round % 2]!);
        slices = stored(desiredSlices(OWN, slices, plan({ answers })), slices);
        const after = placesOf(slices);
        assert.equal([...after.keys()].sort(), [...answers.keys()].sort());
        for (const [uid, place] of after) assert.is(before.get(uid) ?? place, place, `${uid} moved`);
        for (const { metadata, spec } of slices) {
          const here = Object.entries(spec.answers!);
          assert.ok(here.length >= 1 && here.length <= 64);
          for (const [uid, answer] of here) {
            assert.equal(answer, answers.get(uid));
            assert.is(metadata.labels?.[bellOf(uid)], '');
          }
        }
        assert.equal(desiredSlices(OWN, slices, plan({ answers })), slices);
      }
    }),
    { numRuns: 60 },
  );
});

test('new answers fill the first slice with room', () => {
  const first = stored(desiredSlices(OWN, [], plan({ answers: answersTo([...Array(130).keys()], 'a') })));
  assert.equal(
    first.map(({ metadata, spec }) => [metadata.name, Object.keys(spec.answers!).length]),
    [0, 1, 2].map((index) => [answersName(OWN.own, index), [64, 64, 2][index]]),
  );
  const fewer = answersTo([...Array(130).keys()].slice(3), 'a').set('uid-new', { reason: 'a' });
  const [zero] = stored(desiredSlices(OWN, first, plan({ answers: fewer })), first);
  assert.ok(zero?.spec.answers?.['uid-new']);
});

test.run();
