/** Node → its PodCIDRClaim; the blocks of secondary networks → annotations of the Node. */
import { looksAgainIn } from '../lib/allocation/look-again.ts';
import { allocationsOf, bellOf } from '../lib/allocation/slice.ts';
import type { Node } from '../lib/kubernetes/core-types.ts';
import {
  LABEL_KEYS_LABEL,
  METAIPAM_API_VERSION,
  NETWORK_LABEL,
  NODE_ANNOTATION_ANNOTATION,
  RANGE_SETTINGS_ANNOTATION,
  WITHDRAWN_AT_ANNOTATION,
} from '../lib/kubernetes/names.ts';
import { compareAge, compareText } from '../lib/kubernetes/object.ts';
import { isQualifiedName } from '../lib/kubernetes/qualified-name.ts';
import type { AllocationSlice, PodCIDRClaim, PodCIDRClaimSpec } from '../lib/kubernetes/types.ts';
import { POD_CIDR_CLAIMS, SLICES } from '../lib/metacontroller/groups.ts';
import {
  type CustomizeRequest,
  type CustomizeResponse,
  type DecoratorRequest,
  type DecoratorResponse,
  type HookContext,
  objectsOf,
  type ParentType,
} from '../lib/metacontroller/hook.ts';
import { slicesWith } from '../lib/metacontroller/slice-rule.ts';
import { decisionsOf } from '../lib/pod-network/decision.ts';
import { labelKeysDigest } from '../lib/pod-network/network-slices.ts';
import { NodeRanges, showsBlocks } from '../lib/pod-network/node-ranges.ts';
import { podCIDRsOf } from '../lib/pod-network/pod-cidr.ts';
import { labelOf } from '../lib/pod-network/selector.ts';

/** A PodCIDRClaim of an earlier node of the same name has to go first, and nothing tells when it has. */
const CLAIM_RESYNC_SECONDS = 10;

export const parent: ParentType = {
  type: 'decorator',
  kind: 'Node',
  groups: () => ({ own: [POD_CIDR_CLAIMS], related: [SLICES] }),
};

/**
 * A node sees which of its labels networks select by, and the slices with its bell: those of secondary networks that
 * have blocks for it which its PodCIDRClaim does not show yet. Those of `default` reach it as `spec.podCIDRs`.
 */
export function customize({ parent }: CustomizeRequest<Node>, { config }: HookContext): CustomizeResponse {
  const keys = [bellOf(parent.metadata.uid ?? ''), LABEL_KEYS_LABEL];
  return { relatedResources: keys.map((key) => slicesWith(config.installNamespace, key)) };
}

export function sync(request: DecoratorRequest<Node>, { now }: HookContext): DecoratorResponse {
  const node = request.object;
  const [claim] = objectsOf<PodCIDRClaim>(request, 'attachments', POD_CIDR_CLAIMS);
  const slices = objectsOf<AllocationSlice>(request, 'related', SLICES);
  const annotations = annotationsOf(node, slices);
  const spec = claimSpec(node, slices, claim, annotations);
  // The Node of a PodCIDRClaim cannot be changed: one of another goes first.
  const isOfAnother = claim !== undefined && claim.spec?.nodeUID !== spec.nodeUID;
  return {
    ...(Object.keys(annotations).length > 0 && { annotations }),
    attachments: isOfAnother
      ? []
      : [
          {
            apiVersion: METAIPAM_API_VERSION,
            kind: 'PodCIDRClaim',
            metadata: { name: node.metadata.name },
            spec,
          },
        ],
    ...lookAgain(node, claim !== undefined && !isOfAnother, now),
  };
}

/** A Node that has its podCIDRs need not: its kubelet writes its status every five minutes. */
function lookAgain(
  node: Node,
  hasClaim: boolean,
  now: number,
): Pick<DecoratorResponse, 'resyncAfterSeconds'> {
  if (!hasClaim) return { resyncAfterSeconds: CLAIM_RESYNC_SECONDS };
  if (podCIDRsOf(node).length > 0) return {};
  return { resyncAfterSeconds: looksAgainIn(node.metadata.creationTimestamp, now) };
}

function claimSpec(
  node: Node,
  slices: readonly AllocationSlice[],
  claim: PodCIDRClaim | undefined,
  changes: Readonly<Record<string, string | null>>,
): PodCIDRClaimSpec {
  const { name, uid = '', labels = {}, annotations = {} } = node.metadata;
  const keys = inOrder(slices.flatMap(({ spec }) => spec.labelKeys ?? []));
  const has = (key: string) => labelOf({ name, labels }, key) !== undefined;
  const labelKeys = digestsOf(slices);
  const nodeAnnotations = shownAnnotations({ ...annotations, ...changes }, slices, claim);
  return {
    nodeUID: uid,
    nodeLabels: Object.fromEntries(keys.filter(has).map((key) => [key, labels[key]!])),
    ...(Object.keys(labelKeys).length > 0 && { labelKeys }),
    ...(Object.keys(nodeAnnotations).length > 0 && { nodeAnnotations }),
    podCIDRs: podCIDRsOf(node),
  };
}

/** What tells each network that selects by labels of which keys the claim says what the node has. */
function digestsOf(slices: readonly AllocationSlice[]): Record<string, string> {
  const byNetwork = Map.groupBy(slices, ({ metadata }) => metadata.labels?.[NETWORK_LABEL] ?? '');
  const digests = [...byNetwork].flatMap(([network, own]) => {
    const keys = inOrder(own.flatMap(({ spec }) => spec.labelKeys ?? []));
    return keys.length === 0 ? [] : [[network, labelKeysDigest(keys)] as const];
  });
  return Object.fromEntries(digests);
}

/**
 * The annotations of networks, as the node will have them: Metacontroller writes the node before the claim, and no
 * claim if that fails. A network whose slices are out of view may still be there.
 */
function shownAnnotations(
  annotations: Readonly<Record<string, string | null>>,
  slices: readonly AllocationSlice[],
  claim: PodCIDRClaim | undefined,
): Record<string, string> {
  const keys = inOrder([
    ...slices.flatMap(({ metadata }) => metadata.annotations?.[NODE_ANNOTATION_ANNOTATION] ?? []),
    ...Object.keys(claim?.spec?.nodeAnnotations ?? {}),
  ]);
  return Object.fromEntries(
    keys.flatMap((key) => {
      const value = Object.hasOwn(annotations, key) ? annotations[key] : undefined;
      return typeof value === 'string' ? [[key, value]] : [];
    }),
  );
}

function inOrder(keys: readonly string[]): string[] {
  return [...new Set(keys)].sort(compareText);
}

/**
 * The annotations to set, and those to remove.
 *
 * A value is written once all entries of the decision that counts are in view and confirmed. It is taken back only when
 * the network says so on its slices, never because they are not in view.
 */
function annotationsOf(node: Node, slices: readonly AllocationSlice[]): Record<string, string | null> {
  const allocations = allocationsOf(slices).filter(
    ({ slice, entry }) =>
      slice.spec.poolRef.kind === 'PodNetwork' &&
      entry.uid === node.metadata.uid &&
      entry.released === undefined,
  );
  const byKey = Map.groupBy(
    allocations,
    ({ slice }) => slice.metadata.annotations?.[NODE_ANNOTATION_ANNOTATION] ?? '',
  );
  const annotations: Record<string, string | null> = {};
  for (const [key, all] of byKey) {
    // A slice may have been edited by hand; what is no key would keep all of the node from being written.
    if (!isQualifiedName(key)) continue;
    const owner = ownerOf(key, slices);
    const own = all.filter(({ slice }) => owner === undefined || networkOf(slice) === owner);
    if (own.length === 0) continue;
    const { blocks, held, isConfirmed } = decisionsOf(own)[0]!;
    const ranges = NodeRanges.parse(held[0]!.slice.metadata.annotations?.[RANGE_SETTINGS_ANNOTATION]);
    const isWithdrawn = held.some(({ slice }) => slice.metadata.annotations?.[WITHDRAWN_AT_ANNOTATION]);
    const shown = node.metadata.annotations?.[key];
    if (isWithdrawn && showsBlocks(shown, blocks)) annotations[key] = null;
    if (!isWithdrawn && isConfirmed && ranges !== undefined) annotations[key] = ranges.annotation(blocks);
  }
  return annotations;
}

/**
 * Of networks that have the same key the one that got it first: the others' blocks would take turns with its own.
 * Undefined while none is in view.
 */
function ownerOf(key: string, slices: readonly AllocationSlice[]): string | undefined {
  const [oldest] = slices
    .filter(
      ({ metadata, spec }) => spec.labelKeys && metadata.annotations?.[NODE_ANNOTATION_ANNOTATION] === key,
    )
    .sort(compareAge);
  return oldest && networkOf(oldest);
}

function networkOf({ metadata }: AllocationSlice): string | undefined {
  return metadata.labels?.[NETWORK_LABEL];
}
