import { ADDRESS_SPACE_ANNOTATION } from '../kubernetes/names.ts';
import { isPaused } from '../kubernetes/object.ts';
import { formatProblem } from '../kubernetes/problem.ts';
import { shorten } from '../text.ts';
import { isInBadAddressSpace } from './address-space.ts';
import type { PoolStandstill } from './plan.ts';
import { isPrefixPool, type Pool, readPool } from './pool.ts';

/** Why the pool gives out nothing now, as far as the pool alone tells. */
export function standstillOf(pool: Pool): PoolStandstill | undefined {
  if (pool.metadata.deletionTimestamp !== undefined) {
    return { reason: 'Deleting', message: 'is being deleted' };
  }
  if (isPaused(pool)) return { reason: 'Paused', message: 'is paused' };
  if (isPrefixPool(pool) && pool.metadata.annotations?.[ADDRESS_SPACE_ANNOTATION] !== undefined) {
    return {
      reason: 'InvalidSpec',
      message: `has an annotation ${ADDRESS_SPACE_ANNOTATION}, which is for pools of addresses`,
    };
  }
  if (isInBadAddressSpace(pool)) {
    return {
      reason: 'InvalidSpec',
      message: `has an annotation ${ADDRESS_SPACE_ANNOTATION} that is not a DNS name of at most 63 characters`,
    };
  }
  const { problems } = readPool(pool);
  if (problems.length === 0) return undefined;
  return { reason: 'InvalidSpec', message: shorten(`is invalid: ${problems.map(formatProblem).join('; ')}`) };
}
