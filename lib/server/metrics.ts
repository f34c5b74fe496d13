/** What `/metrics` shows. One registry per server, so that tests do not share counts. */
import type { FastifyInstance } from 'fastify';
import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { type SubnetCounts, subnetCounts } from '../inspect/subnet-counts.ts';
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

export interface Metrics {
  readonly registry: Registry;
  /** Counts one call of a hook. */
  observe(call: ObservedCall): void;
  /**
   * Takes a parent's counts from the status its sync answered with, and those of a pool's subnets from what the sync
   * saw; drops its series when it is finalized.
   */
  record(controller: string, request: object, response: object, context: HookContext): void;
}

const DURATION_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const BYTE_BUCKETS = Array.from({ length: 10 }, (_, i) => 1024 * 4 ** i);

const AS_OF = 'As of the last sync that this process answered.';
const SYNC = 'When this process last answered a sync';

interface Counted {
  readonly labels: readonly string[];
  readonly cardinality: string;
  /** Name and help of a gauge, by the name of a count. */
  readonly counts: Readonly<Record<string, readonly [name: string, help: string]>>;
}

/** Parents whose status counts something. */
interface Family extends Counted {
  readonly controllers: readonly string[];
  /** Where in the status the counts are. */
  readonly group: string;
  /** When they were written down: of several processes, the one that synced a parent last knows it best. */
  readonly synced: readonly [name: string, help: string];
}

const POOLS: Family = {
  controllers: POOL_CONTROLLERS,
  labels: ['kind', 'namespace', 'name'],
  cardinality: 'Labels: one series per pool (kind: 4 values; namespace: empty for a global pool).',
  group: 'ipAddresses',
  counts: {
    total: ['metaipam_pool_addresses', 'Addresses, or prefixes, that the pool can give out, used or free.'],
    used: ['metaipam_pool_addresses_used', 'Addresses or prefixes of the pool that are allocated or held.'],
    free: ['metaipam_pool_addresses_free', 'Addresses or prefixes of the pool that the next claim can get.'],
    pending: ['metaipam_pool_claims_pending', 'Claims that wait for an address or prefix of the pool.'],
  },
  synced: ['metaipam_pool_last_sync_timestamp_seconds', `${SYNC} of the pool. Labels: one series per pool.`],
};

const NETWORKS: Family = {
  controllers: ['pod-networks'],
  labels: ['name'],
  cardinality: 'Labels: one series per PodNetwork.',
  group: 'nodes',
  counts: {
    total: ['metaipam_pod_network_nodes', 'Nodes that the network knows.'],
    allocated: ['metaipam_pod_network_nodes_allocated', 'Nodes that have their blocks.'],
    pending: ['metaipam_pod_network_nodes_pending', 'Nodes that wait for a block.'],
  },
  synced: [
    'metaipam_pod_network_last_sync_timestamp_seconds',
    `${SYNC} of the PodNetwork. Labels: one series per PodNetwork.`,
  ],
};

/** The same of each subnet of a pool, of which no status tells. */
const SUBNETS: Counted = {
  labels: [...POOLS.labels, 'subnet'],
  cardinality: 'Labels: one series per subnet (a CIDR; at most 64) of pools with several.',
  counts: {
    total: [
      'metaipam_pool_subnet_addresses',
      'Addresses of the subnet that its pool can give out, used or free.',
    ],
    used: ['metaipam_pool_subnet_addresses_used', 'Addresses of the subnet that are allocated or held.'],
    free: ['metaipam_pool_subnet_addresses_free', 'Addresses of the subnet that are left.'],
  },
};

/** Adds `/metrics`. */
export function addMetrics(app: FastifyInstance, { registry }: Metrics): void {
  app.get('/metrics', async (_request, reply) => {
    reply.header('content-type', registry.contentType);
    return registry.metrics();
  });
}

export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const duration = new Histogram({
    name: 'metaipam_hook_duration_seconds',
    help: 'Time to decode, answer and encode one hook call. Labels: controller (11 values), hook (sync, customize, finalize), outcome (success, invalid, error).',
    labelNames: ['controller', 'hook', 'outcome'],
    buckets: DURATION_BUCKETS,
    registers,
  });
  const bytes = (direction: 'request' | 'response') =>
    new Histogram({
      name: `metaipam_hook_${direction}_bytes`,
      help: `Size of a hook ${direction}'s body. Labels: controller (11 values), hook (sync, customize, finalize).`,
      labelNames: ['controller', 'hook'],
      buckets: BYTE_BUCKETS,
      registers,
    });
  const requestBytes = bytes('request');
  const responseBytes = bytes('response');
  const newGauge = (name: string, help: string, labels: readonly string[]) =>
    new Gauge<string>({ name, help, labelNames: labels, registers });
  const countGauges = ({ counts, cardinality, labels }: Counted) =>
    Object.entries(counts).map(([key, [name, help]]) => ({
      key,
      gauge: newGauge(name, `${help} ${cardinality} ${AS_OF}`, labels),
    }));
  const families = [POOLS, NETWORKS].map((family) => ({
    ...family,
    gauges: countGauges(family),
    synced: newGauge(...family.synced, family.labels),
  }));
  const subnetGauges = countGauges(SUBNETS);
  /** Of each pool those that have series, by its labels. */
  const subnetsOf = new Map<string, readonly string[]>();

  const recordSubnets = (pool: Record<string, string>, subnets: readonly SubnetCounts[]) => {
    const id = JSON.stringify(pool);
    const cidrs = subnets.map(({ cidr }) => cidr);
    for (const { gauge, key } of subnetGauges) {
      for (const subnet of subnetsOf.get(id) ?? []) {
        if (!cidrs.includes(subnet)) gauge.remove({ ...pool, subnet });
      }
      for (const counts of subnets)
        gauge.set({ ...pool, subnet: counts.cidr }, Number(counts[key as 'total']));
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
      const family = families.find(({ controllers }) => controllers.includes(controller));
      if (family === undefined) return;
      const { labels, group, gauges, synced } = family;
      const { parent } = request as CompositeRequest<Pool>;
      const { status, finalized } = response as { status?: Counts; finalized?: boolean };
      const { namespace = '', name } = parent.metadata;
      const identity: Readonly<Record<string, string>> = { kind: parent.kind, namespace, name };
      const values = Object.fromEntries(labels.map((label) => [label, identity[label]!]));
      for (const { gauge, key } of gauges) {
        const count = toNumber(status?.[group]?.[key]);
        if (finalized === true) gauge.remove(values);
        else if (count !== undefined) gauge.set(values, count);
      }
      if (finalized === true) synced.remove(values);
      else synced.setToCurrentTime(values);
      if (!POOL_CONTROLLERS.includes(controller)) return;
      const subnets = finalized === true ? [] : subnetCounts(request as CompositeRequest<Pool>, context);
      recordSubnets(values, subnets);
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
