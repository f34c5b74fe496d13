/** People make claims, and Clusters that these belong to; other providers have served some. */
import type { Unstructured } from '../../lib/engine/object.ts';
import {
  CAPI_IPAM_GROUP,
  PAUSED_ANNOTATION,
  REQUESTED_ADDRESS_ANNOTATION,
} from '../../lib/kubernetes/names.ts';
import type { Layout } from '../layout.ts';
import { baseOf, POOLS, placeIn, poolsOf } from './pools.ts';
import { creationOf, type UserOp, type UserScene } from './user-op.ts';

const CAPI = `${CAPI_IPAM_GROUP}/v1beta2`;

const CLUSTER_API = 'cluster.x-k8s.io/v1beta2';

export function createClaim({ random, layout }: UserScene): UserOp {
  const pool = random.pick(poolsOf(layout));
  const namespace = pool.kind.startsWith('Global') && random.chance(0.5) ? 'team' : 'default';
  const requested = random.chance(0.15) ? placeIn(pool, random.below(8)) : undefined;
  const annotations = {
    ...(requested && { [REQUESTED_ADDRESS_ANNOTATION]: requested }),
    ...(random.chance(0.05) && { [PAUSED_ANNOTATION]: 'true' }),
  };
  const claim = claimObject(layout, pool, { name: `claim-${random.below(7)}`, namespace }, annotations);
  return creationOf(claim, requested && `, which asks for ${requested}`);
}

function claimObject(
  layout: Layout,
  { kind, name }: { kind: string; name: string },
  metadata: { name: string; namespace: string },
  annotations: Readonly<Record<string, string>> = {},
): Unstructured {
  const cluster = layout.hasClusters && hasCluster(metadata.name) && { clusterName: 'east' };
  return {
    apiVersion: CAPI,
    kind: 'IPAddressClaim',
    metadata: { ...metadata, annotations },
    spec: { poolRef: { apiGroup: CAPI_IPAM_GROUP, kind, name }, ...cluster },
  };
}

/** Half of the claims belong to a Cluster. */
function hasCluster(name: string): boolean {
  return Number(name.at(-1)) % 2 === 0;
}

/** Claims that another provider has served, with their addresses. */
export function foreignAddresses({ random, layout }: UserScene): UserOp[] {
  const pool = POOLS[0];
  return [0, 1, 2].flatMap((i) => served(layout, pool, i, `${pool.net}${i + 2 + random.below(2) * 3}`, 29));
}

/** The same of prefixes, of whatever length. */
export function foreignPrefixes({ random, layout }: UserScene): UserOp[] {
  const pool = POOLS[4];
  return [0, 1, 2].flatMap((i) =>
    served(layout, pool, i, baseOf(pool, 2 * i), random.pick([64, 64, 63, 66, 128])),
  );
}

function served(
  layout: Layout,
  pool: { kind: string; name: string },
  index: number,
  address: string,
  prefix: number,
): UserOp[] {
  const metadata = { name: `claim-${index}`, namespace: 'default' };
  const poolRef = { apiGroup: CAPI_IPAM_GROUP, kind: pool.kind, name: pool.name };
  const spec = { claimRef: { name: metadata.name }, poolRef, address, prefix };
  return [
    creationOf(claimObject(layout, pool, metadata)),
    creationOf({ apiVersion: CAPI, kind: 'IPAddress', metadata, spec }, `, foreign, ${address}/${prefix}`),
  ];
}

export function createCluster({ random }: UserScene): UserOp {
  return creationOf({
    apiVersion: CLUSTER_API,
    kind: 'Cluster',
    metadata: { name: 'east', namespace: 'default' },
    spec: { paused: random.chance(0.2) },
  });
}
