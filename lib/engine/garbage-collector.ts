/**
 * The garbage collector of kube-controller-manager: deletes objects all of whose owners are gone, by uid and a
 * live look, and holds owners that are deleted in the foreground until their dependents are gone.
 */
import type { OwnerReference } from '../kubernetes/object.ts';
import { target } from './api.ts';
import type { ControllerEnvironment, Reconciler } from './environment.ts';
import type { Informer } from './informer.ts';
import { hasFinalizer, isDeleting, type Unstructured, withMetadata } from './object.ts';
import { FOREGROUND_DELETION, ORPHAN_DEPENDENTS } from './store.ts';
import { api, atomicUpdate, objectOf, SyncError, type Task } from './task.ts';
import type { WorkQueue } from './work-queue.ts';

interface Item {
  readonly apiVersion: string;
  readonly resource: string;
  readonly namespace: string | undefined;
  readonly name: string;
  readonly uid: string;
}

export class GarbageCollector implements Reconciler {
  readonly name = 'garbage-collector';
  readonly queue: WorkQueue;
  readonly #environment: ControllerEnvironment;
  readonly #informers: readonly Informer[];
  /** What the caches hold, by uid. */
  readonly #known = new Map<string, Unstructured>();

  constructor(environment: ControllerEnvironment) {
    this.queue = environment.newQueue();
    this.#environment = environment;
    const types = environment.resources.all;
    this.#informers = types.map((type) => environment.informer(type.apiVersions[0] as string, type.resource));
    for (const informer of this.#informers) {
      informer.addHandler({
        add: (object) => this.#learn(object),
        update: (old, object) => {
          if (old.metadata.uid !== object.metadata.uid) this.#forget(old);
          else this.#unblockOwners(old, object);
          this.#learn(object);
        },
        delete: (object) => this.#forget(object),
      });
    }
  }

  get ready(): boolean {
    return this.#informers.every((informer) => informer.synced);
  }

  *sync(key: string): Task<void> {
    const item = JSON.parse(key) as Item;
    const { object: live, error } = yield* api({ verb: 'get', ...item });
    if (error !== undefined && error.reason !== 'NotFound') throw new SyncError(error.message);
    if (live === undefined || live.metadata.uid !== item.uid) return;
    if (isDeleting(live)) {
      if (hasFinalizer(live, ORPHAN_DEPENDENTS)) yield* this.#orphanDependents(item);
      else if (hasFinalizer(live, FOREGROUND_DELETION)) yield* this.#finishForegroundDeletion(item);
      return;
    }
    const owners = live.metadata.ownerReferences ?? [];
    if (owners.length === 0) return;
    const solid: OwnerReference[] = [];
    let waits = false;
    for (const reference of owners) {
      const state = yield* this.#ownerState(item, reference);
      if (state === 'solid') solid.push(reference);
      waits ||= state === 'waiting';
    }
    if (solid.length === owners.length) return;
    if (solid.length > 0) {
      const result = yield* atomicUpdate(item, item.uid, (object) => {
        const left = object.metadata.ownerReferences?.filter(({ uid }) =>
          solid.some((owner) => owner.uid === uid),
        );
        return withMetadata(object, { ownerReferences: left });
      });
      if (result.error?.reason !== 'NotFound') objectOf(result, 'drop dangling owners');
      return;
    }
    const result = yield* api({
      verb: 'delete',
      ...item,
      user: 'system:serviceaccount:kube-system:generic-garbage-collector',
      resourceVersion: live.metadata.resourceVersion,
      propagationPolicy: waits && this.#dependents(item.uid).length > 0 ? 'Foreground' : 'Background',
    });
    if (result.error?.reason !== 'NotFound') objectOf(result, 'collect');
  }

  *#ownerState(item: Item, owner: OwnerReference): Task<'solid' | 'waiting' | 'absent'> {
    const type = this.#environment.resources.findGroupKind(owner.apiVersion, owner.kind);
    // An owner that cannot be looked up may exist: its dependents are safe.
    if (type === undefined || (type.namespaced && item.namespace === undefined)) return 'solid';
    const { name, uid, blockOwnerDeletion } = owner;
    const namespace = type.namespaced ? item.namespace : undefined;
    const result = yield* api({
      verb: 'get',
      apiVersion: type.apiVersions[0] as string,
      resource: type.resource,
      namespace,
      name,
    });
    if (result.error?.reason === 'NotFound' || result.object?.metadata.uid !== uid) {
      if (result.error !== undefined && result.error.reason !== 'NotFound')
        throw new SyncError(result.error.message);
      return 'absent';
    }
    const foreground = isDeleting(result.object) && hasFinalizer(result.object, FOREGROUND_DELETION);
    return foreground && blockOwnerDeletion ? 'waiting' : 'solid';
  }

  *#finishForegroundDeletion(item: Item): Task<void> {
    const blocking = this.#dependents(item.uid).filter((object) =>
      object.metadata.ownerReferences?.some((owner) => owner.uid === item.uid && owner.blockOwnerDeletion),
    );
    if (blocking.length > 0) {
      for (const object of blocking) this.#enqueue(object);
      return;
    }
    yield* this.#removeFinalizer(item, FOREGROUND_DELETION);
  }

  *#orphanDependents(item: Item): Task<void> {
    for (const { apiVersion, kind, metadata } of this.#dependents(item.uid)) {
      const { resource } = this.#environment.resources.of({ apiVersion, kind });
      const result = yield* atomicUpdate(target(apiVersion, resource, metadata), metadata.uid, (object) =>
        withMetadata(object, {
          ownerReferences: object.metadata.ownerReferences?.filter(({ uid }) => uid !== item.uid),
        }),
      );
      if (result.error?.reason !== 'NotFound') objectOf(result, 'orphan a dependent');
    }
    yield* this.#removeFinalizer(item, ORPHAN_DEPENDENTS);
  }

  *#removeFinalizer(item: Item, finalizer: string): Task<void> {
    const result = yield* atomicUpdate(item, item.uid, (object) =>
      withMetadata(object, {
        finalizers: object.metadata.finalizers?.filter((name) => name !== finalizer),
      }),
    );
    if (result.error?.reason !== 'NotFound') objectOf(result, `remove the finalizer ${finalizer}`);
  }

  #learn(object: Unstructured): void {
    this.#known.set(object.metadata.uid as string, object);
    const owners = object.metadata.ownerReferences ?? [];
    const foreground = isDeleting(object) && hasFinalizer(object, FOREGROUND_DELETION);
    const doubtful = ({ uid, kind, name }: OwnerReference) => {
      const owner = this.#known.get(uid);
      if (owner === undefined || owner.kind !== kind || owner.metadata.name !== name) return true;
      const { namespace = object.metadata.namespace } = owner.metadata;
      return (
        namespace !== object.metadata.namespace ||
        (isDeleting(owner) && hasFinalizer(owner, FOREGROUND_DELETION))
      );
    };
    const orphans = isDeleting(object) && hasFinalizer(object, ORPHAN_DEPENDENTS);
    if (foreground || orphans || owners.some(doubtful)) this.#enqueue(object);
  }

  /** Looks at owners again whose deletion an object has kept from being finished, and does not any more. */
  #unblockOwners(old: Unstructured, { metadata: { ownerReferences = [] } }: Unstructured): void {
    const blocks = ({ blockOwnerDeletion }: OwnerReference) => blockOwnerDeletion === true;
    for (const { uid } of old.metadata.ownerReferences?.filter(blocks) ?? []) {
      const owner = this.#known.get(uid);
      const isKept = ownerReferences.some((other) => other.uid === uid && blocks(other));
      if (owner !== undefined && !isKept) this.#enqueue(owner);
    }
  }

  #forget(object: Unstructured): void {
    const uid = object.metadata.uid as string;
    this.#known.delete(uid);
    for (const dependent of this.#dependents(uid)) this.#enqueue(dependent);
    for (const { uid: ownerUid } of object.metadata.ownerReferences ?? []) {
      const owner = this.#known.get(ownerUid);
      if (owner !== undefined && isDeleting(owner)) this.#enqueue(owner);
    }
  }

  #dependents(uid: string): Unstructured[] {
    return this.#informers.flatMap((informer) => [...informer.ownedBy(uid)]);
  }

  #enqueue({ apiVersion, kind, metadata }: Unstructured): void {
    const { resource } = this.#environment.resources.of({ apiVersion, kind });
    this.queue.add(JSON.stringify({ ...target(apiVersion, resource, metadata), uid: metadata.uid }));
  }
}
