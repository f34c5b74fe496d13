import { type Family, parseAddress } from '../address/address.ts';
import { covers, type Prefix, parsePrefix, parseRange, type Range } from '../address/range.ts';
import { isObject, type JsonObject } from '../json.ts';
import { CNI_CODES, CniError } from './cni-error.ts';
import type { NodeFacts } from './node-facts.ts';

/** What a node gives its pods of one network. */
export interface PluginRanges {
  readonly subnets: readonly PodSubnet[];
  /** Of the network, as CNI writes them. */
  readonly routes: readonly CNIRoute[];
}

/** One subnet of a node, each address as its node wrote it. */
export interface PodSubnet {
  readonly subnet: string;
  readonly family: Family;
  /** What is meant by `subnet`. */
  readonly prefix: Prefix;
  /** First and last address for pods, if these are not those of the subnet. */
  readonly rangeStart?: string;
  readonly rangeEnd?: string;
  readonly gateway?: string;
  /** Addresses that no pod gets. */
  readonly exclude: readonly Range[];
}

export interface CNIRoute {
  readonly dst: string;
  readonly gw?: string;
  readonly [key: string]: unknown;
}

/** An annotation may have 256 KiB; errors go into events and logs. */
const LONGEST_QUOTE = 100;
/** host-local compares each with each. */
const MOST_SUBNETS = 64;
const MOST_EXCLUSIONS = 1024;

/** What 32 bits follow in an IPv4-mapped IPv6 address. */
const MAPPED_PREFIX = 0xffffn;

/**
 * The subnets that a node gives its pods: `spec.podCIDRs`, or an annotation. That is a comma-separated list of CIDRs,
 * or a JSON object: `{"ranges": [CIDR or {subnet, rangeStart, rangeEnd, gateway, exclude}], "routes": [{dst, gw}]}`.
 * Several of a family make one range.
 *
 * Throws code 11 while the node has none, 100 if they are none. Host bits are for host-local to refuse.
 */
export function nodeRanges(node: NodeFacts, annotation: string | undefined): PluginRanges {
  if (!annotation) {
    if (node.podCIDRs.length === 0) throw noRanges(`node ${node.name} has no spec.podCIDRs yet`);
    return { subnets: readSubnets(node.podCIDRs), routes: [] };
  }
  const { name, annotations } = node;
  const value = Object.hasOwn(annotations, annotation) ? annotations[annotation]!.trim() : '';
  if (value === '') throw noRanges(`node ${name} has no annotation ${annotation} yet`);
  if (value.startsWith('{')) return readObject(value, annotation);
  return { subnets: readSubnets(value.split(',').map((part) => part.trim())), routes: [] };
}

function noRanges(details: string): CniError {
  return new CniError(CNI_CODES.tryAgainLater, 'Get PodCIDRs', details);
}

function readSubnets(texts: readonly string[]): readonly PodSubnet[] {
  if (texts.length > MOST_SUBNETS) {
    throw configError(`${texts.length} subnets, at most ${MOST_SUBNETS} are possible`);
  }
  return texts.map((subnet) => ({ subnet, ...readPrefix(subnet), exclude: [] }));
}

function readPrefix(text: string): { family: Family; prefix: Prefix } {
  const prefix = parsePrefix(text);
  if (prefix === undefined) {
    throw new CniError(CNI_CODES.failed, 'Get PodCIDRs', `invalid CIDR address: ${excerpt(text)}`);
  }
  const unmapped = unmap(prefix);
  return { family: unmapped.family, prefix: unmapped };
}

/** Go, and so host-local, takes an IPv4-mapped prefix for IPv4. */
export function unmap(prefix: Prefix): Prefix {
  const { family, first, last, length } = prefix;
  if (family === 4 || length < 96 || first >> 32n !== MAPPED_PREFIX) return prefix;
  const low = (value: bigint) => value & 0xffffffffn;
  return { family: 4, first: low(first), last: low(last), length: length - 96 };
}

function readObject(text: string, annotation: string): PluginRanges {
  const problem = (what: string) => configError(`annotation ${annotation}: ${what}`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw problem((error as Error).message);
  }
  const { ranges, routes } = members(value, ['ranges', 'routes'], '', problem);
  if (!Array.isArray(ranges) || ranges.length === 0) throw problem('ranges: not a list of ranges');
  if (ranges.length > MOST_SUBNETS) throw problem(`ranges: more than ${MOST_SUBNETS}`);
  if (routes !== undefined && !Array.isArray(routes)) throw problem('routes: not a list of routes');
  return {
    subnets: ranges.map((range, index) => readSubnet(range, `ranges[${index}]`, problem)),
    routes: (routes ?? []).map((route, index) => readRoute(route, `routes[${index}]`, problem)),
  };
}

type Problem = (what: string) => CniError;

function readSubnet(value: unknown, at: string, problem: Problem): PodSubnet {
  const known = ['subnet', 'rangeStart', 'rangeEnd', 'gateway', 'exclude'];
  const {
    subnet,
    exclude = [],
    ...addresses
  } = typeof value === 'string' ? { subnet: value } : members(value, known, at, problem);
  const found = typeof subnet === 'string' ? parsePrefix(subnet) : undefined;
  if (found === undefined) throw problem(`${at}: invalid CIDR address: ${quote(subnet)}`);
  const prefix = unmap(found);
  const { family } = prefix;
  const texts: Record<string, string> = {};
  for (const [key, text] of Object.entries(addresses)) {
    const address = typeof text === 'string' ? parseAddress(text) : undefined;
    if (address?.family !== family) throw problem(`${at}.${key}: no IPv${family} address: ${quote(text)}`);
    if (key !== 'gateway' && !covers(prefix, { family, first: address.value, last: address.value })) {
      throw problem(`${at}.${key}: ${text} is not in ${subnet}`);
    }
    texts[key] = text as string;
  }
  if (!Array.isArray(exclude)) throw problem(`${at}.exclude: not a list of addresses`);
  if (exclude.length > MOST_EXCLUSIONS) throw problem(`${at}.exclude: more than ${MOST_EXCLUSIONS}`);
  const excluded = exclude.map((text) => {
    const range = typeof text === 'string' ? parseRange(text) : undefined;
    if (range?.family !== family) {
      throw problem(`${at}.exclude: no IPv${family} address, CIDR or first-last: ${quote(text)}`);
    }
    return range;
  });
  return { subnet: subnet as string, family, prefix, ...texts, exclude: excluded };
}

function readRoute(value: unknown, at: string, problem: Problem): CNIRoute {
  const { dst, gw } = isObject(value) ? value : ({} as JsonObject);
  const destination = typeof dst === 'string' ? parsePrefix(dst) : undefined;
  if (destination === undefined) throw problem(`${at}.dst: invalid CIDR address: ${quote(dst)}`);
  const gateway = typeof gw === 'string' ? parseAddress(gw) : undefined;
  if (gw !== undefined && gateway?.family !== destination.family) {
    throw problem(`${at}.gw: no IPv${destination.family} address: ${quote(gw)}`);
  }
  return value as CNIRoute;
}

/** What is misspelt would be lost without a word: here, an address that no pod should get. */
function members(value: unknown, known: readonly string[], at: string, problem: Problem): JsonObject {
  const where = at && `${at}: `;
  if (!isObject(value)) throw problem(`${where}not an object: ${quote(value)}`);
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  if (unknown !== undefined) {
    throw problem(`${where}unknown field ${quote(unknown)}; there are ${known.join(', ')}`);
  }
  return value;
}

function quote(value: unknown): string {
  return excerpt(JSON.stringify(value) ?? 'nothing');
}

function excerpt(text: string): string {
  return text.slice(0, LONGEST_QUOTE);
}

function configError(details: string): CniError {
  return new CniError(CNI_CODES.failed, 'CIDR config', details);
}

/**
 * The ranges for a pod of `namespace`, when `ipv4Namespaces` says who gets IPv4: everybody if it is absent. A pod of
 * no known namespace gets none.
 */
export function rangesFor(
  { subnets, routes }: PluginRanges,
  ipv4Namespaces: readonly string[] | undefined,
  namespace: string | undefined,
): PluginRanges {
  const isAllowed = namespace !== undefined && ipv4Namespaces?.includes(namespace);
  if (ipv4Namespaces === undefined || isAllowed) return { subnets, routes };
  const allowed = subnets.filter(({ family }) => family === 6);
  if (allowed.length === 0) {
    const who = namespace === undefined ? 'a pod of no known namespace' : `namespace ${namespace}`;
    throw configError(`no IPv4 for ${who}, and the node has no IPv6`);
  }
  return { subnets: allowed, routes: routes.filter(({ dst }) => parsePrefix(dst)?.family === 6) };
}
