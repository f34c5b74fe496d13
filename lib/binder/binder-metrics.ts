/** node-ipam-controller's five series under their own names, so that its dashboards go on, and the binder's. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { blockCount, countBlocksIn } from '../address/blocks.ts';
import { formatPrefix, type Prefix, type Range } from '../address/range.ts';
import { allocationsOf } from '../allocation/slice.ts';
import type { AllocationSlice, BlockCounts, ClusterCIDR } from '../kubernetes/types.ts';
import { readBlockPool } from '../pod-network/block-pool.ts';

const LABELS = ['clusterCIDR', 'clusterCIDRName'] as const;
const CARDINALITY = 'Labels: one series per family of a ClusterCIDR.';

export class BinderMetrics {
  readonly #allocations: Counter<(typeof LABELS)[number]>;
  readonly #releases: Counter<(typeof LABELS)[number]>;
  readonly #max: Gauge<(typeof LABELS)[number]>;
  readonly #usage: Gauge<(typeof LABELS)[number]>;
  readonly #tries: Histogram<(typeof LABELS)[number]>;
  readonly #patches: Counter<'outcome'>;
  readonly #leader: Gauge;
  /** Blocks seen at the last look, by block and uid of the node. */
  #known = new Map<string, Block>();

  constructor(registry: Registry) {
    const registers = [registry];
    const series = (name: string, help: string) => ({
      name: `node_ipam_controller_multicidrset_${name}`,
      help: `${help} ${CARDINALITY}`,
      labelNames: LABELS,
      registers,
    });
    this.#allocations = new Counter(series('cidrs_allocations_total', 'Blocks given to nodes.'));
    this.#releases = new Counter(
      series('cidrs_releases_total', 'Blocks taken back from nodes that are gone.'),
    );
    this.#max = new Gauge(series('max_cidrs', 'Blocks that the CIDR holds.'));
    this.#usage = new Gauge(series('usage_cidrs', 'Part of the blocks that is not free any more, 0 to 1.'));
    this.#tries = new Histogram({
      ...series('allocation_tries_per_request', 'Blocks of the CIDR below the one given out.'),
      buckets: [1, 5, 25, 125, 625],
    });
    this.#patches = new Counter({
      name: 'metaipam_binder_node_patches_total',
      help: 'Writes of node.spec.podCIDRs. Labels: outcome (done, rejected, unknown).',
      labelNames: ['outcome'],
      registers,
    });
    this.#leader = new Gauge({
      name: 'metaipam_binder_leader',
      help: 'Whether this process holds the lease and binds nodes: 0 or 1.',
      registers,
    });
  }

  setLeader(leads: boolean): void {
    this.#leader.set(leads ? 1 : 0);
  }

  countPatch(outcome: 'done' | 'rejected' | 'unknown'): void {
    this.#patches.inc({ outcome });
  }

  /** Takes what the caches hold now; differences to the last look are allocations and releases. */
  observe(slices: readonly AllocationSlice[], clusterCIDRs: readonly ClusterCIDR[]): void {
    const pools = poolsByFamily(clusterCIDRs);
    const blocks = new Map<string, Block>();
    const used = new Map<Pool, Range[]>();
    for (const { key, block, entry } of allocationsOf(slices)) {
      const pool = pools.get(poolKey(entry.clusterCIDR ?? '', block.family));
      if (pool === undefined) continue;
      const covered = Number(countBlocksIn(pool.prefix, pool.blockSize, [block]));
      if (covered === 0) continue;
      const id = `${key} ${entry.uid}`;
      blocks.set(id, { labels: pool.labels, covered });
      const inPool = used.get(pool);
      if (inPool === undefined) used.set(pool, [block]);
      else inPool.push(block);
      if (this.#known.has(id)) continue;
      this.#allocations.inc(pool.labels, covered);
      this.#tries.observe(pool.labels, blocksBelow(pool, block));
    }
    for (const [id, { labels, covered }] of this.#known) {
      if (!blocks.has(id)) this.#releases.inc(labels, covered);
    }
    this.#known = blocks;
    this.#max.reset();
    this.#usage.reset();
    for (const pool of pools.values()) {
      const max = Number(blockCount(pool.prefix, pool.blockSize));
      this.#max.set(pool.labels, max);
      const { free = max - countBlocks(pool, used.get(pool)) } = pool.counts ?? {};
      this.#usage.set(pool.labels, max === 0 ? 0 : 1 - Number(free) / max);
    }
  }

  /** After the term: another process tells how things are from here on. What is counted stays counted. */
  clear(): void {
    this.#max.reset();
    this.#usage.reset();
  }
}

interface Pool {
  readonly prefix: Prefix;
  readonly blockSize: bigint;
  readonly labels: { readonly clusterCIDR: string; readonly clusterCIDRName: string };
  /** What its network says of it, which knows more than its slices tell: see `networkUsage`. */
  readonly counts: BlockCounts | undefined;
}

interface Block {
  readonly labels: Pool['labels'];
  /** How many blocks of the pool it is: one from before metaipam may be larger or smaller than its blocks. */
  readonly covered: number;
}

function poolsByFamily(clusterCIDRs: readonly ClusterCIDR[]): Map<string, Pool> {
  const pools = new Map<string, Pool>();
  for (const clusterCIDR of clusterCIDRs) {
    const { name } = clusterCIDR.metadata;
    const { pool } = readBlockPool(clusterCIDR);
    for (const prefix of pool?.ranges ?? []) {
      const cidr = clusterCIDR.spec[`ipv${prefix.family}`] ?? formatPrefix(prefix);
      pools.set(poolKey(name, prefix.family), {
        prefix,
        blockSize: pool!.sizes[prefix.family],
        labels: { clusterCIDR: cidr, clusterCIDRName: name },
        counts: clusterCIDR.status?.[`ipv${prefix.family}`],
      });
    }
  }
  return pools;
}

function poolKey(name: string, family: 4 | 6): string {
  return `${name}/${family}`;
}

function countBlocks({ prefix, blockSize }: Pool, blocks: readonly Range[] = []): number {
  return Number(countBlocksIn(prefix, blockSize, blocks));
}

function blocksBelow({ prefix, blockSize }: Pool, { first }: Range): number {
  const offset = first - prefix.first;
  return offset < 0n ? 0 : Number(offset / blockSize);
}
