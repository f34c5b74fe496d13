/**
 * However somebody looks at a cluster, he is told the same: conditions and counts of a status, the columns of kubectl,
 * metrics, alerts, `show` as JSON and as tables, `simulate`, the page.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { CHART } from '../../charts/build.ts';
import type { SimulatedCluster } from '../../lib/engine/cluster.ts';
import type { Unstructured } from '../../lib/engine/object.ts';
import { POOL_KINDS, PREFIX } from '../../lib/kubernetes/pool-kinds.ts';
import { type Sample, samplesOf } from '../e2e/prometheus.ts';
import {
  type Account,
  asked,
  createScene,
  gauges,
  json,
  kubectl,
  page,
  report,
  type Said,
  type Scene,
  statuses,
  tables,
  words,
} from './ways.ts';

const WAYS: Readonly<Record<string, (scene: Scene) => Account | Promise<Account>>> = {
  statuses,
  kubectl,
  gauges,
  json,
  tables,
  report,
  asked,
  page,
};
/** What each of them leaves out. */
const LEFT_OUT: Readonly<Record<string, RegExp>> = {
  statuses: /^Node /,
  kubectl: /^(IPAddressClaim|IPAMClaim|Node) /,
  gauges: /^(IPAddressClaim|IPAMClaim|Node) /,
  json: /^IPAMClaim /,
  tables: /^IPAMClaim /,
  report: /^PodNetwork /,
  asked: /^(?!IPAMClaim )/,
  page: /^IPAMClaim /,
};

const GROUP = 'ipam.cluster.x-k8s.io';
const PAUSED = { annotations: { 'cluster.x-k8s.io/paused': '' } };

type Metadata = Partial<Unstructured['metadata']>;

interface PoolSpec {
  readonly listed?: readonly string[];
  readonly excluded?: readonly string[];
  readonly [field: string]: unknown;
}

/** A kind of pools, all of which have three of what they give: `x`, `y` and `z`. */
interface Kind {
  readonly kind: string;
  readonly title: string;
  readonly one: string;
  readonly isGlobal: boolean;
  readonly texts: readonly [x: string, y: string, z: string];
  pool(spec?: PoolSpec, metadata?: Metadata): Unstructured;
}

const KINDS = Object.entries(POOL_KINDS).map(([kind, { isGlobal, unit }]): Kind => {
  const isPrefix = unit === PREFIX;
  const texts = isPrefix
    ? (['fd00:0:0:1::/64', 'fd00:0:0:2::/64', 'fd00:0:0:3::/64'] as const)
    : (['10.0.0.11', '10.0.0.12', '10.0.0.13'] as const);
  const [listedField, excludedField] = isPrefix
    ? ['prefixes', 'excludedPrefixes']
    : ['addresses', 'excludedAddresses'];
  return {
    kind,
    title: `${kind} ${isGlobal ? '' : 'default/'}p`,
    one: unit.one,
    isGlobal,
    texts,
    pool: ({ listed = texts, excluded, ...more } = {}, metadata = {}) => ({
      apiVersion: `${GROUP}/v1alpha2`,
      kind,
      metadata: { name: 'p', ...(!isGlobal && { namespace: 'default' }), ...metadata },
      spec: {
        ...(!('subnets' in more) && { [listedField!]: listed, ...(!isPrefix && { prefix: 24 }) }),
        ...(excluded && { [excludedField!]: excluded }),
        ...more,
      },
    }),
  };
});

const claim = (name: string, { kind }: Kind, metadata: Metadata = {}, spec: object = {}): Unstructured => ({
  apiVersion: `${GROUP}/v1beta2`,
  kind: 'IPAddressClaim',
  metadata: { name, namespace: 'default', ...metadata },
  spec: { poolRef: { apiGroup: GROUP, kind, name: 'p' }, ...spec },
});
/** The IPAddress of the name of the claim `a`, with a prefix of its own or of 24. */
const addressOfA = ({ kind }: Kind, claim: string, pool: string, text: string): Unstructured => {
  const [address, prefix = '24'] = text.split('/');
  return {
    apiVersion: `${GROUP}/v1beta2`,
    kind: 'IPAddress',
    metadata: { name: 'a', namespace: 'default' },
    spec: {
      claimRef: { name: claim },
      poolRef: { apiGroup: GROUP, kind, name: pool },
      address,
      prefix: Number(prefix),
    },
  };
};
const claimRef = (name: string) => ({ apiVersion: `${GROUP}/v1beta2`, kind: 'IPAddressClaim', name });

interface Case {
  readonly objects: (kind: Kind) => readonly Unstructured[];
  /** Of pools of addresses, or of cluster-scoped ones, alone. */
  readonly only?: 'address' | 'global';
  /** How long it is watched. */
  readonly horizonSeconds?: number;
  /** What happens then. */
  readonly act?: (cluster: SimulatedCluster, kind: Kind) => void;
  /** The words for the pool, and for each claim that waits. */
  readonly state: string;
  readonly waiting?: Readonly<Record<string, string>>;
}

const poolRef = ({ pool }: Kind) => {
  const { apiVersion, kind, metadata } = pool();
  return { apiVersion, kind, name: metadata.name };
};

const CASES: Readonly<Record<string, Case>> = {
  'a pool that gives': {
    objects: (kind) => [kind.pool(), claim('a', kind)],
    state: 'Ready',
  },
  'a pool that is full': {
    objects: (kind) => [kind.pool(), ...['a', 'b', 'c', 'd'].map((name) => claim(name, kind))],
    state: 'PoolExhausted',
    waiting: { d: 'PoolExhausted' },
  },
  'a pool without anything': {
    objects: (kind) => [kind.pool({ excluded: [...kind.texts] }), claim('a', kind)],
    state: 'PoolExhausted',
    waiting: { a: 'PoolExhausted' },
  },
  'a pool that is paused': {
    objects: (kind) => [kind.pool({}, PAUSED), claim('a', kind)],
    state: 'Paused',
    waiting: { a: 'PoolNotReady' },
  },
  'a pool that is being deleted': {
    objects: (kind) => [
      kind.pool({}, { annotations: { [`${GROUP}/skip-validate-delete-webhook`]: '' } }),
      claim('a', kind),
    ],
    act: (cluster, kind) => {
      cluster.delete(poolRef(kind));
      cluster.settle();
      cluster.apply(claim('b', kind));
    },
    state: 'Deleting',
    waiting: { b: 'PoolNotReady' },
  },
  'a pool from before there were rules': {
    objects: (kind) => [claim('a', kind)],
    act: (cluster, kind) =>
      restore(cluster, kind.pool({}, { annotations: { 'metaipam.io/address-space': 'a b' } })),
    state: 'InvalidSpec',
    waiting: { a: 'PoolNotReady' },
  },
  'a pool that shrank': {
    objects: (kind) => [kind.pool(), claim('a', kind), claim('b', kind)],
    act: (cluster, kind) => cluster.apply(kind.pool({ listed: kind.texts.slice(1) })),
    state: 'Ready',
  },
  'a pool that lost a slice': {
    objects: (kind) => [kind.pool(), claim('a', kind)],
    act: (cluster, kind) => {
      const [slice] = cluster.objects('AllocationSlice').filter(({ spec }) => 'entries' in (spec as object));
      cluster.delete({ ...slice!, name: slice!.metadata.name, namespace: slice!.metadata.namespace! });
      cluster.apply(claim('b', kind));
    },
    state: 'SlicesMissing',
    waiting: { b: 'PoolExhausted' },
  },
  'a pool with a slice of another name': {
    objects: (kind) => [kind.pool(), claim('a', kind)],
    act: (cluster, kind) => {
      misname(cluster);
      cluster.apply(claim('b', kind));
    },
    state: 'SlicesMisnamed',
  },
  'pools that overlap': {
    objects: (kind) => [kind.pool(), kind.pool({}, { name: 'q' })],
    state: 'Overlapping',
  },
  'pools that may overlap': {
    objects: (kind) =>
      ['p', 'q'].map((name) => kind.pool({}, { name, annotations: { 'metaipam.io/may-overlap': '' } })),
    state: 'Ready',
  },
  'a pool that nobody has looked at': {
    objects: () => [],
    act: (cluster, kind) => {
      cluster.apply(kind.pool());
      cluster.apply(claim('a', kind));
    },
    state: 'NotSynced',
    waiting: { a: 'Unanswered' },
  },
  'claims of no pool': {
    objects: (kind) => [claim('a', kind)],
    state: '',
    waiting: { a: 'PoolNotReady' },
  },
  'a pool that keeps an address for one whose it is not': {
    only: 'address',
    objects: (kind) => [kind.pool(), claim('a', kind)],
    act: (cluster, kind) => {
      const reservations = [{ address: kind.texts[0], claim: 'b' }];
      cluster.apply(kind.pool({ reservations }));
      cluster.settle();
      cluster.apply(claim('b', kind));
    },
    state: 'ReservationConflict',
    waiting: { b: 'AllocationFailed' },
  },
  'a pool that keeps all that is free': {
    only: 'address',
    objects: (kind) => [
      kind.pool({ reservations: kind.texts.map((address) => ({ address, claim: 'b' })) }),
      claim('a', kind),
    ],
    state: 'PoolExhausted',
    waiting: { a: 'PoolExhausted' },
  },
  'a pool of subnets, of which one is full': {
    only: 'address',
    objects: (kind) => [
      kind.pool({
        subnets: [
          { addresses: ['10.0.0.11'], prefix: 24, gateway: '10.0.0.1' },
          { addresses: ['10.0.1.10-10.0.1.20'], prefix: 24, excludedAddresses: ['10.0.1.15'] },
        ],
      }),
      claim('a', kind),
      claim('b', kind),
    ],
    state: 'Ready',
  },
  'a pool that has something of a subnet that it does not give any more': {
    only: 'address',
    objects: (kind) => [
      kind.pool({ subnets: [{ addresses: ['10.0.0.10-10.0.0.14'], prefix: 24 }] }),
      claim('a', kind),
      claim('b', kind),
    ],
    act: (cluster, kind) =>
      cluster.apply(
        kind.pool({
          subnets: [
            { addresses: ['10.0.0.11-10.0.0.14'], prefix: 24, excludedAddresses: ['10.0.0.11'] },
            { addresses: ['10.0.1.10-10.0.1.20'], prefix: 24 },
          ],
          reservations: [{ address: '10.0.1.12', claim: 'vip' }],
        }),
      ),
    state: 'Ready',
  },
  'a pool of subnets that are full': {
    only: 'address',
    objects: (kind) => [
      kind.pool({
        subnets: ['10.0.0.11', '10.0.1.11'].map((address) => ({ addresses: [address], prefix: 24 })),
      }),
      ...['a', 'b', 'c'].map((name) => claim(name, kind)),
    ],
    state: 'PoolExhausted',
    waiting: { c: 'PoolExhausted' },
  },
  'a namespace that has all that it may have': {
    only: 'address',
    objects: (kind) => [kind.pool({ maxPerNamespace: 1 }), claim('a', kind), claim('b', kind)],
    state: 'Ready',
    waiting: { b: 'QuotaExceeded' },
  },
  'a namespace that the pool does not serve': {
    only: 'global',
    objects: (kind) => [kind.pool({ allowedNamespaces: { matchLabels: { team: 'lab' } } }), claim('a', kind)],
    state: 'Ready',
    waiting: { a: 'NamespaceNotAllowed' },
  },
  'a pool whose addresses are held for a while': {
    only: 'address',
    objects: (kind) => [kind.pool({ addressReuseGracePeriodSeconds: 3600 }), claim('a', kind)],
    act: (cluster) => cluster.delete(claimRef('a')),
    state: 'Ready',
  },
  'a pool that waits for what is to arrive': {
    only: 'address',
    objects: (kind) => [kind.pool(), claim('a', kind)],
    act: (cluster, kind) => {
      const uid = '00000000-0000-4000-8000-00000000000a';
      const moved = claim('b', kind, { uid, creationTimestamp: new Date(cluster.now).toISOString() });
      restore(cluster, { ...moved, status: { addressRef: { name: 'b' } } } as Unstructured);
    },
    horizonSeconds: 20,
    state: 'AddressUnknown',
    waiting: { b: 'AddressLost' },
  },
  'a claim that asks for what another has': {
    objects: (kind) => [kind.pool(), claim('a', kind)],
    act: (cluster, kind) =>
      cluster.apply(claim('b', kind, { annotations: { 'metaipam.io/requested-address': kind.texts[0] } })),
    state: 'Ready',
    waiting: { b: 'AllocationFailed' },
  },
  'a claim that is paused': {
    objects: (kind) => [kind.pool(), claim('a', kind, PAUSED)],
    state: 'Ready',
    waiting: { a: 'Paused' },
  },
  'a claim without its Cluster': {
    objects: (kind) => [kind.pool(), claim('a', kind, {}, { clusterName: 'nowhere' })],
    state: 'Ready',
    waiting: { a: 'ClusterNotFound' },
  },
  'a claim whose Cluster is paused': {
    objects: (kind) => [
      {
        apiVersion: 'cluster.x-k8s.io/v1beta2',
        kind: 'Cluster',
        metadata: { name: 'c', namespace: 'default' },
        spec: { paused: true },
      } as Unstructured,
      kind.pool(),
      claim('a', kind, {}, { clusterName: 'c' }),
    ],
    state: 'Ready',
    waiting: { a: 'Paused' },
  },
  "a claim of which there is an IPAddress that is another's": {
    objects: (kind) => [kind.pool(), addressOfA(kind, 'other', 'elsewhere', '192.0.2.1'), claim('a', kind)],
    state: 'Ready',
    waiting: { a: 'AddressMissing' },
  },
  'a claim whose IPAddress was there before': {
    objects: (kind) => [kind.pool(), addressOfA(kind, 'a', 'p', kind.texts[1]), claim('a', kind)],
    state: 'Ready',
  },
  'a claim that is being deleted': {
    objects: (kind) => [
      kind.pool(),
      claim('a', kind, { finalizers: ['example.com/held'] }),
      claim('b', kind),
    ],
    act: (cluster) => cluster.delete({ ...claimRef('a') }),
    state: 'Ready',
  },
};

interface NetworkCase {
  readonly objects: readonly Unstructured[];
  readonly act?: (cluster: SimulatedCluster) => void;
  readonly horizonSeconds?: number;
  /** The words for networks, ClusterCIDRs and nodes that wait. */
  readonly states: Readonly<Record<string, string>>;
}

const METAIPAM = 'metaipam.io/v1alpha1';
const network = (name: string, spec: object = {}, metadata: Metadata = {}): Unstructured => ({
  apiVersion: METAIPAM,
  kind: 'PodNetwork',
  metadata: { name, ...metadata },
  spec: { target: name === 'default' ? 'node.spec.podCIDRs' : 'node.metadata.annotations', ...spec },
});
const clusterCIDR = (name: string, spec: object = {}, of?: string): Unstructured => ({
  apiVersion: 'networking.x-k8s.io/v1',
  kind: 'ClusterCIDR',
  metadata: { name, ...(of && { labels: { 'metaipam.io/network': of } }) },
  spec: { perNodeHostBits: 8, ipv4: '10.244.0.0/23', ipv6: 'fd00:10:244::/119', ...spec },
});
const node = (name: string, metadata: Metadata = {}, spec: object = {}): Unstructured => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name, ...metadata },
  spec,
});
const NODES = ['n1', 'n2', 'n3'].map((name) => node(name));
const deleteSlices = (cluster: SimulatedCluster, of: string) => {
  for (const { apiVersion, kind, metadata, spec } of cluster.objects('AllocationSlice')) {
    const { poolRef, entries } = spec as { poolRef: { name: string }; entries?: object };
    if (poolRef.name !== of || entries === undefined) continue;
    cluster.delete({ apiVersion, kind, name: metadata.name, namespace: metadata.namespace! });
  }
};

/** Makes a second slice of a piece. */
const misname = (cluster: SimulatedCluster) => {
  const [slice] = cluster.objects('AllocationSlice').filter(({ spec }) => 'entries' in (spec as object));
  restore(cluster, { ...slice!, metadata: { ...slice!.metadata, uid: 'twin', name: 'twin' } });
};

const NETWORK_CASES: Readonly<Record<string, NetworkCase>> = {
  'a network that gives': {
    objects: [clusterCIDR('c'), node('n1')],
    states: { 'PodNetwork default': 'Ready', 'ClusterCIDR c': 'Ready' },
  },
  'a network without nodes and ClusterCIDRs': {
    objects: [],
    states: { 'PodNetwork default': 'Ready' },
  },
  'a network without ClusterCIDRs': {
    objects: [node('n1')],
    states: { 'PodNetwork default': 'Ready' },
  },
  'a ClusterCIDR that is full': {
    objects: [clusterCIDR('c'), ...NODES],
    states: {
      'PodNetwork default': 'NodesPending',
      'ClusterCIDR c': 'PoolExhausted',
      'Node n3': 'PodCIDRsPending',
    },
  },
  'a ClusterCIDR of which one family is full': {
    objects: [clusterCIDR('c', { ipv6: 'fd00:10:244::/112' }), ...NODES.slice(0, 2)],
    states: { 'PodNetwork default': 'Ready', 'ClusterCIDR c': 'PoolExhausted' },
  },
  'blocks that overlap services': {
    objects: [
      network('default', { serviceCIDRs: ['10.244.0.0/25'] }),
      clusterCIDR('c'),
      ...NODES.slice(0, 2),
    ],
    states: {
      'PodNetwork default': 'NodesPending',
      'ClusterCIDR c': 'PoolExhausted',
      'Node n2': 'PodCIDRsPending',
    },
  },
  'services where a node is': {
    objects: [clusterCIDR('c'), node('n1')],
    act: (cluster) => cluster.apply(network('default', { serviceCIDRs: ['10.244.0.0/24'] })),
    states: { 'PodNetwork default': 'AmongServices', 'ClusterCIDR c': 'Ready' },
  },
  'a ClusterCIDR from before there were rules': {
    objects: [node('n1')],
    act: (cluster) => restore(cluster, clusterCIDR('c', { perNodeHostBits: 20 })),
    states: {
      'PodNetwork default': 'NodesPending',
      'ClusterCIDR c': 'InvalidSpec',
      'Node n1': 'PodCIDRsPending',
    },
  },
  'a ClusterCIDR from before there were rules, of which nodes have blocks': {
    objects: [clusterCIDR('c'), node('n1')],
    act: (cluster) => {
      const [given] = cluster.objects('ClusterCIDR');
      restore(cluster, { ...given!, spec: { ...(given!.spec as object), perNodeHostBits: 20 } });
    },
    states: { 'PodNetwork default': 'Ready', 'ClusterCIDR c': 'InvalidSpec' },
  },
  'a network from before there were rules': {
    objects: [clusterCIDR('c', {}, 'storage'), node('n1')],
    act: (cluster) => restore(cluster, network('storage', { serviceCIDRs: ['x'] })),
    states: {
      'PodNetwork default': 'Ready',
      'PodNetwork storage': 'InvalidSpec',
      'ClusterCIDR c': 'NetworkNotReady',
      'Node n1': 'NetworkNotReady',
    },
  },
  'a ClusterCIDR without its network': {
    objects: [clusterCIDR('c', {}, 'storage')],
    states: {
      'PodNetwork default': 'Ready',
      'ClusterCIDR c': 'NetworkNotFound',
      'PodNetwork storage': 'NotFound',
    },
  },
  'a ClusterCIDR that is being deleted': {
    objects: [clusterCIDR('c'), node('n1')],
    act: (cluster) => {
      exempt(cluster, clusterCIDR('c'));
      cluster.apply(node('n2'));
    },
    states: {
      'PodNetwork default': 'NodesPending',
      'ClusterCIDR c': 'Deleting',
      'Node n2': 'PodCIDRsPending',
    },
  },
  'a network that is being deleted': {
    objects: [clusterCIDR('c'), node('n1')],
    act: (cluster) => {
      exempt(cluster, network('default'));
      cluster.settle();
      cluster.apply(node('n2'));
    },
    states: {
      'PodNetwork default': 'Deleting',
      'ClusterCIDR c': 'NetworkNotReady',
      'Node n2': 'NetworkNotReady',
    },
  },
  'a network that lost a slice': {
    objects: [network('default', { reuseGracePeriodSeconds: 3600 }), clusterCIDR('c'), node('n1')],
    act: (cluster) => {
      cluster.delete({ apiVersion: 'v1', kind: 'Node', name: 'n1' });
      cluster.settle();
      deleteSlices(cluster, 'default');
    },
    horizonSeconds: 5,
    states: { 'PodNetwork default': 'SlicesMissing', 'ClusterCIDR c': 'PoolExhausted' },
  },
  'a network that lost a slice, and a node that waits': {
    objects: [network('default', { reuseGracePeriodSeconds: 3600 }), clusterCIDR('c'), node('n1')],
    act: (cluster) => {
      cluster.delete({ apiVersion: 'v1', kind: 'Node', name: 'n1' });
      cluster.settle();
      deleteSlices(cluster, 'default');
      cluster.apply(node('n2'));
    },
    horizonSeconds: 5,
    states: {
      'PodNetwork default': 'NodesPending',
      'ClusterCIDR c': 'PoolExhausted',
      'Node n2': 'PodCIDRsPending',
    },
  },
  'a network that nobody has looked at': {
    objects: [],
    act: (cluster) => {
      cluster.apply(network('storage'));
      cluster.apply(clusterCIDR('c', {}, 'storage'));
    },
    states: {
      'PodNetwork default': 'Ready',
      'PodNetwork storage': 'NotSynced',
      'ClusterCIDR c': 'NotSynced',
    },
  },
  'a node with podCIDRs that are no block': {
    objects: [clusterCIDR('c', { ipv4: '10.244.0.0/20' }), node('n1', {}, { podCIDRs: ['10.244.1.128/25'] })],
    states: { 'PodNetwork default': 'FamiliesDiffer', 'ClusterCIDR c': 'Ready' },
  },
  'a node with podCIDRs from elsewhere': {
    objects: [clusterCIDR('c'), node('n1', {}, { podCIDRs: ['192.0.2.0/24'] })],
    states: { 'PodNetwork default': 'FamiliesDiffer', 'ClusterCIDR c': 'Ready' },
  },
  'a network with a slice of another name': {
    objects: [clusterCIDR('c'), node('n1')],
    act: misname,
    states: { 'PodNetwork default': 'SlicesMisnamed', 'ClusterCIDR c': 'Ready' },
  },
  'a block that is kept for a node': {
    objects: [
      network('default', {
        reservations: [{ node: 'vip', blocks: ['10.244.1.0/24', 'fd00:10:244::100/120'] }],
      }),
      clusterCIDR('c'),
      ...NODES.slice(0, 2),
    ],
    states: {
      'PodNetwork default': 'NodesPending',
      'ClusterCIDR c': 'PoolExhausted',
      'Node n2': 'PodCIDRsPending',
    },
  },
  'a node with additional blocks of another ClusterCIDR': {
    objects: [
      network('storage', { additionalBlocks: [{ node: 'n1', count: 2 }] }),
      clusterCIDR('c', { ipv4: '10.245.0.0/24', ipv6: 'fd00:10:245::/120' }, 'storage'),
      clusterCIDR('d', { ipv4: '10.246.0.0/22', ipv6: 'fd00:10:246::/118' }, 'storage'),
      node('n1'),
    ],
    states: {
      'PodNetwork default': 'Ready',
      'PodNetwork storage': 'Ready',
      'ClusterCIDR c': 'PoolExhausted',
      'ClusterCIDR d': 'Ready',
    },
  },
  'a node that is short of additional blocks': {
    objects: [
      network('storage', { additionalBlocks: [{ node: 'n1', count: 2 }] }),
      clusterCIDR('c', {}, 'storage'),
      node('n1'),
    ],
    states: {
      'PodNetwork default': 'Ready',
      'PodNetwork storage': 'Ready',
      'ClusterCIDR c': 'PoolExhausted',
    },
  },
  'blocks that wait for a node that registers again': {
    objects: [network('default', { reuseGracePeriodSeconds: 3600 }), clusterCIDR('c'), node('n1')],
    act: (cluster) => {
      cluster.delete({ apiVersion: 'v1', kind: 'Node', name: 'n1' });
      cluster.settle();
      for (const each of NODES.slice(1)) cluster.apply(each);
    },
    horizonSeconds: 60,
    states: {
      'PodNetwork default': 'NodesPending',
      'ClusterCIDR c': 'PoolExhausted',
      'Node n3': 'PodCIDRsPending',
    },
  },
  'a secondary network': {
    objects: [
      network('storage'),
      clusterCIDR('c', {}, 'storage'),
      clusterCIDR('d', { ipv4: '10.245.0.0/16', ipv6: 'fd00:10:245::/112' }),
      ...NODES,
    ],
    states: {
      'PodNetwork default': 'Ready',
      'PodNetwork storage': 'NodesPending',
      'ClusterCIDR c': 'PoolExhausted',
      'ClusterCIDR d': 'Ready',
      'Node n3': 'PodCIDRsPending',
    },
  },
};

/** Deletes what delete protection would keep. */
function exempt(cluster: SimulatedCluster, object: Unstructured): void {
  const annotations = { [`${GROUP}/skip-validate-delete-webhook`]: '' };
  cluster.apply({ ...object, metadata: { ...object.metadata, annotations } });
  const { error } = cluster.delete({ ...object, name: object.metadata.name });
  assert.is(error, undefined, error?.message);
}

for (const [name, { objects, act, horizonSeconds, states }] of Object.entries(NETWORK_CASES)) {
  test(`PodNetworks: ${name}`, async () => {
    const scene = createScene();
    for (const object of objects) apply(scene, object);
    scene.cluster.settle();
    act?.(scene.cluster);
    if (!Object.values(states).includes('NotSynced')) watch(scene.cluster, horizonSeconds);
    const said = await agreed(scene);
    assert.equal(
      Object.fromEntries(
        [...said].map(([title, { state, word, why }]) => [title, wordOf(state ?? word ?? why)]),
      ),
      Object.fromEntries(Object.entries(states).map(([title, state]) => [title, words(state)])),
    );
  });
}

for (const kind of KINDS) {
  for (const [name, { only, objects, act, horizonSeconds, state, waiting = {} }] of Object.entries(CASES)) {
    if (only !== undefined && only !== kind.one && !(only === 'global' && kind.isGlobal)) continue;
    test(`${kind.kind}: ${name}`, async () => {
      const scene = createScene();
      for (const object of objects(kind)) apply(scene, object);
      scene.cluster.settle();
      act?.(scene.cluster, kind);
      if (state !== 'NotSynced') watch(scene.cluster, horizonSeconds);
      const said = await agreed(scene);
      if (state !== '') assert.is(wordOf(said.get(kind.title)?.state), words(state));
      const waits = [...said].filter(([title]) => title.startsWith('IPAddressClaim '));
      assert.equal(
        Object.fromEntries(waits.map(([title, { why }]) => [title.split('/').at(-1), wordOf(why)])),
        Object.fromEntries(Object.entries(waiting).map(([name, why]) => [name, words(why)])),
      );
    });
  }
}

interface MachineCase {
  readonly pools: readonly Unstructured[];
  readonly claims: readonly string[];
  readonly act?: (cluster: SimulatedCluster) => void;
  /** Of each IPAMClaim that it has any of. */
  readonly ips: Readonly<Record<string, string>>;
  /** The words for each that waits. */
  readonly waiting?: Readonly<Record<string, string>>;
}

const LAN = { labels: { 'metaipam.io/network': 'lan' } };
const addressKinds = KINDS.filter(({ one }) => one === 'address');
const [ofNamespace, ofCluster] = [false, true].map(
  (isGlobal) => addressKinds.find((kind) => kind.isGlobal === isGlobal)!,
) as [Kind, Kind];
const V4 = ofNamespace.pool({}, LAN);
const V6 = ofCluster.pool({ listed: ['fd00::11', 'fd00::12'], prefix: 64 }, LAN);
const addressClaim = (name: string) => ({ apiVersion: `${GROUP}/v1beta2`, kind: 'IPAddressClaim', name });

const MACHINE_CASES: Readonly<Record<string, MachineCase>> = {
  'of one family': { pools: [V4], claims: ['a'], ips: { a: '10.0.0.11/24' } },
  'of two families': { pools: [V4, V6], claims: ['a'], ips: { a: '10.0.0.11/24, fd00::11/64' } },
  'of which one family is full': {
    pools: [V4, V6],
    claims: ['a', 'b', 'c'],
    ips: { a: '10.0.0.11/24, fd00::11/64', b: '10.0.0.12/24, fd00::12/64' },
    waiting: { c: 'PoolExhausted' },
  },
  'of a pool that is paused': {
    pools: [ofNamespace.pool({}, { ...LAN, ...PAUSED })],
    claims: ['a'],
    ips: {},
    waiting: { a: 'PoolNotReady' },
  },
  'of a namespace that has all that it may have': {
    pools: [ofNamespace.pool({ maxPerNamespace: 1 }, LAN)],
    claims: ['a', 'b'],
    ips: { a: '10.0.0.11/24' },
    waiting: { b: 'QuotaExceeded' },
  },
  'of a namespace that the pool does not serve': {
    pools: [ofCluster.pool({ allowedNamespaces: { matchLabels: { team: 'lab' } } }, LAN)],
    claims: ['a'],
    ips: {},
    waiting: { a: 'NamespaceNotAllowed' },
  },
  'whose IPAddressClaim is being deleted': {
    pools: [V4],
    claims: ['a'],
    act: (cluster) => {
      const finalizers = ['example.com/held'];
      const to = {
        apiVersion: `${GROUP}/v1beta2`,
        resource: 'ipaddressclaims',
        namespace: 'default',
        name: 'a-ipv4',
      };
      const [{ metadata }] = cluster.objects('IPAddressClaim') as [Unstructured];
      cluster.request({
        verb: 'patch',
        ...to,
        patch: { metadata: { finalizers: [...(metadata.finalizers ?? []), ...finalizers] } },
      });
      cluster.delete(addressClaim('a-ipv4'));
    },
    ips: { a: '10.0.0.11/24' },
    waiting: { a: 'AddressClaimDeleting' },
  },
};

for (const [name, { pools, claims, act, ips, waiting = {} }] of Object.entries(MACHINE_CASES)) {
  test(`IPAMClaims: ${name}`, async () => {
    const scene = createScene({ hasIPAMClaims: true });
    for (const object of pools) apply(scene, object);
    for (const name of claims) {
      apply(scene, {
        apiVersion: 'k8s.cni.cncf.io/v1alpha1',
        kind: 'IPAMClaim',
        metadata: { name, namespace: 'default' },
        spec: { network: 'lan', interface: 'net1' },
      });
    }
    scene.cluster.settle();
    act?.(scene.cluster);
    watch(scene.cluster, undefined);
    const said = [...(await agreed(scene))].filter(([title]) => title.startsWith('IPAMClaim '));
    const named = (key: string) =>
      said.flatMap(([title, { [key]: text }]) => (text ? [[title.split('/')[1]!, text]] : []));
    assert.equal(Object.fromEntries(named('ips')), ips);
    // One that is not complete may have something, and one that shows what it had nothing.
    for (const [, { ips: shown, addresses, why }] of said)
      if (why === undefined) assert.is(addresses, String(shown).replaceAll(/\/\d+/g, ''));
    assert.equal(
      Object.fromEntries(named('why').map(([name, why]) => [name, wordOf(why)])),
      Object.fromEntries(Object.entries(waiting).map(([name, why]) => [name, words(why)])),
    );
  });
}

test.run();

function watch(cluster: SimulatedCluster, horizonSeconds: number | undefined): void {
  cluster.settle(horizonSeconds === undefined ? {} : { horizonSeconds });
}

/** Puts an object where the API server would not have it now. */
function restore(cluster: SimulatedCluster, object: Unstructured): void {
  const uid = '00000000-0000-4000-8000-000000000001';
  const creationTimestamp = new Date(cluster.now).toISOString();
  cluster.restore({ ...object, metadata: { uid, creationTimestamp, ...object.metadata } }, object);
}

function apply({ cluster }: Scene, object: Unstructured): void {
  const { error } = cluster.apply(object);
  assert.is(error, undefined, error?.message);
}

function wordOf(state: unknown): string {
  return String(state).split(':')[0]!;
}

/** What all of them say, or an error that shows who says what. */
async function agreed(scene: Scene): Promise<Account> {
  const accounts = new Map<string, Account>();
  for (const [way, read] of Object.entries(WAYS)) accounts.set(way, await read(scene));
  const all = new Map<string, Said>();
  const dissent: string[] = [];
  for (const title of new Set([...accounts.values()].flatMap((account) => [...account.keys()]))) {
    const agreed: Record<string, unknown> = {};
    const first: Record<string, string> = {};
    for (const [way, account] of accounts) {
      const said = account.get(title);
      const state = wordOf(accounts.get('json')?.get(title)?.state);
      if (said === undefined && !mayLeaveOut(way, title, state))
        dissent.push(`${title}: ${way} does not show it`);
      for (const [key, value] of Object.entries(said ?? {})) {
        if (value === undefined) continue;
        const text = key === 'state' || key === 'why' ? inWords(value) : value;
        if (!(key in agreed)) [agreed[key], first[key]] = [text, way];
        else if (agreed[key] !== text)
          dissent.push(`${title}: ${key} is ${text}, says ${way}; ${agreed[key]}, says ${first[key]}`);
      }
    }
    if (agreed.word !== undefined && agreed.state !== undefined && wordOf(agreed.state) !== agreed.word)
      dissent.push(`${title}: ${agreed.word}, says the page beside ${agreed.state}`);
    all.set(title, agreed);
  }
  dissent.push(...(await dissentOfAlerts(scene, all)));
  assert.equal(dissent, []);
  return all;
}

/** Who does not show everything: there are no metrics of what nobody has looked at, and no status of what is not there. */
function mayLeaveOut(way: string, title: string, state: string): boolean {
  if (LEFT_OUT[way]?.test(title)) return true;
  if (state === 'NotSynced') return way === 'gauges';
  return state === 'NotFound' && ['statuses', 'kubectl', 'gauges'].includes(way);
}

function inWords(state: unknown): string {
  const text = String(state);
  const reason = wordOf(text);
  return words(reason) + text.slice(reason.length);
}

/** The expressions of the alerts, without what picks the pods. */
const ALERTS = new Map(
  [
    ...readFileSync(join(CHART, 'templates/prometheusrule.yaml'), 'utf8').matchAll(
      /- alert: (\w+)\n\s+expr: (.*)/g,
    ),
  ].map(([, name = '', expr = '']) => [name, expr.replaceAll(/\{\{.*?\}\}/g, '').replaceAll(/\{ *\}/g, '')]),
);

/** Whether an alert is about an object, as far as PromQL is used for that: one series over another, and a limit. */
function rings(alert: string, metrics: string, isOf: (labels: Sample['labels']) => boolean): boolean {
  const expr = ALERTS.get(alert) ?? '';
  const form = /^max by \(.*?\) \((\w+)(?: \/ clamp_min\((\w+), (\d+)\))? *\) ([<>]) ([\d.]+)$/;
  const [, metric = '', whole, least, sign, limit] = form.exec(expr) ?? [];
  if (metric === '') throw new Error(`cannot read ${expr}`);
  const values = (name: string) =>
    samplesOf(metrics, name)
      .filter(({ labels }) => isOf(labels))
      .map(({ value }) => value);
  const divisor = whole === undefined ? 1 : Math.max(Number(least), values(whole)[0] ?? Number.NaN);
  const value = Math.max(...values(metric)) / divisor;
  return sign === '<' ? value < Number(limit) : value > Number(limit);
}

/** Alerts that ring where nothing is the matter, or do not where something is. */
async function dissentOfAlerts(scene: Scene, said: Account): Promise<string[]> {
  const metrics = await scene.metrics();
  const dissent: string[] = [];
  for (const [title, { state, word, waiting, total, free, ...counts }] of said) {
    const [kind = '', qualified = ''] = title.split(' ');
    const isOf = (labels: Sample['labels']) =>
      (labels.kind ?? 'PodNetwork') === kind &&
      (labels.namespace ? `${labels.namespace}/${labels.name}` : labels.name) === qualified;
    const expect = (alert: string, isTrouble: boolean, isSeries = isOf) => {
      if (rings(alert, metrics, isSeries) !== isTrouble)
        dissent.push(`${title}: ${alert} ${isTrouble ? 'does not ring' : 'rings'}`);
    };
    const isFull = wordOf(state ?? word) === words('PoolExhausted');
    if (wordOf(state ?? word) === words('NotSynced')) continue;
    if (kind === 'PodNetwork' && word !== words('NotFound')) expect('MetaipamNodesPending', waiting !== 0);
    if (kind === 'ClusterCIDR') {
      const share = [4, 6].map(
        (family) => Number(counts[`free${family}`]) / Number(counts[`total${family}`]),
      );
      const isNearlyFull = isFull || share.some((each) => each < 0.1);
      expect('MetaipamClusterCIDRNearlyFull', isNearlyFull, (labels) => labels.clusterCIDRName === qualified);
    }
    if (POOL_KINDS[kind] === undefined) continue;
    expect('MetaipamClaimsPending', waiting !== 0);
    expect('MetaipamPoolNearlyFull', isFull || Number(free) < 0.1 * Math.max(1, Number(total)));
  }
  return dissent;
}
