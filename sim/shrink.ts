/** Makes a failing story short: leaves out whatever the failure does not need. */
import type { Op } from './op.ts';
import { replay, type Story } from './play.ts';
import type { Subject } from './world.ts';

/** A story that breaks the same rule, of which no part can be left out that was tried. */
export function shrink(story: Story, subject: Subject, deadline = performance.now() + 60_000): Story {
  const rule = story.violation?.rule;
  if (rule === undefined) return story;
  const attempt = (ops: readonly Op[]): Story | undefined => {
    const shorter = replay(story.layout, ops, subject);
    return shorter.violation?.rule === rule ? shorter : undefined;
  };
  let best = attempt(story.ops);
  if (best === undefined) return story;
  for (let size = best.ops.length >> 1; size >= 1; ) {
    let found = false;
    for (let from = best.ops.length - size; from > -size; from -= size) {
      if (performance.now() > deadline) return best;
      const start = Math.max(0, from);
      const shorter: Story | undefined = attempt(best.ops.toSpliced(start, from + size - start));
      if (shorter === undefined) continue;
      best = shorter;
      found = true;
    }
    if (!found || size > 1) size = size === 1 ? 0 : size >> 1;
  }
  return best;
}
