/** What is kept for nobody, as `check` finds it, and how it is given up. */
import { overlaps, type Range } from '../address/range.ts';
import type { Deed } from '../janitor/deed.ts';
import { endOrphan, releaseEntries } from '../janitor/release.ts';
import type { KubernetesObject } from '../kubernetes/object.ts';
import type { HookContext } from '../metacontroller/hook.ts';
import { blockOf } from '../pool/block.ts';
import { orphanedAddresses } from './check/held-addresses.ts';
import { entriesOfNobody } from './check/slices.ts';
import { readInventory } from './inventory.ts';

/**
 * What frees IPAddresses and entries of slices whose claims or nodes are gone, in the order in which it is to be done:
 * an entry goes after its IPAddress. Each is looked up before it is done, so that what is young may be among them.
 *
 * @param ranges only what lies in one of them; everything if undefined
 */
export function leakDeeds(
  objects: Iterable<KubernetesObject>,
  ranges: readonly Range[] | undefined,
  context: HookContext,
): Deed[] {
  const inventory = readInventory(objects);
  const isMeant = (range: Range | undefined) =>
    ranges === undefined || (range !== undefined && ranges.some((each) => overlaps(each, range)));
  const entries = entriesOfNobody(inventory, 0, context.now).filter(({ block }) => isMeant(block));
  const bySlice = Map.groupBy(entries, ({ slice }) => slice);
  return [
    ...orphanedAddresses(inventory, context)
      .filter((address) => isMeant(blockOf(address)))
      .map((address) => endOrphan(address, context)),
    ...[...bySlice].map(([slice, allocations]) => releaseEntries(slice, allocations, context)),
  ];
}
