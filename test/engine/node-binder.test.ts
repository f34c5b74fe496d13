import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { formatPrefix, parsePrefix } from '../../lib/address/range.ts';
import { sliceName } from '../../lib/allocation/names.ts';
import { pieceOf } from '../../lib/allocation/slice.ts';
import { apiError } from '../../lib/engine/api.ts';
import { type ClusterOptions, SimulatedCluster } from '../../lib/engine/cluster.ts';
import { crdAdmission } from '../../lib/engine/crd-admission.ts';
import { NodeBinder } from '../../lib/engine/node-binder.ts';
import { FAIR } from '../../lib/engine/schedule.ts';
import type { Step } from '../../lib/engine/task.ts';
import { readCustomResourceDefinitions } from '../../lib/kubernetes/schema.ts';

const crds = readCustomResourceDefinitions();

function world(options: Partial<ClusterOptions> = {}) {
  const cluster = new SimulatedCluster({
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

/** The slice of one block. */
function allocation(cidr: string, blocks: string[], nodeUID: string, network = 'default') {
  const block = parsePrefix(cidr)!;
  const space = { name: network, marker: '' } as const;
  const piece = pieceOf(space, block);
  return {
    apiVersion: 'metaipam.io/v1alpha1',
    kind: 'AllocationSlice',
    metadata: {
      name: sliceName(space, piece, { blockLength: block.length }),
      namespace: 'metaipam-system',
      labels: { 'metaipam.io/network': network },
    },
    spec: {
      poolRef: { apiGroup: 'metaipam.io', kind: 'PodNetwork', name: network, uid: 'network-uid' },
      cidr: formatPrefix(piece),
      blockLength: block.length,
      entries: { [cidr]: { uid: nodeUID, name: 'n', clusterCIDR: 'c', blocks } },
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

test('CRD admission: what is in use cannot change hands or go, a stray field or a bad key is not written', () => {
  const { cluster } = world();
  const created = allocation('10.0.3.0/24', ['10.0.3.0/24'], 'u');
  assert.is(cluster.apply(created).error, undefined);
  const reasonOf = (spec: object) =>
    cluster.apply({ ...created, spec: { ...created.spec, ...spec } }).error?.message ?? '';
  const entry = { uid: 'other', name: 'n' };
  assert.match(reasonOf({ entries: { '10.0.3.0/24': entry } }), 'what is in use cannot become another');
  assert.match(reasonOf({ entries: {} }), 'only what was released can go');
  assert.match(reasonOf({ entries: { ...created.spec.entries, '10.0.4.1/24': entry } }), 'canonical form');
  assert.match(reasonOf({ color: 'red' }), 'unknown field');
  assert.is(cluster.apply(created).error, undefined);
});

test.run();
