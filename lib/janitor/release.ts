/** Gives up what is kept for nobody: what the janitor does by itself, and `metaipam release` when a person says so. */
import type { Allocation } from '../allocation/slice.ts';
import { claimUids } from '../claim/ip-address.ts';
import { METAIPAM_API_VERSION } from '../kubernetes/names.ts';
import { type ObjectPath, qualifiedName } from '../kubernetes/object.ts';
import { formatTime } from '../kubernetes/time.ts';
import type { AllocationSlice, IPAddress, SliceEntry } from '../kubernetes/types.ts';
import { ipamApiVersion } from '../metacontroller/api-version.ts';
import type { HookContext } from '../metacontroller/hook.ts';
import type { Check, Deed } from './deed.ts';

/** Marks entries of a slice `released`, once their claims or nodes are gone, and the IPAddresses made for them. */
export function releaseEntries(
  slice: AllocationSlice,
  allocations: readonly Allocation[],
  context: HookContext,
): Deed {
  const released = formatTime(context.now);
  const entries: Record<string, SliceEntry> = { ...slice.spec.entries };
  for (const { key, entry } of allocations) entries[key] = { ...entry, released };
  const isOfNodes = slice.spec.poolRef.kind === 'PodNetwork';
  const keys = allocations.map(({ key }) => key).join(', ');
  return {
    why: `AllocationSlice ${qualifiedName(slice.metadata)}: ${keys} had ${isOfNodes ? 'nodes' : 'claims'} that are gone`,
    checks: allocations.flatMap(({ entry: { namespace, name, uid } }): Check[] =>
      isOfNodes
        ? [{ is: 'gone', path: nodePath(name), uid }]
        : [
            { is: 'gone', path: claimPath(namespace, name, context), uid },
            { is: 'without address', path: addressPath(namespace, name, context), claim: uid },
          ],
    ),
    act: {
      verb: 'update',
      isSlice: true,
      path: pathOfSlice(slice),
      object: { ...slice, spec: { ...slice.spec, entries } } as AllocationSlice,
    },
  };
}

/** Deletes an IPAddress, once the claim that it was made for is gone, and the one that controls it. */
export function endOrphan(address: IPAddress, context: HookContext): Deed {
  const path = claimPath(address.metadata.namespace, address.spec.claimRef.name, context);
  const checks = claimUids(address).map((uid) => ({ is: 'gone' as const, path, uid }));
  return deleteAddress(address, 'its claim is gone', context, checks);
}

export function deleteAddress(
  { metadata }: IPAddress,
  reason: string,
  context: HookContext,
  checks: readonly Check[],
): Deed {
  const { namespace, name, uid = '', resourceVersion = '' } = metadata;
  return {
    why: `IPAddress ${qualifiedName(metadata)}: ${reason}`,
    checks,
    act: { verb: 'delete', path: addressPath(namespace, name, context), uid, resourceVersion },
  };
}

export function nodePath(name: string): ObjectPath {
  return { apiVersion: 'v1', resource: 'nodes', name };
}

export function claimPath(namespace: string | undefined, name: string, { config }: HookContext): ObjectPath {
  return capiPath(ipamApiVersion(config), 'ipaddressclaims', namespace, name);
}

export function addressPath(
  namespace: string | undefined,
  name: string,
  { config }: HookContext,
): ObjectPath {
  return capiPath(ipamApiVersion(config), 'ipaddresses', namespace, name);
}

function capiPath(
  apiVersion: string,
  resource: string,
  namespace: string | undefined,
  name: string,
): ObjectPath {
  return { apiVersion, resource, ...(namespace !== undefined && { namespace }), name };
}

export function pathOfSlice({ metadata }: AllocationSlice): ObjectPath {
  return slicePath(metadata.namespace ?? '', metadata.name);
}

export function slicePath(namespace: string, name: string): ObjectPath {
  return { apiVersion: METAIPAM_API_VERSION, resource: 'allocationslices', namespace, name };
}
