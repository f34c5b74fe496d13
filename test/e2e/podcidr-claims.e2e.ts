/** PodCIDRClaims that Metacontroller loses sight of, under both ways to apply. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Node } from '../../lib/kubernetes/core-types.ts';
import { controllerOf } from '../../lib/kubernetes/object.ts';
import type { PodCIDRClaim } from '../../lib/kubernetes/types.ts';
import { eventually } from './control-plane.ts';
import { type Installation, install, quiet } from './install.ts';
import { accepted, NodeSandbox } from './node-sandbox.ts';

for (const applyStrategy of ['dynamic-apply', 'server-side-apply'] as const) {
  const test = suite(`PodCIDRClaims, ${applyStrategy}: `);
  let installation: Installation;
  let box: NodeSandbox;

  test.before(async () => {
    installation = await install({ applyStrategy, serveArgs: ['--cache-lag=1s'] });
    box = new NodeSandbox(installation);
    await box.clusterCIDR('a', { ipv4: '10.0.0.0/16' });
  });
  test.after(() => installation?.stop());

  const uidOfNode = async (name: string) => (await box.get<Node>('nodes', name))?.metadata.uid;
  const claimOf = (name: string) => box.get<PodCIDRClaim>('podcidrclaims', name);

  test('what a Node leaves with --cascade=orphan goes, and the next Node of its name is served', async () => {
    assert.is(await box.serve('n0'), '10.0.0.0/24');
    await quiet(installation);
    const before = await claimOf('n0');
    accepted(await box.api('DELETE', 'nodes', 'n0?propagationPolicy=Orphan'));
    await box.gone('nodes', 'n0');
    await box.serve('n0');
    const [claim, uid] = [await claimOf('n0'), await uidOfNode('n0')];
    assert.is.not(claim?.metadata.uid, before?.metadata.uid);
    assert.equal([claim?.spec.nodeUID, controllerOf(claim!)?.uid], [uid, uid]);
    await eventually('the block of then to be free', async () => (await box.allocations()).length === 1);
    accepted(await box.api('DELETE', 'nodes', 'n0?propagationPolicy=Orphan'));
    await box.gone('podcidrclaims', 'n0');
    await eventually('its block to be free', async () => (await box.allocations()).length === 0);
  });

  for (const [what, lost] of [
    ['mark', { annotations: { 'metacontroller.k8s.io/decorator-controller': null } }],
    ['owner', { ownerReferences: null }],
  ] as const) {
    test(`one that lost its ${what} gets it back, and goes on to follow its Node`, async () => {
      const node = `without-${what}`;
      const block = await box.serve(node);
      await quiet(installation);
      await box.patch('podcidrclaims', node, { metadata: lost });
      await eventually('what Metacontroller knows it by', async () => {
        const claim = (await claimOf(node))!;
        const mark = claim.metadata.annotations?.['metacontroller.k8s.io/decorator-controller'];
        return mark === 'nodes' && controllerOf(claim)?.uid === (await uidOfNode(node));
      });
      assert.equal(await box.bound(node), [block]);
      await box.delete('nodes', node);
      await box.gone('podcidrclaims', node);
    });
  }

  test('nobody can hand one to another Node', async () => {
    await box.serve('n1');
    const { status, body } = await box.api('PATCH', 'podcidrclaims', 'n1', { spec: { nodeUID: 'other' } });
    assert.is(status, 422);
    assert.match(JSON.stringify(body), 'nodeUID cannot be changed');
  });

  test.run();
}
