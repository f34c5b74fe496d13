/** Which addresses of its blocks a node gives to pods: what the CNI plugin host-local makes of them. */
import { type Address, FAMILY_BITS, parseAddress } from '../address/address.ts';
import { type Prefix, type Range, rangeOf } from '../address/range.ts';
import { RangeSet } from '../address/range-set.ts';

/** A subnet that a node has all or a part of. */
export interface PodSource {
  readonly prefix: Prefix;
  /** First and last address of the part. */
  readonly rangeStart?: string;
  readonly rangeEnd?: string;
  readonly gateway?: string;
  /** Addresses that no pod gets. */
  readonly exclude: readonly Range[];
}

/** host-local finds no room in a subnet of one or two addresses, all of which pods can have (RFC 3021). */
export function isSmall({ prefix: { family, length } }: Pick<PodSource, 'prefix'>): boolean {
  return length > FAMILY_BITS[family] - 2;
}

/** What pods can have of a subnet. */
export function podAddresses(whole: PodSource): RangeSet {
  const { prefix, rangeStart, rangeEnd, exclude } = whole;
  const { first, last } = usableRange(prefix);
  const usable: Range = {
    family: prefix.family,
    first: rangeStart === undefined ? first : parseAddress(rangeStart)!.value,
    last: rangeEnd === undefined ? last : parseAddress(rangeEnd)!.value,
  };
  const gateway = gatewayOf(whole);
  const own = gateway === undefined ? [] : [rangeOf(gateway)];
  const all = RangeSet.of(usable.first <= usable.last ? [usable] : []);
  return all.difference(RangeSet.of([...exclude, ...own]));
}

/** Undefined where pods are told of none. */
export function gatewayOf(whole: PodSource): Address | undefined {
  const { gateway, prefix } = whole;
  if (gateway !== undefined) return parseAddress(gateway);
  return isSmall(whole) ? undefined : { family: prefix.family, value: prefix.first + 1n };
}

/** What host-local gives of a subnet by default: not its own address, nor that of an IPv4 broadcast. */
export function usableRange(prefix: Prefix): Range {
  const { family, first, last } = prefix;
  if (isSmall({ prefix })) return { family, first, last };
  return { family, first: first + 1n, last: family === 4 ? last - 1n : last };
}
