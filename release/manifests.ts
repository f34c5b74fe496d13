/** The manifests of a release, from those of `metacontroller` and `crds`. */
import { readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { load } from 'js-yaml';
import { SURPLUS_LABELS } from '../lib/binder/surplus-labels.ts';
import { formatDiagnostic } from '../lib/cli/diagnostic.ts';
import { parseManifests } from '../lib/cli/manifests.ts';
import { formatYaml } from '../lib/cli/yaml.ts';
import { PROVIDER, PROVIDER_LABEL } from '../lib/kubernetes/names.ts';
import type { KubernetesObject } from '../lib/kubernetes/object.ts';

const HOST_NETWORK = join(dirname(import.meta.dirname), 'metacontroller/host-network');
const DIAGNOSTICS = join(dirname(import.meta.dirname), 'metacontroller/diagnostics/rbac.yaml');
const NAMESPACE = 'metaipam-system';
const IMAGE = 'ghcr.io/metaipam/metaipam';
/** Where Metacontroller calls the hooks, if it is in the same pod. */
const LOOPBACK = '127.0.0.1:8080';

interface Role extends KubernetesObject {
  readonly roleRef?: { readonly apiGroup: string; readonly kind: string; readonly name: string };
}

interface Deployment extends KubernetesObject {
  readonly spec: {
    readonly template: { readonly spec: { readonly containers: readonly Container[] } };
  };
}

interface Container {
  readonly name: string;
  readonly image: string;
  readonly args?: readonly string[];
  readonly ports?: readonly object[];
  readonly livenessProbe?: Probe;
  readonly readinessProbe?: Probe;
}

interface Probe {
  readonly httpGet: { readonly host?: string; readonly path: string; readonly port: number | string };
}

interface Controller extends KubernetesObject {
  readonly spec: { readonly hooks: Readonly<Record<string, { readonly webhook: { readonly url: string } }>> };
}

/**
 * The objects of a folder with a kustomization.yaml, in its order.
 *
 * Reads `resources` only. Throws on any other field, and on anything that is no Kubernetes object.
 */
export function readKustomization(folder: string): KubernetesObject[] {
  const file = join(folder, 'kustomization.yaml');
  const {
    apiVersion: _,
    kind: __,
    resources,
    ...others
  } = load(readFileSync(file, 'utf8')) as {
    [field: string]: unknown;
    resources: string[];
  };
  const [other] = Object.keys(others);
  if (other !== undefined) throw new Error(`${file}: ${other}: only resources are read here`);
  return resources.flatMap((resource) => {
    const path = join(folder, resource);
    if (statSync(path).isDirectory()) return readKustomization(path);
    const { objects, problems } = parseManifests(readFileSync(path, 'utf8'), path);
    if (problems.length > 0) throw new Error(problems.map(formatDiagnostic).join('\n'));
    return objects.map(({ object }) => object);
  });
}

/** What `kubectl apply` needs first, and should not lose when the rest is deleted: the pools are its objects. */
export function crdsYaml(install: readonly KubernetesObject[], version: string): string {
  return yaml(install.filter(isCrd), `The CustomResourceDefinitions of metaipam ${version}.`);
}

/** All but the CustomResourceDefinitions. */
export function installYaml(install: readonly KubernetesObject[], version: string): string {
  const objects = install.filter((object) => !isCrd(object)).map((object) => withImage(object, version));
  return yaml(
    objects,
    `metaipam ${version}. Apply crds.yaml of this version first, and the CustomResourceDefinitions of Metacontroller.`,
    'To remove metaipam and keep what it gave out, delete its Deployment and controllers: allocations of cluster-scoped',
    `pools and of nodes are in the namespace ${NAMESPACE}.`,
  );
}

/**
 * The components of the provider, by clusterctl's contract
 * (https://cluster-api.sigs.k8s.io/developer/providers/contracts/clusterctl#components-yaml):
 *
 * - One Namespace, and all other objects in it or in none ("Target namespace"). clusterctl moves what is elsewhere,
 *   so the right to write Events into `default`, where those of Nodes belong, is one for every namespace here.
 * - clusterctl renames the namespace in metadata and in subjects, not in the hooks' URLs. So it is a variable, but where
 *   Metacontroller is in the same pod and calls the hooks on loopback.
 * - The container is called `manager` ("Controllers & Watching namespace").
 * - Everything has the provider's label ("Labels").
 * - CRDs come first: clusterctl creates in this order, and an object of an unknown kind stops it.
 * - Metrics are served as managers of Cluster API do: over HTTPS, to those who may read them.
 * - clusterctl labels every CRD, moves the objects of labelled ones ("Move"), and takes them for its users' at upgrades.
 *   Allocations stay, and Metacontroller's controllers are components: the server, which gets the right to do so, takes
 *   the labels off.
 *
 * The PodNetwork `default` is left out: clusterctl upgrades by deleting all but the namespace and the CRDs, and the
 * network would go, with the allocations of its nodes.
 *
 * @param metacontroller what Metacontroller needs beside its container, which then is the second of the pod; without
 *   it Metacontroller has to be there before
 */
export function componentsYaml(
  install: readonly KubernetesObject[],
  version: string,
  metacontroller?: readonly KubernetesObject[],
): string {
  const objects = [...install, ...KEEP_FROM_MOVE, ...readObjects(DIAGNOSTICS)]
    .filter(({ kind }) => kind !== 'PodNetwork')
    .map((object) => withImage(object, version))
    .map(inTargetNamespace)
    .map(withManager);
  const title = `metaipam ${version} as a provider for clusterctl.`;
  if (metacontroller !== undefined) {
    const container = probedFromOutside(readMetacontroller());
    const own = objects.filter(({ kind }) => kind !== 'Service');
    const whole = [...own.map((object) => withMetacontroller(object, container)), ...metacontroller];
    return yaml(asProvider(whole), `${title} Metacontroller is within: no other may run in the cluster.`);
  }
  const text = yaml(
    asProvider(objects),
    `${title} Metacontroller is to be there before.`,
    'Another namespace is set with METAIPAM_NAMESPACE, for every upgrade too, not with --target-namespace alone.',
  );
  return text.replaceAll(NAMESPACE, `\${METAIPAM_NAMESPACE:=${NAMESPACE}}`);
}

function asProvider(objects: readonly KubernetesObject[]): KubernetesObject[] {
  return objects.map(withProviderLabel).sort((a, b) => Number(isCrd(b)) - Number(isCrd(a)));
}

/** What `--keep-from-move` needs. */
const KEEP_FROM_MOVE: readonly KubernetesObject[] = [
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: 'metaipam-keep-from-move' },
    rules: [
      {
        apiGroups: ['apiextensions.k8s.io'],
        resources: ['customresourcedefinitions'],
        resourceNames: SURPLUS_LABELS.map(({ crd }) => crd),
        verbs: ['get', 'patch'],
      },
    ],
  },
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: 'metaipam-keep-from-move' },
    roleRef: {
      apiGroup: 'rbac.authorization.k8s.io',
      kind: 'ClusterRole',
      name: 'metaipam-keep-from-move',
    },
    subjects: [{ kind: 'ServiceAccount', name: 'metaipam', namespace: NAMESPACE }],
  },
] as object[] as KubernetesObject[];

function isCrd({ kind }: KubernetesObject): boolean {
  return kind === 'CustomResourceDefinition';
}

function withImage(object: KubernetesObject, version: string): KubernetesObject {
  return withContainers(object, ({ image, ...container }) => ({
    ...container,
    image: image.startsWith(`${IMAGE}:`) ? `${IMAGE}:${version}` : image,
  }));
}

function withManager(object: KubernetesObject): KubernetesObject {
  return withContainers(object, (container) => ({
    ...container,
    name: 'manager',
    args: [...(container.args ?? []), '--keep-from-move', '--diagnostics-address=:8443'],
    ports: [...(container.ports ?? []), { name: 'metrics', containerPort: 8443 }],
  }));
}

/**
 * Metacontroller as the component host-network has it, beside the manager and in its account. It calls the hooks on
 * loopback, which the two share; on the network of the pod its probes come from outside.
 */
function withMetacontroller(object: KubernetesObject, metacontroller: Container): KubernetesObject {
  if (isHooked(object)) return callingLoopback(object);
  return withContainers(
    object,
    ({ args: [serve = '', ...args] = [], ...container }) => ({
      ...container,
      args: [serve, `--hooks-bind-address=${LOOPBACK}`, ...args],
    }),
    [metacontroller],
  );
}

function probedFromOutside({ args = [], livenessProbe, readinessProbe, ...container }: Container): Container {
  const flag = '--health-probe-bind-address=';
  return {
    ...container,
    args: args.map((arg) => (arg.startsWith(flag) ? arg.replace('127.0.0.1', '') : arg)),
    ...(livenessProbe && { livenessProbe: atPod(livenessProbe) }),
    ...(readinessProbe && { readinessProbe: atPod(readinessProbe) }),
  };
}

function atPod({ httpGet: { host: _, ...httpGet } }: Probe): Probe {
  return { httpGet };
}

function isHooked(object: KubernetesObject): object is Controller {
  return ['CompositeController', 'DecoratorController'].includes(object.kind);
}

function callingLoopback(controller: Controller): Controller {
  const { hooks } = controller.spec;
  const local = Object.entries(hooks).map(([name, hook]) => {
    const url = new URL(hook.webhook.url);
    url.host = LOOPBACK;
    return [name, { ...hook, webhook: { ...hook.webhook, url: url.href } }];
  });
  return { ...controller, spec: { ...controller.spec, hooks: Object.fromEntries(local) } };
}

/** The container that the component host-network adds. */
function readMetacontroller(): Container {
  const { patches } = load(readFileSync(join(HOST_NETWORK, 'kustomization.yaml'), 'utf8')) as {
    patches: { target?: { kind: string }; patch: string }[];
  };
  const { patch } = patches.find(({ target }) => target?.kind === 'Deployment')!;
  const steps = load(patch) as { path: string; value: Container }[];
  return steps.find(({ path }) => path === '/spec/template/spec/containers/-')!.value;
}

/** The rights of Metacontroller for the controllers of metaipam. */
export function metacontrollerRights(): KubernetesObject[] {
  return readObjects(join(HOST_NETWORK, 'rbac.yaml'));
}

/** The objects of a file. */
export function readObjects(path: string): KubernetesObject[] {
  return parseManifests(readFileSync(path, 'utf8'), path).objects.map(({ object }) => object);
}

function withContainers(
  object: KubernetesObject,
  change: (container: Container) => Container,
  added: readonly Container[] = [],
): KubernetesObject {
  if (object.kind !== 'Deployment') return object;
  const { spec } = object as Deployment;
  const { template } = spec;
  const containers = [...template.spec.containers.map(change), ...added];
  const pod = { ...template.spec, containers };
  const changed: Deployment = { ...object, spec: { ...spec, template: { ...template, spec: pod } } };
  return changed;
}

function inTargetNamespace(object: KubernetesObject): KubernetesObject {
  const { namespace, ...metadata } = object.metadata;
  if (namespace === undefined || namespace === NAMESPACE) return object;
  const { kind, roleRef, ...role } = object as Role;
  if (kind !== 'Role' && kind !== 'RoleBinding') {
    throw new Error(`${kind} ${namespace}/${metadata.name}: clusterctl would move it to ${NAMESPACE}`);
  }
  const clusterRole = { ...role, kind: `Cluster${kind}`, metadata };
  return roleRef === undefined
    ? clusterRole
    : ({ ...clusterRole, roleRef: { ...roleRef, kind: 'ClusterRole' } } as KubernetesObject);
}

function withProviderLabel(object: KubernetesObject): KubernetesObject {
  const { metadata } = object;
  return {
    ...object,
    metadata: { ...metadata, labels: { ...metadata.labels, [PROVIDER_LABEL]: PROVIDER } },
  };
}

function yaml(objects: readonly KubernetesObject[], ...comment: string[]): string {
  return comment.map((line) => `# ${line}\n`).join('') + objects.map(formatYaml).join('---\n');
}
