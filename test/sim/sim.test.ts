import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { controllers } from '../../hooks/index.ts';
import { DOMAINS, type LayoutOptions } from '../../sim/layout.ts';
import { heldIn } from '../../sim/model.ts';
import { describeOp } from '../../sim/op.ts';
import { play, replay } from '../../sim/play.ts';
import { shrink } from '../../sim/shrink.ts';
import { trace } from '../../sim/trace.ts';
import { POOL_MUTANTS } from './mutants.ts';
import { FIRST_FAULTS } from './search.ts';

const SUBJECT = { hooks: controllers };
const STEPS = 300;
const WORLDS = 150;
/** Worlds that once broke an invariant, whether the hooks or the world were wrong. */
const ONCE_BROKEN = [
  29, 781, 10096, 10730, 100898, 102655, 105530, 200077, 202600, 204353, 207113, 302694, 303370, 303789,
  400399, 401046, 403314, 600304, 705314, 706484, 709148, 709764, 801754, 805523, 1007287, 1008503, 2003336,
  5002737,
];

for (const domain of DOMAINS) {
  test(`every invariant holds in ${WORLDS} worlds of ${domain}`, () => {
    for (let seed = 0; seed < WORLDS; seed++) {
      const { violation } = play(seed, STEPS, SUBJECT, { domain });
      assert.is(
        violation,
        undefined,
        `npm run sim -- --seed ${seed} --domain ${domain}: ${violation?.message}`,
      );
    }
  });
}

test('every invariant holds in the worlds that broke one once', () => {
  for (const seed of ONCE_BROKEN) {
    const { violation } = play(seed, STEPS, SUBJECT, { faults: FIRST_FAULTS });
    const how = `npm run sim -- --seed ${seed} --faults ${FIRST_FAULTS}`;
    assert.is(violation, undefined, `${how}: ${violation?.message}`);
  }
});

/** The same with the faults that came later. */
const ONCE_BROKEN_LATER: readonly (LayoutOptions & { readonly seed: number })[] = [
  // A pool gave out what its neighbour had had before the move.
  { seed: 989904742, domain: 'pools', faults: [...FIRST_FAULTS, 'move'] },
  { seed: 1108619550 },
  { seed: 1379005204 },
  { seed: 1379005301 },
  // A claim whose Cluster was gone kept its pool waiting for an address that nobody knew.
  { seed: 60152 },
  // A slice was deleted by hand at the very moment by which every cache has to have heard that its pool lists it.
  { seed: 1444, domain: 'prefixes' },
  // A move took no time, so that the condition of a claim seemed to be of the new cluster.
  { seed: 912695 },
  // Applied on the server's side by a cache that had not heard of an entry, a slice lost it in its grace period.
  { seed: 910303 },
  // Of two Metacontrollers one did not ask for an IPAddress that the claim did not control yet: it seemed to be settled.
  { seed: 1201202 },
  // A pool that goes waits for a paused claim that says it has an address: the world did not.
  { seed: 1211176 },
  // One did not ask for it after a move, where the clock that told the time of the claim's condition was ahead.
  { seed: 10617319 },
  // A claim that had given its address back was made an IPAddress once more, by who had not heard of that.
  { seed: 10517066 },
  // Whether a claim is held up was to be looked up once more when its pool served it.
  { seed: 11077298 },
  // After a move to a paused pool it recorded its new uid beside the label of then: it looked settled, and was not.
  { seed: 436 },
  // What was applied for a Node that was gone landed on the PodCIDRClaim of the next of its name, which went with it.
  { seed: 20005939 },
  // Of two Metacontrollers one said that an IPAddress was gone of which it had not heard yet, and nobody looked again.
  { seed: 22044368 },
  // The mark of an IPAddress was taken off whose claim had two addresses: the janitor looked at the other.
  { seed: 43001688, domain: 'pools', without: [] },
  // An IPAddressClaim that was made again had two addresses, and its pool took that of its IPAddress back.
  { seed: 43004103, domain: 'ipam-claims', without: [] },
  // An IPAMClaim went on saying that its IPAddressClaim was missing.
  { seed: 43005698, domain: 'ipam-claims', without: [] },
  // What was deleted in the foreground stayed when what blocked it had lost its reference.
  { seed: 43000105, domain: 'ipam-claims', without: [] },
];

test('every invariant holds in the worlds that broke one once, of moves, late requests and replicas', () => {
  for (const { seed, ...options } of ONCE_BROKEN_LATER) {
    const { violation } = play(seed, STEPS, SUBJECT, { without: ['silence'], ...options });
    assert.is(violation, undefined, `world ${seed}: ${violation?.message}`);
  }
});

test('a seed is one world: it goes the same way every time, and so does the list of what happened', () => {
  for (const seed of [1, 2, 3]) {
    const [one, same] = [play(seed, STEPS, SUBJECT), play(seed, STEPS, SUBJECT)];
    assert.equal(one.ops.map(describeOp), same.ops.map(describeOp));
    assert.equal(one.world.cluster.objects(), same.world.cluster.objects());
    const again = replay(one.layout, one.ops, SUBJECT);
    assert.equal(again.world.cluster.objects(), one.world.cluster.objects());
  }
  assert.not.equal(play(1, STEPS, SUBJECT).ops, play(2, STEPS, SUBJECT).ops);
});

test('the worlds are troubled, and work gets done in them', () => {
  const troubles = new Set<string>();
  let [bound, served] = [0, 0];
  for (let seed = 0; seed < 60; seed++) {
    const { world } = play(seed, STEPS, SUBJECT);
    for (const trouble of world.troubles.keys()) troubles.add(trouble);
    bound += world.cluster.objects('IPAddress').length;
    served += heldIn(world.cluster).length;
  }
  assert.equal([...troubles].sort(), [
    'clock',
    'crash',
    'hook',
    'late',
    'lost',
    'move',
    'refused',
    'relist',
    'repeat',
    'replica',
    'silence',
    'user',
  ]);
  assert.ok(bound > 30 && served > 60, `${bound} IPAddresses, ${served} allocations`);
});

test('a failure is shrunk to the few steps that matter, which break the same invariant', () => {
  const { subject } = POOL_MUTANTS.find(({ what }) => what === 'a pool that gives out its gateway')!;
  for (let seed = 0; ; seed++) {
    const story = play(seed, STEPS, subject, { domain: 'pools' });
    if (story.violation === undefined) continue;
    const short = shrink(story, subject);
    assert.is(short.violation?.rule, story.violation.rule);
    assert.ok(short.ops.length < 30, `${short.ops.length} steps`);
    const lines = trace(short, subject);
    assert.ok(lines.some((line) => / user: creates IPAddressClaim /.test(line)));
    assert.ok(lines.some((line) => / (create|apply) allocationslices /.test(line)));
    return;
  }
});

test('a world without faults has none', () => {
  for (let seed = 0; seed < 20; seed++) {
    const { world, violation } = play(seed, STEPS, SUBJECT, { faults: [] });
    assert.is(violation, undefined);
    assert.equal([...world.troubles.keys()], ['user']);
  }
});

test.run();
