import * as assert from 'uvu/assert';
import { type Domain, FAULTS, type FaultName } from '../../sim/layout.ts';
import { play } from '../../sim/play.ts';
import type { Mutant } from './mutants.ts';

const STEPS = 300;
/** The faults that there were first: with these, seeds that were named then are the worlds they were. */
export const FIRST_FAULTS: readonly FaultName[] = FAULTS.slice(0, FAULTS.indexOf('late'));
/** A mutant has to be found within so many worlds, unless it names the world that finds it. */
const WORLDS = 120;

export function expectFound({ what, subject, seed, faults = FIRST_FAULTS }: Mutant, domain: Domain): void {
  const [from, to] = seed === undefined ? [0, WORLDS] : [seed, seed + 1];
  for (let world = from; world < to; world++) {
    if (play(world, STEPS, subject, { domain, faults }).violation !== undefined) return;
  }
  assert.unreachable(`no world from ${from} to ${to} finds ${what}`);
}
