/** What has to be true once the world is kind again. */

import { qualifiedName } from '../lib/kubernetes/object.ts';
import type { IPAddressClaim } from '../lib/kubernetes/types.ts';
import { checkCalmNodes } from './calm-nodes.ts';
import { checkCalmPools, isBlocked } from './calm-pools.ts';
import type { Invariants, Violation } from './invariants.ts';
import { checkIPAMClaims, waitingIPAMClaims } from './ipam-claims.ts';
import { addressesByName, storedObjects } from './model.ts';
import type { Op } from './op.ts';
import type { World } from './world.ts';

/** Hears of everything that happens, once it has. */
export type Tell = (op: Op, world: World) => void;

/** Virtual seconds for which everything may go on. */
const HORIZON = 900;
const REST = 120;

/** Lets the world come to rest, and looks at what it has become. */
export function calmDown(world: World, invariants: Invariants, tell?: Tell): Violation | undefined {
  const { cluster, layout } = world;
  world.setClockRight();
  const bound = 5000 + 400 * cluster.objects().length;
  const deadline = world.now + HORIZON * 1000;
  let steps = 0;
  for (let next = world.proceed(deadline); next !== undefined; next = world.proceed(deadline)) {
    tell?.(next.op, world);
    const violation = invariants.check(next.actor);
    if (violation !== undefined) return violation;
    if (++steps > bound) return { rule: 'hooks go quiet', message: `not after ${steps} steps` };
  }
  const before = new Map(cluster.resources.all.map((type) => [type, cluster.store.log(type).length]));
  const addresses = addressesByName(cluster);
  const blocked = storedObjects<IPAddressClaim>(cluster, 'IPAddressClaim')
    .filter((claim) => isBlocked(claim, addresses))
    .map(({ metadata }) => `IPAddressClaim:${metadata.namespace}:${metadata.name}`)
    .concat(waitingIPAMClaims(world));
  const failures = cluster
    .settle({ horizonSeconds: REST })
    .failures.filter(({ key }) => !blocked.some((end) => key.endsWith(end)));
  if (failures.length > 0) {
    return { rule: 'nothing fails for good', message: `${failures[0]!.key}: ${failures[0]!.message}` };
  }
  const changes = cluster.resources.all.flatMap((type) => cluster.store.log(type).slice(before.get(type)));
  // Its half-hourly look may come only now: it puts a status right, and once.
  const unquiet = changes.filter(({ object }) => !world.overwritten.delete(object.metadata.uid!));
  if (unquiet.length > 0)
    return {
      rule: 'hooks go quiet',
      message: `${unquiet.length} changes in ${REST} seconds of rest, first of ${qualifiedName(unquiet[0]!.object.metadata)}`,
    };
  return (
    (layout.hasPools ? checkCalmPools(world) : undefined) ??
    (layout.hasIPAMClaims ? checkIPAMClaims(world) : undefined) ??
    (layout.hasNodes ? checkCalmNodes(world) : undefined)
  );
}
