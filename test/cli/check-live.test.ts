/** check on a cluster that changes while it looks. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import check from '../../lib/cli/check.ts';
import type { KubernetesObject } from '../../lib/kubernetes/object.ts';
import { allocation, claim, pool } from '../inspect/objects.ts';
import { run } from './run.ts';
import { standIn } from './stand-in.ts';

let cluster: Awaited<ReturnType<typeof standIn>>;
/** What each list of all kinds gives, one after another; the last for ever. */
let states: KubernetesObject[][] = [];
/** How often each kind was listed. */
let lists = new Map<string, number>();

test.before(async () => {
  cluster = await standIn((request, response) => {
    const plural = new URL(request.url!, 'http://x').pathname.split('/').at(-1)!;
    const count = lists.get(plural) ?? 0;
    lists.set(plural, count + 1);
    const state = states[Math.min(count, states.length - 1)]!;
    const items = state.filter(({ kind }) => `${kind.toLowerCase()}s` === plural);
    const [{ apiVersion, kind } = { apiVersion: 'v1', kind: 'None' }] = items;
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify({ apiVersion, kind: `${kind}List`, metadata: {}, items }));
  });
});
test.after(() => cluster.close());

const checked = (...seen: KubernetesObject[][]) => {
  states = seen;
  lists = new Map();
  return run(check.run, ['--kubeconfig', cluster.kubeconfig, '--recheck', '0s', '-o', 'json']);
};
const POOL = pool('p', { addresses: ['10.0.0.0/24'], prefix: 24 });
const names = (out: string) => JSON.parse(out).findings.map(({ object }: { object: string }) => object);

test('an allocation whose claim has just gone is no leak, one that stays is', async () => {
  const [going, leaked] = [allocation('p', '10.0.0.1', 'a'), allocation('p', '10.0.0.2', 'b')];
  const passing = await checked([POOL, going], [POOL]);
  assert.equal([passing.code, names(passing.out), passing.err], [0, [], '']);
  const staying = await checked([POOL, going, leaked], [POOL, leaked]);
  assert.equal(
    [staying.code, names(staying.out)],
    [2, ['AllocationSlice default/p.10.0.0.2-32.shared (10.0.0.2)']],
  );
});

test('what appears meanwhile does not count; what is fine is looked at once', async () => {
  const { code } = await checked([POOL, claim('a', 'nowhere')], [POOL, allocation('p', '10.0.0.1', 'x')]);
  assert.is(code, 0);
  assert.is((await checked([POOL])).code, 0);
  assert.is(lists.get('allocationslices'), 1);
});

test.run();
