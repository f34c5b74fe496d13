import { type Address, type Family, parseAddress } from '../address/address.ts';
import { type Range, rangeOf } from '../address/range.ts';
import { RangeSet } from '../address/range-set.ts';
import { type KubernetesObject, qualifiedName } from '../kubernetes/object.ts';
import type { IPAllocation } from '../kubernetes/types.ts';

/** Gathers the addresses that a pool must not give out, and who has each. */
export class AddressesInUse {
  readonly #ranges: Range[] = [];
  readonly #holders: Record<Family, Map<bigint, KubernetesObject>> = { 4: new Map(), 6: new Map() };
  readonly #leftovers = new Set<KubernetesObject>();

  /** Counts the address of an IPAllocation or IPAddress; one that does not parse is nobody's. */
  addText(text: string | undefined, holder: KubernetesObject): void {
    const address = text === undefined ? undefined : parseAddress(text);
    if (address !== undefined) this.add(address, holder);
  }

  /** Counts the address of an allocation that an earlier pool has left behind. */
  addLeftover(allocation: IPAllocation): void {
    this.#leftovers.add(allocation);
    this.addText(allocation.spec.address, allocation);
  }

  add(address: Address, holder: KubernetesObject): void {
    const holders = this.#holders[address.family];
    if (holders.has(address.value)) return;
    holders.set(address.value, holder);
    this.#ranges.push(rangeOf(address));
  }

  /** Who has the address, for the end of a message: `IPAddressClaim default/web-0`. */
  holderOf({ family, value }: Address): string | undefined {
    const holder = this.#holders[family].get(value);
    if (holder === undefined) return undefined;
    if (this.#leftovers.has(holder)) {
      return `IPAllocation ${qualifiedName(holder.metadata)}, which an earlier pool of this name left: delete it`;
    }
    const { kind, ...meta } =
      holder.kind === 'IPAllocation'
        ? (holder as IPAllocation).spec.claimRef
        : { kind: holder.kind, ...holder.metadata };
    return `${kind} ${qualifiedName(meta)}`;
  }

  toSet(): RangeSet {
    return RangeSet.of(this.#ranges);
  }
}
