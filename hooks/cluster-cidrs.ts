/** ClusterCIDR: its status, and its deletion held back while nodes have blocks of it. */
import { blockCount, countBlocksIn } from '../lib/address/blocks.ts';
import type { Prefix } from '../lib/address/range.ts';
import { secondsUntilAllIsSeen } from '../lib/allocation/release.ts';
import { exactInteger } from '../lib/json.ts';
import { setCondition } from '../lib/kubernetes/conditions.ts';
import { labelValue } from '../lib/kubernetes/label-value.ts';
import { CLUSTER_CIDR_LABEL, METAIPAM_API_VERSION } from '../lib/kubernetes/names.ts';
import { formatProblem } from '../lib/kubernetes/problem.ts';
import type { BlockCounts, ClusterCIDR, ClusterCIDRStatus, IPAllocation } from '../lib/kubernetes/types.ts';
import {
  type CustomizeRequest,
  type CustomizeResponse,
  type DecoratorRequest,
  type DecoratorResponse,
  type HookContext,
  objectsOf,
} from '../lib/metacontroller/hook.ts';
import { blockLength, readBlockPool } from '../lib/pod-network/block-pool.ts';
import { type BlockAllocation, readBlockAllocation } from '../lib/pod-network/decision.ts';
import { plural } from '../lib/text.ts';

const MAX_INT64 = 2n ** 63n - 1n;

export function customize(
  { parent }: CustomizeRequest<ClusterCIDR>,
  { config }: HookContext,
): CustomizeResponse {
  return {
    relatedResources: [
      {
        apiVersion: METAIPAM_API_VERSION,
        resource: 'ipallocations',
        namespace: config.installNamespace,
        labelSelector: { matchLabels: { [CLUSTER_CIDR_LABEL]: labelValue(parent.metadata.name) } },
      },
    ],
  };
}

export function sync(request: DecoratorRequest<ClusterCIDR>, { now }: HookContext): DecoratorResponse {
  return { status: statusOf(request, now), attachments: [] };
}

/** The ClusterCIDR may go when no allocation names it any more. */
export function finalize(request: DecoratorRequest<ClusterCIDR>, context: HookContext): DecoratorResponse {
  const isUsed = allocationsOf(request).length > 0;
  const unseen = secondsUntilAllIsSeen(request.object, context);
  return {
    status: statusOf(request, context.now),
    attachments: [],
    finalized: !isUsed && unseen === 0,
    ...(!isUsed && unseen > 0 && { resyncAfterSeconds: unseen }),
  };
}

/**
 * The allocations that name the ClusterCIDR. Its uid does not matter: one restored from a backup has another,
 * and so had the allocations that came with it.
 */
function allocationsOf(request: DecoratorRequest<ClusterCIDR>): BlockAllocation[] {
  return objectsOf<IPAllocation>(request, 'related', `IPAllocation.${METAIPAM_API_VERSION}`)
    .map((allocation) => readBlockAllocation(allocation))
    .filter((each) => each !== undefined)
    .filter(({ allocation }) => allocation.spec.poolRef.name === request.object.metadata.name);
}

function statusOf(request: DecoratorRequest<ClusterCIDR>, now: number): ClusterCIDRStatus {
  const { object } = request;
  const { pool, problems } = readBlockPool(object);
  const allocations = allocationsOf(request);
  const nodes = new Set(allocations.map(({ nodeUID }) => nodeUID)).size;
  const counts = (pool?.ranges ?? []).map((range) => ({
    family: range.family,
    ...countBlocks(range, blockLength(pool!, range), allocations),
  }));
  const isTerminating = object.metadata.deletionTimestamp !== undefined;
  const isFull = counts.some(({ free }) => free === 0n);
  const ready = isTerminating
    ? unready('Deleting', `${plural(nodes, 'node')} with blocks of this ClusterCIDR`)
    : problems.length > 0
      ? unready('InvalidSpec', problems.map(formatProblem).join('; '))
      : isFull
        ? unready('PoolExhausted', 'no block is free')
        : ({ status: 'True', reason: 'Ready', message: '' } as const);
  const observed = object.metadata.generation;
  const generation = observed === undefined ? {} : { observedGeneration: observed };
  return {
    ...Object.fromEntries(counts.map(({ family, ...each }) => [`ipv${family}`, exactCounts(each)])),
    nodes,
    conditions: setCondition(object.status?.conditions, { type: 'Ready', ...ready, ...generation }, now),
    ...generation,
  };
}

function unready(reason: string, message: string) {
  return { status: 'False', reason, message } as const;
}

function countBlocks(range: Prefix, length: number, allocations: readonly BlockAllocation[]) {
  const total = blockCount(range, length);
  const used = countBlocksIn(
    range,
    length,
    allocations.map(({ block }) => block),
  );
  return { total, used, free: total - used };
}

/** Counts are int64 in the API. */
function exactCounts(counts: ReturnType<typeof countBlocks>): BlockCounts {
  const cap = (count: bigint) => exactInteger(count > MAX_INT64 ? MAX_INT64 : count);
  return { total: cap(counts.total), used: cap(counts.used), free: cap(counts.free) };
}
