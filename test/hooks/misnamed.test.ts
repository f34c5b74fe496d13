/** A slice of another name than its piece lists what another lists too: it counts for nobody, and nobody gets it. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as claims from '../../hooks/claims.ts';
import * as nodes from '../../hooks/nodes.ts';
import { sync as syncNetwork } from '../../hooks/pod-networks.ts';
import { finalize as finalizePool, sync as syncPool } from '../../hooks/pools.ts';
import { decideBindings } from '../../lib/binder/decide.ts';
import { poolDeeds } from '../../lib/janitor/decide.ts';
import type { Node } from '../../lib/kubernetes/core-types.ts';
import type { AllocationSlice, IPAddressClaim, PodNetworkStatus } from '../../lib/kubernetes/types.ts';
import type { CompositeResponse, DecoratorResponse } from '../../lib/metacontroller/hook.ts';
import * as networks from '../pod-network/objects.ts';
import {
  ago,
  answers,
  applyChildren,
  claim,
  condition,
  contextAt,
  counts,
  ipPool,
  leaving,
  objectMap,
  poolRequest,
  refusalOf,
  slicesOf,
} from './objects.ts';

const POOL = ipPool({ addresses: ['10.0.0.1-10.0.0.3'] });
const [A, B, C] = [claim('a', POOL), claim('b', POOL), claim('c', POOL)];
const GIVEN = slicesOf(POOL, [A, '10.0.0.1']);

/** A slice of the same piece and pool that gives what it lists to others. */
function twin(
  slice: AllocationSlice,
  name: string,
  entries: AllocationSlice['spec']['entries'],
): AllocationSlice {
  return {
    ...slice,
    metadata: { ...slice.metadata, name, uid: `uid-${name}` },
    spec: { ...slice.spec, entries: entries! },
  };
}

const listing = (holder: IPAddressClaim, address: string) =>
  twin(
    slicesOf(POOL, [holder, address])[0]!,
    'pool.twin',
    slicesOf(POOL, [holder, address])[0]!.spec.entries,
  );

function syncClaim(object: IPAddressClaim, ...slices: AllocationSlice[]): DecoratorResponse {
  const request = { object, attachments: objectMap(), related: objectMap(...slices) };
  return claims.sync(request, contextAt());
}

const given = ({ attachments }: DecoratorResponse) =>
  attachments.map(({ spec }) => (spec as { address: string }).address);

test('a claim is given what its pool keeps for it, and nothing that a slice of another name lists', () => {
  assert.equal(given(syncClaim(A, ...GIVEN)), ['10.0.0.1']);
  assert.equal(given(syncClaim(B, listing(B, '10.0.0.1'))), []);
  assert.equal(given(syncClaim(B, ...slicesOf(POOL, [B, '10.0.0.2']), listing(B, '10.0.0.1'))), ['10.0.0.2']);
});

test('nor what a slice of another pool lists, which has a name of its own', () => {
  const other = ipPool({ addresses: ['10.0.0.1'] }, { name: 'other' });
  assert.equal(given(syncClaim(B, ...slicesOf(other, [B, '10.0.0.1']))), []);
  const prefixes = { ...POOL, kind: 'InClusterPrefixPool' as const, spec: { prefixes: [] } };
  assert.equal(given(syncClaim(B, ...slicesOf(prefixes, [B, '10.0.0.1']))), []);
});

test('a claim that leaves hears nothing of such a slice', () => {
  const { metadata, ...rest } = leaving(B);
  const object = { ...rest, metadata: { ...metadata, deletionTimestamp: ago(1) } };
  const goes = (slice: AllocationSlice) =>
    claims.finalize({ object, attachments: objectMap(), related: objectMap(slice) }, contextAt()).finalized;
  assert.is(goes(GIVEN[0]!), true);
  assert.is(goes(listing(A, '10.0.0.1')), false);
});

for (const [what, own, related] of [
  ['its own', [listing(B, '10.0.0.2')], []],
  ['of its name', [], [listing(B, '10.0.0.2')]],
] as [string, AllocationSlice[], AllocationSlice[]][]) {
  test(`a pool does not count what such a slice lists that is ${what}, nor give it, and says so`, () => {
    const response = syncPool(poolRequest(POOL, [...GIVEN, ...own], [C, ...related]), contextAt());
    assert.equal(answers(response), { a: '10.0.0.1', c: '10.0.0.3' });
    const { used, free, pending } = counts(response);
    assert.equal({ used, free, pending }, { used: 2, free: 0, pending: 0 });
    assert.is(condition(response, 'SlicesMisnamed'), 'True/NotTheirPiece');
    assert.equal((response.status as { slices: string[] }).slices, ['pool.10.0.0.0-27']);
    const full = syncPool(
      poolRequest(POOL, [...GIVEN, ...own], [claim('d', POOL), C, ...related]),
      contextAt(),
    );
    assert.is(refusalOf(full, 'd'), 'InClusterIPPool default/pool has no free address');
  });
}

test('who asks for what such a slice lists is told of it', () => {
  const wants = {
    ...C,
    metadata: { ...C.metadata, annotations: { 'metaipam.io/requested-address': '10.0.0.2' } },
  };
  const response = syncPool(poolRequest(POOL, [...GIVEN, listing(B, '10.0.0.2')], [wants]), contextAt());
  assert.match(
    refusalOf(response, 'c') ?? '',
    /in use by AllocationSlice pool\.twin, which does not have the name of its piece: delete it/,
  );
});

test('of a pool such a slice stays a child as it is, which the API server lets it', () => {
  const observed = [...GIVEN, listing(B, '10.0.0.1')];
  const response = syncPool(poolRequest(POOL, observed, [leaving(A)]), contextAt());
  const after = applyChildren(POOL, observed, response.children, 300);
  assert.equal(after.find(({ metadata }) => metadata.name === 'pool.twin')?.spec, observed[1]!.spec);
});

test('the condition goes once the slices have', () => {
  const conditions = [
    {
      type: 'SlicesMisnamed',
      status: 'True' as const,
      reason: 'NotTheirPiece',
      message: '',
      lastTransitionTime: '2026-01-01T00:00:00Z',
    },
  ];
  const before = { ...POOL, status: { conditions } };
  assert.is(
    condition(syncPool(poolRequest(before, GIVEN), contextAt()), 'SlicesMisnamed'),
    'False/AllNamedByPiece',
  );
  assert.is(condition(syncPool(poolRequest(POOL, GIVEN), contextAt()), 'SlicesMisnamed'), undefined);
});

test('a pool that is being deleted does not wait for it', () => {
  const deleted = ipPool({ addresses: ['10.0.0.1'] }, { deletionTimestamp: '2026-01-01T00:00:00Z' });
  const response = finalizePool(poolRequest(deleted, [listing(B, '10.0.0.1')]), contextAt());
  assert.is(response.finalized, true);
});

test('the name of a piece, on a slice that keeps another, keeps its pool from that piece', () => {
  const [right] = slicesOf(POOL, [B, '10.0.0.33']);
  const squatter = twin(right!, 'pool.10.0.0.0-27', right!.spec.entries);
  const response = syncPool(poolRequest(POOL, [squatter], [C]), contextAt());
  assert.equal(answers(response), { c: 'PoolExhausted' });
  assert.equal(
    response.children.map(({ metadata }) => metadata.name),
    ['pool.10.0.0.0-27', 'pool.answers-0'],
  );
});

test('the janitor takes nothing on its account', () => {
  const view = { claims: [A, B], addresses: [], pools: [POOL] };
  assert.equal(
    poolDeeds({ ...view, slices: [...GIVEN, listing(claim('gone', POOL), '10.0.0.1')] }, contextAt()),
    [],
  );
});

const CIDR = '10.244.0.0/24';
const BLOCK = networks.slicesOf([networks.allocation('n', CIDR)]);
const stolen = (name: string, more: object = {}) => ({
  ...twin(
    BLOCK[0]!,
    name,
    networks.allocation('m', CIDR).entry && { [CIDR]: networks.allocation('m', CIDR).entry },
  ),
  ...more,
});

test('a network does not count what such a slice lists, nor give it, and says so', () => {
  const slices = [...BLOCK, stolen('default.twin')];
  const response = syncNetwork(
    networks.request({
      clusterCIDRs: [networks.clusterCIDR('a', { ipv4: '10.244.0.0/22' })],
      claims: ['n', 'm'].map((name) => networks.claim(name)),
      slices,
    }),
    networks.context,
  ) as CompositeResponse & { status: PodNetworkStatus };
  assert.equal(networks.blocksByNode(response.children), { n: [CIDR], m: ['10.244.1.0/24'] });
  assert.is(condition(response, 'SlicesMisnamed'), 'True/NotTheirPiece');
  assert.equal(
    response.children.find(({ metadata }) => metadata.name === 'default.twin')?.spec,
    slices[1]!.spec,
  );
});

const node = (name: string): Node => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name, uid: `uid-${name}` },
});

test('the binder binds no node by such a slice, nor by one of another network', () => {
  const bindings = (slice: AllocationSlice) => decideBindings([node('m')], [slice], new Map());
  assert.equal(bindings(stolen('default.twin')), []);
  const poolRef = { ...BLOCK[0]!.spec.poolRef, name: 'other' };
  const other = stolen('other.10.244.0.0-19.24');
  assert.equal(bindings({ ...other, spec: { ...other.spec, poolRef } }), []);
  assert.is(bindings(stolen('default.10.244.0.0-19.24')).length, 1);
});

test('a node shows no block that such a slice lists, nor one of a pool', () => {
  const shown = (slice: AllocationSlice) => {
    const annotations = { 'metaipam.io/node-annotation': 'kube-node.nordix.org/storage' };
    const entries = { [CIDR]: { ...slice.spec.entries![CIDR]!, confirmed: true as const } };
    const spec = { ...slice.spec, entries };
    const related = objectMap({
      ...slice,
      metadata: { ...slice.metadata, annotations },
      spec,
    } as AllocationSlice);
    return nodes.sync({ object: node('m'), attachments: objectMap(), related }, contextAt()).annotations;
  };
  assert.equal(shown(stolen('default.10.244.0.0-19.24')), { 'kube-node.nordix.org/storage': CIDR });
  assert.is(shown(stolen('default.twin')), undefined);
  const prefixes = { ...BLOCK[0]!.spec.poolRef, kind: 'InClusterPrefixPool' };
  const ofPool = stolen('default.10.244.0.0-19.24.prefix');
  assert.is(shown({ ...ofPool, spec: { ...ofPool.spec, poolRef: prefixes } }), undefined);
});

test.run();
