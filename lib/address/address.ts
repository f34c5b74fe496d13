import ipaddr from 'ipaddr.js';

export type Family = 4 | 6;

export interface Address {
  readonly family: Family;
  /** The address as an unsigned integer of `FAMILY_BITS[family]` bits. */
  readonly value: bigint;
}

export const FAMILY_BITS = { 4: 32, 6: 128 } as const;

const FOUR_OCTETS = /^(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})$/;
const DOTTED_TAIL = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/;
const MAPPED_PREFIX = 0xffffn;

/**
 * Reads one address, or answers undefined.
 *
 * Strict, as Go's netip is: four decimal octets without leading zeros, or an RFC 4291 IPv6 text. Zones, octal,
 * hexadecimal and short IPv4 forms and white space are refused. An IPv4-mapped IPv6 address is IPv6.
 */
export function parseAddress(text: string): Address | undefined {
  if (!text.includes(':')) {
    const value = parseDecimalOctets(text);
    return value === undefined ? undefined : { family: 4, value: BigInt(value) };
  }
  const plain = expandDottedTail(text);
  const groups = plain === undefined || plain.includes('%') ? undefined : parseGroups(plain);
  if (groups === undefined) return undefined;
  let value = 0n;
  for (const group of groups) value = (value << 16n) | BigInt(group);
  return { family: 6, value };
}

/** Asking `isValid` first would read the text twice. */
function parseGroups(text: string): number[] | undefined {
  try {
    return ipaddr.IPv6.parse(text).parts;
  } catch {
    return undefined;
  }
}

/** Four octets as an unsigned 32-bit number. */
function parseDecimalOctets(text: string): number | undefined {
  const octets = FOUR_OCTETS.exec(text);
  if (octets === null) return undefined;
  let value = 0;
  for (let i = 1; i <= 4; i++) {
    const octet = Number(octets[i]);
    if (octet > 255) return undefined;
    value = value * 256 + octet;
  }
  return value;
}

/** `::ffff:1.2.3.4` as `::ffff:102:304`: ipaddr.js is lenient about what may stand in the dotted part. */
function expandDottedTail(text: string): string | undefined {
  if (!text.includes('.')) return text;
  const [, head, tail] = DOTTED_TAIL.exec(text) ?? [];
  const value = tail === undefined ? undefined : parseDecimalOctets(tail);
  if (value === undefined) return undefined;
  return `${head}${(value >>> 16).toString(16)}:${(value & 0xffff).toString(16)}`;
}

/** The canonical text: dotted decimal, or RFC 5952 (section 5 for IPv4-mapped addresses). */
export function formatAddress({ family, value }: Address): string {
  if (family === 4) return formatOctets(Number(value));
  if (value >> 32n === MAPPED_PREFIX) return `::ffff:${formatOctets(Number(value & 0xffffffffn))}`;
  return new ipaddr.IPv6(addressGroups(value)).toRFC5952String();
}

function formatOctets(value: number): string {
  return `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`;
}

/** The eight 16-bit groups of an IPv6 address, first group first. */
export function addressGroups(value: bigint): number[] {
  return [96n, 64n, 32n, 0n].flatMap((shift) => {
    const word = Number(BigInt.asUintN(32, value >> shift));
    return [word >>> 16, word & 0xffff];
  });
}

/** The text as every other part of the system writes it, or undefined if it is no address. */
export function canonicalAddress(text: string): string | undefined {
  const address = parseAddress(text);
  return address && formatAddress(address);
}
