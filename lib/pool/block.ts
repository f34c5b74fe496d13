/** What a claim has of a pool, as texts: an address, or of a pool of prefixes a prefix. Both are blocks. */
import { FAMILY_BITS, formatAddress, parseAddress } from '../address/address.ts';
import { type Prefix, parsePrefix, prefixOf } from '../address/range.ts';
import { keyOf, type Subnet } from '../allocation/slice.ts';
import { PREFIX, poolKind, type Unit } from '../kubernetes/pool-kinds.ts';
import type { IPAddress } from '../kubernetes/types.ts';

/** What an IPAddress says that its claim has; undefined if that cannot be read. */
export function blockOf({ spec }: IPAddress): Prefix | undefined {
  const address = parseAddress(spec.address);
  if (address === undefined) return undefined;
  const bits = FAMILY_BITS[address.family];
  if (poolKind(spec.poolRef.kind).unit !== PREFIX) return prefixOf(address, bits);
  const length: unknown = spec.prefix;
  const isLength = Number.isInteger(length) && (length as number) >= 0 && (length as number) <= bits;
  return isLength ? prefixOf(address, length as number) : undefined;
}

/** The subnet that an IPAddress says its address is in, if it can be read and no prefix is what its claim has. */
export function subnetOfAddress({ spec }: IPAddress): Subnet | undefined {
  const address = parseAddress(spec.address);
  const { prefix, gateway } = spec;
  const isSubnet =
    Number.isInteger(prefix) && prefix! >= 0 && address && prefix! <= FAMILY_BITS[address.family];
  if (!isSubnet || poolKind(spec.poolRef.kind).unit === PREFIX) return undefined;
  const next = parseAddress(gateway ?? '');
  return { prefix: prefix!, ...(next && { gateway: formatAddress(next) }) };
}

/** What an IPAddress says that its claim has, as slices write it; what cannot be read as it is. */
export function blockText(address: IPAddress): string {
  const block = blockOf(address);
  return block === undefined ? address.spec.address : keyOf(block);
}

/**
 * What a claim asks for: an address, or a prefix as a CIDR or by its first address. Undefined if that cannot be read.
 *
 * @param length of the pool's blocks
 */
export function requestedBlock(text: string, unit: Unit, length: number): Prefix | undefined {
  if (unit === PREFIX && text.includes('/')) return parsePrefix(text);
  const address = parseAddress(text);
  if (address === undefined) return undefined;
  const block = prefixOf(address, Math.min(length, FAMILY_BITS[address.family]));
  return block.first === address.value ? block : prefixOf(address, FAMILY_BITS[address.family]);
}
