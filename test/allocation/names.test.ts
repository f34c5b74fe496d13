import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Address, FAMILY_BITS, parseAddress } from '../../lib/address/address.ts';
import { type Prefix, parsePrefix, prefixOf } from '../../lib/address/range.ts';
import {
  type AddressSpace,
  answersName,
  type BlockShape,
  labelKeysName,
  pieceOfName,
  sliceName,
} from '../../lib/allocation/names.ts';

const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

function assertLegal(name: string): void {
  assert.ok(name.length <= 253, `${name.length} characters: ${name}`);
  assert.match(name, SUBDOMAIN);
}

function named(name: string, marker: AddressSpace['marker'], piece: string, shape?: BlockShape): string {
  return sliceName({ name, marker }, parsePrefix(piece)!, shape);
}

test('the name of a slice is its space, its piece and the size of its blocks', () => {
  assert.is(named('pool-a', '', '10.0.0.0/26'), 'pool-a.10.0.0.0-26');
  assert.is(named('pool-a', '', 'fd00::/122'), 'pool-a.fd00-0-0-0-0-0-0-0-122');
  assert.is(named('pool-a', '', '::/122'), 'pool-a.0-0-0-0-0-0-0-0-122');
  assert.is(named('pool-a', '', '::ffff:1.2.3.4/128'), 'pool-a.0-0-0-0-0-ffff-102-304-128');
  assert.is(named('edge', 'global', '10.0.0.0/26'), 'edge.10.0.0.0-26.global');
  assert.is(named('lab', 'shared', 'fd00::7/128'), 'lab.fd00-0-0-0-0-0-0-7-128.shared');
  assert.is(named('default', '', '10.244.0.0/18', { blockLength: 24 }), 'default.10.244.0.0-18.24');
  assert.is(named('default', '', 'fd00::/58', { blockLength: 64 }), 'default.fd00-0-0-0-0-0-0-0-58.64');
  assert.is(named('default', '', '0.0.0.0/0', { blockLength: 0 }), 'default.0.0.0.0-0.0');
  assert.is(named('flat', '', '10.0.0.0/21', { blockSize: 50 }), 'flat.10.0.0.0-21.by50');
  assert.is(answersName({ name: 'pool-a', marker: '' }, 0), 'pool-a.answers-0');
  assert.is(answersName({ name: 'pool-a', marker: 'global' }, 12), 'pool-a.answers-12.global');
  assert.is(labelKeysName({ name: 'default', marker: 'network' }, 0), 'default.label-keys-0.network');
});

const HIGHEST = 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128';

test('a name of 253 characters is shortened and stays legal', () => {
  const longest = 'a'.repeat(253);
  const name = named(longest, 'shared', HIGHEST, { blockLength: 128 });
  assertLegal(name);
  assert.is.not(name, named(`${'a'.repeat(252)}b`, 'shared', HIGHEST, { blockLength: 128 }));
});

test('a name of 180 characters is kept whole', () => {
  const name = 'a'.repeat(180);
  assert.is(named(name, '', '10.0.0.0/26'), `${name}.10.0.0.0-26`);
  assert.ok(named(`${name}a`, '', '10.0.0.0/26').endsWith('.10.0.0.0-26.long'));
});

test('a name that is cut after a dot or a dash stays legal', () => {
  for (let length = 155; length <= 165; length++) {
    assertLegal(named(`a-${'a'.repeat(length)}.${'b'.repeat(80)}`, '', '10.0.0.0/26'));
    assertLegal(named(`a-${'a'.repeat(length)}--${'b'.repeat(80)}`, '', '10.0.0.0/26'));
  }
});

// Any legal name, and names that look like the end of a slice's name.
const LABEL = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,8}[a-z0-9])?$/);
const TRICKY = fc.constantFrom(
  '10',
  '0',
  '24',
  'global',
  'shared',
  'network',
  'long',
  '10.0.0.1',
  '10.0.0.1-24',
  'x-24',
  '0-0-0-0-0-0-0-1',
  '0-0-0-0-0-0-0-1-64',
  '10.0.0.0-26',
  '10.0.0.0-26.24',
  'answers-0',
  'label-keys-0',
);
const NAME = fc.oneof(
  fc.array(fc.oneof(LABEL, TRICKY), { minLength: 1, maxLength: 6 }).map((labels) =>
    labels
      .join('.')
      .slice(0, 253)
      .replace(/[.-]+$/, ''),
  ),
  fc
    .tuple(fc.constantFrom('a', 'a.10'), fc.integer({ min: 180, max: 240 }), TRICKY)
    .map(([start, length, end]) =>
      `${start}${'-'.repeat(length % 7)}${'x'.repeat(length)}.${end}`.slice(0, 253).replace(/[.-]+$/, ''),
    ),
);
const ADDRESS: fc.Arbitrary<Address> = fc.oneof(
  fc.bigInt(0n, 2n ** 32n - 1n).map((value) => ({ family: 4 as const, value })),
  fc.bigInt(0n, 2n ** 128n - 1n).map((value) => ({ family: 6 as const, value })),
  fc
    .constantFrom('10.0.0.1', '0.0.0.0', '10.10.10.10', '::', '::1', '::10:0:0:1')
    .map((text) => parseAddress(text)!),
);
interface Meaning {
  space: AddressSpace;
  piece: Prefix;
  shape: BlockShape;
}
const MEANING: fc.Arbitrary<Meaning> = fc
  .record({
    name: NAME,
    marker: fc.constantFrom('' as const, 'global' as const, 'shared' as const),
    address: ADDRESS,
    length: fc.integer({ min: 0, max: 128 }),
    bits: fc.option(fc.integer({ min: 0, max: 6 }), { nil: undefined }),
    isRange: fc.boolean(),
  })
  .map(({ name, marker, address, length, bits, isRange }) => {
    const most = FAMILY_BITS[address.family];
    const piece = prefixOf(address, length % (most + 1));
    const blockLength = bits === undefined ? undefined : Math.min(most, piece.length + bits);
    const shape =
      blockLength === undefined ? {} : isRange ? { blockSize: 50 + blockLength } : { blockLength };
    // Pod networks have no marker.
    return { space: { name, marker: blockLength === undefined ? marker : '' }, piece, shape };
  });

function nameOf({ space, piece, shape }: Meaning): string {
  return sliceName(space, piece, shape);
}

test('every name is legal', () => {
  fc.assert(
    fc.property(MEANING, (meaning) => assertLegal(nameOf(meaning))),
    { numRuns: 2000 },
  );
});

test('a name tells its piece and the length of its blocks', () => {
  fc.assert(
    fc.property(MEANING, (meaning) => {
      const { piece, shape } = meaning;
      const read = pieceOfName(nameOf(meaning));
      assert.equal(read, { piece, ...shape });
    }),
    { numRuns: 5000 },
  );
});

test('two slices have one name only if they are one: space, marker, piece and size of blocks', () => {
  const texts = new Map<string, string>();
  const text = ({ space, piece, shape }: Meaning) =>
    [space.name, space.marker, piece.family, piece.first, piece.length, JSON.stringify(shape)].join(' ');
  fc.assert(
    fc.property(MEANING, (meaning) => {
      const name = nameOf(meaning);
      assert.is(texts.get(name) ?? text(meaning), text(meaning));
      texts.set(name, text(meaning));
    }),
    { numRuns: 5000 },
  );
});

/** The meaning of a name of which nothing was hashed: read from the right, as a person would. */
function read(name: string): Meaning {
  const labels = name.split('.');
  const marker = /^(global|shared)$/.test(labels.at(-1)!) ? (labels.pop() as 'global' | 'shared') : '';
  const size = labels.at(-1)!.includes('-') ? '' : labels.pop()!;
  const [, by, each] = /^(by)?(\d+)$/.exec(size) ?? [];
  const last = labels.at(-1)!;
  const groups = last.split('-').length === 9 ? 1 : 4;
  const piece = labels.slice(-groups).join('.');
  const start = piece.slice(0, piece.lastIndexOf('-'));
  const length = piece.slice(piece.lastIndexOf('-') + 1);
  return {
    space: { name: labels.slice(0, -groups).join('.'), marker },
    piece: parsePrefix(`${groups === 1 ? start.replaceAll('-', ':') : start}/${length}`)!,
    shape: each === undefined ? {} : { [by ? 'blockSize' : 'blockLength']: Number(each) },
  };
}

test('a name has one meaning, read from the right', () => {
  fc.assert(
    fc.property(MEANING, (meaning) => {
      const name = nameOf(meaning);
      if (!name.endsWith('.long')) assert.equal(read(name), meaning);
    }),
    { numRuns: 5000 },
  );
});

test('shortened names differ from each other and from those that are not', () => {
  const long = fc.tuple(fc.stringMatching(/^[ab]$/), fc.stringMatching(/^[ab]$/)).map(([first, last]) => {
    return `${first}${'x'.repeat(200)}${last}`;
  });
  fc.assert(
    fc.property(long, long, MEANING, (a, b, other) => {
      const nameA = named(a, '', '10.0.0.0/26');
      assert.is(nameA === named(b, '', '10.0.0.0/26'), a === b);
      assert.is.not(nameA, named(a, 'shared', '10.0.0.0/26'));
      assert.is.not(nameA, named(a, '', '10.0.0.64/26'));
      assert.is.not(nameA, nameOf(other));
      // Even a pool that is named like the start of a shortened name.
      assert.is.not(nameA, named(nameA.slice(0, nameA.indexOf('.')), '', '10.0.0.0/26'));
    }),
  );
});

test('slices of answers and of label keys keep no piece, whatever the space is named like', () => {
  fc.assert(
    fc.property(NAME, fc.nat({ max: 99 }), (name, index) => {
      for (const marker of ['', 'global', 'shared', 'network'] as const) {
        for (const nameOfIt of [answersName, labelKeysName]) {
          const text = nameOfIt({ name, marker }, index);
          assertLegal(text);
          assert.is(pieceOfName(text), undefined, text);
        }
      }
    }),
  );
});

test.run();
