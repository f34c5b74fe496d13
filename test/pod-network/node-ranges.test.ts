import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseAddress } from '../../lib/address/address.ts';
import {
  asBlock,
  covers,
  formatBlock,
  formatPrefix,
  parsePrefix,
  prefixOf,
} from '../../lib/address/range.ts';
import { nodeRanges } from '../../lib/cni/ranges.ts';
import type { PodNetworkSpec } from '../../lib/kubernetes/types.ts';
import {
  NodeRanges,
  type RangeSettings,
  rangeSettings,
  rangeSettingsText,
  shownBlocks,
  showsBlocks,
  validateRangeSettings,
} from '../../lib/pod-network/node-ranges.ts';
import { podAddresses } from '../../lib/pod-network/pod-addresses.ts';

const LAN: RangeSettings = {
  subnets: [{ cidr: '192.168.0.0/16', gateway: '192.168.255.254' }, { cidr: 'fd00:7::/64' }],
};
const CASES: [title: string, settings: RangeSettings, blocks: string[], expected: string | object][] = [
  ['nothing to say', {}, ['10.0.0.0/24', 'fd00::/120'], '10.0.0.0/24,fd00::/120'],
  ['empty lists', { subnets: [], routes: [] }, ['10.0.0.0/24'], '10.0.0.0/24'],
  [
    'nothing to say of these blocks',
    { ...LAN, excludedAddresses: ['10.9.0.0'] },
    ['10.0.0.0/24'],
    '10.0.0.0/24',
  ],
  [
    'a part of a subnet',
    LAN,
    ['192.168.7.0/26', 'fd00:7::40/122'],
    {
      ranges: [
        {
          subnet: '192.168.0.0/16',
          rangeStart: '192.168.7.0',
          rangeEnd: '192.168.7.63',
          gateway: '192.168.255.254',
        },
        { subnet: 'fd00:7::/64', rangeStart: 'fd00:7::40', rangeEnd: 'fd00:7::7f' },
      ],
    },
  ],
  [
    'the ends of a subnet, which it keeps for itself',
    { subnets: [{ cidr: '192.168.0.0/24' }, { cidr: 'fd00::/64' }] },
    ['192.168.0.0/25', '192.168.0.128/25', 'fd00::/65', 'fd00::8000:0:0:0/65'],
    {
      ranges: [
        {
          subnet: '192.168.0.0/24',
          rangeStart: '192.168.0.0',
          rangeEnd: '192.168.0.127',
          exclude: ['192.168.0.0'],
        },
        {
          subnet: '192.168.0.0/24',
          rangeStart: '192.168.0.128',
          rangeEnd: '192.168.0.255',
          exclude: ['192.168.0.255'],
        },
        {
          subnet: 'fd00::/64',
          rangeStart: 'fd00::',
          rangeEnd: 'fd00::7fff:ffff:ffff:ffff',
          exclude: ['fd00::'],
        },
        {
          subnet: 'fd00::/64',
          rangeStart: 'fd00::8000:0:0:0',
          rangeEnd: 'fd00::ffff:ffff:ffff:ffff',
        },
      ],
    },
  ],
  [
    'a subnet of one block',
    { subnets: [{ cidr: '10.0.0.0/24', gateway: '10.0.0.9' }] },
    ['10.0.0.0/24'],
    { ranges: [{ subnet: '10.0.0.0/24', gateway: '10.0.0.9' }] },
  ],
  [
    'the gateway of a point-to-point link',
    { gatewayIndex: 0 },
    ['10.0.0.2/31', 'fd00::2/127'],
    {
      ranges: [
        { subnet: '10.0.0.2/31', gateway: '10.0.0.2' },
        { subnet: 'fd00::2/127', gateway: 'fd00::2' },
      ],
    },
  ],
  [
    'a gateway from the end',
    { gatewayIndex: -2 },
    ['10.0.0.0/24'],
    { ranges: [{ subnet: '10.0.0.0/24', gateway: '10.0.0.254' }] },
  ],
  ['a gateway beyond the block', { gatewayIndex: 256 }, ['10.0.0.0/24'], '10.0.0.0/24'],
  [
    'exclusions',
    {
      excludedAddresses: ['10.0.0.200-10.0.1.3', '10.0.0.64/30', 'fd00::5'],
      perNodeExclusions: [
        { startIndex: 0, endIndex: 9 },
        { startIndex: -1, endIndex: -1 },
        { startIndex: 300, endIndex: 400 },
      ],
    },
    ['10.0.0.0/24', 'fd00::/120'],
    {
      ranges: [
        {
          subnet: '10.0.0.0/24',
          exclude: ['10.0.0.0-10.0.0.9', '10.0.0.64-10.0.0.67', '10.0.0.200-10.0.0.255'],
        },
        { subnet: 'fd00::/120', exclude: ['fd00::-fd00::9', 'fd00::ff'] },
      ],
    },
  ],
  [
    'routes of the families that the node has',
    { routes: [{ dst: '0.0.0.0/0' }, { dst: '10.96.0.0/12', gw: '10.0.0.9' }, { dst: '::/0' }] },
    ['10.0.0.0/24'],
    { ranges: ['10.0.0.0/24'], routes: [{ dst: '0.0.0.0/0' }, { dst: '10.96.0.0/12', gw: '10.0.0.9' }] },
  ],
  [
    'a block that is no CIDR is a part of its subnet, without the addresses that the subnet keeps for itself',
    { subnets: [{ cidr: '10.0.0.0/24', gateway: '10.0.0.9' }, { cidr: 'fd00:7::/64' }] },
    ['10.0.0.200-10.0.0.255', 'fd00:7::-fd00:7::31'],
    {
      ranges: [
        {
          subnet: '10.0.0.0/24',
          rangeStart: '10.0.0.200',
          rangeEnd: '10.0.0.255',
          gateway: '10.0.0.9',
          exclude: ['10.0.0.255'],
        },
        { subnet: 'fd00:7::/64', rangeStart: 'fd00:7::', rangeEnd: 'fd00:7::31', exclude: ['fd00:7::'] },
      ],
    },
  ],
  [
    'a range in no subnet is of the smallest that has it',
    {},
    ['10.0.0.150-10.0.0.199'],
    { ranges: [{ subnet: '10.0.0.128/25', rangeStart: '10.0.0.150', rangeEnd: '10.0.0.199' }] },
  ],
  [
    'places in a range count from its ends',
    {
      subnets: [{ cidr: '10.0.0.0/24' }],
      excludedAddresses: ['10.0.0.90-10.0.0.120'],
      perNodeExclusions: [
        { startIndex: 0, endIndex: 1 },
        { startIndex: -1, endIndex: -1 },
      ],
    },
    ['10.0.0.50-10.0.0.99'],
    {
      ranges: [
        {
          subnet: '10.0.0.0/24',
          rangeStart: '10.0.0.50',
          rangeEnd: '10.0.0.99',
          exclude: ['10.0.0.50-10.0.0.51', '10.0.0.90-10.0.0.99'],
        },
      ],
    },
  ],
];
for (const [title, settings, blocks, expected] of CASES) {
  test(title, () => {
    const text = new NodeRanges(settings).annotation(blocks);
    assert.equal(typeof expected === 'string' ? text : JSON.parse(text), expected);
    assert.ok(showsBlocks(text, blocks));
  });
}

for (const text of [
  '',
  ' 10.0.0.0/24',
  '10.0.0.1/24',
  '10.0.0.0/24,',
  '{}',
  '{"ranges":[]}',
  '{"ranges":[7]}',
  '{"ranges":[{"subnet":"10.0.0.0/24","rangeStart":"10.0.0.0"}]}',
  '{"ranges":[{"subnet":"10.0.0.0/24","rangeStart":"10.0.0.2","rangeEnd":"10.0.0.1"}]}',
  '{"ranges":[{"subnet":"10.0.0.1/24"}]}',
]) {
  test(`what no network writes shows no blocks: ${text}`, () => {
    assert.is(shownBlocks(text), undefined);
  });
}

const arbitraryBlock = fc
  .record({
    family: fc.constantFrom(4 as const, 6 as const),
    seed: fc.bigInt(0n, 2n ** 16n - 1n),
    bits: fc.nat(8),
  })
  .map(({ family, seed, bits }) => {
    const base = family === 4 ? 0x0a000000n : 0xfd00n << 112n;
    return prefixOf({ family, value: base + seed }, (family === 4 ? 32 : 128) - bits);
  });
const index = fc.integer({ min: -300, max: 300 });
const address = fc.tuple(fc.nat(255), fc.nat(255)).map(([a, b]) => `10.0.${a}.${b}`);
const arbitrarySettings: fc.Arbitrary<RangeSettings> = fc.record(
  {
    subnets: fc.array(
      fc.constantFrom(
        { cidr: '10.0.0.0/16', gateway: '10.0.255.254' },
        { cidr: '10.0.0.0/24' },
        { cidr: '10.0.4.4/31', gateway: '10.0.4.5' },
        { cidr: 'fd00::/64', gateway: 'fd00::1' },
        { cidr: 'fd00::/120' },
      ),
    ),
    gatewayIndex: index,
    routes: fc.array(fc.constantFrom({ dst: '0.0.0.0/0' }, { dst: '::/0', gw: 'fd00::1' })),
    excludedAddresses: fc.array(fc.oneof(address, fc.constantFrom('fd00::/121', '10.0.3.0-10.0.4.4'))),
    perNodeExclusions: fc.array(
      fc.tuple(index, index).map(([a, b]) => ({
        startIndex: a < 0 === b < 0 ? Math.min(a, b) : a,
        endIndex: a < 0 === b < 0 ? Math.max(a, b) : b,
      })),
    ),
  },
  { requiredKeys: [] },
);

test('the plugin reads whatever a network writes, and the blocks are found again in it', () => {
  fc.assert(
    fc.property(
      fc.array(arbitraryBlock, { minLength: 1, maxLength: 4 }),
      arbitrarySettings,
      (own, settings) => {
        const blocks = own.map(formatPrefix);
        assert.equal(validateRangeSettings(settings), []);
        const text = rangeSettingsText({
          target: 'node.metadata.annotations',
          ...settings,
        } as PodNetworkSpec);
        const annotation = NodeRanges.parse(text)!.annotation(blocks);
        assert.ok(showsBlocks(annotation, blocks));
        const { subnets } = nodeRanges({ name: 'n', podCIDRs: [], annotations: { a: annotation } }, 'a');
        for (const [place, { prefix, rangeStart, rangeEnd }] of subnets.entries()) {
          assert.ok(covers(prefix, own[place]!));
          const ends = [rangeStart, rangeEnd].map((end) => parseAddress(end ?? '')?.value);
          const { first, last } = own[place]!;
          if (rangeStart === undefined) assert.is(formatPrefix(prefix), blocks[place]);
          else assert.equal(ends, [first, last]);
        }
      },
    ),
  );
});

test('blocks without an address for pods are those of which the plugin would find none', () => {
  const range = fc.constantFrom('10.0.0.0/26', '10.0.3.192/26', '10.0.4.0/27', 'fd00::/122', '10.1.0.0/28');
  const size = fc.constantFrom(1, 2, 3, 4, 5, 8, 10, 16);
  fc.assert(
    fc.property(range, size, arbitrarySettings, fc.boolean(), (text, size, settings, isShared) => {
      const pool = parsePrefix(text)!;
      const isCIDR = (size & (size - 1)) === 0;
      const shared = isShared || !isCIDR ? [pool] : [];
      const ranges = new NodeRanges(rangeSettings(settings as PodNetworkSpec, shared));
      const unusable = ranges.unusable(pool, BigInt(size));
      for (let first = pool.first; first + BigInt(size) - 1n <= pool.last; first += BigInt(size)) {
        const block = asBlock({ family: pool.family, first, last: first + BigInt(size) - 1n });
        const annotation = ranges.annotation([formatBlock(block)]);
        const [subnet] = nodeRanges({ name: 'n', podCIDRs: [], annotations: { a: annotation } }, 'a').subnets;
        const isEmpty = podAddresses(subnet!).isEmpty;
        assert.is(unusable.covers(block), isEmpty, `${annotation} of ${JSON.stringify(settings)}`);
        assert.is(unusable.overlaps(block), isEmpty);
        assert.is(ranges.hasAddresses(block), !isEmpty);
      }
    }),
    { numRuns: 500 },
  );
});

test('settings that somebody has edited are none', () => {
  for (const text of ['', '{', 'null', '[]', '{"subnets":7}', '{"routes":[{"dst":"10.0.0.1"}]}']) {
    assert.is(NodeRanges.parse(text), undefined);
  }
  assert.is(rangeSettingsText({ gatewayIndex: 0.5 }), undefined);
});

test.run();
