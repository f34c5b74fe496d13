/** Who moves next, and what goes wrong. */
import type { ApiRejection, ApiRequest } from './api.ts';
import type { Reconciler } from './environment.ts';
import type { Informer } from './informer.ts';
import type { Process, Worker } from './process.ts';
import type { HookResult, Step } from './task.ts';

/** Something that could happen next. */
export type Move =
  /** A cache hears its next event, or that many, or its first list. */
  | {
      readonly kind: 'deliver';
      readonly process: Process;
      readonly informer: Informer;
      readonly count?: number;
    }
  /** The step a worker waits for is executed and answered. */
  | { readonly kind: 'step'; readonly worker: Worker }
  /** A free worker takes a key: `key`, or the one that waits longest. */
  | {
      readonly kind: 'start';
      readonly process: Process;
      readonly reconciler: Reconciler;
      readonly key?: string;
    }
  /** A request takes effect whose sender has given up on it, or is no more. */
  | { readonly kind: 'land'; readonly late: LateRequest }
  /** Time passes until the next timer, in milliseconds since the epoch. */
  | { readonly kind: 'wait'; readonly until: number };

/** What could happen next: deliveries, late requests, steps, starts, and last the wait, if a timer is set. */
export interface Moves extends Iterable<Move> {
  /** Looks at one after the other, up to the first for which `visit` returns true; whether there was one. */
  some(visit: (move: Move) => boolean): boolean;
}

/** A request that is still on its way, and what sent it. */
export interface LateRequest {
  readonly sender: Worker;
  readonly request: ApiRequest;
}

/** What happens to one step instead of its execution. */
export type Fault =
  /** The process dies just before the step takes effect, or just after. */
  | { readonly kind: 'crash'; readonly when: 'before' | 'after' }
  /** The step takes effect, but no answer arrives. */
  | { readonly kind: 'lost' }
  /** The request is still on its way when its sender gives up on it, or crashes: it takes effect later. */
  | { readonly kind: 'late'; readonly crash: boolean }
  /** The API server refuses the request. */
  | { readonly kind: 'refused'; readonly error: ApiRejection }
  /** A replica of another version answers the hook call. */
  | { readonly kind: 'replica' }
  /** The hook answers this, without being asked. */
  | { readonly kind: 'hook'; readonly result: HookResult };

export interface Schedule {
  /**
   * One of the possible moves, or undefined when there is none. Between two moves a schedule may also crash a process
   * (`restart`), or make an informer `relist` or `repeat`.
   */
  choose(moves: Moves): Move | undefined;
  /** What goes wrong with a step that is about to be executed; undefined when nothing does. */
  fault?(step: Step, process: Process): Fault | undefined;
  /** The order in which one sync deals with its children. */
  order?<T>(items: readonly T[]): readonly T[];
}

/** All is well: everybody hears everything at once, and one sync runs at a time, first come first. */
export const FAIR: Schedule = {
  choose(moves) {
    let best: Move | undefined;
    let ticket = Number.POSITIVE_INFINITY;
    moves.some((move) => {
      if (move.kind !== 'start') {
        best ??= move;
        return true;
      }
      const first = move.reconciler.queue.firstTicket();
      if (first < ticket) [best, ticket] = [move, first];
      return false;
    });
    return best;
  },
};

/**
 * All is well, and a controller's workers run side by side, as Metacontroller's do: each takes a step before one of them takes
 * the next, and nobody hears of anything before they are done. Of several controllers the one goes first whose key waits
 * longest.
 */
export function sideBySide(): Schedule {
  let isStarting = false;
  let running: Reconciler | undefined;
  return {
    choose(moves) {
      const first: { -readonly [K in Move['kind']]?: Extract<Move, { kind: K }> } = {};
      let ticket = Number.POSITIVE_INFINITY;
      moves.some((move) => {
        if (move.kind !== 'start') {
          first[move.kind] ??= move as never;
          return move.kind === 'step' && !isStarting;
        }
        const waiting = move.reconciler.queue.firstTicket();
        if (waiting < ticket) [first.start, ticket] = [move, waiting];
        return false;
      });
      const { deliver, land, step, start, wait } = first;
      if (step !== undefined) {
        isStarting = isStarting && start !== undefined && start.reconciler === running;
        return isStarting ? start : step;
      }
      if (deliver !== undefined) return { ...deliver, count: deliver.informer.pending };
      if (land !== undefined) return land;
      isStarting = start !== undefined;
      running = start?.reconciler;
      return start ?? wait;
    },
  };
}
