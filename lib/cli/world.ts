/** A simulated cluster with metaipam installed. */
import { Cluster } from '../engine/cluster.ts';
import type { ControllerConfig } from '../engine/controller-config.ts';
import { crdAdmission } from '../engine/crd-admission.ts';
import type { HookRegistry } from '../engine/hook-server.ts';
import { NodeBinder } from '../engine/node-binder.ts';
import type { Unstructured } from '../engine/object.ts';
import { readCustomResourceDefinitions } from '../kubernetes/schema.ts';
import { readInstall } from './install-manifests.ts';
import type { LoadedObject } from './manifests.ts';

/** The resources, controllers and binder of this version, and the default PodNetwork. */
export function createWorld(hooks: HookRegistry): Cluster {
  const install = readInstall() as Unstructured[];
  const crds = readCustomResourceDefinitions();
  const cluster = new Cluster({
    crds,
    hooks,
    controllers: install.filter(({ apiVersion }) =>
      apiVersion.startsWith('metacontroller.k8s.io/'),
    ) as object[] as ControllerConfig[],
    admission: crdAdmission(crds),
    reconcilers: { binder: (environment) => new NodeBinder(environment) },
  });
  for (const object of install) if (object.kind === 'PodNetwork') cluster.apply(object);
  return cluster;
}

/** Applies in order, like one `kubectl apply`. Returns a sentence for each object that is refused. */
export function applyAll(cluster: Cluster, objects: readonly LoadedObject[]): string[] {
  return objects.flatMap(({ source, object }) => {
    const { error } = cluster.apply(object as Unstructured);
    return error === undefined ? [] : [`${source} ${object.kind}/${object.metadata.name}: ${error.message}`];
  });
}
