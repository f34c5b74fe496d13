/** Whether metaipam can start in a cluster whose pod network waits for it. */
import type { Node } from '../kubernetes/core-types.ts';
import { type Diagnosis, error, ok, warning } from './finding.ts';
import type { HookTarget } from './hook-target.ts';
import { metacontrollers } from './metacontroller-workload.ts';
import { type Workload, workloadTitle } from './workload.ts';

const README = 'see "Clusters that have no pod network yet" in metacontroller/README.md';

/**
 * Metacontroller asks the cluster's DNS for a Service. On the host's network it must be told to; and where metaipam
 * gives nodes their podCIDRs, DNS may not run before it does.
 */
export function checkStartUp(
  targets: readonly HookTarget[],
  workloads: readonly Workload[],
  nodes: readonly Node[],
  givesPodCIDRs: boolean,
): Diagnosis[] {
  if (!targets.some(({ service }) => service !== undefined)) return [];
  const deaf = metacontrollers(workloads).find(({ workload }) => {
    const { hostNetwork, dnsPolicy } = workload.spec.template.spec;
    return hostNetwork && dnsPolicy !== 'ClusterFirstWithHostNet';
  });
  if (deaf !== undefined) {
    const message = `${workloadTitle(deaf.workload)} is on the host's network and cannot resolve the hooks' Service`;
    return [error('start-up', message, 'set dnsPolicy: ClusterFirstWithHostNet on its pods')];
  }
  const isBare = nodes.length > 0 && nodes.every(({ spec }) => !spec?.podCIDRs?.length);
  if (givesPodCIDRs && isBare) {
    const message = 'no node has podCIDRs yet, and hooks are found through DNS, which may need them to start';
    return [warning('start-up', message, README)];
  }
  return [ok('start-up', "hooks are found through the cluster's DNS")];
}
