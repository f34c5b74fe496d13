import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { FAMILY_BITS, type Family } from '../../lib/address/address.ts';
import { covers, formatPrefix, type Prefix, parsePrefix, prefixOf } from '../../lib/address/range.ts';
import { RangeSet } from '../../lib/address/range-set.ts';
import { type AddressSpace, answersName, pieceOfName } from '../../lib/allocation/names.ts';
import {
  type Allocation,
  allocationsOf,
  bellOf,
  desiredSlices,
  isEnding,
  keyOf,
  pieceOf,
  pieceOfSlice,
  type SliceHead,
  type SlicePlan,
} from '../../lib/allocation/slice.ts';
import { crdAdmission } from '../../lib/engine/crd-admission.ts';
import type { Unstructured } from '../../lib/engine/object.ts';
import { readCustomResourceDefinitions } from '../../lib/kubernetes/schema.ts';
import type { AllocationSlice, SliceAnswer, SliceEntry } from '../../lib/kubernetes/types.ts';
import type { DesiredObject } from '../../lib/metacontroller/hook.ts';

const admission = crdAdmission(readCustomResourceDefinitions());

function headOf(space: AddressSpace): SliceHead {
  const own = { name: 'pool', marker: '' } as const;
  const poolRef = {
    apiGroup: 'ipam.cluster.x-k8s.io',
    kind: 'InClusterIPPool',
    name: 'pool',
    uid: 'pool-uid',
  };
  return {
    namespace: 'default',
    space,
    own,
    poolRef,
    labels: { 'metaipam.io/pool': 'InClusterIPPool.pool' },
  };
}

const OWN = headOf({ name: 'pool', marker: '' });
const SHARED = headOf({ name: 'lab', marker: 'shared' });
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

interface Scene {
  head: SliceHead;
  slices: AllocationSlice[];
  kept: Allocation[];
  added: { block: Prefix; entry: SliceEntry }[];
  bells: Set<string>;
}

/** Blocks of one size and family, dense enough to fill pieces; some are there, of which some go, others come. */
const SCENE: fc.Arbitrary<Scene> = fc
  .record({
    family: fc.constantFrom(4 as const, 6 as const),
    /** 0 for addresses. */
    shorter: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 128 })),
    isShared: fc.boolean(),
    before: fc.uniqueArray(fc.integer({ min: 0, max: 150 }), { maxLength: 80 }),
    after: fc.uniqueArray(fc.integer({ min: 0, max: 150 }), { maxLength: 80 }),
    bells: fc.array(fc.integer({ min: 0, max: 150 }).map((n) => `uid-${n}`)),
  })
  .map(({ family, shorter, isShared, before, after, bells }) => {
    const length = FAMILY_BITS[family] - (shorter % (FAMILY_BITS[family] + 1));
    const head = isShared ? SHARED : OWN;
    const blocks = (numbers: number[]) => [
      ...new Map(
        numbers.map((n) => {
          const block = blockAt(family, length, n);
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
  'a slice lists 32 blocks at most, all of its piece, under canonical keys',
  ({ head, slices, ...rest }) => {
    const released = allocationsOf(slices).map(({ slice }) => slice);
    assert.ok(released.every(({ spec }) => Object.keys(spec.entries ?? {}).length <= 32));
    for (const slice of desiredSlices(
      head,
      [],
      plan({ added: [...rest.added, ...rest.kept] }),
    ) as AllocationSlice[]) {
      assert.equal(admission.validate!(slice as object as Unstructured, undefined), []);
      const piece = pieceOfSlice(slice)!;
      for (const { block, key } of allocationsOf([slice])) {
        assert.ok(covers(piece, block));
        assert.is(keyOf(block), key);
        assert.equal(pieceOf(head.space, block), piece);
      }
      const { blockLength } = slice.spec;
      assert.equal(pieceOfName(slice.metadata.name), {
        piece,
        ...(blockLength !== undefined && { blockLength }),
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
    assert.is(pieceOfSlice(slice), undefined);
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
