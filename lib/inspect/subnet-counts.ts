/** How each of several subnets of a pool is used. */
import { formatPrefix, prefixOf } from '../address/range.ts';
import { RangeSet } from '../address/range-set.ts';
import type { CompositeRequest, HookContext } from '../metacontroller/hook.ts';
import { planPool } from '../pool/plan.ts';
import { type Pool, readPool } from '../pool/pool.ts';
import type { PoolSpec } from '../pool/spec.ts';
import { standstillOf } from '../pool/standstill.ts';
import { readPoolRequest } from '../pool/view.ts';
import { usageOfPool, usageOfSubnets } from './usage.ts';

/** `total`, `used` and `free` of the pool, as far as they lie in a subnet of it. */
export interface SubnetCounts {
  /** Of host routes the first. */
  readonly cidr: string;
  readonly total: bigint;
  readonly used: bigint;
  readonly free: bigint;
}

/**
 * The counts of each subnet after the sync that this request asks for, in the order of the spec, those of one CIDR
 * together. None of a pool of one subnet, or of one that cannot be read.
 */
export function subnetCounts(request: CompositeRequest<Pool>, context: HookContext): SubnetCounts[] {
  const { subnets = [] } = (request.parent.spec ?? {}) as PoolSpec;
  const { ranges } = subnets.length < 2 ? {} : readPool(request.parent);
  if (ranges === undefined) return [];
  const view = readPoolRequest(request, context.config);
  const plan = planPool(view, ranges, standstillOf(view.pool), context);
  const { space } = usageOfPool(view.pool, { ...plan, adopted: RangeSet.EMPTY });
  const counts = new Map<string, SubnetCounts>();
  for (const { listed, prefix, total, used, free } of usageOfSubnets(view.pool, space)) {
    const [lowest] = listed.ranges;
    if (lowest === undefined) continue;
    const cidr = formatPrefix(prefixOf({ family: lowest.family, value: lowest.first }, prefix));
    const before = counts.get(cidr) ?? { total: 0n, used: 0n, free: 0n };
    counts.set(cidr, {
      cidr,
      total: before.total + total,
      used: before.used + used,
      free: before.free + free,
    });
  }
  return [...counts.values()];
}
