/** What the hooks have seen last of each pool and pod network, for the page. */
import { compareText, type KubernetesObject, qualifiedName } from '../kubernetes/object.ts';
import type { IPAddressClaim } from '../kubernetes/types.ts';
import type {
  CompositeRequest,
  CompositeResponse,
  DecoratorRequest,
  DecoratorResponse,
  HookContext,
} from '../metacontroller/hook.ts';
import type { Usage } from '../overview/overview.ts';
import type { WaitingForNoPool } from '../page/render.ts';
import { type SeenClaim, seeClaim } from '../page/seen-claim.ts';
import { type NetworkPicture, pictureNetwork, type SeenNetwork, seeNetwork } from '../page/seen-network.ts';
import { groupWaiting, picturePool, type SeenPool, seePool } from '../page/seen-pool.ts';
import type { HookName } from './request.ts';

/** Four times the half hour in which Metacontroller syncs everything again: what is silent for so long is gone. */
const EXPIRY = 2 * 60 * 60_000;
/** Of each kind; the ones that were not seen for longest give way. */
const MOST = 10_000;
/** A picture that took a millisecond to make is not made again for so many. */
const PATIENCE = 50;

interface Picture<P> {
  readonly value: P;
  readonly milliseconds: number;
  /** By the monotonic clock. */
  readonly madeAt: number;
  readonly isOf: object;
}

interface Parent<T, P> {
  readonly seen: T;
  /** Milliseconds since the epoch. */
  readonly at: number;
  picture?: Picture<P> | undefined;
}

export type PoolParent = Parent<SeenPool, Usage>;
export type NetworkParent = Parent<SeenNetwork, NetworkPicture>;

/** Memory is bounded by the number of parents and the addresses they have in use: about 20 bytes each. */
export class SeenParents {
  readonly #pools = new Map<string, PoolParent>();
  readonly #networks = new Map<string, NetworkParent>();
  /** Claims that wait, by name: of interest as long as their pool was not seen. */
  readonly #claims = new Map<string, { readonly claim: SeenClaim; readonly at: number }>();
  readonly #now: () => number;
  readonly #elapsed: () => number;

  constructor(now: () => number = Date.now, elapsed: () => number = () => performance.now()) {
    this.#now = now;
    this.#elapsed = elapsed;
  }

  /** Takes what the page shows from a sync or finalize that was answered. */
  record(controller: string, hook: HookName, request: unknown, response: unknown): void {
    if (hook === 'customize') return;
    if (controller === 'claims') this.#recordClaim(request as never, response as never);
    const isNetwork = controller === 'pod-networks';
    if (!isNetwork && controller !== 'pools' && controller !== 'global-pools') return;
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
        seePool(request as CompositeRequest<never>, response as CompositeResponse),
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
  pools(): PoolParent[] {
    return listed(this.#pools, this.#now());
  }

  /** By name. */
  networks(): NetworkParent[] {
    return listed(this.#networks, this.#now());
  }

  pool(path: string): PoolParent | undefined {
    return fresh(this.#pools.get(path), this.#now());
  }

  network(name: string): NetworkParent | undefined {
    return fresh(this.#networks.get(`PodNetwork/${name}`), this.#now());
  }

  /** Claims that wait for pools that were not seen, as if those had said it. */
  waitingForNoPool(): WaitingForNoPool[] {
    const now = this.#now();
    const lost = [...this.#claims.values()].filter(
      ({ claim, at }) => now - at <= EXPIRY && !this.#pools.has(claim.pool),
    );
    const byPool = Map.groupBy(lost, ({ claim }) => claim.pool);
    return [...byPool].map(([pool, claims]) => ({
      pool,
      groups: groupWaiting(claims.map(({ claim }) => claim)),
    }));
  }

  /**
   * What makes pictures for one visitor: for `budget` milliseconds, after that only those that are there. A picture
   * that is dear to make is shown for a while after its pool has changed, so that drawing never takes more than a
   * fiftieth of the time that hooks could have.
   */
  painter(budget: number, context: HookContext) {
    const deadline = this.#elapsed() + budget;
    const paint = <T extends object, P>(parent: Parent<T, P>, make: (seen: T) => P): P | undefined => {
      const { picture } = parent;
      const startedAt = this.#elapsed();
      if (picture !== undefined) {
        const isYoung = startedAt - picture.madeAt < PATIENCE * picture.milliseconds;
        if (picture.isOf === parent.seen || isYoung) return picture.value;
      }
      if (startedAt >= deadline) return picture?.value;
      const value = make(parent.seen);
      const madeAt = this.#elapsed();
      parent.picture = { value, milliseconds: madeAt - startedAt, madeAt, isOf: parent.seen };
      return value;
    };
    return {
      pool: (parent: PoolParent) => paint(parent, picturePool),
      network: (parent: NetworkParent) => paint(parent, (seen) => pictureNetwork(seen, context)),
    };
  }
}

/** The newest last. */
function keep<T, P>(parents: Map<string, Parent<T, P>>, key: string, at: number, seen: T): void {
  const picture = parents.get(key)?.picture;
  parents.delete(key);
  parents.set(key, { seen, at, picture });
  dropOldest(parents);
}

function dropOldest(map: Map<string, unknown>): void {
  const [oldest] = map.keys();
  if (map.size > MOST && oldest !== undefined) map.delete(oldest);
}

function fresh<T, P>(parent: Parent<T, P> | undefined, now: number): Parent<T, P> | undefined {
  return parent !== undefined && now - parent.at <= EXPIRY ? parent : undefined;
}

function listed<T, P>(parents: Map<string, Parent<T, P>>, now: number): Parent<T, P>[] {
  for (const [key, { at }] of parents) {
    if (now - at <= EXPIRY) break;
    parents.delete(key);
  }
  return [...parents].sort(([a], [b]) => compareText(a, b)).map(([, parent]) => parent);
}
