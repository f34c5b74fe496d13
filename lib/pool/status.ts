import { listedSlices, slicesMissing } from '../allocation/lost.ts';
import { slicesMisnamed } from '../allocation/misnamed.ts';
import { exactInteger } from '../json.ts';
import { type Condition, setCondition } from '../kubernetes/conditions.ts';
import { qualifiedName } from '../kubernetes/object.ts';
import { poolKind, type Unit } from '../kubernetes/pool-kinds.ts';
import { listSome } from '../text.ts';
import { type PoolPlan, summarize } from './plan.ts';
import { conflictsOf } from './reservation.ts';
import type { PoolView } from './view.ts';

/** The condition of a pool of which nothing is free. */
export const EXHAUSTED = 'Exhausted';
/** The condition of a pool with reservations that says which of them do not hold. */
export const RESERVATION_CONFLICT = 'ReservationConflict';
const MAX_INT64 = 2n ** 63n - 1n;

/** The pool's status. Metacontroller adds observedGeneration. */
export function poolStatus(view: PoolView, plan: PoolPlan, now: number): object {
  const { pool, slices, lost } = view;
  const { total, used, free, outOfRange, released, pending } = plan.counts;
  const conditions = poolConditions(view, plan).reduce(
    (previous, condition) => setCondition(previous, condition, now),
    [...(pool.status?.conditions ?? [])],
  );
  return {
    ipAddresses: {
      total: exactInteger(cap(total)),
      used: exactInteger(cap(used)),
      free: exactInteger(cap(free)),
      outOfRange: exactInteger(cap(outOfRange)),
      ...(released > 0n && { released: exactInteger(released) }),
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

/** What there is to say of a pool, to whoever asks. */
export function poolConditions(
  { pool, lost, misnamed }: Pick<PoolView, 'pool' | 'lost' | 'misnamed'>,
  plan: PoolPlan,
): Omit<Condition, 'lastTransitionTime'>[] {
  const { standstill, counts } = plan;
  const { unit } = poolKind(pool.kind);
  const isKept = plan.reservations.some(({ holder, conflict }) => (holder ?? conflict) === undefined);
  const said = pool.status?.conditions?.some(({ type }) => type === RESERVATION_CONFLICT) ?? false;
  return [
    standstill === undefined
      ? { type: 'Ready', status: 'True', reason: 'PoolReady', message: '' }
      : { type: 'Ready', status: 'False', reason: standstill.reason, message: standstill.message },
    exhaustion(unit, counts, standstill, isKept),
    counts.outOfRange > 0n
      ? {
          type: 'OutOfRange',
          status: 'True',
          ...unit.outside,
          message: describeOutside(plan, unit),
        }
      : { type: 'OutOfRange', status: 'False', reason: 'AllInPool', message: '' },
    slicesMissing(lost),
    ...slicesMisnamed(misnamed, pool.status?.conditions),
    ...(said || plan.reservations.length > 0 ? [reservationConflict(plan)] : []),
  ];
}

function reservationConflict({ reservations }: PoolPlan): Omit<Condition, 'lastTransitionTime'> {
  const conflicts = conflictsOf(reservations);
  return conflicts.length === 0
    ? { type: RESERVATION_CONFLICT, status: 'False', reason: 'NoConflict', message: '' }
    : {
        type: RESERVATION_CONFLICT,
        status: 'True',
        reason: 'ReservationsUnmet',
        message: listSome(conflicts),
      };
}

function describeOutside({ outOfRange, blockLength, unreadable }: PoolPlan, { one }: Unit): string {
  const names = unreadable.map(({ metadata }) => qualifiedName(metadata));
  return [
    outOfRange.isEmpty ? '' : `in use but no longer part of the pool: ${summarize(outOfRange, blockLength)}`,
    names.length === 0 ? '' : `IPAddresses that say no ${one}: ${listSome(names)}`,
  ]
    .filter(Boolean)
    .join('; ');
}

function exhaustion(
  { one, someFree, noneFree, none }: Unit,
  { total, free }: PoolPlan['counts'],
  standstill: PoolPlan['standstill'],
  isKept: boolean,
): Omit<Condition, 'lastTransitionTime'> {
  const type = EXHAUSTED;
  const taken = isKept ? 'in use or reserved' : 'in use';
  if (free > 0n) return { type, status: 'False', ...someFree, message: '' };
  if (total > 0n) return { type, status: 'True', ...noneFree, message: `every ${one} is ${taken}` };
  return standstill?.reason === 'InvalidSpec'
    ? { type, status: 'Unknown', reason: 'InvalidSpec', message: 'nobody can tell what the pool has' }
    : { type, status: 'True', ...none, message: `the pool has no ${one} to give out` };
}
