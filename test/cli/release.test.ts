/** release on a cluster that may say no. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import release from '../../lib/cli/release.ts';
import type { KubernetesObject } from '../../lib/kubernetes/object.ts';
import { address, allocation, claim, pool, served } from '../inspect/objects.ts';
import { run } from './run.ts';
import { standIn } from './stand-in.ts';

const MADE_FOR = (name: string) => ({
  labels: { 'metaipam.io/claim-uid': `uid-of-IPAddressClaim-${name}`, 'metaipam.io/pool-uid': 'uid-of-p' },
});
const OBJECTS = [
  pool('p', { addresses: ['10.0.0.0/24'], prefix: 24 }),
  claim('a', 'p', {}, served('a')),
  allocation('p', '10.0.0.1', 'a'),
  address('a', 'p', '10.0.0.1'),
  address('gone', 'p', '10.0.0.2', MADE_FOR('gone')),
  address('back', 'p', '10.0.0.3', MADE_FOR('back')),
  address('kept', 'p', '10.0.0.4', MADE_FOR('kept')),
];
/** Since the lists, the claim is there again. */
const BACK = claim('back', 'p');
let cluster: Awaited<ReturnType<typeof standIn>>;
let writes: string[] = [];

test.before(async () => {
  cluster = await standIn((request, response) => {
    const send = (code: number, object: object) =>
      response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(object));
    const status = (code: number, message: string) =>
      send(code, { apiVersion: 'v1', kind: 'Status', status: 'Failure', code, message });
    const { pathname } = new URL(request.url!, 'http://x');
    const [plural = '', name] = pathname.split('/').slice(pathname.includes('/namespaces/') ? 6 : 4);
    if (request.method !== 'GET') {
      writes.push(`${request.method} ${plural}/${name}`);
      if (name === 'kept') status(403, 'ipaddresses "kept" is forbidden');
      else send(200, { apiVersion: 'v1', kind: 'Status', status: 'Success' });
    } else if (pathname === '/apis/ipam.cluster.x-k8s.io') {
      send(200, { kind: 'APIGroup', versions: [{ version: 'v1beta2' }] });
    } else if (name !== undefined) {
      if (plural === 'ipaddressclaims' && name === 'back') send(200, BACK);
      else status(404, 'not found');
    } else {
      const items = OBJECTS.filter(
        ({ kind }: KubernetesObject) => kind.toLowerCase() === plural.replace(/(?<=ss)es$|s$/, ''),
      );
      const [{ apiVersion, kind } = { apiVersion: 'v1', kind: 'None' }] = items;
      send(200, { apiVersion, kind: `${kind}List`, metadata: {}, items });
    }
  });
});
test.before.each(() => {
  writes = [];
});
test.after(() => cluster.close());

const released = (...argv: string[]) => run(release.run, ['--kubeconfig', cluster.kubeconfig, ...argv]);
const outcome = (name: string, of: string, done: boolean, left?: string) => ({
  object: `IPAddress default/${name}`,
  addresses: [of],
  action: 'delete',
  why: `IPAddress default/${name}: its claim is gone`,
  done,
  ...(left !== undefined && { left }),
});

test('-o json: what would be done', async () => {
  const { code, out, err } = await released('10.0.0.1-10.0.0.2', '10.0.0.9', '--dry-run', '-o', 'json');
  assert.equal([code, err, writes], [0, '', []]);
  assert.equal(JSON.parse(out), {
    dryRun: true,
    objects: [outcome('gone', '10.0.0.2', false)],
    notLeaked: ['10.0.0.9'],
  });
});

test('-o json: what was done, what was left and why', async () => {
  const { code, out, err } = await released('--all', '-o', 'json');
  assert.is(code, 1);
  assert.equal(JSON.parse(out), {
    dryRun: false,
    objects: [
      outcome('back', '10.0.0.3', false, 'that is not so any more'),
      outcome('gone', '10.0.0.2', true),
      outcome('kept', '10.0.0.4', false, 'ipaddresses "kept" is forbidden'),
    ],
    notLeaked: [],
  });
  assert.equal(writes, ['DELETE ipaddresses/gone', 'DELETE ipaddresses/kept']);
  assert.is(
    err,
    `metaipam release: IPAddress default/back: its claim is gone: left: that is not so any more
metaipam release: IPAddress default/kept: its claim is gone: left: ipaddresses "kept" is forbidden
`,
  );
});

test('as text, with the addresses where nothing is leaked', async () => {
  assert.equal(await released('10.0.0.2', '10.0.0.0/31'), {
    code: 0,
    out: `IPAddress default/gone: its claim is gone: deleted
nothing is leaked in 10.0.0.0/31: metaipam show 10.0.0.0/31 says who has it
1 object changed
`,
    err: '',
  });
});

test('everything, or addresses', async () => {
  const both = await released('--all', '10.0.0.2', '10.0.0.3');
  assert.is(both.code, 1);
  assert.match(both.err, 'release: --all or addresses, not both: leave out --all, or 10.0.0.2 10.0.0.3\n');
  assert.match((await released()).err, 'release: name the addresses or ranges to release, or --all\n');
});

test('-v 6 logs what is asked and what is written', async () => {
  const { err } = await released('--all', '-v', '6');
  for (const said of [
    /^GET http\S+\/apis\/ipam.cluster.x-k8s.io 200 in \d+ ms$/m,
    /^GET http\S+\/ipaddresses\?limit=\d+ 200 in \d+ ms$/m,
    /^GET http\S+\/ipaddressclaims\/gone 404 in \d+ ms$/m,
    /^DELETE http\S+\/ipaddresses\/gone 200 in \d+ ms$/m,
    /^DELETE http\S+\/ipaddresses\/kept 403 in \d+ ms$/m,
  ])
    assert.match(err, said);
  assert.not.match((await released('--all', '-v', '5')).err, ' ms');
});

test.run();
