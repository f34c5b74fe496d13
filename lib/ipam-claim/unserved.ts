/** Why an IPAMClaim has nothing of ours, for whoever asks: the router says nothing of what may be somebody else's. */
import type { IPAMClaim } from '../kubernetes/core-types.ts';
import { isLabelValue } from '../kubernetes/label-value.ts';
import { NETWORK_LABEL } from '../kubernetes/names.ts';
import { titleOf } from '../kubernetes/object.ts';
import type { Pool } from '../pool/pool.ts';
import { listSome } from '../text.ts';
import { ADDRESS_POOL_KINDS, choosePools } from './pools.ts';

export const NO_POOL = 'NoPool';

/**
 * Of a claim without IPAddressClaims: a reason, and a sentence.
 *
 * @param pools all there are
 */
export function whyUnserved(
  { metadata, spec, status }: IPAMClaim,
  pools: readonly Pool[],
): { reason: string; message: string } {
  const { network } = spec ?? {};
  const ips = status?.ips ?? [];
  if (Array.isArray(ips) && ips.length > 0)
    return { reason: 'NotOurs', message: `somebody else has given it ${ips.join(', ')}` };
  if (metadata.deletionTimestamp !== undefined) return { reason: 'Deleting', message: 'it is being deleted' };
  if (typeof network !== 'string' || network === '')
    return { reason: NO_POOL, message: 'its spec.network names no network' };
  if (!isLabelValue(network))
    return {
      reason: NO_POOL,
      message: `no pool can name its network ${network}, which is no value of a label`,
    };
  const label = `${NETWORK_LABEL}: ${network}`;
  const labelled = pools.filter((pool) => pool.metadata.labels?.[NETWORK_LABEL] === network);
  const isNear = (pool: Pool) =>
    ADDRESS_POOL_KINDS.includes(pool.kind) &&
    [undefined, metadata.namespace].includes(pool.metadata.namespace);
  const near = labelled.filter(isNear);
  if (near.length === 0) {
    const far =
      labelled.length === 0 ? '' : `, but ${listSome(labelled.map(titleOf))}, which cannot serve it`;
    return {
      reason: NO_POOL,
      message: `no pool that it may have addresses of has the label ${label}${far}`,
    };
  }
  if (choosePools(near).size === 0)
    return {
      reason: NO_POOL,
      message: `${listSome(near.map(titleOf))} cannot serve it: being deleted, or with a spec that is invalid`,
    };
  return {
    reason: 'NotSynced',
    message: `no controller has looked at it yet, though ${listSome(near.map(titleOf))} can serve it: are those for IPAMClaims installed?`,
  };
}
