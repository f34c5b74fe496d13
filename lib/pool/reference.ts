import { CAPI_IPAM_GROUP } from '../kubernetes/names.ts';
import type { IPAddress, IPAddressClaim } from '../kubernetes/types.ts';

const POOL_KINDS: readonly string[] = ['InClusterIPPool', 'GlobalInClusterIPPool'];

/** Whether a claim or address refers to a pool of ours: by group and kind, whether or not the pool exists. */
export function isOurs({ spec }: IPAddressClaim | IPAddress): boolean {
  return spec?.poolRef?.apiGroup === CAPI_IPAM_GROUP && POOL_KINDS.includes(spec.poolRef.kind);
}
