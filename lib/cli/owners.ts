/** Whose claims are: the objects on the way up from a claim to its Cluster, as far as the user may read them. */
import type { KubeConfig } from '@kubernetes/client-node';
import type { RequestLog } from '../cluster/connection.ts';
import { leadingOwner } from '../inspect/survey.ts';
import type { KubernetesObject } from '../kubernetes/object.ts';
import { ApiError, ApiReader } from './api-reader.ts';

/** From a machine's data over Machine, MachineSet and MachineDeployment to the Cluster. */
const MOST_STEPS = 8;

/** The owners, their owners and so on; what is not there or forbidden is left out, and what is behind it. */
export async function readOwners(
  config: KubeConfig,
  claims: readonly KubernetesObject[],
  log?: RequestLog,
): Promise<KubernetesObject[]> {
  const api = new ApiReader(config, log);
  const get = <T>(path: string) =>
    api.get<T>(path).catch((error) => {
      if (error instanceof ApiError) return undefined;
      throw error;
    });
  const discovered = new Map<string, Promise<ResourceList | undefined>>();
  const found = new Map<string, Promise<KubernetesObject | undefined>>();
  const read = async (apiVersion: string, kind: string, namespace: string, name: string) => {
    const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    const list = discovered.get(root) ?? get<ResourceList>(root);
    discovered.set(root, list);
    const type = (await list)?.resources.find((each) => each.kind === kind && !each.name.includes('/'));
    if (type === undefined) return undefined;
    const scope = type.namespaced ? `namespaces/${encodeURIComponent(namespace)}/` : '';
    const object = await get<KubernetesObject>(`${root}/${scope}${type.name}/${encodeURIComponent(name)}`);
    return object && { apiVersion, kind, metadata: object.metadata };
  };
  await Promise.all(
    claims.map(async (claim) => {
      const { namespace = '' } = claim.metadata;
      let object: KubernetesObject | undefined = claim;
      for (let step = 0; step < MOST_STEPS && object !== undefined; step++) {
        const owner = leadingOwner(object);
        if (owner === undefined) return;
        const { apiVersion, kind, name } = owner;
        const key = JSON.stringify([apiVersion, kind, namespace, name]);
        const reading = found.get(key) ?? read(apiVersion, kind, namespace, name);
        found.set(key, reading);
        object = await reading;
      }
    }),
  );
  return (await Promise.all(found.values())).filter((object) => object !== undefined);
}

interface ResourceList {
  readonly resources: readonly {
    readonly name: string;
    readonly kind: string;
    readonly namespaced: boolean;
  }[];
}
