/**
 * Requests that nobody would think of: what a fixture of the hooks has, changed at random into something else that the
 * API server would store, and left to its controller alone. That has to answer without an error, the same answer
 * twice, as Metacontroller reads it; the API server has to take what it asks for; and in the end it is content with its own
 * work.
 */
import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { controllers } from '../hooks/index.ts';
import { SimulatedCluster } from '../lib/engine/cluster.ts';
import type { ControllerConfig } from '../lib/engine/controller-config.ts';
import { withLastApplied } from '../lib/engine/dynamic-apply.ts';
import type { HookRegistry } from '../lib/engine/hook-server.ts';
import { isDeleting, type JsonMap, type Unstructured, withMetadata } from '../lib/engine/object.ts';
import { admitNode, checkMetadata } from '../lib/engine/object-rules.ts';
import { Random, uuid } from '../lib/engine/random.ts';
import { IPAM_CLAIM_DEFINITION } from '../lib/ipam-claim/definition.ts';
import { parseJson } from '../lib/json.ts';
import { CONTROLLER_UID_LABEL, DECORATOR_ANNOTATION } from '../lib/kubernetes/names.ts';
import { controllerOf, titleOf } from '../lib/kubernetes/object.ts';
import { CustomResources, readCustomResourceDefinitions } from '../lib/kubernetes/schema.ts';
import { DEFAULT_CONFIG, type HookConfig } from '../lib/metacontroller/hook.ts';
import { HookAudit } from './hook-audit.ts';
import { install } from './install.ts';
import { mutate } from './mutate.ts';

/** The objects of a fixture, and who has to do with them. */
export interface Scene {
  readonly name: string;
  readonly controller: string;
  readonly now: number;
  readonly config: HookConfig;
  /** The controller's own object first. */
  readonly objects: readonly Unstructured[];
}

export interface FuzzFinding {
  readonly scene: string;
  readonly rule: 'answers' | 'settles' | 'pure';
  readonly message: string;
  readonly objects: readonly Unstructured[];
}

const FIXTURES = join(import.meta.dirname, '../test/fixtures');
/** Virtual seconds in which a controller has to come to rest. */
const HORIZON_SECONDS = 600;
const MOST_SYNCS = 200;
/** Tries to make something of a scene that the API server would store. */
const ATTEMPTS = 8;

/** The fixtures of `docs/hook-fixtures.md`, as objects of a cluster. */
export function readScenes(): Scene[] {
  return globSync('*/*.json', { cwd: FIXTURES })
    .sort()
    .map((file) => readScene(file, dirname(file)));
}

function readScene(file: string, controller: string): Scene {
  const {
    now = '2026-01-01T00:00:00Z',
    config,
    request,
  } = parseJson(readFileSync(join(FIXTURES, file), 'utf8')) as {
    now?: string;
    config?: Partial<HookConfig>;
    request: Readonly<Record<string, never>>;
  };
  const { parent = request.object, children, attachments, related } = request;
  const objectsOf = (groups: object = {}) =>
    Object.values(groups).flatMap((group) => Object.values(group as object)) as Unstructured[];
  const first = complete(parent as never as Unstructured, 0);
  const own = objectsOf(children ?? attachments).map((object, index) =>
    ownedBy(first, complete(object, 1 + index), controller),
  );
  const names = new Set([first, ...own].map(titleOf));
  const others = objectsOf(related)
    .map((object, index) => complete(object, 100 + index))
    .filter((object) => !names.has(titleOf(object)));
  const all = new Map([first, ...own, ...others].map((object) => [titleOf(object), object]));
  return {
    name: file,
    controller,
    now: Date.parse(now),
    config: { ...DEFAULT_CONFIG, ...config },
    objects: [...all.values()],
  };
}

/** With what the API server gives every object. */
function complete(object: Unstructured, index: number): Unstructured {
  const { uid = uuid(7, index), creationTimestamp = '2025-12-31T00:00:00Z' } = object.metadata;
  return withMetadata(object, { uid, creationTimestamp, generation: 1 });
}

/** As Metacontroller makes a child or an attachment. */
function ownedBy(parent: Unstructured, object: Unstructured, controller: string): Unstructured {
  const { labels, annotations, ownerReferences = [] } = object.metadata;
  const { apiVersion, kind, metadata } = parent;
  const owner = { apiVersion, kind, name: metadata.name, uid: metadata.uid, controller: true };
  const owned = controllerOf(object) === undefined ? { ownerReferences: [...ownerReferences, owner] } : {};
  return controllers[controller]?.parent.type === 'composite'
    ? withMetadata(object, { ...owned, labels: { ...labels, [CONTROLLER_UID_LABEL]: metadata.uid } })
    : withMetadata(object, { ...owned, annotations: { ...annotations, [DECORATOR_ANNOTATION]: controller } });
}

/** With Metacontroller's note of what it applied: without it, nothing could be taken from a slice. */
function noted(object: Unstructured): Unstructured {
  if (object.kind !== 'AllocationSlice') return object;
  const { apiVersion, kind, spec } = object;
  const { name, namespace, labels } = object.metadata;
  return withLastApplied(object, {
    apiVersion,
    kind,
    metadata: { name, namespace, labels },
    spec,
  } as Unstructured);
}

/** What goes wrong in the scene that `seed` makes of one of `scenes`; undefined if all is well. */
export function fuzz(scenes: readonly Scene[], seed: number, hooks: HookRegistry): FuzzFinding | undefined {
  const random = new Random(seed);
  const scene = random.pick(scenes);
  return troubleWith(scene, changed(scene, random), hooks);
}

/** Some of the objects changed, dropped or copied, one after another. */
function changed({ objects, controller }: Scene, random: Random): Unstructured[] {
  const result = [...objects];
  const words = wordsOf(objects);
  for (let left = 1 + random.below(5); left > 0; left--) {
    const index = random.below(result.length);
    const object = result[index]!;
    if (index > 0 && random.chance(0.1)) {
      result.splice(index, 1);
      continue;
    }
    const isCopy = index > 0 && random.chance(0.2);
    const base = isCopy
      ? withMetadata(object, {
          name: `${object.metadata.name}-${random.below(9)}`,
          uid: uuid(random.next(), 0),
        })
      : object;
    const next = admissible(base, random, words, controller, index === 0);
    if (next === undefined || (isCopy && result.some((other) => titleOf(other) === titleOf(next)))) continue;
    if (isCopy) result.push(next);
    else result[index] = next;
  }
  return result;
}

const resources = new CustomResources([...readCustomResourceDefinitions(), IPAM_CLAIM_DEFINITION]);

/** `object` with a change that the API server would store; undefined if no try came to one. */
function admissible(
  object: Unstructured,
  random: Random,
  words: readonly string[],
  controller: string,
  isParent: boolean,
): Unstructured | undefined {
  const resource = resources.ofKind(object.apiVersion, object.kind);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const mutant = mutate(object, random, { words, schema: resource?.schema });
    const held = isDeleting(mutant) ? withFinalizer(mutant, isParent ? controller : undefined) : mutant;
    const { object: next, problems } =
      held.kind === 'Node' ? admitNode(held) : { object: resource?.withDefaults(held) ?? held, problems: [] };
    const all = [...problems, ...checkMetadata(next), ...(resource?.validate(next) ?? [])];
    if (all.length === 0) return next;
  }
  return undefined;
}

/** What is deleted and still there has a finalizer: that of its controller, or somebody's. */
function withFinalizer(object: Unstructured, controller: string | undefined): Unstructured {
  const { finalizers = [] } = object.metadata;
  const finalizer =
    controller === undefined
      ? 'example.com/hold'
      : `metacontroller.io/${controllers[controller]?.parent.type}controller-${controller}`;
  if (finalizers.includes(finalizer) || (controller === undefined && finalizers.length > 0)) return object;
  return withMetadata(object, { finalizers: [...finalizers, finalizer] });
}

/** Every text of the objects, keys as well. */
function wordsOf(objects: readonly Unstructured[]): string[] {
  const words = new Set<string>();
  const collect = (value: unknown): void => {
    if (typeof value === 'string') words.add(value);
    else if (Array.isArray(value)) value.forEach(collect);
    else if (typeof value === 'object' && value !== null) {
      for (const [key, item] of Object.entries(value as JsonMap)) {
        words.add(key);
        collect(item);
      }
    }
  };
  objects.forEach(collect);
  return [...words];
}

/** Leaves the objects to the scene's controller, and looks at what it does. */
export function troubleWith(
  { name, controller, now, config }: Scene,
  objects: readonly Unstructured[],
  hooks: HookRegistry,
): FuzzFinding | undefined {
  const trouble = (rule: FuzzFinding['rule'], message: string): FuzzFinding => ({
    ...{ scene: name, rule, message, objects },
  });
  const audit = new HookAudit(hooks, (context) => context, 1);
  const { crds, admission, controllers: configs } = install();
  const cluster = new SimulatedCluster({
    ...{ crds, admission, now, config, hooks: audit.hooks },
    controllers: [configs.get(controller) as ControllerConfig],
  });
  for (const object of objects) cluster.restore(noted(object), object);
  const { settled, failures, loops } = cluster.settle({
    horizonSeconds: HORIZON_SECONDS,
    maxSyncs: MOST_SYNCS,
  });
  if (audit.problem !== undefined) return trouble('pure', audit.problem);
  if (failures.length > 0) return trouble('answers', failures[0]!.message);
  if (!settled) return trouble('settles', loops[0]?.responses.join('\n') ?? '');
  return undefined;
}
