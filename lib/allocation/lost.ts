/** Slices that somebody deleted by hand: a status lists those that hold anything, so that the loss of one is seen. */
import type { Range } from '../address/range.ts';
import type { Condition } from '../kubernetes/conditions.ts';
import { compareText } from '../kubernetes/object.ts';
import type { AllocationSlice } from '../kubernetes/types.ts';
import type { HookContext } from '../metacontroller/hook.ts';
import { listSome } from '../text.ts';
import { secondsSince } from './hold.ts';
import { pieceOfName } from './names.ts';

/** The condition of a pool or network that misses slices; it tells since when. */
export const SLICES_MISSING = 'SlicesMissing';

/** The slices that the status lists and that are not in view. A name that keeps no piece is not one of a slice. */
export function lostSlices(
  listed: readonly string[] | undefined,
  slices: readonly AllocationSlice[],
): readonly string[] {
  const seen = new Set(slices.map(({ metadata }) => metadata.name));
  return (listed ?? []).filter((name) => !seen.has(name) && pieceOfName(name) !== undefined);
}

/** What the lost slices kept: nobody knows who has what of it. */
export function lostPieces(lost: readonly string[]): Range[] {
  return lost.map((name) => pieceOfName(name)?.piece).filter((piece) => piece !== undefined);
}

/** What the status is to list: the slices in view that hold anything, and the lost ones. */
export function listedSlices(slices: readonly AllocationSlice[], lost: readonly string[]): string[] {
  const inUse = slices
    .filter(({ spec }) => Object.keys(spec.entries ?? {}).length > 0)
    .map(({ metadata }) => metadata.name);
  return [...inUse, ...lost].sort(compareText);
}

/**
 * Whether slices have been missing for so long that whatever was made from what they said is in view by now.
 *
 * @param conditions those of the pool or network
 */
export function isLongMissing(
  conditions: readonly Condition[] | undefined,
  { now, config }: HookContext,
): boolean {
  const missing = conditions?.find(({ type }) => type === SLICES_MISSING);
  return (
    missing?.status === 'True' && secondsSince(missing.lastTransitionTime, now) >= config.cacheLagSeconds
  );
}

export function slicesMissing(lost: readonly string[]): Omit<Condition, 'lastTransitionTime'> {
  return lost.length === 0
    ? { type: SLICES_MISSING, status: 'False', reason: 'AllInView', message: '' }
    : {
        type: SLICES_MISSING,
        status: 'True',
        reason: 'SlicesLost',
        message: `nothing is given out of the pieces of ${listSome(lost)} before metaipam has made them again`,
      };
}
