/** Objects as the API server would hold them, for the tests of pod networks. */

import { parsePrefix } from '../../lib/address/range.ts';
import { blockAllocationName } from '../../lib/allocation/names.ts';
import type {
  ClusterCIDR,
  ClusterCIDRSpec,
  IPAllocation,
  NodeSelector,
  PodCIDRClaim,
  PodNetwork,
} from '../../lib/kubernetes/types.ts';
import { type CompositeRequest, DEFAULT_CONFIG, type DesiredObject } from '../../lib/metacontroller/hook.ts';

export const NOW = Date.parse('2026-06-01T12:00:00Z');
export const context = { now: NOW, config: DEFAULT_CONFIG };
const LONG_AGO = '2026-05-01T00:00:00Z';

/** `a=1,b=2` as a selector of one term, in which every requirement is an `In`. */
export function selecting(text: string): NodeSelector {
  const matchExpressions = text.split(',').map((part) => {
    const [key, value] = part.split('=') as [string, string];
    return { key, operator: 'In' as const, values: [value] };
  });
  return { nodeSelectorTerms: [{ matchExpressions }] };
}

export function clusterCIDR(
  name: string,
  spec: Partial<ClusterCIDRSpec>,
  metadata: Partial<ClusterCIDR['metadata']> = {},
): ClusterCIDR {
  return {
    apiVersion: 'networking.x-k8s.io/v1',
    kind: 'ClusterCIDR',
    metadata: { name, uid: `uid-${name}`, generation: 1, resourceVersion: '10', ...metadata },
    spec: { perNodeHostBits: 8, ...spec },
  };
}

export function claim(
  name: string,
  spec: Partial<PodCIDRClaim['spec']> = {},
  metadata: Partial<PodCIDRClaim['metadata']> = {},
): PodCIDRClaim {
  return {
    apiVersion: 'metaipam.io/v1alpha1',
    kind: 'PodCIDRClaim',
    metadata: { name, uid: `claim-${name}`, resourceVersion: '20', creationTimestamp: LONG_AGO, ...metadata },
    spec: { nodeUID: `uid-${name}`, nodeLabels: {}, podCIDRs: [], ...spec },
  };
}

/** The allocation of `cidr` to a node, as it is stored. `blocks` are all blocks of the node. */
export function allocation(
  node: string,
  cidr: string,
  {
    blocks = [cidr],
    from = 'a',
    version = '30',
    network = 'default',
    annotations = {},
    created = LONG_AGO,
  } = {},
): IPAllocation {
  const name = blockAllocationName(network, parsePrefix(cidr)!);
  return {
    apiVersion: 'metaipam.io/v1alpha1',
    kind: 'IPAllocation',
    metadata: {
      name,
      namespace: 'metaipam-system',
      uid: `uid-${name}`,
      resourceVersion: version,
      creationTimestamp: created,
      labels: {
        'controller-uid': `uid-${network}`,
        'metaipam.io/claim-uid': `uid-${node}`,
        'metaipam.io/network': network,
        'metaipam.io/cluster-cidr': from,
      },
      ...(Object.keys(annotations).length > 0 && { annotations }),
    },
    spec: {
      poolRef: { apiGroup: 'networking.x-k8s.io', kind: 'ClusterCIDR', name: from, uid: `uid-${from}` },
      claimRef: { apiGroup: '', kind: 'Node', name: node, uid: `uid-${node}` },
      cidr,
      blocks,
    },
  };
}

export function network(
  name = 'default',
  spec: Partial<PodNetwork['spec']> = {},
  metadata: Partial<PodNetwork['metadata']> = {},
): PodNetwork {
  const target = name === 'default' ? 'node.spec.podCIDRs' : 'node.metadata.annotations';
  return {
    apiVersion: 'metaipam.io/v1alpha1',
    kind: 'PodNetwork',
    metadata: { name, uid: `uid-${name}`, generation: 1, resourceVersion: '5', ...metadata },
    spec: { target, ...spec },
  };
}

export function request(parts: {
  parent?: PodNetwork;
  claims?: readonly PodCIDRClaim[];
  clusterCIDRs?: readonly ClusterCIDR[];
  allocations?: readonly IPAllocation[];
}): CompositeRequest<PodNetwork> {
  const { parent = network(), claims = [], clusterCIDRs = [], allocations = [] } = parts;
  return deepFreeze({
    parent,
    children: { 'IPAllocation.metaipam.io/v1alpha1': keyed(allocations) },
    related: {
      'PodCIDRClaim.metaipam.io/v1alpha1': keyed(claims),
      'ClusterCIDR.networking.x-k8s.io/v1': keyed(clusterCIDRs),
    },
  });
}

export function keyed<T extends PodCIDRClaim | ClusterCIDR | IPAllocation>(
  objects: readonly T[],
): Record<string, T> {
  return Object.fromEntries(
    objects.map((object) => {
      const { name, namespace } = object.metadata;
      return [namespace === undefined ? name : `${namespace}/${name}`, object];
    }),
  );
}

/** The blocks that each node has in the answer, by the node's name. */
export function blocksByNode(children: readonly DesiredObject[]): Record<string, string[]> {
  const blocks: Record<string, string[]> = {};
  for (const { spec } of children as IPAllocation[]) {
    const node = spec.claimRef.name;
    blocks[node] = [...(blocks[node] ?? []), spec.cidr!].sort();
  }
  return blocks;
}

/** What the API server holds once it has created the children. */
export function stored(children: readonly DesiredObject[], version = 100): IPAllocation[] {
  return (children as IPAllocation[]).map((child, index) => ({
    ...child,
    metadata: {
      ...child.metadata,
      uid: `uid-${child.metadata.name}`,
      resourceVersion: String(version + index),
      creationTimestamp: LONG_AGO,
    },
  }));
}

export function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(deepFreeze);
  }
  return value;
}
