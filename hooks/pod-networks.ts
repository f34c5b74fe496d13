/** PodNetwork → IPAllocations of blocks, in the namespace of the install. */
import { claimIsGone, secondsSince, secondsUntilAllIsSeen } from '../lib/allocation/release.ts';
import { labelValue } from '../lib/kubernetes/label-value.ts';
import {
  CLUSTER_CIDR_API_VERSION,
  DEFAULT_NETWORK,
  METAIPAM_API_VERSION,
  NETWORK_LABEL,
  NODE_ANNOTATION_ANNOTATION,
  RELEASED_AT_ANNOTATION,
  WITHDRAWN_AT_ANNOTATION,
} from '../lib/kubernetes/names.ts';
import { compareText } from '../lib/kubernetes/object.ts';
import { formatProblem } from '../lib/kubernetes/problem.ts';
import { formatTime } from '../lib/kubernetes/time.ts';
import type { PodNetwork } from '../lib/kubernetes/types.ts';
import type {
  CompositeRequest,
  CompositeResponse,
  CustomizeRequest,
  CustomizeResponse,
  DesiredObject,
  HookContext,
  RelatedResourceRule,
} from '../lib/metacontroller/hook.ts';
import { keptAllocation, newAllocation, untouched } from '../lib/pod-network/allocation-object.ts';
import { servingStatus, standstillStatus } from '../lib/pod-network/network-status.ts';
import { readNetwork } from '../lib/pod-network/network-view.ts';
import { nodeAnnotationKey } from '../lib/pod-network/node-annotation-key.ts';
import { planNetwork } from '../lib/pod-network/plan.ts';
import { plural } from '../lib/text.ts';

/** How soon a sync that asked for something new looks again, should a name be held by what it cannot see. */
const SAFETY_RESYNC_SECONDS = 10;

/** A network sees every node, and its own ClusterCIDRs: those without a label are `default`'s. */
export function customize({ parent }: CustomizeRequest<PodNetwork>): CustomizeResponse {
  const { name } = parent.metadata;
  const clusterCIDRs = { apiVersion: CLUSTER_CIDR_API_VERSION, resource: 'clustercidrs' };
  const relatedResources: RelatedResourceRule[] = [
    { apiVersion: METAIPAM_API_VERSION, resource: 'podcidrclaims' },
    { ...clusterCIDRs, labelSelector: { matchLabels: { [NETWORK_LABEL]: labelValue(name) } } },
  ];
  if (name === DEFAULT_NETWORK) {
    const matchExpressions = [{ key: NETWORK_LABEL, operator: 'DoesNotExist' as const }];
    relatedResources.push({ ...clusterCIDRs, labelSelector: { matchExpressions } });
  }
  return { relatedResources };
}

/** Decides for all nodes at once. A network whose spec is invalid gives out nothing and takes nothing back. */
export function sync(request: CompositeRequest<PodNetwork>, context: HookContext): CompositeResponse {
  const { parent } = request;
  const { name } = parent.metadata;
  const reading = readNetwork(request);
  if (reading.problems.length > 0) {
    const message = reading.problems.map(formatProblem).join('; ');
    return {
      status: standstillStatus(parent, reading, { reason: 'InvalidSpec', message }, context.now),
      children: byName([
        ...reading.allocations.map(({ allocation }) => keptAllocation(name, allocation)),
        ...reading.unreadable.map(untouched),
      ]),
    };
  }
  const plan = planNetwork(reading, context);
  const shown = nodeAnnotation(parent);
  const children = [
    ...plan.kept.map(({ allocation, releasedAt }) => {
      const annotations =
        releasedAt === undefined ? shown : { ...shown, [RELEASED_AT_ANNOTATION]: releasedAt };
      return keptAllocation(name, allocation, annotations);
    }),
    ...plan.added.map((addition) => newAllocation(name, context.config.installNamespace, addition, shown)),
    ...reading.unreadable.map(untouched),
  ];
  const resync = Math.min(
    plan.changesInSeconds ?? Number.POSITIVE_INFINITY,
    plan.added.length > 0 ? SAFETY_RESYNC_SECONDS : Number.POSITIVE_INFINITY,
  );
  return {
    status: servingStatus(parent, reading, plan, context.now),
    children: byName(children),
    ...(Number.isFinite(resync) && { resyncAfterSeconds: resync }),
  };
}

/**
 * Gives out nothing more.
 *
 * The blocks of `default` are on their nodes for good, so it stays as long as one of those nodes lives. Another
 * network first marks its allocations as withdrawn, on which the nodes hook takes the annotations off the
 * nodes, and lets go of them when the mark has had time to arrive there.
 */
export function finalize(request: CompositeRequest<PodNetwork>, context: HookContext): CompositeResponse {
  const { parent } = request;
  const { name } = parent.metadata;
  const { now, config } = context;
  const reading = readNetwork(request);
  const living = new Set(reading.nodes.map(({ uid }) => uid));
  const held = reading.allocations.filter(
    ({ nodeUID, allocation }) =>
      living.has(nodeUID) || !claimIsGone(allocation, reading.newestClaimVersion, context),
  );
  const children = held.flatMap(({ allocation }) => {
    if (name === DEFAULT_NETWORK) return [keptAllocation(name, allocation, {})];
    const since = allocation.metadata.annotations?.[WITHDRAWN_AT_ANNOTATION] ?? formatTime(now);
    if (secondsSince(since, now) >= config.cacheLagSeconds) return [];
    const annotations = { ...nodeAnnotation(parent), [WITHDRAWN_AT_ANNOTATION]: since };
    return [keptAllocation(name, allocation, annotations)];
  });
  const unseen = secondsUntilAllIsSeen(parent, context);
  const holders = new Set(held.map(({ nodeUID }) => nodeUID)).size;
  const message =
    holders === 0 ? 'is being deleted' : `${plural(holders, 'node')} with blocks of this network`;
  return {
    status: standstillStatus(parent, reading, { reason: 'Deleting', message }, now),
    children: byName(children),
    finalized: children.length === 0 && unseen === 0,
    ...(children.length > 0 && { resyncAfterSeconds: config.cacheLagSeconds }),
    ...(children.length === 0 && unseen > 0 && { resyncAfterSeconds: unseen }),
  };
}

/** What tells the nodes hook where to show a block. */
function nodeAnnotation({ metadata, spec }: PodNetwork): Record<string, string> {
  if (metadata.name === DEFAULT_NETWORK) return {};
  return { [NODE_ANNOTATION_ANNOTATION]: nodeAnnotationKey(metadata.name, spec?.annotation) };
}

function byName(children: DesiredObject[]): DesiredObject[] {
  return children.sort((a, b) => compareText(a.metadata.name, b.metadata.name));
}
