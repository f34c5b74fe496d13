import type { Cluster } from '../kubernetes/core-types.ts';
import { CLUSTER_NAME_LABEL } from '../kubernetes/names.ts';
import { isPaused } from '../kubernetes/object.ts';
import type { IPAddressClaim } from '../kubernetes/types.ts';
import type { DecoratorRequest, HookConfig } from '../metacontroller/hook.ts';
import { clusterApiVersion } from './api-version.ts';

/** The cluster that a claim names, as far as it is in view; undefined where there is none to mind. */
export function clusterOf(
  { object, related }: DecoratorRequest<IPAddressClaim>,
  config: HookConfig,
): { title: string; exists: boolean; paused: boolean } | undefined {
  const name = clusterName(object);
  if (name === undefined || !config.watchClusters) return undefined;
  const title = `${object.metadata.namespace}/${name}`;
  const cluster = related[`Cluster.${clusterApiVersion(config)}`]?.[title] as Cluster | undefined;
  const paused = cluster !== undefined && (cluster.spec?.paused === true || isPaused(cluster));
  return { title, exists: cluster !== undefined, paused };
}

/** Cluster API's IPAM contract: the field, or for older consumers the label. */
export function clusterName({ metadata, spec }: IPAddressClaim): string | undefined {
  return spec.clusterName || metadata.labels?.[CLUSTER_NAME_LABEL] || undefined;
}
