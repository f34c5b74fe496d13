/** Pictures that were drawn for a visitor, so that drawing takes little of the time that hooks could have. */

/** A picture that took a millisecond to make is not made again for so many. */
const PATIENCE = 50;

interface Drawn<P> {
  readonly value: P;
  readonly milliseconds: number;
  /** By the monotonic clock. */
  readonly madeAt: number;
  readonly isOf: object;
}

export class PictureCache<T extends object, P> {
  readonly #drawn = new Map<string, Drawn<P>>();
  readonly #most: number;
  readonly #elapsed: () => number;

  /**
   * @param most how many pictures to keep: those that were looked at last
   * @param elapsed a monotonic clock, in milliseconds
   */
  constructor(most: number, elapsed: () => number) {
    this.#most = most;
    this.#elapsed = elapsed;
  }

  /**
   * The picture of `seen`, or an older one of the same key: while a new one would be too dear, and after the
   * deadline. Undefined if there is none then.
   */
  get(key: string, seen: T, deadline: number, draw: (seen: T) => P): P | undefined {
    const startedAt = this.#elapsed();
    let drawn = this.#drawn.get(key);
    this.#drawn.delete(key);
    const isYoung = drawn !== undefined && startedAt - drawn.madeAt < PATIENCE * drawn.milliseconds;
    if (drawn?.isOf !== seen && !isYoung && startedAt < deadline) {
      const value = draw(seen);
      const madeAt = this.#elapsed();
      drawn = { value, milliseconds: madeAt - startedAt, madeAt, isOf: seen };
    }
    if (drawn === undefined) return undefined;
    this.#drawn.set(key, drawn);
    const [oldest] = this.#drawn.keys();
    if (this.#drawn.size > this.#most && oldest !== undefined) this.#drawn.delete(oldest);
    return drawn.value;
  }
}
