import { parseArgs } from 'node:util';
import { controllers } from '../../hooks/index.ts';
import { FAULTS, type FaultName } from './layout.ts';
import { describeOp } from './op.ts';
import { play, replay } from './play.ts';
import { shrink } from './shrink.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    steps: { type: 'string', default: '300' },
    time: { type: 'string' },
    faults: { type: 'string' },
    worlds: { type: 'string' },
    from: { type: 'string' },
    verbose: { type: 'boolean' },
    full: { type: 'boolean' },
  },
});
const subject = { hooks: controllers };
const steps = Number(values.steps);
const options = values.faults === undefined ? {} : { faults: values.faults.split(',') as FaultName[] };
void FAULTS;
if (values.seed !== undefined) {
  const story = play(Number(values.seed), steps, subject, options);
  console.log(story.violation ?? 'clean', story.ops.length);
  if (story.violation) {
    const short = values.full ? story : shrink(story, subject);
    console.log(short.ops.length, 'ops');
    replay(short.layout, short.ops, subject, (op, world) => {
      if (!values.verbose && 'process' in op && (op.process.startsWith('kube') || op.op === 'hear')) return;
      const step = world.lastStep;
      let what = '';
      if (step) {
        if (step.step.kind === 'hook')
          what = `hook ${step.step.call.hook} -> ${values.verbose ? JSON.stringify(step.result) : JSON.stringify((step.result as any).body ?? '').slice(0, 0)}`;
        else {
          const r = step.step.request;
          const { object, patch, ...rest } = r as any;
          const err = (step.result as any).error;
          what = `${r.verb} ${r.resource}${(r as any).subresource ? '/status' : ''} ${r.namespace ?? ''}/${r.name} -> ${err ? err.reason + ' ' + err.message : 'rv ' + (step.result as any).object.metadata.resourceVersion}`;
          if (values.verbose) what += ' ' + JSON.stringify(object?.spec ?? patch ?? '');
        }
      }
      console.log(
        `${((world.now - Date.UTC(2026, 0, 1)) / 1000).toFixed(1).padStart(7)}  ${describeOp(op)} ${what}`,
      );
    });
    console.log(short.violation);
    if (values.verbose)
      for (const o of short.world.cluster.objects())
        console.log(
          JSON.stringify({
            ...o,
            metadata: {
              ...o.metadata,
              annotations:
                o.metadata.annotations &&
                Object.fromEntries(
                  Object.entries(o.metadata.annotations).filter(([k]) => !k.startsWith('metacontroller')),
                ),
            },
          }),
        );
  }
} else {
  const from = Number(values.from ?? 0);
  const worlds = Number(values.worlds ?? 1000);
  const rules = new Map<string, number[]>();
  const t0 = Date.now();
  let syncs = 0,
    total = 0;
  for (let seed = from; seed < from + worlds; seed++) {
    const story = play(seed, steps, subject, options);
    total += story.ops.length;
    syncs += story.world.audit.calls;
    if (story.violation) {
      rules.set(story.violation.rule, [...(rules.get(story.violation.rule) ?? []), seed]);
      if (rules.get(story.violation.rule)!.length < 4)
        console.log(seed, story.ops.length, story.violation.rule, story.violation.message.slice(0, 300));
    }
  }
  console.log((Date.now() - t0) / 1000, 's', total, 'ops', syncs, 'hook calls');
  for (const [rule, seeds] of rules) console.log(rule, seeds.length, seeds.slice(0, 20).join(' '));
}
