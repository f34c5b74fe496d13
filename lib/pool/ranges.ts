import type { RangeSet } from '../address/range-set.ts';
import type { Problem } from '../kubernetes/problem.ts';
import type { Reservations } from './reservation.ts';

/** Which of the free blocks a claim gets that asks for none. */
export type Strategy = (typeof STRATEGIES)[number];

export const STRATEGIES = ['LowestFree', 'Random'] as const;

/** What a pool may give out. */
export interface PoolRanges {
  /** A union of whole blocks of `blockLength`. */
  readonly allocatable: RangeSet;
  /** The prefix length of what each claim gets; an address is a block of full length. */
  readonly blockLength: number;
  /** What the user listed, of which `allocatable` is a part. */
  readonly listed: RangeSet;
  readonly excluded: RangeSet;
  /** Never given out either. */
  readonly gateways: RangeSet;
  /** What is given to certain claims alone. */
  readonly reservations: Reservations;
  /** The prefix length that an IPAddress of the pool says. */
  readonly prefix: number;
  /** As the user wrote it. */
  readonly gateway?: string;
  readonly strategy: Strategy;
  readonly reuseGracePeriodSeconds: number;
  /** How much the claims of one namespace may have. */
  readonly maxPerNamespace?: number;
}

export type PoolReading =
  | { readonly ranges: PoolRanges; readonly problems: readonly [] }
  | { readonly ranges?: undefined; readonly problems: readonly Problem[] };
