/** Pod networks and ClusterCIDRs that are deleted while nodes have blocks of them, in every mode of kubectl. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Node } from '../../lib/kubernetes/core-types.ts';
import type { PodNetwork } from '../../lib/kubernetes/types.ts';
import { keepsNothing } from './allocations.ts';
import { eventually } from './control-plane.ts';
import { type Installation, install, quiet } from './install.ts';
import { accepted, NodeSandbox } from './node-sandbox.ts';

const KEY = 'kube-node.nordix.org/storage';
const test = suite('network deletion: ');
let installation: Installation;
let box: NodeSandbox;

test.before(async () => {
  installation = await install({ serveArgs: ['--cache-lag=3s'] });
  box = new NodeSandbox(installation);
});
test.after(() => installation?.stop());

for (const policy of ['Background', 'Foreground', 'Orphan'] as const) {
  test(`${policy}: nodes lose the annotation of a secondary network, and keep podCIDRs and what gave them`, async () => {
    const original = (await box.get<PodNetwork>('podnetworks', 'default'))!;
    await box.clusterCIDR('main', { ipv4: '10.244.0.0/16' });
    await network('storage', { target: 'node.metadata.annotations' });
    await box.clusterCIDR('second', { ipv4: '192.168.0.0/16' }, { 'metaipam.io/network': 'storage' });
    for (const name of ['n1', 'n2']) await box.node(name);
    const podCIDRs = (await Promise.all([box.bound('n1'), box.bound('n2')])).flat().sort();
    assert.equal(podCIDRs, ['10.244.0.0/24', '10.244.1.0/24']);
    await shown(['192.168.0.0/24', '192.168.1.0/24']);

    await remove('podnetworks', 'storage', policy);
    await box.gone('podnetworks', 'storage');
    await shown([undefined, undefined]);
    // A network that is made anew before that gives out other blocks.
    await eventually('all that it kept to go', () =>
      keepsNothing(installation.plane, { kind: 'PodNetwork', name: 'storage' }),
    );
    await network('storage', { target: 'node.metadata.annotations' });
    await shown(['192.168.0.0/24', '192.168.1.0/24']);

    await remove('podnetworks', 'default', policy);
    await remove('clustercidrs', 'main', policy);
    await box.node('late');
    await quiet(installation);
    const left = [await box.get('podnetworks', 'default'), await box.get('clustercidrs', 'main')];
    assert.ok(left.every((object) => object !== undefined));
    assert.is((await box.get<Node>('nodes', 'late'))?.spec?.podCIDRs, undefined);
    assert.equal((await Promise.all([box.bound('n1'), box.bound('n2')])).flat().sort(), podCIDRs);

    for (const name of ['n1', 'n2', 'late']) await box.delete('nodes', name);
    await box.gone('podnetworks', 'default');
    await box.gone('clustercidrs', 'main');
    await network('default', original.spec);
    await box.clusterCIDR('main', { ipv4: '10.244.0.0/16' });
    assert.is(await box.serve('n3'), '10.244.0.0/24');
    await box.clear();
  });
}

async function network(name: string, spec: object): Promise<void> {
  const object = { apiVersion: 'metaipam.io/v1alpha1', kind: 'PodNetwork', metadata: { name }, spec };
  accepted(await box.api('POST', 'podnetworks', undefined, object));
}

async function remove(
  resource: 'podnetworks' | 'clustercidrs',
  name: string,
  propagationPolicy: string,
): Promise<void> {
  accepted(await box.api('DELETE', resource, `${name}?propagationPolicy=${propagationPolicy}`));
}

/** Waits until the two nodes show these blocks of the secondary network, in either order. */
async function shown(blocks: readonly (string | undefined)[]): Promise<void> {
  await eventually(`the blocks ${blocks}`, async () => {
    const nodes = await Promise.all(['n1', 'n2'].map((name) => box.get<Node>('nodes', name)));
    const found = nodes.map((node) => node?.metadata.annotations?.[KEY]).sort();
    assert.equal(found, blocks);
    return true;
  });
}

test.run();
