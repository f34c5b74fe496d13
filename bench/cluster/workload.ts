/** What users make: claims of pools, nodes, or IPAMClaims; and when each is served. */
import {
  CLUSTER_CIDR_API_VERSION,
  IPAM_CLAIM_API_VERSION,
  NETWORK_LABEL,
} from '../../lib/kubernetes/names.ts';
import type { ControlPlane } from '../../test/e2e/control-plane.ts';
import { pathOf, succeeded } from '../../test/e2e/sandbox.ts';
import type { BenchOptions } from './options.ts';
import type { ServedObject } from './served.ts';

export interface BenchWorkload {
  /** In the plural. */
  readonly noun: string;
  /** The request that makes one of them, as `requestCounts` names it. */
  readonly made: string;
  /** Where a watch sees all of them. */
  readonly path: string;
  /** How many have to be made until each part has been used once. */
  readonly warmUp: number;
  readonly isServed: (object: ServedObject) => boolean;
  /** Makes what the objects need. */
  prepare(plane: ControlPlane): Promise<void>;
  /** Makes one. Resolves to its key in the watch. */
  make(plane: ControlPlane, prefix: string, index: number): Promise<string>;
  /** All that was given out, as text. */
  given(plane: ControlPlane): Promise<string[]>;
}

export function workloadOf(options: BenchOptions): BenchWorkload {
  return { claims: claims(options), nodes, 'ipam-claims': ipamClaims }[options.subject];
}

function claims({ namespaces, pool, withCluster }: BenchOptions): BenchWorkload {
  const kind = pool === 'global' ? 'GlobalInClusterIPPool' : 'InClusterIPPool';
  const poolRef = { apiGroup: 'ipam.cluster.x-k8s.io', kind, name: 'machines' };
  const names = Array.from({ length: namespaces }, (_, index) => `bench-${index}`);
  return {
    noun: 'claims',
    made: 'POST ipaddressclaims',
    path: pathOf('IPAddressClaim'),
    warmUp: namespaces,
    isServed: ({ status }) => status?.addressRef?.name !== undefined,
    async prepare(plane) {
      const makePool = async (index: number, namespace?: string) => {
        const spec = { addresses: [`10.${index}.0.0/16`], prefix: 16, gateway: `10.${index}.0.1` };
        await create(plane, pathOf(kind, namespace), kind, poolRef.name, { spec });
      };
      if (pool === 'global') await makePool(0);
      for (const [index, namespace] of names.entries()) {
        await create(plane, pathOf('Namespace'), 'Namespace', namespace);
        if (pool === 'namespaced') await makePool(index, namespace);
        if (withCluster)
          await create(plane, pathOf('Cluster', namespace), 'Cluster', 'cluster', { spec: {} });
      }
    },
    async make(plane, prefix, index) {
      const namespace = names[index % namespaces]!;
      const spec = { poolRef, ...(withCluster && { clusterName: 'cluster' }) };
      const name = `${prefix}-${index}`;
      await create(plane, pathOf('IPAddressClaim', namespace), 'IPAddressClaim', name, { spec });
      return `${namespace}/${name}`;
    },
    given: addressesOf,
  };
}

async function addressesOf(plane: ControlPlane): Promise<string[]> {
  const { items } = succeeded(await plane.api('GET', pathOf('IPAddress')));
  return items.map(({ spec }: { spec: { address: string } }) => spec.address);
}

const IPAM_CLAIMS = `/apis/${IPAM_CLAIM_API_VERSION}`;

/** Of a dual-stack network, as interfaces of virtual machines have them. */
const ipamClaims: BenchWorkload = {
  noun: 'IPAMClaims',
  made: 'POST ipamclaims',
  path: `${IPAM_CLAIMS}/ipamclaims`,
  warmUp: 1,
  isServed: ({ status }) => status?.ips?.length === 2,
  async prepare(plane) {
    const kind = 'GlobalInClusterIPPool';
    const labels = { [NETWORK_LABEL]: 'lan' };
    const ipv4 = { addresses: ['10.0.0.0/16'], prefix: 16, gateway: '10.0.0.1' };
    await create(plane, pathOf(kind), kind, 'lan', { labels, spec: ipv4 });
    const ipv6 = { addresses: ['fd00:10::/64'], prefix: 64 };
    await create(plane, pathOf(kind), kind, 'lan-v6', { labels, spec: ipv6 });
  },
  async make(plane, prefix, index) {
    const name = `${prefix}-${index}.lan`;
    const spec = { network: 'lan', interface: 'net1' };
    await create(plane, `${IPAM_CLAIMS}/namespaces/default/ipamclaims`, 'IPAMClaim', name, { spec });
    return `default/${name}`;
  },
  given: addressesOf,
};

const NODES = '/api/v1/nodes';

/** Dual-stack, all of one ClusterCIDR. */
const nodes: BenchWorkload = {
  noun: 'nodes',
  made: 'POST nodes',
  path: NODES,
  warmUp: 1,
  isServed: ({ spec }) => spec?.podCIDRs?.length === 2,
  async prepare(plane) {
    const spec = { perNodeHostBits: 8, ipv4: '10.0.0.0/8', ipv6: 'fd00:10::/104' };
    await create(plane, `/apis/${CLUSTER_CIDR_API_VERSION}/clustercidrs`, 'ClusterCIDR', 'all', { spec });
  },
  async make(plane, prefix, index) {
    const name = `${prefix}-${index}`;
    await create(plane, NODES, 'Node', name, { labels: { 'kubernetes.io/hostname': name } });
    return name;
  },
  async given(plane) {
    const { items } = succeeded(await plane.api('GET', NODES));
    return items.flatMap(({ spec }: { spec: { podCIDRs?: string[] } }) => spec.podCIDRs ?? []);
  },
};

async function create(
  plane: ControlPlane,
  path: string,
  kind: string,
  name: string,
  { labels = {}, spec }: { labels?: Record<string, string>; spec?: object } = {},
): Promise<void> {
  const apiVersion = /^\/apis?\/((?:[a-z0-9.-]+\.[a-z0-9.-]+\/)?v[0-9a-z]+)/.exec(path)?.[1];
  const object = { apiVersion, kind, metadata: { name, labels }, ...(spec && { spec }) };
  succeeded(await plane.api('POST', path, object));
}
