/** metaipam where reference controllers worked before: beside what they left behind, and after `metaipam adopt`. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import adopt from '../../lib/cli/adopt.ts';
import { without } from '../../lib/engine/object.ts';
import { CLAIM_UID_LABEL, DECORATOR_ANNOTATION } from '../../lib/kubernetes/names.ts';
import type { KubernetesObject } from '../../lib/kubernetes/object.ts';
import type { IPAddress, IPAddressClaim } from '../../lib/kubernetes/types.ts';
import { type Run, run } from '../cli/run.ts';
import { type ControlPlane, eventually, freePorts } from './control-plane.ts';
import { type Installation, install, list, quiet } from './install.ts';
import { succeeded } from './sandbox.ts';

const POOLS = '/apis/ipam.cluster.x-k8s.io/v1alpha2/namespaces/default/inclusterippools';
const GLOBAL_POOLS = '/apis/ipam.cluster.x-k8s.io/v1alpha2/globalinclusterippools';
const PREFIX_POOLS = '/apis/ipam.cluster.x-k8s.io/v1alpha2/namespaces/default/inclusterprefixpools';
const CLAIMS = '/apis/ipam.cluster.x-k8s.io/v1beta2/namespaces/default/ipaddressclaims';
const ADDRESSES = '/apis/ipam.cluster.x-k8s.io/v1beta2/namespaces/default/ipaddresses';
const CLUSTER_CIDRS = '/apis/networking.x-k8s.io/v1/clustercidrs';
const NODES = '/api/v1/nodes';
const WEBHOOKS = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations';
const DEPLOYMENTS = '/apis/apps/v1/namespaces/default/deployments';

const KINDS: Readonly<Record<string, string>> = {
  [POOLS]: 'InClusterIPPool',
  [GLOBAL_POOLS]: 'GlobalInClusterIPPool',
  [PREFIX_POOLS]: 'InClusterPrefixPool',
  [CLAIMS]: 'IPAddressClaim',
  [ADDRESSES]: 'IPAddress',
  [CLUSTER_CIDRS]: 'ClusterCIDR',
  [NODES]: 'Node',
  [WEBHOOKS]: 'ValidatingWebhookConfiguration',
  [DEPLOYMENTS]: 'Deployment',
};

const POOL_FINALIZER = 'ipam.cluster.x-k8s.io/ProtectPool';
const CLAIM_FINALIZER = 'ipam.cluster.x-k8s.io/ReleaseAddress';
const ADDRESS_FINALIZER = 'ipam.cluster.x-k8s.io/ProtectAddress';
const CIDR_FINALIZER = 'networking.x-k8s.io/cluster-cidr-finalizer';
const PROVIDER = { 'cluster.x-k8s.io/provider': 'ipam-in-cluster' };

for (const applyStrategy of ['dynamic-apply', 'server-side-apply'] as const) {
  const test = suite(`adopt, ${applyStrategy}: `);
  let installation: Installation;
  let api: Api;

  const runAdopt = (...argv: string[]): Promise<Run> =>
    run(adopt.run, [`--kubeconfig=${installation.plane.kubeconfig}`, ...argv]);
  const addresses = async () => {
    const all = await list<IPAddress>(installation.plane, 'ipaddresses.ipam.cluster.x-k8s.io');
    return Object.fromEntries(all.map(({ metadata, spec }) => [metadata.name, spec.address]));
  };
  /** Every object that adopt could change, with its version. */
  const versions = async () => {
    const pools = 'inclusterippools,globalinclusterippools,inclusterprefixpools';
    const resources = `${pools},ipaddressclaims,clustercidrs`;
    const others = 'ipaddresses.ipam.cluster.x-k8s.io,validatingwebhookconfigurations';
    const objects = await list(installation.plane, `${resources},${others}`);
    return objects.map(
      ({ kind, metadata: { name, resourceVersion } }) => `${kind} ${name} ${resourceVersion}`,
    );
  };

  test.after(() => installation?.stop());

  test('what reference controllers leave behind', async () => {
    const options = { applyStrategy, metacontrollers: 0, serveArgs: ['--cache-lag=2s'] };
    installation = await install(options);
    api = new Api(installation.plane);
    await leaveBehind(api);
    await installation.startMetacontroller();
    await quiet(installation);
  });
  test('beside what was left: claims keep their address, and new ones get others', async () => {
    for (const [name, kind] of [
      ['new-1', 'InClusterIPPool'],
      ['new-2', 'InClusterIPPool'],
      ['new-3', 'GlobalInClusterIPPool'],
      ['new-4', 'InClusterPrefixPool'],
    ] as const) {
      await api.create(CLAIMS, claim(name, kind));
      await eventually(name, async () => (await addresses())[name] !== undefined);
    }
    assert.equal(await addresses(), {
      a: '10.0.0.1',
      b: '10.0.0.3',
      c: '10.1.0.1',
      d: 'fd00::',
      'new-1': '10.0.0.2',
      'new-2': '10.0.0.4',
      'new-3': '10.1.0.2',
      'new-4': 'fd00:0:0:1::',
    });
    const node = await api.get(`${NODES}/there-before`);
    assert.equal(node.spec.podCIDRs, ['10.244.0.0/24']);
    await api.create(NODES, { metadata: { name: 'new' } });
    await eventually('podCIDRs', async () => (await api.get(`${NODES}/new`)).spec.podCIDRs !== undefined);
    assert.equal((await api.get(`${NODES}/new`)).spec.podCIDRs, ['10.244.1.0/24']);
  });

  test('not adopted yet, claims are Ready, also after a restart of Metacontroller', async () => {
    const isMarked = async (name: string) => {
      const { annotations }: IPAddress['metadata'] = (await api.get(`${ADDRESSES}/${name}`)).metadata;
      return annotations?.[DECORATOR_ANNOTATION] === 'claims';
    };
    const names = ['a', 'b', 'c', 'd'];
    for (const name of names) await eventually(`the mark of ${name}`, () => isMarked(name));
    await installation.metacontrollers.at(-1)!.stop();
    await installation.startMetacontroller();
    await quiet(installation);
    for (const name of names) {
      const { status }: IPAddressClaim = await api.get(`${CLAIMS}/${name}`);
      assert.is(status?.conditions?.[0]?.reason, 'AddressAllocated', name);
    }
  });

  test('an IPAddress that loses its mark while nobody looks gets it back, and its claim is Ready', async () => {
    await installation.metacontrollers.at(-1)!.stop();
    const { uid } = (await api.get(`${ADDRESSES}/c`)).metadata;
    await api.patch(`${ADDRESSES}/c`, {
      metadata: { labels: null, annotations: { [DECORATOR_ANNOTATION]: null } },
    });
    await installation.startMetacontroller();
    const isReady = async () => {
      const { metadata }: IPAddress = await api.get(`${ADDRESSES}/c`);
      const { status }: IPAddressClaim = await api.get(`${CLAIMS}/c`);
      const isMarked = metadata.annotations?.[DECORATOR_ANNOTATION] !== undefined;
      return isMarked && metadata.uid === uid && status?.conditions?.[0]?.status === 'True';
    };
    await eventually('the mark', isReady);
    await quiet(installation);
    assert.ok(await isReady());
  });

  test('deletions hang, and pools cannot be changed, until it is adopted', async () => {
    await api.create(WEBHOOKS, webhooksWithoutServer());
    await eventually('the webhook', () => api.isRefused(`${POOLS}/pool`));
    await api.delete(`${CLAIMS}/b`);
    await api.delete(`${CLUSTER_CIDRS}/unused`);
    await quiet(installation);
    for (const path of [`${CLAIMS}/b`, `${CLUSTER_CIDRS}/unused`]) {
      assert.type((await api.get(path)).metadata.deletionTimestamp, 'string');
    }
  });

  test('nothing happens while the other controller runs', async () => {
    await api.create(DEPLOYMENTS, deployment(2));
    const before = await versions();
    const { code, out, err } = await runAdopt();
    assert.is(out, '');
    assert.is(
      err,
      'metaipam adopt: Deployment default/provider still runs: scale it to 0 first, or use --force\n',
    );
    assert.is(code, 1);
    await api.patch(`${DEPLOYMENTS}/provider`, { spec: { replicas: 0 } });
    assert.equal(await versions(), before);
  });

  test('--dry-run says what would be done, and does nothing', async () => {
    const before = await versions();
    const { code, out, err } = await runAdopt('--dry-run');
    assert.is(err, '');
    assert.is(code, 0);
    assert.match(out, 'ValidatingWebhookConfiguration provider: would be deleted\n');
    assert.match(out, `InClusterIPPool default/pool: would be freed of finalizer ${POOL_FINALIZER}\n`);
    assert.match(
      out,
      `InClusterPrefixPool default/prefixes: would be freed of finalizer ${POOL_FINALIZER}\n`,
    );
    assert.match(out, `IPAddress default/a: would be freed of finalizer ${ADDRESS_FINALIZER}`);
    const { dryRun, objects } = JSON.parse((await runAdopt('--dry-run', '-o', 'json')).out);
    assert.is(dryRun, true);
    assert.equal(
      objects.find(({ object }: { object: string }) => object === 'InClusterIPPool default/pool'),
      {
        object: 'InClusterIPPool default/pool',
        effect: `freed of finalizer ${POOL_FINALIZER}`,
        done: false,
      },
    );
    assert.equal(await versions(), before);
  });

  test('adopted: what hung goes, and nobody loses an address', async () => {
    const { code, out, err } = await runAdopt();
    assert.is(err, '');
    assert.is(code, 0);
    assert.match(out, 'ValidatingWebhookConfiguration provider: deleted\n');
    await eventually('claim b to go', () => api.isGone(`${CLAIMS}/b`));
    await eventually('address b to go', () => api.isGone(`${ADDRESSES}/b`));
    await eventually('the ClusterCIDR to go', () => api.isGone(`${CLUSTER_CIDRS}/unused`));
    await quiet(installation);
    const { b, ...rest } = { b: undefined, ...(await addresses()) };
    assert.is(b, undefined);
    assert.equal(rest, {
      a: '10.0.0.1',
      c: '10.1.0.1',
      d: 'fd00::',
      'new-1': '10.0.0.2',
      'new-2': '10.0.0.4',
      'new-3': '10.1.0.2',
      'new-4': 'fd00:0:0:1::',
    });
    for (const object of await list(
      installation.plane,
      'ipaddresses.ipam.cluster.x-k8s.io,ipaddressclaims',
    )) {
      const foreign = object.metadata.finalizers?.filter((one) => one.startsWith('ipam.cluster.x-k8s.io/'));
      assert.equal(foreign ?? [], [], object.metadata.name);
    }
  });

  test('adopted twice: nothing is left to do', async () => {
    const before = await versions();
    const { code, out, err } = await runAdopt();
    assert.is(err, '');
    assert.is(code, 0);
    assert.is(out, '0 objects adopted\n');
    assert.equal(await versions(), before);
  });

  test('an adopted address is like any other: it comes back, and goes with its claim', async () => {
    const before: IPAddress = await api.get(`${ADDRESSES}/a`);
    const other: IPAddress = await api.get(`${ADDRESSES}/new-1`);
    const { [CLAIM_UID_LABEL]: claimUid, ...labels } = before.metadata.labels ?? {};
    assert.is(claimUid, (await api.get(`${CLAIMS}/a`)).metadata.uid);
    assert.equal(labels, without(other.metadata.labels ?? {}, CLAIM_UID_LABEL));
    const shape = ({ metadata }: IPAddress) =>
      metadata.ownerReferences
        ?.map(({ kind, controller, blockOwnerDeletion }) => [kind, controller, blockOwnerDeletion].join())
        .sort();
    assert.equal(shape(before), shape(other));
    await api.delete(`${ADDRESSES}/a`);
    await eventually('the address to come back', async () => {
      const now: IPAddress = await api.get(`${ADDRESSES}/a`);
      return now.metadata.uid !== before.metadata.uid && now.spec.address === before.spec.address;
    });
    await api.delete(`${CLAIMS}/d`);
    await eventually('the prefix to go', () => api.isGone(`${ADDRESSES}/d`));
    await api.delete(`${CLAIMS}/a`);
    await eventually('the address to go', () => api.isGone(`${ADDRESSES}/a`));
    for (const name of ['new-1', 'new-2']) await api.delete(`${CLAIMS}/${name}`);
    await api.delete(`${POOLS}/pool`);
    await eventually('the pool to go', () => api.isGone(`${POOLS}/pool`));
    await api.delete(`${CLUSTER_CIDRS}/all`);
    for (const name of ['there-before', 'new']) await api.delete(`${NODES}/${name}`);
    await eventually('the ClusterCIDR to go', () => api.isGone(`${CLUSTER_CIDRS}/all`));
  });

  test('H19 H20 addresses that were made by hand get their owners', async () => {
    await api.create(POOLS, { metadata: { name: 'pool' }, spec: { addresses: ['10.0.0.0/28'], prefix: 28 } });
    const dummy = { apiVersion: 'alpha-dummy', kind: 'dummy-kind', name: 'dummy-name', uid: 'abc-dummy' };
    await api.create(ADDRESSES, address('h19', '10.0.0.9'));
    await api.create(ADDRESSES, address('h20', '10.0.0.1', { ownerReferences: [dummy] }));
    await api.create(ADDRESSES, address('orphan', '10.0.0.2'));
    for (const name of ['h19', 'h20']) await api.create(CLAIMS, claim(name));
    const { code, out, err } = await runAdopt();
    assert.is(err, '');
    assert.is(code, 0);
    assert.match(out, 'IPAddress default/orphan: left as it is, because its claim does not exist\n');
    for (const name of ['h19', 'h20']) {
      const { metadata, spec }: IPAddress = await api.get(`${ADDRESSES}/${name}`);
      const { metadata: owner }: IPAddressClaim = await api.get(`${CLAIMS}/${name}`);
      const controller = metadata.ownerReferences?.find((reference) => reference.controller);
      assert.is(controller?.uid, owner.uid);
      assert.is(spec.address, name === 'h19' ? '10.0.0.9' : '10.0.0.1');
      assert.is(metadata.ownerReferences?.length, name === 'h19' ? 2 : 3);
    }
    await api.create(CLAIMS, claim('next'));
    await eventually('next', async () => (await addresses()).next === '10.0.0.3');
    for (const name of ['h19', 'h20']) await api.delete(`${CLAIMS}/${name}`);
    await eventually('h19 to go', () => api.isGone(`${ADDRESSES}/h19`));
    await quiet(installation);
    const pool = await api.get(`${POOLS}/pool`);
    assert.is(pool.status.ipAddresses.used, (await api.isGone(`${ADDRESSES}/h20`)) ? 2 : 3);
  });

  test('an address that its pool does not list is not adopted', async () => {
    await api.patch(`${POOLS}/pool`, { metadata: { annotations: { 'cluster.x-k8s.io/paused': '' } } });
    await eventually('the pause', async () => {
      const { conditions } = (await api.get(`${POOLS}/pool`)).status;
      return conditions.some(({ reason }: { reason: string }) => reason === 'Paused');
    });
    await api.create(ADDRESSES, address('early', '10.0.0.12'));
    await api.create(CLAIMS, claim('early'));
    const { code, out, err } = await runAdopt('--timeout=2s', '-o', 'json');
    const left = 'InClusterIPPool pool has not listed 10.0.0.12 for its claim';
    assert.match(err, `IPAddress default/early: ${left}\n`);
    assert.is(code, 1);
    const { objects } = JSON.parse(out);
    assert.equal(
      objects.filter(({ object }: { object: string }) => object === 'IPAddress default/early'),
      [{ object: 'IPAddress default/early', done: false, left }],
    );
    assert.is((await api.get(`${ADDRESSES}/early`)).metadata.labels, undefined);
  });

  test('a cluster that cannot be reached: one line', async () => {
    const [port] = await freePorts(1);
    const kubeconfig = join(installation.plane.dir, 'nowhere');
    const config = JSON.parse(await installation.plane.kubectl(['config', 'view', '--raw', '--output=json']));
    config.clusters[0].cluster.server = `https://127.0.0.1:${port}`;
    writeFileSync(kubeconfig, JSON.stringify(config));
    const { code, out, err } = await run(adopt.run, [`--kubeconfig=${kubeconfig}`]);
    assert.is(out, '');
    assert.match(err, /^metaipam adopt: cannot list deployments: https:.* connect ECONNREFUSED .*\n$/);
    assert.is(code, 1);
  });

  test.run();
}

class Api {
  readonly #plane: ControlPlane;

  constructor(plane: ControlPlane) {
    this.#plane = plane;
  }

  // biome-ignore lint/suspicious/noExplicitAny: whatever kind of object the path names
  async get(path: string): Promise<any> {
    return succeeded(await this.#plane.api('GET', path));
  }

  async create(path: string, object: object): Promise<KubernetesObject> {
    const apiVersion = /^\/apis?\/(.*?)(\/namespaces\/[^/]+)?\/[^/]+$/.exec(path)?.[1];
    const kind = KINDS[path];
    return succeeded(await this.#plane.api('POST', path, { apiVersion, kind, ...object }));
  }

  async patch(path: string, patch: object): Promise<void> {
    succeeded(await this.#plane.api('PATCH', path, patch, 'application/merge-patch+json'));
  }

  async delete(path: string): Promise<void> {
    succeeded(await this.#plane.api('DELETE', path));
  }

  async isGone(path: string): Promise<boolean> {
    return (await this.#plane.api('GET', path)).status === 404;
  }

  /** Whether admission refuses the deletion. Deletes nothing. */
  async isRefused(path: string): Promise<boolean> {
    return (await this.#plane.api('DELETE', `${path}?dryRun=All`)).status === 500;
  }
}

const UNUSED = { nodeSelectorTerms: [{ matchExpressions: [{ key: 'unused', operator: 'Exists' }] }] };

/** What the reference controllers leave when they stop: finalizers, owners, and no label of ours. */
async function leaveBehind(api: Api): Promise<void> {
  const finalizers = [POOL_FINALIZER];
  const spec = { addresses: ['10.0.0.0/24'], prefix: 24, gateway: '10.0.0.254' };
  const pool = await api.create(POOLS, { metadata: { name: 'pool', finalizers }, spec });
  const global = await api.create(GLOBAL_POOLS, {
    metadata: { name: 'global', finalizers },
    spec: { addresses: ['10.1.0.0/24'], prefix: 24 },
  });
  const prefixes = await api.create(PREFIX_POOLS, {
    metadata: { name: 'prefixes', finalizers },
    spec: { prefixes: ['fd00::/62'] },
  });
  for (const [name, ip, owner] of [
    ['a', '10.0.0.1', pool],
    ['b', '10.0.0.3', pool],
    ['c', '10.1.0.1', global],
    ['d', 'fd00::', prefixes],
  ] as const) {
    const { metadata } = await api.create(CLAIMS, claim(name, owner.kind, [CLAIM_FINALIZER]));
    const ownerReferences = [
      {
        apiVersion: 'ipam.cluster.x-k8s.io/v1beta2',
        kind: 'IPAddressClaim',
        name,
        uid: metadata.uid,
        controller: true,
      },
      {
        apiVersion: 'ipam.cluster.x-k8s.io/v1alpha2',
        kind: owner.kind,
        name: owner.metadata.name,
        uid: owner.metadata.uid,
        controller: false,
      },
    ].map((reference) => ({ ...reference, blockOwnerDeletion: true }));
    const gateway = owner === pool ? { gateway: spec.gateway } : {};
    const made = address(name, ip, { finalizers: [ADDRESS_FINALIZER], ownerReferences }, owner.kind);
    await api.create(ADDRESSES, { ...made, spec: { ...made.spec, ...gateway } });
    await api.patch(`${CLAIMS}/${name}/status`, { status: { addressRef: { name } } });
  }
  await api.create(NODES, { metadata: { name: 'there-before' }, spec: { podCIDRs: ['10.244.0.0/24'] } });
  for (const [name, ipv4] of [
    ['all', '10.244.0.0/16'],
    ['unused', '10.245.0.0/24'],
  ]) {
    await api.create(CLUSTER_CIDRS, {
      metadata: { name, finalizers: [CIDR_FINALIZER] },
      spec: { perNodeHostBits: 8, ipv4, ...(name === 'unused' && { nodeSelector: UNUSED }) },
    });
  }
}

function claim(name: string, kind = 'InClusterIPPool', finalizers: string[] = []) {
  return { metadata: { name, finalizers }, spec: { poolRef: poolRef(kind) } };
}

function address(name: string, ip: string, metadata: object = {}, kind = 'InClusterIPPool') {
  const prefix = kind === 'InClusterPrefixPool' ? 64 : 24;
  const spec = { claimRef: { name }, poolRef: poolRef(kind), address: ip, prefix };
  return { metadata: { name, ...metadata }, spec };
}

function poolRef(kind: string) {
  const names: Readonly<Record<string, string>> = {
    InClusterIPPool: 'pool',
    InClusterPrefixPool: 'prefixes',
  };
  const name = names[kind] ?? 'global';
  return { apiGroup: 'ipam.cluster.x-k8s.io', kind, name };
}

function webhooksWithoutServer(): object {
  const rule = { apiGroups: ['ipam.cluster.x-k8s.io'], apiVersions: ['v1alpha2'] };
  const service = { name: 'gone', namespace: 'default', path: '/validate' };
  return {
    metadata: { name: 'provider', labels: PROVIDER },
    webhooks: [
      {
        name: 'pools.example.com',
        rules: [{ ...rule, operations: ['CREATE', 'UPDATE', 'DELETE'], resources: ['inclusterippools'] }],
        clientConfig: { service },
        failurePolicy: 'Fail',
        sideEffects: 'None',
        admissionReviewVersions: ['v1'],
        timeoutSeconds: 1,
      },
    ],
  };
}

function deployment(replicas: number): object {
  const labels = { app: 'provider' };
  const containers = [{ name: 'provider', image: 'example.com/provider' }];
  return {
    metadata: { name: 'provider', labels: PROVIDER },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers } },
    },
  };
}
