/**
 * A cluster in memory: the API server, kube-controller-manager's garbage collection, Metacontroller and hooks, in
 * virtual time. Everything that happens follows from the seed and the schedule.
 */
import { DEFAULT_CONFIG, type HookConfig } from '../metacontroller/hook.ts';
import { type ApiRequest, type ApiResult, apiError, isWrite, target } from './api.ts';
import type { ApplyStrategy } from './children.ts';
import type { ControllerConfig } from './controller-config.ts';
import { SYSTEM_FIELDS } from './dynamic-apply.ts';
import { entryOf } from './entry-of.ts';
import type { Reconciler, StartReconciler } from './environment.ts';
import { GarbageCollector } from './garbage-collector.ts';
import { callHook, type HookRegistry, type Hooks } from './hook-server.ts';
import { startMetacontroller } from './metacontroller.ts';
import { NamespaceController } from './namespace-controller.ts';
import { type Unstructured, withMetadata, without } from './object.ts';
import { Process, type ProcessDefinition, type Worker } from './process.ts';
import { type ResourceDefinition, Resources } from './resources.ts';
import {
  FAIR,
  type Fault,
  type LateRequest,
  type Move,
  type MoveOf,
  type Moves,
  type Schedule,
} from './schedule.ts';
import { type Admission, Store } from './store.ts';
import type { HookCall, HookResult, Step, StepResult, SyncError } from './task.ts';

export interface ClusterOptions {
  readonly crds: readonly ResourceDefinition[];
  /** CompositeController and DecoratorController objects. */
  readonly controllers: readonly ControllerConfig[];
  /** Hook functions by controller name. */
  readonly hooks: HookRegistry;
  readonly config?: HookConfig;
  readonly admission?: Admission;
  /** Other controllers, each in a process of its own. */
  readonly reconcilers?: Readonly<Record<string, StartReconciler>>;
  readonly seed?: number;
  /** Where virtual time begins, in milliseconds since the epoch. */
  readonly now?: number;
  readonly applyStrategy?: ApplyStrategy;
  /** How many Metacontroller processes run, each with all the controllers. */
  readonly metacontrollers?: number;
  /** How many keys a controller works on at a time. */
  readonly workers?: number;
  readonly schedule?: Schedule;
  /** Drops the past as it goes, to save memory: no cache may look back. */
  readonly isForgetful?: boolean;
  /**
   * Of an object's timers only that counts which its last sync has asked for. Metacontroller cannot take one back, and looks
   * once more where nobody waits for it.
   */
  readonly forgetsTimers?: boolean;
  /** How often Metacontroller looks at everything: its `--cache-flush-interval`, half an hour. */
  readonly cacheFlushSeconds?: number;
  /** How long it remembers what a customize hook has answered: 20 minutes. */
  readonly rulesKeptSeconds?: number;
  /** Sees every step with its answer, after it was executed. */
  readonly observe?: (step: ExecutedStep) => void;
}

export interface ExecutedStep {
  readonly process: string;
  readonly reconciler: string;
  /** Empty for a hook that an event handler called. */
  readonly key: string;
  readonly step: Step;
  readonly result: StepResult;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** An object by kind and name; the namespace of namespaced kinds is `default` unless given. */
export interface ObjectRef {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
}

interface SettleOptions {
  /** Virtual seconds for which retries and resyncs are waited for. */
  readonly horizonSeconds?: number;
  /** How many syncs may happen before the cluster counts as looping. */
  readonly maxSyncs?: number;
}

export interface Settlement {
  /** Nothing was left to do, but for timers beyond the horizon. */
  readonly settled: boolean;
  readonly syncs: number;
  readonly hookCalls: number;
  /** Requests that could change something. */
  readonly writes: number;
  /** Virtual seconds that went by. */
  readonly seconds: number;
  /** The keys that were synced most, when the cluster did not settle. */
  readonly loops: readonly Loop[];
  /** The keys whose last sync failed. */
  readonly failures: readonly Failure[];
}

interface Loop {
  readonly reconciler: string;
  readonly key: string;
  readonly syncs: number;
  /** The last two hook responses that differ, older first, as JSON text. */
  readonly responses: readonly string[];
}

export interface Failure {
  readonly process: string;
  readonly reconciler: string;
  readonly key: string;
  readonly message: string;
}

interface History {
  syncs: number;
  responses: readonly string[];
}

const UNANSWERED = apiError('Timeout', 'the server was unable to return a response in time');
const DEFAULT_HORIZON_SECONDS = 120;
/** Steps between two times at which a forgetful cluster drops the past. */
const FORGET_EVERY = 10_000;
/** So many syncs of a key are worth to be remembered. */
const LOOP = 8;
const KUBECTL = 'kubectl';
const NONE: readonly string[] = [];

export class SimulatedCluster {
  readonly resources: Resources;
  readonly store: Store;
  readonly processes: readonly Process[];
  readonly #options: ClusterOptions;
  readonly #schedule: Schedule;
  readonly #failures = new Map<string, Failure>();
  readonly #late = new Set<LateRequest>();
  #now: number;
  #tickets = 0;
  #syncs = 0;
  #hookCalls = 0;
  #writes = 0;
  readonly #hooks: ReadonlyMap<string, Hooks>;
  #histories = new Map<string, Map<string, History>>();

  constructor(options: ClusterOptions) {
    const { seed = 1, applyStrategy: strategy = 'dynamic-apply', workers = 5 } = options;
    this.#options = options;
    this.#hooks = new Map(Object.entries(options.hooks));
    this.#schedule = options.schedule ?? FAIR;
    this.#now = options.now ?? Date.UTC(2026, 0, 1);
    this.resources = new Resources(options.crds);
    this.store = new Store({
      resources: this.resources,
      seed,
      now: () => this.#now,
      admission: options.admission,
    });
    const { store } = this;
    const definitions: ProcessDefinition[] = [
      {
        name: 'kube-controller-manager',
        workers,
        start: (environment) => [
          new GarbageCollector(environment),
          new NamespaceController(environment, store),
        ],
      },
    ];
    for (let i = 0; i < (options.metacontrollers ?? 1); i++) {
      const start: ProcessDefinition['start'] = (environment) =>
        startMetacontroller({ ...options, strategy }, environment);
      definitions.push({ name: `metacontroller-${i}`, workers, start });
    }
    for (const [name, start] of Object.entries(options.reconcilers ?? {})) {
      definitions.push({ name, workers: 1, start: (environment) => [start(environment)] });
    }
    this.processes = definitions.map(
      (definition) =>
        new Process(definition, {
          store,
          now: () => this.#now,
          ticket: () => this.#tickets++,
          order: (items) => this.#schedule.order?.(items) ?? items,
          callHook: (process, call) => this.#callHook(process, call),
          restarted: (process) => this.#forgetFailures(process),
          ended: (process, reconciler, key, error) => this.#ended(process, reconciler, key, error),
        }),
    );
  }

  /** Virtual time, in milliseconds since the epoch. */
  get now(): number {
    return this.#now;
  }

  /** How many syncs there were. */
  get syncs(): number {
    return this.#syncs;
  }

  /** Requests on their way whose senders have given up on them or crashed, oldest first. */
  get late(): ReadonlySet<LateRequest> {
    return this.#late;
  }

  /** Executes one request at once, as a client that is none of the processes. */
  request(request: ApiRequest): ApiResult {
    return this.store.execute(request);
  }

  /**
   * Creates or changes an object like `kubectl apply --server-side`. A second goes by with each object created,
   * so that their age is the order of their creation.
   */
  apply(object: Unstructured): ApiResult {
    const type = this.resources.findKind(object.apiVersion, object.kind);
    if (type === undefined) return apiError('NotFound', `no kind "${object.kind}" in "${object.apiVersion}"`);
    const unset = Object.fromEntries(SYSTEM_FIELDS.map((field) => [field, undefined]));
    const namespace = type.namespaced ? (object.metadata.namespace ?? 'default') : undefined;
    const applied = withMetadata(object, { ...unset, namespace });
    const to = target(object.apiVersion, type.resource, applied.metadata);
    const exists = this.request({ verb: 'get', ...to }).object !== undefined;
    if (!exists) this.#now += 1000;
    return this.request({ verb: 'apply', ...to, object: without(applied, 'status'), fieldManager: KUBECTL });
  }

  /** Takes over an object of another cluster, with its uid; `applied` is what `kubectl apply` sent for it last. */
  restore(object: Unstructured, applied: Unstructured): void {
    this.store.restore(object, KUBECTL, applied);
  }

  /** Deletes an object in the background, like `kubectl delete --wait=false`. */
  delete(ref: ObjectRef): ApiResult {
    return this.request({ verb: 'delete', ...this.#target(ref) });
  }

  get(ref: ObjectRef): Unstructured | undefined {
    return this.request({ verb: 'get', ...this.#target(ref) }).object;
  }

  /** Every object, or every object of a kind, in the storage version and the order of creation. */
  objects(kind?: string): Unstructured[] {
    return this.resources.all
      .filter((type) => kind === undefined || type.kind === kind)
      .flatMap((type) => [...this.store.list(type)]);
  }

  /** Runs until nothing is left to do, waiting for timers that go off within the horizon. */
  settle({ horizonSeconds = DEFAULT_HORIZON_SECONDS, maxSyncs }: SettleOptions = {}): Settlement {
    const bound = maxSyncs ?? 10_000 + 100 * this.objects().length;
    return this.#run(this.#now + horizonSeconds * 1000, bound);
  }

  /** Runs for some virtual seconds; time has then passed to the full, whatever happened. */
  run(
    seconds: number,
    { maxSyncs = Number.POSITIVE_INFINITY }: Pick<SettleOptions, 'maxSyncs'> = {},
  ): Settlement {
    const end = this.#now + seconds * 1000;
    const settlement = this.#run(end, maxSyncs);
    this.#now = end;
    return { ...settlement, seconds };
  }

  /** Performs the schedule's next move. Returns false when there is none before `deadline` (milliseconds). */
  step(deadline = Number.POSITIVE_INFINITY): boolean {
    return this.#stepAmong(this.moves(deadline));
  }

  #stepAmong(moves: Moves): boolean {
    const move = this.#schedule.choose(moves);
    if (move === undefined) return false;
    this.perform(move);
    return true;
  }

  /** What could happen next; a wait only for a timer before `deadline`. */
  moves(deadline = Number.POSITIVE_INFINITY): Moves {
    const movesOf: { [K in Move['kind']]: () => Iterable<MoveOf<K>> } = {
      deliver: () => this.#deliveries(),
      land: () => this.#landings(),
      step: () => this.#steps(),
      start: () => this.#starts(),
      wait: () => this.#waits(deadline),
    };
    const firstOf: { [K in Move['kind']]: () => MoveOf<K> | undefined } = {
      deliver: () => firstIn(this.#deliveries()),
      land: () => firstIn(this.#landings()),
      step: () => this.#firstStep(),
      start: () => this.#firstStart(),
      wait: () => firstIn(this.#waits(deadline)),
    };
    return {
      first: (kind) => firstOf[kind]() as never,
      *[Symbol.iterator]() {
        for (const moves of Object.values(movesOf)) yield* moves();
      },
    };
  }

  *#deliveries(): Generator<MoveOf<'deliver'>> {
    for (const process of this.processes) {
      if (process.isUpToDate) continue;
      for (const informer of process.informers) {
        if (informer.pending > 0) yield { kind: 'deliver', process, informer };
      }
    }
  }

  *#landings(): Generator<MoveOf<'land'>> {
    for (const late of this.#late) yield { kind: 'land', late };
  }

  *#steps(): Generator<MoveOf<'step'>> {
    for (const { workers } of this.processes) for (const worker of workers) yield { kind: 'step', worker };
  }

  *#starts(): Generator<MoveOf<'start'>> {
    for (const process of this.processes) {
      for (const reconciler of process.reconcilers) {
        if (process.canStart(reconciler)) yield { kind: 'start', process, reconciler };
      }
    }
  }

  #firstStep(): MoveOf<'step'> | undefined {
    for (const { workers } of this.processes) {
      if (workers[0] !== undefined) return { kind: 'step', worker: workers[0] };
    }
    return undefined;
  }

  #firstStart(): MoveOf<'start'> | undefined {
    let first: MoveOf<'start'> | undefined;
    let ticket = Number.POSITIVE_INFINITY;
    for (const process of this.processes) {
      for (const reconciler of process.reconcilers) {
        const waiting = reconciler.queue.firstTicket();
        if (waiting >= ticket || !process.canStart(reconciler)) continue;
        first = { kind: 'start', process, reconciler };
        ticket = waiting;
      }
    }
    return first;
  }

  *#waits(deadline: number): Generator<MoveOf<'wait'>> {
    const until = Math.min(...this.processes.map((process) => process.nextTimer()));
    if (until <= deadline) yield { kind: 'wait', until };
  }

  perform(move: Move): void {
    switch (move.kind) {
      case 'deliver':
        move.informer.deliver(move.count);
        break;
      case 'step':
        this.#execute(move.worker);
        break;
      case 'land':
        this.#land(move.late);
        break;
      case 'start':
        move.process.start(move.reconciler, move.key);
        break;
      case 'wait':
        this.#now = Math.max(this.#now, move.until);
        for (const process of this.processes) process.fireTimers();
        break;
    }
  }

  #run(deadline: number, maxSyncs: number): Settlement {
    const [began, syncs, hookCalls, writes] = [this.#now, this.#syncs, this.#hookCalls, this.#writes];
    this.#histories = new Map();
    // Objects may have taken hours to make, by the clock: no resync is due before anybody has looked.
    if (syncs === 0) for (const process of this.processes) process.restart();
    const moves = this.moves(deadline);
    let settled = false;
    for (let steps = 1; !settled && this.#syncs - syncs < maxSyncs; steps++) {
      settled = !this.#stepAmong(moves);
      if (this.#options.isForgetful && steps % FORGET_EVERY === 0) this.#forget();
    }
    return {
      settled,
      syncs: this.#syncs - syncs,
      hookCalls: this.#hookCalls - hookCalls,
      writes: this.#writes - writes,
      seconds: (this.#now - began) / 1000,
      loops: settled ? [] : this.#loops(),
      failures: [...this.#failures.values()],
    };
  }

  /** Events that every cache has heard. */
  #forget(): void {
    for (const type of this.resources.all) {
      const informers = this.processes.flatMap(({ informers }) => informers);
      const heard = informers.filter((informer) => informer.type === type).map(({ position }) => position);
      this.store.forget(type, Math.min(...heard, this.store.log(type).length));
    }
  }

  #execute(worker: Worker): void {
    const { process, reconciler, key, step } = worker;
    const fault = this.#schedule.fault?.(step, process);
    if (fault?.kind === 'crash' && fault.when === 'before') {
      process.restart();
      return;
    }
    if (fault?.kind === 'late' && step.kind === 'api' && isWrite(step.request))
      this.#late.add({ sender: worker, request: step.request });
    const result = this.#answer(step, fault);
    this.#observe(process, reconciler.name, key, step, result);
    if (fault?.kind === 'crash' || (fault?.kind === 'late' && fault.crash)) {
      process.restart();
      return;
    }
    if (step.kind === 'hook' && step.call.hook !== 'customize') {
      this.#recordResponse(reconciler, key, result as HookResult);
    }
    process.resume(worker, result);
  }

  #land(late: LateRequest): void {
    if (!this.#late.delete(late)) return;
    const { process, reconciler, key, step } = late.sender;
    this.#writes++;
    this.#observe(process, reconciler.name, key, step, this.store.execute(late.request));
  }

  #answer(step: Step, fault: Fault | undefined): StepResult {
    if (step.kind === 'hook') {
      this.#hookCalls++;
      if (fault?.kind === 'hook') return fault.result;
      const result = callHook(this.#hooks, step.call, this.#hookContext());
      return fault?.kind === 'lost' ? { status: 'timeout' } : result;
    }
    if (fault?.kind === 'refused') return { error: fault.error };
    if (fault?.kind === 'late' && isWrite(step.request)) return UNANSWERED;
    if (isWrite(step.request)) this.#writes++;
    const result = this.store.execute(step.request);
    return fault?.kind === 'lost' ? UNANSWERED : result;
  }

  /** A hook call of an event handler: it can fail, but nothing else can happen meanwhile. */
  #callHook(process: Process, call: HookCall): HookResult {
    const step = { kind: 'hook', call } as const;
    const fault = this.#schedule.fault?.(step, process);
    const result = this.#answer(step, fault?.kind === 'crash' ? undefined : fault);
    this.#observe(process, call.controller, '', step, result);
    return result as HookResult;
  }

  #observe({ name }: Process, reconciler: string, key: string, step: Step, result: StepResult): void {
    this.#options.observe?.({ process: name, reconciler, key, step, result, at: this.#now });
  }

  #hookContext() {
    return { now: this.#now, config: this.#options.config ?? DEFAULT_CONFIG };
  }

  /** What was to be retried is not any more; what still fails will fail again. */
  #forgetFailures({ name }: Process): void {
    for (const [id, { process }] of this.#failures) if (process === name) this.#failures.delete(id);
  }

  #ended(process: Process, reconciler: Reconciler, key: string, error: SyncError | undefined): void {
    this.#syncs++;
    this.#history(reconciler, key).syncs++;
    if (error === undefined && this.#failures.size === 0) return;
    const id = `${process.name} ${reconciler.name} ${key}`;
    if (error === undefined) this.#failures.delete(id);
    else
      this.#failures.set(id, {
        process: process.name,
        reconciler: reconciler.name,
        key,
        message: error.message,
      });
  }

  #recordResponse(reconciler: Reconciler, key: string, result: HookResult): void {
    const history = this.#history(reconciler, key);
    if (history.syncs < LOOP) return;
    const text = 'response' in result ? JSON.stringify(result.response) : (result.body ?? 'timeout');
    const last = history.responses.slice(-1);
    if (last[0] !== text) history.responses = [...last, text];
  }

  #history(reconciler: Reconciler, key: string): History {
    const histories = entryOf(this.#histories, reconciler.name, () => new Map<string, History>());
    return entryOf(histories, key, () => ({ syncs: 0, responses: NONE }));
  }

  #loops(): Loop[] {
    const all = [...this.#histories].flatMap(([reconciler, histories]) =>
      [...histories].map(([key, { syncs, responses }]) => ({ reconciler, key, syncs, responses })),
    );
    return all.sort((a, b) => b.syncs - a.syncs).slice(0, 5);
  }

  #target({ apiVersion, kind, namespace = 'default', name }: ObjectRef) {
    const type = this.resources.of({ apiVersion, kind });
    return target(apiVersion, type.resource, type.namespaced ? { name, namespace } : { name });
  }
}

function firstIn<T>(items: Iterable<T>): T | undefined {
  for (const item of items) return item;
  return undefined;
}
