/** A DecoratorController (`pkg/controller/decorator/controller.go`). */
import { DECORATOR_ANNOTATION } from '../kubernetes/names.ts';
import { controllerOf } from '../kubernetes/object.ts';
import type { LabelSelector } from '../metacontroller/hook.ts';
import type { DecoratorController as Config, DecoratorParentRule } from './controller-config.ts';
import type { ControllerEnvironment } from './environment.ts';
import {
  type ControllerOptions,
  HookController,
  inNamespaceOf,
  type ParentResource,
} from './hook-controller.ts';
import { readDecorator } from './hook-response.ts';
import { compileLabelSelector } from './label-selector.ts';
import { deepEqual, hasFinalizer, type Unstructured, withMetadata } from './object.ts';
import { ObjectGroups } from './object-groups.ts';
import { api, hook, objectOf, type Task } from './task.ts';

export class DecoratorHookController extends HookController {
  constructor(config: Config, options: ControllerOptions) {
    const { environment } = options;
    super(
      config,
      config.spec.resources.map((rule) => parentType(rule, environment)),
      options,
    );
  }

  protected override keyOf({ apiVersion, kind, metadata }: Unstructured): string {
    return `${apiVersion}:${kind}:${metadata.namespace ?? ''}:${metadata.name}`;
  }

  /** Decorators do not adopt. */
  protected override onOrphan(): void {}

  override *sync(key: string): Task<void> {
    const [apiVersion, kind, namespace, name] = key.split(':') as [string, string, string, string];
    const cached = this.parentTypeOf(apiVersion, kind)?.informer.get(namespace, name);
    if (cached === undefined || !this.cares(cached)) return;
    const parent = yield* this.syncFinalizer(cached);
    if (!this.cares(parent)) return;

    const observed = this.#attachments(parent);
    const related = yield* this.relatedObjects(parent);
    const call = this.hookCall(parent, { object: parent, attachments: observed.sortedMaps() }, related);
    const response = readDecorator(call, yield* hook(call));
    this.lookAgain(key, response);

    const status = response.status ?? parent.status;
    const labels = updateStrings(parent.metadata.labels, response.labels);
    const annotations = updateStrings(parent.metadata.annotations, response.annotations);
    const finalized = response.finalized === true && hasFinalizer(parent, this.finalizer);
    const statusChanged = !deepEqual(parent.status, status);
    if (labels !== undefined || annotations !== undefined || statusChanged || finalized) {
      let updated = withMetadata(parent, { ...(labels && { labels }), ...(annotations && { annotations }) });
      if (status !== undefined) updated = { ...updated, status };
      const written = yield* this.#writeParent(updated, statusChanged, finalized);
      if (!written) return;
    }

    const attachments = (response.attachments ?? []).map((attachment) => {
      const object = inNamespaceOf(parent, attachment);
      return withMetadata(object, {
        annotations: { ...object.metadata.annotations, [DECORATOR_ANNOTATION]: this.name },
      });
    });
    yield* this.manageChildren(parent, observed, ObjectGroups.of(attachments));
  }

  /**
   * Status first, then everything else, both at the resourceVersion the sync began with. Returns false when the
   * parent has moved on or is gone: the sync ends there, before the attachments.
   */
  *#writeParent(updated: Unstructured, statusChanged: boolean, finalized: boolean): Task<boolean> {
    const to = this.targetOf(updated);
    let object = updated;
    if (statusChanged && this.environment.resources.of(updated).statusSubresource) {
      const result = yield* api({ verb: 'update', ...to, object, subresource: 'status' });
      if (result.error?.reason === 'NotFound' || result.error?.reason === 'Conflict') return false;
      const { resourceVersion } = objectOf(result, 'update status').metadata;
      object = withMetadata(object, { resourceVersion });
    }
    if (finalized) object = this.withoutFinalizer(object);
    const result = yield* api({ verb: 'update', ...to, object });
    if (result.error?.reason === 'NotFound' || result.error?.reason === 'Conflict') return false;
    objectOf(result, 'update parent');
    return true;
  }

  /** What this decorator attached to `parent`, as the caches have it. */
  #attachments(parent: Unstructured): ObjectGroups {
    const groups = new ObjectGroups();
    const { uid, namespace } = parent.metadata;
    for (const { apiVersion, type, informer } of this.children) {
      groups.group(apiVersion, type.kind);
      for (const child of informer.ownedBy(uid as string)) {
        if (namespace !== undefined && child.metadata.namespace !== namespace) continue;
        if (controllerOf(child)?.uid !== uid) continue;
        if (child.metadata.annotations?.[DECORATOR_ANNOTATION] === this.name) groups.insert(child);
      }
    }
    return groups;
  }
}

function parentType(
  rule: DecoratorParentRule,
  { resources, informer }: ControllerEnvironment,
): ParentResource {
  const { apiVersion, resource, labelSelector, annotationSelector, ignoreStatusChanges = false } = rule;
  const labels = compileLabelSelector(labelSelector);
  const annotations = compileLabelSelector({
    ...(annotationSelector?.matchAnnotations && { matchLabels: annotationSelector.matchAnnotations }),
    ...(annotationSelector?.matchExpressions && { matchExpressions: annotationSelector.matchExpressions }),
  } satisfies LabelSelector);
  return {
    type: resources.get(apiVersion, resource),
    apiVersion,
    informer: informer(apiVersion, resource),
    ignoreStatusChanges,
    selects: ({ metadata }) => labels(metadata.labels) && annotations(metadata.annotations),
  };
}

/** `strings` with `updates`, where null removes; undefined when that changes nothing. */
function updateStrings(
  strings: Readonly<Record<string, string>> = {},
  updates: Readonly<Record<string, string | null>> | null = {},
): Record<string, string> | undefined {
  if (updates === null || Object.keys(updates).length === 0) return undefined;
  const result = { ...strings };
  for (const [key, value] of Object.entries(updates)) {
    if (value === null) delete result[key];
    else result[key] = value;
  }
  return deepEqual(result, strings) ? undefined : result;
}
