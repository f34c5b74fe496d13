/** What the page keeps of a claim whose pool may not exist: only the claim itself tells of it. */
import { describeWaiting, isWaiting, type Waiting } from '../inspect/state.ts';
import type { IPAddressClaim } from '../kubernetes/types.ts';
import type { DecoratorRequest, DecoratorResponse } from '../metacontroller/hook.ts';
import { isOurs, poolTitleOf } from '../pool/reference.ts';

export interface SeenClaim extends Waiting {
  /** `InClusterIPPool/default/pool-a`. */
  readonly pool: string;
}

/** The claim, if it waits; undefined once it has its address. */
export function seeClaim(
  { object: claim }: DecoratorRequest<IPAddressClaim>,
  { status, attachments }: DecoratorResponse,
): SeenClaim | undefined {
  if (!isOurs(claim) || attachments.length > 0) return undefined;
  const answered = (status ? { ...claim, status } : claim) as IPAddressClaim;
  if (!isWaiting(answered)) return undefined;
  return { ...describeWaiting(answered), pool: poolTitleOf(claim).replace(' ', '/') };
}
