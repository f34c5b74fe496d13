/** show, check and plan on a live cluster; what plan says is then done, and compared. */
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import check from '../../lib/cli/check.ts';
import { connectAsUser } from '../../lib/cli/connection.ts';
import { listLive } from '../../lib/cli/live-objects.ts';
import plan from '../../lib/cli/plan.ts';
import show from '../../lib/cli/show.ts';
import { check as checkObjects } from '../../lib/inspect/check/check.ts';
import { effectsOf } from '../../lib/inspect/preview/preview.ts';
import { DEFAULT_CONFIG } from '../../lib/metacontroller/hook.ts';
import { type Run, run } from '../cli/run.ts';
import { leakedAllocation } from './allocations.ts';
import { eventually } from './control-plane.ts';
import { type Installation, install, quiet } from './install.ts';

const pool = (name: string, ...addresses: string[]) => `---
apiVersion: ipam.cluster.x-k8s.io/v1alpha2
kind: InClusterIPPool
metadata: {name: ${name}, namespace: default}
spec: {addresses: [${addresses.join(', ')}], prefix: 24}
`;
const claim = (name: string, poolName: string) => `---
apiVersion: ipam.cluster.x-k8s.io/v1beta2
kind: IPAddressClaim
metadata: {name: ${name}, namespace: default}
spec: {poolRef: {apiGroup: ipam.cluster.x-k8s.io, kind: InClusterIPPool, name: ${poolName}}}
`;
const clusterCIDR = (name: string, ipv4: string, selector = '') => `---
apiVersion: networking.x-k8s.io/v1
kind: ClusterCIDR
metadata: {name: ${name}}
spec: {perNodeHostBits: 8, ipv4: ${ipv4}${selector}}
`;
const node = (name: string, labels = '', spec = '') => `---
apiVersion: v1
kind: Node
metadata: {name: ${name}, labels: {${labels}}}
spec: {${spec}}
`;
const GPUS = ', nodeSelector: {nodeSelectorTerms: [{matchExpressions: [{key: gpu, operator: Exists}]}]}';

/** Two claims wait: one for an address, one for a pool that is not there. */
const NOW =
  pool('machines', '10.0.0.10-10.0.0.19') +
  pool('tiny', '10.1.0.1') +
  ['m-1', 'm-2', 'm-3'].map((name) => claim(name, 'machines')).join('') +
  claim('t-1', 'tiny') +
  claim('t-2', 'tiny') +
  clusterCIDR('workers', '10.244.0.0/22') +
  node('worker-1') +
  node('gpu-1', 'gpu: a');

/** The pool is moved, the other grows, gpus get a ClusterCIDR of their own, and there is more of everything. */
const NEXT =
  pool('machines', '10.0.0.11-10.0.0.13') +
  pool('tiny', '10.1.0.1-10.1.0.2') +
  claim('m-4', 'machines') +
  claim('m-5', 'machines') +
  claim('t-3', 'tiny') +
  clusterCIDR('gpus', '10.245.0.0/23', GPUS) +
  node('worker-2') +
  node('gpu-2', 'gpu: b');

const DELETE_PROTECTION = join(import.meta.dirname, '..', '..', 'metacontroller', 'delete-protection.yaml');

const test = suite<{ installation: Installation }>('show, check and plan: ');

test.before(async (context) => {
  // There are faults that came before the policies.
  context.installation = await install({ serveArgs: ['--cache-lag=2s'], withoutValidation: true });
  await applyInOrder(context.installation, NOW);
  await quiet(context.installation);
});
test.after(({ installation }) => installation?.stop());

/** Each claim and node once those before it are served: those made together are heard of in any order. */
async function applyInOrder(installation: Installation, manifest: string): Promise<void> {
  for (const document of manifest.split(/^---$/m).filter((text) => text.trim() !== '')) {
    await installation.plane.kubectl(['apply', '-f', '-'], document);
    if (/^kind: (IPAddressClaim|Node)$/m.test(document)) await quiet(installation, 1);
  }
}

type Runner = typeof show.run;
const live = ({ plane }: Installation, command: Runner, argv: string[] = [], stdin = ''): Promise<Run> =>
  run(command, [`--kubeconfig=${plane.kubeconfig}`, ...argv], { stdin });
const objectsOf = async ({ plane }: Installation) =>
  listLive(await connectAsUser({ kubeconfig: plane.kubeconfig, context: '' }), '');
const contextAt = (now: number) => ({ now, config: DEFAULT_CONFIG });

test('show', async ({ installation }) => {
  const { code, out, err } = await live(installation, show.run);
  assert.is(err, '');
  assert.is(code, 0);
  assert.match(out, /InClusterIPPool default\/machines +10 +3 +7 +- +0% +- +Ready\n/);
  assert.match(
    out,
    /InClusterIPPool default\/tiny +1 +1 +0 +- +0% +1 +PoolExhausted: every address is in use\n/,
  );
  assert.match(out, /workers +default +10\.244\.0\.0\/22 +\/24 +4 +2 +2 +0% +Ready\n/);
  assert.match(
    out,
    /IPAddressClaim default\/t-2 +PoolExhausted: InClusterIPPool default\/tiny has no free address\n/,
  );
  assert.match(out, /InClusterIPPool default\/machines +10\.0\.0\.10 +███·······\n/);
  const named = await live(installation, show.run, ['machines', '-n', 'default', '--context', 'e2e']);
  assert.match(named.out, 'default/machines');
  assert.not.match(named.out, 'tiny');
});

test('show agrees with the status of each object', async ({ installation }) => {
  const { out } = await live(installation, show.run, ['-o', 'json']);
  for (const shown of JSON.parse(out).pools) {
    const text = await installation.plane.kubectl([
      'get',
      'icpool',
      '-n',
      'default',
      shown.name,
      '-o',
      'json',
    ]);
    const { total, used, free, outOfRange, pending } = JSON.parse(text).status.ipAddresses;
    assert.equal(
      [shown.total, shown.used, shown.free, shown.outOfRange, shown.waiting.length],
      [total, used, free, outOfRange, pending],
    );
  }
});

test('check: a cluster in order, also long after', async ({ installation }) => {
  const { code, out, err } = await live(installation, check.run);
  assert.is(err, '');
  assert.match(out, /^ok {2}nothing found in \d+ objects\n$/);
  assert.is(code, 0);
  assert.equal(checkObjects(await objectsOf(installation), contextAt(Date.now() + 86_400_000)), []);
});

test('plan: what is there already changes nothing', async ({ installation }) => {
  assert.equal(await live(installation, plan.run, ['-f', '-'], NOW), {
    code: 0,
    out: 'ok  nothing would change\n',
    err: '',
  });
});

test('plan says what comes to pass', async ({ installation }) => {
  const before = await objectsOf(installation);
  const { code, out, err } = await live(installation, plan.run, ['-f', '-', '-o', 'json'], NEXT);
  assert.is(err, '');
  assert.is(code, 2);
  const { objects, effects, refused } = JSON.parse(out);
  assert.equal(refused, []);
  assert.equal(
    objects.map(({ action, object }: Record<string, string>) => `${action} ${object}`),
    [
      'change InClusterIPPool default/machines',
      'change InClusterIPPool default/tiny',
      'create IPAddressClaim default/m-4',
      'create IPAddressClaim default/m-5',
      'create IPAddressClaim default/t-3',
      'create ClusterCIDR gpus',
      'create Node worker-2',
      'create Node gpu-2',
    ],
  );
  assert.equal(
    effects.map(({ object, message }: Record<string, string>) => `${object}: ${message}`),
    [
      'InClusterIPPool default/machines: total 10 becomes 3, free 7 becomes 0',
      'InClusterIPPool default/machines: has no free address left',
      'InClusterIPPool default/machines: 1 address in use falls out of range: 10.0.0.10 (IPAddressClaim default/m-1)',
      'InClusterIPPool default/tiny: total 1 becomes 2, free 0 becomes 0',
      'IPAddressClaim default/m-4: gets 10.0.0.13',
      'IPAddressClaim default/m-5: waits: PoolExhausted: InClusterIPPool default/machines has no free address',
      'IPAddressClaim default/t-2: waits no longer: gets 10.1.0.2',
      'IPAddressClaim default/t-3: waits: PoolExhausted: InClusterIPPool default/tiny has no free address',
      'Node gpu-2: gets 10.245.0.0/24',
      'Node worker-2: gets 10.244.2.0/24',
      'PodNetwork default: a new node like gpu-1 (and 1 more) would be served by ClusterCIDR gpus instead of ClusterCIDR workers',
    ],
  );
  assert.equal(
    (await objectsOf(installation)).map(({ metadata }) => metadata.uid).sort(),
    before.map(({ metadata }) => metadata.uid).sort(),
  );

  await applyInOrder(installation, NEXT);
  await quiet(installation);
  assert.equal(effectsOf(before, await objectsOf(installation), contextAt(Date.now())), effects);
});

test('plan of a deletion says what comes to pass', async ({ installation }) => {
  const { plane } = installation;
  const deletion = () => live(installation, plan.run, ['--delete', '-'], pool('tiny', '10.1.0.1'));
  const unprotected = await deletion();
  assert.equal([unprotected.code, unprotected.err], [2, '']);
  assert.match(unprotected.out, '- InClusterIPPool default/tiny  stays until it is let go of by ');
  await plane.kubectl(['apply', '-f', DELETE_PROTECTION]);
  const refused = await deletion();
  await plane.kubectl(['delete', '-f', DELETE_PROTECTION]);
  assert.is(refused.code, 1);
  assert.match(refused.err, /default\/tiny: .* Pool has IPAddresses allocated. Cannot delete Pool/);
  const exempt = 'ipam.cluster.x-k8s.io/skip-validate-delete-webhook=';
  await plane.kubectl(['annotate', 'inclusterippool', 'tiny', exempt]);
  await quiet(installation);
  const before = await objectsOf(installation);
  const gone = claim('m-1', 'machines') + claim('m-2', 'machines') + pool('tiny', '10.1.0.1') + node('gpu-2');
  const { code, out, err } = await live(installation, plan.run, ['--delete', '-', '-o', 'json'], gone);
  assert.is(err, '');
  assert.is(code, 2);
  const { effects } = JSON.parse(out);
  assert.ok(
    effects.some(({ message }: { message: string }) => message === 'waits no longer: gets 10.0.0.11'),
    out,
  );
  await plane.kubectl(['delete', '--wait=false', '-f', '-'], gone);
  await quiet(installation);
  assert.equal(effectsOf(before, await objectsOf(installation), contextAt(Date.now())), effects);
});

test('plan: what an API server refuses is refused', async ({ installation }) => {
  const changed = clusterCIDR('workers', '10.250.0.0/22') + pool('bad', '10.0.0.1', '10.9.0.1');
  const { code, out, err } = await live(installation, plan.run, ['-f', '-'], changed);
  assert.is(code, 1);
  assert.is(out, 'refused  2 problems; nothing else would change\n');
  assert.match(err, /<stdin>:2: document 1: ClusterCIDR workers: .*spec.ipv4: .* IPv4 cannot be changed/);
  assert.match(
    err,
    '<stdin>:10: document 2: InClusterIPPool default/bad: spec.addresses[1]: Invalid value: "10.9.0.1"',
  );
});

test('check: faults made by hand', async ({ installation }) => {
  const faults = `${
    pool('other', '10.0.0.12-10.0.0.20') +
    pool('bad', '10.9.0.1').replace(
      'namespace: default',
      'namespace: default, annotations: {metaipam.io/address-space: Not A Name}',
    ) +
    claim('lost', 'nowhere') +
    node('twin', '', 'podCIDRs: [10.244.0.0/24], podCIDR: 10.244.0.0/24')
  }---
apiVersion: ipam.cluster.x-k8s.io/v1beta2
kind: IPAddress
metadata: {name: thief, namespace: default}
spec:
  poolRef: {apiGroup: ipam.cluster.x-k8s.io, kind: InClusterIPPool, name: machines}
  claimRef: {name: thief}
  address: 10.0.0.13
  prefix: 24
`;
  const leaked = leakedAllocation();
  await installation.plane.kubectl(['apply', '-f', '-'], faults + leaked.manifest);
  await quiet(installation);
  const { code, out, err } = await live(installation, check.run, ['-o', 'json']);
  assert.is(err, '');
  assert.is(code, 2);
  const names = (findings: { check: string; object: string }[]) =>
    findings.map(({ check, object }) => `${check} ${object}`);
  const found = names(JSON.parse(out).findings);
  const expected = [
    'duplicate-address IPAddress default/thief',
    'duplicate-cidr Node twin',
    'invalid-object InClusterIPPool default/bad',
    'missing-pool IPAddressClaim default/lost',
    'overlapping-pools InClusterIPPool default/other',
  ];
  for (const each of expected) assert.ok(found.includes(each), `${each} in ${out}`);
  const later = names(checkObjects(await objectsOf(installation), contextAt(Date.now() + 3600_000)));
  assert.ok(later.includes('orphaned-address IPAddress default/thief'), `${later}`);
  await eventually('the leaked slice to go', async () => {
    return (await installation.plane.api('GET', leaked.path)).status === 404;
  });
});

test('no right to list', async ({ installation }) => {
  const { plane } = installation;
  const config = JSON.parse(await plane.kubectl(['config', 'view', '--raw', '--output=json']));
  config.users[0].user = {};
  const { writeFileSync } = await import('node:fs');
  const kubeconfig = `${plane.dir}/anonymous`;
  writeFileSync(kubeconfig, JSON.stringify(config));
  for (const [name, { run: command }] of Object.entries({ show, check })) {
    const { code, out, err } = await run(command, [`--kubeconfig=${kubeconfig}`]);
    assert.is(out, '');
    assert.match(err, new RegExp(`^metaipam ${name}: cannot list \\w+: .*forbidden.*\\n$`));
    assert.is(code, 1);
  }
});

test.run();
