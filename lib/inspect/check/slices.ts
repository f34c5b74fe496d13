/** AllocationSlices that are missing, that nobody keeps any more, and what they keep for nobody. */
import { secondsHeld, secondsSince } from '../../allocation/hold.ts';
import { SLICES_MISSING } from '../../allocation/lost.ts';
import { type Allocation, isMisnamed } from '../../allocation/slice.ts';
import { isPaused, qualifiedName, titleOf } from '../../kubernetes/object.ts';
import type { PodNetwork } from '../../kubernetes/types.ts';
import type { HookConfig, HookContext } from '../../metacontroller/hook.ts';
import { isRemembering } from '../../pool/history.ts';
import { type Pool, readPool, sliceNamespace } from '../../pool/pool.ts';
import { PROGRAM } from '../../program.ts';
import { listSome, plural } from '../../text.ts';
import type { Inventory } from '../inventory.ts';
import {
  entryTitle,
  type Finding,
  holderKind,
  holderTitle,
  kubectl,
  namespacesOf,
  PATIENCE_SECONDS,
} from './finding.ts';

type Keeper = Pool | PodNetwork;

/** The names that pools and networks list and that no slice has. */
export function missingSlices(
  { pools, networks, slices }: Pick<Inventory, 'pools' | 'networks' | 'slices'>,
  { installNamespace }: HookConfig,
): Map<Keeper, string[]> {
  const known = new Set(slices.map(({ metadata }) => qualifiedName(metadata)));
  const missing = new Map<Keeper, string[]>();
  for (const keeper of [...pools, ...networks]) {
    const namespace = namespaceOfSlices(keeper, installNamespace);
    const names = (keeper.status?.slices ?? []).filter((name) => !known.has(`${namespace}/${name}`));
    if (names.length > 0) missing.set(keeper, names);
  }
  return missing;
}

function namespaceOfSlices(keeper: Keeper, installNamespace: string): string {
  return isPool(keeper) ? sliceNamespace(keeper, installNamespace) : installNamespace;
}

function isPool(keeper: Keeper): keeper is Pool {
  return keeper.kind !== 'PodNetwork';
}

/** Slices that somebody deleted and that nobody has made again. */
export function* unrestoredSlices(inventory: Inventory, { now, config }: HookContext): Generator<Finding> {
  for (const [keeper, names] of missingSlices(inventory, config)) {
    const since = keeper.status?.conditions?.find(({ type }) => type === SLICES_MISSING)?.lastTransitionTime;
    if (secondsSince(since, now) < PATIENCE_SECONDS + config.cacheLagSeconds) continue;
    const [pieces, them] = names.length === 1 ? ['its piece', 'it'] : ['their pieces', 'them'];
    yield {
      check: 'lost-slice',
      severity: 'error',
      object: titleOf(keeper),
      namespaces: namespacesOf(keeper.metadata, {
        namespace: namespaceOfSlices(keeper, config.installNamespace),
      }),
      message: `misses ${plural(names.length, 'AllocationSlice')}: ${listSome(names)}: nothing is given out of ${pieces}`,
      fix: `${PROGRAM} doctor  # a running metaipam makes ${them} again`,
    };
  }
}

/** Slices of pools and networks that were deleted, restored or moved here: they keep their names from others. */
export function* leftoverSlices(inventory: Inventory): Generator<Finding> {
  const keepers = keepersOf(inventory);
  for (const slice of inventory.slices) {
    const { kind, name, uid } = slice.spec.poolRef;
    if (slice.metadata.deletionTimestamp !== undefined || keepers.has(uid) || isMisnamed(slice)) continue;
    const count = Object.keys(slice.spec.entries ?? {}).length;
    yield {
      check: 'leftover-slice',
      severity: 'warning',
      object: titleOf(slice),
      namespaces: namespacesOf(slice.metadata),
      message: `there is no ${kind} ${name} of uid ${uid}: ${count === 0 ? 'it says nothing any more' : `nobody else is given what it lists (${count})`}`,
      fix: `${kubectl('delete', slice)}  # pools know what is in use by the IPAddresses`,
    };
  }
}

/** Slices that somebody made by hand: pools and networks know theirs by the names of their pieces. */
export function* misnamedSlices({ slices }: Inventory): Generator<Finding> {
  for (const slice of slices.filter(isMisnamed)) {
    const count = Object.keys(slice.spec.entries ?? {}).length;
    yield {
      check: 'misnamed-slice',
      severity: 'warning',
      object: titleOf(slice),
      namespaces: namespacesOf(slice.metadata),
      message: `does not have the name of its piece ${slice.spec.cidr}: what it lists (${count}) counts for nobody, and is given to nobody`,
      fix: kubectl('delete', slice),
    };
  }
}

function keepersOf({ pools, networks }: Inventory): Map<string, Keeper> {
  return new Map(
    [...pools, ...networks].map((keeper): [string, Keeper] => [keeper.metadata.uid ?? '', keeper]),
  );
}

/** What should have been given up with its claim or node, or be free again. */
export function* leakedAllocations(inventory: Inventory, { now, config }: HookContext): Generator<Finding> {
  const patience = PATIENCE_SECONDS + config.cacheLagSeconds;
  const keepers = keepersOf(inventory);
  for (const allocation of inventory.allocations) {
    const { slice, key, entry } = allocation;
    const keeper = keepers.get(slice.spec.poolRef.uid);
    if (keeper === undefined || slice.metadata.deletionTimestamp !== undefined) continue;
    const grace = gracePeriodOf(keeper);
    if (entry.released === undefined || grace === undefined) continue;
    if (secondsHeld(entry.released, grace + patience, now) > 0) continue;
    yield {
      check: 'leaked-allocation',
      severity: 'warning',
      object: entryTitle(allocation),
      namespaces: namespacesOf(slice.metadata, entry),
      message: `${holderTitle(allocation)} gave up ${key} at ${entry.released}: it should be free again`,
      fix: `${PROGRAM} doctor`,
    };
  }
  for (const allocation of entriesOfNobody(inventory, patience, now)) {
    const keeper = keepers.get(allocation.slice.spec.poolRef.uid)!;
    yield {
      check: 'leaked-allocation',
      severity: 'error',
      object: entryTitle(allocation),
      namespaces: namespacesOf(allocation.slice.metadata, allocation.entry),
      message: `${holderTitle(allocation)} is gone${isPaused(keeper) ? `, and ${titleOf(keeper)} is paused` : ''}: ${allocation.key} cannot be given to anybody`,
      fix: `${PROGRAM} release ${allocation.key}  # ${PROGRAM} doctor says why nobody has`,
    };
  }
}

/**
 * Entries that nobody has given up although their claim or node is gone.
 *
 * @param youngest age in seconds below which the claim or node may not be in view yet
 */
export function entriesOfNobody(inventory: Inventory, youngest: number, now: number): Allocation[] {
  const keepers = keepersOf(inventory);
  const claims = new Set(inventory.claims.map(({ metadata }) => metadata.uid));
  const nodes = new Set(inventory.nodes.map(({ metadata }) => metadata.uid));
  return inventory.allocations.filter((allocation) => {
    const { entry, slice } = allocation;
    const { deletionTimestamp, creationTimestamp } = slice.metadata;
    if (entry.released !== undefined || deletionTimestamp !== undefined) return false;
    if (!keepers.has(slice.spec.poolRef.uid) || isHolderThere(allocation, claims, nodes)) return false;
    return secondsSince(entry.since ?? creationTimestamp, now) >= youngest;
  });
}

function isHolderThere(
  allocation: Allocation,
  claims: ReadonlySet<string | undefined>,
  nodes: ReadonlySet<string | undefined>,
): boolean {
  const { uid } = allocation.entry;
  return holderKind(allocation) === 'Node' ? nodes.has(uid) : claims.has(uid);
}

/** Undefined while nobody can tell, and of a pool in which an entry may stay for as long as it likes. */
function gracePeriodOf(keeper: Keeper): number | undefined {
  if (!isPool(keeper)) return keeper.spec.reuseGracePeriodSeconds ?? 0;
  return isRemembering(keeper) ? undefined : readPool(keeper).ranges?.reuseGracePeriodSeconds;
}
