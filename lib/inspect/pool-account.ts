/** What a pool makes of the objects of a whole cluster. It is its hook's plan: whatever else counts would differ. */

import { ADDRESS_SPACE_LABEL, POOL_LABEL, SETTLED_LABEL } from '../kubernetes/names.ts';
import type { KubernetesObject } from '../kubernetes/object.ts';
import { titleOf } from '../kubernetes/object.ts';
import type { AllocationSlice, IPAddress, IPAddressClaim } from '../kubernetes/types.ts';
import type { HookContext } from '../metacontroller/hook.ts';
import { sharedAddressSpace } from '../pool/address-space.ts';
import { NAMESPACE_NOT_ALLOWED } from '../pool/allowed-namespaces.ts';
import { poolLabel } from '../pool/label.ts';
import { type PoolPlan, planPool } from '../pool/plan.ts';
import { type Pool, readPool, sliceNamespace, sliceNamespaceOfAddress } from '../pool/pool.ts';
import { isOurs, poolTitleOf } from '../pool/reference.ts';
import { standstillOf } from '../pool/standstill.ts';
import { type PoolView, poolViewOf } from '../pool/view.ts';
import type { Inventory } from './inventory.ts';

export interface PoolAccount {
  readonly pool: Pool;
  readonly view: PoolView;
  readonly plan: PoolPlan;
}

/** The accounts of all pools, in their order. */
export function accountsOf(inventory: Inventory, context: HookContext): PoolAccount[] {
  const find = finder(inventory, context.config.installNamespace);
  return inventory.pools.map((pool) => {
    const view = find(pool);
    return { pool, view, plan: planPool(view, readPool(pool).ranges, standstillOf(pool), context) };
  });
}

/** Finds for each pool what `poolRelated` would, without a look at every object. */
function finder(
  { claims, addresses, slices }: Inventory,
  installNamespace: string,
): (pool: Pool) => PoolView {
  const claimsByPool = Map.groupBy(claims.filter(isOurs), poolTitleOf);
  const addressesByPool = Map.groupBy(addresses.filter(isOurs), poolTitleOf);
  const addressesBySpace = byLabel(addresses.filter(isOurs), ADDRESS_SPACE_LABEL, (address) =>
    sliceNamespaceOfAddress(address, installNamespace),
  );
  const slicesByPool = byLabel(slices, POOL_LABEL);
  const slicesBySpace = byLabel(slices, ADDRESS_SPACE_LABEL);
  const slicesByUid = Map.groupBy(slices, ({ spec }) => spec.poolRef.uid);
  return (pool) => {
    const { kind, metadata } = pool;
    const { uid = '', deletionTimestamp } = metadata;
    const label = poolLabel(kind, metadata.name);
    const space = sharedAddressSpace(pool);
    const namespace = sliceNamespace(pool, installNamespace);
    const isVisible = ({ metadata: { labels } }: IPAddressClaim) => {
      const settled = labels?.[SETTLED_LABEL];
      const isOpen = settled !== undefined && settled !== uid;
      return labels?.[POOL_LABEL] === label && (isOpen || deletionTimestamp !== undefined);
    };
    const isMine = ({ metadata: { labels } }: IPAddress) => (labels?.[POOL_LABEL] ?? label) === label;
    const inSpace = <T>(map: ReadonlyMap<string, readonly T[]>) =>
      space === undefined ? [] : (map.get(`${namespace} ${space}`) ?? []);
    const related = [...(slicesByPool.get(`${namespace} ${label}`) ?? []), ...inSpace(slicesBySpace)];
    const objects = {
      claims: (claimsByPool.get(titleOf(pool)) ?? []).filter(isVisible),
      addresses: distinct([
        ...(addressesByPool.get(titleOf(pool)) ?? []).filter(isMine),
        ...inSpace(addressesBySpace),
      ]),
      slices: (slicesByUid.get(uid) ?? []).filter((slice) => slice.metadata.namespace === namespace),
      otherSlices: distinct(related).filter(({ spec }: AllocationSlice) => spec.poolRef.uid !== uid),
      // Namespaces are no part of what is looked at: their claims tell which of them the pool does not serve.
      namespaces: (claimsByPool.get(titleOf(pool)) ?? []).filter(isServed).map(namespaceOf),
    };
    return poolViewOf(pool, objects, installNamespace);
  };
}

function isServed({ status }: IPAddressClaim): boolean {
  return status?.conditions?.find(({ type }) => type === 'Ready')?.reason !== NAMESPACE_NOT_ALLOWED;
}

function namespaceOf({ metadata: { namespace = '' } }: IPAddressClaim): KubernetesObject {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } };
}

/** By namespace and value. */
function byLabel<T extends KubernetesObject>(
  objects: readonly T[],
  key: string,
  namespaceOf = ({ metadata }: T) => metadata.namespace,
): Map<string, T[]> {
  const labelled = objects.filter(({ metadata }) => metadata.labels?.[key] !== undefined);
  return Map.groupBy(labelled, (object) => `${namespaceOf(object)} ${object.metadata.labels![key]}`);
}

function distinct<T>(list: readonly T[]): T[] {
  return [...new Set(list)];
}
