/**
 * What the IPPool and CIDRPool of nvidia-k8s-ipam say of the blocks of nodes, as a PodNetwork and its ClusterCIDRs say
 * it: from the objects to what pods get.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { controllers } from '../../hooks/index.ts';
import { formatRange } from '../../lib/address/range.ts';
import { createWorld } from '../../lib/cli/world.ts';
import { podRangesOf } from '../../lib/inspect/pod-ranges.ts';
import type { Node } from '../../lib/kubernetes/core-types.ts';
import type { PodNetwork } from '../../lib/kubernetes/types.ts';

interface Row {
  /** The rival's field. */
  readonly field: string;
  readonly network: object;
  readonly ipv4?: string;
  readonly ipv6?: string;
  readonly bits?: string;
  /** In addresses. */
  readonly size?: string;
  readonly nodeSelector?: object;
  /** Of node `a`, which comes before `b`: for each block the prefix length, the gateway and what pods can have. */
  readonly a: readonly string[];
  readonly b?: readonly string[];
  readonly routes?: readonly object[];
}

const CIDR = '10.7.0.0/24';
const FLAT = { subnets: [{ cidr: '10.7.0.0/16', gateway: '10.7.255.1' }] };
const ROWS: readonly Row[] = [
  {
    field: 'IPPool subnet, gateway',
    network: FLAT,
    ipv4: CIDR,
    a: ['/16 10.7.255.1 10.7.0.1-10.7.0.15'],
    b: ['/16 10.7.255.1 10.7.0.16-10.7.0.31'],
  },
  {
    field: 'IPPool perNodeBlockSize',
    network: { subnets: [{ cidr: CIDR, gateway: '10.7.0.60' }] },
    ipv4: CIDR,
    size: '50',
    a: ['/24 10.7.0.60 10.7.0.1-10.7.0.49'],
    b: ['/24 10.7.0.60 10.7.0.50-10.7.0.59 10.7.0.61-10.7.0.99'],
  },
  {
    field: 'IPPool perNodeBlockSize of IPv6, without a gateway, with perNodeExclusions',
    network: { perNodeExclusions: [{ startIndex: 0, endIndex: 1 }] },
    ipv6: 'fd00:7::/120',
    size: '3',
    a: ['/120 fd00:7::1 fd00:7::2'],
    b: ['/120 fd00:7::1 fd00:7::5'],
  },
  {
    field: 'IPPool exclusions',
    network: { ...FLAT, excludedAddresses: ['10.7.0.4-10.7.0.6', '10.7.0.16/30'] },
    ipv4: CIDR,
    a: ['/16 10.7.255.1 10.7.0.1-10.7.0.3 10.7.0.7-10.7.0.15'],
    b: ['/16 10.7.255.1 10.7.0.20-10.7.0.31'],
  },
  {
    field: 'IPPool perNodeExclusions',
    network: {
      ...FLAT,
      perNodeExclusions: [
        { startIndex: 0, endIndex: 2 },
        { startIndex: -1, endIndex: -1 },
      ],
    },
    ipv4: CIDR,
    a: ['/16 10.7.255.1 10.7.0.3-10.7.0.14'],
    b: ['/16 10.7.255.1 10.7.0.19-10.7.0.30'],
  },
  {
    field: 'nodeSelector',
    network: {},
    ipv4: CIDR,
    nodeSelector: {
      nodeSelectorTerms: [{ matchExpressions: [{ key: 'pool', operator: 'In', values: ['b'] }] }],
    },
    a: [],
    b: ['/28 10.7.0.1 10.7.0.2-10.7.0.14'],
  },
  {
    field: 'routes',
    network: { routes: [{ dst: '10.8.0.0/16', gw: '10.7.0.1' }, { dst: 'fd01::/64' }] },
    ipv4: CIDR,
    a: ['/28 10.7.0.1 10.7.0.2-10.7.0.14'],
    // Of the families that the node has.
    routes: [{ dst: '10.8.0.0/16', gw: '10.7.0.1' }],
  },
  {
    field: 'defaultGateway',
    network: { routes: [{ dst: '0.0.0.0/0' }] },
    ipv4: CIDR,
    a: ['/28 10.7.0.1 10.7.0.2-10.7.0.14'],
    routes: [{ dst: '0.0.0.0/0' }],
  },
  {
    field: 'CIDRPool gatewayIndex',
    network: { gatewayIndex: 3 },
    ipv4: CIDR,
    a: ['/28 10.7.0.3 10.7.0.1-10.7.0.2 10.7.0.4-10.7.0.14'],
    b: ['/28 10.7.0.19 10.7.0.17-10.7.0.18 10.7.0.20-10.7.0.30'],
  },
  {
    field: 'CIDRPool perNodeNetworkPrefix 31',
    network: {},
    ipv4: CIDR,
    bits: '1',
    a: ['/31 none 10.7.0.0-10.7.0.1'],
    b: ['/31 none 10.7.0.2-10.7.0.3'],
  },
  {
    field: 'CIDRPool perNodeNetworkPrefix 127 with gatewayIndex',
    network: { gatewayIndex: 0 },
    ipv6: 'fd00:7::/120',
    bits: '1',
    a: ['/127 fd00:7:: fd00:7::1'],
    b: ['/127 fd00:7::2 fd00:7::3'],
  },
  {
    field: 'CIDRPool staticAllocations',
    network: { reservations: [{ node: 'b', blocks: ['10.7.0.240/28'] }], gatewayIndex: 14 },
    ipv4: CIDR,
    a: ['/28 10.7.0.14 10.7.0.1-10.7.0.13'],
    b: ['/28 10.7.0.254 10.7.0.241-10.7.0.253'],
  },
  {
    field: 'two pools for an interface, one of each family',
    network: {},
    ipv4: CIDR,
    ipv6: 'fd00:7::/120',
    a: ['/28 10.7.0.1 10.7.0.2-10.7.0.14', '/124 fd00:7::1 fd00:7::2-fd00:7::f'],
  },
];

for (const { field, network, ipv4, ipv6, bits, size, nodeSelector, a, b, routes = [] } of ROWS) {
  test(field, () => {
    const cluster = createWorld(controllers);
    const family = (name: string, has: unknown) =>
      bits === undefined || has === undefined ? {} : { [`metaipam.io/per-node-host-bits-${name}`]: bits };
    for (const object of [
      {
        apiVersion: 'metaipam.io/v1alpha1',
        kind: 'PodNetwork',
        metadata: { name: 'net' },
        spec: { target: 'node.metadata.annotations', ...network },
      },
      {
        apiVersion: 'networking.x-k8s.io/v1',
        kind: 'ClusterCIDR',
        metadata: {
          name: 'net',
          labels: { 'metaipam.io/network': 'net' },
          annotations: {
            ...family('ipv4', ipv4),
            ...family('ipv6', ipv6),
            ...(size && { 'metaipam.io/per-node-block-size': size }),
          },
        },
        spec: {
          perNodeHostBits: 4,
          ...(ipv4 && { ipv4 }),
          ...(ipv6 && { ipv6 }),
          ...(nodeSelector && { nodeSelector }),
        },
      },
      ...['a', 'b'].map((name) => ({
        apiVersion: 'v1',
        kind: 'Node',
        metadata: { name, labels: { pool: name } },
        spec: {},
      })),
    ]) {
      const { error } = cluster.apply(object);
      assert.is(error, undefined, error?.message);
      cluster.settle();
    }
    const named = <T>(kind: string, name: string) =>
      cluster.objects().find((each) => each.kind === kind && each.metadata.name === name) as object as T;
    const pods = (name: string) =>
      podRangesOf(named<Node>('Node', name), named<PodNetwork>('PodNetwork', 'net'));
    const texts = (name: string) =>
      (pods(name)?.ranges ?? []).map(({ subnet, gateway, addresses }) =>
        [`/${subnet.length}`, gateway ?? 'none', ...addresses.ranges.map(formatRange)].join(' '),
      );
    assert.equal(texts('a'), a);
    if (b !== undefined) assert.equal(texts('b'), b);
    assert.equal(pods('a')?.routes ?? [], routes);
  });
}

test.run();
