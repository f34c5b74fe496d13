/** Which pools serve an IPAMClaim: decided once, and then written on it. */
import type { Family } from '../address/address.ts';
import type { IPAMClaim } from '../kubernetes/core-types.ts';
import { POOLS_ANNOTATION } from '../kubernetes/names.ts';
import { compareText } from '../kubernetes/object.ts';
import { POOL_KINDS, PREFIX, poolKind } from '../kubernetes/pool-kinds.ts';
import { type Pool, readPool } from '../pool/pool.ts';

export const FAMILIES: readonly Family[] = [4, 6];

/** The pool of each family that has one. */
export type PoolsByFamily = ReadonlyMap<Family, { readonly kind: string; readonly name: string }>;

/** The kinds of pools that give addresses, by the names of their kinds. */
export const ADDRESS_POOL_KINDS = Object.keys(POOL_KINDS).filter((kind) => POOL_KINDS[kind]!.unit !== PREFIX);

/**
 * Of the pools of a network that a claim may have addresses of, one for each family: those of its namespace come
 * before cluster-scoped ones, and then their names decide. One that is going, or cannot be read, serves nobody.
 */
export function choosePools(pools: readonly Pool[]): PoolsByFamily {
  const usable = pools
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .flatMap((pool) => {
      const family = readPool(pool).ranges?.listed.ranges[0]?.family;
      return family === undefined ? [] : [{ family, kind: pool.kind, name: pool.metadata.name }];
    })
    .sort((a, b) => rank(a.kind) - rank(b.kind) || compareText(a.name, b.name));
  return new Map(
    FAMILIES.flatMap((family) => {
      const first = usable.find((pool) => pool.family === family);
      return first === undefined ? [] : [[family, { kind: first.kind, name: first.name }]];
    }),
  );
}

function rank(kind: string): number {
  return poolKind(kind).isGlobal ? 1 : 0;
}

/** What the annotation says: `ipv4=InClusterIPPool/vms,ipv6=GlobalInClusterIPPool/vms-v6`. */
export function formatPools(pools: PoolsByFamily): string {
  return [...pools].map(([family, { kind, name }]) => `ipv${family}=${kind}/${name}`).join();
}

/** What is on the claim; undefined if nobody can tell. */
export function poolsOnClaim({ metadata }: IPAMClaim): PoolsByFamily | undefined {
  const pools = new Map<Family, { kind: string; name: string }>();
  for (const text of (metadata.annotations?.[POOLS_ANNOTATION] ?? '').split(',')) {
    const [, family, kind = '', name = ''] = /^\s*ipv([46])=(\w+)\/([a-z0-9.-]+)\s*$/.exec(text) ?? [];
    if (family === undefined || !ADDRESS_POOL_KINDS.includes(kind)) return undefined;
    pools.set(family === '4' ? 4 : 6, { kind, name });
  }
  return pools;
}
