/** Objects as the API server would hold them, for the tests of pod networks. */

import { parseBlock } from '../../lib/address/range.ts';
import { sliceName } from '../../lib/allocation/names.ts';
import { type Allocation, allocationsOf, keyOf, pieceOf } from '../../lib/allocation/slice.ts';
import type {
  AllocationSlice,
  ClusterCIDR,
  ClusterCIDRSpec,
  NodeSelector,
  PodCIDRClaim,
  PodNetwork,
  SliceAnswer,
  SliceEntry,
} from '../../lib/kubernetes/types.ts';
import { type CompositeRequest, DEFAULT_CONFIG, type DesiredObject } from '../../lib/metacontroller/hook.ts';

import { labelKeysDigest } from '../../lib/pod-network/network-slices.ts';

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

/** A block that a slice is to list. */
export interface Given {
  readonly network: string;
  readonly key: string;
  readonly entry: SliceEntry;
}

/** The entry of `cidr` for a node, confirmed where that counts. `blocks` are all blocks of the node. */
export function allocation(
  node: string,
  cidr: string,
  {
    blocks = [cidr],
    from = 'a',
    network = 'default',
    since = LONG_AGO,
    released,
    confirmed = network !== 'default',
  }: {
    blocks?: string[];
    from?: string;
    network?: string;
    since?: string;
    released?: string;
    confirmed?: boolean;
  } = {},
): Given {
  const entry = { uid: `uid-${node}`, name: node, clusterCIDR: from, blocks, since };
  const marks = {
    ...(released !== undefined && { released }),
    ...(confirmed && { confirmed: true as const }),
  };
  return { network, key: cidr, entry: { ...entry, ...marks } };
}

/** The slices that list them, as they are stored. */
export function slicesOf(given: readonly Given[], metadata: Partial<AllocationSlice['metadata']> = {}) {
  const slices = new Map<string, AllocationSlice>();
  for (const { network: name, key, entry } of given) {
    const block = parseBlock(key)!;
    const space = { name, marker: '' } as const;
    const piece = pieceOf(space, block);
    const { length } = block;
    const shape =
      length === undefined ? { blockSize: Number(block.last - block.first + 1n) } : { blockLength: length };
    const made = slice(sliceName(space, piece, shape), name, {
      cidr: keyOf(piece),
      ...shape,
      entries: {},
    });
    const { metadata: meta, spec } = slices.get(made.metadata.name) ?? made;
    slices.set(made.metadata.name, {
      ...made,
      metadata: { ...meta, ...metadata, labels: { ...meta.labels, ...metadata.labels } },
      spec: { ...spec, entries: { ...spec.entries, [key]: entry } },
    });
  }
  return [...slices.values()];
}

export function slice(
  name: string,
  network: string,
  spec: Omit<AllocationSlice['spec'], 'poolRef'>,
  metadata: Partial<AllocationSlice['metadata']> = {},
): AllocationSlice {
  return {
    apiVersion: 'metaipam.io/v1alpha1',
    kind: 'AllocationSlice',
    metadata: {
      name,
      namespace: 'metaipam-system',
      uid: `uid-${name}`,
      resourceVersion: '30',
      ...metadata,
      labels: { 'controller-uid': `uid-${network}`, 'metaipam.io/network': network, ...metadata.labels },
    },
    spec: {
      poolRef: { apiGroup: 'metaipam.io', kind: 'PodNetwork', name: network, uid: `uid-${network}` },
      ...spec,
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

export interface Parts {
  parent?: PodNetwork;
  claims?: readonly PodCIDRClaim[];
  clusterCIDRs?: readonly ClusterCIDR[];
  allocations?: readonly Given[];
  /** Beside those of the allocations. */
  slices?: readonly AllocationSlice[];
  leftovers?: readonly AllocationSlice[];
}

/** Each claim knows the labels that are asked for, unless it says itself which ones it knows. */
export function request(parts: Parts): CompositeRequest<PodNetwork> {
  const { parent = network(), claims = [], clusterCIDRs = [], allocations = [], slices = [] } = parts;
  const keys = [...new Set(clusterCIDRs.flatMap(keysOf))].sort();
  const knowing = claims.map((each) => ({
    ...each,
    ...(each.spec && {
      spec: {
        ...(keys.length > 0 && { labelKeys: { [parent.metadata.name]: labelKeysDigest(keys) } }),
        ...each.spec,
      },
    }),
  }));
  return deepFreeze({
    parent,
    children: { 'AllocationSlice.metaipam.io/v1alpha1': keyed([...slicesOf(allocations), ...slices]) },
    related: {
      'PodCIDRClaim.metaipam.io/v1alpha1': keyed(knowing),
      'ClusterCIDR.networking.x-k8s.io/v1': keyed(clusterCIDRs),
      'AllocationSlice.metaipam.io/v1alpha1': keyed(parts.leftovers ?? []),
    },
  });
}

function keysOf({ spec }: ClusterCIDR): string[] {
  const terms = spec?.nodeSelector?.nodeSelectorTerms ?? [];
  return terms.flatMap(({ matchExpressions }) => (matchExpressions ?? []).flatMap((each) => each?.key ?? []));
}

export function keyed<T extends PodCIDRClaim | ClusterCIDR | AllocationSlice | PodNetwork>(
  objects: readonly T[],
): Record<string, T> {
  return Object.fromEntries(
    objects.map((object) => {
      const { name, namespace } = object.metadata;
      return [namespace === undefined ? name : `${namespace}/${name}`, object];
    }),
  );
}

/** What the slices of an answer list. */
export function listed(children: readonly DesiredObject[]): Allocation[] {
  return allocationsOf(children as AllocationSlice[]);
}

/** The blocks that each node has in the answer, by the node's name; not those that are released. */
export function blocksByNode(children: readonly DesiredObject[]): Record<string, string[]> {
  const blocks: Record<string, string[]> = {};
  for (const { key, entry } of listed(children)) {
    if (entry.released !== undefined) continue;
    blocks[entry.name] = [...(blocks[entry.name] ?? []), key].sort();
  }
  return blocks;
}

/** The keys that are released in the answer, with the time. */
export function releasedIn(children: readonly DesiredObject[]): Record<string, string> {
  return Object.fromEntries(
    listed(children).flatMap(({ key, entry }) => (entry.released ? [[key, entry.released]] : [])),
  );
}

/** What the answer says to one of those who listen. */
export function answerFor(children: readonly DesiredObject[], uid: string): SliceAnswer | undefined {
  return (children as AllocationSlice[]).map(({ spec }) => spec.answers?.[uid]).find(Boolean);
}

/** What the API server holds once it has created the children. */
export function stored(children: readonly DesiredObject[], version = 100): AllocationSlice[] {
  return (children as AllocationSlice[]).map((child, index) => ({
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
