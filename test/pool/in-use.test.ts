import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { formatRange, type Prefix, parsePrefix, parseRange } from '../../lib/address/range.ts';
import { BlocksInUse } from '../../lib/pool/in-use.ts';

const prefix = (text: string) => parsePrefix(text) as Prefix;

const HOLDERS: [held: string, block: string, isHeld: boolean][] = [
  ['fd00:0:0:2::/64', 'fd00:0:0:2::/64', true],
  ['fd00:0:0:2::/64', 'fd00:0:0:3::/64', false],
  ['fd00:0:0:2::/63', 'fd00:0:0:3::/64', true],
  ['fd00:0:0:2::/63', 'fd00:0:0:1::/64', false],
  ['fd00:0:0:2::/63', 'fd00:0:0:4::/64', false],
  ['fd00:0:0:2::/128', 'fd00:0:0:2::/64', true],
  ['fd00:0:0:2:8000::/128', 'fd00:0:0:2::/64', true],
  ['fd00:0:0:2:ffff:ffff:ffff:ffff/128', 'fd00:0:0:2::/64', true],
  ['fd00:0:0:1:ffff:ffff:ffff:ffff/128', 'fd00:0:0:2::/64', false],
  ['fd00:0:0:3::/128', 'fd00:0:0:2::/64', false],
  ['10.0.0.0/24', 'a00::/24', false],
];
for (const [held, block, isHeld] of HOLDERS) {
  test(`${held} has ${isHeld ? 'a part' : 'nothing'} of ${block}`, () => {
    const inUse = new BlocksInUse();
    inUse.add(prefix(held), 'a');
    assert.is(inUse.holderOf(prefix(block)), isHeld ? 'a' : undefined);
  });
}

test('who is there first stays, and counts once', () => {
  const inUse = new BlocksInUse();
  inUse.add(prefix('10.0.0.1/32'), 'a');
  inUse.add(prefix('10.0.0.1/32'), 'b');
  inUse.addForeign(prefix('10.0.0.1/32'), 'c');
  inUse.addForeign(prefix('10.0.0.3/32'), 'd');
  inUse.block(parseRange('10.0.0.8-10.0.0.9')!, 'a slice');
  assert.equal(inUse.own, [prefix('10.0.0.1/32')]);
  assert.equal(
    ['10.0.0.1/32', '10.0.0.3/32', '10.0.0.9/32', '10.0.0.7/32'].map((text) => inUse.holderOf(prefix(text))),
    ['a', 'd', 'a slice', undefined],
  );
  assert.equal(inUse.toSet().ranges.map(formatRange), ['10.0.0.1', '10.0.0.3', '10.0.0.8-10.0.0.9']);
});

test.run();
