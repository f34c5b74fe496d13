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
 * the same state always gives the same answer.
 */
export function setCondition(
  previous: readonly Condition[] = [],
  next: Omit<Condition, 'lastTransitionTime'>,
  now: number,
): Condition[] {
  const known = previous.find(({ type }) => type === next.type);
  const lastTransitionTime = known?.status === next.status ? known.lastTransitionTime : formatTime(now);
  const condition: Condition = { ...next, message: shorten(next.message), lastTransitionTime };
  return known === undefined
    ? [...previous, condition]
    : previous.map((other) => (other === known ? condition : other));
}
