/** Pods that name an IPAMClaim: its addresses on whatever node they run. */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { claimReference } from '../../lib/cni/fetch-claim.ts';
import { rangesOf } from '../../lib/cni/pod-claim.ts';
import {
  type ApiServer,
  addresses,
  apiServer,
  canMakeNamespaces,
  cniEnv,
  HOST_LOCAL,
  HOST_LOCAL_FOLDER,
  ip,
  machineID,
  OPENSSL,
  problem,
  programs,
  run,
  scratch,
  succeeded,
  withTools,
} from './kit.ts';

test('the element for an interface is the one that asks for its name, else the one of its number', () => {
  const named = JSON.stringify([
    { name: 'a', namespace: 'default', 'ipam-claim-reference': 'one' },
    { name: 'b', interface: 'pod16477688c0e', 'ipam-claim-reference': 'two' },
    { name: 'c' },
  ]);
  const table: [text: string, ifname: string, reference: string | undefined][] = [
    [named, 'net1', 'one'],
    [named, 'pod16477688c0e', 'two'],
    [named, 'net2', undefined],
    [named, 'net3', undefined],
    [named, 'eth0', undefined],
    ['a,default/b@net2', 'net1', undefined],
    ['', 'net1', undefined],
    ['{"name": "a", "ipam-claim-reference": "one"}', 'net1', undefined],
    ['[null, 1, {"ipam-claim-reference": 7}]', 'net3', undefined],
  ];
  for (const [text, ifname, reference] of table)
    assert.is(claimReference(text, ifname), reference, `${text} ${ifname}`);
});

test('host-local is given each address as a range, and a gateway that is not it', () => {
  const range = (ips: string[], gateways: string[] = []) =>
    rangesOf({ name: 'default/vm', ips, gateways }).ranges.map(([range]) => Object.values(range!));
  assert.equal(range(['10.7.0.9/24', 'fd00:7::9/64'], ['10.7.0.1']), [
    ['10.7.0.0/24', '10.7.0.9', '10.7.0.9', '10.7.0.1'],
    ['fd00:7::/64', 'fd00:7::9', 'fd00:7::9', 'fd00:7::ffff:ffff:ffff:ffff'],
  ]);
  assert.equal(range(['10.7.0.1/24']), [['10.7.0.0/24', '10.7.0.1', '10.7.0.1', '10.7.0.255']]);
  assert.equal(range(['10.7.0.2/32'], ['10.7.0.2']), [['10.7.0.0/30', '10.7.0.2', '10.7.0.2', '10.7.0.3']]);
  for (const ip of ['10.7.0.9', '10.7.0.9/33', 'nonsense/24', '10.7.0.9/-1'])
    assert.throws(
      () => range([ip]),
      ({ code }: { code: number }) => code === 100,
      ip,
    );
});

const tools = [
  HOST_LOCAL,
  [`${HOST_LOCAL_FOLDER}/bridge`, 'containernetworking-plugins'],
  OPENSSL,
  ['ip', 'iproute2'],
  ['nsenter', 'util-linux'],
  ['ping', 'iputils-ping'],
] as const;
await withTools('pods with claims', tools, register, () =>
  canMakeNamespaces() ? [] : ['root, or right to make network namespaces'],
);
test.run();

const PODS = '/api/v1/namespaces/default/pods/';
const CLAIM = '/apis/k8s.cni.cncf.io/v1alpha1/namespaces/default/ipamclaims/vm-a.blue';

/** The pods of a machine, and its claim, as KubeVirt's extension and the hooks make them. */
function give(api: ApiServer, pods: readonly string[], claim: object = {}): void {
  const networks = JSON.stringify([
    { name: 'blue', namespace: 'default', 'ipam-claim-reference': 'vm-a.blue' },
  ]);
  const named = pods.map((name) => [
    `${PODS}${name}`,
    { metadata: { name, annotations: { 'k8s.v1.cni.cncf.io/networks': networks } } },
  ]);
  api.objects = Object.fromEntries([
    ...named,
    [`${PODS}plain`, { metadata: { name: 'plain' } }],
    [
      CLAIM,
      {
        metadata: {
          name: 'vm-a.blue',
          namespace: 'default',
          annotations: { 'metaipam.io/gateways': '10.7.0.1' },
        },
        spec: { network: 'blue', interface: '' },
        status: { ips: ['10.7.0.9/24', 'fd00:7::9/64'] },
        ...claim,
      },
    ],
  ]);
}

async function register(): Promise<void> {
  const { folder } = await programs();
  const work = scratch();
  const namespaces: string[] = [];
  const namespace = (name: string) => {
    const full = `metaipam-${process.pid}-${name}`;
    ip('netns', 'add', full);
    namespaces.push(full);
    return `/run/netns/${full}`;
  };
  const own = { name: hostname().toLowerCase(), podCIDRs: ['10.1.0.0/24'], machineID: machineID() };
  const api = await apiServer(join(work, 'api'), [own]);
  const kubeconfig = api.kubeconfig(join(work, 'kubeconfig'));
  // The API server is on the loopback of this namespace: the IPAM plugin, which touches no interface, runs here.
  const plugins = join(work, 'plugins');
  mkdirSync(plugins);
  const inside = `#!/bin/sh\nexec /usr/bin/nsenter --net=/proc/${process.pid}/ns/net ${folder}/kube-node\n`;
  writeFileSync(join(plugins, 'kube-node'), inside);
  chmodSync(join(plugins, 'kube-node'), 0o755);
  test.after(() => {
    api.close();
    for (const name of namespaces) ip('netns', 'del', name);
  });

  interface Machine {
    readonly name: string;
    readonly netns: string;
  }
  const machines: Machine[] = ['one', 'two'].map((name) => ({ name, netns: namespace(name) }));
  const within = (netns: string, program: string, args: readonly string[], env = {}, stdin = '') =>
    run('/usr/bin/nsenter', {
      args: [`--net=${netns}`, program, ...args],
      env: { PATH: process.env.PATH ?? '', ...env },
      stdin,
    });
  const config = (machine: Machine, more: object = {}) =>
    JSON.stringify({
      ...{ cniVersion: '1.0.0', name: 'blue', type: 'bridge', bridge: 'blue0', allowPersistentIPs: true },
      ipam: { type: 'kube-node', kubeconfig, dataDir: join(work, machine.name) },
      ...more,
    });
  const env = (command: string, machine: Machine, pod: string, netns = '/run/netns/none') =>
    cniEnv(command, pod, {
      ...{ CNI_NETNS: netns, CNI_IFNAME: 'net1', CNI_PATH: `${plugins}:${HOST_LOCAL_FOLDER}` },
      METAIPAM_CNI_CACHE: join(work, `cache-${machine.name}`),
      CNI_ARGS: `IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=${pod}`,
    });
  const bridge = (command: string, machine: Machine, pod: string, netns: string, more?: object) =>
    within(
      machine.netns,
      `${HOST_LOCAL_FOLDER}/bridge`,
      [],
      env(command, machine, pod, netns),
      config(machine, more),
    );
  const kubeNode = (command: string, pod: string, more?: object) =>
    run(join(folder, 'kube-node'), {
      env: env(command, machines[0]!, pod),
      stdin: config(machines[0]!, more),
    });
  const ipsOf = (result: { ips: readonly { address: string }[] }) => result.ips.map(({ address }) => address);

  test('two pods of one claim have its addresses on two nodes, which answers there, after a move here', async () => {
    const [one, two] = machines as [Machine, Machine];
    give(api, ['launcher-1', 'launcher-2']);
    const pods = Object.fromEntries(
      ['launcher-1', 'launcher-2', 'client'].map((pod) => [pod, namespace(pod)]),
    );
    const source = await bridge('ADD', one, 'launcher-1', pods['launcher-1']!);
    const given = addresses(source);
    assert.equal(ipsOf(given), ['10.7.0.9/24', 'fd00:7::9/64']);
    assert.equal(
      given.ips.map(({ gateway }) => gateway),
      ['10.7.0.1', undefined],
    );
    const target = await bridge('ADD', two, 'launcher-2', pods['launcher-2']!);
    assert.equal(addresses(target).ips, given.ips);
    const prevResult = JSON.parse(source.out);
    succeeded(await bridge('CHECK', one, 'launcher-1', pods['launcher-1']!, { prevResult }));

    // One wire between the nodes, and one who asks.
    ip(
      'link',
      'add',
      'wire1',
      'netns',
      one.netns.split('/').at(-1)!,
      'type',
      'veth',
      'peer',
      'wire2',
      'netns',
      two.netns.split('/').at(-1)!,
    );
    for (const [machine, wire] of [
      [one, 'wire1'],
      [two, 'wire2'],
    ] as const) {
      succeeded(await within(machine.netns, 'ip', ['link', 'set', wire, 'master', 'blue0', 'up']));
    }
    const peer = { ips: ['10.7.0.77/24'] };
    give(api, ['client'], { status: peer });
    addresses(await bridge('ADD', one, 'client', pods.client!));
    const answers = async () => {
      const { status, out, err } = await within(pods.client!, 'ping', ['-c1', '-w10', '10.7.0.9']);
      assert.is(status, 0, `${out}${err}`);
    };
    await answers();
    // The machine has moved: the pod that it ran in goes.
    succeeded(await bridge('DEL', one, 'launcher-1', pods['launcher-1']!));
    await within(pods.client!, 'ip', ['neigh', 'flush', 'all']);
    await answers();
    assert.is(
      (await within(pods['launcher-2']!, 'ip', ['addr', 'show', 'net1'])).out.includes('10.7.0.9/24'),
      true,
    );
    succeeded(await bridge('DEL', two, 'launcher-2', pods['launcher-2']!));
  });

  test('on one node an address has one pod at a time, and DEL asks nobody', async () => {
    give(api, ['launcher-1', 'launcher-2']);
    addresses(await kubeNode('ADD', 'launcher-1'));
    assert.match(problem(await kubeNode('ADD', 'launcher-2')).msg, 'no IP addresses available');
    api.requests.length = 0;
    succeeded(await kubeNode('DEL', 'launcher-1'));
    assert.equal(api.requests, []);
    assert.equal(ipsOf(addresses(await kubeNode('ADD', 'launcher-2'))), ['10.7.0.9/24', 'fd00:7::9/64']);
    succeeded(await kubeNode('DEL', 'launcher-2'));
  });

  test('a pod that names no claim, and any in a network that does not allow it, is served as ever', async () => {
    give(api, ['launcher-1']);
    for (const [pod, more] of [
      ['plain', {}],
      ['launcher-1', { allowPersistentIPs: false }],
    ] as const) {
      assert.ok(ipsOf(addresses(await kubeNode('ADD', pod, more)))[0]?.startsWith('10.1.0.'), pod);
      succeeded(await kubeNode('DEL', pod, more));
    }
  });

  test("while a claim has no addresses, is another network's or is not there, the runtime is told to try again", async () => {
    const condition = { type: 'Ready', status: 'False', message: 'no address is free' };
    const table: [claim: object, details: RegExp][] = [
      [
        { status: { ips: [], conditions: [condition] } },
        /vm-a\.blue has no address yet: no address is free$/,
      ],
      [{ status: undefined }, /has no address yet$/],
      [{ spec: { network: 'red' } }, /is of network "red", and this one is blue$/],
    ];
    for (const [claim, details] of table) {
      give(api, ['launcher-1'], claim);
      const said = problem(await kubeNode('ADD', 'launcher-1'));
      assert.is(said.code, 11);
      assert.match(said.details, details);
    }
    api.objects = { [`${PODS}launcher-1`]: api.objects[`${PODS}launcher-1`]! };
    assert.match(
      problem(await kubeNode('ADD', 'launcher-1')).details,
      'IPAMClaim default/vm-a.blue: the API server answers 404',
    );
    api.mood = 'forbids';
    api.token = 'second';
    assert.match(
      problem(await kubeNode('ADD', 'launcher-1')).details,
      'Pod default/launcher-1: the API server answers 401',
    );
  });
}
