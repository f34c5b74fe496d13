/** What the engine makes of manifests, and of what happens to them, is what a real cluster makes of it. */
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadManifests } from '../../lib/cli/manifests.ts';
import simulate from '../../lib/cli/simulate.ts';
import { type ApiRequest, isWrite } from '../../lib/engine/api.ts';
import type { ExecutedStep } from '../../lib/engine/cluster.ts';
import type { Unstructured } from '../../lib/engine/object.ts';
import { parseJson } from '../../lib/json.ts';
import { compareAge, type KubernetesObject } from '../../lib/kubernetes/object.ts';
import { DEFAULT_CONFIG } from '../../lib/metacontroller/hook.ts';
import { run } from '../cli/run.ts';
import { allocationNamed } from './allocations.ts';
import { type Installation, type InstallOptions, install } from './install.ts';
import { assertAlike, laneOf, RealWorld, SimulatedWorld, simulatedCluster, Twins } from './worlds.ts';

/** What a scenario needs beside its namespace. */
type Has = 'claims' | 'global pools' | 'nodes' | 'counts';
const HAS = {
  claims: 'nothing else',
  counts: 'nothing else',
  'global pools': 'global pools',
  nodes: 'nodes',
} as const;
const CACHE_LAG_SECONDS = 2;

type ApplyStrategy = NonNullable<InstallOptions['applyStrategy']>;

const EXAMPLES = join(import.meta.dirname, '..', '..', 'examples');
const PAUSED = 'cluster.x-k8s.io/paused';

/** The suite of examples/, by `metaipam simulate` and by a cluster. */
export function examples(): void {
  const test = suite('parity: ');

  test('the examples, simulated and on a cluster', async () => {
    const installation = await install();
    try {
      // But for IPAMClaims, whose controllers are no part of this install: ipam-claims.e2e.ts has those.
      const files = globSync('*.yaml', { cwd: EXAMPLES })
        .filter((name) => name !== '22-virtual-machines.yaml')
        .map((name) => join(EXAMPLES, name));
      const { code, out, err } = await run(simulate.run, ['-f', ...files, '-o', 'json']);
      assert.is(err, '');
      assert.is(code, 0);
      const simulated = (parseJson(out) as { items: Unstructured[] }).items;
      const real = new RealWorld(installation);
      const { objects } = await loadManifests(files, Readable.from([]));
      const manifests = objects.map(({ object }) => object);
      const isServed = ({ kind }: KubernetesObject) => kind === 'Node' || kind === 'IPAddressClaim';
      const apply = (...items: KubernetesObject[]) =>
        installation.plane.kubectl(
          ['apply', '--filename=-'],
          JSON.stringify({ apiVersion: 'v1', kind: 'List', items }),
        );
      await apply(...manifests.filter((object) => !isServed(object)));
      await real.quiet();
      // One by one, as a cluster may hear of nodes and claims that are made together in any order, and as the simulation
      // serves them: by name.
      for (const object of manifests.filter(isServed).sort(compareAge)) {
        await apply(object);
        await real.quiet();
      }
      await assertAlike(simulated, real);
    } finally {
      await installation.stop();
    }
  });

  test.run();
}

/**
 * The suite of sequences, done in the engine and on a cluster side by side.
 *
 * Of claims that are made together under a pool that is there already the second may be heard of, and served, first: those
 * that want the same are made one by one, or before their pool.
 */
export function parity(applyStrategy: ApplyStrategy): void {
  const test = suite(`parity, ${applyStrategy}: `);
  let installation: Installation;
  const scenarios: { readonly has: Has; readonly run: () => Promise<void>; readonly done: Done }[] = [];

  test.before(async () => {
    // What is long gone in virtual time should soon be gone in ours.
    const serveArgs = ['--log-level=debug', `--cache-lag=${CACHE_LAG_SECONDS}s`];
    // Hooks are held against each other also on what the policies would refuse.
    installation = await install({ applyStrategy, serveArgs, withoutValidation: true });
    void runAll();
  });
  test.after(() => installation?.stop());

  /** Side by side, but for those that cannot be: whoever counts requests, and those with nodes. */
  async function runAll(): Promise<void> {
    const having = (...what: Has[]) => scenarios.filter(({ has }) => what.includes(has));
    await inTurn(having('counts'));
    for (const one of having('claims', 'global pools')) void inTurn([one]);
    await inTurn(having('nodes'));
  }

  /** Worlds that differ stay so: the first to fail is the last. */
  async function inTurn(some: typeof scenarios): Promise<void> {
    let before = Promise.resolve();
    for (const { run, done } of some) {
      before = before.then(run);
      await before.then(done.resolve, done.reject);
    }
  }

  /** A sequence in a namespace of its own, which begins and ends with nothing but the installation. */
  function scenario(
    title: string,
    body: (twins: Twins, writes: Counts) => Promise<void>,
    has: Has = 'claims',
  ): void {
    const lane = laneOf(`parity-${scenarios.length}`, HAS[has]);
    const run = async () => {
      await makeNamespace(installation, lane.namespaces[0]!);
      /** What the engine's controllers have written, by verb and resource. */
      const simulatedWrites: Counts = new Map();
      const observe = ({ step }: ExecutedStep) => {
        if (step.kind === 'api' && isWrite(step.request)) count(simulatedWrites, titleOf(step.request));
      };
      const config = { ...DEFAULT_CONFIG, cacheLagSeconds: CACHE_LAG_SECONDS };
      const world = new SimulatedWorld(simulatedCluster({ applyStrategy, config, observe }));
      const twins = new Twins(world, new RealWorld(installation, lane), lane);
      await twins.agree();
      await body(twins, simulatedWrites);
      await twins.clear();
    };
    const done = Promise.withResolvers<void>();
    done.promise.catch(() => {});
    scenarios.push({ has, run, done });
    test(title, () => done.promise);
  }

  scenario(
    "one claim's life takes the same writes",
    async (twins, simulatedWrites) => {
      await twins.apply(pool({ addresses: ['10.0.0.0/24'] }));
      const lifeOf = async (name: string) => {
        simulatedWrites.clear();
        const before = await realWrites(installation);
        await twins.apply(claim(name));
        await twins.delete(claim(name));
        // The user's own, which are none of a controller's.
        count(simulatedWrites, 'APPLY ipaddressclaims');
        count(simulatedWrites, 'DELETE ipaddressclaims');
        const real = await realWrites(installation);
        for (const [title, number] of before) count(real, title, -number);
        return [real, simulatedWrites].map((counts) =>
          [...counts]
            .filter(([, number]) => number > 0)
            .map(([title, number]) => `${number} ${title}`)
            .sort(),
        );
      };
      let [real, simulated] = await lifeOf('a');
      // A conflict, which a busy cluster may see, can cost a write more.
      for (const name of ['b', 'c', 'd', 'e']) {
        if (String(real) !== String(simulated)) [real, simulated] = await lifeOf(name);
      }
      assert.equal(real, simulated);
    },
    'counts',
  );

  scenario('an installation without anything', async () => {}, 'nodes');

  scenario('claims, before and after their pool, come and go', async (twins) => {
    const claims = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((name) => claim(name));
    await twins.apply(claim('a'), claim('b'));
    await twins.apply(pool({ addresses: ['10.0.0.0/29'], gateway: '10.0.0.1', prefix: 29 }));
    for (const each of claims.slice(2)) await twins.apply(each);
    await twins.delete(claim('b'));
    // One at a time: who waits gets the address that is free first.
    await twins.delete(claim('a'));
    await twins.delete(claim('c'));
    await twins.apply(pool({ addresses: ['10.0.0.4'], prefix: 29 }));
    await twins.delete(pool({}));
    await twins.delete(...claims.slice(3));
  });

  scenario('a pool is deleted before its claims', async (twins) => {
    await twins.apply(pool({ addresses: ['10.0.0.0/24'] }), claim('a'));
    await twins.apply(claim('b'));
    await twins.delete(pool({}));
    await twins.apply(claim('late'));
    await twins.delete(claim('a'));
    await twins.delete(claim('b'));
    await twins.apply(pool({ addresses: ['10.0.0.9'] }));
  });

  scenario(
    'a global pool serves two namespaces',
    async (twins) => {
      const kind = 'GlobalInClusterIPPool';
      const global = { ...pool({ addresses: ['10.1.0.1-10.1.0.3'] }), kind, metadata: { name: 'pool' } };
      const poolRef = { apiGroup: 'ipam.cluster.x-k8s.io', kind, name: 'pool' };
      const of = (namespace: string) => claim('a', { namespace }, { poolRef });
      const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'other' } };
      await twins.apply(namespace, global, of('default'));
      await twins.apply(of('other'));
      await twins.delete(of('default'));
      await twins.delete(namespace);
    },
    'global pools',
  );

  scenario('reuse grace periods: one that runs out, one that does not', async (twins) => {
    const spec = { addresses: ['10.0.0.1'], addressReuseGracePeriodSeconds: 2 };
    await twins.apply(pool(spec), claim('a'));
    await twins.delete(claim('a'));
    await twins.apply(pool({ ...spec, addressReuseGracePeriodSeconds: 6000 }), claim('b'));
    await twins.delete(claim('b'));
    await twins.apply(claim('c'));
    await twins.apply(pool({ ...spec, addressReuseGracePeriodSeconds: 0 }));
  });

  scenario('requested addresses that collide, lie outside or say nothing', async (twins) => {
    const asking = (name: string, address: string) =>
      claim(name, { annotations: { 'metaipam.io/requested-address': address } });
    // Before their pool, which so hears of all of them at once.
    await twins.apply(
      asking('a', '10.0.0.5'),
      asking('b', '10.0.0.5'),
      asking('c', '10.0.0.1'),
      asking('d', '10.0.1.1'),
      asking('e', 'ten'),
      asking('f', ''),
      claim('g'),
    );
    await twins.apply(pool({ addresses: ['10.0.0.0/28'], gateway: '10.0.0.1' }));
    await twins.delete(claim('a'));
    await twins.patch(claim('c'), { metadata: { annotations: { 'metaipam.io/requested-address': null } } });
  });

  scenario('address spaces: two pools that share one, and a name that is none', async (twins) => {
    const inSpace = (name: string, space: string) =>
      pool(
        { addresses: ['10.0.0.1-10.0.0.3'] },
        { name, annotations: { 'metaipam.io/address-space': space } },
      );
    const of = (name: string, poolName: string) =>
      claim(name, {}, { poolRef: { ...claim('').spec.poolRef, name: poolName } });
    await twins.apply(inSpace('one', 'lab'), inSpace('two', 'lab'), inSpace('three', 'No_Space'));
    for (const [index, name] of ['one', 'two', 'three', 'one', 'two'].entries()) {
      await twins.apply(of(`c${index}`, name));
    }
    await twins.delete(of('c0', 'one'));
    await twins.delete(inSpace('one', 'lab'));
    await twins.patch(inSpace('three', ''), {
      metadata: { annotations: { 'metaipam.io/address-space': null } },
    });
  });

  scenario('paused: a pool, a claim, a cluster, and one that is missing', async (twins) => {
    const pause = { metadata: { annotations: { [PAUSED]: '' } } };
    const resume = { metadata: { annotations: { [PAUSED]: null } } };
    const cluster = {
      apiVersion: 'cluster.x-k8s.io/v1beta2',
      kind: 'Cluster',
      metadata: { name: 'cluster', namespace: 'default' },
      spec: { paused: true },
    };
    await twins.apply(pool({ addresses: ['10.0.0.0/28'] }), claim('a'));
    await twins.patch(pool({}), pause);
    await twins.apply(claim('b'), claim('c', { annotations: { [PAUSED]: 'true' } }));
    await twins.apply(claim('d', {}, { clusterName: 'cluster' }));
    await twins.delete(claim('a'));
    await twins.patch(pool({}), resume);
    await twins.patch(claim('c'), resume);
    await twins.apply(cluster);
    await twins.patch(cluster, { spec: { paused: false } });
    await twins.patch(claim('b'), pause);
    await twins.delete(claim('b'));
    await twins.patch(claim('b'), resume);
    await twins.delete(cluster);
  });

  scenario('pools that give out little or nothing, and one that shrinks', async (twins) => {
    const odd = (name: string, spec: object) => pool(spec, { name });
    const of = (name: string) => claim(name, {}, { poolRef: { ...claim('').spec.poolRef, name } });
    const addresses = ['10.0.0.8/30', '10.0.0.9-10.0.0.10', '10.0.0.9'];
    await twins.apply(
      odd('excluded', { addresses, excludedAddresses: ['10.0.0.0/24'] }),
      odd('gateway', { addresses: ['10.0.0.9'], gateway: '10.0.0.9' }),
      odd('huge', { addresses: ['fd00::/16'], prefix: 16, gateway: 'fd00::1' }),
      odd('overlapping', { addresses }),
      odd('pair', { addresses: ['10.0.0.0/31'], prefix: 31 }),
      ...['excluded', 'gateway', 'huge', 'overlapping', 'pair'].map(of),
    );
    await twins.apply(odd('overlapping', { addresses: ['10.0.0.200'] }), of('huge'), of('pair'));
  });

  scenario('by hand: an allocation, an address or both deleted, labels changed', async (twins) => {
    const allocation = allocationNamed('pool.10.0.0.0-27', 'default');
    const address = named(CLAIM_API_VERSION, 'IPAddress', 'a');
    await twins.apply(pool({ addresses: ['10.0.0.1-10.0.0.2'] }), claim('a'));
    await twins.apply(claim('b'));
    await twins.delete(allocation);
    await twins.delete(address);
    await twins.delete(allocation, address);
    await twins.patch(claim('a'), { metadata: { labels: { 'metaipam.io/pool': null } } });
    await twins.patch(claim('a'), { metadata: { labels: { 'metaipam.io/pool': 'wrong', other: 'one' } } });
    await twins.patch(allocation, { metadata: { labels: { 'metaipam.io/pool': null } } });
    await twins.patch(allocation, { metadata: { labels: { 'controller-uid': null } } });
    await twins.patch(address, { metadata: { labels: { 'metaipam.io/pool-uid': null } } });
    await twins.patch(claim('a'), { metadata: { annotations: { 'metaipam.io/address': null } } });
    // Not its finalizer: Metacontroller hears of no change of that alone, and puts it back with the next sync.
  });

  scenario('addresses that were there before', async (twins) => {
    const before = (name: string, address: string, metadata: object = {}) => ({
      ...named(CLAIM_API_VERSION, 'IPAddress', name, metadata),
      spec: { claimRef: { name }, poolRef: claim('').spec.poolRef, address, prefix: 24 },
    });
    await twins.apply(before('a', '10.0.0.2'), before('b', '10.0.0.2'), before('orphan', '10.0.0.1'));
    await twins.apply(pool({ addresses: ['10.0.0.1-10.0.0.4'] }));
    for (const name of ['a', 'b', 'c']) await twins.apply(claim(name));
    await twins.delete(claim('a'));
  });

  scenario(
    'nodes get blocks, and give them back',
    async (twins) => {
      const blocks = { perNodeHostBits: 8, ipv4: '10.244.0.0/22', ipv6: 'fd00:10:244::/118' };
      await twins.apply(node('a'));
      await twins.apply(clusterCIDR('all', blocks));
      await twins.apply(node('b'));
      await twins.apply(node('c', {}, { podCIDRs: ['10.244.2.0/24'] }));
      await twins.apply(node('d'));
      await twins.apply(node('e'));
      await twins.delete(clusterCIDR('all', blocks));
      await twins.delete(node('a'));
      await twins.delete(node('b'));
      await twins.delete(node('c'), node('d'));
    },
    'nodes',
  );

  scenario(
    'networks, groups, labels that change, and ClusterCIDRs that are wrong',
    async (twins) => {
      const nodeSelector = (key: string) => ({
        nodeSelectorTerms: [{ matchExpressions: [{ key, operator: 'Exists' }] }],
      });
      const net1 = { 'metaipam.io/network': 'net1' };
      const network = {
        ...named('metaipam.io/v1alpha1', 'PodNetwork', 'net1'),
        spec: { target: 'node.metadata.annotations', reuseGracePeriodSeconds: 2 },
      };
      await twins.apply(
        clusterCIDR('group', {
          perNodeHostBits: 4,
          ipv4: '10.1.0.0/27',
          nodeSelector: nodeSelector('group'),
        }),
        clusterCIDR(
          'net1',
          { perNodeHostBits: 4, ipv6: 'fd00::/120', nodeSelector: nodeSelector('net1') },
          net1,
        ),
        clusterCIDR('host-bits', { perNodeHostBits: 4, ipv4: '10.2.0.1/24' }),
      );
      await twins.apply(node('a', { group: '', net1: '' }));
      await twins.apply(network);
      await twins.apply(node('b', { net1: '' }));
      await twins.patch(node('b'), { metadata: { labels: { net1: null, group: '' } } });
      await twins.patch(clusterCIDR('net1', {}), { metadata: { labels: { 'metaipam.io/network': 'none' } } });
      await twins.delete(node('a'));
      await twins.delete(network);
      await twins.delete(clusterCIDR('group', {}));
    },
    'nodes',
  );

  scenario(
    'by hand: a block deleted, an annotation changed, a node remade under its name',
    async (twins) => {
      const net1 = {
        ...named('metaipam.io/v1alpha1', 'PodNetwork', 'net1'),
        spec: { target: 'node.metadata.annotations' },
      };
      const annotation = 'kube-node.nordix.org/net1';
      const block = (name: string) => allocationNamed(name, 'metaipam-system');
      await twins.apply(
        net1,
        clusterCIDR('all', { perNodeHostBits: 8, ipv4: '10.244.0.0/16' }),
        clusterCIDR('net1', { perNodeHostBits: 8, ipv4: '172.20.0.0/16' }, { 'metaipam.io/network': 'net1' }),
      );
      await twins.apply(node('a'));
      await twins.delete(block('default.10.244.0.0-19.24'));
      await twins.delete(block('net1.172.20.0.0-19.24'));
      await twins.patch(node('a'), { metadata: { annotations: { [annotation]: '10.9.9.0/24' } } });
      await twins.patch(node('a'), { metadata: { annotations: { [annotation]: null } } });
      await twins.delete(named('metaipam.io/v1alpha1', 'PodCIDRClaim', 'a'));
      await twins.delete(node('a'));
      await twins.apply(node('a'));
    },
    'nodes',
  );

  test.run();
}

async function makeNamespace({ plane }: Installation, name: string): Promise<void> {
  const { status } = await plane.api('POST', '/api/v1/namespaces', { metadata: { name } });
  // An earlier user of the control plane may have left it.
  assert.ok(status === 201 || status === 409, `${status}`);
}

type Counts = Map<string, number>;
type Done = ReturnType<typeof Promise.withResolvers<void>>;

function count(counts: Counts, title: string, number = 1): void {
  counts.set(title, (counts.get(title) ?? 0) + number);
}

const VERBS = { get: 'GET', create: 'POST', update: 'PUT', patch: 'PATCH', apply: 'APPLY', delete: 'DELETE' };

function titleOf(request: ApiRequest): string {
  const subresource = 'subresource' in request ? `/${request.subresource}` : '';
  return `${VERBS[request.verb]} ${request.resource}${subresource}`;
}

/** What was written to the cluster since it started, by verb and resource; conflicts wrote nothing. */
async function realWrites({ plane }: Installation): Promise<Counts> {
  const { body } = await plane.api('GET', '/metrics');
  const counts: Counts = new Map();
  for (const [, labels = '', number] of String(body).matchAll(/^apiserver_request_total\{(.*)\} (\d+)$/gm)) {
    const label = (name: string) => new RegExp(`\\b${name}="([^"]*)"`).exec(labels)?.[1] ?? '';
    const [verb, resource, subresource] = [label('verb'), label('resource'), label('subresource')];
    const isOurs = /^(ipam\.cluster\.x-k8s\.io|metaipam\.io)$/.test(label('group'));
    if (!isOurs || !['POST', 'PUT', 'PATCH', 'APPLY', 'DELETE'].includes(verb)) continue;
    if (label('code') === '409') continue;
    count(counts, `${verb} ${resource}${subresource && `/${subresource}`}`, Number(number));
  }
  return counts;
}

const POOL_API_VERSION = 'ipam.cluster.x-k8s.io/v1alpha2';
const CLAIM_API_VERSION = 'ipam.cluster.x-k8s.io/v1beta2';
const CLUSTER_SCOPED = ['Node', 'ClusterCIDR', 'PodNetwork', 'PodCIDRClaim'];

function named(apiVersion: string, kind: string, name: string, metadata: object = {}) {
  const home = CLUSTER_SCOPED.includes(kind) ? {} : { namespace: 'default' };
  return { apiVersion, kind, metadata: { name, ...home, ...metadata } };
}

function pool(spec: object, metadata: object = {}) {
  return { ...named(POOL_API_VERSION, 'InClusterIPPool', 'pool', metadata), spec: { prefix: 24, ...spec } };
}

function claim(name: string, metadata: object = {}, spec: object = {}) {
  const poolRef = { apiGroup: 'ipam.cluster.x-k8s.io', kind: 'InClusterIPPool', name: 'pool' };
  return { ...named(CLAIM_API_VERSION, 'IPAddressClaim', name, metadata), spec: { poolRef, ...spec } };
}

function node(name: string, labels: Record<string, string> = {}, spec: object = {}) {
  return { ...named('v1', 'Node', name, { labels }), spec };
}

function clusterCIDR(name: string, spec: object, labels: Record<string, string> = {}) {
  return { ...named('networking.x-k8s.io/v1', 'ClusterCIDR', name, { labels }), spec };
}
