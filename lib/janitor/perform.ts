import type { ClusterClient } from '../cluster/cluster-client.ts';
import { appliedObject, checkHolds, type Deed, isApplied } from './deed.ts';

export type DeedClient = Pick<
  ClusterClient,
  'read' | 'replaceObject' | 'applyObject' | 'patchStatus' | 'deleteObject'
>;

/** Looks up on the API server what decides: what the deed was decided from may be old. */
export async function isStillDue(
  { checks }: Deed,
  client: Pick<DeedClient, 'read'>,
  signal: AbortSignal,
): Promise<boolean> {
  for (const check of checks) {
    if (!checkHolds(check, await client.read(check.path, signal))) return false;
  }
  return true;
}

/** Holds only for the object as it was. Throws what the client throws. */
export async function perform({ act }: Deed, client: DeedClient, signal: AbortSignal): Promise<void> {
  if (act.verb === 'delete') await client.deleteObject(act.path, act, signal);
  else if (act.verb === 'patch') await client.patchStatus(act.path, act.patch, signal);
  else if (act.verb === 'create' || isApplied(act.object)) {
    await client.applyObject(act.path, appliedObject(act.object), signal);
  } else await client.replaceObject(act.path, act.object, signal);
}
