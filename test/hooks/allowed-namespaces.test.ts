import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as pools from '../../hooks/pools.ts';
import type { KubernetesObject } from '../../lib/kubernetes/object.ts';
import { formatProblem } from '../../lib/kubernetes/problem.ts';
import type { AllocationSlice, IPAddressClaim } from '../../lib/kubernetes/types.ts';
import { MissingObjects } from '../../lib/metacontroller/hook.ts';
import { readPool } from '../../lib/pool/pool.ts';
import {
  answers,
  claim,
  contextAt,
  counts,
  globalPool,
  globalPrefixPool,
  ipAddress,
  leaving,
  objectMap,
  type Pool,
  poolRequest,
  refusalOf,
  slicesOf,
} from './objects.ts';

const GOLD = { matchLabels: { tier: 'gold' } };
const poolOf = (allowedNamespaces: unknown, more: object = {}) =>
  globalPool({ addresses: ['10.0.0.1-10.0.0.9'], allowedNamespaces, ...more } as never);
const POOL = poolOf(GOLD);
const of = (namespace: string, name: string, more: object = {}, pool: Pool = POOL): IPAddressClaim =>
  claim(name, pool, { namespace, ...more });

/** `served`: the namespaces that Metacontroller finds by the pool's rule. */
function sync(pool: Pool, served: string[], objects: KubernetesObject[], slices: AllocationSlice[] = []) {
  const namespaces = served.map((name) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } }));
  const request = poolRequest(pool, slices, objects);
  const related = { ...request.related, 'Namespace.v1': {}, ...objectMap(...objects, ...namespaces) };
  return pools.sync({ ...request, related }, contextAt());
}

test('a pool asks for the namespaces that it serves, and only where it does not serve all', () => {
  const rules = (pool: Pool) =>
    pools
      .customize({ parent: pool, controller: {} } as never, contextAt())
      .relatedResources.filter(({ resource }) => resource === 'namespaces');
  assert.equal(rules(POOL), [{ apiVersion: 'v1', resource: 'namespaces', labelSelector: GOLD }]);
  for (const all of [undefined, null, {}, { matchLabels: {} }, { matchExpressions: [] }])
    assert.equal(rules(poolOf(all)), []);
  const matchExpressions = [
    { key: 'tier', operator: 'In', values: ['gold', 'silver'] },
    { key: 'tier', operator: 'NotIn', values: ['lead'] },
    { key: 'team', operator: 'Exists', values: null },
    { key: 'old', operator: 'DoesNotExist', values: [] },
  ];
  const [rule] = rules(poolOf({ matchExpressions }));
  assert.equal(rule?.labelSelector as unknown, { matchExpressions });
  assert.equal(rules(poolOf({ matchLabels: { 'a b': 'x' } })), [], 'Metacontroller could not look for these');
});

test('claims of other namespaces are told why they wait', () => {
  const response = sync(POOL, ['a'], [of('a', 'one'), of('b', 'two')]);
  assert.equal(answers(response), { one: '10.0.0.1', two: 'NamespaceNotAllowed' });
  assert.is(
    refusalOf(response, 'two'),
    'GlobalInClusterIPPool pool serves only namespaces that its allowedNamespaces select, and b is none of them',
  );
  assert.equal(counts(response), { total: 9, used: 1, free: 8, outOfRange: 0, pending: 1 });
});

test('neither by request nor by reservation nor by a quota of its own', () => {
  const pool = poolOf(GOLD, { reservations: [{ address: '10.0.0.5', claim: 'kept' }], maxPerNamespace: 0 });
  const asks = { annotations: { 'metaipam.io/requested-address': '10.0.0.7' } };
  assert.equal(answers(sync(pool, ['a'], [of('b', 'kept', {}, pool), of('b', 'asks', asks, pool)])), {
    kept: 'NamespaceNotAllowed',
    asks: 'NamespaceNotAllowed',
  });
});

test('an annotation that anybody can write opens no door; what a status says was given does', () => {
  const had = { annotations: { 'metaipam.io/address': '10.0.0.4' } };
  const returning = { ...of('b', 'returning', had), status: { addressRef: { name: 'returning' } } };
  assert.equal(answers(sync(POOL, [], [of('b', 'liar', had)])), { liar: 'NamespaceNotAllowed' });
  assert.equal(answers(sync(POOL, [], [returning])), { returning: '10.0.0.4' });
});

test('who has an address keeps it when the namespace is not served any more, and gives it back', () => {
  const held = of('b', 'held');
  const slices = slicesOf(POOL, [held, '10.0.0.3']);
  assert.equal(answers(sync(POOL, [], [held], slices)), { held: '10.0.0.3' });
  const moved = of('b', 'moved');
  assert.equal(answers(sync(POOL, [], [moved, ipAddress(POOL, 'moved', '10.0.0.6', { namespace: 'b' })])), {
    moved: '10.0.0.6',
  });
  assert.equal(answers(sync(POOL, [], [leaving(held)], slices)), {});
});

test('of prefixes alike', () => {
  const pool = globalPrefixPool({ prefixes: ['fd00::/62'], allowedNamespaces: GOLD } as never);
  assert.equal(answers(sync(pool, ['a'], [of('a', 'one', {}, pool), of('b', 'two', {}, pool)])), {
    one: 'fd00::/64',
    two: 'NamespaceNotAllowed',
  });
});

test('namespaces that were not asked for are not taken for none', () => {
  assert.throws(
    () => pools.sync(poolRequest(POOL), contextAt()),
    (error: unknown) => error instanceof MissingObjects,
  );
  assert.equal(answers(pools.sync(poolRequest(poolOf({}), [], [of('b', 'two')]), contextAt())), {
    two: '10.0.0.1',
  });
});

const FIELD = 'spec.allowedNamespaces';
for (const [bad, ...problems] of [
  ['x', `${FIELD}: Invalid value: "x": must be an object`],
  [
    { matchLabels: { 'a b': 'x' } },
    `${FIELD}.matchLabels: Invalid value: {"a b":"x"}: the keys must be keys of labels`,
  ],
  [{ matchLabels: { a: 1 } }, `${FIELD}.matchLabels.a: Invalid value: 1: must be the value of a label`],
  [{ matchExpressions: {} }, `${FIELD}.matchExpressions: Invalid value: {}: must be a list`],
  [
    { matchExpressions: [{ key: 'a', operator: 'Is' }] },
    `${FIELD}.matchExpressions[0]: Invalid value: {"key":"a","operator":"Is"}: operator must be one of In, NotIn, Exists, DoesNotExist`,
  ],
  [
    { matchExpressions: [{ key: 'a', operator: 'In' }] },
    `${FIELD}.matchExpressions[0]: Invalid value: {"key":"a","operator":"In"}: operator In and NotIn need values`,
  ],
  [
    { matchExpressions: [{ key: 'a', operator: 'Exists', values: ['b'] }] },
    `${FIELD}.matchExpressions[0]: Invalid value: {"key":"a","operator":"Exists","values":["b"]}: operator Exists and DoesNotExist take no values`,
  ],
  [['x'], `${FIELD}: Invalid value: ["x"]: must be an object`],
  [
    { matchLabels: { a: 'b c' } },
    `${FIELD}.matchLabels.a: Invalid value: "b c": must be the value of a label`,
  ],
  [
    { matchExpressions: [null, { key: 'a b', operator: 'Exists' }, { key: 7, operator: 'Exists' }] },
    `${FIELD}.matchExpressions[0]: Invalid value: null: key must be the key of a label`,
    `${FIELD}.matchExpressions[1]: Invalid value: {"key":"a b","operator":"Exists"}: key must be the key of a label`,
    `${FIELD}.matchExpressions[2]: Invalid value: {"key":7,"operator":"Exists"}: key must be the key of a label`,
  ],
  [
    { matchExpressions: [{ key: 'a', operator: 'NotIn', values: [] }] },
    `${FIELD}.matchExpressions[0]: Invalid value: {"key":"a","operator":"NotIn","values":[]}: operator In and NotIn need values`,
  ],
  [
    { matchExpressions: [{ key: 'a', operator: 'DoesNotExist', values: ['b'] }] },
    `${FIELD}.matchExpressions[0]: Invalid value: {"key":"a","operator":"DoesNotExist","values":["b"]}: operator Exists and DoesNotExist take no values`,
  ],
  [
    { matchExpressions: [{ key: 'a', operator: 'In', values: 'b' }] },
    `${FIELD}.matchExpressions[0]: Invalid value: {"key":"a","operator":"In","values":"b"}: values must be a list`,
  ],
  [
    { matchExpressions: [{ key: 'a', operator: 'In', values: ['b', 7] }] },
    `${FIELD}.matchExpressions[0]: Invalid value: {"key":"a","operator":"In","values":["b",7]}: values must be values of labels`,
  ],
  [
    { matchExpressions: [{ key: 'a', operator: 'In', values: ['b c'] }] },
    `${FIELD}.matchExpressions[0]: Invalid value: {"key":"a","operator":"In","values":["b c"]}: values must be values of labels`,
  ],
] as [bad: unknown, ...problems: string[]][]) {
  test(`refused: ${JSON.stringify(bad)}`, () => {
    assert.equal(readPool(poolOf(bad)).problems.map(formatProblem), problems);
    assert.is(readPool(poolOf(bad)).ranges, undefined);
  });
}

test.run();
