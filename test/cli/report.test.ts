import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { plain } from '../../lib/cli/paint.ts';
import { renderReport } from '../../lib/cli/report.ts';
import type { KubernetesObject } from '../../lib/kubernetes/object.ts';

const object = (
  kind: string,
  metadata: KubernetesObject['metadata'],
  rest: object = {},
): KubernetesObject => ({
  apiVersion: 'example.io/v1',
  kind,
  metadata,
  ...rest,
});
const ready = { type: 'Ready', status: 'True', reason: 'Fine', message: '' };
const render = (...objects: KubernetesObject[]) => renderReport(objects, plain);

function block(cidr: string, clusterCIDR: string, more: object = {}, network = 'default'): KubernetesObject {
  const labels = { 'metaipam.io/network': network, 'metaipam.io/cluster-cidr': clusterCIDR };
  return object(
    'IPAllocation',
    { name: `${network}.${cidr}`, labels },
    {
      spec: { poolRef: { uid: 'x' }, claimRef: { uid: 'n' }, cidr, ...more },
    },
  );
}

test('a pool: reserved, used and adopted addresses, over several ranges', () => {
  const pool = object(
    'InClusterIPPool',
    { name: 'p', namespace: 'ns', uid: 'u' },
    {
      spec: {
        addresses: ['10.0.0.20-10.0.0.22', '10.0.0.0-10.0.0.4'],
        prefix: 24,
        excludedAddresses: ['10.0.0.21'],
      },
      status: { ipAddresses: { total: 6, used: 2, free: 4, outOfRange: 1 }, conditions: [ready] },
    },
  );
  const allocation = (address: string, more: object = {}, uid = 'u') =>
    object(
      'IPAllocation',
      { name: `p.${address}` },
      { spec: { poolRef: { uid }, claimRef: {}, address, ...more } },
    );
  const text = render(
    pool,
    allocation('10.0.0.2'),
    allocation('10.0.0.20', { adopted: true }),
    allocation('10.9.9.9'),
    allocation('10.0.0.3', {}, 'another pool'),
  );
  assert.match(
    text,
    'InClusterIPPool ns/p  total 6, used 2, free 4, pending 0  Ready\n    10.0.0.0  ░·█··◆░·\n',
  );
});

test('a pool that cannot be read says why it is not ready, and has no picture', () => {
  const text = render(
    object(
      'GlobalInClusterIPPool',
      { name: 'p' },
      {
        spec: { addresses: ['nonsense'], prefix: 24 },
        status: {
          conditions: [{ type: 'Ready', status: 'False', reason: 'InvalidSpec', message: 'nonsense' }],
        },
      },
    ),
    object('InClusterIPPool', { name: 'new', namespace: 'ns' }, { spec: { addresses: [], prefix: 24 } }),
  );
  assert.match(text, '  GlobalInClusterIPPool p  no status  not ready: InvalidSpec: nonsense\n');
  assert.match(text, '  InClusterIPPool ns/new  no status  not ready\n');
});

test('a ClusterCIDR: its own blocks, and those that Services or another ClusterCIDR hold', () => {
  const text = render(
    object(
      'PodNetwork',
      { name: 'default' },
      { spec: { target: 'node.spec.podCIDRs', serviceCIDRs: ['10.0.0.0/25'] } },
    ),
    object(
      'ClusterCIDR',
      { name: 'cc' },
      {
        spec: { perNodeHostBits: 6, ipv4: '10.0.0.0/23', ipv6: 'fd00::/122' },
        status: { nodes: 2, ipv4: { total: 8, used: 2, free: 3 }, conditions: [ready] },
      },
    ),
    block('10.0.0.128/26', 'cc'),
    block('10.0.0.192/26', 'cc', { adopted: true }),
    block('10.0.1.0/25', 'other'),
    block('10.0.1.192/26', 'cc', {}, 'another network'),
    block('fd00::/122', 'cc'),
  );
  assert.match(
    text,
    `  cc  nodes 2  Ready
    10.0.0.0/23 in blocks of /26, blocks: total 8, used 2, free 3
      10.0.0.0  ░░█◆░░··
    fd00::/122 in blocks of /122
      fd00::  █
`,
  );
});

test('nodes: podCIDRs, ranges of secondary networks, or why they wait', () => {
  const text = render(
    object('PodNetwork', { name: 'storage' }, { spec: { target: 'node.metadata.annotations' } }),
    object(
      'PodNetwork',
      { name: 'fast' },
      { spec: { target: 'node.metadata.annotations', annotation: 'my/key' } },
    ),
    object(
      'Node',
      {
        name: 'a',
        annotations: { 'kube-node.nordix.org/storage': '10.1.0.0/24', 'my/key': '10.2.0.0/24', other: 'x' },
      },
      {
        spec: { podCIDRs: ['10.0.0.0/24', 'fd00::/120'] },
      },
    ),
    object('Node', { name: 'longer', uid: 'n' }, {}),
    object(
      'IPAllocation',
      { name: 'refused-n' },
      {
        spec: {
          poolRef: {},
          claimRef: { uid: 'n' },
          refusal: { reason: 'PoolExhausted', message: 'no block' },
        },
      },
    ),
  );
  const lines = text.split('\n');
  assert.ok(
    lines.includes(
      '  a       10.0.0.0/24, fd00::/120  my/key: 10.2.0.0/24; kube-node.nordix.org/storage: 10.1.0.0/24',
    ),
    text,
  );
  assert.ok(lines.includes('  longer  no podCIDRs              waits: PoolExhausted: no block'), text);
  assert.not.match(text, '░');
});

test.run();
