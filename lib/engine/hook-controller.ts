/** What CompositeControllers and DecoratorControllers have in common: parents, their queue and their finalizer. */

import type { OwnerReference } from '../kubernetes/object.ts';
import { controllerOf, groupOf } from '../kubernetes/object.ts';
import type { DesiredObject } from '../metacontroller/hook.ts';
import { target } from './api.ts';
import { type ApplyStrategy, type ChildManager, type LastUpdates, manageChildren } from './children.ts';
import { type ChildRule, type ControllerConfig, childRules } from './controller-config.ts';
import type { ControllerEnvironment, Reconciler } from './environment.ts';
import type { Informer } from './informer.ts';
import { deepEqual, hasFinalizer, isDeleting, type Unstructured, withMetadata } from './object.ts';
import type { ObjectGroups } from './object-groups.ts';
import { Related } from './related.ts';
import type { ResourceType } from './resources.ts';
import { FOREGROUND_DELETION, ORPHAN_DEPENDENTS } from './store.ts';
import { atomicUpdate, HookCall, objectOf, type Task } from './task.ts';
import type { WorkQueue } from './work-queue.ts';

export interface ParentResource {
  readonly type: ResourceType;
  readonly apiVersion: string;
  readonly informer: Informer;
  readonly ignoreStatusChanges: boolean;
  readonly selects: (parent: Unstructured) => boolean;
}

interface ChildType {
  readonly type: ResourceType;
  readonly apiVersion: string;
  readonly informer: Informer;
}

export interface ControllerOptions {
  readonly environment: ControllerEnvironment;
  readonly strategy: ApplyStrategy;
  readonly lastUpdates: LastUpdates;
  /** The controller object as hooks see it. */
  readonly controllerObject: object;
  /** See `ClusterOptions`. */
  readonly forgetsTimers?: boolean | undefined;
  readonly cacheFlushSeconds?: number | undefined;
  readonly rulesKeptSeconds?: number | undefined;
}

const CACHE_FLUSH_SECONDS = 30 * 60;

export abstract class HookController implements Reconciler {
  readonly name: string;
  readonly queue: WorkQueue;
  readonly resyncPeriod: number;
  protected readonly environment: ControllerEnvironment;
  protected readonly parents: readonly ParentResource[];
  protected readonly children: readonly ChildType[];
  protected readonly finalizer: string;
  readonly #finalizes: boolean;
  readonly #related: Related | undefined;
  readonly #controllerObject: object;
  readonly #childManager: ChildManager;
  readonly #forgetsTimers: boolean;

  constructor(config: ControllerConfig, parents: readonly ParentResource[], options: ControllerOptions) {
    const { environment, cacheFlushSeconds = CACHE_FLUSH_SECONDS, rulesKeptSeconds } = options;
    const { hooks, resyncPeriodSeconds = cacheFlushSeconds } = config.spec;
    this.name = config.metadata.name;
    this.environment = environment;
    this.queue = environment.newQueue();
    this.resyncPeriod = Math.max(1, resyncPeriodSeconds) * 1000;
    this.finalizer = `metacontroller.io/${config.kind.toLowerCase()}-${this.name}`;
    this.#finalizes = hooks.finalize !== undefined;
    this.#controllerObject = options.controllerObject;
    this.#forgetsTimers = options.forgetsTimers ?? false;
    this.parents = parents;
    const rules = childRules(config);
    this.children = rules.map((rule) => this.#childType(rule));
    this.#childManager = {
      ...options,
      updateMethods: new Map(
        rules.map((rule, i) => [this.children[i]!.type, rule.updateStrategy?.method ?? 'OnDelete']),
      ),
    };
    if (hooks.customize !== undefined) {
      this.#related = new Related({
        environment,
        controller: this.name,
        controllerObject: this.#controllerObject,
        keptSeconds: rulesKeptSeconds,
        parents: parents.map(({ informer }) => informer),
        enqueue: (parent) => this.enqueue(parent),
      });
    }
    for (const parent of parents) this.#watchParent(parent);
    for (const { informer } of this.children) this.#watchChildren(informer);
  }

  abstract sync(key: string): Task<void>;
  protected abstract keyOf(parent: Unstructured): string;
  /** A child without a controller appeared or changed. */
  protected abstract onOrphan(child: Unstructured): void;

  get ready(): boolean {
    return this.parents.every(isSynced) && this.children.every(isSynced);
  }

  resync(): void {
    for (const parent of this.#allParents()) this.enqueue(parent);
  }

  protected enqueue(parent: Unstructured): void {
    if (this.cares(parent)) this.queue.add(this.keyOf(parent));
  }

  /** Whether `parent` is selected, or still carries our finalizer. */
  protected cares(parent: Unstructured): boolean {
    return this.selects(parent) || hasFinalizer(parent, this.finalizer);
  }

  protected selects(parent: Unstructured): boolean {
    return this.parentTypeOf(parent.apiVersion, parent.kind)?.selects(parent) ?? false;
  }

  /** Only group and kind count: a reference may name another version. */
  protected parentTypeOf(apiVersion: string, kind: string): ParentResource | undefined {
    return this.parents.find(({ type }) => type.kind === kind && type.group === groupOf(apiVersion));
  }

  protected targetOf(parent: Unstructured) {
    const { resource } = this.environment.resources.of(parent);
    return target(parent.apiVersion, resource, parent.metadata);
  }

  /** Adds our finalizer before anything else is done, or removes it when there is no finalize hook. */
  protected *syncFinalizer(parent: Unstructured): Task<Unstructured> {
    if (hasFinalizer(parent, this.finalizer) === this.#finalizes) return parent;
    if (!this.#finalizes) return yield* this.removeFinalizer(parent);
    if (isDeleting(parent)) return parent;
    const result = yield* atomicUpdate(this.targetOf(parent), parent.metadata.uid, (live) =>
      hasFinalizer(live, this.finalizer)
        ? undefined
        : withMetadata(live, { finalizers: [...(live.metadata.finalizers ?? []), this.finalizer] }),
    );
    return objectOf(result, 'sync finalizer');
  }

  protected *removeFinalizer(parent: Unstructured): Task<Unstructured> {
    const result = yield* atomicUpdate(this.targetOf(parent), parent.metadata.uid, (live) =>
      hasFinalizer(live, this.finalizer) ? this.withoutFinalizer(live) : undefined,
    );
    return objectOf(result, 'remove finalizer');
  }

  protected withoutFinalizer(parent: Unstructured): Unstructured {
    const finalizers = parent.metadata.finalizers?.filter((name) => name !== this.finalizer);
    return withMetadata(parent, { finalizers: finalizers?.length ? finalizers : undefined });
  }

  protected *relatedObjects(parent: Unstructured): Task<ObjectGroups | undefined> {
    return this.#related && (yield* this.#related.objects(parent));
  }

  /**
   * The call of the sync hook, or of the finalize hook for a parent that goes away.
   *
   * @param observed the parent and its children, as the hook calls them
   */
  protected hookCall(parent: Unstructured, observed: object, related: ObjectGroups | undefined): HookCall {
    const finalizing = this.#finalizes && (isDeleting(parent) || !this.selects(parent));
    return new HookCall(this.name, finalizing ? 'finalize' : 'sync', {
      controller: this.#controllerObject,
      ...observed,
      related: related?.sortedMaps() ?? {},
      finalizing,
    });
  }

  /** Children of a parent that is being deleted are left alone, unless our finalizer gave us the time. */
  protected *manageChildren(parent: Unstructured, observed: ObjectGroups, desired: ObjectGroups): Task<void> {
    const garbageCollected =
      hasFinalizer(parent, FOREGROUND_DELETION) || hasFinalizer(parent, ORPHAN_DEPENDENTS);
    const finalize = this.#finalizes && hasFinalizer(parent, this.finalizer) && !garbageCollected;
    if (isDeleting(parent) && !finalize) return;
    yield* manageChildren(this.#childManager, parent, observed, desired);
  }

  protected lookAgain(key: string, { resyncAfterSeconds }: { readonly resyncAfterSeconds?: number }): void {
    if (resyncAfterSeconds) this.queue.addAfter(key, resyncAfterSeconds * 1000);
    else if (this.#forgetsTimers) this.queue.forgetTimer(key);
  }

  #childType({ apiVersion, resource }: ChildRule): ChildType {
    const { resources, informer } = this.environment;
    return {
      type: resources.get(apiVersion, resource),
      apiVersion,
      informer: informer(apiVersion, resource),
    };
  }

  *#allParents(): Generator<Unstructured> {
    for (const { informer } of this.parents) yield* informer.list();
  }

  #watchParent({ informer, ignoreStatusChanges }: ParentResource): void {
    informer.addHandler({
      add: (parent) => this.enqueue(parent),
      update: (old, parent) => {
        if (!ignoreStatusChanges || changedBesidesStatus(old, parent)) this.enqueue(parent);
      },
      // A parent that is gone is not synced, so a missed deletion needs no key either.
      delete: () => {},
    });
  }

  #watchChildren(informer: Informer): void {
    const wake = (child: Unstructured) => {
      const owner = controllerOf(child);
      if (owner !== undefined) this.#enqueueOwner(child, owner);
      else if (!isDeleting(child)) this.onOrphan(child);
    };
    informer.addHandler({
      add: wake,
      update: (old, child) => {
        if (old.metadata.resourceVersion !== child.metadata.resourceVersion) wake(child);
      },
      delete: (child) => {
        const owner = controllerOf(child);
        if (owner !== undefined) this.#enqueueOwner(child, owner);
      },
    });
  }

  #enqueueOwner(child: Unstructured, owner: OwnerReference): void {
    const parentType = this.parentTypeOf(owner.apiVersion, owner.kind);
    const namespace = parentType?.type.namespaced ? child.metadata.namespace : undefined;
    const parent = parentType?.informer.get(namespace, owner.name);
    if (parent !== undefined && parent.metadata.uid === owner.uid) this.enqueue(parent);
  }
}

function isSynced({ informer }: { readonly informer: Informer }): boolean {
  return informer.synced;
}

/** A desired object in the parent's namespace where it names none. */
export function inNamespaceOf(parent: Unstructured, desired: DesiredObject): Unstructured {
  const object = desired as object as Unstructured;
  const { namespace } = parent.metadata;
  return object.metadata.namespace || namespace === undefined ? object : withMetadata(object, { namespace });
}

function changedBesidesStatus(old: Unstructured, current: Unstructured): boolean {
  return (
    old.metadata.generation !== current.metadata.generation ||
    !deepEqual(old.metadata.labels ?? {}, current.metadata.labels ?? {}) ||
    !deepEqual(old.metadata.annotations ?? {}, current.metadata.annotations ?? {}) ||
    isDeleting(current)
  );
}
