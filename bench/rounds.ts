import { median } from './statistics.ts';

const LEAST_ROUNDS = 5;
const MOST_ROUNDS = 40;
const WARM_UP_MILLISECONDS = 300;
const MILLISECONDS = 700;

/**
 * The medians of what `round` measures, each time the same number of things.
 *
 * Code that runs for the first time is slow in a way that a server which has run for a minute is not, so the
 * first rounds do not count.
 */
export async function rounds(round: () => Promise<number[]>): Promise<number[]> {
  const warmUpEnds = performance.now() + WARM_UP_MILLISECONDS;
  do await round();
  while (performance.now() < warmUpEnds);
  const results: number[][] = [];
  const ends = performance.now() + MILLISECONDS;
  while (results.length < LEAST_ROUNDS || (results.length < MOST_ROUNDS && performance.now() < ends)) {
    results.push(await round());
  }
  return results[0]!.map((_, index) => median(results.map((result) => result[index]!)));
}

/** So that no round pays for the garbage of the one before. */
export function runGarbageCollector(): void {
  if (globalThis.gc === undefined) throw new Error('run this with node --expose-gc');
  globalThis.gc();
}
