/** What people do to a cluster, as requests to its API server. */
import {
  DEFAULT_NETWORK,
  NETWORK_LABEL,
  PAUSED_ANNOTATION,
  POOL_LABEL,
  SETTLED_LABEL,
} from '../lib/kubernetes/names.ts';
import { NETWORK } from './ipam-claims.ts';
import type { Layout } from './layout.ts';
import {
  deleteInMode,
  deleteSettledAddress,
  deleteSlice,
  orphanNode,
  takeFinalizerOff,
  touchSlice,
  unmarkAddress,
  unmarkPodCIDRClaim,
} from './users/by-hand.ts';
import { createClaim, createCluster, foreignAddresses, foreignPrefixes } from './users/claims.ts';
import { createIPAMClaim, deleteIPAMClaimInForeground, endMachine, startPod } from './users/ipam-claims.ts';
import {
  createClusterCIDR,
  createNetwork,
  createNode,
  createServiceCIDR,
  editNetwork,
  networkObject,
  nodeObject,
  resizeClusterCIDR,
} from './users/networks.ts';
import { createPool, editPool, mendPool, pickPoolKind, poolObject, poolsOf } from './users/pools.ts';
import {
  creationOf,
  deleteOne,
  patchOf,
  patchOne,
  pauseOne,
  type UserOp,
  type UserScene,
  unpauseOne,
} from './users/user-op.ts';

interface Action {
  readonly weight: number;
  readonly needs?: (layout: Layout) => boolean;
  /** Undefined when there is nothing to do it to. */
  readonly act: (scene: UserScene) => UserOp | undefined;
}

const ACTIONS: Readonly<Record<string, Action>> = {
  'create claim': { weight: 12, needs: hasPools, act: createClaim },
  'delete claim': { weight: 6, needs: hasPools, act: (scene) => deleteOne(scene, 'IPAddressClaim') },
  'relabel claim': {
    weight: 2,
    needs: hasPools,
    act: (scene) =>
      patchOne(scene, 'IPAddressClaim', 'relabels', {
        metadata: { labels: { team: scene.random.pick(['red', 'blue', null]) } },
      }),
  },
  'pause claim': { weight: 1, needs: hasPools, act: (scene) => pauseOne(scene, 'IPAddressClaim') },
  'unpause claim': { weight: 2, needs: hasPools, act: (scene) => unpauseOne(scene, 'IPAddressClaim') },
  'create pool': { weight: 3, needs: hasPools, act: createPool },
  'edit pool': { weight: 4, needs: hasPools, act: editPool },
  'delete pool': { weight: 1, needs: hasPools, act: (scene) => deleteOne(scene, pickPoolKind(scene)) },
  'pause pool': { weight: 1, needs: hasPools, act: (scene) => pauseOne(scene, pickPoolKind(scene)) },
  'unpause pool': { weight: 2, needs: hasPools, act: (scene) => unpauseOne(scene, pickPoolKind(scene)) },
  'create cluster': { weight: 2, needs: hasClusters, act: createCluster },
  'delete cluster': { weight: 1, needs: hasClusters, act: (scene) => deleteOne(scene, 'Cluster') },
  'pause cluster': {
    weight: 1,
    needs: hasClusters,
    act: (scene) => patchOne(scene, 'Cluster', 'pauses', { spec: { paused: true } }),
  },
  'unpause cluster': {
    weight: 2,
    needs: hasClusters,
    act: (scene) => patchOne(scene, 'Cluster', 'unpauses', { spec: { paused: false } }),
  },
  'relabel namespace': {
    weight: 2,
    needs: ({ hasSelectors, hasPools }) => hasSelectors && hasPools,
    act: (scene) =>
      patchOne(scene, 'Namespace', 'relabels', {
        metadata: { labels: { tier: scene.random.pick(['gold', 'gold', 'iron', null]) } },
      }),
  },
  'delete address': {
    weight: 2,
    needs: (layout) => layout.hands && layout.hasPools,
    act: deleteSettledAddress,
  },
  'unmark address': {
    weight: 4,
    needs: ({ losesMarks, hasPools }) => losesMarks && hasPools,
    act: unmarkAddress,
  },
  'delete with its own': { weight: 2, needs: ({ hands }) => hands, act: deleteInMode },
  'take a finalizer off': { weight: 1, needs: ({ hands }) => hands, act: takeFinalizerOff },
  'delete slice': { weight: 2, needs: ({ hands }) => hands, act: deleteSlice },
  'touch slice': { weight: 1, needs: ({ hands }) => hands, act: touchSlice },
  'create IPAMClaim': { weight: 8, needs: hasIPAMClaims, act: createIPAMClaim },
  'delete IPAMClaim': { weight: 3, needs: hasIPAMClaims, act: (scene) => deleteOne(scene, 'IPAMClaim') },
  'delete IPAMClaim with its own': { weight: 1, needs: hasIPAMClaims, act: deleteIPAMClaimInForeground },
  'end machine': { weight: 4, needs: hasIPAMClaims, act: endMachine },
  'start pod': { weight: 6, needs: hasIPAMClaims, act: (scene) => startPod(scene, false) },
  'migrate pod': { weight: 4, needs: hasIPAMClaims, act: (scene) => startPod(scene, true) },
  'delete pod': { weight: 5, needs: hasIPAMClaims, act: (scene) => deleteOne(scene, 'Pod') },
  'name network of pool': {
    weight: 2,
    needs: hasIPAMClaims,
    act: (scene) =>
      patchOne(scene, pickPoolKind(scene), 'relabels', {
        metadata: { labels: { [NETWORK_LABEL]: scene.random.pick([NETWORK, NETWORK, null]) } },
      }),
  },
  'create node': { weight: 8, needs: hasNodes, act: createNode },
  'delete node': { weight: 4, needs: hasNodes, act: (scene) => deleteOne(scene, 'Node') },
  'orphan what is of node': {
    weight: 2,
    needs: ({ losesMarks, hasNodes }) => losesMarks && hasNodes,
    act: orphanNode,
  },
  'unmark PodCIDRClaim': {
    weight: 3,
    needs: ({ losesMarks, hasNodes }) => losesMarks && hasNodes,
    act: unmarkPodCIDRClaim,
  },
  'relabel node': {
    weight: 2,
    needs: hasNodes,
    act: (scene) =>
      patchOne(scene, 'Node', 'relabels', {
        metadata: { labels: { zone: scene.random.pick(['a', 'b', null]) } },
      }),
  },
  'create ClusterCIDR': { weight: 3, needs: hasNodes, act: createClusterCIDR },
  'resize ClusterCIDR': {
    weight: 2,
    needs: ({ hasNodes, hasSizes, hasRanges }) => hasNodes && (hasSizes || hasRanges),
    act: resizeClusterCIDR,
  },
  'create ServiceCIDR': { weight: 2, needs: hasServiceCIDRs, act: createServiceCIDR },
  'delete ServiceCIDR': {
    weight: 1,
    needs: hasServiceCIDRs,
    act: (scene) => deleteOne(scene, 'ServiceCIDR'),
  },
  'delete ClusterCIDR': { weight: 1, needs: hasNodes, act: (scene) => deleteOne(scene, 'ClusterCIDR') },
  'create network': { weight: 2, needs: hasNodes, act: createNetwork },
  'edit network': { weight: 2, needs: hasNodes, act: editNetwork },
  'delete network': { weight: 0.5, needs: hasNodes, act: (scene) => deleteOne(scene, 'PodNetwork') },
  'delete PodCIDRClaim': {
    weight: 1,
    needs: (layout) => layout.beyond && layout.hasNodes,
    act: (scene) => deleteOne(scene, 'PodCIDRClaim'),
  },
  'mislabel claim': {
    weight: 2,
    needs: (layout) => layout.beyond && layout.hasPools,
    act: (scene) =>
      patchOne(scene, 'IPAddressClaim', 'mislabels', { metadata: { labels: { [POOL_LABEL]: 'another' } } }),
  },
  'unlabel claim': {
    weight: 2,
    needs: hasPools,
    act: (scene) => {
      const key = scene.random.pick([POOL_LABEL, SETTLED_LABEL]);
      return patchOne(scene, 'IPAddressClaim', 'unlabels', { metadata: { labels: { [key]: null } } });
    },
  },
};

/** What somebody does next; undefined when that needs something that is not there. */
export function userAction(scene: UserScene): UserOp | undefined {
  const { random, layout } = scene;
  const choices = Object.entries(ACTIONS)
    .filter(([, { needs }]) => needs === undefined || needs(layout))
    .map(([name, { weight, act }]) => ({ act, weight: weight * layout.taste(name) }));
  let left = (random.below(1000) / 1000) * choices.reduce((sum, { weight }) => sum + weight, 0);
  for (const { act, weight } of choices) {
    left -= weight;
    if (left < 0) return act(scene);
  }
  return undefined;
}

/** How the world begins, before anybody has heard of anything. */
export function setUp(scene: UserScene): UserOp[] {
  const { random, layout } = scene;
  const ops: (UserOp | undefined)[] = [];
  if (layout.hasClusters) ops.push(createCluster(scene));
  if (layout.hasSelectors) {
    for (const name of ['default', 'team'])
      ops.push(creationOf({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } }));
  }
  if (layout.hasPools) {
    for (const pool of poolsOf(layout)) if (random.chance(0.8)) ops.push(creationOf(poolObject(scene, pool)));
    if (layout.hasIPAMClaims) for (let i = random.below(4); i > 0; i--) ops.push(createIPAMClaim(scene));
    const asOld = (op: UserOp) => ({ ...op, isOld: !layout.beyond });
    if (layout.pools.includes(0) && random.chance(0.3)) ops.push(...foreignAddresses(scene).map(asOld));
    if (layout.pools.includes(4) && random.chance(0.3)) ops.push(...foreignPrefixes(scene).map(asOld));
  }
  if (layout.hasNodes) {
    ops.push(creationOf(networkObject(scene, DEFAULT_NETWORK)));
    for (let i = 1 + random.below(3); i > 0; i--) ops.push(createClusterCIDR(scene));
    if (hasServiceCIDRs(layout) && random.chance(0.5)) ops.push(createServiceCIDR(scene));
    for (let i = random.below(4); i > 0; i--) ops.push(createNode(scene));
    if (random.chance(0.2)) ops.push(creationOf(nodeObject(scene, 'n0', ['10.244.0.32/28'])));
  }
  return ops.filter((op) => op !== undefined);
}

/** Ends every pause, and mends every pool. */
export function makeWell(scene: UserScene): UserOp[] {
  const { cluster } = scene.world;
  return cluster.objects().flatMap((object): UserOp[] => {
    const ops: UserOp[] = [];
    if (object.metadata.annotations?.[PAUSED_ANNOTATION] !== undefined)
      ops.push(
        patchOf(scene, object, 'unpauses', { metadata: { annotations: { [PAUSED_ANNOTATION]: null } } }),
      );
    if (object.kind === 'Cluster') ops.push(patchOf(scene, object, 'unpauses', { spec: { paused: false } }));
    return [...ops, ...mendPool(scene, object)];
  });
}

function hasPools(layout: Layout): boolean {
  return layout.hasPools;
}

function hasIPAMClaims(layout: Layout): boolean {
  return layout.hasIPAMClaims;
}

function hasNodes(layout: Layout): boolean {
  return layout.hasNodes;
}

function hasServiceCIDRs({ serviceCIDRs }: Layout): boolean {
  return serviceCIDRs !== 'none';
}

function hasClusters(layout: Layout): boolean {
  return layout.hasClusters && layout.hasPools;
}
