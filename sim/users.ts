/** What people do to a cluster, as requests to its API server. */
import type { ApiRequest } from '../lib/engine/api.ts';
import type { Unstructured } from '../lib/engine/object.ts';
import type { Random } from '../lib/engine/random.ts';
import type { IPAMClaim, Node } from '../lib/kubernetes/core-types.ts';
import {
  ADDRESS_SPACE_ANNOTATION,
  BELL_PREFIX,
  BLOCK_SIZE_ANNOTATION,
  CAPI_IPAM_GROUP,
  CLAIM_UID_LABEL,
  CLUSTER_CIDR_API_VERSION,
  DECORATOR_ANNOTATION,
  DEFAULT_NETWORK,
  IPAM_CLAIM_API_VERSION,
  IPV4_HOST_BITS_ANNOTATION,
  IPV6_HOST_BITS_ANNOTATION,
  METAIPAM_API_VERSION,
  NETWORK_LABEL,
  PAUSED_ANNOTATION,
  POOL_API_VERSION,
  POOL_LABEL,
  POOL_UID_LABEL,
  REQUESTED_ADDRESS_ANNOTATION,
  SERVICE_CIDR_API_VERSION,
  SETTLED_LABEL,
} from '../lib/kubernetes/names.ts';
import { titleOf } from '../lib/kubernetes/object.ts';
import type { IPAddressClaim, PoolReference } from '../lib/kubernetes/types.ts';
import { RANGE_FIELDS } from '../lib/pod-network/node-ranges.ts';
import type { PoolSpec } from '../lib/pool/spec.ts';
import { CLAIM_ANNOTATION, NETWORK } from './ipam-claims.ts';
import type { Layout } from './layout.ts';
import { heldIn, isTwin, TWIN_PREFIX } from './model.ts';
import type { Op } from './op.ts';
import type { World } from './world.ts';

export const CAPI = `${CAPI_IPAM_GROUP}/v1beta2`;
const CLUSTER_API = 'cluster.x-k8s.io/v1beta2';

type UserOp = Op & { op: 'user' };

interface Scene {
  readonly world: World;
  readonly random: Random;
  readonly layout: Layout;
}

interface Action {
  readonly weight: number;
  readonly needs?: (layout: Layout) => boolean;
  /** Undefined when there is nothing to do it to. */
  readonly act: (scene: Scene) => UserOp | undefined;
}

/**
 * The pools a world may have. `a` is there in each kind, `b` and `c` share their addresses, and `d` means to, but its
 * space is another.
 */
const POOLS = [
  { kind: 'InClusterIPPool', name: 'a', net: '10.0.0.' },
  { kind: 'InClusterIPPool', name: 'b', net: '10.0.1.', space: 'lab' },
  { kind: 'InClusterIPPool', name: 'c', net: '10.0.1.', space: 'lab' },
  { kind: 'GlobalInClusterIPPool', name: 'a', net: 'fd00::' },
  { kind: 'InClusterPrefixPool', name: 'a', net: 'fd10:0:0:', length: 64 },
  { kind: 'GlobalInClusterPrefixPool', name: 'a', net: '10.9.', length: 24 },
  { kind: 'GlobalInClusterIPPool', name: 'd', net: '10.0.1.', space: 'lab' },
] as const;
const CLUSTER_CIDRS: Readonly<Record<string, object>> = {
  all: { ipv4: '10.244.0.0/26', perNodeHostBits: 4 },
  wide: { ipv4: '10.244.0.0/25', perNodeHostBits: 5 },
  zone: {
    ipv4: '10.244.0.32/27',
    ipv6: 'fd00:10::/123',
    perNodeHostBits: 4,
    nodeSelector: {
      nodeSelectorTerms: [{ matchExpressions: [{ key: 'zone', operator: 'In', values: ['a'] }] }],
    },
  },
};
const SECONDARY_CIDRS: Readonly<Record<string, object>> = {
  storage: { ipv4: '10.8.0.0/27', perNodeHostBits: 4 },
};
/** Where nodes have several blocks, of both. */
const ROOMY_SECONDARY_CIDRS = {
  storage: { ipv4: '10.8.0.0/26', perNodeHostBits: 4 },
  'storage-b': { ipv4: '10.8.0.64/27', perNodeHostBits: 4 },
};

/** As KubeVirt's extension has one, until the machine is gone. */
const MACHINE_FINALIZER = 'kubevirt.io/persistent-ipam';

const ACTIONS: Readonly<Record<string, Action>> = {
  'create claim': { weight: 12, needs: hasPools, act: createClaim },
  'delete claim': { weight: 6, needs: hasPools, act: (scene) => remove(scene, 'IPAddressClaim') },
  'relabel claim': {
    weight: 2,
    needs: hasPools,
    act: (scene) =>
      patchOne(scene, 'IPAddressClaim', 'relabels', {
        metadata: { labels: { team: scene.random.pick(['red', 'blue', null]) } },
      }),
  },
  'pause claim': { weight: 1, needs: hasPools, act: (scene) => pause(scene, 'IPAddressClaim') },
  'unpause claim': { weight: 2, needs: hasPools, act: (scene) => unpause(scene, 'IPAddressClaim') },
  'create pool': { weight: 3, needs: hasPools, act: createPool },
  'edit pool': { weight: 4, needs: hasPools, act: editPool },
  'delete pool': { weight: 1, needs: hasPools, act: (scene) => remove(scene, poolKind(scene)) },
  'pause pool': { weight: 1, needs: hasPools, act: (scene) => pause(scene, poolKind(scene)) },
  'unpause pool': { weight: 2, needs: hasPools, act: (scene) => unpause(scene, poolKind(scene)) },
  'create cluster': { weight: 2, needs: hasClusters, act: createCluster },
  'delete cluster': { weight: 1, needs: hasClusters, act: (scene) => remove(scene, 'Cluster') },
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
    act: deleteAddress,
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
  'delete IPAMClaim': { weight: 3, needs: hasIPAMClaims, act: (scene) => remove(scene, 'IPAMClaim') },
  'delete IPAMClaim with its own': { weight: 1, needs: hasIPAMClaims, act: deleteInForeground },
  'end machine': { weight: 4, needs: hasIPAMClaims, act: endMachine },
  'start pod': { weight: 6, needs: hasIPAMClaims, act: (scene) => startPod(scene, false) },
  'migrate pod': { weight: 4, needs: hasIPAMClaims, act: (scene) => startPod(scene, true) },
  'delete pod': { weight: 5, needs: hasIPAMClaims, act: (scene) => remove(scene, 'Pod') },
  'name network of pool': {
    weight: 2,
    needs: hasIPAMClaims,
    act: (scene) =>
      patchOne(scene, poolKind(scene), 'relabels', {
        metadata: { labels: { [NETWORK_LABEL]: scene.random.pick([NETWORK, NETWORK, null]) } },
      }),
  },
  'create node': { weight: 8, needs: hasNodes, act: createNode },
  'delete node': { weight: 4, needs: hasNodes, act: (scene) => remove(scene, 'Node') },
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
    act: resize,
  },
  'create ServiceCIDR': { weight: 2, needs: hasServiceCIDRs, act: createServiceCIDR },
  'delete ServiceCIDR': {
    weight: 1,
    needs: hasServiceCIDRs,
    act: (scene) => remove(scene, 'ServiceCIDR'),
  },
  'delete ClusterCIDR': { weight: 1, needs: hasNodes, act: (scene) => remove(scene, 'ClusterCIDR') },
  'create network': { weight: 2, needs: hasNodes, act: createNetwork },
  'edit network': { weight: 2, needs: hasNodes, act: editNetwork },
  'delete network': { weight: 0.5, needs: hasNodes, act: (scene) => remove(scene, 'PodNetwork') },
  'delete PodCIDRClaim': {
    weight: 1,
    needs: (layout) => layout.beyond && layout.hasNodes,
    act: (scene) => remove(scene, 'PodCIDRClaim'),
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
export function userAction(scene: Scene): UserOp | undefined {
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
export function setUp(scene: Scene): UserOp[] {
  const { random, layout } = scene;
  const ops: (UserOp | undefined)[] = [];
  if (layout.hasClusters) ops.push(createCluster(scene));
  if (layout.hasSelectors) {
    for (const name of ['default', 'team'])
      ops.push(create('Namespace', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } }));
  }
  if (layout.hasPools) {
    for (const pool of poolsOf(layout))
      if (random.chance(0.8)) ops.push(create(pool.kind, poolObject(scene, pool)));
    if (layout.hasIPAMClaims) for (let i = random.below(4); i > 0; i--) ops.push(createIPAMClaim(scene));
    const asOld = (op: UserOp) => ({ ...op, isOld: !layout.beyond });
    if (layout.pools.includes(0) && random.chance(0.3)) ops.push(...foreignAddresses(scene).map(asOld));
    if (layout.pools.includes(4) && random.chance(0.3)) ops.push(...foreignPrefixes(scene).map(asOld));
  }
  if (layout.hasNodes) {
    ops.push(create('PodNetwork', networkObject(scene, DEFAULT_NETWORK)));
    for (let i = 1 + random.below(3); i > 0; i--) ops.push(createClusterCIDR(scene));
    if (hasServiceCIDRs(layout) && random.chance(0.5)) ops.push(createServiceCIDR(scene));
    for (let i = random.below(4); i > 0; i--) ops.push(createNode(scene));
    if (random.chance(0.2)) ops.push(create('Node', nodeObject(scene, 'n0', ['10.244.0.32/28'])));
  }
  return ops.filter((op) => op !== undefined);
}

/** Ends every pause, and mends every pool. */
export function makeWell(scene: Scene): UserOp[] {
  const { cluster } = scene.world;
  return cluster.objects().flatMap((object): UserOp[] => {
    const ops: UserOp[] = [];
    if (object.metadata.annotations?.[PAUSED_ANNOTATION] !== undefined)
      ops.push(
        patch(scene, object, 'unpauses', { metadata: { annotations: { [PAUSED_ANNOTATION]: null } } }),
      );
    if (object.kind === 'Cluster') ops.push(patch(scene, object, 'unpauses', { spec: { paused: false } }));
    if (object.kind.endsWith('InClusterPrefixPool')) {
      const pool = POOLS.find(({ kind, name }) => kind === object.kind && name === object.metadata.name)!;
      if ('length' in pool)
        ops.push(
          patch(scene, object, 'mends', { spec: { prefixes: [`${baseOf(pool, 0)}/${pool.length - 3}`] } }),
        );
    }
    if (object.kind.endsWith('InClusterIPPool') && (object.spec as PoolSpec).subnets === undefined) {
      const { net } = POOLS.find(({ kind, name }) => kind === object.kind && name === object.metadata.name)!;
      ops.push(patch(scene, object, 'mends', { spec: { prefix: net.includes(':') ? 125 : 29 } }));
    }
    return ops;
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

function poolsOf({ pools }: Layout) {
  return POOLS.filter((_, index) => pools.includes(index));
}

function poolKind({ random, layout }: Scene): string {
  return random.pick(poolsOf(layout)).kind;
}

function createClaim({ random, layout }: Scene): UserOp {
  const pool = random.pick(poolsOf(layout));
  const namespace = pool.kind.startsWith('Global') && random.chance(0.5) ? 'team' : 'default';
  const requested = random.chance(0.15) ? placeIn(pool, random.below(8)) : undefined;
  const annotations = {
    ...(requested && { [REQUESTED_ADDRESS_ANNOTATION]: requested }),
    ...(random.chance(0.05) && { [PAUSED_ANNOTATION]: 'true' }),
  };
  const claim = claimObject(layout, pool, { name: `claim-${random.below(7)}`, namespace }, annotations);
  return create('IPAddressClaim', claim, requested && `, which asks for ${requested}`);
}

function claimObject(
  layout: Layout,
  { kind, name }: { kind: string; name: string },
  metadata: { name: string; namespace: string },
  annotations: Readonly<Record<string, string>> = {},
): Unstructured {
  const cluster = layout.hasClusters && hashless(metadata.name) && { clusterName: 'east' };
  return {
    apiVersion: CAPI,
    kind: 'IPAddressClaim',
    metadata: { ...metadata, annotations },
    spec: { poolRef: { apiGroup: CAPI_IPAM_GROUP, kind, name }, ...cluster },
  };
}

/** Half of the claims belong to a Cluster. */
function hashless(name: string): boolean {
  return Number(name.at(-1)) % 2 === 0;
}

/** Claims that another provider has served, with their addresses. */
function foreignAddresses({ random, layout }: Scene): UserOp[] {
  const pool = POOLS[0];
  return [0, 1, 2].flatMap((i) => {
    const metadata = { name: `claim-${i}`, namespace: 'default' };
    const address: Unstructured = {
      apiVersion: CAPI,
      kind: 'IPAddress',
      metadata,
      spec: {
        claimRef: { name: metadata.name },
        poolRef: { apiGroup: CAPI_IPAM_GROUP, kind: pool.kind, name: pool.name },
        address: `${pool.net}${i + 2 + random.below(2) * 3}`,
        prefix: 29,
      },
    };
    return [
      create('IPAddressClaim', claimObject(layout, pool, metadata)),
      create('IPAddress', address, `, foreign, ${(address.spec as { address: string }).address}`),
    ];
  });
}

/** The same of prefixes, of whatever length. */
function foreignPrefixes({ random, layout }: Scene): UserOp[] {
  const pool = POOLS[4];
  return [0, 1, 2].flatMap((i) => {
    const metadata = { name: `claim-${i}`, namespace: 'default' };
    const address = baseOf(pool, 2 * i);
    const prefix = random.pick([64, 64, 63, 66, 128]);
    const object: Unstructured = {
      apiVersion: CAPI,
      kind: 'IPAddress',
      metadata,
      spec: {
        claimRef: { name: metadata.name },
        poolRef: { apiGroup: CAPI_IPAM_GROUP, kind: pool.kind, name: pool.name },
        address,
        prefix,
      },
    };
    return [
      create('IPAddressClaim', claimObject(layout, pool, metadata)),
      create('IPAddress', object, `, foreign, ${address}/${prefix}`),
    ];
  });
}

function createPool(scene: Scene): UserOp {
  const pool = scene.random.pick(poolsOf(scene.layout));
  return create(pool.kind, poolObject(scene, pool));
}

function poolObject({ random, layout }: Scene, pool: (typeof POOLS)[number]): Unstructured {
  const { kind, name } = pool;
  const metadata = {
    name,
    ...(!kind.startsWith('Global') && { namespace: 'default' }),
    // What `d` has others of the network may have, too.
    ...(layout.hasIPAMClaims &&
      name !== 'd' &&
      random.chance(0.85) && { labels: { [NETWORK_LABEL]: NETWORK } }),
    ...('space' in pool && { annotations: { [ADDRESS_SPACE_ANNOTATION]: pool.space } }),
  };
  const spec = {
    ...('length' in pool ? prefixPoolSpec(random, pool, layout) : poolSpec(random, pool, layout)),
    ...limits(random, layout, kind),
  };
  return { apiVersion: POOL_API_VERSION, kind, metadata, spec };
}

function editPool(scene: Scene): UserOp | undefined {
  const pool = one(scene, poolKind(scene));
  if (pool === undefined) return undefined;
  const known = POOLS.find(({ kind, name }) => kind === pool.kind && name === pool.metadata.name)!;
  const spec =
    'length' in known
      ? {
          ...{ gateway: null, excludedPrefixes: null, reservations: null },
          ...prefixPoolSpec(scene.random, known, scene.layout),
        }
      : {
          ...Object.fromEntries(
            ['addresses', 'prefix', 'gateway', 'excludedAddresses', 'subnets', 'reservations'].map(
              (field) => [field, null],
            ),
          ),
          ...poolSpec(scene.random, known, scene.layout),
        };
  return patch(scene, pool, 'edits', {
    spec: {
      ...spec,
      maxPerNamespace: null,
      ...(scene.layout.hasSelectors && { allowedNamespaces: null }),
      ...limits(scene.random, scene.layout, pool.kind),
    },
  });
}

/** Some of the eight addresses of a subnet; now and then what is no pool at all. */
function poolSpec(
  random: Random,
  pool: (typeof POOLS)[number],
  { hasReservations, hasSubnets, isRemembering }: Layout,
): object {
  const { net } = pool;
  return {
    ...(hasSubnets && random.chance(0.7) ? { subnets: subnets(random, net) } : wholeSubnet(random, net)),
    // So few that all have been given soon.
    ...(isRemembering && !hasSubnets && random.chance(0.7) && { addresses: [`${net}2-${net}4`] }),
    ...(random.chance(0.2) && { allocateReservedIPAddresses: true }),
    ...(random.chance(0.3) && { addressReuseGracePeriodSeconds: random.pick([5, 45, 90]) }),
    ...(hasReservations && { reservations: reservations(random, pool) }),
  };
}

function wholeSubnet(random: Random, net: string): object {
  const [lowest, highest] = [random.below(4), 3 + random.below(5)];
  const prefix = net.includes(':') ? 125 : 29;
  return {
    addresses: [random.chance(0.3) ? `${net}0/${prefix}` : `${net}${lowest}-${net}${highest}`],
    prefix: random.chance(0.05) ? 999 : prefix,
    ...(random.chance(0.4) && { gateway: `${net}${random.below(8)}` }),
    ...(random.chance(0.3) && {
      excludedAddresses: [`${net}${random.below(8)}`, `${net}${random.below(8)}`],
    }),
  };
}

/** Of the same eight addresses, in any order: halves, some of which overlap, and host routes. */
function subnets(random: Random, net: string): object[] {
  const bits = net.includes(':') ? 128 : 32;
  const halves = [
    { addresses: [`${net}0-${net}3`], prefix: bits - 2 },
    { addresses: [`${net}4-${net}${4 + random.below(4)}`], prefix: bits - random.pick([2, 3]) },
    { addresses: [`${net}${random.below(8)}`, `${net}${random.below(8)}`], prefix: bits },
  ].map((each) => ({
    ...each,
    ...(random.chance(0.5) && { gateway: `${net}${random.below(9)}` }),
    ...(random.chance(0.2) && { excludedAddresses: [`${net}${random.below(8)}`] }),
  }));
  const first = random.below(3);
  return [...halves.slice(first), ...halves.slice(0, first)].slice(0, 1 + random.below(3));
}

function limits(
  random: Random,
  { hasQuotas, isRandom, isRemembering, hasSelectors }: Layout,
  kind: string,
): object {
  return {
    ...(hasSelectors &&
      kind.startsWith('Global') &&
      random.chance(0.7) && { allowedNamespaces: selector(random) }),
    ...(isRandom && { strategy: random.pick(['Random', 'LowestFree']) }),
    ...(isRemembering && {
      strategy: random.chance(0.8) ? 'LeastRecentlyUsed' : random.pick(['Random', 'LowestFree']),
    }),
    ...(hasQuotas && random.chance(0.7) && { maxPerNamespace: random.below(4) }),
  };
}

function selector(random: Random): object {
  const [name, tier] = ['kubernetes.io/metadata.name', 'tier'];
  return random.pick([
    { matchLabels: { tier: 'gold' } },
    { matchExpressions: [{ key: name, operator: 'In', values: ['team'] }] },
    { matchExpressions: [{ key: tier, operator: 'NotIn', values: ['iron'] }] },
  ]);
}

function additionalBlocks(random: Random): object[] {
  const nodes = new Set([`n${random.below(7)}`, `n${random.below(7)}`]);
  return [...nodes].map((node) => ({ node, count: 1 + random.below(2) }));
}

function rangeSettings(random: Random): object {
  return {
    ...(random.chance(0.5) && {
      subnets: [{ cidr: '10.8.0.0/24', gateway: random.pick(['10.8.0.9', '10.8.0.254']) }],
    }),
    ...(random.chance(0.5) && { routes: [{ dst: random.pick(['0.0.0.0/0', '::/0', '10.96.0.0/12']) }] }),
    ...(random.chance(0.3) && { gatewayIndex: random.pick([0, -1]) }),
    ...(random.chance(0.3) && { excludedAddresses: ['10.8.0.4-10.8.0.20'] }),
    ...(random.chance(0.3) && { perNodeExclusions: [{ startIndex: 1, endIndex: 3 }] }),
  };
}

/** Some that nobody can have are among them. */
function reservations(random: Random, pool: (typeof POOLS)[number]): object[] {
  return Array.from({ length: 1 + random.below(3) }, () => ({
    ['length' in pool ? 'prefix' : 'address']: placeIn(pool, random.below(9)),
    ...(random.chance(0.5)
      ? { claim: `claim-${random.below(7)}` }
      : { claimPattern: random.pick(['claim-*', '*-1', 'c*-*2', 'other-*']) }),
    ...(pool.kind.startsWith('Global') &&
      random.chance(0.5) && { namespace: random.pick(['default', 'team']) }),
  }));
}

type PrefixPool = Extract<(typeof POOLS)[number], { length: number }>;

/** The place with this number of 0 to 7: an address, or a prefix. */
function placeIn(pool: (typeof POOLS)[number], index: number): string {
  if (!('length' in pool)) return `${pool.net}${index}`;
  return `${baseOf(pool, index)}/${pool.length}`;
}

function baseOf({ net }: PrefixPool, index: number): string {
  return net.includes(':') ? `${net}${index}::` : `${net}${index}.0`;
}

/** Some of the eight prefixes of a larger one. */
function prefixPoolSpec(random: Random, pool: PrefixPool, { hasReservations }: Layout): object {
  const { net, length } = pool;
  const part = (places: number, index: number) => `${baseOf(pool, index)}/${length - places}`;
  const inside = (index: number) => (net.includes(':') ? `${net}${index}::7` : `${net}${index}.7`);
  return {
    prefixes: random.chance(0.3)
      ? [part(3, 0)]
      : [part(1, 2 * random.below(4)), part(random.below(2), 2 * random.below(4))],
    allocationPrefixLength: length,
    ...(random.chance(0.4) && { gateway: inside(random.below(8)) }),
    ...(random.chance(0.3) && { excludedPrefixes: [inside(random.below(8)), part(0, random.below(8))] }),
    ...(random.chance(0.3) && { addressReuseGracePeriodSeconds: random.pick([5, 45, 90]) }),
    ...(hasReservations && { reservations: reservations(random, pool) }),
  };
}

function createCluster({ random }: Scene): UserOp {
  return create('Cluster', {
    apiVersion: CLUSTER_API,
    kind: 'Cluster',
    metadata: { name: 'east', namespace: 'default' },
    spec: { paused: random.chance(0.2) },
  });
}

const OWNERS = ['IPAddressClaim', 'InClusterIPPool', 'GlobalInClusterIPPool', 'PodNetwork', 'ClusterCIDR'];
const PREFIX_POOLS = ['InClusterPrefixPool', 'GlobalInClusterPrefixPool'];

/** As `kubectl delete --cascade=foreground` or `--cascade=orphan`. */
function deleteInMode(scene: Scene): UserOp | undefined {
  const { random, layout } = scene;
  const object = one(scene, random.pick(layout.hasPrefixes ? [...OWNERS, ...PREFIX_POOLS] : OWNERS));
  return object && deleteAs(scene, object, random.pick(['Foreground', 'Foreground', 'Orphan'] as const));
}

function deleteAs(
  { world }: Scene,
  object: Unstructured,
  propagationPolicy: 'Foreground' | 'Orphan',
): UserOp {
  return user(`deletes ${titleOf(object)}, ${propagationPolicy}`, {
    verb: 'delete',
    ...targetOf(world, object),
    propagationPolicy,
  });
}

/** What people do when something will not go. */
function takeFinalizerOff(scene: Scene): UserOp | undefined {
  const object = one(scene, 'IPAddressClaim');
  if (object?.metadata.deletionTimestamp === undefined) return undefined;
  return patch(scene, object, 'frees', { metadata: { finalizers: null } });
}

function deleteSlice(scene: Scene): UserOp | undefined {
  const slice = settledSlice(scene);
  return slice && ifSettled(scene, removal(scene, slice));
}

function touchSlice(scene: Scene): UserOp | undefined {
  const slice = one(scene, 'AllocationSlice');
  const annotations = { note: String(scene.random.below(9)) };
  return slice && patch(scene, slice, 'annotates', { metadata: { annotations } });
}

/**
 * A second slice of a piece, under another name, that gives something in use to somebody else: one who has nothing yet,
 * if there is any.
 */
export function makeTwin(scene: Scene): UserOp | undefined {
  const { world, random } = scene;
  const held = heldIn(world.cluster).filter(({ entry }) => entry.released === undefined);
  if (held.length === 0) return undefined;
  const { slice, key, entry, poolRef, isBlock } = random.pick(held);
  const others = world.cluster
    .objects(isBlock ? 'Node' : 'IPAddressClaim')
    .filter((other) => other.metadata.uid !== entry.uid && (isBlock || isOf(other, poolRef)));
  const idle = others.filter(({ spec, status }) =>
    isBlock ? !(spec as Node['spec'])?.podCIDRs : !(status as IPAddressClaim['status'])?.addressRef,
  );
  if (others.length === 0) return undefined;
  const { metadata } = random.pick(idle.length > 0 ? idle : others);
  const { namespace, name, uid = '' } = metadata;
  const { labels = {}, ownerReferences = [] } = slice.metadata;
  const kept = Object.entries(labels).filter(([label]) => !label.startsWith(BELL_PREFIX));
  const op = create('AllocationSlice', {
    ...(slice as object as Unstructured),
    metadata: {
      name: `${TWIN_PREFIX}${random.below(3)}.${slice.metadata.name}`,
      ...(slice.metadata.namespace && { namespace: slice.metadata.namespace }),
      labels: { ...Object.fromEntries(kept), [`${BELL_PREFIX}${uid}`]: '' },
      ...(random.chance(0.5) && { ownerReferences }),
    },
    spec: { ...slice.spec, entries: { [key]: { ...entry, uid, ...(namespace && { namespace }), name } } },
  });
  return { ...op, isUnruled: true };
}

function isOf({ spec }: Unstructured, { kind, name }: PoolReference): boolean {
  const { poolRef } = spec as IPAddressClaim['spec'];
  return poolRef.kind === kind && poolRef.name === name;
}

/** Somebody has read what pools and networks say of them. */
export function deleteTwins(scene: Scene): UserOp[] {
  const { cluster } = scene.world;
  return cluster
    .objects('AllocationSlice')
    .filter((slice) => isTwin(slice))
    .map((slice) => removal(scene, slice));
}

function settledSlice({ world, random, layout }: Scene): Unstructured | undefined {
  const slices = world.cluster.objects('AllocationSlice').filter(
    ({ metadata }) =>
      layout.beyond ||
      world.isSettled({
        verb: 'delete',
        resource: 'allocationslices',
        namespace: metadata.namespace,
        name: metadata.name,
      }),
  );
  return slices.length === 0 ? undefined : random.pick(slices);
}

function deleteAddress(scene: Scene): UserOp | undefined {
  const op = remove(scene, 'IPAddress');
  return op && ifSettled(scene, op);
}

/** As one is that another provider has made: its claim controls it, and Metacontroller does not know it. */
function unmarkAddress(scene: Scene): UserOp | undefined {
  const labels = { [POOL_LABEL]: null, [POOL_UID_LABEL]: null, [CLAIM_UID_LABEL]: null };
  return patchOne(scene, 'IPAddress', 'unmarks', {
    metadata: { annotations: { [DECORATOR_ANNOTATION]: null }, ...(scene.random.chance(0.5) && { labels }) },
  });
}

function unmarkPodCIDRClaim(scene: Scene): UserOp | undefined {
  const owners = scene.random.chance(0.5) && { ownerReferences: null };
  return patchOne(scene, 'PodCIDRClaim', 'unmarks', {
    metadata: { annotations: { [DECORATOR_ANNOTATION]: null }, ...owners },
  });
}

function orphanNode(scene: Scene): UserOp | undefined {
  const node = one(scene, 'Node');
  return node && deleteAs(scene, node, 'Orphan');
}

function ifSettled({ layout }: Scene, op: UserOp): UserOp {
  return { ...op, ifSettled: !layout.beyond };
}

function createNode(scene: Scene): UserOp {
  return create('Node', nodeObject(scene, `n${scene.random.below(7)}`));
}

function nodeObject({ random }: Scene, name: string, podCIDRs?: readonly string[]): Unstructured {
  const labels: Record<string, string> = random.chance(0.5) ? { zone: random.pick(['a', 'b']) } : {};
  return { apiVersion: 'v1', kind: 'Node', metadata: { name, labels }, spec: podCIDRs ? { podCIDRs } : {} };
}

function createClusterCIDR({ random, layout }: Scene): UserOp {
  const { hasMoreBlocks, hasRanges, hasTwoRanges } = layout;
  const secondary = random.chance(hasMoreBlocks && hasTwoRanges ? 0.6 : 0.25);
  const { storage, 'storage-b': other } = ROOMY_SECONDARY_CIDRS;
  const ofMore = { storage, ...(hasTwoRanges && { 'storage-b': other }) };
  const kinds = !secondary ? CLUSTER_CIDRS : hasMoreBlocks || hasRanges ? ofMore : SECONDARY_CIDRS;
  const [name, spec] = random.pick(Object.entries(kinds));
  const labels = secondary ? { [NETWORK_LABEL]: 'storage' } : {};
  return create('ClusterCIDR', {
    apiVersion: CLUSTER_CIDR_API_VERSION,
    kind: 'ClusterCIDR',
    metadata: { name, labels, annotations: withoutNulls(sizes(random, layout, secondary)) },
    spec,
  });
}

/** Of the cluster's own and one that came later; nodes may be in them already. */
const SERVICE_CIDRS: Readonly<Record<string, readonly string[]>> = {
  kubernetes: ['10.244.0.0/28'],
  more: ['10.244.0.40/29', 'fd00:10::10/126'],
};

function createServiceCIDR({ random }: Scene): UserOp {
  const [name, cidrs] = random.pick(Object.entries(SERVICE_CIDRS));
  return create('ServiceCIDR', {
    apiVersion: SERVICE_CIDR_API_VERSION,
    kind: 'ServiceCIDR',
    metadata: { name },
    spec: { cidrs },
  });
}

/** Blocks of one family of another size, and such as are no CIDRs; now and then none that there could be. */
function sizes(
  random: Random,
  { hasSizes, hasRanges }: Layout,
  secondary: boolean,
): Record<string, string | null> {
  const bits = () => random.pick([null, '4', '5', '5', '6', 'six', '1']);
  const isParted = secondary && hasRanges;
  return {
    ...(hasSizes && {
      [IPV4_HOST_BITS_ANNOTATION]: isParted ? null : bits(),
      [IPV6_HOST_BITS_ANNOTATION]: random.pick([null, '5', '5']),
    }),
    ...(isParted && { [BLOCK_SIZE_ANNOTATION]: random.pick(['10', '10', '10', '3', '16', 'ten', null]) }),
  };
}

function withoutNulls(map: Readonly<Record<string, string | null>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(map).flatMap(([key, value]) => (value === null ? [] : [[key, value]])),
  );
}

function resize(scene: Scene): UserOp | undefined {
  const clusterCIDR = one(scene, 'ClusterCIDR');
  const secondary = clusterCIDR?.metadata.labels?.[NETWORK_LABEL] !== undefined;
  const annotations = sizes(scene.random, scene.layout, secondary);
  return clusterCIDR && patch(scene, clusterCIDR, 'resizes', { metadata: { annotations } });
}

function createNetwork(scene: Scene): UserOp {
  return create('PodNetwork', networkObject(scene, scene.random.pick([DEFAULT_NETWORK, 'storage'])));
}

function networkObject({ random, layout }: Scene, name: string): Unstructured {
  const target = name === DEFAULT_NETWORK ? 'node.spec.podCIDRs' : 'node.metadata.annotations';
  const spec = {
    target,
    ...(random.chance(0.3) && { serviceCIDRs: ['10.244.0.16/28'] }),
    ...(random.chance(0.3) && { reuseGracePeriodSeconds: random.pick([5, 45, 90]) }),
    ...(layout.hasNodeReservations && { reservations: nodeReservations(random, name, layout.hasRanges) }),
    ...(layout.hasSettings && name !== DEFAULT_NETWORK && rangeSettings(random)),
    ...(layout.hasMoreBlocks && name !== DEFAULT_NETWORK && { additionalBlocks: additionalBlocks(random) }),
    ...(layout.hasFamilyOrder && { primaryIPFamily: random.pick(['IPv4', 'IPv6']) }),
  };
  return { apiVersion: METAIPAM_API_VERSION, kind: 'PodNetwork', metadata: { name }, spec };
}

/** Some that nobody can have are among them. */
function nodeReservations(random: Random, network: string, hasRanges: boolean): object[] {
  const base = network === DEFAULT_NETWORK ? '10.244.0' : '10.8.0';
  return Array.from({ length: 1 + random.below(2) }, () => ({
    node: `n${random.below(7)}`,
    blocks: [
      hasRanges && network !== DEFAULT_NETWORK && random.chance(0.5)
        ? rangeAt(10 * random.below(6), random.pick([10, 10, 20]))
        : `${base}.${16 * random.below(4)}/28`,
      ...(random.chance(0.3) ? [`fd00:10::${16 * random.below(2)}/124`.replace('::16/', '::10/')] : []),
    ],
  }));
}

function rangeAt(start: number, size: number): string {
  return `10.8.0.${start}-10.8.0.${start + size - 1}`;
}

/** What an edit leaves out goes. */
const EDITED_FIELDS = [
  'serviceCIDRs',
  'reservations',
  'reuseGracePeriodSeconds',
  'additionalBlocks',
  ...RANGE_FIELDS,
];

function editNetwork(scene: Scene): UserOp | undefined {
  const network = one(scene, 'PodNetwork');
  if (network === undefined) return undefined;
  const { spec } = networkObject(scene, network.metadata.name);
  return patch(scene, network, 'edits', {
    spec: { ...Object.fromEntries(EDITED_FIELDS.map((field) => [field, null])), ...(spec as object) },
  });
}

function pause(scene: Scene, kind: string): UserOp | undefined {
  return patchOne(scene, kind, 'pauses', { metadata: { annotations: { [PAUSED_ANNOTATION]: 'true' } } });
}

function unpause(scene: Scene, kind: string): UserOp | undefined {
  return patchOne(scene, kind, 'unpauses', { metadata: { annotations: { [PAUSED_ANNOTATION]: null } } });
}

function one({ world, random }: Scene, kind: string): Unstructured | undefined {
  const objects = world.cluster.objects(kind);
  return objects.length === 0 ? undefined : random.pick(objects);
}

function patchOne(scene: Scene, kind: string, verb: string, change: object): UserOp | undefined {
  const object = one(scene, kind);
  return object && patch(scene, object, verb, change);
}

function remove(scene: Scene, kind: string): UserOp | undefined {
  const object = one(scene, kind);
  return object && removal(scene, object);
}

function removal({ world }: Scene, object: Unstructured): UserOp {
  return user(`deletes ${titleOf(object)}`, { verb: 'delete', ...targetOf(world, object) });
}

function patch({ world }: Scene, object: Unstructured, verb: string, change: object): UserOp {
  const says = `${verb} ${titleOf(object)} ${JSON.stringify(change)}`;
  return user(says, { verb: 'patch', ...targetOf(world, object), patch: change });
}

/** Some are of a network that nobody here serves. */
function createIPAMClaim({ random, layout }: Scene): UserOp {
  const requested = random.chance(0.15) && placeIn(random.pick(poolsOf(layout)), random.below(8));
  const metadata = {
    name: `vm-${random.below(4)}`,
    namespace: layout.pools.includes(3) && random.chance(0.3) ? 'team' : 'default',
    ...(requested && { annotations: { [REQUESTED_ADDRESS_ANNOTATION]: requested } }),
    ...(random.chance(0.3) && { finalizers: [MACHINE_FINALIZER] }),
  };
  const spec = { network: random.chance(0.1) ? 'red' : NETWORK, interface: 'net1' };
  return create('IPAMClaim', { apiVersion: IPAM_CLAIM_API_VERSION, kind: 'IPAMClaim', metadata, spec });
}

function deleteInForeground(scene: Scene): UserOp | undefined {
  const claim = one(scene, 'IPAMClaim');
  if (claim === undefined) return undefined;
  const to = targetOf(scene.world, claim);
  return user(`deletes ${titleOf(claim)}, Foreground`, {
    verb: 'delete',
    ...to,
    propagationPolicy: 'Foreground',
  });
}

/** Its IPAMClaim may go. */
function endMachine(scene: Scene): UserOp | undefined {
  const claim = one(scene, 'IPAMClaim');
  if (claim?.metadata.deletionTimestamp === undefined) return undefined;
  const finalizers = claim.metadata.finalizers?.filter((each) => each !== MACHINE_FINALIZER) ?? [];
  return patch(scene, claim, 'ends the machine of', { metadata: { finalizers } });
}

/** The first pod of an IPAMClaim that has addresses, or one more on whatever node. */
function startPod(scene: Scene, isMigration: boolean): UserOp | undefined {
  const { world, random } = scene;
  const claim = one(scene, 'IPAMClaim');
  if (claim === undefined || (claim.status as IPAMClaim['status'])?.ips?.[0] === undefined) return undefined;
  const { namespace, name } = claim.metadata;
  const pods = world.cluster
    .objects('Pod')
    .filter(
      ({ metadata }) => metadata.namespace === namespace && metadata.annotations?.[CLAIM_ANNOTATION] === name,
    );
  if (pods.length > 0 !== isMigration) return undefined;
  return create('Pod', {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `${name}-${random.below(1000)}`,
      ...(namespace !== undefined && { namespace }),
      annotations: { [CLAIM_ANNOTATION]: name },
    },
    spec: { nodeName: `n${random.below(7)}` },
  });
}

const RESOURCES: Readonly<Record<string, string>> = {
  InClusterIPPool: 'inclusterippools',
  GlobalInClusterIPPool: 'globalinclusterippools',
  InClusterPrefixPool: 'inclusterprefixpools',
  GlobalInClusterPrefixPool: 'globalinclusterprefixpools',
  IPAddressClaim: 'ipaddressclaims',
  IPAddress: 'ipaddresses',
  AllocationSlice: 'allocationslices',
  ClusterCIDR: 'clustercidrs',
  ServiceCIDR: 'servicecidrs',
  PodNetwork: 'podnetworks',
  Cluster: 'clusters',
  Node: 'nodes',
  IPAMClaim: 'ipamclaims',
  Pod: 'pods',
  Namespace: 'namespaces',
};

function create(kind: string, object: Unstructured, remark = ''): UserOp {
  const { apiVersion, metadata } = object;
  const { name, namespace } = metadata;
  const detail = remark || (kind.endsWith('Claim') ? '' : ` ${JSON.stringify(object.spec)}`);
  const to = { apiVersion, resource: RESOURCES[kind]!, name, namespace };
  return user(`creates ${titleOf(object)}${detail}`, { verb: 'create', ...to, object });
}

function targetOf({ cluster }: World, { apiVersion, kind, metadata }: Unstructured) {
  const { resource } = cluster.resources.of({ apiVersion, kind });
  return { apiVersion, resource, name: metadata.name, namespace: metadata.namespace };
}

function user(says: string, request: ApiRequest): UserOp {
  return { op: 'user', says, request };
}
