/** IPAddressClaim → its IPAddress, once its pool has allocated an address; and why not, until then. */

import { keptAddress } from '../lib/claim/ip-address.ts';
import { endClaim, RESYNC_SECONDS, serveClaim } from '../lib/claim/outcome.ts';
import { claimRelated, readClaimRequest } from '../lib/claim/view.ts';
import { POOL_LABEL } from '../lib/kubernetes/names.ts';
import type { IPAddressClaim } from '../lib/kubernetes/types.ts';
import { addressGroup, SLICES } from '../lib/metacontroller/groups.ts';
import type {
  CustomizeRequest,
  CustomizeResponse,
  DecoratorRequest,
  DecoratorResponse,
  HookContext,
  ParentType,
} from '../lib/metacontroller/hook.ts';
import { poolLabel } from '../lib/pool/label.ts';
import { isOurs } from '../lib/pool/reference.ts';

type Request = DecoratorRequest<IPAddressClaim>;

export const parent: ParentType = {
  type: 'decorator',
  kind: 'IPAddressClaim',
  groups: (config) => ({ own: [addressGroup(config)], related: [SLICES, addressGroup(config)] }),
};

export function customize(
  { parent }: CustomizeRequest<IPAddressClaim>,
  { config }: HookContext,
): CustomizeResponse {
  return isOurs(parent) ? claimRelated(parent, config) : { relatedResources: [] };
}

export function sync(request: Request, context: HookContext): DecoratorResponse {
  if (!isOurs(request.object)) return { attachments: [] };
  const response = serveClaim(readClaimRequest(request, context.config), context);
  const labels = { ...rightLabel(request.object), ...response.labels };
  if (Object.keys(labels).length === 0) return response;
  return { resyncAfterSeconds: RESYNC_SECONDS, ...response, labels };
}

/** Metacontroller also calls this for a living claim that lost its pool label: that one gets it back. */
export function finalize(request: Request, context: HookContext): DecoratorResponse {
  const claim = request.object;
  if (!isOurs(claim)) return { attachments: [], finalized: true };
  const view = readClaimRequest(request, context.config);
  if (claim.metadata.deletionTimestamp !== undefined) return endClaim(view, context);
  const attachments = view.address !== undefined && view.isOwn ? [keptAddress(view.address)] : [];
  return { labels: rightLabel(claim), attachments, finalized: false };
}

/** The pool label, where the claim has another. */
function rightLabel({ metadata, spec }: IPAddressClaim): Record<string, string> {
  const label = poolLabel(spec.poolRef.kind, spec.poolRef.name);
  return metadata.labels?.[POOL_LABEL] === label ? {} : { [POOL_LABEL]: label };
}
