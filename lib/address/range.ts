import { type Address, FAMILY_BITS, type Family, formatAddress, parseAddress } from './address.ts';

/** Consecutive addresses of one family, both ends included. */
export interface Range {
  readonly family: Family;
  readonly first: bigint;
  readonly last: bigint;
}

/** A CIDR block: a range whose size is a power of two and whose start is a multiple of it. */
export interface Prefix extends Range {
  /** 0 to 32, or 0 to 128. */
  readonly length: number;
}

/** What one node or claim gets as a whole: a CIDR if it has a length. */
export interface Block extends Range {
  readonly length?: number;
}

const LENGTH = /^(0|[1-9][0-9]{0,2})$/;

/** The block of `length` that holds `address`. */
export function prefixOf({ family, value }: Address, length: number): Prefix {
  const hostBits = BigInt(FAMILY_BITS[family] - length);
  const first = (value >> hostBits) << hostBits;
  return { family, first, last: first + (1n << hostBits) - 1n, length };
}

/** Reads `address/length`, or answers undefined. Host bits may be set and are masked away. */
export function parsePrefix(text: string): Prefix | undefined {
  const slash = text.lastIndexOf('/');
  const address = slash < 0 ? undefined : parseAddress(text.slice(0, slash));
  const digits = text.slice(slash + 1);
  if (address === undefined || !LENGTH.test(digits)) return undefined;
  const length = Number(digits);
  return length > FAMILY_BITS[address.family] ? undefined : prefixOf(address, length);
}

/** Whether the text of a prefix has bits set beyond its length; false for what is no prefix. */
export function hasHostBits(text: string): boolean {
  const prefix = parsePrefix(text);
  return prefix !== undefined && parseAddress(text.slice(0, text.lastIndexOf('/')))?.value !== prefix.first;
}

/** Reads what a pool may list: an address, a CIDR, or `first-last` of one family in ascending order. */
export function parseRange(text: string): Range | undefined {
  if (text.includes('/')) return parsePrefix(text);
  const dash = text.indexOf('-');
  if (dash < 0) {
    const address = parseAddress(text);
    return address && rangeOf(address);
  }
  const first = parseAddress(text.slice(0, dash));
  const last = parseAddress(text.slice(dash + 1));
  if (first === undefined || last === undefined) return undefined;
  if (first.family !== last.family || first.value > last.value) return undefined;
  return { family: first.family, first: first.value, last: last.value };
}

/** The range, as a CIDR if it is one. */
export function asBlock(range: Range): Block {
  const { family, first, last } = range;
  const length = lengthOfSize(family, sizeOf(range));
  if (length === undefined) return range;
  const prefix = prefixOf({ family, value: first }, length);
  return prefix.first === first && prefix.last === last ? prefix : range;
}

/** The smallest CIDR that has all of the block. */
export function prefixAround({ family, first, last }: Block): Prefix {
  return prefixOf(
    { family, value: first },
    FAMILY_BITS[family] - (first ^ last).toString(2).replace(/^0$/, '').length,
  );
}

/** Of a CIDR of `size` addresses; undefined if none has so many. */
export function lengthOfSize(family: Family, size: bigint): number | undefined {
  const bits = size.toString(2).length - 1;
  return size === 1n << BigInt(bits) ? FAMILY_BITS[family] - bits : undefined;
}

/** Reads a CIDR, as `parsePrefix`, or `first-last`. */
export function parseBlock(text: string): Block | undefined {
  if (!text.includes('-')) return parsePrefix(text);
  const range = parseRange(text);
  return range && asBlock(range);
}

/** `10.0.0.0/26`, or `10.0.0.50-10.0.0.99`. */
export function formatBlock(block: Block): string {
  return block.length === undefined ? formatRange(block) : formatPrefix(block as Prefix);
}

/** The range of one address. */
export function rangeOf({ family, value }: Address): Range {
  return { family, first: value, last: value };
}

export function formatPrefix({ family, first, length }: Prefix): string {
  return `${formatAddress({ family, value: first })}/${length}`;
}

/** `10.0.0.1`, or `10.0.0.1-10.0.0.9`. */
export function formatRange({ family, first, last }: Range): string {
  const start = formatAddress({ family, value: first });
  return first === last ? start : `${start}-${formatAddress({ family, value: last })}`;
}

/** How many addresses the range holds. */
export function sizeOf({ first, last }: Range): bigint {
  return last - first + 1n;
}

export function overlaps(a: Range, b: Range): boolean {
  return a.family === b.family && a.first <= b.last && b.first <= a.last;
}

/** What two ranges that overlap have in common. */
export function intersection({ family, first, last }: Range, other: Range): Range {
  return {
    family,
    first: first < other.first ? other.first : first,
    last: last > other.last ? other.last : last,
  };
}

/** Whether every address of `inner` is in `outer`. */
export function covers(outer: Range, inner: Range): boolean {
  return outer.family === inner.family && outer.first <= inner.first && inner.last <= outer.last;
}
