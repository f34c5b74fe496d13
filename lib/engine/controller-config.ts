/** CompositeController and DecoratorController objects, as in their manifests. */
import type { LabelSelector } from '../metacontroller/hook.ts';

interface Hook {
  readonly version?: string;
}

interface HookSet {
  readonly sync?: Hook;
  readonly customize?: Hook;
  readonly finalize?: Hook;
}

interface ResourceRule {
  readonly apiVersion: string;
  readonly resource: string;
}

interface ParentRule extends ResourceRule {
  readonly labelSelector?: LabelSelector;
  readonly ignoreStatusChanges?: boolean;
}

export interface DecoratorParentRule extends ParentRule {
  readonly annotationSelector?: {
    readonly matchAnnotations?: Record<string, string>;
    readonly matchExpressions?: NonNullable<LabelSelector['matchExpressions']>;
  };
}

export interface ChildRule extends ResourceRule {
  readonly updateStrategy?: { readonly method?: string };
}

interface Controller {
  readonly apiVersion: string;
  readonly metadata: { readonly name: string };
}

interface ControllerSpec {
  readonly hooks: HookSet;
  readonly resyncPeriodSeconds?: number;
}

export interface CompositeController extends Controller {
  readonly kind: 'CompositeController';
  readonly spec: ControllerSpec & {
    readonly parentResource: ParentRule;
    readonly childResources?: readonly ChildRule[];
    readonly generateSelector?: boolean;
  };
}

export interface DecoratorController extends Controller {
  readonly kind: 'DecoratorController';
  readonly spec: ControllerSpec & {
    readonly resources: readonly DecoratorParentRule[];
    readonly attachments?: readonly ChildRule[];
  };
}

export type ControllerConfig = CompositeController | DecoratorController;

/** Throws for what the engine does not model: hook version v1 and rolling updates. */
export function checkConfig(config: ControllerConfig): void {
  const { name } = config.metadata;
  for (const [hook, { version }] of Object.entries(config.spec.hooks as Record<string, Hook>)) {
    if (version !== 'v2') throw new Error(`${name}: hook ${hook} must have version v2`);
  }
  for (const child of childRules(config)) {
    const method = child.updateStrategy?.method ?? 'OnDelete';
    if (!['OnDelete', 'InPlace', 'Recreate'].includes(method)) {
      throw new Error(`${name}: update strategy ${method} of ${child.resource} is not modelled`);
    }
  }
}

export function childRules(config: ControllerConfig): readonly ChildRule[] {
  return (config.kind === 'CompositeController' ? config.spec.childResources : config.spec.attachments) ?? [];
}
