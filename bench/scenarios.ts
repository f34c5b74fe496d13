import type { CompositeRequest } from '../lib/metacontroller/hook.ts';
import { type Grant, naiveNetwork, naivePool } from './naive.ts';
import * as network from './network-request.ts';
import * as pool from './pool-request.ts';

export interface Scenario {
  readonly name: string;
  readonly controller: 'pools' | 'prefix-pools' | 'pod-networks';
  readonly request: () => CompositeRequest<never>;
  /** The most that one pure sync should take. */
  readonly aimMilliseconds?: number;
}

/** The most that a call through HTTP should take, in times of reading and writing its bodies as JSON. */
export const HTTP_AIM = 1.5;

const POOL_AIMS: Readonly<Record<number, number>> = { 10000: 50, 65000: 300 };
const NODES = 5_000;

function poolScenario(count: number, what: string, make: (count: number) => object): Scenario {
  const aimMilliseconds = POOL_AIMS[count];
  return {
    name: `pool, ${grouped(count)} claims, ${what}`,
    controller: 'pools',
    request: () => make(count) as CompositeRequest<never>,
    ...(aimMilliseconds !== undefined && { aimMilliseconds }),
  };
}

function networkScenario(
  clusterCIDRs: number,
  what: string,
  make: (nodes: number, clusterCIDRs: number) => object,
): Scenario {
  return {
    name: `network, ${grouped(NODES)} nodes, ${clusterCIDRs} ClusterCIDRs, ${what}`,
    controller: 'pod-networks',
    request: () => make(NODES, clusterCIDRs) as CompositeRequest<never>,
    aimMilliseconds: 100,
  };
}

export const SCENARIOS: readonly Scenario[] = [
  ...[1_000, 10_000, 65_000].flatMap((count) => [
    poolScenario(count, 'all new', pool.allNewClaims),
    poolScenario(count, 'all but one allocated', pool.allButOneAllocated),
  ]),
  poolScenario(10_000, 'half replaced', pool.halfReplaced),
  poolScenario(10_000, 'IPv6, all but one allocated', (count) =>
    pool.allButOneAllocated(count, pool.IPV6_POOL),
  ),
  poolScenario(10_000, 'two subnets, all but one allocated', (count) =>
    pool.allButOneAllocated(count, pool.SUBNETS_POOL),
  ),
  {
    ...poolScenario(10_000, 'prefixes, all but one allocated', (count) =>
      pool.allButOneAllocated(count, pool.PREFIX_POOL),
    ),
    controller: 'prefix-pools',
  },
  ...[6, 100].flatMap((clusterCIDRs) => [
    networkScenario(clusterCIDRs, 'all new', network.allNewNodes),
    networkScenario(clusterCIDRs, 'all allocated', network.allAllocated),
  ]),
  {
    name: 'network, 8 000 nodes, 8 000 ClusterCIDRs by host name, all new',
    controller: 'pod-networks',
    request: () => network.byHostName(8_000) as CompositeRequest<never>,
    aimMilliseconds: 1_000,
  },
  {
    name: 'network, 5 000 nodes, 300 ClusterCIDRs of 1 000 terms, all new',
    controller: 'pod-networks',
    request: () => network.distinctTerms(5_000, 300, 1_000) as CompositeRequest<never>,
    aimMilliseconds: 1_000,
  },
];

/** What the naive way gives out for a request of this controller. */
export function naive(controller: Scenario['controller'], request: never): Generator<Grant> {
  return controller === 'pod-networks' ? naiveNetwork(request) : naivePool(request);
}

/** 65 000, for people. */
export function grouped(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ' ');
}
