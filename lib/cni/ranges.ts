import type { Family } from '../address/address.ts';
import { type Prefix, parsePrefix } from '../address/range.ts';
import { CNI_CODES, CniError } from './cni-error.ts';
import type { NodeFacts } from './node-facts.ts';

/** One subnet of a node, as its node wrote it. */
export interface Subnet {
  readonly subnet: string;
  readonly family: Family;
}

/** An annotation may have 256 KiB; errors go into events and logs. */
const LONGEST_QUOTE = 100;

/** What 32 bits follow in an IPv4-mapped IPv6 address. */
const MAPPED_PREFIX = 0xffffn;

/**
 * The subnets that a node gives its pods: `spec.podCIDRs`, or a comma-separated annotation. One of a family at most.
 *
 * Throws code 11 while the node has none, 100 if they are no CIDRs. Host bits are for host-local to refuse.
 */
export function nodeSubnets(node: NodeFacts, annotation: string | undefined): readonly Subnet[] {
  const texts = annotation ? fromAnnotation(node, annotation) : node.podCIDRs;
  if (texts.length === 0) throw noRanges(`node ${node.name} has no spec.podCIDRs yet`);
  const subnets = texts.map(readSubnet);
  if (subnets.length > 2) {
    throw new CniError(CNI_CODES.failed, 'CIDR config', `${subnets.length} subnets, at most 2 are possible`);
  }
  if (subnets.length === 2 && subnets[0]!.family === subnets[1]!.family) {
    throw new CniError(CNI_CODES.failed, 'CIDR config', 'Subnets of same family');
  }
  return subnets;
}

function fromAnnotation({ name, annotations }: NodeFacts, key: string): readonly string[] {
  const value = Object.hasOwn(annotations, key) ? annotations[key]!.trim() : '';
  if (value === '') throw noRanges(`node ${name} has no annotation ${key} yet`);
  return value.split(',').map((part) => part.trim());
}

function noRanges(details: string): CniError {
  return new CniError(CNI_CODES.tryAgainLater, 'Get PodCIDRs', details);
}

function readSubnet(subnet: string): Subnet {
  const prefix = parsePrefix(subnet);
  if (prefix === undefined) {
    throw new CniError(
      CNI_CODES.failed,
      'Get PodCIDRs',
      `invalid CIDR address: ${subnet.slice(0, LONGEST_QUOTE)}`,
    );
  }
  return { subnet, family: familyOf(prefix) };
}

/** Go, and so host-local, takes an IPv4-mapped prefix for IPv4. */
function familyOf({ family, first, length }: Prefix): Family {
  return length >= 96 && first >> 32n === MAPPED_PREFIX ? 4 : family;
}

/**
 * The subnets for a pod of `namespace`, when `ipv4Namespaces` says who gets IPv4: everybody if it is absent. A pod of
 * no known namespace gets none.
 */
export function subnetsFor(
  subnets: readonly Subnet[],
  ipv4Namespaces: readonly string[] | undefined,
  namespace: string | undefined,
): readonly Subnet[] {
  if (ipv4Namespaces === undefined) return subnets;
  if (namespace !== undefined && ipv4Namespaces.includes(namespace)) return subnets;
  const allowed = subnets.filter(({ family }) => family === 6);
  if (allowed.length === 0) {
    const who = namespace === undefined ? 'a pod of no known namespace' : `namespace ${namespace}`;
    throw new CniError(CNI_CODES.failed, 'CIDR config', `no IPv4 for ${who}, and the node has no IPv6`);
  }
  return allowed;
}
