/** The kinds of pools that metaipam serves. */
export interface PoolKind {
  /** Its controller, in metacontroller/ and hooks/. */
  readonly controller: string;
  readonly resource: string;
  /** A cluster-scoped pool serves the claims of every namespace. */
  readonly isGlobal: boolean;
  /** What a claim gets of it. */
  readonly unit: Unit;
  /** Of the names of its slices, unless it shares its address space. */
  readonly marker: '' | 'global' | 'prefix' | 'global-prefix';
}

/** What it is called in messages, and what the conditions of a pool say of it. */
export interface Unit {
  readonly one: string;
  readonly many: string;
  readonly someFree: Reason;
  readonly noneFree: Reason;
  readonly none: Reason;
  readonly outside: Reason;
}

interface Reason {
  readonly reason: string;
}

const ADDRESS: Unit = {
  one: 'address',
  many: 'addresses',
  someFree: { reason: 'AddressesFree' },
  noneFree: { reason: 'NoFreeAddress' },
  none: { reason: 'NoAddress' },
  outside: { reason: 'AddressesOutsidePool' },
};
export const PREFIX: Unit = {
  one: 'prefix',
  many: 'prefixes',
  someFree: { reason: 'PrefixesFree' },
  noneFree: { reason: 'NoFreePrefix' },
  none: { reason: 'NoPrefix' },
  outside: { reason: 'PrefixesOutsidePool' },
};

export const POOL_KINDS: Readonly<Record<string, PoolKind>> = {
  InClusterIPPool: {
    controller: 'pools',
    resource: 'inclusterippools',
    isGlobal: false,
    unit: ADDRESS,
    marker: '',
  },
  GlobalInClusterIPPool: {
    controller: 'global-pools',
    resource: 'globalinclusterippools',
    isGlobal: true,
    unit: ADDRESS,
    marker: 'global',
  },
  InClusterPrefixPool: {
    controller: 'prefix-pools',
    resource: 'inclusterprefixpools',
    isGlobal: false,
    unit: PREFIX,
    marker: 'prefix',
  },
  GlobalInClusterPrefixPool: {
    controller: 'global-prefix-pools',
    resource: 'globalinclusterprefixpools',
    isGlobal: true,
    unit: PREFIX,
    marker: 'global-prefix',
  },
};

/** By the controller's name. */
export const POOL_CONTROLLERS: readonly string[] = Object.values(POOL_KINDS).map(
  ({ controller }) => controller,
);

/** Of kinds that are not ours, what those of addresses are. */
export function poolKind(kind: string): PoolKind {
  return POOL_KINDS[Object.hasOwn(POOL_KINDS, kind) ? kind : 'InClusterIPPool']!;
}
