/** Both images, built from their Dockerfiles and run. */
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { bundle } from '../../release/bundle.ts';
import { addresses, apiServer, cniEnv, HOST_LOCAL, run, scratch, succeeded } from '../cni/kit.ts';
import { LOOPBACK } from '../release/running.ts';
import { type Container, type Image, ROOT, Workshop } from './image.ts';

const FIXTURE = join(ROOT, 'test/fixtures/pools/oldest-first.json');
const ANNOTATION = 'example.com/a';
const workshop = new Workshop();

test.before(() => workshop.makeBases());
test.after(() => workshop.close());

test('the server answers a hook, as nobody, and may write nothing', async () => {
  const image = workshop.build('Dockerfile', { VERSION: '1.2.3', REVISION: 'abcdef' });
  const { Labels, Cmd } = image.config;
  assert.is(Labels?.['org.opencontainers.image.version'], '1.2.3');
  assert.is(Labels?.['org.opencontainers.image.revision'], 'abcdef');
  const dist = scratch();
  await bundle(dist);
  assert.equal(readdirSync(join(image.root, 'app')).sort(), ['LICENSE', ...readdirSync(dist)].sort());
  for (const file of readdirSync(dist)) {
    assert.is(readFileSync(join(image.root, 'app', file), 'utf8'), readFileSync(join(dist, file), 'utf8'));
  }

  const args = [...Cmd!, ...LOOPBACK, '--no-bind'];
  const server = await workshop.run(image, 'ready', { args });
  confined(image, server, 65532);
  const { request } = JSON.parse(readFileSync(FIXTURE, 'utf8'));
  const answer = await server.running.post('pools/sync', JSON.stringify(request));
  assert.is(answer.status, 200);
  assert.is(((await answer.json()) as { children: unknown[] }).children.length, 2);
  assert.is(await server.running.get('/readyz'), 200);
  assert.is(await server.running.stop(), 0, server.running.output);
});

test('the node agent installs programs that run on this host, and keeps the facts of its Node', async () => {
  const image = workshop.build('cni/Dockerfile');
  const work = scratch();
  const ranges = `ranges: [[{"subnet": "10.2.0.0/24"}]], dataDir: "${join(work, 'data')}"`;
  const node = {
    name: hostname().toLowerCase(),
    podCIDRs: ['10.1.0.0/24'],
    annotations: { [ANNOTATION]: ranges },
  };
  const [bin, cache, account] = ['bin', 'cache', 'account'].map((name) => join(work, name));
  for (const folder of [bin!, cache!, account!]) mkdirSync(folder);
  symlinkSync(HOST_LOCAL[0], join(bin!, 'host-local'));
  const api = await apiServer(join(work, 'api'), [node]);
  try {
    writeFileSync(join(account!, 'token'), api.token);
    writeFileSync(join(account!, 'ca.crt'), readFileSync(api.caFile));
    const agent = await workshop.run(image, '"the Node"', {
      env: {
        NODE_NAME: node.name,
        CNI_BIN: '/host/cni-bin',
        METAIPAM_CNI_CACHE: '/host/cache',
        KUBERNETES_SERVICE_HOST: '127.0.0.1',
        KUBERNETES_SERVICE_PORT: new URL(api.url).port,
      },
      mounts: {
        '/host/cni-bin': bin!,
        '/host/cache': cache!,
        '/var/run/secrets/kubernetes.io/serviceaccount': account!,
      },
    });
    confined(image, agent, 0);
    assert.is(await agent.running.stop(), 0, agent.running.output);
    const facts = JSON.parse(readFileSync(join(cache!, 'node.json'), 'utf8'));
    assert.equal(facts.podCIDRs, node.podCIDRs);

    assert.equal(readdirSync(bin!).sort(), ['fetch-node', 'host-local', 'kube-node', 'node-annotation']);
    const env = cniEnv('', 'c1', { METAIPAM_CNI_CACHE: cache! });
    for (const [plugin, more, address] of [
      ['kube-node', { dataDir: join(work, 'data') }, '10.1.0.2/24'],
      ['node-annotation', { annotation: ANNOTATION }, '10.2.0.2/24'],
    ] as const) {
      const ipam = { type: plugin, ...more };
      const stdin = JSON.stringify({ cniVersion: '1.0.0', name: 'net', ipam });
      const call = (command: string) =>
        run(join(bin!, plugin), { stdin, env: { ...env, CNI_COMMAND: command } });
      assert.ok(JSON.parse((await call('VERSION')).out).supportedVersions.includes('1.0.0'), plugin);
      assert.equal(
        addresses(await call('ADD')).ips.map((ip) => ip.address),
        [address],
      );
      succeeded(await call('DEL'));
    }
    const kubeconfig = api.kubeconfig(join(work, 'kubeconfig'));
    const { out } = await run(join(bin!, 'fetch-node'), {
      stdin: JSON.stringify({ deadline: 10_000, name: node.name, kubeconfig }),
    });
    assert.equal(JSON.parse(out), { node });
    for (const library of readdirSync(join(image.root, 'app/licenses'))) {
      assert.match(readFileSync(join(image.root, 'app/licenses', library), 'utf8'), /copyright/i, library);
    }
  } finally {
    api.close();
  }
});

test.run();

/** That a container is what a restricted pod may be, as the kernel sees it. */
function confined({ root }: Image, { pid }: Container, id: number): void {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const value = (name: string) => new RegExp(`^${name}:\t(.*)$`, 'm').exec(status)?.[1];
  for (const name of ['Uid', 'Gid']) assert.is(value(name), `${id}\t${id}\t${id}\t${id}`, name);
  for (const name of ['CapEff', 'CapBnd']) assert.is(value(name), '0'.repeat(16), name);
  assert.is(value('NoNewPrivs'), '1');
  assert.match(readFileSync(`/proc/${pid}/mountinfo`, 'utf8'), / \/ ro[, ]/);
  assert.not(existsSync(join(root, 'usr/bin/sh')), 'there is no shell');
}
