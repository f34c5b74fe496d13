import type { Cluster } from '../kubernetes/core-types.ts';
import { CLUSTER_NAME_LABEL } from '../kubernetes/names.ts';
import { isPaused } from '../kubernetes/object.ts';
import type { IPAddressClaim } from '../kubernetes/types.ts';
import { clusterApiVersion } from '../metacontroller/api-version.ts';
import type { DecoratorRequest, HookConfig } from '../metacontroller/hook.ts';

export interface ClusterView {
  readonly title: string;
  readonly exists: boolean;
  readonly paused: boolean;
}

/**
 * The cluster that a claim names; undefined where there is none to mind, and where nobody has asked for it yet:
 * Metacontroller keeps a claim's rules although a label on it has changed.
 */
export function clusterOf(
  { object, related }: DecoratorRequest<IPAddressClaim>,
  config: HookConfig,
): ClusterView | undefined {
  const name = clusterName(object);
  const clusters = related[`Cluster.${clusterApiVersion(config)}`];
  if (name === undefined || !config.watchClusters || clusters === undefined) return undefined;
  const title = `${object.metadata.namespace}/${name}`;
  const cluster = clusters[title] as Cluster | undefined;
  const paused = cluster !== undefined && (cluster.spec?.paused === true || isPaused(cluster));
  return { title, exists: cluster !== undefined, paused };
}

/** Cluster API's IPAM contract: the field, or for older consumers the label. */
export function clusterName({ metadata, spec }: IPAddressClaim): string | undefined {
  return spec.clusterName || metadata.labels?.[CLUSTER_NAME_LABEL] || undefined;
}
