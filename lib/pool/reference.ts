/** The pool that a claim or an IPAddress refers to. */
import { CAPI_IPAM_GROUP } from '../kubernetes/names.ts';
import { qualifiedName } from '../kubernetes/object.ts';
import type { IPAddress, IPAddressClaim } from '../kubernetes/types.ts';
import { POOL_KINDS, poolKind } from './kinds.ts';

/** Whether it is one of ours: by group and kind, whether or not the pool exists. */
export function isOurs({ spec }: IPAddressClaim | IPAddress): boolean {
  return spec?.poolRef?.apiGroup === CAPI_IPAM_GROUP && Object.hasOwn(POOL_KINDS, spec.poolRef.kind);
}

/** Its title: `InClusterIPPool default/pool-a`. */
export function poolTitleOf({ metadata, spec }: IPAddressClaim | IPAddress): string {
  const { kind, name } = spec.poolRef;
  return `${kind} ${poolKind(kind).isGlobal ? name : qualifiedName({ ...metadata, name })}`;
}
