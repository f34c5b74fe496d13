/**
 * When to look again although nothing seems to have changed.
 *
 * Metacontroller asks the customize hook whom an event is for, and remembers the answers for 20 minutes. When no server
 * answers, the event is lost to those whose answers it does not remember. It looks at everything by itself each
 * `--cache-flush-interval`, half an hour, but before 4.17.2 not at what ignores changes of its status.
 */
import { secondsSince } from './hold.ts';

/** Pools and ClusterCIDRs. A claim that has not been answered writes that, of which its pool hears. */
export const LOOKS_AGAIN_SECONDS = 300;
/** A Node that has no podCIDRs is of no use, and nobody hears of it again. */
export const NETWORK_LOOKS_AGAIN_SECONDS = 60;

const SOONEST_SECONDS = 30;
const LATEST_SECONDS = 600;

/**
 * In how many seconds who has waited since an RFC 3339 time looks again: when it has waited as long once more. Thousands
 * may wait, and a look costs each as much as there are IPAddresses in its namespace.
 */
export function looksAgainIn(since: string | undefined, now: number): number {
  return Math.ceil(Math.min(Math.max(secondsSince(since, now), SOONEST_SECONDS), LATEST_SECONDS));
}
