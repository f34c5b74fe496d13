import type { FastifyBaseLogger } from 'fastify';
import { Counter, type Registry } from 'prom-client';
import type { Clock } from '../cluster/clock.ts';
import { type ClusterClient, requestFailure, type Watched } from '../cluster/cluster-client.ts';
import type { Term } from '../cluster/lease.ts';
import { METAIPAM_API_VERSION, POOL_API_VERSION } from '../kubernetes/names.ts';
import { POOL_KINDS } from '../kubernetes/pool-kinds.ts';
import type {
  AllocationSlice,
  IPAddress,
  IPAddressClaim,
  PodCIDRClaim,
  PodNetwork,
} from '../kubernetes/types.ts';
import { ipamApiVersion } from '../metacontroller/api-version.ts';
import type { HookConfig } from '../metacontroller/hook.ts';
import type { Pool } from '../pool/pool.ts';
import { poolDeeds } from './decide.ts';
import type { Deed } from './deed.ts';
import { networkDeeds } from './network-deeds.ts';
import { overlapDeeds } from './overlap-deeds.ts';
import { type DeedClient, isStillDue, perform } from './perform.ts';

export type JanitorClient = DeedClient & Pick<ClusterClient, 'watch'>;

/** Changes are gathered for this long, in milliseconds, before they are looked at together. */
const GATHER_MS = 1_000;
/** How often to look although nothing has changed: time alone decides, too. */
const LOOK_EVERY_MS = 10_000;
/** Deciding takes at most one part in so many of this thread, which answers hooks as well. */
const SHARE = 10;

interface Caches {
  readonly claims: Watched<IPAddressClaim>;
  readonly addresses: Watched<IPAddress>;
  readonly slices: Watched<AllocationSlice>;
  /** Of each kind. */
  readonly pools: readonly Watched<Pool>[];
  readonly networks: Watched<PodNetwork>;
  readonly podCIDRClaims: Watched<PodCIDRClaim>;
}

/** Tidies up what Metacontroller leaves, while it leads: see `poolDeeds` and `networkDeeds`. */
export class Janitor {
  readonly #client: JanitorClient;
  readonly #config: HookConfig;
  readonly #log: FastifyBaseLogger;
  readonly #clock: Clock;
  readonly #deeds: Counter<'verb' | 'outcome'>;

  constructor(
    client: JanitorClient,
    config: HookConfig,
    registry: Registry,
    log: FastifyBaseLogger,
    clock: Clock,
  ) {
    this.#client = client;
    this.#config = config;
    this.#log = log;
    this.#clock = clock;
    this.#deeds = new Counter({
      name: 'metaipam_janitor_deeds_total',
      help: 'What was freed, restored or tidied up because nobody else could: by the verb of the request, and whether it was done, overtaken by another write, or failed.',
      labelNames: ['verb', 'outcome'],
      registers: [registry],
    });
  }

  /** Works until the term ends. */
  async run(term: Term): Promise<void> {
    const { signal } = term;
    let wake = () => {};
    const caches = this.#watch(signal, () => wake());
    while (!signal.aborted) {
      const idle = new AbortController();
      wake = () => idle.abort();
      const startedAt = this.#clock.monotonic();
      const deeds = this.#decide(caches);
      const busy = this.#clock.monotonic() - startedAt;
      await this.#perform(deeds, term);
      await this.#clock.sleep(LOOK_EVERY_MS, AbortSignal.any([signal, idle.signal]));
      idle.abort();
      await this.#clock.sleep(Math.max(GATHER_MS, SHARE * busy), signal);
    }
  }

  #watch(signal: AbortSignal, wake: () => void): Caches {
    const watch = <T extends object>(apiVersion: string, resource: string) => {
      const path = `/apis/${apiVersion}/${resource}`;
      const report = (error: unknown) => this.#log.debug({ path, err: error }, 'watch failed, reconnecting');
      return this.#client.watch<T>(path, undefined, wake, report, signal);
    };
    const capi = ipamApiVersion(this.#config);
    return {
      claims: watch<IPAddressClaim>(capi, 'ipaddressclaims'),
      addresses: watch<IPAddress>(capi, 'ipaddresses'),
      slices: watch<AllocationSlice>(METAIPAM_API_VERSION, 'allocationslices'),
      pools: Object.values(POOL_KINDS).map(({ resource }) => watch<Pool>(POOL_API_VERSION, resource)),
      networks: watch<PodNetwork>(METAIPAM_API_VERSION, 'podnetworks'),
      podCIDRClaims: watch<PodCIDRClaim>(METAIPAM_API_VERSION, 'podcidrclaims'),
    };
  }

  async #perform(deeds: readonly Deed[], term: Term): Promise<void> {
    for (const deed of deeds) {
      if (!term.holds()) return;
      try {
        if (!(await isStillDue(deed, this.#client, term.signal))) continue;
        if (!term.holds()) return;
        await perform(deed, this.#client, term.signal);
        this.#deeds.inc({ verb: deed.act.verb, outcome: 'done' });
        this.#log.info({ verb: deed.act.verb }, deed.why);
      } catch (error) {
        if (term.signal.aborted) return;
        const failure = requestFailure(error);
        const isOvertaken = failure.kind === 'rejected' && [404, 409].includes(failure.status);
        this.#deeds.inc({ verb: deed.act.verb, outcome: isOvertaken ? 'overtaken' : 'failed' });
        const level = isOvertaken ? 'debug' : 'warn';
        this.#log[level]({ verb: deed.act.verb, reason: failure.message }, `not done: ${deed.why}`);
      }
    }
  }

  /** Without Cluster API, or without its kinds, only networks are looked after. */
  #decide({ claims, addresses, slices, pools, networks, podCIDRClaims }: Caches): Deed[] {
    const seesPools = [claims, addresses, slices, ...pools].every(({ synced }) => synced);
    const seesNetworks = [slices, networks, podCIDRClaims].every(({ synced }) => synced);
    const ofPools = {
      claims: claims.list(),
      addresses: addresses.list(),
      slices: slices.list(),
      pools: pools.flatMap((watched) => watched.list()),
    };
    const ofNetworks = {
      slices: slices.list(),
      networks: networks.list(),
      podCIDRClaims: podCIDRClaims.list(),
    };
    const context = { now: this.#clock.now(), config: this.#config };
    return [
      ...(seesPools ? [...poolDeeds(ofPools, context), ...overlapDeeds(ofPools.pools, context)] : []),
      ...(seesNetworks ? networkDeeds(ofNetworks) : []),
    ];
  }
}
