/** Sync requests of pools and networks with their answers, as the page's recorder gets them. */
import { loadControllers } from '../../lib/cli/controllers.ts';
import type { IPAddressClaim } from '../../lib/kubernetes/types.ts';
import { withEmptyGroups } from '../../lib/metacontroller/groups.ts';
import {
  type CompositeRequest,
  type CompositeResponse,
  DEFAULT_CONFIG,
} from '../../lib/metacontroller/hook.ts';
import { poolLabel } from '../../lib/pool/label.ts';

export const NOW = Date.parse('2026-01-02T00:00:00Z');
const { pools } = await loadControllers();

export interface Synced {
  readonly request: CompositeRequest<never>;
  readonly response: CompositeResponse;
}

export interface PoolGiven {
  readonly name?: string;
  readonly namespace?: string;
  readonly addresses?: readonly string[];
  readonly prefix?: number;
  readonly gateway?: string;
  readonly annotations?: Record<string, string>;
  readonly claims?: readonly IPAddressClaim[];
}

/** The real hook's answer about a pool that has given out nothing before. */
export function syncedPool({ claims = [], ...given }: PoolGiven = {}): Synced {
  const request = poolRequest(given, claims);
  const response = pools!.sync(request as never, { now: NOW, config: DEFAULT_CONFIG }) as CompositeResponse;
  return { request: request as never, response };
}

export function poolRequest(
  {
    name = 'a',
    namespace = 'ns',
    addresses = ['10.0.0.0/29'],
    prefix = 29,
    gateway = '10.0.0.1',
    annotations = {},
  }: PoolGiven = {},
  claims: readonly IPAddressClaim[] = [],
): object {
  const group = Object.fromEntries(claims.map((claim) => [`${namespace}/${claim.metadata.name}`, claim]));
  const request = {
    parent: {
      apiVersion: 'ipam.cluster.x-k8s.io/v1alpha2',
      kind: 'InClusterIPPool',
      metadata: {
        name,
        namespace,
        uid: `uid-${name}`,
        creationTimestamp: '2026-01-01T00:00:00Z',
        annotations,
      },
      spec: { addresses, prefix, gateway },
    },
    children: {},
    related: { 'IPAddressClaim.ipam.cluster.x-k8s.io/v1beta2': group },
    finalizing: false,
  };
  return withEmptyGroups(pools!.parent, request, DEFAULT_CONFIG);
}

export function claim(name: string, changes: object = {}, pool = 'a', namespace = 'ns'): IPAddressClaim {
  const kind = 'InClusterIPPool';
  return {
    apiVersion: 'ipam.cluster.x-k8s.io/v1beta2',
    kind: 'IPAddressClaim',
    metadata: {
      name,
      namespace,
      uid: `uid-of-${name}`,
      resourceVersion: '1',
      creationTimestamp: '2026-01-01T00:00:00Z',
      labels: { 'metaipam.io/pool': poolLabel(kind, pool) },
    },
    spec: { poolRef: { apiGroup: 'ipam.cluster.x-k8s.io', kind, name: pool } },
    ...changes,
  };
}

export function claims(count: number): IPAddressClaim[] {
  return Array.from({ length: count }, (_, index) => claim(`c${String(index).padStart(5, '0')}`));
}
