/** How networks end, in a whole cluster: with each way of deletion that kubectl has. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { controllers } from '../../hooks/index.ts';
import type { ApiRequest } from '../../lib/engine/api.ts';
import { SimulatedCluster } from '../../lib/engine/cluster.ts';
import { JanitorReconciler } from '../../lib/engine/janitor.ts';
import { NodeBinder } from '../../lib/engine/node-binder.ts';
import type { Node } from '../../lib/kubernetes/core-types.ts';
import { DEFAULT_CONFIG } from '../../lib/metacontroller/hook.ts';
import { install } from '../../sim/install.ts';

const KEY = 'kube-node.nordix.org/storage';
const POLICIES = ['Background', 'Foreground', 'Orphan'] as const;

function world() {
  const { crds, admission, controllers: configs } = install();
  const cluster = new SimulatedCluster({
    crds,
    admission,
    controllers: ['pod-networks', 'nodes', 'cluster-cidrs'].map((name) => configs.get(name)!),
    hooks: controllers,
    reconcilers: {
      binder: (environment) => new NodeBinder(environment),
      janitor: (environment) => new JanitorReconciler(environment, DEFAULT_CONFIG, 'dynamic-apply'),
    },
  });
  const apply = (apiVersion: string, kind: string, name: string, spec: object, labels = {}) =>
    assert.is(cluster.apply({ apiVersion, kind, metadata: { name, labels }, spec }).error, undefined);
  const network = (name: string, target: string) =>
    apply('metaipam.io/v1alpha1', 'PodNetwork', name, { target });
  network('default', 'node.spec.podCIDRs');
  network('storage', 'node.metadata.annotations');
  const cidr = { perNodeHostBits: 8 };
  apply('networking.x-k8s.io/v1', 'ClusterCIDR', 'main', {
    ...cidr,
    ipv4: '10.244.0.0/16',
    ipv6: 'fd00::/108',
  });
  apply(
    'networking.x-k8s.io/v1',
    'ClusterCIDR',
    'second',
    { ...cidr, ipv4: '192.168.0.0/16' },
    { 'metaipam.io/network': 'storage' },
  );
  for (const name of ['n1', 'n2']) apply('v1', 'Node', name, {});
  assert.ok(cluster.settle().settled);
  const node = (name: string) =>
    cluster.get({ apiVersion: 'v1', kind: 'Node', name }) as object | undefined as Node | undefined;
  const remove = (
    apiVersion: string,
    resource: string,
    name: string,
    propagationPolicy: (typeof POLICIES)[number] = 'Background',
  ) =>
    assert.is(
      cluster.request({ verb: 'delete', apiVersion, resource, name, propagationPolicy } as ApiRequest).error,
      undefined,
    );
  const rest = () => assert.equal(cluster.settle({ horizonSeconds: 300 }).failures, []);
  const names = (kind: string) => cluster.objects(kind).map(({ metadata }) => metadata.name);
  return { cluster, node, network, remove, rest, names };
}

for (const policy of POLICIES) {
  test(`${policy}: a secondary network takes its annotations off the nodes before it goes`, () => {
    const { node, network, remove, rest, names } = world();
    const before = node('n1')!.metadata.annotations![KEY];
    assert.match(before!, /^192\.168\.[01]\.0\/24$/);
    remove('metaipam.io/v1alpha1', 'podnetworks', 'storage', policy);
    rest();
    assert.equal(names('PodNetwork'), ['default']);
    for (const name of ['n1', 'n2']) assert.is(node(name)!.metadata.annotations?.[KEY], undefined);
    assert.equal(
      names('AllocationSlice').filter((name) => name.startsWith('storage')),
      [],
    );
    network('storage', 'node.metadata.annotations');
    rest();
    const values = ['n1', 'n2'].map((name) => node(name)!.metadata.annotations?.[KEY]);
    assert.equal(values.toSorted(), ['192.168.0.0/24', '192.168.1.0/24']);
  });

  test(`${policy}: default and its ClusterCIDR stay while a node has blocks of them`, () => {
    const { node, remove, rest, names } = world();
    remove('metaipam.io/v1alpha1', 'podnetworks', 'default', policy);
    remove('networking.x-k8s.io/v1', 'clustercidrs', 'main', policy);
    rest();
    assert.equal(names('PodNetwork').toSorted(), ['default', 'storage']);
    assert.equal(names('ClusterCIDR').toSorted(), ['main', 'second']);
    assert.is(node('n1')!.spec?.podCIDRs?.length, 2);
    for (const name of ['n1', 'n2']) remove('v1', 'nodes', name);
    rest();
    assert.equal(names('PodNetwork'), ['storage']);
    assert.equal(names('ClusterCIDR'), ['second']);
  });
}

test('a ClusterCIDR of no node goes at once, and its network forgets it', () => {
  const { cluster, remove, names } = world();
  for (const name of ['n1', 'n2']) remove('v1', 'nodes', name);
  cluster.settle({ horizonSeconds: 300 });
  const since = cluster.now;
  remove('networking.x-k8s.io/v1', 'clustercidrs', 'main');
  cluster.settle({ horizonSeconds: 5 });
  assert.equal(names('ClusterCIDR'), ['second']);
  assert.ok(cluster.now - since <= 5_000);
});

test('a label that no ClusterCIDR selected by reaches the claims when one does', () => {
  const { cluster, node, rest } = world();
  const object = node('n1') as object as Parameters<typeof cluster.apply>[0];
  cluster.apply({
    ...object,
    metadata: { name: 'n1', labels: { gpu: 'yes', other: 'x' } },
  });
  rest();
  const claimed = () =>
    cluster.get({ apiVersion: 'metaipam.io/v1alpha1', kind: 'PodCIDRClaim', name: 'n1' })?.spec as {
      nodeLabels: object;
    };
  assert.equal(claimed().nodeLabels, {});
  const nodeSelector = {
    nodeSelectorTerms: [{ matchExpressions: [{ key: 'gpu', operator: 'In', values: ['yes'] }] }],
  };
  cluster.apply({
    apiVersion: 'networking.x-k8s.io/v1',
    kind: 'ClusterCIDR',
    metadata: { name: 'gpu' },
    spec: { perNodeHostBits: 8, ipv4: '10.9.0.0/16', nodeSelector },
  });
  rest();
  assert.equal(claimed().nodeLabels, { gpu: 'yes' });
  cluster.apply({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'n3', labels: { gpu: 'yes' } },
    spec: {},
  });
  rest();
  assert.equal(node('n3')!.spec?.podCIDRs, ['10.9.0.0/24']);
});

test.run();
