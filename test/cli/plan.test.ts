import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import plan from '../../lib/cli/plan.ts';
import simulate from '../../lib/cli/simulate.ts';
import type { KubernetesObject } from '../../lib/kubernetes/object.ts';
import { run } from './run.ts';
import { standIn } from './stand-in.ts';

const pool = (name: string, addresses: string) => `---
apiVersion: ipam.cluster.x-k8s.io/v1alpha2
kind: InClusterIPPool
metadata: {name: ${name}}
spec: {addresses: [${addresses}], prefix: 24}
`;
const claim = (name: string, poolName = 'p') => `---
apiVersion: ipam.cluster.x-k8s.io/v1beta2
kind: IPAddressClaim
metadata: {name: ${name}}
spec: {poolRef: {apiGroup: ipam.cluster.x-k8s.io, kind: InClusterIPPool, name: ${poolName}}}
`;
const SECRET = '---\napiVersion: v1\nkind: Secret\nmetadata: {name: s}\n';
const NOW = pool('p', '10.0.0.1-10.0.0.3') + claim('a') + claim('b');

const dir = mkdtempSync(join(tmpdir(), 'metaipam-plan-'));
const current = join(dir, 'current.json');
test.before(async () => {
  const { out } = await run(simulate.run, ['-f', '-', '-o', 'json'], { stdin: NOW });
  writeFileSync(current, out);
});
test.after(() => rmSync(dir, { recursive: true }));

const planned = (stdin: string, ...argv: string[]) =>
  run(plan.run, argv.includes('--current') ? argv : ['--current', current, ...argv], { stdin });

const ipamClaim = (name: string) => `---
apiVersion: k8s.cni.cncf.io/v1alpha1
kind: IPAMClaim
metadata: {name: ${name}}
spec: {network: lan, interface: net1}
`;

test('exit 0: nothing would change', async () => {
  assert.equal(await planned(NOW, '-f', '-'), { code: 0, out: 'ok  nothing would change\n', err: '' });
});

const NEXT = pool('p', '10.0.0.2-10.0.0.4') + claim('c') + claim('d') + claim('e') + SECRET;
const OUTPUT = `~ InClusterIPPool default/p
    spec.addresses: ["10.0.0.1-10.0.0.3"] becomes ["10.0.0.2-10.0.0.4"]
+ IPAddressClaim default/c
+ IPAddressClaim default/d
+ IPAddressClaim default/e

! InClusterIPPool default/p: has no free address left
! InClusterIPPool default/p: 1 address in use falls out of range: 10.0.0.1 (IPAddressClaim default/a)
✓ IPAddressClaim default/c: gets 10.0.0.3
✓ IPAddressClaim default/d: gets 10.0.0.4
! IPAddressClaim default/e: waits: PoolExhausted: InClusterIPPool default/p has no free address

3 to create, 1 to change, 0 to delete; 5 effects, 3 of them bad (1 object of other kinds left out)
`;

test('exit 2: what would change, and for whom', async () => {
  assert.equal(await planned(NEXT, '-f', '-'), { code: 2, out: OUTPUT, err: '' });
  const coloured = await run(plan.run, ['--current', current, '-f', '-'], { stdin: NEXT, isTTY: true });
  assert.match(coloured.out, '\u001b[31m!\u001b[0m');
  assert.is(stripVTControlCharacters(coloured.out), OUTPUT);
});

test('-o json', async () => {
  const { code, out } = await planned(NEXT, '-f', '-', '-o', 'json');
  assert.is(code, 2);
  const { objects, effects, refused } = JSON.parse(out);
  assert.equal(objects[1], { action: 'create', object: 'IPAddressClaim default/c', fields: [] });
  assert.equal(effects[0], {
    effect: 'runs-out',
    kind: 'bad',
    object: 'InClusterIPPool default/p',
    message: 'has no free address left',
  });
  assert.equal(refused, []);
});

/** `NOW` with a pool that may be deleted while it is in use. */
const exempt = join(dir, 'exempt.json');
test.before(() => {
  const list = JSON.parse(readFileSync(current, 'utf8'));
  const { metadata } = list.items.find(({ kind }: { kind: string }) => kind === 'InClusterIPPool');
  metadata.annotations = { 'ipam.cluster.x-k8s.io/skip-validate-delete-webhook': '' };
  writeFileSync(exempt, JSON.stringify(list));
});

test('--delete', async () => {
  const deleted = claim('a') + pool('p', '10.0.0.1') + claim('none');
  const { code, out } = await planned(deleted, '--delete', '-', '--current', exempt);
  assert.is(code, 2);
  assert.match(out, '- IPAddressClaim default/a\n');
  assert.match(
    out,
    '- InClusterIPPool default/p  stays until it is let go of by metacontroller.io/compositecontroller-pools\n',
  );
  assert.not.match(out, 'none');
  assert.match(out, '· IPAddressClaim default/a: lets go of 10.0.0.1\n');
  assert.match(out, '! InClusterIPPool default/p: Ready becomes Deleting');
  assert.match(out, '0 to create, 0 to change, 2 to delete');
});

test('--delete of a pool in use is refused, and nothing else', async () => {
  const { code, out, err } = await planned(claim('a') + pool('p', '10.0.0.1'), '--delete', '-');
  assert.is(code, 1);
  assert.match(out, '· IPAddressClaim default/a: lets go of 10.0.0.1\n');
  assert.match(out, '0 to create, 0 to change, 1 to delete; ');
  assert.match(
    err,
    /document 2: InClusterIPPool default\/p: .*Cannot delete Pool until all IPAddresses have been removed/,
  );
});

test('--delete of a pool in use where the cluster does not refuse it', async () => {
  const bound = { metadata: { name: 'metaipam-delete-protection' }, spec: { validationActions: ['Deny'] } };
  const policy = { metadata: { name: 'metaipam-delete-protection' } };
  const warns = { ...bound, spec: { validationActions: ['Warn'] } };
  const objects: KubernetesObject[] = JSON.parse(readFileSync(current, 'utf8')).items;
  let policies: object[] | undefined = [];
  let bindings: object[] = [];
  const { kubeconfig, close } = await standIn(({ url = '' }, response) => {
    const plural = new URL(url, 'http://x').pathname.split('/').at(-1)!;
    const isOfPolicies = plural.startsWith('validatingadmissionpolic');
    const items = !isOfPolicies
      ? objects.filter(({ kind }) => `${kind.toLowerCase()}s` === plural.replace('addresses', 'address'))
      : plural.endsWith('bindings')
        ? bindings
        : (policies ?? []);
    const isRefused = isOfPolicies && policies === undefined;
    response
      .writeHead(isRefused ? 403 : 200, { 'content-type': 'application/json' })
      .end(JSON.stringify({ apiVersion: 'v1', kind: 'List', metadata: {}, items, gitVersion: 'v1.36.0' }));
  });
  const planned = () =>
    run(plan.run, ['--kubeconfig', kubeconfig, '--delete', '-'], { stdin: pool('p', '10.0.0.1') });
  try {
    for (const [some, others] of [
      [[], []],
      [[policy], []],
      [[], [bound]],
      [[policy], [warns]],
    ]) {
      [policies, bindings] = [some!, others!];
      const { code, out, err } = await planned();
      assert.equal([code, err], [2, ''], out);
      assert.match(out, '- InClusterIPPool default/p  stays until it is let go of by ');
      assert.match(out, '! InClusterIPPool default/p: Ready becomes Deleting');
    }
    // Who may not look, takes it for an install like any other.
    for (const some of [[policy], undefined]) {
      [policies, bindings] = [some, [bound]];
      const { code, err } = await planned();
      assert.is(code, 1);
      assert.match(err, 'Cannot delete Pool until all IPAddresses have been removed');
    }
  } finally {
    close();
  }
});

test('what was taken from a cluster, and is another there now', async () => {
  const withMeta = (more: string) => pool('p', '10.0.0.1').replace('{name: p}', `{name: p${more}}`);
  const file = join(dir, 'versions.yaml');
  writeFileSync(file, withMeta(', uid: u-1, resourceVersion: "7"'));
  const refusedFor = async (more: string) => {
    const stdin = withMeta(more).replace('10.0.0.1', '10.0.0.2');
    const { out, err } = await run(plan.run, ['--current', file, '-f', '-'], { stdin });
    assert.is(out.includes('~ InClusterIPPool default/p'), err === '', out);
    return err;
  };
  for (const same of ['', ', uid: u-1', ', resourceVersion: "7"', ', uid: u-1, resourceVersion: "7"'])
    assert.is(await refusedFor(same), '', same);
  assert.match(
    await refusedFor(', uid: u-2, resourceVersion: "7"'),
    'metadata.uid: Invalid value: "u-2": is not that of the object in the cluster; leave it out\n',
  );
  assert.match(
    await refusedFor(', uid: u-1, resourceVersion: "6"'),
    'metadata.resourceVersion: Invalid value: "6": is of another version than the object in the cluster; leave it out\n',
  );
});

test('objects of a Namespace that the cluster does not have', async () => {
  const asked: string[] = [];
  const { kubeconfig, close } = await standIn(({ url = '' }, response) => {
    const { pathname } = new URL(url, 'http://x');
    const [, , , , name] = pathname.split('/');
    if (pathname.startsWith('/api/v1/namespaces/')) asked.push(name!);
    const status =
      { 'team-b': 404, 'team-c': 403 }[pathname.startsWith('/api/v1/namespaces/') ? name! : ''] ?? 200;
    response
      .writeHead(status, { 'content-type': 'application/json' })
      .end(JSON.stringify({ apiVersion: 'v1', kind: 'List', metadata: {}, items: [] }));
  });
  const inNamespace = (name: string, namespace: string) =>
    pool(name, '10.0.0.1').replace(`{name: ${name}}`, `{name: ${name}, namespace: ${namespace}}`);
  try {
    const given = ['a', 'b', 'c', 'd']
      .map((letter) => inNamespace(`in-${letter}`, `team-${letter}`))
      .join('');
    const made = '---\n{apiVersion: v1, kind: Namespace, metadata: {name: team-d}}\n';
    const stdin = given + inNamespace('again', 'team-b') + pool('p', '10.0.1.1') + made;
    const { code, out, err } = await run(plan.run, ['--kubeconfig', kubeconfig, '-f', '-'], { stdin });
    assert.is(code, 1);
    for (const there of ['team-a/in-a', 'team-c/in-c', 'team-d/in-d', 'default/p'])
      assert.match(out, `+ InClusterIPPool ${there}\n`);
    assert.not.match(out, 'team-b/');
    const message =
      'metadata.namespace: Invalid value: "team-b": there is no such Namespace in the cluster; kubectl create namespace team-b, or give a file with it';
    for (const name of ['in-b', 'again']) assert.match(err, `InClusterIPPool team-b/${name}: ${message}\n`);
    assert.equal(asked.sort(), ['team-a', 'team-b', 'team-c']);
  } finally {
    close();
  }
});

test('objects of a kind that the cluster does not have', async () => {
  const { kubeconfig, close } = await standIn(({ url = '' }, response) => {
    const isThere = !new URL(url, 'http://x').pathname.endsWith('/ipamclaims');
    response
      .writeHead(isThere ? 200 : 404, { 'content-type': 'application/json' })
      .end(
        JSON.stringify({ apiVersion: 'v1', kind: 'List', metadata: {}, items: [], gitVersion: 'v1.36.0' }),
      );
  });
  const planned = (stdin: string) => run(plan.run, ['--kubeconfig', kubeconfig, '-f', '-'], { stdin });
  try {
    const given = pool('p', '10.0.0.1') + ipamClaim('vm-a');
    const { code, out, err } = await planned(given);
    assert.is(code, 1);
    assert.match(out, '+ InClusterIPPool default/p\n');
    assert.not.match(out, 'vm-a');
    assert.match(
      err,
      /IPAMClaim default\/vm-a: the cluster does not have this kind; install its CustomResourceDefinition first\n/,
    );
    const crd = `---\n{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: ipamclaims.k8s.cni.cncf.io}}\n`;
    assert.equal((await planned(given + crd)).code, 2);
  } finally {
    close();
  }
});

test('-n: where objects go that name no namespace', async () => {
  const { out } = await planned(pool('p', '10.0.9.1'), '-f', '-', '-n', 'team-a');
  assert.match(out, '+ InClusterIPPool team-a/p\n');
  const global = pool('g', '10.0.9.1').replace('InCluster', 'GlobalInCluster');
  assert.match((await planned(global, '-f', '-', '-n', 'team-a')).out, '+ GlobalInClusterIPPool g\n');
});

test('exit 1: what is refused, beside what the rest does', async () => {
  const { code, out, err } = await planned(
    claim('a', 'another') + pool('q', '10.0.0.300') + pool('r', '10.0.9.1'),
    '-f',
    '-',
  );
  assert.is(code, 1);
  assert.match(out, '+ InClusterIPPool default/r\n');
  assert.not.match(out, 'default/q');
  assert.equal(err.trimEnd().split('\n').length, 2);
  assert.match(
    err,
    '<stdin>:10: document 2: InClusterIPPool default/q: spec.addresses[0]: Invalid value: "10.0.0.300"',
  );
  assert.match(err, /<stdin>:2: document 1: IPAddressClaim default\/a: .*immutable/);
});

test('exit 1: nothing to plan, no state, a state that is none', async () => {
  const fails = async (stdin: string, ...argv: string[]) => {
    const { code, out, err } = await run(plan.run, argv, { stdin });
    assert.equal([code, out], [1, '']);
    return err;
  };
  assert.match(await fails(''), '-f PATH or --delete PATH is required');
  assert.match(await fails('', '--current', 'nowhere', '-f', '-'), 'nowhere: no such file or folder');
  assert.match(await fails('{', '--current', '-', '-f', current), '<stdin>:1: ');
  const broken = '{apiVersion: v1, kind: Node, metadata: {name: m, uid: 7}}';
  assert.match(await fails(broken, '--current', '-', '-f', current), 'Node m: metadata cannot be read');
  assert.match(await fails('', '--kubeconfig', join(dir, 'none'), '-f', '-'), 'cannot read the kubeconfig');
});

test('a live cluster is asked for its Namespaces where a file has one, or a pool selects them', async () => {
  let lists: string[] = [];
  const labels = { 'kubernetes.io/metadata.name': 'team' };
  const team = {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: 'team', uid: 'of-team', labels },
    spec: { finalizers: ['kubernetes'] },
    status: { phase: 'Active' },
  };
  const { kubeconfig, close } = await standIn(({ url = '' }, response) => {
    const plural = new URL(url, 'http://x').pathname.split('/').at(-1)!;
    lists.push(plural);
    const items = plural === 'namespaces' ? [team] : [];
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify({ apiVersion: 'v1', kind: 'NamespaceList', metadata: {}, items }));
  });
  const live = async (stdin: string, ...argv: string[]) => {
    lists = [];
    const { out, err } = await run(plan.run, ['--kubeconfig', kubeconfig, ...argv], { stdin });
    assert.is(err, '');
    return [lists.includes('namespaces'), out.split('\n')[0]];
  };
  const named = (name: string) => `---\napiVersion: v1\nkind: Namespace\nmetadata: {name: ${name}}\n`;
  try {
    assert.equal(await live(pool('p', '10.0.0.1'), '-f', '-'), [false, '+ InClusterIPPool default/p']);
    assert.equal(await live(named('team'), '-f', '-'), [true, 'ok  nothing would change']);
    assert.equal(await live(named('new'), '-f', '-'), [true, '+ Namespace new']);
    assert.equal(await live(named('team'), '--delete', '-'), [true, '- Namespace team']);
  } finally {
    close();
  }
});

test('IPAMClaims: new ones, ones that go, and ones that a new pool serves', async () => {
  const labelled = (name: string, addresses: string) =>
    pool(name, addresses).replace('{name: ', '{labels: {metaipam.io/network: lan}, name: ');
  const file = join(dir, 'ipam-claims.json');
  const state = async (text: string) => {
    const { out } = await run(simulate.run, ['-f', '-', '-o', 'json'], { stdin: text });
    writeFileSync(file, out);
  };
  const effects = async (stdin: string, ...argv: string[]) => {
    const { code, out, err } = await run(plan.run, ['--current', file, ...argv, '-o', 'json'], { stdin });
    assert.equal([code, err], [2, '']);
    return JSON.parse(out).effects.map(
      ({ object, message }: Record<string, string>) => `${object}: ${message}`,
    );
  };
  await state(labelled('p', '10.0.0.1-10.0.0.9') + ipamClaim('vm-a'));
  assert.equal(await effects(ipamClaim('vm-b'), '-f', '-'), [
    'IPAddressClaim default/vm-b-ipv4: gets 10.0.0.2',
  ]);
  assert.equal(await effects(ipamClaim('vm-a'), '--delete', '-'), [
    'IPAddressClaim default/vm-a-ipv4: lets go of 10.0.0.1',
  ]);
  await state(ipamClaim('vm-a'));
  assert.equal(await effects(labelled('p', '10.0.0.1-10.0.0.9'), '-f', '-'), [
    'IPAddressClaim default/vm-a-ipv4: gets 10.0.0.1',
  ]);
});

test('many alike are counted', async () => {
  const many = Array.from({ length: 40 }, (_, index) => claim(`m-${index}`)).join('');
  const { out } = await planned(many, '-f', '-');
  assert.match(out, '  and 29 more like these: -o json has all\n');
});

test('a claim waits for its Cluster where there are Clusters, and only there', async () => {
  const named = claim('c').replace('spec: {', 'spec: {clusterName: x, ');
  assert.match((await planned(named, '-f', '-')).out, 'default/c: gets 10.0.0.3');
  const cluster = '---\napiVersion: cluster.x-k8s.io/v1beta2\nkind: Cluster\nmetadata: {name: z}\n';
  assert.match(
    (await planned(named + cluster, '-f', '-')).out,
    'default/c: waits: ClusterNotFound: Cluster default/x does not exist',
  );
});

test('a state that does not come to rest is a warning', async () => {
  const network =
    '{apiVersion: metaipam.io/v1alpha1, kind: PodNetwork, metadata: {name: default, uid: u}, spec: {target: node.spec.podCIDRs}, status: {conditions: [{type: Ready}]}}';
  const file = join(dir, 'restless.yaml');
  writeFileSync(file, network);
  const { code, out, err } = await run(plan.run, ['--current', file, '-f', '-'], {
    stdin: pool('p', '10.0.0.1'),
  });
  assert.is(code, 2);
  assert.match(out, '+ InClusterIPPool default/p\n');
  assert.match(
    err,
    /^metaipam plan: warning: the cluster does not come to rest as it is, .*: pod-networks default keeps failing: /,
  );
  assert.is(err.split('\n').length, 2);
});

test('hostile values cannot drive the terminal', async () => {
  const evil = pool('p', '10.0.0.1').replace('{name: p}', '{name: p, annotations: {x: "\\e[31m\\n\\u202e"}}');
  const { code, out } = await planned(evil, '-f', '-');
  assert.is(code, 2);
  assert.ok([...out].every((character) => character >= ' ' || character === '\n'));
  assert.not.match(out, '\u202e');
});

test.run();
