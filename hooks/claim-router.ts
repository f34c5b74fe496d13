/** IPAddressClaim of one of our pools → its pool label, by which the other controllers find it. */
import { clusterName } from '../lib/claim/cluster.ts';
import { OPEN, POOL_LABEL, SETTLED_LABEL } from '../lib/kubernetes/names.ts';
import type { IPAddressClaim } from '../lib/kubernetes/types.ts';
import type {
  DecoratorRequest,
  DecoratorResponse,
  HookContext,
  ParentType,
} from '../lib/metacontroller/hook.ts';
import { poolLabel } from '../lib/pool/label.ts';
import { isOurs, isWatched } from '../lib/pool/reference.ts';

export const parent: ParentType = { type: 'decorator', kind: 'IPAddressClaim' };

/** Sets the label, and touches no claim of anybody else's. A claim that has no cluster to wait for is open at once. */
export function sync(
  { object }: DecoratorRequest<IPAddressClaim>,
  { config }: HookContext,
): DecoratorResponse {
  if (!isOurs(object) || !isWatched(object, config)) return { attachments: [] };
  const { kind, name } = object.spec.poolRef;
  const isFree = clusterName(object) === undefined || !config.watchClusters;
  const isNew =
    object.metadata.labels?.[SETTLED_LABEL] === undefined && object.metadata.deletionTimestamp === undefined;
  return {
    labels: {
      [POOL_LABEL]: poolLabel(kind, name),
      ...(isFree && isNew && { [SETTLED_LABEL]: OPEN }),
    },
    attachments: [],
  };
}
