/** One and the same world twice: the engine's cluster, in memory, and a real one. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { loadAll } from 'js-yaml';
import * as assert from 'uvu/assert';
import { controllers } from '../../hooks/index.ts';
import { target } from '../../lib/engine/api.ts';
import { type ClusterOptions, SimulatedCluster } from '../../lib/engine/cluster.ts';
import type { ControllerConfig } from '../../lib/engine/controller-config.ts';
import { crdAdmission } from '../../lib/engine/crd-admission.ts';
import { JanitorReconciler } from '../../lib/engine/janitor.ts';
import { NodeBinder } from '../../lib/engine/node-binder.ts';
import { type Unstructured, without } from '../../lib/engine/object.ts';
import { parseJson } from '../../lib/json.ts';
import type { Node } from '../../lib/kubernetes/core-types.ts';
import { BELLS_AFTER_ANNOTATION } from '../../lib/kubernetes/names.ts';
import {
  compareText,
  type KubernetesObject,
  type ObjectMeta,
  qualifiedName,
} from '../../lib/kubernetes/object.ts';
import { type CustomResourceDefinition, readCustomResourceDefinitions } from '../../lib/kubernetes/schema.ts';
import { DEFAULT_CONFIG } from '../../lib/metacontroller/hook.ts';
import { FAMILIES_DIFFER } from '../../lib/pod-network/families.ts';
import { AMONG_SERVICES } from '../../lib/pod-network/network-status.ts';
import { OVERLAPPING } from '../../lib/pool/overlap.ts';
import { ALLOCATION_KIND, isLabelKeysOf, pathOfAllocations, poolKindOf } from './allocations.ts';
import { type ControlPlane, eventually } from './control-plane.ts';
import { HookLog } from './hook-log.ts';
import { type Installation, quiet } from './install.ts';
import { succeeded } from './sandbox.ts';

const INSTALL = join(import.meta.dirname, '..', '..', 'metacontroller');
const CLUSTER_CRD = join(import.meta.dirname, 'cluster-crd.yaml');

/** The kinds that are compared, and where the API server lists them. */
const PATHS: Readonly<Record<string, string>> = {
  InClusterIPPool: '/apis/ipam.cluster.x-k8s.io/v1alpha2/inclusterippools',
  GlobalInClusterIPPool: '/apis/ipam.cluster.x-k8s.io/v1alpha2/globalinclusterippools',
  IPAddressClaim: '/apis/ipam.cluster.x-k8s.io/v1beta2/ipaddressclaims',
  IPAddress: '/apis/ipam.cluster.x-k8s.io/v1beta2/ipaddresses',
  [ALLOCATION_KIND]: pathOfAllocations(),
  PodCIDRClaim: '/apis/metaipam.io/v1alpha1/podcidrclaims',
  PodNetwork: '/apis/metaipam.io/v1alpha1/podnetworks',
  ClusterCIDR: '/apis/networking.x-k8s.io/v1/clustercidrs',
  Node: '/api/v1/nodes',
};
const OTHER_PATHS: Readonly<Record<string, string>> = {
  Cluster: '/apis/cluster.x-k8s.io/v1beta2/clusters',
  Namespace: '/api/v1/namespaces',
};

const POOL_KINDS = ['InClusterIPPool', 'GlobalInClusterIPPool', 'ClusterCIDR', 'PodNetwork'];

/** The part of a cluster that one sequence of steps has for itself. */
export interface Lane {
  readonly namespaces: readonly string[];
  /** The kinds without a namespace whose objects are its own, with the allocations that they make. */
  readonly clusterScoped: readonly string[];
}

const NODE_KINDS = ['Node', 'ClusterCIDR', 'PodNetwork', 'PodCIDRClaim'];

/** A lane of a namespace of its own, and of another for what takes two. */
export function laneOf(namespace: string, has: 'global pools' | 'nodes' | 'nothing else'): Lane {
  const clusterScoped = { 'global pools': ['GlobalInClusterIPPool'], nodes: NODE_KINDS, 'nothing else': [] };
  return { namespaces: [namespace, `${namespace}-other`], clusterScoped: clusterScoped[has] };
}

function isIn(lane: Lane | undefined, object: Unstructured): boolean {
  const { kind, metadata } = object;
  if (!(kind in PATHS) || lane === undefined) return kind in PATHS;
  const { namespaces, clusterScoped } = lane;
  if (metadata.namespace === undefined) return clusterScoped.includes(kind);
  return (
    namespaces.includes(metadata.namespace) ||
    (kind === ALLOCATION_KIND && clusterScoped.includes(poolKindOf(object)))
  );
}

export interface World {
  /** Creates or changes objects, in their order. */
  apply(objects: readonly KubernetesObject[]): Promise<void>;
  /** Deletes objects, in the background. */
  delete(objects: readonly KubernetesObject[]): Promise<void>;
  /** Changes an object by a JSON merge patch. */
  patch(object: KubernetesObject, patch: object): Promise<void>;
  /** All objects, or all of the kinds that are compared. */
  objects(): Promise<readonly Unstructured[]>;
}

/** The engine, with everything that the real cluster of `install.ts` has. */
export function simulatedCluster(options: Partial<ClusterOptions> = {}): SimulatedCluster {
  const install = globSync('*.yaml', { cwd: INSTALL })
    .sort()
    .flatMap((file) => loadAll(readFileSync(join(INSTALL, file), 'utf8')) as Unstructured[]);
  const cluster = loadAll(readFileSync(CLUSTER_CRD, 'utf8')) as CustomResourceDefinition[];
  const crds = [...readCustomResourceDefinitions(), ...cluster];
  const simulated = new SimulatedCluster({
    crds,
    hooks: controllers,
    controllers: install.filter(({ apiVersion }) =>
      apiVersion.startsWith('metacontroller.k8s.io/'),
    ) as object[] as ControllerConfig[],
    admission: crdAdmission(crds),
    reconcilers: {
      binder: (environment) => new NodeBinder(environment),
      janitor: (environment) =>
        new JanitorReconciler(
          environment,
          options.config ?? DEFAULT_CONFIG,
          options.applyStrategy ?? 'dynamic-apply',
        ),
    },
    ...options,
  });
  for (const object of install) {
    if (object.kind === 'PodNetwork' || object.kind === 'Namespace') simulated.apply(object);
  }
  return simulated;
}

export class SimulatedWorld implements World {
  readonly cluster: SimulatedCluster;

  constructor(cluster: SimulatedCluster) {
    this.cluster = cluster;
    this.#settle();
  }

  async apply(objects: readonly KubernetesObject[]): Promise<void> {
    for (const object of objects) this.#ok(this.cluster.apply(object as Unstructured));
    this.#settle();
  }

  async delete(objects: readonly KubernetesObject[]): Promise<void> {
    for (const object of objects) this.#ok(this.cluster.request({ verb: 'delete', ...this.#target(object) }));
    this.#settle();
  }

  async patch(object: KubernetesObject, patch: object): Promise<void> {
    this.#ok(this.cluster.request({ verb: 'patch', ...this.#target(object), patch }));
    this.#settle();
  }

  async objects(): Promise<readonly Unstructured[]> {
    return this.cluster.objects();
  }

  #target({ apiVersion, kind, metadata }: KubernetesObject) {
    return target(apiVersion, this.cluster.resources.of({ apiVersion, kind }).resource, metadata);
  }

  #ok({ error }: ReturnType<SimulatedCluster['request']>): void {
    if (error !== undefined) throw new Error(`the engine: ${error.message}`);
  }

  #settle(): void {
    const { settled, loops, failures } = this.cluster.settle();
    assert.equal({ settled, loops, failures }, { settled: true, loops: [], failures: [] });
  }
}

export class RealWorld implements World {
  readonly installation: Installation;
  readonly #plane: ControlPlane;
  readonly #lane: Lane | undefined;

  /** @param lane what is seen of the cluster, if not all */
  constructor(installation: Installation, lane?: Lane) {
    this.installation = installation;
    this.#plane = installation.plane;
    this.#lane = lane;
  }

  /** As `kubectl apply --server-side`; of objects that have their namespace. */
  async apply(objects: readonly KubernetesObject[]): Promise<void> {
    for (const object of objects) {
      const path = `${pathTo(object)}?fieldManager=kubectl`;
      succeeded(await this.#plane.api('PATCH', path, object, 'application/apply-patch+yaml'));
    }
  }

  async delete(objects: readonly KubernetesObject[]): Promise<void> {
    for (const object of objects) {
      succeeded(await this.#plane.api('DELETE', `${pathTo(object)}?propagationPolicy=Background`));
    }
  }

  async patch(object: KubernetesObject, patch: object): Promise<void> {
    succeeded(await this.#plane.api('PATCH', pathTo(object), patch, 'application/merge-patch+json'));
  }

  /** Waits until nothing happens any more. */
  async quiet(): Promise<void> {
    if (this.#lane === undefined) return quiet(this.installation, 1);
    const log = HookLog.of(this.installation.server.log);
    const since = performance.now();
    for (;;) {
      const calls = this.#lane.namespaces.map((namespace) => log.lastOf(namespace));
      if (this.#lane.clusterScoped.length > 0) calls.push(log.lastOfClusterScoped());
      const last = Math.max(since, ...calls.filter(Number.isFinite));
      const left = last + QUIET_MS - performance.now();
      if (left <= 0) return;
      if (performance.now() - since > 60_000) throw new Error('hooks still called after 60 s');
      await delay(left);
    }
  }

  async objects(): Promise<readonly Unstructured[]> {
    const lists = Object.entries(PATHS).map(async ([kind, path]) => {
      const { apiVersion, items } = succeeded(await this.#plane.api('GET', path));
      // A list leaves out what all its items have in common.
      return items.map((item: object) => ({ apiVersion, kind, ...item }) as Unstructured);
    });
    return (await Promise.all(lists)).flat().filter((object) => isIn(this.#lane, object));
  }

  /** The same, as watches know it. */
  known(): readonly Unstructured[] {
    const all = Object.values(PATHS).flatMap((path) => [...this.#plane.watch(path).objects.values()]);
    return all.filter((object) => isIn(this.#lane, object));
  }

  /** Wakes with whatever happens to them. */
  changes(signal: AbortSignal): Promise<unknown> {
    const isOurs = (object: Unstructured) => isIn(this.#lane, object);
    return Promise.race(Object.values(PATHS).map((path) => this.#plane.watch(path).next(isOurs, signal)));
  }
}

/** For so long no hook is called before a cluster counts as quiet. */
const QUIET_MS = 1000;

function pathTo({ kind, metadata: { namespace, name } }: KubernetesObject): string {
  const list = PATHS[kind] ?? OTHER_PATHS[kind]!;
  const end = list.lastIndexOf('/');
  const home = namespace === undefined ? '' : `/namespaces/${namespace}`;
  return `${list.slice(0, end)}${home}${list.slice(end)}/${name}`;
}

/**
 * Does everything in both worlds, and waits each time until the real one has become what the other is. What is said
 * of the namespaces `default` and `other` is done in those of the lane.
 */
export class Twins {
  readonly simulated: World;
  readonly real: RealWorld;
  readonly #lane: Lane;
  readonly #titles: [Titles, Titles] = [new Map(), new Map()];

  constructor(simulated: World, real: RealWorld, lane: Lane) {
    this.simulated = simulated;
    this.real = real;
    this.#lane = lane;
  }

  apply(...objects: KubernetesObject[]): Promise<void> {
    return this.#both((world) => world.apply(objects.map((object) => this.#moved(object))));
  }

  delete(...objects: KubernetesObject[]): Promise<void> {
    return this.#both((world) => world.delete(objects.map((object) => this.#moved(object))));
  }

  patch(object: KubernetesObject, patch: object): Promise<void> {
    return this.#both((world) => world.patch(this.#moved(object), patch));
  }

  /** Deletes what users made, claims and nodes first. Nothing is left but the installation. */
  async clear(): Promise<void> {
    for (const kinds of [['IPAddressClaim', 'Node'], ['IPAddress'], POOL_KINDS, [ALLOCATION_KIND]]) {
      const doomed = (await this.#left()).filter(({ kind }) => kinds.includes(kind));
      if (doomed.length > 0)
        await this.delete(
          ...doomed.map(({ apiVersion, kind, metadata: { name, namespace } }) => ({
            apiVersion,
            kind,
            metadata: { name, ...(namespace !== undefined && { namespace }) },
          })),
        );
    }
    const left = (await this.#left()).map(({ kind, metadata }) => `${kind} ${qualifiedName(metadata)}`);
    assert.equal(left, []);
  }

  async #left(): Promise<Unstructured[]> {
    const objects = (await this.simulated.objects()).filter((object) => isIn(this.#lane, object));
    const installed = objects.find(
      ({ kind, metadata }) => kind === 'PodNetwork' && metadata.name === 'default',
    );
    return objects.filter(
      (object) => object !== installed && !isLabelKeysOf(object, installed?.metadata.uid),
    );
  }

  #moved(object: KubernetesObject): KubernetesObject {
    const { namespace, name } = object.metadata;
    const to = (from: string) =>
      ({ default: this.#lane.namespaces[0]!, other: this.#lane.namespaces[1]! })[from] ?? from;
    const metadata = {
      ...object.metadata,
      ...(namespace !== undefined && { namespace: to(namespace) }),
      ...(object.kind === 'Namespace' && { name: to(name) }),
    };
    return { ...object, metadata };
  }

  async #both(step: (world: World) => Promise<void>): Promise<void> {
    await step(this.simulated);
    await step(this.real);
    await this.agree();
  }

  async agree(): Promise<void> {
    const simulated = (await this.simulated.objects()).filter((object) => isIn(this.#lane, object));
    await assertAlike(simulated, this.real, this.#titles);
  }
}

type Titles = Map<string, string>;

/**
 * Waits until the real world has become like the simulated one, and fails with what differs if it does not, or
 * does not stay so.
 */
export async function assertAlike(
  simulated: readonly Unstructured[],
  real: RealWorld,
  [simulatedTitles, realTitles]: readonly [Titles, Titles] = [new Map(), new Map()],
): Promise<void> {
  const compared = simulated.filter(({ kind }) => kind in PATHS);
  const expected = comparable(compared, simulatedTitles);
  let result: Lines = new Map();
  // What comes back as it was is also alike before it goes, and hooks rest before it comes back.
  const isDone = async () => {
    if (!isAlike(comparable(real.known(), realTitles), expected)) return false;
    await real.quiet();
    result = comparable(await real.objects(), realTitles);
    return isAlike(result, expected);
  };
  // A claim that nobody answers says so after half a minute, and is looked at again then.
  await eventually('', isDone, 60, (signal) => real.changes(signal)).catch(async () => {
    result = comparable(await real.objects(), realTitles);
  });
  if (!isAlike(result, expected)) assert.equal(difference(result, expected), difference(expected, result));
}

/** Every value in some objects, as a line that says where it stands, by the object's title. */
type Lines = ReadonlyMap<string, readonly string[]>;

function isAlike(a: Lines, b: Lines): boolean {
  return difference(a, b).length === 0 && difference(b, a).length === 0;
}

/** What `a` has and `b` does not: the titles of objects, and the lines of those that both have. */
function difference(a: Lines, b: Lines): string[] {
  const only = [...a].flatMap(([title, lines]) => {
    const others = b.get(title);
    return others === undefined ? [title] : lines.filter((line) => !others.includes(line));
  });
  return only.sort();
}

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
const TIME = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g;
const GATHERED = [ALLOCATION_KIND, 'PodCIDRClaim'];
const LAST_APPLIED = 'metacontroller.k8s.io/last-applied-configuration';
const APPLIED_BY_KUBECTL = 'kubectl.kubernetes.io/last-applied-configuration';

/**
 * Objects without what differs from cluster to cluster: a uid becomes the title of its object, a time a word, and
 * what kubectl, kubelets and the API server note down for themselves goes, and so do their versions.
 *
 * @param titles of all uids seen so far; grows
 */
function comparable(objects: readonly Unstructured[], titles: Titles): Lines {
  for (const { kind, metadata } of objects) titles.set(metadata.uid!, `<${kind}/${qualifiedName(metadata)}>`);
  const titled = (text: string) =>
    text.replace(UUID, (uid) => titles.get(uid) ?? '<uid>').replace(TIME, '<time>');
  const lines = (value: unknown, path: string): string[] => {
    const hasParts = typeof value === 'object' && value !== null && !JSON.isRawJSON(value);
    return hasParts && Object.keys(value).length > 0
      ? Object.entries(value).flatMap(([key, part]) =>
          key === BELLS_AFTER_ANNOTATION ? [] : lines(part, `${path}.${key}`),
        )
      : [titled(`${path} = ${JSON.stringify(value)}`)];
  };
  return new Map(
    objects.map((object) => {
      const title = titled(`${object.kind} ${qualifiedName(object.metadata)}`);
      return [title, lines(withoutNotes(object), title)];
    }),
  );
}

function withoutNotes(object: Unstructured): object {
  const {
    uid,
    resourceVersion,
    managedFields,
    annotations = {},
    ownerReferences,
    ...metadata
  } = object.metadata as ObjectMeta & {
    managedFields?: unknown;
  };
  const { [LAST_APPLIED]: applied, ...others } = without(annotations, APPLIED_BY_KUBECTL);
  // The order of its keys is that of uids.
  const kept = { ...others, ...(applied !== undefined && { [LAST_APPLIED]: parseJson(applied) }) };
  // Claims hook and janitor both name the owners of an IPAddress that was there before: who is first is chance.
  const owners = ownerReferences?.toSorted((a, b) => compareText(a.kind, b.kind));
  const rest = {
    ...metadata,
    ...(owners && { ownerReferences: owners }),
    ...(Object.keys(kept).length > 0 && { annotations: kept }),
  };
  // How many claims or nodes one write serves is chance.
  if (GATHERED.includes(object.kind)) delete rest.generation;
  if (object.kind.endsWith('Pool') || object.kind === 'PodNetwork')
    return { ...object, metadata: rest, status: withoutOthers(object.status) };
  if (object.kind !== 'Node') return { ...object, metadata: rest };
  const { podCIDR, podCIDRs } = (object.spec ?? {}) as NonNullable<Node['spec']>;
  return { metadata: rest, ...(podCIDRs && { podCIDR, podCIDRs }) };
}

/**
 * Without what other scenarios left: their pools are in the same real cluster, and its network `default` was theirs,
 * whose conditions say of some troubles that they are over.
 */
function withoutOthers(status: unknown): unknown {
  const { conditions, ...others } = (status ?? {}) as { conditions?: { type: string; status: string }[] };
  const isOthers = ({ type, status }: { type: string; status: string }) =>
    type === OVERLAPPING || ([FAMILIES_DIFFER, AMONG_SERVICES].includes(type) && status === 'False');
  return { ...others, ...(conditions && { conditions: conditions.filter((each) => !isOthers(each)) }) };
}
