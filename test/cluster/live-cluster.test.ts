import { ApiException } from '@kubernetes/client-node';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { ClusterClient } from '../../lib/cluster/cluster-client.ts';
import { LiveCluster } from '../../lib/cluster/live-cluster.ts';

interface Opened {
  readonly path: string;
  synced: boolean;
  objects: object[];
  readonly changed: () => void;
  readonly failed: (error: unknown) => void;
}

/** Watches that a test answers. */
function world(options: Partial<ConstructorParameters<typeof LiveCluster>[1]> = {}) {
  const opened: Opened[] = [];
  const client = {
    watch(path: string, _: unknown, changed: () => void, failed: (error: unknown) => void) {
      const one: Opened = { path, synced: false, objects: [], changed, failed };
      opened.push(one);
      return {
        list: () => one.objects,
        get synced() {
          return one.synced;
        },
      };
    },
  } as object as Pick<ClusterClient, 'watch'>;
  let changes = 0;
  const signal = new AbortController().signal;
  const cluster = new LiveCluster(
    client,
    { clusterApiVersion: 'v1beta2', ...options },
    () => changes++,
    signal,
  );
  const of = (plural: string) => opened.find(({ path }) => path.endsWith(`/${plural}`))!;
  const sync = (one: Opened, ...objects: object[]) => {
    one.synced = true;
    one.objects = objects;
    one.changed();
  };
  return { cluster, opened, of, sync, changes: () => changes };
}
const refused = (code: number, message: string) =>
  new ApiException(code, message, JSON.stringify({ message }), {});

test('one watch a kind, in the version that is asked for', () => {
  const paths = world({ clusterApiVersion: 'v1beta1' }).opened.map(({ path }) => path);
  assert.ok(paths.includes('/apis/ipam.cluster.x-k8s.io/v1beta1/ipaddressclaims'), `${paths}`);
  assert.ok(paths.includes('/apis/ipam.cluster.x-k8s.io/v1alpha2/inclusterippools'));
  assert.ok(paths.includes('/api/v1/nodes'));
  assert.is(new Set(paths).size, paths.length);
  const some = world({ namespace: 'team' }).opened.map(({ path }) => path);
  assert.ok(
    some.every((path) => path.includes('/namespaces/team/')),
    `${some}`,
  );
});

test('complete when every kind is listed, or is not there', () => {
  const { cluster, opened, of, sync, changes } = world();
  for (const one of opened.slice(1)) sync(one, { path: one.path });
  assert.not(cluster.synced);
  opened[0]!.failed(refused(404, 'the server could not find the requested resource'));
  assert.ok(cluster.synced);
  assert.equal(cluster.problems(), []);
  assert.is(cluster.objects().length, opened.length - 1);
  assert.is(changes(), opened.length);
  assert.ok(of('nodes'));
});

test('what is forbidden is said, and no longer when it is not', () => {
  const { cluster, opened, of, sync } = world();
  for (const one of opened) sync(one);
  of('nodes').failed(refused(403, 'nodes is forbidden'));
  assert.equal(cluster.problems(), ['nodes: nodes is forbidden']);
  assert.equal(cluster.forbidden(), ['nodes']);
  assert.ok(cluster.synced);
  assert.ok(cluster.seesSome);
  sync(of('nodes'), {});
  assert.equal([cluster.problems(), cluster.forbidden()], [[], []]);
});

test('one sentence for all that fails alike', () => {
  const { cluster, of, sync, opened } = world();
  for (const one of opened) sync(one);
  for (const plural of ['nodes', 'podnetworks']) of(plural).failed(refused(403, `${plural} is forbidden`));
  for (const plural of ['ipaddresses', 'clustercidrs']) of(plural).failed(new Error('fetch failed'));
  assert.equal(cluster.problems(), [
    'ipaddresses, clustercidrs: fetch failed',
    'podnetworks: podnetworks is forbidden; nor nodes',
  ]);
  assert.equal(cluster.unseen(), []);
});

test.run();
