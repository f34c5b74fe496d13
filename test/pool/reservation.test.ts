import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { keyOf, parseKey } from '../../lib/allocation/slice.ts';
import { formatProblem, type Problem } from '../../lib/kubernetes/problem.ts';
import { beneficiaryOf, isFor, matchesGlob, readReservations } from '../../lib/pool/reservation.ts';

const GLOBS: [pattern: string, fits: string[], others: string[]][] = [
  ['web-0', ['web-0'], ['web-00', 'web-', '']],
  ['web-*', ['web-', 'web-0', 'web-a-b'], ['web', 'a-web-0']],
  ['*-eth0', ['-eth0', 'a-eth0', 'a-eth0-eth0'], ['eth0', 'a-eth01']],
  ['*', ['', 'a'], []],
  ['a*a', ['aa', 'aba'], ['a']],
  ['ab*ba', ['abba', 'ab-ba'], ['aba']],
  ['a*b*c', ['abc', 'a-b-b-c'], ['acb', 'a-c']],
  ['a**c', ['ac', 'abc'], ['a']],
  ['*ab*ab', ['abab', 'ab-ab'], ['ab', 'aab']],
  ['a.c', ['a.c'], ['abc']],
  ['', [''], ['a']],
];
for (const [pattern, fits, others] of GLOBS) {
  test(`${JSON.stringify(pattern)} as a pattern`, () => {
    for (const text of fits) assert.ok(matchesGlob(pattern, text), text);
    for (const text of others) assert.not.ok(matchesGlob(pattern, text), text);
  });
}

test('patterns agree with regular expressions', () => {
  const text = (letters: string) => fc.string({ unit: fc.constantFrom(...letters), maxLength: 8 });
  fc.assert(
    fc.property(text('ab*'), text('ab'), (pattern, name) => {
      const expression = new RegExp(`^${pattern.replaceAll('*', '.*')}$`);
      assert.is(matchesGlob(pattern, name), expression.test(name));
    }),
    { numRuns: 2000 },
  );
});

test('a pattern with many stars takes no time', () => {
  assert.not.ok(matchesGlob(`${'*a'.repeat(120)}*b`, 'a'.repeat(253)));
});

function read(entries: unknown) {
  const problems: Problem[] = [];
  const reservations = readReservations(entries, problems);
  return { reservations, problems: problems.map(formatProblem) };
}

const ONE = 'exactly one of claim and claimPattern is required';
const BAD: [entries: unknown, ...problems: string[]][] = [
  ['x', 'spec.reservations: Invalid value: "x": must be a list'],
  [
    [null],
    'spec.reservations[0].address: Invalid value: null: provided address is not a valid IP',
    `spec.reservations[0]: Invalid value: null: ${ONE}`,
  ],
  [
    [{ address: '10.0.0.0/24', claim: 'a' }],
    'spec.reservations[0].address: Invalid value: "10.0.0.0/24": provided address is not a valid IP',
  ],
  [[{ address: '10.0.0.1' }], `spec.reservations[0]: Invalid value: {"address":"10.0.0.1"}: ${ONE}`],
  [
    [{ address: '10.0.0.1', claim: 'a', claimPattern: 'b' }],
    `spec.reservations[0]: Invalid value: {"address":"10.0.0.1","claim":"a","claimPattern":"b"}: ${ONE}`,
  ],
  [
    [{ address: '10.0.0.1', claim: 7 }],
    `spec.reservations[0]: Invalid value: {"address":"10.0.0.1","claim":7}: ${ONE}`,
  ],
];
for (const [entries, ...expected] of BAD) {
  test(`${JSON.stringify(entries)} is refused`, () => assert.equal(read(entries).problems, expected));
}

test('the first of one address counts, whatever its form; a name before patterns', () => {
  const { reservations, problems } = read([
    { address: 'fd00::1', claimPattern: 'web-*' },
    { address: 'FD00:0::1', claim: 'web-0' },
    { address: 'fd00::2', claimPattern: '*-0' },
    { address: 'fd00::3', claim: 'web-0', namespace: 'a', note: 'x' },
    { address: 'fd00::4', claim: '', claimPattern: 'x' },
  ]);
  assert.equal(problems, []);
  assert.is(reservations.of(parseKey('fd00::1')!), reservations.list[0]);
  assert.is(reservations.of(parseKey('fd00::9')!), undefined);
  const keys = (namespace: string, name: string) =>
    reservations.for({ namespace, name }).map(({ block }) => keyOf(block));
  assert.equal(keys('a', 'web-0'), ['fd00::3']);
  assert.equal(keys('b', 'web-0'), ['fd00::1', 'fd00::2']);
  assert.equal(keys('b', 'db-0'), ['fd00::2']);
  assert.equal(keys('b', 'db-1'), []);
  assert.not.ok(isFor(reservations.list[3]!, { name: 'web-0' }));
  assert.equal(reservations.list.slice(0, 4).map(beneficiaryOf), [
    'IPAddressClaims web-*',
    'IPAddressClaim web-0',
    'IPAddressClaims *-0',
    'IPAddressClaim a/web-0',
  ]);
});

test.run();
