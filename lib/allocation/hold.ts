/** How long what is not in use any more is held. */
import { compareResourceVersions, type KubernetesObject } from '../kubernetes/object.ts';
import type { HookContext } from '../metacontroller/hook.ts';

/**
 * Whether what was given out at `since`, in an object that was last written as `resourceVersion`, and whose holder
 * is not in view, is really nobody's.
 *
 * Each resource type reaches Metacontroller's caches at its own pace: a slice can be in view before the holder of
 * its newest entry. A watch delivers one type in the order of its writes, so any holder in view that was written
 * after the slice proves that the view is recent enough. With no such witness, the entry must be older than one
 * cache may lag behind another.
 *
 * @param newestVersion the highest resourceVersion among the holders in view
 */
export function holderIsGone(
  { resourceVersion, since }: { resourceVersion: string | undefined; since: string | undefined },
  newestVersion: string | undefined,
  { now, config }: HookContext,
): boolean {
  if (compareResourceVersions(newestVersion, resourceVersion) > 0) return true;
  return secondsSince(since, now) >= config.cacheLagSeconds;
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

/** Seconds until an entry and what it was made from are in every view; a time far ahead tells nothing. */
export function secondsUntilSeen(
  { since }: { readonly since?: string },
  { now, config }: HookContext,
): number {
  const age = secondsSince(since, now);
  return Math.abs(age) < config.cacheLagSeconds ? config.cacheLagSeconds - age : 0;
}

/** How long a clock that was wrong may go unnoticed. */
const LONGEST_WAIT_SECONDS = 300;

/** In how many seconds to ask again whether `seconds` have gone by, which a clock tells that may be set meanwhile. */
export function askAgainIn(seconds: number): number {
  return Math.min(Math.ceil(seconds), LONGEST_WAIT_SECONDS);
}

/** The highest resourceVersion of the objects, or undefined without any. */
export function newestVersion(objects: readonly KubernetesObject[]): string | undefined {
  let newest: string | undefined;
  for (const { metadata } of objects) {
    if (compareResourceVersions(metadata.resourceVersion, newest) > 0) newest = metadata.resourceVersion;
  }
  return newest;
}

/**
 * Seconds until what was released at `released` (RFC 3339) may be given to another; 0 if it may now.
 *
 * A time that is still to come was written by a clock that was ahead: it counts as now.
 */
export function secondsHeld(released: string, gracePeriodSeconds: number, now: number): number {
  return Math.max(0, gracePeriodSeconds - Math.max(0, secondsSince(released, now)));
}

/** When the grace period is over of what was released at `released`, in milliseconds: see `secondsHeld`. */
export function heldUntil(released: string, gracePeriodSeconds: number, now: number): number {
  const time = Date.parse(released);
  return Number.isNaN(time) ? now : Math.min(time, now) + gracePeriodSeconds * 1000;
}

/** Seconds from an RFC 3339 time to `now` in milliseconds; infinite if the time is absent or unreadable. */
export function secondsSince(timestamp: string | undefined, now: number): number {
  const time = Date.parse(timestamp ?? '');
  return Number.isNaN(time) ? Number.POSITIVE_INFINITY : (now - time) / 1000;
}
