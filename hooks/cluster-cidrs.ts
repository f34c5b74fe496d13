/** ClusterCIDR: its status is what its network says of it, and its deletion is held while nodes have blocks of it. */
import { askAgainIn, secondsUntilAllIsSeen } from '../lib/allocation/hold.ts';
import { LOOKS_AGAIN_SECONDS } from '../lib/allocation/look-again.ts';
import { allocationsOf, bellOf } from '../lib/allocation/slice.ts';
import { type Condition, setCondition } from '../lib/kubernetes/conditions.ts';
import { METAIPAM_API_VERSION, NETWORK_LABEL } from '../lib/kubernetes/names.ts';
import type {
  AllocationSlice,
  ClusterCIDR,
  ClusterCIDRStatus,
  PodNetwork,
  SliceAnswer,
} from '../lib/kubernetes/types.ts';
import { POD_NETWORKS, SLICES } from '../lib/metacontroller/groups.ts';
import {
  type CustomizeRequest,
  type CustomizeResponse,
  type DecoratorRequest,
  type DecoratorResponse,
  type HookContext,
  objectsOf,
  type ParentType,
} from '../lib/metacontroller/hook.ts';
import { sliceRule, slicesWith } from '../lib/metacontroller/slice-rule.ts';
import { DELETING, READY } from '../lib/pod-network/cluster-cidr-answer.ts';
import { networkLabelOf } from '../lib/pod-network/network-label.ts';
import { presenceName } from '../lib/pod-network/network-slices.ts';

export const parent: ParentType = {
  type: 'decorator',
  kind: 'ClusterCIDR',
  groups: () => ({ related: [SLICES, POD_NETWORKS] }),
};

/**
 * A ClusterCIDR hears what its network says of it, and knows by a slice that the network is there.
 *
 * One that is being deleted asks for all that could hold it: every network's slices, should it have changed networks,
 * and the network itself. (Deletion counts as a new generation, so Metacontroller asks again.)
 */
export function customize(
  { parent }: CustomizeRequest<ClusterCIDR>,
  { config }: HookContext,
): CustomizeResponse {
  const network = networkLabelOf(parent);
  const namespace = config.installNamespace;
  const isDeleting = parent.metadata.deletionTimestamp !== undefined;
  return {
    relatedResources: [
      slicesWith(namespace, bellOf(parent.metadata.uid ?? '')),
      { ...sliceRule(namespace), names: [presenceName(network)] },
      ...(isDeleting
        ? [
            slicesWith(namespace, NETWORK_LABEL),
            { apiVersion: METAIPAM_API_VERSION, resource: 'podnetworks', names: [network] },
          ]
        : []),
    ],
  };
}

export function sync(request: DecoratorRequest<ClusterCIDR>, { now }: HookContext): DecoratorResponse {
  return {
    status: statusOf(request.object, slicesIn(request), now),
    attachments: [],
    resyncAfterSeconds: LOOKS_AGAIN_SECONDS,
  };
}

/**
 * The ClusterCIDR may go when its network has seen that it leaves and no node has blocks of it: whatever the network
 * gave before it said so is in view with that. Without a network, when all is in view and nothing names it.
 */
export function finalize(request: DecoratorRequest<ClusterCIDR>, context: HookContext): DecoratorResponse {
  const { object } = request;
  const slices = slicesIn(request);
  const answer = answerTo(object, slices);
  const networks = objectsOf<PodNetwork>(request, 'related', POD_NETWORKS);
  const isHeld =
    (answer?.nodes ?? 0) > 0 ||
    allocationsOf(slices).some(
      ({ entry }) => entry.clusterCIDR === object.metadata.name && entry.released === undefined,
    );
  const unseen = networks.length > 0 ? Number.POSITIVE_INFINITY : secondsUntilAllIsSeen(object, context);
  const finalized = !isHeld && (answer?.reason === DELETING || unseen <= 0);
  return {
    status: statusOf(object, slices, context.now),
    attachments: [],
    finalized,
    ...(!finalized && { resyncAfterSeconds: isHeld ? LOOKS_AGAIN_SECONDS : askAgainIn(unseen) }),
  };
}

function slicesIn(request: DecoratorRequest<ClusterCIDR>): AllocationSlice[] {
  return objectsOf(request, 'related', SLICES);
}

/** By its uid: one that is made anew under the name has another. */
function answerTo({ metadata }: ClusterCIDR, slices: readonly AllocationSlice[]): SliceAnswer | undefined {
  return slices.map(({ spec }) => spec.answers?.[metadata.uid ?? '']).find((answer) => answer !== undefined);
}

function statusOf(object: ClusterCIDR, slices: readonly AllocationSlice[], now: number): ClusterCIDRStatus {
  const answer = answerTo(object, slices);
  const { generation } = object.metadata;
  const observed = generation === undefined ? {} : { observedGeneration: generation };
  const condition = { ...readyCondition(object, slices, answer), ...observed };
  const { ipv4, ipv6, nodes } = answer ?? {};
  return {
    ...(ipv4 && { ipv4 }),
    ...(ipv6 && { ipv6 }),
    ...(nodes !== undefined && { nodes }),
    conditions: setCondition(object.status?.conditions, condition, now),
    ...observed,
  };
}

function readyCondition(
  object: ClusterCIDR,
  slices: readonly AllocationSlice[],
  answer: SliceAnswer | undefined,
): Omit<Condition, 'lastTransitionTime'> {
  const type = 'Ready';
  if (answer !== undefined) {
    const { reason, message = '' } = answer;
    return { type, status: reason === READY ? 'True' : 'False', reason, message };
  }
  const network = networkLabelOf(object);
  const exists = slices.some(
    ({ spec, metadata }) => spec.labelKeys !== undefined && metadata.labels?.[NETWORK_LABEL] === network,
  );
  return exists
    ? { type, status: 'Unknown', reason: 'Pending', message: `PodNetwork ${network} has not seen it yet` }
    : { type, status: 'False', reason: 'NetworkNotFound', message: `there is no PodNetwork ${network}` };
}
