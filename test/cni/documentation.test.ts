/** Every configuration of docs/cni.md as it stands there, in network namespaces, with the plugins that it names. */
import { loadAll } from 'js-yaml';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { controllers } from '../../hooks/index.ts';
import { createWorld } from '../../lib/cli/world.ts';
import type { NodeFacts } from '../../lib/cni/node-facts.ts';
import type { Unstructured } from '../../lib/engine/object.ts';
import { readPages } from '../docs/pages.ts';
import { canMakeNamespaces, withTools } from './kit.ts';
import {
  MACHINE_TOOLS,
  Machine,
  type NetworkList,
  type Pod,
  type PodResult,
  pings,
  pluginFolder,
  removeMachines,
} from './machine.ts';

await withTools('the configurations of docs/cni.md', MACHINE_TOOLS, register, () =>
  canMakeNamespaces() ? [] : ['root, or right to make network namespaces'],
);
test.run();

async function register(): Promise<void> {
  const { blocks } = readPages().find(({ path }) => path === 'docs/cni.md')!;
  const lists = blocks
    .filter(({ language }) => language === 'json')
    .map(({ text }): NetworkList => JSON.parse(text));
  const objects = blocks
    .filter(({ language, isFragment }) => language === 'yaml' && !isFragment)
    // biome-ignore lint/suspicious/noExplicitAny: manifests of several kinds
    .flatMap(({ text }) => loadAll(text) as any[]);
  const attachments = objects.filter(({ kind }) => kind === 'NetworkAttachmentDefinition');
  const storage = asList(JSON.parse(attachments[0].spec.config));
  const [bridge] = storage.plugins;
  const [lan] = objects.filter(({ kind }) => kind === 'Node');
  const [fragment] = blocks
    .filter(({ isFragment }) => isFragment)
    .map(({ text }) => loadAll(text)[0] as object);

  const bin = await pluginFolder();
  test.after(removeMachines);

  /** The secondary network of the page with the ranges of another. */
  function reading(annotation: string): NetworkList {
    return { ...storage, plugins: [{ ...bridge!, ipam: { ...bridge!.ipam, annotation } }] };
  }

  /** Pods come and go on a node, which registers anew with other ranges meanwhile. */
  async function lifeOf(
    machine: Machine,
    list: NetworkList,
    lives: readonly { readonly facts: Partial<NodeFacts>; readonly addresses: RegExp }[],
  ): Promise<void> {
    const ifname = list === storage ? 'net1' : 'eth0';
    const all: { pod: Pod; result: PodResult }[] = [];
    for (const [life, { facts, addresses }] of lives.entries()) {
      machine.know(facts);
      const own: typeof all = [];
      for (const name of ['a', 'b']) {
        const pod = machine.pod(`${name}${life}`, ifname);
        const result = await machine.call('ADD', list, pod);
        for (const { address } of result.ips) assert.match(address, addresses);
        // At once: a bridge without an address has that of one of its ports, which a later one may change.
        await machine.call('CHECK', list, pod, result);
        own.push({ pod, result });
      }
      const [a, b] = own as [(typeof own)[0], (typeof own)[0]];
      for (const { address } of b.result.ips) await pings(a.pod, address.replace(/\/.*/, ''));
      if (list !== storage) for (const { gateway } of b.result.ips) await pings(a.pod, gateway!);
      all.push(...own);
    }
    assert.is(machine.held().length, all.flatMap(({ result }) => result.ips).length);
    for (const { pod, result } of all) {
      await machine.call('DEL', list, pod, result);
      await machine.call('DEL', list, pod);
    }
    assert.equal(machine.held(), []);
  }

  test('The page has one of each', () => {
    assert.equal(
      lists.map(({ name }) => name),
      ['main', 'net'],
    );
    assert.equal([attachments.length, storage.name, lan.kind], [1, 'storage', 'Node']);
    assert.equal(Object.keys(annotationsOf(objects)).sort(), ['fabric', 'flat', 'lan', 'storage'].map(keyOf));
  });

  test('The main network, of two families, and of one after the node has registered anew', () =>
    lifeOf(new Machine('main', bin), lists[0]!, [
      {
        facts: { podCIDRs: ['10.244.0.0/24', 'fd00:244::/112'] },
        addresses: /^10\.244\.0\.|^fd00:244::[23]/,
      },
      { facts: { podCIDRs: ['10.244.7.0/24'] }, addresses: /^10\.244\.7\./ },
      {
        facts: { podCIDRs: ['fd00:244::7:0/112', '10.244.0.0/24'] },
        addresses: /^fd00:244::7:|^10\.244\.0\./,
      },
    ]));

  test('The secondary network, and after the node has registered anew', () => {
    const key = keyOf('storage');
    return lifeOf(new Machine('storage', bin), storage, [
      { facts: { annotations: { [key]: '192.168.0.0/26' } }, addresses: /^192\.168\.0\.\d\/26/ },
      { facts: { annotations: { [key]: '192.168.9.64/26' } }, addresses: /^192\.168\.9\.6\d\/26/ },
    ]);
  });

  test('The network of node-annotation, and after the node has registered anew', () => {
    const [key, text] = Object.entries(fragment as Record<string, string>)[0]!;
    const other = text.replaceAll('172.16.5', '172.16.6');
    return lifeOf(new Machine('net', bin), lists[1]!, [
      { facts: { annotations: { [key]: text } }, addresses: /^172\.16\.5\./ },
      { facts: { annotations: { [key]: other } }, addresses: /^172\.16\.6\./ },
    ]);
  });

  test('The flat network: a part of the subnet, its gateway and route, exclusions', async () => {
    const machine = new Machine('flat', bin);
    const annotations = annotationsOf(objects);
    machine.know({ annotations });
    const found: string[] = [];
    for (const name of ['a', 'b', 'c', 'd', 'e']) {
      const pod = machine.pod(name, 'net1');
      const result = await machine.call('ADD', reading(keyOf('flat')), pod);
      await machine.call('CHECK', reading(keyOf('flat')), pod, result);
      found.push(...result.ips.map(({ address, gateway }) => `${address} ${gateway}`));
      assert.equal(result.routes, [{ dst: '10.96.0.0/12', gw: '192.168.255.254' }]);
    }
    assert.equal(found.sort(), [4, 5, 6, 7, 16].map((last) => `192.168.7.${last}/16 192.168.255.254`).sort());
  });

  test('The network of fifty addresses a node: all of them but those of the subnet and at the excluded places', async () => {
    const machine = new Machine('fifty', bin);
    const text = annotationsOf(objects)[keyOf('lan')]!;
    machine.know({ annotations: { [keyOf('lan')]: text } });
    const list = reading(keyOf('lan'));
    for (const last of [2, 3]) {
      const pod = machine.pod(`p${last}`, 'net1');
      const result = await machine.call('ADD', list, pod);
      await machine.call('CHECK', list, pod, result);
      assert.equal(
        result.ips.map(({ address, gateway }) => [address, gateway]),
        [[`192.168.10.${last}/24`, '192.168.10.1']],
      );
    }
    const second = JSON.parse(text.replace('192.168.10.49', '192.168.10.5'));
    second.ranges[0].rangeStart = '192.168.10.4';
    machine.know({ annotations: { [keyOf('lan')]: JSON.stringify(second) } });
    for (const last of [4, 5]) {
      const { ips } = await machine.call('ADD', list, machine.pod(`p${last}`, 'net1'));
      assert.equal(
        ips.map(({ address }) => address),
        [`192.168.10.${last}/24`],
      );
    }
  });

  test('Links of two addresses: the first is the gateway', async () => {
    const machine = new Machine('fabric', bin);
    machine.know({ annotations: annotationsOf(objects) });
    const { ips } = await machine.call('ADD', reading(keyOf('fabric')), machine.pod('a', 'net1'));
    assert.equal(
      ips.map(({ address, gateway }) => [address, gateway]),
      [['172.30.0.1/31', '172.30.0.0']],
    );
  });

  test('The Node with ranges in JSON: block, exclusions, gateway and routes', async () => {
    const machine = new Machine('lan', bin);
    machine.know({ annotations: lan.metadata.annotations });
    const list = reading('example.com/lan');
    const found: string[] = [];
    for (const name of ['a', 'b', 'c', 'd']) {
      const { ips, routes } = await machine.call('ADD', list, machine.pod(name, 'net1'));
      found.push(...ips.map(({ address, gateway }) => `${address} ${gateway}`));
      assert.equal(routes, [{ dst: '10.96.0.0/12', gw: '192.168.255.254' }]);
    }
    const [v4, v6] = ['192.168.255.254', 'fd00:7::1'];
    assert.equal(
      found.sort(),
      [
        ...[13, 14, 15, 20].map((last) => `192.168.7.${last}/16 ${v4}`),
        ...[2, 3, 4, 5].map((last) => `fd00:7::${last}/64 ${v6}`),
      ].sort(),
    );
  });
}

function keyOf(network: string): string {
  return `kube-node.nordix.org/${network}`;
}

/** What the networks of the page write onto a node. */
function annotationsOf(objects: readonly Unstructured[]): Record<string, string> {
  const cluster = createWorld(controllers);
  for (const object of objects) {
    if (object.kind !== 'PodNetwork' && object.kind !== 'ClusterCIDR') continue;
    const { error } = cluster.apply(object);
    assert.is(error, undefined, error?.message);
  }
  cluster.apply({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'worker-1' }, spec: {} });
  cluster.settle();
  return cluster.objects().find(({ kind }) => kind === 'Node')?.metadata.annotations ?? {};
}

/** One plugin is a list of one. */
function asList({ cniVersion, name, ...plugin }: NetworkList & { type: string }): NetworkList {
  return { cniVersion, name, plugins: [plugin] };
}
