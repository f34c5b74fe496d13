/** How large the blocks of a ClusterCIDR are. */
import type { Family } from '../address/address.ts';
import {
  BLOCK_SIZE_ANNOTATION,
  IPV4_HOST_BITS_ANNOTATION,
  IPV6_HOST_BITS_ANNOTATION,
} from '../kubernetes/names.ts';
import type { ObjectMeta } from '../kubernetes/object.ts';

/** A block of each family has so many addresses. */
export type BlockSizes = Readonly<Record<Family, bigint>>;

/** By family, the annotation of a ClusterCIDR that says it as `perNodeHostBits` does. */
export const HOST_BITS_ANNOTATIONS: Readonly<Record<Family, string>> = {
  4: IPV4_HOST_BITS_ANNOTATION,
  6: IPV6_HOST_BITS_ANNOTATION,
};

/** What a valid ClusterCIDR says of its blocks: of one family, else in addresses, else in host bits of both. */
export function blockSizesOf(
  perNodeHostBits: number,
  { annotations }: Pick<ObjectMeta, 'annotations'>,
): BlockSizes {
  const size = parseBlockSize(annotations?.[BLOCK_SIZE_ANNOTATION]) ?? 1n << BigInt(perNodeHostBits);
  const sizeOf = (family: Family) => {
    const bits = parseHostBits(annotations?.[HOST_BITS_ANNOTATIONS[family]]);
    return bits === undefined ? size : 1n << BigInt(bits);
  };
  return { 4: sizeOf(4), 6: sizeOf(6) };
}

/** Whether nodes share the range of this family as one subnet: its blocks have any size, and need not be CIDRs. */
export function isShared(family: Family, { annotations = {} }: Pick<ObjectMeta, 'annotations'>): boolean {
  return BLOCK_SIZE_ANNOTATION in annotations && !(HOST_BITS_ANNOTATIONS[family] in annotations);
}

/** Of the text of an annotation; undefined if that is no number. It may come from a file. */
export function parseHostBits(text: unknown): number | undefined {
  return typeof text === 'string' && /^[0-9]{1,3}$/.test(text) ? Number(text) : undefined;
}

/** The same in addresses. */
export function parseBlockSize(text: unknown): bigint | undefined {
  return typeof text === 'string' && /^[1-9][0-9]{0,9}$/.test(text) ? BigInt(text) : undefined;
}
