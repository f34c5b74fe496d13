/** IPAMClaim of a network that pools serve → their names, and the label by which it is served. */
import { looksAgainIn } from '../lib/allocation/look-again.ts';
import { ADDRESS_POOL_KINDS, choosePools, formatPools } from '../lib/ipam-claim/pools.ts';
import type { IPAMClaim } from '../lib/kubernetes/core-types.ts';
import { isLabelValue } from '../lib/kubernetes/label-value.ts';
import { NETWORK_LABEL, POOL_API_VERSION, POOLS_ANNOTATION } from '../lib/kubernetes/names.ts';
import { POOL_KINDS } from '../lib/kubernetes/pool-kinds.ts';
import { ADDRESS_POOLS } from '../lib/metacontroller/groups.ts';
import {
  type CustomizeRequest,
  type CustomizeResponse,
  type DecoratorRequest,
  type DecoratorResponse,
  type HookConfig,
  type HookContext,
  objectsOf,
  type ParentType,
  type RelatedResourceRule,
} from '../lib/metacontroller/hook.ts';
import type { Pool } from '../lib/pool/pool.ts';

export const parent: ParentType = {
  type: 'decorator',
  kind: 'IPAMClaim',
  groups: () => ({ related: ADDRESS_POOLS }),
};

/** The pools that name its network. Once it has its label, it looks at them no more: they change with every address. */
export function customize(
  { parent }: CustomizeRequest<IPAMClaim>,
  { config }: HookContext,
): CustomizeResponse {
  const network = networkOf(parent, config);
  if (network === undefined) return { relatedResources: [] };
  const { namespace } = parent.metadata;
  const rules = ADDRESS_POOL_KINDS.map((kind): RelatedResourceRule => {
    const { resource, isGlobal } = POOL_KINDS[kind]!;
    return {
      apiVersion: POOL_API_VERSION,
      resource,
      ...(!isGlobal && namespace !== undefined && { namespace }),
      labelSelector: { matchLabels: { [NETWORK_LABEL]: network } },
    };
  });
  return { relatedResources: rules };
}

/** Touches no claim of a network that none of our pools serves: it is somebody else's, or is served once there is one. */
export function sync(request: DecoratorRequest<IPAMClaim>, { config, now }: HookContext): DecoratorResponse {
  const claim = request.object;
  const network = networkOf(claim, config);
  if (network === undefined || claim.metadata.deletionTimestamp !== undefined) return { attachments: [] };
  const pools = choosePools(ADDRESS_POOLS.flatMap((group) => objectsOf<Pool>(request, 'related', group)));
  if (pools.size === 0)
    return { attachments: [], resyncAfterSeconds: looksAgainIn(claim.metadata.creationTimestamp, now) };
  return {
    labels: { [NETWORK_LABEL]: network },
    annotations: { [POOLS_ANNOTATION]: formatPools(pools) },
    attachments: [],
  };
}

/** The network of a claim that may be ours; pools can name none that is no label. */
function networkOf({ metadata, spec }: IPAMClaim, { watchNamespace }: HookConfig): string | undefined {
  const { network } = spec ?? {};
  if (watchNamespace !== undefined && metadata.namespace !== watchNamespace) return undefined;
  return typeof network === 'string' && network !== '' && isLabelValue(network) ? network : undefined;
}
