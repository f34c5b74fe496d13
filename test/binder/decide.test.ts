import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { UsedRanges } from '../../lib/address/blocks.ts';
import { parsePrefix } from '../../lib/address/range.ts';
import { decideBindings } from '../../lib/binder/decide.ts';
import type { IPAllocation } from '../../lib/kubernetes/types.ts';
import { allocation } from '../pod-network/objects.ts';
import { node } from './objects.ts';

const NONE = new Map<string, readonly string[]>();

/** Node name → what it is to get, or why it gets nothing. */
function decide(...args: Parameters<typeof decideBindings>): Record<string, string> {
  return Object.fromEntries(
    decideBindings(...args).map((each) => [each.node.metadata.name, each.refusal ?? each.podCIDRs.join()]),
  );
}

test('a node gets the blocks of its decision, in their order', () => {
  const blocks = ['10.0.0.0/24', 'fd00::/120'];
  const allocations = [allocation('n', 'fd00::/120', { blocks }), allocation('n', '10.0.0.0/24', { blocks })];
  assert.equal(decide([node('n')], allocations, NONE), { n: '10.0.0.0/24,fd00::/120' });
});

test('a decision that lacks the allocation of a block waits', () => {
  const blocks = ['10.0.0.0/24', 'fd00::/120'];
  const half = allocation('n', '10.0.0.0/24', { blocks });
  assert.equal(decide([node('n')], [half], NONE), {});
  const copy = { ...half, metadata: { ...half.metadata, name: 'copied-by-hand', uid: 'other' } };
  assert.equal(decide([node('n')], [half, copy], NONE), {});
});

test('the oldest decision counts, by resourceVersion as a number', () => {
  const older = allocation('n', '10.0.9.0/24', { version: '99' });
  const newer = allocation('n', '10.0.1.0/24', { version: '100' });
  assert.equal(decide([node('n')], [newer, older], NONE), { n: '10.0.9.0/24' });
});

test('while the oldest decision is incomplete, a newer complete one waits, and lends it no block', () => {
  const first = allocation('n', '10.0.0.0/24', { blocks: ['10.0.0.0/24', 'fd00::/120'], version: '30' });
  const second = ['10.0.1.0/24', 'fd00::/120'];
  const complete = second.map((cidr, index) =>
    allocation('n', cidr, { blocks: second, version: `${40 + index}` }),
  );
  assert.equal(decide([node('n')], [first, ...complete], NONE), {});
  assert.equal(decide([node('n')], complete, NONE), { n: '10.0.1.0/24,fd00::/120' });
});

const overlaps: [what: string, taken: string][] = [
  ['the same', '10.0.3.0/24'],
  ['a larger', '10.0.0.0/16'],
  ['a smaller', '10.0.3.128/25'],
  ['one with host bits', '10.0.3.7/24'],
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
    allocation('a', '10.0.0.0/23', { version: '41' }),
    allocation('b', '10.0.1.0/24', { version: '40' }),
  ];
  assert.equal(decide([node('a'), node('b')], allocations, NONE), {
    b: '10.0.1.0/24',
    a: '10.0.0.0/23 overlaps the podCIDRs of another node',
  });
});

test('a refused decision takes nothing from others', () => {
  const blocks = ['10.0.0.0/24', 'fd00::/120'];
  const allocations = [
    ...blocks.map((cidr) => allocation('a', cidr, { blocks, version: '40' })),
    allocation('b', 'fd00::/121', { version: '41' }),
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

test('an allocation that is being deleted is none', () => {
  const one = allocation('n', '10.0.3.0/24');
  const going = { ...one, metadata: { ...one.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } };
  assert.equal(decide([node('n')], [going], NONE), {});
});

const malformed: [what: string, spec: object][] = [
  ['no spec to speak of', {}],
  ['a refusal', { refusal: { reason: 'PoolExhausted', message: '' } }],
  ['a block that is no CIDR', { cidr: 'x', blocks: ['x'] }],
  ['another block that is no CIDR', { cidr: '10.0.3.0/24', blocks: ['10.0.3.0/24', 'x'] }],
  ['blocks without its own', { cidr: '10.0.3.0/24', blocks: ['10.0.4.0/24'] }],
  ['no blocks', { cidr: '10.0.3.0/24' }],
  ['blocks that are no list', { cidr: '10.0.3.0/24', blocks: '10.0.3.0/24' }],
];
for (const [what, spec] of malformed) {
  test(`malformed, binds nothing and harms no other: ${what}`, () => {
    const { poolRef, claimRef } = allocation('n', '10.0.3.0/24').spec;
    const bad = { ...allocation('n', '10.0.3.0/24'), spec: { poolRef, claimRef, ...spec } } as IPAllocation;
    assert.equal(decide([node('n'), node('m')], [bad, allocation('m', '10.0.5.0/24')], NONE), {
      m: '10.0.5.0/24',
    });
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
          allocation(`n${index}`, text, { version: `${position}` }),
        );
        const old = taken.map((text, index) => node(`old${index}`, [text]));
        const used = new UsedRanges(taken.map((text) => parsePrefix(text)!));
        for (const { podCIDRs, refusal } of decideBindings([...old, ...nodes], allocations, NONE)) {
          const range = parsePrefix(podCIDRs[0]!)!;
          assert.is(used.overlaps(range), refusal !== undefined);
          if (refusal === undefined) used.add(range);
        }
      },
    ),
  );
});

test.run();
