import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { load } from 'js-yaml';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { SchemaRules } from '../../lib/kubernetes/cel/rules.ts';
import { readCustomResourceDefinitions, type Schema } from '../../lib/kubernetes/schema.ts';

interface Version {
  name: string;
  schema: { openAPIV3Schema: Schema };
  additionalPrinterColumns: { name: string; jsonPath: string; type: string; priority?: number }[];
}

const CRDS = join(import.meta.dirname, '../../crds');
const crds = readCustomResourceDefinitions();
const versions = crds.flatMap((crd) =>
  (crd.spec.versions as unknown as Version[]).map((version) => ({ kind: crd.spec.names.kind, ...version })),
);
const of = (kind: string, name?: string) =>
  versions.find((version) => version.kind === kind && (name === undefined || version.name === name))!;

/** Every schema below `schema` with its path, without what is below `metadata`. */
function* fields(schema: Schema, path: string): Generator<[string, Schema]> {
  yield [path, schema];
  for (const [key, property] of Object.entries(schema.properties ?? {})) {
    if (key !== 'metadata') yield* fields(property, `${path}.${key}`);
  }
  if (schema.items) yield* fields(schema.items, `${path}[]`);
}

test('every field has a type, and every field but an item of a list of texts a description', () => {
  let count = 0;
  for (const { kind, name, schema } of versions) {
    for (const [path, field] of fields(schema.openAPIV3Schema, `${kind} ${name}`)) {
      count++;
      assert.ok(field.type, path);
      assert.ok(field.description || (path.endsWith('[]') && field.type === 'string'), path);
    }
  }
  assert.ok(count > 200);
});

test('every rule in CEL can be evaluated here', () => {
  for (const { kind, name, schema } of versions) {
    assert.not.throws(() => new SchemaRules(schema.openAPIV3Schema), undefined, `${kind} ${name}`);
  }
});

test('conditions are maps by type', () => {
  const lists = versions.flatMap(({ kind, name, schema }) =>
    name === 'v1beta1' ? [] : [...fields(schema.openAPIV3Schema, kind)],
  );
  const conditions = lists.filter(([path]) => path.endsWith('.status.conditions'));
  assert.is(conditions.length, 9);
  for (const [path, list] of conditions) assert.equal(list['x-kubernetes-list-map-keys'], ['type'], path);
});

test('printer columns show fields that exist', () => {
  for (const { kind, name, schema, additionalPrinterColumns } of versions) {
    assert.is(additionalPrinterColumns.at(-1)?.name, 'Age', kind);
    const paths = new Set([...fields(schema.openAPIV3Schema, '')].map(([path]) => path));
    for (const { jsonPath } of additionalPrinterColumns) {
      if (jsonPath === '.metadata.creationTimestamp') continue;
      const plain = jsonPath.replace('[?(@.type=="Ready")]', '[]');
      assert.ok(paths.has(plain), `${kind} ${name}: ${jsonPath}`);
    }
  }
});

test('the pools differ in scope and name, and in whom they serve', () => {
  for (const kind of ['InClusterIPPool', 'InClusterPrefixPool']) {
    const [pool, globalPool] = [of(kind), of(`Global${kind}`)];
    const { description: _, ...schema } = pool.schema.openAPIV3Schema;
    const { description: __, ...globalSchema } = globalPool.schema.openAPIV3Schema;
    const { spec, ...others } = globalSchema.properties!;
    const { allowedNamespaces, ...fields } = spec!.properties!;
    assert.ok(allowedNamespaces);
    const properties = { ...others, spec: { ...spec, properties: fields } };
    assert.equal(schema, { ...globalSchema, properties });
    assert.equal(pool.additionalPrinterColumns, globalPool.additionalPrinterColumns);
  }
});

test('the columns of a pool are the ones a person wants', () => {
  const shown = of('InClusterIPPool').additionalPrinterColumns.filter(({ priority = 0 }) => priority === 0);
  assert.equal(
    shown.map(({ name }) => name),
    ['Total', 'Used', 'Free', 'Ready', 'Age'],
  );
});

test('without a conversion webhook, both versions of Cluster API have the same spec and share addressRef', () => {
  for (const kind of ['IPAddressClaim', 'IPAddress']) {
    const names = (version: string) => {
      const { spec } = of(kind, version).schema.openAPIV3Schema.properties!;
      return [...fields(spec!, '')].map(([path, { type }]) => `${path} ${type}`).sort();
    };
    assert.equal(names('v1beta1'), names('v1beta2'), kind);
  }
  const status = (version: string) =>
    of('IPAddressClaim', version).schema.openAPIV3Schema.properties!.status!;
  assert.is(status('v1beta1').properties?.addressRef?.properties?.name?.type, 'string');
  assert.is(status('v1beta2').properties?.addressRef?.properties?.name?.type, 'string');
});

test('kustomization.yaml names every CRD of its folder', () => {
  const named = ['.', 'cluster-api'].flatMap((folder) => {
    const text = readFileSync(join(CRDS, folder, 'kustomization.yaml'), 'utf8');
    return (load(text) as { resources: string[] }).resources.map((file) => join(CRDS, folder, file));
  });
  for (const file of named) assert.ok(existsSync(file), file);
  assert.is(named.length, crds.length);
  assert.is(crds.length, 10);
});

test.run();
