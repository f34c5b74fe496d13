/** PodNetwork → the AllocationSlices that list which node has which blocks, in the namespace of the install. */
import { askAgainIn, secondsUntilAllIsSeen } from '../lib/allocation/hold.ts';
import { NETWORK_LOOKS_AGAIN_SECONDS } from '../lib/allocation/look-again.ts';
import { desiredSlices, slicesAskAgainIn } from '../lib/allocation/slice.ts';
import { WITHDRAWN_AT_ANNOTATION } from '../lib/kubernetes/names.ts';
import { formatTime } from '../lib/kubernetes/time.ts';
import type { PodNetwork } from '../lib/kubernetes/types.ts';
import { CLUSTER_CIDRS, POD_CIDR_CLAIMS, SERVICE_CIDRS, SLICES } from '../lib/metacontroller/groups.ts';
import type {
  CompositeRequest,
  CompositeResponse,
  CustomizeRequest,
  CustomizeResponse,
  HookContext,
  ParentType,
} from '../lib/metacontroller/hook.ts';
import { clusterCIDRAnswers, DELETING } from '../lib/pod-network/cluster-cidr-answer.ts';
import { labelKeySlices, networkSliceHead } from '../lib/pod-network/network-slices.ts';
import { decideNetwork, type NetworkStandstill, networkStatus } from '../lib/pod-network/network-status.ts';
import {
  type NetworkReading,
  networkObjects,
  networkRelated,
  RETURNING,
  readNetwork,
} from '../lib/pod-network/network-view.ts';
import type { Plan } from '../lib/pod-network/plan.ts';

export const parent: ParentType = {
  type: 'composite',
  kind: 'PodNetwork',
  groups: ({ watchServiceCIDRs }) => ({
    own: [SLICES],
    related: [POD_CIDR_CLAIMS, CLUSTER_CIDRS, SLICES, ...(watchServiceCIDRs ? [SERVICE_CIDRS] : [])],
  }),
};

export function customize(
  { parent }: CustomizeRequest<PodNetwork>,
  { config }: HookContext,
): CustomizeResponse {
  return networkRelated(parent, config);
}

/** Decides for all nodes at once. */
export function sync(request: CompositeRequest<PodNetwork>, context: HookContext): CompositeResponse {
  const reading = readNetwork(networkObjects(request, context.config), context);
  const { plan, standstill } = decideNetwork(reading, context, false);
  return respond(reading, plan, standstill, context);
}

/**
 * Gives out nothing more.
 *
 * The blocks of `default` are on their nodes for good, so it stays as long as one of those nodes lives. Another
 * network first marks its slices as withdrawn, on which the nodes hook takes the annotations off the nodes, and goes
 * when no node shows its blocks and the mark has had time to arrive at those that were about to.
 *
 * What nodes have counts even where the slices are gone: with foreground deletion the garbage collector takes those
 * first, and Metacontroller writes nothing until it has. They are made again then.
 */
export function finalize(request: CompositeRequest<PodNetwork>, context: HookContext): CompositeResponse {
  const reading = readNetwork(networkObjects(request, context.config), context);
  const { uid = '' } = request.parent.metadata;
  const { plan, standstill } = decideNetwork(reading, context, true);
  const response = respond(reading, plan, standstill, context);
  const isHeld = plan.homes.size > 0 || reading.allocations.some(({ entry }) => entry.released === undefined);
  if (isHeld) return { ...response, finalized: false };
  // Once it hears its own last word, all that it wrote before is in view too.
  const hasHeard = reading.objects.slices.some(({ spec }) => spec.answers?.[uid] !== undefined);
  const unseen = secondsUntilAllIsSeen(request.parent, context);
  const { status } = response;
  // Nothing is left to look at again, though another finalizer may keep it.
  if (hasHeard || unseen <= 0) return { ...(status && { status }), children: [], finalized: true };
  return { ...response, finalized: false, resyncAfterSeconds: askAgainIn(unseen) };
}

function respond(
  reading: NetworkReading,
  plan: Plan,
  standstill: NetworkStandstill | undefined,
  context: HookContext,
): CompositeResponse {
  const { network, slices } = reading.objects;
  const { installNamespace } = context.config;
  const isClosing = standstill?.reason === 'Deleting';
  const withdrawnAt = isClosing ? withdrawal(reading, context.now) : undefined;
  const head = networkSliceHead(network, installNamespace, reading.settings, withdrawnAt);
  const answers = clusterCIDRAnswers(reading, plan, standstill);
  for (const [uid, { blocks, released }] of plan.returning)
    answers.set(uid, { reason: RETURNING, blocks, released });
  if (isClosing) answers.set(network.metadata.uid ?? '', { reason: DELETING });
  const children = [
    ...desiredSlices(head, slices, {
      kept: plan.kept,
      added: plan.added,
      bells: plan.bells,
      answers,
      listed: new Set(network.status?.slices),
    }),
    ...labelKeySlices(head, reading.labelKeys, slices),
  ];
  const untilFound = reading.lost.length > 0 ? context.config.cacheLagSeconds : Number.POSITIVE_INFINITY;
  const resync = Math.min(
    plan.changesInSeconds,
    slicesAskAgainIn(slices, plan.isGiving),
    untilFound,
    NETWORK_LOOKS_AGAIN_SECONDS,
  );
  return {
    status: networkStatus(reading, plan, standstill, context.now),
    children,
    resyncAfterSeconds: Math.max(1, Math.ceil(resync)),
  };
}

/** Since when the blocks are withdrawn: from the slices that say so already, or now, and not later than that. */
function withdrawal({ objects }: NetworkReading, now: number): string {
  const times = objects.slices.flatMap(
    ({ metadata }) => metadata.annotations?.[WITHDRAWN_AT_ANNOTATION] ?? [],
  );
  return [...times, formatTime(now)].sort()[0]!;
}
