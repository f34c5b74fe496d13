import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { UsedRanges } from '../../lib/address/blocks.ts';
import { parsePrefix } from '../../lib/address/range.ts';
import { decideBindings } from '../../lib/binder/decide.ts';
import type { AllocationSlice } from '../../lib/kubernetes/types.ts';
import { allocation, type Given, slicesOf } from '../pod-network/objects.ts';
import { node } from './objects.ts';

const VALID = allocation('n', '10.0.3.0/24').entry;
const NONE = new Map<string, readonly string[]>();

/** Node name → what it is to get, or why it gets nothing. */
function decide(
  nodes: Parameters<typeof decideBindings>[0],
  given: readonly Given[] | readonly AllocationSlice[],
  written: Parameters<typeof decideBindings>[2],
): Record<string, string> {
  const slices = given.flatMap((each) => ('key' in each ? [] : each));
  const made = slicesOf(given.flatMap((each) => ('key' in each ? each : [])));
  return Object.fromEntries(
    decideBindings(nodes, [...slices, ...made], written).map((each) => [
      each.node.metadata.name,
      each.refusal ?? each.podCIDRs.join(),
    ]),
  );
}

test('a node gets the blocks of its decision, in their order', () => {
  const blocks = ['10.0.0.0/24', 'fd00::/120'];
  const allocations = [allocation('n', 'fd00::/120', { blocks }), allocation('n', '10.0.0.0/24', { blocks })];
  assert.equal(decide([node('n')], allocations, NONE), { n: '10.0.0.0/24,fd00::/120' });
});

test('a decision that lacks the entry of a block waits', () => {
  const blocks = ['10.0.0.0/24', 'fd00::/120'];
  const half = allocation('n', '10.0.0.0/24', { blocks });
  assert.equal(decide([node('n')], [half], NONE), {});
  const others = allocation('m', 'fd00::/120', { blocks });
  assert.equal(decide([node('n')], [half, others], NONE), {});
});

test('a node gets its blocks in the order of the decision, IPv6 first where it says so', () => {
  const blocks = ['fd00::/120', '10.0.0.0/24'];
  const allocations = blocks.map((cidr) => allocation('n', cidr, { blocks }));
  assert.equal(decide([node('n')], allocations, NONE), { n: 'fd00::/120,10.0.0.0/24' });
});

test('of two decisions the complete one counts, else the older, else the lower', () => {
  const one = (cidr: string, since: string) => allocation('n', cidr, { since });
  const [early, late] = ['2026-05-01T00:00:01Z', '2026-05-01T00:00:02Z'];
  assert.equal(decide([node('n')], [one('10.0.1.0/24', late), one('10.0.9.0/24', early)], NONE), {
    n: '10.0.9.0/24',
  });
  assert.equal(decide([node('n')], [one('10.0.10.0/24', early), one('10.0.9.0/24', early)], NONE), {
    n: '10.0.9.0/24',
  });
  const half = allocation('n', '10.0.0.0/24', { blocks: ['10.0.0.0/24', 'fd00::/120'], since: early });
  assert.equal(decide([node('n')], [half, one('10.0.9.0/24', late)], NONE), { n: '10.0.9.0/24' });
});

test('of two decisions made at once the one with the lower IPv4 block counts, however slices are ordered', () => {
  const [lower, higher] = [
    ['10.0.0.0/24', 'fd00::200/120'],
    ['10.0.1.0/24', 'fd00::100/120'],
  ] as const;
  const given = [lower, higher].flatMap((pair) =>
    pair.map((cidr) => allocation('n', cidr, { blocks: [...pair] })),
  );
  for (const slices of [slicesOf(given), slicesOf(given).toReversed()]) {
    assert.equal(decide([node('n')], slices, NONE), { n: lower.join() });
  }
});

test('a decision is as old as its oldest entry', () => {
  const [ours, others] = [
    ['10.0.1.0/24', 'fd00::100/120'],
    ['10.0.0.0/24', 'fd00::/120'],
  ] as const;
  const given = [
    allocation('n', ours[0], { blocks: [...ours], since: '2026-05-01T00:00:09Z' }),
    allocation('n', ours[1], { blocks: [...ours], since: '2026-05-01T00:00:02Z' }),
    ...others.map((cidr) => allocation('n', cidr, { blocks: [...others], since: '2026-05-01T00:00:05Z' })),
  ];
  assert.equal(decide([node('n')], given, NONE), { n: ours.join() });
});

test('an entry that does not say with which others it was given was given alone; one address is a block too', () => {
  const [{ spec, ...slice }] = slicesOf([allocation('n', '10.0.3.0/24')]) as [AllocationSlice];
  const { blocks: _, ...entry } = VALID;
  const bare = { ...slice, spec: { ...spec, entries: { '10.0.3.0/24': entry } } };
  assert.equal(decide([node('n')], [bare], NONE), { n: '10.0.3.0/24' });
  const entries = { '10.0.0.7': { ...entry, blocks: ['10.0.0.7/32'] } };
  assert.equal(decide([node('n')], [{ ...slice, spec: { ...spec, entries } }], NONE), { n: '10.0.0.7/32' });
});

test('what is released is given to nobody', () => {
  const released = '2026-06-01T12:00:00Z';
  assert.equal(decide([node('n')], [allocation('n', '10.0.3.0/24', { released })], NONE), {});
  const blocks = ['10.0.0.0/24', 'fd00::/120'];
  const half = [
    allocation('n', '10.0.0.0/24', { blocks }),
    allocation('n', 'fd00::/120', { blocks, released }),
  ];
  assert.equal(decide([node('n')], half, NONE), {});
});

const overlaps: [what: string, taken: string][] = [
  ['the same', '10.0.3.0/24'],
  ['a larger', '10.0.0.0/16'],
  ['a smaller', '10.0.3.128/25'],
  ['one with host bits', '10.0.3.7/24'],
  ['one with leading zeros', '010.000.03.0/024'],
  ['an IPv4-mapped', '::ffff:10.0.3.0/120'],
];
for (const [what, taken] of overlaps) {
  test(`F16 refused: ${what} block is on another node`, () => {
    const nodes = [node('old', [taken]), node('n')];
    assert.equal(decide(nodes, [allocation('n', '10.0.3.0/24')], NONE), {
      n: '10.0.3.0/24 overlaps the podCIDRs of another node',
    });
  });
}

test('the refusal names only the blocks that overlap', () => {
  const blocks = ['10.0.0.0/24', 'fd00::/120'];
  const allocations = blocks.map((cidr) => allocation('n', cidr, { blocks }));
  assert.equal(decide([node('old', ['fd00::/112']), node('n')], allocations, NONE), {
    n: 'fd00::/120 overlaps the podCIDRs of another node',
  });
});

test('F16 refused: the block is on a node that has only podCIDR', () => {
  const old = { ...node('old'), spec: { podCIDR: '10.0.3.0/24', podCIDRs: null as never } };
  assert.match(decide([old, node('n')], [allocation('n', '10.0.3.0/24')], NONE).n!, 'overlaps');
});

test('a terminating node’s podCIDRs are still its own', () => {
  const nodes = [node('old', ['10.0.3.0/24'], { deletionTimestamp: '2026-01-01T00:00:00Z' }), node('n')];
  assert.match(decide(nodes, [allocation('n', '10.0.3.0/24')], NONE).n!, 'overlaps');
});

test('refused: what this process sent to another node, seen or not', () => {
  const written = new Map([['uid-gone-or-not-yet-seen', ['10.0.3.0/24']]]);
  assert.match(decide([node('n')], [allocation('n', '10.0.3.0/24')], written).n!, 'overlaps');
});

test('a node that was sent something is left alone', () => {
  const written = new Map([['uid-n', ['10.0.9.0/24']]]);
  assert.equal(decide([node('n')], [allocation('n', '10.0.3.0/24')], written), {});
});

test('of two nodes whose blocks overlap the older decision wins', () => {
  const allocations = [
    allocation('a', '10.0.0.0/23', { since: '2026-05-01T00:00:41Z' }),
    allocation('b', '10.0.1.0/24', { since: '2026-05-01T00:00:40Z' }),
  ];
  assert.equal(decide([node('a'), node('b')], allocations, NONE), {
    b: '10.0.1.0/24',
    a: '10.0.0.0/23 overlaps the podCIDRs of another node',
  });
});

test('a refused decision takes nothing from others', () => {
  const blocks = ['10.0.0.0/24', 'fd00::/120'];
  const allocations = [
    ...blocks.map((cidr) => allocation('a', cidr, { blocks, since: '2026-05-01T00:00:40Z' })),
    allocation('b', 'fd00::/121', { since: '2026-05-01T00:00:41Z' }),
  ];
  const bindings = decide([node('old', ['10.0.0.0/16']), node('a'), node('b')], allocations, NONE);
  assert.is(bindings.b, 'fd00::/121');
});

test('nobody decides for a terminating node, for one with podCIDRs, or for a namesake', () => {
  const terminating = node('n', undefined, { deletionTimestamp: '2026-01-01T00:00:00Z' });
  const namesake = node('n', undefined, { uid: 'another' });
  const allocations = [allocation('n', '10.0.3.0/24')];
  assert.equal(decide([terminating], allocations, NONE), {});
  assert.equal(decide([node('n', ['10.0.9.0/24'])], allocations, NONE), {});
  assert.equal(decide([namesake], allocations, NONE), {});
});

test('a slice that is being deleted decides nothing', () => {
  const going = slicesOf([allocation('n', '10.0.3.0/24')], { deletionTimestamp: '2026-01-01T00:00:00Z' });
  assert.equal(decide([node('n')], going, NONE), {});
});

const malformed: [what: string, entries: object | undefined][] = [
  ['no entries', undefined],
  ['no entry to speak of', { '10.0.3.0/24': {} }],
  ['a null', { '10.0.3.0/24': null }],
  ['a block that is no CIDR', { x: { ...VALID, blocks: ['x'] } }],
  ['another block that is no CIDR', { '10.0.3.0/24': { ...VALID, blocks: ['10.0.3.0/24', 'x'] } }],
];
for (const [what, entries] of malformed) {
  test(`malformed, binds nothing and harms no other: ${what}`, () => {
    const [good] = slicesOf([allocation('n', '10.0.3.0/24')]);
    const bad = { ...good!, spec: { ...good!.spec, entries } } as AllocationSlice;
    const given = [bad, ...slicesOf([allocation('m', '10.0.5.0/24')])];
    assert.equal(decide([node('n'), node('m')], given, NONE), { m: '10.0.5.0/24' });
  });
}

test('malformed podCIDRs of a node take nothing and break nothing', () => {
  const nodes = [node('old', ['nonsense']), { ...node('bare'), spec: {} }, node('n')];
  assert.equal(decide(nodes, [allocation('n', '10.0.3.0/24')], NONE), { n: '10.0.3.0/24' });
});

test('whatever the allocations say, no two nodes overlap', () => {
  const cidr = fc
    .tuple(fc.integer({ min: 22, max: 26 }), fc.nat(1023))
    .map(([length, offset]) => `10.0.${offset >> 8}.${offset & 255}/${length}`);
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(9), cidr), { maxLength: 20 }),
      fc.array(cidr, { maxLength: 3 }),
      (decisions, taken) => {
        const nodes = Array.from({ length: 10 }, (_, index) => node(`n${index}`));
        const allocations = decisions.map(([index, text], position) =>
          allocation(`n${index}`, text, { since: `2026-05-01T00:00:${10 + position}Z` }),
        );
        const old = taken.map((text, index) => node(`old${index}`, [text]));
        const used = new UsedRanges(taken.map((text) => parsePrefix(text)!));
        for (const { podCIDRs, refusal } of decideBindings([...old, ...nodes], slicesOf(allocations), NONE)) {
          const range = parsePrefix(podCIDRs[0]!)!;
          assert.is(used.overlaps(range), refusal !== undefined);
          if (refusal === undefined) used.add(range);
        }
      },
    ),
  );
});

test.run();
