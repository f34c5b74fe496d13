import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parent } from '../../hooks/pools.ts';
import { hookCommand } from '../../lib/cli/hook.ts';
import type { HookContext } from '../../lib/metacontroller/hook.ts';
import { run } from './run.ts';

const { run: hook } = hookCommand(async () => ({
  pools: {
    parent,
    sync: ({ parent }: { parent: { metadata: object } }, context: HookContext) => ({
      context,
      ...parent.metadata,
    }),
    customize: () => ({ relatedResources: [] }),
  },
}));
const request = (metadata: object) =>
  JSON.stringify({
    parent: { apiVersion: 'ipam.cluster.x-k8s.io/v1alpha2', kind: 'InClusterIPPool', metadata },
    children: {},
    related: {},
  });
const stdin = request({ name: 'p' });

test('answers the request on stdin, at the time and with the configuration it is told', async () => {
  const argv = [
    'pools/sync',
    '--now',
    '2026-01-31T12:00:00+01:00',
    '--install-namespace=home',
    '--watch-clusters=0',
  ];
  const { code, out, err } = await run(hook, argv, { stdin, env: { METAIPAM_CACHE_LAG: '1m30s' } });
  assert.is(err, '');
  assert.is(code, 0);
  const { context, name } = JSON.parse(out);
  assert.is(name, 'p');
  assert.equal(context, {
    now: Date.UTC(2026, 0, 31, 11),
    config: {
      installNamespace: 'home',
      clusterApiVersion: 'v1beta2',
      watchClusters: false,
      watchServiceCIDRs: false,
      cacheLagSeconds: 90,
    },
  });
});

test('a fixture is taken as it stands, with its time and configuration', async () => {
  const parent = {
    apiVersion: 'ipam.cluster.x-k8s.io/v1alpha2',
    kind: 'InClusterIPPool',
    metadata: { name: 'p' },
  };
  const fixture = JSON.stringify({
    description: 'A pool.',
    now: '2026-06-01T12:00:00Z',
    config: { installNamespace: 'ipam' },
    request: { parent },
    response: {},
  });
  const { code, out } = await run(hook, ['pools/sync'], { stdin: fixture });
  assert.is(code, 0);
  const { context } = JSON.parse(out);
  assert.is(context.now, Date.UTC(2026, 5, 1, 12));
  assert.is(context.config.installNamespace, 'ipam');
  assert.is(context.config.cacheLagSeconds, 30);
  const told = await run(hook, ['pools/sync', '--now', '2026-07-01T00:00:00Z'], { stdin: fixture });
  assert.is(JSON.parse(told.out).context.now, Date.UTC(2026, 6, 1));
});

test('the current time unless told', async () => {
  const before = Date.now();
  const { context } = JSON.parse((await run(hook, ['pools/sync'], { stdin })).out);
  assert.ok(context.now >= before && context.now <= Date.now());
});

test('compact in a pipe, indented on a terminal or with --pretty', async () => {
  const customize = ['pools/customize'];
  assert.is((await run(hook, customize, { stdin })).out, '{"relatedResources":[]}\n');
  const pretty = '{\n  "relatedResources": []\n}\n';
  assert.is((await run(hook, customize, { stdin, isTTY: true })).out, pretty);
  assert.is((await run(hook, [...customize, '--pretty'], { stdin })).out, pretty);
  assert.is(
    (await run(hook, [...customize, '--pretty=false'], { stdin, isTTY: true })).out,
    '{"relatedResources":[]}\n',
  );
});

test('a request is read however it was saved', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'hook-'));
  const file = join(folder, 'request.json');
  const asked = () => run(hook, ['pools/customize', '-f', file]);
  for (const bytes of [`\ufeff${stdin}`, Buffer.from(`\ufeff${stdin}`, 'utf16le'), gzipSync(stdin)]) {
    writeFileSync(file, bytes);
    assert.equal(await asked(), { code: 0, out: '{"relatedResources":[]}\n', err: '' });
  }
  writeFileSync(file, Buffer.from(stdin.replace('"p"', '"\u00fc"'), 'latin1'));
  assert.is((await asked()).err, `metaipam hook: ${file}: is no text in UTF-8; save it as UTF-8\n`);
  rmSync(folder, { recursive: true });
});

test('reads a file, and names it in errors', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'hook-'));
  const file = join(folder, 'request.json');
  writeFileSync(file, stdin);
  assert.is((await run(hook, ['pools/customize', '-f', file])).code, 0);
  writeFileSync(file, request({}));
  const { code, err } = await run(hook, ['pools/sync', '-f', file]);
  assert.is(code, 1);
  assert.is(err, `metaipam hook: ${file}: parent.metadata.name must be a string, found nothing\n`);
  const missing = await run(hook, ['pools/sync', '-f', join(folder, 'missing')]);
  assert.is(missing.code, 1);
  assert.is(missing.err, `metaipam hook: ${join(folder, 'missing')}: no such file or folder\n`);
  const { err: ofFolder } = await run(hook, ['pools/sync', '-f', folder]);
  assert.is(ofFolder, `metaipam hook: ${folder}: is a folder\n`);
  rmSync(folder, { recursive: true });
});

const mistakes: [argv: string[], stdin: string, message: string][] = [
  [[], stdin, 'which hook? One of pools/sync, pools/customize'],
  [['pools/snc'], stdin, 'unknown hook pools/snc (did you mean pools/sync?)'],
  [['pools/finalize'], stdin, 'unknown hook pools/finalize'],
  [['pools/sync', 'pools/customize'], stdin, 'one hook at a time'],
  [
    ['pools/sync', '--now=yesterday'],
    stdin,
    '--now: "yesterday" must be a time such as 2026-01-31T12:00:00Z',
  ],
  [['pools/sync', '--now=2026-13-31T12:00:00Z'], stdin, '--now'],
  [['pools/sync'], '{', '<stdin>: invalid JSON at position 1 (line 1, column 2)'],
  [['pools/sync'], '', '<stdin>: the request body is empty'],
];
for (const [argv, stdin, message] of mistakes) {
  test(`exit 1: hook ${argv.join(' ')} < ${stdin.slice(0, 10)}`, async () => {
    const { code, out, err } = await run(hook, argv, { stdin });
    assert.is(code, 1);
    assert.is(out, '');
    assert.match(err, message);
  });
}

test.run();
