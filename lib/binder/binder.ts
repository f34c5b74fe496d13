import type { FastifyBaseLogger } from 'fastify';
import { secondsSince } from '../allocation/hold.ts';
import type { Clock } from '../cluster/clock.ts';
import {
  type ClusterClient,
  type NodeEvent,
  requestFailure,
  type Watched,
} from '../cluster/cluster-client.ts';
import type { Term } from '../cluster/lease.ts';
import type { Node } from '../kubernetes/core-types.ts';
import {
  CLUSTER_CIDR_API_VERSION,
  DEFAULT_NETWORK,
  METAIPAM_API_VERSION,
  NETWORK_LABEL,
} from '../kubernetes/names.ts';
import type { AllocationSlice, ClusterCIDR } from '../kubernetes/types.ts';
import type { BinderMetrics } from './binder-metrics.ts';
import { type Binding, decideBindings } from './decide.ts';
import { RateLimiter } from './rate-limiter.ts';

export interface BinderOptions {
  /** Where the slices of pod networks are. Those of any other namespace bind nothing. */
  readonly installNamespace: string;
  /** How many nodes are patched side by side. */
  readonly concurrency: number;
  /** How many node patches a second. */
  readonly qps: number;
  /** See `takeOffSurplusLabels`. */
  readonly keepFromMove?: boolean;
}

export type BinderClient = Pick<ClusterClient, 'watch' | 'readNode' | 'patchPodCIDRs' | 'createNodeEvent'>;

/** Changes are gathered for this long, in milliseconds, before they are looked at together. */
const GATHER = 50;
const RETRY_AFTER = 1_000;
const RETRY_AT_MOST = 30_000;
/** How often to look although nothing has changed, in milliseconds. */
const LOOK_EVERY = 10_000;
/** How long a node may be without blocks, in seconds, before an event says so. */
const PATIENCE = 30;

interface Backoff {
  /** Milliseconds. */
  readonly wait: number;
  /** On the monotonic clock. */
  readonly until: number;
}

/**
 * Writes `node.spec.podCIDRs`: once for each node, all blocks of its ClusterCIDR in one patch.
 *
 * The field can never be changed again, so a write whose outcome is unknown is looked up and, if need be, sent
 * again as it was; it is never decided anew.
 */
export class Binder {
  readonly #client: BinderClient;
  readonly #options: BinderOptions;
  readonly #metrics: BinderMetrics;
  readonly #log: FastifyBaseLogger;
  readonly #clock: Clock;
  /** podCIDRs sent, by node uid, until the watch shows them or the node is gone. */
  readonly #written = new Map<string, readonly string[]>();
  readonly #inFlight = new Map<string, Promise<void>>();
  /** Nodes, by uid, whose podCIDRs the API server has refused. */
  readonly #refused = new Map<string, Backoff>();
  /** The last event of each node, by uid, so that none is repeated. */
  readonly #reported = new Map<string, string>();
  #watches:
    | { nodes: Watched<Node>; slices: Watched<AllocationSlice>; clusterCIDRs: Watched<ClusterCIDR> }
    | undefined;

  constructor(
    client: BinderClient,
    options: BinderOptions,
    metrics: BinderMetrics,
    log: FastifyBaseLogger,
    clock: Clock,
  ) {
    this.#client = client;
    this.#options = options;
    this.#metrics = metrics;
    this.#log = log;
    this.#clock = clock;
  }

  /** Whether the caches are filled; false while not leading. */
  get synced(): boolean {
    const watches = this.#watches;
    return watches !== undefined && Object.values(watches).every(({ synced }) => synced);
  }

  /** Binds nodes until the term ends and what was in flight has been answered. */
  async run(term: Term): Promise<void> {
    const { signal } = term;
    let wake = () => {};
    const watch = <T extends object>(path: string, labelSelector?: string) =>
      this.#client.watch<T>(
        path,
        labelSelector,
        () => wake(),
        (error) => this.#log.warn({ path, err: error }, 'watch failed, reconnecting'),
        signal,
      );
    this.#watches = {
      nodes: watch<Node>('/api/v1/nodes'),
      slices: watch<AllocationSlice>(
        `/apis/${METAIPAM_API_VERSION}/namespaces/${this.#options.installNamespace}/allocationslices`,
        `${NETWORK_LABEL}=${DEFAULT_NETWORK}`,
      ),
      clusterCIDRs: watch<ClusterCIDR>(`/apis/${CLUSTER_CIDR_API_VERSION}/clustercidrs`),
    };
    const limiter = new RateLimiter(this.#options.qps, this.#clock);
    while (!signal.aborted) {
      const idle = new AbortController();
      wake = () => idle.abort();
      const startedAt = this.#clock.monotonic();
      if (this.synced) this.#step(term, limiter, () => wake());
      const busy = this.#clock.monotonic() - startedAt;
      await this.#clock.sleep(this.#idleTime(), AbortSignal.any([signal, idle.signal]));
      idle.abort();
      // Hooks are answered by this thread too: they get at least as much of it.
      await this.#clock.sleep(Math.max(GATHER, busy), signal);
    }
    this.#watches = undefined;
    await Promise.all(this.#inFlight.values());
    this.#written.clear();
    this.#refused.clear();
    this.#reported.clear();
    this.#metrics.clear();
  }

  /** Milliseconds until there may be something to do although nothing has changed. */
  #idleTime(): number {
    const now = this.#clock.monotonic();
    const retries = [...this.#refused.values()].map(({ until }) => until - now).filter((left) => left > 0);
    return Math.min(LOOK_EVERY, ...retries);
  }

  /** Looks at everything, and starts what is to be done. */
  #step(term: Term, limiter: RateLimiter, wake: () => void): void {
    const { nodes, slices, clusterCIDRs } = this.#watches!;
    const live = nodes.list();
    this.#forget(live);
    this.#metrics.observe(slices.list(), clusterCIDRs.list());
    const bindings = decideBindings(live, slices.list(), this.#written);
    for (const binding of bindings) {
      const { node, podCIDRs, refusal } = binding;
      if (refusal !== undefined) {
        const message = `Not assigning ${podCIDRs.join(', ')}: ${refusal}`;
        this.#report(node, { type: 'Warning', reason: 'CIDRAssignmentFailed', message }, term.signal);
        continue;
      }
      if (this.#inFlight.size >= this.#options.concurrency) break;
      const uid = node.metadata.uid ?? '';
      if ((this.#refused.get(uid)?.until ?? 0) > this.#clock.monotonic()) continue;
      this.#written.set(uid, podCIDRs);
      const done = this.#bind(binding, term, limiter).finally(() => {
        this.#inFlight.delete(uid);
        wake();
      });
      this.#inFlight.set(uid, done);
    }
    if (clusterCIDRs.list().length > 0) this.#reportWaiting(live, bindings, term.signal);
  }

  /** Drops what the watch has confirmed. */
  #forget(live: readonly Node[]): void {
    const unbound = new Set(
      live.filter(({ spec }) => !spec?.podCIDRs?.length).map(({ metadata }) => metadata.uid ?? ''),
    );
    for (const uid of this.#written.keys()) {
      if (!unbound.has(uid) && !this.#inFlight.has(uid)) this.#written.delete(uid);
    }
    for (const map of [this.#reported, this.#refused]) {
      for (const uid of map.keys()) if (!unbound.has(uid)) map.delete(uid);
    }
  }

  async #bind({ node, podCIDRs }: Binding, term: Term, limiter: RateLimiter): Promise<void> {
    const { name, uid = '' } = node.metadata;
    const { signal } = term;
    for (let wait = RETRY_AFTER; ; wait = Math.min(2 * wait, RETRY_AT_MOST)) {
      await limiter.take(signal);
      if (!term.holds()) return;
      const failure = await this.#client
        .patchPodCIDRs(node, podCIDRs, signal)
        .then(() => undefined, requestFailure);
      this.#metrics.countPatch(failure?.kind ?? 'done');
      if (failure === undefined) {
        const message = `Node ${name} was assigned ${podCIDRs.join(', ')}`;
        this.#report(node, { type: 'Normal', reason: 'CIDRAssigned', message }, signal);
        return;
      }
      this.#log.warn({ node: name, podCIDRs, outcome: failure.kind }, failure.message);
      if (failure.kind === 'rejected') {
        if (failure.status !== 404) {
          const message = `Assigning ${podCIDRs.join(', ')} failed: ${failure.message}`;
          this.#report(node, { type: 'Warning', reason: 'CIDRAssignmentFailed', message }, signal);
        }
        this.#written.delete(uid);
        const next = Math.min(2 * (this.#refused.get(uid)?.wait ?? RETRY_AFTER / 2), RETRY_AT_MOST);
        this.#refused.set(uid, { wait: next, until: this.#clock.monotonic() + next });
        return;
      }
      if (await this.#isSettled(node, signal)) return;
      await this.#clock.sleep(wait, signal);
    }
  }

  /** After a write of unknown outcome: whether the node needs no other, as the API server says itself. */
  async #isSettled(node: Node, signal: AbortSignal): Promise<boolean> {
    try {
      const current = await this.#client.readNode(node.metadata.name, signal);
      return current?.metadata.uid !== node.metadata.uid || Boolean(current?.spec?.podCIDRs?.length);
    } catch (error) {
      this.#log.debug({ node: node.metadata.name, err: error }, 'cannot read the node');
      return false;
    }
  }

  #reportWaiting(nodes: readonly Node[], bindings: readonly Binding[], signal: AbortSignal): void {
    const decided = new Set(bindings.map(({ node }) => node));
    for (const node of nodes) {
      const { name, uid = '', creationTimestamp, deletionTimestamp } = node.metadata;
      if (node.spec?.podCIDRs?.length || decided.has(node) || this.#written.has(uid)) continue;
      if (deletionTimestamp !== undefined) continue;
      if (secondsSince(creationTimestamp, this.#clock.now()) < PATIENCE) continue;
      const message = `Node ${name} status is now: CIDRNotAvailable`;
      this.#report(node, { type: 'Normal', reason: 'CIDRNotAvailable', message }, signal);
    }
  }

  #report(node: Node, event: NodeEvent, signal: AbortSignal): void {
    const { uid = '', name } = node.metadata;
    if (this.#reported.get(uid) === event.message) return;
    this.#reported.set(uid, event.message);
    this.#log.info({ node: name, reason: event.reason }, event.message);
    this.#client.createNodeEvent(node, event, signal).catch((error) => {
      this.#log.debug({ node: name, err: error }, 'cannot write an event');
    });
  }
}
