/** Pseudo-random numbers from a seed (splitmix32): the same seed gives the same sequence on every machine. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** An integer from 0 to 2^32 - 1. */
  next(): number {
    this.#state = (this.#state + 0x9e3779b9) >>> 0;
    return mix(this.#state);
  }

  /** An integer from 0 to `bound` - 1. */
  below(bound: number): number {
    return Math.floor((this.next() / 2 ** 32) * bound);
  }

  /** True with probability `p`. */
  chance(p: number): boolean {
    return this.next() < p * 2 ** 32;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }

  shuffle<T>(items: readonly T[]): T[] {
    const result = [...items];
    for (let i = result.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [result[i], result[j]] = [result[j] as T, result[i] as T];
    }
    return result;
  }
}

/** A bijection of 32-bit integers: different inputs never collide. */
function mix(value: number): number {
  let x = value;
  x = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
  x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
  return (x ^ (x >>> 15)) >>> 0;
}

/** The `count`-th UUID (version 4 in shape) of a seed. Unique for 2^32 counts. */
export function uuid(seed: number, count: number): string {
  const bytes = Buffer.alloc(16);
  let word = mix((count ^ mix((seed + 0x9e3779b9) >>> 0)) >>> 0);
  for (let offset = 0; offset < 16; offset += 4) {
    bytes.writeUInt32BE(word, offset);
    word = mix((word + 0x9e3779b9) >>> 0);
  }
  const hex = bytes.toString('hex');
  // One piece of memory: a template would keep all its parts.
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `4${hex.slice(13, 16)}`,
    `a${hex.slice(16, 19)}`,
    hex.slice(20),
  ].join('-');
}
