import { FAMILY_BITS, type Family } from '../address/address.ts';
import { type Block, overlaps, type Prefix, type Range } from '../address/range.ts';
import { RangeSet } from '../address/range-set.ts';

/** Gathers the blocks that a pool must not give out, and who has each. */
export class BlocksInUse {
  readonly #own: Prefix[] = [];
  readonly #others: Prefix[] = [];
  /** By the length of a block and its number: of bigints V8 hashes the low half alone, in which /64s do not differ. */
  readonly #holders: Record<Family, Map<number, Map<bigint, string>>> = { 4: new Map(), 6: new Map() };
  readonly #blocked: { readonly range: Range; readonly by: string }[] = [];

  /** `holder` for the end of a message: `IPAddressClaim default/web-0`. Who is there first stays. */
  add(block: Block, holder: string): void {
    if (!isPrefix(block)) this.block(block, holder);
    else if (this.#hold(block, holder)) this.#own.push(block);
  }

  /** Of another pool. */
  addForeign(block: Block, holder: string): void {
    if (!isPrefix(block)) this.block(block, holder);
    else if (this.#hold(block, holder)) this.#others.push(block);
  }

  #hold({ family, length, first }: Prefix, holder: string): boolean {
    const number = first >> hostBits(family, length);
    let holders = this.#holders[family].get(length);
    if (holders === undefined) {
      holders = new Map();
      this.#holders[family].set(length, holders);
    }
    if (holders.has(number)) return false;
    holders.set(number, holder);
    return true;
  }

  /** Nothing of the range can be given out, whoever has what of it. */
  block(range: Range, by: string): void {
    this.#blocked.push({ range, by });
  }

  /** Who has any of the block, or what keeps it from being given out. */
  holderOf(block: Block): string | undefined {
    const { family, first, last } = block;
    for (const [length, holders] of this.#holders[family]) {
      const bits = hostBits(family, length);
      if (block.length !== undefined && length <= block.length) {
        const holder = holders.get(first >> bits);
        if (holder !== undefined) return holder;
        continue;
      }
      const [lowest, highest] = [first >> bits, last >> bits];
      for (const [number, holder] of holders) if (lowest <= number && number <= highest) return holder;
    }
    return this.#blocked.find(({ range }) => overlaps(range, block))?.by;
  }

  /** Those that are the pool's. */
  get own(): readonly Prefix[] {
    return this.#own;
  }

  /** All that cannot be given out: what anybody has, and the ranges that are blocked. */
  toSet(): RangeSet {
    return RangeSet.of([...this.#own, ...this.#others, ...this.#blocked.map(({ range }) => range)]);
  }
}

/** No pool gives out anything else; somebody may have written it. */
function isPrefix(block: Block): block is Prefix {
  return block.length !== undefined;
}

function hostBits(family: Family, length: number): bigint {
  return BigInt(FAMILY_BITS[family] - length);
}
