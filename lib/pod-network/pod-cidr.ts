/** podCIDRs of nodes, as Kubernetes itself reads them. */
import { formatPrefix, type Prefix, parsePrefix } from '../address/range.ts';
import type { Node } from '../kubernetes/core-types.ts';

const LEADING_ZEROS = /(?<![0-9a-f])0+(?=[0-9a-f])/gi;
const MAPPED_PREFIX = 0xffffn;

/**
 * Reads a podCIDR, or answers undefined.
 *
 * API servers took what `ParseCIDRSloppy` of k8s.io/utils/net takes, and everything in Kubernetes reads it so:
 * numbers may have leading zeros, which do not make them octal; host bits may be set; an IPv4-mapped prefix is IPv4.
 */
export function parsePodCIDR(text: string): Prefix | undefined {
  const prefix = parsePrefix(text.replace(LEADING_ZEROS, ''));
  if (prefix === undefined || prefix.family === 4) return prefix;
  const { first, last, length } = prefix;
  if (length < 96 || first >> 32n !== MAPPED_PREFIX) return prefix;
  const low = (value: bigint) => BigInt.asUintN(32, value);
  return { family: 4, first: low(first), last: low(last), length: length - 96 };
}

/** The podCIDRs of a node in its own order, canonical. What cannot be read is passed on: they are there, whatever they are. */
export function podCIDRsOf({ spec }: Node): string[] {
  const podCIDRs = spec?.podCIDRs?.length ? spec.podCIDRs : spec?.podCIDR ? [spec.podCIDR] : [];
  return podCIDRs.map((text) => {
    const prefix = parsePodCIDR(text);
    return prefix === undefined ? text : formatPrefix(prefix);
  });
}
