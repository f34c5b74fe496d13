/** Pods of secondary networks, in network namespaces, wherever the networks are: in memory or on an API server. */
import * as assert from 'uvu/assert';
import { nodeFacts } from '../../lib/cni/node-facts.ts';
import { ip } from './kit.ts';
import {
  Machine,
  type NetworkList,
  type Pod,
  type PodResult,
  pings,
  pluginFolder,
  within,
} from './machine.ts';

/** A cluster with metaipam. */
export interface Networks {
  apply(yaml: string): Promise<void>;
  node(name: string): Promise<unknown>;
  /** Changes a PodNetwork, and waits until it has been looked at. */
  change(network: string, spec: object): Promise<void>;
  until(what: string, isSo: () => Promise<boolean>): Promise<void>;
}

/** One network flat, with little room on each node; one of links of two addresses; one of subnets of their own. */
const NETWORKS = `
apiVersion: metaipam.io/v1alpha1
kind: PodNetwork
metadata: {name: flat}
spec:
  target: node.metadata.annotations
  subnets: [{cidr: 10.9.0.0/24, gateway: 10.9.0.254}]
  routes: [{dst: 10.96.0.0/12, gw: 10.9.0.254}, {dst: 10.112.0.0/12}]
  excludedAddresses: [10.9.0.2, 10.9.0.12/31]
  perNodeExclusions: [{startIndex: -1, endIndex: -1}]
---
apiVersion: networking.x-k8s.io/v1
kind: ClusterCIDR
metadata:
  name: flat
  labels: {metaipam.io/network: flat}
  annotations: {metaipam.io/per-node-host-bits-ipv4: "3"}
spec:
  perNodeHostBits: 4
  ipv4: 10.9.0.0/27
  nodeSelector: {nodeSelectorTerms: [{matchExpressions: [{key: pods, operator: Exists}]}]}
---
apiVersion: metaipam.io/v1alpha1
kind: PodNetwork
metadata: {name: fabric}
spec: {target: node.metadata.annotations, gatewayIndex: 0}
---
apiVersion: networking.x-k8s.io/v1
kind: ClusterCIDR
metadata:
  name: fabric
  labels: {metaipam.io/network: fabric}
  annotations: {metaipam.io/per-node-host-bits-ipv4: "1", metaipam.io/per-node-host-bits-ipv6: "1"}
spec: {perNodeHostBits: 4, ipv4: 172.30.0.0/24, ipv6: "fd00:30::/120"}
---
apiVersion: metaipam.io/v1alpha1
kind: PodNetwork
metadata: {name: indexed}
spec: {target: node.metadata.annotations, gatewayIndex: -2}
---
apiVersion: networking.x-k8s.io/v1
kind: ClusterCIDR
metadata: {name: indexed, labels: {metaipam.io/network: indexed}}
spec: {perNodeHostBits: 4, ipv4: 10.10.0.0/24}
`;

const NODES = ['one', 'two']
  .map((name) => `apiVersion: v1\nkind: Node\nmetadata: {name: ${name}, labels: {pods: ""}}\n`)
  .join('---\n');

/** `bridge` with the ranges of a network, as docs/cni.md has it. */
function listOf(network: string, more: object = {}): NetworkList {
  const ipam = { type: 'kube-node', annotation: `kube-node.nordix.org/${network}` };
  return {
    cniVersion: '1.0.0',
    name: network,
    plugins: [{ type: 'bridge', ...{ bridge: `${network}0`, ...more }, ipam: { ...ipam, ...DATA } }],
  };
}
const DATA = { dataDir: '/run/metaipam/addresses' };

/**
 * Registers tests of networks whose nodes have blocks of a flat subnet, of their own subnets, and links of two addresses:
 * what pods get, what not, and from a second block.
 */
export async function registerSecondaryNetworks(
  test: (name: string, body: () => Promise<void>) => void,
  cluster: Networks,
): Promise<void> {
  const bin = await pluginFolder();
  const key = (network: string) => `kube-node.nordix.org/${network}`;
  const machines = new Map<string, Machine>();

  /** The machine of a Node, with what the agent writes there, once the Node says all of this. */
  async function machineOf(name: string, isThere: (annotations: Record<string, string>) => boolean) {
    const machine = machines.get(name) ?? new Machine(name, bin);
    machines.set(name, machine);
    await cluster.until(`what networks say of Node ${name}`, async () => {
      const facts = nodeFacts(await cluster.node(name))!;
      if (!isThere(facts.annotations)) throw new Error(JSON.stringify(facts.annotations));
      machine.know(facts);
      return true;
    });
    return machine;
  }
  const hasAll = (annotations: Record<string, string>) =>
    ['flat', 'fabric', 'indexed'].every((network) => key(network) in annotations);

  /** Pods with an address each until one gets none; the addresses, and the code of the error. */
  async function fill(machine: Machine, list: NetworkList, prefix: string) {
    const pods: { pod: Pod; result: PodResult }[] = [];
    for (let index = 0; index < 20; index++) {
      const pod = machine.pod(`${prefix}${index}`, 'net1');
      const { status, out } = await machine.plugin('ADD', list, list.plugins[0]!, pod);
      if (status !== 0) return { pods, problem: JSON.parse(out) as { msg: string; details?: string } };
      pods.push({ pod, result: JSON.parse(out) });
    }
    throw new Error('there is no end');
  }
  const addressesOf = (pods: readonly { result: PodResult }[]) =>
    pods.flatMap(({ result }) => result.ips.map(({ address }) => address)).sort();
  /** What STATUS says of the ranges: undefined, or the code. */
  async function statusOf(machine: Machine, list: NetworkList): Promise<number | undefined> {
    const { ipam } = list.plugins[0]!;
    const nobody = { name: '', netns: '', ifname: '' };
    const asked = { ...list, cniVersion: '1.1.0' };
    const ended = await machine.plugin('STATUS', asked, { type: 'kube-node', ipam: ipam! }, nobody);
    return ended.status === 0 ? undefined : JSON.parse(ended.out).code;
  }

  test('Secondary networks say their gateways, routes, exclusions and links to pods', async () => {
    await cluster.apply(NETWORKS);
    await cluster.apply(NODES);
    const [one, two] = [await machineOf('one', hasAll), await machineOf('two', hasAll)];

    const indexed = listOf('indexed', { isGateway: true });
    const [a, b] = [one.pod('a', 'net1'), one.pod('b', 'net1')];
    const [first, second] = [await one.call('ADD', indexed, a), await one.call('ADD', indexed, b)];
    const [{ address, gateway }] = second.ips as [PodResult['ips'][number]];
    assert.match(`${address} ${gateway}`, /^10\.10\.0\.\d+\/28 10\.10\.0\.(14|30|46)$/);
    await pings(a, address.split('/')[0]!);
    await pings(a, gateway!);
    for (const [pod, result] of [[a, first] as const, [b, second] as const]) {
      await one.call('CHECK', indexed, pod, result);
      await one.call('DEL', indexed, pod, result);
    }

    const fabric = listOf('fabric', { isGateway: true });
    const link = one.pod('link', 'net1');
    const linked = await one.call('ADD', fabric, link);
    assert.equal(
      linked.ips.map((ip) => ip.address.split('/')[1]),
      ['31', '127'],
    );
    for (const { gateway } of linked.ips) await pings(link, gateway!);
    assert.is(await statusOf(one, fabric), 51, 'a link has one address for pods');
    const { pods: none, problem } = await fill(one, fabric, 'more');
    assert.equal(none, []);
    assert.match(problem.msg, 'no IP addresses available');
    await one.call('DEL', fabric, link, linked);
    assert.is(await statusOf(one, fabric), undefined);

    // The flat subnet, of two nodes: a cable between their bridges.
    const flat = listOf('flat');
    const own = await fill(one, flat, 'f');
    const others = await fill(two, flat, 'f');
    const whole = addressesOf([...own.pods, ...others.pods]);
    const kept = ['10.9.0.0', '10.9.0.2', '10.9.0.7', '10.9.0.12', '10.9.0.13', '10.9.0.15'];
    const all = Array.from({ length: 16 }, (_, index) => `10.9.0.${index}`);
    const free = all.filter((each) => !kept.includes(each));
    assert.equal(whole, free.map((each) => `${each}/24`).sort());
    assert.equal([await statusOf(one, flat), await statusOf(two, flat)], [51, 51]);
    for (const { result } of own.pods) {
      assert.equal(
        result.ips.map((ip) => ip.gateway),
        ['10.9.0.254'],
      );
      assert.equal(result.routes, [{ dst: '10.96.0.0/12', gw: '10.9.0.254' }, { dst: '10.112.0.0/12' }]);
    }
    connect(one, two, 'flat0');
    const [from, to] = [own.pods[0]!, others.pods[0]!];
    await pings(from.pod, to.result.ips[0]!.address.split('/')[0]!);
    const { out: route } = await within(from.pod.netns, 'ip', 'route', 'get', '10.97.1.1');
    assert.match(route, /via 10\.9\.0\.254 dev net1/);
  });

  test('A node that has run out gets a second block, and keeps it whatever its network says', async () => {
    const annotation = async () => nodeFacts(await cluster.node('one'))!.annotations[key('flat')]!;
    const before = await annotation();
    const more = (additionalBlocks: object[]) => cluster.change('flat', { additionalBlocks });
    const rangesIn = (text: string): object[] => JSON.parse(text).ranges;
    await more([{ node: 'one', count: 1 }]);
    const one = await machineOf('one', (all) => rangesIn(all[key('flat')]!).length === 2);
    const grown = await annotation();
    assert.equal(rangesIn(grown)[0], rangesIn(before)[0]);

    const flat = listOf('flat');
    assert.is(await statusOf(one, flat), undefined);
    const { pods, problem } = await fill(one, flat, 'g');
    assert.match(problem.msg, 'no IP addresses available');
    assert.equal(
      addressesOf(pods),
      [16, 17, 18, 19, 20, 21, 22].map((each) => `10.9.0.${each}/24`),
    );
    // The pods of both blocks hear each other.
    const old = one.held().length - pods.length;
    assert.ok(old > 0);
    await pings(pods[0]!.pod, before.includes('10.9.0.8') ? '10.9.0.8' : '10.9.0.1');

    await more([]);
    assert.is(await annotation(), grown);
    for (const { pod, result } of pods) await one.call('DEL', flat, pod, result);
    assert.is(one.held().length, old);
  });
}

/** A cable between bridges of two machines. */
function connect(one: Machine, two: Machine, bridge: string): void {
  const [a, b] = [one, two].map(({ netns }) => netns.slice(netns.lastIndexOf('/') + 1)) as [string, string];
  const [here, there] = [`mc${process.pid}a`, `mc${process.pid}b`];
  ip('link', 'add', here, 'type', 'veth', 'peer', 'name', there);
  for (const [cable, netns] of [[here, a] as const, [there, b] as const]) {
    ip('link', 'set', cable, 'netns', netns);
    ip('-n', netns, 'link', 'set', cable, 'master', bridge, 'up');
  }
}
