/** How large the blocks of a ClusterCIDR are. */
import type { Family } from '../address/address.ts';
import { IPV4_HOST_BITS_ANNOTATION, IPV6_HOST_BITS_ANNOTATION } from '../kubernetes/names.ts';
import type { ObjectMeta } from '../kubernetes/object.ts';

/** A block of each family has 2 to the power of this many addresses. */
export type HostBits = Readonly<Record<Family, number>>;

/** By family, the annotation of a ClusterCIDR that says it. */
export const HOST_BITS_ANNOTATIONS: Readonly<Record<Family, string>> = {
  4: IPV4_HOST_BITS_ANNOTATION,
  6: IPV6_HOST_BITS_ANNOTATION,
};

/** What a ClusterCIDR says of its blocks: NaN where its annotation is no number. It may come from a file. */
export function hostBitsOf(
  perNodeHostBits: number,
  { annotations }: Pick<ObjectMeta, 'annotations'>,
): HostBits {
  const bitsOf = (family: Family) => {
    const text: unknown = annotations?.[HOST_BITS_ANNOTATIONS[family]];
    if (text === undefined) return perNodeHostBits;
    return typeof text === 'string' && /^[0-9]{1,3}$/.test(text) ? Number(text) : Number.NaN;
  };
  return { 4: bitsOf(4), 6: bitsOf(6) };
}
