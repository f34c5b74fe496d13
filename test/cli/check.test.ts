import { stripVTControlCharacters } from 'node:util';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import check from '../../lib/cli/check.ts';
import type { KubernetesObject } from '../../lib/kubernetes/object.ts';
import { address, claim, pool } from '../inspect/objects.ts';
import { run } from './run.ts';

const list = (...items: KubernetesObject[]) => JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
const SPEC = { addresses: ['10.0.0.0/24'], prefix: 24 };
const FAULTY = list(pool('p', SPEC), pool('q', SPEC), claim('lost', 'nowhere'));
const OUTPUT = `error    IPAddressClaim default/lost: InClusterIPPool default/nowhere does not exist  [missing-pool]
         → kubectl get inclusterippool -A  # create the pool, or the claim for another one: its spec cannot be changed
warning  InClusterIPPool default/q: overlaps InClusterIPPool default/p in 10.0.0.1-10.0.0.254: fine for networks that are apart, else one address is given out twice  [overlapping-pools]
         → kubectl edit inclusterippool -n default q  # take it out of spec.addresses, or annotate metaipam.io/may-overlap

1 error, 1 warning in 3 objects
`;
const checked = (stdin: string, ...argv: string[]) => run(check.run, ['-f', '-', ...argv], { stdin });

test('exit 0: nothing', async () => {
  assert.equal(await checked(list(pool('p', SPEC))), {
    code: 0,
    out: 'ok  nothing found in 1 object\n',
    err: '',
  });
});

test('exit 2: what is wrong, and how to mend it', async () => {
  assert.equal(await checked(FAULTY), { code: 2, out: OUTPUT, err: '' });
  const coloured = await run(check.run, ['-f', '-'], { stdin: FAULTY, isTTY: true });
  assert.match(coloured.out, '\u001b[31m');
  assert.is(stripVTControlCharacters(coloured.out), OUTPUT);
});

test('-o json', async () => {
  const { code, out } = await checked(FAULTY, '-o', 'json');
  assert.is(code, 2);
  const { findings } = JSON.parse(out);
  assert.equal(Object.keys(findings[0]), ['check', 'severity', 'object', 'namespaces', 'message', 'fix']);
  assert.equal(JSON.parse((await checked(list(), '-o', 'json')).out), { findings: [] });
});

test('--skip', async () => {
  const { code, out } = await checked(FAULTY, '--skip', 'missing-pool', 'overlapping-pools');
  assert.equal([code, out], [0, 'ok  nothing found in 3 objects\n']);
  const wrong = await checked(FAULTY, '--skip', 'nonsense');
  assert.is(wrong.code, 1);
  assert.match(wrong.err, 'metaipam check: --skip: there is no check nonsense, but duplicate-address, ');
  const comma = await checked(FAULTY, '--skip=missing-pool,lost-slice');
  assert.match(comma.err, ', stuck-deletion; write a space for a comma\n');
  const { err } = await run(check.run, ['all.yaml']);
  assert.match(err, 'no arguments are expected, found all.yaml; paths follow -f\n');
});

test('-n: what is found of its objects, beside all others; -A is all', async () => {
  const elsewhere = (object: KubernetesObject, namespace: string) => ({
    ...object,
    metadata: { ...object.metadata, namespace },
  });
  const stdin = list(
    pool('p', SPEC),
    elsewhere(pool('q', SPEC), 'team-a'),
    elsewhere(claim('lost', 'nowhere'), 'team-b'),
    elsewhere(claim('lost', 'nowhere'), 'team-bb'),
  );
  const of = async (...argv: string[]) => (await checked(stdin, ...argv, '-o', 'json')).out;
  const found = async (...argv: string[]) =>
    JSON.parse(await of(...argv)).findings.map(({ object }: { object: string }) => object);
  assert.equal(await found('-n', 'team-b'), ['IPAddressClaim team-b/lost']);
  // Of a pair, either has to hear of it.
  for (const namespace of ['default', 'team-a'])
    assert.equal(await found('-n', namespace), ['InClusterIPPool team-a/q'], namespace);
  assert.is(await of('-n', 'team-b', '-A'), await of());
  assert.equal(await checked(stdin, '-n', 'tema-a'), {
    code: 0,
    out: 'ok  nothing found of namespace tema-a in 4 objects, 0 of them there\n',
    err: '',
  });
  assert.match(
    (await checked(stdin, '-n', 'team-b')).out,
    'of namespace team-b in 4 objects, 1 of them there\n',
  );
});

test('claims of a pool that nobody serves, misspelt annotations, what an API server would refuse', async () => {
  const lost = claim('lost', 'p') as KubernetesObject & { spec: { poolRef: object } };
  const misspelt = {
    ...lost,
    spec: { ...lost.spec, poolRef: { ...lost.spec.poolRef, kind: 'InClusterIpPool' } },
  };
  const infoblox = {
    ...misspelt,
    spec: { ...lost.spec, poolRef: { ...lost.spec.poolRef, kind: 'InfobloxIPPool' } },
  };
  const noted = pool('p', SPEC);
  const annotated = {
    ...noted,
    metadata: { ...noted.metadata, annotations: { 'metaipam.io/adress-space': 'lan' } },
  };
  const labelled = { ...noted, metadata: { ...noted.metadata, labels: { a: 'b c' } } };
  const found = async (...objects: KubernetesObject[]) => {
    const { findings } = JSON.parse((await checked(list(...objects), '-o', 'json')).out);
    return findings.map(
      ({ check, severity, message }: Record<string, string>) => `${severity} ${check} ${message}`,
    );
  };
  assert.equal(await found(misspelt), [
    'warning missing-pool spec.poolRef.kind: "InClusterIpPool" is no kind of pool that metaipam serves: the claim gets no answer from it',
  ]);
  assert.equal(await found(infoblox), []);
  assert.equal(await found(annotated as KubernetesObject), [
    'warning invalid-object metadata.annotations[metaipam.io/adress-space] means nothing to metaipam',
  ]);
  assert.match(
    (await found(labelled as KubernetesObject)).join(),
    'error invalid-object metadata.labels[a]: Invalid value: "b c"',
  );
});

test('IPAddresses of Services are taken for what they are', async () => {
  const ofService = {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'IPAddress',
    metadata: { name: '10.96.0.1' },
    spec: { parentRef: { resource: 'services', namespace: 'default', name: 'kubernetes' } },
  } as unknown as KubernetesObject;
  const warning =
    'warning: these IPAddresses are of Services: kubectl get ipaddresses.ipam.cluster.x-k8s.io has those of claims\n';
  assert.is((await checked(list(ofService))).err, warning);
  assert.is((await checked(list(ofService, address('a', 'p', '10.0.0.1')))).err, '');
});

test('exit 1: what cannot be read', async () => {
  const { code, out, err } = await checked('kind: A\n---\n- b\n');
  assert.equal([code, out], [1, '']);
  assert.match(
    err,
    '<stdin>:1: document 1: apiVersion: is required\n<stdin>:3: document 2: document: must be an object',
  );
  assert.is((await checked(FAULTY, '--', 'x')).code, 1);
});

test('hostile names and messages cannot drive the terminal', async () => {
  const evil = '\u001b[31m\u009bx\u202e\n';
  const { code, out } = await checked(
    list(address(evil, evil, '10.0.0.1'), pool(evil, { addresses: [evil] })),
  );
  assert.is(code, 2);
  assert.ok([...out].every((character) => character >= ' ' || character === '\n'));
  assert.is(out.split('\n').length, 3 * 2 + 3);
});

test.run();
