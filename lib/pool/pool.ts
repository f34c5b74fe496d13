/** Pools of each kind, what they give out, and what their slices have in common. */
import type { AddressSpace } from '../allocation/names.ts';
import type { SliceHead } from '../allocation/slice.ts';
import { ADDRESS_SPACE_LABEL, CAPI_IPAM_GROUP, POOL_LABEL } from '../kubernetes/names.ts';
import { PREFIX, poolKind } from '../kubernetes/pool-kinds.ts';
import type {
  GlobalInClusterIPPool,
  GlobalInClusterPrefixPool,
  InClusterIPPool,
  InClusterPrefixPool,
  IPAddress,
} from '../kubernetes/types.ts';
import { isInBadAddressSpace, sharedAddressSpace } from './address-space.ts';
import { poolLabel } from './label.ts';
import { readPrefixPool } from './prefix-spec.ts';
import type { PoolReading } from './ranges.ts';
import { readAddressPool } from './spec.ts';

export type PrefixPool = InClusterPrefixPool | GlobalInClusterPrefixPool;
export type Pool = InClusterIPPool | GlobalInClusterIPPool | PrefixPool;

/** What a pool may give out, or everything that is wrong with its spec. */
export function readPool(pool: Pool): PoolReading {
  // One from a file may have none.
  return isPrefixPool(pool) ? readPrefixPool(pool.spec ?? {}) : readAddressPool(pool.spec ?? {});
}

export function isPrefixPool(pool: Pool): pool is PrefixPool {
  return poolKind(pool.kind).unit === PREFIX;
}

export function addressSpace(pool: Pool): AddressSpace {
  const shared = sharedAddressSpace(pool);
  return shared === undefined ? ownSpace(pool) : { name: shared, marker: 'shared' };
}

function ownSpace({ kind, metadata }: Pool): AddressSpace {
  return { name: metadata.name, marker: poolKind(kind).marker };
}

/**
 * Namespaced pools keep their slices beside themselves, cluster-scoped ones in the install's namespace.
 *
 * That is also how far a shared address space reaches, whoever else names it: the name of a slice is a lock in its
 * namespace, and Metacontroller gives a namespaced parent no children elsewhere, nor shows it anything.
 */
export function sliceNamespace({ metadata }: Pool, installNamespace: string): string {
  return metadata.namespace ?? installNamespace;
}

/** Where the pool that gave an IPAddress keeps its slices. */
export function sliceNamespaceOfAddress({ metadata, spec }: IPAddress, installNamespace: string): string {
  return poolKind(spec.poolRef.kind).isGlobal ? installNamespace : (metadata.namespace ?? '');
}

export function sliceHead(pool: Pool, installNamespace: string): SliceHead {
  const { kind, metadata } = pool;
  const space = addressSpace(pool);
  const { ranges } = readPool(pool);
  return {
    namespace: sliceNamespace(pool, installNamespace),
    space,
    own: ownSpace(pool),
    poolRef: { apiGroup: CAPI_IPAM_GROUP, kind, name: metadata.name, uid: metadata.uid ?? '' },
    labels: {
      [POOL_LABEL]: poolLabel(kind, metadata.name),
      ...(space.marker === 'shared' && !isInBadAddressSpace(pool) && { [ADDRESS_SPACE_LABEL]: space.name }),
    },
    ...(ranges !== undefined && { subnets: ranges.subnets }),
  };
}
