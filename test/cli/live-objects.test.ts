import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Io } from '../../lib/cli/command.ts';
import { connectAsUser } from '../../lib/cli/connection.ts';
import { listLive } from '../../lib/cli/live-objects.ts';
import { main } from '../../lib/cli/metaipam.ts';
import { openSource, SOURCE_OPTIONS } from '../../lib/cli/object-source.ts';
import { parseOptions } from '../../lib/options/options.ts';
import { freePorts } from '../e2e/control-plane.ts';
import { run } from './run.ts';

/** Answers by path, then by the continue token. */
type Answers = Record<string, (token: string) => { status?: number; body: unknown }>;

const dir = mkdtempSync(join(tmpdir(), 'metaipam-live-'));
let server: Server;
let answers: Answers = {};
let asked: string[] = [];
const kubeconfig = join(dir, 'config');

test.before(async () => {
  server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url!, 'http://x');
    asked.push(`${request.method} ${pathname}?${searchParams}`);
    const { status = 200, body } = answers[pathname]?.(searchParams.get('continue') ?? '') ?? {
      status: 404,
      body: { kind: 'Status', message: 'no such resource' },
    };
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const [free] = await freePorts(1);
  const cluster = (name: string, server: string) => ({ name, cluster: { server } });
  const context = (name: string) => ({ name, context: { cluster: name, user: 'nobody' } });
  writeFileSync(
    kubeconfig,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [cluster('here', url), cluster('elsewhere', `http://127.0.0.1:${free}`)],
      users: [{ name: 'nobody', user: {} }],
      contexts: [context('here'), context('elsewhere')],
      'current-context': 'elsewhere',
    }),
  );
});
test.after(() => {
  server.close();
  rmSync(dir, { recursive: true });
});
test.before.each(() => {
  answers = {};
  asked = [];
});

const live = async (namespace = '') =>
  listLive(await connectAsUser({ kubeconfig, context: 'here' }), namespace);
const list = (names: string[], token?: string) => ({
  body: {
    apiVersion: 'ipam.cluster.x-k8s.io/v1beta2',
    kind: 'IPAddressClaimList',
    metadata: { ...(token && { continue: token }) },
    items: names.map((name) => ({ metadata: { name } })),
  },
});
const CLAIMS = '/apis/ipam.cluster.x-k8s.io/v1beta2/ipaddressclaims';

test('pages are followed to the last; lists get their types; managedFields go', async () => {
  answers = {
    [CLAIMS]: (token) => (token === '' ? list(['a', 'b'], 'more') : list(['c'])),
    '/api/v1/nodes': () => ({
      body: {
        kind: 'NodeList',
        apiVersion: 'v1',
        metadata: {},
        items: [
          {
            metadata: {
              name: 'n',
              creationTimestamp: '2026-01-01T00:00:00Z',
              managedFields: [{ manager: 'x' }],
            },
            spec: { podCIDRs: ['10.0.0.0/24'] },
            status: { images: [{ names: ['x'] }] },
          },
        ],
      },
    }),
  };
  const objects = await live();
  assert.equal(
    objects.map(({ apiVersion, kind, metadata }) => [apiVersion, kind, metadata.name]),
    [
      ['ipam.cluster.x-k8s.io/v1beta2', 'IPAddressClaim', 'a'],
      ['ipam.cluster.x-k8s.io/v1beta2', 'IPAddressClaim', 'b'],
      ['ipam.cluster.x-k8s.io/v1beta2', 'IPAddressClaim', 'c'],
      ['v1', 'Node', 'n'],
    ],
  );
  const { metadata, spec, status } = objects[3] as { metadata: object; spec?: object; status?: object };
  assert.equal(metadata, { name: 'n', creationTimestamp: '2026-01-01T00:00:00Z' });
  assert.equal([spec, status], [{ podCIDRs: ['10.0.0.0/24'] }, undefined]);
  assert.equal(
    asked.filter((line) => line.includes('ipaddressclaims')),
    [`GET ${CLAIMS}?limit=500`, `GET ${CLAIMS}?limit=500&continue=more`],
  );
  assert.ok(asked.every((line) => line.startsWith('GET ')));
});

test('a list that outlives its token is read again in one answer', async () => {
  let asks = 0;
  answers = {
    [CLAIMS]: (token) => {
      if (token !== '') return { status: 410, body: { kind: 'Status', message: 'expired' } };
      return ++asks === 1 ? list(['a', 'b'], 'old') : list(['a', 'b', 'c']);
    },
  };
  assert.equal(
    (await live()).map(({ metadata }) => metadata.name),
    ['a', 'b', 'c'],
  );
});

test('an older Cluster API is read as it is', async () => {
  answers = { [CLAIMS.replace('v1beta2', 'v1beta1')]: () => list(['old']) };
  assert.equal(
    (await live()).map(({ metadata }) => metadata.name),
    ['old'],
  );
});

test('one namespace: only namespaced kinds, and only there', async () => {
  answers = { [CLAIMS.replace('v1beta2/', 'v1beta2/namespaces/team-a/')]: () => list(['mine']) };
  assert.equal(
    (await live('team-a')).map(({ metadata }) => metadata.name),
    ['mine'],
  );
  assert.ok(
    asked.every((line) => line.includes('/namespaces/team-a/')),
    asked.join('\n'),
  );
});

test('errors: no right, no such context, no answer', async () => {
  const message = 'ipaddressclaims is forbidden: User "x" cannot list resource';
  answers = { [CLAIMS]: () => ({ status: 403, body: { kind: 'Status', message } }) };
  const fails = async (attempt: Promise<unknown>) => {
    const error = await attempt.then(
      () => undefined,
      (reason: Error) => reason,
    );
    return `${error?.name}: ${error?.message}`;
  };
  assert.is(await fails(live()), `InputError: cannot list ipaddressclaims: ${message}`);
  assert.is(
    await fails(connectAsUser({ kubeconfig, context: 'nowhere' })),
    'InputError: --context: there is no nowhere, but here, elsewhere',
  );
  const lost = await fails(connectAsUser({ kubeconfig, context: '' }).then((config) => listLive(config, '')));
  assert.match(lost, /^InputError: cannot list \w+: .*ECONNREFUSED/);
  assert.match(
    await fails(connectAsUser({ kubeconfig: join(dir, 'none'), context: '' })),
    'cannot read the kubeconfig',
  );
});

test('a server that is no API server is told from one', async () => {
  const argv = ['--kubeconfig', kubeconfig, '--context', 'here'];
  for (const body of [{}, null, [], 'ok', { kind: 'List', items: [null] }, { kind: 'List', items: [{}] }]) {
    answers = Object.fromEntries(
      ['/version', '/apis/ipam.cluster.x-k8s.io', '/api/v1/nodes'].map((path) => [path, () => ({ body })]),
    );
    for (const command of [['show'], ['show', '--watch'], ['doctor']]) {
      const { code, err } = await run(main, [...command, ...argv]);
      assert.is(code, 1, `${command} of ${JSON.stringify(body)}`);
      assert.match(
        err,
        /^metaipam \w+: .*: http:.* (answered with no|does not say) .*: is it an API server\? .*--context/m,
      );
    }
  }
});

test('one that has too much to do is asked again', async () => {
  let asks = 0;
  const busy = { status: 429, body: { kind: 'Status', message: 'too many requests' } };
  answers = { [CLAIMS]: () => (++asks === 1 ? busy : list(['a'])) };
  assert.is((await live()).length, 1);
  assert.is(asks, 2);
});

test('what a cluster says cannot drive the terminal of doctor', async () => {
  answers = { '/version': () => ({ body: { gitVersion: 'v1.20.0\u001b[2J' } }) };
  const { out } = await run(main, ['doctor', '--kubeconfig', kubeconfig, '--context', 'here']);
  assert.match(out, 'v1.20.0\ufffd[2J');
});

test('show and check say once that metaipam is not installed', async () => {
  const argv = ['--kubeconfig', kubeconfig, '--context', 'here'];
  const NOT_INSTALLED = /^warning: metaipam is not installed in this cluster, .*\n$/;
  const node = (name: string) => ({ metadata: { name, uid: name }, spec: { podCIDRs: ['10.244.0.0/24'] } });
  const nodes = { kind: 'NodeList', apiVersion: 'v1', metadata: {}, items: ['a', 'b'].map(node) };
  answers = { '/api/v1/nodes': () => ({ body: nodes }) };
  assert.match((await run(main, ['show', ...argv])).err, NOT_INSTALLED);
  const { code, err } = await run(main, ['check', ...argv, '--recheck', '0s']);
  assert.is(code, 2, 'so it has looked twice');
  assert.match(err, NOT_INSTALLED);

  answers = { '/version': () => ({ body: { gitVersion: 'v1.36.3' } }) };
  const text: string[] = [];
  const stderr = { write: (more: string) => text.push(more) };
  const options = parseOptions(SOURCE_OPTIONS, argv, {}).values;
  const source = await openSource(options, { env: {}, stderr } as object as Io);
  for await (const _ of source.watch!()) break;
  assert.match(text.join(''), NOT_INSTALLED);

  const slices = { kind: 'AllocationSliceList', apiVersion: 'metaipam.io/v1alpha1', metadata: {}, items: [] };
  answers = { '/apis/metaipam.io/v1alpha1/allocationslices': () => ({ body: slices }) };
  assert.is((await run(main, ['show', ...argv])).err, '');
});

test.run();
