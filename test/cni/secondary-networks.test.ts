/** Pods of secondary networks, of which hooks in memory gave nodes their blocks. */
import { loadAll } from 'js-yaml';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { controllers } from '../../hooks/index.ts';
import { createWorld } from '../../lib/cli/world.ts';
import type { Unstructured } from '../../lib/engine/object.ts';
import { canMakeNamespaces, withTools } from './kit.ts';
import { MACHINE_TOOLS, removeMachines } from './machine.ts';
import { registerSecondaryNetworks } from './secondary-networks.ts';

const cluster = createWorld(controllers);
const find = (kind: string, name: string) =>
  cluster.objects().find((object) => object.kind === kind && object.metadata.name === name)!;
function applyAll(...objects: Unstructured[]): void {
  for (const object of objects) {
    const { error } = cluster.apply(object);
    assert.is(error, undefined, error?.message);
    cluster.settle();
  }
}

test.after(removeMachines);
await withTools(
  'pods of secondary networks',
  MACHINE_TOOLS,
  () =>
    registerSecondaryNetworks(test, {
      apply: async (yaml) => applyAll(...(loadAll(yaml) as Unstructured[])),
      node: async (name) => find('Node', name),
      change: async (name, spec) => {
        const network = find('PodNetwork', name) as Unstructured & { spec: object };
        const { apiVersion, kind } = network;
        applyAll({
          apiVersion,
          kind,
          metadata: { name },
          spec: { ...network.spec, ...spec },
        } as Unstructured);
      },
      until: async (what, isSo) => assert.ok(await isSo(), what),
    }),
  () => (canMakeNamespaces() ? [] : ['root, or right to make network namespaces']),
);
test.run();
