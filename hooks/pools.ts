/** A pool of any kind → the AllocationSlices that list who has which of its addresses or prefixes. */
import { askAgainIn, secondsUntilAllIsSeen } from '../lib/allocation/hold.ts';
import { LOOKS_AGAIN_SECONDS } from '../lib/allocation/look-again.ts';
import { allocationsOf, desiredSlices, slicesAskAgainIn } from '../lib/allocation/slice.ts';
import type {
  CompositeRequest,
  CompositeResponse,
  CustomizeRequest,
  CustomizeResponse,
  HookContext,
  ParentType,
} from '../lib/metacontroller/hook.ts';
import { planPool } from '../lib/pool/plan.ts';
import { type Pool, readPool, sliceHead } from '../lib/pool/pool.ts';
import { standstillOf } from '../lib/pool/standstill.ts';
import { poolStatus } from '../lib/pool/status.ts';
import { type PoolView, poolParent, poolRelated, readPoolRequest } from '../lib/pool/view.ts';

/** What a pool that is being deleted tells itself: once it hears that, all that it wrote before is in view too. */
const LAST_WORD = 'Deleting';

export const parent: ParentType = poolParent('InClusterIPPool');

export function customize({ parent }: CustomizeRequest<Pool>, { config }: HookContext): CustomizeResponse {
  return poolRelated(parent, config);
}

/** Serves all claims of the pool at once. */
export function sync(request: CompositeRequest<Pool>, context: HookContext): CompositeResponse {
  const view = readPoolRequest(request, context.config);
  return respond(view, context);
}

/** Gives out nothing new; the pool stays until nothing of it is in use any more. */
export function finalize(request: CompositeRequest<Pool>, context: HookContext): CompositeResponse {
  const view = readPoolRequest(request, context.config);
  const response = respond(view, context);
  const { slices, leftovers, claims, given } = view;
  const isHeld =
    given.length > 0 ||
    claims.some(({ status }) => status?.addressRef !== undefined) ||
    allocationsOf([...slices, ...leftovers]).some(({ entry }) => entry.released === undefined);
  if (isHeld) return { ...response, finalized: false };
  const hasHeard = slices.some(({ spec }) => spec.answers?.[request.parent.metadata.uid ?? ''] !== undefined);
  const unseen = secondsUntilAllIsSeen(request.parent, context);
  const { status } = response;
  // Nothing is left to look at again, though another finalizer may keep it.
  if (hasHeard || unseen <= 0) return { ...(status && { status }), children: [], finalized: true };
  return { ...response, finalized: false, resyncAfterSeconds: askAgainIn(unseen) };
}

function respond(view: PoolView, context: HookContext): CompositeResponse {
  const { pool, slices } = view;
  const plan = planPool(view, readPool(pool).ranges, standstillOf(pool), context);
  const answers =
    plan.standstill?.reason === 'Deleting'
      ? new Map([[pool.metadata.uid ?? '', { reason: LAST_WORD }], ...plan.slices.answers])
      : plan.slices.answers;
  const isGiving = [...plan.slices.added].length > 0;
  const resync = Math.min(plan.changesInSeconds, slicesAskAgainIn(slices, isGiving), LOOKS_AGAIN_SECONDS);
  return {
    status: poolStatus(view, plan, context.now),
    children: desiredSlices(sliceHead(pool, context.config.installNamespace), slices, {
      ...plan.slices,
      answers,
    }),
    resyncAfterSeconds: Math.max(1, Math.ceil(resync)),
  };
}
