import { listedSlices, slicesMissing } from '../allocation/lost.ts';
import { exactInteger } from '../json.ts';
import { type Condition, setCondition } from '../kubernetes/conditions.ts';
import { type PoolPlan, summarize } from './plan.ts';
import type { PoolView } from './view.ts';

const MAX_INT64 = 2n ** 63n - 1n;

/** The pool's status. Metacontroller adds observedGeneration. */
export function poolStatus({ pool, slices, lost }: PoolView, plan: PoolPlan, now: number): object {
  const { total, used, free, outOfRange, pending } = plan.counts;
  const conditions = [...poolConditions(plan), slicesMissing(lost)].reduce(
    (previous, condition) => setCondition(previous, condition, now),
    [...(pool.status?.conditions ?? [])],
  );
  return {
    ipAddresses: {
      total: exactInteger(cap(total)),
      used: exactInteger(cap(used)),
      free: exactInteger(cap(free)),
      outOfRange: exactInteger(cap(outOfRange)),
      pending,
    },
    slices: listedSlices(slices, lost),
    conditions,
  };
}

/** Counts are int64 in the API. */
function cap(count: bigint): bigint {
  return count > MAX_INT64 ? MAX_INT64 : count;
}

function poolConditions({
  standstill,
  counts,
  outOfRange,
}: PoolPlan): Omit<Condition, 'lastTransitionTime'>[] {
  const exhausted = counts.free === 0n && counts.total > 0n;
  return [
    standstill === undefined
      ? { type: 'Ready', status: 'True', reason: 'PoolReady', message: '' }
      : { type: 'Ready', status: 'False', reason: standstill.reason, message: standstill.message },
    exhausted
      ? { type: 'Exhausted', status: 'True', reason: 'NoFreeAddress', message: 'every address is in use' }
      : { type: 'Exhausted', status: 'False', reason: 'AddressesFree', message: '' },
    counts.outOfRange > 0n
      ? {
          type: 'OutOfRange',
          status: 'True',
          reason: 'AddressesOutsidePool',
          message: `in use but no longer part of the pool: ${summarize(outOfRange)}`,
        }
      : { type: 'OutOfRange', status: 'False', reason: 'AllInPool', message: '' },
  ];
}
