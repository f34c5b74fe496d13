/** All checks of a cluster, in the order in which to mend what they find. */

import type { Node, ServiceCIDR } from '../kubernetes/core-types.ts';
import type { InstalledDefinition } from '../kubernetes/installed-definition.ts';
import { DEFAULT_NETWORK } from '../kubernetes/names.ts';
import type { KubernetesObject } from '../kubernetes/object.ts';
import type { CustomResourceDefinition } from '../kubernetes/schema.ts';
import type { ClusterCIDR, PodNetwork } from '../kubernetes/types.ts';
import { networkLabelOf } from '../pod-network/network-label.ts';
import { checkAdmissionPolicies } from './admission-policies.ts';
import {
  type ControllerObject,
  checkControllers,
  hookTargets,
  ourControllers,
} from './controller-configs.ts';
import { type Diagnosis, itemsOf, judge, type Reading, unknown } from './finding.ts';
import {
  checkServer,
  checkTargets,
  checkTrust,
  type EndpointSlice,
  findServer,
  type HookServer,
  type Service,
} from './hook-server.ts';
import type { HookTarget } from './hook-target.ts';
import { checkKubernetesVersion } from './kubernetes-version.ts';
import { checkMetacontroller } from './metacontroller-workload.ts';
import {
  checkLease,
  checkPermissions,
  type Lease,
  type Permission,
  requiredPermissions,
} from './node-binder.ts';
import { checkClaims, checkNodes, type TroubledClaim } from './objects-in-trouble.ts';
import {
  checkForeignWebhooks,
  checkNodeAllocators,
  checkReferenceControllers,
  type Pod,
} from './other-allocators.ts';
import { checkDefinitions } from './resource-definitions.ts';
import { checkServiceCIDRs } from './service-cidrs.ts';
import { checkStartUp } from './start-up.ts';
import type { Workload } from './workload.ts';

/** What is to be found: the CRDs and the install of this release. */
export interface Release {
  readonly version: string;
  readonly definitions: readonly CustomResourceDefinition[];
  /** The objects of `metacontroller/`. */
  readonly install: readonly KubernetesObject[];
  /** Controllers that an install may have beside these. */
  readonly optional: readonly KubernetesObject[];
}

/** What is needed to know where to look further. */
export interface Installation {
  readonly definitions: Reading<InstalledDefinition>;
  readonly controllers: Reading<ControllerObject>;
  readonly workloads: Reading<Workload>;
  readonly services: Reading<Service>;
}

/** What was found in a cluster. */
export interface ClusterState extends Installation {
  readonly version: Reading<string>;
  readonly endpointSlices: Reading<EndpointSlice>;
  readonly leases: Reading<Lease>;
  /** Of control planes, in kube-system. */
  readonly pods: Reading<Pod>;
  readonly webhookConfigurations: Reading<KubernetesObject>;
  readonly admissionPolicies: Reading<KubernetesObject>;
  readonly clusterCIDRs: Reading<ClusterCIDR>;
  readonly podNetworks: Reading<PodNetwork>;
  readonly serviceCIDRs: Reading<ServiceCIDR>;
  readonly nodes: Reading<Node>;
  readonly claims: Reading<TroubledClaim>;
  /** Of the server's required permissions those that it does not have. */
  readonly denied: Reading<Permission>;
  /** PEM of a target's CA bundle, or why it cannot be read. */
  readonly certificates: (target: HookTarget) => string | { readonly problem: string };
}

/** Where the controllers call their hooks, and what answers there. */
export interface Location {
  readonly targets: readonly HookTarget[];
  readonly server: HookServer | undefined;
  readonly required: readonly Permission[];
}

export function locate(
  { controllers, workloads, services }: Installation,
  { install, optional }: Release,
): Location {
  const targets = hookTargets(ourControllers(itemsOf(controllers), [...install, ...optional]));
  const server = findServer(targets, servicesOf(targets, itemsOf(services)), itemsOf(workloads));
  return { targets, server, required: server === undefined ? [] : requiredPermissions(server, install) };
}

function servicesOf(targets: readonly HookTarget[], services: readonly Service[]): Service[] {
  return services.filter(({ metadata }) =>
    targets.some(
      ({ service }) => service?.namespace === metadata.namespace && service?.name === metadata.name,
    ),
  );
}

/** @param now milliseconds since the epoch */
export function examine(state: ClusterState, release: Release, now: number): Diagnosis[] {
  const { targets, server, required } = locate(state, release);
  const clusterApiVersion = server?.options?.['cluster-api-version'] ?? 'v1beta2';
  const watchClusters = server?.options?.['watch-clusters'] ?? true;
  // Those of other networks give no podCIDRs.
  const clusterCIDRs = itemsOf(state.clusterCIDRs).filter((each) => networkLabelOf(each) === DEFAULT_NETWORK);
  const givesPodCIDRs = clusterCIDRs.length > 0;
  const workloads = itemsOf(state.workloads);
  const chosen = ourControllers(release.optional, itemsOf(state.controllers));
  const released = [...release.install, ...chosen].filter(({ apiVersion }) =>
    apiVersion.startsWith('metacontroller.k8s.io/'),
  ) as ControllerObject[];

  return [
    ...judge('kubernetes', state.version, (versions) => versions.map(checkKubernetesVersion)),
    ...judge('crds', state.definitions, (definitions) =>
      checkDefinitions(
        definitions,
        {
          released: release.definitions,
          clusterApiVersion,
          watchClusters,
          servesIPAMClaims: chosen.length > 0,
        },
        state.services,
      ),
    ),
    ...judge('metacontroller', state.workloads, checkMetacontroller),
    ...judge('controllers', state.controllers, (found) =>
      checkControllers(found, released, clusterApiVersion),
    ),
    ...checkTargets(targets, state.services, state.endpointSlices),
    ...checkTrust(targets, state.certificates, now),
    ...judge('server', state.workloads, () =>
      'unreadable' in state.services && server === undefined
        ? [unknown('server', state.services.unreadable)]
        : checkServer(server, targets, release.version),
    ),
    ...(server === undefined ? [] : checkLease(server, state.leases, now)),
    ...(server === undefined ? [] : checkPermissions(server, required, state.denied)),
    ...judge('other-allocators', state.workloads, checkReferenceControllers),
    ...judge('other-allocators', state.webhookConfigurations, (found) =>
      checkForeignWebhooks(found, workloads),
    ),
    ...judge('node-allocators', state.clusterCIDRs, () =>
      checkNodeAllocators(state.pods, workloads, givesPodCIDRs),
    ),
    ...(server?.options === undefined
      ? []
      : checkServiceCIDRs(
          server.options['watch-service-cidrs'],
          state.serviceCIDRs,
          clusterCIDRs,
          itemsOf(state.podNetworks),
        )),
    ...checkNodes(state.nodes, givesPodCIDRs, now),
    ...checkStartUp(targets, workloads, itemsOf(state.nodes), givesPodCIDRs),
    ...checkClaims(state.claims),
    ...judge('admission', state.admissionPolicies, (found) => checkAdmissionPolicies(found, release.install)),
  ];
}
