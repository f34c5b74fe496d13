/** What the examples come to, and a source of pages whose objects a test can change. */
import { loadControllers } from '../../lib/cli/controllers.ts';
import { loadManifests } from '../../lib/cli/manifests.ts';
import { applyAll, createWorld } from '../../lib/cli/world.ts';
import type { KubernetesObject } from '../../lib/kubernetes/object.ts';
import { DEFAULT_CONFIG } from '../../lib/metacontroller/hook.ts';
import { LiveSource } from '../../lib/page/source.ts';

export async function playedExamples(): Promise<{ objects: KubernetesObject[]; now: number }> {
  const { objects } = await loadManifests(['examples'], process.stdin);
  const cluster = createWorld(await loadControllers());
  applyAll(cluster, objects);
  cluster.settle();
  return { objects: cluster.objects(), now: cluster.now };
}

/** A source as of a live cluster. */
export class TestSource extends LiveSource {
  objects: readonly KubernetesObject[];
  trouble: string[] = [];
  synced = true;

  constructor(objects: readonly KubernetesObject[], now: number) {
    super(DEFAULT_CONFIG, () => now);
    this.objects = objects;
    const source = this;
    this.connect({
      objects: () => [...source.objects],
      problems: () => source.trouble,
      get synced() {
        return source.synced;
      },
    });
  }

  change(...more: KubernetesObject[]): void {
    this.objects = [...this.objects, ...more];
    this.changed();
  }
}
