/**
 * A control plane that one install after another uses: it has the CRDs and the controllers of metacontroller/, and
 * between two uses nothing else.
 */
import { join } from 'node:path';
import { dump, loadAll } from 'js-yaml';
import type { Unstructured } from '../../lib/engine/object.ts';
import { pathOfAllocations } from './allocations.ts';
import { type Access, ASSETS, ControlPlane, eventually, freePorts } from './control-plane.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const HOOKS = 'http://metaipam-hooks.metaipam-system.svc/hooks/';
const NETWORKS = '/apis/metaipam.io/v1alpha1/podnetworks';

/** Lists of what tests make. Namespaces stay: the next who wants one of that name finds it empty. */
const MADE_BY_TESTS = [
  '/apis/ipam.cluster.x-k8s.io/v1beta2/ipaddressclaims',
  '/apis/ipam.cluster.x-k8s.io/v1beta2/ipaddresses',
  '/apis/ipam.cluster.x-k8s.io/v1alpha2/inclusterippools',
  '/apis/ipam.cluster.x-k8s.io/v1alpha2/globalinclusterippools',
  '/apis/ipam.cluster.x-k8s.io/v1alpha2/inclusterprefixpools',
  '/apis/ipam.cluster.x-k8s.io/v1alpha2/globalinclusterprefixpools',
  '/apis/cluster.x-k8s.io/v1beta2/clusters',
  pathOfAllocations(),
  '/apis/metaipam.io/v1alpha1/podcidrclaims',
  '/apis/networking.x-k8s.io/v1/clustercidrs',
  NETWORKS,
  '/api/v1/nodes',
  '/api/v1/events',
  '/apis/apps/v1/deployments',
  '/apis/apps/v1/daemonsets',
  '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations',
];
const LEASES = [
  '/apis/coordination.k8s.io/v1/namespaces/metaipam-system/leases',
  '/apis/coordination.k8s.io/v1/namespaces/default/leases',
];

/** How to use it, as its maker tells those to whom it is lent. */
export interface Loan {
  readonly access: Access;
  /** Where the controllers look for the hooks. */
  readonly hooksPort: number;
  /** The PodNetwork `default`, as it is installed. */
  readonly network: Unstructured;
}

/** The environment variable with the loan of the runner. */
export const LOAN = 'E2E_LOAN';

/** A new one, which is the caller's to stop. Nothing runs when this throws. */
export async function makeSharedPlane(): Promise<{ plane: ControlPlane; loan: Loan }> {
  const plane = await ControlPlane.start();
  try {
    const [hooksPort] = await freePorts(1);
    const network = await furnish(plane, hooksPort!);
    return { plane, loan: { access: plane.access, hooksPort: hooksPort!, network } };
  } catch (error) {
    await plane.stop();
    throw error;
  }
}

let own: Promise<Loan> | undefined;

/** What the runner lends this process; or else one that goes with this process. */
export function borrow(): Promise<Loan> {
  const lent = process.env[LOAN];
  if (lent !== undefined) return Promise.resolve(JSON.parse(lent) as Loan);
  own ??= makeSharedPlane().then(({ plane, loan }) => {
    plane.unref();
    return loan;
  });
  return own;
}

/** Installs what metacontroller/ has, but for the Deployment, whose server is run from here, and delete protection. */
async function furnish(plane: ControlPlane, hooksPort: number): Promise<Unstructured> {
  const crds = ['crds', 'crds/cluster-api'].map((folder) => plane.kubectl(['kustomize', join(ROOT, folder)]));
  const files = [
    join(ASSETS, '..', 'metacontroller-crds.yaml'),
    join(import.meta.dirname, 'cluster-crd.yaml'),
  ];
  const text = (await Promise.all(crds)).join('---\n');
  await plane.kubectl(['apply', '--server-side', ...files.map((file) => `--filename=${file}`)]);
  await plane.kubectl(['apply', '--server-side', '--filename=-'], text);
  await plane.kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s']);
  await plane.startControllerManager();
  const rendered = await plane.kubectl(['kustomize', join(ROOT, 'metacontroller')]);
  // Tests delete what is in use, to see what becomes of it: admission.e2e.ts has what refuses that.
  const objects = (loadAll(rendered) as Unstructured[]).filter(
    ({ kind, metadata }) =>
      kind !== 'Deployment' &&
      kind !== 'CustomResourceDefinition' &&
      metadata.name !== 'metaipam-delete-protection',
  );
  const manifest = objects.map((object) => dump(object)).join('---\n');
  const local = manifest.replaceAll(HOOKS, `http://127.0.0.1:${hooksPort}/hooks/`);
  await plane.kubectl(['apply', '--server-side', '--filename=-'], local);
  return objects.find(({ kind }) => kind === 'PodNetwork')!;
}

/** Takes away whatever a user left, by force: nobody is there any more who could. */
export async function wipe(plane: ControlPlane, network: Unstructured): Promise<void> {
  await eventually('what a test left to go', async () => {
    const left = await Promise.all([...MADE_BY_TESTS, ...LEASES].map((path) => wipeList(plane, path)));
    return left.every((count) => count === 0);
  });
  const { status } = await plane.api('POST', NETWORKS, network);
  if (status !== 201) throw new Error(`PodNetwork: ${status}`);
}

/** How many objects there were. */
async function wipeList(plane: ControlPlane, path: string): Promise<number> {
  const { items } = (await plane.api('GET', path)).body as { items: Unstructured[] };
  const resource = path.slice(path.lastIndexOf('/') + 1);
  const group = path.replace(/(\/namespaces\/[^/]+)?\/[^/]+$/, '');
  await Promise.all(
    items.map(async ({ metadata: { namespace, name, finalizers } }) => {
      const object = `${group}${namespace ? `/namespaces/${namespace}` : ''}/${resource}/${name}`;
      if (finalizers?.length) {
        const patch = { metadata: { finalizers: null } };
        await plane.api('PATCH', object, patch, 'application/merge-patch+json');
      }
      await plane.api('DELETE', object);
    }),
  );
  return items.length;
}
