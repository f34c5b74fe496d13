/** Expressions and what they come to, as Kubernetes evaluates them. */
import { isCelError } from '@bufbuild/cel';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { compile } from '../../../lib/kubernetes/cel/program.ts';
import { celInput, escapeName, jsonOf } from '../../../lib/kubernetes/cel/value.ts';

const self = celInput({
  a: { b: { c: 1 } },
  list: [1, 2, 2],
  map: { x: 1, y: 2 },
  texts: ['b', 'a'],
  nothing: null,
  half: 0.5,
  namespace: 'n',
  'a-b': 5,
});

const ERROR = Symbol('an error');
const evaluate = (expression: string) => {
  const result = compile(expression).evaluate({ self });
  return isCelError(result) ? ERROR : jsonOf(result);
};

const CASES: Readonly<Record<string, readonly [expression: string, expected: unknown][]>> = {
  'numbers of JSON': [
    ['self.a.b.c + 1', 2],
    ['self.a.b.c == 1 && type(self.a.b.c) == int', true],
    ['type(self.half) == double', true],
    ['self.a.b.c + 0.5', ERROR],
  ],
  'fields that are not there': [
    ['has(self.nothing)', false],
    ['self.q', ERROR],
    ['has(self.q.r)', ERROR],
    ['has(self.a.q)', false],
    ["'x' in self.map", true],
    ['self.namespace', 'n'],
  ],
  'optional values': [
    ['self.?a.b.c.orValue(7)', 1],
    ['self.?q.b.c.orValue(7)', 7],
    ["self.?map['x'].orValue(7)", 1],
    ["self.map[?'q'].orValue(7)", 7],
    ['self.list[?1].value()', 2],
    ['self.list[?9].value()', ERROR],
    ['has(self.?a.b)', true],
    ['has(self.?q.b)', false],
    ['self.?a.hasValue()', true],
    ['self.?q.or(self.?half).value()', 0.5],
    ['self.?a.optMap(a, a.b.c + 1).orValue(0)', 2],
    ['self.?q.optMap(q, q + 1).hasValue()', false],
    ['self.?a.optFlatMap(a, a.?b).hasValue()', true],
    ['self.?a.optFlatMap(a, a.?q).hasValue()', false],
    ['optional.of(1) == optional.of(1)', true],
    ['optional.none().hasValue()', false],
    ["optional.ofNonZeroValue('').hasValue()", false],
    ['self.list.hasValue()', ERROR],
    ['self.`a-b` + self.?`a-b`.orValue(0)', 10],
    ["self.list[?0].orValue(1) > 0 ? ['?[`'] : [r'\\']", ['?[`']],
  ],
  'two variables': [
    ["self.map.all(k, v, v > 0 && k != 'z')", true],
    ['self.list.all(i, v, v > i)', false],
    ['self.list.exists(i, v, i == 1 && v == 2)', true],
    ['self.map.exists_one(k, v, v == 2)', true],
    ['self.map.existsOne(k, v, v > 0)', false],
    ['self.list.transformList(i, v, i * v)', [0, 2, 4]],
    ['self.list.transformList(i, v, i > 0, v)', [2, 2]],
    ['self.map.transformMap(k, v, v + 1)', { x: 2, y: 3 }],
    ['self.map.transformMap(k, v, v > 1, k)', { y: 'y' }],
    ['self.map.all(k, v, self.map.exists(l, w, k == l && v == w))', true],
    ['self.map.all(k, v, [3].all(v, v == 3) && v < 3)', true],
  ],
  addresses: [
    ["isIP('10.0.0.1') && isIP('fd00::1')", true],
    ["isIP('10.0.0.01') || isIP('::ffff:10.0.0.1') || isIP('fe80::1%eth0') || isIP('')", false],
    ["ip.isCanonical('fd00::1') && !ip.isCanonical('FD00::1')", true],
    ["ip.isCanonical('x')", ERROR],
    ["ip('fd00:0::1') == ip('fd00::1') && string(ip('fd00:0::1')) == 'fd00::1'", true],
    ["ip('10.0.0.1').family() + ip('::1').family()", 10],
    ["ip('0.0.0.0').isUnspecified() && ip('::').isUnspecified()", true],
    ["ip('127.0.0.9').isLoopback() && ip('::1').isLoopback() && !ip('::2').isLoopback()", true],
    ["ip('224.0.0.1').isLinkLocalMulticast() && !ip('224.0.1.1').isLinkLocalMulticast()", true],
    ["ip('ff02::1').isLinkLocalMulticast() && ip('ff12::1').isLinkLocalMulticast()", true],
    ["ip('169.254.1.1').isLinkLocalUnicast() && ip('fe80::1').isLinkLocalUnicast()", true],
    ["ip('10.0.0.1').isGlobalUnicast() && ip('fd00::1').isGlobalUnicast()", true],
    ["ip('255.255.255.255').isGlobalUnicast() || ip('ff00::1').isGlobalUnicast()", false],
    ["type(ip('::1')) == net.IP && type(cidr('::/0')) == net.CIDR", true],
  ],
  CIDRs: [
    ["isCIDR('10.0.0.1/24') && isCIDR('::/0')", true],
    ["isCIDR('10.0.0.0/024') || isCIDR('10.0.0.0/33') || isCIDR('::ffff:10.0.0.0/120')", false],
    ["cidr('10.0.0.1/24') == cidr('10.0.0.1/24').masked()", false],
    ["string(cidr('10.0.0.1/24').masked())", '10.0.0.0/24'],
    ["string(cidr('10.0.0.1/24').ip())", '10.0.0.1'],
    ["cidr('10.0.0.0/24').prefixLength()", 24],
    ["cidr('10.0.0.9/24').containsIP('10.0.0.255') && !cidr('10.0.0.0/24').containsIP('10.0.1.0')", true],
    ["cidr('10.0.0.0/8').containsIP(ip('::1'))", false],
    ["cidr('10.0.0.0/8').containsIP('x')", ERROR],
    [
      "cidr('10.0.0.0/8').containsCIDR('10.1.0.0/16') && !cidr('10.1.0.0/16').containsCIDR(cidr('10.0.0.0/8'))",
      true,
    ],
  ],
  'lists and sets': [
    ['self.list.isSorted() && !self.texts.isSorted()', true],
    ['self.list.sum()', 5],
    ['self.list.min() + self.list.max()', 3],
    ['[].min()', ERROR],
    ['self.list.indexOf(2) * 10 + self.list.lastIndexOf(2)', 12],
    ['self.texts.sort() + self.list.reverse().distinct()', ['a', 'b', 2, 1]],
    ['[1, [2, [3]]].flatten()', [1, 2, [3]]],
    ['self.list.slice(1, 3)', [2, 2]],
    ['self.list.first().value() + self.list.last().value()', 3],
    ['lists.range(3)', [0, 1, 2]],
    ["sets.contains(self.texts, ['a']) && sets.equivalent(self.texts, ['a', 'b', 'a'])", true],
    ["sets.intersects(self.texts, ['c'])", false],
  ],
  'texts and formats': [
    ["'%s has %d'.format(['x', 3])", 'x has 3'],
    ["'a-b'.split('-').join('+').replace('+', '.').upperAscii()", 'A.B'],
    ["' ab '.trim().charAt(1) + 'abc'.substring(1) + string('abc'.indexOf('c'))", 'bbc2'],
    [
      "'a1b22'.find('[0-9]+') + 'a1b22'.findAll('[0-9]+')[1] + string('a1b22'.findAll('[0-9]', 2).size())",
      '1222',
    ],
    ["'abc'.matches('^[a-z]+$') && !'ab1'.matches('^[a-z]+$')", true],
    ["format.dns1123Label().validate('a-b').hasValue()", false],
    ["format.dns1123Label().validate('A').value().size()", 1],
    ["format.named('labelValue').value().validate('a b').hasValue()", true],
    ["format.named('x').hasValue()", false],
    ["format.dns1123SubdomainPrefix().validate('a.b-').hasValue()", false],
  ],
  'objects of mutating policies': [
    [
      "Object{metadata: Object.metadata{labels: {'a': 'b'}, finalizers: ['f']}}",
      { metadata: { labels: { a: 'b' }, finalizers: ['f'] } },
    ],
  ],
};
for (const [title, cases] of Object.entries(CASES)) {
  for (const [expression, expected] of cases) {
    test(`${title}: ${expression}`, () => assert.equal(evaluate(expression), expected));
  }
}

test('what is no CEL, or not supported, does not compile', () => {
  for (const expression of ['self.', 'self =', '[?self.a]', "{?'a': self.?a}", 'has(self)', "'a'.b(", '']) {
    assert.throws(() => compile(expression), undefined, expression);
  }
});

test('an expression is compiled once, and tells the names in it', () => {
  const program = compile("self.a == oldSelf.a || 'oldSelf' == x");
  assert.is(compile("self.a == oldSelf.a || 'oldSelf' == x"), program);
  assert.equal([...program.names].sort(), ['oldSelf', 'self', 'x']);
});

test('names of fields are escaped as the API server does', () => {
  const names = ['a', 'namespace', 'a-b', 'a.b/c', 'a__b', 'a_b', '1a', 'ä', ''];
  assert.equal(names.map(escapeName), [
    'a',
    '__namespace__',
    'a__dash__b',
    'a__dot__b__slash__c',
    'a__underscores__b',
    'a_b',
    undefined,
    undefined,
    undefined,
  ]);
});

test.run();
