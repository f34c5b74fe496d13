/** What the page keeps of a claim whose pool may not exist: only the claim itself tells of it. */
import { refersToOurPool } from '../inspect/adoption.ts';
import { describeWaiting, isWaiting, poolKeyOf, type Waiting } from '../inspect/overview.ts';
import type { IPAddressClaim } from '../kubernetes/types.ts';
import type { DecoratorRequest, DecoratorResponse } from '../metacontroller/hook.ts';

export interface SeenClaim extends Waiting {
  /** `InClusterIPPool/default/pool-a`. */
  readonly pool: string;
}

/** The claim, if it waits; undefined once it has its address. */
export function seeClaim(
  { object: claim }: DecoratorRequest<IPAddressClaim>,
  { status, attachments }: DecoratorResponse,
): SeenClaim | undefined {
  if (claim.spec?.poolRef === undefined || !refersToOurPool(claim) || attachments.length > 0)
    return undefined;
  const answered = (status ? { ...claim, status } : claim) as IPAddressClaim;
  if (!isWaiting(answered)) return undefined;
  return { ...describeWaiting(answered, new Map()), pool: poolKeyOf(claim).replace(' ', '/') };
}
