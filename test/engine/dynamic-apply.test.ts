import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { applyUpdate, LAST_APPLIED_ANNOTATION, withLastApplied } from '../../lib/engine/dynamic-apply.ts';
import { deepEqual, type Unstructured, withMetadata } from '../../lib/engine/object.ts';
import { parseJson } from '../../lib/json.ts';
import { object } from './kit.ts';

/** The spec after `applied` was applied once, `observed` came of it, and `desired` is applied now. */
function merged(applied: object, observed: object, desired: object): unknown {
  const live = withLastApplied(object('Loaf', 'l', observed), object('Loaf', 'l', applied));
  return applyUpdate(live, object('Loaf', 'l', desired)).spec;
}

test('three ways: add, change, remove, keep', () => {
  assert.equal(merged({ a: 1, b: 1, c: 1 }, { a: 1, b: 1, c: 1, d: 1 }, { b: 2, c: 1, e: 1 }), {
    b: 2,
    c: 1,
    d: 1,
    e: 1,
  });
  assert.equal(merged({ m: { a: 1, b: 1 } }, { m: { a: 1, b: 1, c: 1 } }, { m: { a: 1 } }), {
    m: { a: 1, c: 1 },
  });
  assert.equal(merged({ m: { a: 1 } }, { m: { a: 1, b: 1 } }, {}), {});
  assert.equal(merged({}, {}, { m: { a: [1] } }), { m: { a: [1] } });
});

test('what is applied already is the same object, however its note is written', () => {
  const wanted = object('Loaf', 'l', { a: 1, m: { b: [1, 2] } });
  const there = withLastApplied(object('Loaf', 'l', { m: { b: [1, 2], c: 1 }, a: 1 }), wanted);
  assert.is(applyUpdate(there, wanted), there);
  const { [LAST_APPLIED_ANNOTATION]: note } = there.metadata.annotations!;
  const spaced = JSON.stringify(JSON.parse(note!), null, 1);
  const written = withMetadata(there, { annotations: { [LAST_APPLIED_ANNOTATION]: spaced } });
  assert.is(applyUpdate(written, wanted), written);
  const changed = { ...there, spec: { m: { b: [1, 2] }, a: 2 } };
  assert.equal(applyUpdate(changed, wanted).spec, { m: { b: [1, 2] }, a: 1 });
});

test('plain lists are replaced', () => {
  assert.equal(merged({ l: [1, 2] }, { l: [1, 2, 3] }, { l: [2] }), { l: [2] });
  assert.equal(merged({ l: [] }, { l: [] }, { l: [] }), { l: [] });
});

test('lists whose items all have a known key merge by it, in the order observed', () => {
  const item = (name: string, fields: object = {}) => ({ name, ...fields });
  assert.equal(
    merged(
      { l: [item('a', { x: 1 }), item('b')] },
      { l: [item('z'), item('a', { x: 1, y: 1 }), item('b')] },
      {
        l: [item('c'), item('a', { x: 2 })],
      },
    ),
    { l: [item('z'), item('a', { x: 2, y: 1 }), item('c')] },
  );
});

test('the guess prefers name to uid: owners of one name and different uids merge into one', () => {
  const owners = [
    { name: 'same', uid: '1' },
    { name: 'same', uid: '2' },
  ];
  assert.equal(merged({ l: owners }, { l: owners }, { l: owners }), { l: [owners[1], owners[1]] });
});

test('items without a common key replace the list', () => {
  assert.equal(merged({ l: [] }, { l: [{ name: 'a' }, { port: 1 }] }, { l: [{ name: 'b' }] }), {
    l: [{ name: 'b' }],
  });
});

test('the system’s metadata and the status stay as observed', () => {
  const observed: Unstructured = {
    ...object('Loaf', 'l', {}, { uid: 'u', resourceVersion: '5', generation: 2, creationTimestamp: 'then' }),
    status: { done: true },
  };
  const desired: Unstructured = {
    ...object(
      'Loaf',
      'l',
      {},
      { uid: 'x', resourceVersion: '1', deletionTimestamp: 'now', labels: { a: 'b' } },
    ),
    status: { done: false },
  };
  const { metadata, status } = applyUpdate(observed, desired);
  assert.equal(status, { done: true });
  const { annotations, ...rest } = metadata;
  assert.equal(rest, { ...observed.metadata, labels: { a: 'b' } });
  assert.ok(annotations?.[LAST_APPLIED_ANNOTATION]);
});

test('applying the same again changes nothing, whatever the order of keys', () => {
  const desired = object('Loaf', 'l', { a: 1, b: { c: [], d: null } });
  const live = withLastApplied(desired, desired);
  assert.ok(deepEqual(applyUpdate(live, object('Loaf', 'l', { b: { d: null, c: [] }, a: 1 })), live));
});

test('a note that a hook sends along is not applied', () => {
  const plain = object('Loaf', 'l', { a: 1 });
  const live = withLastApplied(plain, plain);
  const noted = object('Loaf', 'l', { a: 1 }, { annotations: { [LAST_APPLIED_ANNOTATION]: 'x' } });
  assert.is(JSON.parse(applyUpdate(live, noted).metadata.annotations![LAST_APPLIED_ANNOTATION]!).spec.a, 1);
  assert.not.match(applyUpdate(live, noted).metadata.annotations![LAST_APPLIED_ANNOTATION]!, '"x"');
});

test('integers beyond 2^53 survive', () => {
  const spec = parseJson('{"total":9223372036854775807}') as object;
  const updated = applyUpdate(
    withLastApplied(object('Loaf', 'l', {}), object('Loaf', 'l', {})),
    object('Loaf', 'l', spec),
  );
  assert.is(JSON.stringify(updated.spec), '{"total":9223372036854775807}');
  assert.match(updated.metadata.annotations?.[LAST_APPLIED_ANNOTATION] ?? '', '9223372036854775807');
});

test.run();
