/** The component host-network: one pod for Metacontroller and metaipam, with rights for what they do and no more. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { dump, loadAll } from 'js-yaml';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ControlPlane, freePorts } from './control-plane.ts';
import { established, prepare, smoke, startServer, tryPod } from './smoke.ts';

const ROOT = join(import.meta.dirname, '../..');
const METACONTROLLER = join(ROOT, 'metacontroller');

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels?: Record<string, string> };
  // biome-ignore lint/suspicious/noExplicitAny: manifests of several kinds
  readonly spec: any;
}

const test = suite('host-network', {
  plane: undefined as ControlPlane | undefined,
  objects: [] as Manifest[],
});
test.before(async (context) => {
  context.plane = await ControlPlane.start();
  await prepare(context.plane);
  context.objects = loadAll(
    await context.plane.kubectl(['kustomize', join(ROOT, 'test/kind')]),
  ) as Manifest[];
});
test.after(({ plane }) => plane?.stop());

/** The install with some components, as an overlay has it. */
async function render(plane: ControlPlane, components: readonly string[]): Promise<Manifest[]> {
  const folder = join(plane.dir, components.join('-'));
  mkdirSync(folder);
  const overlay = {
    resources: [relative(folder, METACONTROLLER)],
    components: components.map((name) => relative(folder, join(METACONTROLLER, name))),
  };
  writeFileSync(join(folder, 'kustomization.yaml'), dump(overlay));
  return loadAll(await plane.kubectl(['kustomize', folder])) as Manifest[];
}

const deployment = (objects: readonly Manifest[]) => objects.find(({ kind }) => kind === 'Deployment')!.spec;

test('every hook is called at the address where the pod listens', async ({ plane }) => {
  for (const [components, count] of [
    [['host-network'], 24],
    [['ipam-claims', 'cluster-api-v1beta1', 'host-network'], 28],
  ] as const) {
    const objects = await render(plane!, components);
    const [metaipam, metacontroller] = deployment(objects).template.spec.containers;
    assert.is(metaipam.name, 'metaipam');
    assert.is(metaipam.args.includes('--cluster-api-version=v1beta1'), components.length > 1);
    assert.is(metacontroller.name, 'metacontroller');
    const address = metaipam.args[1].replace('--hooks-bind-address=', '');
    assert.is(address, '127.0.0.1:8080');
    const hooks = objects.flatMap(({ spec }) => Object.values(spec?.hooks ?? {})) as {
      webhook: { url: string };
    }[];
    assert.is(hooks.length, count);
    for (const { webhook } of hooks)
      assert.ok(webhook.url.startsWith(`http://${address}/hooks/`), webhook.url);
    assert.not(objects.some(({ kind }) => kind === 'Service'));
  }
});

test('the pod has its namespace say that it is privileged, and is otherwise as before', async ({
  plane,
  objects,
}) => {
  const { template } = deployment(objects);
  const namespace = objects.find(({ kind }) => kind === 'Namespace')!;
  const standard = namespace.metadata.labels!['pod-security.kubernetes.io/enforce']!;
  assert.is(standard, 'privileged');
  assert.is(await tryPod(plane!, standard, template), 'admitted');
  const complaint = await tryPod(plane!, 'restricted', template);
  assert.match(complaint, 'host namespaces (hostNetwork=true)');
  assert.not.match(complaint, /allowPrivilegeEscalation|capabilities|runAsNonRoot|seccompProfile/);
});

test('it works with the rights that it brings', async ({ plane, objects }) => {
  const [hooksPort, webPort] = await freePorts(2);
  const text = objects.map((object) => dump(object)).join('---\n');
  const crds = objects.filter(({ kind }) => kind === 'CustomResourceDefinition');
  await plane!.kubectl(['apply', '--server-side', '-f', '-'], crds.map((crd) => dump(crd)).join('---\n'));
  await established(plane!);
  // Other runs of this test have a port 8080 too.
  const local = text.replaceAll('127.0.0.1:8080', `127.0.0.1:${hooksPort}`);
  await plane!.kubectl(['apply', '--server-side', '-f', '-'], local);
  await plane!.startControllerManager();

  const [metaipam, metacontroller] = deployment(loadAll(local) as Manifest[]).template.spec.containers;
  const script = join(ROOT, 'lib/cli/metaipam.ts');
  await startServer(plane!, script, metaipam.args.slice(1), webPort!);
  const own = metacontroller.args.filter((arg: string) => !arg.startsWith('--health-probe-bind-address='));
  const engine = await plane!.startMetacontroller('metacontroller', [
    ...own,
    `--kubeconfig=${serviceAccountKubeconfig(plane!)}`,
    '--leader-election-namespace=metaipam-system',
  ]);
  await smoke(plane!);
  const log = readFileSync(engine.log, 'utf8');
  assert.match(log, 'Successfully acquired lease');
  assert.not.match(log, /forbidden/i);
});

test.run();

/** The kubeconfig of the control plane, with the rights of the pod's service account. */
function serviceAccountKubeconfig({ kubeconfig, dir }: ControlPlane): string {
  const config = JSON.parse(readFileSync(kubeconfig, 'utf8'));
  for (const { user } of config.users) user.as = 'system:serviceaccount:metaipam-system:metaipam';
  const file = join(dir, 'kubeconfig-of-the-pod');
  writeFileSync(file, JSON.stringify(config));
  return file;
}
