/** What `kubectl get` shows a person of each kind. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { eventually } from './control-plane.ts';
import { type Installation, install } from './install.ts';

const OBJECTS = `
apiVersion: ipam.cluster.x-k8s.io/v1alpha2
kind: InClusterIPPool
metadata: {name: small, namespace: default}
spec: {addresses: [10.0.0.10-10.0.0.11], prefix: 24, gateway: 10.0.0.1}
---
apiVersion: ipam.cluster.x-k8s.io/v1alpha2
kind: GlobalInClusterIPPool
metadata: {name: shared}
spec: {addresses: ["fd00::/64"], prefix: 64}
---
apiVersion: ipam.cluster.x-k8s.io/v1beta2
kind: IPAddressClaim
metadata: {name: web-0, namespace: default}
spec: {poolRef: {apiGroup: ipam.cluster.x-k8s.io, kind: InClusterIPPool, name: small}}
---
apiVersion: ipam.cluster.x-k8s.io/v1beta2
kind: IPAddressClaim
metadata:
  name: web-1
  namespace: default
  annotations: {metaipam.io/requested-address: 10.0.0.99}
spec: {poolRef: {apiGroup: ipam.cluster.x-k8s.io, kind: InClusterIPPool, name: small}}
---
apiVersion: ipam.cluster.x-k8s.io/v1beta2
kind: IPAddressClaim
metadata: {name: db-0, namespace: default}
spec: {poolRef: {apiGroup: ipam.cluster.x-k8s.io, kind: GlobalInClusterIPPool, name: shared}}
---
apiVersion: ipam.cluster.x-k8s.io/v1alpha2
kind: InClusterPrefixPool
metadata: {name: nodes, namespace: default}
spec: {prefixes: ["fd00:20::/62"]}
---
apiVersion: ipam.cluster.x-k8s.io/v1beta2
kind: IPAddressClaim
metadata: {name: node-0, namespace: default}
spec: {poolRef: {apiGroup: ipam.cluster.x-k8s.io, kind: InClusterPrefixPool, name: nodes}}
---
apiVersion: networking.x-k8s.io/v1
kind: ClusterCIDR
metadata: {name: everyone}
spec: {perNodeHostBits: 8, ipv4: 10.244.0.0/16, ipv6: "fd00:10:244::/112"}
---
apiVersion: v1
kind: Node
metadata: {name: worker-0}
`;

const TABLES: [args: string, ...lines: string[]][] = [
  ['inclusterippools -n default', 'NAME TOTAL USED FREE READY AGE', 'small 2 1 1 True'],
  [
    'icpool -n default -o wide',
    'NAME ADDRESSES TOTAL USED FREE READY AGE',
    'small ["10.0.0.10-10.0.0.11"] 2 1 1 True',
  ],
  ['gicpool', 'NAME TOTAL USED FREE READY AGE', 'shared 9223372036854775807 1 9223372036854775807 True'],
  [
    'inclusterprefixpools -n default',
    'NAME PREFIXES TOTAL USED FREE READY AGE',
    'nodes ["fd00:20::/62"] 4 1 3 True',
  ],
  [
    'ipaddressclaims -n default',
    'NAME POOL NAME POOL KIND AGE',
    'db-0 shared GlobalInClusterIPPool',
    'node-0 nodes InClusterPrefixPool',
    'web-0 small InClusterIPPool',
    'web-1 small InClusterIPPool',
  ],
  [
    'ipaddresses.ipam.cluster.x-k8s.io -n default',
    'NAME ADDRESS POOL NAME POOL KIND AGE',
    'db-0 fd00::1 shared GlobalInClusterIPPool',
    'node-0 fd00:20:: nodes InClusterPrefixPool',
    'web-0 10.0.0.10 small InClusterIPPool',
  ],
  [
    'alloc -n default',
    'NAME CIDR BLOCKS POOL AGE',
    'nodes.fd00-20-0-0-0-0-0-0-59.64.prefix fd00:20::/59 64 nodes',
    'small.10.0.0.0-27 10.0.0.0/27 small',
    'small.answers-0 small',
  ],
  [
    'alloc -n metaipam-system',
    'NAME CIDR BLOCKS POOL AGE',
    'default.10.244.0.0-19.24 10.244.0.0/19 24 default',
    'default.answers-0.network default',
    'default.fd00-10-244-0-0-0-0-0-115.120 fd00:10:244::/115 120 default',
    'default.label-keys-0.network default',
    'shared.fd00-0-0-0-0-0-0-0-123.global fd00::/123 shared',
  ],
  ['podnet', 'NAME TARGET NODES ALLOCATED PENDING READY AGE', 'default node.spec.podCIDRs 1 1 0 True'],
  [
    'ccidr',
    'NAME IPV4 IPV6 HOSTBITS NODES FREE4 FREE6 READY AGE',
    'everyone 10.244.0.0/16 fd00:10:244::/112 8 1 255 255 True',
  ],
  ['pcc', 'NAME PODCIDRS AGE', 'worker-0 ["10.244.0.0/24","fd00:10:244::/120"]'],
];

const test = suite<{ installation: Installation }>('columns');

test.before(async (context) => {
  context.installation = await install();
  await context.installation.plane.kubectl(['apply', '-f', '-'], OBJECTS);
});
test.after(({ installation }) => installation?.stop());

for (const [args, ...expected] of TABLES) {
  test(`kubectl get ${args}`, async ({ installation }) => {
    let shown: string[] = [];
    const show = async () => {
      const output = await installation.plane.kubectl(['get', ...args.split(' ')]);
      shown = output.trimEnd().split('\n').map(line);
      return shown.join() === expected.join();
    };
    await eventually(args, show).catch(() => {});
    assert.equal(shown, expected);
  });
}

test.run();

/** A line as its words, without the age. */
function line(text: string): string {
  return text
    .replace(/\s+\d+[ms]\d*s?$/, '')
    .replaceAll(/\s+/g, ' ')
    .trim();
}
