/** Controllers that would give out the same addresses or blocks. */
import { PROVIDER_LABEL } from '../kubernetes/names.ts';
import type { KubernetesObject } from '../kubernetes/object.ts';
import { PROGRAM } from '../program.ts';
import { type Diagnosis, error, judge, ok, type Reading, unknown } from './finding.ts';
import {
  containersOf,
  goFlag,
  imageName,
  type PodSpec,
  replicas,
  type Workload,
  workloadCommand,
  workloadTitle,
} from './workload.ts';

/** Cluster API's name for the in-cluster provider. */
const PROVIDER = 'ipam-in-cluster';

export interface Pod extends KubernetesObject {
  readonly spec: PodSpec;
}

/** Cluster API's in-cluster provider and node-ipam-controller, where they have replicas. */
export function checkReferenceControllers(workloads: readonly Workload[]): Diagnosis[] {
  const running = workloads.filter((workload) => replicas(workload).wanted > 0 && isReference(workload));
  if (running.length === 0) {
    return [ok('other-allocators', 'neither the in-cluster IPAM provider nor node-ipam-controller runs')];
  }
  return running.map((workload) => {
    const stop =
      workload.kind === 'DaemonSet'
        ? workloadCommand('delete', workload)
        : `${workloadCommand('scale', workload)} --replicas=0`;
    const message = `${workloadTitle(workload)} runs and allocates for the same pools or nodes`;
    return error('other-allocators', message, `${stop}; then ${PROGRAM} adopt, see docs/taking-over.md`);
  });
}

function isReference(workload: Workload): boolean {
  const { labels = {} } = workload.metadata;
  if (labels[PROVIDER_LABEL] === PROVIDER) return true;
  if (labels['app.kubernetes.io/name'] === 'node-ipam-controller') return true;
  return workload.spec.template.spec.containers.some((container) =>
    /^(cluster-api-ipam-in-cluster-controller|cluster-api-ipam-provider-in-cluster|node-ipam-controller)$/.test(
      imageName(container),
    ),
  );
}

/** Webhooks of the in-cluster provider, which refuse every change of a pool once their server is gone. */
export function checkForeignWebhooks(
  configurations: readonly KubernetesObject[],
  workloads: readonly Workload[],
): Diagnosis[] {
  const isRunning = workloads.some(
    (workload) => workload.metadata.labels?.[PROVIDER_LABEL] === PROVIDER && replicas(workload).wanted > 0,
  );
  const left = configurations.filter(({ metadata }) => metadata.labels?.[PROVIDER_LABEL] === PROVIDER);
  if (isRunning || left.length === 0) return [];
  return left.map(({ kind, metadata }) =>
    error(
      'other-allocators',
      `${kind} ${metadata.name} is left of the in-cluster IPAM provider and refuses every change of a pool`,
      `${PROGRAM} adopt`,
    ),
  );
}

/**
 * kube-controller-manager and the cloud controller managers with `--allocate-node-cidrs`: in their static pods, or
 * as workloads.
 */
export function checkNodeAllocators(
  pods: Reading<Pod>,
  workloads: readonly Workload[],
  givesPodCIDRs: boolean,
): readonly Diagnosis[] {
  const check = 'node-allocators';
  if (!givesPodCIDRs)
    return [
      ok(check, 'there is no ClusterCIDR of the network default: podCIDRs of nodes are left to others'),
    ];
  const managed = containersOf(workloads.filter((workload) => replicas(workload).wanted > 0)).map(
    ({ workload, container }) => ({ title: workloadTitle(workload), container }),
  );
  return judge(check, pods, (found) => {
    const ofPods = found.flatMap(({ metadata, spec }) =>
      spec.containers.map((container) => ({
        title: `Pod ${metadata.namespace}/${metadata.name}`,
        container,
      })),
    );
    const managers = [...ofPods, ...managed].filter(({ container }) =>
      /controller-manager/.test(`${imageName(container)} ${container.name} ${container.command?.[0]}`),
    );
    const allocating = managers.filter(
      ({ container }) => (goFlag(container, 'allocate-node-cidrs') ?? 'false') !== 'false',
    );
    if (allocating.length > 0) {
      const fix = 'set --allocate-node-cidrs=false there: a node keeps the podCIDRs that it gets first';
      return allocating.map(({ title }) => error(check, `${title} has --allocate-node-cidrs=true`, fix));
    }
    if (ofPods.length > 0) return [ok(check, 'no controller manager has --allocate-node-cidrs')];
    const fix = 'make sure that kube-controller-manager has --allocate-node-cidrs=false';
    return [unknown(check, 'kube-controller-manager runs where its flags cannot be seen', fix)];
  });
}
