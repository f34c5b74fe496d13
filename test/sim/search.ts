import * as assert from 'uvu/assert';
import { play } from '../../lib/sim/play.ts';
import type { Mutant } from './mutants.ts';

const STEPS = 300;
/** A mutant has to be found within so many worlds, unless it names the world that finds it. */
const WORLDS = 120;

export function expectFound({ what, subject, seed }: Mutant, domain: 'pools' | 'nodes'): void {
  const [from, to] = seed === undefined ? [0, WORLDS] : [seed, seed + 1];
  for (let world = from; world < to; world++) {
    if (play(world, STEPS, subject, { domain }).violation !== undefined) return;
  }
  assert.unreachable(`no world from ${from} to ${to} finds ${what}`);
}
