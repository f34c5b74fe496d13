/** Addresses that claims bring along: made by another provider, restored or moved. */
import type { Block } from '../address/range.ts';
import { compareAge, qualifiedName } from '../kubernetes/object.ts';
import type { IPAddress } from '../kubernetes/types.ts';
import { blockOf } from './block.ts';

/** What a claim has from elsewhere, by the oldest IPAddress that says so. */
export interface Arrival {
  /** Undefined if that cannot be read. */
  readonly block: Block | undefined;
  readonly object: IPAddress;
}

/** By `namespace/name` of the claim. */
export function arrivalsOf(foreign: readonly IPAddress[]): Map<string, Arrival> {
  const arrivals = new Map<string, Arrival>();
  for (const object of [...foreign].sort(compareAge)) {
    const block = blockOf(object);
    const claim = qualifiedName({ ...object.metadata, name: object.spec.claimRef.name });
    const isBetter = block !== undefined && arrivals.get(claim)?.block === undefined;
    if (isBetter || !arrivals.has(claim)) arrivals.set(claim, { block, object });
  }
  return arrivals;
}
