/** A regular expression is no answer: what does not match one is told in words what to write. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readCustomResourceDefinitions } from '../../lib/kubernetes/schema.ts';
import { advise } from '../../lib/validation/advice.ts';

interface Part {
  readonly pattern?: string;
  readonly properties?: Readonly<Record<string, Part>>;
  readonly items?: Part;
  readonly additionalProperties?: Part | boolean;
}

const object = { apiVersion: 'v1', kind: 'Any', metadata: { name: 'a' } };
const adviceOn = (field: string, value: string, pattern: string) =>
  advise({ field, value, message: `${field} in body should match '${pattern}'` }, object);

/** Of the specs that people write. */
function* patterns(
  part: Part | undefined,
  field: string,
): Generator<readonly [field: string, pattern: string]> {
  if (part === undefined) return;
  if (part.pattern !== undefined) yield [field, part.pattern];
  for (const [name, child] of Object.entries(part.properties ?? {}))
    yield* patterns(child, `${field}.${name}`);
  yield* patterns(part.items, `${field}[0]`);
  if (typeof part.additionalProperties === 'object')
    yield* patterns(part.additionalProperties, `${field}.any`);
}

const KNOWN = readCustomResourceDefinitions()
  .filter(({ spec }) => spec.names.kind !== 'AllocationSlice')
  .flatMap(({ spec }) =>
    spec.versions.flatMap(({ schema }) => [
      ...patterns((schema?.openAPIV3Schema as Part | undefined)?.properties?.spec, 'spec'),
    ]),
  );

test('every pattern of a spec is told in words', () => {
  assert.ok(KNOWN.length > 10);
  assert.equal(
    KNOWN.filter(([field, pattern]) => adviceOn(field, 'Not_This/one!', pattern) === undefined),
    [],
  );
});

for (const [end, value, advice] of [
  ['.key', 'node_group.example/x', /^a key has at most 63 letters/],
  ['.annotation', 'a b', /^a key has at most 63 letters/],
  ['.values[0]', '-x', /^(a label's value has letters|x would do)/],
  ['.any', 'a b', /^a label's value has letters/],
  ['.poolRef.kind', 'In Cluster', /^a kind is one word, such as InClusterIPPool$/],
  ['.poolRef.name', 'My_Pool.-a', /^my-pool\.a would do$/],
  [
    '.poolRef.apiGroup',
    'ipam.cluster.x-k8s.io/v1alpha2',
    /^write ipam\.cluster\.x-k8s\.io: without the version$/,
  ],
] as const) {
  test(`${end}: ${value}`, () => {
    const found = KNOWN.filter(([field]) => field.endsWith(end));
    assert.ok(found.length > 0);
    for (const [field, pattern] of found) {
      assert.not.match(value, new RegExp(pattern));
      assert.match(adviceOn(field, value, pattern) ?? '', advice);
    }
  });
}

test.run();
