/** A story as lines for people: when, who did what, and what the API server or the hook said. */
import type { ExecutedStep } from '../lib/engine/cluster.ts';
import { qualifiedName } from '../lib/kubernetes/object.ts';
import { describeOp } from './op.ts';
import { replay, type Story } from './play.ts';
import { COLLECTOR, type Subject } from './world.ts';

/** What happened in a story up to its violation, without what caches hear and the garbage collector does. */
export function trace(story: Story, subject: Subject): string[] {
  const lines: string[] = [];
  let began: number | undefined;
  replay(story.layout, story.ops, subject, (op, world) => {
    began ??= world.now;
    if (op.op === 'hear' || ('process' in op && op.process === COLLECTOR)) return;
    const seconds = ((world.now - began) / 1000).toFixed(1).padStart(7);
    const answer = world.lastStep === undefined ? '' : ` ${describeStep(world.lastStep)}`;
    lines.push(`${seconds}  ${describeOp(op)}${answer}`);
  });
  return lines;
}

function describeStep({ step, result }: ExecutedStep): string {
  if (step.kind === 'hook') return `${step.call.hook} hook`;
  const { request } = step;
  const status = 'subresource' in request ? `/${request.subresource}` : '';
  const what = `${request.verb} ${request.resource}${status} ${qualifiedName({ namespace: '', ...defined(request) })}`;
  if ('error' in result && result.error !== undefined) return `${what}: ${result.error.message}`;
  const { resourceVersion } = ('object' in result && result.object?.metadata) || {};
  return request.verb === 'get' ? what : `${what} → ${resourceVersion}`;
}

function defined({ name, namespace }: { name: string; namespace?: string | undefined }) {
  return namespace === undefined ? { name } : { name, namespace };
}
