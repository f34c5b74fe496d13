/** What the janitor does for pools, and what it leaves alone. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { crdAdmission } from '../../lib/engine/crd-admission.ts';
import type { Unstructured } from '../../lib/engine/object.ts';
import { decideDeeds, type JanitorView, poolDeeds } from '../../lib/janitor/decide.ts';
import { type Check, checkHolds, type Deed } from '../../lib/janitor/deed.ts';
import type { KubernetesObject, ObjectMeta } from '../../lib/kubernetes/object.ts';
import { readCustomResourceDefinitions } from '../../lib/kubernetes/schema.ts';
import type { AllocationSlice, IPAddress, IPAddressClaim } from '../../lib/kubernetes/types.ts';
import {
  ago,
  CAPI,
  claim,
  contextAt,
  globalPool,
  ipAddress,
  ipPool,
  labelsOf,
  type Pool,
  slicesOf,
} from '../hooks/objects.ts';

const admission = crdAdmission(readCustomResourceDefinitions());
const POOL = ipPool({ addresses: ['10.0.0.1-10.0.0.100'], gateway: '10.0.0.254' });
const PAUSED = { 'cluster.x-k8s.io/paused': '' };
const DELETED = { deletionTimestamp: ago(10) };

type View = Partial<Omit<JanitorView, 'networks'>>;

function deeds(view: View): Deed[] {
  return poolDeeds({ claims: [], addresses: [], slices: [], pools: [POOL], ...view }, contextAt());
}

/** `verb resource/name` of each. */
function acts(view: View): string[] {
  return deeds(view).map(({ act }) => `${act.verb} ${act.path.resource}/${act.path.name}`);
}

/** The IPAddress that the claims hook made for a claim, with the claim as its controller and Metacontroller's mark. */
function made(holder: IPAddressClaim, address: string, meta: Partial<ObjectMeta> = {}): IPAddress {
  const { name, uid = '' } = holder.metadata;
  const controller = { apiVersion: CAPI, kind: 'IPAddressClaim', name, uid, controller: true };
  const pool = {
    apiVersion: 'ipam.cluster.x-k8s.io/v1alpha2',
    kind: 'InClusterIPPool',
    name: 'pool',
    uid: 'pool-uid',
  };
  return ipAddress(POOL, name, address, {
    resourceVersion: '300',
    labels: {
      'metaipam.io/pool': 'InClusterIPPool.pool',
      'metaipam.io/pool-uid': 'pool-uid',
      'metaipam.io/claim-uid': uid,
    },
    annotations: { 'metacontroller.k8s.io/decorator-controller': 'claims' },
    ownerReferences: [controller, pool],
    ...meta,
  });
}

const A = claim('a', POOL);
const AGAIN = claim('a', POOL, { uid: 'uid-again' });
const CLAIM_PATH = { apiVersion: CAPI, resource: 'ipaddressclaims', namespace: 'default', name: 'a' };
const ADDRESS_PATH = { ...CLAIM_PATH, resource: 'ipaddresses' };
const SLICE_PATH = {
  apiVersion: 'metaipam.io/v1alpha1',
  resource: 'allocationslices',
  namespace: 'default',
  name: 'pool.10.0.0.0-27',
};
const POOL_PATH = {
  apiVersion: 'ipam.cluster.x-k8s.io/v1alpha2',
  resource: 'inclusterippools',
  namespace: 'default',
  name: 'pool',
};

// IPAddresses whose claim is gone, or leaves without them

function withoutController(address: IPAddress): IPAddress {
  const ownerReferences = address.metadata.ownerReferences?.filter(({ controller }) => !controller);
  return { ...address, metadata: { ...address.metadata, ...(ownerReferences && { ownerReferences }) } };
}

const ENDING = claim('a', POOL, { ...DELETED, labels: labelsOf(POOL, 'ending') });
const { labels: _labels, ...BARE } = A.metadata;
const UNLABELLED: IPAddressClaim = { ...A, metadata: BARE };
const FROM_ELSEWHERE = {
  'metaipam.io/pool': 'InClusterIPPool.pool',
  'metaipam.io/pool-uid': 'pool-of-there',
  'metaipam.io/claim-uid': 'claim-of-there',
};

const ADDRESSES: [string, IPAddress, IPAddressClaim[], boolean][] = [
  ['whose claim is gone', made(A, '10.0.0.1'), [], true],
  ['whose claim is gone, and that lost its owner', withoutController(made(A, '10.0.0.1')), [], true],
  ['whose claim is gone, though there is another of its name', made(A, '10.0.0.1'), [AGAIN], true],
  ['whose claim lives', made(A, '10.0.0.1'), [A], false],
  ['whose claim is paused', made(A, '10.0.0.1'), [claim('a', POOL, { annotations: PAUSED })], false],
  ['that is being deleted', made(A, '10.0.0.1', DELETED), [], false],
  ['without our labels', ipAddress(POOL, 'a', '10.0.0.1'), [], false],
  [
    'that lost the label of its claim',
    ipAddress(POOL, 'a', '10.0.0.1', { labels: { 'metaipam.io/pool-uid': 'pool-uid' } }),
    [],
    false,
  ],
  ['of another provider, whose claim has no labels', ipAddress(POOL, 'a', '10.0.0.1'), [UNLABELLED], false],
  [
    'that bears uids of another cluster',
    ipAddress(POOL, 'a', '10.0.0.1', { labels: FROM_ELSEWHERE }),
    [],
    false,
  ],
  [
    'that came back with its claim to where its pool has stayed',
    made(A, '10.0.0.1', { labels: { ...FROM_ELSEWHERE, 'metaipam.io/pool-uid': 'pool-uid' } }),
    [A],
    false,
  ],
  ['that its claim, which ends, does not control', withoutController(made(A, '10.0.0.1')), [ENDING], true],
  ['of another provider, whose claim ends', ipAddress(POOL, 'a', '10.0.0.1'), [ENDING], true],
  ['that its claim, which ends, controls', made(A, '10.0.0.1'), [ENDING], false],
  [
    'that its claim, which ends, controls without a mark',
    made(A, '10.0.0.1', { annotations: {} }),
    [ENDING],
    true,
  ],
  [
    'of a claim that is being deleted and has not said that it ends',
    withoutController(made(A, '10.0.0.1')),
    [claim('a', POOL, DELETED)],
    false,
  ],
  [
    'of a claim that says that it ends, and lives',
    withoutController(made(A, '10.0.0.1')),
    [claim('a', POOL, { labels: labelsOf(POOL, 'ending') })],
    false,
  ],
  [
    'of another pool, whose claim ends',
    ipAddress(ipPool({}, { name: 'other' }), 'a', '10.0.0.1'),
    [ENDING],
    false,
  ],
];
for (const [what, address, claims, isDeleted] of ADDRESSES) {
  test(`an IPAddress ${what} ${isDeleted ? 'is deleted' : 'stays'}`, () => {
    assert.equal(acts({ addresses: [address], claims }), isDeleted ? ['delete ipaddresses/a'] : []);
  });
}

test('an IPAddress is deleted as it was, and only if the claim is gone indeed', () => {
  const [deed] = deeds({ addresses: [made(A, '10.0.0.1')] });
  assert.equal(deed, {
    why: 'IPAddress default/a: its claim is gone',
    checks: [{ is: 'gone', path: CLAIM_PATH, uid: 'uid-a' }],
    act: { verb: 'delete', path: ADDRESS_PATH, uid: 'address-a', resourceVersion: '300' },
  });
  // Its claim has come just now, and is not in view.
  const labels = { 'metaipam.io/pool-uid': 'pool-uid', 'metaipam.io/claim-uid': 'claim-of-there' };
  const [moved] = deeds({ addresses: [made(A, '10.0.0.1', { labels })] });
  assert.equal(moved?.checks, [
    { is: 'gone', path: CLAIM_PATH, uid: 'claim-of-there' },
    { is: 'gone', path: CLAIM_PATH, uid: 'uid-a' },
  ]);
  const [other] = deeds({ addresses: [withoutController(made(A, '10.0.0.1'))], claims: [ENDING] });
  assert.equal(other?.checks, [{ is: 'unchanged', path: CLAIM_PATH, resourceVersion: '100' }]);
});

// IPAddresses that the slices contradict

const OTHER = slicesOf(POOL, [A, '10.0.0.2']);
const LISTED: Pool = { ...POOL, status: { slices: ['pool.10.0.0.0-27', 'pool.10.0.0.64-27'] } };
for (const [what, view, isDeleted] of [
  ['gives its claim another', { slices: OTHER }, true],
  ['gives its claim both', { slices: slicesOf(POOL, [A, '10.0.0.1'], [A, '10.0.0.2']) }, false],
  ['gives its claim nothing', {}, false],
  ['took the other back', { slices: slicesOf(POOL, [A, '10.0.0.2', { released: ago(1) }]) }, false],
  ['gives its claim another, while a slice is missing', { slices: OTHER, pools: [LISTED] }, false],
  [
    'gives its claim another, and misses no slice',
    { slices: OTHER, pools: [{ ...POOL, status: { slices: OTHER.map(({ metadata }) => metadata.name) } }] },
    true,
  ],
  ['gives its claim another, but cannot be read', { slices: OTHER, addresses: [made(A, 'nonsense')] }, false],
] as [string, View, boolean][]) {
  test(`an IPAddress whose pool ${what} ${isDeleted ? 'is deleted' : 'stays'}`, () => {
    const all = { claims: [A], addresses: [made(A, '10.0.0.1')], ...view };
    assert.equal(acts(all), isDeleted ? ['delete ipaddresses/a'] : []);
    const paused = claim('a', POOL, { annotations: PAUSED });
    assert.equal(acts({ ...all, claims: [paused] }), []);
  });
}

test('what the slice of a pool that is gone gives contradicts nothing', () => {
  const slices = slicesOf(ipPool({}, { uid: 'dead' }), [A, '10.0.0.2']);
  const view = { claims: [A], addresses: [made(A, '10.0.0.1')], slices };
  assert.equal(acts(view), [`delete allocationslices/${slices[0]!.metadata.name}`]);
});

test('that the slices contradict an IPAddress is looked up in both of them', () => {
  const [deed] = deeds({ claims: [A], addresses: [made(A, '10.0.0.70')], slices: OTHER });
  assert.equal(deed?.checks, [
    { is: 'not given', path: { ...SLICE_PATH, name: 'pool.10.0.0.64-27' }, key: '10.0.0.70', uid: 'uid-a' },
    { is: 'unchanged', path: SLICE_PATH, resourceVersion: '200' },
  ]);
});

for (const [what, pool, address, other] of [
  ['of IPv6', POOL, 'fd00::70', 'fd00::2'],
  [
    'in a shared address space',
    ipPool({}, { annotations: { 'metaipam.io/address-space': 'lab' } }),
    '10.0.0.1',
    '10.0.0.2',
  ],
] as const) {
  test(`that the slices contradict an IPAddress is looked up in both of them: ${what}`, () => {
    const [expected] = slicesOf(pool, [A, address]);
    const all = { pools: [pool], claims: [A], addresses: [made(A, address)] };
    const [deed] = deeds({ ...all, slices: slicesOf(pool, [A, other]) });
    const path = { ...SLICE_PATH, name: expected!.metadata.name };
    assert.equal(deed?.checks[0], { is: 'not given', path, key: address, uid: 'uid-a' });
  });
}

// Entries whose claim went without a word

const HELD = slicesOf(POOL, [A, '10.0.0.1']);
for (const [what, view, isReleased] of [
  ['whose claim is gone', { slices: HELD }, true],
  ['whose claim is gone, though there is another of its name', { slices: HELD, claims: [AGAIN] }, true],
  ['whose claim lives', { slices: HELD, claims: [A] }, false],
  ['whose claim is paused', { slices: HELD, claims: [claim('a', POOL, { annotations: PAUSED })] }, false],
  ['whose claim is being deleted', { slices: HELD, claims: [claim('a', POOL, DELETED)] }, false],
  ['that is released', { slices: slicesOf(POOL, [A, '10.0.0.1', { released: ago(1) }]) }, false],
  ['in a slice that is being deleted', { slices: HELD.map((each) => withMeta(each, DELETED)) }, false],
  [
    'whose IPAddress is there, though the claim is gone',
    { slices: HELD, addresses: [made(A, '10.0.0.1', DELETED)] },
    false,
  ],
  [
    'whose IPAddress is there and lost its label',
    { slices: HELD, addresses: [made(A, '10.0.0.1', { ...DELETED, labels: {} })] },
    false,
  ],
] as [string, View, boolean][]) {
  test(`an entry ${what} ${isReleased ? 'is marked as released' : 'stays as it is'}`, () => {
    assert.equal(acts(view), isReleased ? ['update allocationslices/pool.10.0.0.0-27'] : []);
  });
}

function withMeta<T extends KubernetesObject>(object: T, meta: Partial<ObjectMeta>): T {
  return { ...object, metadata: { ...object.metadata, ...meta } };
}

test('all entries of a slice whose claims are gone are released at once, the others stay, and the API server agrees', () => {
  const slices = slicesOf(
    POOL,
    [A, '10.0.0.1'],
    [claim('b', POOL), '10.0.0.2'],
    [claim('c', POOL), '10.0.0.3'],
  );
  const [deed, ...others] = deeds({ slices, claims: [claim('b', POOL)] });
  assert.equal(others, []);
  assert.is(
    deed?.why,
    'AllocationSlice default/pool.10.0.0.0-27: 10.0.0.1, 10.0.0.3 had claims that are gone',
  );
  assert.equal(deed?.checks, [
    { is: 'gone', path: CLAIM_PATH, uid: 'uid-a' },
    { is: 'without address', path: ADDRESS_PATH, claim: 'uid-a' },
    { is: 'gone', path: { ...CLAIM_PATH, name: 'c' }, uid: 'uid-c' },
    { is: 'without address', path: { ...ADDRESS_PATH, name: 'c' }, claim: 'uid-c' },
  ]);
  assert.is(deed?.act.verb === 'update' && deed.act.isSlice, true);
  const object = written(deed!) as AllocationSlice;
  assert.equal(
    Object.entries(object.spec.entries!).map(([key, { released }]) => [key, released]),
    [
      ['10.0.0.1', '2026-01-02T03:04:05Z'],
      ['10.0.0.2', undefined],
      ['10.0.0.3', '2026-01-02T03:04:05Z'],
    ],
  );
  assert.is(object.metadata.resourceVersion, '200', 'it holds for the slice as it was');
  assert.equal(
    admission.validate!(object as object as Unstructured, slices[0] as object as Unstructured),
    [],
  );
});

function written({ act }: Deed): KubernetesObject | undefined {
  return 'object' in act ? act.object : undefined;
}

// Slices that were deleted by hand

function missing(pool: Pool, seconds = 30, status: 'True' | 'False' = 'True'): Pool {
  const slices = [pool.kind === 'InClusterIPPool' ? 'pool.10.0.0.0-27' : 'pool.10.0.0.0-27.global'];
  const condition = { type: 'SlicesMissing', reason: 'SlicesLost', message: '' };
  const conditions = [{ ...condition, status, lastTransitionTime: ago(seconds) }];
  return { ...pool, status: { slices, conditions } };
}

for (const [what, view, isMade] of [
  ['has been missing for long enough', { pools: [missing(POOL)] }, true],
  ['has been missing for a moment', { pools: [missing(POOL, 29)] }, false],
  ['is not said to be missing', { pools: [missing(POOL, 999, 'False')] }, false],
  ['of a pool that is being deleted is missing', { pools: [withMeta(missing(POOL), DELETED)] }, false],
  ['is there', { pools: [missing(POOL)], slices: HELD, claims: [A] }, false],
  [
    'of the pool of a name in another namespace is there',
    {
      pools: [missing(POOL)],
      slices: HELD.map((each) => withMeta(each, { namespace: 'elsewhere' })),
      claims: [A],
    },
    true,
  ],
] as [string, View, boolean][]) {
  test(`a slice that ${what} is ${isMade ? 'made again' : 'left alone'}`, () => {
    assert.equal(acts(view), isMade ? ['create allocationslices/pool.10.0.0.0-27'] : []);
  });
}

test('a slice is made again with what the IPAddresses of living claims say, and the API server agrees', () => {
  const pool = missing(POOL);
  const foreign = claim('foreign', POOL);
  const claims = [A, foreign, claim('far', POOL), claim('other', POOL)];
  const addresses = [
    made(A, '10.0.0.1'),
    ipAddress(POOL, 'foreign', '10.0.0.9', { resourceVersion: '301' }),
    made(claim('far', POOL), '10.0.0.70'),
    made(claim('gone', POOL), '10.0.0.5', DELETED),
    ipAddress(ipPool({}, { name: 'another' }), 'other', '10.0.0.6'),
    ipAddress(POOL, 'other', 'nonsense'),
  ];
  const [deed] = deeds({ pools: [pool], claims, addresses });
  assert.equal(deed?.checks, [
    { is: 'absent', path: SLICE_PATH },
    { is: 'alive', path: POOL_PATH, uid: 'pool-uid' },
    { is: 'unchanged', path: ADDRESS_PATH, resourceVersion: '300' },
    { is: 'unchanged', path: { ...ADDRESS_PATH, name: 'foreign' }, resourceVersion: '301' },
  ]);
  const object = written(deed!) as AllocationSlice;
  assert.equal(object.spec, {
    poolRef: { apiGroup: 'ipam.cluster.x-k8s.io', kind: 'InClusterIPPool', name: 'pool', uid: 'pool-uid' },
    cidr: '10.0.0.0/27',
    prefix: 24,
    gateway: '10.0.0.254',
    entries: {
      '10.0.0.1': { uid: 'uid-a', namespace: 'default', name: 'a' },
      '10.0.0.9': { uid: 'uid-foreign', namespace: 'default', name: 'foreign', adopted: true },
    },
  });
  assert.equal(object.metadata.labels, {
    'metaipam.io/pool': 'InClusterIPPool.pool',
    'controller-uid': 'pool-uid',
  });
  assert.is(object.kind, 'AllocationSlice');
  assert.equal(object.metadata.ownerReferences, [
    {
      apiVersion: POOL_PATH.apiVersion,
      kind: 'InClusterIPPool',
      name: 'pool',
      uid: 'pool-uid',
      controller: true,
      blockOwnerDeletion: true,
    },
  ]);
  assert.equal(admission.validate!(object as object as Unstructured, undefined), []);
});

test('a slice is made again with the subnet of each of its addresses', () => {
  const subnets = [
    { addresses: ['10.0.0.1-10.0.0.9'], prefix: 28, gateway: '10.0.0.14' },
    { addresses: ['10.0.0.17-10.0.0.20'], prefix: 29 },
  ];
  const pool = missing({ ...POOL, spec: { subnets } });
  const names = ['a', 'b', 'c'] as const;
  const claims = names.map((name) => claim(name, POOL));
  const addresses = claims.map((each, index) => {
    const { spec, ...address } = made(each, ['10.0.0.2', '10.0.0.18', '10.0.0.30'][index]!);
    return { ...address, spec: { ...spec, prefix: 27, gateway: '10.0.0.31' } };
  });
  const [deed] = deeds({ pools: [pool], claims, addresses });
  const { prefix, gateway, entries } = (written(deed!) as AllocationSlice).spec;
  assert.equal([prefix, gateway], [28, '10.0.0.14']);
  assert.equal(
    Object.entries(entries!).map(([key, { subnet }]) => [key, subnet]),
    [
      ['10.0.0.2', undefined],
      ['10.0.0.18', { prefix: 29 }],
      ['10.0.0.30', { prefix: 27, gateway: '10.0.0.31' }],
    ],
    'what the pool does not list keeps what its IPAddress says',
  );
});

test('a slice is made again with what moved here with its claim, as with what was here before', () => {
  const [deed] = deeds({ pools: [missing(POOL)], claims: [A], addresses: [MOVED] });
  assert.equal(Object.values((written(deed!) as AllocationSlice).spec.entries!), [
    { uid: 'uid-a', namespace: 'default', name: 'a', adopted: true },
  ]);
});

test('a slice is made again without what others have: other pools, and claims that are gone', () => {
  const [another, global] = [ipPool({}, { name: 'another' }), globalPool({})];
  const labels = (uid: string) => ({ labels: { 'metaipam.io/claim-uid': uid } });
  const claims = [
    AGAIN,
    claim('b', another),
    claim('c', global),
    claim('d', POOL, { namespace: 'elsewhere' }),
  ];
  const addresses = [
    made(A, '10.0.0.1'),
    withoutController(made(A, '10.0.0.2')),
    made(A, '10.0.0.3', { labels: {} }),
    ipAddress(another, 'b', '10.0.0.4', labels('uid-b')),
    ipAddress(global, 'c', '10.0.0.5', labels('uid-c')),
    ipAddress(POOL, 'd', '10.0.0.6', { namespace: 'elsewhere', ...labels('uid-d') }),
  ];
  const restored = deeds({ pools: [missing(POOL)], claims, addresses }).filter(
    ({ act }) => act.verb === 'create',
  );
  assert.equal(
    restored.map((deed) => (written(deed) as AllocationSlice).spec.entries),
    [{}],
  );
});

test('what the status lists and is no name of a piece is not made again', () => {
  const { conditions } = missing(POOL).status!;
  const pool = { ...POOL, status: { slices: ['pool.answers-0', 'nonsense'], conditions: conditions! } };
  assert.equal(acts({ pools: [pool] }), []);
});

test('a slice of a global pool is made again where the install is, with claims of every namespace', () => {
  const pool = globalPool({ addresses: ['10.0.0.1-10.0.0.100'] });
  const claims = ['ns1', 'ns2'].map((namespace) => claim('a', pool, { namespace, uid: `uid-${namespace}` }));
  const addresses = claims.map((each, n) =>
    ipAddress(pool, 'a', `10.0.0.${n + 1}`, { namespace: each.metadata.namespace! }),
  );
  const [deed] = deeds({ pools: [missing(pool)], claims, addresses });
  assert.is(deed?.act.path.namespace, 'metaipam-system');
  const { entries } = (written(deed!) as AllocationSlice).spec;
  assert.equal(
    Object.values(entries!).map(({ uid }) => uid),
    ['uid-ns1', 'uid-ns2'],
  );
});

// IPAddresses from elsewhere get their owners

const ADOPTED = slicesOf(POOL, [A, '10.0.0.1', { adopted: true }]);
const FOREIGN = ipAddress(POOL, 'a', '10.0.0.1', { resourceVersion: '300' });
const movedOf = (controller: IPAddressClaim) => made(controller, '10.0.0.1', { labels: FROM_ELSEWHERE });
const MOVED = movedOf(A);
for (const [what, view, isOwned] of [
  ['that its claim has adopted', {}, true],
  ['whose claim is paused', { claims: [claim('a', POOL, { annotations: PAUSED })] }, false],
  ['whose claim is being deleted', { claims: [claim('a', POOL, DELETED)] }, false],
  ['that is being deleted', { addresses: [withMeta(FOREIGN, DELETED)] }, false],
  ['that has a controller', { addresses: [made(A, '10.0.0.1')] }, false],
  [
    'of another provider that its claim controls',
    { addresses: [made(A, '10.0.0.1', { labels: {}, annotations: {} })] },
    true,
  ],
  ['that lost its mark', { addresses: [made(A, '10.0.0.1', { annotations: {} })] }, true],
  [
    'that lost its mark, of a claim that was given another as well',
    {
      addresses: [made(A, '10.0.0.2', { annotations: {} })],
      slices: slicesOf(POOL, [A, '10.0.0.1'], [A, '10.0.0.2']),
    },
    true,
  ],
  [
    'that another claim controls',
    { addresses: [made(AGAIN, '10.0.0.1', { labels: {}, annotations: {} })] },
    false,
  ],
  ['that moved here with its claim', { addresses: [MOVED] }, true],
  [
    'that moved here with its claim, to where its pool was',
    {
      addresses: [made(A, '10.0.0.1', { labels: { ...FROM_ELSEWHERE, 'metaipam.io/pool-uid': 'pool-uid' } })],
    },
    true,
  ],
  ['that moved here, and another controls', { addresses: [movedOf(AGAIN)] }, false],
  [
    'that moved here, whose claim is paused',
    { claims: [claim('a', POOL, { annotations: PAUSED })], addresses: [MOVED] },
    false,
  ],
  [
    'that moved here with its claim, which was given another',
    { addresses: [MOVED], slices: slicesOf(POOL, [A, '10.0.0.2']) },
    false,
  ],
  ['that its claim was not given', { slices: slicesOf(POOL, [A, '10.0.0.2']) }, false],
  ['that nobody was given', { slices: [] }, false],
  ['of another pool', { addresses: [ipAddress(ipPool({}, { name: 'other' }), 'a', '10.0.0.1')] }, false],
] as [string, View, boolean][]) {
  test(`an IPAddress ${what} ${isOwned ? 'becomes its claim’s, here' : 'is not touched'}`, () => {
    const all = { claims: [A], addresses: [FOREIGN], slices: ADOPTED, ...view };
    assert.equal(acts(all), isOwned ? ['update ipaddresses/a'] : []);
  });
}

test('an adopted IPAddress gets claim and pool as owners, our labels, and keeps what it has', () => {
  const owner = { apiVersion: 'v1', kind: 'ConfigMap', name: 'x', uid: 'x' };
  const before = ['uid-a', 'pool-uid'].map((uid) => ({ ...owner, kind: 'as it was', uid }));
  const elsewhere = [
    { kind: 'IPAddressClaim', name: 'a' },
    { kind: 'InClusterIPPool', name: 'pool' },
  ].map((same) => ({ ...owner, ...same, uid: `of ${same.name} elsewhere` }));
  const alike = { ...owner, kind: 'InClusterIPPool', name: 'another', uid: 'another' };
  const ownerReferences = [...before, ...elsewhere, owner, alike];
  const found = withMeta(FOREIGN, { labels: { other: 'label' }, ownerReferences });
  const [deed] = deeds({ claims: [A], addresses: [found], slices: ADOPTED });
  assert.equal(deed?.checks, [{ is: 'alive', path: CLAIM_PATH, uid: 'uid-a' }]);
  const { metadata, ...rest } = written(deed!) as IPAddress;
  assert.equal(rest, { apiVersion: found.apiVersion, kind: found.kind, spec: found.spec });
  assert.is(metadata.resourceVersion, '300');
  // By this Metacontroller knows it as an attachment of the claim's.
  assert.is(metadata.annotations?.['metacontroller.k8s.io/decorator-controller'], 'claims');
  assert.equal(metadata.labels, {
    other: 'label',
    'metaipam.io/pool': 'InClusterIPPool.pool',
    'metaipam.io/pool-uid': 'pool-uid',
    'metaipam.io/claim-uid': 'uid-a',
  });
  assert.equal(
    metadata.ownerReferences?.map(({ uid, controller, blockOwnerDeletion }) => [
      uid,
      controller,
      blockOwnerDeletion,
    ]),
    [
      ['x', undefined, undefined],
      ['another', undefined, undefined],
      ['uid-a', true, true],
      ['pool-uid', false, true],
    ],
  );
});

test('an IPAddress that moved with its owners keeps them, and bears the uids of here', () => {
  const [deed] = deeds({ claims: [A], addresses: [MOVED], slices: slicesOf(POOL, [A, '10.0.0.1']) });
  assert.is(deed?.why, 'IPAddress default/a: bears uids of another cluster, and gets those of here');
  const { metadata } = written(deed!) as IPAddress;
  assert.equal(metadata.labels, made(A, '10.0.0.1').metadata.labels);
  assert.equal(
    metadata.ownerReferences?.map(({ uid, controller }) => [uid, controller]),
    [
      ['uid-a', true],
      ['pool-uid', false],
    ],
  );
});

// Slices that pools of before have left

const RELEASED = slicesOf(POOL, [A, '10.0.0.1', { released: ago(99) }]);
for (const [what, view, isDeleted] of [
  ['whose pool is gone', { pools: [] }, true],
  ['whose pool is gone, though there is another of its name', { pools: [ipPool({}, { uid: 'new' })] }, true],
  ['whose pool is there', {}, false],
  ['whose pool is being deleted', { pools: [withMeta(POOL, DELETED)] }, false],
  ['that is being deleted', { pools: [], slices: RELEASED.map((each) => withMeta(each, DELETED)) }, false],
  [
    'whose pool is gone, of a claim that may make its IPAddress',
    { pools: [], slices: HELD, claims: [A] },
    false,
  ],
  [
    'whose pool is gone, of two claims of which one may make its IPAddress',
    {
      pools: [],
      slices: slicesOf(POOL, [A, '10.0.0.1'], [claim('b', POOL), '10.0.0.2']),
      claims: [A, claim('b', POOL)],
      addresses: [made(A, '10.0.0.1')],
    },
    false,
  ],
  ['whose pool is gone, and that gives its claim nothing any more', { pools: [], claims: [A] }, true],
  [
    'whose pool is gone, of a claim that has made its IPAddress',
    { pools: [], slices: HELD, claims: [A], addresses: [made(A, '10.0.0.1')] },
    true,
  ],
] as [string, View, boolean][]) {
  test(`a slice ${what} ${isDeleted ? 'is deleted' : 'stays'}`, () => {
    assert.equal(
      acts({ slices: RELEASED, ...view }),
      isDeleted ? ['delete allocationslices/pool.10.0.0.0-27'] : [],
    );
  });
}

test('a slice is deleted as it was, and only if its pool is gone indeed', () => {
  const [deed] = deeds({ slices: RELEASED, pools: [] });
  assert.equal(deed?.checks, [{ is: 'gone', path: POOL_PATH, uid: 'pool-uid' }]);
  const uid = 'uid-pool.10.0.0.0-27';
  assert.equal(deed?.act, { verb: 'delete', path: SLICE_PATH, uid, resourceVersion: '200' });
  const global = slicesOf(globalPool({}), [A, '10.0.0.1', { released: ago(99) }]);
  const [ofGlobal] = deeds({ slices: global, pools: [] });
  assert.equal(ofGlobal?.checks[0]?.path, {
    apiVersion: 'ipam.cluster.x-k8s.io/v1alpha2',
    resource: 'globalinclusterippools',
    name: 'pool',
  });
});

test('slices of networks are no business of pools', () => {
  const network = HELD.map(({ spec, ...slice }) => ({
    ...slice,
    spec: { ...spec, poolRef: { ...spec.poolRef, apiGroup: 'metaipam.io', kind: 'PodNetwork' } },
  }));
  assert.equal(acts({ slices: network, pools: [] }), []);
});

test('what is to be done is that for pools and that for networks', () => {
  const network = HELD.map(({ spec, ...slice }) => ({
    ...slice,
    spec: { ...spec, poolRef: { ...spec.poolRef, apiGroup: 'metaipam.io', kind: 'PodNetwork' } },
  }));
  const addresses = [made(A, '10.0.0.1')];
  const all = { claims: [], addresses, slices: network, pools: [POOL], networks: [], podCIDRClaims: [] };
  assert.equal(
    decideDeeds(all, contextAt()).map(({ act }) => act.path.resource),
    ['ipaddresses', 'allocationslices'],
  );
});

test('where all is well there is nothing to do', () => {
  assert.equal(acts({ claims: [A], addresses: [made(A, '10.0.0.1')], slices: HELD }), []);
});

// What is looked up before

const [GIVEN] = HELD;
for (const [check, found, expected] of [
  [{ is: 'gone', path: CLAIM_PATH, uid: 'uid-a' }, undefined, true],
  [{ is: 'gone', path: CLAIM_PATH, uid: 'uid-a' }, AGAIN, true],
  [{ is: 'gone', path: CLAIM_PATH, uid: 'uid-a' }, A, false],
  [{ is: 'gone', path: CLAIM_PATH, uid: 'uid-a' }, withMeta(A, DELETED), false],
  [{ is: 'unchanged', path: CLAIM_PATH, resourceVersion: '100' }, A, true],
  [{ is: 'unchanged', path: CLAIM_PATH, resourceVersion: '99' }, A, false],
  [{ is: 'unchanged', path: CLAIM_PATH, resourceVersion: '100' }, undefined, false],
  [{ is: 'absent', path: SLICE_PATH }, undefined, true],
  [{ is: 'absent', path: SLICE_PATH }, GIVEN, false],
  [{ is: 'alive', path: CLAIM_PATH, uid: 'uid-a' }, A, true],
  [{ is: 'alive', path: CLAIM_PATH, uid: 'uid-a' }, AGAIN, false],
  [{ is: 'alive', path: CLAIM_PATH, uid: 'uid-a' }, withMeta(A, DELETED), false],
  [{ is: 'alive', path: CLAIM_PATH, uid: 'uid-a' }, undefined, false],
  [{ is: 'without address', path: ADDRESS_PATH, claim: 'uid-a' }, undefined, true],
  [{ is: 'without address', path: ADDRESS_PATH, claim: 'uid-a' }, made(AGAIN, '10.0.0.1'), true],
  [{ is: 'without address', path: ADDRESS_PATH, claim: 'uid-a' }, made(A, '10.0.0.1'), false],
  [{ is: 'without address', path: ADDRESS_PATH, claim: 'uid-a' }, made(A, '10.0.0.1', { labels: {} }), false],
  [{ is: 'not given', path: SLICE_PATH, key: '10.0.0.1', uid: 'uid-a' }, GIVEN, false],
  [{ is: 'not given', path: SLICE_PATH, key: '10.0.0.1', uid: 'uid-a' }, RELEASED[0]!, true],
  [{ is: 'not given', path: SLICE_PATH, key: '10.0.0.1', uid: 'uid-again' }, GIVEN, true],
  [{ is: 'not given', path: SLICE_PATH, key: '10.0.0.2', uid: 'uid-a' }, GIVEN, true],
  [{ is: 'not given', path: SLICE_PATH, key: '10.0.0.1', uid: 'uid-a' }, undefined, true],
] as [Check, KubernetesObject | undefined, boolean][]) {
  const { path: _, ...told } = check;
  test(`${JSON.stringify(told)} ${expected ? 'holds' : 'does not hold'} for ${found?.metadata.uid ?? 'nothing'}`, () => {
    assert.is(checkHolds(check, found), expected);
  });
}

test.run();
