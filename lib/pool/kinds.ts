/** The kinds of pools that metaipam serves. */
import type { AddressSpace } from '../allocation/names.ts';

export interface PoolKind {
  /** Its controller, in metacontroller/ and hooks/. */
  readonly controller: string;
  readonly resource: string;
  /** A cluster-scoped pool serves the claims of every namespace. */
  readonly isGlobal: boolean;
  /** What a claim gets of it. */
  readonly unit: Unit;
  /** Of the names of its slices, unless it shares its address space. */
  readonly marker: AddressSpace['marker'];
}

/** In messages, and in the reasons of conditions. */
export interface Unit {
  readonly one: string;
  readonly many: string;
}

const ADDRESS: Unit = { one: 'address', many: 'addresses' };

export const POOL_KINDS: Readonly<Record<string, PoolKind>> = {
  GlobalInClusterIPPool: {
    controller: 'global-pools',
    resource: 'globalinclusterippools',
    isGlobal: true,
    unit: ADDRESS,
    marker: 'global',
  },
  InClusterIPPool: {
    controller: 'pools',
    resource: 'inclusterippools',
    isGlobal: false,
    unit: ADDRESS,
    marker: '',
  },
};

/** Of kinds that are not ours, what those of addresses are. */
export function poolKind(kind: string): PoolKind {
  return POOL_KINDS[kind] ?? POOL_KINDS.InClusterIPPool!;
}
