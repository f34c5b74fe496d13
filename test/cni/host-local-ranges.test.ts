import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { formatAddress, parseAddress } from '../../lib/address/address.ts';
import { CniError } from '../../lib/cni/cni-error.ts';
import {
  checkSpace,
  corrected,
  type HostLocalRange,
  hostLocalRanges,
} from '../../lib/cni/host-local-ranges.ts';
import { nodeRanges } from '../../lib/cni/ranges.ts';

function rangesOf(value: string | object) {
  const annotation = typeof value === 'string' ? value : JSON.stringify({ ranges: [value] });
  const node = { name: 'n', podCIDRs: [], annotations: { a: annotation } };
  return hostLocalRanges(nodeRanges(node, 'a').subnets);
}

test('Plain subnets are as they are; several of a family are one list', () => {
  assert.equal(rangesOf('10.0.0.1/24').ranges, [[{ subnet: '10.0.0.1/24' }]]);
  assert.equal(rangesOf('FD00::/64,10.0.0.0/24,10.0.9.0/26').ranges, [
    [{ subnet: 'FD00::/64' }],
    [{ subnet: '10.0.0.0/24' }, { subnet: '10.0.9.0/26' }],
  ]);
  const flat = { subnet: '10.0.0.0/16', rangeStart: '10.0.3.7', rangeEnd: '10.0.3.9', gateway: '10.0.0.254' };
  assert.equal(rangesOf(flat).ranges, [[flat]]);
  assert.equal(rangesOf('10.0.0.0/30').corrections, []);
});

for (const [subnet, given, wanted] of [
  ['10.0.0.4/31', {}, ['10.0.0.4/30', '10.0.0.4', '10.0.0.5', '10.0.0.7']],
  ['10.0.0.6/31', {}, ['10.0.0.4/30', '10.0.0.6', '10.0.0.7', '10.0.0.4']],
  ['10.0.0.6/31', { gateway: '10.0.0.6' }, ['10.0.0.4/30', '10.0.0.7', '10.0.0.7', '10.0.0.4']],
  ['10.0.0.6/31', { gateway: '10.9.9.9' }, ['10.0.0.4/30', '10.0.0.6', '10.0.0.7', '10.0.0.4']],
  ['10.0.0.6/31', { exclude: ['10.0.0.7'] }, ['10.0.0.4/30', '10.0.0.6', '10.0.0.6', '10.0.0.4']],
  ['10.0.0.7/32', {}, ['10.0.0.4/30', '10.0.0.7', '10.0.0.7', '10.0.0.4']],
  ['fd00::2/127', {}, ['fd00::/126', 'fd00::2', 'fd00::3', 'fd00::']],
  ['::ffff:10.0.0.4/127', {}, ['10.0.0.4/30', '10.0.0.4', '10.0.0.5', '10.0.0.7']],
] as const) {
  test(`A subnet of a few addresses: ${subnet} ${JSON.stringify(given)}`, () => {
    const [wide, rangeStart, rangeEnd, gateway] = wanted;
    const { ranges, corrections } = rangesOf({ subnet, ...given });
    assert.equal(ranges, [[{ subnet: wide, rangeStart, rangeEnd, gateway }]]);
    const said = (prefix: string, gateway?: string) => [
      { ips: [{ address: `${rangeStart}/${prefix}`, gateway }], dns: {} },
      { ip4: { ip: `${rangeStart}/${prefix}`, gateway } },
    ];
    const own = 'gateway' in given ? given.gateway : undefined;
    const length = String(corrections[0]!.range.length);
    for (const [index, result] of said(wide.split('/')[1]!, gateway).entries()) {
      const found = JSON.parse(corrected('/host-local', JSON.stringify(result), corrections));
      assert.equal(found, JSON.parse(JSON.stringify(said(length, own)[index])));
    }
  });
}

test('What is no result is not made one', () => {
  const { corrections } = rangesOf('10.0.0.4/31');
  for (const text of ['{"ips":null}', '{"ips":[1,{"address":5},{}]}'])
    assert.equal(JSON.parse(corrected('/host-local', text, corrections)), JSON.parse(text));
  for (const text of ['', '\n', '[]', '{"half"'])
    assert.throws(() => corrected('/host-local', text, []), /Invoke host-local/, text);
  assert.is(corrected('/host-local', '{"as":  "it is"}', []), '{"as":  "it is"}');
});

/** Each address that host-local would give, by its own rules. */
function addressesOf(list: readonly HostLocalRange[]): string[] {
  const value = (text: string) => parseAddress(text)!.value;
  return list.flatMap(({ rangeStart, rangeEnd, gateway }) => {
    const found: string[] = [];
    for (let at = value(rangeStart!); at <= value(rangeEnd!); at++) {
      const text = formatAddress({ family: 4, value: at });
      if (text !== gateway) found.push(text);
    }
    return found;
  });
}

const host = fc.nat(63);
test('Of a /26, what is not excluded is given, and nothing else; it is full once all of that is taken', () => {
  const address = (value: number) => `10.0.0.${64 + value}`;
  fc.assert(
    fc.property(
      fc.array(fc.tuple(host, host), { minLength: 1, maxLength: 8 }),
      fc.option(host, { nil: undefined }),
      fc.tuple(host, host),
      fc.boolean(),
      (excluded, gateway, limits, isLimited) => {
        const [start, end] = isLimited ? [Math.min(...limits), Math.max(...limits)] : [1, 62];
        const isExcluded = (value: number) => excluded.some(([a, b]) => a! <= value && value <= b!);
        const wanted = Array.from({ length: 64 }, (_, value) => value).filter(
          (value) => start <= value && value <= end && !isExcluded(value) && value !== (gateway ?? 1),
        );
        const range = {
          subnet: '10.0.0.64/26',
          ...(isLimited && { rangeStart: address(start), rangeEnd: address(end) }),
          ...(gateway !== undefined && { gateway: address(gateway) }),
          exclude: excluded.filter(([a, b]) => a! <= b!).map(([a, b]) => `${address(a!)}-${address(b!)}`),
        };
        if (range.exclude.length === 0) return;
        let found: HostLocalRange[];
        try {
          found = [...rangesOf(range).ranges[0]!];
        } catch (error) {
          assert.match((error as CniError).details, 'is left for pods');
          assert.equal(wanted, []);
          return;
        }
        const given = addressesOf(found.map((piece) => ({ gateway: address(1), ...piece })));
        assert.equal(given, wanted.map(address));
        assert.ok(wanted.length > 0);
        const held = given.map((text) => parseAddress(text)!);
        const full = (taken: typeof held) => {
          try {
            checkSpace([found], [...taken, parseAddress('10.0.9.9')!]);
          } catch (error) {
            assert.is((error as CniError).code, 51);
            return true;
          }
          return false;
        };
        assert.ok(full(held));
        assert.not(full(held.slice(1)));
      },
    ),
  );
});

test('A block of which exclusions leave nothing does not keep pods from what another has', () => {
  const gone = { subnet: '10.0.0.0/28', exclude: ['10.0.0.2-10.0.0.14'] };
  const rangesIn = (...ranges: (string | object)[]) => {
    const annotations = { a: JSON.stringify({ ranges }) };
    return hostLocalRanges(nodeRanges({ name: 'n', podCIDRs: [], annotations }, 'a').subnets).ranges;
  };
  assert.equal(rangesIn(gone, '10.0.1.0/28', 'fd00::/64'), [
    [{ subnet: '10.0.1.0/28' }],
    [{ subnet: 'fd00::/64' }],
  ]);
  assert.throws(
    () => rangesIn('fd00::/64', gone, { subnet: '10.0.1.0/31', exclude: ['10.0.1.0/31'] }),
    (error: CniError) => error.details === 'no address of 10.0.0.0/28,10.0.1.0/31 is left for pods',
  );
});

test('Space is there until one list has none; what host-local would refuse is not looked at', () => {
  const held = ['10.0.0.2', '10.0.1.2', 'fd00::2'].map((text) => parseAddress(text)!);
  const code = (ranges: unknown) => {
    try {
      checkSpace(ranges, held);
    } catch (error) {
      return error instanceof CniError && error.code;
    }
  };
  assert.is(code([[{ subnet: '10.0.0.0/30' }]]), 51);
  assert.is(code([[{ subnet: '10.0.0.0/30' }, { subnet: '10.0.1.0/30' }]]), 51);
  assert.is(code([[{ subnet: '10.0.0.0/30' }, { subnet: '10.0.2.0/30' }]]), undefined);
  assert.is(code([[{ subnet: 'fd00::/64' }], [{ subnet: '10.0.0.0/30' }]]), 51);
  assert.is(code([[{ subnet: '::ffff:10.0.0.0/126' }]]), 51);
  assert.is(code([[{ subnet: 'fd00::/64' }]]), undefined);
  for (const ranges of [undefined, {}, [{}], [[1]], [[{ subnet: 5 }]], [[{ subnet: 'x' }]], [['x']]])
    assert.is(code(ranges), undefined, JSON.stringify(ranges));
});

test.run();
