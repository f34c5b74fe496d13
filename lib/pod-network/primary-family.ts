import type { Family } from '../address/address.ts';
import type { PodNetwork } from '../kubernetes/types.ts';

/** Of two families the one whose block is the first podCIDR of a node, which `spec.podCIDR` repeats. */
export function primaryFamilyOf(spec: PodNetwork['spec'] | undefined): Family {
  return spec?.primaryIPFamily === 'IPv6' ? 6 : 4;
}

/** In the order in which a node has them. */
export function byPrimary(primary: Family) {
  return (a: { readonly family: Family }, b: { readonly family: Family }): number =>
    Number(b.family === primary) - Number(a.family === primary);
}
