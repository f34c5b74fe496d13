import { overlaps } from '../address/range.ts';
import { listedSlices, slicesMissing } from '../allocation/lost.ts';
import { slicesMisnamed } from '../allocation/misnamed.ts';
import { type Condition, setCondition } from '../kubernetes/conditions.ts';
import { formatProblem } from '../kubernetes/problem.ts';
import type { PodNetworkStatus } from '../kubernetes/types.ts';
import type { HookContext } from '../metacontroller/hook.ts';
import { listSome, plural } from '../text.ts';
import { familiesDiffer, familyRemarks } from './families.ts';
import type { NetworkReading } from './network-view.ts';
import { type NodeRemark, type Plan, planNetwork, planStandstill } from './plan.ts';

/** The condition of a network whose nodes have addresses of services. */
export const AMONG_SERVICES = 'AmongServices';

/** Why a network gives out nothing now. */
export interface NetworkStandstill {
  readonly reason: 'InvalidSpec' | 'Deleting';
  readonly message: string;
}

/**
 * What a network decides, and why it gives out nothing new if it does not. One whose spec is invalid takes nothing
 * back either.
 */
export function decideNetwork(
  reading: NetworkReading,
  context: HookContext,
  isDeleting: boolean,
): { readonly plan: Plan; readonly standstill: NetworkStandstill | undefined } {
  if (isDeleting) {
    const plan = planNetwork(reading, context, true);
    const holders = plan.homes.size;
    const message =
      holders === 0 ? 'is being deleted' : `${plural(holders, 'node')} with blocks of this network`;
    return { plan, standstill: { reason: 'Deleting', message } };
  }
  if (reading.problems.length === 0) return { plan: planNetwork(reading, context), standstill: undefined };
  const message = reading.problems.map(formatProblem).join('; ');
  return { plan: planStandstill(reading), standstill: { reason: 'InvalidSpec', message } };
}

/** The network's status. Metacontroller adds observedGeneration. */
export function networkStatus(
  reading: NetworkReading,
  plan: Plan,
  standstill: NetworkStandstill | undefined,
  now: number,
): PodNetworkStatus {
  const { network, slices, clusterCIDRs } = reading.objects;
  const { generation: observedGeneration } = network.metadata;
  const observed = observedGeneration === undefined ? {} : { observedGeneration };
  const conditions = [
    { ...readyCondition(reading, plan, standstill), ...observed },
    slicesMissing(reading.lost),
    ...slicesMisnamed(reading.misnamed, network.status?.conditions),
    ...amongServices(reading),
    ...familiesDiffer(familyRemarks(reading, plan), network.status?.conditions),
  ];
  return {
    nodes: { total: reading.nodes.length, allocated: plan.allocated, pending: plan.waiting.length },
    clusterCIDRs: clusterCIDRs.length,
    slices: listedSlices(slices, reading.lost),
    conditions: conditions.reduce(
      (previous, condition) => setCondition(previous, condition, now),
      [...(network.status?.conditions ?? [])],
    ),
  };
}

/** Whether nodes have blocks of the ranges of services; nothing where none ever had. */
function amongServices({
  objects,
  nodes,
  services,
}: NetworkReading): Omit<Condition, 'lastTransitionTime'>[] {
  const type = AMONG_SERVICES;
  const names = nodes
    .filter(({ blocks }) => blocks.some((block) => services.some((range) => overlaps(range, block))))
    .map(({ name }) => name);
  if (names.length > 0) {
    const message = `${plural(names.length, 'node')} with addresses of services: ${listSome(names)}`;
    return [{ type, status: 'True', reason: 'NodesAmongServices', message }];
  }
  const isKnown = objects.network.status?.conditions?.some((condition) => condition.type === type);
  return isKnown ? [{ type, status: 'False', reason: 'NodesApart', message: '' }] : [];
}

function readyCondition(
  reading: NetworkReading,
  plan: Plan,
  standstill: NetworkStandstill | undefined,
): Omit<Condition, 'lastTransitionTime'> {
  const type = 'Ready';
  if (standstill !== undefined) return { type, status: 'False', ...standstill };
  const message = describe(reading, plan);
  return plan.waiting.length === 0
    ? { type, status: 'True', reason: 'Ready', message }
    : { type, status: 'False', reason: 'NodesPending', message };
}

function describe(reading: NetworkReading, { waiting, short, unaccounted }: Plan): string {
  const { nodes, invalidClusterCIDRs } = reading;
  const remark = ({ name, reason }: NodeRemark) => `${name} (${reason})`;
  const sentences = [
    [`${waiting.length} of ${plural(nodes.length, 'node')} without blocks`, waiting.map(remark)],
    [`${plural(short.length, 'node')} without additional blocks`, short.map(remark)],
    [`${plural(unaccounted.length, 'node')} with foreign podCIDRs`, unaccounted.map(remark)],
    [
      plural(invalidClusterCIDRs.length, 'invalid ClusterCIDR'),
      invalidClusterCIDRs.map(({ clusterCIDR, message }) => `${clusterCIDR.metadata.name} (${message})`),
    ],
  ] as const;
  return sentences
    .filter(([, items]) => items.length > 0)
    .map(([title, items]) => `${title}: ${listSome(items)}`)
    .join('; ');
}
