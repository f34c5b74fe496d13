/** A cluster in which nothing is wrong, for tests to break one thing of. */

import { readInstall, readIPAMClaimControllers } from '../../lib/cli/install-manifests.ts';
import type { ControllerObject } from '../../lib/doctor/controller-configs.ts';
import type { ClusterState, Release } from '../../lib/doctor/examine.ts';
import type { Container, Workload } from '../../lib/doctor/workload.ts';
import type { Node } from '../../lib/kubernetes/core-types.ts';
import type { InstalledDefinition } from '../../lib/kubernetes/installed-definition.ts';
import type { KubernetesObject } from '../../lib/kubernetes/object.ts';
import { readCustomResourceDefinitions } from '../../lib/kubernetes/schema.ts';

export const NOW = Date.parse('2026-01-02T00:00:00Z');

export const RELEASE: Release = {
  version: '0.1.0',
  definitions: readCustomResourceDefinitions(),
  install: readInstall(),
  optional: readIPAMClaimControllers(),
};

export function soundState(): ClusterState {
  const released = structuredClone(RELEASE.install);
  return {
    version: items('v1.36.0'),
    definitions: { items: definitions() },
    controllers: {
      items: released.filter(({ apiVersion }) =>
        apiVersion.startsWith('metacontroller.k8s.io/'),
      ) as ControllerObject[],
    },
    workloads: items(
      { ...(released.find(({ kind }) => kind === 'Deployment') as Workload), status: { readyReplicas: 2 } },
      metacontroller(),
    ),
    services: { items: released.filter(({ kind }) => kind === 'Service') as never[] },
    endpointSlices: items({
      ...object('EndpointSlice', 'metaipam-hooks-1', 'metaipam-system', {
        'kubernetes.io/service-name': 'metaipam-hooks',
      }),
      endpoints: [{ conditions: { ready: true } }, { conditions: { ready: false } }],
    }),
    leases: items({
      ...object('Lease', 'node-ipam-controller', 'metaipam-system'),
      spec: {
        holderIdentity: 'metaipam-1',
        leaseDurationSeconds: 15,
        renewTime: '2026-01-01T23:59:55.000001Z',
      },
    }),
    pods: items({
      ...object('Pod', 'kube-controller-manager-a', 'kube-system'),
      spec: {
        containers: [
          {
            name: 'kube-controller-manager',
            command: [
              'kube-controller-manager',
              '--allocate-node-cidrs=false',
              '--cluster-cidr=10.244.0.0/16',
            ],
          },
        ],
      },
    }),
    webhookConfigurations: items(),
    admissionPolicies: { items: released.filter(({ kind }) => kind.includes('AdmissionPolicy')) },
    clusterCIDRs: items({
      ...object('ClusterCIDR', 'all'),
      kind: 'ClusterCIDR',
      spec: { perNodeHostBits: 8, ipv4: '10.244.0.0/16' },
    }),
    podNetworks: items(),
    serviceCIDRs: items({
      ...object('ServiceCIDR', 'kubernetes'),
      kind: 'ServiceCIDR',
      spec: { cidrs: ['10.96.0.0/12'] },
    }),
    nodes: items<Node>({ ...object('Node', 'a'), kind: 'Node', spec: { podCIDRs: ['10.244.0.0/24'] } }),
    claims: items(),
    denied: items(),
    certificates: () => ({ problem: 'not asked for' }),
  };
}

export function items<T>(...items: T[]): { items: T[] } {
  return { items };
}

export function object(
  kind: string,
  name: string,
  namespace?: string,
  labels: Record<string, string> = {},
): KubernetesObject {
  const creationTimestamp = '2026-01-01T00:00:00Z';
  return {
    apiVersion: 'any/v1',
    kind,
    metadata: { name, creationTimestamp, labels, ...(namespace && { namespace }) },
  };
}

export function workload(kind: string, name: string, container: Partial<Container>, labels = {}): Workload {
  return {
    ...object(kind, name, 'default', labels),
    spec: { replicas: 1, template: { spec: { containers: [{ name, ...container }] } } },
    status: { readyReplicas: 1 },
  };
}

export function metacontroller(changes: Partial<Container> = {}): Workload {
  return workload('StatefulSet', 'metacontroller', {
    image: 'ghcr.io/metacontroller/metacontroller:v4.17.0-distroless',
    args: ['--client-go-qps=200', '--client-go-burst=400', '--workers=20', '--cache-flush-interval=10h'],
    resources: { limits: { memory: '1Gi' } },
    ...changes,
  });
}

function definitions(): InstalledDefinition[] {
  const conditions = ['Established', 'NamesAccepted'].map((type) => ({ type, status: 'True' }));
  const others = [
    'compositecontrollers.metacontroller.k8s.io',
    'decoratorcontrollers.metacontroller.k8s.io',
    'controllerrevisions.metacontroller.k8s.io',
    'clusters.cluster.x-k8s.io',
    'ipamclaims.k8s.cni.cncf.io',
  ].map((name) => ({
    ...object('CustomResourceDefinition', name),
    spec: {
      versions: [
        { name: 'v1beta2', served: true },
        { name: 'v1beta1', served: true },
      ],
    },
  }));
  const all = [...structuredClone(RELEASE.definitions), ...others] as object[] as InstalledDefinition[];
  return all.map((definition) => ({
    ...definition,
    status: { conditions: structuredClone(conditions), storedVersions: [] },
  }));
}
