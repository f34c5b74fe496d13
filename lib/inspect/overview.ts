/** How full pools and pod networks are, and who waits for them: from the objects of a cluster, nothing else. */

import type { Range } from '../address/range.ts';
import { RangeSet } from '../address/range-set.ts';
import { lostPieces } from '../allocation/lost.ts';
import { withheldByMisnamed } from '../allocation/misnamed.ts';
import { extentOfSlice, keyOf } from '../allocation/slice.ts';
import type { KubernetesObject } from '../kubernetes/object.ts';
import { titleOf } from '../kubernetes/object.ts';
import type { IPAddressClaim } from '../kubernetes/types.ts';
import type { HookContext } from '../metacontroller/hook.ts';
import { overlapCondition, overlapsByPool, type PoolOverlap } from '../pool/overlap.ts';
import type { Pool } from '../pool/pool.ts';
import { isOurs, poolTitleOf } from '../pool/reference.ts';
import type { ReservationState } from '../pool/reservation.ts';
import { EXHAUSTED, poolConditions } from '../pool/status.ts';
import type { PoolView } from '../pool/view.ts';
import { type Inventory, readInventory } from './inventory.ts';
import { type NetworkOverview, networkOverviews } from './network-overview.ts';
import { accountsOf, type PoolAccount } from './pool-account.ts';
import { describeWaiting, isWaiting, type ObjectState, stateOf, type Waiting } from './state.ts';
import { type SubnetUsage, type Usage, usageOfPool, usageOfSubnets } from './usage.ts';

export interface Overview {
  /** Global ones first, then by namespace and name. */
  readonly pools: readonly PoolOverview[];
  /** By name: every PodNetwork, and what a ClusterCIDR names as its network although there is none. */
  readonly networks: readonly NetworkOverview[];
  /** Claims whose pool does not exist. */
  readonly waitingForNoPool: readonly Waiting[];
}

/** A range out of which nothing is given, and why. */
interface Withheld {
  readonly range: Range;
  readonly why: string;
}

export interface PoolOverview extends Usage {
  readonly pool: Pool;
  /** `InClusterIPPool default/pool-a`. */
  readonly title: string;
  readonly state: ObjectState;
  /** What its condition Exhausted says: none is free. */
  readonly isExhausted: boolean;
  readonly waiting: readonly Waiting[];
  readonly reservations: readonly ReservationState[];
  /** What is taken by no neighbour, but by slices that its pool cannot go by. */
  readonly withheld: readonly Withheld[];
  /** See `PoolPlan`. */
  readonly past: ReadonlySet<string>;
  /** Of a pool that lists several, in the order in which they are used. */
  readonly subnets: readonly SubnetUsage[];
  /** See `PoolPlan`. */
  readonly overQuota: ReadonlyMap<string, number>;
}

/**
 * The overview of the objects, of which some may be missing or broken: what cannot be read counts as nothing.
 *
 * Counts and states are those that the hooks would write now. `context.now` decides what is still held for a grace
 * period.
 */
export function overviewOf(objects: Iterable<KubernetesObject>, context: HookContext): Overview {
  return overviewOfInventory(readInventory(objects), context);
}

export function overviewOfInventory(inventory: Inventory, context: HookContext): Overview {
  const waiting = Map.groupBy(
    inventory.claims.filter((claim) => isOurs(claim) && isWaiting(claim)),
    poolTitleOf,
  );
  const overlaps = overlapsByPool(inventory.pools, context.config.installNamespace);
  const pools = accountsOf(inventory, context).map((account) =>
    poolOverview(account, waiting.get(titleOf(account.pool)) ?? [], overlaps.get(account.pool)),
  );
  for (const { title } of pools) waiting.delete(title);
  return {
    pools,
    networks: networkOverviews(inventory, context),
    waitingForNoPool: [...waiting.values()]
      .flat()
      .map((claim) => describeWaiting(claim, undefined, `there is no ${poolTitleOf(claim)}`)),
  };
}

function poolOverview(
  { pool, view, plan }: PoolAccount,
  claims: readonly IPAddressClaim[],
  overlaps: readonly PoolOverlap[] | undefined,
): PoolOverview {
  const overlapping = overlapCondition(pool, overlaps);
  const conditions = [...poolConditions(view, plan), ...(overlapping === undefined ? [] : [overlapping])];
  const { total, used, free, outOfRange } = plan.counts;
  const listed = [...plan.slices.kept, ...plan.slices.added];
  const adopted = listed
    .filter(({ block, entry }) => entry.adopted === true && !plan.past.has(keyOf(block)))
    .map(({ block }) => block);
  const usage = usageOfPool(pool, { ...plan, adopted: RangeSet.of(adopted) });
  return {
    pool,
    title: titleOf(pool),
    state: stateOf(pool, conditions),
    isExhausted: conditions.some(({ type, status }) => type === EXHAUSTED && status === 'True'),
    waiting: claims.map((claim) => describeWaiting(claim, plan.slices.answers)),
    reservations: plan.reservations,
    withheld: withheldOf(view),
    past: plan.past,
    subnets: usageOfSubnets(pool, usage.space),
    overQuota: plan.overQuota,
    ...usage,
    total,
    used,
    free,
    outOfRange,
  };
}

function withheldOf({ lost, misnamed, leftovers }: PoolView): Withheld[] {
  return [
    ...lost.flatMap((name) =>
      lostPieces([name]).map((range) => ({
        range,
        why: `AllocationSlice ${name} is missing, and nobody knows what it listed: a running metaipam makes it again`,
      })),
    ),
    ...withheldByMisnamed(misnamed).map(({ block, by }) => ({
      range: block,
      why: `AllocationSlice ${by}, which does not have the name of its piece, lists it: delete it`,
    })),
    ...leftovers.flatMap((slice) => {
      const range = extentOfSlice(slice);
      const { name } = slice.metadata;
      return range === undefined
        ? []
        : [{ range, why: `AllocationSlice ${name} is of an earlier pool of this name: delete it` }];
    }),
  ];
}
