/** Pods that name an IPAMClaim: its addresses on whatever node they run. */
import { chmodSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { claimFacts, claimReferences } from '../../lib/cni/claim-facts.ts';
import { CLAIMS_HOLD, knownAnswer, readClaims, writeClaims } from '../../lib/cni/known-claims.ts';
import { claimedRanges } from '../../lib/cni/pod-claim.ts';
import { nodeRanges } from '../../lib/cni/ranges.ts';
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
  const table: [text: string, references: object][] = [
    [named, { net1: 'one', pod16477688c0e: 'two', net3: null }],
    ['a,default/b@lan, c', { net1: null, lan: null, net3: null }],
    ['', {}],
    ['{"name": "a", "ipam-claim-reference": "one"}', {}],
    ['[{"name":', {}],
    ['[null, 1, {"ipam-claim-reference": 7}]', { net1: null, net2: null, net3: null }],
    [
      '[{"ipam-claim-reference": "one"}, {"interface": "net1", "ipam-claim-reference": "two"}]',
      { net1: 'one' },
    ],
    ['[{"interface": "__proto__", "ipam-claim-reference": "one"}]', JSON.parse('{"__proto__": "one"}')],
  ];
  for (const [text, references] of table)
    assert.equal(Object.entries(claimReferences(text)).sort(), Object.entries(references).sort(), text);
});

const GIVEN = {
  ...{ uid: 'u', resourceVersion: '7', network: 'blue', ips: ['10.7.0.9/24'], gateways: ['10.7.0.1'] },
};
const KNOWN = {
  pods: {
    'default/launcher': { uid: 'p', references: { net1: 'vm-a.blue', net2: null, net3: 'vm-b.blue' } },
    'default/other': { uid: 'o', references: { net1: 'waiting' } },
  },
  claims: {
    'default/vm-a.blue': GIVEN,
    'default/waiting': { ...GIVEN, ips: [], why: 'no address is free' },
  },
  seenAt: 1_000_000,
};

test('what the agent has seen answers for pods and interfaces that it knows, and for no others', () => {
  const question = { namespace: 'default', pod: 'launcher', ifname: 'net1', network: 'blue' };
  const given = { claim: { name: 'default/vm-a.blue', ips: GIVEN.ips, gateways: GIVEN.gateways } };
  const red = { problem: 'IPAMClaim default/vm-a.blue is of network "blue", and this one is red' };
  const waits = { problem: 'IPAMClaim default/waiting has no address yet: no address is free' };
  const table: [change: object, known: object | string, mayChange: boolean][] = [
    [{}, given, false],
    [{ uid: 'p' }, given, false],
    [{ uid: 'of a pod of the same name' }, 'Pod default/launcher', true],
    [{ ifname: 'net2' }, { claim: null }, false],
    [{ ifname: 'net3' }, 'IPAMClaim default/vm-b.blue', true],
    [{ ifname: 'pod16477688c0e' }, 'pod16477688c0e of Pod default/launcher', false],
    [{ ifname: 'constructor' }, 'constructor of Pod default/launcher', false],
    [{ pod: 'constructor' }, 'Pod default/constructor', true],
    [{ pod: 'new' }, 'Pod default/new', true],
    [{ namespace: 'other' }, 'Pod other/launcher', true],
    [{ network: 'red' }, red, true],
    [{ pod: 'other' }, waits, true],
  ];
  for (const [change, known, mayChange] of table) {
    const expected = typeof known === 'string' ? { unseen: known } : { answer: known };
    assert.equal(
      knownAnswer(KNOWN, { ...question, ...change }),
      { ...expected, mayChange },
      JSON.stringify(change),
    );
  }
});

test('what the agent has seen holds for two minutes; what is not whole, or from a time to come, never did', () => {
  const text = writeClaims(KNOWN);
  assert.equal(readClaims(text, KNOWN.seenAt), KNOWN);
  assert.equal(readClaims(text, KNOWN.seenAt + CLAIMS_HOLD - 1), KNOWN);
  assert.is(readClaims(text, KNOWN.seenAt + CLAIMS_HOLD), undefined);
  assert.is(readClaims(text, KNOWN.seenAt - 1), undefined);
  const pod = { uid: 'p', references: {} };
  const changes: object[] = [
    { version: 2 },
    { seenAt: '1' },
    { pods: [] },
    { pods: { 'default/launcher': { ...pod, uid: 1 } } },
    { pods: { 'default/launcher': { ...pod, references: { net1: 1 } } } },
    { claims: null },
    { claims: { 'default/vm-a.blue': { ...GIVEN, ips: '10.7.0.9/24' } } },
    { claims: { 'default/vm-a.blue': { ...GIVEN, gateways: [1] } } },
    { claims: { 'default/vm-a.blue': { ...GIVEN, network: undefined } } },
    { claims: { 'default/vm-a.blue': null } },
  ];
  const texts = changes.map((change) => JSON.stringify({ ...JSON.parse(text), ...change }));
  for (const broken of [undefined, '', 'null', '[]', text.slice(0, -2), ...texts])
    assert.is(readClaims(broken, KNOWN.seenAt), undefined, broken);
});

test('of an IPAMClaim its addresses and gateways count, or why it has none', () => {
  const metadata = { uid: 'u', resourceVersion: '7', annotations: { 'metaipam.io/gateways': '10.7.0.1' } };
  const ready = (message: string) => [{ type: 'Other', message: 'x' }, null, { type: 'Ready', message }];
  const spec = { network: 'blue', interface: '' };
  assert.equal(
    claimFacts({ metadata, spec, status: { ips: ['10.7.0.9/24', 7], conditions: ready('old') } }),
    GIVEN,
  );
  const labels = { 'metaipam.io/network': 'red' };
  assert.is(claimFacts({ metadata: { ...metadata, labels }, spec }).network, 'red');
  const waiting = { ...GIVEN, ips: [], gateways: [] };
  const bare = { metadata: { uid: 'u', resourceVersion: '7' }, spec };
  assert.equal(claimFacts({ ...bare, status: { conditions: ready('none') } }), { ...waiting, why: 'none' });
  assert.equal(claimFacts({ ...bare, status: { ips: null, conditions: ready('') } }), waiting);
  assert.equal(claimFacts({}), { ...waiting, uid: '', resourceVersion: '', network: '' });
});

const NOTHING = { subnets: [], routes: [] };

test('a claim has the gateway of its subnet in the network, if its pools name none, and routes of its families', () => {
  const annotation = {
    ranges: [
      { subnet: '10.7.0.0/16', rangeStart: '10.7.1.0', rangeEnd: '10.7.1.9', gateway: '10.7.255.254' },
      { subnet: '10.7.0.0/24', gateway: '10.7.0.200' },
      'fd00:7::/64',
    ],
    routes: [{ dst: '10.96.0.0/12', gw: '10.7.255.254' }, { dst: 'fd00:96::/112' }],
  };
  const node = { name: 'n', podCIDRs: [], annotations: { blue: JSON.stringify(annotation) } };
  const of = (ips: string[], gateways: string[]) => {
    const claim = { name: 'default/vm', ips, gateways };
    const { routes, corrections } = claimedRanges(claim, nodeRanges(node, 'blue'));
    return [corrections.map(({ gateway }) => gateway), routes.map(({ dst }) => dst)];
  };
  assert.equal(of(['10.7.8.9/16'], []), [['10.7.255.254'], ['10.96.0.0/12']]);
  assert.equal(of(['10.7.8.9/16'], ['10.7.0.1']), [['10.7.0.1'], ['10.96.0.0/12']]);
  assert.equal(of(['10.7.8.9/20', 'fd00:7::9/64'], []), [
    [undefined, undefined],
    ['10.96.0.0/12', 'fd00:96::/112'],
  ]);
  assert.equal(of(['fd00:7::9/64'], []), [[undefined], ['fd00:96::/112']]);
});

test('host-local is given each address as a range, and a gateway that is not it', () => {
  const range = (ips: string[], gateways: string[] = []) =>
    claimedRanges({ name: 'default/vm', ips, gateways }, NOTHING).ranges.map(([range]) =>
      Object.values(range!),
    );
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
  const env = (command: string, machine: Machine, pod: string, netns = '/run/netns/none', uid = '') =>
    cniEnv(command, pod, {
      ...{ CNI_NETNS: netns, CNI_IFNAME: 'net1', CNI_PATH: `${plugins}:${HOST_LOCAL_FOLDER}` },
      METAIPAM_CNI_CACHE: join(work, `cache-${machine.name}`),
      CNI_ARGS: `IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=${pod}${uid && `;K8S_POD_UID=${uid}`}`,
    });
  const bridge = (command: string, machine: Machine, pod: string, netns: string, more?: object) =>
    within(
      machine.netns,
      `${HOST_LOCAL_FOLDER}/bridge`,
      [],
      env(command, machine, pod, netns),
      config(machine, more),
    );
  const kubeNode = (command: string, pod: string, more?: object, uid?: string) =>
    run(join(folder, 'kube-node'), {
      env: env(command, machines[0]!, pod, undefined, uid),
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

  const file = join(work, 'cache-one/claims.json');
  /** As the agent of the first machine has seen it, so many milliseconds ago. */
  const seen = (pods: object, claims: object, age = 0, path = file) => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, JSON.stringify({ version: 1, pods, claims, seenAt: Date.now() - age }));
  };
  const pod = { uid: 'uid-1', references: { net1: 'vm-a.blue' } };
  const claim = { uid: 'u', resourceVersion: '7', network: 'blue', ips: ['10.7.0.9/24'], gateways: [] };
  const known = (change: object = {}) =>
    [{ 'default/launcher-1': pod }, { 'default/vm-a.blue': { ...claim, ...change } }] as const;

  test('what the agent keeps answers an ADD, and nobody is asked', async () => {
    api.mood = 'breaks off';
    api.requests.length = 0;
    try {
      seen(...known());
      assert.equal(ipsOf(addresses(await kubeNode('ADD', 'launcher-1'))), ['10.7.0.9/24']);
      succeeded(await kubeNode('DEL', 'launcher-1'));
      // Not even where there is nobody to ask.
      const alone = { ipam: { type: 'kube-node', dataDir: join(work, 'one') } };
      assert.equal(ipsOf(addresses(await kubeNode('ADD', 'launcher-1', alone))), ['10.7.0.9/24']);
      succeeded(await kubeNode('DEL', 'launcher-1', alone));
      seen(...known({ ips: [], why: 'no address is free' }));
      const said = problem(await kubeNode('ADD', 'launcher-1'));
      assert.is(said.code, 11);
      assert.match(said.details, 'vm-a.blue has no address yet: no address is free');
      assert.equal(api.requests, []);
      // A pod that names no claim has what the node has.
      seen({ 'default/plain': { uid: 'uid-2', references: { net1: null } } }, {});
      writeFileSync(
        join(work, 'cache-one/node.json'),
        JSON.stringify({
          ...{ version: 1, name: 'n', podCIDRs: ['10.1.0.0/24'], annotations: {} },
          seenAt: Date.now(),
        }),
      );
      assert.ok(ipsOf(addresses(await kubeNode('ADD', 'plain')))[0]?.startsWith('10.1.0.'));
      succeeded(await kubeNode('DEL', 'plain'));
      assert.equal(api.requests, []);
    } finally {
      api.mood = 'well';
      rmSync(file);
    }
  });

  test('in a flat network a pod of a claim has its prefix, gateway and routes, as other pods of it', async () => {
    const [one] = machines as [Machine, Machine];
    const subnet = { subnet: '10.7.0.0/16', rangeStart: '10.7.1.0', rangeEnd: '10.7.1.63' };
    const flat = {
      ranges: [{ ...subnet, gateway: '10.7.255.254' }],
      routes: [{ dst: '10.96.0.0/12', gw: '10.7.255.254' }, { dst: '10.4.0.0/16' }, { dst: 'fd00:96::/112' }],
    };
    const node = { name: 'n', podCIDRs: [], annotations: { blue: JSON.stringify(flat) } };
    const nodeFile = join(work, 'cache-one/node.json');
    mkdirSync(dirname(nodeFile), { recursive: true });
    writeFileSync(nodeFile, JSON.stringify({ version: 1, ...node, seenAt: Date.now() }));
    seen(
      { ...known()[0], 'default/plain': { uid: 'uid-2', references: { net1: null } } },
      known({ ips: ['10.7.8.9/16'] })[1],
    );
    api.requests.length = 0;
    const ipam = {
      ...{ type: 'kube-node', annotation: 'blue', dataDir: join(work, 'flat') },
      routes: [{ dst: '10.4.0.0/16', gw: '10.7.0.4' }],
    };
    const results = [];
    for (const pod of ['launcher-1', 'plain']) {
      const netns = namespace(`flat-${pod}`);
      const result = addresses(await bridge('ADD', one, pod, netns, { bridge: 'flat0', ipam }));
      results.push(result);
      const shown = await within(netns, 'ip', ['route']);
      assert.match(shown.out, '10.7.0.0/16 dev net1');
      assert.match(shown.out, '10.96.0.0/12 via 10.7.255.254 dev net1');
      assert.match(shown.out, '10.4.0.0/16 via 10.7.0.4 dev net1');
      const prevResult = result;
      succeeded(await bridge('CHECK', one, pod, netns, { bridge: 'flat0', ipam, prevResult }));
      succeeded(await bridge('DEL', one, pod, netns, { bridge: 'flat0', ipam }));
    }
    const [claimed, plain] = results;
    assert.equal(ipsOf(claimed!), ['10.7.8.9/16']);
    assert.match(ipsOf(plain!).join(), /^10\.7\.1\.\d+\/16$/);
    assert.is(claimed!.ips[0]?.gateway, plain!.ips[0]?.gateway);
    assert.is(JSON.stringify(claimed!.routes).includes('fd00'), false);
    // Of a network that the node has nothing of, the claim is enough.
    const other = { ...ipam, annotation: 'nothing' };
    const alone = addresses(await kubeNode('ADD', 'launcher-1', { ipam: other }));
    assert.equal(ipsOf(alone), ['10.7.8.9/16']);
    assert.equal(alone.routes, ipam.routes);
    succeeded(await kubeNode('DEL', 'launcher-1', { ipam: other }));
    assert.equal(api.requests, []);
    rmSync(file);
    rmSync(nodeFile);
  });

  test('an ADD waits a moment for what the agent is about to see', async () => {
    api.requests.length = 0;
    const late: [before: readonly [object, object], name: string][] = [
      [[{}, {}], 'the pod'],
      [[{ 'default/launcher-1': pod }, {}], 'the claim'],
      [known({ ips: [] }), 'its addresses'],
      [[{ 'default/launcher-1': { ...pod, uid: 'of its predecessor' } }, known()[1]], 'this pod'],
    ];
    for (const [before, name] of late) {
      seen(...before);
      const adding = kubeNode('ADD', 'launcher-1', {}, 'uid-1');
      await setTimeout(200);
      seen(...known(), 0, `${file}.new`);
      renameSync(`${file}.new`, file);
      assert.equal(ipsOf(addresses(await adding)), ['10.7.0.9/24'], name);
      succeeded(await kubeNode('DEL', 'launcher-1'));
    }
    assert.equal(api.requests, []);
    rmSync(file);
  });

  test('where the agent has not seen it, or not for two minutes, the API server is asked', async () => {
    give(api, ['launcher-1']);
    const old = known({ ips: ['10.7.0.66/24'] });
    const table: [pods: object, claims: object, age: number, name: string][] = [
      [{}, {}, 0, 'no pod'],
      [{ 'default/launcher-1': pod }, {}, 0, 'no claim'],
      [{ 'default/launcher-1': { ...pod, uid: 'another' } }, old[1], 0, 'another pod of the name'],
      [{ 'default/launcher-1': { ...pod, references: { net2: null } } }, old[1], 0, 'no such interface'],
      [...old, 120_000, 'an agent that has heard nothing'],
      [...old, -60_000, 'a clock that was set back'],
    ];
    for (const [pods, claims, age, name] of table) {
      seen(pods, claims, age);
      api.requests.length = 0;
      const result = addresses(await kubeNode('ADD', 'launcher-1', {}, 'uid-1'));
      assert.equal(ipsOf(result), ['10.7.0.9/24', 'fd00:7::9/64'], name);
      assert.equal(api.requests, [`${PODS}launcher-1`, CLAIM], name);
      succeeded(await kubeNode('DEL', 'launcher-1'));
    }
    writeFileSync(file, '{"version": 1, "pods": {');
    assert.is(ipsOf(addresses(await kubeNode('ADD', 'launcher-1'))).length, 2, 'half a file');
    succeeded(await kubeNode('DEL', 'launcher-1'));
    seen({}, {});
    const alone = { ipam: { type: 'kube-node', dataDir: join(work, 'one') } };
    const said = (ended: Awaited<ReturnType<typeof kubeNode>>) => problem(ended).details;
    const details = 'the node agent has not seen Pod default/launcher-1, and no kubeconfig';
    assert.match(said(await kubeNode('ADD', 'launcher-1', alone)), details);
    rmSync(file);
    const without = 'the node agent has written no .*/claims.json of late, and no kubeconfig';
    assert.match(said(await kubeNode('ADD', 'launcher-1', alone)), new RegExp(without));
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
