/** Examples, or other manifests, played through the real HTTP hooks of a server, as Metacontroller would. */
import { loadControllers } from '../../lib/cli/controllers.ts';
import { readInstall } from '../../lib/cli/install-manifests.ts';
import { loadManifests } from '../../lib/cli/manifests.ts';
import { applyAll } from '../../lib/cli/world.ts';
import { Cluster } from '../../lib/engine/cluster.ts';
import type { ControllerConfig } from '../../lib/engine/controller-config.ts';
import type { HookRegistry } from '../../lib/engine/hook-server.ts';
import { NodeBinder } from '../../lib/engine/node-binder.ts';
import type { Unstructured } from '../../lib/engine/object.ts';
import type { HookCall } from '../../lib/engine/task.ts';
import type { KubernetesObject } from '../../lib/kubernetes/object.ts';
import { readCustomResourceDefinitions } from '../../lib/kubernetes/schema.ts';
import { type TestServer, testServer } from '../server/fixture.ts';

/** A server with its page, which has answered every call that these objects lead to. */
export async function playedServer(objects: readonly KubernetesObject[]): Promise<TestServer> {
  const controllers = await loadControllers();
  const server = await testServer(controllers, 2 ** 29, undefined, { replica: 'metaipam-0' });
  for (const { controller, hook, body } of callsFor(controllers as HookRegistry, objects)) {
    const { status, text } = await server.post(`/hooks/${controller}/${hook}`, body);
    if (status !== 200) throw new Error(`${controller}/${hook}: ${text}`);
  }
  return server;
}

export async function examples(): Promise<KubernetesObject[]> {
  const { objects } = await loadManifests(['examples'], process.stdin);
  return objects.map(({ object }) => object);
}

/** The hook calls of a simulated cluster, in their order. */
function callsFor(hooks: HookRegistry, objects: readonly KubernetesObject[]): HookCall[] {
  const calls: HookCall[] = [];
  const install = readInstall() as Unstructured[];
  const cluster = new Cluster({
    crds: readCustomResourceDefinitions(),
    hooks,
    controllers: install.filter(({ kind }) => /Controller$/.test(kind)) as object[] as ControllerConfig[],
    reconcilers: { binder: (environment) => new NodeBinder(environment) },
    now: Date.now(),
    observe: ({ step }) => {
      if (step.kind === 'hook') calls.push(step.call);
    },
  });
  for (const object of install) if (object.kind === 'PodNetwork') cluster.apply(object);
  applyAll(
    cluster,
    objects.map((object) => ({ source: 'test', object })),
  );
  cluster.settle();
  return calls;
}
