/** One and the same world twice: the engine's cluster, in memory, and a real one. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadAll } from 'js-yaml';
import * as assert from 'uvu/assert';
import { controllers } from '../../hooks/index.ts';
import { target } from '../../lib/engine/api.ts';
import { Cluster, type ClusterOptions } from '../../lib/engine/cluster.ts';
import type { ControllerConfig } from '../../lib/engine/controller-config.ts';
import { crdAdmission } from '../../lib/engine/crd-admission.ts';
import { NodeBinder } from '../../lib/engine/node-binder.ts';
import { type Unstructured, without } from '../../lib/engine/object.ts';
import { parseJson } from '../../lib/json.ts';
import type { Node } from '../../lib/kubernetes/core-types.ts';
import { type KubernetesObject, type ObjectMeta, qualifiedName } from '../../lib/kubernetes/object.ts';
import { type CustomResourceDefinition, readCustomResourceDefinitions } from '../../lib/kubernetes/schema.ts';
import { eventually } from './control-plane.ts';
import { type Installation, quiet } from './install.ts';

const INSTALL = join(import.meta.dirname, '..', '..', 'metacontroller');
const CLUSTER_CRD = join(import.meta.dirname, 'cluster-crd.yaml');

/** The kinds that are compared. */
const RESOURCES = [
  'inclusterippools.ipam.cluster.x-k8s.io',
  'globalinclusterippools.ipam.cluster.x-k8s.io',
  'ipaddressclaims.ipam.cluster.x-k8s.io',
  'ipaddresses.ipam.cluster.x-k8s.io',
  'ipallocations.metaipam.io',
  'podcidrclaims.metaipam.io',
  'podnetworks.metaipam.io',
  'clustercidrs.networking.x-k8s.io',
  'nodes',
];
const KINDS = [
  'InClusterIPPool',
  'GlobalInClusterIPPool',
  'IPAddressClaim',
  'IPAddress',
  'IPAllocation',
  'PodCIDRClaim',
  'PodNetwork',
  'ClusterCIDR',
  'Node',
];

const POOL_KINDS = ['InClusterIPPool', 'GlobalInClusterIPPool', 'ClusterCIDR', 'PodNetwork'];

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
export function simulatedCluster(options: Partial<ClusterOptions> = {}): Cluster {
  const install = globSync('*.yaml', { cwd: INSTALL })
    .sort()
    .flatMap((file) => loadAll(readFileSync(join(INSTALL, file), 'utf8')) as Unstructured[]);
  const cluster = loadAll(readFileSync(CLUSTER_CRD, 'utf8')) as CustomResourceDefinition[];
  const crds = [...readCustomResourceDefinitions(), ...cluster];
  const simulated = new Cluster({
    crds,
    hooks: controllers,
    controllers: install.filter(({ apiVersion }) =>
      apiVersion.startsWith('metacontroller.k8s.io/'),
    ) as object[] as ControllerConfig[],
    admission: crdAdmission(crds),
    reconcilers: { binder: (environment) => new NodeBinder(environment) },
    ...options,
  });
  for (const object of install) {
    if (object.kind === 'PodNetwork' || object.kind === 'Namespace') simulated.apply(object);
  }
  return simulated;
}

export class SimulatedWorld implements World {
  readonly cluster: Cluster;

  constructor(cluster: Cluster) {
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

  #ok({ error }: ReturnType<Cluster['request']>): void {
    if (error !== undefined) throw new Error(`the engine: ${error.message}`);
  }

  #settle(): void {
    const { settled, loops, failures } = this.cluster.settle();
    assert.equal({ settled, loops, failures }, { settled: true, loops: [], failures: [] });
  }
}

export class RealWorld implements World {
  readonly installation: Installation;

  constructor(installation: Installation) {
    this.installation = installation;
  }

  async apply(objects: readonly KubernetesObject[]): Promise<void> {
    await this.#kubectl(['apply', '--filename=-'], listOf(objects));
  }

  async delete(objects: readonly KubernetesObject[]): Promise<void> {
    await this.#kubectl(['delete', '--wait=false', '--filename=-'], listOf(objects));
  }

  async patch(object: KubernetesObject, patch: object): Promise<void> {
    const args = ['patch', '--filename=-', '--type=merge', `--patch=${JSON.stringify(patch)}`];
    await this.#kubectl(args, JSON.stringify(object));
  }

  /** Waits until nothing happens any more. */
  quiet(): Promise<void> {
    return quiet(this.installation, 1);
  }

  async objects(): Promise<readonly Unstructured[]> {
    const text = await this.#kubectl(['get', RESOURCES.join(), '--all-namespaces', '--output=json']);
    return (parseJson(text) as { items: Unstructured[] }).items;
  }

  #kubectl(args: string[], stdin?: string): Promise<string> {
    return this.installation.plane.kubectl(args, stdin);
  }
}

function listOf(objects: readonly KubernetesObject[]): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects });
}

/** Does everything in both worlds, and waits each time until the real one has become what the other is. */
export class Twins {
  readonly simulated: World;
  readonly real: RealWorld;
  readonly #titles: [Titles, Titles] = [new Map(), new Map()];

  constructor(simulated: World, real: RealWorld) {
    this.simulated = simulated;
    this.real = real;
  }

  apply(...objects: KubernetesObject[]): Promise<void> {
    return this.#both((world) => world.apply(objects));
  }

  delete(...objects: KubernetesObject[]): Promise<void> {
    return this.#both((world) => world.delete(objects));
  }

  patch(object: KubernetesObject, patch: object): Promise<void> {
    return this.#both((world) => world.patch(object, patch));
  }

  /** Deletes what users made, claims and nodes first. Nothing is left but the installation. */
  async clear(): Promise<void> {
    for (const kinds of [['IPAddressClaim', 'Node'], ['IPAddress'], POOL_KINDS, ['IPAllocation']]) {
      const objects = await this.simulated.objects();
      const isDefault = ({ kind, metadata }: KubernetesObject) =>
        kind === 'PodNetwork' && metadata.name === 'default';
      const doomed = objects.filter((object) => kinds.includes(object.kind) && !isDefault(object));
      if (doomed.length > 0)
        await this.delete(
          ...doomed.map(({ apiVersion, kind, metadata: { name, namespace } }) => ({
            apiVersion,
            kind,
            metadata: { name, ...(namespace !== undefined && { namespace }) },
          })),
        );
    }
    const left = (await this.simulated.objects())
      .filter(({ kind }) => KINDS.includes(kind))
      .map(({ kind, metadata }) => `${kind} ${qualifiedName(metadata)}`);
    assert.equal(left, ['PodNetwork default']);
  }

  async #both(step: (world: World) => Promise<void>): Promise<void> {
    await step(this.simulated);
    await step(this.real);
    await this.agree();
  }

  async agree(): Promise<void> {
    await assertAlike(await this.simulated.objects(), this.real, this.#titles);
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
  const compared = simulated.filter(({ kind }) => KINDS.includes(kind));
  const expected = comparable(compared, simulatedTitles);
  const actual = async () => comparable(await real.objects(), realTitles);
  await eventually('', async () => isAlike(await actual(), expected)).catch(() => {});
  await real.quiet();
  const result = await actual();
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
const APPLIED_BY_KUBECTL = 'kubectl.kubernetes.io/last-applied-configuration';

/**
 * Objects without what differs from cluster to cluster: a uid becomes the title of its object, a time a word, and
 * what kubectl, kubelets and the API server note down for themselves goes.
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
      ? Object.entries(value).flatMap(([key, part]) => lines(part, `${path}.${key}`))
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
    ...metadata
  } = object.metadata as ObjectMeta & {
    managedFields?: unknown;
  };
  const kept = without(annotations, APPLIED_BY_KUBECTL);
  const rest = { ...metadata, ...(Object.keys(kept).length > 0 && { annotations: kept }) };
  if (object.kind !== 'Node') return { ...object, metadata: rest };
  const { podCIDR, podCIDRs } = (object.spec ?? {}) as NonNullable<Node['spec']>;
  return { metadata: rest, ...(podCIDRs && { podCIDR, podCIDRs }) };
}
