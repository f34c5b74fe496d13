/** IPAddressClaim of one of our pools → its pool label, by which the other controllers find it. */

import { POOL_LABEL } from '../lib/kubernetes/names.ts';
import type { IPAddressClaim } from '../lib/kubernetes/types.ts';
import type { DecoratorRequest, DecoratorResponse } from '../lib/metacontroller/hook.ts';
import { poolLabel } from '../lib/pool/label.ts';
import { isOurs } from '../lib/pool/reference.ts';

/** Sets the label, and touches no claim of anybody else's. */
export function sync({ object }: DecoratorRequest<IPAddressClaim>): DecoratorResponse {
  if (!isOurs(object)) return { attachments: [] };
  const { kind, name } = object.spec.poolRef;
  return { labels: { [POOL_LABEL]: poolLabel(kind, name) }, attachments: [] };
}
