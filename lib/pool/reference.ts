/** The pool that a claim or an IPAddress refers to. */
import { CAPI_IPAM_GROUP, WATCH_FILTER_LABEL } from '../kubernetes/names.ts';
import { type KubernetesObject, qualifiedName } from '../kubernetes/object.ts';
import { POOL_KINDS, poolKind } from '../kubernetes/pool-kinds.ts';
import type { IPAddress, IPAddressClaim } from '../kubernetes/types.ts';
import type { HookConfig } from '../metacontroller/hook.ts';

/** Whether it is one of ours: by group and kind, whether or not the pool exists. */
export function isOurs({ spec }: IPAddressClaim | IPAddress): boolean {
  return spec?.poolRef?.apiGroup === CAPI_IPAM_GROUP && Object.hasOwn(POOL_KINDS, spec.poolRef.kind);
}

/** Its title: `InClusterIPPool default/pool-a`. */
export function poolTitleOf({ metadata, spec }: IPAddressClaim | IPAddress): string {
  const { kind, name } = spec.poolRef;
  return `${kind} ${poolKind(kind).isGlobal ? name : qualifiedName({ ...metadata, name })}`;
}

/**
 * Whether claims like this one are ours to serve, and not another controller's that has the same kinds: the flags
 * `--namespace` and `--watch-filter` of Cluster API's contract for providers. What one has, it keeps in any case.
 */
export function isWatched(
  { metadata }: Pick<KubernetesObject, 'metadata'>,
  { watchNamespace = metadata.namespace, watchFilter }: HookConfig,
): boolean {
  if (metadata.namespace !== watchNamespace) return false;
  return watchFilter === undefined || metadata.labels?.[WATCH_FILTER_LABEL] === watchFilter;
}
