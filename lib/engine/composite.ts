/** A CompositeController (`pkg/controller/composite/controller.go`). */
import { controllerOf, controllerReference, qualifiedName } from '../kubernetes/object.ts';
import type { LabelSelector } from '../metacontroller/hook.ts';
import { target } from './api.ts';
import type { CompositeController as Config } from './controller-config.ts';
import { type ControllerOptions, HookController, inNamespaceOf } from './hook-controller.ts';
import { readComposite } from './hook-response.ts';
import { compileLabelSelector, type Labels } from './label-selector.ts';
import { deepEqual, isDeleting, isMap, type Unstructured, withMetadata } from './object.ts';
import { ObjectGroups } from './object-groups.ts';
import { api, atomicUpdate, hook, objectOf, SyncError, type Task } from './task.ts';

export class CompositeHookController extends HookController {
  readonly #generateSelector: boolean;

  constructor(config: Config, options: ControllerOptions) {
    const { apiVersion, resource, labelSelector, ignoreStatusChanges = false } = config.spec.parentResource;
    const { resources, informer } = options.environment;
    const type = resources.get(apiVersion, resource);
    if (!type.custom || !type.statusSubresource) {
      throw new Error(`${config.metadata.name}: Metacontroller ignores parents without a status subresource`);
    }
    const selects = compileLabelSelector(labelSelector);
    const parentType = {
      type,
      apiVersion,
      informer: informer(apiVersion, resource),
      ignoreStatusChanges,
      selects: (parent: Unstructured) => selects(parent.metadata.labels),
    };
    super(config, [parentType], options);
    this.#generateSelector = config.spec.generateSelector ?? false;
  }

  protected override keyOf(parent: Unstructured): string {
    return qualifiedName(parent.metadata);
  }

  /** Wakes the parents that may adopt the child. */
  protected override onOrphan(child: Unstructured): void {
    const { informer, type } = this.#parentType;
    for (const parent of informer.list()) {
      if (type.namespaced && parent.metadata.namespace !== child.metadata.namespace) continue;
      if (this.#childSelector(parent)?.(child.metadata.labels)) this.enqueue(parent);
    }
  }

  override *sync(key: string): Task<void> {
    const [name, namespace] = key.split('/').reverse() as [string, string?];
    const cached = this.#parentType.informer.get(namespace, name);
    if (cached === undefined || !this.cares(cached)) return;
    let parent = yield* this.syncFinalizer(cached);
    if (!this.cares(parent)) return;
    const selects = this.#childSelector(parent);
    if (selects === undefined)
      throw new SyncError('.spec.selector must have either matchLabels or matchExpressions');

    const observed = yield* this.#claimChildren(parent, selects);
    const related = yield* this.relatedObjects(parent);
    const call = this.hookCall(parent, { parent, children: observed.sortedMaps() }, related);
    const response = readComposite(call, yield* hook(call));
    this.lookAgain(key, response);
    if (response.finalized) parent = yield* this.removeFinalizer(parent);

    const children = (response.children ?? []).map((child) =>
      this.#labelled(inNamespaceOf(parent, child), parent),
    );
    const stray = children.find((child) => !selects(child.metadata.labels));
    if (stray !== undefined) {
      throw new SyncError(
        `labels on desired child ${qualifiedName(stray.metadata)} don't match parent selector`,
      );
    }
    let failure: SyncError | undefined;
    try {
      yield* this.manageChildren(parent, observed, ObjectGroups.of(children));
    } catch (error) {
      if (!(error instanceof SyncError)) throw error;
      failure = error;
    }
    const written = yield* this.#writeStatus(parent, response.status ?? {});
    if (written && failure !== undefined) throw failure;
  }

  get #parentType() {
    return this.parents[0]!;
  }

  /** Returns whether the parent is still there as we knew it: if not, another sync follows or none is needed. */
  *#writeStatus(parent: Unstructured, given: object): Task<boolean> {
    const status = { ...given, observedGeneration: parent.metadata.generation };
    const result = yield* atomicUpdate(
      this.targetOf(parent),
      parent.metadata.uid,
      (live) => (deepEqual(live.status, status) ? undefined : { ...live, status }),
      'status',
    );
    if (result.error?.reason === 'NotFound' || result.error?.reason === 'Conflict') return false;
    objectOf(result, 'update status');
    return true;
  }

  #labelled(child: Unstructured, parent: Unstructured): Unstructured {
    const { labels } = child.metadata;
    if (!this.#generateSelector || labels?.['controller-uid'] !== undefined) return child;
    return withMetadata(child, { labels: { ...labels, 'controller-uid': parent.metadata.uid } });
  }

  /** Which labels make an object a child of `parent`; undefined without a selector. */
  #childSelector(parent: Unstructured): ((labels: Labels | undefined) => boolean) | undefined {
    if (this.#generateSelector) return (labels) => labels?.['controller-uid'] === parent.metadata.uid;
    const selector = isMap(parent.spec) ? (parent.spec.selector as LabelSelector | undefined) : undefined;
    const empty = !Object.keys(selector?.matchLabels ?? {}).length && !selector?.matchExpressions?.length;
    return empty ? undefined : compileLabelSelector(selector);
  }

  /** The parent's children as the cache has them; adopts orphans and releases what no longer matches. */
  *#claimChildren(
    parent: Unstructured,
    selects: (labels: Labels | undefined) => boolean,
  ): Task<ObjectGroups> {
    const groups = new ObjectGroups();
    const uid = parent.metadata.uid as string;
    for (const { type, apiVersion, informer } of this.children) {
      const { objects } = groups.group(apiVersion, type.kind);
      const problems: string[] = [];
      let mayAdopt: string | undefined;
      const nearby = ({ metadata }: Unstructured) =>
        !this.#parentType.type.namespaced || metadata.namespace === parent.metadata.namespace;
      const candidates = new Set([...informer.ownedBy(uid), ...informer.orphans()]);
      for (const child of [...candidates].filter(nearby)) {
        const owner = controllerOf(child);
        const to = target(apiVersion, type.resource, child.metadata);
        if (owner !== undefined && owner.uid !== uid) continue;
        if (owner !== undefined && selects(child.metadata.labels)) {
          objects.set(qualifiedName(child.metadata), child);
          continue;
        }
        if (isDeleting(parent)) continue;
        const others = (live: Unstructured) =>
          (live.metadata.ownerReferences ?? []).filter((reference) => reference.uid !== uid);
        if (owner !== undefined) {
          const released = yield* atomicUpdate(to, child.metadata.uid, (live) =>
            withMetadata(live, { ownerReferences: others(live) }),
          );
          if (released.error && released.error.reason !== 'NotFound') problems.push(released.error.message);
          continue;
        }
        if (!selects(child.metadata.labels) || isDeleting(child)) continue;
        mayAdopt ??= yield* this.#checkAdoption(parent);
        if (mayAdopt !== '') {
          problems.push(mayAdopt);
          continue;
        }
        const adopted = yield* atomicUpdate(to, child.metadata.uid, (live) =>
          withMetadata(live, { ownerReferences: [...others(live), controllerReference(parent)] }),
        );
        if (adopted.error === undefined) objects.set(qualifiedName(child.metadata), child);
        else if (adopted.error.reason !== 'NotFound') problems.push(adopted.error.message);
      }
      if (problems.length > 0)
        throw new SyncError(`can't claim ${type.kind} children: ${problems.join('; ')}`);
    }
    return groups;
  }

  /** Why the parent may not adopt, by a live look at it; empty when it may. */
  *#checkAdoption(parent: Unstructured): Task<string> {
    const live = yield* api({ verb: 'get', ...this.targetOf(parent) });
    if (live.error !== undefined) return live.error.message;
    if (live.object.metadata.uid !== parent.metadata.uid)
      return `original ${qualifiedName(parent.metadata)} is gone`;
    return isDeleting(live.object) ? `${qualifiedName(parent.metadata)} has just been deleted` : '';
  }
}
