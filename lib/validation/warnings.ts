/** What is legal, and most likely not what was meant. */

import { type Address, FAMILY_BITS, parseAddress } from '../address/address.ts';
import {
  covers,
  formatPrefix,
  formatRange,
  hasHostBits,
  parsePrefix,
  parseRange,
  prefixOf,
  rangeOf,
} from '../address/range.ts';
import { RangeSet } from '../address/range-set.ts';
import { keyOf } from '../allocation/slice.ts';
import * as names from '../kubernetes/names.ts';
import type { KubernetesObject } from '../kubernetes/object.ts';
import { groupOf } from '../kubernetes/object.ts';
import { POOL_KINDS, PREFIX, poolKind } from '../kubernetes/pool-kinds.ts';
import type { Problem } from '../kubernetes/problem.ts';
import type { CustomResource, CustomResources } from '../kubernetes/schema.ts';
import type { IPAddressClaim } from '../kubernetes/types.ts';
import { isPrefixPool, type Pool, readPool } from '../pool/pool.ts';
import { type PrefixPoolSpec, readPrefixPool } from '../pool/prefix-spec.ts';
import type { PoolRanges, SubnetRanges } from '../pool/ranges.ts';
import { beneficiaryOf } from '../pool/reservation.ts';
import { type PoolSpec, readAddressPool, type SubnetSpec } from '../pool/spec.ts';
import { withoutSubnet } from '../pool/v1alpha1.ts';
import { editDistance, listSome, nearest } from '../text.ts';

export interface Warning extends Problem {
  readonly rule:
    | 'host-bits'
    | 'gateway-outside'
    | 'listed-twice'
    | 'no-address'
    | 'host-addresses'
    | 'excluded-outside'
    | 'reservation-unmet'
    | 'unknown-key'
    | 'deprecated'
    | 'no-prefix'
    | 'unserved-pool'
    | 'other-group'
    | 'ignored-namespace';
  /** What to write or do instead. */
  readonly fix?: string;
}

/** Every warning about one object that breaks no rule, whatever its kind. */
export function warningsOf(object: KubernetesObject, resources: CustomResources): Warning[] {
  const { apiVersion, kind, metadata } = object;
  const resource = resources.ofKind(apiVersion, kind);
  const isIPAMClaim = apiVersion === names.IPAM_CLAIM_API_VERSION && kind === 'IPAMClaim';
  if (resource === undefined) return isIPAMClaim ? unknownKeys(object) : otherGroup(object, resources);
  const warnings = [...unknownKeys(object)];
  if (!resource.namespaced && metadata.namespace) {
    warnings.push({
      rule: 'ignored-namespace',
      field: 'metadata.namespace',
      value: metadata.namespace,
      message: `is ignored: a ${kind} has no namespace`,
      fix: 'leave it out',
    });
  }
  const { spec } = object as { spec?: object };
  if (Object.hasOwn(POOL_KINDS, kind)) {
    const isOfPrefixes = poolKind(kind).unit === PREFIX;
    warnings.push(
      ...(isOfPrefixes
        ? prefixPoolWarnings((spec ?? {}) as PrefixPoolSpec)
        : [...deprecated(object, resource), ...poolWarnings((spec ?? {}) as PoolSpec)]),
      ...reservationWarnings(object as Pool),
    );
  }
  if (kind === 'ClusterCIDR') {
    for (const family of ['ipv4', 'ipv6'] as const) {
      warnings.push(...hostBits(`spec.${family}`, (spec as { ipv4?: unknown; ipv6?: unknown })?.[family]));
    }
  }
  if (kind === 'PodNetwork') {
    const { serviceCIDRs = [] } = (spec ?? {}) as { serviceCIDRs?: readonly unknown[] };
    warnings.push(...serviceCIDRs.flatMap((text, index) => hostBits(`spec.serviceCIDRs[${index}]`, text)));
  }
  if (kind === 'IPAddressClaim') warnings.push(...unservedPool(object as IPAddressClaim, resources));
  return warnings;
}

/** What v1alpha1 had, and v1alpha2 for the sake of it. */
function deprecated(object: KubernetesObject, resource: CustomResource): Warning[] {
  const given = ((object as { spec?: PoolSpec }).spec ?? {}) as PoolSpec;
  const field = (['subnet', 'start', 'end'] as const).find((name) => given[name]);
  const { spec, problems } = withoutSubnet(given);
  const warnings: Warning[] = [];
  if (!resource.storage) {
    warnings.push({
      rule: 'deprecated',
      field: 'apiVersion',
      value: object.apiVersion,
      message: 'is deprecated',
      fix: `use ${names.POOL_API_VERSION}`,
    });
  }
  if (field !== undefined && problems.length === 0) {
    const { addresses = [], prefix = 0 } = spec;
    warnings.push({
      rule: 'deprecated',
      field: `spec.${field}`,
      value: given[field],
      message: 'is deprecated: v1alpha1 had it',
      fix: `write addresses: [${addresses.join(', ')}] and prefix: ${prefix}`,
    });
  }
  if (spec.prefix == null && spec.subnets == null) {
    warnings.push({
      rule: 'no-prefix',
      field: 'spec.prefix',
      message: 'is missing, and machines get addresses with prefix 0',
      fix: 'write the length of the subnet, such as prefix: 24',
    });
  }
  return warnings;
}

function poolWarnings(given: PoolSpec): Warning[] {
  const { ranges } = readAddressPool(given);
  if (ranges === undefined) return [];
  const { spec } = withoutSubnet(given);
  const { subnets } = spec;
  const parts: readonly SubnetSpec[] = subnets ?? [spec];
  return parts.flatMap((part, index) => {
    const field = subnets === undefined ? 'spec' : `spec.subnets[${index}]`;
    return subnetWarnings(field, part, ranges.subnets[index]!, ranges);
  });
}

function subnetWarnings(
  at: string,
  { addresses = [], excludedAddresses = [], gateway }: SubnetSpec,
  { listed: own, prefix }: SubnetRanges,
  { allocatable, listed: all }: PoolRanges,
): Warning[] {
  const warnings = [
    ...addresses.flatMap((text, index) => hostBits(`${at}.addresses[${index}]`, text)),
    ...excludedAddresses.flatMap((text, index) => hostBits(`${at}.excludedAddresses[${index}]`, text)),
  ];
  const listed = RangeSet.of(addresses.map((text) => parseRange(text)!));
  const { family, first } = listed.ranges[0]!;
  const subnet = prefixOf({ family, value: first }, prefix);
  const isHostRoute = prefix === FAMILY_BITS[family];
  const router: Address | undefined = gateway ? parseAddress(gateway) : undefined;
  if (router !== undefined && !isHostRoute && !covers(subnet, rangeOf(router))) {
    warnings.push({
      rule: 'gateway-outside',
      field: `${at}.gateway`,
      value: gateway,
      message: `is not in ${formatPrefix(subnet)}, the subnet of the addresses`,
      fix: 'machines reach no gateway outside of their subnet',
    });
  }
  const twice = listed.difference(own);
  if (!twice.isEmpty) {
    warnings.push({
      rule: 'listed-twice',
      field: `${at}.addresses`,
      value: addresses,
      message: `${listSome(twice.ranges.map(formatRange))} is of a subnet before, which lists it too`,
      fix: 'list each address once',
    });
  } else if (allocatable.intersection(listed).isEmpty) {
    warnings.push({
      rule: 'no-address',
      field: `${at}.addresses`,
      value: addresses,
      message: 'leaves nothing to give out: all is excluded, the gateway, or reserved by the subnet',
    });
  }
  for (const [index, text] of excludedAddresses.entries()) {
    const range = parseRange(text);
    if (range === undefined || all.overlaps(range)) continue;
    warnings.push({
      rule: 'excluded-outside',
      field: `${at}.excludedAddresses[${index}]`,
      value: text,
      message: 'excludes nothing: no address of the pool lies there',
    });
  }
  return warnings;
}

function reservationWarnings(pool: Pool): Warning[] {
  const { ranges } = readPool(pool);
  if (ranges === undefined) return [];
  const { reservations, allocatable } = ranges;
  const { namespace } = pool.metadata;
  return reservations.list.flatMap((reservation, index): Warning[] => {
    const first = reservations.of(reservation.block)!;
    const add = (field: string, value: unknown, message: string): Warning[] => [
      { rule: 'reservation-unmet', field: `spec.reservations[${index}].${field}`, value, message },
    ];
    const block = keyOf(reservation.block);
    const what = isPrefixPool(pool) ? 'prefix' : 'address';
    if (first !== reservation)
      return add(what, block, `is reserved for ${beneficiaryOf(first)} before, which counts`);
    if (!allocatable.covers(reservation.block)) return add(what, block, 'is not one that the pool gives out');
    const other = reservation.namespace;
    if (other === undefined || namespace === undefined || other === namespace) return [];
    return add('namespace', other, `has no claims that the pool serves: those of ${namespace} are`);
  });
}

function prefixPoolWarnings(spec: PrefixPoolSpec): Warning[] {
  const { excludedPrefixes = [], allocationPrefixLength, gateway } = spec;
  const { ranges } = readPrefixPool(spec);
  if (ranges === undefined) return [];
  const { allocatable, listed, blockLength } = ranges;
  const warnings: Warning[] = [];
  const bits = FAMILY_BITS[listed.ranges[0]!.family];
  if (blockLength === bits) {
    const field = 'spec.allocationPrefixLength';
    warnings.push({
      rule: 'host-addresses',
      field,
      value: allocationPrefixLength,
      message: `${field}=${bits} behaves like host-address allocation; consider InClusterIPPool for single-address semantics`,
    });
    const router = gateway ? parseAddress(gateway) : undefined;
    if (router !== undefined && allocatable.has(router)) {
      warnings.push({
        rule: 'host-addresses',
        field: 'spec.gateway',
        value: gateway,
        message: `spec.gateway is within spec.prefixes and is not reserved; with /${bits} allocationPrefixLength it may also be allocated to claims`,
        fix: 'add it to excludedPrefixes',
      });
    }
  }
  if (allocatable.isEmpty) {
    warnings.push({
      rule: 'no-address',
      field: 'spec.prefixes',
      value: spec.prefixes,
      message: 'leaves nothing to give out: of every prefix something is excluded',
    });
  }
  for (const [index, text] of excludedPrefixes.entries()) {
    const range = parseRange(text);
    if (range === undefined || listed.overlaps(range)) continue;
    warnings.push({
      rule: 'excluded-outside',
      field: `spec.excludedPrefixes[${index}]`,
      value: text,
      message: 'excludes nothing: no prefix of the pool lies there',
    });
  }
  return warnings;
}

function hostBits(field: string, text: unknown): Warning[] {
  if (typeof text !== 'string' || !hasHostBits(text)) return [];
  const prefix = formatPrefix(parsePrefix(text)!);
  const message = `stands for all of ${prefix}`;
  return [{ rule: 'host-bits', field, value: text, message, fix: `write ${prefix}` }];
}

/** Every label and annotation that means something here. */
const KEYS: readonly string[] = Object.values(names).filter((name) =>
  /^(metaipam|cluster\.x-k8s)\.io\/(?!v\d)/.test(name),
);
interface Place {
  readonly map: 'labels' | 'annotations';
  readonly kinds: RegExp;
}

/** Those that users set, and where they are read. */
const OF_USERS: Readonly<Record<string, Place>> = {
  [names.NETWORK_LABEL]: { map: 'labels', kinds: /^ClusterCIDR$|IPPool$/ },
  [names.ADDRESS_SPACE_ANNOTATION]: { map: 'annotations', kinds: /IPPool$/ },
  [names.MAY_OVERLAP_ANNOTATION]: { map: 'annotations', kinds: /Pool$/ },
  [names.REQUESTED_ADDRESS_ANNOTATION]: { map: 'annotations', kinds: /^(IPAddress|IPAM)Claim$/ },
  [names.IPV4_HOST_BITS_ANNOTATION]: { map: 'annotations', kinds: /^ClusterCIDR$/ },
  [names.IPV6_HOST_BITS_ANNOTATION]: { map: 'annotations', kinds: /^ClusterCIDR$/ },
  [names.BLOCK_SIZE_ANNOTATION]: { map: 'annotations', kinds: /^ClusterCIDR$/ },
  [names.PAUSED_ANNOTATION]: { map: 'annotations', kinds: /^/ },
};
/** Kinds whose objects metaipam itself gives some of these. */
const LABELLED = ['AllocationSlice', 'IPAddress', 'IPAMClaim'];
/** Letters by which a key of somebody else's group may differ from one that is known, and count as misspelt. */
const MISSPELT = 2;
/** The same for keys that can only be meant for metaipam. */
const ALIKE = 3;

function unknownKeys({ kind, metadata }: KubernetesObject): Warning[] {
  const warnings: Warning[] = [];
  for (const map of ['labels', 'annotations'] as const) {
    for (const key of Object.keys(metadata[map] ?? {})) {
      const field = `metadata.${map}[${key}]`;
      if (KEYS.includes(key)) {
        const { map: right = map, kinds = /^/ } = OF_USERS[key] ?? {};
        if (!kinds.test(kind)) {
          if (map === 'labels' && LABELLED.includes(kind)) continue;
          const message = `means nothing on kind ${kind}`;
          warnings.push({ rule: 'unknown-key', field, message, fix: known(kind) });
        } else if (map !== right) {
          const message = `means nothing as ${map === 'labels' ? 'a label' : 'an annotation'}`;
          warnings.push({ rule: 'unknown-key', field, message, fix: `write it in metadata.${right}` });
        }
        continue;
      }
      const isOurs = key.startsWith('metaipam');
      const [meant] = alike(key, isOurs ? ALIKE : MISSPELT);
      if (!isOurs && meant === undefined) continue;
      const fix = meant === undefined ? known(kind) : `use ${meant}`;
      warnings.push({ rule: 'unknown-key', field, message: 'means nothing to metaipam', fix });
    }
  }
  return warnings;
}

/** What can be written instead on objects of the kind. */
function known(kind: string): string {
  const read = Object.entries(OF_USERS).filter(
    ([key, { kinds }]) => key.startsWith('metaipam') && kinds.test(kind),
  );
  const some = read.map(([key, { map }]) => `${key} in metadata.${map}`);
  return some.length === 0 ? 'leave it out' : `known are ${some.join(', ')}`;
}

/** Keys that are known and differ in so many letters at most, the nearest first. */
function alike(key: string, most: number): string[] {
  return KEYS.filter(({ length }) => Math.abs(length - key.length) <= most)
    .map((known) => ({ known, distance: editDistance(key, known) }))
    .filter(({ distance }) => distance <= most)
    .sort((a, b) => a.distance - b.distance)
    .map(({ known }) => known);
}

function unservedPool({ spec }: IPAddressClaim, { all }: CustomResources): Warning[] {
  const { apiGroup, kind } = spec?.poolRef ?? {};
  if (apiGroup === undefined || kind === undefined) return [];
  const pools = all.filter((resource) => resource.kind.endsWith('Pool'));
  const kinds = [...new Set(pools.map((resource) => resource.kind))];
  if (apiGroup === names.CAPI_IPAM_GROUP) {
    if (kinds.includes(kind)) return [];
    const fix = `use ${nearest(kind, kinds) ?? kinds.join(' or ')}, unless another provider serves it`;
    const message = 'is no kind of pool that metaipam serves: the claim gets no answer from it';
    return [{ rule: 'unserved-pool', field: 'spec.poolRef.kind', value: kind, message, fix }];
  }
  if (!kinds.includes(kind)) return [];
  const message = `has no ${kind} that metaipam serves: the claim gets no answer`;
  const fix = `use ${names.CAPI_IPAM_GROUP}`;
  return [{ rule: 'unserved-pool', field: 'spec.poolRef.apiGroup', value: apiGroup, message, fix }];
}

/** Kinds that others have as well, under the same name. */
const COMMON_KINDS = ['IPAddress', 'PodNetwork'];

function otherGroup({ apiVersion, kind }: KubernetesObject, { all }: CustomResources): Warning[] {
  const served = all.filter((resource) => resource.kind === kind && !COMMON_KINDS.includes(kind));
  if (served.length === 0 || served.some((resource) => groupOf(resource.apiVersion) === groupOf(apiVersion)))
    return [];
  const fix = `use ${served[0]!.apiVersion} if it is meant for metaipam`;
  const message = `is no group whose ${kind} metaipam looks after`;
  return [{ rule: 'other-group', field: 'apiVersion', value: apiVersion, message, fix }];
}
