import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { at } from '../../lib/cli/diagnostic.ts';
import validate, { validateCommand } from '../../lib/cli/validate.ts';
import { run } from './run.ts';

const EXAMPLES = join(import.meta.dirname, '../../examples');
const problems = [
  { field: 'spec.prefix', value: 33, message: 'provided prefix is not valid' },
  { field: 'spec.addresses', message: 'addresses is required' },
];
const { run: picky } = validateCommand(
  async () => (objects) =>
    objects
      .filter(({ object }) => object.kind === 'Bad')
      .flatMap((loaded) =>
        problems.map((problem) => at(loaded, { rule: 'invalid', severity: 'error', ...problem })),
      ),
);
const object = (kind: string, name: string) => `apiVersion: v1\nkind: ${kind}\nmetadata: {name: ${name}}\n`;

test('valid objects are counted on stdout', async () => {
  assert.equal(await run(picky, ['-f', '-'], { stdin: object('Node', 'a') }), {
    code: 0,
    out: '1 object valid\n',
    err: '',
  });
  const stdin = `${object('Node', 'a')}---\n${object('Node', 'b')}`;
  assert.is((await run(picky, ['-f', '-'], { stdin })).out, '2 objects valid\n');
});

test('every problem is one line: file, document, object, field, value, reason', async () => {
  const stdin = `${object('Good', 'a')}---\n${object('Bad', 'b')}---\n- 1\n---\n${object('Bad', 'c')}`;
  const { code, out, err } = await run(picky, ['-f', '-'], { stdin });
  assert.is(code, 1);
  assert.is(out, '');
  assert.equal(err.trimEnd().split('\n'), [
    '<stdin>:9: document 3: document: must be an object, found [1]; write objects one after another, as jq -c .[] does',
    '<stdin>:5: document 2: Bad b: spec.prefix: Invalid value: 33: provided prefix is not valid',
    '<stdin>:5: document 2: Bad b: spec.addresses: addresses is required',
    '<stdin>:11: document 4: Bad c: spec.prefix: Invalid value: 33: provided prefix is not valid',
    '<stdin>:11: document 4: Bad c: spec.addresses: addresses is required',
    '5 problems in 3 objects',
  ]);
});

test('-f is required, and paths stand behind it', async () => {
  assert.match((await run(picky, [])).err, '-f PATH is required');
  const { code, err } = await run(picky, ['a.yaml', '-f', 'b.yaml']);
  assert.is(code, 1);
  assert.match(err, 'unexpected a.yaml; paths follow -f');
});

const CLAIMS = `
apiVersion: ipam.cluster.x-k8s.io/v1alpha2
kind: GlobalInClusterIPPool
metadata: {name: blue, labels: {metaipam.io/network: blue}}
spec: {addresses: [192.168.200.0/24], prefix: 24}
---
apiVersion: ipam.cluster.x-k8s.io/v1alpha2
kind: InClusterIPPool
metadata: {name: red, namespace: team, labels: {metaipam.io/network: red}}
spec: {addresses: [192.168.201.0/24], prefix: 24}
`;

function ipamClaim(network: unknown, requested?: unknown, more: object = {}): string {
  const annotations = requested === undefined ? {} : { 'metaipam.io/requested-address': requested };
  return `${CLAIMS}---\n${JSON.stringify({
    apiVersion: 'k8s.cni.cncf.io/v1alpha1',
    kind: 'IPAMClaim',
    metadata: { name: 'vm', annotations },
    spec: { network, interface: '', ...more },
  })}`;
}

for (const [stdin, expected] of [
  [ipamClaim('blue'), /^$/],
  [ipamClaim('blue', ' 192.168.200.7, fd00::7'), /^$/],
  [ipamClaim('of-others'), /^$/],
  [ipamClaim('bleu'), /warning: .*spec\.network: "bleu" is a network that no pool here serves; use blue\n/],
  [
    ipamClaim('red'),
    /warning: .*"red" is served by InClusterIPPool team\/red alone, which serves claims of its namespace; use /,
  ],
  [ipamClaim(7), /spec\.network: .*must be of type string: "integer"; put it in quotes/],
  [ipamClaim('blue', '192.168.200.7,fd00::zz'), /"fd00::zz": must be an IP address/],
  [ipamClaim('blue', 7), /must be a string/],
  [ipamClaim('blue', '192.168.200.7,192.168.200.8'), /must be one address of each family at most/],
  [ipamClaim('blue', undefined, { nework: 'x' }), /spec\.nework: unknown field; use network/],
] as const) {
  test(`of an IPAMClaim it says ${expected}`, async () => {
    const { code, err, out } = await run(validate.run, ['-f', '-'], { stdin });
    assert.match(err, expected);
    const isValid = err === '' || /warning/.test(err);
    assert.is(code, isValid ? 0 : 1);
    if (isValid) assert.match(out, /^3 objects valid/);
  });
}

test('the examples are valid', async () => {
  const { code, out, err } = await run(validate.run, ['-f', EXAMPLES]);
  assert.is(err, '');
  assert.is(code, 0);
  assert.match(out, /^\d\d+ objects valid\n$/);
});

const pool = (kind: string, name: string, spec: string) =>
  `---\napiVersion: ipam.cluster.x-k8s.io/v1alpha2\nkind: ${kind}\nmetadata: {name: ${name}}\nspec: ${spec}\n`;

test('schemas and rules are checked, in the order of the objects, and each field once', async () => {
  const stdin =
    pool('InClusterIPPool', 'rule', '{addresses: [10.0.0.0/24], prefix: 24, gateway: "fd00::1"}') +
    pool('InClusterIPPool', 'shape', '{addresses: [nonsense], prefix: many, colour: blue}') +
    pool('InClusterIPool', 'kind', '{}');
  const { code, err } = await run(validate.run, ['-f', '-'], { stdin });
  assert.is(code, 1);
  assert.equal(err.trimEnd().split('\n'), [
    '<stdin>:5: document 1: InClusterIPPool default/rule: spec.gateway: Invalid value: "fd00::1": provided gateway and addresses are of mixed IP families',
    '<stdin>:10: document 2: InClusterIPPool default/shape: spec.colour: unknown field',
    '<stdin>:10: document 2: InClusterIPPool default/shape: spec.prefix: Invalid value: "string": spec.prefix in body must be of type integer: "string"; write a number, without quotes',
    '<stdin>:10: document 2: InClusterIPPool default/shape: spec.addresses[0]: Invalid value: "nonsense": provided address is not a valid IP, range, nor CIDR; names are not looked up',
    '<stdin>:13: document 3: InClusterIPool kind: kind: Invalid value: "InClusterIPool": ipam.cluster.x-k8s.io/v1alpha2 has none: use InClusterIPPool',
    '5 problems in 3 objects',
  ]);
});

const TWO = `${pool('InClusterIPPool', 'bad', '{addresses: [10.0.0.9-10.0.0.5], prefix: 24}')}${pool('InClusterIPPool', 'odd', '{addresses: [10.0.0.5/24], prefix: 24}')}`;
const MESSAGE = 'provided address is not a valid IP, range, nor CIDR';

test('-o json: every problem with its rule, place, object, field, value and fix', async () => {
  const { code, out, err } = await run(validate.run, ['-f', '-', '-o', 'json'], { stdin: TWO });
  assert.equal([code, err], [1, '']);
  const { diagnostics, counts } = JSON.parse(out);
  assert.equal(counts, { objects: 2, errors: 1, warnings: 1 });
  assert.equal(diagnostics[0], {
    rule: 'invalid',
    severity: 'error',
    field: 'spec.addresses[0]',
    value: '10.0.0.9-10.0.0.5',
    message: MESSAGE,
    fix: 'write 10.0.0.5-10.0.0.9: the lower address first',
    file: '<stdin>',
    document: 1,
    line: 5,
    object: {
      apiVersion: 'ipam.cluster.x-k8s.io/v1alpha2',
      kind: 'InClusterIPPool',
      namespace: 'default',
      name: 'bad',
    },
  });
  assert.equal(
    [diagnostics[1].rule, diagnostics[1].severity, diagnostics[1].line],
    ['host-bits', 'warning', 10],
  );
  const empty = await run(validate.run, ['-f', '-', '-o', 'json'], { stdin: '' });
  assert.is(empty.code, 1);
  assert.is(JSON.parse(empty.out).diagnostics[0].rule, 'empty');
});

test('-o json: the value, too, where the message says it', async () => {
  const conditions = ['A', 'A'].map(
    (type) =>
      `{type: ${type}, status: "true", reason: R, message: m, lastTransitionTime: "2026-01-01T00:00:00Z"}`,
  );
  const stdin = `apiVersion: ipam.cluster.x-k8s.io/v1alpha2
kind: InClusterIPPool
metadata: {name: p}
spec: {addresses: [10.0.0.0/24], prefix: 24, strategy: random}
status: {conditions: [${conditions}]}
`;
  const { out } = await run(validate.run, ['-f', '-', '-o', 'json'], { stdin });
  const { diagnostics } = JSON.parse(out) as {
    diagnostics: { field: string; value: unknown; fix?: string }[];
  };
  assert.equal(
    diagnostics.map(({ field, value, fix }) => [field, value, fix]),
    [
      ['spec.strategy', 'random', 'use Random'],
      ['status.conditions[0].status', 'true', 'use True'],
      ['status.conditions[1].status', 'true', 'use True'],
      ['status.conditions[1]', { type: 'A' }, undefined],
    ],
  );
});

test('-o sarif: a log of one run, as SARIF 2.1.0 has it', async () => {
  const { code, out, err } = await run(validate.run, ['-f', '-', '-o', 'sarif'], { stdin: TWO });
  assert.equal([code, err], [1, '']);
  const { version, runs } = JSON.parse(out);
  assert.is(version, '2.1.0');
  const [{ tool, results }] = runs;
  assert.is(tool.driver.name, 'metaipam');
  assert.is(results.length, 2);
  for (const { ruleId, ruleIndex } of results) assert.is(tool.driver.rules[ruleIndex].id, ruleId);
  assert.equal(results[0], {
    ruleId: 'invalid',
    ruleIndex: results[0].ruleIndex,
    level: 'error',
    message: {
      text: `InClusterIPPool default/bad: spec.addresses[0]: Invalid value: "10.0.0.9-10.0.0.5": ${MESSAGE}; write 10.0.0.5-10.0.0.9: the lower address first`,
    },
    locations: [
      {
        physicalLocation: { artifactLocation: { uri: 'stdin' }, region: { startLine: 5 } },
        logicalLocations: [{ fullyQualifiedName: 'InClusterIPPool default/bad', kind: 'resource' }],
      },
    ],
  });
  assert.is(results[1].level, 'warning');
  const file = await run(validate.run, ['-f', join(EXAMPLES, '01-pool.yaml'), '-osarif']);
  assert.equal([file.code, JSON.parse(file.out).runs[0].results], [0, []]);
  const missing = await run(validate.run, ['-f', 'no such.yaml', '-osarif']);
  const [{ locations }] = JSON.parse(missing.out).runs[0].results;
  assert.equal(locations, [{ physicalLocation: { artifactLocation: { uri: 'no%20such.yaml' } } }]);
  for (const [path, uri] of [
    ['no/such#1?.yaml', 'no/such%231%3F.yaml'],
    ['c:such.yaml', 'c%3Asuch.yaml'],
    ['../no <such>.yaml', '../no%20%3Csuch%3E.yaml'],
  ]) {
    const { out } = await run(validate.run, ['-f', path!, '-osarif']);
    const [{ artifactLocation }] = JSON.parse(out).runs[0].results[0].locations.map(
      (location: { physicalLocation: object }) => location.physicalLocation,
    );
    assert.equal(artifactLocation, { uri });
  }
});

const WITHIN = (services: string, status = '') => `
apiVersion: metaipam.io/v1alpha1
kind: PodNetwork
metadata: {name: default}
spec: {target: node.spec.podCIDRs, serviceCIDRs: [${services}]}
${status}
---
apiVersion: networking.x-k8s.io/v1
kind: ClusterCIDR
metadata: {name: c}
spec: {perNodeHostBits: 8, ipv4: 10.244.0.0/16}
`;
const EXCLUDED = (excluded: string) => `
apiVersion: metaipam.io/v1alpha1
kind: PodNetwork
metadata: {name: lan}
spec: {target: node.metadata.annotations, serviceCIDRs: [10.244.0.0/17], excludedAddresses: [${excluded}]}
---
apiVersion: networking.x-k8s.io/v1
kind: ClusterCIDR
metadata: {name: c, labels: {metaipam.io/network: lan}}
spec: {perNodeHostBits: 8, ipv4: 10.244.0.0/16}
`;
const SERVED: [what: string, stdin: string, warnings: number][] = [
  ['all of it among services', WITHIN('10.0.0.0/8'), 1],
  ['half of it among services', WITHIN('10.244.0.0/17'), 0],
  ['none of it among services', WITHIN('10.96.0.0/12'), 0],
  ['half of it among services, and the others without an address for pods', EXCLUDED('10.244.128.0/17'), 1],
  ['half of it among services, and the others with one address', EXCLUDED('10.244.128.3-10.244.255.255'), 0],
  ['slices that files do not have', WITHIN('', 'status: {slices: [default.10.244.0.0-16-24]}'), 0],
];
for (const [what, stdin, warnings] of SERVED) {
  test(`a ClusterCIDR, ${what}`, async () => {
    const { code, err } = await run(validate.run, ['-f', '-'], { stdin });
    assert.is(code, 0);
    const said = err
      .split('\n')
      .filter((line) => line.includes('ClusterCIDR c: spec.ipv4: "10.244.0.0/16" has no block'));
    assert.is(said.length, warnings, err);
  });
}

test.run();
