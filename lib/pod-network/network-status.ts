import { setCondition } from '../kubernetes/conditions.ts';
import type { PodNetwork, PodNetworkStatus } from '../kubernetes/types.ts';
import { listSome, plural } from '../text.ts';
import type { NetworkReading } from './network-view.ts';
import type { NodeRemark, Plan } from './plan.ts';

/** Why a network gives out nothing now. */
export interface Standstill {
  readonly reason: 'InvalidSpec' | 'Deleting';
  readonly message: string;
}

/** The status of a network that serves its nodes. */
export function servingStatus(
  network: PodNetwork,
  reading: NetworkReading,
  { allocated, waiting, unaccounted }: Plan,
  now: number,
): PodNetworkStatus {
  const counts = { total: reading.nodes.length, allocated, pending: waiting.length };
  const message = describe(reading, waiting, unaccounted);
  const ready =
    waiting.length === 0
      ? ({ status: 'True', reason: 'Ready', message } as const)
      : ({ status: 'False', reason: 'NodesPending', message } as const);
  return statusOf(network, reading, counts, ready, now);
}

/** The status of a network that only keeps what it has. */
export function standstillStatus(
  network: PodNetwork,
  reading: NetworkReading,
  { reason, message }: Standstill,
  now: number,
): PodNetworkStatus {
  const holders = new Set(reading.allocations.map(({ nodeUID }) => nodeUID));
  const holding = reading.nodes.filter(({ uid }) => holders.has(uid));
  const pending = reading.nodes.filter(({ uid, podCIDRs }) => !holders.has(uid) && podCIDRs.length === 0);
  const counts = { total: reading.nodes.length, allocated: holding.length, pending: pending.length };
  return statusOf(network, reading, counts, { status: 'False', reason, message }, now);
}

/** Metacontroller adds observedGeneration. */
function statusOf(
  { metadata, status }: PodNetwork,
  { clusterCIDRs }: NetworkReading,
  nodes: NonNullable<PodNetworkStatus['nodes']>,
  ready: { status: 'True' | 'False'; reason: string; message: string },
  now: number,
): PodNetworkStatus {
  const { generation: observedGeneration } = metadata;
  const condition = {
    type: 'Ready',
    ...ready,
    ...(observedGeneration !== undefined && { observedGeneration }),
  };
  return { nodes, clusterCIDRs, conditions: setCondition(status?.conditions, condition, now) };
}

function describe(
  { nodes, invalidClusterCIDRs }: NetworkReading,
  waiting: readonly NodeRemark[],
  unaccounted: readonly NodeRemark[],
): string {
  const remark = ({ name, reason }: NodeRemark) => `${name} (${reason})`;
  const sentences = [
    [`${waiting.length} of ${plural(nodes.length, 'node')} without blocks`, waiting.map(remark)],
    [`${plural(unaccounted.length, 'node')} with foreign podCIDRs`, unaccounted.map(remark)],
    [
      plural(invalidClusterCIDRs.length, 'invalid ClusterCIDR'),
      invalidClusterCIDRs.map(({ name, message }) => `${name} (${message})`),
    ],
  ] as const;
  return sentences
    .filter(([, items]) => items.length > 0)
    .map(([title, items]) => `${title}: ${listSome(items)}`)
    .join('; ');
}
