/** Plays worlds: from a seed, or again from a list of what happened. */

import { calmDown, type Tell } from './calm.ts';
import { Chaos } from './chaos.ts';
import { Invariants, type Violation } from './invariants.ts';
import type { Layout } from './layout.ts';
import { type LayoutOptions, layoutOf } from './layout.ts';
import type { Op } from './op.ts';
import { deleteTwins } from './users/by-hand.ts';
import { makeWell, setUp } from './users.ts';
import { type Subject, World } from './world.ts';

export interface Story {
  readonly layout: Layout;
  /** What happened until the violation, or to the end. */
  readonly ops: readonly Op[];
  readonly violation?: Violation;
  readonly world: World;
}

/** For which all goes well in a world that begins at rest. */
const REST_MS = 60_000;
const REST_STEPS = 1000;

/** A world of so many steps, and its end in calm. */
export function play(seed: number, steps: number, subject: Subject, options: LayoutOptions = {}): Story {
  const layout = layoutOf(seed, options);
  const world = new World(layout, subject);
  const chaos = new Chaos(world);
  const ops: Op[] = [];
  const invariants = new Invariants(world);
  const perform = (op: Op): Violation | undefined => {
    ops.push(op);
    const actor = world.perform(op);
    return actor && invariants.check(actor);
  };
  const scene = { world, random: chaos.random, layout };
  for (const op of setUp(scene)) perform(op);
  if (layout.beginsAtRest) {
    const deadline = world.now + REST_MS;
    for (let step = 0; step < REST_STEPS; step++) {
      const next = world.proceed(deadline);
      if (next === undefined) break;
      ops.push(next.op);
      const violation = invariants.check(next.actor);
      if (violation !== undefined) return { layout, ops, violation, world };
    }
  }
  for (let step = 0; step < steps; step++) {
    const violation = perform(chaos.next());
    if (violation !== undefined) return { layout, ops, violation, world };
  }
  if (layout.endsWell) for (const op of makeWell(scene)) perform(op);
  for (const op of deleteTwins(scene)) perform(op);
  return end(world, ops, invariants);
}

/** The same layout, but only these things happen. `tell` hears of each that could. */
export function replay(layout: Layout, ops: readonly Op[], subject: Subject, tell?: Tell): Story {
  const world = new World(layout, subject);
  const invariants = new Invariants(world);
  const done: Op[] = [];
  for (const op of ops) {
    const actor = world.perform(op);
    if (actor === undefined) continue;
    done.push(op);
    tell?.(op, world);
    const violation = invariants.check(actor);
    if (violation !== undefined) return { layout, ops: done, violation, world };
  }
  return end(world, done, invariants, tell);
}

function end(world: World, ops: readonly Op[], invariants: Invariants, tell?: Tell): Story {
  const violation = calmDown(world, invariants, tell);
  return { layout: world.layout, ops, ...(violation && { violation }), world };
}
