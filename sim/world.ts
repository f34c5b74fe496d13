/** A simulated cluster to which things happen, one `Op` at a time. */
import type { ApiRequest } from '../lib/engine/api.ts';
import { type ExecutedStep, SimulatedCluster } from '../lib/engine/cluster.ts';
import type { Reconciler, StartReconciler } from '../lib/engine/environment.ts';
import type { HookRegistry } from '../lib/engine/hook-server.ts';
import type { Informer } from '../lib/engine/informer.ts';
import { JanitorReconciler } from '../lib/engine/janitor.ts';
import { NodeBinder } from '../lib/engine/node-binder.ts';
import type { Unstructured } from '../lib/engine/object.ts';
import type { Process, Worker } from '../lib/engine/process.ts';
import { uuid } from '../lib/engine/random.ts';
import type { ResourceType } from '../lib/engine/resources.ts';
import { FAIR, type Fault, type Move } from '../lib/engine/schedule.ts';
import type { Admission, StoreEvent } from '../lib/engine/store.ts';
import type { Task } from '../lib/engine/task.ts';
import { ADDRESS_ANNOTATION, ADDRESS_SPACE_LABEL, CLAIMS_CONTROLLER } from '../lib/kubernetes/names.ts';
import { controllerOf } from '../lib/kubernetes/object.ts';
import { POOL_KINDS, PREFIX } from '../lib/kubernetes/pool-kinds.ts';
import { formatTime } from '../lib/kubernetes/time.ts';
import type { AllocationSlice, IPAddress, IPAddressClaim } from '../lib/kubernetes/types.ts';
import { DEFAULT_CONFIG, type HookConfig, type HookContext } from '../lib/metacontroller/hook.ts';
import { HookAudit } from './hook-audit.ts';
import { install } from './install.ts';
import { CACHE_LAG_SECONDS, hash, type Layout } from './layout.ts';
import { holdingOf, isTwin } from './model.ts';
import { type MoveOptions, moveObjects } from './move.ts';
import type { Op, Trouble } from './op.ts';

/** What runs in a world: the project's own, unless a test puts a mutant in its place. */
export interface Subject {
  readonly hooks: HookRegistry;
  readonly startBinder?: StartReconciler;
  readonly startJanitor?: (...args: ConstructorParameters<typeof JanitorReconciler>) => Reconciler;
  /** What a rule of the CRDs says that is missing. */
  readonly missingRule?: string;
}

/** What a request is about. */
export type Target = Pick<ApiRequest, 'verb' | 'resource' | 'namespace' | 'name'>;

/** Who brought about the last changes. */
export interface Actor {
  readonly isUser: boolean;
  /** Since when it may have known what it went by, in milliseconds since the epoch. */
  readonly since: number;
}

/** How hooks and janitor are configured before or after an upgrade. */
const OTHER_VERSION: Partial<HookConfig> = { cacheLagSeconds: 2 * CACHE_LAG_SECONDS };

function isOfPrefixes(kind: string): boolean {
  return POOL_KINDS[kind]?.unit === PREFIX;
}

/** Whether the hooks or the janitor of a world are asked as those of another version. */
export function isOtherVersion({ config }: HookContext): boolean {
  return config.cacheLagSeconds === OTHER_VERSION.cacheLagSeconds;
}

/** How long a move takes at least: Kubernetes tells times in seconds, by which what came along is older than its claim. */
const MOVE_MS = 1000;
/** Where a customize hook is called for an event. */
const SILENCE: Fault = { kind: 'hook', result: { status: 'timeout' } };

export const COLLECTOR = 'kube-controller-manager';
const OTHER_JANITOR = 'janitor-of-another-version';

export class World {
  readonly layout: Layout;
  /** How many clusters there were before this one. */
  moves = 0;
  readonly config: HookConfig;
  readonly troubles = new Map<Trouble, number>();
  /** What a hook did that no hook may do. */
  readonly audit: HookAudit;
  /**
   * Whose status was written by a request that its sender had given up on, by uid; of claims also where its answer was
   * lost. Of its parents' status Metacontroller sees no more than what it writes itself, and each
   * `--cache-flush-interval`.
   */
  readonly overwritten = new Set<string>();
  /** What was requested and answered last. */
  lastStep: ExecutedStep | undefined;
  #fault: Fault | undefined;
  #skew = 0;
  #cluster: SimulatedCluster;
  #syncsBefore = 0;
  #movedAt = Number.NEGATIVE_INFINITY;
  readonly #newCluster: (now?: number) => SimulatedCluster;
  /** When each event of a type's log happened. */
  #times = new Map<ResourceType, number[]>();
  readonly #opened = new WeakMap<Informer, number>();
  readonly #began = new WeakMap<Task<void>, number>();

  constructor(
    layout: Layout,
    {
      hooks,
      startBinder = (environment) => new NodeBinder(environment),
      startJanitor = (...args) => new JanitorReconciler(...args),
      missingRule,
    }: Subject,
  ) {
    this.layout = layout;
    this.config = {
      ...DEFAULT_CONFIG,
      cacheLagSeconds: CACHE_LAG_SECONDS,
      watchClusters: layout.hasClusters,
      watchServiceCIDRs: layout.serviceCIDRs === 'watched',
    };
    const { crds, admission, admissionWithPolicies, controllers } = install();
    const names = [
      ...(layout.hasPools ? ['pools', 'global-pools', 'claim-router', 'claims'] : []),
      ...(layout.hasIPAMClaims ? ['ipam-claim-router', 'ipam-claims'] : []),
      ...(layout.hasPrefixes ? ['prefix-pools', 'global-prefix-pools'] : []),
      ...(layout.hasNodes ? ['pod-networks', 'nodes', 'cluster-cidrs'] : []),
    ];
    const binders = layout.hasNodes ? layout.binders : 0;
    const kinds = Object.entries(POOL_KINDS).flatMap(([kind, each]) =>
      layout.hasPrefixes || !isOfPrefixes(kind) ? [each] : [],
    );
    const ofOtherVersion: StartReconciler = (environment) => {
      const now = () => environment.now() - this.#skew;
      return startJanitor(
        { ...environment, now },
        { ...this.config, ...OTHER_VERSION },
        layout.strategy,
        kinds,
      );
    };
    this.audit = new HookAudit(hooks, (context) => this.#skewed(context));
    this.#newCluster = (now) =>
      new SimulatedCluster({
        crds: crds.filter(
          ({ spec: { names } }) =>
            (layout.hasPrefixes || !isOfPrefixes(names.kind)) &&
            (layout.hasIPAMClaims || names.kind !== 'Pod') &&
            (layout.serviceCIDRs !== 'none' || names.kind !== 'ServiceCIDR'),
        ),
        admission: withoutRule(layout.hasPolicies ? admissionWithPolicies : admission, missingRule),
        controllers: names.map((name) => controllers.get(name)!),
        hooks: this.audit.hooks,
        config: this.config,
        seed: layout.seed + 0x1000_0000 * this.moves,
        ...(now !== undefined && { now }),
        applyStrategy: layout.strategy,
        metacontrollers: layout.metacontrollers,
        workers: layout.workers,
        // As recommended: what looks at everything hides what nobody has heard of.
        cacheFlushSeconds: 36_000,
        ...(layout.rulesKeptSeconds && { rulesKeptSeconds: layout.rulesKeptSeconds }),
        reconcilers: {
          ...Object.fromEntries(
            Array.from({ length: binders }, (_, i) => [`binder-${i}`, startBinder] as const),
          ),
          janitor: (environment) => startJanitor(environment, this.config, layout.strategy, kinds),
          ...(layout.hasOtherJanitor && { [OTHER_JANITOR]: ofOtherVersion }),
        },
        schedule: {
          choose: (moves) => FAIR.choose(moves),
          fault: () => this.#fault,
          order: (items) => this.#shuffle(items),
        },
        observe: (step) => {
          this.lastStep = step;
        },
      });
    this.#cluster = this.#newCluster();
    this.#takeNote();
  }

  get cluster(): SimulatedCluster {
    return this.#cluster;
  }

  /** How many syncs there were, in all clusters. */
  get syncs(): number {
    return this.#syncsBefore + this.#cluster.syncs;
  }

  get now(): number {
    return this.cluster.now;
  }

  /** Does it, if it can be done now. Returns who did it, or undefined if it could not be done. */
  perform(op: Op): Actor | undefined {
    this.lastStep = undefined;
    const actor = this.#perform(op);
    const isOld = op.op === 'user' && op.isOld;
    if (actor !== undefined) this.#takeNote(isOld ? Number.NEGATIVE_INFINITY : this.now);
    return actor;
  }

  /** The next thing that happens when all goes well; undefined when nothing is left to do before `deadline`. */
  proceed(deadline: number): { actor: Actor; op: Op } | undefined {
    const move = FAIR.choose(this.cluster.moves(deadline));
    if (move === undefined) return undefined;
    const op = opOf(move, this.now);
    return { op, actor: this.perform(op)! };
  }

  #perform(op: Op): Actor | undefined {
    const { cluster } = this;
    const bystander = { isUser: false, since: this.now };
    switch (op.op) {
      case 'user':
        if (op.ifSettled && !this.#mayBeDeleted(op.request)) return undefined;
        if (this.#isTooEarly(op.request)) return undefined;
        this.#count('user');
        if (op.isUnruled && op.request.verb === 'create') {
          if (!this.#make(op.request.object)) return undefined;
        } else cluster.request(op.request);
        return { isUser: true, since: this.now };
      case 'wait': {
        const until = Math.min(this.now + op.milliseconds, this.overdue().at);
        if (until <= this.now) return undefined;
        cluster.perform({ kind: 'wait', until });
        return bystander;
      }
      case 'clock':
        this.#count('clock');
        this.#skew = op.milliseconds;
        return bystander;
      case 'move':
        this.#count('move');
        this.#move(op.how);
        return { isUser: true, since: this.now };
      case 'land': {
        const late = [...cluster.late].find(({ sender }) => isOf(sender, op));
        if (late === undefined) return undefined;
        cluster.perform({ kind: 'land', late });
        if ('object' in this.lastStep!.result) this.#noteStatus(late.request);
        return { isUser: false, since: this.#began.get(late.sender.task) ?? this.now };
      }
    }
    const process = cluster.processes.find(({ name }) => name === op.process);
    if (process === undefined) return undefined;
    switch (op.op) {
      case 'crash':
        this.#count('crash');
        process.restart();
        return bystander;
      case 'hear':
      case 'relist':
      case 'repeat': {
        const informer = process.informers.find((each) => cacheName(each) === op.cache);
        if (informer === undefined || (op.op === 'hear' && informer.pending === 0)) return undefined;
        if (op.isUnanswered) this.#count('silence');
        this.#fault = op.isUnanswered ? SILENCE : undefined;
        this.#hear(informer, op);
        this.#fault = undefined;
        return bystander;
      }
      case 'start': {
        const reconciler = reconcilerOf(process, op.reconciler);
        if (reconciler === undefined || !process.canStart(reconciler)) return undefined;
        if (![...reconciler.queue.keys()].includes(op.key)) return undefined;
        cluster.perform({ kind: 'start', process, reconciler, key: op.key });
        return bystander;
      }
      case 'step': {
        const worker = process.workers.find((each) => isOf(each, op));
        if (worker === undefined) return undefined;
        if (op.fault !== undefined) this.#count(op.fault.kind);
        this.#fault = op.fault;
        cluster.perform({ kind: 'step', worker });
        this.#fault = undefined;
        const isOfClaims = worker.reconciler.name === CLAIMS_CONTROLLER;
        if (op.fault?.kind === 'lost' && isOfClaims && worker.step.kind === 'api')
          this.#noteStatus(worker.step.request);
        return { isUser: false, since: this.#began.get(worker.task) ?? this.now };
      }
    }
  }

  #noteStatus(request: ApiRequest): void {
    if (!('subresource' in request) || !('object' in request)) return;
    const { uid } = request.object.metadata;
    if (uid !== undefined) this.overwritten.add(uid);
  }

  /** Makes it past every rule, unless there is one of its name. */
  #make(object: Unstructured): boolean {
    const { cluster, now } = this;
    const { kind, metadata } = object;
    const isNamed = (each: Unstructured) =>
      each.metadata.name === metadata.name && each.metadata.namespace === metadata.namespace;
    if (cluster.objects(kind).some(isNamed)) return false;
    const uid = uuid(hash(`${metadata.name} ${now}`), cluster.store.log(cluster.resources.of(object)).length);
    const creationTimestamp = formatTime(now);
    cluster.restore({ ...object, metadata: { ...metadata, uid, creationTimestamp } }, object);
    return true;
  }

  /** Everything goes on in a new cluster, in which no process has heard of anything. */
  #move(how: MoveOptions): void {
    const old = this.#cluster;
    this.moves++;
    this.#syncsBefore += old.syncs;
    this.#times = new Map();
    this.#cluster = this.#newCluster(this.now + MOVE_MS);
    this.#movedAt = this.now;
    moveObjects(old, this.#cluster, how, () => this.#takeNote(Number.NEGATIVE_INFINITY));
  }

  /** Whether a pool would give out addresses while what was moved may not be in view. */
  #isTooEarly({ verb, resource }: ApiRequest): boolean {
    if (!/incluster(ip|prefix)pools$/.test(resource) || (verb !== 'create' && verb !== 'patch')) return false;
    return this.now <= this.#movedAt + this.layout.assumptions.lag * 1000;
  }

  #hear(informer: Informer, op: Op & { op: 'hear' | 'relist' | 'repeat' }): void {
    if (op.op === 'hear') {
      informer.deliver(op.count);
      return;
    }
    this.#count(op.op);
    if (op.op === 'repeat') informer.repeat();
    else {
      const length = this.cluster.store.log(informer.type).length;
      informer.relist(Math.max(this.oldestList(informer.type), length - op.behind));
    }
  }

  /**
   * Whether somebody may delete it by hand. An IPAddress has to be its claim's, and known to a slice; a slice has to be
   * on its pool's list, so that its loss is seen, and to be nobody else's business.
   */
  isSettled({ resource, namespace, name }: Target): boolean {
    const objects = <T>(kind: string) => this.cluster.objects(kind) as object[] as T[];
    const slices = objects<AllocationSlice>('AllocationSlice').filter((slice) => !isTwin(slice));
    const isNamed = ({ metadata }: AllocationSlice | IPAddress) =>
      metadata.name === name && metadata.namespace === namespace;
    if (resource === 'ipaddresses') {
      return objects<IPAddress>('IPAddress').some(
        (address) =>
          isNamed(address) &&
          slices.some(({ spec }) =>
            Object.values(spec.entries ?? {}).some(
              ({ uid, released }) => uid === controllerOf(address)?.uid && released === undefined,
            ),
          ),
      );
    }
    const slice = slices.find(isNamed);
    if (slice === undefined || slice.metadata.labels?.[ADDRESS_SPACE_LABEL] !== undefined) return false;
    return this.#isKnownTo(slice.spec.poolRef.uid, slice.metadata.name);
  }

  /** What is settled, by those who keep to what docs/correctness.md assumes. */
  #mayBeDeleted(target: Target): boolean {
    const { cluster } = this;
    const isNamed = ({ metadata }: Unstructured) =>
      metadata.name === target.name && metadata.namespace === target.namespace;
    if (!this.isSettled(target)) return false;
    if (target.resource === 'ipaddresses') {
      const address = cluster.objects('IPAddress').find(isNamed) as object as IPAddress;
      const text = holdingOf(address);
      return this.#everyCacheShows(
        controllerOf(address)!.uid,
        ({ metadata }) => metadata.annotations?.[ADDRESS_ANNOTATION] === text,
      );
    }
    const slice = cluster.objects('AllocationSlice').find(isNamed) as object as AllocationSlice;
    return !this.#isAllThatIsLeft(slice);
  }

  /** Whether a claim that the slice lists had an IPAddress, and has none now. */
  #isAllThatIsLeft({ spec }: AllocationSlice): boolean {
    const shown = new Set(this.cluster.objects('IPAddress').map((address) => controllerOf(address)?.uid));
    const claims = this.cluster.objects('IPAddressClaim') as object[] as IPAddressClaim[];
    const had = new Set(
      claims.filter(({ status }) => status?.addressRef !== undefined).map(({ metadata }) => metadata.uid),
    );
    return Object.values(spec.entries ?? {}).some(
      ({ uid, released }) => released === undefined && had.has(uid) && !shown.has(uid),
    );
  }

  /** Whether the status of a pool has listed a slice for so long that every cache shows that. */
  #isKnownTo(uid: string, slice: string): boolean {
    return this.#everyCacheShows(
      uid,
      ({ status }) =>
        (status as { slices?: readonly string[] } | undefined)?.slices?.includes(slice) ?? false,
    );
  }

  /** Whether an object has been as `test` asks for so long that every cache shows that. */
  #everyCacheShows(uid: string, test: (object: Unstructured) => boolean): boolean {
    const owner = this.cluster.objects().find(({ metadata }) => metadata.uid === uid);
    if (owner === undefined) return false;
    const type = this.cluster.resources.of(owner);
    const log = this.cluster.store.log(type);
    // What is just as old as a cache may lag may still be unheard of.
    const oldest = this.oldestList(type, 1);
    const known = new Map<number, StoreEvent>();
    for (const [index, event] of log.entries()) {
      if (event.object.metadata.uid !== uid) continue;
      if (index < oldest) known.clear();
      known.set(index, event);
    }
    return [...known.values()].every(({ object }) => test(object));
  }

  /** How many events of a type a list has to show: all that are older than a cache may lag, by `margin` milliseconds. */
  oldestList(type: ResourceType, margin = 0): number {
    const times = this.#times.get(type)!;
    const horizon = this.now - this.layout.assumptions.lag * 1000 - margin;
    let position = times.length;
    while (position > 0 && times[position - 1]! > horizon) position--;
    return position;
  }

  /** What has to happen first, and by when, before more time may go by. */
  overdue(): { at: number; op?: Op } {
    const { lag, latency } = this.layout.assumptions;
    let first: { at: number; op?: Op } = { at: Number.POSITIVE_INFINITY };
    for (const { sender } of this.cluster.late) {
      const at = this.#began.get(sender.task)! + latency * 1000;
      if (at < first.at) first = { at, op: opOfLate(sender) };
    }
    for (const process of this.cluster.processes) {
      for (const worker of process.workers) {
        const at = this.#began.get(worker.task)! + latency * 1000;
        if (at >= first.at) continue;
        const { reconciler, key } = worker;
        first = { at, op: { op: 'step', process: process.name, reconciler: reconciler.name, key } };
      }
      if (!/^(metacontroller|janitor)/.test(process.name)) continue;
      for (const informer of process.informers) {
        if (informer.pending === 0) continue;
        const since = informer.synced
          ? this.#times.get(informer.type)![informer.position]!
          : this.#opened.get(informer)!;
        const at = since + lag * 1000;
        if (at < first.at)
          first = { at, op: { op: 'hear', process: process.name, cache: cacheName(informer), count: 1 } };
      }
    }
    return first;
  }

  setClockRight(): void {
    this.#skew = 0;
  }

  #skewed(context: HookContext): HookContext {
    const skewed = { ...context, now: context.now + this.#skew };
    if (this.#fault?.kind !== 'replica') return skewed;
    return { now: context.now - this.#skew, config: { ...context.config, ...OTHER_VERSION } };
  }

  /** Go's maps have no order: each world has its own. */
  #shuffle<T>(items: readonly T[]): readonly T[] {
    const weight = (item: T) => hash(`${this.layout.seed} ${Array.isArray(item) ? item[0] : item}`);
    return items
      .map((item) => [weight(item), item] as const)
      .sort(([a], [b]) => a - b)
      .map(([, item]) => item);
  }

  /** The clocks of what has just begun or happened. */
  #takeNote(at = this.now): void {
    for (const type of this.cluster.resources.all) {
      const { length } = this.cluster.store.log(type);
      const times = this.#times.get(type) ?? [];
      while (times.length < length) times.push(at);
      this.#times.set(type, times);
    }
    for (const process of this.cluster.processes) {
      for (const informer of process.informers) {
        if (!this.#opened.has(informer)) this.#opened.set(informer, this.now);
      }
      for (const worker of process.workers) {
        if (!this.#began.has(worker.task)) this.#began.set(worker.task, this.now);
      }
    }
  }

  #count(trouble: Trouble): void {
    this.troubles.set(trouble, (this.troubles.get(trouble) ?? 0) + 1);
  }
}

function withoutRule(admission: Admission, message: string | undefined): Admission {
  const { validate } = admission;
  if (message === undefined || validate === undefined) return admission;
  return {
    ...admission,
    validate: (...objects) => validate(...objects).filter((problem) => !problem.endsWith(message)),
  };
}

/** The move as it goes when nothing goes wrong. */
export function opOf(move: Move, now: number): Op {
  if (move.kind === 'wait') return { op: 'wait', milliseconds: move.until - now };
  if (move.kind === 'deliver')
    return { op: 'hear', process: move.process.name, cache: cacheName(move.informer), count: 1 };
  if (move.kind === 'land') return opOfLate(move.late.sender);
  const { process, reconciler } = move.kind === 'step' ? move.worker : move;
  const key = (move.kind === 'step' ? move.worker.key : move.key) ?? reconciler.queue.keys().next().value!;
  return { op: move.kind, process: process.name, reconciler: reconciler.name, key };
}

function opOfLate({ process, reconciler, key }: Worker): Op {
  return { op: 'land', process: process.name, reconciler: reconciler.name, key };
}

function isOf(worker: Worker, op: { process: string; reconciler: string; key: string }): boolean {
  const { process, reconciler, key } = worker;
  return process.name === op.process && reconciler.name === op.reconciler && key === op.key;
}

export function cacheName({ apiVersion, type }: Informer): string {
  return `${type.resource}.${apiVersion}`;
}

function reconcilerOf({ reconcilers }: Process, name: string): Reconciler | undefined {
  return reconcilers.find((reconciler) => reconciler.name === name);
}
