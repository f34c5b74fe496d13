import { type Address, FAMILY_BITS, type Family, parseAddress } from '../address/address.ts';
import { covers, parseRange, prefixOf, type Range, rangeOf } from '../address/range.ts';
import { RangeSet } from '../address/range-set.ts';
import type { Problem } from '../kubernetes/problem.ts';
import type { NamespaceSelector } from '../kubernetes/types.ts';
import { readAllowedNamespaces } from './allowed-namespaces.ts';
import { type PoolRanges, type PoolReading, STRATEGIES, type Strategy, type SubnetRanges } from './ranges.ts';
import { type ReservationSpec, Reservations, readReservations } from './reservation.ts';
import { withoutSubnet } from './v1alpha1.ts';

/** Addresses with one prefix and gateway, as they may arrive: those of the pool itself, or of one of its subnets. */
export interface SubnetSpec {
  readonly addresses?: readonly string[];
  readonly prefix?: number;
  readonly gateway?: string;
  readonly excludedAddresses?: readonly string[];
}

/** The spec of an InClusterIPPool or a GlobalInClusterIPPool, as it may arrive: nothing about it is certain. */
export interface PoolSpec extends SubnetSpec {
  /** In place of those of the pool itself. */
  readonly subnets?: readonly SubnetSpec[];
  readonly allocateReservedIPAddresses?: boolean;
  readonly addressReuseGracePeriodSeconds?: number;
  readonly reservations?: readonly ReservationSpec[];
  readonly maxPerNamespace?: number;
  /** Of a cluster-scoped pool. */
  readonly allowedNamespaces?: NamespaceSelector;
  readonly strategy?: string;
  /** These three are from v1alpha1: see `withoutSubnet`. */
  readonly subnet?: string;
  readonly start?: string;
  readonly end?: string;
}

/** What a pool of one subnet says of itself, and one of several of each of them. */
const SUBNET_FIELDS = ['addresses', 'excludedAddresses', 'prefix', 'gateway'] as const;

/** The addresses of a subnet, all of which parse. */
interface SubnetParts {
  /** `spec`, or `spec.subnets[0]`. */
  readonly field: string;
  readonly spec: SubnetSpec;
  readonly addresses: readonly Range[];
  readonly excluded: readonly Range[];
  readonly gateway: Address | undefined;
  readonly prefix: number;
}

/**
 * Reads the spec of a pool of addresses: those that it may give out, or everything that is wrong with it.
 *
 * Allocatable are `addresses` less `excludedAddresses`, the gateway, and the reserved addresses of the subnet,
 * unless `allocateReservedIPAddresses` is set; of all subnets, if there are several. The messages are those of the
 * webhooks of the Cluster API in-cluster provider. Only a pool that was stored as v1alpha1 may lack its prefix: there
 * that means 0.
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
  const subnets = subnetSpecs(given, spec, problems).map(([field, each]) => readParts(field, each, problems));
  const reservations = readReservations(spec.reservations, problems);
  const { addressReuseGracePeriodSeconds = 0 } = spec;
  const family = subnets[0]?.addresses[0]?.family;
  if (!isOneFamily(subnets.flatMap(({ addresses }) => addresses.slice(0, 1)))) {
    problems.push({ field: 'spec.subnets', message: 'provided subnets are of mixed IP families' });
  }
  const limits = readLimits(spec, problems);
  const strategy = readStrategy(spec.strategy, problems);
  if (!(addressReuseGracePeriodSeconds >= 0)) {
    problems.push({
      field: 'spec.addressReuseGracePeriodSeconds',
      value: addressReuseGracePeriodSeconds,
      message: 'addressReuseGracePeriodSeconds must not be negative',
    });
  }
  if (problems.length > 0 || family === undefined) return { problems: problems.map(asGiven) };

  for (const subnet of subnets) checkLengths(subnet, problems);
  if (problems.length > 0) return { problems: problems.map(asGiven) };
  return { ranges: { ...poolRanges(spec, subnets, reservations), ...limits, strategy }, problems: [] };
}

/** Each subnet with its field: the pool itself, unless it lists several. */
function subnetSpecs(
  given: PoolSpec,
  spec: PoolSpec,
  problems: Problem[],
): [field: string, spec: SubnetSpec][] {
  const { subnets } = spec;
  if (subnets == null) return [['spec', spec]];
  const add = (message: string) => problems.push({ field: 'spec.subnets', value: subnets, message });
  const extra = [...SUBNET_FIELDS, 'subnet', 'start', 'end'] as const;
  if (!Array.isArray(subnets)) add('must be a list');
  else if (subnets.length === 0) add('subnets must not be empty');
  else if (extra.some((field) => given[field] != null)) {
    add(
      'with subnets, each has its own addresses, prefix, gateway and excludedAddresses: leave them out of the pool',
    );
  } else return subnets.map((each, index) => [`spec.subnets[${index}]`, each ?? {}]);
  return [];
}

function readParts(field: string, spec: SubnetSpec, problems: Problem[]): SubnetParts {
  const addresses = readRanges(`${field}.addresses`, spec.addresses, problems);
  const excluded = readRanges(`${field}.excludedAddresses`, spec.excludedAddresses, problems);
  const gateway = readGateway(spec.gateway, problems, field);
  const prefix = spec.prefix ?? 0;
  if (spec.addresses == null || spec.addresses.length === 0) {
    problems.push({ field: `${field}.addresses`, message: 'addresses is required' });
  }
  const message = 'a valid prefix is required';
  if (field !== 'spec' && spec.prefix == null) problems.push({ field: `${field}.prefix`, message });
  if (!Number.isInteger(prefix) || prefix < 0) {
    problems.push({ field: `${field}.prefix`, value: prefix, message });
  }
  const family = addresses[0]?.family;
  if (gateway !== undefined && addresses.some((range) => range.family !== gateway.family)) {
    problems.push({
      field: `${field}.gateway`,
      value: spec.gateway,
      message: 'provided gateway and addresses are of mixed IP families',
    });
  }
  if (isOneFamily(excluded) && isOneFamily(addresses) && excluded[0] && excluded[0].family !== family) {
    problems.push({
      field: `${field}.excludedAddresses`,
      value: spec.excludedAddresses,
      message: 'addresses and excluded addresses are of mixed IP families',
    });
  }
  return { field, spec, addresses, excluded, gateway, prefix };
}

/** Whether its addresses lie in one subnet of its length. Host routes, one of several subnets, have none in common. */
function checkLengths({ field, spec, addresses, prefix }: SubnetParts, problems: Problem[]): void {
  const { family, value } = lowestOf(RangeSet.of(addresses))!;
  if (prefix > FAMILY_BITS[family]) {
    problems.push({ field: `${field}.prefix`, value: prefix, message: 'provided prefix is not valid' });
    return;
  }
  if (field !== 'spec' && prefix === FAMILY_BITS[family]) return;
  const subnet = prefixOf({ family, value }, prefix);
  for (const [index, range] of addresses.entries()) {
    if (covers(subnet, range)) continue;
    problems.push({
      field: `${field}.addresses[${index}]`,
      value: spec.addresses?.[index],
      message: 'provided address belongs to a different subnet than others',
    });
  }
}

/**
 * The ranges of a pool whose entries all parse, whether or not they lie in their subnets.
 *
 * Reserved are the first and, for IPv4, the last address of the subnet around the lowest address listed. A
 * subnet of one or two addresses reserves none (RFC 3021, RFC 6164).
 */
export function poolRanges(
  { allocateReservedIPAddresses, addressReuseGracePeriodSeconds = 0 }: PoolSpec,
  parts: readonly SubnetParts[],
  reservations = Reservations.NONE,
): PoolRanges {
  let listed = RangeSet.EMPTY;
  const subnets: SubnetRanges[] = [];
  for (const { spec, addresses, prefix } of parts) {
    const own = RangeSet.of(addresses).difference(listed);
    subnets.push({ listed: own, prefix, ...(spec.gateway && { gateway: spec.gateway }) });
    listed = listed.union(own);
  }
  const excluded = RangeSet.of(parts.flatMap((each) => each.excluded));
  const gateways = RangeSet.of(
    parts.flatMap(({ gateway }) => (gateway === undefined ? [] : [rangeOf(gateway)])),
  );
  const reserved = parts.flatMap(({ addresses, prefix }) => {
    const lowest = lowestOf(RangeSet.of(addresses));
    return lowest === undefined || allocateReservedIPAddresses ? [] : reservedAddresses(lowest, prefix);
  });
  return {
    allocatable: listed.difference(excluded.union(gateways).union(RangeSet.of(reserved))),
    blockLength: FAMILY_BITS[lowestOf(listed)?.family ?? 4],
    listed,
    subnets,
    excluded,
    gateways,
    reservations,
    strategy: 'LowestFree',
    reuseGracePeriodSeconds: addressReuseGracePeriodSeconds,
  };
}

function lowestOf({ ranges: [lowest] }: RangeSet): Address | undefined {
  return lowest && { family: lowest.family, value: lowest.first };
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

export function readGateway(
  text: string | undefined,
  problems: Problem[],
  field = 'spec',
): Address | undefined {
  if (text == null || text === '') return undefined;
  const gateway = typeof text === 'string' ? parseAddress(text) : undefined;
  if (gateway === undefined) {
    problems.push({
      field: `${field}.gateway`,
      value: text,
      message: `ParseAddr(${JSON.stringify(text)}): unable to parse IP`,
    });
  }
  return gateway;
}

/** Whose claims the pool serves, and how much those of one namespace may have. */
export function readLimits(
  { maxPerNamespace, allowedNamespaces }: Pick<PoolSpec, 'maxPerNamespace' | 'allowedNamespaces'>,
  problems: Problem[],
): Pick<PoolRanges, 'maxPerNamespace' | 'allowedNamespaces'> {
  const selector = readAllowedNamespaces(allowedNamespaces, problems);
  const isQuota = Number.isInteger(maxPerNamespace) && maxPerNamespace! >= 0;
  if (maxPerNamespace != null && !isQuota) {
    const message = 'maxPerNamespace must be a whole number, 0 or more';
    problems.push({ field: 'spec.maxPerNamespace', value: maxPerNamespace, message });
  }
  return {
    ...(maxPerNamespace != null && { maxPerNamespace }),
    ...(selector !== undefined && { allowedNamespaces: selector }),
  };
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
