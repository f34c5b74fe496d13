/** A live cluster as the user may see it, for commands that go on showing it. */
import { setTimeout as delay } from 'node:timers/promises';
import type { KubeConfig } from '@kubernetes/client-node';
import { ClusterClient } from '../cluster/cluster-client.ts';
import type { RequestLog, SharedConnections } from '../cluster/connection.ts';
import { LiveCluster } from '../cluster/live-cluster.ts';
import { CAPI_IPAM_GROUP } from '../kubernetes/names.ts';
import { DEFAULT_CONFIG, type HookConfig } from '../metacontroller/hook.ts';
import { ApiError, ApiReader } from './api-reader.ts';
import { ForbiddenError, InputError } from './command.ts';

const VERSIONS = ['v1beta2', 'v1beta1'] as const;
/** Milliseconds in which changes are gathered. */
const GATHER_MS = 250;

/**
 * The cluster as soon as some of it is there; `onChange` follows every change. Throws InputError when the cluster cannot be
 * reached, or of all that it has nothing may be read.
 */
export async function watchLive(
  config: SharedConnections,
  namespace: string,
  onChange: () => void,
  signal: AbortSignal,
  log?: RequestLog,
): Promise<LiveCluster> {
  const clusterApiVersion = await servedVersion(config, log);
  let heard = () => {};
  const changed = () => {
    heard();
    onChange();
  };
  const client = new ClusterClient(config, log);
  const cluster = new LiveCluster(client, { clusterApiVersion, namespace }, changed, signal);
  while (!cluster.seesSome && !cluster.synced)
    await new Promise<void>((resolve) => {
      heard = resolve;
    });
  const [problem, ...others] = cluster.problems();
  if (cluster.seesSome || cluster.forbidden().length === 0 || others.length > 0) return cluster;
  throw new ForbiddenError(`cannot watch ${problem}`);
}

/** The cluster once all its objects are there, and again after every change. Throws InputError as `watchLive` does. */
export async function* liveChanges(
  config: SharedConnections,
  namespace: string,
  signal: AbortSignal,
  log?: RequestLog,
): AsyncGenerator<LiveCluster> {
  let wake = () => {};
  let isChanged = true;
  const changed = () => {
    isChanged = true;
    wake();
  };
  const cluster = await watchLive(config, namespace, changed, signal, log);
  // Nothing else keeps this process while the API server is away.
  const staying = setInterval(() => {}, 60_000);
  try {
    while (!signal.aborted) {
      if (!isChanged || !cluster.synced) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      await delay(GATHER_MS);
      if (!cluster.synced) continue;
      isChanged = false;
      yield cluster;
    }
  } finally {
    clearInterval(staying);
  }
}

/** Which version of Cluster API's IPAM kinds the cluster serves; that of the default where it serves none. */
export async function servedVersion(
  config: KubeConfig,
  log?: RequestLog,
): Promise<HookConfig['clusterApiVersion']> {
  const api = new ApiReader(config, log);
  const askGroup = () => api.get<{ versions?: { version: string }[] } | null>(`/apis/${CAPI_IPAM_GROUP}`);
  try {
    const group = await askGroup().catch(async (error) => {
      if (!(error instanceof ApiError && error.status === 404)) throw error;
      await api.requireApiServer();
      return { versions: [] };
    });
    if (group?.versions === undefined) throw api.noApiServer('answered with no API group', 200);
    const served = group.versions.map(({ version }) => version);
    return VERSIONS.find((version) => served.includes(version)) ?? DEFAULT_CONFIG.clusterApiVersion;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    throw new InputError(`cannot look at the cluster: ${error.message}`);
  }
}
