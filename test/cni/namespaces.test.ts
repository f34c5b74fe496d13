/** Pods in network namespaces: the bridge plugin with kube-node as its IPAM, and ranges that metaipam decided. */
import { hostname } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { controllers } from '../../hooks/index.ts';
import { createWorld } from '../../lib/cli/world.ts';
import type { Unstructured } from '../../lib/engine/object.ts';
import {
  apiServer,
  canMakeNamespaces,
  cniEnv,
  HOST_LOCAL,
  HOST_LOCAL_FOLDER,
  ip,
  machineID,
  type Node,
  OPENSSL,
  programs,
  run,
  scratch,
  withTools,
} from './kit.ts';

const tools = [
  HOST_LOCAL,
  [`${HOST_LOCAL_FOLDER}/bridge`, 'containernetworking-plugins'],
  OPENSSL,
  ['ip', 'iproute2'],
  ['nsenter', 'util-linux'],
  ['ping', 'iputils-ping'],
] as const;
await withTools('pods in network namespaces', tools, register, () =>
  canMakeNamespaces() ? [] : ['root, or right to make network namespaces'],
);
test.run();

interface Result {
  readonly ips: readonly { readonly address: string }[];
  readonly routes?: readonly { readonly dst: string }[];
}

async function register(): Promise<void> {
  const { folder } = await programs();
  const namespaces: string[] = [];
  const work = scratch();

  function namespace(name: string): string {
    const full = `metaipam-${process.pid}-${name}`;
    ip('netns', 'add', full);
    namespaces.push(full);
    return `/run/netns/${full}`;
  }
  test.after(() => {
    for (const name of namespaces) ip('netns', 'del', name);
  });

  /** Runs in a network namespace. */
  function within(
    netns: string,
    program: string,
    args: readonly string[],
    env: Record<string, string>,
    stdin = '',
  ) {
    return run('/usr/bin/nsenter', { args: [`--net=${netns}`, program, ...args], env, stdin });
  }

  test('The halves meet: bridge gives pods addresses of the blocks that metaipam gave the node', async () => {
    const own = hostname().toLowerCase();
    const node: Node = { ...decidedNode(own), machineID: machineID() };
    assert.is(node.podCIDRs?.length, 2);
    const api = await apiServer(join(work, 'api'), [node]);
    const host = namespace('host');
    const pods = ['a', 'b'].map((name) => ({ name, netns: namespace(name) }));
    const networks = [
      { name: 'main', ifname: 'eth0', bridge: 'mi0', isDefaultGateway: true, annotation: '' },
      {
        name: 'storage',
        ifname: 'net1',
        bridge: 'mi1',
        isDefaultGateway: false,
        annotation: 'kube-node.nordix.org/storage',
      },
    ];
    const config = (
      { name, bridge, isDefaultGateway, annotation }: (typeof networks)[number],
      more: object = {},
    ) =>
      JSON.stringify({
        ...{ cniVersion: '1.0.0', name, type: 'bridge', bridge, isDefaultGateway, isGateway: true },
        ipam: {
          type: 'kube-node',
          kubeconfig: api.kubeconfig(join(work, 'kubeconfig')),
          dataDir: join(work, 'data'),
          ...(annotation && { annotation }),
        },
        ...more,
      });
    const call = (
      command: string,
      pod: { name: string; netns: string },
      network: (typeof networks)[number],
      more?: object,
    ) => {
      const env = cniEnv(command, pod.name, {
        ...{ CNI_NETNS: pod.netns, CNI_IFNAME: network.ifname, CNI_PATH: `${folder}:${HOST_LOCAL_FOLDER}` },
        ...{ METAIPAM_CNI_CACHE: join(work, 'cache'), PATH: process.env.PATH ?? '' },
      });
      return within(host, `${HOST_LOCAL_FOLDER}/bridge`, [], env, config(network, more));
    };
    try {
      // The API server is on the loopback of another namespace: STATUS asks it from there.
      const status = await run(join(folder, 'kube-node'), {
        env: { CNI_COMMAND: 'STATUS', METAIPAM_CNI_CACHE: join(work, 'cache') },
        stdin: config(networks[0]!, { cniVersion: '1.1.0' }),
      });
      assert.is(status.status, 0, status.out);
      const results = new Map<string, Result>();
      for (const network of networks) {
        for (const pod of pods) {
          const { status, out, err } = await call('ADD', pod, network);
          assert.is(status, 0, `${out}${err}`);
          results.set(`${pod.name} ${network.name}`, JSON.parse(out));
        }
      }
      const main = (pod: string) => results.get(`${pod} main`)!;
      const blocks = node.podCIDRs!.map((block) => block.replace(/[.:]0?\/.*/, ''));
      for (const pod of ['a', 'b']) {
        const [v4, v6] = main(pod).ips.map(({ address }) => address);
        assert.ok(v4?.startsWith(blocks[0]!), `${v4} in ${node.podCIDRs}`);
        assert.ok(v6?.startsWith(blocks[1]!), `${v6} in ${node.podCIDRs}`);
        assert.equal(
          main(pod).routes?.map(({ dst }) => dst),
          ['0.0.0.0/0', '::/0'],
        );
        const storage = results.get(`${pod} storage`)!;
        assert.ok(storage.ips[0]?.address.startsWith('192.168.'), storage.ips[0]?.address);
        assert.is(storage.routes, undefined, 'a secondary network is no default route');
      }
      const all = [...results.values()].flatMap(({ ips }) => ips.map(({ address }) => address));
      assert.is(new Set(all).size, all.length);
      for (const { address } of [...main('b').ips, ...results.get('b storage')!.ips]) {
        const target = address.replace(/\/.*/, '');
        const ping = await within(pods[0]!.netns, 'ping', ['-c1', '-w10', target], {
          PATH: process.env.PATH ?? '',
        });
        assert.is(ping.status, 0, `${target}: ${ping.out}${ping.err}`);
      }

      const [a] = pods as [(typeof pods)[0]];
      const [network] = networks as [(typeof networks)[0]];
      const prevResult = main('a');
      const again = await call('ADD', a, network);
      assert.is(again.status, 1, 'an interface is added once');
      assert.is((await call('DEL', a, network)).status, 0);
      assert.is((await call('CHECK', a, network, { prevResult })).status, 1);
      assert.is((await call('DEL', a, network)).status, 0);
      const anew = await call('ADD', a, network);
      assert.is(anew.status, 0, anew.out);
      const checked = await call('CHECK', a, network, { prevResult: JSON.parse(anew.out) });
      assert.is(checked.status, 0, checked.out);
      api.mood = 'slow';
      for (const pod of pods) {
        for (const each of networks) assert.is((await call('DEL', pod, each)).status, 0);
      }
    } finally {
      api.close();
    }
  });
}

/** The node as metaipam leaves it, with a main network and a secondary one. */
function decidedNode(name: string): Node {
  const cluster = createWorld(controllers);
  const apply = (object: object) => {
    const { error } = cluster.apply(object as Unstructured);
    assert.is(error, undefined, error?.message);
  };
  const clusterCIDR = (network: string, spec: object) => ({
    apiVersion: 'networking.x-k8s.io/v1',
    kind: 'ClusterCIDR',
    metadata: { name: network, labels: { 'metaipam.io/network': network } },
    spec,
  });
  apply({
    apiVersion: 'metaipam.io/v1alpha1',
    kind: 'PodNetwork',
    metadata: { name: 'storage' },
    spec: { target: 'node.metadata.annotations' },
  });
  apply(clusterCIDR('default', { perNodeHostBits: 8, ipv4: '10.244.0.0/16', ipv6: 'fd00:244::/112' }));
  apply(clusterCIDR('storage', { perNodeHostBits: 6, ipv4: '192.168.0.0/16', ipv6: 'fd00:5::/112' }));
  apply({ apiVersion: 'v1', kind: 'Node', metadata: { name }, spec: {} });
  cluster.settle();
  const node = cluster.objects().find(({ kind }) => kind === 'Node') as object as {
    metadata: { annotations?: Record<string, string> };
    spec: { podCIDRs?: string[] };
  };
  return { name, podCIDRs: node.spec.podCIDRs ?? [], annotations: node.metadata.annotations ?? {} };
}
