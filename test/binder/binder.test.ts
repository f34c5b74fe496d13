import { ApiException } from '@kubernetes/client-node';
import { Registry } from 'prom-client';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Binder, type BinderClient, type BinderOptions } from '../../lib/binder/binder.ts';
import { BinderMetrics } from '../../lib/binder/binder-metrics.ts';
import type { NodeEvent } from '../../lib/cluster/cluster-client.ts';
import type { Node } from '../../lib/kubernetes/core-types.ts';
import type { AllocationSlice, ClusterCIDR } from '../../lib/kubernetes/types.ts';
import { createLogger } from '../../lib/server/log.ts';
import { allocation, clusterCIDR, type Given, slicesOf } from '../pod-network/objects.ts';
import { FakeTime } from './fake-time.ts';
import { node } from './objects.ts';

interface Patch {
  readonly uid: string;
  readonly podCIDRs: readonly string[];
  readonly at: number;
}

const NODES = '/api/v1/nodes';
const SLICES = '/apis/metaipam.io/v1alpha1/namespaces/metaipam-system/allocationslices';
const CLUSTER_CIDRS = '/apis/networking.x-k8s.io/v1/clustercidrs';

/**
 * What becomes of one patch: `lost` before or after the server did it, refused with a status, or held until
 * `release`.
 */
type Fate = 'done' | 'lost before' | 'lost after' | number | Promise<unknown>;

/** An API server whose watches lag until `show`, unless `shows` is on. */
class FakeCluster implements BinderClient {
  readonly time = new FakeTime();
  readonly patches: Patch[] = [];
  readonly events: (NodeEvent & { node: string })[] = [];
  readonly reads: string[] = [];
  readonly nodes = new Map<string, Node>();
  fates: Fate[] = [];
  readonly registry = new Registry();
  readFails = false;
  eventsFail = false;
  /** Whether the watch delivers at once. */
  shows = true;
  /** Paths of the caches that are not filled. */
  readonly unsynced = new Set<string>();
  /** How often all nodes were looked at, and how long that takes, in milliseconds. */
  looks = 0;
  lookTakes = 0;
  running = 0;
  mostRunning = 0;
  #seen: Node[] = [];
  #slices: AllocationSlice[] = [];
  #clusterCIDRs: ClusterCIDR[] = [clusterCIDR('all', { ipv4: '10.0.0.0/16' })];
  #watchers: (() => void)[] = [];
  #stop = new AbortController();
  readonly #binder: Binder;
  finished: Promise<void> = Promise.resolve();
  leads = true;

  constructor(options: Partial<BinderOptions> = {}) {
    const log = createLogger({ level: 'fatal', format: 'json' }, { write() {} });
    const metrics = new BinderMetrics(this.registry);
    const passing = this.time.clock();
    const clock = { ...passing, monotonic: () => passing.monotonic() + this.looks * this.lookTakes };
    this.#binder = new Binder(
      this,
      { installNamespace: 'metaipam-system', concurrency: 30, qps: 1000, ...options },
      metrics,
      log,
      clock,
    );
    this.beginTerm();
  }

  beginTerm(): void {
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    this.finished = this.#binder.run({ signal, holds: () => this.leads && !signal.aborted });
  }

  get synced(): boolean {
    return this.#binder.synced;
  }

  endTerm(): void {
    this.#stop.abort();
  }

  add(...nodes: Node[]): void {
    for (const each of nodes) this.nodes.set(each.metadata.name, each);
    this.show();
  }

  remove(name: string): void {
    this.nodes.delete(name);
    this.show();
  }

  /** Replaces all slices. */
  allocate(...allocations: Given[]): void {
    this.#slices = slicesOf(allocations);
    this.changed();
  }

  set clusterCIDRs(clusterCIDRs: ClusterCIDR[]) {
    this.#clusterCIDRs = clusterCIDRs;
    this.changed();
  }

  /** The watch catches up. */
  show(): void {
    this.#seen = [...this.nodes.values()];
    this.changed();
  }

  changed(): void {
    for (const watcher of this.#watchers) watcher();
  }

  /** Node name → podCIDRs, as the API server has them. */
  bound(): Record<string, string> {
    const nodes = [...this.nodes.values()].filter(({ spec }) => spec?.podCIDRs?.length);
    return Object.fromEntries(nodes.map(({ metadata, spec }) => [metadata.name, spec!.podCIDRs!.join()]));
  }

  reasons(): string[] {
    return this.events.map(({ node: name, type, reason }) => {
      assert.is(type, reason === 'CIDRAssignmentFailed' ? 'Warning' : 'Normal');
      return `${name} ${reason}`;
    });
  }

  watch<T extends object>(path: string, selector: string | undefined, onChange: () => void) {
    assert.is(selector, path === SLICES ? 'metaipam.io/network=default' : undefined);
    this.#watchers.push(onChange);
    const cluster = this;
    return {
      list: () => cluster.#list(path) as readonly T[],
      get synced() {
        return !cluster.unsynced.has(path);
      },
    };
  }

  #list(path: string): readonly object[] {
    if (path === SLICES) return this.#slices;
    if (path === CLUSTER_CIDRS) return this.#clusterCIDRs;
    assert.is(path, NODES);
    this.looks++;
    return this.#seen;
  }

  async readNode(name: string): Promise<Node | undefined> {
    this.reads.push(name);
    if (this.readFails) throw new Error('unreachable');
    return this.nodes.get(name);
  }

  async patchPodCIDRs({ metadata }: Node, podCIDRs: readonly string[], signal: AbortSignal): Promise<void> {
    const { name, uid = '' } = metadata;
    this.patches.push({ uid, podCIDRs, at: this.time.now });
    this.running++;
    this.mostRunning = Math.max(this.mostRunning, this.running);
    try {
      const fate = this.fates.shift() ?? 'done';
      if (fate instanceof Promise) {
        const aborted = new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(new Error('aborted')));
        });
        await Promise.race([fate, aborted]);
      }
      if (fate === 'lost before') throw new Error('timed out');
      const status = typeof fate === 'number' ? fate : this.#refusal(name, uid);
      if (status !== undefined)
        throw new ApiException(status, 'refused', { message: `because ${status}` }, {});
      this.nodes.set(name, node(name, podCIDRs, { uid }));
      if (this.shows) this.show();
      if (fate === 'lost after') throw new Error('timed out');
    } finally {
      this.running--;
    }
  }

  #refusal(name: string, uid: string): number | undefined {
    const live = this.nodes.get(name);
    if (live === undefined) return 404;
    if (live.metadata.uid !== uid) return 409;
    return live.spec?.podCIDRs?.length ? 422 : undefined;
  }

  async createNodeEvent({ metadata }: Node, event: NodeEvent): Promise<void> {
    if (this.eventsFail) throw new Error('unreachable');
    this.events.push({ node: metadata.name, ...event });
  }
}

/** Ends the term and checks that the binder stops. */
async function end(cluster: FakeCluster): Promise<void> {
  cluster.endTerm();
  await cluster.time.pass(0);
  await cluster.finished;
}

test('one patch for each node, all blocks at once, and one event', async () => {
  const cluster = new FakeCluster();
  const blocks = ['10.0.0.0/24', 'fd00::/120'];
  cluster.add(node('a'), node('b'));
  cluster.allocate(
    ...blocks.map((cidr) => allocation('a', cidr, { blocks })),
    allocation('b', '10.0.1.0/24'),
  );
  await cluster.time.pass(60_000);
  assert.equal(cluster.bound(), { a: blocks.join(), b: '10.0.1.0/24' });
  assert.is(cluster.patches.length, 2);
  assert.equal(cluster.reasons(), ['a CIDRAssigned', 'b CIDRAssigned']);
  assert.is(cluster.events[0]!.message, 'Node a was assigned 10.0.0.0/24, fd00::/120');
  await end(cluster);
});

test('one patch also while the watch does not show it for minutes', async () => {
  const cluster = new FakeCluster();
  cluster.shows = false;
  cluster.add(node('a'));
  cluster.allocate(allocation('a', '10.0.0.0/24'));
  for (let round = 0; round < 20; round++) {
    cluster.changed();
    await cluster.time.pass(15_000);
  }
  assert.is(cluster.patches.length, 1);
  await end(cluster);
});

for (const path of [NODES, SLICES, CLUSTER_CIDRS]) {
  test(`nothing is decided before all caches are filled: ${path}`, async () => {
    const cluster = new FakeCluster();
    cluster.unsynced.add(path);
    cluster.add(node('a'));
    cluster.allocate(allocation('a', '10.0.0.0/24'));
    await cluster.time.pass(60_000);
    assert.not(cluster.synced);
    assert.equal(cluster.patches, []);
    cluster.unsynced.clear();
    cluster.changed();
    await cluster.time.pass(100);
    assert.is(cluster.patches.length, 1);
    await end(cluster);
    assert.not(cluster.synced);
  });
}

test('F14 a patch that timed out but landed is not sent again, nor its block to another node', async () => {
  const cluster = new FakeCluster();
  cluster.shows = false;
  cluster.fates = ['lost after'];
  cluster.add(node('a'), node('b'));
  cluster.allocate(allocation('a', '10.0.0.0/24'));
  await cluster.time.pass(1_000);
  cluster.allocate(allocation('b', '10.0.0.0/24'));
  await cluster.time.pass(60_000);
  assert.equal(cluster.bound(), { a: '10.0.0.0/24' });
  assert.is(cluster.patches.length, 1);
  assert.equal(cluster.reads, ['a']);
  assert.match(cluster.events.at(-1)!.message, '10.0.0.0/24 overlaps the podCIDRs of another node');
  cluster.show();
  await cluster.time.pass(60_000);
  assert.is(cluster.patches.length, 1);
  await end(cluster);
});

test('a patch that timed out and did not land is sent again as it was, whatever is decided by then', async () => {
  const cluster = new FakeCluster();
  cluster.fates = ['lost before', 'lost before'];
  cluster.add(node('a'));
  cluster.allocate(allocation('a', '10.0.0.0/24'));
  await cluster.time.pass(200);
  cluster.allocate(allocation('a', '10.0.9.0/24'));
  await cluster.time.pass(60_000);
  assert.equal(
    cluster.patches.map(({ podCIDRs }) => podCIDRs.join()),
    ['10.0.0.0/24', '10.0.0.0/24', '10.0.0.0/24'],
  );
  assert.equal(cluster.bound(), { a: '10.0.0.0/24' });
  assert.equal(
    cluster.patches.map(({ at }) => at - cluster.patches[0]!.at),
    [0, 1_000, 3_000],
  );
  await end(cluster);
});

test('while nobody can tell whether it landed, it is sent again as it was', async () => {
  const cluster = new FakeCluster();
  cluster.fates = ['lost before'];
  cluster.readFails = true;
  cluster.add(node('a'));
  cluster.allocate(allocation('a', '10.0.0.0/24'));
  await cluster.time.pass(5_000);
  assert.is(cluster.patches.length, 2);
  assert.equal(cluster.bound(), { a: '10.0.0.0/24' });
  await end(cluster);
});

test('an outage is waited for, at most 30 s between two tries', async () => {
  const cluster = new FakeCluster();
  cluster.fates = Array.from({ length: 12 }, () => 'lost before' as const);
  cluster.add(node('a'));
  cluster.allocate(allocation('a', '10.0.0.0/24'));
  await cluster.time.pass(400_000);
  assert.equal(cluster.bound(), { a: '10.0.0.0/24' });
  const gaps = cluster.patches.slice(1).map(({ at }, index) => at - cluster.patches[index]!.at);
  assert.equal(
    gaps,
    [1, 2, 4, 8, 16, 30, 30, 30, 30, 30, 30, 30].map((seconds) => seconds * 1000),
  );
  await end(cluster);
});

test('after a lost patch the node is replaced by a namesake: the namesake gets its own blocks only', async () => {
  const cluster = new FakeCluster();
  cluster.fates = [cluster.time.sleep(500).then(() => Promise.reject(new Error('timed out')))];
  cluster.add(node('a'));
  cluster.allocate(allocation('a', '10.0.0.0/24'));
  const next = node('a', undefined, { uid: 'uid-next' });
  await cluster.time.pass(100);
  assert.is(cluster.patches.length, 1);
  cluster.nodes.set('a', next);
  await cluster.time.pass(10_000);
  assert.equal(
    cluster.patches.map(({ uid }) => uid),
    ['uid-a'],
  );
  cluster.show();
  cluster.allocate(allocation('a', '10.0.0.0/24'), allocation('next', '10.0.1.0/24'));
  await cluster.time.pass(10_000);
  assert.equal(cluster.bound(), { a: '10.0.1.0/24' });
  assert.equal(
    cluster.patches.map(({ uid }) => uid),
    ['uid-a', 'uid-next'],
  );
  await end(cluster);
});

test('after a lost patch the node is deleted: its block is free for another', async () => {
  const cluster = new FakeCluster();
  cluster.fates = [cluster.time.sleep(500).then(() => Promise.reject(new Error('timed out')))];
  cluster.add(node('a'), node('b'));
  cluster.allocate(allocation('a', '10.0.0.0/24'));
  await cluster.time.pass(100);
  assert.is(cluster.patches.length, 1);
  cluster.remove('a');
  cluster.allocate(allocation('b', '10.0.0.0/24'));
  await cluster.time.pass(10_000);
  assert.equal(cluster.bound(), { b: '10.0.0.0/24' });
  assert.equal(
    cluster.patches.map(({ uid }) => uid),
    ['uid-a', 'uid-b'],
  );
  await end(cluster);
});

test('a node goes while its patch is under way: its block is nobody else’s until the patch is answered', async () => {
  const cluster = new FakeCluster();
  let answer = () => {};
  cluster.fates = [new Promise<void>((resolve) => (answer = resolve))];
  cluster.add(node('a'), node('b'));
  cluster.allocate(allocation('a', '10.0.0.0/24'));
  await cluster.time.pass(100);
  cluster.remove('a');
  cluster.allocate(allocation('b', '10.0.0.0/24'));
  await cluster.time.pass(60_000);
  assert.is(cluster.patches.length, 1);
  answer();
  await cluster.time.pass(60_000);
  assert.equal(cluster.bound(), { b: '10.0.0.0/24' });
  await end(cluster);
});

for (const status of [429, 500, 503, 504]) {
  test(`an answer that does not tell (${status}) is a lost one: nothing else is ever sent`, async () => {
    const cluster = new FakeCluster();
    cluster.fates = [status];
    cluster.add(node('a'));
    cluster.allocate(allocation('a', '10.0.0.0/24'));
    await cluster.time.pass(200);
    cluster.allocate(allocation('a', '10.0.9.0/24'));
    await cluster.time.pass(5_000);
    assert.equal(cluster.bound(), { a: '10.0.0.0/24' });
    assert.equal(cluster.reasons(), ['a CIDRAssigned']);
    await end(cluster);
  });
}

for (const status of [400, 403, 409, 422]) {
  test(`refused with ${status}: one event, and tried again more and more rarely, as decided by then`, async () => {
    const cluster = new FakeCluster();
    cluster.fates = Array.from({ length: 8 }, () => status);
    cluster.add(node('a'));
    cluster.allocate(allocation('a', '10.0.0.0/24'));
    await cluster.time.pass(100_000);
    assert.equal(cluster.reasons(), ['a CIDRAssignmentFailed']);
    assert.is(cluster.events[0]!.message, `Assigning 10.0.0.0/24 failed: because ${status}`);
    assert.equal(cluster.reads, []);
    const gaps = cluster.patches.slice(1).map(({ at }, index) => at - cluster.patches[index]!.at);
    assert.ok(gaps.every((gap, index) => gap >= Math.min(30_000, 2 ** index * 1000)));
    assert.ok(gaps.every((gap) => gap <= 30_100));
    cluster.allocate(allocation('a', '10.0.9.0/24'));
    await cluster.time.pass(60_000);
    assert.equal(cluster.bound(), { a: '10.0.9.0/24' });
    await end(cluster);
  });
}

test('a node that is gone (404) is worth no event', async () => {
  const cluster = new FakeCluster();
  cluster.add(node('a'));
  cluster.allocate(allocation('a', '10.0.0.0/24'));
  cluster.nodes.clear();
  await cluster.time.pass(500);
  assert.is(cluster.patches.length, 1);
  cluster.show();
  await cluster.time.pass(60_000);
  assert.is(cluster.patches.length, 1);
  assert.equal(cluster.events, []);
  await end(cluster);
});

test('nodes that are refused do not starve the others', async () => {
  const cluster = new FakeCluster({ concurrency: 2 });
  cluster.fates = [403, 403];
  const names = ['a', 'b', 'c', 'd'];
  cluster.add(...names.map((name) => node(name)));
  cluster.allocate(
    ...names.map((name, index) =>
      allocation(name, `10.0.${index}.0/24`, { since: `2026-05-01T00:00:${30 + index}Z` }),
    ),
  );
  await cluster.time.pass(500);
  assert.equal(cluster.bound(), { c: '10.0.2.0/24', d: '10.0.3.0/24' });
  await cluster.time.pass(5_000);
  assert.is(Object.keys(cluster.bound()).length, 4);
  await end(cluster);
});

test('no more nodes at a time than the concurrency, and no more a second than the rate', async () => {
  const cluster = new FakeCluster({ concurrency: 3, qps: 4 });
  const names = Array.from({ length: 12 }, (_, index) => `n${index}`);
  cluster.fates = names.map(() => cluster.time.sleep(500));
  cluster.add(...names.map((name) => node(name)));
  cluster.allocate(...names.map((name, index) => allocation(name, `10.0.${index}.0/24`)));
  await cluster.time.pass(30_000);
  assert.is(Object.keys(cluster.bound()).length, 12);
  assert.is(cluster.mostRunning, 3);
  assert.is(cluster.patches.filter(({ at }) => at < 1_000).length <= 8, true);
  assert.ok(cluster.patches.at(-1)!.at >= 2_000);
  await end(cluster);
});

test('the term ends in the middle: nothing is written afterwards', async () => {
  const cluster = new FakeCluster({ concurrency: 2 });
  cluster.fates = [new Promise(() => {}), 'lost before'];
  const names = ['a', 'b', 'c', 'd'];
  cluster.add(...names.map((name) => node(name)));
  cluster.allocate(...names.map((name, index) => allocation(name, `10.0.${index}.0/24`)));
  await cluster.time.pass(100);
  assert.is(cluster.patches.length, 2);
  await end(cluster);
  await cluster.time.pass(120_000);
  assert.is(cluster.patches.length, 2);
  assert.equal(cluster.bound(), {});
});

test('a lease that is held no more stops the next write, before the signal says so', async () => {
  const cluster = new FakeCluster();
  cluster.fates = ['lost before'];
  cluster.add(node('a'));
  cluster.allocate(allocation('a', '10.0.0.0/24'));
  await cluster.time.pass(100);
  cluster.leads = false;
  await cluster.time.pass(120_000);
  assert.is(cluster.patches.length, 1);
  await end(cluster);
});

test('a refusal of the last gate is reported once', async () => {
  const cluster = new FakeCluster();
  cluster.add(node('old', ['10.0.0.0/16']), node('a'));
  cluster.allocate(allocation('a', '10.0.3.0/24'));
  for (let round = 0; round < 10; round++) {
    cluster.changed();
    await cluster.time.pass(20_000);
  }
  assert.equal(cluster.patches, []);
  assert.equal(cluster.reasons(), ['a CIDRAssignmentFailed']);
  assert.is(
    cluster.events[0]!.message,
    'Not assigning 10.0.3.0/24: 10.0.3.0/24 overlaps the podCIDRs of another node',
  );
  await end(cluster);
});

test('a node that waits for longer than 30 s is reported once', async () => {
  const cluster = new FakeCluster();
  cluster.add(
    node('a'),
    node('late', undefined, { creationTimestamp: '2026-06-01T12:01:00Z' }),
    node('going', undefined, { deletionTimestamp: '2026-06-01T11:59:00Z' }),
    node('old', ['10.0.0.0/24']),
  );
  await cluster.time.pass(29_000);
  assert.equal(cluster.events, []);
  await cluster.time.pass(31_500);
  assert.equal(cluster.reasons(), ['a CIDRNotAvailable']);
  assert.is(cluster.events[0]!.message, 'Node a status is now: CIDRNotAvailable');
  await cluster.time.pass(600_000);
  assert.equal(cluster.reasons(), ['a CIDRNotAvailable', 'late CIDRNotAvailable']);
  await end(cluster);
});

test('without any ClusterCIDR no node is said to wait', async () => {
  const cluster = new FakeCluster();
  cluster.clusterCIDRs = [];
  cluster.add(node('a'));
  await cluster.time.pass(120_000);
  assert.equal(cluster.events, []);
  await end(cluster);
});

test('a node of the same name is reported on its own', async () => {
  const cluster = new FakeCluster();
  cluster.add(node('a'));
  await cluster.time.pass(90_000);
  cluster.add(node('a', undefined, { uid: 'uid-next' }));
  await cluster.time.pass(90_000);
  assert.equal(cluster.reasons(), ['a CIDRNotAvailable', 'a CIDRNotAvailable']);
  await end(cluster);
});

test('a node without a spec has no podCIDRs', async () => {
  const cluster = new FakeCluster();
  const { spec, ...bare } = node('a');
  const { spec: none, ...waiting } = node('b');
  cluster.fates = ['lost before'];
  cluster.add(bare, waiting);
  cluster.allocate(allocation('a', '10.0.0.0/24'));
  await cluster.time.pass(60_000);
  assert.equal(cluster.bound(), { a: '10.0.0.0/24' });
  assert.equal(cluster.reasons(), ['a CIDRAssigned', 'b CIDRNotAvailable']);
  await end(cluster);
});

test('events that cannot be written keep nobody from a node', async () => {
  const cluster = new FakeCluster();
  cluster.eventsFail = true;
  cluster.add(node('a'));
  cluster.allocate(allocation('a', '10.0.0.0/24'));
  await cluster.time.pass(1_000);
  assert.equal(cluster.bound(), { a: '10.0.0.0/24' });
  await end(cluster);
});

test('the next term begins anew: what was sent before and never seen decides nothing', async () => {
  const cluster = new FakeCluster();
  cluster.fates = ['lost before'];
  cluster.add(node('a'));
  cluster.allocate(allocation('a', '10.0.0.0/24'));
  await cluster.time.pass(100);
  await end(cluster);
  cluster.allocate(allocation('a', '10.0.9.0/24'));
  cluster.beginTerm();
  await cluster.time.pass(1_000);
  assert.equal(cluster.bound(), { a: '10.0.9.0/24' });
  await end(cluster);
});

test('the next term begins anew: a refused node is tried, and reported, at once', async () => {
  const cluster = new FakeCluster();
  cluster.fates = Array.from({ length: 6 }, () => 403);
  cluster.add(node('a'));
  cluster.allocate(allocation('a', '10.0.0.0/24'));
  await cluster.time.pass(17_000);
  assert.is(cluster.patches.length, 5);
  await end(cluster);
  cluster.beginTerm();
  await cluster.time.pass(100);
  assert.is(cluster.patches.length, 6);
  assert.equal(cluster.reasons(), ['a CIDRAssignmentFailed', 'a CIDRAssignmentFailed']);
  await end(cluster);
});

test('patches are counted by outcome, blocks are told as long as the term lasts', async () => {
  const cluster = new FakeCluster();
  cluster.fates = ['lost before', 403];
  cluster.add(node('a'), node('b'));
  cluster.allocate(allocation('a', '10.0.0.0/24'), allocation('b', '10.0.1.0/24'));
  await cluster.time.pass(60_000);
  const text = await cluster.registry.metrics();
  for (const [outcome, count] of Object.entries({ done: 2, rejected: 1, unknown: 1 })) {
    assert.match(text, `metaipam_binder_node_patches_total{outcome="${outcome}"} ${count}\n`);
  }
  const blocks = 'max_cidrs{clusterCIDR="10.0.0.0/16",clusterCIDRName="all"} 256';
  assert.match(text, blocks);
  await end(cluster);
  assert.not.match(await cluster.registry.metrics(), blocks);
});

test('with nothing to do it looks every ten seconds, also once a node that was refused is not decided any more', async () => {
  const cluster = new FakeCluster();
  cluster.fates = [403];
  cluster.add(node('a'));
  cluster.allocate(allocation('a', '10.0.0.0/24'));
  await cluster.time.pass(500);
  cluster.allocate();
  await cluster.time.pass(20_000);
  cluster.looks = 0;
  await cluster.time.pass(60_000);
  assert.ok(cluster.looks >= 5 && cluster.looks <= 6, `${cluster.looks} looks`);
  await end(cluster);
});

test('looking takes half of the time at most: hooks are answered by the same thread', async () => {
  const cluster = new FakeCluster();
  cluster.lookTakes = 400;
  for (let round = 0; round < 1000; round++) {
    cluster.changed();
    await cluster.time.pass(10);
  }
  assert.ok(cluster.looks >= 20 && cluster.looks <= 26, `${cluster.looks} looks`);
  await end(cluster);
});

test.run();
