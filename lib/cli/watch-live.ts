/** A live cluster as the user may see it, for commands that go on showing it. */
import { setTimeout as delay } from 'node:timers/promises';
import type { KubeConfig } from '@kubernetes/client-node';
import type { SharedConnections } from '../cluster/connection.ts';
import { LiveCluster } from '../cluster/live-cluster.ts';
import { SharingClient } from '../cluster/sharing-client.ts';
import { CAPI_IPAM_GROUP } from '../kubernetes/names.ts';
import type { KubernetesObject } from '../kubernetes/object.ts';
import { DEFAULT_CONFIG, type HookConfig } from '../metacontroller/hook.ts';
import { ApiError, ApiReader } from './api-reader.ts';
import { InputError } from './command.ts';

const VERSIONS = ['v1beta2', 'v1beta1'] as const;
/** Milliseconds in which changes are gathered. */
const GATHER_MS = 250;

export interface Watching {
  readonly cluster: LiveCluster;
  readonly problems: () => string[];
  /** All objects once they are there, and again after every change. */
  readonly changes: () => AsyncIterable<readonly KubernetesObject[]>;
  /** Calls `listener` after every change. */
  readonly onChange: (listener: () => void) => void;
}

/** Throws InputError when the cluster cannot be reached. */
export async function watchLive(
  config: SharedConnections,
  namespace = '',
  signal = new AbortController().signal,
): Promise<Watching> {
  const clusterApiVersion = await servedVersion(config);
  const listeners = new Set<() => void>();
  const changed = () => {
    for (const listener of listeners) listener();
  };
  const client = new SharingClient(config);
  const cluster = new LiveCluster(client, { clusterApiVersion, namespace }, changed, signal);
  return {
    cluster,
    problems: () => cluster.problems(),
    onChange: (listener) => listeners.add(listener),
    changes: async function* () {
      let wake = () => {};
      let isChanged = true;
      listeners.add(() => {
        isChanged = true;
        wake();
      });
      while (!signal.aborted) {
        if (!isChanged || !cluster.synced) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
        await delay(GATHER_MS);
        if (!cluster.synced) continue;
        isChanged = false;
        yield cluster.objects();
      }
    },
  };
}

/** Which version of Cluster API's IPAM kinds the cluster serves; that of the default where it serves none. */
export async function servedVersion(config: KubeConfig): Promise<HookConfig['clusterApiVersion']> {
  const fallback = DEFAULT_CONFIG.clusterApiVersion;
  try {
    const { versions = [] } = await new ApiReader(config).get<{ versions?: { version: string }[] }>(
      `/apis/${CAPI_IPAM_GROUP}`,
    );
    const served = versions.map(({ version }) => version);
    return VERSIONS.find((version) => served.includes(version)) ?? fallback;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.status === 404) return fallback;
    throw new InputError(`cannot look at the cluster: ${error.message}`);
  }
}
