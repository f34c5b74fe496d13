/** Says of pools that they overlap others, which none of their hooks can see without a look at all pools each time. */

import { setCondition } from '../kubernetes/conditions.ts';
import { POOL_API_VERSION } from '../kubernetes/names.ts';
import { titleOf } from '../kubernetes/object.ts';
import { poolKind } from '../kubernetes/pool-kinds.ts';
import type { HookContext } from '../metacontroller/hook.ts';
import { OVERLAPPING, overlapCondition, overlapsByPool } from '../pool/overlap.ts';
import type { Pool } from '../pool/pool.ts';
import type { Deed } from './deed.ts';

/** Hooks leave the condition as it is. One that a stale view of a hook has taken away is said again. */
export function* overlapDeeds(pools: readonly Pool[], { now, config }: HookContext): Generator<Deed> {
  const overlaps = overlapsByPool(pools, config.installNamespace);
  for (const pool of pools) {
    const { kind, metadata, status } = pool;
    const { namespace, name, resourceVersion } = metadata;
    // A pool whose hook has not looked at it has no status to add to.
    if (status?.conditions === undefined || metadata.deletionTimestamp !== undefined) continue;
    const condition = overlapCondition(pool, overlaps.get(pool));
    if (condition === undefined) continue;
    const conditions = setCondition(status.conditions, condition, now);
    const find = (all: readonly { readonly type: string }[]) => all.find(({ type }) => type === OVERLAPPING);
    if (JSON.stringify(find(conditions)) === JSON.stringify(find(status.conditions))) continue;
    yield {
      why: `${titleOf(pool)}: ${condition.message || condition.reason}`,
      checks: [],
      act: {
        verb: 'patch',
        path: {
          apiVersion: POOL_API_VERSION,
          resource: poolKind(kind).resource,
          ...(namespace !== undefined && { namespace }),
          name,
        },
        patch: { metadata: { resourceVersion: resourceVersion ?? '' }, status: { conditions } },
      },
    };
  }
}
