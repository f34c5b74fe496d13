/**
 * What happens in a world, one thing at a time, as data: so that a world can be replayed from a list, and the
 * list made shorter. Something that is not possible when its turn comes is skipped.
 */
import type { ApiRequest } from '../lib/engine/api.ts';
import type { Fault } from '../lib/engine/schedule.ts';
import type { MoveOptions } from './move.ts';

export type Op =
  /** Somebody with kubectl. */
  | {
      readonly op: 'user';
      readonly says: string;
      readonly request: ApiRequest;
      /** Done long before the world begins: no list is so old as not to show it. */
      readonly isOld?: boolean;
      /** Makes an object as if it were from before there were rules. */
      readonly isUnruled?: boolean;
      /** Only done to what has been settled for some time: see `World.isSettled`. */
      readonly ifSettled?: boolean;
    }
  /** A cache hears its next events; its first list counts as one. */
  | (OfCache & { readonly op: 'hear'; readonly count: number })
  /** A watch breaks, and a list replaces it that is `behind` events old. */
  | (OfCache & { readonly op: 'relist'; readonly behind: number })
  /** A cache hears its last event again. */
  | (OfCache & { readonly op: 'repeat' })
  /** A free worker takes a key. */
  | { readonly op: 'start'; readonly process: string; readonly reconciler: string; readonly key: string }
  /** The request that a worker waits for is executed and answered. */
  | {
      readonly op: 'step';
      readonly process: string;
      readonly reconciler: string;
      readonly key: string;
      readonly fault?: Fault;
    }
  /** A request takes effect that its sender gave up on. */
  | { readonly op: 'land'; readonly process: string; readonly reconciler: string; readonly key: string }
  | { readonly op: 'crash'; readonly process: string }
  /** Everything is moved to a new cluster, or restored after a disaster: see `move.ts`. */
  | { readonly op: 'move'; readonly how: MoveOptions }
  /** Milliseconds go by. */
  | { readonly op: 'wait'; readonly milliseconds: number }
  /** The clock of the hooks' server is set off by so many milliseconds. */
  | { readonly op: 'clock'; readonly milliseconds: number };

interface OfCache {
  readonly process: string;
  readonly cache: string;
  /** No hook answers meanwhile whom the events are for. */
  readonly isUnanswered?: boolean;
}

/** The faults that a world counts. */
export type Trouble = Fault['kind'] | 'silence' | 'relist' | 'repeat' | 'clock' | 'move' | 'user';

/** The op as one line. */
export function describeOp(op: Op): string {
  switch (op.op) {
    case 'user':
      return `user: ${op.says}`;
    case 'hear':
      return `${cacheOf(op)} hears of ${op.cache}${op.count === 1 ? '' : ` (${op.count})`}`;
    case 'relist':
      return `${cacheOf(op)} lists ${op.cache} anew, ${op.behind} events behind`;
    case 'repeat':
      return `${cacheOf(op)} hears the last event of ${op.cache} again`;
    case 'start':
      return `${op.process} starts ${op.reconciler} ${op.key}`;
    case 'step':
      return `${op.process} ${op.reconciler} ${op.key}:${op.fault === undefined ? '' : ` ${describeFault(op.fault)}`}`;
    case 'land':
      return `late, of ${op.process} ${op.reconciler} ${op.key}:`;
    case 'crash':
      return `${op.process} crashes`;
    case 'move':
      return `everything moves to a new cluster: ${JSON.stringify(op.how)}`;
    case 'wait':
      return `${op.milliseconds / 1000} s go by`;
    case 'clock':
      return `the hooks' clock is off by ${op.milliseconds / 1000} s`;
  }
}

function cacheOf({ process, isUnanswered }: OfCache): string {
  return isUnanswered ? `${process}, which no hook answers,` : process;
}

function describeFault(fault: Fault): string {
  switch (fault.kind) {
    case 'crash':
      return `crashes ${fault.when}`;
    case 'lost':
      return 'the answer is lost of';
    case 'late':
      return `${fault.crash ? 'crashes, and' : ''} still on its way is`;
    case 'replica':
      return 'another version answers the';
    case 'refused':
      return 'refused is';
    case 'hook':
      return `${fault.result.status} instead of`;
  }
}
