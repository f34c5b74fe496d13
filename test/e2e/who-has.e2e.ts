/** Who has an address, whose that is, and how it is given up by hand: on a cluster that has no janitor. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import release from '../../lib/cli/release.ts';
import show from '../../lib/cli/show.ts';
import { type Run, run } from '../cli/run.ts';
import { eventually } from './control-plane.ts';
import { type Installation, install, quiet } from './install.ts';

const ROOT = join(import.meta.dirname, '../..');
const OBJECTS = `
apiVersion: v1
kind: ConfigMap
metadata: {name: machine, namespace: default}
---
apiVersion: ipam.cluster.x-k8s.io/v1alpha2
kind: InClusterIPPool
metadata: {name: machines, namespace: default}
spec: {addresses: [10.0.0.0/24], prefix: 24, gateway: 10.0.0.1}
`;
const claim = (owner: object) =>
  JSON.stringify({
    apiVersion: 'ipam.cluster.x-k8s.io/v1beta2',
    kind: 'IPAddressClaim',
    metadata: { name: 'web-0', namespace: 'default', ownerReferences: [owner] },
    spec: { poolRef: { apiGroup: 'ipam.cluster.x-k8s.io', kind: 'InClusterIPPool', name: 'machines' } },
  });

/** The owner of the claim: with another uid, the garbage collector would take the claim. */
async function machine({ plane }: Installation) {
  const uid = await plane.kubectl(['get', 'configmap', 'machine', '-o', 'jsonpath={.metadata.uid}']);
  return { apiVersion: 'v1', kind: 'ConfigMap', name: 'machine', uid };
}

const test = suite<{ installation: Installation }>('who has: ');
test.before(async (context) => {
  context.installation = await install({ serveArgs: ['--no-bind'] });
  const { plane } = context.installation;
  await plane.kubectl(['apply', '-f', '-'], OBJECTS);
  await plane.kubectl(['apply', '-f', '-'], claim(await machine(context.installation)));
  await quiet(context.installation);
});
test.after(({ installation }) => installation?.stop());

const live = ({ plane }: Installation, command: typeof show.run, ...argv: string[]): Promise<Run> =>
  run(command, [`--kubeconfig=${plane.kubeconfig}`, ...argv]);

test('the claim, its owner, its IPAddress and since when', async ({ installation }) => {
  const { code, out, err } = await live(installation, show.run, '10.0.0.2', '-o', 'json');
  assert.equal([code, err], [0, '']);
  const [{ holdings }] = JSON.parse(out).addresses;
  const { since, note, ...holding } = holdings[0];
  assert.equal(holding, {
    addresses: '10.0.0.2',
    pool: 'InClusterIPPool default/machines',
    state: 'used',
    holder: 'IPAddressClaim default/web-0',
    owners: ['ConfigMap default/machine'],
    ipAddress: 'default/web-0',
  });
  assert.is(note, `of ConfigMap default/machine, IPAddress default/web-0 since ${since}`);
  assert.match((await live(installation, show.run, 'default/web-0')).out, '10.0.0.2');
});

test('nothing is leaked as long as there is the claim', async ({ installation }) => {
  const { code, out } = await live(installation, release.run, '--all');
  assert.equal([code, out], [0, 'nothing is leaked\n']);
});

test('what is kept for a claim that is gone is given up, and nothing else', async ({ installation }) => {
  const { plane } = installation;
  const leaked = { spec: { entries: { '10.0.0.9': { uid: 'gone', namespace: 'default', name: 'gone' } } } };
  const patch = JSON.stringify(leaked);
  await plane.kubectl(['patch', 'allocationslice', 'machines.10.0.0.0-27', '--type=merge', '-p', patch]);
  await quiet(installation);
  const what = 'AllocationSlice default/machines.10.0.0.0-27: 10.0.0.9 had claims that are gone';
  const object = 'AllocationSlice default/machines.10.0.0.0-27';
  const given = (done: boolean) => ({ object, addresses: ['10.0.0.9'], action: 'release', why: what, done });
  const { out: dry } = await live(installation, release.run, '--all', '--dry-run');
  assert.is(dry, `${what}: would be released\n1 object would be changed\n`);
  const { code, out: json } = await live(installation, release.run, '--all', '--dry-run', '-o', 'json');
  assert.equal([code, JSON.parse(json)], [0, { dryRun: true, objects: [given(false)], notLeaked: [] }]);
  const { out: before } = await live(installation, show.run, '10.0.0.9');
  assert.match(before, /IPAddressClaim default\/gone +which is gone, without an IPAddress\n$/);
  const asked = ['10.0.0.0/28', '10.0.1.0', '-o', 'json'];
  const { err, out: after } = await live(installation, release.run, ...asked);
  assert.is(err, '');
  assert.equal(JSON.parse(after), { dryRun: false, objects: [given(true)], notLeaked: ['10.0.1.0'] });
  await eventually('the address to be free', async () =>
    (await live(installation, show.run, '10.0.0.9')).out.endsWith(' free\n'),
  );
  assert.match((await live(installation, show.run, '10.0.0.2')).out, 'IPAddressClaim default/web-0');
});

test('a watch shows what changes', async ({ installation }) => {
  const { plane } = installation;
  const { child, text } = started(plane.kubeconfig, '10.0.0.2', '--watch');
  try {
    await eventually('the first answer', async () => text().includes('IPAddressClaim default/web-0'));
    await plane.kubectl(['delete', 'ipaddressclaim', 'web-0']);
    await eventually('the second', async () => / (free|held back until [^\n]*)\n$/.test(text()));
  } finally {
    child.kill();
  }
});

test('the page, with the rights of the kubeconfig, tells of changes', async ({ installation }) => {
  const { plane } = installation;
  const { child, text } = started(plane.kubeconfig, '--serve');
  try {
    await eventually('its address', async () => text().includes('\n'));
    const [url = ''] = text().split(' ');
    const says = (words: string, query = '') =>
      eventually(words, async () => (await (await fetch(url + query)).text()).includes(words));
    await says('pool=InClusterIPPool%2Fdefault%2Fmachines');
    const events = (await fetch(`${url}events`)).body!.getReader();
    await plane.kubectl(['apply', '-f', '-'], claim(await machine(installation)));
    let heard = '';
    while (!heard.includes('data: changed')) heard += Buffer.from((await events.read()).value!).toString();
    await says('What default/web-0 has', '?q=default/web-0');
    await events.cancel();
  } finally {
    child.kill();
  }
});

/** `metaipam show`, and what it has printed so far. */
function started(kubeconfig: string, ...argv: string[]): { child: ChildProcess; text: () => string } {
  const command = ['bin/metaipam.js', 'show', `--kubeconfig=${kubeconfig}`, ...argv];
  const child = spawn(process.execPath, command, { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (part) => {
    text += part;
  });
  return { child, text: () => text };
}

test.run();
