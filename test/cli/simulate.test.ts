import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { load } from 'js-yaml';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { controllers } from '../../hooks/index.ts';
import show from '../../lib/cli/show.ts';
import simulate, { simulateCommand } from '../../lib/cli/simulate.ts';
import type { KubernetesObject } from '../../lib/kubernetes/object.ts';
import { run } from './run.ts';

const EXAMPLES = join(import.meta.dirname, '../../examples');
const POOL = `apiVersion: ipam.cluster.x-k8s.io/v1alpha2
kind: InClusterIPPool
metadata: {name: pool-a}
spec: {addresses: [10.0.0.0/29], prefix: 29, gateway: 10.0.0.1}
`;
const claim = (name: string, pool = 'pool-a') => `---
apiVersion: ipam.cluster.x-k8s.io/v1beta2
kind: IPAddressClaim
metadata: {name: ${name}}
spec: {poolRef: {apiGroup: ipam.cluster.x-k8s.io, kind: InClusterIPPool, name: ${pool}}}
`;
const WORLD = POOL + claim('a') + claim('b') + claim('lost', 'nowhere');

const simulated = (stdin: string, ...argv: string[]) => run(simulate.run, ['-f', '-', ...argv], { stdin });

test('the account: pools and their picture, claims with their address or why they wait', async () => {
  const { code, out, err } = await simulated(WORLD);
  assert.is(err, '');
  assert.is(code, 0);
  assert.match(
    out,
    'InClusterIPPool default/pool-a  total 5, used 2, free 3, waiting 0  Ready\n    10.0.0.0  ░░██···░\n',
  );
  assert.match(out, /default\/a +InClusterIPPool pool-a +10\.0\.0\.2\/29, gateway 10\.0\.0\.1\n/);
  assert.match(out, /default\/b +InClusterIPPool pool-a +10\.0\.0\.3\/29/);
  assert.match(out, /default\/lost +InClusterIPPool nowhere +waits: PoolNotReady: .*nowhere/);
  assert.match(out, '░ gateway, reserved');
});

test("a claim has the IPAddress that was there before it, of its pool's length or not; another's stays as it is", async () => {
  const prefixes = `apiVersion: ipam.cluster.x-k8s.io/v1alpha2
kind: InClusterPrefixPool
metadata: {name: nets}
spec: {prefixes: ["fd00::/56"], allocationPrefixLength: 64}
`;
  const poolRef = (kind: string, name: string) =>
    `{apiGroup: ipam.cluster.x-k8s.io, kind: ${kind}, name: ${name}}`;
  const address = (name: string, ref: string, text: string, prefix: number) => `---
apiVersion: ipam.cluster.x-k8s.io/v1beta2
kind: IPAddress
metadata: {name: ${name}}
spec: {claimRef: {name: ${name}}, poolRef: ${ref}, address: "${text}", prefix: ${prefix}}
`;
  const [ofPool, ofNets] = [poolRef('InClusterIPPool', 'pool-a'), poolRef('InClusterPrefixPool', 'nets')];
  const net = (name: string) => claim(name, 'nets').replace('InClusterIPPool', 'InClusterPrefixPool');
  const world = [
    `${WORLD}---\n${prefixes}`,
    address('b', ofPool, '10.0.0.5', 29),
    address('of-nobody', ofPool, '10.0.0.6', 29),
    address('wide', ofNets, 'fd00:0:0:10::', 60),
    ...['wide', 'new'].map(net),
  ].join('');
  const { code, out, err } = await simulated(world);
  assert.equal({ code, err }, { code: 0, err: '' });
  assert.match(out, /default\/b +InClusterIPPool pool-a +10\.0\.0\.5\/29\n/);
  assert.match(out, /default\/wide +InClusterPrefixPool nets +fd00:0:0:10::\/60\n/);
  assert.match(out, /default\/new +InClusterPrefixPool nets +fd00::\/64\n/);
  const { items } = JSON.parse((await simulated(world, '-o', 'json')).out) as { items: KubernetesObject[] };
  const owners = items
    .filter(({ kind }) => kind === 'IPAddress')
    .map(({ metadata: { name, ownerReferences = [] } }) => [
      name,
      ownerReferences.map(({ kind }) => kind).sort(),
    ]);
  assert.equal(owners, [
    ['a', ['IPAddressClaim', 'InClusterIPPool']],
    ['b', ['IPAddressClaim', 'InClusterIPPool']],
    ['new', ['IPAddressClaim', 'InClusterPrefixPool']],
    ['of-nobody', []],
    ['wide', ['IPAddressClaim', 'InClusterPrefixPool']],
  ]);
});

test('no node gets addresses of a ServiceCIDR', async () => {
  const world = `apiVersion: networking.k8s.io/v1
kind: ServiceCIDR
metadata: {name: kubernetes}
spec: {cidrs: [10.244.0.0/24]}
---
apiVersion: networking.x-k8s.io/v1
kind: ClusterCIDR
metadata: {name: all}
spec: {perNodeHostBits: 8, ipv4: 10.244.0.0/16}
---
apiVersion: v1
kind: Node
metadata: {name: worker}
`;
  const { code, out, err } = await simulated(world);
  assert.equal({ code, err }, { code: 0, err: '' });
  assert.match(out, /worker +10\.244\.1\.0\/24\n/);
});

test('an object of Cluster API that is a template', async () => {
  const { code, err } = await simulated(
    `apiVersion: cluster.x-k8s.io/v1beta2\nkind: Cluster\nmetadata:\n  name: \${CLUSTER_NAME}\n`,
  );
  assert.is(code, 1);
  assert.match(
    err,
    /metadata\.name: .*; \$\{CLUSTER_NAME\} is of a template: render it first, as envsubst or/,
  );
});

test('colour is the only difference on a terminal', async () => {
  const { out } = await run(simulate.run, ['-f', '-'], { stdin: WORLD, isTTY: true });
  assert.match(out, '\u001b[32m██\u001b[0m');
  assert.is(stripVTControlCharacters(out), (await simulated(WORLD)).out);
});

test('-o json: one List of every object, sorted, the same every time', async () => {
  const { code, out } = await simulated(WORLD, '-o', 'json');
  assert.is(code, 0);
  const { apiVersion, kind, items } = JSON.parse(out) as {
    apiVersion: string;
    kind: string;
    items: KubernetesObject[];
  };
  assert.equal({ apiVersion, kind }, { apiVersion: 'v1', kind: 'List' });
  const names = items.map(({ kind, metadata: { namespace = '', name } }) => `${kind} ${namespace} ${name}`);
  assert.equal(names, [...names].sort());
  for (const name of [
    'IPAddress default a',
    'AllocationSlice default pool-a.10.0.0.0-27',
    'IPAddressClaim default lost',
  ]) {
    assert.ok(names.includes(name), name);
  }
  assert.ok(names.includes('PodNetwork  default'));
  assert.is((await simulated(WORLD, '-o=json')).out, out);
});

test('-o yaml says the same, integers with every digit', async () => {
  const pool = POOL.replaceAll('10.0.0.0/29', 'fd00::/64').replace('29', '64').replace('10.0.0.1', 'fd00::1');
  const { out } = await simulated(pool, '-o', 'yaml');
  assert.match(out, 'total: 9223372036854775807\n');
  const plain = await simulated(WORLD, '-o', 'yaml');
  assert.equal(load(plain.out), JSON.parse((await simulated(WORLD, '-o', 'json')).out));
});

test('a namespace that is named is kept, cluster-scoped objects have none', async () => {
  const namespaced = POOL.replace('{name: pool-a}', '{name: pool-a, namespace: team}');
  assert.match((await simulated(namespaced)).out, 'InClusterIPPool team/pool-a ');
  const global = POOL.replace('kind: In', 'kind: GlobalIn');
  assert.match((await simulated(global)).out, 'GlobalInClusterIPPool pool-a ');
});

test('nothing to tell', async () => {
  const none = { apiVersion: 'v1', kind: 'List', items: [] };
  assert.equal(await simulated(JSON.stringify(none)), {
    code: 0,
    out: 'No pools, claims, ClusterCIDRs or nodes.\n',
    err: '',
  });
  assert.equal(await simulated(''), { code: 1, out: '', err: '<stdin>: there is no object in it\n' });
});

test('exit 1: what an API server would refuse, by file, document, field and reason', async () => {
  const { code, out, err } = await simulated(
    `${POOL}---\n${POOL.replace('prefix: 29', 'prefix: wide')}---\nkind: A\n---\napiVersion: v9\nkind: Alien\nmetadata: {name: x}\n`,
  );
  assert.is(code, 1);
  assert.is(out, '');
  const lines = err.trimEnd().split('\n');
  assert.is(lines.length, 3);
  assert.is(lines[0], '<stdin>:11: document 3: apiVersion: is required');
  assert.match(lines[1]!, /^<stdin>:9: document 2: InClusterIPPool default\/pool-a: spec\.prefix: /);
  assert.match(lines[2]!, /^<stdin>:\d+: document 2: InClusterIPPool default\/pool-a: is given twice/);
});

test('exit 1: every rule that an object breaks, as validate says it', async () => {
  const { code, err } = await simulated(POOL.replace('10.0.0.0/29', '10.0.0.300, 10.0.0.9-10.0.0.5'));
  assert.is(code, 1);
  const message = 'provided address is not a valid IP, range, nor CIDR';
  assert.equal(err.trimEnd().split('\n'), [
    `<stdin>:4: InClusterIPPool default/pool-a: spec.addresses[0]: Invalid value: "10.0.0.300": ${message}; 300 is more than 255`,
    `<stdin>:4: InClusterIPPool default/pool-a: spec.addresses[1]: Invalid value: "10.0.0.9-10.0.0.5": ${message}; write 10.0.0.5-10.0.0.9: the lower address first`,
  ]);
});

test('pools of different namespaces that name one space do not share it, and both say so', async () => {
  const pool = (kind: string, metadata: string) => `---
apiVersion: ipam.cluster.x-k8s.io/v1alpha2
kind: ${kind}
metadata: {${metadata}, annotations: {metaipam.io/address-space: lan}}
spec: {addresses: [10.4.0.20-10.4.0.29], prefix: 24}
`;
  const pools =
    pool('InClusterIPPool', 'name: a, namespace: team-a') +
    pool('InClusterIPPool', 'name: b, namespace: team-b') +
    pool('GlobalInClusterIPPool', 'name: g');
  const { code, out, err } = await simulated(pools);
  assert.is(code, 0);
  assert.match(err, 'warning: ');
  assert.match(
    out,
    /team-a\/a .* ready, Overlapping: overlaps .*InClusterIPPool team-b\/b in 10\.4\.0\.20-10\.4\.0\.29 \(both name/,
  );
  const list = JSON.parse((await simulated(pools, '-o', 'json')).out) as { items: KubernetesObject[] };
  const said = list.items.flatMap((object) => {
    const { status } = object as { status?: { conditions?: { type: string; status: string }[] } };
    return status?.conditions?.filter(({ type }) => type === 'Overlapping').map((each) => each.status) ?? [];
  });
  assert.equal(said, ['True', 'True', 'True']);
});

test('exit 3: a hook that keeps failing, and one that never says the same twice', async () => {
  const failing = simulateCommand(async () => ({
    ...controllers,
    pools: {
      ...controllers.pools!,
      sync: () => {
        throw new Error('out of luck');
      },
    },
  }));
  const failed = await run(failing.run, ['-f', '-'], { stdin: POOL });
  assert.is(failed.code, 3);
  assert.match(failed.err, /^pools default\/pool-a keeps failing: .*out of luck/m);

  let calls = 0;
  const spec = {
    poolRef: { apiGroup: 'ipam.cluster.x-k8s.io', kind: 'InClusterIPPool', name: 'pool-a', uid: 'p' },
    answers: { c: { reason: 'PoolExhausted', message: 'none' } },
  };
  const restless = simulateCommand(async () => ({
    ...controllers,
    pools: {
      ...controllers.pools!,
      sync: () => ({
        children: [
          {
            apiVersion: 'metaipam.io/v1alpha1',
            kind: 'AllocationSlice',
            metadata: { name: `pool-a.answers-${++calls}`, namespace: 'default' },
            spec,
          },
        ],
      }),
      customize: () => ({ relatedResources: [] }),
      finalize: () => ({ children: [], finalized: true }),
    },
  }));
  const looped = await run(restless.run, ['-f', '-'], { stdin: POOL });
  assert.is(looped.code, 3);
  assert.match(looped.err, 'the cluster does not settle');
  assert.match(looped.err, /^pools default\/pool-a: \d+ syncs$/m);
});

test('no line of it is wider than the terminal, and none of show', async () => {
  const state = await run(simulate.run, ['-f', EXAMPLES, '-o', 'json']);
  for (const columns of [60, 80, 100]) {
    const texts = [
      await run(simulate.run, ['-f', EXAMPLES], { isTTY: true, columns }),
      await run(show.run, ['-f', '-'], { stdin: state.out, isTTY: true, columns }),
      await run(show.run, ['machines', 'net1', '-f', '-', '-o', 'wide'], {
        stdin: state.out,
        isTTY: true,
        columns,
      }),
    ];
    const lines = texts.flatMap(({ out }) => stripVTControlCharacters(out).split('\n'));
    assert.ok(lines.length > 200);
    assert.equal(
      lines.filter(({ length }) => length > columns),
      [],
      String(columns),
    );
  }
});

test('from the state of a cluster, which another provider served, claims keep their addresses', async () => {
  const group = 'ipam.cluster.x-k8s.io';
  const meta = (name: string, uid: string, rest: object = {}) => ({
    metadata: { name, namespace: 'default', uid, creationTimestamp: '2026-01-01T00:00:00Z', ...rest },
  });
  const poolRef = { apiGroup: group, kind: 'InClusterIPPool', name: 'p' };
  const owner = {
    apiVersion: `${group}/v1beta2`,
    kind: 'IPAddressClaim',
    name: 'a',
    uid: 'of-a',
    controller: true,
  };
  const claim = (name: string) => ({
    apiVersion: `${group}/v1beta2`,
    kind: 'IPAddressClaim',
    spec: { poolRef },
    ...meta(name, `of-${name}`),
  });
  const items = [
    {
      apiVersion: `${group}/v1alpha2`,
      kind: 'InClusterIPPool',
      ...meta('p', 'of-p'),
      spec: { addresses: ['10.0.0.1-10.0.0.9'], prefix: 24 },
    },
    {
      ...claim('a'),
      status: { addressRef: { name: 'a' } },
    },
    {
      apiVersion: `${group}/v1beta2`,
      kind: 'IPAddress',
      ...meta('a', 'of-address', { ownerReferences: [owner] }),
      spec: { poolRef, claimRef: { name: 'a' }, address: '10.0.0.7', prefix: 24 },
    },
    claim('b'),
  ];
  const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
  const claims = async (stdin: string) => {
    const { code, out, err } = await run(simulate.run, ['-f', '-', '--fail-on-waiting'], { stdin });
    assert.equal([code, err], [0, ''], out);
    return out.split('\n').filter((line) => line.startsWith('  default/'));
  };
  assert.equal(await claims(list), [
    '  default/a  InClusterIPPool p  10.0.0.7/24',
    '  default/b  InClusterIPPool p  10.0.0.1/24',
  ]);
});

test('from what it printed, to which something is added', async () => {
  const { out } = await simulated(POOL + claim('b') + claim('c'), '-o', 'json');
  const state = JSON.parse(out);
  state.items.unshift(load(claim('a')));
  const again = await simulated(JSON.stringify(state));
  assert.equal([again.code, again.err], [0, '']);
  for (const said of [
    /default\/a +InClusterIPPool pool-a +10\.0\.0\.4\/29/,
    /default\/b +InClusterIPPool pool-a +10\.0\.0\.2\/29/,
    /default\/c +InClusterIPPool pool-a +10\.0\.0\.3\/29/,
  ])
    assert.match(again.out, said);
});

test.run();
