import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { plain } from '../../lib/cli/paint.ts';
import { renderReport, reportOf } from '../../lib/cli/report.ts';
import type { KubernetesObject } from '../../lib/kubernetes/object.ts';
import {
  address,
  allocation,
  block,
  CONTEXT,
  claim,
  clusterCIDR,
  merged,
  node,
  podNetwork,
  pool,
  served,
} from '../inspect/objects.ts';

const render = (...objects: KubernetesObject[]) => renderReport(reportOf(merged(objects), CONTEXT), plain);

test('a pool: reserved, excluded, used, adopted and addresses out of range, over several ranges', () => {
  const text = render(
    pool('p', {
      addresses: ['10.0.0.20-10.0.0.22', '10.0.0.0-10.0.0.4'],
      prefix: 24,
      excludedAddresses: ['10.0.0.21'],
    }),
    allocation('p', '10.0.0.2', 'a'),
    allocation('p', '10.0.0.20', 'b', { adopted: true }),
    allocation('p', '10.9.9.9', 'c'),
    allocation('other', '10.0.0.3', 'd'),
    claim('e', 'p', { labels: { 'metaipam.io/pool': 'InClusterIPPool.p' } }),
  );
  assert.match(
    text,
    'InClusterIPPool default/p  total 6, used 3, free 4, out of range 1, waiting 1  Ready\n    10.0.0.0  ░·█··◆×·!\n',
  );
});

test('a pool that cannot be read says why it is not ready, and has no picture', () => {
  const text = render(
    pool('p', { addresses: ['nonsense'], prefix: 24 }),
    pool('new', { addresses: ['10.0.0.1'], prefix: 24 }, {}, {}),
  );
  assert.match(
    text,
    '  InClusterIPPool default/p  total 0, used 0, free 0, waiting 0  not ready: InvalidSpec: is invalid: spec.addresses[0]: Invalid value: "nonsense"',
  );
  assert.match(
    text,
    'free 1, waiting 0  not ready: NotSynced: no controller has looked at it yet\n    10.0.0.1  ·\n',
  );
});

test('IPAMClaims: what they have, why they wait, and that nobody serves them', () => {
  const ipamClaim = (name: string, network: string, status?: object, labels?: Record<string, string>) => ({
    apiVersion: 'k8s.cni.cncf.io/v1alpha1',
    kind: 'IPAMClaim',
    metadata: { name, namespace: 'default', ...(labels && { labels }) },
    spec: { network, interface: 'net1' },
    ...(status && { status }),
  });
  const condition = { type: 'Ready', status: 'False', reason: 'PoolExhausted', message: 'none is free' };
  const served = { 'metaipam.io/network': 'lan' };
  const text = render(
    ipamClaim('a', 'lan', { ips: ['10.0.0.2/24', 'fd00::2/64'] }, served),
    ipamClaim('b', 'lan', { ips: [], conditions: [condition] }, served),
    ipamClaim('c', 'other'),
    ipamClaim('e', 'lan', { ips: ['10.0.0.3/24'], conditions: [condition] }, served),
    ipamClaim('d', 'lan', undefined, served),
  );
  assert.match(
    text,
    `IPAMClaims
  default/a  network lan    10.0.0.2/24, fd00::2/64
  default/b  network lan    waits: PoolExhausted: none is free
  default/c  network other  no pool serves its network
  default/e  network lan    10.0.0.3/24; waits: PoolExhausted: none is free
  default/d  network lan
`,
  );
});

test('claims: the address, or why they wait', () => {
  const text = render(
    claim('a', 'p', {}, served('a')),
    address('a', 'p', '10.0.0.2'),
    claim(
      'b',
      'p',
      {},
      { conditions: [{ type: 'Ready', status: 'False', reason: 'PoolExhausted', message: 'full' }] },
    ),
    claim('c', 'p'),
  );
  const lines = text.split('\n');
  assert.ok(lines.includes('  default/a  InClusterIPPool p  10.0.0.2/24'), text);
  assert.ok(lines.includes('  default/b  InClusterIPPool p  waits: PoolExhausted: full'), text);
  assert.ok(
    lines.includes(
      '  default/c  InClusterIPPool p  waits: Unanswered: there is no InClusterIPPool default/p',
    ),
    text,
  );
});

test('a ClusterCIDR: its own blocks, and those that Services or another ClusterCIDR hold', () => {
  const text = render(
    podNetwork('default', { serviceCIDRs: ['10.0.0.0/25'] }),
    clusterCIDR('cc', { perNodeHostBits: 6, ipv4: '10.0.0.0/23', ipv6: 'fd00::/121' }),
    clusterCIDR('storage', { perNodeHostBits: 8, ipv4: '10.1.0.0/24' }, 'net1'),
    block('10.0.0.128/26', 'cc', 'a', { blocks: ['10.0.0.128/26', 'fd00::/122'] }),
    block('10.0.0.192/26', 'cc', 'b', { adopted: true }),
    block('10.0.1.0/25', 'other', 'c'),
    block('10.0.1.192/26', 'cc', 'd', {}, 'another network'),
    block('fd00::/122', 'cc', 'a', { blocks: ['10.0.0.128/26', 'fd00::/122'] }),
    node('a', ['10.0.0.128/26', 'fd00::/122']),
    node('b', ['10.0.0.192/26']),
  );
  assert.match(
    text,
    `  cc  nodes 2  Ready
    10.0.0.0/23 in blocks of /26, blocks: total 8, used 4, free 2
      10.0.0.0  ░░█◆▓▓··
    fd00::/121 in blocks of /122, blocks: total 2, used 1, free 1
      fd00::  █·
  storage (network net1)  nodes 0  not ready: NetworkNotFound: there is no PodNetwork net1
`,
  );
});

test('nodes: podCIDRs, ranges of secondary networks, or why they wait', () => {
  const annotations = { 'kube-node.nordix.org/storage': '10.1.0.0/24', 'my/key': '10.2.0.0/24', other: 'x' };
  const text = render(
    podNetwork(),
    clusterCIDR('tiny', { perNodeHostBits: 8, ipv4: '10.0.0.0/24' }),
    podNetwork('storage'),
    podNetwork('fast', { annotation: 'my/key' }),
    node('a', ['10.0.0.0/24', 'fd00::/120'], { annotations }),
    node('longer'),
  );
  const lines = text.split('\n');
  assert.ok(
    lines.includes(
      '  a       10.0.0.0/24, fd00::/120  my/key: 10.2.0.0/24; kube-node.nordix.org/storage: 10.1.0.0/24',
    ),
    text,
  );
  assert.ok(
    lines.includes('  longer  no podCIDRs              waits: PodCIDRsPending: ClusterCIDR tiny is full'),
    text,
  );
});

test("a node's blocks of a secondary network, without what else their annotation says", () => {
  const json = (value: unknown) => JSON.stringify(value);
  const ranges = [
    { subnet: '10.0.0.0/8', rangeStart: '10.1.0.0', rangeEnd: '10.1.0.63', gateway: '10.0.0.1' },
    { subnet: 'fd00::/127', gateway: 'fd00::' },
    '10.2.0.0/26',
  ];
  const ofNode = (annotation: string) => {
    const annotations = { 'kube-node.nordix.org/storage': annotation };
    const text = render(podNetwork('storage'), node('a', [], { annotations }));
    return text.split('kube-node.nordix.org/storage: ')[1]!.trimEnd();
  };
  assert.is(ofNode(json({ ranges, routes: [{ dst: '::/0' }] })), '10.1.0.0/26, fd00::/127, 10.2.0.0/26');
  assert.is(ofNode('10.1.0.0/26,fd00::/122'), '10.1.0.0/26, fd00::/122');
  for (const foreign of ['{"ranges": 1}', '{', 'by hand']) assert.is(ofNode(foreign), foreign);
});

test.run();
