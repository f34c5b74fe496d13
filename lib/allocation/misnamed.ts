/** Slices whose name is not that of their piece: somebody made them by hand. They count for nobody, and say so. */
import type { Block } from '../address/range.ts';
import type { Condition } from '../kubernetes/conditions.ts';
import type { AllocationSlice } from '../kubernetes/types.ts';
import { listSome } from '../text.ts';
import { pieceOfName } from './names.ts';
import { isMisnamed, parseKey } from './slice.ts';

/** The condition of a pool or network that has such slices. */
export const SLICES_MISNAMED = 'SlicesMisnamed';

/** A block that is given to nobody, for the sake of a slice. */
interface Withheld {
  readonly block: Block;
  /** The name of the slice. */
  readonly by: string;
}

/**
 * What misnamed slices among these keep from being given: what they list, which somebody may have got by them, and the
 * piece whose name they have.
 */
export function withheldByMisnamed(slices: readonly AllocationSlice[]): Withheld[] {
  return slices.filter(isMisnamed).flatMap(({ metadata: { name: by }, spec }) => {
    const blocks = [...Object.keys(spec.entries ?? {}).map(parseKey), pieceOfName(by)?.piece];
    return blocks.flatMap((block) => (block === undefined ? [] : [{ block, by }]));
  });
}

/**
 * What there is to say of them: nothing where there never were any.
 *
 * @param before the conditions of the pool or network
 */
export function slicesMisnamed(
  slices: readonly AllocationSlice[],
  before: readonly Condition[] | undefined,
): Omit<Condition, 'lastTransitionTime'>[] {
  const type = SLICES_MISNAMED;
  const names = slices.filter(isMisnamed).map(({ metadata }) => metadata.name);
  if (names.length > 0) {
    const message = `what these list counts for nobody, and is given to nobody: delete ${listSome(names)}`;
    return [{ type, status: 'True', reason: 'NotTheirPiece', message }];
  }
  const isKnown = before?.some((condition) => condition.type === type);
  return isKnown ? [{ type, status: 'False', reason: 'AllNamedByPiece', message: '' }] : [];
}
