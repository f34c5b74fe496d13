/**
 * Forty nodes at once (or $E2E_NODES), undisturbed and with a process killed in the middle: every node gets its
 * podCIDRs, no two overlap, none is written twice. Prints how long it took.
 */
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Node } from '../../lib/kubernetes/core-types.ts';
import { eventually, type Program } from './control-plane.ts';
import { type Installation, type InstallOptions, install, leadingMetacontroller, quiet } from './install.ts';
import { assertDisjoint, type NodeEvent, NodeSandbox } from './node-sandbox.ts';

const NODES = Number(process.env.E2E_NODES ?? 40);
const MAIN = join(import.meta.dirname, '..', '..', 'lib', 'cli', 'metaipam.ts');
const ELECTION = [
  '--leader-elect-lease-duration=5s',
  '--leader-elect-renew-deadline=3s',
  '--leader-elect-retry-period=500ms',
];

const test = suite('nodes at scale');

function scale(
  title: string,
  options: InstallOptions,
  prepare: (installation: Installation) => Promise<(installation: Installation) => Promise<void>>,
  isBinderKilled = false,
): void {
  test(title, async () => {
    const installation = await install({ ...options, serveArgs: ELECTION });
    try {
      const box = new NodeSandbox(installation);
      const disturb = await prepare(installation);
      await box.clusterCIDR('all', { ipv4: '10.244.0.0/16', ipv6: 'fd00:10:244::/112' });
      const [doneBefore, failedBefore] = await patchesOfNodes(installation);
      const startedAt = performance.now();
      const seconds = () => ((performance.now() - startedAt) / 1000).toFixed(1);
      await Promise.all(Array.from({ length: NODES }, (_, index) => box.node(`n${index}`)));
      const made = seconds();
      const before = await boundNodes(box, NODES / 4);
      assert.ok(before < NODES, 'all nodes are bound before anything could happen');
      await disturb(installation);
      // The events of these went with the leader, if they were not written yet.
      const boundBySomebodyElse = isBinderKilled ? await boundNodes(box, 0) : 0;
      await boundNodes(box, NODES);
      console.log(`\n# ${title}: ${NODES} nodes made in ${made} s, bound ${seconds()} s after the start`);
      await quiet(installation, 2, 60);
      await assertBound(box, NODES - boundBySomebodyElse);
      const [done, failed] = await patchesOfNodes(installation);
      // A patch that is too late for its answer is done nevertheless, and no second one is sent.
      const [doneNow, failedNow] = [done - doneBefore, failed - failedBefore];
      assert.ok(doneNow <= NODES && doneNow + failedNow >= NODES, `${doneNow} patches, ${failedNow} failed`);
    } finally {
      await installation.stop();
    }
  });
}

const undisturbed = async () => async () => {};

scale('undisturbed', {}, undisturbed);
scale('server-side apply', { applyStrategy: 'server-side-apply' }, undisturbed);

scale('Metacontroller killed and started again', {}, async () => async (installation) => {
  const [victim] = installation.metacontrollers;
  victim!.signal('SIGKILL');
  await victim!.exited;
  await installation.startMetacontroller();
});

scale(
  'the leader of two Metacontrollers killed',
  { metacontrollers: 2 },
  async () => async (installation) => {
    const leader = leadingMetacontroller(installation);
    leader.signal('SIGKILL');
    await leader.exited;
  },
);

scale(
  'the leader of two metaipam killed',
  {},
  async (installation) => {
    const leader = await startLeader(installation);
    return async () => {
      leader.signal('SIGKILL');
      await leader.exited;
    };
  },
  true,
);

/** Another metaipam on ports of its own, which holds the lease, while the first goes on to answer hooks. */
async function startLeader(installation: Installation): Promise<Program> {
  const { plane } = installation;
  const args = ['serve', '--hooks-bind-address=127.0.0.1:0', '--webserver-bind-address=127.0.0.1:0'];
  const leader = plane.run('metaipam-leader', process.execPath, [MAIN, ...args, ...ELECTION], {
    IPAM_KUBECONFIG: plane.kubeconfig,
    POD_NAME: 'leader',
    POD_NAMESPACE: 'metaipam-system',
  });
  await eventually('candidate', async () => leader.tail().includes('standing for election'));
  await installation.server.stop();
  await eventually('leader', async () => leader.tail().includes('binding nodes'));
  await installation.startServer();
  return leader;
}

/** Waits until so many nodes have podCIDRs; how many have then. */
async function boundNodes(box: NodeSandbox, count: number): Promise<number> {
  const watch = box.installation.plane.watch('/api/v1/nodes');
  let bound = 0;
  await eventually(
    `${count} nodes with podCIDRs`,
    async () => {
      const nodes = [...watch.objects.values()] as object[] as Node[];
      bound = nodes.filter(({ spec }) => spec?.podCIDRs?.length).length;
      if (bound >= count) return true;
      throw new Error(`only ${bound}`);
    },
    120,
    (signal) => watch.next(() => true, signal),
  );
  return bound;
}

/** @param announced of how many nodes there are events that tell of it */
async function assertBound(box: NodeSandbox, announced: number): Promise<void> {
  const nodes = await box.list<Node>('nodes');
  assertDisjoint(nodes);
  assert.is(nodes.filter(({ spec }) => spec?.podCIDRs?.length === 2).length, NODES);
  const allocations = await box.allocations();
  assert.is(allocations.length, 2 * NODES);
  const counts = { total: 256, used: NODES, free: 256 - NODES };
  await box.counts('all', { ipv4: counts, ipv6: counts, nodes: NODES });

  const assigned = new Map<string, number>();
  for (const { reason, involvedObject } of await box.list<NodeEvent>('events')) {
    // A node that waits for the next leader says so in time.
    if (involvedObject.kind !== 'Node' || reason === 'CIDRNotAvailable') continue;
    assert.is(reason, 'CIDRAssigned');
    const uid = involvedObject.uid ?? '';
    assigned.set(uid, (assigned.get(uid) ?? 0) + 1);
  }
  assert.equal(
    [...assigned.values()].filter((count) => count > 1),
    [],
  );
  assert.ok(assigned.size > 0.7 * announced, `${assigned.size} events`);
}

/** Patches of nodes that the API server has done, and that it has failed to do; only the binder sends any. */
async function patchesOfNodes({ plane }: Installation): Promise<[done: number, failed: number]> {
  const text: string = (await plane.api('GET', '/metrics')).body;
  const counts: [number, number] = [0, 0];
  for (const [, labels = '', count] of text.matchAll(/^apiserver_request_total\{(.*)\} (\d+)$/gm)) {
    const isPatch = ['verb="PATCH"', 'resource="nodes"', 'subresource=""'].every((one) =>
      labels.includes(one),
    );
    if (isPatch && labels.includes('code="200"')) counts[0] += Number(count);
    if (isPatch && labels.includes('code="5')) counts[1] += Number(count);
  }
  return counts;
}

test.run();
