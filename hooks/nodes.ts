/** Node → its PodCIDRClaim; the blocks of secondary networks → annotations of the Node. */
import { formatPrefix, parsePrefix } from '../lib/address/range.ts';
import type { Node } from '../lib/kubernetes/core-types.ts';
import {
  CLAIM_UID_LABEL,
  DEFAULT_NETWORK,
  METAIPAM_API_VERSION,
  NETWORK_LABEL,
  NODE_ANNOTATION_ANNOTATION,
  WITHDRAWN_AT_ANNOTATION,
} from '../lib/kubernetes/names.ts';
import { compareText } from '../lib/kubernetes/object.ts';
import type { IPAllocation, PodCIDRClaimSpec } from '../lib/kubernetes/types.ts';
import {
  type CustomizeRequest,
  type CustomizeResponse,
  type DecoratorRequest,
  type DecoratorResponse,
  type HookContext,
  objectsOf,
} from '../lib/metacontroller/hook.ts';
import { type BlockAllocation, decisionsOf, readBlockAllocation } from '../lib/pod-network/decision.ts';

/** A PodCIDRClaim of an earlier node of the same name has to go first, and nothing tells when it has. */
const CLAIM_RESYNC_SECONDS = 10;

/** A node sees its blocks of secondary networks; those of `default` reach it as `spec.podCIDRs`. */
export function customize({ parent }: CustomizeRequest<Node>, { config }: HookContext): CustomizeResponse {
  return {
    relatedResources: [
      {
        apiVersion: METAIPAM_API_VERSION,
        resource: 'ipallocations',
        namespace: config.installNamespace,
        labelSelector: {
          matchLabels: { [CLAIM_UID_LABEL]: parent.metadata.uid ?? '' },
          matchExpressions: [{ key: NETWORK_LABEL, operator: 'NotIn', values: [DEFAULT_NETWORK] }],
        },
      },
    ],
  };
}

export function sync(request: DecoratorRequest<Node>): DecoratorResponse {
  const node = request.object;
  const claims = objectsOf(request, 'attachments', `PodCIDRClaim.${METAIPAM_API_VERSION}`);
  const annotations = annotationsOf(
    node,
    objectsOf<IPAllocation>(request, 'related', `IPAllocation.${METAIPAM_API_VERSION}`),
  );
  return {
    ...(Object.keys(annotations).length > 0 && { annotations }),
    attachments: [
      {
        apiVersion: METAIPAM_API_VERSION,
        kind: 'PodCIDRClaim',
        metadata: { name: node.metadata.name },
        spec: claimSpec(node),
      },
    ],
    ...(claims.length === 0 && { resyncAfterSeconds: CLAIM_RESYNC_SECONDS }),
  };
}

function claimSpec({ metadata, spec }: Node): PodCIDRClaimSpec {
  const labels = Object.entries(metadata.labels ?? {}).sort(([a], [b]) => compareText(a, b));
  const podCIDRs = spec?.podCIDRs ?? (spec?.podCIDR ? [spec.podCIDR] : []);
  return {
    nodeUID: metadata.uid ?? '',
    nodeLabels: Object.fromEntries(labels),
    podCIDRs: podCIDRs.map(canonicalPrefix),
  };
}

/** What cannot be read is passed on: the node has podCIDRs, whatever they are. */
function canonicalPrefix(text: string): string {
  const prefix = parsePrefix(text);
  return prefix === undefined ? text : formatPrefix(prefix);
}

/**
 * The annotations to set, and those to remove.
 *
 * A value is written once all allocations of the node's oldest decision for its key are in view. It is taken
 * back only when the network says so on the allocations, never because they are not in view: an allocation
 * that somebody deletes by hand leaves the node's pods their addresses, until the network decides again.
 */
function annotationsOf(node: Node, allocations: readonly IPAllocation[]): Record<string, string | null> {
  const byKey = new Map<string, BlockAllocation[]>();
  for (const allocation of allocations) {
    const key = allocation.metadata.annotations?.[NODE_ANNOTATION_ANNOTATION];
    const read = readBlockAllocation(allocation);
    if (!key || read === undefined || read.nodeUID !== node.metadata.uid) continue;
    byKey.set(key, [...(byKey.get(key) ?? []), read]);
  }
  const annotations: Record<string, string | null> = {};
  for (const key of [...byKey.keys()].sort(compareText)) {
    const { blocks, held, isComplete } = decisionsOf(byKey.get(key)!)[0]!;
    const value = blocks.join();
    const isWithdrawn = held.some(
      ({ allocation }) => allocation.metadata.annotations?.[WITHDRAWN_AT_ANNOTATION],
    );
    if (isWithdrawn && node.metadata.annotations?.[key] === value) annotations[key] = null;
    if (!isWithdrawn && isComplete) annotations[key] = value;
  }
  return annotations;
}
