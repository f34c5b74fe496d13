import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { customize, finalize, sync } from '../../hooks/claims.ts';
import type { KubernetesObject, ObjectMeta } from '../../lib/kubernetes/object.ts';
import type { Condition, IPAddress, IPAddressClaim, IPAllocation } from '../../lib/kubernetes/types.ts';
import type { DecoratorRequest, DecoratorResponse, HookConfig } from '../../lib/metacontroller/hook.ts';
import {
  ALLOCATIONS,
  ago,
  allocation,
  boundClaim,
  CAPI,
  claim,
  condition,
  contextAt,
  globalPool,
  ipAddress,
  ipPool,
  NOW,
  objectMap,
} from './objects.ts';

const POOL = ipPool({ addresses: ['10.0.0.1-10.0.0.254'], gateway: '10.0.0.2' });
const PAUSED = { 'cluster.x-k8s.io/paused': '' };
const CLUSTER_LABEL = { 'cluster.x-k8s.io/cluster-name': 'test-cluster' };
const POOL_LABELS = { 'metaipam.io/pool': 'InClusterIPPool.pool', 'metaipam.io/pool-uid': 'pool-uid' };

interface Seen {
  readonly related?: readonly KubernetesObject[];
  readonly attachments?: readonly KubernetesObject[];
  readonly seconds?: number;
  readonly config?: Partial<HookConfig>;
}

function requestOf(
  object: IPAddressClaim,
  { related = [], attachments = [], config }: Seen,
): DecoratorRequest<IPAddressClaim> {
  const addresses = `IPAddress.ipam.cluster.x-k8s.io/${config?.clusterApiVersion ?? 'v1beta2'}`;
  return {
    object,
    attachments: { [addresses]: {}, ...objectMap(...attachments) },
    related: { [ALLOCATIONS]: {}, ...objectMap(...related) },
  };
}

function synced(object: IPAddressClaim, seen: Seen = {}): DecoratorResponse {
  return sync(requestOf(object, seen), contextAt(seen.seconds, seen.config));
}

function finalized(object: IPAddressClaim, seen: Seen = {}): DecoratorResponse {
  return finalize(requestOf(object, seen), contextAt(seen.seconds, seen.config));
}

/** The IPAddress that `synced` asks for, as Metacontroller creates it: with the claim as controlling owner. */
function created(response: DecoratorResponse): IPAddress {
  const [attachment] = response.attachments;
  return { ...attachment, metadata: { ...attachment!.metadata, uid: 'address-uid' } } as IPAddress;
}

function addressIn({ attachments: [address] }: DecoratorResponse): string | undefined {
  return (address?.spec as IPAddress['spec'] | undefined)?.address;
}

function cluster(meta: Partial<ObjectMeta> = {}, spec: object = {}): KubernetesObject & { spec: object } {
  const metadata = { name: 'test-cluster', namespace: 'default', ...meta };
  return { apiVersion: 'cluster.x-k8s.io/v1beta2', kind: 'Cluster', metadata, spec };
}

function statusOf({ status }: DecoratorResponse) {
  return status as { addressRef?: { name: string }; conditions?: Condition[] };
}

function refusal(
  object: IPAddressClaim,
  reason: 'PoolExhausted' | 'PoolNotReady',
  message: string,
): IPAllocation {
  const { address: _, prefix: __, gateway: ___, ...spec } = allocation(POOL, object, '10.0.0.1').spec;
  const metadata = { name: `refused-${object.metadata.uid}-12345678`, namespace: 'default' };
  return {
    apiVersion: 'metaipam.io/v1alpha1',
    kind: 'IPAllocation',
    metadata,
    spec: { ...spec, refusal: { reason, message } },
  };
}

// Binding

test('H2 the whole IPAddress', () => {
  const test = claim('test', POOL, { labels: { ...POOL_LABELS, ...CLUSTER_LABEL, other: 'label' } });
  const related = [allocation(POOL, test, '10.0.0.1'), cluster()];
  const response = synced(test, { related });
  assert.equal(response.attachments, [
    {
      apiVersion: CAPI,
      kind: 'IPAddress',
      metadata: {
        name: 'test',
        namespace: 'default',
        labels: { ...CLUSTER_LABEL, ...POOL_LABELS },
      },
      spec: {
        claimRef: { name: 'test' },
        poolRef: { apiGroup: 'ipam.cluster.x-k8s.io', kind: 'InClusterIPPool', name: 'pool' },
        address: '10.0.0.1',
        prefix: 24,
        gateway: '10.0.0.2',
      },
    },
  ]);
});

test('H2 claim and pool own the IPAddress, the pool only once a sync has seen it', () => {
  const test = claim('test', POOL);
  const related = [allocation(POOL, test, '10.0.0.1')];
  const first = synced(test, { related });
  assert.is(
    first.attachments[0]!.metadata.ownerReferences,
    undefined,
    'the claim is Metacontroller’s to add',
  );
  const second = synced(test, { related, attachments: [created(first)] });
  assert.equal(second.attachments[0]!.metadata.ownerReferences, [
    {
      apiVersion: CAPI,
      kind: 'IPAddressClaim',
      name: 'test',
      uid: 'uid-test',
      controller: true,
      blockOwnerDeletion: true,
    },
    {
      apiVersion: 'ipam.cluster.x-k8s.io/v1alpha2',
      kind: 'InClusterIPPool',
      name: 'pool',
      uid: 'pool-uid',
      controller: false,
      blockOwnerDeletion: true,
    },
  ]);
});

test('the IPAddress of a pool that shares its address space says so', () => {
  const pool = ipPool(
    { addresses: ['10.0.0.1-10.0.0.254'] },
    { annotations: { 'metaipam.io/address-space': 'lab' } },
  );
  const a = claim('a', pool);
  const { metadata } = synced(a, { related: [allocation(pool, a, '10.0.0.1')] }).attachments[0]!;
  assert.equal(metadata.labels, { ...POOL_LABELS, 'metaipam.io/address-space': 'lab' });
});

test('H7 without a gateway the IPAddress has none', () => {
  const pool = ipPool({ addresses: ['10.0.0.1-10.0.0.254'] });
  const a = claim('a', pool);
  const { spec } = synced(a, { related: [allocation(pool, a, '10.0.0.1')] }).attachments[0]!;
  assert.not('gateway' in spec!);
});

test('H8 the address of a global pool is in the claim’s namespace', () => {
  const pool = globalPool({ addresses: ['10.0.0.2-10.0.0.254'] });
  const a = claim('a', pool, { namespace: 'ns2' });
  const related = [allocation(pool, a, '10.0.0.3')];
  const first = synced(a, { related });
  const [address] = first.attachments;
  assert.is(address?.metadata.namespace, 'ns2');
  const [owned] = synced(a, { related, attachments: [created(first)] }).attachments;
  assert.is(owned?.metadata.ownerReferences?.[1]?.kind, 'GlobalInClusterIPPool');
  assert.is((address!.spec as IPAddress['spec']).poolRef.kind, 'GlobalInClusterIPPool');
});

test('a claim is bound once its IPAddress is there, and says which address it is', () => {
  const a = claim('a', POOL);
  const related = [allocation(POOL, a, '10.0.0.1', { creationTimestamp: ago(1) })];
  const first = synced(a, { related });
  assert.is(first.status, undefined, 'not before');
  assert.is(first.annotations, undefined);
  assert.ok(first.resyncAfterSeconds! > 0);

  const second = synced(a, { related, attachments: [created(first)] });
  assert.equal(second.annotations, { 'metaipam.io/address': '10.0.0.1' });
  assert.equal(second.status, {
    addressRef: { name: 'a' },
    conditions: [
      {
        type: 'Ready',
        status: 'True',
        reason: 'AddressAllocated',
        message: 'the address is 10.0.0.1',
        lastTransitionTime: '2026-01-02T03:04:05Z',
      },
    ],
  });
  assert.is(second.resyncAfterSeconds, undefined);
});

test('nothing changes any more once a claim is bound', () => {
  const a = claim('a', POOL);
  const related = [allocation(POOL, a, '10.0.0.1')];
  const attachments = [created(synced(a, { related }))];
  const bound = synced(a, { related, attachments });
  const { metadata } = a;
  const after = { ...a, metadata: { ...metadata, annotations: bound.annotations }, status: bound.status };
  const { attachments: desired, ...others } = synced(after as IPAddressClaim, {
    related,
    attachments,
    seconds: 999,
  });
  assert.equal(others, { annotations: bound.annotations, status: bound.status });
  assert.equal(desired, bound.attachments);
});

test('of two allocations the one created first is bound', () => {
  const a = claim('a', POOL);
  const related = [
    allocation(POOL, a, '10.0.0.1', { resourceVersion: '1000' }),
    allocation(POOL, a, '10.0.0.3', { resourceVersion: '999' }),
  ];
  assert.equal(addressIn(synced(a, { related })), '10.0.0.3');
});

test('an allocation of another claim of the same name is not bound', () => {
  const former = claim('a', POOL, { uid: 'former' });
  const response = synced(claim('a', POOL), { related: [allocation(POOL, former, '10.0.0.1')] });
  assert.equal(response.attachments, []);
});

test('a claim keeps its IPAddress whatever allocation comes later', () => {
  const a = claim('a', POOL);
  const attachments = [created(synced(a, { related: [allocation(POOL, a, '10.0.0.1')] }))];
  const related = [allocation(POOL, a, '10.0.0.3', { resourceVersion: '1' })];
  const response = synced(a, { related, attachments });
  assert.equal(addressIn(response), '10.0.0.1');
  assert.equal(response.annotations, { 'metaipam.io/address': '10.0.0.1' });
});

test('a claim with the name of its pool owns its IPAddress alone: owner references are merged by name', () => {
  const same = claim(POOL.metadata.name, POOL);
  const related = [allocation(POOL, same, '10.0.0.1')];
  const first = synced(same, { related });
  assert.is(first.attachments[0]!.metadata.ownerReferences, undefined);
  const [owned] = synced(same, { related, attachments: [created(first)] }).attachments;
  assert.equal(
    owned!.metadata.ownerReferences?.map(({ kind }) => kind),
    ['IPAddressClaim'],
  );
});

test('an IPAddress that was deleted by hand is made again with the same address', () => {
  const a = boundClaim(claim('a', POOL), '10.0.0.3');
  const related = [
    allocation(POOL, a, '10.0.0.1', { resourceVersion: '1' }),
    allocation(POOL, a, '10.0.0.3', { resourceVersion: '2' }),
  ];
  const response = synced(a, { related });
  assert.is(addressIn(response), '10.0.0.3');
  assert.is(condition(response, 'Ready'), 'False/AddressMissing');
  assert.equal(statusOf(response).addressRef, { name: 'a' });
});

test('a claim whose IPAddress does not appear says so after a minute', () => {
  const a = claim('a', POOL);
  const allocatedAt = (creationTimestamp: string) => ({
    related: [allocation(POOL, a, '10.0.0.3', { creationTimestamp })],
  });
  assert.is(synced(a, allocatedAt(ago(59))).status, undefined);
  const overdue = synced(a, allocatedAt(ago(60)));
  assert.is(condition(overdue, 'Ready'), 'False/AllocationFailed');
  assert.is(statusOf(overdue).addressRef, undefined);
  assert.is(addressIn(overdue), '10.0.0.3');
});

test('an annotation in another spelling names the same address', () => {
  const pool = ipPool({ addresses: ['fd00::/64'], prefix: 64 });
  const a = boundClaim(claim('a', pool), 'FD00::0003');
  const { attachments } = synced(a, { related: [allocation(pool, a, 'fd00::3')] });
  assert.is(addressIn({ attachments }), 'fd00::3');
});

test('H19 an adopted address binds its claim though its IPAddress is not Metacontroller’s', () => {
  const a = claim('a', POOL);
  const { spec, ...rest } = allocation(POOL, a, '10.0.0.1');
  const response = synced(a, { related: [{ ...rest, spec: { ...spec, adopted: true } } as IPAllocation] });
  assert.equal(statusOf(response).addressRef, { name: 'a' });
  assert.equal(response.annotations, { 'metaipam.io/address': '10.0.0.1' });
  assert.is(response.attachments.length, 1);
});

test('an IPAddress stays as it is while its allocation is not in view', () => {
  const a = claim('a', POOL);
  const owner = { apiVersion: 'v1', kind: 'ConfigMap', name: 'x', uid: 'x' };
  const found = created(synced(a, { related: [allocation(POOL, a, '10.0.0.1')] }));
  const { labels, ownerReferences = [] } = found.metadata;
  const changed = {
    ...found,
    metadata: {
      ...found.metadata,
      labels: { ...labels, more: 'yes' },
      ownerReferences: [...ownerReferences, owner],
    },
  };
  const response = synced(a, { attachments: [changed] });
  const { uid: _, ...metadata } = changed.metadata;
  assert.equal(response.attachments, [{ ...changed, metadata }]);
  assert.equal(statusOf(response).addressRef, { name: 'a' });
});

test('the text of an address that another wrote is left to stand', () => {
  const pool = ipPool({ addresses: ['fd00::/64'], prefix: 64 });
  const a = claim('a', pool);
  const found = created(synced(a, { related: [allocation(pool, a, 'fd00::3')] }));
  const written = { ...found, spec: { ...found.spec, address: 'FD00:0::3' } };
  const response = synced(a, { related: [allocation(pool, a, 'fd00::3')], attachments: [written] });
  assert.equal(response.attachments[0]?.spec, written.spec);
  assert.equal(response.annotations, { 'metaipam.io/address': 'fd00::3' });
});

// Waiting

test('a refusal becomes the Ready condition', () => {
  const a = claim('a', POOL);
  const response = synced(a, { related: [refusal(a, 'PoolExhausted', 'the pool is full')] });
  assert.equal(response, {
    attachments: [],
    status: {
      conditions: [
        {
          type: 'Ready',
          status: 'False',
          reason: 'PoolExhausted',
          message: 'the pool is full',
          lastTransitionTime: '2026-01-02T03:04:05Z',
        },
      ],
    },
  });
});

test('an address beats a refusal, in whatever order they come', () => {
  const a = claim('a', POOL);
  const related = [refusal(a, 'PoolExhausted', 'the pool is full'), allocation(POOL, a, '10.0.0.1')];
  assert.is(synced(a, { related }).attachments.length, 1);
  assert.is(synced(a, { related: related.toReversed() }).attachments.length, 1);
});

test('a young claim waits in silence, an older one asks for its pool', () => {
  const a = claim('a', POOL, { creationTimestamp: ago(0) });
  assert.equal(synced(a), { attachments: [], resyncAfterSeconds: 10 });
  assert.equal(synced(a, { seconds: 29 }), { attachments: [], resyncAfterSeconds: 10 });
  const later = synced(a, { seconds: 30 });
  assert.is(condition(later, 'Ready'), 'False/PoolNotReady');
  assert.match(statusOf(later).conditions![0]!.message, 'no answer from InClusterIPPool default/pool');
  assert.ok(later.resyncAfterSeconds! > 0);
});

test('H3 a claim of a missing pool has no address', () => {
  const response = synced(claim('a', globalPool({})));
  assert.equal(response.attachments, []);
  assert.match(statusOf(response).conditions![0]!.message, 'no answer from GlobalInClusterIPPool pool:');
});

test('a status is what others wrote into it, too', () => {
  const other = {
    type: 'Other',
    status: 'True' as const,
    reason: 'Yes',
    message: '',
    lastTransitionTime: ago(99),
  };
  const a = {
    ...claim('a', POOL),
    status: { conditions: [other], deprecated: { v1beta1: { conditions: [] } } },
  };
  const { status } = synced(a as IPAddressClaim, { related: [refusal(a, 'PoolExhausted', 'full')] });
  const { conditions, ...others } = status as { conditions: Condition[] };
  assert.equal(others, { deprecated: { v1beta1: { conditions: [] } } });
  assert.equal(conditions[0], other);
  assert.is(conditions.length, 2);
});

test('conditions of v1beta1 say how bad a False is', () => {
  const config = { clusterApiVersion: 'v1beta1' } as const;
  const a = { ...claim('a', POOL), apiVersion: 'ipam.cluster.x-k8s.io/v1beta1' };
  const waiting = synced(a, { related: [refusal(a, 'PoolExhausted', 'full')], config });
  assert.equal(statusOf(waiting).conditions, [
    {
      type: 'Ready',
      status: 'False',
      reason: 'PoolExhausted',
      message: 'full',
      severity: 'Warning',
      lastTransitionTime: '2026-01-02T03:04:05Z',
    },
  ]);
  const address = created(synced(a, { related: [allocation(POOL, a, '10.0.0.1')], config }));
  assert.is(address.apiVersion, 'ipam.cluster.x-k8s.io/v1beta1');
  const bound = synced({ ...a, ...waiting } as IPAddressClaim, { attachments: [address], config });
  const [ready] = statusOf(bound).conditions!;
  assert.is(ready?.status, 'True');
  assert.not('severity' in ready!);
});

// Pauses and clusters

const named = { ...claim('test', POOL), spec: { ...claim('test', POOL).spec, clusterName: 'test-cluster' } };
const labelled = claim('test', POOL, { labels: { ...POOL_LABELS, ...CLUSTER_LABEL } });

const HELD: [string, IPAddressClaim, KubernetesObject[], string][] = [
  [
    'H22 its cluster has the annotation',
    named,
    [cluster({ annotations: PAUSED }, { paused: false })],
    'Paused',
  ],
  ['H23 H24 its cluster’s spec says so', named, [cluster({}, { paused: true })], 'Paused'],
  ['H25 its cluster has both', named, [cluster({ annotations: PAUSED }, { paused: true })], 'Paused'],
  ['H26 the cluster of its label is paused', labelled, [cluster({}, { paused: true })], 'Paused'],
  ['H28 its cluster does not exist', named, [], 'ClusterNotFound'],
  ['H30 the cluster of its label has the annotation', labelled, [cluster({ annotations: PAUSED })], 'Paused'],
  ['H31 the cluster of its label cannot be found', labelled, [], 'ClusterNotFound'],
  ['H32 it is paused itself', claim('test', POOL, { annotations: PAUSED }), [], 'Paused'],
  [
    'a cluster of another namespace is not its own',
    named,
    [cluster({ namespace: 'other' })],
    'ClusterNotFound',
  ],
];
for (const [why, object, clusters, reason] of HELD) {
  test(`no address for a claim when ${why}`, () => {
    const response = synced(object, { related: [allocation(POOL, object, '10.0.0.1'), ...clusters] });
    assert.equal(response.attachments, []);
    assert.is(condition(response, 'Ready'), `False/${reason}`);
  });
}

for (const [id, object] of [
  ['H26', labelled],
  ['H27', named],
] as const) {
  test(`${id} an address when the pause is over`, () => {
    const related = [allocation(POOL, object, '10.0.0.1'), cluster({}, { paused: false })];
    assert.is(synced(object, { related }).attachments.length, 1);
  });
}

test('a claim without a cluster waits for none, nor does any where there are no clusters', () => {
  const a = claim('a', POOL);
  assert.is(synced(a, { related: [allocation(POOL, a, '10.0.0.1')] }).attachments.length, 1);
  const related = [allocation(POOL, named, '10.0.0.1')];
  assert.is(synced(named, { related, config: { watchClusters: false } }).attachments.length, 1);
});

test('the field names the cluster before the label does', () => {
  const both = { ...labelled, spec: { ...labelled.spec, clusterName: 'named' } };
  const related = [allocation(POOL, both, '10.0.0.1'), cluster()];
  assert.is(condition(synced(both, { related }), 'Ready'), 'False/ClusterNotFound');
});

for (const [what, meta] of [
  ['paused', { annotations: PAUSED }],
  ['gone', undefined],
] as const) {
  test(`a bound claim whose cluster is ${what} keeps its address and its status`, () => {
    const bound = boundClaim(labelled, '10.0.0.1');
    const found = created(synced(claim('test', POOL), { related: [allocation(POOL, bound, '10.0.0.1')] }));
    const related = meta === undefined ? [] : [cluster(meta)];
    const response = synced(bound, { related, attachments: [found] });
    const { uid: _, ...metadata } = found.metadata;
    assert.equal(response, { attachments: [{ ...found, metadata }] });
  });
}

test('an IPAddress made again for a Ready claim, which may be gone, has no pool as owner until that is known', () => {
  const unbound = claim('test', POOL);
  const related = [allocation(POOL, unbound, '10.0.0.1')];
  const first = synced(unbound, { related });
  const { status, annotations } = synced(unbound, { related, attachments: [created(first)] });
  const ready = { ...unbound, metadata: { ...unbound.metadata, annotations }, status } as IPAddressClaim;
  const again = created(first);
  const owner = { apiVersion: CAPI, kind: 'IPAddressClaim', name: 'test', uid: 'uid-test', controller: true };
  const metadata = { ...again.metadata, creationTimestamp: ago(-1), ownerReferences: [owner] };
  const fresh = { ...again, metadata };
  const lag = contextAt().config.cacheLagSeconds;
  const early = synced(ready, { related, attachments: [fresh], seconds: lag });
  assert.equal(early.attachments[0]!.metadata.ownerReferences, [owner]);
  assert.is(early.resyncAfterSeconds, 1);
  const later = synced(ready, { related, attachments: [fresh], seconds: lag + 1 });
  assert.is(later.attachments[0]!.metadata.ownerReferences?.length, 2);
  const bound = { ...fresh, metadata: { ...metadata, creationTimestamp: ago(0) } };
  const usual = synced(ready, { related, attachments: [bound] });
  assert.is(
    usual.attachments[0]!.metadata.ownerReferences?.length,
    2,
    'one that was there before it was Ready',
  );
});

// Deletion

const leaving = claim('test', POOL, { deletionTimestamp: ago(1) });
const leavingAddress = created(
  synced(claim('test', POOL), { related: [allocation(POOL, leaving, '10.0.0.1')] }),
);

test('a claim goes after its IPAddress', () => {
  const first = finalized(leaving, { attachments: [leavingAddress] });
  assert.equal(first, { attachments: [], finalized: false });
  assert.equal(finalized(leaving), { attachments: [], finalized: true });
});

test('H29 a claim goes when its cluster is gone', () => {
  const object = { ...leaving, spec: named.spec };
  assert.equal(finalized(object, { attachments: [leavingAddress] }), { attachments: [], finalized: false });
  assert.equal(finalized(object), { attachments: [], finalized: true });
});

const HOLDS: [string, Partial<ObjectMeta>, KubernetesObject[]][] = [
  ['it is paused', { annotations: PAUSED }, []],
  ['its cluster has the annotation', { labels: CLUSTER_LABEL }, [cluster({ annotations: PAUSED })]],
  ['its cluster’s spec says so', { labels: CLUSTER_LABEL }, [cluster({}, { paused: true })]],
];
for (const [why, meta, related] of HOLDS) {
  test(`a claim and its IPAddress stay while ${why}`, () => {
    const object = { ...leaving, metadata: { ...leaving.metadata, ...meta } };
    const response = finalized(object, { related, attachments: [leavingAddress] });
    assert.is(response.finalized, false);
    assert.equal(
      response.attachments.map(({ spec }) => spec),
      [leavingAddress.spec],
    );
    assert.is(finalized(object, { related }).finalized, false);
  });
}

test('a living claim that lost its label gets it back and keeps its IPAddress', () => {
  const { labels: _, ...metadata } = claim('test', POOL).metadata;
  const response = finalized({ ...claim('test', POOL), metadata }, { attachments: [leavingAddress] });
  assert.is(response.finalized, false);
  assert.equal(response.labels, { 'metaipam.io/pool': 'InClusterIPPool.pool' });
  const { uid, ...kept } = leavingAddress.metadata;
  assert.is(uid, 'address-uid');
  assert.equal(response.attachments, [{ ...leavingAddress, metadata: kept }]);
});

// Recovery

test('a bound claim that lost IPAddress and allocation waits for the address that it names', () => {
  const response = synced(boundClaim(claim('a', POOL), '10.0.0.1'));
  assert.equal(response, { attachments: [], resyncAfterSeconds: 10 });
});

test('if that address is refused it says so, and still names its IPAddress', () => {
  const a = boundClaim(claim('a', POOL), '10.0.0.1');
  const response = synced(a, { related: [refusal(a, 'PoolNotReady', 'why')] });
  assert.is(condition(response, 'Ready'), 'False/PoolNotReady');
  assert.equal(statusOf(response).addressRef, { name: 'a' });
});

for (const address of [undefined, 'nonsense']) {
  test(`a bound claim that names ${address ?? 'no address'} gives it up after a minute`, () => {
    const lost = boundClaim(claim('a', POOL), address);
    const first = synced(lost);
    assert.is(condition(first, 'Ready'), 'Unknown/AddressLost');
    assert.equal(statusOf(first).addressRef, { name: 'a' });
    assert.ok(first.resyncAfterSeconds! > 0);

    const waiting = { ...lost, status: first.status } as IPAddressClaim;
    const before = synced(waiting, { seconds: 59 });
    assert.equal(before.status, first.status);
    const after = synced(waiting, { seconds: 60 });
    assert.is(statusOf(after).addressRef, undefined);
    assert.is(condition(after, 'Ready'), 'Unknown/AddressLost');
  });
}

test('the minute counts from the loss, not from an earlier trouble', () => {
  const lost = boundClaim(claim('a', POOL));
  const trouble = {
    type: 'Ready',
    status: 'False' as const,
    reason: 'Paused',
    message: '',
    lastTransitionTime: new Date(NOW - 3_600_000).toISOString(),
  };
  const status = { ...lost.status, conditions: [trouble] };
  const first = synced({ ...lost, status } as IPAddressClaim);
  assert.equal(statusOf(first).addressRef, { name: 'a' });
  const second = synced({ ...lost, status: first.status } as IPAddressClaim, { seconds: 59 });
  assert.equal(statusOf(second).addressRef, { name: 'a' });
});

test('so does one whose cluster is gone, but not one whose cluster is paused', () => {
  const lost = boundClaim(labelled);
  const first = synced(lost);
  assert.is(condition(first, 'Ready'), 'Unknown/AddressLost');
  const waiting = { ...lost, status: first.status } as IPAddressClaim;
  assert.equal(statusOf(synced(waiting, { seconds: 59 })).addressRef, { name: 'test' });
  const after = synced(waiting, { seconds: 60 });
  assert.is(statusOf(after).addressRef, undefined);
  const unbound = { ...lost, status: after.status } as IPAddressClaim;
  assert.is(condition(synced(unbound), 'Ready'), 'False/ClusterNotFound');
  const paused = cluster({}, { paused: true });
  assert.equal(synced(waiting, { seconds: 60, related: [paused] }), { attachments: [] });
});

// Other people's claims

test('H1 F2 F3 F4 claims of other pools are left alone', () => {
  for (const poolRef of [
    { apiGroup: 'ipam.cluster.x-k8s.io', kind: 'UnknownIPPool', name: 'pool' },
    { apiGroup: 'cluster.x-k8s.io', kind: 'InClusterIPPool', name: 'pool' },
    { kind: 'InClusterIPPool', name: 'pool' },
  ]) {
    const foreign = { ...claim('a', POOL), spec: { poolRef } } as IPAddressClaim;
    const related = [allocation(POOL, foreign, '10.0.0.1')];
    assert.equal(synced(foreign, { related }), { attachments: [] });
    assert.equal(finalized(foreign), { attachments: [], finalized: true });
    assert.equal(customize({ parent: foreign }, contextAt()), { relatedResources: [] });
  }
});

test('somebody else’s IPAddress among the attachments is not this claim’s', () => {
  const a = claim('a', POOL);
  const response = synced(a, { attachments: [ipAddress(POOL, 'b', '10.0.0.9')] });
  assert.equal(response.attachments, []);
});

// Related objects

test('a claim asks for its allocations and its cluster', () => {
  assert.equal(customize({ parent: named }, contextAt()), {
    relatedResources: [
      {
        apiVersion: 'metaipam.io/v1alpha1',
        resource: 'ipallocations',
        namespace: 'default',
        labelSelector: { matchLabels: { 'metaipam.io/claim-uid': 'uid-test' } },
      },
      {
        apiVersion: 'cluster.x-k8s.io/v1beta2',
        resource: 'clusters',
        namespace: 'default',
        names: ['test-cluster'],
      },
    ],
  });
  const withoutClusters = customize({ parent: named }, contextAt(0, { watchClusters: false }));
  assert.is(withoutClusters.relatedResources.length, 1);
});

test('a claim of a global pool asks where the install is', () => {
  const { relatedResources } = customize(
    { parent: claim('a', globalPool({})) },
    contextAt(0, { installNamespace: 'ipam' }),
  );
  assert.equal(
    relatedResources.map(({ namespace }) => namespace),
    ['ipam'],
  );
});

test.run();
