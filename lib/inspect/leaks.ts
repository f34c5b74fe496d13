/** What is kept for nobody, as `check` finds it, and how it is given up. */
import { overlaps, type Range } from '../address/range.ts';
import { keyOf } from '../allocation/slice.ts';
import type { Deed } from '../janitor/deed.ts';
import { endOrphan, releaseEntries } from '../janitor/release.ts';
import { type KubernetesObject, titleOf } from '../kubernetes/object.ts';
import type { HookContext } from '../metacontroller/hook.ts';
import { blockOf } from '../pool/block.ts';
import { orphanedAddresses } from './check/held-addresses.ts';
import { entriesOfNobody } from './check/slices.ts';
import { readInventory } from './inventory.ts';

/** What frees addresses, and which. */
interface Leak extends Deed {
  /** What it changes: `IPAddress default/web-0`. */
  readonly object: string;
  /** `10.0.0.7`, or `10.244.3.0/24` of a block or prefix. */
  readonly addresses: readonly string[];
}

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
): Leak[] {
  const inventory = readInventory(objects);
  const isMeant = (range: Range | undefined) =>
    ranges === undefined || (range !== undefined && ranges.some((each) => overlaps(each, range)));
  const entries = entriesOfNobody(inventory, 0, context.now).filter(({ block }) => isMeant(block));
  const bySlice = Map.groupBy(entries, ({ slice }) => slice);
  return [
    ...orphanedAddresses(inventory, context).flatMap((address): Leak[] => {
      const block = blockOf(address);
      if (!isMeant(block)) return [];
      const addresses = [block === undefined ? address.spec.address : keyOf(block)];
      return [{ ...endOrphan(address, context), object: titleOf(address), addresses }];
    }),
    ...[...bySlice].map(([slice, allocations]) => ({
      ...releaseEntries(slice, allocations, context),
      object: titleOf(slice),
      addresses: allocations.map(({ key }) => key),
    })),
  ];
}
