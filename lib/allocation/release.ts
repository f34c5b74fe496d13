import { compareResourceVersions, type KubernetesObject } from '../kubernetes/object.ts';
import type { HookContext } from '../metacontroller/hook.ts';

/**
 * Whether the claim of `allocation`, whose uid is not in view, is really gone.
 *
 * Each resource type reaches Metacontroller's caches at its own pace: an allocation can be in view before the
 * claim it was made for. A watch delivers one type in the order of its writes, so any claim in view that was
 * written after the allocation proves that the view is recent enough. With no such witness, the allocation
 * must be older than one cache may lag behind another.
 *
 * @param newestClaimVersion the highest resourceVersion among the claims in view
 */
export function claimIsGone(
  allocation: KubernetesObject,
  newestClaimVersion: string | undefined,
  { now, config }: HookContext,
): boolean {
  const { resourceVersion, creationTimestamp } = allocation.metadata;
  if (compareResourceVersions(newestClaimVersion, resourceVersion) > 0) return true;
  return secondsSince(creationTimestamp, now) >= config.cacheLagSeconds;
}

/**
 * Seconds until an object that is being deleted may take what is not in view for absent.
 *
 * What was made for it just before its deletion, here or by another Metacontroller, may not have reached the
 * view yet.
 */
export function secondsUntilAllIsSeen({ metadata }: KubernetesObject, { now, config }: HookContext): number {
  return Math.max(0, config.cacheLagSeconds - secondsSince(metadata.deletionTimestamp, now));
}

/** The highest resourceVersion of the objects, or undefined without any. */
export function newestVersion(objects: readonly KubernetesObject[]): string | undefined {
  let newest: string | undefined;
  for (const { metadata } of objects) {
    if (compareResourceVersions(metadata.resourceVersion, newest) > 0) newest = metadata.resourceVersion;
  }
  return newest;
}

/** Seconds from an RFC 3339 time to `now` in milliseconds; infinite if the time is absent or unreadable. */
export function secondsSince(timestamp: string | undefined, now: number): number {
  const time = Date.parse(timestamp ?? '');
  return Number.isNaN(time) ? Number.POSITIVE_INFINITY : (now - time) / 1000;
}
