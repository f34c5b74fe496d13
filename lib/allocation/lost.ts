/** Slices that somebody deleted by hand: a status lists those that hold anything, so that the loss of one is seen. */
import type { Range } from '../address/range.ts';
import type { Condition } from '../kubernetes/conditions.ts';
import { compareText, type KubernetesObject } from '../kubernetes/object.ts';
import type { AllocationSlice } from '../kubernetes/types.ts';
import type { HookContext } from '../metacontroller/hook.ts';
import { listSome } from '../text.ts';
import { secondsSince } from './hold.ts';
import { pieceOfName } from './names.ts';
import { extentOf, isMisnamed, mayBeNamed } from './slice.ts';

/** The condition of a pool or network that misses slices; it tells since when. */
export const SLICES_MISSING = 'SlicesMissing';

/**
 * The slices that the status of a pool or network lists and that are not in view. A name that none of its pieces has is
 * not one of a slice.
 */
export function lostSlices(
  {
    kind,
    metadata,
    status,
  }: KubernetesObject & { readonly status?: { readonly slices?: readonly string[] } },
  slices: readonly AllocationSlice[],
): readonly string[] {
  const seen = new Set(slices.map(({ metadata }) => metadata.name));
  const poolRef = { kind, name: metadata.name };
  return (status?.slices ?? []).filter((name) => !seen.has(name) && mayBeNamed(name, poolRef));
}

/** Where what the lost slices kept may lie: nobody knows who has what of it. */
export function lostPieces(lost: readonly string[]): Range[] {
  return lost.flatMap((name) => {
    const found = pieceOfName(name);
    return found === undefined ? [] : [extentOf(found.piece, found)];
  });
}

/** What the status is to list: the slices in view that hold anything, and the lost ones. */
export function listedSlices(slices: readonly AllocationSlice[], lost: readonly string[]): string[] {
  const inUse = slices
    .filter((slice) => Object.keys(slice.spec.entries ?? {}).length > 0 && !isMisnamed(slice))
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
