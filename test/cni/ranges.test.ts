import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { decode } from '../../lib/cni/bytes.ts';
import { CniError } from '../../lib/cni/cni-error.ts';
import { podArgument } from '../../lib/cni/environment.ts';
import { fragmentJson } from '../../lib/cni/fragment.ts';
import { nodeFacts, readFacts, writeFacts } from '../../lib/cni/node-facts.ts';
import { nodeRanges, rangesFor } from '../../lib/cni/ranges.ts';

const node = (...podCIDRs: string[]) => ({ name: 'n', podCIDRs, annotations: {} });
const annotated = (value: string) => ({ name: 'n', podCIDRs: [], annotations: { a: value } });
const subnets = (...args: Parameters<typeof nodeRanges>) =>
  nodeRanges(...args).subnets.map(({ subnet, family }) => ({ subnet, family }));
const code = (call: () => unknown) => {
  try {
    call();
  } catch (error) {
    if (error instanceof CniError) return error.code;
  }
  return undefined;
};

test('podCIDRs and annotations become subnets, in their order and spelling', () => {
  const wanted = [
    { subnet: 'FD00::/64', family: 6 },
    { subnet: '10.0.0.1/24', family: 4 },
  ];
  assert.equal(subnets(node('FD00::/64', '10.0.0.1/24'), undefined), wanted);
  assert.equal(subnets(annotated(' FD00::/64 ,10.0.0.1/24\n'), 'a'), wanted);
  assert.equal(subnets(node('10.0.0.0/24'), ''), [{ subnet: '10.0.0.0/24', family: 4 }]);
});

test('An IPv4-mapped prefix is IPv4, as Go has it', () => {
  assert.is(subnets(node('::ffff:10.0.0.0/120'), undefined)[0]?.family, 4);
  assert.is(subnets(node('::ffff:0:0/95'), undefined)[0]?.family, 6);
});

test('None yet is code 11, wrong ones are code 100', () => {
  assert.is(
    code(() => nodeRanges(node(), undefined)),
    11,
  );
  assert.is(
    code(() => nodeRanges(annotated(''), 'a')),
    11,
  );
  assert.is(
    code(() => nodeRanges(annotated(' '), 'a')),
    11,
  );
  assert.is(
    code(() => nodeRanges(annotated('10.0.0.0/24'), 'b')),
    11,
  );
  for (const value of [
    '10.0.0.0',
    '10.0.0.0/33',
    '10.0.0.0/024',
    'x/8',
    '10.0.0.0/24,',
    Array(65).fill('10.0.0.0/24').join(),
  ]) {
    assert.is(
      code(() => nodeRanges(annotated(value), 'a')),
      100,
      value,
    );
  }
});

test('ipv4-namespaces: absent is everybody, empty nobody; without a namespace there is no IPv4', () => {
  const all = nodeRanges(node('10.0.0.0/24', 'fd00::/64'), undefined);
  const families = (list?: string[], namespace?: string) =>
    rangesFor(all, list, namespace).subnets.map(({ family }) => family);
  assert.equal(families(), [4, 6]);
  assert.equal(families(undefined, 'a'), [4, 6]);
  assert.equal(families([], 'a'), [6]);
  assert.equal(families(['a'], 'a'), [4, 6]);
  assert.equal(families(['a'], 'b'), [6]);
  assert.equal(families(['a']), [6]);
  assert.is(
    code(() => rangesFor(nodeRanges(node('10.0.0.0/24'), undefined), [], 'a')),
    100,
  );
});

test('Routes of a network go with the family that a pod gets', () => {
  const routes = [{ dst: '0.0.0.0/0', gw: '10.0.0.9' }, { dst: '::/0' }];
  const all = nodeRanges(annotated(JSON.stringify({ ranges: ['10.0.0.0/24', 'fd00::/64'], routes })), 'a');
  assert.equal(rangesFor(all, undefined, 'a').routes, routes);
  assert.equal(rangesFor(all, [], 'a').routes, routes.slice(1));
});

for (const [value, message] of [
  ['{', /JSON/],
  ['{}', 'ranges: not a list of ranges'],
  ['{"ranges":[]}', 'ranges: not a list of ranges'],
  ['{"ranges":["10.0.0.0/24"],"gateway":"10.0.0.1"}', 'unknown field "gateway"; there are ranges, routes'],
  ['{"ranges":["10.0.0.0"]}', 'ranges[0]: invalid CIDR address: "10.0.0.0"'],
  ['{"ranges":[{}]}', 'ranges[0]: invalid CIDR address: nothing'],
  ['{"ranges":[["10.0.0.0/24"]]}', 'ranges[0]: not an object: ["10.0.0.0/24"]'],
  ['{"ranges":[{"subnet":"10.0.0.0/24","exlude":[]}]}', 'ranges[0]: unknown field "exlude"'],
  [
    '{"ranges":[{"subnet":"10.0.0.0/24","gateway":"fd00::1"}]}',
    'ranges[0].gateway: no IPv4 address: "fd00::1"',
  ],
  [
    '{"ranges":[{"subnet":"10.0.0.0/24","rangeEnd":"10.0.1.1"}]}',
    'ranges[0].rangeEnd: 10.0.1.1 is not in 10.0.0.0/24',
  ],
  [
    '{"ranges":[{"subnet":"10.0.0.0/24","exclude":"10.0.0.1"}]}',
    'ranges[0].exclude: not a list of addresses',
  ],
  [
    '{"ranges":[{"subnet":"10.0.0.0/24","exclude":["10.0.0.9-10.0.0.1"]}]}',
    'ranges[0].exclude: no IPv4 address',
  ],
  ['{"ranges":["10.0.0.0/24"],"routes":{}}', 'routes: not a list of routes'],
  ['{"ranges":["10.0.0.0/24"],"routes":["0.0.0.0/0"]}', 'routes[0].dst: invalid CIDR address: nothing'],
  [
    '{"ranges":["10.0.0.0/24"],"routes":[{"dst":"::/0","gw":"10.0.0.1"}]}',
    'routes[0].gw: no IPv6 address: "10.0.0.1"',
  ],
] as const) {
  test(`An annotation that is an object, but not of ranges: ${value}`, () => {
    const found = () => nodeRanges(annotated(value), 'a');
    assert.is(code(found), 100);
    assert.throws(found, (error: CniError) =>
      typeof message === 'string'
        ? error.details.startsWith(`annotation a: ${message}`)
        : message.test(error.details),
    );
  });
}

test('The namespace of a pod is one of the CNI_ARGS, found by its exact name', () => {
  const podNamespace = (env: Record<string, string>) => podArgument(env, 'K8S_POD_NAMESPACE');
  assert.is(podNamespace({ CNI_ARGS: 'IgnoreUnknown=1;K8S_POD_NAMESPACE=a;K8S_POD_NAME=b' }), 'a');
  assert.is(podNamespace({ CNI_ARGS: 'X_K8S_POD_NAMESPACE=a' }), undefined);
  assert.is(podNamespace({}), undefined);
});

const parseFragment = (text: string) => JSON.parse(decode(fragmentJson(text)));

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
