import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { SimulatedCluster } from '../../lib/engine/cluster.ts';
import { compileLabelSelector } from '../../lib/engine/label-selector.ts';
import type { Unstructured } from '../../lib/engine/object.ts';
import { qualifiedName } from '../../lib/kubernetes/object.ts';
import type { LabelSelector, RelatedResourceRule } from '../../lib/metacontroller/hook.ts';
import { CRDS, decorator, type HookRequest, object, recorder, ref, V1 } from './kit.ts';

const NOTES = `Note.${V1}`;

/** Loaves that relate to whatever `rules` say; attachments none. */
function world(rules: (parent: HookRequest['parent']) => object[]) {
  const record = recorder();
  const cluster = new SimulatedCluster({
    crds: CRDS,
    controllers: [
      decorator({ attachments: [], hooks: { sync: { version: 'v2' }, customize: { version: 'v2' } } }),
    ],
    hooks: {
      notes: {
        sync: () => ({ attachments: [] }),
        customize: ({ parent }: HookRequest) => ({ relatedResources: rules(parent) }),
      },
    },
    observe: record.observe,
  });
  const syncs = (act: () => unknown) => {
    record.clear();
    act();
    assert.ok(cluster.settle().settled);
    return record.requests('notes', 'sync').map((request) => request.object.metadata.name);
  };
  return { cluster, record, syncs };
}

const rule = (fields: Partial<RelatedResourceRule> = {}) => ({
  apiVersion: V1,
  resource: 'notes',
  ...fields,
});

test('rules select by label, name and namespace, over all namespaces unless they name one', () => {
  const selected = (related: object) => {
    const { cluster, record } = world(() => [related]);
    for (const [name, namespace, crust] of [
      ['a', 'default', 'thick'],
      ['a', 'other', 'thick'],
      ['b', 'default', 'thin'],
    ] as const) {
      cluster.apply(object('Note', name, {}, { namespace, labels: { crust } }));
    }
    cluster.apply(object('Loaf', 'l'));
    cluster.settle();
    return Object.keys(record.requests('notes', 'sync').at(-1)?.related[NOTES] ?? {});
  };
  assert.equal(selected(rule()), ['default/a', 'default/b', 'other/a']);
  assert.equal(selected(rule({ namespace: 'other' })), ['other/a']);
  assert.equal(selected(rule({ names: ['b', 'c'] })), ['default/b']);
  assert.equal(selected(rule({ names: ['a'], namespace: 'default' })), ['default/a']);
  assert.equal(selected(rule({ labelSelector: { matchLabels: { crust: 'thick' } } })), [
    'default/a',
    'other/a',
  ]);
  const thick = { matchExpressions: [{ key: 'crust', operator: 'NotIn' as const, values: ['thin'] }] };
  assert.equal(selected(rule({ namespace: 'default', labelSelector: thick })), ['default/a']);
});

test('whatever a rule selects by, it finds its objects and hears of them, and of no others', () => {
  const notes = ['default', 'other'].flatMap((namespace) =>
    [{}, { crust: 'thick' }, { crust: 'thin' }, { dark: '' }].map((labels, index) =>
      object('Note', `n${index}`, {}, { namespace, labels }),
    ),
  );
  const selectors: LabelSelector[] = [
    {},
    { matchLabels: { crust: 'thick' } },
    ...(['Exists', 'DoesNotExist'] as const).map((operator) => ({
      matchExpressions: [{ key: 'crust', operator }],
    })),
    ...(['In', 'NotIn'] as const).map((operator) => ({
      matchExpressions: [{ key: 'crust', operator, values: ['thin'] }],
    })),
  ];
  const names = (some: Iterable<Unstructured>) => [...some].map(({ metadata }) => qualifiedName(metadata));
  for (const labelSelector of selectors) {
    for (const namespace of [undefined, 'default', 'other']) {
      const { cluster, record, syncs } = world(() => [
        rule({ labelSelector, ...(namespace && { namespace }) }),
      ]);
      const selects = compileLabelSelector(labelSelector);
      const isIn = ({ metadata }: Unstructured) =>
        namespace === undefined || metadata.namespace === namespace;
      const wanted = notes.filter((note) => isIn(note) && selects(note.metadata.labels));
      cluster.apply(object('Loaf', 'l'));
      cluster.settle();
      const wakes = notes.filter((note) => syncs(() => cluster.apply(note)).length > 0);
      assert.equal(names(wakes), names(wanted), JSON.stringify({ labelSelector, namespace }));
      syncs(() => cluster.apply(object('Loaf', 'l', { crumb: 'light' })));
      assert.equal(Object.keys(record.requests('notes', 'sync').at(-1)?.related[NOTES] ?? {}), names(wanted));
    }
  }
});

test('a kind without objects is in the request, a controller without customize relates to nothing', () => {
  const { cluster, record } = world(() => [rule()]);
  cluster.apply(object('Loaf', 'l'));
  cluster.settle();
  assert.equal(record.requests('notes', 'sync').at(-1)?.related, { [NOTES]: {} });
});

test('a change wakes the parents whose rules match the old or the new state', () => {
  const { cluster, syncs } = world(({ metadata }) => [
    rule({ labelSelector: { matchLabels: { of: metadata.name } } }),
  ]);
  cluster.apply(object('Loaf', 'a'));
  cluster.apply(object('Loaf', 'b'));
  cluster.apply(object('Loaf', 'c'));
  cluster.settle();
  assert.equal(
    syncs(() => cluster.apply(object('Note', 'n', {}, { labels: { of: 'a' } }))),
    ['a'],
  );
  assert.equal(
    syncs(() => cluster.apply(object('Note', 'n', {}, { labels: { of: 'b' } }))),
    ['a', 'b'],
  );
  assert.equal(
    syncs(() => cluster.delete(ref('Note', 'n'))),
    ['b'],
  );
});

test('the answer is asked for once per generation, and again after 20 minutes', () => {
  const { cluster, record } = world(() => [rule()]);
  const customized = () => record.requests('notes', 'customize').length;
  const apply = (metadata: object, spec = {}) => {
    cluster.apply(object('Loaf', 'l', spec, metadata));
    cluster.settle();
    return customized();
  };
  assert.is(apply({}), 1);
  assert.is(apply({ labels: { a: 'b' } }), 1);
  assert.is(apply({ labels: { a: 'b' } }, { a: 1 }), 2);
  cluster.run(20 * 60);
  assert.is(apply({ labels: { a: 'c' } }, { a: 1 }), 3);
});

test('the first use of a resource waits for its cache', () => {
  const { cluster, record } = world(() => [rule()]);
  cluster.apply(object('Loaf', 'l'));
  const { failures, seconds } = cluster.settle();
  assert.equal(failures, []);
  assert.is(seconds, 0.005);
  assert.equal(record.actions('notes'), ['hook customize', 'hook sync']);
});

test('rules that Metacontroller refuses fail the sync', () => {
  for (const [related, message] of [
    [rule({ names: ['a'], labelSelector: {} }), /both names and labelSelector/],
    [{ apiVersion: V1, resource: 'cakes' }, /can't find resource cakes/],
    [{ ...rule(), fieldSelector: 'x' }, /"relatedResources" has the wrong shape/],
  ] as const) {
    const { cluster, record } = world(() => [related]);
    cluster.apply(object('Loaf', 'l'));
    assert.match(cluster.settle().failures[0]?.message ?? '', message);
    assert.equal(record.requests('notes', 'sync'), []);
  }
});

test.run();
