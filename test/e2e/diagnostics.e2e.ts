/** What installs by clusterctl set: metrics for who may read them, and allocations that stay when clusterctl moves. */
import { request } from 'node:https';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { eventually, freePorts } from './control-plane.ts';
import { type Installation, install } from './install.ts';

const RBAC = join(import.meta.dirname, '..', '..', 'metacontroller', 'diagnostics', 'rbac.yaml');
const test = suite('diagnostics');
let installation: Installation;
let port: number;

test.before(async () => {
  [port] = (await freePorts(1)) as [number];
  const serveArgs = [
    `--diagnostics-address=127.0.0.1:${port}`,
    '--leader-elect=false',
    '--keep-from-move',
    '--v=5',
    '--webhook-port=0',
  ];
  installation = await install({ metacontrollers: 0, serveArgs });
  const { plane } = installation;
  await plane.kubectl(['apply', '-f', RBAC]);
  for (const name of ['reader', 'stranger']) await plane.kubectl(['create', 'serviceaccount', name]);
  const role = '--clusterrole=metaipam-metrics-reader';
  await plane.kubectl(['create', 'clusterrolebinding', 'reader', role, '--serviceaccount=default:reader']);
});
test.after(async () => {
  const { plane } = installation;
  await plane.kubectl(['delete', '-f', RBAC]);
  await plane.kubectl([
    'delete',
    'clusterrolebinding/reader',
    'serviceaccount/reader',
    'serviceaccount/stranger',
  ]);
  await installation.stop();
});

function read(token?: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const url = `https://127.0.0.1:${port}/metrics`;
    request(url, { headers, rejectUnauthorized: false, agent: false }, (response) => {
      let text = '';
      response.on('data', (data) => (text += data));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    })
      .on('error', reject)
      .end();
  });
}

test('nobody, a stranger, and who is bound to the role', async () => {
  const { plane, webserver } = installation;
  const token = async (name: string) => (await plane.kubectl(['create', 'token', name])).trim();
  assert.is((await read()).status, 401);
  assert.is((await read('nonsense')).status, 401);
  const stranger = await read(await token('stranger'));
  assert.equal(stranger, {
    status: 403,
    text: 'Authorization denied for user system:serviceaccount:default:stranger\n',
  });
  const reader = await token('reader');
  await eventually('the role', async () => (await read(reader)).status === 200);
  assert.match((await read(reader)).text, 'metaipam_binder_leader 1');
  assert.is((await fetch(`${webserver}/metrics`)).status, 404);
});

test("clusterctl's label goes from the CRDs of allocations, and stays where pools are", async () => {
  const { plane } = installation;
  const label = 'clusterctl.cluster.x-k8s.io';
  const crds = ['allocationslices.metaipam.io', 'podcidrclaims.metaipam.io'];
  const pools = 'inclusterippools.ipam.cluster.x-k8s.io';
  await plane.kubectl(['label', 'crd', ...crds, pools, `${label}=`]);
  await eventually('the label to go', async () => {
    const left = await plane.kubectl(['get', 'crd', '-l', label, '-o', 'name']);
    assert.match(left, pools);
    return !crds.some((crd) => left.includes(crd));
  });
  await plane.kubectl(['label', 'crd', pools, `${label}-`]);
});

test.run();
