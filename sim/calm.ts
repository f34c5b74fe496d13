/** What has to be true once the world is kind again. */

import type { Range } from '../lib/address/range.ts';
import type { Node, ServiceCIDR } from '../lib/kubernetes/core-types.ts';
import {
  ADDRESS_ANNOTATION,
  CLAIM_UID_LABEL,
  DEFAULT_NETWORK,
  NETWORK_LABEL,
  POOL_UID_LABEL,
  REQUESTED_ADDRESS_ANNOTATION,
} from '../lib/kubernetes/names.ts';
import { controllerOf, isPaused, qualifiedName, titleOf } from '../lib/kubernetes/object.ts';
import type { AllocationSlice, ClusterCIDR, IPAddressClaim, PodNetwork } from '../lib/kubernetes/types.ts';
import type { Pool } from '../lib/pool/pool.ts';
import type { PoolSpec } from '../lib/pool/spec.ts';
import type { Invariants, Violation } from './invariants.ts';
import { checkIPAMClaims, waitingIPAMClaims } from './ipam-claims.ts';
import {
  addressesByName,
  allows,
  allPools,
  blockSizeOf,
  blocksOf,
  blocksShownIn,
  canonicalBlock,
  claimHolding,
  givenBy,
  gives,
  heldIn,
  holdingOf,
  isOfPool,
  isRemembered,
  labelledSpace,
  mayGet,
  overlap,
  poolKey,
  rangesShownIn,
  spaceOf,
  storedObjects,
  textsOverlap,
  wantedBy,
  withoutExceptions,
} from './model.ts';
import type { Op } from './op.ts';
import type { World } from './world.ts';

/** Hears of everything that happens, once it has. */
export type Tell = (op: Op, world: World) => void;

/** Virtual seconds for which everything may go on. */
const HORIZON = 900;
const REST = 120;

/** Lets the world come to rest, and looks at what it has become. */
export function calmDown(world: World, invariants: Invariants, tell?: Tell): Violation | undefined {
  const { cluster, layout } = world;
  world.setClockRight();
  const bound = 5000 + 400 * cluster.objects().length;
  const deadline = world.now + HORIZON * 1000;
  let steps = 0;
  for (let next = world.proceed(deadline); next !== undefined; next = world.proceed(deadline)) {
    tell?.(next.op, world);
    const violation = invariants.check(next.actor);
    if (violation !== undefined) return violation;
    if (++steps > bound) return { rule: 'hooks go quiet', message: `not after ${steps} steps` };
  }
  const before = new Map(cluster.resources.all.map((type) => [type, cluster.store.log(type).length]));
  const addresses = addressesByName(cluster);
  const blocked = storedObjects<IPAddressClaim>(cluster, 'IPAddressClaim')
    .filter((claim) => isBlocked(claim, addresses))
    .map(({ metadata }) => `IPAddressClaim:${metadata.namespace}:${metadata.name}`)
    .concat(waitingIPAMClaims(world));
  const failures = cluster
    .settle({ horizonSeconds: REST })
    .failures.filter(({ key }) => !blocked.some((end) => key.endsWith(end)));
  if (failures.length > 0) {
    return { rule: 'nothing fails for good', message: `${failures[0]!.key}: ${failures[0]!.message}` };
  }
  const changes = cluster.resources.all.flatMap((type) => cluster.store.log(type).slice(before.get(type)));
  // Its half-hourly look may come only now: it puts a status right, and once.
  const unquiet = changes.filter(({ object }) => !world.overwritten.delete(object.metadata.uid!));
  if (unquiet.length > 0)
    return {
      rule: 'hooks go quiet',
      message: `${unquiet.length} changes in ${REST} seconds of rest, first of ${qualifiedName(unquiet[0]!.object.metadata)}`,
    };
  return (
    (layout.hasPools ? checkPools(world) : undefined) ??
    (layout.hasIPAMClaims ? checkIPAMClaims(world) : undefined) ??
    (layout.hasNodes ? checkNodes(world) : undefined)
  );
}

/** Whether another pool's IPAddress, which nobody owns, has the claim's name. */
function isBlocked(claim: IPAddressClaim, addresses: ReturnType<typeof addressesByName>): boolean {
  const address = addresses.get(qualifiedName(claim.metadata));
  return address !== undefined && controllerOf(address) === undefined && !isOfPool(address, claim);
}

function checkPools({ cluster, layout, moves }: World): Violation | undefined {
  const addresses = addressesByName(cluster);
  const claims = storedObjects<IPAddressClaim>(cluster, 'IPAddressClaim');
  const uids = new Map(claims.map((claim) => [claim.metadata.uid, claim]));
  const allocations = heldIn(cluster).filter(({ isBlock }) => !isBlock);
  const pools = new Map(allPools(cluster).map((pool) => [titleOf(pool), pool]));
  const clusters = new Map(cluster.objects('Cluster').map((each) => [qualifiedName(each.metadata), each]));
  const isHeldUp = (claim: IPAddressClaim) => {
    if (isPaused(claim)) return true;
    const { clusterName } = claim.spec;
    if (!layout.hasClusters || !clusterName) return false;
    const owner = clusters.get(`${claim.metadata.namespace}/${clusterName}`);
    return owner === undefined || (owner.spec as { paused?: boolean }).paused === true;
  };
  // What it says it has, until somebody ends its pause.
  const mayHave = (claim: IPAddressClaim) => claim.status?.addressRef !== undefined && isHeldUp(claim);
  const isFrozen = (pool: Pool) => isPaused(pool) || givenBy(withoutExceptions(pool.spec)).length === 0;

  // What --cascade=orphan has taken from a pool that goes is nobody's to change before it is gone.
  const isOrphan = (pool: Pool, slice: Pick<AllocationSlice, 'metadata'>) =>
    pool.metadata.deletionTimestamp !== undefined && controllerOf(slice as AllocationSlice) === undefined;

  const isMissing = (pool: Pool) =>
    pool.status?.conditions?.some(({ type, status }) => type === 'SlicesMissing' && status === 'True');

  const inUse = allocations.filter((held) => {
    const pool = pools.get(poolKey(held.poolRef, held.slice.metadata.namespace));
    return pool?.metadata.uid !== held.poolRef.uid || !isRemembered(held, pool);
  });
  for (const { slice, key, entry, poolRef } of inUse) {
    const claim = uids.get(entry.uid);
    const pool = pools.get(poolKey(poolRef, slice.metadata.namespace));
    const title = `${key} in ${slice.metadata.name} of ${entry.name}`;
    if (pool?.metadata.uid !== poolRef.uid)
      return { rule: 'nothing is left over', message: `${title} has no pool` };
    if (claim === undefined && !isFrozen(pool) && !isOrphan(pool, slice))
      return { rule: 'nothing is left over', message: title };
    if (claim === undefined) continue;
    const held = claimHolding(claim, addresses);
    // Given by who had not heard that the pool goes, and could not see what --cascade=orphan had taken from it.
    const isSpare =
      slice.metadata.creationTimestamp! >= (pool.metadata.deletionTimestamp ?? '~') &&
      allocations.some((other) => other.entry.uid === entry.uid && isOrphan(pool, other.slice));
    if (held !== undefined && held !== key && !isFrozen(pool) && !isHeldUp(claim) && !isSpare) {
      return { rule: 'nothing is left over', message: `${title}, which has ${held}` };
    }
  }
  for (const { metadata, spec } of storedObjects<AllocationSlice>(cluster, 'AllocationSlice')) {
    const pool = pools.get(poolKey(spec.poolRef, metadata.namespace));
    const isOurs = spec.poolRef.kind !== 'PodNetwork';
    if (isOurs && pool === undefined)
      return { rule: 'nothing is left over', message: `${metadata.name} has no pool` };
    if (pool !== undefined && isOrphan(pool, { metadata })) continue;
    for (const uid of Object.keys(spec.answers ?? {})) {
      if (isOurs && !uids.has(uid) && uid !== pool?.metadata.uid)
        return { rule: 'nothing is left over', message: `an answer in ${metadata.name}` };
    }
  }
  for (const address of addresses.values()) {
    const owner = address.metadata.ownerReferences?.find(({ controller }) => controller)?.uid;
    const { [CLAIM_UID_LABEL]: claim, [POOL_UID_LABEL]: pool } = address.metadata.labels ?? {};
    // What came from another cluster bears uids of there until a pool takes it over.
    const isFromHere = [...pools.values()].some(({ metadata }) => metadata.uid === pool);
    const madeFor = owner ?? (isFromHere ? claim : undefined);
    if (madeFor === undefined || uids.has(madeFor)) continue;
    return { rule: 'nothing is left over', message: `IPAddress ${qualifiedName(address.metadata)}` };
  }
  for (const pool of pools.values()) {
    if (isMissing(pool) && pool.metadata.deletionTimestamp === undefined)
      return { rule: 'what was lost is made again', message: `slices of ${titleOf(pool)}` };
  }
  for (const pool of pools.values()) {
    if (pool.metadata.deletionTimestamp === undefined) continue;
    const id = titleOf(pool);
    const isUsed =
      claims.some(
        (claim) =>
          poolKey(claim.spec.poolRef, claim.metadata.namespace) === id &&
          (claimHolding(claim, addresses) !== undefined || mayHave(claim)),
      ) || allocations.some(({ poolRef }) => poolRef.uid === pool.metadata.uid);
    if (!isUsed) return { rule: 'what is deleted goes', message: id };
  }

  const used = new Map<string, Set<string>>();
  const use = (space: string, address: string) =>
    used.set(space, (used.get(space) ?? new Set()).add(address));
  for (const { slice, key, poolRef } of inUse) {
    const pool = pools.get(poolKey(poolRef, slice.metadata.namespace));
    if (pool !== undefined) use(spaceOf(pool), key);
  }
  for (const claim of claims) {
    const pool = pools.get(poolKey(claim.spec.poolRef, claim.metadata.namespace));
    const address = claimHolding(claim, addresses);
    if (pool !== undefined && address !== undefined) use(spaceOf(pool), address);
  }
  for (const address of addresses.values()) {
    const pool = pools.get(poolKey(address.spec.poolRef, address.metadata.namespace));
    // Of a pool that is gone its neighbours still know the space.
    const space = pool === undefined ? labelledSpace(address) : spaceOf(pool);
    if (space !== undefined) use(space, holdingOf(address)!);
  }
  for (const claim of claims) {
    const title = `IPAddressClaim ${qualifiedName(claim.metadata)}`;
    const pool = pools.get(poolKey(claim.spec.poolRef, claim.metadata.namespace));
    if (isHeldUp(claim) || isBlocked(claim, addresses)) continue;
    if (claim.metadata.deletionTimestamp !== undefined) {
      // A paused pool takes nothing back, until it is deleted itself.
      const isKept = pool !== undefined && isPaused(pool) && pool.metadata.deletionTimestamp === undefined;
      if (isKept) continue;
      return { rule: 'what is deleted goes', message: title };
    }
    const ready = claim.status?.conditions?.find(({ type }) => type === 'Ready');
    const address = addresses.get(qualifiedName(claim.metadata));
    if (claim.status?.addressRef !== undefined) {
      if (address === undefined) {
        if (pool !== undefined && !isFrozen(pool) && pool.metadata.deletionTimestamp === undefined)
          return {
            rule: 'what was lost is made again',
            message: `${title}: ${ready?.reason} ${ready?.message}`,
          };
        continue;
      }
      const isKept = pool !== undefined && isFrozen(pool);
      if (ready?.status !== 'True' && !isKept)
        return { rule: 'conditions tell the truth', message: `${title}: ${ready?.message}` };
      // What moved before its claim was told waits for its pool.
      const isUntold = isKept && moves > 0 && claim.metadata.annotations?.[ADDRESS_ANNOTATION] === undefined;
      if (!isUntold && holdingOf(address) !== claim.metadata.annotations?.[ADDRESS_ANNOTATION])
        return {
          rule: 'conditions tell the truth',
          message: `${title}: ${claim.metadata.annotations?.[ADDRESS_ANNOTATION]}`,
        };
      if (pool !== undefined && !isFrozen(pool)) {
        const backed = allocations.some(
          ({ key, entry }) =>
            entry.uid === claim.metadata.uid && entry.released === undefined && key === holdingOf(address),
        );
        if (!backed && pool.metadata.deletionTimestamp === undefined)
          return { rule: 'every address is allocated', message: `${title} ${address.spec.address}` };
        // Its claim might go unseen, as when everything moves on: then it is found by this.
        const { [CLAIM_UID_LABEL]: madeFor = claim.metadata.uid } = address.metadata.labels ?? {};
        if (backed && madeFor !== claim.metadata.uid && address.metadata.deletionTimestamp === undefined)
          return { rule: 'what has moved is at home', message: title };
      }
      continue;
    }
    if (ready === undefined || ready.status === 'True')
      return { rule: 'every claim gets an answer', message: `${title}: ${JSON.stringify(claim.status)}` };
    if (pool === undefined || isFrozen(pool) || pool.metadata.deletionTimestamp !== undefined) continue;
    const namespace = cluster
      .objects('Namespace')
      .find(({ metadata }) => metadata.name === claim.metadata.namespace);
    if (namespace !== undefined && !allows(pool.spec as PoolSpec, namespace.metadata.labels)) {
      if (ready.reason === 'NamespaceNotAllowed') continue;
      return {
        rule: 'conditions tell the truth',
        message: `${title}: ${ready.reason}, not NamespaceNotAllowed`,
      };
    }
    const had = allocations.filter(
      ({ poolRef, entry }) =>
        poolRef.uid === pool.metadata.uid &&
        entry.released === undefined &&
        entry.namespace === claim.metadata.namespace,
    );
    if (had.length >= (pool.spec.maxPerNamespace ?? Number.POSITIVE_INFINITY)) {
      if (ready.reason === 'QuotaExceeded') continue;
      return { rule: 'conditions tell the truth', message: `${title}: ${ready.reason}, not QuotaExceeded` };
    }
    const requested = claim.metadata.annotations?.[REQUESTED_ADDRESS_ANNOTATION];
    const wanted =
      requested === undefined
        ? wantedBy(pool.spec as never, claim.metadata)
        : [requestedText(pool, requested)].filter(
            (text) => gives(pool.spec as never, text) && mayGet(pool.spec as never, text, claim.metadata),
          );
    const taken = [...(used.get(spaceOf(pool)) ?? [])];
    const free = wanted.filter((text) => !taken.some((other) => textsOverlap(other, text)));
    if (free.length > 0) {
      return {
        rule: 'every claim that can be is served',
        message: `${title}: ${free.join(', ')} free, but ${ready.reason}: ${ready.message}`,
      };
    }
  }
  return undefined;
}

/** As slices write it: of a pool of prefixes the first address will do. */
function requestedText({ spec }: Pool, requested: string): string {
  const isBase = 'prefixes' in spec && !requested.includes('/');
  return canonicalBlock(isBase ? `${requested}/${spec.allocationPrefixLength}` : requested)!;
}

function checkNodes({ cluster, layout }: World): Violation | undefined {
  const nodes = storedObjects<Node>(cluster, 'Node');
  const uids = new Set(nodes.map(({ metadata }) => metadata.uid));
  const networks = storedObjects<PodNetwork>(cluster, 'PodNetwork');
  const cidrs = storedObjects<ClusterCIDR>(cluster, 'ClusterCIDR');
  const allocations = heldIn(cluster).filter(({ isBlock }) => isBlock);
  for (const { id, entry, poolRef } of allocations) {
    if (!uids.has(entry.uid)) return { rule: 'nothing is left over', message: id };
    if (!networks.some(({ metadata }) => metadata.uid === poolRef.uid))
      return { rule: 'nothing is left over', message: `${id} has no network` };
  }
  for (const { metadata, spec } of storedObjects<{ metadata: { name: string }; spec: { nodeUID: string } }>(
    cluster,
    'PodCIDRClaim',
  )) {
    if (!uids.has(spec.nodeUID))
      return { rule: 'nothing is left over', message: `PodCIDRClaim ${metadata.name}` };
  }
  for (const { metadata } of [...networks, ...cidrs]) {
    const isUsed = allocations.some(
      ({ entry, poolRef }) => poolRef.name === metadata.name || entry.clusterCIDR === metadata.name,
    );
    if (metadata.deletionTimestamp !== undefined && !isUsed)
      return { rule: 'what is deleted goes', message: metadata.name };
  }
  for (const { metadata, status } of cidrs) {
    const network = networks.find(({ metadata: { name } }) => name === networkOf(metadata));
    if (network === undefined || network.metadata.deletionTimestamp !== undefined) continue;
    const holders = new Set(
      allocations
        .filter(({ entry, poolRef }) => {
          const isOfNetwork = poolRef.uid === network.metadata.uid && entry.released === undefined;
          return isOfNetwork && entry.clusterCIDR === metadata.name;
        })
        .map(({ entry }) => entry.uid),
    );
    if (status?.nodes !== holders.size)
      return {
        rule: 'counts tell the truth',
        message: `ClusterCIDR ${metadata.name}: ${status?.nodes} nodes, not ${holders.size}`,
      };
  }
  for (const network of networks) {
    const { name, deletionTimestamp } = network.metadata;
    if (deletionTimestamp !== undefined) continue;
    const isDefault = name === DEFAULT_NETWORK;
    const taken = [
      ...(isDefault ? nodes.flatMap((node) => blocksOf(node.spec?.podCIDRs)) : []),
      ...blocksOf(network.spec.serviceCIDRs),
      ...(isDefault && layout.serviceCIDRs === 'watched'
        ? blocksOf(
            storedObjects<ServiceCIDR>(cluster, 'ServiceCIDR').flatMap(({ spec }) => spec?.cidrs ?? []),
          )
        : []),
      ...blocksOf(network.spec.reservations?.flatMap(({ blocks }) => blocks)),
      ...blocksOf(allocations.filter(({ poolRef }) => poolRef.name === name).map(({ key }) => key)),
    ];
    const isFree = (range: Range, size: bigint) => {
      for (let first = range.first; first + size - 1n <= range.last; first += size) {
        const block = { family: range.family, first, last: first + size - 1n };
        if (!taken.some((other) => overlap(other, block))) return true;
      }
      return false;
    };
    for (const node of nodes) {
      const mine = allocations.filter(
        ({ entry, poolRef }) => poolRef.name === name && entry.uid === node.metadata.uid,
      );
      const value = isDefault
        ? (node.spec?.podCIDRs ?? []).join()
        : node.metadata.annotations?.[`kube-node.nordix.org/${name}`];
      const given = isDefault ? mine.map(({ key }) => key) : (mine[0]?.entry.blocks ?? []);
      const shown = value === undefined ? [] : isDefault ? value.split(',') : blocksShownIn(value);
      if (given.length > 0 && given.toSorted().join() !== shown.toSorted().join())
        return {
          rule: 'every node gets its blocks',
          message: `${node.metadata.name}: ${value}, not ${given}`,
        };
      if (!isDefault && value !== undefined && mine.length > 0 && !saysSettings(network.spec, value, shown))
        return {
          rule: 'every node hears what its network says of its blocks',
          message: `${node.metadata.name}: ${value}`,
        };
      const wanted =
        network.spec.additionalBlocks?.find((each) => each.node === node.metadata.name)?.count ?? 0;
      const isShort = mine.length > 0 && mine.length < 1 + wanted;
      if (!isShort && (mine.length > 0 || value)) continue;
      if (!isShort && network.spec.reservations?.some(({ node: name }) => name === node.metadata.name))
        continue;
      for (const cidr of cidrs) {
        const { metadata, spec } = cidr;
        if (networkOf(metadata) !== name || metadata.deletionTimestamp !== undefined) continue;
        if (spec.nodeSelector !== undefined && node.metadata.labels?.zone !== 'a') continue;
        const ranges = blocksOf([spec.ipv4, spec.ipv6].filter((text) => text !== undefined));
        const sizes = ranges.map(({ family }) => blockSizeOf(cidr, family));
        if (sizes.includes(undefined)) continue;
        if (ranges.every((range, index) => isFree(range, sizes[index]!)))
          return {
            rule: 'every node that can be is served',
            message: `${node.metadata.name} from ${metadata.name}`,
          };
      }
    }
  }
  return undefined;
}

function networkOf({ labels }: ClusterCIDR['metadata']): string {
  return labels?.[NETWORK_LABEL] ?? DEFAULT_NETWORK;
}

/** Whether an annotation has the routes and the gateways of its network. */
function saysSettings(
  { subnets = [], routes = [] }: PodNetwork['spec'],
  value: string,
  shown: readonly string[],
): boolean {
  const said = value.startsWith('{') ? rangesShownIn(value) : { ranges: value.split(','), routes: [] };
  const isIPv6 = (text: string) => text.includes(':');
  const wanted = routes
    .map(({ dst }) => dst)
    .filter((dst) => shown.some((cidr) => isIPv6(cidr) === isIPv6(dst)));
  return (
    (said.routes ?? []).map(({ dst }) => dst).join() === wanted.join() &&
    said.ranges.every((range) => {
      const [own] = blocksOf([typeof range === 'string' ? range : range.subnet]);
      const subnet = subnets.find(({ cidr }) => blocksOf([cidr]).some((whole) => overlap(whole, own!)));
      return subnet === undefined || (typeof range !== 'string' && range.gateway === subnet.gateway);
    })
  );
}
