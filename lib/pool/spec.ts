import { type Address, FAMILY_BITS, type Family, parseAddress } from '../address/address.ts';
import { covers, parseRange, prefixOf, type Range, rangeOf } from '../address/range.ts';
import { RangeSet } from '../address/range-set.ts';
import type { Problem } from '../kubernetes/problem.ts';
import { type PoolRanges, type PoolReading, STRATEGIES, type Strategy } from './ranges.ts';
import { type ReservationSpec, Reservations, readReservations } from './reservation.ts';
import { withoutSubnet } from './v1alpha1.ts';

/** The spec of an InClusterIPPool or a GlobalInClusterIPPool, as it may arrive: nothing about it is certain. */
export interface PoolSpec {
  readonly addresses?: readonly string[];
  readonly prefix?: number;
  readonly gateway?: string;
  readonly allocateReservedIPAddresses?: boolean;
  readonly excludedAddresses?: readonly string[];
  readonly addressReuseGracePeriodSeconds?: number;
  readonly reservations?: readonly ReservationSpec[];
  readonly maxPerNamespace?: number;
  readonly strategy?: string;
  /** These three are from v1alpha1: see `withoutSubnet`. */
  readonly subnet?: string;
  readonly start?: string;
  readonly end?: string;
}

/**
 * Reads the spec of a pool of addresses: those that it may give out, or everything that is wrong with it.
 *
 * Allocatable are `addresses` less `excludedAddresses`, the gateway, and the reserved addresses of the subnet,
 * unless `allocateReservedIPAddresses` is set. The messages are those of the webhooks of the Cluster API
 * in-cluster provider. Only a pool that was stored as v1alpha1 may lack its prefix: there that means 0.
 */
export function readAddressPool(given: PoolSpec = {}): PoolReading {
  const { spec, problems: unread } = withoutSubnet(given);
  if (unread.length > 0) return { problems: unread };
  const problems: Problem[] = [];
  /** What is wrong with the range that v1alpha1 adds behind the others, in the field that it comes from. */
  const asGiven = (problem: Problem): Problem =>
    problem.field === `spec.addresses[${given.addresses?.length ?? 0}]`
      ? { ...problem, field: `spec.${given.end ? 'end' : given.start ? 'start' : 'subnet'}` }
      : problem;
  const addresses = readRanges('spec.addresses', spec.addresses, problems);
  const excluded = readRanges('spec.excludedAddresses', spec.excludedAddresses, problems);
  const gateway = readGateway(spec.gateway, problems);
  const reservations = readReservations(spec.reservations, problems);
  const { addressReuseGracePeriodSeconds = 0 } = spec;
  const prefix = spec.prefix ?? 0;

  if (spec.addresses == null || spec.addresses.length === 0) {
    problems.push({ field: 'spec.addresses', message: 'addresses is required' });
  }
  if (!Number.isInteger(prefix) || prefix < 0) {
    problems.push({ field: 'spec.prefix', value: prefix, message: 'a valid prefix is required' });
  }
  const family = addresses[0]?.family;
  if (gateway !== undefined && addresses.some((range) => range.family !== gateway.family)) {
    problems.push({
      field: 'spec.gateway',
      value: spec.gateway,
      message: 'provided gateway and addresses are of mixed IP families',
    });
  }
  if (isOneFamily(excluded) && isOneFamily(addresses) && excluded[0] && excluded[0].family !== family) {
    problems.push({
      field: 'spec.excludedAddresses',
      value: spec.excludedAddresses,
      message: 'addresses and excluded addresses are of mixed IP families',
    });
  }
  const quota = readQuota(spec.maxPerNamespace, problems);
  const strategy = readStrategy(spec.strategy, problems);
  if (!(addressReuseGracePeriodSeconds >= 0)) {
    problems.push({
      field: 'spec.addressReuseGracePeriodSeconds',
      value: addressReuseGracePeriodSeconds,
      message: 'addressReuseGracePeriodSeconds must not be negative',
    });
  }
  if (problems.length > 0 || family === undefined) return { problems: problems.map(asGiven) };

  if (prefix > FAMILY_BITS[family]) {
    return { problems: [{ field: 'spec.prefix', value: prefix, message: 'provided prefix is not valid' }] };
  }
  const listed = RangeSet.of(addresses);
  const subnet = prefixOf({ family, value: listed.ranges[0]!.first }, prefix);
  for (const [index, range] of addresses.entries()) {
    if (covers(subnet, range)) continue;
    problems.push({
      field: `spec.addresses[${index}]`,
      value: spec.addresses?.[index],
      message: 'provided address belongs to a different subnet than others',
    });
  }
  if (problems.length > 0) return { problems: problems.map(asGiven) };
  return {
    ranges: { ...poolRanges(spec, listed, excluded, gateway, prefix, reservations), ...quota, strategy },
    problems: [],
  };
}

/**
 * The ranges of a pool whose entries all parse, whether or not they lie in one subnet.
 *
 * Reserved are the first and, for IPv4, the last address of the subnet around the lowest address listed. A
 * subnet of one or two addresses reserves none (RFC 3021, RFC 6164).
 */
export function poolRanges(
  spec: PoolSpec,
  listed: RangeSet,
  excluded: readonly Range[],
  gateway: Address | undefined,
  prefix: number,
  reservations = Reservations.NONE,
): PoolRanges {
  const withheld = [...excluded];
  if (gateway !== undefined) withheld.push(rangeOf(gateway));
  const lowest = listed.ranges[0];
  if (lowest !== undefined && !spec.allocateReservedIPAddresses) {
    withheld.push(...reservedAddresses({ family: lowest.family, value: lowest.first }, prefix));
  }
  return {
    allocatable: listed.difference(RangeSet.of(withheld)),
    blockLength: FAMILY_BITS[lowest?.family ?? 4],
    listed,
    excluded: RangeSet.of(excluded),
    gateways: RangeSet.of(gateway === undefined ? [] : [rangeOf(gateway)]),
    reservations,
    prefix,
    ...(spec.gateway && { gateway: spec.gateway }),
    strategy: 'LowestFree',
    reuseGracePeriodSeconds: spec.addressReuseGracePeriodSeconds ?? 0,
  };
}

function reservedAddresses(lowest: Address, prefix: number): Range[] {
  const { family } = lowest;
  if (FAMILY_BITS[family] - prefix <= 1) return [];
  const { first, last } = prefixOf(lowest, prefix);
  const network = rangeOf({ family, value: first });
  return family === 4 ? [network, rangeOf({ family, value: last })] : [network];
}

function readRanges(field: string, entries: readonly string[] | undefined, problems: Problem[]): Range[] {
  if (entries != null && !Array.isArray(entries)) {
    problems.push({ field, value: entries, message: 'must be a list' });
    return [];
  }
  const ranges: Range[] = [];
  for (const [index, entry] of (entries ?? []).entries()) {
    const range = typeof entry === 'string' ? parseRange(entry) : undefined;
    if (range !== undefined) ranges.push(range);
    else {
      problems.push({
        field: `${field}[${index}]`,
        value: entry,
        message: 'provided address is not a valid IP, range, nor CIDR',
      });
    }
  }
  if (!isOneFamily(ranges)) {
    problems.push({ field, value: entries, message: 'provided addresses are of mixed IP families' });
  }
  return ranges;
}

export function readGateway(text: string | undefined, problems: Problem[]): Address | undefined {
  if (text == null || text === '') return undefined;
  const gateway = typeof text === 'string' ? parseAddress(text) : undefined;
  if (gateway === undefined) {
    problems.push({
      field: 'spec.gateway',
      value: text,
      message: `ParseAddr(${JSON.stringify(text)}): unable to parse IP`,
    });
  }
  return gateway;
}

/** How much the claims of one namespace may have. */
export function readQuota(
  maxPerNamespace: number | undefined,
  problems: Problem[],
): Pick<PoolRanges, 'maxPerNamespace'> {
  if (maxPerNamespace == null) return {};
  if (Number.isInteger(maxPerNamespace) && maxPerNamespace >= 0) return { maxPerNamespace };
  const message = 'maxPerNamespace must be a whole number, 0 or more';
  problems.push({ field: 'spec.maxPerNamespace', value: maxPerNamespace, message });
  return {};
}

export function readStrategy(text: string | undefined, problems: Problem[]): Strategy {
  if (text == null) return 'LowestFree';
  const strategy = STRATEGIES.find((known) => known === text);
  if (strategy === undefined) {
    const message = `strategy must be one of ${STRATEGIES.join(', ')}`;
    problems.push({ field: 'spec.strategy', value: text, message });
  }
  return strategy ?? 'LowestFree';
}

function isOneFamily(ranges: readonly Range[]): boolean {
  return ranges.every(({ family }: { family: Family }) => family === ranges[0]?.family);
}
