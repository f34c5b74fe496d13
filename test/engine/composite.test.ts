import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { apiError } from '../../lib/engine/api.ts';
import { type ClusterOptions, SimulatedCluster } from '../../lib/engine/cluster.ts';
import type { Hooks } from '../../lib/engine/hook-server.ts';
import { deepEqual, type Unstructured } from '../../lib/engine/object.ts';
import { FAIR, type Schedule } from '../../lib/engine/schedule.ts';
import {
  BAKERY,
  bake,
  CHAIN,
  CRDS,
  composite,
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

const FINALIZER = 'metacontroller.io/compositecontroller-bakeries';

function world(hooks: Hooks = { sync: bake }, spec: object = {}, options: Partial<ClusterOptions> = {}) {
  const record = recorder();
  const cluster = new SimulatedCluster({
    crds: CRDS,
    controllers: [composite(spec)],
    hooks: { bakeries: hooks },
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

test('children are created with label, owner and note, then counted in the status', () => {
  const { cluster, record, settle } = world();
  cluster.apply(object('Bakery', 'b', { loaves: 2 }));
  settle();
  const uid = cluster.get(ref('Bakery', 'b'))?.metadata.uid;
  const { metadata, spec } = cluster.get(ref('Loaf', 'b-1'))!;
  assert.equal(spec, { flour: 'rye' });
  assert.equal(metadata.labels, { 'controller-uid': uid });
  assert.equal(metadata.ownerReferences, [
    { apiVersion: V1, kind: 'Bakery', name: 'b', uid, controller: true, blockOwnerDeletion: true },
  ]);
  assert.is(
    metadata.annotations?.['metacontroller.k8s.io/last-applied-configuration'],
    `{"apiVersion":"${V1}","kind":"Loaf","metadata":{"labels":{"controller-uid":"${uid}"},"name":"b-1",` +
      `"namespace":"default"},"spec":{"flour":"rye"}}`,
  );
  assert.equal(cluster.get(ref('Bakery', 'b'))?.status, { baked: 2, observedGeneration: 1 });
  assert.equal(record.actions('bakeries').slice(0, 5), [
    'hook sync',
    'create loaves',
    'create loaves',
    'get bakeries',
    'update bakeries/status',
  ]);
});

test('the request has every field that Metacontroller sends, and all child kinds even without children', () => {
  const { cluster, record, settle } = world();
  cluster.apply(object('Bakery', 'b', { loaves: 1 }));
  settle();
  const [first, second] = record.requests('bakeries', 'sync');
  assert.equal(Object.keys(first!), ['controller', 'parent', 'children', 'related', 'finalizing']);
  assert.equal(Object.keys(first!.controller), ['kind', 'apiVersion', 'metadata', 'spec', 'status']);
  assert.equal([first!.children, first!.related, first!.finalizing], [{ [`Loaf.${V1}`]: {} }, {}, false]);
  assert.equal(Object.keys(second!.children[`Loaf.${V1}`]!), ['default/b-0']);
  assert.is(first!.parent.metadata.namespace, 'default');
});

test('settled means that the last sync changed nothing', () => {
  const { cluster, record, settle } = world();
  cluster.apply(object('Bakery', 'b', { loaves: 1 }));
  settle();
  record.clear();
  const again = settle();
  assert.equal([again.syncs, again.writes, record.steps], [0, 0, []]);
});

test('what is not desired any more is deleted, in the background and by uid', () => {
  const { cluster, record, settle } = world();
  cluster.apply(object('Bakery', 'b', { loaves: 3 }));
  settle();
  const uid = cluster.get(ref('Loaf', 'b-2'))?.metadata.uid;
  record.clear();
  cluster.apply(object('Bakery', 'b', { loaves: 2 }));
  settle();
  assert.equal(names(cluster.objects('Loaf')), ['b-0', 'b-1']);
  const deletion = record.steps.find(({ step }) => step.kind === 'api' && step.request.verb === 'delete');
  assert.equal(deletion?.step.kind === 'api' && deletion.step.request, {
    verb: 'delete',
    apiVersion: V1,
    resource: 'loaves',
    namespace: 'default',
    name: 'b-2',
    uid,
    propagationPolicy: 'Background',
  });
});

for (const [method, flour, sameUid] of [
  ['InPlace', 'oat', true],
  ['Recreate', 'oat', false],
  ['OnDelete', 'rye', true],
  [undefined, 'rye', true],
] as const) {
  for (const applyStrategy of ['dynamic-apply', 'server-side-apply'] as const) {
    if (method === 'Recreate' && applyStrategy === 'server-side-apply') continue;
    test(`update strategy ${method} with ${applyStrategy}`, () => {
      const updateStrategy = method && { method };
      const rule = { apiVersion: V1, resource: 'loaves', ...(updateStrategy && { updateStrategy }) };
      const { cluster, settle } = world({ sync: bake }, { childResources: [rule] }, { applyStrategy });
      cluster.apply(object('Bakery', 'b', { loaves: 1 }));
      settle();
      const before = cluster.get(ref('Loaf', 'b-0'))!;
      cluster.apply(object('Bakery', 'b', { loaves: 1, flour: 'oat' }));
      settle();
      const after = cluster.get(ref('Loaf', 'b-0'))!;
      assert.equal(after.spec, { flour });
      assert.is(after.metadata.uid === before.metadata.uid, sameUid);
    });
  }
}

test('dynamic apply leaves alone what others set', () => {
  const { cluster, settle } = world();
  cluster.apply(object('Bakery', 'b', { loaves: 1 }));
  settle();
  const to = { apiVersion: V1, resource: 'loaves', namespace: 'default', name: 'b-0' };
  cluster.request({
    verb: 'patch',
    ...to,
    patch: { spec: { salt: true }, metadata: { labels: { theirs: 'x' } } },
  });
  cluster.request({ verb: 'patch', subresource: 'status', ...to, patch: { status: { sold: true } } });
  cluster.apply(object('Bakery', 'b', { loaves: 1, flour: 'oat' }));
  settle();
  const { spec, status, metadata } = cluster.get(ref('Loaf', 'b-0'))!;
  assert.equal([spec, status, metadata.labels?.theirs], [{ flour: 'oat', salt: true }, { sold: true }, 'x']);
});

test('a name taken by someone else is left to them, and is no error', () => {
  const { cluster, settle } = world();
  cluster.apply(object('Loaf', 'b-0', { flour: 'theirs' }));
  cluster.apply(object('Bakery', 'b', { loaves: 2 }));
  const { failures } = settle();
  assert.equal(failures, []);
  assert.equal(cluster.get(ref('Loaf', 'b-0'))?.spec, { flour: 'theirs' });
  assert.equal(cluster.get(ref('Bakery', 'b'))?.status, { baked: 1, observedGeneration: 1 });
});

test('server-side apply takes over a name that is taken, where dynamic apply gives up', () => {
  const { cluster, settle } = world({ sync: bake }, {}, { applyStrategy: 'server-side-apply' });
  cluster.apply(object('Loaf', 'b-0', { flour: 'theirs' }));
  cluster.apply(object('Bakery', 'b', { loaves: 1 }));
  settle();
  assert.equal(cluster.get(ref('Loaf', 'b-0'))?.spec, { flour: 'rye' });
});

test('Recreate with server-side apply never recreates: the dry run counts a generation, which is taken for a race', () => {
  const rule = { apiVersion: V1, resource: 'loaves', updateStrategy: { method: 'Recreate' } };
  const { cluster, settle } = world(
    { sync: bake },
    { childResources: [rule] },
    { applyStrategy: 'server-side-apply' },
  );
  cluster.apply(object('Bakery', 'b', { loaves: 1 }));
  settle();
  cluster.apply(object('Bakery', 'b', { loaves: 1, flour: 'oat' }));
  assert.match(settle().failures[0]?.message ?? '', 'generation or UID changed during dry run');
});

const theOne = {
  sync: ({ parent }: HookRequest) => ({ children: [desired('Loaf', 'the-one', parent.spec as object)] }),
};

test('two parents that want one name take it from each other for ever under server-side apply', () => {
  const { cluster } = world(theOne, {}, { applyStrategy: 'server-side-apply' });
  cluster.apply(object('Bakery', 'a'));
  cluster.apply(object('Bakery', 'b'));
  assert.not.ok(cluster.settle({ maxSyncs: 100 }).settled);
});

test('an immutable spec stops that: the second to come fails', () => {
  const admission = {
    validate: (given: Unstructured, old?: Unstructured) =>
      given.kind !== 'Loaf' || old === undefined || deepEqual(given.spec, old.spec)
        ? []
        : ['spec: immutable'],
  };
  const { cluster, settle } = world(theOne, {}, { applyStrategy: 'server-side-apply', admission });
  cluster.apply(object('Bakery', 'a', { for: 'a' }));
  cluster.apply(object('Bakery', 'b', { for: 'b' }));
  const { failures } = settle();
  assert.equal(
    failures.map(({ key, message }) => [key, /spec: immutable/.test(message)]),
    [['default/b', true]],
  );
});

test('server-side apply is not repeated for what was applied already', () => {
  const { cluster, record, settle } = world({ sync: bake }, {}, { applyStrategy: 'server-side-apply' });
  cluster.apply(object('Bakery', 'b', { loaves: 1 }));
  settle();
  assert.equal(record.actions('bakeries').filter((action) => action === 'apply loaves').length, 1);
});

test('server-side apply removes the note of an earlier dynamic apply', () => {
  const dynamic = world();
  dynamic.cluster.apply(object('Bakery', 'b', { loaves: 1 }));
  dynamic.settle();
  const old = dynamic.cluster.get(ref('Loaf', 'b-0'))!;
  const { cluster, record, settle } = world({ sync: bake }, {}, { applyStrategy: 'server-side-apply' });
  cluster.apply(object('Bakery', 'b', { loaves: 1 }));
  const metadata = { ...old.metadata, ownerReferences: [], labels: { 'controller-uid': '' } };
  metadata.labels = { 'controller-uid': cluster.get(ref('Bakery', 'b'))!.metadata.uid as string };
  cluster.apply({ ...old, metadata });
  settle();
  assert.ok(record.actions('bakeries').includes('patch loaves'));
  assert.is(
    cluster.get(ref('Loaf', 'b-0'))?.metadata.annotations?.[
      'metacontroller.k8s.io/last-applied-configuration'
    ],
    undefined,
  );
});

test('an orphan with the label is adopted, after a live look at the parent', () => {
  const { cluster, record, settle } = world();
  cluster.apply(object('Bakery', 'b', { loaves: 1 }));
  const uid = cluster.get(ref('Bakery', 'b'))!.metadata.uid;
  cluster.apply(object('Loaf', 'b-0', { flour: 'rye' }, { labels: { 'controller-uid': uid } }));
  settle();
  assert.is(cluster.get(ref('Loaf', 'b-0'))?.metadata.ownerReferences?.[0]?.uid, uid);
  assert.equal(record.actions('bakeries').slice(0, 4), [
    'get bakeries',
    'get loaves',
    'update loaves',
    'hook sync',
  ]);
});

test('an orphan that appears later wakes the parent that may adopt it', () => {
  const { cluster, settle } = world();
  cluster.apply(object('Bakery', 'b', { loaves: 0 }));
  settle();
  const uid = cluster.get(ref('Bakery', 'b'))!.metadata.uid;
  cluster.apply(object('Loaf', 'stray', {}, { labels: { 'controller-uid': uid } }));
  settle();
  assert.equal(names(cluster.objects('Loaf')), []);
});

test('an owned child without the label is released', () => {
  const { cluster, settle } = world();
  cluster.apply(object('Bakery', 'b', { loaves: 1 }));
  settle();
  const to = { apiVersion: V1, resource: 'loaves', namespace: 'default', name: 'b-0' };
  cluster.request({ verb: 'patch', ...to, patch: { metadata: { labels: null } } });
  settle();
  assert.not('ownerReferences' in cluster.get(ref('Loaf', 'b-0'))!.metadata);
});

test('a child relabelled for another parent is released, adopted and deleted there, and made anew', () => {
  const { cluster, record, settle } = world();
  cluster.apply(object('Bakery', 'b', { loaves: 0 }));
  cluster.apply(object('Bakery', 'other', { loaves: 1 }));
  settle();
  const first = cluster.get(ref('Loaf', 'other-0'))!;
  const to = { apiVersion: V1, resource: 'loaves', namespace: 'default', name: 'other-0' };
  const labels = { 'controller-uid': cluster.get(ref('Bakery', 'b'))!.metadata.uid };
  record.clear();
  cluster.request({ verb: 'patch', ...to, patch: { metadata: { labels } } });
  settle();
  const second = cluster.get(ref('Loaf', 'other-0'))!;
  assert.is.not(second.metadata.uid, first.metadata.uid);
  assert.is(second.metadata.ownerReferences?.[0]?.name, 'other');
  const writers = record.steps.flatMap(({ key, step }) =>
    step.kind === 'api' && step.request.resource === 'loaves' && step.request.verb !== 'get'
      ? [`${key} ${step.request.verb}`]
      : [],
  );
  assert.equal(writers, [
    'default/other update',
    'default/other create',
    'default/b update',
    'default/b delete',
    'default/other create',
  ]);
});

const finalizing: Hooks = {
  sync: bake,
  finalize: (request: HookRequest) => ({
    children: [],
    finalized: Object.keys(request.children[`Loaf.${V1}`]!).length === 0,
  }),
};

test('the finalizer is added first, and the parent goes when the finalize hook says so', () => {
  const { cluster, record, settle } = world(finalizing, {
    hooks: { sync: HOOKS.sync, finalize: HOOKS.finalize },
  });
  cluster.apply(object('Bakery', 'b', { loaves: 2 }));
  settle();
  assert.equal(record.actions('bakeries').slice(0, 3), ['get bakeries', 'update bakeries', 'hook sync']);
  assert.equal(cluster.get(ref('Bakery', 'b'))?.metadata.finalizers, [FINALIZER]);
  record.clear();
  cluster.delete(ref('Bakery', 'b'));
  settle();
  assert.equal(names(cluster.objects()), []);
  const requests = record.requests('bakeries', 'finalize');
  assert.is(requests[0]?.finalizing, true);
  assert.is(requests[0]?.parent.metadata.generation, 2);
  assert.equal(record.requests('bakeries', 'sync'), []);
  assert.equal(record.actions('bakeries').slice(0, 3), ['hook finalize', 'delete loaves', 'delete loaves']);
});

test('without a finalize hook the sync hook sees the deletion, but children are left to the garbage collector', () => {
  const { cluster, record, settle } = world();
  cluster.apply(object('Bakery', 'b', { loaves: 1 }, { finalizers: [`${GROUP}/hold`] }));
  settle();
  cluster.delete(ref('Bakery', 'b'));
  record.clear();
  cluster.apply(object('Bakery', 'b', { loaves: 2 }, { finalizers: [`${GROUP}/hold`] }));
  settle();
  assert.equal(names(cluster.objects('Loaf')), ['b-0']);
  assert.is(record.requests('bakeries', 'sync').at(-1)?.finalizing, false);
});

test('our finalizer is removed when there is no finalize hook', () => {
  const { cluster, settle } = world();
  cluster.apply(object('Bakery', 'b', {}, { finalizers: [FINALIZER] }));
  settle();
  cluster.request({
    verb: 'patch',
    apiVersion: V1,
    resource: 'bakeries',
    namespace: 'default',
    name: 'b',
    patch: { metadata: { finalizers: [FINALIZER] } },
  });
  settle();
  assert.equal(cluster.get(ref('Bakery', 'b'))?.metadata.finalizers ?? [], []);
});

test('a parent that leaves the selector is finalized, then ignored', () => {
  const parentResource = {
    apiVersion: V1,
    resource: 'bakeries',
    labelSelector: { matchLabels: { open: 'yes' } },
  };
  const { cluster, record, settle } = world(finalizing, {
    parentResource,
    hooks: { sync: HOOKS.sync, finalize: HOOKS.finalize },
  });
  cluster.apply(object('Bakery', 'closed', { loaves: 1 }));
  cluster.apply(object('Bakery', 'b', { loaves: 1 }, { labels: { open: 'yes' } }));
  settle();
  assert.equal(names(cluster.objects('Loaf')), ['b-0']);
  cluster.apply(object('Bakery', 'b', { loaves: 1 }));
  settle();
  assert.equal(names(cluster.objects('Loaf')), []);
  assert.equal(cluster.get(ref('Bakery', 'b'))?.metadata.finalizers ?? [], []);
  record.clear();
  cluster.apply(object('Bakery', 'b', { loaves: 5 }));
  settle();
  assert.equal(record.actions('bakeries'), []);
});

test('ignoreStatusChanges: its own status does not wake the parent, a label does', () => {
  const parentResource = { apiVersion: V1, resource: 'bakeries', ignoreStatusChanges: true };
  const { cluster, record, settle } = world({ sync: bake }, { parentResource });
  cluster.apply(object('Bakery', 'b', { loaves: 0 }));
  settle();
  assert.is(record.requests('bakeries', 'sync').length, 1);
  cluster.apply(object('Bakery', 'b', { loaves: 0 }, { labels: { a: 'b' } }));
  settle();
  assert.is(record.requests('bakeries', 'sync').length, 2);
});

test('a failed child does not stop the others nor the status, and is tried again', () => {
  const sync = () => ({ status: { ran: true }, children: [desired('Loaf', 'BAD'), desired('Loaf', 'good')] });
  const { cluster, settle } = world({ sync });
  cluster.apply(object('Bakery', 'b'));
  const { failures, syncs } = settle();
  assert.equal(names(cluster.objects('Loaf')), ['good']);
  assert.equal(cluster.get(ref('Bakery', 'b'))?.status, { ran: true, observedGeneration: 1 });
  assert.match(failures[0]!.message, /can't apply Loaf default\/BAD.*RFC 1123/);
  assert.ok(syncs > 10, 'retries within the horizon');
});

test('a status that lost four races ends the sync in silence, whatever became of the children', () => {
  const schedule: Schedule = {
    ...FAIR,
    fault: (step) =>
      step.kind === 'api' && 'subresource' in step.request
        ? { kind: 'refused', error: apiError('Conflict', 'late').error }
        : undefined,
  };
  const sync = () => ({ children: [desired('Loaf', 'BAD')] });
  const { cluster, record, settle } = world({ sync }, {}, { schedule });
  cluster.apply(object('Bakery', 'b'));
  const { failures, syncs } = settle();
  assert.equal([failures, syncs], [[], 1]);
  assert.is(record.actions('bakeries').filter((action) => action === 'update bakeries/status').length, 4);
});

test('a resync comes after the seconds that the hook asked for', () => {
  const times: number[] = [];
  const sync = (_: never, { now }: { now: number }) => {
    times.push(now);
    return { children: [], resyncAfterSeconds: times.length < 3 ? 30 : 0 };
  };
  const { cluster, settle } = world(
    { sync },
    { parentResource: { apiVersion: V1, resource: 'bakeries', ignoreStatusChanges: true } },
  );
  cluster.apply(object('Bakery', 'b'));
  settle();
  assert.equal(
    times.map((time) => time - times[0]!),
    [0, 30_000, 60_000],
  );
});

test('resyncPeriodSeconds resyncs every parent', () => {
  const { cluster, record } = world({ sync: bake }, { resyncPeriodSeconds: 10 });
  cluster.apply(object('Bakery', 'b'));
  cluster.settle({ horizonSeconds: 0 });
  record.clear();
  cluster.run(35);
  assert.is(record.requests('bakeries', 'sync').length, 3);
});

test('a cluster-scoped parent owns children in the namespaces it names', () => {
  const sync = () => ({ children: [desired('Loaf', 'l', {}, { namespace: 'ns-a' })] });
  const { cluster, settle } = world({ sync }, { parentResource: { apiVersion: V1, resource: 'chains' } });
  cluster.apply(object('Chain', 'c'));
  settle();
  assert.is(cluster.get(ref('Loaf', 'l', 'ns-a'))?.metadata.ownerReferences?.[0]?.kind, 'Chain');
  assert.equal(names(cluster.objects('Chain')), [
    cluster.get({ apiVersion: V1, kind: 'Chain', name: 'c' })!.metadata.name,
  ]);
  assert.is(CHAIN.spec.scope, 'Cluster');
});

test('a parent without a status subresource is refused at start', () => {
  const { name, served, storage } = BAKERY.spec.versions[0]!;
  const bare = { ...BAKERY, spec: { ...BAKERY.spec, versions: [{ name, served, storage }] } };
  const start = () =>
    new SimulatedCluster({ crds: [bare, ...CRDS.slice(1)], controllers: [composite()], hooks: {} });
  assert.throws(start, /without a status subresource/);
});

test('an unknown resource or hook version is refused at start', () => {
  const start = (spec: object) => () =>
    new SimulatedCluster({ crds: CRDS, controllers: [composite(spec)], hooks: {} });
  assert.throws(
    start({ childResources: [{ apiVersion: V1, resource: 'cakes' }] }),
    /can't find resource "cakes"/,
  );
  assert.throws(start({ hooks: { sync: { version: 'v1' } } }), /must have version v2/);
});

test('a hook that never answers the same twice does not settle, and says where', () => {
  let count = 0;
  const { cluster } = world({ sync: () => ({ status: { count: count++ }, children: [] }) });
  cluster.apply(object('Bakery', 'b'));
  const settlement = cluster.settle({ maxSyncs: 50 });
  assert.not.ok(settlement.settled);
  assert.is(settlement.syncs, 50);
  assert.is(settlement.loops[0]?.key, 'default/b');
  assert.is(settlement.loops[0]?.responses.length, 2);
  assert.is.not(settlement.loops[0]?.responses[0], settlement.loops[0]?.responses[1]);
});

test('a child that another controls is not ours, even if we are among its owners', () => {
  const { cluster, record, settle } = world();
  cluster.apply(object('Bakery', 'b', { loaves: 0 }));
  cluster.apply(object('Note', 'controller'));
  const reference = (kind: string, name: string, controller: boolean) => {
    const uid = cluster.get(ref(kind, name))!.metadata.uid;
    return { apiVersion: V1, kind, name, uid, controller };
  };
  const ownerReferences = [reference('Bakery', 'b', false), reference('Note', 'controller', true)];
  const labels = { 'controller-uid': ownerReferences[0]!.uid };
  cluster.apply(object('Loaf', 'shared', {}, { labels, ownerReferences }));
  cluster.apply(object('Bakery', 'b', { loaves: 1 }));
  settle();
  assert.equal(names(cluster.objects('Loaf')), ['shared', 'b-0']);
  assert.equal(Object.keys(record.requests('bakeries', 'sync').at(-1)!.children[`Loaf.${V1}`]!), [
    'default/b-0',
  ]);
});

test('nothing is adopted or released by a parent, or adopted as a child, that is being deleted', () => {
  const hold = { finalizers: [`${GROUP}/hold`] };
  const { cluster, record, settle } = world();
  cluster.apply(object('Bakery', 'b', { loaves: 1 }, hold));
  cluster.apply(object('Bakery', 'living', { loaves: 0 }));
  settle();
  const uidOf = (name: string) => ({ 'controller-uid': cluster.get(ref('Bakery', name))!.metadata.uid });
  cluster.delete(ref('Bakery', 'b'));
  settle();
  record.clear();
  const to = { apiVersion: V1, resource: 'loaves', namespace: 'default', name: 'b-0' };
  cluster.request({ verb: 'patch', ...to, patch: { metadata: { labels: null } } });
  cluster.apply(object('Loaf', 'stray', {}, { labels: uidOf('b') }));
  cluster.apply(object('Loaf', 'dying', {}, { ...hold, labels: uidOf('living') }));
  cluster.delete(ref('Loaf', 'dying'));
  cluster.apply(object('Bakery', 'living', { loaves: 0, flour: 'oat' }));
  settle();
  const touched = record.actions('bakeries').filter((action) => action.endsWith('loaves'));
  assert.equal(touched, []);
});

test('a desired child whose labels do not match the selector fails the sync before anything is written', () => {
  const sync = () => ({ children: [desired('Loaf', 'l', {}, { labels: { 'controller-uid': 'other' } })] });
  const { cluster, settle } = world({ sync });
  cluster.apply(object('Bakery', 'b'));
  assert.match(settle().failures[0]?.message ?? '', "don't match parent selector");
  assert.equal(names(cluster.objects()), ['b']);
});

test('a parent with a selector of its own selects by it', () => {
  const sync = () => ({ children: [desired('Loaf', 'l', {}, { labels: { of: 'b' } })] });
  const { cluster, settle } = world({ sync }, { generateSelector: false });
  cluster.apply(object('Bakery', 'b', { selector: { matchLabels: { of: 'b' } } }));
  cluster.apply(object('Bakery', 'none'));
  const { failures } = settle();
  assert.equal(cluster.get(ref('Loaf', 'l'))?.metadata.labels, { of: 'b' });
  assert.equal(
    failures.map(({ key }) => key),
    ['default/none'],
  );
});

for (const applyStrategy of ['dynamic-apply', 'server-side-apply'] as const) {
  test(`a child that is being deleted is left alone, wanted or not (${applyStrategy})`, () => {
    const { cluster, record, settle } = world({ sync: bake }, {}, { applyStrategy });
    cluster.apply(object('Bakery', 'b', { loaves: 2 }));
    settle();
    for (const name of ['b-0', 'b-1']) {
      const to = { apiVersion: V1, resource: 'loaves', namespace: 'default', name };
      cluster.request({ verb: 'patch', ...to, patch: { metadata: { finalizers: [`${GROUP}/hold`] } } });
      cluster.request({ verb: 'delete', ...to });
    }
    record.clear();
    cluster.apply(object('Bakery', 'b', { loaves: 1, flour: 'oat' }));
    settle();
    assert.equal(
      record.actions('bakeries').filter((action) => action.endsWith('loaves')),
      [],
    );
  });
}

test('an update that comes too late is no error: the change brings another sync', () => {
  let raced = false;
  const { cluster, record, settle } = world(
    { sync: bake },
    {},
    {
      observe: (entry) => {
        record.observe(entry);
        if (raced || entry.step.kind !== 'hook' || !/"flour":"oat"/.test(entry.step.call.body)) return;
        raced = true;
        const to = { apiVersion: V1, resource: 'loaves', namespace: 'default', name: 'b-0' };
        cluster.request({ verb: 'patch', ...to, patch: { spec: { salt: true } } });
      },
    },
  );
  cluster.apply(object('Bakery', 'b', { loaves: 1 }));
  settle();
  cluster.apply(object('Bakery', 'b', { loaves: 1, flour: 'oat' }));
  assert.is(settle().seconds, 0);
  const updates = record.steps.flatMap(({ step, result }) =>
    step.kind === 'api' && step.request.verb === 'update' && step.request.resource === 'loaves'
      ? ['error' in result ? result.error?.reason : 'done']
      : [],
  );
  assert.equal(updates, ['Conflict', 'done']);
  assert.equal(cluster.get(ref('Loaf', 'b-0'))?.spec, { flour: 'oat', salt: true });
});

test('a child’s event does not wake a parent that only has the name of its owner', () => {
  const { cluster, record, settle } = world();
  cluster.apply(object('Bakery', 'b', { loaves: 0 }));
  settle();
  record.clear();
  const owner = { apiVersion: V1, kind: 'Bakery', name: 'b', uid: 'an-older-one', controller: true };
  cluster.apply(object('Loaf', 'l', {}, { ownerReferences: [owner] }));
  settle();
  assert.equal(record.actions('bakeries'), []);
});

test('no more keys are worked on at a time than there are workers', () => {
  let most = 0;
  const schedule: Schedule = {
    choose(moves) {
      const all = [...moves];
      most = Math.max(most, all.filter(({ kind }) => kind === 'step').length);
      return moves.first('start') ?? FAIR.choose(moves);
    },
  };
  const { cluster, settle } = world({ sync: bake }, {}, { schedule, workers: 3 });
  for (let i = 0; i < 10; i++) cluster.apply(object('Bakery', `b${i}`, { loaves: 1 }));
  settle();
  assert.is(most, 3);
});

test('after a success retries begin with the shortest delay again', () => {
  const times: number[] = [];
  const sync = (_: never, { now }: { now: number }) => {
    times.push(now);
    if (times.length !== 4) throw new Error('out of flour');
    return { children: [] };
  };
  const parentResource = { apiVersion: V1, resource: 'bakeries', ignoreStatusChanges: true };
  const { cluster } = world({ sync }, { parentResource });
  cluster.apply(object('Bakery', 'b'));
  cluster.settle({ horizonSeconds: 1 });
  assert.equal(
    times.map((time) => time - times[0]!),
    [0, 5, 15, 35],
  );
  cluster.apply(object('Bakery', 'b', { again: true }));
  cluster.settle({ horizonSeconds: 0.006 });
  assert.is(times[5]! - times[4]!, 5);
});

test.run();
