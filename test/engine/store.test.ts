import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { ApiRequest } from '../../lib/engine/api.ts';
import type { Unstructured } from '../../lib/engine/object.ts';
import { Resources } from '../../lib/engine/resources.ts';
import { type Admission, Store } from '../../lib/engine/store.ts';
import { CRDS, GROUP, LOAF, object, V1 } from './kit.ts';

const START = Date.UTC(2026, 0, 1);

function newStore(admission?: Admission, seed = 7) {
  return new Store({ resources: new Resources(CRDS), seed, now: () => START, admission });
}

const loaf = (name: string) => ({ apiVersion: V1, resource: 'loaves', namespace: 'default', name });
const node = (name: string) => ({ apiVersion: 'v1', resource: 'nodes', name });

function write(store: Store, request: ApiRequest): Unstructured {
  const result = store.execute(request);
  assert.is(result.error, undefined);
  return result.object as Unstructured;
}

function create(store: Store, name = 'a', spec: object = { flour: 'rye' }, metadata: object = {}) {
  return write(store, { verb: 'create', ...loaf(name), object: object('Loaf', name, spec, metadata) });
}

const change = (current: Unstructured, fields: object): Unstructured => ({ ...current, ...fields });
const changeMeta = (current: Unstructured, metadata: object): Unstructured => ({
  ...current,
  metadata: { ...current.metadata, ...metadata },
});

test('create fills in the system metadata and drops a custom resource’s status', () => {
  const store = newStore();
  const given = {
    ...object('Loaf', 'a', { flour: 'rye' }, { resourceVersion: '99', uid: 'mine' }),
    status: { n: 1 },
  };
  const created = write(store, { verb: 'create', ...loaf('a'), object: given });
  assert.match(
    created.metadata.uid as string,
    /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$/,
  );
  assert.is(created.metadata.resourceVersion, '1');
  assert.is(created.metadata.generation, 1);
  assert.is(created.metadata.creationTimestamp, '2026-01-01T00:00:00Z');
  assert.is(created.metadata.namespace, 'default');
  assert.is(created.status, undefined);
});

test('uids follow from the seed and never repeat', () => {
  const uids = (seed: number) => {
    const store = newStore(undefined, seed);
    return Array.from({ length: 500 }, (_, i) => create(store, `l${i}`).metadata.uid);
  };
  assert.equal(uids(1), uids(1));
  assert.is(new Set([...uids(1), ...uids(2)]).size, 1000);
});

test('a name can be taken once', () => {
  const store = newStore();
  create(store);
  const again = store.execute({ verb: 'create', ...loaf('a'), object: object('Loaf', 'a') });
  assert.is(again.error?.reason, 'AlreadyExists');
  assert.is(again.error?.code, 409);
});

test('what is not there is not found', () => {
  const store = newStore();
  for (const verb of ['get', 'delete'] as const) {
    assert.is(store.execute({ verb, ...loaf('a') }).error?.reason, 'NotFound');
  }
  assert.is(store.execute({ verb: 'get', ...loaf('a'), resource: 'cakes' }).error?.reason, 'NotFound');
  assert.is(store.execute({ verb: 'get', ...loaf('a'), namespace: undefined }).error?.reason, 'BadRequest');
});

test('an update needs the current resourceVersion and uid', () => {
  const store = newStore();
  const first = create(store);
  const second = write(store, {
    verb: 'update',
    ...loaf('a'),
    object: change(first, { spec: { flour: 'oat' } }),
  });
  assert.is(second.metadata.resourceVersion, '2');
  const reasonOf = (update: Unstructured) =>
    store.execute({ verb: 'update', ...loaf('a'), object: update }).error?.reason;
  assert.is(reasonOf(first), 'Conflict');
  assert.is(reasonOf(changeMeta(second, { uid: 'other' })), 'Conflict');
  assert.is(reasonOf(changeMeta(second, { resourceVersion: undefined })), 'Invalid');
});

test('the generation counts changes of the spec only', () => {
  const store = newStore();
  const created = create(store);
  const labelled = write(store, {
    verb: 'update',
    ...loaf('a'),
    object: changeMeta(created, { labels: { crust: 'thick' } }),
  });
  assert.is(labelled.metadata.generation, 1);
  const status = write(store, {
    verb: 'update',
    subresource: 'status',
    ...loaf('a'),
    object: change(labelled, { status: { done: true } }),
  });
  assert.is(status.metadata.generation, 1);
  const baked = write(store, { verb: 'update', ...loaf('a'), object: change(status, { spec: {} }) });
  assert.is(baked.metadata.generation, 2);
});

test('main and status updates keep to their part', () => {
  const store = newStore();
  const created = create(store);
  const everything = changeMeta(change(created, { spec: { flour: 'oat' }, status: { done: true } }), {
    labels: { crust: 'thick' },
  });
  const status = write(store, { verb: 'update', subresource: 'status', ...loaf('a'), object: everything });
  assert.equal(status.spec, { flour: 'rye' });
  assert.is(status.metadata.labels, undefined);
  assert.equal(status.status, { done: true });
  const main = write(store, {
    verb: 'update',
    ...loaf('a'),
    object: changeMeta(change(everything, { status: { done: false } }), {
      resourceVersion: status.metadata.resourceVersion,
    }),
  });
  assert.equal(main.spec, { flour: 'oat' });
  assert.equal(main.status, { done: true });
});

test('a no-op write is no event and no new resourceVersion', () => {
  const store = newStore();
  const created = create(store);
  assert.is(write(store, { verb: 'update', ...loaf('a'), object: created }), created);
  assert.is(store.log(store.resources.get(V1, 'loaves')).length, 1);
});

test('system metadata cannot be written', () => {
  const store = newStore();
  const created = create(store);
  const updated = write(store, {
    verb: 'update',
    ...loaf('a'),
    object: changeMeta(created, {
      creationTimestamp: '1999-01-01T00:00:00Z',
      generation: 9,
      labels: { a: 'b' },
    }),
  });
  assert.is(updated.metadata.creationTimestamp, '2026-01-01T00:00:00Z');
  assert.is(updated.metadata.generation, 1);
});

test('empty lists and maps of the metadata are left out', () => {
  const store = newStore();
  const created = create(store, 'a', {}, { labels: {}, annotations: { a: '1' }, finalizers: [] });
  assert.equal(Object.keys(created.metadata).sort(), [
    'annotations',
    'creationTimestamp',
    'generation',
    'name',
    'namespace',
    'resourceVersion',
    'uid',
  ]);
  const patched = write(store, {
    verb: 'patch',
    ...loaf('a'),
    patch: { metadata: { annotations: { a: null } } },
  });
  assert.not('annotations' in patched.metadata);
  const same = write(store, {
    verb: 'update',
    ...loaf('a'),
    object: changeMeta(patched, { ownerReferences: [] }),
  });
  assert.is(same.metadata.resourceVersion, patched.metadata.resourceVersion);
});

test('a finalizer holds a deleted object, which goes with the last one', () => {
  const store = newStore();
  create(store, 'a', {}, { finalizers: [`${GROUP}/hold`] });
  const marked = write(store, { verb: 'delete', ...loaf('a') });
  assert.is(marked.metadata.deletionTimestamp, '2026-01-01T00:00:00Z');
  assert.is((marked.metadata as { deletionGracePeriodSeconds?: number }).deletionGracePeriodSeconds, 0);
  assert.is(marked.metadata.generation, 2);
  assert.is(write(store, { verb: 'delete', ...loaf('a') }), marked);
  const more = changeMeta(marked, { finalizers: [`${GROUP}/hold`, `${GROUP}/more`] });
  assert.is(store.execute({ verb: 'update', ...loaf('a'), object: more }).error?.reason, 'Invalid');
  write(store, { verb: 'update', ...loaf('a'), object: changeMeta(marked, { finalizers: [] }) });
  assert.is(store.execute({ verb: 'get', ...loaf('a') }).error?.reason, 'NotFound');
  const events = store.log(store.resources.get(V1, 'loaves')).map(({ type }) => type);
  assert.equal(events, ['ADDED', 'MODIFIED', 'DELETED']);
});

test('deletion preconditions', () => {
  const store = newStore();
  const { metadata } = create(store);
  assert.is(store.execute({ verb: 'delete', ...loaf('a'), uid: 'other' }).error?.reason, 'Conflict');
  assert.is(store.execute({ verb: 'delete', ...loaf('a'), resourceVersion: '9' }).error?.reason, 'Conflict');
  write(store, {
    verb: 'delete',
    ...loaf('a'),
    uid: metadata.uid,
    resourceVersion: metadata.resourceVersion,
  });
});

test('resourceVersions are one sequence over all types, and a deletion takes one', () => {
  const store = newStore();
  create(store, 'a');
  write(store, {
    verb: 'create',
    ...node('n'),
    object: { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n' } },
  });
  const gone = write(store, { verb: 'delete', ...loaf('a') });
  assert.is(gone.metadata.resourceVersion, '3');
});

test('metadata rules', () => {
  const store = newStore();
  const owner = { apiVersion: V1, kind: 'Bakery', name: 'b', uid: 'u', controller: true };
  const refused: [string, object][] = [
    ['Upper', {}],
    ['a', { name: undefined }],
    ['a', { labels: { key: 'x'.repeat(64) } }],
    ['a', { labels: { 'bad key': 'x' } }],
    ['a', { labels: { key: '-x' } }],
    ['a', { annotations: { 'a/b/c': 'x' } }],
    ['a', { ownerReferences: [owner, { ...owner, uid: 'v' }] }],
    ['a', { ownerReferences: [{ ...owner, uid: '' }] }],
  ];
  for (const [name, metadata] of refused) {
    const result = store.execute({
      verb: 'create',
      ...loaf(name),
      object: object('Loaf', name, {}, metadata),
    });
    assert.is(result.error?.reason, 'Invalid', JSON.stringify(metadata));
  }
  const before = create(store, 'sound');
  for (const metadata of [{ labels: { key: '-x' } }, { annotations: { 'bad key': 'x' } }]) {
    const result = store.execute({ verb: 'update', ...loaf('sound'), object: changeMeta(before, metadata) });
    assert.is(result.error?.reason, 'Invalid', JSON.stringify(metadata));
  }
  create(
    store,
    'a',
    {},
    { labels: { 'example.com/key': 'x'.repeat(63), empty: '' }, ownerReferences: [owner] },
  );
});

test('the schema defaults and refuses', () => {
  const store = newStore({
    prepare: (given) => ({ ...given, spec: { flour: 'wheat', ...(given.spec as object) } }),
    validate: (given, old) => {
      const flour = (item: Unstructured) => (item.spec as { flour: string }).flour;
      return old !== undefined && flour(old) !== flour(given) ? ['spec.flour: immutable'] : [];
    },
  });
  const created = create(store, 'a', {});
  assert.equal(created.spec, { flour: 'wheat' });
  const result = store.execute({
    verb: 'update',
    ...loaf('a'),
    object: change(created, { spec: { flour: 'rye' } }),
  });
  assert.is(result.error?.code, 422);
  assert.match(result.error?.message ?? '', 'spec.flour: immutable');
});

test('a Node has no generation and takes pod CIDRs once', () => {
  const store = newStore();
  const created = write(store, {
    verb: 'create',
    ...node('n'),
    object: { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n' }, spec: {} },
  });
  assert.is(created.metadata.generation, undefined);
  const patch = (podCIDRs: string[]) =>
    store.execute({ verb: 'patch', ...node('n'), patch: { spec: { podCIDRs } } });
  assert.equal(patch(['10.0.0.0/24', 'fd00::/64']).object?.spec, {
    podCIDR: '10.0.0.0/24',
    podCIDRs: ['10.0.0.0/24', 'fd00::/64'],
  });
  assert.is(patch(['10.0.0.0/24', 'fd00::/64']).error, undefined);
  assert.is(patch(['10.0.1.0/24']).error?.reason, 'Invalid');
});

test('a Node’s status update may change its labels, not its spec', () => {
  const store = newStore();
  const created = write(store, {
    verb: 'create',
    ...node('n'),
    object: { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n' }, spec: {} },
  });
  const updated = write(store, {
    verb: 'update',
    subresource: 'status',
    ...node('n'),
    object: changeMeta(change(created, { spec: { podCIDR: '10.0.0.0/24' }, status: { ready: true } }), {
      labels: { zone: 'a' },
    }),
  });
  assert.equal([updated.spec, updated.status, updated.metadata.labels], [{}, { ready: true }, { zone: 'a' }]);
});

test('a merge patch removes with null and may carry preconditions', () => {
  const store = newStore();
  create(store, 'a', { flour: 'rye', grams: 500 });
  const patched = write(store, { verb: 'patch', ...loaf('a'), patch: { spec: { grams: null, salt: true } } });
  assert.equal(patched.spec, { flour: 'rye', salt: true });
  const stale = store.execute({ verb: 'patch', ...loaf('a'), patch: { metadata: { resourceVersion: '1' } } });
  assert.is(stale.error?.reason, 'Conflict');
});

test('a served version shows the stored object under its own apiVersion', () => {
  const crd = structuredClone(CRDS[1]!);
  const versions = [
    { name: 'v1', served: true, storage: false, subresources: { status: {} } },
    { name: 'v2', served: true, storage: true, subresources: { status: {} } },
  ];
  const resources = new Resources([{ ...crd, spec: { ...crd.spec, versions } }]);
  const store = new Store({ resources, seed: 1, now: () => START });
  const created = create(store);
  assert.is(created.apiVersion, V1);
  assert.is(
    store.execute({ verb: 'get', ...loaf('a'), apiVersion: `${GROUP}/v2` }).object?.apiVersion,
    `${GROUP}/v2`,
  );
  const type = resources.get(V1, 'loaves');
  assert.is([...store.list(type)][0]?.apiVersion, `${GROUP}/v2`);
  assert.is(store.inVersion([...store.list(type)][0]!, V1), created);
});

test('a snapshot is the world as of a position in the log', () => {
  const store = newStore();
  create(store, 'a');
  const b = create(store, 'b');
  write(store, { verb: 'delete', ...loaf('a') });
  write(store, { verb: 'update', ...loaf('b'), object: change(b, { spec: {} }) });
  const type = store.resources.get(V1, 'loaves');
  const keys = (position: number) => [...store.snapshot(type, position).keys()];
  assert.equal([0, 1, 2, 3].map(keys), [[], ['default/a'], ['default/a', 'default/b'], ['default/b']]);
  assert.is(store.snapshot(type, 3).get('default/b'), b);
});

const applying = (store: Store, applied: Unstructured, fieldManager = 'm') =>
  store.execute({ verb: 'apply', ...loaf('a'), object: applied, fieldManager });

test('server-side apply creates, removes what it applied before, and leaves the rest', () => {
  const store = newStore();
  applying(store, object('Loaf', 'a', { flour: 'rye', grams: 500 }, { labels: { mine: 'x' } }));
  write(store, {
    verb: 'patch',
    ...loaf('a'),
    patch: { metadata: { labels: { theirs: 'y' } }, spec: { salt: true } },
  });
  const { object: applied } = applying(store, object('Loaf', 'a', { flour: 'oat' }));
  assert.equal(applied?.spec, { flour: 'oat', salt: true });
  assert.equal(applied?.metadata.labels, { theirs: 'y' });
  assert.is(applied?.metadata.generation, 3);
});

test('server-side apply of the same is no write', () => {
  const store = newStore();
  const first = applying(store, object('Loaf', 'a', { flour: 'rye' })).object;
  assert.is(applying(store, object('Loaf', 'a', { flour: 'rye' })).object, first);
});

test('server-side apply leaves a field it gives up to who changed it since', () => {
  const store = newStore();
  applying(store, object('Loaf', 'a', { flour: 'rye' }));
  write(store, { verb: 'patch', ...loaf('a'), patch: { spec: { flour: 'oat' } } });
  assert.equal(applying(store, object('Loaf', 'a', {})).object?.spec, { flour: 'oat' });
});

test('server-side apply replaces a map that the CRD calls atomic', () => {
  const atomic = { type: 'object', 'x-kubernetes-map-type': 'atomic' };
  const [version] = LOAF.spec.versions;
  const schema = { openAPIV3Schema: { properties: { spec: { properties: { seeds: atomic } } } } };
  const crd = { ...LOAF, spec: { ...LOAF.spec, versions: [{ ...version!, schema }] } };
  const store = new Store({ resources: new Resources([crd]), seed: 7, now: () => START });
  const seeds = (map: object) => applying(store, object('Loaf', 'a', { seeds: map })).object?.spec;
  seeds({ poppy: 1 });
  write(store, { verb: 'patch', ...loaf('a'), patch: { spec: { seeds: { sesame: 2 }, salt: true } } });
  assert.equal(seeds({ pumpkin: { grams: 3 } }), { seeds: { pumpkin: { grams: 3 } }, salt: true });
  assert.equal(seeds({ pumpkin: {} }), { seeds: { pumpkin: {} }, salt: true });
});

test('server-side apply merges owners by uid and finalizers as a set', () => {
  const store = newStore();
  const owner = (uid: string) => ({ apiVersion: V1, kind: 'Bakery', name: 'b', uid });
  create(store, 'a', {}, { ownerReferences: [owner('1')], finalizers: [`${GROUP}/x`] });
  const apply = (metadata: object) => applying(store, object('Loaf', 'a', {}, metadata)).object?.metadata;
  const both = apply({ ownerReferences: [owner('2')], finalizers: [`${GROUP}/y`] });
  assert.equal(
    both?.ownerReferences?.map(({ uid }) => uid),
    ['1', '2'],
  );
  assert.equal(both?.finalizers, [`${GROUP}/x`, `${GROUP}/y`]);
  assert.equal(
    apply({})?.ownerReferences?.map(({ uid }) => uid),
    ['1'],
  );
});

test('a dry run answers and writes nothing', () => {
  const store = newStore();
  create(store);
  const result = store.execute({
    verb: 'apply',
    ...loaf('a'),
    object: object('Loaf', 'a', { flour: 'oat' }),
    fieldManager: 'm',
    dryRun: true,
  });
  assert.equal([result.object?.spec, result.object?.metadata.generation], [{ flour: 'oat' }, 2]);
  assert.equal(store.execute({ verb: 'get', ...loaf('a') }).object?.spec, { flour: 'rye' });
});

test('an object of another cluster is restored as it is, and applied to as if this one had made it', () => {
  const store = newStore();
  const metadata = {
    namespace: 'default',
    uid: 'elsewhere',
    resourceVersion: '4711',
    generation: 3,
    creationTimestamp: '2020-01-01T00:00:00Z',
    finalizers: ['x/y'],
    managedFields: [],
  };
  const applied = object('Loaf', 'a', { flour: 'rye', seeds: 'no' }, { namespace: 'default' });
  const given = {
    ...object('Loaf', 'a', { flour: 'rye', seeds: 'no', by: 'others' }, metadata),
    status: { n: 1 },
  };
  store.restore(given, 'kubectl', applied);
  const { managedFields: _, ...kept } = metadata;
  assert.equal(store.execute({ verb: 'get', ...loaf('a') }).object, {
    ...given,
    metadata: { name: 'a', ...kept, resourceVersion: '1' },
  });
  const next = object('Loaf', 'a', { flour: 'oat' });
  const result = write(store, { verb: 'apply', ...loaf('a'), object: next, fieldManager: 'kubectl' });
  assert.equal(result.spec, { flour: 'oat', by: 'others' });
  assert.equal([result.metadata.uid, result.metadata.generation, result.status], ['elsewhere', 4, { n: 1 }]);
});

test.run();
