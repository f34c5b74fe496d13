import { type Address, type Family, parseAddress } from '../address/address.ts';
import { overlaps, type Range, rangeOf } from '../address/range.ts';
import { RangeSet } from '../address/range-set.ts';

/** Gathers the addresses that a pool must not give out, and who has each. */
export class AddressesInUse {
  readonly #ranges: Range[] = [];
  readonly #holders: Record<Family, Map<bigint, string>> = { 4: new Map(), 6: new Map() };
  readonly #blocked: { readonly range: Range; readonly by: string }[] = [];

  /** Counts the address of an IPAddress; one that does not parse is nobody's. */
  addText(text: string | undefined, holder: string): void {
    const address = text === undefined ? undefined : parseAddress(text);
    if (address !== undefined) this.add(address, holder);
  }

  /** `holder` for the end of a message: `IPAddressClaim default/web-0`. Who is there first stays. */
  add(address: Address, holder: string): void {
    const holders = this.#holders[address.family];
    if (holders.has(address.value)) return;
    holders.set(address.value, holder);
    this.#ranges.push(rangeOf(address));
  }

  /** Nothing of the range can be given out, whoever has what of it. */
  block(range: Range, by: string): void {
    this.#blocked.push({ range, by });
  }

  /** Who has the address, or what keeps it from being given out. */
  holderOf(address: Address): string | undefined {
    const blocked = this.#blocked.find(({ range }) => overlaps(range, rangeOf(address)));
    return this.#holders[address.family].get(address.value) ?? blocked?.by;
  }

  /** The addresses that somebody has. */
  toSet(): RangeSet {
    return RangeSet.of(this.#ranges);
  }

  /** Those, and the ranges that are blocked. */
  withBlocked(): RangeSet {
    return RangeSet.of([...this.#ranges, ...this.#blocked.map(({ range }) => range)]);
  }
}
