import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { controllers } from '../../hooks/index.ts';
import * as router from '../../hooks/ipam-claim-router.ts';
import * as hook from '../../hooks/ipam-claims.ts';
import { applyAll, createEmptyWorld } from '../../lib/cli/world.ts';
import type { SimulatedCluster } from '../../lib/engine/cluster.ts';
import { addressClaimName } from '../../lib/ipam-claim/address-claims.ts';
import { choosePools, formatPools, poolsOnClaim } from '../../lib/ipam-claim/pools.ts';
import type { IPAMClaim } from '../../lib/kubernetes/core-types.ts';
import type { KubernetesObject } from '../../lib/kubernetes/object.ts';
import type { IPAddressClaim } from '../../lib/kubernetes/types.ts';
import type { Pool } from '../../lib/pool/pool.ts';
import { ago, contextAt, globalPool, ipPool } from './objects.ts';

const LABELS = { 'metaipam.io/network': 'blue' };
const V4 = { addresses: ['10.7.0.0/24'], prefix: 24, gateway: '10.7.0.1' };
const V6 = { addresses: ['fd00:7::/64'], prefix: 64, gateway: 'fd00:7::1' };
const CLAIMS = 'IPAddressClaim.ipam.cluster.x-k8s.io/v1beta2';
const ADDRESSES = 'IPAddress.ipam.cluster.x-k8s.io/v1beta2';

function ipamClaim(meta: object = {}, spec: object = { network: 'blue', interface: '' }): IPAMClaim {
  return {
    apiVersion: 'k8s.cni.cncf.io/v1alpha1',
    kind: 'IPAMClaim',
    metadata: { name: 'vm.blue', namespace: 'default', uid: 'uid-vm', creationTimestamp: ago(10), ...meta },
    spec,
  };
}

test('of each family one pool: of the namespace before cluster-scoped, then by name; none that is going or cannot be read', () => {
  const name = (name: string, more: object = {}) => ({ name, ...more });
  const table: [Pool[], string][] = [
    [[], ''],
    [[globalPool(V4, name('a'))], 'ipv4=GlobalInClusterIPPool/a'],
    [[globalPool(V4, name('a')), ipPool(V4, name('b'))], 'ipv4=InClusterIPPool/b'],
    [[ipPool(V4, name('c')), ipPool(V4, name('b'))], 'ipv4=InClusterIPPool/b'],
    [
      [ipPool(V6, name('six')), globalPool(V4, name('a'))],
      'ipv4=GlobalInClusterIPPool/a,ipv6=InClusterIPPool/six',
    ],
    [[ipPool(V4, name('a', { deletionTimestamp: ago(1) })), ipPool(V4, name('b'))], 'ipv4=InClusterIPPool/b'],
    [[ipPool({ addresses: ['10.7'] }, name('a'))], ''],
  ];
  for (const [pools, expected] of table) {
    assert.is(formatPools(choosePools(pools)), expected);
    assert.is(formatPools(choosePools(pools.toReversed())), expected);
  }
});

test('the annotation is read as it is written, and nothing else is', () => {
  const read = (text?: string) => {
    const annotations = text === undefined ? {} : { 'metaipam.io/pools': text };
    const pools = poolsOnClaim(ipamClaim({ annotations }));
    return pools && formatPools(pools);
  };
  for (const text of ['ipv4=InClusterIPPool/a', 'ipv4=InClusterIPPool/a,ipv6=GlobalInClusterIPPool/b.c-d']) {
    assert.is(read(text), text);
  }
  for (const text of [
    undefined,
    '',
    'a',
    'ipv5=InClusterIPPool/a',
    'ipv4=InClusterPrefixPool/a',
    'ipv4=InClusterIPPool/',
  ])
    assert.is(read(text), undefined, text ?? 'none');
});

test('an IPAddressClaim has the name of its claim and family, which is hashed where it is too long', () => {
  assert.is(addressClaimName({ name: 'vm.blue' }, 4), 'vm.blue-ipv4');
  const long = `${'a'.repeat(231)}.${'b'.repeat(20)}`;
  const names = [long, `${long}c`].map((name) => addressClaimName({ name }, 6));
  for (const name of names) {
    assert.ok(name.length <= 253);
    assert.match(name, /^a+-[0-9a-f]{16}-ipv6$/);
  }
  assert.is(new Set(names).size, 2);
});

test('a network that cannot be the value of a label, or of a namespace that others serve, is left alone', () => {
  const context = contextAt(0, { watchNamespace: 'mine' });
  for (const [claim, at] of [
    [ipamClaim({}, { network: 'x'.repeat(64), interface: '' }), contextAt()],
    [ipamClaim({}, {}), contextAt()],
    [ipamClaim({}, { network: '', interface: '' }), contextAt()],
    [ipamClaim(), context],
  ] as const) {
    assert.equal(router.customize({ parent: claim }, at), { relatedResources: [] });
    assert.equal(router.sync({ object: claim, attachments: {}, related: {} }, at), { attachments: [] });
  }
  const mine = ipamClaim({ namespace: 'mine' });
  assert.is(router.customize({ parent: mine }, context).relatedResources.length, 2);
});

test('with a watch filter the IPAddressClaims are those that are watched', () => {
  const object = ipamClaim({ annotations: { 'metaipam.io/pools': 'ipv4=InClusterIPPool/a' } });
  const request = { object, attachments: { [CLAIMS]: {} }, related: { [ADDRESSES]: {} } };
  const [made] = hook.sync(request, contextAt(0, { watchFilter: 'here' })).attachments;
  assert.equal(made?.metadata.labels, { 'cluster.x-k8s.io/watch-filter': 'here' });
});

test('an address that cannot be read is asked for all the same: its claim says what is wrong with it', () => {
  const annotations = {
    'metaipam.io/pools': 'ipv4=InClusterIPPool/a,ipv6=InClusterIPPool/b',
    'metaipam.io/requested-address': ' nonsense, fd00:7::9 ',
  };
  const request = {
    object: ipamClaim({ annotations }),
    attachments: { [CLAIMS]: {} },
    related: { [ADDRESSES]: {} },
  };
  const asked = hook
    .sync(request, contextAt())
    .attachments.map(({ metadata }) => metadata.annotations?.['metaipam.io/requested-address']);
  assert.equal(asked, ['nonsense', 'fd00:7::9']);
});

test('that an IPAddressClaim does not appear is said after half a minute', () => {
  const annotations = { 'metaipam.io/pools': 'ipv4=InClusterIPPool/a' };
  const request = {
    object: ipamClaim({ annotations }),
    attachments: { [CLAIMS]: {} },
    related: { [ADDRESSES]: {} },
  };
  assert.is(hook.sync(request, contextAt(19)).status, undefined);
  const { status, resyncAfterSeconds } = hook.sync(request, contextAt(20)) as {
    status: { ips: string[]; conditions: { reason: string }[] };
    resyncAfterSeconds: number;
  };
  assert.equal(
    [status.ips, status.conditions[0]?.reason, resyncAfterSeconds],
    [[], 'AddressClaimMissing', 30],
  );
});

/** A world with the pools of a network, in which `given` has come to rest. */
function world(...given: KubernetesObject[]): SimulatedCluster {
  const cluster = createEmptyWorld(controllers, { now: contextAt().now, hasIPAMClaims: true });
  const pools = [
    ipPool(V4, { name: 'blue', labels: LABELS }),
    globalPool(V6, { name: 'blue-v6', labels: LABELS }),
  ];
  apply(cluster, ...pools.map(bare), ...given);
  return cluster;
}

function apply(cluster: SimulatedCluster, ...objects: KubernetesObject[]): void {
  assert.equal(
    applyAll(
      cluster,
      objects.map((object) => ({ object })),
    ),
    [],
  );
  assert.ok(cluster.settle().settled);
}

/** As a person writes it. */
function bare<T extends KubernetesObject>(object: T): T {
  const { name, namespace, labels, annotations } = object.metadata;
  return { ...object, metadata: { name, namespace, labels, annotations } };
}

const of = <T extends KubernetesObject>(cluster: SimulatedCluster, kind: string) =>
  cluster.objects().filter((object) => object.kind === kind) as unknown as T[];

function remove(cluster: SimulatedCluster, kind: string, name: string): void {
  const { apiVersion, metadata } = of(cluster, kind).find((object) => object.metadata.name === name)!;
  cluster.delete({ apiVersion, kind, name, namespace: metadata.namespace! });
  assert.ok(cluster.settle().settled);
}

const ipsOf = (cluster: SimulatedCluster) =>
  Object.fromEntries(
    of<IPAMClaim>(cluster, 'IPAMClaim').map((each) => [each.metadata.name, each.status?.ips]),
  );

test('claims have addresses of both families, gateways, and no other ones after all has come to rest', () => {
  const cluster = world(bare(ipamClaim()), bare(ipamClaim({ name: 'vm2.blue' })));
  assert.equal(ipsOf(cluster), {
    'vm.blue': ['10.7.0.2/24', 'fd00:7::2/64'],
    'vm2.blue': ['10.7.0.3/24', 'fd00:7::3/64'],
  });
  const [claim] = of<IPAMClaim>(cluster, 'IPAMClaim');
  assert.is(claim?.metadata.annotations?.['metaipam.io/gateways'], '10.7.0.1,fd00:7::1');
  assert.equal(
    claim?.status?.conditions?.map(({ type, status }) => [type, status]),
    [['Ready', 'True']],
  );
  assert.is(claim?.metadata.finalizers, undefined);
});

test('a claim waits for the pool of its network, and is served once there is one', () => {
  const cluster = world(bare(ipamClaim({}, { network: 'red', interface: 'net1' })));
  assert.equal(ipsOf(cluster), { 'vm.blue': undefined });
  assert.is(of(cluster, 'IPAddressClaim').length, 0);
  apply(
    cluster,
    bare(
      ipPool(
        { ...V4, addresses: ['10.9.0.0/24'], gateway: '' },
        { name: 'red', labels: { 'metaipam.io/network': 'red' } },
      ),
    ),
  );
  assert.equal(ipsOf(cluster), { 'vm.blue': ['10.9.0.1/24'] });
});

test('it is free again with the claim, and not before', () => {
  const cluster = world(bare(ipamClaim()), bare(ipamClaim({ name: 'vm2.blue' })));
  remove(cluster, 'IPAMClaim', 'vm.blue');
  assert.equal(ipsOf(cluster), { 'vm2.blue': ['10.7.0.3/24', 'fd00:7::3/64'] });
  assert.is(of(cluster, 'IPAddress').length, 2);
  apply(cluster, bare(ipamClaim({ name: 'vm3.blue' })));
  assert.equal(ipsOf(cluster)['vm3.blue'], ['10.7.0.2/24', 'fd00:7::2/64']);
});

test('a claim that names another network than it is served in keeps what it has, and says so', () => {
  const cluster = world(bare(ipamClaim()));
  apply(
    cluster,
    bare(
      ipPool(
        { ...V4, addresses: ['10.9.0.0/24'] },
        { name: 'red', labels: { 'metaipam.io/network': 'red' } },
      ),
    ),
    bare(ipamClaim({}, { network: 'red', interface: '' })),
  );
  assert.equal(ipsOf(cluster), { 'vm.blue': ['10.7.0.2/24', 'fd00:7::2/64'] });
  const { status, reason, message } = readyOf(cluster, 'vm.blue')!;
  assert.equal([status, reason], ['False', 'NetworkChanged']);
  assert.match(message!, /addresses of network blue, and none of red/);
  apply(cluster, bare(ipamClaim()));
  assert.is(readyOf(cluster, 'vm.blue')?.status, 'True');
});

test('an IPAddressClaim that somebody deletes comes again with the same address', () => {
  const cluster = world(bare(ipamClaim()), bare(ipamClaim({ name: 'vm2.blue' })));
  const before = ipsOf(cluster);
  remove(cluster, 'IPAddressClaim', 'vm.blue-ipv4');
  assert.equal(ipsOf(cluster), before);
  assert.is(of(cluster, 'IPAddress').length, 4);
});

test('the address of an IPAddressClaim that is being deleted is not shown: it is free soon', () => {
  const cluster = world(bare(ipamClaim()));
  const [object] = of<IPAMClaim>(cluster, 'IPAMClaim');
  const attachments = of(cluster, 'IPAddressClaim').map((each) => [each.metadata.name, each] as const);
  const addresses = of(cluster, 'IPAddress').map((each) => [each.metadata.name, each] as const);
  const { status: _, ...fresh } = object!;
  const sync = (deletionTimestamp?: string) => {
    const going = attachments.map(
      ([name, each]) => [name, { ...each, metadata: { ...each.metadata, deletionTimestamp } }] as const,
    );
    const request = {
      object: fresh,
      attachments: { [CLAIMS]: Object.fromEntries(deletionTimestamp === undefined ? attachments : going) },
      related: { [ADDRESSES]: Object.fromEntries(addresses) },
    };
    return hook.sync(request as never, contextAt()).status as IPAMClaim['status'];
  };
  assert.equal(sync()?.ips, ['10.7.0.2/24', 'fd00:7::2/64']);
  const { ips, conditions } = sync(ago(1))!;
  assert.equal(
    [ips, conditions?.[0]?.status, conditions?.[0]?.reason],
    [[], 'False', 'AddressClaimDeleting'],
  );
});

for (const reason of ['AddressClaimMissing', 'AddressClaimDeleting']) {
  test(`${reason} is said no longer than it is so, though there is no address yet`, () => {
    const cluster = world(bare(ipamClaim()));
    const [object] = of<IPAMClaim>(cluster, 'IPAMClaim');
    const attachments = of(cluster, 'IPAddressClaim').map((each) => [each.metadata.name, each] as const);
    const conditions = [{ type: 'Ready', status: 'False', reason, message: '' }];
    const request = {
      object: { ...object!, status: { ...object!.status, conditions } },
      attachments: { [CLAIMS]: Object.fromEntries(attachments) },
      related: { [ADDRESSES]: {} },
    };
    const sync = () => hook.sync(request as never, contextAt(60)).status as IPAMClaim['status'];
    assert.equal(
      [sync()?.ips, sync()?.conditions?.map((each) => each.reason)],
      [object!.status?.ips, ['AddressMissing']],
    );
    const [claim] = attachments[0]!;
    delete (request.attachments[CLAIMS] as Record<string, unknown>)[claim];
    assert.is(sync()?.conditions?.[0]?.reason, 'AddressClaimMissing');
  });
}

test('a claim from another cluster asks for the addresses that its status shows', () => {
  const ips = ['10.7.0.44/24', 'fd00:7::44/64'];
  const object = ipamClaim({
    annotations: { 'metaipam.io/pools': 'ipv4=InClusterIPPool/a,ipv6=InClusterIPPool/b' },
  });
  const request = {
    object: { ...object, status: { ips } },
    attachments: { [CLAIMS]: {} },
    related: { [ADDRESSES]: {} },
  };
  const former = hook
    .sync(request, contextAt())
    .attachments.map(({ metadata }) => metadata.annotations?.['metaipam.io/address']);
  assert.equal(former, ['10.7.0.44', 'fd00:7::44']);
});

const addressesOf = (cluster: SimulatedCluster, name: string) => ipsOf(cluster)[name];
const readyOf = (cluster: SimulatedCluster, name: string) =>
  of<IPAMClaim>(cluster, 'IPAMClaim')
    .find(({ metadata }) => metadata.name === name)
    ?.status?.conditions?.find(({ type }) => type === 'Ready');

test('a claim gets the addresses that it asks for, and says why it does not', () => {
  const asking = (name: string, text: string) =>
    bare(ipamClaim({ name, annotations: { 'metaipam.io/requested-address': text } }));
  const cluster = world(asking('a.blue', '10.7.0.77,fd00:7::77'), asking('b.blue', 'fd00:7::99'));
  assert.equal(ipsOf(cluster), {
    'a.blue': ['10.7.0.77/24', 'fd00:7::77/64'],
    'b.blue': ['10.7.0.2/24', 'fd00:7::99/64'],
  });
  apply(cluster, asking('c.blue', '10.7.0.77'));
  assert.equal(addressesOf(cluster, 'c.blue'), []);
  assert.match(readyOf(cluster, 'c.blue')?.message ?? '', /10\.7\.0\.77 is in use by .*a\.blue-ipv4/);
});

test('what a claim had is free after the grace period of its pool, and not before', () => {
  const cluster = createEmptyWorld(controllers, { now: contextAt().now, hasIPAMClaims: true });
  const spec = {
    addresses: ['10.7.0.10'],
    prefix: 24,
    allocateReservedIPAddresses: true,
    addressReuseGracePeriodSeconds: 300,
  };
  apply(cluster, bare(ipPool(spec, { name: 'blue', labels: LABELS })), bare(ipamClaim({ name: 'a.blue' })));
  assert.equal(addressesOf(cluster, 'a.blue'), ['10.7.0.10/24']);
  const { apiVersion, metadata } = of(cluster, 'IPAMClaim')[0]!;
  cluster.delete({ apiVersion, kind: 'IPAMClaim', name: 'a.blue', namespace: metadata.namespace! });
  cluster.settle({ horizonSeconds: 100 });
  applyAll(cluster, [{ object: bare(ipamClaim({ name: 'b.blue' })) }]);
  cluster.settle({ horizonSeconds: 100 });
  assert.equal(addressesOf(cluster, 'b.blue'), []);
  assert.is(readyOf(cluster, 'b.blue')?.status, 'False');
  cluster.settle({ horizonSeconds: 400 });
  assert.equal(addressesOf(cluster, 'b.blue'), ['10.7.0.10/24']);
});

test('what is reserved for the IPAddressClaim of a claim is its own, and nobody else has it', () => {
  const cluster = createEmptyWorld(controllers, { now: contextAt().now, hasIPAMClaims: true });
  const reservations = [{ address: '10.7.0.2', claim: 'gateway.blue-ipv4' }];
  apply(
    cluster,
    bare(ipPool({ ...V4, reservations }, { name: 'blue', labels: LABELS })),
    bare(ipamClaim({ name: 'a.blue' })),
  );
  assert.equal(addressesOf(cluster, 'a.blue'), ['10.7.0.3/24']);
  apply(cluster, bare(ipamClaim({ name: 'gateway.blue' })));
  assert.equal(addressesOf(cluster, 'gateway.blue'), ['10.7.0.2/24']);
});

test('pools and addresses are looked for in the namespace of the claim, cluster-scoped pools everywhere', () => {
  const parent = ipamClaim();
  const pools = router.customize({ parent }, contextAt()).relatedResources;
  assert.equal(
    pools.map(({ resource, namespace }) => [resource, namespace]),
    [
      ['inclusterippools', 'default'],
      ['globalinclusterippools', undefined],
    ],
  );
  const [addresses] = hook.customize({ parent }, contextAt()).relatedResources;
  assert.equal([addresses?.namespace, addresses?.names], ['default', ['vm.blue-ipv4', 'vm.blue-ipv6']]);
});

test('a claim that goes, or whose network no pool serves, gets no label', () => {
  const blue = ipPool(V4, { name: 'a', labels: LABELS });
  const [own, global] = ['InClusterIPPool', 'GlobalInClusterIPPool'].map(
    (kind) => `${kind}.ipam.cluster.x-k8s.io/v1alpha2`,
  ) as [string, string];
  const related = { [own]: { 'default/a': blue }, [global]: {} };
  const labelsOf = (object: IPAMClaim, pools: object) => {
    const { labels, attachments } = router.sync(
      { object, attachments: {}, related: pools as never },
      contextAt(),
    );
    assert.equal(attachments, []);
    return labels;
  };
  assert.equal(labelsOf(ipamClaim(), related), LABELS);
  assert.is(labelsOf(ipamClaim({ deletionTimestamp: ago(1) }), related), undefined);
  assert.is(labelsOf(ipamClaim(), { [own]: {}, [global]: {} }), undefined);
});

test('a claim whose pools cannot be read any more loses its label, so that they are chosen anew', () => {
  const object = ipamClaim({ labels: LABELS, annotations: { 'metaipam.io/pools': 'spoiled' } });
  const request = { object, attachments: { [CLAIMS]: {} }, related: { [ADDRESSES]: {} } };
  assert.equal(hook.sync(request, contextAt()), {
    labels: { 'metaipam.io/network': null },
    attachments: [],
  });
});

test('why a family has no address is what its IPAddressClaim says, once it says something', () => {
  const object = ipamClaim({
    generation: 3,
    annotations: { 'metaipam.io/pools': 'ipv4=InClusterIPPool/a,ipv6=InClusterIPPool/b' },
  });
  const empty = { object, attachments: { [CLAIMS]: {} }, related: { [ADDRESSES]: {} } };
  const [v4, v6] = hook.sync(empty, contextAt()).attachments as IPAddressClaim[];
  const own = (claim: IPAddressClaim, ...conditions: object[]) =>
    ({
      ...claim,
      metadata: { ...claim.metadata, uid: `uid-${claim.metadata.name}` },
      status: { conditions },
    }) as const;
  const full = { type: 'Ready', status: 'False', reason: 'PoolExhausted', message: 'full' };
  const syncWith = (...claims: object[]) => {
    const byName = Object.fromEntries(
      (claims as IPAddressClaim[]).map((each) => [`default/${each.metadata.name}`, each]),
    );
    return hook.sync({ ...empty, attachments: { [CLAIMS]: byName } } as never, contextAt(60)) as {
      status?: { conditions: { reason: string; message: string; observedGeneration: number }[] };
      attachments: KubernetesObject[];
      resyncAfterSeconds?: number;
    };
  };
  for (const silent of [[], [{ type: 'Ready', status: 'True', reason: 'AddressAllocated', message: '' }]]) {
    assert.is(syncWith(own(v4!, ...silent), own(v6!, ...silent)).status, undefined);
  }
  const waiting = syncWith(own(v4!), own(v6!, full));
  const [condition] = waiting.status!.conditions;
  assert.equal(
    [condition?.reason, condition?.message, condition?.observedGeneration],
    ['PoolExhausted', 'IPAddressClaim default/vm.blue-ipv6: full', 3],
  );
  // Both are there, and say when they change: nothing is made.
  assert.is(waiting.attachments.length, 2);
  assert.is(waiting.resyncAfterSeconds, 70, 'an IPAddress may not have been told of');
  const missing = syncWith(own(v6!, full)).status!.conditions[0];
  assert.match(missing!.message, 'waits for IPAddressClaim default/vm.blue-ipv4');
});

test.run();
