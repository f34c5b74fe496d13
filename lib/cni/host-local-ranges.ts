import { type Address, FAMILY_BITS, formatAddress, parseAddress } from '../address/address.ts';
import {
  covers,
  formatPrefix,
  type Prefix,
  parsePrefix,
  prefixOf,
  type Range,
  rangeOf,
} from '../address/range.ts';
import { RangeSet } from '../address/range-set.ts';
import { isObject } from '../json.ts';
import { isSmall, podAddresses, usableRange } from '../pod-network/pod-addresses.ts';
import { type Bytes, toJson } from './bytes.ts';
import { CNI_CODES, CniError } from './cni-error.ts';
import { parseResult } from './delegate.ts';
import { type PodSubnet, unmap } from './ranges.ts';

/** A range as host-local has it in its configuration. */
export interface HostLocalRange {
  readonly subnet: string;
  readonly rangeStart?: string;
  readonly rangeEnd?: string;
  readonly gateway?: string;
}

/** What host-local says of addresses in a range is not as it should be. */
export interface Correction {
  readonly range: Prefix;
  readonly gateway: string | undefined;
}

/** What the subnets of a node are to host-local: a list of ranges for each family, of which a pod gets one address. */
export function hostLocalRanges(subnets: readonly PodSubnet[]): {
  readonly ranges: readonly (readonly HostLocalRange[])[];
  readonly corrections: readonly Correction[];
} {
  const families = [...new Set(subnets.map(({ family }) => family))];
  return {
    ranges: families.map((family) => rangesOf(subnets.filter((subnet) => subnet.family === family))),
    corrections: subnets.filter(isSmall).map(({ prefix, gateway }) => ({ range: prefix, gateway })),
  };
}

/** What one subnet has none of, another may have. */
function rangesOf(subnets: readonly PodSubnet[]): readonly HostLocalRange[] {
  const ranges = subnets.flatMap(piecesOf);
  if (ranges.length > 0) return ranges;
  const all = subnets.map(({ subnet }) => subnet).join();
  throw new CniError(CNI_CODES.failed, 'CIDR config', `no address of ${all} is left for pods`);
}

/**
 * host-local knows no exclusions: what they leave over are ranges of the same subnet. A small subnet is a range of a
 * larger one, with a gateway that no pod can have.
 */
function piecesOf(whole: PodSubnet): readonly HostLocalRange[] {
  const { subnet, rangeStart, rangeEnd, gateway, exclude } = whole;
  if (exclude.length === 0 && !isSmall(whole)) {
    return [{ subnet, ...defined({ rangeStart, rangeEnd, gateway }) }];
  }
  const outer = isSmall(whole) ? widened(whole) : { subnet, gateway };
  return podAddresses(whole).ranges.map(({ family, first, last }) => ({
    subnet: outer.subnet,
    rangeStart: formatAddress({ family, value: first }),
    rangeEnd: formatAddress({ family, value: last }),
    ...defined({ gateway: outer.gateway }),
  }));
}

function widened({ subnet, prefix }: PodSubnet): { subnet: string; gateway: string } {
  const { family, first } = prefix;
  if (parseAddress(subnet.slice(0, subnet.lastIndexOf('/')))!.value % 4n !== first % 4n) {
    throw new CniError(CNI_CODES.failed, 'CIDR config', `${subnet} has host bits set`);
  }
  const outer = prefixOf({ family, value: first }, FAMILY_BITS[family] - 2);
  const unused = outer.first === first ? outer.last : outer.first;
  return { subnet: formatPrefix(outer), gateway: formatAddress({ family, value: unused }) };
}

/**
 * The result of host-local at `path`, with prefix lengths and gateways as the node has them; as it came, where nothing
 * is to be corrected. Throws a DelegateError if it is none.
 */
export function corrected(path: string, result: Bytes, corrections: readonly Correction[]): Bytes {
  const value = parseResult(path, result);
  if (corrections.length === 0) return result;
  // Before 0.3.0 there is one object for each family.
  const all = [...(Array.isArray(value.ips) ? value.ips : []), value.ip4, value.ip6].filter(isObject);
  for (const each of all as Record<string, unknown>[]) {
    const key = 'address' in each ? 'address' : 'ip';
    const [text = ''] = String(each[key]).split('/');
    const address = parseAddress(text);
    const correction = corrections.find(({ range }) => address && covers(range, rangeOf(address)));
    if (correction === undefined) continue;
    each[key] = `${text}/${correction.range.length}`;
    each.gateway = correction.gateway;
  }
  return toJson(value);
}

/** Throws code 51 if an ADD with these ranges would fail because every address of a list is among those `held`. */
export function checkSpace(ranges: unknown, held: readonly Address[]): void {
  const full = findFull(ranges, held);
  if (full === undefined) return;
  throw new CniError(CNI_CODES.limited, 'No address is free', `pods have every address of ${full}`);
}

/** Undefined if there is none, or if these are no lists of ranges that host-local would take. */
function findFull(ranges: unknown, held: readonly Address[]): string | undefined {
  if (!Array.isArray(ranges)) return undefined;
  for (const list of ranges) {
    if (!Array.isArray(list)) return undefined;
    const addresses = addressesOf(list);
    if (addresses === undefined) return undefined;
    const taken = held.filter((address) => addresses.has(address));
    if (BigInt(taken.length) >= addresses.count) return [...new Set(list.map(({ subnet }) => subnet))].join();
  }
  return undefined;
}

function addressesOf(list: readonly unknown[]): RangeSet | undefined {
  const all: Range[] = [];
  const gateways: Range[] = [];
  for (const range of list) {
    if (!isObject(range)) return undefined;
    const found = parsePrefix(String(range.subnet));
    if (found === undefined) return undefined;
    const prefix = unmap(found);
    const { family, first, last } = usableRange(prefix);
    const value = (text: unknown) => (typeof text === 'string' ? parseAddress(text)?.value : undefined);
    const [start, end] = [value(range.rangeStart) ?? first, value(range.rangeEnd) ?? last];
    if (start <= end) all.push({ family, first: start, last: end });
    gateways.push(rangeOf({ family, value: value(range.gateway) ?? prefix.first + 1n }));
  }
  return RangeSet.of(all).difference(RangeSet.of(gateways));
}

function defined<T extends object>(object: T): Partial<T> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as Partial<T>;
}
