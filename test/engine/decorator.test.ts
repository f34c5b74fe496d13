import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type ClusterOptions, SimulatedCluster } from '../../lib/engine/cluster.ts';
import type { Hooks } from '../../lib/engine/hook-server.ts';
import {
  CRDS,
  crd,
  decorator,
  desired,
  GROUP,
  HOOKS,
  type HookRequest,
  names,
  object,
  recorder,
  ref,
  V1,
} from './kit.ts';

const FINALIZER = 'metacontroller.io/decoratorcontroller-notes';
const LOAVES = { apiVersion: V1, resource: 'loaves' };

const note = ({ object: { metadata } }: HookRequest) => ({
  attachments: [desired('Note', `note-${metadata.name}`)],
});

function world(hooks: Hooks = { sync: note }, spec: object = {}, options: Partial<ClusterOptions> = {}) {
  const record = recorder();
  const cluster = new SimulatedCluster({
    crds: CRDS,
    controllers: [decorator(spec)],
    hooks: { notes: hooks },
    observe: record.observe,
    ...options,
  });
  const settle = () => {
    const settlement = cluster.settle();
    assert.ok(settlement.settled, JSON.stringify(settlement));
    return settlement;
  };
  return { cluster, record, settle };
}

test('an attachment carries the owner and the decorator’s name', () => {
  const { cluster, record, settle } = world();
  cluster.apply(object('Loaf', 'l'));
  settle();
  const { metadata } = cluster.get(ref('Note', 'note-l'))!;
  assert.is(metadata.annotations?.['metacontroller.k8s.io/decorator-controller'], 'notes');
  assert.equal(metadata.ownerReferences, [
    {
      apiVersion: V1,
      kind: 'Loaf',
      name: 'l',
      uid: cluster.get(ref('Loaf', 'l'))?.metadata.uid,
      controller: true,
      blockOwnerDeletion: true,
    },
  ]);
  const [first, second] = record.requests('notes', 'sync');
  assert.equal(Object.keys(first!), ['controller', 'object', 'attachments', 'related', 'finalizing']);
  assert.equal(first!.attachments, { [`Note.${V1}`]: {} });
  assert.equal(Object.keys(second!.attachments[`Note.${V1}`]!), ['default/note-l']);
});

test('owners that the hook adds stay beside the parent', () => {
  const other = {
    apiVersion: V1,
    kind: 'Bakery',
    name: 'b',
    uid: '',
    controller: false,
    blockOwnerDeletion: true,
  };
  const sync = (request: HookRequest) => ({
    attachments: [
      desired(
        'Note',
        'n',
        {},
        { ownerReferences: [{ ...other, uid: (request.object.spec as { bakery: string }).bakery }] },
      ),
    ],
  });
  const { cluster, settle } = world({ sync });
  cluster.apply(object('Bakery', 'b'));
  cluster.apply(object('Loaf', 'l', { bakery: cluster.get(ref('Bakery', 'b'))?.metadata.uid }));
  settle();
  const owners = cluster.get(ref('Note', 'n'))?.metadata.ownerReferences;
  assert.equal(
    owners?.map(({ kind, controller }) => [kind, controller]),
    [
      ['Bakery', false],
      ['Loaf', true],
    ],
  );
});

test('labels and annotations are set and removed, the status is written first', () => {
  const sync = () => ({
    labels: { kept: 'x', gone: null },
    annotations: { [`${GROUP}/a`]: 'y' },
    status: { noted: true },
    attachments: [],
  });
  const { cluster, record, settle } = world({ sync });
  cluster.apply(object('Loaf', 'l', {}, { labels: { gone: 'x', other: 'z' } }));
  settle();
  const { metadata, status } = cluster.get(ref('Loaf', 'l'))!;
  assert.equal(metadata.labels, { other: 'z', kept: 'x' });
  assert.equal(metadata.annotations, { [`${GROUP}/a`]: 'y' });
  assert.equal(status, { noted: true });
  assert.equal(record.actions('notes').slice(0, 4), [
    'hook sync',
    'update loaves/status',
    'update loaves',
    'hook sync',
  ]);
});

test('the metadata is written even when only the status changed', () => {
  const { cluster, record, settle } = world({ sync: () => ({ status: { noted: true }, attachments: [] }) });
  cluster.apply(object('Loaf', 'l'));
  settle();
  assert.equal(record.actions('notes'), ['hook sync', 'update loaves/status', 'update loaves', 'hook sync']);
  assert.ok(record.steps.every(({ result }) => !('error' in result)));
});

test('a null status leaves the status alone', () => {
  const { cluster, record, settle } = world({ sync: () => ({ status: null, attachments: [] }) });
  cluster.apply(object('Loaf', 'l'));
  settle();
  assert.equal(record.actions('notes'), ['hook sync']);
});

test('a parent that has moved on ends the sync before the attachments', () => {
  let writes = 0;
  const record = recorder();
  const cluster: SimulatedCluster = new SimulatedCluster({
    crds: CRDS,
    controllers: [decorator()],
    hooks: { notes: { sync: () => ({ labels: { seen: 'x' }, attachments: [desired('Note', 'n')] }) } },
    observe: (step) => {
      record.observe(step);
      if (step.step.kind !== 'hook' || writes++ > 0) return;
      const to = { ...LOAVES, namespace: 'default', name: 'l' };
      cluster.request({ verb: 'patch', ...to, patch: { spec: { moved: 'on' } } });
    },
  });
  cluster.apply(object('Loaf', 'l'));
  const { failures, settled } = cluster.settle();
  assert.equal([settled, failures], [true, []]);
  assert.equal(record.actions('notes').slice(0, 4), [
    'hook sync',
    'update loaves',
    'hook sync',
    'update loaves',
  ]);
  assert.is(
    record.steps[1]?.result && 'error' in record.steps[1].result && record.steps[1].result.error?.reason,
    'Conflict',
  );
  assert.equal(names(cluster.objects('Note')), ['n']);
});

test('only selected parents are decorated; the selector looks at labels and annotations', () => {
  const rule = {
    ...LOAVES,
    labelSelector: { matchExpressions: [{ key: 'crust', operator: 'Exists' as const }] },
    annotationSelector: { matchAnnotations: { fresh: 'yes' } },
  };
  const { cluster, settle } = world({ sync: note }, { resources: [rule] });
  cluster.apply(object('Loaf', 'both', {}, { labels: { crust: '' }, annotations: { fresh: 'yes' } }));
  cluster.apply(object('Loaf', 'label', {}, { labels: { crust: '' } }));
  cluster.apply(object('Loaf', 'annotation', {}, { annotations: { fresh: 'yes' } }));
  settle();
  assert.equal(names(cluster.objects('Note')), ['note-both']);
});

test('ignoreStatusChanges: label, annotation, spec and deletion wake the parent, its status does not', () => {
  const { cluster, record, settle } = world(
    { sync: () => ({ attachments: [] }) },
    { resources: [{ ...LOAVES, ignoreStatusChanges: true }] },
  );
  cluster.apply(object('Loaf', 'l', {}, { finalizers: [`${GROUP}/hold`] }));
  settle();
  const to = { ...LOAVES, namespace: 'default', name: 'l' };
  const syncsAfter = (act: () => unknown) => {
    record.clear();
    act();
    settle();
    return record.requests('notes', 'sync').length;
  };
  assert.is(
    syncsAfter(() =>
      cluster.request({ verb: 'patch', subresource: 'status', ...to, patch: { status: { a: 1 } } }),
    ),
    0,
  );
  assert.is(
    syncsAfter(() => cluster.request({ verb: 'patch', ...to, patch: { metadata: { finalizers: [] } } })),
    0,
  );
  assert.is(
    syncsAfter(() => cluster.request({ verb: 'patch', ...to, patch: { metadata: { labels: { a: 'b' } } } })),
    1,
  );
  assert.is(
    syncsAfter(() =>
      cluster.request({ verb: 'patch', ...to, patch: { metadata: { annotations: { a: 'b' } } } }),
    ),
    1,
  );
  assert.is(
    syncsAfter(() => cluster.request({ verb: 'patch', ...to, patch: { spec: { a: 1 } } })),
    1,
  );
  cluster.request({ verb: 'patch', ...to, patch: { metadata: { finalizers: [`${GROUP}/hold`] } } });
  assert.is(
    syncsAfter(() => cluster.delete(ref('Loaf', 'l'))),
    1,
  );
});

const finalizing: Hooks = {
  sync: note,
  finalize: (request: HookRequest) => ({
    attachments: [],
    finalized: Object.keys(request.attachments[`Note.${V1}`]!).length === 0,
  }),
};
const FINALIZE = { sync: HOOKS.sync, finalize: HOOKS.finalize };

test('a deleted parent stays until its finalize hook has seen the attachments gone', () => {
  const { cluster, record, settle } = world(finalizing, { hooks: FINALIZE });
  cluster.apply(object('Loaf', 'l'));
  settle();
  assert.equal(cluster.get(ref('Loaf', 'l'))?.metadata.finalizers, [FINALIZER]);
  cluster.delete(ref('Loaf', 'l'));
  record.clear();
  settle();
  assert.equal(names(cluster.objects()), []);
  assert.equal(record.actions('notes'), ['hook finalize', 'delete notes', 'hook finalize', 'update loaves']);
  assert.equal(
    record.requests('notes', 'finalize').map((request) => request.finalizing),
    [true, true],
  );
});

test('a parent that leaves the selector is finalized and let go', () => {
  const rule = { ...LOAVES, labelSelector: { matchLabels: { crust: 'thick' } } };
  const { cluster, settle } = world(finalizing, { hooks: FINALIZE, resources: [rule] });
  cluster.apply(object('Loaf', 'l', {}, { labels: { crust: 'thick' } }));
  settle();
  cluster.apply(object('Loaf', 'l'));
  settle();
  assert.equal(names(cluster.objects()), ['l']);
  assert.equal(cluster.get(ref('Loaf', 'l'))?.metadata.finalizers ?? [], []);
});

test('a parent deleted before it had the finalizer does not get one', () => {
  const { cluster, record, settle } = world(finalizing, { hooks: FINALIZE });
  cluster.apply(object('Loaf', 'l', {}, { finalizers: [`${GROUP}/hold`] }));
  cluster.delete(ref('Loaf', 'l'));
  settle();
  assert.equal(cluster.get(ref('Loaf', 'l'))?.metadata.finalizers, [`${GROUP}/hold`]);
  assert.ok(record.requests('notes', 'finalize').length > 0);
  assert.equal(names(cluster.objects('Note')), []);
});

test('another decorator’s attachment is not seen as ours', () => {
  const record = recorder();
  const hook = (name: string) => ({ sync: () => ({ attachments: [desired('Note', name)] }) });
  const cluster = new SimulatedCluster({
    crds: CRDS,
    controllers: [decorator(), decorator({}, 'labels')],
    hooks: { notes: hook('of-notes'), labels: hook('of-labels') },
    observe: record.observe,
  });
  cluster.apply(object('Loaf', 'l'));
  assert.ok(cluster.settle().settled);
  assert.equal(names(cluster.objects('Note')), ['of-notes', 'of-labels']);
  assert.equal(Object.keys(record.requests('notes', 'sync').at(-1)!.attachments[`Note.${V1}`]!), [
    'default/of-notes',
  ]);
});

test('several kinds of parents, cluster-scoped ones too', () => {
  const rules = [LOAVES, { apiVersion: V1, resource: 'chains' }];
  const { cluster, settle } = world(
    {
      sync: ({ object: { kind } }: HookRequest) => ({
        attachments: [desired('Note', kind.toLowerCase(), {}, { namespace: 'default' })],
      }),
    },
    { resources: rules },
  );
  cluster.apply(object('Loaf', 'l'));
  cluster.apply(object('Chain', 'c'));
  settle();
  assert.equal(names(cluster.objects('Note')), ['loaf', 'chain']);
});

test('a namespaced parent’s cluster-scoped attachment loses the namespace', () => {
  const badge = crd('Badge', 'badges', 'Cluster');
  const attachments = [{ apiVersion: V1, resource: 'badges' }];
  const { cluster, settle } = world(
    { sync: () => ({ attachments: [desired('Badge', 'b')] }) },
    { attachments },
    { crds: [...CRDS, badge] },
  );
  cluster.apply(object('Loaf', 'l'));
  settle();
  assert.is(cluster.objects('Badge')[0]?.metadata.namespace, undefined);
});

test('a parent without a status subresource gets its status with the rest', () => {
  const { name, served, storage } = CRDS[1]!.spec.versions[0]!;
  const bare = { ...CRDS[1]!, spec: { ...CRDS[1]!.spec, versions: [{ name, served, storage }] } };
  const crds = CRDS.map((definition) => (definition === CRDS[1] ? bare : definition));
  const { cluster, record, settle } = world(
    { sync: () => ({ status: { noted: 1 }, attachments: [] }) },
    {},
    { crds },
  );
  cluster.apply(object('Loaf', 'l'));
  settle();
  assert.equal(cluster.get(ref('Loaf', 'l'))?.status, { noted: 1 });
  assert.equal(record.actions('notes'), ['hook sync', 'update loaves', 'hook sync']);
});

test('an object that another controls is no attachment, even with our annotation', () => {
  const { cluster, record, settle } = world();
  cluster.apply(object('Loaf', 'l'));
  const uid = cluster.get(ref('Loaf', 'l'))!.metadata.uid;
  const owner = { apiVersion: V1, kind: 'Loaf', name: 'l', uid, controller: false };
  const annotations = { 'metacontroller.k8s.io/decorator-controller': 'notes' };
  cluster.apply(object('Note', 'theirs', {}, { annotations, ownerReferences: [owner] }));
  settle();
  cluster.apply(object('Loaf', 'l', { again: true }));
  settle();
  assert.equal(Object.keys(record.requests('notes', 'sync').at(-1)!.attachments[`Note.${V1}`]!), [
    'default/note-l',
  ]);
  assert.ok(cluster.get(ref('Note', 'theirs')), 'not deleted either');
});

test.run();
