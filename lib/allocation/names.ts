/**
 * Names of allocations. The name is the lock: the API server lets one object have it.
 *
 *     pool-a.10.0.0.7                      an InClusterIPPool's address
 *     pool-a.fd00-0-0-0-0-0-0-7            its IPv6 form: eight groups, nothing left out
 *     edge.10.0.0.7.global                 a GlobalInClusterIPPool's, in the namespace of the install
 *     lab.10.0.0.7.shared                  of the address space `lab`, whichever pool gave it
 *     default.10.244.3.0-24                a pod network's block
 *     refused-<claim uid>-5f0c3a9e         no address at all: why the claim waits
 *
 * Read from the right a name has one meaning only: no marker is an octet, an octet carries no dash, an IPv6
 * address always has seven dashes and a block one more than its address. What is left is the space's name.
 */
import { createHash } from 'node:crypto';
import { type Address, addressGroups, formatAddress } from '../address/address.ts';
import type { Prefix } from '../address/range.ts';

/** Where an address may be given out once. */
export interface AddressSpace {
  /** A pool's or pod network's name, or the value of the pool's `metaipam.io/address-space`. */
  readonly name: string;
  readonly marker: '' | 'global' | 'shared';
}

/** Longest name of a space that is kept whole: an IPv6 block and both markers follow, of 253 characters. */
const LONGEST_SPACE = 190;

export function allocationName(space: AddressSpace, address: Address): string {
  return nameIn(space, encodeAddress(address));
}

export function blockAllocationName(network: string, block: Prefix): string {
  const address = encodeAddress({ family: block.family, value: block.first });
  return nameIn({ name: network, marker: '' }, `${address}-${block.length}`);
}

/** Its content is in its name, because specs are immutable: another reason is another object. */
export function refusalName(claimUid: string, reason: string, message: string): string {
  return `refused-${claimUid}-${hash(`${reason}\n${message}`, 8)}`;
}

function nameIn({ name, marker }: AddressSpace, address: string): string {
  const suffix = marker === '' ? '' : `.${marker}`;
  if (name.length <= LONGEST_SPACE) return `${name}.${address}${suffix}`;
  const start = name.slice(0, LONGEST_SPACE - 20).replace(/[.-]+$/, '');
  return `${start}-${hash(name, 16)}.${address}${suffix}.long`;
}

function encodeAddress(address: Address): string {
  if (address.family === 4) return formatAddress(address);
  return addressGroups(address.value)
    .map((group) => group.toString(16))
    .join('-');
}

function hash(text: string, length: number): string {
  return createHash('sha256').update(text).digest('hex').slice(0, length);
}
