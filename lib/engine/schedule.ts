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

export type MoveOf<Kind extends Move['kind']> = Extract<Move, { readonly kind: Kind }>;

/** What could happen next: deliveries, late requests, steps, starts, and last the wait, if a timer is set. */
export interface Moves extends Iterable<Move> {
  /** The first of a kind; of starts that of the key that waits longest. */
  first<Kind extends Move['kind']>(kind: Kind): MoveOf<Kind> | undefined;
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
  choose: (moves) => firstOf(moves, 'deliver', 'land', 'step', 'start', 'wait'),
};

/**
 * All is well, and a controller's workers run side by side, as Metacontroller's do: each takes a step before one of them
 * takes the next, and nobody hears of anything before they are done. Of several controllers the one goes first whose key
 * waits longest.
 */
export function sideBySide(): Schedule {
  /** Whose workers start; undefined once they take steps. */
  let starting: Reconciler | undefined;
  return {
    choose(moves) {
      const step = moves.first('step');
      if (step !== undefined && starting === undefined) return step;
      const delivery = step === undefined ? firstOf(moves, 'deliver', 'land') : undefined;
      if (delivery !== undefined) {
        return delivery.kind === 'deliver' ? { ...delivery, count: delivery.informer.pending } : delivery;
      }
      const start = moves.first('start');
      if (step === undefined) starting = start?.reconciler;
      if (start !== undefined && start.reconciler === starting) return start;
      starting = undefined;
      return step ?? moves.first('wait');
    },
  };
}

/** The first of the first kind of which there are any. */
function firstOf<Kind extends Move['kind']>(moves: Moves, ...kinds: Kind[]): MoveOf<Kind> | undefined {
  for (const kind of kinds) {
    const move = moves.first(kind);
    if (move !== undefined) return move;
  }
  return undefined;
}
