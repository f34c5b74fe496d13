/** What a pool remembers of addresses that are free: when each was given up. Its slices are the memory. */
import { addressSpace, type Pool, readPool } from './pool.ts';

/** Most free addresses of a pool whose time it keeps in mind: 100 kB of slices, which each of its syncs carries. */
export const MOST_REMEMBERED = 1000;

/**
 * Whether the entry of an address stays after its grace period, until the address is wanted.
 *
 * In an address space that pools share an entry is a lock, which would keep the others from what is free.
 */
export function isRemembering(pool: Pool): boolean {
  return (
    readPool(pool).ranges?.strategy === 'LeastRecentlyUsed' &&
    addressSpace(pool).marker !== 'shared' &&
    pool.metadata.deletionTimestamp === undefined
  );
}
