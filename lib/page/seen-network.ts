/** What the page keeps of a sync of a PodNetwork. */

import type { NetworkOverview } from '../inspect/network-overview.ts';
import { overviewOf } from '../inspect/overview.ts';
import { CLUSTER_CIDR_API_VERSION, METAIPAM_API_VERSION } from '../kubernetes/names.ts';
import type { KubernetesObject } from '../kubernetes/object.ts';
import type { PodNetwork } from '../kubernetes/types.ts';
import type { CompositeRequest, CompositeResponse, HookContext } from '../metacontroller/hook.ts';
import { groupWaiting, objectsOfGroup, slim, type WaitingGroup } from './seen-pool.ts';

export interface SeenNetwork {
  readonly kind: 'network';
  readonly network: PodNetwork;
  readonly nodes: number;
  /** The network, its ClusterCIDRs, nodes' claims and allocations as JSON: some hundred bytes each. */
  readonly objects: string;
}

export function seeNetwork(
  { parent, related }: CompositeRequest<PodNetwork>,
  { status, children }: CompositeResponse,
): SeenNetwork {
  const network = { ...slim(parent), spec: parent.spec ?? {}, status: status ?? {} } as PodNetwork;
  const claims = objectsOfGroup<KubernetesObject & { spec: object }>(
    related,
    `PodCIDRClaim.${METAIPAM_API_VERSION}`,
  );
  const clusterCIDRs = objectsOfGroup<KubernetesObject & { spec: object; status?: object }>(
    related,
    `ClusterCIDR.${CLUSTER_CIDR_API_VERSION}`,
  );
  const objects: object[] = [
    network,
    ...claims.map((claim) => ({ ...slim(claim), spec: claim.spec })),
    ...clusterCIDRs.map((pool) => ({ ...slim(pool), spec: pool.spec, status: pool.status })),
    ...children,
  ];
  return { kind: 'network', network, nodes: claims.length, objects: JSON.stringify(objects) };
}

export interface NetworkPicture {
  readonly overview: NetworkOverview;
  readonly waiting: readonly WaitingGroup[];
}

/** What the page draws of a network: computed only when somebody looks. */
export function pictureNetwork({ network, objects }: SeenNetwork, context: HookContext): NetworkPicture {
  const { networks } = overviewOf(JSON.parse(objects) as KubernetesObject[], context);
  const overview = networks.find(({ name }) => name === network.metadata.name)!;
  return { overview, waiting: groupWaiting(overview.waiting) };
}
