import { shorten } from '../text.ts';
import { formatTime } from './time.ts';

/** `metav1.Condition`. */
export interface Condition {
  type: string;
  status: 'True' | 'False' | 'Unknown';
  reason: string;
  message: string;
  lastTransitionTime: string;
  observedGeneration?: number;
}

/**
 * The conditions with `next` in the place of the one of its type, or after the others.
 *
 * `lastTransitionTime` is `now` (milliseconds) when the status flips and stays as it was otherwise, so that
 * the same state always gives the same answer. A time that is still to come was written by a clock that was ahead.
 */
export function setCondition(
  previous: readonly Condition[] = [],
  next: Omit<Condition, 'lastTransitionTime'>,
  now: number,
): Condition[] {
  const known = previous.find(({ type }) => type === next.type);
  const lastTransitionTime = transition(known?.status === next.status ? known : undefined, now);
  return placed(previous, { ...next, message: shorten(next.message), lastTransitionTime });
}

/**
 * The same for conditions of Cluster API's v1beta1, which have a severity where they are False, no message where there
 * is nothing to say, and for which a new reason is a transition too. Unknown becomes False: the aggregates of v1beta1 take
 * one True beside an Unknown for True.
 */
export function setV1Beta1Condition(
  previous: readonly Condition[] = [],
  { status, message, ...others }: Omit<Condition, 'lastTransitionTime' | 'observedGeneration'>,
  now: number,
): Condition[] {
  const known = previous.find(({ type }) => type === others.type);
  const next = {
    ...others,
    ...(status === 'True' ? { status } : { status: 'False', severity: 'Warning' }),
    ...(message !== '' && { message: shorten(message) }),
  };
  const isSame = known?.status === next.status && known.reason === next.reason;
  const lastTransitionTime = transition(isSame ? known : undefined, now);
  return placed(previous, { ...next, lastTransitionTime } as Condition);
}

function transition(same: Condition | undefined, now: number): string {
  return same === undefined || Date.parse(same.lastTransitionTime) > now
    ? formatTime(now)
    : same.lastTransitionTime;
}

function placed(previous: readonly Condition[], condition: Condition): Condition[] {
  return previous.some(({ type }) => type === condition.type)
    ? previous.map((other) => (other.type === condition.type ? condition : other))
    : [...previous, condition];
}
