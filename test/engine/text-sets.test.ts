import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { TextSets } from '../../lib/engine/text-sets.ts';

test('holds what sets hold, in their order', () => {
  const text = fc.constantFrom('a', 'b', 'c');
  const calls = fc.array(fc.tuple(fc.constantFrom('add', 'delete'), fc.constantFrom('x', 'y'), text));
  fc.assert(
    fc.property(calls, (made) => {
      const sets = new TextSets();
      const model = { x: new Set<string>(), y: new Set<string>() };
      for (const [call, key, value] of made) {
        sets[call](key, value);
        model[key][call](value);
        assert.equal([...sets.get(key)], [...model[key]]);
      }
    }),
  );
});

test.run();
