/** What the objects of a world mean, read without the hooks' own code where that decides anything. */

import { type Address, canonicalAddress, parseAddress } from '../lib/address/address.ts';
import { formatPrefix, parsePrefix, parseRange, prefixOf, type Range } from '../lib/address/range.ts';
import type { SimulatedCluster } from '../lib/engine/cluster.ts';
import {
  ADDRESS_ANNOTATION,
  ADDRESS_SPACE_ANNOTATION,
  ADDRESS_SPACE_LABEL,
  NETWORK_LABEL,
  POOL_UID_LABEL,
} from '../lib/kubernetes/names.ts';
import { qualifiedName, titleOf } from '../lib/kubernetes/object.ts';
import type {
  AllocationSlice,
  ClusterCIDR,
  IPAddress,
  IPAddressClaim,
  PoolReference,
  SliceEntry,
} from '../lib/kubernetes/types.ts';
import type { Pool } from '../lib/pool/pool.ts';
import type { PrefixPoolSpec } from '../lib/pool/prefix-spec.ts';
import type { PoolSpec, SubnetSpec } from '../lib/pool/spec.ts';

export function storedObjects<T>(cluster: SimulatedCluster, kind: string): T[] {
  return cluster.objects(kind) as object[] as T[];
}

export function allPools(cluster: SimulatedCluster): Pool[] {
  return [
    ...storedObjects<Pool>(cluster, 'InClusterIPPool'),
    ...storedObjects<Pool>(cluster, 'GlobalInClusterIPPool'),
    ...storedObjects<Pool>(cluster, 'InClusterPrefixPool'),
    ...storedObjects<Pool>(cluster, 'GlobalInClusterPrefixPool'),
  ];
}

/** `kind namespace/name` of the pool that a claim or an address in `namespace` refers to. */
export function poolKey(
  { kind, name }: { kind: string; name: string },
  namespace: string | undefined,
): string {
  return kind.startsWith('Global') ? `${kind} ${name}` : `${kind} ${namespace}/${name}`;
}

/** Where an address of the pool is given once. */
export function spaceOf(pool: Pool): string {
  const shared = pool.metadata.annotations?.[ADDRESS_SPACE_ANNOTATION];
  return shared === undefined ? titleOf(pool) : sharedSpace(pool, shared);
}

/** The shared space that an IPAddress is labelled with. */
export function labelledSpace(address: IPAddress): string | undefined {
  const shared = address.metadata.labels?.[ADDRESS_SPACE_LABEL];
  const isGlobal = address.spec.poolRef.kind === 'GlobalInClusterIPPool';
  return shared && sharedSpace(isGlobal ? { metadata: {} } : address, shared);
}

function sharedSpace({ metadata }: { metadata: { namespace?: string } }, name: string): string {
  return `${metadata.namespace ?? ''} ${name}`;
}

/** The address, or of a pool of prefixes the prefix, that an IPAddress stands for, as slices write it. */
export function holdingOf({ spec }: IPAddress): string | undefined {
  const address = canonicalAddress(spec.address);
  if (address === undefined || !spec.poolRef.kind.endsWith('PrefixPool')) return address;
  return canonicalBlock(`${address}/${spec.prefix}`);
}

/** An address, or a prefix of more than one, in its one form. */
export function canonicalBlock(text: string): string | undefined {
  if (!text.includes('/')) return canonicalAddress(text);
  const prefix = parsePrefix(text);
  if (prefix === undefined) return undefined;
  return prefix.first === prefix.last ? canonicalAddress(text.split('/')[0]!) : formatPrefix(prefix);
}

/** What a claim holds: what its IPAddress stands for, or what it says it has. */
export function claimHolding(
  claim: IPAddressClaim,
  addresses: ReadonlyMap<string, IPAddress>,
): string | undefined {
  const address = addresses.get(qualifiedName(claim.metadata));
  const owner = address?.metadata.ownerReferences?.find(({ controller }) => controller)?.uid;
  if (
    address !== undefined &&
    (owner === undefined ? isOfPool(address, claim) : owner === claim.metadata.uid)
  ) {
    return holdingOf(address);
  }
  if (claim.status?.addressRef === undefined || claim.metadata.deletionTimestamp !== undefined)
    return undefined;
  return canonicalBlock(claim.metadata.annotations?.[ADDRESS_ANNOTATION] ?? '');
}

/** Whether an IPAddress without a controller is the claim's, of the same pool, from another provider or a backup. */
export function isOfPool({ metadata, spec: { poolRef } }: IPAddress, { spec }: IPAddressClaim): boolean {
  if (isAbandoned(metadata)) return false;
  return poolRef.kind === spec.poolRef.kind && poolRef.name === spec.poolRef.name;
}

/** Whether an IPAddress without a controller was ours, and lost its claim. */
export function isAbandoned({ labels, ownerReferences }: IPAddress['metadata']): boolean {
  return labels?.[POOL_UID_LABEL] !== undefined && (ownerReferences?.length ?? 0) > 0;
}

/** IPAddresses by `namespace/name`, which is also their claim's. */
export function addressesByName(cluster: SimulatedCluster): Map<string, IPAddress> {
  return new Map(
    storedObjects<IPAddress>(cluster, 'IPAddress').map((address) => [
      qualifiedName(address.metadata),
      address,
    ]),
  );
}

function contains({ family, first, last }: Range, address: Address): boolean {
  return address.family === family && first <= address.value && address.value <= last;
}

/** Whether a pool with this spec may give out the address: listed, not excluded, not reserved, no gateway. */
export function gives(spec: PoolSpec | PrefixPoolSpec, text: string): boolean {
  if ('prefixes' in spec) return givesPrefix(spec, text);
  return givesAddress(spec as PoolSpec, text);
}

function givesPrefix(spec: PrefixPoolSpec, text: string): boolean {
  const block = parsePrefix(text);
  if (block === undefined || block.length !== spec.allocationPrefixLength) return false;
  const isInside = blocksOf(spec.prefixes).some(
    ({ family, first, last }) => family === block.family && first <= block.first && block.last <= last,
  );
  return isInside && !(spec.excludedPrefixes ?? []).some((entry) => overlap(parseRange(entry)!, block));
}

/** A pool of one subnet is one itself. */
function subnetsOf(spec: PoolSpec): readonly SubnetSpec[] {
  return spec.subnets ?? [spec];
}

function isListed(texts: readonly string[] | undefined, address: Address): boolean {
  return (texts ?? []).map(parseRange).some((range) => range !== undefined && contains(range, address));
}

/** The first subnet that lists the address; undefined if the pool has none of it. */
export function subnetWith(spec: PoolSpec, text: string): SubnetSpec | undefined {
  const address = parseAddress(text);
  return address && subnetsOf(spec).find(({ addresses }) => isListed(addresses, address));
}

function givesAddress(spec: PoolSpec, text: string): boolean {
  const address = parseAddress(text);
  if (address === undefined || subnetWith(spec, text) === undefined) return false;
  const bits = address.family === 4 ? 32 : 128;
  return subnetsOf(spec).every(({ addresses, excludedAddresses, gateway, prefix = 999 }) => {
    if (prefix > bits || isListed(excludedAddresses, address)) return false;
    if (gateway && parseAddress(gateway)?.value === address.value) return false;
    const [lowest] = (addresses ?? []).map((entry) => parseRange(entry)!.first).sort((a, b) => Number(a - b));
    const subnet = prefixOf({ family: address.family, value: lowest ?? 0n }, prefix);
    const isEdge = address.value === subnet.first || (address.family === 4 && address.value === subnet.last);
    return spec.allocateReservedIPAddresses === true || bits - prefix < 2 || !isEdge;
  });
}

/** The spec of a pool without what keeps it from giving what it lists. */
export function withoutExceptions(spec: Pool['spec']): PoolSpec & PrefixPoolSpec {
  const none = { excludedAddresses: [], gateway: '' };
  const { subnets } = spec as PoolSpec;
  return {
    ...spec,
    ...none,
    excludedPrefixes: [],
    allocateReservedIPAddresses: true,
    ...(subnets && { subnets: subnets.map((each) => ({ ...each, ...none })) }),
  };
}

/** Whether a pool with this spec serves a namespace with these labels. */
export function allows(
  { allowedNamespaces }: Pick<PoolSpec, 'allowedNamespaces'>,
  labels: Readonly<Record<string, string>> = {},
): boolean {
  const { matchLabels = {}, matchExpressions = [] } = allowedNamespaces ?? {};
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(({ key, operator, values = [] }) => {
      const value = labels[key];
      if (operator === 'In') return value !== undefined && values.includes(value);
      if (operator === 'NotIn') return value === undefined || !values.includes(value);
      return (operator === 'Exists') === (value !== undefined);
    })
  );
}

type Claim = { readonly namespace?: string | undefined; readonly name: string };

type Reservation = NonNullable<PoolSpec['reservations']>[number];

function reservedBy({ address, prefix }: Reservation): string | undefined {
  return canonicalBlock(address ?? prefix ?? '');
}

/** The first reservation of an address or a prefix counts. */
function reservationOf({ reservations = [] }: PoolSpec | PrefixPoolSpec, text: string) {
  return reservations.find((each) => reservedBy(each) === text);
}

function isMeant({ namespace, claim, claimPattern = '' }: Reservation, by: Claim): boolean {
  const pattern = (claim ?? claimPattern).replaceAll('*', '.*');
  return new RegExp(`^${pattern}$`).test(by.name) && (namespace ?? by.namespace) === by.namespace;
}

/** Whether the claim may be given the address: it is not another's by reservation. */
export function mayGet(spec: PoolSpec | PrefixPoolSpec, text: string, claim: Claim): boolean {
  const reservation = reservationOf(spec, text);
  return reservation === undefined || isMeant(reservation, claim);
}

/** What a claim that asks for nothing can have: one that reservations name gets nothing else. */
export function wantedBy(spec: PoolSpec | PrefixPoolSpec, claim: Claim): string[] {
  const { reservations = [] } = spec;
  const own = reservations.flatMap((each) => {
    const text = reservedBy(each)!;
    return each.claim !== undefined && isMeant(each, claim) && reservationOf(spec, text) === each
      ? [text]
      : [];
  });
  return (own.length > 0 ? own : givenBy(spec)).filter(
    (text) => gives(spec, text) && mayGet(spec, text, claim),
  );
}

/** The addresses or prefixes that a pool with this spec may give out. Pools of a world are small. */
export function givenBy(spec: PoolSpec | PrefixPoolSpec): string[] {
  if ('prefixes' in spec) return prefixesGivenBy(spec);
  return addressesGivenBy(spec as PoolSpec);
}

function prefixesGivenBy(spec: PrefixPoolSpec): string[] {
  const texts = blocksOf(spec.prefixes).flatMap(({ family, first, last }) => {
    const size = 1n << BigInt((family === 4 ? 32 : 128) - spec.allocationPrefixLength!);
    const count = Number((last - first + 1n) / size);
    return Array.from({ length: count }, (_, index) =>
      formatPrefix(prefixOf({ family, value: first + BigInt(index) * size }, spec.allocationPrefixLength!)),
    );
  });
  return [...new Set(texts)].filter((text) => gives(spec, text));
}

function addressesGivenBy(spec: PoolSpec): string[] {
  const texts = new Set<string>();
  const listed = subnetsOf(spec).flatMap(({ addresses = [] }) => addresses);
  for (const range of listed.map(parseRange)) {
    if (range === undefined || range.last - range.first > 255n) continue;
    for (let value = range.first; value <= range.last; value++) {
      const text = canonicalAddress(
        range.family === 4 ? dotted(value) : `fd00::${(value & 0xffffn).toString(16)}`,
      );
      if (text !== undefined && gives(spec, text)) texts.add(text);
    }
  }
  return [...texts];
}

function dotted(value: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.');
}

/** CIDRs, and ranges first-last. */
export function blocksOf(texts: readonly string[] | undefined): Range[] {
  return (texts ?? []).map(parseRange).filter((block) => block !== undefined);
}

/** The blocks that an annotation of a secondary network shows, as they are in it or as where a part of a subnet starts and ends. */
export function blocksShownIn(annotation: string): string[] {
  if (!annotation.startsWith('{')) return annotation.split(',');
  return rangesShownIn(annotation).ranges.map((range) => {
    if (typeof range === 'string') return range;
    if (range.rangeStart === undefined) return range.subnet;
    const text = `${range.rangeStart}-${range.rangeEnd}`;
    const span = parseRange(text)!;
    const size = span.last - span.first + 1n;
    const hostBits = size.toString(2).length - 1;
    const isCIDR = size === 1n << BigInt(hostBits) && span.first % size === 0n;
    return isCIDR ? `${range.rangeStart}/${(span.family === 4 ? 32 : 128) - hostBits}` : text;
  });
}

/** The JSON of such an annotation. */
export function rangesShownIn(annotation: string): {
  ranges: (string | { subnet: string; rangeStart?: string; rangeEnd?: string; gateway?: string })[];
  routes?: { dst: string }[];
} {
  return JSON.parse(annotation);
}

/** How many addresses the blocks have that a ClusterCIDR gives of one family; undefined if it gives none. */
export function blockSizeOf({ metadata, spec }: ClusterCIDR, family: 4 | 6): bigint | undefined {
  const { annotations = {}, labels } = metadata;
  const isSecondary = labels?.[NETWORK_LABEL] === 'storage';
  const number = annotations['metaipam.io/per-node-block-size'];
  if (number !== undefined && (!isSecondary || !/^[1-9]\d*$/.test(number))) return undefined;
  const all = ([4, 6] as const).flatMap((each) => {
    const [range] = blocksOf([spec[`ipv${each}`] ?? '']);
    const text = annotations[`metaipam.io/per-node-host-bits-ipv${each}`];
    if (range === undefined && text === undefined) return [];
    const most = range === undefined ? 1n << (each === 4 ? 32n : 128n) : range.last - range.first + 1n;
    if (text === undefined) {
      const size = number === undefined ? 1n << BigInt(spec.perNodeHostBits) : BigInt(number);
      return [{ each, size, isValid: size <= most }];
    }
    const size = /^\d+$/.test(text) ? 1n << BigInt(text) : 0n;
    return [{ each, size, isValid: size >= (isSecondary ? 2n : 16n) && size <= most }];
  });
  return all.every(({ isValid }) => isValid) ? all.find(({ each }) => each === family)?.size : undefined;
}

/** Whether two texts of addresses or prefixes have any address in common. */
export function textsOverlap(a: string, b: string): boolean {
  return a === b || overlap(parseRange(a)!, parseRange(b)!);
}

export function overlap(a: Range, b: Range): boolean {
  return a.family === b.family && a.first <= b.last && b.first <= a.last;
}

/** One entry of a slice, with what is to be known of the slice. */
export interface Held {
  /** The same for as long as the address or block has a slice. */
  readonly id: string;
  readonly slice: AllocationSlice;
  readonly key: string;
  readonly entry: SliceEntry;
  readonly poolRef: PoolReference;
  /** Whether it is a block of a PodNetwork, and not an address of a pool. */
  readonly isBlock: boolean;
}

/** Starts the name of a slice that somebody makes for a piece that has one: what it lists is nobody's. */
export const TWIN_PREFIX = 'twin.';

export function isTwin({ metadata }: Pick<AllocationSlice, 'metadata'>): boolean {
  return metadata.name.startsWith(TWIN_PREFIX);
}

export function entriesOf(slice: AllocationSlice | undefined): Held[] {
  if (slice === undefined || isTwin(slice)) return [];
  const { poolRef, entries = {} } = slice.spec;
  return Object.entries(entries).map(([key, entry]) => ({
    id: `${qualifiedName(slice.metadata)} ${key}`,
    slice,
    key,
    entry,
    poolRef,
    isBlock: poolRef.kind === 'PodNetwork',
  }));
}

/** Every entry there is. */
export function heldIn(cluster: SimulatedCluster): Held[] {
  return storedObjects<AllocationSlice>(cluster, 'AllocationSlice').flatMap(entriesOf);
}

/** Whether an entry says no more than when its address was given up: the pool gives that, in its order. */
export function isRemembered({ key, entry }: Held, pool: Pool): boolean {
  return (
    entry.released !== undefined &&
    pool.spec.strategy === 'LeastRecentlyUsed' &&
    pool.metadata.deletionTimestamp === undefined &&
    spaceOf(pool) === titleOf(pool) &&
    gives(pool.spec as PoolSpec, key)
  );
}
