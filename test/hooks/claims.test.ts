import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { customize, finalize, sync } from '../../hooks/claims.ts';
import type { KubernetesObject, ObjectMeta } from '../../lib/kubernetes/object.ts';
import type { AllocationSlice, Condition, IPAddress, IPAddressClaim } from '../../lib/kubernetes/types.ts';
import type { DecoratorRequest, DecoratorResponse, HookConfig } from '../../lib/metacontroller/hook.ts';
import {
  ago,
  boundClaim,
  CAPI,
  claim,
  condition,
  contextAt,
  globalPool,
  ipAddress,
  ipPool,
  labelsOf,
  NOW,
  objectMap,
  prefixPool,
  SLICES,
  slicesOf,
} from './objects.ts';

const POOL = ipPool({ addresses: ['10.0.0.1-10.0.0.254'], gateway: '10.0.0.2' });
const PAUSED = { 'cluster.x-k8s.io/paused': '' };
const CLUSTER_LABEL = { 'cluster.x-k8s.io/cluster-name': 'test-cluster' };
const POOL_LABELS = { 'metaipam.io/pool': 'InClusterIPPool.pool', 'metaipam.io/pool-uid': 'pool-uid' };
const LAG = contextAt().config.cacheLagSeconds;

interface Seen {
  readonly related?: readonly KubernetesObject[];
  readonly attachments?: readonly KubernetesObject[];
  readonly seconds?: number;
  readonly config?: Partial<HookConfig>;
}

/** As Metacontroller sends it once the claim has asked for its cluster. */
function requestOf(
  object: IPAddressClaim,
  { related = [], attachments = [], config }: Seen,
): DecoratorRequest<IPAddressClaim> {
  const version = config?.clusterApiVersion ?? 'v1beta2';
  const addresses = `IPAddress.ipam.cluster.x-k8s.io/${version}`;
  const { relatedResources } = customize({ parent: object }, contextAt(0, config));
  const asks = relatedResources.some(({ resource }) => resource === 'clusters');
  return {
    object,
    attachments: { [addresses]: {}, ...objectMap(...attachments) },
    related: {
      [SLICES]: {},
      [addresses]: {},
      ...(asks && { [`Cluster.cluster.x-k8s.io/${version}`]: {} }),
      ...objectMap(...related),
    },
  };
}

function synced(object: IPAddressClaim, seen: Seen = {}): DecoratorResponse {
  return sync(requestOf(object, seen), contextAt(seen.seconds, seen.config));
}

function finalized(object: IPAddressClaim, seen: Seen = {}): DecoratorResponse {
  return finalize(requestOf(object, seen), contextAt(seen.seconds, seen.config));
}

/** The IPAddress that `response` asks for, as Metacontroller creates it: with the claim as controlling owner. */
function created({ apiVersion, kind, metadata }: IPAddressClaim, response: DecoratorResponse): IPAddress {
  const [attachment] = response.attachments;
  const { name, uid = '' } = metadata;
  const controller = { apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: true };
  const ownerReferences = [controller, ...(attachment!.metadata.ownerReferences ?? [])];
  return {
    ...attachment,
    metadata: { ...attachment!.metadata, uid: 'address-uid', ownerReferences },
  } as IPAddress;
}

/** The IPAddress of a claim that was given this address. */
function addressOf(object: IPAddressClaim, address: string): IPAddress {
  return created(object, synced(object, { related: slicesOf(POOL, [object, address]) }));
}

function settledWith(object: IPAddressClaim, settled: string): IPAddressClaim {
  const { metadata } = object;
  return {
    ...object,
    metadata: { ...metadata, labels: { ...metadata.labels, 'metaipam.io/settled': settled } },
  };
}

function addressIn({ attachments: [address] }: DecoratorResponse): string | undefined {
  return (address?.spec as IPAddress['spec'] | undefined)?.address;
}

function cluster(meta: Partial<ObjectMeta> = {}, spec: object = {}): KubernetesObject & { spec: object } {
  const metadata = { name: 'test-cluster', namespace: 'default', ...meta };
  return { apiVersion: 'cluster.x-k8s.io/v1beta2', kind: 'Cluster', metadata, spec };
}

function statusOf({ status }: DecoratorResponse) {
  return status as NonNullable<IPAddressClaim['status']> & { conditions?: Condition[] };
}

/** The slice in which the pool answers the claim. */
function answered({ metadata }: IPAddressClaim, reason: string, message?: string): AllocationSlice {
  const uid = metadata.uid ?? '';
  const { kind, metadata: pool } = POOL;
  return {
    apiVersion: 'metaipam.io/v1alpha1',
    kind: 'AllocationSlice',
    metadata: {
      name: 'pool.answers-0',
      namespace: 'default',
      labels: { [`claim.metaipam.io/${uid}`]: '' },
      ownerReferences: [{ ...POOL_OWNER, controller: true }],
    },
    spec: {
      poolRef: { apiGroup: 'ipam.cluster.x-k8s.io', kind, name: pool.name, uid: 'pool-uid' },
      answers: { [uid]: { reason, ...(message !== undefined && { message }) } },
    },
  };
}

// Binding

const POOL_OWNER = {
  apiVersion: 'ipam.cluster.x-k8s.io/v1alpha2',
  kind: 'InClusterIPPool',
  name: 'pool',
  uid: 'pool-uid',
  controller: false,
  blockOwnerDeletion: true,
};

test('H2 the whole IPAddress', () => {
  const test = claim('test', POOL, {
    labels: { ...labelsOf(POOL), ...CLUSTER_LABEL, other: 'label' },
    creationTimestamp: ago(5),
  });
  const related = [...slicesOf(POOL, [test, '10.0.0.1']), cluster()];
  const response = synced(test, { related });
  assert.equal(response, {
    attachments: [
      {
        apiVersion: CAPI,
        kind: 'IPAddress',
        metadata: {
          name: 'test',
          namespace: 'default',
          labels: { ...CLUSTER_LABEL, ...POOL_LABELS, 'metaipam.io/claim-uid': 'uid-test' },
          // Metacontroller adds the claim.
          ownerReferences: [POOL_OWNER],
        },
        spec: {
          claimRef: { name: 'test' },
          poolRef: { apiGroup: 'ipam.cluster.x-k8s.io', kind: 'InClusterIPPool', name: 'pool' },
          address: '10.0.0.1',
          prefix: 24,
          gateway: '10.0.0.2',
        },
      },
    ],
    resyncAfterSeconds: 30,
  });
});

for (const name of ['test', POOL.metadata.name]) {
  test(`H2 claim ${name} and pool ${POOL.metadata.name} own the IPAddress from the start`, () => {
    const { ownerReferences } = addressOf(claim(name, POOL), '10.0.0.1').metadata;
    assert.equal(ownerReferences, [
      {
        apiVersion: CAPI,
        kind: 'IPAddressClaim',
        name,
        uid: `uid-${name}`,
        controller: true,
        blockOwnerDeletion: true,
      },
      POOL_OWNER,
    ]);
  });
}

test('the IPAddress of a pool that shares its address space says so', () => {
  const pool = ipPool(
    { addresses: ['10.0.0.1-10.0.0.254'] },
    { annotations: { 'metaipam.io/address-space': 'lab' } },
  );
  const a = claim('a', pool);
  const { metadata } = synced(a, { related: slicesOf(pool, [a, '10.0.0.1']) }).attachments[0]!;
  assert.is(metadata.labels?.['metaipam.io/address-space'], 'lab');
});

test('H7 without a gateway the IPAddress has none', () => {
  const pool = ipPool({ addresses: ['10.0.0.1-10.0.0.254'] });
  const a = claim('a', pool);
  const { spec } = synced(a, { related: slicesOf(pool, [a, '10.0.0.1']) }).attachments[0]!;
  assert.not('gateway' in spec!);
});

test('the IPAddress of a pool of prefixes has the length of the prefix, whatever its pool gives now', () => {
  const pool = prefixPool({ prefixes: ['fd00::/48'] });
  const a = claim('a', pool);
  for (const [text, length] of [
    ['fd00::/64', 64],
    ['fd00:0:0:10::/60', 60],
  ] as const) {
    const [address] = synced(a, { related: slicesOf(pool, [a, text]) }).attachments;
    const { prefix, address: first } = address!.spec as IPAddress['spec'];
    assert.equal(`${first}/${prefix}`, text);
    assert.is(prefix, length);
  }
});

test('H8 the address of a global pool is in the claim’s namespace', () => {
  const pool = globalPool({ addresses: ['10.0.0.2-10.0.0.254'] });
  const a = claim('a', pool, { namespace: 'ns2' });
  const [address] = synced(a, { related: slicesOf(pool, [a, '10.0.0.3']) }).attachments;
  assert.is(address?.metadata.namespace, 'ns2');
  assert.is(address?.metadata.ownerReferences?.[0]?.kind, 'GlobalInClusterIPPool');
  assert.is((address!.spec as IPAddress['spec']).poolRef.kind, 'GlobalInClusterIPPool');
});

test('a claim is bound once its IPAddress is there, says which address it is, and is settled', () => {
  const a = claim('a', POOL, { creationTimestamp: ago(5) });
  const related = slicesOf(POOL, [a, '10.0.0.1']);
  const first = synced(a, { related });
  assert.is(first.status, undefined, 'not before');
  assert.is(first.annotations, undefined);
  assert.is(first.labels, undefined);
  assert.ok(first.resyncAfterSeconds! > 0);

  const { attachments, ...second } = synced(a, { related, attachments: [created(a, first)] });
  assert.is(attachments.length, 1);
  const lastTransitionTime = '2026-01-02T03:04:05Z';
  assert.equal(second, {
    labels: { 'metaipam.io/settled': 'pool-uid' },
    annotations: { 'metaipam.io/address': '10.0.0.1', 'metaipam.io/address-of': 'uid-a' },
    status: {
      addressRef: { name: 'a' },
      conditions: [
        { type: 'Ready', status: 'True', reason: 'AddressAllocated', message: '', lastTransitionTime },
      ],
      deprecated: {
        v1beta1: {
          conditions: [{ type: 'Ready', status: 'True', reason: 'AddressAllocated', lastTransitionTime }],
        },
      },
    },
    resyncAfterSeconds: 30,
  });
});

test('nothing changes any more once a claim is settled, with or without its slice in view', () => {
  const a = claim('a', POOL);
  const related = slicesOf(POOL, [a, '10.0.0.1']);
  const attachments = [created(a, synced(a, { related }))];
  const bound = synced(a, { related, attachments });
  const { metadata } = settledWith(a, 'pool-uid');
  const after = { ...a, metadata: { ...metadata, annotations: bound.annotations }, status: bound.status };
  for (const seen of [{ related }, {}]) {
    const response = synced(after as IPAddressClaim, { ...seen, attachments, seconds: 999 });
    const { annotations, status } = bound;
    assert.equal(response, { annotations, status, attachments: bound.attachments });
  }
});

const [ONE, THREE] = ['10.0.0.1', '10.0.0.3'] as const;
for (const [what, settled, has, given, next] of [
  ['it sees both, and they agree', 'open', ONE, [ONE], 'pool-uid'],
  ['what it was given is not in view', 'open', ONE, [], undefined],
  ['it was given another address', 'open', ONE, [THREE], undefined],
  ['it was given two', 'open', ONE, [ONE, THREE], undefined],
  ['it was given another later', 'pool-uid', ONE, [THREE], 'open'],
  ['it was given one more later', 'pool-uid', ONE, [ONE, THREE], 'open'],
  ['it is, and sees nothing of its pool', 'pool-uid', ONE, [], undefined],
  ['it is, and agrees', 'pool-uid', ONE, [ONE], undefined],
  ['it is with a pool of before', 'former-uid', ONE, [ONE], 'pool-uid'],
  ['it has an address and no label', undefined, ONE, [ONE], 'pool-uid'],
] as const) {
  test(`a claim with an IPAddress and settled ${settled}: ${what}`, () => {
    const plain = claim('a', POOL, { annotations: { 'metaipam.io/address-of': 'uid-a' } });
    const a =
      settled === undefined
        ? claim('a', POOL, { labels: { 'metaipam.io/pool': 'InClusterIPPool.pool' } })
        : settledWith(plain, settled);
    const related = slicesOf(POOL, ...given.map((address) => [plain, address] as const));
    const response = synced(a, { related, attachments: [addressOf(plain, has)] });
    assert.equal(response.labels, next && { 'metaipam.io/settled': next });
    assert.is(addressIn(response), has, 'it keeps its IPAddress, whatever it is given');
    assert.equal(response.annotations, { 'metaipam.io/address': has, 'metaipam.io/address-of': 'uid-a' });
  });
}

test('of two addresses that it was given a claim takes the lowest', () => {
  const pool = ipPool({ addresses: ['10.0.0.1-10.0.0.254'] });
  const a = claim('a', pool);
  const related = slicesOf(pool, [a, '10.0.0.30'], [a, '10.0.0.4']);
  assert.equal(addressIn(synced(a, { related })), '10.0.0.4');
  assert.equal(
    addressIn(synced(boundClaim(a, '10.0.0.30'), { related })),
    '10.0.0.30',
    'or that which it had',
  );
  const apart = slicesOf(pool, [a, '10.0.0.4'], [a, '10.0.0.130']);
  for (const related of [apart, apart.toReversed()]) {
    assert.equal(addressIn(synced(a, { related })), '10.0.0.4', 'in whatever order they come');
  }
});

test('what another claim of the same name was given is not this one’s, nor is what is released', () => {
  const a = claim('a', POOL);
  const former = claim('a', POOL, { uid: 'former' });
  const related = slicesOf(POOL, [former, '10.0.0.1'], [a, '10.0.0.3', { released: ago(1) }]);
  assert.equal(synced(a, { related }).attachments, []);
});

test('an IPAddress that was deleted by hand is made again with the same address', () => {
  const a = boundClaim(claim('a', POOL), '10.0.0.3');
  const response = synced(a, { related: slicesOf(POOL, [a, '10.0.0.1'], [a, '10.0.0.3']) });
  assert.is(addressIn(response), '10.0.0.3');
  assert.is(condition(response, 'Ready'), 'False/AddressMissing');
  assert.equal(statusOf(response).addressRef, { name: 'a' });
});

test('a settled claim whose IPAddress was deleted by hand has its pool look at it', () => {
  const a = settledWith(boundClaim(claim('a', POOL), '10.0.0.3'), 'pool-uid');
  assert.equal(synced(a).labels, { 'metaipam.io/settled': 'open' });
  assert.equal(synced(a).attachments, [], 'what is not in view may be another’s by now');
});

test('a claim that was settled a moment ago waits for its IPAddress to come into view before it misses it', () => {
  const bound = boundClaim(claim('a', POOL, { annotations: recordedFor('uid-a') }), '10.0.0.1');
  const ready = { type: 'Ready', status: 'True' as const, reason: 'AddressAllocated', message: '' };
  const conditions = [{ ...ready, lastTransitionTime: ago(0) }];
  const open = { ...bound, status: { ...bound.status, conditions } } as IPAddressClaim;
  const a = settledWith(open, 'pool-uid');
  for (const related of [[], slicesOf(POOL, [a, '10.0.0.1'])]) {
    assert.equal(synced(a, { related, seconds: 10 }), { attachments: [], resyncAfterSeconds: 20 });
    const later = synced(a, { related, seconds: 30 });
    assert.equal(later.labels, { 'metaipam.io/settled': 'open' });
    assert.is.not(condition(later, 'Ready'), 'True/AddressAllocated');
  }
  const elsewhere = settledWith({ ...open, metadata: { ...open.metadata, uid: 'uid-here' } }, 'pool-uid');
  assert.ok(synced(elsewhere, { seconds: 10 }).labels, 'it was settled in another cluster');
  assert.is(condition(synced(open, { seconds: 10 }), 'Ready'), 'Unknown/AddressLost', 'it is not settled');
});

test('an IPAddress that is being deleted is not one to be Ready with', () => {
  const a = boundClaim(claim('a', POOL), '10.0.0.1');
  const address = addressOf(a, '10.0.0.1');
  const ending = { ...address, metadata: { ...address.metadata, deletionTimestamp: ago(1) } };
  assert.is(condition(synced(a, { attachments: [ending] }), 'Ready'), 'False/AddressMissing');
});

test('a claim whose name is taken by an IPAddress of another says so after a minute', () => {
  const a = claim('a', POOL, { creationTimestamp: ago(0) });
  const taken = ipAddress(ipPool({}, { name: 'other' }), 'a', '10.9.9.9');
  const related = [...slicesOf(POOL, [a, '10.0.0.3']), taken];
  const waiting = synced(a, { related, seconds: 59 });
  assert.equal(waiting, { attachments: [], resyncAfterSeconds: 30 });
  const overdue = synced(a, { related, seconds: 60 });
  assert.equal(overdue.status, synced(a, { related: [related[0]!], seconds: 60 }).status, 'seen or not');
  assert.is(statusOf(overdue).addressRef, undefined);
  assert.equal(overdue.attachments, [], 'server-side apply would take it over');
});

for (const [title, spec] of [
  ['no prefix', { prefix: undefined }],
  ['one that no IPv4 address has', { prefix: 64 }],
] as const) {
  test(`of a slice that was edited to say ${title} no IPAddress is made, until its pool has mended it`, () => {
    const a = claim('a', POOL);
    const [slice] = slicesOf(POOL, [a, '10.0.0.3']);
    const edited = { ...slice!, spec: { ...slice!.spec, ...spec } };
    const { attachments, resyncAfterSeconds } = synced(a, { related: [edited] });
    assert.equal([attachments, resyncAfterSeconds], [[], 30]);
    assert.is(synced(a, { related: [slice!] }).attachments.length, 1);
  });
}

test('an annotation in another spelling changes nothing', () => {
  const pool = ipPool({ addresses: ['fd00::/64'], prefix: 64 });
  const a = boundClaim(claim('a', pool), 'FD00::0003');
  const { attachments } = synced(a, { related: slicesOf(pool, [a, 'fd00::3']) });
  assert.is(addressIn({ attachments }), 'fd00::3');
});

test('H19 an adopted address binds its claim though its IPAddress is not Metacontroller’s', () => {
  const a = claim('a', POOL);
  const related = [...slicesOf(POOL, [a, '10.0.0.1', { adopted: true }]), ipAddress(POOL, 'a', '10.0.0.1')];
  const response = synced(a, { related });
  assert.equal(statusOf(response).addressRef, { name: 'a' });
  assert.equal(response.annotations, {
    'metaipam.io/address': '10.0.0.1',
    'metaipam.io/address-of': 'uid-a',
  });
  assert.is(
    response.labels,
    undefined,
    'it is not settled: a settled claim asks for no IPAddress but its own',
  );
  assert.equal(response.attachments, [], 'the janitor makes the claim its owner');
});

// The IPAddress may be there and not yet in view: applied on the server's side, ours would take it over.
for (const [what, since, seconds] of [
  ['a moment ago', ago(0), 30],
  ['within the lag of caches', ago(20), 10],
  ['by a clock that is a little ahead', ago(-10), 40],
  ['longer ago', ago(30), 0],
  ['by a clock that was far ahead', ago(-9999), 0],
  ['whenever', undefined, 0],
] as const) {
  test(`of what was adopted ${what} an IPAddress is ${seconds > 0 ? 'not yet ' : ''}made`, () => {
    const a = claim('a', POOL);
    const entry = { adopted: true as const, ...(since && { since }) };
    const response = synced(a, { related: slicesOf(POOL, [a, '10.0.0.1', entry]) });
    assert.is(addressIn(response), seconds > 0 ? undefined : '10.0.0.1');
    assert.is(response.resyncAfterSeconds, seconds || 30);
  });
}

for (const [what, seen] of [
  ['with it', { attachments: [addressOf(claim('a', POOL), '10.0.0.1')] }],
  ['and lost its owners', { related: [ipAddress(POOL, 'a', '10.0.0.1')] }],
] as const) {
  test(`a claim that was settled in another cluster opens as it records its address, which came ${what}`, () => {
    const a = claim('a', POOL, {
      labels: { ...labelsOf(POOL), 'metaipam.io/settled': 'uid-of-another-cluster' },
      annotations: { 'metaipam.io/address': '10.0.0.1', 'metaipam.io/address-of': 'uid-of-then' },
    });
    const { labels, annotations } = synced(a, seen);
    assert.equal(labels, { 'metaipam.io/settled': 'open' });
    assert.equal(annotations, { 'metaipam.io/address': '10.0.0.1', 'metaipam.io/address-of': 'uid-a' });
  });
}

test('an IPAddress from elsewhere keeps its prefix, and its gateway or that it has none', () => {
  const a = claim('a', POOL);
  const { metadata, spec, ...rest } = addressOf(a, '10.0.0.1');
  const { gateway: _, ...bare } = spec;
  for (const network of [{ prefix: 16 }, { prefix: 25, gateway: '10.0.0.126' }]) {
    const found = { ...rest, metadata, spec: { ...bare, ...network } } as IPAddress;
    const response = synced(a, { related: slicesOf(POOL, [a, '10.0.0.1']), attachments: [found] });
    assert.equal(response.attachments[0]?.spec, found.spec);
  }
});

const OTHER = { apiVersion: CAPI, kind: 'IPAddressClaim', name: 'x', uid: 'x', controller: true };
const OWNERS = { ownerReferences: [{ ...OTHER, controller: false }] };
const LABELS = { ...POOL_LABELS, 'metaipam.io/claim-uid': 'uid-a' };
const STRANGE = { ...POOL_LABELS, 'metaipam.io/claim-uid': 'former' };
for (const [what, meta, isOwn] of [
  ['no labels and no owners', {}, true],
  ['the owners of another provider', OWNERS, true],
  ['its uid, and lost its owner', { labels: LABELS, ...OWNERS }, true],
  ['the uid of an earlier claim of the name', { labels: STRANGE, ...OWNERS }, false],
  ['labels of another cluster, and no owners', { labels: STRANGE }, true],
  ['another controller', { labels: LABELS, ownerReferences: [OTHER] }, false],
] as const) {
  test(`an IPAddress of a claim’s name that has ${what} is ${isOwn ? '' : 'not '}its own`, () => {
    const response = synced(claim('a', POOL), { related: [ipAddress(POOL, 'a', '10.0.0.1', meta)] });
    assert.is(response.annotations !== undefined, isOwn);
  });
}

/** An IPAddress as the hook wants it to stay: Metacontroller makes the claim its controller. */
function keptOf(address: IPAddress): object {
  const { uid: _, ownerReferences = [], ...metadata } = address.metadata;
  const others = ownerReferences.filter(({ controller }) => !controller);
  return { ...address, metadata: { ...metadata, ownerReferences: others } };
}

test('an IPAddress is kept as it is', () => {
  const a = claim('a', POOL);
  const owner = { apiVersion: 'v1', kind: 'ConfigMap', name: 'x', uid: 'x' };
  const found = addressOf(a, '10.0.0.1');
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
  assert.equal(response.attachments, [keptOf(changed)]);
  assert.equal(statusOf(response).addressRef, { name: 'a' });
});

test('the text of an address that another wrote is left to stand', () => {
  const pool = ipPool({ addresses: ['fd00::/64'], prefix: 64 });
  const a = claim('a', pool);
  const related = slicesOf(pool, [a, 'fd00::3']);
  const found = created(a, synced(a, { related }));
  const written = { ...found, spec: { ...found.spec, address: 'FD00:0::3' } };
  const response = synced(a, { related, attachments: [written] });
  assert.equal(response.attachments[0]?.spec, written.spec);
  assert.equal(response.annotations, { 'metaipam.io/address': 'fd00::3', 'metaipam.io/address-of': 'uid-a' });
  assert.equal(response.labels, { 'metaipam.io/settled': 'pool-uid' });
});

// Waiting

test('a refusal becomes the Ready condition', () => {
  const a = claim('a', POOL);
  const related = [answered(a, 'PoolExhausted', 'the pool is full')];
  const response = synced(a, { related });
  const ready = {
    type: 'Ready',
    status: 'False',
    reason: 'PoolExhausted',
    message: 'the pool is full',
    lastTransitionTime: '2026-01-02T03:04:05Z',
  };
  assert.equal(response, {
    attachments: [],
    status: {
      conditions: [ready],
      deprecated: { v1beta1: { conditions: [{ ...ready, severity: 'Warning' }] } },
    },
    resyncAfterSeconds: 30,
  });
  const told = { ...a, status: response.status } as IPAddressClaim;
  assert.equal(synced(told, { related }), { ...response, resyncAfterSeconds: 30 });
});

const readyAs = (status: Condition['status'], reason: string, message: string): Condition => ({
  type: 'Ready',
  status,
  reason,
  message,
  lastTransitionTime: ago(500),
});

test('a refusal in other words is written again, and looked after should the write be lost', () => {
  const full = (message: string) => readyAs('False', 'PoolExhausted', message);
  const said = { ...claim('a', POOL), status: { conditions: [full('full')] } };
  const resync = (message: string) =>
    synced(said, { related: [answered(said, 'PoolExhausted', message)] }).resyncAfterSeconds;
  assert.is(resync('full'), 500);
  assert.is(resync('still full'), 30);
});

test('a claim that waits looks again when it has waited as long once more: it may not have been told', () => {
  const full = { ...readyAs('False', 'PoolExhausted', 'full'), lastTransitionTime: ago(0) };
  const said = { ...claim('a', POOL), status: { conditions: [full] } };
  const related = [answered(said, 'PoolExhausted', 'full')];
  const after = [0, 31, 200, 6000].map((seconds) => synced(said, { related, seconds }).resyncAfterSeconds);
  assert.equal(after, [30, 31, 200, 600]);
});

test('a claim that is Ready and not settled yet is looked after until it is', () => {
  const ready = { conditions: [readyAs('True', 'AddressAllocated', '')] };
  const bound = {
    ...boundClaim(claim('a', POOL), '10.0.0.1'),
    status: { addressRef: { name: 'a' }, ...ready },
  };
  const seen = { related: slicesOf(POOL, [bound, '10.0.0.1']), attachments: [addressOf(bound, '10.0.0.1')] };
  assert.is(synced(bound, seen).resyncAfterSeconds, 30);
  assert.is(synced(settledWith(bound, 'pool-uid'), seen).resyncAfterSeconds, undefined);
});

const NOT_ITS: [string, Partial<IPAddress['spec']>][] = [
  ['another claim', { claimRef: { name: 'b' } }],
  ['a pool of another name', { poolRef: { ...claim('a', POOL).spec.poolRef, name: 'other' } }],
  [
    'a pool of another kind',
    { poolRef: { ...claim('a', POOL).spec.poolRef, kind: 'GlobalInClusterIPPool' } },
  ],
  ['a pool of another group', { poolRef: { ...claim('a', POOL).spec.poolRef, apiGroup: 'example.com' } }],
];
for (const [what, spec] of NOT_ITS) {
  test(`an IPAddress of the claim’s name that is of ${what} is not its own`, () => {
    const a = boundClaim(claim('a', POOL), '10.0.0.1');
    const own = ipAddress(POOL, 'a', '10.0.0.1');
    assert.is(readyIn(synced(a, { related: [own] })), 'True');
    const related = [{ ...own, spec: { ...own.spec, ...spec } }];
    assert.is.not(readyIn(synced(a, { related })), 'True');
  });
}

function readyIn(response: DecoratorResponse): string | undefined {
  return statusOf(response).conditions?.find(({ type }) => type === 'Ready')?.status;
}

test('a paused claim keeps an IPAddress that it has not named yet, and says nothing', () => {
  const paused = claim('test', POOL, { annotations: PAUSED });
  const response = { attachments: [keptOf(ADDRESS)], resyncAfterSeconds: 600 };
  assert.equal(synced(paused, { attachments: [ADDRESS] }), response);
});

test('an address beats a refusal, in whatever order they come', () => {
  const a = claim('a', POOL);
  const related = [answered(a, 'PoolExhausted', 'the pool is full'), ...slicesOf(POOL, [a, '10.0.0.1'])];
  assert.is(synced(a, { related }).attachments.length, 1);
  assert.is(synced(a, { related: related.toReversed() }).attachments.length, 1);
});

test('a claim without a label is opened to its pool', () => {
  const { labels } = synced(claim('a', POOL, { labels: { 'metaipam.io/pool': 'InClusterIPPool.pool' } }));
  assert.equal(labels, { 'metaipam.io/settled': 'open' });
});

test('that nothing is kept for it is no news for a claim that lives', () => {
  const a = claim('a', POOL, { creationTimestamp: ago(0) });
  assert.is(synced(a, { related: [answered(a, 'NothingHeld')] }).status, undefined);
});

test('a young claim waits in silence, an older one asks for its pool', () => {
  const a = claim('a', POOL, { creationTimestamp: ago(0) });
  assert.equal(synced(a), { attachments: [], resyncAfterSeconds: 30 });
  assert.equal(synced(a, { seconds: 29 }), { attachments: [], resyncAfterSeconds: 30 });
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
  const deprecated = { v1beta1: { conditions: [other], note: 'kept' } };
  const a = { ...claim('a', POOL), status: { conditions: [other], deprecated, note: 'kept' } };
  const response = synced(a as IPAddressClaim, { related: [answered(a, 'PoolExhausted', 'full')] });
  const status = response.status as typeof a.status;
  assert.is(status.note, 'kept');
  assert.is(status.deprecated.v1beta1.note, 'kept');
  for (const conditions of [status.conditions, status.deprecated.v1beta1.conditions]) {
    assert.equal(
      conditions.map(({ type }) => type),
      ['Other', 'Ready'],
    );
  }
  assert.equal(status.conditions[0], other);
});

test('conditions of v1beta1 say how bad a False is, and nothing where there is nothing to say', () => {
  const config = { clusterApiVersion: 'v1beta1' } as const;
  const a = { ...claim('a', POOL), apiVersion: 'ipam.cluster.x-k8s.io/v1beta1' };
  const waiting = synced(a, { related: [answered(a, 'PoolExhausted', 'full')], config });
  assert.equal(statusOf(waiting), {
    conditions: [
      {
        type: 'Ready',
        status: 'False',
        reason: 'PoolExhausted',
        message: 'full',
        severity: 'Warning',
        lastTransitionTime: '2026-01-02T03:04:05Z',
      },
    ],
  });
  const address = created(a, synced(a, { related: slicesOf(POOL, [a, '10.0.0.1']), config }));
  assert.is(address.apiVersion, 'ipam.cluster.x-k8s.io/v1beta1');
  const bound = synced({ ...a, ...waiting } as IPAddressClaim, { attachments: [address], config });
  const [ready] = statusOf(bound).conditions!;
  assert.is(ready?.status, 'True');
  assert.not('severity' in ready! || 'message' in ready!);
});

// Pauses and clusters

const named = { ...claim('test', POOL), spec: { ...claim('test', POOL).spec, clusterName: 'test-cluster' } };
const labelled = claim('test', POOL, { labels: { ...labelsOf(POOL), ...CLUSTER_LABEL } });

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
    const response = synced(object, { related: [...slicesOf(POOL, [object, '10.0.0.1']), ...clusters] });
    assert.equal(response.attachments, []);
    assert.is(condition(response, 'Ready'), `False/${reason}`);
    const { 'metaipam.io/settled': _, ...labels } = object.metadata.labels ?? {};
    const unadmitted = { ...object, metadata: { ...object.metadata, labels } };
    assert.is(synced(unadmitted, { related: clusters }).labels, undefined, 'its pool does not look at it');
  });
}

test('a claim that was open and is held up is closed to its pool again, unless that keeps something for it', () => {
  const related = [cluster({}, { paused: true })];
  const first = synced(named, { related });
  assert.equal(first.labels, { 'metaipam.io/settled': null });
  assert.is(
    first.resyncAfterSeconds,
    30,
    'its status may meet a conflict, and the label is then not written',
  );
  const kept = [...slicesOf(POOL, [named, '10.0.0.1']), ...related];
  assert.is(synced(named, { related: kept }).labels, undefined);
});

for (const [id, object] of [
  ['H26', labelled],
  ['H27', named],
] as const) {
  test(`${id} an address when the pause is over`, () => {
    const related = [...slicesOf(POOL, [object, '10.0.0.1']), cluster({}, { paused: false })];
    assert.is(synced(object, { related }).attachments.length, 1);
  });
}

test('a claim without a cluster waits for none, nor does any where there are no clusters', () => {
  const a = claim('a', POOL);
  assert.is(synced(a, { related: slicesOf(POOL, [a, '10.0.0.1']) }).attachments.length, 1);
  const related = slicesOf(POOL, [named, '10.0.0.1']);
  assert.is(synced(named, { related, config: { watchClusters: false } }).attachments.length, 1);
});

test('a claim whose rules are older than its label of a cluster is served: nobody knows of that cluster', () => {
  for (const object of [labelled, named]) {
    const request = requestOf(object, { related: slicesOf(POOL, [object, '10.0.0.1']) });
    const { 'Cluster.cluster.x-k8s.io/v1beta2': _, ...related } = request.related;
    assert.is(addressIn(sync({ ...request, related }, contextAt())), '10.0.0.1');
  }
});

test('the field names the cluster before the label does', () => {
  const both = { ...labelled, spec: { ...labelled.spec, clusterName: 'named' } };
  const related = [...slicesOf(POOL, [both, '10.0.0.1']), cluster()];
  assert.is(condition(synced(both, { related }), 'Ready'), 'False/ClusterNotFound');
});

for (const [what, meta] of [
  ['paused', { annotations: PAUSED }],
  ['gone', undefined],
] as const) {
  test(`a bound claim whose cluster is ${what} keeps its address and its status`, () => {
    const bound = boundClaim(labelled, '10.0.0.1');
    const found = addressOf(claim('test', POOL), '10.0.0.1');
    const related = meta === undefined ? [] : [cluster(meta)];
    const response = synced(bound, { related, attachments: [found] });
    assert.equal(response, { attachments: [keptOf(found)], resyncAfterSeconds: 600 });
  });
}

// Deletion

function ending(settled: string | undefined, meta: Partial<ObjectMeta> = {}, seconds = 1): IPAddressClaim {
  const { 'metaipam.io/settled': _, ...labels } = labelsOf(POOL);
  return claim('test', POOL, {
    deletionTimestamp: ago(seconds),
    ...meta,
    labels: { ...labels, ...(settled && { 'metaipam.io/settled': settled }), ...meta.labels },
  });
}
const ADDRESS = addressOf(claim('test', POOL), '10.0.0.1');
const KEPT = slicesOf(POOL, [ending('open'), '10.0.0.1']);
const RELEASED = slicesOf(POOL, [ending('open'), '10.0.0.1', { released: ago(1) }]);
const NOTHING_HELD = [answered(ending('open'), 'NothingHeld')];
const HAD = { annotations: { 'metaipam.io/address': '10.0.0.1' } };

test('a claim goes after its IPAddress, and after its pool has heard of it', () => {
  const first = finalized(ending('pool-uid'), { related: KEPT, attachments: [ADDRESS] });
  assert.equal(first, { attachments: [], finalized: false, resyncAfterSeconds: 30 });
  const second = finalized(ending('pool-uid'), { related: KEPT });
  assert.equal(second, {
    labels: { 'metaipam.io/settled': 'leaving' },
    attachments: [],
    finalized: false,
    resyncAfterSeconds: 5,
  });
  assert.is(finalized(ending('leaving'), { related: KEPT }).finalized, false);
  assert.equal(finalized(ending('leaving'), { related: RELEASED }), { attachments: [], finalized: true });
  assert.equal(finalized(ending('leaving'), { related: NOTHING_HELD }), { attachments: [], finalized: true });
});

test('a claim that leaves stays while its pool is paused, and goes without an answer of it', () => {
  const related = [...KEPT, answered(ending('leaving'), 'Paused')];
  const hour = { seconds: 3600 };
  const stays = { attachments: [], finalized: false, resyncAfterSeconds: 600 };
  assert.equal(finalized(ending('leaving'), { related, ...hour }), stays);

  test('a claim that leaves does not wait for a paused pool that has gone and left its slices behind', () => {
    const { metadata, ...slice } = answered(ending('leaving'), 'Paused');
    const { ownerReferences: _, ...orphaned } = metadata;
    const related = [{ ...slice, metadata: orphaned }];
    assert.equal(finalized(ending('leaving'), { related }), { attachments: [], finalized: true });
  });
  assert.is(finalized(ending('leaving'), { related: KEPT, ...hour }).finalized, true);
});

test('a claim that was never admitted and has nothing goes at once', () => {
  assert.equal(finalized(ending(undefined)), { attachments: [], finalized: true });
  assert.is(finalized(ending(undefined), { attachments: [ADDRESS] }).finalized, false);
  assert.is(finalized(ending(undefined), { related: KEPT }).finalized, false);
});

test('a claim that was open and sees nothing asks its pool', () => {
  const response = finalized(ending('open'));
  assert.equal(response.labels, { 'metaipam.io/settled': 'leaving' });
  assert.is(response.finalized, false);
});

test('a claim that was given an address may have made an IPAddress just now: it waits for that to be seen', () => {
  const response = finalized(ending('open'), { related: KEPT, seconds: LAG - 2 });
  assert.equal(response, { attachments: [], finalized: false, resyncAfterSeconds: 1 });
  const later = finalized(ending('open'), { related: KEPT, seconds: LAG - 1 });
  assert.equal(later.labels, { 'metaipam.io/settled': 'leaving' });
});

for (const [what, meta, related, patience] of [
  ['nothing', {}, [], 5],
  ['what it was given', {}, KEPT, 5],
  ['nothing, and had an address', HAD, [], 30],
  ['what it was given, and had that', HAD, KEPT, 30],
] as const) {
  test(`a claim that leaves and sees ${what} is not held for ever`, () => {
    const early = finalized(ending('leaving', meta, 0), { related, seconds: patience - 1 });
    assert.equal(early, { attachments: [], finalized: false, resyncAfterSeconds: 1 });
    const late = finalized(ending('leaving', meta, 0), { related, seconds: patience });
    assert.equal(late, { attachments: [], finalized: true });
  });
}

test('a claim whose IPAddress it does not control lets the janitor delete that, for a while', () => {
  const foreign = ipAddress(POOL, 'test', '10.0.0.1');
  const response = finalized(ending('pool-uid'), { related: [foreign] });
  assert.equal(response.labels, { 'metaipam.io/settled': 'ending' });
  assert.is(response.finalized, false);
  assert.is(finalized(ending('ending'), { related: [foreign], seconds: 118 }).finalized, false);
  assert.is(finalized(ending('ending'), { related: [foreign], seconds: 119 }).finalized, true);
  assert.equal(finalized(ending('ending')).labels, { 'metaipam.io/settled': 'leaving' });
  assert.equal(finalized(ending('ending'), { related: KEPT }).labels, { 'metaipam.io/settled': 'leaving' });
});

// As the in-cluster provider makes it: controlled by its claim, but none of Metacontroller's attachments.
const UNMARKED = ipAddress(POOL, 'test', '10.0.0.1', {
  ownerReferences: [
    { apiVersion: CAPI, kind: 'IPAddressClaim', name: 'test', uid: 'uid-test', controller: true },
  ],
});

test('a claim is not settled with an IPAddress that Metacontroller does not know as its', () => {
  const test = claim('test', POOL);
  const slices = slicesOf(POOL, [test, '10.0.0.1', { adopted: true }]);
  const response = synced(test, { related: [UNMARKED, ...slices] });
  assert.is(response.annotations?.['metaipam.io/address'], '10.0.0.1');
  assert.is(response.labels, undefined, 'as it is: open');
  assert.equal(response.attachments, []);
  const mark = { annotations: { 'metacontroller.k8s.io/decorator-controller': 'claims' } };
  const marked = { ...UNMARKED, metadata: { ...UNMARKED.metadata, ...mark } };
  const later = synced(test, { related: [marked, ...slices] });
  assert.is(later.labels?.['metaipam.io/settled'], 'pool-uid');
  assert.is(later.attachments.length, 1);
});

test('a claim that goes says so to the janitor where Metacontroller does not know its IPAddress', () => {
  const { labels, finalized: isFinal } = finalized(ending('pool-uid'), { related: [UNMARKED] });
  assert.equal(labels, { 'metaipam.io/settled': 'ending' });
  assert.is(isFinal, false);
});

test('H29 a claim goes when its cluster is gone', () => {
  const object = { ...ending('pool-uid'), spec: named.spec };
  assert.is(finalized(object, { attachments: [ADDRESS] }).finalized, false);
  assert.equal(finalized(object, { attachments: [ADDRESS] }).attachments, []);
  const left = { ...ending('leaving'), spec: named.spec };
  assert.equal(finalized(left, { related: RELEASED }), { attachments: [], finalized: true });
});

const HOLDS: [string, Partial<ObjectMeta>, KubernetesObject[]][] = [
  ['it is paused', { annotations: PAUSED }, []],
  ['its cluster has the annotation', { labels: CLUSTER_LABEL }, [cluster({ annotations: PAUSED })]],
  ['its cluster’s spec says so', { labels: CLUSTER_LABEL }, [cluster({}, { paused: true })]],
];
for (const [why, meta, related] of HOLDS) {
  test(`a claim and its IPAddress stay while ${why}; one that has nothing goes`, () => {
    const response = finalized(ending('pool-uid', meta), { related, attachments: [ADDRESS] });
    assert.is(response.finalized, false);
    assert.equal(
      response.attachments.map(({ spec }) => spec),
      [ADDRESS.spec],
    );
    assert.is(finalized(ending('pool-uid', meta), { related }).finalized, false);
    assert.is(finalized(ending('open', meta), { related: [...related, ...KEPT] }).finalized, false);
    assert.is(finalized(ending('open', meta), { related, attachments: [ADDRESS] }).finalized, false);
    for (const settled of [undefined, 'open']) {
      assert.equal(finalized(ending(settled, meta), { related }), { attachments: [], finalized: true });
    }
  });
}

test('a living claim that lost its label gets it back and keeps its IPAddress', () => {
  const { labels: _, ...metadata } = claim('test', POOL).metadata;
  const response = finalized({ ...claim('test', POOL), metadata }, { attachments: [ADDRESS] });
  assert.is(response.finalized, false);
  assert.equal(response.labels, { 'metaipam.io/pool': 'InClusterIPPool.pool' });
  assert.equal(response.attachments, [keptOf(ADDRESS)]);
  const foreign = ipAddress(POOL, 'test', '10.0.0.1');
  const bound = { ...boundClaim(claim('test', POOL)), metadata };
  assert.equal(finalized(bound, { related: [foreign] }).attachments, [], 'one that it does not control');
});

// Recovery

test('why a lost address is not given again is said, and the claim still names its IPAddress', () => {
  const a = boundClaim(claim('a', POOL), '10.0.0.1');
  const response = synced(a, { related: [answered(a, 'PoolNotReady', 'why')] });
  assert.is(condition(response, 'Ready'), 'Unknown/AddressLost');
  assert.is(statusOf(response).conditions?.[0]?.message, 'IPAddress a is gone: why');
  assert.equal(statusOf(response).addressRef, { name: 'a' });
});

for (const address of [undefined, 'nonsense', '10.0.0.1']) {
  test(`a bound claim that sees nothing and had ${address ?? 'no address'} gives up the name after a minute`, () => {
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
  const response = { attachments: [], resyncAfterSeconds: 600 };
  assert.equal(synced(waiting, { seconds: 60, related: [paused] }), response);
});

for (const [why, object, related] of [
  ['it is paused', claim('test', POOL, { annotations: PAUSED }), []],
  ['its cluster is paused', labelled, [cluster({}, { paused: true })]],
  ['its cluster is gone', labelled, []],
] as const) {
  test(`a claim that loses its IPAddress while ${why} is open to its pool, which may have lost its slice`, () => {
    const bound = settledWith(boundClaim(object, '10.0.0.1'), 'pool-uid');
    const found = addressOf(claim('test', POOL), '10.0.0.1');
    assert.is(synced(bound, { related, attachments: [found] }).labels, undefined);
    assert.equal(synced(bound, { related }).labels, { 'metaipam.io/settled': 'open' });
    assert.is(synced(settledWith(bound, 'open'), { related }).labels, undefined);
  });
}

// Other people's claims

test('H1 F2 F3 F4 claims of other pools are left alone', () => {
  for (const poolRef of [
    { apiGroup: 'ipam.cluster.x-k8s.io', kind: 'UnknownIPPool', name: 'pool' },
    { apiGroup: 'cluster.x-k8s.io', kind: 'InClusterIPPool', name: 'pool' },
    { kind: 'InClusterIPPool', name: 'pool' },
  ]) {
    const foreign = { ...claim('a', POOL), spec: { poolRef } } as IPAddressClaim;
    const related = slicesOf(POOL, [foreign, '10.0.0.1']);
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

test('a claim asks for the slices that are to tell it something, and for its cluster', () => {
  assert.equal(customize({ parent: named }, contextAt()), {
    relatedResources: [
      {
        apiVersion: 'metaipam.io/v1alpha1',
        resource: 'allocationslices',
        namespace: 'default',
        labelSelector: { matchExpressions: [{ key: 'claim.metaipam.io/uid-test', operator: 'Exists' }] },
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

const addressRef = { name: 'test' };
const settled = { ...labelsOf(POOL), 'metaipam.io/settled': 'pool-uid' };
const recordedFor = (uid: string) => ({
  'metaipam.io/address': '10.0.0.1',
  'metaipam.io/address-of': uid,
});
const ASKS_FOR_AN_ADDRESS: [string, Partial<ObjectMeta>, IPAddressClaim['status'], boolean][] = [
  ['is new', {}, undefined, false],
  ['was refused', {}, { conditions: [] }, false],
  ['has an address, and is not settled', {}, { addressRef }, true],
  ['had an address before it was restored', { annotations: { 'metaipam.io/address': '10.0.0.1' } }, {}, true],
  ['was served by another', { finalizers: ['ipam.cluster.x-k8s.io/ReleaseAddress'] }, {}, true],
  ['is settled', { labels: settled, annotations: recordedFor('uid-test') }, { addressRef }, false],
  [
    'was settled elsewhere',
    { labels: settled, annotations: recordedFor('uid-of-before') },
    { addressRef },
    true,
  ],
  ['was settled, and does not say as whom', { labels: settled }, { addressRef }, true],
  ['says as whom, and is open', { annotations: recordedFor('uid-test') }, { addressRef }, true],
  ['is being deleted and has nothing', { deletionTimestamp: ago(1) }, undefined, true],
  ['is being deleted', { labels: settled, deletionTimestamp: ago(1) }, { addressRef }, true],
];
for (const [title, meta, status, asks] of ASKS_FOR_AN_ADDRESS) {
  test(`a claim that ${title} asks for ${asks ? 'the' : 'no'} IPAddress of its name`, () => {
    const parent: IPAddressClaim = { ...claim('test', POOL, meta), ...(status && { status }) };
    assert.equal(
      customize({ parent }, contextAt()).relatedResources.filter(
        ({ resource }) => resource === 'ipaddresses',
      ),
      asks ? [{ apiVersion: CAPI, resource: 'ipaddresses', namespace: 'default', names: ['test'] }] : [],
    );
  });
}

test('a claim whose IPAddress cannot be made says so once it and the slice are a minute old', () => {
  const old = claim('a', POOL, { creationTimestamp: ago(60) });
  const [slice] = slicesOf(POOL, [old, '10.0.0.1']);
  const related = (age: number) => [
    { ...slice!, metadata: { ...slice!.metadata, creationTimestamp: ago(age) } },
  ];
  const young = claim('a', POOL, { creationTimestamp: ago(59) });
  assert.is(synced(young, { related: related(3600) }).status, undefined);
  assert.is(synced(old, { related: related(59) }).status, undefined, 'it may have waited for long');
  const { status, attachments } = synced(old, { related: related(60) });
  assert.is(attachments.length, 1, 'and tries on');
  const { status: ready, reason, message } = (status as { conditions: Condition[] }).conditions[0]!;
  assert.equal([ready, reason], ['False', 'AddressMissing']);
  assert.match(message, /^10\.0\.0\.1 is allocated; waits for IPAddress default\/a, unless .* delete that/);
});

test('a claim of a global pool asks for slices where the install is', () => {
  const { relatedResources } = customize(
    { parent: claim('a', globalPool({})) },
    contextAt(0, { installNamespace: 'ipam' }),
  );
  assert.equal(
    relatedResources.map(({ resource, namespace }) => `${namespace}/${resource}`),
    ['ipam/allocationslices'],
  );
});

const ELSEWHERE = { watchNamespace: 'elsewhere' };

test('a claim that is not watched is left to others, with what it has', () => {
  const open = claim('a', POOL, { labels: { ...labelsOf(POOL), 'metaipam.io/settled': 'open' } });
  assert.equal(synced(open, { config: ELSEWHERE, seconds: 999 }), {
    labels: { 'metaipam.io/settled': null },
    resyncAfterSeconds: 30,
    attachments: [],
  });
  const bound = boundClaim(claim('a', POOL));
  const address = addressOf(bound, '10.0.0.7');
  const seen = { related: slicesOf(POOL, [bound, '10.0.0.7']), attachments: [address] };
  const { attachments, status, labels } = synced(bound, { ...seen, config: { watchFilter: 'x' } });
  assert.equal(
    attachments.map(({ metadata }) => metadata.name),
    ['a'],
  );
  assert.equal([status, labels], [undefined, undefined]);
  const settled = settledWith(claim('a', POOL), 'pool-uid');
  assert.is(synced(settled, { config: ELSEWHERE }).labels, undefined, 'it is settled');
  const { related } = seen;
  assert.is(synced(open, { config: ELSEWHERE, related }).labels, undefined, 'it was given an address');
  assert.is(synced(open, { config: ELSEWHERE, attachments: [address] }).labels, undefined, 'it has one');
});

test('a claim that is not watched any more ends as any other', () => {
  const ending = claim('a', POOL, { deletionTimestamp: ago(1) });
  assert.equal(finalized(ending, { config: ELSEWHERE }), finalized(ending));
});

test.run();
