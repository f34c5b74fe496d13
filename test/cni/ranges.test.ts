import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { CniError } from '../../lib/cni/cni-error.ts';
import { podNamespace } from '../../lib/cni/environment.ts';
import { parseFragment } from '../../lib/cni/fragment.ts';
import { nodeFacts, readFacts, writeFacts } from '../../lib/cni/node-facts.ts';
import { nodeSubnets, subnetsFor } from '../../lib/cni/ranges.ts';

const node = (...podCIDRs: string[]) => ({ name: 'n', podCIDRs, annotations: {} });
const annotated = (value: string) => ({ name: 'n', podCIDRs: [], annotations: { a: value } });
const code = (call: () => unknown) => {
  try {
    call();
  } catch (error) {
    if (error instanceof CniError) return error.code;
  }
  return undefined;
};

test('podCIDRs and annotations become subnets, in their order and spelling', () => {
  const subnets = [
    { subnet: 'FD00::/64', family: 6 },
    { subnet: '10.0.0.1/24', family: 4 },
  ];
  assert.equal(nodeSubnets(node('FD00::/64', '10.0.0.1/24'), undefined), subnets);
  assert.equal(nodeSubnets(annotated(' FD00::/64 ,10.0.0.1/24\n'), 'a'), subnets);
  assert.equal(nodeSubnets(node('10.0.0.0/24'), ''), [{ subnet: '10.0.0.0/24', family: 4 }]);
});

test('An IPv4-mapped prefix is IPv4, as Go has it', () => {
  assert.is(nodeSubnets(node('::ffff:10.0.0.0/120'), undefined)[0]?.family, 4);
  assert.is(nodeSubnets(node('::ffff:0:0/95'), undefined)[0]?.family, 6);
  assert.is(
    code(() => nodeSubnets(node('::ffff:10.0.0.0/120', '10.1.0.0/24'), undefined)),
    100,
  );
});

test('None yet is code 11, wrong ones are code 100', () => {
  assert.is(
    code(() => nodeSubnets(node(), undefined)),
    11,
  );
  assert.is(
    code(() => nodeSubnets(annotated(''), 'a')),
    11,
  );
  assert.is(
    code(() => nodeSubnets(annotated(' '), 'a')),
    11,
  );
  assert.is(
    code(() => nodeSubnets(annotated('10.0.0.0/24'), 'b')),
    11,
  );
  for (const value of [
    '10.0.0.0',
    '10.0.0.0/33',
    '10.0.0.0/024',
    'x/8',
    '10.0.0.0/24,',
    '10.0.0.0/24,10.1.0.0/24',
  ]) {
    assert.is(
      code(() => nodeSubnets(annotated(value), 'a')),
      100,
      value,
    );
  }
  assert.is(
    code(() => nodeSubnets(node('10.0.0.0/24', 'fd00::/64', 'fd01::/64'), undefined)),
    100,
  );
});

test('ipv4-namespaces: absent is everybody, empty nobody; without a namespace there is no IPv4', () => {
  const subnets = nodeSubnets(node('10.0.0.0/24', 'fd00::/64'), undefined);
  const families = (list?: string[], namespace?: string) =>
    subnetsFor(subnets, list, namespace).map(({ family }) => family);
  assert.equal(families(), [4, 6]);
  assert.equal(families(undefined, 'a'), [4, 6]);
  assert.equal(families([], 'a'), [6]);
  assert.equal(families(['a'], 'a'), [4, 6]);
  assert.equal(families(['a'], 'b'), [6]);
  assert.equal(families(['a']), [6]);
  assert.is(
    code(() => subnetsFor(subnets.slice(0, 1), [], 'a')),
    100,
  );
});

test('The namespace of a pod is one of the CNI_ARGS, found by its exact name', () => {
  assert.is(podNamespace({ CNI_ARGS: 'IgnoreUnknown=1;K8S_POD_NAMESPACE=a;K8S_POD_NAME=b' }), 'a');
  assert.is(podNamespace({ CNI_ARGS: 'X_K8S_POD_NAMESPACE=a' }), undefined);
  assert.is(podNamespace({}), undefined);
});

test('A fragment: bare keys, trailing commas, with or without braces; strings stay as they are', () => {
  const wanted = { ranges: [[{ subnet: '10.0.0.0/24' }]], 'a:b': 'x, y: z,]' };
  for (const text of [
    '"ranges": [[{"subnet": "10.0.0.0/24"}]], "a:b": "x, y: z,]"',
    'ranges: [[{subnet: "10.0.0.0/24",},],], "a:b": "x, y: z,]",',
    '{ranges : [[{"subnet": "10.0.0.0/24"}]],\n"a:b":"x, y: z,]",}',
  ]) {
    assert.equal(parseFragment(text), wanted);
  }
  assert.equal(parseFragment(''), {});
  assert.equal(parseFragment('"a": "\\", b: "'), { a: '", b: ' });
  assert.equal(parseFragment('a: null, b: true, c: -1.5e3'), { a: null, b: true, c: -1500 });
});

test('A fragment is JSON otherwise', () => {
  for (const text of [
    'a: b',
    'a: $x',
    "a: 'b'",
    'a: 1}, {b: 2',
    'a',
    '[1]',
    'a: 1,,b: 2',
    'a: 1 + 1',
    '{"a": 1} x',
  ]) {
    assert.throws(
      () => parseFragment(text),
      (error: unknown) => error instanceof SyntaxError,
      text,
    );
  }
});

test('A fragment cannot reach a prototype', () => {
  const parsed = parseFragment('__proto__: {"type": "x"}');
  assert.is(parsed.type, undefined);
  assert.ok(Object.hasOwn(parsed, '__proto__'));
});

test('The facts of a Node survive their file', () => {
  const facts = nodeFacts({
    metadata: {
      name: 'n',
      annotations: { a: '1', 'kubectl.kubernetes.io/last-applied-configuration': '{}' },
    },
    spec: { podCIDR: '10.0.0.0/24' },
  })!;
  assert.equal(facts, { name: 'n', podCIDRs: ['10.0.0.0/24'], annotations: { a: '1' } });
  assert.equal(readFacts(writeFacts(facts, 5)), { ...facts, seenAt: 5 });
});

test('What is no Node has no facts; half a file is none', () => {
  for (const object of [null, 1, {}, { metadata: {} }, { metadata: { name: 1 } }])
    assert.is(nodeFacts(object), undefined);
  const text = writeFacts(node('10.0.0.0/24'), 5);
  for (let length = 0; length < text.length - 1; length++)
    assert.is(readFacts(text.slice(0, length)), undefined);
});

test.run();
