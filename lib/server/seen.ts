/** What the hooks have seen last of each pool and pod network, for the page. */
import { compareText, type KubernetesObject, qualifiedName } from '../kubernetes/object.ts';
import type { IPAddressClaim } from '../kubernetes/types.ts';
import type {
  CompositeRequest,
  CompositeResponse,
  DecoratorRequest,
  DecoratorResponse,
  HookConfig,
  HookContext,
} from '../metacontroller/hook.ts';
import { poolPath } from '../page/query.ts';
import type { Entry, Pictures, WaitingForNoPool } from '../page/render.ts';
import { type SeenClaim, seeClaim } from '../page/seen-claim.ts';
import { type NetworkPicture, pictureNetwork, type SeenNetwork, seeNetwork } from '../page/seen-network.ts';
import {
  drawStrip,
  groupWaiting,
  type PoolPicture,
  picturePool,
  type SeenPool,
  seePool,
} from '../page/seen-pool.ts';
import { POOL_CONTROLLERS } from '../pool/kinds.ts';
import { PictureCache } from './picture-cache.ts';
import type { HookName } from './request.ts';

/** Four times the half hour in which Metacontroller syncs everything again: what is silent for so long is gone. */
const EXPIRY = 2 * 60 * 60_000;
/** Of each kind; the ones that were not seen for longest give way. */
const MOST = 10_000;
/** Pictures that are kept: ten pages of the list, some pools, the networks. */
const STRIPS = 500;
const POOL_PICTURES = 16;
const NETWORK_PICTURES = 20;

/** Why a claim is not open to its pool. */
const HELD_UP: readonly string[] = ['Paused', 'ClusterNotFound'];

/** Memory is bounded by the number of parents, and by the addresses they have in use: about 20 bytes each. */
export class SeenParents {
  readonly #pools = new Map<string, Entry<SeenPool>>();
  readonly #networks = new Map<string, Entry<SeenNetwork>>();
  /** Claims that wait, by name: of interest as long as their pool does not see them. */
  readonly #claims = new Map<string, { readonly claim: SeenClaim; readonly at: number }>();
  readonly #strips: PictureCache<SeenPool, string>;
  readonly #poolPictures: PictureCache<SeenPool, PoolPicture>;
  readonly #networkPictures: PictureCache<SeenNetwork, NetworkPicture>;
  readonly #config: HookConfig;
  readonly #now: () => number;
  readonly #elapsed: () => number;

  constructor(
    config: HookConfig,
    now: () => number = Date.now,
    elapsed: () => number = () => performance.now(),
  ) {
    this.#config = config;
    this.#now = now;
    this.#elapsed = elapsed;
    this.#strips = new PictureCache(STRIPS, elapsed);
    this.#poolPictures = new PictureCache(POOL_PICTURES, elapsed);
    this.#networkPictures = new PictureCache(NETWORK_PICTURES, elapsed);
  }

  /** Takes what the page shows from a sync or finalize that was answered. */
  record(controller: string, hook: HookName, request: unknown, response: unknown): void {
    if (hook === 'customize') return;
    if (controller === 'claims') this.#recordClaim(request as never, response as never);
    const isNetwork = controller === 'pod-networks';
    if (!isNetwork && !POOL_CONTROLLERS.includes(controller)) return;
    const { parent } = request as { parent: KubernetesObject };
    const key = `${parent.kind}/${qualifiedName(parent.metadata)}`;
    if ((response as CompositeResponse).finalized === true) {
      (isNetwork ? this.#networks : this.#pools).delete(key);
    } else if (isNetwork) {
      keep(
        this.#networks,
        key,
        this.#now(),
        seeNetwork(request as CompositeRequest<never>, response as CompositeResponse),
      );
    } else {
      keep(
        this.#pools,
        key,
        this.#now(),
        seePool(request as CompositeRequest<never>, response as CompositeResponse, this.#config),
      );
    }
  }

  #recordClaim(request: DecoratorRequest<IPAddressClaim>, response: DecoratorResponse): void {
    const name = qualifiedName(request.object.metadata);
    const claim = response.finalized === undefined ? seeClaim(request, response) : undefined;
    this.#claims.delete(name);
    if (claim === undefined) return;
    this.#claims.set(name, { claim, at: this.#now() });
    dropOldest(this.#claims);
  }

  /** By name. */
  pools(): Entry<SeenPool>[] {
    return listed(this.#pools, this.#now());
  }

  /** By name. */
  networks(): Entry<SeenNetwork>[] {
    return listed(this.#networks, this.#now());
  }

  pool(path: string): Entry<SeenPool> | undefined {
    return fresh(this.#pools.get(path), this.#now());
  }

  network(name: string): Entry<SeenNetwork> | undefined {
    return fresh(this.#networks.get(`PodNetwork/${name}`), this.#now());
  }

  /** Claims that no pool sees, as if it had said why: it was not seen itself, or they are not open to it. */
  waitingForNoPool(): WaitingForNoPool[] {
    const now = this.#now();
    const lost = [...this.#claims.values()].filter(
      ({ claim, at }) =>
        now - at <= EXPIRY && (HELD_UP.includes(claim.reason) || !this.#pools.has(claim.pool)),
    );
    const byPool = Map.groupBy(lost, ({ claim }) => claim.pool);
    return [...byPool].map(([pool, claims]) => ({
      pool,
      groups: groupWaiting(claims.map(({ claim }) => claim)),
    }));
  }

  /** What draws for one visitor: for `budget` milliseconds, after that only what was drawn before. */
  painter(budget: number, context: HookContext): Pictures {
    const deadline = this.#elapsed() + budget;
    return {
      strip: ({ seen }) => this.#strips.get(poolPath(seen), seen, deadline, drawStrip),
      pool: ({ seen }) => this.#poolPictures.get(poolPath(seen), seen, deadline, picturePool),
      network: ({ seen }) =>
        this.#networkPictures.get(seen.network.metadata.name, seen, deadline, (network) =>
          pictureNetwork(network, context),
        ),
    };
  }
}

/** The newest last. */
function keep<T>(parents: Map<string, Entry<T>>, key: string, at: number, seen: T): void {
  parents.delete(key);
  parents.set(key, { seen, at });
  dropOldest(parents);
}

function dropOldest(map: Map<string, unknown>): void {
  const [oldest] = map.keys();
  if (map.size > MOST && oldest !== undefined) map.delete(oldest);
}

function fresh<T>(parent: Entry<T> | undefined, now: number): Entry<T> | undefined {
  return parent !== undefined && now - parent.at <= EXPIRY ? parent : undefined;
}

function listed<T>(parents: Map<string, Entry<T>>, now: number): Entry<T>[] {
  for (const [key, { at }] of parents) {
    if (now - at <= EXPIRY) break;
    parents.delete(key);
  }
  return [...parents].sort(([a], [b]) => compareText(a, b)).map(([, parent]) => parent);
}
