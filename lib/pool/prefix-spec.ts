import { FAMILY_BITS, type Family } from '../address/address.ts';
import { setGrownTo } from '../address/blocks.ts';
import { hasHostBits, type Prefix, parsePrefix, parseRange, type Range } from '../address/range.ts';
import { RangeSet } from '../address/range-set.ts';
import type { Problem } from '../kubernetes/problem.ts';
import type { NamespaceSelector } from '../kubernetes/types.ts';
import type { PoolReading } from './ranges.ts';
import { type ReservationSpec, readReservations } from './reservation.ts';
import { readGateway, readLimits, readStrategy } from './spec.ts';

/** The spec of an InClusterPrefixPool or a GlobalInClusterPrefixPool, as it may arrive: nothing about it is certain. */
export interface PrefixPoolSpec {
  readonly prefixes?: readonly string[];
  readonly allocationPrefixLength?: number;
  readonly gateway?: string;
  readonly excludedPrefixes?: readonly string[];
  readonly addressReuseGracePeriodSeconds?: number;
  readonly reservations?: readonly ReservationSpec[];
  readonly maxPerNamespace?: number;
  /** Of a cluster-scoped pool. */
  readonly allowedNamespaces?: NamespaceSelector;
  readonly strategy?: string;
}

/** What the CRD puts where nothing is said. */
const DEFAULT_LENGTH = 64;

/**
 * Reads the spec of a pool of prefixes: those that it may give out, or everything that is wrong with it.
 *
 * Allocatable are the aligned blocks of `allocationPrefixLength` that lie in `prefixes` and of which no address is
 * excluded. The gateway reserves nothing. The messages are those of the webhook of the Cluster API in-cluster
 * provider, which knows IPv6 alone.
 */
export function readPrefixPool(spec: PrefixPoolSpec = {}): PoolReading {
  const { allocationPrefixLength, addressReuseGracePeriodSeconds = 0 } = spec;
  const length = allocationPrefixLength || DEFAULT_LENGTH;
  if (spec.prefixes == null || spec.prefixes.length === 0) {
    return { problems: [{ field: 'spec.prefixes', message: 'prefixes is required' }] };
  }
  if (!Number.isInteger(length) || length < 1 || length > 128) {
    const message = 'allocationPrefixLength must be between 1 and 128';
    return {
      problems: [{ field: 'spec.allocationPrefixLength', value: allocationPrefixLength, message }],
    };
  }
  const problems: Problem[] = [];
  const prefixes = readPrefixes(spec.prefixes, length, problems);
  const family = prefixes[0]?.family;
  const excluded = readExcluded(spec.excludedPrefixes, family, problems);
  const gateway = readGateway(spec.gateway, problems);
  const reservations = readReservations(spec.reservations, problems, length);
  const limits = readLimits(spec, problems);
  const strategy = readStrategy(spec.strategy, problems);
  if (family !== undefined && prefixes.some((prefix) => prefix.family !== family)) {
    const message = 'provided prefixes are of mixed IP families';
    problems.push({ field: 'spec.prefixes', value: spec.prefixes, message });
  }
  if (family !== undefined && length > FAMILY_BITS[family]) {
    const message = `allocationPrefixLength must be at most ${FAMILY_BITS[family]} for IPv4 prefixes`;
    problems.push({ field: 'spec.allocationPrefixLength', value: length, message });
  }
  if (gateway !== undefined && family !== undefined && gateway.family !== family) {
    const message = `provided gateway must be IPv${family}`;
    problems.push({ field: 'spec.gateway', value: spec.gateway, message });
  }
  if (!(addressReuseGracePeriodSeconds >= 0)) {
    problems.push({
      field: 'spec.addressReuseGracePeriodSeconds',
      value: addressReuseGracePeriodSeconds,
      message: 'addressReuseGracePeriodSeconds must not be negative',
    });
  }
  if (problems.length > 0) return { problems };
  const listed = RangeSet.of(prefixes);
  const withheld = RangeSet.of(excluded);
  return {
    ranges: {
      allocatable: listed.difference(setGrownTo(length, withheld)),
      blockLength: length,
      listed,
      subnets: [{ listed, prefix: length, ...(spec.gateway && { gateway: spec.gateway }) }],
      excluded: withheld,
      gateways: RangeSet.EMPTY,
      reservations,
      reuseGracePeriodSeconds: addressReuseGracePeriodSeconds,
      ...limits,
      strategy,
    },
    problems: [],
  };
}

function readPrefixes(entries: unknown, length: number, problems: Problem[]): Prefix[] {
  const prefixes: Prefix[] = [];
  for (const [field, entry] of items('spec.prefixes', entries, problems)) {
    const prefix = typeof entry === 'string' ? parsePrefix(entry) : undefined;
    const add = (message: string) => problems.push({ field, value: entry, message });
    if (prefix === undefined) {
      add('provided entry is not a valid CIDR');
      continue;
    }
    if (hasHostBits(entry)) add('CIDR must be network-aligned');
    if (prefix.length > length) add(`CIDR prefix length must be <= allocationPrefixLength (${length})`);
    prefixes.push(prefix);
  }
  return prefixes;
}

function readExcluded(entries: unknown, family: Family | undefined, problems: Problem[]): Range[] {
  const ranges: Range[] = [];
  for (const [field, entry] of items('spec.excludedPrefixes', entries, problems)) {
    const range = typeof entry === 'string' ? parseRange(entry) : undefined;
    const add = (message: string) => problems.push({ field, value: entry, message });
    if (range === undefined) add('provided entry is not a valid IP, range, nor CIDR');
    else if (family !== undefined && range.family !== family) {
      add(`only IPv${family} excluded prefixes are supported`);
    } else ranges.push(range);
  }
  return ranges;
}

/** The entries of a list, each with its field. */
function items(field: string, entries: unknown, problems: Problem[]): [field: string, entry: string][] {
  if (entries == null) return [];
  if (Array.isArray(entries)) return entries.map((entry, index) => [`${field}[${index}]`, entry]);
  problems.push({ field, value: entries, message: 'must be a list' });
  return [];
}
