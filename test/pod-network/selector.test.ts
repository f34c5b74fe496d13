import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { NodeSelector, NodeSelectorRequirement } from '../../lib/kubernetes/types.ts';
import { compileNodeSelector } from '../../lib/pod-network/selector.ts';

const node = { name: 'node-1', labels: { zone: 'a', cores: '16', empty: '' } };
const matches = (nodeSelectorTerms: NodeSelector['nodeSelectorTerms'], labels = node.labels) =>
  compileNodeSelector({ nodeSelectorTerms }).matchCount({ ...node, labels });

const REQUIREMENTS: [requirement: NodeSelectorRequirement, text: string, holds: boolean][] = [
  [{ key: 'zone', operator: 'In', values: ['b', 'a'] }, 'zone in (a,b)', true],
  [{ key: 'zone', operator: 'In', values: ['b'] }, 'zone in (b)', false],
  [{ key: 'empty', operator: 'In', values: [''] }, 'empty in ()', true],
  [{ key: 'absent', operator: 'In', values: ['a'] }, 'absent in (a)', false],
  [{ key: 'zone', operator: 'NotIn', values: ['b'] }, 'zone notin (b)', true],
  [{ key: 'zone', operator: 'NotIn', values: ['a'] }, 'zone notin (a)', false],
  [{ key: 'absent', operator: 'NotIn', values: ['a'] }, 'absent notin (a)', true],
  [{ key: 'zone', operator: 'Exists' }, 'zone', true],
  [{ key: 'absent', operator: 'Exists' }, 'absent', false],
  [{ key: 'zone', operator: 'DoesNotExist' }, '!zone', false],
  [{ key: 'absent', operator: 'DoesNotExist', values: [] }, '!absent', true],
  [{ key: 'cores', operator: 'Gt', values: ['8'] }, 'cores>8', true],
  [{ key: 'cores', operator: 'Gt', values: ['16'] }, 'cores>16', false],
  [{ key: 'cores', operator: 'Lt', values: ['100'] }, 'cores<100', true],
  [{ key: 'cores', operator: 'Lt', values: ['16'] }, 'cores<16', false],
  [{ key: 'cores', operator: 'Lt', values: ['+17'] }, 'cores<+17', true],
  [{ key: 'cores', operator: 'Lt', values: ['-1'] }, 'cores<-1', false],
  [{ key: 'cores', operator: 'Gt', values: ['-99'] }, 'cores>-99', true],
  [{ key: 'zone', operator: 'Lt', values: ['8'] }, 'zone<8', false],
  [{ key: 'absent', operator: 'Lt', values: ['8'] }, 'absent<8', false],
  [{ key: 'empty', operator: 'Gt', values: ['-1'] }, 'empty>-1', false],
  [{ key: 'constructor', operator: 'Exists' }, 'constructor', false],
  [{ key: '__proto__', operator: 'DoesNotExist' }, '!__proto__', true],
];
for (const [requirement, text, holds] of REQUIREMENTS) {
  test(`${text} ${holds ? 'selects' : 'does not select'} the node`, () => {
    assert.is(matches([{ matchExpressions: [requirement] }]), holds ? 1 : 0);
    assert.is(compileNodeSelector({ nodeSelectorTerms: [{ matchExpressions: [requirement] }] }).text, text);
  });
}

test('Gt compares integers of 64 bits, not texts and not floats', () => {
  const above = (value: string, label: string) =>
    matches([{ matchExpressions: [{ key: 'n', operator: 'Gt', values: [value] }] }], { n: label } as never);
  assert.is(above('9', '10'), 1);
  assert.is(above('9223372036854775806', '9223372036854775807'), 1);
  assert.is(above('9', '9223372036854775808'), 0);
  assert.is(above('1', '1e3'), 0);
});

const zone = (value: string) => ({ key: 'zone', operator: 'In' as const, values: [value] });
const named = (name: string) => ({ key: 'metadata.name' as const, operator: 'In' as const, values: [name] });

test('F9 terms are alternatives, the requirements of one are not', () => {
  assert.is(matches([{ matchExpressions: [zone('b')] }, { matchExpressions: [zone('a')] }]), 1);
  assert.is(matches([{ matchExpressions: [zone('a'), zone('b')] }]), 0);
});

test('F9 a term without requirements matches nothing, and leaves the others alone', () => {
  assert.is(matches([{}]), 0);
  assert.is(matches([{ matchExpressions: [], matchFields: [] }]), 0);
  assert.is(matches([]), 0);
  assert.is(matches([{}, { matchExpressions: [zone('a')] }]), 1);
});

test('a null in a term is as good as nothing', () => {
  const nothing = null as never;
  assert.is(matches([{ matchExpressions: nothing, matchFields: [named('node-1')] }]), 1);
  assert.is(matches([{ matchExpressions: [zone('a')], matchFields: nothing }]), 1);
  assert.is(matches([{ matchExpressions: nothing, matchFields: nothing }]), 0);
  const absent = { key: 'absent', operator: 'DoesNotExist' as const, values: nothing };
  assert.is(matches([{ matchExpressions: [absent] }]), 1);
  const { text, labelKeys, readsName } = compileNodeSelector({
    nodeSelectorTerms: [{ matchExpressions: nothing }],
  });
  assert.equal([text, labelKeys, readsName], ['', [], false]);
});

test('matchFields look at the name, not at a label called metadata.name', () => {
  assert.is(matches([{ matchFields: [named('node-1')] }]), 1);
  assert.is(matches([{ matchFields: [named('node-2')] }], { 'metadata.name': 'node-2' } as never), 0);
  assert.is(matches([{ matchFields: [{ ...named('node-2'), operator: 'NotIn' }] }]), 1);
});

test('the longest matching term counts', () => {
  const long = { matchExpressions: [zone('a')], matchFields: [named('node-1')] };
  assert.is(matches([{ matchExpressions: [zone('a')] }, long]), 2);
  assert.is(matches([{ matchExpressions: [zone('a')] }, { matchExpressions: [zone('b'), zone('a')] }]), 1);
});

test('F10 requirements for an absent label count like any other', () => {
  const absent = { key: 'absent', operator: 'DoesNotExist' as const };
  const other = { key: 'other', operator: 'NotIn' as const, values: ['x'] };
  assert.is(matches([{ matchExpressions: [zone('a'), absent, other] }]), 3);
});

test('the text does not depend on the order of requirements, values or terms', () => {
  const absent = { key: 'absent', operator: 'DoesNotExist' as const };
  const values = { key: 'zone', operator: 'In' as const, values: ['b', 'a', 'a'] };
  const a = compileNodeSelector({
    nodeSelectorTerms: [{ matchExpressions: [values, absent] }, { matchFields: [named('n')] }],
  });
  const b = compileNodeSelector({
    nodeSelectorTerms: [
      { matchFields: [named('n')] },
      { matchExpressions: [absent, { ...values, values: ['a', 'b'] }] },
    ],
  });
  assert.is(a.text, '!absent,zone in (a,b) || metadata.name in (n)');
  assert.is(b.text, a.text);
  const alike = [zone('b'), zone('a'), absent];
  const [one, other] = [alike, alike.toReversed()].map((expressions) => [
    { matchExpressions: expressions },
    ...expressions.map((each) => ({ matchExpressions: [each] })),
  ]);
  const text = '!absent || !absent,zone in (a),zone in (b) || zone in (a) || zone in (b)';
  for (const nodeSelectorTerms of [one!, other!]) {
    assert.is(compileNodeSelector({ nodeSelectorTerms }).text, text);
  }
});

test('a long list of values is one like a short one', () => {
  const values = Array.from({ length: 40 }, (_, index) => `zone-${index}`);
  for (const [label, isListed] of [
    ['zone-0', true],
    ['zone-39', true],
    ['zone-40', false],
  ] as const) {
    const labels = { ...node.labels, zone: label };
    for (const [operator, holds] of [
      ['In', isListed],
      ['NotIn', !isListed],
    ] as const) {
      const long = { key: 'zone', operator, values };
      assert.is(matches([{ matchExpressions: [long] }], labels), holds ? 1 : 0, `${label} ${operator}`);
      assert.is(
        matches([{ matchExpressions: [long, { key: 'cores', operator: 'Exists' }] }], labels),
        holds ? 2 : 0,
      );
    }
  }
});

test.run();
