import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Address, parseAddress } from '../../lib/address/address.ts';
import { parsePrefix, prefixOf } from '../../lib/address/range.ts';
import {
  type AddressSpace,
  allocationName,
  blockAllocationName,
  refusalName,
} from '../../lib/allocation/names.ts';

const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

function assertLegal(name: string): void {
  assert.ok(name.length <= 253, `${name.length} characters: ${name}`);
  assert.match(name, SUBDOMAIN);
}

function named(name: string, marker: AddressSpace['marker'], address: string): string {
  return allocationName({ name, marker }, parseAddress(address)!);
}

test('the name of an allocation is its space and its address', () => {
  assert.is(named('pool-a', '', '10.0.0.7'), 'pool-a.10.0.0.7');
  assert.is(named('pool-a', '', 'fd00::7'), 'pool-a.fd00-0-0-0-0-0-0-7');
  assert.is(named('pool-a', '', '::'), 'pool-a.0-0-0-0-0-0-0-0');
  assert.is(named('pool-a', '', '::ffff:1.2.3.4'), 'pool-a.0-0-0-0-0-ffff-102-304');
  assert.is(named('edge', 'global', '10.0.0.7'), 'edge.10.0.0.7.global');
  assert.is(named('lab', 'shared', 'fd00::7'), 'lab.fd00-0-0-0-0-0-0-7.shared');
  assert.is(blockAllocationName('default', parsePrefix('10.244.3.0/24')!), 'default.10.244.3.0-24');
  assert.is(blockAllocationName('default', parsePrefix('fd00::/64')!), 'default.fd00-0-0-0-0-0-0-0-64');
});

test('a name of 253 characters is shortened and stays legal', () => {
  const longest = 'a'.repeat(253);
  const name = named(longest, 'global', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff');
  assertLegal(name);
  assert.is.not(name, named(`${'a'.repeat(252)}b`, 'global', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'));
});

test('a name that is cut after a dot or a dash stays legal', () => {
  assertLegal(named(`${'a'.repeat(169)}.${'b'.repeat(80)}`, '', '10.0.0.1'));
  assertLegal(named(`${'a'.repeat(168)}--${'b'.repeat(80)}`, '', '10.0.0.1'));
});

// Any legal name, and names that look like the end of an allocation's name.
const LABEL = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,8}[a-z0-9])?$/);
const TRICKY = fc.constantFrom(
  '10',
  '0',
  '24',
  'global',
  'shared',
  'long',
  '10.0.0.1',
  '10.0.0.1-24',
  'x-24',
  '0-0-0-0-0-0-0-1',
  '0-0-0-0-0-0-0-1-64',
  'refused-1-5f0c3a9e',
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
  kind: 'address' | 'block';
  name: string;
  marker: AddressSpace['marker'];
  address: Address;
  length: number;
}
const MEANING: fc.Arbitrary<Meaning> = fc
  .record({
    kind: fc.constantFrom('address' as const, 'block' as const),
    name: NAME,
    marker: fc.constantFrom('' as const, 'global' as const, 'shared' as const),
    address: ADDRESS,
    length: fc.integer({ min: 0, max: 128 }),
  })
  .map((meaning) => {
    if (meaning.kind === 'address') return { ...meaning, length: -1 };
    const length = meaning.length % (meaning.address.family === 4 ? 33 : 129);
    const { family, first } = prefixOf(meaning.address, length);
    return { ...meaning, marker: '' as const, address: { family, value: first }, length };
  });

function nameOf({ kind, name, marker, address, length }: Meaning): string {
  return kind === 'address'
    ? allocationName({ name, marker }, address)
    : blockAllocationName(name, prefixOf(address, length));
}

test('every name is legal', () => {
  fc.assert(
    fc.property(MEANING, (meaning) => assertLegal(nameOf(meaning))),
    { numRuns: 2000 },
  );
});

/** The meaning of a name of which nothing was hashed: read from the right, as a person would. */
function read(name: string): Meaning {
  const ends = /\.(global|shared)$/.exec(name);
  const marker = (ends?.[1] ?? '') as Meaning['marker'];
  const rest = ends ? name.slice(0, ends.index) : name;
  const labels = rest.split('.');
  const dashes = labels.at(-1)!.split('-').length - 1;
  const groups = dashes >= 7 ? 1 : 4;
  const space = labels.slice(0, -groups).join('.');
  const text = labels.slice(-groups).join('.');
  const isBlock = dashes === 1 || dashes === 8;
  const [address, length] = isBlock ? [text.replace(/-\d+$/, ''), Number(/\d+$/.exec(text)![0])] : [text, -1];
  return {
    kind: isBlock ? 'block' : 'address',
    name: space,
    marker,
    address: parseAddress(groups === 1 ? address.replaceAll('-', ':') : address)!,
    length,
  };
}

test('a name tells its space, its marker and its address', () => {
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
      const nameA = named(a, '', '10.0.0.1');
      assert.is(nameA === named(b, '', '10.0.0.1'), a === b);
      assert.is.not(nameA, named(a, 'shared', '10.0.0.1'));
      assert.is.not(nameA, named(a, '', '10.0.0.2'));
      assert.is.not(nameA, nameOf(other));
      // Even a pool that is named like the start of a shortened name.
      assert.is.not(nameA, named(nameA.slice(0, nameA.indexOf('.')), '', '10.0.0.1'));
    }),
  );
});

test('a refusal is named by its claim and its content', () => {
  const uid = 'f298cb76-2dc6-4585-8479-01c3c490b9b8';
  const name = refusalName(uid, 'PoolExhausted', 'pool-a has no free address');
  assertLegal(name);
  assert.match(name, /^refused-f298cb76-2dc6-4585-8479-01c3c490b9b8-[0-9a-f]{8}$/);
  assert.is(name, refusalName(uid, 'PoolExhausted', 'pool-a has no free address'));
  assert.is.not(name, refusalName(uid, 'PoolExhausted', 'pool-b has no free address'));
  assert.is.not(name, refusalName(uid, 'PoolNotReady', 'pool-a has no free address'));
});

test('no address is named like a refusal', () => {
  fc.assert(
    fc.property(MEANING, (meaning) => assert.not.match(nameOf(meaning), /^refused-[-0-9a-f]+-[0-9a-f]{8}$/)),
  );
});

test.run();
