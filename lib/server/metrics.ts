/** What `/metrics` shows. One registry per server, so that tests do not share counts. */
import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { type SubnetCounts, subnetCounts } from '../inspect/subnet-counts.ts';
import type { KubernetesObject } from '../kubernetes/object.ts';
import { POOL_CONTROLLERS } from '../kubernetes/pool-kinds.ts';
import type { CompositeRequest, HookContext } from '../metacontroller/hook.ts';
import type { Pool } from '../pool/pool.ts';
import type { HookName } from './request.ts';

export type Outcome = 'success' | 'invalid' | 'error';

interface ObservedCall {
  readonly controller: string;
  readonly hook: HookName;
  readonly outcome: Outcome;
  readonly seconds: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
}

/** Of a composite controller, or of a decorator. */
export interface ParentRequest {
  readonly parent?: KubernetesObject;
  readonly object?: KubernetesObject;
}

export interface Metrics {
  readonly registry: Registry;
  /** Counts one call of a hook. */
  observe(call: ObservedCall): void;
  /**
   * Takes a parent's counts from the status its sync answered with, and those of a pool's subnets from what the sync
   * saw; drops its series when it is finalized.
   */
  record(controller: string, request: ParentRequest, response: unknown, context: HookContext): void;
}

const DURATION_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const BYTE_BUCKETS = Array.from({ length: 10 }, (_, i) => 1024 * 4 ** i);

const POOL_LABELS = ['kind', 'namespace', 'name'];
const POOL_CARDINALITY =
  'Labels: one series per pool (kind: 4 values; namespace: empty for a global pool). As of the last sync that this process answered.';
const NETWORK_CARDINALITY =
  'Labels: one series per PodNetwork. As of the last sync that this process answered.';

/** Gauges that repeat a parent's status: where each count is found. */
const STATUS_GAUGES = [
  {
    name: 'metaipam_pool_addresses',
    help: `Addresses, or prefixes, that the pool can give out, used or free. ${POOL_CARDINALITY}`,
    labels: POOL_LABELS,
    controllers: POOL_CONTROLLERS,
    path: ['ipAddresses', 'total'],
  },
  {
    name: 'metaipam_pool_addresses_used',
    help: `Addresses or prefixes of the pool that are allocated or held. ${POOL_CARDINALITY}`,
    labels: POOL_LABELS,
    controllers: POOL_CONTROLLERS,
    path: ['ipAddresses', 'used'],
  },
  {
    name: 'metaipam_pool_addresses_free',
    help: `Addresses or prefixes of the pool that the next claim can get. ${POOL_CARDINALITY}`,
    labels: POOL_LABELS,
    controllers: POOL_CONTROLLERS,
    path: ['ipAddresses', 'free'],
  },
  {
    name: 'metaipam_pool_claims_pending',
    help: `Claims that wait for an address or prefix of the pool. ${POOL_CARDINALITY}`,
    labels: POOL_LABELS,
    controllers: POOL_CONTROLLERS,
    path: ['ipAddresses', 'pending'],
  },
  {
    name: 'metaipam_pod_network_nodes',
    help: `Nodes that the network knows. ${NETWORK_CARDINALITY}`,
    labels: ['name'],
    controllers: ['pod-networks'],
    path: ['nodes', 'total'],
  },
  {
    name: 'metaipam_pod_network_nodes_allocated',
    help: `Nodes that have their blocks. ${NETWORK_CARDINALITY}`,
    labels: ['name'],
    controllers: ['pod-networks'],
    path: ['nodes', 'allocated'],
  },
  {
    name: 'metaipam_pod_network_nodes_pending',
    help: `Nodes that wait for a block. ${NETWORK_CARDINALITY}`,
    labels: ['name'],
    controllers: ['pod-networks'],
    path: ['nodes', 'pending'],
  },
] as const;

const SUBNET_LABELS = [...POOL_LABELS, 'subnet'];
const SUBNET_CARDINALITY =
  'Labels: one series per subnet (a CIDR; at most 64) of pools with several. As of the last sync that this process answered.';

/** The same of each subnet, of which no status tells. */
const SUBNET_GAUGES = [
  {
    name: 'metaipam_pool_subnet_addresses',
    help: `Addresses of the subnet that its pool can give out, used or free. ${SUBNET_CARDINALITY}`,
    key: 'total',
  },
  {
    name: 'metaipam_pool_subnet_addresses_used',
    help: `Addresses of the subnet that are allocated or held. ${SUBNET_CARDINALITY}`,
    key: 'used',
  },
  {
    name: 'metaipam_pool_subnet_addresses_free',
    help: `Addresses of the subnet that are left. ${SUBNET_CARDINALITY}`,
    key: 'free',
  },
] as const;

/** When each parent's counts were written down: of several processes, the one that synced it last knows it best. */
const SYNC_TIMES = [
  {
    name: 'metaipam_pool_last_sync_timestamp_seconds',
    help: 'When this process last answered a sync of the pool. Labels: one series per pool.',
    labels: POOL_LABELS,
    controllers: POOL_CONTROLLERS,
  },
  {
    name: 'metaipam_pod_network_last_sync_timestamp_seconds',
    help: 'When this process last answered a sync of the PodNetwork. Labels: one series per PodNetwork.',
    labels: ['name'],
    controllers: ['pod-networks'],
  },
] as const;

export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const duration = new Histogram({
    name: 'metaipam_hook_duration_seconds',
    help: 'Time to decode, answer and encode one hook call. Labels: controller (9 values), hook (sync, customize, finalize), outcome (success, invalid, error).',
    labelNames: ['controller', 'hook', 'outcome'],
    buckets: DURATION_BUCKETS,
    registers,
  });
  const bytes = (direction: 'request' | 'response') =>
    new Histogram({
      name: `metaipam_hook_${direction}_bytes`,
      help: `Size of a hook ${direction}'s body. Labels: controller (9 values), hook (sync, customize, finalize).`,
      labelNames: ['controller', 'hook'],
      buckets: BYTE_BUCKETS,
      registers,
    });
  const requestBytes = bytes('request');
  const responseBytes = bytes('response');
  const gauges = STATUS_GAUGES.map(({ name, help, labels, controllers, path }) => ({
    gauge: new Gauge<string>({ name, help, labelNames: labels, registers }),
    labels: labels as readonly string[],
    controllers: controllers as readonly string[],
    path,
  }));
  const subnetGauges = SUBNET_GAUGES.map(({ name, help, key }) => ({
    gauge: new Gauge<string>({ name, help, labelNames: SUBNET_LABELS, registers }),
    key,
  }));
  /** Of each pool those that have series, by its labels. */
  const subnetsOf = new Map<string, readonly string[]>();
  const syncTimes = SYNC_TIMES.map(({ name, help, labels, controllers }) => ({
    gauge: new Gauge<string>({ name, help, labelNames: labels, registers }),
    labels: labels as readonly string[],
    controllers: controllers as readonly string[],
  }));

  const recordSubnets = (pool: Record<string, string>, subnets: readonly SubnetCounts[]) => {
    const id = JSON.stringify(pool);
    const cidrs = subnets.map(({ cidr }) => cidr);
    for (const { gauge, key } of subnetGauges) {
      for (const subnet of subnetsOf.get(id) ?? []) {
        if (!cidrs.includes(subnet)) gauge.remove({ ...pool, subnet });
      }
      for (const counts of subnets) gauge.set({ ...pool, subnet: counts.cidr }, Number(counts[key]));
    }
    if (cidrs.length > 0) subnetsOf.set(id, cidrs);
    else subnetsOf.delete(id);
  };

  return {
    registry,
    observe({ controller, hook, outcome, seconds, ...size }) {
      duration.observe({ controller, hook, outcome }, seconds);
      requestBytes.observe({ controller, hook }, size.requestBytes);
      if (outcome === 'success') responseBytes.observe({ controller, hook }, size.responseBytes);
    },
    record(controller, request, response, context) {
      const parent = (request.parent ?? request.object)!;
      const { status, finalized } = response as { status?: Counts | null; finalized?: boolean };
      const identity: Record<string, string> = {
        kind: parent.kind,
        namespace: parent.metadata.namespace ?? '',
        name: parent.metadata.name,
      };
      const pick = (labels: readonly string[]) =>
        Object.fromEntries(labels.map((label) => [label, identity[label]!]));
      for (const { gauge, labels, controllers } of syncTimes) {
        if (!controllers.includes(controller)) continue;
        if (finalized === true) gauge.remove(pick(labels));
        else gauge.setToCurrentTime(pick(labels));
      }
      for (const { gauge, labels, controllers, path } of gauges) {
        if (!controllers.includes(controller)) continue;
        const values = pick(labels);
        const [group, key] = path;
        const count = toNumber(status?.[group]?.[key]);
        if (finalized === true) gauge.remove(values);
        else if (count !== undefined) gauge.set(values, count);
      }
      if (!POOL_CONTROLLERS.includes(controller)) return;
      const subnets = finalized === true ? [] : subnetCounts(request as CompositeRequest<Pool>, context);
      recordSubnets(pick(POOL_LABELS), subnets);
    },
  };
}

type Counts = Readonly<Record<string, Readonly<Record<string, unknown>> | undefined>>;

/** Counts beyond 2^53 are raw JSON; a gauge is a double in any case. */
function toNumber(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  const raw = (value as { rawJSON?: string } | undefined)?.rawJSON;
  return raw === undefined ? undefined : Number(raw);
}
