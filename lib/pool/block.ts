/** Blocks of pools as texts: an address is a block of full length. */
import { FAMILY_BITS, parseAddress } from '../address/address.ts';
import { type Prefix, prefixOf } from '../address/range.ts';
import { keyOf } from '../allocation/slice.ts';
import type { IPAddress } from '../kubernetes/types.ts';

/** What an IPAddress says that its claim has; undefined if that cannot be read. */
export function blockOf({ spec }: IPAddress): Prefix | undefined {
  const address = parseAddress(spec.address);
  return address && prefixOf(address, FAMILY_BITS[address.family]);
}

/** The same as slices write it; what cannot be read as it is. */
export function blockText(address: IPAddress): string {
  const block = blockOf(address);
  return block === undefined ? address.spec.address : keyOf(block);
}

/** What a claim asks for; undefined if that cannot be read. */
export function requestedBlock(text: string, _blockLength: number): Prefix | undefined {
  const address = parseAddress(text);
  return address && prefixOf(address, FAMILY_BITS[address.family]);
}
