/** A simulated cluster with metaipam installed. */

import { AddressOwner } from '../engine/address-owner.ts';
import { type ClusterOptions, type Settlement, SimulatedCluster } from '../engine/cluster.ts';
import type { ControllerConfig } from '../engine/controller-config.ts';
import { crdAdmission } from '../engine/crd-admission.ts';
import type { HookRegistry } from '../engine/hook-server.ts';
import { NodeBinder } from '../engine/node-binder.ts';
import type { Unstructured } from '../engine/object.ts';
import { OverlapReporter } from '../engine/overlap-reporter.ts';
import type { ResourceDefinition } from '../engine/resources.ts';
import { sideBySide } from '../engine/schedule.ts';
import type { Admission } from '../engine/store.ts';
import { lastApplied } from '../inspect/preview/applied-changes.ts';
import { IPAM_CLAIM_DEFINITION, isIPAMClaim } from '../ipam-claim/definition.ts';
import { CLUSTER_GROUP, SERVICE_CIDR_API_VERSION } from '../kubernetes/names.ts';
import {
  compareResourceVersions,
  groupOf,
  isNamespace,
  type KubernetesObject,
} from '../kubernetes/object.ts';
import { readCustomResourceDefinitions } from '../kubernetes/schema.ts';
import { DEFAULT_CONFIG } from '../metacontroller/hook.ts';
import { selectsNamespaces } from '../pool/allowed-namespaces.ts';
import { readClaimRouting, readInstall, readIPAMClaimControllers } from './install-manifests.ts';

/** Cluster API's Cluster, as far as IPAM goes; its CRD is not ours to ship. */
const CLUSTERS: ResourceDefinition = {
  kind: 'CustomResourceDefinition',
  spec: {
    group: CLUSTER_GROUP,
    scope: 'Namespaced',
    names: { kind: 'Cluster', plural: 'clusters' },
    versions: [
      { name: 'v1beta2', served: true, storage: true, subresources: { status: {} } },
      { name: 'v1beta1', served: true, storage: false, subresources: { status: {} } },
    ],
  },
};

/** Kubernetes' own, as a definition: other worlds go without. */
const SERVICE_CIDRS: ResourceDefinition = {
  kind: 'CustomResourceDefinition',
  spec: {
    group: groupOf(SERVICE_CIDR_API_VERSION),
    scope: 'Cluster',
    names: { kind: 'ServiceCIDR', plural: 'servicecidrs' },
    versions: [{ name: 'v1', served: true, storage: true, subresources: { status: {} } }],
  },
};

/** The policy and its binding. */
export const DELETE_PROTECTION = 'metaipam-delete-protection';

/** As docs/install.md has Metacontroller started. */
const WORKERS = 20;

interface Shipped {
  readonly crds: readonly ResourceDefinition[];
  readonly admission: Admission;
  readonly install: readonly Unstructured[];
}

const shipped = new Map<boolean, Shipped>();

/** Read once: every world has the same, but for the policy that refuses deletions. */
function readShipped(hasDeleteProtection = true): Shipped {
  const known = shipped.get(hasDeleteProtection);
  if (known !== undefined) return known;
  const crds = readCustomResourceDefinitions();
  const install = (readInstall() as Unstructured[]).filter(
    ({ metadata: { name } }) => hasDeleteProtection || name !== DELETE_PROTECTION,
  );
  const admission = crdAdmission([...crds, IPAM_CLAIM_DEFINITION], [...install, ...readClaimRouting()]);
  const read = { crds, admission, install };
  shipped.set(hasDeleteProtection, read);
  return read;
}

type WorldOptions = Pick<ClusterOptions, 'now' | 'seed' | 'config' | 'observe'> & {
  /** Whether there are IPAMClaims. */
  readonly hasIPAMClaims?: boolean;
  /** Whether the deletion of what is in use is refused, as the install has it. */
  readonly hasDeleteProtection?: boolean | undefined;
};

/**
 * The resources, controllers and binder of this version, and the default PodNetwork.
 *
 * @param there what it begins with, as `restoreAll` takes it
 */
export function createWorld(
  hooks: HookRegistry,
  options: Pick<WorldOptions, 'observe' | 'hasIPAMClaims'> = {},
  there: readonly KubernetesObject[] = [],
): SimulatedCluster {
  // What is there has the times and uids of its own cluster, which may have been a simulated one.
  const now = Date.now();
  const cluster = createEmptyWorld(hooks, { ...options, ...(there.length > 0 && { now, seed: now }) });
  restoreAll(cluster, there);
  for (const object of readShipped().install) {
    const isMissing =
      object.kind === 'PodNetwork' && cluster.get({ ...object, ...object.metadata }) === undefined;
    if (isMissing) cluster.apply(object);
  }
  return cluster;
}

/** Takes over objects of another cluster, with their uids. Other kinds than those of the world are left out. */
export function restoreAll(cluster: SimulatedCluster, objects: readonly KubernetesObject[]): void {
  const known = (objects as readonly Unstructured[])
    .filter(({ apiVersion, kind }) => cluster.resources.findKind(apiVersion, kind) !== undefined)
    .sort((a, b) => compareResourceVersions(a.metadata.resourceVersion, b.metadata.resourceVersion));
  for (const object of known) cluster.restore(object, lastApplied(object) as Unstructured);
}

/** The same without any object. */
export function createEmptyWorld(
  hooks: HookRegistry,
  { hasIPAMClaims = false, hasDeleteProtection, ...options }: WorldOptions = {},
): SimulatedCluster {
  const { crds, admission, install } = readShipped(hasDeleteProtection);
  const objects = hasIPAMClaims ? [...install, ...readIPAMClaimControllers()] : install;
  return new SimulatedCluster({
    ...options,
    schedule: sideBySide(),
    isForgetful: true,
    forgetsTimers: true,
    workers: WORKERS,
    config: { ...(options.config ?? DEFAULT_CONFIG), watchServiceCIDRs: true },
    crds: [...crds, CLUSTERS, SERVICE_CIDRS, ...(hasIPAMClaims ? [IPAM_CLAIM_DEFINITION] : [])],
    hooks,
    controllers: controllersOf(objects),
    admission,
    reconcilers: {
      binder: (environment) => new NodeBinder(environment),
      overlaps: (environment) => new OverlapReporter(environment, options.config ?? DEFAULT_CONFIG),
      owners: (environment) => new AddressOwner(environment, options.config ?? DEFAULT_CONFIG),
    },
  });
}

/** Their CRD is not ours to ship: no world has them without need. */
export function hasIPAMClaims(objects: readonly KubernetesObject[]): boolean {
  return objects.some(isIPAMClaim);
}

/** Pools and networks first: who finds an address at the first look needs no second. */
function controllersOf(objects: readonly KubernetesObject[]): ControllerConfig[] {
  return ['CompositeController', 'DecoratorController'].flatMap((kind) =>
    objects.filter((object) => object.kind === kind),
  ) as object[] as ControllerConfig[];
}

/** Makes the Namespaces that the objects are in, where a pool asks for their labels and nobody gave them. */
export function makeNamespaces(cluster: SimulatedCluster, objects: readonly KubernetesObject[]): void {
  if (!objects.some(selectsNamespaces)) return;
  const given = objects.filter(isNamespace).map(({ metadata: { name } }) => name);
  const used = objects.map(({ metadata: { namespace = 'default' } }) => namespace);
  for (const name of new Set(used).difference(new Set(given))) {
    const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
    if (cluster.get({ ...namespace, name }) === undefined) cluster.apply(namespace);
  }
}

/** Applies in order, like one `kubectl apply`. Returns those that are refused, with the sentence why. */
export function applyAll<T extends { readonly object: KubernetesObject }>(
  cluster: SimulatedCluster,
  objects: readonly T[],
): (T & { readonly message: string })[] {
  return objects.flatMap((given) => {
    const { error } = cluster.apply(given.object as Unstructured);
    return error === undefined ? [] : [{ ...given, message: error.message }];
  });
}

/** Why a cluster is not at rest; nothing if it is. A sync that fails is tried again for ever. */
export function describeUnrest({ settled, syncs, loops, failures }: Settlement): string[] {
  const failing = failures.map(
    ({ reconciler, key, message }) => `${reconciler} ${key} keeps failing: ${message}`,
  );
  if (settled) return failing;
  const looping = loops.map((loop) => `${loop.reconciler} ${loop.key}: ${loop.syncs} syncs`);
  return [`the cluster does not settle: ${syncs} syncs so far, most of them of`, ...looping, ...failing];
}
