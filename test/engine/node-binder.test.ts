import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { apiError } from '../../lib/engine/api.ts';
import { Cluster, type ClusterOptions } from '../../lib/engine/cluster.ts';
import { crdAdmission } from '../../lib/engine/crd-admission.ts';
import { NodeBinder } from '../../lib/engine/node-binder.ts';
import { FAIR } from '../../lib/engine/schedule.ts';
import type { Step } from '../../lib/engine/task.ts';
import { readCustomResourceDefinitions } from '../../lib/kubernetes/schema.ts';

const crds = readCustomResourceDefinitions();

function world(options: Partial<ClusterOptions> = {}) {
  const cluster = new Cluster({
    crds,
    controllers: [],
    hooks: {},
    admission: crdAdmission(crds),
    reconcilers: { binder: (environment) => new NodeBinder(environment) },
    ...options,
  });
  const addNode = (name: string, spec: object = {}) =>
    cluster.apply({ apiVersion: 'v1', kind: 'Node', metadata: { name }, spec }).object?.metadata.uid ?? '';
  const podCIDRsOf = (name: string) =>
    (cluster.get({ apiVersion: 'v1', kind: 'Node', name })?.spec as { podCIDRs?: string[] } | undefined)
      ?.podCIDRs;
  return { cluster, addNode, podCIDRsOf };
}

function allocation(cidr: string, blocks: string[], nodeUID: string, network = 'default') {
  return {
    apiVersion: 'metaipam.io/v1alpha1',
    kind: 'IPAllocation',
    metadata: {
      name: `${network}.${cidr.replaceAll(':', '-').replace('/', '-').replace('--', '-0-')}`,
      namespace: 'metaipam-system',
      labels: { 'metaipam.io/network': network },
    },
    spec: {
      poolRef: { apiGroup: 'networking.x-k8s.io', kind: 'ClusterCIDR', name: 'c', uid: 'c-uid' },
      claimRef: { apiGroup: '', kind: 'Node', name: 'n', uid: nodeUID },
      cidr,
      blocks,
    },
  };
}

test('a node is bound when all blocks of its decision are allocated', () => {
  const { cluster, addNode, podCIDRsOf } = world();
  const blocks = ['10.0.0.0/24', 'fd00::/120'];
  const uid = addNode('n');
  assert.is(cluster.apply(allocation('10.0.0.0/24', blocks, uid)).error, undefined);
  cluster.settle();
  assert.is(podCIDRsOf('n'), undefined);
  cluster.apply(allocation('fd00::/120', blocks, uid));
  assert.ok(cluster.settle().settled);
  assert.equal(podCIDRsOf('n'), blocks);
});

test('a block of another network or of a node of another uid binds nothing', () => {
  const { cluster, addNode, podCIDRsOf } = world();
  cluster.apply(allocation('10.0.0.0/24', ['10.0.0.0/24'], addNode('n'), 'second'));
  cluster.apply(allocation('10.0.1.0/24', ['10.0.1.0/24'], 'gone'));
  cluster.settle();
  assert.is(podCIDRsOf('n'), undefined);
});

test('an overlap with another node’s podCIDRs is refused', () => {
  const { cluster, addNode, podCIDRsOf } = world();
  addNode('old', { podCIDR: '10.0.0.0/16', podCIDRs: ['10.0.0.0/16'] });
  cluster.apply(allocation('10.0.3.0/24', ['10.0.3.0/24'], addNode('n')));
  assert.ok(cluster.settle().settled);
  assert.is(podCIDRsOf('n'), undefined);
});

for (const fault of [
  { kind: 'refused', error: apiError('TooManyRequests', 'later').error },
  { kind: 'refused', error: apiError('InternalError', 'who knows').error },
  { kind: 'lost' },
] as const) {
  test(`a patch that failed is sent again (${fault.kind} ${'error' in fault ? fault.error.code : ''})`, () => {
    let patches = 0;
    const isPatch = (step: Step) => step.kind === 'api' && step.request.resource === 'nodes';
    const { cluster, addNode, podCIDRsOf } = world({
      schedule: { ...FAIR, fault: (step) => (isPatch(step) && patches++ === 0 ? fault : undefined) },
    });
    cluster.apply(allocation('10.0.3.0/24', ['10.0.3.0/24'], addNode('n')));
    assert.equal(cluster.settle().failures, []);
    assert.equal(podCIDRsOf('n'), ['10.0.3.0/24']);
    assert.ok(patches === 2 || fault.kind === 'lost');
  });
}

test('CRD admission: an allocation cannot be changed, a stray field or a bad address not written', () => {
  const { cluster } = world();
  const created = allocation('10.0.3.0/24', ['10.0.3.0/24'], 'u');
  assert.is(cluster.apply(created).error, undefined);
  const reasonOf = (spec: object) =>
    cluster.apply({ ...created, spec: { ...created.spec, ...spec } }).error?.message;
  assert.match(
    reasonOf({ blocks: ['10.0.4.0/24'] }) ?? '',
    'spec: Invalid value: the spec of an IPAllocation cannot be changed',
  );
  assert.match(reasonOf({ color: 'red' }) ?? '', 'unknown field');
  assert.is(cluster.apply(created).error, undefined);
});

test.run();
