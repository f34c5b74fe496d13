/** The candidates of a node are those that the rules name, tried one by one, whatever selectors and labels are. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type {
  NodeFieldRequirement,
  NodeSelectorRequirement,
  NodeSelectorTerm,
} from '../../lib/kubernetes/types.ts';
import { type BlockPool, readBlockPool } from '../../lib/pod-network/block-pool.ts';
import { candidateFinder, comparePools } from '../../lib/pod-network/priority.ts';
import type { SelectableNode } from '../../lib/pod-network/selector.ts';
import { clusterCIDR } from './objects.ts';

const keys = fc.constantFrom('zone', 'cores', 'kubernetes.io/hostname', 'constructor');
const values = fc.constantFrom('', 'a', 'b', '7', ...letters(20));
/** What a node may say, or a file that no API server has seen. */
const labels = fc.array(
  fc.tuple(
    fc.oneof(keys, fc.constant('__proto__')),
    fc.oneof(values, fc.constantFrom('-7', '9223372036854775808')),
  ),
  { maxLength: 4 },
);
const integers = fc.constantFrom('-8', '0', '7', '8');
const names = fc.constantFrom('a', 'b', 'a.b');

function letters(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `v${index}`);
}

const expression: fc.Arbitrary<NodeSelectorRequirement> = fc.oneof(
  fc.record({
    key: keys,
    operator: fc.constantFrom('In' as const, 'NotIn' as const),
    values: fc.oneof(
      fc.array(values, { minLength: 1, maxLength: 4 }),
      fc.array(values, { minLength: 18, maxLength: 24 }),
    ),
  }),
  fc.record({ key: keys, operator: fc.constantFrom('Exists' as const, 'DoesNotExist' as const) }),
  fc.record({
    key: keys,
    operator: fc.constantFrom('Gt' as const, 'Lt' as const),
    values: integers.map((text) => [text]),
  }),
);
const field: fc.Arbitrary<NodeFieldRequirement> = fc.record({
  key: fc.constant('metadata.name' as const),
  operator: fc.constantFrom('In' as const, 'NotIn' as const),
  values: names.map((name) => [name]),
});
// A file may have nulls where an API server would have nothing.
const term = fc.record({
  matchExpressions: fc.oneof(fc.array(expression, { maxLength: 4 }), fc.constantFrom(null, undefined)),
  matchFields: fc.oneof(fc.array(field, { maxLength: 2 }), fc.constantFrom(null, undefined)),
}) as fc.Arbitrary<NodeSelectorTerm>;

interface Spec {
  readonly terms: readonly NodeSelectorTerm[] | undefined;
  readonly range: number;
  readonly length: number;
}
const spec: fc.Arbitrary<Spec> = fc.record({
  terms: fc.option(fc.array(term, { minLength: 1, maxLength: 5 }), { nil: undefined, freq: 6 }),
  range: fc.integer({ min: 0, max: 255 }),
  length: fc.constantFrom(20, 24),
});
const node: fc.Arbitrary<SelectableNode> = fc.record({
  name: names,
  labels: labels.map((pairs) =>
    JSON.parse(`{${pairs.map((pair) => pair.map((text) => JSON.stringify(text)).join(':'))}}`),
  ),
});

function poolOf({ terms, range, length }: Spec, index: number): BlockPool {
  const { pool, problems } = readBlockPool(
    clusterCIDR(`pool-${index}`, {
      ipv4: `10.${range}.0.0/${length}`,
      ...(terms && { nodeSelector: { nodeSelectorTerms: terms } }),
    }),
  );
  assert.equal(problems, []);
  return pool!;
}

/** By the definition of each operator, k8s.io/component-helpers/scheduling/corev1/nodeaffinity. */
function isMet({ operator, values = [] }: NodeSelectorRequirement, value: string | undefined): boolean {
  const number = (text: string | undefined) => (/^[+-]?\d+$/.test(text ?? '') ? BigInt(text!) : undefined);
  const own = number(value);
  const isInteger = own !== undefined && BigInt.asIntN(64, own) === own;
  return {
    In: () => value !== undefined && values.includes(value),
    NotIn: () => value === undefined || !values.includes(value),
    Exists: () => value !== undefined,
    DoesNotExist: () => value === undefined,
    Gt: () => isInteger && own > number(values[0])!,
    Lt: () => isInteger && own < number(values[0])!,
  }[operator]();
}

function matchCount(terms: readonly NodeSelectorTerm[], { name, labels }: SelectableNode): number {
  const own = new Map(Object.entries(labels));
  const counts = terms.map(({ matchExpressions, matchFields }) => {
    const met = [
      ...(matchExpressions ?? []).map((each) => isMet(each, own.get(each.key))),
      ...(matchFields ?? []).map(({ operator, values }) => isMet({ key: '', operator, values }, name)),
    ];
    return met.every(Boolean) ? met.length : 0;
  });
  return Math.max(0, ...counts);
}

test('the index finds whom the rules name, in their order, also when it is asked again', () => {
  fc.assert(
    fc.property(fc.array(spec, { maxLength: 12 }), fc.array(node, { maxLength: 6 }), (specs, nodes) => {
      const termsOf = new Map(specs.map(({ terms }, index) => [`pool-${index}`, terms]));
      const pools = specs.map(poolOf).sort(comparePools);
      const find = candidateFinder(pools);
      for (const each of [...nodes, ...nodes]) {
        const count = ({ name }: BlockPool) => {
          const terms = termsOf.get(name);
          return terms === undefined ? -1 : matchCount(terms, each);
        };
        const expected = pools.filter((pool) => count(pool) !== 0).sort((a, b) => count(b) - count(a));
        assert.equal(
          find(each).map(({ name }) => name),
          expected.map(({ name }) => name),
        );
        for (const pool of pools) {
          if (pool.selector !== undefined) assert.is(pool.selector.matchCount(each), count(pool));
        }
      }
    }),
    { numRuns: 500 },
  );
});

test('answers that are too many to remember are found again', () => {
  const pools = Array.from({ length: 2000 }, (_, index) =>
    poolOf(
      { terms: [{ matchExpressions: [{ key: 'zone', operator: 'Exists' }] }], range: 0, length: 24 },
      index,
    ),
  ).sort(comparePools);
  const find = candidateFinder(pools);
  const nodes = Array.from({ length: 600 }, (_, index) => ({ name: 'n', labels: { zone: String(index) } }));
  for (const each of [...nodes, ...nodes]) {
    assert.ok(find(each).every((pool, index) => pool === pools[index]));
    assert.is(find(each).length, pools.length);
  }
});

test.run();
