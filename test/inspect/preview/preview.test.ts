import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { effectsOf } from '../../../lib/inspect/preview/preview.ts';
import type { KubernetesObject } from '../../../lib/kubernetes/object.ts';
import {
  address,
  allocation,
  block,
  CONTEXT,
  claim,
  clusterCIDR,
  merged,
  node,
  podNetwork,
  pool,
  served,
  serviceCIDR,
} from '../objects.ts';

const SPEC = { addresses: ['10.0.0.1-10.0.0.4'], prefix: 24 };
const bound = (name: string, text: string) => [
  claim(name, 'p', {}, served(name)),
  address(name, 'p', text),
  allocation('p', text, name),
];
const refused = (name: string, reason: string, message: string) =>
  claim(name, 'p', {}, { conditions: [{ type: 'Ready', status: 'False', reason, message }] });
const effects = (before: KubernetesObject[], after: KubernetesObject[]) =>
  effectsOf(merged(before), merged(after), CONTEXT).map(
    ({ effect, kind, object, message }) => `${effect} ${kind} ${object}: ${message}`,
  );

test('nothing changes', () => {
  const objects = [pool('p', SPEC), ...bound('a', '10.0.0.1'), refused('b', 'Paused', 'x')];
  assert.equal(effects(objects, objects), []);
  assert.equal(effects([], []), []);
});

test('another prefix or gateway: what is in use keeps what it has', () => {
  const given = [...bound('a', '10.0.0.1'), ...bound('b', '10.0.0.2')];
  const [before, after] = [pool('p', SPEC), pool('p', { ...SPEC, prefix: 25, gateway: '10.0.0.9' })];
  assert.equal(effects([before, ...given], [after, ...given]), [
    'subnet bad InClusterIPPool default/p: 2 addresses in use keep prefix 24 and no gateway; new ones get prefix 25 and gateway 10.0.0.9',
  ]);
  assert.equal(effects([before], [after]), []);
});

const A = { addresses: ['10.0.0.1-10.0.0.4'], prefix: 29, gateway: '10.0.0.6' };
const B = { addresses: ['10.0.1.1-10.0.1.9'], prefix: 24, gateway: '10.0.1.254' };
const TITLE = 'InClusterIPPool default/p:';

test('a pool grows by a subnet', () => {
  const given = bound('a', '10.0.0.1');
  const before = pool('p', { ...SPEC, addresses: A.addresses, prefix: 29, gateway: '10.0.0.6' });
  assert.equal(effects([before, ...given], [pool('p', { subnets: [A, B] }), ...given]), [
    `capacity neutral ${TITLE} total 4 becomes 13, free 3 becomes 12`,
    `subnet neutral ${TITLE} a new subnet of prefix 24 and gateway 10.0.1.254 has 9 addresses, 10.0.1.1-10.0.1.9 free, used after the 3 that are free before`,
  ]);
  assert.equal(effects([before, ...given], [pool('p', { subnets: [B, A] }), ...given]), [
    `capacity neutral ${TITLE} total 4 becomes 13, free 3 becomes 12`,
    `subnet neutral ${TITLE} a new subnet of prefix 24 and gateway 10.0.1.254 has 9 addresses, 10.0.1.1-10.0.1.9 free, used from now on`,
    `subnet neutral ${TITLE} the next claims get addresses with prefix 24 and gateway 10.0.1.254 instead of prefix 29 and gateway 10.0.0.6`,
  ]);
});

test('subnets in another order, with another gateway, or gone', () => {
  const given = [...bound('a', '10.0.0.1'), ...bound('b', '10.0.1.1')];
  const before = pool('p', { subnets: [A, B] });
  assert.equal(effects([before, ...given], [pool('p', { subnets: [B, A] }), ...given]), [
    `subnet neutral ${TITLE} the next claims get addresses with prefix 24 and gateway 10.0.1.254 instead of prefix 29 and gateway 10.0.0.6`,
  ]);
  assert.equal(
    effects([before, ...given], [pool('p', { subnets: [A, { ...B, gateway: '10.0.1.253' }] }), ...given]),
    [
      `subnet bad ${TITLE} 1 address in use keeps prefix 24 and gateway 10.0.1.254; new ones get prefix 24 and gateway 10.0.1.253`,
    ],
  );
  assert.equal(effects([before, ...given], [pool('p', { subnets: [A] }), ...given]), [
    `capacity neutral ${TITLE} total 13 becomes 4, free 11 becomes 3`,
    `out-of-range bad ${TITLE} 1 address in use falls out of range: 10.0.1.1 (IPAddressClaim default/b)`,
  ]);
});

test('ranges of services that come to have nodes in them', () => {
  const nodes = [
    clusterCIDR('cc', { perNodeHostBits: 8, ipv4: '10.244.0.0/16' }),
    node('n1', ['10.244.1.0/24']),
  ];
  assert.equal(
    effects(
      [podNetwork(), ...nodes],
      [podNetwork('default', { serviceCIDRs: ['10.244.0.0/20'] }), ...nodes],
    ).filter((effect) => effect.startsWith('service-range')),
    ['service-range bad Node n1: 10.244.1.0/24 lies among the addresses of services, 10.244.0.0/20'],
  );
  assert.equal(
    effects([podNetwork(), ...nodes], [podNetwork(), ...nodes, serviceCIDR('more', '10.244.1.0/25')]).filter(
      (effect) => effect.startsWith('service-range'),
    ),
    ['service-range bad Node n1: 10.244.1.0/24 lies among the addresses of services, 10.244.1.0/25'],
  );
});

test('families that nodes come to lack', () => {
  const nodes = [podNetwork(), node('n1', ['10.244.1.0/24'])];
  const [single, dual] = [{ ipv4: '10.244.0.0/16' }, { ipv4: '10.244.0.0/16', ipv6: 'fd00::/112' }].map(
    (spec) => clusterCIDR('cc', { perNodeHostBits: 8, ...spec }),
  );
  assert.equal(
    effects([single!, ...nodes], [dual!, ...nodes]).filter((effect) => !effect.startsWith('new-nodes')),
    ['node-families bad Node n1: lacks IPv6, other than new nodes of PodNetwork default'],
  );
});

test('claims: served, waiting, changed, released', () => {
  const before = [
    pool('p', SPEC),
    ...bound('goes', '10.0.0.1'),
    ...bound('moves', '10.0.0.2'),
    ...bound('loses', '10.0.0.3'),
    refused('waits-no-longer', 'PoolExhausted', 'full'),
    refused('waits-for-more', 'PoolExhausted', 'full'),
    refused('waits-on', 'PoolExhausted', 'full'),
    refused('waited-and-goes', 'PoolExhausted', 'full'),
  ];
  const after = [
    pool('p', SPEC),
    ...bound('moves', '10.0.0.4'),
    refused('loses', 'AddressLost', 'gone'),
    ...bound('waits-no-longer', '10.0.0.1'),
    refused('waits-for-more', 'PoolNotReady', 'paused'),
    refused('waits-on', 'PoolExhausted', 'full, said otherwise'),
    ...bound('new', '10.0.0.2'),
    refused('new-waits', 'PoolExhausted', 'full'),
  ];
  assert.equal(effects(before, after), [
    'claim-released neutral IPAddressClaim default/goes: lets go of 10.0.0.1',
    'claim-waits bad IPAddressClaim default/loses: loses 10.0.0.3: AddressLost: gone',
    'claim-changes bad IPAddressClaim default/moves: has 10.0.0.4 instead of 10.0.0.2',
    'claim-served good IPAddressClaim default/new: gets 10.0.0.2',
    'claim-waits bad IPAddressClaim default/new-waits: waits: PoolExhausted: full',
    'claim-waits bad IPAddressClaim default/waits-for-more: still waits, now for PoolNotReady: paused',
    'claim-served good IPAddressClaim default/waits-no-longer: waits no longer: gets 10.0.0.1',
  ]);
});

test('pools: namespaces that have more than they may', () => {
  const held = [...bound('a', '10.0.0.1'), ...bound('b', '10.0.0.2')];
  const limited = pool('p', { ...SPEC, maxPerNamespace: 1 });
  assert.equal(effects([pool('p', SPEC), ...held], [limited, ...held]), [
    'over-quota bad InClusterIPPool default/p: namespace default has 2 addresses, more than it may: it keeps them and gets no more',
  ]);
  assert.equal(effects([limited, ...held], [limited, ...held]), []);
});

test('pools: reservations that do not hold', () => {
  const held = bound('a', '10.0.0.1');
  const reserved = pool('p', { ...SPEC, reservations: [{ address: '10.0.0.1', claim: 'vip' }] });
  const effect =
    'reservation bad InClusterIPPool default/p: 10.0.0.1, reserved for IPAddressClaim vip, is held by IPAddressClaim default/a';
  assert.equal(effects([pool('p', SPEC), ...held], [reserved, ...held]), [effect]);
  assert.equal(effects([reserved, ...held], [reserved, ...held]), []);
});

test('pools: capacity, range, exhaustion, state, overlap', () => {
  const held = [...bound('a', '10.0.0.1'), ...bound('b', '10.0.0.4')];
  assert.equal(
    effects([pool('p', SPEC), ...held], [pool('p', { ...SPEC, addresses: ['10.0.0.1'] }), ...held]),
    [
      'capacity neutral InClusterIPPool default/p: total 4 becomes 1, free 2 becomes 0',
      'runs-out bad InClusterIPPool default/p: has no free address left',
      'out-of-range bad InClusterIPPool default/p: 1 address in use falls out of range: 10.0.0.4 (IPAddressClaim default/b)',
    ],
  );
  assert.equal(
    effects([pool('p', { ...SPEC, addresses: ['10.0.0.1'] }), ...held], [pool('p', SPEC), ...held]),
    [
      'capacity neutral InClusterIPPool default/p: total 1 becomes 4, free 0 becomes 2',
      'runs-out good InClusterIPPool default/p: has 2 addresses free again',
      'back-in-range good InClusterIPPool default/p: 1 address in use is in range again: 10.0.0.4',
    ],
  );
  const paused = { annotations: { 'cluster.x-k8s.io/paused': '' } };
  assert.equal(effects([pool('p', SPEC)], [pool('p', SPEC, paused)]), [
    'state bad InClusterIPPool default/p: Ready becomes Paused: is paused',
  ]);
  assert.equal(effects([pool('p', SPEC, paused)], [pool('p', SPEC)]), [
    'state good InClusterIPPool default/p: Paused becomes Ready',
  ]);
  assert.equal(effects([], [pool('p', SPEC, paused)]), [
    'state bad InClusterIPPool default/p: is Paused: is paused',
  ]);
  assert.equal(effects([pool('p', SPEC)], [pool('p', SPEC), pool('q', SPEC)]), [
    'overlap bad InClusterIPPool default/q: overlaps InClusterIPPool default/p in 10.0.0.1-10.0.0.4: fine for networks that are apart, else one address is given out twice',
  ]);
});

test('a /64 that shrinks: no address is counted one by one', () => {
  const held = bound('a', 'fd00::ffff:0');
  const [first] = effects(
    [pool('p', { addresses: ['fd00::/64'], prefix: 64 }), ...held],
    [pool('p', { addresses: ['fd00::-fd00::ff'], prefix: 64 }), ...held],
  );
  assert.is(
    first,
    'capacity neutral InClusterIPPool default/p: total 18446744073709551615 becomes 255, free 18446744073709551614 becomes 255',
  );
});

test('nodes and ClusterCIDRs', () => {
  const cc = (name: string, ipv4: string, more: object = {}) =>
    clusterCIDR(name, { perNodeHostBits: 8, ipv4, ...more });
  const gpu = {
    nodeSelector: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'gpu', operator: 'Exists' }] }] },
  };
  const before = [
    podNetwork(),
    cc('all', '10.0.0.0/22'),
    node('a', ['10.0.0.0/24'], { labels: { gpu: '' } }),
    block('10.0.0.0/24', 'all', 'a'),
    node('b', ['10.0.1.0/24']),
    block('10.0.1.0/24', 'all', 'b'),
  ];
  assert.equal(
    effects(before, [
      ...before,
      cc('gpus', '10.1.0.0/24', gpu),
      node('c', ['10.0.2.0/24']),
      block('10.0.2.0/24', 'all', 'c'),
    ]),
    [
      'node-served good Node c: gets 10.0.2.0/24',
      'new-nodes neutral PodNetwork default: a new node like a would be served by ClusterCIDR gpus instead of ClusterCIDR all',
    ],
  );
  const full = ['10.0.2.0/24', '10.0.3.0/24'].flatMap((cidr, i) => [
    node(`x${i}`, [cidr]),
    block(cidr, 'all', `x${i}`),
  ]);
  assert.equal(effects([...before, full[0]!, full[1]!], [...before, ...full, node('late')]), [
    'runs-out bad ClusterCIDR all 10.0.0.0/22: has no free block left',
    'node-waits bad Node late: waits: PodCIDRsPending: ClusterCIDR all is full',
    'node-served good Node x1: gets 10.0.3.0/24',
    'new-nodes bad PodNetwork default: a new node like a (and 4 more) would be served by no ClusterCIDR instead of ClusterCIDR all',
  ]);
  assert.equal(effects(before, before.slice(0, 4)), ['node-released neutral Node b: lets go of 10.0.1.0/24']);
});

test('a secondary network is told apart', () => {
  const before = [
    podNetwork('net1'),
    clusterCIDR('c', { perNodeHostBits: 8, ipv4: '10.1.0.0/16' }, 'net1'),
    node('a'),
  ];
  assert.equal(effects(before, [...before, block('10.1.0.0/24', 'c', 'a', {}, 'net1')]), [
    'node-served good Node a: PodNetwork net1: waits no longer: gets 10.1.0.0/24',
  ]);
});

/** Two nodes of a network, whose annotations say so much. */
const LAN = (spec: object, a: readonly unknown[], b: readonly unknown[], routes: readonly unknown[] = []) => {
  const annotated = (ranges: readonly unknown[]) => ({
    annotations: { 'kube-node.nordix.org/lan': JSON.stringify({ ranges, routes }) },
  });
  return [podNetwork('lan', spec), node('a', [], annotated(a)), node('b', [], annotated(b))];
};

test('a secondary network: what new pods get, while others keep what they have', () => {
  const before = LAN({}, ['10.7.0.0/28', 'fd00::/126'], ['10.7.0.16/28'], [{ dst: '10.8.0.0/16' }]);
  assert.equal(effects(before, before), []);
  const shared = (rangeStart: string, rangeEnd: string) => ({
    subnet: '10.7.0.0/16',
    rangeStart,
    rangeEnd,
    gateway: '10.7.255.254',
    exclude: ['10.7.0.0'],
  });
  const flat = [shared('10.7.0.0', '10.7.0.15'), shared('10.7.0.16', '10.7.0.31')] as const;
  assert.equal(
    effects(before, LAN({}, [flat[0], 'fd00::/126'], [flat[1]], [{ dst: '10.9.0.0/16', gw: '10.7.0.3' }])),
    [
      'pod-ranges bad PodNetwork lan: pods keep what they have, and new ones of 2 nodes get another subnet: in 10.7.0.0-10.7.0.15 prefix 16 and gateway 10.7.255.254 instead of prefix 28 and gateway 10.7.0.1, in 10.7.0.16-10.7.0.31 prefix 16 and gateway 10.7.255.254 instead of prefix 28 and gateway 10.7.0.17',
      'pod-ranges neutral PodNetwork lan: new pods of 2 nodes may get more addresses: 10.7.0.1, 10.7.0.15, 10.7.0.16-10.7.0.17 and 1 more',
      'pod-ranges neutral PodNetwork lan: pods keep their routes, and new ones of 2 nodes get others: 10.9.0.0/16 by 10.7.0.3 instead of 10.8.0.0/16',
    ],
  );
  const less = { subnet: '10.7.0.16/28', exclude: ['10.7.0.18-10.7.0.30'] };
  assert.equal(effects(before, LAN({}, ['10.7.0.0/28', 'fd00::/126'], [less], [{ dst: '10.8.0.0/16' }])), [
    'unusable-block bad PodNetwork lan: 1 node with no IPv4 address for pods: b',
    'pod-ranges neutral PodNetwork lan: new pods of 1 node do not get some addresses any more: 10.7.0.18-10.7.0.30',
  ]);
});

test('a secondary network: blocks that nodes get besides, and keep', () => {
  const pool = clusterCIDR('lan', { perNodeHostBits: 4, ipv4: '10.7.0.0/24' }, 'lan');
  const more = { additionalBlocks: [{ node: 'a', count: 2 }] };
  const blocks = (...cidrs: string[]) =>
    cidrs.map((cidr) => block(cidr, 'lan', 'a', { blocks: cidrs }, 'lan'));
  const [one, two] = [blocks('10.7.0.0/28'), blocks('10.7.0.0/28', '10.7.0.16/28')];
  const a = ['10.7.0.0/28'];
  assert.equal(
    effects([...LAN({}, a, []), pool, ...one], [...LAN(more, a, []), pool, ...two]).filter((effect) =>
      effect.includes('Node a'),
    ),
    ['node-served good Node a: PodNetwork lan: gets 10.7.0.16/28 besides 10.7.0.0/28'],
  );
  assert.equal(
    effects([...LAN(more, a, []), pool, ...two], [...LAN({}, a, []), pool, ...two]).filter((effect) =>
      effect.includes('Node a'),
    ),
    [
      'additional-blocks neutral Node a: PodNetwork lan: keeps the blocks that it has; made anew, it gets 0 of 2 additional ones',
    ],
  );
});

test.run();
