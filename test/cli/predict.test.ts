import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { controllers } from '../../hooks/index.ts';
import { predict } from '../../lib/cli/predict.ts';
import { createWorld } from '../../lib/cli/world.ts';
import type { Unstructured } from '../../lib/engine/object.ts';
import { effectsOf } from '../../lib/inspect/preview/preview.ts';
import type { KubernetesObject } from '../../lib/kubernetes/object.ts';
import { DEFAULT_CONFIG } from '../../lib/metacontroller/hook.ts';

const CAPI = 'ipam.cluster.x-k8s.io';
const pick = (...names: string[]) => fc.constantFrom(...names);
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const octet = fc.integer({ min: 0, max: 20 });

const anyPool = fc
  .record({
    name: pick('p', 'q'),
    first: octet,
    size: fc.integer({ min: 0, max: 6 }),
    excluded: maybe(octet),
    gateway: maybe(octet),
    paused: fc.boolean(),
  })
  .map(({ name, first, size, excluded, gateway, paused }) => ({
    apiVersion: `${CAPI}/v1alpha2`,
    kind: 'InClusterIPPool',
    metadata: { name, ...(paused && first === 0 && { annotations: { 'cluster.x-k8s.io/paused': '' } }) },
    spec: {
      addresses: [`10.0.0.${first}-10.0.0.${first + size}`],
      prefix: 24,
      ...(excluded !== undefined && { excludedAddresses: [`10.0.0.${excluded}`] }),
      ...(gateway !== undefined && { gateway: `10.0.0.${gateway}` }),
    },
  }));
const anyClaim = fc
  .record({ name: pick('a', 'b', 'c', 'd', 'e', 'f'), pool: pick('p', 'q', 'nowhere'), asks: maybe(octet) })
  .map(({ name, pool, asks }) => ({
    apiVersion: `${CAPI}/v1beta2`,
    kind: 'IPAddressClaim',
    metadata: {
      name: `${name}-${pool}`,
      ...(asks !== undefined && { annotations: { 'metaipam.io/requested-address': `10.0.0.${asks}` } }),
    },
    spec: { poolRef: { apiGroup: CAPI, kind: 'InClusterIPPool', name: pool } },
  }));
const anyClusterCIDR = fc
  .record({
    second: fc.integer({ min: 0, max: 3 }),
    bits: fc.integer({ min: 7, max: 8 }),
    selects: fc.boolean(),
  })
  .map(({ second, bits, selects }) => ({
    apiVersion: 'networking.x-k8s.io/v1',
    kind: 'ClusterCIDR',
    metadata: { name: `cc-${second}-${bits}-${selects}` },
    spec: {
      perNodeHostBits: bits,
      ipv4: `10.${second}.0.0/23`,
      ...(selects && {
        nodeSelector: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'gpu', operator: 'Exists' }] }] },
      }),
    },
  }));
const anyNode = fc.record({ name: pick('n1', 'n2', 'n3', 'n4'), gpu: fc.boolean() }).map(({ name, gpu }) => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name: `${name}-${gpu}`, labels: gpu ? { gpu: '' } : { cpu: '' } },
}));
const anyManifests = fc
  .array(fc.oneof(anyPool, anyClaim, anyClaim, anyClusterCIDR, anyNode), { maxLength: 14 })
  .map((objects) => (objects as KubernetesObject[]).map(noted));

/** As `kubectl apply` leaves it: with a note of what was applied. */
function noted(object: KubernetesObject): KubernetesObject {
  const note = { 'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify(object) };
  const annotations = { ...object.metadata.annotations, ...note };
  return { ...object, metadata: { ...object.metadata, annotations } };
}
const sourced = (objects: readonly KubernetesObject[]) =>
  objects.map((object) => ({ file: 'x', object, lineOf: () => 1 }));
/** A cluster of this project's own making, with uids unlike those of a prediction. */
function clusterOf(objects: readonly KubernetesObject[]) {
  const world = createWorld(controllers);
  for (const object of objects) world.apply(object as Unstructured);
  world.settle();
  return world;
}
const predictIn = (
  world: ReturnType<typeof createWorld>,
  applied: readonly KubernetesObject[],
  deleted: readonly KubernetesObject[] = [],
) =>
  predict(controllers, world.objects(), sourced(applied), sourced(deleted), {
    now: world.now,
    config: DEFAULT_CONFIG,
  });

test('what is there already changes nothing: neither the manifests nor all objects as they are', () => {
  fc.assert(
    fc.property(anyManifests, (manifests) => {
      const world = clusterOf(manifests);
      const last = new Map(manifests.map((object) => [`${object.kind} ${object.metadata.name}`, object]));
      for (const applied of [[...last.values()], world.objects()]) {
        const { changes, effects, refused, unrest } = predictIn(world, applied);
        assert.equal(
          changes.filter(({ action }) => action !== 'none'),
          [],
        );
        assert.equal([...effects, ...refused, ...unrest], []);
      }
    }),
    { numRuns: 20 },
  );
});

test('what is predicted comes to pass', () => {
  fc.assert(
    fc.property(
      anyManifests,
      anyManifests,
      fc.array(fc.nat(13), { maxLength: 4 }),
      (manifests, next, picks) => {
        const world = clusterOf(manifests);
        const before = world.objects();
        const deleted = [...new Set(picks)].flatMap((index) => manifests[index] ?? []);
        const predicted = predictIn(world, next, deleted);
        for (const object of next) world.apply(object as Unstructured);
        for (const { apiVersion, kind, metadata } of deleted)
          world.delete({ apiVersion, kind, name: metadata.name });
        world.settle();
        const context = { now: world.now, config: DEFAULT_CONFIG };
        assert.equal(predicted.effects, effectsOf(before, world.objects(), context));
      },
    ),
    { numRuns: 40 },
  );
});

test('what is pending anyway is no effect', () => {
  const world = createWorld(controllers);
  const claim = (name: string) => ({
    apiVersion: `${CAPI}/v1beta2`,
    kind: 'IPAddressClaim',
    metadata: { name },
    spec: { poolRef: { apiGroup: CAPI, kind: 'InClusterIPPool', name: 'p' } },
  });
  const pool = {
    apiVersion: `${CAPI}/v1alpha2`,
    kind: 'InClusterIPPool',
    metadata: { name: 'p' },
    spec: { addresses: ['10.0.0.1-10.0.0.3'], prefix: 24 },
  };
  for (const object of [pool, claim('a'), claim('b')]) world.apply(object);
  const { changes, effects } = predictIn(world, [claim('c')]);
  assert.equal(changes, [{ action: 'create', object: 'IPAddressClaim default/c', fields: [] }]);
  assert.equal(
    effects.map(({ object, message }) => `${object}: ${message}`),
    ['InClusterIPPool default/p: has no free address left', 'IPAddressClaim default/c: gets 10.0.0.3'],
  );
});

test('a deletion that has to wait says for whom', () => {
  const world = clusterOf([
    {
      apiVersion: `${CAPI}/v1alpha2`,
      kind: 'GlobalInClusterIPPool',
      metadata: { name: 'g', annotations: { [`${CAPI}/skip-validate-delete-webhook`]: '' } },
      spec: { addresses: ['10.0.0.1'], prefix: 24 },
    },
    {
      apiVersion: `${CAPI}/v1beta2`,
      kind: 'IPAddressClaim',
      metadata: { name: 'a', namespace: 'team' },
      spec: { poolRef: { apiGroup: CAPI, kind: 'GlobalInClusterIPPool', name: 'g' } },
    },
  ] as object[] as KubernetesObject[]);
  const [pool] = world.objects('GlobalInClusterIPPool');
  const { changes, effects } = predictIn(world, [], [pool!, { ...pool!, metadata: { name: 'not-there' } }]);
  assert.equal(changes, [
    {
      action: 'delete',
      object: 'GlobalInClusterIPPool g',
      fields: [],
      heldBy: ['metacontroller.io/compositecontroller-global-pools'],
    },
  ]);
  assert.equal(
    effects.map(({ effect, object }) => `${effect} ${object}`),
    ['state GlobalInClusterIPPool g'],
  );
});

test('a field that the new version leaves out goes', () => {
  const pool = (spec: object) =>
    ({
      apiVersion: `${CAPI}/v1alpha2`,
      kind: 'InClusterIPPool',
      metadata: { name: 'p' },
      spec: { addresses: ['10.0.0.1-10.0.0.3'], prefix: 24, ...spec },
    }) as KubernetesObject;
  const world = clusterOf([pool({ gateway: '10.0.0.1' })]);
  const { changes } = predictIn(world, [pool({})]);
  assert.equal(changes[0]!.fields, ['spec.gateway: "10.0.0.1" becomes unset']);
});

test('a pool that comes to serve some namespaces: who has an address keeps it, others wait', () => {
  const claimIn = (namespace: string) => ({
    apiVersion: `${CAPI}/v1beta2`,
    kind: 'IPAddressClaim',
    metadata: { name: 'c', namespace },
    spec: { poolRef: { apiGroup: CAPI, kind: 'GlobalInClusterIPPool', name: 'p' } },
  });
  const poolWith = (more: object) => ({
    apiVersion: `${CAPI}/v1alpha2`,
    kind: 'GlobalInClusterIPPool',
    metadata: { name: 'p' },
    spec: { addresses: ['10.0.0.1-10.0.0.9'], prefix: 24, ...more },
  });
  const world = createWorld(controllers);
  for (const object of [poolWith({}), claimIn('a')]) world.apply(object as Unstructured);
  world.settle();
  const named = { matchLabels: { 'kubernetes.io/metadata.name': 'b' } };
  const applied = [poolWith({ allowedNamespaces: named }), claimIn('b'), claimIn('x')];
  const { effects } = predict(
    controllers,
    world.objects() as object[] as KubernetesObject[],
    applied.map((object) => ({ file: 'f', object, lineOf: () => 1 })),
    [],
    { now: world.now, config: DEFAULT_CONFIG },
  );
  assert.equal(
    effects.map(({ object, message }) => `${object} ${message}`),
    [
      'IPAddressClaim b/c gets 10.0.0.2',
      'IPAddressClaim x/c waits: NamespaceNotAllowed: GlobalInClusterIPPool p serves only namespaces that its allowedNamespaces select, and x is none of them',
    ],
  );
});

test('a Namespace that the state uses is there, though it lists none; of ConfigMaps nobody knows', () => {
  const world = clusterOf([
    {
      apiVersion: `${CAPI}/v1alpha2`,
      kind: 'InClusterIPPool',
      metadata: { name: 'p', namespace: 'team' },
      spec: { addresses: ['10.0.0.1-10.0.0.9'], prefix: 24 },
    } as KubernetesObject,
    {
      apiVersion: `${CAPI}/v1beta2`,
      kind: 'IPAddressClaim',
      metadata: { name: 'c', namespace: 'team' },
      spec: { poolRef: { apiGroup: CAPI, kind: 'InClusterIPPool', name: 'p' } },
    } as KubernetesObject,
  ]);
  const namespace = (name: string) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  const configMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x', namespace: 'team' } };
  const applied = predictIn(world, [namespace('team'), namespace('new'), configMap]);
  const said = ({ changes }: typeof applied) => changes.map(({ action, object }) => `${action} ${object}`);
  assert.equal(said(applied), ['none Namespace team', 'create Namespace new']);
  assert.is(applied.unknown, 1);
  const { effects, ...deleted } = predictIn(world, [], [namespace('team'), namespace('new'), configMap]);
  assert.equal(said(deleted as typeof applied), ['delete Namespace team']);
  assert.equal(
    effects.map(({ object, message }) => `${object} ${message}`),
    ['IPAddressClaim team/c lets go of 10.0.0.1'],
  );
});

test.run();
