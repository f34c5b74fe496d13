import type { Range } from '../address/range.ts';
import type { RangeSet } from '../address/range-set.ts';
import type { Problem } from '../kubernetes/problem.ts';
import type { NamespaceSelector } from '../kubernetes/types.ts';
import type { Reservations } from './reservation.ts';

/** Which of the free blocks a claim gets that asks for none. */
export type Strategy = (typeof STRATEGIES)[number];

export const STRATEGIES = ['LowestFree', 'Random', 'LeastRecentlyUsed'] as const;

/** Addresses or prefixes of a pool, and what an IPAddress of theirs says. */
export interface SubnetRanges {
  /** Of what the user listed; of none of the subnets before it. */
  readonly listed: RangeSet;
  /** The prefix length. */
  readonly prefix: number;
  /** As the user wrote it. */
  readonly gateway?: string;
}

/** What a pool may give out. */
export interface PoolRanges {
  /** A union of whole blocks of `blockLength`. */
  readonly allocatable: RangeSet;
  /** The prefix length of what each claim gets; an address is a block of full length. */
  readonly blockLength: number;
  /** What the user listed, of which `allocatable` is a part. */
  readonly listed: RangeSet;
  /** The parts of `listed`, in the order in which they are used. */
  readonly subnets: readonly SubnetRanges[];
  readonly excluded: RangeSet;
  /** Never given out either. */
  readonly gateways: RangeSet;
  /** What is given to certain claims alone. */
  readonly reservations: Reservations;
  readonly strategy: Strategy;
  readonly reuseGracePeriodSeconds: number;
  /** Selects the namespaces whose claims the pool serves; absent if it serves all. */
  readonly allowedNamespaces?: NamespaceSelector;
  /** How much the claims of one namespace may have. */
  readonly maxPerNamespace?: number;
}

export type PoolReading =
  | { readonly ranges: PoolRanges; readonly problems: readonly [] }
  | { readonly ranges?: undefined; readonly problems: readonly Problem[] };

/** The subnet whose addresses those of a block are; undefined if the pool lists them no more. */
export function subnetOf({ subnets }: PoolRanges, block: Range): SubnetRanges | undefined {
  return subnets.find(({ listed }) => listed.covers(block));
}
