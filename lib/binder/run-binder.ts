import type { FastifyBaseLogger } from 'fastify';
import type { Registry } from 'prom-client';
import { systemClock } from '../cluster/clock.ts';
import type { ClusterClient } from '../cluster/cluster-client.ts';
import { LeaderElection, type LeaseOptions, type Term } from '../cluster/lease.ts';
import { Janitor } from '../janitor/janitor.ts';
import type { HookConfig } from '../metacontroller/hook.ts';
import { Binder, type BinderOptions } from './binder.ts';
import { BinderMetrics } from './binder-metrics.ts';
import { takeOffSurplusLabels } from './surplus-labels.ts';

export interface ElectionOptions extends LeaseOptions {
  readonly namespace: string;
  readonly resourceName: string;
}

export interface RunningBinder {
  /**
   * Why this process is not ready, as far as binding goes; undefined if it is. An API server that cannot be
   * reached is no reason: hooks are served without it.
   */
  unready(): string | undefined;
  /** Ends the term, waits for running writes and releases the lease. */
  stop(): Promise<void>;
}

/**
 * Binds nodes and tidies up in the background: whenever this process holds the lease, or always without an election.
 * A process that loses the lease stops writing and stands for election again.
 */
export function runBinder(
  client: ClusterClient,
  options: BinderOptions,
  config: HookConfig,
  election: ElectionOptions | undefined,
  registry: Registry,
  log: FastifyBaseLogger,
): RunningBinder {
  const metrics = new BinderMetrics(registry);
  const binder = new Binder(client, options, metrics, log, systemClock);
  const janitor = new Janitor(client, config, registry, log, systemClock);
  const stopping = new AbortController();
  let leading = false;
  const lead = async (term: Term) => {
    metrics.setLeader(true);
    log.info('binding nodes');
    leading = true;
    const work = [binder.run(term), janitor.run(term)];
    if (options.keepFromMove) work.push(takeOffSurplusLabels(client, log, systemClock, term));
    await Promise.all(work).finally(() => {
      leading = false;
      metrics.setLeader(false);
    });
  };
  metrics.setLeader(false);

  let failed = false;
  const running = (
    election === undefined
      ? lead({ signal: stopping.signal, holds: () => !stopping.signal.aborted })
      : standForElection(client, election, lead, stopping.signal, log)
  ).catch((error) => {
    failed = true;
    log.fatal(
      { err: error },
      'the binder has failed: no more nodes are bound until this process is restarted',
    );
  });
  return {
    unready() {
      if (failed) return 'the binder has failed';
      return leading && !binder.synced ? 'the caches of nodes and allocations are filling' : undefined;
    },
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

async function standForElection(
  client: ClusterClient,
  options: ElectionOptions,
  lead: (term: Term) => Promise<void>,
  signal: AbortSignal,
  log: FastifyBaseLogger,
): Promise<void> {
  const { namespace, resourceName, identity } = options;
  const lease = `${namespace}/${resourceName}`;
  const store = client.lease(namespace, resourceName);
  const election = new LeaderElection(store, options, systemClock, (error) =>
    log.warn({ lease, err: error }, 'leader election'),
  );
  log.info({ lease, identity }, 'standing for election');
  while (!signal.aborted) {
    const outcome = await election.run(lead, signal);
    if (outcome === 'lost') log.warn({ lease, holder: election.holder }, 'lost the lease');
  }
}
