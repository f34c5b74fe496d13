import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { generateTypes } from '../../crds/generate/types.ts';
import { type CustomResourceDefinition, readCustomResourceDefinitions } from '../../lib/kubernetes/schema.ts';

test('types.ts is what npm run generate makes of the CRDs', async () => {
  const checkedIn = readFileSync(new URL('../../lib/kubernetes/types.ts', import.meta.url), 'utf8');
  assert.is(await generateTypes(readCustomResourceDefinitions()), checkedIn);
});

test('two fields that share a type must have the same shape', async () => {
  const crds = structuredClone(readCustomResourceDefinitions()) as CustomResourceDefinition[];
  const pool = crds.find((crd) => crd.spec.names.kind === 'InClusterPrefixPool')!;
  const status = pool.spec.versions[0]?.schema.openAPIV3Schema.properties?.status?.properties as object;
  Object.assign(status, { extra: { type: 'string' } });
  try {
    await generateTypes(crds);
    assert.unreachable();
  } catch (error) {
    assert.match((error as Error).message, 'InClusterPrefixPool.status has other fields');
  }
});

test.run();
