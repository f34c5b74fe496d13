import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { generateReference, REFERENCE } from '../../crds/generate/reference.ts';
import { loadControllers } from '../../lib/cli/controllers.ts';
import { parseManifests } from '../../lib/cli/manifests.ts';
import { applyAll, createWorld } from '../../lib/cli/world.ts';
import * as names from '../../lib/kubernetes/names.ts';
import { type KubernetesObject, qualifiedName } from '../../lib/kubernetes/object.ts';
import { readCustomResourceDefinitions } from '../../lib/kubernetes/schema.ts';
import { parsePage, ROOT } from './pages.ts';

const text = readFileSync(REFERENCE, 'utf8');
const crds = readCustomResourceDefinitions();
const section = (title: string) => {
  const found = new RegExp(`^## ${title}\\n([\\s\\S]*?)(?=^## |(?![\\s\\S]))`, 'm').exec(text);
  return found![1]!;
};
/** The cells of the tables of a section, without their rulers. */
const cells = (title: string) =>
  [...section(title).matchAll(/^\|(.*)\|$/gm)].map(([, row = '']) =>
    row.split('|').map((cell) => cell.trim()),
  );

test('docs/reference.md is what npm run generate makes of the CRDs', () => {
  assert.is(generateReference(text, crds), text);
});

test('every kind has its fields there, and an example', () => {
  const examples = new Set(objectsOf(text).map(({ kind }) => kind));
  for (const { spec } of crds) {
    const { kind } = spec.names;
    assert.ok(examples.has(kind), kind);
    // Two pools differ in scope and name only: test/crds sees to that.
    if (!kind.startsWith('Global')) assert.match(text, `<!-- fields of ${kind} -->\n\n`);
  }
});

test('a kind that has no CRD is an error', () => {
  assert.throws(
    () => generateReference('<!-- fields of Pool -->\n<!-- end -->', crds),
    /no CRD is of kind Pool/,
  );
});

test('the examples of what metaipam writes are what the other examples bring about', async () => {
  const written = new Set(['IPAddress', 'AllocationSlice', 'PodCIDRClaim']);
  const examples = objectsOf(text);
  const node = {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'worker-1', labels: { 'node-size': 'large' } },
  };
  const cluster = createWorld(await loadControllers());
  const given = [...examples.filter(({ kind }) => !written.has(kind)), node];
  assert.equal(
    applyAll(
      cluster,
      given.map((object) => ({ source: 'reference', object })),
    ),
    [],
  );
  cluster.settle();
  const found = new Map(
    cluster.objects().map((object) => [`${object.kind} ${qualifiedName(object.metadata)}`, object]),
  );
  for (const example of examples.filter(({ kind }) => written.has(kind))) {
    const { metadata, ...rest } = found.get(`${example.kind} ${qualifiedName(example.metadata)}`)!;
    const { 'controller-uid': _, ...labels } = metadata.labels ?? {};
    const { labels: expectedLabels = {}, ...expectedMetadata } = example.metadata;
    assert.equal(Object.keys(expectedMetadata).sort(), metadata.namespace ? ['name', 'namespace'] : ['name']);
    assert.equal(anonymous(labels), anonymous(expectedLabels));
    assert.equal(anonymous(rest), anonymous({ ...example, metadata: undefined }));
  }
});

test('every annotation and label that metaipam knows is there, and no other of its own', () => {
  const known = (Object.values(names) as string[]).filter(
    (name) =>
      /^[a-z.0-9-]+\/[a-z0-9-]+$/.test(name) &&
      !/\/v\d/.test(name) &&
      ![names.CLAIMS_FINALIZER, names.KUBECTL_APPLIED_ANNOTATION].includes(name),
  );
  const shown = cells('Annotations and labels').flatMap(([keys = '']) =>
    [...keys.matchAll(/`([^`]+)`/g)].map(([, key]) => key),
  );
  assert.equal(
    known.filter((name) => !shown.includes(name)),
    [],
  );
  assert.equal(
    shown.filter((name) => !known.includes(name!)),
    [
      'ipam.cluster.x-k8s.io/skip-validate-delete-webhook',
      'claim.metaipam.io/<uid>',
      'kube-node.nordix.org/<network>',
    ],
  );
});

test('every reason that a condition can have is there, and no other', () => {
  const sources = [
    'hooks/*.ts',
    'lib/{allocation,claim,pool,pod-network}/*.ts',
    'lib/kubernetes/pool-kinds.ts',
  ];
  // What a pool answers to a claim that leaves is no condition.
  const found = reasonsIn(sources).filter((reason) => reason !== 'NothingHeld');
  assert.equal(found, reasonsOf('Conditions', 3));
});

test('every event is there, and no other', () => {
  assert.equal([...reasonsIn(['lib/{binder,cluster}/*.ts']), 'SyncError'], reasonsOf('Events', 2));
});

function reasonsOf(title: string, column: number): string[] {
  const reasons = cells(title).flatMap((row) =>
    [...(row[column] ?? '').matchAll(/`(\w+)`/g)].map(([, reason = '']) => reason),
  );
  return [...new Set(reasons)].sort();
}

/** Reasons are literals: of objects, types, and the few functions that take one. */
function reasonsIn(patterns: readonly string[]): string[] {
  const source = patterns
    .flatMap((pattern) => globSync(pattern, { cwd: ROOT }))
    .map((file) => readFileSync(join(ROOT, file), 'utf8'))
    .join('\n');
  const found = source.matchAll(
    /(?:reason: |[?:] \[|unready\(|obstacle\(|refuse\(claim, )((?:'[A-Z]\w+'(?: \| )?)+)/g,
  );
  const reasons = [...found].flatMap(([, literals = '']) =>
    [...literals.matchAll(/\w+/g)].map(([word]) => word),
  );
  return [...new Set(reasons)].sort();
}

function objectsOf(page: string): KubernetesObject[] {
  return parsePage('docs/reference.md', page)
    .blocks.filter(({ language }) => language === 'yaml')
    .flatMap(({ place, text }) => parseManifests(text, place).objects.map(({ object }) => object));
}

/** Without uids and times. */
function anonymous(value: object): unknown {
  return JSON.parse(
    JSON.stringify(value)
      .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'uid')
      .replaceAll(/"2026-[^"]*Z"/g, '"time"'),
  );
}

test.run();
