import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { check } from '../../../lib/inspect/check/check.ts';
import { CHECKS, quote } from '../../../lib/inspect/check/finding.ts';
import type { KubernetesObject } from '../../../lib/kubernetes/object.ts';
import type { AllocationSlice } from '../../../lib/kubernetes/types.ts';
import {
  address,
  allocation,
  block,
  CONTEXT,
  claim,
  clusterCIDR,
  globalPool,
  labelsOfClaim,
  merged,
  NOW,
  node,
  podCIDRClaim,
  podNetwork,
  pool,
  READY,
  served,
  serviceCIDR,
} from '../objects.ts';

const SPEC = { addresses: ['10.0.0.0/24'], prefix: 24 };
const ago = (seconds: number) => new Date(NOW - seconds * 1000).toISOString();
/** The namespaces apart, as the texts name most of them. */
const find = (...objects: KubernetesObject[]) =>
  check(merged(objects), CONTEXT).map(({ namespaces, ...finding }) => {
    const words = `${finding.object} ${finding.message}`.split(/[ (]/);
    for (const {
      metadata: { namespace },
    } of objects) {
      const isNamed = typeof namespace === 'string' && words.some((word) => word.startsWith(`${namespace}/`));
      assert.ok(!isNamed || namespaces.includes(namespace), `${namespace}: ${finding.message}`);
    }
    return finding;
  });
const namespacesOf = (name: string, ...objects: KubernetesObject[]) =>
  check(merged(objects), CONTEXT).flatMap(({ check, namespaces }) => (check === name ? [namespaces] : []));

/** A claim `name` that has an address and is settled. */
const settled = (name: string, text: string, poolName = 'p') =>
  claim(
    name,
    poolName,
    {
      annotations: { 'metaipam.io/address': text },
      labels: labelsOfClaim(poolName, `uid-of-InClusterIPPool-${poolName}`),
    },
    served(name),
  );
/** The same, as all objects agree. */
const bound = (name: string, text: string, poolName = 'p') => [
  settled(name, text, poolName),
  address(name, poolName, text),
  allocation(poolName, text, name),
];
const nodeWith = (name: string, cidr: string, metadata: Parameters<typeof node>[2] = {}) => [
  node(name, [cidr], metadata),
  podCIDRClaim(name, [cidr]),
  block(cidr, 'cc', name),
];
/** A network of which node n1 says so much. */
const lan = (ranges: readonly unknown[], routes: readonly unknown[] = []) => [
  podNetwork('lan'),
  node('n1', ['10.244.0.0/24'], {
    annotations: { 'kube-node.nordix.org/lan': JSON.stringify({ ranges, routes }) },
  }),
];
const CLEAN = [
  pool('p', SPEC),
  ...bound('a', '10.0.0.1'),
  ...bound('b', '10.0.0.2'),
  claim('waits', 'p'),
  podNetwork('default', { serviceCIDRs: ['10.96.0.0/20'] }),
  clusterCIDR('cc', { perNodeHostBits: 8, ipv4: '10.244.0.0/16' }),
  ...nodeWith('n1', '10.244.0.0/24'),
  ...nodeWith('n2', '10.244.1.0/24'),
];

test('nothing is wrong with a cluster in order, nor with an empty one', () => {
  assert.equal(find(...CLEAN), []);
  assert.equal(find(), []);
});

test('nothing is wrong with what moved here with its claim, and bears uids of another cluster', () => {
  const [had, moved, entry] = bound('c', '10.0.0.3') as [
    KubernetesObject,
    KubernetesObject,
    KubernetesObject,
  ];
  const labels = { 'metaipam.io/claim-uid': 'of-there', 'metaipam.io/pool-uid': 'of-there' };
  const { apiVersion, kind } = had;
  const owner = { apiVersion, kind, name: 'c', uid: had.metadata.uid!, controller: true };
  const metadata = { ...moved.metadata, labels, ownerReferences: [owner] };
  assert.equal(find(...CLEAN, had, { ...moved, metadata }, entry), []);
});

/** How an entry is given up by hand. */
function releaseOf(at: string, key: string): string {
  const patch = `{"spec":{"entries":{"${key}":{"released":"2026-01-02T00:00:00Z"}}}}`;
  return `kubectl patch allocationslice -n ${at} --type=merge -p '${patch}'`;
}

/** A slice of a pool of another uid. */
function ofUid(object: KubernetesObject, uid: string): KubernetesObject {
  const { spec } = object as AllocationSlice;
  return { ...object, spec: { ...spec, poolRef: { ...spec.poolRef, uid } } } as KubernetesObject;
}

/** Each with what is added to a clean cluster, and the one thing that is found. */
const FAULTS: [
  title: string,
  objects: KubernetesObject[],
  check: string,
  object: string,
  message: string,
  fix: string,
][] = [
  [
    'two IPAddresses of one address',
    [claim('c', 'p', {}, served('c')), address('c', 'p', '10.0.0.1', { creationTimestamp: ago(10) })],
    'duplicate-address',
    'IPAddress default/c',
    '10.0.0.1 of InClusterIPPool default/p is also held by default/a (by AllocationSlice default/p.10.0.0.1-32.shared)',
    'kubectl delete ipaddressclaim -n default c  # and whatever uses its address: its owner makes it again, with another',
  ],
  [
    'a claim that says it has the address of another',
    [claim('c', 'p', { annotations: { 'metaipam.io/address': '10.0.0.2' } }, served('c'))],
    'duplicate-address',
    'IPAddressClaim default/c',
    '10.0.0.2 of InClusterIPPool default/p is also held by default/b (by AllocationSlice default/p.10.0.0.2-32.shared)',
    'kubectl delete ipaddressclaim -n default c  # and whatever uses its address: its owner makes it again, with another',
  ],
  [
    'overlapping podCIDRs',
    [node('n3', ['10.244.1.128/25'], { creationTimestamp: ago(5) }), podCIDRClaim('n3', ['10.244.1.128/25'])],
    'duplicate-cidr',
    'Node n3',
    '10.244.1.128/25 overlaps 10.244.1.0/24 of Node n2',
    'kubectl drain --ignore-daemonsets n3 && kubectl delete node n3  # podCIDRs cannot be changed: let it register again',
  ],
  [
    'a block that overlaps the podCIDRs of another node',
    [node('n3'), podCIDRClaim('n3'), block('10.244.0.128/25', 'cc', 'n3')],
    'duplicate-cidr',
    'AllocationSlice metaipam-system/default.10.244.0.0-20.25 (10.244.0.128/25)',
    '10.244.0.128/25 overlaps 10.244.0.0/24 of Node n1',
    releaseOf('metaipam-system default.10.244.0.0-20.25', '10.244.0.128/25'),
  ],
  [
    'an IPAddress that says something else than the slice',
    [claim('c', 'p', {}, served('c')), address('c', 'p', '10.0.0.9'), allocation('p', '10.0.0.8', 'c')],
    'address-mismatch',
    'IPAddress default/c',
    'says 10.0.0.9, but AllocationSlice default/p.10.0.0.8-32.shared keeps 10.0.0.8 for its claim',
    'kubectl delete ipaddresses.ipam.cluster.x-k8s.io -n default c  # and whatever uses 10.0.0.9: it is made again with 10.0.0.8',
  ],
  [
    'an IPAddress that its pool does not know',
    [claim('c', 'p', {}, served('c')), address('c', 'p', '10.0.0.9')],
    'unallocated-address',
    'IPAddress default/c',
    'InClusterIPPool default/p keeps nothing for claim default/c, which has 10.0.0.9',
    'metaipam adopt  # or metaipam doctor, if metaipam made it',
  ],
  [
    'two addresses for one claim',
    [
      claim('c', 'p'),
      address('c', 'p', '10.0.0.9'),
      allocation('p', '10.0.0.8', 'c'),
      allocation('p', '10.0.0.9', 'c'),
    ],
    'two-addresses',
    'IPAddressClaim default/c',
    'InClusterIPPool default/p keeps 10.0.0.8, 10.0.0.9 for it; its IPAddress says 10.0.0.9',
    releaseOf('default p.10.0.0.8-32.shared', '10.0.0.8'),
  ],
  [
    'a claim that does not settle',
    [claim('c', 'p', {}, served('c')), address('c', 'p', '10.0.0.9'), allocation('p', '10.0.0.9', 'c')],
    'stuck-claim',
    'IPAddressClaim default/c',
    'has 10.0.0.9, and is still looked after by its pool: its label metaipam.io/settled is "open"',
    'metaipam doctor',
  ],
  [
    'a claim that was given an address and has no IPAddress',
    [claim('c', 'p'), allocation('p', '10.0.0.9', 'c')],
    'stuck-claim',
    'IPAddressClaim default/c',
    'was given 10.0.0.9 and has no IPAddress',
    'metaipam doctor',
  ],
  [
    'a settled claim without an IPAddress',
    [settled('c', '10.0.0.9')],
    'stuck-claim',
    'IPAddressClaim default/c',
    'is settled and has no IPAddress',
    'metaipam doctor',
  ],
  [
    'a claim that is not admitted',
    [claim('c', 'p', { labels: { 'metaipam.io/pool': 'InClusterIPPool.p' } })],
    'stuck-claim',
    'IPAddressClaim default/c',
    'has no label metaipam.io/settled, so that no pool sees it',
    'metaipam doctor',
  ],
  [
    'a slice that somebody deleted, and what it kept',
    [
      pool('q', { addresses: ['10.7.0.0/24'], prefix: 24 }, {}, { ...READY, slices: ['q.10.7.0.0-27'] }),
      settled('c', '10.7.0.9', 'q'),
      address('c', 'q', '10.7.0.9'),
    ],
    'lost-slice',
    'InClusterIPPool default/q',
    'misses 1 AllocationSlice: q.10.7.0.0-27: nothing is given out of its piece',
    'metaipam doctor  # a running metaipam makes it again',
  ],
  [
    'a slice of an earlier pool',
    [allocation('p', '10.0.0.70', 'a')].map((each) => ofUid(each, 'earlier')),
    'leftover-slice',
    'AllocationSlice default/p.10.0.0.70-32.shared',
    'there is no InClusterIPPool p of uid earlier: nobody else is given what it lists (1)',
    'kubectl delete allocationslice -n default p.10.0.0.70-32.shared  # pools know what is in use by the IPAddresses',
  ],
  [
    'a slice that somebody made for a piece that has one',
    [allocation('p', '10.0.0.9', 'b', {}, { name: 'p.twin' })],
    'misnamed-slice',
    'AllocationSlice default/p.twin',
    'does not have the name of its piece 10.0.0.9/32: what it lists (1) counts for nobody, and is given to nobody',
    'kubectl delete allocationslice -n default p.twin',
  ],
  [
    'a label of another pool',
    [claim('c', 'p', { labels: labelsOfClaim('other') })],
    'wrong-pool-label',
    'IPAddressClaim default/c',
    'its label metaipam.io/pool is "InClusterIPPool.other", so that InClusterIPPool p does not see it',
    'kubectl label ipaddressclaim -n default c --overwrite metaipam.io/pool=InClusterIPPool.p',
  ],
  [
    'an address that is kept for a claim that is gone',
    [allocation('p', '10.0.0.9', 'gone')],
    'leaked-allocation',
    'AllocationSlice default/p.10.0.0.9-32.shared (10.0.0.9)',
    'IPAddressClaim default/gone is gone: 10.0.0.9 cannot be given to anybody',
    'metaipam release 10.0.0.9  # metaipam doctor says why nobody has',
  ],
  [
    'a block that is kept for a node that is gone',
    [block('10.244.9.0/24', 'cc', 'gone')],
    'leaked-allocation',
    'AllocationSlice metaipam-system/default.10.244.0.0-19.24 (10.244.9.0/24)',
    'Node gone is gone: 10.244.9.0/24 cannot be given to anybody',
    'metaipam release 10.244.9.0/24  # metaipam doctor says why nobody has',
  ],
  [
    'an address that should be free again',
    [allocation('p', '10.0.0.9', 'gone', { released: '2026-01-01T00:00:00Z' })],
    'leaked-allocation',
    'AllocationSlice default/p.10.0.0.9-32.shared (10.0.0.9)',
    'IPAddressClaim default/gone gave up 10.0.0.9 at 2026-01-01T00:00:00Z: it should be free again',
    'metaipam doctor',
  ],
  [
    'an IPAddress without its claim',
    [address('gone', 'p', '10.0.0.9')],
    'orphaned-address',
    'IPAddress default/gone',
    'IPAddressClaim default/gone does not exist: 10.0.0.9 stays in use for nobody',
    'kubectl delete ipaddresses.ipam.cluster.x-k8s.io -n default gone  # if nothing uses 10.0.0.9 any more',
  ],
  [
    'an IPAddress that was made for an earlier claim of the name',
    [
      claim('c', 'p'),
      address('c', 'p', '10.0.0.9', {
        labels: { 'metaipam.io/claim-uid': 'then', 'metaipam.io/pool-uid': 'then' },
      }),
    ],
    'orphaned-address',
    'IPAddress default/c',
    'IPAddressClaim default/c of uid then does not exist: 10.0.0.9 stays in use for nobody',
    'kubectl delete ipaddresses.ipam.cluster.x-k8s.io -n default c  # if nothing uses 10.0.0.9 any more',
  ],
  [
    'a PodCIDRClaim without its node',
    [podCIDRClaim('gone')],
    'orphaned-pod-cidr-claim',
    'PodCIDRClaim gone',
    'there is no Node gone of uid uid-of-Node-gone: its blocks stay in use',
    'kubectl delete podcidrclaim gone  # the garbage collector of kube-controller-manager should have',
  ],
  [
    'a claim whose pool does not exist',
    [claim('c', 'nowhere')],
    'missing-pool',
    'IPAddressClaim default/c',
    'InClusterIPPool default/nowhere does not exist',
    'kubectl get inclusterippool -A  # create the pool, or the claim for another one: its spec cannot be changed',
  ],
  [
    'a ClusterCIDR whose network does not exist',
    [clusterCIDR('lost', { perNodeHostBits: 8, ipv4: '10.9.0.0/16' }, 'nowhere')],
    'missing-pool',
    'ClusterCIDR lost',
    'there is no PodNetwork nowhere: it serves no node',
    'kubectl label clustercidr lost --overwrite metaipam.io/network=NAME  # or create the PodNetwork',
  ],
  [
    'an invalid pool',
    [pool('bad', { addresses: ['10.9.0.0/24', '10.9.1.0/24'], prefix: 24 })],
    'invalid-object',
    'InClusterIPPool default/bad',
    'spec.addresses[1]: Invalid value: "10.9.1.0/24": provided address belongs to a different subnet than others',
    'kubectl edit inclusterippool -n default bad',
  ],
  [
    'addresses that the pool does not give out',
    bound('c', '10.0.1.7'),
    'out-of-range',
    'InClusterIPPool default/p',
    '1 address in use is not in the pool: 10.0.1.7 (the first by IPAddressClaim default/c)',
    'kubectl edit inclusterippool -n default p  # list it again, or replace what uses it',
  ],
  [
    'a reserved address that another claim has',
    [
      pool('r', {
        addresses: ['10.7.0.1-10.7.0.9'],
        prefix: 24,
        reservations: [{ address: '10.7.0.5', claim: 'vip' }],
      }),
      ...bound('c', '10.7.0.5', 'r'),
    ],
    'reservation-conflict',
    'InClusterIPPool default/r',
    '10.7.0.5, reserved for IPAddressClaim vip, is held by IPAddressClaim default/c',
    'kubectl edit inclusterippool -n default r  # change spec.reservations, or replace what is in the way',
  ],
  [
    'pools that overlap',
    [globalPool('g', { addresses: ['10.0.0.200-10.0.3.0'], prefix: 22 })],
    'overlapping-pools',
    'GlobalInClusterIPPool g',
    'overlaps InClusterIPPool default/p in 10.0.0.200-10.0.0.254: fine for networks that are apart, else one address is given out twice',
    'kubectl edit globalinclusterippool g  # take it out of spec.addresses, or annotate metaipam.io/may-overlap',
  ],
  [
    'pools of subnets that overlap',
    [globalPool('g', { subnets: [{ addresses: ['10.0.0.200'], prefix: 24 }] })],
    'overlapping-pools',
    'GlobalInClusterIPPool g',
    'overlaps InClusterIPPool default/p in 10.0.0.200: fine for networks that are apart, else one address is given out twice',
    'kubectl edit globalinclusterippool g  # take it out of spec.subnets, or annotate metaipam.io/may-overlap',
  ],
  [
    'a pool of v1alpha1 that overlaps',
    [globalPool('g', { subnet: '10.0.0.252/30' })],
    'overlapping-pools',
    'GlobalInClusterIPPool g',
    'overlaps InClusterIPPool default/p in 10.0.0.253-10.0.0.254: fine for networks that are apart, else one address is given out twice',
    'kubectl edit globalinclusterippool g  # take it out of spec.subnet, or annotate metaipam.io/may-overlap',
  ],
  [
    'ClusterCIDRs of two networks that overlap',
    [
      podNetwork('net1'),
      clusterCIDR('mine', { perNodeHostBits: 8, ipv4: '10.9.0.0/16' }),
      clusterCIDR('other', { perNodeHostBits: 8, ipv4: '10.9.9.0/24' }, 'net1'),
    ],
    'overlapping-pools',
    'ClusterCIDR other',
    'overlaps ClusterCIDR mine in 10.9.9.0-10.9.9.255: fine for networks that are apart, else one address is given out twice',
    'kubectl delete clustercidr other  # and make it anew without these addresses: its spec cannot be changed',
  ],
  [
    'an invalid ClusterCIDR',
    [clusterCIDR('bad', { perNodeHostBits: 8, ipv4: '10.9.0.0/33' })],
    'invalid-object',
    'ClusterCIDR bad',
    'spec.ipv4: Invalid value: "10.9.0.0/33": must be an IPv4 CIDR',
    'kubectl delete clustercidr bad  # and make it anew: its spec cannot be changed',
  ],
  [
    'a node among the addresses of services',
    [
      ...nodeWith('n3', '10.96.4.0/24'),
      clusterCIDR('services', { perNodeHostBits: 8, ipv4: '10.96.0.0/16' }),
    ],
    'service-range',
    'Node n3',
    '10.96.4.0/24 lies among the addresses of services, 10.96.0.0/20',
    'kubectl edit podnetwork  # mend its serviceCIDRs; or make the Node anew, which then gets other blocks',
  ],
  [
    'a node among the addresses of a ServiceCIDR',
    [
      ...nodeWith('n3', '10.97.4.0/24'),
      clusterCIDR('services', { perNodeHostBits: 8, ipv4: '10.97.0.0/16' }),
      serviceCIDR('more', '10.97.4.128/25'),
    ],
    'service-range',
    'Node n3',
    '10.97.4.0/24 lies among the addresses of services, 10.97.4.128/25',
    'kubectl edit podnetwork  # mend its serviceCIDRs; or make the Node anew, which then gets other blocks',
  ],
  [
    'networks that have one annotation',
    ['first', 'second'].map((name, age) => ({
      apiVersion: 'metaipam.io/v1alpha1',
      kind: 'PodNetwork',
      metadata: { name, uid: name, creationTimestamp: `2026-01-0${age + 1}T00:00:00Z` },
      spec: { target: 'node.metadata.annotations', annotation: 'example.com/lan' },
    })),
    'shared-annotation',
    'PodNetwork second',
    'nodes show PodNetwork first in the annotation example.com/lan, and not this one',
    'kubectl delete podnetwork second  # and make it anew with another spec.annotation, which cannot be changed',
  ],
  [
    'exclusions that leave pods of a family nothing',
    lan([{ subnet: '10.7.0.0/30', exclude: ['10.7.0.2'] }, 'fd00::/64']),
    'unusable-block',
    'PodNetwork lan',
    '1 node with no IPv4 address for pods: n1',
    'kubectl edit podnetwork lan',
  ],
  [
    'a gateway that is the address of its subnet',
    lan([{ subnet: '10.7.0.0/28', gateway: '10.7.0.0' }]),
    'unusable-block',
    'PodNetwork lan',
    '1 node with a gateway that is first or last of its subnet: n1',
    'kubectl edit podnetwork lan',
  ],
  [
    'a route by a gateway that only some pods reach',
    lan(
      ['10.7.0.0/28', '10.7.0.16/28'],
      [{ dst: '10.8.0.0/16', gw: '10.7.0.1' }, { dst: '10.9.0.0/16' }, { dst: 'fd01::/64', gw: 'fe80::1' }],
    ),
    'unusable-block',
    'PodNetwork lan',
    '1 node with a route to 10.8.0.0/16 by 10.7.0.1, which is not in the subnet of each pod: n1',
    'kubectl edit podnetwork lan',
  ],
  [
    'a node from before its network went dual-stack',
    [
      ...nodeWith('n3', '10.50.0.0/24', { labels: { stack: 'dual' } }),
      clusterCIDR('dual', {
        perNodeHostBits: 8,
        ipv4: '10.50.0.0/16',
        ipv6: 'fd00:50::/112',
        nodeSelector: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'stack', operator: 'Exists' }] }] },
      }),
    ],
    'node-families',
    'Node n3',
    'lacks IPv6, other than new nodes of PodNetwork default',
    'kubectl drain --ignore-daemonsets n3 && kubectl delete node n3  # podCIDRs cannot be changed: let it register again',
  ],
  [
    'an address from before its pool got another gateway',
    [
      pool('q', { addresses: ['10.0.9.1-10.0.9.99'], prefix: 25, gateway: '10.0.9.2' }),
      ...bound('c', '10.0.9.7', 'q'),
    ],
    'other-subnet',
    'InClusterIPPool default/q',
    '1 address in use differs from prefix 25 and gateway 10.0.9.2: 10.0.9.7 (IPAddress default/c) has prefix 24 and no gateway',
    'replace what uses it: an IPAddress never changes',
  ],
  [
    'an address from before its subnet got another gateway, beside one that has its own',
    [
      pool('q', {
        subnets: [
          { addresses: ['10.0.9.1-10.0.9.99'], prefix: 24 },
          { addresses: ['10.0.8.1-10.0.8.99'], prefix: 24, gateway: '10.0.8.254' },
        ],
      }),
      ...bound('c', '10.0.9.7', 'q'),
      ...bound('d', '10.0.8.7', 'q'),
    ],
    'other-subnet',
    'InClusterIPPool default/q',
    '1 address in use differs from prefix 24 and gateway 10.0.8.254: 10.0.8.7 (IPAddress default/d) has prefix 24 and no gateway',
    'replace what uses it: an IPAddress never changes',
  ],
  [
    'a deletion that hangs',
    [
      claim('c', 'p', {
        deletionTimestamp: ago(3 * 3600),
        finalizers: ['metacontroller.io/decoratorcontroller-claims'],
      }),
    ],
    'stuck-deletion',
    'IPAddressClaim default/c',
    'is being deleted for 3 hours, held by metacontroller.io/decoratorcontroller-claims: Metacontroller should have let it go',
    'metaipam doctor',
  ],
];

for (const [title, objects, name, object, message, fix] of FAULTS) {
  test(title, () => {
    const severity = find(...CLEAN, ...objects)[0]?.severity;
    assert.equal(find(...CLEAN, ...objects), [{ check: name, severity, object, message, fix }] as object);
  });
}

test('every check has a test above', () => {
  assert.equal([...new Set(FAULTS.map(([, , name]) => name))].sort(), Object.keys(CHECKS).sort());
});

test('blocks that pods can use, and annotations that no network has written, are no finding', () => {
  for (const ranges of [
    [
      { subnet: '10.7.0.0/31', gateway: '10.7.0.0' },
      { subnet: 'fd00::/64', gateway: 'fd00::' },
    ],
    // Of two blocks one is enough.
    [{ subnet: '10.7.0.0/28', exclude: ['10.7.0.0/28'] }, '10.7.0.16/28'],
    ['nonsense'],
  ])
    assert.equal(find(...CLEAN, ...lan(ranges)), []);
});

test('what metaipam is about to do is no finding', () => {
  const recently = { creationTimestamp: ago(60) };
  assert.equal(
    find(
      ...CLEAN,
      pool('patient', { addresses: ['10.1.0.0/24'], prefix: 24, addressReuseGracePeriodSeconds: 3600 }),
      allocation('p', '10.0.0.9', 'gone', {}, recently),
      allocation('patient', '10.1.0.9', 'gone', { released: ago(1000) }),
      address('young', 'p', '10.0.0.10', recently),
      podCIDRClaim('young', [], recently),
      claim('going', 'p', { deletionTimestamp: ago(60), finalizers: ['x/y'] }),
    ),
    [],
  );
  const late = find(
    pool('patient', { addresses: ['10.1.0.0/24'], prefix: 24, addressReuseGracePeriodSeconds: 3600 }),
    allocation('patient', '10.1.0.9', 'gone', { released: ago(5000) }),
  );
  assert.equal(
    late.map(({ check }) => check),
    ['leaked-allocation'],
  );
});

test('one address in two spaces is none twice, in one shared space it is', () => {
  const shared = { annotations: { 'metaipam.io/address-space': 'lab' } };
  const two = (meta: object) =>
    find(
      pool('p', SPEC, meta),
      pool('q', SPEC, meta),
      ...bound('a', '10.0.0.1'),
      ...bound('b', '10.0.0.1', 'q'),
    ).map(({ check, object }) => `${check} ${object}`);
  assert.equal(two({}), ['overlapping-pools InClusterIPPool default/q']);
  assert.equal(two(shared), ['duplicate-address AllocationSlice default/q.10.0.0.1-32.shared (10.0.0.1)']);
});

test('a finding has the namespaces of those that its text leaves out', () => {
  const uid = (name: string, namespace: string) => `uid-of-IPAddressClaim-${name}-${namespace}`;
  const shared = (spec: object, metadata = {}) => globalPool('g', spec, metadata);
  const poolRef = {
    apiGroup: 'ipam.cluster.x-k8s.io',
    kind: 'GlobalInClusterIPPool',
    name: 'g',
    uid: 'uid-of-GlobalInClusterIPPool-g',
  };
  const entries = Object.fromEntries(
    ['a', 'b', 'c', 'd', 'e'].map((namespace, index) => [
      `10.0.0.${index + 1}`,
      { uid: uid('web', namespace), namespace, name: 'web' },
    ]),
  );
  const listed = {
    ...allocation('g', '10.0.0.1', 'web'),
    metadata: { name: 'g.10.0.0.0-27.global', namespace: 'metaipam-system' },
    spec: { poolRef, cidr: '10.0.0.0/27', prefix: 24, entries },
  } as KubernetesObject;
  const all = ['a', 'b', 'c', 'd', 'e'];

  const deleted = shared(SPEC, {
    deletionTimestamp: ago(7200),
    finalizers: ['metacontroller.io/compositecontroller-global-pools'],
  });
  assert.equal(namespacesOf('stuck-deletion', deleted, listed), [all]);

  const moved = shared({ addresses: ['10.0.1.0/24'], prefix: 24 });
  assert.equal(namespacesOf('out-of-range', moved, listed), [all]);

  const reserving = shared({
    ...SPEC,
    reservations: [{ address: '10.0.0.2', namespace: 'z', claim: 'db' }],
  });
  assert.equal(namespacesOf('reservation-conflict', reserving, listed), [['z', 'b']]);

  const other = (namespace: string, text: string) => {
    const given = address('db', 'g', text, { namespace }) as KubernetesObject & { spec: object };
    return { ...given, spec: { ...given.spec, poolRef, gateway: '10.0.0.254' } };
  };
  assert.equal(namespacesOf('other-subnet', shared(SPEC), other('y', '10.0.0.9'), other('z', '10.0.0.8')), [
    ['y', 'z'],
  ]);
  assert.equal(namespacesOf('duplicate-address', shared(SPEC), listed, other('z', '10.0.0.1')), [
    ['z', 'metaipam-system', 'a'],
  ]);
  const lost = { ...shared(SPEC), status: { ...READY, slices: ['g.10.0.0.0-27.global'] } };
  assert.equal(namespacesOf('lost-slice', lost), [['metaipam-system']]);
});

test('why a deletion hangs', () => {
  const deleted = (...finalizers: string[]) => ({ deletionTimestamp: ago(1200), finalizers });
  const explain = (...objects: KubernetesObject[]) => {
    const { message = '', fix = '' } = find(...objects).find(({ check }) => check === 'stuck-deletion') ?? {};
    return [message.slice(message.indexOf(': ') + 2), fix];
  };
  const ours = 'metacontroller.io/compositecontroller-pools';
  assert.equal(explain(pool('p', SPEC, deleted(ours)), ...bound('a', '10.0.0.1')), [
    '1 address of it in use by IPAddressClaim default/a',
    'kubectl describe inclusterippool -n default p  # it goes with the last IPAddressClaim that uses it',
  ]);
  const paused = { annotations: { 'cluster.x-k8s.io/paused': '' } };
  assert.equal(explain(pool('p', SPEC, { ...deleted(ours), ...paused })), [
    'it is paused',
    'kubectl annotate inclusterippool -n default p cluster.x-k8s.io/paused-',
  ]);
  assert.equal(explain(pool('p', SPEC, deleted('ipam.cluster.x-k8s.io/ProtectPool')))[1], 'metaipam adopt');
  assert.equal(
    explain(pool('p', SPEC, deleted('example.com/x')))[1],
    'kubectl describe inclusterippool -n default p  # ask whoever put it on',
  );
  const cc = clusterCIDR('cc', { perNodeHostBits: 8, ipv4: '10.244.0.0/16' });
  assert.equal(
    explain(
      { ...cc, metadata: { ...cc.metadata, ...deleted('metacontroller.io/x') } },
      ...nodeWith('n', '10.244.0.0/24'),
    )[0],
    '1 block of it in use by Node n',
  );
});

test('networks may use the same ranges with a word, and one network as it likes', () => {
  const spec = { perNodeHostBits: 8, ipv4: '10.244.0.0/16' };
  const found = find(
    podNetwork(),
    podNetwork('net1'),
    clusterCIDR('a', spec),
    clusterCIDR('b', spec),
    clusterCIDR('c', spec, 'net1'),
  );
  assert.equal(
    found.map(({ check, object }) => `${check} ${object}`),
    ['overlapping-pools ClusterCIDR c', 'overlapping-pools ClusterCIDR c'],
  );
  const going = clusterCIDR('c', spec, 'net1');
  const metadata = { ...going.metadata, deletionTimestamp: ago(60) };
  assert.equal(find(podNetwork(), podNetwork('net1'), clusterCIDR('a', spec), { ...going, metadata }), []);
});

test('ten thousand claims and nodes are compared at once', () => {
  const octets = (n: number) => `${n >> 8}.${n & 255}`;
  const objects = Array.from({ length: 10_000 }, (_, n) => [
    ...bound(`c${n}`, `10.1.${octets(n)}`),
    ...nodeWith(`n${n}`, `100.64.${octets(n)}/32`),
  ]).flat();
  const findings = find(
    pool('p', { addresses: ['10.1.0.0/16'], prefix: 16, allocateReservedIPAddresses: true }),
    podNetwork(),
    clusterCIDR('cc', { perNodeHostBits: 4, ipv4: '100.64.0.0/16' }),
    ...objects,
  );
  // The addresses of these tests say that their subnet is a /24.
  assert.equal([...new Set(findings.map(({ check }) => check))], ['other-subnet']);
});

test('hostile names: commands quote them', () => {
  assert.is(quote('pool-a.10.0.0.7'), 'pool-a.10.0.0.7');
  assert.is(quote("a'; rm -rf / #"), "'a'\\''; rm -rf / #'");
  assert.is(quote('-A'), "'-A'");
  assert.is(quote(''), "''");
  const [finding] = find(pool('$(reboot)', { addresses: [], prefix: 24 }, { namespace: '`x`' }));
  assert.is(finding?.fix, "kubectl edit inclusterippool -n '`x`' '$(reboot)'");
});

test('objects that nobody could have stored are judged as far as they can be read', () => {
  const values = [null, 7, 'x', [], [7], {}, { a: 7 }];
  const kinds = [...CLEAN, ...FAULTS.flatMap(([, objects]) => objects)];
  for (const field of [
    'labels',
    'annotations',
    'finalizers',
    'namespace',
    'uid',
    'creationTimestamp',
    'deletionTimestamp',
    'ownerReferences',
  ]) {
    for (const value of values) {
      find(
        ...kinds.map(
          (object) => ({ ...object, metadata: { ...object.metadata, [field]: value } }) as KubernetesObject,
        ),
      );
    }
  }
  for (const field of ['spec', 'status']) {
    for (const value of values) find(...kinds.map((object) => ({ ...object, [field]: value })));
  }
});

test.run();
