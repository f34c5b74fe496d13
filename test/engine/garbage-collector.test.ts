import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { SimulatedCluster } from '../../lib/engine/cluster.ts';
import type { Unstructured } from '../../lib/engine/object.ts';
import { FAIR, type Schedule } from '../../lib/engine/schedule.ts';
import type { Step } from '../../lib/engine/task.ts';
import { bake, CRDS, composite, GROUP, type HookRequest, names, object, recorder, ref, V1 } from './kit.ts';

const emptyCluster = () => new SimulatedCluster({ crds: CRDS, controllers: [], hooks: {} });

function owner({ apiVersion, kind, metadata }: Unstructured, blockOwnerDeletion = true) {
  return { apiVersion, kind, name: metadata.name, uid: metadata.uid, blockOwnerDeletion };
}

function make(
  cluster: SimulatedCluster,
  kind: string,
  name: string,
  owners: object[] = [],
  metadata: object = {},
): Unstructured {
  const result = cluster.apply(
    object(kind, name, {}, { ...metadata, ...(owners.length && { ownerReferences: owners }) }),
  );
  assert.is(result.error, undefined);
  return result.object!;
}

test('a look that is not answered says nothing: it is taken again', () => {
  let lost = 0;
  const isLook = (step: Step) =>
    step.kind === 'api' && step.request.verb === 'get' && step.request.resource === 'loaves';
  const schedule: Schedule = {
    ...FAIR,
    fault: (step) => (isLook(step) && lost++ === 0 ? { kind: 'lost' } : undefined),
  };
  const cluster = new SimulatedCluster({ crds: CRDS, controllers: [], hooks: {}, schedule });
  const a = make(cluster, 'Bakery', 'a');
  make(cluster, 'Loaf', 'l', [owner(a)]);
  cluster.delete(ref('Bakery', 'a'));
  cluster.settle();
  assert.ok(lost > 1);
  assert.equal(names(cluster.objects()), []);
});

test('an object goes when its last owner is gone, and so on down', () => {
  const cluster = emptyCluster();
  const a = make(cluster, 'Bakery', 'a');
  const b = make(cluster, 'Bakery', 'b');
  const loaf = make(cluster, 'Loaf', 'l', [owner(a), owner(b)]);
  make(cluster, 'Note', 'n', [owner(loaf)]);
  cluster.settle();
  cluster.delete(ref('Bakery', 'a'));
  cluster.settle();
  assert.equal(names(cluster.objects()), ['b', 'l', 'n']);
  assert.equal(cluster.get(ref('Loaf', 'l'))?.metadata.ownerReferences, [owner(b)]);
  cluster.delete(ref('Bakery', 'b'));
  cluster.settle();
  assert.equal(names(cluster.objects()), []);
});

test('owners are known by uid: a recreated owner does not count', () => {
  const cluster = emptyCluster();
  const first = make(cluster, 'Bakery', 'a');
  cluster.delete(ref('Bakery', 'a'));
  make(cluster, 'Bakery', 'a');
  make(cluster, 'Loaf', 'l', [owner(first)]);
  cluster.settle();
  assert.equal(names(cluster.objects()), ['a']);
});

test('an owner that cannot be looked up keeps its dependents', () => {
  const cluster = emptyCluster();
  const bakery = make(cluster, 'Bakery', 'a');
  make(cluster, 'Chain', 'c', [owner(bakery)]);
  make(cluster, 'Loaf', 'l', [{ ...owner(bakery), kind: 'Cake', uid: 'x' }]);
  cluster.delete(ref('Bakery', 'a'));
  cluster.settle();
  assert.equal(names(cluster.objects()), ['l', 'c']);
});

test('an owner of another namespace is no owner', () => {
  const cluster = emptyCluster();
  const bakery = make(cluster, 'Bakery', 'a');
  make(cluster, 'Loaf', 'l', [owner(bakery)], { namespace: 'elsewhere' });
  cluster.settle();
  assert.equal(names(cluster.objects()), ['a']);
});

test('foreground deletion holds the owner until what blocks it is gone', () => {
  const cluster = emptyCluster();
  const bakery = make(cluster, 'Bakery', 'a');
  make(cluster, 'Loaf', 'held', [owner(bakery)], { finalizers: [`${GROUP}/hold`] });
  make(cluster, 'Loaf', 'free', [owner(bakery)]);
  cluster.settle();
  const to = { apiVersion: V1, namespace: 'default' };
  cluster.request({
    verb: 'delete',
    ...to,
    resource: 'bakeries',
    name: 'a',
    propagationPolicy: 'Foreground',
  });
  cluster.settle();
  assert.equal(names(cluster.objects()), ['a', 'held']);
  assert.equal(cluster.get(ref('Bakery', 'a'))?.metadata.finalizers, ['foregroundDeletion']);
  cluster.request({
    verb: 'patch',
    ...to,
    resource: 'loaves',
    name: 'held',
    patch: { metadata: { finalizers: null } },
  });
  cluster.settle();
  assert.equal(names(cluster.objects()), []);
});

test('foreground deletion is over when what blocks it has lost its reference, having another owner', () => {
  const cluster = emptyCluster();
  const [a, b] = ['a', 'b'].map((name) => make(cluster, 'Bakery', name)) as [Unstructured, Unstructured];
  make(cluster, 'Loaf', 'of-both', [owner(a), owner(b)]);
  cluster.settle();
  const to = { apiVersion: V1, namespace: 'default', resource: 'bakeries', name: 'a' };
  cluster.request({ verb: 'delete', ...to, propagationPolicy: 'Foreground' });
  assert.ok(cluster.settle().settled);
  assert.equal(names(cluster.objects()), ['b', 'of-both']);
  assert.equal(cluster.get(ref('Loaf', 'of-both'))?.metadata.ownerReferences, [owner(b)]);
});

test('foreground deletion reaches the dependents of dependents first', () => {
  const deleted: string[] = [];
  const cluster = new SimulatedCluster({
    crds: CRDS,
    controllers: [],
    hooks: {},
    observe: ({ step, result }) => {
      const gone = step.kind === 'api' && step.request.verb !== 'get' && 'object' in result;
      if (gone && result.object?.metadata.finalizers?.length !== 1) deleted.push(step.request.name);
    },
  });
  const bakery = make(cluster, 'Bakery', 'a');
  const loaf = make(cluster, 'Loaf', 'l', [owner(bakery)]);
  make(cluster, 'Note', 'n', [owner(loaf)]);
  cluster.settle();
  const to = { apiVersion: V1, namespace: 'default' };
  cluster.request({
    verb: 'delete',
    ...to,
    resource: 'bakeries',
    name: 'a',
    propagationPolicy: 'Foreground',
  });
  assert.ok(cluster.settle().settled);
  assert.equal(deleted, ['n', 'l', 'a']);
});

test('an object that gets a new owner while it is looked at stays', () => {
  let helped = false;
  const cluster = new SimulatedCluster({
    crds: CRDS,
    controllers: [],
    hooks: {},
    observe: ({ step }) => {
      if (helped || step.kind !== 'api' || step.request.resource !== 'bakeries') return;
      helped = true;
      const to = { apiVersion: V1, resource: 'loaves', namespace: 'default', name: 'l' };
      const patch = { metadata: { ownerReferences: [owner(cluster.get(ref('Bakery', 'b'))!)] } };
      cluster.request({ verb: 'patch', ...to, patch });
    },
  });
  const a = make(cluster, 'Bakery', 'a');
  make(cluster, 'Bakery', 'b');
  make(cluster, 'Loaf', 'l', [owner(a)]);
  cluster.settle();
  cluster.delete(ref('Bakery', 'a'));
  assert.equal(cluster.settle().failures, []);
  assert.ok(helped);
  assert.equal(names(cluster.objects()), ['b', 'l']);
});

test('Metacontroller leaves the children of a parent in foreground deletion to the collector', () => {
  const record = recorder();
  const cluster = new SimulatedCluster({
    crds: CRDS,
    controllers: [composite({ hooks: { sync: { version: 'v2' }, finalize: { version: 'v2' } } })],
    hooks: {
      bakeries: {
        sync: bake,
        finalize: ({ children }: HookRequest) => ({
          children: [],
          finalized: Object.keys(children[`Loaf.${V1}`] ?? {}).length === 0,
        }),
      },
    },
    observe: record.observe,
  });
  cluster.apply(object('Bakery', 'b', { loaves: 2 }));
  cluster.settle();
  const to = { apiVersion: V1, namespace: 'default', resource: 'bakeries', name: 'b' };
  cluster.request({ verb: 'delete', ...to, propagationPolicy: 'Foreground' });
  assert.ok(cluster.settle().settled);
  assert.equal(names(cluster.objects()), []);
  assert.not.ok(record.actions('bakeries').includes('delete loaves'));
});

test('a deleted namespace takes its content along, admits nothing new, and then goes', () => {
  const cluster = emptyCluster();
  const namespace = { apiVersion: 'v1', kind: 'Namespace', name: 'ns' };
  cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'ns' } });
  make(cluster, 'Loaf', 'held', [], { namespace: 'ns', finalizers: [`${GROUP}/hold`] });
  make(cluster, 'Note', 'n', [], { namespace: 'ns' });
  make(cluster, 'Note', 'outside');
  cluster.settle();
  cluster.delete(namespace);
  assert.is(cluster.apply(object('Note', 'late', {}, { namespace: 'ns' })).error?.reason, 'Forbidden');
  cluster.settle();
  assert.equal(names(cluster.objects()), ['ns', 'held', 'outside']);
  const to = { apiVersion: V1, resource: 'loaves', namespace: 'ns', name: 'held' };
  cluster.request({ verb: 'patch', ...to, patch: { metadata: { finalizers: null } } });
  assert.ok(cluster.settle().settled);
  assert.equal(names(cluster.objects()), ['outside']);
});

test.run();
