import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Informer } from '../../lib/engine/informer.ts';
import { Resources } from '../../lib/engine/resources.ts';
import { Store } from '../../lib/engine/store.ts';
import { CRDS, names, object, V1 } from './kit.ts';

function world() {
  const resources = new Resources(CRDS);
  const store = new Store({ resources, seed: 1, now: () => 0 });
  const type = resources.get(V1, 'loaves');
  const informer = new Informer(store, type, V1);
  const heard: string[] = [];
  informer.addHandler({
    add: ({ metadata }) => heard.push(`add ${metadata.name}@${metadata.resourceVersion}`),
    update: (old, { metadata }) =>
      heard.push(`update ${metadata.name}@${old.metadata.resourceVersion}-${metadata.resourceVersion}`),
    delete: ({ metadata }, missed) => heard.push(`${missed ? 'missed' : 'delete'} ${metadata.name}`),
  });
  const target = (name: string) => ({ apiVersion: V1, resource: 'loaves', namespace: 'default', name });
  const create = (name: string, metadata: object = {}) =>
    store.execute({ verb: 'create', ...target(name), object: object('Loaf', name, {}, metadata) });
  const label = (name: string, value: string) =>
    store.execute({ verb: 'patch', ...target(name), patch: { metadata: { labels: { value } } } });
  const remove = (name: string) => store.execute({ verb: 'delete', ...target(name) });
  const hear = () => heard.splice(0);
  return { informer, hear, create, label, remove, end: () => store.log(type).length };
}

test('it knows nothing before its first list, then hears event by event', () => {
  const { informer, hear, create, label, remove } = world();
  create('a');
  assert.equal([informer.synced, informer.pending, names(informer.list())], [false, 1, []]);
  informer.deliver();
  assert.equal([informer.synced, informer.pending, hear()], [true, 0, ['add a@1']]);
  label('a', 'x');
  create('b');
  remove('a');
  assert.is(informer.pending, 3);
  informer.deliver();
  assert.is(informer.get('default', 'a')?.metadata.labels?.value, 'x');
  assert.is(informer.get('default', 'b'), undefined);
  informer.deliver(5);
  assert.equal(hear(), ['update a@1-2', 'add b@3', 'delete a']);
  assert.equal(names(informer.list()), ['b']);
});

test('a relist coalesces, tells of missed deletions, and repeats what did not change', () => {
  const { informer, hear, create, label, remove, end } = world();
  create('a');
  create('b');
  create('c');
  informer.deliver();
  hear();
  label('a', 'x');
  label('a', 'y');
  remove('b');
  create('d');
  remove('d');
  informer.relist(end());
  assert.equal(hear(), ['missed b', 'update a@1-5', 'update c@3-3']);
  assert.is(informer.pending, 0);
});

test('a relist may be of some age, but not older than what was heard', () => {
  const { informer, hear, create } = world();
  create('a');
  create('b');
  create('c');
  informer.relist(1);
  assert.equal([hear(), informer.pending], [['add a@1'], 2]);
  informer.relist(0);
  assert.equal([hear(), names(informer.list())], [['update a@1-1'], ['a']]);
});

test('the last event can come twice', () => {
  const { informer, hear, create, remove } = world();
  create('a');
  informer.deliver();
  create('b');
  informer.deliver();
  informer.repeat();
  remove('b');
  informer.deliver();
  informer.repeat();
  assert.equal(hear(), ['add a@1', 'add b@2', 'update b@2-2', 'delete b']);
});

test('indexes follow owners and controllers', () => {
  const { informer, create, remove } = world();
  const owner = (uid: string, controller: boolean) => ({
    apiVersion: V1,
    kind: 'Bakery',
    name: uid,
    uid,
    controller,
  });
  create('owned', { ownerReferences: [owner('1', true), owner('2', false)] });
  create('orphan', { ownerReferences: [owner('2', false)] });
  informer.deliver();
  assert.equal(names(informer.ownedBy('1')), ['owned']);
  assert.equal(names(informer.ownedBy('2')), ['owned', 'orphan']);
  assert.equal(names(informer.orphans()), ['orphan']);
  remove('owned');
  remove('orphan');
  informer.deliver(2);
  assert.equal([names(informer.ownedBy('2')), names(informer.orphans())], [[], []]);
});

test('the label index is right from its first use on', () => {
  const { informer, create, label, remove } = world();
  create('a', { labels: { value: 'x' } });
  informer.deliver();
  const withLabel = (value: string) => names(informer.withLabel('value', value));
  assert.equal([withLabel('x'), withLabel('y')], [['a'], []]);
  create('b', { labels: { value: 'x' } });
  create('c');
  label('a', 'y');
  informer.deliver(3);
  assert.equal([withLabel('x'), withLabel('y')], [['b'], ['a']]);
  remove('b');
  informer.deliver();
  assert.equal(withLabel('x'), []);
});

test.run();
