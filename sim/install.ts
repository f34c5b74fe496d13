/** What every simulated cluster has: the resources and the controllers of this version. */
import { parseManifests } from '../lib/cli/manifests.ts';
import type { ControllerConfig } from '../lib/engine/controller-config.ts';
import { crdAdmission } from '../lib/engine/crd-admission.ts';
import type { ResourceDefinition } from '../lib/engine/resources.ts';
import type { Admission } from '../lib/engine/store.ts';
import { IPAM_CLAIM_DEFINITION } from '../lib/ipam-claim/definition.ts';
import type { KubernetesObject } from '../lib/kubernetes/object.ts';
import { readCustomResourceDefinitions } from '../lib/kubernetes/schema.ts';
import { shippedFiles } from '../lib/shipped.ts';

interface Install {
  readonly crds: readonly ResourceDefinition[];
  /** By the CRDs. */
  readonly admission: Admission;
  /** By the CRDs and the policies, but for the one that refuses deletions: people here are to delete what is in use. */
  readonly admissionWithPolicies: Admission;
  /** By name. */
  readonly controllers: ReadonlyMap<string, ControllerConfig>;
}

/** A kind that is not ours, as far as IPAM goes. */
function foreignKind(
  group: string,
  version: string,
  kind: string,
  plural: string,
  scope: 'Namespaced' | 'Cluster' = 'Namespaced',
): ResourceDefinition {
  return {
    kind: 'CustomResourceDefinition',
    spec: {
      group,
      scope,
      names: { kind, plural },
      versions: [{ name: version, served: true, storage: true, subresources: { status: {} } }],
    },
  };
}

const CLUSTERS = foreignKind('cluster.x-k8s.io', 'v1beta2', 'Cluster', 'clusters');
const PODS = foreignKind('', 'v1', 'Pod', 'pods');
const SERVICE_CIDRS = foreignKind('networking.k8s.io', 'v1', 'ServiceCIDR', 'servicecidrs', 'Cluster');

let installed: Install | undefined;

/** Read from the manifests once: every world has the same. */
export function install(): Install {
  installed ??= readInstall();
  return installed;
}

function readInstall(): Install {
  const crds = [...readCustomResourceDefinitions(), IPAM_CLAIM_DEFINITION];
  const objects = readObjects('metacontroller');
  const controllers = [...objects, ...readObjects('metacontroller/ipam-claims')].filter(({ apiVersion }) =>
    apiVersion.startsWith('metacontroller.k8s.io/'),
  );
  return {
    crds: [...crds, CLUSTERS, PODS, SERVICE_CIDRS],
    admission: crdAdmission(crds),
    admissionWithPolicies: crdAdmission(crds, [
      ...objects.filter(({ metadata }) => metadata.name !== 'metaipam-delete-protection'),
      ...readObjects('metacontroller/admission'),
    ]),
    controllers: new Map(
      (controllers as object[] as ControllerConfig[]).map((config) => [config.metadata.name, config]),
    ),
  };
}

function readObjects(folder: Parameters<typeof shippedFiles>[0]): KubernetesObject[] {
  return shippedFiles(folder)
    .flatMap(({ name, text }) => parseManifests(text, name).objects)
    .map(({ object }) => object);
}
