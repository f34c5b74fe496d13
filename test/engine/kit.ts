/** A small world for the engine's tests: Bakeries make Loaves, and Notes are attached to Loaves. */
import type { ExecutedStep } from '../../lib/engine/cluster.ts';
import type { CompositeController, DecoratorController } from '../../lib/engine/controller-config.ts';
import type { Unstructured } from '../../lib/engine/object.ts';
import type { ResourceDefinition } from '../../lib/engine/resources.ts';

export const GROUP = 'test.example.com';
export const V1 = `${GROUP}/v1`;

export function crd(
  kind: string,
  plural: string,
  scope: 'Namespaced' | 'Cluster' = 'Namespaced',
): ResourceDefinition {
  return {
    kind: 'CustomResourceDefinition',
    spec: {
      group: GROUP,
      scope,
      names: { kind, plural },
      versions: [{ name: 'v1', served: true, storage: true, subresources: { status: {} } }],
    },
  };
}

export const BAKERY = crd('Bakery', 'bakeries');
export const LOAF = crd('Loaf', 'loaves');
export const NOTE = crd('Note', 'notes');
export const CHAIN = crd('Chain', 'chains', 'Cluster');
export const CRDS = [BAKERY, LOAF, NOTE, CHAIN];

const V2 = { version: 'v2' };

/** Bakery, or any kind in its place, with Loaves as children. */
export function composite(
  spec: Partial<CompositeController['spec']> = {},
  name = 'bakeries',
): CompositeController {
  return {
    apiVersion: 'metacontroller.k8s.io/v1alpha1',
    kind: 'CompositeController',
    metadata: { name },
    spec: {
      parentResource: { apiVersion: V1, resource: 'bakeries' },
      childResources: [{ apiVersion: V1, resource: 'loaves', updateStrategy: { method: 'InPlace' } }],
      generateSelector: true,
      hooks: { sync: V2 },
      ...spec,
    },
  };
}

/** Loaf as parent, with Notes as attachments. */
export function decorator(
  spec: Partial<DecoratorController['spec']> = {},
  name = 'notes',
): DecoratorController {
  return {
    apiVersion: 'metacontroller.k8s.io/v1alpha1',
    kind: 'DecoratorController',
    metadata: { name },
    spec: {
      resources: [{ apiVersion: V1, resource: 'loaves' }],
      attachments: [{ apiVersion: V1, resource: 'notes', updateStrategy: { method: 'InPlace' } }],
      hooks: { sync: V2 },
      ...spec,
    },
  };
}

export const HOOKS = { sync: V2, customize: V2, finalize: V2 };

export function object(kind: string, name: string, spec: object = {}, metadata: object = {}): Unstructured {
  return { apiVersion: V1, kind, metadata: { name, ...metadata }, spec };
}

export const ref = (kind: string, name: string, namespace = 'default') => ({
  apiVersion: V1,
  kind,
  namespace,
  name,
});

/** A child as a hook wants it. */
export function desired(kind: string, name: string, spec: object = {}, metadata: object = {}) {
  return { apiVersion: V1, kind, metadata: { name, ...metadata }, spec };
}

/** Bakes `spec.loaves` loaves of `spec.flour`, and counts those it sees. */
export function bake(request: HookRequest) {
  const { loaves = 0, flour = 'rye' } = request.parent.spec as { loaves?: number; flour?: string };
  const { name } = request.parent.metadata;
  return {
    status: { baked: Object.keys(request.children[`Loaf.${V1}`] ?? {}).length },
    children: Array.from({ length: loaves }, (_, i) => desired('Loaf', `${name}-${i}`, { flour })),
  };
}

export const names = (objects: Iterable<Unstructured>) => [...objects].map((item) => item.metadata.name);

/** Collects executed steps: `observe` goes into the cluster's options, the rest tells what happened. */
export function recorder() {
  const steps: ExecutedStep[] = [];
  return {
    steps,
    observe: (step: ExecutedStep) => void steps.push(step),
    /** `create loaves`, `update bakeries/status`, `hook sync`, … in order, of one controller. */
    actions: (reconciler: string) =>
      steps
        .filter((entry) => entry.reconciler === reconciler)
        .map(({ step }) => {
          if (step.kind === 'hook') return `hook ${step.call.hook}`;
          const { verb, resource } = step.request;
          return `${verb} ${resource}${'subresource' in step.request ? `/${step.request.subresource}` : ''}`;
        }),
    /** The requests sent to one hook, parsed. */
    requests: (reconciler: string, hook: string): HookRequest[] =>
      steps.flatMap((entry) =>
        entry.reconciler === reconciler && entry.step.kind === 'hook' && entry.step.call.hook === hook
          ? [JSON.parse(entry.step.call.body)]
          : [],
      ),
    clear: () => void steps.splice(0),
  };
}

export interface HookRequest {
  controller: Unstructured;
  parent: Unstructured;
  object: Unstructured;
  children: Record<string, Record<string, Unstructured>>;
  attachments: Record<string, Record<string, Unstructured>>;
  related: Record<string, Record<string, Unstructured>>;
  finalizing: boolean;
}
