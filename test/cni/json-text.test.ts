import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { decode, encode, toJson } from '../../lib/cni/bytes.ts';
import { membersOf, withMember } from '../../lib/cni/json-text.ts';

const text = fc.string({ unit: 'binary' });
const bytes = fc.uint8Array().map((array) => Buffer.from(array));
const object = fc.dictionary(text, fc.jsonValue());

test('UTF-8 is read and written as Node.js does it, whatever the bytes', () => {
  fc.assert(
    fc.property(bytes, (buffer) => {
      const read = decode(buffer.toString('latin1'));
      // The two may count the characters differently that a torn sequence becomes.
      const squeezed = (value: string) => value.replace(/\ufffd+/g, '\ufffd');
      assert.is(squeezed(read), squeezed(buffer.toString('utf8')));
    }),
    { numRuns: 300 },
  );
  fc.assert(
    fc.property(text, (value) => {
      assert.is(encode(value), Buffer.from(value).toString('latin1'));
      assert.is(decode(encode(value)), value.toWellFormed());
    }),
  );
  assert.is(encode('\ud800a\udc00'), encode('\ufffda\ufffd'));
});

test('The members of an object are those that JSON.parse finds, in their order', () => {
  fc.assert(
    fc.property(object, fc.constantFrom(undefined, 1, '\t'), (value, indent) => {
      const json = encode(JSON.stringify(value, null, indent));
      const found = membersOf(json).map(({ key, value }) => [key, JSON.parse(decode(value))]);
      assert.equal(found, Object.entries(JSON.parse(decode(json))));
    }),
  );
});

test('A member is replaced where it is, or added; all others stay as they are written', () => {
  fc.assert(
    fc.property(object, text, fc.jsonValue(), (value, key, replacement) => {
      const json = withMember(toJson(value), key, toJson(replacement));
      const others = Object.entries(value).filter(([other]) => !isSame(other, key));
      const found = Object.entries(JSON.parse(decode(json)));
      assert.equal(
        found.filter(([other]) => !isSame(other, key)),
        Object.entries(JSON.parse(JSON.stringify(Object.fromEntries(others)))),
      );
      assert.equal(
        found.filter(([other]) => isSame(other, key)).map(([, value]) => value),
        [JSON.parse(JSON.stringify(replacement))],
      );
    }),
  );
  assert.is(withMember('{ }', 'a', '1'), '{"a":1}');
  assert.is(withMember('{}', 'é', '1'), encode('{"é":1}'));
  assert.is(withMember(encode('{"é":0}'), 'É', '1'), encode('{"é":1}'));
  assert.is(
    withMember('{"b" : 1e999, "A":{"a":"}\\""},\n"c":[ "]" ],"a":0 }', 'a', '[2]'),
    '{"b" : 1e999,"A":[2],"c":[ "]" ]}',
  );
});

test.run();

function isSame(a: string, b: string): boolean {
  return a.toUpperCase().toLowerCase() === b.toUpperCase().toLowerCase();
}
